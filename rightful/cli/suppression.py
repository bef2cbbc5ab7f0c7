"""Further verbs of `rightful retention`: who was erased stays gone, in numbers; who came back; who is let in."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.retention import NOUN, app
from rightful.cli.verbs import CHECK_FAILED, OK, Cli, verb


@verb(
    app,
    NOUN,
    "gone",
    members={
        "persons": "how many people are held off",
        "forms": "{kind of form: how many hashes}",
        "newest": "list of {kind, hash: its first 8 digits, since, entry}",
        "came_back": "how many are in the store again and not decided about",
        "refusals_ahead": "opt-outs of addresses that nobody has yet",
        "entry": "the ledger entry of this look",
    },
)
def gone(
    cli: Cli, newest: Annotated[int, typer.Option(min=0, max=1000, help="How many of the newest to show.")] = 5
) -> int:
    """People who were erased and stay gone: in numbers, never by name. The look is recorded."""
    from rightful.actions.keep_gone import KINDS, look_at_list
    from rightful.ledger.record import instant

    with cli.open() as ws:
        found = look_at_list(ws, actor=cli.who, limit=newest)
    rows = [(kind, digits, instant(at), entry) for kind, digits, at, entry in found.newest]
    cli.answer(
        persons=found.persons,
        forms=dict(found.forms),
        newest=[{"kind": k, "hash": h, "since": at, "entry": entry} for k, h, at, entry in rows],
        came_back=found.back,
        refusals_ahead=found.refusals_ahead,
        entry=found.entry,
    )
    cli.table(
        ("kept as hashes of", "hash begins", "since (UTC)", "entry"),
        [(KINDS[kind], f"{digits}...", at[:16], entry) for kind, digits, at, entry in rows],
        right=(3,),
    )
    cli.say(f"{found.persons:,} people were erased and are left out of every import.")
    if found.refusals_ahead:
        cli.say(f"{found.refusals_ahead:,} refusals wait for somebody with their address.")
    if found.back:
        cli.say(f"{found.back:,} of them are in the store again: rightful retention returned", "yellow")
    return OK


@verb(app, NOUN, "returned", members={"returned": "list of {customer, since, entry}: restricted until decided about"})
def returned(cli: Cli) -> int:
    """Who was erased and is in the store again. Nothing is done with their data; the look is recorded."""
    from rightful.actions.keep_gone import who_came_back
    from rightful.ledger.record import instant

    with cli.open() as ws:
        found = who_came_back(ws, actor=cli.who)
    cli.answer(returned=[{"customer": b.key, "since": instant(b.since_us), "entry": b.entry} for b in found])
    cells = [(b.key, instant(b.since_us)[:16], b.entry) for b in found]
    cli.table(("customer", "came back (UTC)", "entry"), cells, right=(2,))
    if found:
        cli.say(
            "Erase them again (rightful person erase), or let in whoever came back of their own will "
            "(rightful retention let-in).",
            "yellow",
        )
    return CHECK_FAILED if found else OK


@verb(app, NOUN, "let-in", members={"persons": "how many people are held off no longer"})
def let_in(
    cli: Cli,
    identifier: Annotated[str, typer.Argument(help="What they gave now: an address, a number or a customer's key.")],
    evidence: Annotated[str, typer.Option(help="What shows that they came themselves: a consent, a contract.")] = "",
    region: Annotated[str, typer.Option(help="Country (ISO 3166) of a telephone number without one.")] = "",
) -> int:
    """Somebody who was erased came back of their own will: imports take them again from now on."""
    from rightful.actions.keep_gone import let_in as let

    with cli.open() as ws:
        persons = let(ws, identifier, actor=cli.who, evidence=evidence, region=region.upper())
    cli.answer(persons=persons)
    cli.say(f"{persons} let in, with evidence, on the record.", "green")
    return OK
