"""The customer's receipt: theirs alone, one press away from each choice."""

from __future__ import annotations

import json

from django.test import Client

from rightful.actions.give_consent import give_consent
from rightful.ledger.receipt import Receipt

PATH = "/me/choices/receipt/newsletter/email/"


def test_each_choice_that_was_made_links_to_its_receipt(as_customer, meadow):
    ana = as_customer()
    assert PATH not in ana.get("/me/choices/").content.decode()
    ana.post("/me/choices/set/", {"purpose": "newsletter", "channel": "email", "state": "on"})
    assert PATH in ana.get("/me/choices/").content.decode()
    answer = ana.get(PATH)
    assert answer.headers["Content-Type"] == "application/zip"
    receipt = Receipt.load(answer.content)
    assert receipt.verify(meadow.ledger.verifier_key).ok
    record = json.loads(receipt.attachments["consent-receipt.json"])["dct:hasPart"]
    assert record["dpv:hasConsentStatus"][-1]["dpv:hasIndicationMethod"] == "a switch in the privacy portal"


def test_nobody_gets_the_receipt_of_somebody_else(as_customer, meadow):
    give_consent(meadow, "A1", "advertising", "")
    assert as_customer("ben@example.com").get("/me/choices/receipt/advertising/").status_code == 404
    assert Client().get("/me/choices/receipt/advertising/").status_code == 302, "strangers come in first"


def test_a_purpose_or_channel_that_does_not_exist_has_no_receipt(as_customer):
    ana = as_customer()
    for path in ("/me/choices/receipt/nothing/", "/me/choices/receipt/newsletter/pigeon/"):
        assert ana.get(path).status_code == 404


def test_each_choice_that_was_made_links_to_the_words_it_was_made_in(as_customer, meadow):
    words = "/me/choices/words/newsletter/email/"
    ana = as_customer()
    ana.post("/me/choices/set/", {"purpose": "newsletter", "channel": "email", "state": "on"})
    assert words in ana.get("/me/choices/").text
    page = ana.get(words).text
    assert "These words stood before you:" in page
    assert "We write to you about new things." in page
    assert "/proof" in page


def test_nobody_reads_in_which_words_somebody_else_chose(as_customer, meadow):
    give_consent(meadow, "A1", "advertising", "")
    assert as_customer("ben@example.com").get("/me/choices/words/advertising/").status_code == 404
    assert Client().get("/me/choices/words/advertising/").status_code == 302
    for path in ("/me/choices/words/nothing/", "/me/choices/words/newsletter/pigeon/"):
        assert as_customer().get(path).status_code == 404
