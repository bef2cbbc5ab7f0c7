"""How a decision reads: aligned, complete, at most one screen, and without orders for what was refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rightful.gate.conditions import REASONS
from rightful.gate.explain import MOST_LINES, SHORT, explain, sentence_for
from rightful.gate.plan import reason
from rightful.gate.request import Decision, FieldOutcome, Request
from rightful.terms import Outcome

ASK = Request("max@shop.example", "marketer", "newsletter", "email", "mailer")


def decision(outcome=Outcome.ALLOW, **more) -> Decision:
    values = {
        "request": ASK,
        "at_us": 0,
        "policy_version": "a" * 64,
        "state_version": 12,
        "outcome": outcome,
        "basis": {"EU": "consent"},
        "evidence": "",
        "fields": (FieldOutcome("customer.email", True),),
        "reasons": (),
    }
    return Decision(**(values | more))


def bulk(withheld: dict[str, int], permitted: int = 41_208) -> Decision:
    return decision(permitted=permitted, known=permitted + sum(withheld.values()), withheld=withheld)


def test_numbers_reasons_and_articles_stand_in_columns():
    lines = explain(bulk({"consent_missing": 9_811, "consent_expired": 211, "minor": 3})).splitlines()
    assert lines[0] == "41,208 of 51,233 customers may be used for newsletter by email to mailer; 10,025 withheld:"
    rows = lines[2:5]
    assert [row.split()[0] for row in rows] == ["9,811", "211", "3"], "largest first"
    assert len({row.index("GDPR") for row in rows}) == 1, "articles line up"
    ends = {row.index(count) + len(count) for row, count in zip(rows, ("9,811", "211", "3"), strict=True)}
    assert len(ends) == 1, "numbers line up"


def test_nobody_withheld_is_one_short_answer():
    text = explain(bulk({}))
    assert "withheld" not in text
    assert text.startswith("41,208 of 41,208 customers may be used")


@pytest.mark.parametrize("count", [0, 1, 12, 40])
def test_it_is_never_more_than_one_screen(count):
    every = dict(list(dict.fromkeys(REASONS, 5).items())[:count])
    fields = tuple(
        FieldOutcome(f"customer.f{i}", False, "", (reason("field_not_needed", ASK, f"customer.f{i}"),))
        for i in range(60)
    )
    duties = ("recheck_before_use", "notify_recipient", "aggregate_at_least 20")
    text = explain(replace(bulk(every), fields=fields, obligations=duties, evidence="2026-02", entry=7))
    assert len(text.splitlines()) <= MOST_LINES + 2
    if count > 20:
        assert "more reasons" in text


def test_a_refusal_says_what_would_change_it_and_orders_nothing():
    refused = decision(Outcome.DENY, reasons=(reason("consent_withdrawn", ASK),), obligations=("recheck_before_use",))
    text = explain(refused)
    assert text.startswith("No: nothing may be used for newsletter by email to mailer")
    assert "Consent to newsletter was withdrawn (GDPR 7(3))" in text
    assert "What would change it: only a fresh consent by the customer" in text
    assert "asks you to" not in text
    assert "rests on" not in text


def test_fields_with_the_same_reason_are_drawn_together():
    fields = tuple(
        FieldOutcome(f"customer.{n}", False, "", (reason("field_not_covered", ASK, f"customer.{n}"),))
        for n in "abcdefgh"
    )
    told = decision(Outcome.PARTIAL, fields=(FieldOutcome("customer.email", True, "sha256"), *fields))
    text = " ".join(explain(told).split())
    assert text.count("does not cover") == 1
    assert "customer.a, customer.b" in text and "and 2 more" in text
    assert "comes back customer.email as sha256" in text
    assert "1 of 9 fields" in text


def test_where_it_is_on_record_is_always_said():
    assert "ledger entry 1,234" in explain(decision(entry=1234))
    assert "not recorded" in explain(decision())


def test_every_reason_about_a_customer_has_short_words():
    about_customers = {
        code for code, text in REASONS.items() if "customer" in text.sentence.lower() or "consent" in code
    }
    assert about_customers - set(SHORT) <= {"explicit_consent_missing"}


def test_the_sentence_of_a_refusal_names_role_purpose_reason_and_article():
    refused = decision(Outcome.DENY, reasons=(reason("role_not_for_purpose", ASK),))
    assert sentence_for(refused) == (
        "marketer may not use this data for newsletter by email to mailer: "
        "the role marketer does not pursue newsletter (GDPR 32(4))"
    )


def test_a_sentence_with_many_reasons_stays_a_sentence():
    many = tuple(
        reason(code, ASK) for code in ("minor", "objected", "restricted", "consent_withdrawn", "consent_refused")
    )
    assert sentence_for(decision(Outcome.DENY, reasons=many)).endswith("(and 2 more reasons)")
