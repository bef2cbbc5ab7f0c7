"""A consent string comes in for a known customer: what it says no to counts, what it says yes to has to be proved.

gather   the string, decoded; the workspace's mapping; where the customer stands
decide   yes, claim or no for each mapped purpose; opt-outs of the American sections
act      all of it in one transaction; the string itself is sealed with each event

Easy to get wrong: an old string that comes again. Its own instant orders it, so it
never overtakes a later no; the same string twice is one event.

Sources: GDPR Art. 4(11), 7(1), 7(3), 21; CCPA 1798.120; AC-051, AC-053, AC-057.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from rightful.actions.give_consent import grant
from rightful.actions.record_choice import SKEW_US, make_event, purpose_of, record_all
from rightful.actions.withdraw_consent import refusal
from rightful.consent import rules
from rightful.consent.events import Event
from rightful.consent.iab import Gpp, decode_gpp
from rightful.consent.shown import Shown
from rightful.consent.signals import Effect, Mapped, Means, effects_of_tcf, effects_of_us, read_mapping
from rightful.errors import BadInput, EventRejected, SignalUnreadable
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace

MAPPING = "signals.json"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a string: its effects, the entries written, and how many events were known already."""

    effects: tuple[Effect, ...]
    entries: tuple[int, ...]
    known: int


def read_signal(text: str) -> Gpp:
    """A consent string, decoded; changes nothing.

    Raises:
        SignalUnreadable: it is none.
    """
    return decode_gpp(text.strip())


def mapping_of(ws: Workspace) -> tuple[Mapped, ...]:
    """The workspace's `signals.json`; empty where there is none: then no string permits anything.

    Raises:
        BadInput: it cannot be read, or names a purpose, channel or notice that does not exist.
    """
    path = ws.path / MAPPING
    if not path.is_file():
        return ()
    try:
        document: Any = json.loads(path.read_text("utf-8"))
    except ValueError:
        raise BadInput(f"{MAPPING} is not JSON") from None
    found = read_mapping(document)
    notices = ws.shelf.notices()
    for one in found:
        purpose = purpose_of(ws, one.purpose)
        if one.channel not in (purpose.channels or ("",)):
            raise BadInput(f"{MAPPING}: {one.purpose} has no channel {one.channel or '(none)'}")
        for label in one.notices.values():
            if one.purpose not in notices.get(label, {}):
                raise BadInput(f"{MAPPING}: there is no notice {label} that names {one.purpose}")
    return found


def take_signal(ws: Workspace, key: str, text: str, *, actor: str) -> Taken:
    """Take a TCF or GPP string in for one customer.

    Raises:
        SignalUnreadable: malformed, or with a section that is not read: a no may stand in it.
        EventRejected: it claims to come from the future.
    """
    no = ws.number_of(key)
    text = text.strip()
    gpp = decode_gpp(text)
    if gpp.unread:
        raise SignalUnreadable(f"section {gpp.unread[0]} of the GPP string is not read, and a no may stand in it")
    now = ws.ledger.check_clock()
    if gpp.tcf is not None and gpp.tcf.updated_us > now + SKEW_US:
        raise EventRejected("the string claims to come from the future", remedy="Set the sender's clock right")
    effects = (*(effects_of_tcf(gpp.tcf, mapping_of(ws)) if gpp.tcf else ()), *effects_of_us(gpp))
    digest = sha256(text.encode()).hexdigest()
    at = gpp.tcf.updated_us if gpp.tcf is not None else now
    groups: list[tuple[list[Event], Shown | None]] = []
    settled, known = [], 0
    for effect in effects:
        settled_effect, events = _events(ws, no, effect, digest, actor, at, now)
        settled.append(settled_effect)
        if events and ws.consent.find(events[0].id) is not None:
            known += 1
        elif events:
            language = gpp.tcf.language.lower() if gpp.tcf is not None else "en"
            groups.append((events, Shown(language, form="consent-string", payload={"string": text})))
    recorded = record_all(ws, no, groups, actor)
    return Taken(tuple(settled), tuple(one.index for one in recorded), known)


def _events(
    ws: Workspace, no: int, effect: Effect, digest: str, actor: str, at: int, now: int
) -> tuple[Effect, list[Event]]:
    name = f"iab-{no}-{sha256(f'{digest}/{effect.purpose}/{effect.channel}/{effect.means}'.encode()).hexdigest()[:32]}"
    subject = ws.facts.subject(no)
    if effect.means in (Means.OPTED_OUT, Means.SIGNAL):
        kind = EventKind.OPTED_OUT if effect.means is Means.OPTED_OUT else EventKind.SIGNAL_GPC
        if rules.active_scopes(subject.events, kind, EventKind.OPTED_IN_AGAIN):
            return effect, []  # it stands already; after an opt-in the same string says it anew
        return effect, [make_event(ws, kind, "", "", now, Method.SIGNAL.value, "", "", f"iab:{digest}")]
    if effect.means is Means.NO_OBJECTION:
        return effect, []  # a legitimate interest needs no yes
    purpose, signal = purpose_of(ws, effect.purpose), Method.SIGNAL.value
    if effect.means is Means.OBJECTED:
        return effect, [make_event(ws, EventKind.OBJECTED, purpose.id, "", at, signal, name)]
    if effect.means is Means.NO:
        granted = any(e.kind is EventKind.GIVEN and e.purpose == purpose.id for e in subject.events)
        if granted:
            return effect, refusal(ws, no, purpose, effect.channel, signal, at, name)
        return effect, [make_event(ws, EventKind.REFUSED, purpose.id, effect.channel, at, signal, name)]
    if effect.means is Means.YES:
        try:
            events = grant(ws, no, purpose, effect.channel, effect.notice, Method.API, f"iab:{digest}", actor, at)
        except EventRejected as rejected:  # a child, marketing to a minor: never a permission
            return replace(effect, means=Means.CLAIMED, why=rejected.sentence), []
        return effect, [replace(events[0], id=name), *events[1:]]
    claim = make_event(ws, EventKind.GIVEN, purpose.id, effect.channel, at, Method.API.value, name, effect.notice, "")
    return effect, [claim]
