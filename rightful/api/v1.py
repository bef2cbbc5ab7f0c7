"""The REST API, version 1, put together: every operation with its scope, every answer with its form.

Start-up walks the operations and refuses one that names no scope. The OpenAPI
description is not open to everybody: staff read it behind their sign-in.

Sources: OWASP ASVS 5.0 V4.1.1, V8.3.1, V13.4.5; RFC 9457.
"""

import json
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.parser import Parser

from rightful.api import catalogue, consents, links, log, policies, problems, requests, subjects, uses, webhooks
from rightful.api.caller import Scope
from rightful.api.shapes import Problem
from rightful.ownership.tokens import SCOPES
from rightful.web import faults

PARTS = (catalogue, policies, uses, subjects, consents, links, requests, log, webhooks)
OTHER_FORMS = {
    "/api/v1/queries": {uses.ARROW: {"schema": {"type": "string", "format": "binary"}}},
    "/api/v1/ledger/checkpoint": {"text/plain": {"schema": {"type": "string"}}},
    "/api/v1/ledger/tile/{tile}": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
"""Answers that are not JSON, or not only."""
ONLY_OTHER_FORMS = frozenset(OTHER_FORMS) - {"/api/v1/queries"}


class _Json(Parser):
    """Bodies are JSON objects, as deep as anybody needs."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise HttpError(400, "")
        try:
            body = json.loads(request.body, parse_constant=_refuse)
        except (ValueError, RecursionError):
            raise HttpError(400, "") from None
        if not isinstance(body, dict):
            raise HttpError(400, "")
        return body


class _Api(NinjaAPI):
    """Ninja's description, with the one form that every error has."""

    def get_openapi_schema(self, **given: Any) -> Any:
        schema = super().get_openapi_schema(**given)
        parts = schema["components"]["schemas"]
        parts["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        error = {
            "description": "A problem document (RFC 9457)",
            "content": {faults.PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for path, methods in schema["paths"].items():
            for operation in methods.values():
                answers = operation["responses"]
                for status in [number for number in answers if int(number) < 300]:
                    content = answers[status].setdefault("content", {})
                    if path in ONLY_OTHER_FORMS:
                        content.clear()
                    content.update(OTHER_FORMS.get(path, {}))
                answers["default"] = error
        schema["components"]["securitySchemes"] = {
            "Scope": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API token. Scopes: " + "; ".join(f"`{s}`: {words}" for s, words in SCOPES.items()),
            }
        }
        return schema


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def make() -> NinjaAPI:
    """The API of this process."""
    made = _Api(
        title="Rightful",
        version="1",
        description="Use customer data only the way you rightfully may.",
        urls_namespace="api-v1",
        openapi_url=None,
        docs_url=None,
        parser=_Json(),
    )
    problems.install(made)
    for part in PARTS:
        made.add_router("", part.router)
    return made


def refuse_open_operations(made: NinjaAPI) -> None:
    """Every operation has a scope, or the site does not start."""
    for _prefix, router in made._routers:
        for path, view in router.path_operations.items():
            for operation in view.operations:
                if not any(isinstance(one, Scope) for one in operation.auth_callbacks):
                    raise ImproperlyConfigured(f"{operation.methods} {path} of the API names no scope")


api = make()
