"""A customer says no: which event says it, and what it changes.

gather   the purpose, and what it rests on where the customer lives
decide   a withdrawal, an objection, an opt-out, or several of them
act      events and ledger entries in one transaction; acknowledged once on disk

Easy to get wrong: saying no must work for every purpose that rests on the
customer's will, whatever the law calls it, and must take no more than saying yes.

Sources: GDPR Art. 7(3), 21; CCPA 1798.120; AC-015.
"""

from __future__ import annotations

from rightful.actions.record_choice import BY_WILL, Recorded, bases_of, make_event, purpose_of, record
from rightful.consent.events import Event
from rightful.errors import EventRejected
from rightful.policy.model import Purpose
from rightful.terms import ALL_CHANNELS, DIRECT_MARKETING, EventKind, LawfulBasis
from rightful.workspace import Workspace


def withdraw_consent(
    ws: Workspace,
    key: str,
    purpose: str,
    channel: str = ALL_CHANNELS,
    *,
    method: str = "portal",
    actor: str = "self",
    event_id: str = "",
    at_us: int | None = None,
) -> Recorded:
    """Say no to a purpose, as easily as yes (GDPR Art. 7(3)); effective on the very next read.

    What is recorded depends on what the purpose rests on where the customer lives: a withdrawal of
    consent, an objection to a legitimate interest (then for all channels), an opt-out of sharing.

    Raises:
        UnknownName: no such customer or purpose.
        EventRejected: the purpose does not rest on the customer's will.
    """
    no = ws.number_of(key)
    found = purpose_of(ws, purpose)
    now = ws.ledger.check_clock()
    events = refusal(ws, no, found, channel, method, now if at_us is None else at_us, event_id)
    return record(ws, no, events, actor, f"{refused_words(purpose, channel)}.")


def refusal(
    ws: Workspace, no: int, purpose: Purpose, channel: str, method: str, at: int, event_id: str = ""
) -> list[Event]:
    """The events that say no to a purpose. Raises as `withdraw_consent`; records nothing."""
    kinds = bases_of(ws, no, purpose)
    if not kinds & BY_WILL:
        raise EventRejected(
            f"{purpose.id} does not rest on consent: it goes on whatever is chosen",
            remedy="Erasure or restriction may be asked for instead",
        )
    events = []
    if kinds & {LawfulBasis.CONSENT, LawfulBasis.SOFT_OPT_IN, LawfulBasis.OPT_OUT}:
        events.append(make_event(ws, EventKind.WITHDRAWN, purpose.id, channel, at, method, event_id))
    if kinds & {LawfulBasis.LEGITIMATE_INTEREST, LawfulBasis.PUBLIC_TASK}:
        events.append(make_event(ws, EventKind.OBJECTED, purpose.id, "", at, method, event_id and event_id + "/o"))
    if LawfulBasis.OPT_OUT_OF_SHARING in kinds:
        events.append(make_event(ws, EventKind.OPTED_OUT, "", "", at, method, event_id and event_id + "/s"))
    return events


def refused_words(purpose: str, channel: str) -> str:
    way = "" if channel in ("", ALL_CHANNELS) else f" by {channel}"
    return f"From now on nothing of yours is used for {purpose}{way}"


def object_to(
    ws: Workspace,
    key: str,
    scope: str = DIRECT_MARKETING,
    *,
    method: str = "portal",
    actor: str = "self",
    event_id: str = "",
) -> Recorded:
    """Object to a purpose, or to all direct marketing (GDPR Art. 21); stands until the customer lifts it."""
    no = ws.number_of(key)
    if scope != DIRECT_MARKETING:
        purpose_of(ws, scope)
    now = ws.ledger.check_clock()
    event = make_event(ws, EventKind.OBJECTED, scope, "", now, method, event_id)
    return record(ws, no, [event], actor, f"From now on nothing of yours is used for {scope}.")


def switch_everything_off(
    ws: Workspace, key: str, *, method: str = "portal", actor: str = "self"
) -> tuple[Recorded, ...]:
    """Say no to every purpose that rests on the customer's will, in one step."""
    no = ws.number_of(key)
    recorded = [object_to(ws, key, DIRECT_MARKETING, method=method, actor=actor)]
    for purpose in ws.facts.policy.purposes.values():
        if not purpose.abstract and bases_of(ws, no, purpose) & BY_WILL:
            recorded.append(withdraw_consent(ws, key, purpose.id, method=method, actor=actor))
    return tuple(recorded)
