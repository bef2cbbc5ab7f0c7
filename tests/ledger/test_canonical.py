from __future__ import annotations

import json
import struct
from enum import IntEnum, StrEnum
from pathlib import Path
from types import MappingProxyType

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from rightful.ledger.canonical import _MAX_FORMS as MAX_FORMS
from rightful.ledger.canonical import NotCanonical, canonical, read

VECTORS = json.loads((Path(__file__).parent / "vectors/rfc8785.json").read_text())


@pytest.mark.parametrize("name", ["values", "weird-2"])
def test_documents_are_written_as_the_rfc_writes_them(name):
    document = VECTORS["documents"][name]
    assert canonical(json.loads(document["input"])).decode() == document["output"]


def test_names_are_sorted_by_utf_16_units_not_by_code_points():
    document = VECTORS["documents"]["weird"]
    assert list(json.loads(canonical(json.loads(document["input"]))).values()) == document["order"]


@pytest.mark.parametrize(("bits", "text"), VECTORS["numbers"])
def test_numbers_are_written_as_appendix_b_of_the_rfc_writes_them(bits, text):
    assert canonical(struct.unpack(">d", bytes.fromhex(bits))[0]).decode() == text


@pytest.mark.parametrize("bits", VECTORS["refused_numbers"])
def test_what_is_no_number_is_refused(bits):
    with pytest.raises(NotCanonical):
        canonical({"n": struct.unpack(">d", bytes.fromhex(bits))[0]})


SAFE = st.integers(-(2**53 - 1), 2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | SAFE | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
def test_the_bytes_are_those_of_another_implementation(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_canonical_bytes_read_back_and_written_again_are_the_same(value):
    assert canonical(read(canonical(value))) == canonical(value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2**53, "beyond"),
        ({"a": [-(2**53)]}, "beyond"),
        ({1: "a"}, "not text"),
        ("\ud800", "surrogate"),
        ({"\udfff": 1}, "surrogate"),
        (b"bytes", "no JSON type"),
        ({"a": {1, 2}}, "no JSON type"),
        (float("nan"), "no JSON number"),
    ],
    ids=repr,
)
def test_what_readers_would_disagree_about_is_refused(value, why):
    with pytest.raises((NotCanonical, UnicodeEncodeError), match=why):
        canonical(value)


def test_a_value_nested_without_end_is_refused():
    value: list[object] = []
    value.append(value)
    with pytest.raises(NotCanonical, match="deep"):
        canonical(value)


class Colour(StrEnum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


def test_words_of_enumerations_tuples_and_read_only_mappings_are_written_by_value():
    value = MappingProxyType({"b": Colour.RED, "a": (Level.HIGH, True)})
    assert canonical(value) == b'{"a":[3,true],"b":"red"}'


def test_the_fast_way_and_the_careful_way_agree():
    plain = {"b": ['\u2028\x7f\x00"\\/', 1, None, True], "a": {"z": "ö", "y": {}}}
    assert canonical(plain) == canonical(MappingProxyType(plain)) == rfc8785.dumps(plain)


NAMES = st.sampled_from(["a", "b", "%", "%s", 'q"', "\n", "ö", "\U0001f600", "\ufb33"])


@given(st.lists(st.dictionaries(NAMES, TEXT | SAFE | st.just(Colour.RED), max_size=4), min_size=2, max_size=8))
def test_objects_of_a_form_seen_before_are_written_like_the_first(objects):
    for value in [*objects, *objects]:
        backwards = dict(reversed(value.items()))
        assert canonical(value) == canonical(backwards) == canonical(MappingProxyType(value)) == rfc8785.dumps(value)


def test_forms_that_are_made_up_without_end_do_not_fill_the_memory(monkeypatch):
    forms: dict[object, object] = {}
    monkeypatch.setattr("rightful.ledger.canonical._forms", forms)
    for number in range(3000):
        canonical({f"made-up-{number}": "x", "kept": "y"})
    assert len(forms) == MAX_FORMS
    assert canonical({"b": "%s", "a": "ö"}) == '{"a":"ö","b":"%s"}'.encode()
