"""C2 and C3: which requests are there, what is due, and what has to be done for this one?

The filter is in the address, so that a list can be sent to a colleague; the file and what is
done to many use the same filter. What is done to many can be undone for thirty seconds; the
letters leave after that.

Easy to get wrong: acting on a list that has changed since it was looked at (its number comes
along); a code for a second proof that stays on the screen (it is shown once).

Sources: GDPR Art. 12; UX console C2, C3; journeys 4, 7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rightful.actions import many_requests, request_words
from rightful.actions import see_requests as see
from rightful.actions.answer_request import FINDINGS, confirm_task, fulfil, take_in, write_message
from rightful.actions.close_request import refuse, withdraw
from rightful.actions.confirm_receipt import confirm_receipt
from rightful.actions.correct_for_request import all_fields, correct_now
from rightful.actions.identify_requester import make_second_code, staff_checked, waits_for_second_proof
from rightful.actions.many_requests import do_to_many
from rightful.actions.move_deadline import extend, pause, resume
from rightful.actions.open_request import LANGUAGES
from rightful.actions.take_step import case_of
from rightful.actions.write_letter import letter_for
from rightful.errors import BadInput, NotFound, Refused, RightfulError
from rightful.rights.letters import NAMES
from rightful.rights.rules import BEFORE_EXECUTION, REFUSALS, Case, Kind, State
from rightful.web.opened import workspace

SEES_REQUESTS = "officer"
FILTERS = ("state", "kind", "law", "source", "due", "held", "sender", "q")
UNDO = "undo_requests"


@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The list, the most pressing first. Filters and page are in the address."""
    ws = workspace()
    asked = _asked(request)
    wanted = see.filter_from(ws, asked)
    page = request.GET.get("page", "1")
    if not page.isdecimal() or int(page) < 1:
        raise Http404
    number = int(page)
    total = ws.cases.count(wanted)
    lines = see.listed(ws, wanted, offset=(number - 1) * see.PAGE)
    chosen = {name: asked[name][0] for name in FILTERS if asked[name]}
    overdue, soon, staff_waits = see.pressing(ws)
    words = {
        "lines": lines,
        "total": total,
        "chosen": chosen,
        "query": urlencode(chosen),
        "states": ["open", "closed", *request_words.STATES],
        "state_words": request_words.STATES,
        "kinds": list(request_words.KINDS),
        "laws": ws.cases.laws(),
        "sources": ["portal", "staff", "cli", "api", "agent", "mail"],
        "senders": [one for one in ws.cases.senders(wanted) if one[1] and one[2] > 1],
        "older": urlencode({**chosen, "page": number + 1}) if number * see.PAGE < total else "",
        "newer": urlencode({**chosen, "page": number - 1}) if number > 1 else "",
        "undo": request.session.get(UNDO, ""),
        "reasons": [*REFUSALS],
        "extensions": ["complexity", "number-of-requests"],
        "overdue": overdue,
        "soon": soon,
        "staff_waits": staff_waits,
    }
    return render(request, "console/requests.html", words)


@require_safe
def as_file(request: HttpRequest) -> HttpResponse:
    """The same rows as a file."""
    text = see.as_csv(workspace(), see.filter_from(workspace(), _asked(request)))
    headers = {"Content-Disposition": 'attachment; filename="requests.csv"'}
    return HttpResponse(text, content_type="text/csv; charset=utf-8", headers=headers)


@require_POST
def many(request: HttpRequest) -> HttpResponse:
    """Extend or refuse all that fit, but those left out."""
    ws = workspace()
    query = request.POST.get("query", "")
    asked = _asked_in(query)
    seen = request.POST.get("seen", "")
    what, reason = request.POST.get("what", ""), request.POST.get("reason", "")
    but = [*request.POST.getlist("but"), *request.POST.get("but_also", "").split()]
    try:
        done = do_to_many(
            ws, what, see.filter_from(ws, asked), reason=reason, actor=request.user.email, but=but,
            seen=int(seen) if seen.isdecimal() else None,
        )  # fmt: skip
    except (BadInput, Refused) as error:
        messages.error(request, str(error))
        return _back(query)
    request.session[UNDO] = done.id if done.changed else ""
    words = ngettext("%(count)s request changed.", "%(count)s requests changed.", done.changed)
    messages.success(request, words % {"count": done.changed})
    for ref, why in done.left[:5]:
        messages.warning(request, f"{ref}: {why}")
    if len(done.left) > 5:
        messages.warning(request, _("%(count)s more stayed as they were.") % {"count": len(done.left) - 5})
    return _back(query)


@require_POST
def undo_many(request: HttpRequest) -> HttpResponse:
    """Take the last one back, in its thirty seconds."""
    bulk = request.session.pop(UNDO, "")
    try:
        count = many_requests.undo(workspace(), bulk, actor=request.user.email)
    except RightfulError as error:
        messages.error(request, str(error))
    else:
        words = ngettext("Undone: %(count)s request is as before.", "Undone: %(count)s requests are as before.", count)
        messages.success(request, words % {"count": count})
    return _back(request.POST.get("query", ""))


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A request that came by letter, by telephone, at the counter."""
    posted = {
        name: request.POST.get(name, "").strip() for name in ("kind", "key", "contact", "for", "text", "language")
    }
    words = {"kinds": list(request_words.KINDS), "languages": LANGUAGES, "posted": posted}
    if request.method != "POST":
        return render(request, "console/new_request.html", words)
    try:
        opened = take_in(
            workspace(), posted["kind"], key=posted["key"], contact=posted["contact"], source="staff",
            on_behalf=posted["for"], text=posted["text"], language=posted["language"] or "en",
            actor=request.user.email,
        )  # fmt: skip
    except (BadInput, Refused) as error:
        messages.error(request, str(error))
        return render(request, "console/new_request.html", words, status=422)
    messages.success(request, _("It was open already; the first date stays.") if opened.merged else _("Taken in."))
    return HttpResponseRedirect(reverse("console:request", args=[opened.case.ref]))


@require_safe
def opened(request: HttpRequest, ref: str) -> HttpResponse:
    """One request: tasks per system, the clock and why, evidence, messages, letters. The look is on record."""
    ws = workspace()
    try:
        seen = see.look_at_request(ws, ref, actor=request.user.email)
    except NotFound:
        raise Http404 from None
    case = seen.line.case
    name = request.GET.get("letter", "")
    tongue = request.GET.get("language", case.language)
    preview = None
    if name in NAMES and tongue in LANGUAGES:
        preview = letter_for(ws, _as_if(case, name, request.GET.get("reason", "")), name, language=tongue)
    words = {
        "seen": seen,
        "case": case,
        "preview": preview,
        "letters": NAMES,
        "languages": LANGUAGES,
        "tongue": tongue,
        "thought": request.GET.get("reason", ""),
        "refusals": [code for code, kinds in REFUSALS.items() if case.kind in kinds],
        "extensions": seen.clock.extension.reasons if seen.clock.extension else (),
        "may_refuse": case.state in BEFORE_EXECUTION,
        "may_go_on": case.state in (State.IDENTIFIED, State.PLANNED, State.EXECUTED, State.VERIFIED)
        and not case.paused,
        "needs_proof": waits_for_second_proof(ws, case),
        "needs_check": case.state in (State.NEEDS_STAFF, State.NEEDS_IDENTITY, State.RECEIVED),
        "corrections": ws.corrections.of_request(case.id),
        "details": all_fields(ws) if case.kind is Kind.RECTIFICATION and case.is_open else (),
        "code": request.session.pop("second_code", None),
    }
    return render(request, "console/request.html", words)


@require_POST
def act(request: HttpRequest, ref: str) -> HttpResponse:
    """One press on the page of a request."""
    name = request.POST.get("act", "")
    if name not in _ACTS:
        raise Http404
    try:
        case = case_of(workspace(), ref)
        words = _ACTS[name](request, case)
    except NotFound as error:
        if error.sentence.startswith("there is no request"):
            raise Http404 from None
        messages.error(request, str(error))
    except (Refused, BadInput) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, words)
    return HttpResponseRedirect(reverse("console:request", args=[ref]))


@require_safe
def letter_pdf(request: HttpRequest, ref: str, name: str) -> HttpResponse:
    """A letter to print."""
    tongue = request.GET.get("language", "")
    if name not in NAMES or tongue not in LANGUAGES:
        raise Http404
    try:
        case = case_of(workspace(), ref)
    except NotFound:
        raise Http404 from None
    made = letter_for(workspace(), _as_if(case, name, request.GET.get("reason", "")), name, language=tongue)
    headers = {"Content-Disposition": f'attachment; filename="{case.ref}-{name}-{tongue}.pdf"'}
    return HttpResponse(made.pdf(), content_type="application/pdf", headers=headers)


# --- what a press does ------------------------------------------------------------------------------


def _go_on(request: HttpRequest, case: Case) -> str:
    moved = fulfil(workspace(), case.ref, actor=request.user.email)
    return _("Answered.") if moved.state is State.ANSWERED else _("It went on as far as it can go now.")


def _task(request: HttpRequest, case: Case) -> str:
    system, _slash, what = request.POST.get("task", "").rpartition("/")
    result, note = request.POST.get("result", "done"), request.POST.get("note", "")
    confirm_task(
        workspace(), case.ref, system, what, note=note, actor=request.user.email, ok=result != "failed",
        elsewhere=result == "elsewhere", finding=result if result in FINDINGS else "",
    )  # fmt: skip
    return _("Noted.")


def _correct(request: HttpRequest, case: Case) -> str:
    column, _equals, value = request.POST.get("row", "").partition("=")
    done = correct_now(
        workspace(), case.ref, request.POST.get("field", ""), request.POST.get("value", ""),
        row={column.strip(): value.strip()} if column.strip() else {}, actor=request.user.email,
    )  # fmt: skip
    return _("Corrected. Recipients to tell: %(count)s.") % {"count": done.told}


def _confirm_receipt(request: HttpRequest, case: Case) -> str:
    confirm_receipt(workspace(), case.ref, request.POST.get("how", ""), actor=request.user.email)
    return _("Noted.")


def _extend(request: HttpRequest, case: Case) -> str:
    moved = extend(workspace(), case.ref, request.POST.get("reason", ""), actor=request.user.email)
    return _("More time until %(day)s. The customer has the letter.") % {"day": moved.due_on}


def _pause(request: HttpRequest, case: Case) -> str:
    pause(workspace(), case.ref, request.POST.get("reason", ""), actor=request.user.email)
    return _("Paused. The customer is told.")


def _resume(request: HttpRequest, case: Case) -> str:
    moved = resume(workspace(), case.ref, actor=request.user.email)
    return _("It goes on. Due on %(day)s.") % {"day": moved.due_on}


def _refuse(request: HttpRequest, case: Case) -> str:
    refuse(workspace(), case.ref, request.POST.get("reason", ""), note=request.POST.get("note", ""),
           actor=request.user.email)  # fmt: skip
    return _("Refused. The customer has the letter with the reason.")


def _withdraw(request: HttpRequest, case: Case) -> str:
    withdraw(workspace(), case.ref, actor=request.user.email)
    return _("Taken back at the customer's wish.")


def _message(request: HttpRequest, case: Case) -> str:
    way = "note" if request.POST.get("way") == "note" else "out"
    write_message(workspace(), case, request.POST.get("text", ""), way=way, actor=request.user.email)
    return _("Kept among staff.") if way == "note" else _("The customer can read it now.")


def _checked(request: HttpRequest, case: Case) -> str:
    staff_checked(workspace(), case, request.POST.get("evidence", ""), actor=request.user.email)
    return _("Noted: a person has checked who asks.")


def _code(request: HttpRequest, case: Case) -> str:
    channel = request.POST.get("channel", "")
    request.session["second_code"] = make_second_code(workspace(), case, channel, actor=request.user.email)
    return _("Tell the customer this code over the channel we have on record. It is shown once.")


_ACTS: dict[str, Callable[[HttpRequest, Case], str]] = {
    "go-on": _go_on,
    "task": _task,
    "correct": _correct,
    "confirm-receipt": _confirm_receipt,
    "extend": _extend,
    "pause": _pause,
    "resume": _resume,
    "refuse": _refuse,
    "withdraw": _withdraw,
    "message": _message,
    "checked": _checked,
    "code": _code,
}


def _as_if(case: Case, name: str, reason: str) -> Case:
    """The case as a letter would see it, with a reason that is being thought about."""
    known = reason in REFUSALS or reason in ("complexity", "number-of-requests")
    return replace(case, reason=reason) if known and name in ("refusal", "extension") else case


def _asked(request: HttpRequest) -> dict[str, list[str]]:
    return {name: [v for v in request.GET.getlist(name) if v] for name in FILTERS}


def _asked_in(query: str) -> dict[str, list[str]]:
    found = QueryDict(query)
    return {name: [v for v in found.getlist(name) if v] for name in FILTERS}


def _back(query: str) -> HttpResponse:
    chosen = {name: values[0] for name, values in _asked_in(query).items() if values}
    return HttpResponseRedirect(reverse("console:requests") + (f"?{urlencode(chosen)}" if chosen else ""))
