"""The whole way of a request, and every table of it, on a control database that is PostgreSQL.

The tests are those that run on SQLite, in the same words; only the workspace is another one.
What two people or processes do at once is tried here with threads: there PostgreSQL and SQLite differ most.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from rightful.actions.answer_request import take_in
from rightful.actions.ask_systems import ask_systems
from rightful.actions.correct_for_request import take_up
from rightful.rights.models import Filter
from rightful.rights.rules import Level, State
from rightful.workspace import Workspace
from tests.rights import test_agents, test_correcting, test_effects, test_requests, test_system_tasks
from tests.rights.conftest import Clock, make_club

pytestmark = pytest.mark.postgres
URL = "RIGHTFUL_TEST_CLUB"

asks, listed, token = test_system_tasks.asks, test_agents.listed, test_agents.token

for _module, _names in {
    test_requests: (
        "ac_017_a_mailbox_alone_gets_the_ordinary_part_only",
        "a_second_code_takes_five_tries_and_no_more",
        "ac_021_free_text_leaves_only_as_a_person_released_it",
        "an_erasure_is_carried_out_after_its_grace_and_leaves_a_case_of_nobody",
        "a_pause_that_is_open_is_counted_up_to_now",
        "two_doors_that_take_in_the_same_at_once_make_one_case",
        "two_people_who_change_one_request_at_once_do_not_overwrite_each_other",
        "many_are_extended_but_the_excluded_ones_and_it_can_be_undone",
        "the_file_is_the_list",
        "what_is_pressing_comes_first_and_is_counted",
    ),
    test_correcting: (
        "who_somebody_is_waits_for_an_officer_and_the_request_goes_on_by_itself_then",
        "a_request_in_words_is_closed_by_a_person_and_only_after_something_was_corrected",
    ),
    test_effects: ("complaint_about_a_refusal_goes_to_somebody_else_and_takes_the_request_up_again",),
    test_system_tasks: ("a_system_is_reminded_and_its_lateness_stands_on_today",),
    test_agents: (
        "the_same_message_is_taken_once",
        "an_agent_can_neither_use_nor_see_what_is_another_agents",
    ),
}.items():
    for _name in _names:
        globals()[f"test_{_name}"] = getattr(_module, f"test_{_name}")


@pytest.fixture(scope="session")
def postgres_club(postgres_server, tmp_path_factory) -> tuple[Path, str]:
    """The club with its control database, built once; tests get a copy of both."""
    import os

    import psycopg

    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE club_template")
    os.environ[URL] = postgres_server.url("club_template")
    try:
        return make_club(tmp_path_factory.mktemp("club-on-postgresql"), {"url_env": URL}), "club_template"
    finally:
        del os.environ[URL]


@pytest.fixture
def club(postgres_server, postgres_club, tmp_path: Path, clock: Clock, monkeypatch):
    import psycopg

    folder, template = postgres_club
    name = f"club_{abs(hash(tmp_path)) % 10**12}"
    with psycopg.connect(postgres_server.url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    monkeypatch.setenv(URL, postgres_server.url(name))
    shutil.copytree(folder, tmp_path / "club")
    with Workspace.open(tmp_path / "club", clock=clock) as ws:
        assert ws.control.dialect == "postgresql"
        yield ws


def at_once(work, times: int = 6) -> list[Exception]:
    faults: list[Exception] = []
    start = threading.Barrier(times)

    def run(place: int) -> None:
        start.wait()
        try:
            work(place)
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_many_doors_at_once_make_one_case_per_customer_and_numbers_without_gaps(club):
    def work(place: int) -> None:
        for key in ("A1", "C3", "D4", "F6"):
            take_in(club, "complaint", key=key, source="portal", level=Level.CHANNEL, text=f"from {place}")

    assert at_once(work) == []
    cases = club.cases.find(Filter(), limit=None)
    assert len(cases) == 4 and sum(c.repeats for c in cases) == 20
    assert sorted(c.id for c in cases) == [1, 2, 3, 4]


def test_a_wish_is_taken_up_once_and_a_system_asked_once_though_several_do_it_at_once(club):
    club.config["systems"] = {"shop": {"how": "mail", "to": "ops@shop.example"}}
    wish = {"field": "customer.name", "value": "Ana Lima"}
    case = take_in(club, "rectification", key="A1", source="portal", level=Level.NONE, corrections=[wish]).case
    with club.control.write() as tx:
        tx.execute("UPDATE rights_case SET state = 'planned', reached = 1 WHERE id = ?", (case.id,))
    from rightful.actions.carry_out import planned_tasks

    with club.control.write() as tx:
        club.cases.put_tasks(tx, planned_tasks(club, case, actor="rule"))
    case = club.cases.by_id(case.id)
    assert case.state is State.PLANNED
    assert at_once(lambda _place: (take_up(club, case), ask_systems(club, case))) == []
    assert len(club.corrections.of_request(case.id)) == 1
    assert len(club.system_tasks.of_case(case.id)) == 1
    assert sum(line.template == "system-task" for line in club.mail.lines(limit=99)) == 1
