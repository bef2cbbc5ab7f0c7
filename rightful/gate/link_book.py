"""What was decided about links between tables: proposed by counting, confirmed or rejected by a person.

Easy to get wrong: a link that was rejected comes back with the next scan (it does not:
decisions stay); a foreign key that appeared since the last scan (the database says so
itself, so it counts as confirmed without being asked about).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal, cast

from rightful.gate.links import Decided, Kind, Link, Role
from rightful.ledger.database import Database, Tx
from rightful.ledger.journal import Journal
from rightful.ledger.record import Draft, Entry

State = Literal["proposed", "confirmed", "rejected"]

TABLES = [
    """CREATE TABLE catalogue_link (
        id TEXT PRIMARY KEY, link TEXT NOT NULL, state TEXT NOT NULL, decided_by TEXT NOT NULL,
        at_us INTEGER NOT NULL, entry INTEGER NOT NULL)""",
]
ELSEWHERE = [
    """CREATE TABLE system_link (
        id TEXT PRIMARY KEY, link TEXT NOT NULL, state TEXT NOT NULL, decided_by TEXT NOT NULL,
        at_us INTEGER NOT NULL, entry INTEGER NOT NULL)""",
]


class LinkBook:
    """The links of one store, or of one system behind an interface. `journal` keeps each decision in the ledger,
    with a digest of all of them."""

    def __init__(self, db: Database, journal: Journal, system: str = "") -> None:
        self.db = db
        self.journal = journal
        self.system = system
        self._table = "system_link" if system else "catalogue_link"
        self._prefix = f"{system}/" if system else ""
        db.migrate("links", TABLES, ELSEWHERE)

    def all(self) -> tuple[Decided, ...]:
        rows = self.db.query(
            f"SELECT link, state, decided_by, entry FROM {self._table} WHERE id LIKE ? ORDER BY id",
            (f"{self._prefix}%",),
        )
        return tuple(Decided(_read(link), cast(State, state), by, entry) for link, state, by, entry in rows)

    def confirmed(self) -> tuple[Link, ...]:
        return tuple(d.link for d in self.all() if d.state == "confirmed")

    def proposed(self) -> tuple[Link, ...]:
        return tuple(d.link for d in self.all() if d.state == "proposed")

    def note(self, links: Sequence[Link], *, actor: str) -> Entry:
        """Keep what a scan found: new links, and new evidence for known ones. What was decided stays decided."""
        known = {d.link.id: d for d in self.all()}
        fresh = [link for link in links if link.id not in known]

        def rows(tx: Tx, entries: list[Entry]) -> None:
            entry = entries[0]
            for link in links:
                before = known.get(link.id)
                if before is None:
                    declared = link.kind == "foreign-key"
                    values = (
                        self._prefix + link.id,
                        _written(link),
                        "confirmed" if declared else "proposed",
                        "",
                        entry.at,
                        entry.index,
                    )
                    tx.execute(f"INSERT INTO {self._table} VALUES (?, ?, ?, ?, ?, ?)", values)
                elif before.state == "proposed":
                    changed = (_written(link), self._prefix + link.id)
                    tx.execute(f"UPDATE {self._table} SET link = ? WHERE id = ?", changed)

        public = {"links": len(links), "new": len(fresh), "digest": digest(links), **self._where()}
        return self.journal.record([Draft("links.scanned", public, {"actor": actor})], rows)[0]

    def decide(self, links: Sequence[Link], state: State, *, actor: str) -> Entry:
        """Confirm or reject links; a link may come with another role than was proposed."""
        chosen = {link.id: link for link in links}
        after = [chosen.get(d.link.id, d.link) for d in self.all() if d.link.id in chosen or d.state == "confirmed"]
        names = sorted(chosen)

        def rows(tx: Tx, entries: list[Entry]) -> None:
            entry = entries[0]
            for link in links:
                tx.execute(
                    f"INSERT INTO {self._table} VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
                    "link = excluded.link, state = excluded.state, decided_by = excluded.decided_by, "
                    "at_us = excluded.at_us, entry = excluded.entry",
                    (self._prefix + link.id, _written(link), state, actor, entry.at, entry.index),
                )

        roles = {link.id: link.role for link in links}
        public = {"links": names, "roles": roles, "digest": digest(after), **self._where()}
        return self.journal.record([Draft(f"links.{state}", public, {"actor": actor})], rows)[0]

    def _where(self) -> dict[str, str]:
        return {"system": self.system} if self.system else {}


def digest(links: Sequence[Link]) -> str:
    """One digest over a set of links, whatever their order."""
    return hashlib.sha256("\n".join(sorted(_written(link) for link in links)).encode()).hexdigest()


def _written(link: Link) -> str:
    return json.dumps(asdict(link), sort_keys=True)


def _read(text: str) -> Link:
    members: dict[str, Any] = json.loads(text)
    members["kind"], members["role"] = cast(Kind, members["kind"]), cast(Role, members["role"])
    members.update({name: tuple(members[name]) for name in ("columns", "to", "means")})
    return Link(**members)
