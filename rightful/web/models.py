"""Who can sign in, and their sessions. Customer data has no table here.

A customer lives in the CRM. What stands here is one row per customer who ever
signed in: a handle derived with the web's key, no name, no address. Staff sign
in with their work address and belong to a group, their role.

Easy to get wrong: Django's default user would keep a customer's address in clear.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone


class Users(BaseUserManager["User"]):
    """Finds people by handle; makes none without being told which kind."""

    def customer(self, handle: str) -> User:
        """The row of this customer, made at the first sign-in; it can never have a password."""
        user, made = self.get_or_create(handle=handle, defaults={"kind": User.Kind.CUSTOMER})
        if made:
            user.set_unusable_password()
            user.save(update_fields=["password"])
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person who can sign in."""

    class Kind(models.TextChoices):
        CUSTOMER = "customer"
        STAFF = "staff"

    handle = models.CharField(max_length=254, unique=True)  # staff: work address; customer: keyed hash
    kind = models.CharField(max_length=8, choices=Kind.choices)
    email = models.EmailField(blank=True, default="")  # staff only
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[Users] = Users()
    USERNAME_FIELD = "handle"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [
            # An address of a customer has no place here, whatever the code above does.
            models.CheckConstraint(
                name="customers_have_no_address",
                condition=models.Q(kind="staff") | (models.Q(email="") & models.Q(handle__startswith="c-")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def roles(self) -> frozenset[str]:
        """Names of the groups; empty for customers."""
        return frozenset(self.groups.values_list("name", flat=True)) if self.kind == self.Kind.STAFF else frozenset()


class Identity(models.Model):
    """An account of an identity provider that a member of staff comes in with.

    Issuer and subject together say who it is; no address stands here, because addresses are given to others.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)
    linked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=("issuer", "subject"), name="one_person_for_an_identity"),
            models.UniqueConstraint(fields=("issuer", "user"), name="one_identity_for_a_person"),
        ]

    def __str__(self) -> str:
        return f"identity of {self.user_id}"


class Session(AbstractBaseSession):
    """A session; its content is sealed, its owner is not, so that all of them can be ended at once."""

    user_id = models.BigIntegerField(null=True, db_index=True)

    class Meta:
        db_table = "web_session"

    @classmethod
    def get_session_store_class(cls) -> type:
        from rightful.web.sessions import SessionStore  # the store imports this table

        return SessionStore

    def get_decoded(self) -> dict[str, object]:
        """The content; {} if it does not open, because it is not this session's."""
        content: dict[str, object] = self.get_session_store_class()(self.session_key).decode(self.session_data)
        return content
