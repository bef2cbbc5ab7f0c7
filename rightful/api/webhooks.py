"""Who is told of what, and what became of it. A subscription belongs to whoever the token acts for.

Somebody else's subscription is not there: the same answer as for one that never was.
"""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import Field

from rightful.actions.send_webhooks import ping
from rightful.actions.subscribe_webhook import end_subscription, send_again, subscribe
from rightful.api.caller import Scope, caller
from rightful.api.once import answered_once
from rightful.api.shapes import Given, Instant, OnceHeader, PageAsk, Strict, instant
from rightful.errors import NotFound
from rightful.web.opened import workspace
from rightful.webhooks.models import Delivery, Subscription
from rightful.webhooks.rules import KINDS

router = Router(tags=["Webhooks"])
manages = Scope("webhooks:manage")
Kind = Annotated[str, Field(max_length=40, json_schema_extra={"enum": list(KINDS)})]
State = Literal["queued", "sending", "delivered", "dead"]


class Subscribe(Strict):
    """Where to, and what of. Only public https addresses are taken, and looked at again at each delivery."""

    url: Annotated[str, Field(min_length=8, max_length=2000)]
    events: Annotated[list[Kind], Field(min_length=1, max_length=len(KINDS))]


class Subscribed(Given):
    """`secret` signs the deliveries (standardwebhooks.com); it is given this once."""

    id: str
    url: str
    events: list[str]
    made: Instant
    secret: str | None


class Subscriptions(Given):
    items: list[Subscribed]


class DeliveryGiven(Given):
    """`status` is what came of the last try: a number of HTTP, or a word."""

    delivery: int
    event: str
    kind: str
    state: str
    attempts: int
    due: Instant
    status: str | None


class Deliveries(Given):
    """Newest first. `next` is the cursor of the next page, null at the end."""

    items: list[DeliveryGiven]
    next: int | None


class DeliveriesAsk(PageAsk):
    state: State | None = None


DeliveriesQuery = Annotated[DeliveriesAsk, Query(...)]


class Ended(Given):
    entry: int


class Queued(Given):
    delivery: int


@router.get("/webhooks", auth=manages, response=Subscriptions)
def list_webhooks(request: HttpRequest) -> dict[str, object]:
    """Your subscriptions."""
    mine = [one for one in workspace().webhooks.subscriptions() if one.actor == caller(request).actor]
    return {"items": [_given(one) for one in mine]}


@router.post("/webhooks", auth=manages, response={201: Subscribed})
def add_webhook(request: HttpRequest, asked: Subscribe, idempotency_key: OnceHeader) -> dict[str, object]:
    """Be told of events from now on: at least once each, in no promised order, with ids and no personal data."""

    def work(_event_id: str) -> dict[str, object]:
        made = subscribe(workspace(), asked.url, asked.events, actor=caller(request).actor)
        return _given(made) | {"secret": made.secret}

    return answered_once(request, idempotency_key, work)


@router.delete("/webhooks/{name}", auth=manages, response=Ended)
def end_webhook(request: HttpRequest, name: str) -> dict[str, object]:
    """Be told nothing more."""
    return {"entry": end_subscription(workspace(), _mine(request, name).id, actor=caller(request).actor)}


@router.post("/webhooks/{name}/ping", auth=manages, response={202: Queued})
def ping_webhook(request: HttpRequest, name: str) -> Status[dict[str, object]]:
    """Send a trial delivery."""
    return Status(202, {"delivery": ping(workspace(), _mine(request, name))})


@router.get("/webhooks/{name}/deliveries", auth=manages, response=Deliveries)
def list_deliveries(request: HttpRequest, name: str, page: DeliveriesQuery) -> dict[str, object]:
    """What was told or waits to be; `state=dead` shows what did not arrive."""
    found = workspace().webhooks.deliveries(
        _mine(request, name).id, state=page.state or "", before=page.cursor, limit=page.limit + 1
    )
    shown = found[: page.limit]
    return {"items": [_shown(one) for one in shown], "next": shown[-1].id if len(found) > page.limit else None}


@router.post("/webhooks/{name}/deliveries/{delivery}/retry", auth=manages, response={202: Queued})
def retry_delivery(request: HttpRequest, name: str, delivery: int) -> Status[dict[str, object]]:
    """Send a dead delivery again."""
    if not 0 < delivery < 2**53:
        raise NotFound("there is no dead delivery of this number")
    return Status(202, {"delivery": send_again(workspace(), _mine(request, name).id, delivery).id})


def _mine(request: HttpRequest, name: str) -> Subscription:
    found = workspace().webhooks.subscription(name)
    if found is None or found.actor != caller(request).actor:
        raise NotFound("there is no such subscription", remedy="GET /api/v1/webhooks lists yours")
    return found


def _given(one: Subscription) -> dict[str, object]:
    return {"id": one.id, "url": one.url, "events": list(one.kinds), "made": instant(one.made_us), "secret": None}


def _shown(one: Delivery) -> dict[str, object]:
    return {
        "delivery": one.id,
        "event": one.event,
        "kind": one.kind,
        "state": one.state,
        "attempts": one.attempts,
        "due": instant(one.due_us),
        "status": one.status or None,
    }
