"""A list that was made is called back.

gather   the list, and whether any of it was handed over
decide   whether it can have left at all
act      nothing of it is sent from now on; who may have it is told to let go of it

Easy to get wrong: "it never left" is a statement of a person, on record, and not
possible once a batch has gone.

Sources: GDPR Art. 5(1)(e), 19.
"""

from __future__ import annotations

from rightful.actions.tell_recipients import call_back
from rightful.errors import BadInput, NotFound
from rightful.gate import release
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.workspace import Workspace


def revoke_list(ws: Workspace, actor: str, index: int, *, never_left: bool = False, role: str = "") -> int:
    """Call a list back; returns how many customers its recipient now has to let go of.

    Args:
        index: its ledger entry.
        role: in which the actor speaks, where a door has made sure of it; else the directory says.
        never_left: every copy was destroyed before it was handed over, says the actor.

    Raises:
        NotFound: there is no such list.
        BadInput: it was called back already; or is said never to have left and was handed over.
        UnknownName: the actor is not in the directory.
    """
    role = role or ws.role_of(actor)
    given = ws.sharing.disclosure(index)
    if given is None or given.export is not None or ws.ledger.entry(index).kind != release.EXPORT:
        raise NotFound(f"entry {index} is no list for a recipient", remedy="`rightful share list` shows the lists")
    if given.revoked_us is not None:
        raise BadInput(f"the list of entry {index} was called back already")
    if never_left and ws.sharing.batches_of(index):
        raise BadInput("a part of this list was handed over", remedy="Call it back without saying that it never left")
    public = {"list": index, "recipient": given.recipient, "purpose": given.purpose, "role": role}

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.sharing.revoke(tx, index, entries[0].at, never_left=never_left)
        if never_left:
            ws.sharing.let_go(tx, index, entries[0].at, entries[0].index)

    draft = Draft("share.revoked", public | {"never_left": never_left}, {"actor": actor})
    [entry] = ws.journal.record([draft], rows)
    return 0 if never_left else call_back(ws, given, entry)
