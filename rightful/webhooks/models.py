"""Who is told of what, what still has to be told, and whose messages are believed.

Subscriptions and sources keep their address and key sealed. A delivery is one row for
each subscription and event; what happened is read from the ledger behind a cursor, so
an event that was acknowledged is told of at least once, whatever stops in between.

    queued -> sending -> delivered
                 |-> queued again, later -> dead -> queued (by hand)

Easy to get wrong: the cursor moved before the rows are written (one transaction); two
workers and one delivery (taking is one UPDATE, and a claim runs out).

Sources: standardwebhooks.com; AC-052.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rightful.ledger.database import Row, Tx
from rightful.ledger.record import Ledger
from rightful.webhooks.rules import DELAYS, SECOND, delay_us

QUEUED, SENDING, DELIVERED, DEAD = STATES = ("queued", "sending", "delivered", "dead")
LEASE_US = 60 * SECOND
KEPT_US = 30 * 86_400 * SECOND

TABLES = [
    """CREATE TABLE hook_subscription (
        id TEXT PRIMARY KEY, actor TEXT NOT NULL, kinds TEXT NOT NULL, sealed BLOB NOT NULL, made_us INTEGER NOT NULL,
        ended_us INTEGER, entry INTEGER NOT NULL)""",
    """CREATE TABLE hook_delivery (
        id INTEGER PRIMARY KEY AUTOINCREMENT, subscription TEXT NOT NULL, event TEXT NOT NULL, kind TEXT NOT NULL,
        body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_us INTEGER NOT NULL,
        made_us INTEGER NOT NULL, ended_us INTEGER, status TEXT NOT NULL, UNIQUE (subscription, event))""",
    "CREATE INDEX hook_delivery_due ON hook_delivery (state, due_us)",
    """CREATE TABLE hook_source (
        name TEXT PRIMARY KEY, sealed BLOB NOT NULL, made_us INTEGER NOT NULL, ended_us INTEGER,
        entry INTEGER NOT NULL)""",
    "CREATE TABLE hook_head (one INTEGER PRIMARY KEY CHECK (one = 1), entry INTEGER NOT NULL, seq INTEGER NOT NULL)",
]
_SUBSCRIPTION = "id, actor, kinds, sealed, made_us, ended_us, entry"
_DELIVERY = "id, subscription, event, kind, body, state, attempts, due_us, made_us, ended_us, status"


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of what. `url` and `secret` are opened; never log them."""

    id: str
    actor: str
    kinds: tuple[str, ...]
    url: str
    secret: str
    made_us: int
    ended_us: int | None
    entry: int

    def __repr__(self) -> str:
        return f"Subscription({self.id})"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one subscription; `status` is what came of the last try."""

    id: int
    subscription: str
    event: str
    kind: str
    body: str
    state: str
    attempts: int
    due_us: int
    made_us: int
    ended_us: int | None
    status: str


class Webhooks:
    """The webhooks of one workspace, both ways."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.db = ledger.db
        self.db.migrate("webhooks", TABLES)

    # Subscriptions

    def subscribe(self, tx: Tx, made: Subscription, consent_position: int) -> None:
        """Add a subscription; the first one says from where on anything is told at all."""
        sealed = self.ledger.seal(json.dumps([made.url, made.secret]).encode(), f"hook/{made.id}")
        row = (made.id, made.actor, json.dumps(made.kinds), sealed, made.made_us, made.entry)
        tx.execute("INSERT INTO hook_subscription VALUES (?, ?, ?, ?, ?, NULL, ?)", row)
        if tx.one("SELECT one FROM hook_head") is None:  # nobody was told of anything before
            tx.execute("INSERT INTO hook_head VALUES (1, ?, ?)", (made.entry, consent_position))

    def end(self, tx: Tx, subscription: str, at_us: int) -> None:
        tx.execute("UPDATE hook_subscription SET ended_us = ? WHERE id = ? AND ended_us IS NULL", (at_us, subscription))
        tx.execute(
            f"UPDATE hook_delivery SET state = '{DEAD}', ended_us = ?, status = 'subscription ended' "
            f"WHERE subscription = ? AND state IN ('{QUEUED}', '{SENDING}')",
            (at_us, subscription),
        )

    def subscriptions(self, *, ended: bool = False) -> list[Subscription]:
        rows = self.db.query(
            "SELECT id, actor, kinds, sealed, made_us, ended_us, entry FROM hook_subscription ORDER BY id"
        )
        return [self._opened(row) for row in rows if ended or row[5] is None]

    def subscription(self, name: str) -> Subscription | None:
        """A subscription that has not ended."""
        rows = self.db.query(
            f"SELECT {_SUBSCRIPTION} FROM hook_subscription WHERE id = ? AND ended_us IS NULL", (name,)
        )
        return self._opened(rows[0]) if rows else None

    # Events become deliveries

    def cursor(self) -> tuple[int, int] | None:
        """(newest entry, newest consent event) that was looked at; None: nobody ever subscribed."""
        rows = self.db.query("SELECT entry, seq FROM hook_head")
        return (int(rows[0][0]), int(rows[0][1])) if rows else None

    def advance(self, tx: Tx, before: tuple[int, int], after: tuple[int, int]) -> bool:
        """Move the cursor, if nobody else has; False: somebody was faster, write nothing."""
        moved = tx.one(
            "UPDATE hook_head SET entry = ?, seq = ? WHERE entry = ? AND seq = ? RETURNING one", (*after, *before)
        )
        return moved is not None

    def queue(self, tx: Tx, subscription: str, event: str, kind: str, body: str, now_us: int) -> int:
        """Add a delivery; the same event for the same subscription is added once. Returns its number, 0 if known."""
        made = tx.one(
            "INSERT INTO hook_delivery (subscription, event, kind, body, state, attempts, due_us, made_us, ended_us, "
            f"status) VALUES (?, ?, ?, ?, '{QUEUED}', 0, ?, ?, NULL, '') ON CONFLICT DO NOTHING RETURNING id",
            (subscription, event, kind, body, now_us, now_us),
        )
        return int(made[0]) if made else 0

    # For the worker

    def take(self, now_us: int) -> Delivery | None:
        """The next delivery that is due, claimed; None if there is none."""
        with self.db.write() as tx:
            skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
            row = tx.one(
                f"SELECT {_DELIVERY} FROM hook_delivery WHERE state IN ('{QUEUED}', '{SENDING}') AND due_us <= ? "
                f"ORDER BY due_us, id LIMIT 1{skip}",
                (now_us,),
            )
            if row is None:
                return None
            tx.execute(
                f"UPDATE hook_delivery SET state = '{SENDING}', attempts = attempts + 1, due_us = ? WHERE id = ?",
                (now_us + LEASE_US, row[0]),
            )
        taken = Delivery(*row)
        return replace(taken, attempts=taken.attempts + 1)

    def delivered(self, delivery: Delivery, status: str, now_us: int) -> None:
        with self.db.write() as tx:
            tx.execute(
                f"UPDATE hook_delivery SET state = '{DELIVERED}', ended_us = ?, status = ? WHERE id = ?",
                (now_us, status, delivery.id),
            )
            tx.execute(f"DELETE FROM hook_delivery WHERE state = '{DELIVERED}' AND ended_us < ?", (now_us - KEPT_US,))

    def failed(self, delivery: Delivery, status: str, now_us: int, *, for_good: bool = False) -> bool:
        """It did not arrive; True: it is tried again. Others to the same target wait as long, so that a target
        that does not answer holds nobody else up."""
        wait = None if for_good else delay_us(delivery.attempts)
        with self.db.write() as tx:
            if wait is None:
                tx.execute(
                    f"UPDATE hook_delivery SET state = '{DEAD}', ended_us = ?, status = ? WHERE id = ?",
                    (now_us, status, delivery.id),
                )
                return False
            tx.execute(
                f"UPDATE hook_delivery SET state = '{QUEUED}', due_us = ?, status = ? WHERE id = ?",
                (now_us + wait, status, delivery.id),
            )
            tx.execute(
                f"UPDATE hook_delivery SET due_us = ? WHERE subscription = ? AND state = '{QUEUED}' AND due_us < ?",
                (now_us + min(wait, DELAYS[1]), delivery.subscription, now_us + min(wait, DELAYS[1])),
            )
        return True

    def again(self, tx: Tx, delivery: int, now_us: int) -> None:
        """Try a dead delivery anew, with all its tries."""
        tx.execute(
            f"UPDATE hook_delivery SET state = '{QUEUED}', attempts = 0, due_us = ?, ended_us = NULL "
            f"WHERE id = ? AND state = '{DEAD}'",
            (now_us, delivery),
        )

    def deliveries(self, subscription: str, *, state: str = "", before: int = 0, limit: int = 50) -> list[Delivery]:
        """Newest first."""
        rows = self.db.query(
            f"SELECT {_DELIVERY} FROM hook_delivery WHERE subscription = ? AND (? = '' OR state = ?) "
            "AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?",
            (subscription, state, state, before, before, limit),
        )
        return [Delivery(*row) for row in rows]

    # Sources of messages that come in

    def accept(self, tx: Tx, name: str, secret: str, at_us: int, entry: int) -> None:
        sealed = self.ledger.seal(secret.encode(), f"hook-source/{name}")
        tx.execute(
            "INSERT INTO hook_source VALUES (?, ?, ?, NULL, ?) ON CONFLICT (name) DO UPDATE SET "
            "sealed = excluded.sealed, made_us = excluded.made_us, ended_us = NULL, entry = excluded.entry",
            (name, sealed, at_us, entry),
        )

    def refuse(self, tx: Tx, name: str, at_us: int) -> None:
        tx.execute("UPDATE hook_source SET ended_us = ? WHERE name = ?", (at_us, name))

    def secret_of(self, name: str) -> str | None:
        """The key of a source whose messages are believed."""
        rows = self.db.query("SELECT sealed FROM hook_source WHERE name = ? AND ended_us IS NULL", (name,))
        opened = self.ledger.unseal(bytes(rows[0][0]), f"hook-source/{name}") if rows else None
        return None if opened is None else opened.decode()

    def sources(self) -> Sequence[Row]:
        """(name, accepted at, ended at or None), by name."""
        return self.db.query("SELECT name, made_us, ended_us FROM hook_source ORDER BY name")

    def _opened(self, row: Row) -> Subscription:
        name, actor, kinds, sealed, made_us, ended_us, entry = row
        opened = self.ledger.unseal(bytes(sealed), f"hook/{name}")
        url, secret = json.loads(opened) if opened is not None else ("", "")
        return Subscription(name, actor, tuple(json.loads(kinds)), url, secret, made_us, ended_us, entry)
