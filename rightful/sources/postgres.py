"""How a PostgreSQL database is governed in place, and what that adds to it.

Everything we add stands in the schema `rightful`, but for the permission flags
of the mode "column", which are BOOLEAN columns of the governed tables
themselves. Where the tables may not be altered, the mode "companion" keeps
them in one table of ours, keyed by the customer's key. `uninstall` takes
all of it away again.

Analysts' statements run as a login role of their own that can read nothing but
security-barrier views, and a view shows only rows of customers with at least
one permission (`rf_any`). So even a statement that passed the gate by mistake
finds no row of a customer who permitted nothing.

Easy to get wrong:
* A row that moves to another customer must not keep the old one's flags: a
  trigger takes its number and `rf_any` away until it is numbered again.
* Adding a column locks the table for a moment, updating two million rows does
  not have to: the two happen in different transactions, flags and watermark in one.
* Rights given to PUBLIC reach every role, ours too: `install` looks for them.
* The engine's error texts hold values of rows; only the SQLSTATE leaves this file.
* `numeric` without a scale has no Arrow type; it is rounded to 16 places.
* A per cent sign in a table's name starts a mark once values are bound (`_beside_values`).

Sources: PostgreSQL 15 documentation, 41.5 "Rules and Privileges" (security
barrier), 5.8 "Row Security", COPY, "get_bit" (bit 0 is the lowest of byte 0).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
from psycopg import conninfo, sql

from rightful.errors import BadInput, IntegrityFault, NotFound, QueryFailed, SourceUnavailable
from rightful.sources.contract import ColumnInfo, Dialect, FlagState, StoredTable, TableInfo, unreadable_address
from rightful.sources.structure import check_reach, purge_postgres, structure_of_postgres

OURS = "rightful"
NUMBER = "rf_no"
ANY = "rf_any"
FORMAT = 1
Mode = Literal["column", "companion"]

STATEMENT_SECONDS = 900
LOCK_SECONDS = 10
NUMERIC_SCALE = 16

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresSource:
    """One schema of a PostgreSQL database. Make it with `reflect`, prepare the database with `install`."""

    name: str
    dialect: Dialect = "postgres"

    def __init__(
        self,
        url: str,
        *,
        schema: str,
        customer_table: str,
        reader_password: str,
        customer_key: str | None = None,
        links: Mapping[str, str] | None = None,
        reader: str | None = None,
        name: str = "postgres",
        statement_seconds: int = STATEMENT_SECONDS,
        lock_seconds: int = LOCK_SECONDS,
    ) -> None:
        """Use `reflect`, which looks at the database first."""
        self.name = name
        self.schema = schema
        self._customer_table = customer_table
        self._customer_key = customer_key
        self._links = dict(links or {})
        self._statement_seconds = statement_seconds
        self._lock_seconds = lock_seconds
        parts = _parts(url)
        place = f"{parts.get('host')}:{parts.get('port')}/{parts.get('dbname')}/{schema}"
        # Roles belong to the whole server, so the name tells databases and schemas apart.
        self.reader = reader or f"rightful_reader_{hashlib.sha256(place.encode()).hexdigest()[:8]}"
        self._reader_password = reader_password
        # One place for settings that the text form of values depends on.
        fixed = "-c TimeZone=UTC -c DateStyle=ISO,YMD -c IntervalStyle=iso_8601 -c bytea_output=hex"
        safe = {**parts, "options": fixed, "application_name": "rightful", "connect_timeout": 10}
        self._owners = _Pool({**safe}, lock_seconds)
        self._readers = _Pool({**safe, "user": self.reader, "password": reader_password}, lock_seconds)

    @classmethod
    def reflect(
        cls, url: str, schema: str = "public", *, customer_table: str, reader_password: str, **options: Any
    ) -> PostgresSource:
        """Look at a schema: the customer table, its key, and the tables that point to it.

        Args:
            url: a connection that may create a schema and a role, and alter the tables in mode "column".
            customer_table: the table with one row per customer.
            reader_password: password of the restricted role; comes from the workspace's keys.
            options: `customer_key`, where the table has no single-column primary key; `links` (table ->
                column) where a table names the customer without a foreign key; `reader`, the role's name.

        Raises:
            NotFound: there is no such table.
            BadInput: no single column identifies a customer.
            SourceUnavailable: the database does not answer.
        """
        found = cls(url, schema=schema, customer_table=customer_table, reader_password=reader_password, **options)
        try:
            with found._owner() as con:
                found._governed(con)
        except BaseException:
            found.close()
            raise
        return found

    @classmethod
    def open(cls, url: str, *, reader_password: str, **options: Any) -> PostgresSource:
        """Find a database again that `install` prepared: it knows its schema, tables and links itself.

        Raises:
            NotFound: it is not governed yet.
            SourceUnavailable: the database does not answer.
        """
        blind = cls(url, schema="", customer_table="", reader_password=reader_password)
        try:
            with blind._owner() as con:
                if _scalar(con, "SELECT to_regclass('rightful.rf_info')") is None:
                    raise NotFound("this database is not governed yet", remedy=_NOT_INSTALLED)
                row = con.execute(
                    "SELECT source_schema, customer_table, customer_key, links, reader FROM rightful.rf_info"
                ).fetchone()
        finally:
            blind.close()
        if row is None:
            raise NotFound("this database is not governed yet", remedy=_NOT_INSTALLED)
        schema, table, key, links, reader = row
        return cls.reflect(
            url,
            str(schema),
            customer_table=str(table),
            reader_password=reader_password,
            **{"customer_key": key, "links": json.loads(links), "reader": reader, **options},
        )

    # Prepare and clear away ---------------------------------------------------------------------

    def install(self, mode: Mode = "column") -> tuple[TableInfo, ...]:
        """Add what governing needs. Safe to repeat; a repeat finds new tables and columns.

        Raises:
            BadInput: everybody (PUBLIC) may read tables, so the restricted role could, too.
        """
        with self._owner() as con, con.transaction():
            self._lock(con)
            before = self._mode(con)
            if before is not None and before != mode:
                raise BadInput(
                    f"the database is governed in mode {before}", remedy="Uninstall it first, then install anew"
                )
            key = self._governed(con)[0]
            key_type = _scalar(con, _KEY_TYPE, [self.schema, self._customer_table, key.key])
            con.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(OURS)))
            for statement in _TABLES:
                con.execute(statement)
            con.execute(
                sql.SQL("CREATE TABLE IF NOT EXISTS rightful.rf_customer (rf_key {} PRIMARY KEY, "
                        "rf_no integer NOT NULL UNIQUE, rf_any boolean NOT NULL DEFAULT false)").format(
                    sql.SQL(_checked_type(str(key_type)))
                )
            )  # fmt: skip
            if before is None:
                con.execute(
                    "INSERT INTO rightful.rf_info (format, mode, source_schema, customer_table, customer_key, links, "
                    "reader, next_number) VALUES (%s, %s, %s, %s, %s, %s, %s, 0)",
                    [
                        FORMAT,
                        mode,
                        self.schema,
                        self._customer_table,
                        key.key,
                        json.dumps(self._links, sort_keys=True),
                        self.reader,
                    ],
                )
            self._make_reader(con)
            self._prepare_tables(con, mode, ())
            self._refuse_public_rights(con)
        self.number_new_customers()
        return self.catalogue()

    def uninstall(self) -> None:
        """Take away everything `install` added: columns, triggers, views, schema, role."""
        self._readers.close()
        with self._owner() as con, con.transaction():
            if self._mode(con) is not None:
                self._lock(con)
                for table, column in con.execute("SELECT table_name, column_name FROM rightful.rf_columns").fetchall():
                    if column == NUMBER:
                        con.execute(sql.SQL("DROP TRIGGER IF EXISTS rf_moved ON {}").format(self._origin(table)))
                con.execute("DROP FUNCTION IF EXISTS rightful.rf_moved() CASCADE")
                self._drop_views(con)
                for table, column in con.execute("SELECT table_name, column_name FROM rightful.rf_columns").fetchall():
                    con.execute(
                        sql.SQL("ALTER TABLE IF EXISTS {} DROP COLUMN IF EXISTS {}").format(
                            self._origin(table), sql.Identifier(column)
                        )
                    )
                con.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(OURS)))
            if _scalar(con, "SELECT count(*) FROM pg_roles WHERE rolname = %s", [self.reader]):
                role = sql.Identifier(self.reader)
                con.execute(sql.SQL("DROP OWNED BY {}").format(role))
                con.execute(sql.SQL("DROP ROLE {}").format(role))

    # What the gate asks -------------------------------------------------------------------------

    def catalogue(self) -> tuple[TableInfo, ...]:
        """Governed tables as they are now. A new column is in it, and in the view, at once."""
        with self._owner() as con:
            tables = self._governed(con)
            if self._mode(con) is not None and self._views_differ(con, tables):
                with con.transaction():
                    self._lock(con)
                    self._make_views(con, tables)
            return tables

    def customer_keys(self, start: int = 0) -> Iterator[tuple[np.ndarray[Any, Any], pa.Array]]:
        """Numbers and keys of the customers that have one, in the order of the numbers."""
        query = (
            f"SELECT {NUMBER}::bigint, rf_key::text FROM rightful.rf_customer WHERE {NUMBER} >= {int(start):d} "
            f"ORDER BY {NUMBER}"
        )
        with self._stream(self._owners, query, 65_536) as reader:
            for batch in reader:
                yield batch.column(0).to_numpy(zero_copy_only=False).astype(np.uint32), batch.column(1)

    def number_new_customers(self) -> int:
        """Number customers that have none, forget those that are gone, and give rows of other tables the
        number and flags of the customer they belong to now. Numbers are never used twice."""
        with self._owner() as con, con.transaction():
            self._lock(con)
            mode = self._installed(con)
            tables = self._governed(con)
            self._prepare_tables(con, mode, self._flag_names(con))
            customers = next(t for t in tables if t.customer_table)
            key, origin = sql.Identifier(customers.key), self._origin(customers.name)
            con.execute(
                sql.SQL(
                    "DELETE FROM rightful.rf_customer n WHERE NOT EXISTS (SELECT 1 FROM {} t WHERE t.{} = n.rf_key)"
                ).format(origin, key)
            )
            start = int(_scalar(con, "SELECT next_number FROM rightful.rf_info FOR UPDATE"))
            added = con.execute(
                sql.SQL(
                    "INSERT INTO rightful.rf_customer (rf_key, rf_no) SELECT t.{key}, "
                    "{start} + row_number() OVER (ORDER BY t.{key}) - 1 FROM {origin} t "
                    "WHERE t.{key} IS NOT NULL AND NOT EXISTS "
                    "(SELECT 1 FROM rightful.rf_customer n WHERE n.rf_key = t.{key})"
                ).format(key=key, origin=origin, start=sql.Literal(start))
            ).rowcount
            con.execute("UPDATE rightful.rf_info SET next_number = %s", [start + added])
            if mode == "column":
                self._spread(con, tables)
            return start + added

    def flags(self) -> FlagState | None:
        """The state of the flags, or None before the first `write_flags`."""
        with self._owner() as con:
            if self._mode(con) is None:
                return None
            return self._state(con)

    def write_flags(self, state: FlagState, planes: Mapping[str, np.ndarray[Any, Any]], numbers: int) -> None:
        """Replace all flags. Only rows whose flags differ are written, so a refresh that changes little
        costs one scan; after the first time, let (auto)vacuum reclaim the old row versions."""
        if set(state.columns) != set(planes):
            raise IntegrityFault("the flags' state and their planes name different flags")
        flags = sorted(planes)
        with self._owner() as con, con.transaction():  # brief locks: columns with a default need no rewrite
            self._lock(con)
            mode = self._installed(con)
            self._prepare_tables(con, mode, {*flags, *self._flag_names(con)})
        with self._owner() as con, con.transaction():
            self._lock(con)
            size = max((numbers + 7) // 8, 1)
            bits = [_fitted(planes[flag], numbers, size) for flag in flags]
            for target in self._flag_tables(con, mode):
                _write_planes(con, target, flags, bits, numbers)
            _store_state(con, state)
        with self._owner() as con, con.transaction():
            self._lock(con)
            self._drop_flags(con, keep=set(flags))

    def patch_flags(
        self, state: FlagState, numbers: np.ndarray[Any, Any], values: Mapping[str, np.ndarray[Any, Any]]
    ) -> None:
        """Set the flags in `values` for the customers in `numbers`; the other flags and people stay."""
        with self._owner() as con, con.transaction():
            self._lock(con)
            mode = self._installed(con)
            old = self._state(con)
            if old is None:
                raise IntegrityFault("flags cannot be changed before they were written once")
            if set(values) - set(old.columns) or set(state.columns) != set(old.columns):
                raise IntegrityFault("a patch names other flags than the database has", remedy="Refresh all flags")
            if len(numbers) and values:
                names = sorted(values)
                columns = sql.SQL(", ").join(sql.SQL("{} boolean").format(sql.Identifier(n)) for n in names)
                con.execute(
                    sql.SQL("CREATE TEMP TABLE rf_patch (rf_no integer PRIMARY KEY, {}) ON COMMIT DROP").format(columns)
                )
                rows = zip(
                    np.asarray(numbers, dtype=np.int64).tolist(),
                    *(np.asarray(values[n], dtype=np.bool_).tolist() for n in names),
                    strict=True,
                )
                with con.cursor() as cursor, cursor.copy("COPY rf_patch FROM STDIN") as copy:
                    for row in rows:
                        copy.write_row(row)
                con.execute("ANALYZE rf_patch")
                for target in self._flag_tables(con, mode):
                    _write_patch(con, target, names, sorted(old.columns))
            _store_state(con, state)

    def run(self, sql: str, *, batch_rows: int = 65_536) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run one rewritten SELECT as the restricted role, in a read-only transaction, and stream it.

        Raises:
            QueryFailed: the statement failed while it ran; the sentence holds the SQLSTATE, no values.
            SourceUnavailable: the connection was lost; the next call makes a new one.
        """
        return self._stream(self._readers, sql, batch_rows)

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
        """Read one governed table whatever the flags say, as the owner; see the contract for when that is right."""
        with self._owner() as con:
            mode = self._installed(con)
            info = next(t for t in self._governed(con) if t.name == table)
            place = sql.SQL("t") if mode == "column" else sql.SQL("c")
            chosen = [sql.SQL("{}.{}").format(place, sql.Identifier(NUMBER))]
            chosen += [sql.SQL("t.{}").format(sql.Identifier(c)) for c in columns]
            text = sql.SQL("SELECT {} FROM {} t").format(sql.SQL(", ").join(chosen), self._origin(table))
            if mode == "companion":
                join = " LEFT JOIN rightful.rf_customer c ON c.rf_key = t.{}"
                text += sql.SQL(join).format(sql.Identifier(info.key))
            text += sql.SQL(" WHERE true")
            if number is not None:
                text += sql.SQL(" AND {}.{} = {}").format(place, sql.Identifier(NUMBER), sql.Literal(int(number)))
            if since is not None:
                text += sql.SQL(" AND {}.{} >= {}").format(place, sql.Identifier(NUMBER), sql.Literal(int(since)))
            if equals is not None:
                form = " AND lower(t.{}::text) = lower({}::text)" if fold else " AND t.{}::text = {}::text"
                text += sql.SQL(form).format(sql.Identifier(equals[0]), sql.Literal(equals[1]))
            if limit is not None:
                text += sql.SQL(" LIMIT {}").format(sql.Literal(int(limit)))
            query = text.as_string(con)
        return self._stream(self._owners, query, 65_536)

    def execute_disposal(
        self, statements: Sequence[tuple[str, Sequence[object]]], at_most: Sequence[int] | None = None
    ) -> list[int]:
        """Change or delete rows, all statements or none. Only the gate calls this; it names the tables
        where they really stand (`TableInfo.origin`), since the views hide rows without permission."""
        affected: list[int] = []
        with self._owner() as con, con.transaction():
            for place, (statement, values) in enumerate(statements):
                affected.append(max(con.execute(statement.encode(), list(values)).rowcount, 0))
                check_reach(affected[-1], at_most, place)
        return affected

    def structure(self) -> tuple[StoredTable, ...]:
        """Every table and materialised view of the schema, without the columns that we added."""
        with self._owner() as con:
            return structure_of_postgres(con, self.schema, self._own_columns(con))

    def examine(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._owner() as con, con.transaction():
            con.execute("SET TRANSACTION READ ONLY")
            return con.execute(sql.encode(), list(values)).fetchall()

    def purge(self, tables: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        """Rewrite these tables, work out materialised views anew, and fold the log in.

        Deleted rows leave the tables' files and the planner's statistics. The write-ahead log, base backups
        and replicas are the server's, and keep older bytes for as long as they are set to.
        """
        with self._owner() as con:
            return purge_postgres(con, self.schema, tables, self._lock_seconds)

    def close(self) -> None:
        self._owners.close()
        self._readers.close()

    # Looking ------------------------------------------------------------------------------------

    def _governed(self, con: Connection) -> tuple[TableInfo, ...]:
        oid = _scalar(con, _TABLE_OID, [self.schema, self._customer_table])
        if oid is None:
            raise NotFound(
                f"there is no table {self.schema}.{self._customer_table}",
                remedy="Name the table that holds the customers",
            )
        key = self._customer_key
        if key is None:
            keys = con.execute(_PRIMARY_KEY, [oid]).fetchall()
            if len(keys) != 1:
                raise BadInput(
                    f"{self.schema}.{self._customer_table} has no primary key of one column",
                    remedy="Name the column that identifies a customer (customer_key)",
                )
            key = str(keys[0][0])
        links = {str(table): str(column) for table, column in con.execute(_LINKS, [oid, key, self.schema]).fetchall()}
        links.update(self._links)
        links.pop(self._customer_table, None)  # "introduced by" points to another customer, not to the owner
        own = self._own_columns(con)
        tables = []
        installed = self._mode(con) is not None
        for name, column in [(self._customer_table, key), *sorted(links.items())]:
            columns = []
            for attribute, kind, not_null in con.execute(_COLUMNS, [self.schema, name]).fetchall():
                if (name, attribute) not in own:
                    columns.append(ColumnInfo(str(attribute), canonical_type(str(kind)), not not_null))
            if not any(c.name == column for c in columns):
                raise NotFound(f"there is no column {self.schema}.{name}.{column}", remedy="Check the links")
            rows = int(_scalar(con, _ROWS, [self.schema, name]) or 0)
            tables.append(
                TableInfo(
                    name=name,
                    base=(OURS, name) if installed else (self.schema, name),
                    columns=tuple(columns),
                    key=column,
                    customer_table=name == self._customer_table,
                    rows=max(rows, 0),
                    origin=(self.schema, name),
                )
            )
        return tuple(tables)

    def _own_columns(self, con: Connection) -> set[tuple[str, str]]:
        if self._mode(con) is None:
            return set()
        rows = con.execute("SELECT table_name, column_name FROM rightful.rf_columns").fetchall()
        return {(str(table), str(column)) for table, column in rows}

    def _mode(self, con: Connection) -> Mode | None:
        if _scalar(con, "SELECT to_regclass('rightful.rf_info')") is None:
            return None
        row = con.execute("SELECT mode, format, source_schema, customer_table FROM rightful.rf_info").fetchone()
        if row is None:
            return None
        if row[1] != FORMAT:
            raise IntegrityFault(f"the database was prepared in format {row[1]}; this version knows {FORMAT}")
        if (row[2], row[3]) != (self.schema, self._customer_table):
            raise BadInput(
                f"this database is governed for {row[2]}.{row[3]} already",
                remedy="One database governs one customer table",
            )
        return "column" if row[0] == "column" else "companion"

    def _installed(self, con: Connection) -> Mode:
        mode = self._mode(con)
        if mode is None:
            raise NotFound("this database is not governed yet", remedy=_NOT_INSTALLED)
        return mode

    def _state(self, con: Connection) -> FlagState | None:
        row = con.execute("SELECT watermark, policy_version FROM rightful.rf_flag_state").fetchone()
        if row is None:
            return None
        digests = con.execute("SELECT name, digest FROM rightful.rf_flags ORDER BY name").fetchall()
        return FlagState(int(row[0]), str(row[1]), {str(name): str(digest) for name, digest in digests})

    def _flag_names(self, con: Connection) -> tuple[str, ...]:
        """Flags that have a column now, whether or not the state names them."""
        rows = con.execute("SELECT DISTINCT flag FROM rightful.rf_flag_columns ORDER BY 1").fetchall()
        return tuple(str(row[0]) for row in rows)

    # Preparing ----------------------------------------------------------------------------------

    def _prepare_tables(self, con: Connection, mode: Mode, flags: Sequence[str] | set[str]) -> None:
        """Columns, triggers and views for the governed tables and these flags."""
        tables = self._governed(con)
        wanted = sorted({*flags, *self._flag_names(con)})
        own = self._own_columns(con)
        changed = self._views_differ(con, tables)
        if mode == "column":
            con.execute(_MOVED)
            for table in tables:
                needed = [(NUMBER, "integer"), (ANY, "boolean NOT NULL DEFAULT false")]
                needed += [(flag, "boolean NOT NULL DEFAULT false") for flag in wanted]
                for column, kind in needed:
                    if (table.name, column) in own:
                        continue
                    changed = True
                    if any(c.name == column for c in table.columns):
                        raise BadInput(f"{table.name} has a column {column} of its own", remedy="Rename one of the two")
                    con.execute(
                        sql.SQL("ALTER TABLE {} ADD COLUMN {} {}").format(
                            self._origin(table.name), sql.Identifier(column), sql.SQL(kind)
                        )
                    )
                    con.execute("INSERT INTO rightful.rf_columns VALUES (%s, %s)", [table.name, column])
                    if column == NUMBER:
                        con.execute(
                            sql.SQL(
                                "CREATE TRIGGER rf_moved BEFORE UPDATE OF {key} ON {table} FOR EACH ROW "
                                "WHEN (OLD.{key} IS DISTINCT FROM NEW.{key}) EXECUTE FUNCTION rightful.rf_moved()"
                            ).format(key=sql.Identifier(table.key), table=self._origin(table.name))
                        )
        else:
            present = {str(row[0]) for row in con.execute(_COLUMNS, [OURS, "rf_customer"]).fetchall()}
            for flag in wanted:
                if flag not in present:
                    changed = True
                    con.execute(
                        sql.SQL("ALTER TABLE rightful.rf_customer ADD COLUMN {} boolean NOT NULL DEFAULT false").format(
                            sql.Identifier(flag)
                        )
                    )
        for flag in wanted:
            con.execute("INSERT INTO rightful.rf_flag_columns VALUES (%s) ON CONFLICT DO NOTHING", [flag])
        if changed:
            self._make_views(con, tables)

    def _views_differ(self, con: Connection, tables: Sequence[TableInfo]) -> bool:
        flags = set(self._flag_names(con))
        for table in tables:
            shown = [str(row[0]) for row in con.execute(_COLUMNS, [OURS, table.name]).fetchall()]
            if {c.name for c in table.columns} | flags | {NUMBER} != set(shown):
                return True
        return False

    def _make_views(self, con: Connection, tables: Sequence[TableInfo]) -> None:
        self._drop_views(con)
        mode = self._installed(con)
        flags = self._flag_names(con)
        for table in tables:
            view = sql.Identifier(OURS, table.name)
            place = sql.SQL("t") if mode == "column" else sql.SQL("c")
            columns = [sql.SQL("t.{}").format(sql.Identifier(c.name)) for c in table.columns]
            columns += [sql.SQL("{}.{}").format(place, sql.Identifier(n)) for n in (NUMBER, *flags)]
            joined = (
                sql.SQL("{} t").format(self._origin(table.name))
                if mode == "column"
                else sql.SQL("{} t JOIN rightful.rf_customer c ON c.rf_key = t.{}").format(
                    self._origin(table.name), sql.Identifier(table.key)
                )
            )
            con.execute(
                sql.SQL("CREATE VIEW {} WITH (security_barrier) AS SELECT {} FROM {} WHERE {}.rf_any").format(
                    view, sql.SQL(", ").join(columns), joined, place
                )
            )
            con.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(view, sql.Identifier(self.reader)))

    def _drop_views(self, con: Connection) -> None:
        for (name,) in con.execute(_OUR_VIEWS).fetchall():
            con.execute(sql.SQL("DROP VIEW {}").format(sql.Identifier(OURS, name)))

    def _drop_flags(self, con: Connection, *, keep: set[str]) -> None:
        gone = [flag for flag in self._flag_names(con) if flag not in keep]
        if not gone:
            return
        self._drop_views(con)
        mode = self._installed(con)
        for flag in gone:
            con.execute("DELETE FROM rightful.rf_flag_columns WHERE flag = %s", [flag])
            if mode == "companion":
                con.execute(sql.SQL("ALTER TABLE rightful.rf_customer DROP COLUMN {}").format(sql.Identifier(flag)))
            rows = con.execute("DELETE FROM rightful.rf_columns WHERE column_name = %s RETURNING table_name", [flag])
            for (table,) in rows.fetchall():
                con.execute(sql.SQL("ALTER TABLE {} DROP COLUMN {}").format(self._origin(table), sql.Identifier(flag)))
        self._make_views(con, self._governed(con))

    def _flag_tables(self, con: Connection, mode: Mode) -> list[sql.Identifier]:
        if mode == "companion":
            return [sql.Identifier(OURS, "rf_customer")]
        return [self._origin(table.name) for table in self._governed(con)]

    def _spread(self, con: Connection, tables: Sequence[TableInfo]) -> None:
        """Numbers, and the flags of the customer, into rows that lack them or belong to somebody else now."""
        customers = next(t for t in tables if t.customer_table)
        flags = self._flag_names(con)
        con.execute(
            sql.SQL(
                "UPDATE {} t SET rf_no = n.rf_no, rf_any = false{} FROM rightful.rf_customer n "
                "WHERE n.rf_key = t.{} AND t.rf_no IS DISTINCT FROM n.rf_no"
            ).format(
                self._origin(customers.name),
                sql.SQL("").join(sql.SQL(", {} = false").format(sql.Identifier(flag)) for flag in flags),
                sql.Identifier(customers.key),
            )
        )
        copied = sql.SQL("").join(sql.SQL(", {0} = c.{0}").format(sql.Identifier(flag)) for flag in flags)
        for table in tables:
            if not table.customer_table:
                con.execute(
                    sql.SQL(
                        "UPDATE {} t SET rf_no = c.rf_no, rf_any = c.rf_any{} FROM {} c "
                        "WHERE c.{} = t.{} AND t.rf_no IS DISTINCT FROM c.rf_no"
                    ).format(
                        self._origin(table.name), copied, self._origin(customers.name),
                        sql.Identifier(customers.key), sql.Identifier(table.key),
                    )
                )  # fmt: skip

    def _make_reader(self, con: Connection) -> None:
        role = sql.Identifier(self.reader)
        row = con.execute(
            "SELECT rolsuper OR rolcreaterole OR rolbypassrls FROM pg_roles WHERE rolname = %s", [self.reader]
        ).fetchone()
        if row is not None and row[0]:
            raise BadInput(
                f"the role {self.reader} exists and is more than a reader", remedy="Choose another name (reader)"
            )
        word = sql.SQL("CREATE") if row is None else sql.SQL("ALTER")
        # The server gets what verifies the password, never the password: statements end up in logs.
        verifier = con.pgconn.encrypt_password(
            self._reader_password.encode(), self.reader.encode(), b"scram-sha-256"
        ).decode()
        con.execute(
            sql.SQL("{} ROLE {} LOGIN NOINHERIT NOCREATEDB NOCREATEROLE CONNECTION LIMIT 50 PASSWORD {}").format(
                word, role, sql.Literal(verifier)
            )
        )
        for setting, value in (
            ("default_transaction_read_only", "on"),
            ("statement_timeout", f"{self._statement_seconds}s"),
            ("idle_in_transaction_session_timeout", "300s"),
            ("lock_timeout", f"{self._lock_seconds}s"),
            ("search_path", f"{OURS}, pg_catalog"),
        ):
            text = sql.SQL("rightful, pg_catalog") if setting == "search_path" else sql.Literal(value)
            con.execute(sql.SQL("ALTER ROLE {} SET {} TO {}").format(role, sql.Identifier(setting), text))
        con.execute(sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(sql.Identifier(OURS), role))

    def _refuse_public_rights(self, con: Connection) -> None:
        reachable = [str(row[0]) for row in con.execute(_REACHABLE, [self.reader]).fetchall()]
        if reachable:
            shown = ", ".join(reachable[:5]) + (" and more" if len(reachable) > 5 else "")
            raise BadInput(
                f"the restricted role could read {shown} past the gate",
                remedy="Take the right away from everybody (REVOKE SELECT ... FROM PUBLIC), then install again",
            )

    def _origin(self, table: str) -> sql.Identifier:
        return sql.Identifier(self.schema, table)

    def _lock(self, con: Connection) -> None:
        """One preparation or refresh at a time, and none that waits for ever behind the CRM's own work."""
        con.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{self._lock_seconds}s")))
        con.execute("SELECT pg_advisory_xact_lock(hashtext('rightful'))")

    # Running ------------------------------------------------------------------------------------

    @contextmanager
    def _owner(self) -> Iterator[Connection]:
        with self._owners.connection() as con, _translated():
            yield con

    @contextmanager
    def _stream(self, pool: _Pool, query: str, batch_rows: int) -> Iterator[pa.RecordBatchReader]:
        with pool.connection() as con:
            with _translated():
                con.execute("BEGIN READ ONLY")
                columns = _described(con, query)
            batches = _Batches(con, query, columns, batch_rows)
            finished = False
            try:
                yield pa.RecordBatchReader.from_batches(batches.schema, batches)
                finished = True
            finally:
                batches.close()
                if not finished or not batches.ended:
                    con.close()  # a half-read COPY: cheaper to end the connection than to drain it
                else:
                    with contextlib.suppress(psycopg.Error):
                        con.execute("ROLLBACK")


class _Pool:
    """A few connections, handed out one at a time; one that broke is replaced on the next call."""

    MOST_IDLE = 4
    TRUSTED_SECONDS = 1.0

    def __init__(self, settings: Mapping[str, Any], lock_seconds: int) -> None:
        self._settings = dict(settings)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []
        _ = lock_seconds

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        con = self._take()
        try:
            yield con
        except BaseException:
            if not con.closed and con.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                with contextlib.suppress(psycopg.Error):
                    con.rollback()
            self._give(con)
            raise
        self._give(con)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, con in idle:
            con.close()

    def _take(self) -> Connection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                since, con = self._idle.pop()
            if con.closed:
                continue
            if time.monotonic() - since < self.TRUSTED_SECONDS and not _hung_up(con):
                return con
            try:
                con.execute("SELECT 1")
            except psycopg.Error:
                con.close()
                continue
            return con
        failure: SourceUnavailable
        try:
            return psycopg.connect(**self._settings, autocommit=True)
        except psycopg.OperationalError as error:
            text = str(error)
            error.args = (type(error).__name__,)
            if "authentication" in text or "role" in text:
                failure = SourceUnavailable(
                    "the database did not let us in",
                    remedy="Check user and password, and pg_hba.conf for the reader's role",
                )
            else:
                failure = SourceUnavailable(
                    "the database does not answer", remedy="Check that it runs and can be reached, then try again"
                )
        raise failure

    def _give(self, con: Connection) -> None:
        if con.closed or con.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            con.close()
            return
        with self._lock:
            if len(self._idle) < self.MOST_IDLE:
                self._idle.append((time.monotonic(), con))
                return
        con.close()


def _parts(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo.conninfo_to_dict(url))
    except psycopg.ProgrammingError:  # its words hold what it could not read, which may be the password
        raise unreadable_address() from None


def _hung_up(con: Connection) -> bool:
    """Whether the server has said something while nobody asked: it says good-bye when it ends a session."""
    try:
        return bool(select.select([con.fileno()], [], [], 0)[0])
    except (psycopg.Error, OSError, ValueError):
        return True


class _Column:
    """A result column: its name, Arrow type, and whether the database must round it first."""

    __slots__ = ("arrow", "name", "rounded")

    def __init__(self, name: str, oid: int, modifier: int) -> None:
        self.name = name
        self.rounded = oid == 1700 and modifier < 0
        if self.rounded:
            self.arrow: pa.DataType = pa.decimal128(38, NUMERIC_SCALE)
        elif oid == 1700:
            precision, scale = ((modifier - 4) >> 16) & 0xFFFF, (modifier - 4) & 0x7FF
            wide = precision > 38 or scale > precision
            self.arrow = pa.string() if wide else pa.decimal128(precision, scale)
        else:
            self.arrow = _ARROW.get(oid, pa.string())


# By type oid: the built-in ones are fixed for ever (pg_type.dat).
_ARROW: dict[int, pa.DataType] = {
    16: pa.bool_(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 26: pa.int64(), 700: pa.float32(),
    701: pa.float64(), 1082: pa.date32(), 1114: pa.timestamp("us"), 1184: pa.timestamp("us", tz="UTC"),
}  # fmt: skip


def _described(con: Connection, query: str) -> list[_Column]:
    """Names and types of the result; the server takes one statement only, and does not run it yet."""
    prepared = con.pgconn.prepare(b"", query.encode())
    if prepared.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise _state_trouble(prepared.error_field(psycopg.pq.DiagnosticField.SQLSTATE))
    found = con.pgconn.describe_prepared(b"")
    if not found.nfields:
        raise QueryFailed("the statement returns nothing that could be read")
    return [_Column((found.fname(i) or b"").decode(), found.ftype(i), found.fmod(i)) for i in range(found.nfields)]


class _Batches:
    """The rows of one COPY as Arrow batches. COPY streams without a copy on either side, and its CSV
    form tells NULL from an empty text."""

    def __init__(self, con: Connection, query: str, columns: Sequence[_Column], batch_rows: int) -> None:
        self.schema = pa.schema([(column.name, column.arrow) for column in columns])
        self.ended = False
        self._columns = columns
        self._rows = batch_rows
        self._con = con
        self._query = query
        self._pending: list[pa.RecordBatch] = []
        self._reader: Any = None
        self._stack: contextlib.ExitStack | None = contextlib.ExitStack()

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._stack is None:
            raise QueryFailed("the result was read after its context had ended", remedy="Read it inside `with`")
        while not self._pending:
            with _translated():
                batch = self._read()
            if batch is None:
                self.ended = True
                raise StopIteration
            parts = [batch.slice(start, self._rows) for start in range(0, batch.num_rows, self._rows)]
            self._pending = [pa.RecordBatch.from_arrays(part.columns, schema=self.schema) for part in parts]
        return self._pending.pop(0)

    def close(self) -> None:
        self._pending, self._reader = [], None
        stack, self._stack = self._stack, None
        if stack is not None and self.ended:
            with contextlib.suppress(psycopg.Error):
                stack.close()

    def _read(self) -> pa.RecordBatch | None:
        if self._reader is None:
            self._reader = self._opened()
            if self._reader is None:
                return None
        return next(self._reader, None)

    def _opened(self) -> Any:
        assert self._stack is not None  # narrows the type: __next__ has looked
        names = [f"c{i}" for i in range(len(self._columns))]
        shown = ", ".join(
            f"round({n}, {NUMERIC_SCALE})" if c.rounded else n for n, c in zip(names, self._columns, strict=True)
        )
        cursor = self._stack.enter_context(self._con.cursor())
        copying = f"COPY (SELECT {shown} FROM ({self._query}\n) AS q({', '.join(names)})) TO STDOUT (FORMAT csv)"
        copy = self._stack.enter_context(cursor.copy(copying.encode()))
        stream = _CopyFile(iter(copy))
        if stream.empty():
            return None
        return pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(use_threads=False, block_size=4 << 20, column_names=names),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=pa_csv.ConvertOptions(
                column_types={n: c.arrow for n, c in zip(names, self._columns, strict=True)},
                null_values=[""],
                true_values=["t"],
                false_values=["f"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
                timestamp_parsers=[pa_csv.ISO8601],
            ),
        )


class _CopyFile(io.RawIOBase):
    """Chunks of a COPY as a file that pyarrow can read from."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        super().__init__()
        self._chunks = chunks
        self._held = bytearray()
        self._done = False

    def readable(self) -> bool:
        return True

    def empty(self) -> bool:
        self._fill(1)
        return not self._held

    def read(self, size: int = -1) -> bytes:
        self._fill(size if size >= 0 else 1 << 62)
        wanted = len(self._held) if size < 0 else size
        taken = bytes(self._held[:wanted])
        del self._held[:wanted]
        return taken

    def _fill(self, size: int) -> None:
        while len(self._held) < size and not self._done:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._done = True
            else:
                self._held += chunk


# SQL ---------------------------------------------------------------------------------------------

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS rightful.rf_info (
      one boolean PRIMARY KEY DEFAULT true CHECK (one), format integer NOT NULL, mode text NOT NULL,
      source_schema text NOT NULL, customer_table text NOT NULL, customer_key text NOT NULL,
      links text NOT NULL, reader text NOT NULL, next_number integer NOT NULL)
    """,
    """
    CREATE TABLE IF NOT EXISTS rightful.rf_columns (
      table_name text, column_name text, PRIMARY KEY (table_name, column_name))
    """,
    "CREATE TABLE IF NOT EXISTS rightful.rf_flag_columns (flag text PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS rightful.rf_flags (name text PRIMARY KEY, digest text NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS rightful.rf_flag_state (
      one boolean PRIMARY KEY DEFAULT true CHECK (one), watermark bigint NOT NULL, policy_version text NOT NULL)
    """,
)

_NOT_INSTALLED = "Prepare it first: `rightful source add` (install)"

_MOVED = """
CREATE OR REPLACE FUNCTION rightful.rf_moved() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  NEW.rf_no := NULL;
  NEW.rf_any := false;
  RETURN NEW;
END $$
"""

_TABLE_OID = """
SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p')
"""
_PRIMARY_KEY = """
SELECT a.attname FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
WHERE k.conrelid = %s AND k.contype = 'p'
"""
_LINKS = """
SELECT DISTINCT ON (c.relname) c.relname, a.attname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
JOIN pg_attribute f ON f.attrelid = k.confrelid AND f.attnum = k.confkey[1]
WHERE k.contype = 'f' AND k.confrelid = %s AND f.attname = %s AND n.nspname = %s AND cardinality(k.conkey) = 1
  AND NOT c.relispartition
ORDER BY c.relname, a.attnum
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v')
ORDER BY a.attnum
"""
_KEY_TYPE = """
SELECT format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s
"""
_ROWS = """
SELECT c.reltuples::bigint FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = %s
"""
_OUR_VIEWS = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'rightful' AND c.relkind = 'v'
"""
_REACHABLE = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_roles r
WHERE r.rolname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%%'
  AND NOT (n.nspname = 'rightful' AND c.relkind = 'v')
  AND has_schema_privilege(r.oid, n.oid, 'USAGE')
  AND (has_table_privilege(r.oid, c.oid, 'SELECT') OR has_any_column_privilege(r.oid, c.oid, 'SELECT'))
ORDER BY 1
"""


def _write_planes(
    con: Connection, target: sql.Identifier, flags: Sequence[str], bits: Sequence[bytes], numbers: int
) -> None:
    """One statement for one table: each flag from its plane by the row's number, only where something differs."""
    if not flags:
        con.execute(sql.SQL("UPDATE {} SET rf_any = false WHERE rf_any").format(target))
        return
    inside = sql.SQL("rf_no IS NOT NULL AND rf_no < %(numbers)s")
    news = [
        sql.SQL("CASE WHEN {} THEN get_bit({}::bytea, rf_no::bigint) = 1 ELSE false END").format(
            inside, sql.Placeholder(f"p{i}")
        )
        for i in range(len(flags))
    ]
    names = [sql.Identifier(flag) for flag in flags]
    statement = sql.SQL(
        "UPDATE {target} SET {sets}, rf_any = ({any}) WHERE (rf_any, {olds}) IS DISTINCT FROM (({any}), {fresh})"
    ).format(
        target=_beside_values(con, target),
        sets=sql.SQL(", ").join(sql.SQL("{} = {}").format(n, e) for n, e in zip(names, news, strict=True)),
        any=sql.SQL(" OR ").join(news),
        olds=sql.SQL(", ").join(names),
        fresh=sql.SQL(", ").join(news),
    )
    con.execute(statement, {"numbers": numbers, **{f"p{i}": plane for i, plane in enumerate(bits)}})


def _beside_values(con: Connection, name: sql.Identifier) -> sql.SQL:
    """A name for a statement that binds values: the driver takes a single per cent sign for the start of a mark."""
    doubled: Any = name.as_string(con).replace("%", "%%")
    return sql.SQL(doubled)


def _write_patch(con: Connection, target: sql.Identifier, names: Sequence[str], flags: Sequence[str]) -> None:
    changed = set(names)
    sets = sql.SQL(", ").join(sql.SQL("{0} = p.{0}").format(sql.Identifier(n)) for n in names)
    after = sql.SQL(" OR ").join(
        sql.SQL("p.{}" if flag in changed else "t.{}").format(sql.Identifier(flag)) for flag in flags
    )
    con.execute(
        sql.SQL("UPDATE {} t SET {}, rf_any = ({}) FROM rf_patch p WHERE t.rf_no = p.rf_no").format(target, sets, after)
    )


def _store_state(con: Connection, state: FlagState) -> None:
    con.execute("DELETE FROM rightful.rf_flag_state")
    con.execute("DELETE FROM rightful.rf_flags")
    con.execute(
        "INSERT INTO rightful.rf_flag_state (watermark, policy_version) VALUES (%s, %s)",
        [state.watermark, state.policy_version],
    )
    for name, digest in state.columns.items():
        con.execute("INSERT INTO rightful.rf_flags VALUES (%s, %s)", [name, digest])


def _fitted(plane: np.ndarray[Any, Any], numbers: int, size: int) -> bytes:
    packed = np.zeros(size, dtype=np.uint8)
    given = np.asarray(plane, dtype=np.uint8)[: (numbers + 7) // 8]
    packed[: len(given)] = given
    return packed.tobytes()


def canonical_type(declared: str) -> str:
    """PostgreSQL's name of a type as one of the words every source shares."""
    lowered = declared.lower()
    if lowered.startswith("numeric"):
        return lowered
    bare = re.sub(r"\(.*?\)", "", lowered)
    return _TYPES.get(bare, "other")


_TYPES = {
    "text": "text", "character varying": "text", "character": "text", "name": "text", "citext": "text",
    "boolean": "boolean", "smallint": "smallint", "integer": "integer", "bigint": "bigint", "real": "real",
    "double precision": "double", "date": "date", "time without time zone": "time",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz", "uuid": "uuid",
    "json": "json", "jsonb": "json", "bytea": "bytes", "interval": "interval",
}  # fmt: skip


def _checked_type(declared: str) -> str:
    """A type as the server itself spelled it; used in DDL, where values cannot be bound."""
    if not re.fullmatch(
        r'[a-z][a-z0-9_ ]*(\(\d+(,\d+)?\))?|("[^"]+"\.)?"[^"]+"|[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*', declared
    ):
        raise BadInput(f"the customer's key has the type {declared}, which cannot identify a customer")
    return declared


def _scalar(con: Connection, query: str, values: Sequence[object] = ()) -> Any:
    row = con.execute(query.encode(), list(values) or None).fetchone()
    return None if row is None else row[0]


# Errors ------------------------------------------------------------------------------------------


@contextmanager
def _translated() -> Iterator[None]:
    """Turn database errors into ours, and empty the old one, so that no log finds values in the chain."""
    try:
        yield
    except psycopg.Error as error:
        failure = _state_trouble(
            (error.sqlstate or "").encode() or None, lost=isinstance(error, psycopg.OperationalError)
        )
        error.args = (type(error).__name__,)
        raise failure from None
    except pa.ArrowException as error:
        error.args = (type(error).__name__,)
        raise QueryFailed(
            "a value of the result does not fit its type (for example a NaN or an infinite date)"
        ) from None


def _state_trouble(sqlstate: bytes | None, *, lost: bool = False) -> Exception:
    """What an SQLSTATE means to a person (PostgreSQL documentation, appendix A)."""
    state = (sqlstate or b"").decode()
    if state == "57014":
        return QueryFailed("the statement took longer than it may and was stopped", remedy="Ask for less at once")
    if state in ("55P03", "40P01"):
        return SourceUnavailable(
            "the tables are in use by other work and did not become free in time",
            remedy="Try again in a quieter moment",
        )
    if state.startswith(("08", "57P")) or (lost and not state):
        return SourceUnavailable(
            "the connection to the database was lost", remedy="Try again; the next call makes a new connection"
        )
    if state.startswith("53"):
        return SourceUnavailable(
            f"the database has run out of something it needs (SQLSTATE {state})",
            remedy="Free disk, memory or connections",
        )
    if state.startswith("28"):
        return SourceUnavailable("the database did not let us in", remedy="Check user and password")
    if state == "42501":
        return QueryFailed(
            "the database role may not do this (SQLSTATE 42501)", remedy="Give the role the right it lacks"
        )
    return QueryFailed(f"the statement failed while it ran (SQLSTATE {state or 'unknown'})")
