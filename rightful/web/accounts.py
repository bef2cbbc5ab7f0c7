"""Accounts of staff, and the rows of customers who signed in: made, switched off, forgotten.

An engineer creates staff on the command line; there is no default account and no
sign-up. Customers come from the CRM and get a row at their first sign-in.

Each function takes the workspace (or its folder) first and sets Django up for it
if nobody has, so that the command line needs to know nothing about the web.

Sources: OWASP ASVS 5.0 V6.2, V6.3.2, V6.4.4.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rightful.errors import BadInput, NotFound
from rightful.web.manage import ready

if TYPE_CHECKING:
    from rightful.web.models import User

ROLES = ("officer", "marketer", "analyst", "engineer")


def create_staff(workspace: Any, email: str, password: str | None, role: str, totp_secret: str | None = None) -> User:
    """Make an account for a member of staff.

    Args:
        workspace: the open workspace or its folder.
        email: work address, also the sign-in name.
        password: at least 12 characters, none of the common ones; None: this person comes in by
            the organisation's identity provider alone.
        role: officer, marketer, analyst or engineer.
        totp_secret: base32; without it the person sets up a second factor at the first sign-in.

    Raises:
        BadInput: the address, the password or the role cannot be taken, or the account exists.
    """
    ready(workspace)
    from allauth.mfa.totp.internal.auth import TOTP
    from django.contrib.auth.models import Group
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError
    from django.core.validators import validate_email
    from django.db import transaction

    from rightful.web.models import User

    address = email.strip().lower()
    if role not in ROLES:
        raise BadInput(f"there is no role {role!r}", remedy=f"One of: {', '.join(ROLES)}")
    user = User(handle=address, email=address, kind=User.Kind.STAFF)
    try:
        validate_email(address)
        if password is not None:
            validate_password(password, user)
    except ValidationError as error:
        raise BadInput("this account cannot be made: " + " ".join(error.messages)) from error
    with transaction.atomic():
        if User.objects.filter(handle=address).exists():
            raise BadInput("an account with this address exists already")
        user.set_password(password)
        user.save()
        user.groups.add(Group.objects.get_or_create(name=role)[0])
        if totp_secret is not None:
            TOTP.activate(user, totp_secret)
    return user


def give_role(workspace: Any, email: str, role: str) -> None:
    """Let an account open what this role opens, from the next page on; nothing, if the console has no such role."""
    user = _staff(workspace, email)
    from django.contrib.auth.models import Group

    user.groups.set([Group.objects.get_or_create(name=role)[0]] if role in ROLES else [])


def renew(workspace: Any, email: str, password: str | None) -> None:
    """Switch an account on again, with another password or none; its sessions end, its second factor stays.

    Raises:
        NotFound: there is no account.
        BadInput: the password cannot be taken.
    """
    user = _staff(workspace, email)
    from django.contrib.auth.password_validation import validate_password
    from django.core.exceptions import ValidationError

    from rightful.web.sessions import end_sessions

    try:
        if password is not None:
            validate_password(password, user)
    except ValidationError as error:
        raise BadInput("this password cannot be taken: " + " ".join(error.messages)) from error
    user.set_password(password)
    user.is_active = True
    user.save(update_fields=["password", "is_active"])
    end_sessions(user.pk)


def bind_identity(workspace: Any, email: str, subject: str, *, issuer: str = "", noted: Callable[[str], None]) -> None:
    """Bind an account to one of the identity provider; `noted` writes it down, and without that it does not stand.

    Raises:
        NotFound: there is no account.
        BadInput: no provider is set up, or the person or the subject is bound already.
    """
    user = _staff(workspace, email)
    from django.conf import settings
    from django.db import transaction
    from django.db.models import Q

    from rightful.web.models import Identity

    issuer = issuer or settings.RIGHTFUL_OIDC.get("issuer", "")
    if not issuer:
        raise BadInput("no identity provider is set up", remedy="Set RIGHTFUL_OIDC_ISSUER, or name it by --issuer")
    with transaction.atomic():
        if Identity.objects.filter(Q(user=user) | Q(subject=subject), issuer=issuer).exists():
            raise BadInput("this person or this number is linked already", remedy="`rightful staff unlink` first")
        Identity.objects.create(user=user, issuer=issuer, subject=subject)
        noted(issuer)


def unbind_identity(workspace: Any, email: str, *, noted: Callable[[str], None]) -> None:
    """Take away what an account is bound to, and end its sessions.

    Raises:
        NotFound: there is no account, or it is bound to nothing.
    """
    user = _staff(workspace, email)
    from django.db import transaction

    from rightful.web.sessions import end_sessions

    with transaction.atomic():
        found = list(user.identities.all())
        if not found:
            raise NotFound("this account is linked to nothing")
        for one in found:
            one.delete()
            noted(one.issuer)
    end_sessions(user.pk)


def staff_exists(workspace: Any, email: str) -> bool:
    """Whether there is an account with this work address."""
    ready(workspace)
    from rightful.web.models import User

    return User.objects.filter(handle=email.strip().lower(), kind=User.Kind.STAFF).exists()


def switch_off(workspace: Any, email: str) -> None:
    """Take an account out of use and end its sessions."""
    user = _staff(workspace, email)
    user.is_active = False
    user.save(update_fields=["is_active"])


def reset_second_factor(workspace: Any, email: str) -> None:
    """Remove a lost factor: the next sign-in asks for a new one, and no session stays."""
    user = _staff(workspace, email)
    from rightful.web.sessions import end_sessions

    user.authenticator_set.all().delete()
    end_sessions(user.pk)


def forget_customer(workspace: Any, key: str) -> bool:
    """Remove the sign-in row and the sessions of an erased customer. False: there was none."""
    ready(workspace)
    from rightful.web.models import User
    from rightful.web.signing_in import customer_handle

    return User.objects.filter(handle=customer_handle(key), kind=User.Kind.CUSTOMER).delete()[0] > 0


def totp_now(workspace: Any, totp_secret: str, at: float | None = None) -> str:
    """The code an authenticator app would show; the demo prints it."""
    ready(workspace)
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return format_hotp_value(hotp_value(totp_secret, int((time.time() if at is None else at) // 30)))


def _staff(workspace: Any, email: str) -> User:
    ready(workspace)
    from rightful.web.models import User

    user = User.objects.filter(handle=email.strip().lower(), kind=User.Kind.STAFF).first()
    if user is None:
        raise NotFound("there is no staff account with this address")
    return user
