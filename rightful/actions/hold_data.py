"""A legal hold is set or released: data stays although its time is over, and goes when the reason ends.

gather   the tables and customers it is about
decide   nothing: who may hold is the officer, and why is written down
act      the hold and its entry in one transaction; on release, what had waited for it is listed

Easy to get wrong: a hold that lets data be used (it never does); a release that forgets
the erasures that were only partly done because of it.

Sources: GDPR Art. 17(3)(e), 18(1)(c); DESIGN section 4 (a hold beats erasure and never enables use).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rightful.actions.certify_disposal import certify
from rightful.actions.erase_customer import Outcome, retry_erasure
from rightful.errors import BadInput, UnknownName
from rightful.ledger.record import Draft
from rightful.retention.rules import Hold
from rightful.workspace import Workspace


def add_hold(
    ws: Workspace,
    reason: str,
    *,
    actor: str,
    tables: Sequence[str] = (),
    customers: Collection[str] | None = None,
) -> Hold:
    """Hold data from now on.

    Args:
        reason: a reference that everybody who audits may read ("suit 17/26"); never a person's name.
        tables: () is every table.
        customers: their keys; None is everybody.

    Raises:
        BadInput: no reason, or neither tables nor customers: everything cannot be held at once.
        UnknownName: a table or a customer nobody knows.
    """
    if not reason.strip():
        raise BadInput("a hold needs its reason", remedy="Name the case or the order it is for")
    if not tables and customers is None:
        raise BadInput("a hold says what it is about", remedy="Name tables, customers or both")
    known = {t.name for t in ws.facts.tables}
    for table in tables:
        if table not in known:
            raise UnknownName(f"there is no table {table}", remedy="`rightful source list` shows the tables")
    numbers = None if customers is None else {ws.number_of(key) for key in customers}
    now = ws.ledger.check_clock()
    public = {
        "reason": reason.strip(),
        "tables": sorted(tables),
        "customers": None if numbers is None else len(numbers),
        "article": "GDPR 17(3)(e)",
    }
    ws.keys.erasures.note_happened("hold", f"hold-{now}", now)  # first outside: a restore must not dispose of it
    made: list[str] = []
    ws.journal.record(
        [Draft("hold.added", public, {"actor": actor})],
        lambda tx, entries: made.append(ws.holds.add(tx, reason.strip(), now, tables, numbers, entries[0].index)),
    )
    return ws.holds.get(made[0])


def release_hold(ws: Workspace, hold: str, *, actor: str, why: str = "") -> Hold:
    """End a hold now. What is due goes with the next disposal; `take_up_erasures` goes on with what waited.

    Args:
        why: why it ends ("judgment is final"), for everybody who audits; never a person's name.

    Raises:
        NotFound, BadInput: there is none, or it has ended already.
    """
    ws.holds.get(hold)
    now = ws.ledger.check_clock()
    ws.journal.record(
        [Draft("hold.released", {"hold": hold, "why": why.strip()}, {"actor": actor})],
        lambda tx, _: ws.holds.release(tx, hold, now, actor),
    )
    return ws.holds.get(hold)


def take_up_erasures(ws: Workspace) -> tuple[Outcome, ...]:
    """Go on with the erasures that a hold kept from ending, as far as the holds in force now let them.

    Those that have a certificate get a new one, which names the one before.
    """
    waiting = [
        run.id
        for run in ws.erasures.all()
        if not run.open
        and any(kept["kind"] == "hold" for kept in run.outcome.get("kept", ()))
        and ws.erasures.secret(run.id) is not None
    ]
    outcomes = tuple(retry_erasure(ws, run) for run in waiting)
    for outcome in outcomes:
        if ws.certificates.of(outcome.run) is not None:
            certify(ws, outcome.run)  # whoever holds the old one finds the new one in the same place
    return outcomes
