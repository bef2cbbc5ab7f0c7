"""How do I stop these mails? One press, by the customer or by their mail program.

GET shows a button and changes nothing, because scanners and previews follow links.
POST with `List-Unsubscribe=One-Click` stops the list: no sign-in, no cookie, no second
question. The link itself is the permission, so no form token is needed here.

Sources: RFC 8058 sections 3.1, 3.2, 4; RFC 2369; OWASP ASVS 5.0 V3.5.1.
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rightful.actions.unsubscribe import ONE_CLICK, about, unsubscribe
from rightful.portal.visitor import language
from rightful.web.opened import workspace

PAGE = "portal/unsubscribe.html"
NAME, VALUE = ONE_CLICK.split("=")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def one_click(request: HttpRequest, token: str) -> HttpResponse:
    """Show what would stop, or stop it."""
    if request.method != "POST":
        return render(request, PAGE, {"link": about(workspace(), token, language=language())})
    if request.POST.get(NAME) != VALUE:
        return render(request, PAGE, {"link": about(workspace(), token, language=language())}, status=400)
    return render(request, PAGE, {"link": unsubscribe(workspace(), token, language=language()), "done": True})
