"""The command line: `rightful <noun> <verb>`.

This file only puts the parts together. The verbs live in the file named for their
noun; what they share is in `verbs.py`.
"""

from __future__ import annotations

import typer

from rightful.cli import (
    backup,
    consent,
    gate,
    hold,
    law,
    ledger,
    link,
    mail,
    notice,
    person,
    policy,
    requests,
    retention,
    share,
    source,
    staff,
    system,
    token,
    webhook,
    workspace,
)
from rightful.cli import consent_links as _consent_links  # noqa: F401
from rightful.cli import erasure as _erasure  # noqa: F401 - further verbs of `person`
from rightful.cli import lineage as _lineage  # noqa: F401 - further verbs of `source`
from rightful.cli import retention_reports as _retention_reports  # noqa: F401 - further verbs of `retention`
from rightful.cli import suppression as _suppression  # noqa: F401 - further verbs of `retention`

app = typer.Typer(
    name="rightful",
    help="Use the customer data in your CRM only the way you rightfully may.\n\n"
    "Start with `rightful demo`: it makes a workspace with real CRM data and shows what happens to it.",
    epilog="Data goes to stdout, talk to stderr; --json prints one JSON object. Exit codes: 0 ok, 1 unexpected, "
    "2 usage, 3 denied by the gate, 4 check failed, 5 partly done, 6 not found, 7 deadline missed.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version and stop.", is_eager=True),
) -> None:
    if version:
        from rightful import __version__

        typer.echo(f"rightful {__version__}")
        raise typer.Exit


PANELS = {
    "Rules": (policy, notice, staff, token),
    "Customer data": (source, link, gate, person, consent, share),
    "Requests": (requests,),
    "Retention": (retention, hold, backup),
    "Mail": (mail,),
    "Law": (law,),
    "Other systems": (system, webhook),
    "Proof": (ledger,),
}

workspace.add_to(app, panel="Start here")
for panel, parts in PANELS.items():
    for part in parts:
        app.add_typer(part.app, name=part.NOUN, help=part.HELP, no_args_is_help=True, rich_help_panel=panel)
