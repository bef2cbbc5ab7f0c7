"""Which disposal certificates were issued: each as it was signed, byte for byte.

A run that was taken up again has several; the newest counts and names the one before.
Nothing in here is personal (`certificate.py`).
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.ledger.database import Database, Tx

TABLES = [
    """CREATE TABLE disposal_certificate (
        entry INTEGER PRIMARY KEY, run TEXT NOT NULL, closing INTEGER NOT NULL, status TEXT NOT NULL,
        at_us INTEGER NOT NULL, document TEXT NOT NULL, page TEXT NOT NULL, UNIQUE (run, closing))""",
]
_COLUMNS = "entry, run, closing, status, at_us, document, page"


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate. `document`: the signed canonical JSON; `page`: the signed page; `closing`: what it is about."""

    entry: int
    run: str
    closing: int
    status: str
    at_us: int
    document: str
    page: str


class Certificates:
    """The disposal certificates of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("certificates", TABLES)

    def add(self, tx: Tx, issued: Issued) -> None:
        tx.execute(
            f"INSERT INTO disposal_certificate ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (issued.entry, issued.run, issued.closing, issued.status, issued.at_us, issued.document, issued.page),
        )

    def of(self, run: str, tx: Tx | None = None) -> Issued | None:
        """The newest certificate of a run; None if there is none."""
        found = (self.db.query if tx is None else tx.execute)(
            f"SELECT {_COLUMNS} FROM disposal_certificate WHERE run = ? ORDER BY entry DESC LIMIT 1", (run,)
        )
        return Issued(*found[0]) if found else None

    def all(self) -> list[Issued]:
        """Newest first."""
        rows = self.db.query(f"SELECT {_COLUMNS} FROM disposal_certificate ORDER BY entry DESC")
        return [Issued(*row) for row in rows]
