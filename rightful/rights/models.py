"""Where requests lie: cases, their steps, tasks, messages and copies.

Everything here is pseudonymous. What a customer wrote, what was answered and what
a copy holds is sealed under the customer's key (`ledger.seal`, or the private part
of a ledger entry), so that an erasure makes it unreadable here too.

Easy to get wrong: two people who change a case at once (each change names the
version it was made from); a list on the screen and a file that were asked
differently (both use `find` with the same `Filter`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Any

from rightful.errors import StepRefused
from rightful.ledger.database import Database, Row, Tx
from rightful.rights.rules import Case, Kind, Level, State

TABLES = [
    """CREATE TABLE rights_case (
        id INTEGER PRIMARY KEY, ref TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, state TEXT NOT NULL,
        subject TEXT NOT NULL, no INTEGER, source TEXT NOT NULL, sender TEXT NOT NULL,
        received_us INTEGER NOT NULL, law TEXT NOT NULL, clock TEXT NOT NULL, residence TEXT NOT NULL,
        due_on TEXT NOT NULL, safe_on TEXT NOT NULL, notice_on TEXT NOT NULL, reasoning TEXT NOT NULL,
        why TEXT NOT NULL, needed INTEGER NOT NULL, reached INTEGER NOT NULL, sensitive INTEGER NOT NULL,
        on_behalf TEXT NOT NULL, extended INTEGER NOT NULL, paused_us INTEGER, told_us INTEGER,
        grace_us INTEGER NOT NULL, closed_us INTEGER, reason TEXT NOT NULL, repeats INTEGER NOT NULL,
        held TEXT NOT NULL, language TEXT NOT NULL, parent TEXT NOT NULL, scope TEXT NOT NULL,
        changed_us INTEGER NOT NULL, version INTEGER NOT NULL)""",
    "CREATE INDEX rights_case_subject ON rights_case (subject, kind)",
    "CREATE INDEX rights_case_safe ON rights_case (safe_on, id)",
    "CREATE INDEX rights_case_sender ON rights_case (sender, received_us)",
    "CREATE TABLE rights_head (one INTEGER PRIMARY KEY CHECK (one = 1), cases INTEGER NOT NULL)",
    "INSERT INTO rights_head VALUES (1, 0)",
    # reason: a code; words: parameters of its sentence, never personal.
    """CREATE TABLE rights_step (
        entry INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, at_us INTEGER NOT NULL, step TEXT NOT NULL,
        state TEXT NOT NULL, reason TEXT NOT NULL, by_staff INTEGER NOT NULL)""",
    "CREATE INDEX rights_step_case ON rights_step (case_id, entry)",
    """CREATE TABLE rights_pause (
        case_id INTEGER NOT NULL, what TEXT NOT NULL, began_us INTEGER NOT NULL, ended_us INTEGER,
        PRIMARY KEY (case_id, began_us))""",
    # system: a name of the workspace; how: connector, manual or mail; state: open, done, failed, deferred.
    """CREATE TABLE rights_task (
        case_id INTEGER NOT NULL, system TEXT NOT NULL, what TEXT NOT NULL, how TEXT NOT NULL,
        state TEXT NOT NULL, detail TEXT NOT NULL, entry INTEGER, done_us INTEGER,
        PRIMARY KEY (case_id, system, what))""",
    # The text is the private part of the entry.
    """CREATE TABLE rights_message (
        entry INTEGER PRIMARY KEY, case_id INTEGER NOT NULL, at_us INTEGER NOT NULL, way TEXT NOT NULL,
        template TEXT NOT NULL)""",
    "CREATE INDEX rights_message_case ON rights_message (case_id, entry)",
    """CREATE TABLE rights_copy (
        case_id INTEGER PRIMARY KEY, made_us INTEGER NOT NULL, until_us INTEGER NOT NULL, sealed BLOB NOT NULL,
        digest TEXT NOT NULL, withheld TEXT NOT NULL, entry INTEGER NOT NULL)""",
    # A ticket opens a copy once, for the session that asked for it; a code shows a second channel.
    """CREATE TABLE rights_ticket (
        digest TEXT PRIMARY KEY, case_id INTEGER NOT NULL, session TEXT NOT NULL, until_us INTEGER NOT NULL)""",
    """CREATE TABLE rights_code (
        case_id INTEGER PRIMARY KEY, digest TEXT NOT NULL, until_us INTEGER NOT NULL, tries INTEGER NOT NULL)""",
    # A bulk action and how the cases were before; actor is a keyed digest.
    """CREATE TABLE rights_bulk (
        id TEXT PRIMARY KEY, at_us INTEGER NOT NULL, actor TEXT NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL,
        before TEXT NOT NULL, state TEXT NOT NULL)""",
    # A free text of a copy that a person has looked at; the text is the private part of the entry.
    """CREATE TABLE rights_review (
        case_id INTEGER NOT NULL, place TEXT NOT NULL, verdict TEXT NOT NULL, entry INTEGER NOT NULL,
        PRIMARY KEY (case_id, place))""",
]
WHO_AND_WHEN = [
    # person: the work address of whoever is responsible, "" for nobody in particular; due_on: YYYY-MM-DD or "".
    "ALTER TABLE rights_task ADD COLUMN person TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE rights_task ADD COLUMN due_on TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX rights_task_state ON rights_task (state, due_on)",
]
_TASK = "case_id, system, what, how, state, detail, entry, done_us, person, due_on"
_COLUMNS = [f.name for f in fields(Case)]
_CASE = ", ".join(_COLUMNS)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which cases. Empty members do not narrow anything.

    Attributes:
        states: names of states, or "open" / "closed".
        overdue_on: cases that are open and whose due date lies before this day (YYYY-MM-DD).
        due_before: open cases whose safe date lies before this day.
        text: the beginning of a reference.
    """

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    laws: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    overdue_on: str = ""
    due_before: str = ""
    held: bool = False
    sender: str = ""
    text: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class StepSeen:
    entry: int
    at_us: int
    step: str
    state: str
    reason: str
    by_staff: bool


@dataclass(frozen=True, slots=True)
class Task:
    case_id: int
    system: str
    what: str
    how: str
    state: str = "open"
    detail: str = ""
    entry: int | None = None
    done_us: int | None = None
    person: str = ""
    due_on: str = ""


@dataclass(frozen=True, slots=True)
class PauseSeen:
    what: str
    began_us: int
    ended_us: int | None


@dataclass(frozen=True, slots=True)
class MessageSeen:
    entry: int
    at_us: int
    way: str
    template: str


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A copy that waits to be fetched: a zip, sealed under the customer's key. `withheld` is JSON."""

    case_id: int
    made_us: int
    until_us: int
    sealed: bytes
    digest: str
    withheld: str
    entry: int


@dataclass(frozen=True, slots=True)
class Bulk:
    """One action on many cases. `before` is JSON: case id -> what it was; state: done, undone, settled."""

    id: str
    at_us: int
    actor: str
    what: str
    reason: str
    before: str
    state: str = "done"


class AlreadyOpen(Exception):
    """Somebody else has just opened the same."""


class Cases:
    """All requests of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("rights", TABLES, WHO_AND_WHEN)

    # --- writing, always within the caller's transaction ---

    def add(self, tx: Tx, case: Case) -> Case:
        """Store a new case; it gets the next number.

        Raises:
            AlreadyOpen: this person has an open case for the same thing.
        """
        lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
        found = tx.one(f"SELECT cases FROM rights_head{lock}")
        assert found is not None
        if self.open_like(case.subject, case.kind) is not None:
            raise AlreadyOpen
        tx.execute("UPDATE rights_head SET cases = cases + 1")
        stored = replace(case, id=int(found[0]) + 1, version=1)
        tx.insert_many("rights_case", _CASE, [_values(stored)])
        return stored

    def change(self, tx: Tx, case: Case) -> Case:
        """Store a changed case.

        Raises:
            StepRefused: somebody else changed it meanwhile.
        """
        stored = replace(case, version=case.version + 1)
        sets = ", ".join(f"{name} = ?" for name in _COLUMNS)
        done = tx.execute(
            f"UPDATE rights_case SET {sets} WHERE id = ? AND version = ? RETURNING id",
            (*_values(stored), case.id, case.version),
        )
        if not done:
            raise StepRefused("somebody else changed this request meanwhile", code="rights.changed")
        return stored

    def note_step(
        self, tx: Tx, case: Case, step: str, entry: int, at_us: int, *, reason: str = "", by_staff: bool = False
    ) -> None:
        tx.execute(
            "INSERT INTO rights_step (entry, case_id, at_us, step, state, reason, by_staff) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (entry, case.id, at_us, step, case.state.value, reason, int(by_staff)),
        )

    def note_message(self, tx: Tx, case_id: int, entry: int, at_us: int, way: str, template: str = "") -> None:
        tx.execute(
            "INSERT INTO rights_message (entry, case_id, at_us, way, template) VALUES (?, ?, ?, ?, ?)",
            (entry, case_id, at_us, way, template),
        )

    def begin_pause(self, tx: Tx, case_id: int, what: str, at_us: int) -> None:
        tx.execute("INSERT INTO rights_pause (case_id, what, began_us) VALUES (?, ?, ?)", (case_id, what, at_us))

    def end_pause(self, tx: Tx, case_id: int, at_us: int) -> None:
        tx.execute("UPDATE rights_pause SET ended_us = ? WHERE case_id = ? AND ended_us IS NULL", (at_us, case_id))

    def put_tasks(self, tx: Tx, tasks: Sequence[Task]) -> None:
        """Add tasks; one that is there already stays as it is."""
        for task in tasks:
            tx.execute(
                f"INSERT INTO rights_task ({_TASK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (case_id, system, what) DO NOTHING",
                astuple(task),
            )

    def end_task(self, tx: Tx, task: Task) -> None:
        tx.execute(
            "UPDATE rights_task SET state = ?, detail = ?, entry = ?, done_us = ? "
            "WHERE case_id = ? AND system = ? AND what = ?",
            (task.state, task.detail, task.entry, task.done_us, task.case_id, task.system, task.what),
        )

    def keep_copy(self, tx: Tx, kept: KeptCopy) -> None:
        tx.execute("DELETE FROM rights_copy WHERE case_id = ?", (kept.case_id,))
        tx.execute(
            "INSERT INTO rights_copy (case_id, made_us, until_us, sealed, digest, withheld, entry) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            astuple(kept),
        )

    def drop_copies(self, tx: Tx, before_us: int) -> None:
        """Copies that nobody fetched in time, and tickets that nobody used."""
        tx.execute("DELETE FROM rights_copy WHERE until_us <= ?", (before_us,))
        tx.execute("DELETE FROM rights_ticket WHERE until_us <= ?", (before_us,))
        tx.execute("DELETE FROM rights_code WHERE until_us <= ?", (before_us,))

    def give_ticket(self, tx: Tx, digest: str, case_id: int, session: str, until_us: int) -> None:
        tx.execute(
            "INSERT INTO rights_ticket (digest, case_id, session, until_us) VALUES (?, ?, ?, ?)",
            (digest, case_id, session, until_us),
        )

    def use_ticket(self, tx: Tx, digest: str, case_id: int, session: str, now_us: int) -> bool:
        """Whether this ticket opens the copy; it opens nothing after that. Call with the write lock held."""
        found = tx.one(
            "SELECT 1 FROM rights_ticket WHERE digest = ? AND case_id = ? AND session = ? AND until_us > ?",
            (digest, case_id, session, now_us),
        )
        if found is None:
            return False
        gone = tx.execute("DELETE FROM rights_ticket WHERE digest = ? RETURNING case_id", (digest,))
        return bool(gone)

    def set_code(self, tx: Tx, case_id: int, digest: str, until_us: int, tries: int) -> None:
        tx.execute(
            "INSERT INTO rights_code (case_id, digest, until_us, tries) VALUES (?, ?, ?, ?) ON CONFLICT (case_id) "
            "DO UPDATE SET digest = excluded.digest, until_us = excluded.until_us, tries = excluded.tries",
            (case_id, digest, until_us, tries),
        )

    def try_code(self, tx: Tx, case_id: int, now_us: int) -> str:
        """The digest to compare with, after a try was taken; "" if there is no code or no try left."""
        found = tx.execute(
            "UPDATE rights_code SET tries = tries - 1 WHERE case_id = ? AND tries > 0 AND until_us > ? "
            "RETURNING digest",
            (case_id, now_us),
        )
        return str(found[0][0]) if found else ""

    def end_code(self, tx: Tx, case_id: int) -> None:
        tx.execute("DELETE FROM rights_code WHERE case_id = ?", (case_id,))

    def note_review(self, tx: Tx, case_id: int, place: str, verdict: str, entry: int) -> None:
        tx.execute(
            "INSERT INTO rights_review (case_id, place, verdict, entry) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (case_id, place) DO UPDATE SET verdict = excluded.verdict, entry = excluded.entry",
            (case_id, place, verdict, entry),
        )

    def note_bulk(self, tx: Tx, bulk: Bulk) -> None:
        tx.execute(
            "INSERT INTO rights_bulk (id, at_us, actor, what, reason, before, state) VALUES (?, ?, ?, ?, ?, ?, ?)",
            astuple(bulk),
        )

    def end_bulk(self, tx: Tx, bulk_id: str, state: str) -> bool:
        """Undone or settled, whichever comes first."""
        done = tx.execute(
            "UPDATE rights_bulk SET state = ? WHERE id = ? AND state = 'done' RETURNING id", (state, bulk_id)
        )
        return bool(done)

    def forget(self, tx: Tx, subject: str) -> None:
        """Take an erased customer out of their cases: each goes on as a case of nobody, to show that it was answered.

        What they wrote and what a copy held can no longer be read; the copies go.
        """
        mine = [row[0] for row in tx.execute("SELECT id FROM rights_case WHERE subject = ?", (subject,))]
        for case_id in mine:
            for table in ("rights_copy", "rights_ticket", "rights_code", "rights_review"):
                tx.execute(f"DELETE FROM {table} WHERE case_id = ?", (case_id,))
        tx.execute(
            "UPDATE rights_case SET subject = 'gone-' || ref, no = NULL, residence = '', sender = '', "
            "version = version + 1 WHERE subject = ?",
            (subject,),
        )

    # --- reading ---

    def bulk(self, bulk_id: str) -> Bulk | None:
        rows = self.db.query(
            "SELECT id, at_us, actor, what, reason, before, state FROM rights_bulk WHERE id = ?", (bulk_id,)
        )
        return Bulk(*rows[0]) if rows else None

    def bulks_to_settle(self, before_us: int) -> list[Bulk]:
        rows = self.db.query(
            "SELECT id, at_us, actor, what, reason, before, state FROM rights_bulk WHERE state = 'done' AND at_us <= ? "
            "ORDER BY at_us",
            (before_us,),
        )
        return [Bulk(*row) for row in rows]

    def copy_of(self, case_id: int) -> KeptCopy | None:
        rows = self.db.query(
            "SELECT case_id, made_us, until_us, sealed, digest, withheld, entry FROM rights_copy WHERE case_id = ?",
            (case_id,),
        )
        return KeptCopy(*rows[0]) if rows else None

    def reviews(self, case_id: int) -> dict[str, tuple[str, int]]:
        """place -> (verdict, entry that holds the text)."""
        rows = self.db.query("SELECT place, verdict, entry FROM rights_review WHERE case_id = ?", (case_id,))
        return {str(place): (str(verdict), int(entry)) for place, verdict, entry in rows}

    def has_code(self, case_id: int, now_us: int) -> bool:
        rows = self.db.query(
            "SELECT 1 FROM rights_code WHERE case_id = ? AND tries > 0 AND until_us > ?", (case_id, now_us)
        )
        return bool(rows)

    def by_ref(self, ref: str) -> Case | None:
        rows = self.db.query(f"SELECT {_CASE} FROM rights_case WHERE ref = ?", (ref,))
        return _case(rows[0]) if rows else None

    def by_id(self, case_id: int) -> Case:
        return _case(self.db.query(f"SELECT {_CASE} FROM rights_case WHERE id = ?", (case_id,))[0])

    def open_like(self, subject: str, kind: Kind) -> Case | None:
        """An open case of this person for the same thing."""
        rows = self.db.query(
            f"SELECT {_CASE} FROM rights_case WHERE subject = ? AND kind = ? AND closed_us IS NULL ORDER BY id",
            (subject, kind.value),
        )
        return _case(rows[0]) if rows else None

    def of(self, subject: str) -> list[Case]:
        """All cases of one person, newest first."""
        rows = self.db.query(f"SELECT {_CASE} FROM rights_case WHERE subject = ? ORDER BY id DESC", (subject,))
        return [_case(row) for row in rows]

    def sent_by(self, sender: str, since_us: int) -> int:
        """How many cases one source has filed since an instant."""
        found = self.db.query(
            "SELECT count(*) FROM rights_case WHERE sender = ? AND received_us >= ?", (sender, since_us)
        )
        return int(found[0][0])

    def find(self, wanted: Filter, *, limit: int | None = 100, offset: int = 0) -> list[Case]:
        """Cases that fit, the most pressing first."""
        where, values = _where(wanted)
        sql = f"SELECT {_CASE} FROM rights_case{where} ORDER BY closed_us IS NOT NULL, safe_on, id"
        if limit is not None:
            sql, values = sql + " LIMIT ? OFFSET ?", [*values, limit, offset]
        return [_case(row) for row in self.db.query(sql, values)]

    def count(self, wanted: Filter) -> int:
        where, values = _where(wanted)
        return int(self.db.query(f"SELECT count(*) FROM rights_case{where}", values)[0][0])

    def laws(self) -> list[str]:
        """Laws that some case goes by."""
        return [str(law) for (law,) in self.db.query("SELECT DISTINCT law FROM rights_case ORDER BY law")]

    def senders(self, wanted: Filter, limit: int = 20) -> list[tuple[str, str, int]]:
        """(source, sender, cases) of the cases that fit, the busiest first."""
        where, values = _where(wanted)
        rows = self.db.query(
            f"SELECT source, sender, count(*) FROM rights_case{where} GROUP BY source, sender "
            "ORDER BY count(*) DESC, source, sender LIMIT ?",
            [*values, limit],
        )
        return [(str(a), str(b), int(c)) for a, b, c in rows]

    def stepped(self, start: int, stop: int) -> dict[int, tuple[str, int | None]]:
        """Ledger entries [start, stop) that are steps: entry -> (the request's reference, the customer's number)."""
        rows = self.db.query(
            "SELECT s.entry, c.ref, c.no FROM rights_step s JOIN rights_case c ON c.id = s.case_id "
            "WHERE s.entry >= ? AND s.entry < ?",
            (start, stop),
        )
        return {entry: (ref, no) for entry, ref, no in rows}

    def steps(self, case_id: int) -> list[StepSeen]:
        rows = self.db.query(
            "SELECT entry, at_us, step, state, reason, by_staff FROM rights_step WHERE case_id = ? ORDER BY entry",
            (case_id,),
        )
        return [StepSeen(a, at, step, state, reason, bool(staff)) for a, at, step, state, reason, staff in rows]

    def pauses(self, case_id: int) -> list[PauseSeen]:
        rows = self.db.query(
            "SELECT what, began_us, ended_us FROM rights_pause WHERE case_id = ? ORDER BY began_us", (case_id,)
        )
        return [PauseSeen(*row) for row in rows]

    def tasks(self, case_id: int) -> list[Task]:
        rows = self.db.query(
            f"SELECT {_TASK} FROM rights_task WHERE case_id = ? ORDER BY how, system, what", (case_id,)
        )
        return [Task(*row) for row in rows]

    def late_tasks(self, day: str) -> list[Task]:
        """Tasks that should have been done before a day (YYYY-MM-DD), of requests that are open; the oldest first."""
        rows = self.db.query(
            f"SELECT {_TASK} FROM rights_task WHERE state IN ('open', 'failed') AND due_on <> '' AND due_on < ? "
            "AND case_id IN (SELECT id FROM rights_case WHERE closed_us IS NULL AND paused_us IS NULL) "
            "ORDER BY due_on, case_id, system, what",
            (day,),
        )
        return [Task(*row) for row in rows]

    def load(self) -> dict[str, int]:
        """How many open tasks each person has."""
        rows = self.db.query(
            "SELECT person, count(*) FROM rights_task WHERE state IN ('open', 'failed') AND person <> '' "
            "AND case_id IN (SELECT id FROM rights_case WHERE closed_us IS NULL) GROUP BY person"
        )
        return {str(person): int(count) for person, count in rows}

    def messages(self, case_id: int) -> list[MessageSeen]:
        rows = self.db.query(
            "SELECT entry, at_us, way, template FROM rights_message WHERE case_id = ? ORDER BY entry", (case_id,)
        )
        return [MessageSeen(*row) for row in rows]


def _values(case: Case) -> tuple[Any, ...]:
    held = []
    for name in _COLUMNS:
        value = getattr(case, name)
        if name == "scope":
            value = json.dumps(value, sort_keys=True, ensure_ascii=False)
        elif name in ("kind", "state"):
            value = value.value
        elif name in ("needed", "reached", "sensitive", "extended"):
            value = int(value)
        held.append(value)
    return tuple(held)


def _case(row: Row) -> Case:
    named = dict(zip(_COLUMNS, row, strict=True))
    named["kind"], named["state"] = Kind(named["kind"]), State(named["state"])
    named["needed"], named["reached"] = Level(named["needed"]), Level(named["reached"])
    named["sensitive"], named["extended"] = bool(named["sensitive"]), bool(named["extended"])
    named["scope"] = json.loads(named["scope"])
    return Case(**named)


def _where(wanted: Filter) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []

    def among(column: str, names: Sequence[str]) -> None:
        if names:
            parts.append(f"{column} IN ({', '.join('?' * len(names))})")
            values.extend(names)

    states = [s for s in wanted.states if s not in ("open", "closed")]
    among("state", states)
    if "open" in wanted.states:
        parts.append("closed_us IS NULL")
    if "closed" in wanted.states:
        parts.append("closed_us IS NOT NULL")
    among("kind", wanted.kinds)
    among("law", wanted.laws)
    among("source", wanted.sources)
    if wanted.overdue_on:
        parts.append("closed_us IS NULL AND due_on < ?")
        values.append(wanted.overdue_on)
    if wanted.due_before:
        parts.append("closed_us IS NULL AND safe_on < ?")
        values.append(wanted.due_before)
    if wanted.held:
        parts.append("held <> ''")
    for column, value in (("sender", wanted.sender), ("subject", wanted.subject)):
        if value:
            parts.append(f"{column} = ?")
            values.append(value)
    if wanted.text:
        parts.append("substr(ref, 1, ?) = ?")
        values += [len(wanted.text), wanted.text.upper()]
    return (" WHERE " + " AND ".join(parts)) if parts else "", values
