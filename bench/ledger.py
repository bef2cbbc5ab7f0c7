"""What it costs to record a consent event in the ledger, as a share of the plain insert.

All sides write the same consent event with the same durable settings, 256 to a
transaction. Plain: the row, with its evidence as JSON, by the driver's `executemany`. Ledger:
the row, an entry, the evidence sealed under the subject's key, the link, the tree, the signed
head, all in the way the product writes them (one statement for many rows); tiles and the
outside checkpoint are published meanwhile. The third side is the plain row written in the
product's way: it tells how much of the ratio is owed to that. All tables hold a history before
the first round, as those of an organisation do: indexes of random ids cost more once they are
large. Sides alternate inside one run, so that a busy disk slows all; figures are medians.

    python -m bench.ledger
"""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rightful.ledger.database import Database, connect
from rightful.ledger.record import Draft, Ledger
from rightful.protection.keys import Keyring

BATCH = 256
TARGETS = {"sqlite": 0.70, "postgresql": 0.65}

SIDES = ("plain", "ledger", "wide")
_TABLE = """CREATE TABLE bench_{side} (
    id TEXT PRIMARY KEY, subject TEXT NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL,
    kind TEXT NOT NULL, event_at INTEGER NOT NULL, notice TEXT NOT NULL, evidence TEXT, entry INTEGER)"""
_INDEX = "CREATE INDEX bench_{side}_subject ON bench_{side} (subject, purpose, event_at)"
_COLUMNS = "id, subject, purpose, channel, kind, event_at, notice, evidence, entry"
_INSERT = "INSERT INTO bench_{side} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

Event = tuple[str, str, str, str, str, int, str, dict[str, Any]]


def run(
    *,
    rounds: int = 20,
    batches: int = 16,
    subjects: int = 20_000,
    history: int = 100_000,
    postgres: bool = True,
) -> dict[str, Any]:
    """Rates in events a second and their ratio, for each database that is there."""
    results: dict[str, Any] = {}
    sizes = (rounds, batches, subjects, history)
    with tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
        results["sqlite"] = _measure(connect(Path(folder) / "control.sqlite"), Path(folder), *sizes)
    if postgres:
        with _postgresql() as url, tempfile.TemporaryDirectory(prefix="bench-ledger-") as folder:
            if url is not None:
                results["postgresql"] = _measure(connect(url), Path(folder), *sizes)
    results["bulk_uses_ms"] = _bulk_lookup()
    return results


def _measure(db: Database, folder: Path, rounds: int, batches: int, subjects: int, history: int) -> dict[str, Any]:
    seed = random.Random(7)
    db.migrate("bench", [sql.format(side=side) for side in SIDES for sql in (_TABLE, _INDEX)])
    keys = Keyring.open_or_create(folder / "keys")
    rates: dict[str, list[float]] = {side: [] for side in SIDES}
    with Ledger.open(db, keys=keys, origin="bench.example/ledger", folder=folder / "ledger") as ledger:
        # Customers are known already: the key of a new one is made once in a lifetime, not per event.
        known = [Draft("subject.added", subject=f"c-{number:08d}") for number in range(subjects)]
        for start in range(0, subjects, 2000):
            ledger.append(known[start : start + 2000])
        writers: dict[str, Callable[[list[Event]], None]] = {
            "plain": lambda events: _plain(db, events),
            "ledger": lambda events: _with_ledger(ledger, events),
            "wide": lambda events: _wide(db, events),
        }
        for _ in range(0, history, batches * BATCH):
            for write in writers.values():
                write([_event(seed, subjects) for _ in range(batches * BATCH)])
        for round_number in range(-2, rounds):  # two rounds warm up
            count = batches * BATCH
            for side in SIDES if round_number % 2 else SIDES[::-1]:
                events = [_event(seed, subjects) for _ in range(count)]
                started = time.perf_counter()
                writers[side](events)
                if round_number >= 0:
                    rates[side].append(count / (time.perf_counter() - started))
    ratios = [ours / plain for ours, plain in zip(rates["ledger"], rates["plain"], strict=True)]
    wide = [ours / plain for ours, plain in zip(rates["ledger"], rates["wide"], strict=True)]
    db.close()
    return {
        "plain_per_second": round(statistics.median(rates["plain"])),
        "ledger_per_second": round(statistics.median(rates["ledger"])),
        "wide_per_second": round(statistics.median(rates["wide"])),
        "ratio_to_wide": round(statistics.median(wide), 3),
        "wide_quartiles": [round(q, 3) for q in statistics.quantiles(wide, n=4)[::2]],
        "ratio": round(statistics.median(ratios), 3),
        "ratio_quartiles": [round(q, 3) for q in statistics.quantiles(ratios, n=4)[::2]],
        "target": TARGETS[db.dialect],
        "events": rounds * batches * BATCH,
    }


def _event(seed: random.Random, subjects: int) -> Event:
    evidence = {
        "ip": f"192.0.2.{seed.randrange(256)}",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "form": "signup-2026-03",
        "wording": f"{seed.getrandbits(256):064x}",
    }
    return (
        f"{seed.getrandbits(128):032x}",
        f"c-{seed.randrange(subjects):08d}",
        "newsletter",
        "email",
        "given",
        time.time_ns() // 1000,
        f"{seed.getrandbits(256):064x}",
        evidence,
    )


def _plain(db: Database, events: list[Event]) -> None:
    for start in range(0, len(events), BATCH):
        with db.write() as tx:
            tx.executemany(
                _INSERT.format(side="plain"),
                [(*event[:7], json.dumps(event[7]), None) for event in events[start : start + BATCH]],
            )


def _wide(db: Database, events: list[Event]) -> None:
    for start in range(0, len(events), BATCH):
        with db.write() as tx:
            rows = [(*event[:7], json.dumps(event[7]), None) for event in events[start : start + BATCH]]
            tx.insert_many("bench_wide", _COLUMNS, rows)


def _with_ledger(ledger: Ledger, events: list[Event]) -> None:
    """Three batches on their way: one is prepared while the one before it reaches the disk."""
    waiting = []
    for start in range(0, len(events), BATCH):
        some = events[start : start + BATCH]
        drafts = [
            Draft(
                "consent.given",
                {"purpose": event[2], "channel": event[3], "notice": event[6]},
                event[7],
                subject=event[1],
                at=event[5],
            )
            for event in some
        ]
        waiting.append(ledger.submit(drafts, _rows_of(some)))
        if len(waiting) > 2:
            waiting.pop(0).result()
    for future in waiting:
        future.result()


def _rows_of(events: list[Event]) -> Callable[[Any, list[Any]], None]:
    def rows(tx: Any, entries: list[Any]) -> None:
        tx.insert_many(
            "bench_ledger",
            _COLUMNS,
            [(*event[:7], None, entry.index) for event, entry in zip(events, entries, strict=True)],
        )

    return rows


def _bulk_lookup(uses: int = 1000, customers: int = 10_000_000) -> float:
    """Milliseconds to answer "which of 1,000 bulk uses touched me" among 10M customers."""
    import numpy as np
    from pyroaring import BitMap

    from rightful.ledger.seal import split_bitmap

    with tempfile.TemporaryDirectory(prefix="bench-bulk-") as folder:
        db = connect(Path(folder) / "control.sqlite")
        keys = Keyring.open_or_create(Path(folder) / "keys")
        number = 7_654_321
        part = number >> 16
        random_state = np.random.default_rng(7)
        with Ledger.open(db, keys=keys, origin="bench.example/ledger", folder=Path(folder) / "ledger") as ledger:
            # All parts of one use, and of the others the part that is asked for: the same rows are read.
            everyone = BitMap(random_state.choice(customers, customers // 10, replace=False).astype("uint32"))
            ledger.append([Draft("use.bulk", {"purpose": "bench"}, subjects=everyone.serialize())])
            rows = []
            for use in range(1, uses):
                some = np.flatnonzero(random_state.random(65_536) < random_state.random()) + (part << 16)
                [(_, bits, salt, digest)] = split_bitmap(BitMap(some.astype("uint32")).serialize())[1]
                rows.append((part << 40 | use, bits, salt, digest))
            with db.write() as tx:
                tx.insert_many("rf_bulk", "place, bits, salt, digest", rows)
            times = []
            for _ in range(7):
                started = time.perf_counter()
                ledger.uses_touching(number)
                times.append(time.perf_counter() - started)
        db.close()
    return round(statistics.median(times) * 1000, 2)


@contextmanager
def _postgresql() -> Iterator[str | None]:
    """A server of our own in a temporary folder; None where PostgreSQL is not installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if not binaries:
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
    pg, data = binaries[-1], folder / "data"
    subprocess.run(
        [*as_user, pg / "initdb", "-D", data, "-U", "rightful", "-A", "trust", "-E", "UTF8", "--no-locale"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    options = f"-k {folder} -c listen_addresses= -c fsync=on -c synchronous_commit=on"
    subprocess.run(
        [*as_user, pg / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"],
        check=True,
        capture_output=True,
        cwd=folder,
    )
    try:
        yield f"postgresql://rightful@/postgres?host={folder}"
    finally:
        subprocess.run(
            [*as_user, pg / "pg_ctl", "-D", data, "-m", "fast", "stop"], check=False, capture_output=True, cwd=folder
        )
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    results = run()
    print(f"{'control database':<18}{'plain/s':>10}{'ledger/s':>10}{'ratio':>8}{'target':>8}   quartiles")
    for name in ("sqlite", "postgresql"):
        if name in results:
            r = results[name]
            low, high = r["ratio_quartiles"]
            print(
                f"{name:<18}{r['plain_per_second']:>10,}{r['ledger_per_second']:>10,}{r['ratio']:>8.2f}"
                f"{r['target']:>8.2f}   {low:.2f} to {high:.2f}"
            )
    print(f"uses touching one of 10M customers, 1,000 bulk uses: {results['bulk_uses_ms']} ms")


if __name__ == "__main__":
    main()
