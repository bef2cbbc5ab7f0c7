"""What may happen next to a customer's request, and how sure we must be who asks.

    received -> identified -> planned -> executed -> verified -> answered
        |            |           |
        |-> needs-identity       |-> needs-staff      ... and from every open state: refused, withdrawn

Every step either leads to a new state or is refused with a code; nothing is skipped.
Pauses and extensions belong to the clock: they are kept beside the state.

Easy to get wrong: letting a lower level of identity through because the request was
made by somebody in the same mailbox; executing an erasure before its time of grace is
over; refusing what has been done already; extending twice.

Nothing here reads a clock or knows who somebody is: instants and levels come in.

Sources: GDPR Art. 11, 12(2)-(6), 15-22; EDPB Guidelines 01/2022; 11 CCR 7060-7063;
abuse cases AC-016, AC-017, AC-019, AC-022.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum

from rightful.errors import StepRefused

HOUR_US = 3_600_000_000
GRACE_US = 72 * HOUR_US
"""An erasure waits this long after its plan, and everybody it may concern is told how to stop it (AC-019)."""
COOL_DOWN_US = 72 * HOUR_US
"""Sensitive data waits this long after all known channels were told (AC-017)."""
UNDO_US = 30_000_000
"""A bulk action can be taken back for this long."""
PER_SOURCE = 100
"""Requests that one source may file in an hour before the rest wait for a person (AC-020)."""
SOURCE_WINDOW_US = HOUR_US
NEVER_US = 1 << 62


class Kind(StrEnum):
    """What a customer asks for."""

    ACCESS = "access"  # GDPR 15; CCPA 1798.110
    PORTABILITY = "portability"  # GDPR 20
    RECTIFICATION = "rectification"  # GDPR 16; CCPA 1798.106
    ERASURE = "erasure"  # GDPR 17; CCPA 1798.105
    RESTRICTION = "restriction"  # GDPR 18
    OBJECTION = "objection"  # GDPR 21
    OPT_OUT = "opt-out"  # of sale and sharing, CCPA 1798.120
    LIMIT_SENSITIVE = "limit-sensitive"  # CCPA 1798.121
    HUMAN_REVIEW = "human-review"  # GDPR 22(3)
    COMPLAINT = "complaint"  # about an answer, or an appeal against it


class State(StrEnum):
    RECEIVED = "received"
    NEEDS_IDENTITY = "needs-identity"
    NEEDS_STAFF = "needs-staff"
    IDENTIFIED = "identified"
    PLANNED = "planned"
    EXECUTED = "executed"
    VERIFIED = "verified"
    ANSWERED = "answered"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class Step(StrEnum):
    """Something that happens to a request."""

    RECEIVE = "received"
    REPEAT = "repeated"  # the same customer asked for the same again: one case, the first date
    ASK_IDENTITY = "identity-asked"
    IDENTIFY = "identified"
    HAND_OVER = "handed-to-staff"
    CLEAR = "cleared-by-staff"
    PLAN = "planned"
    EXECUTE = "executed"
    RESIDUE = "not-complete"  # the check found something left: back to the plan
    VERIFY = "verified"
    ANSWER = "answered"
    REFUSE = "refused"
    WITHDRAW = "withdrawn"
    EXTEND = "extended"
    PAUSE = "paused"
    RESUME = "resumed"
    UNDO = "undone"  # a bulk action was taken back in time


class Level(IntEnum):
    """How sure we are who asks."""

    NONE = 0
    CHANNEL = 1  # controls the contact channel we know
    SECOND = 2  # and a second channel, or the account
    STAFF = 3  # and a person has checked


OPEN = frozenset(
    {
        State.RECEIVED,
        State.NEEDS_IDENTITY,
        State.NEEDS_STAFF,
        State.IDENTIFIED,
        State.PLANNED,
        State.EXECUTED,
        State.VERIFIED,
    }
)
BEFORE_EXECUTION = OPEN - {State.EXECUTED, State.VERIFIED}
NO_IDENTITY = frozenset({Kind.OPT_OUT, Kind.LIMIT_SENSITIVE})
"""Here the law forbids to ask for proof (11 CCR 7026(d), 7027(e), 7060(b))."""
BY_EVENT = frozenset({Kind.OBJECTION, Kind.OPT_OUT, Kind.LIMIT_SENSITIVE, Kind.RESTRICTION})
"""Carried out by recording a choice: effective on the very next read, so nobody has to wait."""
COPIES = frozenset({Kind.ACCESS, Kind.PORTABILITY})
DECISIVE = frozenset({Kind.ACCESS, Kind.PORTABILITY, Kind.ERASURE})
"""Kinds in which a wrong person would do the most harm: the sensitivity of the data counts."""

REFUSALS: Mapping[str, frozenset[Kind]] = {
    "identity-not-shown": frozenset(Kind) - NO_IDENTITY,
    "manifestly-unfounded": frozenset(Kind),
    "excessive": frozenset(Kind),
    "rights-of-others": COPIES,
    "legal-obligation": frozenset({Kind.ERASURE, Kind.RESTRICTION}),
    "legal-claims": frozenset({Kind.ERASURE, Kind.OBJECTION}),
    "compelling-grounds": frozenset({Kind.OBJECTION}),
    "accurate": frozenset({Kind.RECTIFICATION}),
    "not-covered": frozenset(Kind),
}
"""Reasons for a refusal, and the kinds of request they can stand against."""

REMIND_US = 72 * HOUR_US
REMIND_LATE_US = 24 * HOUR_US
MOST_REMINDERS = 15


def remind_us(told: int, told_us: int, due_us: int) -> int:
    """When a system that was asked to do something is written to again: every three days, each day once it is late.

    Nobody is written to for ever: after fifteen mails the officer's page is what is left.
    """
    if told >= MOST_REMINDERS:
        return NEVER_US
    return min(told_us + REMIND_US, max(due_us, told_us + REMIND_LATE_US))


# From which states a step may be taken, and where it leads (None: the state stays).
_TABLE: Mapping[Step, tuple[frozenset[State], State | None]] = {
    Step.REPEAT: (OPEN, None),
    Step.ASK_IDENTITY: (frozenset({State.RECEIVED, State.IDENTIFIED, State.NEEDS_STAFF}), State.NEEDS_IDENTITY),
    Step.IDENTIFY: (
        frozenset({State.RECEIVED, State.NEEDS_IDENTITY, State.IDENTIFIED, State.PLANNED}),
        State.IDENTIFIED,
    ),
    Step.HAND_OVER: (
        frozenset({State.RECEIVED, State.NEEDS_IDENTITY, State.IDENTIFIED, State.PLANNED}),
        State.NEEDS_STAFF,
    ),
    Step.CLEAR: (frozenset({State.NEEDS_STAFF}), State.IDENTIFIED),
    Step.PLAN: (frozenset({State.IDENTIFIED}), State.PLANNED),
    Step.EXECUTE: (frozenset({State.PLANNED}), State.EXECUTED),
    Step.RESIDUE: (frozenset({State.EXECUTED}), State.PLANNED),
    Step.VERIFY: (frozenset({State.EXECUTED}), State.VERIFIED),
    Step.ANSWER: (frozenset({State.VERIFIED}), State.ANSWERED),
    Step.REFUSE: (BEFORE_EXECUTION, State.REFUSED),
    Step.WITHDRAW: (BEFORE_EXECUTION, State.WITHDRAWN),
    Step.EXTEND: (OPEN, None),
    Step.PAUSE: (BEFORE_EXECUTION, None),
    Step.RESUME: (OPEN, None),
}
_RESTS_WHILE_PAUSED = frozenset({Step.PLAN, Step.EXECUTE, Step.ANSWER, Step.VERIFY})


@dataclass(frozen=True, slots=True)
class Case:
    """One request of one customer for one thing.

    Attributes:
        ref: what people call it; says nothing about anybody.
        subject: pseudonym of the customer, or of the contact while nobody knows who it is.
        no: the customer's number, or None.
        sensitive: the data it is about holds special categories.
        on_behalf: "" for oneself, else "child" or "other": then a person looks (AC-022).
        told_us: when all known channels were told of it.
        grace_us: before this an erasure does nothing.
        repeats: how often the same was asked again while this was open.
        held: why it waits although nothing is wrong with it ("source-limit").
        scope: what it is about, without personal data (purpose, fields, categories).
    """

    id: int
    ref: str
    kind: Kind
    state: State
    subject: str
    no: int | None
    source: str
    sender: str
    received_us: int
    law: str = ""
    clock: str = ""
    residence: str = ""
    due_on: str = ""
    safe_on: str = ""
    notice_on: str = ""
    reasoning: str = ""
    why: str = ""
    needed: Level = Level.CHANNEL
    reached: Level = Level.NONE
    sensitive: bool = False
    on_behalf: str = ""
    extended: bool = False
    paused_us: int | None = None
    told_us: int | None = None
    grace_us: int = 0
    closed_us: int | None = None
    reason: str = ""
    repeats: int = 0
    held: str = ""
    language: str = "en"
    parent: str = ""
    scope: Mapping[str, object] = field(default_factory=dict)
    changed_us: int = 0
    version: int = 0

    @property
    def is_open(self) -> bool:
        return self.state in OPEN

    @property
    def paused(self) -> bool:
        return self.paused_us is not None


def level_needed(kind: Kind, *, sensitive: bool) -> Level:
    """How sure we must be who asks before anything is done (AC-016, AC-017).

    An opt-out may not be made dependent on proof at all. Whoever gets a copy of sensitive data, or has it
    erased, shows control of a second channel; everything else needs the channel we know.
    """
    if kind in NO_IDENTITY:
        return Level.NONE
    return Level.SECOND if kind in DECISIVE and sensitive else Level.CHANNEL


def enough_to_begin(case: Case) -> bool:
    """Whether work may begin. A copy may begin with the ordinary part; its sensitive part waits (AC-017)."""
    return case.reached >= (Level.CHANNEL if case.kind in COPIES else case.needed)


def sensitive_part_may_leave(case: Case, now_us: int) -> bool:
    """Whether sensitive fields may be in the copy: second channel and cool-down over, or a person has checked."""
    if not case.sensitive or case.reached >= Level.STAFF:
        return True
    waited = case.told_us is not None and now_us >= case.told_us + COOL_DOWN_US
    return case.reached >= Level.SECOND and waited


def ready_us(case: Case) -> int:
    """Before this instant nothing irreversible is done: the grace of an erasure, the cool-down of a copy."""
    cooling = case.kind in COPIES and case.sensitive and case.reached is Level.SECOND and case.told_us is not None
    return max(case.grace_us, (case.told_us or 0) + COOL_DOWN_US if cooling else 0)


def first_state(kind: Kind, *, needed: Level, reached: Level, on_behalf: str, held: str) -> State:
    """Where a request begins."""
    if on_behalf:
        return State.NEEDS_STAFF
    if held:
        return State.RECEIVED
    begin = Level.CHANNEL if kind in COPIES else needed
    return State.IDENTIFIED if reached >= begin else State.NEEDS_IDENTITY


def after(case: Case, step: Step, now_us: int, *, level: Level = Level.NONE, reason: str = "") -> Case:
    """The case after a step.

    Args:
        level: how sure we are now, for IDENTIFY.
        reason: code of the refusal, of what staff is needed for, or of the extension.

    Raises:
        StepRefused: the step cannot be taken now; `code` says why.
    """
    if step not in _TABLE:
        raise StepRefused("this is no step that can be taken by itself", code="rights.no-step")
    states, target = _TABLE[step]
    if case.state not in states:
        raise StepRefused(f"a request that is {case.state.value} cannot be {step.value}", code="rights.wrong-state")
    if case.paused and step in _RESTS_WHILE_PAUSED:
        raise StepRefused("the request is paused: something is waited for", code="rights.paused")
    case = replace(case, state=target or case.state, changed_us=now_us)
    return _EFFECTS.get(step, _nothing)(case, now_us, level, reason)


def _nothing(case: Case, now_us: int, level: Level, reason: str) -> Case:
    return case


def _repeat(case: Case, now_us: int, level: Level, reason: str) -> Case:
    return replace(case, repeats=case.repeats + 1)


def _identify(case: Case, now_us: int, level: Level, reason: str) -> Case:
    known = replace(case, reached=max(case.reached, level))
    if enough_to_begin(known):
        return known
    return replace(known, state=State.NEEDS_IDENTITY)


def _hand_over(case: Case, now_us: int, level: Level, reason: str) -> Case:
    return replace(case, reason=reason)


def _clear(case: Case, now_us: int, level: Level, reason: str) -> Case:
    return replace(case, reached=Level.STAFF, reason="", held="")


def _plan(case: Case, now_us: int, level: Level, reason: str) -> Case:
    if not enough_to_begin(case):
        raise StepRefused("it is not sure enough who asks", code="rights.identity-not-shown")
    if case.no is None:
        raise StepRefused("nobody here is known to be the one who asks", code="rights.nobody-known")
    grace = now_us + GRACE_US if case.kind is Kind.ERASURE else 0
    return replace(case, grace_us=case.grace_us or grace)


def _execute(case: Case, now_us: int, level: Level, reason: str) -> Case:
    if not enough_to_begin(case):
        raise StepRefused("it is not sure enough who asks", code="rights.identity-not-shown")
    if now_us < case.grace_us:
        raise StepRefused("the customer can still take this back", code="rights.grace")
    return case


def _close(case: Case, now_us: int, level: Level, reason: str) -> Case:
    return replace(case, closed_us=now_us, paused_us=None)


def _refuse(case: Case, now_us: int, level: Level, reason: str) -> Case:
    if case.kind not in REFUSALS.get(reason, frozenset()):
        raise StepRefused(f"{reason or 'no reason'} is no reason against this kind", code="rights.no-such-reason")
    return replace(case, closed_us=now_us, reason=reason, paused_us=None)


def _extend(case: Case, now_us: int, level: Level, reason: str) -> Case:
    if case.extended:
        raise StepRefused("the law grants more time once", code="rights.extended-already")
    return replace(case, extended=True, reason=reason)


def _pause(case: Case, now_us: int, level: Level, reason: str) -> Case:
    if case.paused:
        raise StepRefused("it is paused already", code="rights.paused")
    return replace(case, paused_us=now_us, reason=reason)


def _resume(case: Case, now_us: int, level: Level, reason: str) -> Case:
    if not case.paused:
        raise StepRefused("it is not paused", code="rights.not-paused")
    return replace(case, paused_us=None, reason="")


_EFFECTS = {
    Step.REPEAT: _repeat,
    Step.IDENTIFY: _identify,
    Step.HAND_OVER: _hand_over,
    Step.CLEAR: _clear,
    Step.PLAN: _plan,
    Step.EXECUTE: _execute,
    Step.ANSWER: _close,
    Step.REFUSE: _refuse,
    Step.WITHDRAW: _close,
    Step.EXTEND: _extend,
    Step.PAUSE: _pause,
    Step.RESUME: _resume,
}
