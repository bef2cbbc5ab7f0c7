"""Whether exactly what nobody may keep any longer goes, and all the rest stays: against a naive reading."""

from __future__ import annotations

import csv
import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from rightful.actions import dispose_expired, register_source
from rightful.actions.certify_disposal import certify
from rightful.actions.dispose_expired import forecast, plan_disposal, run_disposal
from rightful.actions.give_consent import give_consent
from rightful.actions.hold_data import add_hold, release_hold
from rightful.actions.publish_policy import publish_policy
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import ClockUntrusted
from rightful.workspace import Workspace

TODAY = date(2026, 11, 25)
OLGA = "olga@shop.example"
POLICY = """
rightful: 1
policy: {name: Shop, version: "1", owner: privacy@shop.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE], digital-consent-age: {DE: 16}}
categories:
  keys: {fields: [customer.id, purchase.id, purchase.customer_id, visit.id, visit.customer_id]}
  identity: {fields: [customer.name]}
  contact: {fields: [customer.email]}
  place: {fields: [customer.residence]}
  since: {fields: [customer.joined_on]}
  taste: {fields: [customer.taste]}
  orders: {fields: [purchase.amount, purchase.bought_on, purchase.gift]}
  visits: {fields: [visit.page, visit.seen_at]}
roles:
  marketer: [newsletter]
  analyst: [study]
  finance: [tax]
purposes:
  tax:
    says: The law makes us keep invoices.
    basis: {legal-obligation: "AO 147"}
    needs: [keys, purchase.amount, purchase.bought_on]
    keep: 8 years from the end of the year
  delivery:
    says: We bring it.
    basis: contract
    needs: [keys, purchase.gift, identity]
    keep: 6 months after the last purchase
  newsletter:
    says: We write to you.
    direct-marketing: true
    basis: consent
    channels: [email]
    needs: [keys, taste]
    keep: 1 month after the withdrawal
  study:
    says: We look at what is visited.
    basis: {legitimate-interest: "LIA-1"}
    needs: [keys, visits, since]
    keep: 13 months
moments:
  the end of the year: {end-of-year: purchase.bought_on}
  the last purchase: {last: purchase.bought_on}
  the collection: [visit.seen_at, customer.joined_on]
"""


@dataclass
class World:
    """An organisation with people of every age of data, and what it holds as plain rows."""

    ws: Workspace
    customers: list[dict[str, Any]]
    purchases: list[dict[str, Any]]
    visits: list[dict[str, Any]]
    agreed: set[str] = field(default_factory=set)

    def rows(self, table: str, *columns: str) -> set[tuple[Any, ...]]:
        stored = next(t for t in self.ws.source.structure() if t.name == table)
        place = ".".join(f'"{part}"' for part in stored.place)
        return {tuple(row) for row in self.ws.source.examine(f"SELECT {', '.join(columns)} FROM {place}")}


def people(random: Random, count: int = 60) -> tuple[list[dict[str, Any]], ...]:
    edge = [date(2017, 12, 31), date(2018, 1, 1), date(2026, 5, 24), date(2026, 5, 25), date(2026, 5, 26)]
    customers = [
        {
            "id": f"C{i:03d}",
            "name": f"Person{i}",
            "email": f"p{i}@example.com",
            "residence": "DE",
            "joined_on": random.choice([date(2025, 10, 24), date(2025, 10, 25), date(2025, 10, 26), date(2020, 2, 29)]),
            "taste": f"taste{i}",
        }
        for i in range(count)
    ]
    purchases = [
        {
            "id": f"P{n:03d}",
            "customer_id": f"C{random.randrange(count - 10):03d}",
            "amount": str(n),
            "bought_on": random.choice([*edge, date(2026, 11, 1), None]),
            "gift": f"gift{n}",
        }
        for n in range(150)
    ]
    midnight = datetime(2025, 10, 25, 22, 0, tzinfo=UTC)  # 2025-10-26 00:00 in Berlin, before the clocks change
    visits = [
        {
            "id": f"V{n:03d}",
            "customer_id": f"C{random.randrange(count):03d}",
            "page": f"/{n}",
            "seen_at": midnight
            + random.choice([timedelta(microseconds=-1), timedelta(0), timedelta(days=-3, hours=2)]),
        }
        for n in range(120)
    ]
    return customers, purchases, visits


def text(value: Any) -> str:
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: text(v) for k, v in row.items()} for row in rows)
    return path


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.postgres)])
def world(request, tmp_path):
    tables = dict(zip(("customer", "purchase", "visit"), people(Random(11)), strict=True))
    start = int(datetime(2026, 11, 25, 11, tzinfo=UTC).timestamp()) * 1_000_000
    ticks = itertools.count(start, 1000)
    subject = {"residence": "residence", "email": "email"}
    source = None
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        (tmp_path / "address").write_text(url)
        source = {"kind": "postgres", "url_file": str(tmp_path / "address")}
        with psycopg.connect(url, autocommit=True) as con:
            con.execute(
                "CREATE TABLE customer (id text PRIMARY KEY, name text, email text, residence text, joined_on date, "
                "taste text)"
            )
            con.execute(
                "CREATE TABLE purchase (id text PRIMARY KEY, customer_id text REFERENCES customer, amount numeric, "
                "bought_on date, gift text)"
            )
            con.execute(
                "CREATE TABLE visit (id text PRIMARY KEY, customer_id text REFERENCES customer, page text, "
                "seen_at timestamptz)"
            )
            for name, rows in tables.items():
                marks = ", ".join(["%s"] * len(rows[0]))
                for row in rows:
                    con.execute(f"INSERT INTO {name} VALUES ({marks})", list(row.values()))
    made = Workspace.create(tmp_path / "w", "shop", source=source, subject=subject, clock=lambda: next(ticks))
    with made as ws:
        (tmp_path / "w" / "policy" / "shop.yaml").write_text(POLICY, encoding="utf-8")
        if source is None:
            files = [write(tmp_path / f"{name}.csv", rows) for name, rows in tables.items()]
            register_source.load_files(ws, register_source.propose(files), actor="eng")
        else:
            register_source.attach_database(ws, schema="public", customer_table="customer", actor="eng")
        publish_policy(ws, actor=OLGA, approver="paul@shop.example")
        here = World(ws, *tables.values())
        for i in range(20):
            give_consent(ws, f"C{i:03d}", "newsletter", "email", evidence=f"form-{i}", method="form")
        withdraw_consent(ws, "C003", "newsletter")
        here.agreed = {f"C{i:03d}" for i in range(20) if i != 3}
        yield here
        if source is not None:
            ws.source.uninstall()


def months_later(day: date, months: int) -> date:
    month = day.month - 1 + months
    year, month = day.year + month // 12, month % 12 + 1
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month, last)
        except ValueError:
            continue
    raise AssertionError


def tax_keeps(purchase: dict[str, Any]) -> bool:
    bought = purchase["bought_on"]
    return bought is None or date(bought.year + 8, 12, 31) >= TODAY


def delivery_keeps(world: World, customer: str) -> bool:
    days = [p["bought_on"] for p in world.purchases if p["customer_id"] == customer and p["bought_on"]]
    return not days or months_later(max(days), 6) >= TODAY


def visit_stays(visit: dict[str, Any]) -> bool:
    berlin = visit["seen_at"] + timedelta(hours=2)  # summer time on all these days
    return months_later(berlin.date(), 13) >= TODAY


def expected(world: World, held: set[str] = frozenset()) -> dict[str, set[tuple[Any, ...]]]:
    """What is left, worked out row by row from the sentences of the policy."""
    purchases = set()
    for p in world.purchases:
        stays = p["customer_id"] in held or tax_keeps(p) or delivery_keeps(world, p["customer_id"])
        if stays:
            gift = p["gift"] if p["customer_id"] in held or delivery_keeps(world, p["customer_id"]) else None
            purchases.add((p["id"], gift))
    visits = {(v["id"],) for v in world.visits if v["customer_id"] in held or visit_stays(v)}
    customers = set()
    for c in world.customers:
        keep = c["id"] in held
        taste = keep or c["id"] in world.agreed or c["id"] == "C003"  # C003 said no today: a month is not over
        customers.add(
            (
                c["id"],
                c["name"] if keep or delivery_keeps(world, c["id"]) else None,
                c["taste"] if taste else None,
                c["joined_on"] if keep or months_later(c["joined_on"], 13) >= TODAY else None,
            )
        )
    return {"purchase": purchases, "visit": visits, "customer": customers}


def actual(world: World) -> dict[str, set[tuple[Any, ...]]]:
    return {
        "purchase": world.rows("purchase", "id", "gift"),
        "visit": world.rows("visit", "id"),
        "customer": world.rows("customer", "id", "name", "taste", "joined_on"),
    }


def test_exactly_what_nobody_may_keep_any_longer_goes(world):
    before = actual(world)
    planned = plan_disposal(world.ws)
    assert actual(world) == before  # a plan touches nothing
    done = run_disposal(world.ws, actor=OLGA)
    assert actual(world) == expected(world)
    assert done.status == "complete" and not done.left
    assert sum(done.deleted.values()) + sum(done.emptied.values()) == planned.rows > 0
    assert {(d.table, d.deletes) for d in planned.due} >= {("purchase", True), ("visit", True), ("customer", False)}
    again = run_disposal(world.ws, actor=OLGA)
    assert not again.deleted and not again.emptied and actual(world) == expected(world)


def test_O20_after_a_withdrawal_fields_that_nothing_else_needs_fall_due_and_the_others_say_why_they_stay(world):
    def tastes(day: date) -> int:
        return next(d.rows for d in plan_disposal(world.ws, day=day).due if d.columns == ("taste",))

    world.ws.facts.rebuild()
    assert tastes(months_later(TODAY, 1)) == len(world.customers) - len(world.agreed) - 1  # a month is not over
    assert tastes(months_later(TODAY, 1) + timedelta(days=1)) == len(world.customers) - len(world.agreed)
    address = next(k for k in plan_disposal(world.ws).kept if "email" in k.columns)
    assert "rules themselves need it" in address.why


@pytest.mark.parametrize("batch", [7, 40])
def test_it_does_not_matter_how_the_work_is_cut_into_batches(world, monkeypatch, batch):
    monkeypatch.setattr(dispose_expired, "BATCH", batch)
    planned = plan_disposal(world.ws)
    done = run_disposal(world.ws, actor=OLGA)
    assert actual(world) == expected(world) and done.status == "complete"
    assert sum(done.deleted.values()) + sum(done.emptied.values()) == planned.rows


def test_what_cannot_end_is_told_with_its_reason(world):
    kept = {(k.table, k.purpose): k for k in plan_disposal(world.ws).kept}
    assert "rules themselves" in kept["customer", ""].why and "residence" in kept["customer", ""].columns
    assert all(k.why for k in kept.values())


def test_what_only_a_law_keeps_is_named_with_its_article_in_plan_and_certificate(world):
    rows = sum(tax_keeps(p) for p in world.purchases)
    by_law = [(k.table, k.columns, k.rows, k.law, k.until) for k in plan_disposal(world.ws).by_law]
    assert by_law == [("purchase", ("amount", "bought_on"), rows, "AO 147", "8 years after the end of the year")]
    done = run_disposal(world.ws, actor=OLGA)
    assert done.status == "complete", "what a law keeps is not due"
    made = certify(world.ws, done.run)
    [kept] = made.document["kept"]
    assert (kept["table"], kept["rows"], kept["columns"]) == ("purchase", rows, ["amount", "bought_on"])
    assert kept["why"] == "The law makes us keep invoices (tax: AO 147)" and kept["article"] == "GDPR 17(3)(b)"
    assert made.status == "complete" and "what a law keeps is named below" in made.document["abstract"]
    assert plan_disposal(world.ws).by_law[0].rows == rows


def test_a_law_keeps_nothing_that_another_purpose_may_keep_anyway(world):
    plan = plan_disposal(world.ws, day=date(2017, 1, 1))
    assert {k.columns for k in plan.by_law} == {("amount", "bought_on")}, "gifts are held by delivery, not by a law"
    far = plan_disposal(world.ws, day=date(2040, 1, 1))
    undated = sum(p["bought_on"] is None for p in world.purchases)
    assert [k.rows for k in far.by_law] == [undated], "without a date its time never runs out, and that is told"


def test_ac_063_a_hold_keeps_what_is_due_and_its_release_lets_it_go(world):
    ws = world.ws
    owner = next(
        p["customer_id"] for p in world.purchases if not tax_keeps(p) and not delivery_keeps(world, p["customer_id"])
    )
    hold = add_hold(ws, "suit 17/26", actor=OLGA, customers=[owner])
    planned = plan_disposal(ws)
    assert sum(d.held for d in planned.due) > 0
    run_disposal(ws, actor=OLGA)
    assert actual(world) == expected(world, held={owner})
    release_hold(ws, hold.id, actor=OLGA)
    run_disposal(ws, actor=OLGA)
    assert actual(world) == expected(world)


def test_a_hold_on_a_table_keeps_the_table_for_everybody_and_no_other(world):
    hold = add_hold(world.ws, "audit of the visits", actor=OLGA, tables=["visit"])
    run_disposal(world.ws, actor=OLGA)
    wanted = expected(world)
    assert actual(world)["visit"] == {(v["id"],) for v in world.visits}
    assert actual(world)["purchase"] == wanted["purchase"]
    release_hold(world.ws, hold.id, actor=OLGA)
    run_disposal(world.ws, actor=OLGA)
    assert actual(world) == wanted


def test_a_hold_permits_no_use(world):
    from rightful.actions.appoint_staff import appoint
    from rightful.actions.use_data import decide_one

    appoint(world.ws, "max@shop.example", "marketer", actor=OLGA)
    add_hold(world.ws, "suit 17/26", actor=OLGA, customers=["C003"])
    decision = decide_one(world.ws, "max@shop.example", "newsletter", "C003", channel="email")
    assert decision.outcome.value == "deny" and "consent_withdrawn" in decision.codes


def test_a_run_that_is_killed_goes_on_where_it_stopped(world):
    class Killed(BaseException):
        pass

    def stop(name: str) -> None:
        if name == "after 1":
            raise Killed

    with pytest.raises(Killed):
        run_disposal(world.ws, actor=OLGA, at=stop)
    assert any(run.status == "running" for run in world.ws.disposals.all())
    assert run_disposal(world.ws, actor=OLGA).status == "complete"
    assert actual(world) == expected(world)


def test_ac_070_a_clock_far_ahead_disposes_of_nothing(world):
    before = actual(world)
    far = world.ws.clock() + 400 * 86_400 * 1_000_000
    world.ws.clock = world.ws.ledger.clock = lambda: far
    with pytest.raises(ClockUntrusted, match="days after the newest entry"):
        run_disposal(world.ws, actor=OLGA)
    assert actual(world) == before


def test_every_batch_is_in_the_ledger_and_nothing_personal_with_it(world):
    done = run_disposal(world.ws, actor=OLGA)
    lines = [world.ws.ledger.entry(line.entry) for line in world.ws.journal.lines(kind="disposal", limit=100)]
    kinds = {entry.kind for entry in lines}
    assert {"disposal.begun", "disposal.done", "disposal.closed"} <= kinds
    deleted = sum(n for e in lines if e.kind == "disposal.done" for n in e.public["deleted"].values())
    assert deleted == sum(done.deleted.values())
    assert not any(word in entry.leaf.decode() for entry in lines for word in ("Person1", "C003", "p3@example.com"))


def test_a_forecast_names_the_month_in_which_something_falls_due(world):
    run_disposal(world.ws, actor=OLGA)
    found = forecast(world.ws, months=12)
    assert any("visit" in what for _, what, _ in found)
    assert all(rows > 0 and day > TODAY for day, _, rows in found)
