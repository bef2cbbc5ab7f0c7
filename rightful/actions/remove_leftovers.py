"""What is of no use any more goes by itself: questions that were never answered, lists of rejected rows.

gather   questions whose end is long past; files of rejected rows, by the day they were written
decide   the two periods below
act      one entry with the numbers, then the removal; nothing is written where nothing goes

Easy to get wrong: the organisation's last question to each customer stays: the rest before
asking again is counted from it. That a question was put, and what became of it, stays in
the ledger and in the consent record. Of a list of rejected rows, the count and the reasons
stand in the entry of its import.

Source: GDPR Art. 5(1)(e).
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.consent.forgetting import old_rejects
from rightful.ledger.record import Draft
from rightful.workspace import Workspace

DAY_US = 86_400_000_000
QUESTIONS_DAYS = 90
"""After its end: long enough to see in the numbers what became of a round of questions."""
REJECTS_DAYS = 30
"""After the import: long enough to mend the source and bring the rows again."""


@dataclass(frozen=True, slots=True)
class Removed:
    """How many went; `entry` is None where nothing did."""

    questions: int
    files: int
    entry: int | None


def remove_leftovers(ws: Workspace) -> Removed:
    """Remove what is past its period. Doing it twice changes nothing."""
    now = ws.ledger.check_clock()
    before = now - QUESTIONS_DAYS * DAY_US
    questions = ws.requests.over_since(before)
    files = old_rejects(ws.consent.folder, now - REJECTS_DAYS * DAY_US)
    if not questions and not files:
        return Removed(0, 0, None)
    public = {
        "questions": questions,
        "files": len(files),
        "questions_days": QUESTIONS_DAYS,
        "files_days": REJECTS_DAYS,
        "article": "GDPR Art. 5(1)(e)",
    }
    drafts = [Draft("leftovers.removed", public, {})]
    [entry] = ws.journal.record(drafts, lambda tx, _entries: ws.requests.remove_over(tx, before))
    for path in files:
        path.unlink(missing_ok=True)
    return Removed(questions, len(files), entry.index)
