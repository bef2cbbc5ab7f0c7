"""The customer's and the staff's request pages (P7, C1, C2, C3) through Django's client."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile

import pytest

from rightful.actions.open_request import open_request
from rightful.rights.models import Filter
from rightful.rights.rules import Level, State
from tests.web.conftest import PAYLOADS

pytestmark = pytest.mark.django_db
NEW = "/me/requests/new/"


@pytest.fixture(autouse=True)
def closed_afterwards(meadow):
    """The workspace is shared by all tests of a run: what was opened here does not stay open."""
    yield
    from rightful.actions.close_request import withdraw
    from rightful.errors import StepRefused

    for case in meadow.cases.find(Filter(states=("open",)), limit=None):
        try:
            withdraw(meadow, case.ref, actor="rule")
        except StepRefused:
            continue


def newest(ws, **wanted):
    return max(ws.cases.find(Filter(**wanted), limit=None), key=lambda c: c.id)


def ask(client, kind, **more):
    answer = client.post(NEW, {"kind": kind, **more})
    assert answer.status_code == 302, answer.content.decode()[-800:]
    return answer.headers["Location"]


def test_a_customer_asks_for_a_copy_and_sees_the_day_and_why(as_customer, meadow, unlimited):
    client = as_customer("x3@example.com")
    page = client.get(ask(client, "access")).content.decode()
    assert "Your copy is here" in page
    case = newest(meadow, kinds=("access",))
    assert case.state is State.ANSWERED
    answer = client.post(f"/me/requests/{case.ref}/copy/")
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    made = json.loads(zipfile.ZipFile(io.BytesIO(answer.content)).read("copy.json"))
    assert made["tables"][0]["rows"][0]["email"] == "x3@example.com"
    assert client.get(f"/me/requests/{case.ref}/copy/").status_code == 405, "nothing is fetched by opening a link"
    listed = client.get("/me/requests/").content.decode()
    assert case.ref in listed and "Answered" in listed
    assert "You fetched the copy of your data" in client.get("/me/uses/").content.decode()


def test_free_text_waits_for_a_person_who_reads_it_in_the_console(as_customer, as_staff, meadow, unlimited):
    client = as_customer("ana@example.com")
    ask(client, "access")
    case = newest(meadow, kinds=("access",), states=("planned",))
    officer = as_staff()
    page = officer.get(f"/staff/requests/{case.ref}/texts/").content.decode()
    assert "likes tea" in page
    place = re.search(r'name="place-1" value="([^"]+)"', page).group(1)
    wrong = officer.post(
        f"/staff/requests/{case.ref}/texts/", {"place-1": "x", "verdict-1": "give", "text-1": "likes tea"}, follow=True
    )
    assert "changed meanwhile" in wrong.content.decode()
    officer.post(
        f"/staff/requests/{case.ref}/texts/",
        {"place-1": place, "verdict-1": "give", "text-1": "likes t**"},
        follow=True,
    )
    case = meadow.cases.by_ref(case.ref)
    assert case.state is State.ANSWERED
    made = zipfile.ZipFile(io.BytesIO(client.post(f"/me/requests/{case.ref}/copy/").content)).read("copy.json").decode()
    assert "likes t**" in made and "likes tea" not in made


def test_hostile_values_are_text_on_every_page_of_a_request(as_customer, as_staff, meadow, unlimited):
    client = as_customer("eve@example.com")
    ask(client, "rectification", text="".join(PAYLOADS))
    case = newest(meadow, kinds=("rectification",))
    officer = as_staff()
    officer.post(f"/staff/requests/{case.ref}/act/", {"act": "message", "text": PAYLOADS[0], "way": "out"})
    pages = [client.get(f"/me/requests/{case.ref}/"), officer.get(f"/staff/requests/{case.ref}/")]
    ask(client, "access")
    copy = newest(meadow, kinds=("access",), states=("planned",))
    pages.append(officer.get(f"/staff/requests/{copy.ref}/texts/"))
    for page in pages:
        text = page.content.decode()
        for bad in ("<script>alert", "<img src=x", "<svg onload", "<iframe", "<base href"):
            assert bad not in text


def test_nobody_opens_or_changes_a_request_of_somebody_else(as_customer, meadow, unlimited):
    ana, other = as_customer("ana@example.com"), as_customer("ben@example.com")
    ask(ana, "human-review")
    case = newest(meadow, kinds=("human-review",))
    for ref in (case.ref, "R-NOTHING"):
        assert other.get(f"/me/requests/{ref}/").status_code == 404
        for what in ("confirm", "code", "message", "withdraw", "copy"):
            assert other.post(f"/me/requests/{ref}/{what}/", {"text": "x", "code": "x"}).status_code == 404
    assert case.ref not in other.get("/me/requests/").content.decode()
    assert meadow.cases.by_ref(case.ref).state is State.PLANNED


def test_a_request_that_only_knew_the_address_waits_for_a_yes_in_the_portal(as_customer, meadow, unlimited):
    case = open_request(meadow, "human-review", contact="x4@example.com", source="api").case
    client = as_customer("x4@example.com")
    page = client.get(f"/me/requests/{case.ref}/").content.decode()
    assert "Is this from you?" in page
    client.post(f"/me/requests/{case.ref}/confirm/")
    assert meadow.cases.by_ref(case.ref).state is State.PLANNED
    client.post(f"/me/requests/{case.ref}/withdraw/")
    assert meadow.cases.by_ref(case.ref).state is State.WITHDRAWN


@pytest.mark.parametrize(
    ("posted", "words"),
    [
        ({}, "Choose what you want"),
        ({"kind": "tea"}, "Choose what you want"),
        ({"kind": "rectification"}, "Say what is wrong"),
        ({"kind": "access", "for": "cat"}, "relation"),
        ({"kind": "access", "text": "x" * 9000}, "longer"),
    ],
)
def test_a_form_that_says_too_little_comes_back_with_words(as_customer, unlimited, posted, words):
    answer = as_customer("x5@example.com").post(NEW, posted)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_second_proof_is_a_code_that_staff_tell(as_customer, as_staff, meadow, unlimited):
    case = open_request(meadow, "human-review", key="X6", level=Level.CHANNEL).case
    officer = as_staff()
    officer.post(f"/staff/requests/{case.ref}/act/", {"act": "code", "channel": "telephone"})
    first = officer.get(f"/staff/requests/{case.ref}/").content.decode()
    code = re.search(r'class="code">([A-Z0-9-]{11})<', first).group(1)
    assert code not in officer.get(f"/staff/requests/{case.ref}/").content.decode(), "shown once"
    client = as_customer("x6@example.com")
    wrong = client.post(f"/me/requests/{case.ref}/code/", {"code": "BBBBB-BBBBB"}, follow=True).content.decode()
    assert "This is not the code" in wrong
    client.post(f"/me/requests/{case.ref}/code/", {"code": code})
    assert meadow.cases.by_ref(case.ref).reached is Level.SECOND


def test_a_correction_is_asked_for_exactly_or_in_words_and_done_by_the_officer(
    as_customer, as_staff, meadow, unlimited
):
    client = as_customer("x5@example.com")
    exact = client.get(ask(client, "rectification", field="customer.city", value="Ostend")).content.decode()
    assert "Answered" in exact and "looked again: City" in exact
    answer = client.post(NEW, {"kind": "rectification", "field": "customer.birth_date", "value": "soon"})
    assert answer.status_code == 422

    ask(client, "rectification", text="My city is Ghent, not Ostend.")
    case = newest(meadow, kinds=("rectification",))
    officer = as_staff("officer")
    place = f"/staff/requests/{case.ref}/"
    assert "Correct a detail" in officer.get(place).content.decode()
    early = officer.post(f"{place}act/", {"act": "task", "task": "source/correct", "result": "done"}, follow=True)
    assert "nothing was corrected yet" in early.content.decode()
    for posted, words in (
        ({"field": "customer.shoe", "value": "43"}, "there is no field"),
        ({"field": "customer.city", "value": "Ghent"}, "Corrected. Recipients to tell: 0."),
        ({"field": "customer.city", "value": "Ghent"}, "what is on record already"),
    ):
        page = officer.post(f"{place}act/", {"act": "correct", **posted}, follow=True).content.decode()
        assert words in page, page[-1500:]
    officer.post(f"{place}act/", {"act": "task", "task": "source/correct", "result": "done"})
    assert meadow.cases.by_ref(case.ref).state is State.ANSWERED
    assert "Ghent" in client.get("/me/data/").content.decode()


def test_a_system_is_asked_by_mail_and_confirms_behind_its_link(as_customer, as_staff, meadow, unlimited, mailoutbox):
    from django.test import Client

    from rightful.web.mailing import deliver

    meadow.config["systems"] = {"shop": {"how": "mail", "to": "ops@shop.example", "known_by": "email"}}
    try:
        ask(as_customer("x6@example.com"), "objection")
        deliver(meadow)
    finally:
        del meadow.config["systems"]
    case = newest(meadow, kinds=("objection",))
    [mail] = [m for m in mailoutbox if m.to == ["ops@shop.example"]]
    assert case.ref in mail.subject and "x6@example.com" not in mail.subject + mail.body
    place = re.search(r"/tasks/[0-9a-f]+/", mail.body).group()

    system = Client(enforce_csrf_checks=True)
    page = system.get(place)
    assert page.status_code == 200 and page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] in ("no-referrer", "same-origin")
    assert "x6@example.com" not in page.content.decode() and "Show which customer" in page.content.decode()
    assert system.post(place, {"press": "done"}).status_code == 403, "a scanner cannot confirm"
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode()).group(1)
    form = {"csrfmiddlewaretoken": token}
    assert "x6@example.com" in system.post(place, {**form, "press": "who"}).content.decode()
    assert system.post(place, {**form, "press": "failed"}).status_code == 422
    waits = as_staff().get(f"/staff/requests/{case.ref}/").content.decode()
    assert "shop was asked by mail once" in waits
    assert "Thank you" in system.post(place, {**form, "press": "done"}).content.decode()
    assert meadow.cases.by_ref(case.ref).state is State.ANSWERED
    over = system.post(place, {**form, "press": "who"}).content.decode()
    assert "Nothing to do" in over and "x6@example.com" not in over
    assert system.get("/tasks/0000/").status_code == 404


@pytest.mark.parametrize("role", ["marketer", "analyst", "engineer"])
def test_only_the_officer_sees_requests(as_staff, role):
    client = as_staff(role)
    for path in ("/staff/requests/", "/staff/requests/list.csv", "/staff/requests/new/", "/staff/requests/R-X/"):
        assert client.get(path).status_code == 403
    for path in ("/staff/requests/many/", "/staff/requests/undo/", "/staff/requests/R-X/act/"):
        assert client.post(path).status_code == 403


def test_the_officer_takes_in_waits_extends_and_refuses(as_staff, meadow):
    officer = as_staff()
    answer = officer.post("/staff/requests/new/", {"kind": "rectification", "key": "X7", "text": "by letter"})
    where = answer.headers["Location"]
    page = officer.get(where).content.decode()
    assert "What you looked at to be sure" in page and "calendar month" in page
    act = f"{where}act/"
    officer.post(act, {"act": "checked", "evidence": "called back on the number on record"})
    for press in (
        {"act": "pause", "reason": "clarification"},
        {"act": "resume"},
        {"act": "extend", "reason": "complexity"},
        {"act": "go-on"},
        {"act": "task", "task": "source/correct", "result": "failed", "note": "locked"},
        {"act": "message", "text": "only us", "way": "note"},
        {"act": "refuse", "reason": "accurate", "note": "It says number 7."},
    ):
        answer = officer.post(act, press, follow=True)
        assert 'class="notice error"' not in answer.content.decode(), press
    page = officer.get(where).content.decode()
    for words in ("Refused", "It says number 7.", "only us", "Proof", "could not be done"):
        assert words in page or words == "Proof"
    assert officer.post(act, {"act": "paint"}).status_code == 404
    assert officer.post("/staff/requests/R-NOTHING/act/", {"act": "go-on"}).status_code == 404
    again = officer.post(act, {"act": "go-on"}, follow=True)
    assert "cannot be planned" in again.content.decode()
    assert officer.post("/staff/requests/new/", {"kind": "tea", "key": "X7"}).status_code == 422


def test_a_letter_is_shown_in_each_language_and_printed(as_staff, meadow):
    case = open_request(meadow, "complaint", key="X8", level=Level.CHANNEL).case
    officer = as_staff()
    page = officer.get(f"/staff/requests/{case.ref}/?letter=refusal&language=fr&reason=excessive").content.decode()
    assert "La même chose a été demandée trop souvent." in page
    pdf = officer.get(f"/staff/requests/{case.ref}/letter/refusal.pdf?language=ar&reason=excessive")
    assert pdf.content[:5] == b"%PDF-"
    for wrong in ("letter/novel.pdf?language=en", "letter/refusal.pdf?language=xx"):
        assert officer.get(f"/staff/requests/{case.ref}/{wrong}").status_code == 404


def test_the_filter_is_in_the_address_and_the_file_is_the_screen(as_staff, meadow):
    for i in range(3):
        open_request(meadow, "complaint", key=f"X{20 + i}", level=Level.CHANNEL)
    officer = as_staff()
    query = "kind=complaint&state=open"
    page = officer.get(f"/staff/requests/?{query}").content.decode()
    shown = re.findall(r'/staff/requests/(R-[A-Z0-9]+)/"', page)
    rows = list(csv.DictReader(io.StringIO(officer.get(f"/staff/requests/list.csv?{query}").content.decode())))
    assert [row["request"] for row in rows] == shown
    assert officer.get("/staff/requests/?page=x").status_code == 404
    assert "No request fits" in officer.get("/staff/requests/?q=R-ZZZZZZ").content.decode()
    late = officer.get("/staff/requests/?due=overdue").content.decode()
    assert all(ref not in late for ref in shown)


def test_today_names_what_is_late(as_staff, meadow):
    received = meadow.clock() - 60 * 86_400_000_000
    open_request(meadow, "complaint", key="X30", level=Level.CHANNEL, received_us=received)
    page = as_staff().get("/staff/").content.decode()
    assert re.search(r"\d+ requests? of (a customer is|customers are) past the date", page)
