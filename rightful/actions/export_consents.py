"""The consent record leaves as a file that any system can read, and that Rightful can import again.

gather   segments and single events, and who of the customers the stated purpose may touch
decide   the gate: nobody's choices leave for a purpose that may not touch them
act      entry first, then the file; it appears whole or not at all

Easy to get wrong: choices are personal data. A copy of all of them is a use of all of them.

Sources: GDPR Art. 5(1)(b), 7(1), 20; ISO/IEC TS 27560:2023.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rightful.actions.use_data import request_for
from rightful.consent.importing import COLUMNS
from rightful.errors import BadInput, NotPermitted
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

NEVER = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Exported:
    """What left: events, the customers they are about, the file, the ledger entry."""

    rows: int
    customers: int
    withheld: int
    path: Path
    entry: int


def export_consents(ws: Workspace, actor: str, purpose: str, path: Path) -> Exported:
    """Write all consent events of the customers whom a purpose may touch, as .csv or .parquet.

    Raises:
        NotPermitted: the actor's role does not pursue this purpose; recorded.
        BadInput: the file's ending is neither .csv nor .parquet.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyroaring import BitMap

    if path.suffix not in (".csv", ".parquet"):
        raise BadInput(f"{path.name} is neither .csv nor .parquet", remedy="End the file's name in .csv or .parquet")
    now = ws.ledger.check_clock()
    request = request_for(ws, actor, purpose)
    plan = ws.facts.plan(request, now)
    if plan.refused:
        codes = sorted({r.code for r in plan.reasons} | {r.code for f in plan.fields for r in f.reasons})
        draft = Draft("use.refused", {"purpose": purpose, "role": request.role, "codes": codes}, {"actor": actor})
        ws.journal.record([draft])
        why = "; ".join(r.sentence for r in plan.reasons) or "nothing of it is permitted"
        raise NotPermitted(f"{request.role} may not export consents for {purpose}: {why}")
    known = ws.facts.bulk(plan, now).known
    permitted = np.unpackbits(ws.facts.permitted(plan, now), count=known, bitorder="little").astype(bool)
    events = _events(ws)
    numbers = events.column("no").to_numpy()
    inside = (numbers < known) & permitted[np.minimum(numbers, max(known - 1, 0))] if known else numbers < 0
    kept = events.filter(pa.array(inside))
    people = np.unique(kept.column("no").to_numpy())
    keys = _keys(ws)
    names = pc.index_in(kept.column("no"), value_set=keys.column("no"))
    table = kept.append_column("customer_id", keys.column("key").take(names)).select(list(COLUMNS))
    everybody = len(np.unique(numbers))
    public = {"purpose": purpose, "role": request.role, "rows": table.num_rows, "customers": len(people)}
    draft = Draft("consent.exported", public, {"actor": actor, "file": path.name}, subjects=_bits(BitMap(people)))
    entry = ws.journal.record([draft])[0]
    _write(table, path)
    return Exported(table.num_rows, len(people), everybody - len(people), path, entry.index)


def _bits(bitmap: object) -> bytes:
    return bytes(bitmap.serialize())  # type: ignore[attr-defined]


def _events(ws: Workspace) -> pa.Table:
    """All events in the columns of an import, and the customer's number."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as parquet

    text = ("event_id", "kind", "purpose", "channel", "notice", "method", "evidence", "value")
    parts = []
    for segment in ws.consent.segments():
        found = parquet.read_table(ws.consent.segment_path(segment), columns=["no", "at", "until", *text])
        parts.append(found.select(["no", "at", "until", *text]))
    singles = ws.consent.since(0)
    columns: dict[str, list[object]] = {name: [] for name in ("no", "at", "until", *text)}
    for stored in singles:
        e = stored.event
        values = (e.id, e.kind.value, e.purpose, e.channel, e.notice, e.method.value, e.evidence, e.value)
        for name, value in zip(text, values, strict=True):
            columns[name].append(value)
        columns["no"].append(stored.no)
        columns["at"].append(e.at_us)
        columns["until"].append(NEVER if e.until_us is None else e.until_us)
    types = [("no", pa.uint32()), ("at", pa.int64()), ("until", pa.int64()), *((n, pa.string()) for n in text)]
    schema = pa.schema(types)
    parts.append(pa.table(columns, schema=schema))
    table = pa.concat_tables([part.cast(schema) for part in parts])
    limit = pc.if_else(pc.equal(table.column("until"), NEVER), None, table.column("until"))
    for name, us in (("at", table.column("at")), ("until", limit)):
        words = pc.strftime(us.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
        table = table.set_column(table.column_names.index(name), name, pc.fill_null(words, ""))
    return table


def _keys(ws: Workspace) -> pa.Table:
    import pyarrow as pa

    batches = [
        pa.table({"no": pa.array(numbers, pa.uint32()), "key": pa.array(keys, pa.string())})
        for numbers, keys in ws.source.customer_keys()
    ]
    empty = pa.table({"no": pa.array([], pa.uint32()), "key": pa.array([], pa.string())})
    return pa.concat_tables(batches).combine_chunks() if batches else empty


def _write(table: pa.Table, path: Path) -> None:
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    part = path.with_name(path.name + ".part")
    try:
        if path.suffix == ".parquet":
            parquet.write_table(table, part)
        else:
            csv.write_csv(table, part, csv.WriteOptions(quoting_style="needed"))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
