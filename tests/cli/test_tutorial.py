"""The tutorial, typed as it stands: each command works, and what the text promises comes back."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "first-use.md"


def blocks(language: str) -> list[str]:
    parts = re.split(r"^```(.*)$\n", TUTORIAL.read_text("utf-8"), flags=re.MULTILINE)
    # text, word, block, "", text, word, block, "" ...
    return [block for word, block in zip(parts[1::4], parts[2::4], strict=True) if word == language]


def test_the_tutorial_works_as_it_stands(tmp_path, monkeypatch: pytest.MonkeyPatch):
    for name in ("RIGHTFUL_WORKSPACE", "RIGHTFUL_ACTOR", "RIGHTFUL_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    said: dict[str, tuple[int, str]] = {}
    seen: list[tuple[str, int, str]] = []
    for command in "".join(blocks("")).splitlines():
        if command == "cd shop":
            monkeypatch.chdir(tmp_path / "shop")
            Path("customer.csv").write_text(blocks("csv")[0], encoding="utf-8")
            Path("policy/policy.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
            continue
        done = CliRunner().invoke(app, shlex.split(command)[1:])
        said[command] = (done.exit_code, done.stdout + done.stderr)
        seen.append((command, done.exit_code, done.stdout))
        refused = "born_on" in command and "query" in command
        assert done.exit_code == (3 if refused else 0), f"{command}: {done.stderr}"
    rows = [out for command, code, out in seen if "gate query" in command and code == 0]
    assert rows[0].count("\n") == 5, "the first gives four rows"
    assert ("Ana" in rows[1], "Ben" in rows[1], rows[1].count("\n")) == (True, True, 3)
    assert ("Ana" in rows[2], "Ben" in rows[2], rows[2].count("\n")) == (True, False, 2)
    explained = next(text for command, (_, text) in said.items() if "gate explain" in command)
    assert "0 of 4 customers" in explained
    assert re.search(r"3 +no consent", explained) and re.search(r"1 +under 18", explained)
    assert "2 of 2 tests pass" in said["rightful policy test"][1]
    history = next(out for command, _, out in seen if "person uses" in command)
    assert "You took back your yes: newsletter" in history
    assert "Your data was read: newsletter" in history
