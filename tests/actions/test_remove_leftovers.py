"""Closed questions and lists of rejected rows have an end; what a later decision stands on has not."""

from __future__ import annotations

import os
import shutil

import pytest

from rightful.actions.double_opt_in import ASKED, answer_question, question, request_opt_in
from rightful.actions.remove_leftovers import QUESTIONS_DAYS, REJECTS_DAYS, Removed, remove_leftovers
from rightful.consent.requests import LIFETIME_US
from rightful.errors import NotFound
from rightful.workspace import Workspace
from tests.actions.test_choices import allowed
from tests.actions.test_double_opt_in import LETTER, link_in_mail
from tests.clocks import Moving

DAY = 86_400_000_000


@pytest.fixture
def shop(shop_template, tmp_path):
    clock = Moving()
    shutil.copytree(shop_template, tmp_path / "shop")
    with Workspace.open(tmp_path / "shop", clock=clock) as ws:
        ws.moving = clock
        yield ws


def put(ws, key, **more):
    assert request_opt_in(ws, key, LETTER, to="saver@example.com", **more)
    return link_in_mail(ws)


def test_a_question_nobody_answered_goes_ninety_days_after_its_end(shop):
    token = put(shop, "C055")
    shop.moving.by(LIFETIME_US + (QUESTIONS_DAYS - 1) * DAY)
    assert remove_leftovers(shop) == Removed(0, 0, None), "not a day earlier"
    assert question(shop, token).state == "expired"
    shop.moving.by(DAY)
    done = remove_leftovers(shop)
    assert (done.questions, done.files) == (1, 0)
    with pytest.raises(NotFound):
        question(shop, token)
    assert shop.ledger.entry(done.entry).public["questions"] == 1
    assert remove_leftovers(shop) == Removed(0, 0, None), "and once"


def test_what_was_answered_goes_and_the_choice_it_made_stays(shop):
    answer_question(shop, put(shop, "C056"), yes=True)
    shop.moving.by(DAY * (QUESTIONS_DAYS + 4))
    assert remove_leftovers(shop).questions == 1
    assert allowed(shop, "C056")


def test_the_last_question_of_ours_stays_because_the_rest_is_counted_from_it(shop):
    for _ in range(2):
        put(shop, "C057", kind=ASKED)
        shop.moving.by(10 * DAY)
    asked_at = shop.requests.last_asked("newsletter", "email")
    shop.moving.by(400 * DAY)
    assert remove_leftovers(shop).questions == 1, "the one before it goes"
    assert shop.requests.last_asked("newsletter", "email") == asked_at


def test_an_open_question_never_goes(shop):
    token = put(shop, "C058")
    remove_leftovers(shop)
    assert question(shop, token).state == "open"


def test_a_list_of_rejected_rows_goes_after_thirty_days_and_nothing_beside_it(shop):
    folder = shop.consent.folder
    kept = {path.name for path in folder.iterdir()}
    for name, days in (("old-rejected.csv", REJECTS_DAYS + 1), ("new-rejected.csv", REJECTS_DAYS - 1), ("x.csv", 99)):
        (folder / name).write_text("line,why\n", encoding="utf-8")
        at = shop.clock() // 1_000_000 - days * 86_400
        os.utime(folder / name, (at, at))
    done = remove_leftovers(shop)
    assert (done.questions, done.files) == (0, 1)
    assert {path.name for path in folder.iterdir()} == kept | {"new-rejected.csv", "x.csv"}
