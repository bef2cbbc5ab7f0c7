"""Which programs may ask, for whom, what for, and until when: tokens of the REST API.

A token is 256 random bits, shown once. What is stored is its SHA-256: with that much
chance in it, a plain hash cannot be turned round, and it can be looked up. A token
acts for a member of staff, whose role the gate looks up at each use, and only within
its scopes.

Easy to get wrong: a token that outlives the person it acts for (whoever asks looks
in the directory again), or a revocation that waits for a cache (there is none).

Sources: OWASP ASVS 5.0 V9, V11.4, V13.3; RFC 6750.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from hashlib import sha256

from rightful.ledger.database import Database, Row, Tx

PREFIX = "rft_"  # lets scanners of source code recognise a token that was committed by mistake
NOTE_USE_EVERY_US = 60_000_000

SCOPES = {
    "policy:read": "datasets, purposes, policies, notices and recipients",
    "policy:simulate": "try a policy out on the present customers; nothing is published",
    "data:use": "queries and decisions, for the purposes of the role",
    "subjects:read": "one customer's data, uses, choices and disclosures, for a stated purpose",
    "consents:write": "record a yes, a no, an objection; make preference and unsubscribe links",
    "requests:manage": "take customers' requests in, see where they stand",
    "ledger:read": "entries, proofs, checkpoints and tiles",
    "webhooks:manage": "subscribe to events, see and repeat deliveries",
}
"""What a token may be for, in words."""

TABLES = [
    """CREATE TABLE api_token (
        id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, actor TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL,
        made_us INTEGER NOT NULL, until_us INTEGER NOT NULL, revoked_us INTEGER, used_us INTEGER,
        entry INTEGER NOT NULL)"""
]
_COLUMNS = "id, actor, name, scopes, made_us, until_us, revoked_us, used_us, entry"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is known afterwards: everything but the secret. Instants in microseconds (UTC)."""

    id: str
    actor: str
    name: str
    scopes: tuple[str, ...]
    made_us: int
    until_us: int
    revoked_us: int | None
    used_us: int | None
    entry: int

    def is_live(self, now_us: int) -> bool:
        return self.revoked_us is None and self.made_us <= now_us < self.until_us


class Tokens:
    """The tokens of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("api_token", TABLES)

    def add(self, tx: Tx, token: Token, secret: str) -> None:
        tx.execute(
            "INSERT INTO api_token VALUES (?, ?, ?, ?, ?, ?, ?, NULL, NULL, ?)",
            (
                token.id,
                _hash(secret),
                token.actor,
                token.name,
                json.dumps(token.scopes),
                token.made_us,
                token.until_us,
                token.entry,
            ),
        )

    def find(self, secret: str) -> Token | None:
        """The token with this secret, in whatever state; None if there is none."""
        if not secret.startswith(PREFIX) or len(secret) > 100:
            return None
        rows = self.db.query(f"SELECT {_COLUMNS} FROM api_token WHERE hash = ?", (_hash(secret),))
        return _token(rows[0]) if rows else None

    def get(self, token_id: str) -> Token | None:
        rows = self.db.query(f"SELECT {_COLUMNS} FROM api_token WHERE id = ?", (token_id,))
        return _token(rows[0]) if rows else None

    def everything(self) -> list[Token]:
        """All tokens ever made, oldest first."""
        return [_token(row) for row in self.db.query(f"SELECT {_COLUMNS} FROM api_token ORDER BY made_us, id")]

    def revoke(self, tx: Tx, token_id: str, at_us: int) -> None:
        tx.execute("UPDATE api_token SET revoked_us = ? WHERE id = ? AND revoked_us IS NULL", (at_us, token_id))

    def note_use(self, token: Token, at_us: int) -> None:
        """Remember when it was last used, to the minute: not a write for every request."""
        if token.used_us is None or at_us - token.used_us > NOTE_USE_EVERY_US:
            with self.db.write() as tx:
                tx.execute("UPDATE api_token SET used_us = ? WHERE id = ?", (at_us, token.id))


def new_secret() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def new_id() -> str:
    return "tk-" + secrets.token_hex(5)


def _hash(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _token(row: Row) -> Token:
    token_id, actor, name, scopes, *rest = row
    return Token(token_id, actor, name, tuple(json.loads(scopes)), *rest)
