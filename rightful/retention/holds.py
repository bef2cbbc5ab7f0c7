"""Which data has to stay although its time is over: legal holds, as they were set and released.

A hold keeps data and never permits their use. Rows are only added and ended, so that
what was held when can be told later. Customers are kept as numbers.

Easy to get wrong: a hold that is released while an erasure waits for it; whoever
releases one looks for those (`actions/hold_data.py`).

Sources: GDPR Art. 17(3)(e), 18(1)(c); case AC-063.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection

from rightful.errors import BadInput, NotFound
from rightful.ledger.database import Database, Row, Tx
from rightful.retention.rules import Hold

TABLES = [
    """CREATE TABLE legal_hold (
        id TEXT PRIMARY KEY, reason TEXT NOT NULL, since_us INTEGER NOT NULL, until_us INTEGER, tables TEXT NOT NULL,
        customers BLOB, entry INTEGER NOT NULL, released_by TEXT NOT NULL)""",
]
_COLUMNS = "id, reason, since_us, until_us, tables, customers, entry"


class Holds:
    """The legal holds of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("holds", TABLES)

    def add(
        self, tx: Tx, reason: str, now_us: int, tables: Collection[str], customers: Collection[int] | None, entry: int
    ) -> str:
        """A new hold, in force from now on; returns its id."""
        from pyroaring import BitMap

        name = "h-" + secrets.token_hex(5)
        bits = None if customers is None else BitMap(sorted(customers)).serialize()
        tx.execute(
            "INSERT INTO legal_hold VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (name, reason, now_us, None, json.dumps(sorted(tables)), bits, entry, ""),
        )
        return name

    def release(self, tx: Tx, hold: str, now_us: int, actor: str) -> None:
        """End a hold at this instant.

        Raises:
            NotFound, BadInput: there is none, or it has ended already.
        """
        found = tx.one("SELECT until_us FROM legal_hold WHERE id = ?", (hold,))
        if found is None:
            raise NotFound(f"there is no hold {hold}", remedy="`rightful hold list` shows them")
        if found[0] is not None:
            raise BadInput(f"hold {hold} has ended already")
        tx.execute("UPDATE legal_hold SET until_us = ?, released_by = ? WHERE id = ?", (now_us, actor, hold))

    def get(self, hold: str) -> Hold:
        """One hold.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self.db.query(f"SELECT {_COLUMNS} FROM legal_hold WHERE id = ?", (hold,))
        if not rows:
            raise NotFound(f"there is no hold {hold}", remedy="`rightful hold list` shows them")
        return _hold(rows[0])

    def all(self) -> list[Hold]:
        """Newest first, ended ones too."""
        return [_hold(r) for r in self.db.query(f"SELECT {_COLUMNS} FROM legal_hold ORDER BY since_us DESC, id")]

    def in_force(self, now_us: int) -> list[Hold]:
        return [hold for hold in self.all() if hold.in_force(now_us)]


def _hold(row: Row) -> Hold:
    from pyroaring import BitMap

    name, reason, since, until, tables, bits, entry = row
    customers = None if bits is None else frozenset(BitMap.deserialize(bytes(bits)))
    return Hold(name, reason, since, until, tuple(json.loads(tables)), customers, entry)
