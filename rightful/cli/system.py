"""`rightful system`: CRMs that are reached by their interface, and one customer in them."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rightful.cli.erasure import CODES, STYLES, show_ended, show_planned
from rightful.cli.link import MEMBERS as LINKS
from rightful.cli.link import Names, Role, Sure
from rightful.cli.link import _show as show_links
from rightful.cli.person import Key, Why
from rightful.cli.verbs import OK, PARTLY, Cli, verb
from rightful.errors import BadInput

if TYPE_CHECKING:
    from rightful.actions.erase_elsewhere import Outcome

NOUN = "system"
HELP = "CRMs reached by their interface: connect one, and find, correct or erase a customer there."
app = typer.Typer()

Name = Annotated[str, typer.Argument(metavar="SYSTEM", help="Its name here.")]
Record = Annotated[list[str] | None, typer.Option("--record", help="Which of its records is this customer.")]
OUTCOME = {
    "run": "the erasure",
    "system": "its name",
    "status": "complete, partly (a law keeps something) or incomplete",
    "people": "records of people that were the customer's",
    "deleted": "{kind: records}",
    "changed": "{kind: records in which something was emptied}",
    "kept": "list of {table, rows, columns, why, article, until, kind}",
    "spared": "{kind: records that are somebody else's, too}",
    "residues": "list of {table, column, rows, why}: what is left",
    "collateral": "list of {table, column, rows, why}: what is gone and should not be",
    "review": "list of {table, column, rows, why}: for a person to look at",
    "limits": "what was not looked through",
    "checked": "{kinds, text_fields, links} that were looked at afterwards",
    "certificate": "the ledger entry that says all of this",
}


class Product(StrEnum):
    """Which interface a system speaks."""

    TRYTON = "tryton"


@verb(
    app,
    NOUN,
    "add",
    members={
        "system": "its name",
        "says": "what it says it is",
        "kinds": "how many kinds of record it shows",
        "links": LINKS["links"],
        "unread": "kinds that this account may not read",
    },
)
def add(
    cli: Cli,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name for it: small letters, digits, dashes.")],
    url: Annotated[str, typer.Option(help="Its address, for Tryton with the database: https://HOST/DATABASE.")],
    user: Annotated[str, typer.Option(help="The account to use there.")],
    people: Annotated[str, typer.Option(help="Its kind of record with one record per person.")],
    match: Annotated[str, typer.Option(help="OUR_COLUMN=KIND.FIELD: the same value here and there.")],
    kind: Annotated[Product, typer.Option(help="Which interface it speaks.")] = Product.TRYTON,
    secret_env: Annotated[str, typer.Option(help="Environment variable with the account's secret.")] = "",
    secret_file: Annotated[str, typer.Option(help="File with the account's secret.")] = "",
    carries: Annotated[
        list[str] | None, typer.Option(help="OUR_COLUMN=KIND.FIELD that a correction is carried to.")
    ] = None,
    keeps: Annotated[list[str] | None, typer.Option(help="KIND=REASON: a law keeps such records.")] = None,
    inside: Annotated[bool, typer.Option("--inside", help="The address is not public, and that is meant.")] = False,
) -> int:
    """Connect a system. It is called once, to see what it is; its secret is never written down."""
    from rightful.actions.connect_system import connect
    from rightful.gate.systems import System

    system = System(
        name, kind.value, url, user, people, _pair(match), dict(map(_pair, carries or [])),
        dict(map(_pair, keeps or [])), secret_env, secret_file, inside,
    )  # fmt: skip
    with cli.open() as ws:
        made = connect(ws, system, actor=cli.operator)
    waiting = [d for d in made.links if d.state == "proposed"]
    cli.answer(
        system=name, says=made.says, kinds=made.kinds, unread=list(made.unread),
        links=[{"link": d.link.id, "kind": d.link.kind, "role": d.link.role, "confidence": d.link.confidence,
                "state": d.state, "evidence": d.link.evidence} for d in made.links],
    )  # fmt: skip
    cli.show(f"{name} is {made.says}: {made.kinds} kinds of record, {len(made.links)} links between them")
    for what in made.unread:
        cli.say(f"Not looked through: {what}", "yellow")
    cli.say(f"Next: {len(waiting)} links wait for your decision (rightful system links {name})", "dim")
    return OK


@verb(app, NOUN, "list", members={"systems": "list of {system, kind, url, user, people, match, inside}"})
def list_(cli: Cli) -> int:
    """The systems that are connected, and where the secret of each is kept."""
    from rightful.actions.connect_system import connected

    with cli.open() as ws:
        found = list(connected(ws).values())
    cli.answer(
        systems=[
            {"system": s.name, "kind": s.kind, "url": s.url, "user": s.user, "people": s.people,
             "match": "=".join(s.match), "inside": s.inside}
            for s in found
        ]
    )  # fmt: skip
    rows = [(s.name, s.kind, s.url, s.user, s.people, "=".join(s.match), s.secret_env or s.secret_file) for s in found]
    cli.table(("system", "kind", "address", "account", "people", "match", "secret in"), rows)
    return OK


@verb(app, NOUN, "remove", members={"system": "its name", "entry": "the ledger entry"})
def remove(cli: Cli, name: Name) -> int:
    """Reach a system no more."""
    from rightful.actions.connect_system import disconnect

    with cli.open() as ws:
        entry = disconnect(ws, name, actor=cli.operator)
    cli.answer(system=name, entry=entry)
    cli.show(f"{name} is not reached any more; ledger entry {entry}")
    return OK


@verb(app, NOUN, "links", members=LINKS)
def links(
    cli: Cli,
    name: Name,
    every: Annotated[bool, typer.Option("--all", help="Also what leads to nothing of a person's.")] = False,
) -> int:
    """What names a person's records in a system, and what was decided about each."""
    from rightful.actions.connect_system import system_of

    with cli.open() as ws:
        system_of(ws, name)
        found = ws.links_of(name).all()
    show_links(cli, [d for d in found if every or d.link.role != "reference"])
    return OK


@verb(app, NOUN, "confirm", members=LINKS)
def confirm(cli: Cli, name: Name, links: Names = None, role: Role = "", sure: Sure = False) -> int:
    """Follow these links of a system from now on."""
    from rightful.actions.connect_system import decide

    with cli.open() as ws:
        found = decide(ws, name, links or [], state="confirmed", actor=cli.operator, role=role, sure=sure)
    show_links(cli, [d for d in found if d.link.role != "reference"])
    return OK


@verb(app, NOUN, "reject", members=LINKS)
def reject(cli: Cli, name: Name, links: Names = None) -> int:
    """These fields name no customer: do not ask again."""
    from rightful.actions.connect_system import decide

    with cli.open() as ws:
        found = decide(ws, name, links or [], state="rejected", actor=cli.operator)
    show_links(cli, [d for d in found if d.link.role != "reference"])
    return OK


@verb(
    app,
    NOUN,
    "find",
    members={
        "customer": "the key",
        "places": "list of {table, rows, why}: records that are the customer's",
        "shared": "list of {table, rows, why}: records that are somebody else's, too",
        "mentions": "list of {table, rows, why}: records that only name the customer",
        "texts": "list of {field, rows, kinds}: other people's texts with an identifier in them",
        "undecided": "list of {link, rows}: proposed links that would add records",
        "unread": "what was not looked through",
        "entry": "the ledger entry of the search",
    },
)
def find(cli: Cli, name: Name, customer: Key, purpose: Why = "", record: Record = None) -> int:
    """Where a system holds data of a customer: how many records of each kind, and why they count as theirs."""
    from rightful.actions.reach_person import see_person

    with cli.open() as ws:
        actor = cli.actor if not purpose else cli.who
        found = see_person(ws, name, customer, actor=actor, purpose=purpose, records=record or ())
    sets = (("theirs", found.places), ("shared", found.shared), ("names them", found.mentions))
    told = [[{"table": p.table, "rows": p.rows, "why": list(p.why)} for p in places] for _, places in sets]
    cli.answer(
        customer=customer, places=told[0], shared=told[1], mentions=told[2],
        texts=[{"field": p.table, "rows": p.rows, "kinds": list(p.why)} for p in found.texts],
        undecided=[{"link": link.id, "rows": rows} for link, rows in found.undecided],
        unread=list(found.unread), entry=found.entry,
    )  # fmt: skip
    rows = [(p.table, p.rows, kind, ", ".join(p.why)) for kind, places in sets for p in places]
    rows += [(p.table, p.rows, "in a text", ", ".join(p.why)) for p in found.texts]
    cli.table(("where", "records", "", "why"), rows, right=(1,))
    for link, count in found.undecided:
        cli.say(f"Not decided: {link.id} would add {count} records (rightful system confirm or reject)", "yellow")
    for what in found.unread:
        cli.say(f"Not looked through: {what}", "yellow")
    cli.say(f"Looked for {purpose}; ledger entry {found.entry}. The customer sees this search.", "dim")
    return OK


@verb(app, NOUN, "correct", members={"customer": "the key", "fields": "what was changed", "entry": "the ledger entry"})
def correct(
    cli: Cli,
    name: Name,
    customer: Key,
    set_: Annotated[list[str], typer.Option("--set", help="KIND.FIELD=VALUE; several of one kind.")],
    purpose: Why = "",
    record: Annotated[str, typer.Option("--record", help="Which of the customer's records of this kind.")] = "",
) -> int:
    """Put a customer's values right in a system, and look whether they are."""
    from rightful.actions.reach_person import correct_person

    pairs = [_pair(text) for text in set_]
    kinds = {place.rpartition(".")[0] for place, _ in pairs}
    if len(kinds) != 1:
        raise BadInput("one correction is about one kind of record", remedy="Write --set KIND.FIELD=VALUE")
    values = {place.rpartition(".")[2]: value for place, value in pairs}
    with cli.open() as ws:
        actor = cli.actor if not purpose else cli.who
        done = correct_person(ws, name, customer, kinds.pop(), values, actor=actor, purpose=purpose, record=record)
    cli.answer(customer=customer, fields=list(done.fields), entry=done.entry)
    cli.show(f"{', '.join(done.fields)} of {done.table} put right; ledger entry {done.entry}")
    return OK


@verb(
    app,
    NOUN,
    "erase",
    members={
        "customer": "the key",
        "dry_run": "true if nothing was done",
        "plan": "{people, deletes, changes, kept, spared, unresolved, review, undecided, doubles}, in a dry run",
        "outcome": "how it ended, as `system erasure` shows it",
    },
)
def erase(
    cli: Cli,
    name: Name,
    customer: Key,
    purpose: Why = "",
    record: Record = None,
    apart: Annotated[
        list[str] | None, typer.Option(help="A record that looks like the same person and is not.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this, only what would happen is shown.")] = False,
) -> int:
    """Erase a customer in a system. A dry run first; with --yes it is done, and cannot be undone."""
    from rightful.actions.erase_elsewhere import erase_elsewhere, plan_elsewhere

    with cli.open() as ws:
        actor = cli.actor if not purpose else cli.who
        if not yes:
            plan = plan_elsewhere(ws, name, customer, actor=actor, purpose=purpose, records=record or ())
            cli.answer(customer=customer, dry_run=True, plan=_plain(plan), outcome=None)
            show_planned(cli, plan)
            for link, rows in plan.undecided:
                cli.say(f"Not decided: {link} would add {rows} records (rightful system confirm or reject)", "yellow")
            for double in plan.doubles:
                cli.say(f"Perhaps the same person: {double.key} has {double.why} (--record or --apart)", "yellow")
            cli.say("Nothing was done. Add --yes to do it; it cannot be undone.", "yellow")
            return OK
        outcome = erase_elsewhere(
            ws, name, customer, actor=actor, purpose=purpose, records=record or (), apart=apart or ()
        )
    cli.answer(customer=customer, dry_run=False, plan=None, outcome=_plain(outcome))
    _show(cli, outcome)
    return CODES[outcome.status]


@verb(
    app,
    NOUN,
    "erasures",
    members={
        "erasures": "list of {run, system, status, step, certificate}, newest first",
        "waiting": "list of {run, code}: with --resume, those that could not go on",
    },
)
def erasures(cli: Cli, resume: Annotated[bool, typer.Option(help="Go on with what is open.")] = False) -> int:
    """Every erasure in a system; --resume goes on with those that were interrupted or found nobody there."""
    from rightful.actions.erase_elsewhere import resume_elsewhere

    waiting: list[tuple[str, str]] = []
    with cli.open() as ws:
        if resume:
            ended, waiting = resume_elsewhere(ws)
            for outcome in ended:
                cli.say(f"{outcome.run}: {outcome.status}")
            for run, code in waiting:
                cli.say(f"{run} stays open: {code}", "yellow")
        runs = ws.elsewhere.all()
    cli.answer(
        erasures=[
            {"run": r.id, "system": r.system, "status": r.status, "step": r.step, "certificate": r.entry} for r in runs
        ],
        waiting=[{"run": run, "code": code} for run, code in waiting],
    )
    cells = [(r.id, r.system, r.status, r.step, "" if r.entry is None else r.entry) for r in runs]
    cli.table(("erasure", "system", "status", "step", "certificate"), cells, right=(4,))
    return PARTLY if waiting else OK


@verb(app, NOUN, "erasure", members=OUTCOME)
def erasure(
    cli: Cli,
    run: Annotated[str, typer.Argument(metavar="ERASURE")],
    again: Annotated[bool, typer.Option("--again", help="Take it up again: what was left has been mended.")] = False,
) -> int:
    """How one erasure in a system ended: what went, what stays and why, what is left."""
    from rightful.actions.erase_elsewhere import retry_elsewhere, status_elsewhere

    with cli.open() as ws:
        outcome = retry_elsewhere(ws, run) if again else status_elsewhere(ws, run)
    cli.answer(**_plain(outcome))
    _show(cli, outcome)
    return CODES[outcome.status]


def _show(cli: Cli, outcome: Outcome) -> None:
    show_ended(cli, outcome)
    looked = outcome.checked
    cli.say(
        f"{outcome.status}: asked {outcome.system} again for {looked['kinds']} kinds of record, "
        f"{looked['text_fields']} text fields and {looked['links']} links; certificate: ledger entry "
        f"{outcome.certificate}",
        STYLES[outcome.status],
    )


def _plain(told: Any) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(told).items()}


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise BadInput(f"{text} says nothing", remedy="Write NAME=VALUE")
    return name, value
