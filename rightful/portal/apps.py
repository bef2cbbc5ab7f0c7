"""The portal as Django knows it."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "rightful.portal"
    label = "portal"
