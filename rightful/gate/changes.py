"""One change of customer data, as it is planned: which rows of which table, and what becomes of them.

A `Change` names its rows, a `Sweep` says what is true of them.

Easy to get wrong: a change without an upper limit of rows. `dispose.py` turns it into a
statement and undoes everything when it reaches further.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one table: delete the rows, or set columns in them.

    Attributes:
        table: its name in `Source.structure()`.
        by: the columns that pick the rows; every row of `rows` gives their values, None means NULL.
        rows: the rows; an empty list changes nothing.
        sets: column -> new value; None deletes the rows instead. Typed values, or text the engine reads.
        expected: how many rows there are at most; usually one for each of `rows`.
        as_text: compare the columns as text (for tables without a key, where all columns together pick).
    """

    table: str
    by: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    sets: Mapping[str, object] | None = None
    expected: int = 0
    as_text: bool = False

    @property
    def deletes(self) -> bool:
        return self.sets is None


@dataclass(frozen=True, slots=True)
class Sweep:
    """One change of all rows of a table of which a condition is true.

    Attributes:
        table: its name in `Source.structure()`.
        where: a tree made from the catalogue by the gate; `mark()` stands for each of `values`, in order.
        sets: column -> new value; None deletes the rows instead.
        most: rows that were counted before; more than that undoes the change.
    """

    table: str
    where: exp.Expr
    values: tuple[object, ...] = ()
    sets: Mapping[str, object] | None = None
    most: int = 0

    @property
    def deletes(self) -> bool:
        return self.sets is None

    @property
    def expected(self) -> int:
        return self.most
