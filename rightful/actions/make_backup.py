"""A backup is made: everything of a workspace but its keys, as of one instant, in one encrypted file.

gather   the control database as it is while nothing is recorded; then the store, which nobody
         may change while it is copied
decide   nothing: all of it, or no backup
act      the entry first, so that it is in the backup; the file gets its name once it is whole

The keys stay outside: whoever has the backup without them reads nothing, and whoever was
erased since has none any more. What was worked out (the permission state) is left out, and
so is what left the house (lists, letters in the outbox).

Easy to get wrong: the store before the control database: customers would have numbers that
the records give to nobody yet, or to others; sessions, which a restore must not revive.

Sources: GDPR Art. 5(1)(f), 17, 32(1)(c); DESIGN section 7; abuse case AC-061.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rightful.errors import BadInput
from rightful.gate import stores
from rightful.ledger.dump import copy_sqlite, dump
from rightful.ledger.record import Draft, instant
from rightful.protection.archive import read_archive, read_head, write_archive
from rightful.protection.keys import Keyring
from rightful.retention.backups import Backup
from rightful.workspace import CONFIG, Workspace

SUFFIX = ".rightful-backup"
STAGING = ".backup-"
CONTROL, WEB, SEGMENTS, STORE, POLICIES = "control", "web.sqlite", "segments", "store", "policies"
"""Where things lie inside."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a backup holds, after all of it was read.

    Attributes:
        at_us: everything recorded up to this instant is in it. `entries`: of the ledger.
        customers: where the data lies ("duckdb"), or which database they stay in.
        files: (size, SHA-256) of each.
    """

    id: str
    workspace: str
    at_us: int
    entries: int
    program: str
    customers: str
    files: dict[str, list[Any]]


def make_backup(
    ws: Workspace, target: Path, *, actor: str, program: str = "", progress: Progress | None = None
) -> Backup:
    """Make a backup.

    Args:
        target: the file to write, or a folder that gets one with the name and the instant in it.
        program: the version that makes it; written down, not compared.

    Raises:
        BadInput: something is there already, or the place is in the workspace itself.
    """
    say = progress or (lambda _what, _share: None)
    target = _place(ws, target)
    name = f"b-{secrets.token_hex(5)}"
    [entry] = ws.journal.record([Draft("backup.taken", {"backup": name}, {"actor": actor, "file": target.name})])
    staging = _staging(ws)
    try:
        say("records", 0.0)
        said, members = _copy(ws, staging)
        say("customer data", 0.3)
        (staging / STORE).mkdir(mode=0o700)
        members += [(f"{STORE}/{path.name}", path) for path in stores.copy_embedded(ws.source, staging / STORE)]
        say("writing", 0.5)
        said |= {"backup": name, "program": program, "customers": ws.config["source"].get("kind", "duckdb")}
        head = {"workspace": ws.name, "made": instant(entry.at), "program": program, "backup": name}
        written = write_archive(target, ws.keys, head, members, said)
        say("reading again", 0.8)
        read_archive(target, ws.keys)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    made = Backup(name, entry.at, entry.index, target.name, written.bytes, written.sha256, None, "")
    ws.backups.add(made)
    say("done", 1.0)
    return made


def check_backup(path: Path, keys: Keyring) -> Checked:
    """Read all of a backup and say what is in it; nothing is written.

    Raises:
        BackupRejected: it is not whole, not ours, or of other keys.
    """
    head = read_head(path)
    return checked(head, read_archive(path, keys))


def checked(head: dict[str, Any], said: dict[str, Any]) -> Checked:
    return Checked(
        str(said["backup"]),
        str(head["workspace"]),
        int(said["at_us"]),
        int(said["entries"]),
        str(said["program"]),
        str(said["customers"]),
        dict(said["files"]),
    )


def _place(ws: Workspace, target: Path) -> Path:
    if target.is_dir():
        now = datetime.fromtimestamp(ws.clock() / 1e6, UTC)
        target = target / f"{ws.name}-{now:%Y%m%dT%H%M%SZ}{SUFFIX}"
    if target.exists():
        raise BadInput(f"there is a file at {target} already", remedy="Choose another name; a backup is never replaced")
    if not target.parent.is_dir():
        raise BadInput(f"there is no folder {target.parent}", remedy="Make it first, best on another disk")
    if ws.path.resolve() in target.resolve().parents:
        raise BadInput("a backup inside the workspace is lost together with it", remedy="Choose a place outside of it")
    return target


def _staging(ws: Workspace) -> Path:
    """A folder of our own in `state`, where the originals lie; what killed runs left there goes."""
    for old in (ws.path / "state").glob(f"{STAGING}*"):
        shutil.rmtree(old, ignore_errors=True)
    folder = ws.path / "state" / f"{STAGING}{secrets.token_hex(4)}"
    folder.mkdir(mode=0o700)
    return folder


def _copy(ws: Workspace, staging: Path) -> tuple[dict[str, Any], list[tuple[str, Path]]]:
    """The records of one instant: nothing is recorded while they are copied."""
    members: list[tuple[str, Path]] = []
    (staging / SEGMENTS).mkdir(mode=0o700)
    with ws.control.write() as tx:
        if tx.dialect == "postgresql":
            tx.execute("SELECT size FROM rf_head FOR UPDATE")  # whoever records anything waits here
        head = tx.one("SELECT size, note, newest_at FROM rf_head")
        assert head is not None
        said = {"entries": head[0], "at_us": head[2], "checkpoint": head[1], "position": ws.consent.position()}
        dump(ws.control, staging / CONTROL)
        members.append((CONTROL, staging / CONTROL))
        for segment in ws.consent.segments():
            shutil.copyfile(ws.consent.segment_path(segment), staging / SEGMENTS / segment.file)
            members.append((f"{SEGMENTS}/{segment.file}", staging / SEGMENTS / segment.file))
        for path in sorted(ws.consent.folder.glob("*-rejected.csv")):
            members.append((f"{SEGMENTS}/{path.name}", path))
    web = ws.path / "state" / WEB
    if web.exists():
        copy_sqlite(web, staging / WEB)
        members.append((WEB, staging / WEB))
    members.append((CONFIG, ws.path / CONFIG))
    policies = ws.path / str(ws.config.get("policy", "policy"))
    for path in sorted(policies.rglob("*")) if policies.is_dir() else [policies]:
        if path.is_file() and not path.is_symlink():
            members.append((f"{POLICIES}/{path.relative_to(ws.path).as_posix()}", path))
    return said, members


__all__ = ("SUFFIX", "Checked", "check_backup", "make_backup")
