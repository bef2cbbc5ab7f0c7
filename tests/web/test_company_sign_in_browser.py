"""The way through the identity provider in a real browser: our content policy lets it pass, and its pages are clear."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rightful.actions.appoint_staff import appoint
from rightful.workspace import Workspace
from tests.browser import follow
from tests.second_factor import code_now
from tests.web.conftest import PASSWORD
from tests.web.small_provider import CLIENT, SmallProvider, running
from tests.web.small_provider import SECRET as OURS
from tests.web.test_browser import AXE, ROOT, SHOTS, browse, start

__all__ = ["browse"]
pytestmark = pytest.mark.browser
OLGA = "olga@meadow.example"


@pytest.fixture(scope="module")
def provider() -> Iterator[SmallProvider]:
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def folder(workspace_folder: Path) -> Path:
    with Workspace.open(workspace_folder) as ws:
        appoint(ws, OLGA, "officer", actor="engineer@meadow.example")
    return workspace_folder


@pytest.fixture(scope="module")
def configured(folder: Path, provider: SmallProvider) -> dict[str, str]:
    secret = folder.parent / "provider-secret"
    secret.write_text(OURS, encoding="utf-8")
    return {
        "RIGHTFUL_OIDC_ISSUER": provider.issuer,
        "RIGHTFUL_OIDC_CLIENT": CLIENT,
        "RIGHTFUL_OIDC_SECRET_FILE": str(secret),
        "RIGHTFUL_OIDC_NAME": "Meadow ID",
    }


def command(folder: Path, configured: dict[str, str], *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from rightful.cli.main import app; app()",
            "staff",
            *words,
            "-w",
            str(folder),
            "--as",
            "eva@meadow.example",
        ],
        cwd=ROOT,
        env=os.environ | configured,
        input=typed,
        text=True,
        capture_output=True,
        check=False,
    )


@pytest.fixture(scope="module")
def site(folder: Path, configured: dict[str, str]) -> Iterator[str]:
    process, address = start(folder, **configured)
    yield address
    process.terminate()
    process.wait(timeout=20)


def test_an_engineer_links_a_person_who_then_comes_in(browse, folder, configured, site, settings):
    settings.RIGHTFUL_WORKSPACE = folder
    for words, typed in (
        (("account", OLGA), PASSWORD + "\n"),
        (("link", OLGA, "00u1"), ""),
    ):
        done = command(folder, configured, *words, typed=typed)
        assert done.returncode == 0, done.stderr
    assert command(folder, configured, "link", OLGA, "00u2").returncode == 2, "a person has one account there"
    assert command(folder, configured, "account", "nobody@meadow.example").returncode == 6, "a role comes first"

    page = browse(viewport={"width": 390, "height": 800})
    page.goto("/staff/sign-in/")
    assert looks_right(page, "sign-in")
    page.get_by_role("button", name="Sign in with Meadow ID").click()
    page.wait_for_url("**/staff/second-factor/")
    key = page.locator("figure.qr code").inner_text()
    page.locator("input[name=code]").fill(code_now(folder, key))
    follow(page.get_by_role("button", name="Switch it on"))
    assert page.url == f"{site}/staff/"

    assert page.get_by_role("link", name="Corrections").count() == 1
    assert command(folder, configured, "add", OLGA, "analyst").returncode == 0
    page.goto("/staff/corrections/")
    assert page.get_by_text("Your role does not open this page.").is_visible()
    assert command(folder, configured, "remove", OLGA).returncode == 0
    page.goto("/staff/")
    assert page.url.startswith(f"{site}/staff/sign-in/"), "who left is signed out at once"


def test_who_is_not_linked_learns_which_number_to_pass_on(browse, provider):
    provider.person = {"sub": "00u-stranger", "email": "officer@meadow.example"}
    page = browse(viewport={"width": 390, "height": 800}, color_scheme="dark")
    page.goto("/staff/sign-in/")
    page.get_by_role("button", name="Sign in with Meadow ID").click()
    page.wait_for_url("**/company/back/**")
    assert page.get_by_text("00u-stranger").is_visible()
    assert looks_right(page, "refused")
    follow(page.get_by_role("link", name="Back to the staff sign-in"))
    assert page.url.endswith("/staff/sign-in/")


def looks_right(page, name: str) -> bool:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"company-{name}.png", full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found == [] and wide <= 0
