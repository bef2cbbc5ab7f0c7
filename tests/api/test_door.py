"""Who gets in, how errors look, and that nothing unknown is taken: the API's door."""

from __future__ import annotations

import json
import re

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from ninja import NinjaAPI, Router

from rightful.actions.appoint_staff import appoint, dismiss
from rightful.actions.issue_token import issue_token, revoke_token
from rightful.api.v1 import api, refuse_open_operations
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.ownership.tokens import SCOPES
from rightful.web.doors import routes
from tests.api.conftest import ANA, MAX, PROBLEM, Caller

OPENAPI = api.get_openapi_schema(path_prefix="/api/v1/")
OPERATIONS = [(method, path) for path, methods in OPENAPI["paths"].items() for method in methods]
"""Every operation of the description."""


def at(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "p-" + "0" * 48, path).removeprefix("/api/v1")


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_without_a_live_token_nothing_opens(shop, method, path):
    for token in ("", "nonsense", "rft_" + "A" * 43):
        answer = Caller(token)(method.upper(), at(path), {} if method == "post" else None)
        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == PROBLEM
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "api.not-signed-in"


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_a_token_of_another_scope_opens_nothing(program, shop, method, path):
    for scope in SCOPES:
        caller = program(MAX, scope)
        answer = caller(method.upper(), at(path), {} if method == "post" else None)
        if answer.status_code == 403 and answer.json()["code"] == "api.scope-missing":
            break
    else:
        pytest.fail("every scope opens this operation")


def test_a_revoked_token_is_refused_at_once(program, shop):
    caller = program()
    assert caller.get("/purposes").status_code == 200
    revoke_token(shop, caller.token_id, actor="olga@shop.example")
    assert caller.get("/purposes").status_code == 401
    with pytest.raises(NotFound):
        revoke_token(shop, caller.token_id, actor="olga@shop.example")


def test_a_token_ends_with_its_time_and_with_the_person_it_acts_for(program, shop, monkeypatch):
    caller = program(days=1)
    now = shop.clock()
    monkeypatch.setattr(shop, "clock", lambda: now + 86_400_000_000)
    assert caller.get("/purposes").status_code == 401
    monkeypatch.setattr(shop, "clock", lambda: now + 3_600_000_000)
    assert caller.get("/purposes").status_code == 200
    monkeypatch.undo()
    dismiss(shop, MAX, actor="olga@shop.example")
    try:
        assert caller.get("/purposes").status_code == 401
    finally:
        appoint(shop, MAX, "marketer", actor="olga@shop.example")


def test_the_secret_of_a_token_is_stored_nowhere(program, shop):
    caller = program()
    stored = str(shop.control.query("SELECT * FROM api_token")).encode()
    assert caller.token.encode() not in stored
    log = [str(entry.public) + str(shop.ledger.open_private(entry.index)) for entry in shop.ledger.entries()]
    assert not any(caller.token in line for line in log)
    token = next(t for t in shop.tokens.everything() if t.id == caller.token_id)
    assert token.used_us is None
    caller.get("/purposes")
    assert shop.tokens.get(caller.token_id).used_us is not None


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"scopes": ()}, BadInput),
        ({"scopes": ("everything",)}, BadInput),
        ({"days": 0}, BadInput),
        ({"days": 10_000}, BadInput),
        ({"name": " "}, BadInput),
        ({"holder": "nobody@shop.example"}, UnknownName),
    ],
)
def test_a_token_that_would_reach_too_far_is_not_made(shop, given, error):
    asked = {"holder": MAX, "name": "x", "scopes": ("data:use",), "days": 10} | given
    with pytest.raises(error):
        issue_token(shop, asked["holder"], asked["name"], asked["scopes"], days=asked["days"], actor="o")


def test_too_many_requests_are_slowed_down_by_token_and_by_stranger(program, shop, settings):
    settings.ACCOUNT_RATE_LIMITS = {"api": "3/m/key", "api_stranger": "2/m/ip"}
    caller, other = program(), program()
    assert [caller.get("/purposes").status_code for _ in range(4)] == [200, 200, 200, 429]
    assert other.get("/purposes").status_code == 200, "another token is not held up"
    answers = [Caller("rft_" + "A" * 43).get("/purposes") for _ in range(3)]
    assert [a.status_code for a in answers] == [401, 401, 429]
    assert answers[-1].headers["Retry-After"] == "60"


def test_ac_083_a_stranger_s_forwarded_address_does_not_start_the_count_again(program, shop, settings):
    settings.ACCOUNT_RATE_LIMITS = {"api_stranger": "2/m/ip"}
    stranger = "rft_" + "A" * 43
    answers = [Caller(stranger).get("/purposes", headers={"X-Forwarded-For": f"203.0.113.{n}"}) for n in range(4)]
    assert [a.status_code for a in answers] == [401, 401, 429, 429]


def test_an_operation_without_a_scope_keeps_the_site_from_starting():
    open_door, router = NinjaAPI(urls_namespace="open", openapi_url=None, docs_url=None), Router()

    @router.get("/open")
    def everybody(request):
        return {}

    open_door.add_router("", router)
    with pytest.raises(ImproperlyConfigured, match="/open"):
        refuse_open_operations(open_door)


# ---------------------------------------------------------------- ASVS


def test_v3_5_1_the_api_knows_no_cookies(program, shop, settings, shop_folder):
    from rightful.web.accounts import create_staff
    from tests.second_factor import code_now

    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    create_staff(shop_folder, "olga@shop.example", "a long and quiet river", "officer", secret)
    staff = Client()
    staff.post("/staff/sign-in/", {"login": "olga@shop.example", "password": "a long and quiet river"})
    staff.post("/staff/sign-in/code/", {"code": code_now(shop_folder, secret)})
    assert staff.get("/staff/").status_code == 200
    assert staff.get("/api/v1/purposes").status_code == 401, "a session opens no operation"
    answer = program().get("/purposes")
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert not answer.cookies
    # A form of a foreign site could only send cookies and a simple content type: neither means anything here.
    assert (
        staff.post("/api/v1/consents", {"customer": "C001"}, content_type="text/plain").status_code
        == staff.post("/api/v1/consents", {"customer": "C001"}).status_code
        == 401
    )


def test_v3_4_2_no_other_site_may_read_answers(program):
    for path in ("/purposes", "/nothing"):
        answer = program().get(path, Origin="https://evil.example")
        assert "Access-Control-Allow-Origin" not in answer.headers
    asked = program()("OPTIONS", "/purposes", Origin="https://evil.example", Access_Control_Request_Method="GET")
    assert "Access-Control-Allow-Origin" not in asked.headers


def test_v13_4_5_the_description_is_for_staff(shop, program):
    assert Client().get("/api/v1/openapi.json").status_code == 302
    assert program().get("/openapi.json").status_code == 302, "nor for a program"
    assert Client().get("/api/v1/docs").status_code == 404
    declared = {address: entry.callback.who for address, entry in routes() if address.startswith("/api/")}
    assert declared.pop("/api/v1/openapi.json").kind == "staff"
    assert declared.pop("/api/hooks/<slug:source>").kind == "signed"
    assert {who.kind for who in declared.values()} == {"token"}


WITH_BODY = [p for m, p in OPERATIONS if m == "post" and "requestBody" in OPENAPI["paths"][p][m]]


@pytest.mark.parametrize("path", WITH_BODY)
def test_v15_3_3_a_member_nobody_asked_for_is_refused(program, path):
    schema = OPENAPI["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert OPENAPI["components"]["schemas"][schema.rsplit("/", 1)[1]]["additionalProperties"] is False
    answer = program().post(at(path), {"role": "owner", "approved": True}, Purpose="service")
    assert answer.status_code == 422
    found = {tuple(one["where"])[-1]: one["kind"] for one in answer.json()["errors"]}
    assert found["role"] == found["approved"] == "extra_forbidden"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 400),
        (b'"x"', 400),
        (b"{", 400),
        (b'{"sql": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'{"sql": "' + b"x" * 300_000 + b'"}', 413),
        (b'{"sql": 5}', 422),
        (b'{"sql": ""}', 422),
        (b'{"sql": "select 1", "channel": "a\\u0000b"}', 422),
        (b"\xff\xfe", 400),
    ],
)
def test_v2_2_1_what_is_not_of_the_documented_form_is_refused(program, body, status):
    answer = program().post("/queries", body, Purpose="statistics")
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == PROBLEM
    assert answer.json()["status"] == status


def test_v2_2_1_only_json_is_read(program):
    caller = program()
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        answer = caller.client.generic(
            "POST",
            "/api/v1/queries",
            b"{}",
            content_type=kind,
            headers={"Authorization": f"Bearer {caller.token}", "Purpose": "x"},
        )
        assert answer.status_code == 400


def test_v16_5_1_an_unexpected_fault_says_a_number_and_nothing_else(program, shop, monkeypatch, caplog):
    def broken(*_args, **_given):
        raise RuntimeError("password=hunter2 ana@example.com")

    monkeypatch.setattr("rightful.api.catalogue._purpose", broken)
    answer = program().get("/purposes")
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == PROBLEM
    number = answer.json()["instance"].rsplit(":", 1)[1]
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "hunter2" not in caplog.text
    assert "example.com" not in caplog.text
    assert number  # stands in the log, see problems.unexpected


def test_v14_2_1_no_address_and_no_key_stands_in_a_url():
    for path, methods in OPENAPI["paths"].items():
        for operation in methods.values():
            for parameter in operation.get("parameters", []):
                if parameter["in"] in {"path", "query"}:
                    assert parameter["name"] not in {"email", "customer", "key", "address", "phone"}, path
                if parameter["name"] == "subject":
                    assert parameter["schema"]["pattern"] == "^p-[0-9a-f]{48}$"


def test_a_method_nobody_takes_is_a_problem_document(program):
    for method, path in (("PUT", "/purposes"), ("DELETE", "/consents"), ("GET", "/queries"), ("TRACE", "/notices")):
        answer = program()(method, path)
        assert (answer.status_code, answer.headers["Content-Type"]) == (405, PROBLEM)
        assert answer.headers["Allow"]


def test_a_fault_before_the_api_is_a_problem_document_too(shop):
    for answer in (Client().get("/api/v1/nothing"), Client().get("/api/")):
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, PROBLEM)
        assert answer.json()["status"] == 404


def test_problems_repeat_nothing_that_was_sent(program):
    secret = "ana.canary@example.com"
    for path, body in (
        ("/subjects:find", {"email": 5, "customer": secret}),
        ("/subjects:find", {"email": secret, "customer": secret}),
        ("/consents", {"customer": secret, "purpose": secret, "method": secret, "evidence": "", "x": secret}),
    ):
        answer = program().post(path, body, Purpose="service")
        assert answer.status_code == 422
        assert secret not in answer.text


def test_ac_031_two_tokens_share_no_idempotency_key(program, shop):
    body = {"customer": "C010", "purpose": "newsletter", "channel": "email"}
    one, two = program(MAX), program(ANA)
    first = one.post("/consents:withdraw", body, Idempotency_Key="same")
    second = two.post("/consents:withdraw", body, Idempotency_Key="same")
    assert first.status_code == second.status_code == 201
    assert first.json()["entry"] != second.json()["entry"]
    assert json.loads(one.post("/consents:withdraw", body, Idempotency_Key="same").text) == first.json()
