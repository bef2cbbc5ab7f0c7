"""What only large crowds go through gives the same as the plain way: bitmaps without lists, dates by day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from rightful.consent import rules
from rightful.gate.planes import add_period, as_roaring


def roaring_of(bits: np.ndarray) -> BitMap:
    return BitMap.deserialize(as_roaring(np.packbits(bits, bitorder="little")))


@given(st.sets(st.integers(0, 300_000), max_size=200), st.integers(1, 300_001))
def test_a_few_customers_come_back_as_they_were(numbers, size):
    inside = sorted(n for n in numbers if n < size)
    bits = np.zeros(size, np.bool_)
    bits[inside] = True
    assert list(roaring_of(bits)) == inside


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.001, 0.0624, 0.0626, 0.5, 1.0]), st.integers(1, 200_000))
def test_many_customers_come_back_as_they_were(seed, share, size):
    bits = np.random.default_rng(seed).random(size) < share
    assert roaring_of(bits) == BitMap(np.flatnonzero(bits).astype(np.uint32))


@pytest.mark.parametrize("members", [4_095, 4_096, 4_097, 65_535, 65_536])
def test_the_border_between_a_list_and_bits_is_the_library_s_own(members):
    bits = np.zeros(65_536, np.bool_)
    bits[:members] = True
    bits = np.random.default_rng(3).permutation(bits)
    expected = BitMap(np.flatnonzero(bits).astype(np.uint32))
    assert roaring_of(bits) == expected
    if members < 5_000:  # a nearly full part the library writes as runs
        assert as_roaring(np.packbits(bits, bitorder="little")) == expected.serialize()


def test_nobody_is_an_empty_bitmap():
    assert len(roaring_of(np.zeros(70_000, np.bool_))) == 0
    assert len(BitMap.deserialize(as_roaring(np.zeros(0, np.uint8)))) == 0


@pytest.mark.parametrize(("count", "unit"), [(24, "months"), (1, "months"), (13, "months"), (1, "years"), (90, "days")])
@pytest.mark.parametrize("years", [1, 60])
def test_a_period_for_many_ends_when_it_ends_for_each(count, unit, years):
    width = years * 31_557_600_000_000
    starts = np.random.default_rng(9).integers(-width, width, 30_000)
    ends = add_period(starts, count, unit)
    assert [int(end) for end in ends[:3_000]] == [rules.add_period(int(s), count, unit) for s in starts[:3_000]]
