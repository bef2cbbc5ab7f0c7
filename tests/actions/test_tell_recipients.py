"""Whoever received a customer's data is told of their no, and it stays open until they confirm."""

from __future__ import annotations

import pytest

from rightful.actions.export_audience import export_audience
from rightful.actions.give_consent import give_consent
from rightful.actions.record_choice import merge_customers, record_event
from rightful.actions.register_source import import_consents
from rightful.actions.show_disclosures import disclosures_of
from rightful.actions.tell_recipients import settle, tell_recipients
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import object_to, switch_everything_off, withdraw_consent
from rightful.consent.events import Event
from rightful.errors import BadInput, IntegrityFault, LedgerUnavailable
from rightful.sharing.models import Sharing
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, _row, write_csv

IN, OUT, ADS = "C002", "C035", "C009"  # consented; withdrawn long ago; Californian


def letter(ws, **more):
    return export_audience(ws, MAX, "newsletter", channel="email", recipient="mailer", **more)


def owed(ws, key=IN, **more):
    return ws.sharing.obligations(no=ws.number_of(key), **more)


def shown_network(ws, key=ADS):
    from rightful.actions.record_choice import serve_notice

    serve_notice(ws, key)


def test_a_disclosure_is_recorded_with_the_export_that_made_it(shop):
    done = letter(shop)
    [given] = shop.sharing.disclosures()
    assert given.entry == done.use.entry.index and given.recipient == "mailer" and given.customers > 10
    assert set(given.fields) == {"customer.id", "customer.name", "customer.email"}, "points are not covered"
    [seen] = disclosures_of(shop, IN)
    assert (seen.index, seen.recipient, seen.kind, seen.country) == (given.entry, "mailer", "processor", "DE")
    assert seen.state == "held" and seen.told_at is None
    assert disclosures_of(shop, OUT) == (), "the list was made without them"


def test_the_form_in_which_a_field_left_is_kept(shop):
    shown_network(shop)
    export_audience(shop, MAX, "ads", recipient="network")
    [given] = shop.sharing.disclosures("network")
    assert given.fields == {"customer.email": "sha256"} and given.safeguard == "scc-2021" and given.country == "US"


def test_a_query_that_leaves_for_a_recipient_is_a_disclosure_and_one_in_the_house_is_none(shop):
    query_data(shop, MAX, "newsletter", "select email from customer", channel="email")
    query_data(shop, MAX, "newsletter", "select count(*) from customer", channel="email", recipient="mailer")
    assert shop.sharing.disclosures() == []
    query_data(shop, MAX, "newsletter", "select email from customer", channel="email", recipient="mailer")
    assert len(disclosures_of(shop, IN)) == 1


def test_R07_a_withdrawal_after_an_export_has_to_be_passed_on_and_the_customer_sees_it(shop):
    done = letter(shop)
    withdraw_consent(shop, IN, "newsletter")
    [one] = owed(shop)
    assert (one.recipient, one.duty, one.purposes) == ("mailer", "withdrawal", ("newsletter",))
    assert one.disclosures == (done.use.entry.index,) and one.open and one.told == 0
    assert one.due_us > one.since_us and "GDPR Art. 7(3)" in one.because
    assert disclosures_of(shop, IN)[0].state == "telling"
    assert owed(shop, "C003") == [], "nobody else"
    entry = shop.ledger.entry(shop.ledger.entries_of(shop.subject_id(shop.number_of(IN)))[-1])
    assert entry.kind == "share.owed" and entry.public["recipient"] == "mailer"
    assert IN not in str(entry.public)


def test_who_was_not_on_the_list_leaves_nobody_to_tell(shop):
    letter(shop)
    withdraw_consent(shop, OUT, "newsletter")
    withdraw_consent(shop, IN, "study")
    assert owed(shop, OUT) == owed(shop) == []


def test_what_was_exported_after_the_no_is_not_owed(shop):
    withdraw_consent(shop, IN, "newsletter")
    letter(shop)
    settle(shop)
    assert owed(shop) == []


def test_an_objection_concerns_every_recipient_of_marketing_and_an_opt_out_only_third_parties(shop):
    shown_network(shop)
    letter(shop)
    export_audience(shop, MAX, "ads", recipient="network")
    record_event(
        shop,
        ADS,
        Event("gpc-1", EventKind.SIGNAL_GPC, "", "", shop.clock(), shop.clock(), method=Method.SIGNAL, evidence="x"),
        actor="self",
    )
    assert [(o.recipient, o.duty) for o in owed(shop, ADS)] == [("network", "opt-out")]
    object_to(shop, ADS)
    assert {(o.recipient, o.duty) for o in owed(shop, ADS)} == {
        ("network", "opt-out"),
        ("network", "objection"),
        ("mailer", "objection"),
    }


def test_saying_no_twice_or_settling_again_adds_nothing(shop):
    letter(shop)
    withdraw_consent(shop, IN, "newsletter", event_id="w-1")
    withdraw_consent(shop, IN, "newsletter", event_id="w-1")
    assert settle(shop) == 0 and len(owed(shop)) == 1


def test_switching_everything_off_is_passed_on(shop):
    letter(shop)
    switch_everything_off(shop, IN)
    assert {o.recipient for o in owed(shop)} == {"mailer"}


def test_a_late_withdrawal_older_than_a_newer_yes_is_not_the_last_word(shop):
    letter(shop)
    give_consent(shop, IN, "newsletter", "email")
    withdraw_consent(shop, IN, "newsletter", at_us=shop.clock() - 400 * 86_400_000_000)
    assert owed(shop) == []


def test_a_merge_passes_on_the_no_of_the_other_profile(shop):
    letter(shop)
    withdraw_consent(shop, "C003", "newsletter")
    assert owed(shop) == []
    merge_customers(shop, IN, "C003", actor="sam@shop.example")
    assert [o.recipient for o in owed(shop)] == ["mailer"]


def test_an_imported_history_of_noes_is_passed_on_at_once_for_all(shop, tmp_path):
    letter(shop)
    rows = [_row(f"n{i}", i, "withdrawn", "newsletter", "email", "2026-03-10T09:00:00Z") for i in (2, 3, 35)]
    rows.append(_row("again", 3, "given", "newsletter", "email", "2026-03-11T09:00:00Z"))
    import_consents(shop, write_csv(tmp_path / "more.csv", rows), actor="eng@shop.example")
    assert [o.duty for o in owed(shop, "C002")] == ["withdrawal"]
    assert owed(shop, "C003") == [], "said yes again afterwards"
    assert owed(shop, "C035") == [], "never was on the list"


@pytest.mark.parametrize("fault", [IntegrityFault, LedgerUnavailable, OSError])
def test_a_step_that_fails_loses_nothing(shop, shop_path, monkeypatch, fault):
    letter(shop)

    def broken(*_a, **_k):
        raise fault("no space")

    monkeypatch.setattr(Sharing, "owe", broken)
    said = withdraw_consent(shop, IN, "newsletter")
    assert said.index and shop.sharing.obligations() == []
    monkeypatch.undo()
    with Workspace.open(shop_path) as again:  # a ledger that could not write wants to be opened anew
        assert disclosures_of(again, IN)[0].state == "telling", "the next one who looks finds it"
        assert len(owed(again)) == 1


def test_another_process_finds_what_the_first_left(shop, shop_path, monkeypatch):
    letter(shop)
    monkeypatch.setattr("rightful.actions.record_choice.settle_quietly", lambda _ws: None)  # killed right there
    withdraw_consent(shop, IN, "newsletter")
    with Workspace.open(shop_path) as other:
        assert settle(other) == 1
    assert settle(shop) == 0 and len(owed(shop)) == 1


def test_a_correction_is_told_to_who_received_the_field(shop):
    done = letter(shop)
    no = shop.number_of(IN)
    entry = done.use.entry.index + 1
    [one] = tell_recipients(shop, no, "correction", fields=("customer.email",), entry=entry)
    assert one.fields == ("customer.email",) and one.recipient == "mailer"
    assert tell_recipients(shop, no, "correction", fields=("customer.email",), entry=entry) == (one,)
    assert tell_recipients(shop, no, "correction", fields=("customer.phone",)) == ()


def test_an_erasure_keeps_how_the_recipient_knows_the_customer_sealed(shop):
    letter(shop)
    no = shop.number_of(IN)
    withdraw_consent(shop, IN, "newsletter")
    [erase] = tell_recipients(shop, no, "erasure")
    assert [o.duty for o in owed(shop)] == ["withdrawal", "erasure"]
    for one in owed(shop):
        assert one.reference is not None and IN.encode() not in one.reference
    shop.ledger.forget(shop.subject_id(no), number=no)
    opened = shop.ledger.unseal(erase.reference, f"share_obligation/{erase.id}")
    assert b"C002" in opened, "the recipient can still be told whom to erase"


def test_a_kind_nobody_knows_is_refused(shop):
    with pytest.raises(BadInput, match="recipients are told"):
        tell_recipients(shop, 1, "birthday")
