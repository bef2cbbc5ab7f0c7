"""What the operations answer: uses, customers, choices, policies, notices, the ledger."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from rightful.actions.appoint_staff import appoint
from rightful.actions.issue_token import issue_token
from rightful.actions.publish_policy import publish_policy
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.ledger.note import VerifierKey
from rightful.ledger.proof import LogProof
from rightful.policy.loader import loads
from rightful.web.opened import serve_this
from rightful.workspace import Workspace
from tests.actions.conftest import POLICY
from tests.api.conftest import ANA, MAX, PROBLEM, SAM, Caller
from tests.notices.policies import COMPLETE

COUNT = "select city, count(*) as n from customer group by city"
LIST = "select name, email from customer order by name"
ARROW = "application/vnd.apache.arrow.stream"


# ---------------------------------------------------------------- uses


def test_a_query_returns_permitted_rows_and_says_where_it_is_recorded(program, shop):
    answer = program(MAX).post("/queries", {"sql": LIST, "channel": "email"}, Purpose="newsletter")
    assert answer.status_code == 200
    body = answer.json()
    assert body["columns"] == ["name", "email"]
    assert 0 < len(body["rows"]) < 60
    assert body["decision"]["permitted"] == len(body["rows"])
    entry = shop.ledger.entry(int(answer.headers["Rightful-Ledger-Entry"]))
    assert (entry.kind, entry.public["rows"]) == ("use.query", len(body["rows"]))


def test_the_same_rows_leave_as_an_arrow_stream(program):
    caller = program(MAX)
    asked = {"sql": LIST, "channel": "email"}
    rows = caller.post("/queries", asked, Purpose="newsletter").json()["rows"]
    answer = caller.post("/queries", asked, Purpose="newsletter", Accept=ARROW)
    assert answer.headers["Content-Type"] == ARROW
    table = pa.ipc.open_stream(answer.content).read_all()
    assert [list(row.values()) for row in table.to_pylist()] == rows
    assert int(answer.headers["Rightful-Ledger-Entry"]) > 0


@pytest.mark.parametrize("path", ["/queries", "/decisions", "/subjects:find"])
def test_personal_data_without_a_purpose_is_refused_and_recorded(program, shop, reference, path):
    body = {"/queries": {"sql": LIST}, "/decisions": {"subject": reference("C010")}}.get(path, {"customer": "C010"})
    before = shop.ledger.head()[0]
    answer = program().post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "integrity.purpose-missing")
    assert [e.kind for e in shop.ledger.entries(before)][-1] == "use.refused"


@pytest.mark.parametrize("what", ["data", "uses", "consents"])
def test_one_customers_data_needs_a_purpose_too(program, reference, what):
    answer = program(SAM).get(f"/subjects/{reference('C010')}/{what}")
    assert (answer.status_code, answer.json()["code"]) == (400, "integrity.purpose-missing")


def test_a_refusal_names_every_reason(program):
    answer = program(ANA).post("/queries", {"sql": LIST}, Purpose="newsletter")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == PROBLEM
    codes = {reason["code"] for reason in answer.json()["decision"]["reasons"]}
    assert "role_not_for_purpose" in codes


def test_a_hostile_statement_is_refused(program):
    for sql in ("drop table customer", "select * from customer; select 1", "select * from read_csv('/etc/passwd')"):
        answer = program(MAX).post("/queries", {"sql": sql, "channel": "email"}, Purpose="newsletter")
        assert answer.status_code == 422, sql
        assert answer.json()["code"].startswith("sql."), sql


def test_a_decision_about_one_customer_is_recorded_and_one_about_all_reads_nobody(program, shop, reference):
    caller = program(MAX)
    before = shop.ledger.head()[0]
    everybody = caller.post("/decisions", {"channel": "email"}, Purpose="newsletter").json()
    assert everybody["permitted"] > 0
    assert shop.ledger.head()[0] == before
    one = caller.post("/decisions", {"subject": reference("C020"), "channel": "email"}, Purpose="newsletter").json()
    assert one["ledger_entry"] == before
    withdraw_consent(shop, "C020", "newsletter", "email")
    after = caller.post("/decisions", {"subject": reference("C020"), "channel": "email"}, Purpose="newsletter").json()
    assert after["outcome"] == "deny"


# ---------------------------------------------------------------- customers


def test_a_customer_is_found_by_key_or_address_and_named_by_reference(program, reference):
    caller = program(SAM)
    for who in ({"customer": "C003"}, {"email": "p003@example.com"}, {"email": "P003@Example.com"}):
        assert caller.post("/subjects:find", who, Purpose="service").json() == {"subject": reference("C003")}


def test_who_may_not_be_touched_and_who_is_not_there_get_one_answer(program):
    found = [
        program(SAM).post("/subjects:find", who, Purpose=purpose)
        for who, purpose in (
            ({"customer": "nobody"}, "service"),
            ({"email": "nobody@example.com"}, "service"),
            ({"customer": "C003"}, "study"),
        )
    ]
    assert {answer.status_code for answer in found} == {404}
    assert len({answer.text for answer in found}) == 1


def test_staff_see_what_the_purpose_permits_and_the_customer_sees_the_look(program, reference):
    caller, who = program(SAM), reference("C004")
    data = caller.get(f"/subjects/{who}/data", Purpose="service").json()
    assert data["tables"]["customer"][0]["email"] == "p004@example.com"
    assert "phone" in data["tables"]["customer"][0]
    assert "notes" not in data["tables"]["customer"][0]
    uses = caller.get(f"/subjects/{who}/uses", Purpose="service", cursor="").json()
    assert (uses["items"][0]["outcome"], uses["items"][0]["role"]) == ("used", "support"), "ids, for programs"
    consents = caller.get(f"/subjects/{who}/consents", Purpose="service").json()
    assert {c["state"] for c in consents["choices"]} <= {"on", "off", "not-asked", "always"}


def test_uses_come_in_pages_and_none_is_lost(program, reference):
    caller, who = program(SAM), reference("C005")
    for _ in range(4):
        caller.post("/decisions", {"subject": who}, Purpose="service")
    whole = caller.get(f"/subjects/{who}/uses?limit=200", Purpose="service").json()
    seen, cursor = [], 0
    while cursor is not None:
        page = caller.get(f"/subjects/{who}/uses?limit=2&cursor={cursor}", Purpose="service").json()
        seen += [one["entry"] for one in page["items"]]
        cursor = page["next"]
    wanted = [one["entry"] for one in whole["items"]]
    assert [entry for entry in seen if entry <= wanted[0]] == wanted, "the looks in between are new entries"


@pytest.mark.parametrize("forged", ["p-" + "0" * 48, "p-" + "f" * 48])
def test_ac_031_a_reference_nobody_gave_out_is_nobody(program, forged):
    for path in ("data", "uses", "consents"):
        assert program(SAM).get(f"/subjects/{forged}/{path}", Purpose="service").status_code == 404
    answer = program(SAM).post("/consents:withdraw", {"subject": forged, "purpose": "newsletter"})
    assert answer.status_code == 404


def test_ac_031_the_answer_about_one_customer_holds_nothing_of_another(program, reference):
    caller = program(SAM)
    for mine, other in (("C011", "012"), ("C012", "011")):
        for path in ("data", "uses", "consents"):
            text = caller.get(f"/subjects/{reference(mine)}/{path}", Purpose="service").text
            assert f"Person{other}" not in text
            assert f"p{other}@" not in text


# ---------------------------------------------------------------- choices


def yes(key: str = "C030", **more: object) -> dict[str, object]:
    said = {"purpose": "newsletter", "channel": "email", "method": "form", "evidence": "form-1"}
    return {"customer": key} | said | more


def state(shop, key: str) -> str:
    from rightful.actions.customer_view import overview

    return next(p for p in overview(shop, key).purposes if p.id == "newsletter").channels[0].state


def test_a_yes_and_a_no_count_at_once(program, shop):
    caller = program()
    given = caller.post("/consents", yes())
    assert given.status_code == 201
    assert state(shop, "C030") == "on"
    no = caller.post("/consents:withdraw", {"customer": "C030", "purpose": "newsletter"})
    assert no.status_code == 201
    assert state(shop, "C030") == "off"
    assert no.json()["effect"].startswith("From now on nothing")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"method": "pre-ticked"}, "consent.event-rejected"),
        ({"evidence": ""}, "input.bad"),
        ({"notice": "never published"}, "consent.event-rejected"),
        ({"channel": "fax"}, "consent.event-rejected"),
        ({"purpose": "unheard-of"}, "integrity.unknown-name"),
        ({"method": "magic"}, "input.bad"),
    ],
)
def test_ac_015_a_yes_that_proves_nothing_is_refused(program, shop, said, code):
    before = shop.consent.position()
    answer = program().post("/consents", yes(**said))
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert shop.consent.position() == before


def test_ac_015_saying_no_needs_no_more_than_saying_yes():
    from rightful.api.consents import No, Yes

    def needed(form):
        return {n for n, f in form.model_fields.items() if f.is_required()}

    assert needed(No) < needed(Yes)


def test_ac_051_a_replayed_request_gets_the_first_receipt_and_writes_nothing(program, shop):
    caller, body = program(), yes("C031")
    first = caller.post("/consents", body, Idempotency_Key="k-1")
    size, events = shop.ledger.head()[0], shop.consent.position()
    again = caller.post("/consents", body, Idempotency_Key="k-1")
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert (shop.ledger.head()[0], shop.consent.position()) == (size, events)


def test_ac_051_the_work_is_done_once_even_if_its_answer_was_lost(program, shop, monkeypatch):
    """The program stopped after the entry and before the answer was kept; a minute later the key is taken over."""
    caller, body = program(), yes("C032")

    def stopped(*_args):
        raise OSError("power cut")

    monkeypatch.setattr(shop.answers, "keep", stopped)
    assert caller.post("/consents", body, Idempotency_Key="k-2").status_code == 500
    events = shop.consent.position()
    monkeypatch.undo()
    busy = caller.post("/consents", body, Idempotency_Key="k-2")
    assert (busy.status_code, busy.json()["code"]) == (409, "api.idempotency-key-busy")
    now = shop.clock()
    monkeypatch.setattr(shop, "clock", lambda: now + 61_000_000)
    again = caller.post("/consents", body, Idempotency_Key="k-2")
    assert again.status_code == 201
    assert shop.consent.position() == events


def test_a_key_with_another_request_is_refused_and_a_refused_request_frees_its_key(program):
    caller = program()
    assert caller.post("/consents", yes("C033"), Idempotency_Key="k-3").status_code == 201
    other = caller.post("/consents", yes("C034"), Idempotency_Key="k-3")
    assert (other.status_code, other.json()["code"]) == (422, "api.idempotency-key-reused")
    assert caller.post("/consents", yes("C035", method="pre-ticked"), Idempotency_Key="k-4").status_code == 422
    assert caller.post("/consents", yes("C035"), Idempotency_Key="k-4").status_code == 201


def test_kept_answers_and_requests_cannot_be_read_in_the_database(program, shop):
    program().post("/consents", yes("C036", evidence="canary-evidence-77"), Idempotency_Key="k-5")
    stored = str(shop.control.query("SELECT * FROM api_answer"))
    assert "canary-evidence-77" not in stored
    assert "effect" not in stored


def test_an_objection_by_reference_stops_all_marketing(program, shop, reference):
    caller = program()
    caller.post("/consents", yes("C037"))
    assert caller.post("/consents:object", {"subject": reference("C037")}).status_code == 201
    assert state(shop, "C037") == "off"


# ---------------------------------------------------------------- policies and notices


def test_policies_and_notices_have_etags(program, shop):
    caller = program()
    for path in ("/policies/in-force", "/notices/newest"):
        first = caller.get(path)
        assert first.status_code == 200
        etag = first.headers["ETag"]
        assert first.headers["Cache-Control"] == "private, no-cache"
        again = caller.get(path, If_None_Match=etag)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
        assert caller.get(path, If_None_Match='"other"').status_code == 200
    assert caller.get("/policies/in-force").headers["ETag"] == f'"{shop.facts.policy.version}"'
    assert caller.get("/policies/ffffffff").status_code == 404
    assert caller.get("/notices/none").status_code == 404


def test_a_simulation_counts_what_would_change_and_publishes_nothing(program, shop):
    before = shop.shelf.position()
    narrower = POLICY.replace("needs: [keys, identity, customer.email, standing]", "needs: [keys, customer.email]")
    told = program().post("/policies:simulate", {"policy": narrower}).json()
    assert told["narrowings"] > 0
    assert told["widenings"] == 0
    assert any(change["purpose"] == "newsletter" for change in told["changes"])
    assert shop.shelf.position() == before
    broken = program().post("/policies:simulate", {"policy": POLICY.replace("basis: contract", "basis: whim")})
    assert (broken.status_code, broken.json()["code"]) == (422, "policy.refused")
    assert broken.json()["errors"]


def test_what_there_is_can_be_read(program):
    caller = program(MAX, "policy:read")
    datasets = {d["name"]: d for d in caller.get("/datasets").json()["items"]}
    assert {f["name"]: f["category"] for f in datasets["customer"]["fields"]}["email"] == "contact"
    assert {p["id"] for p in caller.get("/purposes").json()["items"]} >= {"newsletter", "ads", "statistics"}
    assert caller.get("/purposes/newsletter").json()["basis"]["EU"] == "consent"
    assert caller.get("/purposes/marketing").status_code == 404, "a heading is no purpose"
    assert {r["id"]: r["in_force"] for r in caller.get("/recipients").json()["items"]} == {
        "mailer": True,
        "network": True,
    }


# ---------------------------------------------------------------- the ledger


def test_an_entry_verifies_with_nothing_but_its_proof(program, shop):
    caller = program()
    entry = caller.post("/consents", yes("C038")).json()["entry"]
    proof = caller.get(f"/ledger/entries/{entry}/proof").json()
    LogProof.parse(proof["proof"]).verify(proof["leaf"].encode(), VerifierKey.parse(shop.ledger.verifier_key))
    assert "C038" not in proof["leaf"]
    assert caller.get("/ledger/entries/999999/proof").status_code == 404
    assert caller.get("/ledger/entries/-1").status_code == 404


def test_entries_come_in_pages_without_personal_data(program, shop):
    caller = program()
    seen, cursor = [], 0
    while cursor is not None:
        page = caller.get(f"/ledger/entries?limit=7&cursor={cursor}").json()
        seen += [one["entry"] for one in page["items"]]
        assert "@example.com" not in json.dumps(page)
        cursor = page["next"]
    assert seen == list(range(shop.ledger.head()[0]))


def test_checkpoint_and_tiles_are_those_of_the_published_log(program, shop):
    caller = program()
    answer = caller.get("/ledger/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text == shop.ledger.checkpoint()
    size = shop.ledger.head()[0]
    tile = caller.get(f"/ledger/tile/0/000.p/{size % 256}" if size < 256 else "/ledger/tile/0/000")
    assert len(tile.content) == 32 * min(size, 256)
    for path in ("0/../../../keys/master.key", "0/x000/0", "../checkpoint", "entries", "0/000.p/1/../../x"):
        assert caller.get(f"/ledger/tile/{path}").status_code == 404, path


# ---------------------------------------------------------------- links


def test_a_preference_link_lives_minutes_and_says_nothing(program, shop, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example")
    made = program().post("/links:preferences", {"customer": "C040", "minutes": 15}).json()
    assert made["url"].startswith("https://privacy.shop.example/preferences/")
    assert "C040" not in made["url"]
    page = made["url"].removeprefix("https://privacy.shop.example")
    caller = program()
    assert caller.client.get(page).status_code == 200
    assert caller.client.get(page + "include").status_code == 200
    for asked in ({"customer": "C040", "minutes": 0}, {"customer": "C040", "minutes": 100_000}, {"minutes": 5}):
        assert program().post("/links:preferences", asked).status_code == 422
    assert program().post("/links:preferences", {"customer": "nobody"}).status_code == 404
    assert program().post("/links:preferences", {"customer": "C040"}).json()["ends"] is None


def test_an_unsubscribe_link_comes_with_its_headers(program, shop, monkeypatch):
    monkeypatch.setenv("RIGHTFUL_SITE", "https://privacy.shop.example")
    made = program().post("/links:unsubscribe", {"customer": "C041", "purpose": "newsletter"}).json()
    assert made["headers"]["List-Unsubscribe"] == f"<{made['url']}>"
    assert made["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    again = program(ANA).post("/links:unsubscribe", {"customer": "C041", "purpose": "newsletter"}).json()
    assert again == made
    monkeypatch.setenv("RIGHTFUL_SITE", "")
    assert program().post("/links:unsubscribe", {"customer": "C041", "purpose": "newsletter"}).status_code == 422


# ---------------------------------------------------------------- receipts, disclosures, notices, requests


def test_a_choice_has_a_receipt_that_verifies(program, shop, reference):
    import base64

    from rightful.ledger.receipt import Receipt

    caller = program(SAM)
    caller.post("/consents", yes("C042"))
    asked = {"subject": reference("C042"), "purpose": "newsletter", "channel": "email"}
    assert caller.post("/consents:receipt", asked).json()["code"] == "integrity.purpose-missing"
    made = caller.post("/consents:receipt", asked, Purpose="service").json()
    proof = Receipt.load(base64.b64decode(made["proof"]))
    assert proof.verify(shop.ledger.verifier_key).ok
    assert proof.index == made["entry"]
    assert caller.post("/consents:receipt", asked, Purpose="service").json()["entry"] == made["entry"]
    nothing = {"customer": "C055", "purpose": "newsletter", "channel": "email"}
    assert caller.post("/consents:receipt", nothing, Purpose="service").status_code == 404


def test_disclosures_of_one_customer_are_listed_for_a_purpose(program, shop, reference):
    from rightful.actions.export_audience import export_audience

    program().post("/consents", yes("C043"))
    shop.facts.rebuild()
    made = export_audience(shop, MAX, "newsletter", channel="email", recipient="mailer")
    caller = program(SAM)
    found = caller.get(f"/subjects/{reference('C043')}/disclosures", Purpose="service").json()["items"]
    assert (found[0]["entry"], found[0]["recipient"]) == (made.use.entry.index, "mailer")
    assert caller.get(f"/subjects/{reference('C043')}/disclosures").status_code == 400


def test_a_notice_comes_in_a_language_it_was_published_in(shop, program, tmp_path):
    assert program().get("/notices/newest").json()["text"] is None, "the shop's policy says too little for a text"
    with Workspace.create(tmp_path / "meadow", "meadow") as ws:
        label = publish_policy(ws, loads(COMPLETE), rebuild=False, actor="e@m.example", approver="o@m.example").notice
        appoint(ws, MAX, "all", actor="o@m.example")
        caller = Caller(issue_token(ws, MAX, "test", ("policy:read",), actor="o@m.example").secret)
        before = serve_this(ws)
        try:
            newest = caller.get("/notices/newest").json()
            assert (newest["label"], newest["languages"], newest["language"]) == (label, ["en", "de"], "en")
            german = caller.get(f"/notices/{label}?language=de")
            assert german.json()["text"]["title"] == "Wie Meadow, S.A. Ihre Daten verwendet"
            assert german.json()["digest"] == newest["digest"]
            again = caller.get("/notices/newest?language=de", If_None_Match=german.headers["ETag"])
            assert again.status_code == 304
            english = caller.get("/notices/newest", If_None_Match=german.headers["ETag"])
            assert english.status_code == 200, "another language is another text"
            assert caller.get("/notices/newest?language=../x").status_code == 422
        finally:
            serve_this(before)


def test_a_request_is_taken_in_once_and_keeps_its_first_date(program, shop):
    caller = program()
    first = caller.post("/requests", {"kind": "access", "customer": "C044", "text": "canary-request-text"})
    assert first.status_code == 201
    body = first.json()
    assert body["due"]
    assert body["reasoning"]
    again = caller.post("/requests", {"kind": "access", "customer": "C044"}).json()
    assert (again["request"], again["merged"], again["due"]) == (body["request"], True, body["due"])
    read = caller.get(f"/requests/{body['request']}").json()
    assert read == {name: again[name] for name in read}
    listed = caller.get("/requests?kind=access&limit=200").json()["items"]
    assert body["request"] in [one["request"] for one in listed]
    assert "canary-request-text" not in json.dumps(listed)
    assert caller.get("/requests/R-NOTHING").status_code == 404
    for wrong in ({"kind": "wish", "customer": "C044"}, {"kind": "access"}, {"kind": "access", "customer": "nobody"}):
        assert caller.post("/requests", wrong).status_code == 422


def test_a_request_for_correction_carries_its_values_sealed_and_waits_for_an_officer(program, shop):
    caller = program()
    body = {"kind": "rectification", "customer": "C044",
            "corrections": [{"field": "customer.city", "value": "canary-city"}]}  # fmt: skip
    made = caller.post("/requests", body)
    assert made.status_code == 201 and made.json()["state"] == "needs-identity"
    assert "canary-city" not in made.content.decode() + repr(shop.control.query("SELECT * FROM rights_case"))
    for wrong in ({"field": "customer.shoe", "value": "43"}, {"field": "customer.city", "value": "x", "more": "y"}):
        refused = caller.post("/requests", {**body, "corrections": [wrong]})
        assert refused.status_code in (404, 422), refused.content


def test_requests_come_in_pages(program, shop):
    caller = program()
    for number in (45, 46, 47):
        caller.post("/requests", {"kind": "portability", "customer": f"C{number:03d}"})
    seen, cursor = [], 0
    while cursor is not None:
        page = caller.get(f"/requests?kind=portability&limit=2&cursor={cursor}").json()
        seen += [one["request"] for one in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) >= 3
