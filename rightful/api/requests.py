"""Customers' requests, taken in from another system, and where they stand. Names and messages are not given here.

A request begins only once it is sure who asks; another system cannot vouch for that
here. Law and date depend on where the customer lives, so an answer is for staff's
systems, not to be shown to whoever wrote the address.

Sources: GDPR Art. 12; 11 CCR 7020; AC-016, AC-020.
"""

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field, model_validator

from rightful.actions.answer_request import take_in
from rightful.actions.find_customer import key_of
from rightful.actions.see_requests import listed
from rightful.actions.take_step import case_of
from rightful.api.caller import Scope, caller
from rightful.api.once import answered_once
from rightful.api.shapes import Given, Instant, MaybeName, OnceHeader, PageAsk, Reference, Strict, instant
from rightful.rights.models import Filter
from rightful.rights.rules import Case, Kind, State
from rightful.web.opened import workspace

router = Router(tags=["Requests"])
manages = Scope("requests:manage")
KindName = Annotated[str, Field(max_length=40, json_schema_extra={"enum": [kind.value for kind in Kind]})]
StateName = Annotated[
    str, Field(max_length=40, json_schema_extra={"enum": ["open", "closed", *(state.value for state in State)]})
]


class Correction(Strict):
    """One detail to put right. `row` names it by its own values where a customer has several rows."""

    field: Annotated[str, Field(min_length=3, max_length=200, description="table.column")]
    value: Annotated[str, Field(min_length=1, max_length=500, description="How it should be; sealed.")]
    row: Annotated[dict[str, str], Field(max_length=5, default_factory=dict)]


class Open(Strict):
    """Who asks (by reference, key, or the address they wrote from), and for what."""

    kind: KindName
    subject: Reference | None = None
    customer: MaybeName = ""
    contact: Annotated[str, Field(max_length=254)] = ""
    purpose: Annotated[MaybeName, Field(description="The purpose an objection is about.")] = ""
    on_behalf: Literal["", "child", "other"] = ""
    text: Annotated[str, Field(max_length=8000, description="What they wrote; sealed.")] = ""
    language: Literal["en", "de", "fr", "es", "ar"] = "en"
    corrections: Annotated[
        list[Correction], Field(max_length=50, default_factory=list, description="For rectification.")
    ]

    @model_validator(mode="after")
    def one_of_them(self) -> "Open":
        if sum(map(bool, (self.subject, self.customer, self.contact))) != 1:
            raise ValueError("name the customer by reference, by key or by the address they wrote from")
        return self


class RequestGiven(Given):
    """Where a request stands. `reasoning` says how the date was counted; `aim_at` is the earliest of any reading."""

    request: str
    kind: str
    state: str
    received: Instant
    due: str | None
    aim_at: str | None
    reasoning: str
    law: str
    source: str
    extended: bool
    paused: bool


class Opened(RequestGiven):
    """`merged`: the same was open already, and its date stays."""

    merged: bool


class Requests(Given):
    """The most pressing first. `next` is the cursor of the next page, null at the end."""

    items: list[RequestGiven]
    next: int | None


class RequestsAsk(PageAsk):
    state: StateName = "open"
    kind: KindName | None = None


RequestsQuery = Annotated[RequestsAsk, Query(...)]


@router.post("/requests", auth=manages, response={201: Opened})
def open_request(request: HttpRequest, asked: Open, idempotency_key: OnceHeader) -> dict[str, object]:
    """Take a request in; one open request per customer and kind. The date counts from its first receipt."""
    ws, who = workspace(), caller(request)

    def work(_event_id: str) -> dict[str, object]:
        done = take_in(
            ws,
            asked.kind,
            key=key_of(ws, asked.subject) if asked.subject is not None else asked.customer,
            contact=asked.contact,
            source="api",
            sender=who.token,
            on_behalf=asked.on_behalf,
            text=asked.text,
            scope={"purpose": asked.purpose} if asked.purpose else {},
            language=asked.language,
            actor=who.actor,
            corrections=[one.model_dump() for one in asked.corrections],
        )
        return _given(done.case) | {"merged": done.merged}

    return answered_once(request, idempotency_key, work)


@router.get("/requests", auth=manages, response=Requests)
def list_requests(request: HttpRequest, page: RequestsQuery) -> dict[str, object]:
    """Requests and their dates. `state` is open, closed, or one state."""
    wanted = Filter(states=(page.state,), kinds=(page.kind,) if page.kind else ())
    found = listed(workspace(), wanted, limit=page.limit + 1, offset=page.cursor)
    shown = [_given(line.case) for line in found[: page.limit]]
    return {"items": shown, "next": page.cursor + page.limit if len(found) > page.limit else None}


@router.get("/requests/{ref}", auth=manages, response=RequestGiven)
def read_request(request: HttpRequest, ref: Annotated[str, Field(max_length=40)]) -> dict[str, object]:
    """One request by its reference."""
    return _given(case_of(workspace(), ref))


def _given(case: Case) -> dict[str, Any]:
    return {
        "request": case.ref,
        "kind": case.kind.value,
        "state": case.state.value,
        "received": instant(case.received_us),
        "due": case.due_on or None,
        "aim_at": case.safe_on or None,
        "reasoning": case.reasoning,
        "law": case.law,
        "source": case.source,
        "extended": case.extended,
        "paused": case.paused,
    }
