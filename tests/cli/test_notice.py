"""`rightful notice`: publish, show, compare and take along a public notice."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app
from rightful.workspace import Workspace
from tests.notices.policies import COMPLETE, INCOMPLETE, changed


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A workspace without customers; a run gives exit code, stdout and stderr."""
    folder = tmp_path / "meadow"
    Workspace.create(folder, "meadow").close()
    for name in ("RIGHTFUL_ACTOR", "RIGHTFUL_HOME", "RIGHTFUL_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RIGHTFUL_WORKSPACE", str(folder))

    def ran(*words: str | Path):
        return CliRunner().invoke(app, [str(word) for word in words])

    def policy(text: str):
        (folder / "policy" / "meadow.yaml").write_text(text, encoding="utf-8")
        done = ran("policy", "publish", "--approved-by", "olga@meadow.example", "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    ran.policy = policy
    return ran


def test_a_policy_with_gaps_says_so_and_its_notice_is_refused_with_every_key_to_add(run):
    done = run.policy(INCOMPLETE)
    assert any("add controller:" in gap for gap in done["notice_lacks"])
    refused = run("notice", "publish")
    assert refused.exit_code == 4
    for key in ("add controller:", "add dpo:", "add keep: to purpose newsletter", "add complaint:"):
        assert key in refused.stderr
    assert "GDPR Art. 13, 14" in refused.stderr
    assert run("notice", "export").exit_code == 6
    assert json.loads(run("notice", "show", "--json").stdout)["text"] is None


def test_a_notice_is_published_with_the_policy_and_once(run):
    run.policy(COMPLETE)
    again = json.loads(run("notice", "publish", "--json").stdout)
    assert (again["entry"], again["languages"]) == (None, ["en", "de"])
    (listed,) = json.loads(run("notice", "list", "--json").stdout)["notices"]
    assert listed["text"] == again["digest"]
    assert "in use" in run("notice", "list").stdout


def test_show_speaks_a_language_and_tells_how_hard_it_reads(run):
    run.policy(COMPLETE)
    shown = json.loads(run("notice", "show", "--language", "de", "--json").stdout)
    assert shown["text"].startswith("# Wie Meadow, S.A. Ihre Daten verwendet\n")
    assert shown["readability"]["short"]["meaning"] in {"very easy", "easy", "medium"}
    assert shown["untranslated"] == []
    assert "LIX" in run("notice", "show").stderr
    assert "There is no text in fr" in run("notice", "show", "-l", "fr").stderr
    assert run("notice", "show", shown["digest"][:12]).exit_code == 0


def test_diff_compares_with_the_version_before(run):
    run.policy(COMPLETE)
    assert run("notice", "diff").exit_code == 6, "there is nothing before the first"
    run.policy(
        changed(COMPLETE, version="2", replace={"    recipients: [mailer]\n": "    recipients: [mailer, carrier]\n"})
    )
    found = json.loads(run("notice", "diff", "--json").stdout)
    assert (found["old"], found["new"]) == ("1", "2")
    new = [c for c in found["changes"] if c["kind"] == "new"]
    assert [c["after"] for c in new] == ["Swift Parcels (Netherlands; works for us)"]
    text = run("notice", "diff", "1", "2", "-l", "de").stdout
    assert "Einzelheiten > Wir schicken Ihnen Neues." in text
    assert "Wer es bekommt: Swift Parcels" in text
    assert "say the same" in run("notice", "diff", "2", "2").stdout


@pytest.mark.parametrize(
    ("form", "begins"), [("md", b"# How"), ("html", b"<!doctype"), ("pdf", b"%PDF"), ("jsonld", b"{")]
)
def test_export_writes_the_file_it_says(run, tmp_path, form, begins):
    run.policy(COMPLETE)
    out = tmp_path / f"notice.{form}"
    done = json.loads(run("notice", "export", "--form", form, "--out", out, "--json").stdout)
    content = out.read_bytes()
    assert content.startswith(begins)
    assert (done["bytes"], done["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_export_to_stdout_is_the_file_and_nothing_else(run):
    run.policy(COMPLETE)
    assert run("notice", "export", "-f", "md").stdout.startswith("# How Meadow, S.A. uses your data\n")
    assert run("notice", "export", "--json").exit_code == 2
    assert run("notice", "export", "-f", "exe").exit_code == 6
