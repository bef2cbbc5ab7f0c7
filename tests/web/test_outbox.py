"""Mail that is written down instead of sent, the demo's page of it, and where the site may listen."""

from __future__ import annotations

import stat

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from rightful.errors import BadInput
from rightful.web import serve
from rightful.web.outbox import OutboxBackend, latest_code, mails


@pytest.fixture
def folder(tmp_path, settings):
    settings.RIGHTFUL_WORKSPACE = tmp_path
    return tmp_path


def write(to: str, body: str, subject: str = "Your code") -> None:
    OutboxBackend().send_messages([EmailMessage(subject, body, "us@example.com", [to])])


def test_a_mail_is_kept_whole_and_only_its_owner_reads_it(folder):
    write("ana@example.com", "Grüße\n\n    BCDF-2345\n")
    (mail,) = mails(folder)
    assert (mail.to, mail.subject, mail.code) == ("ana@example.com", "Your code", "BCDF-2345")
    assert "Grüße" in mail.body
    (path,) = (folder / "outbox").glob("*.eml")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "outbox").stat().st_mode) == 0o700


def test_the_newest_code_of_the_right_person_is_found(folder):
    write("ana@example.com", "    BCDF-2345\n")
    write("ana@example.com", "    GHJK-6789\n")
    write("ben@example.com", "    LMNP-2222\n")
    write("ana@example.com", "no code in here\n", "Hello")
    assert latest_code(folder, "Ana@Example.com") == "GHJK-6789"
    assert latest_code(folder, "nobody@example.com") is None


def test_a_line_break_in_a_subject_makes_no_second_header(folder):
    with pytest.raises(ValueError, match="newline"):
        write("ana@example.com", "x", "Hello\nBcc: all@example.com")
    assert mails(folder) == ()


def test_the_page_of_mails_exists_in_the_demo_only(meadow):
    assert Client().get("/demo/outbox/").status_code == 404


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.com"])
def test_without_tls_the_site_listens_to_this_machine_only(workspace_folder, monkeypatch, host):
    monkeypatch.delenv("RIGHTFUL_MODE", raising=False)
    with pytest.raises(BadInput, match="in clear"):
        serve.serve(workspace_folder, host=host)


def test_the_demo_does_not_run_in_production(workspace_folder, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_MODE", "production")
    with pytest.raises(BadInput):
        serve.serve(workspace_folder, demo=True)


def test_the_addresses_are_said_in_full():
    assert serve.addresses("127.0.0.1", 8000, demo=True) == (
        "Customers   http://127.0.0.1:8000/",
        "Staff       http://127.0.0.1:8000/staff/",
        "Demo mail   http://127.0.0.1:8000/demo/outbox/",
    )
    assert serve.addresses("::1", 80, demo=False)[0] == "Customers   http://[::1]:80/"
