"""What a change of policy changes: every answer, every notice, and for how many customers.

gather   two policies, the catalogue, the permission state
decide   answer by answer (exact), then customer by customer for each use there is
act      nothing

Easy to get wrong: counting with the agreement left out. A recipient whose agreement
has ended receives nobody, whatever customers agreed to.

Sources: DESIGN section 3; GDPR Art. 25.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rightful.gate.plan import compile_plan
from rightful.gate.planes import Evaluation, Population, Slot, slots_of
from rightful.gate.request import Request
from rightful.policy.bind import Bound, Catalogue, bind
from rightful.policy.diff import Change, diff
from rightful.policy.model import Policy
from rightful.policy.notice_terms import NoticeChange, notice_changes
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Reach:
    """How many customers one use (purpose, channel, recipient) may touch under two policies."""

    purpose: str
    channel: str
    recipient: str
    before: int
    after: int
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two policies held against each other; `reach` names only uses whose customers differ."""

    old: Policy
    new: Policy
    changes: tuple[Change, ...]
    notices: tuple[NoticeChange, ...]
    reach: tuple[Reach, ...]
    customers: int

    @property
    def widenings(self) -> int:
        return sum(change.kind == "widening" for change in self.changes)

    @property
    def narrowings(self) -> int:
        return sum(change.kind == "narrowing" for change in self.changes)


def compare_policies(ws: Workspace | None, old: Policy, new: Policy) -> Comparison:
    """Compare two policies; with a workspace, also count its customers under both, as of now."""
    notices = notice_changes(old, new)
    tables = () if ws is None else ws.source.catalogue()
    catalogue = {table.name: [column.name for column in table.columns] for table in tables}
    changes = tuple(diff(old, new, catalogue or None))
    if ws is None or not catalogue:
        return Comparison(old, new, changes, notices, (), 0)
    now = ws.clock()
    people = ws.facts.people(now)
    before, after = (_planes(ws, policy, catalogue, people, now) for policy in (old, new))
    return Comparison(old, new, changes, notices, tuple(_reach(before, after)), people.size)


def _planes(
    ws: Workspace, policy: Policy, catalogue: Catalogue, people: Population, now: int
) -> dict[Slot, NDArray[np.uint8]]:
    bound = bind(policy, catalogue)
    evaluation = Evaluation(policy, ws.facts.notices, people, now)
    found = {}
    for slot in slots_of(policy):
        if _anybody_may(ws, policy, bound, slot, now):
            found[slot] = evaluation.slot(*slot, _fields(bound, slot[0])).row
    return found


def _anybody_may(ws: Workspace, policy: Policy, bound: Bound, slot: Slot, now: int) -> bool:
    """Whether some role may pursue this at all: purpose, channel, recipient and agreement."""
    purpose, channel, recipient = slot
    for role in policy.roles:
        request = Request("comparison", role, purpose, channel, recipient)
        if not compile_plan(policy, bound, ws.facts.notices, request, now).refused:
            return True
    return False


def _fields(bound: Bound, purpose: str) -> Mapping[str, str]:
    return {name: bound.category_of[name] for name in bound.fields_of(purpose)}


def _reach(before: Mapping[Slot, NDArray[np.uint8]], after: Mapping[Slot, NDArray[np.uint8]]) -> list[Reach]:
    found = []
    for slot in dict.fromkeys((*after, *before)):
        old, new = before.get(slot), after.get(slot)
        had, has = _count(old), _count(new)
        both = 0 if old is None or new is None else _count(old & new)
        if (had, has) != (both, both):
            found.append(Reach(*slot, had, has, has - both, had - both))
    return found


def _count(plane: NDArray[np.uint8] | None) -> int:
    import numpy as np

    return 0 if plane is None else int(np.bitwise_count(plane).sum())
