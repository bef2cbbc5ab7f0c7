"""The demo's page of mails that were written down instead of sent.

It shows sign-in codes to whoever opens it, so its route exists in the demo only
and `check --deploy` refuses the demo in production.
"""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rightful.web.outbox import mails


@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """The newest mails first."""
    if not settings.RIGHTFUL_DEMO or settings.RIGHTFUL_WORKSPACE is None:
        raise Http404
    return render(request, "outbox.html", {"mails": mails(settings.RIGHTFUL_WORKSPACE)})
