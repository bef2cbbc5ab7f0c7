"""Tryton 8.2 on PostgreSQL under the gate: it goes on working, and a person is found, corrected and erased in it.

What links a person's rows in Tryton: foreign keys, texts such as `party.party,12` in notes, mails and
attachments (and `sale.opportunity,7` one step further), a history table, a mailing list that knows an
address only.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rightful.actions.erase_customer import erase_customer
from rightful.actions.find_person import decide_links, scan_links, trace
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import SqlRefused
from rightful.gate import links
from rightful.gate.dispose import correct
from rightful.workspace import Workspace
from tests.crm.conftest import Crm
from tests.crm.govern import (
    MAX,
    SAM,
    cells_with,
    differences,
    everything,
    families_in,
    found_of,
    governed,
    rows_with,
)  # fmt: skip

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

CATEGORIES = {
    "keys": ["party_party.id", "party_contact_mechanism.party", "sale_opportunity.party", "party_address.party"],
    "identity": ["party_party.name"],
    "contact": ["party_contact_mechanism.value", "party_contact_mechanism.type"],
    "place": ["party_address.street_unstructured", "party_address.city"],
}
LINKS = {"sale_sale": "party"}  # of the three columns of an order that name a party, the customer
PROPOSED = [
    "ir_attachment.resource>party_party.id",
    "ir_email.resource>party_party.id",
    "ir_note.resource>party_party.id",
    "ir_note.resource>sale_opportunity.id",
    "ir_chat_channel.resource>sale_opportunity.id",
    "sale_opportunity__history.id>sale_opportunity.id",
    "sale_opportunity__history.party>party_party.id",
]
SURE = {*PROPOSED, "sale_opportunity__history.address>party_address.id", "ir_action_keyword.model>ir_ui_menu.id"}
AGREED = (10, 11, 12)


def confirm(ws: Workspace) -> None:
    """What an engineer who knows Tryton says to the proposals."""
    proposed = {d.link.id: d.link for d in scan_links(ws, actor="eng") if d.state == "proposed"}
    assert proposed.keys() >= set(PROPOSED), "every way in which this Tryton names a person is proposed"
    assert {link.id for link in proposed.values() if link.confidence >= links.SURE} == SURE, "what is sure is right"
    assert not any(link.child == "ir_translation" and link.parent == "party_party" for link in proposed.values())
    decide_links(ws, PROPOSED, state="confirmed", actor="eng")
    decide_links(ws, sorted(proposed.keys() - set(PROPOSED)), state="rejected", actor="eng")


@pytest.mark.parametrize("mode", ["column", "companion"])
def test_only_permitted_rows_come_back_and_tryton_goes_on_working(tryton: Crm, tmp_path: Path, mode: str):
    with governed(
        tryton, tmp_path, "postgres", "party_party", mode=mode, links=LINKS, categories=CATEGORIES, agreed=AGREED
    ) as ws:
        asked = (
            "select p.name, m.value from party_party p join party_contact_mechanism m on m.party = p.id "
            "where m.type = 'email'"
        )

        def seen() -> set[tuple[str, str]]:
            return {(r["name"], r["value"]) for r in query_data(ws, MAX, "newsletter", asked).table.to_pylist()}

        assert seen() == {(tryton.persons[no].name, tryton.persons[no].email) for no in AGREED}
        for hidden in ("select city from party_address", "select comment from party_contact_mechanism"):
            with pytest.raises(SqlRefused):
                query_data(ws, MAX, "newsletter", hidden)
        made = tryton.ask("add", "Nova Newcomer")
        tryton.ask("write", {"id": int(tryton.key(11)), "name": "Married Newname"})
        assert tryton.ask("read", [made])[0]["name"] == "Nova Newcomer"
        withdraw_consent(ws, tryton.key(12), "newsletter")
        assert seen() == {
            (tryton.persons[10].name, tryton.persons[10].email),
            ("Married Newname", tryton.persons[11].email),
        }
        served = query_data(ws, SAM, "service", "select name from party_party").table.to_pylist()
        assert len(served) >= len(tryton.persons), "a contract needs no consent"


def test_a_person_is_found_corrected_and_erased_and_nobody_else_is_touched(tryton: Crm, tmp_path: Path):
    person, partner = tryton.persons[30], tryton.persons[31]
    neighbours = [int(tryton.key(no)) for no in (29, 32, 130)]
    with governed(
        tryton, tmp_path, "postgres", "party_party", mode="companion", links=LINKS, categories=CATEGORIES
    ) as ws:
        confirm(ws)
        before = everything(ws.source)
        assert len(before) > 200
        found = trace(ws, tryton.key(30))
        assert found_of(before, found, person.marks) == rows_with(before, person.marks), (
            "every row a search by hand finds"
        )
        assert rows_with(before, person.marks).total() >= 15

        number = ws.number_of(tryton.key(30))
        correct(ws, number, "party_party", {"name": f"{person.first}-Marie {person.family}"}, actor="self")
        assert tryton.ask("read", [int(tryton.key(30))])[0]["name"] == f"{person.first}-Marie {person.family}"
        correct(ws, number, "party_party", {"name": person.name}, actor="self")

        before, others = everything(ws.source), tryton.ask("read", neighbours)
        families = families_in(before, tryton, 30)
        outcome = erase_customer(ws, tryton.key(30), actor="self")
        after = everything(ws.source)
        assert outcome.status == "complete" and not outcome.residues and not outcome.collateral and not outcome.review
        assert cells_with(after, person.marks) == {}, "no cell of any table names the person"
        assert families_in(after, tryton, 30) == families, "and nobody else has lost a row"
        gone, new = differences(before, after)
        assert gone["ir_note"] == 2 and new["ir_note"] == 1, "their own is gone, the partner's no longer names them"
        assert sum(gone.values()) - sum(new.values()) == sum(outcome.deleted.values())

        assert tryton.ask("read", neighbours) == others
        assert tryton.ask("read", [int(tryton.key(30))]) == [], "Tryton does not show them any more"
        shown = tryton.ask("read", [int(tryton.key(31))])[0]
        assert shown["name"] == partner.name and len(shown["notes"]) == 2 and person.family not in str(shown)
        assert tryton.ask("check")["records"] > 10_000, "and finds nothing wrong with what is left"
        assert tryton.ask("add", "Nova Newcomer") > 0


def test_trytons_own_erasure_leaves_what_the_gate_then_finds(tryton: Crm, tmp_path: Path):
    """Tryton's wizard empties party, address, contacts and the party's notes; mails, chats, lists and the
    texts of opportunities keep the person."""
    person = tryton.persons[24]
    with governed(
        tryton, tmp_path, "postgres", "party_party", mode="companion", links=LINKS, categories=CATEGORIES
    ) as ws:
        confirm(ws)
        whole = cells_with(everything(ws.source), person.marks).total()
        tryton.ask("wizard", int(tryton.key(24)))
        left = cells_with(everything(ws.source), person.marks)
        assert {"ir_email", "ir_email_address", "marketing_email", "sale_opportunity", "ir_chat_message"} <= set(left)
        assert 0 < left.total() < whole
