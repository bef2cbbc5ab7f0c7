"""Authorised agents of customers: who they are, and whether a message is really theirs.

The Data Rights Protocol: an agent signs its message with Ed25519, the signature stands
before the JSON (libsodium's combined mode), both together in base64. A token that the
agent got for a signed message says whose key to check with.

Easy to get wrong: the order of the checks (nothing of a message is read before its
signature holds); a message for another business, or of another agent; the same message
twice; a long life that makes a stolen message useful.

Sources: Data Rights Protocol 0.9.4, sections 2.01-2.06, 3.02-3.07 (the text that version 1.0 of the
test suite refers to); RFC 8032; 11 CCR 7063.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from rightful.errors import AgentRefused, BadInput
from rightful.ledger.database import Conflict, Database, Tx
from rightful.rights.rules import Case, Kind, State

VERSIONS = frozenset({"1.0", "0.9.4", "0.9.3"})
LONGEST_LIFE_US = 60 * 60 * 1_000_000
SKEW_US = 60 * 1_000_000
BIGGEST = 32 * 1024
SIGNATURE = 64
NO_BYTES = b""

EXERCISES: Mapping[str, Kind] = {
    "access": Kind.ACCESS,
    "access:categories": Kind.ACCESS,
    "access:specific": Kind.ACCESS,
    "deletion": Kind.ERASURE,
    "sale:opt_out": Kind.OPT_OUT,
    "sale:opt-out": Kind.OPT_OUT,
}
REASONS: Mapping[str, str] = {
    "identity-not-shown": "insuf_verification",
    "excessive": "too_many_requests",
    "not-covered": "claim_not_covered",
}

TABLES = [
    """CREATE TABLE rights_agent (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, verify_key TEXT NOT NULL, token TEXT NOT NULL,
        since_us INTEGER NOT NULL, ended_us INTEGER)""",
    "CREATE INDEX rights_agent_token ON rights_agent (token)",
    """CREATE TABLE rights_agent_case (
        agent TEXT NOT NULL, case_id INTEGER NOT NULL, agent_request TEXT NOT NULL, PRIMARY KEY (agent, case_id))""",
    "CREATE TABLE rights_agent_seen (digest TEXT PRIMARY KEY, until_us INTEGER NOT NULL)",
]


@dataclass(frozen=True, slots=True)
class Agent:
    """An agent of the directory. `token` is a keyed digest, "" while none was set up."""

    id: str
    name: str
    verify_key: str
    token: str
    since_us: int
    ended_us: int | None


@dataclass(frozen=True, slots=True)
class Signed:
    """A message whose signature holds."""

    claims: Mapping[str, Any]
    digest: str


def key_of(text: str) -> bytes:
    """A public verifying key, base64 (or hexadecimal, as earlier versions had it).

    Raises:
        BadInput: it is no Ed25519 key.
    """
    try:
        raw = bytes.fromhex(text) if len(text) == 64 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raw = NO_BYTES
    if len(raw) != 32:
        raise BadInput("this is no Ed25519 verifying key", remedy="Take verify_key of the agent's directory entry")
    return raw


def open_signed(body: bytes, verify_key: bytes) -> Signed:
    """The claims of a signed message; nothing of it is read before the signature holds.

    Raises:
        AgentRefused: not base64, not signed by this key, or no JSON object.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(body) > BIGGEST:
        raise AgentRefused("the message is too long", code="agent.too-long")
    try:
        raw = base64.b64decode(body.strip(), validate=True)
    except (ValueError, binascii.Error):
        raise AgentRefused("the message is not base64", code="agent.not-base64") from None
    signature, message = raw[:SIGNATURE], raw[SIGNATURE:]
    try:
        Ed25519PublicKey.from_public_bytes(verify_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise AgentRefused("the signature does not hold", code="agent.bad-signature") from None
    try:
        claims = json.loads(message)
    except (ValueError, RecursionError):
        raise AgentRefused("the message is no JSON", code="agent.no-json") from None
    if not isinstance(claims, dict):
        raise AgentRefused("the message is no JSON object", code="agent.no-json")
    return Signed(claims, sha256(raw).hexdigest())


def check_claims(claims: Mapping[str, Any], *, agent: str, business: str, now_us: int) -> int:
    """Who, to whom, when; in the order of the protocol. Returns when the message ends (us).

    Raises:
        AgentRefused: of another agent, for another business, not yet or no longer valid, of another version.
    """
    if claims.get("agent-id") != agent:
        raise AgentRefused("the message names another agent", code="agent.other-agent")
    if claims.get("business-id") != business:
        raise AgentRefused("the message is for another business", code="agent.other-business")
    issued, expires = _instant(claims.get("issued-at")), _instant(claims.get("expires-at"))
    if issued > now_us + SKEW_US:
        raise AgentRefused("the message is from the future", code="agent.not-yet")
    if expires <= now_us:
        raise AgentRefused("the message has expired", code="agent.expired")
    if expires - issued > LONGEST_LIFE_US:
        raise AgentRefused("the message is valid for more than an hour", code="agent.long-life")
    if claims.get("drp.version") not in VERSIONS:
        raise AgentRefused("the message is of another version", code="agent.version")
    return expires


def status_of(case: Case, *, site: str, expected_by: str, received_at: str, agent_request: str) -> dict[str, str]:
    """The status of a request as the protocol writes it. Says nothing about whether somebody is known here."""
    found = {"request_id": case.ref, "received_at": received_at, "expected_by": expected_by}
    if agent_request:
        found["agent_request_id"] = agent_request
    if case.state is State.ANSWERED or (case.kind is Kind.OPT_OUT and case.is_open):
        return {**found, "status": "fulfilled"}  # who is not known here is not sold either
    if case.state is State.REFUSED:
        return {**found, "status": "denied", "reason": REASONS.get(case.reason, "other")}
    if case.state is State.WITHDRAWN:
        return {**found, "status": "revoked"}
    if case.state is State.NEEDS_IDENTITY:
        url = f"{site}/me/requests/{case.ref}/"
        return {**found, "status": "in_progress", "reason": "need_user_verification", "user_verification_url": url}
    if case.extended:
        found["processing_details"] = f"More time was taken: {case.reason or 'complexity'}"
    return {**found, "status": "in_progress"}


class Agents:
    """The directory of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("rights-agents", TABLES)

    def add(self, tx: Tx, agent: str, name: str, verify_key: str, at_us: int) -> None:
        """List an agent; a new key ends the old token."""
        tx.execute(
            "INSERT INTO rights_agent (id, name, verify_key, token, since_us) VALUES (?, ?, ?, '', ?) "
            "ON CONFLICT (id) DO UPDATE SET name = excluded.name, verify_key = excluded.verify_key, token = '', "
            "since_us = excluded.since_us, ended_us = NULL",
            (agent, name, verify_key, at_us),
        )

    def end(self, tx: Tx, agent: str, at_us: int) -> None:
        tx.execute("UPDATE rights_agent SET ended_us = ?, token = '' WHERE id = ?", (at_us, agent))

    def set_token(self, tx: Tx, agent: str, token: str) -> None:
        tx.execute("UPDATE rights_agent SET token = ? WHERE id = ?", (token, agent))

    def by_id(self, agent: str) -> Agent | None:
        return self._one("id = ? AND ended_us IS NULL", agent)

    def by_token(self, token: str) -> Agent | None:
        return self._one("token = ? AND token <> '' AND ended_us IS NULL", token)

    def everybody(self) -> list[Agent]:
        rows = self.db.query("SELECT id, name, verify_key, token, since_us, ended_us FROM rights_agent ORDER BY id")
        return [Agent(*row) for row in rows]

    def take(self, tx: Tx, digest: str, until_us: int, now_us: int) -> bool:
        """Whether this message is here for the first time."""
        tx.execute("DELETE FROM rights_agent_seen WHERE until_us <= ?", (now_us,))
        try:
            with tx.savepoint():
                tx.execute("INSERT INTO rights_agent_seen (digest, until_us) VALUES (?, ?)", (digest, until_us))
        except Conflict:
            return False
        return True

    def tie(self, tx: Tx, agent: str, case_id: int, agent_request: str) -> None:
        tx.execute(
            "INSERT INTO rights_agent_case (agent, case_id, agent_request) VALUES (?, ?, ?) "
            "ON CONFLICT (agent, case_id) DO UPDATE SET agent_request = excluded.agent_request",
            (agent, case_id, agent_request),
        )

    def tied(self, agent: str, case_id: int) -> str | None:
        """The agent's own number of a case; None if the case is not this agent's."""
        rows = self.db.query(
            "SELECT agent_request FROM rights_agent_case WHERE agent = ? AND case_id = ?", (agent, case_id)
        )
        return str(rows[0][0]) if rows else None

    def _one(self, where: str, value: str) -> Agent | None:
        rows = self.db.query(
            f"SELECT id, name, verify_key, token, since_us, ended_us FROM rights_agent WHERE {where}", (value,)
        )
        return Agent(*rows[0]) if len(rows) == 1 else None


def own_number(claims: Mapping[str, Any]) -> str:
    """The agent's number of a request: letters, digits and dashes only, so that it cannot carry anything else.

    Raises:
        AgentRefused: it is none.
    """
    number = claims.get("agent-request-id", "")
    if not isinstance(number, str) or not re.fullmatch(r"[A-Za-z0-9._:-]{0,64}", number):
        raise AgentRefused("agent-request-id is no number", code="agent.no-number")
    return number


def _instant(text: object) -> int:
    try:
        at = datetime.fromisoformat(str(text))
        if at.tzinfo is None:
            raise ValueError
        return int(at.timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        raise AgentRefused("the message has no instant with its zone", code="agent.no-instant") from None
