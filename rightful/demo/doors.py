"""Ways into the demo that need no sign-in: a token for the API, a link that stops a list, the form for other sites.

The token is made once and kept beside the keys; links are worked out anew each time,
because nothing about them is stored.
"""

from __future__ import annotations

import os

from rightful.actions.appoint_staff import directory
from rightful.actions.find_customer import preference_link
from rightful.actions.issue_token import caller_of, issue_token
from rightful.demo.world import MARKETER, OFFICER
from rightful.errors import NotSignedIn
from rightful.ownership.tokens import SCOPES
from rightful.workspace import Workspace

FILE = "demo-api-token"
MINUTES = 8 * 60


def ways_in(ws: Workspace, key: str) -> dict[str, str]:
    """What to open or send, by name; paths, and the token. `key` is the customer the links stand for."""
    no = ws.number_of(key)
    preferences, _until = preference_link(ws, key, minutes=MINUTES)
    return {
        "token": _token(ws),
        "unsubscribe": f"/unsubscribe/{ws.links.unsubscribe(no, 'newsletter', 'email')}",
        "preferences": f"/preferences/{preferences}/",
        "opt-out": "/opt-out/",
    }


def _token(ws: Workspace) -> str:
    """The marketer's token, made at the first call and again once it has ended."""
    path = ws.path / "keys" / FILE
    if path.is_file():
        secret = path.read_text("ascii").strip()
        try:
            caller_of(ws, secret)
        except NotSignedIn:
            path.unlink()
        else:
            return secret
    assert MARKETER in dict(directory(ws))
    made = issue_token(ws, MARKETER, "the demo", tuple(SCOPES), actor=OFFICER)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(made.secret + "\n")
    return made.secret
