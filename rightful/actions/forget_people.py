"""People whose rows a disposal deletes as a whole are forgotten everywhere else, too: keys, histories, sign-in.

gather   who is about to go, and who of them ever left a trace here
decide   who has really gone: their rows are not there any more
act      imported histories are written anew, events and letters lose whom they are about, keys are destroyed

Easy to get wrong: destroying the key of somebody whose row stayed (a hold, a batch that failed);
a statement for each of a million people. Only those who left a trace are walked through.

Sources: GDPR Art. 5(1)(e); NIST SP 800-88 Rev. 1, 2.6 (cryptographic erase); DESIGN section 6.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rightful.consent.files import digest_of
from rightful.consent.forgetting import forget_in_rejects, forget_in_segment
from rightful.ledger.record import ERASABLE, Draft
from rightful.retention.leaving import Leaving
from rightful.workspace import Workspace

if TYPE_CHECKING:
    from pyroaring import BitMap

ROOMS = (
    "consent_event", "consent_request", "consent_guardian", "consent_guardian_mail", "mail_letter", "rights_case",
    "rights_copy",
)  # fmt: skip


def leaving(ws: Workspace, run: str, keys: Sequence[Any]) -> Leaving:
    """Who these customers are, by number, and who of them left a trace."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyroaring import BitMap

    wanted = pa.array([str(k) for k in keys], pa.string())
    known: dict[int, str] = {}
    for numbers, names in ws.source.customer_keys():
        theirs = pc.is_in(names.cast(pa.string()), value_set=wanted)
        places = np.flatnonzero(np.asarray(theirs))
        known.update(zip(numbers[places].tolist(), names.take(pa.array(places)).to_pylist(), strict=True))
    traces = _traces(ws, known)
    return Leaving(run, BitMap(sorted(known)).serialize(), {no: known[no] for no in traces})


def _traces(ws: Workspace, numbers: Collection[int]) -> set[int]:
    """Those with a key of their own, or with an event, a question or a guardian on record."""
    subjects = {ws.subject_id(no): no for no in numbers}
    found = {subjects[s] for s in ws.ledger.keys.subjects.find(list(subjects))}
    for statement in (
        "SELECT DISTINCT no FROM consent_event WHERE subject <> ''",
        "SELECT DISTINCT no FROM consent_request",
        "SELECT DISTINCT no FROM consent_guardian",
    ):
        found |= {int(no) for (no,) in ws.control.query(statement) if no in numbers}
    return found


def forget_leavers(ws: Workspace, run: str) -> tuple[int, int, int]:
    """Forget everybody whose rows are gone, of this run and of runs that were killed before their end.

    Returns:
        How many people went; how many keys were destroyed; how many keys of theirs are still there.
    """
    from pyroaring import BitMap

    waiting = ws.leaving.all()
    if not waiting:
        return 0, 0, 0
    here = BitMap()
    for numbers, _ in ws.source.customer_keys():
        here.update(numbers)
    gone = BitMap()
    traces: dict[int, str] = {}
    for one in waiting:
        left = BitMap.deserialize(one.numbers) - here
        gone |= left
        traces.update({no: key for no, key in one.keys.items() if no in left})
    subjects = [ws.subject_id(no) for no in traces]
    before = len(ws.ledger.keys.subjects.find(subjects))
    _forget(ws, run, gone, traces, subjects, waiting)
    after = len(ws.ledger.keys.subjects.find(subjects))
    return len(gone), before - after, after


def _forget(
    ws: Workspace,
    run: str,
    gone: BitMap,
    traces: dict[int, str],
    subjects: Sequence[str],
    waiting: Sequence[Leaving],
) -> None:
    if gone:
        write_histories_anew(ws, frozenset(gone), run)
        names = frozenset(traces.values())
        forget_in_rejects(ws.consent.folder, lambda line: bool(names & {c.strip().strip('"') for c in line.split(",")}))
        forget_sign_in(ws, names)
    with ws.control.write() as tx:
        for no in traces:
            ws.consent.forget(tx, no)
            ws.requests.forget(tx, no)
            ws.guardians.forget(tx, no)
            ws.mail.forget(tx, no)
            ws.cases.forget(tx, ws.subject_id(no))
        ws.ledger.forget_many(subjects, frozenset(gone), tx)
        for one in waiting:
            ws.leaving.forget(tx, one.run)
    ws.keys.erasures.forget(traces)
    ws.keys.subjects.scrub()
    ws.control.scrub(*ERASABLE, *ROOMS, "disposal_leaving", rewrite=True)
    if gone:
        ws.facts.rebuild()  # the permission state held birth date and residence


def write_histories_anew(ws: Workspace, numbers: Collection[int], run: str) -> None:
    """Imported histories without what leads to these customers, each with an entry that names both files."""
    for segment in ws.consent.segments():
        target = ws.consent.folder / f"{_first_name(segment.file)}-without-{run}.parquet"
        if segment.file == target.name:
            continue
        if forget_in_segment(ws.consent.segment_path(segment), numbers, target):
            digest = digest_of(target)
            public = {
                "segment": digest,
                "was": segment.digest,
                "replaces": segment.entry,
                "source": segment.source_digest,
                "rows": segment.rows,
                "run": run,
            }

            def rows(tx: Any, entries: Any, old: Any = segment, new: str = digest, to: Path = target) -> None:
                ws.consent.replace_segment(tx, old, to.name, new, entries[0].index)

            ws.journal.record([Draft("consent.rewritten", public)], rows)
    wanted = {segment.file for segment in ws.consent.segments()}
    for path in ws.consent.folder.glob("*.parquet"):
        if path.name not in wanted and _first_name(path.name) in map(_first_name, wanted):
            path.unlink(missing_ok=True)


def forget_sign_in(ws: Workspace, keys: Collection[str]) -> None:
    """The rows that let customers sign in, if the portal was ever used."""
    if not keys or not (ws.path / "state" / "web.sqlite").exists():
        return
    from rightful.web.accounts import forget_customer

    for key in keys:
        forget_customer(ws, key)


def _first_name(file: str) -> str:
    """The name under which a history was imported, also after it was written anew."""
    return Path(file).stem.partition("-without-")[0]
