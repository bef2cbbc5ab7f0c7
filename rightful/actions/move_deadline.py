"""More time, and time that does not count: an extension, a pause, and the date that follows.

gather   the case, its pauses, the law it goes by
decide   whether the law grants it, and until when the customer has to be told
act      the step with the new date and its reasoning; a letter that says why

Easy to get wrong: telling the customer after the first term is over (then there is no
extension); a pause that the law does not know and that still moves the date.

Sources: GDPR Art. 12(3); UK GDPR Art. 12A; CCPA 1798.130(a)(2)(A); EDPB Guidelines 01/2022.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rightful.actions.answer_request import tell_news
from rightful.actions.law_due import Deadline, deadline_for
from rightful.actions.open_request import dates_of
from rightful.actions.take_step import Move, case_of, take
from rightful.actions.write_letter import letter_for
from rightful.compliance.laws import clock as clock_of
from rightful.compliance.rules import Pause
from rightful.errors import BadInput, StepRefused
from rightful.rights.rules import Case, Step, after
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAUSES = ("identity", "clarification", "fee")


def extend(ws: Workspace, ref: str, reason: str, *, actor: str, tell: bool = True) -> Case:
    """Take the further time the law grants, once, with a reason the law knows.

    Raises:
        BadInput: no such reason, or the law grants no further time.
        StepRefused: extended already, closed, or the first term is over.
    """
    case = case_of(ws, ref)
    ready = ready_to_extend(ws, case, reason)
    letter = letter_for(ws, ready, "extension")

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        if tell:
            ws.cases.note_message(tx, case.id, entries[0].index, entries[0].at, "out", "extension")

    move = Move(Step.EXTEND, reason=reason, public={"due": ready.due_on}, private={"text": letter.markdown})
    extended = take(ws, _dated(case, ready), move, actor=actor, rows=rows)
    if tell:
        tell_news(ws, extended, "extension")
    return extended


def ready_to_extend(ws: Workspace, case: Case, reason: str) -> Case:
    """The case as it would be, extended; nothing is changed.

    Raises:
        BadInput, StepRefused: as `extend`.
    """
    granted = clock_of(case.clock).extension
    if granted is None:
        raise BadInput(f"{case.law} grants no further time for this", remedy="Answer within the term")
    if reason not in granted.reasons:
        raise BadInput(
            f"{reason or 'no reason'} is no reason for further time here",
            remedy="One of: " + ", ".join(granted.reasons),
        )
    extended = after(case, Step.EXTEND, ws.clock(), reason=reason)
    if today(ws) > case.notice_on:
        raise StepRefused(
            f"the customer had to be told by {case.notice_on}",
            code="rights.too-late-to-extend",
            remedy="Answer now; further time cannot be taken any more",
        )
    return _dated(extended, recount(ws, extended))


def pause(ws: Workspace, ref: str, what: str, *, actor: str) -> Case:
    """Note that something is waited for from the customer; whether the clock stops is the law's matter.

    Raises:
        BadInput: nothing that can be waited for.
        StepRefused: closed, or paused already.
    """
    if what not in PAUSES:
        raise BadInput(f"{what} is nothing to wait for", remedy="One of: " + ", ".join(PAUSES))
    case = case_of(ws, ref)

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        ws.cases.begin_pause(tx, case.id, what, entries[0].at)

    stops = what in clock_of(case.clock).pauses
    paused = take(ws, case, Move(Step.PAUSE, reason=what, public={"clock-stops": stops}), actor=actor, rows=rows)
    tell_news(ws, paused, f"pause/{paused.version}")
    return paused


def resume(ws: Workspace, ref: str, *, actor: str) -> Case:
    """What was waited for has come: the date is counted anew, with its reasoning.

    Raises:
        StepRefused: it is not paused.
    """
    case = case_of(ws, ref)
    now = ws.ledger.check_clock()
    running = after(case, Step.RESUME, now)
    dated = recount(ws, running, until_us=now)

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        ws.cases.end_pause(tx, case.id, entries[0].at)

    return take(ws, _dated(case, dated), Move(Step.RESUME, public={"due": dated.due_on}), actor=actor, rows=rows)


def recount(ws: Workspace, case: Case, until_us: int | None = None) -> Case:
    """The case with its dates counted anew: pauses so far, extension, the law it began with.

    Args:
        until_us: the end of a pause that is open; now if not given.
    """
    return replace(case, **dates_of(deadline_of(ws, case, until_us)))


def deadline_of(ws: Workspace, case: Case, until_us: int | None = None) -> Deadline:
    """The clock of a case with everything that has happened to it; the reasoning is in it."""
    end = ws.clock() if until_us is None else until_us
    pauses = [
        Pause(p.what, _day(ws, p.began_us), _day(ws, end if p.ended_us is None else p.ended_us))
        for p in ws.cases.pauses(case.id)
    ]
    found = deadline_for(
        ws, case.kind.value, case.residence, case.received_us, extended=case.extended, pauses=pauses, law=case.law
    )
    return replace(found, why=case.why or found.why)


def today(ws: Workspace) -> str:
    """The day it is for the organisation."""
    return _day(ws, ws.clock()).isoformat()


def _day(ws: Workspace, at_us: int) -> date:
    return (EPOCH + timedelta(microseconds=at_us)).astimezone(ZoneInfo(ws.facts.policy.timezone)).date()


def _dated(case: Case, dated: Case) -> Case:
    return replace(
        case,
        law=dated.law,
        clock=dated.clock,
        due_on=dated.due_on,
        safe_on=dated.safe_on,
        notice_on=dated.notice_on,
        reasoning=dated.reasoning,
        why=dated.why,
    )
