"""The abuse cases that concern the ledger and its keys, each by its number (cases/abuse.json).

AC-058 is also in foreign/, AC-067 and AC-068 in test_crash.py, AC-074 in test_record.py and in
tests/protection.
"""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pyroaring import BitMap

from rightful.errors import BadInput, LedgerRolledBack, LedgerUnavailable
from rightful.ledger import merkle
from rightful.ledger.entry import Draft
from rightful.ledger.note import BadNote, Checkpoint, VerifierKey, open_checkpoint, sign_checkpoint
from rightful.ledger.proof import LogProof
from rightful.ledger.receipt import Receipt
from rightful.ledger.record import Ledger
from rightful.ledger.verify import (
    Claim,
    RowCheck,
    repair,
    verify_checkpoints,
    verify_database,
    verify_folder,
)
from rightful.protection.keys import Keyring
from tests.ledger.builders import ORIGIN, Place, consents, place


def key_of(home: Place) -> VerifierKey:
    return VerifierKey(ORIGIN, home.keys.public_key)


def test_AC_004_a_consent_row_changed_by_hand_is_found_and_named(home):
    with home.open() as ledger:
        ledger.db.migrate("room", ["CREATE TABLE consent_row (id INTEGER PRIMARY KEY, state TEXT, entry INTEGER)"])
        for number, state in enumerate(["given", "withdrawn"]):
            ledger.append(
                [Draft(f"consent.{state}", {"state": state}, subject="c-1")],
                lambda tx, entries, n=number, s=state: tx.execute(
                    "INSERT INTO consent_row VALUES (?, ?, ?)", (n, s, entries[0].index)
                ),
            )
    rows = RowCheck(
        lambda tx: [
            Claim(f"consent_row {number}", entry, {"state": state}, "c-1")
            for number, state, entry in tx.execute("SELECT id, state, entry FROM consent_row")
        ]
    )
    assert verify_database(home.db(), key_of(home), keys=home.keys, rows=[rows]).ok
    with home.db().write() as tx:
        tx.execute("UPDATE consent_row SET state = 'given' WHERE state = 'withdrawn'")
    report = verify_database(home.db(), key_of(home), keys=home.keys, rows=[rows])
    assert report.exit_code != 0
    assert report.first.where == "consent_row 1"
    assert "state" in report.first.sentence


@pytest.mark.parametrize("resign", [False, True], ids=["as_it_is", "signed_again"])
def test_AC_005_a_log_cut_by_fifty_entries_is_refused_at_the_start(home, resign):
    with home.filled(200) as ledger:
        receipt = ledger.receipt(199)
    _cut(home, 150, resign=resign)
    with pytest.raises(LedgerRolledBack, match=r"200 entries, the database holds 150|missing"):
        home.open()
    older = LogProof.parse(receipt.proof).checkpoint
    report = verify_database(home.db(), key_of(home), older=older)
    assert any("rolled back" in problem.sentence for problem in report.problems)


def _cut(home: Place, size: int, *, resign: bool) -> None:
    """What an administrator can do: delete rows; with the signing key, also sign what is left."""
    with home.db().write() as tx:
        leaves = [bytes(row[0]) for row in tx.execute("SELECT leaf FROM rf_entry ORDER BY idx")][:size]
        root = merkle.root_of(merkle.leaf_hash(leaf) for leaf in leaves)
        tx.execute("DELETE FROM rf_entry WHERE idx >= ?", (size,))
        tx.execute("DELETE FROM rf_sealed WHERE idx >= ?", (size,))
        tx.execute("UPDATE rf_head SET size = ?, root = ?", (size, root))
        if resign:
            note = sign_checkpoint(Checkpoint(ORIGIN, size, root), key_of(home), home.keys.sign)
            tx.execute("UPDATE rf_head SET note = ?", (note,))


def test_AC_006_history_written_anew_with_the_same_key_contradicts_every_earlier_checkpoint(tmp_path):
    """Whoever holds an earlier checkpoint sees it: none of its proofs leads to the new log."""
    true, forged = place(tmp_path / "true"), place(tmp_path / "forged")
    with true.filled(120) as ledger:
        held = LogProof.parse(ledger.receipt(119).proof).checkpoint
        key = ledger.verifier_key
    shutil.copytree(true.root / "keys", forged.root / "keys")
    with forged.filled(150) as rewritten:
        newer = rewritten.checkpoint()
        open_checkpoint(newer, VerifierKey.parse(key))  # signed by the true key
        proof = rewritten.prove_consistency(120)
        assert not verify_checkpoints(held, newer, proof, key).ok
        # No other proof helps: with these two roots none exists, and random ones fail as well.
        honest = true.open()
        assert not verify_checkpoints(held, newer, honest.prove_consistency(100), key).ok
        honest.close()
    assert not verify_folder(forged.folder, key, older=held).ok
    # The honest log beside the forged checkpoint refuses to start.
    shutil.copy(forged.folder / "checkpoint", true.folder / "checkpoint")
    with pytest.raises(LedgerRolledBack):
        true.open()


def test_AC_006_rows_rewritten_and_signed_again_contradict_the_checkpoint_outside(home):
    with home.filled(100) as ledger:
        held = ledger.checkpoint()
    with home.db().write() as tx:
        leaves = [bytes(row[0]) for row in tx.execute("SELECT leaf FROM rf_entry ORDER BY idx")]
        leaves[7] = leaves[7].replace(b"newsletter", b"somethings")
        hashes = [merkle.leaf_hash(leaf) for leaf in leaves]
        root = merkle.root_of(hashes)
        tx.execute("UPDATE rf_entry SET leaf = ?, hash = ? WHERE idx = 7", (leaves[7], hashes[7]))
        note = sign_checkpoint(Checkpoint(ORIGIN, 100, root), key_of(home), home.keys.sign)
        tx.execute("UPDATE rf_head SET root = ?, note = ?", (root, note))
    with pytest.raises(LedgerRolledBack, match="not those that were signed"):
        home.open()
    report = verify_database(home.db(), key_of(home), older=held)
    assert any("not those that were signed" in problem.sentence for problem in report.problems)


def test_AC_058_a_receipt_signed_with_another_key_is_refused(home, tmp_path):
    """The forger runs a log of the same name; the key inside the receipt then agrees with itself."""
    forger = place(tmp_path / "forger")
    with home.filled(3) as ledger:
        trusted = ledger.verifier_key
    with forger.filled(3) as ledger:
        receipt = Receipt.load(ledger.receipt(1).to_bytes())
    assert receipt.verify().ok and receipt.verify().remarks  # says it used the key inside
    report = receipt.verify(trusted)
    assert not report.ok and "not signed by" in report.first.sentence


def test_AC_058_a_receipt_for_other_words_is_refused(home):
    with home.filled(3) as ledger:
        receipt, key = ledger.receipt(0), ledger.verifier_key
    changed = Receipt(
        receipt.entry.replace(b"newsletter", b"everything"), receipt.proof, receipt.opening, receipt.verifier_key
    )
    assert "not in the signed tree" in changed.verify(key).first.sentence
    other = Receipt(receipt.entry, receipt.proof, (receipt.opening[0], b'{"ip":"::1"}'), receipt.verifier_key)
    assert "commits to" in other.verify(key).first.sentence


def test_AC_065_after_the_key_is_destroyed_no_table_leads_from_entries_to_the_person(home):
    person = "c-canary-8842"
    with home.open() as ledger:
        for number in range(5):
            ledger.append([Draft("a.b", {"n": number}, {"secret": f"canary-secret-{number}"}, person)])
            ledger.append([Draft("a.b", {"n": number}, {"x": number}, "c-other")])
        ledger.append([Draft("use.bulk", subjects=BitMap([4242, 4243]).serialize())])
        handles = [ledger.entry(index).handle for index in ledger.entries_of(person)]
        head = ledger.head()
        ledger.forget(person, number=4242)
        assert ledger.head() == head
        assert person not in ledger.keys.subjects.find([person])
        for table in ("rf_sealed", "rf_link", "rf_head", "rf_entry", "rf_key_check"):
            assert all(person not in str(row) for row in ledger.db.query(f"SELECT * FROM {table}")), table
        assert {row[0] for row in ledger.db.query("SELECT idx FROM rf_sealed")} == {1, 3, 5, 7, 9}
        assert len(set(handles)) == 5  # no two entries share a handle that would link them
        assert verify_database(ledger.db, ledger.key, keys=home.keys).ok
    assert verify_folder(home.folder, key_of(home)).ok
    if home.db().dialect == "sqlite":
        home.close()
        left = [f.name for f in home.root.rglob("*") if f.is_file() and person.encode() in f.read_bytes()]
        assert left == []


def test_AC_072_a_second_sequencer_that_ignores_the_first_cannot_commit_and_stops(home):
    with home.filled(10) as ledger:
        # What a sequencer does that has lost its lock: it writes at the index it remembers.
        stale = Ledger.open(home.db(), keys=home.keys, origin=ORIGIN, folder=home.folder, clock=home.clock)
        ledger.append(list(consents(5)))
        size, root = stale._edge.size, stale._edge_root
        original = stale._write

        def without_looking(tx, works):
            tx.execute("UPDATE rf_head SET size = ?, root = ?", (size, root))
            return original(tx, works)

        stale._write = without_looking
        with pytest.raises(LedgerUnavailable, match="another sequencer"):
            stale.append([Draft("a.b")])
        with pytest.raises(LedgerUnavailable, match="stopped"):
            stale.append([Draft("a.b")])
        assert ledger.head()[0] == 15
        assert ledger.append([Draft("a.b")])[0].index == 15
        assert verify_database(ledger.db, ledger.key, keys=home.keys).ok


def test_AC_074_a_database_without_its_master_key_does_not_start(home):
    home.filled(2).close()
    keys = home.root / "keys"
    saved = (keys / "master.key").read_text()
    (keys / "master.key").unlink()
    code = (
        "import sys; from rightful.errors import KeyMissing; from rightful.protection.keys import Keyring\n"
        f"try: Keyring.open_or_create({str(keys)!r})\n"
        "except KeyMissing as error: print(error); sys.exit(error.exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3 and "master" in done.stdout
    shutil.rmtree(keys)  # the whole folder gone: new keys are made, and the database refuses them
    from rightful.errors import KeyMissing

    fresh = Keyring.open_or_create(keys)
    with pytest.raises(KeyMissing) as refusal:
        Ledger.open(home.db(), keys=fresh, origin=ORIGIN, folder=home.folder, clock=home.clock)
    assert refusal.value.exit_code == 3
    assert saved not in str(refusal.value)


def test_AC_075_a_flipped_byte_in_the_database_file_is_found_by_its_entry_and_repaired(sqlite_home):
    home = sqlite_home
    home.filled(50).close()
    with sqlite3.connect(home.url) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        leaf = bytes(raw.execute("SELECT leaf FROM rf_entry WHERE idx = 30").fetchone()[0])
    raw.close()
    home.close()
    path = Path(home.url)
    data = bytearray(path.read_bytes())
    at = data.index(leaf) + leaf.index(b'"number":30') + 3
    data[at] ^= 1
    path.write_bytes(data)
    key = key_of(home)
    report = verify_database(home.db(), key, keys=home.keys)
    assert report.first.index == 30 and report.first.where in {"rf_entry 30", "entry 30"}
    assert repair(home.db(), home.folder, key) == [30]
    assert verify_database(home.db(), key, keys=home.keys).ok


def test_AC_075_a_torn_page_is_reported_and_does_not_end_the_check_with_an_error(sqlite_home):
    home = sqlite_home
    home.filled(300).close()
    home.db().scrub()
    home.close()
    path = Path(home.url)
    data = bytearray(path.read_bytes())
    for page in range(5, len(data) // 4096, 3):
        data[page * 4096 : page * 4096 + 512] = bytes(512)
    path.write_bytes(data)
    report = verify_database(home.db(), key_of(home), keys=home.keys)
    assert not report.ok


def test_AC_076_a_backup_older_than_the_last_receipt_is_refused_and_recovery_says_so_for_ever(sqlite_home):
    home = sqlite_home
    home.filled(80).close()
    home.db().scrub()
    home.close()
    backup = home.root / "backup.sqlite"
    shutil.copy(home.url, backup)
    with home.open() as ledger:
        ledger.append(list(consents(20)))
        receipt = ledger.receipt(99)
    home.close()
    for file in home.root.glob("control.sqlite*"):
        file.unlink()
    shutil.copy(backup, home.url)

    with pytest.raises(LedgerRolledBack, match="100 entries, the database holds 80"):
        home.open()
    options = {"keys": home.keys, "origin": ORIGIN, "folder": home.folder, "clock": home.clock}
    home.clock.now += 1
    with Ledger.recover(home.db(), statement="disk lost on 3 March, backup of 2 March", **options) as ledger:
        assert ledger.origin == f"{ORIGIN}/recovery-1"
        gap = ledger.entry(80)
        assert gap.kind == "ledger.recovered"
        assert gap.public["continues_from"] == 80
        assert gap.public["lost_checkpoint"] == LogProof.parse(receipt.proof).checkpoint
        assert ledger.append([Draft("a.b")])[0].index == 81
        new = ledger.receipt(81)
        assert new.verify(ledger.verifier_key).ok
        # The receipt of the gap still proves what was lost; the new log does not pretend to be the old.
        assert receipt.verify(key_of(home)).ok
        with pytest.raises(BadNote):
            open_checkpoint(ledger.checkpoint(), key_of(home))
        assert verify_database(ledger.db, ledger.key, keys=home.keys).ok
    with home.open() as ledger:
        assert ledger.head()[0] == 82 and ledger.origin == f"{ORIGIN}/recovery-1"
    assert verify_folder(home.folder, ledger.verifier_key).ok
    assert list(home.folder.glob("checkpoint.lost-*"))
    with pytest.raises(BadInput, match="nothing to recover"):
        Ledger.recover(home.db(), statement="again", **options)
