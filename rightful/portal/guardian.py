"""A child's way to a parent or guardian, and the guardian's own page.

The child gives an address; the mail to it names neither the child nor anything about
them. Whoever opens the link says who they are. Only when the relation is known do the
choices appear, with two buttons of the same weight each.

Easy to get wrong: showing something about the child to whoever holds the link. Until
the relation is verified the page says nothing that the child's mail did not.

Sources: GDPR Art. 8; EDPB Guidelines 05/2020 par. 132-149; abuse cases AC-022, AC-025.
"""

from __future__ import annotations

import logging
from typing import Any

from allauth.core import ratelimit
from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from rightful.actions.guardian import (
    child_view,
    decline_guardian,
    guardian_answers,
    guardian_view,
    identify_guardian,
    invite_guardian,
    send_new_link,
)
from rightful.errors import EventRejected, NotFound, RightfulError
from rightful.portal.coming_in import AddressForm
from rightful.portal.visitor import key_of, language
from rightful.web import faults, mailing, post
from rightful.web.opened import workspace

log = logging.getLogger("rightful.portal")


class GuardianAddressForm(AddressForm):
    """Whom to write to."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = gettext_lazy("Their e-mail address")
        self.fields["email"].widget.attrs["autocomplete"] = "off"


class WhoForm(forms.Form):
    """Who somebody is to a child. Nothing is ticked or chosen beforehand."""

    name = forms.CharField(
        label=gettext_lazy("Your full name"),
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": gettext_lazy("Enter your name.")},
    )
    relation = forms.ChoiceField(
        label=gettext_lazy("What are you to the child?"),
        choices=[
            ("parent", gettext_lazy("Mother or father")),
            ("guardian", gettext_lazy("Legal guardian")),
            ("other", gettext_lazy("Somebody else with parental responsibility")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what you are to the child.")},
    )
    responsible = forms.BooleanField(
        label=gettext_lazy("I have parental responsibility for this child."),
        error_messages={"required": gettext_lazy("Only somebody with parental responsibility can agree.")},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    """The child's page: why somebody has to agree, and whom to ask."""
    ws, key = workspace(), key_of(request)
    child = child_view(ws, key, language=language())
    if child is None:
        raise Http404
    form = GuardianAddressForm(request.POST or None)
    if request.method != "POST":
        return render(request, "portal/guardian_invite.html", {"form": GuardianAddressForm(), "child": child})
    if not form.is_valid():
        return render(request, "portal/guardian_invite.html", {"form": form, "child": child}, status=422)
    try:
        sent = invite_guardian(ws, key, form.cleaned_data["email"], language=language())
    except EventRejected as error:
        if error.code != "consent.guardian-own-address":
            raise
        form.add_error("email", _("This is your own address. Enter the one of your parent or guardian."))
        return render(request, "portal/guardian_invite.html", {"form": form, "child": child}, status=422)
    if sent:
        mailing.wake()
        messages.success(request, _("We wrote to them. You see here how far it is."))
    else:
        messages.error(request, _("We cannot write to this address again today."))
    return HttpResponseRedirect(reverse("portal:guardian-invite"))


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, token: str) -> HttpResponse:
    """The guardian's page. GET shows; only a press of a button does something."""
    try:
        if request.method == "POST":
            if not ratelimit.consume(request, action="guardian", key=token):
                return faults.too_many(request)
            return _pressed(request, token)
        return _show(request, token, WhoForm())
    except NotFound:
        raise Http404 from None


@require_http_methods(["GET", "HEAD", "POST"])
def come_back(request: HttpRequest) -> HttpResponse:
    """A guardian who agreed earlier asks for a new link. The same answer for every address."""
    form = GuardianAddressForm(request.POST or None)
    form.fields["email"].label = _("Your e-mail address")
    if request.method != "POST":
        return render(request, "portal/guardian_back.html", {"form": form})
    if not form.is_valid():
        return render(request, "portal/guardian_back.html", {"form": form}, status=422)
    address = form.cleaned_data["email"]
    if not ratelimit.consume(request, action="sign_up", key=address):
        return faults.too_many(request)
    post.later(lambda: _send(address))
    return HttpResponseRedirect(reverse("portal:guardian-sent"))


@require_http_methods(["GET", "HEAD"])
def sent(request: HttpRequest) -> HttpResponse:
    """What happens now; the same for every address."""
    return render(request, "portal/guardian_sent.html")


def _pressed(request: HttpRequest, token: str) -> HttpResponse:
    ws, pressed = workspace(), request.POST.get("do", "")
    try:
        if pressed == "not-me":
            decline_guardian(ws, token)
        elif pressed == "who":
            form = WhoForm(request.POST)
            if not form.is_valid():
                return _show(request, token, form, status=422)
            identify_guardian(ws, token, form.cleaned_data["name"], form.cleaned_data["relation"])
        elif pressed in {"agree", "refuse"}:
            purpose, channel = request.POST.get("purpose", ""), request.POST.get("channel", "")
            guardian_answers(ws, token, purpose, channel, yes=pressed == "agree", language=language())
            agreed = _("You agreed. You can take it back here at any time.")
            messages.success(request, agreed if pressed == "agree" else _("You said no. Nothing is used for this."))
        else:
            raise Http404
    except RightfulError as error:
        if isinstance(error, NotFound):
            raise
        log.warning("a guardian's step was refused: code=%s", error.code)
        messages.error(request, _("That did not work, and nothing was changed. The page shows how it stands."))
    return HttpResponseRedirect(reverse("portal:guardian", args=[token]))


def _show(request: HttpRequest, token: str, form: WhoForm, *, status: int = 200) -> HttpResponse:
    seen = guardian_view(workspace(), token, language=language())
    return render(request, "portal/guardian.html", {"seen": seen, "form": form, "token": token}, status=status)


def _send(address: str) -> None:
    """In the post's thread: whether somebody is a guardian here shows in their mailbox only."""
    if send_new_link(workspace(), address):
        mailing.wake()
