"""When a storage period is over, and what a hold does to that.

A period counts in calendar units from a day, and its last day still belongs to it.
Nothing here reads a clock or a table: days and instants come in.

Easy to get wrong: one month from 31 January ends on the last day of February; "from
the end of the year" starts on 31 December, whatever the day in it; the first day that
is not over is searched for, not counted back, because months cannot be undone.

Sources: GDPR Art. 5(1)(e), 17(3), 18(2); Regulation (EEC, Euratom) 1182/71 Art. 3(2)(c).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

_MONTHS = {"months": 1, "years": 12}
_DAYS = {"days": 1, "weeks": 7}


def last_day(start: date, count: int, unit: str) -> date:
    """The last day of a period that counts from `start`; beyond the calendar it is the calendar's last."""
    try:
        if unit in _DAYS:
            return start + timedelta(days=count * _DAYS[unit])
        month = start.month - 1 + count * _MONTHS[unit]
        year, month = start.year + month // 12, month % 12 + 1
        return date(year, month, min(start.day, monthrange(year, month)[1]))
    except (OverflowError, ValueError):
        return date.max


def over_if_before(today: date, count: int, unit: str, *, from_end_of_year: bool = False) -> date:
    """The first day that is *not* over: data whose period starts before it may not be kept any longer.

    Args:
        today: the day in the policy's time zone. A period whose last day is today is not over.
        from_end_of_year: the period starts on 31 December of the year of the day.
    """
    if from_end_of_year:
        year = today.year
        while year > 1 and last_day(date(year - 1, 12, 31), count, unit) >= today:
            year -= 1
        return date(year, 1, 1)
    first = _surely_over(today, count, unit)
    while last_day(first, count, unit) < today:
        first += timedelta(days=1)
    return first


def _surely_over(today: date, count: int, unit: str) -> date:
    """A day whose period is over, a few days before the first that is not."""
    try:
        if unit in _DAYS:
            return today - timedelta(days=count * _DAYS[unit] + 1)
        month = today.month - 1 - count * _MONTHS[unit]
        return date(today.year + month // 12, month % 12 + 1, 1) - timedelta(days=4)
    except (OverflowError, ValueError):
        return date.min


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold: nothing of these customers in these tables is disposed of while it is in force.

    It keeps data; it never permits their use. In force within [since, until), in microseconds.

    Attributes:
        tables: () is every table.
        customers: numbers; None is everybody.
    """

    id: str
    reason: str
    since_us: int
    until_us: int | None
    tables: tuple[str, ...] = ()
    customers: frozenset[int] | None = None
    entry: int = 0

    def in_force(self, now_us: int) -> bool:
        return self.since_us <= now_us and (self.until_us is None or now_us < self.until_us)

    def covers(self, table: str, no: int | None = None) -> bool:
        """Whether it keeps a table (of this customer, or of somebody)."""
        if self.tables and table not in self.tables:
            return False
        return self.customers is None or no is None or no in self.customers
