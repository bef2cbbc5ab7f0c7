"""Another system wants to be told; or its messages are to be believed.

gather   the address, what it wants to hear of
decide   whether a webhook may go there at all
act      subscription (or source) and ledger entry in one transaction; the key is shown once

Easy to get wrong: an address that is public today and inside tomorrow; it is looked at
again at each delivery.

Sources: standardwebhooks.com; OWASP ASVS 5.0 V13.2.4; AC-047, AC-052.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import replace

from rightful.errors import BadInput, NotFound
from rightful.ledger.record import Draft
from rightful.webhooks.models import DEAD, Delivery, Subscription
from rightful.webhooks.rules import KINDS, new_secret
from rightful.webhooks.sending import Sender
from rightful.workspace import Workspace

MOST = 50


def sender_of(ws: Workspace) -> Sender:
    """What may be reached from here, by what the administrator wrote into rightful.json."""
    chosen = ws.config.get("webhooks", {})
    return Sender(chosen.get("private", ()), chosen.get("hosts", ()))


def subscribe(
    ws: Workspace, url: str, kinds: Sequence[str], *, actor: str, sender: Sender | None = None
) -> Subscription:
    """Tell this address of these kinds of events from now on.

    Raises:
        TargetRefused: a webhook may not go there.
        BadInput: a kind that does not exist, none at all, or too many subscriptions.
    """
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        what = f"there is no event {unknown[0]}" if unknown else "there is nothing to be told of"
        raise BadInput(what, remedy="Use some of: " + ", ".join(KINDS))
    hooks = ws.webhooks
    if len(hooks.subscriptions()) >= MOST:
        raise BadInput(f"there are {MOST} subscriptions already", remedy="End one that nobody needs")
    target = (sender or sender_of(ws)).look_at(url)
    now = ws.ledger.check_clock()
    name = "wh-" + secrets.token_hex(6)
    chosen = tuple(sorted(set(kinds)))
    made = Subscription(name, actor, chosen, url, new_secret(secrets.token_bytes(32)), now, None, -1)
    public = {"subscription": name, "kinds": list(chosen), "host": target.host}
    position = ws.consent.position()
    draft = Draft("webhook.subscribed", public, {"actor": actor})
    entries = ws.journal.record(
        [draft], lambda tx, written: hooks.subscribe(tx, replace(made, entry=written[0].index), position)
    )
    return replace(made, entry=entries[0].index)


def end_subscription(ws: Workspace, name: str, *, actor: str) -> int:
    """Tell it nothing more; what waits is not sent. Returns the ledger entry.

    Raises:
        NotFound: there is no such subscription.
    """
    hooks = ws.webhooks
    if hooks.subscription(name) is None:
        raise NotFound(f"there is no subscription {name}", remedy="`rightful webhook list` shows them")
    now = ws.ledger.check_clock()
    draft = Draft("webhook.ended", {"subscription": name}, {"actor": actor})
    entries = ws.journal.record([draft], lambda tx, _written: hooks.end(tx, name, now))
    return entries[0].index


def send_again(ws: Workspace, subscription: str, delivery: int) -> Delivery:
    """Try a dead delivery anew.

    Raises:
        NotFound: this subscription has no such dead delivery.
    """
    found = next((d for d in ws.webhooks.deliveries(subscription, before=delivery + 1, limit=1)), None)
    if found is None or found.id != delivery or found.state != DEAD or ws.webhooks.subscription(subscription) is None:
        raise NotFound("there is no dead delivery of this number")
    with ws.control.write() as tx:
        ws.webhooks.again(tx, delivery, ws.clock())
    return found


def accept_source(ws: Workspace, name: str, *, actor: str) -> tuple[str, int]:
    """Believe messages signed with a new key; a second call replaces the key. Returns the key and the entry.

    Raises:
        BadInput: no name of small letters, digits and dashes.
    """
    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?", name):
        raise BadInput("a source has a name of small letters, digits and dashes")
    hooks, now, secret = ws.webhooks, ws.ledger.check_clock(), new_secret(secrets.token_bytes(32))
    draft = Draft("webhook.source-accepted", {"source": name}, {"actor": actor})
    entries = ws.journal.record([draft], lambda tx, written: hooks.accept(tx, name, secret, now, written[0].index))
    return secret, entries[0].index


def refuse_source(ws: Workspace, name: str, *, actor: str) -> int:
    """Believe nothing more of a source. Returns the entry.

    Raises:
        NotFound: there is no such source.
    """
    hooks = ws.webhooks
    if hooks.secret_of(name) is None:
        raise NotFound(f"there is no source {name}", remedy="`rightful webhook sources` shows them")
    now = ws.ledger.check_clock()
    draft = Draft("webhook.source-refused", {"source": name}, {"actor": actor})
    return ws.journal.record([draft], lambda tx, _written: hooks.refuse(tx, name, now))[0].index
