"""One consent as a record that others can read, and the receipt a customer takes home.

A record is about one purpose on one channel of one customer: who asked, for what, on
which notice, and everything that happened to the consent since. It has the fields of
ISO/IEC TS 27560:2023, written with the terms of the W3C Data Privacy Vocabulary as
JSON-LD. A receipt is a record with a number of its own. `FIELDS` says where each
field of the standard stands; the reference page and the tests are made from it.

Easy to get wrong: a record describes what was *shown*, so recipients and categories
come from the notice the customer saw, not from the policy of today.

Sources: ISO/IEC TS 27560:2023, 6.3 and 6.4, by way of the W3C DPVCG guide "Consent
Records and Receipts as per ISO/IEC TS 27560:2023 using DPV" (Final Community Group
Report, 1 August 2024), tables "ISO 27560:2023, EU GDPR, and DPV"; GDPR Art. 7(1), 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rightful.errors import BadInput
from rightful.terms import EventKind, LawfulBasis, Method

SCHEMA_VERSION = "1"
CONTEXT: Mapping[str, Any] = {
    "dpv": "https://w3id.org/dpv#",
    "eu-gdpr": "https://w3id.org/dpv/legal/eu/gdpr#",
    "dct": "http://purl.org/dc/terms/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "rf": "urn:rightful:ns#",
    "dct:conformsTo": {"@type": "@id"},
    "dct:date": {"@type": "xsd:dateTime"},
    "dct:issued": {"@type": "xsd:dateTime"},
    "dpv:hasLegalBasis": {"@type": "@id"},
    "dpv:hasRight": {"@type": "@id"},
}
RECORD_PROFILE = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
RECEIPT_PROFILE = "https://w3id.org/dpv/schema/dpv-27560#receipt-eu-gdpr"

STATES = {
    EventKind.GIVEN: "dpv:ConsentGiven",
    EventKind.REFUSED: "dpv:ConsentRefused",
    EventKind.WITHDRAWN: "dpv:ConsentWithdrawn",
    EventKind.DEFERRED: "dpv:ConsentRequestDeferred",
}
ASKED, RENEWED, EXPIRED, UNPROVEN, INVALID = (
    "dpv:ConsentRequested",
    "dpv:RenewedConsentGiven",
    "dpv:ConsentExpired",
    "dpv:ConsentUnknown",
    "dpv:ConsentInvalidated",
)
BASES = {
    LawfulBasis.CONSENT: "eu-gdpr:A6-1-a",
    LawfulBasis.CONTRACT: "eu-gdpr:A6-1-b",
    LawfulBasis.LEGAL_OBLIGATION: "eu-gdpr:A6-1-c",
    LawfulBasis.VITAL_INTEREST: "eu-gdpr:A6-1-d",
    LawfulBasis.PUBLIC_TASK: "eu-gdpr:A6-1-e",
    LawfulBasis.LEGITIMATE_INTEREST: "eu-gdpr:A6-1-f",
}
RIGHTS = tuple(f"eu-gdpr:A{article}" for article in ("7-3", "15", "16", "17", "18", "20", "77"))
UNTIL_WITHDRAWN = "until it is withdrawn"
INDICATED = {
    Method.FORM: "a form that the customer filled in",
    Method.DOUBLE_OPT_IN: "a request, confirmed from the customer's own mailbox",
    Method.PORTAL: "a switch in the privacy portal",
    Method.ONE_CLICK: "the unsubscribe link of a mail",
    Method.SIGNAL: "a signal of the customer's browser",
    Method.AGENT: "told to a member of staff",
    Method.API: "another system of the organisation",
    Method.IMPORT: "taken over from an earlier system",
    Method.SYNC: "copied from another system",
    Method.PRE_TICKED: "a box that was ticked beforehand",
    Method.GUARDIAN: "a parent or guardian",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the standard: its name there, whether it must be, its DPV term, and where it stands.

    `path` leads through the record; "*" stands for each member of a list.
    """

    name: str
    clause: str
    required: bool
    term: str
    path: tuple[str, ...]
    says: str


_PROCESS = ("dpv:hasProcess", "*")
_DATA = (*_PROCESS, "dpv:hasPersonalData", "*")
_PARTY = (*_PROCESS, "dpv:hasDataController", "*")
_EVENT = ("dpv:hasConsentStatus", "*")
FIELDS = (
    Field("schema_version", "6.3.3", True, "dct:conformsTo", ("dct:conformsTo",), "the profile this record follows"),
    Field("record_id", "6.3.3", True, "dct:identifier", ("dct:identifier",), "a UUID that stays the same for ever"),
    Field(
        "pii_principal_id",
        "6.3.3",
        True,
        "dpv:hasDataSubject",
        ("dpv:hasDataSubject", "dct:identifier"),
        "the customer's pseudonym in the record and the ledger",
    ),
    Field(
        "privacy_notice",
        "6.3.4.1",
        True,
        "dpv:hasNotice",
        ("dpv:hasNotice", "*", "dct:identifier"),
        "label and SHA-256 of the notice the choice was made on, and of those shown before",
    ),
    Field(
        "language",
        "6.3.4.2",
        True,
        "dct:language",
        ("dpv:hasNotice", "*", "dct:language"),
        "the language it was shown in; `und` where nobody kept it",
    ),
    Field("purpose", "6.3.4.4", True, "dpv:hasPurpose", (*_PROCESS, "dpv:hasPurpose"), "in the words of the notice"),
    Field("purpose_type", "6.3.4.5", False, "dpv:hasPurpose", (*_PROCESS, "dpv:hasPurpose", "@type"), "a DPV purpose"),
    Field("lawful_basis", "6.3.4.6", False, "dpv:hasLegalBasis", (*_PROCESS, "dpv:hasLegalBasis"), "with its article"),
    Field(
        "pii_information", "6.3.4.7", True, "dpv:hasPersonalData", (*_PROCESS, "dpv:hasPersonalData"), "what is used"
    ),
    Field(
        "pii_controllers",
        "6.3.4.8",
        True,
        "dpv:hasDataController",
        (*_PROCESS, "dpv:hasDataController"),
        "who decides and answers",
    ),
    Field(
        "collection_method",
        "6.3.4.9",
        False,
        "dpv:hasDataSource",
        (*_PROCESS, "dpv:hasDataSource"),
        "where the data comes from",
    ),
    Field(
        "processing_method", "6.3.4.10", False, "dpv:hasProcessing", (*_PROCESS, "dpv:hasProcessing"), "how it is used"
    ),
    Field(
        "storage_locations",
        "6.3.4.11",
        True,
        "dpv:hasStorageCondition",
        (*_PROCESS, "dpv:hasStorageCondition", "dpv:hasLocation"),
        "where it lies",
    ),
    Field(
        "retention_period",
        "6.3.4.12",
        True,
        "dpv:hasStorageCondition",
        (*_PROCESS, "dpv:hasStorageCondition", "dpv:hasDuration"),
        "how long it is kept for this",
    ),
    Field(
        "jurisdiction",
        "6.3.4.16",
        True,
        "dpv:hasJurisdiction",
        (*_PROCESS, "dpv:hasJurisdiction"),
        "the laws that apply where the customer lives",
    ),
    Field(
        "recipient_third_parties",
        "6.3.4.17",
        True,
        "dpv:hasRecipient",
        (*_PROCESS, "dpv:hasRecipient"),
        "everybody outside; an empty list says nobody",
    ),
    Field(
        "withdrawal_method",
        "6.3.4.18",
        True,
        "dpv:hasConsentControl",
        (*_PROCESS, "dpv:hasConsentControl"),
        "how to say no",
    ),
    Field("privacy_rights", "6.3.4.19", False, "dpv:hasRight", (*_PROCESS, "dpv:hasRight"), "what can be asked for"),
    Field("pii_type", "6.3.5.1", True, "dpv:hasPersonalData", (*_DATA, "dct:title"), "a category of the notice"),
    Field("special_pii_category", "6.3.5.5", False, "dpv:hasPersonalData", (*_DATA, "@type"), "GDPR Art. 9"),
    Field("party_id", "6.3.6.1", True, "dct:identifier", (*_PARTY, "dct:identifier"), "an id of the organisation"),
    Field(
        "party_address",
        "6.3.6.2",
        True,
        "dpv:hasAddress",
        (*_PARTY, "dpv:hasAddress"),
        "the postal address if it is on file, else the address of whoever answers for the policy",
    ),
    Field("party_name", "6.3.6.6", True, "dpv:hasName", (*_PARTY, "dpv:hasName"), "the organisation's name"),
    Field("party_role", "6.3.6.7", False, "dpv:hasDataController", (*_PARTY, "@type"), "controller"),
    Field("party_contact", "6.3.6.8", True, "dpv:hasContact", (*_PARTY, "dpv:hasContact"), "whom to write to"),
    Field("party_type", "6.3.6.9", True, "@type", (*_PARTY, "@type"), "as a DPV term"),
    Field("event_time", "6.3.7.1", True, "dct:date", (*_EVENT, "dct:date"), "when it happened"),
    Field("validity_duration", "6.3.7.2", True, "dct:valid", (*_EVENT, "dct:valid"), "until when; or until withdrawn"),
    Field("entity_id", "6.3.7.3", True, "dpv:isIndicatedBy", (*_EVENT, "dpv:isIndicatedBy"), "who said it"),
    Field(
        "event_type",
        "6.3.7.4",
        True,
        "dpv:hasLegalBasis",
        (*_EVENT, "dpv:hasLegalBasis"),
        "expressed, or explicitly expressed",
    ),
    Field("event_state", "6.3.7.6", True, "dpv:hasConsentStatus", (*_EVENT, "@type"), "given, refused, withdrawn ..."),
)
RECEIPT_FIELDS = (
    Field("schema_version", "6.4", True, "dct:conformsTo", ("dct:conformsTo",), "the profile this receipt follows"),
    Field("receipt_id", "6.4", True, "dct:identifier", ("dct:identifier",), "a UUID of this receipt"),
)


@dataclass(frozen=True, slots=True)
class Party:
    """An organisation: the controller, or somebody who receives data."""

    id: str
    name: str
    address: str
    contact: str
    role: str = "dpv:DataController"
    country: str = ""


@dataclass(frozen=True, slots=True)
class NoticeShown:
    """One notice, and when this customer was shown it; or, where nobody kept that, which one was out."""

    label: str
    digest: str
    language: str
    at: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened to the consent, with the ledger entry that vouches for it."""

    state: str
    at: str
    valid: str
    by: str
    method: str
    explicit: bool
    entry: int
    entry_sha256: str
    evidence: str = ""
    form: str = ""
    wording_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Covered:
    """What the consent is about, in the words of the notice."""

    purpose: str
    says: str
    channel: str
    categories: Sequence[tuple[str, bool]]  # (category, special)
    marketing: bool
    bases: Sequence[LawfulBasis]
    recipients: Sequence[Party]
    keep: str
    stored_in: str
    laws: Sequence[str]
    withdraw: str


def consent_record(
    record_id: str,
    subject: str,
    origin: str,
    controller: Party,
    covered: Covered,
    notices: Iterable[NoticeShown],
    happened: Iterable[Happened],
) -> dict[str, Any]:
    """The record, as a JSON-LD object.

    Raises:
        BadInput: a mandatory field would be empty; nothing is made up.
    """
    record = {
        "@id": f"urn:uuid:{record_id}",
        "@type": "dpv:ConsentRecord",
        "dct:conformsTo": RECORD_PROFILE,
        "dct:identifier": record_id,
        "dpv:hasDataSubject": {"@type": "dpv:DataSubject", "dct:identifier": subject},
        "dpv:hasNotice": [_notice(one) for one in notices],
        "dpv:hasProcess": [_process(covered, controller)],
        "dpv:hasConsentStatus": [_event(one, origin) for one in happened],
    }
    empty = [field.name for field in missing(record)]
    if empty:
        raise BadInput(
            f"the consent record would have no {', '.join(empty)}",
            remedy="Say it in the policy or with `rightful consent controller`",
        )
    return record


def consent_receipt(record: Mapping[str, Any], receipt_id: str, issued_at: str) -> dict[str, Any]:
    """The receipt: an authoritative copy of the whole record (TS 27560, 6.4)."""
    return {
        "@context": dict(CONTEXT),
        "@id": f"urn:uuid:{receipt_id}",
        "@type": "dpv:ConsentReceipt",
        "dct:conformsTo": RECEIPT_PROFILE,
        "dct:identifier": receipt_id,
        "dct:issued": issued_at,
        "rf:schemaVersion": SCHEMA_VERSION,
        "dct:hasPart": dict(record),
    }


def missing(record: Mapping[str, Any]) -> list[Field]:
    """Mandatory fields that are not there, or empty."""
    return [field for field in FIELDS if field.required and not _is_there(record, field.path)]


def event_state(kind: EventKind, *, earlier: Iterable[str], proven: bool, invalid: bool) -> str:
    """What an event is in the words of DPV; a yes after a yes renews it, an unproven one is unknown."""
    if kind is not EventKind.GIVEN:
        return STATES[kind]
    if invalid:
        return INVALID
    if not proven:
        return UNPROVEN
    standing = [state for state in earlier if state not in (UNPROVEN, INVALID, ASKED)]
    return RENEWED if standing and standing[-1] in (STATES[EventKind.GIVEN], RENEWED) else STATES[EventKind.GIVEN]


def _is_there(node: Any, path: tuple[str, ...]) -> bool:
    if not path:
        return node not in ("", None) and node != {}
    step, rest = path[0], path[1:]
    if step == "*":
        return isinstance(node, list) and bool(node) and all(_is_there(one, rest) for one in node)
    return isinstance(node, Mapping) and step in node and _is_there(node[step], rest)


def _notice(one: NoticeShown) -> dict[str, Any]:
    return {
        "@id": f"urn:sha256:{one.digest}" if one.digest else f"urn:rightful:notice:{one.label}",
        "@type": "dpv:ConsentNotice",
        "dct:identifier": one.label,
        "dct:language": one.language,
        "dct:date": one.at,
        **({"rf:sha256": one.digest} if one.digest else {}),
        **({} if one.shown else {"rf:shown": False}),
    }


def _process(covered: Covered, controller: Party) -> dict[str, Any]:
    # One purpose may rest on several grounds where several laws apply; a basis without a GDPR article is named.
    bases = [BASES.get(basis, f"rf:{basis.value}") for basis in covered.bases]
    return {
        "@type": "dpv:Process",
        "dpv:hasPurpose": {
            "@id": f"urn:rightful:purpose:{covered.purpose}",
            "@type": ["dpv:DirectMarketing" if covered.marketing else "dpv:Purpose"],
            "dct:identifier": covered.purpose,
            "dct:description": covered.says,
            **({"rf:channel": covered.channel} if covered.channel else {}),
        },
        "dpv:hasLegalBasis": bases,
        "dpv:hasPersonalData": [
            {
                "@type": "dpv:SpecialCategoryPersonalData" if special else "dpv:PersonalData",
                "dct:title": category,
            }
            for category, special in covered.categories
        ],
        "dpv:hasDataController": [_party(controller)],
        "dpv:hasDataSource": {"@type": "dpv:DataSubjectDataSource", "dct:title": "the customer and their account"},
        "dpv:hasProcessing": [{"@type": "dpv:Use"}, {"@type": "dpv:Store"}],
        "dpv:hasStorageCondition": {
            "@type": "dpv:StorageCondition",
            "dpv:hasLocation": covered.stored_in,
            "dpv:hasDuration": covered.keep,
        },
        "dpv:hasJurisdiction": [{"@type": "dpv:Jurisdiction", "dct:title": law} for law in covered.laws],
        "dpv:hasRecipient": [_party(one) for one in covered.recipients],
        "dpv:hasConsentControl": {"@type": "dpv:WithdrawConsent", "dct:description": covered.withdraw},
        "dpv:hasRight": list(RIGHTS),
    }


def _party(one: Party) -> dict[str, Any]:
    found = {
        "@type": one.role,
        "dct:identifier": one.id,
        "dpv:hasName": one.name,
        "dpv:hasAddress": one.address,
        "dpv:hasContact": one.contact,
    }
    return found | ({"dpv:hasCountry": one.country} if one.country else {})


def _event(one: Happened, origin: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        "@type": one.state,
        "dct:date": one.at,
        "dct:valid": one.valid,
        "dpv:isIndicatedBy": one.by,
        "dpv:hasIndicationMethod": one.method,
        "dpv:hasLegalBasis": "dpv:ExplicitlyExpressedConsent" if one.explicit else "dpv:ExpressedConsent",
        "rf:ledger": origin,
        "rf:entry": one.entry,
        "rf:entrySha256": one.entry_sha256,
    }
    more = {"rf:evidence": one.evidence, "rf:form": one.form, "rf:wordingSha256": one.wording_sha256}
    return found | {name: value for name, value in more.items() if value}
