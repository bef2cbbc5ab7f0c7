"""When an answer is due: which law counts for a customer, and what its clock says.

gather   the residence, the laws of the policy, the holidays at the seat, the zone
decide   every clock that covers the request; the earliest safe date counts
act      nothing: dates are kept with the case they belong to

Easy to get wrong: holidays of another place than the controller's; the day of the
server instead of the day of the organisation.

Sources: GDPR Art. 3, 12(3); Regulation 1182/71 Art. 2(1), 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from rightful.compliance.laws import clock, every_law
from rightful.compliance.public_holidays import holidays_at
from rightful.compliance.rules import Clock, Due, Law, Pause, due, laws_for, strictest
from rightful.errors import BadInput
from rightful.policy.model import Policy
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GENERAL = "access"  # whose clock counts where a law sets no term for a kind of request


@dataclass(frozen=True, slots=True)
class Deadline:
    """The clock that counts for one request, with the law it belongs to and why that law."""

    law: Law
    clock: Clock
    due: Due
    why: str


def deadline_for(
    ws: Workspace,
    what: str,
    residence: str,
    received_us: int,
    *,
    extended: bool = False,
    pauses: Sequence[Pause] = (),
    law: str = "",
) -> Deadline:
    """The earliest date by which a request has to be answered.

    Args:
        what: kind of request ("access", "erasure", ...).
        residence: ISO 3166, or "" where nobody knows it.
        law: keep to this law (a request goes on under the law it began with).

    Raises:
        BadInput: no law here has a term for it, or the extension is not granted.
    """
    policy = ws.facts.policy
    received = EPOCH + timedelta(microseconds=received_us)
    zone, free = ZoneInfo(policy.timezone), calendar(ws, received.year)
    day = received.astimezone(zone).date()
    laws, why = _laws(policy, residence)
    if law:
        laws = tuple(one for one in every_law().values() if one.id == law)
    found: dict[str, Deadline] = {}
    for one in laws:
        own = one.clock_for(what, day)
        general = own or one.clock_for(GENERAL, day)
        if general is None or (extended and general.extension is None):
            continue
        counted = due(general, received, zone=zone, holidays=free, extended=extended, pauses=pauses)
        words = why
        if own is None:
            words += f"; {one.name} sets no term of its own for this, so its term for requests counts"
        found[counted.clock] = Deadline(one, general, counted, words)
    first = strictest(item.due for item in found.values())
    if first is None:
        raise BadInput(
            f"no law here has a term for {what}" + (" that can be extended" if extended else ""),
            remedy="`rightful law list` shows the terms there are",
        )
    return found[first.clock]


def separate_due(ws: Workspace, law: str, what: str, received_us: int) -> Due | None:
    """A term that a law sets apart from the answer, such as for confirming the receipt; None where it sets none."""
    received = EPOCH + timedelta(microseconds=received_us)
    zone = ZoneInfo(ws.facts.policy.timezone)
    found = every_law()[law].clock_for(what, received.astimezone(zone).date()) if law in every_law() else None
    return None if found is None else due(found, received, zone=zone, holidays=calendar(ws, received.year))


def due_by_clock(
    ws: Workspace | None,
    name: str,
    received: datetime | date,
    *,
    zone: str = "",
    place: str | None = None,
    extended: bool = False,
    pauses: Sequence[Pause] = (),
) -> tuple[Clock, Due]:
    """One clock by its id, for a place and a zone; those of the workspace unless told otherwise."""
    found = clock(name)
    key = zone or (ws.facts.policy.timezone if ws is not None else "UTC")
    try:
        known = ZoneInfo(key)
    except (KeyError, ValueError, OSError):
        raise BadInput(f"there is no time zone {key}", remedy="Write it as Europe/Berlin") from None
    free = holidays_at(place, received.year) if place is not None else calendar(ws, received.year) if ws else {}
    return found, due(found, received, zone=known, holidays=free, extended=extended, pauses=pauses)


def calendar(ws: Workspace, year: int) -> dict[date, str]:
    """Holidays at the organisation's seat; none where rightful.json names no `calendar`."""
    return dict(holidays_at(str(ws.config.get("calendar", "")), year))


def _laws(policy: Policy, residence: str) -> tuple[tuple[Law, ...], str]:
    configured = [(regime.laws, regime.where) for regime in policy.regimes.values()]
    return laws_for(every_law(), residence, configured)
