"""Another system names a customer: which reference it uses from then on, and who a reference is.

gather   the customer behind a key or an address; the stated purpose
decide   the gate: whether this purpose may touch them at all
act      the look is recorded like any other; the reference is worked out, not stored

Easy to get wrong: telling by the answer whether an address belongs to a customer. To
a purpose that may not touch them, a customer is not there.

Sources: GDPR Art. 5(1)(b), 32(4); OWASP ASVS 5.0 V14.2.1; AC-023.
"""

from __future__ import annotations

from rightful.actions.customer_view import recognise_customer
from rightful.actions.use_data import request_for
from rightful.actions.view_customer import may_look
from rightful.errors import NotFound, NotPermitted, UnknownName
from rightful.gate import use
from rightful.protection.links import WIDGET, Preference
from rightful.workspace import Workspace

NOBODY = "this purpose finds nobody by that name"


def find_customer(ws: Workspace, actor: str, purpose: str, *, key: str = "", email: str = "") -> str:
    """The reference of one customer, for a purpose that may touch them.

    Raises:
        PurposeMissing: no purpose is stated; recorded.
        NotFound: nobody has this key or address, or the purpose may not touch them; recorded.
    """
    request_for(ws, actor, purpose)
    found = key or recognise_customer(ws, email) or ""
    try:
        may_look(ws, actor, purpose, found)
    except (NotPermitted, UnknownName):
        raise NotFound(NOBODY, remedy="Check the spelling, and whether the purpose may touch this customer") from None
    return ws.links.reference(ws.number_of(found))


def key_of(ws: Workspace, reference: str) -> str:
    """The key of the customer with this reference.

    Raises:
        NotFound: it is no reference of this workspace, or the customer is gone.
    """
    no = ws.links.number_of(reference)
    key = None if no is None else use.customer_key(ws, no)
    if key is None:
        raise NotFound("there is no customer with this reference", remedy="Ask `subjects:find` for it")
    return key


def key_of_link(ws: Workspace, token: str, now: int) -> tuple[Preference, str]:
    """What a preference link stands for, and the customer's key. `now` in seconds since 1970.

    Raises:
        NotFound: it opens nothing, has ended, its API token has, or the customer is gone.
    """
    link = ws.links.open_preference(token, now)
    minted = ws.tokens.get(link.minted_by) if link is not None and link.minted_by else None
    ended = link is None or (bool(link.minted_by) and (minted is None or not minted.is_live(ws.clock())))
    key = None if link is None or ended else use.customer_key(ws, link.no)
    if link is None or key is None:
        raise NotFound("this link opens nothing any more", remedy="Go back to where it came from and open it again")
    return link, key


def preference_link(
    ws: Workspace, key: str, *, minutes: int, minted_by: str = "", kind: str = WIDGET
) -> tuple[str, int]:
    """A sealed link to the preference form of one customer, and when it ends (seconds since 1970; 0: never)."""
    until = int(ws.clock() // 1_000_000) + minutes * 60 if minutes else 0
    return ws.links.preference(ws.number_of(key), kind, until, minted_by), until
