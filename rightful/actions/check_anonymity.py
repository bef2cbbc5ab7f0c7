"""How many people look alike in what stays after fields were emptied: before anybody calls it anonymous.

gather   the fields whose values together might single somebody out, counts of equal combinations
decide   nothing: the numbers are the answer
act      the count is recorded, with the fields and the numbers

Easy to get wrong: calling the result anonymous. Groups of k say that nobody is alone with
these fields; they say nothing about fields that were not named, or about what everybody of
a group has in common.

Sources: GDPR recital 26; Opinion 05/2014 of the Article 29 Working Party, 3.2.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from rightful.actions.show_data import GAVE, origin_of
from rightful.errors import BadInput
from rightful.gate import anonymity
from rightful.gate import schedules as plans
from rightful.gate.anonymity import Groups
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

K = 5


@dataclass(frozen=True, slots=True)
class Alike:
    """The numbers. `with_also_emptied`: field -> people who would still be in small groups if it went, too."""

    table: str
    by: tuple[str, ...]
    emptied: tuple[str, ...]
    k: int
    groups: Groups
    with_also_emptied: dict[str, int] = field(default_factory=dict)
    entry: int = -1


def check_anonymity(
    ws: Workspace,
    *,
    actor: str,
    table: str = "",
    by: Sequence[str] = (),
    emptied: Sequence[str] = (),
    k: int = K,
) -> Alike:
    """Count people who share the values of the chosen fields.

    Args:
        table: the customer table unless another is named.
        by: columns; () are those that customers gave and that hold no key.
        emptied: columns that were emptied: only rows without a value in them are looked at.
        k: groups of fewer people are counted as small.

    Raises:
        UnknownName, NotFound: there is no such table or column.
        BadInput: nothing to form groups by, a key, or a k below 2.
    """
    ws.ledger.check_clock()
    ws.facts.look_again()
    name = table or ws.facts.customer_table().name
    columns = tuple(dict.fromkeys(by)) or _given(ws, name, emptied)
    if not columns:
        raise BadInput(f"no field of {name} came from the customer", remedy="Name the fields to group by")
    groups = anonymity.count(ws, name, columns, k, emptied=emptied)
    also = {}
    if groups.under and len(columns) > 1:
        for column in columns:
            rest = [c for c in columns if c != column]
            also[column] = anonymity.count(ws, name, rest, k, emptied=emptied).under
    public = {
        "table": name,
        "by": list(columns),
        "emptied": list(emptied),
        "k": k,
        "people": groups.people,
        "groups": groups.groups,
        "smallest": groups.smallest,
        "under": groups.under,
    }
    entry = ws.journal.record([Draft("retention.groups-counted", public, {"actor": actor})])[0]
    return Alike(name, columns, tuple(emptied), k, groups, also, entry.index)


def _given(ws: Workspace, table: str, emptied: Sequence[str]) -> tuple[str, ...]:
    """Fields of a table that customers gave, and that hold no key."""
    info = ws.facts.table(table)
    policy, bound = ws.facts.policy, ws.facts.bound
    scene = plans.Scene(bound, ws.facts.tables, {t.name: t for t in ws.source.structure()}, date.min)
    keys = plans.key_columns(scene, info)
    own = info.customer_table
    return tuple(
        c.name
        for c in info.columns
        if c.name not in keys
        and c.name not in emptied
        and origin_of(policy, bound.category_of.get(f"{table}.{c.name}", ""), own_table=own) == GAVE
    )
