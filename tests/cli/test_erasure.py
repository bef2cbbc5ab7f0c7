"""`rightful person erase`: a dry run, the run, its exit code, and what is shown afterwards."""

from __future__ import annotations

import json
import stat

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app
from tests.actions.conftest import shop_path, shop_template  # noqa: F401  (fixtures)

SAM = ["--purpose", "service", "--as", "sam@shop.example"]


@pytest.fixture
def run(shop_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("RIGHTFUL_WORKSPACE", str(shop_path))

    def call(*arguments: str, code: int = 0):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return call


def test_without_yes_nothing_happens_and_with_it_everything_does(run):
    run("link", "scan")
    run("link", "confirm", "--sure")
    plan = run("person", "erase", "C001", *SAM)
    assert (plan["dry_run"], plan["plan"]["deletes"]) == (True, {"customer": 1, "purchase": 3})
    assert run("person", "erasures")["erasures"] == []
    done = run("person", "erase", "C001", *SAM, "--yes")["outcome"]
    assert (done["status"], done["deleted"], done["residues"]) == ("complete", {"customer": 1, "purchase": 3}, [])
    run("person", "erase", "C001", *SAM, "--yes", code=3)
    [listed] = run("person", "erasures")["erasures"]
    assert (listed["status"], listed["certificate"]) == ("complete", done["certificate"])
    assert run("person", "erasure", listed["run"])["checked"]["tables"] == 2
    assert run("ledger", "verify")["ok"] is True
    run("person", "erasure", "e-none", code=6)


def test_what_nobody_decided_ends_incomplete_with_its_own_exit_code(run):
    run("link", "scan")
    outcome = run("person", "erase", "C002", *SAM, "--yes", code=4)["outcome"]
    assert outcome["status"] == "incomplete"
    assert [r["column"] for r in outcome["residues"]] == ["purchase.customer_id>customer.id"]


def test_an_erasure_needs_a_purpose(run):
    run("person", "erase", "C003", "--as", "sam@shop.example", "--yes", code=3)
    assert run("person", "erasures")["erasures"] == []


def test_an_export_has_every_table_is_private_and_on_record(run, tmp_path):
    run("link", "scan")
    run("link", "confirm", "--sure")
    target = tmp_path / "c4.json"
    run("person", "export", "C004", *SAM, "--file", str(target))
    written = json.loads(target.read_text())
    assert {t: len(rows) for t, rows in written["tables"].items()} == {"customer": 1, "purchase": 3}
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    run("person", "export", "C004", "--as", "sam@shop.example", code=3)
