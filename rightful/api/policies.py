"""Policies and notices by version, each with an ETag; and what a new policy would change.

A published version never changes, so its digest is its ETag: ask with If-None-Match
and get 304 for as long as it is the same.
"""

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from ninja import Query, Router
from pydantic import Field

from rightful.actions.compare_policies import compare_policies
from rightful.api.caller import Scope
from rightful.api.shapes import Given, Instant, Name, Strict, instant
from rightful.errors import NotFound
from rightful.notices.rules import as_document as as_text
from rightful.policy.document import as_document
from rightful.policy.loader import loads
from rightful.policy.models import digest_of_terms
from rightful.web.opened import workspace

router = Router(tags=["Policies and notices"])
reads = Scope("policy:read")
IN_FORCE, NEWEST = "in-force", "newest"


class Version(Given):
    """A published policy, without its text."""

    version: str
    label: str
    published: Instant
    entry: int
    in_force: bool


class Versions(Given):
    items: list[Version]


class PolicyRead(Given):
    """A policy with its whole text, in canonical form."""

    version: str
    label: str
    document: dict[str, Any]


class NoticeLine(Given):
    label: str
    digest: str
    newest: bool


class Notices(Given):
    items: list[NoticeLine]


class NoticeRead(Given):
    """What a notice says, purpose by purpose. `text` is what customers read, in `language`; null for an older
    notice of which only the terms are known."""

    label: str
    digest: str
    terms: dict[str, Any]
    languages: list[str]
    language: str | None
    text: dict[str, Any] | None


class Simulation(Strict):
    """A policy that is not published: its text as YAML."""

    policy: Annotated[str, Field(min_length=1, max_length=200_000)]


class Change(Given):
    kind: str
    sentence: str
    role: str
    purpose: str
    regime: str
    recipient: str
    channel: str
    field: str
    before: str
    after: str


class Reach(Given):
    """Customers one use may touch, under the policy in force and under the new one."""

    purpose: str
    channel: str
    recipient: str
    before: int
    after: int
    gained: int
    lost: int


class Simulated(Given):
    """What the new policy would change; nothing was published."""

    version: str
    replaces: str
    widenings: int
    narrowings: int
    changes: list[Change]
    reach: list[Reach]
    customers: int


@router.get("/policies", auth=reads, response=Versions)
def list_policies(request: HttpRequest) -> dict[str, object]:
    """Every published version, oldest first."""
    history = workspace().shelf.history()
    newest = history[-1].version if history else ""
    return {
        "items": [
            {
                "version": one.version,
                "label": one.label,
                "published": instant(one.published_us),
                "entry": one.entry,
                "in_force": one.version == newest,
            }
            for one in history
        ]
    }


@router.get("/policies/{version}", auth=reads, response={200: PolicyRead, 304: None})
def read_policy(request: HttpRequest, version: str) -> HttpResponse:
    """One version: its digest (eight characters or more of it), or `in-force`."""
    shelf = workspace().shelf
    found = shelf.in_force() if version == IN_FORCE else shelf.version(version)
    if found is None:
        raise NotFound("there is no such policy version", remedy="GET /api/v1/policies lists them")
    body = {"version": found.version, "label": found.label, "document": as_document(found)}
    return with_etag(request, found.version, body)


@router.post("/policies:simulate", auth=Scope("policy:simulate"), response=Simulated)
def simulate_policy(request: HttpRequest, asked: Simulation) -> dict[str, object]:
    """What would change if this policy came into force: answer by answer, and for how many customers.

    Nothing is published and nobody's data is read.
    """
    ws = workspace()
    old = ws.shelf.in_force()
    if old is None:
        raise NotFound("no policy is in force yet", remedy="`rightful policy publish` brings one into force")
    found = compare_policies(ws, old, loads(asked.policy))
    return {
        "version": found.new.version,
        "replaces": found.old.version,
        "widenings": found.widenings,
        "narrowings": found.narrowings,
        "changes": [
            {name: getattr(one, name) for name in Change.model_fields if name != "sentence"}
            | {"sentence": one.sentence}
            for one in found.changes
        ],
        "reach": [{name: getattr(one, name) for name in Reach.model_fields} for one in found.reach],
        "customers": found.customers,
    }


@router.get("/notices", auth=reads, response=Notices)
def list_notices(request: HttpRequest) -> dict[str, object]:
    """Every notice ever published, oldest first."""
    shelf = workspace().shelf
    newest = shelf.newest_notice()
    return {
        "items": [
            {"label": label, "digest": digest_of_terms(terms), "newest": label == newest}
            for label, terms in shelf.notices().items()
        ]
    }


@router.get("/notices/{label}", auth=reads, response={200: NoticeRead, 304: None})
def read_notice(
    request: HttpRequest, label: Name, language: Annotated[str, Query(max_length=35, pattern=r"^[A-Za-z0-9-]*$")] = ""
) -> HttpResponse:
    """One notice by its label, or `newest`, in a language it was published in. It never changes under its label."""
    ws = workspace()
    wanted = ws.shelf.newest_notice() if label == NEWEST else label
    terms = ws.shelf.notices().get(wanted)
    if terms is None:
        raise NotFound("there is no such notice", remedy="GET /api/v1/notices lists them")
    version = ws.notices.find(wanted)
    text = None if version is None else ws.notices.text(version.label, language)
    digest = digest_of_terms(terms) if version is None else version.digest
    body = {
        "label": wanted,
        "digest": digest,
        "terms": terms,
        "languages": [] if version is None else list(version.languages),
        "language": None if text is None else text.language,
        "text": None if text is None else as_text(text),
    }
    return with_etag(request, f"{digest}-{body['language'] or ''}", body)


def with_etag(request: HttpRequest, digest: str, body: dict[str, Any]) -> HttpResponse:
    """The body, or 304 if the caller has it already (RFC 9110, 13.1.2)."""
    etag = f'"{digest}"'
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    response: HttpResponse = HttpResponse(status=304) if {etag, "*"} & known else JsonResponse(body)
    if response.status_code == 304:
        del response.headers["Content-Type"]
    response.headers["ETag"] = etag
    response.may_be_revalidated = True  # type: ignore[attr-defined]
    return response
