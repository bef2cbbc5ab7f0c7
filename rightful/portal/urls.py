"""The customer's pages."""

from __future__ import annotations

from django.urls import include, path

from rightful.portal import choices, coming_in, corrections, data, overview, recipients, uses
from rightful.web.doors import customer, public

app_name = "portal"
urlpatterns = [
    path("", include("rightful.portal.consent_urls")),
    path("", include("rightful.portal.notice_urls")),
    path("", include("rightful.portal.unsigned_urls")),
    path("", include("rightful.portal.request_urls")),
    path("", public(coming_in.come_in), name="come-in"),
    path("code/", public(coming_in.enter_code), name="code"),
    path("me/", customer(overview.overview), name="overview"),
    path("me/choices/", customer(choices.choices), name="choices"),
    path("me/choices/set/", customer(choices.set_choice), name="set-choice"),
    path("me/choices/everything-off/", customer(choices.everything_off), name="everything-off"),
    path("me/choices/undo/", customer(choices.undo), name="undo"),
    path("me/data/", customer(data.data), name="data"),
    path("me/data/copy/<slug:form>", customer(data.copy), name="copy"),
    path("me/data/correct/<str:field>/", customer(corrections.correct), name="correct"),
    path("me/recipients/", customer(recipients.recipients), name="recipients"),
    path("me/uses/", customer(uses.uses), name="uses"),
    path("me/uses/check/", customer(uses.how_to_check), name="how-to-check"),
    path("me/uses/<int:index>/proof", customer(uses.proof), name="proof"),
    path("me/sign-out/", customer(coming_in.sign_out), name="sign-out"),
]
