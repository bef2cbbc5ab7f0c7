"""Run inside Tryton's own environment: fills its database through its models, and asks it how it is.

    python in_tryton.py CONFIG DATABASE VERB [JSON]

Prints one JSON value. Verbs: seed, read, check, write, add, clerk, wizard.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from people import Person, people

START = dt.date(2026, 1, 5)
CHECKED = ("party.", "sale.", "marketing.", "web.user", "company.", "ir.note", "ir.attachment", "ir.email", "ir.chat")


def seed(pool: Any, count: int) -> dict[str, int]:
    """People with addresses, relations, opportunities with history, notes, mails, attachments, chats, sales."""
    from trytond.transaction import Transaction

    random = Random(8)
    get = pool.get
    persons = people(count)
    company = _company(pool)
    users = get("res.user")
    users.write([users(Transaction().user)], {"companies": [("add", [company.id])], "company": company.id})
    Party = get("party.party")
    categories = get("party.category").create([{"name": name} for name in ("Subscriber", "Buyer", "Press")])
    germany = get("country.country").create([{"name": "Germany", "code": "DE", "code3": "DEU"}])[0]
    parties = Party.create([_party(p, categories, germany, random) for p in persons])
    kinds = get("party.relation.type").create([{"name": "lives with"}])
    pairs = [(a, b) for a, b in zip(parties[::2], parties[1::2], strict=False)]
    get("party.relation").create([{"from_": a.id, "to": b.id, "type": kinds[0].id} for a, b in pairs])
    with Transaction().set_context(company=company.id):
        _trade(pool, persons, parties, company, random)
    _talk(pool, persons, parties)
    return {"people": len(parties)}


def _company(pool: Any) -> Any:
    currency = pool.get("currency.currency").create(
        [{"name": "Euro", "code": "EUR", "symbol": "€", "rates": [("create", [{"date": START, "rate": 1}])]}]
    )[0]
    party = pool.get("party.party").create([{"name": "Meadow Shop Ltd"}])[0]
    company = pool.get("company.company").create([{"party": party.id, "currency": currency.id}])[0]
    clerk = pool.get("party.party").create([{"name": "Clerk of the Shop"}])[0]
    pool.get("company.employee").create([{"party": clerk.id, "company": company.id}])
    return company


def _party(p: Person, categories: list[Any], germany: Any, random: Random) -> dict[str, Any]:
    mechanisms = [
        {"type": "email", "value": p.email, "comment": f"private, {p.first} {p.family}"},
        {"type": "phone", "value": p.phone},
    ]
    address = {
        "party_name": p.name, "street": p.street, "postal_code": p.postal_code, "city": p.town, "country": germany.id,
    }  # fmt: skip
    return {
        "name": p.name,
        "categories": [("add", [random.choice(categories).id])],
        "addresses": [("create", [address])],
        "contact_mechanisms": [("create", mechanisms)],
    }


def _trade(pool: Any, persons: list[Person], parties: list[Any], company: Any, random: Random) -> None:
    employee = pool.get("company.employee").search([], limit=1)[0]
    Opportunity, Sale = pool.get("sale.opportunity"), pool.get("sale.sale")
    wanted = [(p, party) for p, party in zip(persons, parties, strict=True) if p.no % 2 == 0]
    opportunities = Opportunity.create(
        [
            {
                "party": party.id, "company": company.id, "employee": employee.id, "address": party.addresses[0].id,
                "description": f"Garden plan for {p.family}", "start_date": START, "amount": random.randrange(50, 5000),
                "comment": f"{p.name} asks to be called under {p.phone}",
            }
            for p, party in wanted
        ]
    )  # fmt: skip
    for start in range(0, len(opportunities), 3):  # a change makes a row of history
        batch = opportunities[start : start + 1]
        Opportunity.write(batch, {"conversion_probability": random.randrange(1, 100) / 100})
    Sale.create(
        [
            {
                "party": party.id, "company": company.id, "invoice_address": party.addresses[0].id,
                "shipment_address": party.addresses[0].id, "currency": company.currency.id,
                "description": f"Spring order {p.family}", "comment": f"leave it at the door of {p.street}",
                "lines": [("create", [{"type": "comment", "description": f"for {p.name}"}])],
            }
            for p, party in zip(persons, parties, strict=True)
            if p.no % 5 == 0
        ]
    )  # fmt: skip


def _talk(pool: Any, persons: list[Person], parties: list[Any]) -> None:
    Note, Attachment, Email = pool.get("ir.note"), pool.get("ir.attachment"), pool.get("ir.email")
    notes = []
    for p, party in zip(persons, parties, strict=True):
        notes.append({"resource": str(party), "message": f"{p.first} {p.family} called from {p.phone}, friendly"})
        if p.no % 10 == 1:  # somebody else's note that names this person
            other = persons[p.partner]
            notes.append({"resource": str(party), "message": f"ask {other.name} ({other.email}) about the keys"})
    Note.create(notes)
    Attachment.create(
        [
            {
                "resource": str(party), "name": f"letter-{p.family}.txt", "type": "data",
                "data": f"Dear {p.name},\nthank you for your letter.\n{p.street}".encode(),
                "description": f"letter to {p.name}",
            }
            for p, party in zip(persons, parties, strict=True)
            if p.no % 3 == 0
        ]
    )  # fmt: skip
    Email.create(
        [
            {
                "resource": str(party), "recipients": f"{p.name} <{p.email}>", "subject": f"Hello {p.first} {p.family}",
                "body": f"<p>Dear {p.name}, your garden at {p.street} ...</p>",
                "addresses": [("create", [{"address": p.email}])],
            }
            for p, party in zip(persons, parties, strict=True)
            if p.no % 2 == 0
        ]
    )  # fmt: skip
    List = pool.get("marketing.email.list")
    listed = List.create([{"name": "Letter"}])[0]
    Subscriber = pool.get("marketing.email")
    Subscriber.create([{"email": p.email, "list_": listed.id, "active": True} for p in persons if p.no % 4 == 0])
    WebUser = pool.get("web.user")
    WebUser.create(
        [{"email": p.email, "party": party.id} for p, party in zip(persons, parties, strict=True) if p.no % 6 == 0]
    )
    # a chat and a note hang on the opportunity, not on the person
    Channel, Message = pool.get("ir.chat.channel"), pool.get("ir.chat.message")
    owner = {party.id: p for p, party in zip(persons, parties, strict=True)}
    opportunities = [o for o in pool.get("sale.opportunity").search([]) if owner[o.party.id].no % 8 == 0]
    channels = Channel.create([{"resource": str(o)} for o in opportunities])
    whose = [owner[o.party.id] for o in opportunities]
    said = [(p, channel, o) for p, channel, o in zip(whose, channels, opportunities, strict=True)]
    Message.create(
        [
            {
                "channel": c.id,
                "content": f"{p.name} is back from holidays",
                "audience": "internal",
                "user": None,
                "email": p.email,
            }
            for p, c, _ in said
        ]
    )
    Note.create([{"resource": str(o), "message": f"key of {p.street} is with the neighbour"} for p, _, o in said])


def read(pool: Any, ids: list[int]) -> list[dict[str, Any]]:
    """What Tryton itself shows of these parties."""
    Party = pool.get("party.party")
    Note, Opportunity = pool.get("ir.note"), pool.get("sale.opportunity")
    shown = []
    for party in Party.search([("id", "in", ids)], order=[("id", "ASC")]):
        shown.append(
            {
                "id": party.id, "name": party.name, "rec_name": party.rec_name, "email": party.email,
                "addresses": [a.full_address for a in party.addresses],
                "mechanisms": sorted(m.value for m in party.contact_mechanisms),
                "notes": [n.message for n in Note.search([("resource", "=", str(party))], order=[("id", "ASC")])],
                "opportunities": [o.description for o in Opportunity.search([("party", "=", party.id)])],
            }
        )  # fmt: skip
    return shown


def check(pool: Any, _: Any) -> dict[str, int]:
    """Tryton's own validation of every record that is about people or trade, and its name as lists show it."""
    from trytond.model import ModelSQL

    checked = 0
    for name, model in pool.iterobject():
        stored = issubclass(model, ModelSQL) and not callable(getattr(model, "table_query", None))
        if stored and name.startswith(CHECKED):
            records = model.search([])
            for record in records:
                _ = record.rec_name
            model._validate(records)
            checked += len(records)
    return {"records": checked}


def write(pool: Any, given: dict[str, Any]) -> bool:
    pool.get("party.party").write([pool.get("party.party")(given["id"])], {"name": given["name"]})
    return True


def add(pool: Any, name: str) -> int:
    return int(pool.get("party.party").create([{"name": name, "addresses": [("create", [{"city": "Ulm"}])]}])[0].id)


def clerk(pool: Any, password: str) -> str:
    """An account that may read people and change none; returns its login."""
    groups = pool.get("res.group").create([{"name": "Readers"}])
    rights = [
        {"model": model, "group": groups[0].id, "perm_read": True, "perm_write": False, "perm_create": False,
         "perm_delete": False}
        for model in ("party.party", "party.address", "party.contact_mechanism", "ir.note")
    ]  # fmt: skip
    pool.get("ir.model.access").create(rights)
    company = pool.get("company.company").search([])[0]
    given = {"login": "clerk", "name": "Clerk", "password": password, "groups": [("add", [groups[0].id])],
             "companies": [("add", [company.id])], "company": company.id}  # fmt: skip
    return str(pool.get("res.user").create([given])[0].login)


def wizard(pool: Any, party: int) -> bool:
    """Tryton's own erasure of a party, as its users would start it."""
    Party, Erase = pool.get("party.party"), pool.get("party.erase", type="wizard")
    Party.write([Party(party)], {"active": False})
    session, _, _ = Erase.create()
    erase = Erase(session)
    erase.ask.party = Party(party)
    erase.transition_erase()
    return True


def main() -> None:
    config, database, verb, *rest = sys.argv[1:]
    from trytond import config as settings

    settings.update_etc(config)
    from trytond.pool import Pool
    from trytond.transaction import Transaction, TransactionError

    Pool.start()
    pool = Pool(database)
    with Transaction().start(database, 0):
        pool.init()
    with Transaction().start(database, 1, context={"language": "en"}):
        user = Pool(database).get("res.user").search([("login", "=", "admin")])[0].id
    extras: dict[str, Any] = {}
    while True:  # a model may ask for a lock on its table: then once more, with the lock
        try:
            with Transaction().start(database, user, context={"language": "en"}, **extras):
                done = globals()[verb](Pool(database), json.loads(rest[0]) if rest else None)
            break
        except TransactionError as error:
            error.fix(extras)
    print(json.dumps(done))


if __name__ == "__main__":
    main()
