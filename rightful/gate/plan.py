"""What a request comes down to before any customer is looked at (NIST SP 800-162: the PDP).

A plan holds everything that does not depend on the customer: whether the names
exist, whether role, purpose and recipient agree on each field, whether the
recipient's agreement is in force. What depends on the customer is left to the
conditions, one at a time (`decide`) or as planes (`facts.py`).

Easy to get wrong: every reason is collected, also when an earlier one settles
the matter; a plan is bound to one policy version and to the instant until which
its recipient's agreement holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rightful.consent.events import NEVER_US
from rightful.gate.conditions import (
    EXPLICIT_CONSENT,
    REASONS,
    Ask,
    Notices,
    Subject,
    View,
    is_special,
    next_change,
    obligations,
    reasons_against,
    reasons_against_field,
    regimes_of,
)
from rightful.gate.request import Decision, FieldOutcome, Reason, Request
from rightful.policy.model import Never, Policy, Purpose
from rightful.terms import LawfulBasis, Outcome

CONSENT_STATUS = "consent-status"
"""The built-in category of columns that record consent; see `never` rules (case O21)."""


class Fields(Protocol):
    """The policy bound to a catalogue: which field is what (`policy/bind.py` implements it)."""

    @property
    def category_of(self) -> Mapping[str, str]: ...
    @property
    def unclassified(self) -> frozenset[str]: ...
    def fields_of(self, purpose: str) -> tuple[str, ...]: ...
    def sources_of(self, field: str) -> tuple[str, ...]: ...
    def role_may(self, role: str, field: str) -> bool: ...
    def recipient_covers(self, recipient: str, field: str) -> bool: ...
    def transform(self, purpose: str, field: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """A request, compiled against one policy version.

    `reasons` speak against the whole use, whoever the customer is; `fields` hold what speaks against
    single fields. `holds_until` is when the plan itself must be made again (an agreement ends).
    """

    request: Request
    policy_version: str
    ask: Ask | None
    fields: tuple[FieldOutcome, ...]
    categories: Mapping[str, str]
    reasons: tuple[Reason, ...]
    obligations: tuple[str, ...]
    holds_until: int

    @property
    def refused(self) -> bool:
        """Nothing can come of it, for no customer."""
        return bool(self.reasons) or not any(f.allowed for f in self.fields)

    @property
    def slot(self) -> tuple[str, str, str]:
        return self.request.purpose, self.request.channel, self.request.recipient

    def decide(self, subject: Subject, now_us: int, state_version: int) -> Decision:
        """The whole answer for one customer, with every reason."""
        reasons = list(self.reasons)
        fields = list(self.fields)
        duties = list(self.obligations)
        until = self.holds_until
        basis: dict[str, str] = {}
        evidence = ""
        if self.ask is not None:
            view = View(self.ask, subject, now_us)
            reasons += [self.reason(code) for code in reasons_against(view)]
            fields = [self._for_customer(f, view) for f in fields]
            duties += obligations(view)
            until = min(until, next_change(view))
            basis = basis_words(self.ask, view.regimes)
            evidence = view.choice.notice if view.has_live_consent else ""
        return Decision(
            request=self.request,
            at_us=now_us,
            policy_version=self.policy_version,
            state_version=state_version,
            outcome=outcome_of(reasons, fields),
            basis=basis,
            evidence=evidence,
            fields=tuple(fields),
            reasons=tuple(sorted(reasons, key=lambda r: (r.layer, r.code))),
            obligations=tuple(dict.fromkeys(duties)),
            good_until=None if until == NEVER_US else until,
        )

    def reason(self, code: str, field: str = "", **more: str) -> Reason:
        return reason(code, self.request, field, **more)

    def _for_customer(self, field: FieldOutcome, view: View) -> FieldOutcome:
        codes = reasons_against_field(view, field.field, self.categories.get(field.field, ""))
        if not codes:
            return field
        more = tuple(self.reason(code, field.field) for code in codes)
        return replace(field, allowed=False, reasons=field.reasons + more)


def compile_plan(policy: Policy, bound: Fields, notices: Notices, request: Request, now_us: int) -> Plan:
    """Work out everything that does not depend on the customer; never raises for a bad request."""
    ask_for = request.normalised()
    purpose = policy.purposes.get(ask_for.purpose)
    if purpose is not None and not ask_for.channel and len(purpose.channels) == 1:
        ask_for = replace(ask_for, channel=purpose.channels[0])
    against = [code for check in _WHOLE if (code := check(policy, purpose, ask_for, now_us)) is not None]
    names = ask_for.fields
    if names is None:
        names = bound.fields_of(ask_for.purpose) if purpose is not None else ()
    fields = tuple(_field_outcome(policy, bound, purpose, ask_for, name) for name in names)
    if purpose is not None and not names:
        against.append("field_not_needed")
    usable = purpose is not None and not purpose.abstract
    usable = usable and not {"channel_unknown", "recipient_unknown"} & set(against)
    return Plan(
        request=ask_for,
        policy_version=policy.version,
        ask=Ask(policy, notices, ask_for.purpose, ask_for.channel, ask_for.recipient) if usable else None,
        fields=fields,
        categories={name: bound.category_of.get(name, "") for name in names},
        reasons=tuple(reason(code, ask_for) for code in against),
        obligations=_standing_obligations(purpose, ask_for),
        holds_until=_agreement_changes_at(policy, ask_for, now_us),
    )


def outcome_of(reasons: Sequence[Reason], fields: Sequence[FieldOutcome]) -> Outcome:
    """Allow iff nothing speaks against the use or any of its fields; deny if no field is left."""
    if reasons or not any(f.allowed for f in fields):
        return Outcome.DENY
    return Outcome.ALLOW if all(f.allowed for f in fields) else Outcome.PARTIAL


def basis_words(ask: Ask, regimes: Sequence[str]) -> dict[str, str]:
    """The lawful basis per regime, with the law or the balancing test it cites."""
    found = {r: ask.purpose.basis[r] for r in regimes if r in ask.purpose.basis}
    return {r: f"{b.kind.value} ({b.citation})" if b.citation else b.kind.value for r, b in found.items()}


def basis_anywhere(policy: Policy, ask: Ask) -> dict[str, str]:
    """The lawful basis in every regime the purpose serves, for bulk decisions."""
    return basis_words(ask, regimes_of(policy, "") or tuple(policy.regimes))


def reason(code: str, request: Request, field: str = "", **more: str) -> Reason:
    """Put a reason into words for this request."""
    text = REASONS[code]
    words = {
        "purpose": request.purpose,
        "channel": request.channel or "(none)",
        "recipient": request.recipient,
        "role": request.role,
        "field": field,
        "because": "",
    } | more
    return Reason(code, text.layer, text.article, text.sentence.format(**words), text.change.format(**words), field)


# --- against the whole use -------------------------------------------------------------------------

Check = Callable[[Policy, Purpose | None, Request, int], str | None]


def _purpose_exists(_policy: Policy, purpose: Purpose | None, _ask: Request, _now: int) -> str | None:
    if purpose is None:
        return "purpose_unknown"
    return "purpose_abstract" if purpose.abstract else None


def _channel_exists(_policy: Policy, purpose: Purpose | None, ask: Request, _now: int) -> str | None:
    if purpose is None:
        return None
    fine = ask.channel in purpose.channels if purpose.channels else ask.channel == ""
    return None if fine else "channel_unknown"


def _role_pursues_purpose(policy: Policy, purpose: Purpose | None, ask: Request, _now: int) -> str | None:
    role = policy.roles.get(ask.role)
    if role is None:
        return "role_unknown"
    if purpose is None:
        return None
    lineage = (purpose.id, *policy.ancestors(purpose.id))
    return None if any(p in role.purposes for p in lineage) else "role_not_for_purpose"


def _recipient_is_declared(policy: Policy, _purpose: Purpose | None, ask: Request, _now: int) -> str | None:
    return "recipient_unknown" if ask.recipient and ask.recipient not in policy.recipients else None


def _recipient_serves_purpose(policy: Policy, purpose: Purpose | None, ask: Request, _now: int) -> str | None:
    if purpose is None or ask.recipient not in policy.recipients:
        return None
    return None if ask.recipient in purpose.recipients else "recipient_not_for_purpose"


def _agreement_is_in_force(policy: Policy, _purpose: Purpose | None, ask: Request, now: int) -> str | None:
    """In force within [since, until): at the very end it is over (case R02)."""
    found = policy.recipients.get(ask.recipient)
    if found is None:
        return None
    begun = found.since_us is None or found.since_us <= now
    ended = found.until_us is not None and now >= found.until_us
    return None if found.agreement and begun and not ended else "agreement_not_in_force"


_WHOLE: tuple[Check, ...] = (
    _purpose_exists,
    _channel_exists,
    _role_pursues_purpose,
    _recipient_is_declared,
    _recipient_serves_purpose,
    _agreement_is_in_force,
)


def _agreement_changes_at(policy: Policy, ask: Request, now: int) -> int:
    found = policy.recipients.get(ask.recipient)
    if found is None:
        return NEVER_US
    ahead = [t for t in (found.since_us, found.until_us) if t is not None and t > now]
    return min(ahead, default=NEVER_US)


# --- against one field -----------------------------------------------------------------------------


def _field_outcome(policy: Policy, bound: Fields, purpose: Purpose | None, ask: Request, name: str) -> FieldOutcome:
    if name in bound.unclassified:
        return FieldOutcome(name, False, "", (reason("unclassified_field", ask, name),))
    category = bound.category_of.get(name)
    if category is None:
        return FieldOutcome(name, False, "", (reason("field_unknown", ask, name),))
    against: list[Reason] = []
    if purpose is not None:
        if name not in bound.fields_of(purpose.id):
            against.append(reason("field_not_needed", ask, name))
        for one in (name, *bound.sources_of(name)):  # what was made from data keeps what forbids the data
            kind = bound.category_of.get(one, category)
            for rule in policy.never:
                if _never_hits(policy, rule, purpose, one, kind):
                    against.append(reason("never_rule", ask, name, because=rule.because))
            if is_special(policy, kind) and not purpose.special_ground and not _explicit(purpose):
                against.append(reason("special_category", ask, name))
    if ask.role in policy.roles and not bound.role_may(ask.role, name):
        against.append(reason("field_not_for_role", ask, name))
    if ask.recipient in policy.recipients and not bound.recipient_covers(ask.recipient, name):
        against.append(reason("field_not_covered", ask, name))
    transform = "" if purpose is None else bound.transform(purpose.id, name)
    return FieldOutcome(name, not against, transform, tuple(dict.fromkeys(against)))


def _never_hits(policy: Policy, rule: Never, purpose: Purpose, name: str, category: str) -> bool:
    lineage = (purpose.id, *policy.ancestors(purpose.id))
    used = category in rule.use or name in rule.use
    return used and any(p in rule.purposes for p in lineage)


def _explicit(purpose: Purpose) -> bool:
    return purpose.special_ground == EXPLICIT_CONSENT


def _standing_obligations(purpose: Purpose | None, ask: Request) -> tuple[str, ...]:
    if purpose is None:
        return ()
    found: list[str] = []
    if purpose.aggregates_only:
        found.append(f"aggregate_at_least {purpose.at_least or 2}")
    elif purpose.at_least is not None:
        found.append(f"aggregate_at_least {purpose.at_least}")
    if ask.channel or ask.recipient:
        found.append("recheck_before_use")
    if ask.recipient:
        found.append("notify_recipient")  # GDPR 19: of rectification, erasure, withdrawal
    if any(b.kind is LawfulBasis.SOFT_OPT_IN for b in purpose.basis.values()):
        found.append("offer_refusal_in_every_message")  # ePrivacy 13(2)
    return tuple(found)
