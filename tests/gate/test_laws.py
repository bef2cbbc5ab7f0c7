"""Promises that hold for all policies and all people, and mutants of the compiler that must not survive."""

from __future__ import annotations

import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rightful.gate.conditions as conditions_module
import rightful.gate.planes as planes_module
from rightful.consent.events import Event
from rightful.gate import conditions
from rightful.gate.plan import compile_plan
from rightful.gate.planes import slots_of
from rightful.gate.request import Request
from rightful.policy.bind import bind
from rightful.policy.model import Never
from rightful.terms import EventKind, Outcome
from tests.builders import NOW, events, notice_sets, policies, subjects
from tests.corpus import crowds
from tests.gate.test_planes import FIELDS, people_of, population

CATALOGUE = {"customer": ["email", "phone", "income", "health"]}
NOS = (EventKind.WITHDRAWN, EventKind.REFUSED, EventKind.OBJECTED, EventKind.OPTED_OUT, EventKind.RESTRICTED)


def allowed(policy, notices, person, slot) -> frozenset[str]:
    """Fields that come back for a slot; empty when the use is denied."""
    purpose, channel, recipient = slot
    request = Request("max", "marketer", purpose, channel, recipient)
    plan = compile_plan(policy, bind(policy, CATALOGUE), notices, request, NOW)
    decision = plan.decide(person, NOW, 0)
    return frozenset(decision.allowed_fields) if decision.outcome is not Outcome.DENY else frozenset()


@given(policies(), notice_sets(), subjects(), events())
def test_saying_no_never_adds_a_field(policy, notices, person, no):
    no = replace(no, kind=NOS[hash(no.id) % len(NOS)], at_us=NOW, received_us=NOW)
    after = replace(person, events=(*person.events, no))
    for slot in slots_of(policy):
        assert allowed(policy, notices, after, slot) <= allowed(policy, notices, person, slot)


@given(policies(), notice_sets(), subjects(), st.sampled_from(["contact", "money", "health"]))
def test_a_never_rule_never_adds_a_field(policy, notices, person, category):
    ruled = replace(policy, never=(Never((category,), tuple(policy.purposes), "for a test"),))
    for slot in slots_of(policy):
        after = allowed(ruled, notices, person, slot)
        assert after <= allowed(policy, notices, person, slot)
        assert not {f for f in after if FIELDS[f] == category}


@given(policies(), notice_sets(), subjects(), st.sampled_from(["contact", "money", "health"]))
def test_narrowing_what_a_purpose_needs_never_adds_a_field(policy, notices, person, category):
    purposes = {k: replace(p, needs=tuple(n for n in p.needs if n != category)) for k, p in policy.purposes.items()}
    narrower = replace(policy, purposes=purposes)
    for slot in slots_of(policy):
        assert allowed(narrower, notices, person, slot) <= allowed(policy, notices, person, slot)


@given(policies(), notice_sets(), subjects(), st.randoms())
def test_the_order_and_repetition_of_events_do_not_matter(policy, notices, person, random):
    shuffled: list[Event] = [*person.events, *person.events]
    random.shuffle(shuffled)
    again = replace(person, events=tuple(shuffled))
    for slot in slots_of(policy):
        assert allowed(policy, notices, again, slot) == allowed(policy, notices, person, slot)


@given(policies(), notice_sets(), subjects(), subjects())
def test_one_customer_s_events_never_change_another_s_answer(policy, notices, first, second):
    alone = population(people_of([first]))
    both = population(people_of([first, second]))
    for slot in slots_of(policy):
        bits = [
            np.unpackbits(
                planes_module.Evaluation(policy, notices, crowd, NOW).slot(*slot, FIELDS).row, bitorder="little"
            )
            for crowd in (alone, both)
        ]
        assert bits[0][0] == bits[1][0]


# --- mutants ---------------------------------------------------------------------------------------

SCALAR = [
    ('return "erased" if erased and not view', 'return "erased" if erased and view'),
    ('return "restricted" if "" in scopes and', 'return "restricted" if "x" in scopes and'),
    ("if marketing and DIRECT_MARKETING in scopes:", "if DIRECT_MARKETING in scopes and not marketing:"),
    ("objectable = marketing or bool(view.kinds & OBJECTABLE)", "objectable = bool(view.kinds & OBJECTABLE)"),
    ("objectable = marketing or bool(view.kinds & OBJECTABLE)", "objectable = marketing"),
    ("(rules.Status.WITHDRAWN, rules.Status.REFUSED)", "(rules.Status.WITHDRAWN,)"),
    ('return "minor" if sensitive and view.is_minor', 'return "minor" if view.is_minor'),
    (
        "return adult_from is not None and self.now < adult_from",
        "return adult_from is not None and self.now <= adult_from",
    ),
    ("return None if all(r in view.ask.purpose.basis", "return None if any(r in view.ask.purpose.basis"),
    ("return None if view.now < view.choice.until_us else", "return None if view.now <= view.choice.until_us else"),
    (
        'return "guardian_missing" if view.choice.since_us < of_age',
        'return "guardian_missing" if view.choice.since_us <= of_age',
    ),
    ('return "guardian_missing" if view.choice.since_us < of_age', 'return "guardian_missing" if view.now < of_age'),
    ("return None if soft else", "return None if not soft else"),
    ("if recipient is not None and recipient.kind in IN_THE_HOUSE:", "if recipient is not None:"),
    ("asked_at >= signal_at", "asked_at > signal_at"),
    ("stays = view.has_live_consent and", "stays ="),
    (
        "if not view.ask.purpose.compatible_with:\n        return None\n    told",
        "if True:\n        return None\n    told",
    ),
    (
        "if basis is not None and basis.kind is LawfulBasis.CONSENT:\n                return",
        "if False:\n                return",
    ),
    ("labels = frozenset({view.choice.notice})", "labels = view.shown"),
    ("if recipient is None or view.kinds <= WITHOUT_NOTICE", "if recipient is None or view.kinds & WITHOUT_NOTICE"),
    (
        'return tuple(policy.regimes) if policy.unknown_jurisdiction == "strictest" else ()',
        "return tuple(policy.regimes)[:1]",
    ),
    (
        'return tuple(policy.regimes) if policy.unknown_jurisdiction == "strictest" else ()',
        "return tuple(policy.regimes)",
    ),
    ("return max(ages, default", "return min(ages, default"),
    ('"age_unknown" if strict and (sensitive or guarded)', '"age_unknown" if strict and sensitive'),
]
BULK = [
    ("RANK[KIND[EventKind.WITHDRAWN]] = Status.WITHDRAWN", "RANK[KIND[EventKind.WITHDRAWN]] = Status.NONE"),
    ("live = granted & (self.now < choice.until)", "live = granted & (self.now <= choice.until)"),
    ("denied |= where", "denied = where"),
    ("row = ~denied", "row = denied"),
    ("(self.now < self.adult_at)", "(self.now <= self.adult_at)"),
    ("young = granted & ~choice.guardian & ~self.birth_unknown", "young = granted & ~self.birth_unknown"),
    ("soft & ~live & ~self._soft_opt_in(ask)", "soft & ~self._soft_opt_in(ask)"),
    ("return explicit | (signal & ~stays)", "return explicit"),
    ("return explicit | (signal & ~stays)", "return explicit | signal"),
    ("any_channel = codes.of(codes.channels, [ask.channel, ALL_CHANNELS])", "any_channel = this_channel"),
    ("grants = given & proven & named[events.notice[ours]]", "grants = given & named[events.notice[ours]]"),
    ("grants = given & proven & named[events.notice[ours]]", "grants = given & proven"),
    ("refused |= bound & silent[choice.notice]", "pass"),
    ("refused |= ~live", "pass"),
    ("objected &= self._where_basis(ask, OBJECTABLE)", "pass"),
    ("if any(r not in purpose.basis for r in regimes):", "if all(r not in purpose.basis for r in regimes):"),
    ("np.where(needs_consent, by_consent, ~self._shown(labels))", "~self._shown(labels)"),
    ("alive = broken == before_group[group]", "alive = broken >= 0"),
    ("& events.evidence)", "& (events.no >= 0))"),
    ("(events.at <= self.now))\n        if not len(moved)", "(events.at > self.now))\n        if not len(moved)"),
    ("instants[here] = self.turns_us(int(years))[here]", "instants[:] = self.turns_us(int(years))"),
]


def mutated(module, old: str, new: str) -> types.ModuleType:
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert source.count(old) >= 1, f"the mutant no longer fits: {old}"
    mutant = types.ModuleType(module.__name__)
    mutant.__file__ = module.__file__
    import sys

    original = sys.modules[module.__name__]
    sys.modules[module.__name__] = mutant  # dataclasses look their module up
    try:
        exec(compile(source.replace(old, new), module.__file__, "exec"), mutant.__dict__)
    finally:
        sys.modules[module.__name__] = original
    return mutant


def test_near_misses_are_decided_as_the_naive_reading_decides_them():
    seen = {True: 0, False: 0}
    for crowd in crowds():
        check_scalar(conditions_module, crowd)
        check_bulk(planes_module, crowd)
        for answer in crowd.answers:
            seen[answer] += 1
    assert min(seen.values()) > 2000, seen


def check_scalar(module, crowd) -> None:
    ask = module.Ask(crowd.policy, crowd.notices, *crowd.slot)
    for person, answer in zip(crowd.people, crowd.answers, strict=True):
        assert (not module.reasons_against(module.View(ask, person, crowd.now))) == answer


def check_bulk(module, crowd) -> None:
    evaluation = module.Evaluation(crowd.policy, crowd.notices, population(crowd.people), crowd.now)
    planes = evaluation.slot(*crowd.slot, FIELDS)
    size = len(crowd.people)

    def bits(packed):
        return tuple(np.unpackbits(packed, count=size, bitorder="little").astype(bool).tolist())

    assert bits(planes.row) == crowd.answers
    assert planes.permitted + sum(planes.withheld.values()) == size
    for place, name in enumerate(FIELDS):
        assert bits(planes.partial.get(name, planes.row)) == tuple(f[place] for f in crowd.fields)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), SCALAR)
def test_no_mutant_of_the_conditions_survives(old, new):
    mutant = mutated(conditions_module, old, new)
    with pytest.raises(AssertionError):
        for crowd in crowds():
            check_scalar(mutant, crowd)


@pytest.mark.slow
@pytest.mark.parametrize(("old", "new"), BULK)
def test_no_mutant_of_the_planes_survives(old, new):
    mutant = mutated(planes_module, old, new)
    with pytest.raises(AssertionError):
        for crowd in crowds():
            check_bulk(mutant, crowd)


def test_the_reasons_table_is_complete():
    """Every code a condition can return has words, an article and a next step."""
    source = Path(conditions.__file__).read_text(encoding="utf-8")
    for code, text in conditions.REASONS.items():
        assert text.article and text.sentence and text.change, code
        assert f'"{code}"' in source
