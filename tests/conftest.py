"""What every test stands on: how hard properties are tried, and what happens when a program is missing.

A test that needs a program of its own (a database server, a browser, a foreign verifier) asks for it and
calls `missing_tool` when it is not there: skipped on a laptop, failed when CI is set, and in both cases
named again, loudly, when the run ends. A silent skip would look like a pass.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

ROOT = Path(__file__).resolve().parent.parent
MISSING = "missing tool: "

# The two machines that run this are busy: time limits on examples would find the neighbour, not the bug.
settings.register_profile(
    "dev",
    max_examples=100,
    deadline=None,
    database=DirectoryBasedExampleDatabase(ROOT / ".hypothesis" / "examples"),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.register_profile("full", parent=settings.get_profile("dev"), max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))

# pytest_plugins wants names; a fixture file registers itself by being there.
pytest_plugins = [
    f"tests.{name}" for name in ("postgres", "mariadb", "browser") if (ROOT / "tests" / f"{name}.py").is_file()
]

if (ROOT / "rightful" / "web" / "settings.py").is_file():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rightful.web.settings")


def in_ci() -> bool:
    """True where nobody is watching, so that nothing may be left out."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def missing_tool(name: str, why: str) -> NoReturn:
    """Leave this test out for want of a program; in CI that is a failure.

    Args:
        name: the program, as a person would install it ("PostgreSQL", "chromium").
        why: what was looked for, or what it answered.
    """
    reason = f"{MISSING}{name}: {why}"
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not run; read from the reports, which also come from the other processes of xdist."""
    wanting: Counter[str] = Counter()
    for outcome in ("skipped", "failed", "error"):
        for report in terminalreporter.stats.get(outcome, []):
            text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            if MISSING in text:
                wanting[text.split(MISSING, 1)[1].splitlines()[0]] += 1
    if not wanting:
        return
    terminalreporter.section("could not run", sep="=", red=True, bold=True)
    lines = [f"{reason} (tests: {count})" for reason, count in sorted(wanting.items())]
    for line in lines:
        terminalreporter.write_line(f"COULD NOT RUN: {line}", red=True)
    if gathered := os.environ.get("COULD_NOT_RUN"):
        with Path(gathered).open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
