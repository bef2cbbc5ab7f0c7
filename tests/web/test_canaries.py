"""Values that must not be found: a customer's data, and secrets, after a walk through the pages.

Everything the walk left behind is searched byte by byte: every file of the workspace (control
database and its log, ledger, key folder, encrypted store), every row of the web database with its
sessions and cache, every line of the logs, and each address a page sent the browser to.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client

from rightful.actions.appoint_staff import appoint
from rightful.actions.use_data import query_data
from rightful.errors import NotPermitted
from rightful.web import post
from rightful.web.faults import OneLine

ADDRESS, NAME, PLACE, REASON = "x20@example.com", "First20", "Canaryville", "canary-reason-7c1e"
CANARIES = (ADDRESS, NAME, PLACE, REASON)


class Kept(logging.Handler):
    """Lines as they are written in production, and all below the level that is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.setFormatter(OneLine())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def logs():
    kept = Kept()
    loggers = [logging.getLogger(name) for name in ("", "rightful", "django", "django.request", "django.security")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(kept)
        logger.setLevel(logging.INFO)
    yield kept
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(kept)
        logger.setLevel(level)


def spellings(text: str) -> set[bytes]:
    """As it is, and as it may be written by something that meant well."""
    raw = text.encode()
    escaped = json.dumps(text)[1:-1].encode()
    quoted = text.replace("@", "%40").encode()
    return {raw, escaped, quoted, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-1], text.encode("utf-16-le")}


def web_rows() -> dict[str, bytes]:
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found[table] = repr(cursor.fetchall()).encode()
    return found


def places_with(text: str, folder: Path, logs: Kept) -> set[str]:
    """Where a value was found."""
    found = set()
    for spelling in spellings(text):
        for path in folder.rglob("*"):
            if path.is_file() and spelling in path.read_bytes():
                found.add(str(path.relative_to(folder)))
        found |= {f"web table {table}" for table, rows in web_rows().items() if spelling in rows}
        found |= {f"log: {line[:200]}" for line in logs.lines if spelling in line.encode()}
    return found


def test_the_search_finds_what_is_there(meadow, workspace_folder, logs):
    """Else the tests below could not fail."""
    logging.getLogger("rightful.web").info("planted: %s", "needle@example.com")
    (workspace_folder / "needle").write_text("x needle%40example.com y")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO web_cache VALUES ('needle@example.com', '', '2026-01-01')")
    try:
        found = places_with("needle@example.com", workspace_folder, logs)
    finally:
        (workspace_folder / "needle").unlink()
    assert {place.partition(":")[0] for place in found} == {"log", "needle", "web table web_cache"}


@pytest.fixture
def walked(as_customer, as_staff, meadow, logs, unlimited):
    """A customer signs in, looks, chooses, corrects, asks and takes a copy; staff look at it; things go wrong."""
    addresses: list[str] = []

    def go(client: Client, way: str, path: str, data: dict[str, str] | None = None) -> str:
        answer = getattr(client, way)(path, data or {})
        addresses.append(path)
        addresses.append(answer.headers.get("Location", ""))
        if answer.streaming:
            return b"".join(answer.streaming_content).decode("latin-1")
        text = answer.content.decode("utf-8", "replace")
        addresses.extend(re.findall(r'(?:href|action|src|hx-get|hx-post)="([^"]*)"', text))
        return text

    customer = as_customer(ADDRESS)
    customer.raise_request_exception = False
    seen = "".join(go(customer, "get", f"/me/{page}") for page in ("", "choices/", "data/", "uses/", "recipients/"))
    assert ADDRESS in seen and NAME in seen, "the customer sees the canary"
    go(customer, "post", "/me/data/correct/customer.city/", {"value": PLACE})
    assert PLACE in go(customer, "get", "/me/data/")
    go(customer, "post", "/me/data/correct/customer.first_name/", {"value": REASON})
    go(customer, "post", "/me/choices/set/", {"purpose": "newsletter", "channel": "email", "state": "off"})
    assert ADDRESS in go(customer, "get", "/me/data/copy/json")
    for wrong in ("/me/data/copy/exe", "/me/uses/999999/proof", "/me/data/correct/customer.nothing/", "/me/nowhere/"):
        go(customer, "get", wrong)
    go(customer, "post", "/me/data/correct/customer.city/", {"value": PLACE * 400})
    go(Client(), "post", "/", {"email": ADDRESS})
    go(Client(), "post", "/code/", {"code": "BBBB-BBBB"})
    officer = as_staff("officer")
    for page in ("", "log/", "corrections/", "requests/"):
        go(officer, "get", f"/staff/{page}")
    sql = f"select email from customer where email = '{ADDRESS}'"
    appoint(meadow, "help@meadow.example", "officer", actor="engineer@meadow.example")
    query_data(meadow, "help@meadow.example", "service", sql)
    with pytest.raises(NotPermitted):
        query_data(meadow, "help@meadow.example", "newsletter", sql)
    post.wait_until_done()
    return addresses


def test_ac_050_personal_data_is_in_no_log_no_address_no_ledger_and_no_table_in_the_clear(
    walked, workspace_folder, logs
):
    assert len(logs.lines) > 3, "something was logged"
    assert len(walked) > 100
    for canary in CANARIES:
        assert not places_with(canary, workspace_folder, logs), canary
        assert not [address for address in walked if any(s.decode("latin-1") in address for s in spellings(canary))]


def test_ac_050_a_fault_in_the_middle_of_a_page_tells_nothing_about_the_person(
    as_customer, meadow, logs, clock, workspace_folder
):
    customer = as_customer(ADDRESS)
    customer.raise_request_exception = False
    clock.at_us = 1
    pages = [customer.get("/me/data/"), customer.post("/me/data/correct/customer.city/", {"value": PLACE})]
    assert all(page.status_code >= 400 for page in pages)
    for canary in CANARIES:
        assert all(canary not in page.text for page in pages)
        assert not places_with(canary, workspace_folder, logs)


def test_ac_049_keys_and_codes_are_nowhere_but_in_the_key_folder(walked, workspace_folder, logs):
    for name in ("master.key", "pepper.key", "store.key", "ledger-signing.key"):
        key = (workspace_folder / "keys" / name).read_bytes()
        for spelling in {key, key.strip(), key.hex().encode(), base64.b64encode(key)}:
            assert len(spelling) >= 32
            elsewhere = [
                path
                for path in workspace_folder.rglob("*")
                if path.is_file() and path.parent.name != "keys" and spelling in path.read_bytes()
            ]
            assert not elsewhere, f"{name} in {elsewhere}"
            assert not [table for table, rows in web_rows().items() if spelling in rows], name
            assert not [line for line in logs.lines if spelling in line.encode()], name
    from tests.web.conftest import PASSWORD, SECRET

    for secret in (PASSWORD, SECRET):
        assert not places_with(secret, workspace_folder, logs)
