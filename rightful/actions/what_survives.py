"""What of a customer's data has to outlive an erasure: by law, for its own fields, or while a hold lasts.

gather   purposes in the policy in force that survive erasure; holds in force; what was found of the person
decide   which of their tables and columns that comes to
act      nothing

Easy to get wrong: a duty to keep invoices is no duty to keep the address of somebody who
never bought anything; a table of which only keys are needed is not kept for their sake;
a hold on a whole table forbids to change rows of others in it, too.

Sources: GDPR Art. 17(3)(b), 17(3)(e); cases E01, E02.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from rightful.gate.erasure_plan import Keep
from rightful.gate.find import Found, Store
from rightful.policy.model import Purpose
from rightful.policy.periods import words
from rightful.terms import LawfulBasis, Survives
from rightful.workspace import Workspace


def what_survives(ws: Workspace, store: Store, found: Found, numbers: Collection[int]) -> tuple[Keep, ...]:
    """What the policy and the legal holds in force keep of these rows after an erasure.

    Args:
        numbers: the person's customer numbers.
    """
    kept = _held(ws, store, numbers)
    for purpose in ws.facts.policy.purposes.values():
        if Survives.ERASURE in purpose.survives and not purpose.abstract:
            kept += _needed(ws, purpose, store, found)
    return tuple(kept)


def _held(ws: Workspace, store: Store, numbers: Collection[int]) -> list[Keep]:
    """Legal holds that concern this person or everybody; they keep rows as they are (cases AC-063, E03)."""
    return [
        Keep(table, None, hold.reason, "GDPR 17(3)(e)", "the hold is released", "hold", hold.customers is None)
        for hold in ws.holds.in_force(ws.clock())
        if hold.customers is None or hold.customers & set(numbers)
        for table in sorted(store.tables)
        if hold.covers(table)
    ]


def _needed(ws: Workspace, purpose: Purpose, store: Store, found: Found) -> list[Keep]:
    fields: dict[str, set[str]] = defaultdict(set)
    for name in ws.facts.bound.fields_of(purpose.id):
        table, _, column = name.partition(".")
        fields[table].add(column)
    keys = _keys(ws, store)
    wanted = {table: columns for table, columns in fields.items() if columns - keys.get(table, set())}
    customers = ws.facts.customer_table().name
    others = [table for table in wanted if table != customers]
    if others and not any(found.rows.get(table) for table in others):
        return []  # nothing happened that the duty is about
    basis = sorted({b.citation or b.kind.value for b in purpose.basis.values()})
    law = any(b.kind is not LawfulBasis.LEGAL_CLAIMS for b in purpose.basis.values())
    return [
        Keep(
            table,
            frozenset(columns),
            f"{purpose.says.rstrip('.')} ({purpose.id}: {', '.join(basis)})",
            "GDPR 17(3)(b)" if law else "GDPR 17(3)(e)",
            words(purpose.keep) if purpose.keep else "",
        )
        for table, columns in wanted.items()
        if found.rows.get(table)
    ]


def _keys(ws: Workspace, store: Store) -> dict[str, set[str]]:
    """Columns that only hold rows together: the customer's key, and what a table is keyed by."""
    keys = {table.name: {table.key, *store.key(table.name)} for table in ws.facts.tables}
    for link in ws.link_book.confirmed():
        keys.setdefault(link.child, set()).update(link.columns)
        keys.setdefault(link.parent, set()).update(link.to)
    return keys
