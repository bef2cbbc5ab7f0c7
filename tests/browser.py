"""A headless Chromium for tests marked `browser`: one process per file, a fresh context per test.

Its loop runs in the test's thread, and Django refuses to work beside one: so it ends with the file.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import missing_tool

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator

QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; this project downloads no browser."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        missing_tool("chromium", "no chromium, chromium-browser or google-chrome on the path")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(QUIET))
        yield browser
        browser.close()


def follow(link: Locator) -> None:
    """Press a link or a button and wait for the page that it leads to.

    A press alone comes back before the next page is there, and `count()` or `inner_text()` would read the old one.
    """
    with link.page.expect_navigation():
        link.click()
