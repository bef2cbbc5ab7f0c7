"""Which files are pure: the list of [tool.rightful.house] in pyproject.toml, as the files that exist.

`mypy --strict` runs on what this prints; tests/test_house.py reads `pure_files()`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def pure_files(root: Path = ROOT) -> list[Path]:
    """The files that may touch nothing but their arguments, sorted, relative to the root."""
    house = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["rightful"]["house"]
    pure = {path for pattern in house["pure"] for path in root.glob(pattern)}
    other = {path for pattern in house["not_pure"] for path in root.glob(pattern)}
    return sorted(path.relative_to(root) for path in pure - other)


if __name__ == "__main__":
    print("\n".join(path.as_posix() for path in pure_files()))
