"""Everything a store holds about one person, whichever table it is in.

Starts from verified identities (keys of the customer table), follows confirmed links
down to whatever belongs to them and up to what only they point to, and then looks
through every text of every table for the person's identifiers. What is found is not
handed to anybody here: it is for giving a person their data and for erasing it.

Easy to get wrong: a row that is also somebody else's is not the person's to delete; an
e-mail address that two customers share names neither of them; a link that nobody has
confirmed is counted and told, never followed.

Sources: GDPR Art. 15, 17; DESIGN section 7.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from rightful.errors import BadInput, UnknownName
from rightful.gate import identifiers as ids
from rightful.gate import links as link_rules
from rightful.gate.dispose import mark, text_of
from rightful.gate.identifiers import Identifier
from rightful.gate.links import Column, Link, Overlap, Shape
from rightful.sources.contract import Source, StoredTable

if TYPE_CHECKING:
    from sqlglot import exp

RowId = tuple[object, ...]
AT_ONCE = 400
SAMPLE = 200
SPELLINGS = 100
ASKED = 2000
MOST_ATTACHMENTS = 20_000
MOST_ATTACHMENT_BYTES = 8 << 20
MOST_NAMESAKES = 3
MOST_FAMILY_ROWS = 200
"""Of each table, so many rows that hold the letters of the family name are looked at."""
CONTACT_WORDS = frozenset(["contact", "address", "email", "mail", "phone", "mechanism", "identifier", "identity"])
TEXTS = ("text", "json", "other")
WHOLE = ("bigint", "integer", "smallint")
READ_AS_TEXT = ("other", "json", "interval", "time", "timestamptz")
"""Types whose values come as text: engines and drivers have ideas of their own about them."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was found. `id` are its values in `Store.identity(table)`; bytes are left out of `values`."""

    table: str
    id: RowId
    values: Mapping[str, object]


@dataclass(slots=True)
class Held:
    """A row that is the person's, and which links say so."""

    row: Row
    why: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Spared:
    """A row that is also somebody else's: it stays; `columns` name the person in it and are unlinked."""

    row: Row
    why: str
    columns: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class TextHit:
    """An identifier of the person in a row that is not theirs. `kinds` of what was found; `text` as it stands."""

    row: Row
    column: str
    text: str
    kinds: tuple[str, ...]
    certain: bool


@dataclass(frozen=True, slots=True)
class Attachment:
    """Bytes in a row that is not the person's, in which an identifier was found."""

    table: str
    id: RowId
    column: str


@dataclass(frozen=True, slots=True)
class Double:
    """Another row of the customer table that may be the same person. `strong`: address or number and name agree."""

    key: str
    why: str
    strong: bool


@dataclass(slots=True)
class Found:
    """What was found about one person."""

    keys: tuple[str, ...]
    rows: dict[str, dict[RowId, Held]] = field(default_factory=dict)
    spared: dict[tuple[str, RowId], Spared] = field(default_factory=dict)
    mentions: dict[tuple[str, RowId], Spared] = field(default_factory=dict)
    identifiers: tuple[Identifier, ...] = ()
    texts: tuple[TextHit, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    unread: tuple[str, ...] = ()
    undecided: tuple[tuple[Link, int], ...] = ()
    doubles: tuple[Double, ...] = ()

    def owned(self, table: str) -> list[Held]:
        return list(self.rows.get(table, {}).values())


class Store:
    """The tables of one source, as they are now, and questions about them."""

    def __init__(self, source: Source, customers: str, key: str) -> None:
        self.source = source
        self.customers = customers
        self.customer_key = key
        self.tables: dict[str, StoredTable] = {t.name: t for t in source.structure()}
        if customers not in self.tables:
            raise UnknownName(f"the store has no table {customers}")
        self._keys: dict[str, tuple[str, ...]] = {customers: (key,)}

    def table(self, name: str) -> StoredTable:
        return self.tables[name]

    def key(self, name: str) -> tuple[str, ...]:
        """The declared primary key, or a column that turns out to be one by counting; () if there is none."""
        if name not in self._keys:
            table = self.tables[name]
            self._keys[name] = table.key or self._counted_key(table)
        return self._keys[name]

    def identity(self, name: str) -> tuple[str, ...]:
        """The columns that pick one row: its key, or all of them together."""
        return self.key(name) or tuple(c.name for c in self.tables[name].columns if c.type != "bytes")

    def as_text(self, name: str) -> bool:
        """Whether rows of this table are picked by all columns, compared as text."""
        return not self.key(name)

    def count(self, name: str) -> int:
        from sqlglot import exp

        return int(self._ask(exp.select(exp.Count(this=exp.Star())).from_(self._place(name)))[0][0])

    def rows(self, name: str, condition: exp.Expr, values: Sequence[object], *, limit: int | None = None) -> list[Row]:
        """Rows of a table under a condition whose marks stand for `values`."""
        from sqlglot import exp

        columns = [c for c in self.tables[name].columns if c.type != "bytes"]
        texts = self.as_text(name)
        shown: list[exp.Expr] = [
            exp.cast(exp.column(c.name, quoted=True), "TEXT")
            if texts or c.type in READ_AS_TEXT
            else exp.column(c.name, quoted=True)
            for c in columns
        ]
        query = exp.select(*shown).from_(self._place(name)).where(condition)
        if limit is not None:
            query = query.limit(limit)
        places = {c.name: i for i, c in enumerate(columns)}
        identity = [places[c] for c in self.identity(name)]
        return [
            Row(name, tuple(row[i] for i in identity), {c.name: row[i] for i, c in enumerate(columns)})
            for row in self._ask(query, values)
        ]

    def where_in(self, name: str, column: str, values: Iterable[object]) -> Iterator[Row]:
        """Rows whose column holds one of these values; compared as text where the types differ."""
        wanted = sorted({v for v in values if v is not None}, key=str)
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            condition, bound = self._in(name, column, part)
            yield from self.rows(name, condition, bound)

    def holding(self, name: str, columns: Sequence[str], texts: Sequence[str]) -> Iterator[Row]:
        """Rows in which one of these text columns is exactly one of these texts; one scan for each few hundred."""
        from sqlglot import exp

        for start in range(0, len(texts), AT_ONCE):
            part = texts[start : start + AT_ONCE]
            alternatives = [exp.column(c, quoted=True).isin(*(mark() for _ in part)) for c in columns]
            yield from self.rows(name, exp.or_(*alternatives), list(part) * len(columns))

    def named(self, name: Identifier) -> list[Row]:
        """Customers whose first and last name, in columns of their own, make this name."""
        from sqlglot import exp

        found = []
        for column in self.tables[self.customers].columns:
            words = {*ids.words_of(column.name), "".join(ids.words_of(column.name))}
            if column.type == "text" and words & ids.LAST_WORDS:
                own = exp.Lower(this=exp.Trim(this=exp.column(column.name, quoted=True)))
                ends = sorted({name.value.split(" ", i)[-1] for i in range(1, name.value.count(" ") + 1)})
                for row in self.rows(self.customers, own.isin(*(mark() for _ in ends)), ends):
                    texts = {c: v for c, v in row.values.items() if isinstance(v, str)}
                    if any(i.value == name.value for i in ids.of_row(texts, kinds=["name"])):
                        found.append(row)
        return found

    def still_there(self, name: str, ids_: Sequence[RowId]) -> int:
        """How many of these rows there are now."""
        from sqlglot import exp

        total = 0
        for start in range(0, len(ids_), AT_ONCE):
            condition, bound = self.picks(name, ids_[start : start + AT_ONCE])
            query = exp.select(exp.Count(this=exp.Star())).from_(self._place(name)).where(condition)
            total += int(self._ask(query, bound)[0][0])
        return total

    def by_id(self, name: str, ids_: Sequence[RowId]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(ids_), AT_ONCE):
            condition, bound = self.picks(name, ids_[start : start + AT_ONCE])
            found += self.rows(name, condition, bound)
        return found

    def picks(self, name: str, ids_: Sequence[RowId]) -> tuple[exp.Expr, list[object]]:
        """The condition that picks these rows."""
        from sqlglot import exp

        texts = self.as_text(name)
        alternatives: list[exp.Expr] = []
        values: list[object] = []
        for one in ids_:
            parts: list[exp.Expr] = []
            for column, value in zip(self.identity(name), one, strict=True):
                own: exp.Expr = exp.column(column, quoted=True)
                own = exp.cast(own, "TEXT") if texts else own
                if value is None:
                    parts.append(own.is_(exp.Null()))
                else:
                    parts.append(exp.EQ(this=own, expression=mark()))
                    values.append(value)
            alternatives.append(exp.and_(*parts))
        return exp.or_(*alternatives), values

    def orphans(self, link: Link) -> int:
        """Rows of the child whose column names no row of the parent."""
        from sqlglot import exp

        child, parent = exp.column(link.columns[0], "c", quoted=True), exp.column(link.to[0], "p", quoted=True)
        one: exp.Expr = exp.cast(child, "TEXT")
        condition: exp.Expr = exp.not_(child.is_(exp.Null()))
        values: list[object] = []
        if link.kind == "type-and-id":
            kind = exp.cast(exp.column(link.type_column, "c", quoted=True), "TEXT")
            condition = exp.and_(condition, kind.isin(*(mark() for _ in link.means)))
            values += link.means
        other = exp.select("1").from_(self._place(link.parent).as_("p"))
        other = other.where(exp.EQ(this=exp.cast(parent, "TEXT"), expression=one))
        query = exp.select(exp.Count(this=exp.Star())).from_(self._place(link.child).as_("c"))
        query = query.where(condition).where(exp.not_(exp.Exists(this=other)))
        return int(self._ask(query, values)[0][0])

    # --- shapes and proposals ---

    def shapes(self) -> tuple[Shape, ...]:
        """Every table with a sample of each text column, for proposals."""
        return tuple(
            Shape(
                table.name,
                tuple(Column(c.name, c.type, self._sample(table, c.name, c.type)) for c in table.columns),
                self.key(table.name),
                tuple((r.columns, r.table, r.to) for r in table.references),
                table.rows,
            )
            for table in self.tables.values()
            if not table.derived
        )

    def propose(self, decided: Sequence[Link] = ()) -> tuple[Link, ...]:
        """Every link there probably is: declared ones, and guesses that the values bear out."""
        shapes = self.shapes()
        sure = [*link_rules.declared(shapes, self.customers)]
        fan = {link.id: self._fan(link) for link in sure}
        found = list(sure)
        for guess in link_rules.guesses(shapes, self.customers, [*sure, *decided]):
            overlap = self._overlap(guess)
            link = link_rules.judged(guess, overlap)
            if link is not None:
                found.append(link)
                fan[link.id] = overlap.rows
        for relating in link_rules.relatings(shapes, sure, self.customers):
            leads = link_rules.related(relating, self._kinds_of_relation(relating))
            if leads is not None:
                found.append(leads)
        found = [*found, *(d for d in decided if d.id not in {f.id for f in found})]
        return tuple(link_rules.with_roles(found, shapes, self.customers, fan))

    def newly_declared(self, known: Collection[str]) -> tuple[Link, ...]:
        """Foreign keys that are not among the known links, with their roles: the database says so itself."""
        shapes = tuple(
            Shape(
                t.name,
                tuple(Column(c.name, c.type) for c in t.columns),
                t.key,
                tuple((r.columns, r.table, r.to) for r in t.references),
            )
            for t in self.tables.values()
        )
        sure = link_rules.declared(shapes, self.customers)
        fresh = {link.id for link in sure} - set(known)
        if not fresh:
            return ()
        fan = {link.id: self._fan(link) for link in sure if link.id in fresh}
        return tuple(x for x in link_rules.with_roles(sure, shapes, self.customers, fan) if x.id in fresh)

    def _overlap(self, guess: link_rules.Guess) -> Overlap:
        from sqlglot import exp

        q, link = guess.question, guess.link
        child: exp.Expr = exp.cast(exp.column(q.column, quoted=True), "TEXT")
        own = exp.column(q.column, quoted=True)
        condition: exp.Expr = exp.not_(own.is_(exp.Null()))
        values: list[object] = []
        if link.kind == "type-and-id":
            kind = exp.cast(exp.column(q.type_column, quoted=True), "TEXT")
            condition = exp.and_(condition, kind.isin(*(mark() for _ in q.means)))
            values += q.means
        texts = self._ask(
            exp.select(child).distinct().from_(self._place(q.child)).where(condition).limit(ASKED), values
        )
        asked = [str(row[0]) for row in texts]
        if link.kind == "reference-text":
            hits = [link_rules.REFERENCE_TEXT.fullmatch(value) for value in asked]
            asked = [h[3] for h in hits if h and h[1] in q.means and h[2] == link.separator]
        parent: exp.Expr = exp.cast(exp.column(q.to, quoted=True), "TEXT")
        if q.form == "folded":
            asked = sorted({ids.normal(value) for value in asked if value.strip()})
            parent = exp.Lower(this=exp.Trim(this=parent))
        elif q.form == "digits":
            asked = sorted({ids.compact(value)[-8:] for value in asked if len(ids.compact(value)) >= 8})
            parent = exp.Right(this=_compact(parent, self.source.dialect), expression=exp.Literal.number(8))
        found = 0
        for start in range(0, len(asked), AT_ONCE):
            part = asked[start : start + AT_ONCE]
            query = exp.select(exp.Count(this=exp.Distinct(expressions=[parent]))).from_(self._place(q.parent))
            found += int(self._ask(query.where(parent.isin(*(mark() for _ in part))), part)[0][0])
        rows = self._ask(exp.select(exp.Count(this=own)).from_(self._place(q.child)).where(condition), values)[0][0]
        return Overlap(len(asked), min(found, len(asked)), int(rows) / max(len(asked), 1))

    def _kinds_of_relation(self, one: link_rules.Relating) -> list[link_rules.KindOfRelation]:
        """From a customer to what is no customer: rows and different things for each kind of relation."""
        from sqlglot import exp

        far, kind = exp.column(one.far, quoted=True), exp.column(one.type_column, quoted=True)
        keys = exp.select(exp.column(self.customer_key, quoted=True)).from_(self._place(self.customers))
        near_is = exp.column(one.near, quoted=True).isin(query=keys)
        query = exp.select(kind, exp.Count(this=exp.Star()), exp.Count(this=exp.Distinct(expressions=[far])))
        query = query.from_(self._place(one.table)).where(near_is)
        query = query.where(exp.not_(far.copy().isin(query=keys.copy()))).group_by(kind.copy())
        return [
            link_rules.KindOfRelation(str(spelling), int(rows), int(things))
            for spelling, rows, things in self._ask(query)
            if spelling is not None
        ]

    def _fan(self, link: Link) -> float:
        from sqlglot import exp

        own = exp.column(link.columns[0], quoted=True)
        query = exp.select(exp.Count(this=own), exp.Count(this=exp.Distinct(expressions=[own])))
        rows, different = self._ask(query.from_(self._place(link.child)))[0]
        return float(rows) / max(int(different), 1)

    def _sample(self, table: StoredTable, column: str, kind: str) -> tuple[str, ...]:
        from sqlglot import exp

        if kind not in ("text", "uuid", "bigint", "integer", "smallint"):
            return ()
        own = exp.column(column, quoted=True)
        query = exp.select(exp.cast(own, "TEXT")).distinct().from_(self._place(table.name))
        rows = self._ask(query.where(exp.not_(own.is_(exp.Null()))).limit(SAMPLE))
        sample = {str(row[0]) for row in rows if row[0] is not None and str(row[0]).strip()}
        if len(rows) == SAMPLE:
            sample |= self._rare_spellings(table, own, sample)
        return tuple(sorted(sample))

    def _rare_spellings(self, table: StoredTable, own: exp.Expr, sample: Collection[str]) -> set[str]:
        """Of a column of references (`party.party,12`): one value for each kind of thing that the sample missed."""
        from sqlglot import exp

        hits = [hit for value in sample if (hit := link_rules.REFERENCE_TEXT.fullmatch(value))]
        if len(hits) < link_rules.ENOUGH * len(sample):
            return set()
        known = {f"{hit[1]}{hit[2]}" for hit in hits}
        rare: set[str] = set()
        while len(known) < SPELLINGS:
            text = exp.cast(own, "TEXT")
            others = [exp.not_(exp.Like(this=text.copy(), expression=mark())) for _ in known]
            query = exp.select(text).from_(self._place(table.name)).where(exp.and_(*others)).limit(1)
            row = self._ask(query, [f"{prefix}%" for prefix in sorted(known)])
            hit = link_rules.REFERENCE_TEXT.fullmatch(str(row[0][0])) if row and row[0][0] is not None else None
            if hit is None:
                break
            known.add(f"{hit[1]}{hit[2]}")
            rare.add(hit[0])
        return rare

    def _counted_key(self, table: StoredTable) -> tuple[str, ...]:
        from sqlglot import exp

        for columns in table.unique:
            if all(not table.column(c).nullable for c in columns):
                return columns
        own = link_rules.plain(table.name)
        for column in table.columns[:40]:
            name = "".join(ids.words_of(column.name))
            if name not in ("id", "uuid", "key", "guid", f"{own}id", f"{own}no", f"{own}key"):
                continue
            one = exp.column(column.name, quoted=True)
            query = exp.select(exp.Count(this=exp.Star()), exp.Count(this=exp.Distinct(expressions=[one])))
            total, different = self._ask(query.from_(self._place(table.name)))[0]
            if total and total == different:
                return (column.name,)
        return ()

    # --- texts ---

    def text_hits(
        self, wanted: Sequence[Identifier], skip: Mapping[str, Mapping[RowId, object]], *, limit: int | None = None
    ) -> list[TextHit]:
        """Every place outside `skip` where one of these identifiers stands, in any text of any table."""
        found: list[TextHit] = []
        if not wanted:
            return found
        for table in self.tables.values():
            for row, column, text, kinds, certain in self._looked_through(table, wanted):
                if row.id not in skip.get(table.name, {}):
                    found.append(TextHit(row, column, text, kinds, certain))
                    if limit is not None and len(found) >= limit:
                        return found
        return found

    def _looked_through(
        self, table: StoredTable, wanted: Sequence[Identifier]
    ) -> Iterator[tuple[Row, str, str, tuple[str, ...], bool]]:
        from sqlglot import exp

        numbers = [i for i in wanted if i.kind in ("phone", "number") and len(i.needles[0]) >= 8]
        needles = "|".join(sorted({n for i in wanted for n in i.needles}))
        digits = sorted({n for i in numbers for n in i.needles if n.isdigit()})
        plain = sorted({p for i in wanted for p in i.plain})
        conditions: list[exp.Expr] = []
        values: list[object] = []
        columns = []
        dialect = self.source.dialect
        for column in table.columns:
            own: exp.Expr = exp.column(column.name, quoted=True)
            if column.type in TEXTS:
                own = own if column.type == "text" else exp.cast(own, "TEXT")
                conditions += [_matches(_compact(own, dialect), dialect), _matches(own, dialect)]
                values += [needles, ids.MOST_COMPATIBLE]
                for word in plain:
                    conditions.append(exp.StrPosition(this=exp.Lower(this=own), substr=mark()) > 0)
                    values.append(word)
            elif column.type in WHOLE and digits:
                for word in digits:
                    conditions.append(exp.StrPosition(this=exp.cast(own, "TEXT"), substr=mark()) > 0)
                    values.append(word)
            else:
                continue
            columns.append(column)
        if not conditions:
            return
        for row in self.rows(table.name, exp.or_(*conditions), values):
            for column in columns:
                value = row.values[column.name]
                if value is None:
                    continue
                text = str(value)
                hits = ids.occurrences(text, numbers if column.type in WHOLE else wanted)
                if hits:
                    kinds = tuple(sorted({h.identifier.kind for h in hits}))
                    yield row, column.name, text, kinds, all(h.identifier.unique for h in hits)

    def family_hits(self, name: Identifier, table: StoredTable) -> tuple[list[TextHit], bool]:
        """Texts of one table in which a family name stands as a word, and whether there were too many to look at."""
        from sqlglot import exp

        columns = [c for c in table.columns if c.type in TEXTS]
        conditions: list[exp.Expr] = []
        for column in columns:
            own: exp.Expr = exp.column(column.name, quoted=True)
            own = exp.Lower(this=own if column.type == "text" else exp.cast(own, "TEXT"))
            conditions += [exp.StrPosition(this=own, substr=mark()) > 0 for _ in name.plain]
        if not conditions:
            return [], False
        bound = list(name.plain) * len(columns)
        rows = self.rows(table.name, exp.or_(*conditions), bound, limit=MOST_FAMILY_ROWS + 1)
        hits = [
            TextHit(row, column.name, str(row.values[column.name]), (name.kind,), False)
            for row in rows[:MOST_FAMILY_ROWS]
            for column in columns
            if row.values[column.name] is not None and ids.occurrences(str(row.values[column.name]), [name])
        ]
        return hits, len(rows) > MOST_FAMILY_ROWS

    def attachments(
        self, wanted: Sequence[Identifier], skip: Mapping[str, Mapping[RowId, object]]
    ) -> tuple[list[Attachment], list[str]]:
        """Bytes that hold an identifier, and what could not be read through."""
        from sqlglot import exp

        found, unread = [], []
        strong = [i for i in wanted if i.unique and i.kind in ("email", "phone", "number")]
        if not strong:
            return [], []
        for table in self.tables.values():
            for column in (c for c in table.columns if c.type == "bytes"):
                identity = self.identity(table.name)
                shown: list[exp.Expr] = [exp.column(c, quoted=True) for c in identity]
                if self.as_text(table.name):
                    shown = [exp.cast(c, "TEXT") for c in shown]
                own = exp.column(column.name, quoted=True)
                query = exp.select(*shown, own).from_(self._place(table.name)).where(exp.not_(own.is_(exp.Null())))
                rows = self._ask(query.limit(MOST_ATTACHMENTS + 1))
                if len(rows) > MOST_ATTACHMENTS:
                    unread.append(f"{table.name}.{column.name}: only the first {MOST_ATTACHMENTS} were read through")
                for *one, data in rows:
                    if tuple(one) in skip.get(table.name, {}):
                        continue
                    content = bytes(data)[:MOST_ATTACHMENT_BYTES]
                    if any(ids.occurrences(text, strong) for text in _as_texts(content)):
                        found.append(Attachment(table.name, tuple(one), column.name))
        return found, unread

    # --- inside ---

    def _in(self, name: str, column: str, values: Sequence[object]) -> tuple[exp.Expr, list[object]]:
        from sqlglot import exp

        kind = self.tables[name].column(column).type
        own: exp.Expr = exp.column(column, quoted=True)
        native = (kind in WHOLE and all(isinstance(v, int) and not isinstance(v, bool) for v in values)) or (
            kind == "text" and all(isinstance(v, str) for v in values)
        )
        if native and not self.as_text(name):
            return own.isin(*(mark() for _ in values)), list(values)
        return exp.cast(own, "TEXT").isin(*(mark() for _ in values)), [str(v) for v in values]

    def _place(self, name: str) -> exp.Table:
        from sqlglot import exp

        place = self.tables[name].place
        return exp.table_(place[-1], db=place[0] if len(place) > 1 else None, quoted=True)

    def _ask(self, query: exp.Expr, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        return self.source.examine(text_of(query, self.source.dialect), values)


def find(
    store: Store,
    keys: Sequence[str],
    confirmed: Sequence[Link],
    proposed: Sequence[Link] = (),
    *,
    region: str = "",
    search: bool = True,
    known: Sequence[Identifier] = (),
) -> Found:
    """Everything about the person with these keys of the customer table.

    Args:
        keys: verified identities; several if the person has several profiles.
        confirmed: links that are followed. Foreign keys are among them.
        proposed: links nobody has decided about: their rows are counted, not followed.
        search: look through all texts and attachments, too.
        known: identifiers of the person that come from elsewhere; looked for like those found here.

    Raises:
        UnknownName: no customer has one of these keys.
    """
    walk = _Walk(store, confirmed, region, known)
    walk.start(keys)
    walk.go()
    found = walk.found
    found.undecided = tuple((link, rows) for link in proposed if (rows := walk.would_add(link)))
    found.doubles = tuple(walk.doubles())
    if search:
        texts = store.text_hits(found.identifiers, found.rows)
        attachments, unread = store.attachments(found.identifiers, found.rows)
        families, not_sought = walk.families(texts)
        found.texts, found.attachments = (*texts, *families), tuple(attachments)
        found.unread = (*unread, *not_sought)
    return found


def follow(
    store: Store, rows: Sequence[Row], keys: Sequence[str], confirmed: Sequence[Link], *, region: str = ""
) -> Found:
    """What belongs to these rows of a person whose customer row may be gone already."""
    walk = _Walk(store, confirmed, region)
    walk.found.keys = tuple(keys)
    for row in rows:
        walk._own(row, "found before")
    walk.go()
    return walk.found


class _Walk:
    """One search: a queue of rows whose children are still to be looked for."""

    def __init__(self, store: Store, links: Sequence[Link], region: str, known: Sequence[Identifier] = ()) -> None:
        self.store = store
        self.given = known
        self.links = [link for link in links if link.child in store.tables and link.parent in store.tables]
        self.region = region
        self.found = Found(())
        self.queue: list[Row] = []
        self.own_values: dict[str, set[str]] = {}
        self._others: dict[str, bool] = {}

    def start(self, keys: Sequence[str]) -> None:
        store = self.store
        rows = []
        for key in keys:
            mine = [r for r in store.where_in(store.customers, store.customer_key, [key]) if str(r.id[0]) == key]
            if len(mine) != 1:
                raise UnknownName("no customer has this key", remedy="Check the key; it is compared byte for byte")
            rows += mine
        self.found.keys = tuple(str(r.id[0]) for r in rows)
        for row in rows:
            self._own(row, "the customer")

    def go(self) -> None:
        """Follow everything until nothing new comes; identifiers and rows feed each other."""
        while True:
            self._down()
            before = sum(map(len, self.found.rows.values()))
            self._identify()
            self._by_value()
            self._up()
            if not self.queue and before == sum(map(len, self.found.rows.values())):
                return

    def _own(self, row: Row, why: str) -> None:
        held = self.found.rows.setdefault(row.table, {})
        if row.id in held:
            held[row.id].why.add(why)
            return
        self.found.spared.pop((row.table, row.id), None)
        held[row.id] = Held(row, {why})
        self.queue.append(row)

    def _down(self) -> None:
        while self.queue:
            by_table: dict[str, list[Row]] = defaultdict(list)
            for row in self.queue:
                by_table[row.table].append(row)
            self.queue = []
            for table, rows in by_table.items():
                for link in self.links:
                    if link.parent == table and link.role in ("belongs", "mentions") and link.kind != "value":
                        self._children(link, rows)

    def _children(self, link: Link, rows: Sequence[Row]) -> None:
        for row in self.rows_of(link, [r.values.get(link.to[0]) for r in rows]):
            if row.id in self.found.rows.get(row.table, {}):
                self.found.rows[row.table][row.id].why.add(link.id)
            elif link.role == "mentions":
                self._mention(row, link)
            elif self._somebody_else(row, link):
                self._spare(row, "names another customer, too", link.columns)
            else:
                self._own(row, link.id)

    def rows_of(self, link: Link, values: Sequence[object]) -> list[Row]:
        """Rows of the child that name a parent's row with one of these values."""
        column = link.columns[0]
        wanted: list[object] = [v for v in values if v is not None]
        if not wanted:
            return []
        if link.kind == "reference-text":
            wanted = [f"{spelling}{link.separator}{v}" for spelling in link.means for v in wanted]
        rows = list(self.store.where_in(link.child, column, wanted))
        if link.kind in ("type-and-id", "relation"):
            rows = [r for r in rows if str(r.values.get(link.type_column)) in link.means]
        return rows

    def _mention(self, row: Row, link: Link) -> None:
        spot = self.found.mentions.setdefault((row.table, row.id), Spared(row, "only names the person"))
        spot.columns.update(link.columns)

    def _spare(self, row: Row, why: str, columns: Iterable[str] = ()) -> None:
        if row.id in self.found.rows.get(row.table, {}):
            return
        spot = self.found.spared.setdefault((row.table, row.id), Spared(row, why))
        spot.columns.update(columns)

    def _somebody_else(self, row: Row, link: Link) -> bool:
        """Whether another column of the row names a customer who is not this person."""
        for other in self.links:
            if other.child != row.table or other.parent != self.store.customers or other.role != "belongs":
                continue
            if other.columns == link.columns or other.kind == "twin":
                continue
            value = row.values.get(other.columns[0])
            if value is None or str(value) in self.found.keys:
                continue
            if other.kind == "type-and-id" and str(row.values.get(other.type_column)) not in other.means:
                continue
            if other.kind == "value":
                mine = [i for i in self.found.identifiers if ids.occurrences(str(value), [i])]
                if not mine and self._is_a_customers(other, str(value)):
                    return True
            elif other.kind == "reference-text":
                hit = link_rules.REFERENCE_TEXT.fullmatch(str(value))
                if hit and hit[1] in other.means and hit[3] not in self.found.keys:
                    return True
            elif any(True for _ in self.store.where_in(other.parent, other.to[0], [value])):
                return True
        return False

    def _is_a_customers(self, link: Link, value: str) -> bool:
        if value not in self._others:
            found = ids.of_row({link.to[0]: value}, region=self.region)
            self._others[value] = any(self._holders(i) for i in found)
        return self._others[value]

    def _holders(self, identifier: Identifier) -> list[str]:
        """Keys of customers other than this person whose row holds the identifier."""
        table = self.store.table(self.store.customers)
        keys = {str(row.id[0]) for row, *_ in self.store._looked_through(table, [identifier])}
        if identifier.kind == "name":  # in two columns
            keys |= {str(row.id[0]) for row in self.store.named(identifier)}
        return sorted(keys - set(self.found.keys))

    def _identify(self) -> None:
        """Identifiers from the person's own rows; those that others have, too, are marked."""
        known = {(i.kind, i.value) for i in self.found.identifiers}
        fresh = [(i, self.store.customers, True) for i in self.given if (i.kind, i.value) not in known]
        known |= {(i.kind, i.value) for i, *_ in fresh}
        twins = {link.child for link in self.links if link.kind == "twin" and link.parent == self.store.customers}
        for table, held in self.found.rows.items():
            own = table == self.store.customers or table in twins
            near = bool(frozenset(ids.words_of(table)) & CONTACT_WORDS)
            if not own and not near:
                continue
            for one in held.values():
                row = one.row
                named = {c: v for c, v in row.values.items() if isinstance(v, str)}
                kinds: tuple[ids.Kind, ...] = () if own else ("email", "phone", "number")
                candidates = list(ids.of_row(named, region=self.region, kinds=kinds))
                if table == self.store.customers and (key := ids.distinctive_key(str(row.id[0]))):
                    candidates.append(key)
                for identifier in candidates:
                    if (identifier.kind, identifier.value) not in known:
                        known.add((identifier.kind, identifier.value))
                        fresh.append((identifier, table, own))
        for identifier, table, own in fresh:
            shared = bool(self._holders(identifier))
            if not own and not shared:  # a contact row: the same value in a row of somebody else
                hits = self.store._looked_through(self.store.table(table), [identifier])
                shared = any(row.id not in self.found.rows[table] for row, *_ in hits)
            self.found.identifiers = (*self.found.identifiers, replace(identifier, unique=not shared))

    def _by_value(self) -> None:
        """Rows that hold an identifier in a column confirmed to hold such."""
        for link in self.links:
            if link.kind == "value":
                for row, identifier in self._valued(link):
                    if row.id in self.found.rows.get(row.table, {}):
                        continue
                    if not identifier.unique:
                        self._spare(row, "another customer has the same address or number")
                    elif link.role == "mentions":
                        self._mention(row, link)
                    elif self._somebody_else(row, link):
                        self._spare(row, "names another customer, too", link.columns)
                    else:
                        self._own(row, link.id)
        if self.queue:
            self._down()

    def _valued(self, link: Link) -> Iterator[tuple[Row, Identifier]]:
        column = link.columns[0]
        wanted = [i for i in self.found.identifiers if i.kind in ("email", "phone")]
        table = self.store.table(link.child)
        narrow = replace(table, columns=tuple(c for c in table.columns if c.name == column))
        if not wanted:
            return
        for row, _, text, _, _ in self.store._looked_through(narrow, wanted):
            for hit in ids.occurrences(text, wanted):
                outside = len(ids.normal(text)) - (hit.end - hit.start)
                if outside <= 1:
                    yield row, hit.identifier

    def _up(self) -> None:
        """Rows that only this person points to (an address); others that point there keep it."""
        for link in self.links:
            extends = self._extends(link)
            if link.role != "shared" and not extends:
                continue
            for row in list(self.store.where_in(link.parent, link.to[0], self._pointed_to(link))):
                if row.id in self.found.rows.get(row.table, {}):
                    continue
                if link.kind == "relation" and self._is_a_customer(row.values.get(link.to[0])):
                    continue
                if not extends and self._others_point_to(row, link):
                    self._spare(row, "others point to it, too")
                else:
                    self._own(row, link.id)

    def _pointed_to(self, link: Link) -> set[object]:
        """What the person's rows name by this link."""
        mine = [held.row for held in self.found.rows.get(link.child, {}).values()]
        if link.kind == "relation":
            mine = [row for row in mine if str(row.values.get(link.type_column)) in link.means]
        return {row.values.get(link.columns[0]) for row in mine} - {None}

    def _is_a_customer(self, value: object) -> bool:
        return any(True for _ in self.store.where_in(self.store.customers, self.store.customer_key, [value]))

    def _extends(self, link: Link) -> bool:
        """Whether both rows are one thing in two tables: the child's own key names the parent (an entity and
        its contact). What points to the parent then points to the person."""
        same = self.store.key(link.child) == link.columns and self.store.key(link.parent) == link.to
        return same and link.kind == "foreign-key" and link.role in ("belongs", "shared")

    def _others_point_to(self, row: Row, by: Link) -> bool:
        """Whether anybody else's row points to it. What relates things relates many: there, only relations of
        the same kinds count."""
        for link in [by] if by.kind == "relation" else self.links:
            if link.parent != row.table or link.kind in ("twin", "value"):
                continue
            mine = self.found.rows.get(link.child, {})
            if any(other.id not in mine for other in self.rows_of(link, [row.values.get(link.to[0])])):
                return True
        return False

    def would_add(self, link: Link) -> int:
        """How many rows a link that nobody decided about would add."""
        if link.child not in self.store.tables or link.parent not in self.store.tables or link.role == "reference":
            return 0
        if link.kind == "value":
            rows = [row for row, _ in self._valued(link)]
        elif link.role == "shared":
            rows = list(self.store.where_in(link.parent, link.to[0], self._pointed_to(link)))
            return len([r for r in rows if r.id not in self.found.rows.get(link.parent, {})])
        else:
            parents = self.found.rows.get(link.parent, {})
            rows = self.rows_of(link, [held.row.values.get(link.to[0]) for held in parents.values()])
        mine = self.found.rows.get(link.child, {})
        known = {place for place in (*self.found.spared, *self.found.mentions) if place[0] == link.child}
        return len([r for r in rows if r.id not in mine and (r.table, r.id) not in known])

    def families(self, known: Collection[TextHit]) -> tuple[list[TextHit], list[str]]:
        """Texts of others that hold the person's family name and nothing surer; and what was not looked at, in
        sentences. A name that another customer bears, too, is not looked for: every one of their texts would come."""
        owned = self.found.rows
        seen = {(hit.row.table, hit.row.id, hit.column) for hit in known}
        names: dict[str, Identifier] = {}
        for held in owned.get(self.store.customers, {}).values():
            names |= {name.value: name for name in ids.family_names(held.row.values)}
        hits: list[TextHit] = []
        unsought: list[str] = []
        for name in names.values():
            people, many = self.store.family_hits(name, self.store.table(self.store.customers))
            if many or any(hit.row.id not in owned[self.store.customers] for hit in people):
                unsought.append("texts that hold only the family name were not looked at: other customers bear it, too")
                continue
            for table in self.store.tables.values():
                found, many = self.store.family_hits(name, table)
                hits += [
                    hit
                    for hit in found
                    if hit.row.id not in owned.get(table.name, {}) and (table.name, hit.row.id, hit.column) not in seen
                ]
                if many:
                    unsought.append(
                        f"{table.name}: of the texts with the letters of the family name, only the first "
                        f"{MOST_FAMILY_ROWS} were looked at"
                    )
        return hits, unsought

    def doubles(self) -> Iterator[Double]:
        """Other rows of the customer table that share an address, a number or the name."""
        shared: dict[str, set[str]] = defaultdict(set)
        for identifier in self.found.identifiers:
            if not identifier.unique and identifier.kind != "key":
                for key in self._holders(identifier):
                    shared[key].add(identifier.kind)
        alone = [key for key, kinds in shared.items() if kinds == {"name"}]
        if len(alone) > MOST_NAMESAKES:  # a common name is no hint
            shared = defaultdict(set, {key: kinds for key, kinds in shared.items() if key not in alone})
        for key, kinds in sorted(shared.items()):
            strong = len(kinds) > 1
            words = {"email": "e-mail address", "phone": "telephone number", "number": "number", "name": "name"}
            yield Double(key, "the same " + " and ".join(words[k] for k in sorted(kinds)), strong)


def _compact(text: exp.Expr, dialect: str) -> exp.Expr:
    """Lower-case letters and digits only, in SQL."""
    from sqlglot import exp

    more = [] if dialect == "mysql" else [exp.Literal.string("g")]
    return exp.Anonymous(
        this="REGEXP_REPLACE",
        expressions=[exp.Lower(this=text), exp.Literal.string("[^0-9a-z]"), exp.Literal.string(""), *more],
    )


def _matches(text: exp.Expr, dialect: str) -> exp.Expr:
    from sqlglot import exp

    if dialect == "mysql":  # MariaDB has no REGEXP_LIKE
        return exp.GT(
            this=exp.Anonymous(this="REGEXP_INSTR", expressions=[text, mark()]), expression=exp.Literal.number(0)
        )
    return exp.RegexpLike(this=text, expression=mark())


def _as_texts(data: bytes) -> tuple[str, ...]:
    return data.decode("utf-8", "ignore"), data.decode("utf-16-le", "ignore"), data.decode("utf-16-be", "ignore")


def check_links(links: Sequence[Link], names: Sequence[str]) -> list[Link]:
    """The links with these names.

    Raises:
        BadInput: there is none of one of these names.
    """
    by_id = {link.id: link for link in links}
    for name in names:
        if name not in by_id:
            raise BadInput(f"there is no link {name}", remedy="`rightful source links list` shows them")
    return [by_id[name] for name in names]
