# ruff: noqa: E501 - a case per line reads as a table
"""What a policy may say for its public notice: read, refused where it is wrong, kept, and without effect on older versions."""

from __future__ import annotations

import json

import pytest

from rightful.errors import PolicyRefused
from rightful.policy.document import as_document, from_document
from rightful.policy.loader import eea, loads
from rightful.policy.told import told
from tests.notices.policies import COMPLETE, changed
from tests.policy.corpus import BASE


def test_everything_said_for_the_notice_survives_keeping():
    policy = loads(COMPLETE)
    kept = from_document(json.loads(json.dumps(as_document(policy))))
    assert kept == policy
    assert kept.controller.name == "Meadow, S.A."
    assert kept.purposes["newsletter"].says_in == {"de": "Wir schicken Ihnen Neues."}
    assert kept.categories["credit"].source_name == "Harbour Credit"


def test_a_policy_that_says_none_of_it_keeps_the_version_it_always_had():
    words = json.dumps(as_document(loads(BASE)))
    for key in ("controller", "dpo", "complaint", "says_in", "interest", "automated", "source_name", "language"):
        assert f'"{key}": ' not in words


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("de: Wir schicken Ihnen Neues.", "de: Wir schicken Ihnen Altes."),
        ("email: privacy@meadow.example}", "email: other@meadow.example}"),
        ("dpo: {email: dpo@meadow.example}", "dpo: not-required"),
        ("name: CNPD", "name: Other"),
        ("from: use", "from: you"),
        ("name: Swift Parcels, ", ""),
        ("{de: nach dem Widerruf}", "{de: ab dem Widerruf}"),
        ("interest: {en: We want to be paid.", "interest: {en: We want our money."),
    ],
)
def test_saying_something_else_is_another_version(old, new):
    assert loads(changed(COMPLETE, replace={old: new})).version != loads(COMPLETE).version


def test_a_text_in_one_language_and_the_same_text_in_a_map_are_the_same():
    one = changed(COMPLETE, replace={"{en: We send you news., de: Wir schicken Ihnen Neues.}": "We send you news."})
    same = changed(one, replace={"says: We send you news.": "says: {en: We send you news.}"})
    assert loads(one).version == loads(same).version


def test_the_language_of_the_policy_can_be_another_one():
    text = changed(COMPLETE, replace={"timezone: Europe/Lisbon}": "timezone: Europe/Lisbon, language: de}"})
    policy = loads(text)
    assert policy.purposes["newsletter"].says == "Wir schicken Ihnen Neues."
    assert policy.purposes["newsletter"].says_in == {"en": "We send you news."}
    assert told(policy, eea())["languages"] == ["de", "en"]


def test_a_field_is_told_by_its_category_and_named_alone_where_only_it_is_used():
    purposes = {p["id"]: p["data"] for p in told(loads(COMPLETE), eea())["purposes"]}
    assert purposes["newsletter"] == {"identity": [], "contact": ["email"]}
    assert purposes["delivery"] == {"identity": [], "contact": [], "orders": []}


def test_third_countries_are_those_outside_the_european_economic_area():
    recipients = told(loads(COMPLETE), eea())["recipients"]
    assert [name for name, r in recipients.items() if r["third_country"]] == ["ad-network"]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("en: We send you news., ", "", "lacks en, the language of this policy"),
        ("de: Wir schicken Ihnen Neues.", "pt: Novidades.", '"pt" is no language in says of purpose newsletter'),
        ("timezone: Europe/Lisbon}", "timezone: Europe/Lisbon, language: pt}", '"pt" is no language of policy'),
        ("dpo: {email: dpo@meadow.example}", "dpo: {name: Olga}", "dpo says no way to reach anybody"),
        ("dpo: {email: dpo@meadow.example}", "dpo: somebody", '"somebody" is no dpo'),
        ("dpo: {email: dpo@meadow.example}", "dpo: {email: nobody}", "email of dpo is an e-mail address"),
        ("email: privacy@meadow.example}\ndpo", "email: privacy@meadow.example, site: \"http://meadow.example\"}\ndpo", "begins with https://"),
        ("address: \"Rua das Flores 1, Lisboa\", ", "", "controller lacks address"),
        ("complaint: {EU:", "complaint: {EUU:", 'unknown regime "EUU" in complaint'),
        ("from: use", "from: thieves", '"thieves" is no from of category orders'),
        ("from: {others: Harbour Credit}", "from: others", "says others and not who"),
        ("  the withdrawal: {de", "  the withdrawl: {de", "its words would never be used"),
        ("{de: nach dem Widerruf}", "{xx: nach dem Widerruf}", '"xx" is no language in words'),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_place(old, new, says):
    with pytest.raises(PolicyRefused) as refused:
        loads(changed(COMPLETE, replace={old: new}))
    assert any(says in problem.what and problem.line for problem in refused.value.problems), refused.value.problems
