"""How a customer comes in: an address, a code by e-mail, done.

Whether an address belongs to a customer is looked up in another thread, after
the answer has left. The page does the same work for everybody: same status, same
words, same time. Only who can read the mailbox learns more.

Easy to get wrong: (1) allauth's own code flow makes a code for known users only,
sends it while the page waits and keeps the address in its tables, so this is an
own flow that ends in allauth's sign-in; (2) comparing addresses with Unicode case
rules lets a look-alike domain in, so only plain ASCII is looked up (CVE-2019-19844);
(3) a link in the mail would be opened by scanners: there is a code to type, and
GET never uses it up.

Sources: OWASP ASVS 5.0 V6.3.8, V6.5, V6.6; abuse cases AC-023, AC-024, AC-025.
"""

from __future__ import annotations

import time
from typing import Any

from allauth.account.utils import perform_login
from allauth.core import ratelimit
from django import forms
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from rightful.actions.customer_view import recognise_customer
from rightful.portal import codes
from rightful.web import doors, faults, post
from rightful.web.models import User
from rightful.web.opened import organisation, workspace
from rightful.web.signing_in import customer_handle

PENDING = "pending_code"


class AddressForm(forms.Form):
    """The address to write to."""

    email = forms.EmailField(
        label=gettext_lazy("Your e-mail address"),
        max_length=254,
        error_messages={
            "required": gettext_lazy("Enter your e-mail address."),
            "invalid": gettext_lazy("This does not look like an e-mail address. It has the form name@example.com."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false", "autofocus": True}),
    )

    def clean_email(self) -> str:
        local, _at, domain = self.cleaned_data["email"].rpartition("@")
        try:
            return f"{local.lower()}@{domain.encode('idna').decode('ascii').lower()}"
        except UnicodeError:
            raise ValidationError(_("We cannot write to this address.")) from None


class CodeForm(forms.Form):
    """What the mail says."""

    code = forms.CharField(
        label=gettext_lazy("The code from the e-mail"),
        max_length=20,
        error_messages={"required": gettext_lazy("Enter the code from the e-mail.")},
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "autofocus": True,
                "class": "code",
            }
        ),
    )


@require_http_methods(["GET", "HEAD", "POST"])
def come_in(request: HttpRequest) -> HttpResponse:
    """Ask for a code."""
    if request.user.is_authenticated:
        return HttpResponseRedirect(reverse("portal:overview" if request.user.kind == "customer" else "console:today"))
    form = AddressForm(request.POST or None)
    if request.method != "POST":
        return render(request, "portal/come_in.html", {"form": form})
    if not form.is_valid():
        return render(request, "portal/come_in.html", {"form": form}, status=422)
    address = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="request_login_code", key=address):
        return faults.too_many(request)
    pending, code = codes.new(address, time.time())
    request.session[PENDING] = pending.as_dict()
    mail = _code_mail(request, address, code)
    post.later(lambda: _send_if_known(address, mail))
    return HttpResponseRedirect(reverse("portal:code"))


@require_http_methods(["GET", "HEAD", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """Type the code. GET only shows the form: no scanner or preview uses a code up."""
    pending = codes.from_dict(request.session.get(PENDING))
    if pending is None:
        return HttpResponseRedirect(reverse("portal:come-in"))
    if request.method != "POST":
        return _code_page(request, pending, CodeForm())
    if not ratelimit.consume(request, action="portal_code"):
        return faults.too_many(request)
    form = CodeForm(request.POST)
    if not form.is_valid():
        return _code_page(request, pending, form, status=422)
    left = _take_a_try(pending)
    if pending.is_over(time.time()) or left is None:
        return _start_again(request)
    key = recognise_customer(workspace(), pending.address) if pending.fits(form.cleaned_data["code"]) else None
    if key is not None:
        return _sign_in(request, key)
    if left == 0:
        return _start_again(request)
    form.add_error("code", _("This is not the code we sent. Look again, or ask for a new one."))
    return _code_page(request, pending, form, status=422)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    request.session.flush()
    return HttpResponseRedirect(reverse("portal:come-in"))


def _take_a_try(pending: codes.Pending) -> int | None:
    """How many tries are left after this one; None: there was none left to take."""
    for taken, slot in enumerate(pending.slots(), start=1):
        if cache.add(slot, 1, timeout=codes.LIFETIME + 60):  # atomic across threads and workers
            return codes.TRIES - taken
    return None


def _sign_in(request: HttpRequest, key: str) -> HttpResponse:
    del request.session[PENDING]
    user = User.objects.customer(customer_handle(key))
    answer = perform_login(request, user, redirect_url=reverse("portal:overview"))
    if request.user.is_authenticated:  # the session has a new key by now
        request.session[doors.CUSTOMER] = key
    return answer


def _send_if_known(address: str, mail: EmailMessage) -> None:
    """In the post's thread: a stranger's address gets no mail at all."""
    if recognise_customer(workspace(), address) is not None:
        mail.send()


def _code_mail(request: HttpRequest, address: str, code: str) -> EmailMessage:
    words: dict[str, Any] = {"code": code, "minutes": codes.LIFETIME // 60, **organisation(request)}
    return EmailMessage(
        subject=_("Your code for %(organisation)s") % {"organisation": words["organisation"]},
        body=render_to_string("portal/code_mail.txt", words),
        to=[address],
    )


def _code_page(request: HttpRequest, pending: codes.Pending, form: CodeForm, *, status: int = 200) -> HttpResponse:
    words = {"form": form, "address": pending.address, "tries": codes.TRIES, "minutes": codes.LIFETIME // 60}
    return render(request, "portal/code.html", words, status=status)


def _start_again(request: HttpRequest) -> HttpResponse:
    request.session.pop(PENDING, None)
    return render(request, "portal/come_in.html", {"form": AddressForm(), "used_up": True}, status=422)
