"""A child below the age of its country: a guardian is asked, known before believed, and never for marketing."""

from __future__ import annotations

import csv
import re
import shutil

import pytest

from rightful.actions.customer_view import overview
from rightful.actions.erase_customer import erase_customer
from rightful.actions.give_consent import give_consent
from rightful.actions.guardian import (
    child_view,
    decide_guardian,
    decline_guardian,
    guardian_answers,
    guardian_view,
    identify_guardian,
    invite_guardian,
    look_at_guardian,
    send_new_link,
    to_check,
)
from rightful.actions.publish_policy import publish_policy
from rightful.actions.record_choice import make_event, record
from rightful.actions.register_source import describe_customers, load_files, propose
from rightful.actions.show_uses import uses
from rightful.consent.guardians import DAY_US, INVITATION_US, LINK_US, MAILS_PER_DAY
from rightful.errors import BadInput, EventRejected, GuardianMissing, NotFound
from rightful.terms import EventKind
from rightful.workspace import Workspace
from tests.clocks import Moving

POLICY = """
rightful: 1
policy: {name: Club, version: "1", owner: privacy@club.example, timezone: Europe/Berlin}
regimes:
  EU: {laws: [gdpr, eprivacy], where: [DE, PT], digital-consent-age: {DE: 16, PT: 13}}
categories:
  keys: {fields: [customer.id]}
  person: {fields: [customer.first_name, customer.email, customer.parent_email]}
  life: {fields: [customer.born, customer.country]}
roles: {officer: [service]}
purposes:
  service: {says: We run your account., basis: contract, needs: [keys, person]}
  game: {says: We run a game., basis: consent, for-children: true, needs: [keys]}
  letter: {says: We write to you., basis: consent, direct-marketing: true, channels: [email], needs: [person]}
"""
CHILD, KNOWN, ABROAD, ADULT, AGELESS = "K1", "K2", "K3", "K4", "K5"
PEOPLE = [
    (CHILD, "Kim", "kim@example.com", "2012-05-05", "DE", ""),
    (KNOWN, "Lou", "lou@example.com", "2012-05-05", "DE", "Parent@Example.com"),
    (ABROAD, "Rui", "rui@example.com", "2012-05-05", "PT", ""),
    (ADULT, "Ada", "ada@example.com", "1990-05-05", "DE", ""),
    (AGELESS, "Noa", "noa@example.com", "", "DE", ""),
]
PARENT = "parent@example.com"


def make_club(root):
    """A club with two children in Germany, one in Portugal, and two others."""
    with (root / "customer.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "first_name", "email", "born", "country", "parent_email"])
        rows.writerows(PEOPLE)
    subject = {"residence": "country", "birth_date": "born", "email": "email"}
    with Workspace.create(root / "club", "club", subject=subject) as ws:
        (root / "club" / "policy" / "club.yaml").write_text(POLICY)
        load_files(ws, propose([root / "customer.csv"]), actor="eng@club.example")
        publish_policy(ws, actor="eng@club.example", approver="olga@club.example")
        describe_customers(ws, guardian="parent_email")
    return root / "club"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_club(tmp_path_factory.mktemp("club"))


@pytest.fixture
def club(template, tmp_path):
    shutil.copytree(template, tmp_path / "club")
    clock = Moving()
    with Workspace.open(tmp_path / "club", clock=clock) as ws:
        ws.moving = clock
        yield ws


def link(ws):
    letter = ws.mail.take()
    assert letter is not None
    ws.mail.sent(letter)
    return re.fullmatch(r"/guardian/([\w-]{43})/", letter.words["link"])[1]


def invited(ws, key=CHILD, address=PARENT):
    assert invite_guardian(ws, key, address)
    return link(ws)


def verified(ws):
    token = invited(ws, KNOWN)
    assert identify_guardian(ws, token, "Pat Parent", "parent") == "verified"
    return token


def on(ws, key, purpose="game", channel=""):
    return next(
        c.state == "on"
        for p in overview(ws, key).purposes
        if p.id == purpose
        for c in p.channels
        if c.channel == channel
    )


def test_the_age_is_that_of_the_country(club):
    assert child_view(club, CHILD).age == 16 and child_view(club, ABROAD) is None, "13 in Portugal"
    assert child_view(club, ADULT) is None and child_view(club, AGELESS) is None
    with pytest.raises(GuardianMissing):
        give_consent(club, CHILD, "game")
    give_consent(club, ABROAD, "game")
    assert on(club, ABROAD)


def test_marketing_is_not_offered_and_cannot_be_switched_on_by_anybody(club):
    assert {c.purpose for c in child_view(club, CHILD).choices} == {"game"}
    token = verified(club)
    with pytest.raises(EventRejected):
        guardian_answers(club, token, "letter", "email", yes=True)
    for more in ({}, {"guardian": True, "evidence": "x", "method": "form"}):
        with pytest.raises(EventRejected) as refused:
            give_consent(club, KNOWN, "letter", "email", **more)
        assert refused.value.code == "consent.minor"
    assert not on(club, KNOWN, "letter", "email")


def test_ac_022_an_address_a_child_gave_is_no_guardian_yet(club):
    token = invited(club)
    for yes in (True, False):
        with pytest.raises(EventRejected):
            guardian_answers(club, token, "game", yes=yes)
    assert identify_guardian(club, token, "A Friend", "parent") == "needs-staff"
    assert guardian_view(club, token).state == "needs-staff" and guardian_view(club, token).choices == ()
    with pytest.raises(EventRejected):
        guardian_answers(club, token, "game", yes=True)
    assert not on(club, CHILD) and [w.subject for w in to_check(club)] == [club.subject_id(club.number_of(CHILD))]


def test_ac_022_staff_refuse_and_the_address_gets_no_more_mail(club):
    token = invited(club)
    identify_guardian(club, token, "A Friend", "other")
    (waiting,) = to_check(club)
    with pytest.raises(BadInput):
        decide_guardian(club, waiting.id, actor="olga@club.example", accept=True, how=" ")
    assert decide_guardian(club, waiting.id, actor="olga@club.example", accept=False, how="no document") == "rejected"
    assert to_check(club) == () and not invite_guardian(club, CHILD, "PARENT@example.com")
    with pytest.raises(EventRejected):
        guardian_answers(club, token, "game", yes=True)


def test_staff_accept_and_the_guardian_agrees(club):
    identify_guardian(club, invited(club), "Pat Parent", "parent")
    (waiting,) = to_check(club)
    seen = look_at_guardian(club, waiting.id, actor="olga@club.example")
    assert seen == {"address": PARENT, "name": "Pat Parent", "relation": "parent", "child": CHILD}
    decide_guardian(club, waiting.id, actor="olga@club.example", accept=True, how="called the number on file")
    token = link(club)
    recorded = guardian_answers(club, token, "game", yes=True)
    entry = club.ledger.entry(recorded.index)
    assert entry.public["method"] == "guardian" and on(club, CHILD)
    private = club.ledger.open_private(recorded.index)
    assert private["actor"] == "guardian" and private["proof"]["how"] == "checked-by-staff"
    kinds = [club.ledger.entry(use.index).kind for use in uses(club, CHILD)]
    assert "consent.guardian-looked" in kinds, "the child sees that somebody looked"


def test_a_relation_on_file_counts_at_once(club):
    token = verified(club)
    assert [c.purpose for c in guardian_view(club, token).choices] == ["game"]
    guardian_answers(club, token, "game", yes=True)
    assert on(club, KNOWN)
    guardian_answers(club, token, "game", yes=False)
    assert not on(club, KNOWN), "as easy to take back"


def test_looking_at_a_link_changes_nothing(club):
    token = invited(club)
    size = club.ledger.head()[0]
    for _ in range(10):
        guardian_view(club, token)
    assert club.ledger.head()[0] == size


def test_somebody_who_is_not_the_guardian_says_so_and_is_left_alone(club):
    token = invited(club)
    decline_guardian(club, token)
    assert guardian_view(club, token).state == "declined" and not invite_guardian(club, CHILD, PARENT)
    with pytest.raises(EventRejected):
        identify_guardian(club, token, "Pat", "parent")


def test_links_end_and_a_newer_one_replaces_an_older_one(club):
    token = invited(club)
    club.moving.by(INVITATION_US)
    assert guardian_view(club, token).expired
    with pytest.raises(EventRejected):
        identify_guardian(club, token, "Pat", "parent")
    old = verified(club)
    assert send_new_link(club, PARENT.upper()) == 1
    new = link(club)
    with pytest.raises(NotFound):
        guardian_view(club, old)
    guardian_answers(club, new, "game", yes=True)
    club.moving.by(LINK_US)
    with pytest.raises(EventRejected):
        guardian_answers(club, new, "game", yes=False)


def test_coming_of_age_ends_the_guardians_power_at_midnight(club):
    token = verified(club)
    guardian_answers(club, token, "game", yes=True)
    birthday = child_view(club, KNOWN).decides_at
    left = int(birthday.timestamp() * 1_000_000) - club.clock()
    club.moving.by(left - 60_000_000)
    assert send_new_link(club, PARENT) == 1
    token = link(club)
    assert not guardian_view(club, token).over
    club.moving.by(120_000_000)
    assert guardian_view(club, token).over and guardian_view(club, token).choices == ()
    with pytest.raises(EventRejected):
        guardian_answers(club, token, "game", yes=False)
    assert send_new_link(club, PARENT) == 0 and on(club, KNOWN), "what was agreed stands until they change it"
    give_consent(club, KNOWN, "game")
    assert child_view(club, KNOWN) is None


def test_mails_are_limited_and_the_childs_own_address_is_refused(club):
    with pytest.raises(EventRejected) as own:
        invite_guardian(club, CHILD, "KIM@example.com")
    assert own.value.code == "consent.guardian-own-address"
    for number in range(MAILS_PER_DAY):
        assert invite_guardian(club, CHILD, f"p{number}@example.com")
    assert not invite_guardian(club, CHILD, "one.more@example.com")
    club.moving.by(DAY_US)
    assert invite_guardian(club, CHILD, "one.more@example.com")


def test_nobody_is_invited_for_an_adult_or_somebody_who_was_erased(club):
    with pytest.raises(EventRejected):
        invite_guardian(club, ADULT, PARENT)
    no = club.number_of(CHILD)
    record(club, no, [make_event(club, EventKind.ERASED, "", "", club.clock(), "api", "")], "test", "")
    assert child_view(club, CHILD) is None


def test_names_and_addresses_are_sealed(club):
    identify_guardian(club, invited(club), "Pat Parent", "guardian")
    raw = b"".join(p.read_bytes() for p in (club.path / "state").glob("control.sqlite*"))
    assert b"parent@example.com" not in raw and b"Pat Parent" not in raw
    subject = club.subject_id(club.number_of(CHILD))
    club.ledger.forget(subject)
    (waiting,) = to_check(club)
    with pytest.raises(NotFound):
        look_at_guardian(club, waiting.id, actor="olga@club.example")


def test_an_erased_child_takes_guardians_and_questions_along(club):
    identify_guardian(club, invited(club), "Pat Parent", "guardian")
    no = club.number_of(CHILD)
    other = invited(club, KNOWN)
    erase_customer(club, CHILD, actor="self")
    assert club.guardians.of(no) == [] and to_check(club) == () and club.requests.of(no) == []
    assert club.control.query("SELECT count(*) FROM consent_guardian_mail WHERE no = ?", (no,)) == [(0,)]
    assert guardian_view(club, other).state == "invited", "nobody else's"


@pytest.mark.parametrize(
    ("name", "relation"), [("", "parent"), ("  ", "parent"), ("x" * 201, "parent"), ("Pat", "uncle")]
)
def test_who_somebody_is_has_to_be_said(club, name, relation):
    with pytest.raises(BadInput):
        identify_guardian(club, invited(club), name, relation)
