"""A question by mail permits nothing; the button behind its link does, once."""

from __future__ import annotations

import re

import pytest

from rightful.actions.double_opt_in import answer_question, question, request_opt_in, subscribable
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import object_to, withdraw_consent
from rightful.consent.requests import DAY_US, LIFETIME_US, MAILS_PER_DAY
from rightful.errors import EventRejected, GuardianMissing, NotFound
from tests.actions.conftest import ANA
from tests.actions.test_choices import allowed, switches
from tests.clocks import Moving

LETTER = [("newsletter", "email")]


@pytest.fixture
def shop(shop_path):
    from rightful.workspace import Workspace

    clock = Moving()
    with Workspace.open(shop_path, clock=clock) as ws:
        ws.moving = clock
        yield ws


def link_in_mail(ws):
    """The token of the next letter, as the mailbox gets it."""
    letter = ws.mail.take()
    assert letter is not None
    ws.mail.sent(letter)
    return re.fullmatch(r"/confirm/([\w-]{43})/", letter.words["link"])[1]


def ask(ws, key="C055", choices=LETTER, **more):
    assert request_opt_in(ws, key, choices, to="p055@example.com", **more)
    return link_in_mail(ws)


def test_a_request_is_no_consent(shop):
    token = ask(shop)
    assert not allowed(shop, "C055") and switches(shop, "C055")["newsletter", "email"] == "not-asked"
    assert question(shop, token).state == "open"


def test_ac_025_looking_at_the_link_changes_nothing(shop):
    token = ask(shop)
    size = shop.ledger.head()[0]
    for _ in range(10):
        assert question(shop, token).state == "open"
    assert shop.ledger.head()[0] == size and not allowed(shop, "C055")


def test_the_button_makes_it_a_consent_with_its_own_evidence(shop):
    token = ask(shop, language="de", form="portal/sign-up")
    assert answer_question(shop, token, yes=True).state == "confirmed"
    assert allowed(shop, "C055")
    asked = shop.requests.found(token)[0]
    given = shop.ledger.entry(asked.answer)
    assert given.kind == "consent.given" and given.public["method"] == "double-opt-in"
    assert given.public["language"] == "de" and given.public["form"] == "portal/sign-up"
    private = shop.ledger.open_private(given.index)
    assert private["evidence"] == f"request-{asked.entry}"
    assert private["proof"]["asked-in-entry"] == str(asked.entry)
    assert private["proof"]["asked"] < private["proof"]["confirmed"]
    assert shop.ledger.entry(asked.entry).kind == "consent.requested"


def test_a_link_works_once(shop):
    token = ask(shop)
    answer_question(shop, token, yes=True)
    size = shop.ledger.head()[0]
    for yes in (True, False):
        with pytest.raises(EventRejected):
            answer_question(shop, token, yes=yes)
    assert shop.ledger.head()[0] == size and allowed(shop, "C055")


def test_a_link_ends(shop):
    token = ask(shop)
    shop.moving.by(LIFETIME_US)
    assert question(shop, token).state == "expired"
    with pytest.raises(EventRejected):
        answer_question(shop, token, yes=True)
    assert not allowed(shop, "C055")


def test_a_link_that_was_never_sent_is_not_there(shop):
    for token in ("", "x", "A" * 43):
        with pytest.raises(NotFound):
            question(shop, token)
        with pytest.raises(NotFound):
            answer_question(shop, token, yes=True)


@pytest.mark.parametrize(
    "no", [lambda ws: withdraw_consent(ws, "C055", "newsletter"), lambda ws: object_to(ws, "C055")]
)
def test_a_no_after_the_question_wins_over_the_old_link(shop, no):
    token = ask(shop)
    no(shop)
    assert answer_question(shop, token, yes=True).state == "void"
    assert not allowed(shop, "C055")


def test_somebody_elses_sign_up_takes_nothing_away(shop):
    give_consent(shop, "C055", "newsletter", "email")
    token = ask(shop)
    assert answer_question(shop, token, yes=False).state == "refused"
    assert allowed(shop, "C055"), "the mailbox said: I did not ask for this; the older yes stands"


def test_a_mailbox_is_not_flooded(shop):
    for _ in range(MAILS_PER_DAY):
        ask(shop)
    assert not request_opt_in(shop, "C055", LETTER, to="p055@example.com")
    assert shop.mail.take() is None
    shop.moving.by(DAY_US)
    assert request_opt_in(shop, "C055", LETTER, to="p055@example.com")


def test_several_purposes_are_confirmed_together(shop):
    token = ask(shop, choices=[("newsletter", "email"), ("study", "")])
    answer_question(shop, token, yes=True)
    assert allowed(shop, "C055") and allowed(shop, "C055", "study", "", ANA)


def test_what_could_not_be_confirmed_is_not_asked(shop):
    with pytest.raises(EventRejected):
        request_opt_in(shop, "C055", [("service", "")], to="p055@example.com", notice="none")
    with pytest.raises(GuardianMissing):
        request_opt_in(shop, "C007", [("study", "")], to="p007@example.com")
    with pytest.raises(EventRejected):
        request_opt_in(shop, "C007", LETTER, to="p007@example.com")
    assert shop.mail.take() is None


def test_a_token_is_not_in_the_database(shop):
    token = ask(shop)
    raw = b"".join(p.read_bytes() for p in (shop.path / "state").glob("control.sqlite*"))
    assert token.encode() not in raw and b"p055@example.com" not in raw


def test_what_can_be_asked_for_by_mail(shop):
    assert subscribable(shop.facts.policy) == ("newsletter",)


def test_an_erased_customers_link_leads_nowhere(shop):
    token = ask(shop)
    no = shop.number_of("C055")
    with shop.control.write() as tx:
        shop.requests.forget(tx, no)
    assert shop.requests.of(no) == []
    with pytest.raises(NotFound):
        answer_question(shop, token, yes=True)
