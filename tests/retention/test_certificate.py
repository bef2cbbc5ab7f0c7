"""A certificate says what was found, never better, and its page says nothing that was not signed."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from rightful.retention.certificate import Facts, document, methods, page, sections, status_of, text

KEPT = {
    "table": "invoice",
    "rows": 2,
    "columns": ["amount"],
    "why": "The law makes us keep invoices (AO 147)",
    "article": "GDPR 17(3)(b)",
    "until": "8 years",
    "kind": "law",
}
SHELL = {**KEPT, "table": "customer", "columns": ["id"], "kind": "structure", "article": "", "until": ""}
LEFT = {"table": "note", "column": "body", "rows": 3, "why": "a text still names the person (email)"}
CHECKED = {"tables": 4, "text_columns": 9, "links": 1}


def erasure(status: str = "complete", dialect: str = "duckdb", **outcome: object) -> Facts:
    whole = {"deleted": {"customer": 1}, "changed": {"note": 2}, "checked": CHECKED, **outcome}
    return Facts(
        kind="erasure",
        run="e-1",
        organisation="Shop",
        origin="shop.example/ledger",
        began="2026-11-25T10:00:00Z",
        ended="2026-11-25T10:00:02.5Z",
        policy="v1",
        status=status,
        outcome=whole,
        dialect=dialect,
        closing=(7, "ab" * 32),
    )


def disposal(**outcome: object) -> Facts:
    facts = erasure(**{"changed": {}, "checked": {}, **outcome})
    return replace(facts, kind="disposal", run="d-1")


@pytest.mark.parametrize(
    ("facts", "status", "first"),
    [
        (erasure(), "complete", "Complete: "),
        (erasure("partly", kept=[KEPT]), "partly", "Partly: this erasure is done except for 2 rows"),
        (erasure(kept=[SHELL]), "complete", "Complete: "),
        (erasure("incomplete", residues=[LEFT]), "incomplete", "INCOMPLETE: "),
        (erasure("complete", residues=[LEFT]), "incomplete", "INCOMPLETE: "),
        (erasure("partly", kept=[KEPT], collateral=[LEFT]), "incomplete", "INCOMPLETE: "),
        (disposal(emptied={"order": 5}), "complete", "Complete: "),
        (disposal(left={"order": 5}), "incomplete", "INCOMPLETE: this disposal"),
        (disposal(kept=[{**KEPT, "kind": "hold"}]), "partly", "Partly: "),
        (disposal(kept=[KEPT]), "complete", "Complete: "),
        (disposal(kept=[KEPT, {**KEPT, "kind": "hold"}]), "partly", "Partly: this disposal is done except for 2 rows"),
    ],
)
def test_the_first_line_is_the_status_as_it_was_found(facts, status, first):
    made = document(facts)
    assert (made["status"], status_of(facts)) == (status, status)
    assert made["abstract"].startswith(first)
    assert text(made).decode().startswith('{"abstract":"' + first), "the first line of the file, too"
    assert made["abstract"] in page(made, "00").replace("&#x27;", "'")


PLACES = st.lists(st.just(LEFT), max_size=2)
KEEPS = st.lists(st.sampled_from([KEPT, {**KEPT, "kind": "hold"}, SHELL]), max_size=3)


@given(
    said=st.sampled_from(["complete", "partly", "incomplete"]),
    residues=PLACES,
    collateral=PLACES,
    kept=KEEPS,
    limits=st.lists(st.just("the server's log"), max_size=1),
)
def test_a_certificate_never_sounds_better_than_what_was_found(said, residues, collateral, kept, limits):
    facts = erasure(said, residues=residues, collateral=collateral, kept=kept, limits=limits)
    made = document(facts)
    rank = ["incomplete", "partly", "complete"].index
    assert rank(made["status"]) <= rank(said)
    if residues or collateral:
        assert made["status"] == "incomplete"
    if any(k["kind"] != "structure" for k in kept):
        assert made["status"] != "complete"
    if limits and made["status"] != "incomplete":
        assert "could not be reached" in made["abstract"]


def test_the_bytes_are_the_canonical_ones_of_another_hand():
    made = document(erasure("partly", kept=[KEPT, SHELL], spared={"address": 1}, limits=["é \U0001d11e"]))
    assert text(made) == rfc8785.dumps(json.loads(text(made)))


@pytest.mark.parametrize(("dialect", "limits", "term"), [("duckdb", [], "clear"), ("postgres", ["the log"], "")])
def test_a_word_of_media_sanitization_is_used_only_as_far_as_it_is_true(dialect, limits, term):
    found = {m["where"]: m["term"] for m in methods(erasure(dialect=dialect, limits=limits))}
    assert found["store of customer data"] == term
    assert found["private parts of ledger entries"] == "cryptographic erase"
    assert found["backups made before"] == ""
    assert "cryptographic erase" not in {m["term"] for m in methods(disposal())}, "no key is destroyed there"
    assert methods(disposal(deleted={})) == [], "nothing was done to anything"


@pytest.mark.parametrize(
    ("facts", "how"),
    [
        (erasure(people={"gone": 1, "keys_left": 0}), "The person's key was destroyed."),
        (erasure(people={"gone": 1, "keys_left": 1}), ""),
        (
            disposal(people={"gone": 5, "keys": 2, "keys_left": 0}),
            "Of 5 people whose rows went, 2 keys were destroyed.",
        ),
        (disposal(people={"gone": 1, "keys": 1, "keys_left": 0}), "Of the one whose row went, 1 key was destroyed."),
        (disposal(people={"gone": 5, "keys": 0, "keys_left": 0}), ""),
        (disposal(people={"gone": 5, "keys": 2, "keys_left": 3}), ""),
        (disposal(), ""),
    ],
)
def test_a_key_is_called_destroyed_only_if_it_was_and_was_looked_for_afterwards(facts, how):
    said = [m["how"] for m in methods(facts) if m["term"] == "cryptographic erase"]
    assert (said[0].startswith(how) if how else not said) and len(said) == bool(how)
    about_backups = next(m["how"] for m in methods(facts) if m["where"] == "backups made before")
    assert ("the keys of persons are not in them" in about_backups) == bool(how)


def test_the_page_shows_every_number_and_escapes_every_word():
    nasty = {**KEPT, "why": "<script>alert(1)</script>", "rows": 12_413}
    made = document(erasure("partly", kept=[nasty], residues=[LEFT], recipients=2, review=[LEFT], limits=["a & b"]))
    shown = page(made, sha256(text(made)).hexdigest())
    assert "<script>" not in shown and "&lt;script&gt;" in shown and "a &amp; b" in shown
    assert "12,413" in shown and "were told: 2" in shown and "Wednesday, 25 November 2026" in shown
    assert sha256(text(made)).hexdigest() in shown and made["closing"]["sha256"] in shown
    titles = [s.title for s in sections(made)]
    assert titles[0] == "What was done, and why" and titles[-1] == "Proof"
    assert {"What is still there", "What a person still has to look at", "What could not be reached"} <= set(titles)


def test_a_certificate_after_another_try_names_the_one_before():
    facts = erasure()
    again = replace(facts, replaces=16)
    assert "It replaces the certificate of entry 16" in page(document(again), "00")
    assert "replaces the certificate" not in page(document(facts), "00")
