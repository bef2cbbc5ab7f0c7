from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rightful.ledger.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, root_of, subtrees_of
from rightful.ledger.note import (
    BadNote,
    Checkpoint,
    VerifierKey,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
    signature_line,
)
from rightful.ledger.proof import LogProof

# golang.org/x/mod/sumdb/note, example in its documentation: key, text and signature.
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = VerifierKey("log.example/one", SEED.public_key().public_bytes_raw())


def test_the_note_of_gos_documentation_opens_with_its_key():
    key = VerifierKey.parse(PETER_KEY)
    assert str(key) == PETER_KEY
    assert open_note(PETER_NOTE, key).endswith("your problem is.\n")
    assert open_note(PETER_NOTE.encode(), key) == open_note(PETER_NOTE, key)


def test_every_changed_byte_of_a_note_is_noticed():
    key = VerifierKey.parse(PETER_KEY)
    note = PETER_NOTE.encode()
    for at in range(len(note)):
        for mask in (1, 0x20, 0x80):
            changed = note[:at] + bytes([note[at] ^ mask]) + note[at + 1 :]
            with pytest.raises(BadNote):
                open_note(changed, key)


@pytest.mark.parametrize(
    ("note", "why"),
    [
        ("", "blank line"),
        ("text\n", "blank line"),
        (PETER_NOTE.rstrip("\n"), "blank line"),
        (PETER_NOTE.replace("— ", "-- "), "signature line"),
        (PETER_NOTE.replace("—", "\r—"), "control characters"),
        (PETER_NOTE + "— PeterNeumann AAAA\n", "longer than its key id"),
        (PETER_NOTE + "— other x08go/ZJ=\n", "base64"),
        (PETER_NOTE + "— o+ther x08go/ZJ\n", "signature line"),
        (PETER_NOTE + "— many AAAAAAAA\n" * 40, "more than"),
        (PETER_NOTE.replace("PeterNeumann x08", "Somebody x08"), "not signed by PeterNeumann"),
        (b"\xff" + PETER_NOTE.encode(), "UTF-8"),
        ("x" * 70_000, "64 KiB"),
    ],
)
def test_what_is_no_signed_note_is_refused(note, why):
    with pytest.raises(BadNote, match=why):
        open_note(note, VerifierKey.parse(PETER_KEY))


def test_signatures_of_unknown_keys_are_ignored_and_false_ones_of_known_keys_are_not():
    note = sign_note("hello\n", KEY, SEED.sign)
    stranger = VerifierKey("log.example/two", Ed25519PrivateKey.generate().public_key().public_bytes_raw())
    assert open_note(note + signature_line(stranger, bytes(64)), KEY) == "hello\n"
    with pytest.raises(BadNote, match="false"):
        open_note(note + signature_line(KEY, bytes(64)), KEY)
    with pytest.raises(BadNote, match="not signed by"):
        open_note(note, stranger)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_a_key_has_a_name_that_cannot_be_misread(name):
    with pytest.raises(BadNote):
        VerifierKey(name, bytes(32))


@pytest.mark.parametrize(
    "text",
    ["x", "a+b", "log+00000000+" + base64.b64encode(b"\x01" + bytes(32)).decode(), PETER_KEY + "A", "a+b+AQ=="],
)
def test_a_verifier_key_whose_id_does_not_fit_is_refused(text):
    with pytest.raises(BadNote):
        VerifierKey.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "log.example/one\n1\n",
        "\n1\n" + base64.b64encode(EMPTY_ROOT).decode() + "\n",
        "log.example/one\n01\n" + base64.b64encode(EMPTY_ROOT).decode() + "\n",
        "log.example/one\n-1\n" + base64.b64encode(EMPTY_ROOT).decode() + "\n",
        "log.example/one\n1\nAAAA\n",
        "log.example/one\n1\n" + base64.b64encode(EMPTY_ROOT).decode() + "\nextension\n",
        "log.example/one\n\u0661\n" + base64.b64encode(EMPTY_ROOT).decode() + "\n",
    ],
)
def test_a_checkpoint_is_three_lines_that_mean_one_thing(text):
    with pytest.raises(BadNote):
        open_checkpoint(sign_note(text, KEY, SEED.sign), KEY)


def test_a_checkpoint_of_another_log_signed_with_our_key_is_refused():
    other = sign_note(Checkpoint("log.example/two", 0, EMPTY_ROOT).text(), KEY, SEED.sign)
    with pytest.raises(BadNote, match=r"log\.example/two"):
        open_checkpoint(other, KEY)


def _proof() -> tuple[LogProof, bytes]:
    entries = [f"entry {number}".encode() for number in range(13)]
    hashes = [leaf_hash(entry) for entry in entries]
    checkpoint = sign_checkpoint(Checkpoint(KEY.name, 13, root_of(hashes)), KEY, SEED.sign)
    return LogProof(5, tuple(inclusion_proof(5, 13, subtrees_of(hashes))), checkpoint), entries[5]


def test_a_proof_file_is_written_as_the_specification_shows_it():
    proof, entry = _proof()
    lines = proof.text().split("\n")
    assert lines[0] == "c2sp.org/tlog-proof@v1"
    assert lines[1] == "index 5"
    assert lines[6] == ""
    assert lines[7:9] == ["log.example/one", "13"]
    assert LogProof.parse(proof.text()) == proof
    assert proof.verify(entry, KEY).size == 13


def test_extra_data_stands_on_the_second_line_and_is_given_back():
    proof, entry = _proof()
    with_extra = LogProof(proof.index, proof.path, proof.checkpoint, b"more")
    assert with_extra.text().split("\n")[1] == "extra bW9yZQ=="
    assert LogProof.parse(with_extra.text()) == with_extra
    assert with_extra.verify(entry, KEY).size == 13


def test_every_changed_byte_of_a_proof_is_noticed():
    proof, entry = _proof()
    text = proof.text().encode()
    for at in range(len(text)):
        changed = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        with pytest.raises((BadNote, UnicodeDecodeError)):
            LogProof.parse(changed.decode()).verify(entry, KEY)
    for at in range(len(entry)):
        with pytest.raises(BadNote, match="not in the signed tree"):
            proof.verify(entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :], KEY)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("proof@v1", "proof@v2", "start with"),
        ("index 5", "index 05", "plain decimal"),
        ("index 5", "index +5", "plain decimal"),
        ("index 5\n", "", "index line"),
        ("index 5", "extra !!\nindex 5", "not base64"),
        ("index 5", "extra QUJ=\nindex 5", "one canonical spelling"),
        ("index 5\n", "index 5\n" + "A" * 43 + "=\n" * 1 + ("A" * 43 + "=\n") * 70, "longer than"),
        ("index 5\n", "index 5\nAAAA\n", "32 bytes"),
    ],
)
def test_a_proof_file_that_could_be_read_in_two_ways_is_refused(old, new, why):
    proof, _ = _proof()
    with pytest.raises(BadNote, match=why):
        LogProof.parse(proof.text().replace(old, new, 1))
