"""Letters wait, leave once, are tried again, come back; nobody reads them in the database, and an erasure ends them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from rightful.errors import BadInput
from rightful.ledger.journal import Journal
from rightful.ledger.record import Draft, Ledger
from rightful.mail.bounce import Bounce
from rightful.mail.queue import Letter, Mail
from rightful.mail.rules import LEASE_US, MOST_ATTEMPTS, WAITS_US
from tests.ledger.builders import Place, place

WORDS = {"name": "Ana Ortiz", "path": "/confirm/abc"}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    here = place(tmp_path, url)
    yield here
    here.close()


@pytest.fixture
def ledger(home: Place) -> Iterator[Ledger]:
    with home.open() as opened:
        yield opened


@pytest.fixture
def mail(home: Place, ledger: Ledger) -> Mail:
    return Mail(Journal(ledger), b"k" * 32, lambda no: f"s-{no}", home.clock)


def put(mail: Mail, **more: object) -> int:
    return mail.put(**({"to": "ana@example.com", "template": "receipt", "words": WORDS, "subject_no": 7} | more))


def taken(mail: Mail) -> Letter:
    letter = mail.take()
    assert letter is not None
    return letter


def test_a_letter_is_taken_once_with_its_address_and_words(mail):
    number = put(mail, language="de", headers={"List-Unsubscribe": "<https://x.example/u/1>"})
    letter = taken(mail)
    assert (letter.id, letter.to, letter.language) == (number, "ana@example.com", "de")
    assert letter.words == WORDS
    assert letter.headers == {"List-Unsubscribe": "<https://x.example/u/1>"}
    assert mail.take() is None
    mail.sent(letter)
    assert mail.counts()["sent"] == 1


def test_neither_address_nor_words_lie_in_the_database_nor_in_the_repr(home, mail, ledger):
    put(mail, once="order-of-ana@example.com", subject_no=None)
    put(mail)
    letter = taken(mail)
    mail.sent(letter)
    stored = repr(mail.db.query("SELECT * FROM mail_letter")) + repr(mail.db.query("SELECT leaf FROM rf_entry"))
    for secret in ("ana", "Ana", "Ortiz", "confirm"):
        assert secret not in stored
        assert secret not in repr(letter) + repr(mail.lines())


def test_many_workers_take_every_letter_exactly_once(mail):
    numbers = {put(mail, once=str(n)) for n in range(40)}
    got: list[int] = []

    def work() -> None:
        while (letter := mail.take()) is not None:
            got.append(letter.id)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(got) == sorted(numbers)


def test_the_same_occasion_is_one_letter(mail):
    first = put(mail, once="receipt-4")
    assert put(mail, once="receipt-4") == first
    assert put(mail, once="receipt-5") != first
    assert put(mail) != put(mail), "what names no occasion is always a new letter"


def test_a_letter_and_its_reason_are_there_together_or_not_at_all(mail, ledger):
    with pytest.raises(RuntimeError):
        ledger.append([Draft("consent.given", {}, {}, "s-7")], lambda tx, entries: (put(mail), fail()))
    assert mail.counts()["queued"] == 0
    ledger.append([Draft("consent.given", {}, {}, "s-7")], lambda tx, entries: put(mail))
    assert taken(mail).to == "ana@example.com"


def fail() -> None:
    raise RuntimeError


def test_what_did_not_leave_is_tried_again_later_and_later_and_then_given_up(home, mail):
    put(mail)
    for attempt, wait in enumerate(WAITS_US, 1):
        letter = taken(mail)
        assert letter.attempts == attempt
        assert mail.not_sent(letter, "4.4.1")
        assert mail.take() is None, "not at once"
        home.clock.now += wait - 1
        assert mail.take() is None
        home.clock.now += 1
    assert not mail.not_sent(taken(mail), "4.4.1")
    (line,) = mail.lines()
    assert (line.state, line.attempts, line.status) == ("failed", MOST_ATTEMPTS, "4.4.1")


def test_a_letter_in_the_hand_of_a_dead_worker_comes_back(home, mail):
    put(mail)
    taken(mail)
    home.clock.now += LEASE_US
    letter = taken(mail)
    assert letter.attempts == 2
    mail.sent(letter)
    home.clock.now += LEASE_US
    assert mail.take() is None


def test_a_letter_that_kills_whoever_takes_it_is_given_up(home, mail):
    put(mail)
    for _ in range(MOST_ATTEMPTS):
        taken(mail)
        home.clock.now += LEASE_US
    assert mail.take() is None
    assert mail.lines()[0].state == "failed"


@pytest.mark.parametrize(("status", "dead"), [("5.1.1", True), ("5.2.2", False), ("5.7.1", False), ("4.2.2", False)])
def test_only_a_dead_address_ends_what_is_written_to_it_and_only_for_its_kind(mail, status, dead):
    put(mail, kind="newsletter")
    letter = taken(mail)
    mail.sent(letter)
    line = mail.bounced(Bounce(letter.token, status))
    assert line is not None
    assert line.state == ("sent" if status.startswith("4") else "bounced")
    assert mail.is_dead(" ANA@Example.com", "newsletter") is dead
    again = put(mail, kind="newsletter", to="Ana@EXAMPLE.com")
    assert (mail.line(again).state == "bounced") is dead
    assert mail.line(put(mail, kind="rights")).state == "queued", "an answer to a request is still tried"
    mail.revive("ana@example.com")
    assert mail.line(put(mail, kind="newsletter")).state == "queued"


def test_a_bounce_is_counted_once_and_one_of_nobody_changes_nothing(mail):
    put(mail)
    letter = taken(mail)
    mail.sent(letter)
    first, second = mail.bounced(Bounce(letter.token, "5.1.1")), mail.bounced(Bounce(letter.token, "5.2.1"))
    assert first == second
    assert mail.bounced(Bounce("0" * 32, "5.1.1")) is None


@pytest.mark.parametrize(
    ("subject", "keep", "stays"), [(7, True, True), (7, False, False), (None, True, False), (None, False, False)]
)
def test_what_was_sent_is_kept_only_for_the_customer_it_is_about(mail, subject, keep, stays):
    put(mail, subject_no=subject, keep=keep)
    mail.sent(taken(mail))
    assert (mail.db.query("SELECT sealed FROM mail_letter")[0][0] is not None) is stays


def test_an_erased_customer_gets_no_letter_that_was_waiting(mail, ledger):
    put(mail)
    put(mail, subject_no=8, to="ben@example.com")
    ledger.forget("s-7")
    assert taken(mail).to == "ben@example.com"
    assert mail.take() is None
    assert {line.status for line in mail.lines(state="failed")} == {"erased"}


def test_a_new_key_does_not_open_what_was_sealed_before_the_erasure(mail, ledger):
    put(mail)
    ledger.forget("s-7")
    ledger.append([Draft("erasure.done", {}, {"what": "all"}, "s-7")])
    assert mail.take() is None


def test_forgetting_takes_away_all_that_leads_to_a_customer(mail):
    put(mail)
    mail.sent(taken(mail))
    put(mail)
    with mail.db.write() as tx:
        assert mail.forget(tx, 7) == 2
    assert mail.take() is None
    assert mail.db.query("SELECT count(*) FROM mail_letter WHERE subject IS NOT NULL OR sealed IS NOT NULL") == [(0,)]
    assert {line.state for line in mail.lines()} == {"sent", "failed"}


def test_sending_is_written_down_for_the_customer_without_the_address(mail, ledger):
    put(mail, kind="rights")
    mail.sent(taken(mail))
    (index,) = ledger.entries_of("s-7")
    entry = ledger.entry(index)
    assert entry.kind == "mail.sent"
    assert entry.public == {"template": "receipt", "about": "rights", "language": "en"}


@pytest.mark.parametrize("to", ["", "ana", "a@b@c", "ana@example.com\r\nBcc: all@example.com", "a b@example.com"])
def test_what_is_no_address_is_not_written_to(mail, to):
    with pytest.raises(BadInput):
        put(mail, to=to)


@pytest.mark.parametrize("headers", [{"Bcc": "x@example.com"}, {"Reply-To": "x@example.com\nBcc: y@example.com"}])
def test_no_other_header_comes_in(mail, headers):
    with pytest.raises(BadInput):
        put(mail, headers=headers)


def test_a_letter_changed_or_moved_in_the_database_is_not_sent(mail):
    put(mail)
    put(mail, subject_no=8, to="ben@example.com")
    with mail.db.write() as tx:
        rows = tx.execute("SELECT id, sealed FROM mail_letter ORDER BY id")
        tx.execute("UPDATE mail_letter SET sealed = ? WHERE id = ?", (rows[1][1], rows[0][0]))
    assert taken(mail).to == "ben@example.com"
    assert mail.take() is None
