"""`rightful consent guardians` and `guardian-check`: parents and guardians who wait for a check."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.consent import NOUN, app
from rightful.cli.verbs import OK, Cli, verb
from rightful.errors import BadInput


@verb(app, NOUN, "guardians", members={"waiting": "list of {id, subject, since}, oldest first"})
def guardians(cli: Cli) -> int:
    """Relations that a member of staff has to check. Names nobody."""
    from rightful.actions.guardian import to_check

    with cli.open() as ws:
        waiting = to_check(ws)
    cli.answer(waiting=[{"id": one.id, "subject": one.subject, "since": one.since} for one in waiting])
    cli.table(("id", "child", "since"), [(one.id, one.subject, one.since) for one in waiting])
    if not waiting:
        cli.say("Nobody waits.")
    return OK


@verb(
    app,
    NOUN,
    "guardian-check",
    members={"state": "verified, rejected, or needs-staff where nothing was decided", "details": "who it is, or null"},
)
def guardian_check(
    cli: Cli,
    number: Annotated[int, typer.Argument(metavar="ID", help="From `consent guardians`.")],
    accept: Annotated[bool, typer.Option("--accept", help="The relation was checked.")] = False,
    refuse: Annotated[bool, typer.Option("--refuse", help="It could not be shown.")] = False,
    how: Annotated[str, typer.Option(help="How it was checked; it is sealed with the child's key.")] = "",
) -> int:
    """Look at one guardian, or decide with --accept or --refuse. Looking is recorded, and the child sees it."""
    from rightful.actions.guardian import decide_guardian, look_at_guardian

    if accept and refuse:
        raise BadInput("--accept and --refuse exclude each other")
    with cli.open() as ws:
        if not (accept or refuse):
            details = look_at_guardian(ws, number, actor=cli.who)
            cli.answer(state="needs-staff", details=details)
            cli.table(("", ""), list(details.items()))
            return OK
        state = decide_guardian(ws, number, actor=cli.who, accept=accept, how=how)
    cli.answer(state=state, details=None)
    cli.show("Accepted: a mail with a link is on its way." if accept else "Refused: nothing was switched on.")
    return OK
