"""How an imported history forgets a person: the file is written anew without what leads to them.

Histories are immutable Parquet files. One that holds events of an erased customer is
replaced by another with the same rows in the same order, in which the customer's event
ids, evidence and values are blank. Kind, purpose, channel and instants stay, under a
number that no longer leads to anybody.

Easy to get wrong: a rejected-rows file beside it, which holds lines as they came in. It has
an end of its own: whoever brought the rows has mended them by then, or never will.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from rightful.consent.files import settle
from rightful.consent.models import NOBODYS_BIRTH
from rightful.terms import EventKind

BLANK = ("event_id", "evidence", "value")


def forget_in_segment(path: Path, numbers: Collection[int], target: Path) -> int:
    """Write the history anew without what leads to these customers; returns how many events were theirs.

    Nothing is written if there are none.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as parquet

    found = parquet.read_table(path, columns=["no"]).column("no")
    wanted = pa.array(sorted(numbers), found.type)
    theirs = pc.is_in(found, value_set=wanted)
    count = int(pc.sum(theirs).as_py() or 0)
    if not count:
        return 0
    table = parquet.read_table(path)
    kinds = table.column("kind").cast(pa.string())
    for name in BLANK:
        if name not in table.column_names:
            continue
        place, kind = table.column_names.index(name), table.schema.field(name).type
        old = table.column(name).cast(pa.string())
        instead: object = pa.scalar("")
        if name == "value":
            instead = pc.if_else(pc.equal(kinds, EventKind.BORN.value), NOBODYS_BIRTH, "")
        new = pc.if_else(pc.and_(theirs, pc.is_valid(old)), instead, old)
        table = table.set_column(
            place,
            pa.field(name, kind),
            new.cast(kind)
            if not pa.types.is_dictionary(kind)
            else pa.chunked_array([c.dictionary_encode() for c in new.chunks]).cast(kind),
        )
    part = target.with_suffix(".part")
    names = ["kind", "purpose", "channel", "notice", "value", "method", "evidence"]
    parquet.write_table(table, part, compression="zstd", use_dictionary=[n for n in names if n in table.column_names])
    settle(part, target)
    return count


def forget_in_rejects(folder: Path, names_somebody: Callable[[str], bool]) -> int:
    """Take lines that name an erased person out of the lists of rejected rows; returns how many."""
    gone = 0
    for path in sorted(folder.glob("*-rejected.csv")):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not names_somebody(line)]
        if len(kept) < len(lines):
            part = path.with_suffix(".part")
            part.write_text("".join(kept), encoding="utf-8")
            settle(part, path)
            gone += len(lines) - len(kept)
    return gone


def old_rejects(folder: Path, before_us: int) -> list[Path]:
    """Lists of rejected rows that were written before an instant."""
    return [path for path in sorted(folder.glob("*-rejected.csv")) if path.stat().st_mtime_ns < before_us * 1000]
