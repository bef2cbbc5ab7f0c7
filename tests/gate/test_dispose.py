"""Changing and deleting customer data: bound values, catalogue names, two entries, all or nothing."""

from __future__ import annotations

import pytest

from rightful.errors import BadInput, NotFound, TooManyRows, UnknownName
from rightful.gate.dispose import Change, correct, erase
from tests.actions.conftest import shop, shop_path, shop_template  # noqa: F401  (fixtures)

PUBLIC = {"why": "test"}


def rows_of(ws, table, *columns):
    text = ", ".join(f'"{c}"' for c in columns)
    return ws.source.examine(f'SELECT {text} FROM rf_base."{table}" ORDER BY 1')


def kinds(ws):
    return [e.kind for e in ws.ledger.entries()]


def test_a_deletion_has_an_entry_before_and_after_with_counts_and_no_keys(shop):  # noqa: F811
    done = erase(
        shop,
        [Change("purchase", ("customer_id",), (("C001",),), expected=3)],
        kind="erasure",
        public=PUBLIC,
        private={},
    )
    assert done.touched == (3,)
    assert kinds(shop)[-2:] == ["erasure.begun", "erasure.done"]
    assert done.entry.public["deleted"] == {"purchase": 3} and done.entry.public["begun"] == done.begun.index
    assert b"C001" not in done.begun.leaf + done.entry.leaf
    assert len(rows_of(shop, "purchase", "id")) == 147


def test_a_change_that_reaches_too_far_undoes_everything_and_says_so(shop):  # noqa: F811
    changes = [
        Change("purchase", ("customer_id",), (("C001",),), expected=3),
        Change("customer", ("city",), (("Ulm",),), {"points": 0}, expected=1),
    ]
    with pytest.raises(TooManyRows):
        erase(shop, changes, kind="erasure", public=PUBLIC, private={})
    assert len(rows_of(shop, "purchase", "id")) == 150
    assert kinds(shop)[-2:] == ["erasure.begun", "erasure.failed"]


@pytest.mark.parametrize(
    "change",
    [
        Change("ghost", ("id",), (("C001",),), expected=1),
        Change("customer", ("id\" = '' OR 1=1 --",), (("C001",),), expected=1),
        Change("customer", ("id",), (("C001",),), {"rf_no": 5}, expected=1),
    ],
)
def test_names_come_from_the_catalogue_only(shop, change):  # noqa: F811
    before = kinds(shop)
    with pytest.raises(UnknownName):
        erase(shop, [change], kind="erasure", public=PUBLIC, private={})
    assert kinds(shop) == before


def test_values_are_bound_whatever_they_hold(shop):  # noqa: F811
    hostile = "x'); DELETE FROM rf_base.customer; -- %s ? \x00"[:-1]
    erase(
        shop, [Change("customer", ("id",), (("C002",),), {"name": hostile}, 1)], kind="disposal", public={}, private={}
    )
    assert (hostile,) in rows_of(shop, "customer", "name") and len(rows_of(shop, "customer", "id")) == 60


def test_a_correction_changes_one_field_of_one_person_and_keeps_both_values_sealed(shop):  # noqa: F811
    no = shop.number_of("C003")
    before = rows_of(shop, "customer", "id", "name", "city", "email")
    done = correct(shop, no, "customer", {"city": "Bonn"}, actor="self")
    after = rows_of(shop, "customer", "id", "name", "city", "email")
    assert [a for a, b in zip(after, before, strict=True) if a != b] == [
        ("C003", "Person003", "Bonn", "p003@example.com")
    ]
    entry = shop.ledger.entry(done.entry)
    assert entry.public["fields"] == ["city"] and b"Bonn" not in entry.leaf
    assert shop.ledger.open_private(done.entry)["to"] == {"city": "Bonn"}
    assert done.before == {"city": "Ulm"}


def test_a_corrected_residence_counts_for_permissions_at_once(shop):  # noqa: F811
    no = shop.number_of("C003")
    assert shop.facts.people(shop.clock()) is not None
    correct(shop, no, "customer", {"residence": "US-CA", "birth_date": "1990-02-03"}, actor="sam@shop.example")
    found = shop.facts.subject(no)
    assert {(e.kind.value, e.value) for e in found.events} >= {("moved", "US-CA"), ("born", "1990-02-03")}
    from rightful.actions.verify_record import verify_record

    assert verify_record(shop).ok


@pytest.mark.parametrize(
    ("table", "values", "row", "error"),
    [
        ("customer", {"id": "C999"}, None, BadInput),
        ("customer", {}, None, BadInput),
        ("customer", {"city": "Ulm"}, None, BadInput),
        ("customer", {"shoe_size": "4"}, None, UnknownName),
        ("customer", {"birth_date": "no date"}, None, BadInput),
        ("purchase", {"amount": "1"}, None, BadInput),
        ("purchase", {"amount": "1"}, {"id": "P004"}, NotFound),
    ],
)
def test_a_correction_that_makes_no_sense_changes_nothing(shop, table, values, row, error):  # noqa: F811
    before = rows_of(shop, "customer", "id", "city"), rows_of(shop, "purchase", "id", "amount")
    with pytest.raises(error):
        correct(shop, shop.number_of("C003"), table, values, row=row, actor="self")
    assert (rows_of(shop, "customer", "id", "city"), rows_of(shop, "purchase", "id", "amount")) == before


def test_a_correction_in_another_table_names_its_row(shop):  # noqa: F811
    correct(shop, shop.number_of("C003"), "purchase", {"amount": "99.5"}, row={"id": "P063"}, actor="self")
    assert [r for r in rows_of(shop, "purchase", "id", "amount") if r[1] == 99.5][-1][0] in ("P063", "P099")
    assert ("P063", 99.5) in rows_of(shop, "purchase", "id", "amount")


def test_purging_writes_the_store_anew_and_keeps_everything_else(shop):  # noqa: F811
    before = shop.path.joinpath("store/customers.duckdb").stat().st_ino
    erase(shop, [Change("customer", ("id",), (("C005",),), expected=1)], kind="erasure", public={}, private={})
    people = rows_of(shop, "customer", "id", "name")
    assert shop.source.purge([("rf_base", "customer")]) == ()
    assert shop.path.joinpath("store/customers.duckdb").stat().st_ino != before
    assert rows_of(shop, "customer", "id", "name") == people and len(people) == 59
    assert shop.source.catalogue()[0].customer_table
