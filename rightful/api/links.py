"""Links that another system puts into its pages and mails, each for one customer.

Nothing in a link says who it is for, and none is stored: see protection/links.py.
"""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from rightful.actions.find_customer import key_of, preference_link
from rightful.actions.unsubscribe import headers_for, site_of, url_for
from rightful.api.caller import Scope, caller
from rightful.api.consents import Person
from rightful.api.shapes import Given, Instant, MaybeName, Name, instant
from rightful.errors import NotFound, UnknownName
from rightful.protection.links import MAIL, WIDGET
from rightful.web.opened import workspace

router = Router(tags=["Links"])
writes = Scope("consents:write")
DAY_MINUTES = 24 * 60


class PreferenceAsk(Person):
    """For whom, and for how long. Without `minutes` the link is for a mail: it has no end and can only say no."""

    minutes: Annotated[int, Field(ge=1, le=DAY_MINUTES)] | None = None


class PreferenceLink(Given):
    """`url` is for an iframe or a window, `include` gives the form alone for a page of your own."""

    url: str
    include: str
    ends: Instant | None


class UnsubscribeAsk(Person):
    """Which list of which customer."""

    purpose: Name
    channel: MaybeName = "email"


class UnsubscribeLink(Given):
    """`url` is for the text of the mail; `headers` are for its head, and DKIM has to sign them."""

    url: str
    headers: dict[str, str]


@router.post("/links:preferences", auth=writes, response=PreferenceLink)
def make_preference_link(request: HttpRequest, who: PreferenceAsk) -> dict[str, object]:
    """A link to the preference form of the customer who is signed in on your site. It ends with your token."""
    ws = workspace()
    kind = MAIL if who.minutes is None else WIDGET
    minted_by = "" if who.minutes is None else caller(request).token
    token, until = preference_link(ws, _key(who), minutes=who.minutes or 0, minted_by=minted_by, kind=kind)
    url = f"{site_of(ws) or request.build_absolute_uri('/').rstrip('/')}/preferences/{token}/"
    return {"url": url, "include": url + "include", "ends": instant(until * 1_000_000) if until else None}


@router.post("/links:unsubscribe", auth=writes, response=UnsubscribeLink)
def make_unsubscribe_link(request: HttpRequest, what: UnsubscribeAsk) -> dict[str, object]:
    """The unsubscribe link of one customer for one list: always the same, works for as long as the mail is kept."""
    ws = workspace()
    no = ws.number_of(_key(what))
    headers = headers_for(ws, no, what.purpose, what.channel)
    return {"url": url_for(ws, no, what.purpose, what.channel), "headers": headers}


def _key(who: Person) -> str:
    """The customer's key, known to be there."""
    ws = workspace()
    key = key_of(ws, who.subject) if who.subject is not None else who.customer
    try:
        ws.number_of(key)
    except UnknownName as error:
        raise NotFound(error.sentence, remedy=error.what_next) from error
    return key
