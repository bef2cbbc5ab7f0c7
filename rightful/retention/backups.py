"""Which backups were made whole, and which of them were tried.

A row is written once the file is whole on disk; a backup that was interrupted leaves
none. The record of the act itself is in the ledger, from before the copy was made.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.ledger.database import Database, Row, Tx

TABLES = [
    """CREATE TABLE backup (
        id TEXT PRIMARY KEY, at_us INTEGER NOT NULL, entry INTEGER NOT NULL, file TEXT NOT NULL,
        bytes INTEGER NOT NULL, sha256 TEXT NOT NULL, drilled_us INTEGER, drill TEXT NOT NULL)""",
]
_COLUMNS = "id, at_us, entry, file, bytes, sha256, drilled_us, drill"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup. `entry`: the newest ledger entry in it; `drill`: "" (never tried), "ok" or "failed"."""

    id: str
    at_us: int
    entry: int
    file: str
    bytes: int
    sha256: str
    drilled_us: int | None
    drill: str


class Backups:
    """The backups of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("backups", TABLES)

    def add(self, backup: Backup) -> None:
        with self.db.write() as tx:
            tx.execute("INSERT INTO backup VALUES (?, ?, ?, ?, ?, ?, ?, ?)", _row(backup))

    def drilled(self, tx: Tx, backup: str, at_us: int, result: str) -> None:
        """A restore of it was tried."""
        tx.execute("UPDATE backup SET drilled_us = ?, drill = ? WHERE id = ?", (at_us, result, backup))

    def all(self) -> list[Backup]:
        """Newest first."""
        return [Backup(*row) for row in self.db.query(f"SELECT {_COLUMNS} FROM backup ORDER BY at_us DESC, id")]


def _row(backup: Backup) -> Row:
    return tuple(getattr(backup, name) for name in _COLUMNS.split(", "))
