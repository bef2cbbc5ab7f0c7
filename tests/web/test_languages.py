"""The customer's pages in every language: nothing untranslated, nothing doubtful, chosen without JavaScript.

A made-up language, ⟦long, in brackets⟧, shows every text that does not go through the catalogues.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import locale as django_locale
from django.test import Client
from django.utils import translation

from tests.web.conftest import PAYLOADS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import messages  # noqa: E402 - it lies beside the package, not in it

PSEUDO = "eo"  # a language nobody translated the product into
PORTAL = (
    "/me/", "/me/choices/", "/me/data/", "/me/data/correct/customer.city/", "/me/data/correct/customer.note/",
    "/me/recipients/", "/me/uses/", "/me/uses/?outcome=own", "/me/uses/check/",
)  # fmt: skip
OPEN = ("/", "/nothing-here")
PLACEHOLDER = re.compile(r"%\(\w+\)s|%%")


def pseudo(text: str) -> str:
    """Longer by a third, in brackets, placeholders and tags whole."""
    parts = re.split(r"(%\(\w+\)s|<[^>]+>)", text)
    worn = "".join(p if i % 2 else p.translate(str.maketrans("aeiou", "áéíóú")) for i, p in enumerate(parts))
    return f"⟦{worn}{'~' * (len(text) // 3)}⟧"


def is_format(text: str) -> bool:
    """Formats of dates and pieces that only put other texts together."""
    return text in {"l, j F Y", "l, j F Y, H:i", "D, j M Y, H:i", "H:i", "%(length)s %(event)s"}


def write_pseudo(folder: Path) -> Path:
    catalogue = polib.pofile(str(messages.LOCALE / "de" / "LC_MESSAGES" / "django.po"))
    catalogue.metadata["Language"] = PSEUDO
    for entry in catalogue:
        if entry.msgid_plural:
            entry.msgstr_plural = {0: pseudo(entry.msgid), 1: pseudo(entry.msgid_plural)}
        else:
            entry.msgstr = entry.msgid if is_format(entry.msgid) else pseudo(entry.msgid)
    place = folder / PSEUDO / "LC_MESSAGES"
    place.mkdir(parents=True, exist_ok=True)
    catalogue.save_as_mofile(str(place / "django.mo"))
    return folder


# ---------------------------------------------------------------- the catalogues


def test_every_sentence_is_translated_and_every_mo_is_its_po():
    assert messages.check() == []


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_translation_keeps_what_is_filled_in_and_stays_short(language):
    for entry in polib.pofile(str(messages.LOCALE / language / "LC_MESSAGES" / "django.po")):
        asked = set(PLACEHOLDER.findall(entry.msgid_plural or entry.msgid))
        for text in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            given = set(PLACEHOLDER.findall(text))
            assert given <= asked if entry.msgid_plural else given == asked, entry.msgid
            assert all(len(part.split()) <= 20 for part in re.split(r"[.!?؟:]\s|\n\n", text)), text
            assert re.findall(r"<[^>]+>", text) == re.findall(r"<[^>]+>", entry.msgid), "tags stay as they are"


def test_sentences_of_the_source_are_short():
    for entry in polib.pofile(str(messages.LOCALE / "de" / "LC_MESSAGES" / "django.po")):
        for text in (entry.msgid, entry.msgid_plural):
            assert all(len(part.split()) <= 20 for part in re.split(r"[.!?:]\s|\n\n", text)), text


# ---------------------------------------------------------------- choosing


@pytest.mark.parametrize(
    ("asked", "got", "direction"),
    [("de", "de", "ltr"), ("ar-EG,en;q=0.5", "ar", "rtl"), ("fr-CA", "fr", "ltr"), ("ja, es;q=0.3", "es", "ltr"),
     ("tlh", "en", "ltr"), ("", "en", "ltr")],
)  # fmt: skip
def test_the_browsers_languages_are_honoured(meadow, asked, got, direction):
    text = Client(headers={"Accept-Language": asked}).get("/").text
    assert f'<html lang="{got}" dir="{direction}">' in text


def test_a_language_is_chosen_with_one_press_and_kept(as_customer):
    client = as_customer("x20@example.com")
    assert client.post("/language/", {"language": "ar", "next": "/me/"}).headers["Location"] == "/me/"
    text = client.get("/me/").text
    assert '<html lang="ar" dir="rtl">' in text
    assert "ماذا نفعل ببياناتك" in text
    assert 'value="ar" lang="ar" aria-current="true"' in text


@pytest.mark.parametrize("where", ["https://example.org/", "//example.org", "javascript:alert(1)"])
def test_choosing_a_language_leads_nowhere_else(meadow, where):
    answer = Client().post("/language/", {"language": "de", "next": where})
    assert answer.headers["Location"] == "/"
    assert Client().post("/language/", {"language": "../../etc", "next": "/"}).cookies.get("language") is None


def test_the_console_speaks_english_whatever_the_browser_asks_for(as_staff):
    staff = as_staff("officer")
    assert '<html lang="en"' in staff.get("/staff/", headers={"Accept-Language": "de"}).text


def test_mails_are_written_in_the_language_of_their_reader(meadow, unlimited):
    from django.core import mail

    from rightful.web import post

    mail.outbox.clear()
    Client(headers={"Accept-Language": "de"}).post("/", {"email": "ana@example.com"})
    post.wait_until_done()
    assert mail.outbox[0].subject == "Ihr Code für Meadow"
    assert "Er gilt 3 Minuten" in mail.outbox[0].body


def test_days_and_numbers_are_written_as_they_are_there(as_customer):
    client = as_customer("x21@example.com")
    client.post("/language/", {"language": "de"})
    text = client.get("/me/data/").text
    assert "Donnerstag, 1. Januar 1970" in text, "the birth date, with its weekday"


# ---------------------------------------------------------------- nothing is left in English


class Texts(HTMLParser):
    """Every text a reader sees or hears: between tags, and in labels."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._stack: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in {"meta", "link", "input", "br", "path", "img", "circle", "rect"}:
            self._stack.append((tag, "lang" in given and tag != "html"))  # a text says that it is in another language
        for name in ("aria-label", "title", "placeholder", "alt"):
            if given.get(name):
                self.found.append(str(given[name]))

    def handle_endtag(self, tag: str) -> None:
        while self._stack and self._stack.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        tags = {tag for tag, _ in self._stack}
        other = any(own for _, own in self._stack)
        if not tags & {"script", "style", "code", "pre", "bdi", "time", "svg"} and not other:
            self.found.append(data)


@pytest.fixture
def made_up(settings, tmp_path: Path) -> Iterator[str]:
    settings.LOCALE_PATHS = [*settings.LOCALE_PATHS, write_pseudo(tmp_path)]
    settings.LANGUAGES = [*settings.LANGUAGES, (PSEUDO, "Made up")]
    assert PSEUDO in django_locale.LANG_INFO
    translation.trans_real._translations.clear()
    yield PSEUDO
    translation.trans_real._translations.clear()
    translation.activate("en")


def untranslated(html: str, known: set[str]) -> list[str]:
    """Texts that are in English: outside brackets, and not marked as what they are."""
    parser = Texts()
    parser.feed(html)
    left = []
    found = iter(parser.found)
    for text in found:
        while text.count("⟦") > text.count("⟧") and (more := next(found, None)) is not None:
            text += f" {more}"  # a sentence with something set off in it
        rest, before = text, ""
        while rest != before:  # a text may stand in another
            before, rest = rest, re.sub(r"⟦[^⟦⟧]*⟧", " ", rest)
        for word in sorted(known, key=len, reverse=True):
            rest = rest.replace(word, " ")
        if re.search(r"[A-Za-zÀ-ÿ]{2,}", re.sub(r"R-[A-Z0-9]{8}", " ", rest)):
            left.append(text.strip())
    return left


def test_in_a_made_up_language_nothing_is_left_in_english(as_customer, meadow, made_up):
    from rightful.actions.customer_words import category_name, field_name, recipient_name, table_name

    client = as_customer("ana@example.com")
    headers = {"Accept-Language": made_up}
    client.post("/me/choices/set/", {"purpose": "newsletter", "channel": "email", "state": "on"}, headers=headers)
    policy = meadow.facts.policy
    known = {
        "Germany",
        "Meadow",
        "Rightful",
        "HTML",
        "CSV",
        "JSON",
        "Global Privacy Control",
        "marketer",
        "officer",
        "engineer",
    }
    known |= {purpose.says for purpose in policy.purposes.values()}
    known |= {recipient_name(policy, name) for name in policy.recipients}
    known |= {category_name(policy, name, "en") for name in policy.categories}
    for table in meadow.facts.tables:
        known.add(table_name(policy, table.name, "en"))
        known |= {field_name(policy, f"{table.name}.{c.name}", "en").text for c in table.columns}
    known |= {period.after for p in policy.purposes.values() if (period := p.keep) and period.after}
    left = {}
    for address in (*PORTAL, *OPEN):
        person = client if address.startswith("/me") else Client()
        answer = person.get(address, headers=headers)
        assert f'lang="{made_up}"' in answer.text, address
        assert "⟦" in answer.text, address
        if found := untranslated(answer.text, known):
            left[address] = found
    assert left == {}


def test_ac_032_no_translation_lets_a_payload_through(as_customer, made_up):
    client = as_customer("eve@example.com")
    for address in PORTAL:
        text = client.get(address, headers={"Accept-Language": "ar"}).text
        assert not any(payload in text for payload in PAYLOADS if payload.startswith(("<", '"><')))
