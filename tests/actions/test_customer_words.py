"""What people are told is called: as the policy names it in their language, else tidied; never a raw name."""

from __future__ import annotations

import pytest

from rightful.actions.customer_words import SENTENCES, Said, field_name, says, table_name
from rightful.errors import PolicyRefused
from rightful.gate.conditions import REASONS
from rightful.policy.loader import loads
from tests.actions.conftest import POLICY

WORDS = """
words:
  customer.email: {en: mailbox, de: Postfach}
  customer: {de: Kunde}
"""


def test_fields_and_tables_have_names_for_customers_in_their_language():
    policy = loads(POLICY + WORDS)
    assert str(field_name(policy, "customer.email", "de")) == "Postfach"
    assert str(field_name(policy, "customer.email", "fr")) == "Mailbox", "the policy's own language, else"
    assert table_name(policy, "customer", "de-AT") == "Kunde"
    assert table_name(policy, "purchase", "de") == "Purchase"


@pytest.mark.parametrize("name", ["customer.ghost", "ghost", "customer.email.x", "ghost.email"])
def test_a_name_for_what_no_category_knows_is_refused(name):
    with pytest.raises(PolicyRefused):
        loads(POLICY + f"\nwords:\n  {name}: {{de: Gespenst}}\n")


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("customer.duration_s", "Duration (seconds)"),
        ("customer.last_contact_on", "Last contact"),
        ("customer.created_at", "Created"),
        ("customer.at", "At"),
        ("customer.first_name", "First name"),
        ("customer.s", "S"),
    ],
)
def test_a_field_the_policy_does_not_name_is_tidied(name, label):
    assert str(field_name(loads(POLICY), name, "en")) == label


def test_a_purpose_is_said_in_its_words_and_an_old_one_by_its_name():
    policy = loads(POLICY)
    assert says(policy, "newsletter", "en") == "We send you our letter."
    assert says(policy, "old-purpose", "en") == "old purpose"


def test_every_reason_a_customer_can_meet_on_their_own_pages_has_a_sentence():
    """Reasons about fields, roles and recipients concern a use, not a purpose, and never reach a switch."""
    met = {
        code
        for code in REASONS
        if not any(
            word in code for word in ("field", "role", "recipient", "agreement", "safeguard", "category", "unknown")
        )
    }
    assert met - {"purpose_abstract", "never_rule", "incompatible", "special_category"} <= set(SENTENCES)


def test_sentences_are_short_and_address_the_customer():
    for code, sentence in SENTENCES.items():
        assert all(len(part.split()) <= 20 for part in sentence.split(". ")), code
        assert "GDPR" not in sentence and "data subject" not in sentence, code


def test_a_sentence_says_its_words():
    assert str(Said("counted", {"people": 12_413})).startswith("You were one of 12,413 people")
