"""Correcting on the pages: a form for each kind of value, an officer's page, and nobody else's data."""

from __future__ import annotations

import re

import pytest

from rightful.web.mailing import render
from tests.web.conftest import PAYLOADS

CITY, NAME = "/me/data/correct/customer.city/", "/me/data/correct/customer.first_name/"


def test_a_field_is_corrected_from_the_page_that_shows_it(as_customer):
    client = as_customer("x10@example.com")
    assert CITY in client.get("/me/data/").text
    assert "Ulm" in client.get(CITY).text
    assert client.post(CITY, {"value": "Bonn"}).headers["Location"] == "/me/data/"
    text = client.get("/me/data/").text
    assert "It is corrected." in text and "Bonn" in text
    assert "Your data was corrected" in client.get("/me/uses/").text


@pytest.mark.parametrize("value", ["", "   ", "x" * 501, "Ulm"])
def test_what_cannot_be_right_is_said_beside_the_field(as_customer, value):
    client = as_customer("x11@example.com")
    answer = client.post(CITY, {"value": value})
    assert answer.status_code == 422
    assert 'id="id_value_error"' in answer.text


def test_a_name_waits_for_an_officer_who_approves_it(as_customer, as_staff):
    client = as_customer("x12@example.com")
    client.post(NAME, {"value": "Rightname"})
    assert "Rightname" not in client.get("/me/data/").text
    assert "is waiting" in client.get(NAME).text
    officer = as_staff("officer")
    listed = officer.get("/staff/corrections/").text
    assert "Rightname" not in listed, "the list shows no values"
    number = re.search(r"/staff/corrections/(\d+)/", listed).group(1)
    opened = officer.get(f"/staff/corrections/{number}/").text
    assert "Rightname" in opened and "First12" in opened
    assert "Somebody looked at your correction" in client.get("/me/uses/").text
    officer.post(f"/staff/corrections/{number}/decide/", {"answer": "approve"})
    assert "Rightname" in client.get("/me/data/").text
    late = officer.post(f"/staff/corrections/{number}/decide/", {"answer": "refuse", "why": "not-shown"}, follow=True)
    assert "decided already" in late.text


def test_a_refused_correction_says_why_in_the_history(as_customer, as_staff):
    client = as_customer("x13@example.com")
    client.post(NAME, {"value": "Wrongname"})
    officer = as_staff("officer")
    number = re.search(r"/staff/corrections/(\d+)/", officer.get("/staff/corrections/").text).group(1)
    officer.post(f"/staff/corrections/{number}/decide/", {"answer": "refuse", "why": "not-shown"})
    text = client.get("/me/uses/").text
    assert "Your correction was refused" in text
    assert "We could not check that it is true." in text


@pytest.mark.parametrize("role", ["marketer", "analyst", "engineer"])
def test_corrections_are_for_the_officer(as_staff, role):
    staff = as_staff(role)
    for address in ("/staff/corrections/", "/staff/corrections/1/"):
        assert staff.get(address).status_code == 403
    assert staff.post("/staff/corrections/1/decide/", {"answer": "approve"}).status_code == 403


@pytest.mark.parametrize(
    ("field", "status"),
    [("customer.id", 403), ("customer.ghost", 404), ("x", 404), ("customer.rf_no", 404), ("customer.city%27--", 404)],
)
def test_what_is_not_the_customers_to_correct_has_no_form(as_customer, field, status):
    client = as_customer("x14@example.com")
    assert client.get(f"/me/data/correct/{field}/").status_code == status
    assert client.post(f"/me/data/correct/{field}/", {"value": "x"}).status_code == status


def test_ac_031_a_correction_is_always_ones_own(as_customer):
    mine = as_customer("x15@example.com")
    mine.post(f"{CITY}?key=A1&customer=A1", {"value": "Trier", "key": "A1", "no": "0"})
    assert "Trier" in mine.get("/me/data/").text
    assert "Trier" not in as_customer("ana@example.com").get("/me/data/").text


@pytest.mark.parametrize("payload", PAYLOADS[:8])
def test_ac_032_a_payload_as_a_correction_is_text_everywhere(as_customer, as_staff, payload):
    client = as_customer("x16@example.com")
    client.post(CITY, {"value": payload})
    for page in (client.get("/me/data/"), client.get(CITY), client.get("/me/data/copy/html")):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "<svg onload" not in page.text


def test_letters_are_listed_without_addresses(as_staff, meadow):
    meadow.mail.put(to="secret-address@example.com", template="receipt", kind="service")
    text = as_staff("officer").get("/staff/mail/").text
    assert "receipt" in text and "secret-address" not in text
    engineer = as_staff("engineer")
    assert engineer.get("/staff/mail/", {"state": "sent"}).status_code == 200
    assert engineer.get("/staff/mail/", {"state": "lost"}).status_code == 404
    assert as_staff("analyst").get("/staff/mail/").status_code == 403
    while (letter := meadow.mail.take()) is not None:
        meadow.mail.not_sent(letter, "5.0.0", permanent=True)


def letters(meadow) -> list:
    """Open every letter about a correction that waits to be sent."""
    found = []
    while (letter := meadow.mail.take()) is not None:
        meadow.mail.sent(letter)
        found += [letter] if letter.template == "correction-decided" else []
    return found


@pytest.mark.parametrize(("who", "answer"), [("x20", "approve"), ("x21", "refuse")])
def test_what_an_officer_decided_is_told_by_mail_in_the_customers_language(meadow, as_customer, as_staff, who, answer):
    client = as_customer(f"{who}@example.com")
    client.post(NAME, {"value": "Neuername"}, HTTP_ACCEPT_LANGUAGE="de")
    letters(meadow)
    officer = as_staff("officer")
    number = re.search(r"/staff/corrections/(\d+)/", officer.get("/staff/corrections/").text).group(1)
    officer.post(f"/staff/corrections/{number}/decide/", {"answer": answer, "why": "not-shown"})
    officer.post(f"/staff/corrections/{number}/decide/", {"answer": answer, "why": "not-shown"})
    (letter,) = letters(meadow)
    assert (letter.to, letter.language, letter.kind) == (f"{who}@example.com", "de", "rights")
    mail = render(letter, "Meadow")
    assert mail.subject == "Zu Ihrer Berichtigung bei Meadow"
    assert "/me/uses/" in mail.body
    assert "Neuername" not in mail.body + mail.subject, "neither data nor the answer travels by mail"


def test_a_new_sign_in_address_is_told_to_the_old_one_as_well(meadow, as_customer, as_staff):
    client = as_customer("x22@example.com")
    client.post("/me/data/correct/customer.email/", {"value": "x22-new@example.com"})
    letters(meadow)
    officer = as_staff("officer")
    number = re.search(r"/staff/corrections/(\d+)/", officer.get("/staff/corrections/").text).group(1)
    officer.post(f"/staff/corrections/{number}/decide/", {"answer": "approve"})
    assert {one.to for one in letters(meadow)} == {"x22@example.com", "x22-new@example.com"}


def test_what_counts_at_once_needs_no_mail(meadow, as_customer):
    letters(meadow)
    as_customer("x23@example.com").post(CITY, {"value": "Trier"})
    assert letters(meadow) == []
