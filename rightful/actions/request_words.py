"""What requests, their states and their entries are called, in words; one table for all doors.

Every sentence is complete English, so that the doors can translate it as a whole.
"""

from __future__ import annotations

from rightful.terms import gettext_noop as _

KINDS = {
    "access": _("Copy of my data"),
    "portability": _("My data to take along"),
    "rectification": _("Correction"),
    "erasure": _("Erasure"),
    "restriction": _("Store my data only"),
    "objection": _("Objection"),
    "opt-out": _("No sale or sharing"),
    "limit-sensitive": _("Less use of sensitive data"),
    "human-review": _("A person looks at a decision"),
    "complaint": _("Complaint or appeal"),
}
STATES = {
    "received": _("Received"),
    "needs-identity": _("Waits for proof of who asks"),
    "needs-staff": _("A person has to look"),
    "identified": _("Ready to begin"),
    "planned": _("Being worked on"),
    "executed": _("Done, being checked"),
    "verified": _("Checked"),
    "answered": _("Answered"),
    "refused": _("Refused"),
    "withdrawn": _("Taken back"),
}
STEPS = {
    "received": _("The request came in."),
    "repeated": _("The same was asked again; the first date stays."),
    "identity-asked": _("We asked who it is."),
    "identified": _("We know who asks."),
    "handed-to-staff": _("A person has to look first."),
    "cleared-by-staff": _("A person checked who asks."),
    "planned": _("We planned what has to be done."),
    "executed": _("Everything was done."),
    "not-complete": _("We looked again and found something left."),
    "verified": _("We looked again, and it holds."),
    "answered": _("The answer was written."),
    "refused": _("The request was refused."),
    "withdrawn": _("The request was taken back."),
    "extended": _("We took more time."),
    "paused": _("We wait for something from you."),
    "resumed": _("What we waited for has come."),
    "undone": _("The last change was undone."),
}
TASKS = {
    "collect": _("Gather the data"),
    "review": _("Read the free texts"),
    "record": _("Write the choice down"),
    "correct": _("Correct the data"),
    "erase": _("Erase the data"),
    "look": _("Look at it and decide"),
    "tell": _("Tell the customer on this channel"),
    "second-proof": _("Get a second proof of who asks"),
    "same": _("Do the same in this system"),
}
TASK_STATES = {
    "open": "open",
    "done": "done",
    "failed": "could not be done",
    "deferred": "later",
    "not-needed": "not needed here",
}
REASONS = {
    "identity-not-shown": _("It is not sure who asks"),
    "manifestly-unfounded": _("Clearly without reason"),
    "excessive": _("Asked too often"),
    "rights-of-others": _("It would show other people's data"),
    "legal-obligation": _("A law makes us keep it"),
    "legal-claims": _("Needed for a legal claim"),
    "compelling-grounds": _("Our reasons weigh more"),
    "accurate": _("The data is right"),
    "not-covered": _("The law gives no such right here"),
    "complexity": _("It takes more work than most"),
    "number-of-requests": _("Many requests at once"),
    "identity": _("Proof of who asks"),
    "clarification": _("A clarification"),
    "fee": _("A fee"),
    "on-behalf": _("Asked for a child or somebody else"),
    "source-limit": _("Many requests from one source"),
    "kind-guessed": _("The kind was guessed from a mail"),
    "agent": _("Sent by an authorised agent"),
    "other-profiles": _("Other profiles may be the same person: decide first"),
    "incomplete": _("Something is left; the erasure names it"),
    "complete": _("Nothing is left"),
    "partly": _("Part of it"),
    "whole": _("All of it"),
    "recorded": _("It counts from now on"),
    "corrected": _("Everything that was asked for"),
    "corrected-partly": _("Part of it; the answer says what not, and why"),
    "nothing-corrected": _("Nothing was corrected: refuse it with the reason"),
    "overwritten": _("The source has another value again: look why"),
    "looked": _("A person looked at it"),
    "looked-stands": _("The decision stands"),
    "looked-changed": _("The decision was changed"),
    "elsewhere": _("It concerns only other systems"),
}
LEVELS = {
    0: _("Nothing shown yet"),
    1: _("Controls the channel we know"),
    2: _("Also a second channel"),
    3: _("A person checked"),
}

SAID = {
    "use.copy": ("used", "gathered_for_request"),
    "request.received": ("choice", "request_received"),
    "request.repeated": ("choice", "request_repeated"),
    "request.identity-asked": ("own", "request_identity_asked"),
    "request.identified": ("own", "request_identified"),
    "request.handed-to-staff": ("own", "request_handed_over"),
    "request.cleared-by-staff": ("own", "request_cleared"),
    "request.planned": ("own", "request_planned"),
    "request.executed": ("own", "request_executed"),
    "request.not-complete": ("own", "request_not_complete"),
    "request.verified": ("own", "request_verified"),
    "request.answered": ("own", "request_answered"),
    "request.refused": ("refused", "request_refused"),
    "request.withdrawn": ("choice", "request_withdrawn"),
    "request.extended": ("own", "request_extended"),
    "request.paused": ("own", "request_paused"),
    "request.resumed": ("own", "request_resumed"),
    "request.undone": ("own", "request_undone"),
    "request.copy-made": ("own", "request_copy_made"),
    "request.copy-fetched": ("own", "request_copy_fetched"),
    "request.text-reviewed": ("used", "request_text_reviewed"),
    "request.message": ("own", "request_message"),
    "request.looked-at": ("used", "request_looked_at"),
    "request.task": ("own", "request_task"),
    "request.receipt-confirmed": ("own", "request_receipt_confirmed"),
    "request.task-asked": ("own", "request_task_asked"),
    "request.task-opened": ("used", "request_task_opened"),
    "request.task-late": ("own", "request_task_late"),
    "request.second-code-made": ("own", "request_code_made"),
    "request.second-code-wrong": ("refused", "request_code_wrong"),
}
"""Kind of an entry -> (outcome, code of `SENTENCES`), for the customer's page of uses."""

SENTENCES = {
    "gathered_for_request": _("Your data was gathered to answer your request"),
    "request_received": _("You sent us a request"),
    "request_repeated": _("You sent us the same request again"),
    "request_identity_asked": _("Your request waits until it is sure that it is you"),
    "request_identified": _("You showed that the request is yours"),
    "request_handed_over": _("A person has to look at your request first"),
    "request_cleared": _("A person checked who sent your request"),
    "request_planned": _("What your request needs was planned"),
    "request_executed": _("What you asked for was done"),
    "request_not_complete": _("What was done for your request was checked, and something was left"),
    "request_verified": _("What was done for your request was checked, and it holds"),
    "request_answered": _("Your request was answered"),
    "request_refused": _("Your request was refused"),
    "request_withdrawn": _("You took your request back"),
    "request_extended": _("Your request got a later date"),
    "request_paused": _("Your request waits for something from you"),
    "request_resumed": _("What your request waited for has come"),
    "request_undone": _("The last change of your request was undone"),
    "request_copy_made": _("A copy of your data was put together for you"),
    "request_copy_fetched": _("You fetched the copy of your data"),
    "request_text_reviewed": _("A person read a note about you before it goes into your copy"),
    "request_message": _("A message about your request was written"),
    "request_looked_at": _("Somebody opened your request to answer it"),
    "request_task": _("Something was done for your request"),
    "request_receipt_confirmed": _("We confirmed that your request has come"),
    "request_task_asked": _("Another system of ours was asked to do its part of your request"),
    "request_task_opened": _("Whoever looks after another system saw which customer your request is about"),
    "request_task_late": _("Another system of ours is late with its part of your request"),
    "request_code_made": _("A code for a second proof was made"),
    "request_code_wrong": _("A wrong code was typed for your request"),
}


def for_staff(kind: str) -> str | None:
    """The log's sentence for an entry about a request; None for other entries."""
    if kind == "use.copy":
        return "A customer's data was gathered to answer their request"
    if not kind.startswith("request."):
        return None
    step = kind.removeprefix("request.")
    further = {
        "copy-made": "A copy was put together for a customer",
        "copy-fetched": "A customer fetched their copy",
        "text-reviewed": "A free text was read before it goes into a copy",
        "message": "A message about a request was written",
        "looked-at": "A request was opened",
        "task": "A task of a request was ended",
        "receipt-confirmed": "The receipt of a request was confirmed to its customer",
        "task-asked": "A system without a connector was asked by mail to do its part of a request",
        "task-opened": "Whoever looks after another system saw which customer a request is about",
        "task-late": "A system without a connector is late with its part of a request",
        "bulk": "Many requests were changed at once",
        "second-code-made": "A code for a second proof was made",
        "second-code-wrong": "A wrong code was typed for a request",
        "agent-registered": "An authorised agent was registered",
        "agent-ended": "An authorised agent was taken off the list",
        "agent-not-told": "An authorised agent could not be told of a request's status",
        "agent-refused": "A message of an agent was refused",
        "agent-token": "An authorised agent set up its token",
    }
    return further.get(step) or "A customer's request: " + STEPS.get(step, step).rstrip(".").lower()
