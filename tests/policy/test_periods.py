# ruff: noqa: E501 - a case per line reads as a table
"""How lengths of time are read and ordered."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.consent.rules import add_period
from rightful.policy.model import Period
from rightful.policy.periods import NotAPeriod, at_most, period, words
from tests.builders import us


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("24 months", Period(24, "months")),
        ("1 year", Period(1, "years")),
        ("after 6 months", Period(6, "months")),
        ("6 months after the last delivery", Period(6, "months", "the last delivery")),
        ("8 years from the end of the year", Period(8, "years", "the end of the year")),
        ("90  days", Period(90, "days")),
        ("2 weeks", Period(2, "weeks")),
    ],
)
def test_a_length_of_time_is_read(text, length):
    assert period(text) == length


@pytest.mark.parametrize(
    "text",
    ["", "forever", "0 days", "-1 day", "1.5 years", "six months", "6", "months", "6 Months", "after 6 months after the order",
     "6 months after delivery", "101 years", "99999 days", "06 months", "6 months after the " + "x" * 90, "٦ months"],
)  # fmt: skip
def test_words_that_are_no_length_of_time_are_refused(text):
    with pytest.raises(NotAPeriod):
        period(text)


LENGTHS = st.builds(Period, st.integers(1, 60), st.sampled_from(["days", "weeks", "months", "years"]))


@given(LENGTHS)
def test_a_length_is_written_as_it_is_read(length):
    assert period(words(length)) == length


@given(LENGTHS, LENGTHS, st.dates(date(2000, 1, 1), date(2060, 1, 1)))
def test_what_is_called_shorter_ends_no_later_from_any_day(one, two, start):
    begins = us(f"{start.isoformat()}T12:00:00+00:00")
    if at_most(one, two):
        assert add_period(begins, one.count, one.unit) <= add_period(begins, two.count, two.unit)


@given(LENGTHS, LENGTHS)
def test_lengths_with_another_anchor_cannot_be_ordered(one, two):
    moved = Period(two.count, two.unit, "the order")
    assert not at_most(one, moved)
    assert not at_most(moved, one)
