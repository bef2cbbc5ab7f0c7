"""`rightful retention`: what nobody may keep any longer, shown before it goes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rightful.cli.verbs import CHECK_FAILED, OK, Cli, verb

NOUN = "retention"
HELP = "Storage periods: what is due, what keeps the rest, and disposing of it."
app = typer.Typer()


@verb(
    app,
    NOUN,
    "plan",
    members={
        "day": "the day it is about",
        "policy": "version in force",
        "due": "list of {table, columns, rows, held, because}; no columns is the whole row",
        "kept": "list of {table, columns, purpose, why, period}: what cannot end by itself",
        "unneeded": "list of fields that no purpose needs",
        "holds": "list of ids of the holds in force",
    },
)
def plan(cli: Cli, day: Annotated[str, typer.Option(help="Another day than today: 2026-12-31.")] = "") -> int:
    """What is due, in numbers, and why the rest stays. Nothing is touched."""
    from rightful.actions.dispose_expired import check_day, plan_disposal

    with cli.open() as ws:
        found = plan_disposal(ws, day=check_day(day) if day else None)
    cli.answer(
        day=found.day.isoformat(),
        policy=found.policy,
        due=[
            {
                "table": d.table,
                "columns": list(d.columns),
                "rows": d.rows,
                "held": d.held,
                "because": list(d.because),
            }
            for d in found.due
        ],
        kept=[
            {"table": k.table, "columns": list(k.columns), "purpose": k.purpose, "why": k.why, "period": k.words}
            for k in found.kept
        ],
        unneeded=[f"{table}.{column}" for table, column in found.unneeded],
        holds=[hold.id for hold in found.holds],
    )
    what = [
        (d.table, "row" if d.deletes else ", ".join(d.columns), f"{d.rows:,}", f"{d.held:,}", "; ".join(d.because))
        for d in found.due
    ]
    cli.table(("table", "goes", "rows", "held", "because it has run out"), what, right=(2, 3))
    if not found.due:
        cli.say(f"Nothing is due on {found.day}.", "green")
    stays = [(k.table, ", ".join(k.columns) or "its rows", k.purpose, k.words, k.why) for k in found.kept]
    if stays:
        cli.say("What cannot end by itself:")
        cli.table(("table", "what", "purpose", "period", "why it stays"), stays)
    return OK


@verb(
    app,
    NOUN,
    "run",
    members={
        "dry_run": "true if nothing was done",
        "rows": "rows that are due, in a dry run",
        "run": "the disposal",
        "status": "complete or incomplete",
        "deleted": "{table: rows}",
        "emptied": "{table: rows in which something was emptied}",
        "left": "{table: rows that are still there although they are due}",
        "limits": "what could not be reached",
        "entry": "index in the ledger",
    },
)
def run(
    cli: Cli,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this, only what would happen is shown.")] = False,
) -> int:
    """Dispose of what is due today. A dry run first; with --yes it is done, and cannot be undone."""
    from rightful.actions.dispose_expired import plan_disposal, run_disposal

    nothing: dict[str, Any] = {
        "run": None,
        "status": None,
        "deleted": {},
        "emptied": {},
        "left": {},
        "limits": [],
        "entry": None,
    }
    with cli.open() as ws:
        if not yes:
            rows = plan_disposal(ws).rows
            cli.answer(dry_run=True, rows=rows, **nothing)
            cli.say(f"{rows:,} rows or parts of rows are due (`rightful retention plan`). Nothing was done.")
            cli.say("Add --yes to do it; it cannot be undone.", "yellow")
            return OK
        with cli.progress("disposing") as step:
            done = run_disposal(ws, actor=cli.who, progress=step)
    cli.answer(
        dry_run=False,
        rows=None,
        run=done.run,
        status=done.status,
        deleted=done.deleted,
        emptied=done.emptied,
        left=done.left,
        limits=list(done.limits),
        entry=done.entry,
    )
    tables = sorted({*done.deleted, *done.emptied, *done.left})
    cells = [
        (t, f"{done.deleted.get(t, 0):,}", f"{done.emptied.get(t, 0):,}", f"{done.left.get(t, 0):,}") for t in tables
    ]
    cli.table(("table", "deleted", "emptied", "left"), cells, right=(1, 2, 3))
    for limit in done.limits:
        cli.say(limit, "yellow")
    cli.say(f"Disposal {done.run}: {done.status}, ledger entry {done.entry}.")
    return OK if done.status == "complete" else CHECK_FAILED


@verb(app, NOUN, "forecast", members={"forecast": "list of {day, what, rows}: what falls due by then"})
def forecast(cli: Cli, months: Annotated[int, typer.Option(min=1, max=120, help="How far to look ahead.")] = 12) -> int:
    """What falls due by the first of each of the coming months, if nobody does anything."""
    from rightful.actions.dispose_expired import forecast as look_ahead

    with cli.open() as ws:
        found = look_ahead(ws, months=months)
    cli.answer(forecast=[{"day": day.isoformat(), "what": what, "rows": rows} for day, what, rows in found])
    cli.table(("by", "what", "rows"), [(day, what, f"{rows:,}") for day, what, rows in found], right=(2,))
    return OK


@verb(app, NOUN, "list", members={"runs": "list of {run, status, began, deleted, emptied, entry}, newest first"})
def listed(cli: Cli) -> int:
    """The disposals so far."""
    from rightful.ledger.record import instant

    with cli.open() as ws:
        runs = ws.disposals.all()
    cli.answer(
        runs=[
            {
                "run": r.id,
                "status": r.status,
                "began": instant(r.began_us),
                "deleted": r.outcome.get("deleted", {}),
                "emptied": r.outcome.get("emptied", {}),
                "entry": r.entry,
            }
            for r in runs
        ]
    )
    cells = [(r.id, r.status, instant(r.began_us)[:16], "" if r.entry is None else r.entry) for r in runs]
    cli.table(("disposal", "status", "began (UTC)", "entry"), cells, right=(3,))
    return OK
