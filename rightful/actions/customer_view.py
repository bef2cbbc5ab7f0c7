"""What a customer sees: what is held, why, who received it, and each time it was used.

gather   their record, the policy in force, the ledger's entries about them
decide   nothing: everything the gate would say is said here in plain words
act      reading one's own data is recorded like any other use

Easy to get wrong: one customer's proof shown to another (looked up by entry, checked
by subject); a switch that shows "on" while the gate would refuse.

Sources: GDPR Art. 13-15, 20; UX portal P2, P3, P4, P6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rightful.actions.record_choice import BY_WILL, bases_of
from rightful.actions.show_disclosures import SHARE_WORDS
from rightful.consent.rules import Status
from rightful.errors import NotFound
from rightful.gate import use
from rightful.gate.conditions import REASONS, Ask, View, reasons_against, regimes_of
from rightful.ledger.record import Entry
from rightful.policy.model import Period, Purpose
from rightful.terms import LawfulBasis
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

BASIS_WORDS = {
    LawfulBasis.CONSENT: "You said yes",
    LawfulBasis.CONTRACT: "We need it to keep our contract with you",
    LawfulBasis.LEGAL_OBLIGATION: "The law requires it",
    LawfulBasis.VITAL_INTEREST: "It protects somebody's life",
    LawfulBasis.PUBLIC_TASK: "It is a task in the public interest",
    LawfulBasis.LEGITIMATE_INTEREST: "We weighed our interest against yours",
    LawfulBasis.LEGAL_CLAIMS: "We need it to defend legal claims",
    LawfulBasis.SOFT_OPT_IN: "You bought something similar and did not say no",
    LawfulBasis.OPT_OUT: "You have not said no",
    LawfulBasis.OPT_OUT_OF_SHARING: "You have not opted out of sharing",
}
GAVE, SAW, INFERRED, OTHERS = "gave", "saw", "inferred", "others"
ORIGINS = {
    "behaviour": SAW,
    "orders": SAW,
    "history": SAW,
    "campaign": SAW,
    "inferred": INFERRED,
    "score": INFERRED,
    "segment": INFERRED,
}


@dataclass(frozen=True, slots=True)
class ChannelState:
    """One switch. `state` is on, off, not-asked or always; `why` is one sentence."""

    channel: str
    state: str
    since: datetime | None
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True)
class PurposeSeen:
    """One purpose as a customer sees it."""

    id: str
    says: str
    basis_words: str
    channels: tuple[ChannelState, ...]
    recipients: tuple[str, ...]
    keep_words: str
    fields: tuple[str, ...]
    can_refuse: bool
    heading: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    purposes: tuple[PurposeSeen, ...]
    notice: str
    regime: str
    state_version: int


@dataclass(frozen=True, slots=True)
class Held:
    """One field of a customer's data, with its value as text and the purposes it serves."""

    field: str
    label: str
    value: str
    purposes: tuple[str, ...]
    until_words: str


@dataclass(frozen=True, slots=True)
class DataGroup:
    category: str
    origin: str
    rows: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class MyData:
    groups: tuple[DataGroup, ...]


@dataclass(frozen=True, slots=True)
class UseSeen:
    """One line of a customer's history. `outcome` is used, counted, refused, choice or own."""

    index: int
    at: datetime
    what: str
    purpose: str
    role: str
    recipient: str | None
    outcome: str
    fields: tuple[str, ...]


def recognise_customer(ws: Workspace, email: str) -> str | None:
    """The key of the one customer with this address; None if nobody or more than one has it."""
    column = str(ws.config.get("subject", {}).get("email", ""))
    if not column or "@" not in email:
        return None
    found = use.customers_by_contact(ws, column, email)
    return found[0][1] if len(found) == 1 else None


def overview(ws: Workspace, key: str) -> Overview:
    """Every purpose, with what it means for this customer right now."""
    no = ws.number_of(key)
    subject = ws.facts.subject(no)
    now = ws.clock()
    policy, notices = ws.facts.policy, ws.facts.notices
    seen = []
    residence = ""
    for purpose in policy.purposes.values():
        if purpose.abstract:
            continue
        bases = bases_of(ws, no, purpose)
        views = [View(Ask(policy, notices, purpose.id, c), subject, now) for c in purpose.channels or ("",)]
        residence = views[0].residence
        seen.append(
            PurposeSeen(
                id=purpose.id,
                says=purpose.says,
                basis_words="; ".join(BASIS_WORDS[b] for b in LawfulBasis if b in bases),
                channels=tuple(_switch(view, bool(bases & BY_WILL)) for view in views),
                recipients=purpose.recipients,
                keep_words=keep_words(purpose.keep),
                fields=ws.facts.bound.fields_of(purpose.id),
                can_refuse=bool(bases & BY_WILL),
                heading=policy.purposes[purpose.parent].says if purpose.parent else None,
            )
        )
    regimes = regimes_of(policy, residence)
    return Overview(tuple(seen), ws.shelf.newest_notice(), ", ".join(regimes), ws.consent.position())


def my_data(ws: Workspace, key: str) -> MyData:
    """Everything held, grouped by where it came from; the reading is recorded."""
    no = ws.number_of(key)
    held = use.own_data(ws, no)
    bound = ws.facts.bound
    serves: dict[str, list[Purpose]] = {}
    for purpose in ws.facts.policy.purposes.values():
        for field in bound.fields_of(purpose.id):
            serves.setdefault(field, []).append(purpose)
    groups: dict[tuple[str, str], list[Held]] = {}
    customer_table = ws.facts.customer_table().name
    for table, rows in held.items():
        for row in rows[:200]:
            for column, value in row.items():
                if value is None:
                    continue
                field = f"{table}.{column}"
                category = bound.category_of.get(field, "not classified")
                origin = ORIGINS.get(category, GAVE if table == customer_table else SAW)
                purposes = serves.get(field, [])
                keeps = [keep_words(p.keep) for p in purposes if p.keep]
                words = "; ".join(dict.fromkeys(keeps)) or "as long as you are a customer"
                groups.setdefault((category, origin), []).append(
                    Held(field, _label(column), _text(value), tuple(p.id for p in purposes), words)
                )
    order = {GAVE: 0, SAW: 1, INFERRED: 2, OTHERS: 3}
    ranked = sorted(groups.items(), key=lambda item: (order[item[0][1]], item[0][0]))
    return MyData(tuple(DataGroup(c, origin, tuple(rows)) for (c, origin), rows in ranked))


def uses(ws: Workspace, key: str, *, limit: int = 100, before: int | None = None) -> tuple[UseSeen, ...]:
    """Each time this customer's data was used, counted or refused, newest first."""
    no = ws.number_of(key)
    indexes = set(ws.ledger.entries_of(ws.subject_id(no))) | set(ws.ledger.uses_touching(no))
    chosen = sorted((i for i in indexes if before is None or i < before), reverse=True)[:limit]
    return tuple(_seen(ws.ledger.entry(index)) for index in chosen)


def proof(ws: Workspace, key: str, index: int) -> bytes:
    """The receipt of one entry, as a zip that verifies without us.

    Raises:
        NotFound: there is no such entry about this customer (the same answer either way).
    """
    no = ws.number_of(key)
    mine = index in ws.ledger.entries_of(ws.subject_id(no)) or index in ws.ledger.uses_touching(no)
    if not mine:
        raise NotFound(f"there is no entry {index} about you", remedy="The list shows all entries about you")
    receipt = ws.ledger.receipt(index)
    if index not in ws.ledger.entries_of(ws.subject_id(no)):
        receipt = replace(receipt, opening=None)  # of a use of many: who asked and the text are not theirs to see
    return receipt.to_bytes()


def keep_words(period: Period | None) -> str:
    """A storage period in words."""
    if period is None:
        return ""
    unit = period.unit if period.count != 1 else period.unit.rstrip("s")
    anchor = period.after
    if not anchor:
        return f"{period.count} {unit}"
    return (
        f"{period.count} {unit} from {anchor}"
        if anchor.startswith("the end")
        else f"{period.count} {unit} after {anchor}"
    )


def _switch(view: View, by_will: bool) -> ChannelState:
    against = reasons_against(view)
    choice = view.choice
    since = None if choice.status is Status.NONE else EPOCH + timedelta(microseconds=choice.since_us)
    until = None
    if view.has_live_consent and choice.until_us < (1 << 62):
        until = EPOCH + timedelta(microseconds=choice.until_us)
    channel = view.ask.channel
    if not by_will:
        state = "always" if not against else "off"
        return ChannelState(channel, state, since, until, _why(view, against) or "This goes on by law or contract.")
    if not against:
        return ChannelState(channel, "on", since, until, _why(view, ()) or "On: you have not said no.")
    asked = {"consent_missing", "consent_deferred", "wrong_channel", "soft_opt_in_missing"}
    state = "not-asked" if set(against) <= asked else "off"
    return ChannelState(channel, state, since, until, _why(view, against))


def _why(view: View, against: list[str] | tuple[str, ...]) -> str:
    if not against:
        if view.has_live_consent:
            when = (EPOCH + timedelta(microseconds=view.choice.since_us)).strftime("%A, %-d %B %Y")
            return f"You said yes on {when}."
        return ""
    texts = sorted((REASONS[c].layer, OWN_WORDS.get(c, REASONS[c].sentence)) for c in against)
    words = {"purpose": "this", "channel": view.ask.channel, "recipient": "the recipient", "field": "", "because": ""}
    return texts[0][1].format(**words, role="") + "."


OWN_WORDS = {
    "consent_missing": "You have not been asked, or have not answered",
    "consent_refused": "You said no",
    "consent_withdrawn": "You withdrew your consent",
    "consent_expired": "Your consent has run out",
    "consent_deferred": "You closed the question without a choice",
    "consent_unprovable": "An old yes is on file that nobody can prove, so we do not use it",
    "consent_invalid": "A box was ticked for you, and that is not consent",
    "consent_not_on_notice": "You said yes before this was part of it",
    "wrong_channel": "You agreed to another channel",
    "objected": "You objected",
    "opted_out": "You opted out of sale and sharing",
    "restricted": "Use is restricted because you asked for it",
    "minor": "You are under 18",
    "not_informed": "We have not told you about this yet",
    "soft_opt_in_missing": "You have not bought anything this could build on",
    "guardian_missing": "You were too young to agree alone",
    "erased": "Your data has been erased",
}


def _seen(entry: Entry) -> UseSeen:
    public: Mapping[str, Any] = entry.public
    purpose, role = str(public.get("purpose", "")), str(public.get("role", ""))
    recipient = str(public.get("recipient", "")) or None
    outcome, what = _sentence(entry.kind, public, purpose, role, recipient)
    fields = tuple(str(f) for f in public.get("fields", ()))
    at = EPOCH + timedelta(microseconds=entry.at)
    return UseSeen(entry.index, at, what, purpose, role, recipient, outcome, fields)


def _sentence(kind: str, public: Mapping[str, Any], purpose: str, role: str, recipient: str | None) -> tuple[str, str]:
    channel = str(public.get("channel", ""))
    way = f" by {channel}" if channel and channel != "*" else ""
    if kind == "use.query" and public.get("shape") == "counts":
        people = int(public.get("customers", 0))
        return "counted", f"You were one of {people:,} people counted for {purpose}; no single record was shown"
    if kind == "use.query":
        return "used", f"Your data was read for {purpose}"
    if kind == "use.export":
        target = f" and went to {recipient}" if recipient else ""
        return "used", f"Your data was on a list for {purpose}{way}{target}"
    if kind == "use.withheld":
        return "refused", f"A list for {purpose}{way} was made without you"
    if kind == "use.refused":
        return "refused", f"Somebody asked for your data for {purpose} and was refused"
    if kind == "use.decision":
        return "used", f"It was checked whether your data may be used for {purpose}{way}: yes"
    if kind == "use.own":
        return "own", "You looked at your own data"
    if kind in SHARE_WORDS:
        return "own", SHARE_WORDS[kind].format(recipient=recipient, duty=public.get("duty", ""))
    if kind == "consent.exported":
        return "used", f"A copy of your recorded choices was made for {purpose}"
    said = {
        "given": f"You said yes to {purpose}{way}",
        "withdrawn": f"You withdrew your consent to {purpose}{way}",
        "refused": f"You said no to {purpose}{way}",
        "objected": f"You objected to {purpose}",
        "objection-lifted": f"You lifted your objection to {purpose}",
        "opted-out": "You opted out of sale and sharing",
        "opted-in-again": "You allowed sale and sharing again",
        "signal-gpc": "Your browser asked us not to sell or share your data",
        "notice-served": f"You were shown notice {public.get('notice', '')}",
        "restricted": "Use of your data was restricted",
    }
    if kind.startswith("consent."):
        return "choice", said.get(kind.removeprefix("consent."), f"Recorded: {kind.removeprefix('consent.')} {purpose}")
    return "own", f"Recorded: {kind}"


def _label(column: str) -> str:
    return column.replace("_", " ").capitalize()


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%A, %-d %B %Y, %H:%M")
    if hasattr(value, "strftime"):
        return str(value.strftime("%A, %-d %B %Y"))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
