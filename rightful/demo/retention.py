"""Two legal holds and a disposal that one of them stopped: what the retention pages show besides what is due.

Synthetic. Runs once; a second run of the demo finds the holds. Nothing goes: while the
disposal ran, a hold kept the whole table, and what is due waits for somebody to order it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rightful.actions.certify_disposal import certify
from rightful.actions.dispose_expired import plan_disposal, run_disposal
from rightful.actions.hold_data import add_hold, release_hold
from rightful.demo.requests import OFFICER
from rightful.workspace import Workspace

AUDIT = "audit of the campaign 2025 (synthetic)"
SUIT = "suit 17/26 about a delivery (synthetic)"


def hold_what_is_due(ws: Workspace, buyers: Sequence[str]) -> bool:
    """A disposal under a hold on all customers, which is released again; and a hold on what some people bought.

    Returns False if it was done before.
    """
    if ws.holds.all():
        return False
    audit = add_hold(ws, AUDIT, actor=OFFICER, tables=["customer"])
    if not plan_disposal(ws).rows:  # whatever else may be due in a policy that somebody changed stays as it is
        certify(ws, run_disposal(ws, actor=OFFICER).run)
    release_hold(ws, audit.id, actor=OFFICER, why="the auditors' report is final")
    if buyers:
        add_hold(ws, SUIT, actor=OFFICER, tables=["order"], customers=buyers)
    return True
