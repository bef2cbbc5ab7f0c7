"""How a MariaDB database is governed in place, and what that adds to it.

Everything we add stands in a database of its own, `rightful_<name>`, but for the permission flags of the
mode "column": INVISIBLE columns of the governed tables, which neither `SELECT *` nor an INSERT without
column names sees. The mode "companion" keeps them in one table of ours, keyed by the customer's key.
`uninstall` takes all of it away again.

Analysts' statements run as a user of their own that can read nothing but our views, and a view shows
only rows of customers with at least one permission (`rf_any`).

Easy to get wrong:
* DDL commits what came before it. So columns are added first (all false), then flags and watermark change
  in one transaction, then columns nobody names are dropped. A crash in between leaves no permission too many.
* MariaDB compares texts by collation ('a' = 'A' = 'a '), and 1 = '1abc'. Whose row it is, is compared byte
  for byte; the comparison by collation stands beside it only where an index can use it.
* A cascading foreign key fires no trigger: a row whose customer was deleted (SET NULL) keeps its flags
  until the next numbering. So the views ask for the key, too.
* Only InnoDB has transactions; a table of another engine is refused.
* The engine's error texts hold values of rows ("XPATH syntax error: ..."); only the number leaves this file.
* Dates that are no dates ('0000-00-00') arrive as NULL.

Sources: MariaDB 10.11 documentation: "Invisible Columns", "SQL statements that cause an implicit commit",
"FLUSH/GET_LOCK", "InnoDB foreign keys" (triggers), "MariaDB error codes".
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import re
import select
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pymysql
from pymysql import converters
from pymysql.constants import CLIENT, FIELD_TYPE
from pymysql.cursors import SSCursor

from rightful.errors import BadInput, IntegrityFault, NotFound, QueryFailed, RightfulError, SourceUnavailable
from rightful.sources.contract import ColumnInfo, Dialect, FlagState, StoredTable, TableInfo, unreadable_address
from rightful.sources.structure import check_reach, purge_mariadb, structure_of_mariadb

NUMBER = "rf_no"
ANY = "rf_any"
FORMAT = 1
Mode = Literal["column", "companion"]

STATEMENT_SECONDS = 900
LOCK_SECONDS = 10
OLDEST = (10, 6)
LONGEST_NAME = 64
PLANE_CUSTOMERS = 16_000_000  # flags of this many customers go over in one piece (2 MB)
STRICT = (
    "STRICT_ALL_TABLES,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY,ERROR_FOR_DIVISION_BY_ZERO,"
    "NO_ZERO_DATE,NO_ZERO_IN_DATE,NO_ENGINE_SUBSTITUTION"
)

if TYPE_CHECKING:
    Connection = pymysql.Connection[Any]


class MariaDBSource:
    """One database of a MariaDB server. Make it with `reflect`, prepare the database with `install`."""

    name: str
    dialect: Dialect = "mysql"

    def __init__(
        self,
        url: str,
        *,
        customer_table: str,
        reader_password: str,
        customer_key: str | None = None,
        links: Mapping[str, str] | None = None,
        name: str = "mariadb",
        statement_seconds: int = STATEMENT_SECONDS,
        lock_seconds: int = LOCK_SECONDS,
    ) -> None:
        """Use `reflect`, which looks at the database first."""
        self.name = name
        settings = _settings(url)
        self.schema = str(settings["database"])
        self._customer_table = customer_table
        self._customer_key = customer_key
        self._links = dict(links or {})
        self._statement_seconds = statement_seconds
        self._lock_seconds = lock_seconds
        digest = hashlib.sha256(self.schema.encode()).hexdigest()[:8]
        # Databases and users belong to the whole server, so their names tell what they govern.
        plain = f"rightful_{self.schema}"
        self.ours = plain if len(plain) <= LONGEST_NAME else f"rightful_{digest}"
        self.reader = f"rightful_reader_{digest}"
        self._reader_password = reader_password
        session = (
            f"SET SESSION sql_mode = '{STRICT}', time_zone = '+00:00', lock_wait_timeout = {lock_seconds}, "
            f"innodb_lock_wait_timeout = {lock_seconds}"
        )
        # READ COMMITTED: a refresh holds locks on the rows it changes, not on all it looks at.
        changing = f"{session}, tx_isolation = 'READ-COMMITTED'"
        reading = f"{session}, max_statement_time = {statement_seconds}, div_precision_increment = 10"
        self._owners = _Pool(settings | {"init_command": changing})
        readers = settings | {"user": self.reader, "password": reader_password, "database": None}
        self._readers = _Pool(readers | {"init_command": reading})

    @classmethod
    def reflect(cls, url: str, *, customer_table: str, reader_password: str, **options: Any) -> MariaDBSource:
        """Look at a database: the customer table, its key, and the tables that point to it.

        Args:
            url: mariadb://user:password@host:port/database, for a user that may create a database and a
                user, and alter the tables in mode "column". `?ssl_ca=FILE` for TLS, `?unix_socket=FILE`.
            customer_table: the table with one row per customer.
            reader_password: password of the restricted user; comes from the workspace's keys.
            options: `customer_key`, where the table has no single-column primary key; `links` (table ->
                column) where a table names the customer without a foreign key.

        Raises:
            NotFound: there is no such table.
            BadInput: no single column identifies a customer, or the server is not one we know.
            SourceUnavailable: the database does not answer.
        """
        found = cls(url, customer_table=customer_table, reader_password=reader_password, **options)
        try:
            with found._owner() as con:
                _check_server(con)
                found._governed(con)
        except BaseException:
            found.close()
            raise
        return found

    @classmethod
    def open(cls, url: str, *, reader_password: str, **options: Any) -> MariaDBSource:
        """Find a database again that `install` prepared: it knows its tables and links itself.

        Raises:
            NotFound: it is not governed yet.
            SourceUnavailable: the database does not answer.
        """
        blind = cls(url, customer_table="", reader_password=reader_password)
        try:
            with blind._owner() as con:
                info = blind._info(con)
        finally:
            blind.close()
        if info is None:
            raise NotFound("this database is not governed yet", remedy=_NOT_INSTALLED)
        known = {"customer_key": info["customer_key"], "links": json.loads(info["links"])}
        return cls.reflect(
            url, customer_table=info["customer_table"], reader_password=reader_password, **{**known, **options}
        )

    # Prepare and clear away ---------------------------------------------------------------------

    def install(self, mode: Mode = "column") -> tuple[TableInfo, ...]:
        """Add what governing needs. Safe to repeat, also after a crash; a repeat finds new tables and columns.

        Raises:
            BadInput: a table has no transactions, or everybody may read tables, so the restricted user could.
        """
        with self._owner() as con, self._lock(con):
            before = self._mode(con)
            if before is not None and before != mode:
                raise BadInput(
                    f"the database is governed in mode {before}", remedy="Uninstall it first, then install anew"
                )
            tables = self._governed(con)
            keys = self._keys(con, tables)
            self._refuse_without_transactions(con, tables)
            _do(con, f"CREATE DATABASE IF NOT EXISTS {_q(self.ours)} CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin")
            for statement in _TABLES:
                _do(con, statement.format(ours=_q(self.ours), key=keys[self._customer_table].declared))
            if before is None:
                values = [FORMAT, mode, self._customer_table, tables[0].key, json.dumps(self._links, sort_keys=True)]
                written = ", ".join(_lit(con, value) for value in values)
                _do(
                    con,
                    f"INSERT INTO {self._our('rf_info')} "
                    f"(one, format, mode, customer_table, customer_key, links, next_number) VALUES (1, {written}, 0)",
                )
            self._make_reader(con)
            self._prepare_tables(con, mode, ())
        self._refuse_public_rights()
        self.number_new_customers()
        return self.catalogue()

    def uninstall(self) -> None:
        """Take away everything `install` added: columns, triggers, views, database, user."""
        self._readers.close()
        with self._owner() as con, self._lock(con):
            if self._info(con) is not None:
                there = {str(row[0]) for row in _rows(con, _BASE_TABLES.format(schema=_lit(con, self.schema)))}
                for table, columns in self._own_columns(con).items():
                    if table in there:
                        _do(con, f"DROP TRIGGER IF EXISTS {self._trigger(table)}")
                        dropped = ", ".join(f"DROP COLUMN IF EXISTS {_q(column)}" for column in sorted(columns))
                        _do(con, f"ALTER TABLE {self._origin(table)} {dropped}")
                _do(con, f"DROP DATABASE {_q(self.ours)}")
            _do(con, f"DROP USER IF EXISTS {self._user(con)}")

    # What the gate asks -------------------------------------------------------------------------

    def catalogue(self) -> tuple[TableInfo, ...]:
        """Governed tables as they are now. A new column is in it, and in the view, at once."""
        with self._owner() as con:
            tables = self._governed(con)
            if self._mode(con) is not None and self._views_differ(con, tables):
                with self._lock(con):
                    self._make_views(con, tables)
            return tables

    def customer_keys(self, start: int = 0) -> Iterator[tuple[np.ndarray[Any, Any], pa.Array]]:
        """Numbers and keys of the customers that have one, in the order of the numbers."""
        query = (
            f"SELECT {NUMBER}, CONVERT(rf_key USING utf8mb4) FROM {self._our('rf_customer')} "
            f"WHERE {NUMBER} >= {int(start):d} ORDER BY {NUMBER}"
        )
        with self._stream(self._owners, query, 65_536) as reader:
            for batch in reader:
                yield batch.column(0).to_numpy(zero_copy_only=False).astype(np.uint32), batch.column(1)

    def number_new_customers(self) -> int:
        """Number customers that have none, forget those that are gone, and give rows of other tables the
        number and flags of the customer they belong to now. Numbers are never used twice."""
        with self._owner() as con, self._lock(con):
            mode = self._installed(con)
            self._prepare_tables(con, mode, self._flag_names(con))
            tables = self._governed(con)
            keys = self._keys(con, tables)
            customers = tables[0]
            key, origin, numbers = keys[customers.name], self._origin(customers.name), self._our("rf_customer")
            with _transaction(con):
                start = int(_scalar(con, f"SELECT next_number FROM {self._our('rf_info')} FOR UPDATE"))
                _do(
                    con,
                    f"DELETE n FROM {numbers} n LEFT JOIN {origin} t ON {key.same('t', 'n')} "
                    f"WHERE t.{_q(key.column)} IS NULL",
                )
                added = _do(
                    con,
                    f"INSERT INTO {numbers} (rf_key, rf_no) "
                    f"SELECT f.k, {start:d} + ROW_NUMBER() OVER (ORDER BY f.k) - 1 FROM "
                    f"(SELECT {key.exact('t')} AS k FROM {origin} t WHERE t.{_q(key.column)} IS NOT NULL) f "
                    f"WHERE NOT EXISTS (SELECT 1 FROM {numbers} n WHERE n.rf_key = f.k)",
                )
                _do(con, f"UPDATE {self._our('rf_info')} SET next_number = {start + added:d}")
                if mode == "column":
                    self._spread(con, tables, keys)
            return start + added

    def flags(self) -> FlagState | None:
        """The state of the flags, or None before the first `write_flags`."""
        with self._owner() as con:
            return None if self._mode(con) is None else self._state(con)

    def write_flags(self, state: FlagState, planes: Mapping[str, np.ndarray[Any, Any]], numbers: int) -> None:
        """Replace all flags. Only rows whose flags differ are written, so a refresh that changes little
        costs one scan. Columns that nobody names any more go afterwards; if a table is too busy for that,
        with the next refresh."""
        if set(state.columns) != set(planes):
            raise IntegrityFault("the flags' state and their planes name different flags")
        flags = sorted(planes)
        with self._owner() as con, self._lock(con):
            mode = self._installed(con)
            self._prepare_tables(con, mode, {*flags, *self._flag_names(con)})
            with _transaction(con):
                for target in self._flag_tables(con, mode):
                    _write_planes(con, target, flags, planes, numbers)
                self._store_state(con, state)
            with contextlib.suppress(SourceUnavailable):
                self._drop_flags(con, mode, keep=set(flags))

    def patch_flags(
        self, state: FlagState, numbers: np.ndarray[Any, Any], values: Mapping[str, np.ndarray[Any, Any]]
    ) -> None:
        """Set the flags in `values` for the customers in `numbers`; the other flags and people stay."""
        with self._owner() as con, self._lock(con):
            mode = self._installed(con)
            old = self._state(con)
            if old is None:
                raise IntegrityFault("flags cannot be changed before they were written once")
            if set(values) - set(old.columns) or set(state.columns) != set(old.columns):
                raise IntegrityFault("a patch names other flags than the database has", remedy="Refresh all flags")
            names = sorted(values) if len(numbers) else []
            patch = self._our("rf_patch")
            if names:
                self._fill_patch(con, patch, names, numbers, values)
            with _transaction(con):
                for target in self._flag_tables(con, mode) if names else ():
                    _write_patch(con, target, patch, names, sorted(old.columns))
                self._store_state(con, state)
            if names:
                _do(con, f"DROP TEMPORARY TABLE {patch}")

    def run(self, sql: str, *, batch_rows: int = 65_536) -> AbstractContextManager[pa.RecordBatchReader]:
        """Run one rewritten SELECT as the restricted user, in a read-only transaction, and stream it.

        Raises:
            QueryFailed: the statement failed while it ran; the sentence holds the error's number, no values.
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
            tables = self._governed(con)
            info = next(t for t in tables if t.name == table)
            key = self._keys(con, tables)[table]
            shown = ", ".join(["", *(f"t.{_q(c)}" for c in columns)])
            numbers = self._our("rf_customer")
            numbered = number is not None or since is not None
            if numbered or mode == "companion":
                # by the key, not by rf_no in the row: the CRM's own index is on it, and a row that came a
                # minute ago is this customer's, too
                side = "JOIN" if numbered else "LEFT JOIN"
                query = f"SELECT c.rf_no{shown} FROM {self._origin(table)} t {side} {numbers} c ON {key.same('t', 'c')}"
            else:
                query = f"SELECT t.rf_no{shown} FROM {self._origin(table)} t"
            conditions = [] if number is None else [f"c.rf_no = {int(number):d}"]
            if since is not None:
                conditions.append(f"c.rf_no >= {int(since):d}")
            if equals is not None:
                conditions.append(self._equal(con, info, equals[0], equals[1], fold=fold))
            if conditions:
                query += f" WHERE {' AND '.join(conditions)}"
            if limit is not None:
                query += f" LIMIT {int(limit):d}"
        return self._stream(self._owners, query, 65_536)

    def execute_disposal(
        self, statements: Sequence[tuple[str, Sequence[object]]], at_most: Sequence[int] | None = None
    ) -> list[int]:
        """Change or delete rows, all statements or none. Only the gate calls this; it names the tables
        where they really stand (`TableInfo.origin`), since the views hide rows without permission."""
        affected: list[int] = []
        with self._owner() as con, _transaction(con):
            for place, (statement, values) in enumerate(statements):
                if not _CHANGES.match(statement):  # DDL would commit half of it
                    raise QueryFailed("only INSERT, UPDATE and DELETE can be undone together")
                with con.cursor() as cursor:
                    cursor.execute(statement, list(values))
                    affected.append(max(cursor.rowcount, 0))
                check_reach(affected[-1], at_most, place)
        return affected

    def structure(self) -> tuple[StoredTable, ...]:
        """Every table of the database, without the columns that we added."""
        with self._owner() as con:
            own = self._own_columns(con) if self._info(con) is not None else {}
            return structure_of_mariadb(con, self.schema, {(t, c) for t, columns in own.items() for c in columns})

    def examine(self, sql: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        with self._owner() as con, _transaction(con, "READ ONLY"):
            texts = con.decoders
            con.decoders = dict(converters.decoders)  # numbers as numbers, dates as dates
            try:
                with con.cursor() as cursor:
                    cursor.execute(sql, list(values))
                    return list(cursor.fetchall())
            finally:
                con.decoders = texts

    def purge(self, tables: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
        """Rewrite these tables. Logs, backups and replicas are the server's, and keep older bytes for as
        long as they are set to."""
        with self._owner() as con:
            return purge_mariadb(con, tables)

    def close(self) -> None:
        self._owners.close()
        self._readers.close()

    # Looking ------------------------------------------------------------------------------------

    def _governed(self, con: Connection) -> tuple[TableInfo, ...]:
        """The customer table first, then the others by name."""
        schema = _lit(con, self.schema)
        there = {str(r[0]): int(r[1] or 0) for r in _rows(con, _BASE_TABLES.format(schema=schema))}
        if self._customer_table not in there:
            raise NotFound(
                f"there is no table {self.schema}.{self._customer_table}",
                remedy="Name the table that holds the customers",
            )
        customers = _lit(con, self._customer_table)
        key = self._customer_key
        if key is None:
            keys = _rows(con, _PRIMARY_KEY.format(schema=schema, table=customers))
            if len(keys) != 1:
                raise BadInput(
                    f"{self.schema}.{self._customer_table} has no primary key of one column",
                    remedy="Name the column that identifies a customer (customer_key)",
                )
            key = str(keys[0][0])
        found = _rows(con, _LINKS.format(schema=schema, table=customers, key=_lit(con, key)))
        links: dict[str, str] = {}
        for table, column in found:
            links.setdefault(str(table), str(column))
        links.update(self._links)
        links.pop(self._customer_table, None)  # "introduced by" points to another customer, not to the owner
        installed = self._info(con) is not None
        own = self._own_columns(con) if installed else {}
        names = [self._customer_table, *sorted(links)]
        columns: dict[str, list[ColumnInfo]] = {name: [] for name in names}
        listed = ", ".join(_lit(con, name) for name in names)
        for table, column, declared, nullable in _rows(con, _COLUMNS.format(schema=schema, tables=listed)):
            if str(column) not in own.get(str(table), ()):
                columns[str(table)].append(ColumnInfo(str(column), canonical_type(str(declared)), nullable == "YES"))
        tables = []
        for name in names:
            column = key if name == self._customer_table else links[name]
            if not any(c.name == column for c in columns[name]):
                raise NotFound(f"there is no column {self.schema}.{name}.{column}", remedy="Check the links")
            if name.lower().startswith("rf_"):
                raise BadInput(f"{name} has a name that our own tables have", remedy="Rename the table")
            tables.append(
                TableInfo(
                    name=name,
                    base=(self.ours, name) if installed else (self.schema, name),
                    columns=tuple(columns[name]),
                    key=column,
                    customer_table=name == self._customer_table,
                    rows=there.get(name, 0),
                    origin=(self.schema, name),
                )
            )
        return tuple(tables)

    def _keys(self, con: Connection, tables: Sequence[TableInfo]) -> dict[str, _Key]:
        """How each table's key is compared with the customer's, byte for byte."""
        schema = _lit(con, self.schema)
        places = ", ".join(f"({_lit(con, t.name)}, {_lit(con, t.key)})" for t in tables)
        found = {
            str(table): (str(declared), charset, collation)
            for table, declared, charset, collation in _rows(con, _KEY_TYPES.format(schema=schema, places=places))
        }
        whole = _is_whole(found[tables[0].name][0])
        keys = {}
        for table in tables:
            declared, charset, collation = found[table.name]
            if re.match(r"(var)?binary|\w*blob|geometry|point", declared):
                raise BadInput(
                    f"the column {table.name}.{table.key} holds bytes, which cannot identify a customer here",
                    remedy="Name a key that is a number or a text (customer_key)",
                )
            keys[table.name] = _Key(table.key, declared, whole, charset, collation)
        return keys

    def _equal(self, con: Connection, table: TableInfo, column: str, text: str, *, fold: bool) -> str:
        place = f"({_lit(con, table.name)}, {_lit(con, column)})"
        found = _rows(con, _KEY_TYPES.format(schema=_lit(con, self.schema), places=place))
        if not found:
            raise NotFound(f"there is no column {table.name}.{column}")
        _, declared, charset, collation = found[0]
        value, ref = _lit(con, text), f"t.{_q(column)}"
        if fold:
            exact = f"{_bytes(f'LOWER(CONVERT({ref} USING utf8mb4))')} = {_bytes(f'LOWER({value})')}"
            usable = charset is not None and str(collation).endswith(_FOLDING)
        else:
            exact = f"{_bytes(f'CONVERT({ref} USING utf8mb4)')} = {_bytes(value)}"
            usable = charset is not None
        if usable:  # equal bytes are equal under every collation: the index finds candidates
            return f"({ref} = {value} AND {exact})"
        if _is_whole(str(declared)):
            return f"{ref} = {int(text):d}" if re.fullmatch(r"0|-?[1-9][0-9]{0,18}", text) else "1 = 0"
        return exact

    def _info(self, con: Connection) -> dict[str, Any] | None:
        try:
            row = _rows(con, f"SELECT format, mode, customer_table, customer_key, links FROM {self._our('rf_info')}")
        except pymysql.Error as error:
            if error.args[0] in (1049, 1146, 1044, 1142):  # no such database or table, or not ours to see
                return None
            raise
        return (
            None
            if not row
            else dict(zip(("format", "mode", "customer_table", "customer_key", "links"), row[0], strict=True))
        )

    def _own_columns(self, con: Connection) -> dict[str, set[str]]:
        own: dict[str, set[str]] = {}
        for table, column in _rows(con, f"SELECT table_name, column_name FROM {self._our('rf_columns')}"):
            own.setdefault(str(table), set()).add(str(column))
        return own

    def _mode(self, con: Connection) -> Mode | None:
        info = self._info(con)
        if info is None:
            return None
        if int(info["format"]) != FORMAT:
            raise IntegrityFault(f"the database was prepared in format {info['format']}; this version knows {FORMAT}")
        if info["customer_table"] != self._customer_table:
            raise BadInput(
                f"this database is governed for {self.schema}.{info['customer_table']} already",
                remedy="One database governs one customer table",
            )
        return "column" if info["mode"] == "column" else "companion"

    def _installed(self, con: Connection) -> Mode:
        mode = self._mode(con)
        if mode is None:
            raise NotFound("this database is not governed yet", remedy=_NOT_INSTALLED)
        return mode

    def _state(self, con: Connection) -> FlagState | None:
        row = _rows(con, f"SELECT watermark, policy_version FROM {self._our('rf_flag_state')}")
        if not row:
            return None
        digests = _rows(con, f"SELECT name, digest FROM {self._our('rf_flags')} ORDER BY name")
        return FlagState(int(row[0][0]), str(row[0][1]), {str(name): str(digest) for name, digest in digests})

    def _store_state(self, con: Connection, state: FlagState) -> None:
        _do(con, f"DELETE FROM {self._our('rf_flag_state')}")
        _do(con, f"DELETE FROM {self._our('rf_flags')}")
        values = f"{int(state.watermark):d}, {_lit(con, state.policy_version)}"
        _do(con, f"INSERT INTO {self._our('rf_flag_state')} (one, watermark, policy_version) VALUES (1, {values})")
        for name, digest in state.columns.items():
            _do(con, f"INSERT INTO {self._our('rf_flags')} VALUES ({_lit(con, name)}, {_lit(con, digest)})")

    def _flag_names(self, con: Connection) -> tuple[str, ...]:
        """Flags that have a column now, whether or not the state names them."""
        return tuple(str(r[0]) for r in _rows(con, f"SELECT flag FROM {self._our('rf_flag_columns')} ORDER BY 1"))

    # Preparing ----------------------------------------------------------------------------------

    def _prepare_tables(self, con: Connection, mode: Mode, flags: Iterable[str]) -> None:
        """Columns, triggers and views for the governed tables and these flags. Each step can be repeated:
        what is about to be added is written down first, since DDL cannot be undone together with it."""
        wanted = sorted({*flags, *self._flag_names(con)})
        for flag in wanted:
            _do(con, f"INSERT IGNORE INTO {self._our('rf_flag_columns')} VALUES ({_lit(con, flag)})")
        tables = self._governed(con)
        if mode == "column":
            needed = [(NUMBER, "INT UNSIGNED NULL INVISIBLE"), (ANY, _FLAG), *((flag, _FLAG) for flag in wanted)]
            own = self._own_columns(con)
            for table in tables:
                self._add_columns(con, table, own.get(table.name, set()), needed)
        else:
            present = self._present(con, self.ours, "rf_customer")
            missing = [flag for flag in wanted if flag not in present]
            if missing:
                added = ", ".join(f"ADD COLUMN IF NOT EXISTS {_q(flag)} {_COMPANION_FLAG}" for flag in missing)
                _do(con, f"ALTER TABLE {self._our('rf_customer')} {added}")
        if self._views_differ(con, tables):
            self._make_views(con, tables)

    def _add_columns(self, con: Connection, table: TableInfo, own: set[str], needed: list[tuple[str, str]]) -> None:
        present = self._present(con, self.schema, table.name)
        missing = [(column, kind) for column, kind in needed if column not in present or column not in own]
        for column, _ in missing:
            if column in present:
                raise BadInput(f"{table.name} has a column {column} of its own", remedy="Rename one of the two")
        if missing:
            rows = ", ".join(f"({_lit(con, table.name)}, {_lit(con, column)})" for column, _ in missing)
            _do(con, f"INSERT IGNORE INTO {self._our('rf_columns')} VALUES {rows}")
            added = ", ".join(f"ADD COLUMN IF NOT EXISTS {_q(column)} {kind}" for column, kind in missing)
            _do(con, f"ALTER TABLE {self._origin(table.name)} {added}")
        if missing or NUMBER not in present:
            key = _q(table.key)
            _do(
                con,
                f"CREATE OR REPLACE TRIGGER {self._trigger(table.name)} BEFORE UPDATE ON {self._origin(table.name)} "
                f"FOR EACH ROW IF NOT ({_bytes(f'OLD.{key}')} <=> {_bytes(f'NEW.{key}')}) "
                f"THEN SET NEW.{NUMBER} = NULL, NEW.{ANY} = 0; END IF",
            )

    def _present(self, con: Connection, schema: str, table: str) -> set[str]:
        text = _COLUMNS.format(schema=_lit(con, schema), tables=_lit(con, table))
        return {str(row[1]) for row in _rows(con, text)}

    def _views_differ(self, con: Connection, tables: Sequence[TableInfo]) -> bool:
        flags = set(self._flag_names(con))
        wanted = {t.name: {c.name for c in t.columns} | flags | {NUMBER} for t in tables}
        shown: dict[str, set[str]] = {}
        for view, column in _rows(con, _VIEW_COLUMNS.format(schema=_lit(con, self.ours))):
            shown.setdefault(str(view), set()).add(str(column))
        return shown != wanted

    def _make_views(self, con: Connection, tables: Sequence[TableInfo], flags: Iterable[str] | None = None) -> None:
        mode = self._installed(con)
        names = list(self._flag_names(con) if flags is None else flags)
        keys = self._keys(con, tables)
        old = {str(row[0]) for row in _rows(con, _VIEW_COLUMNS.format(schema=_lit(con, self.ours)))}
        for view in sorted(old - {t.name for t in tables}):
            _do(con, f"DROP VIEW IF EXISTS {self._our(view)}")
        for table in tables:
            place, key = ("t" if mode == "column" else "c"), keys[table.name]
            columns = [f"t.{_q(c.name)}" for c in table.columns]
            columns += [f"{place}.{_q(name)}" for name in (NUMBER, *names)]
            joined = f"{self._origin(table.name)} t"
            if mode == "companion":
                joined += f" JOIN {self._our('rf_customer')} c ON {key.same('t', 'c')}"
            _do(
                con,
                f"CREATE OR REPLACE SQL SECURITY DEFINER VIEW {self._our(table.name)} AS SELECT {', '.join(columns)} "
                f"FROM {joined} WHERE {place}.{ANY} AND t.{_q(table.key)} IS NOT NULL",
            )
            _do(con, f"GRANT SELECT ON {self._our(table.name)} TO {self._user(con)}")

    def _drop_flags(self, con: Connection, mode: Mode, *, keep: set[str]) -> None:
        gone = [flag for flag in self._flag_names(con) if flag not in keep]
        if not gone:
            return
        self._make_views(con, self._governed(con), [flag for flag in self._flag_names(con) if flag in keep])
        dropped = ", ".join(f"DROP COLUMN IF EXISTS {_q(flag)}" for flag in gone)
        listed = ", ".join(_lit(con, flag) for flag in gone)
        places = [self._our("rf_customer")] if mode == "companion" else []
        places += [self._origin(table) for table, columns in self._own_columns(con).items() if columns & set(gone)]
        for place in places:
            _do(con, f"ALTER TABLE {place} {dropped}")
        _do(con, f"DELETE FROM {self._our('rf_columns')} WHERE column_name IN ({listed})")
        _do(con, f"DELETE FROM {self._our('rf_flag_columns')} WHERE flag IN ({listed})")

    def _flag_tables(self, con: Connection, mode: Mode) -> list[str]:
        if mode == "companion":
            return [self._our("rf_customer")]
        return [self._origin(table.name) for table in self._governed(con)]

    def _spread(self, con: Connection, tables: Sequence[TableInfo], keys: Mapping[str, _Key]) -> None:
        """Numbers, and the flags of the customer, into rows that lack them or belong to somebody else now."""
        customers, numbers = tables[0], self._our("rf_customer")
        flags = [ANY, *self._flag_names(con)]
        own = ", ".join(f"t.{_q(flag)} = 0" for flag in flags)
        copied = ", ".join(f"t.{_q(flag)} = COALESCE(c.{_q(flag)}, 0)" for flag in flags)
        _do(
            con,
            f"UPDATE {self._origin(customers.name)} t LEFT JOIN {numbers} n ON {keys[customers.name].same('t', 'n')} "
            f"SET t.rf_no = n.rf_no, {own} WHERE NOT (t.rf_no <=> n.rf_no)",
        )
        for table in tables[1:]:
            _do(
                con,
                f"UPDATE {self._origin(table.name)} t LEFT JOIN {numbers} n ON {keys[table.name].same('t', 'n')} "
                f"LEFT JOIN {self._origin(customers.name)} c ON {keys[customers.name].same('c', 'n')} "
                f"SET t.rf_no = c.rf_no, {copied} WHERE NOT (t.rf_no <=> c.rf_no)",
            )

    def _fill_patch(
        self,
        con: Connection,
        patch: str,
        names: Sequence[str],
        numbers: np.ndarray[Any, Any],
        values: Mapping[str, np.ndarray[Any, Any]],
    ) -> None:
        columns = ", ".join(f"{_q(name)} TINYINT NOT NULL" for name in names)
        _do(con, f"CREATE OR REPLACE TEMPORARY TABLE {patch} (rf_no INT UNSIGNED PRIMARY KEY, {columns}) ENGINE=InnoDB")
        rows = zip(
            np.asarray(numbers, dtype=np.int64).tolist(),
            *(np.asarray(values[name], dtype=np.int8).tolist() for name in names),
            strict=True,
        )
        written = [f"({', '.join(map(str, row))})" for row in rows]
        for start in range(0, len(written), 10_000):
            _do(con, f"INSERT INTO {patch} VALUES {', '.join(written[start : start + 10_000])}")

    def _make_reader(self, con: Connection) -> None:
        """The restricted user. The server gets what verifies the password, never the password: statements
        end up in logs."""
        digest = hashlib.sha1(self._reader_password.encode(), usedforsecurity=False).digest()
        verifier = "*" + hashlib.sha1(digest, usedforsecurity=False).hexdigest().upper()
        user = self._user(con)
        _do(
            con,
            f"CREATE OR REPLACE USER {user} IDENTIFIED VIA mysql_native_password USING {_lit(con, verifier)} "
            f"WITH MAX_USER_CONNECTIONS 50 MAX_STATEMENT_TIME {self._statement_seconds:d}",
        )
        views = {str(row[0]) for row in _rows(con, _VIEW_COLUMNS.format(schema=_lit(con, self.ours)))}
        for view in sorted(views):
            _do(con, f"GRANT SELECT ON {self._our(view)} TO {user}")

    def _refuse_public_rights(self) -> None:
        """What the restricted user itself can see, by whichever way the right came to it."""
        with self._readers.connection() as con, _translated():
            reachable = [f"{schema}.{table}" for schema, table in _rows(con, _REACHABLE.format(_lit(con, self.ours)))]
        if reachable:
            shown = ", ".join(reachable[:5]) + (" and more" if len(reachable) > 5 else "")
            raise BadInput(
                f"the restricted user could read {shown} past the gate",
                remedy="Take the right away from everybody (REVOKE ... FROM PUBLIC), then install again",
            )

    def _refuse_without_transactions(self, con: Connection, tables: Sequence[TableInfo]) -> None:
        listed = ", ".join(_lit(con, table.name) for table in tables)
        for table, engine in _rows(con, _ENGINES.format(schema=_lit(con, self.schema), tables=listed)):
            if engine != "InnoDB":
                raise BadInput(
                    f"the table {table} is kept by {engine}, which has no transactions",
                    remedy="ALTER TABLE ... ENGINE=InnoDB, then install again",
                )

    def _origin(self, table: str) -> str:
        return f"{_q(self.schema)}.{_q(table)}"

    def _our(self, table: str) -> str:
        return f"{_q(self.ours)}.{_q(table)}"

    def _trigger(self, table: str) -> str:
        return f"{_q(self.schema)}.{_q('rf_moved_' + hashlib.sha256(table.encode()).hexdigest()[:8])}"

    def _user(self, con: Connection) -> str:
        return f"{_lit(con, self.reader)}@'%'"

    @contextmanager
    def _lock(self, con: Connection) -> Iterator[None]:
        """One preparation or refresh at a time, and none that waits for ever. DDL ends transactions, so the
        lock belongs to the connection."""
        name = _lit(con, f"rightful:{hashlib.sha256(self.schema.encode()).hexdigest()[:16]}")
        if _scalar(con, f"SELECT GET_LOCK({name}, {self._lock_seconds:d})") != "1":
            raise SourceUnavailable("another refresh of this database is running", remedy="Try again when it has ended")
        try:
            yield
        finally:
            with contextlib.suppress(pymysql.Error, RightfulError):
                _do(con, f"DO RELEASE_LOCK({name})")

    # Running ------------------------------------------------------------------------------------

    @contextmanager
    def _owner(self) -> Iterator[Connection]:
        with self._owners.connection() as con, _translated():
            yield con

    @contextmanager
    def _stream(self, pool: _Pool, query: str, batch_rows: int) -> Iterator[pa.RecordBatchReader]:
        if not _READS.match(query):
            raise QueryFailed("the statement returns nothing that could be read")
        with pool.connection() as con:
            with _translated():
                _do(con, "START TRANSACTION READ ONLY")
                batches = _Batches(con, query, batch_rows)
            try:
                yield pa.RecordBatchReader.from_batches(batches.schema, batches)
            finally:
                if not batches.ended:
                    _drop(con)  # a half-read result: cheaper to end the connection than to drain it
                batches.close()
                if con.open:
                    with contextlib.suppress(pymysql.Error):
                        con.rollback()


class _Key:
    """A table's column with the customer's key, and how it is compared with `rf_customer.rf_key`.

    Whole numbers are compared as numbers. Everything else is compared as the bytes of its UTF-8 text:
    no collation, no padding, no cast of '1abc' to 1.
    """

    def __init__(self, column: str, declared: str, whole: bool, charset: Any, collation: Any) -> None:
        self.column = column
        self.declared = ("BIGINT UNSIGNED" if "unsigned" in declared else "BIGINT") if whole else "VARBINARY(700)"
        self._numbers = whole and _is_whole(declared)
        self._whole = whole
        self._charset, self._collation = charset, collation

    def exact(self, alias: str) -> str:
        column = f"{alias}.{_q(self.column)}"
        return column if self._numbers else _bytes(f"CONVERT({column} USING utf8mb4)")

    def same(self, alias: str, numbered: str) -> str:
        """The condition that a row and a numbered customer belong together."""
        if self._numbers:
            return f"{alias}.{_q(self.column)} = {numbered}.rf_key"
        stored = f"{numbered}.rf_key"
        theirs = _bytes(f"CONVERT({stored} USING utf8mb4)") if self._whole else stored
        same = f"{self.exact(alias)} = {theirs}"
        if self._charset is not None and re.fullmatch(r"\w+", str(self._charset)):
            # the same under the column's own collation, too: that is what its index can find
            wide = f"CONVERT(CONVERT({stored} USING utf8mb4) USING {self._charset}) COLLATE {self._collation}"
            same = f"({alias}.{_q(self.column)} = {wide} AND {same})"
        return same


class _Pool:
    """A few connections, handed out one at a time; one that broke is replaced on the next call."""

    MOST_IDLE = 4
    TRUSTED_SECONDS = 1.0

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._settings = dict(settings)
        self._lock = threading.Lock()
        self._idle: list[tuple[float, Connection]] = []

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        con = self._take()
        try:
            yield con
        except BaseException:
            _drop(con)  # whatever state it is in, nobody else gets it
            raise
        self._give(con)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for _, con in idle:
            _drop(con)

    def _take(self) -> Connection:
        while True:
            with self._lock:
                if not self._idle:
                    break
                since, con = self._idle.pop()
            if time.monotonic() - since < self.TRUSTED_SECONDS and not _hung_up(con):
                return con
            try:
                con.ping(reconnect=False)
            except pymysql.Error:
                _drop(con)
                continue
            return con
        failure: SourceUnavailable
        try:
            return pymysql.connect(**self._settings)
        except (pymysql.Error, OSError) as error:
            number = error.args[0] if error.args else 0
            error.args = (type(error).__name__,)
            if number in (1044, 1045, 1698, 1049):
                failure = SourceUnavailable(
                    "the database did not let us in",
                    remedy="Check user and password, and that the restricted user may connect from here",
                )
            else:
                failure = SourceUnavailable(
                    "the database does not answer", remedy="Check that it runs and can be reached, then try again"
                )
        raise failure

    def _give(self, con: Connection) -> None:
        if con.open:
            with self._lock:
                if len(self._idle) < self.MOST_IDLE:
                    self._idle.append((time.monotonic(), con))
                    return
        _drop(con)


def _hung_up(con: Connection) -> bool:
    """Whether the server has something to say on an idle connection: only that it is over."""
    sock: Any = getattr(con, "_sock", None)
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError, TypeError):
        return True


class _Batches:
    """The rows of one unbuffered result as Arrow batches."""

    def __init__(self, con: Connection, query: str, batch_rows: int) -> None:
        self.ended = False
        self._rows = batch_rows
        self._cursor: SSCursor | None = con.cursor(SSCursor)
        self._cursor.execute(query)
        if not self._cursor.description:
            raise QueryFailed("the statement returns nothing that could be read")
        fields = _result(self._cursor).fields  # the public description leaves the sign and the charset out
        self._columns = [_Column(field) for field in fields]
        self.schema = pa.schema([(column.name, column.arrow) for column in self._columns])

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._cursor is None:
            raise QueryFailed("the result was read after its context had ended", remedy="Read it inside `with`")
        with _translated():
            rows = [] if self.ended else self._cursor.fetchmany(self._rows)
            if not rows:
                self.ended = True
                raise StopIteration
            arrays = [
                column.array(values) for column, values in zip(self._columns, zip(*rows, strict=True), strict=True)
            ]
            return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def close(self) -> None:
        cursor, self._cursor = self._cursor, None
        if cursor is None:
            return
        if not self.ended:  # its connection is gone; the driver would try to read the rest from it
            _result(cursor).unbuffered_active = False
        cursor.close()


class _Column:
    """A result column: its name, its Arrow type, and how the texts the server sends become values."""

    __slots__ = ("arrow", "name")

    def __init__(self, field: Any) -> None:
        self.name = str(field.name)
        code, unsigned = field.type_code, bool(field.flags & _UNSIGNED)
        if code in (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL):
            digits = field.length - (field.scale > 0) - (not unsigned)
            wide = max(min(digits, 76), field.scale, 1)
            self.arrow: pa.DataType = (pa.decimal128 if wide <= 38 else pa.decimal256)(wide, field.scale)
        elif code == FIELD_TYPE.TINY and field.length == 1:
            self.arrow = pa.bool_()
        elif code == FIELD_TYPE.LONGLONG and unsigned:
            self.arrow = pa.uint64()
        elif code in _ARROW:
            self.arrow = _ARROW[code]
        else:
            binary = field.charsetnr == _BINARY_CHARSET and code not in (FIELD_TYPE.TIME, FIELD_TYPE.NEWDATE)
            self.arrow = pa.binary() if binary else pa.string()

    def array(self, values: Sequence[Any]) -> pa.Array:
        if pa.types.is_binary(self.arrow):
            return pa.array(values, pa.binary())
        texts = pa.array(values, pa.string())
        if pa.types.is_string(self.arrow):
            return texts
        if pa.types.is_boolean(self.arrow):
            return pc.not_equal(texts.cast(pa.int16()), 0)
        if pa.types.is_date(self.arrow) or pa.types.is_timestamp(self.arrow):
            try:
                return texts.cast(self.arrow)
            except pa.ArrowInvalid:
                return pa.array([_moment(value) for value in values], pa.timestamp("us")).cast(self.arrow)
        return texts.cast(self.arrow)


def _moment(text: str | None) -> dt.datetime | None:
    """A date or date-time as the server wrote it; None where it is none, such as 0000-00-00."""
    try:
        return None if text is None else dt.datetime.fromisoformat(text)
    except ValueError:
        return None


_UNSIGNED = 32
_BINARY_CHARSET = 63
_ARROW: dict[int, pa.DataType] = {
    FIELD_TYPE.TINY: pa.int16(), FIELD_TYPE.SHORT: pa.int32(), FIELD_TYPE.INT24: pa.int32(),
    FIELD_TYPE.LONG: pa.int64(), FIELD_TYPE.LONGLONG: pa.int64(), FIELD_TYPE.YEAR: pa.int16(),
    FIELD_TYPE.FLOAT: pa.float32(), FIELD_TYPE.DOUBLE: pa.float64(), FIELD_TYPE.DATE: pa.date32(),
    FIELD_TYPE.DATETIME: pa.timestamp("us"), FIELD_TYPE.TIMESTAMP: pa.timestamp("us"),
}  # fmt: skip


# SQL ---------------------------------------------------------------------------------------------

_READS = re.compile(r"\s*(\(\s*)*(SELECT|WITH)\b", re.IGNORECASE)
_CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_FLAG = "TINYINT(1) NOT NULL DEFAULT 0 INVISIBLE"
_COMPANION_FLAG = "TINYINT(1) NOT NULL DEFAULT 0"
# Collations under which two texts that are equal in lower case are equal, too.
_FOLDING = ("general_ci", "unicode_ci", "unicode_520_ci", "uca1400_ai_ci", "latin1_swedish_ci")

_TABLES = (
    """CREATE TABLE IF NOT EXISTS {ours}.rf_info (one TINYINT PRIMARY KEY CHECK (one = 1), format INT NOT NULL,
       mode VARCHAR(20) NOT NULL, customer_table VARCHAR(64) NOT NULL, customer_key VARCHAR(64) NOT NULL,
       links TEXT NOT NULL, next_number INT UNSIGNED NOT NULL) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS {ours}.rf_columns (table_name VARCHAR(64), column_name VARCHAR(64),
       PRIMARY KEY (table_name, column_name)) ENGINE=InnoDB""",
    "CREATE TABLE IF NOT EXISTS {ours}.rf_flag_columns (flag VARCHAR(64) PRIMARY KEY) ENGINE=InnoDB",
    "CREATE TABLE IF NOT EXISTS {ours}.rf_flags (name VARCHAR(64) PRIMARY KEY, digest TEXT NOT NULL) ENGINE=InnoDB",
    """CREATE TABLE IF NOT EXISTS {ours}.rf_flag_state (one TINYINT PRIMARY KEY CHECK (one = 1),
       watermark BIGINT NOT NULL, policy_version TEXT NOT NULL) ENGINE=InnoDB""",
    """CREATE TABLE IF NOT EXISTS {ours}.rf_customer (rf_key {key} PRIMARY KEY, rf_no INT UNSIGNED NOT NULL UNIQUE,
       rf_any TINYINT(1) NOT NULL DEFAULT 0) ENGINE=InnoDB""",
)

_NOT_INSTALLED = "Prepare it first: `rightful source add` (install)"

_BASE_TABLES = """
SELECT table_name, table_rows FROM information_schema.tables
WHERE table_schema = {schema} AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')
"""
_PRIMARY_KEY = """
SELECT column_name FROM information_schema.key_column_usage
WHERE table_schema = {schema} AND table_name = {table} AND constraint_name = 'PRIMARY'
"""
_LINKS = """
SELECT table_name, MIN(column_name) FROM information_schema.key_column_usage
WHERE table_schema = {schema} AND referenced_table_schema = {schema} AND referenced_table_name = {table}
GROUP BY table_name, constraint_name HAVING COUNT(*) = 1 AND MIN(referenced_column_name) = {key}
ORDER BY table_name, MIN(position_in_unique_constraint), MIN(column_name)
"""
_COLUMNS = """
SELECT table_name, column_name, column_type, is_nullable FROM information_schema.columns
WHERE table_schema = {schema} AND table_name IN ({tables}) ORDER BY table_name, ordinal_position
"""
_KEY_TYPES = """
SELECT table_name, column_type, character_set_name, collation_name FROM information_schema.columns
WHERE table_schema = {schema} AND (table_name, column_name) IN ({places})
"""
_VIEW_COLUMNS = """
SELECT c.table_name, c.column_name FROM information_schema.columns c
JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
WHERE c.table_schema = {schema} AND t.table_type = 'VIEW'
"""
_ENGINES = """
SELECT table_name, engine FROM information_schema.tables WHERE table_schema = {schema} AND table_name IN ({tables})
"""
_REACHABLE = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'performance_schema') AND table_schema <> {0} ORDER BY 1, 2
"""


def _write_planes(
    con: Connection, target: str, flags: Sequence[str], planes: Mapping[str, np.ndarray[Any, Any]], numbers: int
) -> None:
    """Each flag from its plane by the row's number, only where something differs."""
    names = [_q(flag) for flag in flags]
    on = " OR ".join([ANY, *names])
    off = ", ".join(f"{name} = 0" for name in (ANY, *names))
    _do(con, f"UPDATE {target} SET {off} WHERE (rf_no IS NULL OR rf_no >= {numbers if flags else 0:d}) AND ({on})")
    for start in range(0, numbers if flags else 0, PLANE_CUSTOMERS):
        stop = min(start + PLANE_CUSTOMERS, numbers)
        fresh = []
        for place, flag in enumerate(flags):
            piece = np.zeros((stop - start + 7) // 8, dtype=np.uint8)
            given = np.asarray(planes[flag], dtype=np.uint8)[start // 8 : (stop + 7) // 8]
            piece[: len(given)] = given
            _do(con, f"SET @rf_plane_{place:d} = x'{piece.tobytes().hex()}'")
            at = f"(CAST(rf_no AS SIGNED) - {start:d})"
            fresh.append(f"((ORD(SUBSTRING(@rf_plane_{place:d}, {at} DIV 8 + 1, 1)) >> ({at} % 8)) & 1)")
        any_ = f"({' | '.join(fresh)})"
        sets = ", ".join(f"{name} = {value}" for name, value in zip((*names, ANY), (*fresh, any_), strict=True))
        differs = " OR ".join(f"{name} <> {value}" for name, value in zip((*names, ANY), (*fresh, any_), strict=True))
        _do(con, f"UPDATE {target} SET {sets} WHERE rf_no >= {start:d} AND rf_no < {stop:d} AND ({differs})")
        for place in range(len(flags)):
            _do(con, f"SET @rf_plane_{place:d} = NULL")


def _write_patch(con: Connection, target: str, patch: str, names: Sequence[str], flags: Sequence[str]) -> None:
    changed = set(names)
    sets = ", ".join(f"t.{_q(name)} = p.{_q(name)}" for name in names)
    after = " | ".join(f"{'p' if flag in changed else 't'}.{_q(flag)}" for flag in flags)
    _do(con, f"UPDATE {target} t JOIN {patch} p ON t.rf_no = p.rf_no SET {sets}, t.{ANY} = ({after})")


def canonical_type(declared: str) -> str:
    """MariaDB's name of a type as one of the words every source shares."""
    lowered = declared.lower()
    if lowered.startswith("decimal"):
        return lowered.replace("decimal", "numeric").split()[0]
    if lowered.startswith("tinyint(1)"):
        return "boolean"
    bare = re.match(r"[a-z]+[0-9]*", lowered)
    unsigned = "unsigned" in lowered
    word = _TYPES.get(bare[0] if bare else "", "other")
    if unsigned:  # the next wider type holds it
        return {"smallint": "integer", "integer": "bigint", "bigint": "numeric(20,0)"}.get(word, word)
    return word


_TYPES = {
    "char": "text", "varchar": "text", "tinytext": "text", "text": "text", "mediumtext": "text", "longtext": "text",
    "enum": "text", "json": "json", "tinyint": "smallint", "smallint": "smallint", "mediumint": "integer",
    "int": "integer", "bigint": "bigint", "year": "smallint", "float": "real", "double": "double", "date": "date",
    "time": "time", "datetime": "timestamp", "timestamp": "timestamp", "uuid": "uuid", "binary": "bytes",
    "varbinary": "bytes", "tinyblob": "bytes", "blob": "bytes", "mediumblob": "bytes", "longblob": "bytes",
}  # fmt: skip


def _is_whole(declared: str) -> bool:
    return re.match(r"(tiny|small|medium|big)?int\b", declared.lower()) is not None


def _bytes(text: str) -> str:
    return f"CAST({text} AS BINARY)"


def _q(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _lit(con: Connection, value: object) -> str:
    """A value as a literal; the driver knows whether this session escapes with a backslash."""
    return con.escape(value)


def _do(con: Connection, statement: str) -> int:
    with con.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.rowcount)


def _rows(con: Connection, statement: str) -> list[tuple[Any, ...]]:
    with con.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def _scalar(con: Connection, statement: str) -> Any:
    rows = _rows(con, statement)
    return rows[0][0] if rows else None


@contextmanager
def _transaction(con: Connection, kind: str = "") -> Iterator[None]:
    _do(con, f"START TRANSACTION {kind}")
    try:
        yield
    except BaseException:
        with contextlib.suppress(pymysql.Error):
            con.rollback()
        raise
    con.commit()


def _drop(con: Connection) -> None:
    """End a connection without a word to the server; it may be in the middle of sending."""
    close: Any = con
    close._force_close()


def _result(cursor: SSCursor) -> Any:
    inside: Any = cursor
    return inside._result


def _check_server(con: Connection) -> None:
    version = str(_scalar(con, "SELECT VERSION()"))
    found = re.match(r"(\d+)\.(\d+)", version)
    if "mariadb" not in version.lower() or found is None or (int(found[1]), int(found[2])) < OLDEST:
        raise BadInput(
            f"the server says it is {version}; MariaDB {OLDEST[0]}.{OLDEST[1]} or newer is what this was tried on",
            remedy="Replicate the tables into MariaDB, or import files",
        )


def _settings(url: str) -> dict[str, Any]:
    """What the driver wants to know, out of an address."""
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
    except ValueError:  # its words would hold a piece of the password
        raise unreadable_address() from None
    options = dict(parse_qsl(parts.query))
    unknown = set(options) - {"ssl_ca", "unix_socket"}
    if parts.scheme not in ("mariadb", "mysql") or not parts.path.strip("/") or unknown:
        raise BadInput(
            "the address of a MariaDB database is mariadb://user:password@host:port/database",
            remedy="Options it may end in: ?ssl_ca=FILE, ?unix_socket=FILE",
        )
    text_only = {kind: how for kind, how in converters.conversions.items() if not isinstance(kind, int)}
    settings: dict[str, Any] = {
        "host": parts.hostname or "localhost",
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.strip("/")),
        "charset": "utf8mb4",
        "collation": "utf8mb4_nopad_bin",
        "conv": text_only,  # values come as the server writes them; Arrow reads them
        "autocommit": True,
        "connect_timeout": 10,
        "program_name": "rightful",
        "local_infile": False,
        "client_flag": CLIENT.FOUND_ROWS,  # an UPDATE counts the rows it found, as everywhere else
    }
    if "unix_socket" in options:
        settings["unix_socket"] = options["unix_socket"]
    if "ssl_ca" in options:
        settings |= {"ssl_ca": options["ssl_ca"], "ssl_verify_cert": True, "ssl_verify_identity": True}
    return settings


# Errors ------------------------------------------------------------------------------------------


@contextmanager
def _translated() -> Iterator[None]:
    """Turn database errors into ours, and empty the old one, so that no log finds values in the chain."""
    try:
        yield
    except pymysql.Error as error:
        number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        error.args = (type(error).__name__,)
        raise _trouble(number) from None
    except pa.ArrowException as error:
        error.args = (type(error).__name__,)
        raise QueryFailed("a value of the result does not fit its type") from None


def _trouble(number: int) -> RightfulError:
    """What an error number means to a person (MariaDB documentation, "MariaDB error codes")."""
    if number in (1969, 3024):
        return QueryFailed("the statement took longer than it may and was stopped", remedy="Ask for less at once")
    if number in (1205, 1213):
        return SourceUnavailable(
            "the tables are in use by other work and did not become free in time",
            remedy="Try again in a quieter moment",
        )
    if number in (0, 1053, 1927, 2003, 2006, 2013, 2014, 2055):
        return SourceUnavailable(
            "the connection to the database was lost", remedy="Try again; the next call makes a new connection"
        )
    if number in (1021, 1040, 1041, 1114, 1203, 1206, 1226):
        return SourceUnavailable(
            f"the database has run out of something it needs (error {number})",
            remedy="Free disk, memory or connections",
        )
    if number in (1044, 1045, 1142, 1143, 1227, 1370, 1419):
        return QueryFailed(
            f"the database user may not do this (error {number})", remedy="Give the user the right it lacks"
        )
    return QueryFailed(f"the statement failed while it ran (error {number})")
