"""A customer said no, or was corrected or erased: whoever has received their data has to be told.

gather   what happened since the mark, who received which customer's data before it
decide   what concerns which recipient, and by when it has to be confirmed
act      one obligation for each recipient and customer, with its entry, in one transaction

Obligations follow from the disclosures and the record of events, both of which are
written before anybody is answered. So a step that fails here loses nothing: the mark
stays where it was, and the next one who looks works out the same obligations.

Easy to get wrong: the order that counts is the ledger's, not the clock's; an erasure
has to be passed on before the customer's bits and keys are destroyed; a list that was
destroyed before it left was received by nobody.

Sources: GDPR Art. 7(3), 17(2), 19, 21; CCPA 1798.105(c), 1798.120; cases R07, S15; AC-066;
decision record on obligations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from rightful.errors import BadInput, RightfulError
from rightful.gate import use
from rightful.gate.conditions import Ask, View, reasons_against
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.policy.model import Policy
from rightful.sharing import rules
from rightful.sharing.models import Disclosure, Obligation
from rightful.sharing.rules import Disclosed, Duty
from rightful.terms import EventKind, LawfulBasis
from rightful.workspace import Workspace

MOST_TRIES = 20
QUIET_EVENTS = 512
"""So many events that concern nobody may pass before the mark is moved for their sake alone."""


@dataclass(frozen=True, slots=True)
class _Happened:
    """Something that recipients may have to be told: to whom it happened, and where it is recorded."""

    entry: int
    at_us: int
    numbers: tuple[int, ...]
    duty: Duty
    scope: str = ""
    channel: str = ""
    fields: frozenset[str] = frozenset()
    single: bool = True


class _Overtaken(Exception):
    """Somebody else has worked the same events out meanwhile."""


def tell_recipients(
    ws: Workspace, no: int, kind: str, *, fields: Sequence[str] = (), entry: int | None = None
) -> tuple[Obligation, ...]:
    """See that everybody who received this customer's data, and may still hold it, is told.

    What the customer said (withdrawal, objection, opt-out, restriction) is found in the record of events,
    and this may be called as often as one likes. A correction or an erasure is told with this call alone:
    name its ledger entry, and for an erasure call before the customer's key is destroyed.

    Args:
        no: the customer's number.
        kind: withdrawal, objection, opt-out, correction, erasure or restriction.
        fields: "table.column" that were corrected; () means the whole record.
        entry: index of the ledger entry of what happened.

    Returns:
        The obligations that follow from it, those that stood already among them.
    """
    try:
        duty = Duty(kind)
    except ValueError:
        raise BadInput(f"{kind} is nothing recipients are told of", remedy="Use one of " + ", ".join(Duty)) from None
    settle(ws)
    if entry is None and duty in rules.OF_EVENT.values() and duty is not Duty.ERASURE:
        return tuple(o for o in ws.sharing.obligations(no=no) if o.duty is duty)
    cause = ws.ledger.head()[0] if entry is None else entry
    happened = _Happened(cause, ws.clock(), (no,), duty, fields=frozenset(fields))
    owed, drafts = _work_out(ws, [happened])
    known = {(o.recipient, o.duty) for o in ws.sharing.obligations(no=no, cause=cause)}
    if any((o.recipient, o.duty) not in known for o in owed):
        references = _references(ws, no) if duty is Duty.ERASURE else {}

        def rows(tx: Tx, entries: list[Entry]) -> None:
            mark = [replace(o, cause=entries[0].index) for o in owed] if entry is None else owed
            ws.sharing.owe(tx, mark)
            if duty is Duty.ERASURE:
                _keep_references(ws, tx, no, references)

        entries = ws.journal.record(drafts, rows)
        cause = entries[0].index if entry is None else entry
    return tuple(o for o in ws.sharing.obligations(no=no, cause=cause) if o.duty is duty)


def call_back(ws: Workspace, given: Disclosure, revoked: Entry) -> int:
    """See that the recipient of a list, and of its batches, lets go of everybody on it; how many these are."""
    numbers = ws.ledger.subjects_of(given.entry)
    happened = _Happened(revoked.index, revoked.at, tuple(numbers), Duty.WITHDRAWAL, given.purpose, single=False)
    due = rules.due(Duty.WITHDRAWAL, revoked.at, ZoneInfo(ws.facts.policy.timezone))
    owed = [_owed(ws, no, happened, given.recipient, [given], due) for no in numbers]
    if owed:
        ws.journal.record([_draft(owed, happened, due)], lambda tx, _entries: ws.sharing.owe(tx, owed))
    return len(owed)


def settle(ws: Workspace) -> int:
    """Work out what has to be passed on since the mark; returns how many obligations are new."""
    for _ in range(MOST_TRIES):
        try:
            return _settle_once(ws)
        except _Overtaken:
            continue
    return 0  # others keep working the same events out


def settle_quietly(ws: Workspace) -> None:
    """`settle` for whoever has an answer to give: what fails here is found again at the next look."""
    try:
        settle(ws)
    except (RightfulError, OSError):
        return


def _settle_once(ws: Workspace) -> int:
    before = ws.sharing.position()
    position = ws.consent.position()  # first: what is disclosed later comes later in the ledger, too
    if before >= position:
        return 0
    owed: list[Obligation] = []
    drafts: list[Draft] = []
    if ws.sharing.given_before(1 << 62, limit=1):
        owed, drafts = _work_out(ws, _events(ws, before, position))
    if not drafts:
        if position - before > QUIET_EVENTS:
            with ws.control.write() as tx:
                ws.sharing.advance(tx, before, position)
        return 0

    def rows(tx: Tx, _entries: list[Entry]) -> None:
        if not ws.sharing.advance(tx, before, position):
            raise _Overtaken
        ws.sharing.owe(tx, owed)

    ws.journal.record(drafts, rows)
    return len(owed)


def _events(ws: Workspace, after: int, position: int) -> list[_Happened]:
    """What was recorded in (after, position] and may have to be passed on, in the order of the ledger."""
    found = []
    for stored in ws.consent.since(after):
        event = stored.event
        duty = rules.OF_EVENT.get(event.kind)
        if stored.seq <= position and duty is not None:
            found.append(_Happened(stored.entry, event.received_us, (stored.no,), duty, event.purpose, event.channel))
    for segment in ws.consent.segments():
        if after < segment.seq <= position:
            found += _imported(ws, segment.entry, segment.received_us, ws.consent.segment_path(segment))
    return sorted(found, key=lambda h: h.entry)


def _imported(ws: Workspace, entry: int, at_us: int, path: object) -> Iterable[_Happened]:
    """What an imported history says no to, as it stands at its end: one item for each kind, scope and channel."""
    import pyarrow.compute as pc
    import pyarrow.parquet as parquet

    table = parquet.read_table(path, columns=["no", "kind", "purpose", "channel"])
    table = table.filter(pc.is_in(table.column("kind").cast("string"), _words()))
    groups: dict[tuple[str, str, str], list[int]] = {}
    for row in table.to_pylist():
        groups.setdefault((row["kind"], row["purpose"], row["channel"]), []).append(int(row["no"]))
    for (kind, purpose, channel), numbers in sorted(groups.items()):
        duty = rules.OF_EVENT[EventKind(kind)]
        yield _Happened(entry, at_us, tuple(sorted(set(numbers))), duty, purpose, channel, single=False)


def _words() -> object:
    import pyarrow as pa

    return pa.array([kind.value for kind in rules.OF_EVENT])


# --- who is concerned ------------------------------------------------------------------------------


def _work_out(ws: Workspace, happened: Iterable[_Happened]) -> tuple[list[Obligation], list[Draft]]:
    """The obligations that follow, and one entry for each recipient and cause."""
    policy = ws.facts.policy
    zone = ZoneInfo(policy.timezone)
    owed: list[Obligation] = []
    drafts: list[Draft] = []
    described: dict[tuple[object, ...], Disclosed] = {}  # most lists are like another one
    for one in happened:
        by_recipient: dict[str, list[Disclosure]] = {}
        for g in _given_before(ws, one):
            like = (g.recipient, g.kind, g.purpose, g.channel, *g.fields)
            if like not in described:
                described[like] = described_by(policy, ws, g)
            if rules.concerns(one.duty, one.scope, one.channel, one.fields, described[like]):
                by_recipient.setdefault(g.recipient, []).append(g)
        due = rules.due(one.duty, one.at_us, zone)
        for recipient, theirs in sorted(by_recipient.items()):
            mine = [_owed(ws, no, one, recipient, got, due) for no, got in _received(ws, one, theirs)]
            if mine:
                owed += mine
                drafts.append(_draft(mine, one, due))
    return owed, drafts


def _given_before(ws: Workspace, one: _Happened) -> list[Disclosure]:
    """Disclosures that come earlier in the ledger; of one customer only those with rows of theirs."""
    entries = ws.sharing.given_before(one.entry)
    if one.single:
        entries = ws.ledger.touching(one.numbers[0], entries)
    return ws.sharing.those(entries)


def _received(ws: Workspace, one: _Happened, given: Sequence[Disclosure]) -> list[tuple[int, list[Disclosure]]]:
    """Which customers were in which of the disclosures, as far as the recipient may still hold them.

    Somebody whose no is not the last word (it came late, after a newer yes) is not passed on.
    """
    from pyroaring import BitMap

    asked = BitMap(one.numbers)
    stands: dict[tuple[str, str, str], BitMap] = {}
    held: dict[int, list[Disclosure]] = {}
    for g in given:
        hit = asked if one.single else ws.ledger.subjects_of(g.entry) & asked
        if hit and one.duty in _BY_WILL:
            slot = (g.purpose, g.channel, g.recipient)
            if slot not in stands:
                stands[slot] = BitMap(no for no in asked if not _may_go_on(ws, slot, no))
            hit = hit & stands[slot]
        for no in hit:
            held.setdefault(no, []).append(g)
    found = []
    for no, got in held.items():
        gone = {
            entry
            for o in ws.sharing.obligations(no=no)
            if not o.open and o.duty in rules.ENDS_HOLDING
            for entry in o.disclosures
        }
        left = [g for g in got if g.entry not in gone]
        if left:
            found.append((no, left))
    return found


_BY_WILL = frozenset({Duty.WITHDRAWAL, Duty.OBJECTION, Duty.OPT_OUT})


def _may_go_on(ws: Workspace, slot: tuple[str, str, str], no: int) -> bool:
    """Whether nothing about this customer speaks against what the recipient got; unknown names do."""
    purpose, channel, recipient = slot
    policy = ws.facts.policy
    if purpose not in policy.purposes or recipient not in policy.recipients:
        return False
    ask = Ask(policy, ws.facts.notices, purpose, channel, recipient)
    return not reasons_against(View(ask, ws.facts.subject(no), ws.clock()))


def _owed(
    ws: Workspace, no: int, one: _Happened, recipient: str, got: Sequence[Disclosure], due: rules.Due
) -> Obligation:
    return Obligation(
        id=0,
        cause=one.entry,
        no=no,
        subject=ws.subject_id(no),
        recipient=recipient,
        duty=one.duty,
        purposes=tuple(sorted({g.purpose for g in got})),
        fields=tuple(sorted(one.fields)),
        disclosures=tuple(g.entry for g in got),
        since_us=one.at_us,
        due_us=due.at_us,
        because=due.because,
    )


def _draft(owed: Sequence[Obligation], one: _Happened, due: rules.Due) -> Draft:
    """The entry that says a recipient has to be told: about one customer, or about many at once."""
    first = owed[0]
    public = {
        "recipient": first.recipient,
        "duty": first.duty.value,
        "purposes": sorted({p for o in owed for p in o.purposes}),
        "cause": one.entry,
        "due_us": due.at_us,
        "because": due.because,
        "customers": len(owed),
    }
    if one.single:
        return Draft("share.owed", public, {"disclosures": list(first.disclosures)}, subject=first.subject)
    from pyroaring import BitMap

    return Draft("share.owed", public, subjects=bytes(BitMap([o.no for o in owed]).serialize()))


def described_by(policy: Policy, ws: Workspace, given: Disclosure) -> Disclosed:
    """A disclosure with what the policy says about its purpose; the strictest where it says nothing any more."""
    purpose = policy.purposes.get(given.purpose)
    categories = ws.facts.bound.category_of
    return Disclosed(
        kind=given.kind,
        channel=given.channel,
        fields=frozenset(given.fields),
        lineage=frozenset({given.purpose, *(() if purpose is None else policy.ancestors(given.purpose))}),
        marketing=purpose is None or purpose.direct_marketing,
        shares=purpose is None or any(b.kind is LawfulBasis.OPT_OUT_OF_SHARING for b in purpose.basis.values()),
        categories=frozenset(categories[f] for f in given.fields if f in categories),
    )


# --- how a recipient knows the customer ------------------------------------------------------------


def _references(ws: Workspace, no: int) -> dict[int, dict[str, str]]:
    """Disclosure -> the customer's fields in the form it left in; read while they are still there."""
    given = ws.sharing.disclosures()
    touched = set(ws.ledger.touching(no, [g.entry for g in given]))
    return {g.entry: use.as_disclosed(ws, no, g.fields) for g in given if g.entry in touched}


def _keep_references(ws: Workspace, tx: Tx, no: int, references: dict[int, dict[str, str]]) -> None:
    """Seal, for everything still open about a customer who is about to go, how the recipients know them."""
    sealed = {}
    for owed in ws.sharing.obligations(no=no, only_open=True):
        known = {name: value for entry in owed.disclosures for name, value in references.get(entry, {}).items()}
        if known and owed.reference is None:
            text = json.dumps(known, ensure_ascii=False, sort_keys=True).encode()
            sealed[owed.id] = ws.ledger.seal(text, place_of(owed.id))
    ws.sharing.refer(tx, sealed)


def place_of(obligation: int) -> str:
    """Where a sealed reference belongs; it opens nowhere else."""
    return f"share_obligation/{obligation}"
