"""C12, certificates: what was disposed of and erased, how it ended, and the paper that proves it.

Easy to get wrong: opening a certificate inside the site. It is a page of its own, so it is
handed out as a file, byte for byte as it was signed.

Sources: GDPR Art. 5(2); UX console C12; journey 5.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from rightful.actions.certify_disposal import Certificate, certificate_of, certify, proof_of
from rightful.actions.show_disposals import ended_runs
from rightful.console.retention import ACTS
from rightful.errors import BadInput, NoPdf, NotFound
from rightful.web.opened import workspace

PAGE = 50
KINDS = {"disposal": gettext_lazy("Disposal"), "erasure": gettext_lazy("Erasure")}
STATES = {
    "complete": gettext_lazy("Complete"),
    "partly": gettext_lazy("Partly: something is kept"),
    "incomplete": gettext_lazy("Incomplete: something is left"),
}
FORMS = {
    "page.html": "text/html; charset=utf-8",
    "page.pdf": "application/pdf",
    "certificate.json": "application/json",
    "proof.zip": "application/zip",
}


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """What was disposed of, and how is that proved?"""
    page = request.GET.get("page", "1")
    if not page.isdecimal() or int(page) < 1:
        raise Http404
    first = (int(page) - 1) * PAGE
    every = ended_runs(workspace())
    words = {
        "runs": [(one, KINDS[one.kind], STATES[one.status]) for one in every[first : first + PAGE]],
        "older": int(page) + 1 if len(every) > first + PAGE else 0,
        "newer": int(page) - 1,
        "acts": ACTS in request.user.roles(),
    }
    return render(request, "console/certificates.html", words)


@require_POST
def issue(request: HttpRequest) -> HttpResponse:
    """Issue the certificate of a run that has none yet."""
    try:
        made = certify(workspace(), request.POST.get("run", ""))
    except NotFound:
        raise Http404 from None
    except BadInput as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The certificate of %(run)s is issued.") % {"run": made.run})
    return HttpResponseRedirect(reverse("console:certificates"))


@require_safe
def download(request: HttpRequest, run: str, form: str) -> HttpResponse:
    """The certificate as a file."""
    if form not in FORMS:
        raise Http404
    try:
        made = certificate_of(workspace(), run)
        content = _content(made, form)
    except NotFound:
        raise Http404 from None
    except NoPdf as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("console:certificates"))
    name = f"{made.kind}-{made.run}.{form.rpartition('.')[2]}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=FORMS[form], headers=headers)


def _content(made: Certificate, form: str) -> bytes:
    if form == "page.html":
        return made.page.encode()
    if form == "page.pdf":
        return made.pdf()
    return made.text if form == "certificate.json" else proof_of(workspace(), made)
