"""What is made from customer data is kept where the gate can reach it, with what it was made from.

A score, a segment or an extract becomes a governed table of the embedded store: rows of
customers who may be used for its purpose now, each under the customer's number and
flags. From then on a reader needs the permission for their own purpose and for the one
it was made for, so a withdrawal reaches it on the very next read; `out_of_reach` names
the rows that are to go for good.

Easy to get wrong: a score of a forbidden field is forbidden, too; a name that is a real
table's; somebody who says no while the table is being written.

Sources: GDPR Art. 5(1)(b), (e), 7(3), 17; DESIGN section 4 (derived data); CJEU C-634/21.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rightful.consent import rules
from rightful.errors import BadInput, NotPermitted, SourceUnavailable
from rightful.gate import use
from rightful.gate.request import Request
from rightful.gate.use import House, Overtaken, fenced
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.sharing.models import Derived
from rightful.terms import EventKind

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

KINDS = ("score", "segment", "extract")
MOST_TRIES = 8
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def keep(
    house: House,
    request: Request,
    name: str,
    kind: str,
    rows: pa.Table,
    key: str,
    columns: Mapping[str, Sequence[str]],
) -> tuple[Derived, int]:
    """Keep rows made from customers; returns what is on record, and how many rows there are.

    Args:
        rows: one row or several for each customer; nobody who may not be used for the purpose stays in.
        key: the column with the customer's key.
        columns: every other column -> the fields it was made from.

    Raises:
        NotPermitted: the purpose may not be pursued, gives counts only, or does not permit a source; recorded.
        BadInput: a name that is taken or reserved, a kind nobody knows, a column without sources.
        SourceUnavailable: the data lies in a database of its owner.
    """
    store = house.source
    from rightful.sources.duckdb import DuckDBSource  # loads the engine: not before it is needed

    if not isinstance(store, DuckDBSource):
        raise SourceUnavailable(
            "derived tables are kept in the embedded store, and this data lies in a database of its own",
            remedy="Write it there yourself, and note where it lies: `rightful source note`",
        )
    plan = house.facts.plan(request, house.ledger.check_clock())
    whole = _resolved(house, columns)
    _check(house, name, kind, rows, key, whole)
    if plan.refused or plan.ask is None:
        use.refuse(house, request, "")
    if plan.ask.purpose.aggregates_only:
        raise NotPermitted(f"{request.purpose} gives counts only, so nothing of single customers is kept")
    allowed = {f.field for f in plan.fields if f.allowed}
    if lacking := sorted({s for sources in whole.values() for s in sources} - allowed):
        raise NotPermitted(f"{request.purpose} does not permit {lacking[0]}, so nothing may be made from it")
    customer = house.facts.customer_table()
    kept: list[Derived] = []
    for _ in range(MOST_TRIES):
        bulk = house.facts.bulk(plan, house.ledger.check_clock())

        def record(numbers: NDArray[np.uint32], position: int = bulk.position) -> None:
            from pyroaring import BitMap

            subjects = bytes(BitMap(numbers).serialize())
            public = {
                "table": name,
                "what": kind,
                "purpose": plan.request.purpose,
                "channel": plan.request.channel,
                "role": plan.request.role,
                "fields": sorted({s for sources in whole.values() for s in sources}),
                "customers": len(numbers),
            }

            def note(tx: Tx, entries: list[Entry]) -> None:
                entry = entries[0]
                lineage = {key: (f"{customer.name}.{customer.key}",), **whole}
                made = Derived(
                    name,
                    kind,
                    plan.request.purpose,
                    plan.request.channel,
                    lineage,
                    entry.at,
                    entry.index,
                    len(numbers),
                )
                house.sharing.note_derived(tx, made)
                kept[:] = [made]

            draft = Draft("derived.kept", public, {"actor": request.actor}, subjects=subjects)
            use.put_on_record(house, [draft], fenced(house, position, subjects, note))

        try:
            count = store.put_derived(name, rows, key, flag=bulk.flag, tail=bulk.tail, before_commit=record)
        except Overtaken:
            continue
        house.facts.rebuild()
        return kept[0], count
    raise SourceUnavailable("customers in this table kept changing their choices", remedy="Try again")


def drop(house: House, name: str) -> None:
    """Take a derived table away as a whole."""
    from rightful.sources.duckdb import DuckDBSource

    assert isinstance(house.source, DuckDBSource)  # it was kept, so it lies in the embedded store
    house.source.drop_derived(name)


def out_of_reach(house: House, made: Derived) -> list[tuple[int, object]]:
    """(number, key) of every row of a derived table that may not stay: its customer said no since, or its
    purpose is no longer pursued."""
    table = house.facts.table(made.name)
    now = house.ledger.check_clock()
    plan = house.facts.plan(Request("", "", made.purpose, made.channel), now)
    found: list[tuple[int, object]] = []
    rests = _restricted(house, made)
    with house.source.whole(made.name, [table.key]) as reader:
        for batch in reader:
            numbered = batch.filter(batch.column(use.NUMBER).is_valid())
            numbers = numbered.column(use.NUMBER).to_numpy(zero_copy_only=False)
            if plan.ask is None:
                fine = np.zeros(len(numbers), np.bool_)
            else:
                fine = use.bits_of(house.facts.permitted(plan, now), numbers) & ~np.isin(numbers, rests)
            keys = numbered.column(table.key).to_pylist()
            found += [(int(no), own) for no, own, stays in zip(numbers, keys, fine, strict=True) if not stays]
    return found


def _restricted(house: House, made: Derived) -> NDArray[np.uint32]:
    """Customers who asked that a field this was made from rests (GDPR Art. 18)."""
    facts = house.facts
    scopes = {*made.sources, *(facts.bound.category_of.get(s, "") for s in made.sources)}
    found = []
    for no in facts.consent.numbers_with(EventKind.RESTRICTED):
        active = rules.active_scopes(facts.subject(no).events, EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED)
        if active & scopes:
            found.append(no)
    return np.array(found, np.uint32)


def _resolved(house: House, columns: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Sources that are themselves derived, replaced by what those were made from."""
    lineage = house.sharing.derived_fields()
    return {
        column: tuple(sorted({origin for s in sources for origin in (lineage.get(s) or (s,))}))
        for column, sources in columns.items()
    }


def _check(
    house: House, name: str, kind: str, rows: pa.Table, key: str, columns: Mapping[str, tuple[str, ...]]
) -> None:
    if kind not in KINDS:
        raise BadInput(f"{kind} is nothing that is made from customer data", remedy="One of " + ", ".join(KINDS))
    names = rows.column_names
    if not _NAME.fullmatch(name) or any(not _NAME.fullmatch(n) for n in names) or len(set(names)) != len(names):
        raise BadInput("a table and its columns have names of small letters, digits and _", remedy="Rename them")
    if name.startswith("rf_") or any(n.startswith("rf_") for n in names):
        raise BadInput("names that begin with rf_ are reserved", remedy="Give it another name")
    taken = {t.name for t in house.facts.tables} - {made.name for made in house.sharing.derived()}
    if name in taken:
        raise BadInput(f"there is a table {name} already", remedy="Give it another name")
    if key not in names:
        raise BadInput(f"there is no column {key} with the customer's key", remedy="Name it: key=...")
    for column in names:
        if column != key and not columns.get(column):
            raise BadInput(f"nobody says what {column} was made from", remedy="Name the fields: sources=[...]")
