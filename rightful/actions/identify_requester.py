"""How sure we are who asks: what was shown, and what follows from it.

gather   the case, what the door knows
decide   the level that was reached, and whether work may begin
act      the step with its entry; the other channels are told

Levels (rights.rules.Level): 1 controls the channel we know (the code of the portal's
sign-in), 2 also a second channel (a code that came by telephone or post, never by the same
mailbox), 3 a person has checked.

Easy to get wrong: a code told to whoever asks for it (staff tell it over the number or the
address that is on record); guessing (five tries); a second channel that is the first one.

Sources: GDPR Art. 12(2), 12(6); EDPB Guidelines 01/2022 section 3.2; AC-016, AC-017, AC-019, AC-022.
"""

from __future__ import annotations

import secrets

from rightful.actions.open_request import ALPHABET
from rightful.actions.take_step import Move, digest, take
from rightful.errors import BadInput, StepRefused
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.rights.models import Task
from rightful.rights.rules import COPIES, Case, Kind, Level, State, Step
from rightful.workspace import Workspace

CODE_DAYS = 14
CODE_TRIES = 5
CODE_LENGTH = 10  # more than 48 bits: it lives for two weeks
SECOND_CHANNELS = ("telephone", "post")


def channel_shown(ws: Workspace, case: Case) -> Case:
    """The customer is signed in and says that the request is theirs: level 1.

    Raises:
        StepRefused: it waits for somebody else than the customer.
    """
    if case.reached >= Level.CHANNEL:
        return case
    if case.state not in (State.NEEDS_IDENTITY, State.RECEIVED):
        raise StepRefused("this request does not wait for you", code="rights.wrong-state")
    return take(ws, case, Move(Step.IDENTIFY, level=Level.CHANNEL, public={"level": 1}), actor="self")


def make_second_code(ws: Workspace, case: Case, channel: str, *, actor: str) -> str:
    """A code that staff tell the customer over a second channel on record; replaces an earlier one.

    Returns:
        The code, this once; only a keyed digest of it is kept.

    Raises:
        BadInput: no such channel.
        StepRefused: nobody is known, or the request is closed.
    """
    if channel not in SECOND_CHANNELS:
        raise BadInput(f"{channel} is no second channel", remedy="One of: " + ", ".join(SECOND_CHANNELS))
    if case.no is None or not case.is_open:
        raise StepRefused("this request does not wait for a second proof", code="rights.wrong-state")
    now = ws.ledger.check_clock()
    code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
    until = now + CODE_DAYS * 86_400_000_000
    draft = Draft(
        "request.second-code-made",
        {"request": case.kind.value, "channel": channel},
        {"ref": case.ref, "actor": actor},
        subject=case.subject,
    )
    ws.journal.record(
        [draft], lambda tx, _entries: ws.cases.set_code(tx, case.id, _coded(ws, case, code), until, CODE_TRIES)
    )
    return f"{code[:5]}-{code[5:]}"


def enter_second_code(ws: Workspace, case: Case, typed: str) -> Case:
    """The customer types the code: level 2. Every try counts, right or wrong.

    Raises:
        StepRefused: wrong, used up or too late; one answer for all.
    """
    code = "".join(c for c in typed.upper() if c.isalnum())
    with ws.control.write() as tx:
        wanted = ws.cases.try_code(tx, case.id, ws.clock())
    if not wanted or not secrets.compare_digest(wanted, _coded(ws, case, code)):
        refused = Draft(
            "request.second-code-wrong", {"request": case.kind.value, "codes": ["wrong-code"]}, {"ref": case.ref},
            subject=case.subject,
        )  # fmt: skip
        ws.journal.record([refused])
        raise StepRefused(
            "this is not the code, or it is used up",
            code="rights.wrong-code",
            remedy="Look again; after five tries you need a new one",
        )
    proof = _proof_task(ws, case)

    def rows(tx: Tx, stored: Case, entries: list[Entry]) -> None:
        ws.cases.end_code(tx, case.id)
        if proof is not None:
            ws.cases.end_task(tx, Task(case.id, proof.system, proof.what, proof.how, "done", "", entries[0].index))

    return take(ws, case, Move(Step.IDENTIFY, level=Level.SECOND, public={"level": 2}), actor="self", rows=rows)


def staff_checked(ws: Workspace, case: Case, evidence: str, *, actor: str) -> Case:
    """A person has checked who asks, and for a child or somebody else whether they may: level 3 (AC-022).

    Raises:
        BadInput: without saying what was looked at it is no check.
    """
    if len(evidence.strip()) < 8:
        raise BadInput("what was checked is missing", remedy="Say what you looked at; never keep a copy of a passport")
    step = Step.CLEAR if case.state is State.NEEDS_STAFF else Step.IDENTIFY
    proof = _proof_task(ws, case)

    def rows(tx: Tx, stored: Case, entries: list[Entry]) -> None:
        if proof is not None:
            ws.cases.end_task(tx, Task(case.id, proof.system, proof.what, proof.how, "done", "", entries[0].index))

    move = Move(step, level=Level.STAFF, public={"level": 3}, private={"evidence": evidence})
    return take(ws, case, move, actor=actor, rows=rows)


def ask_staff(ws: Workspace, case: Case, reason: str, *, actor: str) -> Case:
    """Hand a request to a person, with the reason as a code."""
    return take(ws, case, Move(Step.HAND_OVER, reason=reason), actor=actor)


def waits_for_second_proof(ws: Workspace, case: Case) -> bool:
    """Whether a code from a second channel would move this request on."""
    decisive = case.kind in COPIES or case.kind is Kind.ERASURE
    return case.is_open and case.sensitive and decisive and case.reached < Level.SECOND


def _proof_task(ws: Workspace, case: Case) -> Task | None:
    return next((t for t in ws.cases.tasks(case.id) if t.what == "second-proof" and t.state == "open"), None)


def _coded(ws: Workspace, case: Case, code: str) -> str:
    return digest(ws, "second-code", f"{case.ref}/{code}")
