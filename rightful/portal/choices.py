"""P3: what have I agreed to, in which words, and how do I stop it?

Saying no takes the same one press as saying yes (GDPR Art. 7(3)).

Easy to get wrong: after a failed change the switch must show what is true, not what
was asked for. So a row is always drawn from a fresh look, after the change or after
its failure.

Sources: GDPR Art. 7(3), 21; UX portal P3; abuse case AC-030.
"""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.customer_view import ChannelState, Overview, PurposeSeen
from rightful.actions.customer_view import overview as overview_of
from rightful.actions.give_consent import give_consent
from rightful.actions.guardian import child_view
from rightful.actions.withdraw_consent import switch_everything_off, withdraw_consent
from rightful.consent.shown import Shown
from rightful.errors import RightfulError
from rightful.portal.overview import switches
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace
from rightful.web.templatetags.words import row_id

UNDO = "undo"
log = logging.getLogger("rightful.portal")


@require_safe
def choices(request: HttpRequest) -> HttpResponse:
    """A switch for each purpose and channel."""
    seen = _look(request)
    return render(
        request,
        "portal/choices.html",
        {
            "groups": _grouped([one for one in seen.purposes if switches(one) or one.can_refuse]),
            "always": [one for one in seen.purposes if not switches(one) and not one.can_refuse],
            "can_undo": bool(request.session.get(UNDO)),
            "child": child_view(workspace(), key_of(request), language=language()),
        },
    )


@require_POST
def set_choice(request: HttpRequest) -> HttpResponse:
    """Move one switch."""
    seen = _look(request)
    purpose, channel = _named(seen, request.POST.get("purpose", ""), request.POST.get("channel", ""))
    wanted = request.POST.get("state", "")
    if wanted not in {"on", "off"}:
        raise Http404
    effect, failed, can_undo = "", "", False
    if channel.state == wanted:
        effect = _("It is on already.") if wanted == "on" else _("It is off already. We do not use your data for this.")
    else:  # a no to what was never asked is a choice too: it is written down, and nobody asks again
        try:
            _move(key_of(request), purpose, channel.channel, wanted, seen.notice)
        except RightfulError as error:
            failed = _failed(error)
        else:
            effect = _effect(wanted)
            can_undo = channel.state == "on" or wanted == "on"
            before = [[purpose.id, channel.channel, "on" if wanted == "off" else "off"]]
            request.session[UNDO] = before if can_undo else []
    return _row(request, purpose.id, channel.channel, effect=effect, failed=failed, can_undo=can_undo)


@require_POST
def everything_off(request: HttpRequest) -> HttpResponse:
    """Switch off all that can be switched off, in one press."""
    seen = _look(request)
    on = [[one.id, c.channel, "on"] for one in seen.purposes for c in one.channels if c.state == "on"]
    request.session[UNDO] = on
    try:
        switch_everything_off(workspace(), key_of(request))
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
    seen = _look(request)
    done = 0
    try:
        for purpose_id, channel_name, before in moved:
            purpose, channel = _named(seen, purpose_id, channel_name)
            if channel.state != before:
                _move(key_of(request), purpose, channel.channel, before, seen.notice)
                done += 1
    except RightfulError as error:
        messages.error(request, _failed(error))
    if request.headers.get("HX-Request") == "true" and len(moved) == 1:
        return _row(request, moved[0][0], moved[0][1], effect=_("Undone. It is as it was before."))
    if done:
        messages.success(request, _("Undone. Your choices are as they were before."))
    return HttpResponseRedirect(reverse("portal:choices"))


def _look(request: HttpRequest) -> Overview:
    return overview_of(workspace(), key_of(request), language=language())


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


def _move(key: str, purpose: PurposeSeen, channel: str, wanted: str, notice: str) -> None:
    """Carry the choice out."""
    if wanted == "on":
        shown = Shown(language(), purpose.says, "portal/choices")
        give_consent(workspace(), key, purpose.id, channel, notice=notice, method="portal", shown=shown)
    else:
        withdraw_consent(workspace(), key, purpose.id, channel, method="portal")


def _effect(wanted: str) -> str:
    if wanted == "on":
        return _("From now on we may use your data for this, until you say no.")
    return _("From this moment we do not use your data for this.")


def _failed(error: RightfulError) -> str:
    if error.code == "consent.guardian-missing":
        return _("A parent or guardian has to agree to this first. You find out how at the top of this page.")
    if error.code == "consent.minor":
        return _("This stays off until you are 18.")
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
    purpose, channel = _named(_look(request), purpose_id, channel_name)
    words: dict[str, Any] = {
        "purpose": purpose,
        "channel": channel,
        "effect": effect,
        "failed": failed,
        "can_undo": can_undo,
    }
    return render(request, "portal/choice_row.html", words)
