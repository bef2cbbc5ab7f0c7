"""The newsletter's list is handed over, and its recipient told of who said no: what the sharing page shows.

Synthetic people only. Runs once; a second run of the demo finds it done.
"""

from __future__ import annotations

from rightful.actions.confirm_told import confirm_told
from rightful.actions.remind_recipients import name_contact, remind_recipients
from rightful.actions.send_audience import send_audience
from rightful.actions.withdraw_consent import withdraw_consent
from rightful.demo.world import MARKETER
from rightful.gate import use
from rightful.workspace import Workspace

CONTACT = "privacy@mailer.example"


def hand_over(ws: Workspace) -> bool:
    """Send the last list made for the mailer; then three customers say no, and it answers for one of them."""
    lists = [given for given in ws.sharing.disclosures("mailer") if given.export is None]
    if not lists or ws.sharing.contact_of("mailer"):
        return False
    name_contact(ws, MARKETER, "mailer", CONTACT)
    send_audience(ws, MARKETER, lists[-1].entry)
    members = ws.ledger.subjects_of(lists[-1].entry)
    keys = [use.customer_key(ws, members[len(members) * part // 4]) or "" for part in (1, 2, 3)]
    for key in keys[:2]:
        withdraw_consent(ws, key, "newsletter")
    remind_recipients(ws, MARKETER)
    answered = next(owed.id for owed in ws.sharing.obligations(recipient="mailer", only_open=True))
    confirm_told(ws, MARKETER, "mailer", notices=[answered], evidence="letter of the mailer, synthetic")
    withdraw_consent(ws, keys[2], "newsletter")  # comes too late for this notice: the page says "not told yet"
    return True
