"""The question a new notice puts to those who agreed to an older one: yes to the new text, or leave it.

It stands on the page of choices and nowhere else. Both answers are one press; leaving it open is fine too,
and the old yes stays what it was until there is another (GDPR Art. 7).

Easy to get wrong: asking again. Once it is answered or closed, the same change is not asked about again.
"""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from rightful.actions.renew_consent import agree_again, close_question
from rightful.errors import NotFound, RightfulError
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace

log = logging.getLogger("rightful.portal")


@require_POST
def answer(request: HttpRequest) -> HttpResponse:
    """Say yes to the new text, or close the question."""
    purpose, said = request.POST.get("purpose", ""), request.POST.get("answer", "")
    if said not in {"yes", "leave"}:
        raise Http404
    try:
        if said == "yes":
            agree_again(workspace(), key_of(request), purpose, language=language())
            messages.success(request, _("You said yes to the new text. You can take it back at any time."))
        else:
            close_question(workspace(), key_of(request), purpose)
            messages.success(request, _("It stays as it was. We do not ask about this change again."))
    except NotFound:
        messages.info(request, _("This question is closed already."))
    except RightfulError as error:
        log.warning("renewal failed: code=%s", error.code)
        messages.error(request, _("That did not work, and nothing was changed. Please try again in a minute."))
    return HttpResponseRedirect(reverse("portal:choices"))
