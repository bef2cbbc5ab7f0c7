"""Requests from their receipt to their answer, over a real workspace."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from dataclasses import replace

import jsonschema
import pytest

from rightful.actions.answer_request import confirm_task, fulfil, take_in, waits_for, write_message
from rightful.actions.assemble_copy import fetch, free_texts, review_text, ticket_for
from rightful.actions.close_request import refuse, withdraw
from rightful.actions.identify_requester import (
    channel_shown,
    enter_second_code,
    make_second_code,
    staff_checked,
    waits_for_second_proof,
)
from rightful.actions.many_requests import do_to_many, settle_bulks, undo
from rightful.actions.move_deadline import deadline_of, extend, pause, resume
from rightful.actions.open_request import open_request
from rightful.actions.run_requests import run_requests
from rightful.actions.see_requests import COLUMNS, all_mine, as_csv, detail_of, listed, look_at_request, mine, pressing
from rightful.errors import BadInput, NotFound, Refused, StepRefused
from rightful.gate.request import Request
from rightful.gate.use import decide
from rightful.rights.models import Filter
from rightful.rights.rules import PER_SOURCE, Kind, Level, State
from tests.rights.conftest import OLGA

ME = {"source": "portal", "level": Level.CHANNEL}


def ask(ws, kind, key="A1", **more):
    return take_in(ws, kind, key=key, **{**ME, **more}).case


def kinds_recorded(ws, case):
    return [ws.ledger.entry(i).kind for i in ws.ledger.entries_of(case.subject)]


def download(ws, case, session="mine"):
    return zipfile.ZipFile(io.BytesIO(fetch(ws, case, ticket_for(ws, case, session), session)))


def document(ws, case):
    return json.loads(download(ws, case).read("copy.json"))


# --- access and portability ------------------------------------------------------------------------


def test_a_copy_is_made_at_once_where_nothing_stands_against_it(club):
    case = ask(club, "access", "D4")
    assert case.state is State.ANSWERED
    files = download(club, case)
    made = json.loads(files.read("copy.json"))
    jsonschema.validate(made, json.loads(files.read("copy.schema.json")), cls=jsonschema.Draft202012Validator)

    customer = next(t for t in made["tables"] if t["name"] == "customer")["rows"][0]
    assert customer["email"] == "dee@example.com"
    assert {p["purpose"] for p in made["purposes"]} == {"service", "care", "watch", "letter", "ads"}
    assert made["withheld"] == []
    page = files.read("copy.html").decode()
    assert "dee@example.com" in page and "<script" not in page and "http" not in page.replace("https://", "")


def test_each_step_has_an_entry_and_no_entry_tells_who_or_which_request(club):
    case = ask(club, "access", "D4")
    entries = [club.ledger.entry(i) for i in club.ledger.entries_of(case.subject)]
    kinds = [e.kind for e in entries]
    for wanted in ("request.received", "request.identified", "request.planned", "use.copy", "request.copy-made",
                   "request.executed", "request.verified", "request.answered"):  # fmt: skip
        assert wanted in kinds
    for entry in entries:
        assert case.ref.encode() not in entry.leaf
        assert b"D4" not in entry.leaf and b"dee@" not in entry.leaf


def test_o18_fields_about_somebody_else_are_masked_in_a_copy(club):
    made = document(club, ask(club, "access", "A1"))
    account = next(t for t in made["tables"] if t["name"] == "account")["rows"][0]
    assert account["co_holder"] == "[somebody else]"
    assert account["balance"] == 12.5 or account["balance"] == "12.50"
    assert "Ben Roth" not in json.dumps(made)


def test_o19_a_portable_copy_has_what_was_given_and_seen_and_not_what_was_worked_out(club):
    case = ask(club, "portability", "A1")
    made = document(club, case)
    customer = next(t for t in made["tables"] if t["name"] == "customer")["rows"][0]
    assert customer["email"] == "ana@example.com"
    assert "churn_score" not in customer
    assert {"field": "customer.churn_score", "why": "not-portable"}.items() <= next(
        w for w in made["withheld"] if w["field"] == "customer.churn_score"
    ).items()
    assert next(t for t in made["tables"] if t["name"] == "visit")["rows"]
    whole = document(club, ask(club, "access", "A1"))
    assert "churn_score" in next(t for t in whole["tables"] if t["name"] == "customer")["rows"][0]


def test_a_copy_is_the_same_in_html_json_and_csv(club):
    files = download(club, ask(club, "access", "A1"))
    made = json.loads(files.read("copy.json"))
    for table in made["tables"]:
        rows = list(csv.DictReader(io.StringIO(files.read(f"csv/{table['name']}.csv").decode())))
        assert len(rows) == len(table["rows"])
        for shown, row in zip(rows, table["rows"], strict=True):
            assert {k: ("" if v is None else str(v)) for k, v in row.items()} == {
                k: v.removeprefix("'") for k, v in shown.items()
            }


# --- who asks --------------------------------------------------------------------------------------


def test_ac_016_a_look_alike_address_gets_nothing_and_learns_nothing(club):
    known = take_in(club, "access", contact="ana@example.com", source="api", sender="one")
    strange = take_in(club, "access", contact="ana@exаmple.com", source="api", sender="two")  # a Cyrillic letter
    for opened in (known, strange):
        assert (opened.case.state, opened.merged) == (State.NEEDS_IDENTITY, False)
    assert known.case.no is not None and strange.case.no is None
    with pytest.raises(StepRefused):
        fulfil(club, strange.case.ref, actor=OLGA)
    refused = refuse(club, strange.case.ref, "identity-not-shown", actor=OLGA)
    entry = club.ledger.entry(club.ledger.entries_of(strange.case.subject)[-1])
    assert entry.kind == "request.refused"
    assert entry.public["codes"] == ["identity-not-shown"]
    assert refused.state is State.REFUSED
    written = club.mail.lines(limit=99)
    assert {line.subject for line in written} == {known.case.subject}, "only the address we know gets a mail"


def test_ac_016_knowing_an_address_is_not_enough_for_anything(club):
    case = take_in(club, "access", contact="ana@example.com", source="api").case
    with pytest.raises(StepRefused):
        fulfil(club, case.ref, actor=OLGA)
    with pytest.raises(NotFound):
        ticket_for(club, case, "mine")
    assert club.cases.copy_of(case.id) is None
    channel_shown(club, case)
    assert fulfil(club, case.ref, actor=OLGA).state is State.ANSWERED


def test_ac_017_a_mailbox_alone_gets_the_ordinary_part_only(club, clock):
    case = ask(club, "access", "B2")
    assert case.state is State.PLANNED and case.sensitive and waits_for_second_proof(club, case)
    first = document(club, case)
    assert "insulin" not in json.dumps(first)
    assert {w["field"]: w["why"] for w in first["withheld"]}["customer.care_need"] == "second-proof"
    assert ("phone", "tell") in {(t.system, t.what) for t in club.cases.tasks(case.id)}
    confirm_task(club, case.ref, "phone", "tell", actor=OLGA)

    code = make_second_code(club, case, "telephone", actor=OLGA)
    case = enter_second_code(club, club.cases.by_ref(case.ref), code.lower())
    assert case.reached is Level.SECOND
    case = fulfil(club, case.ref, actor=OLGA)
    assert case.state is State.PLANNED, "the cool-down runs"
    assert {w["field"]: w["why"] for w in document(club, case)["withheld"]}["customer.care_need"] == "cool-down"
    assert run_requests(club).moved == 0

    clock.go_on(hours=73)
    assert run_requests(club).moved == 1
    case = club.cases.by_ref(case.ref)
    assert case.state is State.ANSWERED
    assert "insulin" in json.dumps(document(club, case))


def test_ac_017_a_link_opens_once_and_only_in_the_session_it_was_given_to(club):
    case = ask(club, "access", "D4")
    ticket = ticket_for(club, case, "mine")
    with pytest.raises(NotFound):
        fetch(club, case, ticket, "another browser")
    assert fetch(club, case, ticket, "mine")
    with pytest.raises(NotFound):
        fetch(club, case, ticket, "mine")


def test_a_link_and_a_copy_have_an_end(club, clock):
    case = ask(club, "access", "D4")
    ticket = ticket_for(club, case, "mine")
    clock.go_on(seconds=301)
    with pytest.raises(NotFound):
        fetch(club, case, ticket, "mine")
    clock.go_on(days=14)
    with pytest.raises(NotFound):
        ticket_for(club, case, "mine")
    run_requests(club)
    assert club.cases.copy_of(case.id) is None


def test_a_link_of_one_request_does_not_open_another(club):
    one, other = ask(club, "access", "D4"), ask(club, "access", "A1")
    with pytest.raises(NotFound):
        fetch(club, other, ticket_for(club, one, "mine"), "mine")


def test_a_second_code_takes_five_tries_and_no_more(club):
    case = ask(club, "access", "B2")
    code = make_second_code(club, case, "post", actor=OLGA)
    for _ in range(5):
        with pytest.raises(StepRefused):
            enter_second_code(club, case, "BBBBB-BBBBB")
    with pytest.raises(StepRefused):
        enter_second_code(club, case, code)
    with pytest.raises(BadInput):
        make_second_code(club, case, "e-mail", actor=OLGA)


def test_a_code_of_one_request_is_none_of_another(club):
    mine_, other = ask(club, "access", "B2"), ask(club, "erasure", "B2")
    code = make_second_code(club, mine_, "telephone", actor=OLGA)
    make_second_code(club, other, "telephone", actor=OLGA)
    with pytest.raises(StepRefused):
        enter_second_code(club, other, code)


def test_ac_019_an_erasure_needs_the_same_proof_as_a_copy_and_can_be_taken_back(club, clock):
    sensitive = ask(club, "erasure", "B2")
    assert sensitive.state is State.NEEDS_IDENTITY and sensitive.needed is Level.SECOND
    case = ask(club, "erasure", "A1")
    assert case.state is State.PLANNED and case.grace_us > club.clock()
    assert ("phone", "tell") in {(t.system, t.what) for t in club.cases.tasks(case.id)}, "every channel is told"
    told = Counter(line.template for line in club.mail.lines(limit=99))
    assert told["request-received"] == 2 and told["request-news"] >= 1
    withdrawn = withdraw(club, case.ref)
    assert withdrawn.state is State.WITHDRAWN
    clock.go_on(days=4)
    run_requests(club)
    assert club.cases.by_ref(case.ref).state is State.WITHDRAWN
    assert club.number_of("A1") is not None, "nothing was erased"
    assert "request.executed" not in kinds_recorded(club, case)


def test_ac_021_free_text_leaves_only_as_a_person_released_it(club):
    case = ask(club, "access", "C3")
    assert case.state is State.PLANNED
    assert "review" in {t.what for t in waits_for(club, case)}
    for token in ("Ana Ortiz", "ana@example.com", "555 0101"):
        assert token not in json.dumps(document(club, case))
    (text,) = free_texts(club, case, actor=OLGA)
    assert "ana@example.com" in text.text
    assert "ana@example.com" not in text.proposal and "555 0101" not in text.proposal
    assert "+353 1 555 0303" in text.proposal, "one's own number stays"
    with pytest.raises(BadInput):
        review_text(club, case, text.place, "give", text.text, actor=OLGA)
    review_text(club, case, text.place, "give", "Called. Own number +353 1 555 0303.", actor=OLGA)
    case = confirm_task(club, case.ref, "source", "review", actor=OLGA)
    assert case.state is State.ANSWERED
    made = json.dumps(document(club, case))
    assert "Called. Own number" in made
    for token in ("Ana", "ana@example.com", "555 0101"):
        assert token not in made


def test_ac_021_a_text_that_was_held_back_is_named_and_not_shown(club):
    case = ask(club, "access", "C3")
    (text,) = free_texts(club, case, actor=OLGA)
    review_text(club, case, text.place, "withhold", "", actor=OLGA)
    made = document(club, confirm_task(club, case.ref, "source", "review", actor=OLGA))
    assert {w["field"]: w["why"] for w in made["withheld"]}["customer.notes"] == "not-given"
    assert "Called with" not in json.dumps(made)


def test_ac_022_a_request_for_a_child_waits_until_a_person_has_checked_the_guardian(club):
    case = ask(club, "access", "A1", on_behalf="child")
    assert case.state is State.NEEDS_STAFF
    with pytest.raises(StepRefused):
        fulfil(club, case.ref, actor=OLGA)
    with pytest.raises(StepRefused):
        channel_shown(club, club.cases.by_ref(case.ref)) if case.reached < Level.CHANNEL else fulfil(
            club, case.ref, actor="self"
        )
    with pytest.raises(BadInput):
        staff_checked(club, case, "ok", actor=OLGA)
    checked = staff_checked(club, case, "family register extract seen on screen", actor=OLGA)
    assert (checked.state, checked.reached) == (State.IDENTIFIED, Level.STAFF)


def test_ac_020_a_flood_makes_one_case_per_customer_keeps_the_first_date_and_is_grouped(club, clock):
    first = open_request(club, "access", contact="x0@example.com", source="api", sender="bot")
    clock.go_on(days=2)
    for i in range(2_000):
        open_request(club, "access", contact=f"x{i % 200}@example.com", source="api", sender="bot")
    cases = club.cases.find(Filter(sources=("api",)), limit=None)
    assert len(cases) == 200
    assert max(Counter(c.subject for c in cases).values()) == 1
    again = club.cases.by_ref(first.case.ref)
    assert (again.received_us, again.due_on) == (first.case.received_us, first.case.due_on)
    assert again.repeats == 10
    held = club.cases.find(Filter(held=True), limit=None)
    assert len(held) == 200 - 1 - PER_SOURCE
    assert all(c.due_on for c in held), "the date runs whatever waits"
    ((source, sender, count),) = club.cases.senders(Filter(sources=("api",)))
    assert (source, count) == ("api", 200)
    assert "bot" not in sender


# --- objections and the like -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "scope", "purpose", "channel", "code"),
    [
        ("objection", {}, "letter", "email", "objected"),
        ("objection", {"purpose": "watch"}, "watch", "", "objected"),
        ("restriction", {}, "service", "", "restricted"),
        ("restriction", {"fields": ["customer.phone"]}, "service", "", ""),
    ],
)
def test_a_no_counts_on_the_very_next_read(club, kind, scope, purpose, channel, code):
    no = club.number_of("A1")
    case = ask(club, kind, scope=scope)
    assert case.state is State.ANSWERED
    decision = decide(
        club, Request(OLGA, "officer" if purpose == "service" else "support", purpose, channel), no, record=False
    )
    if code:
        assert code in decision.codes
    else:
        assert "customer.phone" not in decision.allowed_fields


def test_an_opt_out_of_sharing_needs_no_proof_at_all(club):
    case = take_in(club, "opt-out", contact="dee@example.com", source="api").case
    assert (case.state, case.reached) == (State.ANSWERED, Level.NONE)
    no = club.number_of("D4")
    assert "opted_out" in decide(club, Request(OLGA, "support", "ads"), no, record=False).codes


def test_limiting_sensitive_data_restricts_its_categories_and_nothing_else(club):
    case = ask(club, "limit-sensitive", "B2")
    assert case.state is State.ANSWERED
    scopes = {e.purpose for e in club.facts.subject(club.number_of("B2")).events}
    assert scopes == {"health"}


@pytest.mark.parametrize("kind", ["human-review", "complaint"])
def test_what_a_person_has_to_do_waits_for_that_person(club, clock, kind):
    case = ask(club, kind, "A1")
    assert case.state is State.PLANNED
    clock.go_on(days=4)
    for task in waits_for(club, case):
        with pytest.raises(NotFound):
            confirm_task(club, case.ref, "nowhere", task.what, actor=OLGA)
        case = confirm_task(club, case.ref, task.system, task.what, note="seen to", actor=OLGA)
    assert case.state is State.ANSWERED


def test_an_erasure_is_carried_out_after_its_grace_and_leaves_a_case_of_nobody(club, clock):
    other = ask(club, "human-review", "E5", text="CANARY-OTHER")
    case = ask(club, "erasure", "E5", text="CANARY-WHY")
    assert run_requests(club).moved == 0
    clock.go_on(hours=73)
    ran = run_requests(club)
    assert (ran.moved, ran.stuck) == (1, ())
    done = club.cases.by_ref(case.ref)
    assert done.state is State.ANSWERED and done.no is None and done.subject == f"gone-{case.ref}"
    with pytest.raises(Refused):
        club.number_of("E5")
    assert club.cases.by_ref(other.ref).subject == f"gone-{other.ref}"
    texts = [m.text for m in detail_of(club, done).messages]
    assert texts[0] == "" and "Your request is answered" in texts[-1]
    (last,) = [line for line in club.mail.lines(limit=99) if line.template == "request-erased"]
    assert last.subject is None, "nothing ties the last mail to a customer"
    assert club.ledger.entries_of(case.subject) == [], "no entry after the erasure makes the link again"
    seen = [t for t in club.cases.tasks(case.id) if t.what == "erase"]
    assert (seen[0].state, seen[0].detail) == ("done", "complete")


def test_an_erasure_that_left_something_says_so_and_waits_for_a_person(club, clock, monkeypatch):
    """The real erasure, as if its check had found something: nobody says "done" before it was seen to."""
    from rightful.actions import carry_out

    real = carry_out.erase_customer
    monkeypatch.setattr(carry_out, "erase_customer", lambda *a, **k: replace(real(*a, **k), status="incomplete"))
    case = ask(club, "erasure", "E5")
    clock.go_on(hours=73)
    run_requests(club)
    case = club.cases.by_ref(case.ref)
    assert case.state is State.PLANNED
    (task,) = waits_for(club, case)
    assert (task.what, task.state, task.detail) == ("erase", "failed", "incomplete")
    assert fulfil(club, case.ref, actor=OLGA).state is State.PLANNED, "trying again changes nothing"
    done = confirm_task(club, case.ref, "source", "erase", note="taken out of the note by hand", actor=OLGA)
    assert done.state is State.ANSWERED


def test_an_erasure_that_a_person_has_to_decide_about_stays_open_and_erases_nothing(club, clock):
    """Ana's number stands in Cem's notes, so his profile may be hers: a person decides."""
    case = ask(club, "erasure", "A1")
    confirm_task(club, case.ref, "phone", "tell", actor=OLGA)
    clock.go_on(hours=73)
    run_requests(club)
    (task,) = waits_for(club, club.cases.by_ref(case.ref))
    assert (task.state, task.detail) == ("failed", "other-profiles")
    assert club.number_of("A1") is not None


def test_a_task_that_could_not_be_done_keeps_the_request_open(club):
    case = ask(club, "rectification")
    with pytest.raises(BadInput):
        confirm_task(club, case.ref, "source", "correct", ok=False, actor=OLGA)
    case = confirm_task(club, case.ref, "source", "correct", ok=False, note="the CRM is down", actor=OLGA)
    assert case.state is State.PLANNED and waits_for(club, case)


def test_systems_without_a_connector_become_tasks(club):
    club.config["systems"] = {"helpdesk": "manual", "shop": "mail"}
    case = ask(club, "objection")
    assert case.state is State.PLANNED, "the objection counts here already; two systems have to be told"
    assert {(t.system, t.how) for t in waits_for(club, case)} == {("helpdesk", "manual"), ("shop", "mail")}
    confirm_task(club, case.ref, "helpdesk", "same", actor=OLGA)
    assert confirm_task(club, case.ref, "shop", "same", actor=OLGA).state is State.ANSWERED
    club.config["systems"] = {"helpdesk": "magic"}
    with pytest.raises(BadInput):
        ask(club, "objection", "C3")


# --- the clock -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "law"), [("A1", "gdpr"), ("D4", "ccpa"), ("F6", "uk-gdpr"), ("E5", "uk-gdpr")])
def test_the_law_of_the_residence_counts_and_the_strictest_where_nobody_knows_it(club, key, law):
    case = ask(club, "rectification", key)
    assert case.law == law
    assert case.reasoning and case.why
    assert case.safe_on <= case.due_on
    if key == "E5":
        assert "not known" in case.why


def test_more_time_is_taken_once_with_a_reason_and_in_time(club, clock):
    case = ask(club, "rectification")
    with pytest.raises(BadInput):
        extend(club, case.ref, "holidays", actor=OLGA)
    longer = extend(club, case.ref, "complexity", actor=OLGA)
    assert longer.due_on > case.due_on and longer.extended
    assert "3 calendar months" in longer.reasoning
    with pytest.raises(StepRefused):
        extend(club, case.ref, "complexity", actor=OLGA)
    late = ask(club, "rectification", "C3")
    clock.go_on(days=45)
    with pytest.raises(StepRefused) as refused:
        extend(club, late.ref, "complexity", actor=OLGA)
    assert refused.value.code == "rights.too-late-to-extend"


def test_waiting_for_proof_moves_the_date_where_the_law_says_so(club, clock):
    here, there = ask(club, "rectification", "A1"), ask(club, "rectification", "D4")
    for case in (here, there):
        assert pause(club, case.ref, "identity", actor=OLGA).paused
    clock.go_on(days=10)
    moved, stayed = (resume(club, case.ref, actor=OLGA) for case in (here, there))
    assert "10 days do not count (waiting for identity proof" in moved.reasoning
    assert moved.safe_on == here.safe_on, "the careful date knows no suspension"
    assert moved.due_on > here.due_on
    assert stayed.due_on == there.due_on, "in California the clock does not stop"
    (seen,) = detail_of(club, stayed).pauses
    assert not seen.counts and seen.ended is not None


def test_a_pause_that_is_open_is_counted_up_to_now(club, clock):
    case = ask(club, "rectification", "A1")
    case = pause(club, case.ref, "identity", actor=OLGA)
    clock.go_on(days=3)
    assert "3 days do not count" in deadline_of(club, case).due.reasoning
    with pytest.raises(BadInput):
        pause(club, case.ref, "weather", actor=OLGA)


# --- merging, closing, looking ---------------------------------------------------------------------


def test_the_same_asked_twice_is_one_request_and_other_things_are_others(club):
    case = ask(club, "rectification")
    again = take_in(club, "rectification", key="A1", **ME)
    assert again.merged and again.case.ref == case.ref and again.case.repeats == 1
    assert not take_in(club, "human-review", key="A1", **ME).merged
    assert not take_in(club, "rectification", key="C3", **ME).merged
    withdraw(club, case.ref)
    assert not take_in(club, "rectification", key="A1", **ME).merged


def test_two_doors_that_take_in_the_same_at_once_make_one_case(club):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: open_request(club, "rectification", key="A1", **ME), range(16)))
    assert len({o.case.ref for o in opened}) == 1
    assert sum(not o.merged for o in opened) == 1
    assert club.cases.by_ref(opened[0].case.ref).repeats == 15


def test_two_people_who_change_one_request_at_once_do_not_overwrite_each_other(club):
    case = ask(club, "rectification")
    from rightful.actions.take_step import Move, take
    from rightful.rights.rules import Step

    take(club, case, Move(Step.HAND_OVER, reason="unclear"), actor=OLGA)
    with pytest.raises(StepRefused) as refused:
        take(club, case, Move(Step.WITHDRAW), actor="self")
    assert refused.value.code == "rights.changed"


@pytest.mark.parametrize(
    "asked",
    [
        {"kind": "tea"},
        {"source": "pigeon"},
        {"language": "tlh"},
        {"on_behalf": "cat"},
        {"text": "x" * 9_000},
        {"scope": {"colour": 1}},
        {"key": ""},
    ],
)
def test_what_cannot_be_understood_changes_nothing(club, asked):
    before = club.ledger.head()[0]
    with pytest.raises(BadInput):
        take_in(club, **{"kind": "access", "key": "A1", **ME, **asked})
    assert club.ledger.head()[0] == before
    with pytest.raises(Refused):
        take_in(club, "objection", key="A1", scope={"purpose": "nothing"}, **ME)


def test_a_refusal_says_why_under_which_article_and_what_can_be_done(club):
    case = ask(club, "rectification")
    refuse(club, case.ref, "accurate", note="The register says the same.", actor=OLGA)
    entry = club.ledger.entry(club.ledger.entries_of(case.subject)[-1])
    assert entry.public["codes"] == ["accurate"]
    letter = detail_of(club, club.cases.by_ref(case.ref)).messages[-1].text
    assert "The register says the same." in letter and "complain to the authority" in letter
    with pytest.raises(StepRefused):
        refuse(club, ask(club, "rectification", "C3").ref, "legal-claims", actor=OLGA)


def test_a_customer_sees_their_own_requests_and_nobody_elses(club):
    case = ask(club, "rectification", "A1")
    assert [line.case.ref for line in all_mine(club, "A1")] == [case.ref]
    assert all_mine(club, "C3") == ()
    with pytest.raises(NotFound) as other:
        mine(club, "C3", case.ref)
    with pytest.raises(NotFound) as missing:
        mine(club, "C3", "R-NOTHING")
    assert str(other.value) == str(missing.value)


def test_what_a_customer_writes_is_sealed_and_readable_by_both(club):
    case = ask(club, "rectification", text="My street is CANARY-STREET 5")
    write_message(club, case, "Which house number?", way="out", actor=OLGA)
    write_message(club, case, "careful, he shouts", way="note", actor=OLGA)
    texts = [m.text for m in detail_of(club, case).messages]
    assert texts == ["My street is CANARY-STREET 5", "Which house number?", "careful, he shouts"]
    raw = (club.path / "state" / "control.sqlite").read_bytes()
    wal = club.path / "state" / "control.sqlite-wal"
    assert b"CANARY-STREET" not in raw + (wal.read_bytes() if wal.exists() else b"")
    with pytest.raises(BadInput):
        write_message(club, case, "  ", way="out", actor=OLGA)


def test_an_erased_customer_leaves_no_readable_request(club):
    case = ask(club, "access", "D4", text="CANARY-WISH")
    club.ledger.forget(case.subject)
    seen = detail_of(club, case)
    assert [m.text for m in seen.messages] == ["", ""]
    assert club.ledger.unseal(club.cases.copy_of(case.id).sealed, f"rights-copy/{case.ref}", case.subject) is None


def test_opening_a_request_is_a_recorded_look(club):
    case = ask(club, "rectification")
    look_at_request(club, case.ref, actor=OLGA)
    assert kinds_recorded(club, case)[-1] == "request.looked-at"


# --- many at once ----------------------------------------------------------------------------------


def many(club, count):
    return [open_request(club, "rectification", key=f"X{i}", **ME).case for i in range(count)]


def test_many_are_extended_but_the_excluded_ones_and_it_can_be_undone(club, clock):
    cases = many(club, 12)
    wanted = Filter(kinds=("rectification",), states=("open",))
    done = do_to_many(
        club, "extend", wanted, reason="complexity", actor=OLGA, but=[cases[0].ref, cases[1].ref], seen=12
    )
    assert (done.changed, done.left) == (10, ())
    assert [club.cases.by_ref(c.ref).extended for c in cases] == [False, False] + [True] * 10
    assert settle_bulks(club) == 0, "no letter before the undo is over"
    with pytest.raises(NotFound):
        undo(club, done.id, actor="max@club.example")
    assert undo(club, done.id, actor=OLGA) == 10
    for case in cases:
        now = club.cases.by_ref(case.ref)
        assert (now.extended, now.due_on, now.state) == (False, case.due_on, case.state)
    with pytest.raises(StepRefused):
        undo(club, done.id, actor=OLGA)
    clock.go_on(seconds=31)
    assert settle_bulks(club) == 0


def test_letters_of_a_bulk_action_leave_once_it_cannot_be_undone(club, clock):
    cases = many(club, 3)
    done = do_to_many(club, "refuse", Filter(kinds=("rectification",)), reason="accurate", actor=OLGA)
    clock.go_on(seconds=31)
    with pytest.raises(StepRefused):
        undo(club, done.id, actor=OLGA)
    assert settle_bulks(club) == 3
    assert settle_bulks(club) == 0
    assert "the data is right" in detail_of(club, club.cases.by_ref(cases[0].ref)).messages[-1].text


def test_a_list_that_has_changed_since_it_was_seen_is_not_acted_on(club):
    many(club, 3)
    with pytest.raises(BadInput):
        do_to_many(club, "extend", Filter(kinds=("rectification",)), reason="complexity", actor=OLGA, seen=2)
    assert not any(c.extended for c in club.cases.find(Filter(), limit=None))
    with pytest.raises(BadInput):
        do_to_many(club, "paint", Filter(), reason="", actor=OLGA)


def test_one_that_cannot_be_extended_stays_and_says_why(club):
    cases = many(club, 3)
    extend(club, cases[0].ref, "complexity", actor=OLGA)
    done = do_to_many(club, "extend", Filter(kinds=("rectification",)), reason="complexity", actor=OLGA)
    assert done.changed == 2
    ((ref, why),) = done.left
    assert ref == cases[0].ref and "once" in why


def test_the_file_is_the_list(club):
    many(club, 7)
    wanted = Filter(kinds=("rectification",), states=("open",))
    rows = list(csv.reader(io.StringIO(as_csv(club, wanted))))
    assert tuple(rows[0]) == COLUMNS
    assert [tuple(r) for r in rows[1:]] == [line.cells() for line in listed(club, wanted, limit=None)]
    assert len(rows) == 8


def test_what_is_pressing_comes_first_and_is_counted(club, clock):
    ask(club, "rectification", "A1")
    clock.go_on(days=40)
    ask(club, "human-review", "A1")
    lines = listed(club, Filter(states=("open",)))
    assert [line.pressing for line in lines] == ["overdue", ""]
    assert lines[0].days_left < 0
    assert pressing(club) == (1, 0, 0)
    assert Kind.RECTIFICATION is lines[0].case.kind
