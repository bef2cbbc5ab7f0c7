"""How staff come in by the organisation's own identity provider.

gather   the answer of the provider, checked from end to end; who of the staff is bound to it
decide   whether that person still works here
act      the same sign-in as after a password, so the second factor comes next

Easy to get wrong: making or finding an account by the e-mail the provider names. Nobody is
made here: an engineer appoints a person, and binds them to the provider's number for them.
A redirect to another site is no answer to a form (the content policy refuses it), so a page
of ours sends the browser on.

Sources: OWASP ASVS 5.0 V6.3.4, V6.8, V10.5; abuse case AC-028; docs/decisions/0019.
"""

from __future__ import annotations

import logging
import time
from typing import Any

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.staff_sign_in import note_refusal, note_sign_in, role_today
from rightful.web import faults
from rightful.web.identity_provider import NotProven, Person, Provider, answered, ask
from rightful.web.models import Identity, User
from rightful.web.opened import workspace

ASKED = "company_sign_in"  # session key: what was asked, until the answer
METHOD = "company"
WORDS = {
    "not-reached": gettext_lazy("It does not answer at the moment. Try again, or use your password."),
    "provider-refused": gettext_lazy("It did not let you in. Try again, or use your password."),
    "email-not-verified": gettext_lazy("Nobody there has checked your e-mail address yet. Ask who manages it."),
    "not-linked": gettext_lazy("Your account there belongs to nobody here yet. Ask an engineer to link this number:"),
    "no-role": gettext_lazy("You have no role here at the moment. Ask the person who manages accounts."),
}
OTHERWISE = gettext_lazy("Its answer could not be checked, so it does not count. Please start again.")
log = logging.getLogger("rightful.console")


@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """Remember a question in the session and send the browser to the provider with it."""
    provider = _provider()
    if not ratelimit.consume(request, action="company_sign_in"):
        return faults.too_many(request)
    try:
        address, asked = ask(
            provider, _back(request), now=time.time(), next_page=_next(request), here=not settings.PRODUCTION
        )
    except NotProven as why:
        return _turned_away(request, why.code)
    request.session[ASKED] = asked.as_dict()
    return render(request, "console/company_leave.html", {"address": address, "name": provider.name})


@require_safe
def back(request: HttpRequest) -> HttpResponse:
    """Take the answer: once, whatever it is."""
    provider = _provider()
    if not ratelimit.consume(request, action="company_sign_in"):
        return faults.too_many(request)
    remembered: Any = request.session.pop(ASKED, None)
    request.session.save()  # gone before anything else happens: an answer counts once
    answer = request.GET.dict()
    try:
        person = answered(provider, remembered, answer, _back(request), now=time.time(), here=not settings.PRODUCTION)
    except NotProven as why:
        return _turned_away(request, why.code)
    return _come_in(request, person, str(remembered["next"]))


def _come_in(request: HttpRequest, person: Person, next_page: str) -> HttpResponse:
    found = Identity.objects.filter(issuer=person.issuer, subject=person.subject).select_related("user").first()
    user = found.user if found else None
    if user is None or user.kind != User.Kind.STAFF:
        return _turned_away(request, "not-linked", subject=person.subject)
    if not user.is_active:
        note_refusal(workspace(), "switched-off", person=user.email)
        return HttpResponseRedirect(reverse("account_inactive"))
    if not role_today(workspace(), user.email) or not user.roles():
        return _turned_away(request, "no-role", person=user.email)
    record_authentication(request, user, method=METHOD)
    answer: HttpResponse = perform_login(request, user, redirect_url=next_page or reverse("console:today"))
    return answer


def _turned_away(request: HttpRequest, code: str, *, person: str = "", subject: str = "") -> HttpResponse:
    log.warning("company sign-in refused: code=%s", code)
    note_refusal(workspace(), code, person=person)
    told = {"name": _provider().name, "says": WORDS.get(code, OTHERWISE), "subject": subject, "code": code}
    return render(request, "console/company_refused.html", told, status=403)


def _provider() -> Provider:
    if not settings.RIGHTFUL_OIDC:
        raise Http404
    return Provider(**settings.RIGHTFUL_OIDC)


def _back(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("console:company-back"))


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if ours else ""


@receiver(user_logged_in)
def _note_sign_in(request: HttpRequest, user: User, **_: Any) -> None:
    if user.kind == User.Kind.STAFF:
        ways = [one["method"] for one in get_authentication_records(request, user)]
        note_sign_in(workspace(), user.email, "company" if METHOD in ways else "password")
