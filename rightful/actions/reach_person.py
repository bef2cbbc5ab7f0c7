"""One customer in a connected system: found, shown, corrected - through the system's own interface.

gather   the values by which the system knows the customer, out of our own record of them
decide   which of its records are theirs, by the links in force
act      show them (on record), or put values right and look whether they are

Easy to get wrong: two people of the system with one address are not one customer; a
record named by a member of staff is the customer's only if the search leads to it.

Sources: GDPR Art. 15, 16; decision record 0021.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rightful.actions.connect_system import connected, system_of
from rightful.actions.find_person import Traces, region_of, told
from rightful.actions.view_customer import may_look
from rightful.errors import BadInput, NotFound
from rightful.gate import dispose, systems, use
from rightful.gate import find as finding
from rightful.gate import identifiers as ids
from rightful.gate.identifiers import Identifier
from rightful.gate.links import Link
from rightful.gate.systems import Reach, System
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

ELSEWHERE = ":"
"""Between a system and its kind of record, in the name of a table of a copy."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whom to look for in a system, out of our own record: everything a search needs once that record is gone."""

    value: str
    region: str
    identifiers: tuple[Identifier, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"value": self.value, "region": self.region, "identifiers": [asdict(i) for i in self.identifiers]}

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Wanted:
        return cls(told["value"], told["region"], tuple(identifier(i) for i in told["identifiers"]))


def wanted_of(ws: Workspace, system: System, no: int) -> Wanted:
    """Whom to look for. A customer without the value by which the system knows its people may still be named there."""
    row = dispose.current_row(ws, no, ws.facts.customer_table().name)
    value = row.get(system.match[0])
    region = region_of(ws, use.customer_key(ws, no) or "")
    texts = {name: one for name, one in row.items() if isinstance(one, str)}
    return Wanted("" if value is None else str(value).strip(), region, ids.of_row(texts, region=region))


@contextmanager
def reaching(ws: Workspace, system: System) -> Iterator[tuple[Reach, list[Link], list[Link]]]:
    """The system, with the links that are followed and those nobody decided about."""
    decided = ws.links_of(system.name).all()
    followed = [d.link for d in decided if d.state == "confirmed" and d.link.role != "reference"]
    proposed = [d.link for d in decided if d.state == "proposed"]
    with closing(systems.open_system(system)) as opened:
        yield Reach(opened, system.people), followed, proposed


def keys_of(reach: Reach, system: System, wanted: Wanted, records: Sequence[str] = ()) -> list[str]:
    """The keys of the person's records in the system; none if it does not know them.

    Raises:
        BadInput: several people fit, and nobody said which of them are the customer.
    """
    if records:
        there = {
            str(row.id[0]) for row in reach.by_id(system.people, [(int(r) if r.isdigit() else r,) for r in records])
        }
        if missing := sorted(set(records) - there):
            raise BadInput(f"{system.name} has no {system.people} {', '.join(missing)}")
        return list(records)
    if not wanted.value:
        return []
    people = systems.people_of(reach.system, system.people, system.match[1], wanted.value, reach.kinds)
    if len(people) > 1:
        listed = ", ".join(str(one[0]) for one in people)
        raise BadInput(
            f"{len(people)} records of {system.people} fit: {listed}",
            remedy="Look at them in the system, and name those that are this customer: --record",
            code="system.several-people",
        )
    return [str(one[0]) for one in people]


def see_person(
    ws: Workspace, name: str, key: str, *, actor: str, purpose: str = "", records: Sequence[str] = ()
) -> Traces:
    """Where a system holds data of a customer: how many records of each kind, and why they count as theirs.

    Raises:
        NotFound: no such system.
        NotPermitted: the purpose does not let the actor look at this customer; recorded.
        SourceUnavailable, SystemRefused: the system does not answer, or says no.
    """
    found, reach = _found(ws, name, key, actor=actor, purpose=purpose, records=records, search=True)
    entry = _on_record(ws, "person.found", name, key, found, actor, purpose)
    found.unread = (*found.unread, *reach.not_looked_through)
    return told(found, entry)


def export_person(
    ws: Workspace, name: str, key: str, *, actor: str, purpose: str = "", records: Sequence[str] = ()
) -> dict[str, list[dict[str, object]]]:
    """Every record of a system that is the customer's: kind -> records (GDPR Art. 15). Raises as `see_person`."""
    found, _ = _found(ws, name, key, actor=actor, purpose=purpose, records=records, search=False)
    _on_record(ws, "person.exported", name, key, found, actor, purpose)
    return {kind: [dict(h.row.values) for h in held.values()] for kind, held in sorted(found.rows.items()) if held}


def held_elsewhere(ws: Workspace, no: int, *, actor: str) -> dict[str, list[dict[str, Any]]]:
    """What every connected system holds of a customer, for a copy: `system:kind` -> records. Each look is recorded.

    Raises:
        SourceUnavailable, SystemRefused, BadInput: one of the systems could not be asked; then there is no copy
            that could be called whole.
    """
    held: dict[str, list[dict[str, Any]]] = {}
    for name, system in connected(ws).items():
        wanted = wanted_of(ws, system, no)
        with reaching(ws, system) as (reach, followed, _):
            keys = keys_of(reach, system, wanted)
            found = finding.find(reach, keys, followed, region=wanted.region, search=False)
        public = {"purpose": "own-data", "system": name, "tables": sorted(found.rows), "article": "GDPR 15"}
        use.put_on_record(ws, [Draft("use.copy", public, {"actor": actor}, subject=ws.subject_id(no))])
        for kind, rows in sorted(found.rows.items()):
            if rows:
                held[f"{name}{ELSEWHERE}{kind}"] = [dict(h.row.values) for h in rows.values()]
    return held


def correct_person(
    ws: Workspace,
    name: str,
    key: str,
    place: str,
    values: Mapping[str, object],
    *,
    actor: str,
    purpose: str = "",
    record: str = "",
) -> dispose.Correction:
    """Put values right in one record of the customer in a system.

    Args:
        place: the kind of record.
        record: which of the customer's records of this kind; not needed if there is one.

    Raises:
        NotFound: no such system, or no such record of the customer's.
        BadInput: several records fit; nothing to change; a field that is not there or cannot be set.
        SourceUnavailable, SystemRefused: the system does not answer, or does not take it; recorded.
    """
    if actor != "self":
        may_look(ws, actor, purpose, key)
    system, no = system_of(ws, name), ws.number_of(key)
    wanted = wanted_of(ws, system, no)
    with reaching(ws, system) as (reach, followed, _):
        keys = keys_of(reach, system, wanted)
        found = finding.find(reach, keys, followed, region=wanted.region, search=False)
        mine = [h.row for h in found.rows.get(place, {}).values() if not record or str(h.row.id[0]) == record]
        if not mine:
            raise NotFound(f"the customer has no such record of {place} in {name}")
        if len(mine) > 1:
            raise BadInput(f"{len(mine)} records of {place} are the customer's", remedy="Name one: --record")
        for field in values:
            if not reach.may_set(place, field):
                raise BadInput(f"{place}.{field} is not there, or the system works it out itself")
        return dispose.correct_record(ws, reach.system, reach.record(mine[0]), values, no=no, actor=actor)


def carry_values(ws: Workspace, name: str, no: int, *, actor: str) -> tuple[str, ...]:
    """Give a system the values that our own record has, where it holds others; returns the fields it changed.

    Raises:
        BadInput: a value that several of the customer's records there might hold.
        NotFound: the system does not know the customer, or has no record for a value.
        SourceUnavailable, SystemRefused: it does not answer, or does not take it; recorded.
    """
    system = system_of(ws, name)
    ours = dispose.current_row(ws, no, ws.facts.customer_table().name)
    wanted = wanted_of(ws, system, no)
    changed = []
    with reaching(ws, system) as (reach, followed, _):
        keys = keys_of(reach, system, wanted)
        if not keys:
            raise NotFound(f"{name} does not know this customer")
        found = finding.find(reach, keys, followed, region=wanted.region, search=False)
        for column, place in system.carries.items():
            kind, _, field = place.rpartition(".")
            mine = [h.row for h in found.rows.get(kind, {}).values()]
            if len(mine) != 1:
                raise BadInput(f"{len(mine)} records of {kind} might hold {column}", remedy="Correct it by hand")
            if str(mine[0].values.get(field)) != str(ours.get(column)):
                record = reach.record(mine[0])
                dispose.correct_record(ws, reach.system, record, {field: ours.get(column)}, no=no, actor=actor)
                changed.append(place)
    return tuple(changed)


def identifier(members: Mapping[str, Any]) -> Identifier:
    return Identifier(**{**members, "needles": tuple(members["needles"]), "plain": tuple(members["plain"])})


def _found(
    ws: Workspace, name: str, key: str, *, actor: str, purpose: str, records: Sequence[str], search: bool
) -> tuple[finding.Found, Reach]:
    may_look(ws, actor, purpose, key)
    system = system_of(ws, name)
    wanted = wanted_of(ws, system, ws.number_of(key))
    with reaching(ws, system) as (reach, followed, proposed):
        keys = keys_of(reach, system, wanted, records)
        known = wanted.identifiers if search else ()
        found = finding.find(reach, keys, followed, proposed, region=wanted.region, search=search, known=known)
    return found, reach


def _on_record(ws: Workspace, kind: str, name: str, key: str, found: finding.Found, actor: str, purpose: str) -> int:
    rows = sum(map(len, found.rows.values()))
    public = {"purpose": purpose, "system": name, "tables": sorted(found.rows), "rows": rows}
    draft = Draft(kind, public, {"actor": actor}, ws.subject_id(ws.number_of(key)))
    return ws.journal.record([draft])[0].index
