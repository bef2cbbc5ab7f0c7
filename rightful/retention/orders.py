"""Which disposals were ordered on a page: until when each can be taken back, and how far it has come.

What is disposed of does not come back, so an order waits a day before it is carried out.
Whoever carries it out claims it first and is heard of at every batch; an order whose
worker fell silent can be claimed again.

Easy to get wrong: who ordered it is staff, and still a person: the address lies sealed.

Source: UX console ("irreversible ones are queued (24 h) and say so").
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Literal

from rightful.errors import BadInput, NotFound
from rightful.ledger.database import Row, Tx
from rightful.ledger.record import Ledger

State = Literal["waiting", "running", "done", "taken-back", "overtaken", "failed"]
WAITS_US = 24 * 3_600_000_000
SILENT_US = 15 * 60_000_000
"""A batch can take minutes; whoever was not heard of for so long has ended."""

TABLES = [
    """CREATE TABLE disposal_order (
        id TEXT PRIMARY KEY, state TEXT NOT NULL, policy TEXT NOT NULL, rows INTEGER NOT NULL,
        ordered_us INTEGER NOT NULL, ready_us INTEGER NOT NULL, heard_us INTEGER NOT NULL, entry INTEGER NOT NULL,
        part TEXT NOT NULL, share REAL NOT NULL, run TEXT NOT NULL, sealed BLOB NOT NULL)""",
]
_COLUMNS = "id, state, policy, rows, ordered_us, ready_us, heard_us, entry, part, share, run"


@dataclass(frozen=True, slots=True)
class Order:
    """One order.

    Attributes:
        policy: version it was ordered under; under another one it is not carried out.
        rows: how many were due when it was ordered.
        part: table that is worked on, and `share` of the batches that is done.
        run: the disposal, once it ended; the code of the refusal where it failed.
    """

    id: str
    state: State
    policy: str
    rows: int
    ordered_us: int
    ready_us: int
    heard_us: int
    entry: int
    part: str
    share: float
    run: str

    @property
    def open(self) -> bool:
        return self.state in ("waiting", "running")


class Orders:
    """The ordered disposals of one workspace."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("disposal_orders", TABLES)

    def add(self, tx: Tx, policy: str, rows: int, now_us: int, entry: int, actor: str) -> str:
        """A new order, to be carried out a day from now; returns its id.

        Raises:
            BadInput: one waits already, or is being carried out.
        """
        if tx.one("SELECT id FROM disposal_order WHERE state IN ('waiting', 'running')") is not None:
            raise BadInput("a disposal is ordered already", remedy="Take that one back first, or let it end")
        name = "o-" + secrets.token_hex(5)
        sealed = self.ledger.seal(actor.encode(), f"disposal-order/{name}")
        tx.execute(
            f"INSERT INTO disposal_order ({_COLUMNS}, sealed) VALUES (?, 'waiting', ?, ?, ?, ?, 0, ?, '', 0, '', ?)",
            (name, policy, rows, now_us, now_us + WAITS_US, entry, sealed),
        )
        return name

    def take_back(self, tx: Tx, order: str) -> None:
        """End an order that waits.

        Raises:
            BadInput: it does not wait any more.
        """
        change = "UPDATE disposal_order SET state = 'taken-back' WHERE id = ? AND state = 'waiting' RETURNING id"
        if not tx.execute(change, (order,)):
            raise BadInput("this order cannot be taken back any more", remedy="Look where it stands now")

    def claim(self, now_us: int) -> Order | None:
        """The order that is to be carried out now, for whoever asks first."""
        with self.db.write() as tx:
            found = tx.execute(
                "UPDATE disposal_order SET state = 'running', heard_us = ? WHERE id IN (SELECT id FROM disposal_order "
                "WHERE (state = 'waiting' AND ready_us <= ?) OR (state = 'running' AND heard_us < ?) LIMIT 1) "
                "RETURNING id",
                (now_us, now_us, now_us - SILENT_US),
            )
        return self.get(str(found[0][0])) if found else None

    def heard(self, order: str, now_us: int, part: str, share: float) -> None:
        """How far it has come."""
        with self.db.write() as tx:
            tx.execute(
                "UPDATE disposal_order SET heard_us = ?, part = ?, share = ? WHERE id = ?", (now_us, part, share, order)
            )

    def end(self, order: str, state: State, run: str) -> None:
        with self.db.write() as tx:
            tx.execute("UPDATE disposal_order SET state = ?, run = ? WHERE id = ?", (state, run, order))

    def actor_of(self, order: str) -> str:
        """Who ordered it."""
        [(sealed,)] = self.db.query("SELECT sealed FROM disposal_order WHERE id = ?", (order,))
        opened = self.ledger.unseal(bytes(sealed), f"disposal-order/{order}")
        return (opened or b"").decode()

    def get(self, order: str) -> Order:
        """One order.

        Raises:
            NotFound: there is none of this id.
        """
        rows = self.db.query(f"SELECT {_COLUMNS} FROM disposal_order WHERE id = ?", (order,))
        if not rows:
            raise NotFound("there is no such order of a disposal")
        return _order(rows[0])

    def newest(self) -> Order | None:
        rows = self.db.query(f"SELECT {_COLUMNS} FROM disposal_order ORDER BY ordered_us DESC, id LIMIT 1")
        return _order(rows[0]) if rows else None


def _order(row: Row) -> Order:
    return Order(*row)
