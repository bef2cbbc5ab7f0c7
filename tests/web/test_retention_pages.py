"""C12 over HTTP: what is due, ordering a disposal, holds, certificates, fields nobody needs; and who may do what."""

from __future__ import annotations

import json
import shutil
from html import unescape

import pytest

from rightful.actions.dispose_expired import forecast, plan_disposal, run_disposal
from rightful.actions.hold_data import add_hold
from rightful.ledger.receipt import Receipt
from rightful.web.opened import serve_this
from rightful.workspace import Workspace
from tests.actions.conftest import make_shop
from tests.actions.test_order_disposal import let_purchases_end

OLGA = "olga@shop.example"
PAGES = ("", "holds/", "certificates/", "unneeded/")


@pytest.fixture(scope="module")
def shop_template(tmp_path_factory):
    path = make_shop(tmp_path_factory.mktemp("retention"))
    let_purchases_end(path)
    return path


@pytest.fixture
def shop(shop_template, tmp_path, meadow):
    shutil.copytree(shop_template, tmp_path / "shop")
    with Workspace.open(tmp_path / "shop") as ws:
        served = serve_this(ws)
        yield ws
        serve_this(served)


def text_of(answer) -> str:
    assert answer.status_code == 200, answer.status_code
    return unescape(answer.text)


def test_what_is_due_is_shown_with_its_reason_and_what_falls_due_as_chart_and_table(shop, as_staff):
    text = text_of(as_staff().get("/staff/retention/"))
    assert "statistics: 2 months" in text and "study: 2 months" in text and ">150<" in text
    assert "the policy sets no storage period" in text.lower()
    svg = text[text.index('<svg class="chart"') :].partition("</svg>")[0]
    rows = {rows for _day, _what, rows in forecast(shop)}
    for count in rows:
        assert f">{count}</text>" in svg and f'<td class="number">{count}</td>' in text, "the numbers stand in both"
    assert plan_disposal(shop).rows == 150, "looking touches nothing"


def test_a_disposal_is_ordered_after_a_question_and_can_be_taken_back(shop, as_staff):
    client = as_staff()
    asked = text_of(client.get("/staff/retention/dispose/"))
    assert "150 rows or parts of rows are to go" in asked and "24 hours from now" in asked
    plan = plan_disposal(shop)
    form = {"policy": plan.policy, "rows": "150"}
    unsure = text_of(client.post("/staff/retention/dispose/order/", form, follow=True))
    assert "Tick the box first" in unsure and shop.orders.newest() is None
    ordered = text_of(client.post("/staff/retention/dispose/order/", {**form, "sure": "yes"}, follow=True))
    assert "It is carried out after 24 hours" in ordered and "Take the order back" in ordered
    assert "Dispose of it" not in ordered, "one at a time"
    order = shop.orders.newest()
    back = text_of(client.post("/staff/retention/dispose/take-back/", {"order": order.id}, follow=True))
    assert "Taken back" in back and shop.orders.newest().state == "taken-back" and plan_disposal(shop).rows == 150
    for wrong in ({"policy": "other", "rows": "150", "sure": "yes"}, {**form, "rows": "0", "sure": "yes"}):
        client.post("/staff/retention/dispose/order/", wrong)
        assert not shop.orders.newest().open, "only what was looked at"
    assert client.post("/staff/retention/dispose/order/", {"rows": "x", "sure": "yes"}).status_code == 404


def test_a_hold_is_placed_with_its_case_and_released_with_a_reason(shop, as_staff):
    client = as_staff()
    form = {"reason": "suit 17/26", "tables": ["purchase"], "who": "some", "customers": "C001, C002"}
    for missing in ({**form, "reason": " "}, {**form, "customers": " "}, {**form, "customers": "nobody"}):
        assert client.post("/staff/retention/holds/place/", missing).status_code == 422
    everything = {"reason": "x", "who": "all"}
    assert client.post("/staff/retention/holds/place/", everything).status_code == 422, "everything cannot be held"
    text = text_of(client.post("/staff/retention/holds/place/", form, follow=True))
    [hold] = shop.holds.all()
    assert "2 customers, in purchase" in text and "suit 17/26" in text and "C001" not in text
    due = text_of(client.get("/staff/retention/"))
    assert ">144<" in due and ">6<" in due, "rows that go, rows that are held"
    unsaid = text_of(client.post("/staff/retention/holds/release/", {"hold": hold.id, "why": ""}, follow=True))
    assert "a release needs its reason" in unsaid and shop.holds.get(hold.id).until_us is None
    done = text_of(client.post("/staff/retention/holds/release/", {"hold": hold.id, "why": "judgment"}, follow=True))
    assert "is released" in done and shop.holds.get(hold.id).until_us is not None
    assert client.post("/staff/retention/holds/release/", {"hold": "h-none", "why": "x"}).status_code == 404


def test_a_certificate_is_issued_and_handed_out_in_four_forms(shop, as_staff):
    add_hold(shop, "suit 17/26", actor=OLGA, tables=["purchase"], customers=["C001"])
    run = run_disposal(shop, actor=OLGA).run
    client = as_staff()
    listed = text_of(client.get("/staff/retention/certificates/"))
    assert "Issue the certificate" in listed and run in listed
    assert client.get(f"/staff/retention/certificates/{run}/page.html").status_code == 404, "none was issued yet"
    issued = text_of(client.post("/staff/retention/certificates/issue/", {"run": run}, follow=True))
    assert "Partly: something is kept" in issued and "3 rows of purchase stay: suit 17/26" in issued
    got = {form: client.get(f"/staff/retention/certificates/{run}/{form}") for form in
           ("page.html", "page.pdf", "certificate.json", "proof.zip")}  # fmt: skip
    assert all(a.headers["Content-Disposition"].startswith("attachment") for a in got.values())
    assert json.loads(got["certificate.json"].content)["status"] == "partly"
    assert got["page.pdf"].content.startswith(b"%PDF") and b"suit 17/26" in got["page.html"].content
    receipt = Receipt.load(got["proof.zip"].content)
    assert receipt.verify(shop.ledger.verifier_key).ok
    assert receipt.attachments["certificate.json"] == got["certificate.json"].content
    assert client.get(f"/staff/retention/certificates/{run}/page.exe").status_code == 404
    assert client.get("/staff/retention/certificates/d-none/page.pdf").status_code == 404
    assert client.post("/staff/retention/certificates/issue/", {"run": "d-none"}).status_code == 404


def test_fields_nobody_needs_and_people_who_stand_out_are_counted_without_a_value(shop, as_staff):
    client = as_staff()
    text = text_of(client.get("/staff/retention/unneeded/?months=1"))
    assert "younger than the period" in text and "purchase.amount" in text
    assert "is no period" in text_of(client.get("/staff/retention/unneeded/?months=9999"))
    form = {"table": "customer", "by": ["city", "residence"], "k": "5"}
    counted = client.post("/staff/retention/anonymity/", form)
    text = text_of(counted)
    assert "Grouped by city, residence of customer" in text and "Lonely" not in text and "Ulm" not in text
    assert "If one more field were emptied" in text
    assert client.post("/staff/retention/anonymity/", {**form, "k": "x"}).status_code == 422
    assert client.post("/staff/retention/anonymity/", {**form, "by": ["nothing"]}).status_code == 422


def test_an_engineer_looks_and_changes_nothing(shop, as_staff):
    run = run_disposal(shop, actor=OLGA).run
    add_hold(shop, "suit 17/26", actor=OLGA, tables=["purchase"])
    client = as_staff("engineer")
    for page in PAGES:
        text = text_of(client.get(f"/staff/retention/{page}"))
        for act in ("Dispose of it", "Place the hold", ">Release<", "Issue the certificate", "Who stands out"):
            assert act not in text, page
    acts = ("dispose/order/", "dispose/take-back/", "holds/place/", "holds/release/", "certificates/issue/")
    for act in acts:
        assert client.post(f"/staff/retention/{act}", {"run": run, "reason": "x"}).status_code == 403, act
    assert client.get("/staff/retention/dispose/").status_code == 403
    assert client.post("/staff/retention/anonymity/", {}).status_code == 403


@pytest.mark.parametrize("role", ["marketer", "analyst"])
def test_others_do_not_even_see_it(shop, as_staff, role):
    client = as_staff(role)
    assert "Retention" not in text_of(client.get("/staff/"))
    for page in (*PAGES, "dispose/", "anonymity/", "progress/"):
        assert client.get(f"/staff/retention/{page}").status_code == 403, page
