"""A customer's consent as a record others can read, and the receipt they take home with its proof.

gather   everything on record about one purpose and channel, and the notices it was made on
decide   nothing: what the standard's fields are in this case
act      a new receipt is put into the ledger with its content; one that says the same is handed out again

Easy to get wrong: handing out a receipt that nobody can hold against us. Its SHA-256
and its whole text stand in the entry's sealed payload, so the file proves itself
offline, and a changed copy is found out (AC-058).

Sources: ISO/IEC TS 27560:2023, 6.4; GDPR Art. 7(1), 15; AC-056, AC-058.
"""

from __future__ import annotations

import hmac
import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from rightful.actions.record_choice import bases_of, purpose_of
from rightful.consent import receipt as texts
from rightful.consent import rules
from rightful.consent.events import NEVER_US, Event
from rightful.consent.history import Kept, history_of
from rightful.errors import BadInput, IntegrityFault, NotFound
from rightful.gate.conditions import Ask, View
from rightful.ledger.record import Draft
from rightful.policy.model import Policy, Purpose, Recipient
from rightful.policy.models import notice_bytes
from rightful.policy.periods import words
from rightful.protection.keys import derive
from rightful.terms import ALL_CHANNELS, EventKind, LawfulBasis, Method, RecipientKind
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONTROLLER = "controller"
"""Member of the workspace's configuration: what the policy does not say of the organisation."""
CONTROLLER_FIELDS = ("id", "address", "contact", "stored-in")
CHOSEN = frozenset(texts.STATES)
KIND = "consent.receipt"
ROLES = {
    RecipientKind.PROCESSOR: "dpv:DataProcessor",
    RecipientKind.SERVICE_PROVIDER: "dpv:DataProcessor",
    RecipientKind.JOINT_CONTROLLER: "dpv:JointDataControllers",
    RecipientKind.THIRD_PARTY: "dpv:ThirdParty",
}


@dataclass(frozen=True, slots=True)
class Issued:
    """A receipt: its JSON text, the zip that proves it, and the entry it stands in."""

    receipt: dict[str, Any]
    text: bytes
    zip: bytes
    entry: int


def record_of(ws: Workspace, key: str, purpose: str, channel: str = "") -> dict[str, Any]:
    """The consent record of one purpose and channel, as of now.

    Raises:
        NotFound: the customer never chose anything here.
        BadInput: a mandatory field is empty.
    """
    no = ws.number_of(key)
    found = purpose_of(ws, purpose)
    return _record(ws, no, found, channel, history_of(ws.consent, no))


def receipt_of(ws: Workspace, key: str, purpose: str, channel: str = "", *, actor: str = "self") -> Issued:
    """The receipt of one choice, with its proof; the same again while nothing has changed. Raises as `record_of`."""
    no = ws.number_of(key)
    record = record_of(ws, key, purpose, channel)
    subject = ws.subject_id(no)
    content = sha256(_text(record)).hexdigest()
    index = _issued_before(ws, subject, content)
    if index is None:
        now = ws.ledger.check_clock()
        receipt = texts.consent_receipt(record, str(uuid.uuid4()), _instant(now))
        digest = sha256(_text(receipt)).hexdigest()
        draft = Draft(
            KIND,
            {"purpose": purpose, "channel": channel},
            {"actor": actor, "record": content, "sha256": digest, "receipt": receipt},
            subject=subject,
        )
        index = ws.journal.record([draft])[0].index
    private = ws.ledger.open_private(index)
    if private is None:
        raise NotFound("this receipt can no longer be opened")
    receipt = dict(private["receipt"])
    text = _text(receipt)
    if sha256(text).hexdigest() != private["sha256"]:
        raise IntegrityFault(f"the receipt in ledger entry {index} is not the one that was handed out")
    attached = {"consent-receipt.json": text} | _attachments(ws, record)
    return Issued(receipt, text, ws.ledger.receipt(index, attachments=attached).to_bytes(), index)


def choices_with_receipt(ws: Workspace, key: str) -> frozenset[tuple[str, str]]:
    """Purposes and channels that a receipt can be had for: the customer chose something there."""
    history = history_of(ws.consent, ws.number_of(key))
    policy = ws.facts.policy
    return frozenset(
        (purpose.id, channel)
        for purpose in policy.purposes.values()
        if not purpose.abstract
        for channel in purpose.channels or ("",)
        if choices_about(policy, purpose, channel, history)
    )


def describe_controller(ws: Workspace, said: dict[str, str]) -> dict[str, str]:
    """Keep what the policy does not say of the organisation: its id, postal address, contact, where data is stored.

    Raises:
        BadInput: there is no such member.
    """
    from rightful.actions.register_source import keep_config

    unknown = sorted(set(said) - set(CONTROLLER_FIELDS))
    if unknown:
        raise BadInput(f"nothing is kept under {unknown[0]}", remedy="Name one of: " + ", ".join(CONTROLLER_FIELDS))
    if said:
        ws.config[CONTROLLER] = dict(ws.config.get(CONTROLLER, {})) | said
        keep_config(ws)
    return dict(ws.config.get(CONTROLLER, {}))


# --- what the fields are -----------------------------------------------------------------------------


def _record(ws: Workspace, no: int, purpose: Purpose, channel: str, history: tuple[Kept, ...]) -> dict[str, Any]:
    policy = ws.facts.policy
    about = choices_about(policy, purpose, channel, history)
    if not about:
        raise NotFound("there is no choice on record here", remedy="A receipt is made once something was chosen")
    ask = Ask(policy, ws.facts.notices, purpose.id, channel)
    happened = _happened(ws, purpose, channel, ask, about, history)
    notices = _notices(ws, about, history)
    view = View(ask, ws.facts.subject(no), ws.clock())
    covered = _covered(ws, no, purpose, channel, about, view.regimes)
    return texts.consent_record(
        _record_id(ws, no, purpose.id, channel),
        ws.subject_id(no),
        ws.ledger.origin,
        _controller(ws),
        covered,
        notices,
        happened,
    )


def choices_about(policy: Policy, purpose: Purpose, channel: str, history: tuple[Kept, ...]) -> tuple[Kept, ...]:
    lineage = {purpose.id, *policy.ancestors(purpose.id)}
    return tuple(
        kept
        for kept in history
        if kept.event.kind in CHOSEN
        and kept.event.purpose in lineage
        and (kept.event.channel == channel or (kept.event.channel == ALL_CHANNELS and _is_no(kept.event)))
    )


def _is_no(event: Event) -> bool:
    return event.kind in (EventKind.WITHDRAWN, EventKind.REFUSED)


def _happened(
    ws: Workspace, purpose: Purpose, channel: str, ask: Ask, about: tuple[Kept, ...], history: tuple[Kept, ...]
) -> list[texts.Happened]:
    """Every event, and the end by itself where it has come. Expiry counts activity, so the whole history is asked."""
    found: list[texts.Happened] = []
    explicit = purpose.special_ground == "explicit-consent"
    for kept in about:
        event = kept.event
        proof = rules.proof_of(event, notice_known=ask.named_on(event.notice) is not None)
        state = texts.event_state(
            event.kind,
            earlier=[one.state for one in found],
            proven=proof is rules.Proof.VALID,
            invalid=proof is rules.Proof.INVALID,
        )
        entry = ws.ledger.entry(kept.entry)
        stated = {} if kept.segment else entry.public
        found.append(
            texts.Happened(
                state=state,
                at=_instant(event.effective_us),
                valid=_validity(event, ask) if event.kind is EventKind.GIVEN else texts.UNTIL_WITHDRAWN,
                by="guardian" if event.method is Method.GUARDIAN else "customer",
                method=texts.INDICATED[event.method],
                explicit=explicit,
                entry=kept.entry,
                entry_sha256=sha256(entry.leaf).hexdigest(),
                evidence=event.evidence,
                form=str(stated.get("form", "")),
                wording_sha256=str(stated.get("wording", "")),
            )
        )
    events = [kept.event for kept in history]
    counts = purpose.consent_expires_after_activity
    standing = rules.choice_for(events, ask.lineage, channel, ask.named_on, ask.expiry(), counts_activity=counts)
    if standing.status is rules.Status.GRANTED and standing.until_us <= ws.clock():
        last = found[-1]
        found.append(
            texts.Happened(
                state=texts.EXPIRED,
                at=_instant(standing.until_us),
                valid="it has ended",
                by="its own end",
                method="no act was needed: the time it was given for ran out",
                explicit=explicit,
                entry=last.entry,
                entry_sha256=last.entry_sha256,
            )
        )
    return found


def _validity(event: Event, ask: Ask) -> str:
    own = NEVER_US if event.until_us is None else event.until_us
    period = ask.purpose.consent_expires
    if own != NEVER_US:
        return f"until {_instant(own)}"
    if period is None:
        return texts.UNTIL_WITHDRAWN
    after = " after the last open or click" if ask.purpose.consent_expires_after_activity else ""
    return f"{words(period)}{after}, or {texts.UNTIL_WITHDRAWN}"


def _notices(ws: Workspace, about: tuple[Kept, ...], history: tuple[Kept, ...]) -> list[texts.NoticeShown]:
    """Notices shown up to the last choice: served ones, and those the choices were made on."""
    last = about[-1].event.effective_us
    served = [kept for kept in history if kept.event.kind is EventKind.NOTICE_SERVED]
    seen: dict[str, texts.NoticeShown] = {}
    for kept in sorted((*served, *about), key=lambda one: one.event.effective_us):
        event = kept.event
        if event.notice and event.notice not in seen and event.effective_us <= last:
            stated = {} if kept.segment else ws.ledger.entry(kept.entry).public
            seen[event.notice] = texts.NoticeShown(
                event.notice,
                ws.shelf.digest_of(event.notice),
                str(stated.get("language", "und")),
                _instant(event.effective_us),
            )
    if not seen:  # a no that came in without one: the notice that was out says what it was about
        label = ws.shelf.newest_notice()
        return [texts.NoticeShown(label, ws.shelf.digest_of(label), "und", _instant(last), shown=False)]
    return list(seen.values())


def _covered(
    ws: Workspace, no: int, purpose: Purpose, channel: str, about: tuple[Kept, ...], regimes: tuple[str, ...]
) -> texts.Covered:
    policy = ws.facts.policy
    labels = [kept.event.notice for kept in about if kept.event.notice]
    terms = ws.shelf.notices().get(labels[-1] if labels else "", {}).get(purpose.id, {})
    told = [str(name) for name in terms.get("recipients", purpose.recipients)]
    bases = bases_of(ws, no, purpose)
    return texts.Covered(
        purpose=purpose.id,
        says=str(terms.get("says") or purpose.says),
        channel=channel,
        categories=[(str(c), _is_special(policy, str(c))) for c in terms.get("categories", purpose.needs)],
        marketing=purpose.direct_marketing,
        bases=[basis for basis in LawfulBasis if basis in bases],
        recipients=[_recipient(name, policy.recipients.get(name)) for name in told],
        keep=words(purpose.keep) if purpose.keep else texts.UNTIL_WITHDRAWN,
        stored_in=_said(ws).get("stored-in", "in the organisation's own systems"),
        laws=sorted({law for regime in regimes for law in policy.regimes[regime].laws}),
        withdraw="Switch it off in the privacy portal, use the unsubscribe link of any mail, or write to "
        f"{_controller(ws).contact}. It counts from that moment and changes neither price nor service.",
    )


def _is_special(policy: Policy, item: str) -> bool:
    category = policy.categories.get(item)
    return category is not None and bool(category.special or category.treat_as_special)


def _recipient(name: str, known: Recipient | None) -> texts.Party:
    if known is None:
        return texts.Party(name, name, "no longer in the policy", "by way of the controller", "dpv:Recipient")
    role = ROLES[known.kind]
    return texts.Party(name, name, known.country or "not stated", "by way of the controller", role, known.country)


def _said(ws: Workspace) -> dict[str, str]:
    return {str(name): str(value) for name, value in ws.config.get(CONTROLLER, {}).items()}


def _controller(ws: Workspace) -> texts.Party:
    said, policy = _said(ws), ws.facts.policy
    told = policy.controller
    contact = said.get("contact", told.email if told else policy.owner)
    address = said.get("address", told.address if told else contact)
    return texts.Party(said.get("id", ws.name), told.name if told else policy.name, address, contact)


# --- ids and bytes -----------------------------------------------------------------------------------


def _record_id(ws: Workspace, no: int, purpose: str, channel: str) -> str:
    """A UUID of version 4's form that is always the same for one consent, and tells nothing without the keys."""
    key = derive(ws.keys.log_key, "consent records")
    mac = hmac.digest(key, json.dumps([no, purpose, channel]).encode(), "sha256")
    return str(uuid.UUID(bytes=mac[:16], version=4))


def _issued_before(ws: Workspace, subject: str, content: str) -> int | None:
    """The newest receipt of this customer, if it says exactly this."""
    for index in sorted(ws.ledger.entries_of(subject), reverse=True):
        if ws.ledger.entry(index).kind == KIND:
            private = ws.ledger.open_private(index)
            if private is not None and private.get("record") == content:
                return index
    return None


def _attachments(ws: Workspace, record: dict[str, Any]) -> dict[str, bytes]:
    """The notices and the entries the record names, each under the SHA-256 that stands in it."""
    files = {}
    notices = ws.shelf.notices()
    for shown in record["dpv:hasNotice"]:
        label = shown["dct:identifier"]
        if label in notices and shown.get("rf:sha256"):
            files[f"notice-{label}.json"] = notice_bytes(notices[label])
    for event in record["dpv:hasConsentStatus"]:
        files[f"entry-{event['rf:entry']}.json"] = ws.ledger.entry(event["rf:entry"]).leaf
    return files


def _text(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def _instant(us: int) -> str:
    return (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%SZ")
