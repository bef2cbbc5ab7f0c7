"""Creme CRM 2.8 on MariaDB under the gate: it goes on working, and a person is found, corrected and erased in it.

What links a person's rows in Creme: a contact is an entity and a contact (one thing in two tables), memos,
to-dos, custom fields, properties and relations hang on the entity, mails and mailing lists know an address
only, and every change is kept as a line of history in JSON. Names stand in a cached column of the entity.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from rightful.actions.erase_customer import erase_customer
from rightful.actions.find_person import decide_links, scan_links, trace
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.errors import SqlRefused
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
AGREED = (10, 11, 12)


def confirm(ws: Workspace) -> None:
    """What an engineer who knows Creme says to the proposals."""
    proposed = {d.link.id for d in scan_links(ws, actor="eng") if d.state == "proposed"}
    assert proposed >= set(PROPOSED), "the tables that know an address only are proposed"
    decide_links(ws, PROPOSED, state="confirmed", actor="eng")
    decide_links(ws, sorted(proposed - set(PROPOSED)), state="rejected", actor="eng")


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
        # the family name alone names too many to be taken for the person: the title of an opportunity has no more
        assert missed == {"opportunities_opportunity": 1, "creme_core_cremeentity": 1, "creme_core_historyline": 3}
        assert found.total() >= 15

        number = ws.number_of(creme.key(630))
        correct(ws, number, "persons_contact", {"first_name": "Marie"}, actor="self")
        assert creme.ask("read", [int(creme.key(630))])[0]["name"] == f"Marie {person.family}"
        correct(ws, number, "persons_contact", {"first_name": person.first}, actor="self")

        before, others = everything(ws.source), creme.ask("read", neighbours)
        families = families_in(before, creme, 630)
        outcome = erase_customer(ws, creme.key(630), actor="self")
        after = everything(ws.source)
        assert outcome.status == "complete" and not outcome.residues and not outcome.collateral and not outcome.review
        assert cells_with(after, [person.name, person.email, person.phone]) == {}
        assert rows_with(after, person.marks) == missed
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
