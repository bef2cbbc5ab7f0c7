"""How the demo's columns are made: instants, keys and their text, for all rows at once.

Easy to get wrong: instants here are whole seconds since 1970 in UTC, never
days or local times; text is RFC 3339, so that nobody has to guess a zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = np.ndarray[Any, np.dtype[np.int64]]
Texts = np.ndarray[Any, np.dtype[np.object_]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

DAY = 86_400


def between(rng: np.random.Generator, low: Ints, high: int | Ints) -> Ints:
    """One instant each in [low, high); `low` itself where the interval is empty."""
    width = np.maximum(high - low, 1)
    at: Ints = low + np.floor(rng.random(len(low)) * width).astype(np.int64)
    return at


def seconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def key(no: int) -> str:
    return f"M-{no + 1:06d}"


def keys(who: Ints) -> pa.Array:
    return numbered("M-", 1, int(who.max()) + 1, 6).take(pa.array(who))


def numbered(prefix: str, first: int, count: int, width: int) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(np.arange(first, first + count)).cast(pa.string()), width, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def stamp(at: Ints) -> pa.Array:
    """RFC 3339 in UTC."""
    local = pa.array(np.datetime_as_string(at.astype("datetime64[s]"), unit="s"), pa.string())
    return pc.binary_join_element_wise(local, "Z", "")
