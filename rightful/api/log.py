"""The ledger, for whoever checks it: entries, proofs, the signed checkpoint, and tiles as tlog-tiles has them.

Entries hold no personal data. The sealed payload of an entry, and who it is about, are
not given here: they are for the customer concerned.

Sources: C2SP tlog-tiles, tlog-checkpoint, tlog-proof; RFC 6962.
"""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from rightful.api.caller import Scope
from rightful.api.shapes import Given, Instant, PageQuery, instant
from rightful.errors import NotFound
from rightful.web.opened import workspace

router = Router(tags=["Ledger"])
reads = Scope("ledger:read")
TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
_TILE = re.compile(r"(?:entries|[0-9]{1,2})(?:/x[0-9]{3})*/[0-9]{3}(?:\.p/[0-9]{1,3})?")


class EntryGiven(Given):
    """One entry. `commitment` binds the sealed payload, which is not given here."""

    entry: int
    at: Instant
    kind: str
    public: dict[str, Any]
    commitment: str | None


class Entries(Given):
    """Oldest first, from `cursor` on. `next` is the cursor of the next page, null at the end."""

    items: list[EntryGiven]
    next: int | None
    size: int


class Proof(Given):
    """A C2SP tlog-proof: shows that the entry is in the log under a signed checkpoint."""

    entry: int
    leaf: str
    proof: str
    verifier_key: str


@router.get("/ledger/entries", auth=reads, response=Entries)
def list_entries(request: HttpRequest, page: PageQuery) -> dict[str, object]:
    """Entries in their order."""
    ledger = workspace().ledger
    size, _root = ledger.head()
    stop = min(size, page.cursor + page.limit)
    items = [_entry(one) for one in ledger.entries(page.cursor, stop)] if page.cursor < size else []
    return {"items": items, "next": stop if stop < size else None, "size": size}


@router.get("/ledger/entries/{index}", auth=reads, response=EntryGiven)
def read_entry(request: HttpRequest, index: int) -> dict[str, object]:
    """One entry."""
    return _entry(workspace().ledger.entry(_index(index)))


@router.get("/ledger/entries/{index}/proof", auth=reads, response=Proof)
def prove_entry(request: HttpRequest, index: int) -> dict[str, object]:
    """The proof of one entry, to be verified without us (docs/how-to/verify-a-receipt.md)."""
    ledger = workspace().ledger
    proof = ledger.prove(_index(index))
    return {
        "entry": index,
        "leaf": ledger.entry(index).leaf.decode(),
        "proof": proof.text(),
        "verifier_key": ledger.verifier_key,
    }


@router.get("/ledger/checkpoint", auth=reads, response={200: str})
def read_checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest signed checkpoint (a C2SP signed note)."""
    return HttpResponse(workspace().ledger.checkpoint(), content_type=TEXT)


@router.get("/ledger/tile/{path:tile}", auth=reads, response={200: bytes})
def read_tile(request: HttpRequest, tile: str) -> HttpResponse:
    """One tile of hashes, or one bundle of entries, as the published log has it."""
    ws = workspace()
    if not _TILE.fullmatch(tile):
        raise NotFound("there is no such tile", remedy="Paths are those of C2SP tlog-tiles")
    ws.ledger.publish()
    path = ws.path / "state" / "ledger" / "tile" / tile
    try:
        return HttpResponse(path.read_bytes(), content_type=BYTES)
    except OSError:
        raise NotFound("there is no such tile", remedy="Paths are those of C2SP tlog-tiles") from None


def _index(index: int) -> int:
    if not 0 <= index < 2**53:
        raise NotFound("there is no such ledger entry")
    return index


def _entry(one: Any) -> dict[str, object]:
    return {
        "entry": one.index,
        "at": instant(one.at),
        "kind": one.kind,
        "public": dict(one.public),
        "commitment": one.commitment or None,
    }
