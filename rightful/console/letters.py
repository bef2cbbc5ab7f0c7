"""Which mails wait, were sent, failed or came back? No addresses and no words.

Source: UX console; abuse case AC-032.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from rightful.mail.queue import STATES
from rightful.web.opened import workspace

SEE_LETTERS = ("officer", "engineer")
PAGE = 50
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATE_WORDS = {
    "queued": gettext_lazy("waiting"),
    "sending": gettext_lazy("being sent"),
    "sent": gettext_lazy("sent"),
    "failed": gettext_lazy("failed"),
    "bounced": gettext_lazy("came back"),
}


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Newest first; state and page are in the address."""
    state, before = request.GET.get("state", ""), request.GET.get("before", "")
    if (state and state not in STATES) or (before and not before.isdecimal()):
        raise Http404
    mail = workspace().mail
    lines = mail.lines(state=state, before=int(before) if before else None, limit=PAGE + 1)
    shown: list[dict[str, Any]] = [
        {"line": line, "at": EPOCH + timedelta(microseconds=line.made_us), "state": STATE_WORDS[line.state]}
        for line in lines[:PAGE]
    ]
    counts = mail.counts()
    words = {
        "lines": shown,
        "counts": [(name, STATE_WORDS[name], counts[name]) for name in STATES],
        "state": state,
        "older": lines[PAGE - 1].id if len(lines) > PAGE else None,
    }
    return render(request, "console/mail.html", words)
