"""The second look trusts nothing: a text with a gate missing, moved or widened does not run."""

from __future__ import annotations

import pytest

from rightful.gate import rewrite as rewriting
from rightful.gate.rewrite import SqlRefused, rewrite
from rightful.gate.second_look import check_again
from tests.gate import rewrite_world as world

GATE = 'SELECT "id", "rf_no" AS "__rf_no" FROM "rf_base"."customer" WHERE "rf_p"'
FINE = f'SELECT "c"."id" FROM ({GATE}) AS "c" WHERE "c"."id" > 3'


def test_what_was_built_passes():
    check_again(FINE, [GATE], "duckdb")


@pytest.mark.parametrize(
    "text",
    [
        FINE.replace(' WHERE "rf_p"', ""),
        FINE.replace('"rf_p"', '"rf_q"'),
        FINE.replace('WHERE "rf_p"', 'WHERE "rf_p" OR TRUE'),
        FINE.replace('"rf_base"', '"other"'),
        FINE.replace('"rf_base"."customer"', '"customer"'),
        FINE.replace('"id", "rf_no"', '"id", "phone", "rf_no"'),
        FINE + f' UNION ALL SELECT "d"."id" FROM ({GATE}) AS "d"',
        FINE + ' UNION ALL SELECT "id" FROM "rf_base"."customer"',
        FINE + ' AND "c"."id" IN (SELECT "s" FROM "secret")',
        FINE + ' AND "c"."phone" IS NULL',
        FINE + ' AND "phone" IS NULL',
        FINE + ' AND "d"."id" IS NULL',
        FINE + " AND read_text('x') IS NULL",
        FINE + "; SELECT 1",
        FINE.replace("SELECT", "SELECT $1,", 1),
        FINE + ' ORDER BY "phone"',
        FINE.replace(' AS "c" WHERE', ' AS "c" CROSS JOIN "secret" WHERE'),
        'SELECT "s"."s" FROM "secret" AS "s"',
        'WITH "secret" AS (SELECT 1 AS "s") SELECT "s"."s" FROM "main"."secret" AS "s"',
        "DROP TABLE x",
        "SELECT 1",
    ],
)
def test_a_text_with_anything_else_in_it_is_refused(text):
    with pytest.raises(SqlRefused):
        check_again(text, [GATE], "duckdb")


def test_a_broken_first_look_is_caught(monkeypatch):
    monkeypatch.setattr(rewriting._Writer, "_place", lambda self, gate: gate.node.set("db", "rf_base") or GATE)
    with pytest.raises(SqlRefused) as caught:
        rewrite("SELECT id FROM customer", world.PERMIT, "duckdb")
    assert caught.value.code == "sql.second-check"
