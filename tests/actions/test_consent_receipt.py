"""A consent's record and receipt: the fields of the standard, bound to what was shown, provable without us."""

from __future__ import annotations

import io
import json
import zipfile
from copy import deepcopy
from hashlib import sha256
from pathlib import Path

import jsonschema
import pytest

from rightful.actions.consent_receipt import choices_with_receipt, describe_controller, receipt_of, record_of
from rightful.actions.give_consent import give_consent
from rightful.actions.record_choice import serve_notice
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.consent.receipt import FIELDS, RECEIPT_FIELDS, missing
from rightful.consent.shown import Shown
from rightful.errors import BadInput, NotFound
from rightful.ledger.receipt import Receipt

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((ROOT / "rightful" / "consent" / "consent-receipt.schema.json").read_text("utf-8"))
GUIDE = json.loads((ROOT / "tests" / "consent" / "guide-27560.json").read_text("utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


@pytest.fixture(scope="module")
def opened(shop_template, tmp_path_factory):
    import shutil

    from rightful.workspace import Workspace

    place = tmp_path_factory.mktemp("receipts") / "shop"
    shutil.copytree(shop_template, place)
    with Workspace.open(place) as ws:
        yield ws


@pytest.fixture(scope="module")
def issued(opened):
    serve_notice(opened, "C055")
    shown = Shown("de", "Ja, schickt mir den Brief.", "newsletter-form-3", "carla@shop.example", {"call": "rec-77"})
    give_consent(
        opened,
        "C055",
        "newsletter",
        "email",
        method="agent",
        evidence="rec-77",
        shown=shown,
        actor="carla@shop.example",
    )
    return receipt_of(opened, "C055", "newsletter", "email")


def test_a_receipt_fits_its_schema(issued):
    VALID.validate(issued.receipt)


def states(record):
    return [event["@type"] for event in record["dpv:hasConsentStatus"]]


@pytest.mark.parametrize("field", [f for f in FIELDS if f.required], ids=lambda f: f.name)
def test_a_record_without_a_mandatory_field_is_refused_by_the_schema(issued, field):
    broken = deepcopy(issued.receipt)
    holders = [broken["dct:hasPart"]]
    for step in field.path[:-1]:
        holders = [inner for one in holders for inner in (one if step == "*" else [one[step]])]
    for holder in holders:
        del holder[field.path[-1]]
    assert not VALID.is_valid(broken)
    assert field in missing(broken["dct:hasPart"])


@pytest.mark.parametrize("field", RECEIPT_FIELDS, ids=lambda f: f.name)
def test_a_receipt_without_a_mandatory_field_is_refused_by_the_schema(issued, field):
    broken = deepcopy(issued.receipt)
    del broken[field.path[0]]
    assert not VALID.is_valid(broken)


@pytest.mark.parametrize("name", [row["term"] for row in GUIDE["fields"] if row["required"]])
def test_every_field_the_guide_calls_mandatory_is_in_our_table(name):
    table = {field.name.replace("_", " "): field for field in (*FIELDS, *RECEIPT_FIELDS)}
    assert table[name].required


def test_every_optional_field_we_fill_is_called_optional_by_the_guide():
    optional = {row["term"] for row in GUIDE["fields"] if not row["required"]}
    assert {f.name.replace("_", " ") for f in FIELDS if not f.required} <= optional


def test_a_choice_is_bound_to_notice_language_words_form_and_collector(opened, issued):
    (notice,) = issued.receipt["dct:hasPart"]["dpv:hasNotice"]
    assert notice["rf:sha256"] == opened.shelf.digest_of("1") and notice["dct:identifier"] == "1"
    (event,) = issued.receipt["dct:hasPart"]["dpv:hasConsentStatus"]
    assert event["rf:wordingSha256"] == sha256(b"Ja, schickt mir den Brief.").hexdigest()
    assert event["rf:form"] == "newsletter-form-3" and event["rf:evidence"] == "rec-77"
    entry = opened.ledger.entry(event["rf:entry"])
    assert entry.public["language"] == "de" and entry.public["notice_digest"] == opened.shelf.digest_of("1")
    private = opened.ledger.open_private(event["rf:entry"])
    assert private["collected_by"] == "carla@shop.example" and private["words"] == "Ja, schickt mir den Brief."
    assert private["proof"] == {"call": "rec-77"}


def test_what_proves_a_choice_is_not_in_the_control_database_in_clear(opened, issued):
    opened.control.query("SELECT 1")
    raw = b"".join(p.read_bytes() for p in (opened.path / "state").glob("control.sqlite*"))
    for words in (b"schickt mir den Brief", b"carla@shop.example", b"p055@example.com"):
        assert words not in raw


def test_the_receipt_verifies_offline_and_a_changed_copy_does_not(opened, issued):
    receipt = Receipt.load(issued.zip)
    assert receipt.verify(opened.ledger.verifier_key).ok
    names = set(receipt.attachments)
    assert {"consent-receipt.json", "notice-1.json"} <= names and any(n.startswith("entry-") for n in names)
    assert json.loads(receipt.attachments["consent-receipt.json"]) == issued.receipt
    forged = deepcopy(issued.receipt)
    forged["dct:hasPart"]["dpv:hasProcess"][0]["dpv:hasPurpose"]["dct:description"] = "Anything."
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(issued.zip)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            new.writestr(name, json.dumps(forged) if name.endswith("consent-receipt.json") else old.read(name))
    assert not Receipt.load(changed.getvalue()).verify(opened.ledger.verifier_key).ok


def test_the_same_receipt_is_handed_out_again_until_something_changes(opened):
    give_consent(opened, "C056", "newsletter", "email")
    first, again = (receipt_of(opened, "C056", "newsletter", "email") for _ in range(2))
    assert (first.entry, first.text) == (again.entry, again.text)
    withdraw_consent(opened, "C056", "newsletter")
    after = receipt_of(opened, "C056", "newsletter", "email")
    assert after.entry != first.entry
    assert states(after.receipt["dct:hasPart"]) == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    assert after.receipt["dct:hasPart"]["dct:identifier"] == first.receipt["dct:hasPart"]["dct:identifier"]


def test_an_imported_consent_has_a_record_too(opened):
    record = record_of(opened, "C031", "newsletter", "email")
    assert states(record) == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn"]
    given = record["dpv:hasConsentStatus"][0]
    assert given["rf:evidence"] == "form-g31"
    assert opened.ledger.entry(given["rf:entry"]).kind == "consent.imported"
    assert record["dpv:hasNotice"][0]["dct:language"] == "und", "nobody kept the language"
    VALID.validate(receipt_of(opened, "C031", "newsletter", "email").receipt)


def test_a_yes_after_a_yes_renews_and_an_unproven_one_is_no_consent(opened):
    give_consent(opened, "C003", "study")
    assert states(record_of(opened, "C003", "study")) == ["dpv:ConsentGiven", "dpv:RenewedConsentGiven"]


def test_notices_shown_before_the_choice_are_listed_and_later_ones_are_not(opened):
    serve_notice(opened, "C057")
    give_consent(opened, "C057", "study")
    record = record_of(opened, "C057", "study")
    serve_notice(opened, "C057")
    assert record_of(opened, "C057", "study")["dpv:hasNotice"] == record["dpv:hasNotice"]
    assert record["dpv:hasNotice"][0]["dct:date"] <= record["dpv:hasConsentStatus"][0]["dct:date"]


def test_a_no_without_any_notice_names_the_one_that_was_out(opened):
    withdraw_consent(opened, "C058", "newsletter", method="agent", actor="max@shop.example")
    receipt = receipt_of(opened, "C058", "newsletter", "email").receipt
    (notice,) = receipt["dct:hasPart"]["dpv:hasNotice"]
    assert notice["rf:shown"] is False and notice["dct:identifier"] == "1"
    VALID.validate(receipt)


def test_nothing_chosen_has_no_receipt(opened):
    with pytest.raises(NotFound):
        receipt_of(opened, "C050", "newsletter", "email")
    assert ("newsletter", "email") not in choices_with_receipt(opened, "C050")
    assert ("newsletter", "email") in choices_with_receipt(opened, "C031")


def test_the_controllers_address_can_be_told(opened):
    describe_controller(opened, {"address": "Shop Ltd, 1 Quay, Kiel", "stored-in": "Germany"})
    process = record_of(opened, "C031", "newsletter", "email")["dpv:hasProcess"][0]
    assert process["dpv:hasDataController"][0]["dpv:hasAddress"] == "Shop Ltd, 1 Quay, Kiel"
    assert process["dpv:hasStorageCondition"]["dpv:hasLocation"] == "Germany"
    with pytest.raises(BadInput):
        describe_controller(opened, {"adress": "x"})


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph:DeprecationWarning")
def test_a_triple_store_reads_the_receipt(issued):
    import rdflib

    graph = rdflib.Graph().parse(data=issued.text, format="json-ld")
    dpv, dct = rdflib.Namespace("https://w3id.org/dpv#"), rdflib.DCTERMS
    (record,) = graph.subjects(rdflib.RDF.type, dpv.ConsentRecord)
    (process,) = graph.objects(record, dpv.hasProcess)
    (purpose,) = graph.objects(process, dpv.hasPurpose)
    assert str(graph.value(purpose, dct.identifier)) == "newsletter"
    basis = rdflib.URIRef("https://w3id.org/dpv/legal/eu/gdpr#A6-1-a")
    assert (process, dpv.hasLegalBasis, basis) in graph
    known = ("https://w3id.org/dpv", "http://purl.org/dc/terms/", "urn:rightful:ns#", str(rdflib.RDF))
    assert {str(p) for p in graph.predicates() if not str(p).startswith(known)} == set()


@pytest.mark.parametrize("language", ["", "EN", "deutsch bitte", "de_DE", "x"])
def test_a_language_is_a_tag(language):
    with pytest.raises(BadInput):
        Shown(language)


@pytest.mark.parametrize("form", ["form of ana@example.com", "a b", "-x", "x" * 81])
def test_a_form_is_an_id_and_nothing_else(form):
    with pytest.raises(BadInput):
        Shown("en", form=form)
