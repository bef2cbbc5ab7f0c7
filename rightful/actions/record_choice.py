"""Something a customer said or did comes in: what is checked, and what is written down.

gather   the customer, the purpose, the notice
decide   whether the event proves what it claims
act      event and ledger entry in one transaction; acknowledged once on disk

Easy to get wrong: a yes without evidence or on a notice that does not name the
purpose is refused, not stored as a permission; the same event sent twice is one
event and gets the first receipt.

Sources: GDPR Art. 4(11), 7, 8, 21; CCPA 1798.120; cases T06, S03, S10; AC-015, AC-051, AC-053.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.tell_recipients import settle_quietly
from rightful.consent.events import Event
from rightful.consent.shown import Shown
from rightful.errors import BadInput, EventRejected, UnknownName
from rightful.gate.conditions import OBJECTABLE, Ask, View, regimes_of
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry, Rows
from rightful.policy.model import Purpose
from rightful.sharing.rules import OF_EVENT
from rightful.terms import EventKind, LawfulBasis, Method
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SKEW_US = 5 * 60 * 1_000_000
BY_WILL = frozenset({LawfulBasis.CONSENT}) | OBJECTABLE
"""Bases that rest on the customer's will: they can say no to these in the portal."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written: the entry in the ledger, when, and what follows from it in one sentence."""

    index: int
    at: datetime
    effect: str


def record_event(ws: Workspace, key: str, event: Event, *, actor: str, effect: str = "Recorded.") -> Recorded:
    """Record any event as it came in (API, webhooks, staff): checked like an imported one.

    Raises:
        EventRejected: it proves nothing, names what nobody knows, or claims to be from the future.
    """
    no = ws.number_of(key)
    now = ws.ledger.check_clock()
    if event.at_us > now + SKEW_US and event.kind is not EventKind.MOVED:
        raise EventRejected(
            "the event claims to have happened in the future",
            remedy="Set the sender's clock right and send again",
        )
    if event.kind is EventKind.GIVEN:
        found = purpose_of(ws, event.purpose)
        check_grant(ws, found, event.channel, event.notice, event.method, event.evidence)
    elif event.kind in (EventKind.WITHDRAWN, EventKind.REFUSED, EventKind.DEFERRED, EventKind.SOFT_OPT_IN):
        purpose_of(ws, event.purpose)
    return record(ws, no, [event], actor, effect)


def serve_notice(ws: Workspace, key: str, label: str | None = None, *, actor: str = "system") -> Recorded:
    """Note that a customer has been shown a notice (GDPR Art. 13, 14)."""
    no = ws.number_of(key)
    label = label or ws.shelf.newest_notice()
    now = ws.ledger.check_clock()
    event = make_event(ws, EventKind.NOTICE_SERVED, "", "", now, "portal", "", label, "shown")
    return record(ws, no, [event], actor, f"You have seen notice {label}.")


def notice_was_served(ws: Workspace, key: str, label: str) -> bool:
    """Whether it is on record that this customer was shown this notice."""
    kinds = (EventKind.NOTICE_SERVED, EventKind.GIVEN)
    return any(e.kind in kinds and e.notice == label for e in ws.facts.subject(ws.number_of(key)).events)


def merge_customers(ws: Workspace, key: str, other: str, *, actor: str) -> tuple[Recorded, ...]:
    """Two profiles are one person: every no of either now stands on both (cases S15, S16).

    Nothing that permits is copied. After a split both keep what was copied, until the customer speaks.
    """
    numbers = [ws.number_of(key), ws.number_of(other)]
    now = ws.ledger.check_clock()
    recorded = []
    for mine, theirs in (numbers, numbers[::-1]):
        copies = [
            make_event(ws, e.kind, e.purpose, e.channel, now, Method.SYNC.value, "", e.notice, e.evidence)
            for e in ws.facts.subject(theirs).events
            if e.kind in _REFUSALS and e.method is not Method.SYNC
        ]
        if copies:
            recorded.append(record(ws, mine, copies, actor, "Refusals of the other profile now stand here too."))
    return tuple(recorded)


_REFUSALS = (
    EventKind.WITHDRAWN,
    EventKind.REFUSED,
    EventKind.OBJECTED,
    EventKind.RESTRICTED,
    EventKind.OPTED_OUT,
    EventKind.SIGNAL_GPC,
)


def record(
    ws: Workspace, no: int, events: Sequence[Event], actor: str, effect: str, *, shown: Shown | None = None
) -> Recorded:
    """Write events and their entry together; a known event id gets its first receipt (AC-051).

    Args:
        shown: what stood before the customer; bound to each event that names a notice.
    """
    known = ws.consent.find(events[0].id)
    if known is not None:
        if known.no != no or known.event.kind is not events[0].kind or known.event.purpose != events[0].purpose:
            raise EventRejected("an event with this id and another content is on record", remedy="Use a new id")
        return recorded(ws.ledger.entry(known.entry), effect)
    return record_all(ws, no, [(events, shown)], actor, effect)[0]


def record_all(
    ws: Workspace,
    no: int,
    groups: Sequence[tuple[Sequence[Event], Shown | None]],
    actor: str,
    effect: str = "Recorded.",
    also: Rows | None = None,
) -> list[Recorded]:
    """Write several choices in one transaction: all of them or none; one answer for each group of events.

    Args:
        also: rows of other rooms that belong to it; called with the entries in the order of the events.
    """
    subject = ws.subject_id(no)
    policy = ws.facts.policy.version
    flat = [(event, shown) for events, shown in groups for event in events]
    if not flat:
        return []
    drafts = [_draft(ws, event, shown, actor, policy, subject) for event, shown in flat]

    def rows(tx: Tx, written: list[Entry]) -> None:
        ws.consent.append(tx, [(subject, no, e, entry.index) for (e, _), entry in zip(flat, written, strict=True)])
        if also is not None:
            also(tx, written)

    entries = ws.ledger.append(drafts, rows)
    ws.consent.publish()
    answers, at = [], 0
    for events, _ in groups:
        answers.append(recorded(entries[at], effect))
        at += len(events)
    if any(event.kind in OF_EVENT for events, _ in groups for event in events):
        settle_quietly(ws)  # recipients are told; what fails here is found again at the next look
    return answers


def _draft(ws: Workspace, event: Event, shown: Shown | None, actor: str, policy: str, subject: str) -> Draft:
    public = {
        "purpose": event.purpose,
        "channel": event.channel,
        "notice": event.notice,
        "method": event.method.value,
        "policy": policy,
    }
    private = {
        "event": event.id,
        "at_us": event.at_us,
        "evidence": event.evidence,
        "actor": actor,
        "value": event.value,
    }
    if shown is None or not event.notice:
        return Draft(f"consent.{event.kind.value}", public, private, subject=subject)
    stated = shown.public(ws.shelf.digest_of(event.notice))
    return Draft(f"consent.{event.kind.value}", public | stated, private | shown.private(), subject=subject)


def recorded(entry: Entry, effect: str) -> Recorded:
    return Recorded(entry.index, EPOCH + timedelta(microseconds=entry.at), effect)


def make_event(
    ws: Workspace,
    kind: EventKind,
    purpose: str,
    channel: str,
    at_us: int,
    method: str,
    event_id: str,
    notice: str = "",
    evidence: str = "recorded",
    until_us: int | None = None,
) -> Event:
    return Event(
        id=event_id or f"rf-{secrets.token_hex(12)}",
        kind=kind,
        purpose=purpose,
        channel=channel,
        at_us=at_us,
        received_us=ws.clock(),
        until_us=until_us,
        notice=notice,
        method=method_of(method),
        evidence=evidence,
    )


def purpose_of(ws: Workspace, name: str) -> Purpose:
    found = ws.facts.policy.purposes.get(name)
    if found is None:
        raise UnknownName(f"no purpose is called {name}")
    return found


def method_of(name: str) -> Method:
    try:
        return Method(name)
    except ValueError:
        raise BadInput(f"{name} is no way of capturing a choice", remedy="Use one of " + ", ".join(Method)) from None


def bases_of(ws: Workspace, no: int, purpose: Purpose) -> frozenset[LawfulBasis]:
    """What a purpose rests on where this customer lives."""
    if purpose.abstract:
        return frozenset(
            k
            for p in ws.facts.policy.family(purpose.id) - {purpose.id}
            for k in bases_of(ws, no, ws.facts.policy.purposes[p])
        )
    ask = Ask(ws.facts.policy, ws.facts.notices, purpose.id, (purpose.channels or ("",))[0])
    residence = View(ask, ws.facts.subject(no), ws.clock()).residence
    regimes = regimes_of(ws.facts.policy, residence) or tuple(ws.facts.policy.regimes)
    return frozenset(purpose.basis[r].kind for r in regimes if r in purpose.basis)


def check_grant(ws: Workspace, purpose: Purpose, channel: str, notice: str, method: Method, evidence: str) -> None:
    if method is Method.PRE_TICKED:
        raise EventRejected("a box that was ticked beforehand is no consent", remedy="Ask the customer to tick it")
    if not evidence:
        raise EventRejected(
            f"consent to {purpose.id} comes without evidence",
            remedy="Name the form record, recording or message",
        )
    terms = ws.shelf.notices().get(notice)
    if terms is None:
        raise EventRejected(f"there is no notice {notice or '(none given)'}", remedy="Publish it first")
    if purpose.id not in terms:
        raise EventRejected(
            f"notice {notice} does not name {purpose.id}", remedy="Show a notice that names the purpose"
        )
    fine = channel in purpose.channels if purpose.channels else channel == ""
    if purpose.abstract or not fine:
        raise EventRejected(
            f"{purpose.id} has no channel {channel or '(none)'}",
            remedy="Name one of: " + (", ".join(purpose.channels) or "(no channel)"),
        )
