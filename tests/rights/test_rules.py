"""The state machine of a request: every way through it, and every way that must not exist."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from rightful.errors import StepRefused
from rightful.rights.rules import (
    BEFORE_EXECUTION,
    COOL_DOWN_US,
    COPIES,
    GRACE_US,
    OPEN,
    REFUSALS,
    Case,
    Kind,
    Level,
    State,
    Step,
    after,
    enough_to_begin,
    first_state,
    level_needed,
    ready_us,
    sensitive_part_may_leave,
)

NOW = 1_790_000_000_000_000


def case(kind=Kind.ACCESS, state=State.RECEIVED, **more):
    base = Case(1, "R-TEST", kind, state, "s-1", 1, "portal", "", NOW, needed=level_needed(kind, sensitive=False))
    return replace(base, **more)


def code_of(one, step, **more):
    with pytest.raises(StepRefused) as refused:
        after(one, step, more.pop("now", NOW), **more)
    return refused.value.code


def test_a_request_goes_from_its_receipt_to_its_answer_step_by_step():
    one = case()
    for step, state in (
        (Step.IDENTIFY, State.IDENTIFIED),
        (Step.PLAN, State.PLANNED),
        (Step.EXECUTE, State.EXECUTED),
        (Step.VERIFY, State.VERIFIED),
        (Step.ANSWER, State.ANSWERED),
    ):
        one = after(one, step, NOW, level=Level.CHANNEL)
        assert one.state is state
    assert one.closed_us == NOW


@pytest.mark.parametrize("step", [Step.PLAN, Step.EXECUTE, Step.VERIFY, Step.ANSWER, Step.RESIDUE])
def test_no_step_is_skipped(step):
    assert code_of(case(), step) == "rights.wrong-state"


@pytest.mark.parametrize("kind", list(Kind))
def test_nothing_is_planned_before_it_is_sure_who_asks(kind):
    one = case(kind, State.IDENTIFIED, needed=level_needed(kind, sensitive=True))
    if one.needed is Level.NONE:
        assert after(one, Step.PLAN, NOW).state is State.PLANNED
    else:
        assert code_of(one, Step.PLAN) == "rights.identity-not-shown"


def test_nothing_is_planned_for_somebody_nobody_knows():
    assert code_of(case(Kind.OPT_OUT, State.IDENTIFIED, no=None), Step.PLAN) == "rights.nobody-known"


def test_an_opt_out_never_needs_proof_and_sensitive_data_needs_a_second_channel():
    assert level_needed(Kind.OPT_OUT, sensitive=True) is Level.NONE
    assert level_needed(Kind.LIMIT_SENSITIVE, sensitive=True) is Level.NONE
    assert level_needed(Kind.OBJECTION, sensitive=True) is Level.CHANNEL
    for kind in (Kind.ACCESS, Kind.PORTABILITY, Kind.ERASURE):
        assert level_needed(kind, sensitive=True) is Level.SECOND
        assert level_needed(kind, sensitive=False) is Level.CHANNEL


def test_ac_017_the_sensitive_part_waits_for_a_second_channel_and_three_days():
    told = case(sensitive=True, told_us=NOW)
    for reached, hours, leaves in (
        (Level.CHANNEL, 1_000, False),
        (Level.SECOND, 71, False),
        (Level.SECOND, 72, True),
        (Level.STAFF, 0, True),
    ):
        one = replace(told, reached=reached)
        assert sensitive_part_may_leave(one, NOW + hours * 3_600_000_000) is leaves, (reached, hours)
    assert not sensitive_part_may_leave(replace(told, told_us=None, reached=Level.SECOND), NOW + COOL_DOWN_US)
    assert sensitive_part_may_leave(case(), NOW)


def test_ac_019_an_erasure_waits_for_its_grace_and_can_be_taken_back_in_it():
    planned = after(case(Kind.ERASURE, State.IDENTIFIED, reached=Level.CHANNEL), Step.PLAN, NOW)
    assert planned.grace_us == NOW + GRACE_US == ready_us(planned)
    assert code_of(planned, Step.EXECUTE, now=NOW + GRACE_US - 1) == "rights.grace"
    assert after(planned, Step.WITHDRAW, NOW + 5).state is State.WITHDRAWN
    assert after(planned, Step.EXECUTE, NOW + GRACE_US).state is State.EXECUTED


def test_a_second_plan_does_not_begin_the_grace_anew():
    planned = after(case(Kind.ERASURE, State.IDENTIFIED, reached=Level.CHANNEL), Step.PLAN, NOW)
    again = after(replace(planned, state=State.IDENTIFIED), Step.PLAN, NOW + 99)
    assert again.grace_us == planned.grace_us


def test_ac_022_a_request_for_somebody_else_waits_for_a_person():
    for relation in ("child", "other"):
        state = first_state(Kind.ACCESS, needed=Level.CHANNEL, reached=Level.SECOND, on_behalf=relation, held="")
        assert state is State.NEEDS_STAFF
    assert after(case(state=State.NEEDS_STAFF), Step.CLEAR, NOW).reached is Level.STAFF
    assert code_of(case(state=State.NEEDS_STAFF), Step.IDENTIFY, level=Level.SECOND) == "rights.wrong-state"


def test_a_request_over_the_limit_of_its_source_waits_without_being_lost():
    asked = {"needed": Level.CHANNEL, "reached": Level.CHANNEL, "on_behalf": "", "held": "source-limit"}
    assert first_state(Kind.ACCESS, **asked) is State.RECEIVED


def test_what_was_carried_out_can_neither_be_refused_nor_taken_back():
    for state in (State.EXECUTED, State.VERIFIED):
        assert code_of(case(state=state), Step.REFUSE, reason="excessive") == "rights.wrong-state"
        assert code_of(case(state=state), Step.WITHDRAW) == "rights.wrong-state"


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("reason", [*REFUSALS, "", "because"])
def test_a_refusal_has_a_reason_that_can_stand_against_its_kind(kind, reason):
    one = case(kind, State.IDENTIFIED)
    if kind in REFUSALS.get(reason, ()):
        assert after(one, Step.REFUSE, NOW, reason=reason).reason == reason
    else:
        assert code_of(one, Step.REFUSE, reason=reason) == "rights.no-such-reason"


def test_an_opt_out_is_never_refused_for_want_of_proof():
    assert Kind.OPT_OUT not in REFUSALS["identity-not-shown"]
    assert Kind.LIMIT_SENSITIVE not in REFUSALS["identity-not-shown"]


def test_time_is_extended_once_and_a_pause_stops_the_work():
    extended = after(case(state=State.IDENTIFIED), Step.EXTEND, NOW, reason="complexity")
    assert extended.extended and extended.state is State.IDENTIFIED
    assert code_of(extended, Step.EXTEND, reason="complexity") == "rights.extended-already"
    paused = after(case(state=State.IDENTIFIED, reached=Level.CHANNEL), Step.PAUSE, NOW, reason="identity")
    assert code_of(paused, Step.PAUSE) == "rights.paused"
    assert code_of(paused, Step.PLAN) == "rights.paused"
    assert after(after(paused, Step.RESUME, NOW), Step.PLAN, NOW).state is State.PLANNED
    assert code_of(case(), Step.RESUME) == "rights.not-paused"


def test_a_copy_may_begin_with_the_ordinary_part_and_an_erasure_may_not():
    half_sure = {"needed": Level.SECOND, "reached": Level.CHANNEL, "sensitive": True}
    assert enough_to_begin(case(Kind.ACCESS, **half_sure))
    assert not enough_to_begin(case(Kind.ERASURE, **half_sure))


CLOSED = [s for s in State if s not in OPEN]


@given(st.sampled_from(list(Kind)), st.sampled_from(CLOSED), st.sampled_from(list(Step)), st.sampled_from(list(Level)))
def test_a_closed_request_stays_as_it_is(kind, state, step, level):
    with pytest.raises(StepRefused):
        after(case(kind, state, closed_us=NOW), step, NOW, level=level, reason="excessive")


class RequestLife(RuleBasedStateMachine):
    """Any order of any steps: what must hold holds all the way."""

    def __init__(self):
        super().__init__()
        self.case = case()
        self.now = NOW
        self.extensions = 0
        self.executed_at = None

    @rule(
        kind=st.sampled_from(list(Kind)),
        sensitive=st.booleans(),
        level=st.sampled_from(list(Level)),
        relation=st.sampled_from(["", "child"]),
    )
    @precondition(lambda self: self.case.version == 0)
    def arrive(self, kind, sensitive, level, relation):
        needed = level_needed(kind, sensitive=sensitive)
        state = first_state(kind, needed=needed, reached=level, on_behalf=relation, held="")
        self.case = case(kind, state, needed=needed, reached=level, sensitive=sensitive, on_behalf=relation, version=1)

    @rule(
        step=st.sampled_from(list(Step)),
        level=st.sampled_from(list(Level)),
        reason=st.sampled_from(list(REFUSALS)),
        hours=st.integers(min_value=0, max_value=80),
    )
    @precondition(lambda self: self.case.version == 1)
    def try_a_step(self, step, level, reason, hours):
        self.now += hours * 3_600_000_000
        before = self.case
        try:
            self.case = after(before, step, self.now, level=level, reason=reason)
        except StepRefused:
            assert self.case is before
            return
        assert before.state in OPEN
        self.extensions += step is Step.EXTEND
        if step is Step.EXECUTE:
            self.executed_at = self.now
        if step in (Step.REFUSE, Step.WITHDRAW):
            assert before.state in BEFORE_EXECUTION

    @invariant()
    def nothing_is_done_for_whoever_did_not_show_enough(self):
        if self.case.state in (State.PLANNED, State.EXECUTED, State.VERIFIED, State.ANSWERED):
            enough = Level.CHANNEL if self.case.kind in COPIES else self.case.needed
            assert self.case.reached >= enough

    @invariant()
    def nothing_irreversible_happens_in_the_grace(self):
        if self.executed_at is not None:
            assert self.executed_at >= self.case.grace_us

    @invariant()
    def closed_and_open_are_told_apart(self):
        assert (self.case.closed_us is not None) == (self.case.state not in OPEN)

    @invariant()
    def more_time_is_taken_once(self):
        assert self.extensions <= 1


TestRequestLife = RequestLife.TestCase
