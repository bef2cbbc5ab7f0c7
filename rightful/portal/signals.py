"""The browser says it for the customer: Global Privacy Control, read on the server.

Every request is looked at. On a customer's own pages the signal is bound to the
customer, once; on a page that a sealed link opened, to whom the link stands for (see
preference_form.py). For a stranger nothing is stored: the signal is followed for as
long as the browser sends it, and pages say so.

Easy to get wrong: writing an event for every request; failing the page when it cannot
be written (the next request says it again).

Sources: W3C Global Privacy Control 3.3, 4; CCPA 1798.135(b), (e); 11 CCR 7025(b), (c).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from rightful.actions.opt_out import note_signal
from rightful.errors import RightfulError
from rightful.web.doors import CUSTOMER
from rightful.web.opened import workspace

NOTED = "gpc_noted"
log = logging.getLogger("rightful.portal")


class SignalMiddleware:
    """Puts `request.gpc` there, and binds the signal to a customer who is signed in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.gpc = request.headers.get("Sec-GPC", "").strip() == "1"
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> None:
        """After the doors have let the request pass."""
        if not request.gpc or getattr(view, "who", None) is None or view.who.kind != "customer":
            return
        if not request.session.get(NOTED) and bind(request.session[CUSTOMER]):
            request.session[NOTED] = True


def bind(key: str) -> bool:
    """Note the signal for this customer. False: it could not be written, so it is not done."""
    try:
        note_signal(workspace(), key)
    except RightfulError as error:
        log.warning("signal not noted: code=%s", error.code)
        return False
    return True


@require_safe
def gpc_json(request: HttpRequest) -> HttpResponse:
    """That this site follows the signal, and since which version of its rules (GPC specification, section 4)."""
    history = workspace().shelf.history()
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=history[-1].published_us if history else 0)
    return JsonResponse({"gpc": True, "lastUpdate": since.date().isoformat()})
