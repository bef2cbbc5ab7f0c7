"""C5, the consent part: how many said yes and no, whom one may ask, and guardians that wait for a check.

Numbers only, except for a guardian whom somebody has to check: opening that is recorded
as a look, and the child sees it.

Easy to get wrong: showing who a guardian is on the list. The list has a number and a
date; name and address come after a press, for the officer alone.

Sources: UX console C5; GDPR Art. 7(1), 8(2); AC-022.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.consent_numbers import numbers_of, slots_on_consent
from rightful.actions.guardian import decide_guardian, look_at_guardian, to_check
from rightful.errors import BadInput, EventRejected, NotFound
from rightful.web import mailing
from rightful.web.opened import workspace

SEE_CONSENTS = ("officer", "marketer")
CHECKS = "officer"

STANDS = {
    "live": gettext_lazy("Consent in force"),
    "expired": gettext_lazy("Consent ran out"),
    "refused": gettext_lazy("Said no"),
    "withdrawn": gettext_lazy("Took a yes back"),
    "deferred": gettext_lazy("Closed the question"),
    "claimed": gettext_lazy("A yes that proves nothing"),
    "none": gettext_lazy("Nothing chosen"),
}
WAITS = {
    "in-force": gettext_lazy("A consent is in force"),
    "expired": gettext_lazy("A consent ran out"),
    "rests": gettext_lazy("Said no; the rest period is not over"),
    "no-is-final": gettext_lazy("Said no; the policy names no day to ask again"),
    "objected": gettext_lazy("Objected; only they can lift that"),
    "opted-out": gettext_lazy("Opted out of sale or sharing: twelve months of rest"),
    "minor": gettext_lazy("Under 18, and this is marketing"),
    "child": gettext_lazy("A parent or guardian is asked instead"),
    "stopped": gettext_lazy("Restricted or erased"),
    "unanswered": gettext_lazy("Was asked and did not answer"),
}
REQUESTS = {
    "open": gettext_lazy("Waiting for the button to be pressed"),
    "confirmed": gettext_lazy("Confirmed"),
    "refused": gettext_lazy("Answered with no"),
    "void": gettext_lazy("Overtaken by a later no"),
    "expired": gettext_lazy("Never answered, and over"),
}


@require_safe
def shown(request: HttpRequest) -> HttpResponse:
    """Who agreed to what, who did not, and whom may we ask?"""
    ws = workspace()
    slots = slots_on_consent(ws)
    if not slots:
        return render(request, "console/consents.html", {"slots": ()})
    chosen = request.GET.get("of", "")
    slot = next((one for one in slots if "/".join(one) == chosen), None)
    if chosen and slot is None:
        raise Http404
    numbers = numbers_of(ws, *(slot or slots[0]))
    words: dict[str, Any] = {
        "slots": [("/".join(one), one) for one in slots],
        "chosen": f"{numbers.purpose}/{numbers.channel}",
        "numbers": numbers,
        "stands": [(STANDS[name], count) for name, count in numbers.stands.items() if count or name == "live"],
        "waits": [(WAITS[c], n) for c, n in sorted(numbers.ask.waiting.items(), key=lambda one: -one[1])],
        "requests": [(REQUESTS[state], count) for state, count in sorted(numbers.requests.items())],
        "checks": CHECKS in request.user.roles(),
        "guardians": to_check(ws) if CHECKS in request.user.roles() else (),
    }
    return render(request, "console/consents.html", words)


@require_POST
def guardian(request: HttpRequest, number: int) -> HttpResponse:
    """Open one guardian to be checked. A press, not a link: looking is an act, and it is recorded."""
    try:
        found = look_at_guardian(workspace(), number, actor=request.user.email)
    except NotFound:
        raise Http404 from None
    return render(request, "console/guardian.html", {"found": found, "number": number})


@require_POST
def decide(request: HttpRequest, number: int) -> HttpResponse:
    """Accept or refuse, with a word on how it was checked."""
    answer = request.POST.get("answer", "")
    if answer not in {"accept", "refuse"}:
        raise Http404
    try:
        how = request.POST.get("how", "")[:500]
        decide_guardian(workspace(), number, actor=request.user.email, accept=answer == "accept", how=how)
    except NotFound:
        raise Http404 from None
    except BadInput as error:
        text = _("Say how you checked it: which document you saw, or which number you called.")
        done = _("Somebody else decided this a moment ago.")
        messages.error(request, done if isinstance(error, EventRejected) else text)
    else:
        mailing.wake()
        accepted = _("Accepted. The guardian gets a mail with a link to decide.")
        messages.success(request, accepted if answer == "accept" else _("Refused. Nothing was switched on."))
    return HttpResponseRedirect(reverse("console:consents"))
