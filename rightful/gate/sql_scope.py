"""What one SELECT can see: its sources, their columns, and who stands behind a row.

The customer's number travels beside the visible columns, on demand only, so that a
statement that does not need it stays small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlglot import exp

from rightful.gate import sql_words as words
from rightful.gate.permit import Column, Table

SUBJECT: Final = "__rf_no"


COUNTER: Final = "__rf_n"


Grain = Literal["free", "persons", "groups"]


@dataclass(frozen=True, slots=True)
class Kind:
    """Type of an expression: its family, and for columns the exact type where it is known."""

    family: str
    exact: str = ""
    literal: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One column that a source offers. `plain`: a governed column as it is, or an aggregate of many."""

    name: str
    kind: Kind
    lineage: frozenset[str]
    plain: bool
    role: Literal["value", "key", "aggregate"] = "value"


@dataclass(slots=True)
class Gate:
    """One place where a governed table is read, to be replaced by its gated subquery."""

    node: exp.Table
    table: Table
    alias: str
    used: dict[str, Column] = field(default_factory=dict)
    with_subject: bool = False
    text: str = ""


@dataclass(slots=True)
class Result:
    """What a query offers to whoever reads it."""

    fields: list[Field]
    grain: Grain
    hidden: Callable[[], tuple[list[str], str | None]]
    traceable: bool
    unique: bool = False
    aggregated: bool = False


@dataclass(slots=True)
class Source:
    """One entry of FROM."""

    alias: str
    fields: list[Field]
    grain: Grain
    gate: Gate | None = None
    result: Result | None = None
    nullable: bool = False
    merged: set[str] = field(default_factory=set)  # USING columns: the earlier source answers for them

    def subjects(self) -> list[exp.Expr]:
        if self.gate is not None:
            self.gate.with_subject = True
            return [column_node(self.alias, SUBJECT)]
        assert self.result is not None
        if self.grain != "persons":
            return []
        return [column_node(self.alias, name) for name in self.result.hidden()[0]]

    def counter(self) -> exp.Expr | None:
        if self.result is None or self.grain != "groups":
            return None
        name = self.result.hidden()[1]
        return column_node(self.alias, name) if name else None

    @property
    def traceable(self) -> bool:
        return self.gate is not None or (self.result is not None and self.result.traceable)

    @property
    def unique(self) -> bool:
        return self.gate.table.one_row_each if self.gate else bool(self.result and self.result.unique)


@dataclass(slots=True)
class Scope:
    """One SELECT: its sources, what it may read, and the SELECT around it (for messages only)."""

    ctes: dict[str, Result]
    outer: Scope | None
    sources: dict[str, Source] = field(default_factory=dict)
    nested: bool = False
    in_condition: bool = False


def column_node(table: str | None, name: str) -> exp.Column:
    return exp.Column(
        this=exp.Identifier(this=name, quoted=True),
        table=exp.Identifier(this=table, quoted=True) if table is not None else None,
    )


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, exp.And):
            stack += [one.this, one.expression]
        elif isinstance(one, exp.Paren):
            stack.append(one.this)
        else:
            yield one


def outside_queries(root: exp.Expr, *kinds: type[exp.Expr]) -> Iterator[Any]:
    stack = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, kinds):
            yield node
        if not isinstance(node, exp.Query):
            stack.extend(node.iter_expressions())


_NOT_A_WORD: Final = words.Word(frozenset(), {}, words.ANY)


def has(root: exp.Expr, *kinds: type[exp.Expr], over_windows: bool = True) -> bool:
    """Whether one of these stands below, in this SELECT; `over_windows=False` passes by `f() OVER ()`."""
    stack = [root]
    while stack:
        node = stack.pop()
        window = isinstance(node.parent, exp.Window) and node.arg_key == "this"
        ranking = isinstance(node, exp.AggFunc) and words.FUNCTIONS.get(type(node), _NOT_A_WORD).sort == "window"
        if isinstance(node, kinds) and (over_windows or not window) and not (ranking and exp.Window not in kinds):
            return True
        if not isinstance(node, exp.Query):
            stack.extend(node.iter_expressions())
    return False
