"""The receipt of one choice, to take home.

Easy to get wrong: the customer comes from the session; the address names a purpose
and a channel only, so nobody can ask for somebody else's.

Sources: GDPR Art. 7(1), 15; ISO/IEC TS 27560:2023, 6.4.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from rightful.actions.consent_receipt import receipt_of
from rightful.errors import NotFound, UnknownName
from rightful.web.doors import CUSTOMER
from rightful.web.opened import workspace


@require_safe
def receipt(request: HttpRequest, purpose: str, channel: str = "") -> HttpResponse:
    """The receipt with its proof, as a zip; 404 where this customer never chose anything."""
    ws = workspace()
    key = request.session[CUSTOMER]
    if purpose not in ws.facts.policy.purposes:
        raise Http404
    try:
        issued = receipt_of(ws, key, purpose, channel)
    except (NotFound, UnknownName):
        ws.number_of(key)  # a customer who is gone is signed out, not told that a page is missing
        raise Http404 from None
    name = f"receipt-{purpose}-{channel}" if channel else f"receipt-{purpose}"
    return HttpResponse(
        issued.zip,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="{name}.zip"'},
    )
