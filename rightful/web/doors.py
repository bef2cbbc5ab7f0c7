"""Who may pass which door. A page that does not say is open to nobody.

Every view is declared `public`, `customer`, `staff(roles)`, `token` (the REST API: a
bearer token, no session, no cookie) or `signed` (the request itself carries a proof:
a sealed link, or a signature the view checks). Start-up walks all
routes and refuses one without a declaration; the middleware refuses it again at
run time. The same middleware keeps the clocks of a session and makes sure that
staff have used their second factor *in this session*.

Easy to get wrong: a page included from a library brings no declaration along, so
libraries' routes are listed one by one in urls.py; "has a second factor" is not
"has used it"; a redirect that answers an htmx request would be swapped into the
page, so htmx is told to go there instead.

Sources: OWASP ASVS 5.0 V6.3.3, V7.3, V8.2.1, V8.3.1.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from rightful.errors import RightfulError, UnknownName
from rightful.web import faults
from rightful.web.accounts import ROLES
from rightful.web.opened import workspace

CAME_IN_AT = "came_in_at"
SEEN_AT = "seen_at"
CUSTOMER = "customer"  # session key: the customer's key in the CRM
FACTOR_SET_UP_HERE = "second_factor_set_up_here"

View = TypeVar("View", bound=Callable[..., Any])
log = logging.getLogger("rightful.web.doors")


@dataclass(frozen=True, slots=True)
class Who:
    """Who may open a page."""

    kind: str  # "public" | "customer" | "staff" | "token" | "signed"
    roles: frozenset[str] = frozenset()
    before_second_factor: bool = False


def public(view: View) -> View:
    """Anybody, signed in or not. There are few of these; a test lists them."""
    return _declare(view, Who("public"))


def customer(view: View) -> View:
    """A signed-in customer, who sees their own."""
    return _declare(view, Who("customer"))


def token(view: View) -> View:
    """A program with an API token; each operation below it names the scope it needs."""
    return _declare(view, Who("token"))


def signed(view: View) -> View:
    """Whoever holds what the request carries: a sealed link, or the key of a signature. The view opens it."""
    return _declare(view, Who("signed"))


def staff(*roles: str, before_second_factor: bool = False) -> Callable[[View], View]:
    """Staff in one of these roles. `before_second_factor` is for the pages that set it up."""
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ImproperlyConfigured(f"a staff page names its roles, out of {ROLES}; got {roles}")
    return lambda view: _declare(view, Who("staff", frozenset(roles), before_second_factor))


def _declare(view: View, who: Who) -> View:
    if hasattr(view, "who"):
        raise ImproperlyConfigured(f"{view!r} is declared twice")
    view.who = who  # type: ignore[attr-defined]
    return view


def routes(resolver: URLResolver | None = None, before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """Every route of the site with its full pattern."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = before + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from routes(entry, path)
        else:
            yield path, entry


def undeclared() -> list[str]:
    """Routes that do not say who may open them; any entry here keeps the site from starting."""
    return [path for path, entry in routes() if not isinstance(getattr(entry.callback, "who", None), Who)]


def refuse_undeclared() -> None:
    """Start-up's own check, for servers that run none of Django's."""
    if missing := undeclared():
        raise ImproperlyConfigured(f"routes without a declared permission: {', '.join(missing)}")


class DoorsMiddleware:
    """Clocks, declarations, second factor, and faults turned into pages; in this order."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        expired = False if is_for_programs(request) else _session_ended(request)
        request.session_expired = expired  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        who = getattr(view, "who", None)
        if not isinstance(who, Who):
            raise PermissionDenied("this page does not say who may open it")
        if request.path.startswith("/staff/"):
            translation.activate(settings.LANGUAGE_CODE)  # the console speaks one language; its pages say so
        if who.kind in {"public", "token", "signed"}:
            return None
        refused = _customer_door(request) if who.kind == "customer" else _staff_door(request, who)
        if refused is None:
            timezone.activate(_organisation_zone())
        return refused

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A refusal becomes a page that says what and why; anything else is Django's 500."""
        if isinstance(error, UnknownName) and not is_for_programs(request) and request.session.get(CUSTOMER):
            logout(request)  # erased meanwhile: there is nobody left to show anything to
            return go(request, reverse("portal:come-in"))
        return faults.refusal(request, error) if isinstance(error, RightfulError) else None


def is_for_programs(request: HttpRequest) -> bool:
    """Whether this is the REST API: sessions and cookies mean nothing there (OWASP ASVS 5.0 V3.5.1)."""
    return request.path.startswith(faults.API)


def used_second_factor(request: HttpRequest) -> bool:
    """Whether the second factor was used, or set up, in this very session."""
    records = get_authentication_records(request, request.user)  # type: ignore[arg-type]
    return any(one.get("method") == "mfa" for one in records) or bool(request.session.get(FACTOR_SET_UP_HERE))


def go(request: HttpRequest, url: str) -> HttpResponse:
    """A redirect, said in the way the asker understands."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=200, headers={"HX-Redirect": url})
    return HttpResponseRedirect(url)


def _session_ended(request: HttpRequest) -> bool:
    if not request.user.is_authenticated:
        return False
    now = time.time()
    came, seen = request.session.get(CAME_IN_AT), request.session.get(SEEN_AT)
    idle, longest = settings.RIGHTFUL_SESSION_IDLE, settings.RIGHTFUL_SESSION_LONGEST
    if came is None or seen is None or now - seen > idle or now - came > longest:
        logout(request)
        return True
    if now - seen > min(60, idle / 4):  # not a write for every request
        request.session[SEEN_AT] = now
    return False


def _customer_door(request: HttpRequest) -> HttpResponse | None:
    user = request.user
    if user.is_authenticated and user.kind == "customer" and request.session.get(CUSTOMER):
        return None
    if user.is_authenticated:
        raise PermissionDenied(_("This page is for customers."))
    if request.session_expired:  # type: ignore[attr-defined]
        messages.info(request, _("You were away for a while, so we signed you out. Please come in again."))
    return go(request, reverse("portal:come-in"))


def _staff_door(request: HttpRequest, who: Who) -> HttpResponse | None:
    user = request.user
    if not user.is_authenticated:
        return go(request, f"{reverse('account_login')}?{urlencode({'next': _way_back(request)})}")
    if user.kind != "staff":
        raise PermissionDenied(_("This page is for staff."))
    if not used_second_factor(request) and not who.before_second_factor:
        return go(request, reverse("mfa_activate_totp"))
    if not who.roles & user.roles():
        log.warning("door refused: user=%s path=%s", user.pk, request.path)
        raise PermissionDenied(_("Your role does not open this page."))
    return None


def _way_back(request: HttpRequest) -> str:
    return request.get_full_path() if request.method == "GET" else "/staff/"


def _organisation_zone() -> ZoneInfo:
    return ZoneInfo(workspace().facts.policy.timezone)
