"""Which erasures were begun, how far each has come, and how each ended.

A run moves from step to step; each step can be repeated without doing harm, and the row
says which ones are done. So a run that was killed goes on where it stopped.

Easy to get wrong: what a run has to remember about the person (keys, addresses to look
for) is personal data itself. It lies sealed, and is destroyed when the run ends.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rightful.errors import NotFound
from rightful.ledger.database import Row, Tx
from rightful.ledger.record import Ledger

Status = Literal["running", "complete", "partly", "incomplete"]

STEPS = (
    "planned",
    "stopped",
    "suppressed",
    "told",
    "stored",
    "rewritten",
    "consents",
    "forgotten",
    "worked-out",
    "closed",
)
"""What is done, in order. `closed` is the end, however it came out."""

TABLES = [
    """CREATE TABLE erasure_run (
        id TEXT PRIMARY KEY, no INTEGER NOT NULL, step TEXT NOT NULL, status TEXT NOT NULL,
        began_us INTEGER NOT NULL, ended_us INTEGER, entry INTEGER, outcome TEXT NOT NULL, sealed BLOB)""",
    "CREATE INDEX erasure_run_no ON erasure_run (no)",
]


@dataclass(frozen=True, slots=True)
class Run:
    """One erasure. `outcome` holds no personal data: tables, numbers, reasons; `entry` is its closing entry."""

    id: str
    no: int
    step: str
    status: Status
    began_us: int
    ended_us: int | None
    entry: int | None
    outcome: Mapping[str, Any]

    @property
    def open(self) -> bool:
        return self.step != "closed"

    def done(self, step: str) -> bool:
        return STEPS.index(self.step) >= STEPS.index(step)


class Erasures:
    """The erasures of one workspace; the ledger seals what a run remembers, under no customer's key."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("erasures", TABLES)

    def begin(self, tx: Tx, no: int, now_us: int, secret: Mapping[str, Any], run: str = "") -> str:
        """A new run; returns its id."""
        run = run or new_id()
        tx.execute(
            "INSERT INTO erasure_run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (run, no, "planned", "running", now_us, None, None, "{}", self._seal(run, secret)),
        )
        return run

    def remember(self, tx: Tx, run: str, secret: Mapping[str, Any]) -> None:
        tx.execute("UPDATE erasure_run SET sealed = ? WHERE id = ?", (self._seal(run, secret), run))

    def reached(self, tx: Tx, run: str, step: str) -> None:
        tx.execute("UPDATE erasure_run SET step = ? WHERE id = ?", (step, run))

    def close(
        self, tx: Tx, run: str, status: Status, now_us: int, entry: int, outcome: Mapping[str, Any], *, again: bool
    ) -> None:
        """The end. What the run remembered is destroyed, unless it has to be taken up again."""
        tx.execute(
            "UPDATE erasure_run SET step = 'closed', status = ?, ended_us = ?, entry = ?, outcome = ? WHERE id = ?",
            (status, now_us, entry, json.dumps(outcome, sort_keys=True), run),
        )
        if not again:
            tx.execute("UPDATE erasure_run SET sealed = NULL WHERE id = ?", (run,))

    def reopen(self, tx: Tx, run: str, step: str) -> None:
        tx.execute("UPDATE erasure_run SET step = ?, status = 'running' WHERE id = ?", (step, run))

    def get(self, run: str) -> Run:
        """One run.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self.db.query(f"SELECT {_COLUMNS} FROM erasure_run WHERE id = ?", (run,))
        if not rows:
            raise NotFound(f"there is no erasure {run}", remedy="`rightful person erasures` lists them")
        return _run(rows[0])

    def all(self) -> list[Run]:
        """Newest first."""
        return [_run(r) for r in self.db.query(f"SELECT {_COLUMNS} FROM erasure_run ORDER BY began_us DESC, id")]

    def of(self, no: int) -> list[Run]:
        """Runs of one customer number, newest first."""
        rows = self.db.query(f"SELECT {_COLUMNS} FROM erasure_run WHERE no = ? ORDER BY began_us DESC, id", (no,))
        return [_run(r) for r in rows]

    def secret(self, run: str) -> dict[str, Any] | None:
        """What the run remembers; None once it was destroyed."""
        rows = self.db.query("SELECT sealed FROM erasure_run WHERE id = ?", (run,))
        if not rows or rows[0][0] is None:
            return None
        text = self.ledger.unseal(bytes(rows[0][0]), f"erasure/{run}")
        opened: dict[str, Any] | None = None if text is None else json.loads(text)
        return opened

    def _seal(self, run: str, secret: Mapping[str, Any]) -> bytes:
        return self.ledger.seal(json.dumps(secret, default=str).encode(), f"erasure/{run}")


def new_id() -> str:
    return "e-" + secrets.token_hex(6)


_COLUMNS = "id, no, step, status, began_us, ended_us, entry, outcome"


def _run(row: Row) -> Run:
    return Run(*(*row[:-1], json.loads(row[-1])))
