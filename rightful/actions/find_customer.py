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
