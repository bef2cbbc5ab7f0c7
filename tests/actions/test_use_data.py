"""A use of data from the door to the ledger, on a real store."""

from __future__ import annotations

import threading

import duckdb
import numpy as np
import pytest

from rightful.actions.export_audience import export_audience
from rightful.actions.give_consent import give_consent
from rightful.actions.publish_policy import publish_policy
from rightful.actions.use_data import decide_one, query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import (
    ClockUntrusted,
    LedgerUnavailable,
    NotPermitted,
    PurposeMissing,
    RecordMismatch,
    SqlRefused,
    UnknownName,
)
from rightful.gate import use
from rightful.gate.request import Request
from rightful.policy.loader import loads
from rightful.terms import Outcome
from rightful.workspace import Workspace
from tests.actions.conftest import ANA, MAX, PEOPLE, POLICY, SAM


def names(used):
    return {row["name"] for row in used.table.to_pylist()}


def count(ws, actor=MAX, purpose="newsletter", **more):
    return query_data(ws, actor, purpose, "select count(*) as n from customer", **more).table.to_pylist()[0]["n"]


PERMITTED = {f"Person{i:03d}" for i in range(30) if i != 7 and i % 10 != 9} | {
    f"Person{i:03d}" for i in range(60) if i % 10 == 9 and not 30 <= i < 40
}
"""Newsletter: consent in Germany, opt-out in California (every tenth), nobody under 18 (number 7)."""


def test_only_permitted_customers_and_fields_come_back(shop):
    used = query_data(shop, MAX, "newsletter", "select * from customer")
    assert names(used) == PERMITTED
    assert set(used.table.schema.names) == {"id", "name", "email", "points"}
    assert used.decision.permitted == len(PERMITTED) and used.decision.known == PEOPLE
    assert sum(used.decision.withheld.values()) == PEOPLE - len(PERMITTED)


def test_a_withdrawal_counts_on_the_very_next_read(shop):
    before = count(shop)
    withdraw_consent(shop, "C003", "newsletter")
    assert count(shop) == before - 1
    assert "Person003" not in names(query_data(shop, MAX, "newsletter", "select name from customer"))


def test_a_withdrawal_counts_on_the_next_read_of_another_process_s_workspace(shop, shop_path):
    with Workspace.open(shop_path) as other:
        before = count(other)
        withdraw_consent(shop, "C003", "newsletter")
        assert count(other) == before - 1


def test_a_withdrawal_of_one_purpose_leaves_the_others_alone(shop):
    studied = count(shop, ANA, "study")
    served = count(shop, SAM, "service")
    withdraw_consent(shop, "C003", "newsletter")
    assert (count(shop, ANA, "study"), count(shop, SAM, "service")) == (studied, served)


def test_a_grant_waits_for_the_refresh_and_then_counts(shop):
    before = count(shop)
    give_consent(shop, "C050", "newsletter", "email")
    used = query_data(shop, MAX, "newsletter", "select count(*) as n from customer")
    assert used.table.to_pylist()[0]["n"] in (before, before + 1)
    shop.facts.refresh(shop.clock())
    assert count(shop) == before + 1
    assert decide_one(shop, MAX, "newsletter", "C050", channel="email").outcome is Outcome.ALLOW


def test_every_use_and_every_refusal_is_in_the_ledger(shop):
    size = shop.ledger.head()[0]
    count(shop)
    with pytest.raises(SqlRefused):
        query_data(shop, MAX, "newsletter", "select phone from customer")
    with pytest.raises(NotPermitted):
        query_data(shop, MAX, "study", "select count(*) from customer")
    with pytest.raises(PurposeMissing):
        query_data(shop, MAX, "", "select count(*) from customer")
    kinds = [entry.kind for entry in shop.ledger.entries(size)]
    assert kinds == ["use.query", "use.refused", "use.refused", "use.refused"]


def test_somebody_who_is_not_in_the_directory_gets_nothing(shop):
    with pytest.raises(UnknownName):
        query_data(shop, "eve@shop.example", "newsletter", "select count(*) from customer")


def test_the_ledger_holds_no_personal_data(shop):
    query_data(shop, MAX, "newsletter", "select email from customer where name = 'Person001'")
    withdraw_consent(shop, "C001", "newsletter")
    leaves = b"".join(entry.leaf for entry in shop.ledger.entries())
    for trace in (b"Person001", b"example.com", b"C001", MAX.encode()):
        assert trace not in leaves


def test_P05_two_purposes_both_have_to_permit(shop):
    text = "select id from customer"
    both = {r["id"] for r in query_data(shop, ANA, ["study", "study"], text).table.to_pylist()}
    assert both == {r["id"] for r in query_data(shop, ANA, "study", text).table.to_pylist()}
    withdraw_consent(shop, "C020", "study")
    publish_policy(
        shop,
        loads(POLICY.replace("analyst: [statistics, study]", "analyst: [statistics, study, newsletter]")),
        actor="olga",
        approver="paul",
    )
    size = shop.ledger.head()[0]
    joint = query_data(shop, ANA, ["study", "newsletter"], text)
    got = {r["id"] for r in joint.table.to_pylist()}
    alone = [{r["id"] for r in query_data(shop, ANA, name, text).table.to_pylist()} for name in ("study", "newsletter")]
    assert got == alone[0] & alone[1] and "C020" not in got
    assert set(joint.table.schema.names) == {"id"}
    recorded = [e.public["purpose"] for e in shop.ledger.entries(size) if e.kind == "use.query"]
    assert recorded[:2] == ["study", "newsletter"]
    with pytest.raises(SqlRefused):
        query_data(shop, ANA, ["study", "newsletter"], "select city from customer")


@pytest.mark.parametrize(
    "sql",
    [
        "select id from customer where phone = 'CANARY-PHONE-001'",
        "select id from customer order by notes",
        "select count(*) from customer group by birth_date",
    ],
)
def test_P07_a_field_that_is_only_compared_is_used_too(shop, sql):
    with pytest.raises(SqlRefused) as refusal:
        query_data(shop, MAX, "newsletter", sql)
    assert "CANARY" not in str(refusal.value)


def test_P08_counts_of_few_people_are_not_released(shop):
    groups = query_data(shop, ANA, "statistics", "select city, count(*) as n from customer group by city")
    cities = {row["city"] for row in groups.table.to_pylist()}
    assert "Lonely" not in cities, "one person"
    assert groups.suppressed_groups >= 2, "the lonely one could be had by subtraction from the total"
    alone = query_data(shop, ANA, "statistics", "select count(*) as n from customer where city = 'Lonely'")
    assert alone.table.num_rows == 0 or alone.table.to_pylist()[0]["n"] is None


def test_aggregates_only_means_no_rows(shop):
    with pytest.raises(SqlRefused):
        query_data(shop, ANA, "statistics", "select id, points from customer")


def test_E08_keys_are_compared_binary(shop):
    assert use.customer_number(shop, "C003") is not None
    assert use.customer_number(shop, "c003") is None
    decision = decide_one(shop, MAX, "newsletter", "c003", channel="email")
    assert decision.codes >= {"customer_unknown"}


def test_E09_T13_a_policy_that_changed_is_the_one_that_counts(shop):
    assert count(shop) == len(PERMITTED)
    stricter = loads(
        POLICY.replace("basis: {EU: consent, CA: opt-out}\n        channels", "basis: consent\n        channels")
    )
    publish_policy(shop, stricter, actor="olga", approver="paul")
    used = query_data(shop, MAX, "newsletter", "select count(*) as n from customer")
    assert used.decision.policy_version == stricter.version
    assert used.table.to_pylist()[0]["n"] == sum(not name.endswith("9") or name == "" for name in PERMITTED) + 3
    # (the three: Californians 9, 19, 29 had consented; the others had not)


def test_T13_single_answers_follow_a_policy_that_another_process_published(shop, shop_path):
    plan = shop.facts.plan(use_request(shop), shop.clock())
    number = use.customer_number(shop, "C049")  # a Californian who never said anything
    assert shop.facts.answer(plan, number, shop.clock()) is not Outcome.DENY
    stricter = loads(
        POLICY.replace("basis: {EU: consent, CA: opt-out}\n        channels", "basis: consent\n        channels")
    )
    with Workspace.open(shop_path) as other:
        publish_policy(other, stricter, actor="olga", approver="paul")
    assert shop.facts.answer(plan, number, shop.clock()) is Outcome.DENY


def test_T13_a_policy_published_while_an_answer_is_made_ready_is_not_taken_as_seen(shop, shop_path, monkeypatch):
    plan = shop.facts.plan(use_request(shop), shop.clock())
    number = use.customer_number(shop, "C049")
    stricter = loads(
        POLICY.replace("basis: {EU: consent, CA: opt-out}\n        channels", "basis: consent\n        channels")
    )
    current = shop.facts._current

    def published_just_after(now_us):
        tail = current(now_us)
        monkeypatch.undo()
        with Workspace.open(shop_path) as other:
            publish_policy(other, stricter, actor="olga", approver="paul")
        return tail

    monkeypatch.setattr(shop.facts, "_current", published_just_after)
    shop.facts.answer(plan, number, shop.clock())
    assert shop.facts.answer(plan, number, shop.clock()) is Outcome.DENY


def test_E10_T14_no_record_no_use(shop, monkeypatch):
    monkeypatch.setattr(shop.ledger, "clock", lambda: shop.ledger.newest_at() - 1_000_000)
    with pytest.raises(ClockUntrusted):
        count(shop)
    monkeypatch.undo()

    def broken(*_a, **_k):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shop.ledger, "append", broken)
    with pytest.raises(LedgerUnavailable):
        count(shop)


def test_E11_bulk_rows_and_single_decisions_agree(shop):
    withdraw_consent(shop, "C005", "newsletter")
    rows = {r["id"] for r in query_data(shop, MAX, "newsletter", "select id from customer").table.to_pylist()}
    now = shop.clock()
    plan = shop.facts.plan(use_request(shop), now)
    bits = np.unpackbits(shop.facts.permitted(plan, now), bitorder="little")
    for i in range(PEOPLE):
        key = f"C{i:03d}"
        no = use.customer_number(shop, key)
        decision = decide_one(shop, MAX, "newsletter", key, channel="email")
        fine = decision.outcome is not Outcome.DENY
        assert fine == (key in rows) == bool(bits[no]) == (shop.facts.answer(plan, no, now) is not Outcome.DENY), key


def use_request(ws):
    from rightful.actions.use_data import request_for

    return request_for(ws, MAX, "newsletter", "email")


def test_E12_numbers_and_texts_are_different_keys(shop):
    for wrong in ("3", "003", "C3", " C003", "C003 "):
        assert use.customer_number(shop, wrong) is None


def test_an_export_holds_what_the_agreement_covers_and_is_on_record(shop, tmp_path):
    path = tmp_path / "list.csv"
    export = export_audience(
        shop,
        MAX,
        "newsletter",
        "select id from customer where points < 10",
        channel="email",
        recipient="mailer",
        path=path,
    )
    assert set(export.table.schema.names) == {"id", "name", "email"}
    assert path.read_text().count("\n") == export.rows + 1
    touched = shop.ledger.subjects_of(export.use.entry.index)
    assert len(touched) == export.rows
    assert export.use.decision.obligations


def test_an_export_refused_leaves_no_file(shop, tmp_path):
    path = tmp_path / "list.csv"
    with pytest.raises(NotPermitted):
        export_audience(shop, SAM, "newsletter", channel="email", recipient="mailer", path=path)
    assert not path.exists()


def test_hashed_fields_leave_hashed(shop):
    export = export_audience(shop, MAX, "ads", recipient="network")
    assert export.table.num_rows == 5, "six Californians; one was never shown a notice that names the network"
    assert all(len(row["email"]) == 64 for row in export.table.to_pylist())


def test_AC_004_an_edited_consent_row_is_not_believed(shop, shop_path):
    give_consent(shop, "C055", "newsletter", "email")
    withdraw_consent(shop, "C055", "newsletter")
    with shop.control.write() as tx:
        tx.execute("UPDATE consent_event SET kind = 'given' WHERE kind = 'withdrawn'")
    with Workspace.open(shop_path) as again, pytest.raises(RecordMismatch):
        count(again)
    assert list(shop.consent.audit())


def test_AC_054_nobody_leaves_after_their_withdrawal_was_acknowledged(shop):
    """Withdraw while exports run: whatever is handed over afterwards does not hold the person."""
    done: list[tuple[int, int]] = []
    stop = threading.Event()
    faults: list[BaseException] = []
    exports: list[tuple[int, set[str]]] = []

    def exporting():
        try:
            while not stop.is_set():
                started = shop.clock()
                used = query_data(shop, MAX, "newsletter", "select id from customer")
                exports.append((started, {r["id"] for r in used.table.to_pylist()}))
        except BaseException as fault:
            faults.append(fault)

    thread = threading.Thread(target=exporting)
    thread.start()
    for i in (0, 1, 2, 3, 4, 5, 6, 8, 10, 11, 12):
        withdraw_consent(shop, f"C{i:03d}", "newsletter")
        done.append((shop.clock(), i))
    stop.set()
    thread.join()
    assert not faults
    for acknowledged, i in done:
        later = [ids for started, ids in exports if started > acknowledged]
        assert all(f"C{i:03d}" not in ids for ids in later)


def test_the_store_is_of_no_use_without_the_key(shop, shop_path):
    shop.close()
    store = next((shop_path / "store").glob("*.duckdb"))
    assert b"CANARY" not in store.read_bytes()
    with pytest.raises(duckdb.Error):
        duckdb.connect(str(store), read_only=True).execute("select 1")


def test_a_refresh_of_the_flags_changes_the_planes_both_ways_and_for_the_next_process_too(shop_path):
    """The planes are as old as the snapshot; what the flags learned since then has to be put into them."""

    def may_be_used(ws, key: str) -> bool:
        plan = ws.facts.plan(Request(MAX, "marketer", "newsletter", "email"), ws.clock())
        bits = np.unpackbits(ws.facts.permitted(plan, ws.clock()), bitorder="little")
        return bool(bits[ws.number_of(key)])

    with Workspace.open(shop_path) as ws:
        assert may_be_used(ws, "C002") and not may_be_used(ws, "C050")
        withdraw_consent(ws, "C002", "newsletter")
        give_consent(ws, "C050", "newsletter", "email")
        assert not may_be_used(ws, "C002"), "a no counts at once"
        assert not may_be_used(ws, "C050"), "a yes waits for the refresh"
        ws.facts.refresh(ws.clock())
        assert not may_be_used(ws, "C002") and may_be_used(ws, "C050")
    with Workspace.open(shop_path) as ws:
        assert not may_be_used(ws, "C002") and may_be_used(ws, "C050")
        withdraw_consent(ws, "C050", "newsletter")
        assert not may_be_used(ws, "C050")
