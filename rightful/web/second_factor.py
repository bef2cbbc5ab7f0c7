"""How the secret of a second factor is stored: sealed, never in clear.

allauth keeps it as plain text unless its adapter says otherwise.

Source: OWASP ASVS 5.0 V6.5.2.
"""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings

from rightful.web import secret as web_secret

_PLACE = "second-factor"


class SecondFactorAdapter(DefaultMFAAdapter):
    """Seals secrets with a key derived from the web's own."""

    def encrypt(self, text: str) -> str:
        return web_secret.seal_text(web_secret.derive(settings.SECRET_KEY, _PLACE), text, _PLACE)

    def decrypt(self, encrypted_text: str) -> str:
        return web_secret.unseal_text(web_secret.derive(settings.SECRET_KEY, _PLACE), encrypted_text, _PLACE)
