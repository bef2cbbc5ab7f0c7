"""Who is responsible for a task of a request, and by when.

gather   the people of the directory, how much each has to do, who decided the request that is complained about
decide   the one with the least to do, and never the one whose decision it is about; a day before the answer is due
act      nothing: the task is stored with its request

Easy to get wrong: a complaint that lands with whoever gave the answer; a date that leaves no
day to write the answer.

Sources: GDPR Art. 12(3), 22(3); Colo. Rev. Stat. 6-1-1306(3); UX C1, C3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rightful.actions.other_systems import systems_of
from rightful.rights.models import Task
from rightful.rights.rules import GRACE_US, Case, Kind, State, Step
from rightful.workspace import Workspace

ROLE = "officer"
BY_A_PERSON = frozenset({"look", "correct", "review", "tell", "second-proof", "same"})


def assigned(ws: Workspace, case: Case, tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks with a person for what a person does, and a date for everything that is waited for."""
    person, due = responsible(ws, case), due_on(ws, case)
    systems = systems_of(ws)
    found = []
    for task in tasks:
        system = systems.get(task.system)
        if task.what not in BY_A_PERSON:
            found.append(task)
        elif system is not None and system.to:
            found.append(replace(task, due_on=min(due, _in_days(ws, case, system.days)) if due else ""))
        else:
            found.append(replace(task, person=person, due_on=due))
    return tuple(found)


def responsible(ws: Workspace, case: Case) -> str:
    """A work address of the directory, or "" where nobody can be found.

    `"responsible": {"complaint": "rita@club.example"}` in rightful.json names somebody for a kind of request.
    """
    named = str(ws.config.get("responsible", {}).get(case.kind.value, ""))
    if named and ws.staff.role_of(named):
        return named
    load = ws.cases.load()
    decided = _who_decided(ws, case.parent)
    people = [person for person, role in ws.staff.everybody() if role == ROLE]
    apart = [person for person in people if person not in decided]
    return min(apart or people, key=lambda person: (load.get(person, 0), person), default="")


def due_on(ws: Workspace, case: Case) -> str:
    """The day before the answer is due, by the earliest reading of the law; today where that has passed."""
    if not case.safe_on:
        return ""
    return max(_day(ws, ws.clock()).isoformat(), (date.fromisoformat(case.safe_on) - timedelta(days=1)).isoformat())


def _in_days(ws: Workspace, case: Case, days: int) -> str:
    """So many days from when the task can begin: an erasure begins when it can no longer be taken back."""
    begins = ws.clock() + (GRACE_US if case.kind is Kind.ERASURE else 0)
    return (_day(ws, begins) + timedelta(days=days)).isoformat()


def _day(ws: Workspace, at_us: int) -> date:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).astimezone(ZoneInfo(ws.facts.policy.timezone)).date()


def _who_decided(ws: Workspace, ref: str) -> frozenset[str]:
    """Who refused or answered a request."""
    case = ws.cases.by_ref(ref) if ref else None
    if case is None or case.state not in (State.REFUSED, State.ANSWERED):
        return frozenset()
    ended = [s.entry for s in ws.cases.steps(case.id) if s.step in (Step.REFUSE.value, Step.ANSWER.value)]
    return frozenset(str((ws.ledger.open_private(entry) or {}).get("actor", "")) for entry in ended)
