"""Which instant a date in a policy means.

A date is a whole day in the policy's time zone: an agreement `until` a day ends
when the next day begins. Easy to get wrong: where the clocks change at midnight, a
midnight may come twice or never. If it never comes, the day begins when the clocks
jump; if it comes twice, an agreement begins at the later and ends at the earlier one,
so that doubt never permits anything.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR, LAST_YEAR = 1971, 2999

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


class NotAMoment(ValueError):
    """The text is no date and no instant with an offset; the sentence says what to write."""


def moment_us(text: str, zone: ZoneInfo, *, ends: bool) -> int:
    """The instant (us) a date or an instant means; `ends` for the last day of something.

    Raises:
        NotAMoment: another form, a day that does not exist, or an instant without an offset.
    """
    if _DATE.fullmatch(text):
        return _us(_start_of(_day(text), zone, ends=ends))
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise NotAMoment(
            f'"{text[:40]}" is no date; write 2027-12-31, or an instant with its offset: 2027-12-31T18:00:00+01:00'
        )
    if found[1] is None:
        raise NotAMoment(f"{text} has no time zone; add the offset, for example {text.replace(' ', 'T')}+01:00")
    _day(text[:10])
    try:
        return _us(datetime.fromisoformat(text))
    except ValueError:
        raise NotAMoment(f"{text} is no time of day or no offset that exists") from None


def instant(us: int) -> str:
    """An instant (us) in RFC 3339, always in UTC and always with microseconds."""
    return (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_us(text: str) -> int:
    """The inverse of `instant`."""
    return _us(datetime.fromisoformat(text))


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NotAMoment(f"{text} is no day of the calendar") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise NotAMoment(f"{text} lies outside the years {FIRST_YEAR} to {LAST_YEAR}; leave it out if there is no end")
    return day


def _start_of(day: date, zone: ZoneInfo, *, ends: bool) -> datetime:
    midnight = datetime.combine(day + timedelta(days=1) if ends else day, time(), zone)
    first = midnight.replace(fold=0).astimezone(UTC)
    if ends:
        return first
    return max(first, midnight.replace(fold=1).astimezone(UTC))


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
