"""The last day of a storage period, and the first day that is not over yet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.retention.rules import Hold, last_day, over_if_before

UNITS = st.sampled_from(["days", "weeks", "months", "years"])
DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 12, 31))


@pytest.mark.parametrize(
    ("start", "count", "unit", "last", "why"),
    [
        (date(2026, 1, 10), 6, "months", date(2026, 7, 10), "the same day of the month"),
        (date(2026, 1, 31), 1, "months", date(2026, 2, 28), "February has no 31st"),
        (date(2027, 1, 31), 13, "months", date(2028, 2, 29), "and in a leap year has a 29th"),
        (date(2024, 2, 29), 1, "years", date(2025, 2, 28), "29 February comes once in four years"),
        (date(2026, 3, 1), 2, "weeks", date(2026, 3, 15), "fourteen days"),
        (date(2026, 12, 31), 8, "years", date(2034, 12, 31), "invoices of 2026 are kept through 2034"),
        (date(9000, 1, 1), 5000, "years", date.max, "beyond the calendar there is no end"),
    ],
)
def test_a_period_ends_with_its_last_day(start, count, unit, last, why):
    assert last_day(start, count, unit) == last, why


@pytest.mark.parametrize(
    ("today", "first_kept"), [(date(2034, 12, 31), date(2026, 1, 1)), (date(2035, 1, 1), date(2027, 1, 1))]
)
def test_eight_years_from_the_end_of_a_year_are_over_for_the_whole_year_at_once(today, first_kept):
    assert over_if_before(today, 8, "years", from_end_of_year=True) == first_kept


@given(DAYS, st.integers(1, 400), UNITS)
def test_what_starts_before_the_first_day_kept_is_over_and_what_starts_on_it_is_not(today, count, unit):
    first = over_if_before(today, count, unit)
    if first > date.min:
        assert last_day(first - timedelta(days=1), count, unit) < today
    assert last_day(first, count, unit) >= today


@given(DAYS, st.integers(1, 60), UNITS)
def test_a_year_is_over_when_its_last_day_is(today, count, unit):
    first = over_if_before(today, count, unit, from_end_of_year=True)
    assert (first.month, first.day) == (1, 1)
    assert last_day(date(first.year, 12, 31), count, unit) >= today
    if first.year > 1:
        assert last_day(date(first.year - 1, 12, 31), count, unit) < today


@given(DAYS, DAYS, st.integers(1, 400), UNITS)
def test_time_passing_never_brings_back_what_was_over(one, other, count, unit):
    early, late = sorted((one, other))
    assert over_if_before(early, count, unit) <= over_if_before(late, count, unit)


def test_a_hold_is_in_force_from_its_first_instant_to_before_its_last():
    hold = Hold("h-1", "suit 17/26", 100, 200, ("order",), frozenset({7}))
    assert [hold.in_force(at) for at in (99, 100, 199, 200)] == [False, True, True, False]
    assert hold.covers("order", 7) and hold.covers("order")
    assert not hold.covers("order", 8) and not hold.covers("customer", 7)
    assert Hold("h-2", "audit", 0, None).covers("anything", 1)
