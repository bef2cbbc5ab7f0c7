"""Who may give which role to whom: never to oneself, and a further officer not without an officer."""

from __future__ import annotations

import pytest

from rightful.actions.appoint_staff import appoint, directory
from rightful.errors import RoleRefused
from tests.rights.conftest import clock, club, club_template  # noqa: F401  (fixtures)

ADMIN, OLGA, RITA, SAM = (f"{name}@club.example" for name in ("adam", "olga", "rita", "sam"))


@pytest.fixture
def house(club):  # noqa: F811
    """Olga is the officer; Sam helps customers."""
    appoint(club, SAM, "support", actor=ADMIN)
    return club


def recorded(ws):
    """(kind, codes) of the latest entry."""
    entry = ws.ledger.entry(ws.ledger.head()[0] - 1)
    return entry.kind, entry.public.get("codes")


@pytest.mark.parametrize("actor", [ADMIN, "Adam@Club.example", f" {ADMIN}"])
@pytest.mark.parametrize("role", ["officer", "support"])
def test_ac_003_nobody_gives_a_role_to_themselves_and_the_try_is_recorded(house, actor, role):
    with pytest.raises(RoleRefused) as refused:
        appoint(house, ADMIN, role, actor=actor, approver=OLGA)
    assert refused.value.code == "staff.self-grant"
    assert ADMIN not in dict(directory(house))
    assert recorded(house) == ("staff.refused", ["staff.self-grant"])


@pytest.mark.parametrize("approver", ["", ADMIN, RITA, "nobody@club.example", SAM])
def test_ac_003_a_further_officer_needs_an_officer_who_is_somebody_else(house, approver):
    with pytest.raises(RoleRefused) as refused:
        appoint(house, RITA, "officer", actor=ADMIN, approver=approver)
    assert refused.value.code == "staff.needs-second"
    assert RITA not in dict(directory(house))
    assert recorded(house) == ("staff.refused", ["staff.needs-second"])


@pytest.mark.parametrize(("actor", "approver"), [(ADMIN, OLGA), (OLGA, "")])
def test_ac_003_with_an_officer_it_is_done_recorded_and_every_officer_is_told(house, actor, approver):
    done = appoint(house, RITA, "officer", actor=actor, approver=approver)
    assert dict(directory(house))[RITA] == "officer"
    assert house.ledger.entry(done.entry).kind == "staff.appointed"
    assert RITA.encode() not in house.ledger.entry(done.entry).leaf
    letter = house.mail.take()
    assert (letter.to, letter.template) == (OLGA, "staff-appointed")
    assert letter.words["person"] == RITA


def test_an_officer_cannot_be_their_own_second_person(house):
    appoint(house, RITA, "support", actor=OLGA)
    with pytest.raises(RoleRefused):
        appoint(house, OLGA, "care-team", actor=OLGA)
    with pytest.raises(RoleRefused):
        appoint(house, RITA, "officer", actor=RITA, approver=OLGA)


def test_other_roles_need_no_second_person(house):
    assert appoint(house, RITA, "care-team", actor=ADMIN).role == "care-team"
    assert house.mail.take() is None
