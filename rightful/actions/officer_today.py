"""What an officer has to know this morning: what was used, what was refused, what needs a decision.

gather   the journal, the permission state, the policy in force
decide   what is worth attention
act      nothing

Easy to get wrong: figures that cannot be traced; each one here comes from the journal
or from the permission state, with its version beside it.

Sources: UX console C1, C8; GDPR Art. 5(2).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from rightful.actions.read_gate_log import LogLine, instant_of, log, reason_words
from rightful.actions.see_requests import late_at, late_tasks, pressing, receipts_to_confirm
from rightful.errors import RightfulError
from rightful.gate.request import Request
from rightful.workspace import Workspace

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that waits for a person. `severity` is now, soon or note."""

    sentence: str
    link_words: str
    severity: str


@dataclass(frozen=True, slots=True)
class Today:
    policy_name: str
    policy_version: str
    policy_since: datetime
    customers: int
    uses_7d: int
    refusals_7d: tuple[tuple[str, int], ...]
    withdrawals_7d: int
    permitted: tuple[tuple[str, str, int, int], ...]
    ledger_size: int
    ledger_checked: str
    latest: tuple[LogLine, ...]
    attention: tuple[Attention, ...]


def today(ws: Workspace) -> Today:
    """The officer's first page."""
    now = ws.clock()
    week = now - 7 * DAY_US
    policy = ws.facts.policy
    published = ws.shelf.history()[-1]
    refusals: Counter[str] = Counter()
    for line in ws.journal.lines(since_us=week, kind="use.refused", limit=10_000):
        refusals.update(reason_words(code) for code in line.codes)
    withdrawals = ws.control.query(
        "SELECT count(*) FROM consent_event WHERE received_us >= ? AND kind IN ('withdrawn', 'objected', 'opted-out')",
        (week,),
    )
    return Today(
        policy_name=policy.name,
        policy_version=policy.version,
        policy_since=instant_of(published.published_us),
        customers=_known(ws, now),
        uses_7d=ws.journal.count("use.query", week) + ws.journal.count("use.export", week),
        refusals_7d=tuple(refusals.most_common(8)),
        withdrawals_7d=int(withdrawals[0][0]),
        permitted=tuple(_permitted(ws, now)),
        ledger_size=ws.ledger.head()[0],
        ledger_checked=ledger_state(ws),
        latest=log(ws, limit=8),
        attention=tuple(_attention(ws, now)),
    )


def ledger_state(ws: Workspace) -> str:
    """ "ok", or what does not hold: the tree against its checkpoint, and the consent record's rows."""
    try:
        for seq, fault in ws.consent.audit():
            return f"fault: consent record {seq}: {fault}"
    except RightfulError as fault:
        return f"fault: {fault.sentence}"
    return "ok"


def _permitted(ws: Workspace, now: int) -> list[tuple[str, str, int, int]]:
    found = []
    for purpose in ws.facts.policy.purposes.values():
        if purpose.abstract:
            continue
        role = next((r.id for r in ws.facts.policy.roles.values() if _pursues(ws, r.purposes, purpose.id)), "")
        for channel in purpose.channels or ("",):
            plan = ws.facts.plan(Request("system", role, purpose.id, channel), now)
            if plan.ask is None:
                continue
            bulk = ws.facts.bulk(plan, now)
            found.append((purpose.id, channel, bulk.permitted, bulk.known - bulk.permitted))
    return found


def _pursues(ws: Workspace, purposes: tuple[str, ...], purpose: str) -> bool:
    return any(p in purposes for p in (purpose, *ws.facts.policy.ancestors(purpose)))


def _known(ws: Workspace, now: int) -> int:
    counts = _permitted(ws, now)
    return counts[0][2] + counts[0][3] if counts else 0


def _attention(ws: Workspace, now: int) -> list[Attention]:
    found = [*_requests(ws), *_gone(ws)]
    for recipient in ws.facts.policy.recipients.values():
        if recipient.until_us is None:
            continue
        # The term is half-open: the last day in force is the one before its end.
        last = instant_of(recipient.until_us - 1).astimezone(ZoneInfo(ws.facts.policy.timezone))
        ends = last.strftime("%A, %-d %B %Y")
        if recipient.until_us <= now:
            words = f"The agreement with {recipient.id} ended on {ends}; the gate refuses every export to it"
            found.append(Attention(words, "Renew it, or take the recipient out of the policy", "now"))
        elif recipient.until_us < now + 60 * DAY_US:
            found.append(Attention(f"The agreement with {recipient.id} ends on {ends}", "Renew it", "soon"))
    unclassified = sorted(ws.facts.bound.unclassified)
    if unclassified:
        names = ", ".join(unclassified[:4]) + (" and more" if len(unclassified) > 4 else "")
        count = len(unclassified)
        words = f"{count} column{'s are' if count > 1 else ' is'} not classified ({names}); nobody can use them"
        found.append(Attention(words, "Put them into a category, or drop them", "note"))
    for mismatch in (*ws.facts.bound.missing, *ws.facts.bound.contradictions):
        found.append(Attention(mismatch.what, "Mend the policy", "now"))
    return found


def _requests(ws: Workspace) -> list[Attention]:
    """Requests of customers that are late, nearly late, or wait for a person."""
    overdue, soon, staff = pressing(ws)
    found = []
    if overdue:
        words = f"{overdue:,} request{'s of customers are' if overdue != 1 else ' of a customer is'} past the date"
        found.append(Attention(words, "Answer today, and say why it took longer", "now"))
    if soon:
        words = f"{soon:,} request{'s of customers are' if soon != 1 else ' of a customer is'} due within a week"
        found.append(Attention(words, "Answer, or tell the customer in time that it takes longer", "soon"))
    if receipts := receipts_to_confirm(ws):
        words = f"The receipt of {receipts:,} request{'s' if receipts != 1 else ''} has to be confirmed within a week"
        found.append(Attention(words, "Confirm it on the way it came, and note that on its page", "soon"))
    if late := late_tasks(ws):
        words = f"{len(late):,} task{'s' if len(late) != 1 else ''} of requests should have been done by now"
        found.append(Attention(f"{words} ({', '.join(late_at(late))})", "Ask whoever is responsible", "now"))
    if staff:
        words = f"{staff:,} request{'s wait' if staff != 1 else ' waits'} for a person to check who asks"
        found.append(Attention(words, "Look at Requests, and say who it is", "soon"))
    return found


def _gone(ws: Workspace) -> list[Attention]:
    """People who were erased and are in the store again; a backup that could not be restored."""
    found = []
    if back := len(ws.suppression.back()):
        words = (
            f"{back:,} {'people who were erased are' if back != 1 else 'person who was erased is'} in the store again"
        )
        found.append(Attention(words, "Look at Retention, Staying gone, and decide", "now"))
    tried = next((one for one in ws.backups.all() if one.drill), None)
    if tried is not None and tried.drill != "ok":
        found.append(
            Attention(f"The restore of {tried.file} was tried and failed", "Make another backup, try it", "now")
        )
    return found
