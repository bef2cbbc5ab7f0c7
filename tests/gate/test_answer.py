"""The quick answer for one customer is the outcome of the whole decision, whatever has happened meanwhile."""

from __future__ import annotations

import pytest

from bench.world import embedded
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.gate.request import Request
from rightful.terms import Outcome

CUSTOMERS = 400
MONTH = 30 * 86_400_000_000
ASK = Request("max@bench.example", "marketer", "newsletter", "email", "mailer")


@pytest.fixture(scope="module")
def ws():
    with embedded(CUSTOMERS) as workspace:
        yield workspace


def both(ws, plan, now):
    quick = [ws.facts.answer(plan, no, now) for no in range(CUSTOMERS)]
    whole = [ws.facts.decide(ws.facts.plan(plan.request, now), no, now).outcome for no in range(CUSTOMERS)]
    assert quick == whole
    return quick


def test_everybody_gets_the_outcome_of_the_whole_decision(ws):
    now = ws.clock()
    assert {Outcome.ALLOW, Outcome.DENY} <= set(both(ws, ws.facts.plan(ASK, now), now))


def test_a_withdrawal_and_a_new_yes_count_on_the_very_next_answer(ws):
    plan = ws.facts.plan(ASK, ws.clock())
    allowed = both(ws, plan, ws.clock()).index(Outcome.ALLOW)
    withdraw_consent(ws, f"c-{allowed:08d}", "newsletter")
    assert ws.facts.answer(plan, allowed, ws.clock()) is Outcome.DENY
    give_consent(ws, f"c-{allowed:08d}", "newsletter", "email", evidence="form-9")
    assert ws.facts.answer(plan, allowed, ws.clock()) is Outcome.ALLOW
    both(ws, plan, ws.clock())


def test_time_alone_changes_the_answer_when_consents_expire_and_agreements_end(ws):
    plan = ws.facts.plan(ASK, ws.clock())
    before = both(ws, plan, ws.clock()).count(Outcome.ALLOW)
    later = both(ws, plan, ws.clock() + 12 * MONTH).count(Outcome.ALLOW)
    assert 0 < later < before
    assert plan.holds_until > ws.clock()
    assert set(both(ws, plan, plan.holds_until)) == {Outcome.DENY}


def test_a_role_that_may_not_is_refused_for_everybody(ws):
    now = ws.clock()
    plan = ws.facts.plan(Request("ana@bench.example", "analyst", "newsletter", "email"), now)
    assert set(both(ws, plan, now)) == {Outcome.DENY}
