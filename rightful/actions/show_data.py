"""Everything that is held about a customer: what, why, from where, until when; and a copy to take along.

gather   their rows, what kind of data each field is, which purposes need it
decide   nothing
act      reading one's own data is recorded like any other use

Easy to get wrong: a value that a spreadsheet would run as a formula; a copy that says
less than the page; delicate data and free texts shown to whoever reads the mailbox: here
stands only that they are there, and a request gives them, once it is sure who asks.

Sources: GDPR Art. 15(1), 15(3), 20(1); UX portal P4; abuse cases AC-017, AC-021, AC-032; CWE-1236.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from rightful.actions.customer_words import Label, category_name, field_name, keep_words, said_by, table_name
from rightful.gate import use
from rightful.ledger.record import Draft
from rightful.policy.model import Category, Period, Policy, Purpose
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GAVE, SAW, INFERRED, OTHERS = ORIGINS = ("gave", "saw", "inferred", "others")
MOST_ROWS = 200
FORMATS = ("json", "csv", "html")

_OF_SOURCE = {"you": GAVE, "use": SAW, "worked-out": INFERRED, "others": OTHERS, "public": OTHERS}
_OF_NAME = {
    "behaviour": SAW, "orders": SAW, "history": SAW, "campaign": SAW, "calls": SAW,
    "inferred": INFERRED, "score": INFERRED, "segment": INFERRED, "standing": INFERRED,
}  # fmt: skip


class Delicate(Enum):
    """Stands for a value that is there, and that only a request gives out (identity level 2)."""

    VALUE = "delicate"


_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Reason:
    """A purpose that needs a field, and how long for."""

    purpose: str
    says: str
    keep: Period | None


@dataclass(frozen=True, slots=True)
class Held:
    """One field: where it came from, what for, and its value in the customer's own row (else None)."""

    field: str
    label: Label
    value: object
    reasons: tuple[Reason, ...]
    origin: str
    source_name: str
    category: str
    correctable: bool
    special: bool

    @property
    def purposes(self) -> tuple[str, ...]:
        return tuple(reason.purpose for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class DataGroup:
    """Fields of the customer's own row that are of one kind."""

    category: str
    label: str
    origin: str
    rows: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class DataTable:
    """Rows in another table (orders, visits). `count` is how many there are; `rows` the first of them."""

    table: str
    label: str
    origin: str
    columns: tuple[Held, ...]
    rows: tuple[tuple[object, ...], ...]
    count: int


@dataclass(frozen=True, slots=True)
class MyData:
    groups: tuple[DataGroup, ...]
    tables: tuple[DataTable, ...]
    at: datetime
    entry: int


def my_data(ws: Workspace, key: str, *, language: str = "en", most: int = MOST_ROWS) -> MyData:
    """Everything held, grouped by kind and by where it came from. The reading is recorded."""
    no = ws.number_of(key)
    rows_of = use.own_data(ws, no)
    own = ws.facts.customer_table()
    policy = ws.facts.policy
    groups: dict[tuple[str, str], list[Held]] = {}
    tables = []
    for table, rows in rows_of.items():
        if table == own.name and len(rows) == 1:
            for column, value in rows[0].items():
                if value is not None:
                    held = _held(ws, table, column, language, value, correctable=column != own.key)
                    groups.setdefault((held.category, held.origin), []).append(held)
        elif rows:
            columns = tuple(_held(ws, table, column, language) for column in rows[0])
            shown = tuple(
                tuple(_shown(c, v) for c, v in zip(columns, row.values(), strict=True)) for row in rows[:most]
            )
            tables.append(
                DataTable(table, table_name(policy, table, language), columns[0].origin, columns, shown, len(rows))
            )
    ranked = sorted(groups.items(), key=lambda item: (ORIGINS.index(item[0][1]), item[0][0]))
    made = tuple(DataGroup(c, category_name(policy, c, language), o, tuple(held)) for (c, o), held in ranked)
    newest = ws.ledger.entries_of(ws.subject_id(no))[-1]
    return MyData(made, tuple(tables), EPOCH + timedelta(microseconds=ws.clock()), newest)


def copy_of_my_data(ws: Workspace, key: str, form: str, *, language: str = "en") -> tuple[MyData, bytes]:
    """A copy to take along, as JSON or CSV; ("html", b"") leaves the page to the door. Recorded as a copy."""
    no = ws.number_of(key)
    data = my_data(ws, key, language=language, most=1_000_000)
    ws.journal.record([Draft("use.own-copy", {"form": form}, {"actor": "self"}, ws.subject_id(no))])
    if form == "json":
        return data, _as_json(ws, data)
    return data, _as_csv(data) if form == "csv" else b""


def origin_of(policy: Policy, category: str, *, own_table: bool) -> str:
    """Where a kind of data came from: as the policy says, else by the kind's name."""
    found = policy.categories.get(category)
    if found is not None and found.source:
        return _OF_SOURCE[found.source]
    return _OF_NAME.get(category, GAVE if own_table else SAW)


def is_special(category: Category | None) -> bool:
    return category is not None and bool(category.special or category.treat_as_special)


def _held(
    ws: Workspace, table: str, column: str, language: str, value: object = None, *, correctable: bool = False
) -> Held:
    policy, bound = ws.facts.policy, ws.facts.bound
    name = f"{table}.{column}"
    category = bound.category_of.get(name, "")
    origin = origin_of(policy, category, own_table=table == ws.facts.customer_table().name)
    known = policy.categories.get(category)
    return Held(
        field=name,
        label=field_name(policy, name, language),
        value=Delicate.VALUE if value is not None and is_special(known) else value,
        reasons=tuple(Reason(p.id, said_by(policy, p, language), p.keep) for p in _serves(ws, name)),
        origin=origin,
        source_name=known.source_name if known else "",
        category=category,
        correctable=correctable and origin == GAVE and bool(category),
        special=is_special(known),
    )


def _shown(column: Held, value: object) -> object:
    return Delicate.VALUE if value is not None and column.special else value


def _serves(ws: Workspace, name: str) -> Iterator[Purpose]:
    for purpose in ws.facts.policy.purposes.values():
        if not purpose.abstract and name in ws.facts.bound.fields_of(purpose.id):
            yield purpose


# --- copies ----------------------------------------------------------------------------------------


def _as_json(ws: Workspace, data: MyData) -> bytes:
    """Machine-readable (GDPR Art. 20(1)): every field with its meaning, then the tables."""
    document = {
        "format": "rightful/my-data/1",
        "organisation": ws.facts.policy.name,
        "policy": ws.facts.policy.version,
        "at": data.at.isoformat(timespec="seconds"),
        "ledger_entry": data.entry,
        "fields": [{**_meaning(held), "value": _plain(held.value)} for g in data.groups for held in g.rows],
        "tables": [
            {
                "table": table.table,
                "fields": [_meaning(column) for column in table.columns],
                "rows": [
                    {c.field.rpartition(".")[2]: _plain(v) for c, v in zip(table.columns, row, strict=True)}
                    for row in table.rows
                ],
            }
            for table in data.tables
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n"


def _meaning(held: Held) -> dict[str, Any]:
    return {
        "field": held.field,
        "label": str(held.label),
        "kind": held.category or None,
        "delicate": held.special,
        "from": held.origin,
        "purposes": [{"purpose": r.purpose, "says": r.says, "kept": keep_words(r.keep) or None} for r in held.reasons],
    }


def _as_csv(data: MyData) -> bytes:
    """One line for each value; UTF-8 with a mark, so that spreadsheets read it right."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(("table", "row", "field", "label", "value", "from", "purposes"))
    for held, row, value in _values(data):
        table, _, column = held.field.rpartition(".")
        cells = (table, row, column, held.label, _plain(value), held.origin, " | ".join(r.says for r in held.reasons))
        writer.writerow([_harmless(cell) for cell in cells])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _values(data: MyData) -> Iterator[tuple[Held, int, object]]:
    for group in data.groups:
        yield from ((held, 1, held.value) for held in group.rows)
    for table in data.tables:
        for number, row in enumerate(table.rows, 1):
            yield from ((c, number, v) for c, v in zip(table.columns, row, strict=True) if v is not None)


def _harmless(cell: object) -> str:
    """A spreadsheet would run what begins like a formula; with an apostrophe it is text."""
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _plain(value: object) -> Any:
    if value is Delicate.VALUE:
        return "(delicate: ask for it in a request)"
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else str(value)
