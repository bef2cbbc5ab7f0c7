"""Which figures we promise, and what they are on this machine.

python -m bench                    all, at full scale; minutes; writes docs/reference/benchmarks.md
python -m bench sdk decision       some of them; nothing is written
python -m bench --scale small      a quick look whether everything runs; its figures say nothing
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench import access, decision, disposal, event, gated, history, importing, sdk
from bench.measure import FULL, SMALL, Row, Scale

BENCHES: dict[str, Callable[[Scale], list[Row]]] = {
    "access": access.run,
    "sdk": sdk.run,
    "decision": decision.run,
    "event": event.run,
    "history": history.run,
    "import": importing.run,
    "gated-duckdb": gated.duckdb,
    "gated-postgres": gated.postgres,
    "disposal-duckdb": disposal.duckdb,
    "disposal-postgres": disposal.postgres,
}
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "benchmarks.md"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what we promise, as ratios.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of: {', '.join(BENCHES)}")
    parser.add_argument("--scale", choices=("full", "small"), default="full")
    chosen = parser.parse_args(words)
    unknown = [name for name in chosen.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    scale = FULL if chosen.scale == "full" else SMALL
    rows: list[Row] = []
    busy = os.getloadavg()[0]
    for name in chosen.names or BENCHES:
        started = time.perf_counter()
        print(f"{name} ...", flush=True)
        found = BENCHES[name](scale)
        rows += found
        for row in found:
            print("  " + as_line(row), flush=True)
        if not found:
            print("  not measured: its server is not installed here")
        print(f"  ({time.perf_counter() - started:.0f} s)", flush=True)
    print()
    print(as_table(rows))
    if scale is FULL and not chosen.names:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(as_page(rows, busy), encoding="utf-8")
        print(f"\nwritten: {PAGE.relative_to(PAGE.parents[2])}")
    return 0


def as_line(row: Row) -> str:
    return f"{row.what}: {_measured(row)} (target {_target(row)}) {row.verdict}; {row.note}"


def as_table(rows: Sequence[Row]) -> str:
    """The figures as a Markdown table; reads as plain text, too."""
    cells = [("benchmark", "what", "target", "measured", "single turns", "ours", "beside", "verdict")]
    cells += [
        (r.bench, r.what, _target(r), _measured(r), _spread(r), _side(r, r.ours), _side(r, r.base), r.verdict)
        for r in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in cells]
    lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(lines)


def as_page(rows: Sequence[Row], busy: float = 0.0) -> str:
    missed = [r for r in rows if r.verdict == "missed"]
    verdict = (
        "Every target was met in this run."
        if not missed
        else f"{len(missed)} of {sum(r.target is not None for r in rows)} targets were missed in this run: "
        + "; ".join(f"{r.bench}, {r.what} ({_measured(r)})" for r in missed)
        + "."
    )
    notes = "\n".join(f"- {r.bench}, {r.what}: {r.note}." for r in rows if r.note)
    return f"""# Benchmarks

`make bench` measures these figures and writes this page. {verdict}

Measured on {datetime.now(UTC).date().isoformat()}: {machine()}. Load average before the run: {busy:.1f}
(above zero, others were using the machine, too).

How to read it: both sides of a row run alternately in one process, after a warm-up; the figure is the
median of the ratios of the turns (nine or more where a turn is short, three where it is long, one where it
takes minutes), and "single turns" are the lowest and the highest (for the ledger: the quartiles). "Beside"
is the side without Rightful, or the other product. A ratio below 1 means that ours was quicker: a gated
export returns fewer rows. Rows marked "reported" have no target. On a busy machine the ratios move by a
few tenths, times by much more.

{as_table(rows)}

What was measured on what:

{notes}
"""


def machine() -> str:
    """Cores, memory, versions; no names and no paths."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    names = ("duckdb", "numpy", "pyarrow", "sqlglot", "cedarpy")
    versions = ", ".join(f"{name} {_version(name)}" for name in names)
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB of memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, {versions}, PostgreSQL {_postgres()}"
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _postgres() -> str:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    return found[-1].parts[-3] if found else "not installed"


def _target(row: Row) -> str:
    if row.target is None:
        return ""
    return f"{'>=' if row.at_least else '<='} {row.target:g}{_unit(row)}"


def _measured(row: Row) -> str:
    return f"{_figure(row.measured)}{_unit(row)}"


def _spread(row: Row) -> str:
    return "" if row.spread is None else f"{_figure(row.spread[0])} - {_figure(row.spread[1])}"


def _unit(row: Row) -> str:
    return "" if row.unit == "x" else f" {row.unit}"


def _figure(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _side(row: Row, value: float) -> str:
    if row.rates:
        return f"{value:,.0f}/s"
    for limit, factor, unit in ((1e-4, 1e6, "us"), (1.0, 1e3, "ms")):
        if value < limit:
            return f"{value * factor:.3g} {unit}"
    return f"{value:.2f} s"


if __name__ == "__main__":
    raise SystemExit(main())
