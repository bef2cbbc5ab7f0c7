"""How long a customer waits for the list of every use of their data.

A bulk use is one ledger entry and a bitmap of the customers it touched. Here 1,000 of
them lie over the numbers of 10 million customers: half touched 40 % of all people, a
quarter 1 %, a quarter 95 %. Asked is the first page of one customer's history, then the
refused ones alone, by the same action the customer's page calls.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np
from pyroaring import BitMap

from bench.measure import Row, Scale, seconds
from bench.world import embedded
from rightful.actions.show_uses import Wanted, uses
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

USES = 1_000
PEOPLE = 10_000_000
PAGE = 51
TARGET_MS = 50.0
SHARES = (0.4, 0.01, 0.4, 0.95)


def run(scale: Scale) -> list[Row]:
    small = scale.name == "small"
    bulk_uses, people = (40, 200_000) if small else (USES, PEOPLE)
    asked = 5 if small else 60
    with embedded(1_000) as ws:
        for draft in _drafts(bulk_uses, people):
            ws.journal.record([draft])
        keys = [f"c-{number * 13:08d}" for number in range(asked)]
        uses(ws, keys[0], limit=PAGE)
        note = f"{people:,} customers, {bulk_uses:,} bulk uses, one after another; control database of SQLite"
        rows = []
        for what, wanted in (("first page", Wanted()), ("refused ones alone", Wanted(outcome="refused"))):
            times = [seconds(lambda key=key, wanted=wanted: uses(ws, key, limit=PAGE, wanted=wanted)) for key in keys]
            base = [seconds(lambda number=n: _bare(ws, number)) for n in range(asked)]
            middle = statistics.median(times)
            rows.append(
                Row(
                    "history",
                    f"every use of one customer's data, {what}; beside it the bitmaps alone",
                    middle,
                    statistics.median(base),
                    1e3 * middle,
                    TARGET_MS,
                    "ms",
                    note=note,
                    spread=(1e3 * min(times), 1e3 * max(times)),
                )
            )
        return rows


def _bare(ws: Workspace, number: int) -> None:
    ws.ledger.uses_touching(number)


def _drafts(count: int, people: int) -> Iterator[Draft]:
    random = np.random.default_rng(7)
    for number in range(count):
        share = SHARES[number % len(SHARES)]
        touched = BitMap(np.flatnonzero(random.random(people, dtype=np.float32) < share).astype(np.uint32))
        kind = ("use.export", "use.withheld", "use.query", "use.export")[number % 4]
        public = {
            "purpose": "newsletter",
            "role": "marketer",
            "channel": "email",
            "shape": "rows",
            "rows": len(touched),
        }
        yield Draft(kind, public, {"actor": "max@bench.example"}, subjects=touched.serialize())
