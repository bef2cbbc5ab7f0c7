"""What a purpose's consents amount to: where everybody stands, what was said month by month, what is open.

gather   everybody's choices and events at once, the questions that were put, whom one may ask
decide   nothing; counts only, nobody is named
act      nothing

Easy to get wrong: a consent that ran out is no act of anybody. It is counted in the
month it ended, beside what people said.

Sources: UX console C5; GDPR Art. 5(2), 7(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from rightful.actions.ask_again import AskList, who_to_ask_again
from rightful.actions.record_choice import purpose_of
from rightful.consent.rules import Status
from rightful.gate.conditions import Ask
from rightful.gate.planes import KIND, Evaluation
from rightful.terms import ALL_CHANNELS, EventKind, LawfulBasis
from rightful.workspace import Workspace

GIVEN, REFUSED, WITHDRAWN, EXPIRED = SAID = ("given", "refused", "withdrawn", "expired")
LIVE, CLAIMED, DEFERRED, NONE = "live", "claimed", "deferred", "none"
STANDS = (LIVE, EXPIRED, REFUSED, WITHDRAWN, DEFERRED, CLAIMED, NONE)
_STANDING = {
    Status.REFUSED: REFUSED,
    Status.WITHDRAWN: WITHDRAWN,
    Status.DEFERRED: DEFERRED,
    Status.UNPROVABLE: CLAIMED,
    Status.INVALID: CLAIMED,
    Status.NOT_ON_NOTICE: CLAIMED,
    Status.NONE: NONE,
}


@dataclass(frozen=True, slots=True)
class Month:
    """What was said in one month (UTC), and how many consents ran out in it."""

    first: datetime
    given: int
    refused: int
    withdrawn: int
    expired: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """One purpose on one channel. `stands` is where customers are now; `requests` questions by state."""

    purpose: str
    channel: str
    stands: Mapping[str, int]
    months: tuple[Month, ...]
    ask: AskList
    requests: Mapping[str, int]


def slots_on_consent(ws: Workspace) -> tuple[tuple[str, str], ...]:
    """Purposes and channels that rest on consent somewhere, in the policy's order."""
    return tuple(
        (purpose.id, channel)
        for purpose in ws.facts.policy.purposes.values()
        if not purpose.abstract and any(basis.kind is LawfulBasis.CONSENT for basis in purpose.basis.values())
        for channel in purpose.channels or ("",)
    )


def numbers_of(ws: Workspace, purpose: str, channel: str = "", *, months: int = 12) -> Numbers:
    """The numbers of one purpose and channel, newest month first.

    Raises:
        UnknownName, BadInput: there is no such purpose, or it has no such channel.
    """
    purpose_of(ws, purpose)
    asked = who_to_ask_again(ws, purpose, channel)
    now = ws.clock()
    people = Evaluation(ws.facts.policy, ws.facts.notices, ws.facts.people(now), now)
    ask = Ask(ws.facts.policy, ws.facts.notices, purpose, channel)
    choice = people._choice(ask)
    granted = choice.status == Status.GRANTED
    over = granted & (choice.until <= now)
    stands = dict.fromkeys(STANDS, 0)
    for status, count in zip(*np.unique(choice.status[~granted], return_counts=True), strict=True):
        stands[_STANDING[Status(int(status))]] += int(count)
    stands[LIVE], stands[EXPIRED] = int(np.count_nonzero(granted & ~over)), int(np.count_nonzero(over))
    said = {
        GIVEN: _instants(people, ask, EventKind.GIVEN),
        REFUSED: _instants(people, ask, EventKind.REFUSED),
        WITHDRAWN: _instants(people, ask, EventKind.WITHDRAWN),
        EXPIRED: choice.until[over],
    }
    counts = ws.requests.counts(now)
    return Numbers(
        purpose,
        channel,
        stands,
        _by_month(said, now, months),
        asked,
        {state: number for (p, c, state), number in counts.items() if (p, c) == (purpose, channel)},
    )


def _instants(people: Evaluation, ask: Ask, kind: EventKind) -> NDArray[np.int64]:
    """When events of a kind about this purpose and channel happened; a yes to a heading is not one to its child."""
    events, codes = people.events, people.codes
    channels = [ask.channel] if kind is EventKind.GIVEN else [ask.channel, ALL_CHANNELS]
    rows = (events.kind == KIND[kind]) & codes.of(codes.scopes, ask.lineage)[events.scope]
    found: NDArray[np.int64] = events.at[rows & codes.of(codes.channels, channels)[events.channel]]
    return found


def _by_month(said: Mapping[str, NDArray[np.int64]], now: int, months: int) -> tuple[Month, ...]:
    this = np.datetime64(now, "us").astype("datetime64[M]").astype(int)
    rows = {}
    for name, instants in said.items():
        month = instants.astype("datetime64[us]").astype("datetime64[M]").astype(int)
        ago = this - month
        rows[name] = np.bincount(ago[(ago >= 0) & (ago < months)], minlength=months)
    return tuple(
        Month(
            datetime(1970 + (this - back) // 12, (this - back) % 12 + 1, 1, tzinfo=UTC),
            *(int(rows[name][back]) for name in SAID),
        )
        for back in range(months)
    )
