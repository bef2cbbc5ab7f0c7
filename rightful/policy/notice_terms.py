"""What a notice has to say about a purpose, and whether that changed.

The terms are everything a customer is told; their digest changes when any of them
does. The material digest leaves out wording: a consent stays bound to what it
covers (purpose, categories, recipients), not to a corrected comma (case S05).

Sources: GDPR Art. 13(1)(c)-(f), 13(2)(a); cases S04, S05, R03.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rightful.ledger.canonical import canonical
from rightful.policy.model import Policy
from rightful.policy.periods import words

MATERIAL = ("purpose", "categories", "recipients")


@dataclass(frozen=True, slots=True)
class NoticeChange:
    """A purpose whose notice has to change. `material` means a consent on the old notice is too narrow or
    too wide for the new one; `what` names the terms that differ."""

    purpose: str
    what: tuple[str, ...]
    material: bool

    @property
    def sentence(self) -> str:
        weight = "its meaning changed" if self.material else "only what it says about the same use"
        return f"the notice of {self.purpose} changes in {', '.join(self.what)} ({weight})"


def notice_terms(policy: Policy, purpose: str) -> dict[str, Any]:
    """Everything a notice tells about a purpose; lists are sorted, so their order never matters."""
    found = policy.purposes[purpose]
    recipients = [policy.recipients[name] for name in sorted(found.recipients) if name in policy.recipients]
    return {
        "purpose": found.id,
        "says": found.says,
        "categories": sorted(found.needs),
        "recipients": sorted(found.recipients),
        "transfers": {r.id: [r.country, r.safeguard] for r in recipients},
        "basis": {regime: [b.kind.value, b.citation] for regime, b in sorted(found.basis.items())},
        "keep": None if found.keep is None else words(found.keep),
        "channels": sorted(found.channels),
        "consent_ends": None if found.consent_expires is None else words(found.consent_expires),
    }


def notice_digest(terms: Mapping[str, Any]) -> str:
    """SHA-256 of all terms, in hex."""
    return hashlib.sha256(canonical(dict(terms))).hexdigest()


def material_digest(terms: Mapping[str, Any]) -> str:
    """SHA-256 of what a consent is bound to: purpose, categories, recipients."""
    return hashlib.sha256(canonical({key: terms[key] for key in MATERIAL})).hexdigest()


def notice_changes(old: Policy, new: Policy) -> tuple[NoticeChange, ...]:
    """Purposes that customers have to be told about anew, or no longer."""
    found = []
    for purpose in dict.fromkeys((*old.purposes, *new.purposes)):
        before = notice_terms(old, purpose) if _is_told(old, purpose) else {}
        after = notice_terms(new, purpose) if _is_told(new, purpose) else {}
        if before == after:
            continue
        if not before or not after:
            found.append(NoticeChange(purpose, ("purpose",), material=True))
            continue
        what = tuple(key for key in after if after[key] != before[key])
        found.append(NoticeChange(purpose, what, material_digest(before) != material_digest(after)))
    return tuple(found)


def _is_told(policy: Policy, purpose: str) -> bool:
    found = policy.purposes.get(purpose)
    return found is not None and not found.abstract
