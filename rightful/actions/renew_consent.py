"""A notice says more than the one a customer agreed to: they are asked, once.

gather   the consents that are in force, the notices they were given on, what was closed before
decide   which of them the newest notice goes beyond (rightful/notices/rules.py)
act      yes: a fresh consent on the newest notice; closed: a question without an answer, written down

Until there is a yes the old consent stays what it was: it covers the old text, and the gate holds to that.
The question stands in the customer's choices and nowhere else; nobody is mailed about it.

Easy to get wrong: a question that comes back. A closed one is deferred, and the same change is never put
to the customer again, whatever the next version is called.

Sources: GDPR Art. 4(11), 7; EDPB Guidelines 05/2020; cases S04, S05; journey 11.
"""

from __future__ import annotations

from dataclasses import dataclass

from rightful.actions.ask_again import may_ask
from rightful.actions.customer_words import InLanguage, category_words, field_words, said_by
from rightful.actions.give_consent import give_consent
from rightful.actions.record_choice import Recorded, make_event, record
from rightful.actions.show_notice import address_of
from rightful.consent.asking import IN_FORCE
from rightful.consent.shown import LONGEST_WORDING, Shown
from rightful.errors import NotFound
from rightful.gate.conditions import Ask, View, reasons_against
from rightful.notices.rules import Agreed, Question, needs_reconsent
from rightful.policy.model import Policy
from rightful.terms import EventKind
from rightful.workspace import Workspace


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """One question as a customer reads it. The addresses are empty where a notice has no public text."""

    question: Question
    says: str
    categories: tuple[str, ...]
    recipients: tuple[str, ...]
    old_address: str
    new_address: str

    @property
    def can_compare(self) -> bool:
        return bool(self.old_address and self.new_address)

    @property
    def purpose(self) -> str:
        return self.question.purpose


def open_questions(ws: Workspace, key: str, *, language: str = "") -> tuple[OpenQuestion, ...]:
    """What the newest notice adds to what this customer agreed to, and was not asked about before."""
    return tuple(_worded(ws, question, language) for question in _questions(ws, key))


def agree_again(ws: Workspace, key: str, purpose: str, *, language: str = "en") -> tuple[Recorded, ...]:
    """The customer says yes to the newest text, on every channel they had agreed to.

    Raises:
        NotFound: nothing is asked about this purpose.
    """
    question = _asked(ws, key, purpose)
    told = ws.notices.wording(question.new, purpose, language)
    shown = Shown(language, wording=told.text[:LONGEST_WORDING])
    return tuple(
        give_consent(ws, key, purpose, channel, notice=question.new, method="portal", shown=shown)
        for channel in question.channels
    )


def close_question(ws: Workspace, key: str, purpose: str, *, actor: str = "self") -> Recorded:
    """The customer leaves it at the old text: written down, and not asked again.

    Raises:
        NotFound: nothing is asked about this purpose.
    """
    question = _asked(ws, key, purpose)
    no = ws.number_of(key)
    now = ws.ledger.check_clock()
    events = [
        make_event(ws, EventKind.DEFERRED, purpose, channel, now, "portal", "", question.new, "closed")
        for channel in question.channels
    ]
    return record(ws, no, events, actor, f"Your yes to {purpose} stays as it was.")


def _asked(ws: Workspace, key: str, purpose: str) -> Question:
    for question in _questions(ws, key):
        if question.purpose == purpose:
            return question
    raise NotFound(f"nothing is asked about {purpose}", remedy="The page shows what is asked now")


def _questions(ws: Workspace, key: str) -> tuple[Question, ...]:
    policy, subject, now = ws.facts.policy, ws.facts.subject(ws.number_of(key)), ws.clock()
    agreed, resting = [], set()
    for purpose in policy.purposes.values():
        for channel in purpose.channels or ("",):
            if purpose.abstract:
                continue
            view = View(Ask(policy, ws.facts.notices, purpose.id, channel), subject, now)
            if not view.has_live_consent or reasons_against(view):  # who said no since is not asked
                continue
            agreed.append(Agreed(purpose.id, channel, view.choice.notice))
            if may_ask(ws, key, purpose.id, channel).why != IN_FORCE:  # asked and not answered: a rest period
                resting.add(purpose.id)
    closed = {(e.purpose, e.notice) for e in subject.events if e.kind is EventKind.DEFERRED}
    return needs_reconsent(
        agreed,
        ws.shelf.notices(),
        ws.shelf.newest_notice(),
        closed,
        category_of=ws.facts.bound.category_of,
        resting=resting,
    )


def _worded(ws: Workspace, question: Question, language: str) -> OpenQuestion:
    policy = ws.facts.policy
    return OpenQuestion(
        question,
        said_by(policy, policy.purposes[question.purpose], language),
        tuple(_category(policy, item, language) for item in question.categories),
        tuple(policy.recipients[r].name or r.replace("-", " ") for r in question.recipients if r in policy.recipients),
        address_of(ws, question.old),
        address_of(ws, question.new),
    )


def _category(policy: Policy, item: str, language: str) -> InLanguage:
    """A kind of data, or a single field."""
    if item in policy.categories:
        return category_words(policy, item, language)
    return field_words(policy, item, language).text
