"""The shop of the actions' tests, served: a workspace for each file, a fresh web database per test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.test import Client

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "rightful.web.settings")
django.setup()  # before the test files are read: their imports need the tables

from rightful.ownership.tokens import SCOPES  # noqa: E402 - after Django is set up
from tests.actions.conftest import make_shop  # noqa: E402 - after Django is set up

MAX, ANA, SAM = (f"{name}@shop.example" for name in ("max", "ana", "sam"))
JSON = "application/json"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="session")
def served_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shop(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def shop_folder(served_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(served_template, tmp_path_factory.mktemp("served") / "shop")


@pytest.fixture(scope="module")
def opened(shop_folder: Path) -> Iterator[Any]:
    from rightful.workspace import Workspace

    with Workspace.open(shop_folder) as ws:
        yield ws


@pytest.fixture
def shop(db: None, settings, opened, shop_folder: Path) -> Iterator[Any]:
    """The workspace, served by this process."""
    from rightful.web import post
    from rightful.web.opened import serve_this

    settings.RIGHTFUL_WORKSPACE = shop_folder
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"api": "100000/m/key", "api_stranger": "100000/m/ip"}
    before = serve_this(opened)
    yield opened
    post.wait_until_done()
    serve_this(before)


class Caller:
    """A program with a token."""

    def __init__(self, token: str, token_id: str = "") -> None:
        self.token, self.token_id = token, token_id
        self.client = Client(raise_request_exception=False)

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> Any:
        """`headers`: Purpose="newsletter", Idempotency_Key="1"."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        given = {} if body is None else {"data": body, "content_type": JSON}
        return self.client.generic(method, f"/api/v1{path}", headers=sent, **_encoded(given))

    def get(self, path: str, **headers: str) -> Any:
        return self("GET", path, **headers)

    def post(self, path: str, body: object, **headers: str) -> Any:
        return self("POST", path, body, **headers)


def _encoded(given: dict[str, Any]) -> dict[str, Any]:
    import json

    if "data" in given and not isinstance(given["data"], (bytes, str)):
        given = given | {"data": json.dumps(given["data"])}
    return given


@pytest.fixture
def program(shop) -> Callable[..., Caller]:
    """A program that acts for somebody, with all scopes or with some."""
    from rightful.actions.issue_token import issue_token

    def make(who: str = MAX, *scopes: str, days: int = 30) -> Caller:
        done = issue_token(shop, who, "test", scopes or tuple(SCOPES), days=days, actor="olga@shop.example")
        return Caller(done.secret, done.token.id)

    return make


@pytest.fixture
def reference(shop) -> Callable[[str], str]:
    def of(key: str) -> str:
        return shop.links.reference(shop.number_of(key))

    return of
