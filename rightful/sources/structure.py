"""What a database declares about its tables: columns, keys, references. And how far a change may reach.

The catalogue of governed tables is what policies speak of; this is everything there
is, because a person leaves traces in tables nobody governs.

Easy to get wrong: columns that we added ourselves (flags, numbers) are none of the
CRM's; a materialised view cannot be changed, only worked out again; PostgreSQL's
statistics hold copies of the most common values.

Sources: DuckDB documentation, "DuckDB_% Metadata Functions"; PostgreSQL 15
documentation, 54 "System Catalogs", VACUUM, REFRESH MATERIALIZED VIEW; MariaDB 10.11
documentation, "Information Schema", OPTIMIZE TABLE.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from rightful.errors import TooManyRows
from rightful.sources.contract import Reference, StoredColumn, StoredTable

if TYPE_CHECKING:
    import duckdb
    import psycopg
    import pymysql


def check_reach(affected: int, at_most: Sequence[int] | None, place: int) -> None:
    """Refuse a change that touched more rows than it was meant to.

    Raises:
        TooManyRows: inside the transaction, which is undone by it.
    """
    if at_most is not None and affected > at_most[place]:
        raise TooManyRows(f"statement {place + 1} touched {affected} rows, not the {at_most[place]} it was meant for")


def structure_of_duckdb(
    con: duckdb.DuckDBPyConnection, database: str, hidden: str, own: Collection[str]
) -> tuple[StoredTable, ...]:
    """Tables of every schema of a store but our own notes."""
    from rightful.sources.duckdb import canonical_type

    columns: dict[tuple[str, str], list[StoredColumn]] = {}
    for schema, table, name, declared, nullable, default in con.execute(
        "SELECT schema_name, table_name, column_name, data_type, is_nullable, column_default FROM duckdb_columns() "
        "WHERE database_name = ? AND schema_name <> ? ORDER BY schema_name, table_name, column_index",
        [database, hidden],
    ).fetchall():
        if name not in own:
            found = StoredColumn(name, canonical_type(declared), declared, bool(nullable), has_default=bool(default))
            columns.setdefault((schema, table), []).append(found)
    rules: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    for schema, table, kind, names, parent, to in con.execute(
        "SELECT schema_name, table_name, constraint_type, constraint_column_names, referenced_table, "
        "referenced_column_names FROM duckdb_constraints() WHERE database_name = ? AND schema_name <> ?",
        [database, hidden],
    ).fetchall():
        rules.setdefault((schema, table), []).append((kind, tuple(names or ()), parent, tuple(to or ())))
    tables = []
    for schema, name, rows in con.execute(
        "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() "
        "WHERE database_name = ? AND schema_name <> ? AND NOT internal ORDER BY 1, 2",
        [database, hidden],
    ).fetchall():
        mine = rules.get((schema, name), [])
        tables.append(
            StoredTable(
                name,
                (schema, name),
                tuple(columns.get((schema, name), ())),
                key=next((names for kind, names, _, _ in mine if kind == "PRIMARY KEY"), ()),
                unique=tuple(names for kind, names, _, _ in mine if kind == "UNIQUE"),
                references=tuple(Reference(n, p, to) for kind, n, p, to in mine if kind == "FOREIGN KEY"),
                rows=int(rows or 0),
            )
        )
    return tuple(tables)


_TABLES = """
SELECT c.oid, c.relname, c.relkind, greatest(c.reltuples, 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition ORDER BY c.relname
"""
_COLUMNS = """
SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       CASE WHEN a.atttypid IN (1042, 1043) AND a.atttypmod > 4 THEN a.atttypmod - 4 END,
       a.attgenerated <> '' OR a.attidentity = 'a', a.atthasdef
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""
_RULES = """
SELECT k.conrelid, k.contype, k.conkey, f.relname, k.confrelid, k.confkey
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class f ON f.oid = k.confrelid
WHERE n.nspname = %s AND k.contype IN ('p', 'u', 'f') ORDER BY k.conrelid, k.oid
"""


def structure_of_postgres(
    con: psycopg.Connection[tuple[Any, ...]], schema: str, own: Collection[tuple[str, str]]
) -> tuple[StoredTable, ...]:
    """Tables and materialised views of one schema; partitions belong to their table."""
    from rightful.sources.postgres import canonical_type

    names: dict[int, dict[int, str]] = {}
    columns: dict[int, list[StoredColumn]] = {}
    tables = con.execute(_TABLES, [schema]).fetchall()
    name_of = {oid: str(name) for oid, name, _, _ in tables}
    for oid, number, name, declared, strict, longest, generated, default in con.execute(_COLUMNS, [schema]).fetchall():
        names.setdefault(oid, {})[number] = str(name)
        if (name_of.get(oid, ""), str(name)) not in own:
            columns.setdefault(oid, []).append(
                StoredColumn(
                    str(name), canonical_type(str(declared)), str(declared), not strict, longest, generated, default
                )
            )
    keys: dict[int, tuple[str, ...]] = {}
    unique: dict[int, list[tuple[str, ...]]] = {}
    references: dict[int, list[Reference]] = {}
    for oid, kind, own_numbers, parent, parent_oid, numbers in con.execute(_RULES, [schema]).fetchall():
        mine = tuple(names[oid][n] for n in own_numbers)
        if kind == "p":
            keys[oid] = mine
        elif kind == "u":
            unique.setdefault(oid, []).append(mine)
        elif parent_oid in names:
            references.setdefault(oid, []).append(
                Reference(mine, str(parent), tuple(names[parent_oid][n] for n in numbers))
            )
    return tuple(
        StoredTable(
            str(name),
            (schema, str(name)),
            tuple(columns.get(oid, ())),
            keys.get(oid, ()),
            tuple(unique.get(oid, ())),
            tuple(references.get(oid, ())),
            int(rows),
            derived=kind == "m",
        )
        for oid, name, kind, rows in tables
    )


def purge_postgres(
    con: psycopg.Connection[tuple[Any, ...]], schema: str, tables: Sequence[tuple[str, ...]], lock_seconds: int
) -> tuple[str, ...]:
    """Rewrite tables, refresh what is derived in this schema, checkpoint; returns what stays out of reach."""
    import psycopg
    from psycopg import sql

    left = []
    con.execute(sql.SQL("SET lock_timeout = {}").format(sql.Literal(f"{lock_seconds}s")))
    try:
        views = con.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relkind = 'm' ORDER BY c.oid",
            [schema],
        ).fetchall()
        for (name,) in views:  # the planner's statistics of a view hold values, too: it is analysed below
            con.execute(sql.SQL("REFRESH MATERIALIZED VIEW {}").format(sql.Identifier(schema, str(name))))
        tables = [*tables, *((schema, str(name)) for (name,) in views)]
        for place in tables:
            try:
                con.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(*place)))
            except psycopg.errors.LockNotAvailable:
                con.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(*place)))
                left.append(f"{place[-1]} is in use and was vacuumed, not rewritten: gaps in its pages may keep bytes")
        for statement in ("VACUUM FULL pg_catalog.pg_statistic", "CHECKPOINT", "SELECT pg_switch_wal()", "CHECKPOINT"):
            with contextlib.suppress(psycopg.errors.InsufficientPrivilege):
                con.execute(statement.encode())
    finally:
        con.execute("RESET lock_timeout")
    left.append(
        "PostgreSQL's write-ahead log, base backups and replicas keep older bytes until they are recycled or replaced"
    )
    return tuple(left)


_MARIADB_TABLES = """
SELECT table_name, COALESCE(table_rows, 0) FROM information_schema.tables
WHERE table_schema = %s AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY table_name
"""
_MARIADB_COLUMNS = """
SELECT table_name, column_name, column_type, is_nullable, character_maximum_length,
       is_generated <> 'NEVER', column_default IS NOT NULL OR extra LIKE '%%auto_increment%%'
FROM information_schema.columns WHERE table_schema = %s ORDER BY table_name, ordinal_position
"""
_MARIADB_UNIQUE = """
SELECT table_name, index_name, column_name FROM information_schema.statistics
WHERE table_schema = %s AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index
"""
_MARIADB_REFERENCES = """
SELECT table_name, constraint_name, column_name, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage
WHERE table_schema = %s AND referenced_table_schema = table_schema
ORDER BY table_name, constraint_name, ordinal_position
"""
_TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext")


def structure_of_mariadb(
    con: pymysql.Connection[Any], schema: str, own: Collection[tuple[str, str]]
) -> tuple[StoredTable, ...]:
    """Tables of one database, temporal ones among them."""
    from rightful.sources.mariadb import canonical_type

    def rows(text: str) -> list[tuple[Any, ...]]:
        with con.cursor() as cursor:
            cursor.execute(text, (schema,))
            return list(cursor.fetchall())

    columns: dict[str, list[StoredColumn]] = {}
    for table, name, declared, nullable, longest, generated, default in rows(_MARIADB_COLUMNS):
        if (str(table), str(name)) not in own:
            text = str(declared).partition("(")[0] in _TEXTS
            found = StoredColumn(
                str(name), canonical_type(str(declared)), str(declared), nullable == "YES",
                int(longest) if text else None, str(generated) == "1", str(default) == "1",
            )  # fmt: skip
            columns.setdefault(str(table), []).append(found)
    indexes: dict[str, dict[str, tuple[str, ...]]] = {}
    for table, index, column in rows(_MARIADB_UNIQUE):
        mine = indexes.setdefault(str(table), {})
        mine[str(index)] = (*mine.get(str(index), ()), str(column))
    references: dict[str, dict[str, Reference]] = {}
    for table, rule, column, parent, to in rows(_MARIADB_REFERENCES):
        found_so_far = references.setdefault(str(table), {})
        before = found_so_far.get(str(rule), Reference((), str(parent), ()))
        found_so_far[str(rule)] = Reference((*before.columns, str(column)), before.table, (*before.to, str(to)))
    return tuple(
        StoredTable(
            str(name),
            (schema, str(name)),
            tuple(columns.get(str(name), ())),
            indexes.get(str(name), {}).get("PRIMARY", ()),
            tuple(index for rule, index in indexes.get(str(name), {}).items() if rule != "PRIMARY"),
            tuple(references.get(str(name), {}).values()),
            int(count),
        )
        for name, count in rows(_MARIADB_TABLES)
    )


def purge_mariadb(con: pymysql.Connection[Any], tables: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Rewrite tables; returns what stays out of reach."""
    left = []
    for place in tables:
        name = ".".join("`" + part.replace("`", "``") + "`" for part in place)
        with con.cursor() as cursor:
            # InnoDB answers with a note that it rebuilds the table, and with "status OK" once it has
            cursor.execute(f"OPTIMIZE NO_WRITE_TO_BINLOG TABLE {name}")
            done = [str(row[3]) for row in cursor.fetchall() if row[2] == "status"]
        if done != ["OK"]:
            left.append(f"{place[-1]} is in use and was not rewritten: gaps in its pages may keep bytes")
    left.append(
        "MariaDB's redo, undo and binary logs, backups and replicas keep older bytes until they are recycled "
        "or replaced"
    )
    return tuple(left)
