"""Every page of the customer, in every language, on small screens and enlarged: nothing runs over, nothing is cut off.

One made-up language with longer words shows what a translation could do to a page. Pictures land in
build/screenshots for a person to look at.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.web.test_browser import AXE, CUT_OFF, SHOTS, come_in
from tests.web.test_languages import PSEUDO, write_pseudo

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
CITY = "/me/data/correct/customer.city/"
PAGES = ("/me/", "/me/choices/", "/me/data/", CITY, "/me/recipients/", "/me/uses/", "/me/uses/check/")
WIDTHS = {"a small phone": 320, "a phone": 390, "a laptop at 200 %": 640}
LANGUAGES = ("en", "de", "fr", "es", "ar", PSEUDO)

SERVER = """
import sys
folder, port, locale, made_up = sys.argv[1:]
from rightful.web import settings
settings.LANGUAGES.append((made_up, "Made up"))
settings.LOCALE_PATHS.append(locale)
from rightful.web.serve import serve
serve(folder, port=int(port), demo=True)
"""


@pytest.fixture(scope="module")
def folder(workspace_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("everywhere") / "meadow"
    shutil.copytree(workspace_folder, copy)
    return copy


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = folder.parent / "server.log"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("RIGHTFUL_", "DJANGO_"))}
    clean |= {"RIGHTFUL_WORKSPACE": str(folder), "RIGHTFUL_DEMO": "1"}  # the settings are read before `serve` is called
    command = [
        sys.executable,
        "-c",
        SERVER,
        str(folder),
        str(port),
        str(write_pseudo(folder.parent / "locale")),
        PSEUDO,
    ]
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
def ana(chromium: Browser, site: str, folder: Path) -> Any:
    context = chromium.new_context(base_url=site)
    come_in(context.new_page(), folder, "ana@example.com")
    state = context.storage_state()
    context.close()
    return state


@pytest.mark.parametrize("language", LANGUAGES)
def test_journey_14_every_page_fits_and_is_whole_in(chromium: Browser, site: str, ana: Any, language: str):
    """All pages at all widths in one language, without JavaScript but for the looking; then axe once."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(base_url=site, storage_state=ana, locale=language)
    heard: list[str] = []
    page = context.new_page()
    page.on("console", lambda said: heard.append(said.text) if "Content Security Policy" in said.text else None)
    wrong = []
    for address in PAGES:
        page.goto(address)
        assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
            language,
            "rtl" if language == "ar" else "ltr",
        ]
        page.evaluate("document.querySelectorAll('main details').forEach(d => d.open = true)")
        for name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 800})
            wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            cut = page.evaluate(CUT_OFF)
            if wide > 0 or cut:
                wrong.append((address, name, wide, cut))
            if width == 390:
                picture = re.sub(r"[^a-z]+", "-", address).strip("-") or "first"
                page.screenshot(path=SHOTS / f"{language}-{picture}.png", full_page=True)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        wrong += [(address, v["id"], [n["html"][:120] for n in v["nodes"][:2]]) for v in result["violations"]]
    context.close()
    assert wrong == []
    assert heard == []


def test_the_pages_and_the_choice_of_language_work_without_javascript(chromium: Browser, site: str, ana: Any):
    context = chromium.new_context(base_url=site, storage_state=ana, java_script_enabled=False)
    page = context.new_page()
    page.goto("/me/choices/")
    page.get_by_role("button", name="Deutsch").click()
    assert page.url.endswith("/me/choices/")
    assert page.get_by_role("heading", name="Ihre Entscheidungen", level=1).count() == 1
    for name in ("An", "Aus"):
        page.locator("#choice-newsletter-email").get_by_role("button", name=name, exact=True).click()
    assert page.get_by_text("Ab diesem Augenblick nutzen wir Ihre Daten dafür nicht.").count() == 1
    page.goto("/me/uses/")
    page.get_by_label("Was geschah").select_option("choice")
    page.get_by_role("button", name="Zeigen", exact=True).click()
    assert "outcome=choice" in page.url
    assert set(page.locator(".use .tag").all_inner_texts()) == {"Ihre Entscheidung"}
    page.goto(CITY)
    page.get_by_label("Was richtig ist").fill("Trier")
    page.get_by_role("button", name="Berichtigen").click()
    assert page.get_by_text("Es ist berichtigt.").count() == 1
    context.close()


@pytest.mark.parametrize("look", ["dark", "print", "contrast"])
def test_pictures_of_the_customers_pages(chromium: Browser, site: str, ana: Any, look: str):
    """For a person to look at; fails only if a page cannot be drawn."""
    options: dict[str, Any] = {
        "dark": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "dark"},
        "print": {"viewport": {"width": 800, "height": 1100}},
        "contrast": {"viewport": {"width": 1100, "height": 800}, "forced_colors": "active"},
    }[look]
    SHOTS.mkdir(parents=True, exist_ok=True)
    context = chromium.new_context(base_url=site, storage_state=ana, **options)
    page = context.new_page()
    for address in PAGES:
        page.goto(address)
        if look == "print":
            page.emulate_media(media="print")
        name = re.sub(r"[^a-z]+", "-", address).strip("-") or "first"
        assert len(page.screenshot(path=SHOTS / f"{look}-{name}.png", full_page=True)) > 5_000, address
    context.close()
