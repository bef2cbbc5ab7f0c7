"""How the tree is read back from the tables, and written to the folder outsiders see.

Easy to get wrong: a tile cut short by a power cut. Tiles can be made again from the
database, so they are not forced to disk one by one while the log grows; `sync_tiles`
does it now and then and notes how far it came, and the next start checks from there.
The checkpoint is always forced to disk.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rightful.errors import IntegrityFault
from rightful.ledger import merkle
from rightful.ledger.database import Tx
from rightful.ledger.merkle import TILE_HEIGHT, TILE_WIDTH, Edge, tile_path

_SYNCED = ".tiles-on-disk"


@dataclass(frozen=True, slots=True)
class Recent:
    """Entries just written, from index `first` on, with their hashes: at hand, so not read again."""

    first: int = 0
    leaves: list[bytes] = field(default_factory=list)
    hashes: list[bytes] = field(default_factory=list)


class StoredTree:
    """Hashes of the tree, read from the tables as they are needed."""

    def __init__(self, tx: Tx, recent: Recent | None = None) -> None:
        self._tx = tx
        self._recent = recent or Recent()
        self._tiles: dict[tuple[int, int], list[bytes]] = {}

    def subtree(self, height: int, number: int) -> bytes:
        """The hash over leaves [number << height, (number + 1) << height).

        Raises:
            IndexError: not all of these entries are stored.
        """
        level, rest = divmod(height, TILE_HEIGHT)
        start = number << rest
        tile, offset = divmod(start, TILE_WIDTH)
        hashes = self.tile(level, tile)[offset : offset + (1 << rest)]
        if len(hashes) != 1 << rest:
            raise IndexError(f"entries before {(number + 1) << height} are missing")
        return merkle.fold(hashes)

    def tile(self, level: int, number: int) -> list[bytes]:
        """The hashes of a tile, as many as there are."""
        known = self._tiles.get((level, number))
        if known is not None:
            return known
        start = number * TILE_WIDTH - self._recent.first
        if level == 0 and start >= 0 and start + TILE_WIDTH <= len(self._recent.hashes):
            return self._recent.hashes[start : start + TILE_WIDTH]
        full = self._tx.one("SELECT hashes FROM rf_tile WHERE level = ? AND number = ?", (level, number))
        if full is not None:
            data = bytes(full[0])
            hashes = [data[at : at + 32] for at in range(0, len(data), 32)]
        else:
            hashes = self._open_tile(level, number)
        self._tiles[level, number] = hashes
        return hashes

    def edge(self, size: int) -> Edge:
        """The right edge at `size`, which must be the present size of the log."""
        tiles = []
        level = 0
        while level == 0 or size >> (TILE_HEIGHT * level):
            width = (size >> (TILE_HEIGHT * level)) % TILE_WIDTH
            number = size >> (TILE_HEIGHT * (level + 1))
            hashes = self.tile(level, number)[:width] if width else []
            tiles.append(hashes)
            level += 1
        try:
            return Edge.from_open_tiles(size, tiles)
        except ValueError as error:
            raise IntegrityFault(
                f"entries are missing from the log: {error}", remedy="Run `rightful ledger verify`"
            ) from error

    def entries(self, number: int, width: int) -> list[bytes]:
        """The entries under the level-0 tile `number`."""
        start = number * TILE_WIDTH
        offset = start - self._recent.first
        if offset >= 0 and offset + width <= len(self._recent.leaves):
            return self._recent.leaves[offset : offset + width]
        rows = self._tx.execute(
            "SELECT leaf FROM rf_entry WHERE idx >= ? AND idx < ? ORDER BY idx", (start, start + width)
        )
        for place, (leaf,) in enumerate(rows, start):
            if isinstance(leaf, str):
                raise IntegrityFault(f"entry {place} was changed after it was recorded")
        return [bytes(leaf) for (leaf,) in rows]

    def _open_tile(self, level: int, number: int) -> list[bytes]:
        start = number * TILE_WIDTH
        if level == 0:
            return [merkle.leaf_hash(entry) for entry in self.entries(number, TILE_WIDTH)]
        rows = self._tx.execute(
            "SELECT number, root FROM rf_tile WHERE level = ? AND number >= ? AND number < ? ORDER BY number",
            (level - 1, start, start + TILE_WIDTH),
        )
        hashes = []
        for expected, (found, root) in enumerate(rows, start):
            if found != expected:
                break
            hashes.append(bytes(root))
        return hashes


def write_tiles(folder: Path, tree: StoredTree, older: int, newer: int) -> None:
    """Write the tiles and entry bundles that the tree of `newer` entries has and that of `older` had not."""
    level = 0
    while newer >> (TILE_HEIGHT * level):
        count, before = newer >> (TILE_HEIGHT * level), older >> (TILE_HEIGHT * level)
        for number in range(before // TILE_WIDTH, -(-count // TILE_WIDTH)):
            width = min(TILE_WIDTH, count - number * TILE_WIDTH)
            hashes = b"".join(tree.tile(level, number)[:width])
            _write_tile(folder, level, number, width, hashes)
            if level == 0:
                _write_tile(folder, "entries", number, width, merkle.bundle(tree.entries(number, width)))
        level += 1


def sync_tiles(folder: Path, older: int, newer: int) -> None:
    """Force the tiles between two sizes to disk, then note that all up to `newer` are."""
    level = 0
    while newer >> (TILE_HEIGHT * level):
        count, before = newer >> (TILE_HEIGHT * level), older >> (TILE_HEIGHT * level)
        for number in range(before // TILE_WIDTH, -(-count // TILE_WIDTH)):
            width = min(TILE_WIDTH, count - number * TILE_WIDTH)
            for kind in (level, "entries") if level == 0 else (level,):
                _fsync(folder / tile_path(kind, number, width))
        level += 1
    write_durably(folder / _SYNCED, f"{newer}\n".encode())


def synced_size(folder: Path) -> int:
    """Up to which size the tiles are known to be on disk."""
    noted = read_if_there(folder / _SYNCED) or b""
    return int(noted) if noted.strip().isdigit() else 0


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file as a whole: readers see the old or the new one, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        with open(fresh, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _fsync(path.parent)


def read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """One process at a time writes checkpoint and tiles."""
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _write_tile(folder: Path, level: int | str, number: int, width: int, data: bytes) -> None:
    path = folder / tile_path(level, number, width)
    if path.exists() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_bytes(data)
    fresh.replace(path)
    if width == TILE_WIDTH:  # tlog-tiles: a partial tile may go once the full one is there
        partial = path.with_name(path.name + ".p")
        if partial.is_dir():
            for old in partial.iterdir():
                old.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                partial.rmdir()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
