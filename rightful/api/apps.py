"""The REST API as a Django application."""

from __future__ import annotations

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """No tables: only templates of pages that a sealed link opens."""

    name = "rightful.api"
    label = "api"
