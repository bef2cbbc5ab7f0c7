"""`rightful staff`: who works here, and in which role."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb

NOUN = "staff"
HELP = "Who works here, and in which role."
app = typer.Typer()
CHANGED = {
    "person": "work address",
    "before": "role before, or null",
    "role": "role now, or null",
    "entry": "ledger entry, or null if it was so already",
}


@verb(app, NOUN, "add", members=CHANGED)
def add(
    cli: Cli,
    person: Annotated[str, typer.Argument(help="Work address.")],
    role: Annotated[str, typer.Argument(help="A role of the policy in force.")],
) -> int:
    """List somebody in a role; a second role replaces the first."""
    from rightful.actions.appoint_staff import appoint

    with cli.open() as ws:
        done = appoint(ws, person, role, actor=cli.operator)
    cli.answer(person=done.person, before=done.before or None, role=done.role, entry=done.entry)
    was = f", was {done.before}" if done.before not in ("", done.role) else ""
    cli.show(f"{done.person} is {done.role}{was}")
    return OK


@verb(app, NOUN, "list", members={"staff": "list of {person, role}"}, rich_help_panel=None)
def list_(cli: Cli) -> int:
    """Everybody the gate knows."""
    from rightful.actions.appoint_staff import directory

    with cli.open() as ws:
        everybody = directory(ws)
    cli.answer(staff=[{"person": person, "role": role} for person, role in everybody])
    cli.table(("person", "role"), everybody)
    return OK


@verb(app, NOUN, "remove", members=CHANGED)
def remove(cli: Cli, person: Annotated[str, typer.Argument(help="Work address.")]) -> int:
    """Take somebody out: refused from the next use on."""
    from rightful.actions.appoint_staff import dismiss

    with cli.open() as ws:
        done = dismiss(ws, person, actor=cli.operator)
    cli.answer(person=done.person, before=done.before, role=None, entry=done.entry)
    cli.show(f"{done.person} is no longer {done.before}; every use is refused from now on")
    return OK
