"""What is wrong with a policy, where, and what was probably meant.

Every problem is collected, not only the first, so that one look repairs a file.
Easy to get wrong: the hint costs time (it compares names), so a hostile file
with thousands of unknown names gets a bounded number of hints and of lines.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "advice"]
Place = tuple[str, int, int]
"""File, line and column, both counted from 1; line 0 where there is no text."""

NOWHERE: Place = ("policy", 0, 0)
MOST_PROBLEMS = 100
MOST_COMPARISONS = 20_000
LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `near` is the known name that looks most like the one written."""

    file: str
    line: int
    column: int
    what: str
    near: str | None = None
    severity: Severity = "error"

    @property
    def place(self) -> Place:
        return self.file, self.line, self.column

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        kind = "" if self.severity == "error" else f"{self.severity}: "
        hint = f'. Did you mean "{self.near}"?' if self.near else ""
        return f"{where}: {kind}{self.what}{hint}"


class ProblemLog:
    """Collects problems while a policy is read; the end of it is `sorted_problems`."""

    def __init__(self) -> None:
        self._found: dict[tuple[Place, str], Problem] = {}
        self._comparisons = MOST_COMPARISONS
        self.left_out = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, place: Place, what: str, word: str = "", known: Collection[str] = ()) -> None:
        """Note a problem; with `word` and `known`, also the nearest known name."""
        if len(self._found) >= MOST_PROBLEMS:
            self.left_out += 1
            return
        near = None
        if word and len(known) <= self._comparisons:
            self._comparisons -= len(known)
            near = nearest(word, known)
        self._found.setdefault((place, what), Problem(*place, what, near))

    def sorted_problems(self) -> tuple[Problem, ...]:
        return tuple(sorted(self._found.values(), key=lambda p: (p.file, p.line, p.column, p.what)))


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known name most like `word`, or None if none is alike."""
    if not word or len(word) > LONGEST_NAME:
        return None
    plain = {_plain(name): name for name in sorted(known, reverse=True) if name != word}
    if _plain(word) in plain:
        return plain[_plain(word)]
    found = difflib.get_close_matches(_plain(word), plain, n=5, cutoff=0.6)
    return plain[max(found, key=lambda name: _likeness(_plain(word), name))] if found else None


def _likeness(word: str, name: str) -> float:
    """How alike two names are; swapped letters and another ending are likelier slips than another beginning."""
    swapped = sorted(word) == sorted(name)
    return difflib.SequenceMatcher(None, name, word).ratio() + 0.1 * (word[0] == name[0]) + 0.2 * swapped


def _plain(name: str) -> str:
    return name.casefold().replace("_", "-").replace(" ", "-")
