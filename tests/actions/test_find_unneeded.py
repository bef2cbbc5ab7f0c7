"""Fields nobody needs or reads, found on a real ledger."""

from __future__ import annotations

import pytest

from rightful.actions.find_unneeded import find_unneeded
from rightful.actions.use_data import decide_one, query_data
from rightful.errors import BadInput
from tests.actions.conftest import ANA, SAM

YEAR_US = 366 * 86_400 * 1_000_000


def verdicts(ws, months=12):
    return {f.field: f.verdict for f in find_unneeded(ws, months=months).findings}


def later(ws, microseconds):
    now = ws.clock
    ws.clock = ws.ledger.clock = lambda: now() + microseconds


def test_a_read_field_is_read_and_the_rest_waits_until_the_ledger_is_old_enough(shop):
    before = verdicts(shop)
    assert before["purchase.amount"] == "too-early", "nothing can be said after a minute"
    assert "customer.residence" not in before and "customer.birth_date" not in before, "the rules need them"
    assert "customer.id" not in before and "purchase.customer_id" not in before, "keys are nobody's"
    query_data(shop, ANA, "statistics", "select city, avg(points) from customer where points > 3 group by city")
    after = verdicts(shop)
    assert after["customer.city"] == "read"
    assert after["purchase.amount"] == "too-early"


def test_after_a_year_what_was_never_read_is_proposed_with_the_rows_it_fills(shop):
    query_data(shop, ANA, "statistics", "select city, count(*) from customer group by city")
    later(shop, YEAR_US + 86_400_000_000)
    query_data(shop, ANA, "statistics", "select count(*) from purchase where amount > 3")
    report = find_unneeded(shop)
    found = {f.field: f for f in report.findings}
    assert found["purchase.amount"].verdict == "read", "a field that is only compared was read"
    assert found["customer.city"].verdict == "unread", "a year ago does not count"
    assert found["customer.city"] in report.proposed and report.filled["customer.city"] == 60
    assert find_unneeded(shop, months=24).recorded_since < report.since
    assert verdicts(shop, months=24)["customer.city"] == "read"


def test_a_yes_that_somebody_else_may_have_acted_on_is_not_unread(shop):
    later(shop, YEAR_US + 86_400_000_000)
    assert decide_one(shop, SAM, "service", "C004").allowed_fields
    asked = {f.field: f for f in find_unneeded(shop).findings if f.verdict == "only-asked"}
    assert asked and all("service" in f.purposes and not f.proposed for f in asked.values())


@pytest.mark.parametrize("months", [0, -1, 601])
def test_a_period_that_is_none_is_refused(shop, months):
    with pytest.raises(BadInput):
        find_unneeded(shop, months=months)
