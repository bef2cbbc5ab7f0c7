"""Near misses: people who would be permitted but for one or two things, on the exact boundary of a rule.

Made by a seeded generator, so that every run sees the same; the answers come from
the naive reading in `oracle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random

from rightful.gate.conditions import Notices, Subject
from rightful.policy.model import Period, Policy
from rightful.terms import LawfulBasis, Survives
from tests import oracle
from tests.builders import NOW, TURNS_16, TURNS_18, event, notice, policy, purpose

DAY = 86_400_000_000
FIELDS = {
    "customer.email": "contact",
    "customer.phone": "contact",
    "customer.income": "money",
    "customer.health": "health",
}
BIRTHS = [date(1980, 5, 5)] * 6 + [
    None,
    date(2008, 6, 15),  # 18 at TURNS_18
    date(2008, 6, 16),
    date(2010, 6, 15),
    date(2009, 6, 15),  # 15 (France) at TURNS_16
]
HOMES = ["DE", "DE", "DE", "FR", "FR", "AT", "US-CA", "US-CA", "", "BR"]


@dataclass(frozen=True)
class Crowd:
    """One question about many people, with the right answers."""

    policy: Policy
    notices: Notices
    now: int
    slot: tuple[str, str, str]
    people: tuple[Subject, ...]
    answers: tuple[bool, ...]
    fields: tuple[tuple[bool, ...], ...]


@cache
def crowds(seed: int = 7, policies: int = 500, people: int = 40) -> tuple[Crowd, ...]:
    random = Random(seed)
    return tuple(_crowd(random, people) for _ in range(policies))


def _crowd(random: Random, size: int) -> Crowd:
    kinds = [b.value for b in LawfulBasis] + ["consent"] * 6 + ["legitimate-interest", "opt-out-of-sharing"] * 2
    first = random.choice(kinds)
    second = random.choice([first, random.choice(kinds)])
    basis = random.choice([{"EU": first, "CA": second}] * 5 + [{"EU": first}])
    channels = random.choice([("email",), ("email", "sms"), ()])
    compatible = ("solo",) if random.random() < 0.2 else ()
    asked = purpose(
        "a",
        basis,
        parent="top",
        needs=("contact", "money", "health"),
        channels=channels,
        recipients=("agency", "printer"),
        direct_marketing=random.random() < 0.3,
        for_children=random.random() < 0.3,
        compatible_with=compatible,
        special_ground=random.choice(["", "explicit-consent", "legal-claims"]),
        survives=frozenset(s for s in Survives if random.random() < 0.12),
        consent_expires=random.choice([None, None, Period(1, "years"), Period(90, "days"), Period(13, "months")]),
        consent_expires_after_activity=random.random() < 0.5,
    )
    pol = policy(
        purpose("top", needs=(), abstract=True),
        asked,
        purpose("solo", random.choice(["consent", "contract"])),
        unknown_jurisdiction=random.choice(["strictest", "strictest", "deny"]),
        unknown_age=random.choice(["adult-unless-service-for-children", "adult-unless-service-for-children", "deny"]),
    )
    full = notice("top", "a", categories=("contact", "money", "health"), recipients=("agency", "printer"))
    less = random.choice([notice("a"), notice("top"), notice("a", recipients=("agency",), categories=("contact",)), {}])
    notices = {"n1": full, "n2": less}
    now = random.choice([NOW, NOW, TURNS_18, NOW + 1])
    slot = ("a", random.choice(channels or ("",)), random.choice(["", "", "agency", "agency", "printer"]))
    crowd = tuple(_person(random, no, now, slot[1]) for no in range(size))
    answers = tuple(oracle.may_use(pol, notices, who, now, *slot) for who in crowd)
    fields = tuple(
        tuple(fine and oracle.may_use_field(pol, notices, who, now, *slot, f, c) for f, c in FIELDS.items())
        for who, fine in zip(crowd, answers, strict=True)
    )
    return Crowd(pol, notices, now, slot, crowd, answers, fields)


def _person(random: Random, no: int, now: int, channel: str) -> Subject:
    moments = [
        now - DAY,
        now - 1,
        now - 400 * DAY,
        now - 89 * DAY,
        now - 300 * DAY,
        TURNS_16,
        TURNS_16 - 1,
        now - 30 * DAY,
    ]
    given_at = random.choice(moments)
    events = []
    if random.random() < 0.85:
        events.append(
            event(
                "given",
                random.choice(["a", "a", "a", "top"]),
                channel,
                given_at,
                until_us=random.choice([None] * 6 + [now, now + 1, now - 1]),
                notice=random.choice(["n1", "n1", "n1", "n2", "lost"]),
                method=random.choice(["form", "form", "form", "guardian", "sync", "pre-ticked"]),
                evidence=random.choice(["form-1"] * 6 + [""]),
            )
        )
    if random.random() < 0.7:
        events.append(event("notice-served", at=now - 500 * DAY, notice=random.choice(["n1", "n1", "n2"])))
    if random.random() < 0.5:
        events.append(event("soft-opt-in", "a", channel, now - 20 * DAY, evidence=random.choice(["sale-1", ""])))
    for _ in range(random.choice([0, 0, 1, 1, 2])):
        events += _twist(random, now, channel, given_at)
    return Subject(no, tuple(events), random.choice(HOMES), random.choice(BIRTHS))


def _twist(random: Random, now: int, channel: str, given_at: int) -> list:
    at = random.choice([given_at, given_at - 1, given_at + 1, now - 10 * DAY])
    scope = random.choice(["a", "top", "direct-marketing", "solo"])
    gpc = event("signal-gpc", at=at)
    choices = [
        [event("withdrawn", random.choice(["a", "top", "solo"]), random.choice([channel, "*", "sms"]), at)],
        [event("refused", "a", channel, at)],
        [event("objected", scope, at=at)],
        [
            event("objected", scope, at=at),
            event("objection-lifted", scope, at=at + random.choice([0, 1]), evidence="e"),
        ],
        [event("objected", scope, at=at), event("objection-lifted", scope, at=at + 1)],
        [event("restricted", random.choice(["", "contact", "customer.income", "money"]), at=at)],
        [event("restricted", at=at), event("restriction-lifted", at=at + 1, evidence=random.choice(["letter", ""]))],
        [event("opted-out", at=at)],
        [event("opted-out", at=at), event("opted-in-again", at=at + random.choice([0, 1]), evidence="e")],
        [gpc],
        [gpc, event("signal-asked", random.choice(["a", "a", "solo"]), at=at + random.choice([-1, 0, 1]))],
        [gpc, event("signal-asked", "a", at=at)],
        [event("erased", at=at)],
        [event("active", random.choice(["", "a"]), channel, given_at + random.choice([80, 89, 90, 100, 360]) * DAY)],
        [
            event("active", "", channel, given_at + 89 * DAY),
            event("active", "", channel, given_at + 170 * DAY),
            event("active", "", channel, given_at + random.choice([255, 270]) * DAY),
        ],
        [event("moved", at=now + random.choice([-1, 0, 1]), value=random.choice(["DE", "US-CA", "BR"]))],
        [event("born", at=at, value=random.choice(["1970-01-01", "2008-06-15", "2010-06-15"]))],
        [event("deferred", "a", channel, at)],
    ]
    return random.choice(choices)
