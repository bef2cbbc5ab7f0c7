"""Every type of column can be emptied, circles of keys are cut, and hostile names stay names."""

from __future__ import annotations

import os

import psycopg
import pytest

from rightful.actions import erase_customer as erasing
from rightful.actions.find_person import decide_links, scan_links
from rightful.actions.publish_policy import publish_policy
from rightful.actions.register_source import attach_database
from rightful.workspace import Workspace

pytestmark = pytest.mark.postgres
URL = "RIGHTFUL_TYPES_URL"
POLICY = """
rightful: 1
policy: {name: Types, version: "1", owner: privacy@types.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr], where: [DE], digital-consent-age: {DE: 16}}
categories:
  keys: {fields: [person.id]}
roles:
  support: [service]
purposes:
  service: {says: We help you., basis: contract, needs: [keys]}
"""
SCHEMA = """
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE person (
  id uuid PRIMARY KEY, name varchar(6) NOT NULL, email text NOT NULL UNIQUE, points integer NOT NULL UNIQUE,
  money numeric(9, 2) NOT NULL, ratio double precision NOT NULL, member boolean NOT NULL, born date NOT NULL,
  seen timestamptz NOT NULL, local timestamp NOT NULL, token uuid NOT NULL UNIQUE, extra jsonb NOT NULL,
  photo bytea NOT NULL, feeling mood, tags text[], shouted text GENERATED ALWAYS AS (upper(email)) STORED,
  best_order integer);
CREATE TABLE "odd ""name" (id integer PRIMARY KEY, person_id uuid NOT NULL REFERENCES person (id),
  "text; --" text, UNIQUE (id, person_id));
ALTER TABLE person ADD FOREIGN KEY (best_order) REFERENCES "odd ""name" (id);
CREATE TABLE gift (id integer PRIMARY KEY, giver uuid NOT NULL REFERENCES person (id),
  person_id uuid NOT NULL REFERENCES person (id), words text);
CREATE TABLE seat (row_no integer, seat_no integer, person_id uuid REFERENCES person (id), note text,
  PRIMARY KEY (row_no, seat_no));
CREATE TABLE loose (person_email text, "100 %s" text);
CREATE TABLE parts (id integer, person_id uuid REFERENCES person (id), said text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (100);
"""


def uid(i: int) -> str:
    return f"00000000-0000-4000-9000-{i:012d}"


def fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as con:
        con.execute(SCHEMA)
        for i in range(1, 9):
            mail = "CANARY@mail.example" if i == 3 else f"other{i}@mail.example"
            con.execute(
                "INSERT INTO person VALUES (%s, %s, %s, %s, 9.5, 1.5, true, '1980-01-01', now(), now(), %s, %s, %s, "
                "'calm', %s, DEFAULT, NULL)",
                [uid(i), f"P{i}xyz", mail, i, uid(100 + i), f'{{"mail": "{mail}"}}', mail.encode(), [mail]],
            )
            con.execute('INSERT INTO "odd ""name" VALUES (%s, %s, %s)', [i, uid(i), mail])
            con.execute("UPDATE person SET best_order = %s WHERE id = %s", [i, uid(i)])
            con.execute("INSERT INTO seat VALUES (1, %s, %s, %s)", [i, uid(i), mail])
            con.execute("INSERT INTO parts VALUES (%s, %s, %s)", [i, uid(i), mail])
            con.execute("INSERT INTO loose VALUES (%s, 'hello'), (%s, 'hello')", [mail, mail])
        con.execute("INSERT INTO gift VALUES (1, %s, %s, 'OTHER socks')", [uid(3), uid(4)])
        con.execute("ANALYZE")


@pytest.fixture
def world(postgres_url, tmp_path):
    fill(postgres_url)
    os.environ[URL] = postgres_url
    with Workspace.create(tmp_path / "ws", "types", source={"kind": "postgres", "url_env": URL}) as ws:
        attach_database(ws, schema="public", customer_table="person", actor="eng")
        (tmp_path / "ws" / "policy" / "types.yaml").write_text(POLICY, encoding="utf-8")
        publish_policy(ws, actor="olga@types.example", approver="paul@types.example")
        scan_links(ws, actor="eng")
        names = {d.link.id: d for d in ws.link_book.all()}
        decide_links(ws, [n for n, d in names.items() if d.state == "proposed"], state="confirmed", actor="olga")
        decide_links(ws, ["gift.giver>person.id"], state="confirmed", role="mentions", actor="olga")
        yield ws
    os.environ.pop(URL, None)


def everything(ws) -> dict[str, list[tuple]]:
    found = {}
    for table in ws.source.structure():
        place = ".".join('"' + part.replace('"', '""') + '"' for part in table.place)
        columns = ", ".join('"' + c.name.replace('"', '""') + '"' for c in table.columns)
        query = f"SELECT {columns} FROM {place}".replace("%", "%%")
        found[table.name] = sorted(ws.source.examine(query), key=str)
    return found


def test_a_row_that_must_stay_is_emptied_whatever_its_types_and_the_rest_goes(world):
    before = everything(world)
    outcome = erasing.erase_customer(world, uid(3), actor="self")
    after = everything(world)
    assert (outcome.status, outcome.residues, outcome.collateral) == ("complete", (), ())
    assert "canary" not in str(after).lower() and b"CANARY".hex() not in str(after)
    [mine] = [row for row in after["person"] if str(row[0]) == uid(3)]
    assert mine[1] == "[erase" and mine[13:15] == (None, None) and mine[16] is None
    assert [row for row in after["person"] if str(row[0]) != uid(3)] == [
        row for row in before["person"] if str(row[0]) != uid(3)
    ]
    assert len({row[2] for row in after["person"]}) == 8 and len({row[3] for row in after["person"]}) == 8
    assert after["gift"] == before["gift"]
    assert {name: len(rows) for name, rows in after.items()} == {
        'odd "name': 7, "person": 8, "gift": 1, "seat": 7, "loose": 14, "parts": 7,
    }  # fmt: skip


def test_without_that_row_of_another_the_whole_circle_goes(world):
    with psycopg.connect(os.environ[URL], autocommit=True) as con:
        con.execute("DELETE FROM public.gift")
    outcome = erasing.erase_customer(world, uid(3), actor="self")
    after = everything(world)
    assert (outcome.status, outcome.kept) == ("complete", ())
    assert len(after["person"]) == 7 and "canary" not in str(after).lower()


def test_what_the_database_refuses_is_not_called_done_and_nothing_is_half_done(world):
    with psycopg.connect(os.environ[URL], autocommit=True) as con:
        con.execute("ALTER TABLE public.person ADD CHECK (points > 0)")
    before = everything(world)
    from rightful.errors import QueryFailed

    with pytest.raises(QueryFailed):
        erasing.erase_customer(world, uid(3), actor="self")
    assert everything(world) == before
    [run] = world.erasures.all()
    assert run.open and run.step == "told"
    assert "erasure.failed" in [e.kind for e in world.ledger.entries()]
    with psycopg.connect(os.environ[URL], autocommit=True) as con:
        con.execute("ALTER TABLE public.person DROP CONSTRAINT person_points_check")
    [outcome] = erasing.resume_erasures(world)
    assert outcome.status == "complete" and "canary" not in str(everything(world)).lower()
