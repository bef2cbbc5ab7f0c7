"""A small club, real in every part: people with health data, notes about two people, a joint account, a score."""

from __future__ import annotations

import csv
import shutil
import time
from pathlib import Path

import pytest

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.publish_policy import publish_policy
from rightful.workspace import Workspace

OLGA = "olga@club.example"
POLICY = """
rightful: 1
policy: {name: Club, version: "1", owner: privacy@club.example, timezone: Europe/Dublin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [IE, DE], digital-consent-age: {IE: 16, DE: 16}}
  UK: {laws: [uk-gdpr], where: [GB], digital-consent-age: {GB: 13}}
  CA: {laws: [ccpa], where: [US-CA], signals: [gpc]}
categories:
  keys: {fields: [customer.id, visit.id, visit.customer_id, account.id, account.customer_id]}
  identity: {fields: [customer.name]}
  contact: {fields: [customer.email, customer.phone]}
  place: {fields: [customer.residence]}
  birth: {fields: [customer.birth_date]}
  health: {fields: [customer.care_need], special: gdpr-9}
  behaviour: {fields: [visit.seen_on, visit.page]}
  score: {fields: [customer.churn_score]}
  third-party: {fields: [account.co_holder]}
  money: {fields: [account.balance]}
  free-text: {fields: [customer.notes], treat-as: special}
roles: {officer: [service], support: [service], care-team: [care, watch, marketing]}
purposes:
  service:
    says: We help you.
    basis: contract
    needs: [keys, identity, contact, place, behaviour, money]
    keep: 6 months after the last visit
  care: {says: We look after you., basis: consent, needs: [health], special-ground: explicit-consent}
  watch:
    says: We guess who may leave.
    basis: {legitimate-interest: "LIA-1"}
    needs: [score]
  marketing:
    says: We tell you about things.
    direct-marketing: true
    children:
      letter:
        says: We send you our letter.
        basis: {EU: consent, UK: consent, CA: opt-out}
        channels: [email]
        needs: [identity, contact]
        recipients: [mailer]
      ads:
        says: We show you adverts elsewhere.
        basis: {EU: consent, UK: consent, CA: opt-out-of-sharing}
        needs: [customer.email]
recipients:
  mailer: {kind: processor, agreement: DPA-1, until: 2035-01-01, country: IE, covers: [identity, contact]}
"""
CUSTOMERS = [
    # key, name, email, phone, residence, born, care_need, score, notes
    ("A1", "Ana Ortiz", "ana@example.com", "+353 1 555 0101", "IE", "1980-05-05", "", "0.7", ""),
    ("B2", "Ben Roth", "ben@example.com", "+353 1 555 0202", "IE", "1979-01-02", "insulin", "0.2", ""),
    ("C3", "Cem Kaya", "cem@example.com", "+353 1 555 0303", "IE", "1985-01-02", "", "0.4",
     "Called with Ana Ortiz <ana@example.com>, +353 1 555 0101. Own number +353 1 555 0303."),
    ("D4", "Dee Lake", "dee@example.com", "", "US-CA", "1991-01-02", "", "0.1", ""),
    ("E5", "Eve Hill", "eve@example.com", "", "", "1991-01-02", "", "0.1", ""),
    ("F6", "Flo Byrne", "flo@example.com", "", "GB", "1991-01-02", "", "0.1", ""),
]  # fmt: skip
CROWD = 40


def write(path: Path, head: list[str], rows: list[tuple[object, ...]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path


def make_club(folder: Path, control: dict[str, str] | None = None) -> Path:
    """Build the workspace once; tests work on copies."""
    files = folder / "files"
    files.mkdir(parents=True)
    head = ["id", "name", "email", "phone", "residence", "birth_date", "care_need", "churn_score", "notes"]
    crowd = [(f"X{i}", f"Nobody{i}", f"x{i}@example.com", "", "IE", "1970-01-01", "", "0.5", "") for i in range(CROWD)]
    tables = [
        write(files / "customer.csv", head, [*CUSTOMERS, *crowd]),
        write(
            files / "visit.csv",
            ["id", "customer_id", "seen_on", "page"],
            [(f"V{i}", ("A1", "B2", "C3")[i % 3], "2026-03-01", f"/page/{i}") for i in range(12)],
        ),
        write(
            files / "account.csv",
            ["id", "customer_id", "co_holder", "balance"],
            [("K1", "A1", "Ben Roth, ben@example.com", "12.50"), ("K2", "B2", "", "99.00")],
        ),
    ]
    place = folder / "club"
    subject = {"residence": "residence", "birth_date": "birth_date", "email": "email", "phone": "phone"}
    with Workspace.create(place, "club", subject=subject, control=control) as ws:
        (place / "policy" / "club.yaml").write_text(POLICY, encoding="utf-8")
        register_source.load_files(ws, register_source.propose(tables), actor="eng@club.example")
        publish_policy(ws, actor=OLGA, approver="paul@club.example")
        appoint(ws, OLGA, "officer", actor="eng@club.example")
    return place


class Clock:
    """The machine's clock, moved on by the test; it only ever goes forward."""

    def __init__(self) -> None:
        self.ahead_us = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.ahead_us

    def go_on(self, *, hours: float = 0, days: float = 0, seconds: float = 0) -> None:
        self.ahead_us += int((hours * 3600 + days * 86_400 + seconds) * 1_000_000)


@pytest.fixture(scope="session")
def club_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_club(tmp_path_factory.mktemp("club"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def club(club_template: Path, tmp_path: Path, clock: Clock):
    shutil.copytree(club_template, tmp_path / "club")
    with Workspace.open(tmp_path / "club", clock=clock) as ws:
        yield ws


def letters_to(ws: Workspace) -> list[tuple[str, str]]:
    """(template, address) of every mail in the queue, opened as the worker would."""
    found = []
    while (letter := ws.mail.take()) is not None:
        found.append((letter.template, letter.to))
        ws.mail.sent(letter)
    return found
