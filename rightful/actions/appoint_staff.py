"""Who works here, and in which role: somebody is listed, gets another role, or leaves.

gather   the policy's roles, the directory
decide   whether there is such a role, and such a person; whether a second person is needed
act      directory and ledger entry in one transaction; officers are told of a new officer

Nobody gives a role to themselves. Who becomes an officer while there is one is appointed by an
officer, or by somebody else together with an officer. A refusal is recorded.

Easy to get wrong: a role nobody declared would pass no gate and look as if it did;
a person who has left keeps their entries in the ledger, under the same address.

Sources: GDPR Art. 29, 32(4), 38(3); AC-003.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.errors import BadInput, NotFound, RoleRefused, UnknownName
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.workspace import Workspace

OFFICER = "officer"


@dataclass(frozen=True, slots=True)
class Appointment:
    """What was recorded: the person, the role before ("" if none), the role now ("" if none), the entry."""

    person: str
    before: str
    role: str
    entry: int | None  # None: it was so already


def directory(ws: Workspace) -> tuple[tuple[str, str], ...]:
    """Everybody who works here, with their role, by address."""
    return tuple(ws.staff.everybody())


def appoint(ws: Workspace, person: str, role: str, *, actor: str, approver: str = "") -> Appointment:
    """Give a person a role of the policy in force; a second role replaces the first.

    Args:
        approver: an officer who agrees, where somebody who is none appoints a further officer.

    Raises:
        BadInput: this is no work address.
        UnknownName: the policy has no such role.
        RoleRefused: to oneself, or a further officer without an officer's word; recorded.
    """
    person = person.strip()
    if not _is_address(person):
        raise BadInput(f"{person!r} is no work address", remedy="Write it as name@company.example")
    if role not in ws.facts.policy.roles:
        known = ", ".join(ws.facts.policy.roles)
        raise UnknownName(f"the policy has no role {role}", remedy=f"Use one of: {known}")
    before = ws.staff.role_of(person) or ""
    if before == role:
        return Appointment(person, before, role, None)
    officers = [one for one, theirs in ws.staff.everybody() if theirs == OFFICER]
    refused = _refused(officers, person, role, actor, approver)
    said = {"person": person, "actor": actor, "approver": approver}
    if refused is not None:
        ws.journal.record([Draft("staff.refused", {"role": role, "codes": [refused.code]}, said)])
        raise refused
    now = ws.ledger.check_clock()
    draft = Draft("staff.appointed", {"role": role, "before": before}, said)

    def rows(tx: Tx, entries: list[Entry]) -> None:
        ws.staff.give(tx, person, role, now)
        for officer in officers if role == OFFICER else ():
            ws.mail.put(
                to=officer,
                template="staff-appointed",
                words={"person": person, "by": actor, "approver": approver},
                kind="staff",
                once=f"staff/{entries[0].index}/{officer}",
            )

    entries = ws.journal.record([draft], rows)
    return Appointment(person, before, role, entries[0].index)


def dismiss(ws: Workspace, person: str, *, actor: str) -> Appointment:
    """Take a person out of the directory: the gate refuses them from the next use on.

    Raises:
        NotFound: the person is not listed.
    """
    before = ws.staff.role_of(person)
    if before is None:
        raise NotFound(f"{person} is not in the directory", remedy="`rightful staff list` shows who is")
    draft = Draft("staff.dismissed", {"before": before}, {"person": person, "actor": actor})
    entries = ws.journal.record([draft], lambda tx, _entries: ws.staff.take(tx, person))
    return Appointment(person, before, "", entries[0].index)


def _refused(officers: list[str], person: str, role: str, actor: str, approver: str) -> RoleRefused | None:
    if _same(person, actor):
        return RoleRefused("nobody gives a role to themselves")
    if role != OFFICER or not officers or any(_same(actor, one) for one in officers):
        return None
    agrees = any(_same(approver, one) for one in officers) and not _same(approver, person)
    if agrees:
        return None
    return RoleRefused(
        "a further officer needs the word of an officer",
        code="staff.needs-second",
        remedy="Name one: --approver ADDRESS",
    )


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _is_address(text: str) -> bool:
    name, at, domain = text.partition("@")
    return bool(name and at and domain) and not any(c.isspace() or c in ',;<>"' for c in text) and len(text) <= 254
