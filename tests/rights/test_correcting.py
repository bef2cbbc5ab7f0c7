"""A request for correction corrects: from the door to the value the gate gives out next."""

from __future__ import annotations

import pytest

from rightful.actions.answer_request import confirm_task, fulfil, take_in, waits_for
from rightful.actions.close_request import refuse
from rightful.actions.correct_data import approve_correction, refuse_correction
from rightful.actions.correct_for_request import correct_now
from rightful.actions.identify_requester import channel_shown, staff_checked
from rightful.actions.run_requests import run_requests
from rightful.actions.see_requests import detail_of
from rightful.actions.view_customer import look_at_customer
from rightful.errors import BadInput, NotFound, StepRefused
from rightful.rights.corrections import WAITING
from rightful.rights.models import Filter
from rightful.rights.rules import Level, State
from tests.rights.conftest import OLGA

PHONE = {"field": "customer.phone", "value": "+353 1 555 7777"}
NAME = {"field": "customer.name", "value": "Ana Ortiz-Lima"}


def ask(ws, *corrections, key="A1", level=Level.CHANNEL, **more):
    named = {"source": "portal", "level": level, **({} if "contact" in more else {"key": key}), **more}
    return take_in(ws, "rectification", corrections=corrections, **named).case


def at_the_gate(ws, field, key="A1"):
    table, _, column = field.partition(".")
    return look_at_customer(ws, OLGA, "service", key).tables[table][0][column]


def answer(ws, case):
    return detail_of(ws, case).messages[-1].text


def test_a_correction_that_was_asked_for_is_what_the_gate_gives_out_next(club):
    case = ask(club, PHONE)
    assert case.state is State.ANSWERED
    assert at_the_gate(club, "customer.phone") == "+353 1 555 7777"
    assert [(t.what, t.state, t.detail) for t in club.cases.tasks(case.id)] == [("correct", "done", "corrected")]
    assert "We corrected this, and looked again: Phone." in answer(club, case)
    assert "7777" not in answer(club, case), "a letter names no value"


def test_who_somebody_is_waits_for_an_officer_and_the_request_goes_on_by_itself_then(club):
    case = ask(club, NAME, PHONE)
    assert case.state is State.PLANNED
    assert at_the_gate(club, "customer.name") == "Ana Ortiz"
    (waiting,) = club.corrections.listed(state=WAITING)
    assert run_requests(club).moved == 0
    with pytest.raises(StepRefused, match="still waits"):
        confirm_task(club, case.ref, "source", "correct", actor=OLGA)
    approve_correction(club, waiting.id, actor=OLGA)
    assert run_requests(club).moved == 1
    assert at_the_gate(club, "customer.name") == "Ana Ortiz-Lima"
    done = club.cases.by_ref(case.ref)
    assert done.state is State.ANSWERED
    assert "Name, Phone" in answer(club, done) or "Phone, Name" in answer(club, done)


def test_what_was_not_corrected_is_named_with_its_reason(club):
    case = ask(club, NAME, PHONE)
    (waiting,) = club.corrections.listed(state=WAITING)
    refuse_correction(club, waiting.id, "not-shown", actor=OLGA)
    done = fulfil(club, case.ref, actor=OLGA)
    assert done.state is State.ANSWERED
    assert [t.detail for t in club.cases.tasks(case.id)] == ["corrected-partly"]
    text = answer(club, done)
    assert "looked again: Phone." in text
    assert "Not corrected: Name. We could not check that it is true." in text
    assert at_the_gate(club, "customer.name") == "Ana Ortiz"


def test_where_nothing_was_corrected_nobody_says_done(club):
    case = ask(club, NAME)
    (waiting,) = club.corrections.listed(state=WAITING)
    refuse_correction(club, waiting.id, "not-shown", actor=OLGA)
    case = fulfil(club, case.ref, actor=OLGA)
    assert case.state is State.PLANNED
    (task,) = waits_for(club, case)
    assert (task.state, task.detail) == ("failed", "nothing-corrected")
    assert refuse(club, case.ref, "accurate", actor=OLGA).state is State.REFUSED


def test_a_request_in_words_is_closed_by_a_person_and_only_after_something_was_corrected(club):
    case = ask(club, text="My phone is +353 1 555 7777, and my account says 12.50 but it is 20.")
    assert case.state is State.PLANNED
    with pytest.raises(StepRefused, match="nothing was corrected"):
        confirm_task(club, case.ref, "source", "correct", actor=OLGA)
    correct_now(club, case.ref, "customer.phone", "+353 1 555 7777", actor=OLGA)
    assert fulfil(club, case.ref, actor=OLGA).state is State.PLANNED, "the words may ask for more"
    with pytest.raises(BadInput, match="several rows"):
        correct_now(club, case.ref, "account.balance", "20", actor=OLGA)
    with pytest.raises(NotFound):
        correct_now(club, case.ref, "account.balance", "20", row={"id": "K2"}, actor=OLGA)
    correct_now(club, case.ref, "account.balance", "20", row={"id": "K1"}, actor=OLGA)
    done = confirm_task(club, case.ref, "source", "correct", actor=OLGA)
    assert done.state is State.ANSWERED
    assert float(at_the_gate(club, "account.balance")) == 20
    assert at_the_gate(club, "customer.phone") == "+353 1 555 7777"
    assert float(at_the_gate(club, "account.balance", "B2")) == 99, "nobody else's row changed"


def test_ac_016_whoever_only_knows_the_address_corrects_nothing_even_after_the_customers_yes(club):
    stranger = ask(club, {"field": "customer.phone", "value": "+44 20 666"}, contact="ana@example.com",
                   source="api", level=Level.NONE)  # fmt: skip
    assert stranger.state is State.NEEDS_IDENTITY
    assert club.corrections.listed() == []
    case = fulfil(club, channel_shown(club, stranger).ref, actor=OLGA)
    assert case.state is State.PLANNED
    assert at_the_gate(club, "customer.phone") == "+353 1 555 0101"
    assert [c.state for c in club.corrections.listed()] == [WAITING]


def test_ac_016_what_a_stranger_adds_to_my_open_request_waits_for_an_officer(club):
    case = ask(club, text="My number is wrong, I will send it to you.")
    ask(club, {"field": "customer.phone", "value": "+44 20 666"}, contact="ana@example.com", source="api",
        level=Level.NONE)  # fmt: skip
    fulfil(club, case.ref, actor=OLGA)
    assert at_the_gate(club, "customer.phone") == "+353 1 555 0101"
    assert [c.state for c in club.corrections.listed()] == [WAITING]


def test_a_wish_is_taken_up_once_however_often_the_request_goes_on(club):
    case = ask(club, NAME, PHONE)
    for _ in range(3):
        fulfil(club, case.ref, actor=OLGA)
    assert len(club.corrections.of_request(case.id)) == 2


def test_a_value_that_somebody_overwrote_is_found_before_the_answer(club):
    from rightful.gate import dispose

    case = ask(club, text="wrong number")
    correct_now(club, case.ref, "customer.phone", "+353 1 555 7777", actor=OLGA)
    dispose.correct(club, club.number_of("A1"), "customer", {"phone": "+353 1 555 0101"}, actor="sync")
    case = confirm_task(club, case.ref, "source", "correct", actor=OLGA)
    (task,) = waits_for(club, case)
    assert (case.state, task.detail) == (State.PLANNED, "overwritten")
    correct_now(club, case.ref, "customer.phone", "+353 1 555 7777", actor=OLGA)
    assert confirm_task(club, case.ref, "source", "correct", actor=OLGA).state is State.ANSWERED


def test_a_correction_only_in_other_systems_says_so(club):
    club.config["systems"] = {"helpdesk": "manual"}
    case = ask(club, text="Your helpdesk calls me Anna.")
    confirm_task(club, case.ref, "source", "correct", elsewhere=True, actor=OLGA)
    done = confirm_task(club, case.ref, "helpdesk", "same", actor=OLGA)
    assert done.state is State.ANSWERED
    assert "It is done" in answer(club, done)


@pytest.mark.parametrize(
    ("wish", "fault"),
    [
        ({"field": "customer.shoe", "value": "43"}, NotFound),
        ({"field": "customer.id", "value": "Z9"}, NotFound),
        ({"field": "customer.birth_date", "value": "yesterday"}, BadInput),
        ({"field": "customer.phone", "value": ""}, BadInput),
        ({"field": "account.balance", "value": "20"}, BadInput),
        ({"field": "account.balance", "value": "20", "row": {"shoe": "1"}}, BadInput),
    ],
)
def test_a_wish_that_cannot_be_a_correction_is_refused_before_anything_is_written(club, wish, fault):
    with pytest.raises(fault):
        ask(club, wish)
    assert club.cases.count(Filter()) == 0


def test_only_a_request_for_correction_names_values(club):
    with pytest.raises(BadInput):
        take_in(club, "access", key="A1", corrections=[PHONE])


def test_a_person_who_checked_who_asks_still_decides_about_each_value(club):
    case = ask(club, PHONE, level=Level.NONE, source="staff")
    case = staff_checked(club, case, "called back on the number on record", actor=OLGA)
    fulfil(club, case.ref, actor=OLGA)
    assert [c.state for c in club.corrections.of_request(case.id)] == [WAITING]


def test_an_erased_customers_values_are_gone_with_them(club):
    ask(club, NAME)
    with club.control.write() as tx:
        club.corrections.forget(tx, club.subject_id(club.number_of("A1")))
    assert club.corrections.listed() == []
