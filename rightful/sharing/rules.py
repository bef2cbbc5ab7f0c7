"""Who has to be told what, by when, and what stands in the way of saying it is done.

A customer's no does not end at our door: whoever received their data is told, and
it stays open until they confirm. Which disclosures an event concerns, when an answer
is due and when to ask again is worked out here, from values alone.

Easy to get wrong: an objection to all direct marketing concerns every such purpose;
an opt-out of sharing concerns third parties and not the processors in the house; when
a purpose is no longer in the policy, the recipient is told all the same.

Sources: GDPR Art. 7(3), 12(3), 18, 19, 21; CCPA 1798.105(c), 1798.120, 1798.135;
11 CCR 7026(f); cases J07, R07; AC-066.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from rightful.terms import ALL_CHANNELS, DIRECT_MARKETING, EventKind, RecipientKind

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_US = 86_400_000_000
SATURDAY = 5
REMIND_AFTER_DAYS = (2, 3, 5)
"""Days between the first telling and the reminders; the last step repeats."""


class Duty(StrEnum):
    """Why a recipient has to be told."""

    WITHDRAWAL = "withdrawal"  # GDPR 7(3): stop, and erase what only consent permitted
    OBJECTION = "objection"  # GDPR 21(3)
    OPT_OUT = "opt-out"  # CCPA 1798.120, 11 CCR 7026(f)(2)
    CORRECTION = "correction"  # GDPR 16, 19
    ERASURE = "erasure"  # GDPR 17(2), 19; CCPA 1798.105(c)
    RESTRICTION = "restriction"  # GDPR 18, 19


INSIDE = "inside"
"""Kind of a disclosure that did not leave the house: rows kept outside the store. No recipient (GDPR Art. 4(9)),
and told of every no all the same."""

ENDS_HOLDING = frozenset({Duty.WITHDRAWAL, Duty.OBJECTION, Duty.OPT_OUT, Duty.ERASURE})
"""Once confirmed, the recipient no longer holds what it was told about."""

OF_EVENT: Mapping[EventKind, Duty] = {
    EventKind.WITHDRAWN: Duty.WITHDRAWAL,
    EventKind.REFUSED: Duty.WITHDRAWAL,
    EventKind.OBJECTED: Duty.OBJECTION,
    EventKind.OPTED_OUT: Duty.OPT_OUT,
    EventKind.SIGNAL_GPC: Duty.OPT_OUT,
    EventKind.RESTRICTED: Duty.RESTRICTION,
    EventKind.ERASED: Duty.ERASURE,
}


class State(StrEnum):
    """Where a disclosure stands, as its customer sees it."""

    HELD = "held"  # given, and nothing has had to be passed on
    TELLING = "telling"  # something has to be passed on and has not been yet
    TOLD = "told"  # passed on; the recipient has not answered, and need not have yet
    UNCONFIRMED = "unconfirmed"  # passed on or not: the answer is overdue
    CONFIRMED = "confirmed"  # the recipient has confirmed
    RECALLED = "recalled"  # the list was destroyed before it was handed over


@dataclass(frozen=True, slots=True)
class Term:
    """How long a recipient has, and why. `working` counts Monday to Friday without holidays."""

    days: int
    working: bool
    article: str
    because: str


_NO_DAY = (
    "the law names no day; answers are asked for within {days} days, "
    "so that the customer can be told within one month (GDPR Art. 12(3))"
)
TERMS: Mapping[Duty, Term] = {
    Duty.WITHDRAWAL: Term(7, False, "GDPR Art. 7(3), 19", _NO_DAY),
    Duty.OBJECTION: Term(7, False, "GDPR Art. 21(3), 19", _NO_DAY),
    Duty.RESTRICTION: Term(7, False, "GDPR Art. 18, 19", _NO_DAY),
    Duty.CORRECTION: Term(14, False, "GDPR Art. 16, 19", _NO_DAY),
    Duty.ERASURE: Term(14, False, "GDPR Art. 17, 19", _NO_DAY),
    Duty.OPT_OUT: Term(
        15,
        True,
        "11 CCR 7026(f)",
        "as soon as feasible, at most {days} business days after the opt-out; third parties are told to follow it",
    ),
}


@dataclass(frozen=True, slots=True)
class Due:
    """The instant by which the recipient has to have confirmed, and how it was worked out."""

    at_us: int
    because: str


def due(duty: Duty, since_us: int, zone: ZoneInfo, holidays: Set[date] = frozenset()) -> Due:
    """When a recipient told of something that happened at `since_us` has to have confirmed it.

    The term begins on the day after the event in the controller's zone and ends with its last day.
    """
    term = TERMS[duty]
    begins = (EPOCH + timedelta(microseconds=since_us)).astimezone(zone).date()
    last = begins
    if term.working:
        left = term.days
        while left:
            last += timedelta(days=1)
            left -= last.weekday() < SATURDAY and last not in holidays
    else:
        last += timedelta(days=term.days)
    midnight = datetime.combine(last + timedelta(days=1), datetime.min.time(), tzinfo=zone)
    words = f"{term.article}: {term.because.format(days=term.days)}; counted from {begins:%A}, {begins.isoformat()}"
    return Due((midnight - EPOCH) // timedelta(microseconds=1), words)


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What a recipient got in one disclosure. `lineage` is the purpose and its ancestors; `marketing` and
    `shares` (a basis of opting out of sharing) are True where the policy no longer knows the purpose."""

    kind: str
    channel: str
    fields: frozenset[str]
    lineage: frozenset[str]
    marketing: bool
    shares: bool
    categories: frozenset[str] = frozenset()


def concerns(duty: Duty, scope: str, channel: str, fields: Set[str], given: Disclosed) -> bool:
    """Whether an event has to be passed on to whoever received this disclosure.

    Args:
        scope: of the event: a purpose, a field or category (restriction), direct-marketing, "" for everything.
        channel: of a withdrawal; "*" and "" stand for all.
        fields: "table.column" that were corrected; empty means the whole record.
    """
    if duty is Duty.ERASURE:
        return True
    if duty is Duty.CORRECTION:
        return not fields or bool(given.fields & fields)
    if duty is Duty.RESTRICTION:
        return not scope or scope in given.fields or scope in given.categories
    if duty is Duty.OPT_OUT:
        third = given.kind in (RecipientKind.THIRD_PARTY, RecipientKind.JOINT_CONTROLLER)
        return third and given.shares  # a processor under contract is no sale (case J07)
    if duty is Duty.OBJECTION and scope in ("", DIRECT_MARKETING):
        return given.marketing
    way = channel in ("", ALL_CHANNELS) or not given.channel or channel == given.channel
    return scope in given.lineage and way


def next_reminder(told: int, told_at_us: int) -> int:
    """When to ask a recipient again that was told this often and last at this instant."""
    step = REMIND_AFTER_DAYS[min(max(told, 1), len(REMIND_AFTER_DAYS)) - 1]
    return told_at_us + step * DAY_US


def state_of(*, due_us: int, told: int, confirmed: bool, now_us: int) -> State:
    """Where one obligation stands at an instant; on its due instant it is overdue."""
    if confirmed:
        return State.CONFIRMED
    if now_us >= due_us:
        return State.UNCONFIRMED
    return State.TOLD if told else State.TELLING


_WORST_FIRST = (State.UNCONFIRMED, State.TELLING, State.TOLD, State.CONFIRMED)


def worst(states: Set[State]) -> State:
    """What to say of a disclosure with several obligations: the one that is furthest from done."""
    return next((s for s in _WORST_FIRST if s in states), State.HELD)
