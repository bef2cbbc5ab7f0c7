"""A program gets a token for the REST API, or loses it.

gather   the directory, the scopes there are
decide   whether this person may be acted for, for so long and so much
act      token and ledger entry in one transaction; the secret is shown once

Easy to get wrong: a scope nobody knows would be harmless today and open a door tomorrow.

Sources: GDPR Art. 29, 32; OWASP ASVS 5.0 V13.3.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from rightful.errors import BadInput, NotFound, NotSignedIn
from rightful.ledger.record import Draft
from rightful.ownership.tokens import SCOPES, Token, new_id, new_secret
from rightful.workspace import Workspace

LONGEST_DAYS = 366
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token, with the secret that nobody can show again."""

    token: Token
    secret: str


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that showed a live token: who it acts for, in which role, within which scopes."""

    token: str
    actor: str
    role: str
    scopes: frozenset[str]


def issue_token(
    ws: Workspace, holder: str, name: str, scopes: tuple[str, ...], *, days: int = 90, actor: str
) -> Issued:
    """Make a token that acts for a member of staff.

    Raises:
        UnknownName: the holder is not in the directory.
        BadInput: no name, no or unknown scopes, or too long a life.
    """
    tokens = ws.tokens  # its table is made at first need, which cannot be inside another transaction
    ws.role_of(holder)
    if not name.strip() or len(name) > 80:
        raise BadInput("a token needs a name of at most 80 characters", remedy="Name the program that will use it")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        what = f"there is no scope {unknown[0]}" if unknown else "a token without a scope opens nothing"
        raise BadInput(what, remedy="Use some of: " + ", ".join(SCOPES))
    if not 1 <= days <= LONGEST_DAYS:
        raise BadInput(f"a token lives between 1 and {LONGEST_DAYS} days")
    now = ws.ledger.check_clock()
    secret = new_secret()
    kept = tuple(sorted(set(scopes)))
    token = Token(new_id(), holder, name.strip(), kept, now, now + days * DAY_US, None, None, -1)
    public = {"token": token.id, "scopes": list(kept), "days": days}
    draft = Draft("token.issued", public, {"holder": holder, "name": token.name, "actor": actor})
    entries = ws.journal.record(
        [draft], lambda tx, written: tokens.add(tx, replace(token, entry=written[0].index), secret)
    )
    return Issued(replace(token, entry=entries[0].index), secret)


def revoke_token(ws: Workspace, token_id: str, *, actor: str) -> int:
    """End a token at once. Returns the ledger entry.

    Raises:
        NotFound: there is no such token, or it was revoked before.
    """
    found = ws.tokens.get(token_id)
    if found is None or found.revoked_us is not None:
        raise NotFound(f"there is no token {token_id} to revoke", remedy="`rightful token list` shows them")
    now = ws.ledger.check_clock()
    draft = Draft("token.revoked", {"token": token_id}, {"actor": actor})
    entries = ws.journal.record([draft], lambda tx, _written: ws.tokens.revoke(tx, token_id, now))
    return entries[0].index


def caller_of(ws: Workspace, secret: str) -> Caller:
    """Who shows this secret. The same answer whether it never was, has ended, or acts for somebody who left.

    Raises:
        NotSignedIn: no live token has it.
    """
    token = ws.tokens.find(secret)
    now = ws.clock()
    role = ws.staff.role_of(token.actor) if token is not None else None
    if token is None or role is None or not token.is_live(now):
        raise NotSignedIn("this token opens nothing")
    ws.tokens.note_use(token, now)
    return Caller(token.id, token.actor, role, frozenset(token.scopes))
