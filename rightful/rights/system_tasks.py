"""Which systems were asked by mail to do something, how often, and what opens the page where they confirm it.

A link is kept as a keyed digest. How the system knows the customer is sealed, and removed
when the task ends. For an erasure it is not sealed under the customer's key: that is gone
before the last system has done its part.

Easy to get wrong: a link that still opens something after the task has ended.

Sources: GDPR Art. 5(1)(c), 17, 19; abuse case AC-050.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from rightful.ledger.database import Database, Row, Tx

TABLES = [
    # ticket: a keyed digest of the link's token; under: the subject whose key seals the reference, or "".
    """CREATE TABLE rights_system_task (
        case_id INTEGER NOT NULL, system TEXT NOT NULL, what TEXT NOT NULL, ticket TEXT NOT NULL UNIQUE,
        reference BLOB, under TEXT NOT NULL, due_us INTEGER NOT NULL, told INTEGER NOT NULL, told_us INTEGER NOT NULL,
        late_us INTEGER, PRIMARY KEY (case_id, system, what))""",
]


@dataclass(frozen=True, slots=True)
class SystemTask:
    """A task that a system was asked for. `told` is how often, `late_us` when it was raised as late."""

    case_id: int
    system: str
    what: str
    ticket: str
    reference: bytes | None
    under: str
    due_us: int
    told: int
    told_us: int
    late_us: int | None = None


_FIELDS = ", ".join(f.name for f in fields(SystemTask))


class SystemTasks:
    """The tasks of one workspace that went out by mail."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("rights-systems", TABLES)

    def add(self, tx: Tx, task: SystemTask) -> None:
        tx.insert_many("rights_system_task", _FIELDS, [astuple(task)])

    def told_again(self, tx: Tx, task: SystemTask, at_us: int) -> None:
        tx.execute("UPDATE rights_system_task SET told = told + 1, told_us = ? WHERE ticket = ?", (at_us, task.ticket))

    def raised(self, tx: Tx, task: SystemTask, at_us: int) -> None:
        tx.execute("UPDATE rights_system_task SET late_us = ? WHERE ticket = ?", (at_us, task.ticket))

    def wipe(self, tx: Tx, case_id: int, system: str, what: str) -> None:
        """The task has ended: nothing that tells who it was about stays."""
        tx.execute(
            "UPDATE rights_system_task SET reference = NULL WHERE case_id = ? AND system = ? AND what = ?",
            (case_id, system, what),
        )

    def wipe_closed(self, tx: Tx) -> None:
        """The same for requests that ended without it."""
        tx.execute(
            "UPDATE rights_system_task SET reference = NULL WHERE reference IS NOT NULL AND case_id IN "
            "(SELECT id FROM rights_case WHERE closed_us IS NOT NULL)"
        )

    def by_ticket(self, ticket: str) -> SystemTask | None:
        rows = self.db.query(f"SELECT {_FIELDS} FROM rights_system_task WHERE ticket = ?", (ticket,))
        return _task(rows[0]) if rows else None

    def of_case(self, case_id: int) -> list[SystemTask]:
        rows = self.db.query(
            f"SELECT {_FIELDS} FROM rights_system_task WHERE case_id = ? ORDER BY system, what", (case_id,)
        )
        return [_task(row) for row in rows]

    def waiting(self) -> list[SystemTask]:
        """Everything that was asked for and not confirmed, in requests that are open and not paused."""
        named = ", ".join(f"s.{f.name}" for f in fields(SystemTask))
        rows = self.db.query(
            f"SELECT {named} FROM rights_system_task s JOIN rights_task t ON t.case_id = s.case_id "
            "AND t.system = s.system AND t.what = s.what JOIN rights_case c ON c.id = s.case_id "
            "WHERE t.state = 'open' AND c.closed_us IS NULL AND c.paused_us IS NULL ORDER BY s.due_us, s.case_id"
        )
        return [_task(row) for row in rows]


def _task(row: Row) -> SystemTask:
    return SystemTask(*row)
