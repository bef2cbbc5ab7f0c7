"""What staff and customers see of requests: the list, one request, the counts, the file.

gather   cases that fit a filter, the steps and tasks of one
decide   nothing; how pressing each is, in days
act      opening a customer's words is a look on record

Easy to get wrong: a file with other rows than the screen (both come from `listed` with the
same filter); a reference of somebody else's request typed into the address bar (`mine`).

Sources: GDPR Art. 5(2), 12; UX P7, C1, C2, C3.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from rightful.actions.move_deadline import today
from rightful.actions.take_step import case_of, private_text
from rightful.compliance.laws import clock, every_law
from rightful.compliance.rules import Clock
from rightful.errors import NotFound
from rightful.ledger.record import Draft
from rightful.rights.confirmations import Confirmation
from rightful.rights.copy import safe_cell
from rightful.rights.models import Filter, KeptCopy, StepSeen, Task
from rightful.rights.rules import Case, ready_us
from rightful.rights.system_tasks import SystemTask
from rightful.sharing.models import Obligation
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SOON_DAYS = 7
PAGE = 50
COLUMNS = (
    "request", "kind", "state", "received", "due", "aim_at", "days_left", "law", "source", "extended", "paused",
    "identity_level", "asked_again", "waits_for",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list, on the screen and in the file."""

    case: Case
    received: datetime
    days_left: int | None
    pressing: str  # "overdue", "soon", "" or "closed"
    waits_for: str

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of COLUMNS."""
        case = self.case
        return (
            case.ref,
            case.kind.value,
            case.state.value,
            self.received.date().isoformat(),
            case.due_on,
            case.safe_on,
            "" if self.days_left is None else str(self.days_left),
            case.law,
            case.source,
            "yes" if case.extended else "no",
            "yes" if case.paused else "no",
            str(int(case.reached)),
            str(case.repeats),
            self.waits_for,
        )


@dataclass(frozen=True, slots=True)
class PauseLine:
    what: str
    began: datetime
    ended: datetime | None
    counts: bool  # whether the clock stopped for it


@dataclass(frozen=True, slots=True)
class MessageLine:
    at: datetime
    way: str
    template: str
    text: str


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one request that staff see."""

    line: Line
    clock: Clock
    article: str
    steps: tuple[StepSeen, ...]
    tasks: tuple[Task, ...]
    pauses: tuple[PauseLine, ...]
    messages: tuple[MessageLine, ...]
    recipients: tuple[Obligation, ...]
    copy: KeptCopy | None
    ready_at: datetime | None
    may_extend: bool
    law: str
    asked: tuple[SystemTask, ...]
    confirmation: Confirmation | None


def listed(ws: Workspace, wanted: Filter, *, limit: int | None = PAGE, offset: int = 0) -> tuple[Line, ...]:
    """The cases that fit, the most pressing first."""
    day = date.fromisoformat(today(ws))
    return tuple(_line(case, day) for case in ws.cases.find(wanted, limit=limit, offset=offset))


def as_csv(ws: Workspace, wanted: Filter) -> str:
    """All rows that fit, as a file: the same rows and columns as on the screen."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for line in listed(ws, wanted, limit=None):
        writer.writerow([safe_cell(cell) for cell in line.cells()])
    return out.getvalue()


def look_at_request(ws: Workspace, ref: str, *, actor: str) -> Detail:
    """One request with its messages opened; that somebody looked is on record.

    Raises:
        NotFound: there is none with this reference.
    """
    case = case_of(ws, ref)
    ws.journal.record(
        [
            Draft(
                "request.looked-at",
                {"request": case.kind.value, "purpose": "answering-requests"},
                {"ref": case.ref, "actor": actor},
                subject=case.subject,
            )
        ]
    )
    return detail_of(ws, case)


def detail_of(ws: Workspace, case: Case) -> Detail:
    """Everything about a case."""
    day = today(ws)
    counted = clock(case.clock)
    ready = ready_us(case)
    owed = (
        ()
        if case.no is None
        else tuple(o for o in ws.sharing.obligations(no=case.no) if o.since_us >= case.received_us)
    )
    return Detail(
        line=_line(case, date.fromisoformat(day)),
        clock=counted,
        article=counted.article,
        steps=tuple(ws.cases.steps(case.id)),
        tasks=tuple(ws.cases.tasks(case.id)),
        pauses=tuple(
            PauseLine(p.what, instant(p.began_us), None if p.ended_us is None else instant(p.ended_us),
                      p.what in counted.pauses)
            for p in ws.cases.pauses(case.id)
        ),
        messages=messages_of(ws, case),
        recipients=owed,
        copy=ws.cases.copy_of(case.id),
        ready_at=instant(ready) if ready > ws.clock() else None,
        may_extend=case.is_open and not case.extended and counted.extension is not None and day <= case.notice_on,
        law=every_law()[case.law].name,
        asked=tuple(ws.system_tasks.of_case(case.id)),
        confirmation=ws.confirmations.of_case(case.id),
    )  # fmt: skip


def messages_of(ws: Workspace, case: Case, *, notes: bool = True) -> tuple[MessageLine, ...]:
    """Messages in order, opened; notes among staff only if asked for."""
    return tuple(
        MessageLine(instant(m.at_us), m.way, m.template, private_text(ws, m.entry))
        for m in ws.cases.messages(case.id)
        if notes or m.way != "note"
    )


def mine(ws: Workspace, key: str, ref: str) -> Case:
    """A customer's own request.

    Raises:
        NotFound: there is none of theirs with this reference; the same answer either way.
    """
    found = ws.cases.by_ref(ref.strip().upper())
    if found is None or found.subject != ws.subject_id(ws.number_of(key)):
        raise NotFound("there is no such request of yours")
    return found


def all_mine(ws: Workspace, key: str) -> tuple[Line, ...]:
    """A customer's own requests, newest first."""
    day = date.fromisoformat(today(ws))
    return tuple(_line(case, day) for case in ws.cases.of(ws.subject_id(ws.number_of(key))))


def pressing(ws: Workspace) -> tuple[int, int, int]:
    """(overdue, due within a week, waiting for staff) of the open requests."""
    day = date.fromisoformat(today(ws))
    soon = (day + timedelta(days=SOON_DAYS)).isoformat()
    overdue = ws.cases.count(Filter(overdue_on=day.isoformat()))
    due = ws.cases.count(Filter(due_before=soon)) - overdue
    return overdue, max(due, 0), ws.cases.count(Filter(states=("needs-staff",)))


def late_tasks(ws: Workspace) -> tuple[Task, ...]:
    """Tasks of open requests past their date, the oldest first."""
    return tuple(ws.cases.late_tasks(today(ws)))


def receipts_to_confirm(ws: Workspace) -> int:
    """Requests whose receipt has to be confirmed within a week, or should have been."""
    soon = date.fromisoformat(today(ws)) + timedelta(days=SOON_DAYS)
    return len(ws.confirmations.open_before(soon.isoformat()))


def late_at(tasks: Sequence[Task]) -> tuple[str, ...]:
    """Where tasks are late: the systems, and for our own data the people; not more than four."""
    names = dict.fromkeys(t.person if t.system == "source" and t.person else t.system for t in tasks)
    return (*list(names)[:4], *(("and more",) if len(names) > 4 else ()))


def instant(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


def filter_from(ws: Workspace, asked: dict[str, Sequence[str]]) -> Filter:
    """A filter from the words of an address or a command line; unknown words narrow to nothing, not to all."""

    def words(name: str) -> tuple[str, ...]:
        return tuple(w for w in asked.get(name, ()) if w)

    day = today(ws)
    due = next(iter(words("due")), "")
    soon = (date.fromisoformat(day) + timedelta(days=SOON_DAYS)).isoformat()
    return Filter(
        states=words("state"),
        kinds=words("kind"),
        laws=words("law"),
        sources=words("source"),
        overdue_on=day if due == "overdue" else "",
        due_before=soon if due == "soon" else "",
        held=bool(words("held")),
        sender=next(iter(words("sender")), ""),
        text=next(iter(words("q")), ""),
    )


def _line(case: Case, day: date) -> Line:
    left = (date.fromisoformat(case.due_on) - day).days if case.is_open and case.due_on else None
    safe = (date.fromisoformat(case.safe_on) - day).days if left is not None else None
    pressing = "closed" if not case.is_open else ""
    if left is not None and safe is not None:
        pressing = "overdue" if left < 0 else "soon" if safe <= SOON_DAYS else ""
    return Line(case, instant(case.received_us), left, pressing, _waits_for(case))


def _waits_for(case: Case) -> str:
    """Who has to do something now: a code."""
    if not case.is_open:
        return ""
    if case.paused:
        return f"customer:{case.reason}"
    by_state = {"needs-identity": "customer:identity", "needs-staff": "staff", "received": "staff"}
    return by_state.get(case.state.value, "staff")


__all__ = ["COLUMNS", "Detail", "Line", "NotFound", "as_csv", "detail_of", "filter_from", "listed", "look_at_request"]
