"""`rightful link`: how tables hang together, so that a person's data is found wherever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb

if TYPE_CHECKING:
    from rightful.gate.links import Decided

NOUN = "link"
HELP = "How tables hang together: which columns name a customer's rows."
app = typer.Typer()
MEMBERS = {"links": "list of {link, kind, role, confidence, state, evidence}"}

Names = Annotated[
    list[str] | None, typer.Argument(metavar="LINK...", help="Names of links, as `link list` shows them.")
]
Role = Annotated[str, typer.Option(help="belongs, shared, mentions or reference; else the one proposed.")]
Sure = Annotated[bool, typer.Option("--sure", help="Every proposal with a confidence of 0.9 or more.")]


@verb(app, NOUN, "scan", members=MEMBERS)
def scan(cli: Cli) -> int:
    """Look through the whole store: foreign keys, and links that names and values speak for."""
    from rightful.actions.find_person import scan_links

    with cli.open() as ws:
        _show(cli, scan_links(ws, actor=cli.operator))
    cli.say("Next: rightful link confirm --sure, then decide about the rest one by one.", "dim")
    return OK


@verb(app, NOUN, "list", members=MEMBERS)
def list_(
    cli: Cli, state: Annotated[str, typer.Option(help="Only those: proposed, confirmed or rejected.")] = ""
) -> int:
    """The links that are known, and what was decided about each."""
    with cli.open() as ws:
        _show(cli, [d for d in ws.link_book.all() if not state or d.state == state])
    return OK


@verb(app, NOUN, "confirm", members=MEMBERS)
def confirm(cli: Cli, links: Names = None, role: Role = "", sure: Sure = False) -> int:
    """Follow these links from now on, when a person is looked for or erased."""
    from rightful.actions.find_person import decide_links

    with cli.open() as ws:
        _show(cli, decide_links(ws, links or [], state="confirmed", actor=cli.operator, role=role, sure=sure))
    return OK


@verb(app, NOUN, "reject", members=MEMBERS)
def reject(cli: Cli, links: Names = None) -> int:
    """These columns name no customer: do not ask again."""
    from rightful.actions.find_person import decide_links

    with cli.open() as ws:
        _show(cli, decide_links(ws, links or [], state="rejected", actor=cli.operator))
    return OK


def _show(cli: Cli, links: list[Decided] | tuple[Decided, ...]) -> None:
    cli.answer(
        links=[
            {
                "link": d.link.id,
                "kind": d.link.kind,
                "role": d.link.role,
                "confidence": d.link.confidence,
                "state": d.state,
                "evidence": d.link.evidence,
            }
            for d in links
        ]
    )
    cells = [(d.link.id, d.link.role, d.state, f"{d.link.confidence:.2f}", d.link.evidence) for d in links]
    cli.table(("link", "role", "state", "sure", "why"), cells, right=(3,))
