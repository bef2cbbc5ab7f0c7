"""The open questions of a new notice, for the page of choices."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import Context

from rightful.actions.renew_consent import open_questions
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace

register = template.Library()


@register.inclusion_tag("portal/renewal.html", takes_context=True)
def renewal(context: Context) -> dict[str, Any]:
    """One box per question; nothing where nothing is asked."""
    request = context["request"]
    asked = open_questions(workspace(), key_of(request), language=language())
    return {"questions": asked, "csrf_token": context.get("csrf_token"), "request": request}
