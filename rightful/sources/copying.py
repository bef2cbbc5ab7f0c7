"""How the file of the embedded store is copied while others read it.

Whoever reads holds the engine's lock on the file, so nobody writes meanwhile. The file
itself is read by a process of its own: closing a file drops all locks that a process
holds on it, the engine's too.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rightful.errors import SourceUnavailable
from rightful.sources.duckdb import DuckDBSource

_COPY = "import shutil, sys; shutil.copyfile(sys.argv[1], sys.argv[2])"


def copy_store(source: DuckDBSource, folder: Path) -> list[Path]:
    """Copy the store's file, with its write-ahead log if there is one, as they are at one instant."""
    copies = []
    with source.run("SELECT 1 AS one"):
        for path in (source.path, Path(f"{source.path}.wal")):
            if path.exists():
                target = folder / path.name
                done = subprocess.run([sys.executable, "-I", "-S", "-c", _COPY, str(path), str(target)])
                if done.returncode:
                    raise SourceUnavailable("the store's file could not be copied", remedy="Is there enough space?")
                target.chmod(0o600)
                copies.append(target)
    return copies
