"""Whether Meadow's two policies fit Meadow's data, hold their own tests, and differ where they say so."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from rightful.consent.events import Event
from rightful.consent.rules import to_us
from rightful.demo import generate
from rightful.gate.conditions import NoticeEntry, Notices, Subject
from rightful.gate.plan import compile_plan
from rightful.gate.request import Request
from rightful.policy import examples
from rightful.policy.bind import Bound, bind
from rightful.policy.loader import load
from rightful.policy.model import Policy
from rightful.terms import EventKind, LawfulBasis, Method

DEMO = Path(generate.__file__).parent
NOW = load(DEMO / "policy")
BEFORE = load(DEMO / "policy-history" / "2025-01.yaml")
BOTH = pytest.mark.parametrize("policy", [NOW, BEFORE], ids=["2026-02", "2025-01"])
GOVERNED = ("customer", "order", "web_visit")

TODAY = datetime(2026, 11, 24, 12, tzinfo=UTC)
LAST_MONTH = to_us(datetime(2026, 10, 24, 12, tzinfo=UTC))
LONG_AGO = to_us(datetime(2025, 1, 10, 12, tzinfo=UTC))


def _bound(policy: Policy) -> Bound:
    return bind(policy, {table: tuple(generate.ORIGIN[table]) for table in GOVERNED})


def _notices(policy: Policy) -> Notices:
    return {
        policy.label: {
            p.id: NoticeEntry(frozenset(p.needs), frozenset(p.recipients), frozenset(p.channels))
            for p in policy.purposes.values()
        }
    }


def _event(label: str, kind: EventKind, purpose: str = "", channel: str = "", **more) -> Event:
    at = more.pop("at_us", LAST_MONTH)
    more = {"notice": label, "evidence": "form-1", **more}
    return Event(f"{kind}/{purpose}/{channel}", kind, purpose, channel, at, at, **more)


def _events(label: str, seen: examples.Situation) -> list[Event]:
    """The events that bring a customer into the situation a policy test describes."""
    found = []
    if seen.informed is not False:
        found.append(_event(label, EventKind.NOTICE_SERVED))
    for (purpose, channel), word in seen.consent.items():
        kind = EventKind.GIVEN
        more: dict[str, object] = {}
        match word:
            case "refused" | "withdrawn" | "deferred" | "soft-opt-in":
                kind = EventKind(word)
            case "expired":
                more = {"at_us": LONG_AGO}
            case "pre-ticked":
                more = {"method": Method.PRE_TICKED}
            case "unproven":
                more = {"evidence": ""}
            case "guardian-given":
                more = {"method": Method.GUARDIAN}
        found.append(_event(label, kind, purpose, channel, **more))
    found += [_event(label, EventKind.OBJECTED, scope) for scope in seen.objections]
    found += [_event(label, EventKind.RESTRICTED, "" if s == "all" else s) for s in seen.restriction]
    if seen.signals:
        found.append(_event(label, EventKind.SIGNAL_GPC))
    if seen.opted_out:
        found.append(_event(label, EventKind.OPTED_OUT))
    if seen.erased:
        found.append(_event(label, EventKind.ERASED))
    return found


@BOTH
def test_every_column_of_the_demo_has_a_category_and_every_field_a_policy_names_exists(policy):
    bound = _bound(policy)
    assert bound.mismatches == ()
    assert bound.unclassified == frozenset()
    assert all(bound.fields_of(p.id) for p in policy.purposes.values() if not p.abstract)


@pytest.mark.parametrize(
    ("policy", "number"),
    [(policy, i) for policy in (NOW, BEFORE) for i in range(len(policy.tests))],
    ids=lambda x: x.label if isinstance(x, Policy) else str(x),
)
def test_what_the_policy_says_about_itself_is_what_the_gate_answers(policy, number):
    test = policy.tests[number]
    ask, seen = examples.question(test.ask), examples.situation(test.given)
    want = examples.expectation(test.expect)
    request = Request("test@meadow.example", ask.role, ask.purpose, ask.channel, ask.recipient, ask.fields)
    birth = None if seen.age is None else date(TODAY.year - seen.age, 1, 15)
    subject = Subject(0, tuple(_events(policy.label, seen)), seen.lives, birth)
    plan = compile_plan(policy, _bound(policy), _notices(policy), request, to_us(TODAY))
    decision = plan.decide(subject, to_us(TODAY), 1)
    assert decision.outcome is want.outcome, (test.ask, test.given, sorted(decision.codes))
    if want.code:
        assert want.code in decision.codes, (test.ask, test.given)
    if want.basis:
        kinds = {policy.purposes[ask.purpose].basis[regime].kind for regime in decision.basis}
        assert kinds == {LawfulBasis(want.basis)}


def test_the_policy_tests_permit_and_refuse_about_equally_often():
    expected = [test.expect.split()[0] for test in NOW.tests]
    assert len(expected) >= 25
    assert min(expected.count("allow"), expected.count("deny")) >= 12


def test_the_policy_uses_the_width_of_the_vocabulary():
    purposes = [p for p in NOW.purposes.values() if not p.abstract]
    assert {b.kind for p in purposes for b in p.basis.values()} == set(LawfulBasis) - {
        LawfulBasis.VITAL_INTEREST,
        LawfulBasis.PUBLIC_TASK,
    }
    assert any(p.survives for p in purposes) and any(p.aggregates_only for p in purposes)
    assert any(p.for_children for p in purposes) and any(p.direct_marketing for p in purposes)
    assert any(p.special_ground for p in purposes) and any(p.compatible_with for p in purposes)
    assert any(r.not_fields for r in NOW.roles.values())


def test_the_partner_whose_agreement_lapsed_gets_nothing_even_from_those_who_agreed():
    ask = Request("test@meadow.example", "marketer", "partner-offers", "email", "partner-insurer")
    event = _event(NOW.label, EventKind.GIVEN, "partner-offers", "email")
    subject = Subject(0, (event,), "PT", date(1980, 1, 1))
    answers = {}
    for day in (datetime(2026, 10, 31, 12, tzinfo=UTC), TODAY):
        plan = compile_plan(NOW, _bound(NOW), _notices(NOW), ask, to_us(day))
        answers[day.month] = plan.decide(subject, to_us(day), 1)
    assert answers[10].outcome.value == "allow"
    assert answers[11].outcome.value == "deny"
    assert answers[11].codes == {"agreement_not_in_force"}


def test_the_older_policy_differs_by_the_widenings_and_narrowings_its_head_lists():
    now, before = NOW.purposes, BEFORE.purposes
    assert set(now) - set(before) == {"partner-offers"}
    assert not set(before) - set(now)
    assert set(NOW.recipients) - set(BEFORE.recipients) == {"ad-network", "partner-insurer"}
    assert set(now["ads-audience"].recipients) - set(before["ads-audience"].recipients) == {"ad-network"}
    assert set(now["savings-offers"].channels) - set(before["savings-offers"].channels) == {"phone"}
    assert set(now["churn-analysis"].needs) - set(before["churn-analysis"].needs) == {"calls"}
    assert set(before["newsletter"].needs) - set(now["newsletter"].needs) == {"behaviour"}
    assert set(before["rate-setting"].needs) - set(now["rate-setting"].needs) == {"household"}
    assert [p["newsletter"].consent_expires.count for p in (before, now)] == [24, 12]
    assert [p["statistics"].at_least for p in (before, now)] == [10, 20]
    assert len(NOW.never) == len(BEFORE.never) + 1
    assert set(NOW.roles["officer"].purposes) - set(BEFORE.roles["officer"].purposes) == {"tax-records"}


def test_a_policy_carries_the_label_of_the_notice_made_from_it():
    assert (NOW.label, BEFORE.label) == ("2026-02", "2025-01")
    assert NOW.version != BEFORE.version
