"""`rightful hold`: data that has to stay although its time is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rightful.cli.verbs import OK, Cli, verb

if TYPE_CHECKING:
    from rightful.retention.rules import Hold

NOUN = "hold"
HELP = "Legal holds: data stays although its time is over. They permit no use."
app = typer.Typer()
MEMBERS = {
    "hold": "its id",
    "reason": "what it is for",
    "tables": "list; empty is every table",
    "customers": "how many; null is everybody",
    "since": "instant",
    "until": "instant of the release, or null",
    "entry": "index in the ledger",
}


@verb(app, NOUN, "add", members=MEMBERS)
def add(
    cli: Cli,
    reason: Annotated[str, typer.Argument(help="The case or order it is for; everybody who audits may read it.")],
    table: Annotated[list[str] | None, typer.Option(help="A table it is about; else all.")] = None,
    customer: Annotated[list[str] | None, typer.Option(help="A customer it is about, by key; else all.")] = None,
) -> int:
    """Keep data from now on, whatever is due or asked for."""
    from rightful.actions.hold_data import add_hold

    with cli.open() as ws:
        hold = add_hold(ws, reason, actor=cli.who, tables=table or (), customers=customer)
    cli.answer(**_members(hold))
    cli.say(f"Hold {hold.id} is in force: {_about(hold)}. It permits no use.", "green")
    return OK


@verb(app, NOUN, "list", members={"holds": "list of {" + ", ".join(MEMBERS) + "}, newest first"})
def listed(cli: Cli, ended: Annotated[bool, typer.Option("--ended", help="Released ones, too.")] = False) -> int:
    """The holds in force, with what they are about."""
    with cli.open() as ws:
        holds = ws.holds.all() if ended else ws.holds.in_force(ws.clock())
    cli.answer(holds=[_members(hold) for hold in holds])
    cells = [
        (h.id, h.reason, _about(h), _day(h.since_us), "" if h.until_us is None else _day(h.until_us)) for h in holds
    ]
    cli.table(("hold", "reason", "about", "since (UTC)", "released"), cells)
    return OK


@verb(
    app,
    NOUN,
    "release",
    members={**MEMBERS, "erasures": "list of {run, status}: erasures that waited for it and were taken up again"},
)
def release(
    cli: Cli,
    hold: Annotated[str, typer.Argument(metavar="HOLD")],
    why: Annotated[str, typer.Option(help="Why it ends; everybody who audits may read it.")] = "",
) -> int:
    """End a hold. Erasures that waited for it go on at once; what is due goes with the next disposal."""
    from rightful.actions.hold_data import release_hold, take_up_erasures

    with cli.open() as ws:
        released = release_hold(ws, hold, actor=cli.who, why=why)
        outcomes = take_up_erasures(ws)
    cli.answer(**_members(released), erasures=[{"run": o.run, "status": o.status} for o in outcomes])
    cli.say(f"Hold {released.id} is released.", "green")
    for outcome in outcomes:
        cli.say(f"Erasure {outcome.run} was taken up again: {outcome.status}")
    return OK


def _members(hold: Hold) -> dict[str, Any]:
    from rightful.ledger.record import instant

    return {
        "hold": hold.id,
        "reason": hold.reason,
        "tables": list(hold.tables),
        "customers": None if hold.customers is None else len(hold.customers),
        "since": instant(hold.since_us),
        "until": None if hold.until_us is None else instant(hold.until_us),
        "entry": hold.entry,
    }


def _about(hold: Hold) -> str:
    who = "everybody" if hold.customers is None else f"{len(hold.customers)} customer(s)"
    return f"{who}, {', '.join(hold.tables) or 'every table'}"


def _day(us: int | None) -> str:
    from rightful.ledger.record import instant

    return "" if us is None else instant(us)[:10]
