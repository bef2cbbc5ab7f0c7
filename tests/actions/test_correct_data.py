"""A customer puts a field right: at once, or after an officer looked; and recipients are told."""

from __future__ import annotations

import threading

import pytest

from rightful.actions.answer_request import fulfil, take_in
from rightful.actions.appoint_staff import appoint
from rightful.actions.correct_data import (
    NotCorrectable,
    approve_correction,
    ask_correction,
    correctable,
    corrections,
    open_correction,
    read_value,
    refuse_correction,
)
from rightful.actions.export_audience import export_audience
from rightful.actions.give_consent import give_consent
from rightful.actions.see_requests import detail_of
from rightful.actions.show_data import my_data
from rightful.actions.show_uses import uses
from rightful.errors import BadInput, NotFound
from rightful.rights.rules import Level
from tests.actions.conftest import shop, shop_path, shop_template  # noqa: F401  (fixtures)


def held(ws, key):
    return {one.field: one.value for group in my_data(ws, key).groups for one in group.rows}


def said(ws, key):
    return [line.said.code for line in uses(ws, key)]


OFFICER = "olga@shop.example"


def test_a_wrong_city_is_right_at_once_in_the_source_and_in_the_history(shop):  # noqa: F811
    done = ask_correction(shop, "C002", "customer.city", "  Bonn ")
    assert (done.state, done.told) == ("done", 0)
    assert held(shop, "C002")["customer.city"] == "Bonn"
    assert held(shop, "C003")["customer.city"] == "Ulm", "nobody else's"
    assert "correction_done" in said(shop, "C002")
    assert "correction_done" not in said(shop, "C003")


def test_neither_the_old_nor_the_new_value_is_in_the_log_or_the_table(shop):  # noqa: F811
    ask_correction(shop, "C002", "customer.phone", "CANARY-NEW-PHONE")
    ask_correction(shop, "C002", "customer.name", "Canary Newname")
    leaves = b"".join(entry.leaf for entry in shop.ledger.entries())
    rows = repr(shop.control.query("SELECT * FROM correction")).encode()
    for value in (b"CANARY-PHONE-002", b"CANARY-NEW-PHONE", b"Newname", b"Person002"):
        assert value not in leaves + rows


def test_recipients_who_have_it_are_told(shop):  # noqa: F811
    give_consent(shop, "C002", "newsletter", "email", evidence="form-1")
    shop.facts.rebuild()
    export_audience(shop, "max@shop.example", "newsletter", channel="email", recipient="mailer")
    asked = ask_correction(shop, "C002", "customer.name", "Right Name")
    assert asked.state == "waiting", "an officer looks at a name first"
    done = approve_correction(shop, asked.id, actor=OFFICER)
    assert (done.state, done.told) == ("done", 1)
    (owed,) = [o for o in shop.sharing.obligations(no=shop.number_of("C002")) if o.duty.value == "correction"]
    assert owed.recipient == "mailer"
    assert ask_correction(shop, "C002", "customer.city", "Kiel").told == 0, "the mailer never had the city"


def test_recipients_are_told_when_a_request_corrects_and_the_letter_says_so(shop):  # noqa: F811
    give_consent(shop, "C002", "newsletter", "email", evidence="form-1")
    shop.facts.rebuild()
    export_audience(shop, "max@shop.example", "newsletter", channel="email", recipient="mailer")
    wish = {"field": "customer.name", "value": "Right Name"}
    case = take_in(shop, "rectification", key="C002", level=Level.CHANNEL, corrections=[wish]).case
    (asked,) = shop.corrections.of_request(case.id)
    approve_correction(shop, asked.id, actor=OFFICER)
    case = fulfil(shop, case.ref, actor=OFFICER)
    text = detail_of(shop, case).messages[-1].text
    assert held(shop, "C002")["customer.name"] == "Right Name"
    assert [o.recipient for o in detail_of(shop, case).recipients] == ["mailer"]
    assert "Whoever received the old data from us is told." in text
    assert "Right Name" not in text


@pytest.mark.parametrize("field", ["customer.name", "customer.birth_date", "customer.email"])
def test_who_somebody_is_changes_only_after_an_officer_looked(shop, field):  # noqa: F811
    before = held(shop, "C002")[field]
    text = {"customer.birth_date": "1979-12-31", "customer.email": "new@example.com"}.get(field, "New Name")
    asked = ask_correction(shop, "C002", field, text)
    assert asked.state == "waiting"
    assert held(shop, "C002")[field] == before
    assert correctable(shop, "C002", field).waiting
    with pytest.raises(BadInput):
        ask_correction(shop, "C002", field, text)
    opened = open_correction(shop, asked.id, actor=OFFICER)
    assert (opened.before, opened.after) == (before, text)
    assert "correction_opened" in said(shop, "C002"), "the customer sees that somebody looked"
    approve_correction(shop, asked.id, actor=OFFICER)
    assert str(held(shop, "C002")[field]) == text
    with pytest.raises(BadInput):
        approve_correction(shop, asked.id, actor=OFFICER)
    assert open_correction(shop, asked.id, actor=OFFICER).after is None, "the value is not kept once it was decided"


def test_a_refused_correction_changes_nothing_and_says_why(shop):  # noqa: F811
    asked = ask_correction(shop, "C002", "customer.name", "Somebody Else")
    refuse_correction(shop, asked.id, "not-shown", actor=OFFICER)
    assert held(shop, "C002")["customer.name"] == "Person002"
    line = next(one for one in uses(shop, "C002") if one.said.code == "correction_refused")
    assert line.because is not None and line.because.code == "not-shown"
    with pytest.raises(BadInput):
        refuse_correction(shop, asked.id, "because", actor=OFFICER)


@pytest.mark.parametrize(
    ("field", "error"),
    [
        ("customer.id", NotCorrectable),  # the key
        ("customer.points", NotCorrectable),  # worked out
        ("customer.notes", NotCorrectable),  # delicate
        ("customer.ghost", NotFound),
        ("purchase.amount", NotFound),
        ("customer.rf_no", NotFound),
        ("", NotFound),
        ("customer.city; DROP TABLE customer", NotFound),
    ],
)
def test_what_the_customer_did_not_give_is_not_corrected_by_a_form(shop, field, error):  # noqa: F811
    before = shop.ledger.head()[0]
    for ask in (lambda: ask_correction(shop, "C002", field, "x"), lambda: correctable(shop, "C002", field)):
        with pytest.raises(error):
            ask()
    assert shop.ledger.head()[0] == before


@pytest.mark.parametrize("text", ["", "   ", "x" * 501, "a\nb", "\x00"])
def test_what_is_no_line_of_text_changes_nothing(shop, text):  # noqa: F811
    with pytest.raises(BadInput):
        ask_correction(shop, "C002", "customer.city", text)
    assert corrections(shop) == ()


def test_the_value_on_record_is_no_correction(shop):  # noqa: F811
    with pytest.raises(BadInput):
        ask_correction(shop, "C003", "customer.city", "Ulm")
    assert [one.state for one in corrections(shop)] == ["failed"]


def test_two_officers_decide_once(shop):  # noqa: F811
    asked = ask_correction(shop, "C002", "customer.name", "Right Name")
    outcomes: list[str] = []

    def decide(actor: str) -> None:
        try:
            outcomes.append(approve_correction(shop, asked.id, actor=actor).state)
        except BadInput:
            outcomes.append("too late")

    officers = [threading.Thread(target=decide, args=(f"o{n}@shop.example",)) for n in range(4)]
    for one in officers:
        one.start()
    for one in officers:
        one.join()
    assert sorted(outcomes) == ["done", "too late", "too late", "too late"]


def test_a_corrected_residence_counts_for_permissions_from_that_moment(shop):  # noqa: F811
    """In California marketing is allowed until somebody says no; in Germany it needs a yes."""
    appoint(shop, "max@shop.example", "marketer", actor="x")
    from rightful.actions.use_data import decide_one
    from rightful.terms import Outcome

    def may_write() -> bool:
        return decide_one(shop, "max@shop.example", "newsletter", "C049", channel="email").outcome is not Outcome.DENY

    assert may_write()
    ask_correction(shop, "C049", "customer.residence", "DE")
    assert not may_write()


def test_an_erased_customers_correction_cannot_be_approved(shop):  # noqa: F811
    asked = ask_correction(shop, "C002", "customer.name", "Right Name")
    shop.ledger.forget(shop.subject_id(shop.number_of("C002")))
    with pytest.raises(BadInput):
        approve_correction(shop, asked.id, actor=OFFICER)
    assert held(shop, "C002")["customer.name"] == "Person002"


@pytest.mark.parametrize(
    ("shape", "text", "fine"),
    [
        ("date", "2026-02-28", True),
        ("date", "2026-02-30", False),
        ("date", "28.2.2026", False),
        ("whole", "12", True),
        ("whole", "1.5", False),
        ("number", "1.5", True),
        ("number", "NaN", False),
        ("number", "Infinity", False),
        ("yes-no", "yes", True),
        ("yes-no", "maybe", False),
        ("email", "ana@example.com", True),
        ("email", "ana@example", False),
        ("email", "ana@@example.com", False),
        ("text", "O'Brien; DROP TABLE", True),
        ("moment", "2026-02-28T10:00", True),
        ("moment", "soon", False),
    ],
)
def test_a_value_has_the_shape_of_its_field(shape, text, fine):
    if fine:
        read_value(shape, text)
        return
    with pytest.raises(BadInput):
        read_value(shape, text)
