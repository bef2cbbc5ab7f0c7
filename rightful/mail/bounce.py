"""What a delivery report says: which mail came back, and why.

Reads messages of the form of RFC 3464 (multipart/report; report-type=delivery-status).
Our mail is recognised by its token: in the address the report was sent to
(bounces+TOKEN@...), else in the Message-ID of what came back.

Easy to get wrong: believing free text. Only the status fields count; an out-of-office
answer or a delay notice is no bounce.

Sources: RFC 3464, RFC 6522, RFC 3463; RFC 5321 4.5.5 (the null sender).
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser

from rightful.errors import BadInput
from rightful.mail.rules import status_of

LARGEST = 1_000_000
TOKEN = re.compile(r"[0-9a-f]{32}")
_IN_ADDRESS = re.compile(r"\+([0-9a-f]{32})@")
_IN_MESSAGE_ID = re.compile(r"<([0-9a-f]{32})@")


@dataclass(frozen=True, slots=True)
class Bounce:
    """One mail that did not arrive. `status` is an enhanced status code (RFC 3463), "5.0.0" if none was given."""

    token: str
    status: str


def read_bounce(raw: bytes) -> Bounce | None:
    """The bounce in a message; None if it reports no failure.

    Raises:
        BadInput: no delivery report, or none about a mail of ours.
    """
    if len(raw) > LARGEST:
        raise BadInput("this message is too large for a delivery report")
    message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(raw)
    report = next((part for part in message.walk() if part.get_content_type() == "message/delivery-status"), None)
    if report is None:
        raise BadInput("this is no delivery report", remedy="Give it the whole message, as it came (RFC 3464)")
    failures = [fields for fields in _fields(report) if _word(fields, "Action") == "failed"]
    if not failures:
        return None
    token = _token(message)
    if token is None:
        raise BadInput("this report is about no mail of ours")
    return Bounce(token, status_of(_word(failures[0], "Status")) or "5.0.0")


def _fields(report: EmailMessage) -> Iterator[EmailMessage]:
    """The blocks about single recipients; the first block is about the whole message."""
    parts = report.get_payload()
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, EmailMessage) and _heads(part, "Action"):
            yield part


def _word(fields: EmailMessage, name: str) -> str:
    return next(iter(_heads(fields, name)), "").split(";")[0].strip().lower()


def _heads(message: EmailMessage, name: str) -> list[str]:
    """The values of a header as they were written: Python's own reading of one can fail on hostile text."""
    return [str(value) for key, value in message.raw_items() if key.lower() == name.lower()]


def _token(message: EmailMessage) -> str | None:
    for name in ("To", "Delivered-To", "X-Original-To"):
        for value in _heads(message, name):
            if found := _IN_ADDRESS.search(value):
                return found.group(1)
    for part in message.walk():
        if part.get_content_type() == "message/rfc822":
            inner = part.get_payload()
            heads = [head for one in inner if isinstance(one, EmailMessage) for head in _heads(one, "Message-ID")]
        elif part.get_content_type() == "text/rfc822-headers":
            heads = [str(part.get_content())]
        else:
            continue
        for head in heads:
            if found := _IN_MESSAGE_ID.search(head):
                return found.group(1)
    return None
