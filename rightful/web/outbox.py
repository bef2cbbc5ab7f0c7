"""Mail that does not leave: one .eml file each, in <workspace>/outbox.

For development and the demo. The files hold addresses and codes, so only their
owner may read them (0600), and a page that shows them exists in the demo alone.
"""

from __future__ import annotations

import email.policy
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage as ParsedMail
from email.parser import BytesParser
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

_CODE = re.compile(r"^\s*([A-Z0-9]{4}-[A-Z0-9]{4})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that was written down instead of sent."""

    at: datetime
    to: str
    subject: str
    body: str

    @property
    def code(self) -> str | None:
        """The sign-in code in it, if there is one."""
        found = _CODE.search(self.body)
        return found.group(1) if found else None


class OutboxBackend(BaseEmailBackend):
    """Django's mail backend that writes into the workspace's outbox."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = outbox_of(settings.RIGHTFUL_WORKSPACE)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for message in email_messages:
            name = f"{time.time_ns():020d}-{os.urandom(4).hex()}"
            fresh = folder / f".{name}"
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(message.message().as_bytes(linesep="\r\n"))
            fresh.rename(folder / f"{name}.eml")  # a reader never sees half a mail
        return len(email_messages)


def outbox_of(workspace: Path | str | None) -> Path:
    if workspace is None:
        raise ValueError("no workspace, no outbox")
    return Path(workspace) / "outbox"


def mails(workspace: Path | str, *, limit: int = 20) -> tuple[Mail, ...]:
    """The newest mails first."""
    folder = outbox_of(workspace)
    names = sorted(folder.glob("*.eml"), reverse=True)[:limit] if folder.is_dir() else []
    return tuple(_read(name) for name in names)


def latest_code(workspace: Path | str, address: str) -> str | None:
    """The newest sign-in code written to this address, if any."""
    for mail in mails(workspace, limit=200):
        if mail.to.casefold() == address.casefold() and mail.code:
            return mail.code
    return None


def _read(path: Path) -> Mail:
    parsed = BytesParser(_class=ParsedMail, policy=email.policy.default).parsebytes(path.read_bytes())
    part = parsed.get_body(("plain",))
    return Mail(
        at=datetime.fromtimestamp(int(path.name.split("-", 1)[0]) / 1e9, UTC),
        to=str(parsed["To"]),
        subject=str(parsed["Subject"]),
        body=part.get_content() if part is not None else "",
    )
