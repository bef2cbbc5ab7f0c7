# ruff: noqa: E501 - a case per line reads as a table
"""The table gives the gate's answers: no more, no less."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rightful.consent import rules
from rightful.gate import conditions
from rightful.gate.plan import compile_plan
from rightful.gate.request import Request
from rightful.policy import answers as a
from rightful.policy.bind import bind
from rightful.policy.examples import question
from rightful.policy.loader import loads
from rightful.policy.model import Never, Period, Recipient, Role
from rightful.policy.table import Table
from rightful.terms import EventKind, Method, Survives
from tests import oracle
from tests.builders import NOW, RECIPIENTS, event, notice, notice_sets, policies, policy, purpose, subject, subjects
from tests.policy.corpus import BASE

CATALOGUE = {"customer": ["email", "phone", "income", "health", "new"]}
FIELDS = ["customer.email", "customer.income", "customer.health", "customer.new", "customer.gone"]
PURPOSES = ["top", "a", "b", "solo", "ghost"]
CHANNELS = ["email", "sms", ""]


def narrowed(policy):
    """A policy with a role, a recipient and a never rule that narrow it."""
    return replace(
        policy,
        roles={**policy.roles, "clerk": Role("clerk", ("a",), ("contact",), ("customer.phone",))},
        recipients={
            **policy.recipients,
            "narrow": Recipient("narrow", "A-3", country="DE", covers=("customer.phone",)),
        },
        never=(Never(("money",), ("a", "solo"), "because"),),
    )


ASKS = st.tuples(
    st.sampled_from(["marketer", "clerk", "nobody"]),
    st.sampled_from(PURPOSES),
    st.sampled_from(CHANNELS),
    st.sampled_from([*RECIPIENTS, "narrow", "stranger"]),
    st.sampled_from(FIELDS),
)


@given(policies().map(narrowed), ASKS)
def test_what_is_refused_whoever_the_customer_is_is_refused_by_the_gate_for_the_same_reasons(policy, ask):
    role, purpose, channel, recipient, field = ask
    bound = bind(policy, CATALOGUE)
    plan = compile_plan(policy, bound, {}, Request("x", role, purpose, channel, recipient, (field,)), NOW)
    told = {r.code for r in plan.reasons} | {r.code for f in plan.fields for r in f.reasons}
    table = Table(bound)
    for regime in policy.regimes:
        answer = table.answer(role, purpose, field, regime=regime, recipient=recipient, channel=channel)
        assert answer.denied - {"no_basis", "incompatible", "jurisdiction_unknown"} == told


def met(demand, view, field):
    """Whether one customer meets one demand, told by the conditions the gate asks."""
    subject, ask = view.subject, view.ask
    codes = set(conditions.reasons_against(view))
    if demand.kind in (a.CONSENT, a.EXPLICIT_CONSENT):
        return view.has_live_consent
    if demand.kind == a.SOFT_OPT_IN:
        return view.has_live_consent or rules.has_soft_opt_in(subject.events, demand.detail[2], ask.channel)
    if demand.kind == a.GUARDIAN:
        ages = dict(demand.detail)
        age = ages.get(view.residence, ages.get(view.residence.partition("-")[0], ages.get("")))
        if view.residence and view.residence not in ages and "" in ages:
            age = conditions.consent_age(ask.policy, view.residence)
        of_age = view.turns_us(age)
        return not view.has_live_consent or view.choice.guardian or of_age is None or view.choice.since_us >= of_age
    if demand.kind in (a.NO_RESTRICTION, a.FIELD_NOT_RESTRICTED):
        scopes = oracle.on(subject.events, "restricted", "restriction-lifted")
        return not scopes & ({""} if demand.kind == a.NO_RESTRICTION else {field, *demand.detail})
    if demand.kind == a.NO_MARKETING_OBJECTION:
        return "direct-marketing" not in oracle.on(subject.events, "objected", "objection-lifted")
    if demand.kind == a.NO_OBJECTION:
        return not oracle.on(subject.events, "objected", "objection-lifted") & set(demand.detail)
    if demand.kind == a.NO_WITHDRAWAL:
        return oracle.last_word(ask.policy, ask.notices, subject.events, demand.detail, ask.channel)[0] not in (
            "withdrawn",
            "refused",
        )
    if demand.kind == a.NOT_ERASED:
        return not any(e.kind is EventKind.ERASED for e in subject.events)
    if demand.kind == a.NO_MINOR:
        return view.birth is None or oracle.birthday(view.birth, 18, ask.policy) <= NOW
    if demand.kind == a.AGE_KNOWN:
        return view.birth is not None
    if demand.kind == a.AGE_KNOWN_OR_GUARDIAN:
        return view.birth is not None or view.choice.guardian
    if demand.kind == a.CATEGORY_ON_NOTICE:
        return conditions.category_was_on_the_notice(view, field, demand.detail[0]) is None
    if demand.kind == a.AGREEMENT:
        return True
    code = {a.NO_OPT_OUT: "opted_out", a.INFORMED: "not_informed", a.RECIPIENT_ON_NOTICE: "recipient_not_on_notice"}
    return code[demand.kind] not in codes


def willing(subject):
    """The same customer after having agreed to everything, long ago: more of them pass, so more is compared."""
    long_ago = NOW - 90 * 86_400_000_000
    agreed = [event("given", p, c, long_ago) for p in ("top", "a", "solo") for c in CHANNELS]
    return replace(subject, events=(*subject.events[:3], event("notice-served", at=long_ago), *agreed))


@settings(max_examples=400, deadline=None)
@given(policies().map(narrowed), notice_sets(), st.one_of(subjects(), subjects().map(willing)), ASKS)
def test_a_customer_passes_the_gate_exactly_when_the_demands_of_the_table_are_met(policy, notices, subject, ask):
    role, purpose, channel, recipient, field = ask
    bound = bind(policy, CATALOGUE)
    plan = compile_plan(policy, bound, notices, Request("x", role, purpose, channel, recipient, (field,)), NOW)
    decision = plan.decide(subject, NOW, 0)
    passes = field in decision.allowed_fields and not decision.reasons
    table = Table(bound)
    home = conditions.View(plan.ask, subject, NOW).regimes if plan.ask is not None else ()
    regime = home[0] if len(home) == 1 else ""
    answer = table.answer(role, purpose, field, regime=regime, recipient=recipient, channel=channel)
    if answer.is_denied or plan.ask is None:
        assert not passes
        return
    view = conditions.View(plan.ask, subject, NOW)
    unmet = [d for d in answer.needs if not met(d, view, field)]
    assert passes == (not unmet), (unmet, decision.codes)


DAY = 86_400_000_000
SHOWN = event("notice-served", at=NOW - 9 * DAY)
CHILD = date(2012, 1, 1)
ONE = [
    # demand, purpose, recipient, what the customer did, what spoils it
    (a.CONSENT, purpose("p"), "", [event("given", "p", at=NOW - 9 * DAY)], []),
    (a.CONSENT, purpose("p", consent_expires=Period(8, "days")), "", [event("given", "p", at=NOW - 7 * DAY)], [event("given", "p", at=NOW - 9 * DAY)]),
    (a.NO_WITHDRAWAL, purpose("p", "contract"), "", [], [event("withdrawn", "p")]),
    (a.NO_WITHDRAWAL, purpose("p", "contract", parent="head"), "", [], [event("withdrawn", "head")]),
    (a.NO_OBJECTION, purpose("p", "legitimate-interest"), "", [], [event("objected", "p")]),
    (a.NO_OBJECTION, purpose("p", "opt-out", parent="head"), "", [], [event("objected", "head")]),
    (a.NO_MARKETING_OBJECTION, purpose("p", "contract", direct_marketing=True), "", [], [event("objected", "direct-marketing")]),
    (a.NO_RESTRICTION, purpose("p", "contract"), "", [], [event("restricted")]),
    (a.FIELD_NOT_RESTRICTED, purpose("p", "contract"), "", [], [event("restricted", "contact")]),
    (a.FIELD_NOT_RESTRICTED, purpose("p", "contract"), "", [], [event("restricted", "customer.email")]),
    (a.NOT_ERASED, purpose("p", "contract"), "", [], [event("erased")]),
    (a.SOFT_OPT_IN, purpose("p", "soft-opt-in"), "", [event("soft-opt-in", "p")], []),
    (a.NO_OPT_OUT, purpose("p", "opt-out-of-sharing"), "", [], [event("opted-out")]),
    (a.NO_OPT_OUT, purpose("p", "opt-out-of-sharing", recipients=("agency",)), "agency", [SHOWN], [SHOWN, event("signal-gpc")]),
    (a.INFORMED, purpose("p", "legitimate-interest", compatible_with=("head",)), "", [SHOWN], []),
    (a.RECIPIENT_ON_NOTICE, purpose("p", "contract", recipients=("agency",)), "agency", [SHOWN], []),
    (a.CATEGORY_ON_NOTICE, purpose("p"), "", [event("given", "p")], [event("given", "p", notice="n2")]),
    (a.EXPLICIT_CONSENT, purpose("p", "contract", needs=("health",), special_ground="explicit-consent"), "", [event("given", "p")], []),
    (a.GUARDIAN, purpose("p"), "", [event("given", "p", method=Method.GUARDIAN)], [event("given", "p")]),
    (a.NO_MINOR, purpose("p", "opt-out"), "", [], []),
    (a.AGE_KNOWN, purpose("p", "opt-out", for_children=True), "", [], []),
    (a.AGE_KNOWN_OR_GUARDIAN, purpose("p", for_children=True), "", [event("given", "p")], [event("given", "p")]),
]  # fmt: skip
BIRTHS = {a.NO_MINOR: CHILD, a.AGE_KNOWN: None, a.AGE_KNOWN_OR_GUARDIAN: None}


@pytest.mark.parametrize(
    ("kind", "wanted", "recipient", "did", "spoilt"), ONE, ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_demand_is_one_that_the_gate_makes(kind, wanted, recipient, did, spoilt):
    known = policy(wanted, purpose("head", "contract"))
    field = "customer.health" if "health" in wanted.needs else "customer.email"
    notices = {
        "n1": notice("p", "head", categories=("contact", "health"), recipients=("agency",)),
        "n2": notice("p", categories=("money",)),
    }
    bound = bind(known, CATALOGUE)
    request = Request("x", "marketer", "p", "", recipient, (field,))
    plan = compile_plan(known, bound, notices, request, NOW)
    answer = Table(bound).answer("marketer", "p", field, regime="EU", recipient=recipient)
    assert kind in {d.kind for d in answer.needs}
    child = CHILD if kind == a.GUARDIAN else date(1980, 5, 5)
    fine = subject(*did, birth=child)
    spoilt_one = subject(*spoilt, birth=BIRTHS.get(kind, child))
    for person, passes in ((fine, True), (spoilt_one, False)):
        decision = plan.decide(person, NOW, 0)
        view = conditions.View(plan.ask, person, NOW)
        unmet = {d.kind for d in answer.needs if not met(d, view, field)}
        assert (not decision.reasons and decision.allowed_fields == (field,)) == passes, decision.codes
        assert (kind in unmet) == (not passes)


@pytest.mark.parametrize(
    ("basis", "recipient", "kind", "asked"),
    [
        ("opt-out-of-sharing", "printer", a.NO_OPT_OUT, False),  # J07: a processor is no sale
        ("opt-out-of-sharing", "agency", a.NO_OPT_OUT, True),
        ({"EU": "legal-obligation", "CA": "contract"}, "agency", a.RECIPIENT_ON_NOTICE, True),
        ("legal-obligation", "agency", a.RECIPIENT_ON_NOTICE, False),
        ("legitimate-interest", "", a.NO_MARKETING_OBJECTION, False),
        ("public-task", "", a.NO_MINOR, False),
        ("contract", "", a.NO_OBJECTION, False),
    ],
)
def test_a_demand_is_made_only_where_it_applies(basis, recipient, kind, asked):
    known = policy(purpose("p", basis, recipients=("printer", "agency")))
    answer = Table(bind(known, CATALOGUE)).answer("marketer", "p", "customer.email", recipient=recipient)
    assert (kind in {d.kind for d in answer.needs}) == asked


# --- the whole space -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table():
    policy = loads(BASE)
    columns = {
        "customer": ["first_name", "last_name", "email", "phone", "id"],
        "order": ["total", "street", "gift_note", "lens"],
    }
    return Table(bind(policy, columns))


def test_every_question_there_is_has_one_row(table):
    rows = list(table.rows())
    questions = {row[:6] for row in rows}
    assert len(questions) == len(rows) == 2 * 5 * 3 * 2 * 9
    assert all(
        row.answer
        == table.answer(
            row.role, row.purpose, row.field, regime=row.regime, recipient=row.recipient, channel=row.channel
        )
        for row in rows
    )


@pytest.mark.parametrize(
    ("ask", "regime", "code"),
    [
        ("marketer newsletter email customer.email", "EU", "needs:consent,guardian,no-minor,no-objection,no-objection-to-direct-marketing"),
        ("marketer newsletter email customer.email", "CA", "needs:no-minor,no-objection,no-objection-to-direct-marketing"),
        ("marketer newsletter sms customer.email", "EU", "denied:channel_unknown"),
        ("marketer newsletter email customer.phone", "EU", "denied:field_not_needed"),
        ("marketer newsletter email order.lens", "EU", "denied:field_not_needed,never_rule,special_category"),
        ("clerk tax order.street", "EU", "allowed"),
        ("clerk tax order.total", "EU", "denied:field_not_for_role"),
        ("clerk newsletter email customer.email", "EU", "denied:field_not_for_role,role_not_for_purpose"),
        ("clerk marketing customer.email", "EU", "denied:channel_unknown"),
        ("clerk delivery customer.last_name to carrier", "EU", "needs:agreement-in-force,recipient-on-notice"),
        ("clerk delivery order.street to carrier", "EU", "denied:field_not_covered"),
        ("clerk tax order.street to carrier", "EU", "denied:field_not_covered,recipient_not_for_purpose"),
        ("clerk tax order.street", "BR", "denied:jurisdiction_unknown"),
        ("clerk tax customer.id", "EU", "denied:unclassified_field"),
    ],
)  # fmt: skip
def test_an_answer_reads_as_a_code(table, ask, regime, code):
    asked = question(ask)
    if asked.purpose == "marketing":
        assert "purpose_abstract" in table.answer("marketer", "marketing", "customer.email", regime=regime).denied
        return
    answer = table.answer(
        asked.role, asked.purpose, asked.fields[0], regime=regime, recipient=asked.recipient, channel=asked.channel
    )
    assert answer.code == code


def test_an_unknown_residence_has_to_satisfy_every_regime(table):
    unknown = table.answer("marketer", "newsletter", "customer.email")
    assert {d.kind for d in unknown.needs} >= {a.CONSENT, a.NO_OBJECTION}
    denied = Table(bind(loads(BASE.replace("strictest", "deny")), {"customer": ["email"]}))
    assert denied.answer("marketer", "newsletter", "customer.email").denied == {"jurisdiction_unknown"}


def test_a_place_under_two_laws_has_a_row_of_its_own():
    text = (
        BASE.replace("  CA: {laws", "  FR-LOCAL: {laws: [gdpr], where: [FR]}\n  CA: {laws")
        .replace("{EU: consent, CA: opt-out}", "{EU: consent, CA: opt-out, FR-LOCAL: legal-obligation}")
        .replace('{EU: {legitimate-interest: "LIA-1"}, CA: opt-out}', "opt-out")
    )
    table = Table(bind(loads(text), {"customer": ["email"]}))
    assert "EU+FR-LOCAL" in [cell.label for cell in table.cells]


def test_who_what_if_and_explain_read_the_same_table(table):
    who = table.who("customer.email")
    assert {(row.role, row.purpose) for row in who} == {("marketer", "newsletter")}
    assert not table.who("customer.id")
    rows = table.what_if(question("clerk tax"))
    assert {row.field for row in rows} == {"customer.first_name", "customer.last_name", "order.total", "order.street"}
    assert {row.answer.code for row in rows if row.field == "order.total"} == {"denied:field_not_for_role"}
    told = table.explain("newsletter")
    assert told is not None
    assert told.fields["customer.email"] == "sha256"
    assert "who: marketer" in told.lines
    assert str(told).startswith("newsletter: We tell you about things you may like.\n  direct marketing")
    assert table.explain("nothing") is None


def test_explain_names_what_is_withheld():
    text = BASE.replace("needs: [identity, orders]", "needs: [identity, orders, notes]")
    table = Table(bind(loads(text), {"order": ["total", "gift_note"], "customer": ["last_name"]}))
    told = table.explain("tax")
    assert told is not None
    assert told.withheld == {"order.gift_note": ("special_category",)}
    assert any("even after erasure and withdrawal" in line for line in told.lines)


def test_the_whole_table_of_a_large_policy_takes_less_than_a_second():
    fields = [f"t.c{i}" for i in range(60)]
    regimes = "".join(
        f"  R{i}: {{laws: [us-state-privacy], where: [{place}]}}\n"
        for i, place in enumerate(["US-CA", "US-VA", "US-CO"])
    )
    purposes = "".join(f"  p{i}: {{says: x, basis: consent, needs: [all]}}\n" for i in range(12))
    roles = "".join(f"  r{i}: [{', '.join(f'p{j}' for j in range(12))}]\n" for i in range(8))
    text = (
        "rightful: 1\npolicy: {name: large, version: v1, owner: me, timezone: UTC}\n"
        f"regimes:\n{regimes}categories: {{all: {{fields: [{', '.join(fields)}]}}}}\npurposes:\n{purposes}roles:\n{roles}"
    )
    policy = loads(text)
    start = time.process_time()
    table = Table(bind(policy, {"t": [f"c{i}" for i in range(60)]}))
    assert sum(1 for _ in table.rows()) == 12 * 4 * 8 * 60
    assert time.process_time() - start < 1


def test_a_purpose_that_survives_everything_asks_for_nothing():
    text = BASE.replace("[objection, withdrawal, erasure]", "[objection, withdrawal, erasure, restriction]")
    answer = Table(bind(loads(text), {"order": ["street"]})).answer("clerk", "tax", "order.street", regime="EU")
    assert answer.needs == frozenset()
    assert set(loads(text).purposes["tax"].survives) == set(Survives)
