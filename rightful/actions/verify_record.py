"""Is everything on record still what was written: ledger, published log, consents, policies, notices?

gather   the newest checkpoint that lies outside the database
decide   every entry against the tree, every row against its entry, every file against its digest
act      nothing

Easy to get wrong: rows that agree with each other but not with the ledger; a ledger
that agrees with itself but not with the checkpoint others have seen.

Sources: RFC 6962; GDPR Art. 5(1)(f), 5(2), 7(1).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rightful.errors import NotFound, RightfulError
from rightful.ledger.database import Tx
from rightful.ledger.receipt import Receipt
from rightful.ledger.verify import Claim, Problem, Report, RowCheck, verify_database, verify_folder
from rightful.policy.models import digest_of_terms
from rightful.terms import EventKind
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that was checked. `unit` says what `checked` counts."""

    name: str
    checked: int
    unit: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """The whole check. `size` and `root` are the tree's, as computed from the entries."""

    size: int
    root: str
    parts: tuple[Part, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def problems(self) -> tuple[Problem, ...]:
        return tuple(problem for part in self.parts for problem in part.problems)

    @property
    def exit_code(self) -> int:
        """0, or 4 for "check failed"."""
        return 0 if self.ok else 4


def verify_record(
    ws: Workspace, *, older: str | None = None, progress: Callable[[str, float], None] | None = None
) -> Verified:
    """Check everything on record. Reads all of it, changes nothing.

    Args:
        older: an earlier signed checkpoint (from a letter, a receipt, a witness) that must be this log's past.
    """
    say = progress or (lambda _what, _share: None)
    ws.ledger.publish()
    folder = ws.path / "state" / "ledger"
    outside = _read(folder / "checkpoint")
    database = verify_database(
        ws.control,
        ws.ledger.verifier_key,
        keys=ws.keys,
        older=older or outside,
        rows=_checks(),
        progress=lambda done, of: say("entries", 0.8 * done / max(of, 1)),
    )
    say("published log", 0.8)
    published = verify_folder(folder, ws.ledger.verifier_key, older=older)
    say("consent record", 0.9)
    parts = (
        Part("ledger", database.checked, "entries", tuple(database.problems)),
        Part("published log", published.checked, "entries", tuple(published.problems)),
        Part("consent record", ws.consent.position(), "events and histories", tuple(_consent_problems(ws))),
        Part("policies and notices", *_shelf(ws)),
    )
    say("done", 1.0)
    return Verified(database.size, database.root.hex(), parts)


def verify_receipt(path: Path, key: str = "") -> Report:
    """Check a receipt from a file; `key` is the log's verifier key from elsewhere.

    Raises:
        NotFound: there is no such file.
        BadInput: it is no receipt.
    """
    if not path.exists():
        raise NotFound(f"there is no file {path}")
    return Receipt.load(path).verify(key or None)


def _checks() -> tuple[RowCheck, ...]:
    return (
        RowCheck(_consent_claims, frozenset(f"consent.{kind.value}" for kind in EventKind)),
        RowCheck(_segment_claims, frozenset({"consent.imported", "consent.rewritten"})),
        RowCheck(_policy_claims, frozenset({"policy.published"})),
        RowCheck(_notice_claims, frozenset({"notice.published"})),
        RowCheck(_journal_claims),
    )


def _consent_claims(tx: Tx) -> Iterator[Claim]:
    columns = "seq, entry, subject, purpose, channel, notice, method, id, at_us, evidence, value"
    for seq, entry, subject, purpose, channel, notice, method, event, at_us, evidence, value in tx.execute(
        f"SELECT {columns} FROM consent_event ORDER BY seq"
    ):
        yield Claim(
            f"consent event {seq}",
            entry,
            {"purpose": purpose, "channel": channel, "notice": notice, "method": method},
            subject or None,  # an erased customer's: entry and row no longer lead to anybody
            {"event": event, "at_us": at_us, "evidence": evidence, "value": value} if subject else {},
        )


def _segment_claims(tx: Tx) -> Iterator[Claim]:
    for seq, entry, digest, source, rows in tx.execute(
        "SELECT seq, entry, digest, source_digest, rows FROM consent_segment ORDER BY seq"
    ):
        yield Claim(f"consent history {seq}", entry, {"segment": digest, "source": source, "rows": rows})
        while (was := _before(tx, entry)) is not None:  # written anew for an erasure: each earlier file is vouched for
            entry, digest = was
            yield Claim(f"consent history {seq}", entry, {"segment": digest, "source": source, "rows": rows})


def _before(tx: Tx, entry: int) -> tuple[int, str] | None:
    """The entry and digest of the history that this one replaced."""
    found = tx.one("SELECT leaf FROM rf_entry WHERE idx = ?", (entry,))
    data = json.loads(bytes(found[0])) if found else {}
    public = data.get("public", {})
    replaced = public.get("replaces")
    if data.get("kind") != "consent.rewritten" or not isinstance(replaced, int) or replaced >= entry:
        return None
    return replaced, str(public.get("was"))


def _policy_claims(tx: Tx) -> Iterator[Claim]:
    for seq, entry, version, label in tx.execute("SELECT seq, entry, version, label FROM policy_version ORDER BY seq"):
        yield Claim(f"policy version {seq}", entry, {"version": version, "label": label})


def _notice_claims(tx: Tx) -> Iterator[Claim]:
    for entry, label, digest, policy in tx.execute("SELECT entry, label, digest, policy_version FROM notice"):
        yield Claim(f"notice {label}", entry, {"label": label, "digest": digest, "policy": policy})


def _journal_claims(tx: Tx) -> Iterator[Claim]:
    """The journal is an index; a line that says more than its entry would still mislead an officer."""
    columns = "entry, purpose, role, channel, recipient, customers, rows"
    for entry, *values in tx.execute(f"SELECT {columns} FROM journal ORDER BY entry"):
        names = columns.split(", ")[1:]
        says = {name: value for name, value in zip(names, values, strict=True) if value not in ("", None)}
        if not isinstance(says.get("rows", 0), int):
            del says["rows"]
        yield Claim(f"journal line {entry}", entry, says)


def _consent_problems(ws: Workspace) -> Iterator[Problem]:
    for seq, fault in ws.consent.audit():
        yield Problem(f"consent record {seq}", None, f"consent record {seq}: {fault}")


def _shelf(ws: Workspace) -> tuple[int, str, tuple[Problem, ...]]:
    """Every kept policy still hashes to its version, every notice to its digest."""
    problems: list[Problem] = []
    history = ws.shelf.history()
    for published in history:
        try:
            ws.shelf.version(published.version)
        except RightfulError as fault:
            problems.append(Problem(f"policy {published.label}", published.entry, fault.sentence))
    rows = ws.control.query("SELECT label, digest, terms, entry FROM notice ORDER BY seq")
    for label, digest, terms, entry in rows:
        if digest_of_terms(json.loads(terms)) != digest:
            problems.append(Problem(f"notice {label}", entry, f"notice {label} is not the text that was published"))
    return len(history) + len(rows), "texts", tuple(problems)


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None
