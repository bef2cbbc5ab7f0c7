"""C12, holding less: fields that nobody needs or reads, and who still stands out in what is left.

Nothing is dropped from here: a field goes out of the policy and out of the table by whoever
owns them. Only numbers are shown, never a value.

Easy to get wrong: taking "nobody stands out with these fields" for "nobody can be found".

Sources: GDPR Art. 5(1)(c), 25; recital 26; UX console C12.
"""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from rightful.actions.check_anonymity import K, check_anonymity
from rightful.actions.find_unneeded import MONTHS, find_unneeded
from rightful.actions.read_gate_log import instant_of
from rightful.errors import BadInput, NotFound, UnknownName
from rightful.retention.minimising import PROPOSED
from rightful.web.opened import workspace

SAYS = {
    "no-purpose": gettext_lazy("No purpose of the policy needs it"),
    "unread": gettext_lazy("Purposes need it, and no recorded use has read it"),
    "too-early": gettext_lazy("Not read yet, but the record is younger than the period"),
    "only-asked": gettext_lazy("Not read here; a purpose was answered with yes, so others may have read it"),
    "read": gettext_lazy("Read in the period"),
}


@require_safe
def unneeded(request: HttpRequest) -> HttpResponse:
    """Which fields do we hold without needing them?"""
    typed = request.GET.get("months", "")
    months = int(typed) if typed.isdecimal() else MONTHS
    try:
        found = find_unneeded(workspace(), months=months)
    except BadInput as error:
        messages.error(request, str(error))
        months = MONTHS
        found = find_unneeded(workspace(), months=months)
    others = [
        (says, [(f, f.last_read_us and instant_of(f.last_read_us)) for f in found.findings if f.verdict == verdict])
        for verdict, says in SAYS.items()
        if verdict not in PROPOSED
    ]
    words = {
        "found": found,
        "months": months,
        "proposed": [(f, SAYS[f.verdict], found.filled.get(f.field)) for f in found.proposed],
        "others": [(says, lines) for says, lines in others if lines],
    }
    return render(request, "console/unneeded.html", words)


@require_http_methods(["GET", "HEAD", "POST"])
def anonymity(request: HttpRequest) -> HttpResponse:
    """Who would still stand out? A press, not a link: the count is recorded."""
    ws = workspace()
    tables = {t.name: [c.name for c in t.columns if c.name != t.key] for t in ws.facts.tables}
    asked = request.POST if request.method == "POST" else request.GET
    table = asked.get("table", "") if asked.get("table", "") in tables else ws.facts.customer_table().name
    words: dict[str, Any] = {
        "tables": list(tables),
        "table": table,
        "columns": tables[table],
        "by": asked.getlist("by"),
        "emptied": asked.getlist("emptied"),
        "k": asked.get("k", "") or K,
        "found": None,
    }
    if request.method != "POST":
        return render(request, "console/anonymity.html", words)
    try:
        if not str(words["k"]).isdecimal():
            raise BadInput(_("the size of a group is a whole number"))
        words["found"] = check_anonymity(
            ws, actor=request.user.email, table=table, by=words["by"], emptied=words["emptied"], k=int(words["k"])
        )
    except (BadInput, NotFound, UnknownName) as error:
        messages.error(request, str(error))
        return render(request, "console/anonymity.html", words, status=422)
    words["also"] = sorted(words["found"].with_also_emptied.items(), key=lambda one: (one[1], one[0]))
    return render(request, "console/anonymity.html", words)
