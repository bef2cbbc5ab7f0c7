"""How the demo's workspace comes to be, and how an interrupted or older one is taken up again.

Every step looks first whether it was done: a second run makes nothing anew, a run after
a kill goes on where the first one stopped. Nothing is ever overwritten or removed but
the generated files of this very demo, once they are in the encrypted store.

Easy to get wrong: the order. Consents can only name purposes and channels that the
policy in force knows, so both policies are published before the consents come in.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from rightful.actions.appoint_staff import appoint
from rightful.actions.publish_policy import publish_policy
from rightful.actions.register_source import import_consents, load_files, propose
from rightful.errors import BadInput
from rightful.workspace import CONFIG, Workspace

MARK = "demo.json"
HERE = Path(__file__).parent
BEFORE, NOW = HERE / "policy-history" / "2025-01.yaml", HERE / "policy" / "meadow.yaml"
SUBJECT = {"residence": "residence", "birth_date": "birth_date", "email": "email"}
ENGINEER, OFFICER, ANALYST, MARKETER, SUPPORT = (
    f"{name}@meadow.example" for name in ("erik", "olga", "ana", "max", "sam")
)
STAFF = {ANALYST: "analyst", MARKETER: "marketer", SUPPORT: "support", OFFICER: "officer"}
TABLES = ("customer", "order", "web_visit")

Step = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class World:
    """The demo's workspace. `made` names what this run made; `people` situation -> a customer in it."""

    ws: Workspace
    made: tuple[str, ...]
    people: Mapping[str, str]
    today: date


@dataclass(frozen=True, slots=True)
class Login:
    """How the officer signs in: made once per workspace, kept beside its keys."""

    email: str
    password: str
    totp_secret: str


def is_demo(folder: Path) -> bool:
    """Whether the demo made this workspace."""
    return (folder / MARK).is_file()


def make(folder: Path, today: date, step: Step, seed: int = 20260501) -> World:
    """Make the workspace, or what is missing of it.

    Raises:
        BadInput: something else is in the folder.
    """
    notes = _claim(folder, today, seed)
    made: list[str] = []
    if not (folder / CONFIG).exists():
        step("keys, ledger, encrypted store", 0.02)
        Workspace.create(folder, "meadow", subject=SUBJECT).close()
        made.append("workspace")
    ws = Workspace.open(folder)
    try:
        _fill(ws, folder, notes, made, step)
    except BaseException:
        ws.close()
        raise
    step("ready", 1.0)
    return World(ws, tuple(made), notes["people"], date.fromisoformat(notes["today"]))


def login_of(folder: Path) -> Login:
    """The officer's login, made at the first call."""
    path = folder / "keys" / "demo-login.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        import base64

        password = "-".join(secrets.token_hex(2) for _ in range(4))
        found = {"password": password, "totp_secret": base64.b32encode(secrets.token_bytes(20)).decode()}
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(found, file)
    return Login(OFFICER, found["password"], found["totp_secret"])


def _claim(folder: Path, today: date, seed: int) -> dict[str, Any]:
    """Take a folder for the demo, or know it again."""
    if is_demo(folder):
        notes: dict[str, Any] = json.loads((folder / MARK).read_text("utf-8"))
        return notes
    if (folder / CONFIG).exists():
        raise BadInput(
            f"{folder} is a workspace that the demo did not make", remedy="Name another folder: `rightful demo FOLDER`"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is there already and holds other things", remedy="Name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    notes = {"demo": 1, "seed": seed, "today": today.isoformat(), "people": {}}
    _note(folder, notes)
    return notes


def _note(folder: Path, notes: Mapping[str, Any]) -> None:
    part = folder / f".{MARK}.part"
    part.write_text(json.dumps(notes, indent=1) + "\n", encoding="utf-8")
    os.replace(part, folder / MARK)


def _fill(ws: Workspace, folder: Path, notes: dict[str, Any], made: list[str], step: Step) -> None:
    labels = {published.label for published in ws.shelf.history()}
    loaded = bool(ws.journal.count("source.imported", 0)) and len(ws.source.catalogue()) == len(TABLES)
    consents = bool(ws.consent.segments())
    if not labels:
        step("the policy of 2025, with its notice", 0.05)
        _copy(BEFORE, folder / "policy-history" / BEFORE.name)
        publish_policy(ws, BEFORE, actor=ENGINEER, approver=OFFICER, rebuild=False)
        made.append("policy 2025-01")
    if not loaded or not consents or not notes["people"]:
        step("45,211 campaign rows become customers", 0.1)
        from rightful.demo.generate import write

        incoming = folder / "incoming"
        written = write(incoming, seed=notes["seed"], today=date.fromisoformat(notes["today"]))
        notes["people"] = dict(written.people)
        _note(folder, notes)
    if not loaded:
        step("customers, orders, visits: classified and loaded", 0.25)
        proposal = propose([incoming / f"{table}.csv" for table in TABLES])
        load_files(ws, proposal, actor=ENGINEER, rebuild=False)
        made.append("customer data")
    if len(labels) < 2:
        step("the policy of 2026: wider in places, so the officer approves", 0.55)
        _copy(NOW, folder / "policy" / NOW.name)
        publish_policy(ws, NOW, actor=ENGINEER, approver=OFFICER, rebuild=False)
        made.append("policy 2026-02")
    if not consents:
        step("two years of consent events", 0.65)
        import_consents(ws, incoming / "consent.csv", actor=ENGINEER, rebuild=False)
        made.append("consent history")
    missing = {person: role for person, role in STAFF.items() if ws.staff.role_of(person) is None}
    for person, role in missing.items():
        appoint(ws, person, role, actor=ENGINEER)
    if missing:
        made.append("staff")
    if made:
        step("everybody's permission, for every use", 0.8)
        ws.facts.rebuild()
    shutil.rmtree(folder / "incoming", ignore_errors=True)  # what we generated; it lies encrypted in the store now


def _copy(source: Path, target: Path) -> None:
    """For people to read and change; an own version of theirs stays."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        shutil.copyfile(source, target)
