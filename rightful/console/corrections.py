"""What did customers correct, and which corrections wait for me?

The list shows no values. Opening one does, and that is written into the customer's
history. Approving changes the source at once and tells recipients; it cannot be undone
by a button, only by another correction.

Source: GDPR Art. 16, 12(4), 19; UX console C2, C4.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.correct_data import (
    REFUSALS,
    approve_correction,
    corrections,
    open_correction,
    refuse_correction,
)
from rightful.actions.customer_words import SENTENCES
from rightful.errors import BadInput, NotFound
from rightful.web.opened import workspace

SEES_CORRECTIONS = "officer"


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Waiting ones first, then what was decided."""
    every = corrections(workspace())
    words = {
        "waiting": [one for one in every if one.state == "waiting"],
        "decided": [one for one in every if one.state != "waiting"],
    }
    return render(request, "console/corrections.html", words)


@require_safe
def opened(request: HttpRequest, number: int) -> HttpResponse:
    """One correction with both values."""
    try:
        found = open_correction(workspace(), number, actor=request.user.email)
    except NotFound:
        raise Http404 from None
    refusals = [(code, _(SENTENCES[code])) for code in REFUSALS]
    return render(request, "console/correction.html", {"found": found, "refusals": refusals})


@require_POST
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Approve or refuse."""
    answer = request.POST.get("answer", "")
    try:
        if answer == "approve":
            done = approve_correction(workspace(), number, actor=request.user.email)
            messages.success(request, _("Corrected. Recipients to tell: %(count)s.") % {"count": done.told})
        elif answer == "refuse":
            refuse_correction(workspace(), number, request.POST.get("why", ""), actor=request.user.email)
            messages.success(request, _("Refused. The customer reads why in their history."))
        else:
            raise Http404
    except NotFound:
        raise Http404 from None
    except BadInput as error:
        messages.error(request, str(error))
    return HttpResponseRedirect(reverse("console:corrections"))
