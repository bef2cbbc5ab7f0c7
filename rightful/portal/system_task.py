"""A request has to be carried out in my system: what do I have to do, and for whom?

The link came by mail to whoever looks after a system of the organisation. Opening it shows
what has to be done and names nobody; who it is about is shown after a press, which is on
record. When it is confirmed the link opens nothing.

Easy to get wrong: a scanner that follows the link in a mail must neither see a customer nor
confirm anything, so both are a POST with the form's token.

Sources: GDPR Art. 5(1)(c), 12(3), 28(3)(e); AC-050; OWASP ASVS 5.0 V14.2.1.
"""

from __future__ import annotations

from allauth.core import ratelimit
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from rightful.actions.ask_systems import behind, who_it_is
from rightful.actions.confirm_system_task import LONGEST_NOTE, confirm_by_link
from rightful.actions.request_words import KINDS
from rightful.errors import BadInput, NotFound
from rightful.web import faults
from rightful.web.opened import workspace

PAGE = "portal/system_task.html"


@require_http_methods(["GET", "HEAD", "POST"])
def task(request: HttpRequest, token: str) -> HttpResponse:
    """What has to be done; after a press for whom; and whether it was done."""
    if not ratelimit.consume(request, action="system_task"):
        return faults.too_many(request)
    ws, press = workspace(), request.POST.get("press", "")
    words: dict[str, object] = {"longest": LONGEST_NOTE}
    status = 200
    try:
        asked = behind(ws, token)
        if press == "who" and not asked.over:
            words["who"] = who_it_is(ws, token)
        elif press in ("done", "failed") and not asked.over:
            confirm_by_link(ws, token, ok=press == "done", note=request.POST.get("note", ""))
            words["thanks"] = press
    except NotFound:
        raise Http404 from None
    except BadInput:
        words["problem"], status = True, 422
    words |= {"asked": behind(ws, token), "kind": KINDS[asked.kind]}
    return render(request, PAGE, words, status=status)
