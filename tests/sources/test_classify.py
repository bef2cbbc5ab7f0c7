"""What a column is taken for, and that doubt is said instead of guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.sources.classify import (
    classify,
    is_card_number,
    is_date,
    is_email,
    is_iban,
    is_ip,
    is_phone,
    is_spanish_id,
)


@pytest.mark.parametrize(
    ("name", "type", "category", "special"),
    [
        ("first_name", "text", "identity", ""),
        ("LastName", "text", "identity", ""),
        ("Nachname", "text", "identity", ""),
        ("Prénom", "text", "identity", ""),
        ("apellidos", "text", "identity", ""),
        ("e-mail", "text", "contact", ""),
        ("Téléphone portable", "text", "contact", ""),
        ("telemóvel", "text", "contact", ""),
        ("PLZ", "text", "address", ""),
        ("Straße", "text", "address", ""),
        ("código postal", "text", "address", ""),
        ("date_of_birth", "date", "birth", ""),
        ("Geburtsdatum", "date", "birth", ""),
        ("fechaNacimiento", "date", "birth", ""),
        ("data de nascimento", "date", "birth", ""),
        ("order_date", "date", "orders", ""),
        ("Bestellnummer", "text", "orders", ""),
        ("chiffre d'affaires", "double", "orders", ""),
        ("Kontostand", "double", "financial", ""),
        ("salaire", "double", "financial", ""),
        ("gift_note", "text", "free-text", ""),
        ("Bemerkungen", "text", "free-text", ""),
        ("prescription_lens", "text", "health", "gdpr-9"),
        ("Krankenkasse", "text", "health", "gdpr-9"),
        ("religião", "text", "special", "gdpr-9"),
        ("trade_union", "boolean", "special", "gdpr-9"),
        ("Steuer-ID", "text", "government-id", ""),
        ("nif", "text", "government-id", ""),
        ("newsletter_opt_in", "boolean", "consent-status", ""),
        ("Einwilligung", "boolean", "consent-status", ""),
        ("customer_id", "text", "technical", ""),
        ("created_at", "timestamptz", "technical", ""),
        ("capacity", "bigint", "", ""),  # "city" is only a part of it
        ("xq7", "text", "", ""),
    ],
)
def test_a_name_in_one_of_five_languages_says_what_a_column_is(
    name: str, type: str, category: str, special: str
) -> None:
    found = classify(name, type, [])
    assert (found.category, found.special) == (category, special), found.reason


def test_values_say_it_where_the_name_does_not() -> None:
    mails = [f"user{i}@mail.example" for i in range(98)] + ["-", "unknown"]
    found = classify("col_17", "text", mails)
    assert found.category == "contact"
    assert found.reason == "values look like e-mail addresses: 98 of 100"


@pytest.mark.parametrize(
    ("values", "category"),
    [
        (["DE89370400440532013000", "GB29NWBK60161331926819"] * 5, "financial"),
        (["DE89370400440532013001", "GB29NWBK60161331926810"] * 5, ""),  # checksums wrong
        (["4111 1111 1111 1111", "5500005555555559"] * 5, "financial"),
        (["+49 30 1234567", "0033 6 12 34 56 78"] * 5, "contact"),
        (["1234567", "7654321"] * 5, ""),  # digits alone could be anything
        (["192.168.0.1", "2001:db8::1"] * 5, "behaviour"),
        (["SW1A 1AA", "1011 AB"] * 5, "address"),
        (["12345678Z", "X1234567L"] * 5, "government-id"),
        (["078-05-1120", "219-09-9999"] * 5, "government-id"),
        (["E11.9", "F32.1"] * 5, "health"),
        ([f"Please call me on day {i}, my knee hurts again" for i in range(10)], "free-text"),
    ],
)
def test_values_are_checked_by_rule_and_not_by_look(values: list[str], category: str) -> None:
    assert classify("x1", "text", values).category == category


def test_a_name_that_its_values_contradict_is_left_to_a_person() -> None:
    found = classify("email", "text", ["yes", "no"] * 10)
    assert found.category == ""
    assert "only 0 of 20" in found.reason
    assert classify("iban", "text", [f"{i}" for i in range(10)]).category == ""


def test_the_stricter_meaning_of_a_name_wins_over_harmless_values() -> None:
    assert classify("diagnosis_email", "text", ["a@b.example"] * 9).special == "gdpr-9"
    assert classify("notes", "text", ["a@b.example"] * 9).treat_as_special
    assert classify("email_consent", "boolean", ["true"] * 9).category == "consent-status"


def test_an_empty_column_without_a_telling_name_is_left_to_a_person() -> None:
    found = classify("zz", "text", [None, "", None])
    assert (found.category, found.confidence) == ("", 0.0)


@given(st.text(), st.sampled_from(["text", "bigint", "date", "other"]), st.lists(st.none() | st.text(), max_size=30))
def test_no_reason_ever_quotes_a_value(name: str, type: str, values: list[str | None]) -> None:
    marked = [None if v is None else f"§{v}§" for v in values]
    assert "§" not in classify(name.replace("§", ""), type, marked).reason


@given(st.text(max_size=40))
def test_validators_never_fail_on_any_text(value: str) -> None:
    for check in (is_email, is_phone, is_iban, is_card_number, is_date, is_ip, is_spanish_id):
        assert check(value) in (True, False)
