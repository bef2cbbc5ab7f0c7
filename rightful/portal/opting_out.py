"""How do I opt out without signing in? An address and one press.

The answer is the same for every address: same status, same words, same work. What was
asked for is on disk before it leaves, and carried out in another thread.

Sources: 11 CCR 7026(a), (d), 7060(b); GDPR Art. 21(2); 16 CFR 316.5; abuse case AC-023.
"""

from __future__ import annotations

from allauth.core import ratelimit
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from rightful.actions.opt_out import SCOPES, carry_out_waiting, opt_out_by_address
from rightful.portal.coming_in import AddressForm
from rightful.web import faults, mailing, post
from rightful.web.opened import workspace

PAGE = "portal/opt_out.html"


@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest) -> HttpResponse:
    """Ask for an address and what to stop; do it."""
    form = AddressForm(request.POST or None)
    if request.method != "POST":
        return render(request, PAGE, {"form": form})
    scope = request.POST.get("scope", "")
    if not form.is_valid() or scope not in SCOPES:
        return render(request, PAGE, {"form": form, "which": scope not in SCOPES}, status=422)
    address = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="opt_out", key=address):
        return faults.too_many(request)
    opt_out_by_address(workspace(), address, scope, language=get_language() or "en")
    post.later(carry_out)
    return render(request, PAGE, {"done": scope})


def carry_out() -> None:
    """In another thread: who it is, and what changes."""
    carry_out_waiting(workspace())
    mailing.wake()


def start() -> None:
    """When a server starts: carry out what an earlier one was asked for and did not come to."""
    post.later(carry_out)
