"""`rightful consent unsubscribe-mail`: a mail to the unsubscribe mailbox, handed over by the mail server."""

from __future__ import annotations

import sys

from rightful.cli.consent import NOUN, app
from rightful.cli.verbs import OK, Cli, verb

LARGEST = 1024 * 1024


@verb(
    app,
    NOUN,
    "unsubscribe-mail",
    members={
        "purpose": "the list that stopped",
        "channel": "by which way, or null",
        "entry": "ledger entry, or null: it had stopped already",
    },
)
def unsubscribe_mail(cli: Cli) -> int:
    """Stop the list that a mail on stdin asks to stop; its subject or the address it went to holds the link."""
    from rightful.actions.unsubscribe import unsubscribe_by_mail

    with cli.open() as ws:
        done = unsubscribe_by_mail(ws, sys.stdin.buffer.read(LARGEST))
    entry = done.recorded.index if done.recorded else None
    cli.answer(purpose=done.purpose, channel=done.channel or None, entry=entry)
    cli.show(f"{done.purpose} stopped" if entry is not None else f"{done.purpose} had stopped already")
    return OK
