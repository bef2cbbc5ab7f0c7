"""How rows of customers leave: batch by batch, each checked again, recorded before it goes.

`export` makes one list; it appears once its entry is on disk and only with people who
had not said no by then. `send` hands a list over in batches. Before each batch goes it
has its own entry, which names whose rows are in it and stands only if none of them has
spoken since they were looked at. So after a no has been acknowledged, at most the one
batch that was recorded before it still goes, and the ledger lists it.

The rows wait in a file without a name: it is gone when the process ends, however it ends,
memory stays that of a batch and four bytes for each row, and no slow recipient keeps
the store from being written.

Easy to get wrong: somebody who said no while the file was being written (looked for
again in the transaction of the entry); a batch that failed on the way counts as gone,
because nobody can know, and is never sent a second time.

Sources: GDPR Art. 5(1)(b), 7(3), 28; AC-012, AC-054; cases R02-R06; decision record on releasing rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rightful.errors import SourceUnavailable
from rightful.gate import use
from rightful.gate.plan import Plan
from rightful.gate.planes import as_roaring
from rightful.gate.request import Request
from rightful.gate.use import Flow, House, Overtaken, Use, fenced
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry

if TYPE_CHECKING:
    import pyarrow as pa
    from pyroaring import BitMap

EXPORT = "use.export"
BATCH = "share.batch"
GOOD_FOR_US = 24 * 3_600_000_000
"""How long a list may be used: after that it has to be made again (AC-012)."""
READ_ROWS = 65_536
BATCH_ROWS = 10_000
"""Rows in one hand-over: at most so many people are in flight when one of them says no."""
MOST_TRIES = 8
_NO = "__rf_number"


class Writer(Protocol):
    """Takes the rows of a list, once or again from the beginning."""

    def begin(self, schema: pa.Schema) -> None: ...
    def add(self, rows: pa.RecordBatch) -> None: ...
    def end(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Handed:
    """One batch in the hand of whoever delivers it: its entry is on disk already."""

    entry: Entry
    number: int
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a list: batches that went, customers in them, and who was left out since it was made."""

    batches: tuple[int, ...]
    customers: int
    left_out: int
    withdrawn: int
    entry: int


@dataclass(frozen=True, slots=True)
class Added:
    """A column that is no data of the customer: worked out from the number, such as a link to say no."""

    name: str
    values: Callable[[NDArray[np.uint32]], pa.Array]


class Spool(AbstractContextManager["Spool"]):
    """Rows with their customers' numbers, on disk in a file without a name."""

    def __init__(self, flow: Flow, folder: Path, added: Added | None = None) -> None:
        import pyarrow as pa

        self.schema: pa.Schema = flow.schema
        if added is not None:
            self.schema = self.schema.append(pa.field(added.name, pa.string()))
        # No name, so nothing is left when this process is killed.
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed in __exit__
        parts = []
        both = self.schema.append(pa.field(_NO, pa.uint32()))
        with pa.ipc.new_stream(self._file, both) as sink:
            for rows, numbers in flow.batches():
                more = [] if added is None else [added.values(numbers)]
                sink.write_batch(pa.RecordBatch.from_arrays([*rows.columns, *more, pa.array(numbers)], schema=both))
                parts.append(numbers)
        self.numbers: NDArray[np.uint32] = np.concatenate(parts) if parts else np.zeros(0, np.uint32)

    def batches(self, keep: NDArray[np.bool_]) -> Iterator[pa.RecordBatch]:
        """The rows for which `keep` is true, in order."""
        import pyarrow as pa

        self._file.seek(0)
        start = 0
        for batch in pa.ipc.open_stream(self._file):
            mine = keep[start : start + batch.num_rows]
            start += batch.num_rows
            if mine.any():
                yield batch.drop_columns([_NO]).filter(pa.array(mine))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def export(
    house: House,
    request: Request,
    sql: str,
    writer: Writer,
    folder: Path,
    *,
    chosen_by: Request,
    added: Added | None = None,
) -> Use:
    """Make one list. What the writer holds when this returns may be released; if it raises, nothing may.

    Args:
        added: a further column; the entry's sealed part names it.
        folder: where the rows wait; on a disk that may hold customer data.

    Raises:
        NotPermitted, SqlRefused, QueryFailed: nothing is released; recorded.
        SourceUnavailable: people on the list kept changing their choices; make a smaller one.
    """
    with use.stream(house, request, sql, chosen_by=chosen_by, batch_rows=READ_ROWS) as flow:
        spool = Spool(flow, folder, added)
    with spool:
        written: NDArray[np.bool_] | None = None
        for _ in range(MOST_TRIES):
            position, keep = flow.permitted(spool.numbers)
            if written is None or not np.array_equal(keep, written):
                writer.begin(spool.schema)
                for rows in spool.batches(keep):
                    writer.add(rows)
                writer.end()
                written = keep
            try:
                made = _record_export(flow, position, spool.numbers[keep], int((~keep).sum()), added)
                return replace(made, table=spool.schema.empty_table())
            except Overtaken:
                continue
    raise SourceUnavailable(
        "customers on this list kept changing their choices while it was written",
        remedy="Make a smaller list, or hand it over in batches: `rightful share send`",
    )


def send(
    house: House,
    request: Request,
    sql: str,
    only: BitMap,
    export: int,
    deliver: Callable[[Handed], None],
    folder: Path,
    *,
    chosen_by: Request,
    added: Added | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Sent:
    """Hand a list over in batches, each checked again at the instant it goes.

    Args:
        only: numbers of the customers on the list; nobody else goes, whatever the statement finds today.
        export: the entry of the list.
        deliver: takes one batch; when it raises, the batch counts as gone and nothing more is handed over.

    Raises:
        NotPermitted: no longer permitted as a whole (another policy, an agreement that has ended); recorded.
        StaleList: another hand-over of the same list is under way.
    """
    with use.stream(house, request, sql, chosen_by=chosen_by, batch_rows=READ_ROWS) as flow:
        spool = Spool(flow, folder, added)
    with spool:
        sending = _Sending(house, flow, export, deliver)
        chosen = _in(only - sending.gone, spool.numbers)
        numbers = spool.numbers[chosen]
        start = 0
        for batch in spool.batches(chosen):
            for at in range(0, batch.num_rows, batch_rows):
                part = batch.slice(at, batch_rows)
                sending.hand_over(part, numbers[start : start + part.num_rows])
                start += part.num_rows
        return sending.end(only)


class _Sending:
    """One hand-over of one list."""

    def __init__(self, house: House, flow: Flow, export: int, deliver: Callable[[Handed], None]) -> None:
        from pyroaring import BitMap

        self.house, self.flow, self.export, self.deliver = house, flow, export, deliver
        earlier = house.sharing.batches_of(export)
        self.number = len(earlier)
        self.gone = BitMap()
        for one in earlier:
            self.gone |= house.ledger.subjects_of(one.entry)
        self.entries: list[int] = []

    def hand_over(self, rows: pa.RecordBatch, numbers: NDArray[np.uint32]) -> None:
        """Record a batch of those who may still be reached, then deliver it."""
        import pyarrow as pa
        from pyroaring import BitMap

        flow, sharing = self.flow, self.house.sharing
        while True:
            position, fine = flow.permitted(numbers)
            if not fine.any():
                return
            kept = numbers[fine]
            subjects = bytes(BitMap(kept).serialize())
            people = len(np.unique(kept))

            def note(tx: Tx, entries: list[Entry], people: int = people) -> None:
                given = flow.disclosure(entries[0], people, export=self.export)
                sharing.disclose(tx, given)
                sharing.begin_batch(tx, self.export, self.number, entries[0].index)

            draft = Draft(
                BATCH,
                flow.public(export=self.export, batch=self.number, customers=people, fields=sorted(flow.fields)),
                flow.private(),
                subjects=subjects,
            )
            try:
                [entry] = use.put_on_record(self.house, [draft], fenced(self.house, position, subjects, note))
            except Overtaken:
                continue  # one of them has just said no: look again
            break
        self.deliver(Handed(entry, self.number, pa.Table.from_batches([rows.filter(pa.array(fine))])))
        with self.house.ledger.db.write() as tx:
            sharing.end_batch(tx, entry.index, self.house.facts.clock())
        self.gone |= BitMap(kept)
        self.entries.append(entry.index)
        self.number += 1

    def end(self, only: BitMap) -> Sent:
        """The entry that closes a hand-over: what went, and who of the list was left out."""
        left = only - self.gone
        numbers = np.array(left.to_array(), np.uint32)
        _, fine = self.flow.permitted(numbers)
        withdrawn = int((~fine).sum())
        handed = [self.house.ledger.entry(index) for index in self.entries]
        customers = sum(int(entry.public["customers"]) for entry in handed)
        public = self.flow.public(
            export=self.export,
            batches=len(handed),
            rows=customers,
            customers=len(left),
            reasons={"not_permitted_any_more": withdrawn, "not_in_the_audience_any_more": len(left) - withdrawn},
        )
        draft = Draft("share.sent", public, self.flow.private(), subjects=bytes(left.serialize()))
        [entry] = use.put_on_record(self.house, [draft])
        return Sent(tuple(self.entries), customers, len(left), withdrawn, entry.index)


def _record_export(flow: Flow, position: int, numbers: NDArray[np.uint32], dropped: int, added: Added | None) -> Use:
    house, plan, bulk = flow.house, flow.plan, flow.bulk
    touched = use.Customers.of_numbers(numbers, bulk.known)
    made = Draft(
        EXPORT,
        flow.public(
            fields=sorted(flow.decision.allowed_fields),
            permitted=bulk.permitted,
            known=bulk.known,
            rows=len(numbers),
            state=bulk.position,
            statement=flow.digest,
            shape="rows",
            customers=touched.people,
        ),
        flow.private(**({} if added is None else {"added": added.name})),
        subjects=touched.bitmap,
    )

    def note(tx: Tx, entries: list[Entry]) -> None:
        if plan.request.recipient:
            entry = entries[0]
            house.sharing.disclose(tx, flow.disclosure(entry, touched.people, entry.at + GOOD_FOR_US))

    drafts = [made, _withheld(flow, plan)]
    entry = use.put_on_record(house, drafts, fenced(house, position, touched.bitmap, note))[0]
    decision = replace(flow.decision, entry=entry.index)
    return Use(flow.schema.empty_table(), decision, entry, 0, dropped, flow.ran)


def _withheld(flow: Flow, plan: Plan) -> Draft:
    """So that people who were left out see it: a use of a purpose did not touch them, and why in numbers."""
    facts, bulk = flow.house.facts, flow.bulk
    packed = ~facts.permitted(plan, facts.clock())
    if bulk.known & 7:
        packed[-1] &= (1 << (bulk.known & 7)) - 1  # behind the last customer there is nobody
    reasons = {code: int(count) for code, count in bulk.withheld.items()}
    return Draft("use.withheld", flow.public(reasons=reasons), flow.private(), subjects=as_roaring(packed))


def _in(members: BitMap, numbers: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of the numbers are members."""
    return np.isin(numbers, np.array(members.to_array(), np.uint32))
