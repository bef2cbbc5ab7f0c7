"""A few corrections in the demo: two wait for an officer, one was refused, one counted at once.

Made by the same actions as in real life, letters included. A second run finds them and makes none.
"""

from __future__ import annotations

from collections.abc import Mapping

from rightful.actions.correct_data import ask_correction, refuse_correction
from rightful.errors import RightfulError
from rightful.workspace import Workspace

OFFICER = "olga@meadow.example"
ASKED = (
    # situation, field, what the customer wrote, why an officer said no ("": nobody decided yet)
    ("newsletter_returned", "customer.last_name", "Van den Berg", ""),
    ("objected_to_marketing", "customer.birth_date", "1979-04-12", ""),
    ("gpc_signal", "customer.first_name", "Maximiliane", "not-shown"),
    ("newsletter_refused", "customer.city", "Porto", ""),
)


def seed_corrections(ws: Workspace, people: Mapping[str, str]) -> int:
    """Make the demo's corrections; returns how many are new."""
    if ws.corrections.listed(limit=1):
        return 0
    made = 0
    for situation, field, text, refused in ASKED:
        if situation not in people:
            continue
        try:
            asked = ask_correction(ws, people[situation], field, text)
            if refused:
                refuse_correction(ws, asked.id, refused, actor=OFFICER)
        except RightfulError:
            continue  # it is so on record already: the demo goes on without
        made += 1
    return made
