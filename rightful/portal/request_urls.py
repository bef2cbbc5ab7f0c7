"""Addresses of the customer's requests (P7)."""

from __future__ import annotations

from django.urls import path

from rightful.portal import requests
from rightful.web.doors import customer

urlpatterns = [
    path("me/requests/", customer(requests.listed), name="requests"),
    path("me/requests/new/", customer(requests.new), name="new-request"),
    path("me/requests/<slug:ref>/", customer(requests.opened), name="request"),
    path("me/requests/<slug:ref>/confirm/", customer(requests.confirm), name="confirm-request"),
    path("me/requests/<slug:ref>/code/", customer(requests.second_code), name="request-code"),
    path("me/requests/<slug:ref>/message/", customer(requests.message), name="request-message"),
    path("me/requests/<slug:ref>/withdraw/", customer(requests.take_back), name="withdraw-request"),
    path("me/requests/<slug:ref>/copy/", customer(requests.download), name="request-copy"),
]
