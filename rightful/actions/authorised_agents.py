"""An authorised agent acts for a customer: listed by us, known by its signature, and not believed about identity.

gather   the agent by its token, the signed message
decide   the protocol's checks in their order; what is asked for
act      a request like any other; whoever it is about confirms it in the portal

Easy to get wrong: taking the agent's word for who the customer is (data would go to whoever
signs up with somebody else's address); an answer that tells whether an address is known.

Sources: Data Rights Protocol, sections 2.01-2.06, 3.06, 3.07; 11 CCR 7063; AC-016, AC-020.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from rightful.actions.answer_request import take_in
from rightful.actions.close_request import withdraw
from rightful.actions.see_requests import instant
from rightful.actions.subscribe_webhook import sender_of
from rightful.actions.take_step import digest
from rightful.errors import AgentRefused, BadInput, NotFound, StepRefused, TargetRefused
from rightful.ledger.record import Draft
from rightful.rights.agent_callbacks import Callback
from rightful.rights.agents import EXERCISES, Agent, Signed, check_claims, key_of, open_signed, own_number, status_of
from rightful.rights.rules import Case
from rightful.webhooks.rules import target_of
from rightful.workspace import Workspace


def register_agent(ws: Workspace, document: str, *, actor: str) -> Agent:
    """List an agent from its entry in the service directory (JSON with id, name, verify_key).

    Raises:
        BadInput: the entry is not one.
    """
    try:
        entry = json.loads(document)
        agent, name, key = str(entry["id"]), str(entry["name"]), str(entry["verify_key"])
    except (ValueError, KeyError, TypeError):
        raise BadInput("this is no entry of an agent", remedy="JSON with id, name and verify_key") from None
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", agent) or not name.strip() or len(name) > 200:
        raise BadInput("the agent's id or name is not one", remedy="An id has letters, digits and underscores")
    key_of(key)
    now = ws.ledger.check_clock()
    ws.journal.record(
        [Draft("request.agent-registered", {"agent": agent, "verify_key": key}, {"actor": actor})],
        lambda tx, _entries: ws.agents.add(tx, agent, name.strip(), key, now),
    )
    return _known(ws.agents.by_id(agent))


def end_agent(ws: Workspace, agent: str, *, actor: str) -> None:
    """Take an agent off the list: its token opens nothing from now on.

    Raises:
        NotFound: it is not listed.
    """
    if ws.agents.by_id(agent) is None:
        raise NotFound(f"no agent {agent} is listed", remedy="`rightful request agents` lists them")
    now = ws.ledger.check_clock()
    ws.journal.record(
        [Draft("request.agent-ended", {"agent": agent}, {"actor": actor})],
        lambda tx, _entries: ws.agents.end(tx, agent, now),
    )


def business_of(ws: Workspace) -> str:
    """What this organisation is called in the service directory."""
    return str(ws.config.get("business_id") or re.sub(r"[^A-Z_]", "_", ws.name.upper()))


def set_up_token(ws: Workspace, agent_id: str, body: bytes) -> str:
    """A token for an agent that signs for it (pair-wise key setup); a new one replaces the old.

    Raises:
        AgentRefused: not listed, or the message does not hold; recorded.
    """
    agent = ws.agents.by_id(agent_id)
    if agent is None:
        raise _refused(ws, agent_id, AgentRefused("this agent is not listed", code="agent.unknown"))
    try:
        signed = open_signed(body, key_of(agent.verify_key))
        _first_time(ws, agent, signed)
    except AgentRefused as refusal:
        raise _refused(ws, agent.id, refusal) from None
    token = secrets.token_urlsafe(32)
    ws.journal.record(
        [Draft("request.agent-token", {"agent": agent.id}, {})],
        lambda tx, _entries: ws.agents.set_token(tx, agent.id, digest(ws, "agent-token", token)),
    )
    return token


def agent_with(ws: Workspace, token: str) -> Agent:
    """The agent a token belongs to.

    Raises:
        AgentRefused: none.
    """
    found = ws.agents.by_token(digest(ws, "agent-token", token)) if token else None
    if found is None:
        raise AgentRefused("this token opens nothing", code="agent.unknown")
    return found


def exercise(ws: Workspace, token: str, body: bytes, *, site: str) -> dict[str, str]:
    """Take a request in for a customer. The customer confirms it; an opt-out counts at once.

    Raises:
        AgentRefused: the message does not hold; recorded.
        BadInput: it asks for something that cannot be asked for here.
    """
    agent = agent_with(ws, token)
    try:
        signed = open_signed(body, key_of(agent.verify_key))
        number = own_number(signed.claims)
        kind = EXERCISES.get(str(signed.claims.get("exercise")))
        email = str(signed.claims.get("email", ""))
        _first_time(ws, agent, signed)
    except AgentRefused as refusal:
        raise _refused(ws, agent.id, refusal) from None
    if kind is None:
        raise BadInput("this right cannot be exercised here", remedy="One of: " + ", ".join(EXERCISES))
    if email.count("@") != 1 or len(email) > 254:
        raise BadInput("the message names no e-mail address", remedy="Send the claim email")
    callback = _callback(ws, signed.claims)
    opened = take_in(
        ws,
        kind.value,
        contact=email,
        source="agent",
        sender=agent.id,
        scope={"agent": agent.id},
        actor=f"agent {agent.id}",
        private={"claims": _kept(signed.claims)},
    )
    said = status_for(ws, opened.case, number, site)
    with ws.control.write() as tx:
        ws.agents.tie(tx, agent.id, opened.case.id, number)
        if callback:
            place = f"rights_agent_callback/{agent.id}/{opened.case.id}"
            sealed = ws.ledger.seal(callback.encode(), place)
            told = json.dumps(said, sort_keys=True)
            ws.agent_callbacks.put(tx, Callback(agent.id, opened.case.id, sealed, site, told))
    return said


def status(ws: Workspace, token: str, ref: str, *, site: str) -> dict[str, str]:
    """Where a request of this agent is.

    Raises:
        AgentRefused: it is not this agent's, or there is none; one answer for both.
    """
    agent = agent_with(ws, token)
    case, number = _mine(ws, agent, ref)
    return status_for(ws, case, number, site)


def revoke(ws: Workspace, token: str, ref: str, body: bytes, *, site: str) -> dict[str, str]:
    """The customer does not want it any more.

    Raises:
        AgentRefused: not this agent's, or not signed by it; recorded.
        StepRefused: it was carried out already.
    """
    agent = agent_with(ws, token)
    case, number = _mine(ws, agent, ref)
    try:
        open_signed(body, key_of(agent.verify_key))
    except AgentRefused as refusal:
        raise _refused(ws, agent.id, refusal) from None
    if case.source != "agent":
        raise StepRefused("the customer asked for this themselves, too", code="rights.not-the-agents")
    return status_for(ws, withdraw(ws, case.ref, actor=f"agent {agent.id}"), number, site)


def _callback(ws: Workspace, claims: Mapping[str, Any]) -> str:
    """Where the agent wants to hear of the status; "" for nowhere.

    Raises:
        BadInput: no https address that may be sent to.
    """
    url = str(claims.get("status_callback") or "")
    if not url:
        return ""
    sender = sender_of(ws)
    try:
        if len(url) > 500:
            raise TargetRefused("the address is too long")
        target_of(url, private=sender.private, hosts=sender.hosts)
    except TargetRefused as refused:
        raise BadInput(f"status_callback: {refused.sentence}", remedy="Send a public https address") from None
    return url


def _mine(ws: Workspace, agent: Agent, ref: str) -> tuple[Case, str]:
    case = ws.cases.by_ref(ref)
    number = None if case is None else ws.agents.tied(agent.id, case.id)
    if case is None or number is None:
        raise AgentRefused("this is no request of yours", code="agent.not-yours")
    return case, number


def _first_time(ws: Workspace, agent: Agent, signed: Signed) -> None:
    """The checks of the protocol, and that the message is not one that was here before."""
    now = ws.ledger.check_clock()
    until = check_claims(signed.claims, agent=agent.id, business=business_of(ws), now_us=now)
    with ws.control.write() as tx:
        first = ws.agents.take(tx, signed.digest, until, now)
    if not first:
        raise AgentRefused("this message was here before", code="agent.replay")


def status_for(ws: Workspace, case: Case, number: str, site: str) -> dict[str, str]:
    """Where a request is, as the protocol writes it."""
    zone = ZoneInfo(ws.facts.policy.timezone)
    expected = datetime.combine(datetime.fromisoformat(case.due_on).date(), time(23, 59, 59), zone)
    return status_of(
        case,
        site=site,
        expected_by=expected.isoformat(),
        received_at=instant(case.received_us).isoformat(timespec="seconds"),
        agent_request=number,
    )


def _refused(ws: Workspace, agent_id: str, refusal: AgentRefused) -> AgentRefused:
    """Record the refusal; an id nobody listed is not written into the open part."""
    listed = ws.agents.by_id(agent_id) is not None
    public = {"agent": agent_id if listed else "not listed", "codes": [refusal.code]}
    ws.journal.record([Draft("request.agent-refused", public, {})])
    return refusal


def _kept(claims: Mapping[str, Any]) -> dict[str, str]:
    names = ("exercise", "regime", "name", "email_verified", "phone_number", "power_of_attorney", "agent-request-id")
    return {name: str(claims[name])[:500] for name in names if name in claims}


def _known(agent: Agent | None) -> Agent:
    assert agent is not None
    return agent
