"""Authorised agents (Data Rights Protocol): signed messages, their checks in order, and no data for anybody's word."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rightful.actions import authorised_agents as agents
from rightful.actions.close_request import refuse
from rightful.actions.tell_agents import tell_agents
from rightful.errors import AgentRefused, BadInput, NotFound, StepRefused
from rightful.rights.agents import LONGEST_LIFE_US, key_of
from rightful.rights.models import Filter
from rightful.rights.rules import Kind, State
from rightful.webhooks.sending import Sender
from tests.rights.conftest import OLGA

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
SITE = "https://privacy.club.example"


def text_of(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sign(key: Ed25519PrivateKey, message: bytes) -> bytes:
    """libsodium's combined mode: the signature, then the message; both in base64."""
    return base64.b64encode(key.sign(message) + message)


def claims(ws, **more):
    now = datetime.fromtimestamp(ws.clock() / 1e6, UTC)
    base = {
        "agent-id": "HELPER",
        "business-id": "CLUB",
        "issued-at": (now - timedelta(seconds=5)).isoformat(),
        "expires-at": (now + timedelta(minutes=10)).isoformat(),
        "drp.version": "0.9.4",
    }
    return {**base, **more}


def wish(ws, email="dee@example.com", exercise="access", key=KEY, **more):
    return sign(key, json.dumps(claims(ws, email=email, email_verified=True, exercise=exercise, **more)).encode())


@pytest.fixture
def listed(club):
    for name, key in (("HELPER", KEY), ("RIVAL", OTHER)):
        agents.register_agent(
            club, json.dumps({"id": name, "name": name.title(), "verify_key": text_of(key)}), actor=OLGA
        )
    return club


@pytest.fixture
def token(listed):
    return agents.set_up_token(listed, "HELPER", sign(KEY, json.dumps(claims(listed)).encode()))


def code_of(act, *args, **more):
    with pytest.raises(AgentRefused) as refused:
        act(*args, **more)
    return refused.value.code


def test_the_signature_is_the_one_of_the_standard():
    """RFC 8032, section 7.1, test 2: key, message and signature as printed there."""
    key = Ed25519PrivateKey.from_private_bytes(
        bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    )
    assert key_of("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c") == (
        key.public_key().public_bytes_raw()
    )
    assert base64.b64decode(sign(key, b"\x72")).hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" + "72"
    )


def test_a_request_of_an_agent_waits_for_its_customer_and_knows_nobody(listed, token):
    known = agents.exercise(listed, token, wish(listed), site=SITE)
    strange = agents.exercise(listed, token, wish(listed, email="nobody@example.com"), site=SITE)
    for answer in (known, strange):
        assert (answer["status"], answer["reason"]) == ("in_progress", "need_user_verification")
        assert answer["user_verification_url"] == f"{SITE}/me/requests/{answer['request_id']}/"
        assert set(answer) == set(known), "the same answer for known and unknown addresses"
    assert listed.cases.by_ref(known["request_id"]).no is not None
    assert listed.cases.by_ref(strange["request_id"]).no is None
    assert agents.status(listed, token, known["request_id"], site=SITE) == known
    refuse(listed, known["request_id"], "identity-not-shown", actor=OLGA)
    assert agents.status(listed, token, known["request_id"], site=SITE)["reason"] == "insuf_verification"


def test_an_opt_out_counts_at_once_and_says_the_same_for_a_stranger(listed, token):
    known = agents.exercise(listed, token, wish(listed, exercise="sale:opt_out"), site=SITE)
    strange = agents.exercise(listed, token, wish(listed, email="no@example.com", exercise="sale:opt_out"), site=SITE)
    assert known["status"] == strange["status"] == "fulfilled"
    assert set(known) == set(strange)
    assert listed.cases.by_ref(known["request_id"]).state is State.ANSWERED


def test_an_agent_takes_back_what_it_asked_for(listed, token):
    asked = agents.exercise(listed, token, wish(listed, exercise="deletion", **{"agent-request-id": "a-1"}), site=SITE)
    assert asked["agent_request_id"] == "a-1"
    assert listed.cases.by_ref(asked["request_id"]).kind is Kind.ERASURE
    reason = json.dumps({"reason": "changed my mind"}).encode()
    assert code_of(agents.revoke, listed, token, asked["request_id"], sign(OTHER, reason), site=SITE) == (
        "agent.bad-signature"
    )
    assert agents.revoke(listed, token, asked["request_id"], sign(KEY, reason), site=SITE)["status"] == "revoked"
    with pytest.raises(StepRefused):
        agents.revoke(listed, token, asked["request_id"], sign(KEY, reason), site=SITE)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"agent-id": "RIVAL"}, "agent.other-agent"),
        ({"business-id": "SHOP"}, "agent.other-business"),
        ({"issued-at": "2099-01-01T00:00:00+00:00"}, "agent.not-yet"),
        ({"expires-at": "2020-01-01T00:00:00+00:00"}, "agent.expired"),
        ({"issued-at": "2020-01-01T00:00:00+00:00"}, "agent.long-life"),
        ({"issued-at": "2026-01-01T00:00:00"}, "agent.no-instant"),
        ({"expires-at": None}, "agent.no-instant"),
        ({"drp.version": "0.1"}, "agent.version"),
        ({"agent-request-id": "Ana Ortiz <ana@example.com>"}, "agent.no-number"),
    ],
)
def test_a_message_that_does_not_hold_is_refused_and_recorded(listed, token, change, code):
    before = listed.cases.count(Filter())
    assert code_of(agents.exercise, listed, token, wish(listed, **change), site=SITE) == code
    entry = listed.ledger.entry(listed.ledger.head()[0] - 1)
    assert (entry.kind, entry.public["codes"]) == ("request.agent-refused", [code])
    assert listed.cases.count(Filter()) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "agent.bad-signature"),
        (b"not base64 at all!", "agent.not-base64"),
        (base64.b64encode(b"{}"), "agent.bad-signature"),
        (sign(KEY, b"no json"), "agent.no-json"),
        (sign(KEY, b"[]"), "agent.no-json"),
        (b"A" * 40_000, "agent.too-long"),
    ],
)
def test_what_is_no_signed_message_is_not_read(listed, token, body, code):
    assert code_of(agents.exercise, listed, token, body, site=SITE) == code


def test_one_changed_bit_breaks_the_signature(listed, token):
    raw = bytearray(base64.b64decode(wish(listed)))
    for place in (0, 63, 64, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        body = base64.b64encode(bytes(changed))
        assert code_of(agents.exercise, listed, token, body, site=SITE) == "agent.bad-signature"


def test_the_same_message_is_taken_once(listed, token):
    body = wish(listed)
    agents.exercise(listed, token, body, site=SITE)
    assert code_of(agents.exercise, listed, token, body, site=SITE) == "agent.replay"
    setup = sign(KEY, json.dumps(claims(listed)).encode())
    agents.set_up_token(listed, "HELPER", setup)
    assert code_of(agents.set_up_token, listed, "HELPER", setup) == "agent.replay"


def test_a_message_is_not_kept_longer_than_it_lives(listed, token, clock):
    body = wish(listed)
    agents.exercise(listed, token, body, site=SITE)
    clock.go_on(seconds=LONGEST_LIFE_US / 1e6)
    agents.exercise(listed, token, wish(listed, exercise="deletion"), site=SITE)
    assert code_of(agents.exercise, listed, token, body, site=SITE) == "agent.expired"


def test_an_agent_can_neither_use_nor_see_what_is_another_agents(listed, token):
    rival_claims = {**claims(listed), "agent-id": "RIVAL"}
    rival = agents.set_up_token(listed, "RIVAL", sign(OTHER, json.dumps(rival_claims).encode()))
    assert code_of(agents.exercise, listed, rival, wish(listed), site=SITE) == "agent.bad-signature"
    asked = agents.exercise(listed, token, wish(listed), site=SITE)
    for ref in (asked["request_id"], "R-NOTHING"):
        assert code_of(agents.status, listed, rival, ref, site=SITE) == "agent.not-yours"
    assert code_of(agents.status, listed, "no token", asked["request_id"], site=SITE) == "agent.unknown"
    assert code_of(agents.status, listed, "", asked["request_id"], site=SITE) == "agent.unknown"


def test_a_new_key_or_the_end_of_an_agent_ends_its_token(listed, token):
    agents.register_agent(listed, json.dumps({"id": "HELPER", "name": "H", "verify_key": text_of(KEY)}), actor=OLGA)
    assert code_of(agents.agent_with, listed, token) == "agent.unknown"
    fresh = agents.set_up_token(listed, "HELPER", sign(KEY, json.dumps(claims(listed)).encode()))
    agents.end_agent(listed, "HELPER", actor=OLGA)
    assert code_of(agents.agent_with, listed, fresh) == "agent.unknown"
    assert code_of(agents.set_up_token, listed, "HELPER", sign(KEY, json.dumps(claims(listed)).encode())) == (
        "agent.unknown"
    )
    with pytest.raises(NotFound):
        agents.end_agent(listed, "HELPER", actor=OLGA)


def test_a_token_is_kept_as_a_digest(listed, token):
    raw = b"".join(p.read_bytes() for p in (listed.path / "state").glob("control.sqlite*"))
    assert token.encode() not in raw


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "{}",
        '{"id": "A B", "name": "x", "verify_key": "AA=="}',
        '{"id": "A", "name": "x", "verify_key": "AA=="}',
    ],
)
def test_what_is_no_entry_of_the_directory_is_refused(club, document):
    with pytest.raises(BadInput):
        agents.register_agent(club, document, actor=OLGA)


@pytest.mark.parametrize("more", [{"exercise": "sale:opt_in"}, {"exercise": "tea"}, {"email": "nobody"}, {"email": ""}])
def test_what_cannot_be_asked_for_here_is_said_so(listed, token, more):
    with pytest.raises(BadInput):
        agents.exercise(listed, token, wish(listed, **more), site=SITE)


class Listening(Sender):
    """The network's place: takes what is sent, and answers as told."""

    def __init__(self, answer: int = 200) -> None:
        super().__init__()
        self.answer, self.taken = answer, []

    def post(self, url, body, headers):
        self.taken.append((url, json.loads(body), dict(headers)))
        return self.answer, ""


HOOK = "https://agent.example/drp/status?n=CANARY-HOOK"


def test_an_agent_with_a_callback_hears_of_each_new_status_once(listed, token, clock):
    sent = wish(listed, "nobody@elsewhere.example", **{"status_callback": HOOK, "agent-request-id": "a-1"})
    said = agents.exercise(listed, token, sent, site=SITE)
    there = Listening()
    assert tell_agents(listed, there) == 0, "the answer was the first status"
    refuse(listed, said["request_id"], "identity-not-shown", actor=OLGA)
    assert [tell_agents(listed, there) for _ in range(3)] == [1, 0, 0]
    [(url, body, headers)] = there.taken
    assert url == HOOK
    assert body["status"] == "denied" and body["reason"] == "insuf_verification"
    assert body["agent_request_id"] == "a-1" and body["request_id"] == said["request_id"]
    assert "nobody@elsewhere.example" not in json.dumps(body) and "Authorization" not in headers
    held = repr(listed.control.query("SELECT * FROM rights_agent_callback"))
    assert "CANARY-HOOK" not in held


def test_a_status_that_was_not_taken_is_sent_again_later_and_given_up_on_record(listed, token, clock):
    said = agents.exercise(listed, token, wish(listed, "x@elsewhere.example", status_callback=HOOK), site=SITE)
    refuse(listed, said["request_id"], "identity-not-shown", actor=OLGA)
    there = Listening(500)
    for _ in range(3):
        tell_agents(listed, there)
    assert len(there.taken) == 1, "not at once"
    for _ in range(20):
        clock.go_on(hours=40)
        tell_agents(listed, there)
    assert len(there.taken) == 12
    last = [e for e in listed.ledger.entries() if e.kind == "request.agent-not-told"]
    assert [e.public["agent"] for e in last] == ["HELPER"]


def test_an_agent_taken_off_the_list_hears_nothing_more(listed, token):
    said = agents.exercise(listed, token, wish(listed, "x@elsewhere.example", status_callback=HOOK), site=SITE)
    agents.end_agent(listed, "HELPER", actor=OLGA)
    refuse(listed, said["request_id"], "identity-not-shown", actor=OLGA)
    there = Listening()
    assert (tell_agents(listed, there), there.taken) == (0, [])


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.example/x",
        "ftp://a.example",
        "https://me:pw@a.example/",
        "https://",
        "x",
        "https://a.example/" + "x" * 500,
    ],
)
def test_a_callback_that_may_not_be_sent_to_is_refused_before_anything_is_taken_in(listed, token, url):
    with pytest.raises(BadInput):
        agents.exercise(listed, token, wish(listed, status_callback=url), site=SITE)
    assert listed.cases.count(Filter()) == 0
