"""`rightful retention unneeded` and `anonymity`: what need not be held, and who stands out in what is left."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from rightful.cli.retention import NOUN, app
from rightful.cli.verbs import OK, Cli, verb


@verb(
    app,
    NOUN,
    "unneeded",
    members={
        "since": "first day of the period",
        "recorded_since": "first day of which anything is on record",
        "policy": "version in force",
        "fields": "list of {field, verdict, says, proposed, purposes, last_read, filled}; verdict is no-purpose, "
        "unread, too-early, only-asked or read; filled is rows with a value, where it is proposed to be dropped",
    },
)
def unneeded(
    cli: Cli,
    months: Annotated[int, typer.Option(min=1, max=600, help="Unread for so long counts as unread.")] = 12,
    everything: Annotated[bool, typer.Option("--all", help="Fields that are read, too.")] = False,
) -> int:
    """Fields that no purpose needs, or that no recorded use has read: proposals to drop them. Nothing is touched."""
    from rightful.actions.find_unneeded import find_unneeded
    from rightful.ledger.record import instant
    from rightful.retention.minimising import SAYS

    with cli.open() as ws:
        found = find_unneeded(ws, months=months)
    shown = [f for f in found.findings if everything or f.verdict != "read"]
    cli.answer(
        since=found.since,
        recorded_since=found.recorded_since,
        policy=found.policy,
        fields=[
            {
                "field": f.field,
                "verdict": f.verdict,
                "says": SAYS[f.verdict],
                "proposed": f.proposed,
                "purposes": list(f.purposes),
                "last_read": None if f.last_read_us is None else instant(f.last_read_us),
                "filled": found.filled.get(f.field),
            }
            for f in shown
        ],
    )
    rows = [
        (f.field, "drop" if f.proposed else "", found.filled.get(f.field), ", ".join(f.purposes), SAYS[f.verdict])
        for f in shown
    ]
    cli.table(("field", "proposal", "rows with a value", "purposes", "why"), rows, right=(2,))
    cli.say(f"Uses since {found.since}; on record since {found.recorded_since}. Only uses through the gate are seen.")
    return OK


@verb(
    app,
    NOUN,
    "anonymity",
    members={
        "table": "the table",
        "by": "fields whose values together form a group",
        "emptied": "fields that are empty in the rows looked at",
        "k": "a group of fewer people is small",
        "groups": "{rows, nobodys, people, groups, smallest, under, groups_under}; under is people in small groups",
        "with_also_emptied": "{field: people in small groups if it were emptied, too}",
        "entry": "index in the ledger",
    },
)
def anonymity(
    cli: Cli,
    table: Annotated[str, typer.Argument(help="The customer table unless another is named.")] = "",
    by: Annotated[list[str] | None, typer.Option(help="A field to group by; else all that customers gave.")] = None,
    emptied: Annotated[list[str] | None, typer.Option(help="Look only at rows in which this field is empty.")] = None,
    k: Annotated[int, typer.Option(min=2, help="A group of fewer people is small.")] = 5,
) -> int:
    """How many people share the values of some fields. Only counts; no value of anybody is shown."""
    from rightful.actions.check_anonymity import check_anonymity

    with cli.open() as ws:
        found = check_anonymity(ws, actor=cli.operator, table=table, by=by or (), emptied=emptied or (), k=k)
    cli.answer(**asdict(found))
    g = found.groups
    cli.table(
        ("people", "groups", "smallest", f"people in groups under {k}", "such groups"),
        [(g.people, g.groups, g.smallest, g.under, g.groups_under)],
        right=(0, 1, 2, 3, 4),
    )
    cli.say(f"Grouped by {', '.join(found.by)} of {found.table}; ledger entry {found.entry}.")
    for name, left in sorted(found.with_also_emptied.items(), key=lambda item: (item[1], item[0])):
        cli.say(f"If {name} were emptied, too: {left:,} people in groups under {k}.")
    cli.say("That nobody is alone with these fields says nothing about other fields, or about what a group shares.")
    return OK
