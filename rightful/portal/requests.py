"""P7: where is my request, when is it due, and why? And: ask for something.

A copy never travels by mail: it is fetched here, by a press in a signed-in session, and every
fetch is on record. Somebody who only reads the mailbox sees the ordinary part of a copy; the
rest waits for a code that comes another way.

Easy to get wrong: a request in the address bar that belongs to somebody else (the same 404 as
for none); a form that is sent twice (one request, its first date).

Sources: GDPR Art. 12, 15-22; UX portal P7; AC-017, AC-019, AC-022.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.core import ratelimit
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rightful.actions.answer_request import go_on, take_in, write_message
from rightful.actions.assemble_copy import fetch, ticket_for
from rightful.actions.close_request import withdraw
from rightful.actions.correct_for_request import correctable_fields
from rightful.actions.customer_words import says
from rightful.actions.identify_requester import channel_shown, enter_second_code, waits_for_second_proof
from rightful.actions.open_request import LANGUAGES, LONGEST_TEXT
from rightful.actions.record_choice import BY_WILL, bases_of
from rightful.actions.see_requests import all_mine, detail_of, messages_of, mine
from rightful.errors import BadInput, NotFound, Refused
from rightful.portal.visitor import key_of, language
from rightful.rights.rules import BEFORE_EXECUTION, Case, Level, State
from rightful.web import faults
from rightful.web.opened import workspace


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing a customer can ask for here."""

    kind: str
    title: Any
    hint: Any


WISHES = (
    Wish("access", gettext_lazy("Give me a copy of everything"),
         gettext_lazy("What you hold, why, and who received it. To read, and as files.")),
    Wish("portability", gettext_lazy("Give me my data to take along"),
         gettext_lazy("What I gave you, as files another service can read.")),
    Wish("rectification", gettext_lazy("Correct something"),
         gettext_lazy("For what I cannot change on the page My data.")),
    Wish("erasure", gettext_lazy("Erase my data"),
         gettext_lazy("I have three days to take this back. Then it is final.")),
    Wish("restriction", gettext_lazy("Keep my data, but do not use it"),
         gettext_lazy("For example while you check whether it is right.")),
    Wish("objection", gettext_lazy("Stop using my data for something"),
         gettext_lazy("Counts at once. For advertising I need no reason.")),
    Wish("opt-out", gettext_lazy("Do not sell or share my data"), gettext_lazy("Counts at once.")),
    Wish("limit-sensitive", gettext_lazy("Use sensitive data less"), gettext_lazy("Counts at once.")),
    Wish("human-review", gettext_lazy("A person shall look at a decision"),
         gettext_lazy("If a machine decided something about me.")),
    Wish("complaint", gettext_lazy("Complain or appeal"),
         gettext_lazy("If I am not content with an answer.")),
)  # fmt: skip


FIELDS = ("kind", "text", "for", "purpose", "parent", "field", "value")


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """All my requests, newest first."""
    return render(request, "portal/requests.html", {"lines": all_mine(workspace(), key_of(request))})


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Ask for something."""
    if request.method != "POST":
        return _form(request, {name: request.GET.get(name, "") for name in ("kind", "parent")})
    if not ratelimit.consume(request, action="open_request", user=request.user):
        return faults.too_many(request)
    posted = {name: request.POST.get(name, "").strip() for name in FIELDS}
    if posted["kind"] not in {wish.kind for wish in WISHES}:
        return _form(request, posted, _("Choose what you want to ask for."), status=422)
    exact = posted["kind"] == "rectification" and bool(posted["field"] and posted["value"])
    if posted["kind"] == "rectification" and not posted["text"] and not exact:
        return _form(request, posted, _("Say what is wrong, and how it should be."), status=422)
    try:
        opened = take_in(
            workspace(),
            posted["kind"],
            key=key_of(request),
            source="portal",
            level=Level.CHANNEL,
            on_behalf=posted["for"],
            text=posted["text"],
            scope={"purpose": posted["purpose"]} if posted["kind"] == "objection" and posted["purpose"] else {},
            language=_letters_language(),
            parent=posted["parent"] if posted["kind"] == "complaint" else "",
            corrections=[{"field": posted["field"], "value": posted["value"]}] if exact else (),
        )
    except (BadInput, NotFound) as error:
        return _form(request, posted, str(error), status=422)
    words = _("You asked for this already. It is still open, and its date stays.")
    messages.success(request, words if opened.merged else _("We have your request."))
    return HttpResponseRedirect(reverse("portal:request", args=[opened.case.ref]))


@require_safe
def opened(request: HttpRequest, ref: str) -> HttpResponse:
    """One request: where it is, when it is due and why, what was written."""
    case = _mine(request, ref)
    seen = detail_of(workspace(), case)
    words = {
        "seen": seen,
        "case": case,
        "messages_seen": messages_of(workspace(), case, notes=False),
        "not_mine_yet": case.state is State.NEEDS_IDENTITY and case.reached < Level.CHANNEL,
        "needs_code": waits_for_second_proof(workspace(), case),
        "has_code": workspace().cases.has_code(case.id, workspace().clock()),
        "may_withdraw": case.state in BEFORE_EXECUTION,
        "copy_there": seen.copy is not None and seen.copy.until_us > workspace().clock(),
        "longest": LONGEST_TEXT,
    }
    return render(request, "portal/request.html", words)


@require_POST
def confirm(request: HttpRequest, ref: str) -> HttpResponse:
    """Yes, this request is mine."""
    case = _mine(request, ref)
    return _try(request, case, lambda: _go_on(channel_shown(workspace(), case)), _("Thank you. We go on with it."))


@require_POST
def second_code(request: HttpRequest, ref: str) -> HttpResponse:
    """The code that came by telephone or post."""
    case = _mine(request, ref)
    if not ratelimit.consume(request, action="second_code", user=request.user):
        return faults.too_many(request)
    typed = request.POST.get("code", "")
    return _try(
        request, case, lambda: _go_on(enter_second_code(workspace(), case, typed)), _("That is the code. Thank you.")
    )


@require_POST
def message(request: HttpRequest, ref: str) -> HttpResponse:
    """Write something about it."""
    case = _mine(request, ref)
    text = request.POST.get("text", "")[:LONGEST_TEXT]
    return _try(
        request,
        case,
        lambda: write_message(workspace(), case, text, way="in", actor="self"),
        _("Your message is here."),
    )


@require_POST
def take_back(request: HttpRequest, ref: str) -> HttpResponse:
    """I do not want this any more."""
    case = _mine(request, ref)
    return _try(request, case, lambda: withdraw(workspace(), ref), _("Taken back. Nothing is done."))


@require_POST
def download(request: HttpRequest, ref: str) -> HttpResponse:
    """The copy, once for each press, for this session."""
    case = _mine(request, ref)
    session = request.session.session_key or ""
    try:
        zipped = fetch(workspace(), case, ticket_for(workspace(), case, session), session)
    except NotFound as gone:
        messages.error(request, str(gone))
        return HttpResponseRedirect(reverse("portal:request", args=[case.ref]))
    headers = {"Content-Disposition": f'attachment; filename="my-data-{case.ref}.zip"'}
    return HttpResponse(zipped, content_type="application/zip", headers=headers)


def _mine(request: HttpRequest, ref: str) -> Case:
    try:
        return mine(workspace(), key_of(request), ref)
    except NotFound:
        raise Http404 from None


def _go_on(case: Case) -> Case:
    return go_on(workspace(), case, actor="rule") if case.state in (State.IDENTIFIED, State.PLANNED) else case


def _try(request: HttpRequest, case: Case, act: Any, done: str) -> HttpResponse:
    try:
        act()
    except (Refused, BadInput) as error:
        messages.error(request, _refused_words(error))
    else:
        messages.success(request, done)
    return HttpResponseRedirect(reverse("portal:request", args=[case.ref]))


def _refused_words(error: Refused | BadInput) -> str:
    by_code = {
        "rights.wrong-code": _("This is not the code, or it is used up. After five tries you need a new one."),
        "rights.wrong-state": _("This cannot be done any more. The page shows where the request is now."),
        "rights.changed": _("Something changed meanwhile. Please look again."),
        "rights.grace": _("You can still take this back, so it has not been done yet."),
    }
    return by_code.get(error.code) or str(error)


def _form(request: HttpRequest, posted: dict[str, str], problem: str = "", *, status: int = 200) -> HttpResponse:
    ws = workspace()
    no = ws.number_of(key_of(request))
    purposes = [
        (one.id, says(ws.facts.policy, one.id, language()))
        for one in ws.facts.policy.purposes.values()
        if not one.abstract and bases_of(ws, no, one) & BY_WILL
    ]
    words = {
        "wishes": WISHES,
        "posted": posted,
        "problem": problem,
        "purposes": purposes,
        "details": correctable_fields(ws, language()),
        "longest": LONGEST_TEXT,
    }
    return render(request, "portal/new_request.html", words, status=status)


def _letters_language() -> str:
    chosen = language().partition("-")[0]
    return chosen if chosen in LANGUAGES else "en"
