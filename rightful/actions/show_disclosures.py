"""Who has received a customer's data, and where it stands with telling them to stop.

gather   the disclosures whose rows the customer was in, and what is still owed about them
decide   one state for each disclosure: what is furthest from done
act      nothing

Easy to get wrong: a list that was made and then sent in batches is one disclosure, not two.

Sources: GDPR Art. 15(1)(c), 19; UX portal P5; AC-066.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.tell_recipients import settle_quietly
from rightful.sharing import rules
from rightful.sharing.models import Disclosure, Obligation
from rightful.sharing.rules import State
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DisclosureSeen:
    """One disclosure as its customer sees it.

    Attributes:
        index: of the ledger entry; the proof is downloaded under it.
        kind: processor, service-provider, joint-controller or third-party.
        country, safeguard: where the recipient sits, and what protects the data there.
        fields: "table.column".
        state: held, telling, told, unconfirmed, confirmed or recalled (`rightful.sharing.rules.State`).
        told_at, confirmed_at: of what was told last; None if it was not.
    """

    index: int
    at: datetime
    recipient: str
    kind: str
    country: str
    safeguard: str
    purpose: str
    fields: tuple[str, ...]
    state: str
    told_at: datetime | None
    confirmed_at: datetime | None


def disclosures_of(ws: Workspace, key: str) -> tuple[DisclosureSeen, ...]:
    """Every disclosure of one customer's data, newest first.

    Raises:
        UnknownName: no customer has exactly this key.
    """
    no = ws.number_of(key)
    settle_quietly(ws)
    now = ws.clock()
    every = ws.sharing.those(ws.ledger.touching(no, ws.sharing.all_given()))
    mine = [g for g in every if g.kind != rules.INSIDE]
    sent = {g.export for g in mine if g.export is not None}
    owed = ws.sharing.obligations(no=no)
    return tuple(_seen(g, owed, now) for g in reversed(mine) if g.entry not in sent)


def _seen(given: Disclosure, owed: Sequence[Obligation], now_us: int) -> DisclosureSeen:
    about = [o for o in owed if given.entry in o.disclosures]
    states = {rules.state_of(due_us=o.due_us, told=o.told, confirmed=not o.open, now_us=now_us) for o in about}
    state = State.RECALLED if given.never_left else rules.worst(states)
    told = [o.told_us for o in about if o.told_us is not None]
    confirmed = [o.confirmed_us for o in about if o.confirmed_us is not None]
    return DisclosureSeen(
        index=given.entry,
        at=EPOCH + timedelta(microseconds=given.at_us),
        recipient=given.recipient,
        kind=given.kind,
        country=given.country,
        safeguard=given.safeguard,
        purpose=given.purpose,
        fields=tuple(given.fields),
        state=state.value,
        told_at=EPOCH + timedelta(microseconds=max(told)) if told else None,
        confirmed_at=EPOCH + timedelta(microseconds=max(confirmed)) if state is State.CONFIRMED else None,
    )
