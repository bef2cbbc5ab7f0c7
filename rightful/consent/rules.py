"""What one customer's events amount to, at one instant.

The newest *event time* decides between a grant and a withdrawal of the same
purpose and channel; a tie goes to the withdrawal; a grant that proves nothing
is as if it had not been made. Grants cover the descendants named on the notice
that was shown; withdrawals cover all descendants; nothing flows up or sideways.
Nothing here reads a clock or knows a policy: lineage, notices and periods come in.

Easy to get wrong: activity after a consent has expired does not bring it back;
a birthday on 29 February falls on 1 March in common years.

Sources: GDPR Art. 4(11), 7(1), 7(3), 8(1), 18, 21; ePrivacy Directive 13(2);
11 CCR 7025(c); CJEU C-673/17. Conventions: DESIGN section 4.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from zoneinfo import ZoneInfo

from rightful.consent.events import NEVER_US, Event
from rightful.terms import ALL_CHANNELS, EventKind, Method

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Proof(IntEnum):
    """What a grant proves (GDPR Art. 7(1): the controller must be able to demonstrate it)."""

    VALID = 0
    UNPROVABLE = 1
    INVALID = 2


class Status(IntEnum):
    """Where a choice stands. The order breaks ties: the larger one wins at the same instant."""

    NONE = 0
    DEFERRED = 1
    UNPROVABLE = 2
    INVALID = 3
    NOT_ON_NOTICE = 4
    GRANTED = 5
    REFUSED = 6
    WITHDRAWN = 7


@dataclass(frozen=True, slots=True)
class Choice:
    """A customer's choice for one purpose on one channel.

    `since_us` is the event time that decided; `until_us` the end of a grant, half-open.
    """

    status: Status
    since_us: int = 0
    until_us: int = NEVER_US
    notice: str = ""
    guardian: bool = False


def proof_of(event: Event, *, notice_known: bool) -> Proof:
    """Whether a grant or a soft opt-in can be demonstrated (cases S03, S10, S14, S21).

    A box that was ticked before is never consent. Without a reference to evidence, without the notice
    that was shown, or copied from another system, it proves no act of the person.
    """
    if event.method is Method.PRE_TICKED:
        return Proof.INVALID
    if not event.evidence or event.method is Method.SYNC:
        return Proof.UNPROVABLE
    if event.kind is EventKind.GIVEN and not notice_known:
        return Proof.UNPROVABLE
    return Proof.VALID


def choice_for(
    events: Iterable[Event],
    lineage: Sequence[str],
    channel: str,
    named_on: Callable[[str], bool | None],
    expiry: Callable[[int], int] | None = None,
    *,
    counts_activity: bool = False,
) -> Choice:
    """Return what the customer chose for one purpose on one channel.

    Args:
        events: all events of this customer, in any order.
        lineage: the purpose, then its ancestors, nearest first.
        channel: "" for a purpose without channels.
        named_on: for a notice label, True if it names the purpose, False if it does not,
            None if no such notice was ever published.
        expiry: start of a consent (us) -> its end (us); None if it does not expire.
        counts_activity: the end is counted from the last activity instead of the grant.
    """
    purposes = frozenset(lineage)
    best = Choice(Status.NONE)
    weak = Choice(Status.NONE)
    for event in events:
        if event.purpose not in purposes:
            continue
        status = _status_of(event, channel, named_on)
        if status is Status.NONE:
            continue
        seen = Choice(
            status,
            event.effective_us,
            NEVER_US if event.until_us is None else event.until_us,
            event.notice,
            event.method is Method.GUARDIAN,
        )
        if status >= Status.GRANTED:
            best = max(best, seen, key=_newest)
        else:
            weak = max(weak, seen, key=_weakest_first)
    if best.status is Status.NONE:
        return weak
    if best.status is Status.GRANTED and expiry is not None:
        active = _activity(events, purposes, channel) if counts_activity else ()
        end = min(best.until_us, _end_of(best.since_us, active, expiry))
        best = Choice(best.status, best.since_us, end, best.notice, best.guardian)
    return best


def has_soft_opt_in(events: Iterable[Event], lineage: Sequence[str], channel: str) -> bool:
    """Whether the address came from a sale at which the person could refuse (ePrivacy Art. 13(2))."""
    return any(
        event.kind is EventKind.SOFT_OPT_IN
        and event.purpose in lineage
        and event.channel == channel
        and proof_of(event, notice_known=True) is Proof.VALID
        for event in events
    )


def active_scopes(events: Iterable[Event], starts: EventKind, ends: EventKind) -> frozenset[str]:
    """Scopes that were started and not ended since; at the same instant the start wins.

    Used for objections (GDPR 21), restrictions (18) and opt-outs. An end without evidence does not
    count: a restriction is lifted only once the person has been told (18(3), case O09).
    """
    newest: dict[str, tuple[int, bool]] = {}
    for event in events:
        if event.kind is starts:
            mark = (event.effective_us, True)
        elif event.kind is ends and event.evidence:
            mark = (event.effective_us, False)
        else:
            continue
        newest[event.purpose] = max(newest.get(event.purpose, (-NEVER_US, False)), mark)
    return frozenset(scope for scope, (_, on) in newest.items() if on)


def last_at(events: Iterable[Event], kind: EventKind, purpose: str | None = None) -> int | None:
    """The newest instant at which this happened, or None."""
    instants = [e.effective_us for e in events if e.kind is kind and purpose in (None, e.purpose)]
    return max(instants, default=None)


def residence_at(events: Iterable[Event], base: str, now_us: int) -> str:
    """Where the person lives at an instant: the newest move so far, else what the CRM says ("" unknown)."""
    moves = [(e.at_us, e.value) for e in events if e.kind is EventKind.MOVED and e.at_us <= now_us]
    return max(moves)[1] if moves else base


def next_move(events: Iterable[Event], now_us: int) -> int:
    """The next announced move after an instant, or NEVER_US."""
    moves = (e.at_us for e in events if e.kind is EventKind.MOVED and e.at_us > now_us)
    return min(moves, default=NEVER_US)


def birth_of(events: Iterable[Event], base: date | None) -> date | None:
    """The birth date: the newest one on record, else what the CRM says."""
    known = [(e.at_us, e.value) for e in events if e.kind is EventKind.BORN]
    return date.fromisoformat(max(known)[1]) if known else base


def birthday_us(birth: date, years: int, zone: ZoneInfo) -> int:
    """The instant a person turns `years`: midnight local time; 29 February becomes 1 March (case M08)."""
    year = birth.year + years
    leap_day_gone = birth.month == 2 and birth.day == 29 and monthrange(year, 2)[1] == 28
    day = date(year, 3, 1) if leap_day_gone else date(year, birth.month, birth.day)
    return to_us(datetime(day.year, day.month, day.day, tzinfo=zone))


def add_period(start_us: int, count: int, unit: str) -> int:
    """Add a calendar period to an instant, in UTC; a day that does not exist becomes the month's last."""
    if unit in ("day", "days", "week", "weeks"):
        return start_us + count * (7 if unit.startswith("week") else 1) * 86_400_000_000
    start = EPOCH + timedelta(microseconds=start_us)
    months = start.month - 1 + count * (12 if unit.startswith("year") else 1)
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return to_us(start.replace(year=year, month=month, day=day))


def to_us(instant: datetime) -> int:
    """Microseconds since 1970 of a zone-aware instant, exact."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return (instant - EPOCH) // timedelta(microseconds=1)


def _status_of(event: Event, channel: str, named_on: Callable[[str], bool | None]) -> Status:
    """What this one event says about a channel; NONE if it says nothing."""
    if event.kind in (EventKind.WITHDRAWN, EventKind.REFUSED):
        if event.channel not in (channel, ALL_CHANNELS):
            return Status.NONE
        return Status.WITHDRAWN if event.kind is EventKind.WITHDRAWN else Status.REFUSED
    if event.channel != channel:
        return Status.NONE
    if event.kind is EventKind.DEFERRED:
        return Status.DEFERRED
    if event.kind is not EventKind.GIVEN:
        return Status.NONE
    named = named_on(event.notice)
    proof = proof_of(event, notice_known=named is not None)
    if proof is Proof.INVALID:
        return Status.INVALID
    if proof is Proof.UNPROVABLE:
        return Status.UNPROVABLE
    return Status.GRANTED if named else Status.NOT_ON_NOTICE


def _newest(choice: Choice) -> tuple[int, int, int, bool, str]:
    # At one instant a withdrawal beats a grant; of two grants the one that permits less counts.
    return (choice.since_us, choice.status, -choice.until_us, not choice.guardian, choice.notice)


def _weakest_first(choice: Choice) -> tuple[int, int]:
    return (choice.since_us, choice.status)


def _activity(events: Iterable[Event], purposes: frozenset[str], channel: str) -> list[int]:
    return sorted(
        e.effective_us
        for e in events
        if e.kind is EventKind.ACTIVE
        and (e.purpose == "" or e.purpose in purposes)
        and e.channel in (channel, "", ALL_CHANNELS)
    )


def _end_of(start_us: int, active: Iterable[int], expiry: Callable[[int], int]) -> int:
    """The end of a consent that each activity within its life prolongs."""
    end = expiry(start_us)
    for instant in active:
        if instant >= end:
            break  # expired before this: activity does not bring a consent back
        if instant > start_us:
            end = max(end, expiry(instant))
    return end
