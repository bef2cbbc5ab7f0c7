"""`rightful retention` and `rightful hold`: shown before it goes, kept while it is held, said as it is."""

from __future__ import annotations

import json

import pytest
from pypdf import PdfReader
from typer.testing import CliRunner

from rightful.actions.publish_policy import publish_policy
from rightful.cli.main import app
from rightful.ledger.receipt import Receipt
from rightful.workspace import Workspace
from tests.actions.conftest import shop_path, shop_template  # noqa: F401  (fixtures)

OLGA = ["--as", "olga@shop.example"]


@pytest.fixture
def run(shop_path, monkeypatch):  # noqa: F811
    policy = shop_path / "policy" / "shop.yaml"
    text = policy.read_text(encoding="utf-8")
    needs = "needs: [keys, place, standing, orders]\n"
    assert text.count(needs) == 2  # statistics and study: nobody else needs what was bought
    text = text.replace(needs, needs + "    keep: 2 months\n")
    text = text.replace("never:\n", "moments: {the collection: purchase.bought_on}\nnever:\n")
    policy.write_text(text.replace('version: "1"', 'version: "2"'), encoding="utf-8")
    with Workspace.open(shop_path) as ws:
        publish_policy(ws, actor="olga@shop.example", approver="paul@shop.example")
    monkeypatch.setenv("RIGHTFUL_WORKSPACE", str(shop_path))

    def call(*arguments: str, code: int = 0):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return call


def test_without_yes_nothing_goes_and_with_it_what_is_due_goes(run):
    plan = run("retention", "plan")
    [due] = plan["due"]
    assert (due["table"], due["columns"], due["rows"], due["held"]) == ("purchase", [], 150, 0)
    assert due["because"] == ["statistics: 2 months", "study: 2 months"]
    assert {k["why"] for k in plan["kept"] if k["purpose"] == "service"} == {"the policy sets no storage period"}
    dry = run("retention", "run")
    assert (dry["dry_run"], dry["rows"]) == (True, 150)
    assert run("retention", "list")["runs"] == []
    done = run("retention", "run", "--yes", *OLGA)
    assert (done["status"], done["deleted"], done["left"]) == ("complete", {"purchase": 150}, {})
    assert run("retention", "plan")["due"] == []
    [listed] = run("retention", "list")["runs"]
    assert (listed["run"], listed["entry"]) == (done["run"], done["entry"])
    assert run("ledger", "verify")["ok"] is True


def test_another_day_and_the_months_ahead_are_worked_out_without_touching_anything(run):
    assert run("retention", "plan", "--day", "2026-05-01")["due"] == []
    [due] = run("retention", "plan", "--day", "2026-05-02")["due"]
    assert due["rows"] == 150
    assert run("retention", "forecast", "--months", "2")["forecast"][0]["rows"] == 150
    assert run("retention", "plan", "--day", "tomorrow", code=2)["code"] == "input.bad"


def test_a_hold_keeps_one_customers_rows_until_it_is_released(run):
    hold = run("hold", "add", "suit 17/26", "--customer", "C001", *OLGA)
    assert (hold["customers"], hold["tables"], hold["until"]) == (1, [], None)
    [due] = run("retention", "plan")["due"]
    assert (due["rows"], due["held"]) == (147, 3)
    assert run("retention", "run", "--yes", *OLGA)["deleted"] == {"purchase": 147}
    assert [h["hold"] for h in run("hold", "list")["holds"]] == [hold["hold"]]
    assert run("hold", "release", hold["hold"], *OLGA)["erasures"] == []
    assert run("hold", "list")["holds"] == [] and len(run("hold", "list", "--ended")["holds"]) == 1
    assert run("retention", "run", "--yes", *OLGA)["deleted"] == {"purchase": 3}


def test_ac_063_an_erasure_that_waited_for_a_hold_goes_on_when_it_is_released(run):
    run("link", "scan")
    run("link", "confirm", "--sure")
    hold = run("hold", "add", "suit 17/26", "--customer", "C001", *OLGA)
    sam = ["--purpose", "service", "--as", "sam@shop.example"]
    partly = run("person", "erase", "C001", *sam, "--yes", code=5)["outcome"]
    assert partly["status"] == "partly" and {k["kind"] for k in partly["kept"]} == {"hold"}
    [taken_up] = run("hold", "release", hold["hold"], *OLGA)["erasures"]
    assert taken_up == {"run": partly["run"], "status": "complete"}
    assert run("hold", "list")["holds"] == []


def test_ac_063_a_hold_on_one_table_leaves_the_customers_row_empty_and_that_is_partly_not_incomplete(run):
    run("link", "scan")
    run("link", "confirm", "--sure")
    hold = run("hold", "add", "suit 17/26", "--customer", "C001", "--table", "purchase", *OLGA)
    sam = ["--purpose", "service", "--as", "sam@shop.example"]
    partly = run("person", "erase", "C001", *sam, "--yes", code=5)["outcome"]
    assert partly["residues"] == [], "the key that the held rows name is kept, and told as kept"
    kept = {k["table"]: (k["kind"], k["columns"]) for k in partly["kept"]}
    assert kept == {"customer": ("structure", ["id"]), "purchase": ("hold", [])}
    [taken_up] = run("hold", "release", hold["hold"], *OLGA)["erasures"]
    assert taken_up == {"run": partly["run"], "status": "complete"}
    done = run("person", "erasure", partly["run"])
    assert (done["kept"], done["deleted"]) == ([], {"customer": 1, "purchase": 3})


def test_a_disposal_has_its_certificate_and_a_hold_makes_it_partly(run, tmp_path):
    run("hold", "add", "suit 17/26", "--customer", "C001", *OLGA)
    done = run("retention", "run", "--yes", *OLGA)
    assert [(k["table"], k["rows"], k["why"]) for k in done["kept"]] == [("purchase", 3, "suit 17/26")]
    target, printed = tmp_path / "certificate.zip", tmp_path / "certificate.pdf"
    made = run("retention", "certify", done["run"], "--file", str(target), "--pdf", str(printed))
    assert (made["kind"], made["status"]) == ("disposal", "partly")
    assert made["abstract"] == "Partly: this disposal is done except for 3 rows that a hold keeps."
    receipt = Receipt.load(target)
    assert receipt.verify().ok and receipt.data["public"]["files"]["certificate.json"] == made["sha256"]
    [line] = json.loads(receipt.attachments["certificate.json"])["done"]
    assert (line["deleted"], line["because"]) == (147, ["statistics: 2 months", "study: 2 months"])
    assert "\n".join(page.extract_text() for page in PdfReader(printed).pages).count(done["run"]) >= 1
    assert run("retention", "certify", done["run"])["entry"] == made["entry"], "one ending, one certificate"


def test_only_what_has_ended_is_certified(run):
    assert run("retention", "certify", "d-none", code=6)["code"] == "not-found"
    assert run("retention", "certify", "e-none", code=6)["code"] == "not-found"
    assert run("person", "certificate", "d-none", code=6)["code"] == "not-found"


def test_fields_nobody_needs_and_people_who_stand_out_are_told_in_numbers(run):
    report = run("retention", "unneeded", "--months", "1", "--all")
    told = {f["field"]: f for f in report["fields"]}
    assert told["customer.city"]["verdict"] == "too-early" and not told["customer.city"]["proposed"]
    groups = run("retention", "anonymity", "--by", "city", "--by", "residence", "--k", "9", *OLGA)
    counts = groups["groups"]
    assert (counts["people"], counts["smallest"]) == (60, 1), "one customer lives in Lonely"
    assert counts["under"] > 1 and set(groups["with_also_emptied"]) == {"city", "residence"}
    assert "Lonely" not in json.dumps(groups)
    assert run("retention", "anonymity", "--by", "id", *OLGA, code=2)["code"] == "input.bad"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["hold", "add", "suit 17/26"], 2),
        (["hold", "add", " ", "--table", "purchase"], 2),
        (["hold", "add", "suit 17/26", "--table", "purchases"], 3),
        (["hold", "add", "suit 17/26", "--customer", "C999"], 3),
        (["hold", "release", "h-none"], 6),
    ],
)
def test_a_hold_about_nothing_or_nobody_is_refused(run, words, code):
    assert run(*words, *OLGA, code=code)["code"]
    assert run("hold", "list")["holds"] == []


def test_ac_060_people_who_are_gone_are_shown_in_numbers_and_let_in_with_evidence(run, tmp_path):
    run("link", "scan")
    run("link", "confirm", "--sure")
    run("person", "erase", "C001", "--purpose", "service", "--as", "sam@shop.example", "--yes")
    seen = run("retention", "gone", *OLGA)
    assert (seen["persons"], seen["came_back"]) == (1, 0) and "p001" not in json.dumps(seen)
    assert all(len(one["hash"]) == 8 for one in seen["newest"])
    (tmp_path / "customer.csv").write_text("id,email\nC001,p001@example.com\nC002,p002@example.com\n")
    imported = run("source", "import", str(tmp_path / "customer.csv"), "--customers", "customer", "--key", "id")
    assert [(t["left_out"], t["known"]) for t in imported["tables"]] == [(1, 1)]
    assert run("retention", "returned", *OLGA)["returned"] == []
    assert run("retention", "let-in", "p001@example.com", *OLGA, code=2)["code"] == "input.bad"
    assert run("retention", "let-in", "nobody@example.com", "--evidence", "x", *OLGA, code=6)
    assert run("retention", "let-in", "P001@example.com", "--evidence", "contract 17", *OLGA)["persons"] == 1
    assert run("retention", "gone", *OLGA)["persons"] == 0
