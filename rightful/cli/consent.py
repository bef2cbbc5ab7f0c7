"""`rightful consent`: what customers said, recorded, taken back, looked at, moved between systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import OK, PARTLY, Cli, verb

if TYPE_CHECKING:
    from rightful.actions.record_choice import Recorded

NOUN = "consent"
HELP = "What customers said about the use of their data."
app = typer.Typer()
RECORDED = {"entry": "ledger entry", "at": "instant", "effect": "what follows, in one sentence"}

Key = Annotated[str, typer.Argument(metavar="CUSTOMER", help="The customer's key.")]
ForPurpose = Annotated[str, typer.Argument(metavar="PURPOSE", help="What was asked.")]
Method = Annotated[str, typer.Option(help="How it was said: form, agent, portal, double-opt-in ...")]


@verb(app, NOUN, "record", members=RECORDED)
def record(
    cli: Cli,
    customer: Key,
    purpose: ForPurpose,
    channel: Annotated[str, typer.Option("--channel", "-c", help="The channel agreed to.")] = "",
    evidence: Annotated[str, typer.Option(help="Reference to the proof: form record, recording, message.")] = "",
    method: Method = "agent",
    notice: Annotated[str, typer.Option(help="Label of the notice that was shown; else the newest.")] = "",
    language: Annotated[str, typer.Option(help="Language of the notice.")] = "en",
    guardian: Annotated[bool, typer.Option("--guardian", help="Said by a holder of parental responsibility.")] = False,
) -> int:
    """Record a yes, with its proof and the notice that was shown."""
    from rightful.actions.give_consent import give_consent

    with cli.open() as ws:
        done = give_consent(
            ws,
            customer,
            purpose,
            channel,
            notice=notice or None,
            method=method,
            evidence=evidence,
            language=language,
            guardian=guardian,
            actor=cli.operator,
        )
    return _told(cli, done)


@verb(app, NOUN, "withdraw", members=RECORDED)
def withdraw(
    cli: Cli,
    customer: Key,
    purpose: ForPurpose,
    channel: Annotated[str, typer.Option("--channel", "-c", help="One channel; else all.")] = "*",
    method: Method = "agent",
) -> int:
    """Record a no. It counts on the very next read."""
    from rightful.actions.withdraw_consent import withdraw_consent

    with cli.open() as ws:
        done = withdraw_consent(ws, customer, purpose, channel, method=method, actor=cli.operator)
    return _told(cli, done)


@verb(app, NOUN, "object", members=RECORDED)
def object_(
    cli: Cli,
    customer: Key,
    purpose: Annotated[str, typer.Argument(help="A purpose; else all direct marketing.")] = "direct-marketing",
    method: Method = "agent",
) -> int:
    """Record an objection: to one purpose, or to all direct marketing."""
    from rightful.actions.withdraw_consent import object_to

    with cli.open() as ws:
        done = object_to(ws, customer, purpose, method=method, actor=cli.operator)
    return _told(cli, done)


@verb(
    app,
    NOUN,
    "show",
    members={
        "customer": "the key",
        "choices": "list of {purpose, channel, state, since, until, why}",
        "events": "list of {at, kind, purpose, channel, notice, method, evidence}, newest first",
        "ledger_entry": "where this look is on record",
    },
)
def show(
    cli: Cli,
    customer: Key,
    purpose: Annotated[str, typer.Option("--purpose", "-p", help="Why you look; it is on record.")] = "",
    events: Annotated[bool, typer.Option("--events", help="Every event behind it.")] = False,
) -> int:
    """Where one customer stands on every purpose, and since when."""
    from rightful.actions.view_customer import look_at_consents

    with cli.open() as ws:
        found = look_at_consents(ws, cli.actor if not purpose else cli.who, purpose, customer)
    choices = [
        {
            "purpose": p.id,
            "channel": c.channel or None,
            "state": c.state,
            "since": c.since,
            "until": c.until,
            "why": str(c.why),
        }
        for p in found.overview.purposes
        for c in p.channels
    ]
    cli.answer(
        customer=customer,
        choices=choices,
        events=[
            {
                "at": e.at,
                "kind": e.kind,
                "purpose": e.purpose or None,
                "channel": e.channel or None,
                "notice": e.notice or None,
                "method": e.method,
                "evidence": e.evidence or None,
            }
            for e in found.events
        ],
        ledger_entry=found.decision.entry,
    )
    if events:
        rows = [(e.at, e.kind, e.purpose, e.channel, e.notice, e.method, e.evidence) for e in found.events]
        cli.table(("when", "what", "purpose", "channel", "notice", "how", "evidence"), rows)
    else:
        rows2 = [(x["purpose"], x["channel"], x["state"], x["why"]) for x in choices]
        cli.table(("purpose", "channel", "state", "why"), rows2)
    return OK


@verb(
    app,
    NOUN,
    "import",
    members={
        "rows": "rows in the file",
        "accepted": "events taken",
        "repeats": "rows that said what was known",
        "rejected": "reason -> rows",
        "unproven": "claims without proof: kept, permit nothing",
        "future": "events that claimed to lie ahead: counted from now",
        "rejected_file": "line, reason and row of each, or null",
    },
)
def import_(
    cli: Cli,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet; columns: docs/reference/consent-file.md.")],
    zone: Annotated[str, typer.Option(help="Time zone of times without one; else they are rejected.")] = "",
) -> int:
    """Take a consent history from another system into the record. Nothing is guessed."""
    from rightful.actions.register_source import import_consents

    with cli.open() as ws, cli.progress("Importing") as progress:
        done = import_consents(ws, file, actor=cli.operator, zone=zone, progress=progress)
    refused = sum(done.rejected.values())
    cli.answer(
        rows=done.rows,
        accepted=done.accepted,
        repeats=done.repeats,
        rejected=dict(done.rejected),
        unproven=done.unproven,
        future=done.future,
        rejected_file=None if done.rejects is None else str(done.rejects),
    )
    if done.segment is None and not refused:
        cli.show("This file is on record already; nothing was changed.")
        return OK
    rows = [(done.accepted, "events taken"), (done.repeats, "repeats of known events")]
    rows += [(count, f"rejected: {why}") for why, count in done.rejected.items()]
    rows.append((done.unproven, "taken as a claim without proof: permits nothing"))
    cli.table(("rows", ""), [row for row in rows if row[0]], right=(0,))
    if done.rejects is not None:
        cli.say(f"Line and reason of each rejected row: {done.rejects}")
    return PARTLY if refused else OK


@verb(
    app,
    NOUN,
    "export",
    members={
        "file": "the file written",
        "rows": "events",
        "customers": "customers they are about",
        "withheld": "customers whose events stayed here",
        "entry": "ledger entry",
    },
)
def export(
    cli: Cli,
    file: Annotated[Path, typer.Argument(help="The file to write: .csv or .parquet.")],
    purpose: Annotated[str, typer.Option("--purpose", "-p", help="What for; it is on record.")] = "",
) -> int:
    """Write the consent record to a file that another system, or another workspace, can read."""
    from rightful.actions.export_consents import export_consents

    with cli.open() as ws:
        done = export_consents(ws, cli.actor if not purpose else cli.who, purpose, file)
    cli.answer(file=str(file), rows=done.rows, customers=done.customers, withheld=done.withheld, entry=done.entry)
    cli.show(str(file))
    cli.say(f"{done.rows:,} events of {done.customers:,} customers; {done.withheld:,} customers withheld")
    return OK


def _told(cli: Cli, done: Recorded) -> int:
    cli.answer(entry=done.index, at=done.at, effect=done.effect)
    cli.show(done.effect)
    cli.say(f"Ledger entry {done.index}, {done.at:%a %Y-%m-%d %H:%M:%S} UTC", "dim")
    return OK


# Further verbs of this noun, in files of their own; they need what stands above.
from rightful.cli import (  # noqa: E402
    consent_asking,  # noqa: F401
    consent_guardians,  # noqa: F401
    consent_proof,  # noqa: F401
    consent_shapes,  # noqa: F401
    consent_signals,  # noqa: F401
)
