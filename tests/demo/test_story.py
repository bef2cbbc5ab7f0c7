"""The whole demo, once: what it prints is held against what the generator planted and against itself."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rightful.actions.customer_view import recognise_customer
from rightful.actions.issue_token import caller_of
from rightful.actions.unsubscribe import about
from rightful.cli.main import app
from rightful.demo import run, world
from rightful.demo.doors import ways_in
from rightful.demo.generate import write
from rightful.demo.story import email_of, somebody, told_about
from rightful.demo.world import MARKETER
from rightful.workspace import Workspace

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "meadow"


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, Any]:
    """The first run, in a process of its own, from an empty folder."""
    return _demo(folder)


@pytest.fixture(scope="module")
def written(folder: Path, told: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the generator planted, made again from the same seed and day."""
    notes = json.loads((folder / world.MARK).read_text("utf-8"))
    day = date.fromisoformat(notes["today"])
    return write(tmp_path_factory.mktemp("again"), seed=notes["seed"], today=day)


def _demo(folder: Path) -> dict[str, Any]:
    code = "from rightful.cli.main import app; app(prog_name='rightful')"
    words = [sys.executable, "-c", code, "demo", str(folder), "--json"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_everything_the_generator_wrote_came_in(told, written):
    facts = told["chapters"]["came-in"]
    assert facts["tables"] == {name: written.rows[name] for name in ("customer", "order", "web_visit")}
    assert sum(facts["consents_rejected"].values()) == written.broken
    repeated = written.planted["repeated_rows"]
    assert facts["consents_accepted"] == written.rows["consent"] - written.broken - repeated
    assert facts["unclassified"] == 0


def test_every_broken_row_was_rejected_for_the_reason_it_was_broken(told, written):
    rejected = told["chapters"]["came-in"]["consents_rejected"]
    planted = {name: n for name, n in written.planted.items() if name.startswith("broken_")}
    assert rejected == {
        "the time has no zone": planted["broken_no_zone"],
        "the time cannot be read": planted["broken_date"],
        "unknown purpose": planted["broken_purpose"],
        "unknown kind of event": planted["broken_kind"],
        "unknown customer": planted["broken_customer"],
    }


def test_the_newsletter_counts_everybody_once(told, written):
    facts = told["chapters"]["newsletter"]
    assert facts["known"] == written.rows["customer"]
    assert facts["permitted"] + sum(facts["withheld"].values()) == facts["known"]
    assert facts["rows"] == facts["permitted"]


def test_the_newsletter_withholds_for_the_planted_reasons(told, written):
    """Other things happen to the same people (objections, ages), so a group may be smaller, never larger."""
    withheld, planted = told["chapters"]["newsletter"]["withheld"], written.planted
    assert withheld["minor"] == planted["youth_accounts"]
    assert 0 < withheld["consent_invalid"] <= planted["newsletter_pre_ticked"]
    assert 0 < withheld["consent_refused"] <= planted["newsletter_refused"]
    assert 0 < withheld["consent_deferred"] <= planted["newsletter_deferred"]


def test_the_file_holds_what_was_permitted_and_nothing_else(told, written):
    facts = told["chapters"]["newsletter"]
    with Path(facts["file"]).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == facts["rows"]
    assert list(rows[0]) == facts["columns"]
    assert not {"notes", "care_need", "phone", "balance", "birth_date"} & set(facts["columns"])
    assert len({row["id"] for row in rows}) == len(rows)


def test_nobody_of_a_planted_refusal_is_in_the_file(told, written):
    with Path(told["chapters"]["newsletter"]["file"]).open(encoding="utf-8", newline="") as file:
        inside = {row["id"] for row in csv.DictReader(file)}
    with written.files["consent"].open(encoding="utf-8", newline="") as file:
        events = [e for e in csv.DictReader(file) if e["purpose"] == "newsletter"]
    last: dict[str, dict[str, str]] = {}
    for event in events:
        if event["kind"] in ("refused", "withdrawn", "given") and event["at"] >= "2025":
            last[event["customer_id"]] = event
    with written.files["customer"].open(encoding="utf-8", newline="") as file:
        europeans = {row["id"] for row in csv.DictReader(file) if row["residence"] not in ("US-CA", "")}
    refused = {key for key, event in last.items() if event["kind"] == "refused"}
    assert len(refused & europeans) > 1_000
    assert not refused & europeans & inside


def test_one_withdrawal_takes_one_customer_out_of_the_very_next_answer(told):
    facts = told["chapters"]["withdrawal"]
    assert facts["after"] == facts["before"] - 1
    assert facts["segments_changed"] == 1


def test_every_question_that_should_be_refused_was(told):
    facts = told["chapters"]["refusals"]
    assert list(facts["refused"].values()) == [
        "sql.hidden-column",
        "integrity.purpose-missing",
        "sql.aggregates-only",
        "gate.not-permitted",
    ]
    assert facts["smallest_group"] >= facts["at_least"] == 20


def test_the_customer_sees_the_list_the_count_and_the_withdrawal(told):
    facts = told["chapters"]["customer"]
    assert facts["customer"] == told["chapters"]["withdrawal"]["customer"]
    assert facts["outcomes"]["choice"] == 1
    assert facts["outcomes"]["used"] >= 1
    assert facts["outcomes"]["counted"] >= 1
    assert facts["receipt_verified"] and facts["changed_byte_detected"]


def test_the_policy_change_is_counted_customer_by_customer(told):
    facts = told["chapters"]["policy-change"]
    assert facts["approver"] == world.OFFICER != world.ENGINEER
    assert facts["widenings"] > 0 and facts["narrowings"] > 0
    reach = {(p, c, r): (before, after, gained, lost) for p, c, r, before, after, gained, lost in facts["reach"]}
    for before, after, gained, lost in reach.values():
        assert after - before == gained - lost
    newsletter = reach["newsletter", "email", "mailer"]
    assert newsletter[1] == told["chapters"]["newsletter"]["permitted"]
    assert newsletter[3] > 0, "consents end after twelve months of silence now"
    assert reach["savings-offers", "phone", ""][0] == 0
    assert ("partner-offers", "email", "partner-insurer") not in reach, "its agreement has ended"


def test_the_record_verifies_and_a_changed_letter_is_noticed(told):
    facts = told["chapters"]["verified"]
    assert facts["ok"]
    assert facts["size"] == facts["checked"]["ledger"] == facts["checked"]["published log"]
    assert "was changed after it was recorded" in facts["forgery"]


def test_it_takes_less_than_a_minute(told):
    assert told["seconds"] < 60


def kept_keys(folder: Path) -> dict[Path, int]:
    """Files of keys and when they were written; the store of customers' own keys grows with whoever acts."""
    return {p: p.stat().st_mtime_ns for p in (folder / "keys").iterdir() if not p.name.startswith("subject-keys")}


def test_the_second_run_makes_nothing_and_tells_the_same(folder, told):
    before = kept_keys(folder)
    again = _demo(folder)
    assert again["made"] == []
    assert again["chapters"]["came-in"] == told["chapters"]["came-in"]
    first, second = (x["chapters"]["withdrawal"] for x in (told, again))
    assert second["before"] == first["after"] == second["after"] + 1
    assert kept_keys(folder) == before


def test_the_generated_files_do_not_stay_in_the_clear(folder, told):
    assert not (folder / "incoming").exists()
    store = next((folder / "store").glob("*.duckdb")).read_bytes()
    with Workspace.open(folder) as ws:
        address = email_of(ws, told_about(ws))
    assert address
    assert address.encode() not in store


def test_a_story_on_paper_fits_its_width_and_each_chapter_its_screen(folder, told):
    done = CliRunner().invoke(app, ["demo", str(folder), "--no-serve"])
    assert done.exit_code == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= run.WIDTH
    chapters = re.split(r"(?m)^\d .* -{3,}$", done.stdout)[1:]
    assert len(chapters) == 7
    assert max(chapter.strip().count("\n") for chapter in chapters) < 40


def test_an_interrupted_creation_is_taken_up_again(tmp_path, monkeypatch):
    place = tmp_path / "meadow"
    steps = []

    def stop_at(word: str) -> world.Step:
        def step(what: str, _share: float) -> None:
            steps.append(what)
            if word and word in what:
                raise KeyboardInterrupt

        return step

    for word in ("policy of 2025", "classified and loaded", "consent events", "permission"):
        with pytest.raises(KeyboardInterrupt):
            world.make(place, TODAY, stop_at(word))
    made = world.make(place, TODAY, stop_at(""))
    with made.ws as ws:
        assert [p.label for p in ws.shelf.history()] == ["2025-01", "2026-02"]
        assert len(ws.consent.segments()) == 1
        assert ws.journal.count("source.imported", 0) == 1
        assert dict(ws.staff.everybody()) == dict(world.STAFF)
    assert not (place / "incoming").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    other = tmp_path / "mine"
    other.mkdir()
    (other / "letter.txt").write_text("dear customer", encoding="utf-8")
    done = CliRunner().invoke(app, ["demo", str(other), "--no-serve"])
    assert done.exit_code == 2
    assert [p.name for p in other.iterdir()] == ["letter.txt"]
    Workspace.create(tmp_path / "real", "real").close()
    done = CliRunner().invoke(app, ["demo", str(tmp_path / "real"), "--no-serve"])
    assert done.exit_code == 2
    assert "did not make" in done.stderr


def test_a_taken_port_is_left_to_its_owner():
    with socket.socket() as taken:
        taken.bind((run.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run.free_port(port) > port


def test_the_demo_serves_its_pages_and_prints_logins_that_work(folder, told):
    """On a copy: the server holds the workspace open."""
    import http.client

    place = folder.parent / "served"
    shutil.copytree(folder, place)
    port = run.free_port(18_000)
    code = "from rightful.cli.main import app; app(prog_name='rightful')"
    words = [sys.executable, "-c", code, "demo", str(place), "--port", str(port)]
    log = folder.parent / "served.txt"
    with log.open("w") as out, subprocess.Popen(words, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT) as running:
        try:
            deadline = time.monotonic() + 120
            while True:
                try:
                    connection = http.client.HTTPConnection(run.HOST, port, timeout=5)
                    connection.request("GET", "/")
                    status = connection.getresponse().status
                    connection.close()
                    break
                except OSError:
                    assert running.poll() is None, log.read_text("utf-8")
                    assert time.monotonic() < deadline, log.read_text("utf-8")
                    time.sleep(0.3)
        finally:
            running.terminate()
            running.wait(20)
    assert status == 200
    text = log.read_text("utf-8")
    assert f"http://{run.HOST}:{port}/demo/outbox/" in text
    login = world.login_of(place)
    assert login.password in text
    assert os.stat(place / "keys" / "demo-login.json").st_mode & 0o077 == 0
    assert re.search(r"code \d{6}", text)
    visitor = re.search(r"sign in as (\S+)", text)
    assert visitor is not None
    with Workspace.open(place) as ws:
        assert recognise_customer(ws, visitor[1]) == told_about(ws)


def test_the_demo_shows_ways_in_that_need_no_sign_in(folder, told):
    with Workspace.open(folder) as ws:
        ways = ways_in(ws, somebody(ws).key)
        assert caller_of(ws, ways["token"]).actor == MARKETER
        assert ways_in(ws, somebody(ws).key)["token"] == ways["token"], "made once"
        assert about(ws, ways["unsubscribe"].rsplit("/", 1)[1]).purpose == "newsletter"
