"""Two counts whose difference would be about a few people: the second one is refused.

A minimum per group is worth little when the same analyst may count everybody, and then
everybody but one. So for each place where a statement counts people, a companion
statement sketches who they are, group by group. A question is refused when one of its
groups differs from a group of an earlier question of the same person by somebody, and
by fewer people than the minimum.

Easy to get wrong: honest work. The same question again always works. When people said
no between two questions, the groups differ, too: then the earlier question is sketched
anew, and if it counts the same people today, what differs is time, not the question.

Sources: GDPR Art. 25, recital 26; WP216 (2014) 2.2 on singling out; AC-007; decision record on differencing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa

from rightful.errors import SqlRefused
from rightful.protection.counted import BUCKETS, Counted, Groups, close_pairs, same_as_one_of

KEY, BUCKET, SUM, PEOPLE = "__rf_key", "__rf_bucket", "__rf_sum", "__rf_people"


def question_of(sql: str) -> str:
    """A digest of what was asked; white space does not make another question."""
    return hashlib.sha256(" ".join(sql.split()).encode()).hexdigest()


def groups_of(table: pa.Table, *, disjoint: bool) -> Groups:
    """The groups in what a companion statement gave: rows of (keys ..., bucket, sum, people).

    Args:
        disjoint: nobody is in two groups, so all of them together are a group as well.
    """
    cells = np.zeros(table.num_rows, np.int64)
    for name in table.column_names:
        if name.startswith(KEY):
            coded = table.column(name).combine_chunks().dictionary_encode(null_encoding="encode")
            if isinstance(coded, pa.ChunkedArray):
                coded = coded.combine_chunks()
            codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            cells = np.unique(cells * (int(codes.max(initial=0)) + 1) + codes, return_inverse=True)[1]
    count = int(cells.max(initial=-1)) + 1
    sizes, sums = np.zeros(count, np.int64), np.zeros((count, BUCKETS), np.int64)
    if count:
        buckets = table.column(BUCKET).cast(pa.int64()).to_numpy()
        np.add.at(sizes, cells, table.column(PEOPLE).cast(pa.int64()).to_numpy())
        np.add.at(sums, (cells, buckets), table.column(SUM).cast(pa.int64()).to_numpy())
    found = Groups(sizes, sums)
    if disjoint and count > 1:
        found = Groups.joined(found, Groups(sizes.sum(keepdims=True), sums.sum(axis=0, keepdims=True)))
    return found


def check(
    mine: Sequence[Groups],
    question: str,
    earlier: Sequence[Counted],
    today: Callable[[int], Groups | None],
    least: int,
) -> Groups:
    """Return the groups to remember, or refuse.

    Args:
        mine: for each place where the statement counts people, its groups.
        earlier: questions of the same person.
        today: whom an earlier question (by its entry) counts now; None if it cannot be asked any more.

    Raises:
        SqlRefused: a group differs from another one by somebody, and by fewer than `least` people.
    """
    shown = [groups.at_least(least) for groups in mine]
    for place, groups in enumerate(shown):
        for other in shown[place + 1 :]:
            if close_pairs(groups, other, least):
                _refuse("within this question", least)
    together = Groups.joined(*shown).smallest()
    for old in earlier:
        if old.question == question:
            continue
        pairs = close_pairs(together, old.groups, least)
        if not pairs:
            continue
        now = today(old.entry)
        if now is None or not all(same_as_one_of(together, place, now) for place, _ in pairs):
            _refuse(f"from a question of yours (entry {old.entry})", least)
    return together


def _refuse(what: str, least: int) -> None:
    raise SqlRefused(
        f"A group differs {what} by fewer than {least} people, so the two together would be about them",
        code="sql.differencing",
        remedy="Ask the earlier question again as it was, or one whose groups differ by more people",
    )
