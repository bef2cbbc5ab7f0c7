"""Letters about a request, in the customer's language: Markdown, HTML and PDF from one text.

The words of a language stand in one file, letters/<language>.json: four letters, the kinds
of request, the reasons, and how a date is said. Placeholders are replaced, nothing is
computed in them, and a text of a person is never read as a template.

Easy to get wrong: HTML in a note (the Markdown reader has HTML switched off); a language
without one of the sentences (a test compares them with English); a date without its weekday.

Sources: GDPR Art. 12(1), 12(3), 12(4); OWASP ASVS 5.0 V1.3.1, V1.3.7.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from rightful.errors import BadInput

FOLDER = Path(__file__).with_name("letters")
NAMES = ("receipt", "extension", "refusal", "answer")
_STYLE = """
@page{size:A4;margin:25mm 22mm}body{font:11pt/1.5 "DejaVu Sans",system-ui,sans-serif;margin:0 auto;padding:1rem;
max-width:40rem;overflow-wrap:anywhere}h1{font-size:1.4rem;line-height:1.3;margin:0 0 1rem}
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter, written. `markdown` is kept; the other forms are made from it."""

    name: str
    language: str
    markdown: str

    def html(self) -> str:
        """A page of its own: no script, nothing loaded."""
        words = words_of(self.language)
        title = self.markdown.splitlines()[0].lstrip("# ")
        return (
            f'<!doctype html>\n<html lang="{self.language}" dir="{words["direction"]}"><head><meta charset="utf-8">'
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>{body_of(self.markdown)}</body></html>\n"
        )

    def pdf(self) -> bytes:
        """The letter to print.

        Raises:
            BadInput: WeasyPrint is not installed.
        """
        try:
            from weasyprint import HTML
        except ImportError as missing:
            raise BadInput("PDF needs WeasyPrint", remedy="pip install 'rightful[reports]'") from missing
        made: bytes = HTML(string=self.html(), url_fetcher=_nothing).write_pdf()
        return made


def write(name: str, language: str, words: Mapping[str, str]) -> Letter:
    """Fill a letter in. A placeholder without a word becomes nothing."""
    texts = words_of(language)
    filled = Template(texts["letters"][name]).safe_substitute(
        {"note": "", **{k: _flat(k, v) for k, v in words.items()}}
    )
    lines = [line for line in filled.split("\n\n") if line.strip()]
    return Letter(name, language, "\n\n".join(lines).rstrip() + "\n")


def languages() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.json")))


@lru_cache(maxsize=16)
def words_of(language: str) -> Mapping[str, Any]:
    """The words of a language; English where it is not among them."""
    path = FOLDER / f"{language}.json"
    loaded: Mapping[str, Any] = json.loads((path if path.is_file() else FOLDER / "en.json").read_text("utf-8"))
    return loaded


def say_date(day: date, language: str) -> str:
    """A date with its weekday, as people say it."""
    words = words_of(language)
    said: str = words["date"].format(
        weekday=words["weekdays"][day.weekday()], day=day.day, month=words["months"][day.month - 1], year=day.year
    )
    return said


def body_of(markdown: str) -> str:
    """Markdown as HTML; HTML in it is shown, not obeyed, and links are only shown, too."""
    from markdown_it import MarkdownIt

    made: str = MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink"]).render(markdown)
    return made


def _flat(name: str, value: str) -> str:
    """One line, except for the note, which a person wrote in paragraphs."""
    return value.strip() if name == "note" else " ".join(value.split())


def _nothing(url: str) -> Mapping[str, Any]:
    raise ValueError("a letter loads nothing")
