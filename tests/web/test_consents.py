"""C5: numbers for officer and marketer, guardians for the officer alone, and looking is an act."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.test import Client

from rightful.actions.guardian import decide_guardian, identify_guardian, invite_guardian, to_check
from rightful.web import mailing
from rightful.web.opened import serve_this
from rightful.workspace import Workspace
from tests.actions.test_guardian import CHILD, make_club


@pytest.fixture(scope="module")
def club_folder(tmp_path_factory):
    return make_club(tmp_path_factory.mktemp("club"))


@pytest.fixture
def club(meadow, club_folder):
    """The club of the guardian's tests, served in place of Meadow."""
    with Workspace.open(club_folder) as ws:
        before = serve_this(ws)
        yield ws
        serve_this(before)


@pytest.fixture
def waiting(club):
    """A child whose guardian answered and is not on file: (number of the relation, address)."""
    address = f"parent{club.ledger.head()[0]}@example.com"
    for one in to_check(club):
        decide_guardian(club, one.id, actor="test", accept=False, how="left over from another test")
    assert invite_guardian(club, CHILD, address)
    identify_guardian(club, re.search(r"/guardian/([\w-]{43})/", mail_to(club, address))[1], "Pat Parent", "parent")
    (one,) = to_check(club)
    return one.id, address


def mail_to(ws, address):
    mail.outbox = []
    mailing.deliver(ws)
    return next(letter.body for letter in mail.outbox if letter.to == [address])


def test_numbers_are_shown_to_officer_and_marketer(as_staff, meadow):
    page = as_staff("marketer").get("/staff/consent/?of=newsletter/email").content.decode()
    assert "Where customers stand" in page and "Whom we may ask" in page and "Guardians to check" not in page
    assert as_staff("analyst").get("/staff/consent/").status_code == 403
    assert as_staff("officer").get("/staff/consent/?of=nothing/").status_code == 404


def test_ac_022_a_guardian_is_opened_checked_and_accepted(as_staff, waiting, club):
    number, address = waiting
    officer = as_staff("officer")
    listed = officer.get("/staff/consent/").content.decode()
    assert f"Relation {number}" in listed and "Pat Parent" not in listed and address not in listed
    size = club.ledger.head()[0]
    assert officer.get(f"/staff/consent/guardian/{number}/").status_code == 405, "looking is a press"
    opened = officer.post(f"/staff/consent/guardian/{number}/").content.decode()
    assert "Pat Parent" in opened and CHILD in opened
    assert club.ledger.entry(size).kind == "consent.guardian-looked"
    path = f"/staff/consent/guardian/{number}/decide/"
    officer.post(path, {"answer": "accept", "how": " "})
    assert [one.id for one in to_check(club)] == [number], "without a word on how, nothing is decided"
    officer.post(path, {"answer": "accept", "how": "called the number on file"})
    assert to_check(club) == ()
    token = re.search(r"/guardian/[\w-]{43}/", mail_to(club, address))[0]
    assert "What may we do with" in Client().get(token).content.decode()
    assert "a moment ago" in officer.post(path, {"answer": "refuse", "how": "x"}, follow=True).content.decode()


def test_a_marketer_opens_no_guardian(as_staff, waiting, club):
    number, _ = waiting
    marketer = as_staff("marketer")
    for path in (f"/staff/consent/guardian/{number}/", f"/staff/consent/guardian/{number}/decide/"):
        assert marketer.post(path, {"answer": "accept", "how": "x"}).status_code == 403
    assert [one.id for one in to_check(club)] == [number]


def test_what_does_not_exist_is_not_there(as_staff, meadow):
    officer = as_staff("officer")
    assert officer.post("/staff/consent/guardian/999/").status_code == 404
    assert officer.post("/staff/consent/guardian/999/decide/", {"answer": "accept", "how": "x"}).status_code == 404
    assert officer.post("/staff/consent/guardian/999/decide/", {"answer": "perhaps"}).status_code == 404
