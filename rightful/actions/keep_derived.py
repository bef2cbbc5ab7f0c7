"""A score, a segment or an extract is kept, and a customer's no reaches it.

gather   rows made from customers, and the fields they were made from
decide   the gate: the purpose, the sources, who may be in
act      a governed table with its lineage; later, rows of those who said no are deleted

Easy to get wrong: a table that was made in a notebook has forgotten what it was made
from, so what the connection has read stands in for it.

Sources: GDPR Art. 5(1)(e), 7(3), 17; DESIGN section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rightful.actions.show_disclosures import EPOCH
from rightful.actions.use_data import query_data, request_for
from rightful.errors import BadInput, NotFound
from rightful.gate import dispose, keep
from rightful.gate.dispose import Change
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.sharing.models import Derived, Disclosure
from rightful.sharing.rules import INSIDE
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Kept:
    """A derived table as it was kept."""

    name: str
    rows: int
    customers: int
    left_out: int
    sources: tuple[str, ...]
    entry: int


@dataclass(frozen=True, slots=True)
class Lineage:
    """A derived table: what it was made from, for what, when, and under which entry."""

    name: str
    kind: str
    purpose: str
    channel: str
    sources: tuple[str, ...]
    columns: tuple[str, ...]
    made_at: datetime
    entry: int
    customers: int


def keep_derived(
    ws: Workspace,
    actor: str,
    purpose: str,
    name: str,
    made: pa.Table | str,
    *,
    key: str,
    kind: str = "score",
    channel: str = "",
    sources: Sequence[str] = (),
) -> Kept:
    """Keep what was made from customer data, so that the gate and every later no reach it.

    Args:
        made: rows with the customer's key in column `key`, or a SELECT that gives them.
        kind: score, segment or extract. A name that was kept before is replaced.
        sources: "table.column" it was made from; known by itself for a SELECT.

    Raises:
        PurposeMissing, NotPermitted, SqlRefused: recorded refusals.
        BadInput: a name that is taken, no key, or nothing is said about the sources.
    """
    request = request_for(ws, actor, purpose, channel)
    if isinstance(made, str):
        used = query_data(ws, actor, purpose, made, channel=channel)
        made, sources = used.table, used.decision.allowed_fields
    before = made.num_rows
    columns = {column: tuple(sources) for column in made.column_names if column != key}
    found, rows = keep.keep(ws, request, name, kind, made, key, columns)
    return Kept(name, rows, found.customers, before - rows, found.sources, found.entry)


def lineage(ws: Workspace) -> tuple[Lineage, ...]:
    """Everything that was made from customer data and kept, by name."""
    return tuple(
        Lineage(
            d.name,
            d.kind,
            d.purpose,
            d.channel,
            d.sources,
            tuple(d.columns),
            EPOCH + timedelta(microseconds=d.at_us),
            d.entry,
            d.customers,
        )
        for d in ws.sharing.derived()
    )


def reach_derived(ws: Workspace, actor: str) -> dict[str, int]:
    """Delete the rows of customers who said no since from every derived table; table -> rows gone.

    Nobody could read them any more; now they are gone, too. For cron, and before a certificate.
    """
    found = {}
    for made in ws.sharing.derived():
        if made.name not in {t.name for t in ws.facts.tables}:
            continue
        gone = keep.out_of_reach(ws, made)
        if gone:
            found[made.name] = _delete(ws, made, gone, actor)
    return found


def drop_derived(ws: Workspace, actor: str, name: str) -> int:
    """Take a derived table away as a whole; returns the entry.

    Raises:
        NotFound: nothing of this name was kept.
        UnknownName: the actor is not in the directory.
    """
    role = ws.role_of(actor)
    if name not in {d.name for d in ws.sharing.derived()}:
        raise NotFound(f"nothing called {name} was kept", remedy="`rightful source lineage` shows what was")
    keep.drop(ws, name)
    [entry] = ws.journal.record(
        [Draft("derived.dropped", {"table": name, "role": role}, {"actor": actor})],
        lambda tx, _entries: ws.sharing.drop_derived(tx, name),
    )
    ws.facts.look_again()
    return entry.index


def note_outside(ws: Workspace, actor: str, entry: int, place: str) -> int:
    """Say that rows of an entry were kept outside (a segment in another tool, a file); whoever keeps them is
    told of every later no like a recipient, and has to confirm.

    Args:
        entry: of the export or the query that gave the rows.
        place: a name for where they lie ("mailing tool, segment Spring").

    Raises:
        NotFound: the entry gave nobody's rows.
        BadInput: no name for the place, or it is noted already.
        UnknownName: the actor is not in the directory.
    """
    role = ws.role_of(actor)
    name = " ".join(place.split())
    if not 0 < len(name) <= 80 or not name.isprintable() or Path(name).name != name or name.startswith("."):
        raise BadInput("a place needs a name of at most 80 characters, without slashes")
    found = ws.ledger.entry(entry)
    if found.public.get("shape") != "rows" or not found.public.get("customers"):
        raise NotFound(f"entry {entry} gave nobody's rows", remedy="Name the entry of the export or query")
    if name in ws.facts.policy.recipients or ws.sharing.disclosures(name):
        raise BadInput(f"{name} is noted already, or is a recipient", remedy="Give it another name")
    public = found.public
    note = Draft("derived.outside", {"place": name, "list": entry, "role": role}, {"actor": actor})

    def rows(tx: Tx, entries: list[Entry]) -> None:
        given = Disclosure(
            entry=entries[0].index,
            at_us=entries[0].at,
            recipient=name,
            kind=INSIDE,
            country="",
            safeguard="",
            agreement="",
            purpose=str(public["purpose"]),
            channel=str(public["channel"]),
            fields=dict.fromkeys((str(f) for f in public["fields"]), ""),
            good_until_us=0,
            customers=int(str(public["customers"])),
        )
        ws.sharing.disclose(tx, given)

    touched = bytes(ws.ledger.subjects_of(entry).serialize())
    [written] = ws.journal.record([note._replace(subjects=touched)], rows)
    return written.index


def _delete(ws: Workspace, made: Derived, gone: Sequence[tuple[int, object]], actor: str) -> int:
    from pyroaring import BitMap

    key = ws.facts.table(made.name).key
    rows: dict[object, int] = {}
    for _, own in gone:
        rows[own] = rows.get(own, 0) + 1
    change = Change(made.name, (key,), tuple((own,) for own in rows), None, expected=len(gone))
    public = {"table": made.name, "purpose": made.purpose, "article": "GDPR 7(3), 17"}
    done = dispose.erase(ws, [change], kind="derived", public=public, private={"actor": actor})
    touched = bytes(BitMap([no for no, _ in gone]).serialize())
    draft = Draft("derived.reached", {**public, "rows": done.touched[0], "customers": len(rows)})
    ws.journal.record([draft._replace(subjects=touched)])
    return done.touched[0]
