"""Opting out without signing in: by the browser's signal, by a link, by an address; the same answer for everybody."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core import mail
from django.test import Client

from rightful.actions.customer_view import overview
from rightful.actions.export_audience import export_audience
from rightful.actions.give_consent import give_consent
from rightful.actions.opt_out import carry_out_waiting, note_signal, opt_out_by_address
from rightful.actions.record_choice import record_event
from rightful.consent.events import Event
from rightful.errors import BadInput, LedgerUnavailable, UnknownName
from rightful.terms import EventKind, Method
from rightful.web import mailing, post
from tests.api.conftest import MAX

GPC = {"Sec-GPC": "1"}


def kinds(ws, key: str) -> list[str]:
    return [e.kind.value for e in sorted(ws.facts.subject(ws.number_of(key)).events, key=lambda e: e.effective_us)]


def advertised(ws) -> int:
    return export_audience(ws, MAX, "ads", recipient="network").use.decision.permitted


def come_in(ws, number: int) -> Client:
    client = Client()
    mail.outbox.clear()
    client.post("/", {"email": f"p{number:03d}@example.com"})
    post.wait_until_done()
    code = next(line.strip() for line in mail.outbox[0].body.splitlines() if line.startswith("    "))
    assert client.post("/code/", {"code": code}).status_code == 302
    return client


# ---------------------------------------------------------------- the signal


def test_the_signal_of_a_signed_in_customer_is_bound_to_them_once(shop):
    client = come_in(shop, 9)
    for path in ("/me/", "/me/choices/", "/me/choices/", "/me/data/"):
        page = client.get(path, headers=GPC)
        assert page.status_code == 200
    assert kinds(shop, "C009").count("signal-gpc") == 1
    assert "Global Privacy Control" in client.get("/me/choices/", headers=GPC).text
    again = come_in(shop, 9)
    again.get("/me/", headers=GPC)
    assert kinds(shop, "C009").count("signal-gpc") == 1, "nor again in the next session"
    assert "Global Privacy Control" not in client.get("/me/choices/").text


@pytest.mark.parametrize("value", ["0", "", "true", "11", "1, 1"])
def test_anything_but_a_one_is_no_signal(shop, value):
    client = come_in(shop, 12)
    client.get("/me/", headers={"Sec-GPC": value})
    assert "signal-gpc" not in kinds(shop, "C012")


def test_a_strangers_signal_is_shown_and_stored_nowhere(shop):
    before = shop.consent.position()
    page = Client().get("/opt-out/", headers=GPC)
    assert "Global Privacy Control" in page.text
    assert shop.consent.position() == before


def test_a_signal_that_cannot_be_written_breaks_no_page_and_is_noted_next_time(shop, monkeypatch):
    client = come_in(shop, 13)

    def full(*_args):
        raise LedgerUnavailable("disk full")

    monkeypatch.setattr("rightful.portal.signals.note_signal", full)
    assert client.get("/me/choices/", headers=GPC).status_code == 200
    monkeypatch.undo()
    client.get("/me/choices/", headers=GPC)
    assert kinds(shop, "C013").count("signal-gpc") == 1


def test_a_customer_who_answered_the_signal_in_the_portal_is_not_opted_out_again(shop):
    note_signal(shop, "C019")
    give_consent(shop, "C019", "ads", method="portal")
    assert note_signal(shop, "C019") is None
    assert state(shop, "C019") == "on"


def test_a_yes_that_came_from_elsewhere_does_not_answer_the_signal(shop):
    note_signal(shop, "C029")
    give_consent(shop, "C029", "ads", method="agent", evidence="call-1")
    assert note_signal(shop, "C029") is not None
    assert state(shop, "C029") == "off"


def state(ws, key: str) -> str:
    return next(p for p in overview(ws, key).purposes if p.id == "ads").channels[0].state


def test_nobody_has_no_signal(shop):
    with pytest.raises(UnknownName):
        note_signal(shop, "nobody")


def test_the_site_says_that_it_follows_the_signal(shop):
    answer = Client().get("/.well-known/gpc.json")
    assert answer.headers["Content-Type"] == "application/json"
    said = answer.json()
    assert said["gpc"] is True
    assert dt.date.fromisoformat(said["lastUpdate"]).year >= 2026


def test_journey_2_the_signal_on_a_personal_link_takes_the_person_off_the_advertising_list(shop):
    """C039 lives in California: sharing goes on until they opt out. They follow a link and are known by it."""
    before = advertised(shop)
    assert state(shop, "C039") == "on"
    token = shop.links.preference(shop.number_of("C039"), "mail")
    page = Client().get(f"/preferences/{token}/", headers=GPC)
    assert page.status_code == 200
    assert "Global Privacy Control" in page.text
    assert state(shop, "C039") == "off"
    assert advertised(shop) == before - 1


# ---------------------------------------------------------------- an address on a form


def ask(address: str, scope: str = "sharing") -> object:
    answer = Client().post("/opt-out/", {"email": address, "scope": scope})
    post.wait_until_done()
    return answer


def test_an_opt_out_by_address_is_carried_out_at_once_without_confirmation(shop):
    before = advertised(shop)
    assert ask("P049@example.com").status_code == 200
    assert state(shop, "C049") == "off"
    assert advertised(shop) == before - 1
    mail.outbox.clear()
    mailing.deliver(shop)
    [letter] = [m for m in mail.outbox if m.to == ["p049@example.com"]]
    assert "does not sell or share" in letter.body
    assert "confirm" not in letter.body.lower(), "nobody who said no is asked back"


def test_ac_023_known_and_unknown_addresses_get_one_answer(shop):
    answers = [ask(address) for address in ("p016@example.com", "nobody@example.com")]
    pages = [answer.text.replace("p016@example.com", "X").replace("nobody@example.com", "X") for answer in answers]
    # The token of the form that chooses a language is masked anew in every answer, to anybody.
    pages = [re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page) for page in pages]
    assert pages[0] == pages[1]
    assert [a.status_code for a in answers] == [200, 200]
    headers = [{k: v for k, v in a.headers.items() if k != "Expires"} for a in answers]
    assert headers[0] == headers[1]
    assert "@example.com" not in pages[0], "the address is not repeated"


def test_ac_023_the_page_does_the_same_work_for_everybody(shop, monkeypatch):
    """Whether the address is known is looked up after the answer: nothing on the way there asks the store."""
    asked = []
    monkeypatch.setattr("rightful.gate.use.customers_by_contact", lambda *a, **k: asked.append(a) or [])
    monkeypatch.setattr("rightful.web.post.later", lambda job: True)
    assert Client().post("/opt-out/", {"email": "p017@example.com", "scope": "sharing"}).status_code == 200
    assert asked == []
    monkeypatch.undo()
    carry_out_waiting(shop)


def test_an_opt_out_outlives_a_restart_and_is_kept_sealed_until_then(shop):
    opt_out_by_address(shop, "p018@example.com", "direct-marketing")
    stored = str(shop.control.query("SELECT * FROM opt_out_waiting"))
    assert "p018" not in stored
    assert carry_out_waiting(shop) == 1
    assert "objected" in kinds(shop, "C018")
    assert shop.control.query("SELECT count(*) FROM opt_out_waiting")[0][0] == 0
    opt_out_by_address(shop, "p018@example.com", "direct-marketing")
    assert carry_out_waiting(shop) == 0, "it stands already"


def test_the_ledger_knows_of_the_request_and_not_of_the_address(shop):
    index = opt_out_by_address(shop, "canary@example.com", "sharing")
    entry = shop.ledger.entry(index)
    assert entry.kind == "opt-out.asked"
    assert "canary" not in str(entry.public) + str(shop.ledger.open_private(index))
    carry_out_waiting(shop)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"email": "", "scope": "sharing"}, 422),
        ({"email": "no address", "scope": "sharing"}, 422),
        ({"email": "p020@example.com"}, 422),
        ({"email": "p020@example.com", "scope": "everything"}, 422),
        ({"email": "p020@ex\u0430mple.com", "scope": "sharing"}, 200),
    ],
)
def test_what_cannot_be_an_opt_out_changes_nobody(shop, form, status):
    before = shop.consent.position()
    assert Client().post("/opt-out/", form).status_code == status
    post.wait_until_done()
    assert shop.consent.position() == before
    with pytest.raises(BadInput):
        opt_out_by_address(shop, "p020@example.com", "everything")


def test_the_form_cannot_be_used_to_flood_a_mailbox(shop):
    answers = [Client().post("/opt-out/", {"email": "p021@example.com", "scope": "sharing"}) for _ in range(7)]
    assert [a.status_code for a in answers].count(429) == 2
    post.wait_until_done()


def test_a_signal_that_other_systems_report_counts_too(shop):
    now = shop.clock()
    event = Event("gpc-1", EventKind.SIGNAL_GPC, "", "", now, now, method=Method.SIGNAL, evidence="cookie-banner 7")
    record_event(shop, "C059", event, actor="api")
    assert state(shop, "C059") == "off"
    assert note_signal(shop, "C059") is None
