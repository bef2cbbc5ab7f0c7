"""What the gate answered lately, and what customers said, one sentence each; names no customer.

gather   lines of the journal, and the newest events of the consent record
decide   in which order they happened
act      nothing

Easy to get wrong: an event that has a line in the journal as well, listed twice.

Sources: UX console C8; GDPR Art. 5(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rightful.actions import request_words
from rightful.gate.explain import SHORT
from rightful.ledger.journal import Line
from rightful.terms import DIRECT_MARKETING
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogLine:
    index: int
    at: datetime
    kind: str
    purpose: str
    role: str
    sentence: str


def log(
    ws: Workspace, *, before: int | None = None, limit: int = 50, kind: str | None = None, purpose: str | None = None
) -> tuple[LogLine, ...]:
    """The gate's log, newest first; `kind` may be the beginning of one. Customers' own choices stand in it, too.

    A choice has no line in the journal, so that recording it costs no more: it is read from the consent record.
    """
    chosen = kind or "", purpose or ""
    lines = {x.entry: x for x in ws.journal.lines(before=before, kind=chosen[0], purpose=chosen[1], limit=limit)}
    choices = {row[0]: row for row in ws.consent.newest(before=before, kind=chosen[0], purpose=chosen[1], limit=limit)}
    newest = sorted(lines.keys() | choices.keys(), reverse=True)[:limit]
    found = [lines[index] if index in lines else _line(ws, *choices[index]) for index in newest]
    return tuple(LogLine(x.entry, instant_of(x.at_us), x.kind, x.purpose, x.role, sentence_of(x)) for x in found)


def _line(ws: Workspace, entry: int, kind: str, purpose: str, channel: str) -> Line:
    """An event of the consent record as a line: at the instant it was recorded, whatever instant it claims."""
    return Line(entry, ws.ledger.entry(entry).at, kind, purpose, "", channel, "", None, None, {})


def sentence_of(line: Line) -> str:
    """A journal line in words."""
    target = (f" by {line.channel}" if line.channel else "") + (f" to {line.recipient}" if line.recipient else "")
    who = line.role.capitalize() if line.role else "Somebody"
    if line.kind == "use.query":
        behind = f"{_people(line.customers or 0)} behind them"
        return f"{who} read {_counted(line.rows or 0, 'row')} for {line.purpose}{target}; {behind}"
    if line.kind == "use.export":
        return f"{who} exported {_people(line.rows or 0)} for {line.purpose}{target}"
    if line.kind == "use.withheld":
        parts = sorted(line.codes.items(), key=lambda item: -item[1])[:3]
        why = ", ".join(f"{count:,} {reason_words(code)}" for code, count in parts)
        return f"Withheld from {line.purpose}{target}: {why or 'nobody'}"
    if line.kind == "use.refused":
        why = ", ".join(reason_words(code) for code in line.codes)
        return f"{who} was refused {line.purpose or 'a use without purpose'}{target}: {why}"
    if (said := request_words.for_staff(line.kind)) is not None:
        return said
    if line.kind in _ALWAYS_THE_SAME:
        return _ALWAYS_THE_SAME[line.kind]
    if line.kind in _OF_CUSTOMERS:
        about = _SCOPES.get(line.purpose, line.purpose) or "all purposes"
        way = " on any channel" if line.channel == "*" else target
        return _OF_CUSTOMERS[line.kind].format(about=about, way=way)
    words = {
        "consent.exported": f"{who} exported {line.rows or 0:,} consent events for {line.purpose}",
        "staff.sign-in-refused": "The identity provider's answer let nobody in: " + ", ".join(line.codes),
        "share.owed": f"{line.recipient} has to be told something about {_people(line.customers or 1)}",
        "share.told": f"{line.recipient} was told something about {_people(line.customers or 1)}",
        "share.confirmed": f"{line.recipient} confirmed something about {_people(line.customers or 1)}",
        "derived.kept": f"{who} kept a table made from the data of {_people(line.customers or 0)}",
        "derived.reached": f"Rows of {_people(line.customers or 0)} who said no left a derived table",
        "derived.dropped": f"{who} took a derived table away",
        "derived.outside": f"{who} noted where rows of customers are kept outside",
        "share.overdue": f"{line.recipient} is late: {line.customers or 0:,} notices are not confirmed",
        "share.batch": f"{who} handed {_people(line.customers or 0)} to {line.recipient} for {line.purpose}",
        "share.sent": f"A list went to {line.recipient} for {line.purpose}; {line.customers or 0:,} were left out",
        "share.revoked": f"{who} called a list for {line.recipient} back",
        "share.refused": "A list was not sent: " + ", ".join(reason_words(code) for code in line.codes),
        "share.contact": f"{who} named where {line.recipient} is told",
        "use.failed": f"A query for {line.purpose} failed; no rows came back",
        "use.decision": f"{who} asked about one customer for {line.purpose}{target}",
    }
    return words.get(line.kind, line.kind)


def _people(count: int) -> str:
    return _counted(count, "customer")


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def reason_words(code: str) -> str:
    """A reason code in a few words."""
    return SHORT.get(code, code.replace("_", " ").replace("sql.", "SQL: ").replace("-", " "))


def instant_of(us: int) -> datetime:
    """An instant kept as microseconds, for people."""
    return EPOCH + timedelta(microseconds=us)


_ALWAYS_THE_SAME = {
    "use.own": "A customer looked at their own data",
    "use.own-copy": "A customer downloaded their own data",
    "policy.published": "A policy version was published",
    "notice.published": "A notice was published",
    "source.imported": "Customer data was imported",
    "consent.imported": "A consent history was imported",
    "staff.appointed": "A member of staff got a role",
    "staff.refused": "A role was not given: to oneself, or a further officer without an officer's word",
    "staff.dismissed": "A member of staff left",
    "staff.signed-in": "A member of staff came in",
    "staff.account": "A member of staff got an account or a new password",
    "staff.linked": "A member of staff was linked to an account of the identity provider",
    "staff.unlinked": "A member of staff is no longer linked to an account of the identity provider",
    "derived.done": "Rows of a derived table were deleted",
    "source.attached": "A source was attached",
    "consent.rewritten": "An imported consent history was written anew without somebody who was erased",
    "leftovers.removed": "Questions and lists whose time was over were removed",
    "mail.sent": "A mail to a customer was sent",
    "opt-out.asked": "Somebody said no by their address",
    "token.issued": "A token of the interface was issued",
    "token.revoked": "A token of the interface was revoked",
    "system.connected": "A system with an interface of its own was connected",
    "system.disconnected": "A system with an interface of its own is no longer connected",
    "system.erasure-noted": "An erasure in a connected system is about to begin",
    "system.erasure-closed": "An erasure in a connected system ended",
    "webhook.subscribed": "A system is told of events from now on",
    "webhook.ended": "A system is no longer told of events",
    "webhook.undelivered": "A system could not be told of an event",
    "webhook.source-accepted": "Events of another system are accepted from now on",
    "webhook.source-refused": "Events of another system are no longer accepted",
    "links.scanned": "Links between tables were looked for",
    "links.proposed": "A link between tables was proposed",
    "links.confirmed": "A link between tables was confirmed",
    "links.rejected": "A proposed link between tables was rejected",
    "person.found": "A person's data was looked for in all tables",
    "person.exported": "What was found of a person was handed out",
    "correction.asked": "A customer asked for a correction",
    "correction.opened": "A member of staff looked at a proposed correction",
    "correction.begun": "A correction is about to be made",
    "correction.done": "A customer's data was corrected",
    "correction.failed": "A correction failed; nothing was changed",
    "correction.refused": "A correction was refused",
    "erasure.planned": "The erasure of a customer was planned",
    "erasure.begun": "Rows of an erasure are about to go",
    "erasure.done": "Rows of an erasure are gone",
    "erasure.failed": "A step of an erasure failed; nothing of it is gone",
    "erasure.closed": "An erasure ended",
    "suppression.added": "Somebody is on the list of those who must not come back",
    "suppression.lifted": "Somebody may come back",
    "suppression.not-found": "Somebody was looked for on the list of those who must not come back",
    "suppression.looked-at": "The list of those who must not come back was looked at",
    "suppression.came-back": "Somebody who was erased came back with an import",
    "suppression.caught-up": "The list of those who must not come back was completed",
    "backup.taken": "A backup was taken",
    "backup.restored": "A backup was restored",
    "backup.replayed": "Erasures and withdrawals since a backup were carried out again",
    "backup.drilled": "Restoring a backup was practised",
    "ledger.recovered": "The ledger went on after a rollback",
    "disposal.ordered": "A disposal was ordered",
    "disposal.taken-back": "An ordered disposal was taken back",
    "disposal.overtaken": "An ordered disposal was not carried out: the policy had changed",
    "disposal.begun": "Rows that are due are about to go",
    "disposal.done": "Rows that were due are gone",
    "disposal.failed": "A batch of a disposal failed; nothing of it is gone",
    "disposal.closed": "A disposal ended",
    "disposal.certified": "A certificate was issued",
    "hold.added": "A legal hold was placed",
    "hold.released": "A legal hold was released",
    "retention.groups-counted": "People who share the values of some fields were counted",
}
_SCOPES = {DIRECT_MARKETING: "all direct marketing"}
_OF_CUSTOMERS = {
    "consent.given": "A customer said yes to {about}{way}",
    "consent.refused": "A customer said no to {about}{way}",
    "consent.withdrawn": "A customer took back the yes to {about}{way}",
    "consent.deferred": "A customer was asked about {about}{way} and did not choose",
    "consent.soft-opt-in": "An address was noted at a sale for {about}{way}; the customer could refuse",
    "consent.objected": "A customer objected to {about}{way}",
    "consent.objection-lifted": "A customer took back the objection to {about}{way}",
    "consent.opted-out": "A customer said no to sale and sharing of their data",
    "consent.opted-in-again": "A customer took back the no to sale and sharing",
    "consent.signal-gpc": "A customer's browser said no to sale and sharing (Global Privacy Control)",
    "consent.signal-asked": "A customer was asked whether the browser's signal also ends a programme",
    "consent.restricted": "A customer's data may only be stored (restriction)",
    "consent.restriction-lifted": "A restriction of a customer's data ended",
    "consent.notice-served": "A customer was shown a notice",
    "consent.active": "A sign of life of a customer was noted",
    "consent.moved": "A customer's residence was noted",
    "consent.born": "A customer's date of birth was noted",
    "consent.erased": "A customer was erased",
    "consent.requested": "A customer was sent a mail to confirm a yes to {about}{way}",
    "consent.request-closed": "A question about {about}{way} was closed without a choice",
    "consent.asked": "A customer was asked about {about}{way}",
    "consent.receipt": "A customer got the receipt of a choice about {about}{way}",
    "consent.guardian-invited": "A guardian was invited to agree for a child",
    "consent.guardian-needs-staff": "A person has to check a guardian",
    "consent.guardian-verified": "A guardian was checked and is known",
    "consent.guardian-rejected": "A guardian was checked and not accepted",
    "consent.guardian-declined": "Somebody said they are not the guardian of a child",
    "consent.guardian-looked": "A member of staff looked at a guardian's details",
    "consent.guardian-link": "A guardian got a new link",
}
