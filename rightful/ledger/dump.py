"""How the control database becomes one file, as it was at one instant, and a database again.

SQLite copies itself page by page through its own backup interface. PostgreSQL has its
own programs for it, `pg_dump` and `pg_restore`; their place is asked of the system.

Easy to get wrong: a copy of the file with ordinary means, which leaves out what is still
in the write-ahead log; a password on a command line, which every process can read; a
database that holds something already.

Sources: SQLite, "Online Backup API"; PostgreSQL 15, pg_dump and pg_restore.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from rightful.errors import BadInput, IntegrityFault, NotFound
from rightful.ledger.database import Database

_ENVIRONMENT = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "passfile": "PGPASSFILE",
}


def dump(db: Database, target: Path) -> None:
    """Copy the database into one file. The caller holds a write transaction, so that nothing changes meanwhile."""
    if db.dialect == "sqlite":
        copy_sqlite(Path(db.target), target)
        return
    _run(db.target, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(target))


def load(db: Database, source: Path) -> None:
    """Make the database out of the file.

    Raises:
        BadInput: there is something in the database already.
    """
    if db.dialect == "sqlite":
        target = Path(db.target)
        if target.exists():
            raise BadInput(f"there is a database at {target} already", remedy="Restore into an empty folder")
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        copy_sqlite(source, target)
        return
    if db.query("SELECT 1 FROM pg_tables WHERE tablename IN ('rf_head', 'rf_migration') LIMIT 1"):
        raise BadInput(
            "the control database holds a workspace already; nothing was changed",
            remedy="Name an empty database in the variable, then restore again",
        )
    name = _settings(db.target)["PGDATABASE"]
    restore = ("pg_restore", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error")
    _run(db.target, *restore, f"--dbname={name}", str(source))


def copy_sqlite(source: Path, target: Path) -> None:
    """A consistent copy of an SQLite database that may be in use."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        address = f"{source.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as old, closing(sqlite3.connect(target)) as new:
            old.backup(new)
    except sqlite3.DatabaseError as error:
        target.unlink(missing_ok=True)
        raise IntegrityFault(f"the database {source.name} cannot be copied: {error}") from error


def _run(url: str, program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise NotFound(f"the program {program} is not on this machine", remedy="Install PostgreSQL's client programs")
    done = subprocess.run(
        [found, "--no-password", *arguments], env={**os.environ, **_settings(url)}, capture_output=True, text=True
    )
    if done.returncode:
        first = next(iter(done.stderr.strip().splitlines()), "no reason given")
        raise IntegrityFault(f"{program} did not do as asked: {first[:200]}")


def _settings(url: str) -> dict[str, str]:
    """The address as variables of the environment: unlike a command line, nobody else can read them."""
    from psycopg.conninfo import conninfo_to_dict

    return {_ENVIRONMENT[key]: str(value) for key, value in conninfo_to_dict(url).items() if key in _ENVIRONMENT}


__all__ = ("copy_sqlite", "dump", "load")
