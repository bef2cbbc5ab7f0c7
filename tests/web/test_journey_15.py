"""Journey 15: a child below the age of its country takes the guardian path, and marketing stays off."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from rightful.web.outbox import mails
from tests.actions.test_guardian import KNOWN, PARENT, make_club
from tests.web.test_browser import AXE, SHOTS, browse, come_in, start

__all__ = ["browse"]  # the fixture that listens for violations of the content policy
pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Any:
    return make_club(tmp_path_factory.mktemp("journey"))


@pytest.fixture(scope="module")
def site(folder) -> Iterator[str]:
    process, address = start(folder)
    yield address
    process.terminate()
    process.wait(timeout=20)


def link_to(folder, address: str) -> str:
    for _ in range(300):
        for mail in mails(folder, limit=20):
            found = re.search(r"/guardian/[\w-]{43}/", mail.body)
            if mail.to == address and found:
                return found[0]
        time.sleep(0.05)
    pytest.fail(f"no link was written to {address}")


def looks_right(page, name: str) -> None:
    """axe finds nothing, nothing is cut off on a telephone, and there is a picture to look at."""
    page.add_script_tag(path=str(AXE))
    found = page.evaluate("axe.run(document)")["violations"]
    assert [(v["id"], v["nodes"][0]["target"]) for v in found] == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"guardian-{name}.png", full_page=True)
    page.set_viewport_size({"width": 1280, "height": 800})


def test_journey_15_a_child_takes_the_guardian_path_and_marketing_stays_off(browse, folder, site):
    child = browse(bypass_csp=True)
    come_in(child, folder, "lou@example.com")
    child.goto("/me/choices/")
    note = child.locator(".guardian-note")
    assert "16" in note.inner_text() and "Nobody has been asked yet." in note.inner_text()
    looks_right(child, "choices")
    for row in ("choice-game-any", "choice-letter-email"):
        child.locator(f"#{row}").get_by_role("button", name="On").click()
        child.wait_for_selector(f"#{row} .error")
        assert child.locator(f"#{row} button[aria-pressed=true]").inner_text() == "Off", (
            "the child's press opens nothing"
        )
    assert "18" in child.locator("#choice-letter-email .error").inner_text()

    note.get_by_role("link", name="Ask a parent or guardian").click()
    child.get_by_label("Their e-mail address").fill("lou@example.com")
    child.get_by_role("button", name="Write to them").click()
    assert "your own address" in child.locator(".error").first.inner_text()
    child.get_by_label("Their e-mail address").fill(PARENT)
    child.get_by_role("button", name="Write to them").click()
    child.wait_for_selector("text=We wrote to them and wait for their answer.")
    looks_right(child, "invite")

    path = link_to(folder, PARENT)
    parent = browse(java_script_enabled=False)
    parent.goto(path)
    assert "Lou" not in parent.content() and "lou@example.com" not in parent.content(), "nothing about the child"
    assert parent.locator("input:checked").count() == 0
    parent.get_by_role("button", name="Go on").click()
    assert parent.locator(".error").count() >= 3, "nothing was said, so nothing goes on"
    parent.get_by_label("Your full name").fill("Pat Parent")
    parent.get_by_label("Mother or father").check()
    parent.get_by_label("I have parental responsibility").check()
    parent.get_by_role("button", name="Go on").click()
    parent.wait_for_selector("text=What may we do with the child's data?")
    assert parent.get_by_text("We run a game.").count() == 1
    assert parent.get_by_text("We write to you.").count() == 0, "marketing is not offered"
    looking = browse(bypass_csp=True)
    looking.goto(path)
    looks_right(looking, "answers")
    parent.get_by_role("button", name="I agree").click()
    parent.wait_for_selector("text=At the moment it is on.")

    child.goto("/me/choices/")
    assert child.locator("#choice-game-any button[aria-pressed=true]").inner_text() == "On"
    assert child.locator("#choice-letter-email button[aria-pressed=true]").inner_text() == "Off"
    assert "is confirmed" in child.locator(".guardian-note").inner_text()
    child.locator("#choice-game-any").get_by_role("button", name="Off").click()
    child.wait_for_selector("#choice-game-any .effect")
    assert child.locator("#choice-game-any button[aria-pressed=true]").inner_text() == "Off", "a no needs no age"
    assert KNOWN == "K2"
