"""What each kind of statement becomes, in every dialect, word for word: tests/golden/rewrite/*.sql.

A golden file holds the name of a permit, the statement, and what it becomes (laid out for reading).
RIGHTFUL_WRITE_GOLDEN=1 writes them anew; then read the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import sqlglot

from rightful.gate.rewrite import SqlRefused, rewrite
from tests.gate import rewrite_world as world

FOLDER = Path(__file__).parent.parent / "golden" / "rewrite"
PERMITS = {
    "rows": world.PERMIT,
    "counts": world.COUNTS,
    "rows-with-a-short-tail": replace(world.PERMIT, tail=frozenset({7, 11})),
    "rows-with-a-tail": replace(world.PERMIT, tail=frozenset(range(1, 13))),
    "rows-with-a-long-tail": replace(world.PERMIT, tail=frozenset(range(300)), tail_relation=("rf_state", "tail")),
    "ten-rows": replace(world.PERMIT, max_rows=10),
}
DIALECTS = ("duckdb", "postgres", "mysql", "spark")
FILES = sorted(FOLDER.glob("*.sql"))


def asked(path: Path) -> tuple[str, str]:
    head, _, _rest = path.read_text(encoding="utf-8").partition("\n-- duckdb\n")
    permit, _, sql = head.partition("\n")
    return permit.removeprefix("-- permit: ").strip(), sql.strip()


def becomes(permit: str, sql: str) -> str:
    parts = [f"-- permit: {permit}", sql, ""]
    for dialect in DIALECTS:
        try:
            text = rewrite(sql, PERMITS[permit], dialect).sql  # type: ignore[arg-type]
            text = sqlglot.transpile(text, read=dialect, write=dialect, identify=True, pretty=True)[0]
        except SqlRefused as refused:
            text = f"-- refused: {refused.code}: {refused.sentence}"
        parts += [f"-- {dialect}", text, ""]
    return "\n".join(parts)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_statement_becomes_what_was_agreed(path):
    permit, sql = asked(path)
    now = becomes(permit, sql)
    if os.environ.get("RIGHTFUL_WRITE_GOLDEN"):
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8")


def test_there_are_golden_pairs():
    assert len(FILES) >= 12
