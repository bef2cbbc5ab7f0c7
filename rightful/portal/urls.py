"""The customer's pages."""

from __future__ import annotations

from django.urls import path

from rightful.portal import coming_in, pages, receipts
from rightful.web.doors import customer, public

app_name = "portal"
receipt = customer(receipts.receipt)
urlpatterns = [
    path("", public(coming_in.come_in), name="come-in"),
    path("code/", public(coming_in.enter_code), name="code"),
    path("me/", customer(pages.overview), name="overview"),
    path("me/choices/", customer(pages.choices), name="choices"),
    path("me/choices/set/", customer(pages.set_choice), name="set-choice"),
    path("me/choices/everything-off/", customer(pages.everything_off), name="everything-off"),
    path("me/choices/undo/", customer(pages.undo), name="undo"),
    path("me/choices/receipt/<slug:purpose>/", receipt, name="receipt"),
    path("me/choices/receipt/<slug:purpose>/<slug:channel>/", receipt, name="receipt"),
    path("me/data/", customer(pages.data), name="data"),
    path("me/uses/", customer(pages.uses), name="uses"),
    path("me/uses/<int:index>/proof", customer(pages.proof), name="proof"),
    path("me/sign-out/", customer(coming_in.sign_out), name="sign-out"),
]
