"""Which fields nobody needs, or nobody has read for long: what should not be held at all.

Two questions, asked of every field of the catalogue. Does a purpose of the policy need it?
If one does, has a recorded use read it since a day some months ago? What fails the first is
held without a reason; what fails the second is held for a reason that nobody has acted on.
Either is only proposed to be dropped: a person decides.

Easy to get wrong: a use that does not pass the gate is not on record, so "unread" means
"not read through the gate"; a ledger younger than the period cannot tell, and says so; a
purpose that was answered with yes may have been acted on elsewhere, and that is not unread.

Sources: GDPR Art. 5(1)(c), 25(2); DESIGN section 1, consideration 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["no-purpose", "unread", "only-asked", "too-early", "read"]
ORDER: tuple[Verdict, ...] = ("no-purpose", "unread", "too-early", "only-asked", "read")
SAYS: Mapping[Verdict, str] = {
    "no-purpose": "no purpose of the policy needs it",
    "unread": "purposes need it, and no recorded use has read it in the period",
    "too-early": "not read yet, but the ledger is younger than the period",
    "only-asked": "no recorded use has read it; purposes that need it were answered with yes, so others may have",
    "read": "read in the period",
}
PROPOSED: frozenset[Verdict] = frozenset({"no-purpose", "unread"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One field.

    Attributes:
        purposes: those that need it.
        last_read_us: when a recorded use last read it, within what was looked at; None if none did.
    """

    field: str
    verdict: Verdict
    purposes: tuple[str, ...]
    last_read_us: int | None = None

    @property
    def proposed(self) -> bool:
        return self.verdict in PROPOSED


def judge(
    needs: Mapping[str, Sequence[str]],
    reads: Mapping[str, int],
    asked: Mapping[str, int],
    *,
    since_us: int,
    first_us: int,
) -> tuple[Finding, ...]:
    """What is true of each field, what is to be dropped first.

    Args:
        needs: every field that is held and that the rules do not need -> the purposes that need it.
        reads: field -> instant of the newest recorded use that read it.
        asked: purpose -> instant of the newest decision that answered it with yes.
        since_us: begin of the period.
        first_us: the oldest entry of the ledger; before it nothing was on record.
    """
    found = [_finding(f, tuple(p), reads.get(f), asked, since_us, first_us) for f, p in sorted(needs.items())]
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.verdict), one.field)))


def _finding(
    field: str, purposes: tuple[str, ...], read: int | None, asked: Mapping[str, int], since_us: int, first_us: int
) -> Finding:
    if not purposes:
        return Finding(field, "no-purpose", (), read)
    if read is not None and read >= since_us:
        return Finding(field, "read", purposes, read)
    if any(asked.get(p, -1) >= since_us for p in purposes):
        return Finding(field, "only-asked", purposes, read)
    return Finding(field, "too-early" if first_us > since_us else "unread", purposes, read)
