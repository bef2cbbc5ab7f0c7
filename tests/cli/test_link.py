"""`rightful link` and `rightful person find`: from a scan to where one customer's data is."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app
from tests.actions.conftest import shop_path, shop_template  # noqa: F401  (fixtures)

SAM = "sam@shop.example"


@pytest.fixture
def run(shop_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("RIGHTFUL_WORKSPACE", str(shop_path))

    def call(*arguments: str, code: int = 0):
        done = CliRunner().invoke(app, [*arguments, "--json"])
        assert done.exit_code == code, done.output
        return json.loads(done.stdout)

    return call


def test_links_are_scanned_confirmed_rejected_and_stay_decided(run):
    found = {link["link"]: link for link in run("link", "scan")["links"]}
    assert found["purchase.customer_id>customer.id"]["state"] == "proposed"
    run("link", "reject", "purchase.customer_id>customer.id")
    assert run("link", "scan")["links"][0]["state"] == "rejected"
    done = run("link", "confirm", "purchase.customer_id>customer.id", "--role", "mentions")["links"]
    assert (done[0]["state"], done[0]["role"]) == ("confirmed", "mentions")
    run("link", "confirm", "ghost.x>customer.id", code=2)
    run("link", "confirm", code=2)


def test_a_person_is_found_for_a_purpose_only_and_the_search_is_on_record(run):
    run("person", "find", "C001", "--as", SAM, code=3)
    before = run("person", "find", "C001", "--purpose", "service", "--as", SAM)
    assert [u["link"] for u in before["undecided"]] == ["purchase.customer_id>customer.id"]
    run("link", "confirm", "--sure")
    found = run("person", "find", "C001", "--purpose", "service", "--as", SAM)
    assert {p["table"]: p["rows"] for p in found["places"]} == {"customer": 1, "purchase": 3}
    assert found["undecided"] == [] and found["identifiers"]["email"] == 1
    assert "p001@example.com" not in json.dumps(found)
    uses = run("person", "uses", "C001", "--purpose", "service", "--as", SAM)["uses"]
    assert found["entry"] in [u["entry"] for u in uses]
    run("person", "find", "C999", "--purpose", "service", "--as", SAM, code=3)
