"""A disposal is ordered on a page, waits a day in which it can be taken back, and is then carried out.

gather   the policy it was ordered under, the clock
decide   whether it may run now: its day is over, and the policy is still the one that was looked at
act      the run itself, batch by batch, heard of at each; then its certificate

Easy to get wrong: to carry out something else than was looked at (a new policy ends the
order); to carry it out twice (whoever claims it first does it).

Sources: GDPR Art. 5(1)(e), 5(2); UX console C12 and "irreversible ones are queued".
"""

from __future__ import annotations

from rightful.actions.certify_disposal import certify
from rightful.actions.dispose_expired import run_disposal
from rightful.errors import BadInput, RightfulError
from rightful.ledger.record import Draft
from rightful.retention.orders import WAITS_US, Order
from rightful.workspace import Workspace


def order_disposal(ws: Workspace, *, actor: str, policy: str, rows: int) -> Order:
    """Order what is due to be disposed of, a day from now.

    Args:
        policy: version that the plan which was looked at stands on; rows: how many it showed.

    Raises:
        BadInput: nothing is due, the policy changed meanwhile, or an order is open already.
    """
    in_force = ws.facts.policy.version
    if policy != in_force:
        raise BadInput("the policy changed since this was looked at", remedy="Look at what is due now, then order it")
    if rows < 1:
        raise BadInput("nothing is due")
    now = ws.ledger.check_clock()
    made: list[str] = []
    public = {"rows": rows, "policy": policy, "waits_us": WAITS_US, "article": "GDPR 5(1)(e)"}
    ws.journal.record(
        [Draft("disposal.ordered", public, {"actor": actor})],
        lambda tx, entries: made.append(ws.orders.add(tx, policy, rows, now, entries[0].index, actor)),
    )
    return ws.orders.get(made[0])


def take_back_order(ws: Workspace, order: str, *, actor: str) -> Order:
    """Nothing is disposed of after all.

    Raises:
        NotFound, BadInput: there is none, or it does not wait any more.
    """
    known = ws.orders.get(order)
    ws.ledger.check_clock()
    draft = Draft("disposal.taken-back", {"ordered": known.entry}, {"actor": actor})
    ws.journal.record([draft], lambda tx, _: ws.orders.take_back(tx, order))
    return ws.orders.get(order)


def run_ordered(ws: Workspace) -> Order | None:
    """Carry out the order whose day is over, if there is one; harmless to ask as often as one likes."""
    order = ws.orders.claim(ws.clock())
    if order is None:
        return None
    ws.facts.look_again()
    if ws.facts.policy.version != order.policy:
        ws.journal.record([Draft("disposal.overtaken", {"ordered": order.entry, "policy": ws.facts.policy.version})])
        ws.orders.end(order.id, "overtaken", "")
        return ws.orders.get(order.id)
    try:
        done = run_disposal(
            ws,
            actor=ws.orders.actor_of(order.id),
            progress=lambda part, share: ws.orders.heard(order.id, ws.clock(), part, share),
        )
        certify(ws, done.run)
    except RightfulError as refusal:
        ws.orders.end(order.id, "failed", refusal.code)
        raise
    ws.orders.end(order.id, "done", done.run)
    return ws.orders.get(order.id)
