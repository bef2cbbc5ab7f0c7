"""Routes of the consent page."""

from __future__ import annotations

from django.urls import path

from rightful.console import consents
from rightful.web.doors import staff

urlpatterns = [
    path("consent/", staff(*consents.SEE_CONSENTS)(consents.shown), name="consents"),
    path("consent/guardian/<int:number>/", staff(consents.CHECKS)(consents.guardian), name="guardian"),
    path("consent/guardian/<int:number>/decide/", staff(consents.CHECKS)(consents.decide), name="decide-guardian"),
]
