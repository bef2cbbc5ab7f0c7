"""Who gets customer data from us, under what, and what they still have to confirm.

gather   recipients of the policy, disclosures, obligations
decide   nothing
act      nothing

Easy to get wrong: a recipient that is no longer in the policy still has what it got.

Sources: GDPR Art. 30(1)(d), (e); UX console C11.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rightful.actions.show_disclosures import EPOCH
from rightful.actions.tell_recipients import settle_quietly
from rightful.gate import release
from rightful.sharing import rules
from rightful.sharing.models import Obligation
from rightful.sharing.rules import Duty, State
from rightful.workspace import Workspace

SOON_US = 60 * rules.DAY_US
IN_FORCE, ENDS_SOON, ENDED, NOT_YET, GONE = "in-force", "ends-soon", "ended", "not-yet", "not-in-policy"


@dataclass(frozen=True, slots=True)
class RecipientSeen:
    """One recipient. `agreement_state` is in-force, ends-soon, ended, not-yet or not-in-policy."""

    id: str
    kind: str
    country: str
    safeguard: str
    agreement: str
    until: datetime | None
    agreement_state: str
    purposes: tuple[str, ...]
    disclosures: int
    last_at: datetime | None
    open: int
    overdue: int
    contact: str


@dataclass(frozen=True, slots=True)
class Owed:
    """What one recipient has to confirm of one kind: about how many customers, by when the first, and why."""

    recipient: str
    duty: str
    customers: int
    told: int
    due_at: datetime
    because: str
    last_told_at: datetime | None
    times: int
    state: str
    notices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ListSeen:
    """One list or hand-over. `state` is good, expired, called-back, never-left or query."""

    entry: int
    at: datetime
    recipient: str
    purpose: str
    channel: str
    customers: int
    fields: tuple[str, ...]
    good_until: datetime | None
    state: str
    handed_over: int
    batches: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class SharingSeen:
    recipients: tuple[RecipientSeen, ...]
    owed: tuple[Owed, ...]
    lists: tuple[ListSeen, ...]


def sharing(ws: Workspace, *, most: int = 50) -> SharingSeen:
    """Everything about sharing, for staff: numbers of customers, no customer."""
    settle_quietly(ws)
    now = ws.clock()
    owed = ws.sharing.obligations(only_open=True)
    return SharingSeen(_recipients(ws, owed, now), _owed(owed, now), _lists(ws, now, most))


def _recipients(ws: Workspace, owed: list[Obligation], now: int) -> tuple[RecipientSeen, ...]:
    policy = ws.facts.policy
    given = ws.sharing.disclosures()
    names = sorted(set(policy.recipients) | {g.recipient for g in given})
    found = []
    for name in names:
        theirs = [g for g in given if g.recipient == name]
        mine = [o for o in owed if o.recipient == name]
        known = policy.recipients.get(name)
        until = None if known is None else known.until_us
        if known is None:
            state = GONE
        elif known.since_us is not None and known.since_us > now:
            state = NOT_YET
        elif until is not None and until <= now:
            state = ENDED
        else:
            state = ENDS_SOON if until is not None and until < now + SOON_US else IN_FORCE
        last = theirs[-1] if theirs else None
        found.append(
            RecipientSeen(
                id=name,
                kind=known.kind.value if known else (last.kind if last else ""),
                country=known.country if known else (last.country if last else ""),
                safeguard=known.safeguard if known else (last.safeguard if last else ""),
                agreement=known.agreement if known else (last.agreement if last else ""),
                until=None if until is None else _instant(until - 1),  # half-open: the last day in force
                agreement_state=state,
                purposes=tuple(p.id for p in policy.purposes.values() if name in p.recipients),
                disclosures=len(theirs),
                last_at=_instant(last.at_us) if last else None,
                open=len(mine),
                overdue=sum(now >= o.due_us for o in mine),
                contact=ws.sharing.contact_of(name),
            )
        )
    return tuple(found)


def _owed(owed: list[Obligation], now: int) -> tuple[Owed, ...]:
    groups: dict[tuple[str, Duty], list[Obligation]] = {}
    for one in owed:
        groups.setdefault((one.recipient, one.duty), []).append(one)
    found = []
    for (recipient, duty), ones in groups.items():
        first = min(ones, key=lambda o: o.due_us)
        told = [o.told_us for o in ones if o.told_us is not None]
        states = {rules.state_of(due_us=o.due_us, told=o.told, confirmed=False, now_us=now) for o in ones}
        found.append(
            Owed(
                recipient=recipient,
                duty=duty.value,
                customers=len(ones),
                told=len(told),
                due_at=_instant(first.due_us - 1),
                because=first.because,
                last_told_at=_instant(max(told)) if told else None,
                times=max(o.told for o in ones),
                state=rules.worst(states).value,
                notices=tuple(o.id for o in ones),
            )
        )
    order = (State.UNCONFIRMED, State.TELLING, State.TOLD)
    return tuple(sorted(found, key=lambda o: (order.index(State(o.state)), o.due_at, o.recipient)))


def _lists(ws: Workspace, now: int, most: int) -> tuple[ListSeen, ...]:
    given = ws.sharing.disclosures()
    batches: dict[int, list[int]] = {}
    for g in given:
        if g.export is not None:
            batches.setdefault(g.export, []).append(g.customers)
    waiting = [export for export, _, _ in ws.sharing.in_flight()]
    found = []
    for g in [g for g in reversed(given) if g.export is None][:most]:
        is_list = ws.ledger.entry(g.entry).kind == release.EXPORT
        if g.revoked_us is not None:
            state = "never-left" if g.never_left else "called-back"
        elif not is_list:
            state = "query"
        else:
            state = "good" if now < g.good_until_us else "expired"
        mine = batches.get(g.entry, [])
        found.append(
            ListSeen(
                entry=g.entry,
                at=_instant(g.at_us),
                recipient=g.recipient,
                purpose=g.purpose,
                channel=g.channel,
                customers=g.customers,
                fields=tuple(g.fields),
                good_until=_instant(g.good_until_us) if g.good_until_us else None,
                state=state,
                handed_over=sum(mine),
                batches=len(mine),
                in_flight=waiting.count(g.entry),
            )
        )
    return tuple(found)


def _instant(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)
