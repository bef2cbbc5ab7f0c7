"""`rightful consent may-ask`, `ask` and `ask-list`: from when somebody may be asked again."""

from __future__ import annotations

from typing import Annotated

import typer

from rightful.cli.consent import NOUN, ForPurpose, Key, app
from rightful.cli.verbs import OK, PARTLY, Cli, verb

Channel = Annotated[str, typer.Option("--channel", "-c", help="The channel, if the purpose has any.")]


@verb(
    app,
    NOUN,
    "may-ask",
    members={
        "now": "may be asked now",
        "at": "from when, or null if not at all",
        "why": "code",
        "sentence": "the code in words",
        "look": "ledger entry of this look",
    },
)
def may_ask(
    cli: Cli,
    customer: Key,
    of: ForPurpose,
    channel: Channel = "",
    purpose: Annotated[str, typer.Option("--purpose", "-p", help="Why you look; it is on record.")] = "",
) -> int:
    """From when one customer may be asked for a consent (again)."""
    from rightful.actions import ask_again
    from rightful.actions.view_customer import may_look

    with cli.open() as ws:
        look = may_look(ws, cli.actor if not purpose else cli.who, purpose, customer)
        found = ask_again.may_ask(ws, customer, of, channel)
    cli.answer(now=found.now, at=found.at, why=found.why, sentence=found.sentence, look=look.entry)
    day = "now" if found.now else f"from {found.at:%A, %-d %B %Y}" if found.at else "not at all"
    cli.show(f"{day}: {found.sentence}")
    return OK


@verb(
    app,
    NOUN,
    "ask",
    members={"asked": "false: enough mails went to this customer today", "entry": "ledger entry", "at": "instant"},
)
def ask(
    cli: Cli,
    customer: Key,
    of: ForPurpose,
    channel: Channel = "",
    by: Annotated[str, typer.Option(help="How: portal, agent or mail.")] = "agent",
    language: Annotated[str, typer.Option(help="Language of the question.")] = "en",
) -> int:
    """Note that a customer was asked, or ask them by mail. Refused before the rest period is over."""
    from rightful.actions.ask_again import ask_for_consent

    with cli.open() as ws:
        done = ask_for_consent(ws, customer, of, channel, actor=cli.operator, by=by, language=language)
    entry, at = (None, None) if done is None else (done.index, done.at)
    cli.answer(asked=done is not None, entry=entry, at=at)
    if done is None:
        cli.show("Enough mails went to this customer today; ask tomorrow.")
        return PARTLY
    cli.show(done.effect)
    return OK


@verb(
    app,
    NOUN,
    "ask-list",
    members={
        "now": "customers that may be asked now",
        "waiting": "code -> customers that may not",
        "next_at": "when the next of them may be asked, or null",
    },
)
def ask_list(cli: Cli, of: ForPurpose, channel: Channel = "") -> int:
    """How many customers may be asked for a consent now, and why not the others. Names nobody."""
    from rightful.actions.ask_again import who_to_ask_again
    from rightful.consent.asking import SENTENCES

    with cli.open() as ws:
        found = who_to_ask_again(ws, of, channel)
    cli.answer(now=found.now, waiting=dict(found.waiting), next_at=found.next_at)
    rows: list[tuple[int, str]] = [(found.now, "may be asked now")]
    rows += [(count, SENTENCES[code]) for code, count in sorted(found.waiting.items(), key=lambda item: -item[1])]
    cli.table(("customers", ""), rows, right=(0,))
    if found.next_at is not None:
        cli.say(f"The next one from {found.next_at:%A, %-d %B %Y}.")
    return OK
