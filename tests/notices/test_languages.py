"""Every language says everything the English table says, with the same gaps to fill."""

from __future__ import annotations

import re
import unicodedata
from string import Formatter

import pytest

from rightful.notices.words import FRAMES, LANGUAGES, OWN_NAMES, words_of
from rightful.notices.writing import _plural
from rightful.policy import vocabulary as v
from rightful.policy.examples import CONSENT_WORDS
from rightful.policy.periods import ACTIVITY

ENGLISH = FRAMES["en"]
OTHERS = [language for language in LANGUAGES if language != "en"]
COUNTED = re.compile(r"unit\.(days|weeks|months|years)\.(\w+)")


def gaps(frame: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(frame) if name}


def test_the_languages_of_the_policy_are_those_there_are_tables_for():
    assert set(LANGUAGES) == set(v.LANGUAGES) == set(OWN_NAMES)


@pytest.mark.parametrize("language", OTHERS)
def test_a_table_is_complete(language):
    frames = FRAMES[language]
    assert [key for key in ENGLISH if key not in frames] == []
    assert [key for key in frames if key not in ENGLISH and not COUNTED.fullmatch(key)] == []
    assert [key for key, text in frames.items() if not text.strip() and key != "list.and"] == []


@pytest.mark.parametrize("language", OTHERS)
def test_a_sentence_has_the_gaps_of_the_english_one(language):
    frames = FRAMES[language]
    uneven = [
        key
        for key in ENGLISH
        if gaps(frames[key]) != gaps(ENGLISH[key]) and not COUNTED.fullmatch(key)  # "one day" needs no number
    ]
    assert uneven == []


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_was_left_in_english(language):
    same = [
        key
        for key, text in FRAMES[language].items()
        if text == ENGLISH.get(key) and len(text.split()) > 2 and "{" not in text
    ]
    assert same == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_has_more_than_twenty_words(language):
    long = [
        (key, sentence)
        for key, text in FRAMES[language].items()
        for sentence in re.split(r"[.?!؟]\s", text)
        if len(sentence.split()) > 20
    ]
    assert long == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_promises_nothing(language):
    promised = re.compile(r"complian|anonym|unbiased|guarantee|konform|conforme|vorurteil", re.IGNORECASE)
    assert [key for key, text in FRAMES[language].items() if promised.search(text)] == []


def test_every_word_of_the_vocabulary_has_its_sentence():
    for prefix, words in (
        ("how", v.BASES),
        ("basis", v.BASES),
        ("ground", v.SPECIAL_GROUNDS),
        ("kind", v.RECIPIENT_KINDS),
        ("receives", v.RECIPIENT_KINDS),
        ("source", v.SOURCES),
        ("safeguard", v.SAFEGUARDS),
        ("anchor", ACTIVITY),
        ("lang", v.LANGUAGES),
    ):
        assert [word for word in words if f"{prefix}.{word}" not in ENGLISH] == [], prefix
    assert CONSENT_WORDS


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_number_has_its_plural(language):
    frames = FRAMES[language]
    for number in range(1, 1_201):
        for unit in ("days", "weeks", "months", "years"):
            said = frames[f"unit.{unit}.{_plural(language, number)}"].format(n=number)
            assert str(number) in said or number in (1, 2), (number, said)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "شهر واحد"),
        (2, "شهران"),
        (3, "3 أشهر"),
        (10, "10 أشهر"),
        (11, "11 شهرًا"),
        (99, "99 شهرًا"),
        (100, "100 شهر"),
        (103, "103 أشهر"),
    ],
)
def test_arabic_counts_in_six_ways(number, said):  # CLDR plural rules for ar
    assert FRAMES["ar"][f"unit.months.{_plural('ar', number)}"].format(n=number) == said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_country_has_a_name_in_every_language(language):
    countries = words_of(language).countries
    assert len(countries) == 249
    assert all(name.strip() for name in countries.values())


def test_the_tables_hold_no_invisible_characters():
    for language, frames in FRAMES.items():
        for key, text in frames.items():
            assert not [c for c in text if unicodedata.category(c) == "Cf"], (language, key)
