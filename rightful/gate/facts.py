"""What is in force now: policy, notices, permission state (NIST SP 800-162: the PIP).

Every question starts here and gets an answer that includes every event that was
acknowledged before it was asked. The permission state is a snapshot, plus the
tail: customers with newer events, or whose answer changed with time alone. The
tail is evaluated exactly; in bulk it takes people out, and lets nobody in before
the flags beside the rows have been refreshed.

Easy to get wrong: a withdrawal must count on the very next read, also in another
process; a consent that ends at noon must not count at noon; the flags in the
source may be older than the snapshot, and then the tail has to be longer.

Sources: DESIGN section 5; GDPR Art. 7(3); cases T01-T14, E09, P10.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rightful.consent.events import Event
from rightful.consent.models import ConsentLog, Stored
from rightful.errors import IntegrityFault, NotFound, PolicyRefused, SourceUnavailable
from rightful.gate import snapshot as snapshots
from rightful.gate.columns import ColumnBuilder, events_of
from rightful.gate.conditions import NoticeEntry, Notices, Subject
from rightful.gate.plan import Plan, compile_plan
from rightful.gate.planes import KIND, NO_BIRTH, Evaluation, Population, Slot
from rightful.gate.request import Decision, Request
from rightful.gate.snapshot import Snapshot
from rightful.policy.bind import Bound, bind
from rightful.policy.model import Policy
from rightful.sources.contract import FlagState, Source, TableInfo
from rightful.terms import EventKind, Outcome

if TYPE_CHECKING:
    from rightful.policy.models import PolicyShelf

TAIL_LIMIT = 200
"""Beyond this many people in a tail, the flags are refreshed before the read."""


@dataclass(frozen=True, slots=True)
class SubjectColumns:
    """Where the CRM keeps residence (ISO 3166) and birth date of a customer; "" if it does not."""

    residence: str = ""
    birth: str = ""


@dataclass(frozen=True, slots=True)
class Bulk:
    """What a use of many customers' data may touch, as of one instant.

    Attributes:
        position: of the consent record that was looked at.
        flag: the boolean column that must be true.
        field_flags: field -> its own column, where it differs.
        tail: numbers that must not appear although their flag may still be true.
        permitted, known: customers.
        withheld: first reason code -> customers.
    """

    position: int
    now_us: int
    flag: str
    field_flags: Mapping[str, str]
    tail: tuple[int, ...]
    permitted: int
    known: int
    withheld: Mapping[str, int]


class Facts:
    """Keeps the permission state of one workspace current, for all threads of this process."""

    def __init__(
        self,
        folder: Path,
        source: Source,
        consent: ConsentLog,
        shelf: PolicyShelf,
        clock: Callable[[], int],
        columns: SubjectColumns,
        derived: Callable[[], Mapping[str, tuple[str, ...]]] = dict,
        arrivals: Callable[[int], int] = lambda _numbers: 0,
    ) -> None:
        """`arrivals` looks at customers that have just been numbered; it says for how many it recorded something."""
        self.folder = folder
        self.source = source
        self.consent = consent
        self.shelf = shelf
        self.clock = clock
        self.columns = columns
        self.derived = derived
        self.arrivals = arrivals
        self._lock = threading.RLock()
        self._shelf_position = -1
        self._policy: Policy | None = None
        self._bound: Bound | None = None
        self._notices: Notices = {}
        self._tables: tuple[TableInfo, ...] = ()
        self._snapshot: Snapshot | None = None
        self._tail: _Tail | None = None
        self._rows: dict[Slot, bytes] = {}
        self._ready: dict[int, _Ready] = {}
        self._flags_seen: Snapshot | None = None
        self._plans: dict[Request, Plan] = {}
        consent.announce(shelf.position())
        # Changes with every event and every publication; a policy published elsewhere counts at once (T13).
        self._nearby: Callable[[], object] = (
            consent.nearby if consent.db.dialect == "sqlite" else lambda: (consent.position(), shelf.position())
        )

    # --- policy, notices, catalogue ---

    @property
    def policy(self) -> Policy:
        """The policy in force: the newest published version, not the file on disk."""
        self._refresh_policy()
        if self._policy is None:
            raise NotFound("no policy has been published yet", remedy="`rightful policy publish`")
        return self._policy

    @property
    def bound(self) -> Bound:
        """The policy bound to the catalogue as it was read last (`look_again` reads it anew)."""
        policy = self.policy
        if self._bound is None:
            self.look_again()
        assert self._bound is not None and self._policy is policy
        return self._bound

    @property
    def notices(self) -> Notices:
        self._refresh_policy()
        return self._notices

    @property
    def tables(self) -> tuple[TableInfo, ...]:
        if not self._tables:
            self.look_again()
        return self._tables

    def look_again(self) -> None:
        """Read the catalogue anew: a column that appeared a minute ago is there, and unclassified."""
        tables = self.source.catalogue()
        with self._lock:
            if tables != self._tables or self._bound is None:
                self._tables = tables
                self._bound = bind(self.policy, {t.name: [c.name for c in t.columns] for t in tables}, self.derived())
                self._plans.clear()

    def table(self, name: str) -> TableInfo:
        for table in self.tables:
            if table.name == name:
                return table
        raise NotFound(f"there is no table {name}", remedy="`rightful source list` shows the tables")

    def customer_table(self) -> TableInfo:
        for table in self.tables:
            if table.customer_table:
                return table
        raise NotFound("no customer table is registered", remedy="`rightful source import`")

    def _refresh_policy(self) -> None:
        position = self.shelf.position()
        if position == self._shelf_position:
            return
        with self._lock:
            policy = self.shelf.in_force()
            notices = {
                label: {
                    purpose: NoticeEntry(
                        frozenset(entry["categories"]),
                        frozenset(entry["recipients"]),
                        frozenset(entry["channels"]),
                    )
                    for purpose, entry in terms.items()
                }
                for label, terms in self.shelf.notices().items()
            }
            if self._policy is None or policy is None or policy.version != self._policy.version:
                self._bound = None
                self._snapshot = None
            if notices != self._notices:
                self._snapshot = None
            self._plans.clear()
            self._policy, self._notices = policy, notices
            self._shelf_position = position

    # --- plans and single decisions ---

    def plan(self, request: Request, now_us: int) -> Plan:
        """The request compiled against the policy in force; remade when policy, catalogue or term changes."""
        policy = self.policy
        plan = self._plans.get(request)
        if plan is None or plan.policy_version != policy.version or now_us >= plan.holds_until:
            plan = compile_plan(policy, self.bound, self.notices, request, now_us)
            if len(self._plans) > 4096:
                self._plans.clear()
            self._plans[request] = plan
        return plan

    def answer(self, plan: Plan, no: int, now_us: int) -> Outcome:
        """The outcome for one customer, from the packed record: microseconds.

        `decide` gives the same outcome with all its reasons.
        """
        ready = self._ready.get(id(plan))
        if (
            ready is None
            or ready.tail is not self._tail
            or now_us >= ready.until
            or now_us >= ready.tail.next_due
            or ready.seen != self._nearby()
        ):
            ready = self._make_ready(plan, now_us)
            if ready is None:
                return Outcome.DENY
        if no >= ready.size or no in ready.touched:
            return self.decide(ready.plan, no, now_us).outcome
        if not ready.row[no >> 3] >> (no & 7) & 1:
            return Outcome.DENY
        return ready.yes or self.decide(ready.plan, no, now_us).outcome

    def _make_ready(self, plan: Plan, now_us: int) -> _Ready | None:
        """What `answer` needs for this plan as of now, kept until something changes; None if all is refused."""
        seen = self._nearby()  # before the state is looked at: what is acknowledged meanwhile is not in it
        tail = self._current(now_us)
        now_plan = plan
        if plan.policy_version != tail.snapshot.policy_version or now_us >= plan.holds_until:
            now_plan = self.plan(plan.request, now_us)
        if now_plan.refused:
            return None
        planes = tail.snapshot.slots[now_plan.slot]
        row = self._rows.get(now_plan.slot)
        if row is None:
            row = self._rows[now_plan.slot] = planes.row.tobytes()
        yes = Outcome.ALLOW if all(f.allowed for f in now_plan.fields) else Outcome.PARTIAL
        ready = _Ready(
            plan,
            now_plan,
            tail,
            row,
            tail.snapshot.people.size,
            tail.touched,
            now_plan.holds_until,
            None if planes.partial else yes,
            seen,
        )
        if len(self._ready) > 256:
            self._ready.clear()
        self._ready[id(plan)] = ready
        return ready

    def decide(self, plan: Plan, no: int | None, now_us: int) -> Decision:
        """The whole decision for one customer, with every reason."""
        tail = self._current(now_us)
        subject = Subject(-1, known=False) if no is None else self.subject(no)
        return plan.decide(subject, now_us, tail.position)

    def subject(self, no: int) -> Subject:
        """One customer as known now, newest events included."""
        snapshot = self._current(self.clock()).snapshot
        if no < snapshot.people.size:
            people = snapshot.people
            old = events_of(no, people.events, people.codes)
            born = int(people.birth[no])
            birth = None if born == NO_BIRTH else date.fromordinal(date(1970, 1, 1).toordinal() + born)
            residence = people.residences[int(people.residence[no])]
        else:
            old, birth, residence = (), None, ""
        newer = tuple(s.event for s in self.consent.of(no) if s.seq > snapshot.position)
        return Subject(no, old + newer, residence, birth)

    def people(self, now_us: int) -> Population:
        """Everybody as known now, newest events included."""
        tail = self._current(now_us)
        people = tail.snapshot.people
        if not tail.newer:
            return people
        builder = ColumnBuilder(people.codes)
        builder.add_columns({f.name: getattr(people.events, f.name) for f in fields(people.events)})
        builder.add_events(tail.newer)
        events, codes = builder.build()
        return replace(people, events=events, codes=codes)

    # --- bulk ---

    def bulk(self, plan: Plan, now_us: int) -> Bulk:
        """What a bulk use of this plan may touch now; refreshes the flags when the tail has grown long."""
        tail = self._current(now_us)
        snapshot = tail.snapshot
        self.ensure_flags()
        refused = tail.refused(plan.slot, self)
        if len(refused) > TAIL_LIMIT:
            self.refresh(now_us)
            tail = self._current(now_us)
            snapshot = tail.snapshot
            refused = tail.refused(plan.slot, self)
        planes = snapshot.slots[plan.slot]
        back, first = tail.counted(plan.slot, self)
        withheld = dict(planes.withheld)
        for code, change in first.items():
            withheld[code] = withheld.get(code, 0) + change
        return Bulk(
            position=tail.position,
            now_us=now_us,
            flag=snapshot.flag(plan.slot),
            field_flags={f.field: snapshot.flag(plan.slot, f.field) for f in plan.fields if f.field in planes.partial},
            tail=refused,
            permitted=planes.permitted + back,
            known=snapshot.people.size,
            withheld={code: count for code, count in withheld.items() if count > 0},
        )

    def permitted(self, plan: Plan, now_us: int) -> NDArray[np.uint8]:
        """The packed plane of everybody this plan may use now (bit i = customer number i)."""
        tail = self._current(now_us)
        row = np.array(tail.snapshot.slots[plan.slot].row)
        refused, granted = tail.answers(plan.slot, self)
        np.bitwise_and.at(row, refused >> 3, ~(1 << (refused & 7)).astype(np.uint8))
        np.bitwise_or.at(row, granted >> 3, (1 << (granted & 7)).astype(np.uint8))
        return row

    def spoke_since(self, at_us: int, now_us: int) -> NDArray[np.int64]:
        """Numbers of customers who refused something from this instant on, or whose newest event the flags may
        not know: for keeping what may have to be shown, or used, after all."""
        tail = self._current(now_us)
        events = tail.snapshot.people.events
        picked = events.no[(events.at >= at_us) & np.isin(events.kind, _REFUSING)]
        return np.unique(np.concatenate([picked.astype(np.int64), tail.numbers.astype(np.int64)]))

    def ensure_flags(self) -> None:
        """Bring the flags in the source to the snapshot, if they stand for another policy or people.

        Looked at once for a snapshot, and again after `doubt_flags`: a flag's name is bound to policy and
        slot, so a read that was planned on flags somebody has replaced finds no column, and fails.
        """
        snapshot = self._snapshot
        assert snapshot is not None
        if self._flags_seen is snapshot:
            return
        state = self.source.flags()
        wanted = snapshot.flags()
        if state is not None and set(state.columns) == set(wanted) and state.watermark >= self.flags_stand_at()[0]:
            self._flags_seen = snapshot
            return
        self.source.write_flags(
            FlagState(snapshot.position, snapshot.policy_version, dict.fromkeys(wanted, "")),
            wanted,
            snapshot.people.size,
        )
        self._note_patched(snapshot.position, snapshot.now_us)
        self._flags_seen = snapshot

    def doubt_flags(self) -> None:
        """Look at the flags again before the next read: another process may have replaced them."""
        self._flags_seen = None

    def refresh(self, now_us: int) -> int:
        """Write what the tail says into the flags; returns how many customers were changed.

        A change of which fields differ needs all flags written anew; the tail stays in force until then.
        """
        with self._lock:
            tail = self._current(now_us)
            numbers = tail.numbers
            if not len(numbers):
                return 0
            evaluation = tail.evaluation(self)
            values: dict[str, NDArray[np.bool_]] = {}
            for slot, planes in tail.snapshot.slots.items():
                mine = evaluation.slot(*slot, self._fields_of(slot[0]))
                if set(mine.partial) - set(planes.partial):
                    self.rebuild()
                    return len(numbers)
                row = _bits(mine.row, len(numbers))
                values[tail.snapshot.flag(slot)] = row
                for field in planes.partial:
                    own = mine.partial.get(field)
                    values[tail.snapshot.flag(slot, field)] = row if own is None else _bits(own, len(numbers))
            inside = numbers < tail.snapshot.people.size
            if not inside.all():
                self.rebuild()
                return len(numbers)
            self.source.patch_flags(
                FlagState(tail.position, tail.snapshot.policy_version, dict.fromkeys(values, "")),
                numbers,
                values,
            )
            self._note_patched(tail.position, tail.now_us)
            return len(numbers)

    def rebuild(self, progress: Callable[[str, float], None] | None = None) -> Snapshot:
        """Work out the state of everybody from the whole record, and write all flags."""
        say = progress or (lambda _what, _share: None)
        with self._lock:
            self.look_again()
            now = self.clock()
            position = self.consent.position()
            say("customers", 0.0)
            size = self.source.number_new_customers()
            if self.arrivals(size):
                position = self.consent.position()
                size = self.source.number_new_customers()  # whoever is in the record by now has a number
            people = self._population(position, size)
            say("permissions", 0.4)
            fields_of = {p: self._fields_of(p) for p in self.policy.purposes}
            snapshot = snapshots.build(self.policy, self.notices, people, position, now, fields_of)
            say("saving", 0.6)
            snapshots.save(snapshot, self.folder)
            self._adopt(snapshot)
            say("flags", 0.7)
            state = FlagState(position, snapshot.policy_version, dict.fromkeys(snapshot.flags(), ""))
            self.source.write_flags(state, snapshot.flags(), people.size)
            self._note_patched(position, now)
            say("done", 1.0)
            return snapshot

    # --- inside ---

    def _current(self, now_us: int) -> _Tail:
        """The tail as of now: everything acknowledged is in it."""
        self._refresh_policy()
        with self._lock:
            if self._snapshot is None:
                digest = snapshots.digest_of_notices(self.notices)
                found = snapshots.newest(self.folder, self.policy.version, digest)
                if found is None:
                    self.rebuild()
                else:
                    self._adopt(found)
            snapshot, tail = self._snapshot, self._tail
            assert snapshot is not None
            if now_us < snapshot.now_us and self.clock() < snapshot.now_us:
                raise IntegrityFault(
                    "the permission state was worked out later than the clock says it is now",
                    remedy="Set the clock right; nothing is decided until then",
                )
            now_us = max(now_us, snapshot.now_us)  # it may have been worked out just now, within this question
            position = self.consent.position()
            if tail is None or tail.snapshot is not snapshot:
                tail = _Tail.start(snapshot)
            if tail.position != position or now_us >= tail.next_due:
                if any(s.seq > snapshot.position for s in self.consent.segments()):
                    self.rebuild()
                    return self._current(now_us)
                tail = tail.advanced(self.consent.since(tail.position), position, now_us)
            self._tail = tail
            return tail

    def _adopt(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._tail = None
        self._rows = {}
        self._ready = {}

    def _population(self, position: int, size: int) -> Population:
        import pyarrow.parquet as parquet

        builder = ColumnBuilder()
        coded = ["kind", "purpose", "channel", "notice", "value"]
        wanted = [*coded, "no", "at", "until", "strength", "guardian", "has_evidence"]
        for segment in self.consent.segments():
            path = self.consent.segment_path(segment)
            builder.add_segment(parquet.read_table(path, columns=wanted, read_dictionary=coded))
        singles = [s for s in self.consent.since(0) if s.seq <= position]
        builder.add_events((s.no, s.event) for s in singles)
        events, codes = builder.build()
        residences, residence, birth = self._attributes(size)
        return Population(size, residences, residence, birth, events, codes)

    def _attributes(self, size: int) -> tuple[tuple[str, ...], NDArray[np.uint16], NDArray[np.int32]]:
        """Residence and birth date as the CRM has them, by customer number."""
        import pyarrow as pa

        residence = np.zeros(size, np.uint16)
        birth = np.full(size, NO_BIRTH, np.int32)
        home, born = self.columns.residence, self.columns.birth
        wanted = list(dict.fromkeys(name for name in (home, born) if name))
        numbering: dict[str, int] = {"": 0}
        if not size or not wanted:
            return tuple(numbering), residence, birth
        with self.source.whole(self.customer_table().name, wanted) as reader:
            for batch in reader:
                numbered = batch.filter(batch.column("rf_no").is_valid())
                numbers = numbered.column("rf_no").to_numpy(zero_copy_only=False)
                if home:
                    coded = numbered.column(home).cast(pa.string()).fill_null("").dictionary_encode()
                    lut = [numbering.setdefault(x.strip(), len(numbering)) for x in coded.dictionary.to_pylist()]
                    residence[numbers] = np.array(lut or [0], np.uint16)[coded.indices.to_numpy()]
                if born:
                    days = numbered.column(born).cast(pa.date32()).cast(pa.int32()).fill_null(NO_BIRTH)
                    birth[numbers] = days.to_numpy()
        return tuple(numbering), residence, birth

    def _fields_of(self, purpose: str) -> dict[str, str]:
        bound = self.bound
        return {name: bound.category_of[name] for name in bound.fields_of(purpose)}

    def _note_patched(self, position: int, now_us: int) -> None:
        """Remember, after the flags were written, up to where they are right."""
        assert self._snapshot is not None
        path = self.folder / "flags.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"for": self._snapshot.name, "position": position, "now_us": now_us}))
        os.replace(part, path)
        self._tail = None

    def flags_stand_at(self) -> tuple[int, int]:
        """(position, instant) up to which the flags in the source are right."""
        assert self._snapshot is not None
        try:
            noted: dict[str, Any] = json.loads((self.folder / "flags.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            noted = {}
        if noted.get("for") != self._snapshot.name:
            return self._snapshot.position, self._snapshot.now_us
        return int(noted["position"]), int(noted["now_us"])


class _Ready:
    """One plan made ready for single answers. `asked` is kept so that its id stays its own."""

    __slots__ = ("asked", "plan", "row", "seen", "size", "tail", "touched", "until", "yes")

    def __init__(
        self,
        asked: Plan,
        plan: Plan,
        tail: _Tail,
        row: bytes,
        size: int,
        touched: Mapping[int, tuple[int, int]],
        until: int,
        yes: Outcome | None,
        seen: object,
    ) -> None:
        self.asked = asked
        self.seen = seen
        self.plan = plan
        self.tail = tail
        self.row = row
        self.size = size
        self.touched = touched
        self.until = until
        self.yes = yes


REFUSALS = frozenset(
    {
        EventKind.WITHDRAWN,
        EventKind.REFUSED,
        EventKind.OBJECTED,
        EventKind.OPTED_OUT,
        EventKind.SIGNAL_GPC,
        EventKind.RESTRICTED,
    }
)
_REFUSING = [KIND[kind] for kind in sorted(REFUSALS)]


class _Tail:
    """Customers whose answer may differ from the snapshot, and what it is now.

    `touched` holds their numbers with (position, instant) of the change, so that the part that the flags
    already know can be left out in bulk.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        position: int,
        now_us: int,
        touched: Mapping[int, tuple[int, int]],
        newer: Sequence[tuple[int, Event]],
        due: int,
        own_due: int,
    ) -> None:
        self.snapshot = snapshot
        self.position = position
        self.now_us = now_us
        self.touched = touched
        self.newer = newer
        self._due = due  # how many of `upcoming` have come
        ahead = snapshot.upcoming_at
        self.next_due = min(int(ahead[due]) if due < len(ahead) else (1 << 63) - 1, own_due)
        self.numbers: NDArray[np.uint32] = np.array(sorted(touched), np.uint32)
        self._evaluation: Evaluation | None = None
        self._slots: dict[Slot, NDArray[np.bool_]] = {}

    @classmethod
    def start(cls, snapshot: Snapshot) -> _Tail:
        return cls(snapshot, snapshot.position, snapshot.now_us, {}, (), 0, (1 << 63) - 1)

    def advanced(self, events: Sequence[Stored], position: int, now_us: int) -> _Tail:
        """The tail with newer events and with everything that time alone has changed."""
        touched = dict(self.touched)
        due = int(np.searchsorted(self.snapshot.upcoming_at, now_us, side="right"))
        for place in range(self._due, due):
            touched[int(self.snapshot.upcoming_no[place])] = (0, int(self.snapshot.upcoming_at[place]))
        for stored in events:
            touched[stored.no] = (stored.seq, 0)
        # A customer in the tail may change again with time; the tail is made anew at that instant.
        own_due = self._own_next_due(now_us)
        if own_due <= now_us:
            touched = {no: (mark[0], max(mark[1], now_us)) for no, mark in touched.items()}
        newer = (*self.newer, *((s.no, s.event) for s in events))
        fresh = _Tail(self.snapshot, position, now_us, touched, newer, due, (1 << 63) - 1)
        if touched:
            fresh.next_due = min(fresh.next_due, fresh._own_next_due(now_us))
        return fresh

    def _own_next_due(self, now_us: int) -> int:
        if self._evaluation is None:
            return (1 << 63) - 1
        return int(self._evaluation.next_change.min(initial=(1 << 63) - 1))

    def evaluation(self, facts: Facts) -> Evaluation:
        if self._evaluation is None:
            people = self.snapshot.subset(self.numbers, self.newer)
            self._evaluation = Evaluation(facts.policy, facts.notices, people, self.now_us)
        return self._evaluation

    def refused(self, slot: Slot, facts: Facts) -> tuple[int, ...]:
        """Numbers that may not appear for this slot although the flag in the source may be true."""
        if not len(self.numbers):
            return ()
        return tuple(self.numbers[~self._slot(slot, facts) & self._newer(facts)].tolist())

    def answers(self, slot: Slot, facts: Facts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What the snapshot's plane does not know: who is refused by now, and who was granted what the flags know.

        The plane is as old as the snapshot, also after the flags were refreshed; a grant waits for that.
        """
        numbers = self.numbers.astype(np.int64)
        if not len(numbers):
            return numbers, numbers
        inside = numbers < self.snapshot.people.size
        fine = self._slot(slot, facts)
        return numbers[inside & ~fine], numbers[inside & fine & ~self._newer(facts)]

    def _newer(self, facts: Facts) -> NDArray[np.bool_]:
        """Whose change came after the flags were written."""
        position, instant = facts.flags_stand_at()
        marks = [self.touched[no] for no in self.numbers.tolist()]
        return np.array([seq > position or at > instant for seq, at in marks], bool)

    def counted(self, slot: Slot, facts: Facts) -> tuple[int, dict[str, int]]:
        """How the counts of the snapshot change: permitted by the first number, reasons by the second."""
        if not len(self.numbers):
            return 0, {}
        self._slot(slot, facts)
        fields = facts._fields_of(slot[0])
        inside = self.numbers[self.numbers < self.snapshot.people.size]
        were = Evaluation(facts.policy, facts.notices, self.snapshot.subset(inside, ()), self.snapshot.now_us)
        before, after = were.slot(*slot, fields), self.evaluation(facts).slot(*slot, fields)
        changes = dict(after.withheld)
        for code, count in before.withheld.items():
            changes[code] = changes.get(code, 0) - count
        return after.permitted - before.permitted, changes

    def _slot(self, slot: Slot, facts: Facts) -> NDArray[np.bool_]:
        found = self._slots.get(slot)
        if found is None:
            planes = self.evaluation(facts).slot(*slot, facts._fields_of(slot[0]))
            fine = _bits(planes.row, len(self.numbers))
            for plane in planes.partial.values():
                fine &= _bits(plane, len(self.numbers))  # until the refresh, a partial answer is a no
            self.next_due = min(self.next_due, self._own_next_due(self.now_us))
            found = self._slots[slot] = fine
        return found


def _bits(packed: NDArray[np.uint8], size: int) -> NDArray[np.bool_]:
    return np.unpackbits(packed, count=size, bitorder="little").astype(np.bool_)


__all__: Sequence[str] = ("Bulk", "Facts", "PolicyRefused", "SourceUnavailable", "SubjectColumns")
