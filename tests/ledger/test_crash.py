"""Killed at any instant: what was acknowledged is there, what is half is not, and the tree is signed."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rightful.errors import LedgerUnavailable
from rightful.ledger.entry import Draft, now_us
from rightful.ledger.merkle import leaf_hash, root_of
from rightful.ledger.note import VerifierKey, open_checkpoint
from rightful.ledger.verify import Claim, RowCheck, verify_database, verify_folder
from tests.conftest import ROOT
from tests.ledger.builders import Place, place

KILLS = {"sqlite": 50, "postgresql": 10}


def _claims(tx):
    for name, entry in tx.execute("SELECT name, entry FROM event"):
        yield Claim(f"event {name}", entry, {"name": name}, None, {"secret": name})


ROWS = RowCheck(_claims, frozenset({"consent.given"}))


def _start(home: Place, run: object) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.crash_writer", str(home.root), str(home.url), str(run)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "ready\n", writer.communicate()[1]
    return writer


def _acknowledged(output: str) -> list[tuple[int, str, str]]:
    """Whole lines only: the kill may have cut the last one."""
    lines = output[: output.rfind("\n") + 1].splitlines()
    return [(int(index), name, digest) for index, name, digest in (line.split(" ") for line in lines)]


@pytest.mark.slow
def test_AC_067_nothing_acknowledged_is_lost_when_the_writer_is_killed_at_random_instants(home):
    source = random.Random(2026)
    home.clock = now_us
    seen: dict[int, tuple[str, str]] = {}
    dialect = home.db().dialect
    for kill in range(KILLS[dialect]):
        writer = _start(home, kill)
        time.sleep(source.choice([0, 0.002, 0.02, 0.08]) + source.random() * 0.15)
        writer.kill()
        output, _ = writer.communicate()
        for index, name, digest in _acknowledged(output):
            assert index not in seen, "an index was given out twice"
            seen[index] = (name, digest)
        if kill % 10 == 9 or kill == KILLS[dialect] - 1:
            _is_whole(home, seen)
    assert len(seen) > KILLS[dialect]  # it did write


def _is_whole(home: Place, seen: dict[int, tuple[str, str]]) -> None:
    with home.open() as ledger:
        size, root = ledger.head()
        key = VerifierKey.parse(ledger.verifier_key)
        signed = open_checkpoint(ledger.checkpoint(), key)
        assert (signed.size, signed.root) == (size, root)
        leaves = {entry.index: entry for entry in ledger.entries()}
        assert sorted(leaves) == list(range(size))
        assert root_of(leaf_hash(leaves[index].leaf) for index in range(size)) == root
        rows = dict(ledger.db.query("SELECT entry, name FROM event"))
        for index, (name, digest) in seen.items():
            assert leaf_hash(leaves[index].leaf).hex() == digest
            assert rows[index] == name
        assert set(rows) == set(leaves)  # no row without its entry, no entry without its row
        assert ledger.receipt(max(seen)).verify(key).ok
        report = verify_database(ledger.db, key, keys=home.keys, rows=[ROWS])
        assert report.ok, report
    assert verify_folder(home.folder, key).ok


def test_two_processes_append_at_once_and_there_is_one_log(home):
    home.clock = now_us
    writers = [_start(home, run) for run in "ab"]
    time.sleep(1.0)
    seen: dict[int, tuple[str, str]] = {}
    for writer in writers:
        writer.kill()
    for writer in writers:
        lines = _acknowledged(writer.communicate()[0])
        assert lines, "one of the two never came to write"
        for index, name, digest in lines:
            assert index not in seen, "two processes were given the same index"
            seen[index] = (name, digest)
    _is_whole(home, seen)


# A full disk


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of 1.5 MiB; where mounting is not allowed, the test limits the size of files instead."""
    folder = Path(tempfile.mkdtemp(prefix="rightful-small-"))
    mount = shutil.which("mount")
    mounted = (
        mount is not None
        and os.geteuid() == 0
        and subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=1536k", "tmpfs", folder], capture_output=True, check=False
        ).returncode
        == 0
    )
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)
        shutil.rmtree(folder)


def test_AC_068_a_full_disk_is_never_acknowledged_and_the_ledger_recovers_when_there_is_space(small_disk, tmp_path):
    home = place(tmp_path, small_disk / "control.sqlite")
    on_tmpfs = os.path.ismount(small_disk)
    ledger = home.open()
    ledger.db.migrate("event", ["CREATE TABLE event (name TEXT PRIMARY KEY, entry INTEGER NOT NULL)"])
    acknowledged: list[int] = []
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if not on_tmpfs:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
    try:
        with pytest.raises(LedgerUnavailable) as refusal:
            for number in range(2000):
                name = f"{number}"
                entries = ledger.append(
                    [Draft("consent.given", {"name": name}, {"secret": name}, "c-1")],
                    lambda tx, es, n=name: tx.execute("INSERT INTO event VALUES (?, ?)", (n + "x" * 500, es[0].index)),
                )
                acknowledged.append(entries[0].index)
        assert acknowledged, "the disk was full from the start"
        # Not even when there is space again: what is on the disk is not known before it was read.
        _make_space(small_disk, on_tmpfs, before)
        with pytest.raises(LedgerUnavailable, match="stopped"):
            ledger.append([Draft("consent.given", {}, {}, "c-1")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert refusal.value.code == "integrity.ledger-unavailable"
    assert "full" in str(refusal.value) or os.strerror(errno.EFBIG) in str(refusal.value) or "I/O" in str(refusal.value)
    ledger.close()
    home.close()
    with home.open() as reopened:
        size, _ = reopened.head()
        assert size in {len(acknowledged), len(acknowledged) + 1}
        assert acknowledged == list(range(len(acknowledged)))
        assert reopened.db.query("SELECT count(*) FROM event") == [(size,)]
        assert reopened.append([Draft("consent.given", {"name": "after"})])[0].index == size
        assert verify_database(reopened.db, reopened.key, keys=home.keys).ok
    home.close()


def _make_space(folder: Path, on_tmpfs: bool, before: tuple[int, int]) -> None:
    if on_tmpfs:
        subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_outside_the_database_stops_acknowledging_too(small_disk, tmp_path):
    if not os.path.ismount(small_disk):
        pytest.skip("needs the right to mount a small file system")
    home = Place(tmp_path, place(tmp_path).clock, tmp_path / "control.sqlite")
    link = home.folder
    (small_disk / "published").mkdir()
    link.symlink_to(small_disk / "published")
    ledger = home.open()
    with pytest.raises(LedgerUnavailable):
        for number in range(5000):
            ledger.append([Draft("a.b", {"text": "x" * 2000, "n": number})])
            ledger.publish()
    with pytest.raises(LedgerUnavailable, match="stopped"):
        ledger.append([Draft("a.b")])
    home.close()
