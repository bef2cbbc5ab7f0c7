"""kill -9 in the middle of taking in a consent history: nothing is half there, and it can be done again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from rightful.actions.register_source import import_consents
from rightful.actions.use_data import query_data
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, _row, write_csv

CHILD = """
import sys
from pathlib import Path
from rightful.workspace import Workspace
from rightful.actions.register_source import import_consents
ws = Workspace.open(sys.argv[1])
print("begin", flush=True)
done = import_consents(ws, Path(sys.argv[2]), actor="eng")
print("acknowledged", done.accepted, flush=True)
sys.stdin.read()
"""


@pytest.mark.slow
def test_a_killed_import_is_whole_or_not_there(shop_path, tmp_path):
    chance = random.Random(11)
    rows = [_row(f"k{i}", i % 60, "given", "newsletter", "email", "2026-03-01T10:00:00Z") for i in range(20_000)]
    whole = 0
    for attempt in range(10):
        path = write_csv(tmp_path / f"h{attempt}.csv", [r | {"event_id": f"{attempt}-{r['event_id']}"} for r in rows])
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(shop_path), str(path)],
            stdout=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": os.getcwd()},
        )
        assert child.stdout.readline() == "begin\n"
        time.sleep(chance.uniform(0, 1.2))
        child.send_signal(signal.SIGKILL)
        acknowledged = "acknowledged" in child.communicate()[0]
        with Workspace.open(shop_path) as ws:
            there = any(s.rows == len(rows) and s.seq == ws.consent.position() for s in ws.consent.segments())
            before = ws.consent.position()
            assert not list(ws.consent.audit())
            assert there or not acknowledged, "acknowledged and lost"
            again = import_consents(ws, path, actor="eng")
            assert again.accepted == (0 if ws.consent.position() == before else len(rows))
            assert query_data(ws, MAX, "newsletter", "select count(*) as n from customer").table.num_rows == 1
            whole += acknowledged
    assert whole < 10, "at least one kill came in time"
