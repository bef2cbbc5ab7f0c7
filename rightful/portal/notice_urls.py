"""The pages of the public notice, and the question a new one puts to those who agreed to an older one."""

from __future__ import annotations

from django.urls import path

from rightful.portal import notice_pages, renewing
from rightful.web.doors import customer, public

urlpatterns = [
    path("notice/", public(notice_pages.newest), name="notice"),
    path("notice/versions/", public(notice_pages.versions), name="notice-versions"),
    path("notice/<str:name>/", public(notice_pages.version), name="notice-version"),
    path("notice/<str:name>/since/<str:old>/", public(notice_pages.changes), name="notice-changes"),
    path("notice/<str:name>/file/<slug:form>", public(notice_pages.file), name="notice-file"),
    path("me/choices/renew/", customer(renewing.answer), name="renew"),
]
