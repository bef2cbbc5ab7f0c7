"""AC-043: whatever a table or a column of a CRM is called, its name is only a name, from install to uninstall."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import sqlglot.expressions as exp

from rightful.gate.dispose import mark, text_of
from rightful.gate.find import Store
from rightful.sources.contract import FlagState

NAMES = ["100 %", "%(p0)s %s", 'a"; DROP TABLE keep;--', "a`; DROP TABLE keep;--", "{0} 'b\\' ? $1.c"]
KINDS = (
    "duckdb",
    pytest.param("postgres-column", marks=pytest.mark.postgres),
    pytest.param("postgres-companion", marks=pytest.mark.postgres),
    pytest.param("mariadb-column", marks=pytest.mark.mariadb),
    pytest.param("mariadb-companion", marks=pytest.mark.mariadb),
)
CUSTOMERS = 12


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def statements(name: str, place: str = "", number: str = "") -> list[str]:
    """A customer table and a table that belongs to it, both and all their columns called so."""
    base, other = f"{place}{quoted(name)}", f"{place}{quoted(name + '2')}"
    key, text = quoted(name), quoted(name + "t")
    made = [
        f"CREATE TABLE {place}keep (x integer)",
        f"CREATE TABLE {base} ({number}{key} varchar(20) PRIMARY KEY, {text} varchar(20))",
        f"CREATE TABLE {other} ({number}id integer PRIMARY KEY, {key} varchar(20), {text} varchar(20))",
    ]
    for i in range(CUSTOMERS):
        given = f"{i}, " if number else ""
        made.append(f"INSERT INTO {base} VALUES ({given}'k{i:02}', 'v{i}')")
        made.append(f"INSERT INTO {other} VALUES ({given}{i}, 'k{i:02}', 'v{i}')")
    return made


@pytest.fixture(params=KINDS)
def source_called(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Makes a store whose names are all made of this one, governed."""
    opened: list[Any] = []

    def make(name: str) -> Any:
        kind, _, mode = request.param.partition("-")
        links = {name + "2": name}
        if kind == "duckdb":
            store = request.getfixturevalue("store")
            with store.writing() as con:
                for sql in statements(name, "rf_base.", "rf_no UINTEGER, "):
                    con.execute(sql)
                store.register_table(con, name, key=name, customer_table=True)
                store.register_table(con, name + "2", key=name, customer_table=False)
                store.renumber(con)
            return store
        if kind == "postgres":
            import psycopg

            from rightful.sources.postgres import PostgresSource

            url = request.getfixturevalue("database")
            with psycopg.connect(url, autocommit=True) as con:
                for sql in statements(name):
                    con.execute(sql.encode())
            source: Any = PostgresSource.reflect(url, customer_table=name, reader_password="r", links=links)
        else:
            from rightful.sources.mariadb import MariaDBSource

            url, server = request.getfixturevalue("mariadb_url"), request.getfixturevalue("mariadb_server")
            with server.connect(url.rsplit("/", 1)[1]) as con, con.cursor() as cursor:
                for sql in statements(name):
                    cursor.execute(sql)
                con.commit()
            source = MariaDBSource.reflect(url, customer_table=name, reader_password="r", links=links)
        source.install(mode)
        opened.append(source)
        return source

    yield make
    for source in opened:
        source.close()


def plane(*numbers: int) -> np.ndarray:
    bits = np.zeros(CUSTOMERS, dtype=bool)
    bits[list(numbers)] = True
    return np.packbits(bits, bitorder="little")


@pytest.mark.parametrize("name", NAMES)
def test_ac_043_a_hostile_table_is_governed_read_changed_and_left_as_it_was(
    source_called: Callable[[str], Any], name: str
):
    source = source_called(name)
    text, other = name + "t", name + "2"
    state = FlagState(1, "p", {"rf_f_0": "d"})
    assert source.number_new_customers() == CUSTOMERS
    source.write_flags(state, {"rf_f_0": plane(1, 2)}, CUSTOMERS)
    source.patch_flags(state, np.array([2, 3]), {"rf_f_0": np.array([False, True])})
    catalogue = {table.name: table for table in source.catalogue()}
    for table in (name, other):
        base = exp.table_(catalogue[table].base[-1], db=catalogue[table].base[0], quoted=True)
        query = exp.select(exp.column(text, quoted=True)).from_(base).where(exp.column("rf_f_0")).order_by("1")
        with source.run(query.sql(source.dialect)) as reader:
            assert [row[text] for row in reader.read_all().to_pylist()] == ["v1", "v3"], table
    with source.whole(name, [name, text], equals=(name, "k04")) as reader:
        [row] = reader.read_all().to_pylist()
    assert row[text] == "v4"

    store = Store(source, name, name)
    assert store.count(other) == CUSTOMERS, "no value is bound here"
    assert [r.values[text] for r in store.where_in(other, name, ["k05"])] == ["v5"], "and one here"
    column = exp.column(name, quoted=True)
    place = exp.table_(store.table(other).place[-1], db=store.table(other).place[0], quoted=True)
    changes = [
        (exp.update(place, {exp.column(text, quoted=True): mark()}, where=exp.EQ(this=column, expression=mark())),
         ["100 % new", "k05"]),
        (exp.delete(place).where(exp.EQ(this=column.copy(), expression=exp.Literal.string("k06"))), []),
    ]  # fmt: skip
    assert source.execute_disposal([(text_of(tree, source.dialect), bound) for tree, bound in changes]) == [1, 1]
    assert [r.values[text] for r in store.where_in(other, name, ["k05", "k06"])] == ["100 % new"]
    assert source.purge([store.table(other).place]) is not None
    assert "keep" in {table.name for table in source.structure()}, "nothing was dropped on the way"
    if source.dialect != "duckdb":
        source.uninstall()
        left = {table.name: [c.name for c in table.columns] for table in source.structure()}
        assert left == {"keep": ["x"], name: [name, text], other: ["id", name, text]}
