"""Where the keys of subjects are kept: in a database of their own, beside the master key.

Forgetting somebody means that their key is gone for good. Kept in the control
database, it would come back with every older backup of that database, and with the
master key it would open what was erased. So it lies with the keys, outside every
backup of the data; only the newest state of it is worth anything.

Easy to get wrong: a key that is stored after what it locks (a crash between the two
loses the payload: it is stored first); deleted rows that stay in the write-ahead log
(it is cut after each destruction); an empty store taken for the old one (its id is
remembered by the control database, and another one is refused).

Sources: NIST SP 800-88 Rev. 1 (cryptographic erase); GDPR Art. 17, 32.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence

from rightful.ledger.database import Database

TABLES = [
    "CREATE TABLE subject_key (subject TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
    "CREATE TABLE key_store (one INTEGER PRIMARY KEY CHECK (one = 1), id TEXT NOT NULL, destroyed INTEGER NOT NULL)",
]
_AT_ONCE = 500


class KeyStore:
    """The wrapped keys of all subjects of one workspace. Opened on first use; share it between threads."""

    def __init__(self, open_database: Callable[[], Database]) -> None:
        self._open = open_database
        self._database: Database | None = None
        self._lock = threading.Lock()
        self._migrated: set[str] = set()

    @property
    def id(self) -> str:
        """Made with the store; says nothing about the keys in it."""
        return str(self._db.query("SELECT id FROM key_store")[0][0])

    def destroyed(self) -> int:
        """Grows with each destruction: whoever keeps keys in memory compares it."""
        return int(self._db.query("SELECT destroyed FROM key_store")[0][0])

    def find(self, subjects: Sequence[str]) -> dict[str, bytes]:
        """Subject -> wrapped key, of those that have one."""
        found: dict[str, bytes] = {}
        for start in range(0, len(subjects), _AT_ONCE):
            some = subjects[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._db.query(f"SELECT subject, wrapped FROM subject_key WHERE subject IN ({marks})", some)
            found.update((subject, bytes(wrapped)) for subject, wrapped in rows)
        return found

    def keep(self, fresh: Mapping[str, bytes]) -> dict[str, bytes]:
        """Store new keys, durably; returns the keys that count: whoever was first."""
        if not fresh:
            return {}
        with self._db.write() as tx:
            tx.executemany("INSERT INTO subject_key VALUES (?, ?) ON CONFLICT (subject) DO NOTHING", fresh.items())
        return self.find(list(fresh))

    def destroy(self, *subjects: str) -> None:
        """Take keys away for good, out of the file, too. Nothing happens to who has none."""
        if not subjects:
            return
        with self._db.write() as tx:
            tx.executemany("DELETE FROM subject_key WHERE subject = ?", ((subject,) for subject in subjects))
            tx.execute("UPDATE key_store SET destroyed = destroyed + 1")
        self._db.scrub("subject_key", rewrite=True)

    def database(self, room: str, *tables: Sequence[str]) -> Database:
        """The same database, for something else that must outlive a restored backup; its tables are made now."""
        db = self._db
        with self._lock:
            if room not in self._migrated:
                db.migrate(room, *tables)
                self._migrated.add(room)
        return db

    def scrub(self) -> None:
        """Take what was deleted beside the keys out of the files, too."""
        self._db.scrub("said_no", rewrite=True)

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None
                self._migrated.clear()

    @property
    def _db(self) -> Database:
        with self._lock:
            if self._database is None:
                db = self._open()
                db.migrate("subject_keys", TABLES)
                with db.write() as tx:
                    if tx.one("SELECT id FROM key_store") is None:
                        tx.execute("INSERT INTO key_store VALUES (1, ?, 0)", (os.urandom(16).hex(),))
                self._database = db
            return self._database
