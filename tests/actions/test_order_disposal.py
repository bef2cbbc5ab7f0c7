"""An ordered disposal waits a day, can be taken back, is carried out once, and never under another policy."""

from __future__ import annotations

import time

import pytest

from rightful.actions.certify_disposal import certificate_of
from rightful.actions.dispose_expired import plan_disposal
from rightful.actions.hold_data import add_hold, release_hold, take_up_erasures
from rightful.actions.order_disposal import order_disposal, run_ordered, take_back_order
from rightful.actions.publish_policy import publish_policy
from rightful.actions.show_disposals import ended_runs, freed_erasures
from rightful.errors import BadInput
from rightful.retention.orders import SILENT_US, WAITS_US
from rightful.workspace import Workspace
from tests.actions.conftest import shop_path, shop_template  # noqa: F401  (fixtures)

OLGA = "olga@shop.example"
NEEDS = "needs: [keys, place, standing, orders]\n"


def let_purchases_end(path) -> None:
    """The shop's policy, with a period for the two purposes that need what was bought."""
    policy = path / "policy" / "shop.yaml"
    text = policy.read_text(encoding="utf-8").replace(NEEDS, NEEDS + "    keep: 2 months\n")
    text = text.replace("never:\n", "moments: {the collection: purchase.bought_on}\nnever:\n")
    policy.write_text(text.replace('version: "1"', 'version: "2"'), encoding="utf-8")
    with Workspace.open(path) as ws:
        publish_policy(ws, actor=OLGA, approver="paul@shop.example")


class Clock:
    """The machine's clock, and how far it was turned on."""

    ahead_us = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.ahead_us

    def later(self, us: int) -> None:
        self.ahead_us += us


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shop(shop_path, clock):  # noqa: F811
    let_purchases_end(shop_path)
    with Workspace.open(shop_path, clock=clock) as ws:
        yield ws


def ordered(ws: Workspace):
    plan = plan_disposal(ws)
    return order_disposal(ws, actor=OLGA, policy=plan.policy, rows=plan.rows)


def test_nothing_goes_before_its_day_and_everything_due_after_it_with_a_certificate(shop, clock):
    order = ordered(shop)
    clock.later(WAITS_US - 60_000_000)
    assert run_ordered(shop) is None and plan_disposal(shop).rows == 150
    clock.later(61_000_000)
    done = run_ordered(shop)
    assert (done.id, done.state, done.share) == (order.id, "done", 1.0)
    assert plan_disposal(shop).due == ()
    assert certificate_of(shop, done.run).document["done"][0]["deleted"] == 150
    assert run_ordered(shop) is None, "once"
    [ended] = ended_runs(shop)
    assert (ended.run, ended.kind, ended.deleted, ended.status) == (done.run, "disposal", 150, "complete")
    assert ended.certificate == certificate_of(shop, done.run).entry


def test_an_order_that_was_taken_back_is_never_carried_out(shop, clock):
    order = ordered(shop)
    assert take_back_order(shop, order.id, actor=OLGA).state == "taken-back"
    clock.later(2 * WAITS_US)
    assert run_ordered(shop) is None and plan_disposal(shop).rows == 150
    with pytest.raises(BadInput, match="cannot be taken back"):
        take_back_order(shop, order.id, actor=OLGA)
    assert ordered(shop).open, "another one can be ordered"


def test_one_order_at_a_time_and_only_for_what_was_looked_at(shop):
    policy = shop.facts.policy.version
    for other, rows in ((policy[::-1], 150), (policy, 0)):
        with pytest.raises(BadInput):
            order_disposal(shop, actor=OLGA, policy=other, rows=rows)
    ordered(shop)
    with pytest.raises(BadInput, match="ordered already"):
        ordered(shop)
    kinds = [line.kind for line in shop.journal.lines(limit=20)]
    assert kinds.count("disposal.ordered") == 1, "a refused order leaves no entry that says it was ordered"


def test_a_policy_that_changed_meanwhile_ends_the_order_and_nothing_goes(shop, clock):
    ordered(shop)
    path = shop.path / "policy" / "shop.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('version: "2"', 'version: "3"').replace("keep: 2 months", "keep: 3 months"), "utf-8")
    publish_policy(shop, actor=OLGA, approver="paul@shop.example")
    clock.later(WAITS_US + 1)
    assert run_ordered(shop).state == "overtaken"
    assert plan_disposal(shop).rows == 150 and not shop.disposals.all()


def test_an_order_whose_worker_fell_silent_is_taken_up_again(shop, clock):
    ordered(shop)
    clock.later(WAITS_US + 1)
    assert shop.orders.claim(shop.clock()) is not None, "somebody began, and is never heard of again"
    assert run_ordered(shop) is None, "not twice at once"
    clock.later(SILENT_US + 1)
    assert run_ordered(shop).state == "done" and plan_disposal(shop).due == ()


def test_who_ordered_it_stands_in_no_table_in_clear(shop):
    order = ordered(shop)
    assert shop.orders.actor_of(order.id) == OLGA
    rows = shop.control.query("SELECT * FROM disposal_order")
    assert OLGA not in str(rows) and OLGA.encode() not in rows[0][-1]


def test_an_erasure_is_freed_when_the_last_hold_on_it_ends(shop):
    from rightful.actions.erase_customer import erase_customer
    from rightful.actions.find_person import decide_links, scan_links

    scan_links(shop, actor=OLGA)
    decide_links(shop, (), state="confirmed", actor=OLGA, sure=True)
    hold = add_hold(shop, "suit 17/26", actor=OLGA, tables=["purchase"], customers=["C001"])
    other = add_hold(shop, "suit 18/26", actor=OLGA, tables=["purchase"], customers=["C002"])
    run = erase_customer(shop, "C001", actor="self").run
    assert freed_erasures(shop) == ()
    release_hold(shop, other.id, actor=OLGA, why="settled")
    assert freed_erasures(shop) == (), "that one was about somebody else"
    release_hold(shop, hold.id, actor=OLGA, why="settled")
    assert freed_erasures(shop) == (run,)
    take_up_erasures(shop)
    assert freed_erasures(shop) == () and shop.erasures.get(run).status == "complete"
    [line] = shop.journal.lines(kind="hold.released", limit=1)
    assert shop.ledger.entry(line.entry).public["why"] == "settled"
