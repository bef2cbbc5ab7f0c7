"""What there is: datasets with the kind of data in each field, purposes, recipients. Nobody's data."""

from django.http import HttpRequest
from ninja import Router

from rightful.api.caller import Scope
from rightful.api.shapes import Given, Instant, instant
from rightful.errors import NotFound
from rightful.policy import model
from rightful.policy.periods import words
from rightful.web.opened import workspace

router = Router(tags=["What there is"])
reads = Scope("policy:read")


class Column(Given):
    """A field. `category` is null where nobody has said what kind of data it is: then it is refused to everybody."""

    name: str
    type: str
    category: str | None


class Dataset(Given):
    """A governed table."""

    name: str
    customers: bool
    rows: int
    fields: list[Column]


class Purpose(Given):
    """One reason to use data. `says` is what customers read."""

    id: str
    says: str
    parent: str | None
    basis: dict[str, str]
    channels: list[str]
    recipients: list[str]
    fields: list[str]
    keep: str | None
    only_counts: bool
    at_least: int | None
    direct_marketing: bool


class Recipient(Given):
    """Somebody outside who may receive data, and the agreement it stands on."""

    id: str
    kind: str
    agreement: str
    since: Instant | None
    until: Instant | None
    country: str | None
    safeguard: str | None
    in_force: bool


class Datasets(Given):
    items: list[Dataset]


class Purposes(Given):
    items: list[Purpose]


class Recipients(Given):
    items: list[Recipient]


@router.get("/datasets", auth=reads, response=Datasets)
def list_datasets(request: HttpRequest) -> dict[str, object]:
    """Tables with their fields, and what kind of data each field is."""
    facts = workspace().facts
    facts.look_again()
    known = facts.bound.category_of
    return {
        "items": [
            {
                "name": table.name,
                "customers": table.customer_table,
                "rows": table.rows,
                "fields": [
                    {"name": c.name, "type": c.type, "category": known.get(f"{table.name}.{c.name}")}
                    for c in table.columns
                ],
            }
            for table in facts.tables
        ]
    }


@router.get("/purposes", auth=reads, response=Purposes)
def list_purposes(request: HttpRequest) -> dict[str, object]:
    """Purposes of the policy in force."""
    return {"items": [_purpose(one) for one in workspace().facts.policy.purposes.values() if not one.abstract]}


@router.get("/purposes/{purpose}", auth=reads, response=Purpose)
def read_purpose(request: HttpRequest, purpose: str) -> dict[str, object]:
    """One purpose of the policy in force."""
    found = workspace().facts.policy.purposes.get(purpose)
    if found is None or found.abstract:
        raise NotFound("there is no such purpose", remedy="GET /api/v1/purposes lists them")
    return _purpose(found)


@router.get("/recipients", auth=reads, response=Recipients)
def list_recipients(request: HttpRequest) -> dict[str, object]:
    """Recipients the policy names, and whether their agreement is in force now."""
    now = workspace().clock()
    return {
        "items": [
            {
                "id": r.id,
                "kind": r.kind.value,
                "agreement": r.agreement,
                "since": None if r.since_us is None else instant(r.since_us),
                "until": None if r.until_us is None else instant(r.until_us),
                "country": r.country or None,
                "safeguard": r.safeguard or None,
                "in_force": (r.since_us is None or r.since_us <= now) and (r.until_us is None or now < r.until_us),
            }
            for r in workspace().facts.policy.recipients.values()
        ]
    }


def _purpose(p: model.Purpose) -> dict[str, object]:
    return {
        "id": p.id,
        "says": p.says,
        "parent": p.parent,
        "basis": {regime: basis.kind.value for regime, basis in p.basis.items()},
        "channels": list(p.channels),
        "recipients": list(p.recipients),
        "fields": list(workspace().facts.bound.fields_of(p.id)),
        "keep": words(p.keep) if p.keep else None,
        "only_counts": p.aggregates_only,
        "at_least": p.at_least,
        "direct_marketing": p.direct_marketing,
    }
