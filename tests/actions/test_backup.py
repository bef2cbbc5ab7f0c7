"""A backup is whole or none, opens only with its keys, and a restore brings nobody back."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from rightful.actions import keep_gone, register_source
from rightful.actions.dispose_expired import run_disposal
from rightful.actions.erase_customer import begin_erasure, erase_customer, run_erasure
from rightful.actions.find_person import decide_links, scan_links
from rightful.actions.hold_data import add_hold
from rightful.actions.make_backup import check_backup, make_backup
from rightful.actions.publish_policy import publish_policy
from rightful.actions.replay import instant_of, replay_since
from rightful.actions.restore_backup import drill, note_drill, restore_backup
from rightful.actions.use_data import decide_one
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import BackupRejected, BadInput, IntegrityFault, KeyMissing, LedgerRolledBack
from rightful.protection import archive
from rightful.protection.archive import read_archive, read_head, write_archive
from rightful.protection.keys import Keyring
from rightful.terms import Outcome
from rightful.workspace import CONFIG, Workspace
from tests.actions.conftest import MAX, make_shop
from tests.actions.test_dispose_expired import POLICY as KEEPING
from tests.actions.test_dispose_expired import people, write

OLGA = "olga@shop.example"
NOON = int(datetime(2026, 11, 25, 11, tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backup")
    place = make_shop(folder)
    with Workspace.open(place) as ws:
        scan_links(ws, actor="eng")
        decide_links(ws, [], state="confirmed", actor="eng", sure=True)
    return place


@pytest.fixture
def place(template, tmp_path):
    shutil.copytree(template, tmp_path / "shop")
    return tmp_path / "shop"


def back_up(place, folder):
    with Workspace.open(place) as ws:
        made = make_backup(ws, folder, actor=OLGA)
    return folder / made.file


def move_aside(place):
    """The machine is gone; what is left is the backup, and the keys from their own place."""
    keys = place.parent / "rescued-keys"
    (place / "keys").rename(keys)
    shutil.rmtree(place)
    return keys


def stored(ws, table="customer"):
    names = [c.name for c in ws.facts.table(table).columns]
    with ws.source.whole(table, names) as reader:
        return reader.read_all().to_pylist()


def test_a_restored_workspace_is_what_it_was(place, tmp_path):
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        before, size = stored(ws), ws.ledger.head()[0]
        decision = decide_one(ws, MAX, "newsletter", "C004", channel="email").outcome
    keys = move_aside(place)
    found = restore_backup(backup, place, keys=keys, actor=OLGA)
    assert found.ok and found.replayed.erased == found.replayed.refusals == 0
    with Workspace.open(place) as ws:
        assert stored(ws) == before and ws.ledger.head()[0] > size - 1
        assert decide_one(ws, MAX, "newsletter", "C004", channel="email").outcome is decision is not Outcome.DENY
    assert (place / "policy").is_dir() and not list(place.glob(".restoring-*"))


def test_ac_061_whoever_was_erased_after_the_backup_is_erased_again_before_anybody_can_open_what_was_restored(
    place, tmp_path
):
    with Workspace.open(place) as ws:
        ready = {f"C{i:03d}" for i in range(10, 30)}
        assert ready <= {r["id"] for r in stored(ws)}
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        keys = sorted(ready)
        assert run_erasure(ws, begin_erasure(ws, keys[0], actor="self", also=keys[1:]).id).status == "complete"
        run_erasure(ws, begin_erasure(ws, "C005", actor="self").id)
        keep_gone.let_in(ws, "p005@example.com", actor=OLGA, evidence="contract 17")  # came back, and the old data go
        size = ws.ledger.head()[0]
    found = restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    assert (found.replayed.erased, found.replayed.still_there, found.replayed.incomplete) == (21, 0, 0)
    assert found.ok, (found.verified.problems, found.replayed)
    assert found.lost and f"{size}" in json.dumps(found.lost + found.backup.entries), "the gap is told"
    with Workspace.open(tmp_path / "new") as ws:
        assert not {r["id"] for r in stored(ws)} & (ready | {"C005"}), "none of them is back"
        assert len(stored(ws)) == 60 - 21
        assert not {r["customer_id"] for r in stored(ws, "purchase")} & ready
        assert ws.suppression.persons() == 1 and ws.suppression.back() == [], "held off in imports, too; one was let in"
        for path in (tmp_path / "new").rglob("*"):
            if path.is_file() and "keys" not in path.parts:
                assert b"p015@example.com" not in path.read_bytes(), path


def test_ac_061_the_keys_of_people_who_were_erased_are_not_in_a_backup_so_its_sealed_payloads_stay_shut(
    place, tmp_path
):
    with Workspace.open(place) as ws:
        no = ws.number_of("C004")
        withdraw_consent(ws, "C004", "newsletter", "email")
        [entry] = [s.entry for s in ws.consent.of(no)]
        assert ws.ledger.open_private(entry) is not None
    backup = back_up(place, tmp_path)
    assert not [n for n in check_backup(backup, Keyring.open(place / "keys")).files if "key" in n.lower()]
    with Workspace.open(place) as ws:
        assert erase_customer(ws, "C004", actor="self").status == "complete"
    found = restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    assert found.ok
    with Workspace.open(tmp_path / "new") as ws:
        assert ws.ledger.open_private(entry) is None and not ws.ledger.entries_of(ws.subject_id(no))


def test_a_no_that_was_said_after_the_backup_is_still_a_no_after_the_restore(place, tmp_path):
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        assert decide_one(ws, MAX, "newsletter", "C004", channel="email").outcome is not Outcome.DENY
        withdraw_consent(ws, "C004", "newsletter", "email")
    found = restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    assert found.replayed.refusals == 1 and found.ok
    with Workspace.open(tmp_path / "new") as ws:
        assert decide_one(ws, MAX, "newsletter", "C004", channel="email").outcome is Outcome.DENY
        assert decide_one(ws, MAX, "newsletter", "C006", channel="email").outcome is not Outcome.DENY
    shutil.rmtree(tmp_path / "new")
    again = restore_backup(backup, tmp_path / "newer", keys=tmp_path / "rescued-keys", actor=OLGA)
    assert again.replayed.refusals == 1, "and after the next restore of the same backup, too"


def test_a_hold_that_was_set_after_the_backup_keeps_the_restore_from_destroying_anything(place, tmp_path):
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        erase_customer(ws, "C004", actor="self")
        add_hold(ws, "suit 17/26", actor=OLGA, tables=["purchase"])
    found = restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    assert (found.replayed.holds, found.replayed.erased, found.replayed.waiting) == (1, 0, 1) and not found.ok
    with Workspace.open(tmp_path / "new") as ws:
        assert decide_one(ws, MAX, "newsletter", "C004", channel="email").codes >= {"restricted"}
        [back] = keep_gone.who_came_back(ws, actor=OLGA)
        assert back.key == "C004"


def test_ac_076_a_restore_to_a_point_before_the_newest_receipt_is_told_and_the_log_says_it_for_ever(place, tmp_path):
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        receipt = ws.ledger.receipt(withdraw_consent(ws, "C004", "newsletter", "email").index)
        origin, verifier = ws.ledger.origin, ws.ledger.verifier_key
        size = ws.ledger.head()[0]
    found = restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    assert found.lost == size - found.backup.entries > 0
    assert found.origin == f"{origin}/recovery-1"
    assert receipt.verify(verifier).ok, "what was signed before still proves what is missing"
    with Workspace.open(tmp_path / "new") as ws:
        [gap] = [e for e in ws.ledger.entries() if e.kind == "ledger.recovered"]
        assert str(size) in gap.public["statement"] and gap.public["lost_checkpoint"].splitlines()[1] == str(size)


def test_ac_076_files_put_back_by_hand_are_refused(place, tmp_path):
    """Database, log folder and store together, as of an earlier hour: only the witness beside the keys knows."""
    shutil.copytree(place, tmp_path / "copy", ignore=shutil.ignore_patterns("keys"))
    with Workspace.open(place) as ws:
        withdraw_consent(ws, "C004", "newsletter", "email")
    for part in ("state", "store"):
        shutil.rmtree(place / part)
        shutil.copytree(tmp_path / "copy" / part, place / part)
    with pytest.raises(LedgerRolledBack, match="beside the keys"):
        Workspace.open(place)


def test_ac_061_a_store_put_back_by_hand_is_looked_at_before_it_is_used(place, tmp_path):
    """Only the list is behind: as if its rows had been lost. Whoever was erased is restricted, not served."""
    with Workspace.open(place) as ws:
        path = ws.source.path
        shutil.copy(path, tmp_path / "old-store")
        erase_customer(ws, "C004", actor="self")
        with ws.control.write() as tx:
            tx.execute("DELETE FROM suppressed")
    shutil.copy(tmp_path / "old-store", path)
    with Workspace.open(place) as ws:
        assert decide_one(ws, MAX, "newsletter", "C004", channel="email").outcome is Outcome.DENY
        assert [back.key for back in keep_gone.who_came_back(ws, actor=OLGA)] == ["C004"]
        assert ws.suppression.persons() == 1


def test_a_restore_overwrites_nothing(place, tmp_path):
    backup = back_up(place, tmp_path)
    with pytest.raises(BadInput, match="workspace that is still there"):
        restore_backup(backup, tmp_path / "new", keys=place / "keys", actor=OLGA)
    with pytest.raises(BadInput, match="a workspace in"):
        restore_backup(backup, place, actor=OLGA)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="something in"):
        restore_backup(backup, tmp_path / "full", keys=tmp_path / "nowhere", actor=OLGA)
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    with pytest.raises(BadInput, match="not in a backup"):
        restore_backup(backup, tmp_path / "new", actor=OLGA)
    with Workspace.open(place) as ws:
        assert len(stored(ws)) == 60
        with pytest.raises(BadInput, match="already"):
            make_backup(ws, backup, actor=OLGA)
        with pytest.raises(BadInput, match="inside the workspace"):
            make_backup(ws, place / "state" / "b", actor=OLGA)


def changed(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    return bytes(data)


DAMAGES = {
    "cut short": lambda p: p.read_bytes()[:-40],
    "cut in the middle": lambda p: p.read_bytes()[: p.stat().st_size // 2],
    "only its first line": lambda p: p.read_bytes().partition(b"\n")[0] + b"\n",
    "a bit of the content": lambda p: changed(p, p.stat().st_size // 2),
    "the last bit": lambda p: changed(p, p.stat().st_size - 1),
    "a bit of the first line": lambda p: p.read_bytes().replace(b'"workspace": "shop"', b'"workspace": "ship"'),
    "something behind it": lambda p: p.read_bytes() + b"x",
    "no backup at all": lambda p: b"PK\x03\x04" + bytes(100),
    "nothing": lambda p: b"",
    "a newer format": lambda p: p.read_bytes().replace(b'"rightful-backup": 1', b'"rightful-backup": 9'),
}


def test_a_backup_that_was_changed_cut_or_is_none_is_refused_and_nothing_is_written(place, tmp_path):
    backup = back_up(place, tmp_path)
    keys = move_aside(place)
    ring = Keyring.open(keys)
    for name, damage in DAMAGES.items():
        broken = tmp_path / "broken.rightful-backup"
        broken.write_bytes(damage(backup))
        with pytest.raises(BackupRejected):
            check_backup(broken, ring)
        with pytest.raises(BackupRejected):
            restore_backup(broken, tmp_path / "new", keys=keys, actor=OLGA)
        assert not list((tmp_path / "new").glob("*")), name
    Workspace.create(tmp_path / "other", "other").close()
    (tmp_path / "other" / "keys").rename(tmp_path / "foreign")
    with pytest.raises(BackupRejected, match="other keys"):
        restore_backup(backup, tmp_path / "new", keys=tmp_path / "foreign", actor=OLGA)
    with pytest.raises(KeyMissing):
        restore_backup(backup, tmp_path / "new", keys=tmp_path / "nowhere", actor=OLGA)
    assert restore_backup(backup, tmp_path / "new", keys=keys, actor=OLGA).ok, "and the right one still can be"


def test_a_backup_says_nothing_in_the_clear_about_anybody(place, tmp_path):
    data = back_up(place, tmp_path).read_bytes()
    assert b"p004@example.com" not in data and b"C004" not in data and b"newsletter" not in data
    assert data.startswith(b"{") and b"shop" in data.partition(b"\n")[0]


def test_a_backup_that_was_killed_in_the_middle_leaves_none(place, tmp_path):
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom rightful.actions.make_backup import make_backup\n"
        "from rightful.workspace import Workspace\n"
        "def stop(what, share):\n    if what == sys.argv[3]:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "import rightful.protection.archive as a\n"
        "with Workspace.open(sys.argv[1]) as ws:\n"
        "    make_backup(ws, Path(sys.argv[2]), actor='o', progress=stop)\n"
    )
    for step in ("records", "customer data", "writing"):
        done = subprocess.run([sys.executable, "-c", script, str(place), str(tmp_path), step], env=dict(os.environ))
        assert done.returncode == -signal.SIGKILL
        assert not list(tmp_path.glob("*.rightful-backup")), step
    backup = back_up(place, tmp_path)
    assert not list((place / "state").glob(".backup-*")), "what the killed ones left is gone"
    with Workspace.open(place) as ws:
        assert [b.file for b in ws.backups.all()] == [backup.name], "only the whole one is listed"


def test_a_restore_that_was_killed_is_no_workspace_and_can_be_begun_again(place, tmp_path):
    backup = back_up(place, tmp_path)
    keys = move_aside(place)
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from rightful.actions.restore_backup import restore_backup\n"
        "def stop(what, share):\n    if what == sys.argv[4]:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "restore_backup(Path(sys.argv[1]), Path(sys.argv[2]), keys=Path(sys.argv[3]), actor='o', progress=stop)\n"
    )
    for step in ("putting in place", "the log", "erasures", "verifying"):
        done = subprocess.run([sys.executable, "-c", script, str(backup), str(place), str(keys), step])
        assert done.returncode == -signal.SIGKILL
        assert not (place / CONFIG).exists(), "nobody can open what is not ready"
    assert restore_backup(backup, place, keys=keys, actor=OLGA).verified.ok
    with Workspace.open(place) as ws:
        assert len(stored(ws)) == 60


def test_a_drill_tells_how_a_restore_would_go_and_touches_neither_workspace_nor_keys(place, tmp_path):
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        erase_customer(ws, "C004", actor="self")
        withdraw_consent(ws, "C006", "newsletter", "email")
        ws.ledger.publish()
        seen, size = ws.keys.erasures.seen(), ws.ledger.head()[0]
        found = drill(backup, place / "keys", tmp_path / "scratch", actor=OLGA)
        assert found.ok and (found.replayed.erased, found.replayed.refusals) == (1, 1)
        assert not (tmp_path / "scratch").exists(), "nothing of it stays, least of all the keys"
        assert (ws.keys.erasures.seen(), ws.ledger.head()[0]) == (seen, size)
        entry = note_drill(ws, found, actor=OLGA)
        assert ws.ledger.entry(entry).public["result"] == "ok" and ws.backups.all()[0].drill == "ok"
    with Workspace.open(place) as ws:
        assert ws.ledger.head()[0] > size


def test_sessions_do_not_come_back_with_a_backup(place, tmp_path):
    import sqlite3

    with sqlite3.connect(place / "state" / "web.sqlite") as web:
        web.execute("CREATE TABLE django_session (session_key TEXT, session_data TEXT)")
        web.execute("CREATE TABLE web_user (handle TEXT)")
        web.execute("INSERT INTO django_session VALUES ('k', 'd')")
        web.execute("INSERT INTO web_user VALUES ('olga')")
    backup = back_up(place, tmp_path)
    restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    with sqlite3.connect(tmp_path / "new" / "state" / "web.sqlite") as web:
        assert web.execute("SELECT count(*) FROM django_session").fetchone() == (0,)
        assert web.execute("SELECT count(*) FROM web_user").fetchone() == (1,)


def test_a_disposal_that_was_run_after_the_backup_is_run_again(tmp_path):
    place, clock = tmp_path / "shop", itertools.count(NOON, 1000)
    tables = dict(zip(("customer", "purchase", "visit"), people(Random(11)), strict=True))
    subject = {"residence": "residence", "email": "email"}
    with Workspace.create(place, "shop", subject=subject, clock=lambda: next(clock)) as ws:
        (place / "policy" / "shop.yaml").write_text(KEEPING, encoding="utf-8")
        files = [write(tmp_path / f"{name}.csv", rows) for name, rows in tables.items()]
        register_source.load_files(ws, register_source.propose(files), actor="eng")
        publish_policy(ws, actor=OLGA, approver="paul@shop.example")
        backup = tmp_path / make_backup(ws, tmp_path, actor=OLGA).file
        visits = len(stored(ws, "visit"))
        done = run_disposal(ws, actor=OLGA)
        left = {row["id"] for row in stored(ws, "visit")}
        assert done.status == "complete" and len(left) < visits
    keys = move_aside(place)
    found = restore_backup(backup, place, keys=keys, actor=OLGA, clock=lambda: next(clock))
    assert found.ok and found.replayed.disposals == 1
    assert found.replayed.disposed == sum(done.deleted.values()) + sum(done.emptied.values())
    with Workspace.open(place, clock=lambda: next(clock)) as ws:
        assert {row["id"] for row in stored(ws, "visit")} == left


@pytest.mark.postgres
def test_records_in_postgresql_are_backed_up_and_restored_into_an_empty_database_only(
    postgres_url, postgres_server, tmp_path, monkeypatch
):
    monkeypatch.setenv("CONTROL", postgres_url)
    place = make_shop(tmp_path, control={"url_env": "CONTROL"})
    backup = back_up(place, tmp_path)
    with Workspace.open(place) as ws:
        before = len(stored(ws))
        scan_links(ws, actor="eng")
        decide_links(ws, [], state="confirmed", actor="eng", sure=True)
        assert erase_customer(ws, "C004", actor="self", apart=["C005"]).status == "complete"
        withdraw_consent(ws, "C006", "newsletter", "email")
        with pytest.raises(BadInput, match="must not touch it"):
            drill(backup, place / "keys", tmp_path / "scratch", actor=OLGA)
    keys = move_aside(place)
    with pytest.raises(BadInput, match="holds a workspace already"):
        restore_backup(backup, place, keys=keys, actor=OLGA)
    assert not place.exists() or not list(place.iterdir())
    name = f"r_{postgres_url.rpartition('/')[2]}"
    postgres_server.run("createdb", "-h", "127.0.0.1", "-p", postgres_server.port, "-U", "rightful", name)
    try:
        monkeypatch.setenv("NEW_CONTROL", postgres_server.url(name))
        found = restore_backup(backup, place, keys=keys, control_env="NEW_CONTROL", actor=OLGA)
        assert found.verified.ok and (found.replayed.erased, found.replayed.refusals) == (1, 1)
        with Workspace.open(place) as ws:
            assert ws.config["control"] == {"url_env": "NEW_CONTROL"} and len(stored(ws)) == before - 1
            assert decide_one(ws, MAX, "newsletter", "C006", channel="email").outcome is Outcome.DENY
            assert decide_one(ws, MAX, "newsletter", "C007", channel="email") is not None
    finally:
        postgres_server.run("dropdb", "-h", "127.0.0.1", "-p", postgres_server.port, "-U", "rightful", "--force", name)


_IN_THE_CLEAR = ("workspace", "made", "program", "backup")


def _member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


@pytest.mark.parametrize(
    "member",
    [
        _member("../../escaped"),
        _member("keys/../../../escaped"),
        _member("/tmp/escaped-from-a-backup"),
        _member("./escaped"),
        _member("link", tarfile.SYMTYPE, "/etc/passwd"),
        _member("hard", tarfile.LNKTYPE, "../../../etc/passwd"),
        _member("device", tarfile.CHRTYPE),
        _member("block", tarfile.BLKTYPE),
        _member("pipe", tarfile.FIFOTYPE),
        _member("folder", tarfile.DIRTYPE),
    ],
    ids=lambda member: f"{member.name}",
)
def test_ac_036_a_backup_with_a_member_that_leads_elsewhere_is_refused_whole(place, tmp_path, monkeypatch, member):
    """Made by somebody who holds the keys: an honest backup, packed anew with one more member."""
    file = back_up(place, tmp_path)
    with contextlib.closing(Keyring.open(place / "keys")) as keys:
        unpacked = tmp_path / "unpacked"
        said, head = read_archive(file, keys, unpacked), read_head(file)
        members = [(name, unpacked / name) for name in said["files"]]
        honest = archive._add_bytes

        def with_one_more(tar, name, data):
            tar.addfile(member)
            honest(tar, name, data)

        monkeypatch.setattr(archive, "_add_bytes", with_one_more)
        file.unlink()
        write_archive(file, keys, {name: head[name] for name in _IN_THE_CLEAR}, members, said)
    monkeypatch.undo()
    (place / "keys").rename(tmp_path / "keys")
    outside = set(tmp_path.rglob("*"))
    target = tmp_path / "deep" / "down" / "restored"
    with pytest.raises(BackupRejected):
        restore_backup(file, target, keys=tmp_path / "keys", actor=OLGA)
    left = set(tmp_path.rglob("*")) - outside - {target, *target.parents}
    assert not left, "no file inside the target, and none outside"
    assert not Path("/tmp/escaped-from-a-backup").exists()


def test_a_database_that_was_restored_by_its_own_means_is_cleaned_of_whoever_was_erased_since(place, tmp_path):
    with Workspace.open(place) as ws:
        path, since = ws.source.path, ws.clock()
        shutil.copy(path, tmp_path / "old-store")
        erase_customer(ws, "C004", actor="self")
        erase_customer(ws, "C005", actor="self")
        assert keep_gone.let_in(ws, "p005@example.com", actor=OLGA, evidence="contract 17") == 1
    shutil.copy(tmp_path / "old-store", path)
    with Workspace.open(place) as ws:
        done = replay_since(ws, since, actor=OLGA)
        assert (done.erased, done.incomplete, done.still_there, done.refusals) == (2, 0, 0, 0)
        assert not {r["id"] for r in stored(ws)} & {"C004", "C005"} and len(stored(ws)) == 58
        assert replay_since(ws, since, actor=OLGA).erased == 0, "once is enough"
        with pytest.raises(BadInput, match="lies ahead"):
            replay_since(ws, ws.clock() + 10**9, actor=OLGA)
    with pytest.raises(BadInput, match="no instant"):
        instant_of("yesterday")


def test_ac_077_a_backup_of_a_newer_program_is_refused_by_an_older_one_and_becomes_no_workspace(place, tmp_path):
    with Workspace.open(place) as ws:
        made = make_backup(ws, tmp_path, actor=OLGA)
        with ws.control.write() as tx:
            tx.execute("UPDATE rf_migration SET version = version + 1 WHERE name = 'consent'")
        newer = make_backup(ws, tmp_path / "newer.rightful-backup", actor=OLGA)
    keys = move_aside(place)
    with pytest.raises(IntegrityFault, match="Start the newer program"):
        restore_backup(tmp_path / newer.file, place, keys=keys, actor=OLGA)
    assert not (place / CONFIG).exists()
    assert restore_backup(tmp_path / made.file, place, keys=keys, actor=OLGA).verified.ok, "in the same place"


def test_who_waited_for_a_decision_when_the_backup_was_made_still_waits_after_the_restore(place, tmp_path):
    with Workspace.open(place) as ws:
        erase_customer(ws, "C004", actor="self")
        with ws.source.writing() as con:
            con.execute("INSERT INTO rf_base.customer (id, email, residence) VALUES ('N1', 'P004@example.com', 'DE')")
        ws.facts.rebuild()
        backup = tmp_path / make_backup(ws, tmp_path, actor=OLGA).file
        erase_customer(ws, "C005", actor="self")
    found = restore_backup(backup, tmp_path / "new", keys=move_aside(place), actor=OLGA)
    assert found.ok and (found.replayed.erased, found.replayed.waiting) == (1, 0)
    with Workspace.open(tmp_path / "new") as ws:
        assert [back.key for back in keep_gone.who_came_back(ws, actor=OLGA)] == ["N1"], "the officer decides"
        assert decide_one(ws, MAX, "newsletter", "N1", channel="email").outcome is Outcome.DENY
        assert "C005" not in {r["id"] for r in stored(ws)}
