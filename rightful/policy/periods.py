"""How a length of time is written in a policy, and which of two is longer.

Lengths are calendar units, because laws and people count in months. Easy to get
wrong: a month has no fixed number of days, so "30 days" and "1 month" cannot be
ordered; two lengths that cannot be ordered are reported as such, never guessed.

Source: Regulation (EEC, Euratom) 1182/71 Art. 3 for how the law counts.
"""

from __future__ import annotations

import re

from rightful.policy.model import Period

UNITS = ("days", "weeks", "months", "years")
LONGEST = {"days": 36_525, "weeks": 5_218, "months": 1_200, "years": 100}
EXAMPLES = '"24 months", "6 months after the last delivery", "8 years from the end of the year", "after 6 months"'

ACTIVITY = frozenset({"the last open or click", "the last open", "the last click", "the last activity"})
"""Anchors of a consent's end that move with each open or click."""

_WRITTEN = re.compile(
    r"(?P<first>after )?(?P<count>[1-9][0-9]{0,4}) (?P<unit>day|week|month|year)s?"
    r"(?: (?:after|from) (?P<anchor>the [a-z0-9][a-z0-9 ,'/-]{0,80}))?"
)
_MONTHS = {"months": 1, "years": 12}
_DAYS = {"days": 1, "weeks": 7}


class NotAPeriod(ValueError):
    """The words say no length of time that is understood; the sentence gives examples."""


def period(text: str) -> Period:
    """Read a length of time.

    Raises:
        NotAPeriod: the wording is not understood, or the length is out of reach.
    """
    found = _WRITTEN.fullmatch(" ".join(text.split()))
    if found is None or (found["first"] and found["anchor"]):
        raise NotAPeriod(f'"{shown(text)}" is no length of time; write for example {EXAMPLES}')
    unit = found["unit"] + "s"
    count = int(found["count"])
    if count > LONGEST[unit]:
        raise NotAPeriod(f'"{shown(text)}" is longer than 100 years')
    return Period(count, unit, found["anchor"] or "")


def words(length: Period) -> str:
    """The length as it is written: `24 months after the last open or click`."""
    unit = length.unit if length.count != 1 else length.unit.removesuffix("s")
    return f"{length.count} {unit}" + (f" after {length.after}" if length.after else "")


def at_most(first: Period | None, second: Period | None) -> bool:
    """Whether `first` surely ends no later than `second`; None is without end.

    False also where the two cannot be ordered. A month counts as 28 to 31 days.
    """
    if second is None:
        return True
    if first is None:
        return False
    if first.after != second.after:
        return False
    if first.unit in _MONTHS and second.unit in _MONTHS:
        return first.count * _MONTHS[first.unit] <= second.count * _MONTHS[second.unit]
    return _days(first, 31, 366) <= _days(second, 28, 365)


def shown(text: str) -> str:
    """A piece of text short enough to stand in a message."""
    flat = " ".join(text.split())
    return flat if len(flat) <= 60 else flat[:57] + "..."


def _days(length: Period, month: int, year: int) -> int:
    if length.unit in _DAYS:
        return length.count * _DAYS[length.unit]
    return length.count * (month if length.unit == "months" else year)
