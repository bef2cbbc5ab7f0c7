"""Systems without a connector: who does there what a request asks for, and how the system knows a customer.

rightful.json: {"systems": {"helpdesk": "manual",
                            "shop": {"how": "mail", "to": "ops@shop.example", "known_by": "email", "days": 5}}}

Easy to get wrong: a system that is written to without an address (then staff see to it).

Source: UX C3; DESIGN section 7.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.errors import BadInput
from rightful.workspace import Workspace

HOW = ("manual", "mail")
DAYS = 7


@dataclass(frozen=True, slots=True)
class System:
    """`to`: the work address of whoever does it there; `known_by`: a column of the customer table, "" for the key."""

    name: str
    how: str
    to: str = ""
    known_by: str = ""
    days: int = DAYS


def systems_of(ws: Workspace) -> dict[str, System]:
    """All systems that rightful.json names.

    Raises:
        BadInput: a way of doing it that nobody knows, an address that is none, days that are no number.
    """
    return {str(name): _system(str(name), said) for name, said in ws.config.get("systems", {}).items()}


def _system(name: str, said: object) -> System:
    how, more = (said, {}) if isinstance(said, str) else ("mail", said)
    if isinstance(more, dict):
        how = str(more.get("how", how))
    if how not in HOW or not isinstance(more, dict):
        raise BadInput(f"system {name} is done by {how}", remedy="One of: " + ", ".join(HOW))
    to, days = str(more.get("to", "")), more.get("days", DAYS)
    if to and (to.count("@") != 1 or any(c.isspace() for c in to)):
        raise BadInput(f"system {name} has no e-mail address", remedy="Write it as ops@shop.example")
    if not isinstance(days, int) or not 1 <= days <= 60:
        raise BadInput(f"system {name} has no number of days", remedy="From 1 to 60")
    return System(name, how, to, str(more.get("known_by", "")), days)
