"""What a request asks for is done in each system, and looked at again before anybody says it is done.

gather   the tasks of the request: our own source, each connected system, each without a connector
decide   which of them a program does, which a person
act      a copy is made, a choice recorded, a value corrected; a manual task waits for somebody to confirm it

Easy to get wrong: calling something done because a program ran. `left_over` asks the
permission state, the kept copy or the corrected row whether it is true now. And the
order: our own record goes last, because it says who the customer is elsewhere and whom to tell.

Sources: GDPR Art. 12(3), 15-22; CCPA 1798.120, 1798.121; DESIGN section 7.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from rightful.actions import correct_for_request
from rightful.actions.assemble_copy import free_texts, keep_copy
from rightful.actions.assign_tasks import assigned
from rightful.actions.connect_system import connected
from rightful.actions.customer_view import known_address
from rightful.actions.erase_customer import erase_customer
from rightful.actions.erase_elsewhere import note_erasure, retry_elsewhere, run_elsewhere
from rightful.actions.other_systems import systems_of
from rightful.actions.reach_person import carry_values
from rightful.actions.record_choice import make_event, record
from rightful.actions.withdraw_consent import object_to
from rightful.consent.rules import active_scopes
from rightful.errors import BadInput, NotFound, RightfulError, SourceUnavailable, StepRefused, SystemRefused
from rightful.gate import use
from rightful.rights.models import Task
from rightful.rights.rules import BY_EVENT, COPIES, Case, Kind, Level
from rightful.terms import DIRECT_MARKETING, EventKind
from rightful.workspace import Workspace

SOURCE = "source"
CORRECT = "correct"
ELSEWHERE = frozenset({Kind.ERASURE, Kind.RECTIFICATION})
UNREACHABLE, BUSY = "unreachable", "busy"
FAILED = {
    "source.unavailable": UNREACHABLE,
    "system.busy": BUSY,
    "system.several-people": "several-people",
    "erasure.held": "held",
}
"""Why a system did not do its task; anything else is its own refusal."""
CLOSED = frozenset({"done", "not-needed"})
_PROOF = Task(0, "customer", "second-proof", "manual")


def planned_tasks(ws: Workspace, case: Case, *, actor: str) -> tuple[Task, ...]:
    """What has to be done, system by system, by whom and until when."""
    tasks: list[Task] = []
    if case.kind in COPIES:
        tasks.append(Task(case.id, SOURCE, "collect", "connector"))
        if connected(ws) or free_texts(ws, case, actor=actor):
            tasks.append(Task(case.id, SOURCE, "review", "manual"))
    elif case.kind in BY_EVENT:
        tasks.append(Task(case.id, SOURCE, "record", "connector"))
    else:
        what = {
            Kind.RECTIFICATION: CORRECT,
            Kind.ERASURE: "erase",
            Kind.HUMAN_REVIEW: "look",
            Kind.COMPLAINT: "look",
        }[case.kind]
        how = "connector" if case.kind is Kind.ERASURE else "manual"
        tasks.append(Task(case.id, SOURCE, what, how))
        if case.kind in ELSEWHERE:
            there = "erase" if case.kind is Kind.ERASURE else "carry"
            tasks += [Task(case.id, name, there, "connector") for name in connected(ws)]
    if case.sensitive and case.kind in (*COPIES, Kind.ERASURE) and case.reached < Level.SECOND:
        tasks.append(Task(case.id, _PROOF.system, _PROOF.what, _PROOF.how))
    if (case.kind in COPIES and case.sensitive) or case.kind is Kind.ERASURE:
        tasks += [Task(case.id, name, "tell", "manual") for name in _other_channels(ws, case)]
    tasks += [Task(case.id, system.name, "same", system.how) for system in systems_of(ws).values()]
    return assigned(ws, case, tuple(tasks))


def by_program(task: Task) -> bool:
    """Whether a program may do this; a correction is begun by one and ended by one or a person."""
    return task.how == "connector" or task.what == CORRECT


def carry_out(ws: Workspace, case: Case, task: Task, *, actor: str, closing: bool = False) -> tuple[str, str]:
    """Do one task that a program can do; returns the task's state and what came of it as a code.

    Args:
        closing: a person says that nothing else is to be corrected.

    Raises:
        StepRefused: this is not for a program.
    """
    if not by_program(task):
        raise StepRefused("a person has to do this", code="rights.manual-task")
    assert case.no is not None
    if task.system != SOURCE:
        return _elsewhere(ws, case, task, actor)
    if task.what == CORRECT:
        correct_for_request.take_up(ws, case)
        return correct_for_request.state_of(ws, case, closing=closing)
    if case.kind in COPIES:
        try:
            kept = keep_copy(ws, case, actor=actor)
        except (SourceUnavailable, SystemRefused, BadInput) as no:
            return "failed", FAILED.get(no.code, "system-refused")
        return "done", "partly" if json.loads(kept.withheld) else "whole"
    key = use.customer_key(ws, case.no)
    if key is None:
        raise StepRefused("this customer is not in the records any more", code="rights.nobody-known")
    if case.kind is Kind.ERASURE:
        return _erase(ws, case, key)
    _record_choice(ws, case, key, actor)
    return "done", "recorded"


def comes_later(case: Case, task: Task, tasks: Sequence[Task]) -> bool:
    """Whether a task waits for others: our own record goes last, and values are carried once they are right."""
    waiting = [t for t in tasks if t.state not in CLOSED and t.how == "connector" and t.system != SOURCE]
    if case.kind is Kind.ERASURE:
        return task.system == SOURCE and bool(waiting)
    if case.kind is Kind.RECTIFICATION and task.system != SOURCE:
        return any(t.system == SOURCE and t.state not in CLOSED for t in tasks)
    return False


def _elsewhere(ws: Workspace, case: Case, task: Task, actor: str) -> tuple[str, str]:
    """Erase, or put right, in a system behind an interface. One that does not answer is asked again later."""
    assert case.no is not None
    try:
        if case.kind is Kind.RECTIFICATION:
            changed = carry_values(ws, task.system, case.no, actor=actor)
            return "done", "carried" if changed else "same-there"
        run = note_erasure(ws, task.system, case.no, actor="self", request=case.id)
        again = not run.open and run.status == "incomplete"
        outcome = retry_elsewhere(ws, run.id) if again else run_elsewhere(ws, run.id)
    except NotFound:
        return "failed", "not-known-there"
    except RightfulError as no:
        return "failed", FAILED.get(no.code, "system-refused")
    return ("failed", "incomplete") if outcome.status == "incomplete" else ("done", outcome.status)


def _erase(ws: Workspace, case: Case, key: str) -> tuple[str, str]:
    """Erase everywhere, and tell the address that was known until then. What is incomplete stays an open task."""
    assert case.no is not None
    address = known_address(ws, case.no)
    try:
        outcome = erase_customer(ws, key, actor="self")
    except BadInput:
        return "failed", "other-profiles"  # a person decides first whether they are the same customer
    if outcome.status == "incomplete":
        return "failed", "incomplete"
    if address and case.source != "mail":
        words = {"ref": case.ref, "partly": outcome.status == "partly"}
        ws.mail.put(
            to=address,
            template="request-erased",
            words=words,
            language=case.language,
            kind="rights",
            once=f"request-erased/{case.ref}",
            keep=False,
        )
    return "done", str(outcome.status)


def left_over(ws: Workspace, case: Case) -> tuple[str, ...]:
    """What is not true although it was said to be done; codes. Empty: it was looked at and holds."""
    if case.kind in COPIES:
        kept = ws.cases.copy_of(case.id)
        return () if kept is not None and kept.until_us > ws.clock() else ("no-copy",)
    if case.kind in BY_EVENT:
        assert case.no is not None
        events = ws.facts.subject(case.no).events
        starts, ends = _EVENTS[case.kind]
        standing = active_scopes(events, starts, ends)
        return tuple(f"not-in-force:{scope}" for scope in scopes_of(ws, case) if scope not in standing)
    if case.kind is Kind.RECTIFICATION:
        return correct_for_request.not_there(ws, case)
    return ()


def scopes_of(ws: Workspace, case: Case) -> tuple[str, ...]:
    """What an objection or a restriction is about, as the gate names it."""
    if case.kind is Kind.OBJECTION:
        return (str(case.scope.get("purpose") or DIRECT_MARKETING),)
    if case.kind is Kind.RESTRICTION:
        wanted = case.scope.get("fields")
        return tuple(map(str, wanted)) if isinstance(wanted, Sequence) and wanted else ("",)
    if case.kind is Kind.LIMIT_SENSITIVE:
        special = [c.id for c in ws.facts.policy.categories.values() if c.special]
        return tuple(special) or ("",)
    return ("",)


_EVENTS = {
    Kind.OBJECTION: (EventKind.OBJECTED, EventKind.OBJECTION_LIFTED),
    Kind.OPT_OUT: (EventKind.OPTED_OUT, EventKind.OPTED_IN_AGAIN),
    Kind.RESTRICTION: (EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED),
    Kind.LIMIT_SENSITIVE: (EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED),
}


def _record_choice(ws: Workspace, case: Case, key: str, actor: str) -> None:
    assert case.no is not None
    method = "portal" if case.source == "portal" else "api" if case.source in ("api", "agent") else "form"
    if case.kind is Kind.OBJECTION:
        object_to(ws, key, scopes_of(ws, case)[0], method=method, actor=actor)
        return
    now = ws.ledger.check_clock()
    kind = _EVENTS[case.kind][0]
    events = [
        make_event(ws, kind, scope, "", now, method, f"{case.ref}/{place}", evidence=f"request {case.ref}")
        for place, scope in enumerate(scopes_of(ws, case))
    ]
    record(ws, case.no, events, actor, "Recorded; it counts from now on.")


def _other_channels(ws: Workspace, case: Case) -> tuple[str, ...]:
    """Telephone and post, where the CRM has them for this customer: told of by a person (AC-017, AC-019)."""
    assert case.no is not None
    named = ws.config.get("subject", {})
    return tuple(
        channel for channel in ("phone", "post") if named.get(channel) and use.contact_of(ws, case.no, named[channel])
    )
