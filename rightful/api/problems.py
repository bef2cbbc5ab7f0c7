"""The one place where an error becomes an answer: an RFC 9457 problem document.

Easy to get wrong: a validation message that quotes what was sent (it may be an
address), and an unexpected fault that says what it was. The first names places and
kinds only, the second gives a number that stands in the log.

Sources: RFC 9457; OWASP ASVS 5.0 V16.5.1; abuse cases AC-049, AC-050.
"""

import functools
import logging
import secrets
from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from rightful import errors as e
from rightful.web import faults

STATUS: tuple[tuple[type[e.RightfulError], int], ...] = (
    (e.NotSignedIn, 401),
    (e.PurposeMissing, 400),
    (e.TooOften, 429),
    (e.ApprovalMissing, 409),
    (e.LedgerUnavailable, 503),
    (e.ClockUntrusted, 503),
    (e.SignatureRefused, 401),
    (e.TargetRefused, 422),
    (e.UnknownName, 422),
    (e.SqlRefused, 422),
    (e.Refused, 403),
    (e.BadInput, 422),
    (e.NotFound, 404),
    (e.SourceUnavailable, 503),
    (e.QueryFailed, 422),
)
"""The first that fits. What is not here is a fault of ours: 500, with a number instead of words."""
BUSY = "api.idempotency-key-busy"
log = logging.getLogger("rightful.api")


def answer(error: e.RightfulError) -> HttpResponse:
    """The problem document of one of our errors."""
    status = next((number for kind, number in STATUS if isinstance(error, kind)), 500)
    if status == 500:
        return unexpected(error)
    status = 409 if error.code == BUSY else status
    document = {name: value for name, value in error.as_problem().items() if value is not None}
    document["status"] = status
    decision = getattr(error, "decision", None)
    if decision is not None:
        document["decision"] = decision.as_dict()
    if found := getattr(error, "problems", ()):
        document["errors"] = [{"says": str(one)} for one in found]
    response = JsonResponse(document, status=status, content_type=faults.PROBLEM, json_dumps_params={"default": str})
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="rightful"'
    if status in (429, 503):
        response.headers["Retry-After"] = "60"
    return response


def unexpected(error: Exception) -> HttpResponse:
    number = secrets.token_hex(4)
    log.error("fault %s: %s", number, type(error).__name__)  # never its text: it may hold data
    says = "Nothing you asked for was changed unless the ledger says so. Quote the number."
    return _plain(500, "Something broke on our side", says, number)


def install(api: NinjaAPI) -> None:
    """Register the translations with the API."""
    translations: dict[type[Exception], Callable[[Any], HttpResponse]] = {
        e.RightfulError: answer,
        ValidationError: _not_valid,
        Http404: lambda error: _plain(404, "Not found", "There is nothing here."),
        PermissionDenied: lambda error: _plain(403, "Refused", "This is not for you."),
        RequestDataTooBig: lambda error: _plain(413, "The request is too large", "The limit is 256 kB."),
        HttpError: _http,
        Exception: unexpected,
    }
    for kind, translate in translations.items():
        api.add_exception_handler(kind, _without_request(translate))


def instead_of_405(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view whose "method not allowed" is a problem document, too."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **given: Any) -> HttpResponse:
        response = view(request, *args, **given)
        if response.status_code != 405:
            return response
        document = _plain(405, "Method not allowed", "This address takes other methods; Allow names them.")
        document.headers["Allow"] = response.headers["Allow"]
        return document

    return answered


def _without_request(translate: Callable[[Any], HttpResponse]) -> Callable[[HttpRequest, Any], HttpResponse]:
    return lambda _request, error: translate(error)


def _not_valid(error: ValidationError) -> HttpResponse:
    found = [
        {"where": [str(part) for part in one.get("loc", ())], "kind": str(one.get("type"))} for one in error.errors
    ]
    document: dict[str, Any] = {
        "type": "urn:rightful:input.bad",
        "title": "the request is not of the documented form",
        "status": 422,
        "code": "input.bad",
        "remedy": "Compare it with /api/v1/openapi.json; `errors` says where",
        "errors": found,
    }
    return JsonResponse(document, status=422, content_type=faults.PROBLEM)


def _http(error: HttpError) -> HttpResponse:
    words = {400: "The body is not JSON that can be read", 413: "The request is too large"}
    return _plain(error.status_code, words.get(error.status_code, "The request cannot be answered"), "")


def _plain(status: int, title: str, says: str, number: str = "") -> HttpResponse:
    document = faults.problem(status, title, says, number=number)
    return JsonResponse(document, status=status, content_type=faults.PROBLEM)
