"""Run inside Creme CRM's own environment: makes and fills its database through its models, and asks it how it is.

    python in_creme.py VERB [JSON]      with the database in CREME_DATABASE (JSON), a folder in CREME_FOLDER

Prints one JSON value. Verbs: install, seed, read, check, write, add, search.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from people import people


def configure() -> None:
    """Creme with all its apps; only where things are differs from its own settings."""
    import pymysql

    pymysql.version_info = (2, 2, 7, "final", 0)  # Django asks for the version of another driver of the same shape
    pymysql.install_as_MySQLdb()
    import warnings

    warnings.simplefilter("ignore")
    import creme.settings as own
    from django.conf import settings

    folder = Path(os.environ["CREME_FOLDER"])
    values = {name: getattr(own, name) for name in dir(own) if name.isupper()}
    values |= {
        "DATABASES": {"default": {"ENGINE": "django.db.backends.mysql", **json.loads(os.environ["CREME_DATABASE"])}},
        "SECRET_KEY": "only for tests " * 4,
        "LANGUAGE_CODE": "en",
        "SITE_DOMAIN": "http://crm.meadow.example",
        "JOBMANAGER_BROKER": f"unix_socket://{folder}/jobs/",
        "MEDIA_ROOT": str(folder / "upload"),
    }
    settings.configure(**values)
    import django

    django.setup()


def install(_: Any) -> int:
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0, interactive=False)
    call_command("creme_populate", verbosity=0)
    return len(connection.introspection.table_names())


def seed(count: int) -> dict[str, int]:
    """Contacts with addresses, activities, memos, to-dos, mails, lists, opportunities, custom fields, history."""
    from creme.activities import constants as activities
    from creme.activities.models import Activity, ActivitySubType, Status
    from creme.assistants.models import Memo, ToDo
    from creme.creme_core.models import (
        CremeProperty,
        CremePropertyType,
        Currency,
        CustomField,
        CustomFieldString,
        Relation,
        RelationType,
    )  # fmt: skip
    from creme.documents.models import Document, Folder
    from creme.emails.models import EmailRecipient, EntityEmail, MailingList
    from creme.opportunities.models import Opportunity, SalesPhase
    from creme.persons.constants import REL_SUB_EMPLOYED_BY
    from creme.persons.models import Address, Contact, Organisation
    from django.contrib.auth import get_user_model
    from django.contrib.contenttypes.models import ContentType
    from django.db import transaction

    random = Random(9)
    user = get_user_model().objects.get_admin()
    persons = people(count)
    contact_type = ContentType.objects.get_for_model(Contact)
    with transaction.atomic():
        contacts = []
        for p in persons:  # one by one: each has a row of history, as if typed
            contact = Contact(
                user=user, first_name=p.first, last_name=p.family, email=p.email, phone=p.phone,
                description=f"{p.name} likes roses", full_position=f"gardener at {p.street}",
            )  # fmt: skip
            contact.save()
            contacts.append(contact)
        for p, contact in zip(persons, contacts, strict=True):
            contact.billing_address = Address.objects.create(
                owner=contact, name=f"home of {p.family}", address=p.street, zipcode=p.postal_code, city=p.town
            )
            if p.no % 4 == 0:
                contact.mobile, contact.description = p.phone, f"{p.name} likes roses and asked for a call"
            contact.save()
        shop = Organisation.objects.create(user=user, name="Meadow Garden Club")
        employed = RelationType.objects.get(id=REL_SUB_EMPLOYED_BY)
        takes_part = RelationType.objects.get(id=activities.REL_SUB_PART_2_ACTIVITY)
        field = CustomField.objects.create(name="Nickname", content_type=contact_type, field_type=CustomField.STR)
        loyal = CremePropertyType.objects.create(text="loyal")
        letter = MailingList.objects.create(user=user, name="Letter")
        folder = Folder.objects.create(user=user, title="Letters")
        kind = ActivitySubType.objects.filter(type__uuid=activities.UUID_TYPE_MEETING).first()
        status, currency, phase = Status.objects.first(), Currency.objects.first(), SalesPhase.objects.first()
        for p, contact in zip(persons, contacts, strict=True):
            Memo.objects.create(user=user, real_entity=contact, content=f"{p.name} called from {p.phone}, friendly")
            if p.no % 10 == 1:  # somebody else's memo that names this person
                other = persons[p.partner]
                text = f"ask {other.name} ({other.email}) about the keys"
                Memo.objects.create(user=user, real_entity=contact, content=text)
            if p.no % 2 == 0:
                ToDo.objects.create(user=user, real_entity=contact, title=f"call {p.family}", description=p.phone)
                EntityEmail.objects.create(
                    user=user, sender="shop@meadow.example", recipient=p.email, subject=f"Hello {p.name}",
                    body=f"Dear {p.name}, your garden at {p.street} ...", body_html=f"<p>Dear {p.name}</p>", status=1,
                )  # fmt: skip
            if p.no % 3 == 0:
                Relation.objects.create(user=user, subject_entity=contact, type=employed, object_entity=shop)
                CustomFieldString.objects.create(custom_field=field, entity=contact, value=f"the {p.family} one")
                CremeProperty.objects.create(creme_entity=contact, type=loyal)
            if p.no % 4 == 0:
                meeting = Activity.objects.create(
                    user=user, title=f"Meeting with {p.name}", minutes=f"{p.first} {p.family} wants new paths",
                    place=p.street, type=kind.type, sub_type=kind, status=status,
                )  # fmt: skip
                Relation.objects.create(user=user, subject_entity=contact, type=takes_part, object_entity=meeting)
                EmailRecipient.objects.create(ml=letter, address=p.email)
                letter.contacts.add(contact)
            if p.no % 5 == 0:
                Opportunity.objects.create(
                    user=user, name=f"Garden plan for {p.family}", currency=currency, sales_phase=phase,
                    emitter=shop, target=contact, estimated_sales=random.randrange(50, 5000),
                )  # fmt: skip
            if p.no % 8 == 0:
                Document.objects.create(
                    user=user, title=f"Letter to {p.name}", linked_folder=folder, filedata=f"letter-{p.no}.txt",
                    description=f"sent to {p.street}", file_size=1,
                )  # fmt: skip
    return {"people": len(contacts), "first": contacts[0].id}


def read(ids: list[int]) -> list[dict[str, Any]]:
    """What Creme itself shows of these contacts."""
    from creme.assistants.models import Memo
    from creme.creme_core.models import CustomFieldString, HistoryLine
    from creme.persons.models import Contact

    shown = []
    for contact in Contact.objects.filter(id__in=ids).order_by("id"):
        shown.append(
            {
                "id": contact.id, "name": str(contact), "email": contact.email, "phone": contact.phone,
                "address": str(contact.billing_address), "description": contact.description,
                "memos": list(Memo.objects.filter(entity=contact.id).order_by("id").values_list("content", flat=True)),
                "nicknames": [c.value for c in CustomFieldString.objects.filter(entity=contact.id)],
                "history": HistoryLine.objects.filter(entity=contact.id).count(),
                "relations": sorted(r.type_id for r in contact.relations.all()),
            }
        )  # fmt: skip
    return shown


def check(_: Any) -> dict[str, int]:
    """Django's own checks, every entity as Creme's lists show it, and every foreign key followed."""
    from creme.creme_core.models import CremeEntity, HistoryLine
    from django.apps import apps
    from django.core.management import call_command
    from django.db import connection

    call_command("check", verbosity=0)
    shown = 0
    for entity in CremeEntity.objects.all():
        real = entity.get_real_entity()
        assert str(real) is not None and real.id == entity.id
        shown += 1
    for line in HistoryLine.objects.all()[:500]:
        assert line.entity_repr is not None and line.modifications is not None
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            connection.check_constraints([model._meta.db_table])
    return {"entities": shown}


def write(given: dict[str, Any]) -> bool:
    from creme.persons.models import Contact

    contact = Contact.objects.get(id=given["id"])
    contact.last_name = given["name"]
    contact.save()
    return True


def add(name: str) -> int:
    from creme.persons.models import Contact
    from django.contrib.auth import get_user_model

    return int(Contact.objects.create(user=get_user_model().objects.get_admin(), last_name=name, first_name="New").id)


def search(word: str) -> list[int]:
    """Creme's own quick search over contacts."""
    from creme.creme_core.core.search import Searcher
    from creme.persons.models import Contact
    from django.contrib.auth import get_user_model

    user = get_user_model().objects.get_admin()
    found = Searcher([Contact], user).search(Contact, word)
    return sorted(contact.id for contact in found or ())


def main() -> None:
    verb, *rest = sys.argv[1:]
    configure()
    print(json.dumps(globals()[verb](json.loads(rest[0]) if rest else None)))


if __name__ == "__main__":
    main()
