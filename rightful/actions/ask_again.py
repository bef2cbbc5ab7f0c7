"""Whom may we ask for a consent, and from when; and asking them.

gather   where everybody stands, whom we asked already, the policy's rest period
decide   the pure rule: a no rests, an objection is final, a child's guardian is asked instead
act      the question is recorded; a mail goes out only where a mail may

Easy to get wrong: a mail that asks for permission to send mails. To somebody who never
agreed it is itself marketing, so marketing is asked for by mail only while a consent
still stands; everybody else is asked where they are: in the portal, on the telephone.

Sources: GDPR Art. 4(11), 7(4), 21(3); ePrivacy Directive Art. 13(1); ICO, monetary
penalties of 20 March 2017 (Flybe, Honda); CCPA 1798.135(c)(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions.double_opt_in import request_opt_in
from rightful.actions.record_choice import Recorded, purpose_of, recorded
from rightful.consent.asking import CODES, IN_FORCE, SENTENCES, may_ask_from
from rightful.consent.events import NEVER_US
from rightful.consent.requests import ASKED
from rightful.consent.shown import Shown
from rightful.errors import AskedTooEarly, BadInput, EventRejected
from rightful.gate import use
from rightful.gate.asking import rest_of, standing_of, when_to_ask
from rightful.gate.conditions import Ask, View
from rightful.gate.planes import Evaluation
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RENEWAL_US = 60 * 86_400_000_000
"""How long before its end a consent may be renewed."""
PORTAL, MAIL, AGENT = WAYS = ("portal", "mail", "agent")


@dataclass(frozen=True, slots=True)
class MayAsk:
    """When one customer may be asked: None if not at all; `why` is a code of `consent.asking`."""

    at: datetime | None
    now: bool
    why: str
    sentence: str


@dataclass(frozen=True, slots=True)
class AskList:
    """How many customers may be asked now, and why not the others.

    Attributes:
        numbers: customer numbers that may be asked now, at most as many as were wanted.
        now: how many they are altogether.
        waiting: code -> customers who may not be asked now.
        next_at: when the next of them may be asked; None if nobody.
    """

    numbers: tuple[int, ...]
    now: int
    waiting: Mapping[str, int]
    next_at: datetime | None


def may_ask(ws: Workspace, key: str, purpose: str, channel: str = "") -> MayAsk:
    """From when a customer may be asked for a purpose on a channel (again)."""
    return _may_ask(ws, ws.number_of(key), purpose, channel, ws.clock())


def who_to_ask_again(ws: Workspace, purpose: str, channel: str = "", *, limit: int = 0) -> AskList:
    """Everybody, under the same rule at once. Nobody is named: numbers in the record, no data.

    Args:
        limit: how many numbers to list.
    """
    import numpy as np

    found = purpose_of(ws, purpose)
    _check_channel(found.channels, purpose, channel)
    now = ws.clock()
    people = Evaluation(ws.facts.policy, ws.facts.notices, ws.facts.people(now), now)
    rows = ws.requests.last_asked(purpose, channel)
    asked = np.array([row[0] for row in rows], np.int64), np.array([row[1] for row in rows], np.int64)
    when, why = when_to_ask(people, Ask(ws.facts.policy, ws.facts.notices, purpose, channel), asked)
    ready = when <= now
    later = when[~ready & (when < NEVER_US)]
    counts = np.bincount(why[~ready], minlength=len(CODES))
    return AskList(
        tuple(int(number) for number in np.flatnonzero(ready)[:limit]),
        int(np.count_nonzero(ready)),
        {code: int(count) for code, count in zip(CODES, counts, strict=True) if count},
        _day(int(later.min())) if len(later) else None,
    )


def ask_for_consent(
    ws: Workspace,
    key: str,
    purpose: str,
    channel: str = "",
    *,
    actor: str,
    by: str = PORTAL,
    notice: str | None = None,
    language: str = "en",
) -> Recorded | None:
    """Put the question, and write down that it was put: unanswered, it starts a rest period as well.

    Args:
        by: `portal` and `agent` note that somebody asks; `mail` sends a letter with a link.

    Returns:
        The entry; None if a mail was wanted and the customer got enough of them today.

    Raises:
        AskedTooEarly: the rest period is not over, or this customer may not be asked at all.
        EventRejected: marketing may not be asked for by mail where no consent stands.
    """
    if by not in WAYS:
        raise BadInput(f"nobody asks by {by}", remedy="Name one of: " + ", ".join(WAYS))
    no = ws.number_of(key)
    found = purpose_of(ws, purpose)
    _check_channel(found.channels, purpose, channel)
    now = ws.ledger.check_clock()
    may = _may_ask(ws, no, purpose, channel, now)
    renewal = may.why == IN_FORCE and may.at is not None and _us(may.at) - now <= RENEWAL_US
    if not may.now and not renewal:
        day = f"until {may.at:%A, %-d %B %Y}" if may.at is not None else "at all"
        raise AskedTooEarly(f"this customer may not be asked for {purpose} {day}: {may.sentence}")
    label = ws.shelf.newest_notice() if notice is None else notice
    if by == MAIL:
        if found.direct_marketing and not renewal:
            raise EventRejected(
                f"asking for {purpose} by mail is itself marketing, and no consent stands",
                remedy="Ask in the portal, or when you speak to the customer",
                code="consent.asking-is-marketing",
            )
        return _by_mail(ws, key, no, purpose, channel, label, language, actor)
    subject = ws.subject_id(no)
    shown = Shown(language)
    public = {"purpose": purpose, "channel": channel, "notice": label, **shown.public(ws.shelf.digest_of(label))}
    draft = Draft("consent.asked", public, {"actor": actor, "by": by}, subject=subject)
    token = ws.requests.new_token()  # nobody ever holds it: this question is answered where it was put
    entries = ws.journal.record(
        [draft],
        lambda tx, written: ws.requests.add(
            tx,
            token,
            ASKED,
            subject,
            no,
            [(purpose, channel)],
            notice=label,
            language=language,
            now_us=now,
            entries=[written[0].index],
        ),
    )
    return recorded(entries[0], "The question is on record; a yes or no is recorded by itself.")


def _by_mail(
    ws: Workspace, key: str, no: int, purpose: str, channel: str, notice: str, language: str, actor: str
) -> Recorded | None:
    column = str(ws.config.get("subject", {}).get("email", ""))
    address = use.contact_of(ws, no, column) if column else ""
    if not address:
        raise EventRejected("this customer has no e-mail address on file", remedy="Ask in the portal")
    sent = request_opt_in(
        ws,
        key,
        [(purpose, channel)],
        to=address,
        notice=notice,
        language=language,
        actor=actor,
        kind=ASKED,
    )
    if not sent:
        return None
    return recorded(ws.ledger.entry(ws.requests.of(no, limit=1)[0].entry), "The question is in the mail.")


def _may_ask(ws: Workspace, no: int, purpose: str, channel: str, now: int) -> MayAsk:
    purpose_of(ws, purpose)
    ask = Ask(ws.facts.policy, ws.facts.notices, purpose, channel)
    asked = [
        one.made_us
        for one in ws.requests.of(no, limit=1000)
        if one.kind == ASKED and (one.purpose, one.channel) == (purpose, channel)
    ]
    standing = standing_of(View(ask, ws.facts.subject(no), now), max(asked, default=None))
    when, why = may_ask_from(standing, now, rest_of(ask))
    return MayAsk(None if when == NEVER_US else _day(max(when, 0)), when <= now, why, SENTENCES[why])


def _check_channel(channels: tuple[str, ...], purpose: str, channel: str) -> None:
    if channel not in (channels or ("",)):
        raise BadInput(
            f"{purpose} has no channel {channel or '(none)'}",
            remedy="Name one of: " + (", ".join(channels) or "(no channel)"),
        )


def _day(us: int) -> datetime:
    return EPOCH + timedelta(microseconds=us)


def _us(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)
