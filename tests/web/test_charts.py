"""Charts: every number is there, no text lies on another, and nothing of a label is obeyed."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as xml

from hypothesis import given
from hypothesis import strategies as st

from rightful.web.charts import GAP, LETTER, bars

SVG = "{http://www.w3.org/2000/svg}"
LABELS = st.text(st.characters(blacklist_categories=["Cs", "Cc"], max_codepoint=0x24F), max_size=24)


@given(st.lists(st.tuples(LABELS, st.integers(0, 10**9)), max_size=14))
def test_every_number_has_its_bar_and_its_text_and_all_of_it_is_inside(rows):
    drawn = xml.fromstring(bars("due", "Rows & more", "What <falls> due", rows))
    width, height = float(drawn.get("width")), float(drawn.get("height"))
    texts = list(drawn.iter(f"{SVG}text"))
    assert [t.text or "" for t in texts[::2]] == [label for label, _ in rows]
    assert [t.text for t in texts[1::2]] == [f"{number:,}" for _, number in rows]
    lengths = [float(r.get("width")) for r in drawn.iter(f"{SVG}rect")]
    for (_, one), first in zip(rows, lengths, strict=True):
        assert (first > 0) == (one > 0)
        for (_, other), second in zip(rows, lengths, strict=True):
            assert first <= second or one >= other, "longer is more"
    for label, number in zip(texts[::2], texts[1::2], strict=True):
        assert float(label.get("x")) - len(label.text or "") * LETTER >= -1, "begins inside"
        assert float(number.get("x")) + len(number.text) * LETTER <= width + GAP, "ends inside"
        assert float(label.get("x")) < float(number.get("x"))
        assert 0 < float(label.get("y")) <= height
    ys = [float(t.get("y")) for t in texts[::2]]
    assert all(b - a >= 14 for a, b in itertools.pairwise(ys)), "a line of its own for each"


def test_a_chart_says_what_it_shows_and_carries_its_colours():
    text = bars("due", "Rows & more", "<b>", [("<script>", 3)])
    assert "<script>" not in text and "<b>" not in text
    assert 'role="img"' in text and 'aria-labelledby="due-title due-desc"' in text
    assert 'fill="#0d5560"' in text, "print and PDF have no stylesheet of ours"
