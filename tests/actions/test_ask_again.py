"""Asking again: refused before the rest is over, for one customer and for all of them at once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from rightful.actions.ask_again import ask_for_consent, may_ask, who_to_ask_again
from rightful.actions.double_opt_in import answer_question, request_opt_in
from rightful.actions.give_consent import give_consent
from rightful.actions.publish_policy import publish_policy
from rightful.actions.record_choice import make_event, record
from rightful.actions.unsubscribe import unsubscribe
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.errors import AskedTooEarly, BadInput, EventRejected
from rightful.policy.loader import load
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, POLICY
from tests.actions.test_choices import allowed
from tests.actions.test_double_opt_in import link_in_mail
from tests.clocks import Moving

DAY = 86_400_000_000
ASKS = POLICY.replace('version: "1"', 'version: "2"').replace(
    "        says: We send you our letter.\n",
    "        says: We send you our letter.\n        consent: {expires: 12 months, ask-again: after 6 months}\n",
)


@pytest.fixture(scope="module")
def asking(shop_template, tmp_path_factory):
    import shutil

    place = tmp_path_factory.mktemp("asking") / "shop"
    shutil.copytree(shop_template, place)
    (place / "policy" / "shop.yaml").write_text(ASKS, encoding="utf-8")
    clock = Moving()
    with Workspace.open(place, clock=clock) as ws:
        publish_policy(ws, load(place / "policy"), actor="olga@shop.example", approver="paul@shop.example")
        ws.moving = clock
        yield ws


def test_a_refusal_is_not_asked_again_before_its_day(asking):
    withdraw_consent(asking, "C041", "newsletter", "email")
    may = may_ask(asking, "C041", "newsletter", "email")
    assert not may.now and may.why == "rests" and may.at is not None
    with pytest.raises(AskedTooEarly, match="rest period") as early:
        ask_for_consent(asking, "C041", "newsletter", "email", actor=MAX)
    assert early.value.exit_code == 3
    asking.moving.by(190 * DAY)
    assert may_ask(asking, "C041", "newsletter", "email").now
    assert ask_for_consent(asking, "C041", "newsletter", "email", actor=MAX) is not None


def test_an_unanswered_question_starts_a_rest(asking):
    ask_for_consent(asking, "C042", "newsletter", "email", actor=MAX)
    with pytest.raises(AskedTooEarly, match="did not answer"):
        ask_for_consent(asking, "C042", "newsletter", "email", actor=MAX)


def test_where_the_policy_names_no_rest_a_no_is_final(asking):
    withdraw_consent(asking, "C043", "study")
    asking.moving.by(4000 * DAY)
    with pytest.raises(AskedTooEarly, match="at all"):
        ask_for_consent(asking, "C043", "study", actor=MAX)


def test_an_objection_is_final_whatever_the_rest(asking):
    object_to(asking, "C044")
    asking.moving.by(400 * DAY)
    with pytest.raises(AskedTooEarly, match="objected"):
        ask_for_consent(asking, "C044", "newsletter", "email", actor=MAX)


def test_marketing_is_not_asked_for_by_mail_where_no_consent_stands(asking):
    with pytest.raises(EventRejected) as refused:
        ask_for_consent(asking, "C045", "newsletter", "email", actor=MAX, by="mail")
    assert refused.value.code == "consent.asking-is-marketing"


def test_a_consent_about_to_end_is_renewed_by_mail(asking):
    give_consent(asking, "C046", "newsletter", "email")
    with pytest.raises(AskedTooEarly, match="in force"):
        ask_for_consent(asking, "C046", "newsletter", "email", actor=MAX, by="mail")
    asking.moving.by(330 * DAY)
    assert allowed(asking, "C046")
    assert ask_for_consent(asking, "C046", "newsletter", "email", actor=MAX, by="mail") is not None
    asking.moving.by(2 * DAY)
    answer_question(asking, link_in_mail(asking), yes=True)
    asking.moving.by(100 * DAY)
    assert allowed(asking, "C046"), "the first one would be over by now"


def test_a_no_to_a_question_of_ours_is_a_refusal(asking):
    give_consent(asking, "C047", "newsletter", "email")
    asking.moving.by(330 * DAY)
    ask_for_consent(asking, "C047", "newsletter", "email", actor=MAX, by="mail")
    answer_question(asking, link_in_mail(asking), yes=False)
    assert not allowed(asking, "C047") and may_ask(asking, "C047", "newsletter", "email").why == "rests"


def test_nobody_is_asked_on_a_channel_that_does_not_exist(asking):
    for channel in ("", "pigeon"):
        with pytest.raises(BadInput):
            who_to_ask_again(asking, "newsletter", channel)
    with pytest.raises(BadInput):
        ask_for_consent(asking, "C048", "newsletter", "email", actor=MAX, by="pigeon")


KINDS = [
    (EventKind.GIVEN, "newsletter", "email"),
    (EventKind.REFUSED, "newsletter", "email"),
    (EventKind.WITHDRAWN, "newsletter", "*"),
    (EventKind.WITHDRAWN, "marketing", "email"),
    *[(EventKind.DEFERRED, "newsletter", "email")] * 4,
    (EventKind.OBJECTED, "direct-marketing", ""),
    (EventKind.OBJECTION_LIFTED, "direct-marketing", ""),
    (EventKind.OBJECTED, "newsletter", ""),
    (EventKind.OPTED_OUT, "", ""),
    (EventKind.OPTED_IN_AGAIN, "", ""),
    (EventKind.RESTRICTED, "", ""),
    (EventKind.RESTRICTION_LIFTED, "", ""),
    (EventKind.GIVEN, "ads", ""),
    (EventKind.REFUSED, "study", ""),
    (EventKind.DEFERRED, "study", ""),
    (EventKind.GIVEN, "study", ""),
    (EventKind.BORN, "", ""),
    (EventKind.MOVED, "", ""),
]


@pytest.mark.parametrize("seed", range(3))
def test_all_at_once_is_what_each_of_them_is(asking, seed):
    chance = random.Random(seed)
    for number in range(asking.facts.people(asking.clock()).size):
        for _ in range(chance.randint(0, 3)):
            kind, purpose, channel = chance.choice(KINDS)
            at = asking.clock() - chance.choice([0, 30, 100, 200, 400, 900]) * DAY
            method = chance.choice([Method.FORM, Method.FORM, Method.SYNC, Method.PRE_TICKED])
            event = make_event(asking, kind, purpose, channel, at, method.value, "", chance.choice(["1", "2", "?"]))
            value = {EventKind.BORN: "2010-05-05", EventKind.MOVED: "US-CA"}.get(kind, "")
            record(asking, number, [replace(event, value=value)], "test", "")
    keys = {}
    for numbers, own in asking.source.customer_keys():
        keys |= dict(zip(numbers.tolist(), own.to_pylist(), strict=True))
    for purpose, channel in (("newsletter", "email"), ("ads", ""), ("study", "")):
        everybody = who_to_ask_again(asking, purpose, channel, limit=10_000)
        single = {number: may_ask(asking, key, purpose, channel) for number, key in keys.items()}
        assert set(everybody.numbers) == {number for number, may in single.items() if may.now}
        waiting = {}
        for may in single.values():
            if not may.now:
                waiting[may.why] = waiting.get(may.why, 0) + 1
        assert everybody.waiting == waiting and everybody.now == len(single) - sum(waiting.values())
        assert everybody.next_at == min((m.at for m in single.values() if not m.now and m.at), default=None)


def test_one_press_in_the_mail_program_says_no_to_a_question_of_ours(asking, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example")
    give_consent(asking, "C047", "newsletter", "email")
    asking.moving.by(330 * DAY)
    assert ask_for_consent(asking, "C047", "newsletter", "email", actor=MAX, by="mail") is not None
    letter = asking.mail.take()
    asking.mail.sent(letter)
    assert letter.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    address = letter.headers["List-Unsubscribe"].strip("<>")
    assert address.startswith("https://privacy.shop.example/unsubscribe/")
    unsubscribe(asking, address.rpartition("/")[2])
    assert not allowed(asking, "C047"), "the yes that stood is taken back as well"
    answer_question(asking, letter.words["link"].split("/")[2], yes=True)
    assert not allowed(asking, "C047"), "the older question permits nothing after the no"


def test_what_the_customer_began_is_no_advertising_and_has_no_such_header(asking, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example")
    assert request_opt_in(asking, "C048", [("newsletter", "email")], to="p048@example.com")
    letter = asking.mail.take()
    asking.mail.sent(letter)
    assert letter.headers == {}


def test_without_an_address_for_it_the_question_goes_without_the_header(asking, monkeypatch):
    monkeypatch.delenv("RIGHTFUL_SITE", raising=False)
    give_consent(asking, "C049", "newsletter", "email")
    asking.moving.by(330 * DAY)
    assert ask_for_consent(asking, "C049", "newsletter", "email", actor=MAX, by="mail") is not None
    letter = asking.mail.take()
    asking.mail.sent(letter)
    assert letter.headers == {}
    assert letter.words["link"], "the page behind it has yes and no side by side"
