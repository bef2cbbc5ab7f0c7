"""Who leaves as a whole by a disposal is forgotten everywhere, and what is said of keys is true."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from rightful.actions import forget_people, register_source
from rightful.actions.certify_disposal import certify
from rightful.actions.dispose_expired import plan_disposal, run_disposal
from rightful.actions.give_consent import give_consent
from rightful.actions.hold_data import add_hold, release_hold
from rightful.actions.publish_policy import publish_policy
from rightful.workspace import Workspace
from tests.actions.conftest import write_csv

OLGA = "olga@shop.example"
POLICY = """
rightful: 1
policy: {name: Club, version: "1", owner: privacy@club.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE], digital-consent-age: {DE: 16}}
categories:
  keys: {fields: [customer.id]}
  identity: {fields: [customer.name]}
  since: {fields: [customer.joined_on]}
roles: {marketer: [letters]}
purposes:
  letters:
    says: We write to you.
    direct-marketing: true
    basis: consent
    channels: [post]
    needs: [keys, identity, since]
    keep: 13 months
moments: {the collection: customer.joined_on}
"""
HISTORY = {"kind": "given", "purpose": "letters", "channel": "post", "until": "", "notice": "1", "method": "form",
           "value": ""}  # fmt: skip


@pytest.fixture
def club(tmp_path):
    """Ten members: C0 to C4 joined long ago. C0 and C9 wrote to us, C1 and C8 stand in an imported history."""
    people = [
        {"id": f"C{i}", "name": f"Person {i}", "joined_on": "2019-05-01" if i < 5 else f"{datetime.now(UTC):%Y-%m-%d}"}
        for i in range(10)
    ]
    history = [
        {**HISTORY, "event_id": f"h{i}", "customer_id": f"C{i}", "at": "2020-01-10T09:00:00Z", "evidence": f"form-{i}"}
        for i in (1, 8)
    ]
    with Workspace.create(tmp_path / "club", "club", subject={}) as ws:
        (ws.path / "policy" / "club.yaml").write_text(POLICY, encoding="utf-8")
        register_source.load_files(
            ws, register_source.propose([write_csv(tmp_path / "customer.csv", people)]), actor="eng"
        )
        publish_policy(ws, actor=OLGA, approver="paul@club.example")
        register_source.import_consents(ws, write_csv(tmp_path / "consent.csv", history), actor="eng")
        for key in ("C0", "C9"):
            give_consent(ws, key, "letters", "post", evidence=f"card-{key}", method="form")
        yield ws


def with_key(ws: Workspace, numbers: dict[str, int]) -> set[str]:
    """Of whom the ledger has a key."""
    subjects = {ws.subject_id(no): key for key, no in numbers.items()}
    return {subjects[s] for s in ws.ledger.keys.subjects.find(list(subjects))}


def numbers_of(ws: Workspace) -> dict[str, int]:
    return {f"C{i}": ws.number_of(f"C{i}") for i in range(10)}


def history_names(ws: Workspace) -> set[int]:
    import pyarrow.parquet as parquet

    found: set[int] = set()
    for segment in ws.consent.segments():
        table = parquet.read_table(ws.consent.segment_path(segment))
        found |= {row["no"] for row in table.to_pylist() if row["evidence"]}
    return found


def test_keys_of_those_who_went_are_destroyed_and_nobody_elses(club):
    numbers = numbers_of(club)
    assert with_key(club, numbers) == {"C0", "C9"} and history_names(club) == {numbers["C1"], numbers["C8"]}
    done = run_disposal(club, actor=OLGA)
    assert done.deleted == {"customer": 5} and done.status == "complete"
    assert with_key(club, numbers) == {"C9"}
    assert history_names(club) == {numbers["C8"]}
    about = club.control.query("SELECT no FROM consent_event WHERE subject <> ''")
    assert about == [(numbers["C9"],)]
    assert club.leaving.all() == []
    made = certify(club, done.run).document
    [keys] = [m for m in made["methods"] if m["where"] == "private parts of ledger entries"]
    assert keys["how"].startswith("Of 5 people whose rows went, 1 key was destroyed.")
    assert keys["term"] == "cryptographic erase"


def test_where_nobody_went_no_certificate_speaks_of_keys(club):
    hold = add_hold(club, "suit 17/26", actor=OLGA, tables=["customer"])
    numbers = numbers_of(club)
    made = certify(club, run_disposal(club, actor=OLGA).run).document
    assert "key" not in json.dumps(made["methods"]) and with_key(club, numbers) == {"C0", "C9"}
    release_hold(club, hold.id, actor=OLGA)
    assert plan_disposal(club).rows == 5


def test_a_run_that_was_killed_before_the_keys_went_is_ended_by_the_next(club, monkeypatch):
    numbers = numbers_of(club)

    def dies(ws: Workspace, run: str) -> tuple[int, int, int]:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(forget_people, "forget_leavers", dies)
        with pytest.raises(KeyboardInterrupt):
            run_disposal(club, actor=OLGA)
    assert plan_disposal(club).due == () and with_key(club, numbers) == {"C0", "C9"}
    done = run_disposal(club, actor=OLGA)
    assert with_key(club, numbers) == {"C9"} and club.leaving.all() == []
    assert club.disposals.get(done.run).outcome["people"] == {"gone": 5, "keys": 1, "keys_left": 0}


def test_who_was_about_to_go_and_stayed_keeps_the_key(club):
    numbers = numbers_of(club)
    club.leaving.remember(forget_people.leaving(club, "d-dead", ["C0", "C1"]))  # killed before the rows went
    assert b"C0" not in club.control.query("SELECT sealed FROM disposal_leaving")[0][0]
    add_hold(club, "suit 17/26", actor=OLGA, tables=["customer"])
    run_disposal(club, actor=OLGA)
    assert with_key(club, numbers) == {"C0", "C9"} and club.leaving.all() == []


def test_a_key_that_stayed_makes_the_disposal_incomplete(club, monkeypatch):
    monkeypatch.setattr(type(club.ledger.keys.subjects), "destroy", lambda self, *subjects: None)
    done = run_disposal(club, actor=OLGA)
    assert (done.status, done.left) == ("incomplete", {"keys": 1})
    made = certify(club, done.run).document
    assert made["abstract"].startswith("INCOMPLETE") and "was destroyed" not in json.dumps(made)
