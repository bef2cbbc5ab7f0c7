"""A PostgreSQL server of our own for tests: made in a temporary folder, durable, gone at the end.

`postgres_url` gives each test an empty database; `postgres_server` is the server they
share. fsync stays on: what is tested here is often whether something is on disk.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import missing_tool


@dataclass(frozen=True)
class PostgresServer:
    """A running server. Connect over its socket or over 127.0.0.1."""

    folder: Path
    port: int
    binaries: Path
    log: Path

    def url(self, database: str = "postgres", user: str = "rightful") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def run(self, *arguments: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of the server's programs as the user who owns it."""
        first, *rest = arguments
        return subprocess.run(
            [*_as_owner(), str(self.binaries / str(first)), *map(str, rest)],
            check=check,
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=120,
        )


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server with trust authentication for one superuser, `rightful`, on this machine only."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        missing_tool("PostgreSQL", "no initdb under /usr/lib/postgresql/*/bin nor on the path")
    binaries = (found[-1] if found else Path(str(on_path))).parent
    folder = Path(tempfile.mkdtemp(prefix="rightful-pg-"))  # short: a socket's path has 107 bytes at most
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    server = PostgresServer(folder, _free_port(), binaries, folder / "server.log")
    data = folder / "data"
    try:
        server.run("initdb", "-D", data, "-U", "rightful", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with (folder / "settings.conf").open("w") as settings:
            settings.write(
                f"listen_addresses = '127.0.0.1'\nport = {server.port}\n"
                f"unix_socket_directories = '{folder}'\nfsync = on\nsynchronous_commit = on\n"
                "full_page_writes = on\nmax_connections = 60\nshared_buffers = 64MB\n"
            )
        os.chmod(folder / "settings.conf", 0o644)
        with (data / "postgresql.conf").open("a") as main:
            main.write(f"\ninclude '{folder / 'settings.conf'}'\n")
        server.run("pg_ctl", "-D", data, "-w", "-t", "60", "-l", server.log, "start")
    except subprocess.CalledProcessError as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.fail(f"PostgreSQL did not start: {error.stderr or error.stdout}")
    try:
        yield server
    finally:
        server.run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop", check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """Address of an empty database that is dropped after the test."""
    name = f"t_{secrets.token_hex(6)}"
    server = postgres_server
    server.run("createdb", "-h", "127.0.0.1", "-p", server.port, "-U", "rightful", name)
    try:
        yield server.url(name)
    finally:
        server.run("dropdb", "-h", "127.0.0.1", "-p", server.port, "-U", "rightful", "--force", name, check=False)


def _as_owner() -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
