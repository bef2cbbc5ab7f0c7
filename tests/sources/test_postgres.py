"""What only PostgreSQL in place has: the restricted role, what we add and take away, lost connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import conninfo

from rightful.errors import BadInput, IntegrityFault, NotFound, QueryFailed, SourceUnavailable, TooManyRows
from rightful.sources.contract import FlagState
from rightful.sources.postgres import PostgresSource

PASSWORD = "a reader's \\ secret"


@pytest.fixture
def crm(database: str) -> str:
    with psycopg.connect(database, autocommit=True) as con:
        con.execute("CREATE TABLE customer (id integer PRIMARY KEY, email text)")
        con.execute(
            "CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer REFERENCES customer (id), total numeric)"
        )
        con.execute("CREATE TABLE stock (sku text PRIMARY KEY)")
        con.execute("INSERT INTO customer SELECT i, 'c' || i || '@mail.example' FROM generate_series(1, 10) i")
        con.execute("INSERT INTO orders SELECT i, 1 + i % 10, i FROM generate_series(1, 20) i")
    return database


@pytest.fixture
def governed(crm: str) -> Iterator[Callable[..., PostgresSource]]:
    made: list[PostgresSource] = []

    def make(mode: str = "column", **options: Any) -> PostgresSource:
        source = PostgresSource.reflect(
            crm, customer_table="customer", reader_password=PASSWORD, **{"lock_seconds": 2, **options}
        )
        made.append(source)
        source.install(mode)
        return source

    yield make
    for source in made:
        source.close()


def permit(source: PostgresSource, *numbers: int, flag: str = "rf_f_0", watermark: int = 1) -> None:
    bits = np.zeros(10, dtype=bool)
    bits[list(numbers)] = True
    source.write_flags(FlagState(watermark, "p", {flag: "d"}), {flag: np.packbits(bits, bitorder="little")}, 10)


def as_reader(source: PostgresSource, url: str) -> psycopg.Connection:
    parts = {**conninfo.conninfo_to_dict(url), "user": source.reader, "password": PASSWORD}
    return psycopg.connect(**parts, autocommit=True)


def shape(url: str) -> list[tuple]:
    with psycopg.connect(url) as con:
        return con.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema') UNION ALL "
            "SELECT 'trigger', tgname::text, '', '' FROM pg_trigger WHERE NOT tgisinternal UNION ALL "
            "SELECT 'role', rolname::text, '', '' FROM pg_roles WHERE rolname LIKE 'rightful%%' ORDER BY 1, 2, 3"
        ).fetchall()


def test_only_tables_that_name_the_customer_are_governed(governed: Callable[..., PostgresSource]) -> None:
    tables = governed().catalogue()
    assert [(t.name, t.key) for t in tables] == [("customer", "id"), ("orders", "customer_id")]


@pytest.mark.parametrize("mode", ["column", "companion"])
def test_raw_sql_as_the_restricted_role_finds_only_customers_who_permit_something(
    governed: Callable[..., PostgresSource], crm: str, mode: str
) -> None:
    source = governed(mode)
    with as_reader(source, crm) as con:
        assert con.execute("SELECT count(*) FROM customer").fetchone() == (0,)
    permit(source, 2, 4)
    with as_reader(source, crm) as con:
        assert con.execute("SELECT id FROM customer ORDER BY id").fetchall() == [(3,), (5,)]
        assert con.execute("SELECT DISTINCT customer_id FROM orders ORDER BY 1").fetchall() == [(3,), (5,)]


@pytest.mark.parametrize("mode", ["column", "companion"])
@pytest.mark.parametrize(
    "attempt",
    [
        "SELECT * FROM public.customer",
        "SELECT * FROM public.orders",
        "SELECT * FROM public.stock",
        "SELECT * FROM rightful.rf_customer",
        "UPDATE rightful.customer SET email = ''",
        "DELETE FROM rightful.orders",
        "CREATE TABLE x (i integer)",
        "CREATE TEMP TABLE x (i integer)",
        "SET ROLE owner",
        "SET SESSION AUTHORIZATION owner",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY rightful.customer TO PROGRAM 'cat'",
        "ALTER VIEW rightful.customer RESET (security_barrier)",
        "GRANT SELECT ON rightful.customer TO PUBLIC",
    ],
)
def test_the_restricted_role_can_do_nothing_but_read_its_views(
    governed: Callable[..., PostgresSource], crm: str, mode: str, attempt: str
) -> None:
    source = governed(mode)
    with as_reader(source, crm) as con, pytest.raises(psycopg.Error):
        con.execute(attempt.encode())
        if attempt.startswith("GRANT"):  # a grant without the right to grant is only a warning
            with psycopg.connect(crm) as owner:
                row = owner.execute("SELECT has_table_privilege('public', 'rightful.customer', 'SELECT')").fetchone()
                assert row == (False,)
            raise psycopg.Error


def test_a_leaky_condition_does_not_see_rows_behind_the_barrier(
    governed: Callable[..., PostgresSource], crm: str
) -> None:
    source = governed()
    permit(source, 0)
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute(
            "CREATE FUNCTION public.tell(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS "
            "$$ BEGIN RAISE NOTICE 'saw %', $1; RETURN true; END $$"
        )
    heard: list[str] = []
    with as_reader(source, crm) as con:
        con.add_notice_handler(lambda notice: heard.append(notice.message_primary or ""))
        con.execute("SELECT id FROM customer WHERE public.tell(email)").fetchall()
    assert heard == ["saw c1@mail.example"]


def test_install_refuses_while_everybody_may_read_a_table(crm: str) -> None:
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("GRANT SELECT ON orders TO PUBLIC")
    before = shape(crm)
    source = PostgresSource.reflect(crm, customer_table="customer", reader_password=PASSWORD)
    with pytest.raises(BadInput, match=r"public\.orders"):
        source.install()
    assert shape(crm) == before
    source.close()


@pytest.mark.parametrize("mode", ["column", "companion"])
def test_uninstall_leaves_the_database_as_it_was(crm: str, mode: str) -> None:
    before = shape(crm)
    source = PostgresSource.reflect(crm, customer_table="customer", reader_password=PASSWORD)
    source.install(mode)
    permit(source, 1)
    assert shape(crm) != before
    source.uninstall()
    assert shape(crm) == before
    source.uninstall()  # a second time finds nothing to do
    source.close()


def test_the_readers_password_never_reaches_the_server(crm: str) -> None:
    statements: list[str] = []
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("ALTER SYSTEM SET log_statement = 'all'")
        con.execute("SELECT pg_reload_conf()")
        try:
            source = PostgresSource.reflect(crm, customer_table="customer", reader_password="hush-7319")
            source.install()
            log = con.execute(
                "SELECT pg_read_file(setting || '/../log') FROM pg_settings WHERE name = 'data_directory'"
            )
            statements += [row[0] for row in log.fetchall()]
        finally:
            con.execute("ALTER SYSTEM RESET log_statement")
            con.execute("SELECT pg_reload_conf()")
    assert "CREATE ROLE" in statements[0] and "hush-7319" not in statements[0]
    with source.run("SELECT count(*) AS n FROM rightful.customer") as reader:
        assert reader.read_all().to_pylist() == [{"n": 0}]
    source.close()


def test_a_prepared_database_is_opened_by_its_address_alone(governed: Callable[..., PostgresSource], crm: str) -> None:
    with pytest.raises(NotFound, match="not governed yet"):
        PostgresSource.open(crm, reader_password=PASSWORD)
    source = governed("column")
    permit(source, 3)
    again = PostgresSource.open(crm, reader_password=PASSWORD)
    assert (again.catalogue(), again.flags(), again.reader) == (source.catalogue(), source.flags(), source.reader)
    again.close()


def test_companion_mode_leaves_the_governed_tables_alone(governed: Callable[..., PostgresSource], crm: str) -> None:
    before = [row for row in shape(crm) if row[0] == "public"]
    permit(governed("companion"), 1)
    assert [row for row in shape(crm) if row[0] == "public"] == before


def test_installing_twice_changes_nothing_and_another_mode_is_refused(
    governed: Callable[..., PostgresSource], crm: str
) -> None:
    source = governed("column")
    permit(source, 1)
    before = shape(crm)
    source.install("column")
    assert shape(crm) == before
    assert source.flags() is not None
    with pytest.raises(BadInput, match="mode column"):
        source.install("companion")


@pytest.mark.parametrize("mode", ["column", "companion"])
def test_a_row_that_moves_to_another_customer_loses_the_old_ones_permission(
    governed: Callable[..., PostgresSource], crm: str, mode: str
) -> None:
    source = governed(mode)
    permit(source, 0)  # customer 1

    def seen() -> list[int]:
        with source.run("SELECT id FROM rightful.orders WHERE rf_f_0 ORDER BY id") as reader:
            return reader.read_all().column(0).to_pylist()

    assert seen() == [10, 20]
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("UPDATE orders SET customer_id = 2 WHERE id = 10")
        con.execute("UPDATE orders SET customer_id = 1 WHERE id = 1")
    assert 10 not in seen()
    source.number_new_customers()
    assert seen() == [1, 20]


def test_numbers_of_customers_who_are_gone_are_not_given_to_others(
    governed: Callable[..., PostgresSource], crm: str
) -> None:
    source = governed()
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("DELETE FROM orders")
        con.execute("DELETE FROM customer WHERE id = 10")
    assert source.number_new_customers() == 10
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("INSERT INTO customer VALUES (11, 'c11@mail.example')")
    assert source.number_new_customers() == 11
    keys = {key: int(n) for ns, ks in source.customer_keys() for n, key in zip(ns, ks.to_pylist(), strict=True)}
    assert keys["11"] == 10 and "10" not in keys


def test_a_lost_connection_is_said_and_the_next_call_works(governed: Callable[..., PostgresSource], crm: str) -> None:
    source = governed()
    permit(source, 1)
    query = "SELECT id FROM rightful.customer WHERE rf_f_0"

    def end_sessions() -> None:
        with psycopg.connect(crm, autocommit=True) as con:
            con.execute(
                "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity WHERE application_name = 'rightful'"
            )

    with (
        pytest.raises(SourceUnavailable, match="connection"),
        source.run(
            "SELECT a.id, pg_catalog.generate_series(1, 100000000) AS i FROM rightful.customer a", batch_rows=1000
        ) as reader,
    ):
        reader.read_next_batch()
        end_sessions()
        for _ in reader:
            pass
    with source.run(query) as reader:
        assert reader.read_all().num_rows == 1
    end_sessions()  # now while the connections are idle
    assert source.flags() is not None
    with source.run(query) as reader:
        assert reader.read_all().num_rows == 1


def test_an_unreachable_database_is_said_without_the_url(crm: str) -> None:
    parts = {**conninfo.conninfo_to_dict(crm), "port": 1, "password": "hush-hush"}
    with pytest.raises(SourceUnavailable) as caught:
        PostgresSource.reflect(conninfo.make_conninfo(**parts), customer_table="customer", reader_password=PASSWORD)
    assert "hush" not in str(caught.value) + repr(caught.value.__context__)


def test_flags_and_watermark_change_together_or_not_at_all(governed: Callable[..., PostgresSource], crm: str) -> None:
    source = governed()
    permit(source, 1)
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("ALTER TABLE rightful.rf_flag_state ADD CHECK (watermark < 5)")
    with pytest.raises(QueryFailed):
        permit(source, 7, watermark=9)
    state = source.flags()
    assert state is not None and state.watermark == 1
    with source.run("SELECT id FROM rightful.customer WHERE rf_f_0") as reader:
        assert reader.read_all().column(0).to_pylist() == [2]


def test_a_table_locked_by_the_crm_stops_a_refresh_with_advice(
    governed: Callable[..., PostgresSource], crm: str
) -> None:
    source = governed(lock_seconds=1)
    permit(source, 1)
    with psycopg.connect(crm) as busy:
        busy.execute("LOCK TABLE customer")
        with pytest.raises(SourceUnavailable, match="in use"):
            permit(source, 2, watermark=2)
    permit(source, 2, watermark=2)


def test_a_statement_may_not_run_for_ever(governed: Callable[..., PostgresSource]) -> None:
    source = governed(statement_seconds=1)
    with pytest.raises(QueryFailed, match="longer than it may"), source.run("SELECT pg_sleep(30)") as reader:
        reader.read_all()


def test_hostile_names_are_quoted_and_nothing_is_dropped(database: str) -> None:
    """AC-043"""
    odd, column = 'cust"; DROP TABLE stock; --', "e'mail\"; --"
    with psycopg.connect(database, autocommit=True) as con:
        con.execute("CREATE TABLE stock (sku text PRIMARY KEY)")
        quoted = '"' + odd.replace('"', '""') + '"'
        con.execute(
            f'CREATE TABLE {quoted} ("i d" text PRIMARY KEY, "{column.replace(chr(34), chr(34) * 2)}" text)'.encode()
        )
        con.execute(f"INSERT INTO {quoted} VALUES ('007', 'x')".encode())
    source = PostgresSource.reflect(database, customer_table=odd, reader_password=PASSWORD)
    source.install()
    permit(source, 0, flag="rf_'; --")
    assert [c.name for c in source.catalogue()[0].columns] == ["i d", column]
    view = '"rightful".' + quoted
    with source.run(f'SELECT "i d" AS k FROM {view} WHERE "rf_\'; --"') as reader:
        assert reader.read_all().to_pylist() == [{"k": "007"}]
    source.uninstall()
    with psycopg.connect(database) as con:
        assert con.execute("SELECT count(*) FROM stock").fetchone() == (0,)
    source.close()


@pytest.mark.parametrize(
    ("ddl", "error"),
    [
        ("CREATE TABLE customer (a integer, b integer, PRIMARY KEY (a, b))", BadInput),
        ("CREATE TABLE customer (a integer)", BadInput),
        ("CREATE TABLE person (a integer PRIMARY KEY)", NotFound),
    ],
)
def test_a_schema_without_one_key_for_a_customer_is_refused(database: str, ddl: str, error: type[Exception]) -> None:
    with psycopg.connect(database, autocommit=True) as con:
        con.execute(ddl.encode())
    with pytest.raises(error):
        PostgresSource.reflect(database, customer_table="customer", reader_password=PASSWORD)


def test_flags_cannot_be_patched_before_they_exist(governed: Callable[..., PostgresSource]) -> None:
    with pytest.raises(IntegrityFault):
        governed().patch_flags(FlagState(1, "p", {"rf_f_0": "d"}), np.array([1]), {"rf_f_0": np.array([True])})


def test_a_column_of_the_same_name_as_ours_is_not_overwritten(crm: str) -> None:
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("ALTER TABLE orders ADD COLUMN rf_no text")
    source = PostgresSource.reflect(crm, customer_table="customer", reader_password=PASSWORD)
    with pytest.raises(BadInput, match="of its own"):
        source.install()
    source.close()


def test_the_structure_shows_every_table_of_the_crm_and_nothing_of_ours(governed, crm) -> None:
    source = governed()
    with psycopg.connect(crm, autocommit=True) as con:
        con.execute("CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(total) AS t FROM orders GROUP BY 1")
        con.execute("CREATE TABLE note (id integer PRIMARY KEY, code varchar(8) NOT NULL UNIQUE, body text)")
    tables = {t.name: t for t in source.structure()}
    assert set(tables) == {"customer", "orders", "stock", "totals", "note"}
    assert tables["totals"].derived and not tables["note"].derived
    assert [c.name for c in tables["customer"].columns] == ["id", "email"]
    assert tables["orders"].references[0].table == "customer" and tables["orders"].key == ("id",)
    code = tables["note"].column("code")
    assert (code.longest, code.nullable, tables["note"].unique) == (8, False, (("code",),))


def test_disposal_stops_at_the_limit_and_purging_leaves_no_old_rows_in_the_files(governed, crm) -> None:
    source = governed()
    with pytest.raises(TooManyRows):
        source.execute_disposal([("DELETE FROM orders WHERE customer_id = %s", ["2"])], [1])
    assert source.examine("SELECT count(*) FROM orders") == [(20,)]
    assert source.execute_disposal([("DELETE FROM orders WHERE customer_id = %s", ["2"])], [2]) == [2]
    left = source.purge([("public", "orders")])
    assert len(left) == 1 and "write-ahead log" in left[0]
    assert source.examine("SELECT count(*) FROM orders WHERE customer_id = %s", ["2"]) == [(0,)]


def test_examining_can_change_nothing(governed) -> None:
    with pytest.raises(QueryFailed):
        governed().examine("DELETE FROM orders RETURNING 1")
