"""Is the log still what was written, and if not, which entry or row was changed first?

Three ways: from the published folder alone (tiles, bundles, checkpoint: what an
outsider has), from the database (entries, stored hashes, sealed payloads, bulk
bitmaps, and domain rows by checks that rooms pass in), and from two checkpoints.
None needs Django, none writes anything; `repair` does, from tiles that verify.

Easy to get wrong: to check hashes against hashes stored next to them. Everything here
ends at a signature, and the signed tree is compared with one kept elsewhere.

Sources: RFC 6962 section 2.1; C2SP tlog-tiles.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest, digest
from pathlib import Path
from typing import TYPE_CHECKING

from rightful.errors import IntegrityFault, LedgerUnavailable
from rightful.ledger import merkle
from rightful.ledger.canonical import Json, NotCanonical, canonical, read
from rightful.ledger.merkle import TILE_WIDTH, Edge, tile_path
from rightful.ledger.note import BadNote, Checkpoint, VerifierKey, open_checkpoint

if TYPE_CHECKING:
    from rightful.ledger.database import Database, Tx
    from rightful.ledger.record import LedgerKeys

MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as it was written.

    `where` names the file or table row, `index` the entry if there is one.
    """

    where: str
    index: int | None
    sentence: str


@dataclass
class Report:
    """What was checked and what was found."""

    what: str
    checked: int = 0
    size: int = 0
    root: bytes = merkle.EMPTY_ROOT
    problems: list[Problem] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    @property
    def exit_code(self) -> int:
        """0, or 4 for "check failed"."""
        return 0 if self.ok else 4

    @property
    def first(self) -> Problem | None:
        """The problem with the lowest entry index, else the first found."""
        if not self.problems:
            return None
        return min(self.problems, key=lambda p: (p.index is None, p.index or 0))

    def __str__(self) -> str:
        if self.ok:
            return f"{self.what}: {self.checked} of {self.size} entries checked, root {self.root.hex()}"
        first = self.first
        assert first is not None
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"{self.what}: {first.where}: {first.sentence}{more}"

    def add(self, where: str, index: int | None, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(where, index, sentence))

    def add_tile(self, where: str, level: int, number: int) -> None:
        """A tile that differs, unless an entry below it was named already: then it is a consequence."""
        start, stop = number << (8 * (level + 1)), (number + 1) << (8 * (level + 1))
        if not any(p.index is not None and start <= p.index < stop for p in self.problems):
            self.add(where, start, f"{where} is not the hash of what lies below it")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a domain row says about the ledger entry that vouches for it.

    Attributes:
        row: name of the row for the report ("consent_event 17").
        index: the ledger index stored in the row.
        says: members that must be equal in the entry's public part.
        subject: the subject in the row, if it has one.
        private: members that must be equal in the private payload, where that can still be opened.
    """

    row: str
    index: int
    says: Mapping[str, Json] = field(default_factory=dict)
    subject: str | None = None
    private: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowCheck:
    """How a room's rows are held against the log.

    Attributes:
        claims: reads the rows, yields one claim each.
        kinds: kinds of entries that must have a row; one without is reported as deleted.
    """

    claims: Callable[[Tx], Iterable[Claim]]
    kinds: frozenset[str] = frozenset()


def verify_checkpoints(older: str, newer: str, proof: Sequence[bytes], key: str | VerifierKey) -> Report:
    """Whether an older signed checkpoint is the beginning of a newer one."""
    report = Report("consistency")
    key = _as_key(key)
    try:
        old, new = open_checkpoint(older, key), open_checkpoint(newer, key)
    except BadNote as error:
        report.add("checkpoint", None, str(error))
        return report
    report.size, report.root = new.size, new.root
    if not merkle.verify_consistency(old.size, new.size, proof, old.root, new.root):
        report.add("checkpoint", None, _not_beginning(old, new))
    return report


def verify_folder(folder: str | Path, key: str | VerifierKey, *, older: str | None = None) -> Report:
    """Check a published log from its files alone: every entry, every tile, root and signature.

    Args:
        key: the log's verifier key, from elsewhere.
        older: an earlier checkpoint (from a receipt, a letter, a witness) that must be this log's past.
    """
    folder, key = Path(folder), _as_key(key)
    report = Report("published log")
    try:
        checkpoint = open_checkpoint((folder / "checkpoint").read_bytes(), key)
    except OSError:
        report.add("checkpoint", None, "there is no checkpoint")
        return report
    except BadNote as error:
        report.add("checkpoint", None, str(error))
        return report
    report.size = checkpoint.size
    tiles: dict[tuple[int, int], bytes] = {}
    edge = Edge()
    leaves: list[bytes] = []  # of the tile being read
    for number, width in _widths(checkpoint.size):
        leaves = []
        for index, entry in enumerate(_bundle(folder, number, width, report), number * TILE_WIDTH):
            leaf = merkle.leaf_hash(entry)
            leaves.append(leaf)
            _check_form(entry, index, report)
            report.checked += 1
        for level, at, _, hashes in edge.add(leaves):
            tiles[level, at] = b"".join(hashes)
        stored = _read(folder / tile_path(0, number, width)) or b""
        for offset, leaf in enumerate(leaves):
            if stored[offset * 32 : offset * 32 + 32] != leaf:
                index = number * TILE_WIDTH + offset
                report.add(f"entry {index}", index, f"entry {index} and its hash in the tile tell different stories")
        if len(leaves) != width:
            return report
    for level, open_tile in enumerate(edge.open_tiles):
        if open_tile:
            tiles[level, edge.size >> (8 * (level + 1))] = b"".join(open_tile)
    for (level, number), expected in tiles.items():
        name = tile_path(level, number, len(expected) // 32)
        if _read(folder / name) != expected:
            report.add_tile(name, level, number)
    report.root = edge.root()
    if report.root != checkpoint.root:
        report.add("checkpoint", None, "the entries do not hash to the signed root")
    if older is not None:
        _check_older(older, key, report, lambda size: _root_of_entries(folder, size))
    return report


def verify_database(
    db: Database,
    key: str | VerifierKey,
    *,
    keys: LedgerKeys | None = None,
    older: str | None = None,
    rows: Sequence[RowCheck] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Check the log in the control database: entries, tree, payloads, bulk bitmaps and domain rows.

    Args:
        key: the log's verifier key.
        keys: the key ring; with it, sealed payloads are opened and held against their commitments.
        older: an earlier checkpoint that must be this log's past; the one in the published folder is good.
        rows: checks of domain rows.
        progress: called with (entries checked, entries in all) now and then.
    """
    key = _as_key(key)
    report = Report("ledger")
    try:
        with db.read() as tx:
            checkpoint = _stored_checkpoint(tx, key, report)
            edge = _check_entries(tx, report, progress)
            if edge.root() != report.root or (checkpoint and edge.root() != checkpoint.root):
                report.add("rf_head", None, "the entries do not hash to the signed root")
            _check_sealed(tx, keys, report)
            _check_bulk(tx, report)
            if older is not None:
                from rightful.ledger.tree import StoredTree

                _check_older(older, key, report, lambda size: merkle.root_at(size, StoredTree(tx).subtree))
            for check in rows:
                _check_rows(tx, check, keys, report)
    except LedgerUnavailable as error:
        report.add("database", None, error.sentence)
    return report


def repair(db: Database, folder: str | Path, key: str | VerifierKey) -> list[int]:
    """Put back entries that were damaged in the database, from bundles of a folder that verifies.

    Returns:
        The indexes put back.

    Raises:
        IntegrityFault: the folder does not verify itself, so it proves nothing.
    """
    folder, key = Path(folder), _as_key(key)
    report = verify_folder(folder, key)
    if not report.ok:
        raise IntegrityFault(f"the published log does not verify, so nothing is repaired from it: {report}")
    repaired = []
    with db.write() as tx:
        for number, width in _widths(report.size):
            stored = _rows(tx, number * TILE_WIDTH, number * TILE_WIDTH + width)
            good = merkle.unbundle((folder / tile_path("entries", number, width)).read_bytes())
            for index, leaf in enumerate(good, number * TILE_WIDTH):
                if stored.get(index) != (leaf, merkle.leaf_hash(leaf)):
                    tx.execute("DELETE FROM rf_entry WHERE idx = ?", (index,))
                    tx.execute(
                        "INSERT INTO rf_entry (idx, leaf, hash) VALUES (?, ?, ?)",
                        (index, leaf, merkle.leaf_hash(leaf)),
                    )
                    repaired.append(index)
    return repaired


# Below: the parts of a check


def _check_entries(tx: Tx, report: Report, progress: Callable[[int, int], None] | None) -> Edge:
    edge = Edge()
    newest = ""
    for number, width in _widths(report.size):
        start = number * TILE_WIDTH
        stored = _rows(tx, start, start + TILE_WIDTH)
        tile = _stored_tile(tx, 0, number)
        leaves: list[bytes] = []
        for index in range(start, start + width):
            where = f"rf_entry {index}"
            if index not in stored:
                report.add(where, index, f"entry {index} is missing")
                edge.add(leaves)
                return edge
            leaf, stored_hash = stored[index]
            computed = merkle.leaf_hash(leaf)
            in_tile = tile[1][(index - start) * 32 :][:32] if tile else stored_hash
            if computed != stored_hash or computed != in_tile:
                report.add(where, index, f"entry {index} was changed after it was recorded")
            at = _check_form(leaf, index, report)
            if at is not None:
                if at < newest:
                    report.add(where, index, f"entry {index} was recorded before the one in front of it")
                newest = at
            leaves.append(computed)
            report.checked += 1
        for level, at_number, root, hashes in edge.add(leaves):
            if level or tile:
                found = _stored_tile(tx, level, at_number)
                if found != (root, b"".join(hashes)):
                    report.add_tile(f"rf_tile {level}/{at_number}", level, at_number)
            else:
                report.add(f"rf_tile 0/{at_number}", start, f"tile 0/{at_number} is missing")
        if progress is not None and number % 40 == 0:
            progress(report.checked, report.size)
    beyond = tx.one("SELECT min(idx) FROM rf_entry WHERE idx < 0 OR idx >= ?", (report.size,))
    if beyond and beyond[0] is not None:
        report.add(f"rf_entry {beyond[0]}", beyond[0], f"entry {beyond[0]} stands outside the signed tree")
    return edge


def _stored_checkpoint(tx: Tx, key: VerifierKey, report: Report) -> Checkpoint | None:
    head = tx.one("SELECT size, root, note FROM rf_head")
    if head is None:
        report.add("rf_head", None, "the head of the log is missing")
        return None
    report.size, report.root = head[0], bytes(head[1])
    try:
        checkpoint = open_checkpoint(head[2], key)
    except BadNote as error:
        report.add("rf_head", None, str(error))
        return None
    if (checkpoint.size, checkpoint.root) != (report.size, report.root):
        report.add("rf_head", None, "the stored tree is not the signed one")
    return checkpoint


def _check_sealed(tx: Tx, keys: LedgerKeys | None, report: Report) -> None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from rightful.ledger.seal import handle_key, seal_key

    if keys is None:
        report.remarks.append("sealed payloads were not opened: no keys were given")
        return
    last = -1
    while page := tx.execute(
        "SELECT s.idx, s.subject, s.sealed, e.leaf FROM rf_sealed s"
        " LEFT JOIN rf_entry e ON e.idx = s.idx WHERE s.idx > ? ORDER BY s.idx LIMIT 1000",
        (last,),
    ):
        stored = keys.subjects.find(sorted({subject for _, subject, _, _ in page if subject is not None}))
        for index, subject, sealed, leaf in page:
            last = index
            wrapped = stored.get(subject)
            where = f"rf_sealed {index}"
            entry = _loaded(leaf)
            if entry is None:
                continue  # named as an entry already
            try:
                raw_id = bytes.fromhex(entry["id"])
                if subject is None:
                    key = keys.log_key
                elif wrapped is None:
                    report.add(where, index, f"the key of the subject of entry {index} is gone, its link is not")
                    continue
                else:
                    key = keys.unwrap(wrapped, subject)
                    handle = digest(handle_key(key), raw_id, "sha256").hex()
                    if not compare_digest(handle, entry.get("handle") or ""):
                        report.add(where, index, f"entry {index} is not about the subject it is linked to")
                        continue
                if sealed is None:
                    if entry.get("commitment") is not None:
                        report.add(where, index, f"the private payload of entry {index} was taken away")
                    continue
                sealed = bytes(sealed)
                opened = AESGCM(seal_key(key)).decrypt(sealed[1:13], sealed[13:], raw_id)
                if sealed[0] != 1 or sha256(opened).hexdigest() != entry.get("commitment"):
                    report.add(where, index, f"the private payload of entry {index} is not the one committed to")
            except (InvalidTag, IntegrityFault, ValueError, KeyError, TypeError):
                report.add(where, index, f"the private payload of entry {index} was changed")


def _check_bulk(tx: Tx, report: Report) -> None:
    from rightful.ledger.seal import commit_to_parts, part_digest

    digests: dict[int, dict[int, bytes]] = {}
    cursor = -1
    while page := tx.execute(
        "SELECT place, bits, salt, digest FROM rf_bulk WHERE place > ? ORDER BY place LIMIT 500", (cursor,)
    ):
        for place, bits, salt, part_hash in page:
            cursor = place
            part, index = place >> 40, place & 0xFF_FFFF_FFFF
            digests.setdefault(index, {})[part] = bytes(part_hash)
            # A part that somebody was erased from has no salt any more; only its digest still counts.
            if salt is not None and part_digest(bytes(salt), bytes(bits)) != bytes(part_hash):
                report.add(f"rf_bulk {place}", index, f"the customers of bulk use {index} were changed")
    for index, parts in digests.items():
        row = tx.one("SELECT leaf FROM rf_entry WHERE idx = ?", (index,))
        entry = _loaded(row[0]) if row else None
        stated = (entry or {}).get("subjects") or {}
        computed = commit_to_parts(sorted(parts.items())).hex()
        if sorted(parts) != stated.get("parts") or computed != stated.get("commitment"):
            report.add(f"rf_bulk of {index}", index, f"the customers of bulk use {index} are not those recorded")


def _check_rows(tx: Tx, check: RowCheck, keys: LedgerKeys | None, report: Report) -> None:
    claimed: set[int] = set()
    for claim in check.claims(tx):
        claimed.add(claim.index)
        row = tx.one(
            "SELECT e.leaf, s.subject FROM rf_entry e LEFT JOIN rf_sealed s ON s.idx = e.idx WHERE e.idx = ?",
            (claim.index,),
        )
        entry = _loaded(row[0]) if row else None
        if entry is None:
            report.add(claim.row, claim.index, f"{claim.row} refers to entry {claim.index}, which is not there")
            continue
        assert row is not None
        public = entry.get("public", {})
        wrong = sorted(name for name, value in claim.says.items() if public.get(name, _ABSENT) != value)
        if check.kinds and entry.get("kind") not in check.kinds:
            wrong.append("kind")
        if claim.subject is not None and row[1] != claim.subject:
            wrong.append("subject")
        if claim.private and keys is not None:
            payload = _payload(tx, claim.index, row[1], entry, keys)
            wrong += sorted(n for n, v in claim.private.items() if payload is not None and payload.get(n) != v)
        if wrong:
            report.add(
                claim.row,
                claim.index,
                f"{claim.row} was changed: {', '.join(wrong)} differ from ledger entry {claim.index}",
            )
    if check.kinds:
        for index, leaf in _all_leaves(tx):
            entry = _loaded(leaf) or {}
            if entry.get("kind") in check.kinds and index not in claimed:
                report.add(f"entry {index}", index, f"the row that ledger entry {index} vouches for is gone")


def _payload(tx: Tx, index: int, subject: str | None, entry: Json, keys: LedgerKeys) -> dict[str, Json] | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from rightful.ledger.seal import seal_key

    row = tx.one("SELECT sealed FROM rf_sealed WHERE idx = ?", (index,))
    if row is None or row[0] is None:
        return None
    try:
        key = keys.log_key
        if subject is not None:
            wrapped = keys.subjects.find([subject]).get(subject)
            if wrapped is None:
                return None
            key = keys.unwrap(wrapped, subject)
        sealed = bytes(row[0])
        opened = AESGCM(seal_key(key)).decrypt(sealed[1:13], sealed[13:], bytes.fromhex(entry["id"]))
        payload: dict[str, Json] = json.loads(opened[32:])
    except (InvalidTag, IntegrityFault, ValueError):
        return {}  # unreadable: every private member of the claim differs
    return payload


def _check_form(entry: bytes, index: int, report: Report) -> str | None:
    """An entry is canonical JSON of our form; its recording instant, if it can be read."""
    try:
        data = read(entry)
        if canonical(data) == entry and data["v"] == 1 and isinstance(data["at"], str):
            at: str = data["at"]
            return at
    except (ValueError, NotCanonical, KeyError, TypeError, RecursionError):
        pass
    report.add(f"entry {index}", index, f"entry {index} is not an entry in canonical form")
    return None


def _check_older(older: str, key: VerifierKey, report: Report, root_at: Callable[[int], bytes]) -> None:
    try:
        old = open_checkpoint(older, key)
    except BadNote as error:
        report.add("older checkpoint", None, str(error))
        return
    if old.size > report.size:
        report.add(
            "older checkpoint",
            report.size,
            f"an earlier checkpoint knows {old.size} entries, this log has {report.size}: it was rolled back",
        )
        return
    try:
        same = root_at(old.size) == old.root
    except IndexError:
        same = False
    if not same:
        report.add("older checkpoint", None, f"the first {old.size} entries are not those that were signed")


def _bundle(folder: Path, number: int, width: int, report: Report) -> list[bytes]:
    name = tile_path("entries", number, width)
    data = _read(folder / name)
    try:
        entries = merkle.unbundle(data) if data is not None else []
    except ValueError:
        entries = []
    if len(entries) != width:
        index = number * TILE_WIDTH
        report.add(name, index, f"{name} does not hold the {width} entries from {index} on")
        return []
    return entries


def _root_of_entries(folder: Path, size: int) -> bytes:
    edge = Edge()
    for path in _bundle_paths(folder):
        entries = merkle.unbundle(path.read_bytes())[: size - edge.size]
        edge.add(map(merkle.leaf_hash, entries))
    if edge.size != size:
        raise IndexError(f"{edge.size} entries, not {size}")
    return edge.root()


def _bundle_paths(folder: Path) -> Iterator[Path]:
    size = Checkpoint.parse((folder / "checkpoint").read_text().partition("\n\n")[0] + "\n").size
    for number, width in _widths(size):
        yield folder / tile_path("entries", number, width)


def _widths(size: int) -> Iterator[tuple[int, int]]:
    for number in range(-(-size // TILE_WIDTH)):
        yield number, min(TILE_WIDTH, size - number * TILE_WIDTH)


def _rows(tx: Tx, start: int, stop: int) -> dict[int, tuple[bytes, bytes]]:
    rows = tx.execute("SELECT idx, leaf, hash FROM rf_entry WHERE idx >= ? AND idx < ?", (start, stop))
    return {index: (_bytes(leaf), _bytes(stored)) for index, leaf, stored in rows}


def _stored_tile(tx: Tx, level: int, number: int) -> tuple[bytes, bytes] | None:
    row = tx.one("SELECT root, hashes FROM rf_tile WHERE level = ? AND number = ?", (level, number))
    return (_bytes(row[0]), _bytes(row[1])) if row else None


def _all_leaves(tx: Tx) -> Iterator[tuple[int, bytes]]:
    last = -1
    while page := tx.execute("SELECT idx, leaf FROM rf_entry WHERE idx > ? ORDER BY idx LIMIT 1000", (last,)):
        for index, leaf in page:
            last = index
            yield index, leaf


def _loaded(leaf: object) -> dict[str, Json] | None:
    try:
        data = json.loads(_bytes(leaf))
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _bytes(value: object) -> bytes:
    """Bytes of a column, also where somebody put text or a number into it (SQLite lets them)."""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return str(value).encode("utf-8", "surrogatepass") if value is not None else b""


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _not_beginning(old: Checkpoint, new: Checkpoint) -> str:
    return f"the log of {old.size} entries is not the beginning of the one of {new.size}: the past was changed"


def _as_key(key: str | VerifierKey) -> VerifierKey:
    return key if isinstance(key, VerifierKey) else VerifierKey.parse(key)


_ABSENT = object()
