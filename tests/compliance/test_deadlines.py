"""The worked deadlines of tests/cases/deadlines.json, each by its id, and what must hold for every clock."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.compliance.laws import clock, every_law
from rightful.compliance.public_holidays import holidays_at
from rightful.compliance.rules import Clock, Pause, due, laws_for, strictest, working_days_after
from rightful.errors import BadInput, NotFound

CASES = {c["id"]: c for c in json.loads((Path(__file__).parents[1] / "cases/deadlines.json").read_text())}
BERLIN = ZoneInfo("Europe/Berlin")

# Which clock a case is about: by the law it names, and by its question where a law has several.
BY_LAW = {
    "GDPR": "gdpr/answer",
    "UK GDPR": "uk-gdpr/answer",
    "UK DPA 2018": "uk-dpa/complaint",
    "Delete Act": "delete-act/process",
    "CAN-SPAM": "can-spam/unsubscribe",
    "CASL": "casl/unsubscribe",
    "VCDPA": "us-va/answer",
    "CPA (Colorado)": "us-co/answer",
    "TDPSA": "us-tx/answer",
    "ICDPA (Iowa)": "us-ia/answer",
    "FDBR (Florida)": "us-fl/answer",
    "NJDPA": "us-nj/answer",
    "MODPA (Maryland)": "us-md/appeal",
    "Quebec private sector act": "quebec-25/answer",
    "PIPEDA": "pipeda/answer",
}
BY_ID = {
    "B01": "gdpr/breach",
    "B03": "gdpr/breach",
    "K02": "ccpa/answer",
    "K04": "ccpa/answer",
    "K06": "ccpa/confirm",
    "K08": "ccpa/opt-out",
    "K10": "ccpa/admt-opt-out",
    "K12": "ccpa/ask-again",
}
WAITED = {  # what the case's question tells in words
    "G17": Pause("identity", date(2026, 3, 2), date(2026, 3, 12)),
    "U04": Pause("identity", date(2026, 3, 10), date(2026, 3, 19)),
    "K04": Pause("identity", date(2026, 6, 1), date(2026, 7, 16)),
}


def worked(case):
    text = case["received_at"]
    zone = ZoneInfo(case.get("tz", "Europe/Berlin"))
    if "+" in text:
        received = datetime.fromisoformat(text)
    elif "T" in text:
        received = datetime.fromisoformat(text).replace(tzinfo=zone)
    else:
        received = date.fromisoformat(text)
    found = clock(BY_ID.get(case["id"]) or BY_LAW[case["law"]])
    place = case.get("calendar", "")
    return due(
        found,
        received,
        zone=zone,
        holidays=holidays_at(place, int(text[:4])),
        extended=bool(case.get("extension_months") or case.get("extension_days")),
        pauses=[WAITED[case["id"]]] if case["id"] in WAITED else (),
    )


def as_case_writes(when: date, at: datetime | None) -> str:
    return at.isoformat() if at is not None else when.isoformat()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_worked_deadline_falls_on_its_day_with_its_reasoning(case):
    found = worked(case)
    assert as_case_writes(found.due, found.at) == case["due"]
    assert found.reasoning == case["reasoning"]
    if "notice_of_extension_due" in case:
        assert found.notice_due is not None
        assert found.notice_due.isoformat() == case["notice_of_extension_due"]


@pytest.mark.parametrize("case", [c for c in CASES.values() if "safe_due" in c], ids=lambda c: c["id"])
def test_where_readings_differ_the_earliest_is_kept_beside_it(case):
    found = worked(case)
    assert as_case_writes(found.safe, found.safe_at) == case["safe_due"]


@pytest.mark.parametrize("id_", ["K02", "K04"])
def test_a_term_that_begins_on_the_day_of_receipt_aims_one_day_earlier(id_):
    found = worked(CASES[id_])
    assert found.safe == found.due - timedelta(days=1)


def test_every_computed_date_keeps_what_went_into_it():
    found = worked(CASES["G17"])
    assert found.inputs == {
        "clock": "gdpr/answer",
        "received": "2026-03-02",
        "zone": "Europe/Berlin",
        "holidays": "40 known",
        "extended": "no",
        "pauses": "waiting for identity proof from 2 to 12 March",
    }


# --- what the packs say ----------------------------------------------------------------------------

CLOCKS = [one for law in every_law().values() for one in law.clocks]


@pytest.mark.parametrize("one", CLOCKS, ids=lambda c: c.id)
def test_every_clock_names_its_article_and_how_sure_it_is(one: Clock):
    assert one.article and one.title and one.covers
    assert one.status in {"read", "knowledge", "unverified"}
    assert one.cautious_note or not one.cautious
    assert set(one.pauses) <= {
        "identity",
        "clarification",
        "fee",
    } and set(one.pauses.values()) <= {"suspends", "suspends-both-ends", "starts"}
    assert one.start_rule or "starts" not in one.pauses.values()


@pytest.mark.parametrize("one", CLOCKS, ids=lambda c: c.id)
def test_every_clock_of_every_law_counts_as_a_slow_and_simple_count_does(one: Clock):
    """The oracle goes forward day by day and knows nothing of the arithmetic."""
    received = date(2027, 5, 31)
    found = due(one, datetime(2027, 5, 31, 12, 0, tzinfo=BERLIN) if one.unit == "hour" else received, zone=BERLIN)
    day = received
    if one.unit == "day":
        for _ in range(one.count):
            day += timedelta(days=1)
    elif one.unit == "working-day":
        left = one.count
        while left:
            day += timedelta(days=1)
            left -= day.weekday() < 5
    elif one.unit == "hour":
        day += timedelta(days=one.count // 24)
    else:
        months = one.count
        while months:
            day += timedelta(days=1)
            months -= day.day == 1
        month = day.month
        while day.day < received.day and (day + timedelta(days=1)).month == month:
            day += timedelta(days=1)
        if one.unit == "not-before-month" and day.day < received.day:
            day += timedelta(days=1)
        while one.moves and day.weekday() >= 5:
            day += timedelta(days=1)
    assert found.due == day
    assert found.safe <= found.due


def test_a_law_counts_from_its_day_and_not_before():
    uk = every_law()["uk-gdpr"]
    assert uk.clock_for("access", date(2026, 2, 4)).id == "uk-gdpr/answer-before-2026"
    assert uk.clock_for("access", date(2026, 2, 5)).id == "uk-gdpr/answer"
    assert every_law()["ccpa"].clock_for("admt-opt-out", date(2026, 12, 31)) is None
    assert every_law()["us-ut"].clock_for("rectification", date(2026, 6, 30)) is None
    assert every_law()["us-ut"].clock_for("rectification", date(2026, 7, 1)).count == 45


def test_a_clock_nobody_knows_is_not_found():
    with pytest.raises(NotFound):
        clock("gdpr/tea")


def test_a_place_without_a_calendar_is_refused_and_no_place_has_no_holidays():
    assert holidays_at("", 2026) == {}
    with pytest.raises(BadInput):
        holidays_at("XX", 2026)


# --- which law -------------------------------------------------------------------------------------

REGIMES = [(("gdpr", "eprivacy"), ("DE", "FR")), (("uk-gdpr",), ("GB",)), (("ccpa",), ("US-CA",))]


@pytest.mark.parametrize(
    ("residence", "names"),
    [
        ("DE", {"gdpr"}),
        ("GB", {"uk-gdpr", "uk-dpa"}),
        ("US-CA", {"ccpa"}),
        ("US-VA", {"us-va"}),
        ("BR", {"lgpd"}),
        ("CA-QC", {"quebec-25"}),
        ("CA-ON", {"pipeda", "casl"}),
        ("", {"gdpr", "uk-gdpr", "ccpa"}),
        ("AQ", {"gdpr", "uk-gdpr", "ccpa"}),
    ],
)
def test_the_residence_decides_and_an_unknown_one_brings_every_law_of_the_policy(residence, names):
    found, why = laws_for(every_law(), residence, REGIMES)
    assert {law.id for law in found} == names
    assert ("not known" in why) == (residence == "")


def test_a_policy_may_name_all_states_by_their_family():
    found, _ = laws_for(every_law(), "US-TX", [(("us-state-privacy",), ("US",))])
    assert {law.id for law in found} == {"us-tx"}


def test_of_several_laws_the_earliest_date_counts():
    every, _ = laws_for(every_law(), "", REGIMES)
    day = date(2026, 11, 23)
    found = strictest(due(c, day, zone=BERLIN) for law in every if (c := law.clock_for("access", day)))
    assert found is not None
    assert found.clock == "uk-gdpr/answer"
    assert strictest([]) is None


# --- promises --------------------------------------------------------------------------------------

days = st.dates(min_value=date(2018, 5, 25), max_value=date(2099, 1, 1))
clocks = st.sampled_from([c for c in CLOCKS if c.unit in ("month", "day", "working-day")])
free_days = st.dictionaries(
    st.dates(min_value=date(2018, 5, 25), max_value=date(2099, 12, 31)), st.just("a holiday"), max_size=12
)


@given(days, clocks)
def test_an_extension_never_shortens_the_time(received, one):
    if one.extension is None:
        with pytest.raises(BadInput):
            due(one, received, zone=BERLIN, extended=True)
        return
    plain, longer = due(one, received, zone=BERLIN), due(one, received, zone=BERLIN, extended=True)
    assert longer.due > plain.due > received
    assert longer.notice_due == plain.due
    assert longer.safe >= plain.safe


@given(days, clocks, st.integers(min_value=0, max_value=90), st.sampled_from(["identity", "clarification"]))
def test_a_pause_of_n_days_moves_the_end_by_n_days_or_by_the_rule_of_the_law(received, one, length, what):
    pause = Pause(what, received, received + timedelta(days=length))
    plain, paused = due(one, received, zone=BERLIN), due(one, received, zone=BERLIN, pauses=[pause])
    how = one.pauses.get(what)
    if how is None:
        assert paused.due == plain.due
    elif how == "suspends":
        assert paused.counted_to == plain.counted_to + timedelta(days=length)
    elif how == "suspends-both-ends":
        assert paused.counted_to == plain.counted_to + timedelta(days=length + 1)
    else:
        assert paused.counted_to == due(one, pause.ended, zone=BERLIN).counted_to
    assert paused.due >= plain.due


@given(days, st.integers(min_value=0, max_value=400), clocks, free_days)
def test_what_comes_later_is_never_due_earlier(received, later, one, holidays):
    first = due(one, received, zone=BERLIN, holidays=holidays)
    second = due(one, received + timedelta(days=later), zone=BERLIN, holidays=holidays)
    assert first.due <= second.due
    assert first.safe <= first.due


@given(days, free_days, st.booleans())
def test_a_term_that_moves_never_ends_on_a_weekend_or_a_holiday(received, holidays, extended):
    found = due(clock("gdpr/answer"), received, zone=BERLIN, holidays=holidays, extended=extended)
    assert found.due.weekday() < 5
    assert found.due not in holidays


@given(days, st.integers(min_value=0, max_value=60), free_days)
def test_holidays_only_ever_give_more_working_days(received, count, holidays):
    assert working_days_after(received, count, holidays) >= working_days_after(received, count)


ZONES = ["Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", "Pacific/Auckland", "America/Los_Angeles"]
instants = st.integers(min_value=1_546_300_800, max_value=3_786_912_000).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(instants, st.sampled_from(ZONES))
def test_72_hours_are_72_elapsed_hours_in_every_zone_and_over_every_change_of_the_clock(received, name):
    found = due(clock("gdpr/breach"), received, zone=ZoneInfo(name))
    assert found.at is not None and found.safe_at is not None
    assert found.safe_at - received == timedelta(hours=72)
    assert timedelta(0) < found.at - found.safe_at <= timedelta(hours=1)
    assert (found.at.minute, found.at.second) == (0, 0)


def test_the_day_of_receipt_is_the_day_in_the_controllers_zone():
    late = datetime(2026, 3, 4, 23, 30, tzinfo=ZoneInfo("UTC"))
    assert due(clock("gdpr/answer"), late, zone=BERLIN).counted_to == date(2026, 4, 5)
    assert due(clock("gdpr/answer"), late, zone=ZoneInfo("UTC")).counted_to == date(2026, 4, 4)


def test_an_instant_without_a_zone_and_hours_without_an_instant_are_refused():
    with pytest.raises(BadInput):
        due(clock("gdpr/answer"), datetime.fromisoformat("2026-03-04T09:00"), zone=BERLIN)
    with pytest.raises(BadInput):
        due(clock("gdpr/breach"), date(2026, 3, 4), zone=BERLIN)


@pytest.mark.parametrize(
    ("began", "ended", "words"),
    [
        (date(2026, 2, 27), date(2026, 3, 3), "from 27 February to 3 March"),
        (date(2026, 12, 30), date(2027, 1, 4), "from 2026-12-30 to 2027-01-04"),
    ],
)
def test_a_pause_is_explained_with_its_days(began, ended, words):
    found = due(clock("gdpr/answer"), date(2026, 2, 27), zone=BERLIN, pauses=[Pause("identity", began, ended)])
    assert words in found.reasoning
