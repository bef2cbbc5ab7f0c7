"""Whose rows a disposal is about to delete as a whole: remembered until nothing else of them is left.

Written before the rows go and taken away after the keys are destroyed. A run that was
killed in between leaves it behind, and the next run ends what that one began.

Easy to get wrong: the customers' keys are personal data. They lie sealed, and only of those
who ever left a trace here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass

from rightful.ledger.database import Tx
from rightful.ledger.record import Ledger

TABLES = ["CREATE TABLE disposal_leaving (run TEXT PRIMARY KEY, sealed BLOB NOT NULL)"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """The people of one run. `numbers`: a roaring bitmap, serialised; `keys`: number -> key of who left a trace."""

    run: str
    numbers: bytes
    keys: Mapping[int, str]


class LeavingPeople:
    """The people whom disposals are about to delete."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("disposal_leaving", TABLES)

    def remember(self, leaving: Leaving) -> None:
        """Before anything of it happens; on disk when this returns."""
        members = {"numbers": base64.b64encode(leaving.numbers).decode(), "keys": {str(n): k for n, k in
                   leaving.keys.items()}}  # fmt: skip
        sealed = self.ledger.seal(json.dumps(members).encode(), f"disposal-leaving/{leaving.run}")
        with self.db.write() as tx:
            tx.execute("DELETE FROM disposal_leaving WHERE run = ?", (leaving.run,))
            tx.execute("INSERT INTO disposal_leaving VALUES (?, ?)", (leaving.run, sealed))

    def forget(self, tx: Tx, run: str) -> None:
        tx.execute("DELETE FROM disposal_leaving WHERE run = ?", (run,))

    def all(self) -> list[Leaving]:
        """Of every run that has not come to its end."""
        found = []
        for run, sealed in self.db.query("SELECT run, sealed FROM disposal_leaving ORDER BY run"):
            opened = self.ledger.unseal(bytes(sealed), f"disposal-leaving/{run}")
            members = json.loads(opened or b"{}")
            keys = {int(n): k for n, k in members.get("keys", {}).items()}
            found.append(Leaving(run, base64.b64decode(members.get("numbers", "")), keys))
        return found
