"""What one purpose lets one analyst read, now: the tables, their columns, and for whom.

The gate fills this in from the policy and the state; the rewriter only reads it.
What is easy to get wrong: a column that is left out of `hidden` is refused all the same,
but as an unknown name; and `flag=None` gives no row unless `everything` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Column:
    """One column that the analyst may name.

    Attributes:
        type: canonical type word of the base column (text, integer, decimal(18,3), date ...).
        transform: what the analyst gets instead of the value; see `transforms.TRANSFORMS`.
        flag: boolean column of the base table; the value is NULL where it is not true.
    """

    name: str
    type: str
    transform: str | None = None
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One table that the analyst may name, and where it really lies.

    Attributes:
        name: as the analyst names it, lower case.
        base: (schema, table) or (catalog, schema, table).
        subject: integer column of the base that numbers the customer; never shown.
        flag: boolean column that must be true for a row to come back.
        columns: the permitted columns.
        hidden: columns that exist and are not permitted, so that a refusal can say so.
        any_flags: when not empty, at least one of these must be true as well.
        everything: what `flag=None` means: "deny" gives no row, "allow" every row
            (a legal obligation that survives withdrawal).
        one_row_each: the base holds at most one row per customer; counting is cheaper then.
        also: further flags that must all be true (a use for several purposes at once).
    """

    name: str
    base: tuple[str, ...]
    subject: str
    flag: str | None
    columns: tuple[Column, ...]
    hidden: tuple[str, ...] = ()
    any_flags: tuple[str, ...] = ()
    everything: Literal["deny", "allow"] = "deny"
    one_row_each: bool = False
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Permit:
    """What one purpose lets one analyst read, now.

    Attributes:
        tail: customers whose withdrawal is newer than the flags; they never appear.
        tail_relation: relation with the same numbers in a column `__rf_no`, without
            NULL; taken when the tail is longer than 200. Without it DuckDB and
            PostgreSQL take up to 20,000 as one literal; MySQL and Spark refuse.
        at_least: smallest number of people an aggregate may stand for.
        aggregates_only: every output is an aggregate or a grouping key.
        max_rows: most rows that come back.
    """

    tables: tuple[Table, ...]
    tail: frozenset[int] | tuple[int, ...] = ()
    tail_relation: tuple[str, ...] | None = None
    at_least: int | None = None
    aggregates_only: bool = False
    max_rows: int | None = None
