"""`rightful staff`: who works here, in which role, and how they come in."""

from __future__ import annotations

import getpass
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb
from rightful.errors import BadInput, NotFound

if TYPE_CHECKING:
    from rightful.workspace import Workspace

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
    approver: Annotated[str, typer.Option(help="The officer who agrees to a further officer.")] = "",
) -> int:
    """List somebody in a role; a second one replaces it, in the console too. Nobody gives a role to themselves."""
    from rightful.actions.appoint_staff import appoint
    from rightful.web import accounts

    with cli.open() as ws:
        done = appoint(ws, person, role, actor=cli.operator, approver=approver)
        if _has_account(ws, person):
            accounts.give_role(ws, person, role)
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
    """Take somebody out: refused from the next use on, and signed out of the console for good."""
    from rightful.actions.appoint_staff import dismiss
    from rightful.web import accounts

    with cli.open() as ws:
        done = dismiss(ws, person, actor=cli.operator)
        if _has_account(ws, person):
            accounts.switch_off(ws, person)
    cli.answer(person=done.person, before=done.before, role=None, entry=done.entry)
    cli.show(f"{done.person} is no longer {done.before}; every use is refused from now on")
    return OK


@verb(app, NOUN, "account", members={"person": "work address", "role": "role of the account", "password": "has one"})
def account(
    cli: Cli,
    person: Annotated[str, typer.Argument(help="Work address of somebody who has a role.")],
    company_only: Annotated[
        bool, typer.Option("--company-only", help="No password: they come in by your identity provider alone.")
    ] = False,
) -> int:
    """Make somebody's account for the console, or give it a new password, read from the terminal or from stdin."""
    from rightful.actions.staff_sign_in import note_account, role_today
    from rightful.web import accounts

    with cli.open() as ws:
        role = role_today(ws, person)
        if not role:
            raise NotFound(f"{person} is not in the directory", remedy="`rightful staff add ADDRESS ROLE` lists them")
        password = None if company_only else _password()
        if accounts.staff_exists(ws, person):
            accounts.renew(ws, person, password)
            accounts.give_role(ws, person, role)
        else:
            accounts.create_staff(ws, person, password, role)
        note_account(ws, person, actor=cli.operator, password=not company_only)
    cli.answer(person=person, role=role, password=not company_only)
    cli.show(f"{person} can come in; who has no second factor yet sets it up at the next sign-in")
    return OK


LINKED = {"person": "work address", "entry": "ledger entry"}


@verb(app, NOUN, "link", members=LINKED)
def link(
    cli: Cli,
    person: Annotated[str, typer.Argument(help="Work address of somebody who has an account.")],
    subject: Annotated[str, typer.Argument(help="Their number at your identity provider: its `sub`.")],
    issuer: Annotated[str, typer.Option(help="The provider; the one in RIGHTFUL_OIDC_ISSUER if left out.")] = "",
) -> int:
    """Let somebody come in with their account at your identity provider."""
    from rightful.actions.staff_sign_in import bind

    with cli.open() as ws:
        entry = bind(ws, person, subject, actor=cli.operator, issuer=issuer)
    cli.answer(person=person, entry=entry)
    cli.show(f"{person} can come in with your identity provider")
    return OK


@verb(app, NOUN, "unlink", members=LINKED)
def unlink(cli: Cli, person: Annotated[str, typer.Argument(help="Work address.")]) -> int:
    """Take that away again; their sessions end."""
    from rightful.actions.staff_sign_in import unbind

    with cli.open() as ws:
        entry = unbind(ws, person, actor=cli.operator)
    cli.answer(person=person, entry=entry)
    cli.show(f"{person} is no longer linked to your identity provider")
    return OK


def _has_account(ws: Workspace, person: str) -> bool:
    """Whether there is one; where nobody ever served the pages, nothing of the web is loaded to find out."""
    from rightful.web import accounts

    return (ws.path / "state" / "web.sqlite").exists() and accounts.staff_exists(ws, person)


def _password() -> str:
    """Typed twice on a terminal; one line of stdin otherwise."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise BadInput("the two passwords differ")
    return first
