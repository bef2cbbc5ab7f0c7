"""Tokens, webhooks and unsubscribe mails on the command line: what is typed, what comes back, what has changed."""

from __future__ import annotations

import io

from rightful.actions.issue_token import caller_of
from rightful.errors import NotSignedIn
from rightful.ownership.tokens import SCOPES
from rightful.workspace import Workspace
from tests.cli.conftest import MAX


def test_a_token_is_shown_once_listed_and_revoked(rightful, shop):
    assert set(rightful("token", "scopes", "--json").json["scopes"]) == set(SCOPES)
    made = rightful("token", "add", MAX, "mail program", "-s", "data:use", "-s", "ledger:read", "--json").json
    with Workspace.open(shop) as ws:
        caller = caller_of(ws, made["secret"])
        assert (caller.actor, caller.role, caller.scopes) == (MAX, "marketer", {"data:use", "ledger:read"})
    listed = rightful("token", "list")
    assert made["token"] in listed.out
    assert made["secret"] not in listed.out
    assert rightful("token", "list", "--json").json["tokens"][0]["state"] == "live"
    assert rightful("token", "revoke", made["token"]).code == 0
    assert rightful("token", "revoke", made["token"]).code == 6
    with Workspace.open(shop) as ws:
        try:
            caller_of(ws, made["secret"])
        except NotSignedIn:
            return
    raise AssertionError("a revoked token opens something")


def test_a_token_for_nobody_or_for_everything_is_refused(rightful):
    assert rightful("token", "add", "nobody@shop.example", "x", "-s", "data:use").code == 3
    assert rightful("token", "add", MAX, "x", "-s", "everything").code == 2
    assert rightful("token", "add", MAX, "x", "-s", "data:use", "--days", "4000").code == 2


def test_only_the_secret_is_data_on_stdout(rightful):
    made = rightful("token", "add", MAX, "x", "-s", "data:use")
    assert made.out.strip().startswith("rft_")
    assert len(made.out.split()) == 1


def test_a_webhook_goes_to_no_inside_address(rightful):
    for url in ("https://127.0.0.1/x", "https://169.254.169.254/", "http://example.com/"):
        assert rightful("--help").code == 0
        ran = rightful("webhook", "add", url, "--on", "consent.given", "--as", MAX, "--json")
        assert (ran.code, ran.json["code"]) == (3, "webhook.target-refused")
    assert rightful("webhook", "add", "https://127.0.0.1/", "--on", "consent.given").code == 2, "nobody was named"
    assert rightful("webhook", "list", "--json").json["subscriptions"] == []
    assert rightful("webhook", "remove", "wh-none").code == 6
    assert rightful("webhook", "retry", "wh-none", "1").code == 6
    assert rightful("webhook", "dead", "--json").json["deliveries"] == []
    assert rightful("webhook", "send", "--json").json == {
        "schema": "rightful/webhook.send/1", "queued": 0, "delivered": 0, "later": 0, "dead": 0,
    }  # fmt: skip
    assert "consent.withdrawn" in rightful("webhook", "events").out


def test_a_source_is_accepted_and_refused(rightful):
    made = rightful("webhook", "accept", "shopfront")
    assert made.out.startswith("whsec_")
    assert rightful("webhook", "sources", "--json").json["sources"][0]["ended"] is None
    assert rightful("webhook", "refuse", "shopfront").code == 0
    assert rightful("webhook", "refuse", "shopfront").code == 6
    assert rightful("webhook", "accept", "Shop Front").code == 2


def test_a_mail_on_stdin_stops_the_list_it_names(rightful, shop, monkeypatch):
    with Workspace.open(shop) as ws:
        token = ws.links.unsubscribe(ws.number_of("C003"), "newsletter", "email")

    def mail(text: str):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        return rightful("consent", "unsubscribe-mail", "--json", stdin=text)

    first = mail(f"To: stop@shop.example\nSubject: unsubscribe {token}\n\n")
    assert (first.code, first.json["purpose"], first.json["channel"]) == (0, "newsletter", "email")
    assert first.json["entry"] is not None
    assert mail(f"To: stop@shop.example\nSubject: unsubscribe {token}\n\n").json["entry"] is None
    assert mail("To: stop@shop.example\nSubject: hello\n\n").code == 6


def test_a_list_takes_unsubscribe_links_along(rightful, tmp_path, monkeypatch):
    asked = ("-p", "newsletter", "-c", "email", "--to", "mailer", "--as", MAX, "--unsubscribe-links", "--json")
    monkeypatch.delenv("RIGHTFUL_SITE", raising=False)
    assert rightful("gate", "export", tmp_path / "a.csv", *asked).code == 2
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example")
    done = rightful("gate", "export", tmp_path / "b.csv", *asked)
    assert done.json["columns"][-1] == "unsubscribe_url"
    assert "https://privacy.shop.example/unsubscribe/" in (tmp_path / "b.csv").read_text()
