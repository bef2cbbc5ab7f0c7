"""`rightful gate`: a use of customer data passes, or is told why not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import DENIED, OK, Cli, verb
from rightful.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

NOUN = "gate"
HELP = "Use customer data, or ask whether you may."
app = typer.Typer()

Purpose = Annotated[str, typer.Option("--purpose", "-p", help="What for; every use states it.")]
Channel = Annotated[str, typer.Option("--channel", "-c", help="How customers are reached: email, phone ...")]
Recipient = Annotated[str, typer.Option("--to", help="Who receives the data, if it leaves.")]
MOST_ROWS = 50


@verb(
    app,
    NOUN,
    "query",
    members={
        "columns": "list of names",
        "rows": "list of objects, one per row; empty with --out",
        "count": "how many rows came back",
        "suppressed_groups": "groups left out because they were too small",
        "decision": "the decision: outcome, lawful_basis, permitted, known, withheld, fields, ledger_entry ...",
        "file": "the file written, or null",
    },
)
def query(
    cli: Cli,
    sql: Annotated[str, typer.Argument(help="One SELECT; - reads it from stdin.")],
    purpose: Purpose = "",
    channel: Channel = "",
    to: Recipient = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write .csv or .parquet instead.")] = None,
) -> int:
    """Run one SELECT. Only permitted rows and fields come back, and the use is on record."""
    from rightful.actions.use_data import query_data

    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise BadInput(f"{out.name} is neither .csv nor .parquet", remedy="End the file's name in .csv or .parquet")
    text = sys.stdin.read() if sql == "-" else sql
    with cli.open() as ws:
        used = query_data(ws, cli.actor if not purpose else cli.who, purpose, text, channel=channel, recipient=to)
    decision = used.decision
    if out is not None:
        _write(used.table, out)
    cli.answer(
        columns=used.table.column_names,
        rows=[] if out is not None or not cli.as_json else used.table.to_pylist(),
        count=used.table.num_rows,
        suppressed_groups=used.suppressed_groups,
        decision=decision.as_dict(),
        file=None if out is None else str(out),
    )
    if out is not None:
        cli.show(str(out))
    elif not cli.as_json:
        _print(cli, used.table)
    left = decision.known - decision.permitted
    cli.say(
        f"{used.table.num_rows:,} rows for {purpose}; {left:,} of {decision.known:,} customers withheld "
        f"(rightful gate explain -p {purpose}); ledger entry {used.entry.index}",
        "dim",
    )
    if used.suppressed_groups:
        cli.say(f"{used.suppressed_groups} groups were too small, or would give one away: left out", "dim")
    return OK


DECISION = "outcome, reasons, fields, permitted, known, withheld, ledger_entry ..."


@verb(app, NOUN, "explain", members={"decision": DECISION})
def explain(
    cli: Cli,
    purpose: Purpose = "",
    channel: Channel = "",
    to: Recipient = "",
    customer: Annotated[str, typer.Option(help="One customer's key: decide about them, on record.")] = "",
    field: Annotated[list[str] | None, typer.Option(help="table.column; else all the purpose needs.")] = None,
) -> int:
    """Who may be used for a purpose and why not the others; or one customer, with every reason."""
    from rightful.actions.use_data import decide_one, foresee
    from rightful.gate.explain import explain as in_words
    from rightful.terms import Outcome

    with cli.open() as ws:
        who = cli.actor if not purpose else cli.who
        if customer:
            fields = tuple(field) if field else None
            decision = decide_one(ws, who, purpose, customer, channel=channel, recipient=to, fields=fields)
        else:
            decision = foresee(ws, who, purpose, channel=channel, recipient=to)
    cli.answer(decision=decision.as_dict())
    cli.explain(in_words(decision))
    return DENIED if decision.outcome is Outcome.DENY else OK


@verb(
    app,
    NOUN,
    "export",
    members={
        "file": "the file written",
        "rows": "customers in it",
        "columns": "list of names",
        "decision": "as in gate query",
    },
)
def export(
    cli: Cli,
    out: Annotated[Path, typer.Argument(help="The file to write: .csv or .parquet.")],
    purpose: Purpose = "",
    channel: Channel = "",
    to: Recipient = "",
    audience: Annotated[str, typer.Option(help="A SELECT of customer keys; else everybody permitted.")] = "",
    unsubscribe_links: Annotated[
        bool, typer.Option("--unsubscribe-links", help="Add a column of links that stop this list.")
    ] = False,
) -> int:
    """Write the list of customers who may be reached, with the fields the purpose needs."""
    from rightful.actions.export_audience import export_audience

    if out.suffix not in (".csv", ".parquet"):
        raise BadInput(f"{out.name} is neither .csv nor .parquet", remedy="End the file's name in .csv or .parquet")
    with cli.open() as ws:
        who = cli.actor if not purpose else cli.who
        done = export_audience(
            ws,
            who,
            purpose,
            audience,
            channel=channel,
            recipient=to,
            path=out,
            unsubscribe_links=unsubscribe_links,
        )
    decision = done.use.decision
    cli.answer(file=str(out), rows=done.rows, columns=list(done.columns), decision=decision.as_dict())
    cli.show(str(out))
    cli.say(f"{done.rows:,} customers; use it within 24 hours, then make a new one", "dim")
    if not cli.quiet and not cli.as_json:
        from rightful.gate.explain import explain as in_words

        cli.say(in_words(decision))
    return OK


@verb(app, NOUN, "refresh", members={"changed": "customers whose flags were brought up to date"})
def refresh(cli: Cli) -> int:
    """Bring the flags beside the rows up to the newest choice. Refusals count at once even without this."""
    with cli.open() as ws:
        changed = ws.facts.refresh(ws.clock())
    cli.answer(changed=changed)
    cli.show(f"{changed:,} customers brought up to date")
    return OK


def _print(cli: Cli, table: pa.Table) -> None:
    """A table on a terminal, CSV in a pipe: there nothing is cut."""
    if not cli.data.is_terminal:
        import pyarrow.csv as csv

        csv.write_csv(table, sys.stdout.buffer, csv.WriteOptions(quoting_style="needed"))
        sys.stdout.buffer.flush()
        return
    rows = [["" if v is None else str(v) for v in row.values()] for row in table.slice(0, MOST_ROWS).to_pylist()]
    import pyarrow.types as kinds

    right = [i for i, f in enumerate(table.schema) if kinds.is_integer(f.type) or kinds.is_floating(f.type)]
    cli.table(table.column_names, rows, right=right)
    if table.num_rows > MOST_ROWS:
        cli.say(f"and {table.num_rows - MOST_ROWS:,} more rows: use --out or a pipe", "dim")


def _write(table: pa.Table, path: Path) -> None:
    from rightful.actions.export_audience import write_table

    write_table(table, path)
