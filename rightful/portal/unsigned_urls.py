"""Pages of customers who do not sign in: opting out, and what a sealed link opens."""

from __future__ import annotations

from django.urls import path

from rightful.portal import opting_out, preference_form, signals, system_task, unsubscribing
from rightful.web.doors import public, signed

urlpatterns = [
    path("opt-out/", public(opting_out.opt_out), name="opt-out"),
    path("unsubscribe/<str:token>", signed(unsubscribing.one_click), name="unsubscribe"),
    path("tasks/<slug:token>/", public(system_task.task), name="system-task"),
    path("preferences/<str:token>/", signed(preference_form.form), name="preference-form"),
    path("preferences/<str:token>/include", signed(preference_form.fragment), name="preference-include"),
    path(".well-known/gpc.json", public(signals.gpc_json), name="gpc"),
]
