"""A system without a connector is asked by mail, reminded, and raised with the officer when it is late.

gather   the tasks of a request that go by mail, how each system knows the customer
decide   asked now, reminded now, or late
act      one entry and one mail; a link opens the page where it is confirmed

A mail names the request and what has to be done, never the customer. Who it is about is
shown on the page behind the link, after a press, and that look is on record.

Easy to get wrong: telling a system to erase before the customer can no longer take it back;
a link in a mail that a scanner opens (opening changes nothing and shows nobody); a link that
still opens something when the task has ended.

Sources: GDPR Art. 5(1)(c), 12(3), 19, 28(3)(e); AC-019, AC-050.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rightful.actions.other_systems import System, systems_of
from rightful.actions.take_step import digest
from rightful.errors import NotFound, RecordMismatch
from rightful.gate import use
from rightful.ledger.database import Conflict, Tx
from rightful.ledger.record import Draft, Entry
from rightful.protection.keys import derive
from rightful.rights.corrections import DONE
from rightful.rights.models import Task
from rightful.rights.rules import Case, Kind, State, remind_us
from rightful.rights.system_tasks import SystemTask
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SystemAsked:
    """What the page behind a link shows. `over`: nothing has to be done here any more."""

    ref: str
    kind: str
    system: str
    what: str
    due_on: str
    purpose: str
    over: bool


def ask_systems(ws: Workspace, case: Case) -> int:
    """Write to every system of this request that has an address and was not asked yet; how many were."""
    systems = systems_of(ws)
    asked = {(one.system, one.what) for one in ws.system_tasks.of_case(case.id)}
    count = 0
    for task in ws.cases.tasks(case.id):
        system = systems.get(task.system)
        if task.how != "mail" or task.state != "open" or system is None or not system.to or case.no is None:
            continue
        if (task.system, task.what) not in asked:
            count += _ask(ws, case, task, system)
    return count


def remind_systems(ws: Workspace) -> int:
    """Remind whoever has not confirmed, and raise what is late once; how many mails that made."""
    systems = systems_of(ws)
    now, count = ws.clock(), 0
    for one in ws.system_tasks.waiting():
        case, system = ws.cases.by_id(one.case_id), systems.get(one.system)
        if now >= one.due_us and one.late_us is None:
            _record(ws, case, one, "late", lambda tx, _e, one=one: ws.system_tasks.raised(tx, one, now))
        if system is None or not system.to or now < remind_us(one.told, one.told_us, one.due_us):
            continue
        _remind(ws, case, one, system, now)
        count += 1
    return count


def behind(ws: Workspace, token: str) -> SystemAsked:
    """What a link is about; names nobody and changes nothing.

    Raises:
        NotFound: it opens nothing.
    """
    one = _of(ws, token)
    case = ws.cases.by_id(one.case_id)
    task = _task(ws, one)
    over = not case.is_open or case.state is not State.PLANNED or task.state not in ("open", "failed")
    return SystemAsked(
        case.ref, case.kind.value, one.system, one.what, task.due_on, str(case.scope.get("purpose") or ""), over
    )


def who_it_is(ws: Workspace, token: str) -> dict[str, str]:
    """How the system knows the customer, and for a correction what is right now. The look is on record.

    Raises:
        NotFound: it opens nothing any more.
    """
    one = _of(ws, token)
    if behind(ws, token).over or one.reference is None:
        raise NotFound("this link opens nothing any more")
    case = ws.cases.by_id(one.case_id)
    try:
        text = ws.ledger.unseal(bytes(one.reference), _place(one.ticket), one.under or None)
    except RecordMismatch:
        text = None
    if text is None:
        raise NotFound("this link opens nothing any more")
    _record(ws, case, one, "opened")
    found: dict[str, str] = json.loads(text)
    if case.kind is Kind.RECTIFICATION:
        found |= _corrected(ws, case)
    return found


def token_of(ws: Workspace, case_id: int, system: str, what: str) -> str:
    """The link of a task: the same in every reminder, and nobody without the key can make it."""
    key = derive(ws.keys.log_key, "requests/task-link")
    return hmac.digest(key, f"{case_id}/{system}/{what}".encode(), "sha256")[:20].hex()


def _ask(ws: Workspace, case: Case, task: Task, system: System) -> int:
    assert case.no is not None
    now = ws.clock()
    known_by = system.known_by or ws.facts.customer_table().key
    value = use.contact_of(ws, case.no, system.known_by) if system.known_by else use.customer_key(ws, case.no)
    under = "" if case.kind is Kind.ERASURE else case.subject
    ticket = digest(ws, "task-ticket", token_of(ws, case.id, task.system, task.what))
    sealed = ws.ledger.seal(json.dumps({known_by: value or ""}).encode(), _place(ticket), under or None)
    due = _end_of(ws, task.due_on)
    stored = SystemTask(case.id, task.system, task.what, ticket, sealed, under, due, told=1, told_us=now)

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.system_tasks.add(tx, stored)
        _mail(ws, case, stored, system, times=1)

    try:
        _record(ws, case, stored, "asked", rows)
    except Conflict:
        return 0  # somebody else has just asked
    return 1


def _remind(ws: Workspace, case: Case, one: SystemTask, system: System, now: int) -> None:
    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.system_tasks.told_again(tx, one, now)
        _mail(ws, case, one, system, times=one.told + 1)

    _record(ws, case, one, "asked", rows)


def _mail(ws: Workspace, case: Case, one: SystemTask, system: System, *, times: int) -> None:
    words = {
        "ref": case.ref,
        "kind": case.kind.value,
        "system": system.name,
        "due": _task(ws, one).due_on,
        "token": token_of(ws, one.case_id, one.system, one.what),
        "reminder": times > 1,
    }
    ws.mail.put(
        to=system.to,
        template="system-task",
        words=words,
        kind="systems",
        once=f"system-task/{one.ticket}/{times}",
        keep=False,
    )


def _record(ws: Workspace, case: Case, one: SystemTask, what: str, rows: Any = None) -> None:
    public = {"request": case.kind.value, "task": f"{one.system}/{one.what}"}
    draft = Draft(f"request.task-{what}", public, {"ref": case.ref, "actor": f"system {one.system}"}, case.subject)
    ws.journal.record([draft], rows) if rows is not None else ws.journal.record([draft])


def _corrected(ws: Workspace, case: Case) -> dict[str, str]:
    """field -> the right value, for a system that has to take it over."""
    found: dict[str, str] = {}
    for one in ws.corrections.of_request(case.id):
        if one.state == DONE and one.entry is not None:
            said: Mapping[str, Any] = ws.ledger.open_private(one.entry) or {}
            found[one.field] = ", ".join(map(str, dict(said.get("to", {})).values()))
    return found


def _of(ws: Workspace, token: str) -> SystemTask:
    one = ws.system_tasks.by_ticket(digest(ws, "task-ticket", token)) if token.isalnum() else None
    if one is None:
        raise NotFound("this link opens nothing")
    return one


def _task(ws: Workspace, one: SystemTask) -> Task:
    return next(t for t in ws.cases.tasks(one.case_id) if (t.system, t.what) == (one.system, one.what))


def _place(ticket: str) -> str:
    return f"rights_system_task/{ticket}"


def _end_of(ws: Workspace, day: str) -> int:
    """The end of a day where the organisation is, in microseconds."""
    after = date.fromisoformat(day) + timedelta(days=1)
    at = datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(ws.facts.policy.timezone))
    return int(at.astimezone(UTC).timestamp()) * 1_000_000
