"""Groups of people who look alike: against a naive count, on both engines, and never a value."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest

from rightful.actions.check_anonymity import check_anonymity
from rightful.actions.dispose_expired import run_disposal
from rightful.errors import BadInput, NotFound, UnknownName
from tests.actions.test_dispose_expired import OLGA, world

__all__ = ["world"]


def naive(rows, k):
    """(rows, nobodys, people, groups, smallest, under, groups_under), as one would count with a pencil."""
    groups = defaultdict(set)
    for who, *values in rows:
        groups[tuple(values)].add(who)
    small = [people for people in groups.values() if len(people) < k]
    return (
        len(rows),
        sum(who is None for who, *_ in rows),
        len({who for who, *_ in rows}),
        len(groups),
        min(map(len, groups.values()), default=0),
        len(set().union(*small)),
        len(small),
    )


def counted(ws, table, by, k, emptied=()):
    g = check_anonymity(ws, actor=OLGA, table=table, by=by, k=k, emptied=emptied).groups
    return (g.rows, g.nobodys, g.people, g.groups, g.smallest, g.under, g.groups_under)


def stored(ws, table, *columns, where="1 = 1"):
    place = next(t.place for t in ws.source.structure() if t.name == table)
    name = ".".join(f'"{part}"' for part in place)
    return [tuple(row) for row in ws.source.examine(f"SELECT {', '.join(columns)} FROM {name} WHERE {where}")]


def test_the_counts_are_those_of_a_naive_reading(world):
    ws = world.ws
    place = ".".join(f'"{p}"' for p in next(t.place for t in ws.source.structure() if t.name == "purchase"))
    ws.source.execute_disposal([(f"UPDATE {place} SET customer_id = NULL WHERE id < 'P012'", [])])
    cases = [
        ("customer", ["joined_on"], ["id"]),
        ("customer", ["residence", "joined_on"], ["id"]),
        ("customer", ["residence"], ["id"]),
        ("purchase", ["bought_on"], ["customer_id"]),  # with NULL among the values, and rows that name nobody
        ("purchase", ["bought_on", "amount"], ["customer_id"]),
        ("visit", ["seen_at", "page"], ["customer_id"]),
    ]
    for table, by, key in cases:
        rows = stored(ws, table, *key, *(f"CAST({column} AS TEXT)" for column in by))
        for k in (2, 5, 1000):
            assert counted(ws, table, by, k) == naive(rows, k), (table, by, k)


def test_only_rows_in_which_a_field_was_emptied_are_looked_at(world):
    run_disposal(world.ws, actor=OLGA)
    rows = stored(world.ws, "customer", "id", "residence", where="name IS NULL")
    assert 0 < len(rows) < 60
    assert counted(world.ws, "customer", ["residence"], 5, ["name"]) == naive(rows, 5)


def test_what_else_could_be_emptied_is_told_and_no_value_ever(world):
    found = check_anonymity(world.ws, actor=OLGA, by=["name", "residence"], k=5)
    assert (found.groups.smallest, found.groups.under) == (1, 60)
    assert found.with_also_emptied == {"name": 0, "residence": 60}
    entry = world.ws.ledger.entry(found.entry)
    assert entry.public["under"] == 60 and entry.public["by"] == ["name", "residence"]
    said = json.dumps(entry.public) + repr(found)
    assert "Person" not in said and "2020-02-29" not in said


def test_without_a_choice_the_fields_that_customers_gave_are_taken_and_a_count_by_the_key_is_refused(world):
    found = check_anonymity(world.ws, actor=OLGA, emptied=["name"])
    assert "id" not in found.by and "name" not in found.by and "email" in found.by
    for asked, refused in [
        ({"by": ["id"]}, BadInput),
        ({"by": ["residence"], "k": 1}, BadInput),
        ({"by": ["nothing"]}, UnknownName),
        ({"by": ["residence"], "emptied": ["nothing"]}, UnknownName),
        ({"table": "nowhere", "by": ["x"]}, NotFound),
    ]:
        with pytest.raises(refused):
            check_anonymity(world.ws, actor=OLGA, **asked)
