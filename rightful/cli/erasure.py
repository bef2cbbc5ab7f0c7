"""`rightful person erase` and its siblings: the dry run, the run, and how each one ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rightful.cli.person import NOUN, Key, Why, app
from rightful.cli.retention import CERTIFIED, File, Pdf, hand_out
from rightful.cli.verbs import CHECK_FAILED, OK, PARTLY, Cli, verb
from rightful.errors import NotFound

if TYPE_CHECKING:
    from rightful.actions.erase_customer import ErasurePlan, Outcome
    from rightful.actions.erase_elsewhere import Outcome as Elsewhere
    from rightful.actions.erase_elsewhere import Planned
    from rightful.gate.erasure_plan import Residue

CODES = {"complete": OK, "partly": PARTLY, "incomplete": CHECK_FAILED}
STYLES = {"complete": "green", "partly": "yellow", "incomplete": "red"}
OUTCOME = {
    "run": "the erasure",
    "status": "complete, partly (a law or a hold keeps something) or incomplete",
    "deleted": "{table: rows}",
    "changed": "{table: rows in which something was emptied}",
    "kept": "list of {table, rows, columns, why, article, until, kind}",
    "spared": "{table: rows that are somebody else's, too}",
    "residues": "list of {table, column, rows, why}: what is left",
    "collateral": "list of {table, column, rows, why}: what is gone and should not be",
    "review": "list of {table, column, rows, why}: for a person to look at",
    "limits": "what could not be reached",
    "recipients": "how many recipients are told",
    "checked": "{tables, text_columns, links} that were looked at afterwards",
    "certificate": "the ledger entry that says all of this",
}

Also = Annotated[list[str] | None, typer.Option(help="A further key of the same person.")]
Apart = Annotated[list[str] | None, typer.Option(help="A key that looks like the same person and is not.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it. Without this, only what would happen is shown.")]


@verb(
    app,
    NOUN,
    "erase",
    members={
        "customer": "the key",
        "dry_run": "true if nothing was done",
        "plan": "{deletes, changes, kept, spared, unresolved, review, undecided, doubles}, in a dry run",
        "outcome": "how it ended, as `person erasure` shows it",
    },
)
def erase(cli: Cli, customer: Key, purpose: Why = "", also: Also = None, apart: Apart = None, yes: Yes = False) -> int:
    """Erase a customer everywhere. A dry run first; with --yes it is done, and cannot be undone."""
    from rightful.actions.erase_customer import erase_customer, plan_erasure
    from rightful.actions.view_customer import may_look

    with cli.open() as ws:
        actor = cli.actor if not purpose else cli.who
        if not yes:
            may_look(ws, actor, purpose, customer)
            plan = plan_erasure(ws, customer, also=also or ())
            cli.answer(customer=customer, dry_run=True, plan=_planned(plan), outcome=None)
            _show_plan(cli, plan)
            cli.say("Nothing was done. Add --yes to do it; it cannot be undone.", "yellow")
            return OK
        with cli.progress("erasing") as step:
            outcome = erase_customer(
                ws, customer, actor=actor, purpose=purpose, also=also or (), apart=apart or (), at=_steps(step)
            )
    cli.answer(customer=customer, dry_run=False, plan=None, outcome=_ended(outcome))
    _show(cli, outcome)
    return CODES[outcome.status]


@verb(
    app,
    NOUN,
    "erasures",
    members={"erasures": "list of {run, status, step, began, certificate}, newest first"},
)
def erasures(cli: Cli, resume: Annotated[bool, typer.Option(help="Go on with what was interrupted.")] = False) -> int:
    """Every erasure, and how it ended; --resume goes on with those that a crash has interrupted."""
    from rightful.actions.erase_customer import resume_erasures
    from rightful.ledger.record import instant

    with cli.open() as ws:
        if resume:
            for outcome in resume_erasures(ws):
                cli.say(f"{outcome.run}: {outcome.status}")
        runs = ws.erasures.all()
    cli.answer(
        erasures=[
            {"run": r.id, "status": r.status, "step": r.step, "began": instant(r.began_us), "certificate": r.entry}
            for r in runs
        ]
    )
    cells = [(r.id, r.status, r.step, instant(r.began_us)[:16], "" if r.entry is None else r.entry) for r in runs]
    cli.table(("erasure", "status", "step", "began (UTC)", "certificate"), cells, right=(4,))
    return OK


@verb(app, NOUN, "erasure", members=OUTCOME)
def erasure(
    cli: Cli,
    run: Annotated[str, typer.Argument(metavar="ERASURE")],
    again: Annotated[bool, typer.Option("--again", help="Take it up again: what was left has been mended.")] = False,
) -> int:
    """How one erasure ended: what went, what stays and why, what is left."""
    from rightful.actions.erase_customer import erasure_status, retry_erasure

    with cli.open() as ws:
        outcome = retry_erasure(ws, run) if again else erasure_status(ws, run)
    cli.answer(**_ended(outcome))
    _show(cli, outcome)
    return CODES[outcome.status]


@verb(app, NOUN, "certificate", members=CERTIFIED)
def certificate(
    cli: Cli,
    run: Annotated[str, typer.Argument(metavar="ERASURE")],
    file: File = None,
    pdf: Pdf = None,
) -> int:
    """The certificate of an erasure: what went, what stays and why. Nothing in it says whose it was."""
    if not run.startswith("e-"):
        raise NotFound(f"there is no erasure {run}", remedy="`rightful person erasures` lists them")
    return hand_out(cli, run, file, pdf)


def _steps(step: Any) -> Any:
    names = ("stopped", "suppressed", "told", "stored", "rewritten", "consents", "forgotten", "worked-out", "closed")

    def at(name: str) -> None:
        when, _, which = name.partition(" ")
        if when == "before":
            step(which, names.index(which) / len(names))

    return at


def _planned(plan: ErasurePlan) -> dict[str, Any]:
    return {
        "deletes": dict(plan.deletes),
        "changes": dict(plan.changes),
        "kept": [asdict(k) for k in plan.kept],
        "spared": dict(plan.spared),
        "unresolved": [asdict(r) for r in plan.unresolved],
        "review": [asdict(r) for r in plan.review],
        "undecided": [{"link": link, "rows": rows} for link, rows in plan.undecided],
        "doubles": [{"customer": d.key, "why": d.why, "strong": d.strong} for d in plan.doubles],
    }


def _ended(outcome: Outcome) -> dict[str, Any]:
    members = asdict(outcome)
    return {**members, "kept": list(members["kept"]), "limits": list(outcome.limits)}


def _show_plan(cli: Cli, plan: ErasurePlan) -> None:
    show_planned(cli, plan)
    for link, rows in plan.undecided:
        cli.say(f"Not decided: {link} would add {rows} rows (rightful link confirm or reject)", "yellow")
    for double in plan.doubles:
        cli.say(f"Perhaps the same person: {double.key} has {double.why} (--also or --apart)", "yellow")


def _show(cli: Cli, outcome: Outcome) -> None:
    show_ended(cli, outcome)
    looked = outcome.checked
    cli.say(
        f"{outcome.status}: looked again at {looked['tables']} tables, {looked['text_columns']} text columns and "
        f"{looked['links']} links; {outcome.recipients} recipients are told; certificate: ledger entry "
        f"{outcome.certificate}",
        STYLES[outcome.status],
    )


def show_planned(cli: Cli, plan: ErasurePlan | Planned) -> None:
    """What an erasure would do, wherever the customer's rows are."""
    _counts(cli, plan.deletes, plan.changes, plan.spared)
    for kept in plan.kept:
        _kept(cli, asdict(kept))
    _list(cli, "Will be left", plan.unresolved, "red")
    _list(cli, "For a person to look at", plan.review, "yellow")


def show_ended(cli: Cli, outcome: Outcome | Elsewhere) -> None:
    """What an erasure did and what it left, wherever the customer's rows were."""
    _counts(cli, outcome.deleted, outcome.changed, outcome.spared)
    for kept in outcome.kept:
        _kept(cli, asdict(kept))
    _list(cli, "Still there", outcome.residues, "red")
    _list(cli, "Gone, and should not be", outcome.collateral, "red")
    _list(cli, "For a person to look at", outcome.review, "yellow")
    for limit in outcome.limits:
        cli.say(f"Out of reach: {limit}", "yellow")


def _counts(cli: Cli, deletes: Mapping[str, int], changes: Mapping[str, int], spared: Mapping[str, int]) -> None:
    tables = sorted({*deletes, *changes, *spared})
    rows = [(t, deletes.get(t, ""), changes.get(t, ""), spared.get(t, "")) for t in tables]
    cli.table(("table", "deleted", "emptied", "shared, spared"), rows, right=(1, 2, 3))


def _kept(cli: Cli, kept: Mapping[str, Any]) -> None:
    if kept["kind"] == "structure":
        cli.say(f"An empty row stays in {kept['table']} ({kept['rows']}): {kept['why']}", "dim")
        return
    until = f", {kept['until']}" if kept["until"] else ""
    fields = ", ".join(kept["columns"]) or "all fields"
    cli.say(f"Kept in {kept['table']} ({kept['rows']} rows): {fields}. {kept['why']}{until} ({kept['article']})")


def _list(cli: Cli, heading: str, places: tuple[Residue, ...], style: str) -> None:
    for place in places:
        where = f"{place.table}.{place.column}".strip(".") if place.table else place.column
        cli.say(f"{heading}: {where} ({place.rows}): {place.why}", style)
