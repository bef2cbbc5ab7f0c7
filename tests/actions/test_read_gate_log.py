"""The gate's log: customers' own choices stand in it beside the uses, each once, and nobody is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import rightful
from rightful.actions.correct_data import ask_correction
from rightful.actions.double_opt_in import request_opt_in
from rightful.actions.give_consent import give_consent
from rightful.actions.officer_today import today
from rightful.actions.read_gate_log import instant_of, log, sentence_of
from rightful.actions.record_choice import record_event
from rightful.actions.show_uses import uses
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.ledger.journal import Line
from rightful.terms import EventKind
from tests.actions.conftest import ANA, MAX
from tests.builders import event


@pytest.fixture
def lived_in(shop):
    """Uses and choices in turn."""
    for key in ("C001", "C002", "C003"):
        withdraw_consent(shop, key, "newsletter")
        query_data(shop, MAX, "newsletter", "select email from customer")
        give_consent(shop, key, "newsletter", "email")
    return shop


def test_choices_and_uses_stand_in_one_list_in_the_order_they_were_recorded(lived_in):
    lines = log(lived_in, limit=1000)
    assert [line.index for line in lines] == sorted({line.index for line in lines}, reverse=True)
    kinds = [line.kind for line in lines if line.kind in ("consent.withdrawn", "consent.given", "use.query")]
    assert kinds == ["consent.given", "use.query", "consent.withdrawn"] * 3
    for line in lines:
        entry = lived_in.ledger.entry(line.index)
        assert (line.kind, line.at) == (entry.kind, instant_of(entry.at))


def test_a_choice_is_told_in_a_sentence_that_names_no_customer(lived_in):
    object_to(lived_in, "C001", "statistics")
    sentences = {line.kind: line.sentence for line in log(lived_in, limit=1000)}
    assert sentences["consent.given"] == "A customer said yes to newsletter by email"
    assert sentences["consent.withdrawn"].startswith("A customer took back the yes to newsletter")
    assert sentences["consent.objected"] == "A customer objected to statistics"
    assert not any(key in sentence for sentence in sentences.values() for key in ("C001", "C002", "C003"))


@pytest.mark.parametrize("kind", list(EventKind))
def test_every_kind_of_event_has_a_sentence(shop, kind):
    record_event(shop, "C004", event(kind, "newsletter", "email", notice=shop.shelf.newest_notice()), actor="staff")
    [line] = log(shop, limit=1)
    assert line.kind == f"consent.{kind.value}" and line.sentence not in ("", line.kind)
    assert line.at.timestamp() * 1e6 == pytest.approx(shop.ledger.newest_at(), abs=1), "recorded now, claimed earlier"


def test_filters_hold_for_choices_as_for_uses(lived_in):
    give_consent(lived_in, "C005", "newsletter", "email")
    query_data(lived_in, ANA, "statistics", "select count(*) as n from customer")
    assert {line.kind for line in log(lived_in, kind="consent.g")} == {"consent.given"}
    assert {line.kind for line in log(lived_in, kind="use")} == {"use.query"}
    assert {line.purpose for line in log(lived_in, purpose="newsletter")} == {"newsletter"}
    assert log(lived_in, kind="consent", purpose="statistics") == ()
    assert log(lived_in, kind="no.such") == ()


def test_pages_lose_nothing_and_repeat_nothing(lived_in):
    everything = [line.index for line in log(lived_in, limit=1000)]
    for size in (1, 2, 5):
        seen: list[int] = []
        before = None
        while page := log(lived_in, before=before, limit=size):
            seen += [line.index for line in page]
            before = page[-1].index
        assert seen == everything


def test_an_event_with_a_line_of_its_own_is_listed_once(shop):
    ask_correction(shop, "C002", "customer.residence", "FR")
    assert shop.consent.of(shop.number_of("C002"))[-1].event.kind is EventKind.MOVED
    kinds = [line.kind for line in log(shop, limit=2)]
    assert kinds == ["consent.moved", "correction.done"]
    assert [line.kind for line in log(shop, kind="consent.moved")] == ["consent.moved"]


def test_a_request_to_confirm_is_listed_for_staff_and_for_the_customer(shop):
    assert request_opt_in(shop, "C055", [("newsletter", "email")], to="p055@example.com")
    line = log(shop, limit=1)[0]
    assert line.sentence == "A customer was sent a mail to confirm a yes to newsletter by email"
    assert uses(shop, "C055")[0].index == line.index


def test_the_customer_s_own_history_has_each_choice_as_well(lived_in):
    mine = [line.index for line in uses(lived_in, "C001")]
    chosen = [line.index for line in log(lived_in, kind="consent", limit=1000) if line.index in mine]
    assert len(chosen) == 2
    assert today(lived_in).latest[0].kind == "consent.given"


def test_every_kind_of_entry_that_the_program_writes_has_a_sentence():
    package = Path(rightful.__file__).parent
    sources = [path.read_text() for path in package.rglob("*.py")]
    kinds = {kind for text in sources for kind in re.findall(r'Draft\(\s*"([a-z-]+\.[a-z.-]+)"', text)}
    assert len(kinds) > 40
    for kind in sorted(kinds - {"subject.added"}):
        said = sentence_of(Line(0, 0, kind, "letter", "marketer", "", "mailer", 1, 1, {}))
        assert said != kind and "1 customers" not in said, kind
