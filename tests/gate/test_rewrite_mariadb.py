"""What the gate writes for MariaDB, run on a MariaDB: the same cases, canaries and properties as elsewhere.

MariaDB says values in its errors ("XPATH syntax error: '~secret'", "out of range in '(5 - 10)'"), folds case
in comparisons and lets bad casts pass with a warning. So beside "nothing leaks" stands: nothing that may not
be seen decides whether a statement fails.
"""

# ruff: noqa: E501 - statements are read by the line
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from rightful.gate.rewrite import Column, Permit, SqlRefused, Table, rewrite
from rightful.protection import masking
from tests.gate import rewrite_world as world
from tests.gate.test_rewrite import HONEST, HOSTILE_NAMES, MAY_FAIL
from tests.gate.test_rewrite_corpus import payloads, statements
from tests.gate.test_rewrite_golden import FILES, PERMITS, asked
from tests.gate.test_rewrite_transforms import SAMPLES, in_sql
from tests.mariadb import MariaServer

pytestmark = pytest.mark.mariadb


@pytest.fixture(scope="module")
def maria(mariadb_server: MariaServer) -> Iterator[Any]:
    with world.mariadb_world(mariadb_server) as made:
        yield made


def written(sql: str, permit: Permit) -> str | None:
    try:
        return rewrite(sql, permit, "mysql").sql
    except SqlRefused as refused:
        assert refused.code != "sql.second-check", sql
        assert not world.leaks(str(refused))
        return None


def outcome(connection: Any, sql: str) -> Any:
    """Rows in any order, or the number of the error; its text never leaves the source."""
    import pymysql

    try:
        names, rows = world.ask(connection, sql)
    except pymysql.Error as error:
        return f"error {error.args[0]}"
    return names, world.in_any_order(rows)


@pytest.mark.parametrize("case", world.CASES, ids=lambda case: case["id"])
def test_a_worked_case_shows_nothing_that_may_not_be_seen(case, maria):
    connection, permits = maria
    text = written(case["sql"], permits["a"])
    if text is None:
        return
    first = outcome(connection, text)
    second = outcome(connection, str(written(case["sql"], permits["b"])))
    assert not world.leaks(repr(first)), text
    assert first == second, text
    assert not isinstance(first, str), (first, text)


def test_most_honest_statements_pass_and_answer_as_on_the_permitted_data_alone(maria):
    connection, permits = maria
    passed = 0
    honest = [case["sql"] for case in world.CASES if case["expected"] == "gated"]
    for sql in [*HONEST, *honest]:
        text = written(sql, permits["a"])
        if text is None:
            continue
        names, rows = world.ask(connection, text)
        try:
            _, expected = world.ask(world.plain_duckdb(), sql)
        except Exception:  # a form that only PostgreSQL knows, or a division that fails there
            continue
        if "LIMIT" in sql and "ORDER BY" not in sql:
            assert len(rows) == len(expected)
            continue
        passed += 1
        assert world.in_any_order(world.visible(names, rows)) == world.in_any_order(expected), sql
    assert passed >= 40


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_golden_statement_runs(path, maria):
    connection, permits = maria
    permit, sql = asked(path)
    place = permits["a"].tables[0].base[0]
    with_tail = replace(world.placed_in(PERMITS[permit], place), tail_relation=(place, "tail"))
    connection.execute(f"CREATE TABLE IF NOT EXISTS {place}.tail (__rf_no bigint)")
    text = written(sql, with_tail)
    if text is not None:
        found = outcome(connection, text)
        assert not isinstance(found, str) and not world.leaks(repr(found)), (found, text)


@settings(max_examples=150)  # each example is two round trips
@given(statement=statements())
def test_what_may_not_be_seen_changes_no_answer(maria, statement):
    connection, permits = maria
    text = written(statement, permits["a"])
    if text is None:
        return
    first = outcome(connection, text)
    assert first == outcome(connection, str(written(statement, permits["b"]))), text
    assert not world.leaks(repr(first)), text


@pytest.mark.parametrize("condition", MAY_FAIL)
def test_a_forbidden_row_never_makes_a_statement_fail(condition, maria):
    connection, permits = maria
    for sql in (
        f"SELECT id FROM customer WHERE {condition}",
        f"SELECT s.id FROM (SELECT id, {condition} AS c FROM customer) s WHERE s.c",
        f"SELECT country, count(*) FROM customer WHERE {condition} GROUP BY 1",
    ):
        text = written(sql, permits["a"])
        if text is not None:
            first, second = (outcome(connection, str(written(sql, permits[one]))) for one in ("a", "b"))
            assert first == second, text
            assert not world.leaks(repr(first)), text


SPOKEN = """
extractvalue('<a/>', concat('~', name)) | updatexml('<a/>', concat('~', name), '') | load_file('/etc/passwd')
sleep(1) | benchmark(1000000, sha2('x', 512)) | get_lock('x', 1) | release_lock('x') | name_const('x', 1) | uuid()
user() | current_user() | version() | database() | schema() | connection_id() | last_insert_id() | row_count()
found_rows() | rand() | json_extract(name, '$') | json_table('x', '$') | st_geomfromtext(name) | inet_aton(name)
master_pos_wait('x', 1) | sys_exec('ls') | lastval(x) | nextval(x) | setval(x, 1) | decode(name, 'x') | procedure analyse()
group_concat(name) | elt(1, name) | field(name, 'a') | make_set(1, name) | export_set(1, name, 'x') | char(97) | unhex('61')
regexp_replace(name, 'x', 'y') | compress(name) | des_encrypt(name) | format(id, 2) | interval(id, 1) | values(name)
"""
TYPED = """
SELECT @@version | SELECT @x | SELECT @x := name FROM customer | SELECT id FROM customer INTO OUTFILE '/tmp/x' | SELECT id FROM customer INTO @x
SELECT id FROM customer PROCEDURE ANALYSE() | SELECT id FROM customer LOCK IN SHARE MODE | SELECT /*!50000 name */ FROM customer
SELECT /*M! name */ 1 | SELECT id FROM customer -- x | SELECT id FROM customer # x | SELECT 'a\\' OR 1=1 -- ' FROM customer
SELECT "name" 'x' FROM customer | SELECT _utf8'a' | SELECT N'a' | SELECT x'61' | SELECT 0x61 | SELECT 0b01 | SELECT b'01' | SELECT id FROM customer WHERE name = 0
SELECT id FROM customer WHERE name RLIKE 'x' | SELECT id FROM customer WHERE name SOUNDS LIKE 'x' | SELECT BINARY name FROM customer | SELECT name COLLATE utf8mb4_bin FROM customer
SELECT id FROM customer PARTITION (p0) | SELECT id FROM customer FOR SYSTEM_TIME ALL | SELECT id FROM mysql.user | SELECT * FROM information_schema.tables
SELECT id FROM customer USE INDEX (PRIMARY) | SELECT STRAIGHT_JOIN id FROM customer | SELECT SQL_CALC_FOUND_ROWS id FROM customer | HANDLER customer READ FIRST
SELECT id FROM customer LIMIT 1 OFFSET 1; SELECT 1 | WITH RECURSIVE r AS (SELECT 1) SELECT * FROM r | VALUES (1) | TABLE customer | DO SLEEP(1) | SET @x = 1
"""


def test_ac_045_what_only_mariadb_knows_is_refused_too():
    forms = ("SELECT {f}", "SELECT {f} FROM customer", "SELECT id FROM customer WHERE {f} IS NOT NULL")
    calls = [call.strip() for line in SPOKEN.splitlines() for call in line.split(" | ") if call.strip()]
    texts = [text.strip() for line in TYPED.splitlines() for text in line.split(" | ") if text.strip()]
    harmless = {  # comments are left out, and what looks like an escape is a literal when it is written anew
        "SELECT id FROM customer -- x": "-- x",
        "SELECT id FROM customer # x": "#",
        "SELECT /*M! name */ 1": "name",
        "SELECT 'a\\' OR 1=1 -- ' FROM customer": "a\\",
        "SELECT \"name\" 'x' FROM customer": "`name`",
    }
    passed = []
    for sql in [
        *(form.format(f=call) for call in calls for form in forms),
        *texts,
        *payloads("duckdb"),
        *payloads("postgres"),
    ]:
        try:
            passed.append((sql, rewrite(sql, world.PERMIT, "mysql").sql))
        except SqlRefused as refused:
            assert refused.code != "sql.second-check", sql
    assert {sql for sql, _ in passed} <= set(harmless), passed
    assert all(harmless[sql] not in text for sql, text in passed), passed


@pytest.mark.parametrize("transform", SAMPLES)
def test_sql_and_python_agree_on_transforms(transform, maria):
    connection, permits = maria
    type_word, values = SAMPLES[transform]
    if type_word == "double":  # no infinity there
        values = [value for value in values if value is None or abs(value) < 1e301]
    connection.execute(f"USE {permits['a'].tables[0].base[0]}")
    for value, seen in zip(values, in_sql(connection, "mysql", transform, type_word, values), strict=True):
        expected = masking.apply(transform, value)
        if isinstance(value, float) and expected:
            assert seen == pytest.approx(expected), value
        else:
            assert seen == expected, repr(value)


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_ac_043_a_hostile_name_in_the_catalogue_is_only_a_name(name, maria):
    connection, _ = maria
    quoted = "`" + name.replace("`", "``") + "`"
    connection.execute(f"CREATE DATABASE IF NOT EXISTS {quoted}")
    try:
        connection.execute(f"CREATE TABLE {quoted}.{quoted} (rf_no bigint, rf_p boolean, {quoted} int)")
        connection.execute(f"INSERT INTO {quoted}.{quoted} VALUES (1, true, 42), (2, false, 7770001)")
        permit = Permit((Table(name, (name, name), "rf_no", "rf_p", (Column(name, "integer"),)),))
        for sql in (f"SELECT {quoted} FROM {quoted}", f"SELECT * FROM {quoted}"):
            names, rows = world.ask(connection, rewrite(sql, permit, "mysql").sql)
            assert world.visible(names, rows) == [(42,)]
    finally:
        connection.execute(f"DROP DATABASE IF EXISTS {quoted}")


@pytest.mark.parametrize("size", [1, 8, 9, 200])
def test_a_tail_is_left_out(size, maria):
    connection, permits = maria
    done = rewrite("SELECT id FROM customer", replace(permits["a"], tail=tuple(range(-3, size - 3))), "mysql")
    names, rows = world.ask(connection, done.sql)
    assert sorted(world.visible(names, rows)) == [(no,) for no in range(max(1, size - 3), 13)]


def test_ac_007_small_groups_are_counted(maria):
    connection, permits = maria
    counts = replace(permits["a"], at_least=3, aggregates_only=True)
    done = rewrite("SELECT country, count(*) AS n, sum(ltv) AS s FROM customer GROUP BY country", counts, "mysql")
    names, rows = world.ask(connection, done.sql)
    people = names.index(str(done.counter))
    kept = [row for row in rows if row[people] >= 3]
    assert len(kept) == 3 and len(rows) == 4
    for sql in ("SELECT sum(ltv) FROM customer WHERE id = 5", "SELECT name, max(ltv) FROM customer GROUP BY name"):
        done = rewrite(sql, counts, "mysql")
        names, rows = world.ask(connection, done.sql)
        assert [row for row in rows if row[names.index(str(done.counter))] >= 3] == [], sql
