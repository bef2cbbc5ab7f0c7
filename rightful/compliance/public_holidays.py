"""Public holidays at a place, by name: the adapter to the `holidays` package.

A place is written as ISO 3166: IE, DE-BE, US-CA, GB-ENG. Without one nothing is a
holiday, which only ever makes a date earlier.

Easy to get wrong: names in the language of this machine; a term that crosses New
Year; a holiday that moved to Monday counts on both days for a court, and the package
says so with "(observed)".

Source: pypi.org/project/holidays; Regulation 1182/71 Art. 2(1): holidays of the place of the act.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from rightful.errors import BadInput

YEARS = 4


def holidays_at(place: str, from_year: int) -> Mapping[date, str]:
    """Holidays of a place in this and the next years, day -> English name.

    Raises:
        BadInput: no calendar is known for the place.
    """
    return _read(place, from_year) if place else {}


@lru_cache(maxsize=64)
def _read(place: str, from_year: int) -> Mapping[date, str]:
    import holidays

    country, _, region = place.partition("-")
    years = range(from_year, from_year + YEARS)
    try:
        found = holidays.country_holidays(country, subdiv=region or None, years=years, language="en_US")
    except (NotImplementedError, KeyError) as unknown:
        raise BadInput(f"no holidays are known for {place}", remedy="Write it as IE, DE-BE or US-CA") from unknown
    return {day: name.replace("; ", ", ") for day, name in found.items()}  # reasons are told apart by "; "
