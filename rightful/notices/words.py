"""The tables a notice is written with: sentence frames per language, names of countries.

A language is offered once its table is complete; tests/notices/test_languages.py holds every table
against the English one, key by key and placeholder by placeholder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from rightful.notices.languages import ar, de, en, es, fr
from rightful.notices.rules import Words

FRAMES: Mapping[str, Mapping[str, str]] = {
    "ar": ar.FRAMES,
    "de": de.FRAMES,
    "en": en.FRAMES,
    "es": es.FRAMES,
    "fr": fr.FRAMES,
}
LANGUAGES = tuple(FRAMES)
OWN_NAMES = {"ar": "العربية", "de": "Deutsch", "en": "English", "es": "Español", "fr": "Français"}


@lru_cache(maxsize=len(FRAMES))
def words_of(language: str) -> Words:
    """The tables of one language."""
    return Words(language, FRAMES[language], {code: names[language] for code, names in _countries().items()})


@lru_cache(maxsize=1)
def _countries() -> dict[str, dict[str, str]]:
    found = json.loads(Path(__file__).with_name("countries.json").read_text(encoding="utf-8"))
    names: dict[str, dict[str, str]] = found["names"]
    return names
