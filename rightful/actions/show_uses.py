"""Each time a customer's data was used, counted or refused, and the proof of it.

gather   entries about the customer alone, and the bulk uses whose bitmap holds their number
decide   which of them were asked for, and what each one is in plain words
act      nothing: looking at one's own history is no use of data

Easy to get wrong: one customer's proof shown to another (looked up by entry, checked
by subject); a page that reads every entry there ever was (it stops when it is full).

Sources: GDPR Art. 15; UX portal P6; abuse case AC-031.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from rightful.actions import request_words
from rightful.actions.customer_words import (
    SENTENCES,
    InLanguage,
    Label,
    Said,
    field_name,
    recipient_name,
    role_name,
    says,
)
from rightful.errors import NotFound
from rightful.ledger.record import Entry
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USED, COUNTED, REFUSED, CHOICE, CHANGED, OWN, TOLD = OUTCOMES = (
    "used", "counted", "refused", "choice", "changed", "own", "told",
)  # fmt: skip

_SAID = {
    "use.query": (USED, "read"),
    "use.export": (USED, "listed"),
    "use.withheld": (REFUSED, "left_out"),
    "use.refused": (REFUSED, "asked_and_refused"),
    "use.failed": (REFUSED, "asked_and_not_run"),
    "use.decision": (USED, "checked_yes"),
    "use.own": (OWN, "looked_yourself"),
    "use.own-copy": (OWN, "downloaded_yourself"),
    "consent.exported": (USED, "choices_copied"),
    "consent.given": (CHOICE, "you_said_yes"),
    "consent.withdrawn": (CHOICE, "you_took_back"),
    "consent.refused": (CHOICE, "you_said_no"),
    "consent.deferred": (CHOICE, "you_closed"),
    "consent.objected": (CHOICE, "you_objected"),
    "consent.objection-lifted": (CHOICE, "you_lifted_objection"),
    "consent.opted-out": (CHOICE, "you_opted_out"),
    "consent.opted-in-again": (CHOICE, "you_opted_in"),
    "consent.signal-gpc": (CHOICE, "browser_signal"),
    "consent.soft-opt-in": (CHOICE, "sale_noted"),
    "consent.notice-served": (TOLD, "notice_shown"),
    "consent.requested": (CHOICE, "you_asked_by_mail"),
    "consent.request-closed": (CHOICE, "question_closed"),
    "consent.asked": (TOLD, "we_asked"),
    "consent.receipt": (OWN, "receipt_made"),
    "consent.guardian-invited": (CHOICE, "guardian_invited"),
    "consent.guardian-needs-staff": (TOLD, "guardian_waits"),
    "consent.guardian-verified": (TOLD, "guardian_known"),
    "consent.guardian-rejected": (TOLD, "guardian_not_known"),
    "consent.guardian-declined": (TOLD, "guardian_declined"),
    "consent.guardian-looked": (USED, "guardian_looked_at"),
    "consent.guardian-link": (TOLD, "guardian_link"),
    "consent.restricted": (CHOICE, "restriction_set"),
    "consent.restriction-lifted": (CHOICE, "restriction_lifted"),
    "consent.moved": (CHANGED, "residence_noted"),
    "consent.born": (CHANGED, "birth_noted"),
    "consent.active": (CHANGED, "activity_noted"),
    "mail.sent": (TOLD, "mail_sent"),
    "correction.asked": (CHANGED, "correction_asked"),
    "correction.done": (CHANGED, "correction_done"),
    "correction.opened": (USED, "correction_opened"),
    "correction.refused": (REFUSED, "correction_refused"),
    "correction.failed": (REFUSED, "correction_failed"),
    "erasure.done": (CHANGED, "erasure_done"),
    "erasure.failed": (REFUSED, "erasure_failed"),
    "derived.kept": (USED, "derived_kept"),
    "derived.reached": (CHANGED, "derived_reached"),
    "derived.outside": (USED, "derived_outside"),
    "share.batch": (USED, "share_batch"),
    "share.sent": (REFUSED, "share_sent"),
    "share.owed": (TOLD, "share_owed"),
    "share.told": (TOLD, "share_told"),
    "share.confirmed": (TOLD, "share_confirmed"),
    **request_words.SAID,
}


@dataclass(frozen=True, slots=True)
class UseSeen:
    """One line of a customer's history. `said` is what happened, `why` the purpose, `because` a reason given.

    `purpose`, `role` and `recipient` are the policy's ids, for programs; `role_name` and the like are for people.
    """

    index: int
    at: datetime
    said: Said
    why: str
    purpose: str
    channel: str
    role: str
    role_name: InLanguage | Said | None
    recipient: str | None
    recipient_name: str
    outcome: str
    fields: tuple[Label, ...]
    because: Said | None = None

    @property
    def what(self) -> str:
        """In English and on one line, with the policy's own names: for the command line."""
        way = f" by {self.channel}" if self.channel and self.channel != "*" else ""
        about = f": {self.purpose}{way}" if self.purpose else ""
        return f"{self.said}{about}" + (f", given to {self.recipient}" if self.recipient else "")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines of the history: "" and None stand for all. Instants in microseconds, [since, until)."""

    purpose: str = ""
    outcome: str = ""
    since_us: int | None = None
    until_us: int | None = None

    def fits(self, entry: Entry, public: Mapping[str, Any]) -> bool:
        return (
            (self.since_us is None or entry.at >= self.since_us)
            and (self.until_us is None or entry.at < self.until_us)
            and (not self.purpose or public.get("purpose") == self.purpose)
            and (not self.outcome or _meaning(entry.kind, public)[0] == self.outcome)
        )


ALL = Wanted()


def uses(
    ws: Workspace,
    key: str,
    *,
    limit: int = 100,
    before: int | None = None,
    wanted: Wanted = ALL,
    language: str = "en",
) -> tuple[UseSeen, ...]:
    """The newest lines first, at most `limit`, older than entry `before`."""
    found: list[UseSeen] = []
    for entry in _entries(ws, ws.number_of(key), before):
        if wanted.since_us is not None and entry.at < wanted.since_us:
            break  # entries stand in the order of their instants
        if entry.kind.endswith(".begun"):
            continue  # what came of it has an entry of its own
        public = entry.public
        if wanted.fits(entry, public):
            found.append(_seen(ws, entry, public, language))
            if len(found) == limit:
                break
    return tuple(found)


def purposes_used(ws: Workspace, language: str = "en") -> tuple[tuple[str, str], ...]:
    """(id, words) of every purpose a history can be narrowed to."""
    policy = ws.facts.policy
    return tuple((p.id, says(policy, p.id, language)) for p in policy.purposes.values() if not p.abstract)


def proof(ws: Workspace, key: str, index: int) -> bytes:
    """The receipt of one entry, as a zip that verifies without us.

    Raises:
        NotFound: there is no such entry about this customer (the same answer either way).
    """
    no = ws.number_of(key)
    alone = index in ws.ledger.entries_of(ws.subject_id(no))
    if not alone and index not in ws.ledger.uses_touching(no):
        raise NotFound(f"there is no entry {index} about you", remedy="The list shows all entries about you")
    receipt = ws.ledger.receipt(index)
    if not alone:
        receipt = replace(receipt, opening=None)  # of a use of many: who asked and the text are not theirs to see
    return receipt.to_bytes()


def _entries(ws: Workspace, no: int, before: int | None) -> Iterator[Entry]:
    indexes = set(ws.ledger.entries_of(ws.subject_id(no))) | set(ws.ledger.uses_touching(no))
    for index in sorted((i for i in indexes if before is None or i < before), reverse=True):
        yield ws.ledger.entry(index)


def _meaning(kind: str, public: Mapping[str, Any]) -> tuple[str, str]:
    """(outcome, code of the sentence) of an entry."""
    if kind == "use.query" and public.get("shape") == "counts":
        return COUNTED, "counted"
    return _SAID.get(kind, (OWN, "something"))


def _seen(ws: Workspace, entry: Entry, public: Mapping[str, Any], language: str) -> UseSeen:
    policy = ws.facts.policy
    purpose, recipient = str(public.get("purpose", "")), str(public.get("recipient", ""))
    outcome, code = _meaning(entry.kind, public)
    role = str(public.get("role", ""))
    every: dict[str, dict[str, object]] = {
        "counted": {"people": int(public.get("customers") or 0)},
        "notice_shown": {"notice": str(public.get("notice", ""))},
        "something": {"kind": entry.kind},
    }
    table = f"{public['table']}." if "table" in public else ""
    fields = tuple(dict.fromkeys(field_name(policy, table + str(f), language) for f in public.get("fields", ())))
    return UseSeen(
        index=entry.index,
        at=EPOCH + timedelta(microseconds=entry.at),
        said=Said(code, every.get(code, {})),
        why=says(policy, purpose, language) if purpose and purpose != "own-data" else "",
        purpose=purpose,
        channel=str(public.get("channel", "")),
        role=role,
        role_name=role_name(policy, role, language),
        recipient=recipient or None,
        recipient_name=recipient_name(policy, recipient) if recipient else "",
        outcome=outcome,
        fields=fields,
        because=Said(str(public["why"])) if public.get("why") in SENTENCES else None,
    )
