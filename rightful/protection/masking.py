"""What a transform makes of one value: the Python twin of the SQL in `gate/transforms.py`.

A purpose that may know of a field but not read it gets a transform of it. Both
twins must answer alike on every value, else a single decision and a bulk read
would release different things; a test runs them side by side on hostile values.
What is easy to get wrong:

- Only ASCII letters are lowered before hashing. Engines and locales disagree
  about the rest of Unicode, and two hashes of one person match nobody.
- White space means the six ASCII ones. Nothing else is cut off.
- A mask keeps no domain: `anna@mueller-family.example` names a household.
- Every function is total: no value raises, None stays None.

Sources: GDPR Art. 4(5), 25 and 32(1)(a); EDPB Guidelines 01/2025 on pseudonymisation
(a hash of an address is a pseudonym, still personal data).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

WHITE: Final = "\t\n\v\f\r "
_ASCII_LOWER: Final = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def mask(value: Any) -> str | None:
    """Three stars for any value, so that only its presence shows."""
    return None if value is None else "***"


def mask_email(value: str | None) -> str | None:
    """First character, then stars for the rest and for the domain: `a***@***`."""
    if value is None:
        return None
    text = value.strip(WHITE)
    return f"{text[0]}***@***" if text.find("@") > 0 else "***"


def initial(value: str | None) -> str | None:
    """First character and a full stop; None for an empty value."""
    if value is None:
        return None
    text = value.strip(WHITE)
    return f"{text[0]}." if text else None


def sha256(value: str | None) -> str | None:
    """Lower-case hex SHA-256 of the trimmed, ASCII-lowered value, as ad networks take it; None when empty."""
    if value is None:
        return None
    text = value.strip(WHITE).translate(_ASCII_LOWER)
    return hashlib.sha256(text.encode("utf-8")).hexdigest() if text else None


def year(value: date | None) -> date | None:
    """First day of the year, still a date, so that comparisons keep working."""
    return None if value is None else date(value.year, 1, 1)


def month(value: date | None) -> date | None:
    """First day of the month."""
    return None if value is None else date(value.year, value.month, 1)


def nothing(value: Any) -> None:
    """Always None: the column is there, the value is not."""
    return None


def bucket(value: float | Decimal | None, width: int) -> float | Decimal | None:
    """Lower bound of the bucket of `width` that holds the value; -1 with width 10 lies in -10."""
    if value is None:
        return None
    if isinstance(value, float):
        return math.floor(value / width) * float(width) if math.isfinite(value) else value
    if isinstance(value, Decimal):
        if not value.is_finite():
            return value
        return Decimal(math.floor(value / width)) * width
    return value // width * width


_PLAIN: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        "mask": mask,
        "mask-email": mask_email,
        "initial": initial,
        "sha256": sha256,
        "year": year,
        "month": month,
        "null": nothing,
    }
)

NAMES: Final = frozenset({*_PLAIN, "bucket"})


def apply(transform: str | None, value: Any) -> Any:
    """The value as the purpose may see it.

    Args:
        transform: a name of the registry (`bucket:10` carries its width), or None
            for the value as it is.
        value: what the source holds.

    Raises:
        KeyError: no such transform. The policy loader refuses these first.
    """
    if transform is None:
        return value
    name, _, argument = transform.partition(":")
    if name == "bucket" and argument.isascii() and argument.isdigit() and int(argument) > 0:
        return bucket(value, int(argument))
    if argument:
        raise KeyError(transform)
    if name in ("year", "month") and isinstance(value, datetime):
        value = value.date()
    return _PLAIN[name](value)
