"""No gained answer goes unseen, and the reader understands what is said about it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rightful.gate.plan import compile_plan
from rightful.gate.request import Request
from rightful.policy.bind import bind
from rightful.policy.diff import Change, diff, lines
from rightful.policy.document import with_version
from rightful.policy.loader import load, loads
from rightful.policy.model import Role
from rightful.policy.notice_terms import material_digest, notice_changes, notice_digest, notice_terms
from tests.builders import NOW, RECIPIENTS, notice_sets, policies, subjects
from tests.policy.corpus import BASE

DEMO = Path(__file__).parents[2] / "rightful" / "demo"
CATALOGUE = {"customer": ["email", "phone", "income", "health"]}


def changed(old: str, new: str) -> list[Change]:
    assert BASE.count(old) == 1, old
    return diff(loads(BASE), loads(BASE.replace(old, new)))


def kinds(changes) -> set[str]:
    return {c.kind for c in changes}


# --- nothing is missed -----------------------------------------------------------------------------


@st.composite
def versions(draw):
    """Two policies; the second often differs in one thing only, as versions do."""
    old = draw(policies())
    if draw(st.booleans()):
        return old, draw(policies())
    other = draw(policies())
    name = draw(st.sampled_from(["top", "a", "b", "solo"]))
    purposes = {**old.purposes, name: replace(other.purposes[name], parent=old.purposes[name].parent)}
    roles = {**old.roles, "clerk": Role("clerk", ("solo",))} if draw(st.booleans()) else old.roles
    return old, replace(old, purposes=purposes, roles=roles)


def passing(policy, notices, subject, ask) -> frozenset[str]:
    role, purpose, channel, recipient = ask
    request = Request("x", role, purpose, channel, recipient, ("customer.email", "customer.income", "customer.health"))
    decision = compile_plan(policy, bind(policy, CATALOGUE), notices, request, NOW).decide(subject, NOW, 0)
    return frozenset() if decision.reasons else frozenset(decision.allowed_fields)


ASKS = st.tuples(
    st.sampled_from(["marketer", "clerk"]),
    st.sampled_from(["top", "a", "b", "solo"]),
    st.sampled_from(["email", "sms", ""]),
    st.sampled_from(RECIPIENTS),
)


@settings(max_examples=400, deadline=None)
@given(versions(), notice_sets(), subjects(), ASKS)
def test_every_field_a_customer_gains_or_loses_at_the_gate_is_in_the_diff(two, notices, subject, ask):
    old, new = (with_version(policy) for policy in two)
    role, purpose, channel, recipient = ask
    before, after = passing(old, notices, subject, ask), passing(new, notices, subject, ask)
    found = {
        (c.kind, c.field)
        for c in diff(old, new, CATALOGUE)
        if (c.role, c.purpose, c.recipient) == (role, purpose, recipient) and channel in (c.channel, "")
    }
    for field in after - before:
        assert ("widening", field) in found, "a gain that is not called a widening"
    for field in before - after:
        assert {("narrowing", field), ("widening", field)} & found, "a loss that is not told"


@given(policies())
def test_a_policy_does_not_differ_from_itself(policy):
    assert diff(policy, policy, CATALOGUE) == []


@settings(max_examples=50, deadline=None)
@given(versions())
def test_a_narrowing_read_backwards_is_a_widening(two):
    def asked(change):
        return change.role, change.purpose, change.regime, change.recipient, change.channel, change.field, change.what

    back = {asked(c): c.kind for c in diff(two[1], two[0], CATALOGUE)}
    for change in diff(*two, CATALOGUE):
        if change.kind == "narrowing":
            assert back[asked(change)] == "widening"


@settings(max_examples=50, deadline=None)
@given(versions())
def test_widenings_come_first_and_every_change_has_a_sentence(two):
    found = diff(*two, CATALOGUE)
    order = [("widening", "narrowing", "changed").index(c.kind) for c in found]
    assert order == sorted(order)
    assert all(c.sentence for c in found)
    assert bool(lines(found)) == bool(found)


# --- which way a change goes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  marketer: [marketing]", "  marketer: [marketing, counts]", {"widening"}),
        ("except: [order.total]", "except: [order.total, order.street]", {"narrowing"}),
        ("needs: [identity, customer.email]", "needs: [identity, contact]", {"widening"}),
        ("needs: [identity, contact, orders.street]", "needs: [identity, contact]", {"narrowing"}),
        ("channels: [email]", "channels: [email, sms]", {"widening"}),
        ("as: {customer.email: sha256}\n", "as: {customer.last_name: initial}\n", {"widening", "narrowing"}),
        ("24 months after the last open or click", "12 months after the last open or click", {"narrowing"}),
        ("24 months after the last open or click", "36 months after the last open or click", {"widening"}),
        ("20 people", "30 people", {"narrowing"}),
        ("20 people", "10 people", {"widening"}),
        ("output: {only: aggregates, at-least: 20 people}", "output: {at-least: 20 people}", {"widening"}),
        ("direct-marketing: true", "direct-marketing: false", {"widening"}),
        ("    survives: [objection, withdrawal, erasure]\n", "", {"narrowing"}),
        ("{DE: 16, FR: 15}", "{DE: 14, FR: 15}", {"widening"}),
        ("strictest", "deny", {"narrowing", "changed"}),
        ("adult-unless-service-for-children", "deny", {"narrowing", "changed"}),
        ("for: [marketing]", "for: [marketing, tax]", {"changed"}),
        ("signals: [gpc]", "signals: []", {"changed"}),
        ("6 months after the last delivery", "7 months after the last delivery", {"widening"}),
        ("6 months after the last delivery", "6 months after the order", {"widening"}),
        ("6 months after the last delivery", "5 months after the last delivery", {"narrowing"}),
        ("after 6 months", "after 3 months", {"widening"}),
        ("until: 2027-12-31", "until: 2028-12-31", {"widening"}),
        ("until: 2027-12-31", "until: 2027-06-30", {"narrowing"}),
        ("country: DE", "country: FR", {"widening"}),
        ("country: DE,", "country: DE, sub-processors: general-authorisation,", {"widening"}),
        (", covers: [identity]", "", {"widening"}),
        ("DPA-1", "DPA-2", {"changed"}),
        ("We count.", "We count people.", {"changed"}),
        ('"AO 147"', '"AO 148"', {"changed"}),
        ("Europe/Berlin", "Europe/Lisbon", {"widening"}),
        ("version: 2026-11-01", "version: next", {"changed"}),
        ('because: "GDPR 9"', 'because: "GDPR 9(1)"', {"changed"}),
        ("[gdpr, eprivacy]", "[gdpr]", {"changed"}),
        ("    compatible-with: [delivery]\n", "", {"widening"}),
    ],
)
def test_a_change_is_called_what_it_is(old, new, expected):
    found = changed(old, new)
    if "Lisbon" in new:
        assert "widening" in kinds(found)
    else:
        assert kinds(found) == expected, [c.sentence for c in found]


def test_a_country_that_moves_to_another_law_shows_as_what_it_means_there():
    found = changed("where: [US-CA]", "where: [US-CA, FR]")
    assert {c.regime for c in found} == {"FR"}
    assert kinds(found) == {"narrowing"}, "two laws have to agree now"
    gone = changed(
        "where: [DE, FR], digital-consent-age: {DE: 16, FR: 15}", "where: [DE], digital-consent-age: {DE: 16}"
    )
    assert kinds(gone) == {"narrowing"}, "France has no law now, so every regime has to agree"


def test_a_renamed_purpose_is_a_new_one():
    text = BASE.split("tests:")[0]
    found = diff(loads(text), loads(text.replace("newsletter", "letters")))
    assert {(c.kind, c.purpose) for c in found} == {("widening", "letters"), ("narrowing", "newsletter")}


def test_a_field_that_moves_to_another_category_loses_its_old_restrictions_so_it_widens():
    text = BASE.replace("needs: [identity, customer.email]", "needs: [identity, contact]")
    moved = text.replace("customer.last_name]}", "customer.last_name, customer.phone]}").replace(
        ", customer.phone]}\n  orders", "]}\n  orders"
    )
    found = [c for c in diff(loads(text), loads(moved)) if c.purpose == "newsletter"]
    assert {(c.kind, c.field) for c in found} == {("widening", "customer.phone")}


def test_the_demo_versions_differ_as_their_author_says():
    old, new = load(DEMO / "policy-history" / "2025-01.yaml"), load(DEMO / "policy")
    start = time.process_time()
    found = diff(old, new)
    assert time.process_time() - start < 1
    said = "\n".join(lines(found))
    assert "marketer may now read customer.email for ads-audience, to be sent to ad-network (shown as sha256)" in said
    assert "marketer may no longer read web_visit.* for newsletter by email (field not needed)" in said
    assert "is now aggregates over at least 20 people" in said
    assert {c.purpose for c in found if c.kind == "widening"} == {
        "ads-audience", "churn-analysis", "partner-offers", "savings-offers", "tax-records",
    }  # fmt: skip


def test_a_sentence_names_who_what_for_and_where():
    assert lines(changed("  marketer: [marketing]", "  marketer: [marketing, counts]")) == (
        (
            "marketer may now read order.*, order.street and order.total for counts (aggregates over at least 20 "
            "people), under EU, CA and an unknown residence unless they object"
        ),
    )
    assert lines(changed("direct-marketing: true", "direct-marketing: false")) == (
        (
            "marketer may read more freely customer.first_name, customer.last_name and customer.email for newsletter "
            "by email, under EU was no minor, no objection, no objection to direct marketing, is now without more; "
            "under CA and an unknown residence was no objection to direct marketing, is now without more"
        ),
    )


# --- notices ---------------------------------------------------------------------------------------


def test_S05_a_corrected_sentence_changes_the_notice_but_not_what_a_consent_covers():
    (change,) = notice_changes(loads(BASE), loads(BASE.replace("things you may like.", "what you may like.")))
    assert (change.purpose, change.what, change.material) == ("newsletter", ("says",), False)


def test_S04_a_new_field_or_recipient_is_material():
    for old, new in (
        ("needs: [identity, customer.email]", "needs: [identity, contact]"),
        ("channels: [email]", "channels: [email]\n        recipients: [carrier]"),
    ):
        (change,) = notice_changes(loads(BASE), loads(BASE.replace(old, new)))
        assert change.purpose == "newsletter"
        assert change.material


def test_the_digest_of_a_notice_does_not_depend_on_order():
    one, two = loads(BASE), loads(BASE.replace("[identity, customer.email]", "[customer.email, identity]"))
    first, second = notice_terms(one, "newsletter"), notice_terms(two, "newsletter")
    assert notice_digest(first) == notice_digest(second)
    assert material_digest(first) == material_digest(second)


def test_a_new_and_a_dropped_purpose_change_the_notice():
    text = BASE.replace("[delivery, tax, counts]", "[delivery, tax]")
    head, rest = text.split("  counts:\n")
    smaller = loads(head + rest[rest.index("recipients:\n") :])
    assert [(c.purpose, c.material) for c in notice_changes(smaller, loads(BASE))] == [("counts", True)]
    assert [(c.purpose, c.material) for c in notice_changes(loads(BASE), smaller)] == [("counts", True)]
