"""The first answer to a request that may come twice: an Idempotency-Key of one token.

A key is taken before the work begins and gets its answer afterwards. The same key
with another request is refused; with the same request it gets the first answer. If
the program stopped in between, the key is taken over after a minute, and the work is
done under the same event id, so the consent record answers with the first receipt.

Easy to get wrong: keys of one token answered to another; answers kept for ever (they
go after seven days); answers kept in clear (they are sealed, and requests are kept as
a keyed digest only).

Sources: IETF draft-ietf-httpapi-idempotency-key-header; AC-051.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import Enum

from rightful.ledger.database import Conflict, Database

KEPT_US = 7 * 86_400_000_000
TAKEN_OVER_AFTER_US = 60_000_000

TABLES = [
    """CREATE TABLE api_answer (
        token TEXT NOT NULL, key_hash BLOB NOT NULL, request BLOB NOT NULL, at_us INTEGER NOT NULL,
        status INTEGER, sealed BLOB, PRIMARY KEY (token, key_hash))""",
    "CREATE INDEX api_answer_at ON api_answer (at_us)",
]


class State(Enum):
    NEW = "new"
    ANSWERED = "answered"
    OTHER_REQUEST = "other request"
    AT_WORK = "at work"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a key. `event_id` is the same for every try; `status` and `sealed` are the first answer."""

    state: State
    event_id: str
    status: int = 0
    sealed: bytes = b""


class Answers:
    """First answers, by token and key."""

    def __init__(self, db: Database, key: bytes) -> None:
        self.db = db
        self._key = key
        db.migrate("api_answer", TABLES)

    def take(self, token: str, key: str, request: bytes, now_us: int) -> Taken:
        """Take a key for a request (its canonical bytes), or learn what it was used for."""
        key_hash, digest = self._digest(token, key.encode()), self._digest("request", request)
        event_id = "api-" + key_hash[:16].hex()
        with self.db.write() as tx:
            tx.execute("DELETE FROM api_answer WHERE at_us < ?", (now_us - KEPT_US,))
            row = tx.one(
                "SELECT request, at_us, status, sealed FROM api_answer WHERE token = ? AND key_hash = ?",
                (token, key_hash),
            )
            if row is None:
                try:
                    with tx.savepoint():
                        tx.execute(
                            "INSERT INTO api_answer VALUES (?, ?, ?, ?, NULL, NULL)", (token, key_hash, digest, now_us)
                        )
                except Conflict:  # another process was faster by a moment
                    return Taken(State.AT_WORK, event_id)
                return Taken(State.NEW, event_id)
            if not hmac.compare_digest(bytes(row[0]), digest):
                return Taken(State.OTHER_REQUEST, event_id)
            if row[2] is not None:
                return Taken(State.ANSWERED, event_id, int(row[2]), bytes(row[3]))
            if now_us - int(row[1]) < TAKEN_OVER_AFTER_US:
                return Taken(State.AT_WORK, event_id)
            tx.execute("UPDATE api_answer SET at_us = ? WHERE token = ? AND key_hash = ?", (now_us, token, key_hash))
            return Taken(State.NEW, event_id)

    def keep(self, token: str, key: str, status: int, sealed: bytes) -> None:
        with self.db.write() as tx:
            tx.execute(
                "UPDATE api_answer SET status = ?, sealed = ? WHERE token = ? AND key_hash = ?",
                (status, sealed, token, self._digest(token, key.encode())),
            )

    def give_back(self, token: str, key: str) -> None:
        """Nothing was done under this key: it may be used again."""
        with self.db.write() as tx:
            tx.execute(
                "DELETE FROM api_answer WHERE token = ? AND key_hash = ? AND status IS NULL",
                (token, self._digest(token, key.encode())),
            )

    def _digest(self, use: str, text: bytes) -> bytes:
        return hmac.digest(self._key, use.encode() + b"\0" + text, "sha256")
