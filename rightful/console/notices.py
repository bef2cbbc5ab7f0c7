"""C5, notices: which version customers are shown, who saw which, what publishing would change.

Publishing shows first what it does: every sentence that would be new, gone or changed, and each gap that
keeps it from being done, with the key to add to the policy.

Easy to get wrong: publishing something else than was looked at. The form carries the digest of what the
page showed; if the policy changed meanwhile, nothing is published and the page is shown again.

Sources: UX console C5; GDPR Art. 12-14.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.notice_overview import notice_overview, preview_text
from rightful.actions.publish_notice import prepare, publish_notice
from rightful.errors import NoticeIncomplete
from rightful.web.opened import workspace

SEE_NOTICES = ("officer", "marketer", "engineer")
PUBLISHES = "officer"


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Which notice do customers read, and what would a new one change?"""
    found = notice_overview(workspace())
    changes = found.preview.changes
    kinds = (
        [(kind, changes.grouped(kind)) for kind in ("new", "gone", "changed") if changes.of_kind(kind)]
        if changes
        else []
    )
    words = {
        "found": found,
        "compared": changes,
        "kinds": kinds,
        "publishes": PUBLISHES in request.user.roles(),
        "digest": prepare(workspace(), workspace().facts.policy).digest,
    }
    return render(request, "console/notices.html", words)


@require_safe
def previewed(request: HttpRequest) -> HttpResponse:
    """The text as customers would read it."""
    made = preview_text(workspace(), request.GET.get("language", ""))
    if made is None:
        raise Http404
    notice, text = made
    languages = tuple(prepare(workspace(), workspace().facts.policy).texts)
    return render(request, "console/notice_preview.html", {"notice": notice, "text": text, "languages": languages})


@require_POST
def publish(request: HttpRequest) -> HttpResponse:
    """Publish what the page showed."""
    ws = workspace()
    if request.POST.get("digest", "") != prepare(ws, ws.facts.policy).digest:
        messages.error(
            request, _("The policy changed while you looked. Nothing was published; here is what it says now.")
        )
        return HttpResponseRedirect(reverse("console:notices"))
    try:
        done = publish_notice(ws, actor=request.user.email)
    except NoticeIncomplete:
        messages.error(request, _("The notice has gaps, so it was not published. They are listed below."))
    else:
        if done.entry is None:
            messages.info(request, _("Customers are shown exactly this already."))
        else:
            said = _("Notice %(label)s is published. Customers read it from now on.")
            messages.success(request, said % {"label": done.label})
    return HttpResponseRedirect(reverse("console:notices"))
