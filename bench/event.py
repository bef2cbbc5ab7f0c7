"""What one consent event costs: the ledger at batch 256, and the whole path of one choice.

The first rows are `bench/ledger.py`: rates of plain inserts and of inserts with entry,
sealed evidence and tree, at the same durability. The last is what a customer's click costs:
`record_choice` from the checks to the acknowledged entry, against one plain durable insert.
"""

from __future__ import annotations

from bench import ledger
from bench.measure import Row, Scale, compared, taking_turns
from bench.world import embedded
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import withdraw_consent


def run(scale: Scale) -> list[Row]:
    small = scale.name == "small"
    found = ledger.run(
        rounds=scale.ledger_rounds,
        batches=2 if small else 16,
        subjects=500 if small else 20_000,
        history=1_000 if small else 100_000,
    )
    rows = []
    for name, words in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        if name in found:
            one = found[name]
            rows.append(
                Row(
                    "event",
                    f"consent event with ledger, batch 256, {words}: share of the plain insert rate",
                    one["ledger_per_second"],
                    one["plain_per_second"],
                    one["ratio"],
                    one["target"],
                    at_least=True,
                    rates=True,
                    note=f"{one['events']:,} events a side, on top of a history of 100,000; "
                    "plain: the driver's executemany; ours: the product's way, one statement for many rows",
                    spread=tuple(one["ratio_quartiles"]),
                )
            )
            rows.append(
                Row(
                    "event",
                    f"the same against plain rows written in the product's way, {words}",
                    one["ledger_per_second"],
                    one["wide_per_second"],
                    one["ratio_to_wide"],
                    None,
                    at_least=True,
                    rates=True,
                    note="how much of the ratio above is owed to the way of writing",
                    spread=tuple(one["wide_quartiles"]),
                )
            )
    rows.append(_one_choice(scale))
    return rows


def _one_choice(scale: Scale) -> Row:
    with embedded(min(scale.bulk, 100_000)) as ws:
        ws.control.migrate("bench", ["CREATE TABLE bench_choice (id INTEGER PRIMARY KEY, event TEXT NOT NULL)"])
        number = 0
        clicks = 0

        def base() -> None:
            nonlocal number
            number += 1
            with ws.control.write() as tx:
                tx.execute("INSERT INTO bench_choice VALUES (?, ?)", (number, "x" * 400))

        def ours() -> None:
            nonlocal clicks
            clicks += 1
            key = f"c-{clicks // 2:08d}"
            if clicks % 2:
                withdraw_consent(ws, key, "newsletter")
            else:
                give_consent(ws, key, "newsletter", "email", evidence="form-8")

        times = taking_turns(ours, base, scale.events, warm_up=2)
        note = "one at a time, one thread: find the customer, check, write event and entry, wait for the disk"
        return compared("event", "one choice by the whole path, against one plain durable insert", times, None, note)
