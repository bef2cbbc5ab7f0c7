"""A policy comes into force, and the notice that tells customers about it.

gather   the version in force, the new text, the catalogue
decide   what would be gained and lost, answer by answer; whether somebody has to approve it
act      version, notice and ledger entries in one transaction; the permission state is worked out anew

Easy to get wrong: publishing a widening alone; a notice that changes under its label. A policy whose public
notice would have gaps still comes into force, with the terms consents are bound to and without a public text.

Sources: GDPR Art. 5(2), 13, 25; DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rightful.actions.publish_notice import draft_of, prepare, put
from rightful.errors import ApprovalMissing, PolicyRefused
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.policy.check import check
from rightful.policy.diff import Change, diff
from rightful.policy.loader import load
from rightful.policy.model import Policy
from rightful.policy.told import Missing
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published: the version, what it changed (widenings first), the notice if there is a new one.

    `lacks` is what keeps the notice from having a public text."""

    version: str
    label: str
    changes: tuple[Change, ...]
    notice: str
    new_notice: bool
    entry: int | None  # None: this version is in force already
    lacks: tuple[Missing, ...] = ()


def publish_policy(
    ws: Workspace,
    policy: Policy | Path | None = None,
    *,
    actor: str,
    approver: str = "",
    rebuild: bool = True,
    progress: Callable[[str, float], None] | None = None,
) -> Publication:
    """Bring a policy into force.

    Args:
        policy: a loaded policy, a file or a folder; None is the workspace's own policy folder.
        approver: who approves a widening; somebody else than the actor.
        rebuild: work out everybody's permission at once (needs the customer data to be there).

    Raises:
        PolicyRefused: the text does not load, or contradicts itself.
        ApprovalMissing: it permits more than the version in force and nobody else approved it.
    """
    new = policy if isinstance(policy, Policy) else load(policy or ws.path / str(ws.config["policy"]))
    errors = tuple(p for p in check(new) if p.severity == "error")
    if errors:
        raise PolicyRefused(f"the policy contradicts itself in {len(errors)} places", problems=errors)
    old = ws.shelf.in_force()
    if old is not None and old.version == new.version:
        return Publication(new.version, new.label, (), ws.shelf.newest_notice(), False, None)
    changes = tuple(diff(old, new)) if old is not None else ()
    widenings = sum(c.kind == "widening" for c in changes)
    if widenings and (not approver or approver == actor):
        raise ApprovalMissing(f"this version permits more than the one in force, in {widenings} answers")
    notice = prepare(ws, new)
    now = ws.ledger.check_clock()
    drafts = [
        Draft(
            "policy.published",
            {
                "version": new.version,
                "label": new.label,
                "replaces": old.version if old else "",
                "widenings": widenings,
                "narrowings": sum(c.kind == "narrowing" for c in changes),
            },
            {"actor": actor, "approver": approver},
        )
    ]
    if notice.is_new:
        drafts.append(draft_of(notice, actor))

    def rows(tx: Tx, entries: Sequence[Entry]) -> None:
        ws.shelf.publish(tx, new, now, actor, approver, entries[0].index)
        if notice.is_new:
            put(ws, tx, notice, now, entries[1].index)

    entries = ws.journal.record(drafts, rows)
    ws.consent.announce(ws.shelf.position())
    if rebuild:
        ws.facts.rebuild(progress)
    return Publication(new.version, new.label, changes, notice.label, notice.is_new, entries[0].index, notice.lacks)
