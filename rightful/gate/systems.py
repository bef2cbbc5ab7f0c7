"""Which systems a workspace reaches by their interface, and what one of them holds about a person.

`open_system` makes the connector of one system; every call it makes goes through the
same look at the address as a webhook's. `Reach` lets the search of `find.py` run over
such a system: kinds are its tables, records its rows, and what the system declares
about its fields takes the place of foreign keys. So one rule says what is a person's,
whether a database or a program is asked.

Easy to get wrong: what the account may not see was not looked through, and is told;
bytes in a system are not read through; a search in somebody else's program is coarser
than one in a database, so what comes is looked at again here, and in a text with
letters that only look alike (full width) an address is not found.

Sources: DESIGN section 7; decision record 0021.
"""

from __future__ import annotations

import http.client
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as member
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightful.errors import BadInput, NotFound, SourceUnavailable, SystemRefused, TargetRefused, UnknownName
from rightful.gate import identifiers as ids
from rightful.gate import links as link_rules
from rightful.gate.find import MOST_FAMILY_ROWS, Attachment, Row, RowId, Store, TextHit
from rightful.gate.identifiers import Identifier
from rightful.gate.links import Column, Link, Shape
from rightful.sources.contract import Reference, StoredColumn, StoredTable
from rightful.sources.interface import Answer, Interface, Kind, Record
from rightful.webhooks.sending import Sender

if TYPE_CHECKING:
    from rightful.sources.interface import Call

SECONDS = 30.0
CONNECTED = "connected"
KINDS_OF_SYSTEM = ("tryton",)
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
ID = "id"
SEPARATOR = ","
INSIDE = "Give a public https address, or say that one inside is meant: --inside"
SAMPLED, FEW = 2_000, 20
TEXTS = ("text", "json")
DECLARED, BY_NAME = 0.95, 0.7
"""Confidence in what a field's values name, and in what only its name says."""


@dataclass(frozen=True, slots=True)
class System:
    """One system of rightful.json: what it is, where, as whom; where its secret is kept, never the secret.

    Attributes:
        people: the kind of record with one record per person.
        match: a column of our customer table, and the field of theirs that holds the same value.
        carries: our column -> their field, for values that are the same in both.
        keeps: kind of record -> why a law keeps such records; they stay as they are.
        inside: the administrator says that the address may be one that is not public.
    """

    name: str
    kind: str
    url: str
    user: str
    people: str
    match: tuple[str, str]
    carries: Mapping[str, str] = member(default_factory=dict)
    keeps: Mapping[str, str] = member(default_factory=dict)
    secret_env: str = ""
    secret_file: str = ""
    inside: bool = False

    @property
    def origin(self) -> str:
        return "/".join(self.url.split("/")[:3])


def systems_of(config: Mapping[str, Any]) -> dict[str, System]:
    """The connected systems of a workspace, as rightful.json holds them under `connected`."""
    return {
        str(name): System(name=str(name), **{**told, "match": tuple(told["match"])})
        for name, told in config.get(CONNECTED, {}).items()
    }


def open_system(system: System, *, sender: Sender | None = None) -> Interface:
    """The connector of one system; nothing is called yet.

    Raises:
        NotFound: its secret is not where it is said to be.
        BadInput: a kind of system nobody knows.
    """
    secret = _secret(system)
    if system.kind == "tryton":
        from rightful.sources.tryton import Tryton

        return Tryton(_caller(system, sender), system.url, system.user, secret)
    raise BadInput(f"there is no kind of system called {system.kind}", remedy="Use " + ", ".join(KINDS_OF_SYSTEM))


def look_at(system: System) -> None:
    """Whether calls may go to the system's address at all.

    Raises:
        TargetRefused: they may not.
    """
    try:
        _sender(system).look_at(system.url)
    except TargetRefused as no:
        raise TargetRefused(no.sentence, remedy=INSIDE, code="system.target-refused") from None


def _sender(system: System) -> Sender:
    return Sender([system.origin] if system.inside else (), seconds=SECONDS)


def _caller(system: System, sender: Sender | None) -> Call:
    way = sender or _sender(system)

    def call(url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            return Answer(*way.exchange(url, body, {"User-Agent": "Rightful/1", **headers}))
        except TargetRefused as no:
            raise TargetRefused(no.sentence, remedy=INSIDE, code="system.target-refused") from None
        except (OSError, http.client.HTTPException) as fault:
            raise SourceUnavailable(f"{system.name} does not answer ({type(fault).__name__})") from None

    return call


def _secret(system: System) -> str:
    if system.secret_env:
        value = os.environ.get(system.secret_env, "")
        if not value:
            raise NotFound(
                f"the environment variable {system.secret_env} is not set",
                remedy=f"Put the secret of {system.name} into it",
            )
        return value
    try:
        return Path(system.secret_file).read_text(encoding="utf-8").strip()
    except OSError:
        raise NotFound(f"the file with the secret of {system.name} cannot be read") from None


class Kinds(Mapping[str, Kind]):
    """The kinds of record of a system; each is asked about when it is first looked at."""

    def __init__(self, system: Interface) -> None:
        self.system = system
        self.names = frozenset(system.names())
        self.known: dict[str, Kind] = {}

    def __getitem__(self, name: str) -> Kind:
        if name not in self.known:
            if name not in self.names:
                raise KeyError(name)
            self.known[name] = self.system.describe(name)
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self.names))

    def __len__(self) -> int:
        return len(self.names)


class Held(Mapping[str, StoredTable]):
    """Kinds as tables. Looking at one asks about one; going through all asks about all, and leaves out what the
    account may not read and what is only worked out from others."""

    def __init__(self, kinds: Kinds) -> None:
        self.kinds = kinds
        self._made: dict[str, StoredTable] = {}

    def __getitem__(self, name: str) -> StoredTable:
        if name not in self._made:
            self._made[name] = _table(self.kinds[name], self.kinds.names)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self.kinds.names

    def __iter__(self) -> Iterator[str]:
        return (name for name, kind in self.kinds.items() if kind.readable and not kind.derived)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Reach(Store):
    """A system behind an interface, asked the questions that `find.py` asks of a database."""

    def __init__(self, system: Interface, people: str) -> None:
        self.system = system
        self.customers = people
        self.customer_key = ID
        self.kinds = Kinds(system)
        self._failed: set[str] = set()
        self.tables = Held(self.kinds)  # type: ignore[assignment]  # a Mapping that asks when it is looked at
        if people not in self.kinds.names or not self.kinds[people].readable:
            raise UnknownName(f"{system.name} has no records called {people}, or the account may not read them")

    def key(self, name: str) -> tuple[str, ...]:
        return (ID,)

    @property
    def not_looked_through(self) -> tuple[str, ...]:
        closed = (kind.name for kind in self.kinds.known.values() if not kind.readable)
        return (*(f"{name}: the account may not read it" for name in closed), *sorted(self._failed))

    def where_in(self, name: str, column: str, values: Iterable[object]) -> Iterator[Row]:
        wanted = sorted({v for v in values if v is not None}, key=str)
        if column == ID:
            found = self.system.read(name, [v for v in map(_as_id, wanted) if v is not None])
        else:
            found = self._find(name, column, wanted)
        yield from map(_row, found)

    def holding(self, name: str, columns: Sequence[str], texts: Sequence[str]) -> Iterator[Row]:
        for column in columns:
            yield from map(_row, self.system.find(name, column, texts))

    def named(self, name: Identifier) -> list[Row]:
        return []  # first and last name of their own: `_looked_through` finds full names, whatever the field

    def still_there(self, name: str, ids_: Sequence[RowId]) -> int:
        return len(self.by_id(name, ids_))

    def by_id(self, name: str, ids_: Sequence[RowId]) -> list[Row]:
        return [_row(r) for r in self.system.read(name, [one[0] for one in ids_ if isinstance(one[0], (int, str))])]

    def counts(self, names: Iterable[str]) -> dict[str, int]:
        """How many records of these kinds there are, as far as the account may count them."""
        found = {}
        for name in names:
            try:
                found[name] = self.system.count(name)
            except SystemRefused as no:
                if no.code == "system.busy":
                    raise
        return found

    def _looked_through(
        self, table: StoredTable, wanted: Sequence[Identifier]
    ) -> Iterator[tuple[Row, str, str, tuple[str, ...], bool]]:
        columns = [c.name for c in table.columns if c.type in TEXTS]
        for row in self._mentioning(table.name, columns, [w for i in wanted for w in _words(i)]):
            for column in columns:
                text = row.values[column]
                if isinstance(text, str) and (hits := ids.occurrences(text, wanted)):
                    kinds = tuple(sorted({h.identifier.kind for h in hits}))
                    yield row, column, text, kinds, all(h.identifier.unique for h in hits)

    def family_hits(self, name: Identifier, table: StoredTable) -> tuple[list[TextHit], bool]:
        columns = [c.name for c in table.columns if c.type in TEXTS]
        rows = self._mentioning(table.name, columns, [[word] for word in name.plain], limit=MOST_FAMILY_ROWS + 1)
        hits = [
            TextHit(row, column, text, (name.kind,), False)
            for row in rows[:MOST_FAMILY_ROWS]
            for column in columns
            if isinstance(text := row.values[column], str) and ids.occurrences(text, [name])
        ]
        return hits, len(rows) > MOST_FAMILY_ROWS

    def attachments(
        self, wanted: Sequence[Identifier], skip: Mapping[str, Mapping[RowId, object]]
    ) -> tuple[list[Attachment], list[str]]:
        return [], ["files and pictures in records of others were not looked through"]

    def may_set(self, name: str, column: str) -> bool:
        """Whether a field is there and can be set."""
        table = self.tables.get(name)
        return table is not None and any(c.name == column and not c.generated for c in table.columns)

    def record(self, row: Row) -> Record:
        """The record of a row as it is now, with its version.

        Raises:
            NotFound: it is not there any more.
        """
        for record in self.system.read(row.table, [one for one in row.id if isinstance(one, (int, str))]):
            return record
        raise NotFound(f"the record of {row.table} is not there any more")

    def former(self, held: Mapping[str, Iterable[RowId]]) -> list[Record]:
        """Earlier versions that the system keeps of these records."""
        found: list[Record] = []
        for name, rows in held.items():
            if name in self.kinds.names and self.kinds[name].history:
                found += self.system.former(name, [one[0] for one in rows if isinstance(one[0], (int, str))])
        return found

    def propose(self, decided: Sequence[Link] = ()) -> tuple[Link, ...]:
        """Links that the system declares, links its references bear out, and fields called like addresses."""
        shapes = _shapes(self.tables)
        found = [*link_rules.declared(shapes, self.customers)]
        held = [self.kinds[name] for name in self.tables]
        there = {kind.name for kind in held}
        for kind in held:
            for field in kind.fields:
                if field.type == "record" and not field.names and not field.trail:
                    found += self._references(kind.name, field.name, there)
        named = {link.child for link in found}
        for kind in held:
            for field in kind.fields:
                mail = field.type == "text" and not field.fixed and _says_mail(field.name)
                if not mail or kind.name == self.customers or any(f.names == self.customers for f in kind.fields):
                    continue
                values = [str(value) for value in self._values(kind.name, field.name, FEW)]
                if any(ids.email(value) for value in values):
                    says = (
                        "addresses, in a record with other links"
                        if kind.name in named
                        else "addresses, and no other link"
                    )
                    found.append(
                        Link(kind.name, (field.name,), self.customers, (ID,), "value", "belongs", BY_NAME, says)
                    )
        found = [*found, *(d for d in decided if d.id not in {f.id for f in found})]
        return tuple(link_rules.with_roles(found, shapes, self.customers, {}))

    def _references(self, kind: str, field: str, there: Collection[str]) -> list[Link]:
        values = self._values(kind, field, SAMPLED)
        hits = [hit for value in values if (hit := link_rules.REFERENCE_TEXT.fullmatch(str(value)))]
        hits = [hit for hit in hits if not hit[3].startswith("-")]  # the kind itself, not a record of it
        found = []
        for name in sorted({hit[1] for hit in hits} & set(there)):
            says = f"a reference; {sum(hit[1] == name for hit in hits)} of {len(hits)} values name such a record"
            found.append(
                Link(
                    kind, (field,), name, (ID,), "reference-text", "belongs", DECLARED, says,
                    means=(name,), separator=SEPARATOR,
                )
            )  # fmt: skip
        return found

    def _find(self, name: str, column: str, values: Sequence[object]) -> list[Record]:
        """None where the account may not look, which is told."""
        try:
            return self.system.find(name, column, values)
        except SystemRefused as no:
            if no.code in ("system.busy", "system.not-permitted"):
                raise
            self._failed.add(f"{name}: the system does not let this account search it")
            return []

    def _values(self, kind: str, field: str, most: int) -> list[object]:
        """None of a field that the system works out and cannot search."""
        try:
            return self.system.values(kind, field, most)
        except SystemRefused as no:
            if no.code == "system.busy":
                raise
            return []

    def _mentioning(
        self, name: str, columns: Sequence[str], words: Sequence[Sequence[str]], limit: int | None = None
    ) -> list[Row]:
        """One call for all fields; if the system cannot do that, one for each, and those that fail are told."""
        if not columns or not words:
            return []
        try:
            return [_row(r) for r in self.system.mentioning(name, columns, words, limit=limit)]
        except SystemRefused as no:
            if no.code == "system.busy":
                raise
        found: dict[RowId, Row] = {}
        for column in columns:
            try:
                found |= {r.id: r for r in map(_row, self.system.mentioning(name, [column], words, limit=limit))}
            except SystemRefused as no:
                if no.code == "system.busy":
                    raise
                self._failed.add(f"{name}.{column}: the system does not search it")
        return list(found.values())


def people_of(system: Interface, people: str, place: str, value: str, kinds: Mapping[str, Kind]) -> list[RowId]:
    """The records of people that hold this value: in a field of their own, or in one of a record that names them.

    Args:
        place: `kind.field`, as `System.match` names it.
    """
    kind, _, field = place.rpartition(".")
    if kind == people and field == ID:
        one = _as_id(value)
        return [] if one is None else [(r.id,) for r in system.read(people, [one])]
    wanted = ids.normal(value)
    found = system.find(kind, field, [value], fold=True)
    found = [r for r in found if ids.normal(str(r.values.get(field) or "")) == wanted]
    if kind == people:
        return sorted({(r.id,) for r in found}, key=str)
    naming = [f.name for f in kinds[kind].fields if f.names == people]
    values = {r.values.get(naming[0]) for r in found} - {None} if naming else set()
    return sorted({(value,) for value in values}, key=str)


def check_place(place: str, kinds: Mapping[str, Kind], people: str) -> None:
    """Whether `kind.field` is there, and leads to a person.

    Raises:
        UnknownName: it is not, or does not.
    """
    name, _, field = place.rpartition(".")
    kind = kinds.get(name)
    if kind is None or (kind.field(field) is None and (name, field) != (people, ID)):
        raise UnknownName(f"the system has no field {place}", remedy="Write KIND.FIELD as the system calls them")
    if name != people and not any(f.names == people for f in kind.fields):
        raise UnknownName(f"no field of {name} names a record of {people}")


def _table(kind: Kind, kinds: Collection[str]) -> StoredTable:
    columns = [StoredColumn(ID, "bigint", "id", nullable=False, generated=True)]
    references = []
    for field in kind.fields:
        loose = field.type == "record" and not field.names
        type_ = "text" if loose else "bigint" if field.type == "record" else field.type
        columns.append(
            StoredColumn(
                field.name, type_, field.type, nullable=not field.required, longest=field.longest,
                generated=field.fixed or field.trail or (field.type == "choice" and field.required),
            )
        )  # fmt: skip
        if field.type == "record" and field.names in kinds and not field.trail:
            references.append(Reference((field.name,), field.names, (ID,)))
    return StoredTable(kind.name, (kind.name,), tuple(columns), (ID,), ((ID,),), tuple(references))


def _says_mail(name: str) -> bool:
    words = frozenset(ids.words_of(name))
    return bool(words & {"email", "mail"}) and words <= {"e", "email", "mail", "address", "from", "to", "recipient"}


def _shapes(tables: Mapping[str, StoredTable]) -> tuple[Shape, ...]:
    return tuple(
        Shape(
            t.name,
            tuple(Column(c.name, c.type) for c in t.columns),
            t.key,
            tuple((r.columns, r.table, r.to) for r in t.references if r.table in tables),
        )
        for t in tables.values()
    )


def _row(record: Record) -> Row:
    return Row(record.kind, (record.id,), {**record.values, ID: record.id})


def _as_id(value: object) -> int | str | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, (int, str)) else None


def _words(identifier: Identifier) -> list[list[str]]:
    """Parts that a text with this identifier holds in this order, whatever stands between them."""
    if identifier.kind == "email":
        local, _, domain = identifier.value.rpartition("@")
        return [[local, domain]]
    if identifier.kind in ("phone", "number"):
        return [list(needle) for needle in identifier.needles]
    if identifier.kind == "name":
        words = identifier.value.split()
        return [words, [words[-1], *words[:-1]]]
    return [[identifier.value]]


__all__ = [
    "Reach", "System", "check_place", "look_at", "open_system", "people_of",
    "systems_of",
]  # fmt: skip
