"""A MariaDB server of our own for tests: made in a temporary folder, on 127.0.0.1, gone at the end.

`mariadb_url` gives each test an empty database; `mariadb_server` is the server they share. What a
test created beside its database (our schema, the restricted user) is cleared away with it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import missing_tool

STARTS_WITHIN = 60


@dataclass(frozen=True)
class MariaServer:
    """A running server and the password of its owner."""

    folder: Path
    port: int
    password: str

    def url(self, database: str) -> str:
        return f"mariadb://owner:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str | None = None, **options: Any) -> Any:
        """A connection as the owner, who may do everything. Double quotes are names there, as in the standard."""
        import pymysql

        return pymysql.connect(
            host="127.0.0.1", port=self.port, user="owner", password=self.password, database=database,
            charset="utf8mb4", autocommit=True, **{"sql_mode": "ANSI_QUOTES,STRICT_ALL_TABLES", **options},
        )  # fmt: skip

    def run(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run statements, parted by a semicolon at the end of a line; rows of the last one."""
        with self.connect(database) as con, con.cursor() as cursor:
            for statement in sql.split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
            return list(cursor.fetchall())


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaServer]:
    """A server with one user, `owner`, who logs in with a password."""
    program, installer = _program("mariadbd"), _program("mariadb-install-db")
    if program is None or installer is None:
        missing_tool("MariaDB", "no mariadbd or mariadb-install-db on this machine")
    folder = Path(tempfile.mkdtemp(prefix="rightful-my-"))  # short: a socket's path has 107 bytes at most
    server = MariaServer(folder, _free_port(), secrets.token_hex(16))
    data, socket_ = folder / "data", folder / "socket"
    first = folder / "first.sql"
    first.write_text(
        f"CREATE USER 'owner'@'127.0.0.1' IDENTIFIED BY '{server.password}';\n"
        "GRANT ALL PRIVILEGES ON *.* TO 'owner'@'127.0.0.1' WITH GRANT OPTION;\n"
    )
    as_root = ["--user=root"] if os.geteuid() == 0 else []
    process = None
    try:
        subprocess.run(
            [installer, "--no-defaults", f"--datadir={data}", "--skip-test-db", "--skip-name-resolve",
             "--auth-root-authentication-method=normal", *as_root],
            check=True, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                [program, "--no-defaults", f"--datadir={data}", f"--socket={socket_}", f"--port={server.port}",
                 f"--pid-file={folder / 'pid'}", "--bind-address=127.0.0.1", "--skip-name-resolve",
                 "--character-set-server=utf8mb4", f"--init-file={first}", "--innodb-buffer-pool-size=128M",
                 "--innodb-flush-log-at-trx-commit=2", "--max-connections=60", "--skip-log-bin", *as_root],
                stdout=log, stderr=log,
            )  # fmt: skip
        _wait_for(server, process)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.fail(f"MariaDB did not start: {getattr(error, 'stderr', '') or error}")
    try:
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mariadb_url(mariadb_server: MariaServer) -> Iterator[str]:
    """Address of an empty database that is dropped after the test."""
    name = f"t_{secrets.token_hex(6)}"
    mariadb_server.run(f"CREATE DATABASE {name}")
    try:
        yield mariadb_server.url(name)
    finally:
        clear_away(mariadb_server, name)


def clear_away(server: MariaServer, database: str) -> None:
    """Drop a database and what governing it left beside it."""
    server.run(f"DROP DATABASE IF EXISTS {database};\nDROP DATABASE IF EXISTS rightful_{database}")
    for (user,) in server.run("SELECT user FROM mysql.user WHERE user LIKE 'rightful_reader_%'"):
        server.run(f"DROP USER IF EXISTS '{user}'@'%'")


def _program(name: str) -> str | None:
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")


def _wait_for(server: MariaServer, process: subprocess.Popen[bytes]) -> None:
    import pymysql

    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        with suppress(pymysql.Error):
            server.connect().close()
            return
        time.sleep(0.1)
    process.kill()
    raise OSError((server.folder / "log").read_text()[-2000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
