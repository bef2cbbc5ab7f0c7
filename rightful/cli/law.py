"""`rightful law`: the laws' terms, and when something is due."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb
from rightful.errors import BadInput

if TYPE_CHECKING:
    from rightful.compliance.rules import Pause

NOUN = "law"
HELP = "The laws' terms, and when something is due, with the reasons."
app = typer.Typer()


@verb(
    app,
    NOUN,
    "list",
    members={
        "laws": "list of {law, name, instrument, where, clocks: [{clock, title, covers, article, count, unit, "
        "extension, since, until, status}]}",
    },
)
def list_laws(
    cli: Cli,
    law: Annotated[str, typer.Argument(help="Only this one, by its id; else all.")] = "",
) -> int:
    """The laws here and their terms, each with its article and how sure it is."""
    from rightful.compliance.laws import every_law

    known = every_law()
    if law and law not in known:
        raise BadInput(f"there is no law {law}", remedy="One of: " + ", ".join(known))
    chosen = [known[law]] if law else list(known.values())
    cli.answer(
        laws=[
            {
                "law": one.id,
                "name": one.name,
                "instrument": one.instrument,
                "where": list(one.where),
                "clocks": [
                    {
                        "clock": c.id,
                        "title": c.title,
                        "covers": list(c.covers),
                        "article": c.article,
                        "count": c.count,
                        "unit": c.unit,
                        "extension": None if c.extension is None else c.extension.count,
                        "since": c.since,
                        "until": c.until,
                        "status": c.status,
                    }
                    for c in one.clocks
                ],
            }
            for one in chosen
        ]
    )
    rows = [
        (c.id, c.title, f"{c.count} {c.unit.replace('-', ' ')}s", f"+{c.extension.count}" if c.extension else "",
         c.article, c.status)
        for one in chosen for c in one.clocks
    ]  # fmt: skip
    cli.table(("clock", "what", "term", "more", "written in", "status"), rows)
    return OK


@verb(
    app,
    NOUN,
    "due",
    members={
        "clock": "id of the clock",
        "due": "the last day, or the instant for a clock in hours",
        "safe_due": "the earliest date of any reading of the law; aim at this one",
        "notice_due": "last day to tell the person that more time is needed, or null",
        "reasoning": "how the date was counted, step by step",
        "why_safe": "why the safe date is earlier, or what it guards against",
        "article": "where it is written",
        "inputs": "what went into it",
    },
)
def due(
    cli: Cli,
    clock: Annotated[str, typer.Argument(help="Id of a clock: gdpr/answer.")],
    received: Annotated[str, typer.Argument(help="Day or instant of receipt: 2026-03-05 or 2026-03-06T16:40+01:00.")],
    place: Annotated[
        str, typer.Option("--calendar", help="Whose holidays: IE, DE-BE. Else those of the workspace.")
    ] = "",
    zone: Annotated[str, typer.Option("--zone", help="Time zone of the organisation; else the workspace's.")] = "",
    extended: Annotated[bool, typer.Option("--extended", help="With the extension the law grants.")] = False,
    waited: Annotated[
        list[str] | None,
        typer.Option("--waited", help="Time waited for: identity:2026-03-02:2026-03-12 (or clarification, fee)."),
    ] = None,
) -> int:
    """When something is due, counted by one clock, with every step of the count."""
    from rightful.actions.law_due import due_by_clock

    pauses = [_pause(text) for text in waited or ()]
    when = _instant(received)
    with cli.open_if_there() as ws:
        known, found = due_by_clock(ws, clock, when, zone=zone, place=place or None, extended=extended, pauses=pauses)
    cli.answer(
        clock=found.clock,
        due=found.at or found.due,
        safe_due=found.safe_at or found.safe,
        notice_due=found.notice_due,
        reasoning=found.reasoning,
        why_safe=known.cautious_note,
        article=found.article,
        inputs=dict(found.inputs),
    )
    cli.show(f"{(found.at or found.due).isoformat()}  ({(found.at or found.due):%A})", "bold")
    if found.safe != found.due or found.safe_at != found.at:
        cli.show(f"{(found.safe_at or found.safe).isoformat()}  aim at this: {known.cautious_note}")
    cli.item(found.reasoning)
    cli.say(found.article, "dim")
    return OK


def _instant(text: str) -> datetime | date:
    try:
        return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"{text} is no day and no instant", remedy="Write 2026-03-05 or 2026-03-06T16:40+01:00"
        ) from None


def _pause(text: str) -> Pause:
    from rightful.compliance.rules import Pause

    what, _, span = text.partition(":")
    began, _, ended = span.partition(":")
    try:
        return Pause(what, date.fromisoformat(began), date.fromisoformat(ended))
    except ValueError:
        raise BadInput(f"{text} is no time waited for", remedy="identity:2026-03-02:2026-03-12") from None
