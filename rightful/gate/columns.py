"""How events become columns: from single events, and from imported segments.

Both end in the same `EventColumns`, whose small numbers stand for names kept in
`Codes`. Position 0 of every list of names is "" (none).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rightful.consent.events import NEVER_US, Event
from rightful.consent.rules import Proof, proof_of
from rightful.gate.planes import KIND, KINDS, Codes, EventColumns, sorted_events
from rightful.terms import EventKind, Method

if TYPE_CHECKING:
    import pyarrow as pa

DTYPES = {
    "no": np.uint32,
    "kind": np.uint8,
    "scope": np.uint16,
    "channel": np.uint8,
    "at": np.int64,
    "until": np.int64,
    "notice": np.uint16,
    "strength": np.uint8,
    "guardian": np.bool_,
    "evidence": np.bool_,
    "value": np.uint32,
}


class Coder:
    """Gives each name the next free number; 0 is always ""."""

    def __init__(self, known: Sequence[str] = ("",)) -> None:
        self._number = {name: i for i, name in enumerate(known)}

    def __call__(self, name: str) -> int:
        return self._number.setdefault(name, len(self._number))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._number)


class ColumnBuilder:
    """Collects events from several places, then sorts them once."""

    def __init__(self, start: Codes | None = None) -> None:
        known = start or Codes(("",), ("",), ("",), ("",))
        self._scopes = Coder(known.scopes)
        self._channels = Coder(known.channels)
        self._notices = Coder(known.notices)
        self._values = Coder(known.values)
        self._parts: list[dict[str, NDArray[Any]]] = []

    def add_events(self, numbered: Iterable[tuple[int, Event]]) -> None:
        """Add single events, each with its customer's number."""
        rows = [
            (
                no,
                KIND[e.kind],
                self._scopes(e.purpose),
                self._channels(e.channel),
                e.effective_us,
                NEVER_US if e.until_us is None else e.until_us,
                self._notices(e.notice),
                strength_of(e),
                e.method is Method.GUARDIAN,
                bool(e.evidence),
                self._values(e.value),
            )
            for no, e in numbered
        ]
        if rows:
            columns = zip(*rows, strict=True)
            self._parts.append(
                {name: np.array(c, dtype) for (name, dtype), c in zip(DTYPES.items(), columns, strict=True)}
            )

    def add_columns(self, part: dict[str, NDArray[Any]]) -> None:
        """Add columns that are coded with the names this builder started from."""
        self._parts.append(part)

    def add_segment(self, table: pa.Table) -> None:
        """Add an imported segment (columns as `consent/importing.py` writes them)."""

        def coded(name: str, code: Any, dtype: Any) -> NDArray[Any]:
            column = table.column(name)
            if column.num_chunks == 0:
                return np.zeros(0, dtype)
            merged = column.unify_dictionaries().combine_chunks()
            merged = merged.chunk(0) if hasattr(merged, "chunk") else merged
            lut = np.array([code(text) for text in merged.dictionary.to_pylist()] or [0], dtype)
            found: NDArray[Any] = lut[merged.indices.to_numpy(zero_copy_only=False)]
            return found

        def plain(name: str, dtype: Any) -> NDArray[Any]:
            return np.asarray(table.column(name).to_numpy(), dtype=dtype)

        self._parts.append(
            {
                "no": plain("no", np.uint32),
                "kind": coded("kind", lambda text: KIND[EventKind(text)], np.uint8),
                "scope": coded("purpose", self._scopes, np.uint16),
                "channel": coded("channel", self._channels, np.uint8),
                "at": plain("at", np.int64),
                "until": plain("until", np.int64),
                "notice": coded("notice", self._notices, np.uint16),
                "strength": plain("strength", np.uint8),
                "guardian": plain("guardian", np.bool_),
                "evidence": plain("has_evidence", np.bool_),
                "value": coded("value", self._values, np.uint32),
            }
        )

    def build(self) -> tuple[EventColumns, Codes]:
        """All events so far, sorted, with the names behind their numbers."""
        codes = Codes(self._scopes.names, self._channels.names, self._notices.names, self._values.names)
        joined = {
            name: np.concatenate([part[name] for part in self._parts] or [np.zeros(0, dtype)])
            if len(self._parts) != 1
            else self._parts[0][name]
            for name, dtype in DTYPES.items()
        }
        return sorted_events(EventColumns(**joined), codes), codes


def strength_of(event: Event) -> int:
    """What the way of capture alone proves; whether the notice is known is asked later."""
    return int(proof_of(event, notice_known=True)) if event.kind in _CLAIMS else int(Proof.VALID)


_CLAIMS: Mapping[EventKind, None] = dict.fromkeys((EventKind.GIVEN, EventKind.SOFT_OPT_IN))


def events_of(no: int, events: EventColumns, codes: Codes) -> tuple[Event, ...]:
    """One customer's events out of the columns, as `rules.py` wants them.

    The columns keep what decides, not the evidence's text: a proven event comes back with a marker.
    """
    # In the column's own type: another one would have numpy convert the whole column first.
    start, stop = np.searchsorted(events.no, np.array([no, no + 1], events.no.dtype))
    found = []
    for i in range(int(start), int(stop)):
        row = {f.name: getattr(events, f.name)[i].item() for f in fields(events)}
        found.append(
            Event(
                id=f"{no}/{i}",
                kind=KINDS[row["kind"]],
                purpose=codes.scopes[row["scope"]],
                channel=codes.channels[row["channel"]],
                at_us=row["at"],
                received_us=row["at"],
                until_us=None if row["until"] == NEVER_US else row["until"],
                notice=codes.notices[row["notice"]],
                method=_method(row["strength"], row["guardian"]),
                evidence="on file" if row["evidence"] else "",
                value=codes.values[row["value"]],
            )
        )
    return tuple(found)


def _method(strength: int, guardian: bool) -> Method:
    if guardian:
        return Method.GUARDIAN
    return {Proof.INVALID: Method.PRE_TICKED, Proof.UNPROVABLE: Method.SYNC}.get(Proof(strength), Method.FORM)
