"""The staff's pages, each with the roles that see it."""

from __future__ import annotations

from django.urls import path

from rightful.console import pages
from rightful.web.accounts import ROLES
from rightful.web.doors import staff

app_name = "console"
urlpatterns = [
    path("", staff(*ROLES)(pages.today), name="today"),
    path("log/", staff(pages.SEES_THE_LOG)(pages.log), name="log"),
]
