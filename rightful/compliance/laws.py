"""Which laws we know, and their clocks: read from the packs beside this file.

A pack is data. Each number stands beside the article it comes from, the days from
and to which it is law, and whether the text was read for it. An organisation may
be quicker than its law, never slower: nothing here can be made later.

Easy to get wrong: a law that starts next year must not move a date of today; so
clocks are asked for with a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from rightful.compliance.rules import UNITS, Clock, Extension, Law
from rightful.errors import NotFound

PACKS = Path(__file__).parent / "packs"


@lru_cache(maxsize=1)
def every_law() -> Mapping[str, Law]:
    """All laws of all packs, by id, in the order of the packs."""
    found: dict[str, Law] = {}
    for path in sorted(PACKS.glob("*.json")):
        for raw in json.loads(path.read_text("utf-8"))["laws"]:
            law = _law(raw)
            assert law.id not in found, law.id
            found[law.id] = law
    return found


def clock(name: str) -> Clock:
    """A clock by its id ("gdpr/answer").

    Raises:
        NotFound: no pack has it.
    """
    for law in every_law().values():
        for one in law.clocks:
            if one.id == name:
                return one
    raise NotFound(f"no law here has a clock {name}", remedy="`rightful law list` shows them")


def _law(raw: Mapping[str, Any]) -> Law:
    return Law(
        id=raw["id"],
        name=raw["name"],
        instrument=raw["instrument"],
        where=tuple(raw["where"]),
        clocks=tuple(_clock(raw, one) for one in raw["clocks"]),
        family=raw.get("family", ""),
        signals=bool(raw.get("signals", False)),
        refusals=raw.get("refusals", {}),
    )


def _clock(law: Mapping[str, Any], raw: Mapping[str, Any]) -> Clock:
    assert raw["unit"] in UNITS, raw["unit"]
    extension = raw.get("extension")
    return Clock(
        id=f"{law['id']}/{raw['id']}",
        law=law["name"],
        title=raw["title"],
        article=raw["article"],
        covers=tuple(raw["covers"]),
        unit=raw["unit"],
        count=int(raw["count"]),
        moves=bool(raw.get("moves", False)),
        note=raw.get("note", ""),
        pauses=raw.get("pauses", {}),
        start_rule=raw.get("start-rule", ""),
        extension=None
        if extension is None
        else Extension(int(extension["count"]), extension["article"], tuple(extension.get("reasons", ()))),
        cautious=tuple(raw.get("cautious", ())),
        cautious_note=raw.get("cautious-note", ""),
        since=_day(raw.get("since")),
        until=_day(raw.get("until")),
        status=raw["status"],
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
