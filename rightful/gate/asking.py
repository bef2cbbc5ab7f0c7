"""From when each customer may be asked again: the rule of `consent/asking.py` for all of them at once.

Easy to get wrong: answering in another way than the rule for one customer. A test
holds both against each other on random histories.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rightful.consent.asking import (
    CCPA_MONTHS,
    CHILD,
    CODES,
    EXPIRED,
    FINAL,
    IN_FORCE,
    MINOR,
    NOW,
    OBJECTED,
    OPTED_OUT,
    RESTS,
    STOPPED,
    UNANSWERED,
    Standing,
)
from rightful.consent.events import NEVER_US
from rightful.consent.rules import Status, active_scopes, add_period, last_at
from rightful.gate.conditions import OBJECTABLE, Ask, View
from rightful.gate.planes import KIND, Evaluation
from rightful.gate.planes import add_period as add_periods
from rightful.terms import DIRECT_MARKETING, EventKind, LawfulBasis

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]


def standing_of(view: View, asked_us: int | None) -> Standing:
    """What the rule needs to know of one customer."""
    ask = view.ask
    scopes = active_scopes(view.events, EventKind.OBJECTED, EventKind.OBJECTION_LIFTED)
    marketing = ask.purpose.direct_marketing
    objectable = marketing or bool(view.kinds & OBJECTABLE)
    objected = (marketing and DIRECT_MARKETING in scopes) or (objectable and bool(scopes & frozenset(ask.lineage)))
    restricted = active_scopes(view.events, EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED)
    shares = LawfulBasis.OPT_OUT_OF_SHARING in view.kinds
    opted = shares and bool(active_scopes(view.events, EventKind.OPTED_OUT, EventKind.OPTED_IN_AGAIN))
    consent = LawfulBasis.CONSENT in view.kinds
    return Standing(
        view.choice.status,
        view.choice.since_us,
        view.choice.until_us,
        objected=objected,
        stopped="" in restricted or any(e.kind is EventKind.ERASED for e in view.events),
        opted_out_us=last_at(view.events, EventKind.OPTED_OUT) if opted else None,
        adult_us=view.turns_us(18) if marketing else None,
        of_age_us=view.turns_us(view.consent_age) if consent else None,
        asked_us=asked_us,
    )


def rest_of(ask: Ask) -> Callable[[int], int] | None:
    """The policy's rest period after a no."""
    period = ask.purpose.ask_again
    return None if period is None else lambda start: add_period(start, period.count, period.unit)


def when_to_ask(people: Evaluation, ask: Ask, asked: tuple[NDArray[np.int64], Ints]) -> tuple[Ints, Codes]:
    """`may_ask_from` for everybody: shape (size,), instants in us, and positions in `CODES`.

    Args:
        asked: numbers of customers who were asked, and when last.
    """
    choice = people._choice(ask)
    now, period, size = people.now, ask.purpose.ask_again, people.people.size
    when, why = np.zeros(size, np.int64), np.full(size, CODES.index(NOW), np.int8)

    def rested(start: Ints) -> Ints:
        return np.full(len(start), NEVER_US) if period is None else add_periods(start, period.count, period.unit)

    def later(where: Bools, instants: Ints, code: str) -> None:
        rank = CODES.index(code)
        mine = where.nonzero()[0]
        found = instants[mine]
        wins = (found > when[mine]) | ((found == when[mine]) & (rank > why[mine]))
        when[mine[wins]], why[mine[wins]] = found[wins], rank

    granted = choice.status == Status.GRANTED
    later(granted & (choice.until > now), choice.until, IN_FORCE)
    later(granted & (choice.until <= now), choice.until, EXPIRED)
    noes = (choice.status == Status.REFUSED) | (choice.status == Status.WITHDRAWN)
    later(noes, rested(choice.since), FINAL if period is None else RESTS)
    deferred = choice.status == Status.DEFERRED
    since = np.where(deferred, _last_deferred(people, ask), choice.since)  # 0 where nothing was chosen
    if period is not None:
        later(deferred, rested(since), UNANSWERED)
    numbers, instants = asked
    last_asked = np.full(size, -NEVER_US, np.int64)
    inside = numbers < size
    last_asked[numbers[inside]] = instants[inside]
    later(last_asked > since, rested(np.maximum(last_asked, 0)), UNANSWERED)
    again = EventKind.OPTED_IN_AGAIN
    opted = people._where_basis(ask, frozenset({LawfulBasis.OPT_OUT_OF_SHARING}))
    opted &= people._active(EventKind.OPTED_OUT, again, None)
    start = np.where(opted, people._last_at(EventKind.OPTED_OUT, None), 0)
    least = add_periods(start, CCPA_MONTHS, "months")
    later(opted, least if period is None else np.maximum(least, rested(start)), OPTED_OUT)
    known = ~people.birth_unknown
    if ask.purpose.direct_marketing:
        later(known & (now < people.adult_at), people.adult_at, MINOR)
    consent = people._where_basis(ask, frozenset({LawfulBasis.CONSENT}))
    later(known & consent & (now < people.consent_age_at), people.consent_age_at, CHILD)
    never = np.full(size, NEVER_US)
    later(_objected(people, ask), never, OBJECTED)
    stopped = people._active(EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED, {""})
    later(stopped | people._any_of(EventKind.ERASED), never, STOPPED)
    return when, why


def _objected(people: Evaluation, ask: Ask) -> Bools:
    found = people._active(EventKind.OBJECTED, EventKind.OBJECTION_LIFTED, set(ask.lineage))
    if ask.purpose.direct_marketing:
        return found | people._active(EventKind.OBJECTED, EventKind.OBJECTION_LIFTED, {DIRECT_MARKETING})
    return found & people._where_basis(ask, OBJECTABLE)


def _last_deferred(people: Evaluation, ask: Ask) -> Ints:
    events, codes = people.events, people.codes
    rows = (events.kind == KIND[EventKind.DEFERRED]) & codes.of(codes.scopes, ask.lineage)[events.scope]
    rows &= codes.of(codes.channels, [ask.channel])[events.channel]
    found = np.zeros(people.people.size, np.int64)
    np.maximum.at(found, events.no[rows], events.at[rows])
    return found
