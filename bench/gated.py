"""What the gate costs a reader: the analyst's statement through the gate, and as plain SQL.

Base: the statement as typed, on the same table of the same store, through the same
connection code, into Arrow; it returns everybody. Ours, first row of each pair of rows: the rewritten
statement with the freshness check before it (position of the consent record, tail,
state of the flags). Second row: the whole path (`gate.use.query`): catalogue, plan, rewrite,
both of its checks, the statement, the check again after it, groups left out, the entry in the ledger on disk.

Easy to get wrong: a gated export returns fewer rows (about two thirds), so it may well
be quicker than the plain one; the row says how many came back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.measure import Row, Scale, compared, taking_turns
from bench.world import House, embedded, on_postgres
from rightful.gate import use
from rightful.gate.request import Request
from rightful.workspace import Workspace

MARKETER = Request("max@bench.example", "marketer", "newsletter", "email")
ANALYST = Request("ana@bench.example", "analyst", "insight")


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    request: Request
    sql: str
    target: float
    length: str = "short"


CASES = (
    Case("export", MARKETER, "SELECT id, first_name, last_name, email, segment, balance FROM customer", 1.10, "long"),
    Case("filtered count", MARKETER, "SELECT count(*) AS n FROM customer WHERE balance > 5000", 1.6),
    Case(
        "group-by",
        ANALYST,
        "SELECT segment, residence, count(*) AS n, avg(balance) AS mean FROM customer GROUP BY segment, residence",
        1.35,
    ),
    Case("point read", MARKETER, "SELECT id, email, segment FROM customer WHERE id = '{key}'", 2.0, "instant"),
)


def duckdb(scale: Scale) -> list[Row]:
    """The embedded store."""
    with embedded(scale.embedded) as ws:
        source: Any = ws.source

        def plain(sql: str) -> int:
            with source.run(sql.replace("FROM customer", "FROM rf_base.customer")) as reader:
                return int(reader.read_all().num_rows)

        return _rows("gated-duckdb", ws, plain, scale, scale.embedded)


def postgres(scale: Scale) -> list[Row]:
    """PostgreSQL in place, flags as columns; no rows where it is not installed."""
    with on_postgres(scale.postgres) as house:
        if house is None:
            return []
        source: Any = house.source

        def plain(sql: str) -> int:
            # The owner's connections, since the restricted role may not read the table itself.
            text = sql.replace("FROM customer", "FROM public.customer")
            with source._stream(source._owners, text, 65_536) as reader:
                return int(reader.read_all().num_rows)

        return _rows("gated-postgres", house, plain, scale, scale.postgres)


def _rows(bench: str, house: Workspace | House, plain: Callable[[str], int], scale: Scale, customers: int) -> list[Row]:
    rows = []
    for case in CASES:
        key = _somebody_permitted(house, case.request)
        sql = case.sql.format(key=f"c-{key:08d}")
        statement = _Statement(house, case.request, sql)
        plain_rows, returned = plain(sql), statement.fresh()

        def base(sql: str = sql) -> int:
            return plain(sql)

        turns = {"long": scale.long_pairs, "short": scale.pairs, "instant": scale.pairs * 3}[case.length]
        times = taking_turns(statement.fresh, base, turns)
        note = f"{customers:,} customers; {returned:,} rows of {plain_rows:,}"
        rows.append(compared(bench, f"{case.name}: statement and freshness check", times, case.target, note))
        times = taking_turns(statement.whole, base, turns)
        rows.append(compared(bench, f"{case.name}: whole path, entry in the ledger", times, None, note))
    return rows


class _Statement:
    """A gated statement whose text is made once for a state of the permission, as a prepared statement is."""

    def __init__(self, house: Workspace | House, request: Request, sql: str) -> None:
        self.house = house
        self.request = request
        self.sql = sql
        self._texts: dict[object, str] = {}

    def fresh(self) -> int:
        """Look how things stand now, then run; returns the number of rows."""
        facts = self.house.facts
        now = facts.clock()
        bulk = facts.bulk(facts.plan(self.request, now), now)
        state = (bulk.flag, bulk.tail, tuple(bulk.field_flags.items()))
        if state not in self._texts:
            self._texts[state] = self.whole().sql
        with self.house.source.run(self._texts[state]) as reader:
            return int(reader.read_all().num_rows)

    def whole(self) -> use.Use:
        return use.query(self.house, self.request, self.sql)


def _somebody_permitted(house: Workspace | House, request: Request) -> int:
    """A customer in the middle of the table whose flag is true."""
    import numpy as np

    now = house.facts.clock()
    packed = house.facts.permitted(house.facts.plan(request, now), now)
    numbers = np.flatnonzero(np.unpackbits(packed, bitorder="little"))
    return int(numbers[len(numbers) // 2])
