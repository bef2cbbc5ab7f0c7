"""Whatever is changed on record, in whichever table or file, verification says so."""

from __future__ import annotations

import sqlite3

import pytest

from rightful.actions.appoint_staff import appoint, directory, dismiss
from rightful.actions.use_data import query_data
from rightful.actions.verify_record import verify_record
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.workspace import Workspace
from tests.actions.conftest import ANA, MAX


@pytest.fixture
def used(shop_path):
    """A shop with a use, a refusal and a withdrawal on record; closed, so that files can be changed."""
    with Workspace.open(shop_path) as ws:
        query_data(ws, ANA, "study", "select count(*) from customer")
        withdraw_consent(ws, "C001", "newsletter")
    return shop_path


def test_an_honest_record_verifies_whole(used):
    with Workspace.open(used) as ws:
        found = verify_record(ws)
        assert found.ok and found.exit_code == 0
        assert found.size == ws.ledger.head()[0]
        assert all(part.checked for part in found.parts)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("UPDATE consent_event SET channel = 'sms'", "consent"),
        ("DELETE FROM consent_event", "consent"),
        ("UPDATE consent_segment SET rows = rows + 1", "consent history"),
        ("UPDATE policy_version SET label = '9'", "policy version"),
        ("UPDATE policy_version SET document = replace(document, 'We count.', 'We sell.')", "policy"),
        ("UPDATE notice SET terms = replace(terms, 'mailer', 'anybody')", "notice 1"),
        ("UPDATE journal SET rows = 0 WHERE rows > 0", "journal line"),
        ("UPDATE journal SET purpose = 'service' WHERE kind = 'use.query'", "journal line"),
        ("UPDATE rf_entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'newsletter', 'newsletteR') AS BLOB)", "entry"),
    ],
)
def test_a_changed_row_is_found(used, change, word):
    with Workspace.open(used) as ws:  # opened before the change: what is wrong at the start is refused earlier
        with sqlite3.connect(used / "state" / "control.sqlite") as con:
            assert con.execute(change).rowcount > 0
        con.close()
        found = verify_record(ws)
    assert not found.ok and found.exit_code == 4
    assert any(word in problem.sentence or word in problem.where for problem in found.problems)


@pytest.mark.parametrize("pattern", ["state/segments/*.parquet", "state/ledger/tile/*/000.p/{size}"])
def test_a_changed_file_is_found(used, pattern):
    with Workspace.open(used) as ws:
        verify_record(ws)
        (path, *_) = sorted(used.glob(pattern.format(size=ws.ledger.head()[0])))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
        assert not verify_record(ws).ok


def test_who_works_here_is_on_record_without_their_name(shop):
    size = shop.ledger.head()[0]
    done = appoint(shop, "eve@shop.example", "analyst", actor="olga@shop.example")
    assert (done.before, done.role, done.entry) == ("", "analyst", size)
    assert "eve" not in str(shop.ledger.entry(size).data)
    assert appoint(shop, "eve@shop.example", "analyst", actor="olga@shop.example").entry is None
    assert ("eve@shop.example", "analyst") in directory(shop)
    assert dismiss(shop, "eve@shop.example", actor="olga@shop.example").before == "analyst"
    with pytest.raises(UnknownName):
        query_data(shop, "eve@shop.example", "study", "select count(*) from customer")
    with pytest.raises(NotFound):
        dismiss(shop, "eve@shop.example", actor="olga@shop.example")
    with pytest.raises(UnknownName, match="no role king"):
        appoint(shop, "eve@shop.example", "king", actor="olga@shop.example")
    with pytest.raises(BadInput):
        appoint(shop, "not an address", "analyst", actor="olga@shop.example")
    assert shop.staff.role_of(MAX) == "marketer"


def test_a_proof_of_a_use_of_many_does_not_show_who_asked(shop):
    from rightful.actions.show_uses import proof, uses
    from rightful.ledger.receipt import Receipt

    query_data(shop, ANA, "study", "select count(*) from customer")
    withdraw_consent(shop, "C002", "study")
    counted = next(u for u in uses(shop, "C002") if u.outcome == "counted")
    said = next(u for u in uses(shop, "C002") if u.outcome == "choice")
    bulk, own = (Receipt.load(proof(shop, "C002", u.index)) for u in (counted, said))
    assert bulk.verify(shop.ledger.verifier_key).ok and own.verify(shop.ledger.verifier_key).ok
    assert bulk.private is None
    assert own.private is not None
