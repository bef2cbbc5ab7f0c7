"""Every way Rightful can say no, and every way it can fail.

A refusal is a decision, not a fault: it has a code that never changes once
released, the article it stands on, a sentence a person can act on, and a
remedy. No error carries personal data: ids only.

    RightfulError
    |-- Refused                   a decision: the answer is no
    |   |-- UnknownName           a purpose, field, role, recipient or customer nobody declared
    |   |-- PurposeMissing        a use of customer data that states no purpose
    |   |-- NotPermitted          the gate looked at everything and the answer is no
    |   |-- SqlRefused            the statement has something in it that the gate does not pass
    |   |-- ClockUntrusted        the clock went back behind the newest record
    |   |-- LedgerUnavailable     nothing can be recorded, so nothing may be used
    |   |-- AskedTooEarly         somebody who said no may not be asked again yet
    |   |-- NotSignedIn           the API was asked without a live token
    |   |-- ScopeMissing          the token was made for other things
    |   |-- TooOften              more requests than this caller may make
    |   |-- TargetRefused         an address that no webhook may go to
    |   |-- SignatureRefused      a message that its source did not sign, or signed too long ago
    |   |-- StaleList             a list was made too long ago, changed, or called back: it is not sent
    |   |-- StepRefused           a request cannot take this step now
    |   |-- RoleRefused           nobody makes themselves an officer, or somebody else alone
    |   |-- AgentRefused          a message of an authorised agent that does not hold
    |   |-- ApprovalMissing       a widening of the policy waits for its approver
    |   `-- NoticeIncomplete      a public notice that leaves out what the law wants said
    |-- BadInput                  what came in cannot be understood; nothing was changed
    |   |-- PolicyRefused         the policy text: line, column, nearest name
    |   |-- EventRejected         a consent event that proves nothing
    |   |   `-- GuardianMissing   a child below the age of digital consent spoke alone
    |   |-- SignalUnreadable      a consent string (TCF, GPP) that cannot be decoded
    |   |-- BackupRejected        a backup that is cut short, changed, of other keys or of a newer program
    |   |-- KeyReused             an idempotency key that came with another request before
    |   `-- FileRejected          an import file: where, what, how to go on
    |-- IntegrityFault            what is stored is not what was written
    |   |-- LedgerRolledBack      an outside checkpoint knows more than the database
    |   `-- RecordMismatch        a row and its ledger entry tell different stories
    |-- KeyMissing                a key that opens stored data is not where it was
    |-- SourceUnavailable         the database or system that holds the customer data does not answer
    |-- SystemRefused             a system behind an interface answered no: account, rule, lock, too many calls
    |-- QueryFailed               a permitted statement broke while it ran; no rows count as returned
    |   `-- TooManyRows           a change reached further than planned; all of it was undone
    |-- NoPdf                     this machine lacks what a PDF is drawn with
    `-- NotFound                  a workspace, a source, an entry that is not there
"""

from __future__ import annotations

from typing import Any, ClassVar


class RightfulError(Exception):
    """Base of all; `str(error)` is one sentence: who, what, why."""

    code: ClassVar[str] = "error"
    article: ClassVar[str] = ""
    remedy: ClassVar[str] = ""
    exit_code: ClassVar[int] = 1

    def __init__(self, sentence: str, *, remedy: str | None = None, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.what_next = self.remedy if remedy is None else remedy
        if code is not None:
            self.code = code  # type: ignore[misc]

    def __str__(self) -> str:
        cited = f" ({self.article})" if self.article else ""
        after = f". {self.what_next}." if self.what_next else ""
        return f"{self.sentence}{cited}{after}"

    def as_problem(self) -> dict[str, Any]:
        """The members of an RFC 9457 problem document that every door shares."""
        return {
            "type": f"urn:rightful:{self.code}",
            "title": self.sentence,
            "code": self.code,
            "article": self.article or None,
            "remedy": self.what_next or None,
        }


class Refused(RightfulError):
    """The gate, a room or a door said no. Catch this to handle every refusal."""

    code = "refused"
    exit_code = 3


class UnknownName(Refused):
    """A name in a request that nobody declared; ids are compared byte for byte after NFC."""

    code = "integrity.unknown-name"
    remedy = "Use a name from the policy in force (`rightful policy explain`)"


class PurposeMissing(Refused):
    """Every use of customer data states its purpose."""

    code = "integrity.purpose-missing"
    article = "GDPR Art. 5(1)(b)"
    remedy = 'Say what for: purpose="..." in Python, --purpose on the command line, a Purpose header over REST'


class NotPermitted(Refused):
    """All rules were looked at and nothing may be released. `decision` holds every reason."""

    code = "gate.not-permitted"
    remedy = "Ask `explain()` which change would allow it"

    def __init__(self, sentence: str, *, decision: Any = None, remedy: str | None = None) -> None:
        super().__init__(sentence, remedy=remedy)
        self.decision = decision


class SqlRefused(Refused):
    """The statement uses something that the gate does not let through."""

    code = "sql.not-on-list"
    remedy = "Write one SELECT over the tables and fields this purpose permits"


class ClockUntrusted(Refused):
    """The clock stands before the newest recorded entry: times would lie, so nothing is decided."""

    code = "integrity.clock-untrusted"
    article = "GDPR Art. 5(1)(f), 5(2)"
    remedy = "Set the clock right (NTP), then try again"


class LedgerUnavailable(Refused):
    """No record, no use."""

    code = "integrity.ledger-unavailable"
    article = "GDPR Art. 5(2)"
    remedy = "Free space or repair the disk, then reopen the workspace"


class StaleList(Refused):
    """A list of customers that is no longer what was permitted: too old, changed, or called back."""

    code = "sharing.stale-list"
    article = "GDPR Art. 5(1)(d), 7(3)"
    remedy = "Make the list again: `rightful share export`"


class ApprovalMissing(Refused):
    """A policy that permits more than the one in force needs a second pair of eyes."""

    code = "policy.approval-missing"
    article = "GDPR Art. 5(2), 25"
    remedy = "Let the owner approve it: `rightful policy publish --approved-by NAME`"


class AskedTooEarly(Refused):
    """Asking again after a no has to wait; asking until somebody gives in is no free choice."""

    code = "consent.asked-too-early"
    article = "GDPR Art. 4(11), recital 42"
    remedy = "Wait until the day named; the customer can say yes in the portal at any time"


class NotSignedIn(Refused):
    """A request to the API without a token, or with one that has ended."""

    code = "api.not-signed-in"
    remedy = "Send `Authorization: Bearer TOKEN`; `rightful token add` makes one"


class ScopeMissing(Refused):
    """The token was made for other things."""

    code = "api.scope-missing"
    remedy = "Make a token with this scope: `rightful token add`"


class TooOften(Refused):
    """More requests than this caller may make."""

    code = "api.too-often"
    remedy = "Wait as long as Retry-After says, then go on more slowly"


class NoticeIncomplete(Refused):
    """The public notice cannot say what the law asks for. `problems` lists each gap with the key to add."""

    code = "notice.incomplete"
    article = "GDPR Art. 13, 14"
    remedy = "Add what is missing to the policy and publish it; then publish the notice"
    exit_code = 4

    def __init__(self, sentence: str, *, problems: tuple[Any, ...] = (), remedy: str | None = None) -> None:
        super().__init__(sentence, remedy=remedy)
        self.problems = problems


class AgentRefused(Refused):
    """A message that claims to be of an authorised agent, and is not, or is not for us, or comes too late."""

    code = "agent.refused"
    article = "11 CCR 7063"
    remedy = "Sign a fresh message with the key in the service directory"


class RoleRefused(Refused):
    """A role was not given: to oneself, or that of an officer without a second person."""

    code = "staff.self-grant"
    article = "GDPR Art. 32(4), 38(3)"
    remedy = "Ask somebody else who may give roles"


class StepRefused(Refused):
    """A customer's request cannot take this step in the state it is in."""

    code = "rights.step-refused"
    article = "GDPR Art. 12"
    remedy = "Look at the request: it says what it waits for"


class BadInput(RightfulError):
    """What came in cannot be understood. Nothing was changed."""

    code = "input.bad"
    exit_code = 2


class PolicyRefused(BadInput):
    """A policy that does not load. `problems` lists every problem, each with line and column."""

    code = "policy.refused"
    exit_code = 4

    def __init__(self, sentence: str, *, problems: tuple[Any, ...] = (), remedy: str | None = None) -> None:
        super().__init__(sentence, remedy=remedy)
        self.problems = problems


class EventRejected(BadInput):
    """A consent event that cannot be taken as evidence of anything."""

    code = "consent.event-rejected"
    article = "GDPR Art. 7(1)"


class GuardianMissing(EventRejected):
    """A child's own yes does not count below the age of its country."""

    code = "consent.guardian-missing"
    article = "GDPR Art. 8(1)"
    remedy = "Let a parent or guardian agree: the child's page invites them"

    def __init__(self, purpose: str, age: int) -> None:
        super().__init__(f"{purpose} needs the agreement of a parent or guardian below the age of {age}")
        self.purpose = purpose
        self.age = age


class SignalUnreadable(BadInput):
    """A consent string that does not decode. It is never taken as a permission."""

    code = "consent.signal-unreadable"
    remedy = "Send the string exactly as the consent platform made it"


class FileRejected(BadInput):
    """A file that cannot be imported as it is. Says the line where it goes wrong."""

    code = "source.file-rejected"


class BackupRejected(BadInput):
    """A backup that cannot be restored as it is. Nothing was written."""

    code = "backup.rejected"
    remedy = "Take another copy of it, or an older backup"


class TargetRefused(Refused):
    """A webhook may not go to this address: it is not https, not public, or not on the list."""

    code = "webhook.target-refused"
    remedy = "Give a public https address, or allow the origin under webhooks.private in rightful.json"


class SignatureRefused(Refused):
    """A message that came in is not signed by its source, was changed, or is too old."""

    code = "webhook.signature-refused"
    remedy = "Sign as standardwebhooks.com says, with the key of this source"


class KeyReused(BadInput):
    """An Idempotency-Key came with another request before, or its first request is still at work."""

    code = "api.idempotency-key-reused"
    remedy = "Use a fresh key for each new request"


class IntegrityFault(RightfulError):
    """What is stored is not what was written. Everything is refused until it is explained."""

    code = "integrity.fault"
    exit_code = 4


class LedgerRolledBack(IntegrityFault):
    """A checkpoint kept outside the database is larger than, or contradicts, the database."""

    code = "integrity.ledger-rolled-back"
    remedy = "Restore the newest database, or open a recovery epoch with the officer"


class RecordMismatch(IntegrityFault):
    """A stored row does not match the ledger entry that vouches for it."""

    code = "integrity.record-mismatch"
    remedy = "Run `rightful ledger verify`; it names the row"


class KeyMissing(RightfulError):
    """A key that opens stored data is missing or is another one."""

    code = "protection.key-missing"
    exit_code = 3
    remedy = "Put the key folder back as it was; keys are never made anew silently"


class SourceUnavailable(RightfulError):
    """The database or system that holds the customer data cannot be reached or is locked."""

    code = "source.unavailable"


class SystemRefused(RightfulError):
    """A system that is reached by its interface answered no.

    Codes: `system.not-permitted` (the account), `system.refused` (a rule of the system), `system.changed-meanwhile`
    (somebody else changed the record), `system.busy` (too many calls), `system.failed`. `said` is what the system
    said: it may quote a record, so it is never part of the sentence.
    """

    code = "system.refused"
    remedy = "Look at the record in the system itself, then go on"

    def __init__(self, sentence: str, *, code: str, said: str = "") -> None:
        super().__init__(sentence, code=code)
        self.said = said


class QueryFailed(RightfulError):
    """A statement that was permitted failed in the engine. Never quotes the engine: its texts hold values."""

    code = "source.query-failed"
    remedy = "Check casts, divisions and sizes in the statement; the engine's own text may show data and is kept back"


class TooManyRows(QueryFailed):
    """A change of data touched more rows than the plan names. The transaction was undone."""

    code = "source.too-many-rows"
    remedy = "The data changed since it was looked at: look again, then repeat"


class NoPdf(RightfulError):
    """This machine cannot make a PDF: the package or the library it draws with is missing."""

    code = "no-pdf"
    remedy = "pip install 'rightful[reports]', and install the system's Pango library; other formats need neither"


class NotFound(RightfulError):
    """The thing named is not there."""

    code = "not-found"
    exit_code = 6
