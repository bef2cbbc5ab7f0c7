"""Every route of the site. Libraries' pages are listed one by one, each with who may open it.

Easy to get wrong: `include("allauth.urls")` would open sign-up, address and
password pages that this product does not want, all of them undeclared.
"""

from __future__ import annotations

from allauth.account import views as account
from allauth.mfa.base import views as factor
from django.conf import settings
from django.urls import include, path
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from rightful.web import outgoing, staff_pages
from rightful.web.accounts import ROLES
from rightful.web.doors import public, staff

handler400 = "rightful.web.faults.bad_request"
handler403 = "rightful.web.faults.forbidden"
handler404 = "rightful.web.faults.not_found"
handler429 = "rightful.web.faults.too_many"
handler500 = "rightful.web.faults.server_error"

any_staff = staff(*ROLES)
not_yet_set_up = staff(*ROLES, before_second_factor=True)

urlpatterns = [
    path("", include("rightful.portal.urls")),
    path("language/", public(require_POST(set_language)), name="set-language"),
    path("staff/", include("rightful.console.urls")),
    path("", include("rightful.api.data_rights_protocol")),
    path("api/", include("rightful.api.urls")),
    path("staff/sign-in/", public(staff_pages.SignIn.as_view()), name="account_login"),
    path("staff/sign-in/code/", public(staff_pages.Code.as_view()), name="mfa_authenticate"),
    path("staff/sign-in/switched-off/", public(staff_pages.switched_off), name="account_inactive"),
    path("staff/sign-out/", not_yet_set_up(staff_pages.sign_out), name="account_logout"),
    path("staff/second-factor/", not_yet_set_up(staff_pages.SetUp.as_view()), name="mfa_activate_totp"),
    path("staff/confirm/", not_yet_set_up(account.ReauthenticateView.as_view()), name="account_reauthenticate"),
    path("staff/confirm/code/", any_staff(factor.ReauthenticateView.as_view()), name="mfa_reauthenticate"),
    path("staff/password/", any_staff(staff_pages.Password.as_view()), name="account_change_password"),
]
if settings.RIGHTFUL_DEMO:
    urlpatterns.append(path("demo/outbox/", public(outgoing.outbox), name="outbox"))
