"""The conditions of `conditions.py`, for all customers at once.

Arrays are indexed by customer number (`rf_no`). Events come as columns sorted
by customer and event time, so that "the newest that matters" is the last one
selected per customer. A plane is one bit per customer for one slot (purpose,
channel, recipient): may this customer's data be used for it now? Bits are
packed little end first.

Easy to get wrong: equal event times. The sort key is the same as in
`consent/rules.py`: at one instant a withdrawal beats a grant, and of two grants
the one that permits less counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rightful.consent import rules
from rightful.consent.events import NEVER_US
from rightful.consent.rules import Status
from rightful.gate.conditions import (
    ADULT,
    CONSENT_CODES,
    EXPLICIT_CONSENT,
    IN_THE_HOUSE,
    NOT_FOR_MINORS,
    OBJECTABLE,
    WITHOUT_NOTICE,
    Ask,
    Notices,
    consent_age,
    covered_by,
    is_special,
    regimes_of,
)
from rightful.policy.model import Policy
from rightful.terms import ALL_CHANNELS, DIRECT_MARKETING, EventKind, LawfulBasis, Survives

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Packed = NDArray[np.uint8]

NO_BIRTH = np.iinfo(np.int32).min
KINDS = tuple(EventKind)
KIND = {kind: code for code, kind in enumerate(KINDS)}
RANK = np.zeros(len(KINDS), np.int8)  # order of events at one instant
RANK[KIND[EventKind.GIVEN]] = Status.GRANTED
RANK[KIND[EventKind.REFUSED]] = Status.REFUSED
RANK[KIND[EventKind.WITHDRAWN]] = Status.WITHDRAWN

PROVEN, UNPROVEN, PRE_TICKED = 0, 1, 2
"""Strength of an event by its method and evidence alone (`rules.proof_of` without the notice)."""

_DAY_US = 86_400_000_000
_FEW = 1_000

_PART_BYTES = 8_192
_ARRAY_LIMIT = 4_096  # members; up to here a part of a roaring bitmap is a list

Slot = tuple[str, str, str]
"""(purpose, channel, recipient); "" where there is none."""


@dataclass(frozen=True, slots=True)
class Codes:
    """Names behind the small numbers in the event columns. Position is code."""

    scopes: tuple[str, ...]  # purposes, and scopes of objections and restrictions
    channels: tuple[str, ...]
    notices: tuple[str, ...]
    values: tuple[str, ...]  # residences, birth dates

    def of(self, names: tuple[str, ...], wanted: Sequence[str] | frozenset[str]) -> NDArray[np.bool_]:
        chosen = frozenset(wanted)
        return np.fromiter((name in chosen for name in names), np.bool_, len(names))


@dataclass(frozen=True, slots=True)
class EventColumns:
    """All events, one row each, sorted by `sorted_events`. Times are effective instants in us."""

    no: NDArray[np.uint32]
    kind: NDArray[np.uint8]
    scope: NDArray[np.uint16]
    channel: NDArray[np.uint8]
    at: Ints
    until: Ints
    notice: NDArray[np.uint16]
    strength: NDArray[np.uint8]
    guardian: Bools
    evidence: Bools
    value: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.no)

    def take(self, index: NDArray[Any]) -> EventColumns:
        return EventColumns(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def sorted_events(events: EventColumns, codes: Codes) -> EventColumns:
    """Sort by customer, instant, and at one instant by what permits less last."""
    no, at = events.no, events.at
    steps = np.flatnonzero((no[1:] < no[:-1]) | ((no[1:] == no[:-1]) & (at[1:] < at[:-1])))
    if len(steps):
        events = events.take(np.lexsort((at, no)))
        no, at = events.no, events.at
    same = (no[1:] == no[:-1]) & (at[1:] == at[:-1])
    if not same.any():
        return events
    tied = np.zeros(len(no), np.bool_)
    tied[1:] |= same
    tied[:-1] |= same
    rows = np.flatnonzero(tied)
    label_rank = np.argsort(np.argsort(np.array(codes.notices, dtype=object))) if codes.notices else np.zeros(1)
    part = np.lexsort(
        (
            label_rank[events.notice[rows]],
            ~events.guardian[rows],
            -events.until[rows],
            RANK[events.kind[rows]],
            at[rows],
            no[rows],
        )
    )
    order = np.arange(len(no))
    order[rows] = rows[part]
    return events.take(order)


@dataclass(frozen=True, slots=True)
class Population:
    """All customers as the gate knows them.

    Attributes:
        size: how many customers are numbered.
        residence: shape (size,), code into `residences`; what the CRM says.
        birth: shape (size,), days since 1970 or NO_BIRTH; what the CRM says.
        events: all events, sorted.
    """

    size: int
    residences: tuple[str, ...]
    residence: NDArray[np.uint16]
    birth: NDArray[np.int32]
    events: EventColumns
    codes: Codes


@dataclass(slots=True)
class SlotPlanes:
    """The answer for one slot: who may be used, why not, and which fields differ.

    `partial` holds, for fields that are not permitted for everybody who is permitted, their own plane;
    `withheld` counts the first reason per customer; `next_change` is per customer, in us.
    """

    row: Packed
    permitted: int
    withheld: dict[str, int]
    partial: dict[str, Packed] = field(default_factory=dict)


class Evaluation:
    """All slots of one population under one policy at one instant."""

    def __init__(self, policy: Policy, notices: Notices, people: Population, now_us: int) -> None:
        self.policy = policy
        self.notices = notices
        self.people = people
        self.events = people.events
        self.codes = people.codes
        self.now = now_us
        self.next_change: Ints = np.full(people.size, NEVER_US, np.int64)
        self._newest: tuple[tuple[str, str], _Choices] | None = None
        self._note_birthdays_and_moves()

    # --- facts that do not depend on the slot ---

    @cached_property
    def residence(self) -> tuple[NDArray[np.uint16], tuple[str, ...]]:
        """Residence code per customer now, and the names behind the codes."""
        people, events = self.people, self.events
        moved = np.flatnonzero((events.kind == KIND[EventKind.MOVED]) & (events.at <= self.now))
        if not len(moved):
            return people.residence, people.residences
        names = dict.fromkeys(people.residences)
        names.update(dict.fromkeys(self.codes.values[v] for v in np.unique(events.value[moved])))
        order = tuple(names)
        position = {name: i for i, name in enumerate(order)}
        current = people.residence.copy()
        last = self._newest_by_value(moved)
        current[events.no[last]] = [position[self.codes.values[v]] for v in events.value[last]]
        return current, order

    @cached_property
    def birth(self) -> NDArray[np.int32]:
        events = self.events
        born = np.flatnonzero(events.kind == KIND[EventKind.BORN])
        if not len(born):
            return self.people.birth
        birth = self.people.birth.copy()
        last = self._newest_by_value(born)
        days = [(date.fromisoformat(self.codes.values[v]) - date(1970, 1, 1)).days for v in events.value[last]]
        birth[events.no[last]] = days
        return birth

    @cached_property
    def _births(self) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
        unique, inverse = np.unique(self.birth, return_inverse=True)
        return unique, inverse.reshape(-1)

    def turns_us(self, years: int) -> Ints:
        """When each customer turns `years`; NEVER_US where the birth date is unknown."""
        unique, inverse = self._births
        zone = Ask(self.policy, self.notices, next(iter(self.policy.purposes))).zone
        instants = [
            NEVER_US if day == NO_BIRTH else rules.birthday_us(date(1970, 1, 1) + timedelta(days=int(day)), years, zone)
            for day in unique
        ]
        return np.array(instants, np.int64)[inverse]

    @cached_property
    def consent_age_at(self) -> Ints:
        """When each customer reaches the age of digital consent where they live now."""
        current, names = self.residence
        ages = np.array([consent_age(self.policy, name) for name in names] or [0])
        instants = np.full(self.people.size, NEVER_US, np.int64)
        for years in np.unique(ages[np.unique(current)]) if self.people.size else ():
            here = ages[current] == years
            instants[here] = self.turns_us(int(years))[here]
        return instants

    @cached_property
    def adult_at(self) -> Ints:
        return self.turns_us(ADULT)

    @cached_property
    def birth_unknown(self) -> Bools:
        unknown: Bools = self.birth == NO_BIRTH
        return unknown

    def regime_groups(self) -> Iterator[tuple[tuple[str, ...], Bools]]:
        """Customers grouped by the set of regimes that applies to them."""
        current, names = self.residence
        per_code = [regimes_of(self.policy, name) for name in names]
        for regimes in dict.fromkeys(per_code):
            codes = np.array([found == regimes for found in per_code], np.bool_)
            yield regimes, codes[current]

    # --- one slot ---

    def slot(self, purpose: str, channel: str, recipient: str, fields: Mapping[str, str]) -> SlotPlanes:
        """Evaluate one slot.

        Args:
            purpose, channel, recipient: the slot.
            fields: field -> category, for the fields the purpose needs.
        """
        ask = Ask(self.policy, self.notices, purpose, channel, recipient)
        choice = self._choice(ask)
        granted = choice.status == Status.GRANTED
        live = granted & (self.now < choice.until)
        np.minimum(self.next_change, np.where(live, choice.until, NEVER_US), out=self.next_change)
        against: list[tuple[str, Bools]] = []
        needs_consent = self._where_basis(ask, frozenset({LawfulBasis.CONSENT}))
        against += self._overrides(ask, choice, live, needs_consent)
        against += self._bases(ask, choice, granted, live, needs_consent)
        denied = np.zeros(self.people.size, np.bool_)
        withheld: dict[str, int] = {}
        for code, where in against:
            first = where & ~denied
            if count := int(np.count_nonzero(first)):
                withheld[code] = withheld.get(code, 0) + count
            denied |= where
        row = ~denied
        partial = {
            name: np.packbits(row & ~refused, bitorder="little")
            for name, refused in self._fields(ask, choice, granted, live, needs_consent, fields)
            if (row & refused).any()
        }
        return SlotPlanes(np.packbits(row, bitorder="little"), int(np.count_nonzero(row)), withheld, partial)

    def _overrides(self, ask: Ask, choice: _Choices, live: Bools, needs_consent: Bools) -> list[tuple[str, Bools]]:
        purpose = ask.purpose
        against: list[tuple[str, Bools]] = []
        if Survives.ERASURE not in purpose.survives:
            against.append(("erased", self._any_of(EventKind.ERASED)))
        if Survives.RESTRICTION not in purpose.survives:
            against.append(("restricted", self._active(EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED, {""})))
        if Survives.OBJECTION not in purpose.survives:
            scopes = set(ask.lineage)
            objected = self._active(EventKind.OBJECTED, EventKind.OBJECTION_LIFTED, scopes)
            if purpose.direct_marketing:
                objected |= self._active(EventKind.OBJECTED, EventKind.OBJECTION_LIFTED, {DIRECT_MARKETING})
            else:
                objected &= self._where_basis(ask, OBJECTABLE)
            against.append(("objected", objected))
        if Survives.WITHDRAWAL not in purpose.survives:
            against.append(("consent_withdrawn", choice.status == Status.WITHDRAWN))
            against.append(("consent_refused", choice.status == Status.REFUSED))
        sensitive = np.full(self.people.size, True) if purpose.direct_marketing else None
        sensitive = self._where_basis(ask, NOT_FOR_MINORS) if sensitive is None else sensitive
        against.append(("minor", sensitive & ~self.birth_unknown & (self.now < self.adult_at)))
        if purpose.for_children or self.policy.unknown_age == "deny":
            guarded = needs_consent & ~choice.guardian
            against.append(("age_unknown", self.birth_unknown & (sensitive | guarded)))
        shares = self._where_basis(ask, frozenset({LawfulBasis.OPT_OUT_OF_SHARING}))
        if shares.any() and not (ask.recipient is not None and ask.recipient.kind in IN_THE_HOUSE):
            against.append(("opted_out", shares & self._opted_out(ask, live)))
        return against

    def _bases(
        self, ask: Ask, choice: _Choices, granted: Bools, live: Bools, needs_consent: Bools
    ) -> list[tuple[str, Bools]]:
        purpose, size = ask.purpose, self.people.size
        against: list[tuple[str, Bools]] = []
        nowhere, missing, incompatible = (np.zeros(size, np.bool_) for _ in range(3))
        for regimes, here in self.regime_groups():
            if not regimes:
                nowhere |= here
            if any(r not in purpose.basis for r in regimes):
                missing |= here
            if self._rests_on_consent(purpose.compatible_with, regimes):
                incompatible |= here
        against += [("jurisdiction_unknown", nowhere), ("no_basis", missing), ("incompatible", incompatible)]
        for status, code in CONSENT_CODES.items():
            against.append((code, needs_consent & (choice.status == status)))
        against.append(("consent_expired", needs_consent & granted & ~live))
        young = granted & ~choice.guardian & ~self.birth_unknown & (choice.since < self.consent_age_at)
        against.append(("guardian_missing", needs_consent & young))
        soft = self._where_basis(ask, frozenset({LawfulBasis.SOFT_OPT_IN}))
        if soft.any():
            against.append(("soft_opt_in_missing", soft & ~live & ~self._soft_opt_in(ask)))
        if purpose.compatible_with:
            names = [label for label in self.codes.notices if purpose.id in self.notices.get(label, {})]
            against.append(("not_informed", ~self._shown(names)))
        if ask.recipient is not None:
            against.append(("recipient_not_on_notice", self._recipient_untold(ask, choice, granted, needs_consent)))
        return against

    def _fields(
        self,
        ask: Ask,
        choice: _Choices,
        granted: Bools,
        live: Bools,
        needs_consent: Bools,
        fields: Mapping[str, str],
    ) -> Iterator[tuple[str, Bools]]:
        """For each field, the customers for whom it is refused."""
        restrictable = Survives.RESTRICTION not in ask.purpose.survives
        explicit = ask.purpose.special_ground == EXPLICIT_CONSENT
        bound = needs_consent & granted
        for name, category in fields.items():
            refused = np.zeros(self.people.size, np.bool_)
            if restrictable:
                scopes = {name, category}
                refused |= self._active(EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED, scopes)
            if bound.any():
                silent = np.array(
                    [not covered_by(self._told(label, ask.purpose.id), name, category) for label in self.codes.notices]
                    or [True],
                    np.bool_,
                )
                refused |= bound & silent[choice.notice]
            if explicit and is_special(self.policy, category):
                refused |= ~live
            yield name, refused

    # --- selections over the event columns ---

    @cached_property
    def _kinds(self) -> frozenset[EventKind]:
        """Kinds of events that occur at all."""
        return frozenset(KINDS[code] for code in np.flatnonzero(np.bincount(self.events.kind)))

    def _choice(self, ask: Ask) -> _Choices:
        """Choices do not depend on who receives the data; slots of one purpose and channel come in a row."""
        about = ask.purpose.id, ask.channel
        if self._newest is None or self._newest[0] != about:
            self._newest = None  # make room first
            self._newest = about, self._choices(ask)
        return self._newest[1]

    def _choices(self, ask: Ask) -> _Choices:
        events, codes = self.events, self.codes
        lineage = codes.of(codes.scopes, ask.lineage)
        this_channel = codes.of(codes.channels, [ask.channel])
        any_channel = codes.of(codes.channels, [ask.channel, ALL_CHANNELS])
        named = np.array([bool(ask.named_on(label)) for label in codes.notices] or [False], np.bool_)
        known = np.array([ask.named_on(label) is not None for label in codes.notices] or [False], np.bool_)
        ours = np.flatnonzero(lineage[events.scope])
        kind, channel = events.kind[ours], events.channel[ours]
        given = (kind == KIND[EventKind.GIVEN]) & this_channel[channel]
        proven = (events.strength[ours] == PROVEN) & known[events.notice[ours]]
        grants = given & proven & named[events.notice[ours]]
        stops = (kind == KIND[EventKind.WITHDRAWN]) | (kind == KIND[EventKind.REFUSED])
        stops &= any_channel[channel]
        found = _Choices.none(self.people.size)
        weak_status = np.zeros(len(ours), np.uint8)
        weak_status[(kind == KIND[EventKind.DEFERRED]) & this_channel[channel]] = Status.DEFERRED
        weak_status[given & ~proven] = Status.UNPROVABLE
        weak_status[given & (events.strength[ours] == PRE_TICKED)] = Status.INVALID
        weak_status[given & proven & ~named[events.notice[ours]]] = Status.NOT_ON_NOTICE
        weak = np.flatnonzero(weak_status)
        if len(weak):
            order = np.lexsort((weak_status[weak], events.at[ours[weak]], events.no[ours[weak]]))
            weak = weak[order]
            last = weak[_last_per_group(events.no[ours[weak]])]
            found.status[events.no[ours[last]]] = weak_status[last]
        decisive = ours[grants | stops]
        last = decisive[_last_per_group(events.no[decisive])]
        who = events.no[last]
        found.status[who] = RANK[events.kind[last]]
        found.since[who] = events.at[last]
        found.until[who] = events.until[last]
        found.notice[who] = events.notice[last]
        found.guardian[who] = events.guardian[last]
        self._apply_expiry(ask, found, lineage)
        return found

    def _apply_expiry(self, ask: Ask, found: _Choices, lineage: Bools) -> None:
        period = ask.purpose.consent_expires
        if period is None:
            return
        who = np.flatnonzero(found.status == Status.GRANTED)
        start = found.since[who]
        end = add_period(start, period.count, period.unit)
        if ask.purpose.consent_expires_after_activity:
            end = np.maximum(end, self._end_with_activity(ask, found, lineage, end, who))
        found.until[who] = np.minimum(found.until[who], end)

    def _end_with_activity(
        self, ask: Ask, found: _Choices, lineage: Bools, first_end: Ints, who: NDArray[np.intp]
    ) -> Ints:
        """Ends prolonged by activity; a pause as long as the period breaks the chain for good."""
        events, codes = self.events, self.codes
        channels = codes.of(codes.channels, [ask.channel, "", ALL_CHANNELS])
        scopes = lineage | codes.of(codes.scopes, [""])
        period = ask.purpose.consent_expires
        assert period is not None
        rows = np.flatnonzero((events.kind == KIND[EventKind.ACTIVE]) & channels[events.channel] & scopes[events.scope])
        rows = rows[(found.status[events.no[rows]] == Status.GRANTED)]
        rows = rows[events.at[rows] > found.since[events.no[rows]]]
        result = first_end.copy()
        if not len(rows):
            return result
        no, at = events.no[rows], events.at[rows]
        ends = add_period(at, period.count, period.unit)
        position = np.full(self.people.size, -1, np.int64)
        position[who] = np.arange(len(who))
        starts = np.append(True, no[1:] != no[:-1])
        previous_end = np.where(starts, first_end[position[no]], np.append(0, ends[:-1]))
        broken = np.cumsum(at >= previous_end)
        group = np.cumsum(starts) - 1
        before_group = (broken - (at >= previous_end))[starts]
        alive = broken == before_group[group]
        np.maximum.at(result, position[no[alive]], ends[alive])
        return result

    def _where_basis(self, ask: Ask, kinds: frozenset[LawfulBasis]) -> Bools:
        """Customers for whom one of their regimes rests on one of these bases."""
        bases = ask.purpose.basis
        where = np.zeros(self.people.size, np.bool_)
        for regimes, here in self.regime_groups():
            if any(r in bases and bases[r].kind in kinds for r in regimes):
                where |= here
        return where

    def _rests_on_consent(self, origins: Sequence[str], regimes: Sequence[str]) -> bool:
        bases = [self.policy.purposes[origin].basis.get(r) for origin in origins for r in regimes]
        return any(basis is not None and basis.kind is LawfulBasis.CONSENT for basis in bases)

    def _any_of(self, kind: EventKind) -> Bools:
        found = np.zeros(self.people.size, np.bool_)
        found[self.events.no[self.events.kind == KIND[kind]]] = True
        return found

    def _active(self, starts: EventKind, ends: EventKind, scopes: set[str] | None) -> Bools:
        """Customers with a scope (any, if None) that was started and not ended since."""
        events, codes = self.events, self.codes
        if starts not in self._kinds:
            return np.zeros(self.people.size, np.bool_)
        begun = events.kind == KIND[starts]
        select = begun | ((events.kind == KIND[ends]) & events.evidence)
        if scopes is not None:
            select &= codes.of(codes.scopes, frozenset(scopes))[events.scope]
        found = np.zeros(self.people.size, np.bool_)
        rows = np.flatnonzero(select)
        if not len(rows):
            return found
        rows = rows[np.lexsort((begun[rows], events.at[rows], events.scope[rows], events.no[rows]))]
        last = rows[_last_per_group(events.no[rows].astype(np.int64) << 16 | events.scope[rows])]
        found[events.no[last[begun[last]]]] = True
        return found

    def _opted_out(self, ask: Ask, live: Bools) -> Bools:
        again = EventKind.OPTED_IN_AGAIN
        explicit = self._active(EventKind.OPTED_OUT, again, None)
        signal = self._active(EventKind.SIGNAL_GPC, again, None)
        signal_at = self._last_at(EventKind.SIGNAL_GPC, None)
        asked_at = self._last_at(EventKind.SIGNAL_ASKED, ask.purpose.id)
        stays = live & (asked_at > -NEVER_US) & (asked_at >= signal_at)
        return explicit | (signal & ~stays)

    def _last_at(self, kind: EventKind, scope: str | None) -> Ints:
        events, codes = self.events, self.codes
        select = events.kind == KIND[kind]
        if scope is not None:
            select &= codes.of(codes.scopes, [scope])[events.scope]
        rows = np.flatnonzero(select)
        found = np.full(self.people.size, -NEVER_US, np.int64)
        np.maximum.at(found, events.no[rows], events.at[rows])
        return found

    def _soft_opt_in(self, ask: Ask) -> Bools:
        events, codes = self.events, self.codes
        select = (events.kind == KIND[EventKind.SOFT_OPT_IN]) & (events.strength == PROVEN)
        select &= codes.of(codes.scopes, ask.lineage)[events.scope]
        select &= codes.of(codes.channels, [ask.channel])[events.channel]
        found = np.zeros(self.people.size, np.bool_)
        found[events.no[select]] = True
        return found

    def _shown(self, labels: Sequence[str]) -> Bools:
        """Customers who have seen one of these notices."""
        events, codes = self.events, self.codes
        kinds = (events.kind == KIND[EventKind.NOTICE_SERVED]) | (events.kind == KIND[EventKind.GIVEN])
        found = np.zeros(self.people.size, np.bool_)
        found[events.no[kinds & codes.of(codes.notices, labels)[events.notice]]] = True
        return found

    def _recipient_untold(self, ask: Ask, choice: _Choices, granted: Bools, needs_consent: Bools) -> Bools:
        assert ask.recipient is not None
        name, purpose = ask.recipient.id, ask.purpose.id
        labels = [
            label
            for label in self.codes.notices
            if label in self.notices
            and purpose in self.notices[label]
            and name in self.notices[label][purpose].recipients
        ]
        told = self.codes.of(self.codes.notices, labels)
        by_consent = granted & ~(told[choice.notice] if len(told) else False)
        exempt = np.zeros(self.people.size, np.bool_)
        bases = ask.purpose.basis
        for regimes, here in self.regime_groups():
            if {bases[r].kind for r in regimes if r in bases} <= WITHOUT_NOTICE:
                exempt |= here
        return ~exempt & np.where(needs_consent, by_consent, ~self._shown(labels))

    def _told(self, label: str, purpose: str) -> frozenset[str]:
        entry = self.notices.get(label, {}).get(purpose)
        return frozenset() if entry is None else entry.categories

    def _newest_by_value(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """Of these events, the newest per customer; at one instant the largest value."""
        events = self.events
        used = np.unique(events.value[rows])
        rank = np.zeros(int(used.max()) + 1, np.int64)
        rank[used] = np.argsort(np.argsort(np.array([self.codes.values[v] for v in used], dtype=object)))
        rows = rows[np.lexsort((rank[events.value[rows]], events.at[rows], events.no[rows]))]
        return rows[_last_per_group(events.no[rows])]

    def _note_birthdays_and_moves(self) -> None:
        for instants in (self.consent_age_at, self.adult_at):
            np.minimum(self.next_change, np.where(instants > self.now, instants, NEVER_US), out=self.next_change)
        events = self.events
        rows = np.flatnonzero((events.kind == KIND[EventKind.MOVED]) & (events.at > self.now))
        np.minimum.at(self.next_change, events.no[rows], events.at[rows])


@dataclass(slots=True)
class _Choices:
    """`rules.Choice`, for all customers."""

    status: NDArray[np.uint8]
    since: Ints
    until: Ints
    notice: NDArray[np.uint16]
    guardian: Bools

    @classmethod
    def none(cls, size: int) -> _Choices:
        return cls(
            np.zeros(size, np.uint8),
            np.zeros(size, np.int64),
            np.full(size, NEVER_US, np.int64),
            np.zeros(size, np.uint16),
            np.zeros(size, np.bool_),
        )


def slots_of(policy: Policy) -> Iterator[Slot]:
    """Every (purpose, channel, recipient) the policy knows; the recipient "" means in the house."""
    for purpose in policy.purposes.values():
        if purpose.abstract:
            continue
        for channel in purpose.channels or ("",):
            for recipient in ("", *purpose.recipients):
                yield purpose.id, channel, recipient


def as_roaring(plane: Packed) -> bytes:
    """The customers of a plane as a roaring bitmap in the portable format, without a list of them.

    A roaring bitmap keeps parts of 65,536 numbers; a full part is the same bits in the same order.
    Source: roaring bitmap format specification (no run containers: cookie 12346, offsets always there).
    """
    whole = np.zeros(-(-len(plane) // _PART_BYTES) * _PART_BYTES, np.uint8)
    whole[: len(plane)] = plane
    blocks = whole.reshape(-1, _PART_BYTES)
    counts = np.bitwise_count(blocks.view(np.uint64)).sum(axis=1, dtype=np.int64)
    parts = np.flatnonzero(counts)
    held = [
        blocks[part].tobytes()
        if counts[part] > _ARRAY_LIMIT
        else np.flatnonzero(np.unpackbits(blocks[part], bitorder="little")).astype("<u2").tobytes()
        for part in parts
    ]
    keys = np.stack([parts, counts[parts] - 1], axis=1).astype("<u2")
    sizes = np.array([len(one) for one in held], np.int64)
    start = 8 + 8 * len(parts)
    offsets = (start + np.cumsum(sizes) - sizes).astype("<u4")
    head = np.array([12346, len(parts)], "<u4")
    return b"".join([head.tobytes(), keys.tobytes(), offsets.tobytes(), *held])


def add_period(start: Ints, count: int, unit: str) -> Ints:
    """`rules.add_period` for arrays of instants (us)."""
    if unit.startswith(("day", "week")):
        return start + count * (7 if unit.startswith("week") else 1) * _DAY_US
    if len(start) > _FEW:
        # Many instants fall on few days; the calendar is asked once for each day.
        numbers = start // _DAY_US
        first, last = int(numbers.min()), int(numbers.max())
        if last - first + 1 < len(start):
            midnights = np.arange(first, last + 1) * _DAY_US
            return start + (add_period(midnights, count, unit) - midnights)[numbers - first]
    instants = start.astype("datetime64[us]")
    months = instants.astype("datetime64[M]")
    days = instants.astype("datetime64[D]") - months.astype("datetime64[D]")
    rest = instants - instants.astype("datetime64[D]")
    target = months + count * (12 if unit.startswith("year") else 1)
    length = (target + 1).astype("datetime64[D]") - target.astype("datetime64[D]")
    day = target.astype("datetime64[D]") + np.minimum(days, length - np.timedelta64(1, "D"))
    return np.asarray((day.astype("datetime64[us]") + rest).astype(np.int64))


def _last_per_group(sorted_keys: NDArray[Any]) -> Bools:
    """True at the last position of each run of equal keys."""
    if not len(sorted_keys):
        return np.zeros(0, np.bool_)
    return np.append(sorted_keys[1:] != sorted_keys[:-1], True)
