"""Who must not come back unasked: keyed hashes of what named people who were erased.

Nothing here is readable. A row is a hash (HMAC-SHA256 under a key that lies outside this
database), the kind of form it stands for, when, and in which ledger entry it was put
down. The forms come from `gate/spellings.py`, the hashes from `gate/gone.py`.

The same way keeps the opt-out of an address nobody knows yet: it counts when somebody
with that address appears.

Easy to get wrong: a list of people who asked to be erased says something about each of
them. So it is shown in numbers and shortened hashes, and looking at it is recorded.

Sources: GDPR Art. 17(1), 5(1)(e), 21(3); abuse cases AC-059, AC-060; case O14.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from rightful.ledger.database import Database, Tx
from rightful.ledger.erasure_journal import Gone

TABLES = [
    """CREATE TABLE suppressed (
        hash BLOB NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL, at_us INTEGER NOT NULL, entry INTEGER NOT NULL,
        PRIMARY KEY (hash, person))""",
    "CREATE INDEX suppressed_person ON suppressed (person)",
    """CREATE TABLE refused_ahead (
        hash BLOB NOT NULL, scope TEXT NOT NULL, at_us INTEGER NOT NULL, PRIMARY KEY (hash, scope))""",
    """CREATE TABLE came_back (
        no INTEGER PRIMARY KEY, person TEXT NOT NULL, at_us INTEGER NOT NULL, entry INTEGER NOT NULL,
        ended_us INTEGER, how TEXT NOT NULL)""",
    "CREATE TABLE arrivals (one INTEGER PRIMARY KEY CHECK (one = 1), looked_at INTEGER NOT NULL)",
    "INSERT INTO arrivals VALUES (1, 0)",
]
_AT_ONCE = 500
SHOWN_DIGITS = 8


@dataclass(frozen=True, slots=True)
class CameBack:
    """A customer in the store who was erased before. `how` it ended: erased, let-in, or "" while it is open."""

    no: int
    person: str
    at_us: int
    entry: int
    ended_us: int | None
    how: str


class Suppression:
    """The list of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("suppression", TABLES)

    # Who was erased

    def empty(self) -> bool:
        """Whether nobody has to be recognised at all."""
        return not self.db.query("SELECT 1 FROM suppressed LIMIT 1")

    def add(self, tx: Tx, gone: Sequence[Gone], entry: int) -> None:
        """Put forms down; one that is there stays as it is."""
        tx.executemany(
            "INSERT INTO suppressed VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash, person) DO NOTHING",
            [(g.hash, g.person, g.kind, g.at_us, entry) for g in gone],
        )

    def hashes(self) -> list[bytes]:
        """All of them, for a first look in memory."""
        return [bytes(value) for (value,) in self.db.query("SELECT DISTINCT hash FROM suppressed")]

    def find(self, hashes: Collection[bytes]) -> dict[bytes, tuple[str, str]]:
        """Hash -> (kind, person), of those that are on the list."""
        found: dict[bytes, tuple[str, str]] = {}
        wanted = list(hashes)
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(part))
            rows = self.db.query(f"SELECT hash, kind, person FROM suppressed WHERE hash IN ({marks})", part)
            found.update((bytes(value), (kind, person)) for value, kind, person in rows)
        return found

    def of(self, persons: Collection[str]) -> list[bytes]:
        """Every hash of these people."""
        return [
            bytes(value)
            for person in persons
            for (value,) in self.db.query("SELECT hash FROM suppressed WHERE person = ?", (person,))
        ]

    def lift(self, tx: Tx, persons: Iterable[str]) -> None:
        """Take people off the list."""
        tx.executemany("DELETE FROM suppressed WHERE person = ?", [(person,) for person in persons])

    def size(self) -> int:
        """How many forms are on it."""
        return int(self.db.query("SELECT count(*) FROM suppressed")[0][0])

    def pairs(self) -> set[tuple[bytes, str]]:
        """(hash, person) of each form."""
        return {(bytes(value), person) for value, person in self.db.query("SELECT hash, person FROM suppressed")}

    def counts(self) -> dict[str, int]:
        """Kind of form -> how many."""
        return dict(self.db.query("SELECT kind, count(*) FROM suppressed GROUP BY kind ORDER BY kind"))

    def persons(self) -> int:
        return int(self.db.query("SELECT count(DISTINCT person) FROM suppressed")[0][0])

    def newest(self, limit: int) -> list[tuple[str, str, int, int]]:
        """(kind, beginning of the hash, instant, entry), newest first."""
        rows = self.db.query(
            "SELECT kind, hash, at_us, entry FROM suppressed ORDER BY at_us DESC, hash LIMIT ?", (limit,)
        )
        return [(kind, bytes(value).hex()[:SHOWN_DIGITS], at, entry) for kind, value, at, entry in rows]

    # Who said no before we knew them

    def refuse_ahead(self, tx: Tx, hashes: Iterable[bytes], scope: str, at_us: int) -> None:
        """Keep a no of somebody nobody knows yet; the first one counts."""
        tx.executemany(
            "INSERT INTO refused_ahead VALUES (?, ?, ?) ON CONFLICT (hash, scope) DO NOTHING",
            [(one, scope, at_us) for one in hashes],
        )

    def refused_ahead(self, hashes: Collection[bytes]) -> dict[bytes, list[tuple[str, int]]]:
        """Hash -> [(scope, instant)]."""
        found: dict[bytes, list[tuple[str, int]]] = {}
        wanted = list(hashes)
        for start in range(0, len(wanted), _AT_ONCE):
            part = wanted[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(part))
            rows = self.db.query(f"SELECT hash, scope, at_us FROM refused_ahead WHERE hash IN ({marks})", part)
            for value, scope, at_us in rows:
                found.setdefault(bytes(value), []).append((scope, at_us))
        return found

    def refusals_ahead(self) -> int:
        """How many such noes wait."""
        return int(self.db.query("SELECT count(*) FROM refused_ahead")[0][0])

    # Who came back

    def looked_at(self) -> int:
        """Customers with lower numbers were looked at when they arrived."""
        return int(self.db.query("SELECT looked_at FROM arrivals")[0][0])

    def note_looked_at(self, tx: Tx, numbers: int) -> None:
        tx.execute("UPDATE arrivals SET looked_at = ? WHERE looked_at < ?", (numbers, numbers))

    def note_back(self, tx: Tx, no: int, person: str, now_us: int, entry: int) -> None:
        """Somebody who was erased is in the store again."""
        tx.execute(
            "INSERT INTO came_back VALUES (?, ?, ?, ?, NULL, '') ON CONFLICT (no) DO UPDATE SET person = "
            "excluded.person, at_us = excluded.at_us, entry = excluded.entry, ended_us = NULL, how = ''",
            (no, person, now_us, entry),
        )

    def end_back(self, tx: Tx, no: int, how: str, now_us: int) -> None:
        tx.execute("UPDATE came_back SET ended_us = ?, how = ? WHERE no = ?", (now_us, how, no))

    def back(self) -> list[CameBack]:
        """Who is in the store and was erased before, and has not been decided about; oldest first."""
        rows = self.db.query(
            "SELECT no, person, at_us, entry, ended_us, how FROM came_back WHERE ended_us IS NULL ORDER BY at_us, no"
        )
        return [CameBack(*row) for row in rows]
