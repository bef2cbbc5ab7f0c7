"""Which texts of a copy may leave, and as what? One by one, by a person.

A free text may be about somebody else. It stays out of the copy until somebody has read it
here and let it go, as it is or with words taken out.

Easy to get wrong: letting a text go that still names another customer's address (refused).

Sources: GDPR Art. 15(4); AC-021.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from rightful.actions.answer_request import confirm_task
from rightful.actions.assemble_copy import free_texts, review_text
from rightful.actions.take_step import case_of
from rightful.errors import BadInput, NotFound, Refused
from rightful.web.opened import workspace


@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, ref: str) -> HttpResponse:
    """The texts, each with a proposal; POST keeps the verdicts and ends the task."""
    try:
        case = case_of(workspace(), ref)
    except NotFound:
        raise Http404 from None
    texts = free_texts(workspace(), case, actor=request.user.email)
    if request.method != "POST":
        return render(request, "console/request_texts.html", {"case": case, "texts": texts})
    try:
        for number, text in enumerate(texts, 1):
            verdict = request.POST.get(f"verdict-{number}", "")
            shown = request.POST.get(f"text-{number}", "")
            if request.POST.get(f"place-{number}") != text.place:
                raise BadInput(_("The texts have changed meanwhile."), remedy=_("Look at them again"))
            review_text(workspace(), case, text.place, verdict, shown, actor=request.user.email)
        confirm_task(workspace(), ref, "source", "review", actor=request.user.email)
    except NotFound:
        messages.success(request, _("Kept."))
    except (BadInput, Refused) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("console:request-texts", args=[case.ref]))
    else:
        messages.success(request, _("Read. The copy goes on."))
    return HttpResponseRedirect(reverse("console:request", args=[case.ref]))
