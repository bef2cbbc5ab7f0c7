"""Three readings of the same rules must agree: naive, one customer at a time, all at once."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rightful.gate import conditions
from rightful.gate.columns import ColumnBuilder, events_of
from rightful.gate.planes import NO_BIRTH, Evaluation, Population, slots_of
from tests import oracle
from tests.builders import NOW, TURNS_18, notice_sets, policies, subjects

FIELDS = {
    "customer.email": "contact",
    "customer.phone": "contact",
    "customer.income": "money",
    "customer.health": "health",
}


def population(people) -> Population:
    builder = ColumnBuilder()
    builder.add_events((s.no, e) for s in people for e in s.events)
    events, codes = builder.build()
    homes = tuple(dict.fromkeys(["", *(s.residence for s in people)]))
    born = [NO_BIRTH if s.birth is None else (s.birth - s.birth.fromtimestamp(0)).days for s in people]
    return Population(
        len(people),
        homes,
        np.array([homes.index(s.residence) for s in people], np.uint16),
        np.array(born, np.int32),
        events,
        codes,
    )


def people_of(draws) -> list[conditions.Subject]:
    return [conditions.Subject(i, s.events, s.residence, s.birth) for i, s in enumerate(draws)]


@given(
    policies(), notice_sets(), st.lists(subjects(), min_size=1, max_size=4), st.sampled_from([NOW, NOW + 1, TURNS_18])
)
def test_planes_single_decisions_and_the_naive_reading_agree(policy, notices, drawn, now):
    people = people_of(drawn)
    crowd = population(people)
    evaluation = Evaluation(policy, notices, crowd, now)
    for purpose, channel, recipient in slots_of(policy):
        planes = evaluation.slot(purpose, channel, recipient, FIELDS)
        bits = np.unpackbits(planes.row, bitorder="little")[: len(people)].astype(bool)
        ask = conditions.Ask(policy, notices, purpose, channel, recipient)
        assert planes.permitted == bits.sum()
        assert sum(planes.withheld.values()) == len(people) - planes.permitted
        for person, bit in zip(people, bits, strict=True):
            expected = oracle.may_use(policy, notices, person, now, purpose, channel, recipient)
            view = conditions.View(ask, person, now)
            against = conditions.reasons_against(view)
            assert (not against) == expected, against
            assert bit == expected, (planes.withheld, purpose, channel, recipient)
            for code in against:
                assert code in conditions.REASONS
            if not expected:
                continue
            for name, category in FIELDS.items():
                fine = oracle.may_use_field(policy, notices, person, now, purpose, channel, recipient, name, category)
                assert (not conditions.reasons_against_field(view, name, category)) == fine
                plane = planes.partial.get(name)
                in_plane = True if plane is None else bool(np.unpackbits(plane, bitorder="little")[person.no])
                assert in_plane == fine


@given(policies(), notice_sets(), subjects())
def test_a_customer_read_back_from_the_columns_gets_the_same_answers(policy, notices, person):
    crowd = population([person])
    again = conditions.Subject(0, events_of(0, crowd.events, crowd.codes), person.residence, person.birth)
    for slot in slots_of(policy):
        ask = conditions.Ask(policy, notices, *slot)
        first = conditions.reasons_against(conditions.View(ask, person, NOW))
        second = conditions.reasons_against(conditions.View(ask, again, NOW))
        assert first == second


@given(policies(), notice_sets(), subjects())
@settings(max_examples=60)
def test_nothing_changes_before_the_announced_next_change(policy, notices, person):
    crowd = population([person])
    evaluation = Evaluation(policy, notices, crowd, NOW)
    for slot in slots_of(policy):
        evaluation.slot(*slot, FIELDS)
    announced = int(evaluation.next_change[0])
    for slot in slots_of(policy):
        ask = conditions.Ask(policy, notices, *slot)
        for later in (announced - 1, (NOW + announced) // 2):
            if NOW <= later < announced:
                before = conditions.reasons_against(conditions.View(ask, person, NOW))
                assert conditions.reasons_against(conditions.View(ask, person, later)) == before
        assert conditions.next_change(conditions.View(ask, person, NOW)) >= announced
