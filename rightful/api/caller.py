"""Who calls the API, and whether their token reaches that far.

Every operation names one scope; start-up refuses an operation without. The caller is
looked up at each request, so a revoked token, or one of somebody who left, is refused
at once.

Easy to get wrong: a session cookie that opens the API too, so that a page of another
site could call it. Cookies are not looked at here.

Sources: OWASP ASVS 5.0 V3.5.1, V8.2.1, V8.3.1; RFC 6750.
"""

from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from rightful.actions.issue_token import Caller, caller_of
from rightful.errors import NotSignedIn, ScopeMissing, TooOften
from rightful.ownership.tokens import SCOPES
from rightful.web.limits import within
from rightful.web.opened import workspace


class Scope(HttpBearer):
    """Lets a live token with this scope pass."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        if scope not in SCOPES:
            raise ValueError(f"there is no scope {scope}")
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Any:
        found = super().__call__(request)
        if found is None:
            raise NotSignedIn("the request shows no token")
        return found

    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        try:
            caller = caller_of(workspace(), token)
        except NotSignedIn:
            if not within(request, "api_stranger"):
                raise TooOften("too many requests with tokens that open nothing") from None
            raise
        if not within(request, "api", caller.token):
            raise TooOften("too many requests in this minute")
        if self.scope not in caller.scopes:
            raise ScopeMissing(f"this token has no scope {self.scope}")
        return caller


def caller(request: HttpRequest) -> Caller:
    """Who calls; there is always somebody behind a scope."""
    found = request.auth  # type: ignore[attr-defined]
    assert isinstance(found, Caller)
    return found
