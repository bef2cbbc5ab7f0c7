"""One encrypted file that holds many: how a backup is written, and how it is read without believing it.

A first line in the clear says what it is and for which keys (JSON). Then chunks of at
most one MiB, each sealed with AES-256-GCM under a key of this file alone, which is made
from the workspace's master key and a random salt. The nonce counts the chunks and marks
the last one, so a chunk that was changed, moved, left out or cut off is noticed; the first
line is bound to every chunk. Inside is a tar archive; its last member lists every other
one with size and SHA-256.

Easy to get wrong: a file taken for whole because its name is there: it gets its name last,
after everything is on disk; a member's name that leads out of the folder.

Sources: Hoang, Reyhanitabar, Rogaway, Vizar (2015), "Online Authenticated-Encryption and
its Nonce-Reuse Misuse-Resistance", STREAM; NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rightful.errors import BackupRejected
from rightful.protection.keys import Keyring, derive

FORMAT = 1
MAGIC = "rightful-backup"
CHUNK = 1 << 20
MANIFEST = "manifest.json"
_SEAL = 16
_LENGTH = struct.Struct(">I")
_LONGEST_HEAD = 16_384


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is whole on disk."""

    path: Path
    bytes: int
    sha256: str


def write_archive(
    target: Path,
    keys: Keyring,
    head: Mapping[str, Any],
    members: Sequence[tuple[str, Path]],
    manifest: Mapping[str, Any],
) -> Written:
    """Seal files into one that appears whole or not at all.

    Args:
        head: what stands in the clear in the first line, beside format, salt and the keys' check value.
        members: (name inside, file). manifest: what is said inside beside the list of members.
    """
    salt = os.urandom(16).hex()
    mine = {MAGIC: FORMAT, "salt": salt, "keys": keys.check_values()["master"], **head}
    line = json.dumps(mine, sort_keys=True).encode() + b"\n"
    half = target.with_name(f".{target.name}.half")
    half.unlink(missing_ok=True)
    try:
        with _private(half) as raw:
            raw.write(line)
            sealing = _Sealing(raw, AESGCM(_key(keys, salt)), line)
            with tarfile.open(fileobj=sealing, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                files = {name: _add(tar, name, path) for name, path in members}
                _add_bytes(tar, MANIFEST, json.dumps({**manifest, "files": files}, sort_keys=True).encode())
            sealing.end()
            raw.flush()
            os.fsync(raw.fileno())
        done = Written(target, half.stat().st_size, _sha256(half))
        half.rename(target)
        _sync_folder(target.parent)
    finally:
        half.unlink(missing_ok=True)
    return done


def read_head(path: Path) -> dict[str, Any]:
    """The first line.

    Raises:
        BackupRejected: it is no backup of ours, or of a newer format.
    """
    try:
        with path.open("rb") as file:
            line = file.readline(_LONGEST_HEAD)
    except OSError as error:
        raise BackupRejected(f"{path} cannot be read: {error.strerror}") from error
    try:
        head = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        head = None
    if not isinstance(head, dict) or not isinstance(head.get(MAGIC), int):
        raise BackupRejected(f"{path.name} is no backup made by Rightful", remedy="Name a file of `backup create`")
    if head[MAGIC] > FORMAT:
        raise BackupRejected(
            f"{path.name} has format {head[MAGIC]}, this program reads {FORMAT}", remedy="Use the newer program"
        )
    return head


def read_archive(path: Path, keys: Keyring, into: Path | None = None) -> dict[str, Any]:
    """Read all of it, checking every chunk and every member; returns the manifest.

    Args:
        into: an empty folder to put the members in; None only checks.

    Raises:
        BackupRejected: other keys, changed, cut short, or not what its list says.
    """
    head = read_head(path)
    if head.get("keys") != keys.check_values()["master"]:
        raise BackupRejected(
            f"{path.name} was made with other keys than those in {keys.describe()}",
            remedy="Name the key folder of that workspace with --keys",
        )
    found: dict[str, list[Any]] = {}
    manifest: dict[str, Any] | None = None
    with path.open("rb") as raw:
        line = raw.readline(_LONGEST_HEAD)
        opening = _Opening(raw, AESGCM(_key(keys, str(head.get("salt")))), line, path.name)
        try:
            with tarfile.open(fileobj=opening, mode="r|") as tar:
                for member in tar:
                    content = tar.extractfile(member)
                    if content is None or manifest is not None:
                        raise BackupRejected(f"{path.name} holds something that is no file: {member.name[:80]}")
                    if member.name == MANIFEST:
                        manifest = json.loads(content.read())
                    else:
                        found[member.name] = _take(content, None if into is None else _inside(into, member.name))
        except tarfile.TarError as error:
            raise BackupRejected(f"{path.name} is not what was written") from error
        opening.to_the_end()
    if manifest is None or manifest.get("files") != found:
        raise BackupRejected(f"{path.name} does not hold what its list says")
    return manifest


class _Sealing(io.RawIOBase):
    """Takes plain bytes, writes sealed chunks."""

    def __init__(self, raw: IO[bytes], cipher: AESGCM, line: bytes) -> None:
        self._raw, self._cipher, self._line = raw, cipher, line
        self._waiting = bytearray()
        self._count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._waiting += data
        while len(self._waiting) > CHUNK:  # the last chunk is known only at the end
            self._put(bytes(self._waiting[:CHUNK]), last=False)
            del self._waiting[:CHUNK]
        return len(data)

    def end(self) -> None:
        self._put(bytes(self._waiting), last=True)

    def _put(self, plain: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._count, last), plain, self._line)
        self._raw.write(_LENGTH.pack(len(sealed)) + sealed)
        self._count += 1


class _Opening(io.RawIOBase):
    """Reads sealed chunks, gives plain bytes."""

    def __init__(self, raw: IO[bytes], cipher: AESGCM, line: bytes, name: str) -> None:
        self._raw, self._cipher, self._line, self._name = raw, cipher, line, name
        self._plain = b""
        self._at = 0
        self._count = 0
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, wanted = [], size
        while wanted and self._more():
            part = self._plain[self._at : self._at + wanted] if size >= 0 else self._plain[self._at :]
            self._at += len(part)
            wanted -= len(part) if size >= 0 else 0
            parts.append(part)
        return b"".join(parts)

    def to_the_end(self) -> None:
        """What comes after the archive's own end belongs to it, too."""
        while self.read(CHUNK):
            pass
        if self._raw.read(1):
            raise BackupRejected(f"something was added at the end of {self._name}")

    def _more(self) -> bool:
        while self._at >= len(self._plain):
            if self._ended:
                return False
            self._next()
        return True

    def _next(self) -> None:
        length = self._raw.read(_LENGTH.size)
        size = _LENGTH.unpack(length)[0] if len(length) == _LENGTH.size else 0
        sealed = self._raw.read(size) if _SEAL <= size <= CHUNK + _SEAL else b""
        if not length or len(length) < _LENGTH.size or (size <= CHUNK + _SEAL and len(sealed) < size):
            raise BackupRejected(f"{self._name} is cut short after {self._count} MiB")
        for last in (False, True):
            try:
                self._plain = self._cipher.decrypt(_nonce(self._count, last), sealed, self._line)
            except InvalidTag:
                continue
            self._at, self._ended = 0, last
            self._count += 1
            return
        raise BackupRejected(f"{self._name} was changed after it was made (part {self._count + 1})")


def _key(keys: Keyring, salt: str) -> bytes:
    return derive(derive(keys.log_key, "backups"), salt)


def _nonce(count: int, last: bool) -> bytes:
    return struct.pack(">QxxxB", count, last)


def _add(tar: tarfile.TarFile, name: str, path: Path) -> list[Any]:
    info = tarfile.TarInfo(name)
    info.size = path.stat().st_size
    info.mode = 0o600
    with path.open("rb") as file:
        counted = _Counted(file)
        tar.addfile(info, counted)
    return [info.size, counted.digest.hexdigest()]


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


class _Counted(io.RawIOBase):
    """A file that is digested while it is read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


def _take(content: IO[bytes], target: Path | None) -> list[Any]:
    digest, size = hashlib.sha256(), 0
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _private(target) if target is not None else open(os.devnull, "wb") as file:
        while data := content.read(CHUNK):
            digest.update(data)
            size += len(data)
            file.write(data)
        if target is not None:
            file.flush()
            os.fsync(file.fileno())
    return [size, digest.hexdigest()]


def _inside(folder: Path, name: str) -> Path:
    parts = name.split("/")
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        raise BackupRejected(f"a name in the backup leads out of its folder: {name[:80]}")
    return folder.joinpath(*parts)


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ("MANIFEST", "Written", "read_archive", "read_head", "write_archive")
