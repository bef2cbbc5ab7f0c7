"""What goes on without a press: erasures after their grace, corrections, systems that answer again, letters.

gather   bulk actions past their undo, cases that wait for an instant, systems that do not answer, old copies
decide   which of them may go on now
act      the same steps as by hand, in the name of the rule

Easy to get wrong: one request that cannot go on must not stop the others.

Sources: AC-017, AC-019; UX "irreversible ones are queued".
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from rightful.actions.answer_request import go_on
from rightful.actions.ask_systems import remind_systems
from rightful.actions.carry_out import BUSY, UNREACHABLE
from rightful.actions.correct_for_request import corrected_meanwhile
from rightful.actions.many_requests import settle_bulks
from rightful.actions.tell_agents import tell_agents
from rightful.errors import RightfulError
from rightful.rights.models import Filter
from rightful.rights.rules import Case, ready_us
from rightful.workspace import Workspace

log = logging.getLogger("rightful.requests")


@dataclass(frozen=True, slots=True)
class Ran:
    """What a run did: letters written, requests that went on, references of those that could not."""

    letters: int
    moved: int
    stuck: tuple[str, ...]


def run_requests(ws: Workspace) -> Ran:
    """Do what has become due. Safe to run at any time and as often as one likes."""
    letters = settle_bulks(ws)
    now = ws.clock()
    moved, stuck = 0, []
    for case in ws.cases.find(Filter(states=("planned",)), limit=None):
        ready = ready_us(case)
        due = now >= ready if ready else corrected_meanwhile(ws, case) or _asked_in_vain(ws, case)
        if case.paused or not due:
            continue
        try:
            moved += go_on(ws, case, actor="rule").version != case.version
        except RightfulError as refusal:
            log.warning("request cannot go on: code=%s", refusal.code)
            stuck.append(case.ref)
    letters += remind_systems(ws)
    tell_agents(ws)
    with ws.control.write() as tx:
        ws.cases.drop_copies(tx, now)
        ws.system_tasks.wipe_closed(tx)
    return Ran(letters, moved, tuple(stuck))


def _asked_in_vain(ws: Workspace, case: Case) -> bool:
    """Whether a system did not answer, or took no more calls, when it was asked the last time."""
    return any(t.state == "failed" and t.detail in (UNREACHABLE, BUSY) for t in ws.cases.tasks(case.id))
