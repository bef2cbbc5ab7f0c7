"""`rightful person`: one customer, as far as a purpose permits, and each use of their data."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb

NOUN = "person"
HELP = "One customer: what a purpose lets you see, and each use of their data."
app = typer.Typer()

Key = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's key.")]
Why = Annotated[str, typer.Option("--purpose", "-p", help="Why you look; the customer sees it.")]


@verb(
    app,
    NOUN,
    "show",
    members={
        "customer": "the key",
        "tables": "table -> list of rows, permitted fields only",
        "decision": "the decision it rests on; it is on record",
    },
)
def show(cli: Cli, customer: Key, purpose: Why = "") -> int:
    """The fields of one customer that a purpose lets you see. The look is on record."""
    from rightful.actions.view_customer import look_at_customer

    with cli.open() as ws:
        found = look_at_customer(ws, cli.actor if not purpose else cli.who, purpose, customer)
    cli.answer(customer=customer, tables=found.tables, decision=found.decision.as_dict())
    for name, rows in found.tables.items():
        cli.show(f"{name} ({len(rows)})", "bold")
        if len(rows) == 1:
            width = max(map(len, rows[0]))
            for field, value in rows[0].items():
                cli.show(f"  {field:<{width}}  {'' if value is None else value}")
        elif rows:
            cells = [["" if v is None else str(v) for v in row.values()] for row in rows]
            cli.table(list(rows[0]), cells)
    cli.say(f"Seen for {purpose}; ledger entry {found.decision.entry}. The customer sees this look.", "dim")
    return OK


@verb(
    app,
    NOUN,
    "uses",
    members={
        "customer": "the key",
        "uses": "list of {entry, at, what, purpose, role, recipient, outcome}, newest first",
    },
)
def uses(
    cli: Cli,
    customer: Key,
    purpose: Why = "",
    limit: Annotated[int, typer.Option("-n", help="How many.", min=1)] = 50,
) -> int:
    """Each time the data of one customer was used, counted or refused."""
    from rightful.actions.view_customer import look_at_uses

    with cli.open() as ws:
        found = look_at_uses(ws, cli.actor if not purpose else cli.who, purpose, customer, limit=limit)
    cli.answer(
        customer=customer,
        uses=[
            {
                "entry": u.index,
                "at": u.at,
                "what": u.what,
                "purpose": u.purpose or None,
                "role": u.role or None,
                "recipient": u.recipient,
                "outcome": u.outcome,
            }
            for u in found
        ],
    )
    cli.table(("entry", "when (UTC)", "", "what"), [(str(u.index), u.at, u.outcome, u.what) for u in found], right=(0,))
    return OK
