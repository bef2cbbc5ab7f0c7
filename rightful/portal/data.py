"""P4: what do you hold about me, why, from where, until when? And a copy of it to take along.

Source: GDPR Art. 15, 20; UX portal P4.
"""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from rightful.actions.show_data import FORMATS, ORIGINS, MyData, copy_of_my_data, my_data
from rightful.portal.visitor import key_of, language
from rightful.web.opened import organisation, workspace

TYPES = {"json": "application/json", "csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}


@require_safe
def data(request: HttpRequest) -> HttpResponse:
    """Everything held, by where it came from."""
    held = my_data(workspace(), key_of(request), language=language())
    return render(request, "portal/data.html", {"held": held, "origins": _by_origin(held)})


@require_safe
def copy(request: HttpRequest, form: str) -> HttpResponse:
    """The same as a file: JSON and CSV for machines, HTML for people."""
    if form not in FORMATS:
        raise Http404
    held, content = copy_of_my_data(workspace(), key_of(request), form, language=language())
    if form == "html":
        words = {"held": held, "origins": _by_origin(held), **organisation(request)}
        content = render_to_string("portal/copy.html", words).encode()
    named = f'attachment; filename="my-data.{form}"'
    return HttpResponse(content, content_type=TYPES[form], headers={"Content-Disposition": named})


def _by_origin(held: MyData) -> list[tuple[str, list[object], list[object]]]:
    """(origin, groups, tables), without those that hold nothing."""
    found = []
    for origin in ORIGINS:
        groups = [group for group in held.groups if group.origin == origin]
        tables = [table for table in held.tables if table.origin == origin]
        if groups or tables:
            found.append((origin, groups, tables))
    return found
