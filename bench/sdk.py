"""How long an analyst waits for `import rightful`, and whether it drags the web along.

Each turn starts a new interpreter. The time is taken inside it, around the import of everything `connect`
needs; base is what the interpreter itself takes to start and end.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path

from bench.measure import Row, Scale, seconds

_CHILD = """
import time
started, worked = time.perf_counter(), time.process_time()
import rightful
rightful.connect
took, worked = time.perf_counter() - started, time.process_time() - worked
import json, sys
print(json.dumps([took, worked, [m for m in ("django", "duckdb", "pyarrow", "pandas") if m in sys.modules]]))
"""
HOME = Path(__file__).resolve().parent.parent


def run(scale: Scale) -> list[Row]:
    took: list[float] = []
    worked: list[float] = []
    bare: list[float] = []
    heavy: set[str] = set()
    for turn in range(-1, max(scale.pairs, 3)):
        nothing = seconds(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True, cwd=HOME))
        done = subprocess.run([sys.executable, "-c", _CHILD], check=True, cwd=HOME, capture_output=True, text=True)
        time_taken, time_worked, modules = json.loads(done.stdout)
        heavy |= set(modules)
        if turn >= 0:
            took.append(time_taken)
            worked.append(time_worked)
            bare.append(nothing)
    if {"django", "duckdb"} & heavy:
        raise AssertionError(f"importing the SDK loads {', '.join(sorted(heavy))}")
    absent = "django, duckdb" + ("" if heavy else ", pyarrow, pandas")
    note = f"beside: starting the interpreter; {statistics.median(worked):.2f} s of processor time; {absent} not loaded"
    return [
        Row(
            "sdk",
            "import rightful and `connect`, new interpreter",
            statistics.median(took),
            statistics.median(bare),
            statistics.median(took),
            0.3,
            "s",
            note=note,
            spread=(min(took), max(took)),
        )
    ]
