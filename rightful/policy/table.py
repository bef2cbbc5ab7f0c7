"""What the policy answers to every question there is.

Roles, purposes, regimes, recipients, channels and fields are finitely many, so the
whole space is tabulated. `answer` gives one row, `rows` all of them; `who`, `explain`
and `what_if` read the same table, and `diff.py` compares two.

Easy to get wrong: the answer must be the gate's answer. Conditions on the customer
(gate/conditions.py) stand here as demands; a property test asks both. Residence
unknown is a row of its own: every regime at once, or none.

Sources: DESIGN sections 3 and 4; GDPR Art. 6, 8, 9, 13, 17, 18, 21; CCPA 1798.120.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rightful.policy import answers as a
from rightful.policy.answers import Answer, Demand, Form
from rightful.policy.bind import Bound
from rightful.policy.examples import Question
from rightful.policy.model import Policy, Purpose, Recipient
from rightful.policy.periods import words
from rightful.terms import UNKNOWN_RESIDENCE, LawfulBasis, RecipientKind, Survives

DIGITAL_CONSENT_AGE = 16  # GDPR Art. 8(1), where a country has set no lower age
OBJECTABLE = frozenset(
    {
        LawfulBasis.LEGITIMATE_INTEREST,
        LawfulBasis.PUBLIC_TASK,
        LawfulBasis.SOFT_OPT_IN,
        LawfulBasis.OPT_OUT,
        LawfulBasis.OPT_OUT_OF_SHARING,
    }
)
NOT_FOR_MINORS = OBJECTABLE - {LawfulBasis.PUBLIC_TASK}
WITHOUT_NOTICE = frozenset({LawfulBasis.LEGAL_OBLIGATION, LawfulBasis.VITAL_INTEREST, LawfulBasis.LEGAL_CLAIMS})
IN_THE_HOUSE = frozenset({RecipientKind.PROCESSOR, RecipientKind.SERVICE_PROVIDER})


class Row(NamedTuple):
    """One question and its answer. `regime` "" is an unknown residence, `recipient` "" stays in the house."""

    role: str
    purpose: str
    regime: str
    recipient: str
    channel: str
    field: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Cell:
    """Places where the same regimes apply."""

    label: str
    regimes: tuple[str, ...]
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A purpose in full: what it says, who may pursue it where, what it gets and what it does not."""

    purpose: str
    says: str
    heading: str
    lines: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)  # field -> how it comes; "" is the value itself
    withheld: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # field -> codes

    def __str__(self) -> str:
        return "\n".join((f"{self.purpose}: {self.says}", *(f"  {line}" for line in self.lines)))


class Table:
    """Every answer of one policy, bound to one catalogue; worked out when asked for, each part once."""

    def __init__(self, bound: Bound) -> None:
        self.bound = bound
        self.policy = bound.policy
        self.cells = tuple(cells_of(self.policy))
        self._cell = {cell.label: cell for cell in self.cells}
        self._lineage = {p: (p, *self.policy.ancestors(p)) for p in self.policy.purposes}
        self._uses: dict[tuple[str, Cell, str, str], Answer] = {}
        self._fields: dict[tuple[str, str, str], dict[str, Answer]] = {}
        self._needed = {p: frozenset(bound.fields_of(p)) for p in self.policy.purposes}
        self._banned = {p: self._never_fields(p) for p in self.policy.purposes}
        self._joined: dict[tuple[Answer, Answer], Answer] = {}

    def answer(
        self, role: str, purpose: str, field: str, *, regime: str = "", recipient: str = "", channel: str = ""
    ) -> Answer:
        """The answer to one question; names nobody declared are refused like everywhere else."""
        cell = self._cell.get(regime)
        if cell is None:
            return Answer(frozenset({"jurisdiction_unknown"}))
        return self.answer_in(cell, role, purpose, field, recipient=recipient, channel=channel)

    def answer_in(
        self, cell: Cell, role: str, purpose: str, field: str, *, recipient: str = "", channel: str = ""
    ) -> Answer:
        """The answer where the regimes of a cell apply together."""
        found = self.policy.purposes.get(purpose)
        if found is not None and not channel and len(found.channels) == 1:
            channel = found.channels[0]
        whole = self._whole(cell, role, purpose, recipient, channel)
        return self._join(whole, self._field(role, purpose, recipient, field))

    def rows(self) -> Iterator[Row]:
        """The whole table, refusals included."""
        recipients = ("", *self.policy.recipients)
        names = (*self.bound.fields, *sorted(self.bound.unclassified))
        for purpose in self.policy.purposes.values():
            for role in self.policy.roles:
                for recipient in recipients:
                    parts = [(name, self._field(role, purpose.id, recipient, name)) for name in names]
                    for channel in purpose.channels or ("",):
                        for cell in self.cells:
                            whole = self._whole(cell, role, purpose.id, recipient, channel)
                            for name, part in parts:
                                joined = self._join(whole, part)
                                yield Row(role, purpose.id, cell.label, recipient, channel, name, joined)

    def who(self, field: str) -> tuple[Row, ...]:
        """Every question about a field that is not refused outright: who may use it, for what, where."""
        found = []
        for purpose in self.policy.purposes.values():
            if field not in self._needed[purpose.id]:
                continue
            for role in self.policy.roles:
                for recipient in ("", *purpose.recipients):
                    for channel in purpose.channels or ("",):
                        for cell in self.cells:
                            got = self.answer_in(cell, role, purpose.id, field, recipient=recipient, channel=channel)
                            if not got.is_denied:
                                found.append(Row(role, purpose.id, cell.label, recipient, channel, field, got))
        return tuple(found)

    def what_if(self, ask: Question) -> tuple[Row, ...]:
        """The answer to one question in every regime, for every field it names or the purpose needs."""
        names = ask.fields if ask.fields is not None else self.bound.fields_of(ask.purpose)
        return tuple(
            Row(
                ask.role,
                ask.purpose,
                cell.label,
                ask.recipient,
                ask.channel,
                name,
                self.answer_in(cell, ask.role, ask.purpose, name, recipient=ask.recipient, channel=ask.channel),
            )
            for cell in self.cells
            for name in names
        )

    def explain(self, purpose: str) -> Explanation | None:
        """A purpose in full; None if there is no such purpose."""
        found = self.policy.purposes.get(purpose)
        if found is None:
            return None
        fields, withheld = self._given_and_withheld(found)
        lines = list(_purpose_lines(found))
        roles = [r for r in self.policy.roles if not self._role_codes(r, purpose)]
        lines.append("who: " + (", ".join(roles) if roles else "no role may pursue it"))
        if not found.abstract:
            lines += self._regime_lines(found)
            lines.append("fields: " + (", ".join(f"{n} ({f})" if f else n for n, f in fields.items()) or "none"))
            lines += [f"withheld: {n} ({', '.join(codes)})" for n, codes in withheld.items()]
        lines += self._recipient_lines(found)
        return Explanation(purpose, found.says, found.parent or "", tuple(lines), fields, withheld)

    # --- parts of an answer -------------------------------------------------------------------------

    def _whole(self, cell: Cell, role: str, purpose: str, recipient: str, channel: str) -> Answer:
        """What holds for the whole use, whichever field."""
        found = self.policy.purposes.get(purpose)
        codes = set(self._role_codes(role, purpose))
        if found is None:
            codes.add("purpose_unknown")
        elif channel not in (found.channels or ("",)):
            codes.add("channel_unknown")
        if recipient and recipient not in self.policy.recipients:
            codes.add("recipient_unknown")
        elif recipient and found is not None and recipient not in found.recipients:
            codes.add("recipient_not_for_purpose")
        if codes or found is None:
            return Answer(frozenset(codes))
        key = (purpose, cell, recipient, channel)
        if key not in self._uses:
            to = self.policy.recipients.get(recipient)
            self._uses[key] = use_answer(self.policy, found, self._lineage[purpose], cell, to)
        return self._uses[key]

    def _role_codes(self, role: str, purpose: str) -> tuple[str, ...]:
        found = self.policy.roles.get(role)
        codes = []
        if found is None:
            codes.append("role_unknown")
        elif purpose in self._lineage and not any(p in found.purposes for p in self._lineage[purpose]):
            codes.append("role_not_for_purpose")
        if purpose in self._lineage and self.policy.purposes[purpose].abstract:
            codes.append("purpose_abstract")
        return tuple(codes)

    def _field(self, role: str, purpose: str, recipient: str, name: str) -> Answer:
        parts = self._fields.setdefault((role, purpose, recipient), {})
        if name not in parts:
            parts[name] = self._field_answer(role, purpose, recipient, name)
        return parts[name]

    def _field_answer(self, role: str, purpose: str, recipient: str, name: str) -> Answer:
        bound = self.bound
        if name in bound.unclassified:
            return Answer(frozenset({"unclassified_field"}))
        category = bound.category_of.get(name)
        if category is None:
            return Answer(frozenset({"field_unknown"}))
        codes = set()
        needs = set()
        form = Form()
        found = self.policy.purposes.get(purpose)
        if found is not None:
            if name not in self._needed[purpose]:
                codes.add("field_not_needed")
            if name in self._banned[purpose]:
                codes.add("never_rule")
            if bound.special(name):
                if not found.special_ground:
                    codes.add("special_category")
                elif found.special_ground == a.EXPLICIT_CONSENT:
                    needs.add(Demand(a.EXPLICIT_CONSENT, _choice(found, self._lineage[purpose])))
            if Survives.RESTRICTION not in found.survives:
                needs.add(Demand(a.FIELD_NOT_RESTRICTED, (category,)))
            form = Form(bound.transform(purpose, name), found.aggregates_only, found.at_least)
        if role in self.policy.roles and not bound.role_may(role, name):
            codes.add("field_not_for_role")
        if recipient in self.policy.recipients and not bound.recipient_covers(recipient, name):
            codes.add("field_not_covered")
        return Answer(frozenset(codes)) if codes else Answer(needs=frozenset(needs), form=form)

    def _join(self, whole: Answer, part: Answer) -> Answer:
        key = (whole, part)
        found = self._joined.get(key)
        if found is None:
            denied = whole.denied | part.denied
            needs = whole.needs | part.needs
            if any(d.kind == a.CONSENT for d in whole.needs):
                category = next((d.detail for d in part.needs if d.kind == a.FIELD_NOT_RESTRICTED), None)
                if category is not None:
                    needs |= {Demand(a.CATEGORY_ON_NOTICE, category)}
            found = Answer(denied) if denied else Answer(frozenset(), needs, part.form)
            self._joined[key] = found
        return found

    def _never_fields(self, purpose: str) -> frozenset[str]:
        lineage = self._lineage[purpose]
        used = {item for rule in self.policy.never if any(p in rule.purposes for p in lineage) for item in rule.use}
        return frozenset(f for f, category in self.bound.category_of.items() if category in used or f in used)

    # --- words --------------------------------------------------------------------------------------

    def _given_and_withheld(self, purpose: Purpose) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        fields: dict[str, str] = {}
        withheld: dict[str, tuple[str, ...]] = {}
        for name in self.bound.fields_of(purpose.id):
            part = self._field("", purpose.id, "", name)
            if part.is_denied:
                withheld[name] = tuple(sorted(part.denied))
            else:
                explicit = ["with explicit consent"] if any(d.kind == a.EXPLICIT_CONSENT for d in part.needs) else []
                fields[name] = ", ".join([part.form.transform] * bool(part.form.transform) + explicit)
        return fields, withheld

    def _regime_lines(self, purpose: Purpose) -> Iterator[str]:
        for channel in purpose.channels or ("",):
            over = f" by {channel}" if channel else ""
            for cell in self.cells:
                use = use_answer(self.policy, purpose, self._lineage[purpose.id], cell, None)
                grounds = [
                    f"{b.kind.value} ({b.citation})" if b.citation else b.kind.value
                    for r in cell.regimes
                    if (b := purpose.basis.get(r)) is not None
                ]
                where = cell.label or "residence unknown"
                yield f"in {where}{over}: {' and '.join(dict.fromkeys(grounds)) or 'no basis'}; {use.words}"

    def _recipient_lines(self, purpose: Purpose) -> Iterator[str]:
        for name in purpose.recipients:
            to = self.policy.recipients[name]
            covered = [f for f in self.bound.fields_of(purpose.id) if self.bound.recipient_covers(name, f)]
            safe = f", {to.safeguard}" if to.safeguard else ""
            yield f"to {name} ({to.kind.value}, {to.agreement}, {to.country or 'country unknown'}{safe}): " + (
                ", ".join(covered) or "nothing: its agreement covers none of these fields"
            )


def cells_of(policy: Policy) -> Iterator[Cell]:
    """Each regime by itself, places that several govern, then the customer of whom no residence is known."""
    overlaps: dict[tuple[str, ...], list[str]] = {}
    for regime in policy.regimes.values():
        alone = tuple(place for place in regime.where if regimes_at(policy, place) == (regime.id,))
        yield Cell(regime.id, (regime.id,), alone or regime.where)
        for place in regime.where:
            several = regimes_at(policy, place)
            if len(several) > 1 and place not in overlaps.setdefault(several, []):
                overlaps[several].append(place)
    for several, places in overlaps.items():
        yield Cell("+".join(several), several, tuple(places))
    unknown = tuple(policy.regimes) if policy.unknown_jurisdiction == "strictest" else ()
    yield Cell("", unknown, (UNKNOWN_RESIDENCE,))


def regimes_at(policy: Policy, place: str) -> tuple[str, ...]:
    """Regimes that apply at a place; all of them, or none, where no regime governs it."""
    country = place.partition("-")[0]
    found = tuple(r.id for r in policy.regimes.values() if place in r.where or country in r.where)
    if place and found:
        return found
    return tuple(policy.regimes) if policy.unknown_jurisdiction == "strictest" else ()


def use_answer(
    policy: Policy, purpose: Purpose, lineage: tuple[str, ...], cell: Cell, recipient: Recipient | None
) -> Answer:
    """What a use asks of the customer where the regimes of a cell apply together; the gate's conditions."""
    codes = set()
    if not cell.regimes:
        codes.add("jurisdiction_unknown")
    if any(r not in purpose.basis for r in cell.regimes):
        codes.add("no_basis")
    for origin in purpose.compatible_with:
        bases = policy.purposes[origin].basis
        if any(r in bases and bases[r].kind is LawfulBasis.CONSENT for r in cell.regimes):
            codes.add("incompatible")
    if codes:
        return Answer(frozenset(codes))
    kinds = frozenset(purpose.basis[r].kind for r in cell.regimes)
    found = {*_standing(purpose, lineage, kinds), *_by_basis(policy, purpose, lineage, cell, recipient, kinds)}
    if purpose.compatible_with:
        found.add(Demand(a.INFORMED))
    if recipient is not None:
        found.add(Demand(a.AGREEMENT, (recipient.since_us, recipient.until_us)))
        if not kinds <= WITHOUT_NOTICE:
            found.add(Demand(a.RECIPIENT_ON_NOTICE, ("consented" if LawfulBasis.CONSENT in kinds else "shown",)))
    return Answer(needs=frozenset(found))


def _standing(purpose: Purpose, lineage: tuple[str, ...], kinds: frozenset[LawfulBasis]) -> Iterator[Demand]:
    """What stands against a use whatever its basis: layer 4, unless the purpose survives it."""
    if Survives.ERASURE not in purpose.survives:
        yield Demand(a.NOT_ERASED)
    if Survives.RESTRICTION not in purpose.survives:
        yield Demand(a.NO_RESTRICTION)
    if Survives.WITHDRAWAL not in purpose.survives:
        yield Demand(a.NO_WITHDRAWAL, lineage)
    if Survives.OBJECTION not in purpose.survives:
        if purpose.direct_marketing:
            yield Demand(a.NO_MARKETING_OBJECTION)
        if purpose.direct_marketing or kinds & OBJECTABLE:
            yield Demand(a.NO_OBJECTION, lineage)


def _by_basis(
    policy: Policy,
    purpose: Purpose,
    lineage: tuple[str, ...],
    cell: Cell,
    recipient: Recipient | None,
    kinds: frozenset[LawfulBasis],
) -> Iterator[Demand]:
    """What the lawful bases ask for, all of them together."""
    consent = LawfulBasis.CONSENT in kinds
    careful = purpose.direct_marketing or bool(kinds & NOT_FOR_MINORS)
    if careful:
        yield Demand(a.NO_MINOR)
    if purpose.for_children or policy.unknown_age == "deny":
        if careful:
            yield Demand(a.AGE_KNOWN)
        elif consent:
            yield Demand(a.AGE_KNOWN_OR_GUARDIAN)
    if consent:
        yield Demand(a.CONSENT, _choice(purpose, lineage))
        yield Demand(a.GUARDIAN, tuple((place, consent_age(policy, place, cell.regimes)) for place in cell.places))
    if LawfulBasis.SOFT_OPT_IN in kinds:
        yield Demand(a.SOFT_OPT_IN, _choice(purpose, lineage))
    in_the_house = recipient is not None and recipient.kind in IN_THE_HOUSE  # no sale (CCPA 1798.140, case J07)
    if LawfulBasis.OPT_OUT_OF_SHARING in kinds and not in_the_house:
        signals = {s for r in cell.regimes for s in policy.regimes[r].signals}
        yield Demand(a.NO_OPT_OUT, tuple(sorted(signals)))


def consent_age(policy: Policy, place: str, regimes: tuple[str, ...]) -> int:
    """Age of digital consent at a place (GDPR Art. 8(1)); the highest where several or none are known."""
    country = place.partition("-")[0]
    ages = []
    for name in regimes or tuple(policy.regimes):
        ages_there = policy.regimes[name].digital_consent_age
        ages.append(ages_there.get(place, ages_there.get(country, DIGITAL_CONSENT_AGE)))
    if not place:
        ages += [age for regime in policy.regimes.values() for age in regime.digital_consent_age.values()]
    return max(ages, default=DIGITAL_CONSENT_AGE)


def _choice(purpose: Purpose, lineage: tuple[str, ...]) -> tuple[object, ...]:
    return purpose.consent_expires, purpose.consent_expires_after_activity, lineage


def _purpose_lines(purpose: Purpose) -> Iterator[str]:
    if purpose.abstract:
        yield "a heading: only its children can be pursued"
    if purpose.direct_marketing:
        yield "direct marketing: an objection is absolute, nobody under 18"
    if purpose.keep is not None:
        yield f"kept: {words(purpose.keep)}"
    if purpose.survives:
        yield "survives: " + ", ".join(sorted(s.value for s in purpose.survives))
    if purpose.compatible_with:
        yield "compatible with: " + ", ".join(purpose.compatible_with) + " (customers are told first)"
    form = Form("", purpose.aggregates_only, purpose.at_least)
    if form.words:
        yield f"output: {form.words}"
