"""An upgrade that is interrupted leaves the old tables or the new ones, and an old program keeps off new tables."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing

import pytest

from rightful.errors import IntegrityFault
from rightful.ledger.database import connect

OLD = ["CREATE TABLE room (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"]
NEW = [
    "ALTER TABLE room ADD COLUMN note TEXT",
    "CREATE TABLE shelf (id INTEGER PRIMARY KEY)",
    "INSERT INTO shelf SELECT id FROM room",
    "CREATE INDEX room_name ON room (name)",
    "UPDATE room SET note = 'moved'",
]
UPGRADE = """
import os, signal, sys
from rightful.ledger.database import Database, connect
from tests.ledger.test_upgrade import NEW, OLD
run, last = Database._ddl, NEW[int(sys.argv[2])] if sys.argv[2] != "end" else None
def stop(self, tx, statement):
    run(self, tx, statement)
    if statement == last:
        os.kill(os.getpid(), signal.SIGKILL)
Database._ddl = stop
connect(sys.argv[1]).migrate("room", OLD, NEW)
"""


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return str(tmp_path / "control.sqlite")
    return request.getfixturevalue("postgres_url")


def upgrade(url, until):
    return subprocess.run([sys.executable, "-c", UPGRADE, url, str(until)], timeout=120).returncode


def test_ac_077_an_upgrade_that_is_killed_at_any_statement_leaves_what_was_and_is_finished_by_the_next_start(url):
    with closing(connect(url)) as db:
        db.migrate("room", OLD)
        with db.write() as tx:
            tx.executemany("INSERT INTO room VALUES (?, ?)", [(1, "hall"), (2, "attic")])
    for statement in range(len(NEW)):
        assert upgrade(url, statement) == -signal.SIGKILL
        with closing(connect(url)) as db:
            assert db.query("SELECT version FROM rf_migration WHERE name = 'room'") == [(1,)]
            assert db.query("SELECT * FROM room ORDER BY id") == [(1, "hall"), (2, "attic")], "whole, and as it was"
            assert db.migrate("room", OLD) == 0, "the old program still works with it"
    assert upgrade(url, "end") == 0
    with closing(connect(url)) as db:
        assert db.query("SELECT * FROM room ORDER BY id") == [(1, "hall", "moved"), (2, "attic", "moved")]
        assert db.query("SELECT count(*) FROM shelf") == [(2,)]
        with pytest.raises(IntegrityFault, match="of version 2, this program knows 1"):
            db.migrate("room", OLD)
        assert db.migrate("room", OLD, NEW) == 0
