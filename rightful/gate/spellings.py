"""In which forms an identifier is kept after an erasure, and asked for when data come in.

Nothing readable is kept, so two spellings of one address are one only if both become the
same form first. Each form is a kind and a text; what is kept of it is a keyed hash
(`gate/gone.py`). A *strong* form means one person. A *weak* one ("the address without its
tag", "the number without its country") means probably the same one: it speaks against
somebody nobody knows, and never against a customer who is there in their own right.

Easy to get wrong: full stops count in addresses of every provider but one; `ana+news@`
reaches `ana@` at most providers and not at all; a number without a country can be
compared only with another without one, or with one that was kept so; a name names many.

Sources: RFC 5321 2.4, RFC 5233 (subaddresses), RFC 5891 (IDNA), ITU-T E.164; Unicode TR 15;
support.google.com/mail/answer/7436150 (full stops in Gmail addresses); abuse case AC-059.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from rightful.gate.identifiers import NUMBER_WORDS, PHONE_WORDS, Identifier, number, words_of

Asked = Literal["key", "email", "phone", "number"]
"""What a value may be taken for."""
Form = tuple[str, str]
"""(kind of form, text)"""

WEAK = frozenset({"key-folded", "email-base", "phone-national", "phone-bare"})

EMAIL_LIKE = "\uff20|\ufe6b|" + r"@|%40|&#64;|&commat;|\\u0040|[\[(]\s*at\s*[\])]"
PHONE_LIKE = r"^\s*(?:tel:)?\s*(?:[+" + "\uff0b]|00|\uff10\uff10)" + r"\s*[(]?\s*[0-9" + "\uff10-\uff19]"
NUMBER_LIKE = r"^\s*[A-Za-z]{2}[ .-]?[0-9]{2}[ .-]?[A-Za-z0-9]{4}"
"""What a value looks like that is worth asking about, in a column whose name says nothing (RE2 and Python)."""

_AT = re.compile(r"&#64;|&commat;|\\u0040|\s*[\[(]\s*at\s*[\])]\s*", re.IGNORECASE)
_PLAIN = re.compile(r"[a-z0-9._%+\-]+@[a-z0-9.\-]+\.[a-z]{2,}")
_EMAIL = re.compile(r"[^\s@<>,;:\"'()\[\]]+@[^\s@<>,;:\"'()\[\]]+\.[^\s@<>,;:\"'()\[\].]+")
_GMAIL = frozenset({"gmail.com", "googlemail.com"})


def asked(column: str, *, key: bool = False) -> tuple[tuple[Asked, str], ...]:
    """What the values of a column may be, and the pattern those have that are worth asking about ("": all)."""
    words = frozenset(words_of(column))
    phone = "" if words & PHONE_WORDS else PHONE_LIKE
    number = "" if words & NUMBER_WORDS else NUMBER_LIKE
    found: list[tuple[Asked, str]] = [("email", EMAIL_LIKE), ("phone", phone), ("number", number)]
    return (("key", ""), *found) if key else tuple(found)


def forms(kind: Asked, text: str, region: str = "") -> tuple[Form, ...]:
    """The forms to ask for: whoever is kept under one of them is meant.

    Args:
        region: ISO 3166; in which country a number without one is read.
    """
    if kind == "key":
        return _of_key(text)
    if kind == "email":
        return _of_email(text)
    if kind == "phone":
        return _of_phone(text, region)
    found = number(text)
    return () if found is None else (("number", found.value),)


def kept(identifiers: Iterable[Identifier], keys: Iterable[str]) -> tuple[Form, ...]:
    """The forms under which a person is kept: the keys, and what is theirs alone; never a name."""
    found: dict[Form, None] = {}
    for key in keys:
        found.update(dict.fromkeys(_of_key(key)))
    for identifier in identifiers:
        if identifier.kind == "email":
            found.update(dict.fromkeys(_of_email(identifier.value)))
        elif identifier.kind == "number":
            found["number", identifier.value] = None
        elif identifier.kind == "phone":
            country, national = _parted(identifier.value)
            found["phone-national", national] = None
            found[("phone", f"+{country}{national}") if country else ("phone-bare", national)] = None
    return tuple(found)


def _of_key(text: str) -> tuple[Form, ...]:
    """Byte for byte after NFC; and folded."""
    exact = unicodedata.normalize("NFC", text)
    return ("key", exact), ("key-folded", _folded(text))


def _of_email(text: str) -> tuple[Form, ...]:
    lower = text.strip().lower()
    if _PLAIN.fullmatch(lower) and "%" not in lower and "xn--" not in lower:
        local, _, domain = lower.rpartition("@")
    else:
        address = _address(text)
        if not address:
            return ()
        local, _, domain = address.rpartition("@")
        local, domain = local.strip('"'), _domain(domain)
    base = local.partition("+")[0] or local
    if domain in _GMAIL:  # this provider says itself that these are one mailbox
        return (("email", f"{base.replace('.', '')}@gmail.com"),)
    return ("email", f"{local}@{domain}"), ("email-base", f"{base}@{domain}")


def _address(text: str) -> str:
    """The address in a value, in NFC and lower case; "" if there is none."""
    plain = _folded(_AT.sub("@", text)).removeprefix("mailto:").partition("?")[0]
    found = _EMAIL.search(plain.replace(" @", "@").replace("@ ", "@"))
    return found[0] if found else ""


def _of_phone(text: str, region: str) -> tuple[Form, ...]:
    import phonenumbers

    plain = _folded(text).removeprefix("tel:").strip()
    digits = re.sub(r"\D", "", plain)
    if len(digits) < 6:
        return ()
    if plain.startswith("00"):
        plain = f"+{plain[2:]}"
    found: dict[Form, None] = {}
    for spelling, guess in ((plain, False), (f"+{digits}", True)):  # columns of numbers hold no plus
        if guess and (plain[0] in "+0" or len(digits) < 10):
            continue
        try:
            parsed = phonenumbers.parse(spelling, region or None)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(parsed):
            found["phone", f"+{parsed.country_code}{parsed.national_number}"] = None
            found["phone-bare", str(parsed.national_number)] = None
    if not found:
        found["phone-national", digits.lstrip("0")] = None
    return tuple(found)


def _parted(value: str) -> tuple[str, str]:
    """(country code, national number) of a number in normal form; no country if none was known."""
    import phonenumbers

    if not value.startswith("+"):
        return "", value
    parsed = phonenumbers.parse(value)
    return str(parsed.country_code), str(parsed.national_number)


def _folded(text: str) -> str:
    """NFKC, without marks nobody sees and without escapes, lower case, in NFC."""
    plain = unicodedata.normalize("NFKC", text)
    if "&" in plain and ";" in plain:
        plain = html.unescape(plain)
    if _ESCAPED.search(plain):
        plain = unquote(plain)
    plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    return unicodedata.normalize("NFC", " ".join(plain.split()).casefold())


_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}")


@lru_cache(maxsize=65_536)
def _domain(domain: str) -> str:
    """The domain in the letters of the wire (IDNA), else in lower case."""
    from email_validator import EmailNotValidError, validate_email

    domain = domain.rstrip(".").casefold()
    if domain.isascii() and "xn--" not in domain:
        return domain
    try:
        found = validate_email(f"x@{domain}", check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return unicodedata.normalize("NFC", domain)
    return (found.ascii_domain or found.domain).casefold()


__all__ = ("WEAK", "Asked", "Form", "asked", "forms", "kept")
