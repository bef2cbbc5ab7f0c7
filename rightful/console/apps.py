"""The console as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "rightful.console"
    label = "console"

    def ready(self) -> None:
        from rightful.console import company_sign_in  # noqa: F401 - it listens for sign-ins
