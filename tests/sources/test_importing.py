"""A file becomes tables whole or not at all; what is turned away is listed with line and reason."""

from __future__ import annotations

import csv
import datetime as dt
import os
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rightful.errors import BadInput, FileRejected
from rightful.sources.contract import FlagState
from rightful.sources.duckdb import DuckDBSource
from rightful.sources.importing import COLUMNS, LINE_BYTES, Loaded, Proposal, load, propose, safe_name

from .conftest import KEY

TODAY = dt.date(2026, 11, 24)
PEOPLE = "id,first_name,email,birth_date,spent\n" + "".join(
    f"{i:03d},Ana{i},ana{i}@mail.example,{1960 + i % 40}-05-{1 + i % 28:02d},{i}.5\n" for i in range(100)
)


def write(folder: Path, text: str | bytes, name: str = "customer.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows_of(store: DuckDBSource, query: str) -> list[dict[str, Any]]:
    with store.run(query) as reader:
        return reader.read_all().to_pylist()


def bring_in(store: DuckDBSource, *paths: Path, **options: Any) -> Loaded:
    return load(store, propose(*paths, known=store.catalogue()), today=TODAY, **options)


def rejected(loaded: Loaded, table: int = 0) -> list[list[str]]:
    target = loaded.tables[table].rejected_file
    assert target is not None
    with target.open(newline="") as file:
        return list(csv.reader(file))[1:]


# Proposals


def test_a_proposal_names_columns_types_categories_and_reasons(tmp_path: Path) -> None:
    proposal = propose(write(tmp_path, PEOPLE))
    table = proposal.tables[0]
    assert [(c.name, c.type, c.finding.category) for c in table.columns] == [
        ("id", "text", "technical"), ("first_name", "text", "identity"), ("email", "text", "contact"),
        ("birth_date", "date", "birth"), ("spent", "double", "orders"),
    ]  # fmt: skip
    assert (table.key, table.customer_table, table.rows) == ("id", True, 100)
    shown = proposal.as_text()
    assert "100 of 100" in shown and "customers; key id" in shown
    assert "ana7@mail.example" not in shown
    assert "  contact: {fields: [customer.email]}" in proposal.categories_yaml()


def test_proposed_categories_are_valid_policy_text(tmp_path: Path) -> None:
    from ruamel.yaml import YAML

    text = "id,diagnosis,note,zz\n" + "".join(f"a{i},x,please call me back soon {i},{i}\n" for i in range(30))
    loaded = YAML(typ="safe").load(propose(write(tmp_path, text)).categories_yaml())
    assert loaded["categories"]["health"] == {"fields": ["customer.diagnosis"], "special": "gdpr-9"}
    assert loaded["categories"]["free-text"]["treat-as"] == "special"


def test_a_column_nobody_can_classify_is_listed_to_decide(tmp_path: Path) -> None:
    proposal = propose(write(tmp_path, "id,zz\n" + "".join(f"k{i},{i % 3}\n" for i in range(30))))
    assert proposal.undecided == ("customer.zz",)
    assert "To decide before use: customer.zz" in proposal.as_text()


def test_links_between_files_are_found_by_name_and_values(tmp_path: Path) -> None:
    orders = "order_id,customer_id,total\n" + "".join(f"o{i},{i % 100:03d},{i}\n" for i in range(300))
    proposal = propose(write(tmp_path, orders, "orders.csv"), write(tmp_path, PEOPLE))
    link = proposal.links[0]
    assert (link.table, link.column, link.to_table, link.to_column) == ("orders", "customer_id", "customer", "id")
    assert "100 of 100" in link.reason
    assert proposal.table("orders").key == "order_id"


@pytest.mark.parametrize(
    ("content", "delimiter", "encoding"),
    [
        (PEOPLE.encode(), ",", "utf-8"),
        (PEOPLE.replace(",", ";").encode("utf-8-sig"), ";", "utf-8-sig"),
        (PEOPLE.replace(",", "\t").encode("utf-16"), "\t", "utf-16"),
        (PEOPLE.replace(",", "|").replace("Ana", "Zoë").encode("latin-1"), "|", "latin-1"),
        (PEOPLE.replace("Ana1,", "“Ana” €,").encode("cp1252"), ",", "cp1252"),
        (PEOPLE.replace("\n", "\r\n").encode(), ",", "utf-8"),
        (PEOPLE.replace("\n", "\r").encode(), ",", "utf-8"),
    ],
)
def test_dialect_and_encoding_are_told_by_content(
    store: DuckDBSource, tmp_path: Path, content: bytes, delimiter: str, encoding: str
) -> None:
    path = write(tmp_path, content)
    proposal = propose(path)
    dialect = proposal.tables[0].dialect
    assert dialect is not None
    assert (dialect.delimiter, dialect.encoding) == (delimiter, encoding)
    assert load(store, proposal, today=TODAY).tables[0].rows == 100
    names = [r["first_name"] for r in rows_of(store, "SELECT first_name FROM rf_base.customer ORDER BY id")]
    expected = [row["first_name"] for row in csv.DictReader(content.decode(encoding).splitlines(), delimiter=delimiter)]
    assert names == expected


def test_the_extension_does_not_matter(store: DuckDBSource, tmp_path: Path) -> None:
    path = tmp_path / "customer.txt"
    pq.write_table(pa.table({"id": ["a", "b"], "age": [1, 2]}), path)
    assert propose(path).tables[0].format == "parquet"


@pytest.mark.parametrize(
    ("original", "name"),
    [
        ("First Name", "first_name"), ("E-Mail", "e_mail"), ("Straße", "strasse"), ("größe", "grosse"),
        ('a"; DROP TABLE customer; --', "a_drop_table_customer"), ("rf_no", "x_rf_no"), ("2024", "c_2024"),
        ("", "column_1"), ("名前", "column_1"), ("x" * 300, "x" * 56), ("customerID", "customer_id"),
    ],
)  # fmt: skip
def test_names_become_safe_identifiers(original: str, name: str) -> None:
    assert safe_name(original, fallback="column_1") == name


def test_hostile_column_names_load_and_nothing_is_dropped(store: DuckDBSource, tmp_path: Path) -> None:
    """AC-043"""
    bring_in(store, write(tmp_path, PEOPLE))
    hostile = '"a""; DROP TABLE rf_base.customer; --",customer_id,"x\'; --",select,select\n1,001,2,3,4\n5,002,6,7,8\n'
    path = write(tmp_path, hostile, "o'rders\"; DROP TABLE customer;--.csv")
    loaded = bring_in(store, path)
    assert loaded.tables[0].rows == 2
    tables = {t.name: [c.name for c in t.columns] for t in store.catalogue()}
    assert tables["o_rders_drop_table_customer"] == [
        "a_drop_table_rf_base_customer", "customer_id", "x", "select", "select_2",
    ]  # fmt: skip
    assert len(tables) == 2 and rows_of(store, "SELECT count(*) AS n FROM rf_base.customer") == [{"n": 100}]


def test_a_path_with_pattern_characters_is_one_file(store: DuckDBSource, tmp_path: Path) -> None:
    write(tmp_path, PEOPLE.replace("Ana", "Eve"), "customer1.csv")
    assert bring_in(store, write(tmp_path, PEOPLE, "customer[1]*?.csv")).tables[0].rows == 100
    name = store.catalogue()[0].name
    assert rows_of(store, f"SELECT count(*) AS n FROM rf_base.{name} WHERE first_name LIKE 'Eve%'") == [{"n": 0}]


# Keys


def test_keys_keep_their_leading_zeros_and_spaces(store: DuckDBSource, tmp_path: Path) -> None:
    """E12: '007' is not 7."""
    bring_in(store, write(tmp_path, 'id,name\n007,a\n7,b\n" 7",c\n7.0,d\n'))
    assert [r["id"] for r in rows_of(store, "SELECT id FROM rf_base.customer ORDER BY rf_no")] == [
        "007",
        "7",
        " 7",
        "7.0",
    ]


def test_ac_040_variants_of_a_key_stay_separate_customers_and_are_counted(store: DuckDBSource, tmp_path: Path) -> None:
    text = "id,name\nana,1\nAna,2\nana ,3\nJosé,4\nJose\u0301,5\nﬁn,6\nfin,7\n"
    loaded = bring_in(store, write(tmp_path, text))
    assert (loaded.customers, loaded.rejected) == (7, 0)
    assert "2 groups of keys differ only in case, spaces or Unicode form" in loaded.tables[0].notes[0]


def test_one_key_on_different_rows_is_refused_and_the_same_row_twice_is_taken_once(
    store: DuckDBSource, tmp_path: Path
) -> None:
    extra = "007,Ana7,ana7@mail.example,1967-05-08,7.5\n008,Other,other@mail.example,1970-01-01,1\n"
    loaded = bring_in(store, write(tmp_path, PEOPLE + extra))
    ids = {r["id"] for r in rows_of(store, "SELECT id FROM rf_base.customer")}
    assert "007" in ids and "008" not in ids and len(ids) == 99
    assert rejected(loaded) == [
        ["10", "id", "the key stands on several different rows; none is taken"],
        ["102", "id", "the same row stands in the file before"],
        ["103", "id", "the key stands on several different rows; none is taken"],
    ]


def test_a_row_without_a_key_is_turned_away(store: DuckDBSource, tmp_path: Path) -> None:
    proposal = propose(write(tmp_path, PEOPLE + ",Nobody,nobody@mail.example,1970-01-01,1\n"))
    proposal = proposal.decide("customer", key="id", customer_table=True)
    assert rejected(load(store, proposal, today=TODAY)) == [["102", "id", "the key is missing"]]


# Again


def test_a_file_that_comes_again_keeps_numbers_and_flags(store: DuckDBSource, tmp_path: Path) -> None:
    bring_in(store, write(tmp_path, PEOPLE))
    before = {r["id"]: r["rf_no"] for r in rows_of(store, "SELECT id, rf_no FROM rf_base.customer")}
    plane = np.packbits(np.arange(100) % 2 == 0, bitorder="little")
    store.write_flags(FlagState(1, "p", {"rf_f_0": "d"}), {"rf_f_0": plane}, 100)
    lines = PEOPLE.splitlines()
    again = [lines[0], "zzz,New,new@mail.example,1990-01-01,1", *reversed(lines[11:])]
    again[2] = again[2].replace("Ana99", "Renamed")
    loaded = bring_in(store, write(tmp_path, "\n".join(again) + "\n"))
    table = loaded.tables[0]
    assert (table.new, table.known, table.vanished, table.rows, loaded.customers) == (1, 90, 10, 101, 101)
    after = {r["id"]: r for r in rows_of(store, "SELECT id, rf_no, rf_f_0, first_name FROM rf_base.customer")}
    assert {k: after[k]["rf_no"] for k in before} == before
    assert after["zzz"]["rf_no"] == 100 and after["zzz"]["rf_f_0"] is False
    assert [after[k]["rf_f_0"] for k in sorted(before)] == [n % 2 == 0 for n in range(100)]
    assert after["099"]["first_name"] == "Renamed" and after["003"]["first_name"] == "Ana3"


def test_a_file_that_comes_again_keeps_the_types_of_the_store(store: DuckDBSource, tmp_path: Path) -> None:
    bring_in(store, write(tmp_path, PEOPLE))
    unaware = propose(write(tmp_path, "id,spent\n7,12\n007,13\n"))  # integers here, decimals there
    assert load(store, unaware, today=TODAY).tables[0].new == 1
    found = rows_of(store, "SELECT id, spent FROM rf_base.customer WHERE id IN ('7', '007') ORDER BY id")
    assert found == [{"id": "007", "spent": 13.0}, {"id": "7", "spent": 12.0}]


def test_a_new_column_of_a_later_file_is_added_and_a_missing_one_kept(store: DuckDBSource, tmp_path: Path) -> None:
    bring_in(store, write(tmp_path, PEOPLE))
    loaded = bring_in(store, write(tmp_path, "id,first_name,shoe_size\n001,Ana1,39\n002,Ana2,40\n"))
    assert rows_of(store, "SELECT email, shoe_size FROM rf_base.customer WHERE id = '001'") == [
        {"email": "ana1@mail.example", "shoe_size": 39}
    ]
    assert any("new columns: shoe_size" in note for note in loaded.tables[0].notes)


def test_rows_of_customers_get_their_number_and_flags(store: DuckDBSource, tmp_path: Path) -> None:
    bring_in(store, write(tmp_path, PEOPLE))
    plane = np.packbits(np.arange(100) < 10, bitorder="little")
    store.write_flags(FlagState(1, "p", {"rf_f_0": "d"}), {"rf_f_0": plane}, 100)
    orders = "order_id,customer_id,total\n" + "".join(f"o{i},{i % 101:03d},{i}\n" for i in range(202))
    loaded = bring_in(store, write(tmp_path, orders, "orders.csv"))
    assert loaded.tables[0].unlinked == 2
    assert rows_of(store, "SELECT count(*) AS n FROM rf_base.orders WHERE rf_f_0") == [{"n": 20}]
    assert rows_of(store, "SELECT count(*) AS n FROM rf_base.orders WHERE rf_no IS NULL AND NOT rf_f_0") == [{"n": 2}]
    bring_in(store, write(tmp_path, PEOPLE + "100,Late,late@mail.example,1990-01-01,1\n"))
    assert rows_of(store, "SELECT count(*) AS n FROM rf_base.orders WHERE rf_no IS NULL") == [{"n": 0}]


def test_rows_that_belong_to_nobody_cannot_be_loaded(store: DuckDBSource, tmp_path: Path) -> None:
    bring_in(store, write(tmp_path, PEOPLE))
    with pytest.raises(FileRejected, match="names the customer"):
        bring_in(store, write(tmp_path, "sku,price\na1,3\nb2,4\n", "stock.csv"))


# Bad rows


def test_bad_rows_are_listed_with_line_column_and_reason_and_the_rest_is_loaded(
    store: DuckDBSource, tmp_path: Path
) -> None:
    lines = PEOPLE.splitlines()
    lines[10] = "009,Ana9,ana9@mail.example"  # two fields short
    lines[20] += ",and,more"
    lines[40] = lines[40].replace("39.5", "thirty-nine")
    lines[50] = "049,Ana49,ana49@mail.example,2031-01-01,49.5"
    proposal = propose(write(tmp_path, PEOPLE))
    proposal = propose(write(tmp_path, "\n".join(lines) + "\n")).decide("customer", types={"spent": "double"})
    loaded = load(store, proposal, today=TODAY)
    assert rejected(loaded) == [
        ["11", "", "fields are missing on this line"],
        ["21", "", "the line has more fields than the header"],
        ["41", "spent", "not a double"],
        ["51", "birth_date", "lies in the future (after 2026-11-24)"],
    ]
    assert (loaded.rejected, loaded.customers) == (4, 96)
    numbers = [r["rf_no"] for r in rows_of(store, "SELECT rf_no FROM rf_base.customer ORDER BY rf_no")]
    assert numbers == list(range(96))


def test_lines_are_right_when_fields_hold_line_breaks(store: DuckDBSource, tmp_path: Path) -> None:
    text = "id,note,birth_date\n" + "".join(f'{i},"two\nlines",{1960 + i}-01-01\n' for i in range(30))
    text += 'x,"one",2099-01-01\n' + 'y,"two\nlines",1990-01-01\nz,"a",2098-01-01\n'
    loaded = bring_in(store, write(tmp_path, text))
    assert [row[0] for row in rejected(loaded)] == ["62", "65"]


@pytest.mark.parametrize("at", [1, 2, 50, 99])
def test_mixed_line_breaks_lose_no_row(store: DuckDBSource, tmp_path: Path, at: int) -> None:
    lines = PEOPLE.splitlines()
    mixed = "\r\n".join(lines[:at]) + "\n" + "\r\n".join(lines[at:]) + "\n"
    try:
        assert bring_in(store, write(tmp_path, mixed)).customers == 100
    except FileRejected as error:
        assert "could be read" in str(error) or "do not fit" in str(error)
        assert store.catalogue() == ()


def test_blank_lines_between_rows_are_no_rows(store: DuckDBSource, tmp_path: Path) -> None:
    assert bring_in(store, write(tmp_path, PEOPLE.replace("\n", "\n\n"))).customers == 100


def test_a_type_that_changes_late_makes_the_column_text_or_is_said(store: DuckDBSource, tmp_path: Path) -> None:
    text = (
        "id,code\n" + "".join(f"k{i},{i}\n" for i in range(200_000)) + "".join(f"x{i},A-{i}\n" for i in range(50_000))
    )
    proposal = propose(write(tmp_path, text))
    assert proposal.tables[0].column("code").type == "text"
    forced = proposal.decide("customer", types={"code": "bigint"})
    with pytest.raises(
        FileRejected, match=r"50,000 rows do not fit, first line 200,002 column code: not a bigint"
    ) as caught:
        load(store, forced, today=TODAY)
    assert "--type" in str(caught.value)
    assert store.catalogue() == ()
    assert load(store, proposal, today=TODAY).customers == 250_000


def test_the_list_of_rejected_rows_repeats_no_data(store: DuckDBSource, tmp_path: Path) -> None:
    text = PEOPLE + "101,Zebulon,zebulon@mail.example,2099-01-01,1\n"
    target = bring_in(store, write(tmp_path, text)).tables[0].rejected_file
    assert target is not None and "zebulon" not in target.read_text().lower()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"id,name\n", "has a header and no rows"),
        (b"\n\nid,name\n1,a\n", ""),
        (b"1,ana@mail.example,2020-01-01\n2,eve@mail.example,2020-01-02\n", "line 1 looks like data"),
        (b"1,2,3\n4,5,6\n7,8,9\n", "line 1 looks like data"),
        (
            PEOPLE.encode() + b"\xff\xfe broken,\xc3\xa9t\xc3\xa9,\xc3\xa9,\xc3\xa9,\xc3\xa9\n",
            "line 102 holds bytes that are not UTF-8",
        ),
        (PEOPLE.encode() + b"101,a\0b,x,2020-01-01,1\n", "line 102 holds a zero byte"),
        (b'id,"name\n' + b"1,a\n" * 10, "quote is opened and never closed"),
        (b"\x1f\x8b\x08\0\0\0\0\0", "compressed with gzip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old or password-protected Excel"),
        (b"%PDF-1.7 x", "a PDF"),
        (b"PAR1 but not really PAR1", "says it is Parquet but cannot be read"),
        (b"PK\x03\x04 but not really", "damaged zip or Excel"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(tmp_path: Path, content: bytes, says: str) -> None:
    path = write(tmp_path, content)
    if not says:
        assert propose(path).tables[0].columns[0].name == "id"
        return
    with pytest.raises(FileRejected) as caught:
        propose(path)
    assert says in str(caught.value)
    assert caught.value.what_next


def test_a_truncated_last_line_is_turned_away(store: DuckDBSource, tmp_path: Path) -> None:
    loaded = bring_in(store, write(tmp_path, PEOPLE + '100,"Ana never ends'))
    assert loaded.customers == 100
    assert rejected(loaded)[0][0] == "102"


def test_a_file_that_changed_after_the_proposal_is_refused(store: DuckDBSource, tmp_path: Path) -> None:
    path = write(tmp_path, PEOPLE)
    proposal = propose(path)
    path.write_text(PEOPLE + "100,New,new@mail.example,1990-01-01,1\n")
    with pytest.raises(FileRejected, match="has changed since"):
        load(store, proposal, today=TODAY)


def test_when_one_of_two_files_is_bad_neither_is_loaded(store: DuckDBSource, tmp_path: Path) -> None:
    orders = "order_id,customer_id,total\n" + "".join(f"o{i},{i % 100:03d},{i}\n" for i in range(50))
    proposal = propose(write(tmp_path, PEOPLE), write(tmp_path, orders, "orders.csv"))
    with pytest.raises(FileRejected):
        load(
            store,
            proposal.decide("orders", types={"order_id": "text", "customer_id": "text", "total": "date"}),
            today=TODAY,
        )
    assert store.catalogue() == ()


def test_a_person_can_decide_otherwise_but_not_for_columns_that_are_not_there(tmp_path: Path) -> None:
    proposal = propose(write(tmp_path, PEOPLE))
    decided = proposal.decide("customer", key="email", categories={"spent": "financial"})
    assert decided.tables[0].subject == "email"
    assert decided.tables[0].column("spent").finding.category == "financial"
    with pytest.raises(BadInput):
        proposal.decide("customer", key="nope")
    with pytest.raises(BadInput):
        proposal.decide("customer", types={"spent": "money"})


# Days


@pytest.mark.parametrize(
    ("days", "kind", "first"),
    [
        (["13.01.1980", "02.12.1990"], "date", dt.date(1980, 1, 13)),
        (["13/01/1980", "02/12/1990"], "date", dt.date(1980, 1, 13)),
        (["01/13/1980", "12/02/1990"], "date", dt.date(1980, 1, 13)),
        (["01/02/1980", "03/04/1990"], "text", "01/02/1980"),
    ],
)
def test_days_are_read_only_where_day_and_month_cannot_be_mistaken(
    store: DuckDBSource, tmp_path: Path, days: list[str], kind: str, first: object
) -> None:
    proposal = propose(write(tmp_path, "id,birth_date\n" + "".join(f"k{i},{day}\n" for i, day in enumerate(days))))
    assert proposal.tables[0].column("birth_date").type == kind
    load(store, proposal, today=TODAY)
    assert rows_of(store, "SELECT birth_date FROM rf_base.customer WHERE id = 'k0'") == [{"birth_date": first}]


# Parquet and Excel


def test_parquet_keeps_its_types_and_its_keys_as_text(store: DuckDBSource, tmp_path: Path) -> None:
    path = tmp_path / "customer.parquet"
    pq.write_table(
        pa.table({"id": [7, 8], "born_on": [dt.date(1980, 1, 1), dt.date(2099, 1, 1)], "tags": [["a"], ["b"]],
                  "at": pa.array([0, 1], pa.timestamp("us", "UTC"))}), path)  # fmt: skip
    proposal = propose(path)
    loaded = load(
        store, proposal.decide("customer", key="id", categories={"born_on": "birth"}), today=TODAY, most_rejected=0.9
    )
    assert rows_of(store, "SELECT id, born_on FROM rf_base.customer") == [{"id": "7", "born_on": dt.date(1980, 1, 1)}]
    assert rejected(loaded)[0][1:] == ["born_on", "lies in the future (after 2026-11-24)"]


def sheet(path: Path, rows: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_excel_is_read_by_value_and_checked_like_a_csv(store: DuckDBSource, tmp_path: Path) -> None:
    midnight = dt.time()
    path = sheet(
        tmp_path / "customer.xlsx",
        [["Kunden-Nr", "Geburtsdatum", "Umsatz", "aktiv"]]
        + [
            [f"{i:03d}", dt.datetime.combine(dt.date(1980, 1, 1 + i % 28), midnight), i * 1.5, i % 2 == 0]
            for i in range(50)
        ]
        + [
            ["050", dt.datetime.combine(dt.date(2099, 1, 1), midnight), 1.0, True],
            [None, None, None, None],
            ["051", "soon", 2, True],
        ],
    )
    proposal = propose(path)
    table = proposal.tables[0]
    assert [(c.name, c.original) for c in table.columns][:2] == [
        ("kunden_nr", "Kunden-Nr"),
        ("geburtsdatum", "Geburtsdatum"),
    ]
    assert table.column("geburtsdatum").type == "text", "one value is no day"
    loaded = load(store, proposal.decide("customer", types={"geburtsdatum": "date"}), today=TODAY)
    assert rejected(loaded) == [
        ["52", "geburtsdatum", "lies in the future (after 2026-11-24)"],
        ["53", "geburtsdatum", "not a date"],
    ]
    assert rows_of(store, "SELECT kunden_nr, umsatz, aktiv FROM rf_base.customer ORDER BY rf_no LIMIT 2") == [
        {"kunden_nr": "000", "umsatz": 0.0, "aktiv": True}, {"kunden_nr": "001", "umsatz": 1.5, "aktiv": False}
    ]  # fmt: skip


BOMB = b"""<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>"""


@pytest.mark.parametrize("inside", ["entities", "external entity", "ratio", "parts", "strings"])
def test_ac_041_an_excel_file_that_is_a_trap_is_refused_within_a_second(tmp_path: Path, inside: str) -> None:
    good = sheet(tmp_path / "good.xlsx", [["id", "name"], ["1", "a"]])
    bad = tmp_path / "bad.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "xl/worksheets/sheet1.xml" and inside == "entities":
                content = BOMB + content.split(b"?>", 1)[-1]
            if entry.filename == "xl/workbook.xml" and inside == "external entity":
                content = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]><x>&x;</x>'
            target.writestr(entry.filename, content)
        if inside == "ratio":
            target.writestr("xl/media/zeros.xml", bytes(60 << 20))
        if inside == "parts":
            for number in range(2_100):
                target.writestr(f"xl/media/{number}.bin", b"")
        if inside == "strings":
            target.writestr("xl/SharedStrings.xml", os.urandom(1 << 20) * 49)
    began = time.monotonic()
    with pytest.raises(FileRejected):
        propose(bad)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz", "xlsx"])
def test_ac_036_an_archive_is_no_table_and_nothing_of_it_is_unpacked(tmp_path: Path, kind: str) -> None:
    """Members named to lead out of any folder; an Excel file is one, too, and is read without unpacking it."""
    staging = tmp_path / "a" / "b"
    staging.mkdir(parents=True)
    names = ["../../escaped.txt", str(tmp_path / "escaped.txt"), "xl/../../../escaped.txt"]
    path = staging / f"customer.{kind}"
    if kind == "xlsx":
        path = sheet(path, [["id", "name"], ["1", "a"]])
        with zipfile.ZipFile(path, "a") as archive:
            for name in names:
                archive.writestr(name, b"out")
    elif kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"id,name\n1,a\n")
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name))
            link = tarfile.TarInfo("link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
            device = tarfile.TarInfo("device")
            device.type = tarfile.CHRTYPE
            archive.addfile(device)
    before = sorted(tmp_path.rglob("*"))
    if kind == "xlsx":
        assert [column.name for column in propose(path).tables[0].columns] == ["id", "name"]
    else:
        with pytest.raises(FileRejected):
            propose(path)
    assert sorted(tmp_path.rglob("*")) == before


# Size and crashes


HOSTILE = {
    "one field without end": "b'id,name\\n1,\"' + b'x' * (64 << 20)",
    "no newline at all": "b'x,' * (32 << 20)",
    "one line too long, late": "b'id,name\\n' + b'1,a\\n' * 1000000 + b'2,' + b'y' * (LINE_BYTES + 10) + b'\\n'",
    "a million columns": "b','.join(b'c%d' % i for i in range(1000000)) + b'\\n' + b'1,' * 999999 + b'1\\n'",
    "more columns than allowed": "b','.join(b'c%d' % i for i in range(COLUMNS + 1)) + b'\\n' + b'1,' * COLUMNS + b'1'",
    "an unclosed quote in the middle": "b'id,name\\n' + b''.join(b'%d,a\\n' % i for i in range(300000)) + b'x,\"a\\n' "
    "+ b''.join(b'y%d,b\\n' % i for i in range(1000000))",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_ac_038_a_hostile_csv_is_refused_in_little_memory(tmp_path: Path, what: str) -> None:
    code = f"""
import sys
from pathlib import Path
from rightful.errors import FileRejected
from rightful.sources.duckdb import DuckDBSource, Limits
from rightful.sources.importing import COLUMNS, LINE_BYTES, load, propose
path = Path({str(tmp_path)!r}) / "customer.csv"
with path.open("wb") as file:
    import subprocess
    subprocess.run([sys.executable, "-c", r'''import sys
COLUMNS, LINE_BYTES = {COLUMNS}, {LINE_BYTES}
sys.stdout.buffer.write({HOSTILE[what]})'''], stdout=file, check=True)
store = DuckDBSource.create(path.with_name("s.duckdb"), bytes(32), limits=Limits(memory="100MB", threads=1))
try:
    proposal = propose(path)
    load(store, proposal.decide("customer", key="id", customer_table=True), most_rejected=0.0)
    print("loaded")
except FileRejected as error:
    print(error)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) >> 10)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=120
    )
    said, peak = done.stdout.splitlines()[-2:]
    assert said != "loaded", done.stderr
    assert ("line" in said) or ("columns" in said)
    assert int(peak) < 300, f"{peak} MiB"


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.2])
def test_a_kill_during_an_import_leaves_the_old_state_and_the_next_import_works(
    store: DuckDBSource, tmp_path: Path, delay: float
) -> None:
    first = write(tmp_path, PEOPLE)
    bring_in(store, first)
    store.close()
    big = tmp_path / "big"
    big.mkdir()
    with (big / "customer.csv").open("w") as file:
        file.write(PEOPLE.splitlines()[0] + "\n")
        file.writelines(f"{i:06d},Name{i},n{i}@mail.example,1980-01-01,{i}\n" for i in range(300_000))
    code = (
        "import datetime\nfrom pathlib import Path\nfrom rightful.sources.duckdb import DuckDBSource\n"
        "from rightful.sources.importing import load, propose\nfrom tests.sources.conftest import KEY\n"
        f"store = DuckDBSource.open({str(store.path)!r}, KEY)\n"
        f"proposal = propose(Path({str(big / 'customer.csv')!r}), known=store.catalogue())\nprint('go', flush=True)\n"
        "load(store, proposal)\nprint('done', flush=True)\n"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None and worker.stdout.readline() == "go\n"
    time.sleep(delay)
    os.kill(worker.pid, signal.SIGKILL)
    acknowledged = "done" in worker.communicate()[0]
    again = DuckDBSource.open(store.path, KEY)
    rows = again.catalogue()[0].rows
    assert rows in (100, 300_100)
    assert rows == 300_100 or not acknowledged
    assert [t.name for t in again.catalogue()] == ["customer"]
    assert bring_in(again, big / "customer.csv").customers == 300_100
    again.close()


def test_importing_says_how_far_it_is(store: DuckDBSource, tmp_path: Path) -> None:
    told: list[tuple[str, float]] = []
    load(
        store, propose(write(tmp_path, PEOPLE)), today=TODAY, progress=lambda words, share: told.append((words, share))
    )
    assert told[0] == ("loading customer", 0.0) and told[-1] == ("done", 1.0)
    assert [share for _, share in told] == sorted(share for _, share in told)


def test_the_bank_marketing_file_has_no_key_and_says_so(store: DuckDBSource, tmp_path: Path) -> None:
    text = "age;job;balance\n" + "".join(f"{20 + i % 50};admin;{i % 7}\n" for i in range(100))
    proposal: Proposal = propose(write(tmp_path, text, "bank.csv"))
    assert proposal.tables[0].key is None
    with pytest.raises(FileRejected, match="key that identifies"):
        load(store, proposal, today=TODAY)
