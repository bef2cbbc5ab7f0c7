"""The one secret of the web doors, and what is locked with it.

Sessions, second factors and one-time codes lie in the web's own database. That
database is in every backup; this key never is, so a stolen copy opens nothing.

Easy to get wrong: making the key before the workspace has its own. A key folder
with anything in it counts as made, so this file only ever joins an existing one.
Each use gets a key of its own, derived from this one, and every sealed text
begins with the number of its algorithm.

Sources: NIST SP 800-38D (AES-GCM), RFC 2104, OWASP ASVS 5.0 V11.2.2, V13.3.1.
"""

from __future__ import annotations

import base64
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rightful.errors import IntegrityFault, KeyMissing

FILE = "web-secret.key"
VARIABLE = "RIGHTFUL_KEY_WEB"
KEY_SIZE = 32
NONCE_SIZE = 12
_AES_256_GCM = b"\x01"


def read_or_make(keys: Path) -> str:
    """The secret of this workspace in hexadecimal, from the environment or the key folder.

    Raises:
        KeyMissing: the folder is not there, or the key in it cannot be read.
    """
    if given := os.environ.get(VARIABLE, "").strip():
        return _checked(given, VARIABLE)
    path = keys / FILE
    try:
        return _checked(path.read_text("ascii").strip(), str(path))
    except FileNotFoundError:
        pass
    except OSError as error:
        raise KeyMissing(f"{path} cannot be read") from error
    if not keys.is_dir():
        raise KeyMissing(f"the key folder {keys} is not there")
    fresh = keys / f".{FILE}.{os.getpid()}.{os.urandom(4).hex()}"
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(os.urandom(KEY_SIZE).hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)  # fails if another process was faster: then its key counts
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _checked(path.read_text("ascii").strip(), str(path))


def derive(secret: str, use: str) -> bytes:
    """An own 32-byte key for each use."""
    return hmac.digest(secret.encode(), b"rightful/web/v1/" + use.encode(), "sha256")


def seal(key: bytes, text: bytes, place: str) -> bytes:
    """Encrypt; it opens again only with the same key and for the same place."""
    nonce = os.urandom(NONCE_SIZE)
    return _AES_256_GCM + nonce + AESGCM(key).encrypt(nonce, text, place.encode())


def unseal(key: bytes, sealed: bytes, place: str) -> bytes:
    """The text.

    Raises:
        IntegrityFault: changed, moved to another place, or locked with another key.
    """
    if len(sealed) < 1 + NONCE_SIZE + 16 or sealed[:1] != _AES_256_GCM:
        raise IntegrityFault("a sealed value of the web is cut short or of an unknown kind")
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + NONCE_SIZE], sealed[1 + NONCE_SIZE :], place.encode())
    except InvalidTag:
        raise IntegrityFault("a sealed value of the web was changed, moved, or has another key") from None


def seal_text(key: bytes, text: str, place: str) -> str:
    return base64.urlsafe_b64encode(seal(key, text.encode(), place)).decode("ascii")


def unseal_text(key: bytes, sealed: str, place: str) -> str:
    try:
        raw = base64.urlsafe_b64decode(sealed.encode("ascii"))
    except ValueError:
        raise IntegrityFault("a sealed value of the web is not readable") from None
    return unseal(key, raw, place).decode()


def _checked(text: str, where: str) -> str:
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise KeyMissing(f"{where} is not {KEY_SIZE * 2} hexadecimal digits")
    return text
