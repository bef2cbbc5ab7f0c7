"""The customer's pages: they say what is true, a press does what it says, and nobody sees another's."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from html.parser import HTMLParser

import pytest
from django.test import Client

from tests.web.conftest import PAYLOADS

PAGES = ("/me/", "/me/choices/", "/me/data/", "/me/recipients/", "/me/uses/", "/me/uses/check/")


def press(client: Client, purpose: str, channel: str, state: str, *, htmx: bool = False):
    headers = {"HX-Request": "true"} if htmx else {}
    data = {"purpose": purpose, "channel": channel, "state": state}
    return client.post("/me/choices/set/", data, headers=headers)


def switch(text: str, row: str) -> str:
    """Where the switch of a row stands on this page: on or off."""
    found = re.search(rf'id="{row}-(on|off)" aria-pressed="true"', text)
    assert found, f"no switch {row}"
    return found.group(1)


@pytest.fixture
def ana(as_customer) -> Client:
    client = as_customer("ana@example.com")
    client.post("/me/choices/everything-off/")
    client.get("/me/choices/")
    return client


def test_each_page_says_which_question_it_answers(ana):
    for page in PAGES:
        assert re.search(r'<p class="question">[^<]+\?</p>', ana.get(page).text), page


def test_one_press_turns_a_purpose_on_and_one_press_turns_it_off(ana):
    assert switch(ana.get("/me/choices/").text, "choice-newsletter-email") == "off"
    assert press(ana, "newsletter", "email", "on").headers["Location"] == "/me/choices/#choice-newsletter-email"
    assert switch(ana.get("/me/choices/").text, "choice-newsletter-email") == "on"
    press(ana, "newsletter", "email", "off")
    page = ana.get("/me/choices/").text
    assert switch(page, "choice-newsletter-email") == "off"
    assert "From this moment we do not use your data for this" in page, "the effect line"


def test_a_choice_is_visible_among_the_uses(ana):
    press(ana, "newsletter", "email", "on")
    press(ana, "newsletter", "email", "off")
    text = ana.get("/me/uses/").text
    assert "You said yes" in text
    assert "You took back your yes" in text
    assert "We write to you about new things." in text, "what for, in the words of the policy"


def test_a_choice_for_one_channel_leaves_the_other_alone(ana):
    press(ana, "newsletter", "email", "on")
    press(ana, "newsletter", "post", "on")
    press(ana, "newsletter", "email", "off")
    page = ana.get("/me/choices/").text
    assert switch(page, "choice-newsletter-email") == "off"
    assert switch(page, "choice-newsletter-post") == "on"


def test_an_interest_of_ours_can_be_refused_like_a_consent(ana):
    press(ana, "statistics", "", "on")
    assert switch(ana.get("/me/choices/").text, "choice-statistics-any") == "on"
    press(ana, "statistics", "", "off")
    assert switch(ana.get("/me/choices/").text, "choice-statistics-any") == "off"


def test_what_a_contract_needs_has_no_switch(ana):
    assert "choice-delivery" not in ana.get("/me/choices/").text
    assert press(ana, "delivery", "", "off").status_code == 404


@pytest.mark.parametrize(
    ("purpose", "channel", "state"),
    [("ghost", "email", "off"), ("newsletter", "fax", "on"), ("newsletter", "email", "perhaps"), ("", "", "")],
)
def test_a_choice_that_does_not_exist_changes_nothing(ana, meadow, purpose, channel, state):
    before = meadow.consent.position()
    assert press(ana, purpose, channel, state).status_code == 404
    assert meadow.consent.position() == before


def test_pressing_what_is_pressed_already_writes_nothing(ana, meadow):
    press(ana, "newsletter", "email", "on")
    before = meadow.consent.position()
    press(ana, "newsletter", "email", "on")
    assert meadow.consent.position() == before


def test_a_no_to_what_was_never_asked_is_written_down(as_customer, meadow):
    client = as_customer("x30@example.com")
    assert "You have not been asked" in client.get("/me/choices/").text
    row = press(client, "newsletter", "post", "off", htmx=True)
    assert switch(row.text, "choice-newsletter-post") == "off"
    assert "You took back your yes" in row.text
    assert "Undo</button>" not in row.text, "there is no going back to never having said anything"


def test_a_list_made_after_the_withdrawal_leaves_the_customer_out_and_says_so(as_customer, meadow):
    from rightful.actions.appoint_staff import appoint
    from rightful.actions.export_audience import export_audience

    appoint(meadow, "max@meadow.example", "marketer", actor="engineer@meadow.example")
    stays, leaves = as_customer("x31@example.com"), as_customer("x32@example.com")
    for client in (stays, leaves):
        press(client, "newsletter", "email", "on")
    meadow.facts.rebuild()  # a yes counts in bulk after the flags were written; a no counts at once
    press(leaves, "newsletter", "email", "off")
    export_audience(meadow, "max@meadow.example", "newsletter", channel="email")
    assert "You were on a list" in stays.get("/me/uses/").text
    text = leaves.get("/me/uses/").text
    assert "A list was made without you" in text
    assert "You were on a list" not in text


def test_undo_puts_one_switch_back(ana):
    press(ana, "newsletter", "email", "on")
    press(ana, "newsletter", "email", "off")
    ana.post("/me/choices/undo/")
    page = ana.get("/me/choices/").text
    assert switch(page, "choice-newsletter-email") == "on"
    assert "Undone" in page
    ana.post("/me/choices/undo/")
    assert switch(ana.get("/me/choices/").text, "choice-newsletter-email") == "on", "undone once, not twice"


def test_everything_off_is_one_press_and_undo_restores_exactly_what_was_on(ana):
    for purpose, channel in (("newsletter", "email"), ("advertising", ""), ("statistics", "")):
        press(ana, purpose, channel, "on")
    before = re.findall(r'id="(choice-[a-z-]+)-on" aria-pressed="true"', ana.get("/me/choices/").text)
    assert set(before) >= {"choice-newsletter-email", "choice-advertising-any", "choice-statistics-any"}
    ana.post("/me/choices/everything-off/")
    page = ana.get("/me/choices/").text
    assert not re.findall(r'-on" aria-pressed="true"', page)
    assert "choices are off now" in page
    ana.post("/me/choices/undo/")
    after = re.findall(r'id="(choice-[a-z-]+)-on" aria-pressed="true"', ana.get("/me/choices/").text)
    assert after == before


def test_htmx_gets_the_row_alone_with_its_true_state_and_an_undo(ana):
    press(ana, "newsletter", "email", "on")
    row = press(ana, "newsletter", "email", "off", htmx=True)
    assert row.status_code == 200
    assert "<html" not in row.text
    assert switch(row.text, "choice-newsletter-email") == "off"
    assert "Undo" in row.text
    back = ana.post("/me/choices/undo/", headers={"HX-Request": "true"})
    assert switch(back.text, "choice-newsletter-email") == "on"
    assert "Undo</button>" not in back.text


@pytest.mark.parametrize("htmx", [True, False])
def test_a_failed_press_shows_the_true_state_and_says_so(ana, meadow, clock, htmx):
    """The clock stands just before the newest entry, so the ledger refuses to write: no record, no change."""
    press(ana, "newsletter", "email", "on")
    clock.at_us = meadow.ledger.newest_at() - 1
    answer = press(ana, "newsletter", "email", "off", htmx=htmx)
    page = answer.text if htmx else ana.get("/me/choices/").text
    clock.at_us = None
    assert "nothing was changed" in page
    assert switch(ana.get("/me/choices/").text, "choice-newsletter-email") == "on"
    assert switch(page, "choice-newsletter-email") == "on"


# ---------------------------------------------------------------- what is held


def test_my_data_shows_every_value_with_what_it_is_for(as_customer):
    text = as_customer("ana@example.com").get("/me/data/").text
    for value in ("Ana", "Ortiz", "ana@example.com", "Köln", "likes tea"):
        assert value in text
    assert "You gave us this" in text
    assert "We use your name and address to bring you what you ordered." in text


def test_nobody_sees_the_data_of_another(as_customer):
    ben = as_customer("ben@example.com")
    text = "".join(ben.get(page).text for page in PAGES)
    assert "Ortiz" not in text
    assert "ana@example.com" not in text


# ---------------------------------------------------------------- uses and proofs (AC-031)


def proofs(client: Client) -> list[str]:
    return re.findall(r'href="(/me/uses/\d+/proof)"', client.get("/me/uses/").text)


def test_every_use_has_a_proof_that_can_be_taken_along(ana):
    press(ana, "newsletter", "email", "on")
    links = proofs(ana)
    assert links
    answer = ana.get(links[0])
    assert answer.headers["Content-Type"] == "application/zip"
    assert re.fullmatch(r'attachment; filename="proof-\d+\.zip"', answer.headers["Content-Disposition"])
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert names


def test_ac_031_the_proof_of_another_customer_is_not_there(ana, as_customer):
    press(ana, "newsletter", "email", "on")
    ben = as_customer("ben@example.com")
    press(ben, "newsletter", "email", "on")
    mine, theirs = set(proofs(ben)), set(proofs(ana))
    assert mine and theirs and not mine & theirs
    missing = ben.get("/me/uses/99999999/proof")
    for link in theirs:
        answer = ben.get(link)
        assert answer.status_code == 404
        assert re.sub(r'value="[A-Za-z0-9]{64}"', "", answer.text) == re.sub(
            r'value="[A-Za-z0-9]{64}"', "", missing.text
        ), "as if it were not there"
        assert Client().get(link).status_code == 302
    assert all(ben.get(link).status_code == 200 for link in mine)


def test_ac_031_the_key_in_a_form_or_address_is_ignored(ana, as_customer, meadow):
    ben = as_customer("ben@example.com")
    ben.post("/me/choices/everything-off/")
    press(ana, "newsletter", "email", "on")
    ben.post(
        "/me/choices/set/?key=A1&customer=A1",
        {"purpose": "newsletter", "channel": "email", "state": "off", "key": "A1", "customer": "A1"},
    )
    assert switch(ana.get("/me/choices/").text, "choice-newsletter-email") == "on"
    assert "Ortiz" not in ben.get("/me/data/?key=A1&customer=A1").text


@pytest.mark.parametrize("before", ["x", "-1", "1 or 1=1", "9" * 5])
def test_the_page_number_is_a_number(ana, before):
    assert ana.get("/me/uses/", {"before": before}).status_code == (200 if before.isdecimal() else 404)


def test_uses_are_paged_without_losing_or_repeating_one(ana):
    for turn in range(28):
        press(ana, "newsletter", "email", "on" if turn % 2 == 0 else "off")
        press(ana, "newsletter", "post", "on" if turn % 2 == 0 else "off")
    seen: list[int] = []
    address = "/me/uses/"
    while True:
        text = ana.get(address).text
        seen += [int(n) for n in re.findall(r'id="use-(\d+)"', text)]
        older = re.search(r'href="\?before=(\d+)"', text)
        if older is None:
            break
        address = f"/me/uses/?before={older.group(1)}"
    assert len(seen) > 56
    assert seen == sorted(set(seen), reverse=True)


# ---------------------------------------------------------------- AC-032


class Tags(HTMLParser):
    """What a browser would make of a page: every tag and attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_ac_032_nothing_a_customer_wrote_becomes_part_of_the_page(as_customer):
    client = as_customer("eve@example.com")
    text = client.get("/me/data/").text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text, "the payload is shown as text"
    assert "{{7*7}}" in text, "and never compiled"
    for page in PAGES:
        parser = Tags()
        parser.feed(client.get(page).text)
        for tag, attributes in parser.seen:
            assert tag not in {"iframe", "math", "base", "style", "textarea"}, page
            assert tag != "script" or (attributes.get("src") or "").startswith("/static/rightful/"), page
            assert tag != "img", page
            assert not any(name.startswith("on") for name in attributes), page
            assert "style" not in attributes, page
            assert not (attributes.get("href") or "").lower().startswith("javascript:"), page
            assert attributes.get("http-equiv") is None, page
            assert tag != "form" or (attributes.get("action") or "/").startswith("/"), page


@pytest.mark.parametrize("payload", PAYLOADS)
def test_ac_032_what_is_typed_at_the_door_is_shown_as_text(meadow, unlimited, payload):
    client = Client()
    for answer in (client.post("/", {"email": payload}), client.post("/", {"email": f"{payload}@example.com"})):
        parser = Tags()
        parser.feed(answer.text)
        assert all(tag != "script" or attributes.get("src") for tag, attributes in parser.seen)
        assert not any(name.startswith("on") for _tag, attributes in parser.seen for name in attributes)
    assert not client.cookies.get("x")


def test_ac_032_a_file_name_or_address_brings_no_header_along(ana):
    answer = ana.get("/me/uses/3%0d%0aSet-Cookie:x=1/proof")
    assert answer.status_code == 404
    assert "x" not in answer.cookies


def test_a_customer_who_was_erased_meanwhile_is_signed_out(as_customer):
    client = as_customer("ana@example.com")
    session = client.session
    session["customer"] = "gone"
    session.save()
    assert client.get("/me/").headers["Location"] == "/"
    assert "_auth_user_id" not in client.session


# ---------------------------------------------------------------- filters, copies, who has it


def test_the_history_is_narrowed_by_what_happened_what_for_and_when(ana):
    press(ana, "newsletter", "email", "on")
    press(ana, "newsletter", "email", "off")
    ana.get("/me/data/")

    def lines(**wanted: str) -> set[str]:
        answer = ana.get("/me/uses/", wanted)
        assert answer.status_code == 200
        return {line.strip() for line in re.findall(r'class="tag">([^<]+)<', answer.text)}

    assert lines(outcome="own") == {"By you"}
    assert lines(outcome="choice", purpose="newsletter") == {"Your choice"}
    assert lines(purpose="newsletter") <= {"Your choice", "Refused", "Used"}
    assert lines(since="2099-01-01") == set()
    assert lines(until="2020-01-01") == set()
    assert lines(since="2020-01-01", until="2099-01-01") == lines()


@pytest.mark.parametrize(
    "wanted", [{"purpose": "ghost"}, {"outcome": "x"}, {"since": "yesterday"}, {"until": "' OR 1=1"}]
)
def test_a_filter_nobody_offered_is_no_page(ana, wanted):
    assert ana.get("/me/uses/", wanted).status_code == 404


def test_older_lines_stay_narrowed(as_customer):
    client = as_customer("x33@example.com")
    for turn in range(52):
        press(client, "newsletter", "email", "on" if turn % 2 == 0 else "off")
    older = re.search(r'href="\?([^"]*before=\d+)"', client.get("/me/uses/", {"outcome": "choice"}).text)
    assert older is not None and "outcome=choice" in older.group(1)
    text = client.get("/me/uses/?" + older.group(1).replace("&amp;", "&")).text
    assert {line.strip() for line in re.findall(r'class="tag">([^<]+)<', text)} == {"Your choice"}


@pytest.mark.parametrize(("form", "kind"), [("json", "application/json"), ("csv", "text/csv"), ("html", "text/html")])
def test_a_copy_holds_every_value_and_is_itself_on_record(ana, meadow, form, kind):
    answer = ana.get(f"/me/data/copy/{form}")
    assert answer.headers["Content-Type"].startswith(kind)
    assert answer.headers["Content-Disposition"] == f'attachment; filename="my-data.{form}"'
    for value in ("Ana", "Ortiz", "ana@example.com", "Köln", "likes tea"):
        assert value in answer.text
    assert "You took a copy of your own data" in ana.get("/me/uses/").text
    assert ana.get("/me/data/copy/exe").status_code == 404


def test_the_json_copy_is_read_by_machines(ana):
    document = json.loads(ana.get("/me/data/copy/json").content)
    assert document["format"] == "rightful/my-data/1"
    city = next(one for one in document["fields"] if one["field"] == "customer.city")
    assert city["value"] == "Köln"
    assert city["purposes"][0]["kept"] == "6 months after the last delivery"


def test_ac_032_no_cell_of_the_csv_copy_is_run_by_a_spreadsheet(as_customer):
    text = as_customer("eve@example.com").get("/me/data/copy/csv").content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows
    for row in rows:
        assert not any((cell or "").startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row.values())


def test_ac_032_the_html_copy_runs_nothing(as_customer):
    parser = Tags()
    parser.feed(as_customer("eve@example.com").get("/me/data/copy/html").text)
    for tag, attributes in parser.seen:
        assert tag not in {"script", "iframe", "img", "svg", "base", "form", "a"}
        assert not any(name.startswith("on") for name in attributes)


def test_who_received_something_is_listed_with_a_way_to_stop_it(as_customer):
    text = as_customer("x34@example.com").get("/me/recipients/").text
    assert "Nobody outside has received anything about you" in text


def test_how_to_check_names_the_key_of_this_record(ana, meadow):
    assert meadow.ledger.verifier_key in ana.get("/me/uses/check/").text.replace("&#x27;", "'")
