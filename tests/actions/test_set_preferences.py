"""Several choices in one act: all of them, or none."""

from __future__ import annotations

import pytest

from rightful.actions.set_preferences import set_preferences
from rightful.actions.withdraw_consent import object_to
from rightful.errors import BadInput, EventRejected, GuardianMissing, UnknownName
from tests.actions.test_choices import allowed, switches


def test_yes_and_no_are_saved_together(shop):
    before = shop.ledger.head()[0]
    saved = set_preferences(shop, "C001", {("newsletter", "email"): False, ("ads", ""): True})
    assert set(saved.changed) == {("newsletter", "email"), ("ads", "")}
    assert switches(shop, "C001")["newsletter", "email"] == "off" and switches(shop, "C001")["ads", ""] == "on"
    assert shop.ledger.head()[0] == before + 2
    assert {shop.ledger.entry(r.index).kind for r in saved.changed.values()} == {"consent.given", "consent.withdrawn"}


def test_one_choice_that_cannot_be_taken_refuses_the_whole_form(shop):
    before = shop.ledger.head()[0]
    for wrong in (("service", ""), ("newsletter", "pigeon")):
        with pytest.raises(EventRejected):
            set_preferences(shop, "C001", {("ads", ""): True, wrong: wrong != ("service", "")})
    with pytest.raises(UnknownName):
        set_preferences(shop, "C001", {("ads", ""): True, ("nothing", ""): False})
    assert shop.ledger.head()[0] == before and not allowed(shop, "C001", "ads", "")


def test_a_yes_that_stands_is_not_renewed(shop):
    before = shop.ledger.head()[0]
    saved = set_preferences(shop, "C001", {("newsletter", "email"): True})
    assert saved.unchanged == (("newsletter", "email"),) and shop.ledger.head()[0] == before


def test_a_no_to_one_and_a_yes_to_another_leave_the_yes_standing(shop):
    object_to(shop, "C001")
    set_preferences(shop, "C001", {("newsletter", "email"): True, ("ads", ""): False})
    assert switches(shop, "C001")["newsletter", "email"] == "on"
    assert switches(shop, "C001")["ads", ""] == "off"


def test_a_yes_names_its_channel_and_a_form_is_not_empty(shop):
    with pytest.raises(BadInput):
        set_preferences(shop, "C001", {("newsletter", "*"): True})
    with pytest.raises(BadInput):
        set_preferences(shop, "C001", {})
    assert set_preferences(shop, "C001", {("newsletter", "*"): False}).changed


def test_a_minor_gets_no_marketing_and_a_childs_own_yes_does_not_count(shop):
    """C007 was born in 2012 and lives in Germany, where the age of digital consent is 16."""
    with pytest.raises(EventRejected) as marketing:
        set_preferences(shop, "C007", {("newsletter", "email"): True})
    assert marketing.value.code == "consent.minor"
    with pytest.raises(GuardianMissing):
        set_preferences(shop, "C007", {("study", ""): True})
    assert set_preferences(shop, "C007", {("study", ""): False}).changed, "a no needs no age"
