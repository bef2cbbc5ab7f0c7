"""Journeys 4 and 7 in a real Chromium: ask for everything; extend 120 but 2, undo, and the file is the screen."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from rightful.actions.open_request import open_request
from rightful.rights.rules import Level
from rightful.workspace import Workspace
from tests.web.test_browser import AXE, SHOTS, browse, come_in, officer, start

__all__ = ["browse", "officer"]
pytestmark = pytest.mark.browser
MANY = 120


@pytest.fixture(scope="module")
def folder(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy with 120 open requests, one for each of 40 customers and three kinds."""
    copy = tmp_path_factory.mktemp("requests") / "meadow"
    shutil.copytree(workspace_folder, copy)
    with Workspace.open(copy) as ws:
        keys = [f"X{i}" for i in range(35)] + ["B2", "C3", "D4", "E5", "A1"]
        for kind in ("rectification", "human-review", "complaint"):
            for key in keys:
                open_request(ws, kind, key=key, source="staff", level=Level.CHANNEL, actor="test@meadow.example")
    return copy


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    process, address = start(folder)
    yield address
    process.terminate()
    process.wait(timeout=20)


def looks_right(page: Any, name: str) -> None:
    """axe finds nothing, nothing is cut off at 390 and 320 pixels, and there is a picture to look at."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    assert [(v["id"], v["nodes"][0]["target"]) for v in found] == []
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}-wide.png", full_page=True)
    for width in (390, 320):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, width
    page.screenshot(path=SHOTS / f"{name}-narrow.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 900})


def test_journey_4_ask_for_everything_see_the_day_and_get_the_answer(browse, folder, officer, site):
    page = browse()
    come_in(page, folder, "ana@example.com")
    page.get_by_role("link", name="Requests", exact=True).click()
    looks_right(page, "requests-portal")
    page.get_by_role("button", name="Ask for something").click()
    looks_right(page, "requests-new")
    page.get_by_label("Give me a copy of everything").check()
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/me/requests/R-*/")
    ref = page.url.rstrip("/").rpartition("/")[2]
    due = page.locator(".due strong").inner_text()
    assert re.match(r"(Mon|Tues|Wednes|Thurs|Fri)day, \d+ \w+ 20\d\d$", due), "with its weekday, and never a weekend"
    page.get_by_text("How we counted").click()
    page.get_by_text("Counted in calendar months from").wait_for(state="visible")
    looks_right(page, "request-portal")

    staff = browse(storage_state=officer)
    staff.goto("/staff/requests/")
    staff.keyboard.press("/")
    staff.keyboard.type(ref)
    staff.keyboard.press("Enter")
    staff.wait_for_url("**q=R-*")
    staff.get_by_role("link", name=ref).click()
    looks_right(staff, "request-console")
    staff.get_by_role("link", name="Read them").click()
    looks_right(staff, "request-texts")
    staff.get_by_label("Yes, as written above").check()
    staff.get_by_role("button", name="Keep this and go on").click()
    staff.wait_for_url(f"**/staff/requests/{ref}/")
    assert staff.locator(".lead .tag").inner_text() == "Answered"

    page.reload()
    assert page.get_by_text("Your request is answered").is_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the copy").click()
    files = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    made = json.loads(files.read("copy.json"))
    jsonschema.validate(made, json.loads(files.read("copy.schema.json")), cls=jsonschema.Draft202012Validator)
    assert made["tables"][0]["rows"][0]["note"] == "likes tea"

    unpacked = folder.parent / "copy.html"
    unpacked.write_bytes(files.read("copy.html"))
    reader = browse()
    reader.goto(unpacked.as_uri())
    assert reader.get_by_role("heading", name="Your data at Meadow").is_visible()
    assert reader.get_by_text("likes tea").is_visible()
    looks_right(reader, "copy")


def test_journey_7_extend_120_but_2_undo_and_the_file_is_the_screen(browse, officer, site):
    page = browse(storage_state=officer)
    page.goto("/staff/requests/?state=open&source=staff")
    assert page.get_by_text(f"Do this to all {MANY} requests").count() == 1
    looks_right(page, "requests-console")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("input[name=but]:checked").count() == 2, "left out by keyboard alone"
    page.get_by_role("button", name="Do it").click()
    page.wait_for_selector(f"text={MANY - 2} requests changed.")
    assert page.locator("tbody tr").filter(has_text="extended").count() == 48
    page.get_by_role("button", name="Undo the last change").click()
    page.wait_for_selector(f"text=Undone: {MANY - 2} requests are as before.")
    assert page.locator("tbody tr").filter(has_text="extended").count() == 0

    with page.expect_download() as download:
        page.get_by_role("link", name=f"{MANY} requests as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    shown: list[str] = []
    while True:
        shown += page.locator("tbody .ref a").all_inner_texts()
        older = page.get_by_role("link", name="Next", exact=True)
        if not older.count():
            break
        older.click()
        page.wait_for_load_state()
    assert [row["request"] for row in rows] == shown
    assert len(rows) == MANY


def test_keys_can_be_switched_off(browse, officer, site):
    page = browse(storage_state=officer)
    page.goto("/staff/")
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/staff/requests/")
    page.keyboard.press("?")
    page.get_by_role("switch", name="Keys are on").uncheck()
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    assert page.locator("tr.here").count() == 0
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name || ''") == ""
