"""Letters of the queue become mails: in their language, escaped where it must be, tried again when a server says so."""

from __future__ import annotations

import smtplib
from pathlib import Path

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.template.loader import get_template

from rightful.web import mailing

HOSTILE = "<script>alert(1)</script>\r\nBcc: all@example.com"


@pytest.fixture
def templates(settings, tmp_path: Path) -> Path:
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / "note.subject.txt").write_text("{% load i18n %}{{ name }}, {% translate 'Yes' %}\n")
    (folder / "note.txt").write_text("Hello {{ name }},\n{{ site }}/x from {{ organisation }} & friends\n")
    (folder / "note.html").write_text("{% extends 'mail/base.html' %}{% block words %}<p>{{ name }}</p>{% endblock %}")
    (folder / "plain.subject.txt").write_text("Plain")
    (folder / "plain.txt").write_text("Only text")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path, *settings.TEMPLATES[0]["DIRS"]]}]
    return folder


@pytest.fixture(autouse=True)
def empty(meadow):
    while (letter := meadow.mail.take()) is not None:
        meadow.mail.not_sent(letter, "5.0.0", permanent=True)
    django_mail.outbox.clear()


def put(meadow, **more: object) -> int:
    given = {"to": "ana@example.com", "template": "note", "words": {"name": "Ana"}, "subject_no": 0} | more
    return meadow.mail.put(**given)


class Refusing(BaseEmailBackend):
    """A mail server that answers with `error`."""

    error: Exception = OSError()

    def send_messages(self, messages):
        raise self.error


def test_a_letter_leaves_in_its_language_with_both_forms_and_is_marked_sent(meadow, templates):
    number = put(meadow, language="de", headers={"List-Unsubscribe": "<mailto:no@example.com>"})
    assert mailing.deliver(meadow) == mailing.Delivered(sent=1)
    (message,) = django_mail.outbox
    assert message.to == ["ana@example.com"]
    assert "Hello Ana" in message.body
    assert "from Meadow & friends" in message.body
    assert '<html lang="de" dir="ltr">' in message.alternatives[0].content
    sent = message.message()
    assert sent["Auto-Submitted"] == "auto-generated"
    assert sent["List-Unsubscribe"] == "<mailto:no@example.com>"
    assert sent["Message-ID"].startswith("<")
    assert meadow.mail.line(number).state == "sent"
    assert mailing.deliver(meadow) == mailing.Delivered(), "and never again"


def test_ac_032_a_payload_in_a_mail_is_text(meadow, templates):
    put(meadow, words={"name": HOSTILE})
    assert mailing.deliver(meadow).sent == 1
    (message,) = django_mail.outbox
    assert "<script>" not in message.alternatives[0].content
    assert "<script>alert(1)</script>" in message.body, "text is text: nothing is escaped that a person reads"
    assert message.message()["Bcc"] is None
    assert "\n" not in message.subject


def test_a_letter_without_html_is_text_alone(meadow, templates):
    put(meadow, template="plain")
    mailing.deliver(meadow)
    assert django_mail.outbox[0].alternatives == []


def test_a_letter_without_a_template_fails_and_the_next_one_leaves(meadow, templates, caplog):
    broken, fine = put(meadow, template="no-such"), put(meadow)
    assert mailing.deliver(meadow) == mailing.Delivered(sent=1, failed=1)
    assert meadow.mail.line(broken).status == "unreadable"
    assert meadow.mail.line(fine).state == "sent"


@pytest.mark.parametrize(
    ("error", "status", "again"),
    [
        (smtplib.SMTPRecipientsRefused({"ana@example.com": (550, b"5.1.1 <ana@example.com> unknown")}), "5.1.1", False),
        (smtplib.SMTPRecipientsRefused({"ana@example.com": (451, b"4.7.1 greylisted")}), "4.7.1", True),
        (smtplib.SMTPDataError(554, b"no"), "5.0.0", False),
        (smtplib.SMTPAuthenticationError(454, b"4.7.0 later"), "4.7.0", True),
        (smtplib.SMTPServerDisconnected("gone"), "SMTPServerDisconnected", True),
        (ConnectionRefusedError(), "ConnectionRefusedError", True),
    ],
)
def test_a_server_that_refuses_is_believed_and_its_words_are_not_kept(
    meadow, templates, settings, caplog, error, status, again
):
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    Refusing.error = error
    kind = f"kind-{status}"
    number = put(meadow, kind=kind)
    done = mailing.deliver(meadow)
    assert (done.later, done.failed) == ((1, 0) if again else (0, 1))
    assert meadow.mail.line(number).status == status
    assert "ana@" not in caplog.text
    assert meadow.mail.is_dead("ana@example.com", kind) is (status == "5.1.1")


def test_reports_of_failure_have_an_address_of_their_own_for_each_mail(meadow, templates, settings):
    settings.RIGHTFUL_MAIL_BOUNCES = "bounces@meadow.example"
    put(meadow)
    mailing.deliver(meadow)
    (message,) = django_mail.outbox
    token = message.message()["Message-ID"][1:33]
    assert message.from_email == f"bounces+{token}@meadow.example"
    assert message.message()["From"] == settings.DEFAULT_FROM_EMAIL


def test_every_mail_template_of_the_product_has_a_subject_of_one_line():
    root = Path(__file__).resolve().parents[2] / "rightful"
    texts = [path for path in root.rglob("templates/mail/*.txt") if not path.name.endswith(".subject.txt")]
    for path in texts:
        get_template(f"mail/{path.stem}.txt")
        subject = path.with_suffix("").with_suffix(".subject.txt")
        assert subject.is_file(), f"{path.name} has no subject"
        assert len(subject.read_text(encoding="utf-8").strip().splitlines()) == 1
