"""Events that contradict each other: whatever the order, the copies and the clocks, one answer comes out."""

from __future__ import annotations

import shutil
import threading
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rightful.actions.give_consent import give_consent
from rightful.actions.record_choice import make_event, record_event
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import EventRejected
from rightful.gate.conditions import Ask, View
from rightful.terms import EventKind
from rightful.workspace import Workspace
from tests.actions.test_choices import allowed

HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def opened(shop_template, tmp_path_factory):
    place = tmp_path_factory.mktemp("conflicts") / "shop"
    shutil.copytree(shop_template, place)
    with Workspace.open(place) as ws:
        yield ws


def incoming(ws, who, kind, hours_ago, name):
    at = ws.clock() - hours_ago * HOUR
    notice, proof = ("1", "form-1") if kind is EventKind.GIVEN else ("", "click-1")
    return make_event(ws, kind, "newsletter", "email", at, "form", f"{who}-{name}", notice, proof)


def deliver(ws, who, events):
    for event in events:
        record_event(ws, who, event, actor="webhook")


def stands(ws, who):
    view = View(
        Ask(ws.facts.policy, ws.facts.notices, "newsletter", "email"), ws.facts.subject(ws.number_of(who)), ws.clock()
    )
    return view.has_live_consent


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_ac_052_webhooks_twice_and_out_of_order_give_one_state(opened, order):
    who = f"C0{40 + list(permutations(range(3))).index(order)}"
    events = [
        incoming(opened, who, EventKind.GIVEN, 9, "a"),
        incoming(opened, who, EventKind.WITHDRAWN, 6, "b"),
        incoming(opened, who, EventKind.GIVEN, 3, "c"),
    ]
    delivered = [events[place] for place in order]
    deliver(opened, who, [*delivered, *delivered[::-1]])
    assert stands(opened, who) and allowed(opened, who), "the newest act is the yes of three hours ago"
    assert len(opened.consent.of(opened.number_of(who))) == 3


TOLD = st.tuples(st.sampled_from([EventKind.GIVEN, EventKind.WITHDRAWN]), st.integers(1, 4))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from([EventKind.GIVEN, EventKind.WITHDRAWN]), st.integers(1, 4)), min_size=1, max_size=5
    ),
    st.randoms(use_true_random=False),
)
def test_ac_052_any_order_and_any_copies_say_what_the_newest_says(opened, told, chance):
    who = chance.choice([f"C0{n}" for n in range(50, 59)])
    base = opened.consent.position()
    clock = opened.clock()
    events = [
        make_event(
            opened, kind, "newsletter", "email", clock - 40 * HOUR + base * 60_000_000 + hour * 1_000_000, "form",
            f"h-{base}-{place}", "1" if kind is EventKind.GIVEN else "", "form-1",
        )
        for place, (kind, hour) in enumerate(told)
    ]  # fmt: skip
    copies = events * 2
    chance.shuffle(copies)
    deliver(opened, who, copies)
    newest = max(event.at_us for event in events)
    last = {event.kind for event in events if event.at_us == newest}
    assert stands(opened, who) == (last == {EventKind.GIVEN}), "of two at one instant the no counts"


def test_ac_053_a_grant_of_a_fast_or_slow_clock_gains_nothing(opened):
    who = "C005"
    withdraw_consent(opened, who, "newsletter")
    last_year = incoming(opened, who, EventKind.GIVEN, 9_000, "old")
    record_event(opened, who, last_year, actor="app")
    assert not allowed(opened, who), "back-dated: it is older than the no"
    ahead = incoming(opened, who, EventKind.GIVEN, -1, "ahead")
    with pytest.raises(EventRejected):
        record_event(opened, who, ahead, actor="app")
    kept = opened.consent.find(last_year.id).event
    assert kept.at_us == last_year.at_us and kept.received_us - kept.at_us > 8_000 * HOUR, "the claim is kept beside it"


def race(ws, who):
    """16 threads press yes and no at once; then everybody has to agree on one answer."""
    barrier, recorded, failed = threading.Barrier(16), [], []

    def press(number):
        try:
            barrier.wait()
            one = give_consent if number % 2 else withdraw_consent
            args = ("newsletter", "email") if number % 2 else ("newsletter",)
            recorded.append(one(ws, who, *args).index)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and len(set(recorded)) == 16
    stored = ws.consent.of(ws.number_of(who))
    assert [s.entry for s in stored] == sorted(s.entry for s in stored), "one order, that of the ledger"
    newest = max(s.event.effective_us for s in stored)
    last = {s.event.kind for s in stored if s.event.effective_us == newest}
    expected = last == {EventKind.GIVEN}
    assert stands(ws, who) == expected == allowed(ws, who)
    for index in recorded:
        assert ws.ledger.receipt(index).verify(ws.ledger.verifier_key).ok
    return expected


def test_ac_055_yes_and_no_at_once_have_one_order_and_every_receipt_verifies(shop_path):
    with Workspace.open(shop_path) as ws:
        answers = [race(ws, who) for who in ("C041", "C042", "C043")]
    with Workspace.open(shop_path) as ws:
        assert [stands(ws, who) for who in ("C041", "C042", "C043")] == answers, "another process says the same"


@pytest.mark.postgres
def test_ac_055_on_postgresql_as_well(shop_path, postgres_url, tmp_path):
    from rightful.actions.publish_policy import publish_policy
    from rightful.actions.register_source import load_files, propose
    from tests.actions.conftest import MAX, POLICY, customers, write_csv

    (tmp_path / "url").write_text(postgres_url)
    subject = {"residence": "residence", "birth_date": "birth_date", "email": "email"}
    control = {"url_file": str(tmp_path / "url")}
    with Workspace.create(tmp_path / "pg", "pg", subject=subject, control=control) as ws:
        (tmp_path / "pg" / "policy" / "shop.yaml").write_text(POLICY)
        load_files(ws, propose([write_csv(tmp_path / "customer.csv", customers())]), actor="eng@shop.example")
        publish_policy(ws, actor="olga@shop.example", approver="paul@shop.example")
        from rightful.actions.appoint_staff import appoint

        appoint(ws, MAX, "marketer", actor="olga@shop.example")
        for who in ("C041", "C042"):
            race(ws, who)
