"""Another system says what a customer did: believed if it signed it, just now, with the key it was given.

gather   the source's key
decide   signature and age, then what any consent event must prove
act      event and entry in one transaction, under an id made of the source's and the message's

The same message twice is one event with one receipt; an old message is refused; order
does not matter, because the time a customer spoke decides, and a no wins a tie.

Easy to get wrong: reading a body before its signature is checked; letting two sources
share ids.

Sources: standardwebhooks.com; GDPR Art. 7(1); AC-051, AC-052, AC-053.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rightful.actions.record_choice import Recorded, record_event
from rightful.consent.events import Event
from rightful.errors import SignatureRefused
from rightful.terms import DIRECT_MARKETING, EventKind, Method
from rightful.webhooks.rules import new_secret, verify
from rightful.workspace import Workspace

KINDS: Mapping[str, EventKind] = {
    "consent.given": EventKind.GIVEN,
    "consent.refused": EventKind.REFUSED,
    "consent.withdrawn": EventKind.WITHDRAWN,
    "objection.raised": EventKind.OBJECTED,
    "opt-out.recorded": EventKind.OPTED_OUT,
    "signal.gpc": EventKind.SIGNAL_GPC,
    "activity.seen": EventKind.ACTIVE,
}
"""What another system may say."""
NOBODY = new_secret(b"\0" * 32)
"""Checked in place of a key that is not there, so that the answer takes as long."""


@dataclass(frozen=True, slots=True)
class Said:
    """One thing a customer did, as another system tells it. `at_us` is when, as claimed."""

    kind: EventKind
    customer: str
    purpose: str
    channel: str
    notice: str
    method: Method
    evidence: str
    at_us: int


def authentic(ws: Workspace, source: str, headers: Mapping[str, str], body: bytes) -> str:
    """The id of a message that this source signed just now.

    Raises:
        SignatureRefused: there is no such source, or it did not sign this; the answer is the same.
    """
    secret = ws.webhooks.secret_of(source)
    message = verify(secret or NOBODY, headers, body, ws.clock() // 1_000_000)
    if secret is None:
        raise SignatureRefused("the message is not signed with the key of this source")
    return message


def take(ws: Workspace, source: str, message: str, said: Said) -> Recorded:
    """Record what a message says; a known message gets its first receipt.

    Raises:
        EventRejected, UnknownName, BadInput: it proves nothing, or names what nobody knows.
    """
    scope = DIRECT_MARKETING if said.kind is EventKind.OBJECTED and not said.purpose else said.purpose
    event = Event(
        id=f"hook-{source}-{message}",
        kind=said.kind,
        purpose="" if said.kind in (EventKind.OPTED_OUT, EventKind.SIGNAL_GPC) else scope,
        channel=said.channel,
        at_us=said.at_us,
        received_us=ws.clock(),
        notice=said.notice,
        method=said.method,
        evidence=said.evidence,
    )
    return record_event(ws, said.customer, event, actor=f"webhook {source}")
