"""Journeys in a real Chromium against a real server: with and without JavaScript, by keyboard alone, on small screens.

Every page is judged by axe-core, every context listens for violations of the content policy and for dialogs.
Screenshots land in build/screenshots.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rightful.web.outbox import latest_code
from tests.browser import follow
from tests.web.conftest import PASSWORD, SECRET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
AXE = HERE / "axe" / "axe.min.js"
SHOTS = ROOT / "build" / "screenshots"
CITY = "/me/data/correct/customer.city/"
PORTAL = ("/me/", "/me/choices/", "/me/data/", CITY, "/me/recipients/", "/me/uses/", "/me/uses/check/")
CONSOLE = ("/staff/", "/staff/log/", "/staff/corrections/", "/staff/mail/", "/staff/notices/")
OPEN = ("/staff/sign-in/", "/demo/outbox/")

SERVER = """
import sys
from rightful.web.accounts import create_staff, staff_exists
folder, port, password, secret = sys.argv[1:]
for role in ("officer", "marketer"):
    if not staff_exists(folder, f"{role}@meadow.example"):
        create_staff(folder, f"{role}@meadow.example", password, role, secret)
from rightful.web.serve import serve
serve(folder, port=int(port), demo=True)
"""


def start(folder: Path, **environment: str) -> tuple[subprocess.Popen[bytes], str]:
    """A server of its own process, as `rightful serve` runs it. What it says goes to a file beside the workspace."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = folder.parent / f"server-{port}.log"
    with said.open("wb") as file:
        command = [sys.executable, "-c", SERVER, str(folder), str(port), PASSWORD, SECRET]
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("RIGHTFUL_", "DJANGO_"))}
        process = subprocess.Popen(command, cwd=ROOT, stderr=file, env=clean | environment)
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        if process.poll() is not None:
            pytest.fail(f"the server did not start: {said.read_text()[-2000:]}")
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                return process, address
        except httpx.TransportError:
            time.sleep(0.25)
    process.kill()
    pytest.fail("the server does not answer")


@pytest.fixture(scope="module")
def folder(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy, so that these journeys and the other tests do not meet."""
    copy = tmp_path_factory.mktemp("browser") / "meadow"
    shutil.copytree(workspace_folder, copy)
    return copy


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    process, address = start(folder)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture
def browse(chromium: Browser, site: str) -> Iterator[Callable[..., Page]]:
    """Open a page; at the end nothing may have violated the policy, opened a dialog or thrown."""
    opened: list[tuple[BrowserContext, list[str]]] = []

    def new(**options: Any) -> Page:
        context = chromium.new_context(base_url=site, **options)
        heard: list[str] = []
        page = context.new_page()
        page.on("dialog", lambda dialog: (heard.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: heard.append(f"error {error}"))
        # Chromium reports each violation here, also those of pages that are gone by the end.
        page.on("console", lambda said: heard.append(said.text) if "Content Security Policy" in said.text else None)
        opened.append((context, heard))
        return page

    yield new
    for context, heard in opened:
        context.close()
        assert heard == []


def code_for(folder: Path, address: str, before: str | None = None) -> str:
    """The code in the mail, as soon as it is written."""
    for _ in range(300):
        code = latest_code(folder, address)
        if code and code != before:
            return code
        time.sleep(0.05)
    pytest.fail(f"no code was written to {address}")


def come_in(page: Page, folder: Path, address: str) -> None:
    before = latest_code(folder, address)
    page.goto("/")
    page.get_by_label("Your e-mail address").fill(address)
    follow(page.get_by_role("button", name="Send me a code"))
    page.get_by_label("The code from the e-mail").fill(code_for(folder, address, before))
    follow(page.get_by_role("button", name="Come in"))


@pytest.fixture(scope="module")
def ana(chromium: Browser, site: str, folder: Path) -> Any:
    """Ana's signed-in browser, to start others from: codes are limited to three a minute."""
    context = chromium.new_context(base_url=site)
    come_in(context.new_page(), folder, "ana@example.com")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="module")
def officer(chromium: Browser, site: str) -> Any:
    context = chromium.new_context(base_url=site)
    page = context.new_page()
    page.goto("/staff/")
    page.get_by_label("Work e-mail").fill("officer@meadow.example")
    page.get_by_label("Password").fill(PASSWORD)
    follow(page.get_by_role("button", name="Sign in"))
    page.get_by_label("code", exact=False).fill(_code())
    follow(page.get_by_role("button", name="Sign in"))
    page.wait_for_url("**/staff/")
    state = context.storage_state()
    context.close()
    return state


def _code() -> str:
    if time.time() % 30 > 27:
        time.sleep(3.5)  # it would run out on the way
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return format_hotp_value(hotp_value(SECRET, int(time.time() // 30)))


def row(page: Page, name: str) -> Any:
    return page.locator(f"#choice-{name}")


def pressed(page: Page, name: str) -> str:
    return row(page, name).locator('button[aria-pressed="true"]').inner_text()


# ---------------------------------------------------------------- journeys


def test_journey_1_come_in_withdraw_and_see_it_among_the_uses(browse, folder):
    page = browse()
    come_in(page, folder, "x1@example.com")
    follow(page.get_by_role("link", name="Choices", exact=True))
    assert pressed(page, "newsletter-email") == "Off", "nothing is on that nobody asked for"
    row(page, "newsletter-email").get_by_role("button", name="On").click()
    page.wait_for_selector("#choice-newsletter-email .effect")
    assert pressed(page, "newsletter-email") == "On"
    assert page.url.endswith("/me/choices/"), "the row alone was redrawn"
    row(page, "newsletter-email").get_by_role("button", name="Off").click()
    page.wait_for_selector("text=From this moment we do not use your data for this")
    assert pressed(page, "newsletter-email") == "Off"
    assert page.evaluate("document.activeElement.id") == "choice-newsletter-email-off", "focus stays where it was"
    page.wait_for_selector("#said:has-text('From this moment')", state="attached")  # said aloud, too
    follow(page.get_by_role("link", name="Uses", exact=True))
    assert page.get_by_text("You took back your yes").count() == 1
    with page.expect_download() as download:
        page.get_by_role("link", name="Proof").first.click()
    assert download.value.suggested_filename.endswith(".zip")
    follow(page.get_by_role("button", name="Sign out"))
    page.go_back()
    assert page.get_by_text("You took back").count() == 0, "nothing of it stays in the browser"


def test_saying_no_takes_no_more_presses_than_saying_yes(browse, ana):
    page = browse(storage_state=ana)
    page.goto("/me/choices/")
    on = row(page, "advertising-any").get_by_role("button", name="On")
    off = row(page, "advertising-any").get_by_role("button", name="Off")
    look = """e => { const s = getComputedStyle(e);
        return [s.fontSize, s.borderRadius, s.paddingLeft, e.offsetHeight, e.offsetWidth] }"""
    assert on.evaluate(look) == off.evaluate(look), "the same size and shape"
    on.click()
    page.wait_for_selector("#choice-advertising-any .effect")
    chosen_on = on.evaluate("e => getComputedStyle(e).backgroundColor")
    off.click()
    page.wait_for_selector("#choice-advertising-any-off[aria-pressed=true]")
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    assert off.evaluate("e => getComputedStyle(e).backgroundColor") == chosen_on, "and the same weight when chosen"


def test_the_journey_works_without_javascript(browse, folder):
    page = browse(java_script_enabled=False)
    come_in(page, folder, "x2@example.com")
    follow(page.get_by_role("link", name="Choices", exact=True))
    follow(row(page, "newsletter-email").get_by_role("button", name="On"))
    assert pressed(page, "newsletter-email") == "On"
    follow(page.get_by_role("button", name="Switch everything off"))
    assert pressed(page, "newsletter-email") == "Off"
    follow(page.get_by_role("button", name="Undo"))
    assert pressed(page, "newsletter-email") == "On"
    follow(page.get_by_role("link", name="Uses", exact=True))
    assert page.get_by_text("You said yes").count() >= 1


def test_the_journey_works_by_keyboard_alone(browse, folder):
    page = browse()
    page.goto("/")
    page.wait_for_selector("#id_email:focus")  # one can begin to type at once
    page.keyboard.type("x3@example.com")
    page.keyboard.press("Enter")
    page.wait_for_url("**/code/")
    page.wait_for_selector("#id_code:focus")
    page.keyboard.type(code_for(folder, "x3@example.com"))
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    tab_to(page, "Choices")
    page.keyboard.press("Enter")
    page.wait_for_url("**/me/choices/")
    tab_to(page, "On", within="choice-newsletter-email")
    assert outlined(page)
    page.keyboard.press("Space")
    page.wait_for_selector("#choice-newsletter-email .effect")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "choice-newsletter-email-off"
    page.keyboard.press("Enter")
    page.wait_for_selector("text=From this moment we do not use your data for this")
    assert pressed(page, "newsletter-email") == "Off"
    tab_to(page, "Undo")
    page.keyboard.press("Enter")
    page.wait_for_selector("#choice-newsletter-email-on[aria-pressed=true]")


def tab_to(page: Page, text: str, within: str = "") -> None:
    inside = f"&& document.activeElement.closest('#{within}')" if within else ""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate(f"document.activeElement.textContent.trim() == {text!r} {inside} ? 1 : 0"):
            return
    pytest.fail(f"{text} cannot be reached with the Tab key")


def outlined(page: Page) -> bool:
    return bool(page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2"))


def test_a_newcomer_finds_the_code_in_the_demos_mail(browse, folder):
    page = browse()
    page.goto("/")
    page.get_by_label("Your e-mail address").fill("x4@example.com")
    follow(page.get_by_role("button", name="Send me a code"))
    code = code_for(folder, "x4@example.com")
    follow(page.get_by_role("link", name="Demo: mails that were not sent"))
    assert page.get_by_text(code).count() == 1
    follow(page.get_by_role("link", name="Enter this code").first)
    page.get_by_label("The code from the e-mail").fill(code)
    follow(page.get_by_role("button", name="Come in"))
    page.wait_for_url("**/me/")


@pytest.mark.parametrize("broken", ["500", "no connection"])
def test_journey_13_a_failed_press_leaves_the_true_state_and_says_so(browse, ana, broken):
    page = browse(storage_state=ana)
    page.goto("/me/choices/")
    before = pressed(page, "newsletter-post")
    if broken == "500":
        page.route("**/me/choices/set/", lambda route: route.fulfill(status=500, body="<h1>broken</h1>"))
    else:
        page.route("**/me/choices/set/", lambda route: route.abort())
    other = "On" if before == "Off" else "Off"
    row(page, "newsletter-post").get_by_role("button", name=other).click()
    page.wait_for_selector("#said:has-text('nothing was changed')")
    assert page.locator("#said").is_visible()
    assert pressed(page, "newsletter-post") == before
    assert page.get_by_text("broken").count() == 0


def test_ac_032_payloads_in_a_record_run_nowhere(browse, folder):
    page = browse()
    come_in(page, folder, "eve@example.com")
    for address in PORTAL:
        page.goto(address)
        page.wait_for_timeout(200)
        assert page.locator("#main").is_visible(), "no payload hid the page"
    page.goto("/me/data/")
    assert page.get_by_text("<script>alert(1)</script>").count() >= 1


def test_ac_027_a_code_used_at_one_server_does_not_work_at_another(site, folder):
    process, other = start(folder)
    try:
        code, answers = _code(), []
        for address in (site, other):
            with httpx.Client(base_url=address, follow_redirects=True) as client:
                _post(client, "/staff/sign-in/", login="marketer@meadow.example", password=PASSWORD)
                answers.append(_post(client, "/staff/sign-in/code/", code=code).url.path)
        assert answers == ["/staff/", "/staff/sign-in/code/"]
    finally:
        process.terminate()
        process.wait(timeout=20)


def _post(client: httpx.Client, address: str, **fields: str) -> httpx.Response:
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(address).text)
    assert token
    return client.post(address, data={**fields, "csrfmiddlewaretoken": token.group(1)})


# ---------------------------------------------------------------- every page of the staff


def everywhere(browse: Callable[..., Page], officer: Any, **options: Any) -> Iterator[tuple[str, Page]]:
    """Every page of the staff; the customer's own are walked by test_portal_everywhere."""
    for state, addresses in ((None, OPEN), (officer, CONSOLE)):
        page = browse(storage_state=state, **options)
        for address in addresses:
            page.goto(address)
            yield address, page


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page_of_the_staff(browse, officer, scheme):
    found = {}
    for address, page in everywhere(browse, officer, color_scheme=scheme, viewport={"width": 1200, "height": 800}):
        page.evaluate(AXE.read_text(encoding="utf-8"))  # not a script tag: the policy would refuse it, and rightly
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        if result["violations"]:
            found[address] = [(v["id"], [n["html"][:160] for n in v["nodes"][:3]]) for v in result["violations"]]
        pictured(page, scheme, address)
    assert found == {}


def test_nothing_overflows_or_is_cut_off_on_any_page_of_the_staff(browse, officer):
    wrong = []
    for address, page in everywhere(browse, officer):
        for width in (640, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            cut = page.evaluate(CUT_OFF)
            if wide > 0 or cut:
                wrong.append((address, width, wide, cut))
            if width == 390:
                pictured(page, "phone", address)
    assert wrong == []


@pytest.mark.parametrize("look", ["print", "contrast"])
def test_pictures_of_a_page_of_the_staff(browse, officer, look):
    """For a person to look at; fails only if a page cannot be drawn."""
    page = browse(storage_state=officer, forced_colors="active" if look == "contrast" else "none")
    for address in ("/staff/", "/staff/log/"):
        page.goto(address)
        if look == "print":
            page.emulate_media(media="print")
        assert len(pictured(page, look, address)) > 5_000, address


def pictured(page: Page, look: str, address: str) -> bytes:
    SHOTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^a-z]+", "-", address).strip("-") or "first"
    return page.screenshot(path=SHOTS / f"staff-{look}-{name}.png", full_page=True)


CUT_OFF = """
() => [...document.querySelectorAll('h1, h2, h3, p, a, button, th, td, dt, dd, label, summary, code')]
  .filter(e => e.getClientRects().length && !e.closest('.unseen, .skip, thead, .said'))
  .filter(e => { const r = e.getBoundingClientRect();
    return r.width > 1 && (r.right > document.documentElement.clientWidth + 1 || r.left < -1
      || (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX != 'visible' && e.clientWidth > 0
          && getComputedStyle(e).textOverflow != 'ellipsis')); })
  .map(e => e.tagName + ' ' + e.textContent.trim().slice(0, 40))
"""
TOO_SMALL = """
() => [...document.querySelectorAll('button, summary, .tabs a')].filter(e => e.getClientRects().length)
  .filter(e => e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24)
  .map(e => e.textContent.trim())
"""
