"""The staff's pages, each with the roles that see it."""

from __future__ import annotations

from django.urls import include, path

from rightful.console import company_sign_in, corrections, letters, notices, pages, sharing
from rightful.web.accounts import ROLES
from rightful.web.doors import public, staff

app_name = "console"
urlpatterns = [
    path("", include("rightful.console.request_urls")),
    path("", include("rightful.console.consent_urls")),
    path("", include("rightful.console.retention_urls")),
    path("", staff(*ROLES)(pages.today), name="today"),
    path("log/", staff(pages.SEES_THE_LOG)(pages.log), name="log"),
    path("corrections/", staff(corrections.SEES_CORRECTIONS)(corrections.listed), name="corrections"),
    path("corrections/<int:number>/", staff(corrections.SEES_CORRECTIONS)(corrections.opened), name="correction"),
    path(
        "corrections/<int:number>/decide/",
        staff(corrections.SEES_CORRECTIONS)(corrections.decide),
        name="decide-correction",
    ),
    path("sharing/", staff(*sharing.SEE_SHARING)(sharing.shown), name="sharing"),
    path("sharing/tell/", staff(sharing.ACTS)(sharing.tell), name="tell-recipients"),
    path("sharing/confirm/", staff(sharing.ACTS)(sharing.confirm), name="confirm-recipient"),
    path("sharing/revoke/", staff(sharing.ACTS)(sharing.revoke), name="revoke-list"),
    path("notices/", staff(*notices.SEE_NOTICES)(notices.listed), name="notices"),
    path("notices/preview/", staff(*notices.SEE_NOTICES)(notices.previewed), name="notice-preview"),
    path("notices/publish/", staff(notices.PUBLISHES)(notices.publish), name="publish-notice"),
    path("sign-in/company/", public(company_sign_in.start), name="company-sign-in"),
    path("sign-in/company/back/", public(company_sign_in.back), name="company-back"),
    path("mail/", staff(*letters.SEE_LETTERS)(letters.listed), name="mail"),
]
