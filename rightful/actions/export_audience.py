"""A list of customers is made, for a channel or a recipient.

gather   the audience (a SELECT of customer keys), the purpose's fields
decide   the gate: who of them may be contacted, in which form each field leaves
act      entry first; then the rows, with an expiry, and beside them a signed note of both

Easy to get wrong: a field used to choose the audience is used, also when it does not
leave; yesterday's list is not today's permission (AC-012).

Sources: GDPR Art. 5(1)(b), (c), 28; cases R02-R06.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightful.actions.unsubscribe import unsubscribe_column
from rightful.actions.use_data import request_for
from rightful.consent.files import digest_of, settle
from rightful.errors import SqlRefused
from rightful.gate import release, use
from rightful.ledger.canonical import canonical
from rightful.ledger.entry import instant
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

GOOD_FOR_HOURS = release.GOOD_FOR_US // 3_600_000_000
NOTE = ".rightful.json"
SIGNED_AS = b"rightful/list/v1\n"


@dataclass(frozen=True, slots=True)
class Export:
    """What left: how many rows of which columns, the use they belong to, and the file if one was written.

    `table` holds the rows only where no file was asked for.
    """

    table: pa.Table
    use: use.Use
    path: Path | None
    rows: int
    columns: tuple[str, ...]


def export_audience(
    ws: Workspace,
    actor: str,
    purpose: str,
    audience: str = "",
    *,
    channel: str = "",
    recipient: str = "",
    path: Path | None = None,
    unsubscribe_links: bool = False,
) -> Export:
    """Export the permitted customers of an audience with the fields the purpose needs.

    Args:
        audience: a SELECT of customer keys; "" is everybody.
        path: .csv or .parquet to write, in memory of one batch; appears only once the use is on record.
            Beside it `<path>.rightful.json` says which entry it belongs to and until when it may be used.

        unsubscribe_links: a column `unsubscribe_url` for the mail program: one link per customer and list.

    Raises:
        NotPermitted, SqlRefused: nothing left; recorded.
    """
    request = request_for(ws, actor, purpose, channel, recipient)
    added = unsubscribe_column(ws, purpose, channel) if unsubscribe_links else None
    plan = ws.facts.plan(request, ws.ledger.check_clock())
    table = ws.facts.customer_table()
    prefix = table.name + "."
    fields = [f.field.removeprefix(prefix) for f in plan.fields if f.allowed and f.field.startswith(prefix)]
    if plan.refused or not fields:
        use.refuse(ws, request, audience)
    statement = list_statement(table.name, table.key, fields, audience, ws.source.dialect)
    chosen_by = replace(plan.request, recipient="")
    writer = _InMemory() if path is None else _File(path)
    try:
        used = release.export(
            ws,
            request,
            statement,
            writer,
            ws.path / "outbox" if path is None else path.parent,
            chosen_by=chosen_by,
            added=added,
        )
        if path is not None:
            assert isinstance(writer, _File)
            _write_note(ws, used, writer)
            settle(writer.part, path)
    finally:
        writer.clear()
    columns = tuple(used.table.column_names)
    if isinstance(writer, _InMemory):
        used = replace(used, table=writer.table)
    return Export(used.table, used, path, writer.rows, columns)


def list_statement(table: str, key: str, fields: list[str], audience: str, dialect: str) -> str:
    """SELECT the fields of the customers whose key is in the audience."""
    import sqlglot
    from sqlglot import exp

    chosen = exp.select(*(exp.column(f) for f in fields)).from_(table)
    if audience.strip():
        try:
            inner = sqlglot.parse_one(audience, read=dialect)
        except sqlglot.errors.SqlglotError as fault:
            raise SqlRefused("the audience is not one SELECT of customer keys") from fault
        if not isinstance(inner, exp.Query):
            raise SqlRefused("the audience is not a SELECT")
        chosen = chosen.where(exp.column(key).isin(query=inner))
    return chosen.sql(dialect)


def note_path(path: Path) -> Path:
    """Where the signed note of a list lies."""
    return path.with_name(path.name + NOTE)


def _write_note(ws: Workspace, used: use.Use, writer: _File) -> None:
    """What the file is, until when it is good, and which entry it belongs to; signed with the ledger's key."""
    request = used.decision.request
    said: dict[str, Any] = {
        "what": "a list of customers that may be used for one purpose until it expires",
        "workspace": ws.name,
        "log": ws.ledger.origin,
        "entry": used.entry.index,
        "file": writer.path.name,
        "sha256": digest_of(writer.part),
        "rows": writer.rows,
        "columns": list(used.table.column_names),
        "purpose": request.purpose,
        "channel": request.channel,
        "recipient": request.recipient,
        "made_at": instant(used.entry.at),
        "good_until": instant(used.entry.at + release.GOOD_FOR_US),
        "before_use": "hand it over with `rightful share send`: who has said no since is left out there, not here",
    }
    said["signature"] = base64.b64encode(ws.keys.sign(SIGNED_AS + canonical(said))).decode()
    place = note_path(writer.path)
    part = place.with_name(place.name + ".part")
    part.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    settle(part, place)


class _InMemory:
    """Keeps the rows as one table."""

    def begin(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._batches: list[pa.RecordBatch] = []

    def add(self, rows: pa.RecordBatch) -> None:
        self._batches.append(rows)

    def end(self) -> None:
        return

    def clear(self) -> None:
        return

    @property
    def table(self) -> pa.Table:
        import pyarrow as pa

        return pa.Table.from_batches(self._batches, self._schema)

    @property
    def rows(self) -> int:
        return sum(batch.num_rows for batch in self._batches)


class _File:
    """Writes .csv or .parquet beside the place where the file will appear."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self.rows = 0
        self._sink: Any = None

    def begin(self, schema: pa.Schema) -> None:
        import pyarrow.csv as csv
        import pyarrow.parquet as parquet

        self.rows = 0
        self.part.touch(mode=0o600)
        make = parquet.ParquetWriter if self.path.suffix == ".parquet" else csv.CSVWriter
        self._sink = make(str(self.part), schema)

    def add(self, rows: pa.RecordBatch) -> None:
        self._sink.write_batch(rows)
        self.rows += rows.num_rows

    def end(self) -> None:
        self._sink.close()
        self._sink = None

    def clear(self) -> None:
        """Leave nothing behind of a list that was not released."""
        if self._sink is not None:
            self._sink.close()
        self.part.unlink(missing_ok=True)


def write_table(table: pa.Table, path: Path) -> None:
    """Write .csv or .parquet; the file appears whole or not at all."""
    writer = _File(path)
    try:
        writer.begin(table.schema)
        for batch in table.to_batches():
            writer.add(batch)
        writer.end()
        settle(writer.part, path)
    finally:
        writer.clear()
