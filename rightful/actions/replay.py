"""What happened after a backup, and must hold all the same, happens again on what was restored from it.

gather   the journal that lies beside the keys: erasures, each no, disposals, holds
decide   whether it may be done at once: a hold that was set after the backup is not in it, so
         whoever it may concern is restricted, and an officer decides
act      each no is recorded again; whoever was erased is erased again; a disposal is run again

Easy to get wrong: numbers: a customer who came after the backup is not in it, and their number
will be somebody else's; a yes that was given after a no is not known here, so the no stands.

Sources: GDPR Art. 7(3), 17, 21, 5(1)(e); abuse case AC-061.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.dispose_expired import run_disposal
from rightful.actions.erase_customer import begin_erasure, resume_erasures, run_erasure
from rightful.consent.events import Event
from rightful.errors import BadInput
from rightful.gate import gone, use
from rightful.ledger.database import Tx
from rightful.ledger.erasure_journal import SaidNo
from rightful.ledger.record import ERASABLE, Draft, Entry
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AT_ONCE = 100
"""Customers in one erasure: the store is written anew after each."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was done again.

    Attributes:
        erased: customers who had been erased, and were in what was restored. `incomplete`: those of them of whom
            something is left (the erasure says what). `waiting`: those who are restricted until somebody decides.
        refusals: noes recorded again. `strangers`: noes of customers who are not in what was restored.
        disposed: rows that a repeated disposal took. `disposals`: how many had been run since.
        holds: holds that had been set since and are not in it. `histories`: imported since, by digest of the file.
        still_there: erased customers who can be recognised in the store afterwards and are not restricted; must be 0.
    """

    erased: int
    incomplete: int
    waiting: int
    refusals: int
    strangers: int
    disposals: int
    disposed: int
    holds: int
    histories: tuple[str, ...]
    still_there: int


NOTHING = Replayed(0, 0, 0, 0, 0, 0, 0, 0, (), 0)


def replay(
    ws: Workspace, *, since_us: int, position: int | None, actor: str, progress: Progress | None = None
) -> Replayed:
    """Do again what happened after an instant.

    Args:
        since_us: what was restored is as of this instant.
        position: place of the consent record then; None if the record was not restored (only a database was).
    """
    say = progress or (lambda _what, _share: None)
    journal = ws.keys.erasures
    before = {back.no for back in ws.suppression.back()}  # an officer was to decide about these, and still is
    say("refusals", 0.0)
    serving = ws.shelf.in_force() is not None and any(t.customer_table for t in ws.source.catalogue())
    recorded, strangers = (0, 0) if position is None else _say_no_again(ws, position)
    say("erasures", 0.2)
    who = gone.who_was_erased_since(ws, since_us)
    if serving:
        ws.facts.rebuild()
        gone.look_at_everybody(ws, who)
    holds = [] if position is None else journal.happened_since("hold", since_us)  # else they are on record
    disposals = journal.happened_since("disposal", since_us)
    erased = incomplete = disposed = 0
    if serving and not holds:
        resume_erasures(ws)
        erased, incomplete = _erase_returned(ws, but=before, actor=actor)
        say("disposals", 0.8)
        if disposals:
            done = run_disposal(ws, actor=actor)
            disposed = sum(done.deleted.values()) + sum(done.emptied.values())
    _forget_the_keyless(ws)
    say("looking again", 0.9)
    held_off = {back.no for back in ws.suppression.back()}
    left = [one for one in gone.erased_in_store(ws, who) if one.no not in held_off] if serving else []
    found = Replayed(
        erased,
        incomplete,
        len(held_off - before),
        recorded,
        strangers,
        len(disposals),
        disposed,
        len(holds),
        tuple(journal.happened_since("history", since_us)),
        len(left),
    )
    public = {
        "erased": erased,
        "incomplete": incomplete,
        "waiting": len(held_off - before),
        "refusals": recorded,
        "strangers": strangers,
        "disposals": len(disposals),
        "holds": len(holds),
        "still-there": len(left),
    }
    ws.journal.record([Draft("backup.replayed", public, {"actor": actor})])
    return found


def replay_since(ws: Workspace, since_us: int, *, actor: str, progress: Progress | None = None) -> Replayed:
    """The customers' own database was restored to an instant, by its own means; the records were not.

    Every no is on record still, and holds are: only those who were erased and what was disposed of are looked for.

    Raises:
        BadInput: the instant lies ahead.
    """
    if since_us > ws.ledger.check_clock():
        raise BadInput("this instant lies ahead", remedy="Name the instant that your database was restored to")
    return replay(ws, since_us=since_us, position=None, actor=actor, progress=progress)


def instant_of(text: str) -> int:
    """An instant with its zone, in microseconds.

    Raises:
        BadInput: it is none.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise BadInput(f"{text[:40]} is no instant", remedy="Write it with its zone: 2026-11-20T02:00:00Z")
    return (found - EPOCH) // timedelta(microseconds=1)


def _erase_returned(ws: Workspace, *, but: Collection[int], actor: str) -> tuple[int, int]:
    """Erase again who was erased and is in the store: (how many, of how many something is left)."""
    returned = [back.no for back in ws.suppression.back() if back.no not in but]
    keys = [key for no in returned if (key := use.customer_key(ws, no)) is not None]
    incomplete = 0
    for at in range(0, len(keys), AT_ONCE):
        some = keys[at : at + AT_ONCE]
        run = begin_erasure(ws, some[0], actor=actor, also=some[1:], known=True)
        if run_erasure(ws, run.id).status == "incomplete":
            incomplete += len(some)
    return len(keys), incomplete


def _forget_the_keyless(ws: Workspace) -> int:
    """Whoever has no key any more was erased: what the restored records hold of them leads to nobody from now on."""
    links = (
        "SELECT DISTINCT subject FROM rf_link UNION SELECT DISTINCT subject FROM rf_sealed WHERE subject IS NOT NULL"
    )
    subjects = [subject for (subject,) in ws.control.query(links)]
    keyed = ws.keys.subjects.find(subjects)
    gone_for_good = [subject for subject in subjects if subject not in keyed]
    for subject in gone_for_good:
        found = ws.control.query("SELECT DISTINCT no FROM consent_event WHERE subject = ?", (subject,))
        number = int(found[0][0]) if found else None
        with ws.control.write() as tx:
            if number is not None:
                ws.consent.forget(tx, number)
                ws.requests.forget(tx, number)
                ws.guardians.forget(tx, number)
                ws.mail.forget(tx, number)
            ws.cases.forget(tx, subject)
            ws.ledger.forget(subject, number=number, tx=tx)
    if gone_for_good:
        ws.control.scrub(*ERASABLE, "consent_event", rewrite=True)
    return len(gone_for_good)


def _say_no_again(ws: Workspace, position: int) -> tuple[int, int]:
    """(recorded, of customers who are not there)."""
    journal = ws.keys.erasures
    noted = journal.said_no_since(position)
    numbers = ws.source.number_new_customers()
    there = [one for one in noted if one.no < numbers]
    policy = ws.facts.policy.version if ws.shelf.in_force() is not None else ""
    for at in range(0, len(there), AT_ONCE):
        _record(ws, there[at : at + AT_ONCE], policy)
    ws.consent.publish()
    journal.go_back(position)
    ws.ledger.publish()  # and with it, what was just recorded is noted again
    return len(there), len(noted) - len(there)


def _record(ws: Workspace, noes: Sequence[SaidNo], policy: str) -> None:
    now = ws.ledger.check_clock()
    events = [
        Event(
            f"again-{one.seq}-{one.at_us}",
            EventKind(one.kind),
            one.purpose,
            one.channel,
            one.at_us,
            now,
            method=Method.SYNC,
            evidence="noted outside the backup",
        )
        for one in noes
    ]
    drafts = [gone.consent_draft(ws, one.no, event, policy) for one, event in zip(noes, events, strict=True)]

    def rows(tx: Tx, entries: list[Entry]) -> None:
        written = [
            (ws.subject_id(one.no), one.no, event, entry.index)
            for one, event, entry in zip(noes, events, entries, strict=True)
        ]
        ws.consent.append(tx, written)

    ws.journal.record(drafts, rows)


__all__ = ("NOTHING", "Replayed", "instant_of", "replay", "replay_since")
