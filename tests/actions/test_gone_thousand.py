"""A thousand people who were erased come in again in eight spellings; a thousand who look like them come in, too."""

from __future__ import annotations

import pytest

from rightful.actions import register_source
from rightful.gate import gone, spellings, use
from rightful.gate import identifiers as ids
from rightful.ledger.record import Draft
from rightful.terms import EventKind
from rightful.workspace import Workspace
from tests.actions.conftest import customers, make_shop, write_csv

PEOPLE = 1_000
NAMES = ("ana", "bo", "chen", "dalia", "eva", "farid", "gita", "hugo", "ines", "jun")


def email(i):
    return f"{NAMES[i % 10]}.{i:04d}@mail{i % 7}.example"


def phone(i):
    return f"+49 151 2{i:06d}"


def full_width(text):
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


SPELLINGS = {
    "the same key and address": lambda i: {"id": f"G{i:04d}", "email": email(i)},
    "capitals": lambda i: {"email": email(i).upper()},
    "spaces and a full stop": lambda i: {"email": f" {email(i)}. "},
    "full width": lambda i: {"email": full_width(email(i))},
    "an escape": lambda i: {"email": email(i).replace("@", "%40")},
    "a tag": lambda i: {"email": email(i).replace("@", f"+spring{i % 3}@")},
    "the number, written at home": lambda i: {"phone": f"0151/2{i:06d}"},
    "the number, for abroad": lambda i: {"phone": f"0049 (151) 2{i:06d}"},
}
LOOKALIKES = {
    "another key": lambda i: {"id": f"G{i + PEOPLE:04d}"},
    "one letter more": lambda i: {"email": f"x{email(i)}"},
    "no full stop": lambda i: {"email": email(i).replace(".", "", 1)},
    "another house": lambda i: {"email": email(i).replace("@mail", "@post")},
    "another top": lambda i: {"email": email(i).replace(".example", ".test")},
    "the next number": lambda i: {"phone": phone(i + PEOPLE)},
    "another country": lambda i: {"phone": phone(i).replace("+49", "+43")},
    "the same name only": lambda i: {"name": f"Person {i:04d}"},
}
"""Each differs from somebody who was erased in one thing, and is somebody else."""


def row(key, **more):
    """A customer of whom nothing else is known."""
    blank = dict.fromkeys(customers(1)[0], "")
    return blank | {"id": key, "residence": "DE", "name": "", "city": "Ulm", "points": "1"} | more


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop in which a thousand people were put on the list, by what named them."""
    folder = tmp_path_factory.mktemp("thousand")
    with Workspace.open(make_shop(folder)) as ws:
        rows = []
        for i in range(PEOPLE):
            known = [ids.email(email(i)), ids.phone(phone(i), "DE"), ids.full_name(f"Person {i:04d}")]
            rows += gone.forget_forms(ws.keys, spellings.kept(known, [f"G{i:04d}"]), f"run-{i:04d}", ws.clock())
        ws.keys.erasures.note(rows)  # as each erasure does, all in one transaction
        draft = Draft("suppression.added", {"forms": len(rows)})
        ws.journal.record([draft], lambda tx, entries: ws.suppression.add(tx, rows, entries[0].index))
        assert ws.suppression.persons() == ws.keys.erasures.persons() == PEOPLE
        yield ws


def keys_in(ws):
    with ws.source.whole("customer", ["id"]) as reader:
        return {r["id"] for r in reader.read_all().to_pylist()}


def load(ws, path):
    found = register_source.propose([path]).decide("customer", key="id", subject="id", customer_table=True)
    return register_source.load_files(ws, found, actor="eng").tables[0]


def test_ac_059_a_thousand_people_in_eight_spellings_do_not_come_back_and_a_thousand_others_do(shop, tmp_path):
    before = keys_in(shop)
    again = [row(f"R{kind}-{i:04d}") | spell(i) for kind, spell in enumerate(SPELLINGS.values()) for i in range(PEOPLE)]
    ways = list(LOOKALIKES.values())
    others = [row(f"L{i:04d}") | ways[i % len(ways)](i) for i in range(PEOPLE)]
    done = load(shop, write_csv(tmp_path / "customer.csv", [*again, *others]))
    assert done.left_out.rows == 8 * PEOPLE
    assert keys_in(shop) - before == {r["id"] for r in others}, "everybody else, and nobody of the erased"
    assert done.rejected == 0 and done.left_out.cells == 0


def test_ac_059_whoever_of_them_is_synced_past_the_imports_is_restricted_and_nobody_else(shop):
    """What happens in a database that is governed where it is: rows appear, and get their number afterwards."""
    ways, others = list(SPELLINGS.values()), list(LOOKALIKES.values())
    back = [row(f"S{i:04d}") | ways[i % 8](i) for i in range(PEOPLE)]
    news = [row(f"T{i:04d}") | others[i % 8](i) for i in range(PEOPLE)]
    there = keys_in(shop)
    with shop.source.writing() as con:
        con.executemany(
            "INSERT INTO rf_base.customer (id, name, email, phone, residence) VALUES (?, ?, ?, ?, 'DE')",
            [(r["id"], r["name"], r["email"], r["phone"]) for r in (*back, *news) if r["id"] not in there],
        )
    shop.facts.rebuild()
    found = {use.customer_key(shop, b.no) for b in shop.suppression.back()}
    assert found == {r["id"] for r in back}
    assert set(shop.consent.numbers_with(EventKind.RESTRICTED)) == {b.no for b in shop.suppression.back()}
