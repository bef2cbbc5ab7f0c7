"""What happened is told to whoever subscribed: read from the ledger, queued, sent, tried again.

gather   entries behind the cursor, and whose consent event an entry belongs to
decide   which kind of webhook tells of it, and who wants to hear
act      deliveries and cursor in one transaction; then requests, one at a time

Nothing that acts needs to know of webhooks: the ledger is the queue they are filled
from, so what was acknowledged is told of at least once. Bodies hold ids only: the
entry, the customer's reference, purpose and channel.

Easy to get wrong: a subscription that goes on for somebody who has left; a body with
more in it than the recipient may know.

Sources: standardwebhooks.com; GDPR Art. 5(1)(c), 19; AC-047.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.subscribe_webhook import sender_of
from rightful.errors import TargetRefused
from rightful.ledger.record import Draft, Entry
from rightful.webhooks.models import Delivery, Subscription
from rightful.webhooks.rules import OF_ENTRIES, STEP, TOLD, sign
from rightful.webhooks.sending import Sender
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PAGE = 500
PING = "ping"
REQUEST = "request.changed"


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to."""

    queued: int = 0
    delivered: int = 0
    later: int = 0
    dead: int = 0


def tell(ws: Workspace, *, sender: Sender | None = None, limit: int = 200) -> Round:
    """Queue what happened since the last time, and send what is due. Safe in several processes at once."""
    queued = 0
    while (more := _queue_page(ws)) is not None:
        queued += more
    return _send(ws, sender or sender_of(ws), limit, queued)


def ping(ws: Workspace, subscription: Subscription) -> int:
    """Queue a trial delivery; returns its number."""
    now = ws.clock()
    event = f"ping-{subscription.id}-{now}"
    with ws.control.write() as tx:
        return ws.webhooks.queue(tx, subscription.id, event, PING, _body(PING, now, {}), now)


def _queue_page(ws: Workspace) -> int | None:
    """Queue one page of what happened; None: there is no more, or somebody else did it."""
    hooks = ws.webhooks
    cursor = hooks.cursor()
    if cursor is None:
        return None
    entry, seq = cursor
    stop = min(ws.ledger.head()[0], entry + 1 + PAGE)
    if entry + 1 >= stop:
        return None
    found = [e for e in ws.ledger.entries(entry + 1, stop) if e.kind in OF_ENTRIES or e.kind.startswith(STEP)]
    steps = ws.cases.stepped(entry + 1, stop)
    whose = {index: no for index, (_ref, no) in steps.items() if no is not None}
    if any(e.kind.startswith("consent.") for e in found):
        for stored in ws.consent.since(seq):
            if stored.entry >= stop:
                break
            whose[stored.entry] = stored.no
            seq = stored.seq
    for closed in (e for e in found if e.kind == "erasure.closed"):
        whose[closed.index] = ws.erasures.get(str(closed.public["run"])).no
    wanted = _wanted(ws)
    now, count = ws.clock(), 0
    with ws.control.write() as tx:
        if not hooks.advance(tx, cursor, (stop - 1, seq)):
            return None
        for one in found:
            kind = OF_ENTRIES.get(one.kind, REQUEST)
            if kind == REQUEST and one.index not in steps:
                continue  # something about a request that is no step of it
            body = _told(ws, one, kind, whose.get(one.index), steps.get(one.index, ("",))[0])
            for subscription in wanted:
                if kind in subscription.kinds:
                    count += bool(hooks.queue(tx, subscription.id, f"evt-{one.index}", kind, body, now))
    return count


def _wanted(ws: Workspace) -> list[Subscription]:
    """Subscriptions of people who still work here; the others end."""
    live = []
    for one in ws.webhooks.subscriptions():
        if ws.staff.role_of(one.actor) is not None:
            live.append(one)
        else:
            _end(ws, one.id, "who made it has left")
    return live


def _told(ws: Workspace, entry: Entry, kind: str, no: int | None, request: str) -> str:
    data: dict[str, object] = {"entry": entry.index}
    if request:
        data |= {"request": request, "about": entry.public.get("request", "")}
    if no is not None:
        data["subject"] = ws.links.reference(no)
    data |= {name: entry.public[name] for name in TOLD if entry.public.get(name) not in (None, "")}
    return _body(kind, entry.at, data)


def _body(kind: str, at_us: int, data: dict[str, object]) -> str:
    at = (EPOCH + timedelta(microseconds=at_us)).isoformat()
    return json.dumps({"type": kind, "timestamp": at, "data": data}, separators=(",", ":"), sort_keys=True)


def _send(ws: Workspace, sender: Sender, limit: int, queued: int) -> Round:
    hooks = ws.webhooks
    counts = {"delivered": 0, "later": 0, "dead": 0}
    while sum(counts.values()) < limit and (delivery := hooks.take(ws.clock())) is not None:
        subscription = hooks.subscription(delivery.subscription)
        if subscription is None:
            hooks.failed(delivery, "subscription ended", ws.clock(), for_good=True)
            counts["dead"] += 1
            continue
        status = _post(ws, sender, subscription, delivery)
        if status.startswith("2"):
            hooks.delivered(delivery, status, ws.clock())
            counts["delivered"] += 1
        elif status == "410":  # the receiver says: never again
            hooks.failed(delivery, status, ws.clock(), for_good=True)
            _end(ws, subscription.id, "the receiver answered 410")
            counts["dead"] += 1
        elif hooks.failed(delivery, status, ws.clock()):
            counts["later"] += 1
        else:
            public = {"subscription": subscription.id, "event": delivery.event, "status": status}
            ws.journal.record([Draft("webhook.undelivered", public, {})])
            counts["dead"] += 1
    return Round(queued, **counts)


def _post(ws: Workspace, sender: Sender, subscription: Subscription, delivery: Delivery) -> str:
    """The status of the answer, or in a word why there was none."""
    body, stamp = delivery.body.encode(), ws.clock() // 1_000_000
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Rightful-Webhooks/1",
        "webhook-id": delivery.event,
        "webhook-timestamp": str(stamp),
        "webhook-signature": sign(subscription.secret, delivery.event, stamp, body),
    }
    try:
        return str(sender.post(subscription.url, body, headers)[0])
    except TargetRefused:
        return "refused"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def _end(ws: Workspace, subscription: str, because: str) -> None:
    now = ws.ledger.check_clock()
    draft = Draft("webhook.ended", {"subscription": subscription, "because": because}, {})
    ws.journal.record([draft], lambda tx, _written: ws.webhooks.end(tx, subscription, now))
