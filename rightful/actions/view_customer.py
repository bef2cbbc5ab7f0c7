"""A member of staff looks at one customer: only what the stated purpose permits, and the look is recorded.

gather   who asks, in which role, what for
decide   the gate, for this customer
act      the gate again, table by table; the customer sees each look in their history

Easy to get wrong: a look at the record is a use like any other. Consent states and
histories are about a person too, so they need a purpose that the gate permits.

Sources: GDPR Art. 5(1)(b), 5(1)(c), 32(4); UX console C4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rightful.actions import customer_view, show_uses
from rightful.actions.show_disclosures import DisclosureSeen, disclosures_of
from rightful.actions.use_data import decide_one, query_data
from rightful.errors import NotPermitted, UnknownName
from rightful.gate.explain import sentence_for
from rightful.gate.request import Decision
from rightful.terms import Outcome
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CustomerFile:
    """What a purpose lets staff see of one customer: table -> rows, and the decision it rests on."""

    decision: Decision
    tables: dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class EventSeen:
    """One consent event, as it is kept."""

    at: datetime
    kind: str
    purpose: str
    channel: str
    notice: str
    method: str
    evidence: str


@dataclass(frozen=True, slots=True)
class ConsentFile:
    """Where a customer stands on every purpose, and the events behind it, newest first."""

    decision: Decision
    overview: customer_view.Overview
    events: tuple[EventSeen, ...]


def look_at_customer(ws: Workspace, actor: str, purpose: str, key: str, *, channel: str = "") -> CustomerFile:
    """The permitted fields of one customer, from every table that has some.

    Raises:
        NotPermitted: nothing of this customer may be seen for this purpose; recorded.
        UnknownName: no such customer, or the actor is not in the directory.
    """
    decision = may_look(ws, actor, purpose, key, channel=channel)
    tables = {}
    for table in ws.facts.tables:
        prefix = table.name + "."
        columns = [f.removeprefix(prefix) for f in decision.allowed_fields if f.startswith(prefix)]
        if columns:
            statement = _statement(table.name, table.key, columns, key, ws.source.dialect)
            tables[table.name] = query_data(ws, actor, purpose, statement, channel=channel).table.to_pylist()
    return CustomerFile(decision, tables)


def look_at_uses(
    ws: Workspace, actor: str, purpose: str, key: str, *, limit: int = 50, before: int | None = None
) -> tuple[show_uses.UseSeen, ...]:
    """The history of one customer as the customer sees it. Raises as `look_at_customer`."""
    may_look(ws, actor, purpose, key)
    return show_uses.uses(ws, key, limit=limit, before=before)


def look_at_consents(ws: Workspace, actor: str, purpose: str, key: str) -> ConsentFile:
    """Choices of one customer, in force and past. Raises as `look_at_customer`."""
    decision = may_look(ws, actor, purpose, key)
    events = sorted(ws.facts.subject(ws.number_of(key)).events, key=lambda e: -e.effective_us)
    seen = tuple(
        EventSeen(
            EPOCH + timedelta(microseconds=e.at_us),
            e.kind.value,
            e.purpose,
            e.channel,
            e.notice,
            e.method.value,
            e.evidence,
        )
        for e in events
    )
    return ConsentFile(decision, customer_view.overview(ws, key), seen)


def look_at_disclosures(ws: Workspace, actor: str, purpose: str, key: str) -> tuple[DisclosureSeen, ...]:
    """Who received data of one customer, and whether they were told of a no since. Raises as `look_at_customer`."""
    may_look(ws, actor, purpose, key)
    return disclosures_of(ws, key)


def may_look(ws: Workspace, actor: str, purpose: str, key: str, *, channel: str = "") -> Decision:
    """The recorded decision that lets staff look at one customer.

    Raises:
        NotPermitted: the answer is no.
        UnknownName: no such customer.
    """
    decision = decide_one(ws, actor, purpose, key, channel=channel)
    if "customer_unknown" in decision.codes:
        raise UnknownName("no customer has this key", remedy="Check the key; it is compared byte for byte")
    if decision.outcome is Outcome.DENY:
        raise NotPermitted(sentence_for(decision), decision=decision)
    return decision


def _statement(table: str, key_column: str, columns: list[str], key: str, dialect: str) -> str:
    from sqlglot import exp

    chosen = exp.select(*(exp.column(c, quoted=True) for c in columns)).from_(exp.to_table(f'"{table}"'))
    return chosen.where(exp.column(key_column, quoted=True).eq(exp.Literal.string(key))).sql(dialect)
