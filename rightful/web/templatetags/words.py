"""How pages say dates and numbers. A date always has its weekday."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

register = template.Library()


@register.filter(expects_localtime=False)
def day(instant: datetime | None) -> str:
    """`Tuesday, 3 March 2026`, in the organisation's zone."""
    return date_format(timezone.localtime(instant), _("l, j F Y")) if instant else ""


@register.filter(expects_localtime=False)
def moment(instant: datetime | None) -> str:
    """`Tuesday, 3 March 2026, 14:05`, in the organisation's zone."""
    return date_format(timezone.localtime(instant), _("l, j F Y, H:i")) if instant else ""


@register.filter(expects_localtime=False)
def short(instant: datetime | None) -> str:
    """`Tue, 3 Mar 2026, 14:05`, for tables; in the organisation's zone."""
    return date_format(timezone.localtime(instant), _("D, j M Y, H:i")) if instant else ""


@register.filter(expects_localtime=False)
def clock(instant: datetime | None) -> str:
    """`14:05`, in the organisation's zone."""
    return date_format(timezone.localtime(instant), _("H:i")) if instant else ""


@register.filter(expects_localtime=False)
def iso(instant: datetime | None) -> str:
    """For the datetime attribute: machines get the offset too."""
    return timezone.localtime(instant).isoformat(timespec="seconds") if instant else ""


@register.filter
def plain(fields: Iterable[str]) -> str:
    """`customer.first_name, customer.email` as a customer would say it: `first name, email`."""
    return ", ".join(dict.fromkeys(field.rpartition(".")[2].replace("_", " ") for field in fields))


@register.filter
def isolated(text: object) -> str:
    """A label in a sentence that may run the other way: its parts keep their order (Unicode UAX 9, FSI and PDI)."""
    return f"\u2068{text}\u2069"


@register.filter
def grouped(number: int | None) -> str:
    """`12,413`; a narrow no-break space would be prettier and is unknown to many."""
    return "" if number is None else f"{number:,}"


@register.filter
def share(part: int, whole: int) -> int:
    """Whole percent, for a meter; 0 of 0 is 0."""
    return round(100 * part / whole) if whole else 0


@register.simple_tag(name="total")
def total(*numbers: int) -> int:
    """The sum."""
    return sum(numbers)


@register.simple_tag
def row_id(purpose: str, channel: str) -> str:
    """The id of a choice's row: safe in an address and in a CSS selector."""
    return re.sub(r"[^A-Za-z0-9-]", "-", f"choice-{purpose}-{channel.strip('*') or 'any'}")
