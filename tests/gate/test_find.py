"""A person is found in every table, and what is somebody else's is told apart."""

from __future__ import annotations

from contextlib import closing

import pytest

from bench import traps
from rightful.gate import links as rules
from rightful.gate.find import Store, find
from rightful.gate.links import Column, Shape
from rightful.sources.postgres import PostgresSource

pytestmark = pytest.mark.postgres
ENGINES = ["duckdb", "postgres"]


@pytest.fixture(scope="module", params=ENGINES)
def store(request, tmp_path_factory):
    """The CRM of traps, read only by these tests."""
    if request.param == "duckdb":
        from rightful.sources.duckdb import DuckDBSource

        source = DuckDBSource.create(tmp_path_factory.mktemp("find") / "s.duckdb", bytes(range(32)))
        traps.fill_duckdb(source)
    else:
        server = request.getfixturevalue("postgres_server")
        server.run("createdb", "-h", "127.0.0.1", "-p", server.port, "-U", "rightful", "find_traps")
        traps.fill_postgres(server.url("find_traps"))
        source = PostgresSource.reflect(server.url("find_traps"), customer_table="customer", reader_password="x")
    yield Store(source, "customer", "id")
    source.close()


@pytest.fixture(scope="module")
def links(store):
    return store.propose()


EXPECTED = {
    "customer.address_id>address.id": "shared",
    "customer.billing_address_id>address.id": "shared",
    "customer.introduced_by>customer.id": "mentions",
    "invoice.customer_id>customer.id": "belongs",
    "orders.customer_id>customer.id": "belongs",
    "order_line.order_id>orders.id": "belongs",
    "customer_history.id>customer.id": "belongs",
    "customer_cstm.id_c>customer.id": "belongs",
    "note.parent_id[parent_type]>customer.id": "belongs",
    "note.parent_id[parent_type]>orders.id": "belongs",
    "attachment.resource>customer.id": "belongs",
    "signup.email>customer.email": "belongs",
    "message.from_email>customer.email": "belongs",
    "message.to_email>customer.email": "belongs",
    "referral.customer_id>customer.id": "belongs",
    "joint_account.customer_id>customer.id": "belongs",
    "joint_account.second_customer_id>customer.id": "belongs",
    "referral.referrer_id>customer.id": "mentions",
    "search_index.entity_id[entity]>customer.id": "belongs",
    "login.email>customer.email": "belongs",
    "campaign_list.mail>customer.email": "belongs",
    "call_log.caller>customer.phone": "belongs",
}


def test_every_way_of_naming_a_customer_is_proposed_with_its_role(links):
    found = {link.id: link.role for link in links}
    assert {name: found.get(name) for name in EXPECTED} == EXPECTED


def test_no_proposal_that_may_be_confirmed_unseen_leads_astray(links):
    """A product's number fits the customers' keys as well; nothing like that is called sure."""
    wrong = [link.id for link in links if link.confidence >= rules.SURE and "product" in link.id]
    assert wrong == []


def canaries(store) -> set[tuple[str, str]]:
    """Brute force, written apart from the search: every (table, row as text) that holds a canary in any column."""
    found = set()
    for table in store.tables.values():
        place = ".".join(f'"{part}"' for part in table.place)
        for row in store.source.examine(f"SELECT * FROM {place}"):
            text = "|".join(x.decode("latin-1") if isinstance(x, bytes) else str(x) for x in row)
            if (
                "canary" in text.lower().replace("joana.canary", "").replace("canaryasen", "")
                or "4915170707017" in text
            ):
                found.add((table.name, str(row[0])))
    return found


def test_recall_is_complete_against_a_search_through_every_column_of_every_table(store, links):
    found = find(store, ["17", "18"], links, region="DE")
    reached = {(t, str(next(iter(h.row.values.values())))) for t, rows in found.rows.items() for h in rows.values()}
    reached |= {(h.row.table, str(next(iter(h.row.values.values())))) for h in found.texts}
    derived = {t.name for t in store.tables.values() if t.derived}
    wanted = {place for place in canaries(store) if place[0] not in derived}
    assert wanted - reached == set()


def test_what_is_somebody_elses_too_is_told_apart(store, links):
    found = find(store, ["17", "18"], links, region="DE")
    assert set(found.rows["address"]) == {(117,), (118,), (18,)}
    spared = {(table, one[0]): s.columns for (table, one), s in found.spared.items()}
    assert spared[("joint_account", 1)] == {"customer_id"} and (3,) in found.rows["joint_account"]
    assert spared[("address", 19)] == set() and spared[("message", 2)] == {"from_email"}
    assert {(t, i[0]) for t, i in found.mentions} == {("customer", 21), ("referral", 1)}
    assert {(h.row.table, h.row.id[0]) for h in found.texts} >= {("note", 491), ("message", 2)}
    assert ("note", 492) not in {(h.row.table, h.row.id[0]) for h in found.texts}


def test_a_second_profile_is_proposed_not_assumed(store, links):
    found = find(store, ["17"], links, region="DE")
    assert [(d.key, d.strong) for d in found.doubles] == [("18", True)]
    assert (18,) not in found.rows["customer"]


def test_what_nobody_decided_is_counted_and_not_followed(store, links):
    sure = [link for link in links if link.id != "signup.email>customer.email"]
    left = [link for link in links if link not in sure]
    found = find(store, ["17"], sure, left, region="DE")
    assert [(link.id, rows) for link, rows in found.undecided] == [("signup.email>customer.email", 1)]
    assert "signup" not in found.rows


# --- the rules alone ---


def shape(name, *columns, key=("id",), references=()):
    return Shape(name, tuple(c if isinstance(c, Column) else Column(c, "bigint") for c in columns), key, references)


def proposed(*tables, customers="customer"):
    return {g.link.id for g in rules.guesses(tables, customers)}


@pytest.mark.parametrize(
    ("column", "found"),
    [("customer_id", True), ("CustomerID", True), ("kunde_id", True), ("party", True), ("contactNo", True),
     ("amount", False), ("quantity", False), ("vat", False)],
)  # fmt: skip
def test_a_name_is_understood_in_its_spellings(column, found):
    names = proposed(shape("customer", "id"), shape("thing", "id", column))
    assert (f"thing.{column}>customer.id" in names) is found


def test_reference_texts_find_their_table_whatever_application_stands_before_it():
    text = Column("resource", "text", ("party.party,1", "party.party,22", "sale.sale,3"))
    tables = shape("party_party", "id"), shape("sale_sale", "id"), shape("ir_attachment", "id", text)
    assert proposed(*tables, customers="party_party") == {
        "ir_attachment.resource>party_party.id",
        "ir_attachment.resource>sale_sale.id",
    }


def test_a_foreign_key_declared_twice_is_one_link():
    twice = ((("party",), "party_party", ("id",)),) * 2
    tables = shape("party_party", "id"), shape("address", "id", "party", references=twice)
    assert [link.id for link in rules.declared(tables, "party_party")] == ["address.party>party_party.id"]


def confidence(tables, name, *, asked, customers="customer"):
    """How sure a proposal is whose values all fit."""
    [guess] = [g for g in rules.guesses(tables, customers) if g.link.id == name]
    return rules.judged(guess, rules.Overlap(asked, asked, 1.0)).confidence


def test_a_part_of_the_program_called_like_a_table_is_not_that_table():
    """Tryton's translations: `module` says party, sale, ir; `res_id` fits every key, and names no party."""
    parts = Column("module", "text", ("ir", "res", "party", "sale", "marketing", "sale_line"))
    tables = shape("party_party", "id"), shape("sale_line", "id"), shape("ir_translation", "id", parts, "res_id")
    assert proposed(*tables, customers="party_party") == set()
    whole = Column("module", "text", ("Accounts", "Contacts", "Calls"))  # and here it does name tables
    tables = shape("accounts", "id"), shape("contacts", "id"), shape("calls", "id"), shape("log", "id", whole, "res_id")
    assert proposed(*tables, customers="contacts") >= {"log.res_id[module]>contacts.id"}


def test_half_a_name_is_sure_only_among_values_that_name_tables():
    kinds = Column("parent_type", "text", ("contact", "campaign", "internal", "imported", "other"))
    tables = shape("crm_contact", "id"), shape("note", "id", kinds, "parent_id")
    name = "note.parent_id[parent_type]>crm_contact.id"
    assert confidence(tables, name, asked=500, customers="crm_contact") < rules.SURE
    kinds = Column("parent_type", "text", ("contact", "order"))
    tables = shape("crm_contact", "id"), shape("crm_order", "id"), shape("note", "id", kinds, "parent_id")
    assert confidence(tables, name, asked=500, customers="crm_contact") >= rules.SURE


@pytest.mark.parametrize(("asked", "sure"), [(1, False), (9, False), (10, True), (500, True)])
def test_a_few_whole_numbers_fit_every_key_and_are_never_sure(asked, sure):
    tables = shape("customer", "id"), shape("status", "id"), shape("mail", "id", "status_id")
    assert (confidence(tables, "mail.status_id>status.id", asked=asked) >= rules.SURE) is sure


def test_a_relation_leads_to_what_only_one_customer_has():
    refs = ((("subject_id",), "entity", ("id",)), (("object_id",), "entity", ("id",)))
    mine = ((("id",), "entity", ("id",)),)
    tables = (
        shape("entity", "id"),
        shape("contact", "id", references=mine),
        shape("deal", "id", references=mine),
        shape("relation", "id", "subject_id", "object_id", Column("type_id", "text"), references=refs),
    )
    links = rules.declared(tables, "contact")
    both = rules.relatings(tables, links, "contact")
    assert {(r.near, r.far, r.type_column) for r in both} == {
        ("subject_id", "object_id", "type_id"), ("object_id", "subject_id", "type_id"),
    }  # fmt: skip
    kinds = [rules.KindOfRelation("buys", 90, 90), rules.KindOfRelation("employed", 90, 1)]
    link = rules.related(both[0], kinds)
    assert (link.kind, link.role, link.means) == ("relation", "shared", ("buys",)) and link.confidence < rules.SURE
    assert rules.related(both[0], [kinds[1]]) is None
    assert rules.relatings(tables, links, "deal") and not rules.relatings(tables[:1], links, "contact")


@pytest.fixture
def related_crm(tmp_path):
    """Contacts and deals are entities; relations name who buys, who works where, who knows whom."""
    from rightful.sources.duckdb import DuckDBSource

    source = DuckDBSource.create(tmp_path / "s.duckdb", bytes(range(32)))
    with source.writing() as con:
        for statement in (
            "CREATE TABLE rf_base.entity (id integer PRIMARY KEY, title varchar)",
            "CREATE TABLE rf_base.contact (id integer PRIMARY KEY, last_name varchar)",
            "CREATE TABLE rf_base.deal (id integer PRIMARY KEY, plan varchar)",
            "CREATE TABLE rf_base.relation (id integer, subject_id integer, type_id varchar, object_id integer)",
            "INSERT INTO rf_base.entity SELECT i, 'thing' FROM range(1, 62) AS s(i)",
            "INSERT INTO rf_base.contact SELECT i, 'Family' || i FROM range(1, 31) AS s(i)",
            "INSERT INTO rf_base.deal SELECT 30 + i, 'roses' FROM range(1, 31) AS s(i)",
            "INSERT INTO rf_base.relation SELECT i, i, 'buys', 30 + i FROM range(1, 31) AS s(i)",
            "INSERT INTO rf_base.relation SELECT 100 + i, i, 'works at', 61 FROM range(1, 31) AS s(i)",
            "INSERT INTO rf_base.relation SELECT 200 + i, i, 'knows', i % 30 + 1 FROM range(1, 31) AS s(i)",
            "INSERT INTO rf_base.relation VALUES (301, 8, 'buys', 37)",  # two buyers of one deal
            "UPDATE rf_base.contact SET last_name = 'Meadowfield' WHERE id = 7",
            "UPDATE rf_base.entity SET title = 'Plan for MEADOWFIELD, by hand' WHERE id = 50",
            "UPDATE rf_base.entity SET title = 'Meadowfields' WHERE id = 51",
        ):
            con.execute(statement)
    yield source
    source.close()


def keyed(child, column, parent, role="belongs"):
    return rules.Link(child, (column,), parent, ("id",), "foreign-key", role)


RELATED_KEYS = [
    keyed("contact", "id", "entity"), keyed("deal", "id", "entity"),
    keyed("relation", "subject_id", "entity"), keyed("relation", "object_id", "entity"),
]  # fmt: skip


def test_by_relations_a_deal_is_found_an_employer_and_a_friend_are_not(related_crm):
    store = Store(related_crm, "contact", "id")
    relating = rules.Relating("relation", "subject_id", "object_id", "type_id", "entity", "id")
    kinds = store._kinds_of_relation(relating)
    assert {(k.spelling, k.rows, k.things) for k in kinds} == {("buys", 31, 30), ("works at", 30, 1)}
    leads = rules.related(relating, kinds)
    found = find(store, ["5"], [*RELATED_KEYS, leads])
    assert set(found.rows["entity"]) == {(5,), (35,)} and set(found.rows["deal"]) == {(35,)}
    assert set(found.rows["contact"]) == {(5,)}
    theirs = find(store, ["7"], [*RELATED_KEYS, leads])
    assert "deal" not in theirs.rows and ("entity", (37,)) in theirs.spared, "another contact buys it, too"
    undecided = find(store, ["5"], RELATED_KEYS, [leads])
    assert [(link.id, rows) for link, rows in undecided.undecided] == [(leads.id, 1)]


def test_a_family_name_alone_is_said_and_never_taken_for_the_person(related_crm):
    store = Store(related_crm, "contact", "id")
    found = find(store, ["7"], RELATED_KEYS)
    assert [(h.row.table, h.row.id, h.kinds, h.certain) for h in found.texts] == [("entity", (50,), ("family",), False)]
    assert found.unread == () and "entity" in found.rows and (50,) not in found.rows["entity"]


def test_a_family_name_that_others_bear_too_is_not_looked_for_and_that_is_said(related_crm):
    with related_crm.writing() as con:
        con.execute("UPDATE rf_base.contact SET last_name = 'meadowfield' WHERE id = 9")
    found = find(Store(related_crm, "contact", "id"), ["7"], RELATED_KEYS)
    assert found.texts == () and len(found.unread) == 1 and "family name" in found.unread[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_kind_of_thing_that_few_references_name_is_found_too(engine, request, tmp_path):
    """Tryton's notes: a thousand of parties, and then a few of orders that no first sample holds."""
    fill = (
        "CREATE TABLE {0}party (id integer PRIMARY KEY, name varchar)",
        "CREATE TABLE {0}orders (id integer PRIMARY KEY, party integer)",
        "CREATE TABLE {0}note (id integer PRIMARY KEY, resource varchar)",
        "INSERT INTO {0}party SELECT i, 'n' FROM generate_series(1, 900) AS s(i)",
        "INSERT INTO {0}orders SELECT i, i FROM generate_series(1, 40) AS s(i)",
        "INSERT INTO {0}note SELECT i, 'crm.party,' || i FROM generate_series(1, 900) AS s(i)",
        "INSERT INTO {0}note SELECT 1000 + i, 'crm.orders,' || i FROM generate_series(1, 40) AS s(i)",
    )
    if engine == "duckdb":
        from rightful.sources.duckdb import DuckDBSource

        source = DuckDBSource.create(tmp_path / "s.duckdb", bytes(range(32)))
        with source.writing() as con:
            for statement in fill:
                con.execute(statement.format("rf_base."))
    else:
        import psycopg

        url = request.getfixturevalue("postgres_url")
        with psycopg.connect(url, autocommit=True) as con:
            for statement in fill:
                con.execute(statement.format(""))
        source = PostgresSource.reflect(url, customer_table="party", reader_password="x")
    with closing(source):
        found = {link.id for link in Store(source, "party", "id").propose()}
    assert {"note.resource>party.id", "note.resource>orders.id"} <= found


def test_of_two_columns_that_name_the_customer_the_one_called_by_is_a_mention():
    refs = ((("customer_id",), "customer", ("id",)), (("created_by",), "customer", ("id",)))
    tables = shape("customer", "id"), shape("ticket", "id", "customer_id", "created_by", references=refs)
    links = rules.with_roles(rules.declared(tables, "customer"), tables, "customer", {})
    assert {link.columns[0]: link.role for link in links} == {"customer_id": "belongs", "created_by": "mentions"}


def test_a_country_is_nobodys_although_only_one_customer_lives_there():
    refs = ((("country_id",), "country", ("id",)), (("address_id",), "address", ("id",)))
    tables = (
        shape("customer", "id", "country_id", "address_id", references=refs),
        shape("country", "id"),
        shape("address", "id"),
    )
    links = rules.with_roles(
        rules.declared(tables, "customer"), tables, "customer", {"customer.country_id>country.id": 7}
    )
    assert {link.parent: link.role for link in links} == {"country": "reference", "address": "shared"}
