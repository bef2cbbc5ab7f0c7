"""`rightful consent signal` and `decode`: strings of the advertising industry (TCF, GPP)."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from rightful.cli.consent import NOUN, Key, app
from rightful.cli.verbs import OK, PARTLY, Cli, verb

String = Annotated[str, typer.Argument(metavar="STRING", help="A TC string (TCF v2) or a GPP string.")]


@verb(
    app,
    NOUN,
    "signal",
    members={
        "effects": "list of {means, purpose, channel, notice, why}",
        "entries": "ledger entries written",
        "known": "events that were on record already",
    },
)
def signal(cli: Cli, customer: Key, string: String) -> int:
    """Take in what a consent string says about a customer. A no counts, a yes has to be provable."""
    from rightful.actions.take_signal import take_signal

    with cli.open() as ws:
        taken = take_signal(ws, customer, string, actor=cli.operator)
    cli.answer(
        effects=[dataclasses.asdict(effect) for effect in taken.effects],
        entries=list(taken.entries),
        known=taken.known,
    )
    rows = [(e.means.value, e.purpose or "sale and sharing", e.channel, e.why) for e in taken.effects]
    cli.table(("says", "to", "channel", "so it permits nothing, because"), rows)
    if not taken.effects:
        cli.say("Nothing in it is mapped to a purpose (signals.json), and nothing in it is an opt-out.")
    return PARTLY if any(e.means.value == "claimed" for e in taken.effects) else OK


@verb(
    app,
    NOUN,
    "decode",
    members={
        "sections": "numbers of its sections",
        "tcf": "the TC string's fields, or null",
        "us": "section -> fields",
    },
)
def decode(cli: Cli, string: String) -> int:
    """Show what stands in a consent string. Needs no workspace and changes nothing."""
    from rightful.actions.take_signal import read_signal

    found = read_signal(string)
    tcf = None
    if found.tcf is not None:
        tcf = {
            name: sorted(value) if isinstance(value, frozenset) else value
            for name, value in dataclasses.asdict(found.tcf).items()
        }
        tcf["restrictions"] = [[p, kind, sorted(vendors)] for p, kind, vendors in found.tcf.restrictions]
    us = {name: dict(fields) for name, fields in found.us.items()} | ({"uspv1": found.usp} if found.usp else {})
    cli.answer(sections=list(found.sections), tcf=tcf, us=us)
    rows = [(f"tcf.{name}", value) for name, value in (tcf or {}).items() if value not in (None, [], "")]
    rows += [
        (f"{name}.{field}", value)
        for name, fields in us.items()
        for field, value in (fields.items() if isinstance(fields, dict) else [("string", fields)])
    ]
    cli.table(("field", "value"), [(name, str(value)) for name, value in rows])
    return OK
