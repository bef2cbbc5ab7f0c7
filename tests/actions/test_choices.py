"""Saying yes and no, from the door to the ledger."""

from __future__ import annotations

import pytest

from rightful.actions.customer_view import overview, recognise_customer
from rightful.actions.give_consent import give_consent
from rightful.actions.officer_today import today
from rightful.actions.read_gate_log import log
from rightful.actions.record_choice import merge_customers, record_event
from rightful.actions.show_data import Delicate, my_data
from rightful.actions.show_uses import proof, uses
from rightful.actions.use_data import decide_one, query_data
from rightful.actions.withdraw_consent import object_to, switch_everything_off, withdraw_consent
from rightful.errors import EventRejected, NotFound, UnknownName
from rightful.terms import Outcome
from tests.actions.conftest import ANA, MAX, SAM
from tests.builders import event


def allowed(ws, key, purpose="newsletter", channel="email", actor=MAX, **more):
    return decide_one(ws, actor, purpose, key, channel=channel, **more).outcome is not Outcome.DENY


def switches(ws, key):
    return {(p.id, c.channel): c.state for p in overview(ws, key).purposes for c in p.channels}


def test_no_and_yes_again(shop):
    assert switches(shop, "C001")["newsletter", "email"] == "on"
    withdraw_consent(shop, "C001", "newsletter")
    assert switches(shop, "C001")["newsletter", "email"] == "off" and not allowed(shop, "C001")
    give_consent(shop, "C001", "newsletter", "email")
    assert switches(shop, "C001")["newsletter", "email"] == "on" and allowed(shop, "C001")


def test_what_rests_on_an_interest_is_objected_to(shop):
    assert switches(shop, "C001")["statistics", ""] == "on"
    recorded = withdraw_consent(shop, "C001", "statistics")
    assert shop.ledger.entry(recorded.index).kind == "consent.objected"
    assert not allowed(shop, "C001", "statistics", "", ANA)
    give_consent(shop, "C001", "statistics")
    assert allowed(shop, "C001", "statistics", "", ANA)


def test_what_rests_on_a_contract_has_no_switch(shop):
    assert switches(shop, "C001")["service", ""] == "always"
    with pytest.raises(EventRejected):
        withdraw_consent(shop, "C001", "service")
    switch_everything_off(shop, "C001")
    assert allowed(shop, "C001", "service", "", SAM), "saying no costs nothing"


def test_one_switch_turns_everything_off(shop):
    switch_everything_off(shop, "C009")
    states = switches(shop, "C009")
    assert {p for (p, _), s in states.items() if s in ("on", "always")} == {"service"}


def test_a_yes_to_one_purpose_does_not_undo_the_no_to_the_others(shop):
    object_to(shop, "C009")
    assert not allowed(shop, "C009") and not allowed(shop, "C009", "ads", "")
    give_consent(shop, "C009", "newsletter", "email")
    assert allowed(shop, "C009") and not allowed(shop, "C009", "ads", "")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"method": "pre-ticked", "evidence": "x"}, "ticked beforehand"),
        ({"method": "form"}, "without evidence"),
        ({"evidence": "x", "notice": "never"}, "no notice never"),
        ({"evidence": "x", "channel": "sms"}, "no channel sms"),
    ],
)
def test_AC_015_a_consent_without_an_affirmative_act_is_refused(shop, more, why):
    before = shop.ledger.head()[0]
    with pytest.raises(EventRejected, match=why):
        give_consent(shop, "C050", "newsletter", **({"channel": "email"} | more))
    assert shop.ledger.head()[0] == before


def test_AC_051_a_replayed_event_gets_the_first_receipt(shop):
    first = give_consent(shop, "C050", "newsletter", "email", event_id="evt-1")
    size, position = shop.ledger.head()[0], shop.consent.position()
    again = give_consent(shop, "C050", "newsletter", "email", event_id="evt-1")
    assert again.index == first.index
    assert (shop.ledger.head()[0], shop.consent.position()) == (size, position)
    with pytest.raises(EventRejected):
        withdraw_consent(shop, "C051", "newsletter", event_id="evt-1")


def test_AC_053_an_event_from_the_future_is_refused(shop):
    with pytest.raises(EventRejected, match="future"):
        record_event(shop, "C001", event("withdrawn", "newsletter", "email", shop.clock() + 3_600_000_000), actor="api")


def test_S15_S16_merged_profiles_keep_every_no(shop):
    object_to(shop, "C001")
    merge_customers(shop, "C002", "C001", actor="officer")
    assert not allowed(shop, "C002"), "C002 had agreed earlier, C001 objected"
    assert not allowed(shop, "C001"), "and a split leaves both as they are"


def test_S18_a_shared_mailbox_needs_both(shop):
    withdraw_consent(shop, "C004", "newsletter", "email")
    merge_customers(shop, "C005", "C004", actor="officer")
    assert not allowed(shop, "C005")
    assert allowed(shop, "C006")


def test_an_unknown_customer_or_purpose_is_an_error_with_a_next_step(shop):
    with pytest.raises(UnknownName) as fault:
        withdraw_consent(shop, "C999", "newsletter")
    assert fault.value.what_next
    with pytest.raises(UnknownName):
        withdraw_consent(shop, "C001", "newsleter")


def test_a_customer_sees_uses_counts_refusals_and_own_choices(shop):
    query_data(shop, MAX, "newsletter", "select email from customer where id = 'C002'")
    query_data(shop, ANA, "study", "select count(*) as n from customer")
    withdraw_consent(shop, "C002", "newsletter")
    decide_one(shop, MAX, "newsletter", "C002", channel="email")
    outcomes = [seen.outcome for seen in uses(shop, "C002")]
    assert outcomes[:4] == ["refused", "choice", "counted", "used"]
    assert not {"used", "choice"} & {seen.outcome for seen in uses(shop, "C003")}


def test_AC_031_a_proof_is_for_the_customer_it_is_about(shop):
    recorded = withdraw_consent(shop, "C002", "newsletter")
    assert proof(shop, "C002", recorded.index)[:2] == b"PK"
    for index in (recorded.index, 10**6):
        with pytest.raises(NotFound):
            proof(shop, "C003", index)


def test_my_data_is_all_that_is_held_and_the_reading_is_recorded(shop):
    size = shop.ledger.head()[0]
    held = {h.field: h.value for g in my_data(shop, "C002").groups for h in g.rows}
    assert held["customer.phone"] == "CANARY-PHONE-002" and held["customer.notes"] is Delicate.VALUE
    assert not any("CANARY-PHONE-003" in str(value) for value in held.values())
    assert [e.kind for e in shop.ledger.entries(size)] == ["use.own"]


def test_a_login_address_is_recognised_without_regard_to_case(shop):
    assert recognise_customer(shop, " P002@EXAMPLE.com ") == "C002"
    for address in ("nobody@example.com", "p002", "", "p002@example.com' or '1'='1"):
        assert recognise_customer(shop, address) is None


def test_the_officer_s_figures_can_be_traced(shop):
    query_data(shop, MAX, "newsletter", "select email from customer")
    withdraw_consent(shop, "C002", "newsletter")
    page = today(shop)
    assert page.customers == 60 and page.uses_7d == 1 and page.withdrawals_7d == 1
    assert page.ledger_checked == "ok"
    permitted = {(p, c): n for p, c, n, _ in page.permitted}
    assert permitted["service", ""] == 60
    assert (
        permitted["newsletter", "email"]
        == query_data(shop, MAX, "newsletter", "select count(*) as n from customer").table.to_pylist()[0]["n"]
    )
    assert {line.kind for line in log(shop, kind="use")} == {"use.query"}
    assert not page.attention
