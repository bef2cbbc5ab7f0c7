"""The page that lists every term of every law: docs/reference/deadlines.md, written from the packs.

Easy to get wrong: a table that says more than the pack; so each cell is one field of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from rightful.compliance.laws import every_law
from rightful.compliance.rules import STARTS, SUSPENDS, SUSPENDS_BOTH_ENDS, Clock, Law

HEAD = """# Deadlines

<!-- Written by tools/docs.py from rightful/compliance/packs. Change the packs, then run `make docs`. -->

`rightful law list` prints this list, `rightful law due CLOCK DAY` counts one. In every case the answer holds
the date, the earliest date of any careful reading ("aim at"), and each step of the count in words.

These are facts in our own words with the place they are written in, not legal advice. *read*: the text or a
reliable summary was read for the table. *knowledge*: stable, well-known text. *unverified*: check it before it
decides anything. A term may be shorter in your organisation, never longer.

How a request gets its clock: the residence of the customer decides which laws count, first by the regimes of
the policy, and by the law of that place. Where the residence is not known, every law of the policy is
counted and the earliest date is kept. Public holidays are those of the place that `calendar` names in
`rightful.json` (`IE`, `DE-BE`, `US-CA`); without it no day is a holiday, so that no date is later than it may be.

In the column "pauses": *suspends* means that the days from the question to the answer do not count; *both days
too* that neither the day of the question nor that of the answer counts; *starts the clock* that the term
begins when what was asked for has come.
"""
_PAUSES = {SUSPENDS: "suspends", SUSPENDS_BOTH_ENDS: "both days too", STARTS: "starts the clock"}
_UNITS = {
    "month": "calendar month",
    "day": "calendar day",
    "working-day": "working day",
    "hour": "elapsed hour",
    "not-before-month": "calendar months at least",
}


def reference() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(line for law in every_law().values() for line in _law(law))])


def _law(law: Law) -> Iterator[str]:
    yield f"## {law.name}\n"
    where = ", ".join(law.where) if law.where else "named by the duty, not by a residence"
    yield f"{law.instrument}. Where: {where}." + (" Opt-out signals count." if law.signals else "") + "\n"
    yield "| clock | what | term | more time | moves on from weekends and holidays | pauses | written in | status |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for clock in law.clocks:
        yield "| " + " | ".join(_cells(clock)) + " |"
    yield ""
    for clock in law.clocks:
        if clock.cautious_note:
            yield f"- `{clock.id}` aims at an earlier date: {clock.cautious_note}"
    yield ""


def _cells(clock: Clock) -> tuple[str, ...]:
    unit = _UNITS[clock.unit] + ("s" if clock.count != 1 and clock.unit != "not-before-month" else "")
    more = f"+{clock.extension.count} ({clock.extension.article})" if clock.extension else ""
    span = (f" since {clock.since}" if clock.since else "") + (f" until {clock.until}" if clock.until else "")
    pauses = ", ".join(f"{what}: {_PAUSES[how]}" for what, how in clock.pauses.items())
    moves = "yes" if clock.moves else "no"
    return (
        f"`{clock.id}`",
        clock.title + span,
        f"{clock.count} {unit}",
        more,
        moves,
        pauses,
        clock.article,
        clock.status,
    )
