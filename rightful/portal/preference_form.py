"""What have I agreed to, on somebody else's page? A form for an iframe or an include, opened by a sealed link.

The organisation's own site asks the API for a link that lives minutes and stands for
the person it knows; with it the form says yes and no. A link in a mail lives as long as
the mail and may be passed on, so with it one can only say no. The link is the
permission: no cookie, no form token, no sign-in.

Easy to get wrong: a yes that is easier than a no (two buttons of one kind side by
side, nothing chosen beforehand); a page that any site may frame (only those named in
rightful.json may, and only this page).

Sources: GDPR Art. 4(11), 7(3); CJEU C-673/17; EDPB 03/2022; 11 CCR 7004; AC-015.
"""

from __future__ import annotations

import logging
import re
import secrets
import time

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from rightful.actions.customer_view import ChannelState, PurposeSeen
from rightful.actions.customer_view import overview as overview_of
from rightful.actions.find_customer import key_of_link
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import RightfulError
from rightful.portal.signals import bind
from rightful.portal.visitor import language
from rightful.protection.links import WIDGET
from rightful.terms import Method
from rightful.web.opened import workspace

ORIGIN = re.compile(r"https://[a-z0-9.-]+(?::[0-9]{1,5})?|http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?")
log = logging.getLogger("rightful.portal")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, token: str) -> HttpResponse:
    """The whole page, for an iframe or a window of its own."""
    key, may_say_yes = _whose(token)
    if request.gpc:
        bind(key)
    said = _take(request, key, may_say_yes) if request.method == "POST" else {}
    template = "portal/preference_form.html"
    if said and request.headers.get("HX-Request") == "true":
        template = "portal/preference_row.html"
    words = _words(request, token, key, may_say_yes, said.get("purpose"), said.get("channel"))
    response = render(request, template, words | said)
    return _framed(response, may_say_yes)


@require_safe
def fragment(request: HttpRequest, token: str) -> HttpResponse:
    """The form alone, for a server that puts it into its own page; it posts to the whole page."""
    key, may_say_yes = _whose(token)
    words = _words(request, token, key, may_say_yes) | {"site": f"{request.scheme}://{request.get_host()}"}
    return render(request, "portal/preference_include.html", words)


def _whose(token: str) -> tuple[str, bool]:
    """Whom the link stands for, and whether it may say yes."""
    link, key = key_of_link(workspace(), token, int(time.time()))
    return key, link.kind == WIDGET


def _take(request: HttpRequest, key: str, may_say_yes: bool) -> dict[str, object]:
    """Carry one press out; what to say beside its row."""
    purpose, channel = _named(key, request.POST.get("purpose", ""), request.POST.get("channel", ""))
    wanted = request.POST.get("state", "")
    if wanted not in ({"on", "off"} if may_say_yes else {"off"}):
        raise Http404
    effect = failed = ""
    if channel.state == wanted:
        effect = _("It stands like this already.")
    else:
        try:
            effect = _move(key, purpose.id, channel.channel, wanted)
        except RightfulError as error:
            log.warning("choice failed: code=%s", error.code)
            failed = _("That did not work, and nothing was changed. Please try again in a minute.")
    now = _named(key, purpose.id, channel.channel)  # drawn from a fresh look, after the change or its failure
    return {"purpose": now[0], "channel": now[1], "effect": effect, "failed": failed}


def _move(key: str, purpose: str, channel: str, wanted: str) -> str:
    """Carry the choice out; what it does, in one sentence."""
    ws, method = workspace(), Method.FORM.value
    if wanted == "off":
        withdraw_consent(ws, key, purpose, channel, method=method)
        return _("From this moment we do not use your data for this.")
    evidence = f"preference-form-{secrets.token_hex(6)}"
    give_consent(ws, key, purpose, channel, method=method, evidence=evidence, language=language())
    return _("From now on we may use your data for this, until you say no.")


def _named(key: str, purpose_id: str, channel_name: str) -> tuple[PurposeSeen, ChannelState]:
    for purpose, channel in _choices(key, ()):
        if (purpose.id, channel.channel) == (purpose_id, channel_name):
            return purpose, channel
    raise Http404


def _choices(key: str, only: tuple[str, ...]) -> list[tuple[PurposeSeen, ChannelState]]:
    return [
        (purpose, channel)
        for purpose in overview_of(workspace(), key, language=language()).purposes
        for channel in purpose.channels
        if purpose.can_refuse and (not only or purpose.id in only)
    ]


def _words(
    request: HttpRequest,
    token: str,
    key: str,
    may_say_yes: bool,
    purpose: PurposeSeen | None = None,
    channel: ChannelState | None = None,
) -> dict[str, object]:
    """What the page shows: every choice, or with a link out of a mail what is on, and what was just stopped."""
    rows = _choices(key, tuple(request.GET.getlist("purpose")))
    if not may_say_yes:
        rows = [(p, c) for p, c in rows if c.state == "on" or (p, c) == (purpose, channel)]
    return {"rows": rows, "token": token, "may_say_yes": may_say_yes}


def _framed(response: HttpResponse, is_widget: bool) -> HttpResponse:
    """Say who may frame this page: the sites in rightful.json, and nobody for a link out of a mail."""
    hosts = workspace().config.get("widget", {}).get("hosts", []) if is_widget else []
    response.may_be_framed_by = tuple(h for h in map(str, hosts) if ORIGIN.fullmatch(h))
    return response
