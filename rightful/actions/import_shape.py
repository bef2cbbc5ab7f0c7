"""A consent list leaves another system in that system's shape and comes into the record in ours.

gather   the file, the mapping the user gave, which customers the addresses belong to
decide   row by row: an event, a claim, or a reason why not
act      one import like any other; rejected rows go to a file with line and reason

Easy to get wrong: losing a no. If people unsubscribed from a list that nobody mapped,
the whole file is refused until it is mapped.

Sources: GDPR Art. 7(1), 7(3), 21; AC-057.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rightful.actions.record_choice import purpose_of
from rightful.actions.register_source import import_consents
from rightful.consent.files import digest_of
from rightful.consent.importing import COLUMNS, Progress
from rightful.consent.shapes import Lists, Said, Target, lists_in, read
from rightful.errors import BadInput, FileRejected, UnknownName
from rightful.gate import use
from rightful.terms import EventKind
from rightful.workspace import Workspace

KEY = "key"
UNKNOWN, SEVERAL = "unknown customer", "this address belongs to several customers"


@dataclass(frozen=True, slots=True)
class Shaped:
    """What a file came to, or would come to. `counts` is kind -> events; `claims` of them permit nothing."""

    rows: int
    counts: Mapping[str, int]
    claims: int
    rejected: Mapping[str, int]
    accepted: int
    repeats: int
    rejects: Path | None


def propose_lists(path: Path, shape: str) -> Lists:
    """Which lists a file holds: what a mapping has to name. Reads nothing else.

    Raises:
        FileRejected: the file is no export of this system.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        return lists_in(shape, _header(path, reader), reader)


def import_shape(
    ws: Workspace,
    path: Path,
    shape: str,
    mapping: Mapping[str, Target],
    *,
    actor: str,
    match: str = "",
    notice: str = "",
    zone: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> Shaped:
    """Take an export in.

    Args:
        mapping: list of the other system -> purpose and channel.
        match: column of the customer table that holds what the file names people by; `key` for the key
            itself; "" for the e-mail column.
        notice: label of the notice those people were shown; without one no yes can be proved.
        zone: time zone of times without offset; such rows are rejected without one.
        dry_run: look, write nothing.

    Raises:
        FileRejected: no export of this system, or people unsubscribed from a list that is not mapped.
        UnknownName: a purpose, notice or column that does not exist.
    """
    for target in mapping.values():
        purpose = purpose_of(ws, target.purpose)
        if target.channel not in (purpose.channels or ("",)):
            raise BadInput(f"{target.purpose} has no channel {target.channel or '(none)'}")
    if notice and notice not in ws.shelf.notices():
        raise UnknownName(f"there is no notice {notice}", remedy="`rightful notice list` shows them")
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        header = _header(path, reader)
        rows = [{name: value or "" for name, value in row.items() if name is not None} for row in reader]
    found = read(shape, header, rows, mapping)
    if found.unmapped_noes:
        lost = ", ".join(f"{name or 'the list'} ({count})" for name, count in sorted(found.unmapped_noes.items()))
        raise FileRejected(
            f"people said no to lists that are not mapped: {lost}",
            remedy="Map each of them: --map 'LIST=PURPOSE/CHANNEL'",
        )
    keys = _keys_of(ws, {said.who for said in found.said}, match)
    kept = [(said, keys[said.who]) for said in found.said if keys[said.who] not in (UNKNOWN, SEVERAL)]
    rejected = list(found.rejected)
    rejected += [(s.line, keys[s.who]) for s in found.said if keys[s.who] in (UNKNOWN, SEVERAL)]
    counts = Counter(said.kind.value for said, _ in kept)
    claims = sum(said.kind is EventKind.GIVEN and not (said.evidence and notice) for said, _ in kept)
    if dry_run:
        return Shaped(len(rows), counts, claims, Counter(why for _, why in rejected), 0, 0, None)
    imported, late = _import(ws, path, shape, kept, notice, actor, zone, progress)
    rejected += late
    rejects = _write_rejects(ws, path, header, rows, rejected) if rejected else None
    return Shaped(len(rows), counts, claims, Counter(why for _, why in rejected), imported[0], imported[1], rejects)


def _import(
    ws: Workspace,
    path: Path,
    shape: str,
    kept: list[tuple[Said, str]],
    notice: str,
    actor: str,
    zone: str,
    progress: Progress | None,
) -> tuple[tuple[int, int], list[tuple[int, str]]]:
    """The events as a history of our own shape, imported; ((accepted, repeats), rejected lines of the original)."""
    now = datetime.fromtimestamp(ws.ledger.check_clock() / 1e6, UTC).isoformat()
    ours = ws.path / "state" / f".{shape}-{digest_of(path)[:12]}.csv"
    handle = os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for said, key in kept:
                writer.writerow(
                    {
                        "event_id": said.event_id(shape),
                        "customer_id": key,
                        "kind": said.kind.value,
                        "purpose": said.purpose,
                        "channel": said.channel,
                        "at": _instant(said.at) or now,  # only a no may lack a time: it counts from now on
                        "until": _instant(said.until),
                        "notice": notice if said.kind is EventKind.GIVEN else "",
                        "method": said.method.value,
                        "evidence": said.evidence,
                        "value": "",
                    }
                )
        if not kept:
            return (0, 0), []
        done = import_consents(ws, ours, actor=actor, zone=zone, progress=progress)
    finally:
        ours.unlink(missing_ok=True)
    late: list[tuple[int, str]] = []
    if done.rejects is not None:
        with done.rejects.open(newline="", encoding="utf-8") as file:
            late = [(kept[int(row["line"]) - 2][0].line, row["why"]) for row in csv.DictReader(file)]
        done.rejects.unlink()
    return (done.accepted, done.repeats), late


def _keys_of(ws: Workspace, names: set[str], match: str) -> dict[str, str]:
    """Who is meant: key of the customer, or why nobody."""
    column = match or str(ws.config.get("subject", {}).get("email", ""))
    if not column:
        raise BadInput("nobody said which column holds the e-mail address", remedy="`rightful source describe --email`")
    if match not in ("", KEY) and match not in {c.name for c in ws.facts.customer_table().columns}:
        raise UnknownName(f"the customer table has no column {match}")
    found = {}
    for name in names:
        if match == KEY:
            found[name] = name if use.customer_number(ws, name) is not None else UNKNOWN
            continue
        hits = use.customers_by_contact(ws, column, name)
        found[name] = hits[0][1] if len(hits) == 1 else SEVERAL if hits else UNKNOWN
    return found


def _instant(text: str) -> str:
    """Salesforce writes +0000 and milliseconds; everything else passes as it is."""
    return f"{text[:-5]}{text[-5:-2]}:{text[-2:]}" if text[-5:-4] in ("+", "-") and text[-4:].isdigit() else text


def _header(path: Path, reader: csv.DictReader[str]) -> list[str]:
    try:
        names = reader.fieldnames
    except (UnicodeDecodeError, csv.Error):
        names = None
    if not names:
        raise FileRejected(f"{path.name} is no table with a header", remedy="Export it again as UTF-8 CSV")
    return list(names)


def _write_rejects(
    ws: Workspace, path: Path, header: list[str], rows: list[dict[str, str]], rejected: list[tuple[int, str]]
) -> Path:
    target = ws.consent.folder / f"{path.stem}-{digest_of(path)[:12]}-rejected.csv"
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "why", *header])
        for line, why in sorted(rejected):
            writer.writerow([line, why, *(rows[line - 2].get(name, "") for name in header)])
    return target
