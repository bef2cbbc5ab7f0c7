"""How many entries become one hash, and how two hashes are proven to belong together.

The tree of RFC 6962: a leaf is hashed with a leading 0x00, a pair with 0x01, so
that no leaf can pass for a pair. An *inclusion* proof shows that an entry stands
at an index of a tree; a *consistency* proof shows that an older tree is the
beginning of a newer one, which is what makes a rewritten past visible.

Easy to get wrong: accepting a proof that is too long or too short, an index
outside the tree, or hashes that are not 32 bytes (all are refused here), and
trusting a tile that was not hashed up to a signed root.

Sources: RFC 6962 section 2.1 (proofs), RFC 9162 section 2.1.3.2 and 2.1.4.2
(verification), C2SP tlog-tiles (tiles of 256 hashes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
EMPTY_ROOT = sha256(b"").digest()

Subtree = Callable[[int, int], bytes]
"""(height, number) -> the hash over leaves [number << height, (number + 1) << height)."""


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The Merkle tree hash over these leaf hashes, in order."""
    edge = Edge()
    edge.add(leaf_hashes)
    return edge.root()


def subtrees_of(leaf_hashes: Sequence[bytes]) -> Subtree:
    """Answer complete subtrees from a list held in memory (tests, small logs, offline verification)."""

    def subtree(height: int, number: int) -> bytes:
        level = list(leaf_hashes[number << height : (number + 1) << height])
        if len(level) != 1 << height:
            raise IndexError(f"no complete subtree of height {height} at {number}")
        return _fold_level(level, height)

    return subtree


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of the entry at `index` in the tree of `size` entries, from the leaf upward."""
    if not 0 <= index < size:
        raise IndexError(f"entry {index} is not in a tree of {size}")
    return _path(index, 0, size, subtree)


def consistency_proof(older: int, newer: int, subtree: Subtree) -> list[bytes]:
    """What shows that the tree of `older` entries is the beginning of the tree of `newer` ones."""
    if not 0 <= older <= newer:
        raise IndexError(f"a tree of {older} entries is not the beginning of one of {newer}")
    if older in (0, newer):
        return []
    return _subproof(older, 0, newer, True, subtree)


def root_at(size: int, subtree: Subtree) -> bytes:
    """The root of the tree of the first `size` entries."""
    return _range_hash(0, size, subtree) if size else EMPTY_ROOT


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the entry with this leaf hash stands at `index` of the tree (`size`, `root`)."""
    if not 0 <= index < size or not _all_hashes((leaf, root, *proof)):
        return False
    number, last, computed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False  # longer than the tree is high
        if number & 1 or number == last:
            computed = node_hash(sibling, computed)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            computed = node_hash(computed, sibling)
        number >>= 1
        last >>= 1
    return last == 0 and computed == root


def verify_consistency(older: int, newer: int, proof: Sequence[bytes], older_root: bytes, newer_root: bytes) -> bool:
    """Whether the tree (`older`, `older_root`) is the beginning of the tree (`newer`, `newer_root`)."""
    if not 0 <= older <= newer or not _all_hashes((older_root, newer_root, *proof)):
        return False
    if older == newer:
        return not proof and older_root == newer_root
    if older == 0:
        return not proof and older_root == EMPTY_ROOT
    path = list(proof)
    if older & (older - 1) == 0:  # a complete tree is its own first node
        path.insert(0, older_root)
    if not path:
        return False
    number, last = older - 1, newer - 1
    while number & 1:
        number >>= 1
        last >>= 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if number & 1 or number == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not number & 1 and number:
                number >>= 1
                last >>= 1
        else:
            new = node_hash(new, sibling)
        number >>= 1
        last >>= 1
    return last == 0 and old == older_root and new == newer_root


class Edge:
    """The right edge of a growing tree: all that is needed to add entries and to know the root.

    `peaks` are the roots of the complete subtrees from left (largest) to right, one
    for each bit of `size`. `open_tiles[level]` are the hashes of the tile that is not
    full yet at that level; `add` returns the tiles that entries complete.
    """

    __slots__ = ("open_tiles", "peaks", "size")

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []
        self.open_tiles: list[list[bytes]] = [[]]

    @classmethod
    def from_open_tiles(cls, size: int, open_tiles: Sequence[Sequence[bytes]]) -> Edge:
        """Rebuild the edge from the hashes in the tiles that are not full at `size`."""
        edge = cls()
        edge.size = size
        edge.open_tiles = [list(tile) for tile in open_tiles] or [[]]
        for level, tile in enumerate(edge.open_tiles):
            if len(tile) != (size >> (TILE_HEIGHT * level)) % TILE_WIDTH:
                raise ValueError(f"the open tile at level {level} has {len(tile)} hashes, size is {size}")
        for tile in reversed(edge.open_tiles):
            start = 0
            for bit in range(TILE_HEIGHT - 1, -1, -1):
                if len(tile) >> bit & 1:
                    edge.peaks.append(_fold_level(list(tile[start : start + (1 << bit)]), bit))
                    start += 1 << bit
        return edge

    def copy(self) -> Edge:
        twin = Edge()
        twin.size = self.size
        twin.peaks = self.peaks.copy()
        twin.open_tiles = [tile.copy() for tile in self.open_tiles]
        return twin

    def add(self, leaves: Iterable[bytes]) -> list[tuple[int, int, bytes, list[bytes]]]:
        """Add leaf hashes; return the tiles they fill as (level, number, tile root, 256 hashes).

        Height by height over all of them, which costs half of what one leaf after the other does.
        """
        filled: list[tuple[int, int, bytes, list[bytes]]] = []
        fresh, start, height = list(leaves), self.size, 0  # the new complete subtrees of one height, from `start` on
        tops: list[bytes] = []
        tiles: list[list[bytes]] = []
        self.size += len(fresh)
        while fresh:
            if height % TILE_HEIGHT == 0:
                level = height // TILE_HEIGHT
                numbers = range(start, start + len(tiles))
                filled += [(level - 1, *one) for one in zip(numbers, fresh, tiles, strict=True)] if level else []
                if len(self.open_tiles) == level:
                    self.open_tiles.append([])
                hashes = self.open_tiles[level] + fresh
                full = len(hashes) - len(hashes) % TILE_WIDTH
                tiles = [hashes[at : at + TILE_WIDTH] for at in range(0, full, TILE_WIDTH)]
                self.open_tiles[level] = hashes[full:]
            if start & 1:
                fresh.insert(0, self.peaks.pop())
            if len(fresh) & 1:
                tops.append(fresh.pop())
            pairs = zip(fresh[::2], fresh[1::2], strict=True)
            fresh = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
            start >>= 1
            height += 1
        self.peaks += reversed(tops)
        return filled

    def root(self) -> bytes:
        if not self.peaks:
            return EMPTY_ROOT
        computed = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            computed = sha256(b"\x01" + peak + computed).digest()
        return computed


def tile_path(level: int | str, number: int, width: int = TILE_WIDTH) -> str:
    """Where C2SP tlog-tiles puts a tile: `tile/0/x001/x234/067`, and `.p/12` behind it while not full.

    Args:
        level: 0 and up for hashes, "entries" for the bundle of entries.
    """
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
    path = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{path}" + (f".p/{width}" if width < TILE_WIDTH else "")


def tiles_at(size: int) -> list[tuple[int, int, int]]:
    """Every tile of a tree of `size` entries as (level, number, width)."""
    tiles = []
    level = 0
    while size >> (TILE_HEIGHT * level):
        full, partial = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        tiles += [(level, number, TILE_WIDTH) for number in range(full)]
        if partial:
            tiles.append((level, full, partial))
        level += 1
    return tiles


def bundle(entries: Sequence[bytes]) -> bytes:
    """C2SP tlog-tiles entry bundle: each entry behind its length in two bytes, big-endian."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def unbundle(data: bytes) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        ValueError: the bytes end in the middle of an entry.
    """
    entries, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        entry = data[at + 2 : at + 2 + length]
        if len(data) < at + 2 or len(entry) != length:
            raise ValueError("the bundle ends in the middle of an entry")
        entries.append(entry)
        at += 2 + length
    return entries


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over a full tile (or any power of two) of hashes."""
    height = len(hashes).bit_length() - 1
    if len(hashes) != 1 << height:
        raise ValueError(f"{len(hashes)} hashes are no complete subtree")
    return _fold_level(list(hashes), height)


def _fold_level(level: list[bytes], height: int) -> bytes:
    for _ in range(height):
        level = [sha256(b"\x01" + level[at] + level[at + 1]).digest() for at in range(0, len(level), 2)]
    return level[0]


def _all_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)


def _split(size: int) -> int:
    """The largest power of two smaller than `size` (RFC 6962 calls it k)."""
    return 1 << (size - 1).bit_length() - 1


def _range_hash(start: int, size: int, subtree: Subtree) -> bytes:
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return subtree(height, start >> height)
    k = _split(size)
    return node_hash(_range_hash(start, k, subtree), _range_hash(start + k, size - k, subtree))


def _path(index: int, start: int, size: int, subtree: Subtree) -> list[bytes]:
    if size == 1:
        return []
    k = _split(size)
    if index < k:
        return [*_path(index, start, k, subtree), _range_hash(start + k, size - k, subtree)]
    return [*_path(index - k, start + k, size - k, subtree), _range_hash(start, k, subtree)]


def _subproof(older: int, start: int, size: int, known: bool, subtree: Subtree) -> list[bytes]:
    if older == size:
        return [] if known else [_range_hash(start, size, subtree)]
    k = _split(size)
    if older <= k:
        return [*_subproof(older, start, k, known, subtree), _range_hash(start + k, size - k, subtree)]
    return [
        *_subproof(older - k, start + k, size - k, False, subtree),
        _range_hash(start, k, subtree),
    ]
