"""A notice as HTML: short layer first, the rest folded away until it is opened.

`body` is the part that a page puts inside its own frame; `page` is a file that stands alone and prints
(the PDF is made from it). Every text is escaped here, once; a policy is written by people, and what they
write stays text (case AC-032).

Easy to get wrong: the direction. Words that could not be translated carry their language and run their
own way.

Sources: HTML Living Standard (details, bdi, lang); WCAG 2.2 SC 3.1.2 (language of parts).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import groupby

from rightful.notices.rules import DETAILS, LEGAL, SHORT, Line, Notice, Part

RIGHT_TO_LEFT = frozenset({"ar"})
_ADDRESS = re.compile(
    r"https://[^\s<>\u2068\u2069]+[^\s<>\u2068\u2069.,;:)]|[^\s<>@\u2068\u2069]+@[^\s<>@\u2068\u2069]+[a-z]"
)

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.55 ui-sans-serif, system-ui, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  max-width: 46rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; color: #17242b; background: #fff; }
h1 { font-size: 1.75rem; line-height: 1.2; } h2 { font-size: 1.25rem; margin-top: 2rem; } h3 { font-size: 1.05rem; }
ul.sentences { padding-inline-start: 1.1rem; } li { margin: 0 0 .6rem; } li p { margin: 0; }
.how, .remark, .issue, dt { color: #51616b; } dl { margin: .4rem 0 1rem; }
dl.facts > div { display: grid; grid-template-columns: 11rem 1fr; gap: 0 1rem; margin: 0 0 .35rem; }
dl.facts dt { grid-column: 1; grid-row: 1 / span 30; } dl.facts dd { grid-column: 2; margin: 0; }
a { color: #0d5560; } summary { cursor: pointer; padding: .3rem 0; }
.foreign { border-bottom: 1px dotted currentColor; }
.cite { font-size: .85em; white-space: nowrap; }
@media screen and (max-width: 34rem) { dl.facts > div { grid-template-columns: 1fr; } dl.facts dt { grid-row: auto; }
  dl.facts dd { grid-column: 1; } }
@media screen and (prefers-color-scheme: dark) { body { color: #e8eef0; background: #10181c; }
  .how, .remark, .issue, dt { color: #a6b4bb; } a { color: #7fcad3; } }
@page { size: A4; margin: 2cm; @bottom-center { content: counter(page) " / " counter(pages); font-size: 9pt; } }
@media print { body { font-size: 10.5pt; padding: 0; max-width: none; color: #000; background: #fff; }
  h2, h3 { break-after: avoid; } dl.facts > div, li { break-inside: avoid; } }
"""


def page(notice: Notice, *, issue: str = "", folded: bool = True) -> str:
    """A file of its own. `issue` is the line that names version and day; `folded` hides the deeper layers."""
    said = f'<p class="issue"><bdi dir="ltr">{escape(issue)}</bdi></p>' if issue else ""
    return (
        f'<!doctype html>\n<html lang="{notice.language}" dir="{notice.direction}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(notice.title)}</title>\n<style>{STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(notice.title)}</h1>\n{said}\n{body(notice, folded=folded)}\n</body>\n</html>\n"
    )


def body(notice: Notice, *, folded: bool = True) -> str:
    """The three layers, without the title."""
    return "\n".join(_body(notice, folded))


def _body(notice: Notice, folded: bool) -> Iterator[str]:
    yield f'<div class="notice-text" lang="{notice.language}" dir="{notice.direction}">'
    if notice.remark:
        yield f'<p class="remark">{escape(notice.remark)}</p>'
    yield from _short(notice.part(SHORT))
    yield from _details(notice.part(DETAILS), folded)
    yield from _legal(notice.part(LEGAL), folded)
    yield "</div>"


def _short(part: Part) -> Iterator[str]:
    lead, *more = part.lines
    yield f'<section class="layer" id="short"><h2>{escape(part.title)}</h2>\n<p class="lead">{_text(lead)}</p>'
    yield '<ul class="sentences">'
    for inner in part.parts:
        says, *others = inner.lines
        how = "".join(f'<p class="how">{_text(line)}</p>' for line in others)
        yield f'<li><p class="says">{_text(says)}</p>{how}</li>'
    yield "</ul>"
    yield from (f'<p class="say">{_text(line)}</p>' for line in more)
    yield "</section>"


def _details(part: Part, folded: bool) -> Iterator[str]:
    yield f'<section class="layer" id="details"><h2>{escape(part.title)}</h2>'
    for inner in part.parts:
        title = _marked(inner.title, inner.language)
        if folded:
            yield f'<details id="details-{escape(inner.id)}"><summary><span class="says">{title}</span></summary>'
        else:
            yield f"<h3>{title}</h3>"
        yield from _facts(inner.lines)
        if folded:
            yield "</details>"
    yield "</section>"


def _legal(part: Part, folded: bool) -> Iterator[str]:
    yield f'<section class="layer" id="legal"><h2>{escape(part.title)}</h2>'
    for inner in part.parts:
        title = escape(inner.title)
        if folded:
            yield f'<details id="legal-{escape(inner.id)}"><summary><span class="says">{title}</span></summary>'
        else:
            yield f"<h3>{title}</h3>"
        yield from _facts(inner.lines)
        if folded:
            yield "</details>"
    yield "</section>"


def _facts(lines: Iterable[Line]) -> Iterator[str]:
    """Lines under their labels; lines that follow one another under the same label share it."""
    for labelled, run in groupby(lines, key=lambda line: bool(line.label)):
        if not labelled:
            yield from (f'<p class="say">{_text(line)}</p>' for line in run)
            continue
        yield '<dl class="facts">'
        for label, same in groupby(run, key=lambda line: line.label):
            answers = "".join(f"<dd>{_text(line)}</dd>" for line in same)
            yield f"<div><dt>{escape(label)}</dt>{answers}</div>"
        yield "</dl>"


def _text(line: Line) -> str:
    cite = f' <a class="cite" href="{escape(line.link)}" rel="external">{escape(line.cite)}</a>' if line.link else ""
    return _marked(line.text, line.language) + cite


def _marked(text: str, language: str) -> str:
    said = _linked(text)
    if not language:
        return said
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    return f'<span class="foreign" lang="{language}" dir="{direction}">{said}</span>'


def _linked(text: str) -> str:
    """Addresses of pages and of mail can be followed; everything else is text."""
    out, at = [], 0
    for found in _ADDRESS.finditer(text):
        address = found.group()
        target = address if address.startswith("https://") else f"mailto:{address}"
        out += [escape(text[at : found.start()]), f'<a href="{escape(target)}">{escape(address)}</a>']
        at = found.end()
    return "".join([*out, escape(text[at:])])
