"""The only file that changes or deletes customer data, in a store or in a system behind an interface.

A change names a table and columns out of the catalogue, the rows by their values,
and how many rows that may be. It becomes a statement tree, its values are bound,
and all changes of one call happen in one transaction of the store or not at all. A
system behind an interface has no such transaction: each change is one that can be
repeated, what it refuses is told, and the rest goes on.

Two entries stand around every call: `<kind>.begun` before, with what is going to
happen, `<kind>.done` or `<kind>.failed` after. After a crash in between, the ledger
says "begun" and nothing more: that is what is known, and whoever goes on looks.

Easy to get wrong: identifiers taken from a caller; a statement that reaches further
than the plan (the transaction is undone, `TooManyRows`); a correction of the
residence or the birth date, which changes what is permitted from that moment on.

Sources: GDPR Art. 5(1)(d), 16, 17; DESIGN section 7; decision record 0001.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

from rightful.consent.events import Event
from rightful.errors import BadInput, NotFound, RightfulError, SystemRefused, UnknownName
from rightful.gate.changes import Change, Sweep
from rightful.gate.facts import Facts
from rightful.gate.identifiers import ERASED
from rightful.ledger.journal import Journal
from rightful.ledger.record import Draft, Entry, Ledger
from rightful.sources.contract import Dialect, Source, StoredTable
from rightful.sources.interface import Interface, Record
from rightful.terms import EventKind, Method

if TYPE_CHECKING:
    from sqlglot import exp

    from rightful.consent.models import ConsentLog

NUMBER = "rf_no"
STOPS = ("system.busy", "system.not-permitted")
"""Refusals that the next call would meet as well."""
AT_ONCE = 400
"""Rows named in one statement; more become several statements of the same transaction."""


class House(Protocol):
    """What a change of customer data needs of a workspace."""

    @property
    def facts(self) -> Facts: ...
    @property
    def source(self) -> Source: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def consent(self) -> ConsentLog: ...
    def subject_id(self, no: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Done:
    """What a call did: rows touched for each change, and its two entries."""

    touched: tuple[int, ...]
    begun: Entry
    entry: Entry


@dataclass(frozen=True, slots=True)
class Correction:
    """What a correction changed. `before` and `after` hold the customer's values: theirs to see, not to log."""

    table: str
    before: Mapping[str, object]
    after: Mapping[str, object]
    entry: int
    fields: tuple[str, ...] = field(default=())


def erase(
    house: House,
    changes: Sequence[Change | Sweep],
    *,
    kind: str,
    public: Mapping[str, Any],
    private: Mapping[str, Any],
    subject: str | None = None,
) -> Done:
    """Carry out changes in one transaction, with an entry before and one after.

    Args:
        kind: first part of the entries' kinds ("erasure", "disposal").
        public: what everyone may read of it; names of tables and numbers are added.
        subject: pseudonym of the customer, if it is about one.

    Raises:
        UnknownName: a table or column that the store does not have.
        TooManyRows: a change reached further than it says; nothing was changed; recorded.
        QueryFailed, SourceUnavailable: the store did not do it; nothing was changed; recorded.
    """
    known = {table.name: table for table in house.source.structure()}
    statements, limits, owners = [], [], []
    for number, change in enumerate(changes):
        for tree, values, most in _trees(change, _known(known, change)):
            statements.append((text_of(tree, house.source.dialect), values))
            limits.append(most)
            owners.append(number)
    counts = {
        "deleted": _counts(changes, [c.expected for c in changes], deletes=True),
        "changed": _counts(changes, [c.expected for c in changes], deletes=False),
    }
    house.ledger.check_clock()
    begun = house.journal.record([Draft(f"{kind}.begun", {**public, **counts}, private, subject)])[0]
    try:
        affected = house.source.execute_disposal(statements, limits) if statements else []
    except RightfulError as fault:
        failed = {**public, "begun": begun.index, "codes": [fault.code]}
        house.journal.record([Draft(f"{kind}.failed", failed, private, subject)])
        raise
    touched = [0] * len(changes)
    for number, count in zip(owners, affected, strict=True):
        touched[number] += count
    counts = {
        "deleted": _counts(changes, touched, deletes=True),
        "changed": _counts(changes, touched, deletes=False),
    }
    entry = house.journal.record([Draft(f"{kind}.done", {**public, "begun": begun.index, **counts}, private, subject)])
    return Done(tuple(touched), begun, entry[0])


def correct(
    house: House,
    no: int,
    table: str,
    values: Mapping[str, object],
    *,
    actor: str,
    row: Mapping[str, object] | None = None,
    reason: str = "",
) -> Correction:
    """Put a customer's values right (GDPR Art. 16): one row, only columns of the catalogue, never a key.

    Residence and birth date count for permissions at once: the event is recorded with the correction.

    Args:
        row: which of the customer's rows, by its values; not needed in the customer table.

    Raises:
        UnknownName: there is no such table or column.
        BadInput: a key, nothing to change, a value the column cannot hold, or not exactly one row.
    """
    house.facts.look_again()
    info = house.facts.table(table)
    names = [c.name for c in info.columns]
    for name in (*values, *(row or {})):
        if name not in names:
            raise UnknownName(f"{table} has no column {name}", remedy="`rightful source list --fields` shows them")
    if not values or info.key in values:
        raise BadInput("a correction changes fields, and never the customer's key", remedy="Name the fields to change")
    if row is None and not info.customer_table:
        raise BadInput(f"a customer may have several rows in {table}", remedy="Say which row")
    before, key = _one_row(house, no, table, names, info.key, row or {})
    changed = {name: value for name, value in values.items() if _text(before[name]) != _text(value)}
    if not changed:
        raise BadInput("the values are what is on record already", remedy="Change at least one of them")
    match = {info.key: key, **{name: before[name] for name in row or {}}}
    plan = Change(table, tuple(match), (tuple(match.values()),), changed, expected=1)
    stored = next(t for t in house.source.structure() if t.name == table)
    [(tree, bound, most)] = _trees(plan, stored)
    public = {"table": table, "fields": sorted(changed), "article": "GDPR 16"}
    private = {
        "actor": actor,
        "reason": reason,
        "from": {name: _text(before[name]) for name in changed},
        "to": {name: _text(value) for name, value in changed.items()},
        "row": {name: _text(value) for name, value in (row or {}).items()},
    }
    subject = house.subject_id(no)
    house.ledger.check_clock()
    begun = house.journal.record([Draft("correction.begun", public, private, subject)])[0]
    try:
        house.source.execute_disposal([(text_of(tree, house.source.dialect), bound)], [most])
    except RightfulError as fault:
        house.journal.record([Draft("correction.failed", {**public, "codes": [fault.code]}, private, subject)])
        if fault.code == "source.query-failed":
            raise BadInput(
                "a value does not fit its field; nothing was changed", remedy="Check dates and numbers"
            ) from None
        raise
    done = Draft("correction.done", {**public, "begun": begun.index}, private, subject)
    events = _told_to_permissions(house, changed, actor) if info.customer_table else []
    drafts = [done, *(_event_draft(house, e, actor, subject) for e in events)]

    def rows(tx: Any, entries: list[Entry]) -> None:
        written = [(subject, no, e, entry.index) for e, entry in zip(events, entries[1:], strict=True)]
        if written:
            house.consent.append(tx, written)

    entry = house.journal.record(drafts, rows)[0]
    if events:
        house.consent.publish()
    after = {**{name: before[name] for name in changed}, **changed}
    return Correction(table, {name: before[name] for name in changed}, after, entry.index, tuple(sorted(changed)))


@dataclass(frozen=True, slots=True)
class NotDone:
    """A change that a system did not make. `code` says why; what the system said is in the ledger, sealed.
    `number`: the field holds digits only, the system's own number of the record."""

    table: str
    column: str
    rows: int
    code: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class DoneElsewhere:
    """What a system behind an interface did, and what it refused."""

    deleted: Mapping[str, int]
    changed: Mapping[str, int]
    refused: tuple[NotDone, ...]
    entry: Entry


def erase_records(
    house: House,
    system: Interface,
    changes: Sequence[Change],
    tables: Mapping[str, StoredTable],
    *,
    public: Mapping[str, Any],
    private: Mapping[str, Any],
    subject: str,
    at: Callable[[Change], None] = lambda _: None,
) -> DoneElsewhere:
    """Carry out changes in a system behind an interface, with an entry before and one after.

    One call for each change; where the system refuses, one for each record, then one for each field. What is done
    already is not done again, so all of it can be repeated after a crash.

    Args:
        at: called before each change; tests stop the process there.

    Raises:
        SourceUnavailable: the system stopped answering; what was done until then stays done; recorded.
        SystemRefused: it takes no more calls for now, or does not know the account; recorded.
    """
    names = {"deleted": _counts(changes, [c.expected for c in changes], deletes=True)}
    names["changed"] = _counts(changes, [c.expected for c in changes], deletes=False)
    house.ledger.check_clock()
    begun = house.journal.record([Draft("erasure.begun", {**public, **names}, private, subject)])[0]
    deleted: dict[str, int] = {}
    changed: dict[str, int] = {}
    refused: list[NotDone] = []
    said: list[str] = []
    try:
        for change in changes:
            at(change)
            ids = [row[0] for row in change.rows if isinstance(row[0], (int, str))]
            there = system.read(change.table, ids)
            if change.sets is None:
                gone = _delete(system, change.table, there, refused, said)
                deleted[change.table] = deleted.get(change.table, 0) + gone
                continue
            sets = _typed(change.sets, tables[change.table])
            for record in there:
                if any(record.values.get(name) != value for name, value in sets.items()):
                    done = _change(system, record, sets, refused, said)
                    changed[change.table] = changed.get(change.table, 0) + done
    except RightfulError as fault:
        failed = {**public, "begun": begun.index, "deleted": deleted, "changed": changed, "codes": [fault.code]}
        house.journal.record([Draft("erasure.failed", failed, private, subject)])
        raise
    codes = sorted({one.code for one in refused})
    done_ = {**public, "begun": begun.index, "deleted": deleted, "changed": changed, "refused": codes}
    entry = house.journal.record([Draft("erasure.done", done_, {**private, "said": said}, subject)])[0]
    return DoneElsewhere(deleted, changed, tuple(refused), entry)


def correct_record(
    house: House,
    system: Interface,
    record: Record,
    values: Mapping[str, object],
    *,
    no: int,
    actor: str,
    reason: str = "",
) -> Correction:
    """Put values right in one record of a system behind an interface (GDPR Art. 16), and look whether they are.

    Raises:
        BadInput: the values are what is there already, or the system made something else of them.
        SystemRefused: it does not take them, or the record was changed since it was read; recorded.
        SourceUnavailable: it does not answer; recorded.
    """
    sets = {name: value for name, value in values.items() if _text(record.values.get(name)) != _text(value)}
    if not sets:
        raise BadInput("the values are what is on record already", remedy="Change at least one of them")
    public = {"system": system.name, "table": record.kind, "fields": sorted(sets), "article": "GDPR 16"}
    before = {name: record.values.get(name) for name in sets}
    told = {"from": {n: _text(v) for n, v in before.items()}, "to": {n: _text(v) for n, v in sets.items()}}
    private = {"actor": actor, "reason": reason, **told}
    subject = house.subject_id(no)
    house.ledger.check_clock()
    begun = house.journal.record([Draft("correction.begun", public, private, subject)])[0]
    try:
        system.change(record, sets)
        now = {r.id: r for r in system.read(record.kind, [record.id])}.get(record.id)
        if now is None or any(_text(now.values.get(name)) != _text(value) for name, value in sets.items()):
            raise SystemRefused("the record does not hold what was written", code="system.failed")
    except RightfulError as fault:
        more = {"said": fault.said} if isinstance(fault, SystemRefused) else {}
        failed = {**public, "begun": begun.index, "codes": [fault.code]}
        house.journal.record([Draft("correction.failed", failed, {**private, **more}, subject)])
        raise
    done = Draft("correction.done", {**public, "begun": begun.index}, private, subject)
    entry = house.journal.record([done])[0]
    after = {name: now.values.get(name) for name in sets}
    return Correction(record.kind, before, after, entry.index, tuple(sorted(sets)))


def current_row(house: House, no: int, table: str, row: Mapping[str, object] | None = None) -> dict[str, Any]:
    """The customer's one row in a table as it is now, for whoever decides about a correction; recorded by the caller.

    Args:
        row: which one, by its values, where the customer has several.

    Raises:
        NotFound: there is none.
        BadInput: there are several.
    """
    info = house.facts.table(table)
    return _one_row(house, no, table, [c.name for c in info.columns], info.key, row or {})[0]


# --- statements ------------------------------------------------------------------------------------


def _trees(change: Change | Sweep, table: StoredTable) -> Iterator[tuple[exp.Expr, list[object], int]]:
    """Statement trees with the values of their marks, in order, and the most rows each may touch."""
    from sqlglot import exp

    place = exp.table_(table.place[-1], db=table.place[0] if len(table.place) > 1 else None, quoted=True)
    if isinstance(change, Sweep):
        if change.sets is None:
            yield exp.Delete(this=place).where(change.where), list(change.values), change.most
        else:
            sets, bound = _sets(change.sets)
            tree = exp.Update(this=place, expressions=sets).where(change.where)
            yield tree, [*bound, *change.values], change.most
        return
    for start in range(0, len(change.rows), AT_ONCE):
        rows = change.rows[start : start + AT_ONCE]
        condition, values = _condition(change, table, rows)
        most = change.expected if len(change.rows) <= AT_ONCE else max(change.expected, len(rows))
        if change.sets is None:
            yield exp.Delete(this=place).where(condition), values, most
            continue
        sets, bound = _sets(change.sets)
        yield exp.Update(this=place, expressions=sets).where(condition), bound + values, most


def _sets(wanted: Mapping[str, object]) -> tuple[list[exp.Expr], list[object]]:
    from sqlglot import exp

    sets: list[exp.Expr] = [
        exp.EQ(this=exp.column(name, quoted=True), expression=exp.Null() if value is None else mark())
        for name, value in wanted.items()
    ]
    return sets, [value for value in wanted.values() if value is not None]


def _condition(change: Change, table: StoredTable, rows: Sequence[tuple[object, ...]]) -> tuple[exp.Expr, list[object]]:
    """`column IN (...)` for one column, else OR over rows; NULL picks NULL."""
    from sqlglot import exp

    def column(name: str) -> exp.Expr:
        plain = exp.column(name, quoted=True)
        return exp.cast(plain, "TEXT") if change.as_text else plain

    if len(change.by) == 1 and all(row[0] is not None for row in rows):
        return column(change.by[0]).isin(*(mark() for _ in rows)), [row[0] for row in rows]
    alternatives: list[exp.Expr] = []
    values: list[object] = []
    for row in rows:
        parts: list[exp.Expr] = []
        for name, value in zip(change.by, row, strict=True):
            if value is None:
                parts.append(column(name).is_(exp.Null()))
            else:
                parts.append(exp.EQ(this=column(name), expression=mark()))
                values.append(value)
        alternatives.append(exp.and_(*parts))
    return exp.or_(*alternatives), values


_MARK = f"rf_value_{secrets.token_hex(8)}"


def mark() -> exp.Expr:
    """A place for a bound value, in a tree that `text_of` renders."""
    from sqlglot import exp

    return exp.var(_MARK)


def text_of(tree: exp.Expr, dialect: Dialect) -> str:
    """The statement with the engine's own marks for bound values; a per cent sign in a name stays one."""
    text = tree.sql(dialect)
    if dialect in ("duckdb", "spark"):
        return text.replace(_MARK, "?")
    return text.replace("%", "%%").replace(_MARK, "%s")


def _known(tables: Mapping[str, StoredTable], change: Change | Sweep) -> StoredTable:
    table = tables.get(change.table)
    if table is None or table.derived:
        raise UnknownName(f"the store has no table {change.table}", remedy="`rightful source list` shows the tables")
    names = {c.name for c in table.columns}
    for name in (*(change.by if isinstance(change, Change) else ()), *(change.sets or {})):
        if name not in names:
            raise UnknownName(f"{change.table} has no column {name}", remedy="Look at the store again, then repeat")
    return table


def _counts(changes: Sequence[Change | Sweep], rows: Sequence[int], *, deletes: bool) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change, count in zip(changes, rows, strict=True):
        if change.deletes is deletes:
            counts[change.table] = counts.get(change.table, 0) + count
    return counts


# --- systems behind an interface -------------------------------------------------------------------


def _delete(system: Interface, kind: str, there: Sequence[Record], refused: list[NotDone], said: list[str]) -> int:
    """All at once; if the system refuses, one by one, so that one record does not keep the others."""
    try:
        system.delete(kind, [record.id for record in there])
        return len(there)
    except SystemRefused as no:
        if no.code in STOPS:
            raise
        if len(there) == 1:
            refused.append(NotDone(kind, "", 1, no.code))
            said.append(no.said)
            return 0
    return sum(_delete(system, kind, [record], refused, said) for record in there)


def _change(
    system: Interface, record: Record, sets: Mapping[str, object], refused: list[NotDone], said: list[str]
) -> int:
    """All fields at once; if the system refuses, one by one. Whether anything was changed."""
    try:
        system.change(record, sets)
        return 1
    except SystemRefused as no:
        if no.code in STOPS:
            raise
        [(name, value), *others] = sets.items()
        if not others and value is None and isinstance(record.values.get(name), str):
            return _change(system, record, {name: ERASED}, refused, said)  # empty, where it may not be nothing
        if not others or no.code == "system.changed-meanwhile":
            digits = {name for name in sets if str(record.values.get(name) or "").isdigit()}
            refused.extend(NotDone(record.kind, name, 1, no.code, name in digits) for name in sets)
            said.append(no.said)
            return 0
    done = 0
    switches = {name for name in sets if isinstance(record.values.get(name), bool)}
    for name, value in sorted(sets.items(), key=lambda one: one[0] in switches):  # an archived record is often locked
        fresh = system.read(record.kind, [record.id])
        done |= bool(fresh) and _change(system, fresh[0], {name: value}, refused, said)
    return int(done)


def _typed(sets: Mapping[str, object], table: StoredTable) -> dict[str, object]:
    """Values as the fields have them: a plan writes dates as text, which a database reads by itself."""
    read = {"date": date.fromisoformat, "timestamp": datetime.fromisoformat}
    kinds = {name: table.column(name).type for name in sets}
    return {
        name: read[kinds[name]](value) if kinds[name] in read and isinstance(value, str) else value
        for name, value in sets.items()
    }


# --- corrections -----------------------------------------------------------------------------------


def _one_row(
    house: House, no: int, table: str, names: Sequence[str], key: str, wanted: Mapping[str, object]
) -> tuple[dict[str, Any], object]:
    """The customer's row as it is now, and the value of its key."""
    with house.source.whole(table, names, number=no) as reader:
        rows = reader.read_all().drop_columns([NUMBER]).to_pylist()
    fitting = [r for r in rows if all(_text(r[name]) == _text(value) for name, value in wanted.items())]
    if not fitting:
        raise NotFound(f"the customer has no such row in {table}")
    if len(fitting) > 1:
        raise BadInput(f"{len(fitting)} rows of {table} fit", remedy="Name more of the row's values")
    return fitting[0], fitting[0][key]


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _told_to_permissions(house: House, changed: Mapping[str, object], actor: str) -> list[Event]:
    """A corrected residence or birth date, as the event that permissions are worked out from."""
    columns = house.facts.columns
    now = house.ledger.clock()
    found = []
    for column, kind in ((columns.residence, EventKind.MOVED), (columns.birth, EventKind.BORN)):
        if column and changed.get(column) is not None:
            found.append(
                Event(
                    id=f"rf-{secrets.token_hex(12)}",
                    kind=kind,
                    purpose="",
                    channel="",
                    at_us=now,
                    received_us=now,
                    method=Method.PORTAL if actor == "self" else Method.AGENT,
                    evidence="correction",
                    value=str(changed[column]),
                )
            )
    return found


def _event_draft(house: House, event: Event, actor: str, subject: str) -> Draft:
    public = {
        "purpose": "",
        "channel": "",
        "notice": "",
        "method": event.method.value,
        "policy": house.facts.policy.version,
    }
    private = {
        "event": event.id,
        "at_us": event.at_us,
        "evidence": event.evidence,
        "value": event.value,
        "actor": actor,
    }
    return Draft(f"consent.{event.kind.value}", public, private, subject)


__all__: Sequence[str] = ("Change", "Correction", "Done", "House", "correct", "current_row", "erase", "mark", "text_of")
