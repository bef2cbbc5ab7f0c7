"""A customer sets several choices at once: per purpose and per channel, all of them or none.

gather   the purposes named, and what stands against each
decide   every choice before any is written: one that cannot be taken refuses the whole form
act      all events in one transaction, one ledger entry each

Easy to get wrong: a form that ticks more than the customer changed. A choice that
stands already is left alone, so nobody's old yes is renewed by saving a page.

Sources: GDPR Art. 7(2), 7(3), 21; EDPB Guidelines 05/2020 par. 42-45 (granular consent).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rightful.actions.give_consent import as_shown, grant
from rightful.actions.record_choice import Recorded, method_of, purpose_of, record_all
from rightful.actions.withdraw_consent import refusal
from rightful.consent.events import Event
from rightful.consent.shown import Shown
from rightful.errors import BadInput
from rightful.gate.conditions import Ask, View, reasons_against
from rightful.terms import ALL_CHANNELS
from rightful.workspace import Workspace

Choice = tuple[str, str]
"""Purpose and channel; "" for a purpose without channels, "*" (off only) for all of them."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What the form came to: choices that changed, and those that stood already."""

    changed: Mapping[Choice, Recorded]
    unchanged: tuple[Choice, ...]


def set_preferences(
    ws: Workspace,
    key: str,
    choices: Mapping[Choice, bool],
    *,
    notice: str | None = None,
    method: str = "portal",
    evidence: str = "",
    shown: Shown | None = None,
    actor: str = "self",
) -> Saved:
    """Say yes (True) or no (False) to each purpose and channel named, in one act.

    Raises:
        EventRejected, GuardianMissing, UnknownName: one of the choices cannot be taken; nothing was written.
        BadInput: nothing was chosen, or a yes was given for all channels at once.
    """
    if not choices:
        raise BadInput("no choice was named", remedy="Name a purpose, a channel, and yes or no")
    no = ws.number_of(key)
    now = ws.ledger.check_clock()
    label = ws.shelf.newest_notice() if notice is None else notice
    way = method_of(method)
    planned: list[tuple[Choice, list[Event], Shown | None]] = []
    unchanged = []
    # The noes come first: at one instant a yes to one purpose narrows an older no to all marketing.
    for (purpose_id, channel), yes in sorted(choices.items(), key=lambda choice: choice[1]):
        purpose = purpose_of(ws, purpose_id)
        if _stands(ws, no, purpose_id, channel, yes, now):
            unchanged.append((purpose_id, channel))
        elif yes:
            if channel == ALL_CHANNELS:
                raise BadInput("a yes has to name its channel", remedy="Say yes to each channel by itself")
            events = grant(ws, no, purpose, channel, label, way, evidence, actor, now)
            words = as_shown(ws, label, purpose_id, "en", shown)
            planned.append(((purpose_id, channel), events, words))
        else:
            planned.append(((purpose_id, channel), refusal(ws, no, purpose, channel, method, now), None))
    recorded = record_all(ws, no, [(events, words) for _, events, words in planned], actor)
    return Saved({choice: one for (choice, _, _), one in zip(planned, recorded, strict=True)}, tuple(unchanged))


def _stands(ws: Workspace, no: int, purpose: str, channel: str, yes: bool, now: int) -> bool:
    """Whether this yes is in force already. A no is always written down: it is a choice of its own."""
    if not yes or ws.facts.policy.purposes[purpose].abstract or channel == ALL_CHANNELS:
        return False
    view = View(Ask(ws.facts.policy, ws.facts.notices, purpose, channel), ws.facts.subject(no), now)
    return view.has_live_consent and not reasons_against(view)
