"""Which erasures in systems behind an interface were begun, how far each has come, and how it ended.

A system may be away for days while the customer's own record here is erased. So a run
begins with a note of whom to look for, made before anything is erased anywhere, and
goes on whenever the system answers. Each step can be repeated without doing harm.

Easy to get wrong: what a run has to remember about the person is personal data itself.
It lies sealed, and is destroyed when the run ends well.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightful.errors import NotFound
from rightful.ledger.database import Row, Tx
from rightful.ledger.record import Ledger
from rightful.retention.erasures import Status

STEPS = ("noted", "planned", "changed", "closed")

TABLES = [
    """CREATE TABLE erasure_elsewhere (
        id TEXT PRIMARY KEY, system TEXT NOT NULL, subject TEXT NOT NULL, request INTEGER NOT NULL, step TEXT NOT NULL,
        status TEXT NOT NULL, began_us INTEGER NOT NULL, ended_us INTEGER, entry INTEGER, outcome TEXT NOT NULL,
        sealed BLOB)""",
    "CREATE INDEX erasure_elsewhere_request ON erasure_elsewhere (request, system)",
]


@dataclass(frozen=True, slots=True)
class Run:
    """One erasure in one system. `request` is the number of the customer's request, 0 without one; `outcome`
    holds no personal data."""

    id: str
    system: str
    subject: str
    request: int
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


class Elsewhere:
    """The erasures elsewhere of one workspace; the ledger seals what a run remembers, under no customer's key."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("elsewhere", TABLES)

    def begin(
        self, tx: Tx, system: str, subject: str, request: int, now_us: int, secret: Mapping[str, Any], run: str
    ) -> None:
        tx.execute(
            "INSERT INTO erasure_elsewhere VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (run, system, subject, request, "noted", "running", now_us, None, None, "{}", self._seal(run, secret)),
        )

    def remember(self, tx: Tx, run: str, secret: Mapping[str, Any], *, step: str = "") -> None:
        tx.execute("UPDATE erasure_elsewhere SET sealed = ? WHERE id = ?", (self._seal(run, secret), run))
        if step:
            tx.execute("UPDATE erasure_elsewhere SET step = ? WHERE id = ?", (step, run))

    def close(
        self, tx: Tx, run: str, status: Status, now_us: int, entry: int, outcome: Mapping[str, Any], *, again: bool
    ) -> None:
        """The end. What the run remembered is destroyed, unless it has to be taken up again."""
        tx.execute(
            "UPDATE erasure_elsewhere SET step = 'closed', status = ?, ended_us = ?, entry = ?, outcome = ? "
            "WHERE id = ?",
            (status, now_us, entry, json.dumps(outcome, sort_keys=True), run),
        )
        if not again:
            tx.execute("UPDATE erasure_elsewhere SET sealed = NULL WHERE id = ?", (run,))

    def reopen(self, tx: Tx, run: str) -> None:
        tx.execute("UPDATE erasure_elsewhere SET step = 'planned', status = 'running' WHERE id = ?", (run,))

    def get(self, run: str) -> Run:
        """One run.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self.db.query(f"SELECT {_COLUMNS} FROM erasure_elsewhere WHERE id = ?", (run,))
        if not rows:
            raise NotFound(f"there is no erasure {run}", remedy="`rightful system erasures` lists them")
        return _run(rows[0])

    def all(self) -> list[Run]:
        """Newest first."""
        rows = self.db.query(f"SELECT {_COLUMNS} FROM erasure_elsewhere ORDER BY began_us DESC, id")
        return [_run(row) for row in rows]

    def of(self, system: str, *, subject: str = "", request: int = 0) -> Run | None:
        """The newest run in a system for a request, or for a customer."""
        column, value = ("request", request) if request else ("subject", subject)
        rows = self.db.query(
            f"SELECT {_COLUMNS} FROM erasure_elsewhere WHERE system = ? AND {column} = ? "
            "ORDER BY began_us DESC LIMIT 1",
            (system, value),
        )
        return _run(rows[0]) if rows else None

    def secret(self, run: str) -> dict[str, Any] | None:
        """What the run remembers; None once it was destroyed."""
        rows = self.db.query("SELECT sealed FROM erasure_elsewhere WHERE id = ?", (run,))
        if not rows or rows[0][0] is None:
            return None
        text = self.ledger.unseal(bytes(rows[0][0]), f"elsewhere/{run}")
        opened: dict[str, Any] | None = None if text is None else json.loads(text)
        return opened

    def _seal(self, run: str, secret: Mapping[str, Any]) -> bytes:
        return self.ledger.seal(json.dumps(secret, default=str).encode(), f"elsewhere/{run}")


def new_id() -> str:
    return "x-" + secrets.token_hex(6)


_COLUMNS = "id, system, subject, request, step, status, began_us, ended_us, entry, outcome"


def _run(row: Row) -> Run:
    return Run(*(*row[:-1], json.loads(row[-1])))
