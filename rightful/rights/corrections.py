"""Corrections that customers asked for: which field, where it stands, who decided.

The new value is sealed under the customer's key, so an erasure ends what was waiting;
once decided it is removed. What was changed, and when, is in the ledger.

Easy to get wrong: two officers and one correction. It is claimed by one UPDATE that
only one of them wins; whoever comes later is told so.

Source: GDPR Art. 16.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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
FOR_REQUESTS = [
    # case_id: the request it belongs to; part: which wish of the request, so that each is taken up once;
    # place: sealed, the values that name one row where a customer has several.
    "ALTER TABLE correction ADD COLUMN case_id INTEGER",
    "ALTER TABLE correction ADD COLUMN part TEXT",
    "ALTER TABLE correction ADD COLUMN place BLOB",
    "CREATE UNIQUE INDEX correction_part ON correction (case_id, part)",
]
FOR_ANSWERS = ["ALTER TABLE correction ADD COLUMN language TEXT NOT NULL DEFAULT 'en'"]  # the customer's
_FIELDS = "id, no, field, state, asked_us, asked_entry, decided_us, decided_by, entry, told, case_id, part, language"


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
    case_id: int | None = None
    part: str | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Tie:
    """What a correction belongs to: a request, which of its wishes, and which row of a table with several."""

    case_id: int
    part: str
    row: Mapping[str, str]


class Corrections:
    """The corrections of one workspace."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("corrections", TABLES, FOR_REQUESTS, FOR_ANSWERS)

    def ask(
        self,
        tx: Tx,
        subject: str,
        no: int,
        field: str,
        value: str,
        at_us: int,
        entry: int,
        tie: Tie | None = None,
        language: str = "en",
    ) -> int:
        """Note what was asked for; in the transaction of its ledger entry."""
        made = tx.one(
            "INSERT INTO correction (subject, no, field, sealed, state, asked_us, asked_entry, decided_by, told, "
            "case_id, part, language) VALUES (?, ?, ?, ?, ?, ?, ?, '', 0, ?, ?, ?) RETURNING id",
            (subject, no, field, None, WAITING, at_us, entry, tie and tie.case_id, tie and tie.part, language),
        )
        assert made is not None
        sealed = self.ledger.seal(value.encode(), f"correction/{made[0]}", subject)
        place = None
        if tie is not None and tie.row:
            named = json.dumps(dict(tie.row), ensure_ascii=False).encode()
            place = self.ledger.seal(named, f"correction/{made[0]}/row", subject)
        tx.execute("UPDATE correction SET sealed = ?, place = ? WHERE id = ?", (sealed, place, made[0]))
        return int(made[0])

    def value(self, number: int) -> str | None:
        """The value asked for; None once it was decided, or the customer erased."""
        return self._opened(number, "sealed", f"correction/{number}")

    def row(self, number: int) -> dict[str, str]:
        """The values that name the row it is about; {} where the customer has only one."""
        text = self._opened(number, "place", f"correction/{number}/row")
        named: dict[str, str] = {} if text is None else json.loads(text)
        return named

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

    def of_request(self, case_id: int) -> list[Asked]:
        """All corrections of one request, oldest first."""
        rows = self.db.query(f"SELECT {_FIELDS} FROM correction WHERE case_id = ? ORDER BY id", (case_id,))
        return [_asked(row) for row in rows]

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

    def _opened(self, number: int, column: str, place: str) -> str | None:
        found = self.db.query(f"SELECT subject, {column} FROM correction WHERE id = ?", (number,))
        if not found or found[0][1] is None:
            return None
        try:
            opened = self.ledger.unseal(bytes(found[0][1]), place, found[0][0])
        except RecordMismatch:
            return None
        return None if opened is None else opened.decode()


def _asked(row: Row) -> Asked:
    return Asked(*row)
