"""Consent histories come in: what is taken, what is not, and why."""

from __future__ import annotations

import csv

import pytest

from rightful.actions.give_consent import give_consent
from rightful.actions.register_source import import_consents
from rightful.actions.use_data import decide_one
from rightful.errors import FileRejected
from rightful.terms import Outcome
from tests.actions.conftest import MAX, _row, write_csv


def rejects(imported):
    with imported.rejects.open(encoding="utf-8") as file:
        return {row["event_id"]: row["why"] for row in csv.DictReader(file)}


def decision(ws, i, channel="email"):
    return decide_one(ws, MAX, "newsletter", f"C{i:03d}", channel=channel)


GOOD = "2026-03-01T10:00:00+01:00"


def test_rows_that_prove_nothing_are_listed_with_line_and_reason(shop, tmp_path):
    rows = [
        _row("a", 50, "given", "newsletter", "email", GOOD),
        _row("b", 51, "given", "newsletter", "email", "2026-05-04 12:00"),
        _row("c", 52, "given", "newsleter", "email", GOOD),
        _row("d", 999, "given", "newsletter", "email", GOOD),
        _row("e", 53, "giving", "newsletter", "email", GOOD),
        _row("f", 54, "given", "newsletter", "*", GOOD),
        _row("g", 55, "given", "newsletter", "email", "yesterday"),
        _row("h", 56, "given", "newsletter", "email", GOOD, method="telepathy"),
        _row("i", 57, "moved", "", "", GOOD, value="Germany"),
        _row("k", 58, "born", "", "", GOOD, value="2190-01-01"),
        _row("l", 50, "given", "newsletter", "email", GOOD, until="soon"),
    ]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    why = rejects(imported)
    assert imported.accepted == 1 and set(why) == set("bcdefghikl")
    assert why["b"] == "the time has no zone" and why["d"] == "unknown customer" and why["c"] == "unknown purpose"
    assert sum(imported.rejected.values()) == 10
    assert decision(shop, 50).outcome is Outcome.ALLOW


def test_T08_a_time_without_zone_permits_nothing_until_the_zone_is_declared(shop, tmp_path):
    path = write_csv(tmp_path / "h.csv", [_row("z", 50, "given", "newsletter", "email", "2026-05-04 12:00")])
    assert import_consents(shop, path, actor="eng").accepted == 0
    assert decision(shop, 50).outcome is Outcome.DENY
    assert import_consents(shop, path, actor="eng", zone="Europe/Berlin").accepted == 1
    assert decision(shop, 50).outcome is Outcome.ALLOW


def test_T09_an_ambiguous_hour_reads_against_the_permission(shop, tmp_path):
    night = "2026-10-25 02:30"  # happens twice in Berlin
    rows = [
        _row("night-g1", 50, "given", "newsletter", "email", night),
        _row("night-w1", 50, "withdrawn", "newsletter", "email", "2026-10-25T01:00:00Z"),
        _row("night-w2", 51, "withdrawn", "newsletter", "email", night),
        _row("night-g2", 51, "given", "newsletter", "email", "2026-10-25T01:00:00Z"),
    ]
    import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng", zone="Europe/Berlin")
    events = shop.facts.subject(shop.number_of("C050")).events
    assert [e.at_us for e in events if e.kind == "given"] == [1_792_891_800_000_000], "01:30Z, the later reading"
    events = shop.facts.subject(shop.number_of("C051")).events
    assert [e.at_us for e in events if e.kind == "withdrawn"] == [1_792_888_200_000_000], "00:30Z, the earlier one"


def test_AC_052_duplicates_and_order_do_not_matter(shop, tmp_path):
    rows = [
        _row("x1", 50, "given", "newsletter", "email", "2026-03-01T10:00:00Z"),
        _row("x2", 50, "withdrawn", "newsletter", "email", "2026-03-02T10:00:00Z"),
    ]
    shuffled = [rows[1], rows[0], rows[0], rows[1]]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", shuffled), actor="eng")
    assert imported.accepted == 2 and imported.repeats == 2
    assert decision(shop, 50).codes >= {"consent_withdrawn"}
    again = import_consents(shop, tmp_path / "h.csv", actor="eng")
    assert again.accepted == 0 and again.repeats == 2, "the same file changes nothing"


def test_one_event_id_with_two_contents_proves_neither(shop, tmp_path):
    rows = [
        _row("x1", 50, "given", "newsletter", "email", "2026-03-01T10:00:00Z"),
        _row("x1", 51, "given", "newsletter", "email", "2026-03-01T10:00:00Z"),
    ]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    assert imported.accepted == 0 and set(imported.rejected) == {"the same event id with another content"}


def test_an_event_on_record_is_known_again_in_another_file(shop, tmp_path):
    recorded = give_consent(shop, "C052", "newsletter", "email", event_id="live-1", method="form", evidence="f-1")
    rows = [
        _row("g0", 0, "given", "newsletter", "email", "2026-01-10T09:00:00Z"),  # is in the first history
        _row("g1", 2, "given", "newsletter", "email", "2026-01-10T09:00:00Z"),  # that id was customer 1
        _row("live-1", 52, "given", "newsletter", "email", "2026-01-10T09:00:00Z"),
        _row("new", 53, "given", "newsletter", "email", "2026-01-10T09:00:00Z"),
    ]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    assert recorded.index and imported.accepted == 1 and imported.repeats == 2
    assert rejects(imported) == {"g1": "the same event id with another content"}


def test_AC_057_consent_without_evidence_is_a_claim(shop, tmp_path):
    rows = [_row("x1", 50, "given", "newsletter", "email", GOOD, evidence="")]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    assert imported.accepted == 1 and imported.unproven == 1
    assert decision(shop, 50).codes >= {"consent_unprovable"}


def test_a_grant_from_the_future_counts_from_when_we_received_it(shop, tmp_path):
    rows = [_row("x1", 50, "given", "newsletter", "email", "2199-01-01T00:00:00Z")]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    assert imported.future == 1
    events = shop.facts.subject(shop.number_of("C050")).events
    assert max(e.at_us for e in events) <= shop.clock()


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty|table|column"),
        (b"name,when\nx,y\n", "customer_id"),
        (b"customer_id,kind,at\nC001,given,\xff\xfe\n", "read|UTF|utf|table"),
        (b'customer_id,kind,at\nC001,"given,2026', "read|table|quote|column"),
    ],
)
def test_a_file_that_is_no_history_is_refused_and_nothing_changes(shop, tmp_path, content, word):
    path = tmp_path / "h.csv"
    path.write_bytes(content)
    before = (shop.ledger.head()[0], shop.consent.position())
    with pytest.raises(FileRejected, match=word) as fault:
        import_consents(shop, path, actor="eng")
    assert fault.value.what_next
    assert (shop.ledger.head()[0], shop.consent.position()) == before
