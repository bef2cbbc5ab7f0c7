"""`rightful source`: where customer data lies, how it comes in, what kind of data it is."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rightful.cli.verbs import OK, PARTLY, Cli, verb
from rightful.errors import BadInput

NOUN = "source"
HELP = "Where customer data lies, and how it comes in."
app = typer.Typer()


@verb(
    app,
    NOUN,
    "list",
    members={"tables": "list of {table, rows, key, customer_table, fields: {field: category or null}}"},
)
def list_(
    cli: Cli, fields: Annotated[bool, typer.Option("--fields", help="Every field with its category.")] = False
) -> int:
    """The tables under the gate, and what kind of data each field is."""
    with cli.open() as ws:
        tables = ws.source.catalogue()
        category_of = ws.facts.bound.category_of if ws.shelf.in_force() is not None and tables else {}
    listed = [
        {
            "table": t.name,
            "rows": t.rows,
            "key": t.key,
            "customer_table": t.customer_table,
            "fields": {f"{t.name}.{c.name}": category_of.get(f"{t.name}.{c.name}") for c in t.columns},
        }
        for t in tables
    ]
    cli.answer(tables=listed)
    if fields:
        rows = [
            (f"{t.name}.{c.name}", c.type, category_of.get(f"{t.name}.{c.name}", "not classified: nobody can use it"))
            for t in tables
            for c in t.columns
        ]
        cli.table(("field", "type", "category"), rows)
    else:
        rows2 = [
            (t.name, t.rows, t.key, len(t.columns), sum(f"{t.name}.{c.name}" not in category_of for c in t.columns))
            for t in tables
        ]
        cli.table(("table", "rows", "customer's key", "fields", "not classified"), rows2, right=(1, 3, 4))
    return OK


class Mode(StrEnum):
    """Where permissions stand in a database that is governed in place."""

    COLUMN = "column"
    COMPANION = "companion"


@verb(app, NOUN, "add", members={"tables": "list of {table, rows, key}", "mode": "column or companion"})
def add(
    cli: Cli,
    customers: Annotated[str, typer.Argument(help="The table with one row per customer.")],
    url_env: Annotated[str, typer.Option(help="Environment variable with the address of the database.")] = "",
    url_file: Annotated[str, typer.Option(help="File with the address of the database.")] = "",
    schema: Annotated[str, typer.Option(help="PostgreSQL: the schema its tables are in; public if not said.")] = "",
    mode: Annotated[Mode, typer.Option(help="Permissions in a column of your tables, or beside them.")] = Mode.COLUMN,
    key: Annotated[str, typer.Option(help="Column with the customer's key, if there is no primary key.")] = "",
    link: Annotated[
        list[str] | None, typer.Option(help="TABLE.COLUMN that holds it, if no foreign key says so.")
    ] = None,
) -> int:
    """Govern a PostgreSQL or MariaDB database where it is. docs/how-to/ says what is added to it."""
    from rightful.actions.register_source import attach_database, choose_database, put_back

    links = dict(_field(text, "") for text in link or [])
    with cli.open() as ws:
        before = choose_database(ws, url_env=url_env, url_file=url_file)
    try:
        with cli.open() as ws:
            tables = attach_database(
                ws,
                schema=schema,
                customer_table=customers,
                actor=cli.operator,
                mode="column" if mode is Mode.COLUMN else "companion",
                customer_key=key or None,
                links=links or None,
            )
    except BaseException:
        with cli.open() as ws:
            put_back(ws, before)
        raise
    cli.answer(tables=[{"table": t.name, "rows": t.rows, "key": t.key} for t in tables], mode=mode.value)
    cli.table(("table", "customer's key", "fields"), [(t.name, t.key, len(t.columns)) for t in tables], right=(2,))
    cli.say("Next: rightful source describe; put the fields into categories; rightful policy publish")
    return OK


@verb(
    app,
    NOUN,
    "scan",
    members={
        "tables": "list of {table, file, rows, key, subject, columns}",
        "undecided": "fields a person must classify",
    },
)
def scan(cli: Cli, files: Annotated[list[Path], typer.Argument(help="CSV, Parquet or Excel files.")]) -> int:
    """Look at files and say what they would become. Nothing is loaded."""
    from rightful.actions.register_source import propose

    found = propose(files)
    cli.answer(
        tables=[
            {
                "table": t.name,
                "file": t.path.name,
                "rows": t.rows,
                "key": t.key,
                "subject": t.subject,
                "columns": [
                    {"name": c.name, "type": c.type, "category": c.finding.category or None} for c in t.columns
                ],
            }
            for t in found.tables
        ],
        undecided=list(found.undecided),
    )
    cli.show(found.as_text().rstrip())
    cli.show("\n# For your policy, to be looked over:\n" + found.categories_yaml().rstrip())
    return OK


@verb(
    app,
    NOUN,
    "import",
    members={
        "tables": "list of {table, rows, new, known, rejected, rejected_file, unlinked, left_out, emptied}",
        "customers": "how many customers there are now",
        "undecided": "fields a person must classify before use",
    },
)
def import_(
    cli: Cli,
    files: Annotated[list[Path], typer.Argument(help="CSV, Parquet or Excel files; together, all or none.")],
    customers: Annotated[str, typer.Option(help="The table with one row per customer.")] = "",
    key: Annotated[list[str] | None, typer.Option(help="[TABLE.]COLUMN that identifies a row.")] = None,
    subject: Annotated[list[str] | None, typer.Option(help="[TABLE.]COLUMN with the customer's key.")] = None,
    types: Annotated[list[str] | None, typer.Option("--type", help="[TABLE.]COLUMN=TYPE")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before loading.")] = False,
) -> int:
    """Load files into the encrypted store. Rows that do not fit go, with reasons, into a file beside it."""
    from rightful.actions.register_source import described, load_files, propose

    found = propose(files)
    if customers:
        found = found.decide(customers, customer_table=True)
    main = customers or (found.tables[0].name if len(found.tables) == 1 else "")
    for table, column in (_field(text, main) for text in key or []):
        found = found.decide(table, key=column)
    for table, column in (_field(text, main) for text in subject or []):
        found = found.decide(table, subject=column)
    for text in types or []:
        name, equals, kind = text.partition("=")
        table, column = _field(name, main)
        if not equals:
            raise BadInput(f"{text} says no type", remedy="Write --type TABLE.COLUMN=text")
        found = found.decide(table, types={column: kind})
    with cli.open() as ws:
        if cli.talk.is_terminal and not (yes or cli.as_json or cli.quiet):
            cli.say(found.as_text().rstrip())
            typer.confirm("\nLoad this?", default=True, abort=True, err=True)
        with cli.progress("Importing") as progress:
            loaded = load_files(ws, found, actor=cli.operator, progress=progress)
        unsaid = [name for name in ("email", "residence", "birth_date") if not getattr(described(ws), name)]
    cli.answer(
        tables=[
            {
                "table": t.name,
                "rows": t.rows,
                "new": t.new,
                "known": t.known,
                "rejected": t.rejected,
                "rejected_file": None if t.rejected_file is None else str(t.rejected_file),
                "unlinked": t.unlinked,
                "left_out": t.left_out.rows,
                "emptied": t.left_out.cells,
            }
            for t in loaded.tables
        ],
        customers=loaded.customers,
        undecided=list(found.undecided),
    )
    rows = [(t.name, t.rows, t.new, t.known, t.rejected, t.unlinked) for t in loaded.tables]
    cli.table(("table", "rows", "new", "known", "rejected", "without customer"), rows, right=(1, 2, 3, 4, 5))
    for t in loaded.tables:
        if t.rejected_file is not None:
            cli.say(f"{t.rejected:,} rows of {t.name} were not taken; line and reason: {t.rejected_file}")
        if t.left_out.rows or t.left_out.cells:
            cli.say(
                f"{t.name}: {t.left_out.rows:,} rows of people who were erased were left out; "
                f"{t.left_out.cells:,} addresses of theirs in rows of others were not taken"
            )
    if unsaid:
        cli.say(f"Not said yet: which column holds {', '.join(unsaid)} (rightful source describe)")
    if found.undecided:
        cli.say("Nobody can use these until a policy puts them into a category: " + ", ".join(found.undecided))
    return PARTLY if loaded.rejected else OK


@verb(app, NOUN, "refresh", members={"customers": "how many customers there are", "position": "of the consent record"})
def refresh(cli: Cli) -> int:
    """Number new customers and work out everybody's permission anew."""
    with cli.open() as ws, cli.progress("Permissions") as progress:
        snapshot = ws.facts.rebuild(progress)
    cli.answer(customers=snapshot.people.size, position=snapshot.position)
    cli.show(f"{snapshot.people.size:,} customers, consent record at {snapshot.position:,}")
    return OK


@verb(
    app,
    NOUN,
    "describe",
    members={
        "email": "column or null",
        "residence": "column or null",
        "birth_date": "column or null",
        "guardian": "column or null",
    },
)
def describe(
    cli: Cli,
    email: Annotated[str, typer.Option(help="Column with the e-mail address: customers sign in with it.")] = "",
    residence: Annotated[str, typer.Option(help="Column with the residence, ISO 3166: it decides which law.")] = "",
    birth_date: Annotated[str, typer.Option(help="Column with the birth date: minors are protected by it.")] = "",
    guardian: Annotated[str, typer.Option(help="Column with the e-mail address of a child's guardian.")] = "",
) -> int:
    """Say, or see, which columns of the customer table the gate itself has to know."""
    from rightful.actions.register_source import describe_customers, described

    with cli.open() as ws:
        changes = bool(email or residence or birth_date or guardian)
        found = (
            describe_customers(ws, email=email, residence=residence, birth_date=birth_date, guardian=guardian)
            if changes
            else described(ws)
        )
    cli.answer(
        email=found.email or None,
        residence=found.residence or None,
        birth_date=found.birth_date or None,
        guardian=found.guardian or None,
    )
    meaning = (
        ("e-mail address", found.email, "nobody can sign in to the portal"),
        ("residence", found.residence, "the strictest of your laws applies to everybody"),
        ("birth date", found.birth_date, "nobody's age is known"),
        ("guardian", found.guardian, "staff check every guardian"),
    )
    cli.table(("what", "column", "without one"), [(what, name or "(not said)", less) for what, name, less in meaning])
    if changes:
        cli.say("Now: rightful source refresh")
    return OK


def _field(text: str, main: str) -> tuple[str, str]:
    """[TABLE.]COLUMN; the table may be left out where only one can be meant."""
    table, dot, column = text.partition(".")
    if dot:
        return table, column
    if not main:
        raise BadInput(f"it is not clear of which table {text} is a column", remedy="Write TABLE.COLUMN")
    return main, text
