"""Tryton reached by its own interface, JSON-RPC, on its own server: no table of it is touched from outside.

One server and one database for the file; each test has people of its own. What is left afterwards is looked
for in a dump of the whole database, which knows nothing of links or of the interface.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rightful.actions import connect_system
from rightful.actions.answer_request import take_in
from rightful.actions.assemble_copy import assemble
from rightful.actions.correct_data import approve_correction, corrections
from rightful.actions.erase_elsewhere import erase_elsewhere, resume_elsewhere, retry_elsewhere
from rightful.actions.reach_person import correct_person, export_person
from rightful.actions.run_requests import run_requests
from rightful.actions.take_step import case_of
from rightful.cli.main import app
from rightful.errors import NotPermitted, SystemRefused, UnknownName
from rightful.gate import dispose, systems
from rightful.rights.copy import as_document
from rightful.rights.rules import Level, State
from rightful.sources.interface import Interface, Record
from rightful.workspace import Workspace
from tests.clocks import Moving
from tests.crm.conftest import Crm, TrytonTemplate
from tests.crm.reached import SAM, SECRET, VARIABLE, reach_tryton, shop
from tests.crm.serving import Served, serving

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

DAY = 86_400_000_000
ME = {"source": "portal", "level": Level.CHANNEL}
AS_SAM = {"actor": SAM, "purpose": "service"}


@pytest.fixture(scope="module")
def place(
    tryton_template: TrytonTemplate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Crm, TrytonTemplate, Path]]:
    """A Tryton of this file's own."""
    server, name = tryton_template.server, "tryton_reached"
    at = ("-h", "127.0.0.1", "-p", server.port, "-U", "rightful")
    server.run("createdb", *at, "-T", tryton_template.database, name)
    try:
        yield tryton_template.crm(name), tryton_template, tmp_path_factory.mktemp("reached")
    finally:
        server.run("dropdb", *at, "--force", name, check=False)


@pytest.fixture(scope="module")
def served(place: tuple[Crm, TrytonTemplate, Path]) -> Iterator[Served]:
    _, template, folder = place
    with serving(template, "tryton_reached", folder) as running:
        yield running


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, SECRET)


@pytest.fixture
def crm(place: tuple[Crm, TrytonTemplate, Path]) -> Crm:
    return place[0]


@pytest.fixture
def dump(place: tuple[Crm, TrytonTemplate, Path]) -> Callable[[], list[str]]:
    server = place[1].server
    at = ("-h", "127.0.0.1", "-p", server.port, "-U", "rightful")
    return lambda: server.run("pg_dump", *at, "--data-only", "tryton_reached").stdout.splitlines()


def naming(lines: list[str], marks: tuple[str, ...]) -> Counter[str]:
    """How many rows of each table hold one of the marks."""
    found: Counter[str] = Counter()
    table = ""
    for line in lines:
        if line.startswith("COPY "):
            table = line.split()[1].removeprefix("public.")
        elif any(mark.lower() in line.lower() for mark in marks):
            found[table] += 1
    return found


def test_a_customer_is_shown_and_corrected_and_tryton_reads_what_was_written(crm: Crm, served: Served, tmp_path: Path):
    person, other = crm.persons[42], crm.persons[43]
    with shop(tmp_path, crm, [42, 43]) as ws:
        reach_tryton(ws, served.url("tryton_reached"))
        with pytest.raises(NotPermitted):
            export_person(ws, "tryton", "c-42", actor=SAM, purpose="newsletter")
        held = export_person(ws, "tryton", "c-42", **AS_SAM)
        assert {"party.party", "party.address", "party.contact_mechanism", "ir.note", "ir.email"} <= held.keys()
        assert {m["value"] for m in held["party.contact_mechanism"]} == {person.email, person.phone}
        assert other.family not in str(held), "and nobody else"
        assert ws.ledger.entries_of(ws.subject_id(ws.number_of("c-42"))), "the look is on record"

        with systems_record(ws, crm, 42) as (system, stale):
            done = correct_person(ws, "tryton", "c-42", "party.party", {"name": "Marie Newname"}, **AS_SAM)
            assert done.before == {"name": person.name}
            assert crm.ask("read", [int(crm.key(42))])[0]["name"] == "Marie Newname"
            with pytest.raises(SystemRefused) as no:  # somebody read it before, and writes now
                dispose.correct_record(ws, system, stale, {"name": "Late"}, no=ws.number_of("c-42"), actor=SAM)
            assert no.value.code == "system.changed-meanwhile"
        with pytest.raises(SystemRefused) as no:
            correct_person(ws, "tryton", "c-42", "sale.opportunity", {"conversion_probability": 5.0}, **AS_SAM)
        assert no.value.code == "system.refused" and person.family not in str(no.value), "what it said is not passed on"
        assert crm.ask("read", [int(crm.key(42))])[0]["name"] == "Marie Newname"
        kinds = [e.kind for e in ws.ledger.entries(0, ws.ledger.head()[0])]
        assert kinds.count("correction.done") == 1 and kinds.count("correction.failed") == 2
    assert crm.ask("read", [int(crm.key(43))])[0]["name"] == other.name


@contextmanager
def systems_record(ws: Workspace, crm: Crm, no: int) -> Iterator[tuple[Interface, Record]]:
    """The system, and somebody's record as it is now."""
    with closing(systems.open_system(connect_system.system_of(ws, "tryton"))) as system:
        yield system, system.read("party.party", [int(crm.key(no))])[0]


class Killed(BaseException):
    """The process dies here."""


def test_an_erasure_killed_at_any_step_goes_on_and_nobody_else_is_touched(
    crm: Crm, served: Served, dump: Callable[[], list[str]], tmp_path: Path
):
    person, partner = crm.persons[51], crm.persons[50]
    neighbours = [int(crm.key(no)) for no in (49, 52, 53)]
    before, others = dump(), crm.ask("read", neighbours)
    families = {p.family: naming(before, (p.family,)) for p in crm.persons[44:60] if p.no not in (50, 51)}
    stops = ["noted planned", "before ir.attachment", "before party.address", "noted changed", "before closed"]
    with shop(tmp_path, crm, [51]) as ws:
        reach_tryton(ws, served.url("tryton_reached"))
        for stop in stops:

            def at(name: str, stop: str = stop) -> None:
                if name == stop:
                    raise Killed

            with pytest.raises(Killed):
                erase_elsewhere(ws, "tryton", "c-51", actor="self", at=at)
        [ended], waiting = resume_elsewhere(ws)
        assert not waiting and ended.status == "complete", ended
        assert ended.people == 1 and not ended.collateral and not ended.review
        assert ended.deleted["party.address"] == 1 and ended.deleted["party.contact_mechanism"] == 2
        assert [run.step for run in ws.elsewhere.all()] == ["closed"], "one run, however often it died"
        assert ws.elsewhere.secret(ended.run) is None, "and it remembers nobody"
    after = dump()
    assert naming(after, person.marks) == {}, "no row of the database names the person"
    assert {family: naming(after, (family,)) for family in families} == families, "nobody else has lost a row"
    assert crm.ask("read", neighbours) == others
    assert crm.ask("read", [int(crm.key(51))]) == [], "Tryton does not show them any more"
    shown = crm.ask("read", [int(crm.key(50))])[0]
    assert shown["name"] == partner.name
    assert crm.ask("check")["records"] > 10_000 and crm.ask("add", "Nova Newcomer") > 0


def test_what_the_interface_cannot_reach_is_said(
    crm: Crm, served: Served, dump: Callable[[], list[str]], tmp_path: Path
):
    """Tryton keeps the history of an opportunity for ever; its interface shows it and erases nothing of it."""
    person = crm.persons[62]
    with shop(tmp_path, crm, [62]) as ws:
        reach_tryton(ws, served.url("tryton_reached"))
        outcome = erase_elsewhere(ws, "tryton", "c-62", actor="self")
        assert outcome.status == "incomplete"
        assert {(r.table, r.why) for r in outcome.residues} == {
            ("sale.opportunity", "earlier versions that the system keeps; its interface cannot erase them")
        }
        assert naming(dump(), person.marks).keys() == {"sale_opportunity__history"}, "what it says, and nothing else"
        assert {k.table for k in outcome.kept} >= {"sale.opportunity"}, "Tryton deletes no open one: it stays, empty"
        assert retry_elsewhere(ws, outcome.run).status == "incomplete", "it can be taken up again"


def test_a_request_spans_the_store_and_the_system_and_waits_while_the_system_is_away(
    place: tuple[Crm, TrytonTemplate, Path], tmp_path: Path
):
    crm, template, folder = place
    person, clock = crm.persons[71], Moving()
    other = folder / "other"
    other.mkdir()
    with shop(tmp_path, crm, [71, 73], clock=clock) as ws:
        with serving(template, "tryton_reached", other) as running:
            reach_tryton(ws, running.url("tryton_reached"))
            port = running.port
            copy = take_in(ws, "access", key="c-71", **ME).case
            made = as_document(assemble(ws, copy, actor="rule"))
            rows = {table["name"]: table["rows"] for table in made["tables"]}
            assert rows["customer"][0]["email"] == person.email
            assert {m["value"] for m in rows["tryton:party.contact_mechanism"]} == {person.email, person.phone}
            assert "message" not in rows["tryton:ir.note"][0], "a sentence waits until somebody has read it"
            assert crm.persons[73].family not in str(made), "and nothing of anybody else"

            wish = {"field": "customer.name", "value": "Wanda Newname"}
            correct = take_in(ws, "rectification", key="c-73", corrections=[wish], **ME).case
            waiting = corrections(ws, state="waiting")
            if waiting:
                assert crm.ask("read", [int(crm.key(73))])[0]["name"] == crm.persons[73].name, "first it is decided"
            for asked in waiting:
                approve_correction(ws, asked.id, actor=SAM)
            run_requests(ws)
            assert {(t.system, t.what, t.state, t.detail) for t in ws.cases.tasks(correct.id)} >= {
                ("tryton", "carry", "done", "carried")
            }
            assert case_of(ws, correct.ref).state is State.ANSWERED
            assert crm.ask("read", [int(crm.key(73))])[0]["name"] == "Wanda Newname", "carried to the system"

        late = take_in(ws, "access", key="c-73", **ME).case
        assert [(t.state, t.detail) for t in ws.cases.tasks(late.id) if t.what == "collect"] == [
            ("failed", "unreachable")
        ], "a copy without the system would not be whole"
        case = take_in(ws, "erasure", key="c-71", **ME).case
        clock.by(40 * DAY)
        run_requests(ws)
        tasks = {(t.system, t.state, t.detail) for t in ws.cases.tasks(case.id)}
        assert tasks == {("tryton", "failed", "unreachable"), ("source", "open", "")}
        assert ws.number_of("c-71") >= 0, "our own record says who it is there: it goes last"
        assert case_of(ws, case.ref).state is State.PLANNED, "and nobody says that it is done"
        with serving(template, "tryton_reached", other, port=port):
            run_requests(ws)
        assert {(t.system, t.state, t.detail) for t in ws.cases.tasks(case.id)} == {
            ("tryton", "done", "complete"),
            ("source", "done", "complete"),
        }
        assert case_of(ws, case.ref).state is State.ANSWERED
        with pytest.raises(UnknownName):
            ws.number_of("c-71")
    assert crm.ask("read", [int(crm.key(71))]) == []


def test_ac_049_the_secret_of_a_system_is_nowhere_but_where_it_is_kept(
    crm: Crm, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    with shop(tmp_path, crm, [81]):
        pass
    folder = str(tmp_path / "meadow")
    told = ["system", "add", "tryton", "--url", served.url("tryton_reached"), "--user", "admin",
            "--people", "party.party", "--match", "crm_id=party.party.id", "--secret-env", VARIABLE]  # fmt: skip

    def run(*words: str) -> tuple[int, str]:
        ran = CliRunner().invoke(app, [*words, "--workspace", folder])
        return ran.exit_code, ran.output + (str(ran.exception) if ran.exception else "")

    code, output = run(*told)
    assert code == 3 and "--inside" in output, "AC-047: an address inside needs a word of its own"
    said = [output]
    code, output = run(*told, "--inside")
    assert code == 0 and "Tryton 8.2" in output, output
    said.append(output)
    for words in (["system", "list"], ["system", "list", "--json"], ["system", "links", "tryton"]):
        code, output = run(*words)
        assert code == 0, output
        said.append(output)
    monkeypatch.setenv(VARIABLE, "not the password of anybody")
    wrong = [word if word != "admin" else "mallory" for word in told]
    for _ in range(7):  # Tryton bars an account after five wrong passwords; not the one that the other tests use
        code, output = run(*wrong, "--inside")
        assert code == 1
        said.append(output)
    assert "takes no more calls for now" in said[-1], "and says so; Rightful passes it on"
    written = b"".join(path.read_bytes() for path in (tmp_path / "meadow").rglob("*") if path.is_file())
    for secret in (SECRET, "not the password of anybody"):
        assert secret not in "".join(said) and secret.encode() not in written
    assert (
        json.loads((tmp_path / "meadow" / "rightful.json").read_text())["connected"]["tryton"]["secret_env"] == VARIABLE
    )


def test_an_account_that_may_not_delete_leaves_an_erasure_incomplete_and_says_what_was_refused(
    crm: Crm, served: Served, tmp_path: Path
):
    login = crm.ask("clerk", SECRET)
    with shop(tmp_path, crm, [87]) as ws:
        reach_tryton(ws, served.url("tryton_reached"), user=login)
        outcome = erase_elsewhere(ws, "tryton", "c-87", actor="self")
        assert outcome.status == "incomplete" and "party.party" not in outcome.deleted
        assert crm.ask("read", [int(crm.key(87))])[0]["name"] == crm.persons[87].name
        reach_tryton(ws, served.url("tryton_reached"))
        assert retry_elsewhere(ws, outcome.run).status == "complete", "with the rights it needs, it goes on"
