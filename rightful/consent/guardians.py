"""Who answers for a child: named by the child's page, never believed for that alone.

    invited -> needs-staff -> verified      a relation on file goes straight to verified
       |            |-> rejected
       |-> declined                         "I am not": nothing more is sent to this address

Address, name and relation are sealed under the child's key. What stands open is a
pseudonym, a state, a keyed digest of the address (to find it again, not to read it)
and the keyed digest of a link.

Easy to get wrong: taking the mailbox for the person. Whoever gets the link has an
address a child typed in, nothing else (GDPR Art. 8(2); AC-022).
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightful.errors import EventRejected
from rightful.ledger.database import Database, Row, Tx
from rightful.ledger.record import Ledger

INVITED, NEEDS_STAFF, VERIFIED, REJECTED, DECLINED = STATES = (
    "invited",
    "needs-staff",
    "verified",
    "rejected",
    "declined",
)
ON_FILE, BY_STAFF = "relation-on-file", "checked-by-staff"
DAY_US = 86_400_000_000
INVITATION_US = 14 * DAY_US
LINK_US = 2 * DAY_US
MAILS_PER_DAY = 3

TABLES = [
    """CREATE TABLE consent_guardian (
        id INTEGER PRIMARY KEY AUTOINCREMENT, mark TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, no INTEGER NOT NULL,
        token TEXT NOT NULL, address TEXT NOT NULL, sealed BLOB, state TEXT NOT NULL, how TEXT NOT NULL,
        language TEXT NOT NULL, made_us INTEGER NOT NULL, ends_us INTEGER NOT NULL, changed_us INTEGER NOT NULL,
        entry INTEGER NOT NULL)""",
    "CREATE INDEX consent_guardian_token ON consent_guardian (token)",
    "CREATE INDEX consent_guardian_address ON consent_guardian (address)",
    "CREATE INDEX consent_guardian_no ON consent_guardian (no)",
    # One row for each mail with a link, so that a mailbox is not flooded.
    "CREATE TABLE consent_guardian_mail (address TEXT NOT NULL, no INTEGER NOT NULL, at_us INTEGER NOT NULL)",
    "CREATE INDEX consent_guardian_mail_address ON consent_guardian_mail (address, at_us)",
]
_FIELDS = "id, mark, subject, no, token, address, sealed, state, how, language, made_us, ends_us, changed_us, entry"


@dataclass(frozen=True, slots=True)
class Relation:
    """One person named for one child. `entry` is where the newest state was recorded."""

    id: int
    mark: str
    subject: str
    no: int
    token: str
    address: str
    sealed: bytes | None
    state: str
    how: str
    language: str
    made_us: int
    ends_us: int
    changed_us: int
    entry: int

    def __repr__(self) -> str:
        return f"Relation({self.id}, {self.state})"


class Guardians:
    """The guardians of one workspace."""

    def __init__(self, db: Database, ledger: Ledger, key: bytes) -> None:
        """`key` makes the digests of links and addresses."""
        self.db = db
        self.ledger = ledger
        self._key = key
        db.migrate("consent-guardians", TABLES)

    def new_token(self) -> str:
        return secrets.token_urlsafe(32)

    def invite(
        self, tx: Tx, subject: str, no: int, address: str, token: str, language: str, now_us: int, entry: int
    ) -> int:
        """Note an invitation; replaces an unanswered one to the same address."""
        digest = self.digest("address", normal(address))
        mark = secrets.token_hex(16)
        sealed = self._seal(tx, mark, subject, {"address": address})
        tx.execute("DELETE FROM consent_guardian WHERE no = ? AND address = ? AND state = ?", (no, digest, INVITED))
        self._note_mail(tx, digest, no, now_us)
        made = tx.one(
            "INSERT INTO consent_guardian (mark, subject, no, token, address, sealed, state, how, language, made_us, "
            "ends_us, changed_us, entry) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, ?) RETURNING id",
            (
                *(mark, subject, no, self.digest("link", token), digest, sealed, INVITED, language),
                *(now_us, now_us + INVITATION_US, now_us, entry),
            ),
        )
        assert made is not None
        return int(made[0])

    def move(
        self, tx: Tx, relation: Relation, state: str, now_us: int, entry: int, *, how: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        """Go on to another state, once.

        Raises:
            EventRejected: somebody else was faster; undo the transaction.
        """
        sealed = relation.sealed
        if details is not None:
            sealed = self._seal(tx, relation.mark, relation.subject, details)
        done = tx.execute(
            "UPDATE consent_guardian SET state = ?, how = ?, sealed = ?, changed_us = ?, entry = ? "
            "WHERE id = ? AND state = ? RETURNING id",
            (state, how or relation.how, sealed, now_us, entry, relation.id, relation.state),
        )
        if not done:
            raise EventRejected("this was answered a moment ago", remedy="Look again")

    def renew_link(self, tx: Tx, relation: Relation, token: str, now_us: int) -> None:
        """A new link for a verified guardian; the old one is worth nothing from now on."""
        self._note_mail(tx, relation.address, relation.no, now_us)
        tx.execute(
            "UPDATE consent_guardian SET token = ?, ends_us = ? WHERE id = ?",
            (self.digest("link", token), now_us + LINK_US, relation.id),
        )

    def forget(self, tx: Tx, no: int) -> None:
        """Remove everybody who was named for a child; their links lead nowhere from now on."""
        tx.execute("DELETE FROM consent_guardian WHERE no = ?", (no,))
        tx.execute("DELETE FROM consent_guardian_mail WHERE no = ?", (no,))

    def by_link(self, token: str) -> Relation | None:
        return self._one("token = ?", (self.digest("link", token),))

    def by_id(self, number: int) -> Relation | None:
        return self._one("id = ?", (number,))

    def by_address(self, address: str, state: str) -> list[Relation]:
        """Relations of one address in a state; several children may name the same one."""
        digest = self.digest("address", normal(address))
        return self._all("address = ? AND state = ?", (digest, state))

    def of(self, no: int) -> list[Relation]:
        """Everybody who was named for a child, newest first."""
        return self._all("no = ?", (no,))

    def in_state(self, state: str) -> list[Relation]:
        return self._all("state = ?", (state,))

    def mails_since(self, no: int, address: str, since_us: int) -> int:
        """Mails with a link because of this child, or to this address, since an instant; the larger number."""
        digest = self.digest("address", normal(address))
        rows = self.db.query(
            "SELECT sum(CASE WHEN no = ? THEN 1 ELSE 0 END), sum(CASE WHEN address = ? THEN 1 ELSE 0 END) "
            "FROM consent_guardian_mail WHERE at_us > ? AND (no = ? OR address = ?)",
            (no, digest, since_us, no, digest),
        )
        return max(int(rows[0][0] or 0), int(rows[0][1] or 0))

    def details(self, relation: Relation) -> dict[str, Any]:
        """Address, name and relation; {} once the child was erased."""
        if relation.sealed is None:
            return {}
        text = self.ledger.unseal(relation.sealed, f"guardian/{relation.mark}", relation.subject)
        loaded: dict[str, Any] = json.loads(text) if text is not None else {}
        return loaded

    def digest(self, what: str, text: str) -> str:
        return hmac.digest(self._key, f"{what}/{text}".encode(), "sha256").hex()

    def _seal(self, tx: Tx, mark: str, subject: str, details: Mapping[str, str]) -> bytes:
        text = json.dumps(dict(details), ensure_ascii=False).encode()
        return self.ledger.seal(text, f"guardian/{mark}", subject)

    def _note_mail(self, tx: Tx, address: str, no: int, now_us: int) -> None:
        tx.execute("INSERT INTO consent_guardian_mail VALUES (?, ?, ?)", (address, no, now_us))

    def _one(self, where: str, values: Row) -> Relation | None:
        found = self._all(where, values)
        return found[0] if found else None

    def _all(self, where: str, values: Row) -> list[Relation]:
        rows = self.db.query(f"SELECT {_FIELDS} FROM consent_guardian WHERE {where} ORDER BY id DESC", values)
        blobs = [None if row[6] is None else bytes(row[6]) for row in rows]
        return [Relation(*(*row[:6], blob, *row[7:])) for row, blob in zip(rows, blobs, strict=True)]


def normal(address: str) -> str:
    """An address as it is compared: ASCII letters in small, nothing else folded."""
    return "".join(c.lower() if c.isascii() else c for c in address.strip())
