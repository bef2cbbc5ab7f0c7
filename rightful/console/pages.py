"""The staff's pages: today's figures, and the gate's log.

Every role lands on Today and sees the part of it that is theirs; the log, which
tells who used what, belongs to the officer.

Easy to get wrong: paging by position. The log grows while it is read, so a page
begins before an index, never after a count.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rightful.actions import officer_today, read_gate_log
from rightful.web.opened import workspace

PAGE = 50
SEES_THE_LOG = "officer"


@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """What must I do now?"""
    found = officer_today.today(workspace())
    words = {"today": found, "sees_the_log": SEES_THE_LOG in request.user.roles()}
    return render(request, "console/today.html", words)


@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """Who asked for what, and what did the gate answer? Filters and page are in the address."""
    before, kind, purpose = (request.GET.get(name, "") for name in ("before", "kind", "purpose"))
    if before and not before.isdecimal():
        raise Http404
    lines = read_gate_log.log(
        workspace(),
        before=int(before) if before else None,
        limit=PAGE + 1,
        kind=kind or None,
        purpose=purpose or None,
    )
    shown = lines[:PAGE]
    filters = {name: value for name, value in (("kind", kind), ("purpose", purpose)) if value}
    words: dict[str, Any] = {
        "lines": shown,
        "kind": kind,
        "purpose": purpose,
        "kinds": _kinds(kind),
        "purposes": sorted(set(workspace().facts.policy.purposes) | ({purpose} if purpose else set())),
        "older": urlencode({**filters, "before": shown[-1].index}) if len(lines) > PAGE else "",
        "newest": urlencode(filters),
        "newest_page": not before,
        "filtered": bool(filters),
    }
    return render(request, "console/log.html", words)


def _kinds(chosen: str) -> list[str]:
    """Kinds of entries among the latest, and the one that is chosen."""
    return sorted({line.kind for line in read_gate_log.log(workspace(), limit=500)} | ({chosen} if chosen else set()))
