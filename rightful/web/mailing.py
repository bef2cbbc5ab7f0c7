"""Letters of the queue become mails and leave: rendered in their language, sent by Django's backend.

`serve` and every other server of these pages runs one thread of this; `rightful mail
send` does the same once, for cron. Letters wait in the control database, so a restart
loses none.

    templates/mail/<template>.subject.txt   one line
    templates/mail/<template>.txt           what everybody can read
    templates/mail/<template>.html          the same with looks, where there is one

Easy to get wrong: (1) escaping: .html escapes, .txt must not; (2) a line break in a
subject would add headers, so there is none; (3) the error of a mail server quotes the
address, so only its status code is kept; (4) a mail that left just before a crash
leaves again: it has the same Message-ID, and mail programs show it once.

Sign-in codes do not come this way: they are never stored and live three minutes
(web/post.py).

Sources: RFC 3834 (Auto-Submitted), RFC 5322 3.6.4, RFC 8058, RFC 3463.
"""

from __future__ import annotations

import logging
import os
import smtplib
import threading
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.template import Context, TemplateDoesNotExist, TemplateSyntaxError
from django.template.loader import get_template
from django.utils import translation

from rightful.mail.rules import status_of
from rightful.web.opened import workspace

EVERY_SECONDS = 2.0
AT_ONCE = 200
log = logging.getLogger("rightful.web.mailing")

_lock = threading.Lock()
_worker: threading.Thread | None = None
_wake = threading.Event()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one round came to."""

    sent: int = 0
    later: int = 0
    failed: int = 0


def deliver(ws: Any, *, limit: int = AT_ONCE) -> Delivered:
    """Send what is due. Safe to run in several processes at once."""
    sent = later = failed = 0
    connection = get_connection()
    organisation = ""
    while sent + later + failed < limit and (letter := ws.mail.take()) is not None:
        if not organisation:
            policy = ws.shelf.in_force()
            organisation = policy.name if policy else ws.name
        try:
            message = render(letter, organisation)
            message.connection = connection
            message.send()
        except (TemplateDoesNotExist, TemplateSyntaxError, KeyError, TypeError, ValueError) as error:
            log.error("letter %s cannot be rendered: %s", letter.id, type(error).__name__)
            ws.mail.not_sent(letter, "unreadable", permanent=True)
            failed += 1
        except Exception as error:
            status, permanent = _meaning(error)
            log.warning("letter %s did not leave: %s %s", letter.id, type(error).__name__, status)
            if ws.mail.not_sent(letter, status or type(error).__name__, permanent=permanent):
                later += 1
            else:
                failed += 1
        else:
            ws.mail.sent(letter)
            sent += 1
    return Delivered(sent, later, failed)


def render(letter: Any, organisation: str) -> EmailMultiAlternatives:
    """The mail of a letter, in the letter's language."""
    words = {**letter.words, "organisation": organisation, "site": settings.RIGHTFUL_SITE, "language": letter.language}
    with translation.override(letter.language):
        subject = " ".join(_render(f"{letter.template}.subject.txt", words).split())
        text = _render(f"{letter.template}.txt", words).strip() + "\n"
        try:
            html = _render(f"{letter.template}.html", words, escape=True)
        except TemplateDoesNotExist:
            html = ""
    message = EmailMultiAlternatives(
        subject=subject,
        body=text,
        from_email=_envelope(letter.token),
        to=[letter.to],
        headers={
            "From": settings.DEFAULT_FROM_EMAIL,
            "Message-ID": f"<{letter.token}@{_domain()}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": letter.language,
            **letter.headers,
        },
    )
    if html:
        message.attach_alternative(html, "text/html")
    return message


def start() -> None:
    """Begin to deliver in a thread of this process; a second call changes nothing."""
    global _worker
    with _lock:
        if _worker is None or not _worker.is_alive():  # also after a fork, which takes no threads along
            _worker = threading.Thread(target=_work, name="rightful-mail", daemon=True)
            _worker.start()


def wake() -> None:
    """Look at once instead of in a moment; for pages that promise a mail."""
    _wake.set()


def _work() -> None:
    here = os.getpid()
    while os.getpid() == here:
        _wake.wait(EVERY_SECONDS)
        _wake.clear()
        try:
            deliver(workspace())
        except Exception as error:  # a locked database, a full disk: the letters are still there
            log.error("mail waits: %s", type(error).__name__)
            _wake.wait(30)


def _render(name: str, words: dict[str, Any], *, escape: bool = False) -> str:
    template: Any = get_template(f"mail/{name}").template  # type: ignore[attr-defined]
    text: str = template.render(Context(words, autoescape=escape))
    return text


def _meaning(error: Exception) -> tuple[str, bool]:
    """(enhanced status code, whether trying again is useless) of what a mail server answered."""
    code, text = 0, b""
    if isinstance(error, smtplib.SMTPRecipientsRefused) and error.recipients:
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error  # type: ignore[assignment]
    if not code:
        return "", False
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    return status_of(words) or f"{code // 100}.0.0", code // 100 == 5


def _envelope(token: str) -> str:
    """Where reports of failure go: an address of its own for each mail, if there is a mailbox for them."""
    if not settings.RIGHTFUL_MAIL_BOUNCES:
        return settings.DEFAULT_FROM_EMAIL
    local, _, domain = settings.RIGHTFUL_MAIL_BOUNCES.partition("@")
    return f"{local}+{token}@{domain}"


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
