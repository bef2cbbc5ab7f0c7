"""What is suspicious about a policy that loads: contradictions and gaps a reader would want to know.

An error is a policy that contradicts itself; it may not come into force. A warning
is probably a mistake. Both name the rules concerned and what to do. Advice is what the
public notice cannot say yet (GDPR Art. 13, 14).

Easy to get wrong: at run time a contradiction is harmless, because a denial always
wins (cases E04, E05); the lint exists because its author believes something else.

Sources: GDPR Art. 5(1)(c), 6(1)(f), 6(4), 9, 13(1)(d); ePrivacy Directive 13(1);
EDPB Guidelines 05/2020 (no swap of basis after withdrawal); cases E04, E05, P03, P11, S12.
"""

from __future__ import annotations

from collections.abc import Iterator

from rightful.policy import examples
from rightful.policy.bind import Bound, bind, catalogue_of
from rightful.policy.model import Policy, Purpose
from rightful.policy.names import split
from rightful.policy.problems import NOWHERE, Place, Problem, Severity, nearest
from rightful.policy.told import missing
from rightful.policy.vocabulary import CONSENT_STATUS
from rightful.terms import LawfulBasis

CITED = {  # bases that mean nothing without what they rest on
    LawfulBasis.LEGAL_OBLIGATION: "the law that obliges you",
    LawfulBasis.LEGITIMATE_INTEREST: "the assessment that weighs the interests",
    LawfulBasis.PUBLIC_TASK: "the law that sets the task",
}
BACK_UP = frozenset({LawfulBasis.LEGITIMATE_INTEREST, LawfulBasis.OPT_OUT, LawfulBasis.SOFT_OPT_IN})
MESSAGES = frozenset({"email", "sms", "push", "messenger", "fax", "whatsapp"})
"""Channels that need a prior consent or a soft opt-in under the ePrivacy Directive."""


def check(policy: Policy) -> list[Problem]:
    """Every lint, in the order of the file; errors keep a policy from coming into force."""
    lint = _Lint(policy)
    return sorted(lint.problems(), key=lambda p: (p.file, p.line, p.column, p.severity, p.what))


class _Lint:
    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.bound: Bound = bind(policy, catalogue_of(policy))

    def problems(self) -> Iterator[Problem]:
        yield from self._never_against_needs()
        for purpose in self.policy.purposes.values():
            if not purpose.abstract:
                yield from self._compatible_with_consent(purpose)
                yield from self._special_without_ground(purpose)
                yield from self._grounds(purpose)
                yield from self._output(purpose)
        yield from self._back_up_grounds()
        yield from self._unused()
        yield from self._tests()
        yield from self._public_notice()

    def _never_against_needs(self) -> Iterator[Problem]:
        """One rule permits, another denies: the denial wins, and the author should know (E04, E05)."""
        for number, rule in enumerate(self.policy.never):
            used = frozenset(
                f for f, category in self.bound.category_of.items() if category in rule.use or f in rule.use
            )
            for purpose in self.policy.purposes.values():
                lineage = (purpose.id, *self.policy.ancestors(purpose.id))
                hit = [f for f in self.bound.fields_of(purpose.id) if f in used]
                if not hit or not any(p in rule.purposes for p in lineage):
                    continue
                words = ", ".join(dict.fromkeys(self._as_written(purpose, rule.use, hit)))
                yield self._problem(
                    f"never/{number}",
                    f'never rule {number + 1} ("{rule.because}") and purpose {purpose.id} contradict each other over '
                    f"{words}: the answer is no. Take {words} out of its needs, or spare it in the rule: "
                    f"except: [{purpose.id}]",
                )

    def _as_written(self, purpose: Purpose, used: tuple[str, ...], hit: list[str]) -> Iterator[str]:
        for name in hit:
            category = self.bound.category_of[name]
            yield category if category in used and category in purpose.needs else name

    def _compatible_with_consent(self, purpose: Purpose) -> Iterator[Problem]:
        for origin in purpose.compatible_with:
            consented = sorted(
                regime
                for regime, basis in self.policy.purposes[origin].basis.items()
                if basis.kind is LawfulBasis.CONSENT and regime in purpose.basis
            )
            if consented:
                yield self._problem(
                    f"purposes/{purpose.id}",
                    f"purpose {purpose.id} is compatible-with {origin}, which rests on consent in "
                    f"{', '.join(consented)}: what was given on consent needs a new consent (GDPR 6(4)). "
                    f"Take {origin} out, or ask for consent",
                )

    def _special_without_ground(self, purpose: Purpose) -> Iterator[Problem]:
        if purpose.special_ground:
            return
        special = [f for f in self.bound.fields_of(purpose.id) if self.bound.special(f)]
        if special:
            names = ", ".join(dict.fromkeys(self.bound.category_of[f] for f in special))
            yield self._problem(
                f"purposes/{purpose.id}",
                f"purpose {purpose.id} needs {names}, a special category, without a ground of its own: these fields "
                "are refused. Add special-ground: (GDPR 9(2)), or take them out of its needs",
                "warning",
            )

    def _grounds(self, purpose: Purpose) -> Iterator[Problem]:
        kinds = {b.kind for b in purpose.basis.values()}
        bare = {b.kind for b in purpose.basis.values() if not b.citation and b.kind in CITED}
        for kind in sorted(bare):
            yield self._problem(
                f"purposes/{purpose.id}",
                f"purpose {purpose.id} rests on {kind.value} and does not say on which; name {CITED[kind]}: "
                f'basis: {{{kind.value}: "..."}}',
                "warning",
            )
        if purpose.consent_expires is not None and LawfulBasis.CONSENT not in kinds:
            yield self._problem(
                f"purposes/{purpose.id}",
                f"purpose {purpose.id} says when consent expires but asks for none; leave consent: out",
                "warning",
            )
        if purpose.direct_marketing and MESSAGES & set(purpose.channels):
            for regime, basis in purpose.basis.items():
                if "eprivacy" in self.policy.regimes[regime].laws and basis.kind not in (
                    LawfulBasis.CONSENT,
                    LawfulBasis.SOFT_OPT_IN,
                ):
                    yield self._problem(
                        f"purposes/{purpose.id}",
                        f"purpose {purpose.id} sends marketing messages on {basis.kind.value} in {regime}; the "
                        "ePrivacy Directive asks for consent, or soft-opt-in for customers (Art. 13(1), (2))",
                        "warning",
                    )

    def _output(self, purpose: Purpose) -> Iterator[Problem]:
        if purpose.aggregates_only and purpose.at_least is None:
            yield self._problem(
                f"purposes/{purpose.id}",
                f"purpose {purpose.id} returns aggregates without a smallest group; add at-least: 20 people",
                "warning",
            )

    def _back_up_grounds(self) -> Iterator[Problem]:
        """The same processing on consent and on another ground: no way around a withdrawal (case S12)."""
        concrete = [p for p in self.policy.purposes.values() if not p.abstract]
        for other in concrete:
            for asked in concrete:
                if other is asked or set(other.needs) != set(asked.needs) or set(other.channels) != set(asked.channels):
                    continue
                shared = sorted(
                    regime
                    for regime, basis in asked.basis.items()
                    if basis.kind is LawfulBasis.CONSENT
                    and regime in other.basis
                    and other.basis[regime].kind in BACK_UP
                )
                if shared:
                    yield self._problem(
                        f"purposes/{other.id}",
                        f"purpose {other.id} does in {', '.join(shared)} on {other.basis[shared[0]].kind.value} what "
                        f"{asked.id} does on consent; it must not be a way around a withdrawal (EDPB 05/2020)",
                        "warning",
                    )

    def _unused(self) -> Iterator[Problem]:
        """What nobody needs should not be kept (GDPR 5(1)(c)); what nobody may pursue is probably a slip."""
        policy = self.policy
        needed = {self.bound.category_of[f] for p in policy.purposes for f in self.bound.fields_of(p)}
        needed |= {item for p in policy.purposes.values() for item in p.needs}
        needed |= {item for rule in policy.never for item in rule.use}
        for category in policy.categories:
            if category not in needed and category != CONSENT_STATUS:
                yield self._problem(
                    f"categories/{category}",
                    f"no purpose needs category {category}; data nobody needs should not be kept (GDPR 5(1)(c))",
                    "warning",
                )
        sent = {r for p in policy.purposes.values() for r in p.recipients}
        for recipient in policy.recipients:
            if recipient not in sent:
                yield self._problem(
                    f"recipients/{recipient}", f"no purpose sends anything to recipient {recipient}", "warning"
                )
        for purpose in policy.purposes.values():
            lineage = (purpose.id, *policy.ancestors(purpose.id))
            if not purpose.abstract and not any(p in role.purposes for role in policy.roles.values() for p in lineage):
                yield self._problem(
                    f"purposes/{purpose.id}", f"no role may pursue purpose {purpose.id}; add it to a role", "warning"
                )

    def _tests(self) -> Iterator[Problem]:
        policy = self.policy
        known = {
            "role": set(policy.roles),
            "purpose": set(policy.purposes),
            "recipient": set(policy.recipients),
            "channel": {c for p in policy.purposes.values() for c in p.channels},
        }
        for number, test in enumerate(policy.tests):
            ask, seen = examples.question(test.ask), examples.situation(test.given)
            expected = examples.expectation(test.expect).code
            for kind, name in examples.names_in(ask, seen):
                if name not in known[kind] and expected != f"{kind}_unknown":
                    near = nearest(name, known[kind])
                    yield self._problem(
                        f"tests/{number}", f'test {number + 1} names {kind} "{name}", which nobody declared', near=near
                    )
            for name in ask.fields or ():
                whole = f"{split(name)[0]}.*"
                if (
                    name not in self.bound.category_of
                    and whole not in self.bound.category_of
                    and expected not in ("field_unknown", "unclassified_field")
                ):
                    near = nearest(name, self.bound.fields)
                    yield self._problem(
                        f"tests/{number}",
                        f'test {number + 1} asks for "{name}", which is in no category',
                        "warning",
                        near,
                    )

    def _public_notice(self) -> Iterator[Problem]:
        """What the public notice could not say. Without a controller nobody has begun with it: one line is enough."""
        for gap in missing(self.policy)[: None if self.policy.controller else 1]:
            more = "" if self.policy.controller else "; this command then lists what else is missing for it"
            yield self._problem(gap.path, gap.sentence + more, "advice")

    def _problem(self, path: str, what: str, severity: Severity = "error", near: str | None = None) -> Problem:
        place: Place = self.policy.places.get(path, NOWHERE)
        return Problem(*place, what, near, severity)
