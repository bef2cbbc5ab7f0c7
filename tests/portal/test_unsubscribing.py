"""One press stops a list: by the customer, by the mail program, by mail; GET changes nothing; it stays stopped."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from rightful.actions.customer_view import overview
from rightful.actions.export_audience import export_audience
from rightful.actions.give_consent import give_consent
from rightful.actions.register_source import import_consents, load_files, propose
from rightful.actions.send_audience import send_audience
from rightful.actions.unsubscribe import headers_for, unsubscribe_by_mail, url_for
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.protection.links import Links
from tests.actions.conftest import customers, write_csv
from tests.api.conftest import MAX

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def state(ws, key: str, purpose: str = "newsletter") -> str:
    return next(p for p in overview(ws, key).purposes if p.id == purpose).channels[0].state


def link(ws, key: str, purpose: str = "newsletter", channel: str = "email") -> str:
    return "/unsubscribe/" + ws.links.unsubscribe(ws.number_of(key), purpose, channel)


def agree(ws, key: str) -> None:
    give_consent(ws, key, "newsletter", "email")
    assert state(ws, key) == "on"


@pytest.mark.parametrize("kind", ["form", "multipart"])
def test_one_press_of_the_mail_program_stops_the_list_without_cookies(shop, kind):
    agree(shop, "C040")
    client = Client(enforce_csrf_checks=True)
    body = {} if kind == "multipart" else {"content_type": "application/x-www-form-urlencoded"}
    data = ONE_CLICK if kind == "multipart" else "List-Unsubscribe=One-Click"
    answer = client.post(link(shop, "C040"), data, **body)
    assert answer.status_code == 200, "no redirect: RFC 8058, 3.1"
    assert not answer.cookies
    assert state(shop, "C040") == "off"
    event = max(shop.facts.subject(shop.number_of("C040")).events, key=lambda e: e.effective_us)
    assert (event.kind.value, event.method.value) == ("withdrawn", "one-click")


def test_a_scanner_that_follows_the_link_changes_nothing(shop):
    agree(shop, "C041")
    before = (shop.consent.position(), shop.ledger.head())
    client = Client()
    for _ in range(3):
        page = client.get(link(shop, "C041"), headers={"Sec-GPC": "1"})
        client.head(link(shop, "C041"))
    assert 'value="One-Click"' in page.text
    assert "We send you our letter" in page.text
    assert (shop.consent.position(), shop.ledger.head()) == before
    assert not page.cookies


def test_a_post_that_is_no_one_click_changes_nothing(shop):
    agree(shop, "C042")
    for body in ({}, {"List-Unsubscribe": "one-click"}, {"other": "1"}):
        assert Client().post(link(shop, "C042"), body).status_code == 400
    assert state(shop, "C042") == "on"


def test_a_second_press_writes_nothing_and_a_press_after_a_new_yes_counts_again(shop):
    agree(shop, "C043")
    Client().post(link(shop, "C043"), ONE_CLICK)
    before = shop.consent.position()
    assert Client().post(link(shop, "C043"), ONE_CLICK).status_code == 200
    assert shop.consent.position() == before
    agree(shop, "C043")
    Client().post(link(shop, "C043"), ONE_CLICK)
    assert state(shop, "C043") == "off"


def test_the_link_of_one_customer_or_list_stops_no_other(shop):
    agree(shop, "C044")
    agree(shop, "C045")
    Client().post(link(shop, "C044"), ONE_CLICK)
    assert (state(shop, "C044"), state(shop, "C045")) == ("off", "on")
    Client().post(link(shop, "C045", "study", ""), ONE_CLICK)
    assert state(shop, "C045") == "on"


@pytest.mark.parametrize("how", ["changed", "short", "long", "other use", "upper", "empty"])
def test_a_link_cannot_be_guessed_or_made_from_another(shop, how):
    no = shop.number_of("C046")
    token = shop.links.unsubscribe(no, "newsletter", "email")
    forged = {
        "changed": ("a" if token[0] != "a" else "b") + token[1:],
        "short": token[:-4],
        "long": token + "aaaaaaaa",
        "other use": shop.links.preference(no, "widget"),
        "upper": token.upper(),
        "empty": "-",
    }[how]
    status = Client().post(f"/unsubscribe/{forged}", ONE_CLICK).status_code
    assert status == (200 if how == "upper" else 404), "mail programs may change the case, nothing else"


def test_a_link_has_no_end_but_a_generation_of_links_can_be_ended():
    key = bytes(range(32))
    token = Links(key, generation=1).unsubscribe(7, "newsletter", "email")
    assert Links(key, generation=2, oldest=1).open_unsubscribe(token) is not None
    assert Links(key, generation=2, oldest=2).open_unsubscribe(token) is None
    assert Links(bytes(32)).open_unsubscribe(token) is None, "other keys open nothing"
    again = Links(key).unsubscribe(7, "newsletter", "email")
    assert token == again, "the same list has the same link in every mail"
    assert re.fullmatch(r"[a-z2-7]+", token)
    assert "newsletter" not in token


def test_a_no_is_taken_for_a_purpose_the_policy_no_longer_has(shop):
    token = shop.links.unsubscribe(shop.number_of("C047"), "gone-since-long", "email")
    before = shop.consent.position()
    assert Client().post(f"/unsubscribe/{token}", ONE_CLICK).status_code == 200
    assert shop.consent.position() == before + 1


# ---------------------------------------------------------------- headers and mail


def test_the_headers_of_a_mail_are_those_of_rfc_8058(shop, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example/")
    monkeypatch.setitem(shop.config, "links", {"mailbox": "stop@shop.example"})
    no = shop.number_of("C048")
    made = headers_for(shop, no, "newsletter")
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    https, mailto = made["List-Unsubscribe"].split(", ")
    token = shop.links.unsubscribe(no, "newsletter", "email")
    assert https == f"<https://privacy.shop.example/unsubscribe/{token}>"
    assert mailto == f"<mailto:stop@shop.example?subject=unsubscribe%20{token}>"
    assert url_for(shop, no, "newsletter") == https.strip("<>")
    assert "C048" not in str(made)
    assert "p048" not in str(made)
    monkeypatch.setenv("RIGHTFUL_SITE", "http://127.0.0.1:8000")
    assert list(headers_for(shop, no, "newsletter")) == ["List-Unsubscribe"], "one click needs https"
    monkeypatch.setitem(shop.config, "links", {})
    with pytest.raises(BadInput):
        headers_for(shop, no, "newsletter")
    with pytest.raises(UnknownName):
        headers_for(shop, no, "nonsense")


@pytest.mark.parametrize(
    "mail",
    [
        "To: stop@shop.example\nSubject: unsubscribe {token}\n\n",
        "To: stop@shop.example\nSubject: Re: UNSUBSCRIBE {upper}\n\nplease",
        "To: stop+{token}@shop.example\nSubject: \n\n",
        "To: A <a@shop.example>, stop+{token}@shop.example\n\n",
        "Delivered-To: stop+{token}@shop.example\nTo: undisclosed\n\n",
    ],
)
def test_a_mail_to_the_mailbox_stops_the_list(shop, mail):
    agree(shop, "C049")
    token = shop.links.unsubscribe(shop.number_of("C049"), "newsletter", "email")
    done = unsubscribe_by_mail(shop, mail.format(token=token, upper=token.upper()).encode())
    assert done.purpose == "newsletter"
    assert state(shop, "C049") == "off"


@pytest.mark.parametrize(
    "mail", [b"", b"\xff\xfe\x00", b"Subject: unsubscribe me\n\nana@example.com", b"To: =?x?q?\n\n"]
)
def test_a_mail_without_a_link_stops_nothing_and_breaks_nothing(shop, mail):
    before = shop.consent.position()
    with pytest.raises((NotFound, BadInput)):
        unsubscribe_by_mail(shop, mail)
    assert shop.consent.position() == before


# ---------------------------------------------------------------- lists for mail programs


def test_a_list_carries_a_link_for_each_customer_if_asked(shop, monkeypatch, tmp_path):
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example")
    agree(shop, "C051")
    shop.facts.rebuild()
    plain = export_audience(shop, MAX, "newsletter", channel="email", recipient="mailer")
    assert "unsubscribe_url" not in plain.table.column_names
    made = export_audience(shop, MAX, "newsletter", channel="email", recipient="mailer", unsubscribe_links=True)
    rows = {row["email"]: row["unsubscribe_url"] for row in made.table.to_pylist()}
    assert len(set(rows.values())) == made.table.num_rows == plain.table.num_rows
    url = rows["p051@example.com"]
    assert url == url_for(shop, shop.number_of("C051"), "newsletter", "email")
    Client().post(url.removeprefix("https://privacy.shop.example"), ONE_CLICK)
    assert state(shop, "C051") == "off"
    path = tmp_path / "list.csv"
    on_disk = export_audience(
        shop, MAX, "newsletter", channel="email", recipient="mailer", unsubscribe_links=True, path=path
    )
    assert path.read_text().splitlines()[0].endswith('"unsubscribe_url"')
    handed = []
    send_audience(shop, MAX, on_disk.use.entry.index, lambda batch: handed.append(batch.rows))
    assert handed[0].column_names[-1] == "unsubscribe_url", "what is handed over has the links of the list"
    assert all(link.startswith("https://") for link in handed[0].column("unsubscribe_url").to_pylist())


def test_without_an_address_of_these_pages_no_list_promises_links(shop, monkeypatch):
    monkeypatch.delenv("RIGHTFUL_SITE", raising=False)
    before = shop.ledger.head()
    with pytest.raises(BadInput):
        export_audience(shop, MAX, "newsletter", channel="email", recipient="mailer", unsubscribe_links=True)
    assert shop.ledger.head() == before


# ---------------------------------------------------------------- it stays stopped


def test_journey_6_neither_customers_nor_old_consents_that_come_again_resurrect_a_list(shop, tmp_path):
    key = "C050"
    write_csv(tmp_path / "customer.csv", customers())
    given = {
        "event_id": "old-yes",
        "customer_id": key,
        "kind": "given",
        "purpose": "newsletter",
        "channel": "email",
        "at": "2026-01-05T09:00:00Z",
        "until": "",
        "notice": "1",
        "method": "form",
        "evidence": "form-old",
        "value": "",
    }
    agree(shop, key)
    shop.facts.rebuild()

    def mailed() -> set[str]:
        table = export_audience(shop, MAX, "newsletter", channel="email", recipient="mailer").table
        return set(table.column("email").to_pylist())

    assert "p050@example.com" in mailed()
    Client().post(link(shop, key), ONE_CLICK)
    assert "p050@example.com" not in mailed()
    import_consents(shop, write_csv(tmp_path / "consent.csv", [given]), actor="eng@shop.example")
    assert "p050@example.com" not in mailed(), "an older yes that comes again"
    sync = given | {"event_id": "sync-yes", "at": "2026-11-25T09:00:00Z", "method": "sync", "evidence": "copied"}
    import_consents(shop, write_csv(tmp_path / "sync.csv", [sync]), actor="eng@shop.example")
    assert "p050@example.com" not in mailed(), "another system's copy of it"
    proposal = propose([tmp_path / "customer.csv"])
    load_files(shop, proposal, actor="eng@shop.example")
    assert "p050@example.com" not in mailed(), "the customers that come again"
    assert key in {row["id"] for row in customers()}
