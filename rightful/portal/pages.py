"""The customer's pages: what is done with my data, my choices, my data, every use of it.

A page asks one action and shows the answer; the customer's key comes from the
session, never from the address bar. Saying no takes the same one press as saying
yes (GDPR Art. 7(3)).

Easy to get wrong: after a failed change the switch must show what is true, not
what was asked for. So a row is always drawn from a fresh look, after the change
or after its failure.

Sources: GDPR Art. 7(3), 15, 21; abuse cases AC-030, AC-031.
"""

from __future__ import annotations

import logging
from itertools import groupby
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.customer_view import ChannelState, Overview, PurposeSeen, UseSeen, my_data
from rightful.actions.customer_view import overview as overview_of
from rightful.actions.customer_view import proof as proof_of
from rightful.actions.customer_view import uses as uses_of
from rightful.actions.give_consent import give_consent
from rightful.actions.withdraw_consent import switch_everything_off, withdraw_consent
from rightful.errors import NotFound, RightfulError
from rightful.web.doors import CUSTOMER
from rightful.web.opened import workspace
from rightful.web.templatetags.words import row_id

UNDO = "undo"
PAGE = 50
log = logging.getLogger("rightful.portal")


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """What do you do with my data?"""
    seen = overview_of(workspace(), _key(request))
    return render(
        request,
        "portal/overview.html",
        {
            "seen": seen,
            "always": [one for one in seen.purposes if not _switches(one)],
            "chosen": [one for one in seen.purposes if any(c.state == "on" for c in _switches(one))],
            "not_chosen": [
                one for one in seen.purposes if _switches(one) and not any(c.state == "on" for c in _switches(one))
            ],
            "latest": uses_of(workspace(), _key(request), limit=3),
        },
    )


@require_safe
def choices(request: HttpRequest) -> HttpResponse:
    """What have I agreed to, and how do I stop it?"""
    seen = overview_of(workspace(), _key(request))
    return render(
        request,
        "portal/choices.html",
        {
            "groups": _grouped([one for one in seen.purposes if _switches(one) or one.can_refuse]),
            "always": [one for one in seen.purposes if not _switches(one) and not one.can_refuse],
            "can_undo": bool(request.session.get(UNDO)),
        },
    )


@require_POST
def set_choice(request: HttpRequest) -> HttpResponse:
    """Move one switch."""
    seen = overview_of(workspace(), _key(request))
    purpose, channel = _named(seen, request.POST.get("purpose", ""), request.POST.get("channel", ""))
    wanted = request.POST.get("state", "")
    if wanted not in {"on", "off"}:
        raise Http404
    effect, failed, can_undo = "", "", False
    if channel.state == wanted:
        effect = _("It is on already.") if wanted == "on" else _("It is off already. We do not use your data for this.")
    else:  # a no to what was never asked is a choice too: it is written down, and nobody asks again
        try:
            effect = _move(_key(request), purpose, channel.channel, wanted, seen.notice)
        except RightfulError as error:
            failed = _failed(error)
        else:
            can_undo = channel.state == "on" or wanted == "on"
            before = [[purpose.id, channel.channel, "on" if wanted == "off" else "off"]]
            request.session[UNDO] = before if can_undo else []
    return _row(request, purpose.id, channel.channel, effect=effect, failed=failed, can_undo=can_undo)


@require_POST
def everything_off(request: HttpRequest) -> HttpResponse:
    """Switch off all that can be switched off, in one press."""
    seen = overview_of(workspace(), _key(request))
    on = [[one.id, c.channel, "on"] for one in seen.purposes for c in one.channels if c.state == "on"]
    request.session[UNDO] = on
    try:
        switch_everything_off(workspace(), _key(request))
    except RightfulError as error:
        log.warning("switching everything off failed: code=%s", error.code)
        messages.error(request, _("That did not work for everything. The switches show what is off now."))
    else:
        off_now = ngettext(
            "%(count)s choice is off now. From this moment we do not use your data for it.",
            "%(count)s choices are off now. From this moment we do not use your data for them.",
            len(on),
        )
        was_off = _("Everything was off already. We wrote down that you want it so.")
        messages.success(request, off_now % {"count": len(on)} if on else was_off)
    return HttpResponseRedirect(reverse("portal:choices"))


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Put the switches back as they were before the last press."""
    moved = request.session.pop(UNDO, [])
    seen = overview_of(workspace(), _key(request))
    done = 0
    try:
        for purpose_id, channel_name, before in moved:
            purpose, channel = _named(seen, purpose_id, channel_name)
            if channel.state != before:
                _move(_key(request), purpose, channel.channel, before, seen.notice)
                done += 1
    except RightfulError as error:
        messages.error(request, _failed(error))
    if request.headers.get("HX-Request") == "true" and len(moved) == 1:
        return _row(request, moved[0][0], moved[0][1], effect=_("Undone. It is as it was before."))
    if done:
        messages.success(request, _("Undone. Your choices are as they were before."))
    return HttpResponseRedirect(reverse("portal:choices"))


@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """What do you hold about me, why, from where, until when?"""
    held = my_data(workspace(), _key(request))
    origins = [
        (origin, title, [group for group in held.groups if group.origin == origin])
        for origin, title in (
            ("gave", _("You gave us this")),
            ("saw", _("We saw this")),
            ("inferred", _("We worked this out")),
            ("others", _("Others gave us this")),
        )
    ]
    return render(request, "portal/data.html", {"origins": [one for one in origins if one[2]]})


@require_safe
def uses(request: HttpRequest) -> HttpResponse:
    """When was my data used, by whom, for what, and what was refused?"""
    before = request.GET.get("before", "")
    if before and not before.isdecimal():
        raise Http404
    found = uses_of(workspace(), _key(request), limit=PAGE + 1, before=int(before) if before else None)
    shown = found[:PAGE]
    words = {
        "days": _by_day(shown),
        "older": shown[-1].index if len(found) > PAGE else None,
        "newest_page": not before,
    }
    return render(request, "portal/uses.html", words)


@require_safe
def proof(request: HttpRequest, index: int) -> HttpResponse:
    """The proof of one entry that is about me; anybody else's entry is not there."""
    try:
        content = proof_of(workspace(), _key(request), index)
    except NotFound:
        raise Http404 from None
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="proof-{index}.zip"'},
    )


def _key(request: HttpRequest) -> str:
    key: str = request.session[CUSTOMER]
    return key


def _switches(purpose: PurposeSeen) -> list[ChannelState]:
    return [channel for channel in purpose.channels if channel.state != "always"]


def _grouped(purposes: list[PurposeSeen]) -> list[tuple[str, list[PurposeSeen]]]:
    """By heading, in the order of the policy; what has none comes last."""
    groups: dict[str, list[PurposeSeen]] = {}
    for purpose in purposes:
        groups.setdefault(purpose.heading or "", []).append(purpose)
    return sorted(groups.items(), key=lambda group: not group[0])


def _named(seen: Overview, purpose_id: str, channel_name: str) -> tuple[PurposeSeen, ChannelState]:
    for purpose in seen.purposes:
        for channel in purpose.channels:
            if (purpose.id, channel.channel) == (purpose_id, channel_name):
                if channel.state == "always" and not purpose.can_refuse:
                    raise Http404
                return purpose, channel
    raise Http404


def _move(key: str, purpose: PurposeSeen, channel: str, wanted: str, notice: str) -> str:
    """Carry the choice out; returns the sentence that says what it does."""
    if wanted == "on":
        done = give_consent(workspace(), key, purpose.id, channel, notice=notice, method="portal")
    else:
        done = withdraw_consent(workspace(), key, purpose.id, channel, method="portal")
    effect: str = done.effect
    return effect


def _failed(error: RightfulError) -> str:
    log.warning("choice failed: code=%s", error.code)
    return _("That did not work, and nothing was changed. Please try again in a minute.")


def _row(
    request: HttpRequest,
    purpose_id: str,
    channel_name: str,
    *,
    effect: str = "",
    failed: str = "",
    can_undo: bool = False,
) -> HttpResponse:
    """The row as it is now, for htmx; a fresh page with the same words for everybody else."""
    if request.headers.get("HX-Request") != "true":
        if effect or failed:
            (messages.error if failed else messages.success)(request, failed or effect)
        return HttpResponseRedirect(f"{reverse('portal:choices')}#{row_id(purpose_id, channel_name)}")
    seen = overview_of(workspace(), _key(request))
    purpose, channel = _named(seen, purpose_id, channel_name)
    words: dict[str, Any] = {
        "purpose": purpose,
        "channel": channel,
        "effect": effect,
        "failed": failed,
        "can_undo": can_undo,
    }
    return render(request, "portal/choice_row.html", words)


def _by_day(found: tuple[UseSeen, ...]) -> list[tuple[Any, list[UseSeen]]]:
    days = groupby(found, key=lambda one: timezone.localtime(one.at).date())
    return [(ones[0].at, ones) for ones in (list(group) for _day, group in days)]
