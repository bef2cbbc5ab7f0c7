"""A customer asks for something by mail and confirms it from their mailbox; until then nothing is permitted.

gather   the customer behind the address, and how many such mails they got today
decide   whether this may be asked at all; on the answer: whether anything stands against it by now
act      question and letter in one transaction; the yes, its evidence and the closed question in another

Easy to get wrong: a link that acts when it is opened. Scanners and previews open
links; only the button on the page behind it counts (AC-025). A no that was said after
the question wins over the old link.

Sources: GDPR Art. 4(11), 7(1); EDPB Guidelines 05/2020 par. 104-108; AC-023, AC-025.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rightful.actions.customer_words import InLanguage
from rightful.actions.customer_words import says as says_in
from rightful.actions.give_consent import grant
from rightful.actions.record_choice import make_event, purpose_of, record_all
from rightful.actions.unsubscribe import headers_for
from rightful.consent.events import Event
from rightful.consent.requests import (
    ASKED,
    CONFIRMED,
    DAY_US,
    MAILS_PER_DAY,
    OPEN,
    OPT_IN,
    REFUSED,
    VOID,
    Asked,
)
from rightful.consent.shown import Shown
from rightful.errors import BadInput, EventRejected, NotFound
from rightful.ledger.database import Tx
from rightful.ledger.entry import instant
from rightful.ledger.record import Draft, Entry
from rightful.policy.model import Policy
from rightful.terms import DIRECT_MARKETING, EventKind, LawfulBasis, Method
from rightful.workspace import Workspace

EMAIL = "email"
_NOES = frozenset({EventKind.WITHDRAWN, EventKind.REFUSED, EventKind.OBJECTED, EventKind.OPTED_OUT})


@dataclass(frozen=True, slots=True)
class Question:
    """What a link in a mail is about. `state` is open, confirmed, refused, void or expired."""

    state: str
    kind: str
    choices: tuple[tuple[str, str, str], ...]  # (purpose, channel, the words of the notice)
    language: str
    notice: str


def subscribable(policy: Policy) -> tuple[str, ...]:
    """Purposes that can be asked for by mail: on consent somewhere, with e-mail as a channel."""
    return tuple(
        purpose.id
        for purpose in policy.purposes.values()
        if not purpose.abstract
        and EMAIL in purpose.channels
        and not purpose.for_children
        and any(basis.kind is LawfulBasis.CONSENT for basis in purpose.basis.values())
    )


def request_opt_in(
    ws: Workspace,
    key: str,
    choices: Sequence[tuple[str, str]],
    *,
    to: str,
    notice: str | None = None,
    language: str = "en",
    form: str = "",
    actor: str = "self",
    kind: str = OPT_IN,
) -> bool:
    """Put a question to a customer's mailbox. It permits nothing until the answer comes.

    Args:
        choices: purposes and channels asked for together.
        to: the customer's address, as it is on file.
        kind: who began: the customer (`opt-in`), or the organisation (`asked`, see `ask_for_consent`).

    Returns:
        False: this customer got enough such mails today; nothing was sent.

    Raises:
        EventRejected, GuardianMissing, UnknownName: one of the choices could not be confirmed either.
    """
    no = ws.number_of(key)
    now = ws.ledger.check_clock()
    asked = tuple(dict.fromkeys(choices))
    if not asked:
        raise BadInput("no purpose was named")
    label = ws.shelf.newest_notice() if notice is None else notice
    shown = Shown(language, form=form)
    for purpose, channel in asked:  # what could not be confirmed is not asked for
        grant(ws, no, purpose_of(ws, purpose), channel, label, Method.DOUBLE_OPT_IN, "request", actor, now)
    if ws.requests.mails_since(no, now - DAY_US) >= MAILS_PER_DAY:
        return False
    token = ws.requests.new_token()
    subject = ws.subject_id(no)
    drafts = [
        Draft(
            "consent.asked" if kind == ASKED else "consent.requested",
            {"purpose": purpose, "channel": channel, "notice": label, **shown.public(ws.shelf.digest_of(label))},
            {"actor": actor},
            subject=subject,
        )
        for purpose, channel in asked
    ]

    def rows(tx: Tx, entries: list[Entry]) -> None:
        if ws.requests.mails_since(no, now - DAY_US) >= MAILS_PER_DAY:  # two requests at once
            raise BadInput("enough mails for today")
        ws.requests.add(
            tx,
            token,
            kind,
            subject,
            no,
            asked,
            notice=label,
            language=language,
            form=form,
            now_us=now,
            entries=[entry.index for entry in entries],
        )
        ws.mail.put(
            to=to,
            template="consent_asked" if kind == ASKED else "opt_in",
            words={"link": f"/confirm/{token}/", "asked": [_words(ws, label, p, c, language) for p, c in asked]},
            language=language,
            subject_no=no,
            kind="consent",
            headers=_way_out(ws, no, *asked[0]) if kind == ASKED else None,
            keep=False,
        )

    ws.journal.record(drafts, rows)
    return True


def question(ws: Workspace, token: str) -> Question:
    """What a link is about; looking changes nothing.

    Raises:
        NotFound: no mail of ours has this link.
    """
    found = _found(ws, token)
    now = ws.clock()
    states = {one.state_at(now) for one in found}
    return Question(
        next(state for state in (OPEN, CONFIRMED, REFUSED, VOID, "expired") if state in states),
        found[0].kind,
        tuple((a.purpose, a.channel, _words(ws, a.notice, a.purpose, a.channel, a.language)["says"]) for a in found),
        found[0].language,
        found[0].notice,
    )


def answer_question(ws: Workspace, token: str, *, yes: bool) -> Question:
    """Press one of the two buttons behind the link. It works once.

    A yes becomes a consent whose evidence is the question and this answer; what was refused, withdrawn
    or objected to since the question is left out. A no to a question that the organisation put is a
    refusal; a no to one that somebody put in the customer's name takes nothing away from them.

    Raises:
        NotFound: no mail of ours has this link.
        EventRejected: it was answered already, or its time is over.
    """
    found = _found(ws, token)
    now = ws.ledger.check_clock()
    states = {one.state_at(now) for one in found}
    if OPEN not in states:
        raise EventRejected(
            "this link was used already, or its time is over", remedy="Ask for a new mail, or use the portal"
        )
    no = found[0].no
    events = ws.facts.subject(no).events
    groups: list[tuple[list[Event], Shown | None]] = []
    outcomes: list[tuple[Asked, str, bool]] = []  # (question, state, whether an event says so)
    for one in (a for a in found if a.state_at(now) == OPEN):
        purpose = purpose_of(ws, one.purpose)
        if not yes:
            told = one.kind == ASKED
            if told:
                kind, way = EventKind.REFUSED, Method.DOUBLE_OPT_IN.value
                groups.append(([make_event(ws, kind, one.purpose, one.channel, now, way, "", one.notice)], None))
            outcomes.append((one, REFUSED, told))
        elif _no_since(ws.facts.policy, one, events):
            outcomes.append((one, VOID, False))
        else:
            evidence = f"request-{one.entry}"
            given = grant(ws, no, purpose, one.channel, one.notice, Method.DOUBLE_OPT_IN, evidence, "self", now, None)
            says = _words(ws, one.notice, one.purpose, one.channel, one.language)["says"]
            words = Shown(one.language, says, one.form)
            proof = {"asked-in-entry": str(one.entry), "asked": instant(one.made_us), "confirmed": instant(now)}
            groups.append((given, replace(words, payload=proof)))
            outcomes.append((one, CONFIRMED, True))
    _close(ws, no, groups, outcomes, now)
    return question(ws, token)


def _close(
    ws: Workspace,
    no: int,
    groups: list[tuple[list[Event], Shown | None]],
    outcomes: list[tuple[Asked, str, bool]],
    now: int,
) -> None:
    sizes = [len(events) for events, _ in groups]
    firsts = [sum(sizes[:place]) for place in range(len(sizes))]

    def close(tx: Tx, entries: list[Entry]) -> None:
        heads = iter(entries[first].index for first in firsts)
        ws.requests.answer(tx, [(one.id, state, next(heads) if told else None) for one, state, told in outcomes], now)

    if groups:
        record_all(ws, no, groups, "self", also=close)
        return
    one = outcomes[0][0]
    public = {"purpose": one.purpose, "channel": one.channel, "state": outcomes[0][1]}
    draft = Draft("consent.request-closed", public, {"actor": "self"}, subject=one.subject)
    ws.journal.record(
        [draft],
        lambda tx, entries: ws.requests.answer(tx, [(a.id, state, entries[0].index) for a, state, _ in outcomes], now),
    )


def _found(ws: Workspace, token: str) -> list[Asked]:
    found = [one for one in ws.requests.found(token) if one.kind in (OPT_IN, ASKED)]
    if not found:
        raise NotFound("this link is not one of ours", remedy="Copy the whole link out of the mail")
    return found


def _no_since(policy: Policy, one: Asked, events: Sequence[Event]) -> bool:
    """Whether the customer said no to this after the question went out."""
    scopes = {one.purpose, *policy.ancestors(one.purpose)}
    marketing = policy.purposes[one.purpose].direct_marketing
    return any(
        event.kind in _NOES
        and event.effective_us > one.made_us
        and (event.purpose in scopes or (event.purpose in ("", DIRECT_MARKETING) and marketing))
        for event in events
    )


def _way_out(ws: Workspace, no: int, purpose: str, channel: str) -> dict[str, str]:
    """A question of ours is advertising, too: one press in the mail program says no to it (RFC 8058).

    Without an https address and a mailbox there is nothing to write; the page behind the link has its no.
    """
    try:
        return headers_for(ws, no, purpose, channel)
    except BadInput:
        return {}


def _words(ws: Workspace, notice: str, purpose: str, channel: str, language: str) -> dict[str, str]:
    """The words of the notice; translated where the policy in force still says the same."""
    told = str(ws.shelf.notices().get(notice, {}).get(purpose, {}).get("says", ""))
    policy = ws.facts.policy
    same = not told or told == policy.purposes[purpose].says
    said = says_in(policy, purpose, language) if same else InLanguage(told, policy.language)
    return {"purpose": purpose, "channel": channel, "says": said}
