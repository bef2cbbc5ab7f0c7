"""A CRM made of traps: everything that makes an erasure leave something behind, or take too much.

One database in three engines. Ana (customers 17 and 18: she signed up twice) is the one
who is erased. Every value that is hers alone holds CANARY, every value that is
somebody else's and looks a little like hers holds OTHER. What is left of CANARY is
residue; what is missing of OTHER is collateral.

The traps are named in `TRAPS`; `tests/actions/test_erasure_traps.py` asks for each.
"""

from __future__ import annotations

from typing import Any

TRAPS = {
    "no-type": "a column that no policy classifies",
    "not-null": "a column that may not be empty, in a row that has to stay",
    "unique": "a column whose values must differ, in a row that has to stay",
    "personal-key": "a primary key that is an e-mail address, with children of its own",
    "shared-row": "an address two customers share",
    "own-row": "an address only she points to",
    "two-people": "a message between her and another customer",
    "two-keys": "an account that two customers hold together",
    "two-identities": "identities in two columns and two tables",
    "duplicate": "she signed up twice",
    "history": "a history table that still has her former address",
    "custom-fields": "a table of custom fields beside the customers",
    "type-and-id": "notes that name their owner by type and id",
    "reference-text": "attachments that name their owner as text",
    "value-link": "a sign-up list with an e-mail address and no key",
    "search-index": "a search index with everything in one text",
    "free-text": "her address and telephone number in somebody else's notes",
    "cached-column": "her name and address copied into a row that the law keeps",
    "extract": "a list drawn for a campaign, without any key",
    "attachment": "bytes of a scan, in her row and in somebody else's",
    "mention": "somebody she introduced",
    "grandchild": "lines of her orders",
    "trigger": "a database trigger that copies what is deleted (PostgreSQL, MariaDB)",
    "derived": "a materialised view (PostgreSQL)",
    "number": "her telephone number as a number, without a plus sign",
}

ANA = (17, 18)
TABLES: dict[str, str] = {
    "address": "id INTEGER PRIMARY KEY, street TEXT NOT NULL, city TEXT",
    "customer": """id INTEGER PRIMARY KEY, first_name TEXT NOT NULL, last_name VARCHAR(40) NOT NULL,
        email VARCHAR(80) NOT NULL UNIQUE, email2 TEXT, phone TEXT, residence TEXT, birth_date DATE NOT NULL,
        loyalty_code VARCHAR(12) NOT NULL UNIQUE, address_id INTEGER REFERENCES address (id),
        billing_address_id INTEGER REFERENCES address (id), introduced_by INTEGER REFERENCES customer (id),
        nickname TEXT""",
    "invoice": """id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id),
        amount NUMERIC(10, 2) NOT NULL, billed_to TEXT NOT NULL, delivery_note TEXT NOT NULL, customer_email TEXT""",
    "orders": "id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customer (id), gift_note TEXT",
    "order_line": "id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), engraving TEXT",
    "customer_history": "hid INTEGER PRIMARY KEY, id INTEGER, email TEXT, last_name TEXT, changed_on DATE",
    "customer_cstm": "id_c INTEGER PRIMARY KEY, shoe_size_c TEXT",
    "note": "id INTEGER PRIMARY KEY, parent_type TEXT NOT NULL, parent_id TEXT NOT NULL, body TEXT",
    "attachment": "id INTEGER PRIMARY KEY, resource TEXT, name TEXT, data BYTEA",
    "signup": "email TEXT, source TEXT",
    "message": "id INTEGER PRIMARY KEY, from_email TEXT, to_email TEXT, body TEXT",
    "referral": """id INTEGER PRIMARY KEY, referrer_id INTEGER NOT NULL REFERENCES customer (id),
        customer_id INTEGER NOT NULL REFERENCES customer (id), remark TEXT""",
    "joint_account": """id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customer (id),
        second_customer_id INTEGER REFERENCES customer (id), label TEXT""",
    "search_index": "id INTEGER PRIMARY KEY, entity TEXT, entity_id INTEGER, content TEXT",
    "login": "email TEXT PRIMARY KEY, last_seen TEXT",
    "login_event": "id INTEGER PRIMARY KEY, login_email TEXT NOT NULL REFERENCES login (email), device TEXT",
    "call_log": "id INTEGER PRIMARY KEY, caller BIGINT, seconds INTEGER",
    "campaign_list": "full_name TEXT, mail TEXT, score INTEGER",
    "product": "id INTEGER PRIMARY KEY, title TEXT NOT NULL",
}


def _mail(i: int) -> str:
    return "Ana.CANARY@mail.example" if i == 17 else f"other{i}@mail.example"


def _phone(i: int) -> str:
    return "+49 151 70707017" if i in ANA else f"+49 151 8080{8000 + i}"


def rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows. 30 customers; 17 and 18 are Ana, 19 lives with her, 20 is called almost like her."""
    people = range(1, 31)
    made: dict[str, list[tuple[Any, ...]]] = {
        "address": [(i, f"{'CANARY' if i == 18 else 'OTHER'} street {i}", "Ulm") for i in people if i != 17]
        + [(117, "CANARY billing street 17", "Ulm"), (118, "CANARY second billing street", "Ulm")],
        "customer": [],
        "product": [(1, "OTHER kettle"), (2, "OTHER cup")],
    }
    for i in people:
        first, last = ("Ana", "Canarya") if i in ANA else ("Joana", "Canaryasen") if i == 20 else (f"P{i}", f"Other{i}")
        mail = "ana.CANARY.second@mail.example" if i == 18 else _mail(i)
        if i == 20:
            mail = "joana.canary@mail.example.org"
        made["customer"].append(
            (
                *(i, first, last, mail, f"CANARY-two-{i}@post.example" if i in ANA else None, _phone(i), "DE"),
                *("1980-05-05", f"{'CANARY' if i in ANA else 'OTHER'}-{i}", 19 if i == 17 else i),
                *({17: 117, 18: 118}.get(i), 17 if i == 21 else None, "CANARY nick" if i in ANA else f"OTHER nick {i}"),
            )
        )
    made["invoice"] = [
        (
            i,
            i,
            10 * i,
            *(("Ana Canarya", "CANARY leave at door", _mail(17)) if i == 17 else (f"P{i} Other{i}", "OTHER", None)),
        )
        for i in people
    ]
    made["orders"] = [(100 + i, i, "CANARY gift" if i in ANA else f"OTHER gift {i}") for i in people]
    made["order_line"] = [(200 + i, 100 + i, "CANARY engraved" if i in ANA else f"OTHER engraved {i}") for i in people]
    made["customer_history"] = [
        (
            300 + i,
            i,
            "CANARY.former@mail.example" if i == 17 else f"former{i}@mail.example",
            f"OTHERformer{i}",
            "2020-01-01",
        )
        for i in people
        if i != 18
    ]
    made["customer_cstm"] = [(i, "CANARY 38" if i in ANA else f"OTHER {i}") for i in people]
    made["note"] = [
        (i, "Customer", str(i), "CANARY rings at noon" if i in ANA else f"OTHER note {i}") for i in people
    ] + [(400 + i, "Order", str(100 + i), "CANARY broken" if i in ANA else f"OTHER fine {i}") for i in people]
    made["note"] += [
        (490, "Product", "17", "OTHER about a product whose number is hers"),
        (491, "Customer", "22", "OTHER friend of ana.canary@mail.example, rings 0151/707 07 017"),
        (492, "Customer", "20", "OTHER joana.canary@mail.example.org is herself"),
    ]
    scan = b"%PDF CANARY passport of Ana.CANARY@mail.example"
    made["attachment"] = [
        (500 + i, f"crm.customer,{i}", f"{'CANARY' if i in ANA else 'OTHER'}.pdf", scan if i in ANA else b"OTHER scan")
        for i in people
    ] + [(590, "crm.product,17", "OTHER.pdf", b"OTHER product sheet")]
    made["signup"] = [
        (f" {_mail(i).upper()} " if i == 17 else _mail(i), "CANARY fair" if i == 17 else "OTHER") for i in people
    ]
    made["message"] = [
        (1, _mail(17), "shop@meadow.example", "CANARY where is my kettle"),
        (2, _mail(17), _mail(22), "OTHER dear friend, yours Ana.CANARY@mail.example"),
        (3, _mail(22), _mail(23), "OTHER nothing of hers"),
        (4, "shop@meadow.example", _mail(17), "CANARY it is on its way"),
        *((10 + i, _mail(i), "shop@meadow.example", f"OTHER letter {i}") for i in people if i != 17),
    ]
    made["referral"] = [(1, 17, 21, "OTHER 21 came through somebody"), (2, 22, 23, "OTHER 23 came through 22")]
    made["joint_account"] = [
        (1, 17, 19, "OTHER our account"),
        (2, 24, 25, "OTHER theirs"),
        (3, 17, None, "CANARY hers"),
    ]
    made["search_index"] = [
        (i, "customer", i, f"Ana Canarya {_mail(17)} CANARY" if i in ANA else f"OTHER P{i} {_mail(i)}") for i in people
    ] + [(790, "product", 17, "OTHER kettle")]
    made["login"] = [(_mail(i), "CANARY yesterday" if i == 17 else "OTHER") for i in people if i != 18]
    made["login_event"] = [
        (600 + i, _mail(i), "CANARY telephone" if i == 17 else f"OTHER device {i}") for i in people if i != 18
    ]
    made["call_log"] = [(i, 4915170707017 if i == 17 else 4915180808000 + i, 60 + i) for i in people]
    made["campaign_list"] = [
        ("Ana Canarya", _mail(17), 7),
        *((f"P{i} Other{i}", _mail(i), i) for i in people if i not in ANA),
    ]
    return made


POLICY = """
rightful: 1
policy: {name: Traps, version: "1", owner: privacy@traps.example, timezone: Europe/Berlin}
unknown: {jurisdiction: strictest, age: adult-unless-service-for-children, field: deny}
regimes:
  EU: {laws: [gdpr], where: [DE], digital-consent-age: {DE: 16}}
categories:
  keys: {fields: [customer.id, invoice.id, invoice.customer_id, orders.id, orders.customer_id]}
  identity: {fields: [customer.first_name, customer.last_name]}
  contact: {fields: [customer.email, customer.phone]}
  place: {fields: [customer.residence]}
  birth: {fields: [customer.birth_date]}
  money: {fields: [invoice.amount]}
roles:
  support: [service]
  finance: [tax-records]
purposes:
  service:
    says: We help you.
    basis: contract
    needs: [keys, identity, contact, place]
  letters:
    says: We write to you.
    basis: consent
    channels: [email]
    needs: [keys, identity, customer.email]
  tax-records:
    says: The law makes us keep what you paid.
    basis: {legal-obligation: "AO 147"}
    needs: [invoice.id, invoice.customer_id, customer.id, money]
    keep: 10 years from the end of the year
    survives: [objection, withdrawal, erasure]
"""


def ddl(dialect: str, table: str) -> str:
    """The columns of a table for an engine; the embedded store declares no references, as after an import."""
    import re

    text = TABLES[table]
    if dialect == "duckdb":
        text = re.sub(r" REFERENCES \w+ \(\w+\)", "", text)
        return text.replace("BYTEA", "BLOB")
    if dialect == "mysql":  # a key of a text has a length there
        text = re.sub(r"\b(email|login_email) TEXT( PRIMARY KEY| NOT NULL REFERENCES)", r"\1 VARCHAR(190)\2", text)
        return text.replace("BYTEA", "BLOB")
    return text


def fill_duckdb(source: Any) -> None:
    """Put the tables into the embedded store; only customers, invoices and orders are governed."""
    with source.writing() as con:
        for table, made in rows().items():
            con.execute(f"CREATE TABLE rf_base.{table} ({ddl('duckdb', table)})")
            marks = ", ".join("?" * len(made[0]))
            con.executemany(f"INSERT INTO rf_base.{table} VALUES ({marks})", [list(row) for row in made])
        for table, key in (("customer", "id"), ("invoice", "customer_id"), ("orders", "customer_id")):
            con.execute(f"ALTER TABLE rf_base.{table} ADD COLUMN rf_no UINTEGER")
            source.register_table(con, table, key=key, customer_table=table == "customer")
        source.renumber(con)


def fill_postgres(url: str) -> None:
    """Put the tables, a materialised view and a trigger that keeps what is deleted into a database."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as con:
        with con.cursor() as cursor:
            _fill(cursor, "postgres")
        con.execute("CREATE MATERIALIZED VIEW customer_card AS SELECT id, first_name, email, nickname FROM customer")
        con.execute("CREATE TABLE deleted_notes (id integer, parent_id text, body text, deleted_at timestamptz)")
        con.execute(
            "CREATE FUNCTION keep_notes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            "INSERT INTO deleted_notes VALUES (OLD.id, OLD.parent_id, OLD.body, now()); RETURN OLD; END $$"
        )
        con.execute("CREATE TRIGGER keep BEFORE DELETE ON note FOR EACH ROW EXECUTE FUNCTION keep_notes()")
        con.execute("ANALYZE")


def fill_mariadb(url: str) -> None:
    """Put the tables and a trigger that keeps what is deleted into a database."""
    from urllib.parse import unquote, urlsplit

    import pymysql

    at = urlsplit(url)
    con = pymysql.connect(
        host=at.hostname, port=at.port or 3306, user=unquote(at.username or ""), password=unquote(at.password or ""),
        database=at.path[1:], charset="utf8mb4", autocommit=True,
    )  # fmt: skip
    with con, con.cursor() as cursor:
        _fill(cursor, "mysql")
        cursor.execute("CREATE TABLE deleted_notes (id INTEGER, parent_id TEXT, body TEXT, deleted_at DATETIME)")
        cursor.execute(
            "CREATE TRIGGER keep_notes BEFORE DELETE ON note FOR EACH ROW "
            "INSERT INTO deleted_notes VALUES (OLD.id, OLD.parent_id, OLD.body, NOW())"
        )


def _fill(cursor: Any, dialect: str) -> None:
    made = rows()
    for table in ("address", "customer", *(t for t in TABLES if t not in ("address", "customer"))):
        cursor.execute(f"CREATE TABLE {table} ({ddl(dialect, table)})")
        marks = ", ".join(["%s"] * len(made[table][0]))
        first = [row for row in made[table] if table != "customer" or row[11] is None]
        later = [row for row in made[table] if row not in first]
        cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", first + later)
