"""Which fields are proposed to be dropped: every kind of answer, and nothing that was read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.retention.minimising import SAYS, judge

SINCE, OLD, NEW = 1_000, 10, 2_000


@pytest.mark.parametrize(
    ("purposes", "read", "asked", "first", "verdict", "proposed"),
    [
        ((), None, {}, OLD, "no-purpose", True),
        ((), NEW, {}, OLD, "no-purpose", True),
        (("tax",), None, {}, OLD, "unread", True),
        (("tax",), SINCE - 1, {}, OLD, "unread", True),
        (("tax",), SINCE, {}, OLD, "read", False),
        (("tax",), NEW, {"tax": NEW}, OLD, "read", False),
        (("tax",), None, {"tax": NEW}, OLD, "only-asked", False),
        (("tax",), None, {"tax": SINCE - 1}, OLD, "unread", True),
        (("tax",), None, {"news": NEW}, OLD, "unread", True),
        (("tax",), None, {}, SINCE + 1, "too-early", False),
        (("tax",), None, {}, SINCE, "unread", True),
        ((), None, {}, SINCE + 1, "no-purpose", True),
    ],
)
def test_a_field_gets_the_answer_that_is_true_of_it(purposes, read, asked, first, verdict, proposed):
    reads = {} if read is None else {"t.f": read}
    [found] = judge({"t.f": purposes}, reads, asked, since_us=SINCE, first_us=first)
    assert (found.verdict, found.proposed, found.purposes) == (verdict, proposed, purposes)
    assert SAYS[found.verdict]


FIELDS = st.sampled_from([f"t.f{n}" for n in range(8)])
INSTANTS = st.integers(0, 3_000)


@given(
    needs=st.dictionaries(FIELDS, st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True)),
    reads=st.dictionaries(FIELDS, INSTANTS),
    asked=st.dictionaries(st.sampled_from(["a", "b", "c"]), INSTANTS),
    since=INSTANTS,
    first=INSTANTS,
)
def test_what_a_purpose_needs_and_a_use_has_read_is_never_proposed(needs, reads, asked, since, first):
    found = judge(needs, reads, asked, since_us=since, first_us=first)
    assert sorted(f.field for f in found) == sorted(needs), "every field is told once"
    for one in found:
        used = any(asked.get(p, -1) >= since for p in needs[one.field]) or reads.get(one.field, -1) >= since
        assert one.proposed == (not needs[one.field] or (not used and first <= since))
    ranks = [f.proposed for f in found]
    assert ranks == sorted(ranks, reverse=True), "proposals come first"
