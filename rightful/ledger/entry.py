"""What goes into the log, and what stands there afterwards.

A draft becomes an entry: canonical JSON whose first member, `at`, is the instant of
recording, filled in last. Members in order: at, commitment, handle, happened_at, id,
kind, public, subjects, v.

Easy to get wrong: personal data in `public`. It can never be taken out again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from rightful.ledger.canonical import Json

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Draft(NamedTuple):
    """Something to record.

    Attributes:
        kind: what happened, in words with dots and dashes ("consent.withdrawn").
        public: what everyone who audits the log may read. Never personal data.
        private: what only the subject (or the log's operator) may read.
        subject: pseudonymous id of the customer concerned, if it is one.
        subjects: serialized roaring bitmap of the subject numbers a bulk use touched.
        at: when it happened, if that is not when it is recorded (us).
    """

    kind: str
    public: Mapping[str, Json] = {}
    private: Mapping[str, Json] = {}
    subject: str | None = None
    subjects: bytes | None = None
    at: int | None = None


@dataclass(slots=True)  # a value, but made on the hot path: freezing it costs three times as much
class Entry:
    """One line of the log. `leaf` is what was hashed, byte for byte."""

    index: int
    at: int
    id: str
    kind: str
    leaf: bytes

    @property
    def data(self) -> dict[str, Json]:
        """The entry as JSON."""
        loaded: dict[str, Json] = json.loads(self.leaf)
        return loaded

    @property
    def public(self) -> dict[str, Json]:
        members: dict[str, Json] = self.data["public"]
        return members

    @property
    def handle(self) -> str | None:
        """Links the entry to a subject for whoever has that subject's key; different in every entry."""
        return self.data.get("handle")

    @property
    def commitment(self) -> str | None:
        """SHA-256 over salt and private payload, hexadecimal."""
        return self.data.get("commitment")

    @classmethod
    def from_leaf(cls, index: int, leaf: bytes) -> Entry:
        data = json.loads(leaf)
        return cls(index, microseconds(data["at"]), data["id"], data["kind"], leaf)


def instant(us: int) -> str:
    """RFC 3339, UTC, always six decimals: 2026-03-03T12:00:00.000000Z."""
    second, fraction = divmod(us, 1_000_000)
    return f"{_second(second)}.{fraction:06d}Z"


def microseconds(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 instant."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def now_us() -> int:
    return time.time_ns() // 1000


@lru_cache(4096)
def _second(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).replace(tzinfo=None).isoformat()
