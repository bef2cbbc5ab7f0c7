"""Every test of the ledger that can runs on both control databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ledger.builders import Place, place


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Where a log may be made, on each kind of control database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    here = place(tmp_path, url)
    yield here
    here.close()


@pytest.fixture
def sqlite_home(tmp_path: Path) -> Iterator[Place]:
    here = place(tmp_path)
    yield here
    here.close()
