"""Systems without a connector are asked by mail: what the mail says, what the link shows, and when it ends."""

from __future__ import annotations

import json

import pytest

from rightful.actions.answer_request import confirm_task, take_in, waits_for
from rightful.actions.ask_systems import behind, token_of, who_it_is
from rightful.actions.close_request import withdraw
from rightful.actions.confirm_system_task import confirm_by_link
from rightful.actions.move_deadline import pause
from rightful.actions.officer_today import today
from rightful.actions.run_requests import run_requests
from rightful.actions.see_requests import late_tasks
from rightful.errors import BadInput, NotFound
from rightful.rights.rules import MOST_REMINDERS, NEVER_US, Level, State, remind_us
from tests.rights.conftest import OLGA

OPS = "ops@shop.example"
DAY_US = 86_400_000_000


@pytest.fixture
def asks(club):
    club.config["systems"] = {"shop": {"how": "mail", "to": OPS, "known_by": "email", "days": 5}}

    def ask(kind, key="A1", **more):
        return take_in(club, kind, key=key, **{"source": "portal", "level": Level.CHANNEL, **more}).case

    return ask


def mails(ws):
    """Everything that waits to be sent to the system, opened as the worker would."""
    found = []
    while (letter := ws.mail.take()) is not None:
        if letter.template == "system-task":
            found.append((letter.to, dict(letter.words)))
        ws.mail.sent(letter)
    return found


def link(ws, case):
    return token_of(ws, case.id, "shop", "same")


def test_ac_050_the_mail_names_the_request_and_nobody(club, asks):
    case = asks("objection", text="CANARY-TEXT")
    assert case.state is State.PLANNED
    [(to, words)] = mails(club)
    assert to == OPS
    assert set(words) == {"ref", "kind", "system", "due", "token", "reminder"}
    told = json.dumps(words)
    for canary in ("ana@example.com", "Ana", "A1", "CANARY", "0101", club.subject_id(club.number_of("A1"))):
        assert canary not in told.replace(words["token"], "").replace(words["ref"], "")
    leaves = b"".join(e.leaf for e in club.ledger.entries())
    rows = repr(club.control.query("SELECT * FROM rights_system_task")).encode()
    for canary in (b"ana@example.com", words["token"].encode()):
        assert canary not in leaves + rows


def test_the_link_shows_who_it_is_on_record_and_ends_with_the_task(club, asks):
    case = asks("objection")
    token = link(club, case)
    before = len(club.ledger.entries_of(case.subject))
    asked = behind(club, token)
    assert (asked.ref, asked.kind, asked.system, asked.over) == (case.ref, "objection", "shop", False)
    assert len(club.ledger.entries_of(case.subject)) == before, "opening the link changes nothing"
    assert who_it_is(club, token) == {"email": "ana@example.com"}
    assert club.ledger.entry(club.ledger.entries_of(case.subject)[-1]).kind == "request.task-opened"
    confirm_by_link(club, token, ok=True)
    assert club.cases.by_ref(case.ref).state is State.ANSWERED
    assert behind(club, token).over
    for late in (lambda: who_it_is(club, token), lambda: confirm_by_link(club, token, ok=True)):
        with pytest.raises(NotFound):
            late()
    assert club.control.query("SELECT reference FROM rights_system_task") == [(None,)]


@pytest.mark.parametrize("token", ["", "0" * 40, "../x", "x" * 500])
def test_what_is_no_link_opens_nothing(club, asks, token):
    asks("objection")
    with pytest.raises(NotFound):
        behind(club, token)


def test_what_could_not_be_done_needs_a_reason_and_can_still_be_done(club, asks):
    case = asks("objection")
    token = link(club, case)
    with pytest.raises(BadInput):
        confirm_by_link(club, token, ok=False)
    confirm_by_link(club, token, ok=False, note="the shop is down")
    (task,) = waits_for(club, club.cases.by_ref(case.ref))
    assert task.state == "failed"
    confirm_by_link(club, token, ok=True)
    assert club.cases.by_ref(case.ref).state is State.ANSWERED


def test_a_system_is_reminded_and_its_lateness_stands_on_today(club, asks, clock):
    case = asks("objection")
    assert [w["reminder"] for _, w in mails(club)] == [False]
    clock.go_on(days=2)
    run_requests(club)
    assert mails(club) == []
    clock.go_on(days=1.1)
    run_requests(club)
    run_requests(club)
    assert [w["reminder"] for _, w in mails(club)] == [True]
    assert late_tasks(club) == ()
    clock.go_on(days=4)
    run_requests(club)
    assert len(mails(club)) == 1
    assert [t.system for t in late_tasks(club)] == ["shop"]
    assert any("(shop)" in a.sentence for a in today(club).attention)
    kinds = [club.ledger.entry(i).kind for i in club.ledger.entries_of(case.subject)]
    assert kinds.count("request.task-late") == 1
    clock.go_on(days=1.1)
    run_requests(club)
    assert len(mails(club)) == 1, "each day once it is late"
    assert [club.ledger.entry(i).kind for i in club.ledger.entries_of(case.subject)].count("request.task-late") == 1
    confirm_by_link(club, link(club, case), ok=True)
    clock.go_on(days=30)
    run_requests(club)
    assert (mails(club), late_tasks(club)) == ([], ())


def test_a_paused_request_reminds_nobody(club, asks, clock):
    case = asks("objection")
    mails(club)
    pause(club, case.ref, "clarification", actor=OLGA)
    clock.go_on(days=10)
    run_requests(club)
    assert mails(club) == []


def test_ac_019_a_system_is_told_to_erase_only_when_it_cannot_be_taken_back(club, asks, clock):
    case = asks("erasure", "E5")
    assert mails(club) == []
    clock.go_on(hours=73)
    run_requests(club)
    assert len(mails(club)) == 1
    assert club.cases.by_ref(case.ref).no is None, "erased here already"
    token = link(club, case)
    assert who_it_is(club, token) == {"email": "eve@example.com"}, "the system still learns whom it is about"
    confirm_by_link(club, token, ok=True)
    assert club.cases.by_ref(case.ref).state is State.ANSWERED
    assert club.control.query("SELECT reference FROM rights_system_task") == [(None,)]


def test_an_erasure_taken_back_in_time_reaches_no_system(club, asks, clock):
    case = asks("erasure", "E5")
    withdraw(club, case.ref)
    clock.go_on(days=9)
    run_requests(club)
    assert mails(club) == []


def test_a_request_that_ended_leaves_nothing_behind_its_link(club, asks):
    case = asks("objection")
    withdraw(club, case.ref)
    run_requests(club)
    assert behind(club, link(club, case)).over
    with pytest.raises(NotFound):
        who_it_is(club, link(club, case))
    assert club.control.query("SELECT reference FROM rights_system_task") == [(None,)]


def test_a_correction_tells_the_system_the_right_value_and_staff_can_confirm_too(club, asks):
    case = asks("rectification", corrections=[{"field": "customer.phone", "value": "+353 1 555 7777"}])
    assert case.state is State.PLANNED
    assert who_it_is(club, link(club, case)) == {"email": "ana@example.com", "customer.phone": "+353 1 555 7777"}
    assert confirm_task(club, case.ref, "shop", "same", actor=OLGA).state is State.ANSWERED
    assert behind(club, link(club, case)).over


def test_a_system_without_an_address_is_seen_to_by_staff(club, asks):
    club.config["systems"] = {"shop": "mail", "desk": {"how": "manual"}}
    case = asks("objection")
    assert {(t.system, t.person) for t in waits_for(club, case)} == {("shop", OLGA), ("desk", OLGA)}
    assert mails(club) == []


@pytest.mark.parametrize(
    "said", ["magic", {"how": "magic"}, {"to": "nobody"}, {"to": "a b@c.example"}, {"days": 0}, {"days": "5"}, 7]
)
def test_a_system_nobody_can_read_is_refused(club, asks, said):
    club.config["systems"] = {"shop": said}
    with pytest.raises(BadInput):
        asks("objection")


def test_reminders_come_every_three_days_then_daily_and_have_an_end():
    due = 10 * DAY_US
    assert remind_us(1, 0, due) == 3 * DAY_US
    assert remind_us(4, 9 * DAY_US, due) == 10 * DAY_US, "on the day it is due"
    assert remind_us(5, 11 * DAY_US, due) == 12 * DAY_US
    assert remind_us(MOST_REMINDERS, 11 * DAY_US, due) == NEVER_US
