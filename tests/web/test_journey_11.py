"""Journey 11 in a real Chromium: a new notice, the old yes stays bound to the old text, one question, never again.

Every page is judged by axe-core, and the context listens for violations of the content policy and for dialogs.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rightful.actions.appoint_staff import appoint
from rightful.actions.use_data import query_data
from rightful.workspace import Workspace
from tests.browser import follow
from tests.web.test_browser import AXE, come_in, pressed, row, start
from tests.web.test_notice_pages import complete, publish

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

READER = "x9@example.com"


@pytest.fixture(scope="module")
def folder(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy whose policy has a first public notice; a marketer may be asked for the newsletter's list."""
    copy = tmp_path_factory.mktemp("journey") / "meadow"
    shutil.copytree(workspace_folder, copy)
    with Workspace.open(copy) as ws:
        publish(ws, complete("first"))
        appoint(ws, "max@meadow.example", "marketer", actor="engineer@meadow.example")
    return copy


@contextmanager
def pages_of(folder: Path) -> Iterator[str]:
    """The site, for a while: the store is opened by one process at a time."""
    process, address = start(folder)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def judged(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in result["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def town_of(folder: Path, key: str) -> dict[str, Any]:
    """What a marketer gets of one reader of the newsletter, at night when the pages are closed."""
    with Workspace.open(folder) as ws:
        ws.facts.rebuild()
        question = f"select email, city from customer where email = '{key}'"
        found = query_data(ws, "max@meadow.example", "newsletter", question, channel="email")
        (row,) = found.table.to_pylist()
        return row


def publish_while_open(folder: Path, text: str) -> None:
    with Workspace.open(folder) as ws:
        publish(ws, text, rebuild=False)


def test_journey_11_a_new_notice_asks_once_and_the_old_yes_stays_what_it_was(chromium: Browser, folder: Path):
    heard: list[str] = []

    def listening(site: str, **state: Any) -> Page:
        page = chromium.new_context(base_url=site, viewport={"width": 390, "height": 800}, **state).new_page()
        page.on("console", lambda said: heard.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
        return page

    with pages_of(folder) as site:
        page = listening(site)
        come_in(page, folder, READER)
        page.goto("/me/choices/")
        row(page, "newsletter-email").get_by_role("button", name="On").click()
        page.wait_for_selector("#choice-newsletter-email .effect")
        assert page.locator(".renewal").count() == 0, "nothing is asked while nothing changed"

        publish_while_open(folder, complete("second", more="address"))
        page.goto("/me/choices/")
        question = page.locator("#renew-newsletter")
        assert "New, we would use: your town." in question.inner_text()
        buttons = question.get_by_role("button").all()
        assert [b.inner_text() for b in buttons] == ["Yes to the new text", "Leave it as it is"]
        assert len({(round(b.bounding_box()["width"]), round(b.bounding_box()["height"])) for b in buttons}) == 1
        judged(page)

        follow(question.get_by_role("link", name="See what changed"))
        assert "/notice/second/since/first/" in page.url
        assert page.locator("#new").get_by_text("your town").count() == 1
        judged(page)
        follow(page.get_by_role("link", name="Read the whole notice"))
        page.get_by_text("We write to you about new things.").first.wait_for()
        judged(page)
        state = page.context.storage_state()

    assert town_of(folder, READER) == {"email": READER, "city": None}, "the old yes covers the old text and no more"

    with pages_of(folder) as site:
        page = listening(site, storage_state=state)
        page.goto("/me/choices/")
        assert pressed(page, "newsletter-email") == "On"
        page.locator("#renew-newsletter").get_by_role("button", name="Leave it as it is").click()
        page.get_by_text("It stays as it was. We do not ask about this change again.").wait_for()
        assert page.locator(".renewal").count() == 0
        assert pressed(page, "newsletter-email") == "On", "closing a question takes nothing back"

        same_change = complete("third", more="address").replace("when you ask us for help", "if you ask for help")
        publish_while_open(folder, same_change)
        page.goto("/me/choices/")
        assert page.locator(".renewal").count() == 0, "the same change under another name is not asked about again"

        publish_while_open(folder, complete("fourth", more="address, birth"))
        page.goto("/me/choices/")
        page.locator("#renew-newsletter").get_by_role("button", name="Yes to the new text").click()
        page.get_by_text("You said yes to the new text.").wait_for()
        assert page.locator(".renewal").count() == 0
    assert heard == []
    assert town_of(folder, READER) == {"email": READER, "city": "Ulm"}, "the new yes covers the new text"


def test_journey_11_the_notice_needs_no_javascript_and_runs_from_right_to_left_in_arabic(chromium, folder):
    with pages_of(folder) as site:
        page = chromium.new_context(
            base_url=site, java_script_enabled=False, locale="ar", viewport={"width": 390, "height": 800}
        ).new_page()
        page.goto("/notice/")
        assert page.locator("html").get_attribute("dir") == "rtl"
        folded = page.locator("#details-newsletter")
        folded.locator("summary").click()
        assert folded.locator("dd").first.is_visible(), "the deeper layer opens without a script"
