"""A customer says yes: to one purpose, on one channel, on the notice that was shown.

gather   the notice, the purpose, what stands against it
decide   whether this is a consent that can be proved; which objections the same act lifts
act      events and ledger entries in one transaction; acknowledged once on disk

Easy to get wrong: a yes to one purpose does not undo a no to the others.

Sources: GDPR Art. 4(11), 7(1), 7(2), 8; 11 CCR 7025; cases S03, S06, S10; AC-015.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from rightful.actions.record_choice import (
    Recorded,
    bases_of,
    check_grant,
    make_event,
    method_of,
    purpose_of,
    record,
)
from rightful.consent import rules
from rightful.consent.events import Event
from rightful.consent.shown import Shown
from rightful.errors import EventRejected, GuardianMissing
from rightful.gate.conditions import Ask, View
from rightful.policy.model import Purpose
from rightful.terms import DIRECT_MARKETING, EventKind, LawfulBasis, Method
from rightful.workspace import Workspace


def give_consent(
    ws: Workspace,
    key: str,
    purpose: str,
    channel: str = "",
    *,
    notice: str | None = None,
    method: str = "portal",
    evidence: str = "",
    language: str = "en",
    shown: Shown | None = None,
    guardian: bool = False,
    actor: str = "self",
    event_id: str = "",
    at_us: int | None = None,
    until_us: int | None = None,
) -> Recorded:
    """Say yes to one purpose on one channel, on the notice that was shown.

    A yes in the portal is its own evidence; any other way needs a reference to it (GDPR Art. 7(1)).
    Objections and opt-outs of the customer that stand against this purpose are lifted by the same act.

    Args:
        shown: language, words, form and collector; where nothing is said, `language` and the notice's words.

    Raises:
        EventRejected: pre-ticked, without evidence, on a notice that does not name the purpose, for a
            purpose that does not rest on consent, or for a channel it does not have.
        GuardianMissing: a child below the age of digital consent spoke for itself.
    """
    no = ws.number_of(key)
    found = purpose_of(ws, purpose)
    now = ws.ledger.check_clock()
    label = ws.shelf.newest_notice() if notice is None else notice
    way = Method.GUARDIAN if guardian else method_of(method)
    events = grant(ws, no, found, channel, label, way, evidence, actor, now if at_us is None else at_us, until_us)
    if event_id:
        events[0] = replace(events[0], id=event_id)
    effect = f"{granted_words(purpose, channel)} until you say no."
    return record(ws, no, events, actor, effect, shown=as_shown(ws, label, purpose, language, shown))


def grant(
    ws: Workspace,
    no: int,
    purpose: Purpose,
    channel: str,
    notice: str,
    way: Method,
    evidence: str,
    actor: str,
    at: int,
    until_us: int | None = None,
) -> list[Event]:
    """The events that say yes, the yes itself first. Raises as `give_consent`; records nothing."""
    proof = evidence or (f"portal-{secrets.token_hex(6)}" if way is Method.PORTAL and actor == "self" else "")
    check_grant(ws, purpose, channel, notice, way, proof)
    check_age(ws, no, purpose, channel, way, at)
    given = make_event(ws, EventKind.GIVEN, purpose.id, channel, at, way.value, "", notice, proof, until_us)
    return [given, *_lifts(ws, no, purpose, at, way, proof)]


def granted_words(purpose: str, channel: str) -> str:
    return f"We may use your data for {purpose}" + (f" by {channel}" if channel else "")


def as_shown(ws: Workspace, notice: str, purpose: str, language: str, shown: Shown | None) -> Shown:
    """What was shown, with the notice's own sentence, in this language, where no other words were named."""
    found = shown or Shown(language)
    if found.wording:
        return found
    told = ws.notices.wording(notice, purpose, found.language).text
    return replace(found, wording=told.partition("\n")[0])


def check_age(ws: Workspace, no: int, purpose: Purpose, channel: str, way: Method, at: int) -> None:
    """Nobody under 18 is addressed with marketing; a child's own yes needs the age of its country.

    Raises:
        EventRejected: marketing to a minor, also where a guardian agrees.
        GuardianMissing: GDPR Art. 8(1).
    """
    view = View(Ask(ws.facts.policy, ws.facts.notices, purpose.id, channel), ws.facts.subject(no), at)
    if purpose.direct_marketing and view.is_minor:
        raise EventRejected(
            f"{purpose.id} is marketing, and this customer is under 18",
            remedy="Ask again when the customer is of age",
            code="consent.minor",
        )
    if LawfulBasis.CONSENT not in view.kinds or way is Method.GUARDIAN:
        return
    of_age = view.turns_us(view.consent_age)
    if of_age is not None and at < of_age:
        raise GuardianMissing(purpose.id, view.consent_age)


def _lifts(ws: Workspace, no: int, purpose: Purpose, at: int, method: Method, proof: str) -> list[Event]:
    """Objections and opt-outs that this fresh yes lifts: those that name exactly this purpose."""
    events = ws.facts.subject(no).events
    lifted = []
    if purpose.id in rules.active_scopes(events, EventKind.OBJECTED, EventKind.OBJECTION_LIFTED):
        lifted.append(make_event(ws, EventKind.OBJECTION_LIFTED, purpose.id, "", at + 1, method.value, "", "", proof))
    if LawfulBasis.OPT_OUT_OF_SHARING in bases_of(ws, no, purpose):
        lifted.append(make_event(ws, EventKind.OPTED_IN_AGAIN, "", "", at + 1, method.value, "", "", proof))
    if purpose.direct_marketing and DIRECT_MARKETING in rules.active_scopes(
        events, EventKind.OBJECTED, EventKind.OBJECTION_LIFTED
    ):
        # A yes to one purpose does not lift the no to all marketing: it is narrowed to the other purposes.
        others = [
            p.id
            for p in ws.facts.policy.purposes.values()
            if p.direct_marketing and not p.abstract and p.id != purpose.id
        ]
        lifted += [make_event(ws, EventKind.OBJECTED, p, "", at, method.value, "", "", proof) for p in others]
        lifted.append(
            make_event(ws, EventKind.OBJECTION_LIFTED, DIRECT_MARKETING, "", at + 1, method.value, "", "", proof)
        )
    return lifted
