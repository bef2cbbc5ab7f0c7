"""Journeys that leave the pages on the way: the gate refuses a row, a recipient is told. In a real Chromium.

The store is opened by one process at a time. So the pages are closed while the gate makes a list, as at night.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rightful.actions.appoint_staff import appoint
from rightful.actions.export_audience import export_audience
from rightful.ledger.receipt import Receipt
from rightful.workspace import Workspace
from tests.browser import follow
from tests.web.conftest import PASSWORD
from tests.web.test_browser import AXE, _code, come_in, pressed, row, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
MAX = "max@meadow.example"


@pytest.fixture(scope="module")
def folder(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("journeys") / "meadow"
    shutil.copytree(workspace_folder, copy)
    return copy


@contextmanager
def pages_of(folder: Path) -> Iterator[str]:
    process, address = start(folder)
    try:
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def clean(page: Page) -> None:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in result["violations"]] == []


def test_journeys_1_and_3_a_no_and_a_correction_reach_everything(chromium: Browser, folder: Path):
    heard: list[str] = []

    def listening(context: Any) -> Page:
        page = context.new_page()
        page.on("console", lambda said: heard.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        return page

    with pages_of(folder) as site:
        leaves, stays = (chromium.new_context(base_url=site) for _ in range(2))
        for context, address in ((leaves, "x1@example.com"), (stays, "x2@example.com")):
            page = listening(context)
            come_in(page, folder, address)
            page.goto("/me/choices/")
            row(page, "newsletter-post").get_by_role("button", name="On").click()
            page.wait_for_selector("#choice-newsletter-post .effect")
        page = leaves.pages[0]
        row(page, "newsletter-post").get_by_role("button", name="Off").click()
        page.wait_for_selector("text=From this moment we do not use your data for this")
        assert pressed(page, "newsletter-post") == "Off"
        page.goto("/me/uses/?outcome=refused")
        before = page.get_by_text("A list was made without you").count()  # of lists that other tests made
        kept = [context.storage_state() for context in (leaves, stays)]

    with Workspace.open(folder) as ws:  # at night: the gate makes the list for the print house
        appoint(ws, MAX, "marketer", actor="engineer@meadow.example")
        ws.facts.rebuild()
        sent = export_audience(ws, MAX, "newsletter", channel="post", recipient="printer")
        assert sent.table.column("email").to_pylist() == ["x2@example.com"], "the gate left x1 out"

    with pages_of(folder) as site:
        leaves, stays = (chromium.new_context(base_url=site, storage_state=state) for state in kept)
        page = listening(leaves)
        page.goto("/me/uses/?outcome=refused")
        assert page.get_by_text("A list was made without you").count() == before + 1
        clean(page)
        with page.expect_download() as download:
            page.get_by_role("link", name="Proof").first.click()
        taken = folder.parent / download.value.suggested_filename
        download.value.save_as(taken)
        assert Receipt.load(taken).verify(_key_shown(page)).ok, "it verifies with the key of the page"
        assert "HOW-TO-VERIFY.md" in zipfile.ZipFile(taken).namelist()
        page.goto("/me/recipients/")
        assert page.get_by_text("Nobody outside has received anything").count() == 1

        page = listening(stays)
        page.goto("/me/recipients/")
        assert page.get_by_role("heading", name="Print house Roth").count() == 1
        assert page.get_by_text("It may still have this.").count() == 1
        clean(page)
        follow(page.get_by_role("link", name="My data", exact=True))
        page.locator("summary", has_text="City").click()
        follow(page.get_by_role("link", name="Correct it City"))
        clean(page)
        page.get_by_label("What is right").fill("Bonn")
        follow(page.get_by_role("button", name="Correct it"))
        assert page.get_by_text("Everybody who received it from us is told.").count() == 1
        assert page.locator(".held .value", has_text="Bonn").count() == 1

        officer = listening(chromium.new_context(base_url=site))
        officer.goto("/staff/")
        officer.get_by_label("Work e-mail").fill("officer@meadow.example")
        officer.get_by_label("Password").fill(PASSWORD)
        follow(officer.get_by_role("button", name="Sign in"))
        officer.get_by_label("code", exact=False).fill(_code())
        follow(officer.get_by_role("button", name="Sign in"))
        follow(officer.get_by_role("link", name="Corrections", exact=True))
        assert officer.get_by_text("Corrected by the customer; 1 recipient to tell").count() == 1
        clean(officer)

        follow(page.get_by_role("link", name="Who has it", exact=True))
        assert page.get_by_text("It has to be told what you decided or corrected.").count() == 1
        follow(page.get_by_role("link", name="Uses", exact=True))
        line = page.locator(".use", has_text="Your data was corrected")
        assert line.get_by_text("City").count() == 1 and line.get_by_text("Bonn").count() == 0
        assert page.get_by_text("A recipient has to be told what you decided or corrected").count() == 1
        for context in chromium.contexts:
            context.close()
    assert heard == []


def test_taking_back_takes_no_more_steps_than_saying_yes(chromium: Browser, folder: Path):
    """Steps from the overview: presses of links and buttons until the switch stands where it should."""
    with pages_of(folder) as site:
        page = chromium.new_context(base_url=site).new_page()
        come_in(page, folder, "x3@example.com")

        def steps_to(state: str) -> int:
            page.goto("/me/")
            follow(page.get_by_role("link", name="Choices", exact=True))
            row(page, "newsletter-email").get_by_role("button", name=state).click()
            page.wait_for_selector(f"#choice-newsletter-email-{state.lower()}[aria-pressed=true]")
            return 2

        yes, no = steps_to("On"), steps_to("Off")
        assert page.locator("dialog[open], [role=alertdialog]").count() == 0, "and nobody asks whether one is sure"
        page.goto("/me/choices/")
        follow(page.get_by_role("button", name="Switch everything off"))
        assert page.locator('[id$="-on"][aria-pressed=true]').count() == 0
        everything = 2
        assert no <= yes and everything <= yes
        page.context.close()


def _key_shown(page: Page) -> str:
    """The key as the page on checking shows it, read as a customer would."""
    other = page.context.new_page()
    other.goto("/me/uses/check/")
    key = other.locator(".key code").inner_text()
    other.close()
    return key
