"""Who is looking, and in which language.

The customer's key comes from the session, never from the address bar or a form.
"""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import get_language

from rightful.web.doors import CUSTOMER


def key_of(request: HttpRequest) -> str:
    key: str = request.session[CUSTOMER]
    return key


def language() -> str:
    """Of the page being made: "en" where nothing was chosen."""
    return get_language() or "en"
