"""What a store of customer data must be able to do, whichever database it is.

The gate asks a source for five things: what tables there are, to keep the
permission flags beside the rows, to run one already rewritten SELECT, to look for
one person in everything it holds, and (for disposal) to change or delete rows. It never gets SQL
from a door. A source knows nothing of purposes or consent: flags are named
booleans, customers are numbers (`rf_no`, dense, from 0).

Easy to get wrong: flags and watermark change in one transaction, so that a
reader never sees flags that are newer or older than the watermark says; a
customer that appears in the source after the last numbering has no number and
no flag, and a row without a flag is never returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from rightful.errors import BadInput

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Dialect = Literal["duckdb", "postgres", "mysql", "spark"]


def unreadable_address() -> BadInput:
    """The address of a database cannot be taken apart. Says nothing of it: a password stands in it."""
    return BadInput(
        "the address of the database cannot be read",
        remedy="Write characters like @ / : # % and spaces in user and password as %40 %2F %3A %23 %25 %20",
    )


@dataclass(frozen=True, slots=True)
class ColumnInfo:
    """A column as the database declares it; `type` is a canonical word (text, bigint, date, ...)."""

    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class TableInfo:
    """A governed table. `key` names the column that holds the customer's key: the primary key in the
    customer table, the foreign key elsewhere. `customer_table` is True in exactly one table."""

    name: str
    base: tuple[str, ...]
    columns: tuple[ColumnInfo, ...]
    key: str
    customer_table: bool = False
    rows: int = 0
    origin: tuple[str, ...] = ()  # where disposal finds the rows, if `base` is a view that hides some


@dataclass(frozen=True, slots=True)
class StoredColumn:
    """A column of any table. `declared` is the engine's own name of the type; `longest` the most
    characters a text may have; `generated` columns cannot be set."""

    name: str
    type: str
    declared: str
    nullable: bool = True
    longest: int | None = None
    generated: bool = False
    has_default: bool = False


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key: these columns name a row of that table."""

    columns: tuple[str, ...]
    table: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table as the database declares it, whether or not it is governed.

    `place` is where it really stands. `derived` marks what is worked out from other tables and is worked
    out again instead of being changed (a materialised view).
    """

    name: str
    place: tuple[str, ...]
    columns: tuple[StoredColumn, ...]
    key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    references: tuple[Reference, ...] = ()
    rows: int = 0
    derived: bool = False

    def column(self, name: str) -> StoredColumn:
        return next(c for c in self.columns if c.name == name)


@dataclass(frozen=True, slots=True)
class FlagState:
    """What the flags beside the rows stand for. `columns` maps a flag's name to its digest (of the
    plane it was made from); `watermark` is the consent log's sequence number it includes."""

    watermark: int
    policy_version: str
    columns: Mapping[str, str]


class Source(Protocol):
    """One store of customer data. Implementations: `duckdb.py`, `postgres.py`, `mariadb.py`."""

    name: str
    dialect: Dialect

    def catalogue(self) -> tuple[TableInfo, ...]:
        """Governed tables, freshly reflected: a column added a minute ago is in it."""

    def customer_keys(self, start: int = 0) -> Iterator[tuple[np.ndarray, pa.Array]]:
        """Batches of (number uint32, key as text, byte for byte) of customers numbered from `start` on."""

    def number_new_customers(self) -> int:
        """Give numbers to customers that have none; returns how many customers are numbered now."""

    def flags(self) -> FlagState | None:
        """What the flags say, or None before the first materialisation."""

    def write_flags(self, state: FlagState, planes: Mapping[str, np.ndarray], numbers: int) -> None:
        """Replace all flags, in every governed table, in one transaction.

        Args:
            state: what the flags will stand for.
            planes: flag name -> bit-packed plane (uint8, little bit order), bit i = customer number i.
            numbers: how many customers the planes cover.
        """

    def patch_flags(self, state: FlagState, numbers: np.ndarray, values: Mapping[str, np.ndarray]) -> None:
        """Set the flags of the customers in `numbers` only (bool arrays of the same length)."""

    def run(self, sql: str, *, batch_rows: int = 65_536) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run one rewritten SELECT with the restricted connection and stream Arrow batches."""

    def whole(
        self,
        table: str,
        columns: Sequence[str],
        *,
        number: int | None = None,
        since: int | None = None,
        equals: tuple[str, str] | None = None,
        fold: bool = False,
        limit: int | None = None,
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        """Read one governed table whatever the flags say; the first column is `rf_no` (NULL if unnumbered).

        Only for what does not depend on permission: working permission out, recognising a customer, and
        giving customers their own data.

        Args:
            number: rows of this customer only.
            since: rows of customers with this number or a higher one.
            equals: (column, text): rows whose column, as text, is exactly this.
            fold: compare without regard to case.
        """

    def execute_disposal(
        self, statements: Sequence[tuple[str, Sequence[object]]], at_most: Sequence[int] | None = None
    ) -> list[int]:
        """Run changes in one transaction; returns affected rows per statement. Only the gate calls it.

        Values are bound: `?` stands for one in DuckDB, `%s` elsewhere. Where `%s` does, a per cent sign of the
        statement itself is written twice, whether values come with it or not; so it is in `examine`.

        Args:
            at_most: how many rows each statement may touch. One that touches more undoes them all.

        Raises:
            TooManyRows: a statement reached further than it was meant to; nothing was changed.
        """

    def structure(self) -> tuple[StoredTable, ...]:
        """Every table of the store, governed or not, as the database declares it now; ours are left out."""

    def examine(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Run one SELECT over whole tables (where they stand, not as the views show them) and fetch it all.

        Only for finding what is held about a person and for checking that it is gone: `gate/find.py`.
        """

    def purge(self, tables: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        """Take what was deleted from these tables out of the files, too, as far as this engine can.

        Returns:
            What it could not reach, in sentences; empty if nothing is left.
        """

    def close(self) -> None: ...
