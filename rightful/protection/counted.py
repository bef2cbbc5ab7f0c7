"""Which people stood behind the counts one person was given, kept so that two counts do not single one out.

For each group of people that was counted there is a sketch: 1,024 sums of keyed-by-engine
hashes of customers' numbers. Two groups that differ by d people differ in at most d of
these sums, so a small difference is always seen; nobody can be read from a sketch. Who
asked is a keyed digest. After thirty days, or two hundred questions, a sketch is forgotten.

Easy to get wrong: counts of another purpose are counts all the same, so all of one
person's questions are compared.

Sources: GDPR Art. 5(1)(c), 25; AC-007; decision record on differencing.
"""

from __future__ import annotations

import hmac
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rightful.ledger.database import Database, Tx

BUCKETS = 1024
WINDOW_US = 30 * 86_400_000_000
MOST_QUESTIONS = 200
MOST_GROUPS = 128
"""Groups kept of one question: the smallest ones, for these single somebody out, and everybody together."""

TABLES = [
    """CREATE TABLE counted (
        entry INTEGER PRIMARY KEY, who TEXT NOT NULL, at_us INTEGER NOT NULL, question TEXT NOT NULL,
        groups INTEGER NOT NULL, sketch BLOB NOT NULL)""",
    "CREATE INDEX counted_who ON counted (who, at_us)",
]


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of people: how many are in each, shape (n,), and their sketches, shape (n, 1024), both int64."""

    sizes: NDArray[np.int64]
    sums: NDArray[np.int64]

    def at_least(self, people: int) -> Groups:
        """Those that may be shown: no smaller than the minimum."""
        shown = self.sizes >= people
        return Groups(self.sizes[shown], self.sums[shown])

    def smallest(self, most: int = MOST_GROUPS) -> Groups:
        order = np.argsort(self.sizes, kind="stable")[:most]
        return Groups(self.sizes[order], self.sums[order])

    @classmethod
    def joined(cls, *parts: Groups) -> Groups:
        return cls(np.concatenate([p.sizes for p in parts]), np.concatenate([p.sums for p in parts]))


def close_pairs(mine: Groups, theirs: Groups, least: int) -> list[tuple[int, int]]:
    """(mine, theirs) of groups that are not the same people and differ by fewer than the minimum."""
    few = slice(0, 64)  # most pairs differ everywhere: a few of the sums tell them apart
    near = np.abs(mine.sizes[:, None] - theirs.sizes[None, :]) < least
    near &= np.count_nonzero(mine.sums[:, None, few] != theirs.sums[None, :, few], axis=2) < least
    found = []
    for place, other in np.argwhere(near).tolist():
        if 0 < np.count_nonzero(mine.sums[place] != theirs.sums[other]) < least:
            found.append((place, other))
    return found


def same_as_one_of(mine: Groups, place: int, theirs: Groups) -> bool:
    """Whether exactly these people are a group of the others."""
    return bool(((theirs.sizes == mine.sizes[place]) & (theirs.sums == mine.sums[place]).all(axis=1)).any())


@dataclass(frozen=True, slots=True)
class Counted:
    """One earlier question: its entry, a digest of its text, and whom it counted."""

    entry: int
    question: str
    groups: Groups


class CountedLog:
    """Earlier counts, by who was given them."""

    def __init__(self, db: Database, key: bytes) -> None:
        self.db = db
        self._key = key
        db.migrate("counted", TABLES)

    def who(self, actor: str) -> str:
        """The pseudonym of somebody who asks; needs the key to link."""
        return hmac.digest(self._key, actor.encode(), "sha256").hex()[:32]

    def earlier(self, actor: str, now_us: int) -> list[Counted]:
        """What this person was given lately, newest first."""
        rows = self.db.query(
            "SELECT entry, question, groups, sketch FROM counted WHERE who = ? AND at_us > ? "
            "ORDER BY entry DESC LIMIT ?",
            (self.who(actor), now_us - WINDOW_US, MOST_QUESTIONS),
        )
        return [Counted(int(entry), str(question), _unpacked(int(n), bytes(data))) for entry, question, n, data in rows]

    def remember(self, tx: Tx, entry: int, actor: str, at_us: int, question: str, groups: Groups) -> None:
        """Keep whom a question counted, in the transaction of its entry; what is too old goes, and so does the
        same question about the same people."""
        data = zlib.compress(groups.sizes.tobytes() + groups.sums.tobytes(), 1)
        tx.execute(
            "DELETE FROM counted WHERE who = ? AND question = ? AND sketch = ?", (self.who(actor), question, data)
        )
        tx.insert_many(
            "counted",
            "entry, who, at_us, question, groups, sketch",
            [(entry, self.who(actor), at_us, question, len(groups.sizes), data)],
        )
        tx.execute("DELETE FROM counted WHERE at_us <= ?", (at_us - WINDOW_US,))


def _unpacked(groups: int, data: bytes) -> Groups:
    numbers = np.frombuffer(zlib.decompress(data), np.int64)
    return Groups(numbers[:groups], numbers[groups:].reshape(groups, BUCKETS))
