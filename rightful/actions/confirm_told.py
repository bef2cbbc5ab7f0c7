"""A recipient has confirmed that it did what it was told.

gather   the obligations that are meant
decide   that somebody of ours may say so, and that they are open
act      one entry, and what identified the customers is wiped

Easy to get wrong: confirming what was never told; confirming for one recipient what
another one answered.

Sources: GDPR Art. 5(2), 19; AC-066.
"""

from __future__ import annotations

from collections.abc import Collection

from rightful.errors import BadInput, NotFound
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.sharing.rules import Duty
from rightful.workspace import Workspace


def confirm_told(
    ws: Workspace,
    actor: str,
    recipient: str,
    *,
    notices: Collection[int] = (),
    duty: str = "",
    evidence: str = "",
    role: str = "",
) -> int:
    """Note that a recipient has confirmed; returns for how many customers.

    Args:
        notices: numbers of obligations, as in the notice; () is everything this recipient was told of.
        duty: only of this kind.
        role: in which the actor speaks, where a door has made sure of it; else the directory says.
        evidence: where the confirmation lies (a letter, a ticket); kept sealed.

    Raises:
        UnknownName: the actor is not in the directory.
        NotFound: nothing that this recipient was told of is open.
        BadInput: a number that is not of this recipient, or was never told.
    """
    from pyroaring import BitMap

    role = role or ws.role_of(actor)
    waiting = {o.id: o for o in ws.sharing.obligations(recipient=recipient, only_open=True)}
    if strange := sorted(set(notices) - set(waiting)):
        raise BadInput(f"notice {strange[0]} is not open for {recipient}")
    chosen = [waiting[i] for i in notices] if notices else [o for o in waiting.values() if o.told]
    chosen = [o for o in chosen if not duty or o.duty == duty]
    if untold := [o.id for o in chosen if not o.told]:
        raise BadInput(
            f"{recipient} was never told of notice {untold[0]}", remedy="Tell it first: `rightful share tell`"
        )
    if not chosen:
        raise NotFound(f"nothing that {recipient} was told of is open")
    living = BitMap([o.no for o in chosen if o.duty is not Duty.ERASURE])
    public = {
        "recipient": recipient,
        "customers": len(chosen),
        "duties": {d.value: sum(o.duty is d for o in chosen) for d in sorted({o.duty for o in chosen})},
        "role": role,
    }

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.sharing.confirm(tx, {o.id: entries[0].index for o in chosen}, entries[0].at)

    ws.journal.record(
        [
            Draft(
                "share.confirmed",
                public,
                {"actor": actor, "evidence": evidence, "notices": [o.id for o in chosen]},
                subjects=bytes(living.serialize()),
            )
        ],
        rows,
    )
    return len(chosen)
