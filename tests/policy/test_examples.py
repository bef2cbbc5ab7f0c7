"""How a test written beside a policy is read."""

from __future__ import annotations

from datetime import date

import pytest

from rightful.policy.examples import (
    Expectation,
    NotUnderstood,
    Question,
    Situation,
    expectation,
    names_in,
    question,
    situation,
)
from rightful.terms import LawfulBasis, Outcome


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("finance tax", Question("finance", "tax")),
        ("finance tax order.total", Question("finance", "tax", "", ("order.total",))),
        ("m n email c.e", Question("m", "n", "email", ("c.e",))),
        ("m n email c.e, c.f", Question("m", "n", "email", ("c.e", "c.f"))),
        ("m n email to agency", Question("m", "n", "email", None, "agency")),
        ("m n c.e to agency", Question("m", "n", "", ("c.e",), "agency")),
    ],
)
def test_a_question_is_read(text, asked):
    assert question(text) == asked


@pytest.mark.parametrize(
    "text", ["", "m", "m n email sms c.e", "m n c.e email", "m n to", "m n to a b", "c.e n", "m n c.e c.e"]
)
def test_a_question_that_asks_nothing_is_not_understood(text):
    with pytest.raises(NotUnderstood):
        question(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("allow", Expectation(Outcome.ALLOW)),
        ("allow legal-obligation", Expectation(Outcome.ALLOW, basis=LawfulBasis.LEGAL_OBLIGATION)),
        ("deny consent_withdrawn", Expectation(Outcome.DENY, "consent_withdrawn")),
        ("partial", Expectation(Outcome.PARTIAL)),
        ("partial consent", Expectation(Outcome.PARTIAL, basis=LawfulBasis.CONSENT)),
    ],
)
def test_an_answer_is_read(text, expected):
    assert expectation(text) == expected


@pytest.mark.parametrize(
    "text", ["", "maybe", "deny contract", "allow no_basis", "deny No", "allow consent now", "deny x-y"]
)
def test_an_answer_that_says_nothing_is_not_understood(text):
    with pytest.raises(NotUnderstood):
        expectation(text)


def test_a_situation_is_read():
    assert situation({}) == Situation()
    assert situation(
        {
            "consent": {"newsletter/email": "given", "support": "withdrawn"},
            "lives": "US-CA",
            "signal": "gpc",
            "opted-out": True,
            "erasure": "done",
            "objection": "direct-marketing",
            "restriction": ["customer.email", "contact"],
            "born": "2012-02-29",
            "informed": "no",
        }
    ) == Situation(
        consent={("newsletter", "email"): "given", ("support", ""): "withdrawn"},
        lives="US-CA",
        signals=("gpc",),
        opted_out=True,
        erased=True,
        objections=frozenset({"direct-marketing"}),
        restriction=frozenset({"customer.email", "contact"}),
        born=date(2012, 2, 29),
        informed=False,
    )
    assert situation({"age": 15, "informed": True}) == Situation(age=15, informed=True)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"live": "DE"}, ("live",)),
        ({"lives": "Germany"}, ("lives",)),
        ({"lives": ["DE"]}, ("lives",)),
        ({"consent": "given"}, ("consent",)),
        ({"consent": {"a/b": "perhaps"}}, ("consent", "a/b")),
        ({"consent": {"a/b": True}}, ("consent", "a/b")),
        ({"signal": "dnt"}, ("signal",)),
        ({"erasure": "soon"}, ("erasure",)),
        ({"opted-out": "maybe"}, ("opted-out",)),
        ({"objection": [1]}, ("objection", 0)),
        ({"restriction": ["all", "a.b"]}, ("restriction",)),
        ({"born": "29.02.2012"}, ("born",)),
        ({"born": "2011-02-29"}, ("born",)),
        ({"age": -1}, ("age",)),
        ({"age": True}, ("age",)),
        ({"age": 5, "born": "2012-02-29"}, ("age",)),
    ],
)
def test_a_situation_that_says_nothing_is_not_understood_and_the_place_is_known(given, path):
    with pytest.raises(NotUnderstood) as not_understood:
        situation(given)
    assert not_understood.value.path == path


def test_every_name_in_a_test_can_be_looked_up():
    seen = situation({"consent": {"a/sms": "given"}, "objection": ["b", "direct-marketing"]})
    assert names_in(question("m n email c.e to agency"), seen) == (
        ("role", "m"),
        ("purpose", "n"),
        ("channel", "email"),
        ("recipient", "agency"),
        ("purpose", "a"),
        ("channel", "sms"),
        ("purpose", "b"),
    )
