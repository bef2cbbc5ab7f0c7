"""A small Meadow under the demo's own policy, in five languages: every page of a customer has something to show.

Made by the product's own actions. Ana is grown up and has asked for everything; Kim, Lou and Noa are children.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rightful.actions.answer_request import take_in, write_message
from rightful.actions.appoint_staff import appoint
from rightful.actions.close_request import refuse
from rightful.actions.correct_data import ask_correction
from rightful.actions.double_opt_in import ASKED, answer_question, request_opt_in
from rightful.actions.export_audience import export_audience
from rightful.actions.find_customer import preference_link
from rightful.actions.give_consent import give_consent
from rightful.actions.guardian import decide_guardian, identify_guardian, invite_guardian, to_check
from rightful.actions.move_deadline import extend, pause
from rightful.actions.open_request import open_request
from rightful.actions.publish_policy import publish_policy
from rightful.actions.register_source import load_files, propose
from rightful.actions.send_audience import send_audience
from rightful.actions.use_data import query_data
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.demo.world import BEFORE, ENGINEER, MARKETER, NOW, OFFICER, STAFF, SUBJECT, SUPPORT
from rightful.errors import Refused
from rightful.rights.rules import Level
from rightful.workspace import Workspace

ANA, BEA, KIM, LOU, NOA, CEM = (f"M-00000{number}" for number in range(1, 7))
CUSTOMERS = (
    "id,first_name,last_name,email,country,residence,birth_date,phone,street,postcode,city,language,account_kind,age,job,"
    "marital,education,default_credit,balance,housing_loan,personal_loan,contact_kind,last_contact_on,duration_s,"
    "campaign_contacts,days_since_previous,previous_contacts,previous_outcome,subscribed,segment,ltv,orders,last_order,"
    "care_need,notes,created_at"
)
PEOPLE = (
    f"{ANA},Ana,Ortiz y Fernández de Córdoba,ana@example.com,DE,DE,1980-05-05",
    f"{BEA},Bea,Roth,bea@example.com,DE,DE,1979-01-02",
    f"{KIM},Kim,Jung,kim@example.com,DE,DE,2012-05-05",
    f"{LOU},Lou,Jung,lou@example.com,DE,DE,2012-06-05",
    f"{NOA},Noa,Jung,noa@example.com,DE,DE,2012-07-05",
    f"{CEM},Cem,Acar,cem@example.com,DE,DE,1988-07-05",
)
REST = (
    "+49 30 5550100,Lange Straße 7,10115,Berlin,de,ordinary,46,technician,married,secondary,no,1523.50,yes,no,cellular,"
    "2026-03-12,187,2,90,1,failure,no,gold,412.75,2,2026-09-30T10:15:00Z,step-free access,Asked us to call in the "
    "afternoon,2019-04-01T08:00:00Z"
)


@dataclass(slots=True)
class Meadow:
    """The folder, and where each page is that has a secret or a number in its address."""

    folder: Path
    at: dict[str, str] = field(default_factory=dict)


def make(root: Path) -> Meadow:
    """The workspace, closed again and ready to be served."""
    made = Meadow(root / "meadow")
    with Workspace.create(made.folder, "meadow", subject=SUBJECT) as ws:
        publish_policy(ws, BEFORE, actor=ENGINEER, approver=OFFICER, rebuild=False)
        load_files(ws, propose(_tables(root)), actor=ENGINEER, rebuild=False)
        give_consent(ws, ANA, "savings-offers", "email")
        publish_policy(ws, NOW, actor=ENGINEER, approver=OFFICER, rebuild=False)
        for person, role in STAFF.items():
            appoint(ws, person, role, actor=ENGINEER)
        _choices_and_uses(ws)
        _requests(ws, made.at)
        _links(ws, made.at)
        ws.facts.rebuild()
    return made


def _tables(root: Path) -> list[Path]:
    months = range(1, 4)
    tables = {
        "customer": [CUSTOMERS, *(f"{person},{REST}" for person in PEOPLE)],
        "order": [
            "id,customer_id,ordered_at,product,amount,gift_note",
            *(
                f"O-{i},{ANA},2026-0{i}-11T09:30:00Z,Hausratversicherung kompakt,{i}9.90,For Nana with love"
                for i in months
            ),
        ],
        "web_visit": [
            "id,customer_id,visited_at,page,seconds",
            *(f"V-{i},{ANA},2026-10-0{i}T18:00:00Z,/savings/plan-{i},{i * 20}" for i in months),
        ],
    }
    for name, lines in tables.items():
        (root / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return [root / f"{name}.csv" for name in tables]


def _choices_and_uses(ws: Workspace) -> None:
    for key in (ANA, BEA):
        give_consent(ws, key, "newsletter", "email")
    ws.facts.rebuild()
    export_audience(ws, MARKETER, "newsletter", channel="email", recipient="mailer")
    send_audience(ws, MARKETER, ws.sharing.disclosures("mailer")[-1].entry)
    query_data(ws, SUPPORT, "account-service", "select first_name, street from customer")
    with suppress(Refused):
        query_data(ws, MARKETER, "account-service", "select email from customer")
    withdraw_consent(ws, ANA, "newsletter", "email")
    ask_correction(ws, ANA, "customer.last_name", "Ortiz")
    ask_correction(ws, ANA, "customer.city", "Potsdam")


def _requests(ws: Workspace, at: dict[str, str]) -> None:
    """One request of every kind of page: open, paused, extended, refused, waiting for proof, answered."""

    def ask(name: str, kind: str, **more: object) -> str:
        opened = take_in if name in ("answered", "grace") else open_request
        case = opened(ws, kind, key=ANA, source="portal", level=more.pop("level", Level.CHANNEL), **more).case
        at[name] = f"/me/requests/{case.ref}/"
        return case.ref

    ask("answered", "access")
    ask("grace", "erasure")
    asked = ask("paused", "human-review", text="Why was I offered another rate than my neighbour?")
    pause(ws, asked, "clarification", actor=OFFICER)
    write_message(ws, ws.cases.by_ref(asked), "Which offer do you mean?", way="out", actor=OFFICER)
    extend(ws, ask("extended", "rectification", text="My job is wrong."), "complexity", actor=OFFICER)
    refuse(ws, ask("refused", "restriction"), "not-covered", actor=OFFICER)
    ask("unproven", "complaint", level=Level.NONE)


def _links(ws: Workspace, at: dict[str, str]) -> None:
    """Addresses with a secret in them, out of letters that are never sent."""

    def secret() -> str:
        letters = []
        while (letter := ws.mail.take()) is not None:
            ws.mail.sent(letter)
            letters.append(letter)
        return next(str(one.words["link"]) for one in reversed(letters) if "link" in one.words)

    for name, purpose, kind in (
        ("confirm", "newsletter", "opt-in"),
        ("confirm-asked", "savings-offers", ASKED),
        ("confirm-done", "newsletter", "opt-in"),
    ):
        assert request_opt_in(ws, BEA, [(purpose, "email")], to="bea@example.com", form="portal/sign-up", kind=kind)
        at[name] = secret()
    answer_question(ws, at["confirm-done"].split("/")[2], yes=True)
    for name, key in (("guardian", KIM), ("guardian-waits", LOU), ("guardian-known", NOA)):
        invite_guardian(ws, key, "pat@example.com")
        at[name] = secret()
        if name != "guardian":
            identify_guardian(ws, at[name].split("/")[2], "Pat Jung", "parent")
    decide_guardian(ws, to_check(ws)[-1].id, actor=OFFICER, accept=True, how="passport seen")
    at["guardian-known"] = secret()
    at["unsubscribe"] = "/unsubscribe/" + ws.links.unsubscribe(ws.number_of(CEM), "newsletter", "email")
    at["from-mail"] = f"/preferences/{ws.links.preference(ws.number_of(BEA), 'mail')}/"
    at["widget"] = f"/preferences/{preference_link(ws, BEA, minutes=60)[0]}/"
