"""The command line over a small real workspace, run in this process; every test works on a copy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app
from rightful.cli.verbs import VERBS
from tests.actions.conftest import make_shop

ANA, MAX, SAM = (f"{name}@shop.example" for name in ("ana", "max", "sam"))


@dataclass(frozen=True)
class Ran:
    """What one run of the command line did."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        loaded = json.loads(self.out)
        assert isinstance(loaded, dict)
        return loaded


Rightful = Callable[..., Ran]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("cli"))


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "shop")
    return tmp_path / "shop"


@pytest.fixture
def rightful(shop: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rightful]:
    """Run a command on the copy; with --json its object must have exactly the declared members."""
    monkeypatch.setenv("RIGHTFUL_WORKSPACE", str(shop))
    for name in ("RIGHTFUL_ACTOR", "RIGHTFUL_HOME", "RIGHTFUL_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str | Path, stdin: str | None = None) -> Ran:
        done = CliRunner().invoke(app, [str(word) for word in words], input=stdin)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        ran = Ran(done.exit_code, done.stdout, done.stderr)
        assert "Traceback" not in ran.err + ran.out
        if "--json" in words:
            _check_members(ran)
        return ran

    yield run


def _check_members(ran: Ran) -> None:
    document = ran.json
    schema = document.pop("schema")
    if schema == "rightful/problem/1":
        assert set(document) == {"type", "title", "code", "article", "remedy", "exit_code", "problems", "decision"}
        assert document["exit_code"] == ran.code
        return
    path = schema.removeprefix("rightful/").removesuffix("/1").replace(".", " ")
    assert set(document) == set(VERBS[path].members)
