"""`rightful ledger`: the tamper-evident record is verified, proved, watched."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from rightful.cli.verbs import OK, Cli, verb
from rightful.errors import BadInput, NotFound

NOUN = "ledger"
HELP = "The tamper-evident record of every use, refusal and choice."
app = typer.Typer()


@verb(
    app,
    NOUN,
    "verify",
    members={
        "ok": "whether everything is as it was written",
        "size": "entries in the tree",
        "root": "the tree's root, hexadecimal",
        "parts": "list of {name, checked, unit, problems: list of {where, entry, sentence}}",
    },
)
def verify(
    cli: Cli,
    receipt: Annotated[Path | None, typer.Argument(help="A receipt to check, offline; else the whole record.")] = None,
    key: Annotated[str, typer.Option(help="The log's public key, from another source than the receipt.")] = "",
    older: Annotated[Path | None, typer.Option(help="An earlier checkpoint that must be this log's past.")] = None,
) -> int:
    """Whether everything on record is what was written. Exit code 4 if not."""
    from rightful.actions.verify_record import Part, Verified, verify_receipt, verify_record

    if receipt is not None:
        report = verify_receipt(receipt, key)
        part = Part(f"receipt {receipt.name}", report.checked, "entry", tuple(report.problems))
        found = Verified(report.size, report.root.hex(), (part,))
        remarks = report.remarks
    else:
        with cli.open() as ws, cli.progress("Verifying") as progress:
            found = verify_record(ws, older=None if older is None else _read(older), progress=progress)
        remarks = []
    cli.answer(
        ok=found.ok,
        size=found.size,
        root=found.root,
        parts=[
            {
                "name": part.name,
                "checked": part.checked,
                "unit": part.unit,
                "problems": [{"where": p.where, "entry": p.index, "sentence": p.sentence} for p in part.problems],
            }
            for part in found.parts
        ],
    )
    rows = [("ok" if not part.problems else "!!", part.name, f"{part.checked:,} {part.unit}") for part in found.parts]
    cli.table(("", "what", "checked"), rows)
    for problem in found.problems:
        cli.show(f"!! {problem.sentence}", "red")
    for remark in remarks:
        cli.say(f"Note: {remark}")
    cli.say(f"{found.size:,} entries, root {found.root}", "dim")
    return found.exit_code


@verb(
    app,
    NOUN,
    "prove",
    members={
        "file": "the receipt written",
        "entry": "its entry",
        "size": "of the signed tree",
        "verifier_key": "the log's key",
    },
)
def prove(
    cli: Cli,
    entry: Annotated[int, typer.Argument(help="Number of the ledger entry.", min=0)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The receipt; else entry-N.zip here.")] = None,
) -> int:
    """Write a receipt of one entry that verifies offline, without us. It opens no personal payload."""
    from dataclasses import replace

    target = out or Path(f"entry-{entry}.zip")
    with cli.open() as ws:
        receipt = replace(ws.ledger.receipt(entry), opening=None)
        size = receipt.verify(ws.ledger.verifier_key).size
        receipt.save(target)
    cli.answer(file=str(target), entry=entry, size=size, verifier_key=receipt.verifier_key)
    cli.show(str(target))
    cli.say(f"Proves entry {entry} in the signed tree of {size:,}; HOW-TO-VERIFY.md inside says how, without us.")
    return OK


@verb(app, NOUN, "tail", members={"entries": "list of {entry, at, kind, purpose, role, sentence}, oldest first"})
def tail(
    cli: Cli,
    limit: Annotated[int, typer.Option("-n", help="How many.", min=1)] = 20,
    kind: Annotated[str, typer.Option(help="Only kinds that begin so: use, use.refused, consent, policy ...")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as entries come in; Ctrl-C ends it.")] = False,
) -> int:
    """The newest uses, refusals, acts of staff and choices of customers. Names no customer."""
    from rightful.actions.read_gate_log import log

    if follow and cli.as_json:
        raise BadInput("--follow never ends, so it cannot print one JSON object", remedy="Leave one of them out")
    with cli.open() as ws:
        lines = log(ws, limit=limit, kind=kind or None)[::-1]
        cli.answer(
            entries=[
                {
                    "entry": x.index,
                    "at": x.at,
                    "kind": x.kind,
                    "purpose": x.purpose or None,
                    "role": x.role or None,
                    "sentence": x.sentence,
                }
                for x in lines
            ]
        )
        for x in lines:
            cli.show(f"{x.index:>8}  {x.at:%a %Y-%m-%d %H:%M:%S}  {x.sentence}")
        newest = lines[-1].index if lines else -1
        while follow:
            time.sleep(0.5)
            for x in log(ws, limit=200, kind=kind or None)[::-1]:
                if x.index > newest:
                    cli.show(f"{x.index:>8}  {x.at:%a %Y-%m-%d %H:%M:%S}  {x.sentence}")
                    newest = x.index
    return OK


@verb(
    app,
    NOUN,
    "checkpoint",
    members={"checkpoint": "the signed note (C2SP)", "size": "entries", "verifier_key": "the log's key"},
)
def checkpoint(cli: Cli) -> int:
    """The newest signed checkpoint. Keep copies elsewhere: they are what makes tampering visible."""
    with cli.open() as ws:
        ws.ledger.publish()
        note, size, key = ws.ledger.checkpoint(), ws.ledger.head()[0], ws.ledger.verifier_key
    cli.answer(checkpoint=note, size=size, verifier_key=key)
    cli.show(note.rstrip("\n"))
    cli.say(f"Verifier key: {key}", "dim")
    return OK


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path.name} is no checkpoint") from None
