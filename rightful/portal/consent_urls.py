"""Routes about consents: receipts, signing up by mail, a child's guardian."""

from __future__ import annotations

from django.urls import path

from rightful.portal import choice_words, guardian, opt_in, receipts
from rightful.web.doors import customer, public

receipt = customer(receipts.receipt)
words = customer(choice_words.words)
urlpatterns = [
    path("sign-up/", public(opt_in.sign_up), name="sign-up"),
    path("sign-up/sent/", public(opt_in.sign_up_sent), name="sign-up-sent"),
    path("confirm/<slug:token>/", public(opt_in.confirm), name="confirm"),
    path("me/choices/receipt/<slug:purpose>/", receipt, name="receipt"),
    path("me/choices/receipt/<slug:purpose>/<slug:channel>/", receipt, name="receipt"),
    path("me/choices/words/<slug:purpose>/", words, name="choice-words"),
    path("me/choices/words/<slug:purpose>/<slug:channel>/", words, name="choice-words"),
    path("me/guardian/", customer(guardian.invite), name="guardian-invite"),
    path("guardian/", public(guardian.come_back), name="guardian-back"),
    path("guardian/sent/", public(guardian.sent), name="guardian-sent"),
    path("guardian/<slug:token>/", public(guardian.page), name="guardian"),
]
