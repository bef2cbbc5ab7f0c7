"""What is asked of the gate, and what it answers.

A request names who asks (actor, role), what for (purpose), over which channel,
who receives it if the data leaves, and which fields. A decision answers for
every field with every reason, never only the first.

In NIST SP 800-162 words these are the types that pass between the decision
point (`plan.py`), the information point (`facts.py`) and the enforcement point
(`use.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rightful.terms import Layer, Outcome


@dataclass(frozen=True, slots=True)
class Request:
    """One use of customer data, as it is asked for.

    `fields` are "table.column"; None means every field the purpose needs. `recipient` is "" while the
    data stays in the house. Names are compared byte for byte after NFC; case is never folded (case E07).
    """

    actor: str
    role: str
    purpose: str
    channel: str = ""
    recipient: str = ""
    fields: tuple[str, ...] | None = None

    def normalised(self) -> Request:
        """The same request with all names in NFC."""
        nfc = unicodedata.normalize
        return Request(
            self.actor,
            nfc("NFC", self.role),
            nfc("NFC", self.purpose),
            nfc("NFC", self.channel),
            nfc("NFC", self.recipient),
            None if self.fields is None else tuple(nfc("NFC", f) for f in self.fields),
        )


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that speaks against a use. `field` is "" when it speaks against the whole use."""

    code: str
    layer: Layer
    article: str
    sentence: str  # for the customer and for staff: who, what, why
    change: str  # the nearest change that would allow it
    field: str = ""


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """What happens to one field: whether it comes back, and in which form."""

    field: str
    allowed: bool
    transform: str = ""
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one customer, or once for all customers of a bulk use (then with counts).

    Attributes:
        outcome: allow (every field asked), partial (some), deny (none).
        basis: lawful basis per regime that applied, with its citation.
        evidence: what the permission rests on: the notice's label, "" if none.
        fields: one outcome per field asked for.
        reasons: everything that speaks against the whole use, strongest layer first.
        obligations: what the user of the data has to do (recheck_before_use, aggregate_at_least, ...).
        good_until: the instant (us) at which the same question may get another answer.
        permitted, known: customers this use may touch, out of all; -1 in a single decision.
        withheld: bulk only: first reason code -> customers withheld for it.
    """

    request: Request
    at_us: int
    policy_version: str
    state_version: int
    outcome: Outcome
    basis: Mapping[str, str]
    evidence: str
    fields: tuple[FieldOutcome, ...]
    reasons: tuple[Reason, ...]
    obligations: tuple[str, ...] = ()
    good_until: int | None = None
    permitted: int = -1
    known: int = -1
    withheld: Mapping[str, int] = field(default_factory=dict)
    entry: int | None = None  # index in the ledger, once recorded

    @property
    def allowed_fields(self) -> tuple[str, ...]:
        return tuple(f.field for f in self.fields if f.allowed)

    @property
    def codes(self) -> frozenset[str]:
        """Every reason code in the decision, of the whole use and of single fields."""
        return frozenset(r.code for r in self.reasons) | frozenset(r.code for f in self.fields for r in f.reasons)

    def as_dict(self) -> dict[str, object]:
        """A stable form for `--json` and the API."""
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.at_us)
        ask = self.request
        return {
            "outcome": self.outcome.value,
            "at": instant.isoformat(),
            "purpose": ask.purpose,
            "channel": ask.channel or None,
            "recipient": ask.recipient or None,
            "role": ask.role,
            "policy_version": self.policy_version,
            "state_version": self.state_version,
            "lawful_basis": dict(self.basis),
            "notice": self.evidence or None,
            "fields": {
                f.field: {
                    "allowed": f.allowed,
                    "transform": f.transform or None,
                    "reasons": [r.code for r in f.reasons],
                }
                for f in self.fields
            },
            "reasons": [
                {
                    "code": r.code,
                    "layer": r.layer.name.lower(),
                    "article": r.article,
                    "sentence": r.sentence,
                    "change": r.change,
                }
                for r in self.reasons
            ],
            "obligations": list(self.obligations),
            "permitted": None if self.permitted < 0 else self.permitted,
            "known": None if self.known < 0 else self.known,
            "withheld": dict(self.withheld),
            "ledger_entry": self.entry,
        }
