"""A policy as plain JSON: to hash it, to keep it, to open it again exactly.

`meaning` is what the version hashes: everything that can change an answer or a
notice, defaults filled in, sets sorted, so that comments, key order and layout do
not matter. Tests written beside a policy do not change what it means and stay out.
`as_document` keeps the order of lists as well, and the tests.

Source: RFC 8785 (JSON Canonicalization Scheme); FIPS 180-4 (SHA-256).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rightful.errors import RecordMismatch
from rightful.ledger.canonical import canonical
from rightful.policy.model import (
    Basis,
    Category,
    Example,
    Moment,
    Never,
    Party,
    Period,
    Policy,
    Purpose,
    Recipient,
    Regime,
    Role,
)
from rightful.policy.moments import instant, instant_us
from rightful.terms import LawfulBasis, RecipientKind, Survives

FORMAT = 1

Document = dict[str, Any]


def with_version(policy: Policy) -> Policy:
    """The same policy with `version` set to the SHA-256 of its meaning, in hex."""
    return replace(policy, version=version_of(policy))


def version_of(policy: Policy) -> str:
    return hashlib.sha256(canonical(meaning(policy))).hexdigest()


def meaning(policy: Policy) -> Document:
    """What a policy says, independent of the order in which it says it."""
    document = as_document(policy)
    del document["tests"], document["version"]
    sorted_document: Document = _sorted(document)
    return sorted_document


def as_document(policy: Policy) -> Document:
    """The whole policy as JSON values, tests and version included.

    What a policy may say only since a later format of it is left out where it says nothing, so that a
    policy that does not use it keeps the version it always had.
    """
    document = {
        "format": FORMAT,
        "name": policy.name,
        "label": policy.label,
        "owner": policy.owner,
        "timezone": policy.timezone,
        "unknown": {"jurisdiction": policy.unknown_jurisdiction, "age": policy.unknown_age},
        "regimes": {
            r.id: {
                "laws": list(r.laws),
                "where": list(r.where),
                "digital_consent_age": dict(r.digital_consent_age),
                "signals": list(r.signals),
            }
            for r in policy.regimes.values()
        },
        "categories": {
            c.id: {
                "fields": list(c.fields),
                "excludes": list(c.excludes),
                "special": c.special,
                "treat_as_special": c.treat_as_special,
                **_said(says=c.says, says_in=dict(c.says_in), source=c.source, source_name=c.source_name),
            }
            for c in policy.categories.values()
        },
        "roles": {
            r.id: {"purposes": list(r.purposes), "only": list(r.only), "not_fields": list(r.not_fields)}
            for r in policy.roles.values()
        },
        "purposes": {p.id: _purpose(p) for p in policy.purposes.values()},
        "recipients": {r.id: _recipient(r) for r in policy.recipients.values()},
        "never": [{"use": list(n.use), "purposes": list(n.purposes), "because": n.because} for n in policy.never],
        "tests": [{"given": _plain(t.given), "ask": t.ask, "expect": t.expect, "line": t.line} for t in policy.tests],
        "version": policy.version,
    }
    if policy.language != "en":
        document["language"] = policy.language
    return document | _said(
        controller=policy.controller and _party(policy.controller),
        dpo=policy.dpo and _party(policy.dpo),
        dpo_not_required=policy.dpo_not_required,
        complaint={regime: _party(party) for regime, party in policy.complaint.items()},
        words={phrase: dict(texts) for phrase, texts in policy.words.items()},
        moments={name: {"how": m.how, "fields": list(m.fields)} for name, m in policy.moments.items()},
    )


def from_document(document: Mapping[str, Any]) -> Policy:
    """Open a kept policy again.

    Raises:
        RecordMismatch: the document does not say what its version was made from.
    """
    try:
        policy = _read(document)
        same = policy.version == version_of(policy)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordMismatch("a kept policy cannot be read: it is not what was written") from error
    if not same:
        raise RecordMismatch(f"the kept policy {policy.version[:12]} is not what was written")
    return policy


def _read(document: Mapping[str, Any]) -> Policy:
    if document["format"] != FORMAT:
        raise ValueError("another format")
    return Policy(
        name=document["name"],
        label=document["label"],
        owner=document["owner"],
        timezone=document["timezone"],
        unknown_jurisdiction=document["unknown"]["jurisdiction"],
        unknown_age=document["unknown"]["age"],
        regimes={
            name: Regime(
                name,
                tuple(r["laws"]),
                tuple(r["where"]),
                dict(r["digital_consent_age"]),
                tuple(r["signals"]),
            )
            for name, r in document["regimes"].items()
        },
        categories={
            name: Category(
                name,
                tuple(c["fields"]),
                tuple(c["excludes"]),
                c["special"],
                bool(c["treat_as_special"]),
                c.get("says", ""),
                dict(c.get("says_in", {})),
                c.get("source", ""),
                c.get("source_name", ""),
            )
            for name, c in document["categories"].items()
        },
        roles={
            name: Role(name, tuple(r["purposes"]), tuple(r["only"]), tuple(r["not_fields"]))
            for name, r in document["roles"].items()
        },
        purposes={name: _purpose_from(name, p) for name, p in document["purposes"].items()},
        recipients={name: _recipient_from(name, r) for name, r in document["recipients"].items()},
        never=tuple(Never(tuple(n["use"]), tuple(n["purposes"]), n["because"]) for n in document["never"]),
        tests=tuple(Example(t["given"], t["ask"], t["expect"], t["line"]) for t in document["tests"]),
        version=document["version"],
        language=document.get("language", "en"),
        controller=_party_from(document.get("controller")),
        dpo=_party_from(document.get("dpo")),
        dpo_not_required=bool(document.get("dpo_not_required", False)),
        complaint={regime: Party(**party) for regime, party in document.get("complaint", {}).items()},
        words={phrase: dict(texts) for phrase, texts in document.get("words", {}).items()},
        moments={n: Moment(m["how"], tuple(m["fields"])) for n, m in document.get("moments", {}).items()},
    )


def _purpose(purpose: Purpose) -> Document:
    return {
        "says": purpose.says,
        "parent": purpose.parent,
        "basis": {r: {"kind": b.kind.value, "citation": b.citation} for r, b in purpose.basis.items()},
        "needs": list(purpose.needs),
        "channels": list(purpose.channels),
        "keep": _period(purpose.keep),
        "recipients": list(purpose.recipients),
        "survives": sorted(s.value for s in purpose.survives),
        "transforms": dict(purpose.transforms),
        "aggregates_only": purpose.aggregates_only,
        "at_least": purpose.at_least,
        "direct_marketing": purpose.direct_marketing,
        "compatible_with": list(purpose.compatible_with),
        "for_children": purpose.for_children,
        "special_ground": purpose.special_ground,
        "consent_expires": _period(purpose.consent_expires),
        "consent_expires_after_activity": purpose.consent_expires_after_activity,
        "ask_again": _period(purpose.ask_again),
        "abstract": purpose.abstract,
        **_said(
            says_in=dict(purpose.says_in),
            interest=purpose.interest,
            interest_in=dict(purpose.interest_in),
            automated=purpose.automated,
            automated_in=dict(purpose.automated_in),
        ),
    }


def _purpose_from(name: str, p: Mapping[str, Any]) -> Purpose:
    return Purpose(
        id=name,
        says=p["says"],
        parent=p["parent"],
        basis={r: Basis(LawfulBasis(b["kind"]), b["citation"]) for r, b in p["basis"].items()},
        needs=tuple(p["needs"]),
        channels=tuple(p["channels"]),
        keep=_period_from(p["keep"]),
        recipients=tuple(p["recipients"]),
        survives=frozenset(Survives(s) for s in p["survives"]),
        transforms=dict(p["transforms"]),
        aggregates_only=bool(p["aggregates_only"]),
        at_least=p["at_least"],
        direct_marketing=bool(p["direct_marketing"]),
        compatible_with=tuple(p["compatible_with"]),
        for_children=bool(p["for_children"]),
        special_ground=p["special_ground"],
        consent_expires=_period_from(p["consent_expires"]),
        consent_expires_after_activity=bool(p["consent_expires_after_activity"]),
        ask_again=_period_from(p["ask_again"]),
        abstract=bool(p["abstract"]),
        says_in=dict(p.get("says_in", {})),
        interest=p.get("interest", ""),
        interest_in=dict(p.get("interest_in", {})),
        automated=p.get("automated", ""),
        automated_in=dict(p.get("automated_in", {})),
    )


def _recipient(recipient: Recipient) -> Document:
    return {
        "agreement": recipient.agreement,
        "since": None if recipient.since_us is None else instant(recipient.since_us),
        "until": None if recipient.until_us is None else instant(recipient.until_us),
        "country": recipient.country,
        "safeguard": recipient.safeguard,
        "kind": recipient.kind.value,
        "covers": list(recipient.covers),
        "sub_processors": recipient.sub_processors,
        **_said(name=recipient.name),
    }


def _recipient_from(name: str, r: Mapping[str, Any]) -> Recipient:
    return Recipient(
        name,
        r["agreement"],
        None if r["since"] is None else instant_us(r["since"]),
        None if r["until"] is None else instant_us(r["until"]),
        r["country"],
        r["safeguard"],
        RecipientKind(r["kind"]),
        tuple(r["covers"]),
        r["sub_processors"],
        r.get("name", ""),
    )


def _party(party: Party) -> Document:
    return _said(**{name: getattr(party, name) for name in Party.__slots__})


def _party_from(party: Mapping[str, str] | None) -> Party | None:
    return None if party is None else Party(**party)


def _said(**members: Any) -> Document:
    """Only the members that say something."""
    return {name: value for name, value in members.items() if value}


def _period(length: Period | None) -> Document | None:
    return None if length is None else {"count": length.count, "unit": length.unit, "after": length.after}


def _period_from(length: Mapping[str, Any] | None) -> Period | None:
    return None if length is None else Period(length["count"], length["unit"], length["after"])


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _sorted(value: Any) -> Any:
    """Every list is a set in a policy: the order of rules, fields and places never matters (DESIGN 4)."""
    if isinstance(value, dict):
        return {key: _sorted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted((_sorted(inner) for inner in value), key=canonical)
    return value
