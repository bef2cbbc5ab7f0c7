"""What the log signs, and how anyone checks the signature.

A checkpoint is three lines (origin, size, root) signed as a C2SP note with
Ed25519. The verifier key is one line, `name+id+key`, as Go's `sumdb/note` reads
it; hand it out on another way than the log itself.

Easy to get wrong: the signed text ends with a newline and the blank line is not
part of it; signatures by unknown keys are ignored, but a known key whose
signature is false spoils the whole note; sizes have no leading zeros. Parsing is
strict, so that the same bytes mean the same to every verifier.

Sources: C2SP signed-note, C2SP tlog-checkpoint, RFC 8032.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from rightful.ledger.merkle import HASH_SIZE

ED25519 = b"\x01"
MAX_NOTE_BYTES = 65_536
MAX_SIGNATURES = 32

_DASH = "\N{EM DASH} "


class BadNote(ValueError):
    """The note is malformed, or not signed by the key that was asked for."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """Whose signature counts: a name and an Ed25519 public key."""

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(c.isspace() or ord(c) < 32 for c in self.name):
            raise BadNote("a key name is not empty and has neither spaces nor '+'")
        if len(self.public_key) != 32:
            raise BadNote("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public_key).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{_base64(ED25519 + self.public_key)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read `name+id+key`; the id must fit the key."""
        parts = text.strip().split("+", 2)  # base64 may hold a plus, names and ids may not
        if len(parts) != 3:
            raise BadNote("a verifier key reads name+id+key")
        raw = _unbase64(parts[2])
        if raw[:1] != ED25519:
            raise BadNote("only Ed25519 verifier keys are known here")
        key = cls(parts[0], raw[1:])
        if key.key_id.hex() != parts[1]:
            raise BadNote("the id of the verifier key does not fit the key")
        return key

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made this Ed25519 signature."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the log looked like: its name, how many entries, and the hash over all of them."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the unsigned text of a checkpoint. Extension lines are refused: ours has none."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise BadNote("a checkpoint has three lines: origin, size, root")
        return cls(lines[0], decimal(lines[1]), hash_line(lines[2]))


def sign_note(text: str, key: VerifierKey, sign: Callable[[bytes], bytes]) -> str:
    """The note over `text`, signed with the private half of `key`."""
    if not text.endswith("\n"):
        raise BadNote("a signed text ends with a newline")
    return f"{text}\n{signature_line(key, sign(text.encode()))}"


def signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"{_DASH}{key.name} {_base64(key.key_id + signature)}\n"


def open_note(note: str | bytes, key: VerifierKey) -> str:
    """The text of a note, once the signature by `key` has been verified.

    Raises:
        BadNote: malformed, not signed by this key, or its signature is false.
    """
    text, signatures = split_note(note)
    ours = [signature for name, key_id, signature in signatures if (name, key_id) == (key.name, key.key_id)]
    if not ours:
        raise BadNote(f"the note is not signed by {key.name}")
    if not all(key.signed(text.encode(), signature) for signature in ours):
        raise BadNote(f"the signature by {key.name} is false")
    return text


def split_note(note: str | bytes) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """(text, [(key name, key id, signature)]); nothing is verified yet."""
    if isinstance(note, bytes):
        try:
            note = note.decode()
        except UnicodeDecodeError as error:
            raise BadNote("a note is UTF-8 text") from error
    if len(note) > MAX_NOTE_BYTES or any(ord(c) < 32 and c != "\n" for c in note):
        raise BadNote("a note is not longer than 64 KiB and has no control characters")
    body, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise BadNote("a note is text, a blank line and signature lines")
    signatures = []
    lines = tail[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise BadNote(f"more than {MAX_SIGNATURES} signatures")
    for line in lines:
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space or not name or "+" in name:
            raise BadNote("a signature line reads: dash, key name, signature")
        raw = _unbase64(encoded)
        if len(raw) < 5:
            raise BadNote("a signature is longer than its key id")
        signatures.append((name, raw[:4], raw[4:]))
    return body + "\n", signatures


def sign_checkpoint(checkpoint: Checkpoint, key: VerifierKey, sign: Callable[[bytes], bytes]) -> str:
    return sign_note(checkpoint.text(), key, sign)


def open_checkpoint(note: str | bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a note signed by `key`, whose name must be the log's origin."""
    checkpoint = Checkpoint.parse(open_note(note, key))
    if checkpoint.origin != key.name:
        raise BadNote(f"the checkpoint is of {checkpoint.origin}, the key of {key.name}")
    return checkpoint


def decimal(text: str) -> int:
    """A number without sign, spaces or leading zeros."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise BadNote("a size or index is a plain decimal number")
    return int(text)


def hash_line(text: str) -> bytes:
    raw = _unbase64(text)
    if len(raw) != HASH_SIZE:
        raise BadNote("a hash has 32 bytes")
    return raw


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _unbase64(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote("not base64") from error
    if _base64(raw) != text:  # one spelling only: spare bits must be zero
        raise BadNote("base64 that is not in its one canonical spelling")
    return raw
