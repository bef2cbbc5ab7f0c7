"""The version of a policy: the same meaning has the same one, another meaning another."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from rightful.errors import RecordMismatch
from rightful.ledger.canonical import canonical
from rightful.policy.document import as_document, from_document, meaning, version_of, with_version
from rightful.policy.loader import load, loads
from tests.builders import policies
from tests.policy.corpus import BASE

ROOT = Path(__file__).parents[2]


def shuffled(text: str, seed: int) -> str:
    """The policy with its sections, and the entries of each, in another order, remarks and blank lines added."""
    rng = random.Random(seed)
    sections = re.split(r"^(?=\S)", text, flags=re.M)[1:]
    mixed = []
    for section in sections:
        head, *rest = section.splitlines(keepends=True)
        entries = re.split(r"^(?=  \S)", "".join(rest), flags=re.M)[1:]
        if not head.startswith("tests"):
            rng.shuffle(entries)
        mixed.append(head + "".join(f"  # remark {rng.random()}\n\n{entry}" for entry in entries))
    rng.shuffle(mixed)
    return "".join(mixed)


@pytest.mark.parametrize("seed", range(8))
def test_order_remarks_and_layout_do_not_change_the_version(seed):
    other = shuffled(BASE, seed)
    assert other != BASE
    assert loads(other).version == loads(BASE).version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[customer.email, customer.phone]", "[customer.phone, customer.email]"),
        ("[objection, withdrawal, erasure]", "[erasure, objection, withdrawal]"),
        ("basis: contract", "basis: {EU: contract, CA: contract}"),
        ("at-least: 20 people", "at-least: 20"),
        ("ask-again: after 6 months", "ask-again: 6 months"),
        ("  marketer: [marketing]", "  marketer: {purposes: marketing}"),
        ("until: 2027-12-31,", "until: 2027-12-31T23:00:00Z,"),
        ("unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}\n", ""),
        ("    survives:", "    serves: [CA, EU]\n    survives:"),
        ("lives: DE", "lives: FR"),
        ("country: DE,", "country: DE, kind: third-party, sub-processors: deny,"),
    ],
)
def test_another_way_to_say_the_same_keeps_the_version(old, new):
    assert BASE.count(old) == 1
    assert loads(BASE.replace(old, new)).version == loads(BASE).version


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: Shop", "name: Shops"),
        ("version: 2026-11-01", "version: 2026-11-02"),
        ("owner: privacy@", "owner: office@"),
        ("Europe/Berlin", "Europe/Paris"),
        ("strictest", "deny"),
        ("FR: 15", "FR: 16"),
        ("signals: [gpc]", "signals: []"),
        ("treat-as: special", "special: gdpr-9"),
        ("except: [order.total]", "except: [order.tax]"),
        ("We count.", "We counted."),
        ('"AO 147"', '"AO 148"'),
        ("20 people", "21 people"),
        ("24 months after the last open or click", "24 months"),
        ("DPA-1", "DPA-2"),
        ("2027-12-31", "2027-12-30"),
        ("covers: [identity]", "covers: [identity, contact]"),
        ('"GDPR 9"', '"GDPR 9."'),
        ("sha256", "mask"),
    ],
)
def test_another_meaning_has_another_version(old, new):
    assert loads(BASE.replace(old, new, 1)).version != loads(BASE).version


def test_tests_do_not_change_the_version():
    assert loads(BASE.split("tests:")[0]).version == loads(BASE).version


@pytest.mark.parametrize(
    "path", [ROOT / "tests/policy/example.yaml", ROOT / "rightful/demo/policy"], ids=lambda p: p.name
)
def test_a_policy_kept_as_json_opens_exactly_as_it_was(path):
    policy = load(path)
    kept = json.dumps(as_document(policy), sort_keys=True)
    opened = from_document(json.loads(kept))
    assert opened == policy
    assert as_document(opened) == as_document(policy)


@given(policies())
def test_any_policy_survives_being_kept(policy):
    policy = with_version(policy)
    assert from_document(json.loads(json.dumps(as_document(policy)))) == policy


@given(policies(), policies())
def test_versions_are_equal_only_for_equal_meanings(one, two):
    assert (version_of(one) == version_of(two)) == (meaning(one) == meaning(two))


def test_the_canonical_bytes_are_those_of_another_hand():
    said = meaning(load(ROOT / "rightful/demo/policy"))
    assert canonical(said) == rfc8785.dumps(said)


def test_a_changed_document_is_not_opened():
    document = as_document(loads(BASE))
    document["purposes"]["counts"]["at_least"] = 2
    with pytest.raises(RecordMismatch):
        from_document(document)


@pytest.mark.parametrize("damage", [{"format": 2}, {"purposes": {"x": {}}}, {"regimes": None}, {"never": [1]}])
def test_a_damaged_document_is_refused_as_what_it_is(damage):
    with pytest.raises(RecordMismatch):
        from_document({**as_document(loads(BASE)), **damage})


def test_places_are_for_messages_only():
    policy = loads(BASE)
    assert replace(policy, places={}) == policy
    assert "places" not in as_document(policy)


@given(st.permutations(["identity", "contact", "orders.street"]))
def test_the_order_of_needs_is_kept_but_means_nothing(needs):
    policy = loads(BASE.replace("[identity, contact, orders.street]", f"[{', '.join(needs)}]"))
    assert policy.purposes["delivery"].needs == tuple(needs)
    assert policy.version == loads(BASE).version
