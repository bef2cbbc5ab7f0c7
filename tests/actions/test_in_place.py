"""The same use of data, governed in a PostgreSQL or MariaDB database where it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import psycopg
import pytest

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.correct_data import approve_correction, ask_correction
from rightful.actions.customer_view import recognise_customer
from rightful.actions.erase_customer import erase_customer
from rightful.actions.export_audience import export_audience
from rightful.actions.keep_gone import who_came_back
from rightful.actions.publish_policy import publish_policy
from rightful.actions.send_audience import send_audience
from rightful.actions.show_data import my_data
from rightful.actions.use_data import decide_one, query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import SqlRefused
from rightful.terms import Outcome
from rightful.workspace import Workspace
from tests.actions.conftest import ANA, MAX, PEOPLE, POLICY, customers, history, write_csv
from tests.actions.test_use_data import PERMITTED

TYPES = {"id": "varchar(20) PRIMARY KEY", "birth_date": "date", "points": "integer"}
TABLES = (
    f"CREATE TABLE customer ({', '.join(f'{name} ' + TYPES.get(name, 'varchar(200)') for name in customers()[0])})",
    """CREATE TABLE purchase (id varchar(20) PRIMARY KEY, customer_id varchar(20), amount numeric(10,2),
       bought_on date, CONSTRAINT whose FOREIGN KEY (customer_id) REFERENCES customer(id))""",
)
PURCHASES = [(f"P{i}", f"C{i % PEOPLE:03d}", i, "2026-03-01") for i in range(150)]


def fill(cursor) -> None:
    """A CRM of its own making; the statements are read alike by both databases."""
    for statement in TABLES:
        cursor.execute(statement)
    rows = [tuple(c.values()) for c in customers()]
    cursor.executemany(f"INSERT INTO customer VALUES ({', '.join(['%s'] * len(rows[0]))})", rows)
    cursor.executemany("INSERT INTO purchase VALUES (%s, %s, %s, %s)", PURCHASES)


def in_postgres(url: str) -> Callable[[str], None]:
    with psycopg.connect(url, autocommit=True, options="-c search_path=crm") as con:
        con.execute("DROP SCHEMA IF EXISTS crm CASCADE")
        con.execute("CREATE SCHEMA crm")
        fill(con.cursor())

    def change(statement: str) -> None:
        with psycopg.connect(url, autocommit=True, options="-c search_path=crm") as con:
            con.execute(statement)

    return change


def in_mariadb(server, url: str) -> Callable[[str], None]:
    database = url.rsplit("/", 1)[1]
    with closing(server.connect(database)) as con:
        fill(con.cursor())

    def change(statement: str) -> None:
        server.run(statement, database)

    return change


@pytest.fixture(
    params=[
        pytest.param(f"{engine}-{mode}", marks=getattr(pytest.mark, engine))
        for engine in ("postgres", "mariadb")
        for mode in ("column", "companion")
    ]
)
def place(request, tmp_path):
    """Engine, mode and a way to change the CRM's tables as the CRM would."""
    engine, _, mode = request.param.partition("-")
    url = request.getfixturevalue(f"{engine}_url")
    (tmp_path / "address").write_text(url)
    if engine == "postgres":
        return engine, mode, in_postgres(url)
    return engine, mode, in_mariadb(request.getfixturevalue("mariadb_server"), url)


@pytest.fixture
def crm(place, tmp_path):
    """A workspace that governs it."""
    engine, mode, _ = place
    subject = {"residence": "residence", "birth_date": "birth_date", "email": "email"}
    source = {"kind": engine, "url_file": str(tmp_path / "address")}
    with Workspace.create(tmp_path / "shop", "shop", source=source, subject=subject) as ws:
        register_source.attach_database(
            ws,
            schema="crm" if engine == "postgres" else "",
            customer_table="customer",
            actor="eng@shop.example",
            mode=mode,
        )
        (ws.path / "policy" / "shop.yaml").write_text(POLICY, encoding="utf-8")
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


def test_ac_007_two_counts_that_differ_by_one_person_and_a_hand_over_behave_alike(crm):
    query_data(crm, ANA, "statistics", "select city, count(*) as n from customer group by city")
    with pytest.raises(SqlRefused) as refused:
        query_data(crm, ANA, "statistics", "select city, count(*) as n from customer where points <> 12 group by city")
    assert refused.value.code == "sql.differencing"
    done = export_audience(crm, MAX, "newsletter", channel="email", recipient="mailer")
    withdraw_consent(crm, "C003", "newsletter")
    got = []
    sent = send_audience(crm, MAX, done.use.entry.index, lambda batch: got.append(batch.rows), batch_rows=10)
    assert "C003" not in {row["id"] for rows in got for row in rows.to_pylist()}
    assert (sent.customers, sent.withdrawn) == (done.rows - 1, 1)


def test_a_customer_who_permits_nothing_still_sees_their_own_data(crm):
    for purpose in ("newsletter", "statistics", "study"):
        withdraw_consent(crm, "C004", purpose)
    crm.facts.refresh(crm.clock())
    held = {h.field: h.value for g in my_data(crm, "C004").groups for h in g.rows}
    assert held["customer.phone"] == "CANARY-PHONE-004"
    assert recognise_customer(crm, "P004@example.com") == "C004"


def test_P10_a_column_added_a_minute_ago_is_there_and_nobody_may_use_it(crm, place):
    place[2]("ALTER TABLE customer ADD COLUMN mood varchar(30) DEFAULT 'CANARY-MOOD'")
    with pytest.raises(SqlRefused):
        query_data(crm, MAX, "newsletter", "select mood from customer")
    assert "customer.mood" in crm.facts.bound.unclassified
    assert names(crm) == PERMITTED


def test_the_crm_goes_on_writing_without_knowing(crm, place):
    """Inserts that name no columns, as an old application writes them, still fit."""
    change = place[2]
    marks = ", ".join(f"'{value}'" for value in (customers(PEOPLE + 1)[-1]).values())
    change(f"INSERT INTO customer VALUES ({marks})")
    change("UPDATE customer SET city = 'Moved' WHERE id = 'C002'")
    change("DELETE FROM purchase WHERE customer_id = 'C005'")
    change("DELETE FROM customer WHERE id = 'C005'")
    assert names(crm) == PERMITTED - {"Person005"}
    crm.facts.rebuild()
    assert names(crm) == PERMITTED - {"Person005"}


def test_a_correction_changes_the_row_where_it_lives(crm):
    assert ask_correction(crm, "C004", "customer.city", "Bonn").state == "done"
    asked = ask_correction(crm, "C004", "customer.birth_date", "1979-12-31")
    assert approve_correction(crm, asked.id, actor="olga@shop.example").state == "done"
    of = {held.field: str(held.value) for group in my_data(crm, "C004").groups for held in group.rows}
    assert (of["customer.city"], of["customer.birth_date"]) == ("Bonn", "1979-12-31")
    other = {held.field: str(held.value) for group in my_data(crm, "C005").groups for held in group.rows}
    assert other["customer.city"] != "Bonn", "one row, not its neighbours"


def test_ac_059_an_erased_person_who_is_synced_again_is_restricted_as_soon_as_they_have_a_number(crm, place):
    change = place[2]
    erased = erase_customer(crm, "C004", actor="self")
    assert not erased.residues and "Person004" not in names(crm)
    row = customers()[4] | {"id": "N-17", "email": " P004@EXAMPLE.com"}
    for one in (row, row | {"id": "N-18", "email": "other@example.com", "phone": ""}):
        change(f"INSERT INTO customer VALUES ({', '.join(repr(value) for value in one.values())})")
    crm.facts.rebuild()
    [back] = who_came_back(crm, actor="olga@shop.example")
    assert back.key == "N-17"
    assert decide_one(crm, MAX, "newsletter", "N-17", channel="email").codes >= {"restricted"}
    assert "restricted" not in decide_one(crm, MAX, "newsletter", "N-18", channel="email").codes
    assert erase_customer(crm, "N-17", actor="self").status == erased.status
    assert who_came_back(crm, actor="olga@shop.example") == ()
    # somebody restores an older state of the database: numbers and rows are those of before
    change(f"INSERT INTO customer VALUES ({', '.join(repr(value) for value in customers()[4].values())})")
    crm.facts.rebuild()
    assert [b.key for b in who_came_back(crm, actor="olga@shop.example")] == ["C004"]
