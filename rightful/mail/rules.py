"""When a mail is tried again, and what a mail system's answer means.

Nothing here reads a clock. A failure that may pass is tried again after longer and
longer waits; one that will not pass ends at once.

Easy to get wrong: taking every 5.x.x for a dead address. A full mailbox empties, and
a refusal for policy (5.7.x) is about the sender: neither stops later mails.

Sources: RFC 3463 (status codes), RFC 5321 4.5.4.1 (retries).
"""

from __future__ import annotations

import re

MINUTE_US = 60_000_000
WAITS_US = tuple(minutes * MINUTE_US for minutes in (1, 5, 30, 120, 480))
MOST_ATTEMPTS = len(WAITS_US) + 1
LEASE_US = 5 * MINUTE_US
"""Who takes a mail and dies leaves it to others after this long."""

_STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_DEAD = {(1, 0), (1, 1), (1, 2), (1, 3), (1, 6), (1, 10), (2, 1)}  # no such mailbox or domain, moved, disabled


def next_try(attempts: int, now_us: int) -> int | None:
    """When to try again after this many failed attempts; None: not any more."""
    return now_us + WAITS_US[attempts - 1] if attempts <= len(WAITS_US) else None


def status_of(text: str) -> str:
    """The enhanced status code in a line such as `550 5.1.1 no such user`; "" if there is none."""
    found = _STATUS.search(text)
    return found.group(0) if found else ""


def is_permanent(status: str) -> bool:
    """Whether trying again cannot help."""
    return status.startswith("5")


def is_dead_address(status: str) -> bool:
    """Whether nobody can be reached at this address any more, whatever is written."""
    found = _STATUS.fullmatch(status)
    return found is not None and found.group(1) == "5" and (int(found.group(2)), int(found.group(3))) in _DEAD


def normal_address(address: str) -> str:
    """One spelling for comparing: the domain has no case, and mailboxes in practice have none either."""
    return address.strip().casefold()
