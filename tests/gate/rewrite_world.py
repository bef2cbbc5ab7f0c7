"""A small CRM with traps in it: what must never come out is marked, in text and in numbers.

Two worlds hold the same permitted rows. They differ in everything an analyst may not see:
the forbidden rows, the hidden columns, the part of a value that a transform hides. Whatever
a statement answers must be the same in both.
"""

# ruff: noqa: DTZ001 - the column has no time zone, so neither has the value
from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from rightful.gate.rewrite import Column, Permit, Table
from tests.mariadb import MariaServer
from tests.postgres import PostgresServer

CASES = json.loads((Path(__file__).parent.parent / "cases" / "sql-gate.json").read_text(encoding="utf-8"))
CANARY = "CANARY"
CANARY_NUMBER = 7_770_000  # ids, customer numbers and amounts of forbidden rows begin here

CUSTOMER = Table(
    name="customer",
    base=("rf_base", "customer"),
    subject="rf_no",
    flag="rf_p",
    columns=(
        Column("id", "integer"),
        Column("name", "text"),
        Column("country", "text"),
        Column("segment", "text"),
        Column("ltv", "decimal(18,2)"),
        Column("birth_date", "date", transform="year"),
        Column("email", "text", transform="mask-email"),
    ),
    hidden=("phone", "notes"),
    one_row_each=True,
)
ACTIVITY = Table(
    name="activity",
    base=("rf_base", "activity"),
    subject="rf_no",
    flag="rf_p",
    columns=(
        Column("id", "integer"),
        Column("customer_id", "integer"),
        Column("ts", "timestamp"),
        Column("kind", "text"),
        Column("amount", "decimal(18,2)"),
    ),
    hidden=("note",),
)
PERMIT = Permit(tables=(CUSTOMER, ACTIVITY))
COUNTS = Permit(tables=(CUSTOMER, ACTIVITY), at_least=3, aggregates_only=True)

COUNTRIES = ("DE", "FR", "NL", "XX")
SEGMENTS = ("a", "b", None)


def permitted() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows that may come out, as the analyst sees them; twelve customers, three with traps of their own."""
    customers = []
    for no in range(1, 13):
        customers.append({
            "id": no,
            "name": ("42" if no == 5 else "O'Brien" if no == 6 else None if no == 7 else f"Name{no:02}"),
            "country": COUNTRIES[no % 3] if no != 12 else "XX",
            "segment": SEGMENTS[no % 3],
            "ltv": Decimal(no * 10) if no != 4 else Decimal("0.00"),
            "birth_date": dt.date(1960 + no, 1, 1) if no != 8 else None,
            "email": "n***@***" if no != 9 else "***",
        })  # fmt: skip
    activities = []
    for no in range(1, 31):
        activities.append({
            "id": 100 + no,
            "customer_id": 1 + no % 12,
            "ts": dt.datetime(2026, 1 + no % 6, 1 + no % 28, 12, 0),
            "kind": ("order", "visit", "call")[no % 3],
            "amount": Decimal(no) / 4 if no % 5 else None,
        })  # fmt: skip
    return customers, activities


def base_rows(*, world: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """All rows of the base tables. World "a" and "b" differ only in what may not be seen."""
    first = world == "a"
    customers: list[tuple[Any, ...]] = []
    seen, done = permitted()
    for row in seen:
        born = row["birth_date"]
        email = None if row["email"] is None else f"n{CANARY}{world}@x.example" if row["email"] != "***" else CANARY
        customers.append((
            row["id"], True, row["id"], row["name"], row["country"], row["segment"], row["ltv"],
            born if born is None else born.replace(month=7 if first else 3, day=19 if first else 7),
            email, f"+49{CANARY}{world}", f"{CANARY} vip {world}",
        ))  # fmt: skip
    for offset in range(1, 9 if first else 5):
        no = CANARY_NUMBER + offset
        customers.append((
            no, None if offset % 2 else False, no if first else -no,
            f"{CANARY}{world}{offset}", ("XX", "DE", CANARY)[offset % 3], CANARY if first else "a",
            Decimal(str(CANARY_NUMBER) + ".77") if offset != 2 else Decimal("9999999999999999.99"),
            dt.date(1812, 5, offset), f"{CANARY}@{world}", CANARY, CANARY,
        ))  # fmt: skip
    customers.append((CANARY_NUMBER + 90, False, 2**31 - 1, "7", "XX", None, Decimal("0.00"), None, None, None, None))
    activities: list[tuple[Any, ...]] = []
    for row in done:
        activities.append((
            row["customer_id"], True, row["id"], row["customer_id"], row["ts"], row["kind"], row["amount"],
            f"{CANARY}{world}",
        ))  # fmt: skip
    for offset in range(1, 20 if first else 7):
        no = CANARY_NUMBER + offset % 8 + 1
        # some of them hang on a permitted customer's id, and on a permitted activity's
        activities.append((
            no, False if offset % 3 else None, 101 + offset % 30 if offset % 2 else no,
            no if offset % 4 else 1 + offset % 12, dt.datetime(1999, 9, 9), ("order", CANARY)[offset % 2],
            Decimal("7770000.77") if first else Decimal(0), CANARY,
        ))  # fmt: skip
    return customers, activities


SCHEMA = """
CREATE SCHEMA rf_base;
CREATE TABLE rf_base.customer (rf_no bigint, rf_p boolean, id integer, name varchar, country varchar,
  segment varchar, ltv decimal(18,2), birth_date date, email varchar, phone varchar, notes varchar);
CREATE TABLE rf_base.activity (rf_no bigint, rf_p boolean, id integer, customer_id integer, ts timestamp,
  kind varchar, amount decimal(18,2), note varchar);
CREATE TABLE secret (s varchar);
INSERT INTO secret VALUES ('CANARY secret');
"""


def duckdb_world(world: str) -> duckdb.DuckDBPyConnection:
    """A locked in-memory database with one world in it."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(SCHEMA)
    customers, activities = base_rows(world=world)
    connection.executemany(f"INSERT INTO rf_base.customer VALUES ({', '.join('?' * 11)})", customers)
    connection.executemany(f"INSERT INTO rf_base.activity VALUES ({', '.join('?' * 8)})", activities)
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def fill_postgres(connection: Any, world: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        customers, activities = base_rows(world=world)
        cursor.executemany(f"INSERT INTO rf_base.customer VALUES ({', '.join(['%s'] * 11)})", customers)
        cursor.executemany(f"INSERT INTO rf_base.activity VALUES ({', '.join(['%s'] * 8)})", activities)
        # statistics are what the planner orders conditions by
        cursor.execute("ANALYZE rf_base.customer; ANALYZE rf_base.activity")


class OnMariaDB:
    """A connection as the gate's own session has it, with what `ask` needs."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def execute(self, sql: str) -> Any:
        cursor = self.connection.cursor()
        cursor.execute(sql)
        return cursor

    def cursor(self) -> Any:
        return self.connection.cursor()


@contextmanager
def mariadb_world(server: MariaServer) -> Iterator[tuple[OnMariaDB, dict[str, Permit]]]:
    """Both worlds, each in a database of its own, and the permits that read them."""
    from rightful.sources.mariadb import STRICT

    names = {world: f"rewrite_{secrets.token_hex(6)}" for world in ("a", "b")}
    session = "SET time_zone = '+00:00', div_precision_increment = 10"
    connection = server.connect(sql_mode=STRICT, collation="utf8mb4_nopad_bin", init_command=session)
    made = OnMariaDB(connection)
    try:
        for world, name in names.items():
            made.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
            for statement in SCHEMA.split(";\n"):
                if statement.strip() and "SCHEMA" not in statement and "secret" not in statement:
                    fitted = statement.replace("rf_base", name).replace(" timestamp,", " datetime,")
                    made.execute(fitted.replace("varchar", "varchar(200)"))
            customers, activities = base_rows(world=world)
            cursor = made.cursor()
            cursor.executemany(f"INSERT INTO {name}.customer VALUES ({', '.join(['%s'] * 11)})", customers)
            cursor.executemany(f"INSERT INTO {name}.activity VALUES ({', '.join(['%s'] * 8)})", activities)
            made.execute(f"ANALYZE TABLE {name}.customer, {name}.activity")
        yield made, {world: placed_in(PERMIT, name) for world, name in names.items()}
    finally:
        for name in names.values():
            made.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.close()


def placed_in(permit: Permit, database: str) -> Permit:
    return replace(permit, tables=tuple(replace(t, base=(database, t.name)) for t in permit.tables))


def plain_duckdb() -> duckdb.DuckDBPyConnection:
    """What an ungoverned database with only the permitted data would hold: the oracle for honest statements."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(
        "CREATE TABLE customer (id integer, name varchar, country varchar, segment varchar, ltv decimal(18,2),"
        " birth_date date, email varchar);"
        "CREATE TABLE activity (id integer, customer_id integer, ts timestamp, kind varchar, amount decimal(18,2))"
    )
    customers, activities = permitted()
    connection.executemany("INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?, ?)", [tuple(r.values()) for r in customers])
    connection.executemany("INSERT INTO activity VALUES (?, ?, ?, ?, ?)", [tuple(r.values()) for r in activities])
    return connection


def ask(connection: Any, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run a statement; column names and rows."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description]
    return names, cursor.fetchall()


def visible(names: list[str], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows without the gate's own columns."""
    keep = [place for place, name in enumerate(names) if not name.startswith("__rf")]
    return [tuple(row[place] for place in keep) for row in rows]


def leaks(text: str) -> bool:
    """Whether something that may not be seen is in the text."""
    return CANARY in text or "777000" in text or "9999999999999999" in text or "1812" in text


def in_any_order(rows: list[tuple[Any, ...]]) -> list[str]:
    return sorted(repr(tuple(_same(value) for value in row)) for row in rows)


def _same(value: Any) -> Any:
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return f"{float(value):.9g}"
    if isinstance(value, dt.datetime) and value.time() == dt.time(0):
        return value.date()
    return value


@contextmanager
def postgres_world(server: PostgresServer, world: str | None) -> Iterator[Any]:
    """A connection to a database of its own on the tests' server, with one world in it or empty."""
    import psycopg

    name = f"rewrite_{secrets.token_hex(6)}"
    with psycopg.connect(server.url(), autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name}")
        try:
            with psycopg.connect(server.url(name), autocommit=True) as connection:
                if world is not None:
                    fill_postgres(connection, world)
                yield connection
        finally:
            owner.execute(f"DROP DATABASE {name} WITH (FORCE)")
