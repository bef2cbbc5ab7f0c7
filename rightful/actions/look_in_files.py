"""Which files hold certain bytes: asked of our own databases while they are in use.

The looking is done by a process of its own. SQLite and DuckDB guard their files with POSIX
locks, and those end as soon as *any* handle of the process on the file is closed, also
one that only read. Another process would then take the database for closed, fold the
write-ahead log in and delete it, and everything written after that would be lost.

Easy to get wrong: needles in the arguments of a process, where everybody on the machine
can read them. They go over its input.

Source: sqlite.org/howtocorrupt.html, 2.2 (posix advisory locks cancelled by a separate close()).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

CHUNK = 8 << 20
LONGEST = 512
"""Bytes that a chunk hands on to the next one, so that nothing is missed between them."""


def files_with(paths: Sequence[Path], needles: Collection[bytes]) -> tuple[Path, ...]:
    """Those of the files in which one of the needles stands, in any letters.

    Args:
        needles: in small letters, none longer than LONGEST.

    Raises:
        RightfulError: it could not be looked; unsure is not "nothing found".
    """
    if not paths or not needles:
        return ()
    question = json.dumps({"paths": [str(p) for p in paths], "needles": [n.hex() for n in sorted(needles)]})
    command = [sys.executable, "-I", str(Path(__file__).resolve())]
    done = subprocess.run(command, input=question.encode(), capture_output=True, check=False)
    if done.returncode != 0:
        from rightful.errors import RightfulError  # here: the process that looks loads nothing of ours

        raise RightfulError("our own files could not be looked through", remedy="Look whether all can be read, resume")
    return tuple(paths[place] for place in json.loads(done.stdout))


def holds(path: Path, needles: Collection[bytes]) -> bool:
    """Whether one of the needles stands in a file; False if it is gone meanwhile. Only for a process of its own."""
    tail = b""
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                window = (tail + chunk).lower()
                if any(needle in window for needle in needles):
                    return True
                tail = chunk[-LONGEST:]
    except FileNotFoundError:
        return False
    return False


def main() -> None:
    question = json.load(sys.stdin)
    needles = [bytes.fromhex(n) for n in question["needles"]]
    found = [place for place, path in enumerate(question["paths"]) if holds(Path(path), needles)]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
