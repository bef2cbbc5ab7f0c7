"""The notice that tells customers what the policy in force does with their data is published.

gather   the policy in force, the notices published before
decide   whether everything the law wants said can be said; whether anything differs from the newest notice
act      terms, texts in every language and the ledger entry in one transaction

A notice is versioned by its content: the same terms and the same texts are the same version, whatever else
changed. It never changes under its label.

Easy to get wrong: a public text with a gap in it. It is refused, with the key to add for each gap.

Sources: GDPR Art. 5(2), 7(1), 12-14; cases S04, S05; AC-056.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rightful.errors import NoticeIncomplete
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft
from rightful.notices.models import digest_of_texts
from rightful.notices.rules import Notice
from rightful.notices.words import words_of
from rightful.notices.writing import write
from rightful.policy.loader import eea
from rightful.policy.model import Policy
from rightful.policy.models import Terms, digest_of_terms
from rightful.policy.told import Missing, missing, told
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Prepared:
    """A notice as it would be published. `texts` is empty, and `lacks` says why, where it has no public text."""

    label: str
    is_new: bool
    policy: str
    terms: Terms
    facts: Mapping[str, Any]
    texts: Mapping[str, Notice]
    lacks: tuple[Missing, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of what the notice says in all its languages; "" without a public text."""
        return digest_of_texts(self.texts) if self.texts else ""


@dataclass(frozen=True, slots=True)
class PublishedNotice:
    """What was published. `entry` is None where this very notice is the newest already."""

    label: str
    digest: str
    languages: tuple[str, ...]
    entry: int | None


def publish_notice(
    ws: Workspace,
    *,
    actor: str,
    rebuild: bool = True,
    progress: Callable[[str, float], None] | None = None,
) -> PublishedNotice:
    """Publish the notice of the policy in force, in every language it is told in.

    Publishing a policy does the same by itself; this is for a notice that could not be complete then, or whose
    sentences changed with a newer Rightful.

    Raises:
        NoticeIncomplete: the law wants something said that the policy does not tell.
    """
    prepared = prepare(ws, ws.facts.policy)
    refuse_gaps(prepared)
    if not prepared.is_new:
        return PublishedNotice(prepared.label, prepared.digest, tuple(prepared.texts), None)
    now = ws.ledger.check_clock()
    (entry,) = ws.journal.record(
        [draft_of(prepared, actor)], lambda tx, written: put(ws, tx, prepared, now, written[0].index)
    )
    ws.consent.announce(ws.shelf.position())
    if rebuild:
        ws.facts.rebuild(progress)
    return PublishedNotice(prepared.label, prepared.digest, tuple(prepared.texts), entry.index)


def record_older_notice(ws: Workspace, label: str, terms: Terms, *, actor: str) -> int:
    """Put a notice on record that consents were given on before Rightful; returns its ledger entry."""
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


def prepare(ws: Workspace, policy: Policy) -> Prepared:
    """The notice of a policy, under the label it would have; nothing is written."""
    terms = terms_of(policy)
    facts = told(policy, eea())
    lacks = missing(policy)
    texts = {} if lacks else texts_of(facts)
    label, is_new = _label_for(ws, policy, terms, texts)
    return Prepared(label, is_new, policy.version, terms, facts, texts, lacks)


def refuse_gaps(prepared: Prepared) -> None:
    """Raise NoticeIncomplete where the notice would leave out what the law wants said."""
    if prepared.lacks:
        count = len(prepared.lacks)
        raise NoticeIncomplete(
            f"the public notice is not published: {count} thing{'s' if count > 1 else ''} the law wants said "
            f"{'are' if count > 1 else 'is'} missing from the policy",
            problems=tuple(gap.sentence for gap in prepared.lacks),
        )


def texts_of(facts: Mapping[str, Any]) -> dict[str, Notice]:
    """Language -> notice, the policy's own language first."""
    return {language: write(facts, words_of(language)) for language in facts["languages"]}


def draft_of(prepared: Prepared, actor: str) -> Draft:
    """The ledger's entry of the publication."""
    public: dict[str, Any] = {
        "label": prepared.label,
        "digest": digest_of_terms(prepared.terms),
        "policy": prepared.policy,
    }
    if prepared.texts:
        public |= {"text": prepared.digest, "languages": list(prepared.texts)}
    return Draft("notice.published", public, {"actor": actor})


def put(ws: Workspace, tx: Tx, prepared: Prepared, at_us: int, entry: int) -> None:
    """Keep terms and texts, in the caller's transaction."""
    ws.shelf.publish_notice(tx, prepared.label, prepared.policy, prepared.terms, at_us, entry)
    if prepared.texts:
        ws.notices.put(tx, prepared.label, prepared.texts, prepared.facts, at_us, entry)


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


def _label_for(ws: Workspace, policy: Policy, terms: Terms, texts: Mapping[str, Notice]) -> tuple[str, bool]:
    """The newest notice if it says this already, else a new label.

    An older one is not taken up again: what customers are shown is the newest, and a consent is bound to what
    was shown.
    """
    known = ws.shelf.notices()
    newest = ws.shelf.newest_notice()
    if newest and digest_of_terms(known[newest]) == digest_of_terms(terms):
        written = ws.notices.find(newest)
        if not texts or (written is not None and written.digest == digest_of_texts(texts)):
            return newest, False
    label, number = policy.label, 1
    while label in known:
        number += 1
        label = f"{policy.label}.{number}"
    return label, True
