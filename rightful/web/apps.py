"""The web project as Django knows it; importing the checks registers them."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "rightful.web"
    label = "web"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from rightful.web import checks, signing_in  # noqa: F401 - they register themselves
