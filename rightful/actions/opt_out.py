"""Somebody opts out without signing in: by the signal of their browser, or by an address on a form.

gather   who it is, as far as that is known: a signed-in customer, a sealed link, an address
decide   whether the signal is on record already; whether it was answered since
act      the event and its entry; for an address: sealed on disk first, carried out afterwards,
         and kept as a keyed hash if nobody has it yet

What the law lets us ask. A request to opt out of sale or sharing, and an objection to
marketing, need no proof of identity: they are carried out for every customer with this
address, and a mail says what was done. No confirmation is asked for, by mail or other.
Everything else is decided by the customer, signed in.

A signal counts once. After it, a customer who allowed sharing again in the portal,
where the signal was shown beside the switch, has answered it; the signal on later
requests changes nothing then.

Easy to get wrong: an answer that tells whether an address is known; a confirmation
that asks somebody back who said no; an opt-out lost in a restart.

Sources: CCPA 1798.135(b); 11 CCR 7025(b), (c), 7026(b), (d), 7060(b); GDPR Art. 21(2), 21(5);
16 CFR 316.5 (no more than an address may be asked for); abuse case AC-023.
"""

from __future__ import annotations

from rightful.actions.record_choice import Recorded, make_event, record
from rightful.consent import rules
from rightful.errors import BadInput
from rightful.gate import gone, spellings, use
from rightful.ledger.record import Draft
from rightful.terms import DIRECT_MARKETING, EventKind, Method
from rightful.workspace import Workspace

SHARING, MARKETING = "sharing", DIRECT_MARKETING
SCOPES = (SHARING, MARKETING)
ONE_ADDRESS_MOST = 50


def note_signal(ws: Workspace, key: str) -> Recorded | None:
    """Bind a Global Privacy Control signal to a known customer; None if it is on record already.

    Raises:
        UnknownName: there is no such customer.
    """
    no = ws.number_of(key)
    events = ws.facts.subject(no).events
    signal, again = EventKind.SIGNAL_GPC, EventKind.OPTED_IN_AGAIN
    if rules.active_scopes(events, signal, again):
        return None
    seen = rules.last_at(events, signal)
    if seen is not None and any(
        e.kind is again and e.method is Method.PORTAL and e.evidence and e.effective_us > seen for e in events
    ):
        return None  # answered: 11 CCR 7025(c)(4)
    now = ws.ledger.check_clock()
    event = make_event(ws, signal, "", "", now, Method.SIGNAL.value, "", evidence="Sec-GPC: 1")
    return record(ws, no, [event], "self", "Your data is not sold or shared: your browser asked for it.")


def opt_out_by_address(ws: Workspace, address: str, scope: str, *, language: str = "en") -> int:
    """Take an opt-out for an address. Returns the ledger entry, which does not name the address.

    The work is the same for every address; `carry_out_waiting` finds out later whether it is known.

    Raises:
        BadInput: the scope is neither sharing nor direct marketing.
    """
    if scope not in SCOPES:
        raise BadInput("an opt-out is from sharing, or from direct marketing")
    waiting = ws.waiting_opt_outs
    now = ws.ledger.check_clock()
    draft = Draft("opt-out.asked", {"scope": scope, "by": "address"}, {})
    entries = ws.journal.record([draft], lambda tx, _written: waiting.put(tx, address, scope, language, now))
    return entries[0].index


def carry_out_waiting(ws: Workspace) -> int:
    """Carry out what was asked for by address; returns for how many customers something changed."""
    changed = 0
    for one in ws.waiting_opt_outs.everything():
        column = str(ws.config.get("subject", {}).get("email", ""))
        found = use.customers_by_contact(ws, column, one.address, most=ONE_ADDRESS_MOST) if column else []
        for no, _key in found:
            changed += _opt_out(ws, no, one.scope, f"out-{one.id}-{no}", one.at_us)
        if not found:
            keep_no_ahead(ws, one.address, one.scope, one.at_us)
        if found:
            ws.mail.put(
                to=one.address,
                template="opted_out",
                words={"scope": one.scope},
                language=one.language,
                subject_no=found[0][0],
                once=f"opt-out {one.id}",
            )
        ws.waiting_opt_outs.done(one)
    return changed


def keep_no_ahead(ws: Workspace, address: str, scope: str, at_us: int) -> None:
    """Nobody has this address yet. Its no is kept as a keyed hash, and counts as soon as somebody appears with it."""
    hashes = [gone.hashed(ws.keys, form) for form in spellings.forms("email", address)]
    if hashes:
        with ws.control.write() as tx:
            ws.suppression.refuse_ahead(tx, hashes, scope, at_us)


def _opt_out(ws: Workspace, no: int, scope: str, event_id: str, at_us: int) -> bool:
    """Record the opt-out of one customer, unless it stands already."""
    events = ws.facts.subject(no).events
    if scope == SHARING:
        kind, name, ends = EventKind.OPTED_OUT, "", EventKind.OPTED_IN_AGAIN
    else:
        kind, name, ends = EventKind.OBJECTED, DIRECT_MARKETING, EventKind.OBJECTION_LIFTED
    if name in rules.active_scopes(events, kind, ends):
        return False
    event = make_event(ws, kind, name, "", at_us, Method.FORM.value, event_id, evidence="asked by address")
    record(ws, no, [event], "self", "Recorded.")
    return True
