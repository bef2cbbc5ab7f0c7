"""P6: when was my data used, by whom, for what, and what was refused? With a proof of each.

Easy to get wrong: a day in the filter is a day where the organisation is, not in UTC,
and "until" includes it.

Source: GDPR Art. 15; UX portal P6; abuse case AC-031.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from rightful.actions.show_uses import UseSeen, Wanted, purposes_used
from rightful.actions.show_uses import proof as proof_of
from rightful.actions.show_uses import uses as uses_of
from rightful.errors import NotFound
from rightful.portal.templatetags.customer import foreign
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace

PAGE = 50
OUTCOMES = (
    ("", gettext_lazy("Everything")),
    ("used", gettext_lazy("Used")),
    ("counted", gettext_lazy("Counted")),
    ("refused", gettext_lazy("Refused")),
    ("choice", gettext_lazy("Your choice")),
    ("changed", gettext_lazy("Changed")),
    ("told", gettext_lazy("Told")),
    ("own", gettext_lazy("By you")),
)


class PurposeSelect(forms.Select):
    """A list of purposes; each in the language it is written in."""

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(*args, **kwargs)
        if other := foreign(option["label"]):
            option["attrs"]["lang"] = other
        return option


class Filter(forms.Form):
    """What to show of the history."""

    outcome = forms.ChoiceField(label=gettext_lazy("What happened"), choices=OUTCOMES, required=False)
    purpose = forms.ChoiceField(label=gettext_lazy("What for"), required=False, widget=PurposeSelect)
    since = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    until = forms.DateField(
        label=gettext_lazy("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def __init__(self, given: Any) -> None:
        super().__init__(given, auto_id="filter-%s")
        self.fields["purpose"].choices = [("", _("Everything")), *purposes_used(workspace(), language())]

    def wanted(self) -> Wanted:
        chosen = self.cleaned_data
        until = chosen["until"] + timedelta(days=1) if chosen["until"] else None
        return Wanted(chosen["purpose"], chosen["outcome"], _begins_us(chosen["since"]), _begins_us(until))


@require_safe
def uses(request: HttpRequest) -> HttpResponse:
    """The history, newest first; filter and page are in the address."""
    before = request.GET.get("before", "")
    form = Filter(request.GET)
    if (before and not before.isdecimal()) or not form.is_valid():
        raise Http404
    wanted = form.wanted()
    found = uses_of(
        workspace(),
        key_of(request),
        limit=PAGE + 1,
        before=int(before) if before else None,
        wanted=wanted,
        language=language(),
    )
    shown = found[:PAGE]
    chosen = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    words = {
        "form": form,
        "days": _by_day(shown),
        "older": urlencode({**chosen, "before": shown[-1].index}) if len(found) > PAGE else "",
        "newest": urlencode(chosen),
        "newest_page": not before,
        "filtered": wanted != Wanted(),
    }
    return render(request, "portal/uses.html", words)


@require_safe
def proof(request: HttpRequest, index: int) -> HttpResponse:
    """The proof of one entry that is about me; anybody else's entry is not there."""
    try:
        content = proof_of(workspace(), key_of(request), index)
    except NotFound:
        raise Http404 from None
    return HttpResponse(
        content,
        content_type="application/zip",
        headers={"Content-Disposition": f'attachment; filename="proof-{index}.zip"'},
    )


@require_safe
def how_to_check(request: HttpRequest) -> HttpResponse:
    """How do I check a proof without you?"""
    return render(request, "portal/how_to_check.html", {"verifier_key": workspace().ledger.verifier_key})


def _by_day(found: tuple[UseSeen, ...]) -> list[tuple[Any, list[UseSeen]]]:
    days = groupby(found, key=lambda one: timezone.localtime(one.at).date())
    return [(ones[0].at, ones) for ones in (list(group) for _day, group in days)]


def _begins_us(day: date | None) -> int | None:
    if day is None:
        return None
    return int(timezone.make_aware(datetime.combine(day, time.min)).timestamp()) * 1_000_000
