"""Numbers of one purpose: they add up to everybody, and a consent that ran out is counted where it ended."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from rightful.actions.ask_again import may_ask
from rightful.actions.consent_numbers import numbers_of, slots_on_consent
from rightful.actions.double_opt_in import answer_question, request_opt_in
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import BadInput, UnknownName
from rightful.workspace import Workspace
from tests.actions.conftest import PEOPLE
from tests.actions.test_double_opt_in import link_in_mail
from tests.clocks import Moving

DAY = 86_400_000_000


@pytest.fixture
def shop(shop_template, tmp_path):
    shutil.copytree(shop_template, tmp_path / "shop")
    clock = Moving()
    with Workspace.open(tmp_path / "shop", clock=clock) as ws:
        ws.moving = clock
        yield ws


def month(numbers, year, number):
    return next(m for m in numbers.months if m.first == datetime(year, number, 1, tzinfo=UTC))


def test_the_numbers_of_an_imported_history(shop):
    numbers = numbers_of(shop, "newsletter", "email", months=60)
    assert dict(numbers.stands) == {
        "live": 30, "expired": 0, "refused": 0, "withdrawn": 10, "deferred": 0, "claimed": 0, "none": PEOPLE - 40,
    }  # fmt: skip
    january, february = month(numbers, 2026, 1), month(numbers, 2026, 2)
    assert (january.given, january.withdrawn) == (40, 0) and (february.given, february.withdrawn) == (0, 10)
    assert sum(numbers.stands.values()) == PEOPLE == numbers.ask.now + sum(numbers.ask.waiting.values())


def test_what_was_said_just_now_is_counted(shop):
    before = numbers_of(shop, "newsletter", "email")
    give_consent(shop, "C055", "newsletter", "email")
    withdraw_consent(shop, "C001", "newsletter")
    after = numbers_of(shop, "newsletter", "email")
    assert after.months[0].given == before.months[0].given + 1
    assert after.months[0].withdrawn == before.months[0].withdrawn + 1
    assert after.stands["live"] == before.stands["live"] and after.stands["withdrawn"] == 11


def test_an_end_by_itself_is_counted_in_its_month(shop):
    give_consent(shop, "C055", "newsletter", "email", until_us=shop.clock() + DAY)
    shop.moving.by(2 * DAY)
    numbers = numbers_of(shop, "newsletter", "email")
    assert numbers.stands["expired"] == 1 and sum(m.expired for m in numbers.months) == 1
    assert may_ask(shop, "C055", "newsletter", "email").why == "expired"


def test_open_and_answered_questions_are_counted_apart(shop):
    for key, yes in (("C055", None), ("C056", True), ("C057", False)):
        request_opt_in(shop, key, [("newsletter", "email")], to=f"{key}@example.com")
        token = link_in_mail(shop)
        if yes is not None:
            answer_question(shop, token, yes=yes)
    assert dict(numbers_of(shop, "newsletter", "email").requests) == {"open": 1, "confirmed": 1, "refused": 1}
    shop.moving.by(4 * DAY)
    assert numbers_of(shop, "newsletter", "email").requests["expired"] == 1
    assert not numbers_of(shop, "study").requests


def test_only_what_rests_on_consent_has_such_numbers(shop):
    assert slots_on_consent(shop) == (("newsletter", "email"), ("ads", ""), ("study", ""))
    with pytest.raises(UnknownName):
        numbers_of(shop, "nothing")
    with pytest.raises(BadInput):
        numbers_of(shop, "newsletter", "pigeon")
