"""Who was erased since when, for whoever restores an older backup: kept with the keys, outside every backup.

A backup that is older than an erasure holds the person again, and its control database
does not know that they are gone. So each erasure is noted here first, as keyed hashes of
what named the person, before anything else happens. The newest checkpoint of the log
that was seen stands here, too: a restored log that is shorter has lost entries.

Easy to get wrong: somebody who came back of their own will (`lifted_us`) is no longer
held off, and what an older backup holds of them goes all the same: it is from before.

Sources: GDPR Art. 17, 32; abuse cases AC-061, AC-076.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rightful.ledger.database import Database
from rightful.ledger.keystore import KeyStore

TABLES = [
    """CREATE TABLE erased (
        hash BLOB NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL, at_us INTEGER NOT NULL, lifted_us INTEGER,
        PRIMARY KEY (hash, person)) WITHOUT ROWID""",
    "CREATE INDEX erased_person ON erased (person)",
    "CREATE TABLE log_seen (one INTEGER PRIMARY KEY CHECK (one = 1), size INTEGER NOT NULL, note TEXT NOT NULL)",
]


@dataclass(frozen=True, slots=True)
class Gone:
    """One form of one identifier of an erased person. `person` holds those of one erasure together."""

    hash: bytes
    person: str
    kind: str
    at_us: int
    lifted_us: int | None = None


class ErasureJournal:
    """The erasures of one workspace, in the store of the subjects' keys."""

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

    def saw(self, size: int, note: str) -> None:
        """Keep the log's signed checkpoint, if it is larger than the one that is kept."""
        with self._db.write() as tx:
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
        return self._keys.database("erasure_journal", TABLES)
