"""Fields that no purpose needs, and fields that a purpose needs and nobody has read: proposals to drop them.

gather   the fields that are held, who needs them by the policy, which recorded uses read them
decide   what is true of each (`retention/minimising.py`)
act      nothing: a field is dropped by the policy and by whoever owns the table

Easy to get wrong: reading the whole ledger for it. The journal is walked newest first, and
only until every field has been met.

Sources: GDPR Art. 5(1)(c), 25(2); DESIGN section 1, considerations 1 and 8.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from rightful.actions.dispose_expired import scene_of
from rightful.errors import BadInput
from rightful.gate import anonymity
from rightful.gate import schedules as plans
from rightful.policy.names import split
from rightful.retention.minimising import Finding, judge
from rightful.retention.rules import over_if_before
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
READS = ("use.query", "use.export", "share.batch", "derived.kept")
"""Kinds of entries that name the fields that were read, for output or only to compare."""
ASKS = "use.decision"
MONTHS = 12
MOST = 600
PAGE = 1000


@dataclass(frozen=True, slots=True)
class Unneeded:
    """The report: every field with what is true of it.

    Attributes:
        since: first day of the period. recorded_since: first day of which anything is on record.
        filled: field -> rows in which something stands, for what is proposed to be dropped.
    """

    since: date
    recorded_since: date
    policy: str
    findings: tuple[Finding, ...]
    filled: Mapping[str, int]

    @property
    def proposed(self) -> tuple[Finding, ...]:
        return tuple(f for f in self.findings if f.proposed)


def find_unneeded(ws: Workspace, *, months: int = MONTHS) -> Unneeded:
    """Look at every field of the catalogue.

    Args:
        months: a field counts as unread if no recorded use has read it for so long.

    Raises:
        BadInput: no sensible number of months.
        ClockUntrusted: the clock stands before the newest entry.
    """
    if not 1 <= months <= MOST:
        raise BadInput(f"{months} months is no period", remedy=f"Between 1 and {MOST}")
    now = ws.ledger.check_clock()
    scene = scene_of(ws, now)
    derived = {made.name for made in ws.sharing.derived()}
    needs = {f: purposes for f, purposes in plans.needs(scene).items() if split(f)[0] not in derived}
    since = over_if_before(scene.today, months, "months")
    zone = ZoneInfo(scene.bound.policy.timezone)
    since_us = (datetime.combine(since, time(), zone) - EPOCH) // timedelta(microseconds=1)
    first_us = ws.ledger.entry(0).at if ws.ledger.head()[0] else now
    reads = _reads(ws, since_us, frozenset(f for f, purposes in needs.items() if purposes))
    asked = _asked(ws, since_us, {p for purposes in needs.values() for p in purposes})
    findings = judge(needs, reads, asked, since_us=since_us, first_us=first_us)
    return Unneeded(
        since,
        (EPOCH + timedelta(microseconds=first_us)).astimezone(zone).date(),
        scene.bound.policy.version,
        findings,
        anonymity.filled(ws, [f.field for f in findings if f.proposed]),
    )


def _reads(ws: Workspace, since_us: int, wanted: frozenset[str]) -> dict[str, int]:
    """Field -> when it was last read. A derived field stands for those it was made from."""
    lineage = ws.sharing.derived_fields()
    found: dict[str, int] = {}
    for kind in READS:
        newest: dict[str, int] = {}
        for entry, at_us in _lines(ws, kind, since_us):
            for name in ws.ledger.entry(entry).public.get("fields") or ():
                for field in (name, *lineage.get(name, ())):
                    newest.setdefault(field, at_us)
            if wanted <= newest.keys():
                break
        found.update({field: max(at_us, found.get(field, at_us)) for field, at_us in newest.items()})
    return found


def _lines(ws: Workspace, kind: str, since_us: int) -> Iterator[tuple[int, int]]:
    """(entry, instant), newest first."""
    before: int | None = None
    while lines := ws.journal.lines(kind=kind, since_us=since_us, before=before, limit=PAGE):
        yield from ((line.entry, line.at_us) for line in lines if line.kind == kind)
        before = lines[-1].entry


def _asked(ws: Workspace, since_us: int, purposes: set[str]) -> dict[str, int]:
    found = {}
    for purpose in sorted(purposes):
        lines = ws.journal.lines(kind=ASKS, purpose=purpose, since_us=since_us, limit=1)
        if lines:
            found[purpose] = lines[0].at_us
    return found
