"""Real CRMs, installed from their published packages, each with its own database full of people.

Installed by `tools/crm` into build/crm-NAME; made once per session: a Tryton as a template that each test
gets a copy of, a Creme whose tables stay and whose people each test picks for itself.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, missing_tool
from tests.crm.people import Person, people
from tests.mariadb import MariaServer, clear_away
from tests.postgres import PostgresServer

HERE = Path(__file__).parent
PEOPLE = 1_000
MODULES = (
    "party", "party_relationship", "company", "sale", "sale_opportunity", "marketing", "marketing_email",
    "marketing_campaign", "marketing_automation",
)  # fmt: skip


@dataclass(frozen=True)
class Crm:
    """A CRM that works: ask it with `ask`, its database is at `url`. `first`: the key of person number 0."""

    url: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    first: int = 0
    persons: tuple[Person, ...] = ()

    def ask(self, verb: str, given: Any = None) -> Any:
        """One of the verbs of in_tryton.py or in_creme.py, run by the CRM's own Python."""
        ran = subprocess.run(
            [*self.command, verb, *([] if given is None else [json.dumps(given)])],
            env={**os.environ, "PYTHONPATH": "", "PYTHONWARNINGS": "ignore", **self.environment},
            capture_output=True, text=True, timeout=280,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr[-2000:]
        return json.loads(ran.stdout.splitlines()[-1])

    def key(self, no: int) -> str:
        return str(self.first + no)


def python_of(name: str) -> Path:
    found = ROOT / "build" / f"crm-{name}" / "bin" / "python"
    if not found.exists():
        missing_tool(f"{name.capitalize()} (a CRM)", f"not in build/crm-{name}; run `tools/crm {name}`")
    return found


@dataclass(frozen=True)
class TrytonTemplate:
    server: PostgresServer
    database: str
    config: Path
    python: Path
    first: int

    def crm(self, database: str) -> Crm:
        command = (str(self.python), str(HERE / "in_tryton.py"), str(self.config), database)
        return Crm(self.server.url(database), command, {}, self.first, tuple(people(PEOPLE)))


@pytest.fixture(scope="session")
def tryton_template(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TrytonTemplate:
    """Tryton with its sales and marketing modules, and a thousand people in it."""
    python = python_of("tryton")
    folder = tmp_path_factory.mktemp("tryton")
    config, password = folder / "trytond.conf", folder / "password"
    config.write_text(
        f"[database]\nuri = postgresql://tryton@127.0.0.1:{postgres_server.port}/\npath = {folder / 'files'}\n"
        "[email]\nuri = smtp://127.0.0.1:1\n"
    )
    password.write_text("a password for tests only\n")
    name = f"tryton_{secrets.token_hex(4)}"
    server = postgres_server
    # A user of its own: PostgreSQL looks first into the schema that is called like the user.
    server.run("createuser", "-s", "-h", "127.0.0.1", "-p", server.port, "-U", "rightful", "tryton")
    server.run("createdb", "-h", "127.0.0.1", "-p", server.port, "-U", "rightful", name)
    subprocess.run(
        [python.parent / "trytond-admin", "-c", config, "-d", name, "--email", "admin@meadow.example", "-u", "ir",
         "res", *MODULES, "--activate-dependencies"],
        env={**os.environ, "TRYTONPASSFILE": str(password), "PYTHONPATH": ""}, check=True, capture_output=True,
        timeout=280,
    )  # fmt: skip
    made = TrytonTemplate(server, name, config, python, 0)
    made.crm(name).ask("seed", PEOPLE)
    [first] = _psql(server, name, f"SELECT min(id) FROM party_party WHERE name = '{people(1)[0].name}'")
    return TrytonTemplate(server, name, config, python, int(first))


def _psql(server: PostgresServer, database: str, sql: str) -> list[str]:
    ran = server.run("psql", "-h", "127.0.0.1", "-p", server.port, "-U", "rightful", "-At", "-c", sql, database)
    return ran.stdout.splitlines()


@pytest.fixture
def tryton(tryton_template: TrytonTemplate) -> Iterator[Crm]:
    """A Tryton of its own for each test."""
    server, name = tryton_template.server, f"tryton_{secrets.token_hex(4)}"
    at = ("-h", "127.0.0.1", "-p", server.port, "-U", "rightful")
    server.run("createdb", *at, "-T", tryton_template.database, name)
    try:
        yield tryton_template.crm(name)
    finally:
        server.run("dropdb", *at, "--force", name, check=False)
        roles = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'rightful_reader_%'"
        for role in _psql(server, "postgres", roles):
            server.run("dropuser", *at, role, check=False)


@pytest.fixture(scope="session")
def creme(mariadb_server: MariaServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    """Creme CRM with all its apps, and a thousand people in it. Tests share it."""
    python = python_of("creme")
    name = f"creme_{secrets.token_hex(4)}"
    mariadb_server.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    address = {
        "NAME": name, "USER": "owner", "PASSWORD": mariadb_server.password, "HOST": "127.0.0.1",
        "PORT": mariadb_server.port, "OPTIONS": {"charset": "utf8mb4"},
    }  # fmt: skip
    environment = {
        "CREME_DATABASE": json.dumps(address),
        "CREME_FOLDER": str(tmp_path_factory.mktemp("creme")),
    }
    crm = Crm(mariadb_server.url(name), (str(python), str(HERE / "in_creme.py")), environment)
    try:
        crm.ask("install")
        seeded = crm.ask("seed", PEOPLE)
        yield Crm(crm.url, crm.command, environment, seeded["first"], tuple(people(PEOPLE)))
    finally:
        clear_away(mariadb_server, name)
