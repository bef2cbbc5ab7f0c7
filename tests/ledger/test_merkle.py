from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rightful.ledger import merkle
from rightful.ledger.merkle import (
    EMPTY_ROOT,
    Edge,
    bundle,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_at,
    root_of,
    subtrees_of,
    tile_path,
    tiles_at,
    unbundle,
    verify_consistency,
    verify_inclusion,
)

VECTORS = json.loads((Path(__file__).parent / "vectors/rfc6962.json").read_text())
LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
SOME_HASH = bytes.fromhex("abacaba000000000000000000000000000000000000000000060061e00123456")


def test_the_root_of_no_entries_is_the_published_one():
    assert EMPTY_ROOT.hex() == VECTORS["empty_root"] == root_of([]).hex()


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size):
    assert root_of(LEAVES[:size]) == ROOTS[size - 1]
    assert root_at(size, subtrees_of(LEAVES)) == ROOTS[size - 1]


@pytest.mark.parametrize("case", VECTORS["inclusion"], ids=lambda c: f"{c['index']}-of-{c['size']}")
def test_inclusion_proofs_are_the_published_ones(case):
    proof = [bytes.fromhex(step) for step in case["proof"]]
    assert inclusion_proof(case["index"], case["size"], subtrees_of(LEAVES)) == proof
    assert verify_inclusion(LEAVES[case["index"]], case["index"], case["size"], proof, ROOTS[case["size"] - 1])


@pytest.mark.parametrize("case", VECTORS["consistency"], ids=lambda c: f"{c['older']}-to-{c['newer']}")
def test_consistency_proofs_are_the_published_ones(case):
    proof = [bytes.fromhex(step) for step in case["proof"]]
    older, newer = case["older"], case["newer"]
    assert consistency_proof(older, newer, subtrees_of(LEAVES)) == proof
    assert verify_consistency(older, newer, proof, ROOTS[older - 1], ROOTS[newer - 1])


@pytest.mark.parametrize("case", VECTORS["inclusion"][1:], ids=lambda c: f"{c['index']}-of-{c['size']}")
def test_the_published_forgeries_of_inclusion_are_refused(case):
    index, size, root = case["index"], case["size"], ROOTS[case["size"] - 1]
    leaf, proof = LEAVES[index], [bytes.fromhex(step) for step in case["proof"]]
    forgeries = {
        "index - 1": (leaf, index - 1, size, proof, root),
        "index + 1": (leaf, index + 1, size, proof, root),
        "index ^ 2": (leaf, index ^ 2, size, proof, root),
        "size * 2": (leaf, index, size * 2, proof, root),
        "size / 2": (leaf, index, size // 2, proof, root),
        "wrong leaf": (b"WrongLeaf", index, size, proof, root),
        "empty root": (leaf, index, size, proof, EMPTY_ROOT),
        "random root": (leaf, index, size, proof, SOME_HASH),
        "trailing garbage": (leaf, index, size, [*proof, b""], root),
        "trailing root": (leaf, index, size, [*proof, root], root),
        "preceding garbage": (leaf, index, size, [b"", *proof], root),
        "preceding root": (leaf, index, size, [root, *proof], root),
        "removed component": (leaf, index, size, proof[:-1], root),
        "inserted component": (leaf, index, size, [proof[0], SOME_HASH, *proof[1:]], root),
    }
    for at, step in enumerate(proof):
        changed = [*proof]
        changed[at] = bytes([step[0] ^ 8]) + step[1:]
        forgeries[f"bit 3 of step {at}"] = (leaf, index, size, changed, root)
    assert [name for name, forged in forgeries.items() if verify_inclusion(*forged)] == []


@pytest.mark.parametrize("case", VECTORS["consistency"][1:], ids=lambda c: f"{c['older']}-to-{c['newer']}")
def test_the_published_forgeries_of_consistency_are_refused(case):
    older, newer = case["older"], case["newer"]
    old, new = ROOTS[older - 1], ROOTS[newer - 1]
    proof = [bytes.fromhex(step) for step in case["proof"]]
    forgeries = {
        "older - 1": (older - 1, newer, proof, old, new),
        "older + 1": (older + 1, newer, proof, old, new),
        "older ^ 2": (older ^ 2, newer, proof, old, new),
        "newer * 2": (older, newer * 2, proof, old, new),
        "newer / 2": (older, newer // 2, proof, old, new),
        "wrong older root": (older, newer, proof, b"WrongRoot", new),
        "wrong newer root": (older, newer, proof, old, b"WrongRoot"),
        "swapped roots": (older, newer, proof, new, old),
        "empty proof": (older, newer, [], old, new),
        "trailing garbage": (older, newer, [*proof, b""], old, new),
        "trailing old root": (older, newer, [*proof, old], old, new),
        "trailing new root": (older, newer, [*proof, new], old, new),
        "preceding garbage": (older, newer, [b"", *proof], old, new),
        "preceding old root": (older, newer, [old, *proof], old, new),
        "preceding new root": (older, newer, [new, *proof], old, new),
        "doubled first step": (older, newer, [proof[0], *proof], old, new),
        "truncated": (older, newer, proof[:-1], old, new),
    }
    for at, step in enumerate(proof):
        changed = [*proof]
        changed[at] = bytes([step[0] ^ 16]) + step[1:]
        forgeries[f"bit 4 of step {at}"] = (older, newer, changed, old, new)
    assert [name for name, forged in forgeries.items() if verify_consistency(*forged)] == []


@pytest.mark.parametrize(
    ("older", "newer", "older_root", "newer_root", "proof", "holds", "why"),
    [
        (0, 0, EMPTY_ROOT, EMPTY_ROOT, [], True, "nothing begins nothing"),
        (0, 1, EMPTY_ROOT, ROOTS[0], [], True, "nothing begins everything"),
        (0, 1, SOME_HASH, ROOTS[0], [], False, "the root of nothing is known"),
        (1, 1, ROOTS[0], ROOTS[0], [], True, "the same tree"),
        (1, 0, ROOTS[0], EMPTY_ROOT, [], False, "time travel"),
        (2, 1, ROOTS[1], ROOTS[0], [], False, "time travel"),
        (1, 2, ROOTS[0], ROOTS[1], [], False, "no proof at all"),
        (0, 0, EMPTY_ROOT, ROOTS[1], [], False, "two roots for one size"),
        (1, 1, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT], False, "a proof where none belongs"),
        (0, 1, EMPTY_ROOT, EMPTY_ROOT, [EMPTY_ROOT], False, "a proof where none belongs"),
        (-1, 1, EMPTY_ROOT, ROOTS[0], [], False, "a size below zero"),
    ],
)
def test_the_edges_of_consistency(older, newer, older_root, newer_root, proof, holds, why):
    assert verify_consistency(older, newer, proof, older_root, newer_root) is holds, why


def _naive(leaves: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + _naive(leaves[:k]) + _naive(leaves[k:])).digest()


HASHES = [sha256(number.to_bytes(4, "big")).digest() for number in range(1200)]


@given(st.integers(0, 1200))
def test_the_growing_edge_has_the_root_of_the_definition(size):
    assert root_of(HASHES[:size]) == _naive(HASHES[:size])


@given(st.data())
def test_every_entry_is_proven_at_its_place_and_nowhere_else(data):
    size = data.draw(st.integers(1, 1200))
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    subtree, root = subtrees_of(HASHES[:size]), _naive(HASHES[:size])
    proof = inclusion_proof(index, size, subtree)
    assert verify_inclusion(HASHES[index], index, size, proof, root)
    assert verify_inclusion(HASHES[index], other, size, proof, root) is (index == other)
    assert verify_inclusion(HASHES[other], index, size, proof, root) is (index == other)


@given(st.data())
def test_a_tree_grows_from_every_one_of_its_beginnings(data):
    newer = data.draw(st.integers(0, 1200))
    older = data.draw(st.integers(0, newer))
    proof = consistency_proof(older, newer, subtrees_of(HASHES[:newer]))
    assert verify_consistency(older, newer, proof, _naive(HASHES[:older]), _naive(HASHES[:newer]))
    changed = [*HASHES[:newer]]
    if older:
        at = data.draw(st.integers(0, older - 1))
        changed[at] = SOME_HASH
        forged = consistency_proof(older, newer, subtrees_of(changed))
        assert not verify_consistency(older, newer, forged, _naive(HASHES[:older]), _naive(changed))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 511, 512, 65_536, 65_537, 70_000])
def test_an_edge_rebuilt_from_open_tiles_goes_on_like_the_one_that_grew(size):
    grown = Edge()
    for number in range(size):
        grown.add([HASHES[number % 1200]])
    rebuilt = Edge.from_open_tiles(size, grown.open_tiles)
    assert (rebuilt.root(), rebuilt.peaks) == (grown.root(), grown.peaks)
    assert [rebuilt.add([leaf]) for leaf in HASHES[:300]] == [grown.add([leaf]) for leaf in HASHES[:300]]
    assert rebuilt.root() == grown.root()


@given(st.lists(st.integers(0, 1200), max_size=6))
def test_leaves_added_together_make_the_tree_that_leaves_added_singly_make(pieces):
    together, singly = Edge(), Edge()
    for piece in pieces:
        leaves = HASHES[:piece]
        filled = together.add(leaves)
        assert sorted(filled) == sorted(tile for leaf in leaves for tile in singly.add([leaf]))
        assert (together.size, together.peaks, together.root()) == (singly.size, singly.peaks, singly.root())
        assert together.open_tiles == singly.open_tiles
    assert together.root() == _naive([leaf for piece in pieces for leaf in HASHES[:piece]])


def test_a_tile_of_tiles_is_filled_by_leaves_added_together():
    edge = Edge()
    leaves = [HASHES[number % 1200] for number in range(65_536 + 300)]
    tiles = {(level, number): (root, hashes) for level, number, root, hashes in edge.add(leaves)}
    assert set(tiles) == {(0, number) for number in range(257)} | {(1, 0)}
    assert tiles[1, 0][1] == [tiles[0, number][0] for number in range(256)]
    assert tiles[1, 0][0] == _naive(leaves[:65_536])


def test_an_edge_is_not_rebuilt_from_tiles_with_a_gap():
    with pytest.raises(ValueError, match="open tile"):
        Edge.from_open_tiles(257, [HASHES[:3], HASHES[:1]])


@pytest.mark.parametrize(
    ("level", "number", "width", "path"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (1, 999, 5, "tile/1/999.p/5"),
        ("entries", 1000, 256, "tile/entries/x001/000"),
    ],
)
def test_tiles_lie_where_the_specification_puts_them(level, number, width, path):
    assert tile_path(level, number, width) == path


def test_a_tree_of_70000_has_the_tiles_of_the_specification():
    tiles = tiles_at(70_000)
    assert sum(level == 0 and width == 256 for level, _, width in tiles) == 273
    assert [tile for tile in tiles if tile[2] < 256] == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert (1, 0, 256) in tiles
    assert tiles_at(256) == [(0, 0, 256), (1, 0, 1)]


@given(st.lists(st.binary(max_size=80), max_size=20))
def test_a_bundle_gives_back_its_entries_and_refuses_to_be_cut(entries):
    data = bundle(entries)
    assert unbundle(data) == entries
    if data:
        with pytest.raises(ValueError, match="middle of an entry"):
            unbundle(data[:-1] if entries[-1] else data + b"\x00")


def test_a_fold_wants_a_power_of_two():
    with pytest.raises(ValueError, match="no complete subtree"):
        merkle.fold(HASHES[:3])
