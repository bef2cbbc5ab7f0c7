"""The workspace this process serves, opened once, on first need.

Opening after the server has forked is what keeps database handles whole; the
class is named in the settings because the ground imports nothing above it.
"""

from __future__ import annotations

import threading
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

_lock = threading.Lock()
_opened: Any = None


def workspace() -> Any:
    """The open workspace (`rightful.workspace.Workspace`); safe to call from every thread."""
    global _opened
    if _opened is None:
        with _lock:
            if _opened is None:
                if settings.RIGHTFUL_WORKSPACE is None:
                    raise ImproperlyConfigured("RIGHTFUL_WORKSPACE names no workspace folder")
                _opened = import_string(settings.RIGHTFUL_WORKSPACE_CLASS).open(settings.RIGHTFUL_WORKSPACE)
    return _opened


def serve_this(already_open: Any) -> Any:
    """Serve a workspace that is open already; returns the one served before."""
    global _opened
    with _lock:
        before, _opened = _opened, already_open
    return before


def organisation(request: HttpRequest) -> dict[str, object]:
    """What every page says about whose it is."""
    try:
        name = workspace().facts.policy.name
    except Exception:
        name = "Rightful"
    provider = settings.RIGHTFUL_OIDC.get("name", "")
    return {"organisation": name, "demo": settings.RIGHTFUL_DEMO, "identity_provider": provider}
