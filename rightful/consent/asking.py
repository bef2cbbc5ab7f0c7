"""From when a customer may be asked for a consent again.

Asking until somebody gives in is no free choice, so a no has a rest period: the
policy's `ask-again`, counted from the no. Where the policy names none, a no is final
until the customer comes back by themselves. Nothing here reads a clock.

Easy to get wrong: the pauses do not add up, the longest one counts; a question that
was never answered starts a rest as well; a consent that ran out was no no.

Sources: GDPR Art. 4(11), 7(4), 21(3), recitals 32, 42; EDPB Guidelines 05/2020 par. 13;
CCPA 1798.135(c)(4) (twelve months after an opt-out).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rightful.consent.events import NEVER_US
from rightful.consent.rules import Status, add_period

CCPA_MONTHS = 12
FREE = frozenset({Status.NONE, Status.UNPROVABLE, Status.INVALID, Status.NOT_ON_NOTICE})
"""Nothing was chosen, or what was chosen proves nothing: one may ask."""

NOW, IN_FORCE, EXPIRED, RESTS, FINAL, OBJECTED, OPTED_OUT, MINOR, CHILD, STOPPED, UNANSWERED = CODES = (
    "may-ask",
    "in-force",
    "expired",
    "rests",
    "no-is-final",
    "objected",
    "opted-out",
    "minor",
    "child",
    "stopped",
    "unanswered",
)
"""Why that day, the strongest last: of two that end at the same instant, the later one in this list is named."""

SENTENCES = {
    NOW: "Nothing was chosen yet",
    IN_FORCE: "A consent is in force; it is renewed when it ends",
    EXPIRED: "A consent ran out",
    RESTS: "They said no, and the rest period is not over",
    FINAL: "They said no, and the policy names no day to ask again",
    OBJECTED: "They objected; only they can lift that",
    OPTED_OUT: "They opted out of sale or sharing: twelve months of rest",
    MINOR: "They are under 18, and this is marketing",
    CHILD: "A parent or guardian has to agree, so they are asked instead",
    STOPPED: "The record is restricted or erased",
    UNANSWERED: "They were asked and did not answer; the rest period is not over",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of one customer, one purpose and one channel. Instants in us; None where there is none."""

    status: Status
    since_us: int = 0
    until_us: int = NEVER_US
    objected: bool = False
    stopped: bool = False
    opted_out_us: int | None = None
    adult_us: int | None = None  # marketing only: when they turn 18
    of_age_us: int | None = None  # when their own yes begins to count
    asked_us: int | None = None


def may_ask_from(standing: Standing, now_us: int, rest: Callable[[int], int] | None) -> tuple[int, str]:
    """The instant from which this customer may be asked (NEVER_US: not at all), and why then.

    Args:
        rest: start of a rest (us) -> its end (us); None if the policy names no rest period.
    """
    reasons = [_of_choice(standing, now_us, rest)]
    chosen_us = 0 if standing.status in FREE else standing.since_us
    if standing.asked_us is not None and standing.asked_us > chosen_us:
        reasons.append((rest(standing.asked_us) if rest else NEVER_US, UNANSWERED))
    if standing.opted_out_us is not None:
        least = add_period(standing.opted_out_us, CCPA_MONTHS, "months")
        reasons.append((max(least, rest(standing.opted_out_us)) if rest else least, OPTED_OUT))
    if standing.adult_us is not None and now_us < standing.adult_us:
        reasons.append((standing.adult_us, MINOR))
    if standing.of_age_us is not None and now_us < standing.of_age_us:
        reasons.append((standing.of_age_us, CHILD))
    if standing.objected:
        reasons.append((NEVER_US, OBJECTED))
    if standing.stopped:
        reasons.append((NEVER_US, STOPPED))
    return max(reasons, key=lambda reason: (reason[0], CODES.index(reason[1])))


def _of_choice(standing: Standing, now_us: int, rest: Callable[[int], int] | None) -> tuple[int, str]:
    if standing.status in FREE:
        return 0, NOW
    if standing.status is Status.GRANTED:
        return standing.until_us, EXPIRED if standing.until_us <= now_us else IN_FORCE
    if standing.status is Status.DEFERRED:  # closed without a choice: no no, but no reason to nag either
        return (rest(standing.since_us) if rest else 0), UNANSWERED if rest else NOW
    return (rest(standing.since_us) if rest else NEVER_US), RESTS if rest else FINAL
