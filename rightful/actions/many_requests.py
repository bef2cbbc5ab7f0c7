"""One thing is done to many requests: extended or refused, with exceptions, and taken back in time.

gather   the cases that fit a filter, minus those that are excluded
decide   for each whether it can be done; those that cannot stay as they are, with the reason
act      all steps in one transaction; letters only after the 30 seconds in which it can be undone

Easy to get wrong: the list changes between the look and the press (the number that was seen
comes along, and another number is refused); a letter that left before the undo.

Sources: UX C2 ("Undo for 30 s"), journey 7; GDPR Art. 12(3)-(4).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from rightful.actions.answer_request import tell_news
from rightful.actions.close_request import article_of
from rightful.actions.move_deadline import ready_to_extend
from rightful.actions.take_step import Move, digest, draft_for, note_steps
from rightful.actions.write_letter import letter_for
from rightful.errors import BadInput, NotFound, Refused, RightfulError, StepRefused
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.rights.models import Bulk, Filter
from rightful.rights.rules import UNDO_US, Case, State, Step, after
from rightful.workspace import Workspace

WHAT = ("extend", "refuse")
MOST = 5_000
AT_ONCE = 200  # entries of one transaction


@dataclass(frozen=True, slots=True)
class Done:
    """What became of it: the id to undo it with, the cases that changed, and (reference, why) of the others."""

    id: str
    what: str
    changed: int
    left: tuple[tuple[str, str], ...]


def do_to_many(
    ws: Workspace,
    what: str,
    wanted: Filter,
    *,
    reason: str,
    actor: str,
    but: Collection[str] = (),
    seen: int | None = None,
) -> Done:
    """Extend or refuse all requests that fit, except those named.

    Args:
        but: references that are left out.
        seen: how many the person saw; another number now changes nothing.

    Raises:
        BadInput: nothing that can be done to many; another number of requests than was seen.
    """
    if what not in WHAT:
        raise BadInput(f"{what} is nothing that can be done to many requests", remedy="One of: " + ", ".join(WHAT))
    fitting = ws.cases.find(wanted, limit=MOST + 1)
    if len(fitting) > MOST:
        raise BadInput(f"more than {MOST:,} requests fit", remedy="Narrow the filter")
    if seen is not None and len(fitting) != seen:
        raise BadInput(
            f"{len(fitting):,} requests fit now, {seen:,} did when you looked", remedy="Look at the list again"
        )
    excluded = {ref.strip().upper() for ref in but}
    ready: list[tuple[Case, Case]] = []
    left: list[tuple[str, str]] = []
    for case in fitting:
        if case.ref in excluded:
            continue
        try:
            ready.append((case, _ready(ws, case, what, reason)))
        except RightfulError as refusal:
            left.append((case.ref, refusal.sentence))
    bulk_id = "B-" + secrets.token_hex(8)
    before = {str(case.id): {"due": _dates(case), "state": case.state.value, "version": case.version + 1,
                             "reason": case.reason, "paused": case.paused_us} for case, _ in ready}  # fmt: skip
    bulk = Bulk(bulk_id, ws.clock(), digest(ws, "staff", actor), what, reason, json.dumps(before))
    step = Step.EXTEND if what == "extend" else Step.REFUSE
    _write(ws, ready, step, reason, actor, bulk)
    return Done(bulk_id, what, len(ready), tuple(left))


def undo(ws: Workspace, bulk_id: str, *, actor: str) -> int:
    """Take a bulk action back, within 30 seconds, by whoever did it; returns how many cases are as before.

    Raises:
        NotFound: no such action of this person.
        StepRefused: the 30 seconds are over, or it was undone.
    """
    bulk = ws.cases.bulk(bulk_id)
    if bulk is None or bulk.actor != digest(ws, "staff", actor):
        raise NotFound("there is nothing of yours to undo")
    now = ws.ledger.check_clock()
    if bulk.state != "done" or now > bulk.at_us + UNDO_US:
        raise StepRefused("the time to undo this is over", code="rights.too-late-to-undo", remedy="Change each request")
    pairs = []
    for case_id, was in json.loads(bulk.before).items():
        case = ws.cases.by_id(int(case_id))
        if case.version != was["version"]:
            continue  # somebody has gone on with it meanwhile
        restored = replace(
            case,
            **was["due"],
            state=State(was["state"]),
            reason=was["reason"],
            paused_us=was["paused"],
            closed_us=None,
            extended=case.extended and bulk.what != "extend",
            changed_us=now,
        )
        pairs.append((case, restored))
    _write(ws, pairs, Step.UNDO, "", actor, replace(bulk, state="undone"))
    return len(pairs)


def settle_bulks(ws: Workspace) -> int:
    """Write the letters of bulk actions that can no longer be undone; returns how many letters."""
    letters = 0
    for bulk in ws.cases.bulks_to_settle(ws.clock() - UNDO_US):
        with ws.control.write() as tx:
            if not ws.cases.end_bulk(tx, bulk.id, "settled"):
                continue
        name = "extension" if bulk.what == "extend" else "refusal"
        for case_id in json.loads(bulk.before):
            case = ws.cases.by_id(int(case_id))
            text = letter_for(ws, case, name).markdown
            draft = Draft(
                "request.message",
                {"request": case.kind.value, "way": "out"},
                {"ref": case.ref, "text": text, "actor": "rule"},
                subject=case.subject,
            )
            ws.journal.record([draft], _noting(ws, case, name))
            tell_news(ws, case, name)
            letters += 1
    return letters


def _ready(ws: Workspace, case: Case, what: str, reason: str) -> Case:
    if what == "extend":
        return ready_to_extend(ws, case, reason)
    return after(case, Step.REFUSE, ws.clock(), reason=reason)


def _write(ws: Workspace, pairs: list[tuple[Case, Case]], step: Step, reason: str, actor: str, bulk: Bulk) -> None:
    """All cases in few transactions, the bulk action itself in the first. A case that changed meanwhile stops it."""
    for start in range(0, max(len(pairs), 1), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        moves = [Move(step, reason=reason, public=_public(stage, step, reason)) for _, stage in some]
        drafts = [draft_for(stage, move, actor) for (_, stage), move in zip(some, moves, strict=True)]
        drafts.append(
            Draft(
                "request.bulk",
                {"step": step.value, "cases": len(some), "role": "officer"},
                {"bulk": bulk.id, "actor": actor},
            )
        )
        ws.journal.record(drafts, _rows(ws, some, moves, actor, bulk if start == 0 else None))


def _rows(ws: Workspace, some: list[tuple[Case, Case]], moves: list[Move], actor: str, bulk: Bulk | None) -> Any:
    def rows(tx: Tx, entries: list[Entry]) -> None:
        if bulk is not None and bulk.state == "done":
            ws.cases.note_bulk(tx, bulk)
        elif bulk is not None and not ws.cases.end_bulk(tx, bulk.id, bulk.state):
            raise StepRefused("it was undone or settled meanwhile", code="rights.too-late-to-undo")
        for (_, stage), move, entry in zip(some, moves, entries[:-1], strict=True):
            ws.cases.change(tx, stage)
            note_steps(ws, tx, [stage], [move], [entry], actor)

    return rows


def _noting(ws: Workspace, case: Case, name: str) -> Any:
    return lambda tx, entries: ws.cases.note_message(tx, case.id, entries[0].index, entries[0].at, "out", name)


def _public(case: Case, step: Step, reason: str) -> dict[str, str]:
    if step is Step.REFUSE:
        return {"article": article_of(case, reason)}
    return {"due": case.due_on}


def _dates(case: Case) -> dict[str, str]:
    return {
        name: getattr(case, name) for name in ("law", "clock", "due_on", "safe_on", "notice_on", "reasoning", "why")
    }


__all__ = ["Done", "Refused", "do_to_many", "settle_bulks", "undo"]
