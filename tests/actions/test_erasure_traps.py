"""Ana is erased from a CRM made of traps: nothing of hers is left, nothing of others is touched, and it says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench import trap_check, trap_world, traps
from rightful.actions import erase_customer as erasing
from rightful.actions.find_person import decide_links
from rightful.actions.hold_data import add_hold, release_hold
from rightful.actions.use_data import decide_one
from rightful.actions.verify_record import verify_record
from rightful.errors import BadInput
from rightful.gate.erasure_plan import Keep
from rightful.retention.erasures import STEPS
from rightful.terms import Outcome
from rightful.workspace import Workspace

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).resolve().parents[2]
LAW_ONLY = {("customer", "structure"), ("invoice", "law")}


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    place = tmp_path_factory.mktemp("traps") / "ws"
    trap_world.make(place, "duckdb")
    return place


@pytest.fixture
def duck(template, tmp_path):
    shutil.copytree(template, tmp_path / "ws")
    return tmp_path / "ws"


@pytest.fixture
def world(request, tmp_path):
    """A workspace in the engine that the test asks for."""
    if request.param == "duckdb":
        yield request.getfixturevalue("duck")
        return
    place = tmp_path / request.param
    trap_world.make(place, request.param, request.getfixturevalue(f"{request.param}_url"))
    yield place
    os.environ.pop(trap_world.URL, None)


both = pytest.mark.parametrize("world", ["duckdb", "postgres"], indirect=True)
every = pytest.mark.parametrize(
    "world", ["duckdb", "postgres", pytest.param("mariadb", marks=pytest.mark.mariadb)], indirect=True
)


def erase(ws, **more):
    return erasing.erase_customer(ws, "17", actor="self", also=["18"], **more)


@every
def test_nothing_is_left_nothing_else_is_touched_and_the_status_says_what_stays_and_why(world):
    with Workspace.open(world) as ws:
        before, _ = trap_check.dump(ws.source)
        assert sum(trap_check.is_hers(v) for rows in before.values() for row in rows.values() for v in row) > 50
        outcome = erase(ws)
        after, names = trap_check.dump(ws.source)
        counted = trap_check.compare(before, after, names)
        assert counted.residue == ()
        assert counted.collateral == ()
        assert counted.orphans == ()
        assert (outcome.status, outcome.residues, outcome.collateral) == ("partly", (), ())
        assert {(k.table, k.kind) for k in outcome.kept} == LAW_ONLY
        assert outcome.kept[1].until == "10 years after the end of the year"
        assert after["invoice"]["17"][2] == before["invoice"]["17"][2]  # the amount, which the law needs
        assert verify_record(ws).problems == ()
        engine_limits = {"duckdb": 0, "postgres": 1, "mysql": 1}[ws.source.dialect]
        assert len(outcome.limits) == engine_limits


@every
def test_without_a_law_that_keeps_something_it_is_complete(world):
    with Workspace.open(world) as ws:
        text = (world / "policy" / "traps.yaml").read_text().replace("survives: [objection, withdrawal, erasure]", "")
        (world / "policy" / "traps.yaml").write_text(text)
        from rightful.actions.publish_policy import publish_policy

        publish_policy(ws, actor="olga@traps.example", approver="paul@traps.example")
        before, _ = trap_check.dump(ws.source)
        outcome = erase(ws)
        after, names = trap_check.dump(ws.source)
        counted = trap_check.compare(before, after, names)
        assert (counted.residue, counted.collateral, counted.orphans) == ((), (), ())
        assert (outcome.status, outcome.residues) == ("complete", ())
        # She introduced somebody, and that row may not be without her: an empty row stays in the place of hers.
        assert [(k.table, k.rows, k.kind) for k in outcome.kept] == [("customer", 1, "structure")]


@both
def test_from_the_first_step_on_the_gate_says_no(world):
    class Stopped(Exception):
        pass

    def at(name):
        if name == "after stopped":
            raise Stopped

    with Workspace.open(world) as ws:
        assert decide_one(ws, trap_world.SAM, "service", "17").outcome is not Outcome.DENY
        with pytest.raises(Stopped):
            erase(ws, at=at)
        assert "erased" in decide_one(ws, trap_world.SAM, "service", "17").codes
        assert decide_one(ws, trap_world.SAM, "service", "19").outcome is not Outcome.DENY
        assert erasing.resume_erasures(ws)[0].status == "partly"
        if ws.source.dialect == "duckdb":
            assert "erased" in decide_one(ws, trap_world.SAM, "service", "17").codes


def test_a_link_nobody_decided_about_makes_it_incomplete_and_the_second_run_mends_it(duck):
    with Workspace.open(duck) as ws:
        [link] = [d.link.id for d in ws.link_book.all() if d.link.child == "customer_cstm"]
        decide_links(ws, [link], state="proposed", actor="olga@traps.example")
        outcome = erase(ws)
        assert outcome.status == "incomplete"
        assert [r.table for r in outcome.residues] == ["customer_cstm"]
        after, names = trap_check.dump(ws.source)
        counted = trap_check.compare(after, after, names)
        assert [r.partition(".")[0] for r in counted.residue] == ["customer_cstm"] * 2
        decide_links(ws, [link], state="confirmed", actor="olga@traps.example")
        again = erasing.retry_erasure(ws, outcome.run)
        assert (again.status, again.residues) == ("partly", ())
        after, names = trap_check.dump(ws.source)
        assert trap_check.compare(after, after, names).residue == ()
        assert ws.erasures.secret(outcome.run) is None


MEDDLING = {
    "a text that came back": ("INSERT INTO rf_base.signup VALUES ('ana.canary@mail.example', 'late')", "signup", 1),
    "a number in another spelling": ("INSERT INTO rf_base.signup VALUES (NULL, 'rings 0151/70707017')", "signup", 1),
    "a copy of one of her texts": ("INSERT INTO rf_base.signup VALUES (NULL, 'CANARY rings at noon')", "signup", 1),
    "bytes": (
        "INSERT INTO rf_base.attachment VALUES (99, NULL, NULL, 'ana.canary@mail.example'::BLOB)",
        "attachment",
        1,
    ),
    "a row of hers": ("INSERT INTO rf_base.customer_cstm VALUES (17, 'late')", "customer_cstm", 1),
    "a row of others that is gone": ("DELETE FROM rf_base.address WHERE id = 19", "address", 0),
    "an orphan": ("UPDATE rf_base.orders SET customer_id = 999 WHERE id = 122", "orders", 0),
}


@pytest.mark.parametrize("what", MEDDLING)
def test_whatever_goes_wrong_behind_its_back_it_is_not_called_done(duck, what):
    statement, table, residue = MEDDLING[what]

    def at(name):
        if name == "after worked-out":
            ws.source.execute_disposal([(statement, [])])

    with Workspace.open(duck) as ws:
        outcome = erase(ws, at=at)
        assert outcome.status == "incomplete"
        listed = outcome.residues if residue else outcome.collateral
        assert {r.table for r in listed} >= {table}
        assert ws.erasures.secret(outcome.run) is not None
        again = erasing.retry_erasure(ws, outcome.run)
        assert again.residues == () or what == "bytes"


def test_a_second_profile_has_to_be_decided_about_first(duck):
    with Workspace.open(duck) as ws:
        before, _ = trap_check.dump(ws.source)
        with pytest.raises(BadInput, match="18"):
            erasing.erase_customer(ws, "17", actor="self")
        assert trap_check.dump(ws.source)[0] == before
        assert ws.erasures.all() == []
        outcome = erasing.erase_customer(ws, "17", actor="self", apart=["18"])
        after, _ = trap_check.dump(ws.source)
        assert after["customer"]["18"][:3] == before["customer"]["18"][:3] and outcome.status in (
            "partly",
            "incomplete",
        )


def test_a_dry_run_changes_nothing(duck):
    with Workspace.open(duck) as ws:
        before, _ = trap_check.dump(ws.source)
        size = ws.ledger.head()[0]
        plan = erasing.plan_erasure(ws, "17", also=["18"])
        assert trap_check.dump(ws.source)[0] == before and ws.ledger.head()[0] == size
        assert (
            plan.deletes["note"] == 4
            and plan.changes["customer"] == 3
            and plan.spared == {"address": 1, "joint_account": 1, "message": 1}
        )


def test_ac_063_a_hold_keeps_its_table_and_the_rest_goes_and_after_it_the_rest_too(duck):
    hold = Keep("note", None, "the dispute of 3 March", "GDPR 17(3)(e)", "until released", "hold")
    with Workspace.open(duck) as ws:
        outcome = erase(ws, holds=[hold])
        assert outcome.status == "partly"
        assert ("note", "hold") in {(k.table, k.kind) for k in outcome.kept}
        after, names = trap_check.dump(ws.source)
        left = {r.partition(".")[0] for r in trap_check.compare(after, after, names).residue}
        assert left == {"note"}
        again = erasing.retry_erasure(ws, outcome.run)
        assert again.status == "partly" and {(k.table, k.kind) for k in again.kept} == LAW_ONLY
        assert again.residues == () and verify_record(ws).problems == ()
        after, names = trap_check.dump(ws.source)
        assert trap_check.compare(after, after, names).residue == ()


def test_ac_063_a_hold_on_record_counts_by_itself_and_when_it_is_released_the_rest_goes(duck):
    with Workspace.open(duck) as ws:
        before, _ = trap_check.dump(ws.source)
        hold = add_hold(ws, "suit 17/26", actor="olga@traps.example", tables=["orders"], customers=["17"])
        assert "hold" in {k.kind for k in erasing.plan_erasure(ws, "17", also=["18"]).kept}
        outcome = erase(ws)
        after, names = trap_check.dump(ws.source)
        assert outcome.status == "partly"
        assert [(k.table, k.why) for k in outcome.kept if k.kind == "hold"] == [("orders", "suit 17/26")]
        assert after["orders"]["117"] == before["orders"]["117"]
        left = {r.partition(".")[0] for r in trap_check.compare(before, after, names).residue}
        assert left == {"orders"}
        assert "erased" in decide_one(ws, trap_world.SAM, "service", "17").codes  # a hold permits no use
        release_hold(ws, hold.id, actor="olga@traps.example")
        again = erasing.retry_erasure(ws, outcome.run)
        assert (again.status, {k.kind for k in again.kept}, again.residues) == ("partly", {"law", "structure"}, ())
        assert again.deleted["orders"] == 2
        after, names = trap_check.dump(ws.source)
        counted = trap_check.compare(before, after, names)
        assert (counted.residue, counted.collateral, counted.orphans) == ((), (), ())
        assert ws.erasures.secret(outcome.run) is None


def test_ac_063_a_hold_on_a_whole_table_leaves_the_rows_of_others_alone_too(duck):
    with Workspace.open(duck) as ws:
        words = "OTHER for ana.canary@mail.example"
        ws.source.execute_disposal([("UPDATE rf_base.orders SET gift_note = ? WHERE id = 122", [words])])
        hold = add_hold(ws, "order 3 March", actor="olga@traps.example", tables=["orders"])
        before, _ = trap_check.dump(ws.source)
        outcome = erase(ws)
        assert (outcome.status, outcome.residues) == ("partly", ())
        assert trap_check.dump(ws.source)[0]["orders"] == before["orders"]
        assert [(k.table, k.rows) for k in outcome.kept if k.kind == "hold"] == [("orders", 3)]
        release_hold(ws, hold.id, actor="olga@traps.example")
        again = erasing.retry_erasure(ws, outcome.run)
        after, _ = trap_check.dump(ws.source)
        assert (again.status, again.residues) == ("partly", ()) and "hold" not in {k.kind for k in again.kept}
        assert after["orders"]["122"][2] == "OTHER for [erased]" and "117" not in after["orders"]


def test_ac_064_no_byte_of_hers_is_in_any_file_of_the_workspace(duck):
    with Workspace.open(duck) as ws:
        erase(ws)
        for path in ws.path.rglob("*"):
            if path.is_file() and "keys" not in path.parts:
                content = path.read_bytes().lower()
                assert b"canary" not in content.replace(b"canaryasen", b"").replace(b"joana.canary", b""), path
                assert b"ana.canary@mail" not in content.replace(b"joana.canary", b"")


def test_ac_064_in_postgresql_the_tables_files_hold_nothing_and_the_rest_is_told(
    postgres_server, postgres_url, tmp_path
):
    import psycopg

    trap_world.make(tmp_path / "pg", "postgres", postgres_url)
    with Workspace.open(tmp_path / "pg") as ws:
        outcome = erase(ws)
        assert "write-ahead log" in outcome.limits[0]
    with psycopg.connect(postgres_url) as con:
        [(oid,)] = con.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchall()
    os.environ.pop(trap_world.URL, None)
    files = [p for p in (postgres_server.folder / "data" / "base" / str(oid)).iterdir() if p.is_file()]
    assert len(files) > 100
    assert [p.name for p in files if b"CANARY" in p.read_bytes()] == []


def test_ac_065_the_ledger_verifies_and_nothing_leads_from_its_entries_to_her(duck):
    with Workspace.open(duck) as ws:
        no = ws.number_of("17")
        subject = ws.subject_id(no)
        entries = ws.ledger.entries_of(subject)
        assert entries and ws.ledger.uses_touching(no)
        erase(ws)
        assert ws.ledger.entries_of(subject) == [] and ws.ledger.uses_touching(no) == []
        assert all(ws.ledger.open_private(i) is None for i in entries)
        assert ws.control.query("SELECT count(*) FROM consent_event WHERE subject = ?", (subject,)) == [(0,)]
        assert [s.event.evidence for s in ws.consent.of(no)] == [""] * len(ws.consent.of(no))
        assert verify_record(ws).problems == ()
        assert ws.consent.of(ws.number_of("19"))[0].event.evidence == "form-19"


def test_the_certificate_verifies_and_names_nobody(duck):
    with Workspace.open(duck) as ws:
        outcome = erase(ws)
        receipt = ws.ledger.receipt(outcome.certificate)
        assert receipt.verify(ws.ledger.verifier_key).ok
        entry = ws.ledger.entry(outcome.certificate)
        assert entry.kind == "erasure.closed" and entry.handle is None
        assert b"canary" not in entry.leaf.lower() and b'"17"' not in entry.leaf
        assert entry.public["status"] == "partly" and entry.public["deleted"]["note"] == 4


POINTS = [f"{when} {step}" for step in STEPS[1:-1] for when in ("before", "after", "noted")]
POINTS += ["before closed", "after closed"]
IN_POSTGRES = ["before stored", "after stored", "after rewritten", "after forgotten"]


@pytest.mark.slow
@both
def test_ac_062_killed_at_every_step_it_goes_on_and_ends_the_same_with_one_certificate(world):
    with Workspace.open(world) as ws:
        before, _ = trap_check.dump(ws.source)
        points = POINTS if ws.source.dialect == "duckdb" else IN_POSTGRES
    for point in points:
        done = subprocess.run(
            [sys.executable, "-m", "tests.actions.erasure_crash", str(world), point],
            cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == -9, (point, done.stderr[-2000:])
    with Workspace.open(world) as ws:
        for outcome in erasing.resume_erasures(ws):
            assert outcome.status == "partly"
        [run] = ws.erasures.all()
        assert (run.status, ws.erasures.secret(run.id)) == ("partly", None)
        assert sum(e.kind == "erasure.closed" for e in ws.ledger.entries()) == 1
        after, names = trap_check.dump(ws.source)
        counted = trap_check.compare(before, after, names)
        assert (counted.residue, counted.collateral, counted.orphans) == ((), (), ())
        assert verify_record(ws).problems == ()


def test_every_trap_is_in_the_crm():
    """The list that is published beside the numbers is the list that is tested."""
    assert len(traps.TRAPS) >= 20 and set(traps.TABLES) >= {"customer", "note", "signup", "login", "call_log"}
