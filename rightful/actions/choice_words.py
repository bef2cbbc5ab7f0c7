"""In which words a customer chose: every choice about one purpose, with what stood before them then.

gather   the choices on record; the sealed words in their entries; the notices they name
decide   whether the very words were kept, or only the notice they came from
act      nothing

Easy to get wrong: showing the words of today. A purpose may be worded anew; what somebody
agreed to is what they read then, in the language they read it in. Where the words were not
kept (a history brought along), the notice's own are shown as what they are.

Sources: GDPR Art. 7(1), 7(2); UX P3; ISO/IEC TS 27560:2023, 6.3.4.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from rightful.actions.consent_receipt import choices_about
from rightful.actions.customer_words import InLanguage, Said, says
from rightful.actions.record_choice import purpose_of
from rightful.actions.show_notice import address_of
from rightful.consent.history import Kept, history_of
from rightful.consent.shown import wording_digest
from rightful.errors import IntegrityFault, NotFound
from rightful.terms import EventKind
from rightful.workspace import Workspace

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHOSE = {
    EventKind.GIVEN: "you_said_yes",
    EventKind.WITHDRAWN: "you_took_back",
    EventKind.REFUSED: "you_said_no",
    EventKind.DEFERRED: "you_closed",
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One choice.

    Attributes:
        words: what stood there; None where nothing is known.
        exact: the words were kept with the choice; False: they are the notice's.
        notice: the label of the notice it was made on, "" if it named none.
        address: how that notice is named in an address, "" where it has no public text.
        language: of the notice and the request, "" where nobody kept it.
    """

    said: Said
    at: datetime
    words: InLanguage | None
    exact: bool
    notice: str
    address: str
    language: str
    entry: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What a purpose is called today, and the choices about it, newest first."""

    says: InLanguage
    channel: str
    made: tuple[Chosen, ...]


def choices_in_words(ws: Workspace, key: str, purpose: str, channel: str = "", *, language: str = "en") -> Choices:
    """Every choice of a customer about a purpose and channel.

    Raises:
        NotFound: the customer never chose anything here.
        IntegrityFault: kept words are not those whose digest is on record.
    """
    policy = ws.facts.policy
    about = choices_about(policy, purpose_of(ws, purpose), channel, history_of(ws.consent, ws.number_of(key)))
    if not about:
        raise NotFound("there is no choice on record here", remedy="Something has to be chosen first")
    made = tuple(_chosen(ws, kept, language) for kept in reversed(about))
    return Choices(says(policy, purpose, language), channel, made)


def _chosen(ws: Workspace, kept: Kept, language: str) -> Chosen:
    event = kept.event
    stated: dict[str, Any] = {} if kept.segment else dict(ws.ledger.entry(kept.entry).public)
    spoken = str(stated.get("language", ""))
    kept_words = _kept_words(ws, kept, str(stated.get("wording", "")))
    exact = InLanguage(kept_words, spoken or ws.facts.policy.language) if kept_words else None
    return Chosen(
        said=Said(CHOSE[event.kind]),
        at=EPOCH + timedelta(microseconds=event.effective_us),
        words=exact or _of_the_notice(ws, event.notice, event.purpose, spoken or language),
        exact=exact is not None,
        notice=event.notice,
        address=address_of(ws, event.notice),
        language=spoken,
        entry=kept.entry,
    )


def _kept_words(ws: Workspace, kept: Kept, digest: str) -> str:
    private = ws.ledger.open_private(kept.entry) if digest else None
    words = str((private or {}).get("words", ""))
    if words and wording_digest(words) != digest:
        raise IntegrityFault(f"the words in ledger entry {kept.entry} are not those that were shown")
    return words


def _of_the_notice(ws: Workspace, label: str, purpose: str, language: str) -> InLanguage | None:
    if not label:
        return None
    try:
        found = ws.notices.wording(label, purpose, language)
    except NotFound:
        return None
    return InLanguage(found.text.partition("\n")[0], found.language)
