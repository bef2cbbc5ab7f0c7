"""What must outlive the restore of an older backup: kept with the keys, outside every backup.

A backup that is older than an erasure holds the person again, and its control database
does not know that they are gone. So each erasure is noted here first, as keyed hashes of
what named the person, before anything else happens. Within a second of their entries
follow: each no a customer said (by number, purpose and channel), disposals, holds,
imported histories, and the newest checkpoint of the log: a restored log that is shorter
has lost entries.

Easy to get wrong: somebody who came back of their own will (`lifted_us`) is no longer
held off, and what an older backup holds of them goes all the same: it is from before.

Sources: GDPR Art. 7(3), 17, 21, 32; abuse cases AC-061, AC-076.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rightful.ledger.database import Database
from rightful.ledger.keystore import KeyStore

TABLES = [
    """CREATE TABLE erased (
        hash BLOB NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL, at_us INTEGER NOT NULL, lifted_us INTEGER,
        PRIMARY KEY (hash, person)) WITHOUT ROWID""",
    "CREATE INDEX erased_person ON erased (person)",
    "CREATE TABLE log_seen (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, note TEXT NOT NULL)",
]
WHAT_ELSE = [
    """CREATE TABLE said_no (
        seq INTEGER PRIMARY KEY, no INTEGER NOT NULL, kind TEXT NOT NULL, purpose TEXT NOT NULL,
        channel TEXT NOT NULL, at_us INTEGER NOT NULL)""",
    "CREATE INDEX said_no_of ON said_no (no)",
    "CREATE TABLE happened (id TEXT PRIMARY KEY, what TEXT NOT NULL, at_us INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE noted (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL)",
]
Happened = Literal["disposal", "hold", "history"]


@dataclass(frozen=True, slots=True)
class Gone:
    """One form of one identifier of an erased person. `person` holds those of one erasure together."""

    hash: bytes
    person: str
    kind: str
    at_us: int
    lifted_us: int | None = None


@dataclass(frozen=True, slots=True)
class SaidNo:
    """One no of a customer: the event's place in the consent record, and what it is about."""

    seq: int
    no: int
    kind: str
    purpose: str
    channel: str
    at_us: int


class ErasureJournal:
    """What one workspace must not forget with its backups, in the store of the subjects' keys."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def note(self, gone: Iterable[Gone]) -> None:
        """Keep them, durably; what is there already stays as it is."""
        rows = [(g.hash, g.person, g.kind, g.at_us, g.lifted_us) for g in gone]
        with self._db.write() as tx:
            tx.executemany("INSERT INTO erased VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash, person) DO NOTHING", rows)

    def lift(self, persons: Iterable[str], now_us: int) -> None:
        """These people came back: they are not held off from this instant on."""
        with self._db.write() as tx:
            tx.executemany(
                "UPDATE erased SET lifted_us = ? WHERE person = ? AND lifted_us IS NULL", [(now_us, p) for p in persons]
            )

    def everything(self, since_us: int = 0) -> list[Gone]:
        """What was noted at this instant or later, lifted or not."""
        rows = self._db.query(
            "SELECT hash, person, kind, at_us, lifted_us FROM erased WHERE at_us >= ? ORDER BY at_us, person, hash",
            (since_us,),
        )
        return [Gone(bytes(row[0]), *row[1:]) for row in rows]

    def persons(self) -> int:
        """How many erasures are noted."""
        return int(self._db.query("SELECT count(DISTINCT person) FROM erased")[0][0])

    def held_off(self) -> int:
        """How many forms keep somebody off now."""
        return int(self._db.query("SELECT count(*) FROM erased WHERE lifted_us IS NULL")[0][0])

    # What follows within a second of its entries

    def position(self) -> int | None:
        """Up to which place of the consent record everything is noted; None if nothing was yet."""
        found = self._db.query("SELECT position FROM noted")
        return int(found[0][0]) if found else None

    def follow(self, position: int, noes: Iterable[SaidNo]) -> None:
        """Note what is new in the consent record, and how far that goes."""
        with self._db.write() as tx:
            tx.executemany(
                "INSERT INTO said_no VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO NOTHING",
                [(n.seq, n.no, n.kind, n.purpose, n.channel, n.at_us) for n in noes],
            )
            tx.execute(
                "INSERT INTO noted VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET position = excluded.position",
                (position,),
            )

    def said_no_since(self, position: int) -> list[SaidNo]:
        """Every no after a place of the consent record, in order."""
        rows = self._db.query(
            "SELECT seq, no, kind, purpose, channel, at_us FROM said_no WHERE seq > ? ORDER BY seq", (position,)
        )
        return [SaidNo(*row) for row in rows]

    def note_happened(self, what: Happened, name: str, at_us: int) -> None:
        """A disposal ended, a hold began, a history of consents was imported (its digest)."""
        with self._db.write() as tx:
            tx.execute("INSERT INTO happened VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING", (name, what, at_us))

    def happened_since(self, what: Happened, at_us: int) -> list[str]:
        """Ids of the disposals, holds or histories of this instant or later."""
        rows = self._db.query("SELECT id FROM happened WHERE what = ? AND at_us >= ? ORDER BY at_us, id", (what, at_us))
        return [str(row[0]) for row in rows]

    def go_back(self, position: int) -> None:
        """The record was restored to this place: what was noted after it has been recorded again by now."""
        with self._db.write() as tx:
            tx.execute("DELETE FROM said_no WHERE seq > ?", (position,))
            tx.execute("UPDATE noted SET position = ?", (position,))

    def forget(self, numbers: Iterable[int]) -> None:
        """What customers who are gone once said is nobody's business any more. Scrub afterwards."""
        with self._db.write() as tx:
            tx.executemany("DELETE FROM said_no WHERE no = ?", [(no,) for no in numbers])

    # How far the log had come

    def saw(self, size: int, note: str, *, anew: bool = False) -> None:
        """Keep the log's signed checkpoint, if it is larger than the one that is kept, or if the log begins anew."""
        with self._db.write() as tx:
            if anew:
                tx.execute("DELETE FROM log_seen")
            tx.execute(
                "INSERT INTO log_seen VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET size = excluded.size, "
                "note = excluded.note WHERE excluded.size > log_seen.size",
                (size, note),
            )

    def seen(self) -> str | None:
        """The largest checkpoint of the log that was kept."""
        found = self._db.query("SELECT note FROM log_seen")
        return str(found[0][0]) if found else None

    @property
    def _db(self) -> Database:
        return self._keys.database("erasure_journal", TABLES, WHAT_ELSE)
