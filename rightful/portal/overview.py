"""P2: what do you do with my data?

Source: GDPR Art. 13, 15(1); UX portal P2.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rightful.actions.customer_view import ChannelState, PurposeSeen
from rightful.actions.customer_view import overview as overview_of
from rightful.actions.show_uses import uses
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace

LATEST = 3


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Every purpose in plain words: needed, on, or off; and what was written down last."""
    key = key_of(request)
    seen = overview_of(workspace(), key, language=language())
    on = [one for one in seen.purposes if any(c.state == "on" for c in switches(one))]
    words = {
        "seen": seen,
        "always": [one for one in seen.purposes if not switches(one)],
        "chosen": on,
        "not_chosen": [one for one in seen.purposes if switches(one) and one not in on],
        "latest": uses(workspace(), key, limit=LATEST, language=language()),
    }
    return render(request, "portal/overview.html", words)


def switches(purpose: PurposeSeen) -> list[ChannelState]:
    """The channels of a purpose that a customer can say no to."""
    return [channel for channel in purpose.channels if channel.state != "always"]
