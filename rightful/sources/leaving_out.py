"""Which rows of a staged file name people who were erased, and what becomes of those rows.

    the row                                        | what happens
    -----------------------------------------------|-----------------------------------------------
    a customer nobody knows who was erased         | left out
    an erased customer's own row or rows           | left out, also where the law keeps a stub
    a known customer's row with an address of      | taken, without that address; the one on file
    somebody who was erased                        | stays

Nothing of what is left out is kept, in no list: a list of them would tell who asked to be
erased. It is counted.

Easy to get wrong: rows of other tables that belong to a row that was left out under a new
key; a file of such rows that comes on another night without the customers; a telephone
number that reads differently in each country.

Sources: GDPR Art. 17(1), 5(1)(d); abuse cases AC-059, AC-060; case O14.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rightful.sources.duckdb import BASE, NUMBER, quoted_name

if TYPE_CHECKING:
    import duckdb

    from rightful.sources.contract import TableInfo
    from rightful.sources.importing import TableProposal

AT_ONCE = 50_000
HITS, GONE_KEYS = "rf_gone_cells", "rf_gone_keys"


class Recogniser(Protocol):
    """Knows erased people by what names them (gate/gone.py)."""

    residence: str

    def asked(self, column: str, *, key: bool = False) -> Sequence[tuple[str, str]]:
        """What values of a column may be, with the pattern of those worth asking about ("": all)."""

    def known(self, kind: str, texts: Sequence[str], regions: Sequence[str] = ()) -> Sequence[tuple[str, bool] | None]:
        """For each value (person, strong), or None."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What was done to one staged table. `keys`: (customer's key, person) of new customers that were left out."""

    rows: int = 0
    cells: int = 0
    keys: tuple[tuple[str, str], ...] = ()


def leave_out(
    con: duckdb.DuckDBPyConnection,
    table: TableProposal,
    stage: str,
    customers: TableInfo | None,
    who: Recogniser,
) -> LeftOut:
    """Take what belongs to erased people out of a staged table, inside the transaction of the import.

    Args:
        customers: the customer table as it is in the store now; None before the first import.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {HITS} (row UINTEGER, col TEXT, person TEXT, strong BOOLEAN, by_key BOOLEAN)"
    )
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS {GONE_KEYS} (key TEXT, person TEXT)")
    owner = (table.key if table.customer_table else table.subject) or ""
    for column in table.columns:
        for kind, pattern in who.asked(column.name, key=column.name == owner):
            _ask(con, table, stage, column.name, kind, pattern, who)
    mine = f"CAST(s.{quoted_name(owner)} AS VARCHAR)"
    if not table.customer_table:
        con.execute(
            f"INSERT INTO {HITS} SELECT s.{NUMBER}, ?, g.person, true, true FROM {stage} s JOIN {GONE_KEYS} g "
            f"ON {mine} = g.key",
            [owner],
        )
    if not _count(con, f"SELECT count(*) FROM {HITS}"):
        return LeftOut()
    live = "false"
    if customers is not None:
        known = f"{BASE}.{quoted_name(customers.name)}"
        live = f"EXISTS (SELECT 1 FROM {known} o WHERE CAST(o.{quoted_name(customers.key)} AS VARCHAR) = {mine})"
    whose = f"SELECT s.{NUMBER} AS row, {mine} AS key, min(h.person) AS person FROM {stage} s JOIN {HITS} h"
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE rf_gone_rows AS {whose} ON h.row = s.{NUMBER} GROUP BY ALL "
        f"HAVING bool_or(h.by_key AND h.strong) OR NOT bool_or({live})"
    )
    cells = 0
    kept = [c.name for c in customers.columns] if customers is not None and table.customer_table else []
    for (name,) in con.execute(
        f"SELECT DISTINCT col FROM {HITS} WHERE strong AND row NOT IN (SELECT row FROM rf_gone_rows) ORDER BY 1"
    ).fetchall():
        if name in (table.key, table.subject):  # an address that is the key of a row: the row goes
            con.execute(
                f"INSERT INTO rf_gone_rows SELECT row, NULL, min(person) FROM {HITS} WHERE col = ? AND strong "
                "AND row NOT IN (SELECT row FROM rf_gone_rows) GROUP BY 1, 2",
                [name],
            )
            continue
        new = "NULL"
        if name in kept and customers is not None:  # the one on file stays
            place = f"{BASE}.{quoted_name(customers.name)}"
            same = f"CAST(o.{quoted_name(customers.key)} AS VARCHAR) = {mine}"
            new = f"(SELECT o.{quoted_name(name)} FROM {place} o WHERE {same})"
        done = con.execute(
            f"UPDATE {stage} AS s SET {quoted_name(name)} = {new} WHERE s.{NUMBER} IN (SELECT row FROM {HITS} "
            "WHERE col = ? AND strong AND row NOT IN (SELECT row FROM rf_gone_rows))",
            [name],
        ).fetchone()
        cells += int(done[0]) if done else 0
    keys: list[tuple[str, str]] = []
    if table.customer_table:
        con.execute(f"INSERT INTO {GONE_KEYS} SELECT key, person FROM rf_gone_rows WHERE key IS NOT NULL")
        keys = con.execute("SELECT DISTINCT key, person FROM rf_gone_rows WHERE key IS NOT NULL").fetchall()
    con.execute(f"DELETE FROM {stage} WHERE {NUMBER} IN (SELECT row FROM rf_gone_rows)")
    rows = _count(con, "SELECT count(DISTINCT row) FROM rf_gone_rows")
    con.execute("DROP TABLE rf_gone_rows")
    return LeftOut(rows, cells, tuple(keys))


def forget(con: duckdb.DuckDBPyConnection) -> None:
    """Take our notes away at the end of an import."""
    for name in (HITS, GONE_KEYS, "rf_asked"):
        con.execute(f"DROP TABLE IF EXISTS {name}")


def _ask(
    con: duckdb.DuckDBPyConnection,
    table: TableProposal,
    stage: str,
    column: str,
    kind: str,
    pattern: str,
    who: Recogniser,
) -> None:
    """Ask about each different value of a column, and note the cells of those that are known."""
    own = f"CAST(s.{quoted_name(column)} AS VARCHAR)"
    there = kind == "phone" and who.residence in {c.name for c in table.columns}
    region = f"coalesce(CAST(s.{quoted_name(who.residence)} AS VARCHAR), '')" if there else "''"
    narrow, bound = ("", []) if not pattern else (f" AND regexp_matches({own}, ?, 'i')", [pattern])
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE rf_asked AS SELECT *, row_number() OVER () - 1 AS spot FROM (SELECT DISTINCT "
        f"{own} AS value, {region} AS region FROM {stage} s WHERE s.{quoted_name(column)} IS NOT NULL{narrow})",
        bound,
    )
    found: list[tuple[str, str, str, bool]] = []
    for start in range(0, _count(con, "SELECT count(*) FROM rf_asked"), AT_ONCE):
        rows = con.execute(
            "SELECT value, region FROM rf_asked WHERE spot >= ? AND spot < ?", [start, start + AT_ONCE]
        ).fetchall()
        answers = who.known(kind, [value for value, _ in rows], [place for _, place in rows])
        found += [(*row, *known) for row, known in zip(rows, answers, strict=True) if known is not None]
    if not found:
        return
    con.execute("CREATE OR REPLACE TEMP TABLE rf_asked (value TEXT, region TEXT, person TEXT, strong BOOLEAN)")
    con.executemany("INSERT INTO rf_asked VALUES (?, ?, ?, ?)", found)
    con.execute(
        f"INSERT INTO {HITS} SELECT s.{NUMBER}, ?, a.person, a.strong, ? FROM {stage} s JOIN rf_asked a "
        f"ON {own} = a.value AND {region} = a.region",
        [column, kind == "key"],
    )


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
