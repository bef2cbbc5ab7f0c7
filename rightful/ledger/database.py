"""How the control database is read and written: one small class over SQLite and PostgreSQL.

Not for customer data (that is the gate's), but for what Rightful itself must
remember: the ledger, consent events, keys under lock.

    db = connect("workspace/control.sqlite")        # or postgresql://...
    db.migrate("consent", ["CREATE TABLE consent_event (id INTEGER PRIMARY KEY, ...)"])
    with db.write() as tx:
        tx.execute("INSERT INTO consent_event VALUES (?, ?)", (1, "given"))
    rows = db.query("SELECT * FROM consent_event WHERE id = ?", (1,))

Easy to get wrong: a durable commit (SQLite: WAL with synchronous=FULL), two
processes that both read before they write (BEGIN IMMEDIATE), rows that stay in
free pages after a delete (secure_delete, then `scrub`), and an error on commit that
is tried again (here it is raised, as LedgerUnavailable, and never retried).

Sources: sqlite.org/wal.html, sqlite.org/pragma.html; PostgreSQL 15 manual ch. 13.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import struct
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from rightful.errors import IntegrityFault, LedgerUnavailable

if TYPE_CHECKING:
    import psycopg

Dialect = Literal["sqlite", "postgresql"]
Row = tuple[Any, ...]
Step = Sequence[str] | Mapping[str, Sequence[str]]
"""The statements of one migration step, or those of each dialect."""

BUSY_SECONDS = 30
_MIGRATION_LOCK = 0x52_66_6D_69  # any number nobody else uses for an advisory lock


class Conflict(Exception):
    """A row breaks a key or a constraint: it is there already, or what it points to is not.

    `table` is the table's name where the database says it, else "".
    """

    def __init__(self, sentence: str, table: str = "") -> None:
        super().__init__(sentence)
        self.table = table


class Busy(LedgerUnavailable):
    """Another process holds the write lock for too long. Nothing was written."""

    remedy = "Try again; if it lasts, look for a stuck process"


def connect(url: str | Path, *, busy_seconds: float = BUSY_SECONDS) -> Database:
    """Open a control database.

    Args:
        url: a path, `sqlite:///path`, or `postgresql://user@host/name`.
        busy_seconds: how long a write waits for another process.
    """
    text = str(url)
    if text.startswith(("postgresql://", "postgres://")):
        return Database("postgresql", text, busy_seconds)
    if "://" in text and not text.startswith("sqlite:///"):
        raise LedgerUnavailable(
            "the address of the control database is of an unknown kind",
            remedy="Give a file path, or postgresql://user@host/name",
        )
    return Database("sqlite", str(Path(text.removeprefix("sqlite:///")).absolute()), busy_seconds)


class Tx:
    """One transaction. `?` stands for a value in both dialects."""

    __slots__ = ("_pipeline", "_raw", "_waiting", "dialect")

    def __init__(
        self,
        raw: Any,
        dialect: Dialect,
        pipeline: Any = None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._raw = raw
        self.dialect = dialect
        self._pipeline = pipeline
        self._waiting = waiting

    def execute(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """Run one statement; the rows it returns, or an empty list.

        Raises:
            Conflict: a key or constraint forbids the row.
            LedgerUnavailable: the disk or the connection failed.
        """
        try:
            if self.dialect == "sqlite":
                rows: list[Row] = self._raw.execute(sql, params).fetchall()
                return rows
            cursor = self._raw.execute(_for_postgresql(sql), params or None)
            if self._pipeline is not None:
                return cursor.fetchall() if _RETURNS_ROWS.search(sql) else []
            return cursor.fetchall() if cursor.description else []
        except Exception as error:
            _translate(error)

    def one(self, sql: str, params: Sequence[Any] = ()) -> Row | None:
        """The first row, or None."""
        rows = self.execute(sql, params)
        return rows[0] if rows else None

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run one statement for each row of values."""
        try:
            if self.dialect == "sqlite":
                self._raw.executemany(sql, rows)
            else:
                with self._raw.cursor() as cursor:
                    cursor.executemany(_for_postgresql(sql), rows)
        except Exception as error:
            _translate(error)

    def insert_many(self, table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
        """Insert many rows as fast as the dialect can (SQLite: wide VALUES; PostgreSQL: arrays).

        After a `Conflict` some of the rows may be there: undo the transaction, or the savepoint around this.

        Args:
            table, columns: constants of the program ("idx, leaf"), never input.
        """
        if not rows:
            return
        try:
            if self.dialect == "postgresql":
                _insert_arrays(self._raw, table, columns, rows, self._waiting)
                return
            at, width = 0, len(rows[0])
            for step in (256, 16, 1):
                sql = _wide_insert(table, columns, width, step)
                while len(rows) - at >= step:
                    self._raw.execute(sql, list(chain.from_iterable(rows[at : at + step])))
                    at += step
        except Exception as error:
            _translate(error)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what happens inside when it raises."""
        self.execute("SAVEPOINT part")
        try:
            yield
            self.settle()
        except LedgerUnavailable:
            raise  # the whole transaction is lost already
        except BaseException:
            with suppress(Exception):  # what follows a failed statement in a pipeline fails with it
                self.settle()
            self.execute("ROLLBACK TO SAVEPOINT part")
            self.execute("RELEASE SAVEPOINT part")
            raise
        self.execute("RELEASE SAVEPOINT part")

    def settle(self) -> None:
        """Wait until everything sent so far was done, and raise what went wrong with it."""
        if self._pipeline is not None:
            try:
                self._pipeline.sync()
            except Exception as error:
                _translate(error)

    def commit(self) -> None:
        """The end of a write: on disk when this returns."""
        if self.dialect == "sqlite":
            self.execute("COMMIT")
            return
        try:
            cursor = self._raw.execute("COMMIT")
            if self._pipeline is not None:
                self._pipeline.sync()
            if cursor.statusmessage != "COMMIT":  # PostgreSQL answers ROLLBACK to a failed transaction
                raise LedgerUnavailable("the control database did not commit")
        except LedgerUnavailable:
            raise
        except Exception as error:
            _translate(error)


class Database:
    """A control database. Safe to share between threads; each gets its own connection."""

    def __init__(self, dialect: Dialect, target: str, busy_seconds: float) -> None:
        self.dialect: Dialect = dialect
        self.target = target
        self._busy_seconds = busy_seconds
        self.begin_life()
        _open_databases.add(self)
        self._connections: weakref.WeakSet[_Held] = weakref.WeakSet()
        self._generation = 0

    def begin_life(self) -> None:
        """Made anew in a forked child, where a thread that is not there may hold the lock."""
        self._own = threading.local()
        self._writing = threading.RLock()  # threads queue here, fairly; SQLite's own wait is polling

    def __repr__(self) -> str:
        return f"Database({self.dialect})"  # an address may hold a password

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside `write` or `read`."""
        return getattr(self._own, "tx", None) is not None

    @contextmanager
    def write(
        self,
        *,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
        pipelined: bool = False,
    ) -> Iterator[Tx]:
        """A durable transaction: on disk once the block ends, undone when it raises.

        Inside another `write` of the same thread it joins that one.

        Args:
            waiting: entered while this thread waits for the disk or, pipelined, for the server.
            pipelined: on PostgreSQL, send statements without waiting for each to be done. What
                goes wrong with one is raised by a later one that returns rows, by `tx.settle()`
                or by the commit.

        Raises:
            Busy: another process holds the lock; nothing was written.
            LedgerUnavailable: disk or connection failed; what was in the block is not acknowledged.
        """
        outer: Tx | None = getattr(self._own, "tx", None)
        if outer is not None:
            if not self._own.writable:
                raise RuntimeError("a write was opened inside a read of the same thread")
            with outer.savepoint():
                yield outer
            return
        # Processes exclude each other in the database; PostgreSQL lets threads write side by side.
        lock = self._writing if self.dialect == "sqlite" else _NoLock()
        with lock:
            raw = self._connection()
            try:
                with self._pipeline(raw, pipelined) as pipeline:
                    tx = Tx(raw, self.dialect, pipeline, waiting)
                    tx.execute("BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN")
                    self._own.tx, self._own.writable = tx, True
                    try:
                        yield tx
                        with waiting():
                            tx.commit()
                    except BaseException:
                        with suppress(Exception):
                            tx.settle()
                        raise
            except BaseException:
                self._undo(raw)
                raise
            finally:
                self._own.tx = None

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """One consistent view of the database. Inside `write` it sees what was written there."""
        outer: Tx | None = getattr(self._own, "tx", None)
        if outer is not None:
            yield outer
            return
        raw = self._connection()
        tx = Tx(raw, self.dialect)
        tx.execute("BEGIN" if self.dialect == "sqlite" else "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        self._own.tx, self._own.writable = tx, False
        try:
            yield tx
        finally:
            self._own.tx = None
            self._undo(raw)

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[Row]:
        """One reading statement on its own (no transaction around it: a few microseconds)."""
        outer: Tx | None = getattr(self._own, "tx", None)
        return (outer or Tx(self._connection(), self.dialect)).execute(sql, params)

    def migrate(self, name: str, *steps: Step) -> int:
        """Bring the tables of one room up to date; return how many steps were new.

        Each step runs once, all new ones in one transaction. Write types as SQLite
        does (INTEGER, BLOB, REAL, `INTEGER PRIMARY KEY AUTOINCREMENT`, STRICT, WITHOUT
        ROWID): they are translated. Never change a released step; add another.

        Raises:
            IntegrityFault: the database was written by a newer program than this one.
        """
        with self.write() as tx:
            if self.dialect == "postgresql":
                tx.execute(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
            self._ddl(
                tx,
                "CREATE TABLE IF NOT EXISTS rf_migration (name TEXT PRIMARY KEY, version INTEGER NOT NULL)",
            )
            found = tx.one("SELECT version FROM rf_migration WHERE name = ?", (name,))
            version = found[0] if found else 0
            if version > len(steps):
                raise IntegrityFault(
                    f"the tables of {name} are of version {version}, this program knows {len(steps)}",
                    remedy="Start the newer program, or restore a database of this version",
                )
            for step in steps[version:]:
                for statement in step[self.dialect] if isinstance(step, Mapping) else step:
                    self._ddl(tx, statement)
            if len(steps) > version:
                tx.execute(
                    "INSERT INTO rf_migration (name, version) VALUES (?, ?)"
                    " ON CONFLICT (name) DO UPDATE SET version = excluded.version",
                    (name, len(steps)),
                )
            return len(steps) - version

    def scrub(self, *tables: str, rewrite: bool = False) -> None:
        """Take what was deleted out of the files, too. Call after a deletion that must be final.

        SQLite overwrites deleted rows at once (secure_delete) but keeps them in the
        write-ahead log; that is folded in and cut to nothing here. PostgreSQL keeps dead
        rows until they are vacuumed; name the tables. Their bytes may stay in the gaps of
        pages until those are used again, unless the tables are rewritten.

        Args:
            rewrite: PostgreSQL only: make the tables anew, locked meanwhile.
        """
        if self.in_transaction:
            raise RuntimeError("scrub after the transaction, not inside it")
        if self.dialect == "sqlite":
            with self._writing:
                busy = self.query("PRAGMA wal_checkpoint(TRUNCATE)")[0][0]
            if busy:
                raise Busy("the write-ahead log is in use by a long read and still holds what was deleted")
            return
        for table in tables:
            self.query(f"VACUUM {'(FULL) ' if rewrite else ''}{_identifier(table)}")
        self.query("CHECKPOINT")

    def close(self) -> None:
        """Close the connections of all threads."""
        self._generation += 1
        for held in list(self._connections):
            held.close()

    # Below: connections

    def _connection(self) -> Any:
        own = self._own
        mine = getattr(own, "key", None) == (os.getpid(), self._generation)
        if mine and (self.dialect == "sqlite" or not own.held.raw.closed):
            return own.held.raw
        try:
            raw = self._open_sqlite() if self.dialect == "sqlite" else self._open_postgresql()
        except Exception as error:
            _translate(error, "the control database cannot be opened")
        own.held, own.key, own.tx = _Held(raw), (os.getpid(), self._generation), None
        self._connections.add(own.held)
        return raw

    def _open_sqlite(self) -> sqlite3.Connection:
        path = Path(self.target)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Only a new file is opened here: closing any handle of a database file drops all locks that this
        # process holds on it, and the next process to close would take the write-ahead log away under us.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        raw = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            timeout=self._busy_seconds,
            cached_statements=512,
        )
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.execute("PRAGMA secure_delete = ON")
        raw.execute("PRAGMA trusted_schema = OFF")
        raw.execute("PRAGMA temp_store = MEMORY")  # also keeps copies for savepoints out of temporary files
        raw.execute("PRAGMA wal_autocheckpoint = 8192")
        raw.execute("PRAGMA cache_size = -65536")
        return raw

    def _open_postgresql(self) -> psycopg.Connection[Row]:
        import psycopg

        wait = int(self._busy_seconds * 1000)
        try:
            return psycopg.connect(
                self.target,
                autocommit=True,
                application_name="rightful",
                options=f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={wait}"
                f" -c idle_in_transaction_session_timeout={wait * 2}",
            )
        except psycopg.ProgrammingError:  # its words hold what it could not read, which may be the password
            raise LedgerUnavailable(
                "the address of the control database cannot be read",
                remedy="Write characters like @ / : # % and spaces in user and password as %40 %2F %3A %23 %25 %20",
            ) from None
        except psycopg.OperationalError as error:
            error.args = (type(error).__name__,)  # it may take a piece of the password for the host, and say so
            raise

    def _pipeline(self, raw: Any, wanted: bool) -> AbstractContextManager[Any]:
        if wanted and self.dialect == "postgresql":
            pipeline: AbstractContextManager[Any] = raw.pipeline()
            return pipeline
        return nullcontext()

    def _undo(self, raw: Any) -> None:
        try:
            if self.dialect == "postgresql":
                if not raw.closed:
                    raw.execute("ROLLBACK")
            elif raw.in_transaction:
                raw.execute("ROLLBACK")
        except Exception:
            raw.close()  # a connection that cannot roll back is not used again
            self._own.key = None

    def _ddl(self, tx: Tx, statement: str) -> None:
        tx.execute(_types_of_postgresql(statement) if self.dialect == "postgresql" else statement)


_open_databases: weakref.WeakSet[Database] = weakref.WeakSet()


def _after_fork() -> None:
    for database in list(_open_databases):
        database.begin_life()


os.register_at_fork(after_in_child=_after_fork)


_left_alone: list[Any] = []


class _Held:
    """A thread's connection; closed when the thread ends, for nobody else can use it then."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self._pid = os.getpid()

    def close(self) -> None:
        if self._pid == os.getpid():
            self.raw.close()
        else:  # a forked child must neither use nor close its parent's connection
            _left_alone.append(self.raw)

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()


class _NoLock:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        return None


def _insert_arrays(
    raw: psycopg.Connection[Row],
    table: str,
    columns: str,
    rows: Sequence[Sequence[Any]],
    waiting: Callable[[], AbstractContextManager[None]],
) -> None:
    """INSERT ... SELECT FROM unnest(one array for each column), the arrays packed here.

    One statement for any number of rows, also inside a pipeline, where COPY is not allowed. The
    columns' types are looked up once for each connection.
    """
    known: dict[tuple[str, str], list[int]] = raw.__dict__.setdefault("_rightful_types", {})
    types = known.get((table, columns))
    if types is None:
        cursor = raw.execute(f"SELECT {columns} FROM {table} LIMIT 0")
        cursor.fetchall()
        types = known[table, columns] = [column.type_code for column in cursor.description or ()]
        for packed in _PACKED.values():
            raw.adapters.register_dumper(packed, _dumper_of(packed))
    if not set(types) <= set(_PACKED):
        with raw.cursor() as many:
            many.executemany(_for_postgresql(_wide_insert(table, columns, len(types), 1)), rows)
        return
    arrays = [_PACKED[oid](_pack(oid, column)) for oid, column in zip(types, zip(*rows, strict=True), strict=True)]
    with waiting():
        raw.execute(f"INSERT INTO {table} ({columns}) SELECT * FROM unnest({', '.join(['%b'] * len(arrays))})", arrays)


class _PackedArray:
    """An array in PostgreSQL's binary form, ready to be sent."""

    __slots__ = ("data",)
    array_oid: ClassVar[int]

    def __init__(self, data: bytes) -> None:
        self.data = data


class _Int8Array(_PackedArray):
    array_oid = 1016


class _TextArray(_PackedArray):
    array_oid = 1009


class _ByteaArray(_PackedArray):
    array_oid = 1001


class _Float8Array(_PackedArray):
    array_oid = 1022


_PACKED: dict[int, type[_PackedArray]] = {20: _Int8Array, 25: _TextArray, 17: _ByteaArray, 701: _Float8Array}
_ELEMENTS: dict[int, Callable[[Any], bytes]] = {
    20: struct.Struct(">q").pack,
    25: str.encode,
    17: bytes,
    701: struct.Struct(">d").pack,
}


def _pack(oid: int, values: Sequence[Any]) -> bytes:
    """PostgreSQL's binary array: dimensions, NULLs or not, element type, length, first index; then elements."""
    length, element, null = struct.Struct(">i").pack, _ELEMENTS[oid], struct.pack(">i", -1)
    parts = [struct.pack(">iiIii", 1, 0, oid, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(null)
            parts[0] = struct.pack(">iiIii", 1, 1, oid, len(values), 1)
        else:
            data = element(value)
            parts.append(length(len(data)))
            parts.append(data)
    return b"".join(parts)


def _dumper_of(packed: type[_PackedArray]) -> Any:
    from psycopg.adapt import Dumper
    from psycopg.pq import Format

    class PackedDumper(Dumper):
        format = Format.BINARY
        oid = packed.array_oid

        def dump(self, obj: _PackedArray) -> bytes:
            return obj.data

    return PackedDumper


@lru_cache(512)
def _wide_insert(table: str, columns: str, width: int, rows: int) -> str:
    row = f"({', '.join('?' * width)})"
    # OR FAIL: to be able to undo half of a statement, SQLite would copy every page it is about to change.
    return f"INSERT OR FAIL INTO {table} ({columns}) VALUES {', '.join([row] * rows)}"


_RETURNS_ROWS = re.compile(r"^\s*(?:SELECT|VALUES|WITH|SHOW|TABLE)\b|\bRETURNING\b", re.I)
_QUOTED_OR_MARK = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\?|%")


@lru_cache(1024)
def _for_postgresql(sql: str) -> str:
    if "?" not in sql:
        return sql  # no values, so psycopg leaves per cent signs alone
    marks: dict[str, str] = {"?": "%s", "%": "%%"}
    return _QUOTED_OR_MARK.sub(lambda m: marks.get(m[0], m[0].replace("%", "%%")), sql)


_DDL_WORDS: list[tuple[re.Pattern[str], str]] = [
    (
        re.compile(r"\bINTEGER\s+PRIMARY\s+KEY\s+AUTOINCREMENT\b", re.I),
        "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    ),
    (re.compile(r"\bINTEGER\b", re.I), "BIGINT"),
    (re.compile(r"\bBLOB\b", re.I), "BYTEA"),
    (re.compile(r"\bREAL\b", re.I), "DOUBLE PRECISION"),
    (re.compile(r"\)\s*(?:STRICT|WITHOUT\s+ROWID)(?:\s*,\s*(?:STRICT|WITHOUT\s+ROWID))*\s*$", re.I), ")"),
]


def _types_of_postgresql(statement: str) -> str:
    for pattern, replacement in _DDL_WORDS:
        statement = pattern.sub(replacement, statement)
    return statement


def _identifier(name: str) -> str:
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", name):
        raise ValueError("a table's name has small letters, digits and underscores")
    return name


def _translate(error: BaseException, sentence: str = "the control database did not do as asked") -> NoReturn:
    """Raise what callers can tell apart: Conflict, Busy, LedgerUnavailable; everything else as it came."""
    if isinstance(error, sqlite3.IntegrityError):
        table = re.search(r"failed: (\w+)\.", str(error))
        raise Conflict(str(error), table[1] if table else "") from error
    if isinstance(error, sqlite3.DatabaseError):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Busy("the control database is locked by another process") from error
        if code in _BROKEN:
            raise LedgerUnavailable(f"{sentence}: {error}") from error
        raise error
    if type(error).__module__.startswith("psycopg"):
        _translate_psycopg(error, sentence)
    if isinstance(error, OSError):
        raise LedgerUnavailable(f"{sentence}: {error.strerror}") from error
    raise error


_BROKEN = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_NOMEM,
    }
)


def _translate_psycopg(error: BaseException, sentence: str) -> NoReturn:
    import psycopg
    from psycopg import errors

    if isinstance(error, errors.IntegrityError):
        sentence = error.diag.message_primary or "a constraint forbids the row"
        raise Conflict(sentence, error.diag.table_name or "") from error
    if isinstance(error, errors.LockNotAvailable | errors.DeadlockDetected | errors.SerializationFailure):
        raise Busy("the control database is locked by another process") from error
    if isinstance(error, psycopg.OperationalError | psycopg.InternalError | psycopg.InterfaceError):
        raise LedgerUnavailable(f"{sentence}: {type(error).__name__}") from error
    raise error
