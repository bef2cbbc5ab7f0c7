"""What still has to be written to whom, and what became of it.

A letter is put here in the transaction of whatever made it necessary, so neither is
there without the other. A worker takes it, the web renders and sends it. Address and
words are sealed: under the customer's key where it concerns one (an erasure makes it
unreadable), else under the log's key, and then removed once sent.

    queued -> sending -> sent -> bounced
                 |-> queued again, later -> failed

Easy to get wrong: two workers and one letter (taking is one UPDATE that only one of
them wins); a worker that dies with a letter in hand (its claim runs out); the same
occasion twice (`once` names it: the second call gives the first letter).

Sources: RFC 5321 4.5.4.1, RFC 3464; GDPR Art. 5(1)(f), 17, 32.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightful.errors import BadInput, RecordMismatch
from rightful.ledger.database import Row, Tx
from rightful.ledger.entry import Draft
from rightful.ledger.journal import Journal
from rightful.mail import rules
from rightful.mail.bounce import Bounce

QUEUED, SENDING, SENT, FAILED, BOUNCED = STATES = ("queued", "sending", "sent", "failed", "bounced")
ALLOWED_HEADERS = frozenset({"List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"})

TABLES = [
    # address: a keyed digest, enough to know a dead address again, not to read it.
    """CREATE TABLE mail_letter (
        id INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL UNIQUE, once TEXT UNIQUE, kind TEXT NOT NULL,
        template TEXT NOT NULL, language TEXT NOT NULL, subject TEXT, address TEXT NOT NULL, sealed BLOB,
        keep INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_us INTEGER NOT NULL,
        made_us INTEGER NOT NULL, ended_us INTEGER, status TEXT NOT NULL, entry INTEGER)""",
    "CREATE INDEX mail_letter_due ON mail_letter (state, due_us)",
    "CREATE INDEX mail_letter_subject ON mail_letter (subject)",
    """CREATE TABLE mail_dead_address (
        address TEXT NOT NULL, kind TEXT NOT NULL, since_us INTEGER NOT NULL, status TEXT NOT NULL,
        PRIMARY KEY (address, kind))""",
]
_LINE = "id, kind, template, language, subject, state, attempts, due_us, made_us, ended_us, status"


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter in the hand of a worker, opened. Never log it: it holds the address and the words."""

    id: int
    token: str
    to: str
    template: str
    words: Mapping[str, Any]
    headers: Mapping[str, str]
    language: str
    kind: str
    attempts: int

    def __repr__(self) -> str:
        return f"Letter({self.id})"


@dataclass(frozen=True, slots=True)
class Line:
    """What may be shown of a letter to staff: no address, no words. Instants in microseconds."""

    id: int
    kind: str
    template: str
    language: str
    subject: str | None
    state: str
    attempts: int
    due_us: int
    made_us: int
    ended_us: int | None
    status: str


class Mail:
    """The letters of one workspace."""

    def __init__(self, journal: Journal, key: bytes, name_of: Any, clock: Any) -> None:
        """`key` makes the digests of addresses; `name_of(no)` is a customer's pseudonym; `clock()` is microseconds."""
        self.journal = journal
        self.ledger = journal.ledger
        self.db = journal.db
        self._key = key
        self._name_of = name_of
        self._clock = clock
        self.db.migrate("mail", TABLES)

    def put(
        self,
        *,
        to: str,
        template: str,
        words: Mapping[str, Any] | None = None,
        language: str = "en",
        subject_no: int | None = None,
        kind: str = "service",
        once: str = "",
        headers: Mapping[str, str] | None = None,
        keep: bool = True,
    ) -> int:
        """Queue a letter; returns its number. Takes part in the transaction this thread is in.

        Args:
            to: one address.
            template: `templates/mail/<template>.subject.txt`, `.txt` and, where there is one, `.html`.
            words: what the templates need, as JSON. `organisation` and `site` are there already.
            subject_no: the customer it is about; None for staff and recipients.
            kind: what it is for ("service", "rights", a purpose ...). A dead address ends its own kind only.
            once: names the occasion; the same name again is the same letter.
            headers: List-Unsubscribe, List-Unsubscribe-Post, Reply-To.
            keep: False for a text that opens something (a link with a secret): removed once sent.

        Raises:
            BadInput: no address, or a header that is none of these.
        """
        if to.count("@") != 1 or any(c.isspace() or not c.isprintable() for c in to):
            raise BadInput("this is no e-mail address")
        if unknown := set(headers or {}) - ALLOWED_HEADERS:
            raise BadInput(f"a letter takes no header {sorted(unknown)[0]}")
        if any(not value.isprintable() for value in (headers or {}).values()):
            raise BadInput("a header holds a line break")
        now = self._clock()
        name = self._digest("once", once) if once else None
        address = self._digest("address", rules.normal_address(to))
        subject = None if subject_no is None else self._name_of(subject_no)
        content = json.dumps({"to": to, "words": dict(words or {}), "headers": dict(headers or {})}, ensure_ascii=False)
        with self.db.write() as tx:
            known = tx.one("SELECT id FROM mail_letter WHERE once = ?", (name,)) if name else None
            if known:
                return int(known[0])
            dead = tx.one("SELECT status FROM mail_dead_address WHERE address = ? AND kind = ?", (address, kind))
            token = secrets.token_hex(16)
            sealed = None if dead else self.ledger.seal(content.encode(), f"mail/{token}", subject)
            row = (
                *(token, name, kind, template, language, subject, address, sealed, int(keep and subject is not None)),
                *((BOUNCED, 0, now, now, now, dead[0]) if dead else (QUEUED, 0, now, now, None, "")),
            )
            made = tx.one(
                "INSERT INTO mail_letter (token, once, kind, template, language, subject, address, sealed, keep, "
                "state, attempts, due_us, made_us, ended_us, status) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                row,
            )
            assert made is not None
            return int(made[0])

    # For the worker

    def take(self) -> Letter | None:
        """The next letter that is due, claimed; None if there is none."""
        while True:
            now = self._clock()
            with self.db.write() as tx:
                skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
                due = tx.one(
                    "SELECT id, token, subject, sealed, template, language, kind, attempts FROM mail_letter "
                    f"WHERE state IN ('{QUEUED}', '{SENDING}') AND due_us <= ? ORDER BY due_us, id LIMIT 1{skip}",
                    (now,),
                )
                if due is None:
                    return None
                number, token, subject, sealed, template, language, kind, attempts = due
                if attempts >= rules.MOST_ATTEMPTS:  # every claim ran out: whoever takes it dies of it
                    self._end(tx, number, FAILED, "gave up", now)
                    continue
                tx.execute(
                    "UPDATE mail_letter SET state = ?, attempts = attempts + 1, due_us = ? WHERE id = ?",
                    (SENDING, now + rules.LEASE_US, number),
                )
            content = self._open(token, subject, sealed)
            if content is None:
                with self.db.write() as tx:
                    self._end(tx, number, FAILED, "erased", now)
                continue
            to, words, headers = content["to"], content["words"], content["headers"]
            return Letter(number, token, to, template, words, headers, language, kind, attempts + 1)

    def sent(self, letter: Letter) -> None:
        """It left. Written down in the ledger, without address and words."""
        now = self._clock()
        found = self.db.query("SELECT subject FROM mail_letter WHERE id = ?", (letter.id,))
        public = {"template": letter.template, "about": letter.kind, "language": letter.language}
        draft = Draft("mail.sent", public, {"letter": letter.token}, found[0][0] if found else None)
        self.journal.record([draft], lambda tx, entries: self._end(tx, letter.id, SENT, "", now, entries[0].index))

    def not_sent(self, letter: Letter, status: str, *, permanent: bool = False) -> bool:
        """It did not leave; True: it will be tried again.

        Args:
            status: an enhanced status code or the name of a fault. Never the text: it may hold the address.
        """
        now = self._clock()
        again = None if permanent else rules.next_try(letter.attempts, now)
        with self.db.write() as tx:
            if again is None:
                self._end(tx, letter.id, FAILED, status, now)
                self._mark_dead(tx, letter.id, status, now)
            else:
                tx.execute(
                    "UPDATE mail_letter SET state = ?, due_us = ?, status = ? WHERE id = ? AND state = ?",
                    (QUEUED, again, status, letter.id, SENDING),
                )
        return again is not None

    def bounced(self, bounce: Bounce) -> Line | None:
        """It came back. The same report twice changes nothing more; None: no letter of ours."""
        now = self._clock()
        with self.db.write() as tx:
            found = tx.one("SELECT id, state FROM mail_letter WHERE token = ?", (bounce.token,))
            if found is None:
                return None
            if found[1] in (SENT, SENDING) and rules.is_permanent(bounce.status):
                self._end(tx, found[0], BOUNCED, bounce.status, now)
                self._mark_dead(tx, found[0], bounce.status, now)
        return self.line(int(found[0]))

    # For people

    def line(self, number: int) -> Line | None:
        rows = self.db.query(f"SELECT {_LINE} FROM mail_letter WHERE id = ?", (number,))
        return Line(*rows[0]) if rows else None

    def lines(
        self, *, state: str = "", subject_no: int | None = None, before: int | None = None, limit: int = 50
    ) -> list[Line]:
        """Newest first."""
        subject = "" if subject_no is None else self._name_of(subject_no)
        rows = self.db.query(
            f"SELECT {_LINE} FROM mail_letter WHERE (? = '' OR state = ?) AND (? = '' OR subject = ?) AND id < ? "
            "ORDER BY id DESC LIMIT ?",
            (state, state, subject, subject, (1 << 62) if before is None else before, limit),
        )
        return [Line(*row) for row in rows]

    def counts(self) -> dict[str, int]:
        """How many letters are in each state."""
        found: dict[str, int] = {str(s): int(n) for s, n in self._counts()}
        return {state: found.get(state, 0) for state in STATES}

    def is_dead(self, address: str, kind: str) -> bool:
        """Whether mails of this kind to this address came back for good."""
        digest = self._digest("address", rules.normal_address(address))
        return bool(self.db.query("SELECT 1 FROM mail_dead_address WHERE address = ? AND kind = ?", (digest, kind)))

    def revive(self, address: str) -> int:
        """Write to this address again (its owner confirmed it); returns how many kinds were dead."""
        digest = self._digest("address", rules.normal_address(address))
        with self.db.write() as tx:
            return len(tx.execute("DELETE FROM mail_dead_address WHERE address = ? RETURNING kind", (digest,)))

    def forget(self, tx: Tx, subject_no: int) -> int:
        """Remove everything that leads to a customer; what was queued is not sent. Returns how many letters."""
        subject = self._name_of(subject_no)
        rows = tx.execute("SELECT id, address, state FROM mail_letter WHERE subject = ?", (subject,))
        for number, address, state in rows:
            ended = FAILED if state in (QUEUED, SENDING) else state
            tx.execute(
                "UPDATE mail_letter SET sealed = NULL, subject = NULL, once = NULL, address = '', state = ?, "
                "status = CASE WHEN status = '' THEN 'erased' ELSE status END WHERE id = ?",
                (ended, number),
            )
            tx.execute("DELETE FROM mail_dead_address WHERE address = ?", (address,))
        return len(rows)

    # Below

    def _open(self, token: str, subject: str | None, sealed: bytes | None) -> dict[str, Any] | None:
        if sealed is None:
            return None
        try:
            opened = self.ledger.unseal(bytes(sealed), f"mail/{token}", subject)
        except RecordMismatch:  # the key was destroyed and the customer has a new one; or somebody wrote in the table
            return None
        content: dict[str, Any] | None = None if opened is None else json.loads(opened)
        return content

    def _end(self, tx: Tx, number: int, state: str, status: str, now: int, entry: int | None = None) -> None:
        tx.execute(
            "UPDATE mail_letter SET state = ?, status = ?, ended_us = ?, entry = COALESCE(?, entry), "
            "sealed = CASE WHEN keep = 1 THEN sealed ELSE NULL END WHERE id = ?",
            (state, status, now, entry, number),
        )

    def _mark_dead(self, tx: Tx, number: int, status: str, now: int) -> None:
        if rules.is_dead_address(status):
            tx.execute(
                "INSERT INTO mail_dead_address SELECT address, kind, ?, ? FROM mail_letter WHERE id = ? "
                "ON CONFLICT (address, kind) DO NOTHING",
                (now, status, number),
            )

    def _digest(self, use: str, text: str) -> str:
        return hmac.digest(self._key, f"{use}/{text}".encode(), "sha256").hex()

    def _counts(self) -> list[Row]:
        return self.db.query("SELECT state, count(*) FROM mail_letter GROUP BY state")
