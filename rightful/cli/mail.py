"""`rightful mail`: letters leave, come back, and are counted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rightful.cli.verbs import CHECK_FAILED, OK, Cli, verb
from rightful.errors import BadInput

NOUN = "mail"
HELP = "Mails to customers, staff and recipients: send, see, note what came back."
app = typer.Typer()


@verb(
    app,
    NOUN,
    "send",
    members={"sent": "how many left", "later": "how many will be tried again", "failed": "how many will not"},
)
def send(
    cli: Cli,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 200,
) -> int:
    """Send what is due, once; for cron. `rightful serve` does this all the time. Exit code 4 if one failed."""
    try:
        from rightful.web import manage
    except ImportError:
        raise BadInput("mails need the web part", remedy="pip install 'rightful[web]'") from None
    with cli.open() as ws:
        manage.ready(ws, migrate=False)
        from rightful.web.mailing import deliver

        done = deliver(ws, limit=limit)
    cli.answer(sent=done.sent, later=done.later, failed=done.failed)
    cli.show(f"{done.sent} sent, {done.later} will be tried again, {done.failed} failed")
    return CHECK_FAILED if done.failed else OK


@verb(
    app,
    NOUN,
    "bounce",
    members={"letter": "its number, or null", "state": "its state now, or null", "status": "the status reported"},
)
def bounce(cli: Cli) -> int:
    """Read a delivery report (RFC 3464) from standard input; an address that is gone gets no more of the kind."""
    from rightful.mail.bounce import read_bounce

    found = read_bounce(sys.stdin.buffer.read())
    if found is None:
        cli.answer(letter=None, state=None, status="")
        cli.show("The report is about a delay, not a failure; nothing was changed")
        return OK
    with cli.open() as ws:
        line = ws.mail.bounced(found)
    if line is None:
        raise BadInput("this report is about no mail of ours")
    cli.answer(letter=line.id, state=line.state, status=found.status)
    cli.show(f"Letter {line.id} ({line.template}): {line.state}, {found.status}")
    return OK


@verb(
    app,
    NOUN,
    "list",
    members={
        "counts": "state -> letters",
        "letters": "list of {id, kind, template, language, state, attempts, status, made_at}",
    },
)
def list_(
    cli: Cli,
    state: Annotated[str, typer.Option(help="Only queued, sending, sent, failed or bounced ones.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
) -> int:
    """The newest letters; no addresses and no words."""
    from rightful.ledger.entry import instant
    from rightful.mail.queue import STATES

    if state and state not in STATES:
        raise BadInput(f"{state} is no state of a letter", remedy="Use one of " + ", ".join(STATES))
    with cli.open() as ws:
        counts, lines = ws.mail.counts(), ws.mail.lines(state=state, limit=limit)
    cli.answer(
        counts=counts,
        letters=[
            {
                "id": one.id,
                "kind": one.kind,
                "template": one.template,
                "language": one.language,
                "state": one.state,
                "attempts": one.attempts,
                "status": one.status,
                "made_at": instant(one.made_us),
            }
            for one in lines
        ],
    )
    rows = [(one.id, one.state, one.kind, one.template, one.attempts, one.status) for one in lines]
    cli.table(("letter", "state", "kind", "template", "attempts", "status"), rows, right=(0, 4))
    cli.say(", ".join(f"{number} {name}" for name, number in counts.items() if number) or "no letter yet")
    return OK
