"""A request for correction: each detail the customer named, or an officer read out of their words, is put right.

gather   what came with the request, what staff entered, what became of each
decide   corrected at once, looked at first, or refused; whether all of it is decided
act      the gate changes the row (`correct_data`), recipients are told; the request says what was corrected

Easy to get wrong: calling a request done because somebody pressed "done" while nothing was
changed; a detail that somebody added who only knew the address; a request in words closed
after the first of three corrections.

Sources: GDPR Art. 5(1)(d), 12(3), 16, 19; CCPA 1798.106; 11 CCR 7023.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rightful.actions.correct_data import REFUSALS, Corrected, ask_for_request, readable
from rightful.actions.customer_words import Label, field_name
from rightful.actions.take_step import case_of
from rightful.errors import BadInput, NotFound, RightfulError, StepRefused
from rightful.gate import dispose
from rightful.ledger.database import Conflict
from rightful.rights.corrections import DONE, REFUSED, WAITING, Asked, Tie
from rightful.rights.rules import Case, Kind, Level, State, Step
from rightful.workspace import Workspace

MOST = 50
WORKED_ON = (State.IDENTIFIED, State.PLANNED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the details of one request, as people call them. `left` goes with why; `told`: recipients."""

    done: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    waiting: int
    told: int


def wishes(ws: Workspace, kind: str, given: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The details that came with a request, checked for their shape: {"field", "value", "row"}.

    Raises:
        BadInput: no request for correction, too many, or a value its field cannot hold.
        NotFound: no such field.
    """
    if given and kind != Kind.RECTIFICATION.value:
        raise BadInput("only a request for correction names what is to be corrected")
    if len(given) > MOST:
        raise BadInput(f"a request corrects up to {MOST} details")
    found = []
    for one in given:
        row = {str(k): str(v) for k, v in dict(one.get("row") or {}).items()}
        field, value = str(one.get("field", "")), str(one.get("value", ""))
        readable(ws, field, value, row)
        found.append({"field": field, "value": value, "row": row})
    return found


def take_up(ws: Workspace, case: Case) -> None:
    """Turn what came with the request into corrections; each once, however often this is called.

    What somebody added who was less sure to be the customer than the request needs waits for an officer.
    """
    if case.no is None:
        return
    known = {one.part for one in ws.corrections.of_request(case.id)}
    for part, wish, sure in _received(ws, case):
        if part in known:
            continue
        tie = Tie(case.id, part, wish["row"])
        try:
            ask_for_request(ws, case.no, wish["field"], wish["value"], tie, actor="self", sure=sure)
        except (Conflict, RightfulError):
            continue  # taken up by somebody else just now; or it is kept with the others, failed or waiting


def wishes_of(ws: Workspace, case: Case) -> list[dict[str, Any]]:
    """The details that came with a request."""
    return [wish for _part, wish, _sure in _received(ws, case)]


def correct_now(
    ws: Workspace, ref: str, field: str, text: str, *, row: Mapping[str, str] | None = None, actor: str
) -> Corrected:
    """An officer reads the customer's words and puts one detail right: the source changes at once.

    Raises:
        StepRefused: the request is not one for correction, closed, or it is not sure who asks.
        NotFound, BadInput: no such field or row; a value it cannot hold, or that is there already.
    """
    case = case_of(ws, ref)
    if case.kind is not Kind.RECTIFICATION or case.state not in WORKED_ON or case.no is None:
        raise StepRefused("this request corrects nothing now", code="rights.wrong-state")
    named = {k: v for k, v in (row or {}).items() if k}
    readable(ws, field, text, named)
    part = f"staff/{len(ws.corrections.of_request(case.id))}"
    try:
        return ask_for_request(ws, case.no, field, text, Tie(case.id, part, named), actor=actor, sure=True)
    except Conflict:
        raise StepRefused("somebody else corrects something meanwhile", code="rights.changed") from None


def state_of(ws: Workspace, case: Case, *, closing: bool) -> tuple[str, str]:
    """The state of the task to correct, and what came of it as a code.

    Args:
        closing: a person says that nothing more is to be corrected. Without, a request in words stays open:
            nobody but a person knows whether the words ask for more.
    """
    every = ws.corrections.of_request(case.id)
    if not every or any(one.decided_us is None or one.state == WAITING for one in every):
        return "open", ""
    if not closing and any(m.way == "in" for m in ws.cases.messages(case.id)):
        return "open", ""
    done = [one for one in every if one.state == DONE]
    if not done:
        return "failed", "nothing-corrected"
    if not_there(ws, case):
        return "failed", "overwritten"
    return "done", "corrected" if len(done) == len(_settled(every)) else "corrected-partly"


def corrected_meanwhile(ws: Workspace, case: Case) -> bool:
    """Whether an officer has decided everything this request waited for, on the page of corrections."""
    return (
        case.kind is Kind.RECTIFICATION
        and any(t.what == "correct" and t.state == "open" for t in ws.cases.tasks(case.id))
        and state_of(ws, case, closing=False)[0] != "open"
    )


def not_there(ws: Workspace, case: Case) -> tuple[str, ...]:
    """Fields whose corrected value is not what the source holds now; codes, no values."""
    if case.no is None:
        return ()
    missing, seen = [], set()
    for one in reversed(ws.corrections.of_request(case.id)):
        if one.state != DONE or one.entry is None:
            continue
        said: Mapping[str, Any] = ws.ledger.open_private(one.entry) or {}
        row = dict(said.get("row") or {})
        table, _, column = one.field.rpartition(".")
        where = (one.field, *sorted(row.items()))
        if where in seen or column not in said.get("to", {}):
            continue
        seen.add(where)
        try:
            now = dispose.current_row(ws, case.no, table, row)[column]
        except (NotFound, BadInput):
            missing.append(f"not-corrected:{one.field}")
            continue
        if not _same(now, str(said["to"][column])):
            missing.append(f"not-corrected:{one.field}")
    return tuple(reversed(missing))


def correctable_fields(ws: Workspace, language: str) -> list[tuple[str, Label]]:
    """Fields of the customer's own row that a request can name, with what people call them."""
    table = ws.facts.customer_table()
    bound = ws.facts.bound.category_of
    names = [f"{table.name}.{c.name}" for c in table.columns if c.name != table.key]
    return [(name, field_name(ws.facts.policy, name, language)) for name in names if name in bound]


def all_fields(ws: Workspace) -> list[str]:
    """Every field an officer can correct, as table.column; those of the customer's own row first."""
    tables = sorted(ws.facts.tables, key=lambda t: (not t.customer_table, t.name))
    return [f"{t.name}.{c.name}" for t in tables for c in t.columns if c.name != t.key]


def outcome_of(ws: Workspace, case: Case, language: str) -> Outcome:
    """What was corrected and what was not, with why: names of fields, no values."""
    every = ws.corrections.of_request(case.id)
    policy = ws.facts.policy

    def named(one: Asked) -> str:
        return str(field_name(policy, one.field, language))

    settled = _settled(every)
    return Outcome(
        done=tuple(dict.fromkeys(named(one) for one in settled if one.state == DONE)),
        left=tuple({named(one): _why(ws, one) for one in settled if one.state != DONE}.items()),
        waiting=sum(one.state == WAITING for one in every),
        told=sum(one.told for one in settled if one.state == DONE),
    )


def _received(ws: Workspace, case: Case) -> Iterator[tuple[str, dict[str, Any], bool]]:
    """Each wish of a request: which one it is, the detail, and whether its sender showed to be the customer."""
    for step in ws.cases.steps(case.id):
        if step.step in (Step.RECEIVE.value, Step.REPEAT.value):
            sealed: Mapping[str, Any] = ws.ledger.open_private(step.entry) or {}
            sure = int(sealed.get("level", 0)) >= Level.CHANNEL
            for place, wish in enumerate(sealed.get("wanted", ())):
                yield f"{step.entry}/{place}", wish, sure


def _settled(every: Sequence[Asked]) -> list[Asked]:
    """The decided ones; a try that failed does not count where a later one of the same field worked."""
    done = {one.field: one.id for one in every if one.state == DONE}
    return [
        one
        for one in every
        if one.state in (DONE, REFUSED) or (one.state == "failed" and done.get(one.field, 0) < one.id)
    ]


def _why(ws: Workspace, one: Asked) -> str:
    if one.state == REFUSED and one.entry is not None:
        code = str(ws.ledger.entry(one.entry).public.get("why", ""))
        return code if code in REFUSALS else "failed"
    return "failed"


def _same(held: object, text: str) -> bool:
    """Whether a value of the source is the one that was written; 20 is 20.00, and an instant is one in any zone."""
    if str(held) == text:
        return True
    try:
        if isinstance(held, datetime):
            written = datetime.fromisoformat(text)
            return held.astimezone(UTC) == written.astimezone(UTC)
        return isinstance(held, int | float | Decimal) and float(held) == float(text)
    except ValueError:
        return False
