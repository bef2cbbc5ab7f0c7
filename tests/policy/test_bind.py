"""Which column is what, once the policy meets the tables."""

from __future__ import annotations

import pytest

from rightful.gate.plan import Fields
from rightful.policy.bind import bind, catalogue_of
from rightful.policy.loader import loads
from rightful.policy.model import Category
from tests.builders import policy as build
from tests.builders import purpose
from tests.policy.corpus import BASE

CATALOGUE = {
    "customer": ["id", "first_name", "last_name", "email", "phone"],
    "order": ["id", "total", "street", "gift_note", "lens"],
}


@pytest.fixture(scope="module")
def bound():
    return bind(loads(BASE), CATALOGUE)


def test_every_column_has_one_category_or_none(bound):
    assert bound.category_of["order.total"] == "orders"
    assert bound.category_of["order.gift_note"] == "notes", "excepted from orders"
    assert bound.category_of["order.lens"] == "health", "named by itself, which beats order.*"
    assert bound.unclassified == {"customer.id"}
    assert bound.mismatches == ()


def test_needs_become_fields_in_the_order_they_are_named(bound):
    assert bound.fields_of("delivery") == (
        "customer.first_name", "customer.last_name", "customer.email", "customer.phone", "order.street",
    )  # fmt: skip
    assert bound.fields_of("newsletter") == ("customer.first_name", "customer.last_name", "customer.email")
    assert bound.fields_of("counts") == ("order.id", "order.total", "order.street")
    assert bound.fields_of("marketing") == ()
    assert bound.fields_of("nobody-knows") == ()


def test_a_role_sees_what_only_allows_and_except_leaves(bound):
    assert bound.role_may("clerk", "order.street")
    assert not bound.role_may("clerk", "order.total"), "in its except"
    assert not bound.role_may("clerk", "customer.email"), "not in its only"
    assert bound.role_may("marketer", "customer.email")
    assert not bound.role_may("nobody", "customer.email")


def test_an_agreement_covers_what_it_names_or_everything(bound):
    assert bound.recipient_covers("carrier", "customer.last_name")
    assert not bound.recipient_covers("carrier", "customer.email")
    assert not bound.recipient_covers("nobody", "customer.email")
    free = bind(loads(BASE.replace(", covers: [identity]", "")), CATALOGUE)
    assert free.recipient_covers("carrier", "customer.email")


def test_transforms_and_special_categories_are_known_per_field(bound):
    assert bound.transform("newsletter", "customer.email") == "sha256"
    assert bound.transform("delivery", "customer.email") == ""
    assert bound.special("order.lens")
    assert bound.special("order.gift_note")
    assert not bound.special("order.total")


def test_what_is_not_there_is_told_with_its_place_and_the_nearest_name():
    found = bind(loads(BASE), {**CATALOGUE, "customer": ["first_name", "last_name", "e_mail", "phone"]}).missing
    assert str(found[0]) == (
        'policy.yaml:9:22: category contact names customer.email, which is not there. Did you mean "customer.e_mail"?'
    )
    assert len(found) == 1, "one name is told once"


def test_a_table_that_is_not_there_is_told():
    found = bind(loads(BASE), {"customer": CATALOGUE["customer"], "orders": CATALOGUE["order"]}).missing
    assert found[0].what == "category orders names order.*, but there is no table order"
    assert found[0].near == "orders.*"


def test_a_role_limited_to_what_is_not_there_sees_nothing():
    bound = bind(loads(BASE.replace("only: [identity, orders]", "only: [contact.phone]")), {"customer": ["email"]})
    assert not bound.role_may("clerk", "customer.email")


def test_a_field_in_two_categories_is_in_neither_and_both_are_named():
    policy = build(
        purpose("a", needs=("contact",)),
        categories={
            "contact": Category("contact", ("customer.email",)),
            "other": Category("other", ("customer.email",)),
        },
    )
    bound = bind(policy, {"customer": ["email"]})
    assert bound.unclassified == {"customer.email"}
    assert bound.fields_of("a") == ()
    assert [p.what for p in bound.contradictions] == ["customer.email is in two categories: contact and other"]


def test_a_plain_category_cannot_take_a_field_out_of_a_special_one():
    policy = build(
        purpose("a", needs=("plain",)),
        categories={
            "notes": Category("notes", ("ticket.*",), treat_as_special=True),
            "plain": Category("plain", ("ticket.body",)),
        },
    )
    bound = bind(policy, {"ticket": ["body", "title"]})
    assert bound.unclassified == {"ticket.body"}
    assert bound.category_of == {"ticket.title": "notes"}


def test_a_field_that_its_own_category_excepts_is_in_none():
    policy = build(purpose("a", needs=("c",)), categories={"c": Category("c", ("t.*", "t.x"), ("t.x",))})
    assert bind(policy, {"t": ["x", "y"]}).unclassified == {"t.x"}


def test_a_category_and_a_table_of_one_name_are_both_meant():
    policy = build(
        purpose("a", needs=("address.city",)),
        categories={
            "address": Category("address", ("customer.city",)),
            "place": Category("place", ("address.city",)),
        },
    )
    bound = bind(policy, {"customer": ["city"], "address": ["city"]})
    assert set(bound.fields_of("a")) == {"customer.city", "address.city"}


def test_columns_that_differ_only_in_unicode_form_are_not_used():
    policy = build(purpose("a", needs=("c",)), categories={"c": Category("c", ("t.*",))})
    bound = bind(policy, {"t": ["caf\u00e9", "cafe\u0301", "x"]})
    assert bound.unclassified == {"t.caf\u00e9"}
    assert bound.fields_of("a") == ("t.x",)
    assert "Unicode" in bound.contradictions[0].what


def test_hostile_column_names_are_just_names():
    names = ['a"; DROP TABLE x;--', "a'b", "a.b", "a b", "*", "ä"]
    policy = build(purpose("a", needs=("c",)), categories={"c": Category("c", ("t.*",))})
    assert bind(policy, {"t": names}).fields_of("a") == tuple(f"t.{name}" for name in names)


def test_without_a_source_the_policy_names_its_own_columns():
    policy = loads(BASE)
    assert catalogue_of(policy) == {
        "customer": ("first_name", "last_name", "email", "phone"),
        "order": ("*", "gift_note", "lens", "street", "total"),
    }
    assert bind(policy, catalogue_of(policy)).mismatches == ()


def test_the_gate_can_ask_it(bound):
    fields: Fields = bound
    assert fields.category_of["customer.email"] == "contact"
