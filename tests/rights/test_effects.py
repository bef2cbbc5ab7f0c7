"""Closing a request does the thing: each kind from its intake to what the gate answers next."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from rightful.actions.answer_request import confirm_task, fulfil, take_in, waits_for
from rightful.actions.appoint_staff import appoint
from rightful.actions.assemble_copy import fetch, ticket_for
from rightful.actions.close_request import refuse
from rightful.actions.give_consent import give_consent
from rightful.actions.officer_today import today
from rightful.actions.run_requests import run_requests
from rightful.actions.see_requests import detail_of, late_tasks
from rightful.actions.view_customer import look_at_customer
from rightful.errors import BadInput, NotPermitted, UnknownName
from rightful.gate.request import Request
from rightful.gate.use import decide
from rightful.rights.rules import Kind, Level, State
from rightful.terms import Outcome
from tests.rights.conftest import OLGA

RITA = "rita@club.example"


def ask(ws, kind, key="A1", **more):
    return take_in(ws, kind, key=key, **{"source": "portal", "level": Level.CHANNEL, **more}).case


def gate(ws, purpose, key="A1", role="care-team", channel=""):
    return decide(ws, Request(OLGA, role, purpose, channel), ws.number_of(key), record=False)


def answer(ws, case):
    return detail_of(ws, case).messages[-1].text


def copy_of(ws, case):
    return json.loads(zipfile.ZipFile(io.BytesIO(fetch(ws, case, ticket_for(ws, case, "s"), "s"))).read("copy.json"))


def test_every_kind_of_request_is_looked_at_here():
    mine = {name.removeprefix("test_").split("_")[0] for name in globals() if name.startswith("test_")}
    assert {kind.value.split("-")[0] for kind in Kind} <= mine


@pytest.mark.parametrize("kind", ["access", "portability"])
def test_access_gives_a_machine_readable_copy_with_what_the_gate_holds(club, kind):
    made = copy_of(club, ask(club, kind, "D4"))
    row = next(t for t in made["tables"] if t["name"] == "customer")["rows"][0]
    assert row["email"] == look_at_customer(club, OLGA, "service", "D4").tables["customer"][0]["email"]


test_portability_gives_a_copy_that_programs_can_read = (
    test_access_gives_a_machine_readable_copy_with_what_the_gate_holds
)


def test_rectification_changes_what_is_read_next(club):
    ask(club, "rectification", corrections=[{"field": "customer.phone", "value": "+353 1 555 7777"}])
    assert look_at_customer(club, OLGA, "service", "A1").tables["customer"][0]["phone"] == "+353 1 555 7777"


def test_erasure_takes_the_customer_out_of_every_read(club, clock):
    assert look_at_customer(club, OLGA, "service", "E5").tables
    case = ask(club, "erasure", "E5")
    assert look_at_customer(club, OLGA, "service", "E5").tables, "not before the time to take it back is over"
    clock.go_on(hours=73)
    run_requests(club)
    assert club.cases.by_ref(case.ref).state is State.ANSWERED
    with pytest.raises((NotPermitted, UnknownName)):
        look_at_customer(club, OLGA, "service", "E5")


def test_restriction_stops_every_use_at_the_next_read(club):
    assert look_at_customer(club, OLGA, "service", "A1").tables
    assert ask(club, "restriction").state is State.ANSWERED
    with pytest.raises(NotPermitted):
        look_at_customer(club, OLGA, "service", "A1")
    assert look_at_customer(club, OLGA, "service", "C3").tables, "nobody else's"


def test_objection_stops_what_it_is_about_and_nothing_else(club):
    assert gate(club, "watch").outcome is not Outcome.DENY
    ask(club, "objection", scope={"purpose": "watch"})
    assert "objected" in gate(club, "watch").codes
    assert look_at_customer(club, OLGA, "service", "A1").tables


def test_opt_out_stops_sale_and_sharing_at_the_next_read(club):
    assert "opted_out" not in gate(club, "ads", "D4").codes
    ask(club, "opt-out", "D4")
    assert "opted_out" in gate(club, "ads", "D4").codes


def test_limit_sensitive_stops_the_use_of_delicate_fields(club):
    give_consent(club, "B2", "care", evidence="form-7")
    assert "customer.care_need" in gate(club, "care", "B2").allowed_fields
    ask(club, "limit-sensitive", "B2")
    assert "customer.care_need" not in gate(club, "care", "B2").allowed_fields


# --- a person looks ---------------------------------------------------------------------------------


def look_of(ws, case):
    return next(t for t in ws.cases.tasks(case.id) if t.what == "look")


@pytest.mark.parametrize("kind", ["human-review", "complaint"])
def test_human_review_is_a_task_with_a_person_and_a_date_and_says_what_was_found(club, clock, kind):
    case = ask(club, kind, text="Why me?")
    task = look_of(club, case)
    assert task.person == OLGA
    assert club.cases.by_ref(case.ref).received_us and task.due_on < case.safe_on
    assert late_tasks(club) == ()
    clock.go_on(days=60)
    assert [t.person for t in late_tasks(club)] == [OLGA]
    assert any("should have been done" in a.sentence and OLGA in a.sentence for a in today(club).attention)
    with pytest.raises(BadInput):
        confirm_task(club, case.ref, "source", "look", finding="stands", actor=OLGA)
    with pytest.raises(BadInput):
        confirm_task(club, case.ref, "source", "look", finding="maybe", note="x", actor=OLGA)
    done = confirm_task(club, case.ref, "source", "look", finding="changed", note="You get the rate.", actor=OLGA)
    assert done.state is State.ANSWERED
    assert "A person looked at it. The decision was changed." in answer(club, done)
    assert "You get the rate." in answer(club, done)
    assert late_tasks(club) == ()


def test_complaint_about_a_refusal_goes_to_somebody_else_and_takes_the_request_up_again(club):
    appoint(club, RITA, "officer", actor=OLGA)
    refused = ask(club, "rectification", corrections=[{"field": "customer.name", "value": "Ana Lima"}])
    refuse(club, refused.ref, "accurate", actor=OLGA)
    case = ask(club, "complaint", parent=refused.ref, text="It is Lima.")
    assert look_of(club, case).person == RITA
    done = confirm_task(club, case.ref, "source", "look", finding="changed", note="You are right.", actor=RITA)
    assert "The request that was refused is taken up again." in answer(club, done)
    again = club.cases.open_like(case.subject, Kind.RECTIFICATION)
    assert again is not None and again.parent == case.ref and again.state is State.PLANNED
    assert [c.field for c in club.corrections.of_request(again.id)] == ["customer.name"], (
        "what was asked for came along"
    )


def test_complaint_that_is_not_right_changes_nothing(club):
    refused = ask(club, "objection", scope={"purpose": "watch"}, on_behalf="other")
    refuse(club, refused.ref, "identity-not-shown", actor=OLGA)
    case = ask(club, "complaint", parent=refused.ref)
    done = confirm_task(club, case.ref, "source", "look", finding="stands", note="Not shown.", actor=OLGA)
    assert "The decision stands." in answer(club, done)
    assert club.cases.open_like(case.subject, Kind.OBJECTION) is None
    assert gate(club, "watch").outcome is not Outcome.DENY


def test_complaint_names_only_a_request_of_the_same_customer(club):
    other = ask(club, "access", "D4")
    for parent in (other.ref, "R-NOTTHERE"):
        with pytest.raises(BadInput):
            ask(club, "complaint", parent=parent)


def test_human_review_is_shared_among_the_officers_and_can_be_somebodys_by_name(club):
    appoint(club, RITA, "officer", actor=OLGA)
    people = [look_of(club, ask(club, "human-review", key)).person for key in ("A1", "C3", "D4", "F6")]
    assert sorted(people) == [OLGA, OLGA, RITA, RITA]
    club.config["responsible"] = {"complaint": RITA}
    assert {look_of(club, ask(club, "complaint", key)).person for key in ("A1", "C3", "D4")} == {RITA}


def test_human_review_that_waits_for_nobody_is_still_there(club):
    from rightful.actions.appoint_staff import dismiss

    dismiss(club, OLGA, actor="eng@club.example")
    case = ask(club, "human-review")
    assert look_of(club, case).person == "" and waits_for(club, case)
    assert fulfil(club, case.ref, actor="rule").state is State.PLANNED
