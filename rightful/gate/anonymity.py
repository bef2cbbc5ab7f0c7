"""How many people look alike in what is held: groups of equal values, counted where the data lives.

One statement counts, for every combination of values of the chosen fields, how many people
share it. Only counts come back, never a value: a group of one is somebody.

Easy to get wrong: counting rows instead of people (somebody with ten orders is one); a
database that compares without regard to case makes groups look larger than they are, so
texts are compared byte for byte; rows that name nobody count as one person at most.

Sources: Sweeney 2002 (k-anonymity); Opinion 05/2014 of the Article 29 Working Party, 3.2.1
(k-anonymity does not stop linking or inference by itself); GDPR recital 26.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rightful.errors import BadInput, UnknownName
from rightful.gate.dispose import text_of
from rightful.gate.facts import Facts
from rightful.policy.names import split
from rightful.sources.contract import Source, StoredTable, TableInfo

if TYPE_CHECKING:
    from sqlglot import exp


class House(Protocol):
    """What a count needs of a workspace."""

    @property
    def facts(self) -> Facts: ...
    @property
    def source(self) -> Source: ...


@dataclass(frozen=True, slots=True)
class Groups:
    """People who share the values of the chosen fields.

    Attributes:
        rows: rows looked at. nobodys: those of them that name no customer.
        people: different people. groups: different combinations of values.
        smallest: people in the smallest group; 0 if there are none.
        under: people who are in a group of fewer than k. groups_under: such groups.
    """

    rows: int
    nobodys: int
    people: int
    groups: int
    smallest: int
    under: int
    groups_under: int


def count(house: House, table: str, by: Sequence[str], k: int, *, emptied: Sequence[str] = ()) -> Groups:
    """Count the groups of a table.

    Args:
        by: columns whose values together might single somebody out.
        k: a group of fewer people is small.
        emptied: look only at rows in which these columns are empty.

    Raises:
        UnknownName: there is no such table or column.
        BadInput: no column, a key, or a k below 2.
    """
    info, stored = _known(house, table, (*by, *emptied))
    if not by or info.key in by:
        raise BadInput("groups are formed by fields, and never by the customer's key", remedy="Name other fields")
    if k < 2:
        raise BadInput(f"a group of {k} is everybody's", remedy="k is 2 or more")
    tree = _groups(house, info, stored, by, k, emptied)
    [(rows, nobodys, people, groups, smallest, under, small)] = house.source.examine(
        text_of(tree, house.source.dialect)
    )
    return Groups(*(int(str(n or 0)) for n in (rows, nobodys, people, groups, smallest, under, small)))


def filled(house: House, fields: Sequence[str]) -> dict[str, int]:
    """Field -> rows in which something stands, one statement for each table."""
    from sqlglot import exp

    by_table: dict[str, list[str]] = {}
    for name in fields:
        table, column = split(name)
        by_table.setdefault(table, []).append(column)
    found = {}
    for table, columns in by_table.items():
        info, stored = _known(house, table, columns)
        counts = [exp.Count(this=exp.column(c, quoted=True)) for c in columns]
        tree = exp.select(*counts).from_(_place(info, stored))
        [row] = house.source.examine(text_of(tree, house.source.dialect))
        found.update({f"{table}.{c}": int(str(n)) for c, n in zip(columns, row, strict=True)})
    return found


def _groups(
    house: House, info: TableInfo, stored: StoredTable, by: Sequence[str], k: int, emptied: Sequence[str]
) -> exp.Expr:
    from sqlglot import exp

    key = exp.column(info.key, quoted=True)
    names = [f"v{place}" for place in range(len(by))]
    values = [
        exp.alias_(_as_stored(house, stored, column), name, quoted=True) for column, name in zip(by, names, strict=True)
    ]
    every = exp.select(exp.alias_(key, "who", quoted=True), *values).from_(_place(info, stored))
    for column in emptied:
        every = every.where(exp.column(column, quoted=True).is_(exp.Null()))

    def col(name: str) -> exp.Column:
        return exp.column(name, quoted=True)

    people = exp.select(col("who"), *(col(n) for n in names)).distinct().from_("seen")
    same = [col(n) for n in names]
    numbered = exp.select(
        col("who"),
        exp.alias_(exp.Window(this=exp.Count(this=exp.Star()), partition_by=same), "alike", quoted=True),
        exp.alias_(
            exp.Window(
                this=exp.RowNumber(),
                partition_by=[c.copy() for c in same],
                order=exp.Order(expressions=[exp.Ordered(this=col("who"))]),
            ),
            "place",
            quoted=True,
        ),
    ).from_("people")
    small = exp.LT(this=col("alike"), expression=exp.Literal.number(k))
    first = exp.EQ(this=col("place"), expression=exp.Literal.number(1))

    def ones(condition: exp.Expr) -> exp.Expr:
        return exp.Sum(this=exp.Case().when(condition, exp.Literal.number(1)).else_(exp.Literal.number(0)))

    def different(condition: exp.Expr) -> exp.Expr:
        """Different people of whom it is true; whoever has no key is one."""
        known = exp.Count(this=exp.Distinct(expressions=[exp.Case().when(condition.copy(), col("who"))]))
        nobody = exp.Max(
            this=exp.Case()
            .when(exp.and_(condition.copy(), col("who").is_(exp.Null())), exp.Literal.number(1))
            .else_(exp.Literal.number(0))
        )
        return exp.Add(this=known, expression=nobody)

    def from_seen(counted: exp.Expr) -> exp.Expr:
        return exp.select(counted).from_("seen").subquery()

    return (
        exp.select(
            from_seen(exp.Count(this=exp.Star())),
            from_seen(
                exp.Sub(this=exp.Count(this=exp.Star()), expression=exp.Count(this=exp.column("who", quoted=True)))
            ),
            different(exp.true()),
            ones(first.copy()),
            exp.Min(this=col("alike")),
            different(small),
            ones(exp.and_(first.copy(), small.copy())),
        )
        .from_("numbered")
        .with_("seen", as_=every)
        .with_("people", as_=people)
        .with_("numbered", as_=numbered)
    )


def _as_stored(house: House, stored: StoredTable, column: str) -> exp.Expr:
    """The value, compared byte for byte where the engine would fold case or accents."""
    from sqlglot import exp

    plain = exp.column(column, quoted=True)
    return (
        exp.cast(plain, "BINARY") if house.source.dialect == "mysql" and stored.column(column).type == "text" else plain
    )


def _known(house: House, table: str, columns: Sequence[str]) -> tuple[TableInfo, StoredTable]:
    info = house.facts.table(table)
    names = {c.name for c in info.columns}
    for column in columns:
        if column not in names:
            raise UnknownName(f"{table} has no column {column}", remedy="`rightful source list --fields` shows them")
    return info, next(t for t in house.source.structure() if t.name == table)


def _place(info: TableInfo, stored: StoredTable) -> exp.Table:
    from sqlglot import exp

    place = info.origin or stored.place
    return exp.table_(place[-1], db=place[0] if len(place) > 1 else None, quoted=True)
