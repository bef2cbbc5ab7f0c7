"""An erasure's certificate: true, without personal data, one for each ending, checked by tools of others."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from hashlib import sha256

import pytest

from rightful.actions.certify_disposal import certificate_of, certify, proof_of
from rightful.actions.erase_customer import begin_erasure, erase_customer
from rightful.actions.find_person import decide_links, scan_links
from rightful.actions.hold_data import add_hold, release_hold, take_up_erasures
from rightful.errors import BadInput, NotFound
from rightful.ledger.receipt import Receipt

OLGA = "olga@shop.example"


@pytest.fixture
def held(shop):
    """A shop in which C001 was erased while a suit holds what they bought."""
    scan_links(shop, actor=OLGA)
    decide_links(shop, (), state="confirmed", actor=OLGA, sure=True)
    hold = add_hold(shop, "suit 17/26", actor=OLGA, tables=["purchase"], customers=["C001"])
    outcome = erase_customer(shop, "C001", actor="self")
    return shop, hold, outcome


def test_journey_5_partly_is_explained_and_the_released_hold_completes_it(held):
    ws, hold, outcome = held
    first = certify(ws, outcome.run)
    assert first.status == outcome.status == "partly"
    [kept] = first.document["kept"]
    assert (kept["table"], kept["rows"], kept["why"], kept["until"]) == (
        "purchase",
        3,
        "suit 17/26",
        "the hold is released",
    )
    assert certify(ws, outcome.run).entry == first.entry, "the same ending has the same certificate"
    release_hold(ws, hold.id, actor=OLGA)
    take_up_erasures(ws)
    second = certificate_of(ws, outcome.run)
    assert (second.status, second.document["replaces"]) == ("complete", first.entry)
    assert [(d["table"], d["deleted"]) for d in second.document["done"]] == [("customer", 1), ("purchase", 3)]
    assert second.document["policy"] == ws.facts.policy.version


def test_the_proof_verifies_offline_by_tools_of_others_and_a_changed_copy_is_found_out(held):
    ws, _, outcome = held
    made = certify(ws, outcome.run)
    zipped = proof_of(ws, made)
    report = Receipt.load(zipped).verify(ws.ledger.verifier_key)
    assert report.ok and not report.remarks
    files = {
        name: zipfile.ZipFile(io.BytesIO(zipped)).read(name) for name in zipfile.ZipFile(io.BytesIO(zipped)).namelist()
    }
    entry = json.loads(files["entry.json"])["public"]
    assert entry["files"] == {
        name.removeprefix("attachments/"): sha256(content).hexdigest()
        for name, content in files.items()
        if name.startswith("attachments/certificate.")
    }
    closing = files[f"attachments/entry-{made.closing}.json"]
    assert sha256(closing).hexdigest() == entry["closing"]["sha256"] == made.document["closing"]["sha256"]
    assert json.loads(closing)["public"]["status"] == "partly"
    tlogproof = pytest.importorskip("proofbundle.tlogproof")
    proof = files["entry.tlog-proof"].decode()
    assert tlogproof.verify_tlog_proof(proof, files["entry.json"], ws.ledger.verifier_key)["ok"]
    changed = Receipt.load(zipped)
    better = made.text.replace(b"Partly", b"Wholly")
    forged = Receipt(
        changed.entry, changed.proof, None, changed.verifier_key, {**changed.attachments, "certificate.json": better}
    )
    assert not forged.verify(ws.ledger.verifier_key).ok


def test_nothing_in_a_certificate_says_whose_it_is_or_who_asked_for_it(held):
    ws, _, outcome = held
    made = certify(ws, outcome.run)
    files = zipfile.ZipFile(io.BytesIO(proof_of(ws, made)))
    for name in files.namelist():
        content = files.read(name).decode("utf-8", "replace").lower()
        for word in ("person001", "p001@", "canary", "c001", OLGA, "actor"):
            assert word not in content, (name, word)
    assert "payload.json" not in files.namelist()
    assert made.pdf().startswith(b"%PDF")


def test_a_run_that_goes_on_has_no_certificate(shop):
    run = begin_erasure(shop, "C002", actor="self")
    with pytest.raises(BadInput, match="has not ended"):
        certify(shop, run.id)
    with pytest.raises(NotFound):
        certificate_of(shop, run.id)
    with pytest.raises(NotFound):
        certify(shop, "e-none")


def test_an_erasure_that_left_something_says_so_in_its_first_line(shop):
    scan_links(shop, actor=OLGA)  # and nobody decides about what was found
    outcome = erase_customer(shop, "C003", actor="self")
    made = certify(shop, outcome.run)
    assert made.document["abstract"].startswith("INCOMPLETE: ") and made.text.startswith(b'{"abstract":"INCOMPLETE: ')
    assert [r["column"] for r in made.document["left"]] == ["purchase.customer_id>customer.id"]


def test_two_who_ask_at_once_get_the_same_certificate(held):
    ws, _, outcome = held
    entries: list[int] = []
    threads = [threading.Thread(target=lambda: entries.append(certify(ws, outcome.run).entry)) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(entries) == 6 and len(set(entries)) == 1
    assert len(ws.certificates.all()) == 1
