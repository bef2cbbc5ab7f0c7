"""AC-007, the second half: two questions whose difference would be about a few people."""

from __future__ import annotations

from operator import ge, gt, lt, ne
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rightful.actions.record_choice import record_event
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.consent.events import Event
from rightful.errors import SqlRefused
from rightful.terms import EventKind
from rightful.workspace import Workspace
from tests.actions.conftest import ANA, SAM, customers

NOT_12 = "points <> '12'"
ALL = "select count(*) as n from customer"
BUT_ONE = f"{ALL} where {NOT_12}"
CITIES = "select city, count(*) as n from customer"


def ask(ws, sql, actor=ANA, purpose="statistics"):
    return query_data(ws, actor, purpose, sql).table.to_pylist()


def refused(ws, sql, actor=ANA):
    with pytest.raises(SqlRefused) as no:
        ask(ws, sql, actor)
    return no.value.code


def restrict(ws, key):
    now = ws.clock()
    event = Event(f"r-{key}", EventKind.RESTRICTED, "", "", now, now, evidence="letter")
    record_event(ws, key, event, actor=SAM)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ALL, BUT_ONE),
        (BUT_ONE, ALL),
        (CITIES + " group by city", f"{CITIES} where {NOT_12} group by city"),
        (CITIES + " group by 1", f"select count(*) from customer where city = 'Ulm' and {NOT_12}"),
        (ALL, f"with c as (select points from customer where {NOT_12}) select count(*) from c"),
        (
            "select count(*) filter (where city = 'Ulm') from customer",
            f"select count(*) filter (where city = 'Ulm' and {NOT_12}) from customer",
        ),
        (
            "select sum(amount) from purchase",
            f"select sum(p.amount) from purchase p join customer c on p.customer_id = c.id where c.{NOT_12}",
        ),
        (
            "select city as place, count(*) from customer group by place",
            f"select count(*), city from customer where {NOT_12} group by 2",
        ),
        (
            CITIES + " group by city",
            f"select city, avg(n) from ({CITIES} where {NOT_12} group by city) x group by city",
        ),
    ],
)
def test_ac_007_two_questions_that_differ_by_one_person_are_refused(shop, first, second):
    ask(shop, first)
    assert refused(shop, second) == "sql.differencing"
    [line] = shop.journal.lines(kind="use.refused", limit=1)
    assert line.codes == {"sql.differencing": 1}
    ask(shop, first)


def test_ac_007_both_halves_in_one_statement_are_refused(shop):
    assert refused(shop, f"{ALL} union all {BUT_ONE}") == "sql.differencing"


def test_the_guard_is_for_each_person_who_asks(shop):
    ask(shop, ALL)
    from rightful.actions.appoint_staff import appoint

    appoint(shop, "ben@shop.example", "analyst", actor="olga@shop.example")
    ask(shop, BUT_ONE, "ben@shop.example")


def test_it_holds_in_another_process_and_after_a_restart(shop, shop_path):
    ask(shop, ALL)
    with Workspace.open(shop_path) as other:
        assert refused(other, BUT_ONE) == "sql.differencing"


def test_the_same_question_works_as_often_as_one_likes(shop):
    assert [ask(shop, ALL) for _ in range(3)].count(ask(shop, ALL)) == 3
    ask(shop, ALL.replace(" from ", "\n  from  "))


def test_the_same_people_in_other_words_are_no_other_question(shop):
    ask(shop, "select count(*) from customer")
    ask(shop, "select count(*) from customer where points >= '0' or points < '0'")


def test_questions_far_enough_apart_work(shop):
    ask(shop, ALL)
    ask(shop, "select city, count(*) from customer group by city")
    ask(shop, "select count(*) from customer where cast(points as integer) > 20")
    ask(shop, "select count(*) from customer where cast(points as integer) > 40")


def test_somebody_who_says_no_in_between_does_not_lock_the_analyst_out(shop):
    before = ask(shop, "select count(*) as n from customer")[0]["n"]
    object_to(shop, "C005", "statistics")
    restrict(shop, "C006")
    assert ask(shop, "select count(*) as n from customer")[0]["n"] == before - 2, "the same question"
    ask(shop, "select count(id) as n from customer where points >= '0' or points < '0'")
    assert refused(shop, BUT_ONE) == "sql.differencing", "and the guard still stands"


def test_a_purpose_without_a_minimum_is_not_guarded_and_keeps_nothing(shop):
    ask(shop, ALL, purpose="study")
    ask(shop, BUT_ONE, purpose="study")
    withdraw_consent(shop, "C001", "study")
    assert shop.control.query("SELECT count(*) FROM counted") == [(0,)]


COMPARED = {"<": lt, ">": gt, "<>": ne, ">=": ge}
CONDITIONS = st.sampled_from(
    [
        (f"cast(points as integer) {op} {n}", lambda row, op=op, n=n: COMPARED[op](int(row["points"]), n))
        for op in COMPARED
        for n in (0, 3, 9, 12, 30, 57, 59)
    ]
    + [
        ("city = 'Ulm'", lambda row: row["city"] == "Ulm"),
        ("city <> 'Kiel'", lambda row: row["city"] != "Kiel"),
        ("residence = 'DE'", lambda row: row["residence"] == "DE"),
    ]
)
COUNTED = [row for row in customers() if row["birth_date"] < "2000"]
"""Whom the statistics may count: everybody but the child."""


@settings(max_examples=38, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CONDITIONS, CONDITIONS), min_size=2, max_size=5))
def test_no_two_answers_of_one_analyst_ever_differ_by_fewer_than_five_people(shop, questions):
    """Whatever was asked before in this workspace, what was answered never singles anybody out."""
    answered = ANSWERED.setdefault(shop.path, [])
    for (one, holds), (other, holds_too) in questions:
        try:
            rows = ask(shop, f"{ALL} where ({one}) and ({other})")
        except SqlRefused as no:
            assert no.code == "sql.differencing"
            continue
        people = {row["id"] for row in COUNTED if holds(row) and holds_too(row)}
        if rows and rows[0]["n"] is not None:
            assert rows[0]["n"] == len(people)
            close = [asked for asked, known in answered if 0 < len(people ^ known) < 5]
            assert close == [], f"({one}) and ({other})"
            answered.append((f"({one}) and ({other})", people))


ANSWERED: dict[Path, list[tuple[str, set[str]]]] = {}
