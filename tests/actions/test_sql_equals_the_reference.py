"""The whole way, SQL included, against the naive reading: hostile people on real databases.

Events come in as an imported history, then as single events. What the database returns must be
exactly whom the naive reading permits; between an event and the refresh, never somebody it does not.
"""

from __future__ import annotations

import csv
from contextlib import closing
from dataclasses import replace
from random import Random

import psycopg
import pytest

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.publish_notice import record_older_notice
from rightful.actions.publish_policy import publish_policy
from rightful.actions.use_data import query_data
from rightful.errors import NotPermitted, SqlRefused
from rightful.gate.conditions import Subject
from rightful.gate.planes import slots_of
from rightful.policy.check import check
from rightful.policy.document import version_of
from rightful.policy.model import Role
from rightful.workspace import Workspace
from tests import corpus, oracle
from tests.actions.conftest import write_csv
from tests.builders import us

PEOPLE = 120
FIELDS = {"customer.email": "contact", "customer.income": "money", "customer.health": "health"}
SUBJECT = {"residence": "home", "birth_date": "born", "email": "email"}
NO = ("withdrawn", "refused", "objected", "opted-out", "restricted", "signal-gpc", "erased")


def policy_for(random: Random):
    """A policy of the corpus that does not contradict itself."""
    while True:
        found = corpus._crowd(random, 0).policy
        categories = found.categories | {
            "key": replace(
                found.categories["contact"], id="key", fields=("customer.id", "customer.born", "customer.home")
            )
        }
        purposes = {k: replace(p, needs=(*p.needs, "key") if p.needs else ()) for k, p in found.purposes.items()}
        roles = {"analyst": Role("analyst", tuple(purposes))}
        found = replace(
            found, categories=categories, purposes=purposes, roles=roles, version="", timezone="Europe/Berlin"
        )
        found = replace(found, version=version_of(found))
        if not any(p.severity == "error" for p in check(found)) and not found.purposes["a"].compatible_with:
            return found


def rows_of(people):
    return [
        {
            "id": f"K{p.no:04d}",
            "email": f"e{p.no}@example.com",
            "phone": "",
            "income": str(p.no),
            "health": "",
            "home": p.residence,
            "born": "" if p.birth is None else p.birth.isoformat(),
        }
        for p in people
    ]


def history_of(people, now):
    from datetime import UTC, datetime, timedelta

    for p in people:
        for number, e in enumerate(p.events):
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=e.at_us)
            until = ""
            if e.until_us is not None:
                until = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=e.until_us)).isoformat()
            yield {
                "event_id": f"{p.no}-{number}",
                "customer_id": f"K{p.no:04d}",
                "kind": e.kind.value,
                "purpose": e.purpose,
                "channel": e.channel,
                "at": at.isoformat(),
                "until": until,
                "notice": e.notice,
                "method": e.method.value,
                "evidence": e.evidence,
                "value": e.value,
            }


def returned(ws, slot) -> set[str]:
    purpose, channel, recipient = slot
    try:
        used = query_data(ws, "ana@x.example", purpose, "select id from customer", channel=channel, recipient=recipient)
    except (NotPermitted, SqlRefused):
        return set()
    return {row["id"] for row in used.table.to_pylist()}


def permitted(ws, people, slot) -> set[str]:
    """Whom the naive reading permits to be used with their key field."""
    policy, notices, now = ws.facts.policy, ws.facts.notices, ws.clock()
    return {
        f"K{p.no:04d}" for p in people if oracle.may_use_field(policy, notices, p, now, *slot, "customer.id", "key")
    }


def walk(ws, tmp_path, random: Random, policy) -> None:
    now = ws.clock()
    channel = (policy.purposes["a"].channels or ("",))[0]
    people = [
        replace(p, events=tuple(replace(e, received_us=max(e.received_us, now)) for e in p.events))
        for p in (corpus._person(random, no, now, channel) for no in range(PEOPLE))
    ]
    terms = {"categories": ["contact", "money", "health", "key"], "recipients": ["agency", "printer"], "channels": []}
    less = {"categories": ["contact"], "recipients": ["agency"], "channels": []}
    publish_policy(ws, policy, actor="o", approver="p")
    record_older_notice(ws, "n1", {"top": terms, "a": terms, "solo": terms}, actor="o")
    record_older_notice(ws, "n2", random.choice([{"a": less}, {"top": terms}]), actor="o")
    rows = list(history_of(people, now))
    imported = register_source.import_consents(ws, write_csv(tmp_path / "h.csv", rows), actor="o")
    assert not imported.rejected, list(csv.reader(imported.rejects.open()))[:3]
    appoint(ws, "ana@x.example", "analyst", actor="o")
    slots = [s for s in slots_of(policy) if s[0] == "a"]
    total = 0
    for slot in slots:
        expected = permitted(ws, people, slot)
        total += len(expected)
        assert returned(ws, slot) == expected, slot
    for step in range(25):
        no = random.randrange(PEOPLE)
        twist = corpus._twist(random, ws.clock(), channel, ws.clock() - 86_400_000_000)
        numbered = [replace(e, id=f"live-{step}-{i}", received_us=ws.clock()) for i, e in enumerate(twist)]
        subject = ws.subject_id(no)
        ws.ledger.append(
            [],
            lambda tx, _entries, s=subject, n=no, es=numbered: ws.consent.append(tx, [(s, n, e, 0) for e in es]),
        )
        ws.consent.publish()
        people[no] = Subject(no, (*people[no].events, *numbered), people[no].residence, people[no].birth)
        if step % 5 == 0:
            for slot in slots:
                assert returned(ws, slot) <= permitted(ws, people, slot), "nobody may come back who is not permitted"
    ws.facts.refresh(ws.clock())
    for slot in slots:
        assert returned(ws, slot) == permitted(ws, people, slot), "after the refresh exactly"
    with Workspace.open(ws.path) as again:
        for slot in slots:
            assert returned(again, slot) == permitted(ws, people, slot), "and in another process"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_E11_duckdb_returns_whom_the_naive_reading_permits(seed, tmp_path):
    random = Random(seed)
    policy = policy_for(random)
    people_rows = rows_of(_same_people(seed))
    with Workspace.create(tmp_path / "w", "shop", subject=SUBJECT) as ws:
        proposal = register_source.propose([write_csv(tmp_path / "customer.csv", people_rows)])
        proposal = proposal.decide("customer", key="id", customer_table=True, types={"home": "text", "born": "date"})
        register_source.load_files(ws, proposal, actor="o")
        walk(ws, tmp_path, random, policy)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.parametrize("seed", [3, 4])
def test_E11_postgresql_returns_whom_the_naive_reading_permits(seed, tmp_path, postgres_url):
    random = Random(seed)
    policy = policy_for(random)
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("DROP SCHEMA IF EXISTS hostile CASCADE")
        con.execute("CREATE SCHEMA hostile")
        con.execute(
            "CREATE TABLE hostile.customer (id text PRIMARY KEY, email text, phone text, income text, health text, "
            "home text, born date)"
        )
        for row in rows_of(_same_people(seed)):
            values = [value or None for value in row.values()]
            con.execute("INSERT INTO hostile.customer VALUES (%s, %s, %s, %s, %s, %s, %s)", values)
    (tmp_path / "address").write_text(postgres_url)
    source = {"kind": "postgres", "url_file": str(tmp_path / "address")}
    with Workspace.create(tmp_path / "w", "shop", source=source, subject=SUBJECT) as ws:
        register_source.attach_database(ws, schema="hostile", customer_table="customer", actor="o")
        try:
            walk(ws, tmp_path, random, policy)
        finally:
            ws.source.uninstall()


@pytest.mark.slow
@pytest.mark.mariadb
@pytest.mark.parametrize(("seed", "mode"), [(5, "column"), (6, "companion")])
def test_E11_mariadb_returns_whom_the_naive_reading_permits(seed, mode, tmp_path, mariadb_server, mariadb_url):
    random = Random(seed)
    policy = policy_for(random)
    with closing(mariadb_server.connect(mariadb_url.rsplit("/", 1)[1])) as con:
        cursor = con.cursor()
        cursor.execute(
            "CREATE TABLE customer (id varchar(20) PRIMARY KEY, email text, phone text, income text, health text, "
            "home text, born date)"
        )
        for row in rows_of(_same_people(seed)):
            values = [value or None for value in row.values()]
            cursor.execute("INSERT INTO customer VALUES (%s, %s, %s, %s, %s, %s, %s)", values)
    (tmp_path / "address").write_text(mariadb_url)
    source = {"kind": "mariadb", "url_file": str(tmp_path / "address")}
    with Workspace.create(tmp_path / "w", "shop", source=source, subject=SUBJECT) as ws:
        register_source.attach_database(ws, schema="", customer_table="customer", actor="o", mode=mode)
        walk(ws, tmp_path, random, policy)


def _same_people(seed: int):
    """The people `walk` will draw: residence and birth date do not depend on the clock."""
    random = Random(seed)
    policy = policy_for(random)
    channel = (policy.purposes["a"].channels or ("",))[0]
    return [corpus._person(random, no, us("2026-11-20T12:00:00+00:00"), channel) for no in range(PEOPLE)]
