"""Which disposals and erasures have ended, with their certificates; which erasures a released hold lets go on.

gather   runs, erasures, certificates, holds in force
decide   which of them belong together
act      nothing

Easy to get wrong: an erasure that waits for two holds goes on when one of them is
released, as far as the other lets it.

Sources: GDPR Art. 5(2), 17(3)(e); UX console C12.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rightful.actions.read_gate_log import instant_of
from rightful.retention.certificates import Issued
from rightful.retention.erasures import Run
from rightful.retention.runs import DisposalRun
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended.

    Attributes:
        kind: disposal or erasure.
        status: as its newest certificate says, or as the run says where none was issued.
        deleted, emptied: rows.
        kept: what stays: {table, rows, why, article, until, kind}.
        certificate: entry of the newest certificate, None if none was issued.
    """

    run: str
    kind: str
    status: str
    ended: datetime
    deleted: int
    emptied: int
    kept: tuple[dict[str, Any], ...]
    certificate: int | None


def ended_runs(ws: Workspace) -> tuple[Ended, ...]:
    """Newest first."""
    issued: dict[str, Issued] = {}
    for one in ws.certificates.all():
        issued.setdefault(one.run, one)
    found = []
    runs: list[Run | DisposalRun] = [*ws.disposals.all(), *ws.erasures.all()]
    for run in runs:
        if run.ended_us is None or run.entry is None:
            continue
        kind = "erasure" if isinstance(run, Run) else "disposal"
        known = issued.get(run.id)
        fresh = known is not None and known.closing == run.entry
        emptied = run.outcome.get("changed" if kind == "erasure" else "emptied", {})
        found.append(
            Ended(
                run.id,
                kind,
                known.status if known and fresh else str(run.status),
                instant_of(run.ended_us),
                sum(run.outcome.get("deleted", {}).values()),
                sum(emptied.values()),
                tuple(k for k in run.outcome.get("kept", ()) if k["kind"] != "structure"),
                known.entry if known and fresh else None,
            )
        )
    return tuple(sorted(found, key=lambda one: one.ended, reverse=True))


def freed_erasures(ws: Workspace) -> tuple[str, ...]:
    """Erasures that kept something for a hold which has been released since."""
    holds = ws.holds.all()
    now = ws.clock()
    freed = []
    for run in ws.erasures.all():
        kept = [k for k in run.outcome.get("kept", ()) if k["kind"] == "hold"]
        if run.open or not kept or ws.erasures.secret(run.id) is None:
            continue
        for one in kept:
            mine = [h for h in holds if h.reason == one["why"] and h.covers(one["table"], run.no)]
            if mine and not any(h.in_force(now) for h in mine):
                freed.append(run.id)
                break
    return tuple(freed)
