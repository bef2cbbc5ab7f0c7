"""Where the keys live, and what they lock.

Keys stay outside the database and its backups: whoever has a copy of the one
without the other reads nothing. Four of them: `master` wraps the key of each
subject, `pepper` hashes identifiers of erased people, `ledger-signing` signs
checkpoints, `store` encrypts the embedded store. The wrapped keys of the subjects lie
beside them (ledger/keystore.py): a backup that held them would bring erased people back.

Easy to get wrong: making a new key because the old one is not there. That would
turn a lost folder into lost data without a word, so a partial folder, a changed
key and a key that does not fit the database are all refused (`KeyMissing`). Every
ciphertext begins with the number of its algorithm, so that another can follow.

Sources: NIST SP 800-38D (GCM: 96-bit random nonces, under 2^32 messages a key),
NIST SP 800-57 part 1 (key wrapping), RFC 2104.
"""

from __future__ import annotations

import hmac
import json
import os
import shutil
import tempfile
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rightful.errors import IntegrityFault, KeyMissing
from rightful.ledger.database import connect
from rightful.ledger.erasure_journal import ErasureJournal
from rightful.ledger.keystore import KeyStore

KEY_SIZE = 32
NONCE_SIZE = 12
AES_256_GCM = 1
NAMES = ("master", "pepper", "ledger-signing", "store")

_ALGORITHM = bytes([AES_256_GCM])
SUBJECT_KEYS = "subject-keys.sqlite"
_MANIFEST = "keys.json"


class KeySource(Protocol):
    """Where 32-byte keys come from: a folder, the environment, a KMS."""

    def read(self, name: str) -> bytes:
        """The key of this name.

        Raises:
            KeyMissing: it is not there or not readable.
        """

    def describe(self) -> str:
        """Where this is, for the sentence of an error; never a key."""


class FileKeys:
    """Keys in a folder only its owner may enter (0700), one file each (0600), hexadecimal."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def describe(self) -> str:
        return f"the key folder {self.folder}"

    def read(self, name: str) -> bytes:
        try:
            text = (self.folder / f"{name}.key").read_text("ascii").strip()
            key = bytes.fromhex(text)
        except FileNotFoundError:
            raise KeyMissing(f"the {name} key is not in {self.describe()}") from None
        except (OSError, ValueError) as error:
            raise KeyMissing(f"the {name} key in {self.describe()} cannot be read") from error
        expected = self._manifest().get(name)
        if len(key) != KEY_SIZE or expected != check_value(name, key):
            raise KeyMissing(f"the {name} key in {self.describe()} is not the one made with it")
        return key

    def exists(self) -> bool:
        """Whether keys were ever made here; a folder with anything in it counts as yes."""
        return self.folder.exists() and any(self.folder.iterdir())

    def create(self) -> None:
        """Make all keys at once: the folder appears whole or not at all."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".keys-", dir=self.folder.parent))  # mkdtemp makes it 0700
        try:
            checks = {}
            for name in NAMES:
                key = os.urandom(KEY_SIZE)
                checks[name] = check_value(name, key)
                _write_private(fresh / f"{name}.key", key.hex() + "\n")
            _write_private(fresh / _MANIFEST, json.dumps(checks, indent=1) + "\n")
            if self.folder.exists():
                self.folder.rmdir()  # only succeeds on an empty folder
            fresh.rename(self.folder)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        _fsync_folder(self.folder)
        _fsync_folder(self.folder.parent)

    def _manifest(self) -> dict[str, str]:
        try:
            checks = json.loads((self.folder / _MANIFEST).read_text("ascii"))
        except (OSError, ValueError) as error:
            raise KeyMissing(f"{_MANIFEST} is not in {self.describe()}") from error
        return checks if isinstance(checks, dict) else {}


class EnvironmentKeys:
    """Keys in environment variables, e.g. RIGHTFUL_KEY_MASTER, 64 hexadecimal digits each."""

    def __init__(self, environment: Mapping[str, str] | None = None, prefix: str = "RIGHTFUL_KEY_") -> None:
        self._environment = os.environ if environment is None else environment
        self._prefix = prefix

    def describe(self) -> str:
        return f"the environment ({self._prefix}...)"

    def read(self, name: str) -> bytes:
        variable = self._prefix + name.upper().replace("-", "_")
        text = self._environment.get(variable, "").strip()
        try:
            key = bytes.fromhex(text)
        except ValueError:
            key = b""
        if len(key) != KEY_SIZE:
            raise KeyMissing(
                f"{variable} is not set to {KEY_SIZE * 2} hexadecimal digits",
                remedy=f"Set {variable}; for a new workspace take `openssl rand -hex {KEY_SIZE}`",
            )
        return key


class Keyring:
    """All keys of one workspace, read once; a missing one is refused at the start, not at first use."""

    def __init__(self, source: KeySource, subjects: KeyStore) -> None:
        """`subjects` holds the keys of subjects, each wrapped under the master key."""
        self.subjects = subjects
        self.erasures = ErasureJournal(subjects)
        self._where = source.describe()
        self._keys = {name: source.read(name) for name in NAMES}
        self._wrapping = AESGCM(derive(self._keys["master"], "wrap"))
        self.log_key = derive(self._keys["master"], "ledger-payload")
        """What locks ledger payloads that concern nobody in particular."""

    @classmethod
    def open(cls, folder: str | Path, *, subjects: str | None = None) -> Keyring:
        """The keys in this folder; never makes any.

        Args:
            subjects: address of another database for the subjects' keys, where several machines share
                them; else they lie in the folder. It must not be in a backup of the data.
        """
        return cls(FileKeys(folder), _subject_keys(Path(folder), subjects))

    @classmethod
    def open_or_create(cls, folder: str | Path, *, subjects: str | None = None) -> Keyring:
        """The keys in this folder, made now if it is missing or empty. Never completes a partial one."""
        files = FileKeys(folder)
        if not files.exists():
            try:
                files.create()
            except OSError:
                if not files.exists():  # else another process was faster, and made them whole
                    raise
        return cls(files, _subject_keys(Path(folder), subjects))

    def close(self) -> None:
        """Let go of the subjects' keys; the ring opens them again when it needs them."""
        self.subjects.close()

    def describe(self) -> str:
        return self._where

    def __repr__(self) -> str:
        return f"Keyring({self._where})"

    def check_values(self) -> dict[str, str]:
        """What a database remembers of its keys, to know them again; says nothing about the keys."""
        return {name: check_value(name, key) for name, key in self._keys.items()}

    # Subjects

    def new_subject_key(self) -> bytes:
        return os.urandom(KEY_SIZE)

    def wrap(self, key: bytes, owner: str) -> bytes:
        """Lock a subject's key under the master key; it opens only for the same owner."""
        nonce = os.urandom(NONCE_SIZE)
        return _ALGORITHM + nonce + self._wrapping.encrypt(nonce, key, owner.encode())

    def unwrap(self, wrapped: bytes, owner: str) -> bytes:
        """The subject's key.

        Raises:
            IntegrityFault: changed, of another owner, or locked under another master key.
        """
        return _open(self._wrapping, wrapped, owner.encode())

    # The ledger

    @cached_property
    def _signing(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self._keys["ledger-signing"])

    @cached_property
    def public_key(self) -> bytes:
        """The Ed25519 key that verifies checkpoints."""
        return self._signing.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._signing.sign(message)

    # The embedded store, and people who were erased

    @property
    def store_key(self) -> bytes:
        return self._keys["store"]

    def suppression_hash(self, identifier: str) -> bytes:
        """What remains of an erased person's identifier: enough to recognise it, not to read it.

        Args:
            identifier: already normalised (case, spelling variants) by the caller; NFC is applied here.
        """
        return hmac.digest(self._keys["pepper"], unicodedata.normalize("NFC", identifier).encode(), "sha256")


def _subject_keys(folder: Path, url: str | None) -> KeyStore:
    return KeyStore(lambda: connect(url or folder / SUBJECT_KEYS))


def encrypt(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """Algorithm number, nonce and ciphertext; `aad` ties it to the place where it belongs."""
    nonce = os.urandom(NONCE_SIZE)
    return _ALGORITHM + nonce + AESGCM(key).encrypt(nonce, plaintext, aad)


def decrypt(key: bytes, sealed: bytes, aad: bytes) -> bytes:
    """The plaintext.

    Raises:
        IntegrityFault: changed, moved to another place, or another key.
    """
    return _open(AESGCM(key), sealed, aad)


def derive(key: bytes, use: str) -> bytes:
    """An own key for each use of one key, so that no two uses can be played against each other."""
    return hmac.digest(key, b"rightful/key/v1/" + use.encode(), "sha256")


def check_value(name: str, key: bytes) -> str:
    """A fingerprint of a key that does not help to guess it."""
    return hmac.digest(key, b"rightful/key-check/v1/" + name.encode(), "sha256")[:16].hex()


def _open(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytes:
    if len(sealed) < 1 + NONCE_SIZE + 16 or sealed[0] != AES_256_GCM:
        raise IntegrityFault("a sealed value is cut short or of an unknown kind")
    try:
        return cipher.decrypt(sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :], aad)
    except InvalidTag:
        raise IntegrityFault("a sealed value was changed, moved, or belongs to another key") from None


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
