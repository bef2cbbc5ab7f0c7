"""C12, legal holds: what has to stay although its time is over, and until when.

A hold is placed by the officer with a reason that everybody who audits may read. Released,
also with a reason, it lets the erasures that waited for it go on.

Easy to get wrong: showing whom a hold is about. The page has numbers of customers; their
keys are typed once, and are kept as numbers.

Sources: GDPR Art. 17(3)(e), 18(1)(c); UX console C12; journey 5.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.hold_data import add_hold, release_hold
from rightful.actions.show_disposals import freed_erasures
from rightful.console import retention_work
from rightful.console.retention import ACTS
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.web.opened import workspace

LONGEST_REASON = 200


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """What has to stay although its time is over?"""
    return _page(request, {})


@require_POST
def place(request: HttpRequest) -> HttpResponse:
    """Hold data from now on."""
    posted = {
        "reason": request.POST.get("reason", "").strip()[:LONGEST_REASON],
        "tables": request.POST.getlist("tables"),
        "customers": request.POST.get("customers", ""),
        "who": request.POST.get("who", ""),
    }
    customers = posted["customers"].replace(",", " ").split() if posted["who"] == "some" else None
    try:
        if customers == []:
            raise BadInput(_("no customer is named"), remedy=_("Type their keys, or choose everybody"))
        hold = add_hold(
            workspace(), posted["reason"], actor=request.user.email, tables=posted["tables"], customers=customers
        )
    except (BadInput, UnknownName) as error:
        messages.error(request, str(error))
        return _page(request, posted, status=422)
    messages.success(request, _("Hold %(id)s is in force. It permits no use.") % {"id": hold.id})
    return HttpResponseRedirect(reverse("console:holds"))


@require_POST
def release(request: HttpRequest) -> HttpResponse:
    """End a hold now."""
    why = request.POST.get("why", "").strip()[:LONGEST_REASON]
    try:
        if not why:
            raise BadInput(_("a release needs its reason"), remedy=_("Say why it ends, for example: judgment is final"))
        hold = release_hold(workspace(), request.POST.get("hold", ""), actor=request.user.email, why=why)
    except NotFound:
        raise Http404 from None
    except BadInput as error:
        messages.error(request, str(error))
    else:
        waiting = len(freed_erasures(workspace()))
        retention_work.wake()
        said = _("Hold %(id)s is released.") % {"id": hold.id}
        more = _("%(count)s erasures that waited for it go on now; their new certificates appear below Certificates.")
        messages.success(request, f"{said} {more % {'count': waiting}}" if waiting else said)
    return HttpResponseRedirect(reverse("console:holds"))


def _page(request: HttpRequest, posted: dict[str, object], *, status: int = 200) -> HttpResponse:
    ws = workspace()
    now = ws.clock()
    holds = ws.holds.all()
    words = {
        "in_force": [h for h in holds if h.in_force(now)],
        "ended": [h for h in holds if not h.in_force(now)],
        "tables": [t.name for t in ws.facts.tables],
        "acts": ACTS in request.user.roles(),
        "posted": posted,
        "longest": LONGEST_REASON,
    }
    return render(request, "console/holds.html", words, status=status)
