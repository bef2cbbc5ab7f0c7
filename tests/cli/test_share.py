"""`rightful share` from the list to the recipient's answer."""

from __future__ import annotations

import csv

import pytest

from tests.cli.conftest import ANA, MAX, SAM

LETTER = ("-p", "newsletter", "-c", "email", "--as", MAX)


@pytest.fixture
def listed(rightful, tmp_path):
    path = tmp_path / "list.csv"
    done = rightful("share", "export", path, "--to", "mailer", *LETTER, "--json")
    assert done.code == 0
    return path, done.json


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_list_is_made_handed_over_and_called_back(rightful, listed):
    path, done = listed
    entry = str(done["decision"]["ledger_entry"])
    assert done["note"].endswith("list.csv.rightful.json") and len(rows(path)) == done["rows"]
    assert rightful("consent", "withdraw", "C002", "newsletter", "--as", SAM).code == 0
    sent = rightful("share", "send", path, "--batch", "12", "--as", MAX, "--json").json
    assert sent["customers"] == done["rows"] - 1 and (sent["left_out"], sent["withdrawn"]) == (1, 1)
    assert len(sent["batches"]) == 3
    seen = rightful("share", "list", "--json").json
    [made_list] = seen["lists"]
    assert (made_list["handed_over"], made_list["state"], made_list["in_flight"]) == (sent["customers"], "good", 0)
    shown = rightful("share", "revoke", entry, "--as", MAX)
    assert shown.code == 0 and "is told to let go" in shown.out
    assert rightful("share", "list", "--json").json["lists"][0]["state"] == "good", "only shown"
    assert rightful("share", "revoke", entry, "--yes", "--as", MAX, "--json").json["told"] == done["rows"]
    refused = rightful("share", "send", entry, "--as", MAX)
    assert refused.code == 3 and "called back" in refused.err


def test_a_recipient_is_told_and_its_answer_is_noted(rightful, listed):
    rightful("consent", "withdraw", "C002", "newsletter", "--as", SAM)
    assert rightful("share", "contact", "mailer", "privacy@mailer.example", "--as", SAM).code == 0
    [told] = rightful("share", "tell", "--as", SAM, "--json").json["told"]
    assert told["mailed"] and rows(told["file"])[0]["because"] == "withdrawal"
    words = rightful("share", "list")
    assert words.code == 0 and "withdrawal" in words.out and "told" in words.out
    assert rightful("share", "confirm", "mailer", "--evidence", "ticket 1", "--as", SAM, "--json").json == {
        "schema": "rightful/share.confirm/1",
        "customers": 1,
    }
    assert rightful("share", "confirm", "mailer", "--as", SAM).code == 6, "nothing is open any more"
    assert rightful("share", "tell", "--as", SAM).err.startswith("Nobody has to be told")


def test_what_is_not_there_or_not_permitted_is_said(rightful, tmp_path):
    assert rightful("share", "export", tmp_path / "a.csv", "--to", "network", *LETTER).code == 3
    assert rightful("share", "export", tmp_path / "a.txt", "--to", "mailer", *LETTER).code == 2
    assert rightful("share", "send", "7", "--as", MAX).code == 6
    assert rightful("share", "send", tmp_path / "nothing.csv", "--as", MAX).code == 6
    assert rightful("share", "revoke", "7", "--as", MAX).code == 6
    assert not (tmp_path / "a.csv").exists()


def test_a_score_is_kept_with_its_lineage_and_a_no_empties_its_row(rightful, listed):
    ana = ("-p", "study", "--as", ANA)
    kept = rightful("source", "keep", "churn", "select id, points from customer", *ana, "--json").json
    assert kept["rows"] == kept["customers"] > 40 and kept["sources"] == ["customer.id", "customer.points"]
    [one] = rightful("source", "lineage", "--json").json["derived"]
    assert one["entry"] == kept["ledger_entry"] and one["purpose"] == "study"
    assert "churn" in rightful("source", "lineage").out
    rightful("consent", "withdraw", "C002", "study", "--as", SAM)
    assert rightful("share", "tell", "--as", SAM, "--json").json["deleted"] == {"churn": 1}
    entry = str(listed[1]["decision"]["ledger_entry"])
    assert rightful("source", "note", entry, "mailing tool", "--as", MAX).code == 0
    assert "would be taken away" in rightful("source", "drop", "churn", "--as", ANA).out
    assert rightful("source", "drop", "churn", "--yes", "--as", ANA).code == 0
    assert rightful("source", "lineage", "--json").json["derived"] == []
