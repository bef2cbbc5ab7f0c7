"""What is particular to MariaDB: collations, silent casts, DDL that commits, rights, engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from rightful.errors import BadInput, NotFound, QueryFailed, SourceUnavailable
from rightful.gate import stores
from rightful.sources import mariadb as engine
from rightful.sources.contract import FlagState
from rightful.sources.mariadb import MariaDBSource, canonical_type
from tests.mariadb import MariaServer

pytestmark = pytest.mark.mariadb
MODES = pytest.mark.parametrize("mode", ["column", "companion"])


class Crm:
    """An empty database and sources made of it, closed at the end."""

    def __init__(self, server: MariaServer, url: str) -> None:
        self.server, self.url, self.name = server, url, url.rsplit("/", 1)[1]
        self.made: list[MariaDBSource] = []

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        return self.server.run(sql, self.name)

    def source(self, url: str | None = None, **options: Any) -> MariaDBSource:
        options = {"customer_table": "customer", "reader_password": "secret", "lock_seconds": 1, **options}
        made = MariaDBSource.reflect(url or self.url, **options)
        self.made.append(made)
        return made


@pytest.fixture
def crm(mariadb_server: MariaServer, mariadb_url: str) -> Iterator[Crm]:
    made = Crm(mariadb_server, mariadb_url)
    yield made
    for source in made.made:
        source.close()


def everybody(source: MariaDBSource, count: int) -> None:
    plane = np.packbits(np.ones(count, dtype=bool), bitorder="little")
    source.write_flags(FlagState(1, "p", {"rf_f_0": "d"}), {"rf_f_0": plane}, count)


def seen(source: MariaDBSource, query: str) -> list[dict[str, Any]]:
    with source.run(query.replace("{ours}", source.ours)) as reader:
        return reader.read_all().to_pylist()


@MODES
def test_a_row_belongs_to_the_customer_with_the_same_bytes_only(crm: Crm, mode) -> None:
    crm.run(
        "CREATE TABLE customer (id varchar(20) COLLATE utf8mb4_general_ci PRIMARY KEY);\n"
        "CREATE TABLE ticket (n int PRIMARY KEY, customer_id varchar(20) COLLATE utf8mb4_general_ci, "
        "FOREIGN KEY (customer_id) REFERENCES customer (id));\n"
        "INSERT INTO customer VALUES ('abc'), ('déjà');\n"
        "INSERT INTO ticket VALUES (1, 'abc'), (2, 'ABC'), (3, 'abc '), (4, 'deja'), (5, 'déjà'), (6, NULL)"
    )
    source = crm.source()
    source.install(mode)
    everybody(source, 2)
    assert seen(source, "SELECT n FROM {ours}.ticket WHERE rf_f_0 ORDER BY n") == [{"n": 1}, {"n": 5}]
    with source.whole("ticket", ["n"], number=0) as reader:
        assert reader.read_all().to_pylist() == [{"rf_no": 0, "n": 1}]


@MODES
def test_a_text_that_begins_like_a_number_is_not_that_number(crm: Crm, mode) -> None:
    crm.run(
        "CREATE TABLE customer (id int unsigned PRIMARY KEY);\n"
        "CREATE TABLE note (n int PRIMARY KEY, about varchar(20));\n"
        "INSERT INTO customer VALUES (1), (4000000000);\n"
        "INSERT INTO note VALUES (1, '1'), (2, '1abc'), (3, '1.0'), (4, '01'), (5, ' 1'), (6, '4000000000'), (7, '')"
    )
    source = crm.source(links={"note": "about"})
    source.install(mode)
    everybody(source, 2)
    assert [r["n"] for r in seen(source, "SELECT n FROM {ours}.note WHERE rf_f_0 ORDER BY n")] == [1, 6]
    assert [keys.to_pylist() for _, keys in source.customer_keys()] == [["1", "4000000000"]]
    for text, expected in (("1", [1]), ("1abc", []), ("01", []), ("", [])):
        with source.whole("customer", ["id"], equals=("id", text)) as reader:
            assert reader.read_all().column("id").to_pylist() == expected, text


def test_customers_are_found_by_exact_text_and_by_folded_text(crm: Crm) -> None:
    crm.run(
        "CREATE TABLE customer (id int PRIMARY KEY, mail varchar(50) COLLATE utf8mb4_general_ci, "
        "odd varchar(50) CHARACTER SET latin1 COLLATE latin1_bin);\n"
        "INSERT INTO customer VALUES (1, 'Ann@X.example', 'É'), (2, 'ann@x.example ', 'é'), (3, NULL, NULL)"
    )
    source = crm.source()
    source.install("companion")

    def found(column: str, text: str, *, fold: bool = False) -> list[int]:
        with source.whole("customer", ["id"], equals=(column, text), fold=fold) as reader:
            return reader.read_all().column("id").to_pylist()

    assert found("mail", "Ann@X.example") == [1] and found("mail", "ann@x.example") == []
    assert found("mail", "ANN@x.example", fold=True) == [1]
    assert found("odd", "É") == [1] and found("odd", "É", fold=True) == [1, 2]
    assert found("mail", "x' OR '1'='1") == found("mail", "\\") == []


@MODES
def test_a_row_whose_customer_was_deleted_is_hidden_at_once(crm: Crm, mode) -> None:
    """InnoDB's SET NULL fires no trigger, so the view has to ask for the key."""
    crm.run(
        "CREATE TABLE customer (id int PRIMARY KEY);\n"
        "CREATE TABLE ticket (n int PRIMARY KEY, owner int, FOREIGN KEY (owner) REFERENCES customer (id) "
        "ON DELETE SET NULL);\n"
        "INSERT INTO customer VALUES (1), (2);\nINSERT INTO ticket VALUES (1, 1), (2, 2), (3, 2)"
    )
    source = crm.source()
    source.install(mode)
    everybody(source, 2)
    crm.run("DELETE FROM customer WHERE id = 1;\nUPDATE ticket SET owner = NULL WHERE n = 3")
    assert seen(source, "SELECT n FROM {ours}.ticket WHERE rf_f_0") == [{"n": 2}]


def test_a_row_that_moves_to_another_customer_is_hidden_until_it_is_numbered_again(crm: Crm) -> None:
    crm.run(
        "CREATE TABLE customer (id varchar(9) PRIMARY KEY);\n"
        "CREATE TABLE ticket (n int PRIMARY KEY, owner varchar(9));\n"
        "INSERT INTO customer VALUES ('a'), ('b');\nINSERT INTO ticket VALUES (1, 'a'), (2, 'b')"
    )
    source = crm.source(links={"ticket": "owner"})
    source.install("column")
    source.write_flags(FlagState(1, "p", {"f": "d"}), {"f": np.array([2], dtype=np.uint8)}, 2)  # only b
    crm.run("UPDATE ticket SET owner = 'a' WHERE n = 2;\nUPDATE ticket SET owner = 'b' WHERE n = 1")
    assert seen(source, "SELECT n FROM {ours}.ticket WHERE f") == []
    source.number_new_customers()
    assert seen(source, "SELECT n FROM {ours}.ticket WHERE f") == [{"n": 1}]


def test_a_table_without_transactions_is_refused_and_nothing_is_left(crm: Crm) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY);\nCREATE TABLE t (id int, c int) ENGINE=MyISAM")
    with pytest.raises(BadInput, match="no transactions"):
        crm.source(links={"t": "c"}).install("column")
    assert crm.run("SHOW CREATE TABLE customer")[0][1].count("rf_") == 0
    assert crm.run(f"SHOW DATABASES LIKE 'rightful_{crm.name}'") == []


def test_a_right_of_everybody_stops_the_installation(crm: Crm) -> None:
    crm.run(
        "CREATE TABLE customer (id int PRIMARY KEY);\nCREATE TABLE secret (id int);\n"
        f"GRANT SELECT ON {crm.name}.secret TO PUBLIC"
    )
    try:
        with pytest.raises(BadInput, match=r"secret past the gate"):
            crm.source().install("companion")
    finally:
        crm.run(f"REVOKE SELECT ON {crm.name}.secret FROM PUBLIC")


def test_the_restricted_user_reads_views_and_nothing_else(crm: Crm) -> None:
    import pymysql

    crm.run("CREATE TABLE customer (id int PRIMARY KEY, name text);\nINSERT INTO customer VALUES (1, 'n')")
    source = crm.source()
    source.install("companion")
    for query in (
        f"SELECT * FROM {crm.name}.customer",
        f"SELECT * FROM {source.ours}.rf_customer",
        "SELECT * FROM mysql.user",
        "SELECT LOAD_FILE('/etc/passwd') IS NOT NULL AND 1/0 FROM mysql.db",
        f"SELECT id FROM {source.ours}.customer INTO OUTFILE '/tmp/rightful-must-not-be'",
    ):
        with pytest.raises(QueryFailed):
            seen(source, query)
    with closing(
        pymysql.connect(host="127.0.0.1", port=crm.server.port, user=source.reader, password="secret")
    ) as con, con.cursor() as cursor:  # fmt: skip
        for statement in (f"DELETE FROM {source.ours}.customer", f"CREATE TABLE {source.ours}.x (i int)"):
            with pytest.raises(pymysql.Error):
                cursor.execute(statement)


def test_a_statement_that_takes_too_long_is_stopped_and_the_next_one_runs(crm: Crm) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY);\nINSERT INTO customer SELECT seq FROM seq_1_to_2000")
    source = crm.source(statement_seconds=1)
    source.install("companion")
    everybody(source, 2000)
    with pytest.raises(QueryFailed, match="longer"):
        seen(source, "SELECT SUM(a.id * b.id * c.id) AS s FROM {ours}.customer a, {ours}.customer b, {ours}.customer c")
    assert seen(source, "SELECT 1 AS one") == [{"one": 1}]


def test_a_busy_table_stops_the_refresh_and_changes_nothing(crm: Crm) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY);\nINSERT INTO customer VALUES (1), (2)")
    source = crm.source()
    source.install("column")
    everybody(source, 2)
    with closing(crm.server.connect(crm.name)) as con, con.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT * FROM customer")
        with pytest.raises(SourceUnavailable, match="in use"):  # a new flag needs a column
            source.write_flags(FlagState(2, "q", {"new": "d"}), {"new": np.array([3], dtype=np.uint8)}, 2)
    assert source.flags() == FlagState(1, "p", {"rf_f_0": "d"})
    source.write_flags(FlagState(2, "q", {"new": "d"}), {"new": np.array([3], dtype=np.uint8)}, 2)
    assert len(seen(source, "SELECT id FROM {ours}.customer WHERE new")) == 2


def test_a_crash_between_the_steps_leaves_no_permission_and_a_repeat_mends_it(crm: Crm, monkeypatch) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY);\nINSERT INTO customer VALUES (1), (2), (3)")
    source = crm.source()
    source.install("column")
    everybody(source, 3)
    wanted: Callable[[], None] = lambda: source.write_flags(  # noqa: E731
        FlagState(2, "q", {"a": "d", "b": "d"}),
        {"a": np.array([1], dtype=np.uint8), "b": np.array([6], dtype=np.uint8)},
        3,
    )
    for step in ("_write_planes", "_make_views", "_store_state", "_drop_flags"):
        place = engine if hasattr(engine, step) else MariaDBSource
        with monkeypatch.context() as patched:
            patched.setattr(place, step, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                wanted()
        told = source.flags()
        assert told is not None
        if told.watermark == 1:  # before the commit: the old flags, whole
            assert len(seen(source, "SELECT id FROM {ours}.customer WHERE rf_f_0")) == 3, step
    wanted()
    assert source.flags() == FlagState(2, "q", {"a": "d", "b": "d"})
    assert [r["id"] for r in seen(source, "SELECT id FROM {ours}.customer WHERE b ORDER BY id")] == [2, 3]
    assert "rf_f_0" not in crm.run("SHOW CREATE TABLE customer")[0][1]


@MODES
def test_uninstalling_leaves_the_tables_as_they_were(crm: Crm, mode) -> None:
    crm.run(
        "CREATE TABLE customer (id int PRIMARY KEY, n text);\nCREATE TABLE `odd ``%s` (id int PRIMARY KEY, who int, "
        "FOREIGN KEY (who) REFERENCES customer (id));\nINSERT INTO customer VALUES (1, 'x')"
    )
    before = [crm.run(f"SHOW CREATE TABLE {name}")[0][1] for name in ("customer", "`odd ``%s`")]
    source = crm.source()
    source.install(mode)
    everybody(source, 1)
    again = MariaDBSource.open(crm.url, reader_password="secret")
    crm.made.append(again)
    assert [t.name for t in again.catalogue()] == ["customer", "odd `%s"]
    again.uninstall()
    assert [crm.run(f"SHOW CREATE TABLE {name}")[0][1] for name in ("customer", "`odd ``%s`")] == before
    assert crm.run("SHOW TRIGGERS") == [] and crm.run(f"SHOW DATABASES LIKE 'rightful_{crm.name}'") == []
    assert crm.run(f"SELECT user FROM mysql.user WHERE user = '{source.reader}'") == []
    with pytest.raises(NotFound):
        MariaDBSource.open(crm.url, reader_password="secret")


def test_the_rights_the_guide_names_are_enough(crm: Crm) -> None:
    crm.run(
        "CREATE TABLE customer (id int PRIMARY KEY);\nINSERT INTO customer VALUES (1);\n"
        "CREATE USER steward@'127.0.0.1' IDENTIFIED BY 's';\n"
        f"GRANT ALL ON {crm.name}.* TO steward@'127.0.0.1';\n"
        f"GRANT ALL ON rightful_{crm.name}.* TO steward@'127.0.0.1' WITH GRANT OPTION;\n"
        "GRANT CREATE USER ON *.* TO steward@'127.0.0.1'"
    )
    try:
        source = crm.source(f"mariadb://steward:s@127.0.0.1:{crm.server.port}/{crm.name}")
        source.install("column")
        everybody(source, 1)
        assert seen(source, "SELECT id FROM {ours}.customer WHERE rf_f_0") == [{"id": 1}]
        source.uninstall()
    finally:
        crm.run("DROP USER steward@'127.0.0.1'")


def test_values_cross_with_their_types(crm: Crm) -> None:
    crm.run(
        "CREATE TABLE customer (id int PRIMARY KEY, d date, t timestamp NULL, b bigint unsigned, f float, x blob, "
        "e enum('a','b'), y year, k tinyint(1), n decimal(40,3), u uuid, h time);\n"
        "INSERT INTO customer VALUES (1, '2024-02-29', '2026-01-02 03:04:05', 18446744073709551615, 0.5, x'00ff', "
        "'b', 2026, 1, 123456789012345678901234567890.125, '6f2c4e0a-1111-2222-3333-444455556666', '-25:00:01');\n"
        "INSERT INTO customer (id) VALUES (2);\nSET sql_mode = '';\n"
        "INSERT INTO customer (id, d, t) VALUES (3, '0000-00-00', '0000-00-00 00:00:00')"
    )
    source = crm.source()
    source.install("companion")
    everybody(source, 3)
    with source.run(f"SELECT * FROM {source.ours}.customer ORDER BY id") as reader:
        table = reader.read_all()
    row = table.to_pylist()[0]
    assert str(row["d"]) == "2024-02-29" and row["b"] == 2**64 - 1 and row["f"] == 0.5 and row["x"] == b"\x00\xff"
    assert row["e"] == "b" and row["y"] == 2026 and row["k"] is True and row["h"] == "-25:00:01"
    assert str(row["n"]) == "123456789012345678901234567890.125" and str(row["u"]).startswith("6f2c4e0a")
    assert table.schema.field("d").type == pa.date32()
    assert table.column("d").to_pylist()[1:] == table.column("t").to_pylist()[1:] == [None, None]


@pytest.mark.parametrize(
    ("declared", "word"),
    [
        ("varchar(20)", "text"), ("int(11)", "integer"), ("int(10) unsigned", "bigint"), ("tinyint(1)", "boolean"),
        ("tinyint(4)", "smallint"), ("smallint(5) unsigned", "integer"), ("bigint(20) unsigned", "numeric(20,0)"),
        ("decimal(10,2)", "numeric(10,2)"), ("decimal(10,2) unsigned", "numeric(10,2)"), ("datetime(6)", "timestamp"),
        ("double", "double"), ("float(5,2)", "real"), ("longtext", "text"), ("enum('a','b')", "text"),
        ("set('a')", "other"), ("point", "other"), ("varbinary(3)", "bytes"), ("year(4)", "smallint"),
        ("bit(1)", "other"), ("uuid", "uuid"),
    ],
)  # fmt: skip
def test_types_have_the_words_every_source_shares(declared, word) -> None:
    assert canonical_type(declared) == word


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("mariadb://u:p@h/d", "mariadb"), ("mysql://u@h/d", "mariadb"), ("postgresql://u@h/d", "postgres"),
        ("postgres://h/d", "postgres"), ("host=h dbname=d", "postgres"),
    ],
)  # fmt: skip
def test_an_address_says_which_database_it_is_of(address, kind, tmp_path) -> None:
    (tmp_path / "a").write_text(address)
    assert stores.kind_of({"url_file": str(tmp_path / "a")}) == kind


@pytest.mark.parametrize("address", ["oracle://h/d", "sqlite:///x", "mariadb://h", "mariadb://h/d?evil=1", "x"])
def test_an_address_of_something_else_is_refused(address, tmp_path) -> None:
    (tmp_path / "a").write_text(address)
    with pytest.raises(BadInput):
        stores.kind_of({"url_file": str(tmp_path / "a")})
        MariaDBSource.reflect(address, customer_table="customer", reader_password="x")


def test_wrong_passwords_and_silent_servers_are_told_apart_without_the_address(crm: Crm) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY)")
    for url, word in (
        (f"mariadb://owner:wrong@127.0.0.1:{crm.server.port}/{crm.name}", "let us in"),
        (f"mariadb://owner:wrong@127.0.0.1:1/{crm.name}", "answer"),
    ):
        with pytest.raises(SourceUnavailable, match=word) as caught:
            crm.source(url)
        assert "wrong" not in repr(caught.value) + repr(caught.value.__context__)


@pytest.mark.parametrize("version", ["8.0.36", "10.5.2-MariaDB", "5.5.5-10.3.1-MariaDB-log"])
def test_a_server_this_was_not_tried_on_is_refused(crm: Crm, version, monkeypatch) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY)")
    real = engine._scalar
    monkeypatch.setattr(engine, "_scalar", lambda con, text: version if "VERSION" in text else real(con, text))
    with pytest.raises(BadInput, match="tried on"):
        crm.source()


def test_an_address_that_names_another_database_is_refused(crm: Crm, tmp_path) -> None:
    crm.run("CREATE TABLE customer (id int PRIMARY KEY)")
    (tmp_path / "address").write_text(crm.url)
    config = {"kind": "mariadb", "url_file": str(tmp_path / "address")}
    with pytest.raises(BadInput, match="address"):
        stores.attach(config, bytes(32), schema="else", customer_table="customer")
