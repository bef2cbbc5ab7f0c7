"""What a policy says, once loaded: frozen, complete, free of YAML.

`loader.py` reads the text into these; the gate reads only these. Names of
fields are "table.column"; a pattern "table.*" stands for every column the
catalogue knows of that table. Lengths of time are calendar units, since the
law and the organisation count in months, not in seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rightful.terms import LawfulBasis, RecipientKind, Survives


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar length: `24 months`. Unit is days, weeks, months or years; `after` keeps the words of
    the anchor ("the last delivery", "the end of the year")."""

    count: int
    unit: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """A lawful basis in one regime; `citation` names the law or the recorded balancing test."""

    kind: LawfulBasis
    citation: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody a customer can turn to: the controller, its officer, a supervisory authority."""

    name: str = ""
    address: str = ""
    email: str = ""
    phone: str = ""
    site: str = ""
    representative: str = ""  # GDPR Art. 27; of a controller only


@dataclass(frozen=True, slots=True)
class Moment:
    """Which dates in the data a moment of `keep` is. `how`: one of vocabulary.COUNTS; at most one field a table."""

    how: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Regime:
    """A set of laws and the places it governs. `where` holds ISO 3166 codes (DE, US-CA)."""

    id: str
    laws: tuple[str, ...]
    where: tuple[str, ...]
    digital_consent_age: Mapping[str, int] = field(default_factory=dict)  # GDPR Art. 8(1)
    signals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Category:
    """Fields that share one meaning. `special` is the article ("gdpr-9"), also for `treat-as: special`."""

    id: str
    fields: tuple[str, ...]
    excludes: tuple[str, ...] = ()
    special: str = ""
    treat_as_special: bool = False
    says: str = ""  # what customers call it
    says_in: Mapping[str, str] = field(default_factory=dict)  # language -> the same in it
    source: str = ""  # where the data comes from: one of vocabulary.SOURCES (GDPR 14(2)(f))
    source_name: str = ""  # from which other, or which register


@dataclass(frozen=True, slots=True)
class Role:
    """What people in this role may pursue; `only` / `not_fields` narrow the fields below the purposes'."""

    id: str
    purposes: tuple[str, ...]
    only: tuple[str, ...] = ()  # categories or fields; empty = all the purpose needs
    not_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipient:
    """Another legal entity that gets data (GDPR Art. 4(9)). In force within [since, until)."""

    id: str
    agreement: str
    since_us: int | None = None
    until_us: int | None = None
    country: str = ""
    safeguard: str = ""  # transfer basis, GDPR 44-49: scc-2021, adequacy, bcr, ...
    kind: RecipientKind = RecipientKind.THIRD_PARTY
    covers: tuple[str, ...] = ()  # categories or fields of the agreement; empty = all the purpose needs
    sub_processors: str = "deny"
    name: str = ""  # what customers know it by


@dataclass(frozen=True, slots=True)
class Purpose:
    """One reason to use data. `says` is what the notice tells the customer in plain words."""

    id: str
    says: str
    parent: str | None
    basis: Mapping[str, Basis]  # regime id -> basis; complete over the regimes it serves
    needs: tuple[str, ...]  # categories or fields
    channels: tuple[str, ...] = ()
    keep: Period | None = None
    recipients: tuple[str, ...] = ()
    survives: frozenset[Survives] = frozenset()
    transforms: Mapping[str, str] = field(default_factory=dict)  # field -> transform name
    aggregates_only: bool = False
    at_least: int | None = None  # people
    direct_marketing: bool = False
    compatible_with: tuple[str, ...] = ()  # GDPR 6(4)
    for_children: bool = False  # a service offered directly to children, GDPR 8(1)
    special_ground: str = ""  # GDPR 9(2): "explicit-consent", "legal-claims", "vital-interest", ...
    consent_expires: Period | None = None
    consent_expires_after_activity: bool = False  # counted from the last open or click, not from the grant
    ask_again: Period | None = None
    abstract: bool = False  # a heading with children and no use of its own
    says_in: Mapping[str, str] = field(default_factory=dict)  # language -> `says` in it
    interest: str = ""  # the legitimate interest pursued, GDPR 13(1)(d)
    interest_in: Mapping[str, str] = field(default_factory=dict)
    automated: str = ""  # how a machine decides here and what follows, GDPR 13(2)(f)
    automated_in: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Never:
    """Categories (or the word consent-status) that these purposes never use, whatever permits them."""

    use: tuple[str, ...]
    purposes: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class Example:
    """A test written beside the policy: a situation, a question, the expected answer."""

    given: Mapping[str, object]
    ask: str
    expect: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy. `version` is the SHA-256 of its canonical form (RFC 8785), in hex."""

    name: str
    label: str  # the author's own version word
    owner: str
    timezone: str
    unknown_jurisdiction: str  # "strictest" | "deny"
    unknown_age: str  # "adult-unless-service-for-children" | "deny"
    regimes: Mapping[str, Regime]
    categories: Mapping[str, Category]
    roles: Mapping[str, Role]
    purposes: Mapping[str, Purpose]
    recipients: Mapping[str, Recipient]
    never: tuple[Never, ...]
    tests: tuple[Example, ...]
    version: str
    language: str = "en"  # of every text in the policy that is written in one language only
    controller: Party | None = None
    dpo: Party | None = None  # data protection officer, GDPR 37
    dpo_not_required: bool = False
    complaint: Mapping[str, Party] = field(default_factory=dict)  # regime -> supervisory authority
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # phrase -> language -> words
    moments: Mapping[str, Moment] = field(default_factory=dict)  # moment of a `keep` -> where it stands in the data
    places: Mapping[str, tuple[str, int, int]] = field(default_factory=dict, compare=False, repr=False)
    """Where things were written, for messages only: "purposes/newsletter" -> (file, line, column)."""

    def ancestors(self, purpose: str) -> tuple[str, ...]:
        """Parents of a purpose, nearest first; the purpose itself is not among them."""
        found: list[str] = []
        parent = self.purposes[purpose].parent
        while parent is not None:
            found.append(parent)
            parent = self.purposes[parent].parent
        return tuple(found)

    def family(self, purpose: str) -> frozenset[str]:
        """A purpose with all its descendants."""
        return frozenset(p for p in self.purposes if p == purpose or purpose in self.ancestors(p))
