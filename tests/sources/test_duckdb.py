"""What only the embedded store has: one encrypted file, one writer or many readers, crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import numpy as np
import pytest

from rightful.errors import BadInput, IntegrityFault, KeyMissing, NotFound, QueryFailed, SourceUnavailable
from rightful.sources.contract import FlagState
from rightful.sources.duckdb import DuckDBSource, Limits, _bit_string

from .conftest import KEY

NEEDLE = "needle-in-the-store-7319"


def fill(store: DuckDBSource, rows: int = 1000) -> None:
    with store.writing() as con:
        con.execute(
            "CREATE TABLE rf_base.customer AS SELECT range::UINTEGER AS rf_no, range::TEXT AS id, "
            f"'{NEEDLE}' AS note, hash(range)::TEXT AS noise FROM range({rows})"
        )
        store.register_table(con, "customer", key="id", customer_table=True)
        store.renumber(con)


def permit(store: DuckDBSource, rows: int, watermark: int, *, every: int = 2) -> None:
    plane = np.packbits(np.arange(rows) % every == 0, bitorder="little")
    store.write_flags(FlagState(watermark, "p", {"rf_f_0": "d"}), {"rf_f_0": plane}, rows)


def count(store: DuckDBSource, where: str = "rf_f_0") -> int:
    with store.run(f"SELECT count(*) FROM rf_base.customer WHERE {where}") as reader:
        return reader.read_all().column(0)[0].as_py()


def elsewhere(code: str, path: Path, *arguments: str) -> subprocess.Popen[str]:
    prelude = (
        "import sys, time\nfrom rightful.sources.duckdb import DuckDBSource\n"
        "from tests.sources.test_duckdb import fill, permit, count\nfrom tests.sources.conftest import KEY\n"
        f"store = DuckDBSource.open({str(path)!r}, KEY, wait_seconds=0.5, idle_seconds=0.1)\n"
    )
    root = Path(__file__).parents[2]
    return subprocess.Popen(
        [sys.executable, "-c", prelude + code, *arguments], cwd=root, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.PIPE,
    )  # fmt: skip


def test_nothing_readable_lies_on_the_disk(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    store.patch_flags(FlagState(2, "p", {"rf_f_0": "d"}), np.arange(10), {"rf_f_0": np.ones(10, dtype=bool)})
    found = [path for path in store.path.parent.rglob("*") if path.is_file()]
    assert any(path.name.endswith(".wal") for path in found)
    for path in found:
        content = path.read_bytes()
        assert NEEDLE.encode() not in content and b"rf_base" not in content, path.name
    assert store.path.stat().st_mode & 0o077 == 0


def test_what_spills_is_encrypted_and_goes_away(tmp_path: Path) -> None:
    store = DuckDBSource.create(tmp_path / "s.duckdb", KEY, limits=Limits(memory="150MB", threads=2), idle_seconds=0.1)
    with store.writing() as con:
        con.execute(
            f"CREATE TABLE rf_base.customer AS SELECT range::UINTEGER rf_no, '{NEEDLE}' || md5(range::TEXT) AS m "
            "FROM range(2000000)"
        )
        store.register_table(con, "customer", key="m", customer_table=True)
    seen = 0
    with store.run("SELECT m, rf_no FROM rf_base.customer ORDER BY m DESC") as reader:
        reader.read_next_batch()
        for path in tmp_path.glob(".s.duckdb.spill/*"):
            content = path.read_bytes()
            seen += len(content)
            assert NEEDLE.encode() not in content
    assert seen > 0, "the test did not make the engine spill"
    store.close()
    assert not list(tmp_path.glob(".s.duckdb.spill/*"))


def test_another_key_opens_nothing(store: DuckDBSource) -> None:
    with pytest.raises(KeyMissing):
        DuckDBSource.open(store.path, bytes(32))
    with pytest.raises(KeyMissing, match="16 bytes"):
        DuckDBSource.open(store.path, bytes(16))


def test_a_changed_byte_is_found_and_not_served(store: DuckDBSource) -> None:
    fill(store, 50_000)
    store.close()
    content = bytearray(store.path.read_bytes())
    for place in range(64 << 10, len(content), 64 << 10):  # somewhere in every block, used or not
        content[place] ^= 1
    store.path.write_bytes(content)
    with pytest.raises((IntegrityFault, QueryFailed, KeyMissing)):
        again = DuckDBSource.open(store.path, KEY)
        with again.run("SELECT sum(length(note)), sum(length(noise)) FROM rf_base.customer") as reader:
            reader.read_all()


def test_a_store_is_never_overwritten_and_a_missing_one_is_said(store: DuckDBSource, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        DuckDBSource.create(store.path, KEY)
    with pytest.raises(NotFound):
        DuckDBSource.open(tmp_path / "nowhere.duckdb", KEY)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.duckdb"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises((IntegrityFault, KeyMissing)):
        DuckDBSource.open(path, KEY)


@pytest.mark.parametrize(
    "attempt",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/rightful-leak.csv'",
        "ATTACH '/tmp/rightful-leak.duckdb' AS x",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA memory_limit = '100GB'",
        "EXPORT DATABASE '/tmp/rightful-leak'",
        "CALL pragma_version()",
        "SELECT 1; SELECT 2",
    ],
)
def test_a_query_reaches_nothing_outside_the_store(store: DuckDBSource, attempt: str) -> None:
    fill(store)
    with pytest.raises(QueryFailed), store.run(attempt) as reader:
        reader.read_all()
    assert not list(Path("/tmp").glob("rightful-leak*"))


def test_the_key_is_nowhere_a_query_can_look(store: DuckDBSource) -> None:
    for source in ("duckdb_databases()", "duckdb_settings()", "duckdb_variables()"):
        with store.run(f"SELECT * FROM {source}") as reader:
            assert store._key not in str(reader.read_all().to_pylist())


def test_writing_works_while_a_reader_of_the_same_process_is_idle(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    other = DuckDBSource.open(store.path, KEY, read_only=True)
    assert count(other) == 500
    permit(store, 1000, 2, every=4)
    assert count(other) == 250


def test_a_write_waits_for_open_reads_and_then_says_which(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    store._wait_seconds = 0.3
    with store.run("SELECT id FROM rf_base.customer") as reader:
        reader.read_next_batch()
        with pytest.raises(SourceUnavailable, match="1 reads are still open"):
            permit(store, 1000, 2)
    permit(store, 1000, 2, every=10)
    assert count(store) == 100


def test_a_write_goes_through_as_soon_as_the_read_ends(store: DuckDBSource) -> None:
    fill(store)
    done = threading.Event()

    def write() -> None:
        permit(store, 1000, 1)
        done.set()

    with store.run("SELECT id FROM rf_base.customer") as reader:
        reader.read_next_batch()
        writer = threading.Thread(target=write)
        writer.start()
        assert not done.wait(0.3)
    assert done.wait(5)
    writer.join()


def test_many_threads_read_and_write_and_see_whole_states(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    stop = time.monotonic() + 3
    wrong: list[object] = []

    def read() -> None:
        while time.monotonic() < stop:
            try:
                found = count(store)
            except Exception as error:
                wrong.append(error)
                return
            if found not in (500, 250):
                wrong.append(found)

    def write() -> None:
        number = 2
        while time.monotonic() < stop:
            permit(store, 1000, number, every=4 if number % 2 else 2)
            number += 1
            time.sleep(0.05)

    threads = [threading.Thread(target=read) for _ in range(3)] + [threading.Thread(target=write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_another_process_can_read_beside_us_but_not_write(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    code = (
        "print(count(store))\n"
        "try:\n    permit(store, 1000, 2)\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    )
    with store.run("SELECT id FROM rf_base.customer") as reader:
        reader.read_next_batch()
        out, err = elsewhere(code, store.path).communicate(timeout=60)
    assert out.splitlines()[0] == "500", err
    assert out.splitlines()[1].startswith("SourceUnavailable the store meadow.duckdb is in use by another process")


def test_the_file_is_free_for_other_processes_when_nobody_read_for_a_while(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    assert count(store) == 500
    time.sleep(0.8)
    out, err = elsewhere("permit(store, 1000, 2, every=4); print(count(store))", store.path).communicate(timeout=60)
    assert out.strip() == "250", err
    assert count(store) == 250


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2])
def test_a_kill_while_flags_are_written_leaves_the_old_state_or_the_new_one(store: DuckDBSource, delay: float) -> None:
    rows = 400_000
    fill(store, rows)
    permit(store, rows, 1)
    store.close()
    code = (
        "print('go', flush=True)\nwhile True:\n"
        "    permit(store, 400_000, 2, every=4)\n    permit(store, 400_000, 1, every=2)\n"
    )
    worker = elsewhere(code, store.path)
    assert worker.stdout is not None
    assert worker.stdout.readline() == "go\n"
    time.sleep(delay)
    os.kill(worker.pid, signal.SIGKILL)
    worker.communicate()
    again = DuckDBSource.open(store.path, KEY)
    found = again.flags()
    assert found is not None
    assert count(again) == {1: rows // 2, 2: rows // 4}[found.watermark]
    assert count(again, "true") == rows
    again.close()


def test_a_statement_may_not_run_for_ever(store: DuckDBSource) -> None:
    fill(store)
    store._limits = Limits(statement_seconds=0.5)
    began = time.monotonic()
    with (
        pytest.raises(QueryFailed, match="longer than it may"),
        store.run(
            "SELECT count(*) FROM range(10000000) a, range(1000000) b WHERE hash(a.range, b.range) = 3"
        ) as reader,
    ):
        reader.read_all()
    assert time.monotonic() - began < 10


def test_a_statement_may_not_take_all_memory_and_disk(tmp_path: Path) -> None:
    limits = Limits(memory="60MB", temp_bytes=20 << 20, threads=1)
    store = DuckDBSource.create(tmp_path / "s.duckdb", KEY, limits=limits)
    with (
        pytest.raises(QueryFailed, match="more memory or disk"),
        store.run("SELECT md5(range::TEXT) AS m, md5((range + 1)::TEXT) AS o FROM range(4000000) ORDER BY m") as reader,
    ):
        reader.read_all()
    store.close()


def test_an_error_inside_a_write_changes_nothing(store: DuckDBSource) -> None:
    fill(store)
    with pytest.raises(RuntimeError), store.writing() as con:
        con.execute("DELETE FROM rf_base.customer")
        raise RuntimeError
    assert count(store, "true") == 1000


def test_flags_survive_many_patches_and_the_log_stays_small(store: DuckDBSource) -> None:
    fill(store, 20_000)
    permit(store, 20_000, 1)
    rng = np.random.default_rng(7)
    expected = np.arange(20_000) % 2 == 0
    for watermark in range(2, 12):
        chosen = rng.choice(20_000, 2_000, replace=False)
        values = rng.random(2_000) < 0.5
        expected[chosen] = values
        store.patch_flags(FlagState(watermark, "p", {"rf_f_0": "d"}), chosen, {"rf_f_0": values})
    with store.run("SELECT rf_no FROM rf_base.customer WHERE rf_f_0 ORDER BY rf_no") as reader:
        assert reader.read_all().column(0).to_pylist() == np.flatnonzero(expected).tolist()
    assert store._wal_bytes() < 9 << 20


@pytest.mark.parametrize("numbers", [0, 1, 7, 8, 9, 63, 64, 65])
def test_a_plane_becomes_the_same_bits_in_the_engine(numbers: int) -> None:
    wanted = [(i * 7) % 3 == 0 for i in range(numbers)]
    plane = np.packbits(np.array(wanted, dtype=bool), bitorder="little")
    with duckdb.connect() as con:
        for index, bit in enumerate(wanted):
            row = con.execute("SELECT get_bit(?::BLOB::BIT, ?)", [_bit_string(plane, numbers), index]).fetchone()
            assert row == (int(bit),)


def test_a_disk_without_room_is_said_and_nothing_changes(store: DuckDBSource) -> None:
    fill(store)
    permit(store, 1000, 1)
    code = (
        "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (6 << 20, 6 << 20))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try:\n    with store.writing() as con:\n"
        "        con.execute('CREATE TABLE rf_base.big AS SELECT md5(range::TEXT) a FROM range(3000000)')\n"
        "    print('written')\n"
        "except Exception as error:\n    print(type(error).__name__)\n"
    )
    store.close()
    out, err = elsewhere(code, store.path).communicate(timeout=120)
    assert out.strip() in ("QueryFailed", "SourceUnavailable", "IntegrityFault"), err
    again = DuckDBSource.open(store.path, KEY)
    assert [t.name for t in again.catalogue()] == ["customer"] and count(again) == 500
    again.close()
