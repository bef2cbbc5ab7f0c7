"""A request goes its way: planned, executed, looked at again, answered - as far as it can go now.

gather   the case, its tasks
decide   what may happen next (`rights.rules`); nothing is skipped
act      tasks, steps, the answer; each with its entry

Easy to get wrong: answering with a task still open; an answer that says "done" where the
second look found something; data in a mail (mails only say that there is news).

Sources: GDPR Art. 12(1)-(4); AC-016; UX P7, C3; journeys 4, 5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rightful.actions.ask_systems import ask_systems
from rightful.actions.carry_out import CLOSED, CORRECT, by_program, carry_out, comes_later, left_over, planned_tasks
from rightful.actions.correct_for_request import wishes_of
from rightful.actions.customer_view import known_address
from rightful.actions.open_request import Opened, open_request
from rightful.actions.take_step import Move, case_of, take
from rightful.actions.write_letter import letter_for
from rightful.errors import BadInput, NotFound, StepRefused
from rightful.gate import use
from rightful.ledger.record import Draft
from rightful.rights.models import Task
from rightful.rights.rules import COPIES, Case, State, Step, after, ready_us
from rightful.workspace import Workspace

LOOK = "look"
MOST_TRIES = 20
STANDS, CHANGED = "stands", "changed"
FINDINGS = ("", STANDS, CHANGED)


def take_in(ws: Workspace, kind: str, **asked: Any) -> Opened:
    """Open a request and do at once what can be done at once: a no counts on the very next read.

    Takes what `open_request` takes.
    """
    opened = open_request(ws, kind, **asked)
    case = opened.case
    if opened.merged or case.state is not State.IDENTIFIED or case.no is None:
        return opened
    for _ in range(MOST_TRIES):
        try:
            return Opened(go_on(ws, case, actor="rule"), merged=False)
        except StepRefused as refusal:
            if refusal.code != "rights.changed":
                raise
        case = ws.cases.by_id(case.id)  # the same was asked again meanwhile: it is here, whoever works on it
        if not case.is_open or case.paused or case.no is None:
            break
    return Opened(case, merged=False)


def fulfil(ws: Workspace, ref: str, *, actor: str) -> Case:
    """Take a request as far as it can go: to the answer, or to what it waits for.

    Raises:
        NotFound: there is no such request.
        StepRefused: it cannot go on: paused, closed, or not sure enough who asks.
    """
    return go_on(ws, case_of(ws, ref), actor=actor)


def go_on(ws: Workspace, case: Case, *, actor: str) -> Case:
    """`fulfil`, for a case at hand."""
    if case.state not in (State.PLANNED, State.EXECUTED, State.VERIFIED):
        case = _plan(ws, case, actor)
    if case.state is State.PLANNED:
        if case.kind not in COPIES and ws.clock() < ready_us(case):
            return case
        if not case.paused:
            ask_systems(ws, case)  # before an erasure: nobody can say after it how a system knows the customer
        tasks = ws.cases.tasks(case.id)
        for task in sorted(tasks, key=lambda t: comes_later(case, t, tasks)):
            if case.no is None:
                break  # erased, but not completely: what is left is for a person
            if comes_later(case, task, ws.cases.tasks(case.id)):
                continue
            if by_program(task) and (task.state not in CLOSED or case.kind in COPIES):
                state, detail = carry_out(ws, case, task, actor=actor)
                case = ws.cases.by_id(case.id)  # an erasure takes the customer out of it
                if state != "open":
                    _end(ws, case, task, state, detail, actor)
        if waits_for(ws, case) or ws.clock() < ready_us(case):
            return case
        case = take(ws, case, Move(Step.EXECUTE), actor=actor)
    if case.state is State.EXECUTED:
        residue = left_over(ws, case)
        if residue:
            return take(ws, case, Move(Step.RESIDUE, public={"left": list(residue)}), actor=actor)
        case = take(ws, case, Move(Step.VERIFY), actor=actor)
    return _answer(ws, case, actor) if case.state is State.VERIFIED else case


def waits_for(ws: Workspace, case: Case) -> tuple[Task, ...]:
    """Tasks that are not done yet."""
    return tuple(t for t in ws.cases.tasks(case.id) if t.state not in CLOSED)


def confirm_task(
    ws: Workspace,
    ref: str,
    system: str,
    what: str,
    *,
    note: str = "",
    actor: str,
    ok: bool = True,
    elsewhere: bool = False,
    finding: str = "",
) -> Case:
    """A person says that a task was done (or could not be done); the request goes on if nothing else waits.

    Args:
        note: for staff; of a person who looked at a decision or a complaint it is what the customer reads.
        elsewhere: for a correction: it concerns only systems that have tasks of their own.
        finding: of a person who looked: "stands" or "changed". A complaint about a refusal that is found to be
            right takes the refused request up again, with the identity that was shown for it.

    Raises:
        NotFound: there is no such open task.
        BadInput: a task that failed, or a look at something, needs a note; no such finding.
        StepRefused: a correction was said to be done, and nothing was corrected.
    """
    case = case_of(ws, ref)
    task = next((t for t in waits_for(ws, case) if (t.system, t.what) == (system, what)), None)
    if task is None or (task.how == "connector" and task.state != "failed"):
        raise NotFound(f"there is no open task {system}/{what}", remedy="`rightful request show` lists them")
    if not ok and not note.strip():
        raise BadInput("a task that could not be done needs a note", remedy="Say why")
    state, detail = "done" if ok else "failed", ""
    if ok and task.what == CORRECT:
        state, detail = _corrected(ws, case, task, actor, elsewhere=elsewhere)
    if ok and task.what == LOOK:
        state, detail = _looked(ws, case, finding, note, actor)
    _end(ws, case, task, state, detail, actor, note)
    by_hand = [t for t in waits_for(ws, case) if t.how != "connector"]
    rests = case.paused or not ok or case.state is not State.PLANNED or by_hand
    return case if rests else go_on(ws, case, actor=actor)


def _corrected(ws: Workspace, case: Case, task: Task, actor: str, *, elsewhere: bool) -> tuple[str, str]:
    """What came of a correction that a person calls done: looked at, not believed."""
    if elsewhere and any(t.system != task.system and t.what in ("same", "carry") for t in ws.cases.tasks(case.id)):
        return "not-needed", "elsewhere"
    state, detail = carry_out(ws, case, task, actor=actor, closing=True)
    if state == "open":
        raise StepRefused(
            "a correction still waits" if ws.corrections.of_request(case.id) else "nothing was corrected yet",
            code="rights.nothing-corrected",
            remedy="Decide every correction of it, enter what is to be corrected, or refuse it with a reason",
        )
    return state, detail


def _looked(ws: Workspace, case: Case, finding: str, note: str, actor: str) -> tuple[str, str]:
    """What came of a look at a decision or a complaint; a refusal that was wrong is taken up again."""
    if finding not in FINDINGS:
        raise BadInput(f"{finding} is no finding", remedy="One of: " + ", ".join(f for f in FINDINGS if f))
    if not note.strip():
        raise BadInput("what was found is missing", remedy="Say it in words the customer can read")
    refused = ws.cases.by_ref(case.parent) if finding == CHANGED and case.parent else None
    if refused is not None and refused.state is State.REFUSED and refused.no is not None:
        take_in(
            ws,
            refused.kind.value,
            key=use.customer_key(ws, refused.no) or "",
            source="staff",
            level=refused.reached,
            language=refused.language,
            scope=refused.scope,
            parent=case.ref,
            actor=actor,
            corrections=wishes_of(ws, refused),
        )
    return "done", f"looked-{finding}" if finding else "looked"


def write_message(ws: Workspace, case: Case, text: str, *, way: str, actor: str, template: str = "") -> int:
    """A message of the customer ("in"), to the customer ("out") or a note among staff ("note"); sealed.

    Raises:
        BadInput: it says nothing.
    """
    if not text.strip():
        raise BadInput("the message is empty", remedy="Write what you want to say")
    draft = Draft(
        "request.message",
        {"request": case.kind.value, "way": way},
        {"ref": case.ref, "text": text[:20_000], "actor": actor},
        subject=case.subject,
    )
    entries = ws.journal.record(
        [draft],
        lambda tx, e: ws.cases.note_message(tx, case.id, e[0].index, e[0].at, way, template),
    )
    if way == "out":
        tell_news(ws, case, f"message/{entries[0].index}")
    return entries[0].index


def tell_news(ws: Workspace, case: Case, occasion: str) -> None:
    """A mail that says there is news in the portal. It holds no data; a request that came by mail gets none."""
    if case.no is None or case.source == "mail":
        return
    address = known_address(ws, case.no)
    if address:
        ws.mail.put(
            to=address,
            template="request-news",
            words={"ref": case.ref, "kind": case.kind.value},
            language=case.language,
            subject_no=case.no,
            kind="rights",
            once=f"{occasion}/{case.ref}",
        )


def _plan(ws: Workspace, case: Case, actor: str) -> Case:
    """Plan and tasks in one transaction: a plan without its tasks would look done."""
    after(case, Step.PLAN, ws.clock())  # before anything is read
    tasks = planned_tasks(ws, case, actor=actor)

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        ws.cases.put_tasks(tx, tasks)

    move = Move(Step.PLAN, public={"tasks": [f"{t.system}/{t.what}" for t in tasks]})
    planned = take(ws, replace(case, told_us=case.told_us or ws.clock()), move, actor=actor, rows=rows)
    if planned.grace_us:
        tell_news(ws, planned, "grace")
    return planned


def _end(ws: Workspace, case: Case, task: Task, state: str, detail: str, actor: str, note: str = "") -> None:
    public = {"request": case.kind.value, "task": f"{task.system}/{task.what}", "state": state}
    draft = Draft(
        "request.task",
        public,
        {"ref": case.ref, "actor": actor, "note": note, "detail": detail},
        subject=case.subject,
    )
    now = ws.clock()

    def rows(tx: Any, entries: list[Any]) -> None:
        ws.cases.end_task(tx, replace(task, state=state, detail=detail, entry=entries[0].index, done_us=now))
        if state in CLOSED:
            ws.system_tasks.wipe(tx, task.case_id, task.system, task.what)

    ws.journal.record([draft], rows)


def _answer(ws: Workspace, case: Case, actor: str) -> Case:
    letter = letter_for(ws, case, "answer")

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        ws.cases.note_message(tx, case.id, entries[0].index, entries[0].at, "out", "answer")

    answered = take(ws, case, Move(Step.ANSWER, private={"text": letter.markdown}), actor=actor, rows=rows)
    tell_news(ws, answered, "answer")
    return answered
