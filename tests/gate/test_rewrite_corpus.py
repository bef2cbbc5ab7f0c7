"""Many statements at once: forbidden columns in every disguise, payloads that must never run, and the
property that stands above all of them - nothing an analyst may not see changes any answer."""

# ruff: noqa: E501 - corpora are read by the line, one payload after the other
from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.gate.rewrite import Permit, SqlRefused, Table, rewrite
from tests.gate import rewrite_world as world
from tests.postgres import PostgresServer

FORBIDDEN = [
    ("customer", "phone"),
    ("customer", "notes"),
    ("activity", "note"),
    ("customer", "rf_no"),
    ("customer", "rf_p"),
]

# --- AC-008 and AC-009: forbidden columns -----------------------------------------

VALUES = [
    "{c}", "upper({c})", "{c} || 'x'", "coalesce({c}, 'x')", "CASE WHEN {c} LIKE '+49%' THEN 1 END", "length({c})",
    "nullif({c}, 'x')", "substring({c}, 1, 1)", "CAST({c} AS TEXT)", "{c} IS NULL", "NOT {c} = 'x'", "({c})",
    "max({c})", "min({c})", "count({c})", "count(DISTINCT {c})", "max({c}) OVER ()", "lag({c}) OVER (ORDER BY {t}.id)",
    "row_number() OVER (PARTITION BY {c} ORDER BY {t}.id)", "rank() OVER (ORDER BY {c})", "first_value({c}) OVER ()",
    "count(*) FILTER (WHERE {c} LIKE '+%')", "{c}.x", "({c}).x", "{c}[1]", "{c} -> 'x'", "{c} ->> 'x'",
    "json_extract({c}, '$.x')", "list({c})", "string_agg({c}, ',')", "any_value({c})", "arg_max({c}, {t}.id)",
    "to_json({t})", "{t}", "row({t}.*)", "{c}::text", "{c} COLLATE \"C\"", "greatest({c}, 'a')", "hash({c})", "md5({c})",
]  # fmt: skip
NAMES = ["{n}", "{t}.{n}", '"{n}"', '{t}."{n}"', "{N}", "{t}.{N}"]
SHAPES = [
    "SELECT {v} FROM {t}",
    "SELECT {v} AS x FROM {t}",
    "SELECT s.x FROM (SELECT {v} AS x FROM {t}) s",
    "WITH w AS (SELECT {v} AS x FROM {t}) SELECT x FROM w",
    "SELECT id FROM {t} UNION ALL SELECT {v} FROM {t}",
    "SELECT (SELECT {v} FROM {t})",
    "SELECT DISTINCT {v} FROM {t}",
    "SELECT {t}.id FROM {t} ORDER BY {v}",
    "SELECT count(*) FROM {t} GROUP BY {v}",
]
PREDICATES = [
    "{c} = '+49CANARYa'", "{c} LIKE '+49%'", "{c} IS NOT NULL", "{c} IN ('a', 'b')", "{c} BETWEEN 'a' AND 'z'",
    "length({c}) > 3", "NOT ({c} = 'x')", "{c} > 'm'", "coalesce({c}, '') <> ''", "{t}.id = 1 AND {c} = 'x'",
    "{t}.id = 1 OR {c} = 'x'", "CASE WHEN {c} = 'x' THEN true ELSE false END", "{c} = (SELECT max(kind) FROM activity)",
    "{c} IS DISTINCT FROM 'x'", "lower({c}) LIKE '%vip%'", "'x' IN ({c})", "EXISTS (SELECT {c})", "{c} || '' = 'x'",
]  # fmt: skip
PLACES = [
    "SELECT {t}.id FROM {t} WHERE {p}",
    "SELECT count(*) FROM {t} WHERE {p}",
    "SELECT count(*) FILTER (WHERE {p}) FROM {t}",
    "SELECT s.id FROM (SELECT id FROM {t} WHERE {p}) s",
    "WITH w AS (SELECT id FROM {t} WHERE {p}) SELECT * FROM w",
    "SELECT id FROM {t} WHERE id IN (SELECT id FROM {t} WHERE {p})",
    "SELECT {t}.id FROM {t} JOIN {t} AS o ON o.id = {t}.id AND {p}",
    "SELECT id FROM {t} ORDER BY CASE WHEN {p} THEN 1 ELSE 2 END",
    "SELECT id FROM {t} GROUP BY id HAVING {p}",
    "SELECT id FROM {t} QUALIFY row_number() OVER (ORDER BY {p}) = 1",
    "SELECT id FROM {t} UNION SELECT id FROM {t} WHERE {p}",
    "SELECT sum(CASE WHEN {p} THEN 1 ELSE 0 END) FROM {t}",
]


def disguises(table: str, name: str) -> Iterator[str]:
    for number, (shape, value) in enumerate(itertools.product(SHAPES, VALUES)):
        column = NAMES[number % len(NAMES)].format(t=table, n=name, N=name.upper())
        yield shape.format(t=table, v=value.format(c=column, t=table))
    yield from (
        text.format(t=table, n=name)
        for text in (
            "SELECT * EXCLUDE ({n}) FROM {t}", "SELECT * REPLACE ({n} AS id) FROM {t}", "SELECT COLUMNS('{n}') FROM {t}",
            "SELECT * RENAME ({n} AS x) FROM {t}", "SELECT a.id FROM {t} a JOIN {t} b USING ({n})",
            "SELECT a.id FROM {t} a NATURAL JOIN {t} b", "UNPIVOT {t} ON {n} INTO NAME k VALUE v",
            "SELECT x.{n} FROM {t} AS x(a, b, c, d, e, f, {n})", "SELECT {n} FROM {t}, LATERAL (SELECT {n}) l",
            "SELECT unnest([{n}]) FROM {t}", "SELECT {n} FROM {t} WINDOW w AS (ORDER BY {n})", "TABLE {t}",
            "SELECT {t}.{t}.{n} FROM {t}", "SELECT {{'a': {n}}} FROM {t}", "SELECT id FROM {t} ORDER BY ALL",
        )
    )  # fmt: skip


def predicates(table: str, name: str) -> Iterator[str]:
    for number, (place, predicate) in enumerate(itertools.product(PLACES, PREDICATES)):
        column = NAMES[number % len(NAMES)].format(t=table, n=name, N=name.upper())
        yield place.format(t=table, p=predicate.format(c=column, t=table))


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize(("table", "name"), FORBIDDEN)
def test_ac_008_a_forbidden_column_is_refused_in_every_disguise(table, name, dialect):
    asked = list(dict.fromkeys(disguises(table, name)))
    assert len(asked) >= 200
    for sql in asked:
        with pytest.raises(SqlRefused) as caught:
            rewrite(sql, world.PERMIT, dialect)
        assert caught.value.code != "sql.second-check", sql
        assert not world.leaks(str(caught.value))


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
@pytest.mark.parametrize(("table", "name"), FORBIDDEN)
def test_ac_009_a_forbidden_column_is_refused_in_every_predicate_and_order(table, name, dialect):
    asked = list(dict.fromkeys(predicates(table, name)))
    assert len(asked) >= 200
    for sql in asked:
        with pytest.raises(SqlRefused):
            rewrite(sql, world.PERMIT, dialect)


def test_ac_008_the_corpus_runs_when_the_column_is_permitted():
    """The corpus is worth something only if most of it is refused for the column's sake alone."""
    permit = Permit(tuple(
        Table(t.name, t.base, t.subject, t.flag, (*t.columns, *(world.Column(n, "text") for n in t.hidden)))
        for t in world.PERMIT.tables
    ))  # fmt: skip
    connection = world.duckdb_world("a")
    ran = 0
    for sql in [*disguises("customer", "phone"), *predicates("customer", "phone")]:
        try:
            done = rewrite(sql, permit, "duckdb")
        except SqlRefused:
            continue
        try:
            connection.execute(done.sql)
        except Exception as error:
            assert "scalar subquery" in str(error) or "more than one row" in str(error).lower(), (done.sql, error)
        ran += 1
    assert ran > 300


def test_ac_008_the_starred_and_the_masked_show_no_forbidden_value():
    connection = world.duckdb_world("a")
    for sql in (
        "SELECT * FROM customer", "SELECT c.*, a.* FROM customer c JOIN activity a ON a.customer_id = c.id",
        "SELECT email, birth_date FROM customer", "SELECT max(email), max(birth_date) FROM customer",
        "SELECT email || name FROM customer ORDER BY email", "SELECT * FROM customer WHERE email LIKE '%CANARY%'",
        "SELECT * FROM customer WHERE birth_date > '1965-02-01'", "SELECT DISTINCT birth_date FROM customer",
    ):  # fmt: skip
        names, rows = world.ask(connection, rewrite(sql, world.PERMIT, "duckdb").sql)
        assert not world.leaks(repr(rows)), sql
        days = {value for row in world.visible(names, rows) for value in row if hasattr(value, "day") and
                not hasattr(value, "hour")}  # fmt: skip
        assert all((day.month, day.day) == (1, 1) for day in days)


# --- AC-045: what must never run --------------------------------------------------

STATEMENTS = """
COPY customer TO '/tmp/x' | COPY customer FROM '/tmp/x' | COPY (SELECT 1) TO '/tmp/x' | COPY (SELECT 1) TO PROGRAM 'sh'
ATTACH '/tmp/x.db' | ATTACH ':memory:' AS y | ATTACH 'dbname=x' AS p (TYPE postgres) | DETACH y | USE y
INSTALL httpfs | LOAD httpfs | FORCE INSTALL httpfs | INSTALL 'x' FROM 'http://x' | UPDATE EXTENSIONS
PRAGMA database_list | PRAGMA table_info('customer') | PRAGMA enable_profiling | PRAGMA version
SET enable_external_access = true | SET lock_configuration = false | SET search_path = rf_base | RESET ALL
SET ROLE postgres | SET SESSION AUTHORIZATION postgres | SET row_security = off | RESET ROLE | SHOW ALL | SHOW TABLES
CREATE TABLE x AS SELECT * FROM customer | CREATE VIEW x AS SELECT 1 | CREATE OR REPLACE VIEW customer AS SELECT 1
CREATE MACRO f() AS 1 | CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'select 1' | CREATE EXTENSION dblink
CREATE SECRET s (TYPE s3) | CREATE INDEX i ON customer (id) | CREATE SCHEMA x | CREATE ROLE x | CREATE TRIGGER x
ALTER TABLE customer ADD COLUMN x int | ALTER ROLE postgres SUPERUSER | ALTER SYSTEM SET x = 1 | DROP TABLE customer
DROP SCHEMA rf_base CASCADE | TRUNCATE customer | DELETE FROM customer | UPDATE customer SET id = 1
INSERT INTO customer VALUES (1) | INSERT INTO customer SELECT 1 | MERGE INTO customer USING activity ON true WHEN MATCHED THEN DELETE
GRANT ALL ON customer TO public | REVOKE ALL ON customer FROM x | COMMENT ON TABLE customer IS 'x' | ANALYZE customer
VACUUM | CHECKPOINT | FORCE CHECKPOINT | EXPORT DATABASE '/tmp/x' | IMPORT DATABASE '/tmp/x' | REINDEX TABLE customer
BEGIN | COMMIT | ROLLBACK | SAVEPOINT x | PREPARE p AS SELECT 1 | EXECUTE p | DEALLOCATE p | DECLARE c CURSOR FOR SELECT 1
FETCH ALL FROM c | CLOSE c | MOVE c | LISTEN x | NOTIFY x | UNLISTEN x | LOCK TABLE customer | CLUSTER customer
DO 'begin end' | DO $$ begin end $$ | CALL f() | EXPLAIN SELECT 1 | EXPLAIN ANALYZE SELECT * FROM customer
DESCRIBE customer | SUMMARIZE customer | VALUES (1) | TABLE customer | PIVOT customer ON country USING count(*)
UNPIVOT customer ON phone INTO NAME k VALUE v | SECURITY LABEL ON TABLE customer IS 'x' | DISCARD ALL | REFRESH MATERIALIZED VIEW x
IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z | HANDLER customer OPEN | LOAD DATA INFILE '/etc/passwd' INTO TABLE customer
KILL 1 | FLUSH TABLES | SELECT 1 INTO OUTFILE '/tmp/x' | SELECT 1 INTO x | SELECT * FROM customer FOR UPDATE
SELECT 1; DROP TABLE customer | SELECT 1; SELECT 2 | SELECT 1;; SELECT 2 | ; | -- | /* */ | WITH d AS (DELETE FROM customer RETURNING *) SELECT * FROM d
WITH d AS (UPDATE customer SET id = 1 RETURNING *) SELECT * FROM d | WITH d AS (INSERT INTO customer VALUES (1) RETURNING *) SELECT * FROM d
WITH RECURSIVE r AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM r) SELECT * FROM r | SELECT 1 /*! INTO OUTFILE '/tmp/x' */
"""
CALLS = {
    "duckdb": """
read_csv('/etc/passwd') read_csv_auto('/etc/passwd') read_parquet('x') read_json('x') read_json_auto('x') read_ndjson('x')
read_text('/etc/passwd') read_blob('/etc/passwd') glob('/*') parquet_scan('x') parquet_metadata('x') parquet_schema('x')
sniff_csv('x') duckdb_tables() duckdb_columns() duckdb_settings() duckdb_secrets() duckdb_functions() duckdb_databases()
duckdb_views() duckdb_schemas() duckdb_extensions() duckdb_temporary_files() duckdb_logs() duckdb_memory() pragma_version()
pragma_database_list() pragma_table_info('customer') pragma_storage_info('customer') pragma_show('customer') query('select 1')
query_table('customer') postgres_query('db','select 1') postgres_scan('x','y','z') sqlite_scan('x','y') mysql_query('x','y')
iceberg_scan('x') delta_scan('x') st_read('x') seq_scan('customer') range(10) generate_series(1,10) unnest([1]) repeat_row(1)
getenv('HOME') getvariable('x') current_setting('x') which_secret('x','s3') nextval('s') currval('s') txid_current() version()
pg_typeof(1) current_schema() current_schemas(true) in_search_path('x','y') has_table_privilege('x','y') add_parquet_key('a','b')
write_log('x') parse_duckdb_log_message('x','y') json_serialize_sql('x') json_execute_serialized_sql('x') checkpoint() force_checkpoint()
enable_logging() set_config('a','b') icu_sort_key('x','y') error('x') stats(1) vector_type(1) random() setseed(0.5) gen_random_uuid()
""",
    "postgres": """
pg_read_file('/etc/passwd') pg_read_binary_file('/etc/passwd') pg_ls_dir('/') pg_ls_logdir() pg_ls_waldir() pg_stat_file('x')
lo_import('/etc/passwd') lo_export(1,'/tmp/x') lo_get(1) lo_create(1) dblink('x','y') dblink_connect('x') dblink_exec('x','y')
query_to_xml('select 1',true,false,'') table_to_xml('x',true,false,'') database_to_xml(true,false,'') schema_to_xml('x',true,false,'')
cursor_to_xml('x',1,true,false,'') ts_stat('select 1') xpath('//x','<x/>') xmltable('x') set_config('a','b',false) current_setting('a')
pg_sleep(1) pg_sleep_for('1 s') pg_terminate_backend(1) pg_cancel_backend(1) pg_reload_conf() pg_rotate_logfile() pg_notify('a','b')
pg_logical_emit_message(true,'a','b') pg_advisory_lock(1) pg_try_advisory_lock(1) pg_relation_size('x') pg_total_relation_size('x')
pg_relation_filepath('x') pg_get_viewdef('x') pg_get_functiondef(1) pg_get_userbyid(1) obj_description(1) col_description(1,1)
has_table_privilege('x','select') has_schema_privilege('x','usage') pg_has_role('x','usage') to_regclass('x') row_to_json(customer)
to_json(customer) to_jsonb(customer) json_agg(customer) jsonb_agg(customer) json_object_agg(name,id) array_agg(name) string_agg(name,',')
xmlagg(name) hstore(customer) record_out(customer) textin('x') regexp_matches('a','b') regexp_replace('a','b','c') regexp_split_to_table('a','b')
generate_series(1,10) generate_subscripts(1,1) unnest(name) json_populate_record(1,'x') json_each('x') jsonb_path_query('x','y') pg_stat_get_activity(1)
pg_show_all_settings() pg_hba_file_rules() pg_export_snapshot() txid_current() pg_current_wal_lsn() inet_server_addr() version() current_database()
pg_postmaster_start_time() pg_config() pg_stat_reset() nextval('x') setval('x',1) lastval() gen_random_uuid() random() pg_backend_pid() crypt('a','b')
""",
}  # fmt: skip
FORMS = [
    "SELECT {f}",
    "SELECT * FROM {f}",
    "SELECT id FROM customer WHERE {f} IS NOT NULL",
    "WITH x AS (SELECT {f} AS y) SELECT y FROM x",
]
FILES = """
SELECT * FROM '/etc/passwd' | SELECT * FROM 'x.parquet' | SELECT * FROM "x.csv" | SELECT * FROM 'https://x/y.csv' | FROM '/etc/passwd'
SELECT * FROM information_schema.tables | SELECT * FROM pg_catalog.pg_class | SELECT * FROM pg_stats | SELECT * FROM pg_authid
SELECT * FROM sqlite_master | SELECT * FROM duckdb_tables | SELECT * FROM rf_base.customer | SELECT * FROM secret | SELECT * FROM main.secret
SELECT * FROM public.secret | SELECT * FROM memory.main.secret | SELECT (SELECT s FROM secret) | SELECT id FROM customer WHERE name IN (SELECT s FROM secret)
SELECT id FROM customer UNION SELECT s FROM secret | WITH x AS (SELECT * FROM secret) SELECT * FROM x | SELECT * FROM customer, secret
SELECT * FROM customer JOIN secret ON customer.name = secret.s | SELECT CURRENT_USER | SELECT SESSION_USER | SELECT CURRENT_CATALOG | SELECT CURRENT_SCHEMA
SELECT $1 | SELECT ? | SELECT :x | SELECT @x | SELECT @@version | SELECT x'00' | SELECT b'1' | SELECT E'a' | SELECT $$a$$ | SELECT 1 LIMIT 10% | SELECT 'secret'::regclass
"""


def payloads(dialect: str) -> list[str]:
    texts = [text.strip() for line in (STATEMENTS + FILES).splitlines() for text in line.split(" | ") if text.strip()]
    calls = [form.format(f=call) for call in CALLS[dialect].split() for form in FORMS]
    return list(dict.fromkeys([*texts, *calls]))


@pytest.mark.parametrize("dialect", ["duckdb", "postgres"])
def test_ac_045_no_payload_is_ever_passed_on(dialect):
    asked = payloads(dialect)
    assert len(asked) >= 400
    passed = []
    for sql in asked:
        try:
            passed.append((sql, rewrite(sql, world.PERMIT, dialect).sql))
        except SqlRefused as refused:
            assert refused.code != "sql.second-check", sql
    assert passed == []


@pytest.mark.parametrize("dialect", ["mysql", "spark"])
def test_ac_045_no_payload_is_passed_on_in_the_other_dialects(dialect):
    for sql in [*payloads("duckdb"), *payloads("postgres")]:
        with pytest.raises(SqlRefused):
            rewrite(sql, world.PERMIT, dialect)


@pytest.mark.parametrize("sql", payloads("duckdb")[:60])
@pytest.mark.parametrize(
    "glue", ["SELECT id FROM customer; {}", "SELECT id FROM customer -- x\n; {}", "{}; SELECT id FROM customer"]
)
def test_ac_045_a_payload_behind_or_before_a_select_is_refused(sql, glue):
    if sql.strip("-/* ;"):
        with pytest.raises(SqlRefused):
            rewrite(glue.format(sql), world.PERMIT, "duckdb")


# --- the property: what may not be seen changes nothing ---------------------------

NUMBER = st.sampled_from(["id", "ltv", "id + 1", "ltv * 2", "1 / ltv", "id % 5", "CAST(name AS INT)", "length(name)", "3", "-id",
                          "coalesce(ltv, 0)", "abs(id)", "extract(year FROM birth_date)", "round(ltv, 1)", "1 / (id - 3)"])  # fmt: skip
WORD = st.sampled_from(["name", "country", "segment", "email", "upper(name)", "name || country", "'x'", "coalesce(segment, 'n')",
                        "CAST(ltv AS TEXT)", "substring(email, 1, 1)", "CASE WHEN ltv > 50 THEN name ELSE country END"])  # fmt: skip
MOMENT = st.sampled_from(
    ["birth_date", "DATE '1965-01-01'", "birth_date + INTERVAL '3' DAY", "date_trunc('year', birth_date)"]
)
COMPARE = st.sampled_from(["=", "<>", "<", ">=", "IS DISTINCT FROM"])


@st.composite
def condition(draw: st.DrawFn, depth: int = 0) -> str:
    kind = draw(st.integers(0, 9 if depth < 2 else 6))
    if kind <= 1:
        return f"{draw(NUMBER)} {draw(COMPARE)} {draw(NUMBER)}"
    if kind <= 3:
        return f"{draw(WORD)} {draw(COMPARE)} {draw(WORD)}"
    if kind == 4:
        return f"birth_date {draw(COMPARE)} {draw(MOMENT)}"
    if kind == 5:
        return f"{draw(WORD)} LIKE {draw(st.sampled_from(['%C%', 'N%', '%@%', '4_']).map(repr))}"
    if kind == 6:
        return f"id IN (SELECT customer_id FROM activity WHERE amount > {draw(st.integers(0, 8))})"
    if kind == 7:
        return f"NOT ({draw(condition(depth + 1))})"
    return f"({draw(condition(depth + 1))}) {draw(st.sampled_from(['AND', 'OR']))} ({draw(condition(depth + 1))})"


@st.composite
def source(draw: st.DrawFn) -> str:
    kind = draw(st.integers(0, 4))
    if kind <= 1:
        return "customer"
    if kind == 2:
        return f"(SELECT * FROM customer WHERE {draw(condition())}) AS s"
    if kind == 3:
        return f"(SELECT * FROM customer UNION ALL SELECT * FROM customer WHERE {draw(condition())}) AS s"
    return f"(SELECT s.*, row_number() OVER (PARTITION BY {draw(WORD)} ORDER BY id) AS n FROM customer s) AS s"


@st.composite
def statements(draw: st.DrawFn) -> str:
    where = draw(st.one_of(st.just(""), condition().map(lambda text: f" WHERE {text}")))
    kind = draw(st.integers(0, 5))
    value = draw(st.one_of(NUMBER, WORD))
    if kind == 0:
        return f"SELECT id, {value} AS v FROM {draw(source())}{where}"
    if kind == 1:
        return f"SELECT {draw(WORD)} AS k, count(*) AS n, sum({draw(NUMBER)}) AS s, max({draw(WORD)}) AS m FROM {draw(source())}{where} GROUP BY 1"
    if kind == 2:
        return f"WITH w AS (SELECT id, {value} AS v FROM {draw(source())}{where}) SELECT v, count(*) AS n FROM w GROUP BY v"
    if kind == 3:
        return f"SELECT id, rank() OVER (ORDER BY {value}, id) AS r FROM {draw(source())}{where}"
    if kind == 4:
        side = draw(st.sampled_from(["JOIN", "LEFT JOIN"]))
        return (f"SELECT s.id, a.kind FROM (SELECT id, {value} AS v FROM {draw(source())}{where}) AS s"
                f" {side} activity AS a ON a.customer_id = s.id AND a.amount > 2")  # fmt: skip
    setting = draw(st.sampled_from(["UNION", "EXCEPT", "INTERSECT"]))
    return f"SELECT id FROM {draw(source())}{where} {setting} SELECT customer_id FROM activity ORDER BY 1 LIMIT 5"


def outcome(connection: Any, sql: str) -> Any:
    try:
        names, rows = world.ask(connection, sql)
    except Exception as error:
        return type(error).__name__, str(error)
    if "ORDER BY 1 LIMIT" in sql.replace('"id"', "1"):
        return names, [repr(row) for row in rows]
    return names, world.in_any_order(rows)


DUCK = {name: world.duckdb_world(name) for name in ("a", "b")}


@given(statements())
def test_what_may_not_be_seen_changes_no_answer_on_duckdb(sql):
    try:
        done = rewrite(sql, world.PERMIT, "duckdb")
    except SqlRefused as refused:
        assert refused.code in ("sql.mixed-types", "sql.unlisted-type", "sql.duplicate-name"), (sql, str(refused))
        return
    first = outcome(DUCK["a"], done.sql)
    assert first == outcome(DUCK["b"], done.sql), done.sql
    assert not world.leaks(repr(first)), done.sql
    assert isinstance(first[0], list), (done.sql, first)  # and nothing fails at all


@pytest.fixture(scope="module")
def postgres(postgres_server: PostgresServer) -> Iterator[dict[str, Any]]:
    with (
        world.postgres_world(postgres_server, "a") as first,
        world.postgres_world(postgres_server, "b") as second,
    ):
        yield {"a": first, "b": second}


@given(statement=statements())
def test_what_may_not_be_seen_changes_no_answer_on_postgres(postgres, statement):
    try:
        done = rewrite(statement, world.PERMIT, "postgres")
    except SqlRefused as refused:
        assert refused.code in ("sql.mixed-types", "sql.unlisted-type", "sql.duplicate-name"), (statement, str(refused))
        return
    first = outcome(postgres["a"], done.sql)
    assert first == outcome(postgres["b"], done.sql), done.sql
    assert not world.leaks(repr(first)), done.sql
