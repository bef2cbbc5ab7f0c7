from __future__ import annotations

import json
import os
import signal
import threading
from hashlib import sha256

import pytest
from pyroaring import BitMap

from rightful.errors import (
    BadInput,
    ClockUntrusted,
    IntegrityFault,
    KeyMissing,
    LedgerRolledBack,
    LedgerUnavailable,
    NotFound,
    RecordMismatch,
)
from rightful.ledger.canonical import canonical
from rightful.ledger.entry import Draft, Entry, instant, microseconds
from rightful.ledger.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from rightful.ledger.note import VerifierKey, open_checkpoint
from rightful.ledger.receipt import Receipt
from rightful.ledger.record import Ledger
from rightful.protection.keys import Keyring
from tests.ledger.builders import MARCH, ORIGIN, consents

DOMAIN = ["CREATE TABLE event (entry INTEGER PRIMARY KEY, name TEXT UNIQUE)"]


def remember(name: str):
    return lambda tx, entries: tx.execute("INSERT INTO event VALUES (?, ?)", (entries[0].index, name))


# Recording


def test_an_entry_is_canonical_json_without_personal_data(home):
    with home.open() as ledger:
        draft = Draft("consent.given", {"purpose": "newsletter"}, {"mail": "grace@example.org"}, "c-17", at=MARCH - 5)
        [entry] = ledger.append([draft])
        assert canonical(json.loads(entry.leaf)) == entry.leaf
        assert set(entry.data) == {"at", "commitment", "handle", "happened_at", "id", "kind", "public", "v"}
        assert (entry.index, entry.at, entry.kind) == (0, MARCH, "consent.given")
        assert entry.data["at"] == "2026-03-03T12:00:00.000000Z"
        assert entry.data["happened_at"] == "2026-03-03T11:59:59.999995Z"
        assert entry.public == {"purpose": "newsletter"}
        assert b"grace" not in entry.leaf and b"c-17" not in entry.leaf
        assert ledger.entry(0) == entry
        assert ledger.open_private(0) == {"mail": "grace@example.org"}


def test_two_entries_about_one_customer_have_nothing_in_common_but_their_kind(home):
    with home.open() as ledger:
        first, second = ledger.append([Draft("consent.given", {}, {"a": 1}, "c-17")] * 2)
        assert first.handle != second.handle
        assert first.commitment != second.commitment
        assert first.id != second.id
        assert ledger.entries_of("c-17") == [0, 1]


def test_an_entry_without_payload_or_subject_says_only_what_it_says(home):
    with home.open() as ledger:
        ledger.append([Draft("policy.published", {"version": 3}), Draft("consent.asked", subject="c-1")])
        assert set(ledger.entry(0).data) == {"at", "id", "kind", "public", "v"}
        assert set(ledger.entry(1).data) == {"at", "handle", "id", "kind", "public", "v"}
        assert (ledger.open_private(0), ledger.open_private(1)) == (None, None)
        assert ledger.entries_of("c-1") == [1]


def test_the_head_is_the_root_over_all_entries(home):
    with home.filled(300) as ledger:
        hashes = [leaf_hash(entry.leaf) for entry in ledger.entries()]
        assert ledger.head() == (300, root_of(hashes))
        assert ledger.root_at(257) == root_of(hashes[:257])
        assert [entry.index for entry in ledger.entries(250, 260)] == list(range(250, 260))
        checkpoint = open_checkpoint(ledger.checkpoint(), VerifierKey.parse(ledger.verifier_key))
        assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 300, root_of(hashes))


def test_an_empty_append_changes_nothing(home):
    with home.filled(3) as ledger:
        head, note = ledger.head(), ledger.checkpoint()
        assert ledger.append([]) == []
        assert (ledger.head(), ledger.checkpoint()) == (head, note)


@pytest.mark.parametrize(
    "draft",
    [
        Draft("No Capitals"),
        Draft(""),
        Draft("a.b\n"),
        Draft('x","public":{}'),
        Draft("too.large", {"text": "x" * 70_000}),
        Draft("wrong.type", {"text": b"bytes"}),
        Draft("wrong.number", {"n": 2**60}),
        Draft("wrong.text", {"n": "\ud800"}),
        Draft("wrong.payload", {}, {"n": float("nan")}),
        Draft("wrong.bitmap", subjects=b"no bitmap"),
    ],
    ids=lambda draft: repr(draft.kind),
)
def test_a_draft_that_cannot_be_an_entry_is_refused_and_nothing_is_recorded(home, draft):
    with home.open() as ledger:
        with pytest.raises(BadInput):
            ledger.append([Draft("good.one"), draft])
        assert ledger.head()[0] == 0


# Rows and entries in one transaction


def test_rows_learn_the_index_of_their_entry_and_are_written_with_it(home):
    with home.filled(5) as ledger:
        ledger.db.migrate("event", DOMAIN)
        [entry] = ledger.append([Draft("consent.given")], remember("first"))
        assert ledger.db.query("SELECT entry, name FROM event") == [(entry.index, "first")] == [(5, "first")]


def test_rows_that_fail_leave_no_entry_and_the_ledger_goes_on(home):
    with home.open() as ledger:
        ledger.db.migrate("event", DOMAIN)
        ledger.append([Draft("consent.given")], remember("first"))
        with pytest.raises(Exception, match=r"(?i)unique"):
            ledger.append([Draft("consent.given")], remember("first"))
        with pytest.raises(ZeroDivisionError):
            ledger.append([Draft("consent.given")], lambda tx, entries: 1 / 0)
        assert ledger.head()[0] == 1
        [entry] = ledger.append([Draft("consent.given")], remember("second"))
        assert entry.index == 1


def test_one_callers_failure_is_not_that_of_those_who_share_its_commit(home):
    with home.open() as ledger:
        ledger.db.migrate("event", DOMAIN)
        ledger._commit_lock.acquire()  # so that all four wait and share one transaction
        try:
            outcomes: dict[str, object] = {}

            def call(name: str, key: str) -> None:
                try:
                    outcomes[key] = ledger.append([Draft("consent.given")] * 2, remember(name))
                except Exception as error:
                    outcomes[key] = error

            threads = [
                threading.Thread(target=call, args=(name, key))
                for name, key in (("a", "1"), ("a", "2"), ("b", "3"), ("c", "4"))
            ]
            for thread in threads:
                thread.start()
            while len(ledger._queue) < 4:
                threading.Event().wait(0.01)
        finally:
            ledger._commit_lock.release()
        for thread in threads:
            thread.join()
        failed = [key for key, outcome in outcomes.items() if isinstance(outcome, Exception)]
        assert len(failed) == 1 and failed[0] in "12"
        indexes = sorted(e.index for o in outcomes.values() if isinstance(o, list) for e in o)
        assert indexes == list(range(6))
        assert {index for (index,) in ledger.db.query("SELECT entry FROM event")} == {0, 2, 4}


def test_many_threads_append_at_once_and_each_gets_its_own_entries(home):
    with home.open() as ledger:
        ledger.db.migrate("event", DOMAIN)
        got: dict[int, list[Entry]] = {}

        def call(number: int) -> None:
            for turn in range(10):
                drafts = [Draft("consent.given", {"by": number}, {"turn": turn}, f"c-{number}")] * 3
                got.setdefault(number, []).extend(ledger.append(drafts, remember(f"{number}-{turn}")))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(e.index for entries in got.values() for e in entries) == list(range(240))
        for number, entries in got.items():
            assert all(ledger.entry(e.index).public == {"by": number} for e in entries)
            assert ledger.entries_of(f"c-{number}") == [e.index for e in entries]
        assert ledger.root_at(240) == root_of(leaf_hash(e.leaf) for e in ledger.entries())


def test_a_submitted_draft_is_recorded_without_waiting_and_in_order(home):
    with home.open() as ledger:
        futures = [ledger.submit([Draft("consent.given", {"n": n})]) for n in range(600)]
        assert [f.result(30)[0].index for f in futures] == list(range(600))
        assert ledger.append([Draft("consent.given")])[0].index == 600


def test_an_append_inside_a_transaction_is_refused_instead_of_waiting_for_itself(home):
    with home.open() as ledger:
        with ledger.db.write(), pytest.raises(RuntimeError, match="inside a transaction"):
            ledger.append([Draft("consent.given")])
        with pytest.raises(RuntimeError, match="inside a transaction"):
            ledger.append([Draft("a.b")], lambda tx, entries: ledger.append([Draft("consent.given")]))
        assert ledger.append([Draft("consent.given")])[0].index == 0


def test_two_ledgers_on_one_database_take_turns(home):
    with home.open() as one, home.open() as two:
        for number in range(20):
            ledger = (one, two)[number % 2]
            assert ledger.append([Draft("a.b", {}, {"n": number}, "c-1")] * 20)[0].index == number * 20
        assert one.head() == two.head()
        assert one.root_at(400) == root_of(leaf_hash(e.leaf) for e in two.entries())
        assert two.open_private(0) == {"n": 0} and one.open_private(20) == {"n": 1}


# The clock


def test_T14_a_clock_behind_the_newest_entry_is_refused(home):
    with home.filled(3) as ledger:
        home.clock.now -= 1_000_000
        with pytest.raises(ClockUntrusted):
            ledger.append([Draft("consent.given")])
        with pytest.raises(ClockUntrusted):
            ledger.check_clock()
        assert ledger.head()[0] == 3
        home.clock.now += 1_000_000
        assert ledger.check_clock() == home.clock.now
        assert ledger.append([Draft("consent.given")])[0].index == 3


def test_T14_the_newest_entry_is_remembered_across_a_restart(home):
    home.filled(3).close()
    home.clock.now -= 400_000
    with home.open() as ledger, pytest.raises(ClockUntrusted):
        ledger.append([Draft("consent.given")])


def test_recording_instants_never_go_back(home):
    with home.open() as ledger:
        late = ledger._enqueue([Draft("a.b")], None)  # prepared first, recorded together with a later one
        home.clock.now += 10
        ledger.append([Draft("c.d")])
        assert late.future.result()[0].index == 0
        home.clock.now += 10
        early = ledger._enqueue([Draft("e.f")], None)
        home.clock.now += 5
        early_again = ledger._enqueue([Draft("g.h")], None)
        ledger._queue.reverse()
        ledger.append([])
        assert early_again.future.result()[0].index < early.future.result()[0].index
        times = [entry.at for entry in ledger.entries()]
        assert times == sorted(times)
        assert [canonical(e.data) == e.leaf for e in ledger.entries()] == [True] * 4


@pytest.mark.parametrize("us", [0, 1, MARCH, MARCH + 999_999, 4_102_444_799_999_999])
def test_an_instant_is_written_with_six_decimals_and_read_back(us):
    assert microseconds(instant(us)) == us
    assert len(instant(us)) == 27


# Forgetting


def test_a_forgotten_subject_leaves_entries_that_verify_and_say_nothing(home):
    with home.filled(30) as ledger:
        head, mine = ledger.head(), ledger.entries_of("c-1")
        others = {s: ledger.entries_of(s) for s in ("c-0", "c-2")}
        receipt = ledger.receipt(mine[0])
        ledger.forget("c-1")
        assert ledger.head() == head
        assert ledger.entries_of("c-1") == []
        assert [ledger.open_private(index) for index in mine] == [None] * len(mine)
        assert {s: ledger.entries_of(s) for s in ("c-0", "c-2")} == others
        assert receipt.verify(ledger.verifier_key).ok
        assert ledger.receipt(mine[0]).opening is None
        assert ledger.receipt(mine[0]).verify(ledger.verifier_key).ok


def test_a_subject_who_comes_back_gets_a_new_key_that_does_not_open_the_old(home):
    with home.open() as ledger:
        ledger.append([Draft("a.b", {}, {"n": 1}, "c-1")])
        ledger.forget("c-1")
        ledger.append([Draft("a.b", {}, {"n": 2}, "c-1")])
        assert ledger.entries_of("c-1") == [1]
        assert (ledger.open_private(0), ledger.open_private(1)) == (None, {"n": 2})


def test_forgetting_can_be_part_of_a_larger_transaction(home):
    with home.filled(30) as ledger:
        before = ledger.entries_of("c-1")
        with pytest.raises(ZeroDivisionError), ledger.db.write() as tx:
            ledger.forget("c-1", tx=tx)
            raise ZeroDivisionError
        assert ledger.entries_of("c-1") == before  # links come back, the key does not: it lies elsewhere
        assert ledger.open_private(before[0]) is None
        with ledger.db.write() as tx:
            ledger.forget("c-1", tx=tx)
        assert ledger.entries_of("c-1") == []


def test_a_key_destroyed_by_another_process_is_not_used_again(home):
    with home.open() as one, home.open() as two:
        one.append([Draft("a.b", {}, {"n": 1}, "c-1")])
        two.append([Draft("a.b", {}, {"n": 2}, "c-1")])  # now both hold the key in memory
        two.forget("c-1")
        one.append([Draft("a.b", {}, {"n": 3}, "c-1"), Draft("a.b", {}, {"n": 4}, "c-2")])
        assert [two.open_private(index) for index in range(4)] == [None, None, {"n": 3}, {"n": 4}]
        assert one.entries_of("c-1") == two.entries_of("c-1") == [2]


def test_two_processes_that_meet_a_new_customer_agree_on_one_key(home):
    with home.open() as one, home.open() as two:
        waiting = one._enqueue([Draft("a.b", {}, {"n": 1}, "c-1")], None)
        two.append([Draft("a.b", {}, {"n": 2}, "c-1")])
        one.append([])
        assert waiting.future.result()[0].index == 1
        with home.open() as three:
            assert [three.open_private(index) for index in range(2)] == [{"n": 2}, {"n": 1}]


def test_links_are_found_before_and_after_they_are_sorted_in(home, monkeypatch):
    monkeypatch.setattr("rightful.ledger.record.MAX_UNLINKED", 50)
    with home.filled(130) as ledger:
        expected = [n for n in range(130) if n % 3 != 2 and n % 7 == 1]
        assert ledger.entries_of("c-1") == expected
        assert 0 < ledger.db.query("SELECT count(*) FROM rf_link")[0][0] < 130
        ledger.forget("c-1")
        assert ledger.entries_of("c-1") == []
        assert ledger.db.query("SELECT count(*) FROM rf_sealed WHERE subject = 'c-1'") == [(0,)]


# Bulk uses


def test_a_customer_finds_every_bulk_use_that_touched_them(home):
    everyone = BitMap(range(0, 200_000, 3))
    some = BitMap([5, 65_535, 65_536, 9_999_999])
    with home.open() as ledger:
        ledger.append([Draft("use.bulk", {"purpose": "a"}, subjects=everyone.serialize())])
        ledger.append([Draft("use.bulk", {"purpose": "b"}, subjects=some.serialize()), Draft("a.b")])
        ledger.append([Draft("use.bulk", {"purpose": "c"}, subjects=BitMap().serialize())])
        assert ledger.uses_touching(65_535) == [0, 1]
        assert ledger.uses_touching(65_536) == [1]
        assert ledger.uses_touching(9_999_999) == [1]
        assert ledger.uses_touching(4) == []
        assert ledger.subjects_of(0) == everyone and ledger.subjects_of(1) == some
        assert ledger.subjects_of(3) == BitMap()
        stated = ledger.entry(0).data["subjects"]
        assert (stated["count"], stated["parts"]) == (len(everyone), [0, 1, 2, 3])


def test_a_forgotten_customer_is_taken_out_of_every_bulk_use_and_nobody_else_is(home):
    some = BitMap([5, 6, 65_536])
    with home.open() as ledger:
        for _ in range(3):
            ledger.append([Draft("use.bulk", subjects=some.serialize())])
        ledger.forget("c-5", number=5)
        assert ledger.uses_touching(5) == []
        assert ledger.uses_touching(6) == ledger.uses_touching(65_536) == [0, 1, 2]
        assert ledger.subjects_of(1) == BitMap([6, 65_536])
        # With the salt one could try out which number fits the digest.
        assert ledger.db.query("SELECT count(*) FROM rf_bulk WHERE salt IS NULL") == [(3,)]


# Proofs and receipts


def test_every_entry_is_proven_against_the_newest_checkpoint(home):
    with home.filled(270) as ledger:
        size, root = ledger.head()
        for index in (0, 1, 127, 255, 256, 269):
            proof = ledger.prove(index)
            assert verify_inclusion(leaf_hash(ledger.entry(index).leaf), index, size, proof.path, root)
        for older in (0, 1, 100, 256, 257, 270):
            steps = ledger.prove_consistency(older)
            assert verify_consistency(older, size, steps, ledger.root_at(older), root)
        for unknown in (-1, 270):
            with pytest.raises(NotFound):
                ledger.prove(unknown)
        with pytest.raises(NotFound):
            ledger.entry(270)
        with pytest.raises(NotFound):
            ledger.prove_consistency(271)


def test_a_receipt_is_verified_from_its_file_alone(home, tmp_path):
    notice = b"<h1>What we do with your address</h1>"
    with home.open() as ledger:
        digest = sha256(notice).hexdigest()
        ledger.append([Draft("consent.given", {"notice": digest}, {"ip": "192.0.2.1"}, "c-1")])
        receipt = ledger.receipt(0, attachments={"notice.html": notice})
        key = ledger.verifier_key
    path = receipt.save(tmp_path / "receipt.zip")
    loaded = Receipt.load(path)
    assert loaded == receipt
    report = loaded.verify(key)
    assert report.ok and report.exit_code == 0 and report.size == 1
    assert loaded.private == {"ip": "192.0.2.1"} and loaded.data["kind"] == "consent.given"
    assert loaded.verify().remarks  # says that the key was not compared with one from elsewhere
    folder = tmp_path / "receipt"
    folder.mkdir()
    assert Receipt.load(receipt.save(folder)) == receipt
    assert receipt.to_bytes() == receipt.to_bytes()


def test_a_receipt_publishes_the_checkpoint_it_stands_under(home):
    with home.filled(10) as ledger:
        receipt = ledger.receipt(9)
        outside = (home.folder / "checkpoint").read_text()
        assert receipt.proof.endswith(outside)


# Opening


def test_a_log_is_found_again_as_it_was_left(home):
    with home.filled(300) as ledger:
        head, private = ledger.head(), ledger.open_private(0)
    with home.open() as ledger:
        assert ledger.head() == head and ledger.open_private(0) == private
        assert ledger.append(list(consents(5)))[0].index == 300


def test_a_closed_ledger_records_nothing(home):
    ledger = home.filled(1)
    ledger.close()
    ledger.close()
    with pytest.raises(LedgerUnavailable, match="closed"):
        ledger.append([Draft("a.b")])


def test_the_log_of_another_name_is_refused(home):
    home.filled(1).close()
    with pytest.raises(IntegrityFault, match=r"meadow\.example"):
        Ledger.open(home.db(), keys=home.keys, origin="other.example", folder=home.folder, clock=home.clock)


def test_AC_074_a_database_is_refused_with_other_keys_than_its_own(home, tmp_path):
    home.filled(1).close()
    other = Keyring.open_or_create(tmp_path / "other-keys")
    with pytest.raises(KeyMissing, match="master"):
        Ledger.open(home.db(), keys=other, origin=ORIGIN, folder=home.folder, clock=home.clock)


def test_a_missing_outside_checkpoint_is_refused(home):
    home.filled(1).close()
    (home.folder / "checkpoint").unlink()
    with pytest.raises(LedgerRolledBack, match="missing"):
        home.open()


def test_an_outside_checkpoint_of_another_log_is_refused(home, tmp_path):
    from tests.ledger.builders import place

    home.filled(1).close()
    stranger = place(tmp_path / "stranger")
    stranger.filled(2).close()
    (home.folder / "checkpoint").write_bytes((stranger.folder / "checkpoint").read_bytes())
    with pytest.raises(LedgerRolledBack, match="not one of this log"):
        home.open()


def test_an_empty_database_beside_a_published_log_is_refused(sqlite_home):
    sqlite_home.filled(3).close()
    for file in sqlite_home.root.glob("control.sqlite*"):
        file.unlink()
    with pytest.raises(LedgerRolledBack, match="holds no log"):
        sqlite_home.open()


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("UPDATE rf_entry SET leaf = ? WHERE idx = 299", IntegrityFault),
        ("DELETE FROM rf_entry WHERE idx = 299", IntegrityFault),
        ("UPDATE rf_head SET root = ?", (IntegrityFault, LedgerRolledBack)),
        ("UPDATE rf_head SET size = 298", LedgerRolledBack),
        ("UPDATE rf_tile SET root = ? WHERE level = 0 AND number = 0", (IntegrityFault, LedgerRolledBack)),
        ("UPDATE rf_head SET note = 'x'", IntegrityFault),
    ],
)
def test_a_tree_that_does_not_fit_its_root_is_refused_at_the_start(home, statement, error):
    home.filled(300).close()
    db = home.db()
    with db.write() as tx:
        tx.execute(statement, (b"\x00" * 32,) if "?" in statement else ())
    db.close()
    with pytest.raises(error):
        home.open()


def test_a_payload_swapped_for_another_is_noticed_when_it_is_opened(home):
    with home.open() as ledger:
        ledger.append([Draft("a.b", {}, {"n": n}, "c-1") for n in range(2)])
        with ledger.db.write() as tx:
            other = tx.one("SELECT sealed FROM rf_sealed WHERE idx = 1")
            tx.execute("UPDATE rf_sealed SET sealed = ? WHERE idx = 0", other)
        with pytest.raises(RecordMismatch):
            ledger.open_private(0)


def test_tiles_and_checkpoint_are_published_within_a_second_of_an_append(home):
    with home.filled(260):
        for _ in range(100):
            size = (home.folder / "checkpoint").read_text().split("\n")[1]
            if size == "260":
                break
            threading.Event().wait(0.05)
        assert size == "260"
        assert (home.folder / "tile/0/000").stat().st_size == 8192
        assert (home.folder / "tile/0/001.p/4").stat().st_size == 128
        assert (home.folder / "tile/1/000.p/1").is_file()
        assert (home.folder / "tile/entries/001.p/4").is_file()


def test_tiles_lost_in_a_power_cut_are_written_again_at_the_next_start(home):
    home.filled(260).close()
    (home.folder / ".tiles-on-disk").unlink()
    (home.folder / "tile/0/000").write_bytes(b"")
    (home.folder / "tile/entries/001.p/4").unlink()
    home.open().close()
    assert (home.folder / "tile/0/000").stat().st_size == 8192
    assert (home.folder / "tile/entries/001.p/4").is_file()


def test_a_folder_that_cannot_be_written_stops_the_ledger(home):
    ledger = home.filled(1)
    ledger.publish()
    ledger.append([Draft("a.b")])
    checkpoint = home.folder / "checkpoint"
    checkpoint.unlink()
    checkpoint.mkdir()
    with pytest.raises(LedgerUnavailable):
        ledger.receipt(1)
    with pytest.raises(LedgerUnavailable, match="stopped"):
        ledger.append([Draft("a.b")])


def test_a_forked_child_appends_with_locks_and_threads_of_its_own(sqlite_home):
    with sqlite_home.open() as ledger:
        ledger.submit([Draft("a.b")]).result()  # now the parent has its threads
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if ledger.append([Draft("c.d")])[0].index == 1 else 1)
            except BaseException:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert ledger.append([Draft("e.f")])[0].index == 2


def test_a_fork_in_the_middle_of_recording_and_publishing_leaves_no_lock_behind(sqlite_home):
    with sqlite_home.open() as ledger:
        ledger.submit([Draft("a.b")]).result()
        stop = threading.Event()

        def busy():
            while not stop.is_set():
                ledger.append([Draft("busy.thread")])
                ledger.publish()

        thread = threading.Thread(target=busy)
        thread.start()
        try:
            for _ in range(12):
                child = os.fork()
                if child == 0:
                    signal.alarm(20)  # a child that waits for a lock nobody holds any more is ended, and seen
                    try:
                        os._exit(0 if ledger.append([Draft("c.d")]) else 1)
                    except BaseException:
                        os._exit(2)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        finally:
            stop.set()
            thread.join()


def test_what_is_on_its_way_cannot_be_called_back(home):
    with home.open() as ledger:
        future = ledger.submit([Draft("a.b")])
        assert not future.cancel()
        assert future.result()[0].index == 0
