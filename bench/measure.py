"""How two sides are compared: alternately, in one run, after a warm-up, by the median.

A machine that is busy for a second slows the side it happens to meet. So the sides take
turns (A B, B A, A B ...), each turn gives one ratio, and the figure is the median of the
ratios. No time is ever compared with a constant from another machine, except where the
target itself is a time (a decision in microseconds); then the note says so.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything. `full` is what the figures in the documentation stand for."""

    name: str
    embedded: int  # customers in the embedded store
    postgres: int
    bulk: int  # customers on the bit-planes, and for single decisions
    imported: int
    pairs: int  # turns for what is short
    long_pairs: int
    decisions: int  # single decisions in one turn
    events: int  # consent events by the whole path
    ledger_rounds: int


FULL = Scale(
    "full",
    embedded=10_000_000,
    postgres=2_000_000,
    bulk=1_000_000,
    imported=1_000_000,
    pairs=9,
    long_pairs=3,
    decisions=2_000,
    events=60,
    ledger_rounds=10,
)
SMALL = Scale(
    "small",
    embedded=20_000,
    postgres=5_000,
    bulk=20_000,
    imported=2_000,
    pairs=2,
    long_pairs=1,
    decisions=50,
    events=4,
    ledger_rounds=2,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: what ours is measured against, in words.
        ours, base: median seconds of each side (or events a second, see `unit`).
        measured: the figure that the target is about; a ratio ours/base unless `unit` says otherwise.
        target: the limit, or None where the figure is only reported.
        at_least: the figure must not be below the target (rates); else not above it.
        spread: lowest and highest measured figure of the single turns.
    """

    bench: str
    what: str
    ours: float
    base: float
    measured: float
    target: float | None = None
    unit: str = "x"
    at_least: bool = False
    note: str = ""
    spread: tuple[float, float] | None = None
    rates: bool = False

    @property
    def ratio(self) -> float:
        """Ours to base, whatever the target is about."""
        return self.ours / self.base if self.base else float("inf")

    @property
    def verdict(self) -> str:
        if self.target is None:
            return "reported"
        fine = self.measured >= self.target if self.at_least else self.measured <= self.target
        return "met" if fine else "missed"


def taking_turns(
    ours: Callable[[], object], base: Callable[[], object], turns: int, *, warm_up: int = 1
) -> list[tuple[float, float]]:
    """Seconds of (ours, base) for each turn; who goes first alternates."""
    times: list[tuple[float, float]] = []
    for turn in range(-warm_up, turns):
        if turn % 2:
            second, first = seconds(base), seconds(ours)
            pair = (first, second)
        else:
            pair = (seconds(ours), seconds(base))
        if turn >= 0:
            times.append(pair)
    return times


def seconds(side: Callable[[], object]) -> float:
    started = time.perf_counter()
    side()
    return time.perf_counter() - started


def compared(
    bench: str, what: str, times: list[tuple[float, float]], target: float | None = None, note: str = ""
) -> Row:
    """A row for the ratio of two times."""
    ratios = [ours / base for ours, base in times]
    return Row(
        bench,
        what,
        statistics.median(ours for ours, _ in times),
        statistics.median(base for _, base in times),
        statistics.median(ratios),
        target,
        note=note,
        spread=(min(ratios), max(ratios)),
    )
