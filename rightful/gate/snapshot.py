"""The permission state of all customers, worked out once and kept on disk.

A snapshot is a folder of plain arrays (opened by memory mapping) and a manifest:
the sorted events, who may be used in which slot, who changes when. It stands for
one policy version and one position in the consent record; whatever happened since
is the tail, which `facts.py` adds on every read.

Easy to get wrong: a snapshot half written. It is made in a folder of another name,
flushed, and renamed; a reader sees a whole one or none.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rightful.consent.events import NEVER_US, Event
from rightful.gate.columns import ColumnBuilder
from rightful.gate.conditions import Notices
from rightful.gate.planes import (
    Codes,
    Evaluation,
    EventColumns,
    Packed,
    Population,
    Slot,
    SlotPlanes,
    slots_of,
)
from rightful.policy.model import Policy

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Permission state at `position` of the consent record, evaluated at `now_us`.

    `upcoming_at` (sorted) and `upcoming_no` say when, without any event, an answer may change for whom.
    """

    policy_version: str
    notices_digest: str
    position: int
    now_us: int
    people: Population
    slots: Mapping[Slot, SlotPlanes]
    upcoming_at: NDArray[np.int64]
    upcoming_no: NDArray[np.uint32]

    @property
    def name(self) -> str:
        return f"{self.position}-{self.policy_version[:12]}-{self.notices_digest[:8]}-{self.people.size}"

    def flags(self) -> dict[str, Packed]:
        """Flag name -> plane, for the columns beside the rows."""
        found: dict[str, Packed] = {}
        for slot, planes in self.slots.items():
            found[self.flag(slot)] = planes.row
            for field, plane in planes.partial.items():
                found[self.flag(slot, field)] = plane
        return found

    def flag(self, slot: Slot, field: str = "") -> str:
        """The column that holds a slot's plane. Its name is bound to the policy version, so that a query
        planned under another version finds no column instead of a wrong one (case E09)."""
        if field and field not in self.slots[slot].partial:
            field = ""
        text = json.dumps([self.policy_version, self.notices_digest, *slot, field])
        return "rf_f_" + hashlib.sha256(text.encode()).hexdigest()[:12]

    def subset(self, numbers: NDArray[np.uint32], newer: Iterable[tuple[int, Event]]) -> Population:
        """A small population: these customers, renumbered 0.. in order, with their newer events too."""
        events = self.people.events
        starts = np.searchsorted(events.no, numbers, side="left")
        stops = np.searchsorted(events.no, numbers, side="right")
        lengths = stops - starts
        total = int(lengths.sum())
        shift = np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1]), lengths)
        picked = events.take(np.arange(total) + shift)
        part = {f.name: getattr(picked, f.name) for f in fields(picked)}
        part["no"] = np.repeat(np.arange(len(numbers), dtype=np.uint32), lengths)
        builder = ColumnBuilder(self.people.codes)
        builder.add_columns(part)
        position = {int(no): i for i, no in enumerate(numbers)}
        builder.add_events((position[no], event) for no, event in newer if no in position)
        sorted_columns, codes = builder.build()
        inside = numbers < self.people.size
        residence = np.zeros(len(numbers), np.uint16)
        birth = np.full(len(numbers), np.iinfo(np.int32).min, np.int32)
        residence[inside] = self.people.residence[numbers[inside]]
        birth[inside] = self.people.birth[numbers[inside]]
        return Population(len(numbers), self.people.residences, residence, birth, sorted_columns, codes)


def build(
    policy: Policy,
    notices: Notices,
    people: Population,
    position: int,
    now_us: int,
    fields_of: Mapping[str, Mapping[str, str]],
) -> Snapshot:
    """Evaluate every slot for everybody.

    Args:
        fields_of: purpose -> the fields it needs, each with its category.
    """
    evaluation = Evaluation(policy, notices, people, now_us)
    slots = {slot: evaluation.slot(*slot, fields_of.get(slot[0], {})) for slot in slots_of(policy)}
    ahead = np.flatnonzero(evaluation.next_change != NEVER_US)
    order = ahead[np.argsort(evaluation.next_change[ahead], kind="stable")]
    return Snapshot(
        policy.version,
        digest_of_notices(notices),
        position,
        now_us,
        people,
        slots,
        evaluation.next_change[order],
        order.astype(np.uint32),
    )


def digest_of_notices(notices: Notices) -> str:
    """One digest over everything all published notices said."""
    content = {
        label: {p: [sorted(e.categories), sorted(e.recipients), sorted(e.channels)] for p, e in terms.items()}
        for label, terms in notices.items()
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def save(snapshot: Snapshot, folder: Path) -> Path:
    """Write a snapshot below `folder`; the old ones are removed once it stands."""
    target = folder / snapshot.name
    part = folder / f".{snapshot.name}.{os.getpid()}"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    arrays: dict[str, NDArray[Any]] = {
        "residence": snapshot.people.residence,
        "birth": snapshot.people.birth,
        "upcoming_at": snapshot.upcoming_at,
        "upcoming_no": snapshot.upcoming_no,
    }
    for f in fields(EventColumns):
        arrays[f"event_{f.name}"] = getattr(snapshot.people.events, f.name)
    listed = []
    for number, (slot, planes) in enumerate(snapshot.slots.items()):
        arrays[f"plane_{number}"] = planes.row
        listed.append(
            {
                "slot": slot,
                "permitted": planes.permitted,
                "withheld": planes.withheld,
                "partial": list(planes.partial),
            }
        )
        for place, plane in enumerate(planes.partial.values()):
            arrays[f"plane_{number}_{place}"] = plane
    for name, array in arrays.items():
        np.save(part / f"{name}.npy", array, allow_pickle=False)
    codes = snapshot.people.codes
    manifest = {
        "format": FORMAT,
        "policy_version": snapshot.policy_version,
        "notices_digest": snapshot.notices_digest,
        "position": snapshot.position,
        "now_us": snapshot.now_us,
        "size": snapshot.people.size,
        "residences": snapshot.people.residences,
        "codes": {f.name: getattr(codes, f.name) for f in fields(codes)},
        "slots": listed,
    }
    (part / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    for path in part.iterdir():
        _flush(path)
    shutil.rmtree(target, ignore_errors=True)
    os.replace(part, target)
    _flush(folder)
    for other in folder.iterdir():
        if other.is_dir() and other != target:
            shutil.rmtree(other, ignore_errors=True)
    return target


def load(folder: Path, name: str) -> Snapshot | None:
    """Open a snapshot by memory mapping, or None if there is no whole one of this name and format."""
    place = folder / name
    try:
        manifest = json.loads((place / "manifest.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, json.JSONDecodeError):
        return None
    if manifest.get("format") != FORMAT:
        return None

    def array(what: str) -> NDArray[Any]:
        loaded: NDArray[Any] = np.load(place / f"{what}.npy", mmap_mode="r", allow_pickle=False)
        return loaded

    slots: dict[Slot, SlotPlanes] = {}
    for number, one in enumerate(manifest["slots"]):
        purpose, channel, recipient = one["slot"]
        partial = {field: array(f"plane_{number}_{i}") for i, field in enumerate(one["partial"])}
        slots[purpose, channel, recipient] = SlotPlanes(
            array(f"plane_{number}"), one["permitted"], one["withheld"], partial
        )
    codes = Codes(**{name: tuple(values) for name, values in manifest["codes"].items()})
    events = EventColumns(**{f.name: array(f"event_{f.name}") for f in fields(EventColumns)})
    people = Population(
        manifest["size"], tuple(manifest["residences"]), array("residence"), array("birth"), events, codes
    )
    return Snapshot(
        manifest["policy_version"],
        manifest["notices_digest"],
        manifest["position"],
        manifest["now_us"],
        people,
        slots,
        array("upcoming_at"),
        array("upcoming_no"),
    )


def newest(folder: Path, policy_version: str, notices_digest: str) -> Snapshot | None:
    """The newest snapshot of this policy version and these notices, or None."""
    if not folder.is_dir():
        return None
    found: list[tuple[int, str]] = []
    for place in folder.iterdir():
        parts = place.name.split("-")
        fits = len(parts) == 4 and parts[1] == policy_version[:12] and parts[2] == notices_digest[:8]
        if fits and parts[0].isdigit():
            found.append((int(parts[0]), place.name))
    for _, name in sorted(found, reverse=True):
        snapshot = load(folder, name)
        if snapshot is not None and snapshot.policy_version == policy_version:
            return snapshot
    return None


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__: Sequence[str] = ("Snapshot", "build", "digest_of_notices", "load", "newest", "save")
