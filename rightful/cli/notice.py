"""`rightful notice`: what customers were told, and who was shown which version."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb
from rightful.errors import NotFound

NOUN = "notice"
HELP = "What customers are told; generated from the policy, versioned, never changed."
app = typer.Typer()


@verb(app, NOUN, "list", members={"notices": "list of {label, purposes, digest, newest}, oldest first"})
def list_(cli: Cli) -> int:
    """Every notice that was ever published."""
    from rightful.policy.models import digest_of_terms

    with cli.open() as ws:
        notices, newest = ws.shelf.notices(), ws.shelf.newest_notice()
    listed = [
        {"label": label, "purposes": len(terms), "digest": digest_of_terms(terms), "newest": label == newest}
        for label, terms in notices.items()
    ]
    cli.answer(notices=listed)
    rows = [(x["label"], x["purposes"], str(x["digest"])[:16], "in use" if x["newest"] else "") for x in listed]
    cli.table(("notice", "purposes", "digest", ""), rows, right=(1,))
    return OK


@verb(
    app,
    NOUN,
    "show",
    members={"label": "the notice", "terms": "purpose -> {says, categories, recipients, channels, basis}"},
)
def show(cli: Cli, label: Annotated[str, typer.Argument(help="A label; else the newest.")] = "") -> int:
    """What one notice says, purpose by purpose."""
    with cli.open() as ws:
        notices = ws.shelf.notices()
        label = label or ws.shelf.newest_notice()
    if label not in notices:
        raise NotFound(f"there is no notice {label or 'yet'}", remedy="`rightful notice list` shows them")
    terms = notices[label]
    cli.answer(label=label, terms=terms)
    for purpose, entry in terms.items():
        cli.show(f"{purpose}: {entry.get('says', '')}", "bold")
        bases = ", ".join(dict.fromkeys((entry.get("basis") or {}).values()))
        for words, value in (
            ("because of", bases),
            ("uses", ", ".join(entry.get("categories", ()))),
            ("reaches you by", ", ".join(entry.get("channels", ()))),
            ("goes to", ", ".join(entry.get("recipients", ())) or "nobody else"),
        ):
            if value:
                cli.show(f"  {words:<16}{value}")
    return OK


@verb(app, NOUN, "serve", members={"entry": "ledger entry", "at": "instant", "effect": "what follows, in one sentence"})
def serve(
    cli: Cli,
    customer: Annotated[str, typer.Argument(help="The customer's key.")],
    label: Annotated[str, typer.Argument(help="A label; else the newest.")] = "",
) -> int:
    """Note that a customer was shown a notice."""
    from rightful.actions.record_choice import serve_notice

    with cli.open() as ws:
        if label and label not in ws.shelf.notices():
            raise NotFound(f"there is no notice {label}", remedy="`rightful notice list` shows them")
        done = serve_notice(ws, customer, label or None, actor=cli.operator)
    cli.answer(entry=done.index, at=done.at, effect=done.effect)
    cli.show(done.effect)
    return OK
