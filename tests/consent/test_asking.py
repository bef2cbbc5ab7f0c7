"""From when somebody may be asked again: one row per situation a lawyer would name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.consent.asking import CODES, SENTENCES, Standing, may_ask_from
from rightful.consent.events import NEVER_US
from rightful.consent.rules import Status, add_period
from tests.builders import us

DAY = 86_400_000_000
NOW = us("2026-06-15T12:00:00+00:00")


def half_a_year(start: int) -> int:
    return add_period(start, 6, "months")


AGO = us("2026-03-01T00:00:00+00:00")
ENDS = us("2026-09-01T00:00:00+00:00")
YEAR = us("2027-03-01T00:00:00+00:00")
TURNS = us("2028-01-01T00:00:00+00:00")

CASES = [
    (Standing(Status.NONE), 0, "may-ask", "nothing was chosen"),
    (Standing(Status.UNPROVABLE, AGO), 0, "may-ask", "an old yes that proves nothing"),
    (Standing(Status.NOT_ON_NOTICE, AGO), 0, "may-ask", "they agreed before this was part of it"),
    (Standing(Status.GRANTED, AGO, TURNS), TURNS, "in-force", "renewed when it ends"),
    (Standing(Status.GRANTED, AGO, NOW), NOW, "expired", "half-open: at its end it is over"),
    (Standing(Status.REFUSED, AGO), ENDS, "rests", "six months from the no"),
    (Standing(Status.WITHDRAWN, AGO), ENDS, "rests", "a withdrawal rests like a refusal"),
    (Standing(Status.DEFERRED, AGO), ENDS, "unanswered", "closing the question is no answer"),
    (Standing(Status.NONE, asked_us=AGO), ENDS, "unanswered", "a question without answer"),
    (Standing(Status.UNPROVABLE, NOW, asked_us=AGO), ENDS, "unanswered", "a claim answers nothing"),
    (Standing(Status.REFUSED, AGO, asked_us=AGO - DAY), ENDS, "rests", "the no answered the question"),
    (Standing(Status.NONE, opted_out_us=AGO), YEAR, "opted-out", "CCPA: twelve months at least"),
    (Standing(Status.REFUSED, AGO, opted_out_us=AGO), YEAR, "opted-out", "the longest rest counts"),
    (Standing(Status.NONE, adult_us=TURNS), TURNS, "minor", "marketing to a minor"),
    (Standing(Status.NONE, adult_us=AGO), 0, "may-ask", "of age by now"),
    (Standing(Status.NONE, of_age_us=TURNS), TURNS, "child", "the guardian is asked"),
    (Standing(Status.NONE, objected=True), NEVER_US, "objected", "Art. 21(3) has no end"),
    (Standing(Status.GRANTED, AGO, NOW, objected=True), NEVER_US, "objected", "an objection outlives a consent"),
    (Standing(Status.NONE, stopped=True), NEVER_US, "stopped", "restricted or erased"),
]


@pytest.mark.parametrize(("standing", "when", "why", "what"), CASES, ids=[case[3] for case in CASES])
def test_when_somebody_may_be_asked(standing, when, why, what):
    assert may_ask_from(standing, NOW, half_a_year) == (when, why)


@pytest.mark.parametrize("status", [Status.REFUSED, Status.WITHDRAWN])
def test_without_a_rest_period_a_no_is_final(status):
    assert may_ask_from(Standing(status, AGO), NOW, None) == (NEVER_US, "no-is-final")


def test_without_a_rest_period_an_unanswered_question_is_not_repeated():
    assert may_ask_from(Standing(Status.NONE, asked_us=AGO), NOW, None) == (NEVER_US, "unanswered")


standings = st.builds(
    Standing,
    st.sampled_from(list(Status)),
    st.integers(AGO - 800 * DAY, NOW),
    st.one_of(st.just(NEVER_US), st.integers(AGO, TURNS)),
    objected=st.booleans(),
    stopped=st.booleans(),
    opted_out_us=st.none() | st.integers(AGO, NOW),
    adult_us=st.none() | st.integers(AGO, TURNS),
    of_age_us=st.none() | st.integers(AGO, TURNS),
    asked_us=st.none() | st.integers(AGO, NOW),
)


@given(standings, st.booleans())
def test_nobody_is_asked_within_the_rest_after_a_no(standing, with_rest):
    rest = half_a_year if with_rest else None
    when, why = may_ask_from(standing, NOW, rest)
    assert why in SENTENCES and why in CODES
    if standing.status in (Status.REFUSED, Status.WITHDRAWN):
        assert when >= (half_a_year(standing.since_us) if rest else NEVER_US)
    if standing.objected or standing.stopped:
        assert when == NEVER_US


@given(standings)
def test_one_more_reason_never_brings_the_day_forward(standing):
    from dataclasses import replace

    before = may_ask_from(standing, NOW, half_a_year)[0]
    for more in ({"objected": True}, {"stopped": True}, {"opted_out_us": NOW}, {"adult_us": TURNS}):
        if all(getattr(standing, name) in (None, False) for name in more):
            assert may_ask_from(replace(standing, **more), NOW, half_a_year)[0] >= before
