"""Sketches of who was counted: small differences are always seen, the same people never differ."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rightful.errors import SqlRefused
from rightful.gate import differencing
from rightful.ledger.database import connect
from rightful.protection.counted import BUCKETS, MOST_GROUPS, WINDOW_US, Counted, CountedLog, Groups, close_pairs


def scattered(number: int) -> tuple[int, int]:
    digest = hashlib.sha256(str(number).encode()).digest()
    return int.from_bytes(digest[:2], "big") % BUCKETS, int.from_bytes(digest[2:6], "big")


def groups(*sets) -> Groups:
    sums = np.zeros((len(sets), BUCKETS), np.int64)
    for place, members in enumerate(sets):
        for number in members:
            bucket, weight = scattered(number)
            sums[place, bucket] += weight
    return Groups(np.array([len(s) for s in sets], np.int64), sums)


PEOPLE = st.frozensets(st.integers(0, 400), max_size=120)


@settings(max_examples=150, deadline=None)
@given(PEOPLE, PEOPLE, st.integers(2, 30))
def test_a_difference_below_the_minimum_is_always_seen(one, changed, least):
    other = one ^ frozenset(sorted(changed)[: least - 1])
    found = close_pairs(groups(one), groups(other), least)
    assert bool(found) == (one != other)


@settings(max_examples=100, deadline=None)
@given(PEOPLE, PEOPLE, st.integers(2, 20))
def test_a_difference_well_above_the_minimum_is_no_refusal(one, other, least):
    if len(one ^ other) > least + 8:  # some may fall into one bucket
        assert close_pairs(groups(one), groups(other), least) == []


def check(mine, *earlier, today=None, least=5, question="now"):
    logged = [Counted(i, f"q{i}", g) for i, g in enumerate(earlier)]
    return differencing.check(mine, question, logged, today or (lambda _entry: None), least)


EVERYBODY = frozenset(range(100))


def test_everybody_and_then_everybody_but_one_is_refused_and_the_reason_names_the_first():
    with pytest.raises(SqlRefused, match=r"entry 0.*fewer than 5") as refused:
        check([groups(EVERYBODY - {7})], groups(EVERYBODY))
    assert refused.value.code == "sql.differencing"


def test_the_same_question_is_never_compared_with_itself():
    assert len(check([groups(EVERYBODY - {7})], groups(EVERYBODY), question="q0").sizes) == 1


def test_the_same_people_asked_for_in_other_words_are_fine():
    check([groups(EVERYBODY)], groups(EVERYBODY))


def test_what_time_has_changed_is_not_the_question():
    now = groups(EVERYBODY - {7})
    check([now], groups(EVERYBODY), today=lambda _entry: now)
    with pytest.raises(SqlRefused):
        check([now], groups(EVERYBODY), today=lambda _entry: groups(EVERYBODY))


def test_one_group_of_many_is_enough():
    with pytest.raises(SqlRefused):
        check([groups(frozenset(range(40, 80)), frozenset(range(39)))], groups(frozenset(range(40)), EVERYBODY))


def test_a_group_too_small_to_be_shown_does_not_count():
    check([groups(frozenset(range(4)))], groups(frozenset(range(3))))


def test_two_counts_in_one_statement_are_two_counts():
    with pytest.raises(SqlRefused, match="within this question"):
        check([groups(EVERYBODY), groups(EVERYBODY - {7})])


def test_of_a_question_with_many_groups_the_smallest_are_kept():
    many = groups(*(frozenset(range(i, i + 5 + i % 7)) for i in range(300)))
    kept = check([many])
    assert len(kept.sizes) == MOST_GROUPS and kept.sizes.max() <= np.sort(many.sizes)[MOST_GROUPS]


def test_what_is_kept_comes_back_and_is_forgotten_in_time(tmp_path):
    log = CountedLog(connect(tmp_path / "c.sqlite"), b"k" * 32)
    mine = groups(EVERYBODY, frozenset(range(10)))
    with log.db.write() as tx:
        log.remember(tx, 4, "ana@shop.example", 1000, "q", mine)
    [old] = log.earlier("ana@shop.example", 2000)
    assert (old.entry, old.question) == (4, "q")
    assert (old.groups.sums == mine.sums).all() and (old.groups.sizes == mine.sizes).all()
    assert log.earlier("max@shop.example", 2000) == [], "each person's questions are their own"
    assert log.earlier("ana@shop.example", 1000 + WINDOW_US) == []
    with log.db.write() as tx:
        log.remember(tx, 9, "ana@shop.example", 1000 + WINDOW_US, "q", mine)
    assert log.db.query("SELECT entry FROM counted") == [(9,)]
    assert b"ana" not in (tmp_path / "c.sqlite").read_bytes()
