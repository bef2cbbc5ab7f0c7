"""C11: recipients, what they owe an answer to, and lists, in numbers."""

from __future__ import annotations

import shutil

import pytest

from rightful.actions.export_audience import export_audience
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.web.opened import serve_this
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, make_shop


@pytest.fixture(scope="module")
def shop_template(tmp_path_factory):
    return make_shop(tmp_path_factory.mktemp("sharing"))


@pytest.fixture
def shop(shop_template, tmp_path, meadow):
    shutil.copytree(shop_template, tmp_path / "shop")
    with Workspace.open(tmp_path / "shop") as ws:
        served = serve_this(ws)
        export_audience(ws, MAX, "newsletter", channel="email", recipient="mailer")
        yield ws
        serve_this(served)


def test_staff_see_who_got_what_and_what_is_open(shop, as_staff):
    withdraw_consent(shop, "C002", "newsletter")
    text = as_staff("marketer").get("/staff/sharing/").text
    assert "Stop and erase: consent was withdrawn" in text and "not told yet" in text and "DPA-1" in text
    assert "30" in text and "may be sent" in text and "GDPR Art. 7(3)" in text
    assert "C002" not in text and "p002" not in text, "numbers of customers, no customer"
    assert "Call back" not in text and "Tell recipients now" not in text, "a marketer looks"


def test_the_officer_tells_confirms_and_calls_back(shop, as_staff):
    withdraw_consent(shop, "C002", "newsletter")
    client = as_staff("officer")
    assert "They confirmed" not in client.get("/staff/sharing/").text, "nobody was told yet"
    told = client.post("/staff/sharing/tell/", follow=True)
    assert "Told: mailer" in told.text and "They confirmed" in told.text
    answer = client.post(
        "/staff/sharing/confirm/", {"recipient": "mailer", "duty": "withdrawal", "evidence": "letter"}, follow=True
    )
    assert "Confirmed for 1 customer." in answer.text and "Nobody owes an answer" in answer.text
    entry = shop.sharing.disclosures()[0].entry
    back = client.post("/staff/sharing/revoke/", {"entry": str(entry)}, follow=True)
    assert "let go of 30 customers" in back.text and "called back" in back.text
    again = client.post("/staff/sharing/revoke/", {"entry": str(entry)}, follow=True)
    assert "was called back already" in again.text


@pytest.mark.parametrize("path", ["tell", "confirm", "revoke"])
def test_a_marketer_changes_nothing(shop, as_staff, path):
    assert as_staff("marketer").post(f"/staff/sharing/{path}/", {}).status_code in (403, 404)


def test_nonsense_is_not_there(shop, as_staff):
    client = as_staff("officer")
    assert client.post("/staff/sharing/revoke/", {"entry": "x"}).status_code == 404
    assert client.post("/staff/sharing/confirm/", {"recipient": "mailer", "duty": "birthday"}).status_code == 404
    wrong = client.post("/staff/sharing/confirm/", {"recipient": "<b>", "duty": "withdrawal"}, follow=True)
    assert "nothing that" in wrong.text and "<b>" not in wrong.text
    assert client.get("/staff/sharing/tell/").status_code == 405
