"""A child's guardian waits for a check, and questions by mail are open: what the consent page shows.

Synthetic people only. Runs once; a second run of the demo finds it done.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from rightful.actions.double_opt_in import EMAIL, answer_question, request_opt_in
from rightful.actions.guardian import child_view, identify_guardian, invite_guardian
from rightful.errors import RightfulError
from rightful.gate import use
from rightful.gate.planes import Evaluation
from rightful.workspace import Workspace

GUARDIAN = "pat.parent@example.com"
SIGN_UPS = 6


def ask_around(ws: Workspace, people: Mapping[str, str]) -> bool:
    """A guardian answers and waits for a check; some customers sign up by mail. False: that was done before."""
    if ws.guardians.by_address(GUARDIAN, "needs-staff") or ws.requests.counts(ws.clock()):
        return False
    child = _a_child(ws)
    if child is not None and invite_guardian(ws, child, GUARDIAN):
        identify_guardian(ws, _link(ws), "Pat Parent", "parent")
    asked = 0
    for name, key in people.items():
        if asked == SIGN_UPS or not name.startswith("newsletter"):
            continue
        try:
            sent = request_opt_in(ws, key, [("newsletter", EMAIL)], to="saver@example.com", form="portal/sign-up")
        except RightfulError:  # somebody under 18: they are not asked
            continue
        if sent:
            asked += 1
            secret = _link(ws)
            if asked > 2:  # two of them have not looked into their mailbox yet
                answer_question(ws, secret, yes=asked % 2 == 1)
    return True


def _a_child(ws: Workspace) -> str | None:
    """The first customer who is too young to agree alone where they live."""
    now = ws.clock()
    people = Evaluation(ws.facts.policy, ws.facts.notices, ws.facts.people(now), now)
    young = np.flatnonzero(~people.birth_unknown & (people.consent_age_at > now))
    for number in young[:20].tolist():
        key = use.customer_key(ws, number)
        if key is not None and child_view(ws, key) is not None:
            return key
    return None


def _link(ws: Workspace) -> str:
    """The secret in the letter that was just written. These mailboxes belong to nobody, so it goes no further."""
    letter = ws.mail.take()
    assert letter is not None and "link" in letter.words, "letters of others are written after these"
    ws.mail.sent(letter)
    return str(letter.words["link"]).strip("/").rpartition("/")[2]
