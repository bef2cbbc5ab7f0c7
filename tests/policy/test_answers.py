# ruff: noqa: E501 - a case per line reads as a table
"""Which of two answers permits more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.policy import answers as a
from rightful.policy.answers import Answer, Demand, Form, step
from rightful.policy.model import Period

LINE = ("p",)
YEAR, TWO_YEARS = Period(12, "months"), Period(2, "years")


def needs(*demands: Demand, form: Form | None = None) -> Answer:
    return Answer(needs=frozenset(demands), form=form or Form())


def consent(length: Period | None = None, *, moves: bool = False, line=LINE) -> Demand:
    return Demand(a.CONSENT, (length, moves, line))


REFUSED = Answer(frozenset({"never_rule"}))
OBJECT = Demand(a.NO_OBJECTION, LINE)


@pytest.mark.parametrize(
    ("before", "after", "way", "why"),
    [
        (REFUSED, needs(consent()), "widening", "a refusal permits least"),
        (REFUSED, Answer(frozenset({"no_basis"})), "same", "refused is refused, for whatever reason"),
        (needs(consent()), needs(), "widening", "no demand permits most"),
        (needs(consent()), needs(OBJECT), "widening", "consent and opt-out do not rank, so it counts as wider"),
        (needs(OBJECT), needs(consent()), "widening", "nor the other way round"),
        (needs(OBJECT), needs(consent(), OBJECT), "narrowing", "one demand more"),
        (needs(consent(TWO_YEARS)), needs(consent(YEAR)), "narrowing", "a consent that ends sooner"),
        (needs(consent(YEAR)), needs(consent(None)), "widening", "a consent that never ends"),
        (needs(consent(YEAR)), needs(consent(YEAR, moves=True)), "widening", "the end moves with each click"),
        (needs(consent(YEAR)), needs(consent(Period(300, "days"))), "narrowing", "300 days are surely less"),
        (needs(consent(YEAR)), needs(consent(Period(365, "days"))), "widening", "365 days may be more"),
        (needs(consent()), needs(Demand(a.SOFT_OPT_IN, (None, False, LINE))), "widening", "a soft opt-in is less"),
        (needs(Demand(a.NO_WITHDRAWAL, ("p", "q"))), needs(Demand(a.NO_WITHDRAWAL, LINE)), "widening", "q no longer stops it"),
        (needs(consent(line=("p", "q"))), needs(consent()), "widening", "another heading"),
        (needs(Demand(a.GUARDIAN, (("DE", 16),))), needs(Demand(a.GUARDIAN, (("DE", 14),))), "widening", "younger"),
        (needs(Demand(a.AGREEMENT, (0, 5))), needs(Demand(a.AGREEMENT, (0, 9))), "widening", "a longer term"),
        (needs(Demand(a.AGREEMENT, (0, 5))), needs(Demand(a.AGREEMENT, (1, 5))), "narrowing", "begins later"),
        (needs(Demand(a.NO_OPT_OUT, ("gpc",))), needs(Demand(a.NO_OPT_OUT)), "widening", "a signal less"),
        (needs(form=Form("mask")), needs(form=Form()), "widening", "the value itself"),
        (needs(form=Form()), needs(form=Form("sha256")), "narrowing", "a hash"),
        (needs(form=Form("sha256")), needs(form=Form("mask-email")), "widening", "hash and mask do not rank"),
        (needs(form=Form("bucket:10")), needs(form=Form("bucket:100")), "narrowing", "coarser"),
        (needs(form=Form("bucket:10")), needs(form=Form("bucket:25")), "widening", "other bounds tell more"),
        (needs(form=Form("month")), needs(form=Form("year")), "narrowing", "coarser"),
        (needs(form=Form()), needs(form=Form(aggregates_only=True)), "narrowing", "numbers only"),
        (needs(form=Form(aggregates_only=True, at_least=20)), needs(form=Form(aggregates_only=True, at_least=10)), "widening", "smaller groups"),
    ],
)  # fmt: skip
def test_a_change_goes_the_way_it_goes(before, after, way, why):
    assert step(before, after) == way, why


PERIODS = st.sampled_from([None, YEAR, TWO_YEARS, Period(365, "days"), Period(30, "days"), Period(1, "months")])
DEMANDS = st.one_of(
    st.builds(
        Demand,
        st.sampled_from([a.CONSENT, a.EXPLICIT_CONSENT, a.SOFT_OPT_IN]),
        st.tuples(PERIODS, st.booleans(), st.sampled_from([("p",), ("p", "q")])),
    ),
    st.builds(Demand, st.sampled_from([a.NO_WITHDRAWAL, a.NO_OBJECTION]), st.sampled_from([("p",), ("p", "q")])),
    st.builds(Demand, st.sampled_from([a.NO_MINOR, a.AGE_KNOWN, a.AGE_KNOWN_OR_GUARDIAN, a.NOT_ERASED])),
    st.builds(Demand, st.just(a.AGREEMENT), st.sampled_from([(None, None), (0, None), (None, 9), (0, 9), (3, 5)])),
    st.builds(Demand, st.just(a.RECIPIENT_ON_NOTICE), st.sampled_from([("consented",), ("shown",)])),
)
FORMS = st.builds(
    Form,
    st.sampled_from(["", "mask", "mask-email", "null", "year", "month", "bucket:10", "bucket:20", "sha256"]),
    st.booleans(),
    st.sampled_from([None, 2, 20]),
)
ANSWERS = st.one_of(
    st.just(REFUSED), st.builds(Answer, st.just(frozenset()), st.frozensets(DEMANDS, max_size=4), FORMS)
)


@given(ANSWERS)
def test_an_answer_permits_no_more_than_itself(answer):
    assert answer.permits_no_more_than(answer)


@given(ANSWERS, ANSWERS, ANSWERS)
def test_permitting_no_more_is_transitive(one, two, three):
    if one.permits_no_more_than(two) and two.permits_no_more_than(three):
        assert one.permits_no_more_than(three)


@given(ANSWERS, ANSWERS)
def test_a_change_is_never_a_narrowing_both_ways(one, two):
    assert not (step(one, two) == step(two, one) == "narrowing")


@given(ANSWERS, DEMANDS)
def test_a_further_demand_never_widens(answer, demand):
    if not answer.is_denied:
        stricter = Answer(needs=answer.needs | {demand}, form=answer.form)
        assert step(answer, stricter) in ("same", "narrowing")
