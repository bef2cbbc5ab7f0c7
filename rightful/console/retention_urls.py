"""Addresses of the staff's retention pages (C12)."""

from __future__ import annotations

from django.urls import path

from rightful.console import certificates, gone, holds, minimising, retention
from rightful.web.doors import staff

sees = staff(*retention.SEE_RETENTION)
officer = staff(retention.ACTS)
urlpatterns = [
    path("retention/", sees(retention.due), name="retention"),
    path("retention/dispose/", officer(retention.confirm), name="dispose"),
    path("retention/dispose/order/", officer(retention.order), name="order-disposal"),
    path("retention/dispose/take-back/", officer(retention.take_back), name="take-back-disposal"),
    path("retention/progress/", sees(retention.progress), name="disposal-progress"),
    path("retention/holds/", sees(holds.listed), name="holds"),
    path("retention/holds/place/", officer(holds.place), name="place-hold"),
    path("retention/holds/release/", officer(holds.release), name="release-hold"),
    path("retention/certificates/", sees(certificates.listed), name="certificates"),
    path("retention/certificates/issue/", officer(certificates.issue), name="issue-certificate"),
    path("retention/certificates/<slug:run>/<str:form>", sees(certificates.download), name="certificate"),
    path("retention/gone/", sees(gone.listed), name="gone"),
    path("retention/gone/let-in/", officer(gone.welcome), name="let-in"),
    path("retention/unneeded/", sees(minimising.unneeded), name="unneeded"),
    path("retention/anonymity/", officer(minimising.anonymity), name="anonymity"),
]
