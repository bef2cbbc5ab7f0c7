"""A changed byte anywhere is found, and what is found is named."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyroaring import BitMap

from rightful.errors import BadInput, IntegrityFault
from rightful.ledger.database import Database, connect
from rightful.ledger.entry import Draft
from rightful.ledger.receipt import Receipt
from rightful.ledger.verify import (
    Claim,
    Report,
    RowCheck,
    repair,
    verify_checkpoints,
    verify_database,
    verify_folder,
)
from tests.ledger.builders import Place, consents, place

SIZE = 300


@pytest.fixture
def log(home: Place) -> Place:
    """A closed log of 300 entries with a bulk use, published."""
    with home.filled(SIZE - 1) as ledger:
        ledger.append([Draft("use.bulk", {"purpose": "a"}, subjects=BitMap(range(0, 90_000, 7)).serialize())])
    return home


def key_of(home: Place) -> str:
    with home.open() as ledger:
        return ledger.verifier_key


def check(home: Place, **options: object) -> Report:
    return verify_database(home.db(), _vkey(home), keys=home.keys, **options)  # type: ignore[arg-type]


def _vkey(home: Place) -> str:
    from rightful.ledger.note import VerifierKey
    from tests.ledger.builders import ORIGIN

    return str(VerifierKey(ORIGIN, home.keys.public_key))


def change(home: Place, sql: str, *values: object) -> None:
    with home.db().write() as tx:
        tx.execute(sql, values)


# What is whole


def test_an_untouched_log_verifies_from_the_database_and_from_the_folder(log):
    outside = (log.folder / "checkpoint").read_text()
    for report in (check(log, older=outside), verify_folder(log.folder, _vkey(log), older=outside)):
        assert report.ok and bool(report) and report.exit_code == 0, report
        assert (report.checked, report.size) == (SIZE, SIZE)
        assert f"{SIZE} of {SIZE} entries checked" in str(report)


def test_progress_is_told_and_a_check_without_keys_says_what_it_left_out(log):
    steps: list[tuple[int, int]] = []
    report = verify_database(log.db(), _vkey(log), progress=lambda done, total: steps.append((done, total)))
    assert report.ok and steps and all(total == SIZE for _, total in steps)
    assert any("no keys" in remark for remark in report.remarks)


def test_a_log_still_verifies_after_somebody_was_forgotten(log):
    with log.open() as ledger:
        ledger.forget("c-1", number=7)
    assert check(log).ok and verify_folder(log.folder, _vkey(log)).ok


def test_an_empty_log_verifies(home):
    home.open().close()
    assert check(home).ok and verify_folder(home.folder, _vkey(home)).ok


# What was changed in the database


@pytest.mark.parametrize(
    ("sql", "index", "where"),
    [
        ("UPDATE rf_entry SET leaf = {flip} WHERE idx = 17", 17, "rf_entry 17"),
        ("UPDATE rf_entry SET leaf = {flip} WHERE idx = 299", 299, "rf_entry 299"),
        ("UPDATE rf_entry SET hash = {flip} WHERE idx = 17", 17, "rf_entry 17"),
        ("DELETE FROM rf_entry WHERE idx = 280", 280, "rf_entry 280"),
        ("DELETE FROM rf_tile WHERE level = 0", 0, "rf_tile 0/0"),
        ("UPDATE rf_tile SET root = {flip} WHERE level = 0", 0, "rf_tile 0/0"),
        ("UPDATE rf_sealed SET sealed = {flip} WHERE idx = 3", 3, "rf_sealed 3"),
        ("UPDATE rf_sealed SET subject = 'c-2' WHERE idx = 1", 1, "rf_sealed 1"),
        ("UPDATE rf_sealed SET sealed = NULL WHERE idx = 1", 1, "rf_sealed 1"),
        ("UPDATE rf_bulk SET bits = {flip}", 299, "rf_bulk 299"),
        ("UPDATE rf_bulk SET digest = {flip}", 299, "rf_bulk 299"),
        ("DELETE FROM rf_bulk WHERE place > 1000000", 299, "rf_bulk of 299"),
        ("UPDATE rf_head SET note = 'x'", None, "rf_head"),
        ("UPDATE rf_head SET root = {flip}", None, "rf_head"),
        ("UPDATE rf_head SET size = size - 1", 299, "rf_entry 299"),
        ("DELETE FROM rf_head", 0, "rf_entry 0"),
    ],
)
def test_a_change_in_the_database_is_found_and_named(log, sql, index, where):
    flipped = {
        "sqlite": "CAST(substr({c}, 1, 20) || CASE substr({c}, 21, 1) WHEN X'00' THEN X'01' ELSE X'00' END || "
        "substr({c}, 22) AS BLOB)",
        "postgresql": "set_byte({c}, 20, (get_byte({c}, 20) + 1) % 256)",
    }[log.db().dialect]
    column = sql.split(" SET ")[-1].split(" =")[0]
    change(log, sql.replace("{flip}", flipped.format(c=column)))
    report = check(log)
    assert not report.ok and report.exit_code == 4
    named = [(problem.where, problem.index) for problem in report.problems]
    assert (where, index) in named, named


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE subject_key SET wrapped = X'0000' WHERE subject = 'c-3'",
        "UPDATE subject_key SET wrapped = (SELECT wrapped FROM subject_key WHERE subject = 'c-2')",
        "DELETE FROM subject_key WHERE subject = 'c-3'",
    ],
)
def test_a_changed_or_lost_key_of_a_subject_is_found_and_named(log, sql):
    store = connect(log.root / "keys" / "subject-keys.sqlite")
    with store.write() as tx:
        tx.execute(sql)
    store.close()
    assert ("rf_sealed 3", 3) in [(problem.where, problem.index) for problem in check(log).problems]


def test_an_entry_added_behind_the_signed_tree_is_found(log):
    leaf = log.db().query("SELECT leaf, hash FROM rf_entry WHERE idx = 0")[0]
    change(log, "INSERT INTO rf_entry (idx, leaf, hash) VALUES (300, ?, ?)", *leaf)
    assert check(log).first.index == 300


def test_the_first_of_several_changed_entries_is_named_first(log):
    for index in (200, 40, 120):
        change(log, "UPDATE rf_entry SET leaf = ? WHERE idx = ?", b"{}", index)
    assert check(log).first.index == 40
    assert "rf_entry 40" in str(check(log)) and "more" in str(check(log))


def test_a_tile_that_lies_about_its_hashes_proves_nothing(log):
    change(log, "UPDATE rf_tile SET hashes = ? WHERE level = 0", bytes(8192))
    assert ("rf_entry 0", 0) in [(p.where, p.index) for p in check(log).problems]
    with log.open() as ledger, pytest.raises(IntegrityFault, match="does not prove entry 5"):
        ledger.receipt(5)


def test_every_changed_byte_of_a_sample_of_rows_is_found(sqlite_home):
    home = sqlite_home
    with home.filled(20) as ledger:
        ledger.append([Draft("use.bulk", subjects=BitMap([1, 2, 70_000]).serialize())])
    source = random.Random(2026)
    db = home.db()
    columns = [
        ("rf_entry", "idx", "leaf"),
        ("rf_entry", "idx", "hash"),
        ("rf_sealed", "idx", "sealed"),
        ("rf_bulk", "place", "bits"),
        ("rf_bulk", "place", "salt"),
        ("rf_bulk", "place", "digest"),
        ("rf_head", "one", "root"),
        ("rf_head", "one", "note"),
    ]
    unnoticed = []
    for table, name, column in columns:
        rows = db.query(f"SELECT {name}, {column} FROM {table} WHERE {column} IS NOT NULL")
        for key, value in source.sample(rows, min(6, len(rows))):
            text = isinstance(value, str)
            data = value.encode() if text else value
            for at in sorted(source.sample(range(len(data)), min(12, len(data)))):
                changed = data[:at] + bytes([data[at] ^ (1 << source.randrange(7))]) + data[at + 1 :]
                stored = changed.decode("utf-8", "replace") if text else changed
                change(home, f"UPDATE {table} SET {column} = ? WHERE {name} = ?", stored, key)
                if check(home).ok:
                    unnoticed.append((table, key, column, at))
            change(home, f"UPDATE {table} SET {column} = ? WHERE {name} = ?", value, key)
    assert unnoticed == []
    assert check(home).ok  # everything was put back, so it was the changes that were found


# What was changed in the published folder


def test_every_changed_byte_of_a_sample_of_published_files_is_found(tmp_path):
    home = place(tmp_path)
    home.filled(270).close()
    key, source = _vkey(home), random.Random(2026)
    unnoticed = []
    files = [f for f in home.folder.rglob("*") if f.is_file() and not f.name.startswith(".")]
    assert {f.relative_to(home.folder).parts[0] for f in files} == {"checkpoint", "tile"}
    live = [f for f in files if _needed(f, home)]
    assert len(live) == 6  # checkpoint, 2 + 2 at level 0, 1 at level 1
    for file in live:
        data = file.read_bytes()
        places = range(len(data)) if file.name == "checkpoint" else source.sample(range(len(data)), 25)
        for at in places:
            file.write_bytes(data[:at] + bytes([data[at] ^ (1 << source.randrange(8))]) + data[at + 1 :])
            if verify_folder(home.folder, key).ok:
                unnoticed.append((file.name, at))
        for cut in (data[:-1], b"", data + b"\0"):
            file.write_bytes(cut)
            if verify_folder(home.folder, key).ok:
                unnoticed.append((file.name, len(cut)))
        file.unlink()
        assert not verify_folder(home.folder, key).ok
        file.write_bytes(data)
    assert unnoticed == []
    assert verify_folder(home.folder, key).ok


def _needed(file: Path, home: Place) -> bool:
    """Partial tiles of earlier sizes may lie about; only those of the present size are looked at."""
    return ".p" not in str(file) or (file.name in {"14", "1"} and file.stat().st_size in _sizes(file))


def _sizes(file: Path) -> set[int]:
    if "entries" in file.parts:
        return {file.stat().st_size} if file.name == "14" else set()
    return {14 * 32} if file.parts[-3] == "0" else {32}


def test_a_changed_entry_in_a_bundle_is_named(tmp_path):
    home = place(tmp_path)
    home.filled(270).close()
    bundle = home.folder / "tile/entries/000"
    data = bytearray(bundle.read_bytes())
    data[data.index(b'"number":30')] ^= 1
    bundle.write_bytes(data)
    report = verify_folder(home.folder, _vkey(home))
    assert report.first.index == 30 and report.exit_code == 4


# Receipts


def test_every_changed_byte_of_a_receipt_is_found(tmp_path):
    home = place(tmp_path)
    with home.filled(40) as ledger:
        receipt, key = ledger.receipt(6), ledger.verifier_key
    salt, payload = receipt.opening

    def forged(name: str, data: bytes) -> Receipt:
        parts = {"entry": receipt.entry, "proof": receipt.proof.encode(), "salt": salt, "payload": payload}
        parts[name] = data
        opening = (parts["salt"], parts["payload"])
        return replace(receipt, entry=parts["entry"], proof=parts["proof"].decode("utf-8", "replace"), opening=opening)

    assert forged("entry", receipt.entry) == receipt and receipt.verify(key).ok
    unnoticed = []
    for name, data in (
        ("entry", receipt.entry),
        ("proof", receipt.proof.encode()),
        ("salt", salt),
        ("payload", payload),
    ):
        for at in range(len(data)):
            if forged(name, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]).verify(key).ok:
                unnoticed.append((name, at))
    assert unnoticed == []


def test_an_attachment_the_entry_does_not_speak_of_is_refused(tmp_path):
    home = place(tmp_path)
    with home.filled(3) as ledger:
        receipt = ledger.receipt(0, attachments={"notice.html": b"another text"})
        report = receipt.verify(ledger.verifier_key)
    assert not report.ok and report.first.where == "notice.html"


@pytest.mark.parametrize("damage", [b"", b"no zip", b"PK\x03\x04 broken"])
def test_a_file_that_is_no_receipt_is_refused(damage, tmp_path):
    path = tmp_path / "receipt.zip"
    path.write_bytes(damage)
    with pytest.raises(BadInput):
        Receipt.load(path)


# Rows of a room


def _room(home: Place) -> tuple[RowCheck, Callable[[int, str], None]]:
    db = home.db()
    db.migrate("room", ["CREATE TABLE consent_row (entry INTEGER PRIMARY KEY, state TEXT, subject TEXT, ip TEXT)"])
    with home.open() as ledger:
        for number, state in enumerate(["given", "withdrawn", "given"]):
            ledger.append(
                [Draft(f"consent.{state}", {"state": state}, {"ip": f"192.0.2.{number}"}, f"c-{number}")],
                lambda tx, entries, n=number, s=state: tx.execute(
                    "INSERT INTO consent_row VALUES (?, ?, ?, ?)", (entries[0].index, s, f"c-{n}", f"192.0.2.{n}")
                ),
            )

    def claims(tx):
        for entry, state, subject, ip in tx.execute("SELECT entry, state, subject, ip FROM consent_row"):
            yield Claim(f"consent_row {entry}", entry, {"state": state}, subject, {"ip": ip})

    def damage(entry: int, column: str) -> None:
        change(home, f"UPDATE consent_row SET {column} = 'x' WHERE entry = ?", entry)

    return RowCheck(claims, frozenset({"consent.given", "consent.withdrawn"})), damage


@pytest.mark.parametrize(("column", "word"), [("state", "state"), ("subject", "subject"), ("ip", "ip")])
def test_a_changed_domain_row_is_named_with_what_differs(home, column, word):
    rows, damage = _room(home)
    assert check(home, rows=[rows]).ok
    damage(1, column)
    report = check(home, rows=[rows])
    assert report.first.where == "consent_row 1" and report.first.index == 1
    assert word in report.first.sentence


def test_a_deleted_domain_row_is_missed(home):
    rows, _ = _room(home)
    change(home, "DELETE FROM consent_row WHERE entry = 2")
    report = check(home, rows=[rows])
    assert report.first.index == 2 and "gone" in report.first.sentence


def test_a_domain_row_nobody_recorded_is_found(home):
    rows, _ = _room(home)
    change(home, "INSERT INTO consent_row VALUES (?, 'given', 'c-9', '')", 77)
    assert check(home, rows=[rows]).first.where == "consent_row 77"


# Repair


def test_damaged_entries_are_put_back_from_tiles_that_verify(log):
    for index in (3, 290):
        change(log, "UPDATE rf_entry SET leaf = ? WHERE idx = ?", b"{}", index)
    change(log, "DELETE FROM rf_entry WHERE idx = 100")
    assert not check(log).ok
    assert repair(log.db(), log.folder, _vkey(log)) == [3, 100, 290]
    assert check(log).ok
    log.open().close()


def test_nothing_is_repaired_from_tiles_that_do_not_verify(log):
    change(log, "UPDATE rf_entry SET leaf = ? WHERE idx = 3", b"{}")
    bundle = log.folder / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b"newsletter", b"newsIetter", 1))
    with pytest.raises(IntegrityFault, match="nothing is repaired"):
        repair(log.db(), log.folder, _vkey(log))


# Two checkpoints


def test_an_older_checkpoint_is_the_beginning_of_a_newer_one_or_it_is_said(tmp_path):
    one, other = place(tmp_path / "one"), place(tmp_path / "other")
    with one.filled(100) as ledger:
        older = ledger.checkpoint()
        ledger.append(list(consents(50)))
        newer, steps, key = ledger.checkpoint(), ledger.prove_consistency(100), ledger.verifier_key
    assert verify_checkpoints(older, newer, steps, key).ok
    assert not verify_checkpoints(newer, older, steps, key).ok
    assert not verify_checkpoints(older, newer, steps[:-1], key).ok
    assert not verify_checkpoints("nonsense", newer, steps, key).ok
    shutil.copytree(one.root / "keys", other.root / "keys")
    with other.filled(150) as forked:  # same key, other entries
        assert not verify_checkpoints(older, forked.checkpoint(), forked.prove_consistency(100), key).ok


def test_a_database_checked_against_a_larger_checkpoint_was_rolled_back(log):
    with log.open() as ledger:
        ledger.append(list(consents(10)))
        later = ledger.checkpoint()
    old = _as_it_was(log)
    report = verify_database(old, _vkey(log), older=later)
    assert report.first is not None and any("rolled back" in p.sentence for p in report.problems)


def _as_it_was(log: Place) -> Database:
    """The database before its last ten entries."""
    import json

    from rightful.ledger import merkle
    from rightful.ledger.note import Checkpoint, VerifierKey, sign_checkpoint

    db = log.db()
    leaves = [bytes(row[0]) for row in db.query("SELECT leaf FROM rf_entry ORDER BY idx")][:SIZE]
    assert all(json.loads(leaf) for leaf in leaves)
    root = merkle.root_of(merkle.leaf_hash(leaf) for leaf in leaves)
    key = VerifierKey.parse(_vkey(log))
    note = sign_checkpoint(Checkpoint(key.name, SIZE, root), key, log.keys.sign)
    for sql, values in (
        (f"DELETE FROM rf_entry WHERE idx >= {SIZE}", ()),
        (f"DELETE FROM rf_sealed WHERE idx >= {SIZE}", ()),
        ("UPDATE rf_head SET size = ?, root = ?, note = ?", (SIZE, root, note)),
    ):
        change(log, sql, *values)
    return db
