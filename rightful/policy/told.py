"""What a public notice made from this policy has to say, and what the policy does not tell yet.

`told` gathers every fact the law wants in a notice, as plain JSON, so that whoever writes the
sentences needs no policy. `missing` goes through the items of GDPR Art. 13 and 14 one by one and names
each that applies and cannot be said, with the key to add. A notice with a gap is not published.

Easy to get wrong: saying something because nothing was said. Where data comes from, how long it is
kept, whether there is a data protection officer: silence here is a gap, never a default.

Sources: GDPR Art. 13(1)-(2), 14(1)-(2), 21(4), 26(2); WP260 rev.01 (transparency), annex.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from rightful.policy.model import Party, Period, Policy, Purpose
from rightful.policy.names import Fields, split
from rightful.policy.vocabulary import ARTICLE_13_LAWS
from rightful.terms import LawfulBasis

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing the law wants said and the policy does not tell. `key` is what to add to it, `path` where."""

    article: str
    what: str
    key: str
    path: str = ""

    @property
    def sentence(self) -> str:
        return f"the notice cannot say {self.what} ({self.article}); add {self.key}"


def told(policy: Policy, eea: Collection[str]) -> Facts:
    """Every fact of a public notice, as JSON values; `eea` are the countries that are no third ones."""
    fields = Fields(policy.categories)
    purposes = [p for p in policy.purposes.values() if not p.abstract]
    shared = {r for p in purposes for r in p.recipients if r in policy.recipients}
    headings = {p.parent for p in purposes if p.parent is not None and policy.purposes[p.parent].abstract}
    used = dict.fromkeys(c for p in purposes for c in _data(policy, fields, p))
    return {
        "language": policy.language,
        "languages": list(languages_of(policy)),
        "organisation": policy.name,
        "controller": policy.controller and _party(policy.controller),
        "dpo": policy.dpo and _party(policy.dpo),
        "complaint": {regime: _party(party) for regime, party in policy.complaint.items()},
        "regimes": {
            r.id: {"laws": list(r.laws), "where": list(r.where), "ages": dict(r.digital_consent_age)}
            for r in policy.regimes.values()
        },
        "headings": {
            h: {policy.language: policy.purposes[h].says, **policy.purposes[h].says_in}
            for h in policy.purposes
            if h in headings
        },
        "purposes": [_purpose(policy, fields, p, headings) for p in purposes],
        "categories": {
            c: {
                "says": _texts(policy, policy.categories[c].says, policy.categories[c].says_in),
                "source": policy.categories[c].source,
                "source_name": policy.categories[c].source_name,
                "special": bool(policy.categories[c].special or policy.categories[c].treat_as_special),
            }
            for c in used
        },
        "recipients": {
            r.id: {
                "name": r.name,
                "kind": r.kind.value,
                "country": r.country,
                "safeguard": r.safeguard,
                "third_country": bool(r.country) and r.country not in eea,
                "purposes": [p.id for p in purposes if r.id in p.recipients],
            }
            for r in policy.recipients.values()
            if r.id in shared
        },
        "words": {phrase: dict(texts) for phrase, texts in policy.words.items()},
    }


def languages_of(policy: Policy) -> tuple[str, ...]:
    """In which languages the notice is published: the policy's own, and each in which a purpose is told."""
    own = policy.language
    others = {language for p in policy.purposes.values() for language in p.says_in}
    return (own, *sorted(others - {own}))


def missing(policy: Policy) -> tuple[Missing, ...]:
    """Everything that applies and cannot be said, in the order of the articles."""
    return tuple(gap for item in ITEMS for gap in item(policy))


# --- the items, one function each -------------------------------------------------------------------


def _controller(policy: Policy) -> Iterator[Missing]:
    if policy.controller is None:
        yield Missing(
            "GDPR Art. 13(1)(a), 14(1)(a)",
            "who is responsible and how to reach them",
            "controller: {name: ..., address: ..., email: ...}",
        )


def _dpo(policy: Policy) -> Iterator[Missing]:
    if _covered(policy) and policy.dpo is None and not policy.dpo_not_required:
        yield Missing(
            "GDPR Art. 13(1)(b), 14(1)(b)",
            "how to reach the data protection officer",
            "dpo: {email: ...}, or dpo: not-required",
        )


def _interests(policy: Policy) -> Iterator[Missing]:
    for purpose in _covered(policy):
        kinds = {purpose.basis[r].kind for r in _covered_regimes(policy) if r in purpose.basis}
        if LawfulBasis.LEGITIMATE_INTEREST in kinds and not purpose.interest:
            yield Missing(
                "GDPR Art. 13(1)(d), 14(2)(b)",
                f"which legitimate interest {purpose.id} pursues",
                f"interest: to purpose {purpose.id}",
                f"purposes/{purpose.id}",
            )


def _countries(policy: Policy) -> Iterator[Missing]:
    for name in dict.fromkeys(r for p in _covered(policy) for r in p.recipients):
        recipient = policy.recipients.get(name)
        if recipient is not None and not recipient.country:
            yield Missing(
                "GDPR Art. 13(1)(f), 14(1)(f)",
                f"whether data goes to a third country with {name}",
                f"country: to recipient {name}",
                f"recipients/{name}",
            )


def _storage(policy: Policy) -> Iterator[Missing]:
    for purpose in _covered(policy):
        if purpose.keep is None:
            yield Missing(
                "GDPR Art. 13(2)(a), 14(2)(a)",
                f"how long data is kept for {purpose.id}",
                f"keep: to purpose {purpose.id}",
                f"purposes/{purpose.id}",
            )


def _authorities(policy: Policy) -> Iterator[Missing]:
    for regime in _covered_regimes(policy):
        if regime not in policy.complaint:
            yield Missing(
                "GDPR Art. 13(2)(d), 14(2)(e)",
                f"where to complain under {regime}",
                f"complaint: {{{regime}: {{name: ..., site: ...}}}}",
                f"regimes/{regime}",
            )


def _sources(policy: Policy) -> Iterator[Missing]:
    fields = Fields(policy.categories)
    for name in dict.fromkeys(c for p in _covered(policy) for c in _data(policy, fields, p)):
        if not policy.categories[name].source:
            yield Missing(
                "GDPR Art. 14(2)(f)",
                f"where the data in {name} comes from",
                f"from: to category {name}",
                f"categories/{name}",
            )


ITEMS: tuple[Callable[[Policy], Iterator[Missing]], ...] = (
    _controller,
    _dpo,
    _interests,
    _countries,
    _storage,
    _authorities,
    _sources,
)
"""What a policy may leave open. All else in Art. 13 and 14 is always there: no policy loads without purposes,
bases, categories and recipients, and the rights follow from the law (rightful/notices/rules.py)."""


def _covered_regimes(policy: Policy) -> tuple[str, ...]:
    return tuple(r.id for r in policy.regimes.values() if ARTICLE_13_LAWS & set(r.laws))


def _covered(policy: Policy) -> list[Purpose]:
    regimes = _covered_regimes(policy)
    return [p for p in policy.purposes.values() if not p.abstract and any(r in p.basis for r in regimes)]


# --- shapes -----------------------------------------------------------------------------------------


def _purpose(policy: Policy, fields: Fields, purpose: Purpose, headings: Collection[str | None]) -> Facts:
    return {
        "id": purpose.id,
        "heading": purpose.parent if purpose.parent in headings else "",
        "says": _texts(policy, purpose.says, purpose.says_in),
        "basis": {regime: [b.kind.value, b.citation] for regime, b in purpose.basis.items()},
        "data": _data(policy, fields, purpose),
        "special_ground": purpose.special_ground,
        "channels": list(purpose.channels),
        "keep": _period(purpose.keep),
        "consent_ends": _consent_ends(purpose),
        "recipients": [r for r in purpose.recipients if r in policy.recipients],
        "interest": _texts(policy, purpose.interest, purpose.interest_in),
        "automated": _texts(policy, purpose.automated, purpose.automated_in),
        "direct_marketing": purpose.direct_marketing,
        "for_children": purpose.for_children,
        "compatible_with": list(purpose.compatible_with),
        "counts_of": purpose.at_least if purpose.aggregates_only else None,
        "counts_only": purpose.aggregates_only,
    }


def _consent_ends(purpose: Purpose) -> Facts | None:
    ends = _period(purpose.consent_expires)
    if ends is not None and purpose.consent_expires_after_activity:
        ends["after"] = "the last activity"
    return ends


def _data(policy: Policy, fields: Fields, purpose: Purpose) -> dict[str, list[str]]:
    """Category -> the columns of it that are used; empty where it is used whole."""
    found: dict[str, list[str]] = {}
    for item in purpose.needs:
        if "." not in item:
            found[item] = []
    for item in purpose.needs:
        for name in fields.named(item) if "." in item else ():
            category = fields.category_of(name)
            if category is None or (category in found and category in purpose.needs):
                continue
            columns = found.setdefault(category, [])
            if split(name)[1] not in columns:
                columns.append(split(name)[1])
    return {category: found[category] for category in policy.categories if category in found}


def _texts(policy: Policy, own: str, others: Any) -> dict[str, str]:
    return {policy.language: own, **others} if own else {}


def _party(party: Party) -> Facts:
    return {name: getattr(party, name) for name in Party.__slots__ if getattr(party, name)}


def _period(length: Period | None) -> Facts | None:
    return None if length is None else {"count": length.count, "unit": length.unit, "after": length.after}
