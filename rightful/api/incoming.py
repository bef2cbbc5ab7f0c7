"""Messages of other systems: `POST /api/hooks/<source>`, signed as standardwebhooks.com says.

The signature is checked over the bytes as they came, before anything in them is read.
No token and no cookie: the key of the source is what opens this door.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from pydantic import AwareDatetime, Field, ValidationError

from rightful.actions.take_webhook import KINDS, Said, authentic, take
from rightful.api import problems
from rightful.api.shapes import MaybeName, Name, Strict, instant
from rightful.errors import BadInput, RightfulError, SignatureRefused, TooOften
from rightful.terms import Method
from rightful.web.limits import within
from rightful.web.opened import workspace
from rightful.webhooks.rules import LARGEST_BODY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Data(Strict):
    """What the customer did. `at` is when; without it the message's own time."""

    customer: Name
    purpose: MaybeName = ""
    channel: MaybeName = ""
    notice: MaybeName = ""
    method: Method = Method.API
    evidence: Annotated[str, Field(max_length=500)] = ""
    at: AwareDatetime | None = None


class Message(Strict):
    """The body: Standard Webhooks' three members."""

    type: Literal[tuple(KINDS)]  # type: ignore[valid-type]
    timestamp: AwareDatetime
    data: Data


@csrf_exempt
@require_POST
def receive(request: HttpRequest, source: str) -> HttpResponse:
    """Take one message; 200 and the receipt, also for a message that was taken before."""
    try:
        return JsonResponse(_taken(request, source))
    except SignatureRefused as error:
        if not within(request, "api_stranger"):
            return problems.answer(TooOften("too many messages that nobody signed"))
        return problems.answer(error)
    except RightfulError as error:
        return problems.answer(error)


def _taken(request: HttpRequest, source: str) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > LARGEST_BODY:
        raise BadInput("the message is larger than 64 kB")
    body = request.body
    headers = {name.lower(): value for name, value in request.headers.items()}
    message_id = authentic(workspace(), source, headers, body)
    try:
        message = Message.model_validate(json.loads(body))
    except (ValidationError, ValueError, RecursionError):
        raise BadInput("the message is not of the documented form", remedy="See how-to/use-webhooks") from None
    data = message.data
    done = take(
        workspace(),
        source,
        message_id,
        Said(
            kind=KINDS[message.type],
            customer=data.customer,
            purpose=data.purpose,
            channel=data.channel,
            notice=data.notice,
            method=data.method,
            evidence=data.evidence,
            at_us=_us(data.at or message.timestamp),
        ),
    )
    return {"entry": done.index, "at": instant(_us(done.at))}


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)
