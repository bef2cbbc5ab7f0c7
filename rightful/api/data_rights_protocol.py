"""The Data Rights Protocol's endpoints: authorised agents exercise rights for customers.

    POST   /v1/agent/{agent-id}              a token for a signed message
    GET    /v1/agent/{agent-id}              is the token still good?
    POST   /v1/data-rights-request           exercise a right
    GET    /v1/data-rights-request/{id}      where is it?
    DELETE /v1/data-rights-request/{id}      the customer does not want it any more

Easy to get wrong: an error that says more than the protocol wants said (a failed key setup is
403 without a word); a browser's session that opens this (there is none: only the token counts).

Source: Data Rights Protocol 0.9.4, sections 2 and 3.06.
"""

from __future__ import annotations

from collections.abc import Callable

from allauth.core import ratelimit
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rightful.actions import authorised_agents as agents
from rightful.errors import AgentRefused, BadInput, RightfulError
from rightful.rights.agents import BIGGEST
from rightful.web.doors import signed
from rightful.web.opened import workspace


@csrf_exempt
@require_http_methods(["GET", "POST"])
def agent(request: HttpRequest, agent_id: str) -> HttpResponse:
    """Key setup, and whether a token is good."""
    if (late := _too_often(request)) is not None:
        return late
    try:
        if request.method == "POST":
            token = agents.set_up_token(workspace(), agent_id, request.read(BIGGEST + 1))
            return JsonResponse({"agent-id": agent_id, "token": token})
        if agents.agent_with(workspace(), _token(request)).id != agent_id:
            return HttpResponse(status=403)
    except AgentRefused:
        return HttpResponse(status=403)
    return JsonResponse({})


@csrf_exempt
@require_http_methods(["POST"])
def exercise(request: HttpRequest) -> HttpResponse:
    """A right is exercised for somebody."""
    return _answered(
        request,
        lambda: agents.exercise(workspace(), _token(request), request.read(BIGGEST + 1), site=settings.RIGHTFUL_SITE),
    )


@csrf_exempt
@require_http_methods(["GET", "DELETE"])
def one(request: HttpRequest, ref: str) -> HttpResponse:
    """Where a request is; or it is taken back."""
    site = settings.RIGHTFUL_SITE
    if request.method == "DELETE":
        body = request.read(BIGGEST + 1)
        return _answered(request, lambda: agents.revoke(workspace(), _token(request), ref, body, site=site))
    return _answered(request, lambda: agents.status(workspace(), _token(request), ref, site=site))


def _answered(request: HttpRequest, act: Callable[[], dict[str, str]]) -> HttpResponse:
    if (late := _too_often(request)) is not None:
        return late
    try:
        return JsonResponse(act())
    except AgentRefused as refusal:
        return _problem(403, refusal, fatal=True)
    except BadInput as wrong:
        return _problem(400, wrong, fatal=True)
    except RightfulError as refusal:
        return _problem(409, refusal, fatal=False)


def _problem(code: int, error: RightfulError, *, fatal: bool) -> HttpResponse:
    return JsonResponse({"code": str(code), "message": error.sentence, "fatal": fatal}, status=code)


def _too_often(request: HttpRequest) -> HttpResponse | None:
    if ratelimit.consume(request, action="agents"):
        return None
    return JsonResponse({"code": "429", "message": "too many requests", "fatal": False}, status=429)


def _token(request: HttpRequest) -> str:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


urlpatterns = [
    path("v1/agent/<str:agent_id>", signed(agent), name="drp-agent"),
    path("v1/data-rights-request", signed(exercise), name="drp-exercise"),
    path("v1/data-rights-request/<slug:ref>", signed(one), name="drp-request"),
]
