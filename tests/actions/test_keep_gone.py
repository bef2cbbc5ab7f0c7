"""People who were erased stay gone: through imports in any spelling, histories, and syncs of a database."""

from __future__ import annotations

import hashlib
import shutil
import unicodedata

import pytest

from rightful.actions import keep_gone, opt_out, register_source
from rightful.actions.erase_customer import erase_customer
from rightful.actions.find_person import decide_links, scan_links
from rightful.actions.register_source import import_consents
from rightful.actions.use_data import decide_one
from rightful.errors import BadInput, NotFound
from rightful.ledger.entry import instant
from rightful.terms import DIRECT_MARKETING, Outcome
from rightful.workspace import Workspace
from tests.actions.conftest import MAX, SAM, _row, customers, make_shop, write_csv

OLGA = "olga@shop.example"
PHONE = "+49 151 2000003"


def full_width(text):
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


@pytest.fixture(scope="module")
def erased_template(tmp_path_factory):
    """A shop from which C003 was erased: key, address and telephone number are on the list."""
    folder = tmp_path_factory.mktemp("gone")
    place = make_shop(folder)
    with Workspace.open(place) as ws:
        load(ws, folder, customer=[{**row, "phone": PHONE if row["id"] == "C003" else ""} for row in customers()])
        scan_links(ws, actor="eng")
        decide_links(ws, [], state="confirmed", actor="eng", sure=True)
        assert erase_customer(ws, "C003", actor="self").status == "complete"
    return place


@pytest.fixture
def shop(erased_template, tmp_path):
    shutil.copytree(erased_template, tmp_path / "shop")
    with Workspace.open(tmp_path / "shop") as ws:
        yield ws


def load(ws, folder, **tables):
    paths = [write_csv(folder / f"{name}.csv", rows) for name, rows in tables.items()]
    found = register_source.propose(paths)
    for table in found.tables:
        if table.name == "customer":
            found = found.decide("customer", key="id", subject="id", customer_table=True)
        else:
            found = found.decide(table.name, key="id", subject="customer_id", customer_table=False)
    return {t.name: t for t in register_source.load_files(ws, found, actor="eng").tables}


def stored(ws, table="customer"):
    names = [c.name for c in ws.facts.table(table).columns]
    with ws.source.whole(table, names) as reader:
        return reader.read_all().to_pylist()


def her(**more):
    return customers()[3] | {"phone": PHONE} | more


ME = "p003@example.com"
VARIANTS = [
    her(),
    her(email="P003@Example.COM", id="N1", phone=""),
    her(email=f"  {ME} ", id="N2", phone=""),
    her(email=full_width(ME), id="N3", phone=""),
    her(email=ME.replace("@", "%40"), id="N4", phone=""),
    her(email="p003+spring@example.com", id="N5", phone=""),
    her(email="p003@example.com.", id="N6", phone=""),
    her(email="", phone="0049 (151) 200-0003", id="N7"),
    her(email="", phone="0151/2000003", id="N8"),
    her(email="", phone="491512000003", id="N9"),
    her(id="c003", email="", phone=""),
    her(id=unicodedata.normalize("NFKD", "\uff23003"), email="", phone=""),
]


@pytest.mark.parametrize("row", VARIANTS)
def test_ac_059_an_erased_person_does_not_come_back_with_the_next_import(shop, tmp_path, row):
    purchase = {"id": "Q1", "customer_id": row["id"], "amount": "1", "bought_on": "2026-03-01"}
    others = {"id": "Q2", "customer_id": "C004", "amount": "1", "bought_on": "2026-03-01"}
    done = load(shop, tmp_path, customer=[*customers()[:3], row], purchase=[purchase, others])
    assert (done["customer"].left_out.rows, done["customer"].new) == (1, 0)
    assert (done["purchase"].left_out.rows, done["purchase"].new) == (1, 1)
    assert "C003" not in {r["id"] for r in stored(shop)} and len(stored(shop)) == 59
    assert not {r["customer_id"] for r in stored(shop, "purchase")} & {row["id"], "C003"}
    again = load(shop, tmp_path, purchase=[purchase | {"id": "Q3"}, others])["purchase"]
    assert again.left_out.rows == 1, "another night, without the customers"
    [line] = shop.journal.lines(kind="source.imported", limit=1)
    assert shop.ledger.entry(line.entry).public["left-out"] == {"purchase": 1}


def test_ac_059_what_is_left_out_is_listed_nowhere_and_kept_nowhere(shop, tmp_path):
    done = load(shop, tmp_path, customer=[her(notes="CANARY-BACK")])
    assert done["customer"].rejected == 0 and done["customer"].rejected_file is None
    for path in shop.path.rglob("*"):
        if path.is_file() and "keys" not in path.parts:
            assert b"CANARY-BACK" not in path.read_bytes() and ME.encode() not in path.read_bytes(), path


def test_a_customer_in_their_own_right_is_taken_without_the_address_of_somebody_who_was_erased(shop, tmp_path):
    merged = customers()[5] | {"email": ME, "city": "Bonn", "phone": ""}
    done = load(shop, tmp_path, customer=[merged])["customer"]
    assert (done.left_out.rows, done.left_out.cells) == (0, 1)
    [row] = [r for r in stored(shop) if r["id"] == "C005"]
    assert (row["email"], row["city"]) == ("p005@example.com", "Bonn"), "what is on file stays, the rest is news"
    tagged = customers()[5] | {"email": "p003+tag@example.com", "phone": ""}
    assert load(shop, tmp_path, customer=[tagged])["customer"].left_out.cells == 0, "a hint speaks against nobody known"


def test_an_import_without_erased_people_leaves_nothing_out(shop, tmp_path):
    fresh = customers()[4] | {"id": "N1", "email": "new@example.com", "phone": "+49 151 2000004"}
    done = load(shop, tmp_path, customer=[fresh, customers()[6]])["customer"]
    assert (done.new, done.known, done.left_out.rows, done.left_out.cells) == (1, 1, 0, 0)


def test_O14_an_erased_customer_in_a_partners_file_is_refused_until_a_new_relationship_is_evidenced(shop, tmp_path):
    assert load(shop, tmp_path, customer=[her(id="N1")])["customer"].left_out.rows == 1
    with pytest.raises(BadInput, match="needs evidence"):
        keep_gone.let_in(shop, ME, actor=OLGA, evidence=" ")
    with pytest.raises(NotFound, match="nobody was erased"):
        keep_gone.let_in(shop, "somebody@example.com", actor=OLGA, evidence="contract 17")
    assert keep_gone.let_in(shop, "P003@example.com", actor=OLGA, evidence="contract 17") == 1
    assert load(shop, tmp_path, customer=[her(id="N1")])["customer"].new == 1
    assert load(shop, tmp_path, customer=[her(id="C003")])["customer"].new == 1, "all that named them is let in"
    assert shop.suppression.empty() and shop.suppression.back() == []
    [line] = shop.journal.lines(kind="suppression.lifted")
    assert shop.ledger.open_private(line.entry) == {"actor": OLGA, "evidence": "contract 17"}


def test_whoever_comes_back_past_the_import_is_restricted_at_once_and_listed(shop):
    with shop.source.writing() as con:
        con.execute("INSERT INTO rf_base.customer (id, email, residence) VALUES ('N1', 'P003@EXAMPLE.com', 'DE')")
    shop.facts.rebuild()
    decision = decide_one(shop, SAM, "service", "N1")
    assert decision.outcome is Outcome.DENY and "restricted" in decision.codes
    [back] = keep_gone.who_came_back(shop, actor=OLGA)
    assert back.key == "N1"
    assert shop.journal.lines(kind="suppression.looked-at", limit=1)
    outcome = erase_customer(shop, "N1", actor="self")
    assert outcome.status == "complete" and shop.suppression.back() == []
    assert all(r["id"] != "N1" for r in stored(shop))


def test_who_is_let_in_after_coming_back_can_be_served_again(shop):
    with shop.source.writing() as con:
        con.execute("INSERT INTO rf_base.customer (id, email, residence) VALUES ('N1', 'p003@example.com', 'DE')")
    shop.facts.rebuild()
    assert decide_one(shop, SAM, "service", "N1").outcome is Outcome.DENY
    assert keep_gone.let_in(shop, "N1", actor=OLGA, evidence="account opened on 3 May") == 1
    assert decide_one(shop, SAM, "service", "N1").outcome is not Outcome.DENY
    assert keep_gone.who_came_back(shop, actor=OLGA) == ()


def test_a_customer_is_looked_at_once_and_not_with_every_refresh(shop):
    with shop.source.writing() as con:
        con.execute("INSERT INTO rf_base.customer (id, email) VALUES ('N1', 'p003@example.com')")
    for _ in range(3):
        shop.facts.rebuild()
    assert len(shop.journal.lines(kind="suppression.came-back")) == 1


def test_of_an_erased_person_no_yes_and_no_detail_is_taken_out_of_a_history_and_nothing_listed(shop, tmp_path):
    at = "2026-03-01T10:00:00Z"
    rows = [
        _row("y1", 3, "given", "newsletter", "email", at, evidence="CANARY-FORM"),
        _row("y2", 3, "withdrawn", "newsletter", "email", at),
        _row("y3", 4, "given", "newsletter", "email", at),
    ]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    assert imported.accepted == 1 and imported.rejected == {"somebody who was erased": 2}
    assert imported.rejects is None
    assert decide_one(shop, MAX, "newsletter", "C004", channel="email").outcome is not Outcome.DENY
    mixed = [*rows, _row("y9", 999, "given", "newsletter", "email", at)]
    listed = import_consents(shop, write_csv(tmp_path / "h2.csv", mixed), actor="eng").rejects
    assert "y9" in listed.read_text() and "CANARY-FORM" not in listed.read_text()


def test_of_somebody_who_came_back_a_no_counts_and_a_yes_does_not(shop, tmp_path):
    with shop.source.writing() as con:
        con.execute("INSERT INTO rf_base.customer (id, email, residence) VALUES ('C003', 'p003@example.com', 'DE')")
    shop.facts.rebuild()
    at = "2026-03-01T10:00:00Z"
    rows = [_row("y1", 3, "given", "newsletter", "email", at), _row("y2", 3, "withdrawn", "study", "", at)]
    imported = import_consents(shop, write_csv(tmp_path / "h.csv", rows), actor="eng")
    assert imported.accepted == 1 and imported.rejected == {"somebody who was erased": 1}


def test_an_opt_out_of_an_address_nobody_has_counts_for_whoever_appears_with_it(shop, tmp_path):
    opt_out.opt_out_by_address(shop, "New.Person@example.com", DIRECT_MARKETING)
    assert opt_out.carry_out_waiting(shop) == 0
    for path in (shop.path / "state").rglob("control.sqlite*"):
        assert b"new.person" not in path.read_bytes().lower(), "kept as a hash, not as an address"
    fresh = customers()[4] | {"id": "N1", "email": "new.person@example.com", "phone": ""}
    load(shop, tmp_path, customer=[fresh, fresh | {"id": "N2", "email": "other@example.com"}])
    at = instant(shop.clock())
    grants = [_row(n, 0, "given", "newsletter", "email", at) | {"customer_id": n} for n in ("N1", "N2")]
    import_consents(shop, write_csv(tmp_path / "h.csv", grants), actor="eng")
    assert decide_one(shop, MAX, "newsletter", "N1", channel="email").codes >= {"objected"}
    assert decide_one(shop, MAX, "newsletter", "N2", channel="email").outcome is not Outcome.DENY


def test_ac_060_the_list_holds_no_identifier_and_cannot_be_searched_without_the_key(shop):
    rows = [bytes(h) for (h,) in shop.control.query("SELECT hash FROM suppressed")]
    guesses = [ME, "C003", PHONE, "email:" + ME, "key:C003", "phone:+491512000003"]
    plain = {hashlib.sha256(g.encode()).digest() for g in guesses} | {hashlib.md5(g.encode()).digest() for g in guesses}
    assert len(rows) >= 6 and not plain & set(rows)
    with shop.control.write() as tx:
        dump = repr(tx.execute("SELECT * FROM suppressed")) + repr(tx.execute("SELECT * FROM refused_ahead"))
    assert "example.com" not in dump and "C003" not in dump and "2000003" not in dump
    other = Workspace.create(shop.path.parent / "other", "other")  # another pepper
    with other:
        assert other.suppression.find(rows) == {}
        assert other.keys.suppression_hash("email:" + ME) not in rows
        assert shop.keys.suppression_hash("email:" + ME) in rows


def test_ac_060_the_list_is_shown_in_numbers_and_every_look_is_recorded(shop):
    seen = keep_gone.look_at_list(shop, actor=OLGA)
    assert seen.persons == 1 and set(seen.forms) >= {"key", "email", "phone"}
    assert all(len(digits) == 8 for _, digits, _, _ in seen.newest)
    entry = shop.ledger.entry(seen.entry)
    assert entry.kind == "suppression.looked-at" and shop.ledger.open_private(seen.entry) == {"actor": OLGA}


def test_an_address_that_others_have_too_is_not_kept(tmp_path):
    place = make_shop(tmp_path)
    with Workspace.open(place) as ws:
        shared = [
            row | {"email": "family@example.com"} if row["id"] in ("C003", "C004") else row for row in customers()
        ]
        load(ws, tmp_path, customer=shared)
        erase_customer(ws, "C003", actor="self", apart=["C004"])
        assert set(ws.suppression.counts()) == {"key", "key-folded"}
        assert load(ws, tmp_path, customer=[shared[4] | {"city": "Bonn"}])["customer"].known == 1


def test_an_erasure_of_an_older_program_that_stands_at_the_first_step_is_finished_with_the_list(shop):
    from rightful.actions.erase_customer import begin_erasure, run_erasure

    run = begin_erasure(shop, "C006", actor="self")
    with shop.control.write() as tx:
        shop.erasures.reached(tx, run.id, "stopped")
    run_erasure(shop, run.id)
    assert shop.suppression.find([shop.keys.suppression_hash("key:C006")])
    assert shop.suppression.persons() == shop.keys.erasures.persons() == 2
