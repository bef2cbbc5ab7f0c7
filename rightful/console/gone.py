"""C12, staying gone: how many are held off, who came back all the same, and whether a backup could be restored.

Easy to get wrong: a page that answers "did she ask to be erased?". It counts; the only keys it
shows are of customers who are in the store now, to the officer alone; and each look is recorded.

Sources: GDPR Art. 17(1), 18(3), 32(1)(d); UX console C12; abuse cases AC-059, AC-060.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.keep_gone import let_in, look_at_list, who_came_back
from rightful.console.retention import ACTS
from rightful.errors import BadInput, NotFound
from rightful.web.opened import workspace

LONGEST = 200
BACKUPS_SHOWN = 10


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Does whoever was erased stay gone?"""
    ws = workspace()
    acts = ACTS in request.user.roles()
    words = {
        "list": look_at_list(ws, actor=request.user.email, limit=0),
        "returned": who_came_back(ws, actor=request.user.email) if acts and ws.suppression.back() else (),
        "backups": ws.backups.all()[:BACKUPS_SHOWN],
        "acts": acts,
        "longest": LONGEST,
    }
    return render(request, "console/gone.html", words)


@require_POST
def welcome(request: HttpRequest) -> HttpResponse:
    """Somebody who was erased came back of their own will."""
    ws = workspace()
    key = request.POST.get("customer", "")
    evidence = request.POST.get("evidence", "").strip()[:LONGEST]
    try:
        if key not in {back.key for back in who_came_back(ws, actor=request.user.email)}:
            raise BadInput(_("this customer does not wait for a decision"))
        let_in(ws, key, actor=request.user.email, evidence=evidence)
    except (BadInput, NotFound) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Let in. Their data may be used again as the policy and their choices say."))
    return HttpResponseRedirect(reverse("console:gone"))
