"""Which policy is in force, and which notices have been published: kept for ever.

A published version never changes; publishing another one adds a row. So does a
notice: its label is versioned, its terms (purpose -> categories, recipients,
channels) are what a consent given on it covers.

Sources: GDPR Art. 5(2), 7(1), 13; cases S04-S06, T13, AC-056.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from rightful.errors import BadInput
from rightful.ledger.database import Conflict, Database, Tx
from rightful.policy.document import as_document, from_document
from rightful.policy.model import Policy

TABLES = [
    """CREATE TABLE policy_version (
        seq INTEGER PRIMARY KEY, version TEXT NOT NULL, label TEXT NOT NULL, document TEXT NOT NULL,
        published_us INTEGER NOT NULL, actor TEXT NOT NULL, approver TEXT NOT NULL, entry INTEGER NOT NULL)""",
    """CREATE TABLE notice (
        seq INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, digest TEXT NOT NULL,
        policy_version TEXT NOT NULL, terms TEXT NOT NULL, published_us INTEGER NOT NULL, entry INTEGER NOT NULL)""",
    "CREATE TABLE shelf_head (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL)",
    "INSERT INTO shelf_head VALUES (1, 0)",
]

Terms = dict[str, dict[str, Any]]
"""Purpose -> {"categories": [...], "recipients": [...], "channels": [...], ...}."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published policy version, without its text."""

    version: str
    label: str
    published_us: int
    actor: str
    approver: str
    entry: int


class PolicyShelf:
    """Published policies and notices of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("policy", TABLES)

    def position(self) -> int:
        """Grows with each publication; readers compare it to know whether to look again."""
        return int(self.db.query("SELECT position FROM shelf_head")[0][0])

    def in_force(self) -> Policy | None:
        rows = self.db.query("SELECT document FROM policy_version ORDER BY seq DESC LIMIT 1")
        return from_document(json.loads(rows[0][0])) if rows else None

    def version(self, version: str) -> Policy | None:
        """A published policy by its version (or the start of it, eight characters or more)."""
        if len(version) < 8:
            return None
        rows = self.db.query(
            "SELECT document FROM policy_version WHERE substr(version, 1, ?) = ? ORDER BY seq DESC LIMIT 1",
            (len(version), version),
        )
        return from_document(json.loads(rows[0][0])) if rows else None

    def history(self) -> list[Published]:
        rows = self.db.query(
            "SELECT version, label, published_us, actor, approver, entry FROM policy_version ORDER BY seq"
        )
        return [Published(*row) for row in rows]

    def notices(self) -> dict[str, Terms]:
        """Label -> terms of every notice ever published."""
        return {
            label: json.loads(terms) for label, terms in self.db.query("SELECT label, terms FROM notice ORDER BY seq")
        }

    def terms(self, label: str) -> Terms | None:
        """What one notice says, purpose by purpose; None if there is none of this label."""
        rows = self.db.query("SELECT terms FROM notice WHERE label = ?", (label,))
        return json.loads(rows[0][0]) if rows else None

    def notice_history(self) -> list[tuple[str, int, int]]:
        """Label, instant and ledger entry of every notice, oldest first."""
        found = self.db.query("SELECT label, published_us, entry FROM notice ORDER BY seq")
        return [(str(label), int(at), int(entry)) for label, at, entry in found]

    def newest_notice(self) -> str:
        rows = self.db.query("SELECT label FROM notice ORDER BY seq DESC LIMIT 1")
        return rows[0][0] if rows else ""

    def digest_of(self, label: str) -> str:
        """The digest a notice was published under; "" if there is no such notice."""
        rows = self.db.query("SELECT digest FROM notice WHERE label = ?", (label,))
        return rows[0][0] if rows else ""

    def publish(self, tx: Tx, policy: Policy, at_us: int, actor: str, approver: str, entry: int) -> None:
        seq = self._advance(tx)
        document = json.dumps(as_document(policy), ensure_ascii=False)  # in its author's order, for the notice
        tx.execute(
            "INSERT INTO policy_version VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (seq, policy.version, policy.label, document, at_us, actor, approver, entry),
        )

    def publish_notice(self, tx: Tx, label: str, policy_version: str, terms: Terms, at_us: int, entry: int) -> str:
        """Add a notice; returns its digest.

        Raises:
            BadInput: the label is taken: a notice never changes.
        """
        seq = self._advance(tx)
        text = json.dumps(terms, ensure_ascii=False, sort_keys=True)
        digest = digest_of_terms(terms)
        try:
            tx.execute(
                "INSERT INTO notice VALUES (?, ?, ?, ?, ?, ?, ?)",
                (seq, label, digest, policy_version, text, at_us, entry),
            )
        except Conflict as taken:
            raise BadInput(
                f"there is a notice {label} already, and a notice never changes",
                remedy="Publish it under a new label",
            ) from taken
        return digest

    def _advance(self, tx: Tx) -> int:
        lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
        found = tx.one(f"SELECT position FROM shelf_head{lock}")
        assert found is not None
        tx.execute("UPDATE shelf_head SET position = ?", (int(found[0]) + 1,))
        return int(found[0]) + 1


def digest_of_terms(terms: Terms) -> str:
    """SHA-256 of what a notice says, in hex; typography and order do not change it (case S05)."""
    return hashlib.sha256(notice_bytes(terms)).hexdigest()


def notice_bytes(terms: Terms) -> bytes:
    """What a notice says, as the bytes its digest is taken of."""
    canonical = {
        purpose: {
            key: sorted(value) if isinstance(value, (list, tuple, set, frozenset)) else value
            for key, value in entry.items()
        }
        for purpose, entry in terms.items()
    }
    return json.dumps(canonical, ensure_ascii=False, sort_keys=True).encode()
