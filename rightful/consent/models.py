"""Where consent events lie, and how a reader knows it has seen all of them.

Events live in the control database, one row each, only ever added. Histories
imported in bulk are immutable Parquet segments; the database holds one row per
segment with its digest. Both take the next number of one sequence, so one
number, the position, says how much of the record a reader has seen.

Easy to get wrong: somebody with access to the database can edit a row. Each row
carries a keyed digest (HMAC-SHA256) of its content and its number; a row that
does not match is not believed, and neither is anything after it (case AC-004).
"""

from __future__ import annotations

import hmac
import json
import mmap
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rightful.consent.events import STOPS, Event
from rightful.consent.files import digest_of
from rightful.errors import BadInput, RecordMismatch
from rightful.ledger.database import Conflict, Database, Row, Tx
from rightful.terms import EventKind, Method

TABLES = [
    """CREATE TABLE consent_event (
        seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, subject TEXT NOT NULL, no INTEGER NOT NULL,
        kind TEXT NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL, at_us INTEGER NOT NULL,
        received_us INTEGER NOT NULL, until_us INTEGER, notice TEXT NOT NULL, method TEXT NOT NULL,
        evidence TEXT NOT NULL, value TEXT NOT NULL, entry INTEGER NOT NULL, mac BLOB NOT NULL)""",
    "CREATE INDEX consent_event_no ON consent_event (no)",
    """CREATE TABLE consent_segment (
        seq INTEGER PRIMARY KEY, file TEXT NOT NULL, digest TEXT NOT NULL UNIQUE, source_digest TEXT NOT NULL,
        rows INTEGER NOT NULL, received_us INTEGER NOT NULL, entry INTEGER NOT NULL)""",
    "CREATE TABLE consent_head (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL)",
    "INSERT INTO consent_head VALUES (1, 0)",
]
_FIELDS = (
    "seq, id, subject, no, kind, purpose, channel, at_us, received_us, until_us, notice, method, evidence, "
    "value, entry, mac"
)
_HEAD = struct.Struct("<qq")
_ENTRY_KIND = "consent."  # how the kinds of their ledger entries begin
NOBODYS_BIRTH = "1900-01-01"
"""Stands for the birth date in the events of somebody who was erased."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as it lies in the database."""

    seq: int
    subject: str
    no: int
    event: Event
    entry: int


@dataclass(frozen=True, slots=True)
class Segment:
    """An imported history: a file in the segments folder, its SHA-256 and its place in the sequence."""

    seq: int
    file: str
    digest: str
    source_digest: str
    rows: int
    received_us: int
    entry: int


class ConsentLog:
    """The record of consent events of one workspace."""

    def __init__(self, db: Database, key: bytes, folder: Path) -> None:
        """`folder` holds the segments; `key` (32 bytes) makes the rows' digests."""
        self.db = db
        self.folder = folder
        self._key = key
        folder.mkdir(parents=True, exist_ok=True)
        db.migrate("consent", TABLES)
        self._head = _Head(folder / "position")
        self._head.publish(self.position())

    def position(self) -> int:
        """How many events and segments there are; grows by one with each."""
        return int(self.db.query("SELECT position FROM consent_head")[0][0])

    def nearby(self) -> bytes:
        """Position and rules out of shared memory, to be compared with what they were before: whatever was
        acknowledged on this machine since has changed them. Only where the database is SQLite."""
        return self._head.raw()

    def announce(self, rules: int) -> None:
        """Tell other processes of a newer version of the rules that events are read by (a growing number)."""
        self._head.publish(0, rules)

    def append(self, tx: Tx, events: Sequence[tuple[str, int, Event, int]]) -> int:
        """Add events within the caller's transaction; returns the new position.

        Args:
            events: (subject, customer number, event, index of its ledger entry).

        Raises:
            BadInput: an event id is already there (a replay: answer with the first receipt).
        """
        position = self._lock(tx)
        rows = []
        for subject, no, event, entry in events:
            position += 1
            row = (position, event.id, subject, no, *_values(event), entry)
            rows.append((*row, self._mac(row)))
        try:
            tx.insert_many("consent_event", _FIELDS, rows)
        except Conflict as known:
            raise BadInput("an event with this id is already on record", remedy="Use its receipt") from known
        tx.execute("UPDATE consent_head SET position = ?", (position,))
        return position

    def append_segment(
        self, tx: Tx, file: str, digest: str, source_digest: str, rows: int, received_us: int, entry: int
    ) -> int:
        position = self._lock(tx) + 1
        tx.execute(
            "INSERT INTO consent_segment VALUES (?, ?, ?, ?, ?, ?, ?)",
            (position, file, digest, source_digest, rows, received_us, entry),
        )
        tx.execute("UPDATE consent_head SET position = ?", (position,))
        return position

    def forget(self, tx: Tx, no: int) -> int:
        """Take what leads to a person, or was written by one, out of the single events; returns how many.

        Kind, purpose, channel, instant and notice stay: without a key to the number they are nobody's, and
        the permissions of everybody are worked out from them. The position does not move.
        """
        rows = tx.execute(f"SELECT {_FIELDS} FROM consent_event WHERE no = ? AND subject <> '' ORDER BY seq", (no,))
        for row in rows:
            changed = dict(zip(_FIELDS.split(", ")[:-1], row[:-1], strict=True))
            born = changed["kind"] == EventKind.BORN.value
            changed.update(id=f"erased-{row[0]}", subject="", evidence="", value=NOBODYS_BIRTH if born else "")
            values = tuple(changed.values())
            tx.execute(
                "UPDATE consent_event SET id = ?, subject = ?, evidence = ?, value = ?, mac = ? WHERE seq = ?",
                (changed["id"], "", "", changed["value"], self._mac(values), row[0]),
            )
        return len(rows)

    def replace_segment(self, tx: Tx, segment: Segment, file: str, digest: str, entry: int) -> None:
        """Put a rewritten history in the place of the one that was imported; same number, same rows."""
        tx.execute(
            "UPDATE consent_segment SET file = ?, digest = ?, entry = ? WHERE seq = ?",
            (file, digest, entry, segment.seq),
        )

    def publish(self) -> None:
        """Tell other processes, after the commit and before the acknowledgement."""
        self._head.publish(self.position())

    def find(self, event_id: str) -> Stored | None:
        rows = self.db.query(f"SELECT {_FIELDS} FROM consent_event WHERE id = ?", (event_id,))
        return self._checked(rows[0]) if rows else None

    def since(self, position: int) -> list[Stored]:
        """Events added after a position, in order; segments are not among them."""
        rows = self.db.query(f"SELECT {_FIELDS} FROM consent_event WHERE seq > ? ORDER BY seq", (position,))
        return [self._checked(row) for row in rows]

    def concerned_since(self, position: int) -> list[int] | None:
        """Numbers of the customers with an event after a position; None (anybody) once a history was imported."""
        if self.db.query("SELECT 1 FROM consent_segment WHERE seq > ? LIMIT 1", (position,)):
            return None
        return [int(no) for (no,) in self.db.query("SELECT no FROM consent_event WHERE seq > ?", (position,))]

    def refusals_since(self, position: int) -> list[tuple[int, int, str, str, str, int]]:
        """(place, customer number, kind, purpose, channel, instant) of each no after a place, but for erased people."""
        marks = ", ".join("?" * len(STOPS))
        return self.db.query(
            f"SELECT seq, no, kind, purpose, channel, at_us FROM consent_event WHERE seq > ? AND subject <> '' "
            f"AND kind IN ({marks}) ORDER BY seq",
            (position, *(kind.value for kind in STOPS)),
        )

    def newest(self, *, before: int | None, kind: str, purpose: str, limit: int) -> list[Row]:
        """(entry, its kind, purpose, channel) of the newest single events that have no line in the journal.

        For a list to look at: no customer, and the rows' digests are not checked.

        Args:
            before: only events whose ledger entry is older than this one.
            kind: the beginning of the entries' kind ("consent.given").
        """
        if not (kind.startswith(_ENTRY_KIND) or _ENTRY_KIND.startswith(kind)):
            return []
        last = self.position() if before is None else self._last_before(before)
        return self.db.query(
            f"SELECT entry, '{_ENTRY_KIND}' || kind, purpose, channel FROM consent_event "
            f"WHERE seq <= ? AND substr('{_ENTRY_KIND}' || kind, 1, ?) = ? AND (? = '' OR purpose = ?) "
            "AND NOT EXISTS (SELECT 1 FROM journal WHERE journal.entry = consent_event.entry) "
            "ORDER BY seq DESC LIMIT ?",
            (last, len(kind), kind, purpose, purpose, limit),
        )

    def _last_before(self, entry: int) -> int:
        """The last number whose event came before a ledger entry: both only grow, so it is found by halving."""
        low, high = 0, self.position()
        while low < high:
            middle = (low + high + 1) // 2
            found = self.db.query("SELECT entry FROM consent_event WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (middle,))
            if not found or found[0][0] < entry:
                low = middle
            else:
                high = middle - 1
        return low

    def numbers_with(self, kind: EventKind) -> list[int]:
        """Numbers of the customers with a single event of a kind."""
        return [
            int(no) for (no,) in self.db.query("SELECT DISTINCT no FROM consent_event WHERE kind = ?", (kind.value,))
        ]

    def of(self, no: int) -> list[Stored]:
        """Events of one customer that came singly (not in a segment)."""
        rows = self.db.query(f"SELECT {_FIELDS} FROM consent_event WHERE no = ? ORDER BY seq", (no,))
        return [self._checked(row) for row in rows]

    def identities(self) -> list[Row]:
        """(event id, customer number, kind, purpose, channel) of every single event, in order."""
        return self.db.query("SELECT id, no, kind, purpose, channel FROM consent_event ORDER BY seq")

    def segments(self) -> list[Segment]:
        rows = self.db.query(
            "SELECT seq, file, digest, source_digest, rows, received_us, entry FROM consent_segment ORDER BY seq"
        )
        return [Segment(*row) for row in rows]

    def segment_path(self, segment: Segment, *, check: bool = True) -> Path:
        """The segment's file.

        Raises:
            RecordMismatch: it is gone, or it is not the file that was recorded.
        """
        path = self.folder / segment.file
        if not path.is_file() or (check and digest_of(path) != segment.digest):
            raise RecordMismatch(f"consent segment {segment.seq} is not the file that was recorded")
        return path

    def audit(self) -> Iterable[tuple[int, str]]:
        """Everything that does not hold together: (sequence number, what is wrong)."""
        expected = 0
        numbers = self.db.query("SELECT seq FROM consent_event UNION ALL SELECT seq FROM consent_segment ORDER BY seq")
        for (seq,) in numbers:
            expected += 1
            if seq != expected:
                yield expected, "missing from the record"
                expected = seq
        if expected < self.position():
            yield self.position(), "missing from the record"
        for row in self.db.query(f"SELECT {_FIELDS} FROM consent_event ORDER BY seq"):
            if not hmac.compare_digest(bytes(row[-1]), self._mac(tuple(row[:-1]))):
                yield row[0], "row was changed after it was recorded"
        for segment in self.segments():
            try:
                self.segment_path(segment)
            except RecordMismatch:
                yield segment.seq, "segment file was changed or is gone"

    def _lock(self, tx: Tx) -> int:
        lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
        found = tx.one(f"SELECT position FROM consent_head{lock}")
        assert found is not None
        return int(found[0])

    def _mac(self, row: Row) -> bytes:
        return hmac.digest(self._key, json.dumps(row, ensure_ascii=False).encode(), "sha256")

    def _checked(self, row: Row) -> Stored:
        if not hmac.compare_digest(bytes(row[-1]), self._mac(tuple(row[:-1]))):
            raise RecordMismatch(f"consent event {row[0]} was changed after it was recorded")
        seq, id_, subject, no, kind, purpose, channel, at, received, until, notice, method, evidence, value, entry = (
            row[:-1]
        )
        event = Event(
            id_, EventKind(kind), purpose, channel, at, received, until, notice, Method(method), evidence, value
        )
        return Stored(seq, subject, no, event, entry)


def _values(event: Event) -> tuple[object, ...]:
    return (
        event.kind.value,
        event.purpose,
        event.channel,
        event.at_us,
        event.received_us,
        event.until_us,
        event.notice,
        event.method.value,
        event.evidence,
        event.value,
    )


class _Head:
    """Sixteen bytes of shared memory: position and rules as of the last acknowledgement on this machine."""

    def __init__(self, path: Path) -> None:
        if not path.exists() or path.stat().st_size < _HEAD.size:
            path.write_bytes(_HEAD.pack(0, 0))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _HEAD.size)

    def raw(self) -> bytes:
        return self._map[:]

    def publish(self, position: int, rules: int = 0) -> None:
        """Each number only grows; they are written one by one, so that neither undoes the other."""
        before = _HEAD.unpack_from(self._map)
        for place, number in enumerate((position, rules)):
            if number > before[place]:
                struct.pack_into("<q", self._map, 8 * place, number)
