"""Every route says who may open it, and nobody else gets in; no page changes anything when it is only read."""

from __future__ import annotations

import re
import sys
import time
import types

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import path, reverse

from rightful.web import doors
from rightful.web.doors import CAME_IN_AT, SEEN_AT, public, refuse_undeclared, routes, staff, undeclared
from rightful.web.headers import CONTENT_SECURITY_POLICY

PUBLIC = {
    "/",
    "/code/",
    "/language/",
    "/sign-up/",
    "/sign-up/sent/",
    "/confirm/3/",
    "/opt-out/",
    "/.well-known/gpc.json",
    "/guardian/",
    "/guardian/sent/",
    "/guardian/3/",
    "/tasks/3/",
    "/notice/",
    "/notice/versions/",
    "/notice/3/",
    "/notice/3/since/3/",
    "/notice/3/file/3",
    "/staff/sign-in/",
    "/staff/sign-in/code/",
    "/staff/sign-in/company/",
    "/staff/sign-in/company/back/",
    "/staff/sign-in/switched-off/",
}
AGENTS = {"/v1/agent/3", "/v1/data-rights-request", "/v1/data-rights-request/3"}  # their protocol wants 403
SIGNED = {"/unsubscribe/3", "/preferences/3/", "/preferences/3/include", "/api/hooks/3"}
POST_ONLY = {
    "/language/",
    "/me/choices/set/",
    "/me/choices/renew/",
    "/me/choices/everything-off/",
    "/me/choices/undo/",
    "/me/sign-out/",
    "/staff/sign-out/",
    "/staff/sign-in/company/",
    "/staff/notices/publish/",
}


def pages(kind: str = "") -> list[str]:
    """Addresses of all routes of a kind, with something in place of parameters."""
    return [
        re.sub(r"<[^>]+>", "3", address) for address, entry in routes() if not kind or entry.callback.who.kind == kind
    ]


def test_every_route_says_who_may_open_it():
    assert undeclared() == []


def test_these_pages_and_no_others_are_open_to_everybody():
    assert set(pages("public")) == PUBLIC


def test_these_pages_and_no_others_open_to_a_sealed_link_and_to_nothing_less(meadow):
    assert set(pages("signed")) == SIGNED | AGENTS
    for address in SIGNED | AGENTS:
        for answer in (Client().get(address), Client().post(address, {"List-Unsubscribe": "One-Click"})):
            assert answer.status_code in ({403, 405} if address in AGENTS else {401, 404, 405}), address
            assert not answer.cookies


def test_a_route_without_a_declaration_keeps_the_site_from_starting(settings):
    stray = types.ModuleType("stray_urls")
    stray.urlpatterns = [path("stray/", lambda request: HttpResponse("secret"))]
    sys.modules["stray_urls"] = stray
    settings.ROOT_URLCONF = "stray_urls"
    assert undeclared() == ["/stray/"]
    with pytest.raises(ImproperlyConfigured, match="/stray/"):
        refuse_undeclared()
    assert "rightful.E001" in {found.id for found in run_checks(tags=["security"])}
    assert Client().get("/stray/").status_code in {403, 500}, "and nobody gets to see it"


def test_a_role_that_does_not_exist_cannot_be_declared():
    with pytest.raises(ImproperlyConfigured):
        staff("superuser")
    with pytest.raises(ImproperlyConfigured):
        staff()


def test_a_view_is_declared_once():
    with pytest.raises(ImproperlyConfigured):
        public(public(lambda request: HttpResponse("")))


@pytest.mark.parametrize("address", pages("customer") + pages("staff"))
def test_a_stranger_is_sent_to_the_door(meadow, address):
    for answer in (Client().get(address), Client().post(address)):
        assert answer.status_code == 302
        assert answer.headers["Location"].split("?")[0] in {"/", "/staff/sign-in/"}


def test_a_customer_opens_no_staff_page(as_customer):
    client = as_customer()
    for address in pages("staff"):
        assert client.get(address).status_code == 403, address
        assert client.post(address).status_code == 403, address


def test_staff_open_no_customer_page(as_staff):
    client = as_staff("officer")
    for address in pages("customer"):
        assert client.get(address).status_code == 403, address
        assert client.post(address).status_code == 403, address


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        ("officer", "/staff/", 200),
        ("marketer", "/staff/", 200),
        ("analyst", "/staff/", 200),
        ("engineer", "/staff/", 200),
        ("officer", "/staff/log/", 200),
        ("marketer", "/staff/log/", 403),
        ("analyst", "/staff/log/", 403),
        ("engineer", "/staff/log/", 403),
    ],
)
def test_a_role_sees_its_own_screens_only(as_staff, role, page, status):
    assert as_staff(role).get(page).status_code == status


def test_only_the_officer_sees_log_lines_on_today(as_staff):
    assert "Last in the log" in as_staff("officer").get("/staff/").text
    assert "Last in the log" not in as_staff("marketer").get("/staff/").text


# ---------------------------------------------------------------- headers


def test_every_answer_carries_the_headers(as_customer, as_staff):
    clients = [Client(), as_customer(), as_staff("officer")]
    for client in clients:
        for address in [*pages(), "/nothing-here", "/static/rightful/rightful.css", "/static/nothing"]:
            answer = client.get(address)
            assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY, address
            assert answer.headers["X-Content-Type-Options"] == "nosniff", address
            assert answer.headers["Referrer-Policy"] == "same-origin", address
            assert answer.headers["X-Frame-Options"] == "DENY", address
            assert "Access-Control-Allow-Origin" not in answer.headers, address
            if not address.startswith("/static/rightful"):
                public = "ETag" in answer.headers  # the same page for everybody
                assert not public or address.startswith("/notice/"), address
                kept = "private, no-cache" if public else "no-store"
                assert answer.headers["Cache-Control"] == kept, address
            if "Set-Cookie" in answer.headers:
                assert "HttpOnly" in answer.headers["Set-Cookie"]
            answer.close()


def test_the_policy_allows_nothing_inline():
    assert CONTENT_SECURITY_POLICY.startswith("default-src 'none'")
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


def test_no_page_has_anything_inline(as_customer, as_staff):
    for client in (Client(), as_customer(), as_staff("officer")):
        for address in pages():
            answer = client.get(address)
            if answer.headers["Content-Type"].startswith("text/html"):
                text = answer.text
                assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", text), address


# ---------------------------------------------------------------- reading changes nothing, writing needs a token


def state(ws) -> tuple[object, ...]:
    """All that a page could change but the session and the record of reading one's own data."""
    rows: list[object] = [ws.consent.position(), [str(v.version) for v in ws.shelf.history()]]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            if table not in {"web_session", "web_cache"}:
                cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
                rows.append((table, cursor.fetchall()))
    return tuple(map(str, rows))


def test_reading_any_page_changes_nothing(as_customer, as_staff, meadow):
    for client in (Client(), as_customer(), as_staff("officer")):
        before = state(meadow)
        for address in pages():
            client.get(address)
            client.head(address)
        assert state(meadow) == before


@pytest.mark.parametrize("address", sorted(POST_ONLY))
def test_what_changes_something_is_not_done_by_reading(as_customer, as_staff, address):
    client = as_staff("officer") if address.startswith("/staff") else as_customer()
    assert client.get(address).status_code == 405


def test_ac_030_a_form_of_a_foreign_site_changes_nothing(as_customer, as_staff, meadow):
    for signed_in, kind in ((as_customer(), "customer"), (as_staff("officer"), "staff")):
        foreign = Client(enforce_csrf_checks=True)
        foreign.cookies = signed_in.cookies
        before = meadow.consent.position()
        data = {"purpose": "newsletter", "channel": "email", "state": "on"}
        for address in pages(kind) + pages("public"):
            assert foreign.post(address, data).status_code in {403, 405}, address
            other = foreign.post(address, data, headers={"Origin": "https://evil.example", "HX-Request": "true"})
            assert other.status_code in {403, 405}, address
        assert meadow.consent.position() == before


# ---------------------------------------------------------------- clocks


@pytest.mark.parametrize(
    ("came", "seen", "stays"),
    [
        (0, 0, True),
        (29 * 60, 29 * 60, True),
        (31 * 60, 31 * 60, False),
        (8 * 3600 - 60, 10, True),
        (8 * 3600 + 60, 10, False),
    ],
)
@pytest.mark.parametrize("kind", ["customer", "staff"])
def test_a_session_ends_after_thirty_idle_minutes_and_after_eight_hours(as_customer, as_staff, kind, came, seen, stays):
    client, page = (as_customer(), "/me/") if kind == "customer" else (as_staff("officer"), "/staff/")
    session = client.session
    session[CAME_IN_AT], session[SEEN_AT] = time.time() - came, time.time() - seen
    session.save()
    assert client.get(page).status_code == (200 if stays else 302)
    assert ("_auth_user_id" in client.session) is stays


def test_a_session_without_clocks_is_no_session(as_customer):
    client = as_customer()
    session = client.session
    del session[SEEN_AT]
    session.save()
    assert client.get("/me/").status_code == 302


def test_an_expired_session_tells_htmx_where_to_go_instead_of_redirecting(as_customer):
    client = as_customer()
    client.session.flush()
    answer = client.post("/me/choices/set/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (200, reverse("portal:come-in"))


def test_using_the_site_keeps_the_session_alive(as_customer):
    client = as_customer()
    session = client.session
    session[SEEN_AT] = time.time() - 25 * 60
    session.save()
    client.get("/me/")
    assert time.time() - client.session[doors.SEEN_AT] < 60
