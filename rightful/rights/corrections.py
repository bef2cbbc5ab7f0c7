"""Corrections that customers asked for: which field, where it stands, who decided.

The new value is sealed under the customer's key, so an erasure ends what was waiting;
once decided it is removed. What was changed, and when, is in the ledger.

Easy to get wrong: two officers and one correction. It is claimed by one UPDATE that
only one of them wins; whoever comes later is told so.

Source: GDPR Art. 16.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.errors import RecordMismatch
from rightful.ledger.database import Row, Tx
from rightful.ledger.record import Ledger

WAITING, DECIDING, DONE, REFUSED, FAILED = STATES = ("waiting", "deciding", "done", "refused", "failed")

TABLES = [
    """CREATE TABLE correction (
        id INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, no INTEGER NOT NULL, field TEXT NOT NULL,
        sealed BLOB, state TEXT NOT NULL, asked_us INTEGER NOT NULL, asked_entry INTEGER NOT NULL,
        decided_us INTEGER, decided_by TEXT NOT NULL, entry INTEGER, told INTEGER NOT NULL)""",
    "CREATE INDEX correction_state ON correction (state, id)",
    "CREATE INDEX correction_subject ON correction (subject)",
]
_FIELDS = "id, no, field, state, asked_us, asked_entry, decided_us, decided_by, entry, told"


@dataclass(frozen=True, slots=True)
class Asked:
    """One correction. `told` is how many recipients have to be told of it. Instants in microseconds."""

    id: int
    no: int
    field: str
    state: str
    asked_us: int
    asked_entry: int
    decided_us: int | None
    decided_by: str
    entry: int | None
    told: int


class Corrections:
    """The corrections of one workspace."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("corrections", TABLES)

    def ask(self, tx: Tx, subject: str, no: int, field: str, value: str, at_us: int, entry: int) -> int:
        """Note what was asked for; in the transaction of its ledger entry."""
        made = tx.one(
            "INSERT INTO correction (subject, no, field, sealed, state, asked_us, asked_entry, decided_by, told) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, '', 0) RETURNING id",
            (subject, no, field, None, WAITING, at_us, entry),
        )
        assert made is not None
        sealed = self.ledger.seal(value.encode(), f"correction/{made[0]}", subject)
        tx.execute("UPDATE correction SET sealed = ? WHERE id = ?", (sealed, made[0]))
        return int(made[0])

    def value(self, number: int) -> str | None:
        """The value asked for; None once it was decided, or the customer erased."""
        found = self.db.query("SELECT subject, sealed FROM correction WHERE id = ?", (number,))
        if not found or found[0][1] is None:
            return None
        try:
            opened = self.ledger.unseal(bytes(found[0][1]), f"correction/{number}", found[0][0])
        except RecordMismatch:
            return None
        return None if opened is None else opened.decode()

    def claim(self, number: int, actor: str, at_us: int) -> bool:
        """Take a waiting correction to decide it; False: somebody else did, or it is decided."""
        with self.db.write() as tx:
            rows = tx.execute(
                "UPDATE correction SET state = ?, decided_by = ?, decided_us = ? WHERE id = ? AND state = ? "
                "RETURNING id",
                (DECIDING, actor, at_us, number, WAITING),
            )
        return bool(rows)

    def decide(self, number: int, state: str, at_us: int, entry: int | None, told: int = 0) -> None:
        with self.db.write() as tx:
            tx.execute(
                "UPDATE correction SET state = ?, decided_us = ?, entry = ?, told = ?, sealed = NULL WHERE id = ?",
                (state, at_us, entry, told, number),
            )

    def give_back(self, number: int) -> None:
        """A decision that could not be carried out for now: it waits again."""
        with self.db.write() as tx:
            tx.execute(
                "UPDATE correction SET state = ?, decided_by = '', decided_us = NULL WHERE id = ? AND state = ?",
                (WAITING, number, DECIDING),
            )

    def find(self, number: int) -> Asked | None:
        rows = self.db.query(f"SELECT {_FIELDS} FROM correction WHERE id = ?", (number,))
        return _asked(rows[0]) if rows else None

    def listed(self, *, state: str = "", subject: str = "", limit: int = 100) -> list[Asked]:
        """Newest first."""
        rows = self.db.query(
            f"SELECT {_FIELDS} FROM correction WHERE (? = '' OR state = ?) AND (? = '' OR subject = ?) "
            "ORDER BY id DESC LIMIT ?",
            (state, state, subject, subject, limit),
        )
        return [_asked(row) for row in rows]

    def forget(self, tx: Tx, subject: str) -> None:
        """Remove everything that leads to a customer."""
        tx.execute("DELETE FROM correction WHERE subject = ?", (subject,))


def _asked(row: Row) -> Asked:
    return Asked(*row)
