"""How requests are said on pages, the customer's and the staff's: kinds, states, steps, letters.

Easy to get wrong: a letter as HTML. It is shown as blocks of text, so that nothing in it is obeyed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django import template
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from rightful.actions import request_words
from rightful.actions.customer_words import Said
from rightful.actions.due_words import steps
from rightful.actions.see_requests import instant
from rightful.compliance.laws import every_law

register = template.Library()


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph or the heading of a letter."""

    heading: bool
    text: str


def _said(table: dict[str, str], name: object) -> str:
    words = table.get(str(name), "")
    return _(words) if words else str(name)


@register.filter
def request_kind(kind: object) -> str:
    return _said(request_words.KINDS, kind)


@register.filter
def request_state(state: object) -> str:
    return _said(request_words.STATES, state)


@register.filter
def request_step(step: object) -> str:
    return _said(request_words.STEPS, step)


@register.filter
def request_reason(reason: object) -> str:
    return _said(request_words.REASONS, reason) if reason else ""


@register.filter
def task_words(what: object) -> str:
    return _said(request_words.TASKS, what)


@register.filter
def task_state(state: object) -> str:
    return _said(request_words.TASK_STATES, state)


@register.filter
def level_words(level: int) -> str:
    return _(request_words.LEVELS[int(level)])


@register.filter
def law_name(law: str) -> str:
    return every_law()[law].name if law in every_law() else law


@register.filter
def iso_day(text: str) -> str:
    """`Tuesday, 3 March 2026` of 2026-03-03."""
    return date_format(date.fromisoformat(text), _("l, j F Y")) if text else ""


@register.filter
def short_day(text: str) -> str:
    """`Tue, 3 Mar 2026` of 2026-03-03, for tables."""
    return date_format(date.fromisoformat(text), _("D, j M Y")) if text else ""


@register.filter
def days_left(days: int | None) -> str:
    if days is None:
        return ""
    if days < 0:
        return ngettext("%(count)s day late", "%(count)s days late", -days) % {"count": -days}
    return ngettext("%(count)s day left", "%(count)s days left", days) % {"count": days}


@register.filter
def reasons_of(reasoning: str) -> list[str]:
    """The steps of a count, one by one."""
    return [part[:1].upper() + part[1:] for part in reasoning.split("; ") if part]


@register.filter
def counted(reasoning: str) -> list[Said | str]:
    """The steps of a count for the customer: sentences, and in the words of the record what has none."""
    return [Said(code, words) if code else str(words["text"]) for code, words in steps(reasoning)]


@register.filter
def is_on_record(step: Said | str) -> bool:
    return isinstance(step, str)


@register.filter
def blocks(markdown: str) -> list[Block]:
    """A letter or a message as blocks of plain text."""
    parts = [part.strip() for part in markdown.replace("\r\n", "\n").split("\n\n")]
    return [Block(part.startswith("# "), part.removeprefix("# ").replace("**", "")) for part in parts if part]


@register.filter(expects_localtime=False)
def at_us(us: int) -> object:
    """An instant kept as microseconds, for the other filters."""
    return instant(us)
