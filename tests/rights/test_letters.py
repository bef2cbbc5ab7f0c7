"""Letters and copies as texts: complete in every language, and nothing in them is ever run."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader

from rightful.actions import request_words
from rightful.rights import letters
from rightful.rights.copy import (
    Copy,
    FieldSeen,
    Withheld,
    as_csv,
    as_document,
    as_html,
    as_zip,
    is_free_text,
    safe_cell,
    schema_text,
    without_others,
)
from rightful.rights.rules import REFUSALS, Kind, State, Step

ENGLISH = letters.words_of("en")
WORDS = {
    "organisation": "Meadow",
    "today": "Monday, 2 March 2026",
    "ref": "R-BCDF2345",
    "kind": "a copy of your data",
    "due": "Tuesday, 7 April 2026",
    "reasoning": "1 calendar month",
    "reason": "It takes more work.",
    "article": "GDPR Art. 12(3)",
}


def shape(value):
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return len(value) if isinstance(value, list) else None


@pytest.mark.parametrize("language", letters.languages())
def test_every_language_has_every_sentence(language):
    words = letters.words_of(language)
    assert shape(words) == shape(ENGLISH)
    for name, text in words["letters"].items():
        wanted = {w for w in ("ref", "due", "reasoning", "reason", "article", "outcome", "note") if f"${w}" in (
            ENGLISH["letters"][name])}  # fmt: skip
        assert {w for w in wanted if f"${w}" in text} == wanted, name
    assert set(words["kinds"]) == set(Kind)
    assert set(REFUSALS) < set(words["reasons"])


def test_a_language_nobody_wrote_is_english():
    assert letters.write("answer", "tlh", WORDS).markdown == letters.write("answer", "en", WORDS).markdown


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Tuesday, 3 March 2026"),
        ("de", "Dienstag, 3. März 2026"),
        ("fr", "mardi 3 mars 2026"),
        ("es", "martes, 3 de marzo de 2026"),
        ("ar", "الثلاثاء 3 مارس 2026"),
    ],
)
def test_a_date_has_its_weekday_in_every_language(language, said):
    assert letters.say_date(date(2026, 3, 3), language) == said


@pytest.mark.parametrize(
    "note",
    ["<script>alert(1)</script>", "[click](javascript:alert(1))", "![x](https://example.org/x.png)", "{{7*7}}$ref"],
)
def test_what_a_person_adds_is_shown_and_not_obeyed(note):
    html = letters.write("refusal", "en", {**WORDS, "note": note}).html()
    for bad in ("<script", "<img", "<a ", "49R-"):
        assert bad not in html


def test_a_letter_can_be_printed_in_a_language_from_right_to_left():
    letter = letters.write("answer", "ar", WORDS)
    assert 'dir="rtl"' in letter.html()
    assert len(PdfReader(io.BytesIO(letter.pdf())).pages) == 1


def test_words_exist_for_every_kind_state_and_step():
    assert set(request_words.KINDS) == set(Kind)
    assert set(request_words.STATES) == set(State)
    assert set(request_words.STEPS) == set(Step)
    assert set(REFUSALS) <= set(request_words.REASONS)
    for sentence in (*request_words.STEPS.values(), *ENGLISH["reasons"].values()):
        assert len(sentence.split()) <= 20


# --- copies ----------------------------------------------------------------------------------------

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=40),
    st.binary(max_size=8),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.lists(st.text(max_size=5), max_size=3),
)
columns = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)
tables = st.dictionaries(columns, st.lists(st.dictionaries(columns, values, max_size=4), max_size=3), max_size=3)


def copy_of(held, **more):
    return Copy(
        "R-BCDF2345",
        "access",
        "Meadow",
        "privacy@meadow.example",
        datetime(2026, 3, 3, tzinfo=UTC),
        "c-1",
        held,
        **more,
    )


@given(tables)
def test_whatever_is_held_the_json_is_valid_and_the_page_runs_nothing(held):
    document = json.loads(json.dumps(as_document(copy_of(held))))
    jsonschema.validate(document, json.loads(schema_text()), cls=jsonschema.Draft202012Validator)
    assert [t["name"] for t in document["tables"]] == list(held)
    as_csv(document["tables"][0]["rows"]) if held else None
    assert as_zip(copy_of(held)) == as_zip(copy_of(held))


@pytest.mark.parametrize("payload", ["<script>alert(1)</script>", '"><svg onload=alert(1)>', "<img src=x onerror=1>"])
def test_a_value_is_text_wherever_it_stands(payload):
    held = {payload: [{payload: payload}, {payload: payload}]}
    seen = FieldSeen(f"customer.{payload}", payload, "gave", (payload,), payload)
    page = as_html(as_document(copy_of(held, fields=[seen], withheld=[Withheld(f"c.{payload}", "review")])))
    for bad in ("<script", "<svg", "<img"):
        assert bad not in page


@given(st.text())
def test_no_cell_begins_like_a_formula(text):
    assert safe_cell(text)[:1] not in {"=", "+", "-", "@", "\t", "\r"}


def test_numbers_stay_numbers_in_a_cell():
    assert (safe_cell(-5), safe_cell(None), safe_cell(Decimal("-1.5"))) == ("-5", "", "-1.5")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to ben@example.com today", "Write to [somebody else] today"),
        ("Write to ana@example.com or ANA@example.com", "Write to ana@example.com or ANA@example.com"),
        ("Call +44 20 7946 0999 or 0301 23456", "Call [somebody else] or 0301 23456"),
        ("In 2026 we sold 12 apples", "In 2026 we sold 12 apples"),
    ],
)
def test_addresses_and_numbers_of_others_are_proposed_to_go(text, left):
    assert without_others(text, {"ana@example.com", "+49 301 23456", "030123456"}) == left


@pytest.mark.parametrize(
    ("category", "value", "free"),
    [
        ("free-text", "x", True),
        ("contact", "x", False),
        ("contact", "a\nb", True),
        ("contact", "x" * 201, True),
        ("notes", 5, False),
    ],
)
def test_free_text_is_known_by_its_category_or_its_length(category, value, free):
    assert is_free_text(category, value) is free
