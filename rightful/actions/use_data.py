"""Customer data is used: a query, or a decision about one customer.

gather   who asks, in which role, what for
decide   the gate: every rule, every reason
act      the gate again: entry first, rows after

Easy to get wrong: a use without a purpose is refused before anything else is looked at.

Sources: GDPR Art. 5(1)(b), 5(2); cases P05, P07, P08.
"""

from __future__ import annotations

from collections.abc import Sequence

from rightful.errors import PurposeMissing
from rightful.gate import use
from rightful.gate.plan import basis_anywhere, outcome_of
from rightful.gate.request import Decision, Request
from rightful.ledger.record import Draft
from rightful.workspace import Workspace


def query_data(
    ws: Workspace,
    actor: str,
    purpose: str | Sequence[str],
    sql: str,
    *,
    channel: str = "",
    recipient: str = "",
) -> use.Use:
    """Run one SELECT for a purpose; only permitted rows and fields come back.

    Args:
        purpose: one, or several at once: then all of them have to permit each row and field.

    Raises:
        PurposeMissing, NotPermitted, SqlRefused: recorded refusals.
        UnknownName: the actor is not in the directory; recorded.
    """
    names = [purpose] if isinstance(purpose, str) else list(purpose) or [""]
    first, *others = [request_for(ws, actor, name, channel, recipient) for name in names]
    return use.query(ws, first, sql, also=others)


def decide_one(
    ws: Workspace,
    actor: str,
    purpose: str,
    key: str,
    *,
    channel: str = "",
    recipient: str = "",
    fields: tuple[str, ...] | None = None,
) -> Decision:
    """Decide, and record, whether one customer's data may be used."""
    request = request_for(ws, actor, purpose, channel, recipient, fields)
    return use.decide(ws, request, use.customer_number(ws, key))


def request_for(
    ws: Workspace,
    actor: str,
    purpose: str,
    channel: str = "",
    recipient: str = "",
    fields: tuple[str, ...] | None = None,
) -> Request:
    """A request in the role the actor has; refused, and recorded, without a purpose."""
    if not purpose:
        ws.journal.record([Draft("use.refused", {"purpose": "", "codes": ["purpose_missing"]}, {"actor": actor})])
        raise PurposeMissing("this use of customer data states no purpose")
    return Request(actor, ws.role_of(actor), purpose, channel, recipient, fields)


def foresee(ws: Workspace, actor: str, purpose: str, *, channel: str = "", recipient: str = "") -> Decision:
    """How many customers a use may touch now, and why not the others. Reads nobody's data, so records nothing.

    Raises:
        PurposeMissing: no purpose is stated; recorded.
        UnknownName: the actor is not in the directory.
    """
    request = request_for(ws, actor, purpose, channel, recipient)
    now = ws.ledger.check_clock()
    ws.facts.look_again()
    plan = ws.facts.plan(request, now)
    against = plan.reasons
    bulk = None if plan.refused else ws.facts.bulk(plan, now)
    return Decision(
        request=plan.request,
        at_us=now,
        policy_version=plan.policy_version,
        state_version=ws.consent.position() if bulk is None else bulk.position,
        outcome=outcome_of(against, plan.fields),
        basis=basis_anywhere(plan.ask.policy, plan.ask) if plan.ask else {},
        evidence="",
        fields=plan.fields,
        reasons=against,
        obligations=plan.obligations,
        permitted=-1 if bulk is None else bulk.permitted,
        known=-1 if bulk is None else bulk.known,
        withheld={} if bulk is None else dict(bulk.withheld),
    )
