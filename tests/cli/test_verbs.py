"""What holds for every verb: help, the two channels, JSON, errors, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rightful.cli.main import app
from rightful.cli.verbs import VERBS
from tests.cli.conftest import ANA, MAX, SAM

ROOT = Path(__file__).resolve().parents[2]
PROMISED = """init demo serve doctor
source add, source list, source scan, source import, source refresh
staff add, staff list, staff remove
policy check, policy test, policy publish, policy diff, policy explain, policy who, policy what-if, policy history
gate query, gate explain, gate refresh
consent record, consent withdraw, consent object, consent show, consent import, consent export
notice list, notice show, notice publish, notice diff, notice export, notice serve
person show, person uses
ledger verify, ledger prove, ledger tail, ledger checkpoint"""
STUDY = "select city, count(*) as n from customer group by city"


def in_a_process(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "from rightful.cli.main import app; app(prog_name='rightful')"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
        timeout=120,
        check=False,
    )


def test_every_promised_verb_is_there():
    lines = PROMISED.splitlines()
    promised = set(lines[0].split()) | {verb.strip() for line in lines[1:] for verb in line.split(",")}
    assert promised <= set(VERBS)


@pytest.mark.parametrize("path", sorted(VERBS))
def test_every_verb_explains_itself_and_offers_the_shared_options(path):
    done = CliRunner().invoke(app, [*path.split(), "--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for option in ("--json", "--quiet", "--workspace", "--as"):
        assert option in done.stdout, f"{path} lacks {option}"
    assert VERBS[path].members, f"{path} declares no JSON"


def test_help_loads_neither_the_database_nor_the_web():
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom rightful.cli.main import app\n"
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0\n"
        "heavy = {'duckdb', 'pyarrow', 'numpy', 'sqlglot', 'django', 'cryptography', 'ruamel'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


def test_data_goes_to_stdout_and_talk_to_stderr(rightful):
    ran = rightful("gate", "query", "-p", "study", "--as", ANA, STUDY)
    assert ran.code == 0
    assert ran.out.splitlines()[0] == '"city","n"'
    assert "rows for study" in ran.err
    assert "rows for study" not in ran.out


def test_quiet_silences_the_talk_but_not_the_data_nor_errors(rightful):
    ran = rightful("gate", "query", "-q", "-p", "study", "--as", ANA, STUDY)
    assert ran.err == ""
    assert ran.out
    refused = rightful("gate", "query", "-q", "-p", "newsletter", "--as", ANA, STUDY)
    assert refused.err


def test_json_is_one_object_and_nothing_else(rightful):
    ran = rightful("gate", "query", "--json", "-p", "study", "--as", ANA, STUDY)
    assert ran.json["schema"] == "rightful/gate.query/1"
    assert sum(row["n"] for row in ran.json["rows"]) > 0
    assert ran.err == ""


def test_the_actor_may_come_from_the_environment(rightful, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_ACTOR", ANA)
    assert rightful("gate", "query", "-p", "study", STUDY).code == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("gate", "query", "--as", ANA, STUDY), 3, "purpose"),
        (("gate", "query", "-p", "study", STUDY), 2, "--as"),
        (("gate", "query", "-p", "study", "--as", "eve@shop.example", STUDY), 3, "directory"),
        (("gate", "query", "-p", "study", "--as", ANA, "select email from customer"), 3, "email"),
        (("gate", "query", "-p", "study", "--as", ANA, "drop table customer"), 3, ""),
        (("gate", "query", "-p", "newsletter", "-c", "email", "--as", ANA, STUDY), 3, "does not pursue"),
        (("gate", "explain", "-p", "newsletter", "-c", "email", "--as", ANA), 3, ""),
        (("person", "show", "C001", "--as", SAM), 3, "purpose"),
        (("consent", "show", "C001", "--as", SAM), 3, "purpose"),
        (("person", "uses", "C001", "--as", SAM), 3, "purpose"),
        (("consent", "export", "x.csv", "--as", SAM), 3, "purpose"),
        (("person", "show", "nobody", "-p", "service", "--as", SAM), 3, "no customer"),
        (("consent", "withdraw", "C001", "service"), 2, "does not rest on consent"),
        (("consent", "record", "C001", "newsletter", "-c", "email"), 2, "evidence"),
        (("staff", "add", "x@shop.example", "king"), 3, "no role king"),
        (("staff", "remove", "x@shop.example"), 6, "not in the directory"),
        (("ledger", "prove", "99999"), 6, "99999"),
        (("ledger", "verify", "nowhere.zip"), 6, "nowhere.zip"),
        (("policy", "check", "nowhere.yaml"), 6, "nowhere.yaml"),
        (("policy", "who", "customer.shoe_size"), 3, "shoe_size"),
        (("policy", "what-if", "marketer"), 2, "role and a purpose"),
        (("notice", "show", "1999"), 6, "1999"),
        (("source", "import", "nowhere.csv"), 2, ""),
        (("policy", "nonsense"), 2, "nonsense"),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(rightful, words, code, says):
    ran = rightful(*words)
    assert ran.code == code, ran.err
    assert says.lower() in (ran.err + ran.out).lower()
    if code != 2 or "nonsense" not in words:
        told = rightful(*words, "--json")
        assert told.code == code
        assert told.err == ""


def test_a_folder_that_is_no_workspace_says_what_to_do(rightful, tmp_path):
    ran = rightful("doctor", "-w", tmp_path / "empty")
    assert ran.code == 6
    assert "-w FOLDER" in ran.err


def test_something_unexpected_shows_no_traceback_unless_asked(rightful, monkeypatch):
    from rightful.actions import appoint_staff

    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret 4711")

    monkeypatch.setattr(appoint_staff, "directory", broken)
    ran = rightful("staff", "list")
    assert ran.code == 1
    assert "RIGHTFUL_DEBUG" in ran.err
    assert "4711" not in ran.err
    monkeypatch.setenv("RIGHTFUL_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        rightful("staff", "list")


def test_no_colour_and_no_bar_outside_a_terminal(shop):
    done = in_a_process("source", "refresh", "-w", str(shop))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    done = in_a_process("ledger", "verify", "-w", str(shop), NO_COLOR="1", FORCE_COLOR="")
    assert "\x1b" not in done.stdout + done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(shop):
    code = "from rightful.cli.main import app; app(prog_name='rightful')"
    words = [sys.executable, "-c", code, "source", "list", "--fields", "-w", str(shop)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()
        assert b"Traceback" not in running.stderr.read()
    assert running.returncode == 0


def test_version_and_the_exit_codes_are_on_the_first_page():
    assert in_a_process("--version").stdout.startswith("rightful 0.")
    assert "3 denied by the gate" in in_a_process("--help").stdout.replace("\n", " ").replace("  ", " ")


def test_json_of_a_refusal_holds_the_whole_decision(rightful):
    ran = rightful("gate", "query", "--json", "-p", "newsletter", "-c", "email", "--as", ANA, "select id from customer")
    assert ran.json["decision"]["outcome"] == "deny"
    assert "role_not_for_purpose" in {r["code"] for r in ran.json["decision"]["reasons"]}
    json.dumps(ran.json)


def test_max_is_in_the_directory(rightful):
    assert {"person": MAX, "role": "marketer"} in rightful("staff", "list", "--json").json["staff"]
