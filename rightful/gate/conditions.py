"""Every condition under which a customer's data may be used: the whole page.

Each function looks at one customer (`View`) under one question (`Ask`) and
returns the code of what speaks against the use, or None. All of them are
always asked, in no particular order, and all reasons are kept; a use is
allowed iff nothing speaks against it. `planes.py` states the same conditions
for all customers at once, `tests/oracle.py` a third time, naively, and a
property test holds the three against each other.

Easy to get wrong: an unknown is never a permission. No residence means every
regime must permit; no row, no event, no notice means no.

Sources: beside each reason in `REASONS`. Conventions: DESIGN section 4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from zoneinfo import ZoneInfo

from rightful.consent import rules
from rightful.consent.events import NEVER_US, Event
from rightful.policy.model import Policy, Purpose, Recipient
from rightful.terms import (
    DIRECT_MARKETING,
    UNKNOWN_RESIDENCE,
    EventKind,
    LawfulBasis,
    Layer,
    RecipientKind,
    Survives,
)

ADULT = 18
DIGITAL_CONSENT_AGE = 16  # GDPR Art. 8(1), where a country has set no lower age

OBJECTABLE = frozenset(  # Art. 21(1) covers 6(1)(e) and (f); the marketing bases are objectable by nature
    {
        LawfulBasis.LEGITIMATE_INTEREST,
        LawfulBasis.PUBLIC_TASK,
        LawfulBasis.SOFT_OPT_IN,
        LawfulBasis.OPT_OUT,
        LawfulBasis.OPT_OUT_OF_SHARING,
    }
)
NOT_FOR_MINORS = OBJECTABLE - {LawfulBasis.PUBLIC_TASK}
WITHOUT_NOTICE = frozenset(  # the law itself names who receives the data
    {LawfulBasis.LEGAL_OBLIGATION, LawfulBasis.VITAL_INTEREST, LawfulBasis.LEGAL_CLAIMS}
)
IN_THE_HOUSE = frozenset({RecipientKind.PROCESSOR, RecipientKind.SERVICE_PROVIDER})


@dataclass(frozen=True, slots=True)
class NoticeEntry:
    """What one notice told customers about one purpose."""

    categories: frozenset[str]
    recipients: frozenset[str]
    channels: frozenset[str] = frozenset()


Notices = Mapping[str, Mapping[str, NoticeEntry]]
"""Notice label -> purpose -> what it said. Labels are versioned and never change their content."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One customer as the gate knows them; `birth` and `residence` are what the CRM says."""

    no: int
    events: tuple[Event, ...] = ()
    residence: str = UNKNOWN_RESIDENCE
    birth: date | None = None
    known: bool = True


class Ask:
    """One question that does not depend on the customer: purpose, channel, recipient, under a policy."""

    def __init__(self, policy: Policy, notices: Notices, purpose: str, channel: str = "", recipient: str = "") -> None:
        self.policy = policy
        self.notices = notices
        self.purpose: Purpose = policy.purposes[purpose]
        self.channel = channel
        self.recipient: Recipient | None = policy.recipients[recipient] if recipient else None
        self.lineage = (purpose, *policy.ancestors(purpose))
        self.zone = ZoneInfo(policy.timezone)

    def named_on(self, label: str) -> bool | None:
        """Whether a notice names this purpose; None if there is no such notice."""
        notice = self.notices.get(label)
        return None if notice is None else self.purpose.id in notice

    def expiry(self) -> Callable[[int], int] | None:
        period = self.purpose.consent_expires
        if period is None:
            return None
        return lambda start: rules.add_period(start, period.count, period.unit)


class View:
    """One customer under one question at one instant; everything is worked out at most once."""

    def __init__(self, ask: Ask, subject: Subject, now_us: int) -> None:
        self.ask = ask
        self.subject = subject
        self.now = now_us
        self.events = subject.events

    @cached_property
    def choice(self) -> rules.Choice:
        ask = self.ask
        return rules.choice_for(
            self.events,
            ask.lineage,
            ask.channel,
            ask.named_on,
            ask.expiry(),
            counts_activity=ask.purpose.consent_expires_after_activity,
        )

    @cached_property
    def residence(self) -> str:
        return rules.residence_at(self.events, self.subject.residence, self.now)

    @cached_property
    def regimes(self) -> tuple[str, ...]:
        return regimes_of(self.ask.policy, self.residence)

    @cached_property
    def kinds(self) -> frozenset[LawfulBasis]:
        """The lawful bases that all have to hold: one per regime that applies."""
        bases = self.ask.purpose.basis
        return frozenset(bases[r].kind for r in self.regimes if r in bases)

    @cached_property
    def birth(self) -> date | None:
        return rules.birth_of(self.events, self.subject.birth)

    @cached_property
    def consent_age(self) -> int:
        return consent_age(self.ask.policy, self.residence)

    def turns_us(self, years: int) -> int | None:
        return None if self.birth is None else rules.birthday_us(self.birth, years, self.ask.zone)

    @cached_property
    def is_minor(self) -> bool:
        adult_from = self.turns_us(ADULT)
        return adult_from is not None and self.now < adult_from

    @property
    def has_live_consent(self) -> bool:
        return self.choice.status is rules.Status.GRANTED and self.now < self.choice.until_us

    @cached_property
    def shown(self) -> frozenset[str]:
        """Labels of the published notices this customer has seen."""
        kinds = (EventKind.NOTICE_SERVED, EventKind.GIVEN)
        return frozenset(e.notice for e in self.events if e.kind in kinds and e.notice in self.ask.notices)

    def survives(self, what: Survives) -> bool:
        return what in self.ask.purpose.survives


def regimes_of(policy: Policy, residence: str) -> tuple[str, ...]:
    """Regimes that apply at a residence. None known means all of them, or none at all if unknown is denied."""
    country = residence.partition("-")[0]
    found = tuple(r.id for r in policy.regimes.values() if residence in r.where or country in r.where)
    if residence and found:
        return found
    return tuple(policy.regimes) if policy.unknown_jurisdiction == "strictest" else ()


def consent_age(policy: Policy, residence: str) -> int:
    """Age of digital consent at a residence (GDPR Art. 8(1)); the highest where several or none are known."""
    country = residence.partition("-")[0]
    ages: list[int] = []
    for regime_id in regimes_of(policy, residence) or tuple(policy.regimes):
        table = policy.regimes[regime_id].digital_consent_age
        age = table.get(residence, table.get(country))
        ages.append(DIGITAL_CONSENT_AGE if age is None else age)
    if not residence:
        for regime in policy.regimes.values():
            ages.extend(regime.digital_consent_age.values())
    return max(ages, default=DIGITAL_CONSENT_AGE)


# --- the conditions on the whole use ---------------------------------------------------------------


def customer_is_known(view: View) -> str | None:
    return None if view.subject.known else "customer_unknown"


def customer_is_not_erased(view: View) -> str | None:
    erased = any(e.kind is EventKind.ERASED for e in view.events)
    return "erased" if erased and not view.survives(Survives.ERASURE) else None


def record_is_not_restricted(view: View) -> str | None:
    scopes = rules.active_scopes(view.events, EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED)
    return "restricted" if "" in scopes and not view.survives(Survives.RESTRICTION) else None


def nobody_objected(view: View) -> str | None:
    if view.survives(Survives.OBJECTION):
        return None
    scopes = rules.active_scopes(view.events, EventKind.OBJECTED, EventKind.OBJECTION_LIFTED)
    marketing = view.ask.purpose.direct_marketing
    if marketing and DIRECT_MARKETING in scopes:
        return "objected"
    objectable = marketing or bool(view.kinds & OBJECTABLE)
    return "objected" if objectable and scopes & frozenset(view.ask.lineage) else None


def nothing_was_withdrawn(view: View) -> str | None:
    """A withdrawal stands against any basis: no swap to a back-up ground (EDPB 05/2020, case S12)."""
    if view.survives(Survives.WITHDRAWAL):
        return None
    refused = view.choice.status in (rules.Status.WITHDRAWN, rules.Status.REFUSED)
    return CONSENT_CODES[view.choice.status] if refused else None


def customer_is_of_age(view: View) -> str | None:
    sensitive = view.ask.purpose.direct_marketing or bool(view.kinds & NOT_FOR_MINORS)
    if view.birth is None:
        strict = view.ask.purpose.for_children or view.ask.policy.unknown_age == "deny"
        guarded = LawfulBasis.CONSENT in view.kinds and not view.choice.guardian
        return "age_unknown" if strict and (sensitive or guarded) else None
    return "minor" if sensitive and view.is_minor else None


def regime_is_known(view: View) -> str | None:
    return None if view.regimes else "jurisdiction_unknown"


def every_regime_has_a_basis(view: View) -> str | None:
    return None if all(r in view.ask.purpose.basis for r in view.regimes) else "no_basis"


def consent_is_live(view: View) -> str | None:
    if LawfulBasis.CONSENT not in view.kinds:
        return None
    if view.choice.status is rules.Status.GRANTED:
        return None if view.now < view.choice.until_us else "consent_expired"
    if view.choice.status is rules.Status.NONE and _granted_elsewhere(view):
        return "wrong_channel"
    return CONSENT_CODES.get(view.choice.status)


def guardian_agreed_for_a_child(view: View) -> str | None:
    if LawfulBasis.CONSENT not in view.kinds or view.choice.status is not rules.Status.GRANTED:
        return None
    of_age = view.turns_us(view.consent_age)
    if view.choice.guardian or of_age is None:
        return None
    return "guardian_missing" if view.choice.since_us < of_age else None


def address_came_from_a_sale(view: View) -> str | None:
    if LawfulBasis.SOFT_OPT_IN not in view.kinds or view.has_live_consent:
        return None
    soft = rules.has_soft_opt_in(view.events, view.ask.lineage, view.ask.channel)
    return None if soft else "soft_opt_in_missing"


def nobody_opted_out_of_sharing(view: View) -> str | None:
    if LawfulBasis.OPT_OUT_OF_SHARING not in view.kinds:
        return None
    recipient = view.ask.recipient
    if recipient is not None and recipient.kind in IN_THE_HOUSE:
        return None  # not a sale, not sharing (CCPA 1798.140; case J07)
    again = EventKind.OPTED_IN_AGAIN
    if rules.active_scopes(view.events, EventKind.OPTED_OUT, again):
        return "opted_out"
    if not rules.active_scopes(view.events, EventKind.SIGNAL_GPC, again):
        return None
    # 11 CCR 7025(c)(4): the customer joined this programme, was asked, and did not leave it (case J06).
    signal_at = rules.last_at(view.events, EventKind.SIGNAL_GPC) or 0
    asked_at = rules.last_at(view.events, EventKind.SIGNAL_ASKED, view.ask.purpose.id)
    stays = view.has_live_consent and asked_at is not None and asked_at >= signal_at
    return None if stays else "opted_out"


def customer_was_informed(view: View) -> str | None:
    """A compatible new purpose needs the customer told first (GDPR 13(3), case P04)."""
    if not view.ask.purpose.compatible_with:
        return None
    told = any(view.ask.purpose.id in view.ask.notices[label] for label in view.shown)
    return None if told else "not_informed"


def purpose_is_compatible(view: View) -> str | None:
    """What was collected on consent cannot be reused by a compatibility test (GDPR 6(4), case P03)."""
    purposes = view.ask.policy.purposes
    for origin in view.ask.purpose.compatible_with:
        for regime in view.regimes:
            basis = purposes[origin].basis.get(regime)
            if basis is not None and basis.kind is LawfulBasis.CONSENT:
                return "incompatible"
    return None


def recipient_was_on_the_notice(view: View) -> str | None:
    """Recipients are part of the notice (GDPR 13(1)(e), cases R03, S04)."""
    recipient = view.ask.recipient
    if recipient is None or view.kinds <= WITHOUT_NOTICE:
        return None
    purpose, notices = view.ask.purpose.id, view.ask.notices
    if LawfulBasis.CONSENT in view.kinds:
        if view.choice.status is not rules.Status.GRANTED:
            return None  # already refused for the missing consent
        labels = frozenset({view.choice.notice})
    else:
        labels = view.shown
    told = any(purpose in notices[x] and recipient.id in notices[x][purpose].recipients for x in labels)
    return None if told else "recipient_not_on_notice"


CONDITIONS: tuple[Callable[[View], str | None], ...] = (
    customer_is_known,
    customer_is_not_erased,
    record_is_not_restricted,
    nobody_objected,
    nothing_was_withdrawn,
    customer_is_of_age,
    regime_is_known,
    every_regime_has_a_basis,
    consent_is_live,
    guardian_agreed_for_a_child,
    address_came_from_a_sale,
    nobody_opted_out_of_sharing,
    customer_was_informed,
    purpose_is_compatible,
    recipient_was_on_the_notice,
)


# --- the conditions on one field -------------------------------------------------------------------


def field_is_not_restricted(view: View, field: str, category: str) -> str | None:
    """A contested field rests while the others go on (GDPR 18(1)(a), case O10)."""
    if view.survives(Survives.RESTRICTION):
        return None
    scopes = rules.active_scopes(view.events, EventKind.RESTRICTED, EventKind.RESTRICTION_LIFTED)
    return "restricted" if field in scopes or category in scopes else None


def category_was_on_the_notice(view: View, field: str, category: str) -> str | None:
    """Consent covers what the notice described, not what was added later (case S04)."""
    if LawfulBasis.CONSENT not in view.kinds or view.choice.status is not rules.Status.GRANTED:
        return None
    entry = view.ask.notices[view.choice.notice][view.ask.purpose.id]
    return None if covered_by(entry.categories, field, category) else "category_not_on_notice"


def explicit_consent_is_live(view: View, field: str, category: str) -> str | None:
    """A special category on the ground of explicit consent needs that consent, whatever the basis (9(2)(a))."""
    if view.ask.purpose.special_ground != EXPLICIT_CONSENT or not is_special(view.ask.policy, category):
        return None
    return None if view.has_live_consent else "explicit_consent_missing"


FIELD_CONDITIONS: tuple[Callable[[View, str, str], str | None], ...] = (
    field_is_not_restricted,
    category_was_on_the_notice,
    explicit_consent_is_live,
)

EXPLICIT_CONSENT = "explicit-consent"


def is_special(policy: Policy, category: str) -> bool:
    """Special by law (GDPR Art. 9) or treated as such because it may reveal it (case P11)."""
    found = policy.categories.get(category)
    return found is not None and (bool(found.special) or found.treat_as_special)


def covered_by(categories: frozenset[str], field: str, category: str) -> bool:
    """Whether a notice's list of categories includes a field: the category whole, or the field alone."""
    column = field.partition(".")[2]
    return category in categories or f"{category}.{column}" in categories or field in categories


def reasons_against(view: View) -> list[str]:
    """Codes of everything that speaks against the whole use for this customer."""
    found = (condition(view) for condition in CONDITIONS)
    return list(dict.fromkeys(code for code in found if code is not None))


def reasons_against_field(view: View, field: str, category: str) -> list[str]:
    """Codes of what speaks against one field for this customer."""
    return [code for condition in FIELD_CONDITIONS if (code := condition(view, field, category)) is not None]


def next_change(view: View) -> int:
    """The next instant (us) at which the answer may change without any event, or NEVER_US."""
    instants = [rules.next_move(view.events, view.now)]
    if view.has_live_consent:
        instants.append(view.choice.until_us)
    if view.birth is not None:
        for years in {view.consent_age, ADULT}:
            instants.append(rules.birthday_us(view.birth, years, view.ask.zone))
    return min((i for i in instants if i > view.now), default=NEVER_US)


def obligations(view: View) -> list[str]:
    """What using this customer's data brings with it."""
    found: list[str] = []
    of_age = view.turns_us(view.consent_age)
    if view.choice.guardian and of_age is not None and view.now >= of_age:
        found.append("inform_child_of_right_to_withdraw")  # EDPB 05/2020 paras 147-149, case M03
    return found


def _granted_elsewhere(view: View) -> bool:
    ask = view.ask
    return any(
        rules.choice_for(view.events, ask.lineage, channel, ask.named_on).status is rules.Status.GRANTED
        for channel in {e.channel for e in view.events if e.kind is EventKind.GIVEN} - {ask.channel}
    )


CONSENT_CODES = {
    rules.Status.NONE: "consent_missing",
    rules.Status.DEFERRED: "consent_deferred",
    rules.Status.UNPROVABLE: "consent_unprovable",
    rules.Status.INVALID: "consent_invalid",
    rules.Status.NOT_ON_NOTICE: "consent_not_on_notice",
    rules.Status.REFUSED: "consent_refused",
    rules.Status.WITHDRAWN: "consent_withdrawn",
}


@dataclass(frozen=True, slots=True)
class ReasonText:
    """How a reason reads. `sentence` and `change` may name {purpose}, {channel}, {recipient}, {field}."""

    layer: Layer
    article: str
    sentence: str
    change: str


_I, _N, _O, _B, _M = Layer.INTEGRITY, Layer.NEVER, Layer.OVERRIDE, Layer.BASIS, Layer.MINIMISATION

REASONS: Mapping[str, ReasonText] = {
    # integrity: nothing overrides these
    "purpose_unknown": ReasonText(
        _I, "GDPR 5(1)(b)", "No purpose is called {purpose}", "Use a purpose of the policy in force"
    ),
    "purpose_abstract": ReasonText(
        _I,
        "GDPR 5(1)(b)",
        "{purpose} is a heading; only its children can be pursued",
        "Name one of its children",
    ),
    "role_unknown": ReasonText(_I, "GDPR 32", "No role is called {role}", "Use a role of the policy in force"),
    "channel_unknown": ReasonText(
        _I, "ePrivacy 13(1)", "{purpose} has no channel {channel}", "Use one of the purpose's channels"
    ),
    "recipient_unknown": ReasonText(
        _I, "GDPR 4(9)", "No recipient is called {recipient}", "Declare the recipient with its agreement"
    ),
    "field_unknown": ReasonText(_I, "GDPR 5(1)(c)", "There is no field {field}", "Use a field of the catalogue"),
    "unclassified_field": ReasonText(
        _I, "GDPR 25(2)", "Nobody has said what kind of data {field} is", "Put {field} into a category"
    ),
    "customer_unknown": ReasonText(
        _I, "GDPR 5(2)", "This customer is not in the register", "Import the customer first"
    ),
    # never
    "never_rule": ReasonText(_N, "GDPR 9", "{field} is never used for {purpose}: {because}", "Leave {field} out"),
    "special_category": ReasonText(
        _N,
        "GDPR 9(1)",
        "{field} may reveal special categories of data and {purpose} has no ground for that",
        "Leave {field} out, or give the purpose a ground of Art. 9(2) (`special-ground`)",
    ),
    "explicit_consent_missing": ReasonText(
        _N, "GDPR 9(2)(a)", "{field} needs explicit consent for {purpose}", "Ask the customer"
    ),
    # overrides
    "erased": ReasonText(_O, "GDPR 17", "The customer has been erased", "Nothing: this is final"),
    "restricted": ReasonText(
        _O,
        "GDPR 18(2)",
        "Use is restricted at the customer's request",
        "Lift the restriction after telling them",
    ),
    "objected": ReasonText(
        _O, "GDPR 21", "The customer objected to {purpose}", "Only the customer can lift the objection"
    ),
    "consent_withdrawn": ReasonText(
        _O, "GDPR 7(3)", "Consent to {purpose} was withdrawn", "Only a fresh consent by the customer"
    ),
    "consent_refused": ReasonText(
        _O, "GDPR 7", "The customer said no to {purpose}", "Only a fresh consent by the customer"
    ),
    "opted_out": ReasonText(
        _O, "CCPA 1798.120; 11 CCR 7025", "The customer opted out of sale and sharing", "Only a fresh opt-in"
    ),
    "minor": ReasonText(
        _O, "GDPR 6(1)(f), recital 38", "{purpose} is not for people under 18", "Wait until the 18th birthday"
    ),
    "age_unknown": ReasonText(
        _O, "GDPR 8", "The customer's age is not known and {purpose} needs it", "Record the birth date"
    ),
    # basis
    "jurisdiction_unknown": ReasonText(
        _B, "GDPR 5(2)", "It is not known which law applies to this customer", "Record the residence"
    ),
    "no_basis": ReasonText(
        _B, "GDPR 6(1)", "{purpose} has no lawful basis where this customer lives", "Give it a basis there"
    ),
    "consent_missing": ReasonText(
        _B, "GDPR 6(1)(a)", "No consent to {purpose}", "Ask the customer, once the rest period is over"
    ),
    "consent_deferred": ReasonText(
        _B,
        "GDPR 4(11)",
        "The question was closed without a choice: silence is not consent",
        "Ask again later",
    ),
    "consent_invalid": ReasonText(
        _B,
        "GDPR 4(11); CJEU C-673/17",
        "The box was ticked beforehand: that is not consent",
        "Ask the customer",
    ),
    "consent_unprovable": ReasonText(
        _B,
        "GDPR 7(1)",
        "A consent is on file that nobody can prove",
        "Supply the evidence, or ask the customer",
    ),
    "consent_not_on_notice": ReasonText(
        _B,
        "GDPR 6(1)(a), 7(2)",
        "The consent was given on a notice that did not name {purpose}",
        "Ask for it",
    ),
    "wrong_channel": ReasonText(
        _B,
        "ePrivacy 13(1)",
        "Consent to {purpose} exists, but not for {channel}",
        "Use the channel agreed to",
    ),
    "consent_expired": ReasonText(_B, "GDPR 7(1)", "Consent to {purpose} has expired", "Ask for it again"),
    "guardian_missing": ReasonText(
        _B,
        "GDPR 8(1)",
        "The customer was too young to consent alone",
        "Ask the holder of parental responsibility",
    ),
    "soft_opt_in_missing": ReasonText(
        _B, "ePrivacy 13(2)", "No sale is on record at which the address was given", "Ask for consent"
    ),
    "not_informed": ReasonText(
        _B,
        "GDPR 13(3)",
        "The customer has not been told about {purpose} yet",
        "Serve the notice that names it",
    ),
    "incompatible": ReasonText(
        _B, "GDPR 6(4)", "{purpose} cannot build on data collected by consent", "Ask for a consent of its own"
    ),
    "recipient_not_on_notice": ReasonText(
        _B,
        "GDPR 13(1)(e)",
        "The customer was never told that {recipient} receives data",
        "Serve the new notice",
    ),
    # minimisation: purpose AND role AND recipient
    "role_not_for_purpose": ReasonText(
        _M, "GDPR 32(4)", "The role {role} does not pursue {purpose}", "Ask someone whose role does"
    ),
    "field_not_needed": ReasonText(_M, "GDPR 5(1)(c)", "{purpose} does not need {field}", "Leave {field} out"),
    "field_not_for_role": ReasonText(_M, "GDPR 25(2)", "The role {role} may not see {field}", "Leave {field} out"),
    "category_not_on_notice": ReasonText(
        _M, "GDPR 7(2)", "The consent was given before {field} was part of {purpose}", "Ask again"
    ),
    "recipient_not_for_purpose": ReasonText(
        _M, "GDPR 5(1)(b)", "{recipient} does not receive data for {purpose}", "Leave this recipient out"
    ),
    "agreement_not_in_force": ReasonText(
        _M,
        "GDPR 28(3)",
        "The agreement with {recipient} is not in force",
        "Record the agreement, or leave this recipient out",
    ),
    "safeguard_missing": ReasonText(
        _M, "GDPR 44, 46", "{recipient} sits in a third country without a safeguard", "Record the safeguard"
    ),
    "field_not_covered": ReasonText(
        _M, "GDPR 28(3)", "The agreement with {recipient} does not cover {field}", "Leave {field} out"
    ),
}
