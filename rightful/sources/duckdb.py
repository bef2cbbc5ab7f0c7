"""How the embedded store keeps customer data, and who may open it when.

One DuckDB file, encrypted as a whole by the engine (AES-256-GCM). Governed
tables stand in the schema `rf_base`; each carries `rf_no`, the customer's
dense number, and one BOOLEAN column per permission flag, so that a gated read
is a scan of the table itself and never a join. Our own notes (which tables are
governed, what the flags stand for) stand in `rf_meta`.

Easy to get wrong:
* DuckDB allows one process that writes or several that only read. Its file
  lock belongs to the process, so inside one process it protects nothing: the
  `_Gatekeeper` below keeps readers and the writer of one file apart. Never
  open and close the file in this process by other means while it is in use:
  closing any handle drops the process's lock.
* Readers are opened read-only, with external access off, extensions off, and
  the configuration locked. Whatever spills to disk is encrypted too.
* The engine's own error texts hold values of rows ("could not convert 'ana@...'
  to INT"), so none of them leaves this file, not even as a chained cause.
* DuckDB's built-in mbedTLS may read but not write encrypted files: its random
  numbers are not cryptographic. The OpenSSL module (extension `httpfs`, signed
  by DuckDB) is used when it is installed; `DuckDBSource.crypto` says which one works.
* A row whose customer has no number, and a customer numbered after the flags
  were made, has every flag false.

Sources: DuckDB documentation, "Securing DuckDB", "Database encryption",
"Concurrency"; CVE-2025-64429 (why writing with mbedTLS is off by default).
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import hmac
import importlib.util
import math
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
from sqlglot import exp

from rightful.errors import BadInput, IntegrityFault, KeyMissing, NotFound, QueryFailed, SourceUnavailable
from rightful.sources.contract import ColumnInfo, Dialect, FlagState, StoredTable, TableInfo
from rightful.sources.structure import check_reach, structure_of_duckdb

STORE = "store"  # the alias under which the file is attached, in readers and writers alike
BASE = "rf_base"
META = "rf_meta"
NUMBER = "rf_no"
FORMAT = 1
KEY_BYTES = 32

# Checkpoints rewrite whole row groups; below this a patch stays in the write-ahead log, which every
# opening replays (about 0.1 s per MB on 10 M rows), so it must not grow without end.
WAL_LIMIT = 8 << 20

_REVERSED = np.array([int(f"{byte:08b}"[::-1], 2) for byte in range(256)], dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Limits:
    """What queries may take; memory None: half of the machine's. `temp_bytes` is disk to spill to, encrypted.

    The engine knows a limit on spilling, too, and does not keep to it once the spill is encrypted
    (DuckDB 2.0: 345 MB at a limit of 4 MB), so our own watchdog measures the folder.
    """

    memory: str | None = None
    temp_bytes: int = 16 << 30
    threads: int | None = None
    statement_seconds: float | None = 900.0


class DuckDBSource:
    """The embedded store. Make it with `create`, find it again with `open`."""

    name: str
    dialect: Dialect = "duckdb"

    def __init__(
        self,
        path: Path,
        key: bytes,
        *,
        read_only: bool = False,
        limits: Limits | None = None,
        idle_seconds: float = 2.0,
        wait_seconds: float = 15.0,
        name: str = "store",
    ) -> None:
        """Use `create` or `open`; they check what this does not."""
        if len(key) != KEY_BYTES:
            raise KeyMissing(f"the store's key is {len(key)} bytes long, not {KEY_BYTES}")
        self.name = name
        self.path = path
        self._key = base64.b64encode(key).decode("ascii")
        self._read_only = read_only
        self._limits = limits or Limits()
        self._wait_seconds = wait_seconds
        self._gate = _gatekeeper(path)
        self._idle_seconds = idle_seconds
        self._closed = False

    @classmethod
    def create(cls, path: str | Path, key: bytes, **options: Any) -> DuckDBSource:
        """Make an empty store. It appears whole or not at all.

        Raises:
            BadInput: something is there already.
        """
        target = Path(path)
        if target.exists():
            raise BadInput(
                f"there is a file at {target} already",
                remedy="Open it, or choose another place; a store is never overwritten",
            )
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        half = target.with_name(f".{target.name}.{os.getpid()}.new")
        _remove_store(half)
        making = cls(half, key, **options)
        with making.writing() as con:
            for statement in _SCHEMA:
                con.execute(statement)
            con.execute(f"INSERT INTO {META}.info VALUES (?)", [FORMAT])
        making.close()
        half.chmod(0o600)
        half.rename(target)
        return cls.open(target, key, **options)

    @classmethod
    def open(cls, path: str | Path, key: bytes, *, read_only: bool = False, **options: Any) -> DuckDBSource:
        """Open an existing store and check that the key fits.

        Raises:
            NotFound: there is no file.
            KeyMissing: the key is not the one it was written with.
            IntegrityFault: the file is damaged or of a format this version does not know.
        """
        target = Path(path)
        if not target.exists():
            raise NotFound(f"there is no store at {target}", remedy="`rightful init` makes one")
        found = cls(target, key, read_only=read_only, **options)
        with found._reading() as con:
            row = con.execute(f"SELECT format FROM {META}.info").fetchone()
        if row is None or row[0] != FORMAT:
            raise IntegrityFault(f"the store has format {row and row[0]}; this version reads {FORMAT}")
        return found

    @property
    def crypto(self) -> Literal["openssl", "mbedtls"]:
        """Which library encrypts what is written. "mbedtls": nonces are not from a cryptographic generator."""
        return "openssl" if _openssl_module() is not None else "mbedtls"

    # What the gate asks -------------------------------------------------------------------------

    def catalogue(self) -> tuple[TableInfo, ...]:
        """Governed tables as they are now; `rf_no` and the flags are ours and not listed."""
        with self._reading() as con:
            return self.catalogue_in(con)

    def customer_keys(self, start: int = 0) -> Iterator[tuple[np.ndarray[Any, Any], pa.Array]]:
        """Numbers and keys, in the order of the numbers, from `start` on."""
        customers = self._customer_table()
        if customers is None:
            return
        query = exp.select(
            exp.column(NUMBER), exp.cast(exp.column(customers.key, quoted=True), "TEXT").as_("key")
        ).from_(_table(customers.base))
        query = query.where(exp.column(NUMBER) >= start).order_by(exp.column(NUMBER))
        with self.run(query.sql("duckdb")) as reader:
            for batch in reader:
                yield batch.column(0).to_numpy(zero_copy_only=False).astype(np.uint32), batch.column(1)

    def number_new_customers(self) -> int:
        """Numbers are given when rows are loaded; here rows of other tables find their customer, if
        the customer came later, and customers that a change outside the import left without one."""
        with self.writing() as con:
            return self.renumber(con)

    def flags(self) -> FlagState | None:
        """The state of the flags, or None before the first `write_flags`."""
        with self._reading() as con:
            return self.flags_in(con)

    def write_flags(self, state: FlagState, planes: Mapping[str, np.ndarray[Any, Any]], numbers: int) -> None:
        """Replace all flags in all governed tables in one transaction.

        Each plane becomes one bit string and each flag is computed from `rf_no` alone, without a join.
        Only rows in which a flag differs are written. It is an UPDATE and not `ALTER ... USING`,
        which is faster by a little: after a crash the write-ahead log would evaluate the
        expression again, and find no bit string.
        """
        _check_flags(state, planes)
        with self.writing() as con:
            tables = self.catalogue_in(con)
            old = self.flags_in(con)
            for flag, plane in planes.items():
                con.execute(f"SET VARIABLE {_variable(flag)} = ?::BLOB::BIT", [_bit_string(plane, numbers)])
            for table in tables:
                base = _sql(table.base)
                present = _columns_of(con, table.base)
                for gone in sorted(set(old.columns if old else ()) - set(planes)):
                    if gone in present:
                        con.execute(f"ALTER TABLE {base} DROP COLUMN {quoted_name(gone)}")
                for flag in planes:
                    if flag not in present:
                        con.execute(f"ALTER TABLE {base} ADD COLUMN {quoted_name(flag)} BOOLEAN DEFAULT false")
                new = {flag: _bit_of(flag, numbers) for flag in planes}
                if new:
                    sets = ", ".join(f"{quoted_name(flag)} = {bit}" for flag, bit in new.items())
                    differ = " OR ".join(f"{quoted_name(f)} IS DISTINCT FROM ({bit})" for f, bit in new.items())
                    con.execute(f"UPDATE {base} SET {sets} WHERE {differ}")
            _store_state(con, state)

    def patch_flags(
        self,
        state: FlagState,
        numbers: np.ndarray[Any, Any],
        values: Mapping[str, np.ndarray[Any, Any]],
    ) -> None:
        """Set the flags in `values` for the customers in `numbers`; the other flags and people stay."""
        with self.writing(checkpoint=False) as con:
            old = self.flags_in(con)
            if old is None:
                raise IntegrityFault("flags cannot be changed before they were written once")
            unknown = set(values) - set(old.columns)
            if unknown or set(state.columns) != set(old.columns):
                raise IntegrityFault("a patch names other flags than the store has", remedy="Refresh all flags")
            if len(numbers) and values:
                patch = pa.table(
                    {NUMBER: np.asarray(numbers, dtype=np.uint32)}
                    | {flag: np.asarray(value, dtype=np.bool_) for flag, value in values.items()}
                )
                con.register("rf_patch", patch)
                sets = ", ".join(f"{quoted_name(flag)} = rf_patch.{quoted_name(flag)}" for flag in values)
                for table in self.catalogue_in(con):
                    con.execute(
                        f"UPDATE {_sql(table.base)} AS t SET {sets} FROM rf_patch WHERE t.{NUMBER} = rf_patch.{NUMBER}"
                    )
                con.unregister("rf_patch")
            _store_state(con, state)

    def run(self, sql: str, *, batch_rows: int = 65_536) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run one rewritten SELECT on a read-only, locked-down connection and stream its batches.

        Leave the context before writing: a writer waits until every open read has ended.

        Raises:
            QueryFailed: the statement failed while it ran; the sentence holds no values.
        """
        return self._run(sql, batch_rows)

    def whole(
        self,
        table: str,
        columns: Sequence[str],
        *,
        number: int | None = None,
        since: int | None = None,
        equals: tuple[str, str] | None = None,
        fold: bool = False,
        limit: int | None = None,
    ) -> AbstractContextManager[pa.RecordBatchReader]:
        """Read one governed table whatever the flags say; see the contract for when that is right."""
        text = exp.select(exp.column(NUMBER), *(exp.column(c, quoted=True) for c in columns))
        text = text.from_(_table((BASE, table)))
        if number is not None:
            text = text.where(exp.column(NUMBER).eq(exp.Literal.number(number)))
        if since is not None:
            text = text.where(exp.column(NUMBER) >= since)
        if equals is not None:
            column: exp.Expr = exp.cast(exp.column(equals[0], quoted=True), "TEXT")
            wanted: exp.Expr = exp.Literal.string(equals[1])
            if fold:
                column, wanted = exp.Lower(this=column), exp.Lower(this=wanted)
            text = text.where(exp.EQ(this=column, expression=wanted))
        if limit is not None:
            text = text.limit(limit)
        return self._run(text.sql("duckdb"), 65_536)

    def execute_disposal(
        self, statements: Sequence[tuple[str, Sequence[object]]], at_most: Sequence[int] | None = None
    ) -> list[int]:
        """Change or delete rows, all statements or none. Only the gate calls this."""
        affected: list[int] = []
        with self.writing() as con:
            for place, (sql, values) in enumerate(statements):
                row = con.execute(sql, list(values)).fetchone()
                affected.append(int(row[0]) if row and isinstance(row[0], int) else 0)
                check_reach(affected[-1], at_most, place)
        return affected

    def structure(self) -> tuple[StoredTable, ...]:
        """Every table of the store, imported or not, without what is ours."""
        with self._reading() as con:
            state = self.flags_in(con)
            return structure_of_duckdb(con, STORE, META, {NUMBER, *(state.columns if state else ())})

    def examine(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._reading() as con:
            return con.execute(sql, list(values)).fetchall()

    def purge(self, tables: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        """Write the whole store anew, into a fresh file that takes the old one's place.

        DuckDB keeps what was deleted in free blocks of its file, and rewriting a table only moves the rows
        that are left, so the file itself is replaced. Whoever reads meanwhile in this process waits.
        """
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}.fresh")
        _remove_store(fresh)
        with self._gate.exclusive(self._wait_seconds):
            con = self._open(read_only=False)
            try:
                with _translated():
                    con.execute(f"CHECKPOINT {STORE}")
                    con.execute(
                        f"ATTACH {quoted_text(str(fresh))} AS fresh (ENCRYPTION_KEY {quoted_text(self._key)}, "
                        "ENCRYPTION_CIPHER 'GCM')"
                    )
                    con.execute(f"COPY FROM DATABASE {STORE} TO fresh")
                    con.execute("CHECKPOINT fresh")
                    con.execute("DETACH fresh")
                    fresh.chmod(0o600)
                    with fresh.open("rb") as file:
                        os.fsync(file.fileno())
                    os.replace(fresh, self.path)
                    Path(f"{self.path}.wal").unlink(missing_ok=True)
            finally:
                con.close()
                _remove_store(fresh)
        return ()

    def close(self) -> None:
        """Close what is open for reading. The object cannot be used afterwards."""
        self._closed = True
        self._gate.close_idle(force=True)

    # What the importer asks ---------------------------------------------------------------------

    @contextmanager
    def writing(self, *, checkpoint: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """One writing transaction, alone on the file: commits at the end, rolls back on any exception.

        Readers of this process are closed first and reopen by themselves afterwards.

        Raises:
            SourceUnavailable: reads are still running here, or another process holds the file.
        """
        if self._read_only:
            raise SourceUnavailable(
                "this store was opened for reading only", remedy="Open it without read_only to change it"
            )
        with self._gate.exclusive(self._wait_seconds):
            con = self._open(read_only=False)
            try:
                with _translated():
                    if not checkpoint:
                        _prefer_log(con)
                    con.execute("BEGIN")
                    try:
                        yield con
                    except BaseException:
                        with contextlib.suppress(duckdb.Error):
                            con.execute("ROLLBACK")
                        raise
                    con.execute("COMMIT")
                    if checkpoint or self._wal_bytes() > WAL_LIMIT:
                        con.execute(f"CHECKPOINT {STORE}")
            finally:
                con.close()

    def _wal_bytes(self) -> int:
        try:
            return os.stat(f"{self.path}.wal").st_size
        except FileNotFoundError:
            return 0

    def register_table(self, con: duckdb.DuckDBPyConnection, name: str, *, key: str, customer_table: bool) -> None:
        """Note, inside a `writing` transaction, that a table in `rf_base` is governed from now on."""
        con.execute(f"DELETE FROM {META}.tables WHERE name = ?", [name])
        con.execute(f"INSERT INTO {META}.tables VALUES (?, ?, ?)", [name, key, customer_table])

    def put_derived(
        self,
        name: str,
        rows: pa.Table,
        key: str,
        *,
        flag: str,
        tail: Sequence[int],
        before_commit: Callable[[np.ndarray[Any, Any]], None],
    ) -> int:
        """Keep rows made from customers as a governed table; only of those whose flag is true.

        Args:
            key: the column of `rows` that holds the customer's key; any other is kept as it is.
            tail: customers to leave out although their flag is true.
            before_commit: gets the numbers of the customers whose rows are in; what it raises undoes all.
        """
        with self.writing() as con:
            customers = next((t for t in self.catalogue_in(con) if t.customer_table), None)
            state = self.flags_in(con)
            if customers is None or state is None:
                raise NotFound("there are no customers yet", remedy="`rightful source import`")
            target, own = f"{BASE}.{quoted_name(name)}", quoted_name(customers.key)
            others = "".join(f", r.{quoted_name(c)}" for c in rows.column_names if c != key)
            flags = "".join(f", c.{quoted_name(one)}" for one in state.columns)
            con.execute(f"DROP TABLE IF EXISTS {target}")
            con.register("rf_made", rows)
            con.execute(
                f"CREATE TABLE {target} AS SELECT c.{NUMBER}, c.{own} AS {quoted_name(key)}{others}{flags} "
                f"FROM rf_made r JOIN {_sql(customers.base)} c ON CAST(c.{own} AS VARCHAR) = "
                f"CAST(r.{quoted_name(key)} AS VARCHAR) WHERE c.{quoted_name(flag)} "
                f"AND NOT list_contains(CAST(? AS UINTEGER[]), c.{NUMBER}) ORDER BY c.{NUMBER}",
                [list(tail)],
            )
            con.unregister("rf_made")
            self.register_table(con, name, key=key, customer_table=False)
            numbers = con.execute(f"SELECT DISTINCT {NUMBER} FROM {target}").fetchnumpy()[NUMBER]
            before_commit(np.asarray(numbers, np.uint32))
            counted = con.execute(f"SELECT count(*) FROM {target}").fetchone()
        return int(counted[0]) if counted else 0

    def drop_derived(self, name: str) -> None:
        """Take a derived table away, and our note of it."""
        with self.writing() as con:
            con.execute(f"DROP TABLE IF EXISTS {BASE}.{quoted_name(name)}")
            con.execute(f"DELETE FROM {META}.tables WHERE name = ?", [name])

    def renumber(self, con: duckdb.DuckDBPyConnection) -> int:
        """Inside a `writing` transaction: number what has no number; flags of such rows come from
        their customer. Returns how many numbers are given."""
        tables = self.catalogue_in(con)
        customers = next((t for t in tables if t.customer_table), None)
        if customers is None:
            return 0
        state = self.flags_in(con)
        base = _sql(customers.base)
        top = con.execute(f"SELECT coalesce(max({NUMBER}) + 1, 0) FROM {base}").fetchone()
        issued = con.execute(f"SELECT coalesce(max(numbers), 0) FROM {META}.numbers").fetchone()
        count = max(int(top[0]) if top else 0, int(issued[0]) if issued else 0)
        lacking = con.execute(f"SELECT count(*) FROM {base} WHERE {NUMBER} IS NULL").fetchone()
        falses = "".join(f", {quoted_name(flag)} = false" for flag in (state.columns if state else ()))
        if lacking and lacking[0]:
            con.execute(
                f"UPDATE {base} AS t SET {NUMBER} = {count:d} + n.n{falses} FROM (SELECT rowid AS r, "
                f"row_number() OVER (ORDER BY rowid) - 1 AS n FROM {base} WHERE {NUMBER} IS NULL) AS n "
                "WHERE t.rowid = n.r"
            )
            count += int(lacking[0])
        copies = "".join(f", {quoted_name(flag)} = c.{quoted_name(flag)}" for flag in (state.columns if state else ()))
        for table in tables:
            if not table.customer_table:
                con.execute(
                    f"UPDATE {_sql(table.base)} AS t SET {NUMBER} = c.{NUMBER}{copies} FROM {base} AS c "
                    f"WHERE t.{NUMBER} IS NULL AND t.{quoted_name(table.key)} = c.{quoted_name(customers.key)}"
                )
        con.execute(f"DELETE FROM {META}.numbers")
        con.execute(f"INSERT INTO {META}.numbers VALUES (?)", [count])
        return count

    # Inside -------------------------------------------------------------------------------------

    @property
    def _spill(self) -> Path:
        return self.path.parent / f".{self.path.name}.spill"

    def _spilled_too_much(self) -> bool:
        try:
            return sum(part.stat().st_size for part in self._spill.iterdir()) > self._limits.temp_bytes
        except OSError:  # no folder yet, or a part that has just gone
            return False

    @contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        if self._closed:
            raise SourceUnavailable("this store was closed", remedy="Open the workspace again")
        with self._gate.shared(
            lambda: self._open(read_only=True), self._key, self._idle_seconds, self._wait_seconds
        ) as con:
            cursor = con.cursor()
            try:
                with _translated():
                    cursor.execute(f"USE {STORE}")
                    yield cursor
            finally:
                cursor.close()

    @contextmanager
    def _run(self, sql: str, batch_rows: int) -> Iterator[pa.RecordBatchReader]:
        with self._reading() as cursor:
            watch = _Stopwatch(cursor, self._limits.statement_seconds, self._spilled_too_much)
            with _translated(watch):
                statements = cursor.extract_statements(sql)
                if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                    raise QueryFailed("one call takes one SELECT", remedy="Send the statements one by one")
                batches = _Batches(cursor.sql(sql).to_arrow_reader(batch_rows), watch)
            try:
                yield pa.RecordBatchReader.from_batches(batches.schema, batches)
            finally:
                batches.close()

    def _open(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """One engine instance with the file attached; waits while another process holds the file."""
        deadline = time.monotonic() + self._wait_seconds
        while True:
            con = self._engine(read_only=read_only)
            trouble: Exception
            try:
                con.execute(
                    f"ATTACH {quoted_text(str(self.path))} AS {STORE} (ENCRYPTION_KEY {quoted_text(self._key)}, "
                    f"ENCRYPTION_CIPHER 'GCM'{', READ_ONLY' if read_only else ''})"
                )
                con.execute(f"USE {STORE}")
                if read_only:
                    con.execute("SET enable_external_access = false")
                    con.execute("SET lock_configuration = true")
                return con
            except duckdb.Error as error:
                con.close()
                trouble = _open_trouble(error, self.path)
                error.args = (type(error).__name__,)
            if not isinstance(trouble, SourceUnavailable) or time.monotonic() >= deadline:
                raise trouble
            time.sleep(0.05)

    def _engine(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        limits = self._limits
        config: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "allow_unsigned_extensions": False,
            "memory_limit": limits.memory or _half_of_memory(),
            "temp_directory": str(self._spill),
            "max_temp_directory_size": f"{max(limits.temp_bytes >> 20, 1)}MB",
        }
        if limits.threads:
            config["threads"] = limits.threads
        module = _openssl_module()
        if module is None:
            config["force_mbedtls_unsafe"] = True
        con = duckdb.connect(":memory:", config=config)
        if module is not None:
            con.execute(f"LOAD {quoted_text(str(module))}")
        con.execute("SET enable_progress_bar = false")  # stdout belongs to whoever called us
        con.execute("SET temp_file_encryption = true")  # what spills is customer data
        con.execute("SET TimeZone = 'UTC'")  # the machine's own zone must not change an answer
        if not read_only:
            con.execute("SET preserve_insertion_order = true")  # rows stay in the order of their numbers
            con.execute("PRAGMA disable_checkpoint_on_shutdown")
        return con

    def _customer_table(self) -> TableInfo | None:
        return next((table for table in self.catalogue() if table.customer_table), None)

    def catalogue_in(self, con: duckdb.DuckDBPyConnection) -> tuple[TableInfo, ...]:
        state = self.flags_in(con)
        ours = {NUMBER, *(state.columns if state else ())}
        governed = con.execute(
            f"SELECT name, key_column, is_customer FROM {META}.tables ORDER BY is_customer DESC, name"
        ).fetchall()
        columns: dict[str, list[ColumnInfo]] = {name: [] for name, _, _ in governed}
        for table, column, kind, nullable in con.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = ? ORDER BY table_name, column_index",
            [STORE, BASE],
        ).fetchall():
            if table in columns and column not in ours:
                columns[table].append(ColumnInfo(column, canonical_type(kind), bool(nullable)))
        found = []
        for name, key, is_customer in governed:
            row = con.execute(f"SELECT count(*) FROM {_sql((BASE, name))}").fetchone()
            found.append(
                TableInfo(name, (BASE, name), tuple(columns[name]), key, is_customer, int(row[0]) if row else 0)
            )
        return tuple(found)

    def flags_in(self, con: duckdb.DuckDBPyConnection) -> FlagState | None:
        row = con.execute(f"SELECT watermark, policy_version FROM {META}.flag_state").fetchone()
        if row is None:
            return None
        digests = con.execute(f"SELECT name, digest FROM {META}.flags ORDER BY name").fetchall()
        return FlagState(int(row[0]), str(row[1]), dict(digests))


_SCHEMA = (
    f"CREATE SCHEMA {BASE}",
    f"CREATE SCHEMA {META}",
    f"CREATE TABLE {META}.info (format INTEGER NOT NULL)",
    f"CREATE TABLE {META}.tables (name TEXT NOT NULL, key_column TEXT NOT NULL, is_customer BOOLEAN NOT NULL)",
    # A number once given is never given to another person, also after the highest one was erased.
    f"CREATE TABLE {META}.numbers (numbers UINTEGER NOT NULL)",
    f"CREATE TABLE {META}.flags (name TEXT NOT NULL, digest TEXT NOT NULL)",
    f"CREATE TABLE {META}.flag_state (watermark BIGINT NOT NULL, policy_version TEXT NOT NULL)",
    f"""
    CREATE TABLE {META}.imports (
      id TEXT NOT NULL, table_name TEXT NOT NULL, digest TEXT NOT NULL, loaded_at TIMESTAMPTZ NOT NULL,
      rows UBIGINT NOT NULL, rejected UBIGINT NOT NULL)
    """,
)


def canonical_type(declared: str) -> str:
    """DuckDB's name of a type as one of the words every source shares."""
    upper = declared.upper()
    if upper.startswith("DECIMAL"):
        return "numeric" + upper[len("DECIMAL") :].lower()
    if upper.startswith("ENUM"):
        return "text"
    return _TYPES.get(upper, "other")


_TYPES = {
    "VARCHAR": "text", "BOOLEAN": "boolean", "TINYINT": "smallint", "SMALLINT": "smallint",
    "UTINYINT": "smallint", "INTEGER": "integer", "USMALLINT": "integer", "BIGINT": "bigint",
    "UINTEGER": "bigint", "UBIGINT": "numeric(20,0)", "HUGEINT": "numeric(38,0)", "FLOAT": "real",
    "DOUBLE": "double", "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamptz", "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp", "UUID": "uuid", "JSON": "json", "BLOB": "bytes", "INTERVAL": "interval",
}  # fmt: skip


class _Gatekeeper:
    """Readers and writer of one file in this process: many of the first or one of the second."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reader: duckdb.DuckDBPyConnection | None = None
        self._key = ""  # the key the reader was opened with: a wrong one must not find it open
        self._active = 0
        self._writer: int | None = None  # the thread that writes
        self._waiting = 0
        self._used_at = 0.0
        self._idle_seconds = 0.0
        self._timer: threading.Timer | None = None
        self._pid = os.getpid()

    @contextmanager
    def shared(
        self,
        opener: Callable[[], duckdb.DuckDBPyConnection],
        key: str,
        idle_seconds: float,
        wait_seconds: float,
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            self._after_fork()
            if self._writer == threading.get_ident():
                raise SourceUnavailable("this thread reads the store while it is writing to it")
            # A waiting writer goes first, unless reads are already under way (they may be nested).
            while self._writer is not None or (self._waiting and not self._active):
                if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                    raise SourceUnavailable(
                        "the store is being written to and did not become free in time",
                        remedy="Wait for the import or refresh to end, then try again",
                    )
            if self._reader is None:
                self._reader, self._key = opener(), key
            elif not hmac.compare_digest(self._key, key):
                raise KeyMissing("the key is not the one the store is open with")
            reader = self._reader
            self._active += 1
        try:
            yield reader
        finally:
            with self._changed:
                self._active -= 1
                self._used_at = time.monotonic()
                self._idle_seconds = idle_seconds
                self._changed.notify_all()
                if not self._active:
                    self._schedule(idle_seconds)

    @contextmanager
    def exclusive(self, wait_seconds: float) -> Iterator[None]:
        deadline = time.monotonic() + wait_seconds
        with self._changed:
            self._after_fork()
            self._waiting += 1
            try:
                while self._active or self._writer is not None:
                    if not self._changed.wait(max(0.0, deadline - time.monotonic())):
                        busy = f"{self._active} reads are still open" if self._active else "another write is under way"
                        raise SourceUnavailable(
                            f"the store cannot be written to now: {busy}",
                            remedy="Finish or close the running queries, then try again",
                        )
            finally:
                self._waiting -= 1
                self._changed.notify_all()
            self._drop_reader()
            self._writer = threading.get_ident()
        try:
            yield
        finally:
            with self._changed:
                self._writer = None
                self._changed.notify_all()

    def close_idle(self, *, force: bool = False) -> None:
        """Close the cached reader when nobody has used it for a while."""
        with self._changed:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._active or self._reader is None:
                return
            left = self._used_at + self._idle_seconds - time.monotonic()
            if left > 0 and not force:
                self._schedule(left)
                return
            self._drop_reader()

    def _schedule(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = threading.Timer(seconds, self.close_idle)
            self._timer.daemon = True
            self._timer.start()

    def _drop_reader(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _after_fork(self) -> None:
        if self._pid != os.getpid():  # a forked child shares no threads and no engine with its parent
            self._reader, self._active, self._writer, self._waiting, self._timer = None, 0, None, 0, None
            self._pid = os.getpid()


_gatekeepers: weakref.WeakValueDictionary[str, _Gatekeeper] = weakref.WeakValueDictionary()
_gatekeepers_lock = threading.Lock()


@atexit.register
def _close_readers() -> None:
    """The engine complains on the terminal when the interpreter ends before its connections do."""
    _watchdog.end()
    for gatekeeper in list(_gatekeepers.values()):
        gatekeeper.close_idle(force=True)


def _gatekeeper(path: Path) -> _Gatekeeper:
    place = os.path.realpath(path)
    with _gatekeepers_lock:
        found = _gatekeepers.get(place)
        if found is None:
            found = _gatekeepers[place] = _Gatekeeper()
        return found


class _Stopwatch:
    """Counts the seconds the engine works on one statement; a shared watchdog interrupts it at the end.

    Only the time inside the engine counts: a consumer that takes an hour over an export is not cut off.
    """

    def __init__(self, cursor: duckdb.DuckDBPyConnection, seconds: float | None, overflow: Callable[[], bool]) -> None:
        self._cursor: duckdb.DuckDBPyConnection | None = cursor
        self._left = math.inf if seconds is None else seconds
        self._overflow = overflow
        self._ends_at = 0.0
        self.stopped_for: Literal["time", "space", ""] = ""

    def start(self) -> None:
        self._ends_at = time.monotonic() + self._left
        _watchdog.watch(self)

    def stop(self) -> None:
        self._left = max(0.0, self._ends_at - time.monotonic())
        _watchdog.forget(self)

    def release(self) -> None:
        self._cursor = None

    def check(self, now: float) -> None:
        """Called by the watchdog while the engine works."""
        if now >= self._ends_at:
            self.stopped_for = "time"
        elif self._overflow():
            self.stopped_for = "space"
        cursor = self._cursor
        if self.stopped_for and cursor is not None:
            cursor.interrupt()


class _Watchdog:
    """One thread for all statements under way; it ends by itself when there has been none for a while."""

    POLL_SECONDS = 0.25
    LINGER_POLLS = 40

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: set[_Stopwatch] = set()
        self._thread: threading.Thread | None = None
        self._over = threading.Event()

    def end(self) -> None:
        """Let go of everything, at the end of the interpreter."""
        self._over.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout=5)

    def watch(self, stopwatch: _Stopwatch) -> None:
        with self._lock:
            self._watched.add(stopwatch)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._patrol, name="rightful-watchdog", daemon=True)
                self._thread.start()

    def forget(self, stopwatch: _Stopwatch) -> None:
        with self._lock:
            self._watched.discard(stopwatch)

    def _patrol(self) -> None:
        idle = 0
        while True:
            if self._over.wait(self.POLL_SECONDS):
                return
            now = time.monotonic()
            with self._lock:
                for stopwatch in self._watched:
                    stopwatch.check(now)
                idle = 0 if self._watched else idle + 1
                if idle > self.LINGER_POLLS:
                    self._thread = None
                    return


_watchdog = _Watchdog()


class _Batches:
    """Batches of an engine's reader, with the engine's words replaced by ours when it fails.

    Somebody may keep the reader made from this after its context ended; what keeps the file open is
    let go of in `close`.
    """

    def __init__(self, reader: pa.RecordBatchReader, watch: _Stopwatch) -> None:
        self.schema = reader.schema
        self._reader: pa.RecordBatchReader | None = reader
        self._watch = watch

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._reader is None:
            raise QueryFailed("the result was read after its context had ended", remedy="Read it inside `with`")
        with _translated(self._watch):
            batch = next(self._reader, None)
        if batch is None:
            raise StopIteration
        return batch

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        self._watch.release()


@contextmanager
def _translated(watch: _Stopwatch | None = None) -> Iterator[None]:
    """Turn engine errors into ours, and empty the old one, so that no log finds values in the chain.

    With a stopwatch, engine time is counted, and operating system errors are the engine's too (its
    streams report them so); without one they belong to the caller's own files and pass.
    """
    if watch is not None:
        watch.start()
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        if watch is None and isinstance(error, OSError) and not isinstance(error, pa.ArrowException):
            raise
        failure = _query_trouble(error, watch.stopped_for if watch else "")
        error.args = (type(error).__name__,)
        raise failure from None
    finally:
        if watch is not None:
            watch.stop()


def _query_trouble(error: Exception, stopped_for: str = "") -> Exception:
    kind = type(error).__name__
    text = str(error)
    if stopped_for == "space" or isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in text:
        return QueryFailed(
            "the statement needs more memory or disk than it may use",
            remedy="Ask for less at once, or raise the store's limits",
        )
    if stopped_for == "time" or isinstance(error, duckdb.InterruptException) or "INTERRUPT Error" in text:
        return QueryFailed(
            "the statement took longer than it may and was stopped",
            remedy="Ask for less at once, or raise the store's time limit",
        )
    if "No space left" in text or getattr(error, "errno", None) == 28:
        return SourceUnavailable("the disk is full; nothing was changed", remedy="Free space, then try again")
    if isinstance(error, duckdb.FatalException | duckdb.InternalException) or "corrupt" in text.lower():
        return IntegrityFault(f"the store could not be read ({kind})", remedy="Restore it from a backup")
    return QueryFailed(f"the statement failed while it ran ({kind})")


def _open_trouble(error: Exception, path: Path) -> Exception:
    text = str(error)
    if "Wrong encryption key" in text or "without a key" in text or "right key" in text:
        return KeyMissing(f"the key does not open the store {path.name}")
    if "Could not set lock" in text or "being used by another process" in text or "lock" in text.lower():
        return SourceUnavailable(
            f"the store {path.name} is in use by another process",
            remedy="One process may write or several may read: end the other one, or wait until it is done",
        )
    if "No space left" in text:
        return SourceUnavailable("the disk is full; nothing was changed", remedy="Free space, then try again")
    if "Permission denied" in text or "read-only file system" in text.lower():
        return SourceUnavailable(
            f"the store {path.name} may not be opened by this user", remedy="Check the owner and mode of the file"
        )
    return IntegrityFault(
        f"the store {path.name} cannot be opened ({type(error).__name__})", remedy="Restore it from a backup"
    )


def _prefer_log(con: duckdb.DuckDBPyConnection) -> None:
    """Small changes go to the write-ahead log; a checkpoint would rewrite every row group they touch."""
    for setting, size in (("auto_checkpoint_skip_wal_threshold", "4000000000"), ("checkpoint_threshold", "'4GB'")):
        with contextlib.suppress(duckdb.Error):  # the first one is not in every version
            con.execute(f"SET {setting} = {size}")


def _store_state(con: duckdb.DuckDBPyConnection, state: FlagState) -> None:
    con.execute(f"DELETE FROM {META}.flag_state")
    con.execute(f"DELETE FROM {META}.flags")
    con.execute(f"INSERT INTO {META}.flag_state VALUES (?, ?)", [state.watermark, state.policy_version])
    if state.columns:
        con.executemany(f"INSERT INTO {META}.flags VALUES (?, ?)", [list(item) for item in state.columns.items()])


def _check_flags(state: FlagState, planes: Mapping[str, object]) -> None:
    if set(state.columns) != set(planes):
        raise IntegrityFault("the flags' state and their planes name different flags")
    if NUMBER in planes:
        raise IntegrityFault(f"{NUMBER} is the customer's number and cannot be a flag")


def _bit_string(plane: np.ndarray[Any, Any], numbers: int) -> bytes:
    """A plane (little bit order) as DuckDB's big-endian bit string of the same length in whole bytes."""
    size = (numbers + 7) // 8
    packed = np.zeros(size, dtype=np.uint8)
    given = np.asarray(plane, dtype=np.uint8)[:size]
    packed[: len(given)] = given
    return _REVERSED[packed].tobytes()


def _bit_of(flag: str, numbers: int) -> str:
    """SQL for a flag of a row: its bit in the plane; false without a number or beyond the planes."""
    if not numbers:
        return "false"
    return (
        f"CASE WHEN {NUMBER} < {numbers:d} THEN get_bit(getvariable('{_variable(flag)}'), {NUMBER}::INTEGER) = 1 "
        "ELSE false END"
    )


def _variable(flag: str) -> str:
    """A variable name for a flag: hexadecimal, so that no name of a flag can break the statement."""
    return "rf_" + flag.encode().hex()


def _columns_of(con: duckdb.DuckDBPyConnection, base: tuple[str, ...]) -> set[str]:
    rows = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ?",
        [STORE, base[0], base[1]],
    ).fetchall()
    return {row[0] for row in rows}


def _table(base: tuple[str, ...]) -> exp.Table:
    schema, name = base
    return exp.table_(name, db=schema, quoted=True)


def _sql(base: tuple[str, ...]) -> str:
    return _table(base).sql("duckdb")


def quoted_name(identifier: str) -> str:
    return exp.to_identifier(identifier, quoted=True).sql("duckdb")


def quoted_text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")


def _half_of_memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{max(total // 2 >> 20, 256)}MB"


def _openssl_module() -> Path | None:
    """The signed extension that brings OpenSSL, if the package that ships it is installed and fits."""
    found = importlib.util.find_spec("duckdb_extension_httpfs")
    if found is None or not found.submodule_search_locations:
        return None
    for place in found.submodule_search_locations:
        module = Path(place) / "extensions" / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
        if module.exists():
            return module
    return None


def _remove_store(path: Path) -> None:
    for leftover in (path, Path(f"{path}.wal")):
        leftover.unlink(missing_ok=True)
