"""`rightful token`: which programs may ask the REST API, for whom, until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb

NOUN = "token"
HELP = "Which programs may ask the REST API."
app = typer.Typer()


@verb(
    app,
    NOUN,
    "add",
    members={
        "token": "its id",
        "secret": "what the program sends; shown this once",
        "holder": "who it acts for",
        "scopes": "what it is for",
        "until": "instant it ends",
        "entry": "ledger entry",
    },
)
def add(
    cli: Cli,
    holder: Annotated[str, typer.Argument(help="Work address of the member of staff it acts for.")],
    name: Annotated[str, typer.Argument(help="The program that will use it.")],
    scope: Annotated[list[str], typer.Option("--scope", "-s", help="What it is for; `token scopes` lists them.")],
    days: Annotated[int, typer.Option(help="How long it lives.")] = 90,
) -> int:
    """Make a token. Its secret is shown once and kept nowhere."""
    from rightful.actions.issue_token import issue_token

    with cli.open() as ws:
        done = issue_token(ws, holder, name, tuple(scope), days=days, actor=cli.operator)
    token = done.token
    until = _instant(token.until_us)
    cli.answer(
        token=token.id, secret=done.secret, holder=holder, scopes=list(token.scopes), until=until, entry=token.entry
    )
    cli.show(done.secret)
    cli.say(f"{token.id} acts for {holder} until {until:%A, %-d %B %Y}. Keep the line above; it is not shown again.")
    return OK


@verb(
    app,
    NOUN,
    "list",
    members={"tokens": "list of {token, name, holder, scopes, made, until, last_used, state}"},
    rich_help_panel=None,
)
def list_(cli: Cli) -> int:
    """All tokens ever made, with their state."""
    with cli.open() as ws:
        everything, now = ws.tokens.everything(), ws.clock()
    rows = [
        {
            "token": t.id,
            "name": t.name,
            "holder": t.actor,
            "scopes": list(t.scopes),
            "made": _instant(t.made_us),
            "until": _instant(t.until_us),
            "last_used": None if t.used_us is None else _instant(t.used_us),
            "state": "revoked" if t.revoked_us is not None else "live" if t.is_live(now) else "ended",
        }
        for t in everything
    ]
    cli.answer(tokens=rows)
    shown = [(r["token"], r["state"], r["name"], r["holder"], r["until"], r["last_used"]) for r in rows]
    cli.table(("token", "state", "name", "acts for", "until", "last used"), shown)
    return OK


@verb(app, NOUN, "revoke", members={"token": "its id", "entry": "ledger entry"})
def revoke(cli: Cli, token: Annotated[str, typer.Argument(help="Its id.")]) -> int:
    """End a token at once."""
    from rightful.actions.issue_token import revoke_token

    with cli.open() as ws:
        entry = revoke_token(ws, token, actor=cli.operator)
    cli.answer(token=token, entry=entry)
    cli.show(f"{token} opens nothing any more")
    return OK


@verb(app, NOUN, "scopes", members={"scopes": "scope -> what it is for"})
def scopes(cli: Cli) -> int:
    """What a token can be for."""
    from rightful.ownership.tokens import SCOPES

    cli.answer(scopes=dict(SCOPES))
    cli.table(("scope", "what for"), list(SCOPES.items()))
    return OK


def _instant(at_us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at_us)
