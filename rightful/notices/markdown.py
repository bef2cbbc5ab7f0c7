"""A notice as Markdown, for repositories, mails and other people's sites.

Easy to get wrong: a text that means something in Markdown. Every character that could is escaped, so that
the text reads as it was written and no text of a policy becomes a link or a heading.

Source: CommonMark 0.31 (backslash escapes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rightful.notices.rules import DETAILS, LEGAL, SHORT, Line, Notice, Part

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_BULLET = re.compile(r"^([-+=])|^(\d+)([.)])")


def markdown(notice: Notice, *, issue: str = "") -> str:
    """The whole notice. `issue` is the line that names version and day."""
    return "\n".join(_lines(notice, issue)) + "\n"


def _lines(notice: Notice, issue: str) -> Iterator[str]:
    yield f"# {plain(notice.title)}"
    for said in (issue, notice.remark):
        if said:
            yield ""
            yield plain(said)
    short = notice.part(SHORT)
    lead, *more = short.lines
    yield from ("", f"## {plain(short.title)}", "", _said(lead), "")
    for inner in short.parts:
        says, *others = inner.lines
        yield " ".join([f"- **{_said(says)}**", *(_said(line) for line in others)])
    yield from (text for line in more for text in ("", _said(line)))
    for layer in (DETAILS, LEGAL):
        part = notice.part(layer)
        yield from ("", f"## {plain(part.title)}")
        for inner in part.parts:
            yield from _part(inner)


def _part(part: Part) -> Iterator[str]:
    yield from ("", f"### {plain(part.title)}", "")
    for line in part.lines:
        yield f"- **{plain(line.label)}** {_said(line)}" if line.label else f"- {_said(line)}"


def _said(line: Line) -> str:
    return plain(line.text) + (f" ([{plain(line.cite)}]({line.link}))" if line.link else "")


def plain(text: str) -> str:
    """A text that is only text, whoever wrote it."""
    escaped = _SPECIAL.sub(r"\\\1", " ".join(text.split()))
    return _BULLET.sub(lambda found: f"\\{found[1]}" if found[1] else f"{found[2]}\\{found[3]}", escaped)
