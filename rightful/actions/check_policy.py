"""Whether a policy says what its authors think it says: its own tests, run through the gate's conditions.

gather   the tests beside the policy, the catalogue if there is one
decide   each question, with the conditions and the plan the gate uses
act      nothing: no customer is looked at

Easy to get wrong: a test runner with rules of its own. A situation becomes events of a
made-up customer, and then everything goes the way a real decision goes. Unless a test
says otherwise the customer is an adult who was shown the notice of this very policy.

Sources: DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rightful.actions.publish_notice import terms_of
from rightful.consent.events import Event
from rightful.errors import NotFound
from rightful.gate.conditions import NoticeEntry, Notices, Subject
from rightful.gate.plan import compile_plan
from rightful.gate.request import Decision, Request
from rightful.policy import examples
from rightful.policy.bind import Bound, bind, catalogue_of
from rightful.policy.loader import load
from rightful.policy.model import Example, Policy
from rightful.policy.names import split
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace

DAY_US = 86_400_000_000
EPOCH = date(1970, 1, 1)
ADULT_YEARS = 40


@dataclass(frozen=True, slots=True)
class Tested:
    """One test and what came of it. `place` is where it stands in the policy's text."""

    example: Example
    passed: bool
    decision: Decision
    place: str

    @property
    def got(self) -> str:
        """The answer in the words tests are written in: the outcome, and every reason or basis."""
        words = [self.decision.outcome.value, *sorted(self.decision.codes)]
        if not self.decision.codes:
            words += sorted({basis.partition(" ")[0] for basis in self.decision.basis.values()})
        return " ".join(words)


def run_tests(policy: Policy, now_us: int, catalogue: Mapping[str, Sequence[str]] | None = None) -> tuple[Tested, ...]:
    """Run every test beside a policy.

    Args:
        catalogue: table -> columns; without one, the fields the policy and its tests name.
    """
    bound = bind(policy, catalogue or named_fields(policy))
    notices: Notices = {
        policy.label: {
            purpose: NoticeEntry(
                frozenset(terms["categories"]), frozenset(terms["recipients"]), frozenset(terms["channels"])
            )
            for purpose, terms in terms_of(policy).items()
        }
    }
    return tuple(_run(policy, bound, notices, number, now_us) for number in range(len(policy.tests)))


def read_policy(path: Path | None, ws: Workspace | None) -> Policy:
    """A policy from a file or folder, else the one in force, else the workspace's own policy folder.

    Raises:
        NotFound: neither is there.
        PolicyRefused: the text does not load.
    """
    if path is not None:
        return load(path)
    if ws is None:
        raise NotFound("no policy was named and there is no workspace", remedy="Name a policy file or a workspace (-w)")
    return load(ws.path / str(ws.config["policy"]))


def columns_of(ws: Workspace) -> dict[str, list[str]] | None:
    """Table -> columns as they are now; None while nothing has been imported."""
    found = {table.name: [column.name for column in table.columns] for table in ws.source.catalogue()}
    return found or None


def named_fields(policy: Policy) -> dict[str, list[str]]:
    """A catalogue of exactly the fields that a policy and its tests name."""
    found = {table: list(columns) for table, columns in catalogue_of(policy).items()}
    for example in policy.tests:
        asked = examples.question(example.ask).fields or ()
        for name in (*asked, *examples.situation(example.given).restriction):
            table, column = split(name)
            if column and table in found and column not in found[table]:
                found[table].append(column)
    return found


def _run(policy: Policy, bound: Bound, notices: Notices, number: int, now_us: int) -> Tested:
    example = policy.tests[number]
    ask = examples.question(example.ask)
    request = Request("policy test", ask.role, ask.purpose, ask.channel, ask.recipient, ask.fields)
    plan = compile_plan(policy, bound, notices, request, now_us)
    decision = plan.decide(subject_of(examples.situation(example.given), policy.label, now_us), now_us, 0)
    expected = examples.expectation(example.expect)
    passed = decision.outcome is expected.outcome
    if expected.code:
        passed = passed and expected.code in decision.codes
    if expected.basis is not None:
        passed = passed and any(b.partition(" ")[0] == expected.basis.value for b in decision.basis.values())
    file, line, _column = policy.places.get(f"tests/{number}", ("", example.line, 0))
    return Tested(example, passed, decision, f"{file}:{line}" if file else f"line {line}")


def subject_of(seen: examples.Situation, notice: str, now_us: int) -> Subject:
    """The made-up customer of a test, with the events that its situation stands for."""
    events: list[Event] = []
    then = now_us - 30 * DAY_US

    def add(kind: EventKind, purpose: str = "", channel: str = "", at_us: int = then, **more: Any) -> None:
        values: dict[str, Any] = {"evidence": "policy test", "method": Method.FORM} | more
        events.append(Event(f"t{len(events)}", kind, purpose, channel, at_us, at_us, **values))

    if seen.informed is not False:
        add(EventKind.NOTICE_SERVED, notice=notice)
    for (purpose, channel), word in seen.consent.items():
        if word == "refused":
            add(EventKind.REFUSED, purpose, channel)
        elif word == "deferred":
            add(EventKind.DEFERRED, purpose, channel)
        elif word == "soft-opt-in":
            add(EventKind.SOFT_OPT_IN, purpose, channel)
        elif word == "withdrawn":
            add(EventKind.GIVEN, purpose, channel, notice=notice)
            add(EventKind.WITHDRAWN, purpose, channel, then + DAY_US)
        else:
            add(EventKind.GIVEN, purpose, channel, notice=notice, **_manner(word, now_us))
    for scope in sorted(seen.objections):
        add(EventKind.OBJECTED, scope)
    for scope in sorted(seen.restriction):
        add(EventKind.RESTRICTED, "" if scope == examples.ALL else scope)
    if "gpc" in seen.signals:
        add(EventKind.SIGNAL_GPC)
    if seen.opted_out:
        add(EventKind.OPTED_OUT)
    if seen.erased:
        add(EventKind.ERASED)
    today = EPOCH + timedelta(days=now_us // DAY_US)
    birth = seen.born or _born(today, ADULT_YEARS if seen.age is None else seen.age)
    return Subject(0, tuple(events), seen.lives, birth)


def _manner(word: str, now_us: int) -> dict[str, Any]:
    manners: dict[str, dict[str, Any]] = {
        "given": {},
        "expired": {"until_us": now_us - DAY_US},
        "pre-ticked": {"method": Method.PRE_TICKED},
        "unproven": {"evidence": ""},
        "guardian-given": {"method": Method.GUARDIAN},
    }
    return manners[word]


def _born(today: date, years: int) -> date:
    """Birthday half a year ago, so that nothing in a test happens on it."""
    birthday = today - timedelta(days=180)
    day = min(birthday.day, 28)
    return date(birthday.year - years, birthday.month, day)


def today_us(now: datetime | None = None) -> int:
    """The present instant, for a check that has no workspace and so no clock of its own."""
    moment = now or datetime.now(UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
