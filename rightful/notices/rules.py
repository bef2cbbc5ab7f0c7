"""What a notice is, when two of them differ, and who has to be asked again.

A notice has three layers: one sentence per purpose; the details of each; the full legal text. Every
line has a key that stays the same between versions and languages, so that two notices are compared
line by line, and a customer reads what is new, gone and changed.

Easy to get wrong: a consent stays bound to the text it was given on. A change that only takes
something away leaves nothing to ask for; one that adds a recipient or a category does, once. A question
that was closed without an answer stays closed until there is another change.

Sources: GDPR Art. 4(11), 7(1), 7(2), 12(1), 13(3); EDPB Guidelines 05/2020 (no nagging: 13, 107-110);
cases S04, S05, S06, AC-056; Björnsson, Läsbarhet (1968), for LIX.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rightful.ledger.canonical import canonical

FORMAT = 1
SHORT, DETAILS, LEGAL = "short", "details", "legal"
ISOLATE, END_ISOLATE = "\u2068", "\u2069"
"""Around words of another direction inside a sentence that runs from right to left (Unicode UAX 9)."""


# --- a notice -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Words:
    """The tables of one language: sentence frames, and country codes with their names."""

    language: str
    frames: Mapping[str, str]
    countries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence or two. `language` is set where the words could not be translated; `article` is what
    asks for the line; `cite` and `link` name the law for the reader."""

    key: str
    text: str
    label: str = ""
    language: str = ""
    article: str = ""
    cite: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A heading with lines and smaller parts. `purpose` is set where it speaks of one."""

    id: str
    title: str
    lines: tuple[Line, ...] = ()
    parts: tuple[Part, ...] = ()
    purpose: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in one language: what it says, and nothing that changes without it (no date, no label)."""

    language: str
    direction: str
    title: str
    parts: tuple[Part, ...]
    remark: str = ""
    untranslated: tuple[str, ...] = ()

    def part(self, layer: str) -> Part:
        return next(part for part in self.parts if part.id == layer)

    def lines(self) -> Iterator[tuple[tuple[Part, ...], Line]]:
        """Every line with the parts it stands in, outermost first."""
        for part in self.parts:
            yield from _lines(part, ())


def _lines(part: Part, above: tuple[Part, ...]) -> Iterator[tuple[tuple[Part, ...], Line]]:
    path = (*above, part)
    for line in part.lines:
        yield path, line
    for inner in part.parts:
        yield from _lines(inner, path)


def as_document(notice: Notice) -> dict[str, Any]:
    """The notice as plain JSON, as it is kept."""
    document: dict[str, Any] = {"format": FORMAT, **asdict(notice)}
    return document


def from_document(document: Mapping[str, Any]) -> Notice:
    """A kept notice.

    Raises:
        ValueError: it has another format.
    """
    if document["format"] != FORMAT:
        raise ValueError("another format")
    return Notice(
        document["language"],
        document["direction"],
        document["title"],
        tuple(_part_from(part) for part in document["parts"]),
        document["remark"],
        tuple(document["untranslated"]),
    )


def _part_from(part: Mapping[str, Any]) -> Part:
    return Part(
        part["id"],
        part["title"],
        tuple(Line(**line) for line in part["lines"]),
        tuple(_part_from(inner) for inner in part["parts"]),
        part["purpose"],
        part["language"],
    )


def digest_of(notice: Notice) -> str:
    """SHA-256 of everything a notice says, in hex: the same content has the same digest."""
    return hashlib.sha256(canonical(as_document(notice))).hexdigest()


def wording(notice: Notice, purpose: str) -> str:
    """What a customer is shown about one purpose: its sentence, then its details, one line each; "" if nothing."""
    found = []
    for path, line in notice.lines():
        if path[0].id in (SHORT, DETAILS) and any(part.purpose == purpose for part in path):
            found.append(f"{line.label}: {line.text}" if line.label else line.text)
    return "\n".join(found)


# --- two notices --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One line that differs. `kind` is new, gone or changed; `where` names the parts it stands in."""

    kind: str
    where: tuple[str, ...]
    label: str
    before: str = ""
    after: str = ""
    purpose: str = ""


def compare(old: Notice, new: Notice) -> tuple[Change, ...]:
    """What differs, in the order of the newer notice; what is gone stands at the end.

    A purpose that came or went is told once, by its sentence, and not again by its lines in every layer.
    """
    before = {(_place(path), line.key): (path, line) for path, line in old.lines()}
    after = {(_place(path), line.key): (path, line) for path, line in new.lines()}
    came, went = _purposes(new) - _purposes(old), _purposes(old) - _purposes(new)
    found = []
    for at, (path, line) in after.items():
        if at in before:
            was = before[at][1]
            if (was.text, was.label) != (line.text, line.label):
                found.append(Change("changed", _where(path), line.label, was.text, line.text, _purpose_of(path)))
        elif _told_once(path, line, came):
            found.append(Change("new", _where(path), line.label, "", line.text, _purpose_of(path)))
    for at, (path, line) in before.items():
        if at not in after and _told_once(path, line, went):
            found.append(Change("gone", _where(path), line.label, line.text, "", _purpose_of(path)))
    return tuple(found)


def _place(path: tuple[Part, ...]) -> tuple[str, ...]:
    return tuple(part.id for part in path)


def _where(path: tuple[Part, ...]) -> tuple[str, ...]:
    return tuple(part.title for part in path)


def _purpose_of(path: tuple[Part, ...]) -> str:
    return next((part.purpose for part in path if part.purpose), "")


def _purposes(notice: Notice) -> frozenset[str]:
    return frozenset(part.purpose for path, _ in notice.lines() for part in path if part.purpose)


def _told_once(path: tuple[Part, ...], line: Line, moved: Collection[str]) -> bool:
    purpose = _purpose_of(path) or line.key.partition("/")[0]
    return purpose not in moved or path[0].id == DETAILS


# --- who has to be asked again ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Agreed:
    """A consent that is in force, and the notice it was given on."""

    purpose: str
    channel: str
    notice: str


@dataclass(frozen=True, slots=True)
class Question:
    """A consent that does not cover what the newest notice describes: the customer is asked once.

    `old` is the notice the consent stays bound to; `material` identifies the change.
    """

    purpose: str
    channels: tuple[str, ...]
    old: str
    new: str
    material: str
    categories: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()


Terms = Mapping[str, Mapping[str, Any]]


def material_of(purpose: str, terms: Mapping[str, Any]) -> str:
    """SHA-256 of what a consent is bound to: purpose, categories, recipients; order does not matter."""
    bound = {
        "purpose": purpose,
        "categories": sorted(terms["categories"]),
        "recipients": sorted(terms["recipients"]),
    }
    return hashlib.sha256(canonical(bound)).hexdigest()


def needs_reconsent(
    agreed: Collection[Agreed],
    terms: Mapping[str, Terms],
    newest: str,
    closed: Collection[tuple[str, str]],
    *,
    category_of: Mapping[str, str] | None = None,
    resting: Collection[str] = (),
) -> tuple[Question, ...]:
    """The questions that are open for one customer.

    Args:
        agreed: consents in force.
        terms: label -> purpose -> {"categories", "recipients", ...} of every notice.
        newest: the notice that is shown now.
        closed: (purpose, notice) of questions the customer closed without an answer.
        category_of: field -> category, so that a field of a category that was agreed to is nothing new.
        resting: purposes for which nobody is asked at the moment.

    Returns:
        One question per purpose, in the order of the newest notice. Nothing where the newest notice only
        takes something away, where the purpose is no longer pursued, or where the very same change was
        closed before, whatever its notice is called.
    """
    now = terms.get(newest, {})
    shut = {(p, material_of(p, terms[label][p])) for p, label in closed if p in terms.get(label, {})}
    found: dict[str, Question] = {}
    for consent in sorted(agreed, key=lambda one: (one.purpose, one.channel)):
        was = terms.get(consent.notice, {}).get(consent.purpose)
        told = now.get(consent.purpose)
        if was is None or told is None or consent.purpose in resting:
            continue
        material = material_of(consent.purpose, told)
        more = _beyond(was["categories"], told["categories"], category_of or {})
        others = tuple(sorted(set(told["recipients"]) - set(was["recipients"])))
        if not (more or others) or (consent.purpose, material) in shut:
            continue
        known = found.get(consent.purpose)
        channels = (*known.channels, consent.channel) if known else (consent.channel,)
        old = known.old if known else consent.notice
        more = tuple(sorted({*more, *(known.categories if known else ())}))
        others = tuple(sorted({*others, *(known.recipients if known else ())}))
        found[consent.purpose] = Question(consent.purpose, channels, old, newest, material, more, others)
    return tuple(found[purpose] for purpose in now if purpose in found)


def _beyond(old: Collection[str], new: Collection[str], category_of: Mapping[str, str]) -> tuple[str, ...]:
    covered = set(old)
    return tuple(sorted(item for item in set(new) - covered if category_of.get(item) not in covered))


# --- how hard a text is to read -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Readability:
    """LIX of a text: words per sentence plus the percentage of words over six letters.

    A number to compare versions of one notice in one language with. It says nothing about whether a
    text is true or complete, and its bands were found for Swedish prose: in German, with its long
    words, and in Arabic, with its short ones, the same text has another number.
    """

    lix: int
    words: int
    sentences: int
    long_words: int
    meaning: str


BANDS = ((25, "very easy"), (35, "easy"), (45, "medium"), (55, "difficult"), (10_000, "very difficult"))
"""LIX bands: Björnsson (1968); 25, 35, 45 and 55 as in Anderson, Lix and Rix (1983)."""
LONG_WORD = 6
_WORD = re.compile(r"[^\W_]+(?:['’.@-][^\W_]+)*")
_END = re.compile(r"[.!?؟。]+(?=\s|$)|\n+")


def readability(text: str) -> Readability:
    """How hard a text is to read, by a measure that needs no dictionary."""
    plain = unicodedata.normalize("NFC", "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Cf")))
    words = _WORD.findall(plain)
    sentences = sum(1 for piece in _END.split(plain) if _WORD.search(piece))
    long_words = sum(len(word) > LONG_WORD for word in words)
    if not words:
        return Readability(0, 0, 0, 0, BANDS[0][1])
    lix = round(len(words) / sentences + 100 * long_words / len(words))
    return Readability(lix, len(words), sentences, long_words, next(says for top, says in BANDS if lix < top))


def running_text(notice: Notice, layer: str = "") -> str:
    """The sentences of a notice, or of one layer of it, without labels and headings."""
    return "\n".join(line.text for path, line in notice.lines() if not layer or path[0].id == layer)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a notice is in its own language."""

    language: str
    lines: int
    untranslated: tuple[str, ...] = field(default=())


def coverage(notice: Notice) -> Coverage:
    return Coverage(notice.language, sum(1 for _ in notice.lines()), notice.untranslated)


__all__: Sequence[str] = (
    "DETAILS",
    "LEGAL",
    "SHORT",
    "Agreed",
    "Change",
    "Coverage",
    "Line",
    "Notice",
    "Part",
    "Question",
    "Readability",
    "Words",
    "as_document",
    "compare",
    "coverage",
    "digest_of",
    "from_document",
    "material_of",
    "needs_reconsent",
    "readability",
    "running_text",
    "wording",
)
