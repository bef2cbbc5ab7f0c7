"""A workspace with customers in its own store, and a Tryton that it reaches by its interface."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rightful.actions import register_source
from rightful.actions.appoint_staff import appoint
from rightful.actions.connect_system import connect, decide
from rightful.actions.publish_policy import publish_policy
from rightful.gate.systems import System
from rightful.ledger.record import now_us
from rightful.workspace import Workspace
from tests.crm.conftest import Crm

SAM = "sam@meadow.example"
SECRET = "a password for tests only"
VARIABLE = "RIGHTFUL_TEST_TRYTON_SECRET"
CONFIRMED = [
    "ir.attachment.resource>party.party.id",
    "ir.chat.channel.resource>sale.opportunity.id",
    "ir.chat.message.email>party.party.id",
    "ir.email.resource>party.party.id",
    "ir.note.resource>party.party.id",
    "ir.note.resource>sale.opportunity.id",
    "marketing.email.email>party.party.id",
]
POLICY = """
rightful: 1
policy: {name: Meadow, version: "1", owner: privacy@meadow.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE], digital-consent-age: {DE: 16}}
categories:
  keys: {fields: [customer.id, customer.crm_id]}
  identity: {fields: [customer.name]}
  contact: {fields: [customer.email, customer.phone]}
  place: {fields: [customer.residence]}
roles:
  support: [service]
purposes:
  service:
    says: We help you.
    basis: contract
    needs: [keys, identity, contact, place]
"""


def system_at(url: str, *, people: str = "party.party", inside: bool = True, user: str = "admin") -> System:
    return System(
        "tryton", "tryton", url, user, people, ("crm_id", "party.party.id"), {"name": "party.party.name"},
        secret_env=VARIABLE, inside=inside,
    )  # fmt: skip


@contextmanager
def shop(folder: Path, crm: Crm, numbers: Sequence[int], *, clock: Callable[[], int] = now_us) -> Iterator[Workspace]:
    """A workspace whose customers are these people of the CRM: key `c-NO`, and the CRM's key in `crm_id`."""
    path = folder / "customer.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["id", "crm_id", "name", "email", "phone", "residence"])
        for p in (crm.persons[no] for no in numbers):
            writer.writerow([f"c-{p.no}", crm.key(p.no), p.name, p.email, p.phone, "DE"])
    subject = {"email": "email", "residence": "residence"}
    with Workspace.create(folder / "meadow", "meadow", subject=subject, clock=clock) as ws:
        found = register_source.propose([path]).decide("customer", key="id", types={"crm_id": "text"})
        register_source.load_files(ws, found, actor="eng@meadow.example")
        (ws.path / "policy" / "meadow.yaml").write_text(POLICY, encoding="utf-8")
        publish_policy(ws, actor="olga@meadow.example", approver="paul@meadow.example")
        appoint(ws, SAM, "support", actor="olga@meadow.example")
        yield ws


def reach_tryton(ws: Workspace, url: str, *, user: str = "admin") -> None:
    """Connect it, and decide about its links as an engineer who knows Tryton would."""
    made = connect(ws, system_at(url, user=user), actor="eng@meadow.example")
    waiting = {d.link.id for d in made.links if d.state == "proposed"}
    if waiting & set(CONFIRMED):
        decide(ws, "tryton", sorted(waiting & set(CONFIRMED)), state="confirmed", actor="eng@meadow.example")
    if waiting - set(CONFIRMED):
        decide(ws, "tryton", sorted(waiting - set(CONFIRMED)), state="rejected", actor="eng@meadow.example")
