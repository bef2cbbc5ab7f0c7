"""`rightful webhook`: who is told of what, and whose messages are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from rightful.cli.verbs import OK, PARTLY, Cli, verb

NOUN = "webhook"
HELP = "Tell other systems what happened; believe what they say."
app = typer.Typer()
Id = Annotated[str, typer.Argument(metavar="ID", help="The subscription's id.")]
Source = Annotated[str, typer.Argument(metavar="NAME", help="The source: small letters, digits, dashes.")]


@verb(
    app,
    NOUN,
    "add",
    members={"subscription": "its id", "secret": "what signs the deliveries; shown this once", "entry": "ledger entry"},
)
def add(
    cli: Cli,
    url: Annotated[str, typer.Argument(help="A public https address.")],
    on: Annotated[list[str], typer.Option("--on", help="What to tell; `webhook events` lists them.")],
) -> int:
    """Tell an address of events from now on. Bodies hold ids, no personal data."""
    from rightful.actions.subscribe_webhook import subscribe

    with cli.open() as ws:
        ws.role_of(cli.who)
        made = subscribe(ws, url, on, actor=cli.who)
    cli.answer(subscription=made.id, secret=made.secret, entry=made.entry)
    cli.show(made.secret)
    cli.say(f"{made.id} is told of {', '.join(made.kinds)}. The line above signs the deliveries; keep it.")
    return OK


@verb(
    app,
    NOUN,
    "list",
    members={"subscriptions": "list of {subscription, actor, events, url, made}"},
    rich_help_panel=None,
)
def list_(cli: Cli) -> int:
    """Who is told of what."""
    with cli.open() as ws:
        found = ws.webhooks.subscriptions()
    rows = [
        {"subscription": s.id, "actor": s.actor, "events": list(s.kinds), "url": s.url, "made": _instant(s.made_us)}
        for s in found
    ]
    cli.answer(subscriptions=rows)
    cli.table(("subscription", "for", "events", "address"), [(s.id, s.actor, ", ".join(s.kinds), s.url) for s in found])
    return OK


@verb(app, NOUN, "remove", members={"subscription": "its id", "entry": "ledger entry"})
def remove(cli: Cli, subscription: Id) -> int:
    """Tell it nothing more."""
    from rightful.actions.subscribe_webhook import end_subscription

    with cli.open() as ws:
        entry = end_subscription(ws, subscription, actor=cli.operator)
    cli.answer(subscription=subscription, entry=entry)
    cli.show(f"{subscription} is told nothing more")
    return OK


@verb(
    app,
    NOUN,
    "dead",
    members={"deliveries": "list of {delivery, subscription, event, kind, attempts, status}"},
)
def dead(cli: Cli) -> int:
    """What did not arrive, after all tries."""
    from rightful.webhooks.models import DEAD

    with cli.open() as ws:
        found = [d for s in ws.webhooks.subscriptions() for d in ws.webhooks.deliveries(s.id, state=DEAD, limit=200)]
    names = ("delivery", "subscription", "event", "kind", "attempts", "status")
    rows = [(d.id, d.subscription, d.event, d.kind, d.attempts, d.status) for d in found]
    cli.answer(deliveries=[dict(zip(names, row, strict=True)) for row in rows])
    cli.table(names, rows)
    return OK


@verb(app, NOUN, "retry", members={"delivery": "its number"})
def retry(cli: Cli, subscription: Id, delivery: Annotated[int, typer.Argument(help="The delivery's number.")]) -> int:
    """Send a dead delivery again."""
    from rightful.actions.subscribe_webhook import send_again

    with cli.open() as ws:
        found = send_again(ws, subscription, delivery)
    cli.answer(delivery=found.id)
    cli.show(f"delivery {found.id} is tried again")
    return OK


@verb(
    app,
    NOUN,
    "send",
    members={"queued": "events queued", "delivered": "arrived", "later": "tried again later", "dead": "given up"},
)
def send(cli: Cli) -> int:
    """One round now; a server does this by itself every two seconds."""
    from rightful.actions.send_webhooks import tell

    with cli.open() as ws:
        done = tell(ws)
    cli.answer(queued=done.queued, delivered=done.delivered, later=done.later, dead=done.dead)
    cli.show(f"{done.queued} queued, {done.delivered} delivered, {done.later} later, {done.dead} given up")
    return PARTLY if done.later or done.dead else OK


@verb(app, NOUN, "events", members={"events": "event -> what it tells"})
def events(cli: Cli) -> int:
    """What can be told."""
    from rightful.webhooks.rules import KINDS

    cli.answer(events=dict(KINDS))
    cli.table(("event", "tells that"), list(KINDS.items()))
    return OK


@verb(
    app,
    NOUN,
    "accept",
    members={"source": "its name", "secret": "what it signs with; shown this once", "entry": "ledger entry"},
)
def accept(cli: Cli, source: Source) -> int:
    """Believe messages at /api/hooks/NAME that are signed with a new key; an older key stops."""
    from rightful.actions.subscribe_webhook import accept_source

    with cli.open() as ws:
        secret, entry = accept_source(ws, source, actor=cli.operator)
    cli.answer(source=source, secret=secret, entry=entry)
    cli.show(secret)
    cli.say(f"Messages of {source} are believed if they are signed with the line above. It is not shown again.")
    return OK


@verb(app, NOUN, "refuse", members={"source": "its name", "entry": "ledger entry"})
def refuse(cli: Cli, source: Source) -> int:
    """Believe nothing more of a source."""
    from rightful.actions.subscribe_webhook import refuse_source

    with cli.open() as ws:
        entry = refuse_source(ws, source, actor=cli.operator)
    cli.answer(source=source, entry=entry)
    cli.show(f"nothing more of {source} is believed")
    return OK


@verb(app, NOUN, "sources", members={"sources": "list of {source, accepted, ended}"})
def sources(cli: Cli) -> int:
    """Whose messages are or were believed."""
    with cli.open() as ws:
        found = ws.webhooks.sources()
    rows = [(name, _instant(made), None if ended is None else _instant(ended)) for name, made, ended in found]
    cli.answer(sources=[dict(zip(("source", "accepted", "ended"), row, strict=True)) for row in rows])
    cli.table(("source", "accepted", "ended"), rows)
    return OK


def _instant(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
