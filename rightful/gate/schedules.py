"""What may no longer be kept: for every table, which purposes still hold its fields and until when.

A purpose holds the fields it needs as long as its storage period runs. A field may go
when no purpose holds it any more; a row may go when that is true of all its fields.
Here the policy becomes conditions, as SQL trees; nothing is read or deleted.

Easy to get wrong: a period whose moment stands nowhere in the data never ends (unsure
means keep, and tell); a row without the date is kept as well; a field that the rules
themselves need (residence, birth date) is no purpose's and still not free; NULL is
neither before nor after any day, so every condition says so itself.

Sources: GDPR Art. 5(1)(c), 5(1)(e), 17(1)(a), 25; DESIGN section 1, consideration 8.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from rightful.gate.identifiers import words_of
from rightful.policy.bind import Bound
from rightful.policy.model import Moment, Period, Purpose
from rightful.policy.names import split
from rightful.policy.periods import words
from rightful.policy.vocabulary import COLLECTION
from rightful.retention.rules import over_if_before
from rightful.sources.contract import StoredTable, TableInfo
from rightful.terms import LawfulBasis

if TYPE_CHECKING:
    from sqlglot import exp

Why = Literal["no-period", "no-moment", "no-date", "needed-by-rules", "permission-beside", "not-empty"]
KEY_WORDS = frozenset({"id", "key", "no", "nr", "number", "uuid", "ref"})
WITHDRAWAL = frozenset({"the withdrawal", "the objection", "the opt-out"})
"""Moments that stand in the record of choices, not in the data."""
LEGAL_OBLIGATION = "GDPR 6(1)(c)"
WHY: Mapping[Why, str] = {
    "no-period": "the policy sets no storage period",
    "no-moment": "the policy does not say where its moment stands in the data (moments)",
    "no-date": "this table has no such date, and the customer's row has none",
    "needed-by-rules": "the rules themselves need it: where customers live, how old they are, how they sign in",
    "not-empty": "the database does not let it be empty; it goes with its row",
    "permission-beside": "permission lies beside the rows in this database, where a deletion cannot look",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """One purpose's hold on fields of a table.

    Attributes:
        how: `own` and `customer`: a date in the row, in the customer's row; `last`: the customer's newest
            date in `table`; `consent`: as long as it is permitted, and `since` after the no; `open`: no end.
        table, column: where the date stands.
        before: dates before this day have run out (own, customer, last), or the no must be older (consent).
        flags: the columns that say it is permitted (consent).
        words: the period as the policy says it.
        law: the law that obliges to keep, as the policy cites it; "" if none does.
    """

    purpose: str
    how: Literal["own", "customer", "last", "consent", "open"]
    table: str = ""
    column: str = ""
    before: date = date.min
    flags: tuple[str, ...] = ()
    why: Why | None = None
    words: str = ""
    law: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Fields of one table that the same purposes hold."""

    columns: tuple[str, ...]
    claims: tuple[Claim, ...]

    @property
    def open_claims(self) -> tuple[Claim, ...]:
        return tuple(c for c in self.claims if c.how == "open")

    @property
    def can_end(self) -> bool:
        return bool(self.claims) and not self.open_claims


@dataclass(frozen=True, slots=True)
class Schedule:
    """One table: when its rows go, when parts of them go before, and what no purpose ever needed.

    Attributes:
        row: all fields that purposes need, and all their claims together.
        parts: fields that may go while the row stays, first those that go first.
        unneeded: fields that no purpose needs; their disposal is proposed, never done by itself.
        groups: all fields that purposes need, by who holds them.
    """

    table: str
    row: Part
    parts: tuple[Part, ...]
    unneeded: tuple[str, ...]
    groups: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """What schedules are made from."""

    bound: Bound
    tables: Sequence[TableInfo]
    structure: Mapping[str, StoredTable]
    today: date
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # purpose -> flag columns of its channels
    rules_need: Collection[str] = ()  # fields that deciding needs

    @property
    def customers(self) -> TableInfo:
        return next(t for t in self.tables if t.customer_table)

    def table(self, name: str) -> TableInfo | None:
        return next((t for t in self.tables if t.name == name), None)

    def is_date(self, name: str) -> bool:
        table, column = split(name)
        stored = self.structure.get(table)
        return stored is not None and any(
            c.name == column and (c.type == "date" or c.type.startswith("timestamp")) for c in stored.columns
        )


def schedules(scene: Scene) -> tuple[Schedule, ...]:
    """The schedule of every governed table."""
    return tuple(_schedule(scene, table) for table in scene.tables)


def needs(scene: Scene) -> dict[str, tuple[str, ...]]:
    """Every field -> the purposes that need it, without keys and without what the rules themselves need."""
    found = {
        f"{table.name}.{column}": tuple(purposes)
        for table in scene.tables
        for column, purposes in _needed(scene, table).items()
    }
    return {name: purposes for name, purposes in found.items() if name not in scene.rules_need}


def _needed(scene: Scene, table: TableInfo) -> dict[str, list[str]]:
    """Column -> purposes that need it; keys are nobody's."""
    keys = key_columns(scene, table)
    needed: dict[str, list[str]] = {c.name: [] for c in table.columns if c.name not in keys}
    for purpose in scene.bound.policy.purposes.values():
        if purpose.abstract:
            continue
        for name in scene.bound.fields_of(purpose.id):
            owner, column = split(name)
            if owner == table.name and column in needed:
                needed[column].append(purpose.id)
    return needed


def _schedule(scene: Scene, table: TableInfo) -> Schedule:
    needed = _needed(scene, table)
    claims: dict[str, Claim] = {}
    for purposes in needed.values():
        for name in purposes:
            if name not in claims:
                claims[name] = _claim(scene, table, scene.bound.policy.purposes[name])
    groups: dict[tuple[Claim, ...], list[str]] = {}
    for column, purposes in needed.items():
        held_by = [claims[p] for p in purposes]
        if f"{table.name}.{column}" in scene.rules_need:
            held_by.append(Claim("", "open", why="needed-by-rules"))
        groups.setdefault(tuple(held_by), []).append(column)
    everything = tuple(dict.fromkeys(c for held in groups for c in held))
    parts: list[Part] = []
    for held, columns in groups.items():
        if not held or set(held) == set(everything):
            continue
        fixed = tuple(c for c in columns if not _can_be_empty(scene, table.name, c))
        free = tuple(c for c in columns if c not in fixed)
        parts += [Part(free, held)] if free else []
        parts += [Part(fixed, (*held, Claim("", "open", why="not-empty")))] if fixed else []
    return Schedule(
        table.name,
        Part(tuple(c for held, columns in groups.items() for c in columns if held), everything),
        tuple(parts),
        tuple(groups.get((), ())),
        tuple(Part(tuple(columns), held) for held, columns in groups.items() if held),
    )


def _can_be_empty(scene: Scene, table: str, column: str) -> bool:
    stored = scene.structure.get(table)
    found = next((c for c in stored.columns if c.name == column), None) if stored else None
    return found is not None and found.nullable and not found.generated


def key_columns(scene: Scene, table: TableInfo) -> frozenset[str]:
    """Columns that only hold rows together: nobody's reason to keep one.

    The store says which they are, where it declares keys. Where it does not, they are the columns
    called so that stand in the same category as the customer's key.
    """
    stored = scene.structure.get(table.name)
    keys = {table.key}
    if stored is not None:
        keys.update(stored.key)
        keys.update(c for r in stored.references for c in r.columns)
    category = scene.bound.category_of.get(f"{scene.customers.name}.{scene.customers.key}")
    for column in table.columns:
        words = words_of(column.name)
        same = scene.bound.category_of.get(f"{table.name}.{column.name}") == category
        if same and words and words[-1] in KEY_WORDS:
            keys.add(column.name)
    return frozenset(keys)


def _claim(scene: Scene, table: TableInfo, purpose: Purpose) -> Claim:
    return replace(_undated(scene, table, purpose), law=_law(purpose))


def _law(purpose: Purpose) -> str:
    """What obliges to keep it, as the policy cites it."""
    duties = [b for b in purpose.basis.values() if b.kind is LawfulBasis.LEGAL_OBLIGATION]
    return ", ".join(sorted({b.citation or LEGAL_OBLIGATION for b in duties}))


def _undated(scene: Scene, table: TableInfo, purpose: Purpose) -> Claim:
    period = purpose.keep
    if period is None:
        return Claim(purpose.id, "open", why="no-period")
    said = words(period)
    if period.after in WITHDRAWAL:
        before = over_if_before(scene.today, period.count, period.unit)
        flags = scene.flags.get(purpose.id, ())
        if not flags:
            return Claim(purpose.id, "open", why="permission-beside", words=said)
        return Claim(purpose.id, "consent", scene.customers.name, "", before, flags, words=said)
    moment = scene.bound.policy.moments.get(period.after or COLLECTION)
    if moment is None:
        return Claim(purpose.id, "open", why="no-moment", words=said)
    return _dated(scene, table, purpose, period, moment)


def _dated(scene: Scene, table: TableInfo, purpose: Purpose, period: Period, moment: Moment) -> Claim:
    said = words(period)
    before = over_if_before(scene.today, period.count, period.unit, from_end_of_year=moment.how == "end-of-year")
    stands = {split(f)[0]: f for f in moment.fields if scene.is_date(f)}
    if moment.how == "last":
        for name in stands.values():
            owner, column = split(name)
            if scene.table(owner) is not None:
                return Claim(purpose.id, "last", owner, column, before, words=said)
    elif table.name in stands:
        return Claim(purpose.id, "own", table.name, split(stands[table.name])[1], before, words=said)
    elif scene.customers.name in stands:
        return Claim(
            purpose.id, "customer", scene.customers.name, split(stands[scene.customers.name])[1], before, words=said
        )
    return Claim(purpose.id, "open", why="no-date", words=said)


# --- as SQL ------------------------------------------------------------------------------------------


def over(scene: Scene, table: TableInfo, part: Part) -> exp.Expr:
    """True for rows of which no purpose holds this part any more; two-valued.

    The caller sees to it that `part.can_end`, and adds holds and recent refusals.
    """
    from sqlglot import exp

    return exp.and_(*(_ended(scene, table, claim) for claim in part.claims))


def law_keeps(scene: Scene, table: TableInfo, group: Part, claim: Claim) -> exp.Expr | None:
    """True for rows of which this claim, a law's, keeps the fields, and no purpose without a law does any more.

    None if such a purpose cannot end: then the fields stay anyway.
    """
    from sqlglot import exp

    free = [c for c in group.claims if not c.law]
    if any(c.how == "open" for c in free):
        return None
    there = exp.or_(*(exp.not_(exp.column(c, quoted=True).is_(exp.Null())) for c in group.columns))
    parts = [there, *(_ended(scene, table, c) for c in free)]
    if claim.how != "open":
        parts.append(exp.not_(exp.func("COALESCE", _ended(scene, table, claim), exp.false())))
    return exp.and_(*parts)


def _ended(scene: Scene, table: TableInfo, claim: Claim) -> exp.Expr:
    from sqlglot import exp

    if claim.how == "own":
        return _before(scene, claim, exp.column(claim.column, quoted=True))
    mine = exp.column(table.key, quoted=True)
    other = scene.table(claim.table)
    assert other is not None
    key = exp.column(other.key, quoted=True)
    source = exp.select(key).from_(place_of(scene, other))
    if claim.how == "consent":
        no_flag = exp.and_(
            *(exp.not_(exp.func("COALESCE", exp.column(f, quoted=True), exp.false())) for f in claim.flags)
        )
        chosen = source.where(no_flag)
    elif claim.how == "customer":
        chosen = source.where(_before(scene, claim, exp.column(claim.column, quoted=True)))
    else:
        newest = exp.Max(this=exp.column(claim.column, quoted=True))
        chosen = source.group_by(key).having(_before(scene, claim, newest))
    if claim.how != "last" and other.name == table.name:
        condition: exp.Expr = chosen.args["where"].this
        return condition
    return mine.isin(query=chosen.where(exp.not_(key.is_(exp.Null()))) if claim.how != "last" else chosen)


def _before(scene: Scene, claim: Claim, value: exp.Expr) -> exp.Expr:
    """The date is there and lies before the first day that is kept."""
    from sqlglot import exp

    kind = scene.structure[claim.table].column(claim.column).type
    if kind == "date":
        bound = exp.cast(exp.Literal.string(claim.before.isoformat()), "DATE")
    else:
        zone = ZoneInfo(scene.bound.policy.timezone)
        first = datetime.combine(claim.before, time(), zone).astimezone(UTC)
        text = first.replace(tzinfo=None).isoformat(" ")
        aware = "tz" in kind or "with time zone" in kind
        bound = exp.cast(exp.Literal.string(text + ("+00" if aware else "")), "TIMESTAMPTZ" if aware else "TIMESTAMP")
    return exp.and_(exp.not_(value.is_(exp.Null())), exp.LT(this=value, expression=bound))


def place_of(scene: Scene, table: TableInfo) -> exp.Table:
    """Where the rows of a governed table really stand."""
    from sqlglot import exp

    place = table.origin or table.base
    return exp.table_(place[-1], db=place[0] if len(place) > 1 else None, quoted=True)


def on(scene: Scene, day: date) -> Scene:
    """The same on another day: for a forecast."""
    return replace(scene, today=day)
