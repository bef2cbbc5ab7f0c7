"""Journey 5 in a real Chromium: an erasure, a hold that keeps a part, its release, and a certificate that verifies."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rightful.actions.find_person import decide_links, scan_links
from rightful.ledger.receipt import Receipt
from rightful.retention.orders import WAITS_US
from rightful.workspace import Workspace
from tests.actions.conftest import make_shop
from tests.actions.test_order_disposal import let_purchases_end
from tests.browser import follow
from tests.web.test_browser import browse, come_in, officer, start
from tests.web.test_journey_requests import looks_right

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["browse", "officer"]
pytestmark = pytest.mark.browser
OLGA = "olga@shop.example"
PAGES = ("", "dispose/", "unneeded/", "anonymity/")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose purchases may not be kept any longer, and whose links are decided about."""
    path = make_shop(tmp_path_factory.mktemp("journey-5"))
    let_purchases_end(path)
    with Workspace.open(path) as ws:
        scan_links(ws, actor=OLGA)
        decide_links(ws, (), state="confirmed", actor=OLGA, sure=True)
    return path


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    process, address = start(folder)
    yield address
    process.terminate()
    process.wait(timeout=20)


def time_passes(folder: Path, statement: str) -> None:
    """What waits for an instant is told that it is over: three days and a day are too long for a test."""
    with sqlite3.connect(folder / "state" / "control.sqlite", timeout=20) as control:
        assert control.execute(statement).rowcount == 1
    control.close()


def reload_until(page: Page, text: str) -> None:
    """The page's own server works every five seconds."""
    for _ in range(60):
        page.reload()
        if page.get_by_text(text).count():
            return
        time.sleep(0.5)
    pytest.fail(f"{text!r} does not appear")


def typed(page: Page, label: str, text: str) -> None:
    """Into a field, by keyboard."""
    page.get_by_label(label, exact=True).focus()
    page.keyboard.type(text)


def downloaded(page: Page, link: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role("link", name=link).first.click()
    return Path(download.value.path()).read_bytes()


def test_journey_5_a_hold_keeps_a_part_its_release_completes_it_and_the_certificate_verifies(browse, officer, folder):
    staff = browse(storage_state=officer)
    staff.goto("/staff/")
    staff.keyboard.press("g")
    staff.keyboard.press("d")
    staff.wait_for_url("**/staff/retention/")
    follow(staff.get_by_role("link", name="Legal holds").first)
    typed(staff, "The case or order it is for", "suit 17/26")
    staff.get_by_label("purchase").focus()
    staff.keyboard.press("Space")
    typed(staff, "Their customer numbers, with spaces or commas between them", "C001")
    staff.get_by_role("button", name="Place the hold").focus()
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    assert staff.get_by_text("It permits no use.").first.is_visible()
    looks_right(staff, "holds")

    page = browse()
    come_in(page, folder, "p001@example.com")
    page.goto("/me/requests/new/?kind=erasure")
    page.get_by_label("Erase my data").check()
    follow(page.get_by_role("button", name="Send"))
    ref = page.url.rstrip("/").rpartition("/")[2]
    prove_it(staff, ref)
    time_passes(folder, "UPDATE rights_case SET grace_us = 1 WHERE state = 'planned'")

    staff.goto("/staff/retention/certificates/")
    reload_until(staff, "Partly: something is kept")
    assert staff.get_by_text("3 rows of purchase stay: suit 17/26. GDPR 17(3)(e)").count() == 1
    follow(staff.get_by_role("button", name="Issue the certificate"))
    looks_right(staff, "certificates")
    first = json.loads(downloaded(staff, "JSON"))
    assert first["status"] == "partly" and first["abstract"].endswith("3 rows that a law or a hold keeps.")

    staff.goto("/staff/retention/holds/")
    typed(staff, "Why it ends", "judgment is final")
    with staff.expect_navigation():
        staff.keyboard.press("Enter")
    staff.goto("/staff/retention/certificates/")
    reload_until(staff, "Complete")
    proof = Receipt.load(downloaded(staff, "With its proof"))
    second = json.loads(proof.attachments["certificate.json"])
    assert second["status"] == "complete" and second["replaces"] is not None
    assert {d["table"]: d["deleted"] for d in second["done"]} == {"customer": 1, "purchase": 3}
    with Workspace.open(folder) as ws:
        key = ws.ledger.verifier_key
    assert proof.verify(key).ok
    assert b"p001" not in proof.to_bytes()
    assert downloaded(staff, "PDF").startswith(b"%PDF")


def prove_it(staff: Page, ref: str) -> None:
    """The officer is sure who asks, and confirms what no program does."""
    staff.goto(f"/staff/requests/{ref}/")
    if staff.get_by_label("What you looked at to be sure").count():
        staff.get_by_label("What you looked at to be sure").fill("identity card at the counter")
        follow(staff.get_by_role("button", name="I am sure who it is"))
    while staff.get_by_role("button", name="Done", exact=True).count():
        follow(staff.get_by_role("button", name="Done", exact=True).first)
    if staff.get_by_role("button", name="Go on as far as it goes").count():
        follow(staff.get_by_role("button", name="Go on as far as it goes"))


def test_a_disposal_is_ordered_by_keyboard_waits_a_day_and_ends_with_a_certificate(browse, officer, folder):
    page = browse(storage_state=officer)
    for name in PAGES:
        page.goto(f"/staff/retention/{name}")
        looks_right(page, f"retention-{name.strip('/') or 'due'}")
    page.goto("/staff/retention/")
    page.get_by_role("button", name="Dispose of it").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.get_by_text("until then you can take it back").is_visible()
    looks_right(page, "retention-ordered")
    follow(page.get_by_role("button", name="Take the order back"))
    assert page.get_by_text("Nothing is disposed of.").is_visible()
    page.goto("/staff/retention/dispose/")
    page.get_by_role("checkbox").check()
    follow(page.get_by_role("button", name="Order the disposal"))
    time_passes(folder, f"UPDATE disposal_order SET ready_us = ready_us - {WAITS_US} WHERE state = 'waiting'")
    reload_until(page, "has ended")
    assert page.get_by_text("Nothing is due.").is_visible()
    follow(page.get_by_role("link", name="Its certificate"))
    made: dict[str, Any] = json.loads(downloaded(page, "JSON"))
    assert (made["kind"], made["status"], made["done"][0]["table"]) == ("disposal", "complete", "purchase")
