"""What a test written beside the policy asks, and what it expects.

A test reads as one line: in this situation (`given`), may this role, for this
purpose, over this channel, have this field, to be sent to this recipient (`ask`)?
The answer that is expected names the outcome and, if it matters, the reason.

Easy to get wrong: a word with a dot is a field, a word without one is a channel;
an empty situation is a customer about whom nothing is known but that they exist.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from rightful.terms import DIRECT_MARKETING, LawfulBasis, Outcome

CONSENT_WORDS = (
    "given",
    "refused",
    "withdrawn",
    "expired",
    "deferred",
    "pre-ticked",
    "unproven",
    "guardian-given",
    "soft-opt-in",
)
"""What may be said about one purpose and channel; each but the last is a state of consent."""
SIGNALS = ("gpc",)
GIVEN_KEYS = (
    "consent",
    "lives",
    "signal",
    "opted-out",
    "erasure",
    "objection",
    "restriction",
    "born",
    "age",
    "informed",
)
ALL = "all"
ASK_EXAMPLE = '"marketer newsletter email customer.email to mailer"'
EXPECT_EXAMPLE = '"allow", "allow contract", "deny consent_withdrawn", "partial field_not_needed"'


class NotUnderstood(ValueError):
    """A part of a test that says nothing. `path` leads to it, `word` is what was not known."""

    def __init__(self, what: str, *, path: Sequence[str | int] = (), word: str = "", known: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.path = tuple(path)
        self.word = word
        self.known = tuple(known)


@dataclass(frozen=True, slots=True)
class Question:
    """One question to the gate. `fields` None means every field the purpose needs."""

    role: str
    purpose: str
    channel: str = ""
    fields: tuple[str, ...] | None = None
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class Expectation:
    """The answer that should come: the outcome, with a reason code or the lawful basis it rests on."""

    outcome: Outcome
    code: str = ""
    basis: LawfulBasis | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known about the customer of a test.

    Attributes:
        consent: (purpose, channel) -> one of CONSENT_WORDS; channel "" for a purpose without channels.
        lives: ISO 3166 code, "" if unknown.
        signals: signals the customer's browser sent.
        objections: purposes, or `direct-marketing` for all of them.
        restriction: fields and categories, or `all` for the whole record (GDPR 18).
        born, age: birth date, or full years on the day of the test; None if unknown.
        informed: whether the newest notice was shown; None leaves it to the runner (yes).
    """

    consent: Mapping[tuple[str, str], str] = field(default_factory=dict)
    lives: str = ""
    signals: tuple[str, ...] = ()
    opted_out: bool = False
    erased: bool = False
    objections: frozenset[str] = frozenset()
    restriction: frozenset[str] = frozenset()
    born: date | None = None
    age: int | None = None
    informed: bool | None = None


def question(text: str) -> Question:
    """Read `role purpose [channel] [field ...] [to recipient]`.

    Raises:
        NotUnderstood: too few or too many words, or words in another order.
    """
    words = text.replace(",", " ").split()
    recipient = ""
    if "to" in words:
        cut = words.index("to")
        if len(words) != cut + 2:
            raise NotUnderstood(f'after "to" stands one recipient, at the end; write for example {ASK_EXAMPLE}')
        recipient = words[cut + 1]
        words = words[:cut]
    if len(words) < 2:
        raise NotUnderstood(f"a question names a role and a purpose; write for example {ASK_EXAMPLE}")
    role, purpose, *rest = words
    if "." in role or "." in purpose:
        raise NotUnderstood(f"a question starts with a role and a purpose; write for example {ASK_EXAMPLE}")
    channel = rest.pop(0) if rest and "." not in rest[0] else ""
    odd = [word for word in rest if "." not in word]
    if odd:
        raise NotUnderstood(f'"{odd[0]}" is no field (table.column); write for example {ASK_EXAMPLE}')
    if len(set(rest)) != len(rest):
        raise NotUnderstood("a field is asked for twice")
    return Question(role, purpose, channel, tuple(rest) or None, recipient)


def expectation(text: str) -> Expectation:
    """Read `allow|partial|deny [reason code | lawful basis]`.

    Raises:
        NotUnderstood: another outcome, or a second word that is neither.
    """
    words = text.split()
    outcomes = [o.value for o in Outcome]
    if not words or words[0] not in outcomes or len(words) > 2:
        raise NotUnderstood(
            f"an answer starts with allow, partial or deny; write for example {EXPECT_EXAMPLE}",
            word=words[0] if words else "",
            known=outcomes,
        )
    outcome = Outcome(words[0])
    if len(words) == 1:
        return Expectation(outcome)
    word = words[1]
    bases = [b.value for b in LawfulBasis]
    if word in bases:
        if outcome is Outcome.DENY:
            raise NotUnderstood(f'a refusal has a reason, not a lawful basis ("{word}")')
        return Expectation(outcome, basis=LawfulBasis(word))
    if outcome is Outcome.ALLOW:
        raise NotUnderstood(f'"{word}" is no lawful basis', word=word, known=bases)
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", word):
        raise NotUnderstood(f'"{word}" is no reason code; write for example {EXPECT_EXAMPLE}')
    return Expectation(outcome, word)


def situation(given: Mapping[str, object]) -> Situation:
    """Read what a test says about its customer.

    Raises:
        NotUnderstood: an unknown key or a value that says nothing; `path` leads to it.
    """
    for key in given:
        if key not in GIVEN_KEYS:
            raise NotUnderstood(f'unknown key "{key}" in given', path=(key,), word=key, known=GIVEN_KEYS)
    born, age = given.get("born"), given.get("age")
    if born is not None and age is not None:
        raise NotUnderstood("say either when the customer was born or how old they are", path=("age",))
    restriction = _names(given, "restriction")
    if ALL in restriction and len(restriction) > 1:
        raise NotUnderstood('"all" already means every field', path=("restriction",))
    return Situation(
        consent=_consent(given.get("consent", {})),
        lives=_place(given.get("lives")),
        signals=tuple(sorted(_known_names(given, "signal", SIGNALS))),
        opted_out=_switch(given, "opted-out") or False,
        erased=_erased(given.get("erasure")),
        objections=_names(given, "objection"),
        restriction=restriction,
        born=_day(born),
        age=_age(age),
        informed=_switch(given, "informed"),
    )


def names_in(ask: Question, seen: Situation) -> tuple[tuple[str, str], ...]:
    """Every declared name a test mentions, as (kind, name), so that a misspelt one is found."""
    found = [("role", ask.role), ("purpose", ask.purpose)]
    if ask.channel:
        found.append(("channel", ask.channel))
    if ask.recipient:
        found.append(("recipient", ask.recipient))
    for purpose, channel in seen.consent:
        found.append(("purpose", purpose))
        if channel:
            found.append(("channel", channel))
    found += [("purpose", name) for name in seen.objections if name != DIRECT_MARKETING]
    return tuple(dict.fromkeys(found))


def _consent(value: object) -> dict[tuple[str, str], str]:
    if not isinstance(value, Mapping):
        raise NotUnderstood("consent is a map: {newsletter/email: given}", path=("consent",))
    found: dict[tuple[str, str], str] = {}
    for key, word in value.items():
        if not isinstance(word, str) or word not in CONSENT_WORDS:
            raise NotUnderstood(
                f'"{word}" is no state of consent; known are {", ".join(CONSENT_WORDS)}',
                path=("consent", str(key)),
                word=str(word),
                known=CONSENT_WORDS,
            )
        purpose, _, channel = str(key).partition("/")
        found[purpose, channel] = word
    return found


def _place(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z]{2}(-[A-Z0-9]{1,3})?", value):
        raise NotUnderstood("lives is an ISO 3166 code such as DE or US-CA", path=("lives",))
    return value


def _erased(value: object) -> bool:
    if value in (None, False):
        return False
    if value in (True, "done"):
        return True
    raise NotUnderstood("erasure is done, or left out", path=("erasure",))


def _switch(given: Mapping[str, object], key: str) -> bool | None:
    value = given.get(key)
    if value is None or isinstance(value, bool):
        return value
    if value in ("yes", "no"):
        return value == "yes"
    raise NotUnderstood(f"{key} is true or false", path=(key,))


def _names(given: Mapping[str, object], key: str) -> frozenset[str]:
    value = given.get(key)
    if value is None:
        return frozenset()
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    for i, name in enumerate(listed):
        if not isinstance(name, str) or not name:
            raise NotUnderstood(f"{key} is a name or a list of names", path=(key, i))
    return frozenset(str(name) for name in listed)


def _known_names(given: Mapping[str, object], key: str, known: Sequence[str]) -> frozenset[str]:
    found = _names(given, key)
    for name in found - frozenset(known):
        raise NotUnderstood(f'"{name}" is no {key}', path=(key,), word=name, known=known)
    return found


def _day(value: object) -> date | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise NotUnderstood("born is a day, written 2008-02-29", path=("born",))


def _age(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 130:
        raise NotUnderstood("age is a whole number of years", path=("age",))
    return value
