"""`rightful backup`: a copy that is whole, tried, and brings nobody back who was erased."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rightful.cli.verbs import CHECK_FAILED, OK, PARTLY, Cli, verb

if TYPE_CHECKING:
    from rightful.actions.make_backup import Checked
    from rightful.actions.replay import Replayed
    from rightful.actions.restore_backup import Restored

NOUN = "backup"
HELP = "Make backups, try them, and restore one without bringing back who was erased since."
app = typer.Typer()

_FILE = Annotated[Path, typer.Argument(help="The backup.")]
_KEYS = Annotated[Path | None, typer.Option(help="The key folder; else that of the workspace named with -w.")]
_CONTROL = Annotated[
    str,
    typer.Option("--control-env", help="Variable with the address of an empty PostgreSQL database for the records."),
]
_RESTORED = {
    "ok": "whether it can be used as it is",
    "backup": "its id",
    "as_of": "everything recorded up to then is in it",
    "entries": "ledger entries in it",
    "lost": "ledger entries that were published later and are not in it",
    "origin": "the log's name from now on",
    "erased_again": "customers who had been erased since",
    "waiting": "customers who were erased and wait for a decision, restricted",
    "incomplete": "erased customers of whom something is left",
    "still_there": "erased customers who are in the store and are not restricted: must be 0",
    "refusals": "noes recorded again",
    "strangers": "noes of customers who are not in the backup",
    "disposals": "disposals that had been run since",
    "disposed": "rows and fields that the repeated disposal took",
    "holds": "legal holds that had been set since and are not in it",
    "histories": "digests of consent files imported since",
    "problems": "what the check of the records found",
}


@verb(
    app,
    NOUN,
    "create",
    members={
        "backup": "its id",
        "file": "where it is",
        "bytes": "its size",
        "sha256": "its digest, hexadecimal",
        "entry": "the newest ledger entry in it",
    },
)
def create(cli: Cli, to: Annotated[Path, typer.Argument(help="The file to write, or a folder for it.")]) -> int:
    """Copy everything but the keys, as of one instant, into one encrypted file."""
    from rightful import __version__
    from rightful.actions.make_backup import make_backup

    with cli.open() as ws, cli.progress("Backing up") as progress:
        made = make_backup(ws, to, actor=cli.operator, program=__version__, progress=progress)
        keys = ws.keys.describe()
    place = to / made.file if to.is_dir() else to
    cli.answer(backup=made.id, file=str(place), bytes=made.bytes, sha256=made.sha256, entry=made.entry)
    cli.say(f"{place}: {made.bytes:,} bytes, read again and whole. SHA-256 {made.sha256}")
    cli.say(
        f"{keys} is not in it: keep a copy of that elsewhere, always the newest. Without it nobody can read this.",
        "yellow",
    )
    return OK


@verb(
    app,
    NOUN,
    "verify",
    members={
        "backup": "its id",
        "workspace": "whose",
        "as_of": "everything recorded up to then is in it",
        "entries": "ledger entries in it",
        "program": "version that made it",
        "customers": "duckdb, or which database the customers stay in",
        "files": "{name: [bytes, sha256]}",
    },
)
def verify(cli: Cli, file: _FILE, keys: _KEYS = None) -> int:
    """Read all of a backup: whether it is whole and unchanged. Nothing is written."""
    from rightful.actions.make_backup import check_backup
    from rightful.ledger.record import instant
    from rightful.protection.keys import Keyring

    ring = Keyring.open(_keys(cli, keys))
    try:
        found = check_backup(file, ring)
    finally:
        ring.close()
    cli.answer(
        backup=found.id,
        workspace=found.workspace,
        as_of=instant(found.at_us),
        entries=found.entries,
        program=found.program,
        customers=found.customers,
        files=found.files,
    )
    cli.table(("in it", "bytes"), [(name, f"{size:,}") for name, (size, _) in found.files.items()], right=(1,))
    cli.say(f"{file.name} is whole: {_of(found)}")
    return OK


@verb(app, NOUN, "restore", members=_RESTORED)
def restore(
    cli: Cli,
    file: _FILE,
    into: Annotated[Path, typer.Argument(help="An empty folder, or one that holds nothing but `keys`.")],
    keys: _KEYS = None,
    control_env: _CONTROL = "",
) -> int:
    """Restore a backup, do again what must not be undone, and check it. Only then it is a workspace."""
    from rightful.actions.restore_backup import restore_backup

    with cli.progress("Restoring") as progress:
        found = restore_backup(file, into, keys=keys, control_env=control_env, actor=cli.operator, progress=progress)
    _tell(cli, found)
    cli.say(f"{into} is a workspace again. Everybody signs in anew.")
    return _code(found)


@verb(app, NOUN, "drill", members=_RESTORED | {"entry": "the ledger entry of the drill, in the workspace itself"})
def drill(
    cli: Cli,
    file: _FILE,
    scratch: Annotated[Path | None, typer.Option(help="An empty folder to try it in; else a temporary one.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what was restored (without keys) to look at.")] = False,
    control_env: _CONTROL = "",
) -> int:
    """Try a backup in a scratch folder: restore, replay, verify, report, and clean up. Exit code 4 if it fails."""
    import tempfile

    from rightful.actions.restore_backup import drill as try_it
    from rightful.actions.restore_backup import note_drill

    with cli.open() as ws:
        place = scratch or Path(tempfile.mkdtemp(prefix="rightful-drill-"))
        with cli.progress("Trying") as progress:
            found = try_it(
                file,
                ws.path / "keys",
                place,
                control_env=control_env,
                actor=cli.operator,
                progress=progress,
                keep=keep and scratch is not None,
            )
        entry = note_drill(ws, found, actor=cli.operator)
    _tell(cli, found, entry=entry)
    cli.say(f"The drill is on record: ledger entry {entry}.")
    return _code(found)


@verb(
    app,
    NOUN,
    "replay",
    members={
        "erased_again": "customers who had been erased since",
        "waiting": "customers who were erased and wait for a decision, restricted",
        "incomplete": "erased customers of whom something is left",
        "still_there": "erased customers who are in the store and are not restricted: must be 0",
        "disposals": "disposals that had been run since",
        "disposed": "rows and fields that the repeated disposal took",
        "holds": "legal holds that were set since",
    },
)
def replay(
    cli: Cli,
    since: Annotated[str, typer.Option(help="The instant your database was restored to: 2026-11-20T02:00:00Z.")],
) -> int:
    """After you restored your own database: erase whoever was erased since, and dispose again."""
    from rightful.actions.replay import instant_of, replay_since

    at_us = instant_of(since)
    with cli.open() as ws, cli.progress("Replaying") as progress:
        done = replay_since(ws, at_us, actor=cli.operator, progress=progress)
    cli.answer(
        erased_again=done.erased,
        waiting=done.waiting,
        incomplete=done.incomplete,
        still_there=done.still_there,
        disposals=done.disposals,
        disposed=done.disposed,
        holds=done.holds,
    )
    rows = [
        ("!!" if done.still_there else "ok", "erased people", _people(done)),
        ("ok", "disposals", f"{done.disposals:,} since; {done.disposed:,} rows or fields gone again"),
    ]
    cli.table(("", "what", "finding"), rows)
    for sentence in _left_to_do(done):
        cli.say(sentence, "yellow")
    return CHECK_FAILED if done.still_there or done.incomplete or done.waiting else OK


def _code(found: Restored) -> int:
    if not found.ok:
        return CHECK_FAILED
    return PARTLY if found.replayed.incomplete else OK


def _keys(cli: Cli, keys: Path | None) -> Path:
    return keys if keys is not None else cli.place / "keys"


def _of(backup: Checked) -> str:
    from rightful.ledger.record import instant

    return f"{backup.workspace} as of {instant(backup.at_us)[:16]} UTC, {backup.entries:,} ledger entries"


def _tell(cli: Cli, found: Restored, **more: int) -> None:
    from rightful.ledger.record import instant

    done = found.replayed
    problems = [p.sentence for p in found.verified.problems]
    cli.answer(
        ok=found.ok,
        backup=found.backup.id,
        as_of=instant(found.backup.at_us),
        entries=found.backup.entries,
        lost=found.lost,
        origin=found.origin,
        erased_again=done.erased,
        waiting=done.waiting,
        incomplete=done.incomplete,
        still_there=done.still_there,
        refusals=done.refusals,
        strangers=done.strangers,
        disposals=done.disposals,
        disposed=done.disposed,
        holds=done.holds,
        histories=list(done.histories),
        problems=problems,
        **more,
    )
    rows = [
        ("ok" if found.verified.ok else "!!", "records", f"{found.verified.size:,} ledger entries checked"),
        ("!!" if done.still_there else "ok", "erased people", _people(done)),
        ("ok", "refusals", f"{done.refusals:,} recorded again"),
        ("ok", "disposals", f"{done.disposals:,} since; {done.disposed:,} rows or fields gone again"),
    ]
    cli.table(("", "what", "finding"), rows)
    cli.say(_of(found.backup))
    for problem in problems:
        cli.show(f"!! {problem}", "red")
    for sentence in _warnings(found):
        cli.say(sentence, "yellow")


def _people(done: Replayed) -> str:
    return f"{done.erased:,} erased again, {done.still_there:,} left in the store"


def _warnings(found: Restored) -> list[str]:
    done, said = found.replayed, []
    if found.lost:
        said.append(
            f"{found.lost:,} ledger entries were published after this backup and are not in it. Receipts for them stay "
            f"valid and prove the gap. The log goes on as {found.origin}, and its first entry there says so."
        )
    if done.strangers:
        said.append(
            f"{done.strangers:,} noes were of customers who came after the backup: import those customers again."
        )
    if done.histories:
        said.append(f"{len(done.histories):,} consent files were imported since: import them again.")
    return said + _left_to_do(done)


def _left_to_do(done: Replayed) -> list[str]:
    said = []
    if done.holds:
        said.append(
            f"{done.holds:,} legal holds were set since and are not in it. Nothing was erased or disposed of. Set them "
            "again, then decide about those who wait: rightful retention returned"
        )
    elif done.waiting:
        said.append(f"{done.waiting:,} people who were erased wait for a decision: rightful retention returned")
    if done.incomplete:
        said.append(f"Of {done.incomplete:,} erased people something is left: rightful person erasures")
    return said
