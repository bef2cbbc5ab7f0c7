"""That staff came in, were turned away, or were bound to an account of the organisation's identity provider.

gather   the directory of who works here
decide   whether somebody has a role today; whether they have an account to bind
act      one entry for each; the binding stands in the web's own database

Easy to get wrong: the directory and the web's accounts are two lists. Whoever was taken
out of the directory has no role, whatever their account still says. An answer that nobody
asked for is not recorded: strangers could fill the ledger with them.

Sources: OWASP ASVS 5.0 V6.8.1, V16.3.1; abuse case AC-028.
"""

from __future__ import annotations

from rightful.errors import BadInput, NotFound
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

UNASKED = "no-question"


def role_today(ws: Workspace, person: str) -> str:
    """The role of a member of staff in the directory, by address in any case; "" if there is none."""
    return next((role for one, role in ws.staff.everybody() if one.lower() == person.lower()), "")


def note_sign_in(ws: Workspace, person: str, way: str) -> None:
    """Record that somebody came in. `way` is "password" or "company"."""
    ws.journal.record([Draft("staff.signed-in", {"way": way, "role": role_today(ws, person)}, {"person": person})])


def note_account(ws: Workspace, person: str, *, actor: str, password: bool) -> None:
    """Record that somebody was given an account, or a new password for it."""
    public = {"role": role_today(ws, person), "password": password}
    ws.journal.record([Draft("staff.account", public, {"person": person, "actor": actor})])


def note_refusal(ws: Workspace, code: str, *, person: str = "") -> None:
    """Record that the identity provider's answer did not let anybody in, and why."""
    if code != UNASKED:
        ws.journal.record([Draft("staff.sign-in-refused", {"way": "company", "codes": [code]}, {"person": person})])


def bind(ws: Workspace, person: str, subject: str, *, actor: str, issuer: str = "") -> int:
    """Bind a member of staff to one account of the identity provider, by the provider's own number for it.

    Returns:
        The entry.

    Raises:
        NotFound: the person has no role here, or no account to come in with.
        BadInput: there is no provider, or one of the two is bound already.
    """
    from rightful.web import accounts

    if not role_today(ws, person):
        raise NotFound(f"{person} is not in the directory", remedy="`rightful staff add ADDRESS ROLE` lists them")
    if not 0 < len(subject) <= 255 or not subject.isprintable():
        raise BadInput("this is no number of a provider", remedy="Use `sub` as the provider writes it")
    entry = 0

    def noted(issuer: str) -> None:
        nonlocal entry
        private = {"person": person, "subject": subject, "actor": actor}
        entry = ws.journal.record([Draft("staff.linked", {"issuer": issuer}, private)])[0].index

    accounts.bind_identity(ws, person, subject, issuer=issuer, noted=noted)
    return entry


def unbind(ws: Workspace, person: str, *, actor: str) -> int:
    """Take the binding away; sessions of the account end.

    Raises:
        NotFound: there is no account, or it is bound to nothing.
    """
    from rightful.web import accounts

    entry = 0

    def noted(issuer: str) -> None:
        nonlocal entry
        private = {"person": person, "actor": actor}
        entry = ws.journal.record([Draft("staff.unlinked", {"issuer": issuer}, private)])[0].index

    accounts.unbind_identity(ws, person, noted=noted)
    return entry
