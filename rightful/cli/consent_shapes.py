"""`rightful consent import-shape` and `lists`: exports of Mailchimp, HubSpot and Salesforce."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.consent import NOUN, app
from rightful.cli.verbs import OK, PARTLY, Cli, verb
from rightful.errors import BadInput

if TYPE_CHECKING:
    from rightful.consent.shapes import Target

File = Annotated[Path, typer.Argument(help="The export, as CSV.", exists=True, dir_okay=False)]
Shape = Annotated[str, typer.Option("--shape", "-s", help="Whose export: mailchimp, hubspot or salesforce.")]


@verb(
    app,
    NOUN,
    "lists",
    members={"kind": "which of the system's exports it is", "lists": "list -> {yes, no}: rows"},
)
def lists(cli: Cli, file: File, shape: Shape) -> int:
    """Show which lists an export holds: what a mapping has to name. Changes nothing."""
    from rightful.actions.import_shape import propose_lists

    found = propose_lists(file, shape)
    cli.answer(kind=found.kind, lists={name: {"yes": yes, "no": no} for name, (yes, no) in found.lists.items()})
    cli.table(("list", "yes", "no"), [(name, yes, no) for name, (yes, no) in found.lists.items()], right=(1, 2))
    if found.lists:
        cli.say(f"{found.kind}. Map each list: --map '{next(iter(found.lists))}=PURPOSE/CHANNEL'")
    else:
        cli.say(f"{found.kind}: no choice in it that a mapping could bring in.")
    return OK


@verb(
    app,
    NOUN,
    "import-shape",
    members={
        "rows": "rows in the file",
        "counts": "kind of event -> rows",
        "claims": "a yes without proof: kept, permits nothing",
        "rejected": "reason -> rows",
        "accepted": "events taken",
        "repeats": "events that were known",
        "rejected_file": "line, reason and row of each, or null",
        "dry_run": "true: nothing was written",
    },
)
def import_shape(
    cli: Cli,
    file: File,
    shape: Shape,
    map_: Annotated[list[str] | None, typer.Option("--map", "-m", help="LIST=PURPOSE/CHANNEL.")] = None,
    match: Annotated[
        str, typer.Option(help="Column of the customer table the file names people by; `key`; else the e-mail column.")
    ] = "",
    notice: Annotated[str, typer.Option(help="The notice those people were shown; without it no yes is proved.")] = "",
    zone: Annotated[str, typer.Option(help="Time zone of times without one; else they are rejected.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, write nothing.")] = False,
) -> int:
    """Take a consent list in from another system. A no always counts; a bare status is a claim."""
    from rightful.actions import import_shape as action

    mapping = dict(_mapped(text) for text in map_ or ())
    with cli.open() as ws, cli.progress("Importing") as progress:
        done = action.import_shape(
            ws,
            file,
            shape,
            mapping,
            actor=cli.operator,
            match=match,
            notice=notice,
            zone=zone,
            dry_run=dry_run,
            progress=progress,
        )
    cli.answer(
        rows=done.rows,
        counts=dict(done.counts),
        claims=done.claims,
        rejected=dict(done.rejected),
        accepted=done.accepted,
        repeats=done.repeats,
        rejected_file=None if done.rejects is None else str(done.rejects),
        dry_run=dry_run,
    )
    would = "would be " if dry_run else ""
    rows: list[tuple[int, str]] = [(count, f"{would}taken: {kind}") for kind, count in sorted(done.counts.items())]
    rows.append((done.claims, "of them a yes without proof: permits nothing"))
    rows.append((done.repeats, "known already"))
    rows += [(count, f"rejected: {why}") for why, count in sorted(done.rejected.items())]
    cli.table(("rows", ""), [row for row in rows if row[0]], right=(0,))
    if done.rejects is not None:
        cli.say(f"Line and reason of each rejected row: {done.rejects}")
    return PARTLY if done.rejected else OK


def _mapped(text: str) -> tuple[str, Target]:
    from rightful.consent.shapes import Target

    name, equals, target = text.rpartition("=")
    purpose, _, channel = target.partition("/")
    if not equals or not purpose:
        raise BadInput(f"{text} maps nothing", remedy="Write --map 'LIST=PURPOSE/CHANNEL'")
    return name, Target(purpose, channel)
