"""Faults as pages: plain words, a number to quote, nothing about our insides.

Source: OWASP ASVS 5.0 V16.4.1 (one line per record), V16.5.1.
"""

from __future__ import annotations

import json
import logging
import secrets
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from rightful.errors import BadInput, LedgerUnavailable, NotFound, Refused, RightfulError, SourceUnavailable

API = "/api/"
PROBLEM = "application/problem+json"
log = logging.getLogger("rightful.web")


class OneLine(logging.Formatter):
    """JSON, one record a line: a line break in a value cannot forge a second record."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "from": record.name,
            "says": record.getMessage(),
        }
        if record.exc_info:
            entry["trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=True)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 400, _("We could not read that"), _("Go back and try again."))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 403, _("This page is not for you"), str(exception or ""))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """The same page whether it never was, or is somebody else's."""
    return _page(request, 404, _("There is nothing here"), _("The address may be wrong, or the page has moved."))


def server_error(request: HttpRequest) -> HttpResponse:
    number = secrets.token_hex(4)
    log.error("fault %s: method=%s path=%s", number, request.method, request.path)
    return _page(
        request,
        500,
        _("Something broke on our side"),
        _("Nothing you asked for was changed unless we said so. Try again in a minute."),
        number=number,
    )


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, 429, _("That was too often"), _("Wait a minute, then try again."))


def no_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that did not come from our own page, or from one that was open for too long."""
    return _page(request, 403, _("This form is too old"), _("Open the page again and repeat it. Nothing was changed."))


def refusal(request: HttpRequest, error: RightfulError) -> HttpResponse:
    """A refusal of ours, with its code."""
    if isinstance(error, NotFound):
        return not_found(request, error)
    log.warning("refused: code=%s path=%s", error.code, request.path)
    if isinstance(error, LedgerUnavailable | SourceUnavailable):
        return _page(
            request, 503, _("We cannot answer right now"), _("Nothing was changed. Try again in a few minutes.")
        )
    if isinstance(error, Refused):
        # The remedy speaks to staff; a customer can do nothing with the name of a command.
        of_staff = getattr(request.user, "kind", "") == "staff"
        return _page(request, 403, _("The answer is no"), str(error) if of_staff else error.sentence)
    if isinstance(error, BadInput):
        return _page(request, 400, _("We could not read that"), _("Go back and try again. Nothing was changed."))
    return server_error(request)


def problem(status: int, title: str, says: str, *, number: str = "") -> dict[str, Any]:
    """A problem document for a fault that is no error of ours."""
    document: dict[str, Any] = {"type": "about:blank", "title": title, "status": status, "detail": says or title}
    return document | {"instance": f"urn:rightful:fault:{number}"} if number else document


def _page(request: HttpRequest, status: int, title: str, says: str, *, number: str = "") -> HttpResponse:
    if request.path.startswith(API):  # programs read problem documents (RFC 9457), whoever failed
        return JsonResponse(problem(status, title, says, number=number), status=status, content_type=PROBLEM)
    return render(request, "fault.html", {"title": title, "says": says, "number": number}, status=status)
