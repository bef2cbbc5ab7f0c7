from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rightful.errors import IntegrityFault, LedgerUnavailable
from rightful.ledger.database import Busy, Conflict, Database, connect


@pytest.fixture
def db(home) -> Database:
    database = home.db()
    database.migrate(
        "test",
        ["CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB, big INTEGER, share REAL)"],
    )
    yield database
    database.close()


def test_values_come_back_as_they_went_in(db):
    row = (1, "Grüße ' \" % ? 😀", b"\x00\xff%?", 2**62, 0.5)
    with db.write() as tx:
        tx.execute("INSERT INTO thing VALUES (?, ?, ?, ?, ?)", row)
        tx.execute("INSERT INTO thing (id, name) VALUES (?, ?)", (2, None))
    assert db.query("SELECT * FROM thing WHERE id = ?", (1,)) == [row]
    assert db.query("SELECT '100 %', '?' FROM thing WHERE id = ? AND '%' = '%'", (2,)) == [("100 %", "?")]
    assert db.query("SELECT name FROM thing WHERE name LIKE 'Gr%'") == [(row[1],)]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 255, 256, 257, 900])
def test_many_rows_are_inserted_however_many_there_are(db, count):
    rows = [(number, f"n{number}", bytes([number % 256])) for number in range(count)]
    with db.write() as tx:
        tx.insert_many("thing", "id, name, data", rows)
    assert db.query("SELECT id, name, data FROM thing ORDER BY id") == rows


def test_what_raises_leaves_nothing_behind(db):
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx.execute("INSERT INTO thing (id) VALUES (1)")
        raise ZeroDivisionError
    assert db.query("SELECT count(*) FROM thing") == [(0,)]
    assert not db.in_transaction


def test_a_write_inside_a_write_is_part_of_it_and_undone_alone(db):
    with db.write() as outer:
        outer.execute("INSERT INTO thing (id) VALUES (1)")
        with pytest.raises(ZeroDivisionError), db.write() as inner:
            inner.execute("INSERT INTO thing (id) VALUES (2)")
            raise ZeroDivisionError
        with db.write() as inner:
            inner.execute("INSERT INTO thing (id) VALUES (3)")
        assert db.query("SELECT id FROM thing ORDER BY id") == [(1,), (3,)]
    assert db.query("SELECT id FROM thing ORDER BY id") == [(1,), (3,)]


def test_a_row_that_breaks_a_key_is_a_conflict_on_every_database(db):
    with db.write() as tx:
        tx.execute("INSERT INTO thing (id, name) VALUES (1, 'a')")
    with pytest.raises(Conflict), db.write() as tx:
        tx.execute("INSERT INTO thing (id, name) VALUES (2, 'a')")
    with pytest.raises(Conflict), db.write() as tx:
        tx.executemany("INSERT INTO thing (id, name) VALUES (?, ?)", [(3, "b"), (1, "c")])
    with pytest.raises(Conflict), db.write() as tx:
        tx.insert_many("thing", "id, name", [(4, "d"), (1, "e")])
    assert db.query("SELECT id FROM thing") == [(1,)]


@pytest.mark.parametrize("count", [3, 40, 400])
def test_rows_in_front_of_a_conflict_go_with_the_savepoint_and_with_the_transaction(db, count):
    rows = [(number, f"n{number}") for number in range(count)]
    broken = [*((number + 1000, f"m{number}") for number in range(count)), (1, "taken")]
    with db.write() as tx:
        tx.insert_many("thing", "id, name", rows)
        with pytest.raises(Conflict), tx.savepoint():
            tx.insert_many("thing", "id, name", broken)
        assert tx.one("SELECT count(*), max(id) FROM thing") == (count, count - 1)
    with pytest.raises(Conflict), db.write() as tx:
        tx.insert_many("thing", "id, name", broken)
    assert db.query("SELECT id, name FROM thing ORDER BY id") == rows


def test_a_reader_sees_one_state_while_others_write(db):
    with db.read() as tx:
        assert tx.one("SELECT count(*) FROM thing") == (0,)
        _in_thread(lambda: _insert(db, 1))
        assert tx.one("SELECT count(*) FROM thing") == (0,)
        with pytest.raises(RuntimeError, match="inside a read"), db.write():
            pass
    assert db.query("SELECT count(*) FROM thing") == [(1,)]


def test_threads_write_side_by_side_and_nothing_is_lost(db):
    def work(start: int) -> None:
        for number in range(25):
            with db.write() as tx:
                tx.execute("INSERT INTO thing (id) VALUES (?)", (start + number,))

    threads = [threading.Thread(target=work, args=(start,)) for start in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.query("SELECT count(*) FROM thing") == [(100,)]


def test_migrations_run_once_each_and_whole_or_not_at_all(db):
    first = ["CREATE TABLE room (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB)"]
    assert db.migrate("room", first) == 1
    assert db.migrate("room", first) == 0
    assert db.migrate("room", first, ["ALTER TABLE room ADD COLUMN note TEXT"]) == 1
    with db.write() as tx:
        tx.execute("INSERT INTO room (note) VALUES (?)", ("x",))
    assert db.query("SELECT id, note FROM room") == [(1, "x")]
    with pytest.raises(Exception, match=r"nonsense|syntax"):
        db.migrate("room", first, [], ["CREATE TABLE other (id INTEGER)", "nonsense"])
    with pytest.raises(Exception, match="other"):
        db.query("SELECT * FROM other")


def test_tables_of_a_newer_program_are_refused(db):
    db.migrate("room", ["CREATE TABLE room (id INTEGER)"], ["ALTER TABLE room ADD COLUMN x TEXT"])
    with pytest.raises(IntegrityFault, match="version 2, this program knows 1"):
        db.migrate("room", ["CREATE TABLE room (id INTEGER)"])


def test_a_step_may_differ_between_databases(db):
    db.migrate(
        "room",
        {
            "sqlite": ["CREATE TABLE room (j TEXT) STRICT"],
            "postgresql": ["CREATE TABLE room (j JSONB)"],
        },
    )
    assert db.query("SELECT * FROM room") == []


def test_a_lock_held_too_long_is_said_and_nothing_is_written(home):
    holder, waiter = home.db(), connect(home.url, busy_seconds=0.2)
    holder.migrate("test", ["CREATE TABLE thing (id INTEGER PRIMARY KEY)"])
    with holder.write() as tx:
        tx.execute("INSERT INTO thing VALUES (1)")
        with pytest.raises(Busy), waiter.write() as other:
            if waiter.dialect == "postgresql":
                other.execute("LOCK TABLE thing IN EXCLUSIVE MODE")
            other.execute("INSERT INTO thing VALUES (2)")
    assert waiter.query("SELECT id FROM thing") == [(1,)]


def test_sqlite_is_opened_durable_private_and_forgetful(sqlite_home):
    db = sqlite_home.db()
    pragma = {name: db.query(f"PRAGMA {name}")[0][0] for name in ("journal_mode", "synchronous", "secure_delete")}
    assert pragma == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}
    assert db.query("PRAGMA foreign_keys") == [(1,)]
    assert stat.S_IMODE(Path(sqlite_home.url).stat().st_mode) == 0o600


def test_deleted_bytes_are_gone_from_the_files_after_a_scrub(sqlite_home):
    db = sqlite_home.db()
    db.migrate("test", ["CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)"])
    with db.write() as tx:
        tx.execute("INSERT INTO thing VALUES (1, 'canary-5d1f')")
    with db.write() as tx:
        tx.execute("DELETE FROM thing")
    db.scrub()
    left = [file.name for file in sqlite_home.root.iterdir() if b"canary-5d1f" in file.read_bytes()]
    assert left == []


def test_a_file_that_is_no_database_is_refused_with_a_sentence(tmp_path):
    path = tmp_path / "control.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(LedgerUnavailable):
        connect(path).query("SELECT 1")


@pytest.mark.parametrize("url", ["mysql://somewhere/x", "http://somewhere"])
def test_an_address_of_an_unknown_kind_is_refused(url):
    with pytest.raises(LedgerUnavailable, match="unknown kind"):
        connect(url)


@pytest.mark.parametrize("password", ["canary", "x/canary", "x canary", "x%zcanary", "x@canary", "x#canary", "[canary"])
def test_ac_049_an_address_that_cannot_be_read_is_not_repeated(password):
    with pytest.raises(LedgerUnavailable) as raised:
        connect(f"postgresql://u:{password}@127.0.0.1:1/d", busy_seconds=1).query("SELECT 1")
    assert "canary" not in "".join(traceback.format_exception(raised.value))


def test_a_server_that_is_not_there_is_said_without_the_address():
    with pytest.raises(LedgerUnavailable) as refusal:
        connect("postgresql://user:secret@127.0.0.1:1/none").query("SELECT 1")
    assert "secret" not in str(refusal.value)


def test_the_ledger_is_imported_without_heavy_company():
    code = (
        "import sys, rightful.ledger.record, rightful.ledger.verify, rightful.ledger.database;"
        "print([m for m in ('django', 'psycopg', 'duckdb', 'pyarrow', 'sqlglot') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _insert(db: Database, number: int) -> None:
    with db.write() as tx:
        tx.execute("INSERT INTO thing (id) VALUES (?)", (number,))


def _in_thread(work) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert failures == []


OTHER_PROCESS = """
import sys
from rightful.ledger.database import connect
db = connect(sys.argv[1])
for value in range(3):
    with db.write() as tx:
        tx.execute("INSERT INTO note VALUES (?)", (value,))
db.close()
"""


def test_what_another_process_wrote_and_closed_is_seen_by_every_thread(tmp_path):
    """SQLite keeps processes apart by locks that vanish when any handle of the file is closed."""
    path = tmp_path / "control.sqlite"
    db = connect(path)
    db.migrate("notes", ["CREATE TABLE note (value INTEGER)"])
    workers = [ThreadPoolExecutor(1) for _ in range(4)]

    def count() -> int:
        return db.query("SELECT count(*) FROM note")[0][0]

    for round_ in range(1, 4):
        assert {worker.submit(count).result() for worker in workers} == {3 * (round_ - 1)}
        subprocess.run(
            [sys.executable, "-c", OTHER_PROCESS, str(path)], check=True, env=os.environ | {"PYTHONPATH": os.getcwd()}
        )
        assert {worker.submit(count).result() for worker in [*workers, ThreadPoolExecutor(1)]} == {3 * round_}
        assert count() == 3 * round_
    with db.write() as tx:
        tx.execute("INSERT INTO note VALUES (99)")
    db.close()
    assert connect(path).query("SELECT count(*) FROM note")[0][0] == 10
