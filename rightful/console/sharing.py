"""Who gets customer data from us, and what do they still have to confirm?

Recipients with their agreements, what they have to do because a customer said so, and
the lists that were made for them. Numbers of customers, never a customer. Marketers see
it; telling, confirming and calling back are the officer's.

Easy to get wrong: a confirmation cannot be taken back, so it names what it confirms.

Source: GDPR Art. 19, 28, 30(1)(d), (e); UX console C11.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.confirm_told import confirm_told
from rightful.actions.remind_recipients import remind_recipients
from rightful.actions.revoke_list import revoke_list
from rightful.actions.show_sharing import sharing
from rightful.errors import RightfulError
from rightful.web.opened import workspace

ACTS = "officer"
SEE_SHARING = (ACTS, "marketer")

AGREEMENTS = {
    "in-force": gettext_lazy("in force"),
    "ends-soon": gettext_lazy("ends soon"),
    "ended": gettext_lazy("ended: nothing may leave"),
    "not-yet": gettext_lazy("not in force yet"),
    "not-in-policy": gettext_lazy("no longer in the policy"),
}
KINDS = {
    "processor": gettext_lazy("works for us"),
    "service-provider": gettext_lazy("works for us"),
    "joint-controller": gettext_lazy("decides with us"),
    "inside": gettext_lazy("kept by us, outside the store"),
    "third-party": gettext_lazy("decides for itself"),
}
DUTIES = {
    "withdrawal": gettext_lazy("Stop and erase: consent was withdrawn"),
    "objection": gettext_lazy("Stop and erase: the customer objected"),
    "opt-out": gettext_lazy("Stop selling and sharing"),
    "correction": gettext_lazy("Correct"),
    "erasure": gettext_lazy("Erase"),
    "restriction": gettext_lazy("Keep, and do not use"),
}
STATES = {
    "telling": gettext_lazy("not told yet"),
    "told": gettext_lazy("told, no answer yet"),
    "unconfirmed": gettext_lazy("overdue"),
}
LISTS = {
    "good": gettext_lazy("may be sent"),
    "expired": gettext_lazy("too old to send"),
    "called-back": gettext_lazy("called back"),
    "never-left": gettext_lazy("destroyed before it left"),
    "query": gettext_lazy("shown, not a list"),
}


@require_safe
def shown(request: HttpRequest) -> HttpResponse:
    """Recipients, what is owed, lists."""
    seen = sharing(workspace())
    words = {
        "recipients": [
            (one, KINDS.get(one.kind, one.kind), AGREEMENTS[one.agreement_state]) for one in seen.recipients
        ],
        "owed": [(one, DUTIES[one.duty], STATES[one.state]) for one in seen.owed],
        "lists": [(one, LISTS[one.state]) for one in seen.lists],
        "acts": ACTS in request.user.roles(),
    }
    return render(request, "console/sharing.html", words)


@require_POST
def tell(request: HttpRequest) -> HttpResponse:
    """Tell everybody what is due to be told now."""
    told = remind_recipients(workspace(), request.user.email)
    if told:
        names = ", ".join(one.recipient for one in told)
        messages.success(request, _("Told: %(names)s. The notices are in the outbox.") % {"names": names})
    else:
        messages.info(request, _("Nobody has to be told anything now."))
    return _back()


@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """Note that a recipient confirmed one kind of notice."""
    try:
        done = confirm_told(
            workspace(),
            request.user.email,
            request.POST.get("recipient", ""),
            duty=_known(request.POST.get("duty", ""), DUTIES),
            evidence=request.POST.get("evidence", "").strip()[:500],
            role=ACTS,
        )
    except RightfulError as error:
        messages.error(request, str(error))
    else:
        words = ngettext("Confirmed for %(count)s customer.", "Confirmed for %(count)s customers.", done)
        messages.success(request, words % {"count": done})
    return _back()


@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """Call a list back."""
    entry = request.POST.get("entry", "")
    if not entry.isdecimal() or len(entry) > 18:
        raise Http404
    try:
        told = revoke_list(workspace(), request.user.email, int(entry), role=ACTS)
    except RightfulError as error:
        messages.error(request, str(error))
    else:
        words = ngettext(
            "Called back. The recipient has to let go of %(count)s customer.",
            "Called back. The recipient has to let go of %(count)s customers.",
            told,
        )
        messages.success(request, words % {"count": told})
    return _back()


def _known(word: str, words: dict[str, object]) -> str:
    if word not in words:
        raise Http404
    return word


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("console:sharing"))
