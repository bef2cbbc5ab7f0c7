"""One identifier in many spellings is one form; two identifiers never are."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.gate import identifiers as ids
from rightful.gate.spellings import WEAK, forms, kept


def full_width(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


ADDRESS = "jos\u00e9.garc\u00eda@m\u00fcnchen.example"
SPELLINGS = [
    ADDRESS.upper(),
    f"  {ADDRESS}\t",
    unicodedata.normalize("NFD", ADDRESS),
    full_width(ADDRESS),
    ADDRESS.replace("@", "%40"),
    ADDRESS.replace("@", "+offers@"),
    "jos\u00e9.garc\u00eda@xn--mnchen-3ya.example",
    f"mailto:{ADDRESS}",
    f"Jos\u00e9 Garc\u00eda <{ADDRESS}>",
    ADDRESS.replace("@", " (at) "),
    ADDRESS.replace("@", "&#64;"),
    ADDRESS.replace("s", "s\u200b"),
    f"{ADDRESS}.",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_address_is_recognised_in_every_spelling(spelling):
    known = set(kept([ids.email(ADDRESS)], []))
    assert known & set(forms("email", spelling))


@pytest.mark.parametrize(
    "other",
    [
        "jose.garcia@m\u00fcnchen.example",  # other letters
        "jos\u00e9garc\u00eda@m\u00fcnchen.example",  # full stops count here
        "jos\u00e9.garc\u00eda@munchen.example",
        "x.jos\u00e9.garc\u00eda@m\u00fcnchen.example",
        "jos\u00e9.garc\u00eda@mail.m\u00fcnchen.example",
        "no address",
        "@",
        "",
    ],
)
def test_another_address_is_not(other):
    assert not set(kept([ids.email(ADDRESS)], [])) & set(forms("email", other))


def test_full_stops_and_tags_count_for_nothing_at_the_one_provider_that_says_so():
    known = set(kept([ids.email("ana.lopez@gmail.com")], []))
    for spelling in ("AnaLopez@gmail.com", "a.n.a.lopez+x@googlemail.com", "ana.lopez@GMAIL.com"):
        assert known & {form for form in forms("email", spelling) if form[0] not in WEAK}, spelling


def test_a_tag_is_a_weak_hint_and_the_address_itself_a_strong_one():
    known = set(kept([ids.email("ana@example.com")], []))
    assert [kind for kind, text in forms("email", "ana+x@example.com") if (kind, text) in known] == ["email-base"]
    assert "email" in {kind for kind, text in forms("email", "ana@example.com") if (kind, text) in known}


@pytest.mark.parametrize(
    ("spelling", "region"),
    [
        ("+49 151 2345678", ""),
        ("0049 (151) 234-5678", ""),
        ("+49 (0)151 2345678", ""),
        ("0151/2345678", "DE"),
        ("0151 2345678", ""),
        ("tel:+49-151-234-5678", ""),
        (full_width("+491512345678"), ""),
        ("491512345678", ""),
        ("491512345678", "DE"),
        ("0151.234.5678", "DE"),
    ],
)
def test_a_telephone_number_is_recognised_however_it_is_written(spelling, region):
    assert set(kept([ids.phone("0151 2345678", "DE")], [])) & set(forms("phone", spelling, region))


@pytest.mark.parametrize(
    ("spelling", "region"), [("+43 151 2345678", ""), ("0151 2345678", "AT"), ("+49 151 2345679", ""), ("12", "")]
)
def test_a_number_of_another_country_or_another_subscriber_is_not(spelling, region):
    assert not set(kept([ids.phone("0151 2345678", "DE")], [])) & set(forms("phone", spelling, region))


def test_a_number_kept_without_its_country_is_recognised_with_one_weakly():
    known = set(kept([ids.phone("0151 2345678")], []))
    hits = {kind for kind, text in forms("phone", "+49 151 2345678") if (kind, text) in known}
    assert hits == {"phone-bare"} and hits <= WEAK


def test_a_name_is_never_kept():
    assert kept([ids.full_name("Ana Lopez")], []) == ()


def test_a_key_is_compared_byte_for_byte_and_its_variants_are_weak():
    known = set(kept([], ["C-007"]))
    assert {k for k, t in forms("key", "C-007") if (k, t) in known} == {"key", "key-folded"}
    assert {k for k, t in forms("key", " c-007") if (k, t) in known} == {"key-folded"}
    assert not known & set(forms("key", "C-7"))


@given(
    st.text(max_size=60), st.sampled_from(["key", "email", "phone", "number"]), st.sampled_from(["", "DE", "US", "XX"])
)
def test_any_text_can_be_asked_about(text, kind, region):
    for name, value in forms(kind, text, region):
        assert name and value == unicodedata.normalize("NFC", value)


@given(st.from_regex(r"[a-z][a-z0-9._]{0,15}@[a-z][a-z0-9]{1,10}\.(com|de|example)", fullmatch=True))
def test_case_space_width_and_escapes_never_hide_an_address(address):
    known = set(kept([found] if (found := ids.email(address)) else [], []))
    for spelling in (address.upper(), f" {address}\n", full_width(address), address.replace("@", "%40")):
        assert not known or known & set(forms("email", spelling))
