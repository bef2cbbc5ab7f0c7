"""Journeys of people who do not sign in, in a real Chromium against a real server: the signal, one click, the form
on another site's page, an address. Screenshots land in build/screenshots."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from rightful.actions.give_consent import give_consent
from rightful.actions.issue_token import issue_token
from rightful.actions.register_source import load_files, propose
from rightful.ownership.tokens import SCOPES
from rightful.workspace import CONFIG, Workspace
from tests.actions.conftest import customers, write_csv
from tests.api.conftest import MAX
from tests.browser import follow
from tests.web.test_browser import AXE, SHOTS, start

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
READER, MOVER = "C030", "C039"  # a European who reads the newsletter; a Californian


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: Any) -> None:
        pass


class World:
    """The served shop, the links into it, and a program that asks the API how things stand."""

    def __init__(self, folder: Path, hosts: tuple[str, str]) -> None:
        self.folder, self.hosts = folder, hosts
        with Workspace.open(folder) as ws:
            give_consent(ws, READER, "newsletter", "email")
            ws.facts.rebuild()
            self.token = issue_token(ws, MAX, "test", tuple(SCOPES), days=1, actor="olga@shop.example").secret
            self.reference = {key: ws.links.reference(ws.number_of(key)) for key in (READER, MOVER)}
            self.unsubscribe = "/unsubscribe/" + ws.links.unsubscribe(ws.number_of(READER), "newsletter", "email")
            self.from_mail = f"/preferences/{ws.links.preference(ws.number_of(MOVER), 'mail')}/"
        self.begin()

    def begin(self) -> None:
        self.process, self.site = start(self.folder)

    def end(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)

    def ask(self, path: str, body: dict[str, object], purpose: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Purpose": purpose}
        return httpx.post(f"{self.site}/api/v1{path}", json=body, headers=headers, timeout=30).json()

    def advertised(self) -> int:
        return int(self.ask("/decisions", {"recipient": "network"}, "ads")["permitted"])

    def mailed(self) -> bool:
        asked = {"subject": self.reference[READER], "channel": "email", "recipient": "mailer"}
        return bool(self.ask("/decisions", asked, "newsletter")["outcome"] != "deny")

    def widget(self, key: str) -> str:
        return str(self.ask("/links:preferences", {"subject": self.reference[key], "minutes": 15}, "")["url"])


def other_site(folder: Path) -> tuple[http.server.ThreadingHTTPServer, str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="module")
def world(shop_folder: Path, pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("signals") / "shop"
    shutil.copytree(shop_folder, folder)
    (named, address), (stranger, foreign) = other_site(pages), other_site(pages)
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"widget": {"hosts": [address]}}))
    made = World(folder, (address, foreign))
    yield made
    made.end()
    for server in (named, stranger):
        server.shutdown()
        server.server_close()


@pytest.fixture
def browse(chromium: Browser, world: World) -> Iterator[Callable[..., Page]]:
    contexts, heard = [], []

    def new(**options: Any) -> Page:
        context = chromium.new_context(base_url=world.site, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("console", lambda said: heard.append(said.text) if "Content Security Policy" in said.text else None)
        return page

    new.heard = heard  # type: ignore[attr-defined]
    yield new
    for context in contexts:
        context.close()
    assert heard == []


def judged(page: Page, name: str) -> None:
    """A screenshot, and axe's verdict; nothing runs over the edge."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    width = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert width <= 0, name
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    assert [(one["id"], [n["html"] for n in one["nodes"]]) for one in found["violations"]] == [], name


@pytest.mark.parametrize("size", [(390, 800), (1280, 800)])
def test_journey_2_a_browser_that_sends_the_signal_takes_its_person_off_the_list(browse, world, size):
    look = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": "dark" if size[0] == 390 else "light"}
    before = world.advertised()
    page = browse(extra_http_headers={"Sec-GPC": "1"}, **look)
    page.goto("/opt-out/")
    assert page.get_by_text("Global Privacy Control").count() == 1
    judged(page, f"opt-out-{size[0]}")
    assert world.advertised() == before, "a stranger is bound to nothing"
    page.goto(world.from_mail)
    assert page.get_by_text("Global Privacy Control").count() == 1
    judged(page, f"preferences-from-mail-{size[0]}")
    if size[0] == 390:
        assert world.advertised() == before - 1
        state = world.ask("/decisions", {"subject": world.reference[MOVER], "recipient": "network"}, "ads")
        assert [r["code"] for r in state["reasons"]] == ["opted_out"]


def test_journey_6_one_click_stops_the_list_and_a_re_import_does_not_bring_it_back(browse, world, tmp_path):
    page = browse(java_script_enabled=False)
    page.goto(world.unsubscribe)
    page.reload()
    assert world.mailed(), "looking at the page changes nothing"
    follow(page.get_by_role("button", name="Stop them"))
    assert page.get_by_role("heading", name="Stopped").count() == 1
    assert page.context.cookies() == []
    assert not world.mailed()
    world.end()
    with Workspace.open(world.folder) as ws:
        load_files(ws, propose([write_csv(tmp_path / "customer.csv", customers())]), actor="eng@shop.example")
    world.begin()
    assert not world.mailed()


def test_the_pages_of_a_link_are_fit_to_look_at(browse, world):
    page = browse(viewport={"width": 390, "height": 800})
    for path, name in ((world.unsubscribe, "unsubscribe"), (world.widget(READER), "preferences")):
        page.goto(path if path.startswith("http") else world.site + path)
        judged(page, f"{name}-390")
    page.goto(world.site + "/opt-out/")
    page.get_by_label("Your e-mail address").fill("p011@example.com")
    follow(page.get_by_role("button", name="No more marketing"))
    assert page.get_by_role("heading", name="It is written down").count() == 1
    judged(page, "opt-out-done-390")


@pytest.mark.parametrize("script", [True, False])
def test_a_form_on_another_sites_page_says_yes_and_no(browse, world, pages, script):
    page = browse(java_script_enabled=script)
    (pages / "index.html").write_text(
        f'<!doctype html><title>Host</title><iframe title="choices" width="700" height="900" '
        f'src="{world.widget(READER)}"></iframe>'
    )
    page.goto(world.hosts[0] + "/index.html")
    frame = page.frame_locator("iframe")
    row = frame.locator("#choice-newsletter-email")
    for name, wanted in (("Yes", True), ("No", False)):
        row.get_by_role("button", name=name, exact=True).click()
        row.locator(f'button[aria-pressed="true"]:text-is("{name}")').wait_for()
        assert world.mailed() is wanted
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"widget-{'with' if script else 'without'}-script.png", full_page=True)


def test_a_site_that_nobody_named_cannot_frame_the_form(browse, world, pages):
    page = browse()
    (pages / "foreign.html").write_text(f'<iframe title="choices" src="{world.widget(READER)}"></iframe>')
    page.goto(world.hosts[1] + "/foreign.html")
    page.wait_for_timeout(500)
    assert page.frame_locator("iframe").locator(".choice").count() == 0
    assert any("frame-ancestors" in said for said in browse.heard)
    browse.heard.clear()
