"""Addresses of the staff's request pages (C2, C3)."""

from __future__ import annotations

from django.urls import path

from rightful.console import request_texts, requests
from rightful.web.doors import staff

officer = staff(requests.SEES_REQUESTS)
urlpatterns = [
    path("requests/", officer(requests.listed), name="requests"),
    path("requests/list.csv", officer(requests.as_file), name="requests-csv"),
    path("requests/many/", officer(requests.many), name="many-requests"),
    path("requests/undo/", officer(requests.undo_many), name="undo-requests"),
    path("requests/new/", officer(requests.new), name="new-request"),
    path("requests/<slug:ref>/", officer(requests.opened), name="request"),
    path("requests/<slug:ref>/act/", officer(requests.act), name="act-on-request"),
    path("requests/<slug:ref>/letter/<slug:name>.pdf", officer(requests.letter_pdf), name="request-letter"),
    path("requests/<slug:ref>/texts/", officer(request_texts.review), name="request-texts"),
]
