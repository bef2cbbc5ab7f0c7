"""What every source promises, on every engine we have: the same suite over all of them."""

from __future__ import annotations

import datetime as dt
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rightful.errors import IntegrityFault, QueryFailed, RightfulError, TooManyRows
from rightful.sources.contract import FlagState, Reference, Source

KINDS = (
    "duckdb",
    pytest.param("postgres-column", marks=pytest.mark.postgres),
    pytest.param("postgres-companion", marks=pytest.mark.postgres),
    pytest.param("mariadb-column", marks=pytest.mark.mariadb),
    pytest.param("mariadb-companion", marks=pytest.mark.mariadb),
)
ROWS = 100  # customers; each has two orders, and order 200 belongs to nobody we know
HOSTILE = 'rf_"; DROP TABLE customer; --'


class World:
    """A source with customers '0000'..'0099' and their orders, and a way to change the data behind its back."""

    def __init__(self, source: Any, change: Callable[[str], None]) -> None:
        self.source: Source = source
        self.change = change

    def read(self, query: str) -> list[dict[str, Any]]:
        with self.source.run(query) as reader:
            return reader.read_all().to_pylist()

    def base(self, table: str) -> str:
        found = next(t for t in self.source.catalogue() if t.name == table)
        return ".".join(f'"{part}"' for part in found.base)

    def origin(self, table: str) -> str:
        found = next(t for t in self.source.catalogue() if t.name == table)
        return ".".join(f'"{part}"' for part in found.origin or found.base)


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "duckdb":
        store = request.getfixturevalue("store")
        with store.writing() as con:
            con.execute(
                "CREATE TABLE rf_base.customer AS SELECT range::UINTEGER AS rf_no, lpad(range::TEXT, 4, '0') AS id, "
                f"'n' || range AS name, range::INTEGER AS age FROM range({ROWS})"
            )
            con.execute(
                f'CREATE TABLE rf_base."order" AS SELECT (CASE WHEN range < {2 * ROWS} THEN range // 2 END)'
                "::UINTEGER AS rf_no, range::BIGINT AS id, lpad((range // 2)::TEXT, 4, '0') AS customer_id, "
                "(range / 4)::DECIMAL(10, 2) AS total "
                f"FROM range({2 * ROWS + 1})"
            )
            store.register_table(con, "customer", key="id", customer_table=True)
            store.register_table(con, "order", key="customer_id", customer_table=False)
            store.renumber(con)

        def change(sql: str) -> None:
            with store.writing() as con:
                con.execute(sql)

        yield World(store, change)
        return
    if request.param.startswith("mariadb"):
        yield from _mariadb(request)
        return
    import psycopg

    from rightful.sources.postgres import PostgresSource

    url = request.getfixturevalue("database")

    def change_there(sql: str) -> None:
        with psycopg.connect(url, autocommit=True) as con:
            con.execute(sql.encode())

    change_there("CREATE TABLE customer (id text PRIMARY KEY, name text, age integer)")
    change_there('CREATE TABLE "order" (id bigint PRIMARY KEY, customer_id text, total numeric(10,2))')
    change_there(
        f"INSERT INTO customer SELECT lpad(i::text, 4, '0'), 'n' || i, i FROM generate_series(0, {ROWS - 1}) i"
    )
    change_there(
        f"INSERT INTO \"order\" SELECT i, lpad((i / 2)::text, 4, '0'), i / 4.0 FROM generate_series(0, {2 * ROWS}) i"
    )
    source = PostgresSource.reflect(
        url,
        customer_table="customer",
        reader_password="a reader's secret",
        links={"order": "customer_id"},
        lock_seconds=3,
    )
    source.install("column" if request.param == "postgres-column" else "companion")
    yield World(source, change_there)
    source.close()


def _mariadb(request: pytest.FixtureRequest) -> Iterator[World]:
    from rightful.sources.mariadb import MariaDBSource

    url, server = request.getfixturevalue("mariadb_url"), request.getfixturevalue("mariadb_server")
    database = url.rsplit("/", 1)[1]
    server.run(
        "CREATE TABLE customer (id varchar(20) PRIMARY KEY, name text, age integer);\n"
        'CREATE TABLE "order" (id bigint PRIMARY KEY, customer_id varchar(20), total decimal(10,2));\n'
        "INSERT INTO customer SELECT lpad(seq, 4, '0'), concat('n', seq), seq "
        f"FROM seq_0_to_{ROWS - 1};\n"
        "INSERT INTO \"order\" SELECT seq, lpad(seq div 2, 4, '0'), seq / 4 "
        f"FROM seq_0_to_{2 * ROWS}",
        database,
    )
    source = MariaDBSource.reflect(
        url,
        customer_table="customer",
        reader_password="a reader's secret",
        links={"order": "customer_id"},
        lock_seconds=3,
    )
    source.install("column" if request.param == "mariadb-column" else "companion")

    def change(sql: str) -> None:
        server.run(sql, database)

    yield World(source, change)
    source.close()


def plane(*numbers: int, size: int = ROWS) -> np.ndarray:
    bits = np.zeros(size, dtype=bool)
    bits[list(numbers)] = True
    return np.packbits(bits, bitorder="little")


def state(*flags: str, watermark: int = 1) -> FlagState:
    return FlagState(watermark, "policy-1", {flag: f"digest of {flag}" for flag in flags})


def test_the_catalogue_names_tables_and_columns_and_hides_our_own(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(1)}, ROWS)
    customer, order = world.source.catalogue()
    assert (customer.name, customer.customer_table, customer.key) == ("customer", True, "id")
    assert (order.name, order.customer_table, order.key) == ("order", False, "customer_id")
    assert [(c.name, c.type) for c in customer.columns] == [("id", "text"), ("name", "text"), ("age", "integer")]
    assert [(c.name, c.type) for c in order.columns] == [
        ("id", "bigint"),
        ("customer_id", "text"),
        ("total", "numeric(10,2)"),
    ]


def test_a_new_column_appears_at_the_next_look(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(1)}, ROWS)
    world.change(f"ALTER TABLE {world.origin('customer')} ADD COLUMN shoe_size integer")
    assert "shoe_size" in [c.name for c in world.source.catalogue()[0].columns]
    assert world.read(f"SELECT shoe_size FROM {world.base('customer')} WHERE rf_f_0") == [{"shoe_size": None}]


def test_numbers_are_dense_and_keys_come_back_byte_for_byte(world: World) -> None:
    assert world.source.number_new_customers() == ROWS
    numbers, keys = zip(*world.source.customer_keys(), strict=True)
    assert np.concatenate(numbers).tolist() == list(range(ROWS))
    assert numbers[0].dtype == np.uint32
    assert [key for batch in keys for key in batch.to_pylist()] == [f"{i:04d}" for i in range(ROWS)]
    late = [batch.to_pylist() for _, batch in world.source.customer_keys(97)]
    assert late == [["0097", "0098", "0099"]]
    with world.source.whole("customer", ["id"], since=97) as reader:
        assert sorted(reader.read_all().column("id").to_pylist()) == ["0097", "0098", "0099"]


def test_flags_select_exactly_the_rows_of_their_customers(world: World) -> None:
    world.source.write_flags(state("rf_f_0", HOSTILE), {"rf_f_0": plane(0, 7, 99), HOSTILE: plane(7)}, ROWS)
    found = world.read(f"SELECT id FROM {world.base('customer')} WHERE rf_f_0 ORDER BY id")
    assert [row["id"] for row in found] == ["0000", "0007", "0099"]
    hostile = '"' + HOSTILE.replace('"', '""') + '"'
    orders = world.read(f"SELECT id, total FROM {world.base('order')} WHERE {hostile} ORDER BY id")
    assert orders == [{"id": 14, "total": Decimal("3.50")}, {"id": 15, "total": Decimal("3.75")}]


def test_flags_and_watermark_are_read_back_as_written(world: World) -> None:
    assert world.source.flags() is None
    written = state("rf_f_0", "rf_f_1", watermark=41)
    world.source.write_flags(written, {"rf_f_0": plane(1), "rf_f_1": plane()}, ROWS)
    assert world.source.flags() == written


def test_a_second_write_replaces_every_flag_and_drops_the_ones_no_longer_named(world: World) -> None:
    world.source.write_flags(state("rf_f_0", "rf_f_1"), {"rf_f_0": plane(1, 2), "rf_f_1": plane(3)}, ROWS)
    world.source.write_flags(state("rf_f_0", "rf_f_2", watermark=2), {"rf_f_0": plane(2), "rf_f_2": plane(4)}, ROWS)
    base = world.base("customer")
    assert [r["id"] for r in world.read(f"SELECT id FROM {base} WHERE rf_f_0")] == ["0002"]
    assert [r["id"] for r in world.read(f"SELECT id FROM {base} WHERE rf_f_2")] == ["0004"]
    with pytest.raises(QueryFailed):
        world.read(f"SELECT id FROM {base} WHERE rf_f_1")


def test_a_patch_changes_the_named_customers_and_nobody_else(world: World) -> None:
    world.source.write_flags(state("rf_f_0", "rf_f_1"), {"rf_f_0": plane(1, 2, 3), "rf_f_1": plane(1, 9)}, ROWS)
    world.source.patch_flags(
        state("rf_f_0", "rf_f_1", watermark=2),
        np.array([1, 3, 50], dtype=np.uint32),
        {"rf_f_0": np.array([False, True, True])},
    )
    base = world.base("order")
    found = world.read(f"SELECT DISTINCT customer_id FROM {base} WHERE rf_f_0 ORDER BY 1")
    assert [row["customer_id"] for row in found] == ["0002", "0003", "0050"]
    found = world.read(f"SELECT DISTINCT customer_id FROM {base} WHERE rf_f_1 ORDER BY 1")
    assert [row["customer_id"] for row in found] == ["0001", "0009"]
    assert world.source.flags() == state("rf_f_0", "rf_f_1", watermark=2)


def test_a_patch_with_unknown_flags_is_refused_and_changes_nothing(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(1)}, ROWS)
    with pytest.raises(IntegrityFault):
        world.source.patch_flags(state("rf_f_0", "rf_f_9", watermark=2), np.array([2]), {"rf_f_9": np.array([True])})
    assert world.source.flags() == state("rf_f_0")


def test_a_customer_numbered_after_the_flags_were_made_has_none(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(*range(ROWS))}, ROWS)
    if world.source.dialect == "duckdb":
        world.change("INSERT INTO rf_base.customer (id, name, age) VALUES ('new', 'n', 1)")
    else:
        world.change("INSERT INTO customer VALUES ('new', 'n', 1)")
    base = world.base("customer")
    assert world.read(f"SELECT id FROM {base} WHERE rf_f_0 AND id = 'new'") == []
    assert world.source.number_new_customers() == ROWS + 1
    assert world.read(f"SELECT id FROM {base} WHERE rf_f_0 AND id = 'new'") == []
    world.source.write_flags(state("rf_f_0", watermark=2), {"rf_f_0": plane(ROWS, size=ROWS + 1)}, ROWS + 1)
    assert [r["id"] for r in world.read(f"SELECT id FROM {base} WHERE rf_f_0")] == ["new"]


def test_planes_shorter_than_the_numbering_leave_the_rest_without_permission(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": np.array([0xFF], dtype=np.uint8)}, 5)
    found = world.read(f"SELECT id FROM {world.base('customer')} WHERE rf_f_0 ORDER BY id")
    assert [r["id"] for r in found] == ["0000", "0001", "0002", "0003", "0004"]


def test_a_row_of_an_unknown_customer_is_never_returned_and_follows_once_known(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(*range(ROWS))}, ROWS)
    query = f"SELECT id FROM {world.base('order')} WHERE rf_f_0 AND id = 200"
    assert world.read(query) == []
    if world.source.dialect == "duckdb":
        world.change("INSERT INTO rf_base.customer (id) VALUES ('0100')")
    else:
        world.change("INSERT INTO customer (id) VALUES ('0100')")
    world.source.number_new_customers()
    assert world.read(query) == []
    world.source.write_flags(state("rf_f_0", watermark=2), {"rf_f_0": plane(ROWS, size=ROWS + 1)}, ROWS + 1)
    assert world.read(query) == [{"id": 200}]


def test_results_arrive_in_batches_of_the_size_asked_for(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(*range(ROWS))}, ROWS)
    with world.source.run(f"SELECT id FROM {world.base('customer')} WHERE rf_f_0", batch_rows=30) as reader:
        sizes = [batch.num_rows for batch in reader]
    assert sum(sizes) == ROWS
    assert max(sizes) <= 2048  # an engine's own vector at most, where it will not cut smaller


def test_types_cross_exactly(world: World) -> None:
    cast = "" if world.source.dialect == "duckdb" else "::text"
    query = (
        "SELECT CAST(1.10 AS DECIMAL(12,2)) AS money, TIMESTAMPTZ '2026-03-29 03:30:00+02' AS at, "
        "DATE '2024-02-29' AS day, CAST(NULL AS TEXT) AS nothing, '' AS blank, 'a\"b,\nc' AS odd, "
        f"CAST('6f2c4e0a-1111-2222-3333-444455556666' AS UUID){cast} AS id, CAST(9007199254740993 AS BIGINT) AS big, "
        "CAST(0.1 AS DOUBLE PRECISION) AS share, 1 = 1 AS yes"
    )
    if world.source.dialect == "mysql":  # its own spellings; an instant there is a TIMESTAMP of a UTC session
        query = (
            "SELECT CAST(1.10 AS DECIMAL(12,2)) AS money, CAST('2026-03-29 01:30:00' AS DATETIME) AS at, "
            "DATE '2024-02-29' AS day, CAST(NULL AS CHAR) AS nothing, '' AS blank, 'a\"b,\nc' AS odd, "
            "CAST('6f2c4e0a-1111-2222-3333-444455556666' AS UUID) AS id, "
            "9007199254740993 AS big, CAST(0.1 AS DOUBLE) AS share, 1 = 1 AS yes"
        )
    with world.source.run(query) as reader:
        table = reader.read_all()
    row = table.to_pylist()[0]
    if world.source.dialect == "mysql":
        assert table.schema.field("at").type == pa.timestamp("us")
        row["at"] = row["at"].replace(tzinfo=dt.UTC)
    else:
        assert table.schema.field("at").type == pa.timestamp("us", tz="UTC")
    assert table.schema.field("money").type == pa.decimal128(12, 2)
    assert table.schema.field("day").type == pa.date32()
    assert row["money"] == Decimal("1.10")
    assert row["at"] == dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
    assert row["day"] == dt.date(2024, 2, 29)
    assert (row["nothing"], row["blank"], row["odd"]) == (None, "", 'a"b,\nc')
    assert str(row["id"]) == "6f2c4e0a-1111-2222-3333-444455556666"
    assert (row["big"], row["share"], row["yes"]) == (9007199254740993, 0.1, True)


def test_an_empty_result_has_its_columns(world: World) -> None:
    with world.source.run("SELECT 1 AS one, 'x' AS two WHERE 1 = 0") as reader:
        table = reader.read_all()
    assert (table.num_rows, table.column_names) == (0, ["one", "two"])


_SAID_ALOUD_BY_MARIADB = {
    "SELECT CAST(name AS INTEGER) FROM {base} WHERE rf_f_0": (
        "SELECT UPDATEXML('<a/>', CONCAT('~', name), '') FROM {base} WHERE rf_f_0"
    ),
    "SELECT age / 0 / (age - age) FROM {base} WHERE CAST(name AS INTEGER) = 1": (
        "SELECT COUNT(*) FROM {base} WHERE EXTRACTVALUE('<a/>', CONCAT('~', name)) = 1"
    ),
}


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT CAST(name AS INTEGER) FROM {base} WHERE rf_f_0",
        "SELECT age / 0 / (age - age) FROM {base} WHERE CAST(name AS INTEGER) = 1",
        "SELECT 'n13' FROM nowhere",
        "SELEC 'n13'",
    ],
)
def test_a_failing_statement_shows_no_value_of_a_row(world: World, broken: str) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(13)}, ROWS)
    if world.source.dialect == "mysql":  # where a bad cast is a warning, these say the value aloud
        broken = _SAID_ALOUD_BY_MARIADB.get(broken, broken)
    with pytest.raises(RightfulError) as caught:
        world.read(broken.format(base=world.base("customer")))
    told = "".join(traceback.format_exception(caught.value, chain=True))
    assert isinstance(caught.value, QueryFailed)
    assert "n13" not in str(caught.value)
    chained = repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert "n13" not in chained
    assert "to convert" not in told and "invalid input syntax" not in told and "XPATH" not in told


def test_one_call_takes_one_statement(world: World) -> None:
    with pytest.raises(QueryFailed):
        world.read("SELECT 1; DROP TABLE customer")
    with pytest.raises(QueryFailed):
        world.read("SELECT 1) TO STDOUT; COMMIT; SELECT (1")
    assert world.source.catalogue()[0].name == "customer"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM {base}",
        "UPDATE {base} SET name = 'x'",
        "CREATE TABLE x (i integer)",
        "SET statement_timeout = 0",
        "SET lock_configuration = false",
    ],
)
def test_the_connection_for_queries_can_change_nothing(world: World, change: str) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(1)}, ROWS)
    with pytest.raises(QueryFailed):
        world.read(change.format(base=world.base("customer")))
    assert world.read(f"SELECT name FROM {world.base('customer')} WHERE rf_f_0") == [{"name": "n1"}]


def test_disposal_runs_all_statements_or_none_and_counts_rows(world: World) -> None:
    mark = "?" if world.source.dialect == "duckdb" else "%s"
    customer, order = world.origin("customer"), world.origin("order")
    done = world.source.execute_disposal(
        [
            (f"DELETE FROM {order} WHERE customer_id = {mark}", ["0005"]),
            (f"UPDATE {customer} SET name = NULL WHERE id = {mark}", ["0005"]),
        ]
    )
    assert done == [2, 1]
    with pytest.raises(RightfulError):
        world.source.execute_disposal([(f"DELETE FROM {order}", []), ("DELETE FROM nowhere", [])])
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(*range(ROWS))}, ROWS)
    assert world.read(f"SELECT count(*) AS n FROM {world.base('order')} WHERE rf_f_0") == [{"n": 2 * ROWS - 2}]


def test_a_change_that_reaches_further_than_meant_changes_nothing(world: World) -> None:
    mark = "?" if world.source.dialect == "duckdb" else "%s"
    order = world.origin("order")
    two = (f"UPDATE {order} SET total = 0 WHERE customer_id = {mark}", ["0005"])
    assert world.source.execute_disposal([two], [2]) == [2]
    assert world.source.execute_disposal([two], [2]) == [2], "rows found are counted, changed or not"
    with pytest.raises(TooManyRows):
        world.source.execute_disposal([(f"DELETE FROM {order} WHERE customer_id = {mark}", ["0006"]), two], [2, 1])
    assert world.source.examine(f"SELECT count(*) FROM {order} WHERE customer_id = '0006'") == [(2,)]


def test_the_structure_names_every_table_and_none_of_our_columns(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(1)}, ROWS)
    if world.source.dialect == "duckdb":
        world.change("CREATE TABLE rf_base.diary (id integer PRIMARY KEY, mail text UNIQUE, about text)")
    else:
        world.change(
            "CREATE TABLE diary (id integer PRIMARY KEY, mail varchar(40) UNIQUE, about varchar(20) NOT NULL, "
            "CONSTRAINT points FOREIGN KEY (about) REFERENCES customer (id))"
        )
    tables = {table.name: table for table in world.source.structure()}
    assert set(tables) == {"customer", "order", "diary"}
    assert [c.name for c in tables["customer"].columns] == ["id", "name", "age"]
    assert tables["diary"].key == ("id",) and tables["diary"].unique == (("mail",),)
    if world.source.dialect != "duckdb":
        assert tables["diary"].references == (Reference(("about",), "customer", ("id",)),)
        assert tables["diary"].column("mail").longest == 40
        assert (tables["diary"].column("about").nullable, tables["diary"].column("mail").nullable) == (False, True)
        assert tables["diary"].place == (tables["customer"].place[0], "diary")


def test_what_is_examined_comes_with_its_types_and_purging_says_what_stays(world: World) -> None:
    customer = next(t for t in world.source.structure() if t.name == "customer")
    mark = "?" if world.source.dialect == "duckdb" else "%s"
    place = world.origin("customer")
    assert world.source.examine(f"SELECT id, name, age FROM {place} WHERE age = {mark}", [7]) == [("0007", "n7", 7)]
    with pytest.raises(RightfulError):
        world.source.examine(f"UPDATE {place} SET age = 1")
    assert world.source.examine(f"SELECT count(*) FROM {place} WHERE age = 1") == [(1,)]
    left = world.source.purge([customer.place])
    assert all(sentence[0].isalpha() and len(sentence) > 20 for sentence in left)
    assert bool(left) == (world.source.dialect != "duckdb"), "servers keep logs, and say so"
    assert world.source.examine(f"SELECT count(*) FROM {place}") == [(ROWS,)]


def test_reading_after_the_context_ended_says_so(world: World) -> None:
    with world.source.run("SELECT 1 AS one") as reader:
        pass
    with pytest.raises(QueryFailed, match="context had ended"):
        reader.read_next_batch()


def test_half_read_results_do_not_disturb_the_next_query(world: World) -> None:
    world.source.write_flags(state("rf_f_0"), {"rf_f_0": plane(*range(ROWS))}, ROWS)
    base = world.base("customer")
    with world.source.run(f"SELECT a.id FROM {base} a, {base} b, {base} c WHERE a.rf_f_0", batch_rows=1000) as reader:
        reader.read_next_batch()
    assert world.read(f"SELECT count(*) AS n FROM {base} WHERE rf_f_0") == [{"n": ROWS}]
    world.source.write_flags(state("rf_f_0", watermark=2), {"rf_f_0": plane(1)}, ROWS)
    assert world.source.flags() == state("rf_f_0", watermark=2)
