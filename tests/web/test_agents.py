"""The Data Rights Protocol's endpoints as an agent meets them."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from rightful.actions import authorised_agents as agents
from tests.rights.test_agents import KEY, claims, sign, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def setup(meadow):
    document = {"id": "HELPER", "name": "Helper", "verify_key": text_of(KEY)}
    agents.register_agent(meadow, json.dumps(document), actor="olga@meadow.example")
    return {**claims(meadow), "business-id": agents.business_of(meadow)}


def test_an_agent_sets_up_a_token_asks_looks_and_takes_back(setup, meadow):
    client = Client(enforce_csrf_checks=True)

    def send(method, path, message, **headers):
        body = sign(KEY, json.dumps(message).encode())
        return getattr(client, method)(path, body, content_type="text/plain", headers=headers)

    made = send("post", "/v1/agent/HELPER", setup)
    assert made.status_code == 200
    assert made.json()["agent-id"] == "HELPER"
    bearer = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get("/v1/agent/HELPER", headers=bearer).json() == {}
    assert client.get("/v1/agent/OTHER", headers=bearer).status_code == 403

    wish = {**setup, "exercise": "access", "email": "x9@example.com", "email_verified": True}
    asked = send("post", "/v1/data-rights-request", wish, **bearer)
    assert asked.status_code == 200 and asked.headers["Content-Type"] == "application/json"
    where = f"/v1/data-rights-request/{asked.json()['request_id']}"
    assert client.get(where, headers=bearer).json() == asked.json()
    again = send("post", "/v1/data-rights-request", wish, **bearer)
    assert (again.status_code, again.json()["fatal"]) == (403, True)
    assert client.get(where).status_code == 403, "without a token nothing is said"
    assert send("delete", where, {"reason": "no"}, **bearer).json()["status"] == "revoked"
    assert send("delete", where, {"reason": "no"}, **bearer).status_code == 409
    wrong = send("post", "/v1/data-rights-request", {**wish, "exercise": "tea"}, **bearer)
    assert (wrong.status_code, wrong.json()["code"]) == (400, "400")


def test_a_key_setup_that_does_not_hold_is_403_without_a_word(setup):
    client = Client()
    for path, body in (
        ("/v1/agent/HELPER", b"nonsense"),
        ("/v1/agent/NOBODY", sign(KEY, json.dumps(setup).encode())),
        ("/v1/agent/HELPER", sign(KEY, json.dumps({**setup, "agent-id": "RIVAL"}).encode())),
    ):
        answer = client.post(path, body, content_type="text/plain")
        assert (answer.status_code, answer.content) == (403, b"")
    assert client.put("/v1/agent/HELPER").status_code == 405
