"""The staff's sign-in pages: allauth's, where its defaults would lead elsewhere.

Easy to get wrong: after setting up a second factor allauth goes to its own
overview, and a person who has one already to a page that removes it.
"""

from __future__ import annotations

from typing import Any

from allauth.account import views as account
from allauth.account.decorators import reauthentication_required
from allauth.mfa.base import views as factor
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.views import ActivateTOTPView
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_http_methods, require_POST, require_safe


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class SignIn(account.LoginView):  # type: ignore[misc]
    """Work address and password."""


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class Code(factor.AuthenticateView):  # type: ignore[misc]
    """The six digits of the authenticator app."""


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
class SetUp(ActivateTOTPView):  # type: ignore[misc]
    """A second factor for somebody who has none yet."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if is_mfa_enabled(request.user, [Authenticator.Type.TOTP]):
            return HttpResponseRedirect(reverse("console:today"))
        return super().dispatch(request, *args, **kwargs)

    def get_success_url(self) -> str:
        return reverse("console:today")


@method_decorator(require_http_methods(["GET", "HEAD", "POST"]), name="dispatch")
@method_decorator(reauthentication_required(app="allauth.account"), name="dispatch")
class Password(account.PasswordChangeView):  # type: ignore[misc]
    """A new password; every session ends with the old one."""


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End this session."""
    logout(request)
    return HttpResponseRedirect(reverse("account_login"))


@require_safe
def switched_off(request: HttpRequest) -> HttpResponse:
    """What somebody sees whose account was switched off."""
    return render(request, "account/account_inactive.html", status=403)
