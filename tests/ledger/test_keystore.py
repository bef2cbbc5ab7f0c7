"""Whether the key of a person who was forgotten is gone: from the store, from its file, from every backup."""

from __future__ import annotations

import os
import shutil
import threading

import pytest

from rightful.errors import KeyMissing
from rightful.ledger.database import connect
from rightful.ledger.entry import Draft
from rightful.ledger.keystore import KeyStore
from rightful.ledger.verify import verify_database
from tests.ledger.builders import Place

PERSON = "c-canary-4711"
SECRET = {"ip": "192.0.2.77", "note": "canary-in-the-payload"}


def store_of(home: Place) -> KeyStore:
    return KeyStore(lambda: connect(home.root / "keys" / "subject-keys.sqlite"))


def test_a_backup_of_the_database_from_before_opens_nothing_of_somebody_forgotten(sqlite_home):
    home = sqlite_home
    with home.open() as ledger:
        [entry] = ledger.append([Draft("a.b", {"n": 1}, SECRET, PERSON)])
        assert ledger.open_private(entry.index) == SECRET
    home.close()
    backup = home.root / "backup.sqlite"
    shutil.copy(home.url, backup)
    with home.open() as ledger:
        ledger.forget(PERSON)
    home.close()
    shutil.copy(backup, home.url)  # everything of the database comes back: payload, link, salt
    with home.open() as ledger:
        assert ledger.entries_of(PERSON) == [entry.index]
        assert ledger.open_private(entry.index) is None
        found = verify_database(ledger.db, ledger.key, keys=home.keys)
        assert "the key of the subject" in found.first.sentence  # and that it came back is noticed


def test_the_bytes_of_a_destroyed_key_are_in_no_file_of_the_store(sqlite_home):
    home = sqlite_home
    with home.open() as ledger:
        ledger.append([Draft("a.b", {}, SECRET, PERSON), Draft("a.b", {}, SECRET, "c-other")])
        [wrapped] = ledger.keys.subjects.find([PERSON]).values()
        files = list((home.root / "keys").iterdir())
        assert any(wrapped in file.read_bytes() for file in files)
        ledger.forget(PERSON)
        assert not any(wrapped in file.read_bytes() for file in (home.root / "keys").iterdir())
        assert not any(PERSON.encode() in file.read_bytes() for file in (home.root / "keys").iterdir())
        assert ledger.open_private(1) == SECRET  # of the other person


def test_an_empty_store_is_not_taken_for_the_one_that_was_lost(sqlite_home):
    home = sqlite_home
    home.filled(3).close()
    for file in (home.root / "keys").glob("subject-keys*"):
        file.unlink()
    with pytest.raises(KeyMissing, match="subject-keys"):
        home.open()


def test_keys_that_an_older_version_kept_in_the_database_move_out_of_it(home):
    with home.open() as ledger:
        [entry] = ledger.append([Draft("a.b", {}, SECRET, PERSON)])
    store, db = store_of(home), home.db()
    wrapped = store.find([PERSON])
    with db.write() as tx:  # as it was before keys had a store of their own
        tx.insert_many("rf_subject_key", "subject, wrapped", list(wrapped.items()))
        tx.execute("DELETE FROM rf_key_check WHERE name = 'subject-keys'")
    store.close()
    for file in (home.root / "keys").glob("subject-keys*"):
        file.unlink()
    with home.open() as ledger:
        assert ledger.open_private(entry.index) == SECRET
        assert ledger.db.query("SELECT count(*) FROM rf_subject_key") == [(0,)]
    assert store_of(home).find([PERSON]) == wrapped


def test_of_two_keys_for_one_new_person_the_first_counts_for_both(tmp_path):
    store = KeyStore(lambda: connect(tmp_path / "keys.sqlite"))
    assert store.keep({"c-1": b"first"}) == {"c-1": b"first"}
    assert store.keep({"c-1": b"second", "c-2": b"other"}) == {"c-1": b"first", "c-2": b"other"}
    answers: list[dict[str, bytes]] = []
    threads = [threading.Thread(target=lambda: answers.append(store.keep({"c-3": os.urandom(8)}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer["c-3"] for answer in answers}) == 1


def test_forgetting_again_after_an_undone_transaction_leaves_nothing(home):
    with home.open() as ledger:
        ledger.append([Draft("a.b", {}, SECRET, PERSON)])
        with pytest.raises(ZeroDivisionError), ledger.db.write() as tx:
            ledger.forget(PERSON, tx=tx)
            raise ZeroDivisionError
        assert ledger.entries_of(PERSON) == [0] and ledger.open_private(0) is None
        ledger.forget(PERSON)
        assert ledger.entries_of(PERSON) == []
        assert verify_database(ledger.db, ledger.key, keys=home.keys).ok
