"""A CRM under the gate, and what is in its tables, read past the gate: for tests that compare before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.publish_policy import publish_policy
from rightful.gate.find import Found
from rightful.sources.contract import Source
from rightful.workspace import Workspace
from tests.actions.conftest import write_csv
from tests.crm.conftest import Crm

MAX, SAM = "max@meadow.example", "sam@meadow.example"
POLICY = """
rightful: 1
policy: {{name: Meadow, version: "1", owner: privacy@meadow.example, timezone: Europe/Berlin}}
unknown: {{jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}}
regimes:
  EU: {{laws: [gdpr, eprivacy], where: [DE], digital-consent-age: {{DE: 16}}}}
categories:
{categories}
roles:
  marketer: [newsletter]
  support: [service]
purposes:
  service:
    says: We help you.
    basis: contract
    needs: [keys, identity, contact]
  newsletter:
    says: We send you our letter.
    basis: consent
    channels: [email]
    needs: [keys, identity, contact]
"""


@contextmanager
def governed(
    crm: Crm,
    folder: Path,
    kind: str,
    table: str,
    *,
    mode: str,
    links: Mapping[str, str],
    categories: Mapping[str, Sequence[str]],
    agreed: Sequence[int] = (),
) -> Iterator[Workspace]:
    """A workspace over the CRM's database. `agreed`: numbers of the people who want the newsletter."""
    (folder / "address").write_text(crm.url)
    source = {"kind": kind, "url_file": str(folder / "address")}
    with Workspace.create(folder / "meadow", "meadow", source=source) as ws:
        register_source.attach_database(
            ws, schema="", customer_table=table, actor="eng@meadow.example", links=links,
            mode="column" if mode == "column" else "companion",
        )  # fmt: skip
        listed = "\n".join(f"  {name}: {{fields: [{', '.join(fields)}]}}" for name, fields in categories.items())
        (ws.path / "policy" / "meadow.yaml").write_text(POLICY.format(categories=listed), encoding="utf-8")
        publish_policy(ws, actor="olga@meadow.example", approver="paul@meadow.example")
        if agreed:
            rows = [_agreed(crm.key(no)) for no in agreed]
            register_source.import_consents(ws, write_csv(folder / "consent.csv", rows), actor="eng@meadow.example")
        for who, role in ((MAX, "marketer"), (SAM, "support")):
            appoint(ws, who, role, actor="olga@meadow.example")
        try:
            yield ws
        finally:
            uninstall: Any = ws.source
            uninstall.uninstall()


def _agreed(key: str) -> dict[str, str]:
    return {
        "event_id": f"g{key}", "customer_id": key, "kind": "given", "purpose": "newsletter", "channel": "email",
        "at": "2026-01-10T09:00:00Z", "until": "", "notice": "1", "method": "form", "evidence": f"form-{key}",
        "value": "",
    }  # fmt: skip


Rows = dict[str, Counter[tuple[str, ...]]]


def everything(source: Source) -> Rows:
    """Every row of every table of the CRM, each value as text."""
    quote = "`" if source.dialect == "mysql" else '"'
    found: Rows = {}
    for table in source.structure():
        names = ", ".join(f"{quote}{column.name}{quote}" for column in table.columns)
        place = ".".join(f"{quote}{part}{quote}" for part in table.place)
        found[table.name] = Counter(
            tuple(_text(value) for value in row) for row in source.examine(f"SELECT {names} FROM {place}")
        )
    return found


def _text(value: object) -> str:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def cells_with(rows: Rows, marks: Sequence[str]) -> Counter[str]:
    """How many cells of each table hold one of the marks: a search that knows nothing of links."""
    small = [mark.lower() for mark in marks]
    hits: Counter[str] = Counter()
    for table, counted in rows.items():
        for row, times in counted.items():
            hits[table] += times * sum(any(mark in cell.lower() for mark in small) for cell in row)
    return +hits


def rows_with(rows: Rows, marks: Sequence[str]) -> Counter[str]:
    """How many rows of each table hold one of the marks."""
    small = [mark.lower() for mark in marks]
    hits: Counter[str] = Counter()
    for table, counted in rows.items():
        for row, times in counted.items():
            if any(mark in cell.lower() for cell in row for mark in small):
                hits[table] += times
    return +hits


def families_in(rows: Rows, crm: Crm, without: int) -> Counter[str]:
    """How many rows name each of the other people, by their family names: what an erasure must not touch."""
    names = {p.family.lower() for p in crm.persons if p.no != without}
    found: Counter[str] = Counter()
    for counted in rows.values():
        for row, times in counted.items():
            for word in {word for cell in row for word in _words(cell)} & names:
                found[word] += times
    return found


def found_of(rows: Rows, found: Found, marks: Sequence[str]) -> Counter[str]:
    """How many of the rows that hold a mark a search by links and texts has found, by table."""
    known = {(table, one): held.row for table, mine in found.rows.items() for one, held in mine.items()}
    known |= {place: spot.row for place, spot in (*found.spared.items(), *found.mentions.items())}
    known |= {(hit.row.table, hit.row.id): hit.row for hit in found.texts}
    small = [mark.lower() for mark in marks]
    hits: Counter[str] = Counter()
    for (table, _), row in known.items():
        hits[table] += any(mark in _text(value).lower() for value in row.values.values() for mark in small)
    return +hits


def differences(before: Rows, after: Rows) -> tuple[Counter[str], Counter[str]]:
    """Rows that are gone and rows that are new, by table; a changed row counts in both."""
    gone = Counter({table: (before[table] - after[table]).total() for table in before})
    new = Counter({table: (after[table] - before[table]).total() for table in after})
    return +gone, +new


def _words(cell: str) -> set[str]:
    text = "".join(c if c.isalpha() else " " for c in cell.lower())
    words = set(text.split())
    return words | {word.removesuffix("weg") for word in words}


__all__ = [
    "MAX", "SAM", "cells_with", "differences", "everything", "families_in", "found_of", "governed", "rows_with",
]  # fmt: skip
