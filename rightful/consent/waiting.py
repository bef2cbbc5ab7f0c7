"""Opt-outs that somebody asked for by address, until they are carried out.

The page that takes them answers everybody alike and in the same time, so the address
is looked up afterwards. What waits is sealed and on disk before the answer leaves: a
restart loses no opt-out, and nothing is kept once it is carried out.

Sources: 11 CCR 7026(f) (without undue delay); abuse case AC-023.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from rightful.ledger.database import Tx
from rightful.ledger.record import Ledger

TABLES = [
    "CREATE TABLE opt_out_waiting (id TEXT PRIMARY KEY, at_us INTEGER NOT NULL, sealed BLOB NOT NULL)",
    "CREATE INDEX opt_out_waiting_at ON opt_out_waiting (at_us)",
]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One of them, opened. Never log it: it holds an address."""

    id: str
    at_us: int
    address: str
    scope: str
    language: str

    def __repr__(self) -> str:
        return f"Waiting({self.id})"


class WaitingOptOuts:
    """The opt-outs of one workspace that wait."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("opt_out_waiting", TABLES)

    def put(self, tx: Tx, address: str, scope: str, language: str, at_us: int) -> None:
        name = secrets.token_hex(8)
        text = json.dumps([address, scope, language]).encode()
        sealed = self.ledger.seal(text, f"opt-out/{name}")
        tx.execute("INSERT INTO opt_out_waiting VALUES (?, ?, ?)", (name, at_us, sealed))

    def everything(self, limit: int = 200) -> list[Waiting]:
        """The oldest first."""
        rows = self.db.query("SELECT id, at_us, sealed FROM opt_out_waiting ORDER BY at_us, id LIMIT ?", (limit,))
        opened = [(name, at_us, self.ledger.unseal(bytes(sealed), f"opt-out/{name}")) for name, at_us, sealed in rows]
        return [Waiting(name, at_us, *json.loads(text)) for name, at_us, text in opened if text is not None]

    def done(self, waiting: Waiting) -> None:
        with self.db.write() as tx:
            tx.execute("DELETE FROM opt_out_waiting WHERE id = ?", (waiting.id,))
