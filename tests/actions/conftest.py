"""A small organisation, real in every part: encrypted store, ledger, policy, consent history."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.publish_policy import publish_policy
from rightful.workspace import Workspace

POLICY = """
rightful: 1
policy: {name: Shop, version: "1", owner: privacy@shop.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE, FR], digital-consent-age: {DE: 16, FR: 15}}
  CA: {laws: [ccpa], where: [US-CA], signals: [gpc]}
categories:
  keys: {fields: [customer.id, purchase.id, purchase.customer_id]}
  identity: {fields: [customer.name]}
  contact: {fields: [customer.email, customer.phone]}
  place: {fields: [customer.residence, customer.city]}
  birth: {fields: [customer.birth_date]}
  standing: {fields: [customer.points]}
  orders: {fields: [purchase.amount, purchase.bought_on]}
  free-text: {fields: [customer.notes], treat-as: special}
roles:
  marketer: [marketing]
  analyst: [statistics, study]
  support: [service]
purposes:
  service:
    says: We help you.
    basis: contract
    needs: [keys, identity, contact, place]
  marketing:
    says: We tell you about things you may like.
    direct-marketing: true
    children:
      newsletter:
        says: We send you our letter.
        basis: {EU: consent, CA: opt-out}
        channels: [email]
        needs: [keys, identity, customer.email, standing]
        recipients: [mailer]
      ads:
        says: We show you adverts elsewhere.
        basis: {EU: consent, CA: opt-out-of-sharing}
        needs: [customer.email]
        as: {customer.email: sha256}
        recipients: [network]
  statistics:
    says: We count.
    basis: {legitimate-interest: "LIA-1"}
    needs: [keys, place, standing, orders]
    output: {only: aggregates, at-least: 5 people}
  study:
    says: We study what helps.
    basis: {EU: consent, CA: opt-out}
    needs: [keys, place, standing, orders]
recipients:
  mailer: {kind: processor, agreement: DPA-1, until: 2030-01-01, country: DE, covers: [keys, identity, customer.email]}
  network: {agreement: SCC-1, until: 2030-01-01, country: US, safeguard: scc-2021}
never:
  - {use: [free-text], for: [marketing, statistics, study], because: "people write anything there"}
"""
PEOPLE = 60
CITIES = ("Ulm", "Kiel", "Nice")


def customers(count: int = PEOPLE) -> list[dict[str, str]]:
    return [
        {
            "id": f"C{i:03d}",
            "name": f"Person{i:03d}",
            "email": f"p{i:03d}@example.com",
            "phone": f"CANARY-PHONE-{i:03d}",
            "residence": "US-CA" if i % 10 == 9 else "DE",
            "city": CITIES[i % 3] if i != 1 else "Lonely",
            "birth_date": "2012-03-01" if i == 7 else "1980-01-01",
            "points": str(i),
            "notes": f"CANARY-NOTE-{i:03d}",
        }
        for i in range(count)
    ]


def history() -> list[dict[str, str]]:
    """Customers 0-39 agreed to the newsletter, 30-39 took it back; 0-49 agreed to the study."""
    rows = []
    for i in range(40):
        rows.append(_row(f"g{i}", i, "given", "newsletter", "email", "2026-01-10T09:00:00Z"))
    for i in range(30, 40):
        rows.append(_row(f"w{i}", i, "withdrawn", "newsletter", "email", "2026-02-10T09:00:00Z"))
    for i in range(50):
        rows.append(_row(f"s{i}", i, "given", "study", "", "2026-01-11T09:00:00Z"))
    return rows


def _row(event_id: str, i: int, kind: str, purpose: str, channel: str, at: str, **more: str) -> dict[str, str]:
    base = {
        "event_id": event_id,
        "customer_id": f"C{i:03d}",
        "kind": kind,
        "purpose": purpose,
        "channel": channel,
        "at": at,
        "until": "",
        "notice": "1",
        "method": "form",
        "evidence": f"form-{event_id}",
        "value": "",
    }
    return base | more


def write_csv(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def make_shop(folder: Path, control: dict[str, str] | None = None) -> Path:
    """Build the workspace once; tests work on copies."""
    files = folder / "files"
    files.mkdir(parents=True)
    write_csv(files / "customer.csv", customers())
    purchases = [
        {"id": f"P{i:03d}", "customer_id": f"C{i % PEOPLE:03d}", "amount": f"{i}.5", "bought_on": "2026-03-01"}
        for i in range(150)
    ]
    write_csv(files / "purchase.csv", purchases)
    write_csv(files / "consent.csv", history())
    place = folder / "shop"
    subject = {"residence": "residence", "birth_date": "birth_date", "email": "email"}
    with Workspace.create(place, "shop", subject=subject, control=control) as ws:
        (place / "policy" / "shop.yaml").write_text(POLICY, encoding="utf-8")
        proposal = register_source.propose([files / "customer.csv", files / "purchase.csv"])
        register_source.load_files(ws, proposal, actor="eng@shop.example")
        publish_policy(ws, actor="olga@shop.example", approver="paul@shop.example")
        register_source.import_consents(ws, files / "consent.csv", actor="eng@shop.example")
        for who, role in (("max", "marketer"), ("ana", "analyst"), ("sam", "support")):
            appoint(ws, f"{who}@shop.example", role, actor="olga@shop.example")
    return place


@pytest.fixture(scope="session")
def shop_template(tmp_path_factory):
    return make_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def shop_path(shop_template, tmp_path):
    place = tmp_path / "shop"
    shutil.copytree(shop_template, place)
    return place


@pytest.fixture
def shop(shop_path):
    with Workspace.open(shop_path) as ws:
        yield ws


MAX, ANA, SAM = (f"{name}@shop.example" for name in ("max", "ana", "sam"))
