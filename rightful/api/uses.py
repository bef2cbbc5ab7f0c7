"""Customer data is used: a query for a purpose, a decision about one customer or about all.

Rows leave as JSON, or as an Arrow stream to whoever asks for
`application/vnd.apache.arrow.stream`; in both the ledger entry is in the header
`Rightful-Ledger-Entry`, and the entry is on disk before the first row leaves.

Easy to get wrong: numbers that JSON cannot hold (decimals leave as text), and a
refusal that looks like an empty result: it is a problem document with every reason.
"""

import base64
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Router
from pydantic import Field

from rightful.actions.find_customer import key_of
from rightful.actions.use_data import decide_one, foresee, query_data
from rightful.api.caller import Scope, caller
from rightful.api.shapes import Given, MaybeName, Name, PurposeHeader, Reference, Strict
from rightful.web.opened import workspace

router = Router(tags=["Using data"])
uses = Scope("data:use")
ARROW = "application/vnd.apache.arrow.stream"
ENTRY = "Rightful-Ledger-Entry"


class Query(Strict):
    """One SELECT over the governed tables."""

    sql: Annotated[str, Field(min_length=1, max_length=20_000)]
    channel: MaybeName = ""
    recipient: MaybeName = ""


class FieldAnswer(Given):
    allowed: bool
    transform: str | None
    reasons: list[str]


class ReasonGiven(Given):
    code: str
    layer: str
    article: str
    sentence: str
    change: str


class DecisionGiven(Given):
    """The answer, with every reason against. `permitted` and `known` count customers in a decision about all."""

    outcome: str
    at: str
    purpose: str
    channel: str | None
    recipient: str | None
    role: str
    policy_version: str
    state_version: int
    lawful_basis: dict[str, str]
    notice: str | None
    fields: dict[str, FieldAnswer]
    reasons: list[ReasonGiven]
    obligations: list[str]
    permitted: int | None
    known: int | None
    withheld: dict[str, int]
    ledger_entry: int | None


class Rows(Given):
    """What came back: only permitted rows and fields."""

    columns: list[str]
    rows: list[list[Any]]
    suppressed_groups: int
    decision: DecisionGiven


class DecisionAsk(Strict):
    """Which use is meant. Without `subject` the answer counts everybody, and reads nobody's data."""

    subject: Reference | None = None
    channel: MaybeName = ""
    recipient: MaybeName = ""
    fields: Annotated[list[Name], Field(max_length=200)] | None = None


@router.post("/queries", auth=uses, response=Rows)
def query(request: HttpRequest, asked: Query, purpose: PurposeHeader) -> HttpResponse:
    """Run one SELECT for the purpose in the header; several purposes, separated by commas, must all permit it."""
    purposes = [name.strip() for name in purpose.split(",") if name.strip()]
    done = query_data(
        workspace(), caller(request).actor, purposes, asked.sql, channel=asked.channel, recipient=asked.recipient
    )
    if ARROW in request.headers.get("Accept", ""):
        return _with_entry(HttpResponse(_stream(done.table), content_type=ARROW), done.entry.index)
    table = done.table
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.columns]
    body = {
        "columns": list(table.column_names),
        "rows": [list(row) for row in zip(*columns, strict=True)],
        "suppressed_groups": done.suppressed_groups,
        "decision": done.decision.as_dict(),
    }
    return _with_entry(JsonResponse(body), done.entry.index)


@router.post("/decisions", auth=uses, response=DecisionGiven)
def decide(request: HttpRequest, asked: DecisionAsk, purpose: PurposeHeader) -> dict[str, object]:
    """May this be used? A decision about one customer is recorded; one about all only counts."""
    ws, actor = workspace(), caller(request).actor
    if asked.subject is None:
        return foresee(ws, actor, purpose, channel=asked.channel, recipient=asked.recipient).as_dict()
    fields = None if asked.fields is None else tuple(asked.fields)
    key = key_of(ws, asked.subject) if purpose else ""
    made = decide_one(ws, actor, purpose, key, channel=asked.channel, recipient=asked.recipient, fields=fields)
    return made.as_dict()


def _with_entry(response: HttpResponse, entry: int) -> HttpResponse:
    response.headers[ENTRY] = str(entry)
    response.headers["Vary"] = "Accept"
    return response


def _stream(table: Any) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _plain(value: object) -> object:
    """A value as JSON can hold it."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Decimal | timedelta):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    return value
