"""The only file that reads customer data (NIST SP 800-162: the PEP).

A use goes the same way every time: what is in force (`facts`), what it comes to
(`plan`), which rows and fields that leaves, as SQL for the place where the data
lives (`rewrite`), then the entry in the ledger, and only then the rows. Refused
uses are recorded just as well.

Easy to get wrong: rows that leave before the entry is on disk (no record, no use);
a withdrawal that arrives while the query runs (rows are checked again before they
are released, and their entry is undone when one of them spoke after that check); an
aggregate whose suppressed group can be worked out from the rest.

Sources: GDPR Art. 5(1)(b), (c), 5(2), 15; decision record 0001; cases E09, E10, P05, P07, P08, R05.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

import numpy as np
from numpy.typing import NDArray

from rightful.errors import LedgerUnavailable, NotPermitted, QueryFailed, Refused, SqlRefused
from rightful.gate.explain import sentence_for
from rightful.gate.facts import Bulk, Facts
from rightful.gate.permit import Column, Permit, Table
from rightful.gate.plan import Plan, basis_anywhere, outcome_of, reason
from rightful.gate.planes import as_roaring
from rightful.gate.request import Decision, FieldOutcome, Request
from rightful.ledger.database import Tx
from rightful.ledger.journal import Journal
from rightful.ledger.record import Draft, Entry, Ledger, Rows
from rightful.policy.bind import Bound
from rightful.protection import masking
from rightful.protection.counted import CountedLog, Groups
from rightful.sharing.models import Disclosure, Sharing
from rightful.sources.contract import Dialect, Source
from rightful.terms import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

    from rightful.gate.rewrite import Rewritten

NUMBER = "rf_no"
QUERY = "use.query"


class House(Protocol):
    """What a use needs of a workspace."""

    @property
    def facts(self) -> Facts: ...
    @property
    def source(self) -> Source: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def sharing(self) -> Sharing: ...
    @property
    def counted(self) -> CountedLog: ...
    def subject_id(self, no: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Use:
    """A use that took place: its rows, its decision, and where it is recorded.

    `numbers` are the customers whose rows came back, or who stood behind the counts.
    """

    table: pa.Table
    decision: Decision
    entry: Entry
    suppressed_groups: int = 0
    rechecked_out: int = 0
    sql: str = ""


def query(house: House, request: Request, sql: str, *, also: Sequence[Request] = ()) -> Use:
    """Run one analyst's SELECT under a purpose.

    Args:
        also: further purposes the same statement serves; each must permit every row and field, and each
            gets an entry of its own (case P05).

    Raises:
        NotPermitted: the purpose permits nothing of what was asked; recorded.
        SqlRefused: the statement is not one the gate lets through; recorded.
        ClockUntrusted, LedgerUnavailable: nothing can be recorded, so nothing was read.
        QueryFailed: the database could not run it; recorded, no rows.
    """
    ready = _make_ready(house, request, sql, also=also)
    try:
        counted = _counted(house, ready, sql)
        with house.source.run(ready.rewritten.sql) as reader:
            table = reader.read_all()
    except QueryFailed:
        _failed(house, ready, sql)
        raise
    table, suppressed = _suppress(table, ready.rewritten.counter, _at_least(ready.plans))
    while True:
        position = house.facts.consent.position()
        left, touched, dropped = _recheck(house, ready, table)
        drafts = [
            Draft(
                QUERY,
                _public(
                    plan,
                    fields=sorted(ready.decision.allowed_fields),
                    permitted=bulk.permitted,
                    known=bulk.known,
                    rows=left.num_rows,
                    state=bulk.position,
                    statement=ready.digest,
                    shape="rows" if ready.hidden else "counts",
                    customers=touched.people,
                ),
                _private(plan, sql=sql, ran=ready.rewritten.sql),
                subjects=touched.bitmap,
            )
            for plan, bulk in zip(ready.plans, ready.bulks, strict=True)
        ]
        rows = (
            _disclosures(house, ready, touched.people) if counted is None else _remembered(house, ready, sql, counted)
        )
        try:
            entry = put_on_record(
                house, drafts, fenced(house, position, touched.bitmap, rows) if ready.hidden else rows
            )[0]
        except Overtaken:
            continue  # somebody in these rows has said something since they were looked at
        decision = replace(ready.decision, entry=entry.index)
        return Use(left, decision, entry, suppressed, dropped, ready.rewritten.sql)


@contextmanager
def stream(
    house: House, request: Request, sql: str, *, chosen_by: Request | None = None, batch_rows: int
) -> Iterator[Flow]:
    """Run one SELECT of customers whose rows leave batch by batch; nothing is recorded or released here.

    Args:
        chosen_by: a wider request whose fields may be compared but not returned: what chooses an audience
            stays in the house, what leaves is bound by the recipient's agreement (case R06).

    Raises:
        NotPermitted, SqlRefused, QueryFailed: as in `query`; recorded.
    """
    ready = _make_ready(house, request, sql, chosen_by=chosen_by)
    if len(ready.hidden) != 1:
        refusal = SqlRefused("what leaves are rows of one customer each", code="sql.not-rows-of-customers")
        put_on_record(house, [Draft("use.refused", _public(ready.plans[0], codes=[refusal.code]), {})])
        raise refusal
    try:
        with house.source.run(ready.rewritten.sql, batch_rows=batch_rows) as reader:
            yield Flow(house, ready, sql, reader)
    except QueryFailed:
        _failed(house, ready, sql)
        raise


class Flow:
    """Rows on their way out: batches as they come from the source, and what is permitted at this instant."""

    def __init__(self, house: House, ready: _Ready, sql: str, reader: pa.RecordBatchReader) -> None:
        self.house = house
        self.plan = ready.plans[0]
        self.bulk = ready.bulks[0]
        self.decision = ready.decision
        self.digest = ready.digest
        self._behind = [plan for plan, _ in ready.behind]
        self.sql = sql
        self.ran = ready.rewritten.sql
        self.fields = frozenset(name for output in ready.rewritten.outputs for name in output.fields)
        self._hidden = ready.hidden[0]
        self._reader = reader
        self.schema = _without(reader.schema, self._hidden)

    def batches(self) -> Iterator[tuple[pa.RecordBatch, NDArray[np.uint32]]]:
        """Rows without the customer's number, and the numbers beside them."""
        for batch in self._reader:
            numbers = batch.column(self._hidden).to_numpy(zero_copy_only=False).astype(np.uint32)
            yield batch.drop_columns([self._hidden]), numbers

    def permitted(self, numbers: NDArray[np.uint32]) -> tuple[int, NDArray[np.bool_]]:
        """Who of these may still be used, everything acknowledged before this call included.

        Returns:
            The position of the consent record to fence with, and one answer for each number.

        Raises:
            NotPermitted: nobody may any more: another policy is in force, or the agreement has ended; recorded.
        """
        facts = self.house.facts
        position = facts.consent.position()
        now = self.house.ledger.check_clock()
        plan = facts.plan(self.plan.request, now)
        if plan.refused or plan.policy_version != self.plan.policy_version:
            refuse(self.house, self.plan.request, self.sql)
        fine = bits_of(facts.permitted(plan, now), numbers)
        for other in self._behind:
            fine &= bits_of(facts.permitted(other, now), numbers)
        return position, fine

    def public(self, **more: Any) -> dict[str, Any]:
        return _public(self.plan, **more)

    def private(self, **more: str) -> dict[str, Any]:
        return _private(self.plan, sql=self.sql, ran=self.ran, **more)

    def disclosure(self, entry: Entry, people: int, good_until_us: int = 0, export: int | None = None) -> Disclosure:
        return disclosure(self.plan, entry, self.fields, people, good_until_us, export)


def _without(schema: pa.Schema, name: str) -> pa.Schema:
    return schema.remove(schema.get_field_index(name))


class Overtaken(Exception):
    """Somebody whose rows were about to be released has said something since they were looked at."""


def fenced(house: House, position: int, subjects: bytes, rows: Rows | None = None) -> Rows:
    """Rows of an entry that only stands if nothing was recorded about its customers after `position`.

    Entries and events are written by one sequencer, so an event is either in the ledger before this entry,
    and then undoes it here, or after it: whoever is answered later than the entry is in a batch that the
    ledger lists (AC-054).
    """
    from pyroaring import BitMap

    def checked(tx: Tx, entries: list[Entry]) -> None:
        consent = house.facts.consent
        if consent.position() != position:
            concerned = consent.concerned_since(position)
            if concerned is None or not BitMap.deserialize(subjects).isdisjoint(BitMap(concerned)):
                raise Overtaken
        if rows is not None:
            rows(tx, entries)

    return checked


class _Ready(NamedTuple):
    """A statement that may run, and what it comes to."""

    plans: list[Plan]
    bulks: list[Bulk]
    rewritten: Rewritten
    decision: Decision
    digest: str
    behind: list[tuple[Plan, Bulk]]  # what the derived tables that it reads were made for

    @property
    def hidden(self) -> list[str]:
        """Names of the outputs that hold customers' numbers; empty where only counts come back."""
        found = dict.fromkeys(self.rewritten.subject_columns)
        if self.rewritten.subject_column:
            found.setdefault(self.rewritten.subject_column)
        return list(found)


def _make_ready(
    house: House, request: Request, sql: str, *, also: Sequence[Request] = (), chosen_by: Request | None = None
) -> _Ready:
    now = house.ledger.check_clock()
    house.facts.look_again()
    plans = [house.facts.plan(r, now) for r in (request, *also)]
    for plan in plans:
        if plan.refused:
            refuse(house, plan.request, sql)
    bulks = [house.facts.bulk(plan, now) for plan in plans]
    plan, bulk = plans[0], bulks[0]
    wide = plan if chosen_by is None else house.facts.plan(chosen_by, now)
    derived = _derived(house, sql, now)
    try:
        rewritten = _rewritten(sql, _permit(house, [wide, *plans[1:]], bulks, derived), house.source.dialect)
        _check_outputs(plan, rewritten)
    except SqlRefused as refusal:
        codes = [refusal.code]
        put_on_record(house, [Draft("use.refused", _public(plan, codes=codes), _private(plan, sql=sql))])
        raise
    decision = _bulk_decision(plan, wide, bulk, rewritten, now)
    behind = [one for name, one in derived.items() if name in rewritten.tables and one is not None]
    return _Ready(plans, bulks, rewritten, decision, hashlib.sha256(rewritten.sql.encode()).hexdigest(), behind)


def _derived(house: House, sql: str, now: int) -> dict[str, tuple[Plan, Bulk] | None]:
    """Derived tables that a statement may read -> who may still be used for what they were made for.

    A withdrawal reaches a score on the next read, whatever the reader's own purpose. None: that purpose is
    not in the policy any more, so nobody may be used for it.
    """
    text = sql.lower()
    found: dict[str, tuple[Plan, Bulk] | None] = {}
    for made in house.sharing.derived():
        if made.name.lower() not in text:
            continue
        plan = house.facts.plan(Request("", "", made.purpose, made.channel), now)
        found[made.name] = None if plan.ask is None else (plan, house.facts.bulk(plan, now))
    return found


def _counted(house: House, ready: _Ready, sql: str) -> Groups | None:
    """Whom this statement counts, where a minimum counts; refused if it comes too close to an earlier one.

    Raises:
        SqlRefused: two counts together would be about fewer people than the minimum; recorded.
    """
    least = _at_least(ready.plans)
    if least is None or not ready.rewritten.sketches:
        return None
    from rightful.gate import differencing

    def sketched(rewritten: Rewritten) -> list[Groups]:
        found = []
        for sketch in rewritten.sketches:
            with house.source.run(sketch.sql) as reader:
                found.append(differencing.groups_of(reader.read_all(), disjoint=sketch.disjoint))
        return found

    def today(entry: int) -> Groups | None:
        old = (house.ledger.open_private(entry) or {}).get("sql")
        if not isinstance(old, str):
            return None
        now = house.ledger.check_clock()
        try:
            permit = _permit(house, ready.plans, ready.bulks, _derived(house, old, now))
            again = sketched(_rewritten(old, permit, house.source.dialect))
        except (SqlRefused, QueryFailed):
            return None
        return differencing.Groups.joined(*again) if again else None

    actor = ready.plans[0].request.actor
    earlier = house.counted.earlier(actor, house.ledger.check_clock())
    try:
        return differencing.check(sketched(ready.rewritten), differencing.question_of(sql), earlier, today, least)
    except SqlRefused as refusal:
        plan = ready.plans[0]
        put_on_record(house, [Draft("use.refused", _public(plan, codes=[refusal.code]), _private(plan, sql=sql))])
        raise


def _remembered(house: House, ready: _Ready, sql: str, counted: Groups) -> Rows:
    """Keep, with the entry, whom a question counted."""
    from rightful.gate.differencing import question_of

    actor = ready.plans[0].request.actor

    def rows(tx: Tx, entries: list[Entry]) -> None:
        first = entries[0]
        house.counted.remember(tx, first.index, actor, first.at, question_of(sql), counted)

    return rows


def _failed(house: House, ready: _Ready, sql: str) -> None:
    house.facts.doubt_flags()
    put_on_record(house, [Draft("use.failed", _public(ready.plans[0]), _private(ready.plans[0], sql=sql))])


def refuse(house: House, request: Request, sql: str) -> NoReturn:
    """Record that nothing of this request is permitted, and say so.

    Raises:
        NotPermitted: always.
    """
    now = house.ledger.check_clock()
    decision = _refuse(house, house.facts.plan(request, now), now, {"sql": sql})
    raise NotPermitted(sentence_for(decision), decision=decision)


def decide(house: House, request: Request, no: int | None, *, record: bool = True) -> Decision:
    """Decide about one customer, and record it. `no` is None for somebody nobody knows."""
    now = house.ledger.check_clock()
    house.facts.look_again()
    decision = house.facts.decide(house.facts.plan(request, now), no, now)
    if not record:
        return decision
    plan = house.facts.plan(request, now)
    codes = sorted(decision.codes)
    refused = decision.outcome is Outcome.DENY
    draft = Draft(
        "use.refused" if refused else "use.decision",
        _public(plan, codes=codes, fields=sorted(decision.allowed_fields), state=decision.state_version),
        _private(plan),
        subject=None if no is None else house.subject_id(no),
    )
    return replace(decision, entry=put_on_record(house, [draft])[0].index)


def own_data(house: House, no: int, *, actor: str = "self", kind: str = "use.own") -> dict[str, list[dict[str, Any]]]:
    """Everything held about one customer, for that customer (GDPR Art. 15); table -> rows.

    Consent and purpose do not matter here: it is their data. The reading is recorded like any other;
    `kind` is "use.copy" where somebody gathers it to answer a request.
    """
    house.ledger.check_clock()
    house.facts.look_again()
    held: dict[str, list[dict[str, Any]]] = {}
    for table in house.facts.tables:
        names = [c.name for c in table.columns]
        with house.source.whole(table.name, names, number=no) as reader:
            held[table.name] = reader.read_all().drop_columns([NUMBER]).to_pylist()
    public = {"purpose": "own-data", "tables": sorted(held), "article": "GDPR 15"}
    put_on_record(house, [Draft(kind, public, {"actor": actor}, subject=house.subject_id(no))])
    return held


def special_fields_held(house: House, no: int) -> frozenset[str]:
    """Fields of special categories (GDPR Art. 9) in which something stands for this customer.

    Says how sure one must be who asks for a copy or an erasure; no value leaves.
    """
    bound, found = house.facts.bound, set()
    for table in house.facts.tables:
        names = [c.name for c in table.columns if _special_by_law(bound, f"{table.name}.{c.name}")]
        if names:
            with house.source.whole(table.name, names, number=no) as reader:
                rows = reader.read_all()
            found |= {f"{table.name}.{n}" for n in names if rows.column(n).null_count < rows.num_rows}
    return frozenset(found)


def _special_by_law(bound: Bound, name: str) -> bool:
    category = bound.policy.categories.get(bound.category_of.get(name, ""))
    return category is not None and bool(category.special)


def customer_number(house: House, key: str) -> int | None:
    """The number of the customer with this key, compared byte for byte; None if there is none."""
    table = house.facts.customer_table()
    found = [no for no, own in _keys(house, (table.key, key)) if own == key]
    return found[0] if len(found) == 1 else None


def customers_by_contact(house: House, column: str, value: str, *, most: int = 2) -> list[tuple[int, str]]:
    """(number, key) of the customers whose contact column holds this value; at most `most`.

    Only ASCII letters are folded: a look-alike of another alphabet is another address (CVE-2019-19844).
    """
    table = house.facts.customer_table()
    wanted = _ascii_lower(value.strip())
    with house.source.whole(
        table.name, [table.key, column], equals=(column, value.strip()), fold=True, limit=4 * most
    ) as reader:
        rows = reader.read_all().to_pylist()
    found = [row for row in rows if row[NUMBER] is not None and _ascii_lower(str(row[column])) == wanted]
    return [(int(row[NUMBER]), str(row[table.key])) for row in found[:most]]


def customer_key(house: House, no: int) -> str | None:
    """The key of a customer number."""
    table = house.facts.customer_table()
    with house.source.whole(table.name, [table.key], number=no, limit=1) as reader:
        rows = reader.read_all().to_pylist()
    return str(rows[0][table.key]) if rows else None


def as_disclosed(house: House, no: int, fields: Mapping[str, str]) -> dict[str, str]:
    """Fields of one customer in the form in which a recipient got them, so that it knows whom a notice is about.

    Not for any purpose of ours: only to tell a recipient to stop, correct or erase (GDPR Art. 19).
    """
    table = house.facts.customer_table()
    known = {f"{table.name}.{c.name}": c.name for c in table.columns}
    wanted = {name: known[name] for name in fields if name in known}
    if not wanted:
        return {}
    with house.source.whole(table.name, list(wanted.values()), number=no, limit=1) as reader:
        rows = reader.read_all().to_pylist()
    if not rows:
        return {}
    values = {name: masking.apply(fields[name] or None, rows[0][column]) for name, column in wanted.items()}
    return {name: str(value) for name, value in values.items() if value is not None}


def contact_of(house: House, no: int, column: str) -> str:
    """One column of the customer table of one customer, as text; "" where there is nothing."""
    table = house.facts.customer_table()
    with house.source.whole(table.name, [column], number=no, limit=1) as reader:
        rows = reader.read_all().to_pylist()
    return str(rows[0][column] or "") if rows else ""


def same_address(one: str, other: str) -> bool:
    """Whether two addresses are one, with only ASCII letters folded."""
    return _ascii_lower(one.strip()) == _ascii_lower(other.strip())


def _keys(house: House, equals: tuple[str, str]) -> list[tuple[int, str]]:
    table = house.facts.customer_table()
    with house.source.whole(table.name, [table.key], equals=equals, limit=2) as reader:
        rows = reader.read_all().to_pylist()
    return [(int(row[NUMBER]), str(row[table.key])) for row in rows if row[NUMBER] is not None]


def _ascii_lower(text: str) -> str:
    return text.translate(_ASCII_LOWER)


_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@lru_cache(maxsize=256)
def _rewritten(sql: str, permit: Permit, dialect: Dialect) -> Rewritten:
    """`rewrite`, remembered: the same words under the same permit always become the same statement."""
    from rightful.gate.rewrite import rewrite  # the SQL parser takes 0.1 s to load: not before it is needed

    return rewrite(sql, permit, dialect)


# --- what may come back ----------------------------------------------------------------------------


def _permit(
    house: House,
    plans: Sequence[Plan],
    bulks: Sequence[Bulk],
    derived: Mapping[str, tuple[Plan, Bulk] | None],
) -> Permit:
    """The plans as tables and columns: what is permitted by all, what is hidden, behind which flags."""
    plan, bulk = plans[0], bulks[0]
    outcomes = {f.field: f for f in plan.fields if f.allowed}
    for other in plans[1:]:
        allowed = {f.field: f for f in other.fields if f.allowed}
        outcomes = {
            name: f for name, f in outcomes.items() if name in allowed and allowed[name].transform == f.transform
        }
    own_flags = {name: flag for state in bulks for name, flag in state.field_flags.items()}
    if len(plans) > 1 and own_flags:
        raise SqlRefused(
            "some customers permit only part of the fields, and several purposes were stated",
            remedy="Ask once for each purpose",
        )
    tables = []
    for info in house.facts.tables:
        if derived.get(info.name, ...) is None:
            continue  # made for a purpose that is gone: nobody's rows may be read
        made = derived.get(info.name)
        columns, hidden = [], []
        for column in info.columns:
            name = f"{info.name}.{column.name}"
            outcome = outcomes.get(name)
            if outcome is None:
                hidden.append(column.name)
                continue
            columns.append(Column(column.name, column.type, outcome.transform or None, own_flags.get(name)))
        own = [c.flag for c in columns]
        any_flags = tuple(dict.fromkeys(f for f in own if f)) if columns and all(own) else ()
        tables.append(
            Table(
                info.name,
                info.base,
                NUMBER,
                bulk.flag,
                tuple(columns),
                tuple(hidden),
                any_flags,
                one_row_each=info.customer_table,
                also=(*(state.flag for state in bulks[1:]), *(() if made is None else (made[1].flag,))),
            )
        )
    return Permit(
        tables=tuple(tables),
        tail=tuple(
            sorted({no for state in (*bulks, *(one[1] for one in derived.values() if one)) for no in state.tail})
        ),
        at_least=_at_least(plans),
        aggregates_only=any(p.ask is not None and p.ask.purpose.aggregates_only for p in plans),
    )


def _at_least(plans: Sequence[Plan]) -> int | None:
    """The largest minimum group size among the purposes, in people."""
    sizes = [p.ask.purpose.at_least for p in plans if p.ask is not None and p.ask.purpose.at_least is not None]
    return max(sizes, default=None)


def _check_outputs(plan: Plan, rewritten: Rewritten) -> None:
    """What leaves is what this very plan permits, whatever was compared on the way."""
    allowed = {f.field for f in plan.fields if f.allowed}
    for output in rewritten.outputs:
        for name in sorted(output.fields - allowed):
            raise SqlRefused(f"{name} may be used to choose, but not be returned", code="sql.hidden-column")


def _bulk_decision(plan: Plan, wide: Plan, bulk: Bulk, rewritten: Rewritten, now: int) -> Decision:
    """One decision for everybody: the fields that were used, the counts, the reasons."""
    used = {f"{table}.{column}" for table, columns in rewritten.fields_used.items() for column in columns}
    returned = {name for output in rewritten.outputs for name in output.fields}
    fields = tuple(f for f in plan.fields if f.field in returned)
    fields += tuple(f for f in wide.fields if f.field in used - returned)
    return Decision(
        request=plan.request,
        at_us=now,
        policy_version=plan.policy_version,
        state_version=bulk.position,
        outcome=outcome_of((), fields) if fields else Outcome.ALLOW,
        basis=basis_anywhere(plan.ask.policy, plan.ask) if plan.ask else {},
        evidence="",
        fields=fields,
        reasons=(),
        obligations=plan.obligations,
        good_until=None,
        permitted=bulk.permitted,
        known=bulk.known,
        withheld=dict(sorted(bulk.withheld.items(), key=lambda item: -item[1])),
    )


class Customers(NamedTuple):
    """Whom a use touched: how many, and which ones as a serialized roaring bitmap."""

    people: int
    bitmap: bytes

    @classmethod
    def of_plane(cls, packed: NDArray[np.uint8]) -> Customers:
        return cls(int(np.bitwise_count(packed).sum(dtype=np.int64)), as_roaring(packed))

    @classmethod
    def of_numbers(cls, numbers: NDArray[Any], known: int) -> Customers:
        """Numbers may repeat and stand in any order. Many of them are marked, few are sorted."""
        if len(numbers) * 64 < known:
            unique = np.unique(numbers).astype(np.uint32)
            from pyroaring import BitMap

            return cls(len(unique), bytes(BitMap(unique).serialize()))
        marks = np.zeros(max(known, int(numbers.max(initial=0)) + 1), np.bool_)
        marks[numbers] = True
        return cls.of_plane(np.packbits(marks, bitorder="little"))


def _recheck(house: House, ready: _Ready, table: pa.Table) -> tuple[pa.Table, Customers, int]:
    """Take out rows of people who said no while the query ran; say whose rows are left.

    Aggregates cannot be taken apart again: everybody who was permitted when they were made counts as touched.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    plans, bulks, hidden = ready.plans, ready.bulks, ready.hidden
    everything = [*zip(plans, bulks, strict=True), *ready.behind]
    now = house.facts.clock()
    if not hidden:
        packed = house.facts.permitted(plans[0], now)
        for plan, _ in everything[1:]:
            packed = packed & house.facts.permitted(plan, now)
        return table, Customers.of_plane(packed), 0
    dropped = 0
    for plan, bulk in everything:
        again = house.facts.bulk(plan, now)
        if again.position == bulk.position and again.tail == bulk.tail:
            continue
        before = table.num_rows
        packed = house.facts.permitted(plan, now)
        for name in hidden:
            numbers = table.column(name).cast(pa.int64()).fill_null(-1).to_numpy()
            table = table.filter(pa.array((numbers < 0) | bits_of(packed, numbers)))
        dropped += before - table.num_rows
    columns = [pc.drop_null(table.column(name)).to_numpy() for name in hidden]
    touched = Customers.of_numbers(columns[0] if len(columns) == 1 else np.concatenate(columns), bulks[0].known)
    return table.drop_columns(hidden), touched, dropped


def bits_of(packed: NDArray[np.uint8], numbers: NDArray[Any]) -> NDArray[np.bool_]:
    """The bit of each number in a plane; False for one that is negative or lies behind its end."""
    inside = (numbers >= 0) & (numbers >> 3 < len(packed))
    fine = np.zeros(len(numbers), np.bool_)
    chosen = numbers[inside]
    fine[inside] = packed[chosen >> 3] >> (chosen & 7) & 1
    return fine


def _suppress(table: pa.Table, counter: str | None, at_least: int | None) -> tuple[pa.Table, int]:
    """Leave out groups below the minimum, and enough others that they cannot be worked out.

    One suppressed group could be had by subtracting the rest from a total. So when groups are left out,
    the smallest remaining ones go as well, until at least two groups and the minimum of people are hidden.
    """
    if counter is None:
        return table, 0
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = table.column(counter).to_numpy(zero_copy_only=False)
    keep = counts >= (at_least or 0)
    if len(counts) > 1 and not keep.all():
        order = np.argsort(counts, kind="stable")
        hidden, people = int((~keep).sum()), int(counts[~keep].sum())
        for place in order:
            if hidden >= 2 and people >= (at_least or 0):
                break
            if keep[place]:
                keep[place] = False
                hidden, people = hidden + 1, people + int(counts[place])
    kept = table.filter(pc.equal(pa.array(keep), True))
    return kept.drop_columns([counter]), int((~keep).sum())


# --- the record ------------------------------------------------------------------------------------


def put_on_record(house: House, drafts: Sequence[Draft], rows: Rows | None = None) -> list[Entry]:
    """Write the entries; when that fails nothing may be released (case E10)."""
    try:
        return house.journal.record(drafts, rows)
    except (Refused, LedgerUnavailable):
        raise
    except OSError as fault:
        raise LedgerUnavailable("the use could not be recorded, so nothing was released") from fault


def _refuse(house: House, plan: Plan, now: int, private: Mapping[str, str]) -> Decision:
    decision = Decision(
        request=plan.request,
        at_us=now,
        policy_version=plan.policy_version,
        state_version=house.facts.consent.position(),
        outcome=Outcome.DENY,
        basis={},
        evidence="",
        fields=plan.fields,
        reasons=plan.reasons or tuple(r for f in plan.fields for r in f.reasons),
    )
    codes = sorted(decision.codes)
    entry = put_on_record(house, [Draft("use.refused", _public(plan, codes=codes), _private(plan, **private))])[0]
    return replace(decision, entry=entry.index)


def _disclosures(house: House, ready: _Ready, people: int) -> Rows | None:
    """The disclosures that go with the entries: one for each purpose under which a recipient gets rows."""
    if not ready.hidden or not any(plan.request.recipient for plan in ready.plans):
        return None
    returned = {name for output in ready.rewritten.outputs for name in output.fields}

    def note(tx: Tx, entries: list[Entry]) -> None:
        for plan, entry in zip(ready.plans, entries, strict=True):
            if plan.request.recipient:
                house.sharing.disclose(tx, disclosure(plan, entry, returned, people))

    return note


def disclosure(
    plan: Plan, entry: Entry, fields: Set[str], people: int, good_until_us: int = 0, export: int | None = None
) -> Disclosure:
    """What a recipient gets under this plan, as the policy has the recipient now."""
    assert plan.ask is not None and plan.ask.recipient is not None
    to = plan.ask.recipient
    return Disclosure(
        entry.index,
        entry.at,
        to.id,
        to.kind.value,
        to.country,
        to.safeguard,
        to.agreement,
        plan.request.purpose,
        plan.request.channel,
        {f.field: f.transform for f in plan.fields if f.allowed and f.field in fields},
        good_until_us,
        people,
        export,
    )


def _public(plan: Plan, **more: Any) -> dict[str, Any]:
    """What everyone who audits the log may read. Names only where the policy knows them: a name somebody
    typed may be anything, also personal data."""
    ask = plan.request
    unknown = {r.code for r in plan.reasons}
    public = {
        "purpose": "(unknown)" if "purpose_unknown" in unknown else ask.purpose,
        "channel": "(unknown)" if "channel_unknown" in unknown else ask.channel,
        "recipient": "(unknown)" if "recipient_unknown" in unknown else ask.recipient,
        "role": "(unknown)" if "role_unknown" in unknown else ask.role,
        "policy": plan.policy_version,
    }
    return public | more


def _private(plan: Plan, **more: str) -> dict[str, Any]:
    ask = plan.request
    return {"actor": ask.actor, "asked": [ask.purpose, ask.channel, ask.recipient, ask.role], **more}


def field_outcomes(decision: Decision) -> dict[str, FieldOutcome]:
    return {f.field: f for f in decision.fields}


__all__: Sequence[str] = (
    "House",
    "Use",
    "customer_key",
    "customer_number",
    "customers_by_contact",
    "decide",
    "own_data",
    "query",
    "reason",
    "stream",
)
