"""The one way a JSON value is written as bytes, so that everyone hashes the same.

RFC 8785: members sorted by the UTF-16 code units of their names, no white space,
the shortest escapes, numbers as ECMAScript prints them. Two traps: sorting by
code point (wrong for names beyond U+FFFF) and Python's spelling of floats (1e-07,
1e+16, 1.0). Refused with a reason, because readers would disagree about them: NaN
and infinities, integers beyond 2^53 - 1, lone surrogates, names that are no text.

Source: RFC 8785; ECMA-262 Number::toString.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Any, NamedTuple

Json = Any
"""str, int, float, bool, None, and lists, tuples and mappings of these."""

LARGEST_INTEGER = 2**53 - 1

_encode_text = json.encoder.encode_basestring


class NotCanonical(ValueError):
    """The value has no canonical bytes; the sentence says which part and why."""


def canonical(value: Json) -> bytes:
    """The canonical bytes of a JSON value (RFC 8785)."""
    try:
        return canonical_text(value).encode()
    except UnicodeEncodeError as error:
        raise NotCanonical("text with half of a surrogate pair has no canonical form") from error


def read(data: bytes) -> Json:
    """The value behind canonical bytes, such that `canonical(read(data)) == data`.

    Unlike `json.loads` it takes a number beyond 2^53 - 1 for the float it was, as ECMAScript does.

    Raises:
        ValueError: not JSON.
    """
    return json.loads(data, parse_int=_integer, parse_constant=_no_constant)


def canonical_text(value: Json) -> str:
    """The same before it is encoded; half a surrogate pair is noticed only by `encode`."""
    if type(value) is dict:
        form = _forms.get(tuple(value)) or _learn_form(value)
        if form is not None:
            members = form.pick(value)
            if _TEXT.issuperset(map(type, members)):
                return form.text % tuple(map(_encode_text, members))
    return _fast(value) if _is_plain(value, 0) else _write(value, 0)


class _Form(NamedTuple):
    """What is the same in all objects with these names, and how their values are taken in canonical order."""

    text: str
    pick: Callable[[Mapping[str, Json]], tuple[Json, ...]]


_TEXT = frozenset({str})
_MAX_FORMS = 1000  # names that are made up as the program runs must not fill the memory
_forms: dict[tuple[str, ...], _Form] = {}


def _learn_form(value: dict[Json, Json]) -> _Form | None:
    """The form of an object that is remembered; none for one name or none, or for names that need care."""
    names = tuple(value)
    if len(names) < 2 or len(_forms) >= _MAX_FORMS or not all(type(n) is str and n.isascii() for n in names):
        return None
    ordered = sorted(names)
    text = ",".join(_encode_text(name).replace("%", "%%") + ":%s" for name in ordered)
    form = _forms[names] = _Form("{" + text + "}", itemgetter(*ordered))
    return form


def _integer(text: str) -> int | float:
    number = int(text) if len(text) <= 17 else 2**60
    return number if -LARGEST_INTEGER <= number <= LARGEST_INTEGER else float(text)


def _no_constant(text: str) -> Json:
    raise NotCanonical(f"{text} is no JSON number")


def _is_plain(value: Json, depth: int) -> bool:
    """Whether the C encoder writes exactly RFC 8785: ASCII names, no floats, small integers, no odd types."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is int:
        return bool(-LARGEST_INTEGER <= value <= LARGEST_INTEGER)
    if depth > 60:
        return False
    if kind is dict:
        for name, member in value.items():
            if type(name) is not str or not name.isascii():
                return False
            if type(member) is not str and not _is_plain(member, depth + 1):
                return False
        return True
    if kind is list or kind is tuple:
        for member in value:
            if type(member) is not str and not _is_plain(member, depth + 1):
                return False
        return True
    return False


def _write(value: Json, depth: int) -> str:
    if depth > 200:
        raise NotCanonical("nested more than 200 deep")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _encode_text(str(value))
    if isinstance(value, int):
        if not -LARGEST_INTEGER <= value <= LARGEST_INTEGER:
            raise NotCanonical(f"the integer {value} is beyond 2^53 - 1; write it as text")
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise NotCanonical(f"a member's name is {type(name).__name__}, not text")
        members = sorted(value.items(), key=lambda member: member[0].encode("utf-16-be", "strict"))
        return "{" + ",".join(f"{_encode_text(name)}:{_write(member, depth + 1)}" for name, member in members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_write(member, depth + 1) for member in value) + "]"
    raise NotCanonical(f"{type(value).__name__} is no JSON type")


def _number(value: float) -> str:
    """ECMA-262 Number::toString: the shortest digits, exponent only from 1e21 up and below 1e-6."""
    if value != value or value in (float("inf"), float("-inf")):
        raise NotCanonical(f"{value} is no JSON number")
    if value == 0:
        return "0"  # also for minus zero
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0)  # where the decimal point stands, counted from the first digit
    if whole == "0":
        point -= 1 + len(fraction) - len(fraction.lstrip("0"))
    digits = digits.rstrip("0") or "0"
    count = len(digits)
    if count <= point <= 21:
        return f"{sign}{digits}{'0' * (point - count)}"
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = point - 1
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if power > 0 else '-'}{abs(power)}"


def _fast_writer() -> Callable[[Json], str]:
    """The standard library's C encoder, made once: `JSONEncoder.encode` makes it anew for every call."""
    options: dict[str, Any] = {
        "ensure_ascii": False,
        "check_circular": False,
        "sort_keys": True,
        "separators": (",", ":"),
    }
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the C module
        return json.JSONEncoder(**options).encode
    chunks = make(None, None, _encode_text, None, ":", ",", True, False, False)
    return lambda value: "".join(chunks(value, 0))


_fast = _fast_writer()
