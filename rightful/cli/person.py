"""`rightful person`: one customer, as far as a purpose permits, and each use of their data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb

if TYPE_CHECKING:
    from rightful.actions.find_person import Place

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


@verb(
    app,
    NOUN,
    "find",
    members={
        "customer": "the key",
        "places": "list of {table, rows, why}: rows that are the customer's",
        "shared": "list of {table, rows, why}: rows that are somebody else's, too",
        "mentions": "list of {table, rows, why}: rows that only name the customer",
        "texts": "list of {field, rows, kinds}: other people's texts with an identifier in them",
        "attachments": "list of {field, rows}: bytes with an identifier in them",
        "identifiers": "{kind: how many}",
        "undecided": "list of {link, rows}: proposed links that would add rows",
        "doubles": "list of {customer, why, strong}: profiles that may be the same person",
        "unread": "what could not be looked through",
        "entry": "the ledger entry of the search",
    },
)
def find(
    cli: Cli,
    customer: Key,
    purpose: Why = "",
    also: Annotated[list[str] | None, typer.Option(help="A further key of the same person.")] = None,
) -> int:
    """Where a customer's data is, in every table of the store: how many rows, and why they count as theirs."""
    from rightful.actions.find_person import find_person

    with cli.open() as ws:
        found = find_person(ws, cli.actor if not purpose else cli.who, purpose, customer, also=also or ())

    def places(which: tuple[Place, ...]) -> list[dict[str, object]]:
        return [{"table": p.table, "rows": p.rows, "why": list(p.why)} for p in which]

    cli.answer(
        customer=customer,
        places=places(found.places),
        shared=places(found.shared),
        mentions=places(found.mentions),
        texts=[{"field": p.table, "rows": p.rows, "kinds": list(p.why)} for p in found.texts],
        attachments=[{"field": p.table, "rows": p.rows} for p in found.attachments],
        identifiers=found.identifiers,
        undecided=[{"link": link.id, "rows": rows} for link, rows in found.undecided],
        doubles=[{"customer": d.key, "why": d.why, "strong": d.strong} for d in found.doubles],
        unread=list(found.unread),
        entry=found.entry,
    )
    kinds = (
        ("theirs", found.places),
        ("shared", found.shared),
        ("names them", found.mentions),
        ("in a text", found.texts),
        ("in bytes", found.attachments),
    )
    rows = [(p.table, p.rows, kind, ", ".join(p.why)) for kind, which in kinds for p in which]
    cli.table(("where", "rows", "", "why"), rows, right=(1,))
    for link, count in found.undecided:
        cli.say(f"Not decided: {link.id} would add {count} rows (rightful link confirm or reject)", "yellow")
    for double in found.doubles:
        cli.say(f"Perhaps the same person: {double.key} has {double.why} (--also {double.key})", "yellow")
    for what in found.unread:
        cli.say(f"Not looked through: {what}", "yellow")
    cli.say(f"Looked for {purpose}; ledger entry {found.entry}. The customer sees this search.", "dim")
    return OK


@verb(
    app,
    NOUN,
    "export",
    members={"customer": "the key", "file": "what was written, or null", "tables": "table -> rows, without --file"},
)
def export(
    cli: Cli,
    customer: Key,
    purpose: Why = "",
    also: Annotated[list[str] | None, typer.Option(help="A further key of the same person.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-o", help="Write JSON here; only you may read it.")] = None,
) -> int:
    """Every row that is the customer's, from every table of the store. The export is on record."""
    from rightful.actions.find_person import export_person

    with cli.open() as ws:
        tables = export_person(ws, cli.actor if not purpose else cli.who, purpose, customer, also=also or ())
    if file is not None:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            json.dump({"customer": customer, "tables": tables}, out, indent=2, default=str, ensure_ascii=False)
    cli.answer(customer=customer, file=None if file is None else str(file), tables={} if file else tables)
    cli.table(("table", "rows"), [(name, len(rows)) for name, rows in tables.items()], right=(1,))
    cli.say(f"Exported for {purpose}. The customer sees this export.", "dim")
    return OK
