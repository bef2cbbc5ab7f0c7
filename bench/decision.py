"""What one decision costs, here and in Cedar, and what it costs to ask about everybody at once.

One decision: may this customer be written to by this role, for this purpose, over this
channel, by this recipient, now? Cedar gets the same conditions as policies and the same
facts as entities, both parsed beforehand (handles), and only the entities of this one
request, which is the quickest way its Python binding offers. Answers are compared first.

Sources: Cedar policy language; cedarpy, `PolicySet`, `Entities`.
"""

from __future__ import annotations

import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from bench.measure import Row, Scale, compared, taking_turns
from bench.world import embedded
from rightful.gate.request import Request
from rightful.terms import Outcome
from rightful.workspace import Workspace

ASK = Request("max@bench.example", "marketer", "newsletter", "email", "mailer")

CEDAR = """
permit (principal in Role::"marketer", action == Action::"newsletter", resource is Customer)
when {
    context.channel == "email" && context.recipient in Purpose::"newsletter" &&
    context.recipient.since <= context.now && context.now < context.recipient.until &&
    resource.consent.status == "granted" && context.now < resource.consent.until &&
    resource.consent.notice.names.contains("newsletter") &&
    resource.consent.notice.recipients.contains("mailer")
};
forbid (principal, action == Action::"newsletter", resource)
when { resource.objected.contains("direct-marketing") || resource.objected.contains("newsletter") ||
       resource.objected.contains("marketing") };
forbid (principal, action, resource) when { resource.restricted || resource.erased };
forbid (principal, action == Action::"newsletter", resource)
when { resource.consent.status == "withdrawn" || resource.consent.status == "refused" };
forbid (principal, action == Action::"newsletter", resource)
when { resource has adult && context.now < resource.adult };
forbid (principal, action == Action::"newsletter", resource)
when { resource.consent.since < resource.digital && !resource.consent.guardian };
permit (principal in Role::"analyst", action == Action::"insight", resource is Customer)
when { resource has counted && resource.counted.status == "granted" &&
       resource.counted.notice.names.contains("insight") };
permit (principal in Role::"support", action == Action::"service", resource is Customer);
"""


def run(scale: Scale) -> list[Row]:
    """Single decision, and the bit-plane, over the same customers."""
    with embedded(scale.bulk) as ws:
        return [*_single(ws, scale), *_bulk(ws, scale)]


def _single(ws: Workspace, scale: Scale) -> list[Row]:
    import cedarpy

    facts = ws.facts
    now = ws.clock()
    plan = facts.plan(ASK, now)
    people = random.Random(11).sample(range(scale.bulk), min(400, scale.bulk))
    policies = cedarpy.PolicySet.from_str(CEDAR)
    asked = [(_cedar_request(no, now), cedarpy.Entities.from_json_str(_entities(ws, no))) for no in people]
    parsed_anew = [(_cedar_request(no, now), _entities(ws, no)) for no in people]
    answers = set()
    for no, (request, entities) in zip(people, asked, strict=True):
        ours = facts.answer(plan, no, now) is Outcome.ALLOW
        theirs = cedarpy.is_authorized(request, policies, entities).allowed
        if ours != theirs:
            raise AssertionError(f"customer {no}: we say {ours}, Cedar says {theirs}: not the same question")
        answers.add(ours)
    if len(answers) != 2:
        raise AssertionError("everybody gets the same answer: too few customers for a fair question")
    turns: dict[str, list[float]] = {"ours": [], "cedar": [], "anew": [], "whole": []}
    for turn in range(-1, scale.pairs):
        count, nothing = scale.decisions, _nothing()
        few = max(20, count // 20)
        sides = {
            "ours": _times(lambda n: facts.answer(plan, n, now), people, count),
            "cedar": _times(lambda a: cedarpy.is_authorized(a[0], policies, a[1]), asked, few * 2),
            "anew": _times(lambda a: cedarpy.is_authorized(a[0], policies, a[1]), parsed_anew, few),
            "whole": _times(lambda n: facts.decide(plan, n, now), people, few),
        }
        if turn >= 0:
            for name, times in sides.items():
                turns[name].append(statistics.median(times) - nothing)
    pairs = list(zip(turns["ours"], turns["cedar"], strict=True))
    p50 = statistics.median(turns["ours"])
    note = f"{scale.bulk:,} customers; the instant is given to both; p50 of single calls, less an empty one"
    return [
        Row(
            "decision",
            "single decision, p50, beside cedarpy's",
            p50,
            statistics.median(turns["cedar"]),
            p50 * 1e6,
            5.0,
            "us",
            note=note,
            spread=(min(turns["ours"]) * 1e6, max(turns["ours"]) * 1e6),
        ),
        compared(
            "decision",
            "single decision against cedarpy, policies and entities parsed before",
            pairs,
            0.01,
            f"cedarpy {_version('cedarpy')}; same answers for {len(people)} customers",
        ),
        compared(
            "decision",
            "single decision against cedarpy, entities as JSON text in each call",
            list(zip(turns["ours"], turns["anew"], strict=True)),
            None,
            "what it takes when facts change between calls",
        ),
        compared(
            "decision",
            "with all reasons (`Facts.decide`) against cedarpy, parsed before",
            list(zip(turns["whole"], turns["cedar"], strict=True)),
            None,
            "every field, every reason, next change; reads the customer's newest events from disk",
        ),
    ]


def _times(call: Callable[[Any], object], asked: Sequence[Any], count: int) -> list[float]:
    """Seconds of each single call."""
    times = []
    for number in range(count):
        about = asked[number % len(asked)]
        started = time.perf_counter_ns()
        call(about)
        times.append((time.perf_counter_ns() - started) / 1e9)
    return times


def _nothing() -> float:
    """What it takes to time a call that does nothing: taken off both sides."""
    return statistics.median(_times(lambda _: None, [0], 2_000))


def _cedar_request(no: int, now: int) -> dict[str, Any]:
    return {
        "principal": {"type": "Staff", "id": "max@bench.example"},
        "action": {"type": "Action", "id": "newsletter"},
        "resource": {"type": "Customer", "id": f"c-{no:08d}"},
        "context": {"channel": "email", "now": now, "recipient": {"__entity": {"type": "Recipient", "id": "mailer"}}},
    }


def _entities(ws: Workspace, no: int) -> str:
    """The facts of one request, and no others: the customer, the clerk, the role, the recipient, the notice."""
    from rightful.gate.conditions import ADULT, Ask, View

    facts, now = ws.facts, ws.clock()
    ask = Ask(facts.policy, facts.notices, ASK.purpose, ASK.channel, ASK.recipient)
    view = View(ask, facts.subject(no), now)
    choice = view.choice
    names = [{"type": "Customer", "id": f"c-{no:08d}"}]
    consent = {
        "status": choice.status.name.lower(),
        "since": choice.since_us if choice.status.name == "GRANTED" else 0,
        "until": min(choice.until_us, (1 << 62)),
        "guardian": choice.guardian,
        "notice": {
            "names": sorted(facts.notices.get(choice.notice, {})),
            "recipients": sorted({r for e in facts.notices.get(choice.notice, {}).values() for r in e.recipients}),
        },
    }
    customer = {
        "uid": names[0],
        "attrs": {
            "residence": view.residence,
            "consent": consent,
            "objected": [],
            "restricted": False,
            "erased": False,
            "adult": view.turns_us(ADULT) or 0,
            "digital": (view.turns_us(view.consent_age) or 0) if choice.status.name == "GRANTED" else 0,
        },
        "parents": [],
    }
    recipient = facts.policy.recipients[ASK.recipient]
    return json.dumps(
        [
            customer,
            {
                "uid": {"type": "Staff", "id": "max@bench.example"},
                "attrs": {},
                "parents": [{"type": "Role", "id": "marketer"}],
            },
            {"uid": {"type": "Role", "id": "marketer"}, "attrs": {}, "parents": []},
            {"uid": {"type": "Purpose", "id": "newsletter"}, "attrs": {}, "parents": []},
            {
                "uid": {"type": "Recipient", "id": "mailer"},
                "attrs": {"since": recipient.since_us or 0, "until": recipient.until_us or (1 << 62)},
                "parents": [{"type": "Purpose", "id": "newsletter"}],
            },
        ]
    )


def _bulk(ws: Workspace, scale: Scale) -> list[Row]:
    """Who may get this e-mail: the plane and the count, against counting the flag in the store."""
    import numpy as np

    facts = ws.facts
    now = ws.clock()
    plan = facts.plan(ASK, now)
    flag = facts.bulk(plan, now).flag
    counted = 0

    def ours() -> None:
        nonlocal counted
        counted = int(np.bitwise_count(facts.permitted(plan, ws.clock())).sum())

    def base() -> None:
        with ws.source.run(f"SELECT count(*) FROM rf_base.customer WHERE {flag}") as reader:
            reader.read_all()

    times = taking_turns(ours, base, scale.pairs * 3, warm_up=3)
    row = compared("bulk", "who may get this e-mail: plane and count", times)
    mine = [ours for ours, _ in times]
    measured = statistics.median(mine) * 1e3
    done = Row(
        "bulk",
        "who may get this e-mail: plane and count, beside counting the flag in the store",
        row.ours,
        row.base,
        measured,
        1.0,
        "ms",
        note=f"{scale.bulk:,} customers, {counted:,} permitted; newest events included",
        spread=(min(mine) * 1e3, max(mine) * 1e3),
    )
    return [done]


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)
