"""A backup becomes a workspace again: checked before, and not open to anybody until what came after it holds, too.

gather   the backup, chunk by chunk into a folder of its own; the keys, from where they are
decide   refuse what is not whole, not of these keys, of a newer program, or would overwrite something
act      records and store into place; the log goes on, and says for ever what it has lost; erasures,
         noes and disposals since then are done again; everything is verified; only then does the
         folder get the file that makes it a workspace

Easy to get wrong: two copies of the keys, of which one goes on without what the other
destroys: they are never copied, but for a drill; sessions of people who have signed out.

Sources: GDPR Art. 17, 32(1)(c), 32(1)(d); DESIGN sections 6 and 7; abuse cases AC-061, AC-076.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rightful.actions.make_backup import CONTROL, POLICIES, SEGMENTS, STORE, WEB, Checked, checked
from rightful.actions.replay import NOTHING, Replayed, replay
from rightful.actions.verify_record import Verified, verify_record
from rightful.errors import BackupRejected, BadInput, LedgerRolledBack
from rightful.gate import stores
from rightful.ledger.database import connect
from rightful.ledger.dump import copy_sqlite, load
from rightful.ledger.record import Draft, Ledger, instant, now_us
from rightful.ledger.tree import write_durably
from rightful.protection.archive import read_archive, read_head
from rightful.protection.keys import SUBJECT_KEYS, Keyring
from rightful.workspace import CONFIG, FORMAT, Workspace

KEYS = "keys"
UNPACKED = ".restoring-"

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Restored:
    """What came of it.

    Attributes:
        lost: ledger entries that were published after the backup and are not in it.
        origin: the log's name from now on: another one if entries were lost.
        verified: the check of everything on record, after the replay.
    """

    backup: Checked
    lost: int
    origin: str
    replayed: Replayed
    verified: Verified

    @property
    def ok(self) -> bool:
        """Whether all of it is there and verified, and nobody who was erased is in use or waits to be decided about."""
        return self.verified.ok and not (self.replayed.still_there or self.replayed.waiting)


def restore_backup(
    path: Path,
    target: Path,
    *,
    keys: Path | None = None,
    control_env: str = "",
    actor: str,
    trying: bool = False,
    progress: Progress | None = None,
    clock: Callable[[], int] = now_us,
) -> Restored:
    """Restore a backup into a folder that holds nothing, or nothing but the keys.

    Args:
        keys: the key folder of the workspace; the new one points to it. None: it is in `target` already.
        control_env: where the control database is PostgreSQL: the variable with the address of an empty one.
        trying: touch nothing outside `target`: for a drill.

    Raises:
        BackupRejected: it is not whole, of other keys, or of a newer program.
        BadInput: something is in the way; nothing was changed.
    """
    say = progress or (lambda _what, _share: None)
    keys = _free(target, keys)
    head = read_head(path)
    with_keys = Keyring.open(keys)
    say("reading", 0.0)
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    unpacked = target / f"{UNPACKED}{secrets.token_hex(4)}"
    try:
        unpacked.mkdir(mode=0o700)
        said = read_archive(path, with_keys, unpacked)
        config = _config(unpacked, control_env, trying=trying)
        say("putting in place", 0.3)
        if keys != target / KEYS:
            (target / KEYS).symlink_to(keys.resolve(), target_is_directory=True)
        control = _put_in_place(target, unpacked, config)
    except BaseException:
        with_keys.close()
        _clean(target)
        raise
    with_keys.close()
    untouched = trying and config["source"].get("kind") != "duckdb"
    return _come_alive(target, config, control, checked(head, said), said, actor, say, clock, records_only=untouched)


def drill(
    path: Path,
    keys: Path,
    scratch: Path,
    *,
    control_env: str = "",
    actor: str,
    progress: Progress | None = None,
    keep: bool = False,
) -> Restored:
    """Try a backup: restore it into a scratch folder with a copy of the keys, then take both away again.

    Raises:
        BackupRejected, BadInput: as when it is restored in earnest.
    """
    if scratch.exists() and any(scratch.iterdir()):
        raise BadInput(f"{scratch} is not empty", remedy="Name a folder that holds nothing")
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        _copy_keys(keys, scratch / KEYS)
        return restore_backup(path, scratch, control_env=control_env, actor=actor, trying=True, progress=progress)
    finally:
        shutil.rmtree(scratch / KEYS, ignore_errors=True)
        if not keep:
            shutil.rmtree(scratch, ignore_errors=True)


def note_drill(ws: Workspace, found: Restored, *, actor: str) -> int:
    """Record in the workspace itself that a backup of it was tried, and how that went."""
    result = "ok" if found.ok else "failed"
    public = {
        "backup": found.backup.id,
        "result": result,
        "erased-again": found.replayed.erased,
        "refusals": found.replayed.refusals,
        "still-there": found.replayed.still_there,
    }
    now = ws.ledger.check_clock()
    [entry] = ws.journal.record(
        [Draft("backup.drilled", public, {"actor": actor})],
        lambda tx, _: ws.backups.drilled(tx, found.backup.id, now, result),
    )
    return entry.index


def _free(target: Path, keys: Path | None) -> Path:
    """Where the keys are; refuses a folder that holds anything else."""
    _clean(target)
    there = {p.name for p in target.iterdir()} if target.is_dir() else set()
    if target.exists() and not target.is_dir():
        raise BadInput(f"{target} is a file", remedy="Name an empty folder")
    if (others := there - {KEYS}) or (KEYS in there and keys is not None):
        what = "a workspace" if CONFIG in others else "something"
        raise BadInput(
            f"there is {what} in {target} already; nothing was changed", remedy="Restore into an empty folder"
        )
    if keys is not None and (keys.resolve().parent / CONFIG).exists():
        raise BadInput(
            f"the keys in {keys} belong to a workspace that is still there: the two would destroy each other's records",
            remedy="To try a backup use `rightful backup drill`; to replace that workspace, move its keys out first",
        )
    if keys is None and KEYS not in there:
        raise BadInput("the keys are not in a backup", remedy="Name the workspace's key folder with --keys")
    return target / KEYS if keys is None else keys


def _clean(target: Path) -> None:
    """What a restore that was interrupted has left: such a folder has no rightful.json, and is no workspace."""
    if not target.is_dir() or (target / CONFIG).exists() or not any(target.glob(f"{UNPACKED}*")):
        return
    for path in target.iterdir():
        if path.is_symlink() or path.is_file():
            path.unlink()
        elif path.name != KEYS:
            shutil.rmtree(path)


def _config(unpacked: Path, control_env: str, *, trying: bool) -> dict[str, Any]:
    config = json.loads((unpacked / CONFIG).read_text(encoding="utf-8"))
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise BackupRejected("the workspace in this backup has another format than this program reads")
    in_database = any(name in config.get("control", {}) for name in ("url_env", "url_file"))
    if in_database and control_env:
        config["control"] = {"url_env": control_env}
    if trying and in_database and not control_env:
        raise BadInput(
            "the control database of this workspace is PostgreSQL, and a drill must not touch it",
            remedy="Make an empty database, put its address into a variable, and name that with --control-env",
        )
    if trying and config.get("keys"):
        raise BadInput(
            "the keys of subjects lie in a database of their own, and a drill would write there",
            remedy="Restore on another machine with a copy of that database",
        )
    if control_env and not in_database:
        raise BadInput("the control database of this backup is a file", remedy="Leave the variable out")
    return config


def _put_in_place(target: Path, unpacked: Path, config: Mapping[str, Any]) -> str | Path:
    """Records, store and policies; returns where the control database is."""
    state = target / "state"
    for folder in (state / "segments", target / "store", target / "outbox"):
        folder.mkdir(parents=True, mode=0o700)
    control = config.get("control", {})
    url: str | Path = stores.address(control) if control else state / "control.sqlite"
    with closing(connect(url)) as database:
        load(database, unpacked / CONTROL)
    if (unpacked / WEB).exists():
        (unpacked / WEB).rename(state / WEB)
        _end_sessions(state / WEB)
    for path in (unpacked / SEGMENTS).glob("*"):
        path.rename(state / "segments" / path.name)
    place = target / str(config["source"].get("path", "store/none"))
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in (unpacked / STORE).glob("*"):
        path.rename(place.parent / path.name)
    for path in sorted((unpacked / POLICIES).glob("*")):
        path.rename(target / path.name)
    return url


def _end_sessions(web: Path) -> None:
    """Nobody is signed in after a restore: who signed out since, or was erased, must not be in again."""
    with closing(sqlite3.connect(web)) as database, database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in sorted(tables & {"django_session", "web_cache", "usersessions_usersession"}):
            database.execute(f"DELETE FROM {table}")


def _come_alive(
    target: Path,
    config: dict[str, Any],
    control: str | Path,
    backup: Checked,
    said: Mapping[str, Any],
    actor: str,
    say: Progress,
    clock: Callable[[], int],
    *,
    records_only: bool,
) -> Restored:
    """The log goes on; what came after the backup is done again; then the folder becomes a workspace."""
    say("the log", 0.4)
    lost = _open_log(target, config, control, backup, str(said["checkpoint"]), clock)
    with Workspace(target, config, clock) as ws:
        public = {"backup": backup.id, "as-of": instant(backup.at_us), "lost": lost}
        ws.journal.record([Draft("backup.restored", public, {"actor": actor})])
        done = (
            NOTHING
            if records_only  # the customers are in a database that others use
            else replay(
                ws,
                since_us=backup.at_us,
                position=int(said["position"]),
                actor=actor,
                progress=lambda what, share: say(what, 0.5 + share * 0.4),
            )
        )
        say("verifying", 0.9)
        verified = verify_record(ws)
        origin = ws.ledger.origin
    for old in target.glob(f"{UNPACKED}*"):
        shutil.rmtree(old)
    write_durably(target / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
    say("done", 1.0)
    return Restored(backup, lost, origin, done, verified)


def _open_log(
    target: Path,
    config: Mapping[str, Any],
    control: str | Path,
    backup: Checked,
    checkpoint: str,
    clock: Callable[[], int],
) -> int:
    """Open the log once, against the newest checkpoint that was kept beside the keys; returns what is missing.

    If entries are missing the log goes on under a new origin, and its first entry names what was lost: nothing
    that was signed before is contradicted, and receipts for the missing entries stay valid and prove the gap.
    """
    chosen = config.get("keys", {})
    keys = Keyring.open(target / KEYS, subjects=stores.address(chosen) if chosen else None)
    seen = keys.erasures.seen() or checkpoint
    folder = target / "state" / "ledger"
    write_durably(folder / "checkpoint", seen.encode())
    options: dict[str, Any] = {"keys": keys, "origin": str(config["origin"]), "folder": folder, "clock": clock}
    database = connect(control)
    try:
        Ledger.open(database, **options).close()
        return 0
    except LedgerRolledBack:
        size = int(seen.splitlines()[1])
        statement = (
            f"Restored from backup {backup.id} as of {instant(backup.at_us)}: entries {backup.entries} and later, "
            f"of {size} that were published, are not in it."
        )
        with Ledger.recover(database, **options, statement=statement) as ledger:
            keys.erasures.saw(ledger.head()[0], ledger.checkpoint(), anew=True)
        return max(size - backup.entries, 1)
    finally:
        database.close()
        keys.close()


def _copy_keys(keys: Path, target: Path) -> None:
    """For a drill: what it writes must not reach the keys in use."""
    target.mkdir(mode=0o700)
    for path in keys.iterdir():
        if path.name == SUBJECT_KEYS:
            copy_sqlite(path, target / path.name)
        elif path.is_file() and not path.name.startswith(SUBJECT_KEYS):
            shutil.copyfile(path, target / path.name)
            (target / path.name).chmod(0o600)


__all__ = ("Restored", "drill", "note_drill", "restore_backup")
