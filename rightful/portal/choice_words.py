"""P3: in which words did I choose?

Easy to get wrong: the customer comes from the session; the address names a purpose and a
channel only, so nobody can ask for somebody else's.

Source: GDPR Art. 7(1)-(2).
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rightful.actions.choice_words import choices_in_words
from rightful.errors import NotFound
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace


@require_safe
def words(request: HttpRequest, purpose: str, channel: str = "") -> HttpResponse:
    """Each choice with what was shown then; 404 where this customer never chose anything."""
    ws = workspace()
    key = key_of(request)
    if purpose not in ws.facts.policy.purposes:
        raise Http404
    try:
        found = choices_in_words(ws, key, purpose, channel, language=language())
    except NotFound:
        ws.number_of(key)  # a customer who is gone is signed out, not told that a page is missing
        raise Http404 from None
    return render(request, "portal/choice_words.html", {"choices": found})
