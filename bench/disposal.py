"""What a governed disposal costs beside the bare statement: a tenth of a large table is due.

Two ways to go, two stores: whole rows are deleted, or one field of them is emptied. Base:
the one statement that somebody would type, committed, on a twin of the table with the
same rows. Ours: `run_disposal` as the command and the page call it: what is due is counted,
batches go by ranges of customer numbers with an entry in the ledger before and after
each, and at the end it is counted again. Rewriting files, which takes the bytes away, is
left out of the first row and stands on both sides of the second.

Easy to get wrong: a second run on what is gone already (the table is made anew for each
turn); autovacuum that cleans up after the other side meanwhile (it is off).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from bench.measure import Row, Scale, compared, seconds
from bench.world import folder, postgres_server
from rightful.actions import register_source
from rightful.actions.dispose_expired import plan_disposal, run_disposal
from rightful.actions.publish_policy import publish_policy
from rightful.workspace import Workspace

OFFICER, OWNER = "olga@bench.example", "paul@bench.example"
VISITS_EACH = 8
TARGET = 3.0
"""Beside one statement without a plan, an entry or a second look."""
DUE = "DATE '2020-01-01'"
POLICY = """
rightful: 1
policy: {{name: Disposal, version: "1", owner: privacy@bench.example, timezone: Europe/Berlin}}
unknown: {{jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}}
regimes:
  EU: {{laws: [gdpr], where: [DE], digital-consent-age: {{DE: 16}}}}
categories:
  keys: {{fields: [customer.id, visit.id, visit.customer_id]}}
  contact: {{fields: [customer.email, customer.residence]}}
  page: {{fields: [visit.page]}}
  visits: {{fields: [visit.seconds, visit.seen_on]}}
roles: {{analyst: [study, care]}}
purposes:
  care:
    says: We answer questions about a visit.
    basis: {{legitimate-interest: "LIA-1"}}
    needs: [keys, page]
    keep: 3 years
  study:
    says: We look at what is visited.
    basis: {{legitimate-interest: "LIA-2"}}
    needs: [keys, visits]
    keep: {study}
moments: {{the collection: visit.seen_on}}
"""
VISITS = """
    SELECT i AS id, 'c-' || lpad((i // {each})::VARCHAR, 8, '0') AS customer_id,
        'https://shop.example/page/' || (hash(i, 1) % 1000000)::VARCHAR AS page, (hash(i, 2) % 900)::INTEGER AS seconds,
        CASE WHEN hash(i, 3) % 10 = 0 THEN DATE '2019-01-01' ELSE current_date - 30 END AS seen_on
    FROM range({count}) t(i)"""
PEOPLE = """
    SELECT 'c-' || lpad(i::VARCHAR, 8, '0') AS id, 'person' || i::VARCHAR || '@mail.example' AS email, 'DE' AS residence
    FROM range({count}) t(i)"""
WAYS = {"delete": "3 years", "empty a field": "20 years"}
BARE = {
    "delete": "DELETE FROM {table} WHERE seen_on < {due}",
    "empty a field": "UPDATE {table} SET page = NULL WHERE seen_on < {due} AND page IS NOT NULL",
}


def duckdb(scale: Scale) -> list[Row]:
    """The embedded, encrypted store."""
    rows: list[Row] = []
    for way in WAYS:
        with folder() as place, _embedded(place, scale.embedded, way) as ws:
            source = cast(Any, ws.source)

            def run(*statements: str, source: Any = source) -> None:
                with source.writing() as con:
                    for statement in statements:
                        con.execute(statement)

            rows += _measured("disposal-duckdb", ws, run, "rf_base", way, scale.embedded, scale.long_pairs)
    return rows


def postgres(scale: Scale) -> list[Row]:
    """PostgreSQL in place; no rows where it is not installed."""
    import psycopg

    rows: list[Row] = []
    with postgres_server() as url:
        if url is None:
            return []
        for way in WAYS:
            with folder() as place, psycopg.connect(url, autocommit=True) as con:
                _fill(con, place, scale.embedded)
                with _attached(place, url, way) as ws:

                    def run(*statements: str, con: Any = con) -> None:
                        for statement in statements:
                            con.execute(statement)

                    rows += _measured("disposal-postgres", ws, run, "public", way, scale.embedded, 1)
                    cast(Any, ws.source).uninstall()
                con.execute("DROP TABLE public.visit, public.visit_twin, public.visit_new, public.customer CASCADE")
    return rows


def _measured(
    bench: str, ws: Workspace, run: Callable[..., None], schema: str, way: str, count: int, turns: int
) -> list[Row]:
    """Turns of both sides, alternately; each begins with the table as it was made."""
    bare = BARE[way].format(table=f"{schema}.visit_twin", due=DUE)
    batches: list[tuple[float, float]] = []
    whole: list[tuple[float, float]] = []
    due = 0
    for turn in range(turns):
        _anew(ws, run, schema)
        due = plan_disposal(ws).rows
        if turn % 2:
            base, rewritten = _base(ws, run, bare, schema)
            ours, purged = _ours(ws, due)
        else:
            ours, purged = _ours(ws, due)
            base, rewritten = _base(ws, run, bare, schema)
        batches.append((ours - purged, base))
        whole.append((ours, base + rewritten))
    note = f"{due:,} of {count:,} rows are due" + (", one turn" if turns == 1 else "")
    return [
        compared(bench, f"{way}: batches with their entries and counts", batches, TARGET, note),
        compared(bench, f"{way}: whole run, beside the statement and the same rewriting", whole, None, note),
    ]


def _ours(ws: Workspace, due: int) -> tuple[float, float]:
    """Seconds of a run, and how many of them went into writing files anew."""
    source = cast(Any, ws.source)
    purge, spent = source.purge, [0.0]

    def timed(tables: Any) -> Any:
        started = time.perf_counter()
        try:
            return purge(tables)
        finally:
            spent[0] += time.perf_counter() - started

    source.purge = timed
    try:
        started = time.perf_counter()
        done = run_disposal(ws, actor=OFFICER)
        took = time.perf_counter() - started
    finally:
        source.purge = purge
    gone = sum(done.deleted.values()) + sum(done.emptied.values())
    if done.status != "complete" or gone != due:
        raise RuntimeError(f"{gone} of {due} rows went: {done.status}")
    return took, spent[0]


def _base(ws: Workspace, run: Callable[..., None], bare: str, schema: str) -> tuple[float, float]:
    """Seconds of the bare statement, and of the rewriting after it."""
    took = seconds(lambda: run(bare))
    return took, seconds(lambda: ws.source.purge([(schema, "visit_twin")]))


def _anew(ws: Workspace, run: Callable[..., None], schema: str) -> None:
    """Both tables as they were: the governed one keeps its numbers and flags."""
    names = ("visit", "visit_twin")
    run(*(f"DELETE FROM {schema}.{name}" if schema == "rf_base" else f"TRUNCATE {schema}.{name}" for name in names))
    run(*(f"INSERT INTO {schema}.{name} SELECT * FROM {schema}.visit_new" for name in names))
    if schema != "rf_base":
        run(*(f"VACUUM (FREEZE, ANALYZE) {schema}.{name}" for name in names))
        run("CHECKPOINT")


def _published(ws: Workspace, way: str) -> None:
    text = POLICY.format(study=WAYS[way])
    (ws.path / "policy" / "bench.yaml").write_text(text, encoding="utf-8")
    publish_policy(ws, actor=OFFICER, approver=OWNER)


@contextmanager
def _embedded(place: Path, count: int, way: str) -> Iterator[Workspace]:
    subject = {"residence": "residence", "email": "email"}
    with Workspace.create(place / "workspace", "bench", subject=subject) as ws:
        source = cast(Any, ws.source)
        people = PEOPLE.format(count=count // VISITS_EACH)
        with source.writing() as con:
            con.execute(
                "CREATE TABLE rf_base.customer AS SELECT (row_number() OVER () - 1)::UINTEGER AS rf_no, * "
                f"FROM ({people})"
            )
            visits = VISITS.format(each=VISITS_EACH, count=count)
            con.execute(
                f"CREATE TABLE rf_base.visit AS SELECT (id // {VISITS_EACH})::UINTEGER AS rf_no, * FROM ({visits})"
            )
            source.register_table(con, "customer", key="id", customer_table=True)
            source.register_table(con, "visit", key="customer_id", customer_table=False)
            source.renumber(con)
        _published(ws, way)
        with source.writing() as con:
            con.execute("CREATE TABLE rf_base.visit_new AS SELECT * FROM rf_base.visit")
            con.execute("CREATE TABLE rf_base.visit_twin AS SELECT * FROM rf_base.visit LIMIT 0")
        yield ws


def _fill(con: Any, place: Path, count: int) -> None:
    import duckdb

    con.execute("ALTER SYSTEM SET autovacuum = off")
    con.execute("SELECT pg_reload_conf()")
    con.execute("CREATE TABLE public.customer (id text PRIMARY KEY, email text, residence text)")
    con.execute(
        "CREATE TABLE public.visit (id bigint PRIMARY KEY, customer_id text REFERENCES public.customer, page text, "
        "seconds integer, seen_on date)"
    )
    for name, query in (
        ("customer", PEOPLE.format(count=count // VISITS_EACH)),
        ("visit", VISITS.format(each=VISITS_EACH, count=count)),
    ):
        path = place / f"{name}.csv"
        with duckdb.connect() as engine:
            engine.execute(f"COPY ({query}) TO '{path}' (HEADER false)")
        text = f"COPY public.{name} FROM STDIN (FORMAT csv)"
        with con.cursor() as cursor, cursor.copy(text) as copy, path.open("rb") as file:
            while chunk := file.read(1 << 20):
                copy.write(chunk)
        path.unlink()


@contextmanager
def _attached(place: Path, url: str, way: str) -> Iterator[Workspace]:
    (place / "address").write_text(url)
    source = {"kind": "postgres", "url_file": str(place / "address")}
    subject = {"residence": "residence", "email": "email"}
    with Workspace.create(place / "workspace", "bench", subject=subject, source=source) as ws:
        register_source.attach_database(ws, schema="public", customer_table="customer", actor=OFFICER)
        _published(ws, way)
        import psycopg

        with psycopg.connect(url, autocommit=True) as con:
            con.execute("CREATE TABLE public.visit_new AS SELECT * FROM public.visit")
            con.execute("CREATE TABLE public.visit_twin (LIKE public.visit INCLUDING INDEXES)")
        yield ws
