"""Creme CRM 2.8 on MariaDB under the gate: it goes on working, and a person is found, corrected and erased in it.

What links a person's rows in Creme: a contact is an entity and a contact (one thing in two tables), memos,
to-dos, custom fields, properties and relations hang on the entity, mails and mailing lists know an address
only, and every change is kept as a line of history in JSON. Names stand in a cached column of the entity.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
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

pytestmark = [pytest.mark.slow, pytest.mark.mariadb]

KEY = "cremeentity_ptr_id"
CATEGORIES = {
    "keys": [f"persons_contact.{KEY}", "persons_address.object_id", "assistants_memo.entity_id"],
    "identity": ["persons_contact.first_name", "persons_contact.last_name"],
    "contact": ["persons_contact.email"],
    "place": ["persons_address.city", "persons_address.address"],
}
LINKS = {"persons_address": "object_id", "assistants_memo": "entity_id"}  # they name the entity, which has the same id
PROPOSED = ["emails_emailrecipient.address>persons_contact.email", "emails_entityemail.recipient>persons_contact.email"]
RELATED = [
    "creme_core_relation.object_entity_id[type_id]>creme_core_cremeentity.id",
    "creme_core_relation.subject_entity_id[type_id]>creme_core_cremeentity.id",
]
SURE = {*PROPOSED, "assistants_todo.description>persons_contact.phone"}  # these to-dos hold a number and nothing else
AGREED = (10, 11, 12)


def confirm(ws: Workspace) -> None:
    """What an engineer who knows Creme says to the proposals, but for what hangs on a contact by relations."""
    proposed = {d.link.id: d.link for d in scan_links(ws, actor="eng") if d.state == "proposed"}
    assert proposed.keys() >= {*PROPOSED, *RELATED}, "tables that know an address only, and relations, are proposed"
    assert {link.id for link in proposed.values() if link.confidence >= links.SURE} == SURE, "what is sure is right"
    decide_links(ws, PROPOSED, state="confirmed", actor="eng")
    decide_links(ws, sorted(proposed.keys() - {*PROPOSED}), state="rejected", actor="eng")


@pytest.mark.parametrize("mode", ["column", "companion"])
def test_only_permitted_rows_come_back_and_creme_goes_on_working(creme: Crm, tmp_path: Path, mode: str):
    agreed = AGREED if mode == "column" else tuple(no + 100 for no in AGREED)
    with governed(
        creme, tmp_path, "mariadb", "persons_contact", mode=mode, links=LINKS, categories=CATEGORIES, agreed=agreed
    ) as ws:

        def seen() -> set[tuple[str, str]]:
            used = query_data(ws, MAX, "newsletter", "select last_name, email from persons_contact")
            return {(r["last_name"], r["email"]) for r in used.table.to_pylist()}

        assert seen() == {(creme.persons[no].family, creme.persons[no].email) for no in agreed}
        for hidden in ("select phone from persons_contact", "select content from assistants_memo"):
            with pytest.raises(SqlRefused):
                query_data(ws, MAX, "newsletter", hidden)
        made = creme.ask("add", f"Newcomer{mode}")
        second, third = agreed[1], agreed[2]
        creme.ask("write", {"id": int(creme.key(second)), "name": "Newname"})
        assert creme.ask("read", [made])[0]["name"] == f"New Newcomer{mode}"
        withdraw_consent(ws, creme.key(third), "newsletter")
        first = creme.persons[agreed[0]]
        assert seen() == {(first.family, first.email), ("Newname", creme.persons[second].email)}
        served = query_data(ws, SAM, "service", "select last_name from persons_contact").table.to_pylist()
        assert len(served) >= len(creme.persons), "a contract needs no consent"


def test_a_person_is_found_corrected_and_erased_and_nobody_else_is_touched(creme: Crm, tmp_path: Path):
    person, partner = creme.persons[630], creme.persons[631]  # 630: with mails, an opportunity, relations, a field
    neighbours = [int(creme.key(no)) for no in (629, 632, 730)]
    with governed(
        creme, tmp_path, "mariadb", "persons_contact", mode="companion", links=LINKS, categories=CATEGORIES
    ) as ws:
        confirm(ws)
        before = everything(ws.source)
        assert len(before) > 200
        found = found_of(before, trace(ws, creme.key(630)), person.marks)
        missed = rows_with(before, person.marks) - found
        assert missed == {}, "every row a search by hand finds"
        assert found.total() >= 15

        number = ws.number_of(creme.key(630))
        correct(ws, number, "persons_contact", {"first_name": "Marie"}, actor="self")
        assert creme.ask("read", [int(creme.key(630))])[0]["name"] == f"Marie {person.family}"
        correct(ws, number, "persons_contact", {"first_name": person.first}, actor="self")

        before, others = everything(ws.source), creme.ask("read", neighbours)
        families = families_in(before, creme, 630)
        outcome = erase_customer(ws, creme.key(630), actor="self")
        after = everything(ws.source)
        assert outcome.status == "complete" and not outcome.residues and not outcome.collateral
        assert cells_with(after, [person.name, person.email, person.phone]) == {}
        # the title of an opportunity holds the family name, which alone names nobody for sure: left, and said
        left = {"opportunities_opportunity": 1, "creme_core_cremeentity": 1, "creme_core_historyline": 3}
        assert rows_with(after, person.marks) == left
        assert sums((r.table, r.rows) for r in outcome.review if r.why == "holds the family name only") == left
        assert families_in(after, creme, 630) == families, "nobody else has lost a row"
        gone, new = differences(before, after)
        assert gone["assistants_memo"] == 2 and new["assistants_memo"] == 1, "the partner's no longer names them"
        assert sum(gone.values()) - sum(new.values()) == sum(outcome.deleted.values())

        assert creme.ask("read", neighbours) == others
        assert creme.ask("read", [int(creme.key(630))]) == []
        assert creme.ask("search", person.family) == [], "Creme's own search finds nobody"
        shown = creme.ask("read", [int(creme.key(631))])[0]
        assert shown["name"] == partner.name and len(shown["memos"]) == 2 and person.family not in str(shown)
        assert creme.ask("check")["entities"] > 1_900, "and it finds nothing wrong with what is left"


def test_what_hangs_on_a_contact_by_relations_only_goes_with_them(creme: Crm, tmp_path: Path):
    """Creme names the customer of an opportunity and the people of a meeting by relations, not by keys; a
    person's employer is related, too, and stays."""
    person = creme.persons[540]  # with a meeting, an opportunity and an employer
    with governed(
        creme, tmp_path, "mariadb", "persons_contact", mode="companion", links=LINKS, categories=CATEGORIES
    ) as ws:
        confirm(ws)
        decide_links(ws, RELATED, state="confirmed", actor="eng")
        before, others = everything(ws.source), creme.ask("read", [int(creme.key(no)) for no in (539, 543, 720)])
        families = families_in(before, creme, 540)
        outcome = erase_customer(ws, creme.key(540), actor="self")
        after = everything(ws.source)
        assert outcome.status == "complete" and not outcome.residues and not outcome.collateral and not outcome.review
        assert cells_with(after, person.marks) == {}, "no cell of any table names the person"
        assert families_in(after, creme, 540) == families, "nobody else has lost a row"
        assert outcome.deleted["opportunities_opportunity"] == outcome.deleted["activities_activity"] == 1
        assert "persons_organisation" not in outcome.deleted, "the employer is many people's"
        assert creme.ask("read", [int(creme.key(no)) for no in (539, 543, 720)]) == others
        assert creme.ask("check")["entities"] > 1_900


def sums(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    added: Counter[str] = Counter()
    for name, count in pairs:
        added[name] += count
    return added
