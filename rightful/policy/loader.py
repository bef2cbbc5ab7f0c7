"""How a policy gets from files into the house: the only file here that reads any.

A policy is one YAML file or a folder of them; together they are one policy. It
loads whole or not at all, and a refusal lists every problem with its line.

Easy to get wrong: what is on disk is not trusted. Sizes are looked at before
reading, links to devices are not followed, and nothing in a policy is ever
executed or constructed (AC-042, AC-044).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from zoneinfo import available_timezones

from rightful.errors import NotFound, PolicyRefused
from rightful.policy.model import Policy
from rightful.policy.problems import ProblemLog
from rightful.policy.reading import World, read
from rightful.policy.tree import LARGEST, Node, decoded, tree

ENDINGS = (".yaml", ".yml")
MOST_FILES = 100


def load(path: Path) -> Policy:
    """Read a policy from one file, or from every .yaml and .yml file of a folder.

    Raises:
        NotFound: there is no such file or folder.
        PolicyRefused: it does not load; `problems` lists every reason with line and column.
    """
    path = Path(path)
    if not path.exists():
        raise NotFound(f"there is no policy at {path.name}", remedy="Name a YAML file or a folder of them")
    log = ProblemLog()
    files = _files(path, log)
    roots: list[Node] = []
    for file in files:
        name = file.name
        data = _bytes(file, name, log)
        text = None if data is None else decoded(data, name, log)
        root = None if text is None else tree(text, name, log)
        if root is not None:
            roots.append(root)
    return _policy(path.name, roots, log, complete=len(roots) == len(files))


def loads(text: str, name: str = "policy.yaml") -> Policy:
    """Read a policy from a text; `name` is what problems call it.

    Raises:
        PolicyRefused: it does not load; `problems` lists every reason with line and column.
    """
    log = ProblemLog()
    root = tree(text, name, log)
    return _policy(name, [] if root is None else [root], log, complete=root is not None)


def eea() -> frozenset[str]:
    """Countries of the European Economic Area: all others are third countries (GDPR Art. 44)."""
    return _world().eea


def _policy(name: str, roots: Sequence[Node], log: ProblemLog, *, complete: bool) -> Policy:
    """The policy, or the refusal. What cannot be read in part is not judged: half a policy misleads."""
    policy = read(roots, _world(), log) if complete and roots else None
    if policy is not None:
        return policy
    problems = log.sorted_problems()
    count = len(problems) + log.left_out
    raise PolicyRefused(
        f"{name} was not loaded: {count} problem{'s' if count != 1 else ''}, the first is {problems[0]}",
        problems=problems,
        remedy="Nothing was changed; the policy in force stays in force",
    )


def _files(path: Path, log: ProblemLog) -> list[Path]:
    if not path.is_dir():
        return [path]
    try:
        found = sorted(file for file in path.iterdir() if file.suffix in ENDINGS and not file.name.startswith("."))
    except OSError as error:
        log.add((path.name, 0, 0), f"the folder cannot be read ({error.strerror})")
        return []
    if not found:
        log.add((path.name, 0, 0), "the folder holds no .yaml file")
    if len(found) > MOST_FILES:
        log.add((path.name, 0, 0), f"the folder holds {len(found)} files; a policy has at most {MOST_FILES}")
        return []
    total = sum(file.stat().st_size for file in found if file.is_file())
    if total > LARGEST:
        log.add((path.name, 0, 0), f"the files have {total:,} bytes together; a policy has at most {LARGEST:,}")
        return []
    return found


def _bytes(file: Path, name: str, log: ProblemLog) -> bytes | None:
    if not file.is_file():
        log.add((name, 0, 0), "this is no ordinary file")
        return None
    try:
        with file.open("rb") as opened:
            return opened.read(LARGEST + 1)
    except OSError as error:
        log.add((name, 0, 0), f"the file cannot be read ({error.strerror})")
        return None


@lru_cache(maxsize=1)
def _world() -> World:
    data = json.loads(Path(__file__).with_name("transfers.json").read_text(encoding="utf-8"))
    rows = data["adequate"]
    return World(
        countries=frozenset(data["countries"].split()),
        eea=frozenset(data["eea"]),
        adequate=frozenset(row["code"] for row in rows if row["covers"] == "whole"),
        adequate_in_part={row["code"]: row["note"] for row in rows if row["covers"] == "part"},
        zones=available_timezones,
    )
