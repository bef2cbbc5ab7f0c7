"""How something that happened becomes an entry nobody can change unnoticed.

    ledger = Ledger.open(db, keys=keyring, origin="meadow.example/ledger", folder=workspace / "ledger")
    [entry] = ledger.append(
        [Draft("consent.withdrawn", {"purpose": "newsletter"}, {"ip": "192.0.2.7"}, subject="c-17")],
        rows=lambda tx, entries: tx.execute("INSERT INTO ...", (entries[0].index, ...)),
    )

`append` returns once the rows and the entries are on disk, in one transaction. An
entry is canonical JSON without personal data: `public` members, a handle that only
the subject's key links to the subject, and a salted commitment to the `private`
payload. Payload and salt lie beside the log, sealed under the subject's key; `forget`
destroys key, payload and link, and the tree verifies as before.

Easy to get wrong: acknowledging before the commit is on disk; going on after a
failed write (the ledger refuses everything until it is reopened); a handle that is
the same in two entries; an index given out twice (the primary key is the fence);
signing a tree that an older signed one does not begin (compared at every start with
a checkpoint kept outside the database).

Threads that append at the same time share one commit: whoever holds the commit lock
writes for all who wait, at most 256 entries at once, and nobody waits for company.
Processes take turns: BEGIN IMMEDIATE on SQLite, the locked head row on PostgreSQL.

Sources: RFC 6962; C2SP tlog-tiles, tlog-checkpoint; docs/explanation/ledger.md.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future
from hashlib import sha256
from itertools import count, repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rightful.errors import (
    BadInput,
    ClockUntrusted,
    IntegrityFault,
    KeyMissing,
    LedgerRolledBack,
    LedgerUnavailable,
    NotFound,
    RecordMismatch,
)
from rightful.ledger import merkle
from rightful.ledger.canonical import Json
from rightful.ledger.database import Busy, Conflict, Database, Tx
from rightful.ledger.entry import Draft, Entry, instant, now_us
from rightful.ledger.merkle import TILE_WIDTH, Edge
from rightful.ledger.note import BadNote, Checkpoint, VerifierKey, open_checkpoint, sign_checkpoint
from rightful.ledger.proof import LogProof
from rightful.ledger.seal import PART_BITS, Prepared, Sealer, SubjectKeys, unseal
from rightful.ledger.tree import (
    Recent,
    StoredTree,
    folder_lock,
    read_if_there,
    sync_tiles,
    synced_size,
    write_durably,
    write_tiles,
)

__all__ = ["ERASABLE", "Draft", "Entry", "Ledger", "LedgerKeys", "Rows", "instant", "now_us"]

if TYPE_CHECKING:
    from pyroaring import BitMap

    from rightful.ledger.receipt import Receipt

GROUP_SIZE = 256
PUBLISH_SECONDS = 1.0
SYNC_SECONDS = 30.0
MAX_WAIT_MICROSECONDS = 1_000_000
SETTLE_MICROSECONDS = 250_000  # a clock this little behind is waited for, never accepted
MAX_UNLINKED = 8192
MAX_RECENT = 100_000
SUBJECT_KEYS = "subject-keys"
FORK_WAITS_SECONDS = 5.0  # a thread that forks inside its own commit must not wait for itself

TABLES: list[str] = [
    # One row: the state of the tree.
    """CREATE TABLE rf_head (
        one INTEGER PRIMARY KEY CHECK (one = 1), origin TEXT NOT NULL, recoveries INTEGER NOT NULL,
        size INTEGER NOT NULL, root BLOB NOT NULL, newest_at INTEGER NOT NULL, key_epoch INTEGER NOT NULL,
        linked INTEGER NOT NULL, note TEXT NOT NULL)""",
    # The hash is there to name a changed entry; the tree is always checked from the leaf.
    "CREATE TABLE rf_entry (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL, hash BLOB NOT NULL)",
    """CREATE TABLE rf_tile (level INTEGER NOT NULL, number INTEGER NOT NULL, root BLOB NOT NULL,
        hashes BLOB NOT NULL, PRIMARY KEY (level, number))""",
    # What an erasure destroys: payloads and links, keys, bits.
    "CREATE TABLE rf_sealed (idx INTEGER PRIMARY KEY, subject TEXT, sealed BLOB)",
    # By subject, up to `linked` in the head; newer ones are read from rf_sealed. A random page for each
    # entry would cost more than all the rest of the ledger; a few thousand at once share their pages.
    """CREATE TABLE rf_link (subject TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (subject, idx))
        WITHOUT ROWID""",
    # Empty: keys have moved to a store of their own (keystore.py), where no backup of this database takes them.
    "CREATE TABLE rf_subject_key (subject TEXT PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID",
    # place = part << 40 | idx, so that all uses that may touch one customer lie side by side.
    """CREATE TABLE rf_bulk (place INTEGER PRIMARY KEY, bits BLOB NOT NULL, salt BLOB,
        digest BLOB NOT NULL)""",
    "CREATE TABLE rf_key_check (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
]
KEYS_MOVED_OUT = ["ALTER TABLE rf_head DROP COLUMN key_epoch"]  # the key store counts what it destroyed


ERASABLE = ("rf_sealed", "rf_link", "rf_bulk")
"""Tables that hold what an erasure destroys."""


class LedgerKeys(SubjectKeys, Protocol):
    """What the ledger needs of a key ring (rightful.protection.keys.Keyring is one)."""

    @property
    def public_key(self) -> bytes: ...
    def sign(self, message: bytes) -> bytes: ...
    def check_values(self) -> dict[str, str]: ...
    def describe(self) -> str: ...


Rows = Callable[[Tx, list[Entry]], Any]
"""Writes the domain rows that belong to the entries, in their transaction."""


class _Work:
    """One caller's `append` on its way to the disk."""

    __slots__ = ("at", "drafts", "entries", "future", "key_epoch", "prepared", "rows")

    def __init__(self, drafts: Sequence[Draft], rows: Rows | None, at: int, key_epoch: int) -> None:
        self.at = at
        self.key_epoch = key_epoch
        self.drafts = drafts
        self.rows = rows
        self.prepared = Prepared({})
        self.entries: list[Entry] = []
        self.future: Future[list[Entry]] = Future()


class Ledger:
    """The log of one workspace. Share it between threads; close it when done."""

    def __init__(self, db: Database, keys: LedgerKeys, origin: str, folder: Path, clock: Callable[[], int]) -> None:
        self.db = db
        self.keys = keys
        self.base_origin = origin
        self.folder = folder
        self.clock = clock
        self.key = VerifierKey(origin, keys.public_key)
        self._edge = Edge()
        self._edge_root = merkle.EMPTY_ROOT
        self._sealer = Sealer(keys)
        self.begin_life()
        self._broken: str | None = None
        self._recent = Recent()
        self._published = 0
        self._synced_at = time.monotonic()
        self._closed = False
        self.on_publish: Callable[[int, str], None] | None = None
        """Called with size and checkpoint after each publication: for a witness outside database and folder."""

    def begin_life(self) -> None:
        """Locks, queue and threads of this process; made anew in a forked child, which has no threads."""
        self._sealer.lock = threading.Lock()
        self._queue: list[_Work] = []
        self._queue_lock = threading.Lock()
        # One thread computes while another waits for the disk. Without this the interpreter's lock
        # goes back and forth between them for every row, and both are slower than one alone.
        self._computing = threading.Lock()
        self._commit_lock = threading.Lock()
        self._committing = threading.local()
        self._recent_lock = threading.Lock()
        self._publish_lock = threading.Lock()
        self._wake_publisher = threading.Event()
        self._wake_committer = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._threads_lock = threading.Lock()
        self._closing = threading.Event()

    def locks_around_work(self) -> tuple[threading.Lock, ...]:
        """Who holds all of these knows that no thread of this ledger is in the database or the folder."""
        return self._commit_lock, self._computing, self._publish_lock

    # Life

    @classmethod
    def open(
        cls,
        db: Database,
        *,
        keys: LedgerKeys,
        origin: str,
        folder: str | Path,
        clock: Callable[[], int] = now_us,
    ) -> Ledger:
        """Open the log in this database, made now if there is none.

        Args:
            origin: the log's name on every checkpoint, like a URL without the scheme.
            folder: where checkpoint and tiles go, outside the database and its backups.

        Raises:
            LedgerRolledBack: the checkpoint in the folder is larger than the database's log, contradicts
                it, or is not there although the log exists.
            IntegrityFault: the stored tree does not hash to the stored root.
            KeyMissing: the keys are not those this database was made with.
        """
        return cls._open(db, keys, origin, Path(folder), clock, recovering=None)

    @classmethod
    def recover(
        cls,
        db: Database,
        *,
        keys: LedgerKeys,
        origin: str,
        folder: str | Path,
        statement: str,
        clock: Callable[[], int] = now_us,
    ) -> Ledger:
        """Go on after a rollback that cannot be undone, and say so in the log for ever.

        The log continues from what the database holds, under a new origin
        (`<origin>/recovery-1`), so that nothing signed before is contradicted. Its first
        entry there names the checkpoint that was lost. Receipts of the gap stay valid
        under the old origin: they prove what is missing.

        Args:
            statement: why, in a sentence without personal data; it becomes public.
        """
        return cls._open(db, keys, origin, Path(folder), clock, recovering=statement)

    @classmethod
    def _open(
        cls,
        db: Database,
        keys: LedgerKeys,
        origin: str,
        folder: Path,
        clock: Callable[[], int],
        recovering: str | None,
    ) -> Ledger:
        ledger = cls(db, keys, origin, folder, clock)
        db.migrate("ledger", TABLES, KEYS_MOVED_OUT)
        folder.mkdir(parents=True, exist_ok=True)
        with db.write() as tx:
            moved = ledger._check_keys(tx)
            head = tx.one("SELECT origin, recoveries FROM rf_head")
            if head is None:
                ledger._create(tx)
            elif head[0] != origin:
                raise IntegrityFault(f"the database holds the log {head[0]}, not {origin}")
            else:
                ledger._name_epoch(head[1])
        if moved:
            db.scrub("rf_subject_key", rewrite=True)
        lost = ledger._check_outside(recovering=recovering is not None)
        with db.read() as tx:
            ledger._load(tx)
        if recovering is not None:
            ledger._begin_recovery(lost, recovering)
        ledger._publish()
        _close_at_exit(ledger)
        return ledger

    def close(self) -> None:
        """Publish the last checkpoint and stop. The database stays open: it is the caller's."""
        if self._closed:
            return
        self._closed = True
        self._closing.set()
        self._wake_committer.set()
        self._wake_publisher.set()
        for thread in list(self._threads.values()):
            if thread is not threading.current_thread():
                thread.join()
        if self._broken is None:
            self._publish(sync=True)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """The name on checkpoints now; after a recovery it differs from the one first given."""
        return self.key.name

    @property
    def verifier_key(self) -> str:
        """The line that verifies this log's checkpoints. Give it out on another way than the log."""
        return str(self.key)

    # Recording

    def append(self, drafts: Sequence[Draft], rows: Rows | None = None) -> list[Entry]:
        """Record what happened, durably; return the entries in the order of the drafts.

        Args:
            rows: called as `rows(tx, entries)` inside the transaction that writes the
                entries; what it raises undoes this call, and only this one.

        Raises:
            LedgerUnavailable: not recorded, or not known to be. Do not act on the event.
            ClockUntrusted: the clock stands before the newest entry; nothing was recorded.
            BadInput: a draft that cannot be written as an entry.
        """
        work = self._enqueue(drafts, rows)
        if "rightful-ledger-commit" in self._threads:
            self._wake_committer.set()
            return work.future.result()
        while not work.future.done():
            with self._commit_lock, self._computing:
                if not work.future.done():
                    self._commit_next()
        return work.future.result()

    def submit(self, drafts: Sequence[Draft], rows: Rows | None = None) -> Future[list[Entry]]:
        """Like `append`, without waiting: acknowledge nothing before the future has its result."""
        work = self._enqueue(drafts, rows)
        self._start("rightful-ledger-commit", self._committer)
        self._wake_committer.set()
        return work.future

    def forget(self, subject: str, *, number: int | None = None, tx: Tx | None = None) -> None:
        """Destroy what links entries to a subject: key, payloads with their salts, links, bits.

        The entries stay and still verify; what they say about the subject can no
        longer be read, nor which of them belong together (GDPR Art. 17).

        Args:
            number: the subject's number in the bitmaps of bulk uses.
            tx: a transaction of this database to take part in. The key is destroyed at once all the
                same, also if the transaction is undone: then forget again. Call
                `db.scrub(*ERASABLE)` after it; without `tx` that is done here.
        """
        self.keys.subjects.destroy(subject)
        if tx is not None:
            self._forget(tx, subject, number)
            return
        with self.db.write() as own:
            self._forget(own, subject, number)
        self.db.scrub(*ERASABLE)

    def forget_many(self, subjects: Sequence[str], numbers: Collection[int], tx: Tx) -> None:
        """`forget` for many at once: their keys in one go, every bitmap read once.

        Args:
            subjects: those who have a key or an entry of their own.
            numbers: of all of them, in the bitmaps of bulk uses.
            tx: as for `forget`; call `db.scrub(*ERASABLE)` after it.
        """
        self.keys.subjects.destroy(*subjects)
        for subject in subjects:
            self._forget(tx, subject, None)
        self._forget_bits(tx, numbers)

    # What the rooms keep sealed in tables of their own

    def seal(self, text: bytes, place: str, subject: str | None = None) -> bytes:
        """Lock a text under a subject's key, so that forgetting the subject makes it unreadable; else under the log's.

        Args:
            place: which table and row it belongs to ("mail/17"); it opens nowhere else.
        """
        return self._sealer.seal_for_room(text, place, subject)

    def unseal(self, sealed: bytes, place: str, subject: str | None = None) -> bytes | None:
        """What was sealed; None if the subject was forgotten.

        Raises:
            RecordMismatch: changed, moved to another place, or sealed under a key that was destroyed since.
        """
        return self._sealer.open_for_room(sealed, place, subject)

    # Reading

    def head(self) -> tuple[int, bytes]:
        """How many entries there are, and the root over them."""
        size, root = self.db.query("SELECT size, root FROM rf_head")[0]
        return size, bytes(root)

    def newest_at(self) -> int:
        """Instant of the newest entry (us); 0 in an empty log. Nothing may be decided before it."""
        at: int = self.db.query("SELECT newest_at FROM rf_head")[0][0]
        return at

    def check_clock(self) -> int:
        """The present instant (us), once it is known not to stand before the newest entry.

        Raises:
            ClockUntrusted: it does.
        """
        newest = self.newest_at()  # before the clock is read: what is recorded in between is no older than it
        now = self.clock()
        if now < newest:
            raise _clock_went_back(now, newest)
        return now

    def checkpoint(self) -> str:
        """The newest signed checkpoint (C2SP note)."""
        note: str = self.db.query("SELECT note FROM rf_head")[0][0]
        return note

    def entry(self, index: int) -> Entry:
        found = self.db.query("SELECT leaf FROM rf_entry WHERE idx = ?", (index,))
        if not found:
            raise NotFound(f"there is no ledger entry {index}")
        return Entry.from_leaf(index, bytes(found[0][0]))

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[Entry]:
        """Entries [start, stop), read in pages."""
        end = self.head()[0] if stop is None else stop
        while start < end:
            page = self.db.query(
                "SELECT idx, leaf FROM rf_entry WHERE idx >= ? AND idx < ? ORDER BY idx",
                (start, min(end, start + 1000)),
            )
            if not page:
                return
            for index, leaf in page:
                yield Entry.from_leaf(index, bytes(leaf))
            start = page[-1][0] + 1

    def entries_of(self, subject: str) -> list[int]:
        """Indexes of the entries about one subject, oldest first."""
        return [index for (index,) in _links(self.db.query, subject)]

    def uses_touching(self, number: int) -> list[int]:
        """Indexes of the bulk uses that touched the customer with this number, oldest first."""
        from pyroaring import BitMap

        part = number >> PART_BITS
        rows = self.db.query(
            "SELECT place, bits FROM rf_bulk WHERE place >= ? AND place < ? ORDER BY place",
            (part << 40, (part + 1) << 40),
        )
        read = BitMap.deserialize
        return [place & 0xFF_FFFF_FFFF for place, bits in rows if number in read(bits)]

    def touching(self, number: int, among: Sequence[int]) -> list[int]:
        """Those of the bulk uses `among` that touched the customer with this number, in the order given."""
        from pyroaring import BitMap

        part = number >> PART_BITS
        found = set()
        for start in range(0, len(among), 500):
            places = [part << 40 | index for index in among[start : start + 500]]
            marks = ", ".join("?" * len(places))
            for place, bits in self.db.query(f"SELECT place, bits FROM rf_bulk WHERE place IN ({marks})", places):
                if number in BitMap.deserialize(bits):
                    found.add(place & 0xFF_FFFF_FFFF)
        return [index for index in among if index in found]

    def subjects_of(self, index: int) -> BitMap:
        """The numbers of all customers a bulk use touched, but for those who were erased since."""
        from pyroaring import BitMap

        entry = self.entry(index)
        touched = BitMap()
        for part in (entry.data.get("subjects") or {}).get("parts", []):
            found = self.db.query("SELECT bits FROM rf_bulk WHERE place = ?", (part << 40 | index,))
            if not found:
                raise RecordMismatch(f"part {part} of the customers of entry {index} is missing")
            touched |= BitMap.deserialize(found[0][0])
        return touched

    def open_private(self, index: int) -> dict[str, Json] | None:
        """The private payload of an entry; None if it has none or its subject was forgotten.

        Raises:
            RecordMismatch: the payload is not the one the entry commits to.
        """
        opening = self.opening(index)
        if opening is None:
            return None
        payload: dict[str, Json] = json.loads(opening[1])
        return payload

    def opening(self, index: int) -> tuple[bytes, bytes] | None:
        """(salt, payload bytes) that the entry's commitment is the SHA-256 of."""
        found = self.db.query("SELECT subject, sealed FROM rf_sealed WHERE idx = ?", (index,))
        if not found or found[0][1] is None:
            return None
        subject, sealed = found[0]
        self._sealer.notice()
        entry = self.entry(index)
        if subject is None:
            key = self._sealer.log_key
        else:
            keys = self._sealer.find_keys({subject}, create=False)
            if subject not in keys:
                return None
            key = keys[subject]
        opened = unseal(key, bytes(sealed), entry)
        salt, payload = opened[:32], opened[32:]
        if sha256(opened).hexdigest() != entry.commitment:
            raise RecordMismatch(f"the private payload of ledger entry {index} is not the one committed to")
        return salt, payload

    # Proving

    def prove(self, index: int) -> LogProof:
        """The proof that an entry is in the log, under the newest signed checkpoint."""
        with self.db.read() as tx:
            head = tx.one("SELECT size, note FROM rf_head")
            assert head is not None
            if not 0 <= index < head[0]:
                raise NotFound(f"there is no ledger entry {index}")
            path = merkle.inclusion_proof(index, head[0], StoredTree(tx).subtree)
            proof = LogProof(index, tuple(path), head[1])
            try:
                proof.verify(self.entry(index).leaf, self.key)
            except BadNote as error:
                raise IntegrityFault(
                    f"what is stored does not prove entry {index}: {error}",
                    remedy="Run `rightful ledger verify`",
                ) from error
            return proof

    def prove_consistency(self, older: int, newer: int | None = None) -> list[bytes]:
        """The proof that the log of `older` entries is the beginning of the present one (or of `newer`)."""
        with self.db.read() as tx:
            size = tx.one("SELECT size FROM rf_head")
            assert size is not None
            newer = size[0] if newer is None else newer
            if not 0 <= older <= newer <= size[0]:
                raise NotFound(f"the log has {size[0]} entries, not {max(older, newer)}")
            return merkle.consistency_proof(older, newer, StoredTree(tx).subtree)

    def root_at(self, size: int) -> bytes:
        """The root over the first `size` entries."""
        with self.db.read() as tx:
            return merkle.root_at(size, StoredTree(tx).subtree)

    def receipt(self, index: int, *, attachments: Mapping[str, bytes] | None = None) -> Receipt:
        """All that is needed to verify one entry without us; publishes the checkpoint it stands under.

        Args:
            attachments: further files by name, e.g. the notice that was shown.
        """
        from rightful.ledger.receipt import Receipt

        proof = self.prove(index)
        self._publish()
        return Receipt(
            entry=self.entry(index).leaf,
            proof=proof.text(),
            opening=self.opening(index),
            verifier_key=self.verifier_key,
            attachments=dict(attachments or {}),
        )

    def publish(self) -> None:
        """Write checkpoint and tiles to the folder now, not within a second."""
        self._publish()

    # Below: preparing (no lock, no disk but for keys)

    def _enqueue(self, drafts: Sequence[Draft], rows: Rows | None) -> _Work:
        self._refuse_if_broken()
        if getattr(self._committing, "now", False) or self.db.in_transaction:
            raise RuntimeError("append inside a transaction: write the rows in `rows`, or append afterwards")
        work = _Work(drafts, rows, self.clock(), self._sealer.epoch)
        work.future.set_running_or_notify_cancel()  # what is on its way cannot be called back
        with self._computing:
            work.prepared = self._sealer.prepare(drafts, work.at)
        with self._queue_lock:
            self._queue.append(work)
        return work

    # Below: committing (one thread at a time)

    def _committer(self) -> None:
        while True:
            self._wake_committer.wait()
            self._wake_committer.clear()
            with self._commit_lock, self._computing:
                while self._commit_next():
                    pass
            if self._closed:
                return

    def _commit_next(self) -> bool:
        """Commit the callers at the front of the queue together. Both locks are held."""
        with self._queue_lock:
            taken = entries = 0
            while taken < len(self._queue) and (taken == 0 or entries + len(self._queue[taken].drafts) <= GROUP_SIZE):
                entries += len(self._queue[taken].drafts)
                taken += 1
            works, self._queue[:taken] = self._queue[:taken], []
        if not works:
            return False
        self._committing.now = True
        try:
            self._refuse_if_broken()
            done = self._commit(works)
        except BaseException as error:
            for work in works:
                if not work.future.done():
                    work.future.set_exception(_for_each_caller(error))
            if not isinstance(error, Exception):
                raise
        else:
            for work in done:
                work.future.set_result(work.entries)
        finally:
            self._committing.now = False
        return True

    def _commit(self, works: list[_Work]) -> list[_Work]:
        try:
            with self.db.write(waiting=self._others_may_compute, pipelined=True) as tx:
                edge, root, done = self._write(tx, works)
        except Busy:
            raise
        except Conflict as error:
            if not error.table.startswith("rf_"):
                raise  # a row of the caller
            self._broken = "another sequencer wrote the same entries"
            raise LedgerUnavailable(
                "another sequencer wrote the same ledger entries; this one stops",
                remedy="Let only one program of this version write to this log, then reopen",
            ) from error
        except LedgerUnavailable as error:
            # Whether the commit reached the disk is unknown now. Nothing is tried again.
            self._broken = error.sentence
            raise
        self._keep_for_publisher(edge.size, done)
        self._edge, self._edge_root = edge, root
        self._wake_publisher.set()
        self._start("rightful-ledger-publish", self._publisher)
        return done

    def _keep_for_publisher(self, size: int, works: list[_Work]) -> None:
        """Entries just written are published within a second: then they need not be read again."""
        first = size - sum(len(work.entries) for work in works)
        with self._recent_lock:
            recent = self._recent
            if recent.first + len(recent.leaves) != first or len(recent.leaves) > MAX_RECENT:
                recent = self._recent = Recent(first)
            for work in works:
                recent.leaves.extend(work.prepared.leaves)
                recent.hashes.extend(work.prepared.hashes)

    @contextlib.contextmanager
    def _others_may_compute(self) -> Iterator[None]:
        self._computing.release()
        try:
            yield
        finally:
            self._computing.acquire()

    def _write(self, tx: Tx, works: list[_Work]) -> tuple[Edge, bytes, list[_Work]]:
        lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
        head = tx.one(f"SELECT size, root, newest_at, linked FROM rf_head{lock}")
        if head is None:
            raise IntegrityFault("the head of the log is missing from the database")
        size, root, newest, linked = head
        if size != self._edge.size or bytes(root) != self._edge_root:
            self._load(tx)
        now = self._trusted_now(newest)
        self._sealer.settle(works)
        done: list[_Work] = []
        first = size
        for work in works:
            at = self._recording_instant(work, newest, now)
            made = work.prepared
            work.entries = list(map(Entry, count(first), repeat(at), made.ids, made.kinds, made.leaves))
            if work.rows is not None:
                # Alone in its transaction a caller needs no savepoint: SQLite would copy every page it touches.
                part = tx.savepoint() if len(works) > 1 else contextlib.nullcontext()
                try:
                    with part:
                        work.rows(tx, work.entries)
                except LedgerUnavailable:
                    raise
                except Exception as error:
                    if len(works) == 1:
                        raise
                    work.future.set_exception(error)
                    continue
            done.append(work)
            first += len(work.entries)
            newest = at
        edge = self._edge.copy()
        self._write_entries(tx, edge, done)
        new_root = edge.root()
        note = sign_checkpoint(Checkpoint(self.key.name, edge.size, new_root), self.key, self.keys.sign)
        if edge.size > size:
            tx.execute(
                "UPDATE rf_head SET size = ?, root = ?, newest_at = ?, note = ?, linked = ?",
                (edge.size, new_root, newest, note, self._link(tx, linked, edge.size)),
            )
        return edge, new_root, done

    def _write_entries(self, tx: Tx, edge: Edge, works: list[_Work]) -> None:
        leaves: list[tuple[int, bytes, bytes]] = []
        sealed: list[tuple[int, str | None, bytes | None]] = []
        bulk: list[tuple[int, bytes, bytes, bytes]] = []
        first = edge.size
        for work in works:
            made = work.prepared
            leaves += zip(count(first), made.leaves, made.hashes, strict=False)
            sealed += [(first + place, subject, text) for place, subject, text in made.sealed]
            bulk += [(part << 40 | first + place, bits, salt, digest) for place, part, bits, salt, digest in made.bulk]
            first += len(made.leaves)
        filled = edge.add([leaf_hash for _, _, leaf_hash in leaves])
        tiles = [(level, number, root, b"".join(hashes)) for level, number, root, hashes in filled]
        tx.insert_many("rf_entry", "idx, leaf, hash", leaves)
        tx.insert_many("rf_sealed", "idx, subject, sealed", sealed)
        tx.insert_many("rf_bulk", "place, bits, salt, digest", bulk)
        tx.insert_many("rf_tile", "level, number, root, hashes", tiles)

    def _recording_instant(self, work: _Work, newest: int, now: int) -> int:
        """When the entries of this caller are recorded: never before the entry in front of them.

        They were prepared for the instant the caller came; if others came in between, or it
        is long ago, they are moved. The clock itself was checked before.
        """
        at = work.at if now - MAX_WAIT_MICROSECONDS <= work.at <= now else now
        at = max(at, newest)
        if at != work.at:
            work.at = at
            work.prepared.move_to(at)
        return at

    def _link(self, tx: Tx, linked: int, size: int) -> int:
        """Sort the newest links in by subject once there are enough of them; return how far they are."""
        if size - linked < MAX_UNLINKED:
            return linked
        tx.execute(
            f"{'INSERT OR FAIL' if tx.dialect == 'sqlite' else 'INSERT'} INTO rf_link (subject, idx)"
            " SELECT subject, idx FROM rf_sealed WHERE idx >= ? AND idx < ? AND subject IS NOT NULL"
            " ORDER BY subject, idx",
            (linked, size),
        )
        return size

    def _trusted_now(self, newest: int) -> int:
        now = self.clock()
        if 0 < newest - now <= SETTLE_MICROSECONDS:
            time.sleep((newest - now) / 1e6)
            now = self.clock()
        if now < newest:
            raise _clock_went_back(now, newest)
        return now

    def _forget(self, tx: Tx, subject: str, number: int | None) -> None:
        for (index,) in _links(tx.execute, subject):
            tx.execute("DELETE FROM rf_sealed WHERE idx = ?", (index,))
        tx.execute("DELETE FROM rf_link WHERE subject = ?", (subject,))
        if number is not None:
            self._forget_bits(tx, [number])

    def _forget_bits(self, tx: Tx, numbers: Collection[int]) -> None:
        """Take these customers out of the bitmaps of bulk uses, each page once."""
        from pyroaring import BitMap

        gone = BitMap(numbers)
        for part in sorted({number >> PART_BITS for number in gone}):
            cursor = (part << 40) - 1
            while page := tx.execute(
                "SELECT place, bits FROM rf_bulk WHERE place > ? AND place < ? ORDER BY place LIMIT 500",
                (cursor, (part + 1) << 40),
            ):
                cursor = page[-1][0]
                for place, bits in page:
                    members = BitMap.deserialize(bits)
                    if members.intersect(gone):
                        # Without the salt, nobody can try out which number is missing from the digest.
                        tx.execute(
                            "UPDATE rf_bulk SET bits = ?, salt = NULL WHERE place = ?",
                            ((members - gone).serialize(), place),
                        )

    def _refuse_if_broken(self) -> None:
        if self._broken is not None:
            raise LedgerUnavailable(f"the ledger stopped after a fault ({self._broken}) and records nothing")
        if self._closed:
            raise LedgerUnavailable("the ledger is closed", remedy="Open it again")

    def _start(self, name: str, target: Callable[[], None]) -> None:
        if name in self._threads:
            return
        with self._threads_lock:
            if name not in self._threads:
                thread = threading.Thread(target=target, name=name, daemon=True)
                thread.start()
                self._threads[name] = thread

    # Below: opening

    def _create(self, tx: Tx) -> None:
        root = merkle.EMPTY_ROOT
        note = sign_checkpoint(Checkpoint(self.key.name, 0, root), self.key, self.keys.sign)
        if (self.folder / "checkpoint").exists():
            raise LedgerRolledBack("the folder holds a checkpoint, but the database holds no log")
        tx.execute(
            "INSERT INTO rf_head (one, origin, recoveries, size, root, newest_at, linked, note)"
            " VALUES (1, ?, 0, 0, ?, 0, 0, ?)",
            (self.base_origin, root, note),
        )
        # Before the commit: a log without an outside checkpoint is refused at every later start.
        write_durably(self.folder / "checkpoint", note.encode())

    def _check_keys(self, tx: Tx) -> bool:
        """Refuse other keys than those of this database; whether subjects' keys were moved out of it."""
        mine = self.keys.check_values() | {SUBJECT_KEYS: self.keys.subjects.id}
        known: dict[str, str] = dict(tx.execute("SELECT name, value FROM rf_key_check"))
        for name, value in known.items():
            if mine.get(name) != value:
                raise KeyMissing(f"the {name} key in {self.keys.describe()} is not the one of this database")
        tx.insert_many("rf_key_check", "name, value", [item for item in mine.items() if item[0] not in known])
        inside: dict[str, bytes] = dict(tx.execute("SELECT subject, wrapped FROM rf_subject_key"))
        self.keys.subjects.keep({subject: bytes(wrapped) for subject, wrapped in inside.items()})
        tx.execute("DELETE FROM rf_subject_key")
        return bool(inside)

    def _name_epoch(self, recoveries: int) -> None:
        name = self.base_origin if recoveries == 0 else f"{self.base_origin}/recovery-{recoveries}"
        self.key = VerifierKey(name, self.keys.public_key)

    def _check_outside(self, *, recovering: bool) -> str | None:
        """Compare with the checkpoint kept outside; return it if it contradicts and we recover from that."""
        outside = read_if_there(self.folder / "checkpoint")
        with self.db.read() as tx:
            head = tx.one("SELECT size FROM rf_head")
            assert head is not None
            problem = self._contradiction(tx, head[0], outside)
        if problem is None:
            if recovering:
                raise BadInput("there is nothing to recover from: log and outside checkpoint agree")
            if outside is not None:
                # Tiles that may not have reached the disk before a power cut are looked at again.
                self._published = min(open_checkpoint(outside, self.key).size, synced_size(self.folder))
            return None
        if not recovering:
            raise LedgerRolledBack(problem)
        return (outside or b"").decode("utf-8", "replace")

    def contradiction(self, note: str) -> str | None:
        """Why this log cannot be the one that a signed checkpoint was made of; None if it can."""
        with self.db.read() as tx:
            head = tx.one("SELECT size FROM rf_head")
            assert head is not None
            return self._contradiction(tx, head[0], note.encode())

    def _contradiction(self, tx: Tx, size: int, outside: bytes | None) -> str | None:
        if outside is None:
            return f"the outside checkpoint is missing, and the log has {size} entries"
        try:
            seen = open_checkpoint(outside, self.key)
        except BadNote as error:
            return f"the outside checkpoint is not one of this log: {error}"
        if seen.size > size:
            return f"the outside checkpoint knows {seen.size} entries, the database holds {size}"
        try:
            root = merkle.root_at(seen.size, StoredTree(tx).subtree)
        except IndexError as error:
            return f"the first {seen.size} entries are not all in the database ({error})"
        if root != seen.root:
            return f"the first {seen.size} entries are not those that were signed"
        return None

    def _load(self, tx: Tx) -> None:
        """Rebuild the right edge of the tree from the tables and hold it against the stored root."""
        head = tx.one("SELECT size, root, note FROM rf_head")
        assert head is not None
        size, root, note = head[0], bytes(head[1]), head[2]
        edge = self._caught_up(tx, size, root)
        if edge is None:
            edge = StoredTree(tx).edge(size)
        beyond = tx.one("SELECT max(idx) FROM rf_entry")
        if edge.root() != root or (beyond and beyond[0] is not None and beyond[0] != size - 1):
            raise IntegrityFault(
                "the stored entries do not hash to the stored root", remedy="Run `rightful ledger verify`"
            )
        try:
            signed = open_checkpoint(note, self.key)
        except BadNote as error:
            raise IntegrityFault(f"the stored checkpoint is not one of this log: {error}") from error
        if (signed.size, signed.root) != (size, root):
            raise IntegrityFault("the stored checkpoint is not that of the stored tree")
        self._edge, self._edge_root = edge, root

    def _caught_up(self, tx: Tx, size: int, root: bytes) -> Edge | None:
        """Our edge plus the few entries another process added since; None if that is not how it came."""
        if not 0 < size - self._edge.size <= 10 * GROUP_SIZE:
            return None
        edge = self._edge.copy()
        added = tx.execute("SELECT leaf FROM rf_entry WHERE idx >= ? AND idx < ? ORDER BY idx", (edge.size, size))
        edge.add([merkle.leaf_hash(bytes(leaf)) for (leaf,) in added])
        return edge if edge.size == size and edge.root() == root else None

    def _begin_recovery(self, lost: str | None, statement: str) -> None:
        stamp = f"{self.head()[0]}-{self.clock()}"
        if (self.folder / "checkpoint").exists():
            write_durably(self.folder / f"checkpoint.lost-{stamp}", (self.folder / "checkpoint").read_bytes())
        with self.db.write() as tx:
            tx.execute("UPDATE rf_head SET recoveries = recoveries + 1")
            row = tx.one("SELECT recoveries, size, root FROM rf_head")
            assert row is not None
            self._name_epoch(row[0])
            note = sign_checkpoint(Checkpoint(self.key.name, row[1], bytes(row[2])), self.key, self.keys.sign)
            tx.execute("UPDATE rf_head SET note = ?", (note,))
            write_durably(self.folder / "checkpoint", note.encode())
        # Tiles of the lost entries are history of the old epoch: keep them, under a name of their own.
        if (self.folder / "tile").exists():
            (self.folder / "tile").rename(self.folder / f"tile.lost-{stamp}")
        self._published = 0
        self.append(
            [
                Draft(
                    "ledger.recovered",
                    {
                        "continues_from": self.head()[0],
                        "earlier_origin": self.base_origin,
                        "lost_checkpoint": lost or "",
                        "statement": statement,
                    },
                )
            ]
        )

    # Below: publishing (outside the database)

    def _publisher(self) -> None:
        while not self._closed:
            self._wake_publisher.wait()
            self._wake_publisher.clear()
            try:
                self._publish()
            except LedgerUnavailable:
                return
            except Exception as error:  # a program fault here must stop acknowledgements, not vanish
                self._broken = f"publishing failed: {type(error).__name__}"
                return
            self._closing.wait(PUBLISH_SECONDS)

    def _take_recent(self, size: int) -> Recent:
        """The entries at hand; those of full tiles are let go of."""
        with self._recent_lock:
            taken = self._recent
            cut = max(size - size % TILE_WIDTH, taken.first) - taken.first
            self._recent = Recent(taken.first + cut, taken.leaves[cut:], taken.hashes[cut:])
        return taken

    def _publish(self, *, sync: bool = False) -> None:
        try:
            with self._publish_lock, folder_lock(self.folder):
                with self.db.read() as tx:
                    head = tx.one("SELECT size, note FROM rf_head")
                    assert head is not None
                    size, note = head
                    outside = read_if_there(self.folder / "checkpoint")
                    there = open_checkpoint(outside, self.key).size if outside else 0
                    if size < there or (size == there == self._published and not sync):
                        return  # another process published more
                    tree = StoredTree(tx, self._take_recent(size))
                    write_tiles(self.folder, tree, min(there, self._published), size)
                write_durably(self.folder / "checkpoint", note.encode())
                self._published = size
                if sync or time.monotonic() - self._synced_at > SYNC_SECONDS:
                    sync_tiles(self.folder, min(synced_size(self.folder), size), size)
                    self._synced_at = time.monotonic()
            if self.on_publish is not None:
                with contextlib.suppress(Busy):  # the next publication tells it all
                    self.on_publish(size, note)
        except OSError as error:
            self._broken = f"the checkpoint outside could not be written: {error.strerror}"
            raise LedgerUnavailable(self._broken) from error
        except BadNote as error:
            self._broken = f"the outside checkpoint was changed: {error}"
            raise LedgerUnavailable(self._broken) from error


def _links(query: Callable[..., list[Any]], subject: str) -> list[tuple[int]]:
    return query(
        "SELECT idx FROM rf_link WHERE subject = ? UNION SELECT idx FROM rf_sealed"
        " WHERE idx >= (SELECT linked FROM rf_head) AND subject = ? ORDER BY 1",
        (subject, subject),
    )


def _clock_went_back(now: int, newest: int) -> ClockUntrusted:
    return ClockUntrusted(f"the clock stands {(newest - now) / 1e6:.6f} seconds before the newest ledger entry")


def _for_each_caller(error: BaseException) -> BaseException:
    """An exception of its own for each thread that waited, with the cause kept."""
    if not isinstance(error, Exception):  # Ctrl-C in the thread that wrote for the others
        return LedgerUnavailable("recording was interrupted; whether it happened is not known")
    if isinstance(error, LedgerUnavailable):
        own = type(error)(error.sentence, remedy=error.what_next)
        own.__cause__ = error
        return own
    return error


_open_ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for ledger in list(_open_ledgers):
        with contextlib.suppress(Exception):  # at exit there is nobody left to tell; the next start catches up
            ledger.close()


def _close_at_exit(ledger: Ledger) -> None:
    _open_ledgers.add(ledger)


_held_for_fork: list[Any] = []


def _before_fork() -> None:
    """Let the other threads leave the database and the folder first: a lock of SQLite's own, or of a file,
    that one of them holds now would stay locked in the child for ever."""
    for ledger in list(_open_ledgers):
        for lock in ledger.locks_around_work():
            if lock.acquire(timeout=FORK_WAITS_SECONDS):
                _held_for_fork.append(lock)


def _after_fork_in_parent() -> None:
    while _held_for_fork:
        _held_for_fork.pop().release()


def _after_fork_in_child() -> None:
    _held_for_fork.clear()
    for ledger in list(_open_ledgers):
        ledger.begin_life()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
