"""How long the copy for one customer takes, over eleven collections, beside lookups written by hand.

Ours gathers every table through the gate, says for each field what it serves and where it comes from,
and is on record when it returns. Beside: eleven SELECTs by the customer's key over the same rows in a
plain DuckDB file with an index on each key, fetched as rows, by somebody who knows the tables.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from bench.measure import Row, Scale, compared, taking_turns
from bench.world import SUBJECT, folder
from rightful.actions import register_source
from rightful.actions.assemble_copy import assemble
from rightful.actions.open_request import open_request
from rightful.actions.publish_policy import publish_policy
from rightful.rights.rules import Level
from rightful.workspace import Workspace

COLLECTIONS = (
    "purchase", "visit", "ticket", "message", "invoice", "delivery", "complaint", "voucher", "survey", "device",
)  # fmt: skip
CUSTOMERS = 50_000
EACH = 2  # rows of a customer in each of the other collections
TARGET_MS, TARGET_RATIO = 100.0, 10.0
POLICY = """
rightful: 1
policy: {{name: Bench, version: "1", owner: privacy@bench.example, timezone: Europe/Berlin}}
unknown: {{jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}}
regimes: {{EU: {{laws: [gdpr], where: [DE], digital-consent-age: {{DE: 16}}}}}}
categories:
  keys: {{fields: [customer.id, {keys}]}}
  contact: {{fields: [customer.name, customer.email]}}
  place: {{fields: [customer.residence]}}
  birth: {{fields: [customer.birth_date]}}
  history: {{fields: [{values}]}}
roles: {{support: [service]}}
purposes:
  service: {{says: We help you., basis: contract, needs: [keys, contact, place, history], keep: 2 years}}
  letter: {{says: We write to you., basis: consent, needs: [contact]}}
"""


def run(scale: Scale) -> list[Row]:
    count = min(CUSTOMERS, scale.bulk)
    with folder() as place:
        files = _write(place, count)
        keys = ", ".join(f"{name}.id, {name}.customer_id" for name in COLLECTIONS)
        values = ", ".join(f"{name}.{column}" for name in COLLECTIONS for column in ("at", "what", "amount"))
        with Workspace.create(place / "ws", "bench", subject=SUBJECT) as ws:
            (place / "ws" / "policy" / "bench.yaml").write_text(POLICY.format(keys=keys, values=values), "utf-8")
            register_source.load_files(ws, register_source.propose(files), actor="eng@bench.example")
            publish_policy(ws, actor="olga@bench.example", approver="paul@bench.example")
            return [*_measure(ws, place, count, scale)]


def _measure(ws: Workspace, place: Path, count: int, scale: Scale) -> list[Row]:
    import duckdb

    turns = max(scale.pairs * 5, 4)
    cases = [
        open_request(ws, "access", key=f"c-{(i * 7919) % count:06d}", level=Level.CHANNEL).case
        for i in range(turns + 9)
    ]
    wanted = iter(cases)
    con = duckdb.connect(str(place / "by-hand.duckdb"))
    for name in ("customer", *COLLECTIONS):
        con.execute(f"CREATE TABLE {name} AS SELECT * FROM read_csv('{place / name}.csv', header=true)")
        key = "id" if name == "customer" else "customer_id"
        con.execute(f"CREATE INDEX {name}_by ON {name} ({key})")
    last: dict[str, Any] = {}

    def ours() -> None:
        case = next(wanted)
        last["ours"] = assemble(ws, case, actor="self").tables
        last["key"] = last["ours"]["customer"][0]["id"]

    def by_hand() -> None:
        key = last.get("key", "c-000000")
        found = {"customer": con.execute("SELECT * FROM customer WHERE id = ?", [key]).fetchall()}
        for name in COLLECTIONS:
            found[name] = con.execute(f"SELECT * FROM {name} WHERE customer_id = ?", [key]).fetchall()
        last["hand"] = found

    ours()
    by_hand()
    _same(last)
    times = taking_turns(ours, by_hand, turns, warm_up=3)
    con.close()
    note = f"{count:,} customers, {len(COLLECTIONS) + 1} collections, {EACH} rows in each; on record when it returns"
    ratio = compared("access", "copy over 11 collections, warm", times, TARGET_RATIO, note)
    spent = [ours_s * 1e3 for ours_s, _ in times]
    took = Row(
        "access",
        "copy over 11 collections, warm, time",
        ratio.ours,
        ratio.base,
        statistics.median(spent),
        TARGET_MS,
        "ms",
        note="the same turns, as a time",
        spread=(min(spent), max(spent)),
    )
    return [ratio, took]


def _same(last: dict[str, Any]) -> None:
    """Both sides found the same rows; otherwise the figures compare nothing."""
    for name, rows in last["hand"].items():
        if len(rows) != len(last["ours"][name]):
            raise AssertionError(f"{name}: {len(last['ours'][name])} rows, by hand {len(rows)}")


def _write(place: Path, count: int) -> list[Path]:
    import duckdb

    with duckdb.connect() as con:
        con.execute(
            f"COPY (SELECT 'c-' || lpad(i::VARCHAR, 6, '0') AS id, 'Name' || i AS name, "
            "'person' || i || '@mail.example' AS email, 'DE' AS residence, "
            f"DATE '1950-01-01' + (hash(i) % 20000)::INTEGER AS birth_date FROM range({count}) t(i)) "
            f"TO '{place / 'customer.csv'}' (HEADER)"
        )
        for number, name in enumerate(COLLECTIONS):
            con.execute(
                f"COPY (SELECT '{name}-' || i AS id, 'c-' || lpad((hash(i, {number}) % {count})::VARCHAR, 6, '0') "
                f"AS customer_id, DATE '2024-01-01' + (hash(i) % 700)::INTEGER AS at, "
                f"'thing ' || (hash(i, 3) % 99) AS what, (hash(i, 4) % 10000) / 100.0 AS amount "
                f"FROM range({count * EACH}) t(i)) TO '{place / name}.csv' (HEADER)"
            )
    return [place / f"{name}.csv" for name in ("customer", *COLLECTIONS)]
