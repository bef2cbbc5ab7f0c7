"""The public notice over HTTP: for everybody, in their language, kept by browsers, never about the reader."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from django.test import Client

from rightful.actions.publish_notice import record_older_notice
from rightful.actions.publish_policy import publish_policy
from rightful.policy.loader import loads
from rightful.terms import EventKind
from rightful.workspace import Workspace

TOLD = """\
rightful: 1
policy: {name: Meadow, version: VERSION, owner: privacy@meadow.example, timezone: Europe/Berlin}
controller: {name: "Meadow, S.A.", address: "Rua 1, Lisboa", email: privacy@meadow.example}
dpo: not-required
complaint: {EU: {name: CNPD, site: "https://www.cnpd.pt"}}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE, FR], digital-consent-age: {DE: 16, FR: 15}}
categories:
  key: {fields: [customer.id], from: use}
  identity: {fields: [customer.first_name, customer.last_name], from: you}
  contact: {fields: [customer.email], from: you, says: {en: your e-mail address, de: Ihre E-Mail-Adresse}}
  address: {fields: [customer.city, customer.country], from: you, says: {en: your town, de: Ihr Ort}}
  birth: {fields: [customer.birth_date], from: you}
  notes: {fields: [customer.note], from: you}
roles: {officer: [service], marketer: [newsletter], engineer: [service]}
purposes:
  service:
    says: We look at your record when you ask us for help.
    basis: contract
    needs: [key, identity, contact, address, birth, notes]
    keep: 1 year
  newsletter:
    says: {en: We write to you about new things., de: Wir schreiben Ihnen über Neues., ar: نكتب إليك.}
    direct-marketing: true
    basis: consent
    channels: [email, post]
    needs: [identity, contact]
    keep: 1 year
"""


def complete(version: str, *, more: str = "") -> str:
    """A policy with everything a notice has to say, and something more that the newsletter uses."""
    needs = "needs: [identity, contact]"
    return TOLD.replace("VERSION", version).replace(needs, f"needs: [identity, contact, {more}]" if more else needs)


def publish(ws: Workspace, text: str, *, rebuild: bool = True) -> str:
    staff = {"actor": "engineer@meadow.example", "approver": "officer@meadow.example"}
    return publish_policy(ws, loads(text), rebuild=rebuild, **staff).notice


@pytest.fixture(scope="module")
def workspace_folder(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with two public notices: the newer one uses the address for the newsletter, too."""
    copy = tmp_path_factory.mktemp("notice") / "meadow"
    shutil.copytree(workspace_folder, copy)
    with Workspace.open(copy) as ws:
        publish(ws, complete("web-1"))
        publish(ws, complete("web-2", more="address"))
    return copy


@pytest.fixture(scope="module")
def opened(workspace_folder: Path) -> Iterator[Workspace]:
    with Workspace.open(workspace_folder) as ws:
        yield ws


@pytest.fixture
def told(meadow: Workspace) -> Workspace:
    return meadow


def test_anybody_reads_the_newest_notice_without_signing_in(told):
    page = Client().get("/notice/")
    assert page.status_code == 200
    text = unescape(page.text)
    assert "How Meadow, S.A. uses your data" in text
    assert "Version \u2068web-2\u2069" in text, "set off from a sentence that may run the other way"
    assert "We write to you about new things." in text
    assert not page.cookies, "a reader is not followed"


def test_each_version_stays_at_its_address_and_says_that_there_is_a_newer_one(told):
    old = Client().get("/notice/web-1/")
    assert "There is a newer version." in old.text
    digest = told.notices.find("web-1").digest
    assert Client().get(f"/notice/{digest[:16]}/").text == old.text
    assert Client().get("/notice/nothing/").status_code == 404
    listed = Client().get("/notice/versions/").text
    assert listed.index("web-2") < listed.index("web-1")


@pytest.mark.parametrize(
    ("asked", "spoken", "language", "direction"),
    [
        ("?language=de", "", "de", "ltr"),
        ("?language=ar", "de", "ar", "rtl"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de", "ltr"),
        ("", "pt, ar;q=0.5", "ar", "rtl"),
        ("?language=fr", "", "en", "ltr"),  # not published: the notice's own
        ("?language=xx", "", "en", "ltr"),
        ("", "", "en", "ltr"),
    ],
)
def test_the_notice_speaks_the_readers_language(told, asked, spoken, language, direction):
    page = Client().get(f"/notice/{asked}", headers={"Accept-Language": spoken} if spoken else {})
    assert page.headers["Content-Language"] == language
    assert f'<html lang="{language}" dir="{direction}">' in page.text
    assert f'<div class="notice-text" lang="{language}" dir="{direction}">' in page.text
    assert "Accept-Language" in page.headers["Vary"]


def test_what_changed_is_told_sentence_by_sentence(told):
    page = Client().get("/notice/web-2/since/web-1/")
    text = unescape(page.text)
    assert '<section class="block difference" id="new">' in text
    assert "your town" in text
    assert 'id="gone"' not in text
    assert Client().get("/notice/web-2/since/nothing/").status_code == 404
    assert "Both versions say the same." in Client().get("/notice/web-2/since/web-2/").text


@pytest.mark.parametrize("address", ["/notice/", "/notice/web-1/", "/notice/versions/", "/notice/web-2/since/web-1/"])
def test_a_browser_that_has_the_page_is_told_that_it_is_still_good(told, address):
    first = Client().get(address)
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = Client().get(address, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == tag
    other = Client().get(f"{address}?language=de", headers={"If-None-Match": tag})
    assert other.status_code == 200, "another language is another page"


def test_another_version_has_another_tag(told):
    assert Client().get("/notice/web-1/").headers["ETag"] != Client().get("/notice/web-2/").headers["ETag"]


@pytest.mark.parametrize(
    ("form", "media", "begins"),
    [
        ("md", "text/markdown; charset=utf-8", b"# How Meadow"),
        ("html", "text/html; charset=utf-8", b"<!doctype html>"),
        ("pdf", "application/pdf", b"%PDF"),
        ("jsonld", "application/ld+json", b"{"),
    ],
)
def test_a_notice_can_be_taken_along(told, form, media, begins):
    answer = Client().get(f"/notice/web-2/file/{form}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, media)
    assert answer.content.startswith(begins)
    assert answer.headers["Content-Disposition"].startswith("attachment;"), "a file, never a page of this site"
    assert (
        Client().get(f"/notice/web-2/file/{form}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    )


def test_a_form_that_does_not_exist_is_not_there(told):
    assert Client().get("/notice/web-2/file/exe").status_code == 404


def test_without_what_draws_a_pdf_the_page_says_what_to_take_instead(told, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "weasyprint", None)
    answer = Client().get("/notice/web-2/file/pdf?language=ar")  # not drawn before, so it cannot be at hand
    assert answer.status_code == 503
    assert "You can print the page, or take the text." in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def served(ws, key: str) -> list[str]:
    events = ws.facts.subject(ws.number_of(key)).events
    return [e.notice for e in events if e.kind is EventKind.NOTICE_SERVED]


def test_that_a_customer_was_shown_the_newest_notice_is_written_down_once(told, as_customer):
    client = as_customer("x7@example.com")
    assert served(told, "X7") == []
    client.get("/notice/web-1/")
    assert served(told, "X7") == [], "an old version informs nobody about today"
    client.get("/notice/")
    client.get("/notice/?language=de")
    assert served(told, "X7") == ["web-2"]
    Client().get("/notice/")
    assert served(told, "X7") == ["web-2"]


def test_head_reads_and_writes_nothing(told, as_customer):
    client = as_customer("x8@example.com")
    assert client.head("/notice/").status_code == 200
    assert served(told, "X8") == []
    assert client.post("/notice/").status_code == 405


# ---------------------------------------------------------------- for staff


def test_the_officer_sees_which_notice_was_shown_to_how_many_and_how_it_reads(told, as_staff):
    text = unescape(as_staff("officer").get("/staff/notices/").text)
    for words in ("web-1", "web-2", "in use", "People shown", "How the newest one reads", "LIX", "very easy"):
        assert words in text
    assert "Nothing: customers are shown exactly what the policy in force says." in text
    assert "/notice/web-2/since/web-1/" in text


@pytest.mark.parametrize(
    ("role", "sees", "publishes"),
    [("officer", 200, 302), ("marketer", 200, 403), ("engineer", 200, 403), ("analyst", 403, 403)],
)
def test_only_the_officer_publishes(told, as_staff, role, sees, publishes):
    client = as_staff(role)
    assert client.get("/staff/notices/").status_code == sees
    assert client.post("/staff/notices/publish/", {"digest": "x"}).status_code == publishes


def test_publishing_shows_first_what_it_does_and_publishes_only_what_was_shown(told, as_staff):
    terms = told.shelf.terms("web-1")
    record_older_notice(told, "from-paper", terms, actor="engineer@meadow.example")  # the newest one now
    client = as_staff("officer")
    page = client.get("/staff/notices/")
    assert "Publish this notice" in page.text
    assert "no public text" in page.text
    assert "We write to you about new things." in client.get("/staff/notices/preview/").text
    assert 'dir="rtl"' in client.get("/staff/notices/preview/?language=ar").text
    stale = client.post("/staff/notices/publish/", {"digest": "of something else"}, follow=True)
    assert "The policy changed while you looked." in stale.text
    assert told.shelf.newest_notice() == "from-paper"
    done = client.post("/staff/notices/publish/", {"digest": page.context["digest"]}, follow=True)
    assert "is published. Customers read it from now on." in done.text
    assert told.notices.newest().label == told.shelf.newest_notice() == "web-2.2"
    again = client.post("/staff/notices/publish/", {"digest": page.context["digest"]}, follow=True)
    assert "Customers are shown exactly this already." in again.text


def test_gaps_are_listed_with_the_key_to_add_and_nothing_is_published(told, as_staff):
    publish(told, TOLD.replace("VERSION", "gaps").replace("dpo: not-required\n", ""))
    client = as_staff("officer")
    text = unescape(client.get("/staff/notices/").text)
    assert "dpo: {email: ...}, or dpo: not-required" in text
    assert "Publish this notice" not in text
    assert client.get("/staff/notices/preview/").status_code == 404
    said = client.post("/staff/notices/publish/", {"digest": ""}, follow=True).text
    assert "The notice has gaps, so it was not published." in said
    assert told.notices.newest().label != "gaps"
    publish(told, complete("web-9"))
