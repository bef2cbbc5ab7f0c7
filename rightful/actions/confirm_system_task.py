"""Whoever looks after another system says that a request was carried out there, or why not.

gather   the task behind the link
decide   whether anything still waits there
act      the task ends like one that staff confirmed; who it was about is wiped

Easy to get wrong: a link that works twice.

Sources: GDPR Art. 12(3), 19, 28(3)(e).
"""

from __future__ import annotations

from rightful.actions.answer_request import confirm_task
from rightful.actions.ask_systems import behind
from rightful.errors import NotFound
from rightful.workspace import Workspace

LONGEST_NOTE = 2_000


def confirm_by_link(ws: Workspace, token: str, *, ok: bool, note: str = "") -> None:
    """It was done, or it could not be done for a reason. Once it was done the link opens nothing.

    Raises:
        NotFound: it opens nothing any more.
        BadInput: what could not be done needs a reason.
    """
    asked = behind(ws, token)
    if asked.over:
        raise NotFound("this link opens nothing any more")
    by = f"system {asked.system}"
    confirm_task(ws, asked.ref, asked.system, asked.what, note=note[:LONGEST_NOTE], actor=by, ok=ok)
