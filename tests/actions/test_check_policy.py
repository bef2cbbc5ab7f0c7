"""A policy's own tests go through the gate's conditions; each word of a situation does what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rightful.actions.check_policy import named_fields, run_tests, today_us
from rightful.demo import generate
from rightful.policy.loader import load, loads
from tests.actions.conftest import POLICY

DEMO = Path(generate.__file__).parent
NOW = today_us(datetime(2026, 6, 15, 12, tzinfo=UTC))


def asked(given: str, ask: str, expect: str):
    text = POLICY + f"\ntests:\n  - {{given: {given}, ask: {ask}, expect: {expect}}}\n"
    (done,) = run_tests(loads(text, "shop.yaml"), NOW)
    return done


@pytest.mark.parametrize("path", [DEMO / "policy", DEMO / "policy-history" / "2025-01.yaml"], ids=lambda p: p.stem)
def test_the_demo_s_policies_pass_their_own_tests(path):
    done = run_tests(load(path), NOW)
    assert len(done) >= 7
    assert [f"{t.place}: {t.got}" for t in done if not t.passed] == []


LETTER = "marketer newsletter email customer.email"


@pytest.mark.parametrize(
    ("given", "ask", "got"),
    [
        ("{lives: DE}", LETTER, "deny consent_missing"),
        ("{consent: {newsletter/email: given}, lives: DE}", LETTER, "allow consent"),
        ("{consent: {newsletter/email: refused}, lives: DE}", LETTER, "deny consent_refused"),
        ("{consent: {newsletter/email: withdrawn}, lives: DE}", LETTER, "deny consent_withdrawn"),
        ("{consent: {newsletter/email: expired}, lives: DE}", LETTER, "deny consent_expired"),
        ("{consent: {newsletter/email: deferred}, lives: DE}", LETTER, "deny consent_deferred"),
        ("{consent: {newsletter/email: pre-ticked}, lives: DE}", LETTER, "deny consent_invalid"),
        ("{consent: {newsletter/email: unproven}, lives: DE}", LETTER, "deny consent_unprovable"),
        ("{consent: {newsletter/email: given}, lives: DE, age: 17}", LETTER, "deny minor"),
        ("{consent: {newsletter/email: given}, lives: DE, born: 1990-05-05}", LETTER, "allow consent"),
        ("{consent: {newsletter/email: given}, lives: DE, objection: direct-marketing}", LETTER, "deny objected"),
        ("{consent: {newsletter/email: given}, lives: DE, restriction: all}", LETTER, "deny restricted"),
        ("{consent: {newsletter/email: given}, lives: DE, erasure: done}", LETTER, "deny erased"),
        ("{lives: US-CA}", LETTER, "allow opt-out"),
        ("{lives: US-CA, signal: gpc}", "marketer ads customer.email to network", "deny opted_out"),
        ("{lives: US-CA, opted-out: true}", "marketer ads customer.email to network", "deny opted_out"),
        ("{consent: {study: given}, lives: DE, age: 15}", "analyst study customer.points", "deny guardian_missing"),
        ("{consent: {study: guardian-given}, lives: DE, age: 15}", "analyst study customer.points", "allow consent"),
        ("{lives: DE}", "marketer newsletter email customer.notes", "deny"),
        ("{}", "support service customer.email", "allow contract"),
        ("{lives: DE}", "nobody service customer.email", "deny role_unknown"),
    ],
)
def test_a_situation_means_what_it_says(given, ask, got):
    done = asked(given, ask, "deny" if got.startswith("deny") else "allow")
    assert done.passed
    assert set(got.split()) <= set(done.got.split())


def test_an_expectation_that_does_not_hold_fails_and_says_where():
    done = asked("{lives: DE}", LETTER, "allow")
    assert not done.passed
    assert done.place == f"shop.yaml:{POLICY.count(chr(10)) + 3}"
    assert done.got == "deny consent_missing"


@pytest.mark.parametrize("expect", ["deny consent_withdrawn", "deny objected"])
def test_the_right_answer_for_another_reason_is_a_failure(expect):
    assert not asked("{lives: DE}", LETTER, expect).passed


def test_the_right_answer_on_another_basis_is_a_failure():
    assert asked("{}", "support service customer.email", "allow contract").passed
    assert not asked("{}", "support service customer.email", "allow consent").passed


def test_without_a_source_the_fields_are_those_the_policy_and_its_tests_name():
    text = POLICY.replace("purchase.amount, purchase.bought_on", "purchase.*").replace(
        "keys: {fields: [customer.id, purchase.id, purchase.customer_id]}", "keys: {fields: [customer.id]}"
    )
    text += "\ntests:\n  - {given: {}, ask: analyst statistics purchase.amount, expect: allow}\n"
    fields = named_fields(loads(text, "shop.yaml"))
    assert "amount" in fields["purchase"]
    assert "email" in fields["customer"]
