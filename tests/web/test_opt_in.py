"""The pages of the double opt-in: the same answer for everybody, two buttons of one weight, nothing on GET."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from rightful.web import mailing, post

FORM = {"purposes": ["newsletter"], "email": "ana@example.com"}


@pytest.fixture
def outbox(meadow, unlimited):
    """Mails that left since the last look; the day's limit is lifted by answering as another customer."""

    def look():
        post.wait_until_done()
        mailing.deliver(meadow)
        found, mail.outbox = list(mail.outbox), []
        return found

    look()  # what tests of other files left in the queue
    return look


def test_nothing_is_ticked_beforehand(meadow):
    page = Client().get("/sign-up/").content.decode()
    assert "newsletter" in page and " checked" not in page


def test_ac_023_the_answer_is_the_same_for_an_unknown_address(outbox):
    seen = []
    for address in ("x1@example.com", "nobody@example.com"):
        client = Client()
        first = client.post("/sign-up/", FORM | {"email": address})
        then = client.get(first.headers["Location"])
        seen.append((first.status_code, first.headers["Location"], then.content.decode().replace(address, "ADDRESS")))
    known, unknown = ([*one[:2], re.sub(r'name="csrf\w+" value="\w+"', "", one[2])] for one in seen)
    assert known == unknown
    assert [m.to for m in outbox()] == [["x1@example.com"]]


def test_ac_025_the_link_of_the_mail_acts_on_post_only(outbox, meadow):
    Client().post("/sign-up/", FORM | {"email": "x2@example.com"})
    (letter,) = outbox()
    path = re.search(r"/confirm/[\w-]+/", letter.body)[0]
    size = meadow.ledger.head()[0]
    for _ in range(10):
        page = Client().get(path)
        assert page.status_code == 200 and 'value="yes"' in page.content.decode()
    assert meadow.ledger.head()[0] == size
    assert Client().post(path, {"answer": "perhaps"}).status_code == 404
    assert "switched on" in Client().post(path, {"answer": "yes"}).content.decode()
    assert meadow.ledger.entry(meadow.ledger.head()[0] - 1).public["method"] == "double-opt-in"
    assert Client().post(path, {"answer": "yes"}).status_code == 409


def test_yes_and_no_weigh_the_same(outbox):
    Client().post("/sign-up/", FORM | {"email": "x3@example.com"})
    (letter,) = outbox()
    page = Client().get(re.search(r"/confirm/[\w-]+/", letter.body)[0]).content.decode()
    classes = re.findall(r'<button type="submit" name="answer" value="\w+" class="([^"]+)"', page)
    assert len(classes) == 2 and len(set(classes)) == 1


def test_a_form_without_a_tick_or_with_a_purpose_that_is_not_offered_is_shown_again(outbox):
    client = Client()
    assert client.post("/sign-up/", {"email": "x4@example.com"}).status_code == 422
    assert client.post("/sign-up/", FORM | {"purposes": ["delivery"]}).status_code == 422
    assert client.post("/sign-up/", FORM | {"email": "x4"}).status_code == 422
    assert outbox() == []


def test_a_link_of_nobody_is_not_there(meadow):
    assert Client().get("/confirm/AAAA/").status_code == 404
    assert Client().post("/confirm/AAAA/", {"answer": "yes"}).status_code == 404
