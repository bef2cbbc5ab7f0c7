"""Where a person's data lies in the whole store, by table, with the reason for each row.

gather   confirmed links, the tables as they are now
decide   which rows are the person's, which are shared, which only name them
act      the search is recorded like any other use; the customer sees it

Links come from `scan_links` (foreign keys, and proposals that the values bear out) and
are confirmed or rejected by a person (`decide_links`).

Easy to get wrong: the key is one identity of several; a proposal nobody decided about
is told with the number of rows it would add, never followed.

Sources: GDPR Art. 15, 17; DESIGN section 7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from rightful.actions.view_customer import may_look
from rightful.errors import BadInput
from rightful.gate import find as finding
from rightful.gate.link_book import State
from rightful.gate.links import SURE, Decided, Link, Role
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

ROLES = ("belongs", "shared", "mentions", "reference")


@dataclass(frozen=True, slots=True)
class Place:
    """One table in which the person has rows. `why`: the links that lead there."""

    table: str
    rows: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Traces:
    """What a search found, without the values: places, and everything that needs a look."""

    places: tuple[Place, ...]
    shared: tuple[Place, ...]
    mentions: tuple[Place, ...]
    texts: tuple[Place, ...]
    attachments: tuple[Place, ...]
    identifiers: dict[str, int]
    undecided: tuple[tuple[Link, int], ...]
    doubles: tuple[finding.Double, ...]
    unread: tuple[str, ...]
    entry: int


def scan_links(ws: Workspace, *, actor: str) -> tuple[Decided, ...]:
    """Look at the whole store and note every link there probably is; returns all known ones."""
    store = store_of(ws)
    found = store.propose([d.link for d in ws.link_book.all() if d.link.kind != "foreign-key"])
    known = {d.link.id: d.link.role for d in ws.link_book.all() if d.state == "confirmed"}
    ws.link_book.note([replace(link, role=known.get(link.id, link.role)) for link in found], actor=actor)
    return ws.link_book.all()


def decide_links(
    ws: Workspace, names: Sequence[str], *, state: State, actor: str, role: str = "", sure: bool = False
) -> tuple[Decided, ...]:
    """Confirm or reject links by their names; `sure` takes every proposal of high confidence as well.

    Raises:
        BadInput: no such link, no such role, or nothing to decide.
    """
    if role and role not in ROLES:
        raise BadInput(f"there is no role {role}", remedy="Use one of " + ", ".join(ROLES))
    everything = ws.link_book.all()
    chosen = finding.check_links([d.link for d in everything], names)
    if sure:
        chosen += [d.link for d in everything if d.state == "proposed" and d.link.confidence >= SURE]
    if not chosen:
        raise BadInput("no link was named", remedy="Name links, or take all that are sure")
    unique = {link.id: replace(link, role=cast(Role, role or link.role)) for link in chosen}
    ws.link_book.decide(list(unique.values()), state, actor=actor)
    return ws.link_book.all()


def find_person(
    ws: Workspace, actor: str, purpose: str, key: str, *, also: Sequence[str] = (), record: bool = True
) -> Traces:
    """Everything held about a customer, by table.

    Args:
        also: further keys of the same person.

    Raises:
        NotPermitted: the purpose does not let the actor look at this customer; recorded.
        UnknownName: no such customer.
    """
    if record:
        for one in (key, *also):
            may_look(ws, actor, purpose, one)
    found = trace(ws, key, also=also)
    entry = -1
    if record:
        public = {"purpose": purpose, "tables": sorted(found.rows), "rows": sum(map(len, found.rows.values()))}
        draft = Draft("person.found", public, {"actor": actor}, ws.subject_id(ws.number_of(key)))
        entry = ws.journal.record([draft])[0].index
    return told(found, entry)


def export_person(
    ws: Workspace, actor: str, purpose: str, key: str, *, also: Sequence[str] = ()
) -> dict[str, list[dict[str, object]]]:
    """Every row that is the customer's, from every table of the store: table -> rows (GDPR Art. 15, 20).

    Raises as `find_person`.
    """
    for one in (key, *also):
        may_look(ws, actor, purpose, one)
    found = trace(ws, key, also=also, search=False)
    public = {"purpose": purpose, "tables": sorted(found.rows), "rows": sum(map(len, found.rows.values()))}
    draft = Draft("person.exported", public, {"actor": actor}, ws.subject_id(ws.number_of(key)))
    ws.journal.record([draft])  # before anything is handed over
    return {table: [dict(h.row.values) for h in held.values()] for table, held in sorted(found.rows.items())}


def trace(ws: Workspace, key: str, *, also: Sequence[str] = (), search: bool = True) -> finding.Found:
    """The rows themselves: for giving a person their data, and for erasing it. Not recorded here."""
    store = store_of(ws)
    confirmed, proposed = links_in_force(ws, store)
    return finding.find(store, (key, *also), confirmed, proposed, region=region_of(ws, key), search=search)


def links_in_force(ws: Workspace, store: finding.Store) -> tuple[list[Link], list[Link]]:
    """(links that are followed, proposals nobody decided about). Made now if nobody has looked before."""
    if not ws.link_book.all():
        ws.link_book.note(store.propose(), actor="system")
    decided = ws.link_book.all()
    declared = store.newly_declared({d.link.id for d in decided})
    if declared:
        ws.link_book.note([*(d.link for d in decided), *declared], actor="system")
        decided = ws.link_book.all()
    followed = [d.link for d in decided if d.state == "confirmed" and d.link.role != "reference"]
    return followed, [d.link for d in decided if d.state == "proposed"]


def store_of(ws: Workspace) -> finding.Store:
    ws.facts.look_again()
    table = ws.facts.customer_table()
    return finding.Store(ws.source, table.name, table.key)


def region_of(ws: Workspace, key: str) -> str:
    """The country in which numbers without a country code are read: where the customer lives."""
    return ws.facts.subject(ws.number_of(key)).residence.partition("-")[0]


def told(found: finding.Found, entry: int) -> Traces:
    """What was found, counted; no values."""
    return Traces(
        tuple(Place(t, len(h), _reasons(h.values())) for t, h in sorted(found.rows.items()) if h),
        _counted(found.spared),
        _counted(found.mentions),
        _texts(found),
        _files(found),
        {kind: sum(i.kind == kind for i in found.identifiers) for kind in sorted({i.kind for i in found.identifiers})},
        found.undecided,
        found.doubles,
        found.unread,
        entry,
    )


def _reasons(held: object) -> tuple[str, ...]:
    return tuple(sorted({why for one in held for why in one.why}))  # type: ignore[attr-defined]


def _counted(spots: dict[tuple[str, finding.RowId], finding.Spared]) -> tuple[Place, ...]:
    tables = sorted({table for table, _ in spots})
    return tuple(
        Place(t, sum(x == t for x, _ in spots), tuple(sorted({s.why for (x, _), s in spots.items() if x == t})))
        for t in tables
    )


def _texts(found: finding.Found) -> tuple[Place, ...]:
    fields = sorted({(h.row.table, h.column) for h in found.texts})
    return tuple(
        Place(
            f"{table}.{column}",
            sum((h.row.table, h.column) == (table, column) for h in found.texts),
            tuple(sorted({k for h in found.texts if (h.row.table, h.column) == (table, column) for k in h.kinds})),
        )
        for table, column in fields
    )


def _files(found: finding.Found) -> tuple[Place, ...]:
    fields = sorted({(a.table, a.column) for a in found.attachments})
    return tuple(
        Place(f"{t}.{c}", sum((a.table, a.column) == (t, c) for a in found.attachments), ("bytes",)) for t, c in fields
    )
