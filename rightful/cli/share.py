"""`rightful share`: customer data leaves for a recipient, and what customers say follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rightful.cli.verbs import LATE, OK, Cli, verb
from rightful.errors import BadInput

NOUN = "share"
HELP = "Lists for recipients, who has received what, and telling them to stop."
app = typer.Typer()

To = Annotated[str, typer.Option("--to", help="The recipient, as the policy names it.")]


@verb(
    app,
    NOUN,
    "list",
    members={
        "recipients": "list: id, kind, country, safeguard, agreement, until, agreement_state, disclosures, open ...",
        "owed": "list: recipient, duty, customers, told, due_at, because, state, notices",
        "lists": "list: entry, at, recipient, purpose, customers, good_until, state, handed_over, in_flight",
    },
)
def list_(cli: Cli) -> int:
    """Recipients, what they still have to confirm, and the lists made for them. Exit code 7 if one is late."""
    from dataclasses import asdict

    from rightful.actions.show_sharing import sharing

    with cli.open() as ws:
        seen = sharing(ws)
    cli.answer(
        recipients=[asdict(one) for one in seen.recipients],
        owed=[asdict(one) for one in seen.owed],
        lists=[asdict(one) for one in seen.lists],
    )
    if not cli.as_json:
        cli.table(
            ("Recipient", "Kind", "Country", "Agreement", "Until", "Given", "Open", "Late"),
            [
                (
                    r.id,
                    r.kind,
                    r.country,
                    f"{r.agreement} ({r.agreement_state})",
                    f"{r.until:%Y-%m-%d}" if r.until else "",
                    f"{r.disclosures:,}",
                    f"{r.open:,}",
                    f"{r.overdue:,}",
                )
                for r in seen.recipients
            ],
            right=(5, 6, 7),
        )
        if seen.owed:
            cli.show("")
            cli.table(
                ("To confirm", "What", "Customers", "Told", "Due", "State"),
                [
                    (o.recipient, o.duty, f"{o.customers:,}", f"{o.times} times", f"{o.due_at:%a %Y-%m-%d}", o.state)
                    for o in seen.owed
                ],
                right=(2,),
            )
        if seen.lists:
            cli.show("")
            cli.table(
                ("Entry", "Made", "For", "Purpose", "Customers", "Handed over", "State"),
                [
                    (
                        str(one.entry),
                        f"{one.at:%Y-%m-%d %H:%M}",
                        one.recipient,
                        one.purpose,
                        f"{one.customers:,}",
                        f"{one.handed_over:,}",
                        one.state + (f", {one.in_flight} in flight" if one.in_flight else ""),
                    )
                    for one in seen.lists
                ],
                right=(4, 5),
            )
    return LATE if any(r.overdue for r in seen.recipients) else OK


@verb(
    app,
    NOUN,
    "export",
    members={
        "file": "the file written",
        "note": "the signed note beside it",
        "rows": "customers in it",
        "columns": "list of names",
        "decision": "as in gate query",
    },
)
def export(
    cli: Cli,
    out: Annotated[Path, typer.Argument(help="The file to write: .csv or .parquet.")],
    to: To,
    purpose: Annotated[str, typer.Option("--purpose", "-p", help="What for.")] = "",
    channel: Annotated[str, typer.Option("--channel", "-c", help="How customers are reached: email, phone ...")] = "",
    audience: Annotated[str, typer.Option(help="A SELECT of customer keys; else everybody permitted.")] = "",
) -> int:
    """Make a list for a recipient. It may be used for 24 hours; hand it over with `share send`."""
    from rightful.actions.export_audience import export_audience, note_path

    if out.suffix not in (".csv", ".parquet"):
        raise BadInput(f"{out.name} is neither .csv nor .parquet", remedy="End the file's name in .csv or .parquet")
    with cli.open() as ws:
        who = cli.actor if not purpose else cli.who
        done = export_audience(ws, who, purpose, audience, channel=channel, recipient=to, path=out)
    decision = done.use.decision
    cli.answer(
        file=str(out),
        note=str(note_path(out)),
        rows=done.rows,
        columns=list(done.columns),
        decision=decision.as_dict(),
    )
    cli.show(str(out))
    cli.say(f"{done.rows:,} customers; ledger entry {done.use.entry.index}. Next: rightful share send {out}", "dim")
    return OK


@verb(
    app,
    NOUN,
    "send",
    members={
        "customers": "how many went",
        "batches": "ledger entries of the batches",
        "left_out": "customers of the list who did not go",
        "withdrawn": "those of them who may not be reached any more",
        "folder": "where the batches lie",
        "ledger_entry": "the entry that closes the hand-over",
    },
)
def send(
    cli: Cli,
    made: Annotated[str, typer.Argument(help="The list's file (with its note beside it), or its ledger entry.")],
    batch: Annotated[int, typer.Option(min=1, help="Customers in one batch.")] = 10_000,
) -> int:
    """Hand a list over, batch by batch, into the recipient's outbox; who said no since is left out."""
    from rightful.actions.send_audience import Outbox, read_note, send_audience

    with cli.open() as ws:
        index = int(made) if made.isdecimal() else int(read_note(ws, Path(made), cli.who)["entry"])
        given = ws.sharing.disclosure(index)
        folder = ws.path / "outbox" / (given.recipient if given else "")
        outbox = Outbox(folder, index)
        sent = send_audience(ws, cli.who, index, outbox, batch_rows=batch)
    cli.answer(
        customers=sent.customers,
        batches=list(sent.batches),
        left_out=sent.left_out,
        withdrawn=sent.withdrawn,
        folder=str(folder),
        ledger_entry=sent.entry,
    )
    for file in outbox.files:
        cli.show(str(file))
    cli.say(
        f"{sent.customers:,} customers in {len(sent.batches)} batches; {sent.left_out:,} of the list were left out, "
        f"{sent.withdrawn:,} because they may not be reached any more; ledger entry {sent.entry}",
        "dim",
    )
    return OK


@verb(app, NOUN, "revoke", members={"told": "customers the recipient has to let go of"})
def revoke(
    cli: Cli,
    entry: Annotated[int, typer.Argument(help="The list's ledger entry.")],
    never_left: Annotated[bool, typer.Option("--never-left", help="Every copy was destroyed here.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this only what would happen is shown.")] = False,
) -> int:
    """Call a list back: nothing of it is sent any more, and whoever has it is told to let go of it."""
    from rightful.actions.revoke_list import revoke_list
    from rightful.errors import NotFound

    with cli.open() as ws:
        given = ws.sharing.disclosure(entry)
        if given is None:
            raise NotFound(f"entry {entry} is no list for a recipient", remedy="`rightful share list` shows the lists")
        if not yes:
            cli.answer(told=0)
            after = "nobody is told" if never_left else f"{given.recipient} is told to let go of them"
            cli.show(f"The list of entry {entry}: {given.customers:,} customers for {given.recipient}; {after}. --yes")
            return OK
        told = revoke_list(ws, cli.who, entry, never_left=never_left)
    cli.answer(told=told)
    cli.show(f"Called back; {told:,} customers to let go of")
    return OK


@verb(
    app,
    NOUN,
    "tell",
    members={
        "told": "list: recipient, customers, ledger_entry, file, mailed",
        "deleted": "derived table -> rows that left it",
    },
)
def tell(cli: Cli, to: Annotated[str, typer.Option("--to", help="Only this recipient.")] = "") -> int:
    """Tell recipients what customers said, remind those who have not answered, and take the rows of who said no
    out of derived tables; for cron."""
    from rightful.actions.keep_derived import reach_derived
    from rightful.actions.remind_recipients import remind_recipients

    with cli.open() as ws:
        done = remind_recipients(ws, cli.operator, to)
        gone = {} if to else reach_derived(ws, cli.operator)
    cli.answer(
        deleted=gone,
        told=[
            {
                "recipient": one.recipient,
                "customers": one.customers,
                "ledger_entry": one.entry,
                "file": str(one.path),
                "mailed": one.mailed,
            }
            for one in done
        ],
    )
    for one in done:
        cli.show(str(one.path))
        also = ", and a mail says so" if one.mailed else ""
        cli.say(f"{one.recipient}: {one.customers:,} lines{also}; ledger entry {one.entry}", "dim")
    for table, rows in gone.items():
        cli.say(f"{table}: {rows:,} rows of customers who said no are gone", "dim")
    if not done:
        cli.say("Nobody has to be told anything now", "dim")
    return OK


@verb(app, NOUN, "confirm", members={"customers": "for how many customers"})
def confirm(
    cli: Cli,
    recipient: Annotated[str, typer.Argument(help="The recipient that answered.")],
    notice: Annotated[
        list[int] | None, typer.Option(help="Numbers of lines in its notice; else all it was told.")
    ] = None,
    evidence: Annotated[str, typer.Option(help="Where the answer lies; kept sealed.")] = "",
) -> int:
    """Note that a recipient confirmed that it did what it was told."""
    from rightful.actions.confirm_told import confirm_told

    with cli.open() as ws:
        done = confirm_told(ws, cli.who, recipient, notices=tuple(notice or ()), evidence=evidence)
    cli.answer(customers=done)
    cli.show(f"{recipient} confirmed for {done:,} customers")
    return OK


@verb(app, NOUN, "contact", members={"ledger_entry": "where it is recorded"})
def contact(
    cli: Cli,
    recipient: Annotated[str, typer.Argument(help="The recipient, as the policy names it.")],
    address: Annotated[str, typer.Argument(help="Where it reads that a notice waits: a work address.")],
) -> int:
    """Name where a recipient is written to when a notice waits for it. The mail names no customer."""
    from rightful.actions.remind_recipients import name_contact

    with cli.open() as ws:
        entry = name_contact(ws, cli.who, recipient, address)
    cli.answer(ledger_entry=entry)
    cli.show(f"{recipient} is written to from now on")
    return OK
