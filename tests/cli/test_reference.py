"""The reference is what the code says, and the commands in the guides are commands that exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app
from rightful.cli.verbs import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])


def test_the_reference_pages_are_up_to_date():
    done = subprocess.run(
        [sys.executable, "tools/docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_verb_is_in_the_reference():
    text = (ROOT / "docs/reference/cli.md").read_text("utf-8")
    for path in VERBS:
        assert f"### {path}\n" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_command_a_page_names_exists_with_these_options(page):
    text = page.read_text("utf-8").replace("\\\n", " ")  # a command may go on in the next line
    commands = re.findall(r"^\s*(?:\$ )?(rightful [a-z][^\n`]*)$", text, re.MULTILINE)
    commands += re.findall(r"`(rightful [a-z][^`]*)`", text)
    for command in commands:
        words = shlex.split(command.partition(" #")[0].partition(" > ")[0])[1:]
        path = " ".join(words[:2]) if " ".join(words[:2]) in VERBS else words[0]
        if path not in VERBS:
            assert path in {verb.noun for verb in VERBS.values()}, f"{page.name}: {command}"
            assert len(words) == 1, f"{page.name}: {command}"
            continue
        helped = CliRunner().invoke(app, [*path.split(), "--help"], env={"COLUMNS": "300"}).stdout
        for option in (w.partition("=")[0] for w in words if re.match(r"--?[a-z]", w)):
            assert option in helped, f"{page.name}: {command} has no {option}"
