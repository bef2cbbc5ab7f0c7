"""What of the records is kept a second time where no restore reaches it, and what a start compares it with.

The control database can be restored to last week. What was acknowledged since then and
must not be lost is noted beside the subjects' keys as well: erasures before they happen
(`gone.py`), and here, within a second of their entries, each no and the checkpoint.

Easy to get wrong: a witness that lies in the folder it watches over goes back with it.

Sources: GDPR Art. 7(3), 21, 32(1)(c); abuse cases AC-061, AC-076.
"""

from __future__ import annotations

from rightful.consent.models import ConsentLog
from rightful.errors import LedgerRolledBack
from rightful.ledger.erasure_journal import SaidNo
from rightful.ledger.record import Ledger
from rightful.protection.keys import Keyring


def check(ledger: Ledger, keys: Keyring) -> None:
    """Refuse a log that is shorter than, or another one than, the log of which receipts were given.

    Raises:
        LedgerRolledBack: it was restored to a point before the newest checkpoint that was published.
    """
    seen = keys.erasures.seen()
    problem = ledger.contradiction(seen) if seen is not None else None
    if problem is not None:
        raise LedgerRolledBack(
            problem.replace("outside checkpoint", "checkpoint beside the keys"),
            remedy="Files were put back by hand? Restore with `rightful backup restore`, which says what is lost",
        )


def follow(ledger: Ledger, consent: ConsentLog, keys: Keyring) -> None:
    """From now on, note what must not be lost after each publication of the log."""
    journal = keys.erasures
    if journal.position() is None:
        journal.follow(consent.position(), ())  # what was before stands in every backup there may be

    def note(size: int, checkpoint: str) -> None:
        journal.saw(size, checkpoint)
        noted = journal.position() or 0
        position = consent.position()
        if position > noted:
            journal.follow(position, [SaidNo(*row) for row in consent.refusals_since(noted)])

    ledger.on_publish = note


__all__ = ("check", "follow")
