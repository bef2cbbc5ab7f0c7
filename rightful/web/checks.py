"""What Django's own checks do not know: that every route is declared, and mail goes somewhere."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register

from rightful.web.doors import undeclared


@register(Tags.security)
def every_route_says_who_may_open_it(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    return [
        Error(f"{path} does not say who may open it", hint="public, customer or staff(...)", id="rightful.E001")
        for path in undeclared()
    ]


@register(Tags.security, deploy=True)
def production_is_meant(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.PRODUCTION:
        found.append(Warning("RIGHTFUL_MODE is not production", id="rightful.W001"))
    if settings.RIGHTFUL_DEMO:
        found.append(Error("RIGHTFUL_DEMO shows outgoing mail to everybody", id="rightful.E002"))
    if settings.EMAIL_BACKEND == "rightful.web.outbox.OutboxBackend":
        found.append(Warning("no mail leaves: RIGHTFUL_SMTP is not set", id="rightful.W002"))
    return found
