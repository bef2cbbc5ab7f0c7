"""The invented organisation the figures are about: customers, their choices, a policy, a workspace.

Everything is computed from the customer's number by a hash, so every run sees the same
people. About two thirds of them may be used for a purpose that rests on consent.

Easy to get wrong: the same rows on both sides. What is generated here is generated once,
and both sides read it.
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
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rightful.actions import register_source
from rightful.consent.files import digest_of
from rightful.gate.facts import Facts, SubjectColumns
from rightful.ledger.journal import Journal
from rightful.ledger.record import Draft, Ledger
from rightful.policy.loader import load
from rightful.protection.counted import CountedLog
from rightful.sharing.models import Sharing
from rightful.sources.contract import Source
from rightful.workspace import Workspace

NOTICE = "2025-01"
STAFF = (("max@bench.example", "marketer"), ("ana@bench.example", "analyst"), ("sam@bench.example", "support"))
MARIADB = ("mariadbd", "mariadb-install-db")
SUBJECT = {"residence": "residence", "birth_date": "birth_date", "email": "email"}

CUSTOMERS = """
    SELECT 'c-' || lpad(i::VARCHAR, 8, '0') AS id,
        ['Ana', 'Ben', 'Chloe', 'Deniz', 'Emma', 'Felix', 'Greta', 'Hugo'][1 + (hash(i) % 8)::INTEGER] AS first_name,
        'Family' || (hash(i, 1) % 20000)::VARCHAR AS last_name,
        'person' || i::VARCHAR || '@mail.example' AS email,
        '+49 30 ' || lpad((hash(i, 2) % 10000000)::VARCHAR, 7, '0') AS phone,
        ['starter', 'family', 'affluent', 'senior', 'business'][1 + (hash(i, 3) % 5)::INTEGER] AS segment,
        round((hash(i, 4) % 2000000) / 100.0 - 2000, 2) AS balance,
        DATE '2024-01-01' + (hash(i, 5) % 700)::INTEGER AS last_order,
        ['DE', 'FR', 'NL', 'AT'][1 + (hash(i, 6) % 4)::INTEGER] AS residence,
        DATE '1945-01-01' + (hash(i, 7) % 22000)::INTEGER AS birth_date
    FROM range({count}) t(i)"""

# Of every 100: 70 said yes to the newsletter (4 of them no again later), 66 to being counted.
CHOICES = """
    SELECT i, 'given' AS kind, 'newsletter' AS purpose, 'email' AS channel,
        {now} - 86400000000 * (60 + (hash(i, 10) % 540)::BIGINT) - (hash(i, 11) % 86400000000)::BIGINT AS at_us
    FROM range({count}) t(i) WHERE hash(i, 12) % 100 < 70
    UNION ALL
    SELECT i, 'withdrawn', 'newsletter', 'email', {now} - 86400000000 * (1 + (hash(i, 13) % 58)::BIGINT)
    FROM range({count}) t(i) WHERE hash(i, 12) % 100 < 4
    UNION ALL
    SELECT i, 'given', 'insight', '', {now} - 86400000000 * (10 + (hash(i, 14) % 600)::BIGINT)
    FROM range({count}) t(i) WHERE hash(i, 15) % 100 < 66"""

SEGMENT = """
    COPY (SELECT i::UINTEGER AS no, kind, purpose, channel, at_us AS "at", 9223372036854775807::BIGINT AS "until",
            CASE kind WHEN 'given' THEN '{notice}' ELSE '' END AS notice, 0::UTINYINT AS strength, false AS guardian,
            true AS has_evidence, '' AS value, 'form' AS method, 'form-7' AS evidence, '' AS event_id
          FROM ({choices}) ORDER BY no, at_us)
    TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""


@dataclass(frozen=True, slots=True)
class House:
    """What the gate needs of a workspace, with another source than the workspace's own."""

    facts: Facts
    source: Source
    ledger: Ledger
    journal: Journal
    ws: Workspace

    @property
    def sharing(self) -> Sharing:
        return self.ws.sharing

    @property
    def counted(self) -> CountedLog:
        return self.ws.counted

    def subject_id(self, no: int) -> str:
        return self.ws.subject_id(no)


@contextmanager
def folder() -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="rightful-bench-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def new_workspace(place: Path) -> Workspace:
    return Workspace.create(place / "workspace", "bench", subject=SUBJECT)


def publish_policy(ws: Workspace) -> None:
    """Policy, one notice that names everything, and three members of staff."""
    policy = load(Path(__file__).with_name("policy.yaml"))
    terms = {
        p.id: {"categories": list(p.needs), "recipients": list(p.recipients), "channels": list(p.channels)}
        for p in policy.purposes.values()
    }

    def rows(tx: Any, entries: list[Any]) -> None:
        ws.shelf.publish(tx, policy, ws.clock(), "officer@bench.example", "owner@bench.example", entries[0].index)
        ws.shelf.publish_notice(tx, NOTICE, policy.version, terms, ws.clock(), entries[0].index)
        for address, role in STAFF:
            ws.staff.give(tx, address, role, ws.clock())

    ws.journal.record([Draft("policy.published", {})], rows)


def record_choices(ws: Workspace, count: int) -> None:
    """The customers' choices as one imported segment, without a file from outside (that is measured apart)."""
    import duckdb

    name = "bench.parquet"
    path = ws.consent.folder / name
    with duckdb.connect() as con:
        con.execute(SEGMENT.format(choices=CHOICES.format(count=count, now=ws.clock()), notice=NOTICE, path=path))
        found = con.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
    digest, rows = digest_of(path), int(found[0]) if found else 0
    ws.journal.record(
        [Draft("consent.imported", {"rows": rows})],
        lambda tx, entries: ws.consent.append_segment(tx, name, digest, digest, rows, ws.clock(), entries[0].index),
    )
    ws.consent.publish()


@contextmanager
def embedded(count: int) -> Iterator[Workspace]:
    """A workspace whose embedded, encrypted store holds `count` customers, with flags."""
    with folder() as place, new_workspace(place) as ws:
        source = cast(Any, ws.source)
        with source.writing() as con:
            con.execute(
                "CREATE TABLE rf_base.customer AS SELECT (row_number() OVER () - 1)::UINTEGER AS rf_no, * "
                f"FROM ({CUSTOMERS.format(count=count)})"
            )
            source.register_table(con, "customer", key="id", customer_table=True)
            source.renumber(con)
        publish_policy(ws)
        record_choices(ws, count)
        ws.facts.rebuild()
        yield ws


@contextmanager
def on_postgres(count: int) -> Iterator[House | None]:
    """The same customers in a PostgreSQL of our own; None where it is not installed."""
    with postgres_server() as url, folder() as place, new_workspace(place) as ws:
        if url is None:
            yield None
            return
        import psycopg

        from rightful.sources.postgres import PostgresSource

        with psycopg.connect(url, autocommit=True) as con:
            _fill_postgres(con, count, place)
            source = PostgresSource.reflect(url, customer_table="customer", reader_password="bench")
            source.install("column")
            publish_policy(ws)
            record_choices(ws, count)
            columns = SubjectColumns("residence", "birth_date")
            (place / "permission").mkdir()
            facts = Facts(place / "permission", cast(Source, source), ws.consent, ws.shelf, ws.clock, columns)
            facts.rebuild()
            con.execute("VACUUM (FREEZE, ANALYZE)")  # what autovacuum does a minute later
        try:
            yield House(facts, cast(Source, source), ws.ledger, ws.journal, ws)
        finally:
            source.close()


def _fill_postgres(con: Any, count: int, place: Path) -> None:
    import duckdb

    path = place / "customers.csv"
    with duckdb.connect() as engine:
        engine.execute(f"COPY ({CUSTOMERS.format(count=count)}) TO '{path}' (HEADER false)")
    con.execute(
        "CREATE TABLE customer (id text PRIMARY KEY, first_name text, last_name text, email text, phone text, "
        "segment text, balance double precision, last_order date, residence text, birth_date date)"
    )
    with con.cursor() as cursor, cursor.copy("COPY customer FROM STDIN (FORMAT csv)") as copy, path.open("rb") as file:
        while chunk := file.read(1 << 20):
            copy.write(chunk)
    path.unlink()


@contextmanager
def postgres_server() -> Iterator[str | None]:
    """A durable server in a temporary folder, reached over its socket; None where it is not installed."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
    if not binaries:
        yield None
        return
    programs = binaries[-1].parent
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with folder() as place:
        if as_owner:
            shutil.chown(place, "postgres", "postgres")

        def run(*words: object, check: bool = True) -> None:
            command = [*as_owner, *map(str, words)]
            subprocess.run(command, check=check, capture_output=True, cwd=place)

        data = place / "data"
        run(programs / "initdb", "-D", data, "-U", "rightful", "-A", "trust", "-E", "UTF8", "--locale=C")
        options = f"-k {place} -c listen_addresses= -c shared_buffers=1GB -c max_wal_size=4GB"
        run(programs / "pg_ctl", "-D", data, "-w", "-l", place / "log", "-o", options, "start")
        try:
            yield f"postgresql://rightful@/postgres?host={place}"
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop", check=False)


@contextmanager
def mariadb_server() -> Iterator[tuple[str, Path] | None]:
    """A server with an empty database in a temporary folder: (its address, its data folder); None without one."""
    program, installer = (shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin") for name in MARIADB)
    if program is None or installer is None:
        yield None
        return
    with folder() as place, closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port, password, data = free.getsockname()[1], secrets.token_hex(16), place / "data"
        free.close()
        (place / "first.sql").write_text(
            f"CREATE USER 'owner'@'127.0.0.1' IDENTIFIED BY '{password}';\n"
            "GRANT ALL PRIVILEGES ON *.* TO 'owner'@'127.0.0.1' WITH GRANT OPTION;\n"
            "CREATE DATABASE bench CHARACTER SET utf8mb4;\n"
        )
        as_root = ["--user=root"] if os.geteuid() == 0 else []
        subprocess.run(
            [installer, "--no-defaults", f"--datadir={data}", "--skip-test-db", "--skip-name-resolve",
             "--auth-root-authentication-method=normal", *as_root],
            check=True, capture_output=True,
        )  # fmt: skip
        process = subprocess.Popen(
            [program, "--no-defaults", f"--datadir={data}", f"--socket={place / 'socket'}", f"--port={port}",
             f"--pid-file={place / 'pid'}", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin",
             "--character-set-server=utf8mb4", f"--init-file={place / 'first.sql'}", *as_root],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _answers(process, port, password)
            yield f"mariadb://owner:{password}@127.0.0.1:{port}/bench", data
        finally:
            process.terminate()
            process.wait(60)


def _answers(process: subprocess.Popen[bytes], port: int, password: str) -> None:
    import pymysql

    for _ in range(600):
        if process.poll() is not None:
            break
        with suppress(pymysql.Error):
            pymysql.connect(host="127.0.0.1", port=port, user="owner", password=password, database="bench").close()
            return
        time.sleep(0.1)
    raise OSError("MariaDB did not start")


def write_files(place: Path, count: int) -> tuple[Path, Path, int]:
    """The same customers and choices as files from outside; returns (customers, history, rows of the history)."""
    import duckdb

    customers, history = place / "customer.csv", place / "consent.csv"
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"COPY ({CUSTOMERS.format(count=count)}) TO '{customers}' (HEADER)")
        con.execute(
            "COPY (SELECT 'e-' || row_number() OVER (ORDER BY at_us, i, purpose) AS event_id, "
            "'c-' || lpad(i::VARCHAR, 8, '0') AS customer_id, kind, purpose, channel, "
            "strftime(make_timestamp(at_us), '%Y-%m-%dT%H:%M:%SZ') AS at, "
            f"CASE kind WHEN 'given' THEN '{NOTICE}' ELSE '' END AS notice, 'form' AS method, 'form-7' AS evidence "
            f"FROM ({CHOICES.format(count=count, now=time.time_ns() // 1000)}) ORDER BY at_us, i, purpose) "
            f"TO '{history}' (HEADER)"
        )
        found = con.execute("SELECT count(*) FROM read_csv(?)", [str(history)]).fetchone()
    return customers, history, int(found[0]) if found else 0


__all__ = [
    "House", "embedded", "folder", "mariadb_server", "new_workspace", "on_postgres", "postgres_server",
    "publish_policy", "register_source", "write_files",
]  # fmt: skip
