"""A step of a customer's request is taken: the one place where a case changes.

gather   the case as it is
decide   the state machine (`rights.rules.after`): the new state, or a refusal
act      case, step and ledger entry in one transaction

Easy to get wrong: naming the request in the public part of an entry would link all
its entries for everybody who reads the log; the reference stays in the private part,
sealed under the customer's key.

Sources: GDPR Art. 5(2), 12; DESIGN section 7.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rightful.errors import NotFound
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.protection.keys import derive
from rightful.rights.rules import Case, Level, Step, after
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Move:
    """One step with what it says: `public` never holds personal data, `private` is sealed."""

    step: Step
    level: Level = Level.NONE
    reason: str = ""
    public: Mapping[str, Any] = field(default_factory=dict)
    private: Mapping[str, Any] = field(default_factory=dict)


Rows = Callable[[Tx, Case, list[Entry]], None]


def case_of(ws: Workspace, ref: str) -> Case:
    """The case with this reference.

    Raises:
        NotFound: there is none.
    """
    found = ws.cases.by_ref(ref.strip().upper())
    if found is None:
        raise NotFound(f"there is no request {ref}", remedy="`rightful request list` shows them")
    return found


def take(ws: Workspace, case: Case, *moves: Move, actor: str, rows: Rows | None = None) -> Case:
    """Take one or more steps, one after the other, all or none.

    Args:
        actor: "self" for the customer, "rule" for what follows by itself, else a work address.
        rows: further rows of the same transaction; gets the case as it is then and the entries.

    Raises:
        StepRefused: a step cannot be taken, or somebody else changed the case meanwhile.
    """
    now = ws.ledger.check_clock()
    stages = []
    current = case
    for move in moves:
        current = after(current, move.step, now, level=move.level, reason=move.reason)
        stages.append(current)
    drafts = [draft_for(stage, move, actor) for stage, move in zip(stages, moves, strict=True)]
    kept: list[Case] = []

    def write(tx: Tx, entries: list[Entry]) -> None:
        stored = ws.cases.change(tx, current)
        note_steps(ws, tx, stages, moves, entries, actor)
        if rows is not None:
            rows(tx, stored, entries)
        kept.append(stored)

    ws.journal.record(drafts, write)
    return kept[-1]


def note_steps(
    ws: Workspace, tx: Tx, stages: Sequence[Case], moves: Sequence[Move], entries: Sequence[Entry], actor: str
) -> None:
    for stage, move, entry in zip(stages, moves, entries, strict=True):
        by_staff = actor not in ("self", "rule")
        ws.cases.note_step(tx, stage, move.step.value, entry.index, entry.at, reason=move.reason, by_staff=by_staff)


def draft_for(case: Case, move: Move, actor: str) -> Draft:
    """The entry of a step."""
    public: dict[str, Any] = {"request": case.kind.value, "state": case.state.value, **move.public}
    if move.reason:
        public["codes"] = [move.reason]
    return Draft(
        f"request.{move.step.value}",
        public,
        {"ref": case.ref, "actor": actor, **move.private},
        subject=case.subject,
    )


def private_text(ws: Workspace, entry: int, name: str = "text") -> str:
    """A text that was sealed with an entry; "" once its customer was erased."""
    opened = ws.ledger.open_private(entry) or {}
    return str(opened.get(name, ""))


def digest(ws: Workspace, use: str, text: str) -> str:
    """A keyed digest: enough to know something again, not to read it."""
    key = derive(ws.keys.log_key, f"requests/{use}")
    return hmac.digest(key, text.encode(), "sha256")[:16].hex()
