"""Everything the OpenAPI description allows, and more, is asked: no operation breaks, every answer has its form."""

from __future__ import annotations

import json

import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from rightful.api.v1 import api

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    ignored_auth,
)
KNOWN = {
    "Purpose": ["newsletter", "service", "statistics", ""],
    "subject": ["C001", "C017"],
}
"""Values that reach behind the door: a random purpose is refused at the first step."""


def test_v4_1_1_every_operation_answers_in_the_documented_form(shop, program, reference):
    from django.core.handlers.wsgi import WSGIHandler

    description = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/")))
    schema = schemathesis.openapi.from_dict(description)
    handler = WSGIHandler()
    schema.app = lambda environ, start: handler(environ | {"REMOTE_ADDR": "192.0.2.1"}, start)
    token = program("sam@shop.example").token
    headers = {"Authorization": f"Bearer {token}"}
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @schemathesis_given(operation)
        def ask(case):
            nonlocal asked
            asked += 1
            if "Purpose" in (case.headers or {}):
                case.headers["Purpose"] = KNOWN["Purpose"][asked % 4]
            if "subject" in (case.path_parameters or {}) and asked % 2:
                case.path_parameters["subject"] = reference(KNOWN["subject"][asked % 4 // 2])
            case.call_and_validate(checks=CHECKS, headers=headers)

        ask()
    assert asked >= 12 * 10


def schemathesis_given(operation):
    from hypothesis import given

    return given(case=operation.as_strategy())
