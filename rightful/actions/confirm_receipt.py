"""The customer is told that a request has come in: by when the law wants that, and how it was done.

gather   the law the request goes by, how it came
decide   whether this law sets a term for it, and whether the door has confirmed it already
act      date and reasoning with the request; how it was confirmed, with its entry

Easy to get wrong: a mail that nobody gets (a request from an address we do not know is
confirmed by a person, on the way it came); counting a holiday as a business day.

Source: 11 CCR 7021(a): within ten business days, for requests to know, to delete and to correct.
"""

from __future__ import annotations

from rightful.actions.law_due import separate_due
from rightful.actions.take_step import case_of
from rightful.errors import BadInput, StepRefused
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.rights.confirmations import Confirmation
from rightful.rights.rules import Case, Kind
from rightful.workspace import Workspace

WHAT = "confirm"
CONFIRMED = frozenset({Kind.ACCESS, Kind.PORTABILITY, Kind.RECTIFICATION, Kind.ERASURE})
BY_ITSELF = frozenset({"portal", "agent"})
"""Doors whose answer is the confirmation: the page, or the status of the protocol, with the date in it."""
WAYS = ("letter", "telephone", "mail")


def note_owed(ws: Workspace, tx: Tx, case: Case, *, mailed: bool) -> None:
    """With a new request: by when its receipt has to be confirmed, and whether it is so already."""
    counted = separate_due(ws, case.law, WHAT, case.received_us) if case.kind in CONFIRMED else None
    if counted is None:
        return
    ws.confirmations.owe(
        tx,
        Confirmation(case.id, counted.clock, counted.due.isoformat(), counted.safe.isoformat(), counted.reasoning),
    )
    if mailed or case.source in BY_ITSELF:
        ws.confirmations.done(tx, case.id, case.changed_us, "mail" if mailed else case.source)


def confirm_receipt(ws: Workspace, ref: str, how: str, *, actor: str) -> Case:
    """A person has confirmed the receipt, on the way the request came.

    Raises:
        BadInput: no such way.
        StepRefused: the law of this request sets no term for it, or it was confirmed before.
    """
    if how not in WAYS:
        raise BadInput(f"{how} is no way to confirm", remedy="One of: " + ", ".join(WAYS))
    case = case_of(ws, ref)
    owed = ws.confirmations.of_case(case.id)
    if owed is None or owed.done_us is not None:
        raise StepRefused("there is no receipt to confirm", code="rights.nothing-to-confirm")
    draft = Draft(
        "request.receipt-confirmed", {"request": case.kind.value, "by": how}, {"ref": case.ref, "actor": actor},
        subject=case.subject,
    )  # fmt: skip

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.confirmations.done(tx, case.id, entries[0].at, how)

    ws.journal.record([draft], rows)
    return case
