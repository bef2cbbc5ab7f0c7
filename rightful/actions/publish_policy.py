"""A policy comes into force, and the notice that tells customers about it.

gather   the version in force, the new text, the catalogue
decide   what would be gained and lost, answer by answer; whether somebody has to approve it
act      version, notice and ledger entries in one transaction; the permission state is worked out anew

Easy to get wrong: publishing a widening alone; a notice that changes under its label.

Sources: GDPR Art. 5(2), 13, 25; DESIGN section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rightful.errors import ApprovalMissing, PolicyRefused
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry
from rightful.policy.check import check
from rightful.policy.diff import Change, diff
from rightful.policy.loader import load
from rightful.policy.model import Policy
from rightful.policy.models import Terms, digest_of_terms
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Publication:
    """What was published: the version, what it changed (widenings first), the notice if there is a new one."""

    version: str
    label: str
    changes: tuple[Change, ...]
    notice: str
    new_notice: bool
    entry: int | None  # None: this version is in force already


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
    terms = terms_of(new)
    label, is_new = _label_for(ws, new, terms)
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
    if is_new:
        public = {"label": label, "digest": digest_of_terms(terms), "policy": new.version}
        drafts.append(Draft("notice.published", public, {"actor": actor}))

    def rows(tx: Tx, entries: Sequence[Entry]) -> None:
        ws.shelf.publish(tx, new, now, actor, approver, entries[0].index)
        if is_new:
            ws.shelf.publish_notice(tx, label, new.version, terms, now, entries[1].index)

    entries = ws.journal.record(drafts, rows)
    ws.consent.announce(ws.shelf.position())
    if rebuild:
        ws.facts.rebuild(progress)
    return Publication(new.version, new.label, changes, label, is_new, entries[0].index)


def publish_notice(ws: Workspace, label: str, terms: Terms, *, actor: str) -> int:
    """Put an older notice on record that consents were given on (from before Rightful)."""
    now = ws.ledger.check_clock()
    version = ws.facts.policy.version
    draft = Draft(
        "notice.published",
        {"label": label, "digest": digest_of_terms(terms), "policy": version, "earlier": True},
        {"actor": actor},
    )
    entries = ws.journal.record(
        [draft], lambda tx, written: ws.shelf.publish_notice(tx, label, version, terms, now, written[0].index)
    )
    ws.consent.announce(ws.shelf.position())
    return entries[0].index


def terms_of(policy: Policy) -> Terms:
    """What a notice generated from this policy says, purpose by purpose (GDPR Art. 13)."""
    return {
        purpose.id: {
            "says": purpose.says,
            "categories": list(purpose.needs),
            "recipients": list(purpose.recipients),
            "channels": list(purpose.channels),
            "basis": {regime: basis.kind.value for regime, basis in purpose.basis.items()},
        }
        for purpose in policy.purposes.values()
        if not purpose.abstract
    }


def _label_for(ws: Workspace, policy: Policy, terms: Terms) -> tuple[str, bool]:
    """The notice that says this: a published one with the same terms, else a new label."""
    known = ws.shelf.notices()
    digest = digest_of_terms(terms)
    newest = ws.shelf.newest_notice()
    if newest and digest_of_terms(known[newest]) == digest:
        return newest, False
    if policy.label in known and digest_of_terms(known[policy.label]) == digest:
        return policy.label, False
    label, number = policy.label, 1
    while label in known:
        number += 1
        label = f"{policy.label}.{number}"
    return label, True
