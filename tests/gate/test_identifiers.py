"""Values that name a person are found in every spelling, and nothing else is."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.gate import identifiers as ids

ANA = ids.email("Ana.Silva@Mail.Example")
PHONE = ids.phone("+49 151 23456789")
IBAN = ids.number("DE89 3704 0044 0532 0130 00")
NAME = ids.full_name("José", "da Silva")


@pytest.mark.parametrize(
    ("text", "identifier", "hits"),
    [
        ("write to ana.silva@mail.example today", ANA, 1),
        ("ANA.SILVA@MAIL.EXAMPLE, ana.silva+news@mail.example", ANA, 2),
        ("https://x.example/?to=ana.silva%40mail.example&a=1", ANA, 1),
        ('{"to": "ana.silva\\u0040mail.example"}', ANA, 1),
        ("ａｎａ．ｓｉｌｖａ＠mail.example", ANA, 1),
        ("joana.silva@mail.example", ANA, 0),
        ("ana.silva@mail.example.org", ANA, 0),
        ("ana.silva@mail.examples", ANA, 0),
        ("ends with ana.silva@mail.example.", ANA, 1),
        ("call 0151 23456789", PHONE, 1),
        ("call +49 (151) 234-567-89", PHONE, 1),
        ("call 0049-151/23456789 or +4915123456789", PHONE, 2),
        ("order 9915123456789", PHONE, 0),
        ("order 151234567890", PHONE, 0),
        ("iban de89370400440532013000.", IBAN, 1),
        ("DE89-3704-0044-0532-0130-00", IBAN, 1),
        ("DE893704004405320130001", IBAN, 0),
        ("JOSÉ DA SILVA called", NAME, 1),
        ("Silva, José da", NAME, 1),
        (unicodedata.normalize("NFD", "josé da silva"), NAME, 1),
        ("José da Silvana", NAME, 0),
        ("José", NAME, 0),
    ],
)
def test_an_identifier_is_found_in_every_spelling_and_nowhere_else(text, identifier, hits):
    assert len(ids.occurrences(text, [identifier])) == hits
    if hits:
        held = ids.compact(text), text.lower()
        marked = re.search(ids.MOST_COMPATIBLE, text)
        assert marked or any(n in held[0] for n in identifier.needles) or any(p in held[1] for p in identifier.plain)
        assert ids.occurrences(ids.redact(text, [identifier]), [identifier]) == ()


def test_redaction_leaves_the_rest_of_the_text_alone():
    text = "Ana (ana.silva@mail.example, 0151 23456789) likes tea.\nBob does not."
    assert ids.redact(text, [ANA, PHONE]) == "Ana ([erased], [erased]) likes tea.\nBob does not."


def test_a_row_gives_up_its_identifiers_by_value_and_by_the_names_of_its_columns():
    row = {
        "id": "C-17",
        "firstName": "Ana",
        "last_name": "Silva",
        "Email2": "ana@x.example",
        "telefon": "0151 23456789",
        "iban": "DE89370400440532013000",
        "city": "Ulm",
        "company_name": "Silva Lda",
        "notes": "rings at noon",
    }
    found = {(i.kind, i.value) for i in ids.of_row(row, region="DE")}
    assert found == {
        ("name", "ana silva"),
        ("email", "ana@x.example"),
        ("phone", "+4915123456789"),
        ("number", "de89370400440532013000"),
    }


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"first_name": "Ana", "last_name": "Silva"}, {"silva"}),
        ({"Nachname": "von Arnim"}, {"von arnim"}),
        ({"name": "Ana Maria Silva"}, {"silva"}),
        ({"name": "Silva, Ana"}, {"silva"}),
        ({"last_name": "Ng", "company_name": "Silva Lda", "city": "Ulm", "name": "Ana"}, set()),
    ],
)
def test_a_family_name_is_taken_from_the_columns_of_a_name(row, names):
    assert {i.value for i in ids.family_names(row)} == names
    assert all(not i.unique for i in ids.family_names(row))


@pytest.mark.parametrize(
    ("text", "there"),
    [("Plan for SILVA", True), ("silva, by hand", True), ("Silvaweg 3", False), ("Dasilva", False), ("Sil va", False)],
)
def test_a_family_name_is_found_as_a_word_only(text, there):
    assert bool(ids.occurrences(text, ids.family_names({"last_name": "Silva"}))) is there


@pytest.mark.parametrize("value", ["", "x", "@", "a@b", "no mail", "a@b@c.example", "a b@c.example"])
def test_what_is_no_address_is_no_identifier(value):
    assert ids.email(value) is None


@pytest.mark.parametrize("value", ["12345", "call me", "R2D2", "007"])
def test_what_is_no_telephone_number_is_no_identifier(value):
    assert ids.phone(value) is None


@given(
    st.text(max_size=40),
    st.text(max_size=40),
    st.sampled_from([str.upper, str.lower, str.title, lambda t: unicodedata.normalize("NFD", t)]),
)
def test_whatever_stands_around_it_an_address_is_redacted_and_the_store_would_find_it(before, after, spelled):
    text = f"{before} {spelled('ana.silva@mail.example')} {after}"
    assert ids.occurrences(text, [ANA])
    assert any(needle in ids.compact(text) for needle in ANA.needles)
    assert "mail.example" not in ids.redact(text, [ANA]).lower() or "mail.example" in (before + after).lower()
