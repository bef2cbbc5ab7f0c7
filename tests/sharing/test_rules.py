"""Which disclosures an event concerns, and when an answer is due."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.sharing.rules import DAY_US, Disclosed, Duty, State, concerns, due, next_reminder, state_of, worst
from tests.builders import us

BERLIN = ZoneInfo("Europe/Berlin")


def disclosed(**more) -> Disclosed:
    defaults = {
        "kind": "processor",
        "channel": "email",
        "fields": frozenset({"customer.email", "customer.name"}),
        "lineage": frozenset({"newsletter", "marketing"}),
        "marketing": True,
        "shares": False,
        "categories": frozenset({"contact"}),
    }
    return Disclosed(**(defaults | more))


@pytest.mark.parametrize(
    ("duty", "scope", "channel", "given_more", "expected", "why"),
    [
        ("withdrawal", "newsletter", "email", {}, True, "the very purpose and channel"),
        ("withdrawal", "newsletter", "*", {}, True, "all channels"),
        ("withdrawal", "marketing", "*", {}, True, "a withdrawal flows down"),
        ("withdrawal", "newsletter", "sms", {}, False, "another channel"),
        ("withdrawal", "offers", "*", {}, False, "a sibling"),
        ("withdrawal", "newsletter", "email", {"channel": ""}, True, "disclosed for no channel: unsure means tell"),
        ("objection", "direct-marketing", "", {}, True, "every purpose of marketing"),
        ("objection", "direct-marketing", "", {"marketing": False}, False, "no marketing"),
        ("objection", "newsletter", "", {"marketing": False}, True, "the purpose itself"),
        ("opt-out", "", "", {"kind": "third-party", "shares": True}, True, "sharing with a third party"),
        ("opt-out", "", "", {"kind": "processor", "shares": True}, False, "J07: a processor is no sale"),
        ("opt-out", "", "", {"kind": "third-party", "shares": False}, False, "rests on something else"),
        ("restriction", "", "", {}, True, "the whole record"),
        ("restriction", "customer.email", "", {}, True, "a field that left"),
        ("restriction", "contact", "", {}, True, "its category"),
        ("restriction", "customer.income", "", {}, False, "a field that never left"),
        ("erasure", "", "", {"marketing": False}, True, "always"),
    ],
)
def test_an_event_concerns_the_disclosures_it_is_about(duty, scope, channel, given_more, expected, why):
    assert concerns(Duty(duty), scope, channel, frozenset(), disclosed(**given_more)) is expected, why


def test_a_correction_concerns_whoever_received_one_of_the_fields():
    assert concerns(Duty.CORRECTION, "", "", {"customer.email"}, disclosed())
    assert not concerns(Duty.CORRECTION, "", "", {"customer.phone"}, disclosed())
    assert concerns(Duty.CORRECTION, "", "", frozenset(), disclosed()), "the whole record"


@pytest.mark.parametrize(
    ("duty", "since", "until", "why"),
    [
        ("withdrawal", "2026-03-03T10:00:00+01:00", "2026-03-11T00:00:00+01:00", "seven days, the last one whole"),
        ("withdrawal", "2026-03-25T23:30:00+01:00", "2026-04-02T00:00:00+02:00", "over the change to summer time"),
        ("withdrawal", "2026-03-03T23:30:00+00:00", "2026-03-12T00:00:00+01:00", "the day is that of the controller"),
        ("erasure", "2026-03-03T10:00:00+01:00", "2026-03-18T00:00:00+01:00", "fourteen days"),
        ("opt-out", "2026-03-03T10:00:00+01:00", "2026-03-25T00:00:00+01:00", "fifteen working days: three weeks"),
        ("opt-out", "2026-03-07T10:00:00+01:00", "2026-03-28T00:00:00+01:00", "from a Saturday: Monday is the first"),
    ],
)
def test_an_answer_is_due_by_the_end_of_a_day_that_is_explained(duty, since, until, why):
    found = due(Duty(duty), us(since), BERLIN)
    assert found.at_us == us(until), why
    assert "counted from" in found.because and found.because[:4] in ("GDPR", "11 C")


def test_a_holiday_is_no_business_day():
    since = us("2026-12-04T10:00:00+01:00")
    plain, with_holiday = due(Duty.OPT_OUT, since, BERLIN), due(Duty.OPT_OUT, since, BERLIN, {date(2026, 12, 25)})
    assert with_holiday.at_us - plain.at_us == 3 * DAY_US, "Friday is a holiday, so Monday"


@given(st.sampled_from(list(Duty)), st.integers(0, us("2100-01-01T00:00:00+00:00")))
def test_nobody_gets_less_than_the_days_that_are_named(duty, since):
    days = (due(duty, since, BERLIN).at_us - since) / DAY_US
    assert days > {Duty.OPT_OUT: 19, Duty.ERASURE: 13.9, Duty.CORRECTION: 13.9}.get(duty, 6.9)


def test_reminders_come_after_two_three_and_then_every_five_days():
    assert [next_reminder(told, 0) // DAY_US for told in (1, 2, 3, 4, 9)] == [2, 3, 5, 5, 5]


def test_on_its_due_instant_an_obligation_is_overdue():
    state = {"due_us": 100, "told": 1, "confirmed": False}
    assert state_of(**state, now_us=99) is State.TOLD
    assert state_of(**state, now_us=100) is State.UNCONFIRMED
    assert state_of(**(state | {"told": 0}), now_us=99) is State.TELLING
    assert state_of(**(state | {"confirmed": True}), now_us=500) is State.CONFIRMED


def test_a_disclosure_is_as_far_as_its_furthest_from_done():
    assert worst({State.CONFIRMED, State.UNCONFIRMED, State.TOLD}) is State.UNCONFIRMED
    assert worst({State.CONFIRMED, State.TELLING}) is State.TELLING
    assert worst({State.CONFIRMED}) is State.CONFIRMED
    assert worst(set()) is State.HELD
