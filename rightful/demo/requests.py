"""A handful of open requests in the demo: one late, one paused, an erasure in its grace, one by mail.

Everything is made by the same actions as in real life; only the day of receipt is set
back. A second run finds them and makes none.
"""

from __future__ import annotations

from collections.abc import Mapping

from rightful.actions.answer_request import take_in, write_message
from rightful.actions.move_deadline import pause
from rightful.actions.open_request import open_request
from rightful.errors import RightfulError
from rightful.rights.models import Filter
from rightful.rights.rules import Level
from rightful.workspace import Workspace

DAY_US = 86_400_000_000
OFFICER = "olga@meadow.example"
ASKED = (
    # situation, kind, days ago, what was written
    ("newsletter_refused", "access", 3, ""),
    ("objected_to_marketing", "rectification", 41, "My street is wrong: I live at number 7 now."),
    ("gpc_signal", "human-review", 12, "Why was I offered another rate than my neighbour?"),
    ("newsletter_fresh", "complaint", 6, "I did not understand the last letter."),
)


def seed_requests(ws: Workspace, people: Mapping[str, str], told_about: str) -> int:
    """Make the demo's requests; returns how many are new. `told_about` is whom the demo signs in as."""
    if ws.cases.count(Filter()):
        return 0
    now, made = ws.clock(), 0
    for situation, kind, days, text in ASKED:
        key = people.get(situation)
        if key is None:
            continue
        received = now - days * DAY_US
        case = open_request(
            ws, kind, key=key, source="portal", level=Level.CHANNEL, text=text, received_us=received
        ).case
        made += 1
        if kind == "human-review":
            pause(ws, case.ref, "clarification", actor=OFFICER)
            write_message(ws, case, "Which offer do you mean? Please tell us its date.", way="out", actor=OFFICER)
    own = [k for k in (told_about, *people.values()) if k]
    for kind, key in (("erasure", own[-1]), ("access", own[0])):
        try:
            take_in(ws, kind, key=key, source="portal", level=Level.CHANNEL)
            made += 1
        except RightfulError:
            continue  # whom this concerns cannot ask for it: the demo goes on without
    open_request(
        ws, "access", contact="somebody@elsewhere.example", source="mail", sender="elsewhere.example",
        text="Please send me everything you have about me.", received_us=now - 2 * DAY_US,
    )  # fmt: skip
    return made + 1
