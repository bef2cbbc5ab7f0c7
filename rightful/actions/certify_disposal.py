"""A disposal or an erasure gets its certificate: what went, what stays and why, signed and checkable without us.

gather   the run as it was recorded when it ended, its closing entry, the certificate before
decide   what the certificate says (`retention/certificate.py`)
act      an entry that names the document by its SHA-256, and the document beside it, in one transaction

Easy to get wrong: two certificates for one ending (the same one is handed out again); a
certificate of a run that goes on (there is none before it has ended); the opening of an
entry handed to a stranger (these entries have no private part, and none goes along).

Sources: GDPR Art. 5(2), 17, 19; DESIGN sections 1 and 6; journey 5.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from rightful.errors import BadInput, NotFound
from rightful.ledger.database import Tx
from rightful.ledger.record import Draft, Entry, instant
from rightful.retention import certificate as content
from rightful.retention.certificates import Issued
from rightful.retention.printed import pdf
from rightful.workspace import Workspace

KIND = "disposal.certified"
JSON, PAGE = "certificate.json", "certificate.html"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was issued. `document` is what `text`, the signed bytes, says."""

    run: str
    kind: str
    status: str
    entry: int
    closing: int
    at_us: int
    document: dict[str, Any]
    text: bytes
    page: str

    @property
    def digest(self) -> str:
        return sha256(self.text).hexdigest()

    def pdf(self) -> bytes:
        """To print.

        Raises:
            NoPdf: WeasyPrint or Pango is not there.
        """
        return pdf(self.page)


def certify(ws: Workspace, run: str) -> Certificate:
    """The certificate of an erasure (e-...) or a disposal (d-...); the same again until the run ends anew.

    Raises:
        NotFound: there is no such run.
        BadInput: it has not ended.
    """
    facts = _facts(ws, run)
    known = ws.certificates.of(run)
    if known is not None and known.closing == facts.closing[0]:
        return _certificate(known)
    made = content.document(replace(facts, replaces=known.entry if known else None))
    text = content.text(made)
    page = content.page(made, sha256(text).hexdigest())
    public = {
        "run": run,
        "kind": facts.kind,
        "status": made["status"],
        "closing": {"entry": facts.closing[0], "sha256": facts.closing[1]},
        "files": {JSON: sha256(text).hexdigest(), PAGE: sha256(page.encode()).hexdigest()},
        "article": "GDPR 5(2)",
    }

    def rows(tx: Tx, entries: list[Entry]) -> None:
        newest = ws.certificates.of(run, tx)
        if newest is not None and newest.closing == facts.closing[0]:
            raise _Overtaken
        entry = entries[0]
        ws.certificates.add(
            tx, Issued(entry.index, run, facts.closing[0], made["status"], entry.at, text.decode(), page)
        )

    with contextlib.suppress(_Overtaken):  # somebody else certified this ending just now; theirs is it
        ws.journal.record([Draft(KIND, public)], rows)
    issued = ws.certificates.of(run)
    assert issued is not None
    return _certificate(issued)


def certificate_of(ws: Workspace, run: str) -> Certificate:
    """The newest certificate that was issued for a run; nothing is written.

    Raises:
        NotFound: none was issued.
    """
    issued = ws.certificates.of(run)
    if issued is None:
        raise NotFound(f"no certificate was issued for {run}", remedy="`rightful retention certify` issues it")
    return _certificate(issued)


def proof_of(ws: Workspace, certificate: Certificate) -> bytes:
    """The certificate with everything that proves it, as a zip: see docs/how-to/verify-a-receipt.md."""
    attached = {
        JSON: certificate.text,
        PAGE: certificate.page.encode(),
        f"entry-{certificate.closing}.json": ws.ledger.entry(certificate.closing).leaf,
    }
    receipt = ws.ledger.receipt(certificate.entry, attachments=attached)
    return replace(receipt, opening=None).to_bytes()


class _Overtaken(Exception):
    """This ending has its certificate already."""


def _certificate(issued: Issued) -> Certificate:
    document = json.loads(issued.document)
    return Certificate(
        issued.run,
        document["kind"],
        issued.status,
        issued.entry,
        issued.closing,
        issued.at_us,
        document,
        issued.document.encode(),
        issued.page,
    )


def _facts(ws: Workspace, run: str) -> content.Facts:
    if run.startswith("e-"):
        erasure = ws.erasures.get(run)
        if erasure.open or erasure.entry is None or erasure.ended_us is None:
            raise BadInput(f"erasure {run} has not ended", remedy="`rightful person erasures --resume` goes on with it")
        kind: content.Kind = "erasure"
        began, ended, entry, status = erasure.began_us, erasure.ended_us, erasure.entry, str(erasure.status)
        outcome, policy = erasure.outcome, str(erasure.outcome.get("policy", ""))
    else:
        disposal = ws.disposals.get(run)
        if disposal.entry is None or disposal.ended_us is None:
            raise BadInput(f"disposal {run} did not reach its end", remedy="Run the disposal again; it goes on")
        kind = "disposal"
        began, ended, entry, status = disposal.began_us, disposal.ended_us, disposal.entry, disposal.status
        outcome, policy = disposal.outcome, disposal.policy
    said = ws.shelf.in_force()
    controller = said.controller.name if said and said.controller else said.name if said else ws.name
    return content.Facts(
        kind=kind,
        run=run,
        organisation=controller,
        origin=ws.ledger.origin,
        began=instant(began),
        ended=instant(ended),
        policy=policy,
        status=status,
        outcome=outcome,
        dialect=ws.source.dialect,
        closing=(entry, sha256(ws.ledger.entry(entry).leaf).hexdigest()),
    )
