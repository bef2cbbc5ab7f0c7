"""Whether an erasure leaves anything, takes too much, or says something that is not so.

python -m bench.erasure            every engine that is installed; prints a table
python -m bench.erasure --write    and puts it into docs/explanation/erasure.md

One person is erased from a CRM made of traps (bench/traps.py). Cells are counted by
bench/trap_check.py, which knows plain SELECTs and nothing of how the product works.
The servers run in folders of their own, so that their files can be searched as well.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench import trap_check, trap_world, traps
from bench.__main__ import machine
from bench.world import mariadb_server, postgres_server
from rightful.actions.erase_customer import erase_customer
from rightful.workspace import Workspace

PAGE = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "erasure.md"
LOGS = ("pg_wal", "ib_logfile", "undo", "ibdata")
"""Where the servers keep what was before: write-ahead log; redo and undo log, and what InnoDB shares."""
START, END = "<!-- measured -->", "<!-- /measured -->"


@dataclass(frozen=True)
class Result:
    """One engine: cells before and after, files, status, seconds."""

    engine: str
    before: int
    residue: int
    collateral: int
    orphans: int
    store_bytes: int
    log_bytes: int
    status: str
    seconds: float


def run(engine: str, place: Path, url: str = "", files: Path | None = None) -> Result:
    """Make the CRM, erase Ana, count."""
    trap_world.make(place, engine, url)
    with Workspace.open(place) as ws:
        before, _ = trap_check.dump(ws.source)
        cells = sum(trap_check.is_hers(v) for rows in before.values() for row in rows.values() for v in row)
        started = time.perf_counter()
        outcome = erase_customer(ws, "17", actor="self", also=["18"])
        seconds = time.perf_counter() - started
        after, names = trap_check.dump(ws.source)
        count = trap_check.compare(before, after, names)
    return Result(
        engine,
        cells,
        len(count.residue),
        len(count.collateral),
        len(count.orphans),
        canaries_in(place if files is None else files, but=LOGS),
        0 if files is None else canaries_in(files, only=LOGS),
        outcome.status,
        seconds,
    )


def canaries_in(folder: Path, *, but: Sequence[str] = (), only: Sequence[str] = ()) -> int:
    """How often a canary stands in the bytes of the files of a folder; `but` and `only` begin names in it."""
    total = 0
    for path in folder.rglob("*"):
        inside = path.relative_to(folder).parts
        wanted = inside[0].startswith(tuple(only)) if only else not inside[0].startswith((*but, "keys"))
        if path.is_file() and wanted:
            total += path.read_bytes().count(b"CANARY")
    return total


@contextlib.contextmanager
def everything() -> Iterator[list[Result]]:
    with tempfile.TemporaryDirectory(prefix="rightful-erasure-") as folder:
        results = [run("duckdb", Path(folder) / "duckdb")]
        with postgres_server() as url:
            if url is not None:
                results.append(run("postgres", Path(folder) / "postgres", url, _data_of(url)))
        with mariadb_server() as server:
            if server is not None:
                results.append(run("mariadb", Path(folder) / "mariadb", *server))
        os.environ.pop(trap_world.URL, None)
        yield results


def _data_of(url: str) -> Path:
    import psycopg

    with psycopg.connect(url) as con:
        row = con.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(str(row[0]))


def as_table(results: list[Result]) -> str:
    heads = (
        "engine",
        "her cells before",
        "residue",
        "collateral",
        "orphans",
        "in the files",
        "in the log",
        "status",
        "s",
    )
    lines = ["| " + " | ".join(heads) + " |", "|---|---:|---:|---:|---:|---:|---:|---|---:|"]
    for r in results:
        cells = (r.engine, r.before, r.residue, r.collateral, r.orphans, r.store_bytes, r.log_bytes, r.status)
        lines.append("| " + " | ".join(map(str, cells)) + f" | {r.seconds:.1f} |")
    day = datetime.now(UTC).date().isoformat()
    return "\n".join(lines) + f"\n\n{len(traps.TRAPS)} kinds of traps; measured on {day}: {machine()}."


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.erasure")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/explanation/erasure.md")
    chosen = parser.parse_args()
    with everything() as results:
        table = as_table(results)
    print(table)
    if chosen.write:
        text = PAGE.read_text(encoding="utf-8")
        before, _, rest = text.partition(START)
        PAGE.write_text(f"{before}{START}\n{table}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0 if all(not (r.residue or r.collateral or r.orphans) for r in results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
