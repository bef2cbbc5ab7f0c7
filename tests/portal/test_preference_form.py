"""The form on somebody else's page: opened by a link that lives minutes, framed by named sites, yes and no alike."""

from __future__ import annotations

import re
import time

import pytest
from django.test import Client

from rightful.actions.customer_view import overview
from rightful.actions.issue_token import issue_token, revoke_token
from rightful.actions.withdraw_consent import withdraw_consent
from tests.api.conftest import MAX


def state(ws, key: str, purpose: str = "newsletter") -> str:
    return next(p for p in overview(ws, key).purposes if p.id == purpose).channels[0].state


def page_of(ws, key: str, kind: str = "widget", until: int = 0, minted_by: str = "") -> str:
    return f"/preferences/{ws.links.preference(ws.number_of(key), kind, until, minted_by)}/"


CHOICE = {"purpose": "newsletter", "channel": "email"}


def test_yes_and_no_are_one_press_each_and_count_at_once(shop):
    page, client = page_of(shop, "C002"), Client(enforce_csrf_checks=True)
    withdraw_consent(shop, "C002", "newsletter", "email")
    for wanted in ("on", "off", "on"):
        answer = client.post(page, CHOICE | {"state": wanted})
        assert answer.status_code == 200
        assert state(shop, "C002") == wanted
        assert not answer.cookies
        assert f'id="choice-newsletter-email-{wanted}" aria-pressed="true"' in answer.text
    given = [e for e in shop.facts.subject(shop.number_of("C002")).events if e.kind.value == "given"]
    assert given[-1].evidence.startswith("preference-form-")
    assert given[-1].notice == shop.shelf.newest_notice()


def test_ac_015_yes_and_no_look_alike_and_nothing_is_chosen_beforehand(shop):
    page = Client().get(page_of(shop, "C003")).text
    assert not re.search(r"checked|selected|type=.?checkbox", page)
    rows = re.findall(r'<div class="switch".*?</div>', page, re.S)
    assert rows
    for row in rows:
        yes, no = re.findall(r"<button ([^>]*)>", row)

        def plain(attributes: str) -> str:
            return re.sub(r'(value|id|aria-pressed)="[^"]*"', "", attributes)

        assert plain(yes) == plain(no)


def test_ac_015_what_was_never_asked_shows_neither_answer(shop):
    asked = next(k for k in ("C055", "C056", "C057", "C058") if state(shop, k) == "not-asked")
    page = Client().get(page_of(shop, asked)).text
    row = re.search(r'id="choice-newsletter-email".*?</form>', page, re.S).group()
    assert row.count('aria-pressed="false"') == 2


def test_a_link_out_of_a_mail_can_say_no_and_cannot_say_yes(shop):
    page, client = page_of(shop, "C002", "mail"), Client()
    client.post(page_of(shop, "C002"), CHOICE | {"state": "on"})
    text = client.get(page).text
    assert 'value="off"' in text
    assert 'value="on"' not in text
    assert client.post(page, CHOICE | {"state": "on"}).status_code == 404
    stopped = client.post(page, CHOICE | {"state": "off"})
    assert state(shop, "C002") == "off"
    assert "From this moment we do not use your data" in stopped.text, "the row stays, to say what was done"
    assert client.post(page, CHOICE | {"state": "on"}).status_code == 404
    assert state(shop, "C002") == "off"


def test_a_link_ends_with_its_minutes_and_with_the_token_it_was_made_with(shop):
    now = int(time.time())
    assert Client().get(page_of(shop, "C004", until=now + 60)).status_code == 200
    assert Client().get(page_of(shop, "C004", until=now - 1)).status_code == 404
    made = issue_token(shop, MAX, "host", ("consents:write",), days=1, actor="o")
    page = page_of(shop, "C004", until=now + 60, minted_by=made.token.id)
    assert Client().get(page).status_code == 200
    revoke_token(shop, made.token.id, actor="o")
    assert Client().get(page).status_code == 404
    assert Client().post(page, CHOICE | {"state": "off"}).status_code == 404


def test_ac_031_the_link_of_one_customer_moves_no_other(shop):
    withdraw_consent(shop, "C005", "newsletter", "email")
    withdraw_consent(shop, "C006", "newsletter", "email")
    Client().post(page_of(shop, "C005"), CHOICE | {"state": "on", "customer": "C006", "key": "C006"})
    assert (state(shop, "C005"), state(shop, "C006")) == ("on", "off")


@pytest.mark.parametrize(
    "form",
    [
        {"purpose": "service", "channel": "", "state": "off"},
        {"purpose": "nothing", "channel": "", "state": "off"},
        CHOICE | {"state": "maybe"},
        {"state": "on"},
    ],
)
def test_what_the_form_does_not_offer_is_not_taken(shop, form):
    before = shop.consent.position()
    assert Client().post(page_of(shop, "C005"), form).status_code == 404
    assert shop.consent.position() == before


def test_only_named_sites_may_frame_it_and_only_this_page(shop, monkeypatch):
    monkeypatch.setitem(
        shop.config, "widget", {"hosts": ["https://shop.example", "https://*", "javascript:x", "https://a b"]}
    )
    answer = Client().get(page_of(shop, "C002"))
    assert "frame-ancestors https://shop.example;" in answer.headers["Content-Security-Policy"]
    assert "X-Frame-Options" not in answer.headers
    for other in (page_of(shop, "C002", "mail"), "/", "/opt-out/", page_of(shop, "C002") + "include"):
        headers = Client().get(other).headers
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
    monkeypatch.setitem(shop.config, "widget", {})
    assert "frame-ancestors 'none'" in Client().get(page_of(shop, "C002")).headers["Content-Security-Policy"]


def test_a_site_can_show_some_purposes_only(shop):
    page = Client().get(page_of(shop, "C002") + "?purpose=newsletter").text
    assert "We send you our letter" in page
    assert "We study what helps" not in page


def test_the_include_is_the_form_alone_with_whole_addresses(shop):
    text = Client().get(page_of(shop, "C002") + "include").text
    assert text.lstrip().startswith("<section")
    assert "<html" not in text
    assert 'action="http://testserver/preferences/' in text
    assert "hx-post" not in text


def test_htmx_gets_the_row_alone(shop):
    answer = Client().post(page_of(shop, "C002"), CHOICE | {"state": "off"}, headers={"HX-Request": "true"})
    assert answer.text.lstrip().startswith('<div class="choice" id="choice-newsletter-email"')
    assert "<html" not in answer.text
