"""The public notice: what is done with data here. Anybody may read it, without signing in.

A version, its language and its form stand in the address. A browser that has a page keeps it and asks
whether it is still good; the answer is short as long as the notice says the same.

Easy to get wrong: whose page it is. A public page carries nothing of the person who reads it; only that
a signed-in customer was shown the newest notice is written down, once (GDPR Art. 13, 14).

Sources: GDPR Art. 12(1), 12(7); RFC 9110 sections 8.8.3, 12.5.4, 13; WCAG 2.2 SC 3.1.1.
"""

from __future__ import annotations

import hashlib
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from rightful.actions import show_notice
from rightful.actions.record_choice import notice_was_served, serve_notice
from rightful.actions.show_notice import Shown
from rightful.errors import NoPdf, NotFound, RightfulError
from rightful.web import apps as templates
from rightful.web.doors import CUSTOMER
from rightful.web.opened import workspace

log = logging.getLogger("rightful.portal")


@require_safe
def newest(request: HttpRequest) -> HttpResponseBase:
    """What is done with my data here, and what can I do about it?"""
    try:
        shown = show_notice.show_notice(workspace(), "", _language(request))
    except NotFound:
        return render(request, "portal/no_notice.html")
    _note_that_it_was_shown(request, shown)
    return _page(request, shown)


@require_safe
def version(request: HttpRequest, name: str) -> HttpResponseBase:
    """One version, by its label or the beginning of its digest; it stays at this address for good."""
    shown = _found(request, name)
    if shown.newest:
        _note_that_it_was_shown(request, shown)
    return _page(request, shown)


@require_safe
def versions(request: HttpRequest) -> HttpResponseBase:
    """Every version that was ever shown."""
    found = show_notice.versions(workspace(), _language(request))
    rows = [(shown, found[at + 1] if at + 1 < len(found) else None) for at, shown in enumerate(found)]
    return _answer(request, "portal/notice_versions.html", {"rows": rows}, "-".join(s.etag for s in found) or "none")


@require_safe
def changes(request: HttpRequest, name: str, old: str) -> HttpResponseBase:
    """What is new, gone and changed since an older version, sentence by sentence."""
    try:
        compared = show_notice.compare_notices(workspace(), old, name, _language(request))
    except NotFound:
        raise Http404 from None
    words = {"compared": compared, "shown": compared.new, "kinds": _kinds(compared)}
    etag = f"{compared.old.etag}-{compared.new.etag}"
    return _answer(request, "portal/notice_changes.html", words, etag, compared.new)


@require_safe
def file(request: HttpRequest, name: str, form: str) -> HttpResponseBase:
    """A version as a file: Markdown, HTML, PDF, or JSON-LD."""
    shown = _found(request, name)
    etag = quote_etag(f"{shown.etag}-{form}-{_look()}")
    answer = get_conditional_response(request, etag=etag)
    if answer is None:
        try:
            content, media, shown = show_notice.render(workspace(), form, name, shown.notice.language)
        except NotFound:
            raise Http404 from None
        except NoPdf as missing:
            log.warning("no PDF of a notice: code=%s", missing.code)
            return render(request, "portal/no_pdf.html", {"shown": shown}, status=503)
        answer = HttpResponse(content, content_type=media)
        ending = f"{shown.version.digest[:12]}-{shown.notice.language}.{form}"
        answer.headers["Content-Disposition"] = f'attachment; filename="notice-{ending}"'
    return _kept(answer, etag)


def _page(request: HttpRequest, shown: Shown) -> HttpResponseBase:
    before = show_notice.version_before(workspace(), shown.version.label)
    words = {"shown": shown, "before": show_notice.address_of(workspace(), before), "forms": ("pdf", "md", "jsonld")}
    return _answer(request, "portal/notice.html", words, shown.etag, shown)


def _answer(
    request: HttpRequest, template: str, words: dict[str, Any], etag: str, shown: Shown | None = None
) -> HttpResponseBase:
    """The page in the language of the notice, or the word that it is what the browser has already."""
    language = shown.notice.language if shown is not None else get_language() or "en"
    whole = quote_etag(f"{etag}-{language}-{_look()}")
    waiting = bool(request.session.get("_messages"))  # a message of this visit is not in anybody's copy
    answer = None if waiting else get_conditional_response(request, etag=whole)
    if answer is None:
        with override(language):
            answer = render(request, template, words)
        answer.headers["Content-Language"] = language
    return answer if waiting else _kept(answer, whole)


def _kept(answer: HttpResponseBase, etag: str) -> HttpResponseBase:
    answer.headers["ETag"] = etag
    patch_vary_headers(answer, ("Accept-Language", "Cookie"))
    answer.may_be_revalidated = True  # type: ignore[attr-defined]
    return answer


def _found(request: HttpRequest, name: str) -> Shown:
    try:
        return show_notice.show_notice(workspace(), name, _language(request))
    except NotFound:
        raise Http404 from None


def _language(request: HttpRequest) -> str:
    """The one in the address; else the one the visitor chose or their browser asks for first."""
    wanted = request.GET.get("language", "")
    if wanted in show_notice.LANGUAGES:
        return wanted
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    spoken = [chosen] if chosen else []
    for part in request.headers.get("Accept-Language", "").split(",")[:20]:
        spoken.append(part.partition(";")[0].strip().partition("-")[0].lower())
    return next((one for one in spoken if one in show_notice.LANGUAGES), "")


@lru_cache(maxsize=1)
def _look() -> str:
    """Changes with the templates around the text: a page that looks different is another page."""
    places = (Path(__file__).parent / "templates" / "portal", Path(templates.__file__).parent / "templates")
    names = ("notice.html", "notice_versions.html", "notice_changes.html", "base.html", "notice_difference.html")
    found = [path.read_bytes() for place in places for name in names if (path := place / name).exists()]
    return hashlib.sha256(b"".join(found)).hexdigest()[:12]


def _note_that_it_was_shown(request: HttpRequest, shown: Shown) -> None:
    """Once per customer and version; a ledger that cannot write keeps nobody from reading the notice."""
    key = request.session.get(CUSTOMER) if request.user.is_authenticated else None
    if not key or request.method != "GET":
        return
    try:
        if not notice_was_served(workspace(), key, shown.version.label):
            serve_notice(workspace(), key, shown.version.label, actor="self")
    except RightfulError as error:
        log.warning("a served notice was not written down: code=%s", error.code)


def _kinds(compared: show_notice.Compared) -> list[tuple[str, list[tuple[tuple[str, ...], list[Any]]]]]:
    """new, gone, changed; each with its lines gathered under the headings they stand under."""
    return [
        (kind, [(where, list(group)) for where, group in compared.grouped(kind)])
        for kind in ("new", "gone", "changed")
        if compared.of_kind(kind)
    ]
