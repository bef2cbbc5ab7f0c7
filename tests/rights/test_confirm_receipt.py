"""The receipt of a Californian request is confirmed within ten business days, and opt-outs count holidays."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rightful.actions.answer_request import take_in
from rightful.actions.confirm_receipt import confirm_receipt
from rightful.actions.law_due import deadline_for
from rightful.actions.officer_today import today
from rightful.actions.open_request import open_request
from rightful.errors import BadInput, StepRefused
from rightful.rights.rules import Level
from tests.rights.conftest import OLGA

THANKSGIVING = datetime(2025, 11, 25, 20, tzinfo=UTC)  # a Tuesday; the 27th is a holiday in California, the 28th too


def us(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def ask(ws, kind="access", key="D4", **more):
    return open_request(ws, kind, key=key, **{"source": "staff", **more}).case


@pytest.mark.parametrize(
    ("calendar", "confirm_by", "opt_out_by"),
    [("", "2025-12-09", "2025-12-16"), ("US-CA", "2025-12-11", "2025-12-18")],
)
def test_business_days_leave_out_the_holidays_of_the_seat_and_the_reasoning_names_them(
    club, calendar, confirm_by, opt_out_by
):
    club.config["calendar"] = calendar
    case = ask(club, received_us=us(THANKSGIVING))
    owed = club.confirmations.of_case(case.id)
    assert (owed.clock, owed.due_on) == ("ccpa/confirm", confirm_by)
    assert owed.safe_on <= owed.due_on, "aim at the earliest reading of business day"
    assert "10 business days" in owed.reasoning
    assert ("Thanksgiving" in owed.reasoning) is bool(calendar)
    out = ask(club, "opt-out", received_us=us(THANKSGIVING))
    assert (out.clock, out.due_on) == ("ccpa/opt-out", opt_out_by)
    assert "15 business days" in out.reasoning and ("Thanksgiving" in out.reasoning) is bool(calendar)
    assert deadline_for(club, "opt-out", "US-CA", us(THANKSGIVING)).due.reasoning == out.reasoning


@pytest.mark.parametrize(("key", "kind"), [("A1", "access"), ("F6", "erasure"), ("D4", "opt-out"), ("D4", "complaint")])
def test_where_the_law_sets_no_term_for_it_nothing_is_owed(club, key, kind):
    assert club.confirmations.of_case(ask(club, kind, key).id) is None


def test_the_page_and_the_mail_are_the_confirmation(club):
    portal = take_in(club, "access", key="D4", source="portal", level=Level.CHANNEL).case
    assert club.confirmations.of_case(portal.id).how == "mail"
    club.config["subject"] = {k: v for k, v in club.config["subject"].items() if k != "email"}
    other = take_in(club, "portability", key="D4", source="portal", level=Level.CHANNEL).case
    assert club.confirmations.of_case(other.id).how == "portal"


def test_a_letter_is_confirmed_by_a_person_on_the_way_it_came(club, clock):
    club.config["subject"] = {k: v for k, v in club.config["subject"].items() if k != "email"}
    case = ask(club, "erasure")
    assert club.confirmations.of_case(case.id).done_us is None
    clock.go_on(days=9)
    (line,) = [a for a in today(club).attention if "has to be confirmed" in a.sentence]
    assert line.sentence.startswith("The receipt of 1 request has")
    with pytest.raises(BadInput):
        confirm_receipt(club, case.ref, "pigeon", actor=OLGA)
    confirm_receipt(club, case.ref, "letter", actor=OLGA)
    assert club.confirmations.of_case(case.id).how == "letter"
    assert not [a for a in today(club).attention if "has to be confirmed" in a.sentence]
    assert club.ledger.entry(club.ledger.entries_of(case.subject)[-1]).kind == "request.receipt-confirmed"
    with pytest.raises(StepRefused):
        confirm_receipt(club, case.ref, "letter", actor=OLGA)
