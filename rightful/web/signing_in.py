"""How sign-in behaves, and what starts and ends a session.

Nobody signs up. Switching an account off, a new password and a changed second
factor end its sessions at once.

Easy to get wrong: allauth sends mail while the page waits and shows messages
about it; both would tell a stranger whether an account exists.

Sources: OWASP ASVS 5.0 V6.3.8, V7.2.4, V7.4; abuse case AC-026.
"""

from __future__ import annotations

import hmac
import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from rightful.web import doors, post
from rightful.web import secret as web_secret
from rightful.web.models import User
from rightful.web.sessions import end_sessions


class AccountAdapter(DefaultAccountAdapter):
    """allauth as this product uses it: no sign-up, no chatter, mail from another thread."""

    error_messages = {  # noqa: RUF012 - allauth's own shape
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("This address and this password do not belong together."),
        "too_many_login_attempts": _("Too many tries. Wait five minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def add_message(self, *args: Any, **kwargs: Any) -> None:
        """Our pages say what happened themselves."""

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("console:today") if request.user.kind == "staff" else reverse("portal:overview")

    def get_logout_redirect_url(self, request: HttpRequest) -> str:
        return reverse("portal:come-in")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("account_login")

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Not for somebody who signed in a moment ago: they have just shown all they have."""
        came = self.request.session.get(doors.CAME_IN_AT, 0)
        fresh = 0 <= time.time() - came < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
        return not fresh and bool(super().is_reauthentication_required(app=app, **kwargs))

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        post.send_later(self.render_mail(template_prefix, email, context))


def customer_handle(key: str) -> str:
    """What the web database knows a customer by: a keyed hash, of no use without the web's key."""
    use = web_secret.derive(settings.SECRET_KEY, "customer-handle")
    return "c-" + hmac.digest(use, key.encode(), "sha256").hex()[:40]


# ---------------------------------------------------------------- what starts and ends sessions


@receiver(user_logged_in)
def _start_the_clocks(request: HttpRequest, **_: Any) -> None:
    request.session[doors.CAME_IN_AT] = request.session[doors.SEEN_AT] = time.time()


@receiver(post_save, sender=User)
def _end_sessions_of_a_switched_off_account(instance: User, **_: Any) -> None:
    if not instance.is_active:
        end_sessions(instance.pk)


@receiver(post_delete, sender=User)
def _end_sessions_of_a_removed_account(instance: User, **_: Any) -> None:
    if instance.pk is not None:
        end_sessions(instance.pk)


@receiver(authenticator_added)
@receiver(authenticator_removed)
@receiver(authenticator_reset)
def _end_other_sessions_after_a_new_factor(request: HttpRequest, user: User, **_: Any) -> None:
    request.session[doors.FACTOR_SET_UP_HERE] = bool(user.authenticator_set.exists())
    request.session.save()
    end_sessions(user.pk, but=request.session.session_key)


@receiver(password_changed)
@receiver(password_set)
@receiver(password_reset)
def _end_other_sessions_after_a_new_password(request: HttpRequest, user: User, **_: Any) -> None:
    end_sessions(user.pk, but=request.session.session_key)
