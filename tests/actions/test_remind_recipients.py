"""A recipient is told, reminded, reported when late, and its answer closes the matter (AC-066)."""

from __future__ import annotations

import csv
import json

import pytest

from rightful.actions.confirm_told import confirm_told
from rightful.actions.export_audience import export_audience
from rightful.actions.remind_recipients import name_contact, remind_recipients
from rightful.actions.show_disclosures import disclosures_of
from rightful.actions.show_sharing import sharing
from rightful.actions.tell_recipients import tell_recipients
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.ledger.record import now_us
from rightful.sharing.rules import DAY_US
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, SAM

IN, ALSO, ADS = "C002", "C003", "C009"


class Later:
    """The machine's clock, some days ahead."""

    def __init__(self) -> None:
        self.days = 0

    def __call__(self) -> int:
        return now_us() + self.days * DAY_US


@pytest.fixture
def clock():
    return Later()


@pytest.fixture
def shop(shop_path, clock):
    with Workspace.open(shop_path, clock=clock) as ws:
        export_audience(ws, MAX, "newsletter", channel="email", recipient="mailer")
        yield ws


def lines(told):
    with told.path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def state(ws, key=IN):
    return disclosures_of(ws, key)[0].state


def test_a_notice_says_what_to_do_about_whom_and_until_when(shop):
    withdraw_consent(shop, IN, "newsletter")
    [told] = remind_recipients(shop, SAM)
    [line] = lines(told)
    assert told.recipient == "mailer" and line["what_to_do"].startswith("Stop using")
    assert json.loads(line["customer"]) == {"customer.id": IN}, "the key, and no more than is needed"
    [owed] = shop.sharing.obligations()
    assert line["confirm_by"] and owed.told == 1 and state(shop) == "told"
    entry = shop.ledger.entry(told.entry)
    assert entry.kind == "share.told" and IN not in str(entry.data)
    assert shop.number_of(IN) in shop.ledger.subjects_of(told.entry), "she can see that they were told"


def test_a_recipient_that_only_got_a_hash_is_told_by_the_hash(shop):
    from rightful.actions.record_choice import serve_notice
    from rightful.protection.masking import sha256

    serve_notice(shop, ADS)
    export_audience(shop, MAX, "ads", recipient="network")
    object_to(shop, ADS)
    told = {t.recipient: t for t in remind_recipients(shop, SAM)}
    [line] = lines(told["network"])
    assert json.loads(line["customer"]) == {"customer.email": sha256("p009@example.com")}


def test_a_correction_carries_the_new_value(shop):
    tell_recipients(shop, shop.number_of(IN), "correction", fields=("customer.email",))
    [line] = lines(remind_recipients(shop, SAM)[0])
    assert json.loads(line["customer"]) == {"customer.id": IN, "customer.email": "p002@example.com"}
    assert line["fields"] == "customer.email"


def test_nobody_is_told_twice_in_one_breath_and_reminders_come_in_time(shop, clock):
    withdraw_consent(shop, IN, "newsletter")
    assert len(remind_recipients(shop, SAM)) == 1
    assert remind_recipients(shop, SAM) == ()
    told_on = [0]
    for day in range(1, 12):
        clock.days = day
        told_on += [day] * len(remind_recipients(shop, SAM))
    assert told_on == [0, 2, 5, 10]


def test_ac_066_a_silent_recipient_is_overdue_escalated_once_and_the_customer_sees_it(shop, clock):
    withdraw_consent(shop, IN, "newsletter")
    remind_recipients(shop, SAM)
    assert [r.overdue for r in sharing(shop).recipients if r.id == "mailer"] == [0]
    clock.days = 9
    assert state(shop) == "unconfirmed"
    remind_recipients(shop, SAM)
    remind_recipients(shop, SAM)
    [late] = shop.journal.lines(kind="share.overdue")
    assert late.recipient == "mailer" and late.customers == 1
    [one] = sharing(shop).owed
    assert one.state == "unconfirmed" and one.times == 2 and "GDPR Art. 7(3)" in one.because


def test_a_confirmation_closes_it_and_wipes_what_identified_the_customer(shop):
    tell_recipients(shop, shop.number_of(IN), "erasure")
    remind_recipients(shop, SAM)
    assert shop.sharing.obligations()[0].reference is not None
    assert confirm_told(shop, SAM, "mailer", evidence="ticket 4711") == 1
    [owed] = shop.sharing.obligations()
    assert not owed.open and owed.reference is None
    seen = disclosures_of(shop, IN)[0]
    assert seen.state == "confirmed" and seen.confirmed_at is not None and seen.told_at is not None
    withdraw_consent(shop, IN, "newsletter")
    assert len(shop.sharing.obligations(only_open=True)) == 0, "it no longer holds anything"
    entry = shop.ledger.entry(owed.confirmed_entry)
    assert "4711" not in str(entry.data) and shop.ledger.open_private(entry.index)["evidence"] == "ticket 4711"


def test_single_lines_can_be_confirmed(shop):
    withdraw_consent(shop, IN, "newsletter")
    withdraw_consent(shop, ALSO, "newsletter")
    remind_recipients(shop, SAM)
    first, second = shop.sharing.obligations()
    assert confirm_told(shop, SAM, "mailer", notices=[first.id]) == 1
    assert {state(shop), state(shop, ALSO)} == {"confirmed", "told"}
    with pytest.raises(BadInput, match="not open"):
        confirm_told(shop, SAM, "mailer", notices=[first.id])
    with pytest.raises(BadInput, match="not open"):
        confirm_told(shop, SAM, "network", notices=[second.id])


def test_what_was_never_told_cannot_be_confirmed(shop):
    withdraw_consent(shop, IN, "newsletter")
    [owed] = shop.sharing.obligations()
    with pytest.raises(BadInput, match="never told"):
        confirm_told(shop, SAM, "mailer", notices=[owed.id])
    with pytest.raises(NotFound):
        confirm_told(shop, SAM, "mailer")
    with pytest.raises(UnknownName):
        confirm_told(shop, "nobody@shop.example", "mailer")


def test_a_recipient_with_an_address_is_written_to_and_the_mail_names_nobody(shop):
    name_contact(shop, SAM, "mailer", "privacy@mailer.example")
    withdraw_consent(shop, IN, "newsletter")
    [told] = remind_recipients(shop, SAM)
    assert told.mailed
    letter = shop.mail.take()
    assert letter.to == "privacy@mailer.example" and letter.words["customers"] == 1
    assert IN not in str(letter.words) and "p002" not in str(letter.words)
    with pytest.raises(BadInput):
        name_contact(shop, SAM, "mailer", "nonsense")
    with pytest.raises(UnknownName):
        name_contact(shop, SAM, "stranger", "a@b.example")


def test_somebody_who_was_erased_meanwhile_is_named_as_the_recipient_knew_them(shop):
    withdraw_consent(shop, IN, "newsletter")
    no = shop.number_of(IN)
    tell_recipients(shop, no, "erasure")
    shop.ledger.forget(shop.subject_id(no), number=no)
    [told] = remind_recipients(shop, SAM)
    assert [json.loads(line["customer"])["customer.id"] for line in lines(told)] == [IN, IN]


def test_a_recipient_that_never_got_anything_cannot_be_told(shop):
    with pytest.raises(UnknownName):
        remind_recipients(shop, SAM, "network")


def test_staff_see_recipients_terms_and_lists_in_numbers(shop, clock):
    seen = sharing(shop)
    mailer, network = seen.recipients
    assert (mailer.id, mailer.agreement_state, mailer.disclosures) == ("mailer", "in-force", 1)
    assert (network.disclosures, network.last_at) == (0, None)
    [made] = seen.lists
    assert made.state == "good" and made.handed_over == 0 and made.customers == 30
    clock.days = 2
    assert sharing(shop).lists[0].state == "expired"
    clock.days = 365 * 5
    assert {r.agreement_state for r in sharing(shop).recipients} == {"ended"}
