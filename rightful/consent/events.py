"""What was said, by whom, when, and how we know: one consent event.

Events are only ever added. What follows from them is worked out in `rules.py`
(for one customer) and in `gate/planes.py` (for all at once).

Easy to get wrong: the time an event *claims* and the time we *received* it are
both kept. A clock that runs fast must not let a grant outlive a withdrawal, so
what counts is the earlier of the two (`effective_us`), except for what may
honestly lie ahead, such as an announced move.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.terms import EventKind, Method

AHEAD = frozenset({EventKind.MOVED, EventKind.BORN})
"""Kinds whose time may lie in the future."""

STOPS = (
    EventKind.WITHDRAWN,
    EventKind.REFUSED,
    EventKind.OBJECTED,
    EventKind.OPTED_OUT,
    EventKind.RESTRICTED,
)
"""Kinds that only ever take something away."""

NEVER_US = (1 << 63) - 1
"""An end that never comes."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event about one customer.

    Attributes:
        id: unique; the same id twice is the same event (replays change nothing).
        kind: what happened.
        purpose: the purpose, or the scope of an objection or a restriction.
        channel: one channel, "" where the purpose has none, "*" for all (never in a grant).
        at_us: when it happened, as claimed, in microseconds since 1970 (UTC).
        received_us: when we learned of it.
        until_us: end of validity, half-open, if the person set one.
        notice: label of the notice that was shown.
        method: how it was captured.
        evidence: reference to the proof (form record, recording, message id).
        value: residence for MOVED (ISO 3166), birth date for BORN (YYYY-MM-DD).
    """

    id: str
    kind: EventKind
    purpose: str
    channel: str
    at_us: int
    received_us: int
    until_us: int | None = None
    notice: str = ""
    method: Method = Method.FORM
    evidence: str = ""
    value: str = ""

    @property
    def effective_us(self) -> int:
        """The instant that orders this event among others (cases T05, T06)."""
        if self.kind in AHEAD:
            return self.at_us
        return min(self.at_us, self.received_us)
