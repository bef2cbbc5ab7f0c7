"""`rightful consent receipt` and `controller`: a consent as a record others can read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rightful.cli.consent import NOUN, ForPurpose, Key, app
from rightful.cli.verbs import OK, Cli, verb


@verb(
    app,
    NOUN,
    "receipt",
    members={
        "receipt": "the receipt, as JSON-LD (docs/reference/consent-receipt.md)",
        "entry": "ledger entry in which the receipt stands",
        "file": "the zip written, or null",
        "look": "ledger entry of this look",
    },
)
def receipt(
    cli: Cli,
    customer: Key,
    of: ForPurpose,
    channel: Annotated[str, typer.Option("--channel", "-c", help="The channel, if the purpose has any.")] = "",
    purpose: Annotated[str, typer.Option("--purpose", "-p", help="Why you look; it is on record.")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the zip with the proof here.")] = None,
) -> int:
    """The receipt of one choice (ISO/IEC TS 27560), with its proof."""
    from rightful.actions.consent_receipt import receipt_of
    from rightful.actions.view_customer import may_look

    with cli.open() as ws:
        look = may_look(ws, cli.actor if not purpose else cli.who, purpose, customer)
        issued = receipt_of(ws, customer, of, channel, actor=cli.who)
    if out is not None:
        out.write_bytes(issued.zip)
        cli.say(f"{out}: the receipt with its proof, ledger entry {issued.entry}")
    cli.answer(receipt=issued.receipt, entry=issued.entry, file=None if out is None else str(out), look=look.entry)
    if out is None:
        cli.show(issued.text.decode().rstrip())
    return OK


@verb(
    app,
    NOUN,
    "controller",
    members={"controller": "what is kept of the organisation: id, address, contact, stored-in"},
)
def controller(
    cli: Cli,
    id_: Annotated[str, typer.Option("--id", help="Its number in a register.")] = "",
    address: Annotated[str, typer.Option(help="Its postal address.")] = "",
    contact: Annotated[str, typer.Option(help="Whom customers write to; else who answers for the policy.")] = "",
    stored_in: Annotated[str, typer.Option(help="Where customer data lies, in words.")] = "",
) -> int:
    """Say, or look at, what receipts tell of the organisation beyond the policy."""
    from rightful.actions.consent_receipt import describe_controller

    given = {"id": id_, "address": address, "contact": contact, "stored-in": stored_in}
    with cli.open() as ws:
        kept = describe_controller(ws, {name: value for name, value in given.items() if value})
    cli.answer(controller=kept)
    cli.table(("", ""), list(kept.items()))
    if not kept:
        cli.say("Nothing yet: receipts name the policy's own name and whoever answers for it.")
    return OK
