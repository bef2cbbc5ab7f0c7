"""What becomes of each row and each column when a person is erased. Nothing is read or changed here.

For every row there is one answer: it is deleted; or it stays because the law, a hold or
another table needs it, and everything else in it is emptied; or it is also somebody
else's, and only what names the person is taken out.

Easy to get wrong: a column that may not be empty (it gets a value of its type that says
nothing), one whose values must differ, a text that is too short for what is put in, a
row whose key is somebody else's foreign key (it stays, empty: an orphan would be worse),
a key that is itself an e-mail address (that cannot be emptied in place and is told).

Sources: GDPR Art. 17(1), 17(3); DESIGN section 7.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rightful.gate import identifiers as ids
from rightful.gate.changes import Change
from rightful.gate.identifiers import ERASED, Identifier
from rightful.gate.links import Link
from rightful.sources.contract import StoredColumn, StoredTable

if TYPE_CHECKING:
    from rightful.gate.find import Found, Row, RowId

RowKey = tuple[str, tuple[object, ...]]
Ended = Literal["complete", "partly", "incomplete"]


@dataclass(frozen=True, slots=True)
class Keep:
    """What has to stay of a person's rows in one table, and why.

    Attributes:
        columns: only these; None keeps the rows as they are.
        kind: `law` (GDPR Art. 17(3)(b)) or `hold` (17(3)(e)).
        until: in words or as a date; "" if nobody knows yet.
        everybodys: nothing in this table may be changed, not in rows of others either.
    """

    table: str
    columns: frozenset[str] | None
    why: str
    article: str = ""
    until: str = ""
    kind: Literal["law", "hold", "structure"] = "law"
    everybodys: bool = False


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of a table that stay, what of them, and why. `kind` "structure": other rows need their keys."""

    table: str
    rows: int
    columns: tuple[str, ...]
    why: str
    article: str = ""
    until: str = ""
    kind: Literal["law", "hold", "structure"] = "law"

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Kept:
        """From what `asdict` made of one, after JSON."""
        return cls(**{**written, "columns": tuple(written["columns"])})


@dataclass(frozen=True, slots=True)
class Residue:
    """A place in which something of the person is left, and why. `column` "" is the row as a whole."""

    table: str
    column: str
    rows: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is going to happen in one store.

    Attributes:
        changes: in the order in which they have to be done.
        kept: what stays, with reasons.
        stays: row, named as it is afterwards -> its columns that keep their values (None: all of them): what
            was to be kept, and the key that rows which stay name it by.
        spared: table -> rows that are also somebody else's.
        unresolved: what is known to be left afterwards.
        review: texts that may name the person; a human being has to look.
    """

    changes: tuple[Change, ...]
    kept: tuple[Kept, ...]
    stays: Mapping[RowKey, frozenset[str] | None]
    spared: Mapping[str, int]
    unresolved: tuple[Residue, ...]
    review: tuple[Residue, ...]

    @property
    def deletes(self) -> dict[str, int]:
        return _sums((c.table, c.expected) for c in self.changes if c.deletes)

    @property
    def changed(self) -> dict[str, int]:
        return _sums((c.table, c.expected) for c in self.changes if not c.deletes)


@dataclass(frozen=True, slots=True)
class Tables:
    """What the plan needs to know of the tables: structure, what picks a row, how often it is there."""

    tables: Mapping[str, StoredTable]
    identity: Mapping[str, tuple[str, ...]]
    without_key: frozenset[str]
    copies: Mapping[str, int]  # tables without a key: how many rows there really are of those found


def plan_erasure(found: Found, tables: Tables, links: Sequence[Link], keeps: Sequence[Keep], *, token: str) -> Plan:
    """Decide about everything that was found.

    Args:
        keeps: what laws and holds need; several for one table add up.
        token: random letters; part of values that have to differ from all others.
    """
    return _Planner(found, tables, links, keeps, token).plan()


class _Planner:
    def __init__(self, found: Found, tables: Tables, links: Sequence[Link], keeps: Sequence[Keep], token: str) -> None:
        self.found = found
        self.tables = tables
        self.links = [x for x in links if x.kind != "value" and x.kind != "twin" and len(x.columns) == 1]
        self.keeps = keeps
        self.frozen = frozenset(k.table for k in keeps if k.everybodys)
        self.untouched: dict[str, set[RowKey]] = defaultdict(set)
        self.token = token
        self.counter = 0
        self.owned: dict[RowKey, Row] = {
            (table, one): held.row for table, rows in found.rows.items() for one, held in rows.items()
        }
        self.stays: dict[RowKey, frozenset[str] | None] = {}
        self.structural: dict[RowKey, str] = {}
        self.sets: dict[RowKey, dict[str, object]] = defaultdict(dict)
        self.rows: dict[RowKey, Row] = dict(self.owned)
        self.unresolved: list[Residue] = []
        self.review: list[Residue] = []
        self.left: dict[RowKey, set[str]] = defaultdict(set)

    def plan(self) -> Plan:
        self._keep()
        self._hold_together()
        self._empty()
        self._unlink()
        self._redact()
        updates = [
            self._change(table, [one], sets) for (table, one), sets in sorted(self.sets.items(), key=_by_name) if sets
        ]
        return Plan(
            (*self._cut_circles(), *updates, *self._deletes()),
            tuple(self._kept()),
            dict(map(self._afterwards, self.stays)),
            _sums((table, 1) for table, _ in self.found.spared),
            tuple(self.unresolved),
            tuple(self.review),
        )

    # --- which rows stay ---

    def _keep(self) -> None:
        for table, one in self.owned:
            rules = [k for k in self.keeps if k.table == table]
            if not rules:
                continue
            columns: frozenset[str] | None = frozenset()
            for rule in rules:
                columns = None if rule.columns is None or columns is None else columns | rule.columns
            self.stays[table, one] = columns

    def _hold_together(self) -> None:
        """A row that stays may need the row it points to: then that one stays as well, as empty as can be."""
        while True:
            more = {}
            for key, row in self._staying():
                for link, parent in self._parents(row):
                    if parent in self.stays or parent in more:
                        continue
                    if self._needs(key, link):
                        more[parent] = f"{link.child}.{link.columns[0]} has to name a row"
            if not more:
                return
            for parent, why in more.items():
                self.stays[parent] = frozenset()
                self.structural[parent] = why

    def _staying(self) -> list[tuple[RowKey, Row]]:
        """Rows that are there afterwards and may point to rows of the person."""
        kept = [(key, self.owned[key]) for key in self.stays]
        spots = {**self.found.mentions, **self.found.spared}
        return kept + [(key, spot.row) for key, spot in spots.items() if key not in self.owned]

    def _parents(self, row: Row) -> list[tuple[Link, RowKey]]:
        """The person's rows that this row points to, by which link."""
        found = []
        for link in self.links:
            if link.child != row.table or link.role == "reference":
                continue
            value = row.values.get(link.columns[0])
            if value is None or (link.type_column and str(row.values.get(link.type_column)) not in link.means):
                continue
            text = str(value)
            if link.kind == "reference-text":
                text = text.partition(link.separator)[2]
            for one, held in self.found.rows.get(link.parent, {}).items():
                if str(held.row.values.get(link.to[0])) == text:
                    found.append((link, (link.parent, one)))
        return found

    def _needs(self, key: RowKey, link: Link) -> bool:
        column = self.tables.tables[link.child].column(link.columns[0])
        kept = self.stays.get(key, frozenset()) if key in self.stays else frozenset()
        if key not in self.owned and key[0] in self.frozen:
            return True
        if key in self.stays and (kept is None or column.name in kept):
            return True
        return not column.nullable and link.kind != "reference-text"

    # --- what happens in rows that stay ---

    def _empty(self) -> None:
        for key, columns in self.stays.items():
            if columns is None:
                continue
            table, row = self.tables.tables[key[0]], self.owned[key]
            pointing = {link.columns[0]: parent for link, parent in self._parents(row)}
            identity = self.tables.identity[key[0]] if key[0] not in self.tables.without_key else ()
            outside = {c for r in table.references for c in r.columns} - set(pointing)
            for column in table.columns:
                value = row.values.get(column.name)
                if column.name in columns or column.generated or (value is None and column.type != "bytes"):
                    continue
                if column.name in identity:
                    self._look_at_key(key, column.name, str(value))
                elif column.name in pointing and pointing[column.name] in self.stays and not column.nullable:
                    self.left[key].add(column.name)
                elif column.name in outside and not column.nullable:
                    self.left[key].add(column.name)  # the key of a row that is nobody's
                else:
                    self.sets[key][column.name] = self._nothing(table, column)

    def _afterwards(self, key: RowKey) -> tuple[RowKey, frozenset[str] | None]:
        """A row that stays, as it will be named once it was emptied, and the columns that keep their values."""
        table, one = key
        columns = self.stays[key]
        if table in self.tables.without_key:  # all its columns together pick it, and some of them change
            sets = self.sets.get(key, {})
            now = zip(self.tables.identity[table], one, strict=True)
            one = tuple(_as_text(sets[name]) if name in sets else value for name, value in now)
        return (table, one), None if columns is None else columns | self.left.get(key, set())

    def _look_at_key(self, key: RowKey, column: str, value: str) -> None:
        """A key of a row that stays: fine if it is a number of ours, told if it names the person itself."""
        strong = [i for i in self.found.identifiers if i.kind in ("email", "phone", "number", "name")]
        if ids.occurrences(value, strong):
            self.unresolved.append(Residue(key[0], column, 1, "the key names the person, and the row has to stay"))
        else:
            self.left[key].add(column)

    def _unlink(self) -> None:
        """Rows of others: the columns that name the person are emptied."""
        spots = {**self.found.mentions, **self.found.spared}
        for key, spot in spots.items():
            if key in self.owned:
                continue
            if key[0] in self.frozen:
                self.untouched[key[0]].add(key)
                continue
            table = self.tables.tables[key[0]]
            self.rows[key] = spot.row
            parents = {link.columns[0]: parent for link, parent in self._parents(spot.row)}
            for name in sorted(spot.columns):
                column = table.column(name)
                if column.nullable:
                    self.sets[key][name] = None
                elif name in parents:
                    continue  # names a row that stays, and is empty
                elif name not in self.tables.identity[key[0]] or key[0] in self.tables.without_key:
                    self.sets[key][name] = self._nothing(table, column)
                else:
                    self.unresolved.append(Residue(key[0], name, 1, "part of the key of a row that is also another's"))

    def _redact(self) -> None:
        """Other people's texts: what certainly names the person is taken out, the rest is for a reviewer."""
        unique = [i for i in self.found.identifiers if i.unique]
        for hit in self.found.texts:
            key = (hit.row.table, hit.row.id)
            if key in self.owned or hit.column in self.sets.get(key, {}):
                continue
            table = self.tables.tables[hit.row.table]
            if table.derived:
                continue  # worked out again
            if table.name in self.frozen:
                self.untouched[table.name].add(key)
                continue
            column = table.column(hit.column)
            self.rows[key] = hit.row
            if not hit.certain:
                family = hit.kinds == ("family",)
                why = "holds the family name only" if family else "names a person who may be another one"
                self.review.append(Residue(hit.row.table, hit.column, 1, why))
            if not ids.occurrences(hit.text, unique):
                continue
            if hit.column in self.tables.identity[table.name] and table.name not in self.tables.without_key:
                self.unresolved.append(Residue(table.name, hit.column, 1, "stands in the key of somebody else's row"))
            elif column.type in ("text", "json"):
                self.sets[key][hit.column] = self._shortened(ids.redact(hit.text, unique), column)
            elif column.nullable:
                self.sets[key][hit.column] = None
            elif column.type != "other":
                self.sets[key][hit.column] = self._nothing(table, column)
            else:
                self.unresolved.append(Residue(table.name, hit.column, 1, f"a value of type {column.declared}"))
        for attachment in self.found.attachments:
            if attachment.table in self.frozen:
                self.untouched[attachment.table].add((attachment.table, attachment.id))
                continue
            self.unresolved.append(
                Residue(attachment.table, attachment.column, 1, "bytes of somebody else's attachment name the person")
            )

    # --- values that say nothing ---

    def _nothing(self, table: StoredTable, column: StoredColumn) -> object:
        """NULL, or a value of the column's type that says nothing; one of its own where values must differ."""
        if column.nullable:
            return None
        alone = any(column.name in one for one in table.unique)
        self.counter += 1
        kind = column.type
        if kind == "text":
            return self._shortened(f"{ERASED}{self.token}{self.counter}" if alone else ERASED, column, alone=alone)
        if kind in ("bigint", "integer", "smallint") or kind.startswith("numeric") or kind in ("real", "double"):
            return -self.counter - int(self.token[:6], 36) % 30_000 if alone else 0
        fixed = {
            "boolean": False,
            "date": "1900-01-01",
            "time": "00:00:00",
            "timestamp": "1900-01-01 00:00:00",
            "timestamptz": "1900-01-01 00:00:00+00",
            "json": "{}",
            "bytes": b"",
            "interval": "0",
        }
        if kind == "uuid":
            return f"00000000-0000-4000-8000-{int(self.token[:8], 36) % 16**6:06x}{self.counter:06x}"
        return fixed.get(kind, ERASED)

    def _shortened(self, text: str, column: StoredColumn, *, alone: bool = False) -> str:
        if column.longest is None or len(text) <= column.longest:
            return text
        return text[-column.longest :] if alone else text[: column.longest]

    # --- in which order ---

    def _deletes(self) -> list[Change]:
        gone: dict[str, list[RowId]] = defaultdict(list)
        for table, one in self.owned:
            if (table, one) not in self.stays and not self.tables.tables[table].derived:
                gone[table].append(one)
        return [self._change(table, gone[table], None) for table in self._children_first(gone)]

    def _change(self, table: str, rows: Sequence[RowId], sets: Mapping[str, object] | None) -> Change:
        keyless = table in self.tables.without_key
        expected = len(rows)
        if keyless:
            expected = max(expected, self.tables.copies.get(table, expected))
        by = self.tables.identity[table]
        return Change(table, by, tuple(rows), None if sets is None else dict(sets), expected, keyless)

    def _children_first(self, names: Iterable[str]) -> list[str]:
        wanted = set(names)
        points_to = {t: {p for p in self._pointed(t) if p in wanted and p != t} for t in wanted}
        order: list[str] = []
        while points_to:
            ready = sorted(t for t in points_to if not any(t in parents for parents in points_to.values()))
            if not ready:
                ready = sorted(points_to)[:1]
            order += ready
            for one in ready:
                del points_to[one]
        return order

    def _pointed(self, table: str) -> set[str]:
        return {r.table for r in self.tables.tables[table].references} | {
            link.parent for link in self.links if link.child == table
        }

    def _cut_circles(self) -> list[Change]:
        """Rows that point to each other in a circle of foreign keys: one side lets go first.

        A table that points to itself is a circle, too: InnoDB looks after each row, not after the statement.
        """
        gone = {table for table, one in self.owned if (table, one) not in self.stays}
        order = {table: place for place, table in enumerate(self._children_first(gone))}
        cuts = []
        for table in sorted(gone):
            stored = self.tables.tables[table]
            for reference in stored.references:
                later = reference.table in order and order[reference.table] < order[table]
                loose = [c for c in reference.columns if stored.column(c).nullable]
                if (later or reference.table == table) and loose:
                    rows = [
                        key[1]
                        for key, row in self.owned.items()
                        if key[0] == table and key not in self.stays and row.values.get(loose[0]) is not None
                    ]
                    if rows:
                        cuts.append(self._change(table, rows, {loose[0]: None}))
        return cuts

    # --- what stays, in words ---

    def _kept(self) -> list[Kept]:
        found: list[Kept] = []
        tables = sorted({*(table for table, _ in self.stays), *self.untouched})
        for table in tables:
            mine = [key for key in self.stays if key[0] == table]
            for rule in (k for k in self.keeps if k.table == table):
                rows = [key for key in mine if key not in self.structural]
                rows += self.untouched[table] if rule.everybodys else []
                if not rows:
                    continue
                columns = () if rule.columns is None else tuple(sorted(rule.columns | self._left_in(rows)))
                found.append(Kept(table, len(rows), columns, rule.why, rule.article, rule.until, rule.kind))
            structural = [key for key in mine if key in self.structural]
            if structural:
                why = "; ".join(sorted({self.structural[key] for key in structural}))
                key_columns = () if table in self.tables.without_key else self.tables.identity[table]
                columns = tuple(sorted({*key_columns, *self._left_in(structural)}))
                found.append(Kept(table, len(structural), columns, why, kind="structure"))
        return found

    def _left_in(self, rows: Iterable[RowKey]) -> set[str]:
        """Columns that keep their values in these rows although nothing asks for them: keys."""
        return {column for key in rows for column in self.left.get(key, ())}


def _as_text(value: object) -> str | None:
    """A value as the store's own text of it, for rows that are picked by their texts."""
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sums(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for name, count in pairs:
        sums[name] = sums.get(name, 0) + count
    return dict(sorted(sums.items()))


def _by_name(item: tuple[RowKey, object]) -> tuple[str, str]:
    return item[0][0], str(item[0][1])


def added(first: Mapping[str, int], second: Mapping[str, int]) -> dict[str, int]:
    """Counts by name, of both together."""
    return {name: first.get(name, 0) + second.get(name, 0) for name in sorted({*first, *second})}


def merged(residues: Iterable[Residue]) -> list[Residue]:
    """One for each place and reason, with all their rows."""
    counts: dict[tuple[str, str, str], int] = {}
    for r in residues:
        place = (r.table, r.column, r.why)
        counts[place] = counts.get(place, 0) + r.rows
    return [Residue(table, column, rows, why) for (table, column, why), rows in sorted(counts.items())]


def status_of(residues: Sequence[Residue], collateral: Sequence[Residue], kept: Iterable[Kept]) -> Ended:
    """How an erasure came out: something left, or gone that should not be; something kept with a reason; neither."""
    if residues or collateral:
        return "incomplete"
    return "partly" if any(k.kind != "structure" for k in kept) else "complete"


def surviving(identifiers: Sequence[Identifier]) -> list[Identifier]:
    """Identifiers that must be nowhere afterwards: those nobody else shares."""
    return [i for i in identifiers if i.unique]
