"""What an erasure left and what it took, counted by comparing two copies of everything.

Written apart from the product: it knows the trap CRM (bench/traps.py) and plain SELECTs,
nothing of links, plans or identifiers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import traps

Dump = dict[str, dict[str, tuple[Any, ...]]]

FOREIGN_KEYS = [
    *(("customer", c, "address", "id") for c in ("address_id", "billing_address_id")),
    ("customer", "introduced_by", "customer", "id"),
    *((t, "customer_id", "customer", "id") for t in ("invoice", "orders", "referral")),
    ("referral", "referrer_id", "customer", "id"),
    ("joint_account", "customer_id", "customer", "id"),
    ("joint_account", "second_customer_id", "customer", "id"),
    ("order_line", "order_id", "orders", "id"),
    ("login_event", "login_email", "login", "email"),
    ("customer_cstm", "id_c", "customer", "id"),
]
HERS: Mapping[str, frozenset[str]] = {
    "customer": frozenset(["17", "18"]),
    "invoice": frozenset(["17", "18"]),
}
"""Rows of hers that stay, as empty as the law and other rows let them."""
MAY_CHANGE = {
    ("customer", "21", "introduced_by"),
    ("joint_account", "1", "customer_id"),
    ("message", "2", "from_email"),
    ("message", "2", "body"),
    ("note", "491", "body"),
}
"""Cells in rows of others that name her."""


@dataclass(frozen=True)
class Count:
    """Cells. `residue`: hers and still there; `collateral`: of others and changed or gone; `orphans`: rows."""

    residue: tuple[str, ...]
    collateral: tuple[str, ...]
    orphans: tuple[str, ...]
    names: Mapping[str, tuple[str, ...]]


def dump(source: Any) -> tuple[Dump, dict[str, tuple[str, ...]]]:
    """Every row of every table: table -> first column -> row; and the names of the columns."""
    rows: Dump = {}
    names: dict[str, tuple[str, ...]] = {}
    mark = "`" if source.dialect == "mysql" else '"'
    for table in source.structure():
        place = ".".join(f"{mark}{part}{mark}" for part in table.place)
        names[table.name] = tuple(c.name for c in table.columns)
        columns = ", ".join(f"{mark}{c.name}{mark}" for c in table.columns)
        found = source.examine(f"SELECT {columns} FROM {place}")
        rows[table.name] = {f"{row[0]}" if table.key else repr(row): tuple(row) for row in found}
    return rows, names


def is_hers(value: Any) -> bool:
    """Whether a cell holds something of hers: the canary, or her number in any spelling."""
    text = value.decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
    plain = text.lower().replace("joana.canary", "").replace("canaryasen", "")
    digits = "".join(c for c in plain if c.isdigit())
    return "canary" in plain or "15170707017" in digits


def compare(before: Dump, after: Dump, names: Mapping[str, tuple[str, ...]]) -> Count:
    residue, collateral = [], []
    for table, rows in after.items():
        for key, row in rows.items():
            for name, value in zip(names[table], row, strict=True):
                if is_hers(value):
                    residue.append(f"{table}.{name} of row {key[:40]}")
    derived = {"customer_card"}
    for table, rows in before.items():
        if table in derived:
            continue
        for key, row in rows.items():
            theirs = hers_entirely(table, key, row, names[table])
            now = after[table].get(key)
            if theirs:
                continue
            if now is None:
                collateral.append(f"{table} row {key[:40]} is gone")
                continue
            for name, old, new in zip(names[table], row, now, strict=True):
                if old != new and (table, key, name) not in MAY_CHANGE:
                    collateral.append(f"{table}.{name} of row {key} was changed")
    return Count(tuple(residue), tuple(collateral), tuple(_orphans(after, names)), names)


def hers_entirely(table: str, key: str, row: tuple[Any, ...], names: tuple[str, ...]) -> bool:
    """Whether a row is hers and nobody else's, by the rules of the trap CRM."""
    cell = dict(zip(names, row, strict=True))
    ana = set(traps.ANA)
    if table in ("customer", "invoice", "orders", "customer_cstm", "customer_history"):
        return cell.get("customer_id", cell.get("id_c", cell.get("id"))) in ana
    if table == "joint_account":
        return cell["id"] == 3
    if table == "order_line":
        return cell["order_id"] - 100 in ana
    if table == "note":
        mine = {("Customer", str(i)) for i in ana} | {("Order", str(100 + i)) for i in ana}
        return (cell["parent_type"], cell["parent_id"]) in mine
    if table == "attachment":
        return cell["resource"] in {f"crm.customer,{i}" for i in ana}
    if table == "search_index":
        return cell["entity"] == "customer" and cell["entity_id"] in ana
    if table == "address":
        return cell["id"] in (18, 117, 118)
    if table == "message":
        return cell["id"] in (1, 4)
    if table == "referral":
        return False
    return any(is_hers(value) for value in row)


def _orphans(after: Dump, names: Mapping[str, tuple[str, ...]]) -> Iterable[str]:
    for child, column, parent, to in FOREIGN_KEYS:
        if child not in after:
            continue
        keys = {dict(zip(names[parent], row, strict=True))[to] for row in after[parent].values()}
        for key, row in after[child].items():
            value = dict(zip(names[child], row, strict=True))[column]
            if value is not None and value not in keys:
                yield f"{child}.{column} of row {key} names no row of {parent}"
