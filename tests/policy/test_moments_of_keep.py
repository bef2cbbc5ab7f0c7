"""Where the moments that storage periods count from stand in the data: what a policy may say, and what not."""

from __future__ import annotations

import json

import pytest

from rightful.errors import PolicyRefused
from rightful.policy.document import as_document, from_document
from rightful.policy.loader import loads
from rightful.policy.model import Moment
from tests.policy.corpus import BASE

WHERE = "\nnever:"
assert BASE.count(WHERE) == 1


def said(moments: str, keep: str = "") -> str:
    text = BASE.replace(WHERE, f"\nmoments:\n{moments}never:")
    return (
        text.replace("needs: [identity, orders]\n", f"needs: [identity, orders]\n    keep: {keep}\n", 1)
        if keep
        else text
    )


def test_a_moment_is_a_field_the_customers_last_one_or_the_end_of_its_year():
    policy = loads(
        said(
            "  the last delivery: {last: order.delivered_on}\n"
            "  the end of the year: {end-of-year: [order.ordered_on]}\n",
            "8 years from the end of the year",
        )
    )
    assert policy.moments == {
        "the last delivery": Moment("last", ("order.delivered_on",)),
        "the end of the year": Moment("end-of-year", ("order.ordered_on",)),
    }
    assert from_document(json.loads(json.dumps(as_document(policy)))) == policy


def test_a_period_that_names_no_moment_counts_from_the_collection():
    policy = loads(said("  the collection: [order.ordered_on, customer.email]\n", "8 years"))
    assert policy.moments["the collection"] == Moment("date", ("order.ordered_on", "customer.email"))


def test_a_policy_without_moments_keeps_its_version():
    assert "moments" not in as_document(loads(BASE))


@pytest.mark.parametrize(
    ("moments", "says"),
    [
        ("  the last purchase: order.ordered_on\n", 'no purpose keeps anything from moment "the last purchase" on'),
        ("  the last delivery: ordr.on\n", 'names "ordr.on", which is in no category'),
        ("  the last delivery: {newest: order.ordered_on}\n", "is no way to read"),
        ("  the last delivery: {last: order.a, end-of-year: order.b}\n", "is read in one way"),
        ("  the last delivery: [order.a, order.b]\n", "two fields of order"),
        ("  the last delivery: {last: []}\n", "names no field"),
    ],
)
def test_a_moment_that_stands_nowhere_is_refused_with_its_place(moments, says):
    with pytest.raises(PolicyRefused) as refused:
        loads(said(moments))
    assert any(says in problem.what for problem in refused.value.problems), refused.value.problems
