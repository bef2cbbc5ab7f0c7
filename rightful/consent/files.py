"""How a file becomes part of the record: whole and on disk, or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path


def settle(part: Path, path: Path) -> None:
    """Flush a finished file to disk and give it its name in one step."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
