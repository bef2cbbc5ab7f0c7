"""Recipients are told what customers said, told again when they do not answer, and reported when they are late.

gather   what is owed and has not been confirmed, and how each recipient knows the customers
decide   whom to tell now: at once, then after two, three and every five days
act      one entry for each recipient, then its notice in the outbox; overdue ones are raised with the officer

Easy to get wrong: a notice names the customer only in the form in which the recipient
got them; a mail says that a notice is there and nothing about anybody.

Sources: GDPR Art. 19; AC-066.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rightful.actions.export_audience import write_table
from rightful.actions.tell_recipients import place_of, settle
from rightful.errors import BadInput, UnknownName
from rightful.gate import use
from rightful.ledger.database import Tx
from rightful.ledger.entry import instant
from rightful.ledger.record import Draft, Entry
from rightful.sharing import rules
from rightful.sharing.models import Obligation
from rightful.sharing.rules import Duty
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa

WHAT_TO_DO: Mapping[Duty, str] = {
    Duty.WITHDRAWAL: "Stop using this customer's data for the purposes named, erase it, and pass this on",
    Duty.OBJECTION: "Stop using this customer's data for the purposes named, erase it, and pass this on",
    Duty.OPT_OUT: "Stop selling and sharing this customer's data, and pass this on",
    Duty.CORRECTION: "Replace the fields named with the values given, and pass this on",
    Duty.ERASURE: "Erase this customer's data, and pass this on",
    Duty.RESTRICTION: "Keep this customer's data and do not use it until told otherwise, and pass this on",
}


@dataclass(frozen=True, slots=True)
class Told:
    """One notice: for whom, about how many customers, and where it lies. `unknown` had been erased already."""

    recipient: str
    customers: int
    entry: int
    path: Path
    mailed: bool
    unknown: int


def remind_recipients(ws: Workspace, actor: str, recipient: str = "") -> tuple[Told, ...]:
    """Tell every recipient what is due to be told now; safe to call as often as one likes.

    Args:
        recipient: only this one.

    Raises:
        UnknownName: nothing was ever disclosed to a recipient of this name.
    """
    if recipient and not ws.sharing.disclosures(recipient):
        raise UnknownName(f"nothing was ever given to {recipient}", remedy="`rightful share list` shows who got what")
    settle(ws)
    now = ws.ledger.check_clock()
    _raise_overdue(ws, now)
    by_recipient: dict[str, list[Obligation]] = {}
    for owed in ws.sharing.obligations(recipient=recipient, only_open=True):
        again = owed.told_us is None or now >= rules.next_reminder(owed.told, owed.told_us)
        if again:
            by_recipient.setdefault(owed.recipient, []).append(owed)
    return tuple(_tell(ws, actor, name, theirs, now) for name, theirs in sorted(by_recipient.items()))


def name_contact(ws: Workspace, actor: str, recipient: str, address: str) -> int:
    """Note where a recipient reads that a notice waits for it; returns the entry.

    Raises:
        UnknownName: the policy has no such recipient, or the actor is not in the directory.
        BadInput: no e-mail address.
    """
    role = ws.role_of(actor)
    if recipient not in ws.facts.policy.recipients:
        raise UnknownName(f"no recipient is called {recipient}")
    if address.count("@") != 1 or any(c.isspace() for c in address):
        raise BadInput("this is no e-mail address")
    draft = Draft("share.contact", {"recipient": recipient, "role": role}, {"actor": actor, "address": address})
    [entry] = ws.journal.record([draft], lambda tx, _e: ws.sharing.name_contact(tx, recipient, address))
    return entry.index


def _tell(ws: Workspace, actor: str, recipient: str, owed: Sequence[Obligation], now: int) -> Told:
    import pyarrow as pa
    from pyroaring import BitMap

    lines = []
    for one in owed:
        known = known_as(ws, one)
        lines.append(
            {
                "notice": one.id,
                "what_to_do": WHAT_TO_DO[one.duty],
                "because": one.duty.value,
                "customer": json.dumps(known, ensure_ascii=False, sort_keys=True),
                "purposes": ", ".join(one.purposes),
                "fields": ", ".join(one.fields),
                "confirm_by": instant(one.due_us - 1)[:10],
            }
        )
    named = [line for line in lines if line["customer"] != "{}"]
    living = BitMap([o.no for o in owed if o.duty is not Duty.ERASURE])
    public = {
        "recipient": recipient,
        "customers": len(owed),
        "duties": {d.value: sum(o.duty is d for o in owed) for d in sorted({o.duty for o in owed})},
        "times": max(o.told for o in owed) + 1,
    }
    contact = ws.sharing.contact_of(recipient)

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.sharing.note_told(tx, [o.id for o in owed], now)
        if contact:
            ws.mail.put(
                to=contact,
                template="recipient_notice",
                words={
                    "recipient": recipient,
                    "customers": len(owed),
                    "notice": entries[0].index,
                    "confirm_by": instant(min(o.due_us for o in owed) - 1)[:10],
                    "reminder": bool(max(o.told for o in owed)),
                },
                kind="recipients",
                once=f"share.told/{entries[0].index}",
            )

    draft = Draft("share.told", public, {"actor": actor}, subjects=bytes(living.serialize()))
    [entry] = ws.journal.record([draft], rows)
    folder = ws.path / "outbox" / recipient
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"notice-{entry.index}.csv"
    write_table(pa.Table.from_pylist(named or lines[:0], schema=_columns()), path)
    return Told(recipient, len(owed), entry.index, path, bool(contact), len(lines) - len(named))


def _columns() -> pa.Schema:
    import pyarrow as pa

    words = ("what_to_do", "because", "customer", "purposes", "fields", "confirm_by")
    return pa.schema([("notice", pa.int64()), *((name, pa.string()) for name in words)])


def known_as(ws: Workspace, owed: Obligation) -> dict[str, str]:
    """How the recipient knows the customer: the key if it got that, else every field it got.

    After a correction with the fields that changed, as they are now.
    """
    if owed.reference is not None:
        text = ws.ledger.unseal(owed.reference, place_of(owed.id))
        found: dict[str, str] = {} if text is None else json.loads(text)
        return found
    forms = {name: form for g in ws.sharing.those(owed.disclosures) for name, form in g.fields.items()}
    table = ws.facts.customer_table()
    key = f"{table.name}.{table.key}"
    wanted = {key} if key in forms else set(forms)
    if owed.duty is Duty.CORRECTION:
        wanted |= set(owed.fields) & set(forms) if owed.fields else set(forms)
    return use.as_disclosed(ws, owed.no, {name: forms[name] for name in sorted(wanted)})


def _raise_overdue(ws: Workspace, now: int) -> None:
    """Say once, in the ledger, that a recipient is late; it stays on the officer's page until confirmed."""
    late: dict[str, list[Obligation]] = {}
    for owed in ws.sharing.obligations(only_open=True):
        if now >= owed.due_us and owed.escalated_us is None:
            late.setdefault(owed.recipient, []).append(owed)
    for recipient, theirs in sorted(late.items()):
        ids = [o.id for o in theirs]
        draft = Draft("share.overdue", {"recipient": recipient, "customers": len(theirs)})
        ws.journal.record([draft], lambda tx, _e, ids=ids: ws.sharing.escalate(tx, ids, now))  # type: ignore[misc]
