"""How a date was counted, for the customer: every step that a law's clock can take has a whole sentence."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.actions.customer_words import Said
from rightful.actions.due_words import steps
from rightful.actions.write_letter import counted
from rightful.compliance.laws import every_law
from rightful.compliance.public_holidays import holidays_at
from rightful.compliance.rules import Pause, due
from rightful.rights.rules import Kind

KINDS = {kind.value for kind in Kind}
CLOCKS = [clock for law in every_law().values() for clock in law.clocks if KINDS & set(clock.covers)]
FIRST = (
    "Counted in calendar months from Wednesday, 25 November 2026: 1. "
    "The same date of the last month is Friday, 25 December 2026."
)
DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2028, 12, 31))


def said(reasoning: str) -> list[str]:
    return [str(Said(code, words)) for code, words in steps(reasoning)]


@given(
    clock=st.sampled_from(CLOCKS),
    received=DAYS,
    extended=st.booleans(),
    waited=st.integers(0, 40),
    place=st.sampled_from(["", "IE", "DE-BE", "US-CA"]),
)
def test_every_step_of_every_clock_for_requests_is_a_sentence(clock, received, extended, waited, place):
    pauses = [Pause(what, received, received + timedelta(days=waited)) for what in clock.pauses] if waited else []
    counted = due(
        clock,
        received,
        zone=ZoneInfo("Europe/Berlin"),
        holidays=holidays_at(place, received.year),
        extended=extended and clock.extension is not None,
        pauses=pauses,
    )
    found = steps(counted.reasoning)
    assert [words for code, words in found if not code] == []
    assert any(counted.due in words.values() for _code, words in found), "the day itself is among them"


def test_a_month_that_ends_on_a_holiday_is_told_in_whole_sentences():
    clock = next(one for one in CLOCKS if one.id == "gdpr/answer")
    counted = due(clock, date(2026, 11, 25), zone=ZoneInfo("Europe/Berlin"), holidays=holidays_at("DE-BE", 2026))
    assert said(counted.reasoning) == [
        FIRST,
        "Friday, 25 December 2026 is a public holiday (Christmas Day), so it moves on by one day.",
        "Saturday, 26 December 2026 is no working day, so it moves on by one day.",
        "Sunday, 27 December 2026 is no working day, so it moves on by one day.",
        "The answer is due by the end of Monday, 28 December 2026.",
    ]


@pytest.mark.parametrize(
    ("why", "sentences"),
    [
        ("the customer lives in US-CA", ["This law counts because of where you live: US-CA."]),
        (
            "it is not known where the customer lives, so of all laws of the policy the earliest date counts",
            ["We do not know where you live, so the earliest date counts."],
        ),
        (
            "the customer lives in DE; GDPR sets no term of its own for this, so its term for requests counts",
            [
                "This law counts because of where you live: DE.",
                "The law sets no term of its own for this, so its term for requests counts.",
            ],
        ),
    ],
)
def test_why_a_law_counts_is_told_too(why, sentences):
    assert said(why) == sentences


def test_a_step_without_a_sentence_stays_as_it_is_on_record():
    assert steps("something new; due by the end of 2026-12-28 (Monday)") == (
        ("", {"text": "something new"}),
        ("due_end", {"day": date(2026, 12, 28)}),
    )


@pytest.mark.parametrize(
    ("language", "begins", "never"),
    [
        ("en", "Counted in calendar months from Wednesday, 25 November 2026: 1.", "->"),
        ("de", "Gezählt in Kalendermonaten ab Mittwoch, 25. November 2026: 1.", "calendar"),
        ("fr", "", "calendar"),
        ("es", "", "calendar"),
        ("ar", "", "calendar"),
    ],
)
def test_a_letter_counts_in_the_words_of_its_language(language, begins, never):
    clock = next(one for one in CLOCKS if one.id == "gdpr/answer")
    found = due(clock, date(2026, 11, 25), zone=ZoneInfo("Europe/Berlin"), holidays={})
    told = counted(f"{found.reasoning}; the customer lives in DE", language)
    assert told.startswith(begins)
    assert never not in told and ";" not in told and "2026-11-25" not in told
    assert told.count("2026") >= 3 and not told.endswith(".")
    assert "DE" not in told, "a country has a name"
