"""One customer, for a stated purpose: their data, uses and choices. Every look is recorded, and they see it.

A customer's key or address never stands in a URL: `subjects:find` takes it in the body
and gives the reference to use from then on.

Sources: GDPR Art. 5(1)(b), 32(4); OWASP ASVS 5.0 V14.2.1.
"""

from typing import Any

from django.http import HttpRequest
from ninja import Router
from pydantic import model_validator

from rightful.actions.find_customer import find_customer, key_of
from rightful.actions.use_data import request_for
from rightful.actions.view_customer import look_at_consents, look_at_customer, look_at_disclosures, look_at_uses
from rightful.api.caller import Scope, caller
from rightful.api.shapes import Given, Instant, MaybeName, PageQuery, PurposeHeader, Reference, Strict
from rightful.api.uses import DecisionGiven, _plain
from rightful.web.opened import workspace

router = Router(tags=["One customer"])
reads = Scope("subjects:read")


class Find(Strict):
    """Who is meant: the key in the CRM, or the e-mail address; one of them."""

    customer: MaybeName = ""
    email: MaybeName = ""

    @model_validator(mode="after")
    def one_of_them(self) -> "Find":
        if bool(self.customer) == bool(self.email):
            raise ValueError("name the customer by key or by address")
        return self


class Found(Given):
    subject: Reference


class SubjectData(Given):
    """The fields this purpose may see, table by table."""

    subject: Reference
    tables: dict[str, list[dict[str, Any]]]
    decision: DecisionGiven


class Seen(Given):
    entry: int
    at: Instant
    what: str
    purpose: str
    role: str
    recipient: str | None
    outcome: str
    fields: list[str]


class Uses(Given):
    """Newest first. `next` is the cursor of the next page, null at the end."""

    items: list[Seen]
    next: int | None


class Choice(Given):
    """Where one purpose stands on one channel: `state` is on, off, not-asked or always."""

    purpose: str
    channel: str | None
    state: str
    since: Instant | None
    until: Instant | None
    why: str


class ConsentEvent(Given):
    at: Instant
    kind: str
    purpose: str | None
    channel: str | None
    notice: str | None
    method: str
    evidence: str | None


class Choices(Given):
    subject: Reference
    choices: list[Choice]
    events: list[ConsentEvent]
    entry: int | None


class Disclosed(Given):
    """`state` is held, telling, told, unconfirmed, confirmed or recalled."""

    entry: int
    at: Instant
    recipient: str
    kind: str
    country: str | None
    safeguard: str | None
    purpose: str
    fields: list[str]
    state: str
    told: Instant | None
    confirmed: Instant | None


class Disclosures(Given):
    items: list[Disclosed]


@router.post("/subjects:find", auth=reads, response=Found)
def find_subject(request: HttpRequest, who: Find, purpose: PurposeHeader) -> dict[str, object]:
    """The reference of a customer. To a purpose that may not touch them, they are not there."""
    found = find_customer(workspace(), caller(request).actor, purpose, key=who.customer, email=who.email)
    return {"subject": found}


@router.get("/subjects/{subject}/data", auth=reads, response=SubjectData)
def subject_data(request: HttpRequest, subject: Reference, purpose: PurposeHeader) -> dict[str, object]:
    """The fields of this customer that the purpose permits."""
    file = look_at_customer(workspace(), caller(request).actor, purpose, _key(request, purpose, subject))
    tables = {
        name: [{field: _plain(value) for field, value in row.items()} for row in rows]
        for name, rows in file.tables.items()
    }
    return {"subject": subject, "tables": tables, "decision": file.decision.as_dict()}


@router.get("/subjects/{subject}/uses", auth=reads, response=Uses)
def subject_uses(
    request: HttpRequest, subject: Reference, purpose: PurposeHeader, page: PageQuery
) -> dict[str, object]:
    """Each time this customer's data was used, counted or refused, as the customer sees it."""
    key = _key(request, purpose, subject)
    found = look_at_uses(
        workspace(), caller(request).actor, purpose, key, limit=page.limit + 1, before=page.cursor or None
    )
    shown = found[: page.limit]
    items = [
        {
            "entry": one.index,
            "at": one.at.isoformat(),
            "what": one.what,
            "purpose": one.purpose,
            "role": one.role,
            "recipient": one.recipient,
            "outcome": one.outcome,
            "fields": [str(name) for name in one.fields],
        }
        for one in shown
    ]
    return {"items": items, "next": shown[-1].index if len(found) > page.limit else None}


@router.get("/subjects/{subject}/consents", auth=reads, response=Choices)
def subject_consents(request: HttpRequest, subject: Reference, purpose: PurposeHeader) -> dict[str, object]:
    """Where this customer stands on every purpose, and the events behind it, newest first."""
    file = look_at_consents(workspace(), caller(request).actor, purpose, _key(request, purpose, subject))
    return {
        "subject": subject,
        "choices": [
            {
                "purpose": p.id,
                "channel": c.channel or None,
                "state": c.state,
                "since": c.since.isoformat() if c.since else None,
                "until": c.until.isoformat() if c.until else None,
                "why": str(c.why),
            }
            for p in file.overview.purposes
            for c in p.channels
        ],
        "events": [
            {
                "at": e.at.isoformat(),
                "kind": e.kind,
                "purpose": e.purpose or None,
                "channel": e.channel or None,
                "notice": e.notice or None,
                "method": e.method,
                "evidence": e.evidence or None,
            }
            for e in file.events
        ],
        "entry": file.decision.entry,
    }


@router.get("/subjects/{subject}/disclosures", auth=reads, response=Disclosures)
def subject_disclosures(request: HttpRequest, subject: Reference, purpose: PurposeHeader) -> dict[str, object]:
    """Who received data of this customer, newest first, and whether they confirmed what they were told since."""
    found = look_at_disclosures(workspace(), caller(request).actor, purpose, _key(request, purpose, subject))
    return {
        "items": [
            {
                "entry": d.index,
                "at": d.at.isoformat(),
                "recipient": d.recipient,
                "kind": d.kind,
                "country": d.country or None,
                "safeguard": d.safeguard or None,
                "purpose": d.purpose,
                "fields": list(d.fields),
                "state": d.state,
                "told": d.told_at.isoformat() if d.told_at else None,
                "confirmed": d.confirmed_at.isoformat() if d.confirmed_at else None,
            }
            for d in found
        ]
    }


def _key(request: HttpRequest, purpose: str, subject: str) -> str:
    """The customer's key, once it is clear what for: a missing purpose is refused, and recorded, first."""
    request_for(workspace(), caller(request).actor, purpose)
    return key_of(workspace(), subject)
