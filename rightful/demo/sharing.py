"""The newsletter's list is handed over, and its recipient told of who said no: what the sharing page shows.

Synthetic people only. Runs once; a second run of the demo finds it done.
"""

from __future__ import annotations

from rightful.actions.remind_recipients import name_contact, remind_recipients
from rightful.actions.send_audience import send_audience
from rightful.demo.world import MARKETER
from rightful.workspace import Workspace

CONTACT = "privacy@mailer.example"


def hand_over(ws: Workspace) -> bool:
    """Send the last list made for the mailer, and tell it what customers said since; whether there was one."""
    lists = [given for given in ws.sharing.disclosures("mailer") if given.export is None]
    if not lists or ws.sharing.contact_of("mailer"):
        return False
    name_contact(ws, MARKETER, "mailer", CONTACT)
    send_audience(ws, MARKETER, lists[-1].entry)
    remind_recipients(ws, MARKETER)
    return True
