"""A list is handed over to its recipient, in batches, to those who may still be reached.

gather   the list by its ledger entry or its file, and who was on it
decide   whether it may still be used at all; the gate looks at every batch again
act      an entry before each batch, the batch, and one entry that says who was left out

Easy to get wrong: a file of yesterday, a file that somebody changed, a list that was
called back; sending twice what may have arrived once.

Sources: GDPR Art. 5(1)(d), 7(3), 28; AC-012, AC-054.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rightful.actions.export_audience import SIGNED_AS, note_path, write_table
from rightful.actions.unsubscribe import unsubscribe_column
from rightful.actions.use_data import request_for
from rightful.consent.files import digest_of
from rightful.errors import BadInput, NotFound, StaleList
from rightful.gate import release
from rightful.gate.release import Handed, Sent
from rightful.ledger.canonical import canonical
from rightful.ledger.record import Draft
from rightful.workspace import Workspace


def send_audience(
    ws: Workspace,
    actor: str,
    made: int | Path,
    deliver: Callable[[Handed], None] | None = None,
    *,
    batch_rows: int = release.BATCH_ROWS,
) -> Sent:
    """Hand a list over. Who said no since it was made is left out, and that is on record.

    What goes are the rows as the source has them now, in the fields of the list, of the customers on the list.

    Args:
        made: the ledger entry of the list, or its file (with the signed note beside it).
        deliver: takes one batch, already on record; without it batches become files in the outbox, in a folder
            of the recipient.
        batch_rows: at most so many people are in flight when one of them says no.

    Raises:
        StaleList: too old, changed, called back, or being handed over by somebody else; recorded.
        NotPermitted: the purpose, its role, or the recipient's agreement no longer permits it; recorded.
        NotFound: there is no such list.
    """
    index = made if isinstance(made, int) else read_note(ws, made, actor)["entry"]
    given = ws.sharing.disclosure(index)
    if given is None or given.export is not None or ws.ledger.entry(index).kind != release.EXPORT:
        raise NotFound(f"entry {index} is no list for a recipient", remedy="`rightful share list` shows the lists")
    now = ws.ledger.check_clock()
    if given.revoked_us is not None:
        _refuse(ws, actor, index, "called_back", "the list was called back")
    if now >= given.good_until_us:
        _refuse(ws, actor, index, "list_expired", "the list was made more than 24 hours ago")
    known = ws.ledger.open_private(index) or {}
    request = request_for(ws, actor, given.purpose, given.channel, given.recipient)
    request = replace(request, fields=tuple(given.fields))
    return release.send(
        ws,
        request,
        str(known["sql"]),
        ws.ledger.subjects_of(index),
        index,
        deliver or Outbox(ws.path / "outbox" / given.recipient, index),
        ws.path / "outbox",
        chosen_by=replace(request, recipient="", fields=None),
        added=unsubscribe_column(ws, given.purpose, given.channel) if known.get("added") else None,
        batch_rows=batch_rows,
    )


def read_note(ws: Workspace, path: Path, actor: str) -> dict[str, Any]:
    """The signed note beside a list, once the file is the one it speaks of.

    Raises:
        NotFound: there is no file, or no note beside it.
        StaleList: signature, workspace or content do not fit; recorded.
    """
    place = note_path(path)
    if not path.is_file() or not place.is_file():
        raise NotFound(f"there is no list with its note at {path.name}", remedy=f"Keep {place.name} beside the file")
    try:
        said: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
        signature = base64.b64decode(str(said.pop("signature")), validate=True)
        text = SIGNED_AS + canonical(said)
        index = int(said["entry"])
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise BadInput(f"{place.name} is not the note of a list") from fault
    if not ws.ledger.key.signed(text, signature):
        _refuse(ws, actor, index, "note_changed", "the note of this list was not signed here")
    if said.get("log") != ws.ledger.origin:
        _refuse(ws, actor, index, "list_of_another_log", "the list belongs to another ledger")
    if digest_of(path) != said["sha256"]:
        _refuse(ws, actor, index, "list_changed", "the file is not the one that was made")
    return said


def _refuse(ws: Workspace, actor: str, index: int, code: str, why: str) -> None:
    ws.journal.record([Draft("share.refused", {"codes": [code]}, {"actor": actor, "list": index})])
    raise StaleList(f"{why}, so it is not sent")


class Outbox:
    """Puts each batch into a folder of the recipient, from where their own transport takes it."""

    def __init__(self, folder: Path, made: int) -> None:
        self.folder = folder
        self.made = made
        self.files: list[Path] = []

    def __call__(self, batch: Handed) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"list-{self.made}-{batch.number:04d}.csv"
        write_table(batch.rows, path)
        self.files.append(path)
