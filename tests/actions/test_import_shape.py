"""Lists of other systems: a no always counts, a yes only with its proof, and nothing is lost without a word."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from rightful.actions.consent_receipt import record_of
from rightful.actions.import_shape import import_shape, propose_lists
from rightful.consent.shapes import Target
from rightful.errors import BadInput, FileRejected, UnknownName
from tests.actions.test_choices import allowed, switches

HERE = Path(__file__).resolve().parents[1] / "consent" / "exports"
LETTER = Target("newsletter", "email")
AUDIENCE = {"audience": LETTER}
HUBSPOT = {"Our letter": LETTER, "Offers": LETTER}
SALESFORCE = {"0ZW000000000001/Email": LETTER}


def take(ws, name, shape, mapping, **more):
    more = {"notice": "1", "zone": "UTC"} | more
    return import_shape(ws, HERE / name, shape, mapping, actor="eng@shop.example", **more)


def test_mailchimp_a_confirmed_sign_up_counts_and_a_bare_status_does_not(shop):
    done = take(shop, "mailchimp-subscribed.csv", "mailchimp", AUDIENCE)
    assert (done.rows, dict(done.counts), done.claims, done.accepted) == (6, {"given": 3}, 1, 3)
    assert dict(done.rejected) == {
        "unknown customer": 1,
        "no address in this row": 1,
        "a yes without a time proves nothing": 1,
    }
    assert allowed(shop, "C050") and allowed(shop, "C052")
    assert not allowed(shop, "C051"), "CONFIRM_TIME alone: somebody imported this address"
    event = record_of(shop, "C050", "newsletter", "email")["dpv:hasConsentStatus"][0]
    assert event["rf:evidence"] == "mailchimp:44877845:c2cb0681af" and "confirmed" in event["dpv:hasIndicationMethod"]
    assert b"192.0.2" not in b"".join(p.read_bytes() for p in shop.consent.folder.glob("*.parquet"))


def test_ac_057_without_a_notice_every_yes_is_a_claim_and_the_gate_denies(shop):
    done = take(shop, "mailchimp-subscribed.csv", "mailchimp", AUDIENCE, notice="")
    assert done.claims == 3 and done.accepted == 3
    for key in ("C050", "C051", "C052"):
        assert not allowed(shop, key)
        assert record_of(shop, key, "newsletter", "email")["dpv:hasConsentStatus"][0]["@type"] == "dpv:ConsentUnknown"


def test_mailchimp_an_unsubscribe_counts_with_and_without_a_time(shop):
    assert allowed(shop, "C001") and allowed(shop, "C002")
    done = take(shop, "mailchimp-unsubscribed.csv", "mailchimp", AUDIENCE)
    assert dict(done.counts) == {"withdrawn": 2}
    assert not allowed(shop, "C001") and not allowed(shop, "C002")


def test_mailchimp_a_cleaned_address_is_no_choice(shop):
    done = take(shop, "mailchimp-cleaned.csv", "mailchimp", AUDIENCE)
    assert done.accepted == 0 and sum(done.rejected.values()) == 1 and allowed(shop, "C003")


def test_hubspot_statuses(shop):
    done = take(shop, "hubspot-statuses.csv", "hubspot", HUBSPOT)
    assert dict(done.counts) == {"given": 3, "withdrawn": 1} and done.claims == 1
    assert dict(done.rejected) == {"no choice was made": 1, "it rests on another ground than consent": 1}
    assert [allowed(shop, key) for key in ("C050", "C051", "C055", "C001", "C054")] == [True, False, True, False, False]


def test_hubspot_contacts_know_opt_outs_only(shop):
    done = take(shop, "hubspot-contacts.csv", "hubspot", HUBSPOT)
    assert dict(done.counts) == {"withdrawn": 1, "objected": 1}
    assert not allowed(shop, "C001") and not allowed(shop, "C002") and allowed(shop, "C003")
    assert switches(shop, "C002")["ads", ""] == "off", "opted out of everything"


def test_salesforce(shop):
    done = take(shop, "salesforce-contactpointtypeconsent.csv", "salesforce", SALESFORCE, match="key")
    assert dict(done.counts) == {"given": 3, "withdrawn": 1, "deferred": 1} and done.claims == 1
    assert allowed(shop, "C050"), "captured twice, with source and time"
    assert not allowed(shop, "C051") and not allowed(shop, "C001") and not allowed(shop, "C052")
    assert not allowed(shop, "C054"), "EffectiveTo has passed"


@pytest.mark.parametrize(
    ("name", "shape"), [("mailchimp-unsubscribed.csv", "mailchimp"), ("hubspot-contacts.csv", "hubspot")]
)
def test_a_no_to_a_list_that_is_not_mapped_refuses_the_file(shop, name, shape):
    size = shop.ledger.head()[0]
    with pytest.raises(FileRejected, match="not mapped"):
        take(shop, name, shape, {})
    assert shop.ledger.head()[0] == size


def test_a_yes_to_a_list_that_is_not_mapped_is_rejected_row_by_row(shop):
    done = take(shop, "hubspot-statuses.csv", "hubspot", {"Our letter": LETTER})
    assert done.rejected["its list is not mapped to a purpose"] == 1 and not allowed(shop, "C055")


def test_rejected_rows_keep_their_line_and_reason(shop):
    done = take(shop, "mailchimp-subscribed.csv", "mailchimp", AUDIENCE, zone="")
    with done.rejects.open(newline="") as file:
        rows = {int(row["line"]): row for row in csv.DictReader(file)}
    assert rows[2]["why"] == "the time has no zone" and rows[2]["Email Address"] == "p050@example.com"
    assert rows[6]["why"] == "no address in this row" and oct(done.rejects.stat().st_mode)[-3:] == "600"
    assert not list((shop.path / "state").glob(".mailchimp*")), "nothing is left lying about"


def test_a_dry_run_writes_nothing(shop):
    size, files = shop.ledger.head()[0], len(list(shop.consent.folder.iterdir()))
    done = take(shop, "mailchimp-subscribed.csv", "mailchimp", AUDIENCE, dry_run=True)
    assert dict(done.counts) == {"given": 3} and done.accepted == 0 and done.rejects is None
    assert (shop.ledger.head()[0], len(list(shop.consent.folder.iterdir()))) == (size, files)


def test_the_same_file_again_changes_nothing(shop):
    take(shop, "hubspot-statuses.csv", "hubspot", HUBSPOT)
    position = shop.consent.position()
    again = take(shop, "hubspot-statuses.csv", "hubspot", HUBSPOT)
    assert again.accepted == 0 and shop.consent.position() == position


def test_what_a_mapping_has_to_name():
    assert dict(propose_lists(HERE / "hubspot-statuses.csv", "hubspot").lists) == {
        "Offers": (1, 0),
        "Our letter": (2, 1),
    }
    assert dict(propose_lists(HERE / "mailchimp-unsubscribed.csv", "mailchimp").lists) == {"audience": (0, 2)}
    assert propose_lists(HERE / "mailchimp-cleaned.csv", "mailchimp").kind == "cleaned members"


def test_what_does_not_fit_is_said(shop, tmp_path):
    with pytest.raises(FileRejected, match="columns"):
        take(shop, "mailchimp-subscribed.csv", "hubspot", HUBSPOT)
    with pytest.raises(BadInput, match="no shape"):
        take(shop, "mailchimp-subscribed.csv", "sendgrid", AUDIENCE)
    with pytest.raises(UnknownName):
        take(shop, "mailchimp-subscribed.csv", "mailchimp", {"audience": Target("letters", "email")})
    with pytest.raises(BadInput, match="channel"):
        take(shop, "mailchimp-subscribed.csv", "mailchimp", {"audience": Target("newsletter", "")})
    with pytest.raises(UnknownName):
        take(shop, "mailchimp-subscribed.csv", "mailchimp", AUDIENCE, notice="none")
    with pytest.raises(UnknownName):
        take(shop, "mailchimp-subscribed.csv", "mailchimp", AUDIENCE, match="mail")
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    with pytest.raises(FileRejected):
        import_shape(shop, empty, "mailchimp", AUDIENCE, actor="eng@shop.example")
