"""How a date was counted, told to the customer it belongs to.

The steps of a count are on record in the words of rightful/compliance/rules.py, for
staff and for whoever checks them. Here each of these steps is known again and said as
a whole sentence, which a page translates and in which it writes days its own way.

Easy to get wrong: a step that this page does not know. It stays as it is on record; a
test counts with every law there is and finds none.

Sources: GDPR Art. 12(1), 12(4); Regulation (EEC, Euratom) 1182/71 Art. 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from rightful.terms import gettext_noop as _

SENTENCES: Mapping[str, str] = {
    "due_starts": _("Counting starts on %(day)s, when what we needed had come."),
    "due_months": _("Counted in calendar months from %(day)s: %(count)s. The same date of the last month is %(end)s."),
    "due_months_short": _("Counted in calendar months from %(day)s: %(count)s."),
    "due_no_such_date": _("There is no such date, so the last day of the month counts: %(end)s."),
    "due_days": _("Counted in calendar days from %(day)s: %(count)s."),
    "due_working_days": _("Counted in working days after %(day)s: %(count)s. No public holiday lies between."),
    "due_working_days_but": _("Counted in working days after %(day)s: %(count)s. Not counted: %(holidays)s."),
    "due_day_zero": _("The day your request came in does not count."),
    "due_day_one": _("The day your request came in is the first day."),
    "due_no_move": _("A weekend does not move the day."),
    "due_waited": _("Days that do not count, because we waited for something: %(count)s. So it is %(end)s."),
    "due_weekend": _("%(day)s is no working day, so it moves on by one day."),
    "due_holiday": _("%(day)s is a public holiday (%(name)s), so it moves on by one day."),
    "due_stays": _("%(day)s is a working day, so it stays."),
    "due_end": _("The answer is due by the end of %(day)s."),
    "due_lives": _("This law counts because of where you live: %(place)s."),
    "due_no_law": _("No law is made for where you live, so the earliest date counts."),
    "due_unknown": _("We do not know where you live, so the earliest date counts."),
    "due_general": _("The law sets no term of its own for this, so its term for requests counts."),
}
"""Code -> sentence. %(day)s and %(end)s are days; a page writes them with their weekday."""

DAY = r"\d{4}-\d\d-\d\d"
COUNT = r"(?P<count>\d+)"
_MONTHS = rf"{COUNT} calendar months? from (?P<day>{DAY}) -> same date in the last month"
_WORKING = rf"{COUNT} business days after (?P<day>{DAY}), not counting Saturdays, Sundays"
_STEPS = {
    "due_starts": rf"clock starts on (?P<day>{DAY}) \(.*\)",
    "due_months": rf"{_MONTHS}, (?P<end>{DAY})",
    "due_months_short": _MONTHS,
    "due_no_such_date": rf"that date does not exist, so the last day of the month, (?P<end>{DAY})",
    "due_days": rf"(?P<day>{DAY}) \+ {COUNT} calendar days",
    "due_working_days": rf"{_WORKING} \(no public holiday in the period\)",
    "due_working_days_but": rf"{_WORKING} and (?P<holidays>.+)",
    "due_day_zero": r"the day of receipt is day 0",
    "due_day_one": r"the section says a period of \d+ days beginning when the complaint is received",
    "due_no_move": r"no move for weekends \(the text gives none\)",
    "due_waited": rf"{COUNT} days? do(?:es)? not count \(waiting for .*\) -> (?P<end>{DAY})",
    "due_weekend": rf"(?P<day>{DAY}) is a (?:Saturday|Sunday), so move on one day",
    "due_holiday": rf"(?P<day>{DAY}) is a public holiday \((?P<name>.*)\), so move on one day",
    "due_stays": rf"(?P<day>{DAY}) is a \w+ and a working day, so no move",
    "due_end": rf"due by the end of (?P<day>{DAY}) \(\w+\)",
    "due_lives": r"the customer lives in (?P<place>[A-Z0-9-]+)",
    "due_no_law": r"no law here is made for .*",
    "due_unknown": r"it is not known where the customer lives, .*",
    "due_general": r".* sets no term of its own for this, .*",
}


def steps(reasoning: str) -> tuple[tuple[str, dict[str, object]], ...]:
    """(code, words) of each step on record, in order; ("", {"text": ...}) for one that has no sentence here."""
    return tuple(_known(part) for part in reasoning.split("; ") if part)


def _known(part: str) -> tuple[str, dict[str, object]]:
    for code, pattern in _STEPS.items():
        if found := re.fullmatch(pattern, part):
            return code, {name: _typed(name, text) for name, text in found.groupdict().items()}
    return "", {"text": part}


def _typed(name: str, text: str) -> object:
    if name in ("day", "end"):
        return date.fromisoformat(text)
    return int(text) if name == "count" else text
