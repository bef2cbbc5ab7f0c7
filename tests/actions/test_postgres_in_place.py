"""The same use of data, governed in a PostgreSQL database where it is."""

from __future__ import annotations

import psycopg
import pytest

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.customer_view import recognise_customer
from rightful.actions.export_audience import export_audience
from rightful.actions.publish_policy import publish_policy
from rightful.actions.show_data import my_data
from rightful.actions.use_data import decide_one, query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import SqlRefused
from rightful.terms import Outcome
from rightful.workspace import Workspace
from tests.actions.conftest import ANA, MAX, PEOPLE, POLICY, customers, history, write_csv
from tests.actions.test_use_data import PERMITTED

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["column", "companion"])
def crm(request, postgres_url, tmp_path):
    """A CRM of its own making, and a workspace that governs it."""
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("DROP SCHEMA IF EXISTS crm CASCADE")
        con.execute("CREATE SCHEMA crm")
        types = {"id": "text PRIMARY KEY", "birth_date": "date", "points": "integer"}
        columns = ", ".join(f"{name} {types.get(name, 'text')}" for name in customers()[0])
        con.execute(f"CREATE TABLE crm.customer ({columns})")
        con.execute(
            "CREATE TABLE crm.purchase (id text PRIMARY KEY, customer_id text REFERENCES crm.customer(id), "
            "amount numeric(10,2), bought_on date)"
        )
        with con.cursor() as cursor:
            rows = [tuple(c.values()) for c in customers()]
            cursor.executemany(f"INSERT INTO crm.customer VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)
            cursor.executemany(
                "INSERT INTO crm.purchase VALUES (%s, %s, %s, %s)",
                [(f"P{i}", f"C{i % PEOPLE:03d}", i, "2026-03-01") for i in range(150)],
            )
    address = tmp_path / "address"
    address.write_text(postgres_url)
    place = tmp_path / "shop"
    subject = {"residence": "residence", "birth_date": "birth_date", "email": "email"}
    source = {"kind": "postgres", "url_file": str(address)}
    with Workspace.create(place, "shop", source=source, subject=subject) as ws:
        register_source.attach_database(
            ws, schema="crm", customer_table="customer", actor="eng@shop.example", mode=request.param
        )
        (place / "policy" / "shop.yaml").write_text(POLICY, encoding="utf-8")
        publish_policy(ws, actor="olga@shop.example", approver="paul@shop.example")
        register_source.import_consents(ws, write_csv(tmp_path / "h.csv", history()), actor="eng@shop.example")
        for who, role in (("max", "marketer"), ("ana", "analyst")):
            appoint(ws, f"{who}@shop.example", role, actor="olga@shop.example")
        try:
            yield ws
        finally:
            ws.source.uninstall()


def names(ws):
    return {r["name"] for r in query_data(ws, MAX, "newsletter", "select name from customer").table.to_pylist()}


def test_E11_the_same_people_come_back_as_from_the_embedded_store(crm):
    assert names(crm) == PERMITTED
    withdraw_consent(crm, "C003", "newsletter")
    assert names(crm) == PERMITTED - {"Person003"}, "on the very next read"
    crm.facts.refresh(crm.clock())
    assert names(crm) == PERMITTED - {"Person003"}
    assert decide_one(crm, MAX, "newsletter", "C003", channel="email").outcome is Outcome.DENY


def test_hidden_fields_small_groups_and_exports_behave_alike(crm):
    with pytest.raises(SqlRefused):
        query_data(crm, MAX, "newsletter", "select phone from customer")
    groups = query_data(
        crm,
        ANA,
        "statistics",
        "select c.city, count(*) as n, avg(p.amount) as a from customer c "
        "join purchase p on p.customer_id = c.id group by c.city",
    )
    assert "Lonely" not in {row["city"] for row in groups.table.to_pylist()} and groups.table.num_rows >= 1
    exported = export_audience(
        crm, MAX, "newsletter", "select id from customer where points < 10", channel="email", recipient="mailer"
    )
    assert set(exported.table.schema.names) == {"id", "name", "email"}


def test_a_customer_who_permits_nothing_still_sees_their_own_data(crm):
    for purpose in ("newsletter", "statistics", "study"):
        withdraw_consent(crm, "C004", purpose)
    crm.facts.refresh(crm.clock())
    held = {h.field: h.value for g in my_data(crm, "C004").groups for h in g.rows}
    assert held["customer.phone"] == "CANARY-PHONE-004"
    assert recognise_customer(crm, "P004@example.com") == "C004"


def test_P10_a_column_added_a_minute_ago_is_there_and_nobody_may_use_it(crm, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as con:
        con.execute("ALTER TABLE crm.customer ADD COLUMN mood text DEFAULT 'CANARY-MOOD'")
    with pytest.raises(SqlRefused):
        query_data(crm, MAX, "newsletter", "select mood from customer")
    assert "customer.mood" in crm.facts.bound.unclassified
    assert names(crm) == PERMITTED


def test_a_correction_changes_the_row_where_it_lives(crm, postgres_url):
    from rightful.actions.correct_data import approve_correction, ask_correction

    assert ask_correction(crm, "C004", "customer.city", "Bonn").state == "done"
    asked = ask_correction(crm, "C004", "customer.birth_date", "1979-12-31")
    assert approve_correction(crm, asked.id, actor="olga@shop.example").state == "done"
    with psycopg.connect(postgres_url) as con:
        found = con.execute("SELECT city, birth_date::text FROM crm.customer WHERE id = 'C004'").fetchone()
        assert found == ("Bonn", "1979-12-31")
        assert con.execute("SELECT count(*) FROM crm.customer WHERE city = 'Bonn'").fetchone() == (1,)
