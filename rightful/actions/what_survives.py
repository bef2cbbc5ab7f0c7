"""What of a customer's data has to outlive an erasure: by law, for its own fields, for as long as it says.

gather   purposes in the policy in force that survive erasure; what was found of the person
decide   which of their tables and columns that comes to
act      nothing

Easy to get wrong: a duty to keep invoices is no duty to keep the address of somebody who
never bought anything; a table of which only keys are needed is not kept for their sake.

Sources: GDPR Art. 17(3)(b), 17(3)(e); cases E01, E02.
"""

from __future__ import annotations

from collections import defaultdict

from rightful.gate.erasure_plan import Keep
from rightful.gate.find import Found, Store
from rightful.policy.model import Purpose
from rightful.policy.periods import words
from rightful.terms import LawfulBasis, Survives
from rightful.workspace import Workspace


def what_survives(ws: Workspace, store: Store, found: Found) -> tuple[Keep, ...]:
    """What the policy in force keeps of these rows after an erasure; legal holds are added by the caller."""
    kept: list[Keep] = []
    for purpose in ws.facts.policy.purposes.values():
        if Survives.ERASURE in purpose.survives and not purpose.abstract:
            kept += _needed(ws, purpose, store, found)
    return tuple(kept)


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
