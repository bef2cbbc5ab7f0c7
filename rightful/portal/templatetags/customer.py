"""How the customer's pages say what actions give them: sentences, names, values, lengths of time.

Texts of the policy that are in another language than the page carry that language
(WCAG 2.2 SC 3.1.2), so that they are read aloud as what they are.

Easy to get wrong: marking anything safe. What is not text here is put together by
`format_html`, which escapes every part.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from rightful.actions.customer_words import (
    CHANNELS,
    ORIGIN_WORDS,
    RECIPIENT_KINDS,
    UNIT_WORDS,
    InLanguage,
    Label,
    Said,
)
from rightful.actions.show_data import Delicate
from rightful.notices.words import LANGUAGES, words_of
from rightful.policy.model import Period
from rightful.web.opened import workspace
from rightful.web.templatetags.words import day, moment

register = template.Library()


@register.filter
def said(sentence: Said) -> str:
    """The sentence in the page's language, its days and numbers written as they are written there."""
    words = {name: _place(value) if name == "place" else _word(value) for name, value in sentence.words.items()}
    return _(sentence.template) % words if words else _(sentence.template)


@register.filter
def each_said(sentences: Iterable[Said]) -> str:
    return "; ".join(said(one) for one in sentences)


@register.filter
def worded(text: InLanguage | Said | str) -> SafeString:
    """Words of the policy; with their language where the page speaks another one."""
    if isinstance(text, Said):
        return format_html("{}", said(text))
    other = foreign(text)
    return format_html('<bdi lang="{}">{}</bdi>', other, text) if other else format_html("<bdi>{}</bdi>", text)


@register.filter
def all_worded(texts: Iterable[InLanguage]) -> SafeString:
    return format_html_join(", ", "{}", ((worded(one),) for one in texts))


@register.filter
def foreign(text: object) -> str:
    """The language of a text, where it is not that of the page."""
    language = getattr(text, "language", "")
    return "" if language == (get_language() or "en").partition("-")[0] else language


@register.filter
def named(label: Label) -> str:
    """A field's name as plain text; with its unit where the name is a technical one."""
    return f"{label.text} ({_(UNIT_WORDS[label.unit])})" if label.unit else str(label.text)


@register.filter
def called(label: Label) -> SafeString:
    """A field's name for the page, with its language."""
    if label.unit:
        return format_html("{} ({})", worded(label.text), _(UNIT_WORDS[label.unit]))
    return worded(label.text)


@register.filter
def all_called(labels: Iterable[Label]) -> SafeString:
    return format_html_join(", ", "{}", ((called(one),) for one in labels))


@register.filter
def channel(name: str) -> str:
    return _(CHANNELS[name]) if name in CHANNELS else name


@register.filter
def origin(name: str) -> str:
    return _(ORIGIN_WORDS[name])


@register.filter
def recipient_kind(name: str) -> str:
    return _(RECIPIENT_KINDS[name]) if name in RECIPIENT_KINDS else ""


@register.filter
def kept(period: Period | None) -> str:
    """`6 months after the last delivery`; the moment in the policy's own words where it knows the language."""
    if period is None:
        return ""
    count = {"count": period.count}
    length = {
        "days": ngettext("%(count)s day", "%(count)s days", period.count),
        "weeks": ngettext("%(count)s week", "%(count)s weeks", period.count),
        "months": ngettext("%(count)s month", "%(count)s months", period.count),
        "years": ngettext("%(count)s year", "%(count)s years", period.count),
    }[period.unit if period.unit.endswith("s") else f"{period.unit}s"] % count
    if not period.after:
        return length
    policy = workspace().facts.policy
    language = (get_language() or "en").partition("-")[0]
    own = policy.words.get(period.after, {}).get(language)
    if own:  # the policy says it with its preposition
        return _("%(length)s %(event)s") % {"length": length, "event": own}
    event = worded(InLanguage(period.after, policy.language))
    whole = _("%(length)s from %(event)s") if period.after.startswith("the end") else _("%(length)s after %(event)s")
    whole = whole.replace("%(length)s", "{length}").replace("%(event)s", "{event}")
    return format_html(whole, length=length, event=event)


@register.filter
def country(code: str) -> str:
    """A country's name in the page's language; its code where no name is known."""
    language = (get_language() or "en").partition("-")[0]
    return words_of(language if language in LANGUAGES else "en").countries.get(code, code)


@register.filter(expects_localtime=False)
def value(held: object) -> str:
    """A value as a person writes it; whole numbers stay as they are: they may be years."""
    if held is None:
        return ""
    if isinstance(held, Delicate):
        return _("Something is here. It is delicate, so you get it with a request.")
    if isinstance(held, bool):
        return _("yes") if held else _("no")
    if isinstance(held, datetime):
        return moment(held if held.tzinfo else timezone.make_aware(held))
    if isinstance(held, date):
        return date_format(held, _("l, j F Y"))
    if isinstance(held, float | Decimal):
        return number_format(held, use_l10n=True)
    if isinstance(held, list | tuple):
        return ", ".join(value(one) for one in held)
    return str(held)


def _place(code: object) -> str:
    """A country, and within it a part of it by its code."""
    land, _part, part = str(code).partition("-")
    return f"{country(land)} ({code})" if part else country(land)


def _word(held: object) -> str:
    if isinstance(held, datetime):
        return day(held)
    if isinstance(held, date):
        return date_format(held, _("l, j F Y"))
    return number_format(held, use_l10n=True, force_grouping=True) if isinstance(held, int) else str(held)


@register.filter
def at(things: tuple[object, ...], place: int) -> object:
    """The thing at this place: the column of a cell."""
    return things[place]
