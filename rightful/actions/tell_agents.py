"""An authorised agent that named a callback hears of each new status of its request.

gather   callbacks that are due, where each request stands
decide   whether that is news for the agent
act      the status goes out as the protocol writes it; what was not taken is tried again, later each time

Easy to get wrong: an address inside our own network (the webhooks' sender refuses it); the
token of the agent sent along (nothing is but the status, which the agent could ask for).

Source: Data Rights Protocol, sections 2.03, 3.03.
"""

from __future__ import annotations

import http.client
import json
from dataclasses import replace

from rightful.actions.authorised_agents import status_for
from rightful.actions.subscribe_webhook import sender_of
from rightful.errors import RecordMismatch, TargetRefused
from rightful.ledger.record import Draft
from rightful.rights.agent_callbacks import Callback
from rightful.webhooks.sending import Sender
from rightful.workspace import Workspace

MINUTE_US = 60_000_000
MOST_TRIES = 12  # the last after more than two days
AT_ONCE = 20
FINAL = frozenset({"fulfilled", "denied", "revoked", "expired"})


def tell_agents(ws: Workspace, sender: Sender | None = None) -> int:
    """Send what is news; how many were taken."""
    taken = sent = 0
    for one in ws.agent_callbacks.due(ws.clock()):
        case = ws.cases.by_id(one.case_id)
        number = ws.agents.tied(one.agent, one.case_id)
        if number is None or ws.agents.by_id(one.agent) is None:
            _keep(ws, replace(one, over=1))  # the agent is not listed any more
            continue
        status = status_for(ws, case, number, one.site)
        text = json.dumps(status, sort_keys=True)
        over = int(status["status"] in FINAL and not case.is_open)
        if text == one.told:
            if over:
                _keep(ws, replace(one, over=1))
            continue
        if sent >= AT_ONCE:
            break
        sent += 1
        answer = _post(ws, sender or sender_of(ws), one, text)
        if answer.startswith("2"):
            taken += 1
            _keep(ws, replace(one, told=text, tries=0, next_us=0, over=over))
        elif one.tries + 1 < MOST_TRIES and answer != "refused":
            _keep(ws, replace(one, tries=one.tries + 1, next_us=ws.clock() + MINUTE_US * 2**one.tries))
        else:
            public = {"agent": one.agent, "status": answer}
            ws.journal.record([Draft("request.agent-not-told", public, {"ref": case.ref})])
            _keep(ws, replace(one, told=text, tries=0, next_us=0, over=over))
    return taken


def _post(ws: Workspace, sender: Sender, one: Callback, text: str) -> str:
    """The status of the answer, or in a word why there was none; its body is not read."""
    try:
        address = ws.ledger.unseal(bytes(one.address), f"rights_agent_callback/{one.agent}/{one.case_id}")
        if address is None:
            return "refused"
        headers = {"Content-Type": "application/json", "User-Agent": "Rightful-Agents/1"}
        return str(sender.post(address.decode(), text.encode(), headers)[0])
    except (TargetRefused, RecordMismatch):
        return "refused"
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__


def _keep(ws: Workspace, one: Callback) -> None:
    with ws.control.write() as tx:
        ws.agent_callbacks.keep(tx, one)
