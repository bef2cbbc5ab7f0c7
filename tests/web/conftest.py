"""A small real workspace, served by the Django test client; one per test run, with a fresh web database per test.

Customers are made up; two of them carry the payloads of AC-032 in every text field.
"""

from __future__ import annotations

import csv
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import django
import pytest
from django.core import mail
from django.test import Client

from tests.second_factor import code_now

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rightful.web.settings")
django.setup()  # before the test files are read: their imports need the tables

__all__ = ["PASSWORD", "PAYLOADS", "SECRET", "Clock"]

PASSWORD = "a long and quiet river"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

POLICY = """\
rightful: 1
policy: {name: Meadow, version: 2026-11-01, owner: privacy@meadow.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE, FR], digital-consent-age: {DE: 16, FR: 15}}
categories:
  key:       {fields: [customer.id]}
  identity:  {fields: [customer.first_name, customer.last_name]}
  contact:   {fields: [customer.email]}
  address:   {fields: [customer.city, customer.country]}
  birth:     {fields: [customer.birth_date]}
  notes:     {fields: [customer.note]}
roles: {officer: [service], marketer: [marketing], analyst: [statistics], engineer: [service]}
purposes:
  delivery:
    says: We use your name and address to bring you what you ordered.
    basis: contract
    needs: [identity, address, contact]
    keep: 6 months after the last delivery
  service:
    says: We look at your record when you ask us for help.
    basis: contract
    needs: [key, identity, contact, notes]
  marketing:
    says: We tell you about things you may like.
    direct-marketing: true
    children:
      newsletter:
        says: We write to you about new things.
        basis: consent
        channels: [email, post]
        needs: [identity, contact, address]
        recipients: [printer]
      advertising:
        says: We show you advertisements on other sites.
        basis: consent
        needs: [contact]
  statistics:
    says: We count, we do not look at you.
    basis: {legitimate-interest: "LIA-2026-03"}
    needs: [address]
    output: {only: aggregates, at-least: 5 people}
recipients:
  printer: {name: Print house Roth, kind: processor, agreement: DPA-1, until: 2099-01-01, country: DE}
"""

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "javascript:alert(1)",
    '<a href="javascript:alert(1)">x</a>',
    "{{7*7}}{% load static %}",
    "{% csrf_token %}",
    "${7*7}#{7*7}",
    "</textarea><script>alert(1)</script>",
    "<iframe srcdoc='<script>alert(1)</script>'>",
    "<style>body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=https://example.org'>",
    "<base href=https://example.org>",
    "<form action=https://example.org><button>x",
    "<math><mtext><mglyph><style><img src=x onerror=alert(1)>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<div hx-get=/me/ hx-trigger=load>",
    "<hx-partial hx-target=#main>gone</hx-partial>",
    "<!--><script>alert(1)</script-->",
    "\u202eevil\u2066",
    "a\r\nSet-Cookie: x=1",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    '=HYPERLINK("https://example.org")',
)


@pytest.fixture(scope="session")
def workspace_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: a policy, 40 customers, 3 people worth naming. Nobody opens it again."""
    from rightful.actions.publish_policy import publish_policy
    from rightful.actions.register_source import load_files, propose
    from rightful.workspace import Workspace

    root = tmp_path_factory.mktemp("web")
    table = root / "customer.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "first_name", "last_name", "email", "city", "country", "birth_date", "note"])
        rows.writerow(["A1", "Ana", "Ortiz", "ana@example.com", "Köln", "DE", "1980-05-05", "likes tea"])
        rows.writerow(["B2", "Ben", "Roth", "ben@example.com", "Bonn", "DE", "1979-01-02", ""])
        rows.writerow(
            ["C3", PAYLOADS[0], PAYLOADS[1], "eve@example.com", PAYLOADS[2], "DE", "1990-02-03", " | ".join(PAYLOADS)]
        )
        rows.writerow(["D4", "Twin", "One", "twins@example.com", "Bonn", "DE", "1991-01-02", ""])
        rows.writerow(["E5", "Twin", "Two", "twins@example.com", "Bonn", "DE", "1991-01-02", ""])
        for number in range(35):
            rows.writerow(
                [f"X{number}", f"First{number}", "Last", f"x{number}@example.com", "Ulm", "DE", "1970-01-01", ""]
            )
    folder = root / "meadow"
    subject = {"residence": "country", "birth_date": "birth_date", "email": "email"}
    with Workspace.create(folder, "meadow", subject=subject) as ws:
        (folder / "policy" / "meadow.yaml").write_text(POLICY, encoding="utf-8")
        load_files(ws, propose([table]), actor="engineer@meadow.example")
        publish_policy(ws, actor="engineer@meadow.example", approver="officer@meadow.example")
    return folder


@pytest.fixture(scope="module")
def workspace_folder(workspace_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for each file of tests, so that none stands on what another left behind."""
    return shutil.copytree(workspace_template, tmp_path_factory.mktemp("web") / "meadow")


class Clock:
    """The machine's clock, or standing still `at_us`: behind the newest entry the ledger refuses to write."""

    def __init__(self) -> None:
        self.at_us: int | None = None

    def __call__(self) -> int:
        return time.time_ns() // 1000 if self.at_us is None else self.at_us


@pytest.fixture(scope="session")
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def opened(workspace_folder: Path, clock: Clock) -> Iterator[object]:
    from rightful.workspace import Workspace

    with Workspace.open(workspace_folder, clock=clock) as ws:
        yield ws


@pytest.fixture
def meadow(db: None, settings, opened, workspace_folder: Path) -> Iterator[object]:
    """The workspace, served by this process."""
    from rightful.web import post
    from rightful.web.opened import serve_this

    settings.RIGHTFUL_WORKSPACE = workspace_folder
    before = serve_this(opened)
    yield opened
    post.wait_until_done()
    serve_this(before)


@pytest.fixture
def unlimited(settings) -> None:
    """No rate limits, for tests that ask often and are about something else."""
    settings.ACCOUNT_RATE_LIMITS = dict.fromkeys(
        ("login", "login_failed", "request_login_code", "portal_code", "reauthenticate", "sign_up", "guardian"),
        "100000/m/ip",
    )


@pytest.fixture
def ask_code(meadow) -> Callable[[Client, str], str]:
    """Ask for a code on the first page; gives back the one in the mail."""
    from rightful.web import post

    def ask(client: Client, address: str) -> str:
        mail.outbox.clear()
        assert client.post("/", {"email": address}).status_code == 302
        post.wait_until_done()
        assert len(mail.outbox) == 1, "one mail for a known address"
        return next(line.strip() for line in mail.outbox[0].body.splitlines() if line.startswith("    "))

    return ask


@pytest.fixture
def as_customer(ask_code) -> Callable[[str], Client]:
    """A browser in which this customer is signed in."""

    def sign_in(address: str = "ana@example.com") -> Client:
        client = Client()
        code = ask_code(client, address)
        assert client.post("/code/", {"code": code}).headers["Location"] == "/me/"
        return client

    return sign_in


@pytest.fixture
def as_staff(meadow, workspace_folder: Path) -> Callable[[str], Client]:
    """A browser in which somebody in this role is signed in, second factor and all."""
    from rightful.web.accounts import create_staff

    def sign_in(role: str = "officer") -> Client:
        create_staff(workspace_folder, f"{role}@meadow.example", PASSWORD, role, SECRET)
        client = Client()
        client.post("/staff/sign-in/", {"login": f"{role}@meadow.example", "password": PASSWORD})
        answer = client.post("/staff/sign-in/code/", {"code": code_now(workspace_folder, SECRET)})
        assert answer.headers["Location"] == "/staff/"
        return client

    return sign_in


@pytest.fixture(autouse=True)
def clock_right(clock: Clock) -> Iterator[None]:
    yield
    clock.at_us = None
