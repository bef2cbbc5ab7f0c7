"""Who works here, and in which role: the gate believes nobody who is not listed.

Roles are names of the policy; giving or taking one is recorded in the ledger by
the action that does it. What is stored is the person's work address, nothing else.
"""

from __future__ import annotations

from rightful.ledger.database import Database, Tx

TABLES = ["CREATE TABLE staff (actor TEXT PRIMARY KEY, role TEXT NOT NULL, since_us INTEGER NOT NULL)"]


class Staff:
    """The directory of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("staff", TABLES)

    def role_of(self, actor: str) -> str | None:
        found = self.db.query("SELECT role FROM staff WHERE actor = ?", (actor,))
        return str(found[0][0]) if found else None

    def everybody(self) -> list[tuple[str, str]]:
        return [(str(a), str(r)) for a, r in self.db.query("SELECT actor, role FROM staff ORDER BY actor")]

    def give(self, tx: Tx, actor: str, role: str, at_us: int) -> None:
        tx.execute(
            "INSERT INTO staff VALUES (?, ?, ?) ON CONFLICT (actor) DO UPDATE SET role = excluded.role, "
            "since_us = excluded.since_us",
            (actor, role, at_us),
        )

    def take(self, tx: Tx, actor: str) -> None:
        tx.execute("DELETE FROM staff WHERE actor = ?", (actor,))
