"""The database goes away in the middle of a request and comes back: AC-069, with servers of this file's own.

They are stopped as a crash would stop them, while a statement of ours is running, and started again over the same
files at the same address. What counts: a refusal that says what happened, nothing half done, and the next request of
the same process works.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bench import trap_check, trap_world
from rightful.actions.erase_customer import erase_customer, resume_erasures
from rightful.actions.give_consent import give_consent
from rightful.actions.use_data import query_data
from rightful.errors import QueryFailed, RightfulError, SourceUnavailable
from rightful.workspace import Workspace
from tests.mariadb import MariaServer, _free_port, _program
from tests.postgres import _as_owner

ASKED = "SELECT first_name, email FROM customer"


class Postgres:
    """A server that can crash and come back."""

    def __init__(self, folder: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        if not found:
            pytest.skip("no PostgreSQL")
        self.folder, self.port, self.binaries = folder, _free_port(), found[-1].parent
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", folder / "data", "-U", "rightful", "-A", "trust", "-E", "UTF8", "--locale=C")
        self.url = f"postgresql://rightful@127.0.0.1:{self.port}/postgres"
        self.start()

    def start(self) -> None:
        options = f"-k {self.folder} -c listen_addresses=127.0.0.1 -p {self.port}"
        self._run("pg_ctl", "-D", self.folder / "data", "-w", "-l", self.folder / "log", "-o", options, "start")

    def crash(self) -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop")

    def sql(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as con:
            con.execute(statement.encode())

    def slow(self) -> None:
        """From now on, deleting a customer's custom fields takes a minute."""
        self.sql("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
                 "$$ BEGIN PERFORM pg_sleep(60); RETURN OLD; END $$")  # fmt: skip
        self.sql("CREATE TRIGGER slow BEFORE DELETE ON customer_cstm FOR EACH ROW EXECUTE FUNCTION wait()")

    def quick(self) -> None:
        self.sql("DROP TRIGGER slow ON customer_cstm")

    def _run(self, program: str, *words: object) -> None:
        command = [*_as_owner(), str(self.binaries / program), *map(str, words)]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, timeout=120)


class MariaDB:
    """A server that can crash and come back."""

    def __init__(self, folder: Path) -> None:
        program, installer = _program("mariadbd"), _program("mariadb-install-db")
        if program is None or installer is None:
            pytest.skip("no MariaDB")
        self.server = MariaServer(folder, _free_port(), secrets.token_hex(16))
        self.as_root = ["--user=root"] if os.geteuid() == 0 else []
        self.program = program
        (folder / "first.sql").write_text(
            f"CREATE OR REPLACE USER 'owner'@'127.0.0.1' IDENTIFIED BY '{self.server.password}';\n"
            "GRANT ALL PRIVILEGES ON *.* TO 'owner'@'127.0.0.1' WITH GRANT OPTION;\n"
            "CREATE DATABASE IF NOT EXISTS shop CHARACTER SET utf8mb4;\n"
        )
        subprocess.run(
            [installer, "--no-defaults", f"--datadir={folder / 'data'}", "--skip-test-db", "--skip-name-resolve",
             "--auth-root-authentication-method=normal", *self.as_root],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        self.url = self.server.url("shop")
        self.start()

    def start(self) -> None:
        import pymysql

        folder = self.server.folder
        self.process = subprocess.Popen(
            [self.program, "--no-defaults", f"--datadir={folder / 'data'}", f"--socket={folder / 'socket'}",
             f"--port={self.server.port}", f"--pid-file={folder / 'pid'}", "--bind-address=127.0.0.1",
             "--skip-name-resolve", f"--init-file={folder / 'first.sql'}", "--skip-log-bin", *self.as_root],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(600):
            assert self.process.poll() is None, "the server has ended"
            with suppress(pymysql.Error):
                self.server.connect("shop").close()
                return
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def crash(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def slow(self) -> None:
        self.server.run(
            "CREATE TRIGGER slow BEFORE DELETE ON customer_cstm FOR EACH ROW SET @waited = SLEEP(60)", "shop"
        )

    def quick(self) -> None:
        self.server.run("DROP TRIGGER slow", "shop")


@pytest.fixture(
    params=[pytest.param("postgres", marks=pytest.mark.postgres), pytest.param("mariadb", marks=pytest.mark.mariadb)]
)
def server(request: pytest.FixtureRequest) -> Iterator[Postgres | MariaDB]:
    folder = Path(tempfile.mkdtemp(prefix="rightful-lost-"))  # short: a socket's path has 107 bytes at most
    made = Postgres(folder) if request.param == "postgres" else MariaDB(folder)
    try:
        yield made
    finally:
        with suppress(subprocess.CalledProcessError):
            made.crash()
        os.environ.pop(trap_world.URL, None)
        shutil.rmtree(folder, ignore_errors=True)


def test_ac_069_a_database_that_is_lost_in_the_middle_of_a_request_leaves_nothing_half_done(
    server: Postgres | MariaDB, tmp_path: Path
):
    place = tmp_path / "ws"
    trap_world.make(place, "postgres" if isinstance(server, Postgres) else "mariadb", server.url)
    with Workspace.open(place) as ws:

        def seen() -> int:
            return query_data(ws, trap_world.SAM, "service", ASKED).table.num_rows

        people = seen()
        server.crash()
        with pytest.raises(SourceUnavailable):
            seen()
        server.start()
        assert seen() == people, "the next request of the same process works"

        before, _ = trap_check.dump(ws.source)
        server.slow()
        lost = threading.Timer(4, server.crash)
        lost.start()
        with pytest.raises((SourceUnavailable, QueryFailed)) as no:
            erase_customer(ws, "17", actor="self", also=["18"])
        lost.join()
        assert "CANARY" not in str(no.value).upper() and isinstance(no.value, RightfulError)
        kinds = [e.kind for e in ws.ledger.entries(0, ws.ledger.head()[0])]
        assert kinds.count("erasure.begun") == kinds.count("erasure.failed") == 1, "begun and failed, both on record"
        with pytest.raises(SourceUnavailable):  # meanwhile everything that needs it is refused
            give_consent(ws, "22", "letters", "email", evidence="form-22b", method="form")

        server.start()
        server.quick()
        now, _ = trap_check.dump(ws.source)
        assert now == before, "not a cell of it was changed"
        [outcome] = resume_erasures(ws)
        after, names = trap_check.dump(ws.source)
        counted = trap_check.compare(before, after, names)
        assert (counted.residue, counted.collateral, counted.orphans, outcome.status) == ((), (), (), "partly")
        kinds = [e.kind for e in ws.ledger.entries(0, ws.ledger.head()[0])]
        assert kinds.count("erasure.closed") == 1
        assert seen() < people
