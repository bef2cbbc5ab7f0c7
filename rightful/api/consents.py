"""A customer said yes, or no, somewhere else: it is recorded here, with its proof, and counts on the next read.

A no is as easy as a yes: it needs less (GDPR Art. 7(3)). A yes needs the notice that
was shown, a way that is an act of the person, and a reference to the evidence; a box
that was ticked before is refused.

Easy to get wrong: taking what staff send as what the customer did. The method says
how it was said, the evidence where that can be looked up.

Sources: GDPR Art. 4(11), 7; CJEU C-673/17; AC-015, AC-051.
"""

import base64
from collections.abc import Callable
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router
from pydantic import Field, model_validator

from rightful.actions.consent_receipt import receipt_of
from rightful.actions.find_customer import key_of
from rightful.actions.give_consent import give_consent
from rightful.actions.record_choice import Recorded
from rightful.actions.use_data import request_for
from rightful.actions.view_customer import may_look
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.api.caller import Scope, caller
from rightful.api.once import answered_once
from rightful.api.shapes import Given, Instant, MaybeName, Name, OnceHeader, PurposeHeader, Reference, Strict
from rightful.errors import NotFound, UnknownName
from rightful.terms import ALL_CHANNELS, DIRECT_MARKETING, Method
from rightful.web.opened import workspace

router = Router(tags=["Choices"])
writes = Scope("consents:write")
HowSaid = Literal[
    "form", "double-opt-in", "one-click", "agent", "api", "guardian", "sync", "import", "pre-ticked", "signal"
]
assert set(HowSaid.__args__) <= set(Method)  # type: ignore[attr-defined]
Evidence = Annotated[str, Field(min_length=1, max_length=500, description="Where the proof is kept: a record's id.")]


class Person(Strict):
    """Who said it: the reference, or the key in the CRM; one of them."""

    subject: Reference | None = None
    customer: MaybeName = ""

    @model_validator(mode="after")
    def one_of_them(self) -> "Person":
        if (self.subject is None) == (not self.customer):
            raise ValueError("name the customer by reference or by key")
        return self


class Yes(Person):
    """A yes to one purpose on one channel, on a notice that was shown."""

    purpose: Name
    channel: MaybeName = ""
    notice: Annotated[MaybeName, Field(description="Label of the notice that was shown; else the newest.")] = ""
    method: HowSaid
    evidence: Evidence
    language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)] = "en"
    guardian: bool = False


class No(Person):
    """A no to one purpose: on one channel, or on all of them."""

    purpose: Name
    channel: MaybeName = ALL_CHANNELS
    method: HowSaid = "api"


class Objection(Person):
    """An objection: to one purpose, or to all direct marketing."""

    purpose: Name = DIRECT_MARKETING
    method: HowSaid = "api"


class Receipt(Given):
    """What was recorded. `GET /ledger/entries/{entry}/proof` proves it."""

    entry: int
    at: Instant
    effect: str


@router.post("/consents", auth=writes, response={201: Receipt})
def give(request: HttpRequest, said: Yes, idempotency_key: OnceHeader) -> dict[str, object]:
    """Record a yes. Refused (422) if it proves nothing: pre-ticked, or on a notice that does not name the purpose."""

    def work(event_id: str) -> Recorded:
        return give_consent(
            workspace(),
            _key(said),
            said.purpose,
            said.channel,
            notice=said.notice or None,
            method=said.method,
            evidence=said.evidence,
            language=said.language,
            guardian=said.guardian,
            actor=caller(request).actor,
            event_id=event_id,
        )

    return _receipt(request, idempotency_key, work)


@router.post("/consents:withdraw", auth=writes, response={201: Receipt})
def withdraw(request: HttpRequest, said: No, idempotency_key: OnceHeader) -> dict[str, object]:
    """Record a no. It needs no notice and no evidence, and counts on the very next read."""

    def work(event_id: str) -> Recorded:
        return withdraw_consent(
            workspace(),
            _key(said),
            said.purpose,
            said.channel,
            method=said.method,
            actor=caller(request).actor,
            event_id=event_id,
        )

    return _receipt(request, idempotency_key, work)


@router.post("/consents:object", auth=writes, response={201: Receipt})
def object_(request: HttpRequest, said: Objection, idempotency_key: OnceHeader) -> dict[str, object]:
    """Record an objection to a purpose, or to all direct marketing."""

    def work(event_id: str) -> Recorded:
        return object_to(
            workspace(), _key(said), said.purpose, method=said.method, actor=caller(request).actor, event_id=event_id
        )

    return _receipt(request, idempotency_key, work)


class ReceiptAsk(Person):
    """Which choice."""

    purpose: Name
    channel: MaybeName = ""


class Certified(Given):
    """`receipt` is the consent receipt (ISO/IEC TS 27560); `proof` a zip, in base64, that verifies without us."""

    entry: int
    receipt: dict[str, Any]
    proof: str


@router.post("/consents:receipt", auth=Scope("subjects:read"), response=Certified)
def certify(request: HttpRequest, about: ReceiptAsk, purpose: PurposeHeader) -> dict[str, object]:
    """The receipt of a customer's choice; the same again while nothing has changed. Needs a purpose to look."""
    ws, actor = workspace(), caller(request).actor
    request_for(ws, actor, purpose)
    key = _key(about)
    may_look(ws, actor, purpose, key)
    issued = receipt_of(ws, key, about.purpose, about.channel, actor=actor)
    return {
        "entry": issued.entry,
        "receipt": issued.receipt,
        "proof": base64.b64encode(issued.zip).decode("ascii"),
    }


def _receipt(request: HttpRequest, key: str, work: Callable[[str], Recorded]) -> dict[str, object]:
    def written(event_id: str) -> dict[str, object]:
        try:
            done = work(event_id)
        except UnknownName as error:
            if "customer" in error.sentence:
                raise NotFound(error.sentence, remedy=error.what_next) from error
            raise
        return {"entry": done.index, "at": done.at.isoformat(), "effect": done.effect}

    return answered_once(request, key, written)


def _key(said: Person) -> str:
    return key_of(workspace(), said.subject) if said.subject is not None else said.customer
