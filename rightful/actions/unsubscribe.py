"""A link in a mail is pressed, or the mail program presses it: the list stops at once.

gather   what the link stands for: one customer, one purpose, one channel
decide   what says no to it where they live, and whether that stands already
act      events and entries; effective on the very next read

A link has no end and needs no sign-in and no cookie. It keeps working when the policy
no longer has the purpose: a no is always taken. Who reads it learns nothing.

Easy to get wrong: a second press after a new yes must count again, so what decides is
where the choice stands, not whether the link was used; RFC 8058 wants both headers
signed (DKIM) and an https address, so without one only the mail address is given.

Sources: RFC 2369; RFC 8058; CAN-SPAM 16 CFR 316.3, 316.5 (30 days, nothing but the
address); CASL s. 11 (60 days); GDPR Art. 7(3), 21(3).
"""

from __future__ import annotations

import email.policy
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from email.utils import getaddresses
from typing import TYPE_CHECKING
from urllib.parse import quote

from rightful.actions.customer_words import says
from rightful.actions.record_choice import Recorded, make_event, purpose_of, record
from rightful.actions.withdraw_consent import refusal, refused_words
from rightful.consent import rules
from rightful.consent.events import Event
from rightful.errors import BadInput, EventRejected, NotFound, UnknownName
from rightful.gate import use
from rightful.gate.release import Added
from rightful.protection.links import Unsubscribe
from rightful.terms import EventKind, Method
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

ONE_CLICK = "List-Unsubscribe=One-Click"
_TOKEN = re.compile(r"[a-z2-7]{40,200}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a link stands for, in the policy's words, and what was recorded; None: it had stopped already."""

    purpose: str
    channel: str
    says: str
    recorded: Recorded | None


def about(ws: Workspace, token: str, *, language: str = "en") -> Stopped:
    """What a link would stop. Changes nothing.

    Raises:
        NotFound: it is no link of this workspace, or of a generation that was ended.
    """
    meant = _opened(ws, token)
    return Stopped(meant.purpose, meant.channel, says(ws.facts.policy, meant.purpose, language), None)


def unsubscribe(ws: Workspace, token: str, *, method: str = Method.ONE_CLICK.value, language: str = "en") -> Stopped:
    """Stop what a link stands for.

    Raises:
        NotFound: it is no link of this workspace, or of a generation that was ended.
    """
    meant = _opened(ws, token)
    shown = about(ws, token, language=language)
    if use.customer_key(ws, meant.no) is None:
        return shown  # erased: nothing of theirs is there to be used
    now = ws.ledger.check_clock()
    standing = ws.facts.subject(meant.no).events
    events = [e for e in _refusal(ws, meant, method, now) if not _stands(e, standing)]
    if not events:
        return shown
    words = refused_words(meant.purpose, meant.channel)
    done = record(ws, meant.no, events, "self", f"{words}.")
    return Stopped(meant.purpose, meant.channel, shown.says, done)


def headers_for(ws: Workspace, no: int, purpose: str, channel: str = "email") -> dict[str, str]:
    """The headers of a mail to this customer for this purpose. DKIM has to sign both.

    Raises:
        UnknownName: there is no such purpose.
        BadInput: there is neither an https address nor a mail address to answer to.
    """
    purpose_of(ws, purpose)
    token = ws.links.unsubscribe(no, purpose, channel)
    ways, headers = [], {}
    if (site := site_of(ws)).startswith("https://"):
        ways.append(f"<{site}/unsubscribe/{token}>")
        headers["List-Unsubscribe-Post"] = ONE_CLICK
    if address := str(ws.config.get("links", {}).get("mailbox", "")):
        ways.append(f"<mailto:{quote(address, safe='@+')}?subject={quote('unsubscribe ' + token)}>")
    if not ways:
        raise BadInput(
            "there is no way to unsubscribe that could be written into a mail",
            remedy="Set RIGHTFUL_SITE to an https address, or links.mailbox in rightful.json",
        )
    return {"List-Unsubscribe": ", ".join(ways), **headers}


def url_for(ws: Workspace, no: int, purpose: str, channel: str = "email") -> str:
    """The link for the text of a mail, or for a column of a list that a mail program fills in.

    Raises:
        BadInput: no address of these pages is known.
    """
    if not (site := site_of(ws)):
        raise BadInput(
            "the address of these pages is not known", remedy="Set RIGHTFUL_SITE, or `site` in rightful.json"
        )
    return f"{site}/unsubscribe/{ws.links.unsubscribe(no, purpose, channel)}"


def unsubscribe_column(ws: Workspace, purpose: str, channel: str) -> Added:
    """A column of links for a list that a mail program works off, one for each customer.

    Raises:
        BadInput: no address of these pages is known.
    """
    first = url_for(ws, 0, purpose, channel)
    site = first[: first.rindex("/") + 1]

    def links(numbers: NDArray[np.uint32]) -> pa.Array:
        import pyarrow as pa

        return pa.array([site + ws.links.unsubscribe(int(no), purpose, channel) for no in numbers], pa.string())

    return Added("unsubscribe_url", links)


def unsubscribe_by_mail(ws: Workspace, mail: bytes) -> Stopped:
    """Stop what a mail to the mailbox asks for: its subject, or an address it went to, holds the link's token.

    Raises:
        NotFound: no token of this workspace is in it.
        BadInput: this is no mail.
    """
    try:
        parsed = BytesParser(policy=email.policy.default).parsebytes(mail, headersonly=True)
        texts = [str(parsed.get("Subject", ""))]
        for name in ("To", "Delivered-To", "X-Original-To", "Cc"):
            values = [str(value) for value in parsed.get_all(name, [])]
            texts += [address.partition("@")[0] for _, address in getaddresses(values)]
    except (ValueError, IndexError, LookupError) as fault:
        raise BadInput("this is no mail that can be read") from fault
    for token in _tokens(texts):
        if ws.links.open_unsubscribe(token) is not None:
            return unsubscribe(ws, token)
    raise NotFound("this mail holds no unsubscribe link", remedy="It is in the subject or in the address it went to")


def site_of(ws: Workspace) -> str:
    """The address of the customers' pages, without a slash at the end; "" if it is not known."""
    return (os.environ.get("RIGHTFUL_SITE", "") or str(ws.config.get("site", ""))).rstrip("/")


def _opened(ws: Workspace, token: str) -> Unsubscribe:
    meant = ws.links.open_unsubscribe(token)
    if meant is None:
        raise NotFound("this link opens nothing", remedy="Use the link in the newest mail")
    return meant


def _refusal(ws: Workspace, meant: Unsubscribe, method: str, now: int) -> list[Event]:
    """The events that say no; a plain withdrawal where the policy has nothing to say about it any more."""
    try:
        return refusal(ws, meant.no, purpose_of(ws, meant.purpose), meant.channel, method, now)
    except (UnknownName, EventRejected):
        return [make_event(ws, EventKind.WITHDRAWN, meant.purpose, meant.channel, now, method, "")]


def _stands(event: Event, standing: Sequence[Event]) -> bool:
    """Whether this no is in force already."""
    if event.kind is EventKind.WITHDRAWN:
        choice = rules.choice_for(standing, (event.purpose,), event.channel, lambda _label: True)
        return choice.status is rules.Status.WITHDRAWN
    ends = EventKind.OBJECTION_LIFTED if event.kind is EventKind.OBJECTED else EventKind.OPTED_IN_AGAIN
    return event.purpose in rules.active_scopes(standing, event.kind, ends)


def _tokens(texts: Iterable[str]) -> Iterable[str]:
    for text in texts:
        yield from _TOKEN.findall(text)
