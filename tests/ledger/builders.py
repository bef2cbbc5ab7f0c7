"""A ledger with something in it, and a clock that stands where the test wants it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from rightful.ledger.database import Database, connect
from rightful.ledger.entry import Draft
from rightful.ledger.record import Ledger
from rightful.protection.keys import Keyring

ORIGIN = "meadow.example/ledger"
MARCH = 1_772_539_200_000_000  # 2026-03-03T12:00:00Z


class Clock:
    """Stands still unless told otherwise."""

    def __init__(self, now: int = MARCH) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


@dataclass
class Place:
    """Where one log lives, so that a test can close, damage and reopen it."""

    root: Path
    clock: Clock
    url: str | Path
    opened: list[Database] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.root / "published"

    @property
    def keys(self) -> Keyring:
        return Keyring.open_or_create(self.root / "keys")

    def db(self) -> Database:
        self.opened.append(connect(self.url))
        return self.opened[-1]

    def close(self) -> None:
        """Close what tests left open."""
        for db in self.opened:
            db.close()

    def open(self) -> Ledger:
        return Ledger.open(self.db(), keys=self.keys, origin=ORIGIN, folder=self.folder, clock=self.clock)

    def filled(self, count: int, *, subjects: int = 7) -> Ledger:
        """An open log with this many entries, every third about nobody in particular."""
        ledger = self.open()
        drafts = list(consents(count, subjects=subjects))
        for start in range(0, count, 100):
            ledger.append(drafts[start : start + 100])
        return ledger


def place(root: Path, url: str | Path | None = None) -> Place:
    return Place(root, Clock(), url or root / "control.sqlite")


def consents(count: int, *, subjects: int = 7) -> Iterable[Draft]:
    for number in range(count):
        if number % 3 == 2:
            yield Draft("gate.refused", {"purpose": "newsletter", "rows": number}, {"query": f"select {number}"})
        else:
            yield Draft(
                "consent.given",
                {"purpose": "newsletter", "number": number},
                {"ip": f"192.0.2.{number % 256}", "note": "Grüße"},
                subject=f"c-{number % subjects}",
            )
