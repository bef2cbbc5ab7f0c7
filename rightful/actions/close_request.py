"""A request ends without being met: refused with its reason, or taken back by the customer.

gather   the case
decide   whether the reason can stand against this kind, and under which article
act      the step, and the letter with the reason, the complaint and the way to a court

Easy to get wrong: a refusal without its reason and the ways out (GDPR Art. 12(4)); taking
back an erasure whose time of grace is over.

Sources: GDPR Art. 12(4)-(5), 17(3), 21(1); CCPA 1798.145; AC-016, AC-019.
"""

from __future__ import annotations

from typing import Any

from rightful.actions.answer_request import tell_news
from rightful.actions.take_step import Move, case_of, take
from rightful.actions.write_letter import letter_for
from rightful.compliance.laws import every_law
from rightful.rights.rules import Case, Step, after
from rightful.workspace import Workspace


def refuse(ws: Workspace, ref: str, reason: str, *, note: str = "", actor: str, tell: bool = True) -> Case:
    """Refuse a request, with a reason that the law knows for this kind.

    Args:
        note: what staff add for the customer, in their own words; sealed.

    Raises:
        StepRefused: done or closed already, or no reason against this kind.
    """
    case = case_of(ws, ref)
    letter = letter_for(ws, after(case, Step.REFUSE, ws.clock(), reason=reason), "refusal", note=note)

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        if case.paused:
            ws.cases.end_pause(tx, case.id, entries[0].at)
        if tell:
            ws.cases.note_message(tx, case.id, entries[0].index, entries[0].at, "out", "refusal")

    public = {"article": article_of(case, reason)}
    move = Move(Step.REFUSE, reason=reason, public=public, private={"text": letter.markdown})
    refused = take(ws, case, move, actor=actor, rows=rows)
    if tell:
        tell_news(ws, refused, "refusal")
    return refused


def withdraw(ws: Workspace, ref: str, *, actor: str = "self") -> Case:
    """The customer takes a request back; an erasure within its time of grace is undone by this (AC-019).

    Raises:
        StepRefused: it was carried out already, or is closed.
    """
    case = case_of(ws, ref)

    def rows(tx: Any, stored: Case, entries: list[Any]) -> None:
        if case.paused:
            ws.cases.end_pause(tx, case.id, entries[0].at)

    return take(ws, case, Move(Step.WITHDRAW), actor=actor, rows=rows)


def article_of(case: Case, reason: str) -> str:
    """Where the reason for a refusal is written, under the law the request goes by; "" if no pack says."""
    law = every_law().get(case.law)
    return law.refusals.get(reason, "") if law else ""
