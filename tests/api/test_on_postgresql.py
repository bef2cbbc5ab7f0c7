"""Tokens, first answers, opt-outs and webhooks keep their promises when the control database is PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from rightful.actions.appoint_staff import appoint
from rightful.actions.issue_token import caller_of, issue_token, revoke_token
from rightful.actions.opt_out import opt_out_by_address
from rightful.actions.send_webhooks import ping, tell
from rightful.actions.subscribe_webhook import accept_source, refuse_source, subscribe
from rightful.errors import NotSignedIn
from rightful.ownership.answers import State
from rightful.policy.loader import loads
from rightful.webhooks.rules import KINDS
from rightful.webhooks.sending import Sender
from rightful.workspace import Workspace
from tests.actions.conftest import POLICY

pytestmark = pytest.mark.postgres
MAX = "max@shop.example"


@pytest.fixture
def ws(postgres_url: str, tmp_path: Path, monkeypatch):
    from rightful.actions.publish_policy import publish_policy

    monkeypatch.setenv("CONTROL", postgres_url)
    with Workspace.create(tmp_path / "shop", "shop", control={"url_env": "CONTROL"}) as opened:
        publish_policy(opened, loads(POLICY), rebuild=False, actor="o@shop.example", approver="p@shop.example")
        appoint(opened, MAX, "marketer", actor="o@shop.example")
        yield opened


def test_a_token_lives_and_ends(ws):
    made = issue_token(ws, MAX, "x", ("data:use",), actor="o")
    assert caller_of(ws, made.secret).actor == MAX
    revoke_token(ws, made.token.id, actor="o")
    with pytest.raises(NotSignedIn):
        caller_of(ws, made.secret)


def test_of_many_that_take_a_key_at_once_one_gets_it(ws):
    taken: list[State] = []
    ws.answers.take("t", "first", b"x", ws.clock())

    def take() -> None:
        taken.append(ws.answers.take("t", "key", b"request", ws.clock()).state)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(state.value for state in taken) == ["at work"] * 7 + ["new"]
    ws.answers.keep("t", "key", 200, b"sealed")
    again = ws.answers.take("t", "key", b"request", ws.clock())
    assert (again.state, again.sealed) == (State.ANSWERED, b"sealed")
    assert ws.answers.take("t", "key", b"other", ws.clock()).state is State.OTHER_REQUEST


def test_an_opt_out_waits_sealed(ws):
    opt_out_by_address(ws, "canary@example.com", "sharing")
    [waiting] = ws.waiting_opt_outs.everything()
    assert (waiting.address, waiting.scope) == ("canary@example.com", "sharing")
    ws.waiting_opt_outs.done(waiting)
    assert ws.waiting_opt_outs.everything() == []


def test_each_event_is_queued_once_though_several_tell(ws):
    class Nowhere(Sender):
        def look_at(self, url: str):
            from rightful.webhooks.rules import Target

            return Target("https", "hooks.example", 443, "/", "192.0.2.1")

        def post(self, url: str, body: bytes, headers) -> tuple[int, str]:
            return 204, ""

    made = subscribe(ws, "https://hooks.example/", list(KINDS), actor=MAX, sender=Nowhere())
    ping(ws, made)
    from rightful.actions.publish_policy import publish_policy

    publish_policy(ws, loads(POLICY.replace("We count.", "We count you.")), rebuild=False, actor="o", approver="p")
    threads = [threading.Thread(target=tell, args=(ws,), kwargs={"sender": Nowhere()}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tell(ws, sender=Nowhere())
    told = ws.webhooks.deliveries(made.id)
    assert {one.state for one in told} == {"delivered"}
    kinds = sorted(one.kind for one in told)
    assert kinds == ["notice.published", "ping", "policy.published"]
    secret, _entry = accept_source(ws, "front", actor="o")
    assert ws.webhooks.secret_of("front") == secret
    refuse_source(ws, "front", actor="o")
    assert ws.webhooks.secret_of("front") is None
