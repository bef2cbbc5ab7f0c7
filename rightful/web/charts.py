"""Small charts as SVG that stand in the page itself: no script, no file, no foreign code.

    {% load charts %}{% bars "Rows that fall due" description rows %}

Colours are attributes, so that print and PDF keep them; on screens the stylesheet puts the
theme's colours in their place (`.chart .bar`). A chart never stands alone: the page shows
the same numbers in a table, and title and description say what there is to see.

Easy to get wrong: text that overlaps or shrinks to nothing on a telephone. Bars lie, one
line each, so that a label has its own line and the drawing is as narrow as a telephone.

Source: WAI-ARIA Graphics Module; SVG 2, 5.8 (title and desc).
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

INK, BAR, AXIS = "#17242b", "#0d5560", "#7d8b93"
WIDTH = 360
LINE, THICK, FONT = 22, 14, 12
LETTER = 6.8
"""Room for one letter of FONT, generously: digits and capitals of common sans-serif faces are narrower."""
GAP = 8


def bars(name: str, title: str, description: str, rows: Sequence[tuple[str, int]]) -> str:
    """Lying bars, one for each row, each with its label and its number.

    Args:
        name: unique on the page; letters, digits and hyphens.
        description: what there is to see, in a sentence.
        rows: (label, number), drawn in this order; numbers are not negative.
    """
    words = [(label, number, f"{number:,}") for label, number in rows]
    left = round(max((len(label) for label, *_ in words), default=0) * LETTER) + GAP
    right = round(max((len(text) for *_, text in words), default=0) * LETTER) + GAP
    width = max(WIDTH, left + right + 120)
    room = width - left - right
    most = max((number for _, number, _ in words), default=0) or 1
    height = len(words) * LINE + GAP
    parts = []
    for place, (label, number, text) in enumerate(words):
        top = place * LINE + GAP // 2
        middle = top + LINE // 2 + FONT // 3
        length = round(room * number / most, 1)
        if number:
            length = max(length, 1)  # what is there is seen
        parts.append(
            f'<text class="label" x="{left - GAP}" y="{middle}" text-anchor="end" fill="{INK}">{escape(label)}</text>'
            f'<rect class="bar" x="{left}" y="{top + (LINE - THICK) // 2}" width="{length:g}" height="{THICK}" '
            f'fill="{BAR}"/>'
            f'<text class="label" x="{left + length + GAP / 2:g}" y="{middle}" fill="{INK}">{escape(text)}</text>'
        )
    return (
        f'<svg class="chart" role="img" aria-labelledby="{name}-title {name}-desc" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-size="{FONT}" xmlns="http://www.w3.org/2000/svg">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(description)}</desc>'
        f'{"".join(parts)}<line class="axis" x1="{left}" y1="0" x2="{left}" y2="{height}" stroke="{AXIS}"/></svg>'
    )
