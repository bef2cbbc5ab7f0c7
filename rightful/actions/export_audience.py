"""A list of customers leaves for a channel or a recipient.

gather   the audience (a SELECT of customer keys), the purpose's fields
decide   the gate: who of them may be contacted, in which form each field leaves
act      entry first; then the rows, with an expiry and the ledger entry they belong to

Easy to get wrong: a field used to choose the audience is used, also when it does not
leave; yesterday's list is not today's permission (AC-012).

Sources: GDPR Art. 5(1)(b), (c), 28; cases R02-R06.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rightful.actions.use_data import request_for
from rightful.errors import SqlRefused
from rightful.gate import use
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

GOOD_FOR_HOURS = 24


@dataclass(frozen=True, slots=True)
class Export:
    """What left: the rows, the use they belong to, and the file if one was written."""

    table: pa.Table
    use: use.Use
    path: Path | None


def export_audience(
    ws: Workspace,
    actor: str,
    purpose: str,
    audience: str = "",
    *,
    channel: str = "",
    recipient: str = "",
    path: Path | None = None,
) -> Export:
    """Export the permitted customers of an audience with the fields the purpose needs.

    Args:
        audience: a SELECT of customer keys; "" is everybody.
        path: .csv or .parquet to write; appears only once the use is on record.

    Raises:
        NotPermitted, SqlRefused: nothing left; recorded.
    """
    request = request_for(ws, actor, purpose, channel, recipient)
    plan = ws.facts.plan(request, ws.ledger.check_clock())
    table = ws.facts.customer_table()
    prefix = table.name + "."
    fields = [f.field.removeprefix(prefix) for f in plan.fields if f.allowed and f.field.startswith(prefix)]
    if plan.refused or not fields:
        use.refuse(ws, request, audience)
    statement = _statement(table.name, table.key, fields, audience, ws.source.dialect)
    chosen_by = replace(plan.request, recipient="")
    used = use.query(ws, request, statement, kind=use.EXPORT, chosen_by=chosen_by)
    if path is not None:
        write_table(used.table, path)
    return Export(used.table, used, path)


def _statement(table: str, key: str, fields: list[str], audience: str, dialect: str) -> str:
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


def write_table(table: pa.Table, path: Path) -> None:
    """Write .csv or .parquet; the file appears whole or not at all."""
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet

    part = path.with_name(path.name + ".part")
    if path.suffix == ".parquet":
        parquet.write_table(table, part)
    else:
        csv.write_csv(table, part)
    os.replace(part, path)
