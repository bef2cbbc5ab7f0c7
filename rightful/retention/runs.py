"""Which disposals were run: what was planned, how far it came, what it did.

A run is planned batches, each carried out in its own transaction of the store. A run
that was killed is run again: what is gone is gone, and what is left is found again.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightful.errors import NotFound
from rightful.ledger.database import Database, Row, Tx

TABLES = [
    """CREATE TABLE disposal_run (
        id TEXT PRIMARY KEY, policy TEXT NOT NULL, began_us INTEGER NOT NULL, ended_us INTEGER, status TEXT NOT NULL,
        entry INTEGER, outcome TEXT NOT NULL)""",
]
_COLUMNS = "id, policy, began_us, ended_us, status, entry, outcome"


@dataclass(frozen=True, slots=True)
class DisposalRun:
    """One run. `status`: running, complete, incomplete. `outcome`: tables, numbers and reasons, no personal data."""

    id: str
    policy: str
    began_us: int
    ended_us: int | None
    status: str
    entry: int | None
    outcome: Mapping[str, Any]


class DisposalRuns:
    """The disposal runs of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("disposal", TABLES)

    def begin(self, tx: Tx, policy: str, now_us: int) -> str:
        name = "d-" + secrets.token_hex(5)
        tx.execute(
            "INSERT INTO disposal_run VALUES (?, ?, ?, ?, ?, ?, ?)", (name, policy, now_us, None, "running", None, "{}")
        )
        return name

    def end(self, tx: Tx, run: str, status: str, now_us: int, entry: int, outcome: Mapping[str, Any]) -> None:
        tx.execute(
            "UPDATE disposal_run SET status = ?, ended_us = ?, entry = ?, outcome = ? WHERE id = ?",
            (status, now_us, entry, json.dumps(outcome, sort_keys=True), run),
        )

    def get(self, run: str) -> DisposalRun:
        """One run.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self.db.query(f"SELECT {_COLUMNS} FROM disposal_run WHERE id = ?", (run,))
        if not rows:
            raise NotFound(f"there is no disposal {run}", remedy="`rightful retention list` shows them")
        return _run(rows[0])

    def all(self) -> list[DisposalRun]:
        """Newest first."""
        return [_run(r) for r in self.db.query(f"SELECT {_COLUMNS} FROM disposal_run ORDER BY began_us DESC, id")]


def _run(row: Row) -> DisposalRun:
    name, policy, began, ended, status, entry, outcome = row
    return DisposalRun(name, policy, began, ended, status, entry, json.loads(outcome))
