"""Real engines for the source tests: a PostgreSQL cluster of our own, a fresh store for each test."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rightful.sources.duckdb import DuckDBSource, Limits

KEY = bytes(range(32))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBSource]:
    made = DuckDBSource.create(
        tmp_path / "store" / "meadow.duckdb", KEY, limits=Limits(memory="1GB"), idle_seconds=0.2, wait_seconds=5
    )
    yield made
    made.close()


def _binaries() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return places[-1].parent if places else None


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """A throw-away PostgreSQL on 127.0.0.1 with password login; yields the superuser's URL."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL on this machine")
    folder = Path(tempfile.mkdtemp(prefix="rightful-pg-"))
    as_other: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        as_other = ["runuser", "-u", "postgres", "--"]
    password = secrets.token_hex(16)
    secret = folder / "password"
    secret.write_text(password)
    if as_other:
        os.chown(secret, user.pw_uid, user.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": True}
    subprocess.run(
        [*as_other, binaries / "initdb", "-D", data, "-U", "owner", "-A", "scram-sha-256", "--pwfile", secret,
         "-E", "UTF8", "--no-sync"], **quiet)  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run(
        [*as_other, binaries / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"], **quiet
    )
    try:
        yield f"postgresql://owner:{password}@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([*as_other, binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def database(cluster: str) -> Iterator[str]:
    """A database of its own for each test."""
    import psycopg
    from psycopg import sql

    name = f"t_{secrets.token_hex(6)}"
    with psycopg.connect(cluster, autocommit=True) as con:
        con.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield cluster.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(cluster, autocommit=True) as con:
        con.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        rows = con.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'rightful_reader_%'").fetchall()
        for (role,) in rows:
            con.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))
