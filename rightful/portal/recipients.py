"""P5: who has received my data, and may I stop that?

One card for each recipient: what it is to us, what it got, when and what for, and
whether it was told to stop. Stopping it is the choice for the purpose, not a new form.

Easy to get wrong: a recipient that may get data and never did. It is listed apart.

Source: GDPR Art. 15(1)(c), 19; UX portal P5.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from rightful.actions.customer_view import Overview, PurposeSeen, RecipientSeen
from rightful.actions.customer_view import overview as overview_of
from rightful.actions.customer_words import Label, field_name, recipient_name, says
from rightful.actions.show_disclosures import DisclosureSeen, disclosures_of
from rightful.portal.overview import switches
from rightful.portal.visitor import key_of, language
from rightful.web.opened import workspace

STATES = {
    "held": gettext_lazy("It may still have this."),
    "telling": gettext_lazy("It has to be told what you decided or corrected."),
    "told": gettext_lazy("It was told. Its answer is not here yet."),
    "unconfirmed": gettext_lazy("It was told, and has not answered in time."),
    "confirmed": gettext_lazy("It confirmed that it was told."),
    "recalled": gettext_lazy("The list was destroyed before it left."),
}


@dataclass(frozen=True, slots=True)
class Given:
    """One time a recipient got something."""

    index: int
    at: datetime
    purpose: str
    says: str
    fields: tuple[Label, ...]
    state: str
    state_words: object
    told_at: datetime | None
    confirmed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecipientCard:
    """One recipient with everything it got, newest first. `choice` is a purpose that can be switched off."""

    who: RecipientSeen
    given: tuple[Given, ...]
    choice: PurposeSeen | None


@require_safe
def recipients(request: HttpRequest) -> HttpResponse:
    """Who received something; then who might."""
    key = key_of(request)
    seen = overview_of(workspace(), key, language=language())
    received = disclosures_of(workspace(), key)
    cards = [_card(seen, name, [d for d in received if d.recipient == name]) for name in _in_order(received)]
    known = {card.who.id for card in cards}
    possible: dict[str, RecipientSeen] = {
        who.id: who
        for purpose in seen.purposes
        if any(channel.state in {"on", "always"} for channel in purpose.channels)
        for who in purpose.recipients
        if who.id not in known
    }
    return render(request, "portal/recipients.html", {"cards": cards, "possible": list(possible.values())})


def _in_order(received: tuple[DisclosureSeen, ...]) -> list[str]:
    return list(dict.fromkeys(one.recipient for one in received))


def _card(seen: Overview, name: str, received: list[DisclosureSeen]) -> RecipientCard:
    policy = workspace().facts.policy
    newest = received[0]
    who = RecipientSeen(name, recipient_name(policy, name), newest.kind, newest.country)
    purposes = {one.purpose for one in received}
    choice = next((p for p in seen.purposes if p.id in purposes and switches(p) and _is_on(p)), None)
    return RecipientCard(who, tuple(_given(one) for one in received), choice)


def _is_on(purpose: PurposeSeen) -> bool:
    return any(channel.state == "on" for channel in purpose.channels)


def _given(one: DisclosureSeen) -> Given:
    policy = workspace().facts.policy
    return Given(
        index=one.index,
        at=one.at,
        purpose=one.purpose,
        says=says(policy, one.purpose, language()),
        fields=tuple(dict.fromkeys(field_name(policy, f, language()) for f in one.fields)),
        state=one.state,
        state_words=STATES.get(one.state, ""),
        told_at=one.told_at,
        confirmed_at=one.confirmed_at,
    )
