# ruff: noqa: E501 - a case per line reads as a table
"""What is suspicious about a policy that loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from rightful.policy.check import check
from rightful.policy.loader import load, loads
from tests.policy.corpus import BASE

DEMO = Path(__file__).parents[2] / "rightful" / "demo"


def found(old: str, new: str, severity: str = "error"):
    assert BASE.count(old) == 1, old
    return [p for p in check(loads(BASE.replace(old, new))) if p.severity == severity]


def test_the_base_and_the_demo_policies_do_not_contradict_themselves():
    assert [str(p) for p in check(loads(BASE)) if p.severity == "error"] == []
    assert check(load(DEMO / "policy")) == []
    assert check(load(DEMO / "policy-history" / "2025-01.yaml")) == []


def test_E04_a_permit_and_a_denial_of_the_same_thing_are_both_named():
    (problem,) = found("use: [health]", "use: [contact.email]")
    assert problem.what.startswith(
        'never rule 1 ("GDPR 9") and purpose newsletter contradict each other over customer.email: the answer is no.'
    )
    assert (problem.line, problem.column) == (47, 5)


def test_E05_a_general_denial_beats_a_specific_permit_unless_it_names_the_exception():
    assert found("{use: [health], for: [marketing]", "{use: [identity], for: [marketing]")
    assert not found(
        "{use: [health], for: [marketing]", "{use: [identity], for: [marketing, counts], except: [newsletter]"
    )


def test_a_denial_of_a_whole_category_is_told_by_the_name_the_author_used():
    (problem,) = found("{use: [health], for: [marketing]", "{use: [orders], for: [counts]")
    assert "contradict each other over orders:" in problem.what


def test_P03_compatible_with_a_purpose_that_rests_on_consent_is_an_error():
    (problem,) = found("compatible-with: [delivery]", "compatible-with: [newsletter]")
    assert "purpose counts is compatible-with newsletter, which rests on consent in EU" in problem.what


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("needs: [identity, contact, orders.street]", "needs: [identity, contact, notes]", "needs notes, a special category, without a ground"),
        ('{legal-obligation: "AO 147"}', "legal-obligation", "rests on legal-obligation and does not say on which"),
        ("    basis: contract\n", "    basis: contract\n    consent: {expires: 1 year}\n", "says when consent expires but asks for none"),
        ("{EU: consent, CA: opt-out}", "{EU: opt-out, CA: opt-out}", "sends marketing messages on opt-out in EU"),
        (", at-least: 20 people", "", "returns aggregates without a smallest group"),
        ("    recipients: [carrier]\n", "", "no purpose sends anything to recipient carrier"),
        ("  marketer: [marketing]", "  marketer: [counts]", "no role may pursue purpose newsletter"),
        ("  contact: {fields", "  city: {fields: [customer.city]}\n  contact: {fields", "no purpose needs category city"),
    ],
)  # fmt: skip
def test_a_slip_is_a_warning(old, new, says):
    assert any(says in p.what for p in found(old, new, "warning"))


def test_P11_a_special_category_with_a_ground_is_no_slip():
    text = BASE.replace(
        "needs: [identity, contact, orders.street]", "needs: [identity, notes]\n    special-ground: explicit-consent"
    )
    assert not [p for p in check(loads(text)) if "special category" in p.what]


def test_S12_the_same_use_on_another_ground_is_pointed_out():
    text = BASE.replace(
        "      newsletter:\n",
        '      letters: {basis: {EU: {legitimate-interest: "LIA-2"}, CA: opt-out}, channels: email, needs: [identity, customer.email]}\n'
        "      newsletter:\n",
    )
    assert any("what newsletter does on consent" in p.what for p in check(loads(text)))


@pytest.mark.parametrize(
    ("old", "new", "says", "near"),
    [
        ("ask: marketer newsletter", "ask: marketr newsletter", 'test 1 names role "marketr"', "marketer"),
        ("ask: marketer newsletter", "ask: marketer newsleter", 'test 1 names purpose "newsleter"', "newsletter"),
        (
            "newsletter email customer.email,",
            "newsletter emial customer.email,",
            'test 1 names channel "emial"',
            "email",
        ),
        ("customer.email, expect", "customer.email to carier, expect", 'test 1 names recipient "carier"', "carrier"),
        ("{newsletter/email:", "{newsletters/email:", 'test 1 names purpose "newsletters"', "newsletter"),
    ],
)
def test_a_misspelt_name_in_a_test_is_an_error(old, new, says, near):
    (problem,) = found(old, new)
    assert says in problem.what
    assert problem.near == near


def test_a_test_may_ask_for_what_does_not_exist_if_it_expects_that():
    text = "ask: marketer newsletter email customer.email, expect: deny consent_withdrawn"
    assert not found(text, "ask: marketer nothing customer.email, expect: deny purpose_unknown")


def test_a_field_in_no_category_is_a_warning_in_a_test():
    (problem,) = [
        p for p in found("email customer.email, expect", "email customer.emial, expect", "warning") if "test" in p.what
    ]
    assert problem.near == "customer.email"
