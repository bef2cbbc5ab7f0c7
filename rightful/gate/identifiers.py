"""Which values name one person, and where they stand in a text, in whatever spelling.

A customer's rows hold e-mail addresses, telephone numbers, checked numbers (IBAN,
tax, insurance) and a name. Each becomes an `Identifier`: needles that a database can
look for quickly, and one expression that finds it exactly.

Easy to get wrong: `ANA@x.com`, `ana%40x.com` and full-width letters are one address;
0151 2345678 and +49 (151) 234-5678 are one number; a first name alone names nobody;
digits inside a longer number are not a telephone number; `ana@x.com` does not stand in
`joana@x.com`.

Sources: RFC 5321, 5322; ITU-T E.164 (through `phonenumbers`); ISO 13616 and others
(through `python-stdnum`); Unicode TR 15.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

Kind = Literal["email", "phone", "number", "name", "key", "family"]

ERASED = "[erased]"
_AT = r"(?:@|%40|\\u0040|&#64;|&commat;|\s?[\[(]at[\])]\s?)"
_AT_COMPACT = ("", "40", "u0040", "64", "commat", "at")
_EMAIL = re.compile(r"[^\s@<>,;:\"'()\[\]]+@[^\s@<>,;:\"'()\[\]]+\.[^\s@<>,;:\"'()\[\].]+")
_COMPACT = re.compile(r"[^0-9a-z]")
_SEPARATOR = r"[\s().\-/\u2010-\u2015]*"
SHORTEST_FAMILY = 4
MOST_COMPATIBLE = "[\uff01-\uff5e\u2100-\u214f\ufb00-\ufb4f\u00aa\u00ba\u2070-\u209f]"
"""Characters that stand for others (full-width, ligatures): texts with them are read one by one."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PHONE_WORDS = _words("phone mobile cell tel telephone telefon fax handy whatsapp sms telefone movil")
NUMBER_WORDS = _words(
    "iban vat ssn nif nie dni passport tax national insurance account card license licence steuer "
    "personal sozial svnr nino bsn cpf pesel identity identification"
)
FIRST_WORDS = _words("first given fore vorname prenom nombre firstname givenname forename")
LAST_WORDS = _words("last family sur nachname surname lastname familyname apellido nom sobrenome")
FULL_WORDS = _words("name fullname displayname customername contactname")
NOT_NAMES = _words("user login company file product event city street country account table host domain")


@dataclass(frozen=True, slots=True)
class Identifier:
    """One way to name a person.

    Attributes:
        value: in normal form.
        needles: a text that holds this identifier holds one of these, once it is lower case and
            everything but ASCII letters and digits is taken out.
        plain: looked for as it is, in lower case (names that are not written in ASCII letters).
        pattern: finds it in a text in NFKC form, without regard to case.
        unique: nobody else is named so, as far as the store knows.
    """

    kind: Kind
    value: str
    needles: tuple[str, ...]
    plain: tuple[str, ...]
    pattern: str
    unique: bool = True


@dataclass(frozen=True, slots=True)
class Occurrence:
    """Where an identifier stands in a text (in its NFKC form)."""

    start: int
    end: int
    identifier: Identifier


def words_of(name: str) -> tuple[str, ...]:
    """A name's words in small letters: `customerId`, `customer_id` and `CUSTOMER-ID` are the same."""
    return tuple(word.lower() for word in _WORDS.findall(name))


_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")


def normal(text: str) -> str:
    """NFKC and lower case, without white space around it: the form in which addresses are compared."""
    return unicodedata.normalize("NFKC", text).strip().casefold()


def compact(text: str) -> str:
    """Lower-case ASCII letters and digits only: what the store is asked to compare."""
    return _COMPACT.sub("", text.lower())


def email(value: str) -> Identifier | None:
    """The identifier of an e-mail address; None if it is none."""
    text = unicodedata.normalize("NFKC", value).strip()
    if not _EMAIL.fullmatch(text):
        return None
    local, _, domain = text.rpartition("@")
    domain = _ascii_domain(domain) or domain.casefold()
    local = local.casefold()
    needles = {compact(form(local)) + at + compact(domain) for at in _AT_COMPACT for form in _FORMS}
    _, plus, _ = local.partition("+")
    if not plus:
        needles |= {compact(form(local)) for form in _FORMS if len(compact(form(local))) >= 5}
    found = rf"(?<![\w.+\-%]){re.escape(local)}(?:\+[\w.\-]*)?{_AT}{re.escape(domain)}(?![\w\-]|\.\w)"
    return Identifier("email", f"{local}@{domain}", tuple(sorted(n for n in needles if n)), (), found)


def phone(value: str, region: str = "") -> Identifier | None:
    """The identifier of a telephone number; `region` (ISO 3166) reads numbers without a country."""
    import phonenumbers

    text = unicodedata.normalize("NFKC", value).strip()
    digits = re.sub(r"\D", "", text)
    if len(digits) < 6 or re.search(r"[A-Za-z]", re.sub(r"(?i)\b(ext|tel|fax|mobile|phone)\b\.?", "", text)):
        return None
    national, country = digits.lstrip("0"), ""
    try:
        parsed = phonenumbers.parse(text, region or None)
        if phonenumbers.is_possible_number(parsed):
            national, country = str(parsed.national_number), str(parsed.country_code)
    except phonenumbers.NumberParseException:
        pass
    if len(national) < 6:
        return None
    spelled = _SEPARATOR.join(national)
    prefix = rf"(?:(?:\+|00){_SEPARATOR}\d{{0,3}}{_SEPARATOR}|\(?0\)?{_SEPARATOR})*"
    if country:
        prefix = rf"(?:(?:\+|00)?{_SEPARATOR}{country}{_SEPARATOR})?(?:\(?0\)?{_SEPARATOR})?"
    found = rf"(?<![\d])(?<!\d[.\-]){prefix}{spelled}(?!\d)"
    return Identifier("phone", (f"+{country}" if country else "") + national, (national,), (), found)


def number(value: str) -> Identifier | None:
    """The identifier of an official number (IBAN, tax, insurance): six or more letters and digits, some digits."""
    text = compact(unicodedata.normalize("NFKC", value))
    if len(text) < 6 or sum(c.isdigit() for c in text) < 4:
        return None
    found = rf"(?<![0-9A-Za-z]){_SEPARATOR.join(map(re.escape, text))}(?![0-9A-Za-z])"
    return Identifier("number", text, (text,), (), found)


def full_name(*parts: str) -> Identifier | None:
    """The identifier of a name of at least two words, in either order; a single word names nobody."""
    words = [w for part in parts for w in re.split(r"[\s,]+", unicodedata.normalize("NFKC", part).strip()) if w]
    if len(words) < 2 or sum(map(len, words)) < 5:
        return None
    orders = [words, [*words[-1:], *words[:-1]]]
    patterns = [r"[\s,._\-\u00a0]+".join(map(re.escape, order)) for order in orders]
    needles = {compact(form("".join(order).casefold())) for order in orders for form in _FORMS}
    plain: tuple[str, ...] = ()
    if not all(len(compact(w)) >= 2 for w in words):
        plain = tuple(sorted({form(" ".join(words).lower()) for form in _FORMS}))
        needles = {n for n in needles if len(n) >= 5}
    found = rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)"
    return Identifier("name", " ".join(words).casefold(), tuple(sorted(needles)), plain, found)


def family_names(values: Mapping[str, object]) -> tuple[Identifier, ...]:
    """The family names in one person's row. Such a word alone names nobody: what holds it is for somebody to look at.

    Where a name stands in one column, its last word is taken, or what stands before a comma. Names of fewer than
    four letters are left out: they are parts of too many words.
    """
    found: dict[str, None] = {}
    for column, value in values.items():
        if not isinstance(value, str) or not value.strip() or len(value) > 120:
            continue
        words = frozenset(words_of(column))
        joined = frozenset({"".join(words_of(column))})
        text = unicodedata.normalize("NFKC", value).strip()
        if (words | joined) & LAST_WORDS and not words & NOT_NAMES:
            found[text] = None
        elif (words | joined) & FULL_WORDS and not words & NOT_NAMES and full_name(text):
            before, comma, _ = text.partition(",")
            found[before.strip() if comma else text.split()[-1]] = None
    return tuple(
        Identifier(
            "family",
            name.casefold(),
            (),
            tuple(sorted({form(name.lower()) for form in _FORMS})),
            rf"(?<!\w){re.escape(name)}(?!\w)",
            unique=False,
        )
        for name in found
        if len(name) >= SHORTEST_FAMILY and not name.isdigit()
    )


def distinctive_key(value: str) -> Identifier | None:
    """The customer's key, if it is a word of its own (letters and digits, not a small number)."""
    text = value.strip()
    if len(text) < 4 or text.isdigit() or not any(c.isdigit() for c in text) or "@" in text:
        return None
    found = rf"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])"
    return Identifier("key", text.casefold(), (compact(text),), (), found)


def of_row(values: Mapping[str, object], *, region: str = "", kinds: Iterable[Kind] = ()) -> tuple[Identifier, ...]:
    """Every identifier that the fields of one person's row hold.

    Args:
        values: column -> value. Names of columns say what may be a telephone number, a number, a name.
        kinds: only these; empty: all.
    """
    found: dict[tuple[str, str], Identifier] = {}

    def note(identifier: Identifier | None) -> None:
        if identifier is not None and (not kinds or identifier.kind in tuple(kinds)):
            found.setdefault((identifier.kind, identifier.value), identifier)

    first = last = ""
    for column, value in values.items():
        if not isinstance(value, str) or not value.strip():
            continue
        words = frozenset(words_of(column))
        joined = frozenset({"".join(words_of(column))})
        if len(value) <= 320 and "@" in unicodedata.normalize("NFKC", value):
            note(email(value))
        elif words & PHONE_WORDS or value.lstrip().startswith("+"):
            note(phone(value, region))
        elif words & NUMBER_WORDS or _checked(value):
            note(number(value))
        if (words | joined) & FIRST_WORDS:
            first = first or value
        elif (words | joined) & LAST_WORDS:
            last = last or value
        elif (words | joined) & FULL_WORDS and not words & NOT_NAMES and len(value) <= 120:
            note(full_name(value))
    if first and last:
        note(full_name(first, last))
    return tuple(found.values())


def occurrences(text: str, identifiers: Sequence[Identifier]) -> tuple[Occurrence, ...]:
    """Where these identifiers stand, in the order of the text; overlapping ones once, the longest first."""
    plain = unicodedata.normalize("NFKC", text)
    found = [
        Occurrence(match.start(), match.end(), identifier)
        for identifier in identifiers
        for match in _expression(identifier.pattern).finditer(plain)
    ]
    kept: list[Occurrence] = []
    for hit in sorted(found, key=lambda o: (o.start, -o.end)):
        if not kept or hit.start >= kept[-1].end:
            kept.append(hit)
    return tuple(kept)


def redact(text: str, identifiers: Sequence[Identifier], *, word: str = ERASED) -> str:
    """The text without these identifiers. It is in NFKC form if it held characters that stand for others."""
    hits = occurrences(text, identifiers)
    if not hits:
        return text
    plain = unicodedata.normalize("NFKC", text)
    parts, at = [], 0
    for hit in hits:
        parts += [plain[at : hit.start], word]
        at = hit.end
    return "".join((*parts, plain[at:]))


@lru_cache(maxsize=4096)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _nfd(text: str) -> str:
    return unicodedata.normalize("NFD", text)


_FORMS: tuple[Callable[[str], str], ...] = (_nfc, _nfd)


def _ascii_domain(domain: str) -> str:
    """The domain as it is spelled in mail (IDNA), if the validator accepts it."""
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(f"x@{domain}", check_deliverability=False, test_environment=True).domain.casefold()
    except EmailNotValidError:
        return ""


def _checked(value: str) -> bool:
    """Whether the value is a number with a check that holds: by chance one in a hundred would be, or fewer."""
    from stdnum import iban, luhn

    text = compact(value)
    if len(text) < 8 or len(value) > 42:
        return False
    if iban.is_valid(text.upper()):
        return True
    return len(text) >= 13 and text.isdigit() and luhn.is_valid(text) and not value.isdigit()
