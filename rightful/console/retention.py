"""C12: what may not be kept any longer, what falls due when, what keeps the rest, and ordering a disposal.

Disposing of data cannot be undone. So the page shows a plan first, a second page asks, and
what was ordered there waits a day in which it can be taken back.

Easy to get wrong: ordering something else than was looked at. The form carries the policy's
version and the number of rows of the plan that the page showed.

Sources: UX console C12; GDPR Art. 5(1)(e), 17(3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.dispose_expired import forecast, plan_disposal
from rightful.actions.order_disposal import order_disposal, take_back_order
from rightful.console import retention_work
from rightful.errors import BadInput, NotFound
from rightful.web.opened import workspace

ACTS = "officer"
SEE_RETENTION = (ACTS, "engineer")


@require_safe
def due(request: HttpRequest) -> HttpResponse:
    """What may we not keep any longer, and what keeps the rest?"""
    ws = workspace()
    ordered = _order()  # before the plan: a page that says "has ended" must not show what was due before
    ahead = forecast(ws)
    words = {
        **ordered,
        "plan": plan_disposal(ws),
        "chart": _chart(ahead),
        "ahead": _by_thing(ahead),
        "acts": ACTS in request.user.roles(),
    }
    return render(request, "console/retention.html", words)


@require_safe
def confirm(request: HttpRequest) -> HttpResponse:
    """Is this really to go?"""
    return render(request, "console/dispose.html", {**_order(), "plan": plan_disposal(workspace())})


@require_POST
def order(request: HttpRequest) -> HttpResponse:
    """Order what the page before showed."""
    rows = request.POST.get("rows", "")
    if not rows.isdecimal():
        raise Http404
    if request.POST.get("sure") != "yes":
        messages.error(request, _("Tick the box first: what is disposed of does not come back."))
        return HttpResponseRedirect(reverse("console:dispose"))
    try:
        made = order_disposal(
            workspace(), actor=request.user.email, policy=request.POST.get("policy", ""), rows=int(rows)
        )
    except BadInput as error:
        messages.error(request, str(error))
    else:
        said = _("Ordered. It is carried out after %(hours)s hours; until then you can take it back.")
        messages.success(request, said % {"hours": (made.ready_us - made.ordered_us) // 3_600_000_000})
    return HttpResponseRedirect(reverse("console:retention"))


@require_POST
def take_back(request: HttpRequest) -> HttpResponse:
    """Do not dispose of it after all."""
    try:
        take_back_order(workspace(), request.POST.get("order", ""), actor=request.user.email)
    except (NotFound, BadInput) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Taken back. Nothing is disposed of."))
    return HttpResponseRedirect(reverse("console:retention"))


@require_safe
def progress(request: HttpRequest) -> HttpResponse:
    """How far it has come: the part of the page that is drawn anew while a disposal runs."""
    words = {"acts": ACTS in request.user.roles(), **_order()}
    return render(request, "console/disposal_order.html", words)


def _order() -> dict[str, Any]:
    newest = workspace().orders.newest()
    if newest is not None and not newest.open and newest.state != "failed":
        age = workspace().clock() - newest.heard_us
        newest = newest if age < retention_work.SHOWN_US else None
    return {"order": newest, "percent": round(100 * newest.share) if newest else 0}


def _chart(ahead: Sequence[tuple[date, str, int]]) -> list[tuple[str, int]]:
    """Rows and parts of rows that are due by the first of each month."""
    sums: dict[date, int] = defaultdict(int)
    for day, _what, rows in ahead:
        sums[day] += rows
    return [(formats.date_format(day, "j M Y"), rows) for day, rows in sorted(sums.items())]


def _by_thing(ahead: Sequence[tuple[date, str, int]]) -> list[tuple[str, int, int]]:
    """What falls due: by the first of the first month, and by that of the last."""
    found: dict[str, list[int]] = defaultdict(list)
    for _day, what, rows in ahead:
        found[what].append(rows)
    return [(what, rows[0], rows[-1]) for what, rows in found.items()]
