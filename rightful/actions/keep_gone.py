"""People who were erased stay gone: what is kept to recognise them, and what happens when they come back.

gather   what named the person and nobody else, before it is erased
decide   which forms of it are kept: of addresses, numbers and keys, never of names
act      into the journal outside the backups first, then into the list, with an entry

Whoever comes back unasked (a sync, an old file, a restored database) is left out of the
import, or restricted as soon as they have a number. Then an officer erases them again,
or lets them in because the person came back themselves: with the evidence of that.

Easy to get wrong: a list that answers "did she ask to be erased?" to whoever has a
screen: it is shown in numbers, and each look at it is recorded.

Sources: GDPR Art. 17(1), 5(1)(e), 18(3); abuse cases AC-059, AC-060; case O14.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rightful.actions.record_choice import make_event
from rightful.errors import BadInput, NotFound
from rightful.gate import gone, spellings, use
from rightful.gate.identifiers import Identifier
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace

KINDS: Mapping[str, str] = {
    "key": "key",
    "key-folded": "key",
    "email": "e-mail address",
    "email-base": "e-mail address",
    "phone": "telephone number",
    "phone-national": "telephone number",
    "phone-bare": "telephone number",
    "number": "number",
}
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Overview:
    """The list in numbers. `newest`: (kind, beginning of a hash, instant, ledger entry)."""

    persons: int
    forms: Mapping[str, int]
    newest: tuple[tuple[str, str, int, int], ...]
    back: int
    refusals_ahead: int
    entry: int


@dataclass(frozen=True, slots=True)
class Back:
    """Somebody who was erased and is in the store again, restricted until decided about."""

    no: int
    key: str
    since_us: int
    entry: int


def keep_off(ws: Workspace, person: str, identifiers: Iterable[Identifier], keys: Sequence[str]) -> int:
    """Put a person who is being erased on the list; harmless to repeat. Returns how many forms are new on it.

    Args:
        person: a name for this erasure, under which its forms are lifted together.
        identifiers: what the store holds of the person; only what is theirs alone is kept.
    """
    now = ws.ledger.check_clock()
    forms = spellings.kept([i for i in identifiers if i.unique], keys)
    rows = gone.forget_forms(ws.keys, forms, person, now)
    known = set(ws.suppression.of([person]))
    fresh = [row for row in rows if row.hash not in known]
    if not fresh:
        return 0
    ws.keys.erasures.note(fresh)  # first outside: what is not known there would come back with a backup
    kinds: dict[str, int] = {}
    for row in fresh:
        kinds[row.kind] = kinds.get(row.kind, 0) + 1
    draft = Draft("suppression.added", {"person": person, "forms": kinds, "article": "GDPR 17"})
    ws.journal.record([draft], lambda tx, entries: ws.suppression.add(tx, fresh, entries[0].index))
    return len(fresh)


def look_at_list(ws: Workspace, *, actor: str, limit: int = SHOWN) -> Overview:
    """The list in numbers and shortened hashes; the look is recorded."""
    shelf = ws.suppression
    public = {"persons": shelf.persons(), "shown": limit}
    entry = ws.journal.record([Draft("suppression.looked-at", public, {"actor": actor})])[0]
    newest = tuple(shelf.newest(limit))
    return Overview(shelf.persons(), shelf.counts(), newest, len(shelf.back()), shelf.refusals_ahead(), entry.index)


def who_came_back(ws: Workspace, *, actor: str) -> tuple[Back, ...]:
    """Everybody who was erased and is in the store again; the look is recorded."""
    back = ws.suppression.back()
    ws.journal.record([Draft("suppression.looked-at", {"came-back": len(back)}, {"actor": actor})])
    found = ((one, use.customer_key(ws, one.no)) for one in back)
    return tuple(Back(one.no, key, one.at_us, one.entry) for one, key in found if key is not None)


def let_in(ws: Workspace, identifier: str, *, actor: str, evidence: str, region: str = "") -> int:
    """Somebody who was erased has come back of their own will: they are held off no longer.

    Args:
        identifier: what they gave now: an address, a number or a key.
        evidence: what shows that the person acted: a consent record, a contract, a letter.
        region: ISO 3166; in which country a telephone number without one is read.

    Returns:
        How many people were let in: more than one if several were known under it.

    Raises:
        BadInput: no evidence.
        NotFound: nobody was erased who was known under this.
    """
    if not evidence.strip():
        raise BadInput("letting somebody in needs evidence", remedy="Name the consent, the contract or the letter")
    hashes = {
        gone.hashed(ws.keys, form)
        for kind, _ in spellings.asked("", key=True)
        for form in spellings.forms(kind, identifier, region)
    }
    persons = sorted({person for _, person in ws.suppression.find(hashes).values()})
    now = ws.ledger.check_clock()
    if not persons:
        ws.journal.record([Draft("suppression.not-found", {}, {"actor": actor})])
        raise NotFound("nobody was erased who was known under this", remedy="Check how it is spelled")
    _lift(ws, persons, now, actor, evidence.strip())
    return len(persons)


def _lift(ws: Workspace, persons: Sequence[str], now: int, actor: str, evidence: str) -> None:
    """Off the list, and the restriction of whoever of them is in the store is lifted, in one transaction."""
    back = [one for one in ws.suppression.back() if one.person in persons]
    events = [
        (one, make_event(ws, EventKind.RESTRICTION_LIFTED, "", "", now, Method.AGENT.value, "", "", evidence))
        for one in back
    ]
    ws.keys.erasures.lift(persons, now)
    policy = ws.facts.policy.version
    drafts = [Draft("suppression.lifted", {"persons": len(persons)}, {"actor": actor, "evidence": evidence})]
    drafts += [
        Draft(
            "consent.restriction-lifted",
            {"purpose": "", "channel": "", "notice": "", "method": event.method.value, "policy": policy},
            {"event": event.id, "at_us": event.at_us, "evidence": evidence, "actor": actor, "value": ""},
            ws.subject_id(one.no),
        )
        for one, event in events
    ]

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.suppression.lift(tx, persons)
        written = [
            (ws.subject_id(one.no), one.no, event, entry.index)
            for (one, event), entry in zip(events, entries[1:], strict=True)
        ]
        if written:
            ws.consent.append(tx, written)
        for one in back:
            ws.suppression.end_back(tx, one.no, "let-in", now)

    ws.journal.record(drafts, rows)
    if events:
        ws.consent.publish()


def note_new_keys(ws: Workspace, keys: Sequence[tuple[str, str]]) -> None:
    """Rows were left out of an import under keys nobody knew: those keys name the same people from now on."""
    if not keys:
        return
    now = ws.ledger.check_clock()
    rows = [g for key, person in keys for g in gone.forget_forms(ws.keys, spellings.forms("key", key), person, now)]
    known = ws.suppression.find({row.hash for row in rows})
    fresh = [row for row in rows if row.hash not in known]
    if fresh:
        ws.keys.erasures.note(fresh)
        draft = Draft("suppression.added", {"forms": {"key": len(fresh)}, "article": "GDPR 17"})
        ws.journal.record([draft], lambda tx, entries: ws.suppression.add(tx, fresh, entries[0].index))


__all__ = (
    "KINDS",
    "Back",
    "Overview",
    "keep_off",
    "let_in",
    "look_at_list",
    "note_new_keys",
    "who_came_back",
)
