"""Every page of the customer, in every language, on small screens and enlarged: nothing runs over, nothing is cut off.

A page is a place, who looks at it, and what they press there first. One made-up language with longer words shows
what a translation could do to a page, and what is not translated at all. Pictures land in build/screenshots for a
person to look at.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.browser import follow
from tests.web import small_meadow
from tests.web.test_browser import AXE, CUT_OFF, SHOTS, TOO_SMALL, come_in
from tests.web.test_languages import PSEUDO, untranslated, write_pseudo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
STREET = "/me/data/correct/customer.street/"
WIDTHS = {"a laptop at 200 %": 640, "a phone": 390, "a small phone": 320}
LANGUAGES = ("en", "de", "fr", "es", "ar", PSEUDO)
JUDGED = "en"  # what axe finds does not depend on the words; pages in the dark are judged, too
PICTURED = {"de", "ar", PSEUDO}  # the longest words, the other direction, and what may come

SERVER = """
import sys
folder, port, locale, made_up = sys.argv[1:]
from rightful.web import settings
settings.LANGUAGES.append((made_up, "Made up"))
settings.LOCALE_PATHS.append(locale)
settings.ACCOUNT_RATE_LIMITS = {}  # the walk asks more often than a person would
from rightful.web.serve import serve
serve(folder, port=int(port), demo=True)
"""


@dataclass(frozen=True, slots=True)
class Stop:
    """One page of the walk. `at` names an address that small_meadow made; `press` brings the page into a state."""

    name: str
    address: str = ""
    who: str = ""
    press: Callable[[Page], None] | None = None
    notice: bool = False


def press(*, fill: str = "", button: str = "form.sheet button") -> Callable[[Page], None]:
    """Fill the address in, or leave it empty, and press."""

    def act(page: Page) -> None:
        if fill:
            page.locator("#id_email").fill(fill)
        with page.expect_navigation():
            page.locator(button).first.click()

    return act


def switch_off(page: Page) -> None:
    """htmx draws the row again, without going anywhere."""
    page.locator("#choice-similar-products-email-off").click()
    page.wait_for_selector("#choice-similar-products-email .effect")


def sign_up(page: Page) -> None:
    page.locator("input[type=checkbox]").first.check()
    press(fill="nobody@example.com")(page)


STOPS = (
    Stop("start", "/"),
    Stop("start-wrong", "/", press=press()),
    Stop("code", "/", press=press(fill="nobody@example.com")),
    Stop("overview", "/me/", "ana"),
    Stop("choices", "/me/choices/", "ana"),
    Stop("choices-off", "/me/choices/", "ana", switch_off),
    Stop("choice-words", "/me/choices/words/newsletter/email/", "ana"),
    Stop("data", "/me/data/", "ana"),
    Stop("correct", STREET, "ana"),
    Stop("correct-wrong", STREET, "ana", press()),
    Stop("correct-waits", "/me/data/correct/customer.last_name/", "ana"),
    Stop("recipients", "/me/recipients/", "ana"),
    Stop("uses", "/me/uses/", "ana"),
    Stop("check", "/me/uses/check/", "ana"),
    Stop("requests", "/me/requests/", "ana"),
    Stop("requests-none", "/me/requests/", "kim"),
    Stop("request-new", "/me/requests/new/?kind=rectification", "ana"),
    Stop("request-wrong", "/me/requests/new/?kind=rectification", "ana", press()),
    *(
        Stop(f"request-{name}", name, "ana")
        for name in ("answered", "grace", "paused", "extended", "refused", "unproven")
    ),
    Stop("child-choices", "/me/choices/", "kim"),
    Stop("guardian-invite", "/me/guardian/", "kim"),
    Stop("guardian", "guardian"),
    Stop("guardian-wrong", "guardian", press=press()),
    Stop("guardian-waits", "guardian-waits"),
    Stop("guardian-known", "guardian-known"),
    Stop("guardian-back", "/guardian/"),
    Stop("guardian-sent", "/guardian/sent/"),
    Stop("sign-up", "/sign-up/"),
    Stop("sign-up-wrong", "/sign-up/", press=press()),
    Stop("sign-up-sent", "/sign-up/", press=sign_up),
    Stop("confirm", "confirm"),
    Stop("confirm-asked", "confirm-asked"),
    Stop("confirm-done", "confirm-done"),
    Stop("opt-out", "/opt-out/"),
    Stop("opt-out-wrong", "/opt-out/", press=press()),
    Stop("opt-out-done", "/opt-out/", press=press(fill="nobody@example.com")),
    Stop("unsubscribe", "unsubscribe"),
    Stop("unsubscribe-done", "unsubscribe", press=press()),
    Stop("preferences", "widget"),
    Stop("preferences-from-mail", "from-mail"),
    Stop("notice", "/notice/", notice=True),
    Stop("notice-versions", "/notice/versions/"),
    Stop("notice-changes", "/notice/2026-02/since/2025-01/", notice=True),
    Stop("nothing-here", "/nothing-here"),
)


@pytest.fixture(scope="module")
def meadow_made(tmp_path_factory: pytest.TempPathFactory) -> small_meadow.Meadow:
    return small_meadow.make(tmp_path_factory.mktemp("everywhere"))


@pytest.fixture(scope="module")
def site(meadow_made: small_meadow.Meadow) -> Iterator[str]:
    folder = meadow_made.folder
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = folder.parent / "server.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RIGHTFUL_", "DJANGO_"))}
    clean |= {"RIGHTFUL_WORKSPACE": str(folder), "RIGHTFUL_DEMO": "1"}  # the settings are read before `serve` is called
    locale = write_pseudo(folder.parent / "locale")
    command = [sys.executable, "-c", SERVER, str(folder), str(port), str(locale), PSEUDO]
    with said.open("wb") as file:
        process = subprocess.Popen(command, cwd=ROOT, stderr=file, env=clean)
    address = f"http://127.0.0.1:{port}"
    for _ in range(120):
        if process.poll() is not None:
            pytest.fail(f"the server did not start: {said.read_text()[-2000:]}")
        try:
            if httpx.get(address, timeout=5).status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.25)
    yield address
    process.terminate()
    process.wait(timeout=20)


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, site: str, meadow_made: small_meadow.Meadow) -> dict[str, Any]:
    """The cookies of everybody who looks; "" is a stranger."""
    states: dict[str, Any] = {"": None}
    for name in ("ana", "kim"):
        context = chromium.new_context(base_url=site)
        come_in(context.new_page(), meadow_made.folder, f"{name}@example.com")
        states[name] = context.storage_state()
        context.close()
    return states


@pytest.fixture
def walk(
    chromium: Browser, site: str, signed_in: dict[str, Any], meadow_made: small_meadow.Meadow
) -> Iterator[Callable[..., Iterator[tuple[Stop, Page]]]]:
    """Go to every stop; at the end nothing may have violated the policy, opened a dialog or thrown."""
    heard: list[str] = []
    opened = []

    def listening(who: str, options: dict[str, Any]) -> Page:
        context = chromium.new_context(base_url=site, storage_state=signed_in[who], **options)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda said: heard.append(said.text) if "Content Security Policy" in said.text else None)
        page.on("dialog", lambda dialog: (heard.append(dialog.message), dialog.dismiss()))
        page.on("pageerror", lambda error: heard.append(str(error)))
        return page

    def go(stops: tuple[Stop, ...] = STOPS, **options: Any) -> Iterator[tuple[Stop, Page]]:
        pages: dict[str, Page] = {}
        for stop in stops:
            page = pages.get(stop.who) or pages.setdefault(stop.who, listening(stop.who, options))
            page.goto(meadow_made.at.get(stop.address, stop.address))
            if stop.press:
                stop.press(page)
            yield stop, page

    yield go
    for context in opened:
        context.close()
    assert heard == []


PROPER = {"Meadow", "Rightful", "HTML", "CSV", "JSON", "Global Privacy Control", "Harbour Credit Bureau"}
PROPER |= {"Letterbox Mail", "Tipografia Sul", "Polder Parcels", "Agora Social", "Reach Ads", "Assur Partenaires"}
PROPER |= {"Germany", "Netherlands", "Portugal", "Ireland", "United States"}  # no name is known in a made-up language


DARK = (
    "start-wrong overview choices-off data correct-waits recipients uses requests request-new request-answered "
    "request-paused child-choices guardian-wrong guardian-known sign-up opt-out preferences notice notice-changes"
)
PAPER = "choices data uses request-grace guardian-known opt-out preferences notice"


BROKEN_WORDS = """
() => [...document.querySelectorAll('.switch button')].map(e => [e.textContent.trim(), e.firstChild])
  .filter(([said, text]) => { const all = document.createRange(); all.selectNodeContents(text);
    return !/\\s/.test(said) && all.getClientRects().length > 1; }).map(([said]) => said)
"""


def sampled(names: str) -> tuple[Stop, ...]:
    wanted = set(names.split())
    assert wanted <= {stop.name for stop in STOPS}
    return tuple(stop for stop in STOPS if stop.name in wanted)


def judged(page: Page) -> list[tuple[str, list[str]]]:
    """What axe-core finds."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # not a script tag: the policy would refuse it, and rightly
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [(v["id"], [n["html"][:120] for n in v["nodes"][:2]]) for v in result["violations"]]


def picture(page: Page, name: str) -> bytes:
    SHOTS.mkdir(parents=True, exist_ok=True)
    return page.screenshot(path=SHOTS / f"{name}.png", full_page=True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_journey_14_every_page_fits_and_is_whole_in(walk, language: str):
    """All pages at all widths in one language."""
    wrong: list[Any] = []
    for stop, page in walk(locale=language):
        spoken = page.evaluate("[document.documentElement.lang, document.documentElement.dir]")
        expected = "en" if stop.notice and language == PSEUDO else language
        if spoken != [expected, "rtl" if language == "ar" else "ltr"]:
            wrong.append((stop.name, spoken))
        page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
        for name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            cut = page.evaluate(CUT_OFF)
            if wide > 0 or cut:
                wrong.append((stop.name, name, wide, cut))
            if width == 390:
                if small := page.evaluate(TOO_SMALL):
                    wrong.append((stop.name, "too small for a finger", small))
                if language in PICTURED:
                    picture(page, f"{language}-{stop.name}")
        if language == JUDGED:
            wrong += [(stop.name, *one) for one in judged(page)]
        if language == PSEUDO and not stop.notice and (left := untranslated(page.content(), PROPER)):
            wrong.append((stop.name, "left in English", left))
    assert wrong == [], "\n".join(map(str, wrong))


def test_pages_are_as_clear_in_the_dark(walk):
    """Colours are other ones in the dark: one page of each kind, on a wide screen."""
    found = []
    options: dict[str, Any] = {"color_scheme": "dark", "viewport": {"width": 1100, "height": 800}}
    for stop, page in walk(sampled(DARK), locale="de", **options):
        found += [(stop.name, *one) for one in judged(page)]
        if broken := page.evaluate(BROKEN_WORDS):
            found.append((stop.name, "broken in the middle of a word", broken))
        picture(page, f"dark-{stop.name}")
    assert found == []


@pytest.mark.parametrize("look", ["print", "contrast"])
def test_pictures_on_paper_and_in_forced_colours(walk, look: str):
    """A sample, for a person to look at; a switch shows which side is on without any colour of ours."""
    options: dict[str, Any] = {"print": {}, "contrast": {"forced_colors": "active"}}[look]
    for stop, page in walk(sampled(PAPER), locale="en", **options):
        if look == "print":
            page.emulate_media(media="print")
        elif stop.name in ("choices", "preferences"):
            shown = "e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth].join() }"
            sides = {
                page.locator(f".switch button[aria-pressed={on}]").first.evaluate(shown) for on in ("true", "false")
            }
            assert len(sides) == 2, stop.name
        assert len(picture(page, f"{look}-{stop.name}")) > 5_000, stop.name


def test_the_pages_and_the_choice_of_language_work_without_javascript(walk):
    sample = (Stop("choices", "/me/choices/", "ana"),)
    for _stop, page in walk(sample, java_script_enabled=False, locale="en"):
        follow(page.get_by_role("button", name="Deutsch"))
        assert page.url.endswith("/me/choices/")
        assert page.get_by_role("heading", name="Ihre Entscheidungen", level=1).count() == 1
        for name in ("An", "Aus"):
            follow(page.locator("#choice-newsletter-email").get_by_role("button", name=name, exact=True))
        assert page.get_by_text("Ab diesem Augenblick nutzen wir Ihre Daten dafür nicht.").count() == 1
        page.goto("/me/uses/")
        page.get_by_label("Was geschah").select_option("choice")
        follow(page.get_by_role("button", name="Zeigen", exact=True))
        assert "outcome=choice" in page.url
        assert set(page.locator(".use .tag").all_inner_texts()) == {"Ihre Entscheidung"}
        page.goto(STREET)
        page.get_by_label("Was richtig ist").fill("Kurze Gasse 2")
        follow(page.get_by_role("button", name="Berichtigen"))
        assert page.get_by_text("Es ist berichtigt.").count() == 1
