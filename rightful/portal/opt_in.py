"""Signing up by mail, and the page behind the link: nothing counts before the button on it is pressed.

The first page answers everybody alike: same words, same status, same time, whether the
address belongs to a customer or not. Looking that up, and sending, happen in another
thread.

Easy to get wrong: acting on GET. Scanners and previews open every link of a mail, so
GET shows two buttons of the same weight and only POST counts (AC-025).

Sources: GDPR Art. 4(11), 7; OWASP ASVS 5.0 V6.3.8; abuse cases AC-023, AC-025.
"""

from __future__ import annotations

import logging

from allauth.core import ratelimit
from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from rightful.actions.customer_view import recognise_customer
from rightful.actions.customer_words import says
from rightful.actions.double_opt_in import EMAIL, Question, answer_question, question, request_opt_in, subscribable
from rightful.errors import EventRejected, NotFound, RightfulError
from rightful.portal.coming_in import AddressForm
from rightful.portal.visitor import language
from rightful.web import faults, mailing, post
from rightful.web.opened import workspace

ASKED_FOR = "asked_for"  # session: the address to show on the page after asking
log = logging.getLogger("rightful.portal")


class SignUpForm(AddressForm):
    """An address, and what it is for. No box is ticked beforehand (CJEU C-673/17)."""

    purposes = forms.MultipleChoiceField(
        label=gettext_lazy("What would you like?"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": gettext_lazy("Tick what you would like."),
            "invalid_choice": gettext_lazy("This is not on offer. Choose from the list."),
        },
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        policy = workspace().facts.policy
        offered = subscribable(policy)
        self.fields["purposes"].choices = [(name, says(policy, name, language())) for name in offered]
        self.order_fields(["purposes", "email"])


@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Ask for something by mail."""
    if request.method != "POST":
        return render(request, "portal/sign_up.html", {"form": SignUpForm()})
    form = SignUpForm(request.POST)
    if not form.is_valid():
        return render(request, "portal/sign_up.html", {"form": form}, status=422)
    address = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="sign_up", key=address):
        return faults.too_many(request)
    chosen = [(purpose, EMAIL) for purpose in form.cleaned_data["purposes"]]
    spoken = language()
    post.later(lambda: _ask_if_known(address, chosen, spoken))
    request.session[ASKED_FOR] = address
    return HttpResponseRedirect(reverse("portal:sign-up-sent"))


@require_http_methods(["GET", "HEAD"])
def sign_up_sent(request: HttpRequest) -> HttpResponse:
    """What happens now; the same for every address."""
    address = request.session.get(ASKED_FOR)
    if not address:
        return HttpResponseRedirect(reverse("portal:sign-up"))
    return render(request, "portal/sign_up_sent.html", {"address": address})


@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link."""
    ws = workspace()
    try:
        if request.method != "POST":
            return _page(request, question(ws, token))
        pressed = request.POST.get("answer", "")
        if pressed not in {"yes", "no"}:
            raise Http404
        if not ratelimit.consume(request, action="sign_up", key=token):
            return faults.too_many(request)
        return _page(request, answer_question(ws, token, yes=pressed == "yes"))
    except NotFound:
        raise Http404 from None
    except EventRejected as error:
        log.warning("a question was not answered: code=%s", error.code)
        return _page(request, question(ws, token), status=409)


def _page(request: HttpRequest, asked: Question, *, status: int = 200) -> HttpResponse:
    return render(request, "portal/confirm.html", {"asked": asked}, status=status)


def _ask_if_known(address: str, chosen: list[tuple[str, str]], spoken: str) -> None:
    """In the post's thread: a stranger's address gets no mail at all."""
    ws = workspace()
    key = recognise_customer(ws, address)
    if key is None:
        return
    try:
        if request_opt_in(ws, key, chosen, to=address, language=spoken, form="portal/sign-up"):
            mailing.wake()
    except RightfulError as error:  # a child, an unknown purpose: the page said nothing else either
        log.info("a sign-up was not put: code=%s", error.code)
