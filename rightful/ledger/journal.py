"""What has happened lately, in columns: the ledger's entries made searchable.

One row per entry about a use or an act of staff, written in the transaction of the
entry. Everything here can be worked out again from the ledger; it is an index for
people who look for something, not a second truth.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry, Ledger, Rows

TABLES = [
    """CREATE TABLE journal (
        entry INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, kind TEXT NOT NULL, purpose TEXT NOT NULL,
        role TEXT NOT NULL, channel TEXT NOT NULL, recipient TEXT NOT NULL, customers INTEGER, rows INTEGER,
        codes TEXT NOT NULL)""",
    "CREATE INDEX journal_at ON journal (at_us)",
]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the journal. `codes` are reason codes, or reason -> customers for what was withheld."""

    entry: int
    at_us: int
    kind: str
    purpose: str
    role: str
    channel: str
    recipient: str
    customers: int | None
    rows: int | None
    codes: dict[str, int]


class Journal:
    """Writes entries together with their lines, and finds lines again."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("journal", TABLES)

    def record(self, drafts: Sequence[Draft], rows: Rows | None = None) -> list[Entry]:
        """`Ledger.append`, with a line for each entry."""

        def together(tx: Tx, entries: list[Entry]) -> None:
            lines = [_row(draft, entry) for draft, entry in zip(drafts, entries, strict=True)]
            columns = "entry, at_us, kind, purpose, role, channel, recipient, customers, rows, codes"
            tx.insert_many("journal", columns, lines)
            if rows is not None:
                rows(tx, entries)

        return self.ledger.append(drafts, together)

    def lines(
        self,
        *,
        before: int | None = None,
        since_us: int = 0,
        kind: str = "",
        purpose: str = "",
        limit: int = 50,
    ) -> list[Line]:
        """Newest first. `kind` may be a beginning ("use")."""
        rows = self.db.query(
            "SELECT entry, at_us, kind, purpose, role, channel, recipient, customers, rows, codes FROM journal "
            "WHERE entry < ? AND at_us >= ? AND substr(kind, 1, ?) = ? AND (? = '' OR purpose = ?) "
            "ORDER BY entry DESC LIMIT ?",
            ((1 << 62) if before is None else before, since_us, len(kind), kind, purpose, purpose, limit),
        )
        return [Line(*(*row[:-1], _codes(row[-1]))) for row in rows]

    def count(self, kind: str, since_us: int) -> int:
        """Entries of a kind (or kinds with this beginning) since an instant."""
        found = self.db.query(
            "SELECT count(*) FROM journal WHERE at_us >= ? AND substr(kind, 1, ?) = ?", (since_us, len(kind), kind)
        )
        return int(found[0][0])


def _row(draft: Draft, entry: Entry) -> tuple[Any, ...]:
    public = draft.public
    codes = public.get("codes") or public.get("reasons") or []
    return (
        entry.index,
        entry.at,
        draft.kind,
        str(public.get("purpose", "")),
        str(public.get("role", "")),
        str(public.get("channel", "")),
        str(public.get("recipient", "")),
        public.get("customers"),
        public.get("rows"),
        json.dumps(codes),
    )


def _codes(text: str) -> dict[str, int]:
    loaded = json.loads(text)
    return {str(k): int(v) for k, v in loaded.items()} if isinstance(loaded, dict) else dict.fromkeys(loaded, 1)
