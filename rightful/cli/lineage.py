"""`rightful source keep|lineage|note|drop`: what was made from customer data, and from what."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.source import NOUN, app
from rightful.cli.verbs import OK, Cli, verb

Purpose = Annotated[str, typer.Option("--purpose", "-p", help="What it is made for.")]


@verb(
    app,
    NOUN,
    "keep",
    members={
        "name": "the table",
        "rows": "how many were kept",
        "customers": "of how many customers",
        "left_out": "rows of customers who may not be used for this",
        "sources": "fields it was made from",
        "ledger_entry": "where it is recorded",
    },
)
def keep(
    cli: Cli,
    name: Annotated[str, typer.Argument(help="The table's name: small letters, digits, _.")],
    sql: Annotated[str, typer.Argument(help="One SELECT that gives the customer's key and what was made.")],
    purpose: Purpose = "",
    channel: Annotated[str, typer.Option("--channel", "-c", help="For purposes with channels.")] = "",
    key: Annotated[str, typer.Option(help="The column with the customer's key.")] = "id",
    kind: Annotated[str, typer.Option(help="score, segment or extract.")] = "score",
) -> int:
    """Keep what a SELECT makes from customer data, with its lineage: a later no reaches it."""
    from rightful.actions.keep_derived import keep_derived

    with cli.open() as ws:
        who = cli.actor if not purpose else cli.who
        kept = keep_derived(ws, who, purpose, name, sql, key=key, kind=kind, channel=channel)
    cli.answer(
        name=kept.name,
        rows=kept.rows,
        customers=kept.customers,
        left_out=kept.left_out,
        sources=list(kept.sources),
        ledger_entry=kept.entry,
    )
    cli.show(f"{name}: {kept.rows:,} rows of {kept.customers:,} customers, made from {', '.join(kept.sources)}")
    return OK


@verb(app, NOUN, "lineage", members={"derived": "list: name, kind, purpose, sources, columns, made_at, entry ..."})
def lineage(cli: Cli) -> int:
    """What was made from customer data, from which fields, for what, and under which entry."""
    from dataclasses import asdict

    from rightful.actions.keep_derived import lineage as every

    with cli.open() as ws:
        found = every(ws)
    cli.answer(derived=[asdict(one) for one in found])
    cli.table(
        ("Table", "What", "Purpose", "Made from", "When", "Entry", "Customers"),
        [
            (d.name, d.kind, d.purpose, ", ".join(d.sources), f"{d.made_at:%Y-%m-%d}", d.entry, f"{d.customers:,}")
            for d in found
        ],
        right=(5, 6),
    )
    if not found:
        cli.say("Nothing was kept. `rightful source keep` and `rights.keep(...)` keep something", "dim")
    return OK


@verb(app, NOUN, "note", members={"ledger_entry": "where it is recorded"})
def note(
    cli: Cli,
    entry: Annotated[int, typer.Argument(help="The ledger entry of the export or query that gave the rows.")],
    place: Annotated[str, typer.Argument(help="A name for where they lie now.")],
) -> int:
    """Note that rows are kept outside the store: whoever keeps them is told of later noes, and confirms."""
    from rightful.actions.keep_derived import note_outside

    with cli.open() as ws:
        written = note_outside(ws, cli.who, entry, place)
    cli.answer(ledger_entry=written)
    cli.show(f"{place} is told from now on (rightful share tell)")
    return OK


@verb(app, NOUN, "drop", members={"ledger_entry": "where it is recorded, or null"})
def drop(
    cli: Cli,
    name: Annotated[str, typer.Argument(help="A table that was kept.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
) -> int:
    """Take a derived table away as a whole."""
    from rightful.actions.keep_derived import drop_derived

    if not yes:
        cli.answer(ledger_entry=None)
        cli.show(f"{name} would be taken away; --yes does it")
        return OK
    with cli.open() as ws:
        entry = drop_derived(ws, cli.who, name)
    cli.answer(ledger_entry=entry)
    cli.show(f"{name} is gone")
    return OK
