"""The officer's pages: figures of today, and a log whose filters and pages are in the address."""

from __future__ import annotations

import re

import pytest

from rightful.actions.read_gate_log import log
from rightful.actions.show_data import my_data
from rightful.web.opened import serve_this


@pytest.fixture
def busy(meadow):
    """Enough entries for three pages of the log."""
    for _ in range(120 - len(log(meadow, limit=120))):
        my_data(meadow, "B2")  # reading one's own data is recorded like any other use
    return meadow


def entries(text: str) -> list[int]:
    return [int(number) for number in re.findall(r'id="entry-(\d+)"', text)]


def test_today_says_what_is_in_force_and_how_many_may_be_reached(as_staff):
    text = as_staff("officer").get("/staff/").text
    assert "Meadow" in text
    assert "newsletter" in text
    assert "the consent record says what the ledger says" in text
    assert re.search(r"<dd>40</dd>", text), "customers"


def test_today_says_what_fills_an_empty_list(as_staff):
    assert "stands here" in as_staff("officer").get("/staff/").text


def test_the_log_is_paged_without_losing_or_repeating_an_entry(busy, as_staff):
    client = as_staff("officer")
    seen: list[int] = []
    query = ""
    while True:
        text = client.get(f"/staff/log/{query}").text
        seen += entries(text)
        older = re.search(r'href="(\?[^"]*before=\d+)"', text)
        if older is None:
            break
        query = older.group(1).replace("&amp;", "&")
    assert seen == sorted(set(seen), reverse=True)
    assert seen == [line.index for line in log(busy, limit=100_000)]


def test_filters_are_in_the_address_and_stay_while_paging(busy, as_staff):
    client = as_staff("officer")
    text = client.get("/staff/log/", {"kind": "use.own", "purpose": "own-data"}).text
    shown = {line.index: line for line in log(busy, limit=100_000)}
    assert entries(text)
    assert all(shown[index].kind == "use.own" for index in entries(text))
    assert all(shown[index].purpose == "own-data" for index in entries(text))
    older = re.search(r'href="(\?[^"]*before=\d+)"', text)
    assert older and "kind=use.own" in older.group(1) and "purpose=own-data" in older.group(1)


def test_a_filter_that_fits_nothing_says_so(as_staff):
    text = as_staff("officer").get("/staff/log/", {"kind": "no.such.kind"}).text
    assert "No entry fits these filters" in text


@pytest.mark.parametrize("before", ["x", "-3", "1;drop"])
def test_a_page_that_is_no_number_is_not_there(as_staff, before):
    assert as_staff("officer").get("/staff/log/", {"before": before}).status_code == 404


def test_a_filter_is_text_and_nothing_else(as_staff):
    text = (
        as_staff("officer").get("/staff/log/", {"kind": '"><script>alert(1)</script>', "purpose": "' or 1=1 --"}).text
    )
    assert "<script>alert" not in text
    assert "No entry fits these filters" in text


INSIDES = ("Traceback", "urlpatterns", "rightful.web", ".py", "Django", "sqlite")


def test_a_page_that_is_not_there_says_nothing_about_our_insides(as_staff):
    answer = as_staff("officer").get("/staff/nothing")
    assert answer.status_code == 404
    assert [word for word in INSIDES if word in answer.text] == []


def test_a_fault_of_ours_is_a_plain_page_with_a_number(as_customer, workspace_folder, settings):
    """The workspace cannot be opened any more: no page, no data, and nothing about the reason."""
    client = as_customer()
    client.raise_request_exception = False
    served = serve_this(None)
    settings.RIGHTFUL_WORKSPACE = workspace_folder / "not-there"
    try:
        answer = client.get("/me/")
    finally:
        serve_this(served)
    assert answer.status_code == 500
    assert re.search(r"give this number: <code>[0-9a-f]{8}</code>", answer.text)
    assert [word for word in (*INSIDES, "not-there") if word in answer.text] == []


def test_the_log_of_faults_is_one_line_per_record():
    import json
    import logging

    from rightful.web.faults import OneLine

    record = logging.LogRecord("rightful", logging.WARNING, "", 0, 'a\r\nb\u2028{"level": "forged"}', (), None)
    line = OneLine().format(record)
    assert "\n" not in line and "\r" not in line and "\u2028" not in line
    assert json.loads(line)["level"] == "warning"
