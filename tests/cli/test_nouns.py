"""Each noun, the way its users go: what is typed, what comes back, what has changed."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import traceback

import pytest

from rightful.errors import RightfulError
from rightful.ledger.receipt import Receipt
from tests.actions.conftest import POLICY
from tests.cli.conftest import ANA, MAX, SAM

LETTER = ("-p", "newsletter", "-c", "email", "--as", MAX)


def test_from_an_empty_folder_to_a_governed_query(rightful, tmp_path):
    place = tmp_path / "new"
    table = tmp_path / "customer.csv"
    rows = "\n".join(f"C{i},Name{i},c{i}@example.com,{'DE' if i % 2 else 'FR'},1980-01-01" for i in range(30))
    table.write_text("id,name,email,lives_in,born_on\n" + rows + "\n", encoding="utf-8")
    policy = tmp_path / "policy.yaml"
    policy.write_text(
        """rightful: 1
policy: {name: New, version: "1", owner: me@new.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes: {EU: {laws: [gdpr], where: [DE, FR], digital-consent-age: {DE: 16, FR: 15}}}
categories:
  keys: {fields: [customer.id]}
  contact: {fields: [customer.name, customer.email]}
  place: {fields: [customer.lives_in]}
roles: {support: [service]}
purposes:
  service: {says: We help., basis: contract, needs: [keys, contact, place]}
""",
        encoding="utf-8",
    )
    at = ("-w", place)
    assert rightful("init", place, "--json").json["name"] == "new"
    assert rightful("doctor", *at).code == 4
    scanned = rightful("source", "scan", table, "--json").json
    assert scanned["tables"][0]["key"] == "id"
    imported = rightful("source", "import", table, *at)
    assert imported.code == 0, imported.err
    assert "rightful source describe" in imported.err
    described = rightful("source", "describe", "--residence", "lives_in", "--birth-date", "born_on", *at, "--json")
    assert described.json == {
        "schema": "rightful/source.describe/1",
        "email": None,
        "guardian": None,
        "residence": "lives_in",
        "birth_date": "born_on",
    }
    assert rightful("source", "describe", "--email", "mail", *at).code == 3
    assert rightful("policy", "check", policy, *at).code == 0
    published = rightful("policy", "publish", policy, *at, "--json").json
    assert published["new_notice"] is True
    assert rightful("staff", "add", "sam@new.example", "support", *at).code == 0
    asked = rightful("gate", "query", "-p", "service", "--as", "sam@new.example", *at, "select id, name from customer")
    assert len(list(csv.reader(io.StringIO(asked.out)))) == 31
    refused = rightful("gate", "query", "-p", "service", "--as", "sam@new.example", *at, "select born_on from customer")
    assert refused.code == 3
    listed = rightful("source", "list", *at, "--json").json["tables"][0]["fields"]
    assert listed["customer.born_on"] is None
    assert listed["customer.email"] == "contact"


def test_a_withdrawal_counts_in_the_next_query_of_another_run(rightful):
    count = (*LETTER, "select count(*) as n from customer", "--json")
    before = rightful("gate", "query", *count).json["rows"][0]["n"]
    said = rightful("consent", "withdraw", "C003", "newsletter", "--json").json
    after = rightful("gate", "query", *count).json["rows"][0]["n"]
    assert after == before - 1
    assert said["entry"] > 0


def test_a_recorded_yes_counts_after_the_refresh(rightful):
    count = (*LETTER, "select count(*) as n from customer", "--json")
    before = rightful("gate", "query", *count).json["rows"][0]["n"]
    assert rightful("consent", "record", "C045", "newsletter", "-c", "email", "--evidence", "call-1").code == 0
    rightful("gate", "refresh")
    assert rightful("gate", "query", *count).json["rows"][0]["n"] == before + 1


def test_an_objection_to_direct_marketing_is_shown_with_its_date(rightful):
    assert rightful("consent", "object", "C004").code == 0
    shown = rightful("consent", "show", "C004", "-p", "service", "--as", SAM, "--json").json
    letter = next(c for c in shown["choices"] if c["purpose"] == "newsletter")
    assert letter["state"] == "off"
    assert shown["events"][0]["kind"] == "objected"
    table = rightful("consent", "show", "C004", "-p", "service", "--as", SAM, "--events")
    assert "direct-marketing" in table.out


def test_staff_see_only_what_the_purpose_needs_and_the_customer_sees_the_look(rightful):
    seen = rightful("person", "show", "C001", "-p", "service", "--as", SAM, "--json").json
    row = seen["tables"]["customer"][0]
    assert row["email"] == "p001@example.com"
    assert "notes" not in row and "points" not in row
    history = rightful("person", "uses", "C001", "-p", "service", "--as", SAM, "--json").json["uses"]
    assert any((u["purpose"], u["role"], u["outcome"]) == ("service", "support", "used") for u in history)


def test_a_role_that_does_not_pursue_the_purpose_sees_no_person_no_choice_no_history(rightful):
    for words in (("person", "show"), ("person", "uses"), ("consent", "show")):
        ran = rightful(*words, "C001", "-p", "service", "--as", ANA)
        assert ran.code == 3
        assert "p001@example.com" not in ran.out + ran.err


def test_explain_counts_everybody_once_and_records_nothing(rightful):
    size = rightful("ledger", "checkpoint", "--json").json["size"]
    told = rightful("gate", "explain", *LETTER, "--json").json["decision"]
    assert told["permitted"] + sum(told["withheld"].values()) == told["known"]
    assert told["ledger_entry"] is None
    assert rightful("ledger", "checkpoint", "--json").json["size"] == size


def test_explain_of_one_customer_gives_every_reason_and_is_on_record(rightful):
    ran = rightful("gate", "explain", *LETTER, "--customer", "C031", "--json")
    assert ran.code == 3
    assert {r["code"] for r in ran.json["decision"]["reasons"]} == {"consent_withdrawn"}
    assert ran.json["decision"]["ledger_entry"] is not None
    words = rightful("gate", "explain", *LETTER, "--customer", "C031").out
    assert words.startswith("No: nothing may be used for newsletter by email")
    assert "What would change it" in words


def test_an_export_is_a_file_with_permitted_rows_and_covered_columns(rightful, tmp_path):
    target = tmp_path / "list.csv"
    done = rightful("gate", "export", target, *LETTER, "--to", "mailer", "--json").json
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == done["rows"] == done["decision"]["permitted"]
    assert set(rows[0]) == {"id", "name", "email"}
    assert not {row["id"] for row in rows} & {f"C{i:03d}" for i in range(30, 40) if i % 10 != 9}


def test_a_query_can_be_read_from_stdin_and_written_to_parquet(rightful, tmp_path):
    import pyarrow.parquet as parquet

    target = tmp_path / "n.parquet"
    ran = rightful("gate", "query", "-p", "study", "--as", ANA, "-", "-o", target, stdin="select id from customer")
    assert ran.code == 0, ran.err
    assert parquet.read_table(target).num_rows > 0
    assert rightful("gate", "query", "-p", "study", "--as", ANA, "select id from customer", "-o", "x.txt").code == 2


def test_a_consent_file_goes_in_once_and_says_what_it_refused(rightful, tmp_path):
    path = tmp_path / "more.csv"
    head = "event_id,customer_id,kind,purpose,channel,at,notice,method,evidence\n"
    path.write_text(
        head
        + "n1,C050,given,newsletter,email,2026-05-01T10:00:00Z,1,form,f-1\n"
        + "n2,C051,given,newsletter,email,2026-05-01T10:00:00,1,form,f-2\n"
        + "n3,nobody,given,newsletter,email,2026-05-01T10:00:00Z,1,form,f-3\n"
        + "n4,C052,given,newsletter,email,2026-05-01T10:00:00Z,1,form,\n",
        encoding="utf-8",
    )
    ran = rightful("consent", "import", path, "--json")
    assert ran.code == 5, "partly done"
    assert ran.json["accepted"] == 2
    assert ran.json["unproven"] == 1
    assert ran.json["rejected"] == {"the time has no zone": 1, "unknown customer": 1}
    again = rightful("consent", "import", path)
    assert again.code == 0
    assert "on record already" in again.out


def test_an_export_of_consents_can_be_imported_elsewhere_and_means_the_same(rightful, shop, tmp_path, made):
    import shutil

    rightful("consent", "withdraw", "C002", "newsletter")
    target = tmp_path / "all.csv"
    done = rightful("consent", "export", target, "-p", "service", "--as", SAM, "--json").json
    with target.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == done["rows"] == 101
    other = tmp_path / "other"
    shutil.copytree(made, other)
    assert rightful("consent", "import", target, "-w", other).code == 0
    for customer in ("C001", "C002", "C035", "C059"):
        here, there = (
            rightful("consent", "show", customer, "-p", "service", "--as", SAM, "-w", place, "--json").json["choices"]
            for place in (shop, other)
        )
        assert [(c["purpose"], c["state"]) for c in here] == [(c["purpose"], c["state"]) for c in there]


def test_an_export_of_consents_is_refused_to_a_role_without_the_purpose(rightful, tmp_path):
    target = tmp_path / "all.csv"
    assert rightful("consent", "export", target, "-p", "service", "--as", ANA).code == 3
    assert not target.exists()
    assert "was refused" in rightful("ledger", "tail").out


def test_a_notice_is_listed_shown_and_served(rightful):
    notices = rightful("notice", "list", "--json").json["notices"]
    assert [n["label"] for n in notices if n["newest"]] == ["1"]
    terms = rightful("notice", "show", "--json").json["terms"]
    assert terms["newsletter"]["recipients"] == ["mailer"]
    assert "goes to" in rightful("notice", "show").out
    assert rightful("notice", "serve", "C001").code == 0


def test_staff_come_change_and_go(rightful):
    assert rightful("staff", "add", "eve@shop.example", "analyst", "--json").json["before"] is None
    assert rightful("staff", "add", "eve@shop.example", "support", "--json").json["before"] == "analyst"
    assert rightful("staff", "add", "eve@shop.example", "support", "--json").json["entry"] is None
    assert rightful("person", "show", "C001", "-p", "service", "--as", "eve@shop.example").code == 0
    assert rightful("staff", "remove", "eve@shop.example").code == 0
    assert rightful("person", "show", "C001", "-p", "service", "--as", "eve@shop.example").code == 3


@pytest.mark.parametrize("address", ["eve", "eve@", "@x", "a b@c.example", "a@b@c,d"])
def test_something_that_is_no_address_is_nobody(rightful, address):
    assert rightful("staff", "add", address, "analyst").code == 2


def test_a_wider_policy_waits_for_a_second_person(rightful, shop):
    text = POLICY.replace("support: [service]", "support: [service, statistics]").replace('"1"', '"2"')
    path = shop / "policy" / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    found = rightful("policy", "diff", "--json").json
    assert found["widenings"] > 0 and found["narrowings"] == 0
    assert "support" in rightful("policy", "diff").out
    alone = rightful("policy", "publish", "--as", "erik@shop.example")
    assert alone.code == 3
    assert "--approved-by" in alone.err
    both = rightful("policy", "publish", "--as", "erik@shop.example", "--approved-by", "olga@shop.example", "--json")
    assert both.code == 0, both.out
    assert both.json["new_notice"] is False, "customers were told all of this already"
    history = rightful("policy", "history", "--json").json["versions"]
    assert [v["label"] for v in history] == ["1", "2"]
    assert history[1]["approved_by"] == "olga@shop.example"
    assert rightful("policy", "publish", "--json").json["entry"] is None


def test_the_diff_counts_customers_one_by_one(rightful, shop):
    text = POLICY.replace("channels: [email]\n", "channels: [email, phone]\n").replace('"1"', '"2"')
    (shop / "policy" / "shop.yaml").write_text(text, encoding="utf-8")
    reach = rightful("policy", "diff", "--json").json["reach"]
    assert {r["channel"] for r in reach} == {"phone"}
    for r in reach:
        assert r["after"] - r["before"] == r["gained"] - r["lost"]
    same = rightful("policy", "diff", "1", "1")
    assert "Every answer is the same" in same.out


def test_a_broken_policy_names_line_and_nearest_word(rightful, tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(POLICY.replace("needs: [keys, identity, contact, place]", "neds: [keys]"), encoding="utf-8")
    ran = rightful("policy", "check", path)
    assert ran.code == 4
    assert "p.yaml:" in ran.err
    assert "needs" in ran.err


def test_a_failing_policy_test_shows_place_expected_and_got(rightful, shop):
    tests = (
        "\ntests:\n"
        "  - {given: {consent: {newsletter/email: given}, lives: DE},"
        " ask: marketer newsletter email customer.email, expect: allow}\n"
        "  - {given: {consent: {newsletter/email: withdrawn}, lives: DE},"
        " ask: marketer newsletter email customer.email, expect: allow}\n"
    )
    (shop / "policy" / "shop.yaml").write_text(POLICY + tests, encoding="utf-8")
    ran = rightful("policy", "test")
    assert ran.code == 4
    line = (POLICY + tests).splitlines().index(tests.splitlines()[3]) + 1
    assert f"shop.yaml:{line}" in ran.out
    assert "expected  allow" in ran.out
    assert "got       deny consent_withdrawn" in ran.out
    assert "Consent to newsletter was withdrawn (GDPR 7(3))" in ran.out
    assert "1 of 2 tests pass" in ran.err
    assert rightful("policy", "test", "--json").json["passed"] == 1


def test_who_what_if_and_explain_answer_from_the_policy_in_force(rightful):
    who = rightful("policy", "who", "customer.email", "--json").json["answers"]
    assert {"newsletter", "ads", "service"} == {row["purpose"] for row in who}
    asked = rightful("policy", "what-if", "analyst", "newsletter", "email", "customer.email", "--json").json["answers"]
    assert all("role_not_for_purpose" in row["answer"] for row in asked)
    told = rightful("policy", "explain", "ads", "--json").json
    assert told["fields"]["customer.email"] == "sha256"
    assert rightful("policy", "explain", "nonsense").code == 3
    assert "Nobody may use customer.notes" in rightful("policy", "who", "customer.notes").out


def test_the_record_verifies_and_a_changed_row_is_named(rightful, shop):
    rightful("consent", "withdraw", "C005", "newsletter")
    good = rightful("ledger", "verify", "--json")
    assert good.code == 0 and good.json["ok"]
    assert {p["name"] for p in good.json["parts"]} == {
        "ledger",
        "published log",
        "consent record",
        "policies and notices",
    }
    with sqlite3.connect(shop / "state" / "control.sqlite") as con:
        con.execute("UPDATE consent_event SET purpose = 'ads'")
    bad = rightful("ledger", "verify")
    assert bad.code == 4
    assert "consent event" in bad.out


def test_a_receipt_verifies_offline_and_a_changed_one_does_not(rightful, tmp_path):
    target = tmp_path / "entry.zip"
    done = rightful("ledger", "prove", "2", "-o", target, "--json").json
    assert rightful("ledger", "verify", target, "--key", done["verifier_key"]).code == 0
    receipt = Receipt.load(target)
    assert receipt.opening is None, "a receipt for the public opens no payload"
    middle = len(receipt.entry) // 2
    changed = receipt.entry[:middle] + bytes([receipt.entry[middle] ^ 1]) + receipt.entry[middle + 1 :]
    Receipt(changed, receipt.proof, None, receipt.verifier_key).save(target)
    assert rightful("ledger", "verify", target).code == 4
    other = done["verifier_key"].replace("shop", "shop2")
    assert rightful("ledger", "verify", target, "--key", other).code == 4


def test_an_older_checkpoint_must_be_the_past_of_this_log(rightful, made, tmp_path):
    old = tmp_path / "old.note"
    old.write_text(rightful("ledger", "checkpoint", "-q").out, encoding="utf-8")
    rightful("consent", "withdraw", "C006", "newsletter")
    assert rightful("ledger", "verify", "--older", old).code == 0
    old.write_text(old.read_text(encoding="utf-8").replace("\n", "\nx", 1), encoding="utf-8")
    assert rightful("ledger", "verify", "--older", old).code == 4


def test_the_tail_names_no_customer(rightful):
    rightful("person", "show", "C001", "-p", "service", "--as", SAM)
    ran = rightful("ledger", "tail", "-n", "50")
    assert "Support" in ran.out
    assert "C001" not in ran.out and "@" not in ran.out
    only = rightful("ledger", "tail", "--kind", "policy", "--json").json["entries"]
    assert {e["kind"] for e in only} == {"policy.published"}
    assert rightful("ledger", "tail", "--follow", "--json").code == 2


def test_the_doctor_finds_keys_that_others_may_read(rightful, shop):
    assert rightful("doctor").code == 0
    (shop / "keys").chmod(0o755)
    ran = rightful("doctor", "--json")
    assert ran.code == 4
    assert [f["what"] for f in ran.json["findings"] if not f["ok"]] == ["keys"]


def test_the_json_of_every_verb_that_was_run_here_can_be_read_twice(rightful):
    for words in (("source", "list"), ("notice", "list"), ("policy", "history"), ("ledger", "tail")):
        first = rightful(*words, "--json").out
        assert json.loads(first) == json.loads(rightful(*words, "--json").out)


FILL = {
    "postgres": (
        "CREATE SCHEMA shopcli",
        "CREATE TABLE shopcli.customer (id text PRIMARY KEY, name text, lives_in text)",
        "INSERT INTO shopcli.customer SELECT 'C' || n, 'N' || n, 'DE' FROM generate_series(1, 25) n",
    ),
    "mariadb": (
        "CREATE TABLE customer (id varchar(9) PRIMARY KEY, name text, lives_in text)",
        "INSERT INTO customer SELECT concat('C', seq), concat('N', seq), 'DE' FROM seq_1_to_25",
    ),
}


@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_ac_049_the_password_of_a_database_is_printed_nowhere_and_kept_nowhere(rightful, tmp_path, monkeypatch, kind):
    place, password = tmp_path / "elsewhere", "canary-pass-93be"
    rightful("init", place)
    said = ""
    for number, before in enumerate(("", "x/", "x y", "x#", "x?", "x@", "x%z", "[", "x:")):
        monkeypatch.setenv("CRM_URL", f"{kind}://crm:{before}{password}@127.0.0.1:1/crm")
        monkeypatch.setenv("RIGHTFUL_DEBUG", "1" if number % 2 else "")
        try:
            ran = rightful("source", "add", "customer", "--url-env", "CRM_URL", "-w", place)
        except RightfulError:  # with RIGHTFUL_DEBUG the whole trace is shown, causes and all
            said += traceback.format_exc()
        else:
            assert ran.code != 0
            said += ran.out + ran.err
    said += rightful("ledger", "tail", "-w", place).out
    assert password not in said
    assert not [p for p in place.rglob("*") if p.is_file() and password.encode() in p.read_bytes()]


@pytest.mark.parametrize("engine", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in FILL])
def test_a_database_is_governed_where_it_is(rightful, tmp_path, engine, request, monkeypatch):
    url = request.getfixturevalue(f"{engine}_url")
    schema = ("--schema", "shopcli") if engine == "postgres" else ()
    if engine == "postgres":
        import psycopg

        with psycopg.connect(url, autocommit=True) as con:
            for statement in FILL[engine]:
                con.execute(statement)
    else:
        request.getfixturevalue("mariadb_server").run(";\n".join(FILL[engine]), url.rsplit("/", 1)[1])
    monkeypatch.setenv("CRM_URL", url)
    place = tmp_path / "pg"
    at = ("-w", place)
    rightful("init", place)
    assert rightful("source", "add", "customer", *at).code == 2, "where is its address?"
    lost = rightful("source", "add", "client", "--url-env", "CRM_URL", *schema, *at)
    assert lost.code == 6
    assert json.loads((place / "rightful.json").read_text("utf-8"))["source"]["kind"] == "duckdb", "as before"
    added = rightful("source", "add", "customer", "--url-env", "CRM_URL", *schema, *at, "--json")
    assert added.code == 0, added.out
    assert url not in (place / "rightful.json").read_text("utf-8")
    try:
        assert [t["table"] for t in added.json["tables"]] == ["customer"]
        policy = place / "policy" / "p.yaml"
        policy.write_text(
            """rightful: 1
policy: {name: New, version: "1", owner: me@new.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes: {EU: {laws: [gdpr], where: [DE], digital-consent-age: {DE: 16}}}
categories: {keys: {fields: [customer.id]}, identity: {fields: [customer.name]}, place: {fields: [customer.lives_in]}}
roles: {support: [service]}
purposes: {service: {says: We help., basis: contract, needs: [keys, identity]}}
""",
            encoding="utf-8",
        )
        assert rightful("policy", "publish", *at).code == 0
        assert rightful("staff", "add", "sam@new.example", "support", *at).code == 0
        asked = ("gate", "query", "-p", "service", "--as", "sam@new.example", *at, "--json")
        assert rightful(*asked, "select id, name from customer").json["count"] == 25
        assert rightful(*asked, "select lives_in from customer").code == 3
    finally:
        from rightful.workspace import Workspace

        with Workspace.open(place) as ws:
            ws.source.uninstall()
