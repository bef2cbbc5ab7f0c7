"""What the policy answers to one question, and which of two answers permits more.

An answer is either a refusal with its codes, or what has to hold of the customer
(consent, no objection, of age ...) together with the form in which the field
comes. Answers are partially ordered: fewer or weaker demands permit more.

Easy to get wrong: two answers that cannot be compared. Consent for a year and an
opt-out do not rank by taste; what cannot be shown to be narrower counts as wider.

Sources: DESIGN section 3 and 4; the conditions themselves are in gate/conditions.py,
a test holds both to the same answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rightful.policy.model import Period
from rightful.policy.moments import instant
from rightful.policy.periods import at_most, words

Step = Literal["same", "widening", "narrowing"]

CONSENT = "consent"
EXPLICIT_CONSENT = "explicit-consent"
SOFT_OPT_IN = "soft-opt-in"
GUARDIAN = "guardian"
NO_WITHDRAWAL = "no-withdrawal"
NO_OBJECTION = "no-objection"
NO_MARKETING_OBJECTION = "no-objection-to-direct-marketing"
NO_OPT_OUT = "no-opt-out"
NO_RESTRICTION = "no-restriction"
FIELD_NOT_RESTRICTED = "field-not-restricted"
NOT_ERASED = "not-erased"
NO_MINOR = "no-minor"
AGE_KNOWN = "age-known"
AGE_KNOWN_OR_GUARDIAN = "age-known-or-guardian"
INFORMED = "informed"
RECIPIENT_ON_NOTICE = "recipient-on-notice"
CATEGORY_ON_NOTICE = "category-on-notice"
AGREEMENT = "agreement-in-force"

ALWAYS = frozenset({NO_WITHDRAWAL, NO_RESTRICTION, FIELD_NOT_RESTRICTED, NOT_ERASED, CATEGORY_ON_NOTICE})
"""Held against nearly every use; said only where it makes a difference."""

_BY_CHOICE = frozenset({CONSENT, EXPLICIT_CONSENT, SOFT_OPT_IN})


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that has to hold of the customer. `detail` sharpens it; its meaning depends on the kind."""

    kind: str
    detail: tuple[Any, ...] = ()

    def implies(self, other: Demand) -> bool:
        """Whether whoever meets this one surely meets the other."""
        if self == other:
            return True
        if self.kind in _BY_CHOICE and other.kind in _BY_CHOICE:
            ranks = self.kind == other.kind or self.kind == CONSENT or other.kind == SOFT_OPT_IN
            return ranks and _lasts_no_longer(self.detail, other.detail)
        if self.kind == CONSENT and other.kind == NO_WITHDRAWAL:
            return set(self.detail[2]) >= set(other.detail)
        if self.kind == AGE_KNOWN and other.kind == AGE_KNOWN_OR_GUARDIAN:
            return True
        return self.kind == other.kind and _IMPLIES.get(self.kind, _never)(self.detail, other.detail)

    @property
    def words(self) -> str:
        return _WORDS[self.kind](self.detail) if self.kind in _WORDS else self.kind.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Form:
    """In which form a field comes: its transform, and whether only numbers over enough people leave."""

    transform: str = ""
    aggregates_only: bool = False
    at_least: int | None = None

    def shows_no_more_than(self, other: Form) -> bool:
        if other.aggregates_only and not self.aggregates_only:
            return False
        if (self.at_least or 0) < (other.at_least or 0):
            return False
        return _coarser(self.transform, other.transform)

    @property
    def words(self) -> str:
        parts = [f"shown as {self.transform}"] if self.transform else []
        people = f" over at least {self.at_least} people" if self.at_least else ""
        if self.aggregates_only:
            parts.append(f"aggregates{people}" if people else "aggregates only")
        elif people:
            parts.append(f"numbers{people}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Answer:
    """The policy's answer. `denied` holds the codes of what speaks against it, whoever the customer is."""

    denied: frozenset[str] = frozenset()
    needs: frozenset[Demand] = frozenset()
    form: Form = Form()

    @property
    def is_denied(self) -> bool:
        return bool(self.denied)

    def permits_no_more_than(self, other: Answer) -> bool:
        """Whether everything this answer permits, the other one permits too."""
        if self.denied:
            return True
        if other.denied or not self.form.shows_no_more_than(other.form):
            return False
        return all(any(own.implies(wanted) for own in self.needs) for wanted in other.needs)

    @property
    def code(self) -> str:
        """`allowed`, `needs:consent,no-objection` or `denied:never_rule`."""
        if self.denied:
            return "denied:" + ",".join(sorted(self.denied))
        kinds = sorted({d.kind for d in self.needs} - ALWAYS)
        return "needs:" + ",".join(kinds) if kinds else "allowed"

    @property
    def words(self) -> str:
        """The answer for people: `with consent, no minor; shown as sha256`."""
        return self._said(exact=False)

    @property
    def exact_words(self) -> str:
        """The answer with everything that could distinguish it from another."""
        return self._said(exact=True)

    def _said(self, *, exact: bool) -> str:
        if self.denied:
            return "refused (" + ", ".join(sorted(self.denied)) + ")"
        said = sorted(d.words for d in self.needs if exact or d.kind not in ALWAYS)
        kinds = {d.kind for d in self.needs}
        gone = {NO_WITHDRAWAL: "withdrawal", NO_RESTRICTION: "restriction", NOT_ERASED: "erasure"}
        outlived = [word for kind, word in gone.items() if kind not in kinds and not _covered(kind, kinds)]
        text = "with " + ", ".join(said) if said else "allowed"
        if outlived:
            text += ", even after " + " and ".join(sorted(outlived))
        return f"{text}; {self.form.words}" if self.form.words else text


def step(before: Answer, after: Answer) -> Step:
    """Which way a change goes. What cannot be compared counts as a widening: unsure means refuse."""
    no_wider = after.permits_no_more_than(before)
    no_narrower = before.permits_no_more_than(after)
    if no_wider and no_narrower:
        return "same"
    return "narrowing" if no_wider else "widening"


def _covered(kind: str, kinds: set[str]) -> bool:
    return kind == NO_WITHDRAWAL and CONSENT in kinds


def _lasts_no_longer(own: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Details of a choice: (period, counted from activity, lineage)."""
    length, moves, lineage = own
    other_length, other_moves, other_lineage = other
    if lineage != other_lineage:
        return False
    if other_length is None:
        return True
    return at_most(length, other_length) and (not moves or other_moves)


def _never(_own: tuple[Any, ...], _other: tuple[Any, ...]) -> bool:
    return False


def _superset(own: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return set(own) >= set(other)


def _ages(own: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    first, second = dict(own), dict(other)
    return first.keys() == second.keys() and all(first[place] >= second[place] for place in second)


def _term(own: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    (since, until), (other_since, other_until) = own, other
    begins_later = other_since is None or (since is not None and since >= other_since)
    ends_sooner = other_until is None or (until is not None and until <= other_until)
    return begins_later and ends_sooner


def _shown(own: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return own == ("consented",) and other == ("shown",)


_IMPLIES = {
    NO_WITHDRAWAL: _superset,
    NO_OBJECTION: _superset,
    NO_OPT_OUT: _superset,
    GUARDIAN: _ages,
    AGREEMENT: _term,
    RECIPIENT_ON_NOTICE: _shown,
}


def _coarser(first: str, second: str) -> bool:
    """Whether the first form shows no more than the second; "" is the value itself."""
    if first == second or second == "" or first == "null":
        return True
    if first == "mask":
        return second in ("mask-email", "initial")
    if first == "year":
        return second == "month"
    name, _, width = first.partition(":")
    other, _, other_width = second.partition(":")
    return name == other == "bucket" and int(width) % int(other_width) == 0


def _length(kind: str) -> Any:
    def said(detail: tuple[Any, ...]) -> str:
        length: Period | None = detail[0]
        if length is None:
            return kind
        moving = " after the last open or click" if detail[1] else ""
        return f"{kind} of the last {words(length)}{moving}"

    return said


def _on_days(detail: tuple[Any, ...]) -> str:
    since, until = detail
    text = "an agreement in force"
    if since is not None:
        text += f" since {instant(since)[:16]}Z"
    if until is not None:
        text += f" until {instant(until)[:16]}Z"
    return text


_WORDS: Mapping[str, Any] = {
    CONSENT: _length("consent"),
    EXPLICIT_CONSENT: _length("explicit consent"),
    SOFT_OPT_IN: _length("soft opt-in"),
    GUARDIAN: lambda ages: (
        "a parent's consent below " + " or ".join(str(age) for age in sorted({age for _, age in ages}))
    ),
    NO_OPT_OUT: lambda signals: "no opt-out" + (f" or signal ({', '.join(signals)})" if signals else ""),
    AGREEMENT: _on_days,
    INFORMED: lambda _: "the customer told first",
    RECIPIENT_ON_NOTICE: lambda _: "the recipient named on the notice",
    CATEGORY_ON_NOTICE: lambda category: f"{category[0]} on the notice",
    FIELD_NOT_RESTRICTED: lambda category: f"no restriction of {category[0]}",
    AGE_KNOWN_OR_GUARDIAN: lambda _: "a known age or a parent",
    NO_WITHDRAWAL: lambda lineage: f"no withdrawal of {' or '.join(lineage)}",
    NO_OBJECTION: lambda _: "no objection",
}
