"""Everything on record about one customer, as it was recorded: nothing worked out, nothing left away.

The gate reads the record in columns that keep only what decides. Whoever has to show
it needs the rest as well: how it was said, on which evidence, in which ledger entry.
Single events come from the database, imported ones out of their segments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rightful.consent.events import NEVER_US, Event
from rightful.consent.models import ConsentLog, Segment
from rightful.terms import EventKind, Method

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = ("event_id", "kind", "purpose", "channel", "at", "until", "notice", "method", "evidence", "value")


@dataclass(frozen=True, slots=True)
class Kept:
    """One event and where it is kept. `segment` is the SHA-256 of the import it came in, "" for a single one."""

    event: Event
    entry: int
    segment: str = ""


def history_of(log: ConsentLog, no: int) -> tuple[Kept, ...]:
    """All events of a customer, by event time.

    Raises:
        RecordMismatch: a row or a segment is not what was recorded.
    """
    kept = [Kept(stored.event, stored.entry) for stored in log.of(no)]
    for segment in log.segments():
        kept += _imported(log.segment_path(segment, check=False), segment, no)
    return tuple(sorted(kept, key=lambda one: (one.event.effective_us, one.entry, one.event.id)))


def _imported(path: Path, segment: Segment, no: int) -> Iterator[Kept]:
    import pyarrow.parquet as parquet

    # Segments are sorted by customer: only the row groups that can hold this one are read.
    found = parquet.read_table(path, columns=list(_COLUMNS), filters=[("no", "==", no)])
    for row in found.to_pylist():
        event = Event(
            id=row["event_id"],
            kind=EventKind(row["kind"]),
            purpose=row["purpose"],
            channel=row["channel"],
            at_us=row["at"],
            received_us=segment.received_us,
            until_us=None if row["until"] == NEVER_US else row["until"],
            notice=row["notice"],
            method=Method(row["method"]),
            evidence=row["evidence"],
            value=row["value"],
        )
        yield Kept(event, segment.entry, segment.digest)
