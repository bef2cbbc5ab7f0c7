"""`rightful retention`: what nobody may keep any longer, shown before it goes."""

from __future__ import annotations

from pathlib import Path
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
        "kept": "list of {table, columns, purpose, why, period, law}: what cannot end by itself",
        "by_law": "list of {table, columns, rows, purpose, law, until}: kept only because a law obliges to",
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
            {
                "table": k.table,
                "columns": list(k.columns),
                "purpose": k.purpose,
                "why": k.why,
                "period": k.words,
                "law": k.law,
            }
            for k in found.kept
        ],
        by_law=[
            {
                "table": k.table,
                "columns": list(k.columns),
                "rows": k.rows,
                "purpose": k.purpose,
                "law": k.law,
                "until": k.until,
            }
            for k in found.by_law
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
    if found.by_law:
        cli.say("What only a law keeps:")
        kept = [(k.table, ", ".join(k.columns), f"{k.rows:,}", f"{k.purpose}: {k.law}", k.until) for k in found.by_law]
        cli.table(("table", "what", "rows", "law", "period"), kept, right=(2,))
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
        "kept": "list of {table, rows, columns, why, article, until, kind}: due and kept by a hold, or kept by a law",
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
        "kept": [],
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
        kept=list(done.kept),
        limits=list(done.limits),
        entry=done.entry,
    )
    tables = sorted({*done.deleted, *done.emptied, *done.left})
    cells = [
        (t, f"{done.deleted.get(t, 0):,}", f"{done.emptied.get(t, 0):,}", f"{done.left.get(t, 0):,}") for t in tables
    ]
    cli.table(("table", "deleted", "emptied", "left"), cells, right=(1, 2, 3))
    for kept in done.kept:
        cli.say(f"Kept in {kept['table']} ({kept['rows']:,} rows): {kept['why']}, until {kept['until']}")
    for limit in done.limits:
        cli.say(limit, "yellow")
    cli.say(f"Disposal {done.run}: {done.status}, ledger entry {done.entry}.")
    cli.say(f"Its certificate: `rightful retention certify {done.run} --file certificate.zip`")
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


CERTIFIED = {
    "run": "the disposal or erasure",
    "kind": "disposal or erasure",
    "status": "complete, partly (a law or a hold keeps something) or incomplete",
    "abstract": "the certificate's first line",
    "entry": "ledger entry that names the certificate",
    "sha256": "of certificate.json",
    "file": "where the zip with the proof was written, or null",
    "pdf": "where the page was written as PDF, or null",
}
File = Annotated[Path | None, typer.Option("--file", help="Write the certificate with its proof, as a zip.")]
Pdf = Annotated[Path | None, typer.Option("--pdf", help="Write the page as PDF, to print.")]


@verb(app, NOUN, "certify", members=CERTIFIED)
def certify(
    cli: Cli,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A disposal (d-...) or an erasure (e-...).")],
    file: File = None,
    pdf: Pdf = None,
) -> int:
    """The certificate of a disposal or an erasure: issued once, proved by the ledger, checkable offline."""
    return hand_out(cli, run, file, pdf)


def hand_out(cli: Cli, run: str, file: Path | None, pdf: Path | None) -> int:
    """Issue a certificate, write its files, and say what it says."""
    from rightful.actions.certify_disposal import certify, proof_of

    with cli.open() as ws:
        made = certify(ws, run)
        printed = made.pdf() if pdf else b""
        proof = proof_of(ws, made) if file else b""
    for place, content in ((file, proof), (pdf, printed)):
        if place is not None:
            place.write_bytes(content)
    cli.answer(
        run=made.run,
        kind=made.kind,
        status=made.status,
        abstract=made.document["abstract"],
        entry=made.entry,
        sha256=made.digest,
        file=None if file is None else str(file),
        pdf=None if pdf is None else str(pdf),
    )
    cli.show(made.document["abstract"])
    for k in made.document["kept"]:
        until = f", until {k['until']}" if k["until"] else ""
        cli.say(f"Kept in {k['table']} ({k['rows']:,} rows): {k['why']}{until} ({k['article']})")
    cli.say(f"Ledger entry {made.entry}; SHA-256 of certificate.json: {made.digest}")
    return OK


@verb(
    app,
    NOUN,
    "tidy",
    members={"questions": "closed questions removed", "files": "lists of rejected rows removed", "entry": "or null"},
)
def tidy(cli: Cli) -> int:
    """Remove what Rightful itself needs no longer: questions long closed, old lists of rejected rows."""
    from rightful.actions.remove_leftovers import QUESTIONS_DAYS, REJECTS_DAYS, remove_leftovers

    with cli.open() as ws:
        done = remove_leftovers(ws)
    cli.answer(questions=done.questions, files=done.files, entry=done.entry)
    cli.show(
        f"{done.questions:,} questions closed for {QUESTIONS_DAYS} days and {done.files:,} lists of rejected rows "
        f"older than {REJECTS_DAYS} days removed"
    )
    return OK
