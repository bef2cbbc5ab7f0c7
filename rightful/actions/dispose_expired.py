"""Data goes when nobody may keep it any longer: what is due, what would happen, what was done.

gather   the schedules out of the policy in force, the day, holds, recent refusals, counts
decide   which rows go and which fields of rows that stay (`gate/schedules.py`)
act      batch by batch, each one transaction with its entries; then the files are written anew,
         and it is counted again before it says done

Easy to get wrong: a purpose whose moment stands nowhere in the data keeps it for ever, so
that is told; a customer's row others still point to is emptied, not deleted; a clock that
jumped ahead would dispose of what is still needed, so a run needs a day near the last entry.

Sources: GDPR Art. 5(1)(c), 5(1)(e), 5(2), 17(3); DESIGN sections 1 and 7; cases AC-063, AC-070.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from rightful.actions import forget_people
from rightful.errors import BadInput, ClockUntrusted, RightfulError
from rightful.gate import dispose, use
from rightful.gate import schedules as plans
from rightful.gate.changes import Sweep
from rightful.gate.dispose import mark, text_of
from rightful.gate.request import Request
from rightful.gate.schedules import WHY, Claim, Part, Scene
from rightful.ledger.record import Draft
from rightful.retention.rules import Hold
from rightful.workspace import Workspace

if TYPE_CHECKING:
    from sqlglot import exp

    from rightful.gate.schedules import TableInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = "rf_no"
BATCH = 1_000_000
"""Rows that go in one transaction; if more are due, customers whose rows are looked at in one, where rows carry the
customer's number."""
MOST_NAMED = 20_000
"""Customers that a statement can leave out by name; beyond that the part is kept whole, and told."""
FORECAST_MONTHS = 12
CLOCK_AHEAD = timedelta(days=31)

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that is due.

    Attributes:
        columns: fields that are emptied; () is the whole row.
        rows: how many. held: rows that holds keep although they are due.
        because: the periods that have run out, as the policy says them.
    """

    table: str
    columns: tuple[str, ...]
    rows: int
    held: int
    because: tuple[str, ...]

    @property
    def deletes(self) -> bool:
        return not self.columns


@dataclass(frozen=True, slots=True)
class Kept:
    """Fields whose time cannot end by itself, and why. `purpose` is "" where the rules need them.

    `law`: the law that obliges to keep them, as the policy cites it; "" if none does.
    """

    table: str
    columns: tuple[str, ...]
    purpose: str
    why: str
    words: str
    law: str = ""


@dataclass(frozen=True, slots=True)
class ByLaw:
    """Fields that no other purpose may keep any longer, and that a law obliges to keep all the same.

    Attributes:
        rows: in which something of them stands.
        law: as the policy cites it. until: its period, as the policy says it.
        says: what the purpose tells customers.
    """

    table: str
    columns: tuple[str, ...]
    rows: int
    purpose: str
    law: str
    until: str
    says: str


@dataclass(frozen=True, slots=True)
class Disposal:
    """A dry run: what would go on that day. Nothing has happened."""

    day: date
    policy: str
    due: tuple[Due, ...]
    kept: tuple[Kept, ...]
    by_law: tuple[ByLaw, ...]
    unneeded: tuple[tuple[str, str], ...]
    holds: tuple[Hold, ...]

    @property
    def rows(self) -> int:
        return sum(d.rows for d in self.due)


@dataclass(frozen=True, slots=True)
class Disposed:
    """What a run did.

    Attributes:
        left: rows that were due and are still there. `kept`: rows that were due and that a hold keeps, and rows
            that a law keeps, as in an erasure. `limits`: what could not be reached.
    """

    run: str
    status: str
    deleted: dict[str, int]
    emptied: dict[str, int]
    left: dict[str, int]
    kept: tuple[dict[str, Any], ...]
    limits: tuple[str, ...]
    entry: int


def plan_disposal(ws: Workspace, *, day: date | None = None) -> Disposal:
    """What is due on a day (today, in the policy's zone), in numbers.

    Raises:
        ClockUntrusted: the clock stands before the newest entry.
    """
    now = ws.ledger.check_clock()
    scene = scene_of(ws, now, day)
    holds = ws.holds.in_force(now)
    due = []
    for table, part, whole in _parts(scene):
        free, all_due = (_still_there(ws, scene, table, part, whole, held) for held in (holds, ()))
        if all_due:
            columns = () if whole else part.columns
            due.append(Due(table.name, columns, free, all_due - free, _because(part.claims)))
    return Disposal(
        scene.today,
        scene.bound.policy.version,
        tuple(due),
        tuple(_kept(scene)),
        tuple(_by_law(ws, scene)),
        tuple((s.table, c) for s in plans.schedules(scene) for c in s.unneeded),
        tuple(holds),
    )


def forecast(ws: Workspace, *, months: int = FORECAST_MONTHS) -> tuple[tuple[date, str, int], ...]:
    """Rows that fall due by the first of each of the coming months: (day, table, rows or fields due by then)."""
    now = ws.ledger.check_clock()
    scene = scene_of(ws, now)
    found = []
    day = scene.today
    for _ in range(months):
        day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        then = plans.on(scene, day)
        for table, part, whole in _parts(then):
            rows = _count(ws, then, table, part, whole=whole, holds=())
            if rows:
                found.append((day, table.name if whole else f"{table.name}: {', '.join(part.columns)}", rows))
    return tuple(found)


def run_disposal(
    ws: Workspace, *, actor: str, progress: Progress | None = None, at: Callable[[str], None] | None = None
) -> Disposed:
    """Dispose of what is due today; harmless to repeat, and to go on with after a crash.

    Args:
        progress: (what, share done) before each batch.
        at: called before and after each batch with its name; tests stop the process there.

    Raises:
        ClockUntrusted: the clock went back, or is far ahead of everything recorded: a disposal is final.
    """
    now = ws.ledger.check_clock()
    newest = ws.ledger.newest_at()
    if newest and now - newest > CLOCK_AHEAD // timedelta(microseconds=1):
        raise ClockUntrusted(
            f"the clock stands {timedelta(microseconds=now - newest).days} days after the newest entry, and what is "
            "disposed of does not come back",
            remedy="If the clock is right, make any use that is recorded first, then run again",
        )
    scene = scene_of(ws, now)
    holds = ws.holds.in_force(now)
    policy = scene.bound.policy.version
    with ws.control.write() as tx:
        run = ws.disposals.begin(tx, policy, now)
    deleted: dict[str, int] = {}
    emptied: dict[str, int] = {}
    because: dict[str, list[str]] = {}
    leavers: list[object] = []
    batches = list(_batches(ws, scene, holds))
    tell = at or (lambda _: None)
    for number, (table, part, whole, where, values) in enumerate(batches):
        if progress is not None:
            progress(table.name, number / len(batches))
        tell(f"before {number}")
        rows = _counted(ws, scene, table, where, values)
        if rows and whole and table.customer_table:
            leavers += _keys_of(ws, scene, table, where, values)
            ws.leaving.remember(forget_people.leaving(ws, run, leavers))
        if rows:
            sets = None if whole else dict.fromkeys(part.columns)
            done = dispose.erase(
                ws,
                [Sweep(table.name, where, values, sets, rows)],
                kind="disposal",
                public={
                    "run": run,
                    "policy": policy,
                    "because": list(_because(part.claims)),
                    "article": "GDPR 5(1)(e)",
                },
                private={"actor": actor},
            )
            into = deleted if whole else emptied
            into[table.name] = into.get(table.name, 0) + done.touched[0]
            said = because.setdefault(table.name, [])
            said += [words for words in _because(part.claims) if words not in said]
        tell(f"after {number}")
    limits: tuple[str, ...] = ()
    if deleted or emptied:
        stored = {t.name: t.place for t in ws.source.structure()}
        limits = tuple(ws.source.purge([stored[name] for name in sorted({*deleted, *emptied})]))
        ws.facts.look_again()
    gone, keys_gone, keys_left = forget_people.forget_leavers(ws, run)
    left, kept = _left(ws, scene, holds)
    if keys_left:
        left["keys"] = keys_left
    status = "incomplete" if left else "complete"
    outcome = {
        "deleted": deleted,
        "emptied": emptied,
        "because": because,
        "left": left,
        "kept": list(kept),
        "limits": list(limits),
        "people": {"gone": gone, "keys": keys_gone, "keys_left": keys_left},
        "status": status,
    }
    drafts = [Draft("disposal.closed", {"run": run, "policy": policy, **outcome}, {"actor": actor})]
    entry = ws.journal.record(
        drafts, lambda tx, entries: ws.disposals.end(tx, run, status, entries[0].at, entries[0].index, outcome)
    )[0]
    if deleted or emptied:
        ws.keys.erasures.note_happened("disposal", run, now)
    if progress is not None:
        progress("done", 1.0)
    return Disposed(run, status, deleted, emptied, left, kept, limits, entry.index)


# --- what is due -----------------------------------------------------------------------------------


def scene_of(ws: Workspace, now: int, day: date | None = None) -> Scene:
    """What schedules are made from, on a day (today)."""
    ws.facts.look_again()
    policy = ws.facts.policy
    if any(p.keep is not None and p.keep.after in plans.WITHDRAWAL for p in policy.purposes.values()):
        ws.facts.refresh(now)  # a yes waits for the flags: without it, somebody who just agreed would lose data
    zone = ZoneInfo(policy.timezone)
    today = (EPOCH + timedelta(microseconds=now)).astimezone(zone).date()
    subject = ws.config.get("subject", {})
    customers = ws.facts.customer_table().name
    scene = Scene(
        ws.facts.bound,
        ws.facts.tables,
        {t.name: t for t in ws.source.structure()},
        day or today,
        rules_need=frozenset(f"{customers}.{column}" for column in subject.values() if column),
    )
    return replace(scene, flags={p: flags for p in policy.purposes if (flags := _flags(ws, scene, p, now))})


def _flags(ws: Workspace, scene: Scene, purpose: str, now: int) -> tuple[str, ...]:
    """The flag columns of a purpose's channels; () if its withdrawals do not matter or nobody may pursue it."""
    found = ws.facts.policy.purposes[purpose]
    if found.abstract or found.keep is None or found.keep.after not in plans.WITHDRAWAL:
        return ()
    flags = []
    for channel in found.channels or ("",):
        for role in ws.facts.policy.roles:
            plan = ws.facts.plan(Request("", role, purpose, channel), now)
            if not plan.refused:
                flags.append(ws.facts.bulk(plan, now).flag)
                break
        else:
            return ()
    return tuple(dict.fromkeys(flags)) if _stands_in(ws, scene, scene.customers, flags) else ()


def _parts(scene: Scene) -> Iterator[tuple[TableInfo, Part, bool]]:
    """Everything that can end: (table, the part, whether the whole row goes); rows first."""
    for schedule in plans.schedules(scene):
        table = scene.table(schedule.table)
        assert table is not None
        if schedule.row.can_end:
            yield table, schedule.row, True
        for part in schedule.parts:
            if part.can_end:
                yield table, part, False


def _because(claims: Sequence[Claim]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{claim.purpose}: {claim.words}" for claim in claims))


def _kept(scene: Scene) -> Iterator[Kept]:
    for schedule in plans.schedules(scene):
        seen: dict[Claim, list[str]] = {}
        for part in (*schedule.parts, schedule.row):
            for claim in part.open_claims:
                columns = seen.setdefault(claim, [])
                if part is not schedule.row:
                    columns += [c for c in part.columns if c not in columns]
        for claim, columns in seen.items():
            assert claim.why is not None
            yield Kept(schedule.table, tuple(columns), claim.purpose, WHY[claim.why], claim.words, claim.law)


def _by_law(ws: Workspace, scene: Scene) -> Iterator[ByLaw]:
    """What only a law keeps, field by field and law by law."""
    for schedule in plans.schedules(scene):
        table = scene.table(schedule.table)
        assert table is not None
        for group in schedule.groups:
            for claim in group.claims:
                where = plans.law_keeps(scene, table, group, claim) if claim.law else None
                rows = 0 if where is None else _counted(ws, scene, table, where, ())
                if rows:
                    says = scene.bound.policy.purposes[claim.purpose].says.rstrip(".")
                    yield ByLaw(table.name, group.columns, rows, claim.purpose, claim.law, claim.words, says)


def _count(ws: Workspace, scene: Scene, table: TableInfo, part: Part, *, whole: bool, holds: Sequence[Hold]) -> int:
    condition = _condition(ws, scene, table, part, whole=whole, holds=holds)
    return 0 if condition is None else _counted(ws, scene, table, *condition)


def _still_there(ws: Workspace, scene: Scene, table: TableInfo, part: Part, whole: bool, holds: Sequence[Hold]) -> int:
    """Rows that are due, without those that go as a whole before."""
    from sqlglot import exp

    mine = _condition(ws, scene, table, part, whole=whole, holds=holds)
    if mine is None:
        return 0
    rows = _counted(ws, scene, table, *mine)
    row = next((p for t, p, w in _parts(scene) if w and t.name == table.name), None)
    if whole or row is None or not rows:
        return rows
    gone = _condition(ws, scene, table, row, whole=True, holds=holds)
    return rows if gone is None else rows - _counted(ws, scene, table, exp.and_(mine[0], gone[0]), (*mine[1], *gone[1]))


def _counted(ws: Workspace, scene: Scene, table: TableInfo, where: exp.Expr, values: tuple[object, ...]) -> int:
    from sqlglot import exp

    tree = exp.select(exp.Count(this=exp.Star())).from_(_place(scene, table)).where(where)
    return int(str(ws.source.examine(text_of(tree, ws.source.dialect), list(values))[0][0]))


def _condition(
    ws: Workspace, scene: Scene, table: TableInfo, part: Part, *, whole: bool, holds: Sequence[Hold]
) -> tuple[exp.Expr, tuple[object, ...]] | None:
    """Which rows: the periods have run out, nothing holds them, and there is still something to do."""
    from sqlglot import exp

    parts: list[exp.Expr] = [plans.over(scene, table, part)]
    if not whole:
        parts.append(exp.or_(*(exp.not_(exp.column(c, quoted=True).is_(exp.Null())) for c in part.columns)))
    elif table.customer_table:
        parts += _nothing_points_here(scene, table)
    left_out: list[object] = []
    for hold in holds:
        if not hold.covers(table.name):
            continue
        if hold.customers is None:
            return None
        left_out += _keys(ws, hold.customers)
    if any(claim.how == "consent" for claim in part.claims):
        recent = _spoke_lately(ws, scene, part)
        if recent is None:
            return None
        left_out += recent
    if left_out:
        mine = exp.column(table.key, quoted=True)
        named = mine.isin(*(mark() for _ in left_out))
        parts.append(exp.or_(mine.is_(exp.Null()), exp.not_(named)))
    return exp.and_(*parts), tuple(left_out)


def _nothing_points_here(scene: Scene, table: TableInfo) -> Iterator[exp.Expr]:
    """A customer's row is deleted only when no other governed table has rows of theirs."""
    from sqlglot import exp

    for other in scene.tables:
        if other.customer_table:
            continue
        key = exp.column(other.key, quoted=True)
        theirs = exp.select(key).from_(plans.place_of(scene, other)).where(exp.not_(key.is_(exp.Null())))
        yield exp.not_(exp.column(table.key, quoted=True).isin(query=theirs))


def _keys(ws: Workspace, numbers: frozenset[int] | Sequence[int]) -> list[str]:
    return [key for no in sorted(numbers) if (key := use.customer_key(ws, no)) is not None]


def _spoke_lately(ws: Workspace, scene: Scene, part: Part) -> list[str] | None:
    """Keys of customers who said no so lately that it may still be kept; None if they are too many to name."""
    zone = ZoneInfo(scene.bound.policy.timezone)
    first = min(claim.before for claim in part.claims if claim.how == "consent")
    since = datetime(first.year, first.month, first.day, tzinfo=zone)
    numbers = ws.facts.spoke_since((since - EPOCH) // timedelta(microseconds=1), ws.clock())
    if len(numbers) > MOST_NAMED:
        return None
    wanted = set(numbers.tolist())
    found = []
    for batch, keys in ws.source.customer_keys():
        found += [key for no, key in zip(batch.tolist(), keys.to_pylist(), strict=True) if no in wanted]
    return found


# --- batches ---------------------------------------------------------------------------------------


def _batches(
    ws: Workspace, scene: Scene, holds: Sequence[Hold]
) -> Iterator[tuple[TableInfo, Part, bool, exp.Expr, tuple[object, ...]]]:
    """What is due, cut by customer number where the rows carry one; rows that go come before fields."""
    from sqlglot import exp

    people = _numbered(ws, scene)
    for table, part, whole in _parts(scene):
        condition = _condition(ws, scene, table, part, whole=whole, holds=holds)
        if condition is None:
            continue
        where, values = condition
        if people <= BATCH or not _stands_in(ws, scene, table, [NUMBER]):
            yield table, part, whole, where, values
            continue
        due = _counted(ws, scene, table, where, values)
        if due <= BATCH:
            if due:
                yield table, part, whole, where, values
            continue
        number = exp.column(NUMBER, quoted=True)
        for start in range(0, people, BATCH):
            some = exp.and_(
                where.copy(),
                exp.GTE(this=number.copy(), expression=exp.Literal.number(start)),
                exp.LT(this=number.copy(), expression=exp.Literal.number(start + BATCH)),
            )
            yield table, part, whole, some, values
        yield table, part, whole, exp.and_(where.copy(), number.copy().is_(exp.Null())), values


def _keys_of(
    ws: Workspace, scene: Scene, table: TableInfo, where: exp.Expr, values: tuple[object, ...]
) -> list[object]:
    """Keys of the customers whose rows are about to go."""
    from sqlglot import exp

    tree = exp.select(exp.column(table.key, quoted=True)).from_(_place(scene, table)).where(where)
    return [key for (key,) in ws.source.examine(text_of(tree, ws.source.dialect), list(values)) if key is not None]


def _numbered(ws: Workspace, scene: Scene) -> int:
    """How far the customers' numbers go; 0 where their rows do not carry one."""
    from sqlglot import exp

    if not _stands_in(ws, scene, scene.customers, [NUMBER]):
        return 0
    tree = exp.select(exp.Max(this=exp.column(NUMBER, quoted=True))).from_(_place(scene, scene.customers))
    highest = ws.source.examine(text_of(tree, ws.source.dialect))[0][0]
    return 0 if highest is None else int(str(highest)) + 1


def _stands_in(ws: Workspace, scene: Scene, table: TableInfo, columns: Sequence[str]) -> bool:
    """Whether rows of the table itself carry these columns of ours (and not a companion beside it)."""
    from sqlglot import exp

    probe = exp.select(*(exp.column(c, quoted=True) for c in columns)).from_(_place(scene, table)).limit(0)
    try:
        ws.source.examine(text_of(probe, ws.source.dialect))
    except RightfulError:
        return False
    return True


def _place(scene: Scene, table: TableInfo) -> exp.Table:
    from sqlglot import exp

    place = scene.structure[table.name].place
    return exp.table_(place[-1], db=place[0] if len(place) > 1 else None, quoted=True)


def _left(ws: Workspace, scene: Scene, holds: Sequence[Hold]) -> tuple[dict[str, int], tuple[dict[str, Any], ...]]:
    """What is due and still there by table; what of it a hold keeps, and what a law: looked at as the plan looks."""
    left: dict[str, int] = {}
    kept = []
    for table, part, whole in _parts(scene):
        rows = _count(ws, scene, table, part, whole=whole, holds=holds)
        if rows:
            left[table.name] = left.get(table.name, 0) + rows
        keeping = [hold for hold in holds if hold.covers(table.name)]
        held = _count(ws, scene, table, part, whole=whole, holds=()) - rows if keeping else 0
        if held:
            kept.append(
                {
                    "table": table.name,
                    "rows": held,
                    "columns": [] if whole else list(part.columns),
                    "why": "; ".join(hold.reason for hold in keeping),
                    "article": "GDPR 17(3)(e)",
                    "until": "the hold is released",
                    "kind": "hold",
                }
            )
    kept += [
        {
            "table": one.table,
            "rows": one.rows,
            "columns": list(one.columns),
            "why": f"{one.says} ({one.purpose}: {one.law})",
            "article": "GDPR 17(3)(b)",
            "until": one.until,
            "kind": "law",
        }
        for one in _by_law(ws, scene)
    ]
    return left, tuple(kept)


def check_day(text: str) -> date:
    """A day of the calendar, as typed.

    Raises:
        BadInput: it is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text[:40]} is no day", remedy="Write 2026-12-31") from None
