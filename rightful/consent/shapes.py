"""Exports of other systems, row by row, as consent events: Mailchimp, HubSpot, Salesforce.

Which list means which purpose and channel, the user says; nothing is guessed. A row
becomes an event or a reason why not. A yes with the system's own proof keeps a
reference to it; a bare status is a claim without evidence and permits nothing. A no
always becomes an event, also without a time: then it counts from the import on.

Easy to get wrong: Mailchimp fills CONFIRM_TIME for addresses that somebody imported;
only together with OPTIN_TIME and both IP columns did a person sign up and confirm. The
IP addresses themselves are left behind: the reference (LEID, EUID) leads to them.

Sources: Mailchimp audience export (subscribed_, unsubscribed_ and cleaned_members_export:
Email Address, OPTIN_TIME, OPTIN_IP, CONFIRM_TIME, CONFIRM_IP, LAST_CHANGED, LEID, EUID,
UNSUB_TIME, CLEAN_TIME); HubSpot communication preferences API 2026-03 (subscriberIdString,
subscriptionName, channel, status, source, timestamp, legalBasis, legalBasisExplanation)
and contact properties hs_email_optout, hs_email_optout_<id>; Salesforce object reference,
ContactPointTypeConsent and ContactPointConsent; GDPR Art. 7(1); AC-057.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from rightful.errors import BadInput, FileRejected
from rightful.terms import ALL_CHANNELS, DIRECT_MARKETING, EventKind, Method

Row = Mapping[str, str]
AUDIENCE = "audience"
"""What a Mailchimp file's only list is called: the file does not name it."""
NO_LIST = ""
YES_WORDS = frozenset({"true", "yes", "1"})

UNMAPPED = "its list is not mapped to a purpose"
NO_ADDRESS = "no address in this row"
CLEANED = "cleaned: mails came back, which says nothing about a choice"
NO_TIME = "a yes without a time proves nothing"
NO_CHOICE = "no choice was made"
OTHER_GROUND = "it rests on another ground than consent"


@dataclass(frozen=True, slots=True)
class Target:
    """What a list of the other system stands for here."""

    purpose: str
    channel: str


@dataclass(frozen=True, slots=True)
class Said:
    """One row as an event. `who` is an address or another system's id; `at` is "" where no time is known."""

    line: int
    who: str
    kind: EventKind
    purpose: str
    channel: str
    at: str
    until: str = ""
    method: Method = Method.IMPORT
    evidence: str = ""

    def event_id(self, shape: str) -> str:
        """The same row of the same system is the same event, whichever file it comes in."""
        parts = (shape, self.who.lower(), self.kind.value, self.purpose, self.channel, self.at, self.evidence)
        return f"{shape}-{sha256(chr(31).join(parts).encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Read:
    """A file, row by row: events, rejected rows with their reason, and how many noes have no mapping."""

    said: tuple[Said, ...]
    rejected: tuple[tuple[int, str], ...]
    unmapped_noes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Lists:
    """What a file holds before anybody mapped anything: list -> (yes, no)."""

    kind: str
    lists: Mapping[str, tuple[int, int]]


Outcome = Said | str
Reader = Callable[[int, Row, Mapping[str, Target]], Iterable[tuple[str, bool, Outcome]]]
"""Line, row, mapping -> (list, whether it is a no, event or reason)."""


def read(shape: str, header: Iterable[str], rows: Iterable[Row], mapping: Mapping[str, Target]) -> Read:
    """Turn rows into events.

    Raises:
        FileRejected: the header is not that of an export of this system.
    """
    _, reader = _reader(shape, frozenset(header))
    said: list[Said] = []
    rejected: list[tuple[int, str]] = []
    noes: dict[str, int] = {}
    for line, row in enumerate(rows, 2):  # the header is line 1
        for name, is_no, outcome in reader(line, row, mapping):
            if isinstance(outcome, Said):
                said.append(outcome)
                continue
            rejected.append((line, outcome))
            if is_no and outcome == UNMAPPED:
                noes[name] = noes.get(name, 0) + 1
    return Read(tuple(said), tuple(rejected), noes)


def lists_in(shape: str, header: Iterable[str], rows: Iterable[Row]) -> Lists:
    """Which lists a file has, and how many said yes and no: what a mapping has to name. Raises as `read`."""
    kind, reader = _reader(shape, frozenset(header))
    found: dict[str, list[int]] = {}
    for line, row in enumerate(rows, 2):
        for name, is_no, outcome in reader(line, row, {}):
            if outcome == UNMAPPED:
                found.setdefault(name, [0, 0])[int(is_no)] += 1
    return Lists(kind, {name: (yes, no) for name, (yes, no) in sorted(found.items())})


def _reader(shape: str, header: frozenset[str]) -> tuple[str, Reader]:
    for name, kind, needed, reader in _KNOWN:
        if name == shape and needed <= header:
            return kind, reader
    kinds = [f"{kind} ({', '.join(sorted(needed))})" for name, kind, needed, _ in _KNOWN if name == shape]
    if not kinds:
        raise BadInput(f"there is no shape {shape}", remedy="Name one of: " + ", ".join(SHAPES))
    raise FileRejected(
        f"the columns are not those of an export of {shape}", remedy="Known are: " + "; ".join(dict.fromkeys(kinds))
    )


def _target(name: str, is_no: bool, mapping: Mapping[str, Target], make: Callable[[Target], Outcome]) -> tuple[
    str, bool, Outcome
]:  # fmt: skip
    target = mapping.get(name)
    return name, is_no, UNMAPPED if target is None else make(target)


# --- Mailchimp -----------------------------------------------------------------------------------------


def _subscribed(line: int, row: Row, mapping: Mapping[str, Target]) -> Iterable[tuple[str, bool, Outcome]]:
    who = row.get("Email Address", "").strip()
    if not who:
        yield AUDIENCE, False, NO_ADDRESS
        return
    signed_up = bool(row.get("OPTIN_TIME") and row.get("OPTIN_IP"))
    confirmed = signed_up and bool(row.get("CONFIRM_TIME") and row.get("CONFIRM_IP"))
    at = (row.get("CONFIRM_TIME", "") if confirmed or not signed_up else row.get("OPTIN_TIME", "")) or row.get(
        "LAST_CHANGED", ""
    )
    reference = f"mailchimp:{row.get('LEID', '')}:{row.get('EUID', '')}" if signed_up and row.get("LEID") else ""
    method = Method.DOUBLE_OPT_IN if confirmed else Method.FORM if signed_up else Method.IMPORT

    def make(target: Target) -> Outcome:
        if not at:
            return NO_TIME
        return Said(line, who, EventKind.GIVEN, target.purpose, target.channel, at, method=method, evidence=reference)

    yield _target(AUDIENCE, False, mapping, make)


def _unsubscribed(line: int, row: Row, mapping: Mapping[str, Target]) -> Iterable[tuple[str, bool, Outcome]]:
    who = row.get("Email Address", "").strip()
    if not who:
        yield AUDIENCE, True, NO_ADDRESS
        return
    at = row.get("UNSUB_TIME", "") or row.get("LAST_CHANGED", "")
    reference = f"mailchimp:{row.get('LEID', '')}:{row.get('EUID', '')}"
    yield _target(
        AUDIENCE,
        True,
        mapping,
        lambda t: Said(line, who, EventKind.WITHDRAWN, t.purpose, t.channel, at, evidence=reference),
    )


def _cleaned(_line: int, _row: Row, _mapping: Mapping[str, Target]) -> Iterable[tuple[str, bool, Outcome]]:
    yield AUDIENCE, False, CLEANED


# --- HubSpot -------------------------------------------------------------------------------------------

_HUBSPOT_OPT_OUT = re.compile(r"Opted out of email: (?P<name>.+)|hs_email_optout_(?P<id>[0-9]+)")
_HUBSPOT_ALL = ("Unsubscribed from all email", "hs_email_optout")
_HUBSPOT_EMAIL = ("Email", "email")


def _hubspot_status(line: int, row: Row, mapping: Mapping[str, Target]) -> Iterable[tuple[str, bool, Outcome]]:
    who = row.get("subscriberIdString", "").strip()
    name = row.get("subscriptionName", "").strip() or row.get("subscriptionId", "").strip()
    status, at = row.get("status", "").strip().upper(), row.get("timestamp", "").strip()
    if not who:
        yield name, status == "UNSUBSCRIBED", NO_ADDRESS
    elif status == "UNSUBSCRIBED":
        reference = f"hubspot:{row.get('subscriptionId', '')}:{row.get('source', '')}"
        yield _target(
            name,
            True,
            mapping,
            lambda t: Said(line, who, EventKind.WITHDRAWN, t.purpose, t.channel, at, evidence=reference),
        )
    elif status != "SUBSCRIBED":
        yield name, False, NO_CHOICE
    elif row.get("legalBasis", "").startswith(("LEGITIMATE_INTEREST", "PERFORMANCE_OF_CONTRACT")):
        yield name, False, OTHER_GROUND
    else:
        proven = row.get("legalBasis") == "CONSENT_WITH_NOTICE" and bool(row.get("legalBasisExplanation", "").strip())
        reference = f"hubspot:{row.get('subscriptionId', '')}:{at}" if proven and at else ""

        def make(target: Target) -> Outcome:
            if not at:
                return NO_TIME
            way = Method.FORM if proven else Method.IMPORT
            return Said(line, who, EventKind.GIVEN, target.purpose, target.channel, at, method=way, evidence=reference)

        yield _target(name, False, mapping, make)


def _hubspot_contact(line: int, row: Row, mapping: Mapping[str, Target]) -> Iterable[tuple[str, bool, Outcome]]:
    """A contact export knows opt-outs only: what is not opted out was perhaps never asked."""
    who = next((row[name].strip() for name in _HUBSPOT_EMAIL if row.get(name, "").strip()), "")
    found = False
    for column, value in row.items():
        if value.strip().lower() not in YES_WORDS:
            continue
        if column in _HUBSPOT_ALL:
            found = True
            event = Said(line, who, EventKind.OBJECTED, DIRECT_MARKETING, "", "", evidence="hubspot:opt-out-of-all")
            yield NO_LIST, True, event if who else NO_ADDRESS
        elif (match := _HUBSPOT_OPT_OUT.fullmatch(column)) is not None:
            found = True
            name = (match["name"] or match["id"]).strip()
            if not who:
                yield name, True, NO_ADDRESS
                continue
            yield _target(name, True, mapping, _opted_out(line, who, name))
    if not found:
        yield NO_LIST, False, NO_CHOICE


def _opted_out(line: int, who: str, name: str) -> Callable[[Target], Outcome]:
    return lambda t: Said(
        line, who, EventKind.WITHDRAWN, t.purpose, t.channel, "", evidence=f"hubspot:opt-out:{name}"[:80]
    )


# --- Salesforce ----------------------------------------------------------------------------------------


def _salesforce(line: int, row: Row, mapping: Mapping[str, Target]) -> Iterable[tuple[str, bool, Outcome]]:
    who = (row.get("PartyId", "") or row.get("ContactPointId", "")).strip()
    where = row.get("ContactPointType", "").strip()
    name = row.get("DataUsePurposeId", "").strip() + (f"/{where}" if where else "")
    status = row.get("PrivacyConsentStatus", "").strip()
    at = row.get("CaptureDate", "").strip() or row.get("EffectiveFrom", "").strip()
    if not who:
        yield name, status == "OptOut", NO_ADDRESS
    elif status == "OptOut":
        yield _target(
            name,
            True,
            mapping,
            lambda t: Said(
                line,
                who,
                EventKind.WITHDRAWN,
                t.purpose,
                t.channel or ALL_CHANNELS,
                at,
                evidence=f"salesforce:{row.get('Id', '')}",
            ),
        )
    elif status == "Seen":
        yield _target(
            name,
            False,
            mapping,
            lambda t: Said(line, who, EventKind.DEFERRED, t.purpose, t.channel, at) if at else NO_TIME,
        )
    elif status != "OptIn":
        yield name, False, NO_CHOICE
    else:
        twice = row.get("DoubleConsentCaptureDate", "").strip()
        proven = bool(row.get("CaptureDate", "").strip() and row.get("CaptureSource", "").strip())
        reference = f"salesforce:{row.get('Id', '')}" if proven and row.get("Id") else ""
        method = Method.DOUBLE_OPT_IN if twice and proven else Method.FORM if proven else Method.IMPORT
        until = row.get("EffectiveTo", "").strip()

        def make(target: Target) -> Outcome:
            if not (twice or at):
                return NO_TIME
            return Said(
                line,
                who,
                EventKind.GIVEN,
                target.purpose,
                target.channel,
                twice or at,
                until,
                method,
                reference,
            )

        yield _target(name, False, mapping, make)


_KNOWN: tuple[tuple[str, str, frozenset[str], Reader], ...] = (
    ("mailchimp", "unsubscribed members", frozenset({"Email Address", "UNSUB_TIME"}), _unsubscribed),
    ("mailchimp", "cleaned members", frozenset({"Email Address", "CLEAN_TIME"}), _cleaned),
    ("mailchimp", "subscribed members", frozenset({"Email Address", "OPTIN_TIME", "LEID"}), _subscribed),
    ("hubspot", "subscription statuses", frozenset({"subscriberIdString", "status", "timestamp"}), _hubspot_status),
    ("hubspot", "contacts", frozenset({"Email", "Unsubscribed from all email"}), _hubspot_contact),
    ("hubspot", "contacts", frozenset({"email", "hs_email_optout"}), _hubspot_contact),
    (
        "salesforce",
        "ContactPointTypeConsent",
        frozenset({"Id", "PartyId", "ContactPointType", "PrivacyConsentStatus"}),
        _salesforce,
    ),
    ("salesforce", "ContactPointConsent", frozenset({"Id", "ContactPointId", "PrivacyConsentStatus"}), _salesforce),
)
SHAPES = tuple(dict.fromkeys(name for name, *_ in _KNOWN))
