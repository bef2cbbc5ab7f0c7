"""Questions that were put to a customer and wait for an answer: they permit nothing.

A request is one purpose on one channel; several in one mail share a token. The token
is a secret in that mail; what stands here is its keyed digest. It works once, until it
ends, and not after the customer said no in the meantime.

    open -> confirmed | refused | void        (open and past its end = expired)

Easy to get wrong: counting mails per request. Limits are per customer and per day,
whatever was asked for, or a stranger could flood a mailbox with our questions.

Sources: GDPR Art. 4(11), 7(1); BGH I ZR 164/09 (proof by double opt-in); AC-025.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rightful.errors import EventRejected
from rightful.ledger.database import Database, Row, Tx

OPT_IN, ASKED, GUARDIAN = KINDS = ("opt-in", "asked", "guardian")
"""Who began: the customer (double opt-in), the organisation, or a child's page."""
OPEN, CONFIRMED, REFUSED, VOID, EXPIRED = STATES = ("open", "confirmed", "refused", "void", "expired")
DAY_US = 86_400_000_000
LIFETIME_US = 3 * DAY_US
MAILS_PER_DAY = 3

TABLES = [
    """CREATE TABLE consent_request (
        id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
        no INTEGER NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL, notice TEXT NOT NULL,
        language TEXT NOT NULL, form TEXT NOT NULL, state TEXT NOT NULL, made_us INTEGER NOT NULL,
        ends_us INTEGER NOT NULL, answered_us INTEGER, entry INTEGER NOT NULL, answer INTEGER)""",
    "CREATE INDEX consent_request_token ON consent_request (token)",
    "CREATE INDEX consent_request_no ON consent_request (no, made_us)",
    "CREATE INDEX consent_request_slot ON consent_request (purpose, channel, state)",
]
_FIELDS = (
    "id, token, kind, subject, no, purpose, channel, notice, language, form, state, made_us, ends_us, answered_us, "
    "entry, answer"
)


_OVER = f"""ends_us < ? AND (kind <> '{ASKED}' OR id NOT IN (
    SELECT max(id) FROM consent_request WHERE kind = '{ASKED}' GROUP BY no, purpose, channel))"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question. `entry` is where it was recorded, `answer` the entry of what came of it."""

    id: int
    token: str
    kind: str
    subject: str
    no: int
    purpose: str
    channel: str
    notice: str
    language: str
    form: str
    state: str
    made_us: int
    ends_us: int
    answered_us: int | None
    entry: int
    answer: int | None

    def state_at(self, now_us: int) -> str:
        """The state as of an instant: an open question whose time is over has expired."""
        return EXPIRED if self.state == OPEN and self.ends_us <= now_us else self.state


class Requests:
    """The questions of one workspace."""

    def __init__(self, db: Database, key: bytes) -> None:
        """`key` makes the digests of tokens."""
        self.db = db
        self._key = key
        db.migrate("consent-requests", TABLES)

    def new_token(self) -> str:
        """A secret for one mail: 256 bits, fit for an address."""
        return secrets.token_urlsafe(32)

    def add(
        self,
        tx: Tx,
        token: str,
        kind: str,
        subject: str,
        no: int,
        asked: Sequence[tuple[str, str]],
        *,
        notice: str,
        language: str,
        form: str = "",
        now_us: int,
        entries: Sequence[int],
        lifetime_us: int = LIFETIME_US,
    ) -> None:
        """Note questions that go out together, in the transaction of their ledger entries."""
        columns = "token, kind, subject, no, purpose, channel, notice, language, form, state, made_us, ends_us, entry"
        digest, end = self.digest(token), now_us + lifetime_us
        rows = [
            (digest, kind, subject, no, purpose, channel, notice, language, form, OPEN, now_us, end, entry)
            for (purpose, channel), entry in zip(asked, entries, strict=True)
        ]
        tx.executemany(f"INSERT INTO consent_request ({columns}) VALUES ({', '.join('?' * 13)})", rows)

    def found(self, token: str) -> list[Asked]:
        """The questions of a token; none if it is not one of ours."""
        rows = self.db.query(
            f"SELECT {_FIELDS} FROM consent_request WHERE token = ? ORDER BY id", (self.digest(token),)
        )
        return [Asked(*row) for row in rows]

    def answer(self, tx: Tx, asked: Iterable[tuple[int, str, int | None]], now_us: int) -> None:
        """Close open questions: (id, new state, entry that says so).

        Raises:
            EventRejected: one of them is closed already; undo the transaction.
        """
        for number, state, entry in asked:
            closed = tx.execute(
                "UPDATE consent_request SET state = ?, answered_us = ?, answer = ? "
                "WHERE id = ? AND state = ? RETURNING id",
                (state, now_us, entry, number, OPEN),
            )
            if not closed:
                raise EventRejected("this question was answered already", remedy="Nothing more is needed")

    def forget(self, tx: Tx, no: int) -> None:
        """Remove every question to a customer; their links lead nowhere from now on."""
        tx.execute("DELETE FROM consent_request WHERE no = ?", (no,))

    def over_since(self, before_us: int) -> int:
        """How many questions `remove_over` would remove."""
        return int(self.db.query(f"SELECT count(*) FROM consent_request WHERE {_OVER}", (before_us,))[0][0])

    def remove_over(self, tx: Tx, before_us: int) -> None:
        """Remove questions whose time was over before an instant, answered or not.

        The organisation's last one to each customer stays: the rest before asking again is counted from it.
        """
        tx.execute(f"DELETE FROM consent_request WHERE {_OVER}", (before_us,))

    def mails_since(self, no: int, since_us: int) -> int:
        """How many mails with questions went to a customer since an instant."""
        rows = self.db.query(
            "SELECT count(DISTINCT token) FROM consent_request WHERE no = ? AND made_us > ?", (no, since_us)
        )
        return int(rows[0][0])

    def of(self, no: int, *, limit: int = 50) -> list[Asked]:
        """Questions to one customer, newest first."""
        rows = self.db.query(
            f"SELECT {_FIELDS} FROM consent_request WHERE no = ? ORDER BY id DESC LIMIT ?", (no, limit)
        )
        return [Asked(*row) for row in rows]

    def last_asked(self, purpose: str, channel: str) -> list[Row]:
        """(customer number, instant) of the organisation's last question to each customer."""
        return self.db.query(
            "SELECT no, max(made_us) FROM consent_request WHERE kind = ? AND purpose = ? AND channel = ? "
            "GROUP BY no ORDER BY no",
            (ASKED, purpose, channel),
        )

    def counts(self, now_us: int) -> dict[tuple[str, str, str], int]:
        """(purpose, channel, state) -> how many questions."""
        rows = self.db.query(
            f"SELECT purpose, channel, CASE WHEN state = '{OPEN}' AND ends_us <= ? THEN '{EXPIRED}' ELSE state END, "
            "count(*) FROM consent_request GROUP BY 1, 2, 3",
            (now_us,),
        )
        return {(row[0], row[1], row[2]): int(row[3]) for row in rows}

    def digest(self, token: str) -> str:
        return hmac.digest(self._key, token.encode(), "sha256").hex()
