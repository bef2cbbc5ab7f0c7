"""Where sessions are kept: in the database, sealed, and countable per person.

A session of this product can hold which customer somebody is and a pending code.
Django only signs what it stores; here it is encrypted and tied to its own key,
so a row that is copied to another session key does not open.

Source: OWASP ASVS 5.0 V7.2, V7.4 (ending all sessions of an account), V14.2.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from rightful.errors import IntegrityFault
from rightful.web import secret as web_secret


class SessionStore(DatabaseStore):
    """Database sessions whose content only the web's key opens."""

    cache_key_prefix = "rightful.web.sessions"

    @classmethod
    def get_model_class(cls) -> Any:
        from rightful.web.models import Session  # apps are not ready at import

        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        owner = data.get(SESSION_KEY)
        row.user_id = int(owner) if owner else None
        return row

    def encode(self, session_dict: dict[str, Any]) -> str:
        text = json.dumps(session_dict, separators=(",", ":"))
        return web_secret.seal_text(_key(settings.SECRET_KEY), text, f"session/{self._get_or_create_session_key()}")

    def decode(self, session_data: Any) -> dict[str, Any]:
        try:
            text = web_secret.unseal_text(_key(settings.SECRET_KEY), session_data, f"session/{self.session_key}")
        except IntegrityFault:
            return {}  # a row nobody can open is nobody's session
        content: dict[str, Any] = json.loads(text)
        return content


def end_sessions(user_id: int, *, but: str | None = None) -> int:
    """End every session of this person, at once; `but` keeps the one being used. Returns how many ended."""
    from rightful.web.models import Session  # apps are not ready at import

    return Session.objects.filter(user_id=user_id).exclude(session_key=but or "").delete()[0]


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    return web_secret.derive(secret, "session")
