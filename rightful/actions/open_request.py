"""Somebody asks for one of their rights: by portal, staff, REST, an agent or a mail.

gather   who it may be, where they live, what is held about them
decide   merged with an open request for the same? which law, until when, how sure must we be?
act      case, first steps and ledger entries in one transaction; known channels are told

Easy to get wrong: an answer that differs between known and unknown addresses; a second
request that moves the date of the first; a flood that fills the officer's day.

Sources: GDPR Art. 11, 12(2)-(6); 11 CCR 7060, 7063; AC-016, AC-019, AC-020, AC-022.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rightful.actions.confirm_receipt import note_owed
from rightful.actions.correct_for_request import wishes
from rightful.actions.customer_view import known_address, recognise_customer
from rightful.actions.law_due import Deadline, deadline_for
from rightful.actions.take_step import Move, case_of, digest, draft_for, note_steps, take
from rightful.consent.rules import residence_at
from rightful.errors import BadInput, StepRefused, UnknownName
from rightful.gate import use
from rightful.ledger.database import Tx
from rightful.ledger.record import Entry
from rightful.rights.models import AlreadyOpen
from rightful.rights.rules import (
    PER_SOURCE,
    SOURCE_WINDOW_US,
    Case,
    Kind,
    Level,
    State,
    Step,
    after,
    first_state,
    level_needed,
)
from rightful.workspace import Workspace

ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"
SOURCES = ("portal", "staff", "cli", "api", "agent", "mail")
ON_BEHALF = ("", "child", "other")
LANGUAGES = ("en", "de", "fr", "es", "ar")
LONGEST_TEXT = 8_000


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of it: the case, and whether it was one already."""

    case: Case
    merged: bool


def open_request(
    ws: Workspace,
    kind: str,
    *,
    key: str = "",
    contact: str = "",
    source: str = "portal",
    sender: str = "",
    level: Level = Level.NONE,
    on_behalf: str = "",
    text: str = "",
    scope: Mapping[str, object] | None = None,
    language: str = "en",
    actor: str = "self",
    parent: str = "",
    received_us: int | None = None,
    private: Mapping[str, Any] | None = None,
    corrections: Sequence[Mapping[str, Any]] = (),
) -> Opened:
    """Take a request in. One open case per customer and kind; the first receipt keeps its date (AC-020).

    Args:
        key: the customer, where a door knows them; else `contact`, the address they wrote from.
        sender: what the per-source limit counts by (an address, an agent's id); kept as a keyed digest.
        level: how sure the door is who asks.
        scope: what it is about, without personal data: {"purpose": ...}, {"fields": [...]}.
        parent: the request a complaint is about.
        received_us: when it arrived, if that was earlier than now (a letter, a mail).
        private: what else was sent along; sealed.
        corrections: what is to be put right, one by one: {"field": "customer.city", "value": "Cork"}, and "row"
            with values that name it where a customer has several; sealed.

    Raises:
        BadInput: no such kind, source or language; a text without end; nobody named; no value for its field.
        NotFound: a field to correct that is not there.
        UnknownName: a purpose nobody declared.
    """
    found = _checked(kind, source, on_behalf, language, text)
    if not key and not contact.strip():
        raise BadInput("nobody is named who asks", remedy="Give the customer's key, or the address they wrote from")
    wanted = wishes(ws, kind, corrections)
    now = ws.ledger.check_clock()
    received = now if received_us is None else min(received_us, now)
    no = ws.number_of(key) if key else _known(ws, contact)
    subject = ws.subject_id(no) if no is not None else "q-" + digest(ws, "contact", _folded(contact))
    about = _scope(ws, scope or {})
    if parent and ((before := ws.cases.by_ref(parent)) is None or before.subject != subject):
        raise BadInput("this is about no request of this customer", remedy="Give the reference of one of theirs")
    residence = residence_of(ws, no, now)
    sensitive = no is not None and bool(use.special_fields_held(ws, no))
    deadline = deadline_for(ws, found.value, residence, received)
    needed = level_needed(found, sensitive=sensitive)
    sent_by = digest(ws, "sender", f"{source}/{sender}") if sender else ""
    draft = Case(
        id=0,
        ref=new_ref(),
        kind=found,
        state=State.RECEIVED,
        subject=subject,
        no=no,
        source=source,
        sender=sent_by,
        received_us=received,
        residence=residence,
        needed=needed,
        reached=level,
        sensitive=sensitive,
        on_behalf=on_behalf,
        language=language,
        parent=parent,
        scope=about,
        changed_us=now,
        **dates_of(deadline),
    )
    sealed = {"text": text, "contact": contact, "by": sender, "level": int(level), "wanted": wanted, **(private or {})}
    return _store(ws, draft, sealed, actor, now)


def new_ref() -> str:
    """A reference nobody can guess from another one; no vowels, so no words."""
    return "R-" + "".join(secrets.choice(ALPHABET) for _ in range(8))


def residence_of(ws: Workspace, no: int | None, now_us: int) -> str:
    """Where a customer lives now, as far as anybody knows."""
    if no is None:
        return ""
    person = ws.facts.subject(no)
    return residence_at(person.events, person.residence, now_us)


def dates_of(deadline: Deadline) -> dict[str, Any]:
    """A deadline as the members of a case."""
    due = deadline.due
    return {
        "law": deadline.law.id,
        "clock": deadline.clock.id,
        "due_on": due.due.isoformat(),
        "safe_on": due.safe.isoformat(),
        "notice_on": due.notice_due.isoformat() if due.notice_due else "",
        "reasoning": due.reasoning,
        "why": deadline.why,
    }


def _store(ws: Workspace, draft: Case, sealed: Mapping[str, Any], actor: str, now: int) -> Opened:
    """Merge or add. Two doors that take in the same at once make one case: the second finds it when it writes."""
    while True:
        known = ws.cases.open_like(draft.subject, draft.kind)
        try:
            if known is not None:
                return Opened(take(ws, known, Move(Step.REPEAT, private=sealed), actor=actor), merged=True)
            many = ws.cases.sent_by(draft.sender, now - SOURCE_WINDOW_US) >= PER_SOURCE if draft.sender else False
            held = "source-limit" if many else ""
            state = first_state(
                draft.kind, needed=draft.needed, reached=draft.reached, on_behalf=draft.on_behalf, held=held
            )
            return Opened(_add(ws, replace(draft, held=held), state, sealed, actor, now), merged=False)
        except AlreadyOpen:
            continue
        except StepRefused as refusal:
            if refusal.code not in ("rights.changed", "rights.wrong-state"):
                raise  # else it was changed or closed meanwhile: look again


def _add(ws: Workspace, case: Case, state: State, sealed: Mapping[str, Any], actor: str, now: int) -> Case:
    public = {"source": case.source, "law": case.law, "clock": case.clock, "due": case.due_on}
    moves = [Move(Step.RECEIVE, public=public, private=sealed, reason=case.held)]
    stages = [case]
    following = {
        State.NEEDS_STAFF: Move(Step.HAND_OVER, reason="on-behalf"),
        State.NEEDS_IDENTITY: Move(Step.ASK_IDENTITY),
        State.IDENTIFIED: Move(Step.IDENTIFY, level=case.reached, public={"level": int(case.reached)}),
    }
    if state in following:
        move = following[state]
        moves.append(move)
        stages.append(after(case, move.step, now, level=move.level, reason=move.reason))
    kept: list[Case] = []

    def write(tx: Tx, entries: list[Entry]) -> None:
        stored = ws.cases.add(tx, stages[-1])
        numbered = [replace(stage, id=stored.id) for stage in stages]
        note_steps(ws, tx, numbered, moves, entries, actor)
        if sealed.get("text"):
            ws.cases.note_message(tx, stored.id, entries[0].index, entries[0].at, "in")
        mailed = not stored.held and stored.no is not None and tell_channels(ws, stored)
        note_owed(ws, tx, stored, mailed=mailed)
        kept.append(stored)

    drafts = [draft_for(stage, move, actor) for stage, move in zip(stages, moves, strict=True)]
    ws.journal.record(drafts, write)
    return kept[0]


def tell_channels(ws: Workspace, case: Case) -> bool:
    """Write to the address we know that a request is here; whether there was one. Never to one that was given (AC-016).

    A mail says that there is something to read in the portal; it holds no data and no answer.
    """
    if case.source == "mail" or case.no is None:
        return False
    address = known_address(ws, case.no)
    if address:
        words = {"ref": case.ref, "kind": case.kind.value}
        ws.mail.put(
            to=address,
            template="request-received",
            words=words,
            language=case.language,
            subject_no=case.no,
            kind="rights",
            once=f"request-received/{case.ref}",
        )
    return bool(address)


def _checked(kind: str, source: str, on_behalf: str, language: str, text: str) -> Kind:
    try:
        found = Kind(kind)
    except ValueError:
        raise BadInput(f"{kind} is no kind of request", remedy="One of: " + ", ".join(Kind)) from None
    for value, known, what in (
        (source, SOURCES, "source"),
        (on_behalf, ON_BEHALF, "relation"),
        (language, LANGUAGES, "language"),
    ):
        if value not in known:
            raise BadInput(f"{value} is no {what} here", remedy="One of: " + ", ".join(n or "(none)" for n in known))
    if len(text) > LONGEST_TEXT:
        raise BadInput(f"the message is longer than {LONGEST_TEXT:,} characters", remedy="Say it in fewer words")
    return found


def _scope(ws: Workspace, scope: Mapping[str, object]) -> dict[str, object]:
    purpose = scope.get("purpose")
    if purpose and purpose not in ws.facts.policy.purposes:
        raise UnknownName(f"no purpose is called {purpose}")
    if unknown := set(scope) - {"purpose", "fields", "agent", "agent_request"}:
        raise BadInput(f"a request is not about {sorted(unknown)[0]}")
    return dict(scope)


def _known(ws: Workspace, contact: str) -> int | None:
    """The customer with exactly this address; a look-alike of another alphabet is another address."""
    key = recognise_customer(ws, contact.strip())
    return None if key is None else ws.number_of(key)


def _folded(contact: str) -> str:
    return contact.strip().lower()


__all__ = ["Opened", "case_of", "dates_of", "new_ref", "open_request", "residence_of"]
