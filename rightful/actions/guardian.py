"""A child cannot agree alone: a parent or guardian is invited, shows who they are, and agrees or refuses.

gather   the child's age and country, what waits for an agreement, who was named before
decide   whether the relation is known; if it is not on file, a member of staff has to look
act      each step is recorded; an agreement is a consent of method `guardian` with the relation as evidence

Easy to get wrong: marketing. No agreement of a guardian switches it on, so it is not
offered. Coming of age ends the guardian's power by itself, at midnight of the birthday;
what was agreed stands until the young person changes it (EDPB 05/2020 par. 147-149).

Sources: GDPR Art. 8, recital 38; EDPB Guidelines 05/2020 par. 132-149; AC-022.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.customer_words import said_by
from rightful.actions.give_consent import give_consent
from rightful.actions.record_choice import Recorded
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.consent.guardians import (
    BY_STAFF,
    DAY_US,
    DECLINED,
    INVITED,
    MAILS_PER_DAY,
    NEEDS_STAFF,
    ON_FILE,
    REJECTED,
    VERIFIED,
    Relation,
)
from rightful.consent.shown import Shown
from rightful.errors import BadInput, EventRejected, NotFound
from rightful.gate import use
from rightful.gate.conditions import Ask, View, reasons_against
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.policy.model import Purpose
from rightful.terms import EventKind, LawfulBasis
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RELATIONS = ("parent", "guardian", "other")
NOT_NAMED = "not-named"


@dataclass(frozen=True, slots=True)
class Waiting:
    """One purpose and channel a guardian decides on. `on` is what holds now."""

    purpose: str
    channel: str
    says: str
    on: bool


@dataclass(frozen=True, slots=True)
class ChildSeen:
    """What the child's own page says: the age from which they decide alone, and how far the asking is."""

    age: int
    decides_at: datetime
    state: str
    choices: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class GuardianSeen:
    """What the page behind a guardian's link says. `over`: the child decides alone by now."""

    state: str
    over: bool
    expired: bool
    choices: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True)
class ToCheck:
    """One relation a member of staff has to look at; no name, no address."""

    id: int
    subject: str
    since: datetime


def child_view(ws: Workspace, key: str, *, language: str = "en") -> ChildSeen | None:
    """What waits for a guardian's agreement; None for everybody who decides alone."""
    return _child(ws, ws.number_of(key), ws.clock(), language)


def invite_guardian(ws: Workspace, key: str, address: str, *, language: str = "en") -> bool:
    """Write to the address a child gave. The mail names neither the child nor anything about them.

    Returns:
        False: enough such mails were sent today; nothing was sent.

    Raises:
        EventRejected: nobody has to agree for this customer, or the address is the child's own.
    """
    no = ws.number_of(key)
    now = ws.ledger.check_clock()
    if _child(ws, no, now) is None:
        raise EventRejected("nobody has to agree for this customer", remedy="Make the choice yourself")
    own = str(ws.config.get("subject", {}).get("email", ""))
    if own and use.same_address(use.contact_of(ws, no, own), address):
        raise EventRejected("this is the child's own address", code="consent.guardian-own-address")
    if any(r.state in (DECLINED, REJECTED) for r in ws.guardians.of(no) if _is(ws, r, address)):
        return False  # they said they are not, or staff did: no more mails to them for this child
    if ws.guardians.mails_since(no, address, now - DAY_US) >= MAILS_PER_DAY:
        return False
    token, subject = ws.guardians.new_token(), ws.subject_id(no)

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.guardians.invite(tx, subject, no, address, token, language, now, entries[0].index)
        _mail(ws, address, "guardian_invitation", token, language, no)

    ws.journal.record([Draft("consent.guardian-invited", {}, {"actor": "self"}, subject=subject)], rows)
    return True


def guardian_view(ws: Workspace, token: str, *, language: str = "en") -> GuardianSeen:
    """What a guardian's link shows; looking changes nothing.

    Raises:
        NotFound: no mail of ours has this link.
    """
    relation, now = _relation(ws, token), ws.clock()
    child = _child(ws, relation.no, now, language)
    expired = relation.ends_us <= now and relation.state in (INVITED, VERIFIED)
    shown = child is not None and relation.state == VERIFIED and not expired
    return GuardianSeen(relation.state, child is None, expired, child.choices if child is not None and shown else ())


def identify_guardian(ws: Workspace, token: str, name: str, relation: str) -> str:
    """Somebody says who they are, and that they hold parental responsibility; returns the new state.

    The relation counts at once only where the customer table names this address as the guardian's.
    Otherwise a member of staff has to look (AC-022).

    Raises:
        BadInput: no name, or a relation that is none.
        EventRejected: the link is used, over, or the child decides alone by now.
    """
    found, now = _open(ws, token, INVITED)
    if not name.strip() or len(name) > 200:
        raise BadInput("a guardian has a name")
    if relation not in RELATIONS:
        raise BadInput("this is no relation to a child", remedy="Name one of: " + ", ".join(RELATIONS))
    address = str(ws.guardians.details(found).get("address", ""))
    column = str(ws.config.get("subject", {}).get("guardian", ""))
    on_file = bool(column) and use.same_address(use.contact_of(ws, found.no, column) or "-", address)
    state, how = (VERIFIED, ON_FILE) if on_file else (NEEDS_STAFF, "")
    details = {"address": address, "name": name.strip(), "relation": relation}
    _move(ws, found, state, now, {"how": how}, {"relation": relation, "name": name.strip()}, how=how, details=details)
    return state


def decline_guardian(ws: Workspace, token: str) -> None:
    """Somebody says: I am not. Nothing more is sent to this address because of this child."""
    found, now = _open(ws, token, INVITED)
    _move(ws, found, DECLINED, now, {}, {})


def guardian_answers(
    ws: Workspace, token: str, purpose: str, channel: str = "", *, yes: bool, language: str = "en"
) -> Recorded:
    """Agree to one purpose for the child, or refuse it. Works as long as the link does, in both directions.

    Raises:
        EventRejected: the relation is not verified, the link is over, the child decides alone by now, or
            this is nothing a guardian decides on.
    """
    found, _ = _open(ws, token, VERIFIED)
    child = _child(ws, found.no, ws.clock(), language)
    waiting = child.choices if child is not None else ()
    if (purpose, channel) not in {(one.purpose, one.channel) for one in waiting}:
        raise EventRejected("this is nothing a guardian decides on", code="consent.guardian-cannot")
    key = _key_of(ws, found.no)
    if not yes:
        return withdraw_consent(ws, key, purpose, channel, method="guardian", actor="guardian")
    says = next(one.says for one in waiting if (one.purpose, one.channel) == (purpose, channel))
    shown = Shown(language, says, "portal/guardian", payload={"relation-in-entry": str(found.entry), "how": found.how})
    return give_consent(
        ws,
        key,
        purpose,
        channel,
        guardian=True,
        method="guardian",
        evidence=f"guardian-{found.id}",
        shown=shown,
        actor="guardian",
    )


def send_new_link(ws: Workspace, address: str) -> int:
    """A guardian comes back: a fresh link for each child they answer for. Nothing for anybody else; how many."""
    now, sent = ws.ledger.check_clock(), 0
    for relation in ws.guardians.by_address(address, VERIFIED):
        if _child(ws, relation.no, now) is None:
            continue
        if ws.guardians.mails_since(relation.no, address, now - DAY_US) >= MAILS_PER_DAY:
            continue
        _send_link(ws, relation, now)
        sent += 1
    return sent


# --- staff -------------------------------------------------------------------------------------------


def to_check(ws: Workspace) -> tuple[ToCheck, ...]:
    """Relations that wait for a member of staff, oldest first."""
    waiting = ws.guardians.in_state(NEEDS_STAFF)
    return tuple(ToCheck(r.id, r.subject, EPOCH + timedelta(microseconds=r.changed_us)) for r in reversed(waiting))


def look_at_guardian(ws: Workspace, number: int, *, actor: str) -> dict[str, str]:
    """Name, address, relation and the child's key, to be checked. The look is recorded, and the child sees it."""
    relation = _by_id(ws, number)
    details = ws.guardians.details(relation)
    if not details:
        raise NotFound("this child was erased, and what the guardian told us with it")
    ws.journal.record([Draft("consent.guardian-looked", {}, {"actor": actor}, subject=relation.subject)])
    return {name: str(value) for name, value in details.items()} | {"child": _key_of(ws, relation.no)}


def decide_guardian(ws: Workspace, number: int, *, actor: str, accept: bool, how: str) -> str:
    """A member of staff checked the relation; returns the new state. An accepted guardian gets a link.

    Args:
        how: how it was checked (a document that was seen, a call to a number on file); sealed, and needed.
    """
    relation = _by_id(ws, number)
    if relation.state != NEEDS_STAFF:
        raise EventRejected("this relation does not wait for a check")
    if not how.strip():
        raise BadInput("how was it checked?", remedy="Name the document that was seen, or the number that was called")
    now = ws.ledger.check_clock()
    state = VERIFIED if accept else REJECTED
    _move(ws, relation, state, now, {"how": BY_STAFF}, {"actor": actor, "checked": how.strip()}, how=BY_STAFF)
    if accept:
        _send_link(ws, _by_id(ws, number), now)
    return state


# --- inside ------------------------------------------------------------------------------------------


def _child(ws: Workspace, no: int, now: int, language: str = "en") -> ChildSeen | None:
    """The child's view, or None for somebody who is old enough, whose age is unknown, or who is gone."""
    policy, notices = ws.facts.policy, ws.facts.notices
    subject = ws.facts.subject(no)
    if any(event.kind is EventKind.ERASED for event in subject.events):
        return None
    found: list[Waiting] = []
    view: View | None = None
    for purpose in policy.purposes.values():
        if purpose.abstract or purpose.direct_marketing:
            continue
        for channel in purpose.channels or ("",):
            view = View(Ask(policy, notices, purpose.id, channel), subject, now)
            of_age = view.turns_us(view.consent_age)
            if of_age is None or now >= of_age:
                return None
            if LawfulBasis.CONSENT in view.kinds:
                found.append(_waiting(purpose, channel, view, language))
    if view is None or not found:
        return None
    of_age = view.turns_us(view.consent_age)
    assert of_age is not None
    named = ws.guardians.of(no)
    state = next((s for s in (VERIFIED, NEEDS_STAFF, INVITED) if any(r.state == s for r in named)), NOT_NAMED)
    return ChildSeen(view.consent_age, EPOCH + timedelta(microseconds=of_age), state, tuple(found))


def _waiting(purpose: Purpose, channel: str, view: View, language: str) -> Waiting:
    return Waiting(purpose.id, channel, said_by(view.ask.policy, purpose, language), not reasons_against(view))


def _relation(ws: Workspace, token: str) -> Relation:
    relation = ws.guardians.by_link(token)
    if relation is None:
        raise NotFound("this link is not one of ours", remedy="Copy the whole link out of the mail")
    return relation


def _open(ws: Workspace, token: str, state: str) -> tuple[Relation, int]:
    relation, now = _relation(ws, token), ws.ledger.check_clock()
    if relation.state != state or relation.ends_us <= now:
        raise EventRejected("this link was used already, or its time is over", remedy="Ask for a new one")
    if _child(ws, relation.no, now) is None:
        raise EventRejected("the young person is old enough to decide alone", code="consent.guardian-over")
    return relation, now


def _move(
    ws: Workspace,
    relation: Relation,
    state: str,
    now: int,
    public: dict[str, str],
    private: dict[str, str],
    *,
    how: str = "",
    details: dict[str, str] | None = None,
) -> None:
    draft = Draft(f"consent.guardian-{state}", public, private, subject=relation.subject)
    ws.journal.record(
        [draft],
        lambda tx, entries: ws.guardians.move(tx, relation, state, now, entries[0].index, how=how, details=details),
    )


def _send_link(ws: Workspace, relation: Relation, now: int) -> None:
    address = str(ws.guardians.details(relation).get("address", ""))
    if not address:
        return
    token = ws.guardians.new_token()

    def rows(tx: Tx, _entries: list[Entry]) -> None:
        ws.guardians.renew_link(tx, relation, token, now)
        _mail(ws, address, "guardian_link", token, relation.language, relation.no)

    ws.journal.record([Draft("consent.guardian-link", {}, {}, subject=relation.subject)], rows)


def _mail(ws: Workspace, address: str, template: str, token: str, language: str, no: int) -> None:
    ws.mail.put(
        to=address,
        template=template,
        words={"link": f"/guardian/{token}/"},
        language=language,
        subject_no=no,
        kind="guardian",
        keep=False,
    )


def _is(ws: Workspace, relation: Relation, address: str) -> bool:
    return use.same_address(str(ws.guardians.details(relation).get("address", "")), address)


def _by_id(ws: Workspace, number: int) -> Relation:
    relation = ws.guardians.by_id(number)
    if relation is None:
        raise NotFound(f"there is no relation {number}")
    return relation


def _key_of(ws: Workspace, no: int) -> str:
    key = use.customer_key(ws, no)
    if key is None:
        raise NotFound("this customer is gone")
    return key
