"""What a customer sees of the purposes: what is done with their data, why, and where each switch stands.

gather   the customer's events, the policy in force
decide   nothing: everything the gate would say is said here in plain words
act      nothing

Easy to get wrong: a switch that shows "on" while the gate would refuse; a reason the
gate gives in words for staff.

Sources: GDPR Art. 13-15, 21; UX portal P2, P3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.customer_words import (
    SENTENCES,
    Label,
    Said,
    basis_words,
    field_name,
    recipient_name,
    said_by,
)
from rightful.actions.record_choice import BY_WILL, bases_of
from rightful.consent.rules import Status
from rightful.gate import use
from rightful.gate.conditions import REASONS, Ask, View, reasons_against, regimes_of
from rightful.policy.model import Period
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FOREVER_US = 1 << 62
_NEVER_ASKED = {"consent_missing", "consent_deferred", "wrong_channel", "soft_opt_in_missing"}


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One switch. `state` is on, off, not-asked or always; `notice` is what was shown when the customer said yes."""

    channel: str
    state: str
    since: datetime | None
    until: datetime | None
    why: Said
    notice: str = ""


@dataclass(frozen=True, slots=True)
class RecipientSeen:
    """Somebody outside who may get data: what they are called, what they are to us, where they sit."""

    id: str
    name: str
    kind: str
    country: str


@dataclass(frozen=True, slots=True)
class PurposeSeen:
    """One purpose as a customer sees it."""

    id: str
    says: str
    basis: tuple[Said, ...]
    channels: tuple[ChannelState, ...]
    recipients: tuple[RecipientSeen, ...]
    keep: Period | None
    fields: tuple[Label, ...]
    can_refuse: bool
    heading: str | None
    counts_only: bool

    @property
    def basis_words(self) -> str:
        """Why we may, in English."""
        return "; ".join(str(one) for one in self.basis)


@dataclass(frozen=True, slots=True)
class Overview:
    purposes: tuple[PurposeSeen, ...]
    notice: str
    regime: str
    state_version: int


def recognise_customer(ws: Workspace, email: str) -> str | None:
    """The key of the one customer with this address; None if nobody or more than one has it."""
    column = str(ws.config.get("subject", {}).get("email", ""))
    if not column or "@" not in email:
        return None
    found = use.customers_by_contact(ws, column, email)
    return found[0][1] if len(found) == 1 else None


def known_address(ws: Workspace, no: int) -> str:
    """The e-mail address the CRM has for a customer, or ""."""
    column = ws.config.get("subject", {}).get("email", "")
    return use.contact_of(ws, no, column) if column else ""


def overview(ws: Workspace, key: str, *, language: str = "en") -> Overview:
    """Every purpose, with what it means for this customer right now."""
    no = ws.number_of(key)
    subject = ws.facts.subject(no)
    now = ws.clock()
    policy, notices = ws.facts.policy, ws.facts.notices
    own_key = ws.facts.customer_table().key
    seen = []
    residence = ""
    for purpose in policy.purposes.values():
        if purpose.abstract:
            continue
        bases = bases_of(ws, no, purpose)
        views = [View(Ask(policy, notices, purpose.id, c), subject, now) for c in purpose.channels or ("",)]
        residence = views[0].residence
        fields = [f for f in ws.facts.bound.fields_of(purpose.id) if not _is_key(f, own_key)]
        seen.append(
            PurposeSeen(
                id=purpose.id,
                says=said_by(policy, purpose, language),
                basis=basis_words(bases),
                channels=tuple(_switch(view, bool(bases & BY_WILL)) for view in views),
                recipients=tuple(_recipient(ws, name) for name in purpose.recipients),
                keep=purpose.keep,
                fields=tuple(dict.fromkeys(field_name(policy, f, language) for f in fields)),
                can_refuse=bool(bases & BY_WILL),
                heading=said_by(policy, policy.purposes[purpose.parent], language) if purpose.parent else None,
                counts_only=purpose.aggregates_only,
            )
        )
    regimes = regimes_of(policy, residence)
    return Overview(tuple(seen), ws.shelf.newest_notice(), ", ".join(regimes), ws.consent.position())


def _is_key(field: str, own_key: str) -> bool:
    """Numbers that only tie rows together tell a customer nothing."""
    column = field.rpartition(".")[2]
    return column in (own_key, "id") or column.endswith("_id")


def _recipient(ws: Workspace, name: str) -> RecipientSeen:
    policy = ws.facts.policy
    found = policy.recipients.get(name)
    return RecipientSeen(
        name, recipient_name(policy, name), found.kind.value if found else "", found.country if found else ""
    )


def _switch(view: View, by_will: bool) -> ChannelState:
    against = reasons_against(view)
    choice = view.choice
    since = None if choice.status is Status.NONE else EPOCH + timedelta(microseconds=choice.since_us)
    until, notice = None, ""
    if view.has_live_consent:
        notice = choice.notice
        if choice.until_us < FOREVER_US:
            until = EPOCH + timedelta(microseconds=choice.until_us)
    if by_will:
        asked = not (against and set(against) <= _NEVER_ASKED)
        state = "on" if not against else "off" if asked else "not-asked"
    else:
        state = "off" if against else "always"
    return ChannelState(view.ask.channel, state, since, until, _why(view, against, by_will=by_will), notice)


def _why(view: View, against: list[str], *, by_will: bool) -> Said:
    if against:
        code = min(against, key=lambda c: (REASONS[c].layer, c))
        return Said(code if code in SENTENCES else "not_used")
    if view.has_live_consent:
        return Said("said_yes", {"day": EPOCH + timedelta(microseconds=view.choice.since_us)})
    return Said("on_until_no" if by_will else "always_on")
