"""The life of a sign-in code: made, tried, used up.

A code lives three minutes, takes three tries and belongs to the browser session
that asked for it. The session keeps only a keyed hash of it.

Easy to get wrong: counting tries in the session. Two requests at once would both
read the old count; so tries are slots, and a slot is taken before comparing.

Sources: OWASP ASVS 5.0 V6.5.4, V6.5.5, V6.6.2, V6.6.3; abuse case AC-024.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass

LIFETIME = 180  # seconds
TRIES = 3
LENGTH = 8
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"  # no vowels: no words; nothing that looks like 0, 1, I or O


@dataclass(frozen=True, slots=True)
class Pending:
    """A code that was asked for and not used yet."""

    address: str
    salt: str
    digest: str
    made_at: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    def is_over(self, now: float) -> bool:
        return not self.made_at <= now < self.made_at + LIFETIME

    def slots(self) -> list[str]:
        """One name for each try; whoever gets the last one has no other."""
        return [f"code-try:{self.salt}:{number}" for number in range(1, TRIES + 1)]

    def fits(self, typed: str) -> bool:
        """Whether this is the code; takes as long for a wrong one."""
        return hmac.compare_digest(self.digest, _digest(self.salt, normal(typed)))


def new(address: str, now: float) -> tuple[Pending, str]:
    """A pending code for this address, and the code as it is written to the person."""
    code = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    salt = secrets.token_hex(16)
    return Pending(address, salt, _digest(salt, code), now), f"{code[:4]}-{code[4:]}"


def from_dict(stored: object) -> Pending | None:
    """The pending code of a session, if it has one."""
    return Pending(**stored) if isinstance(stored, dict) else None


def normal(typed: str) -> str:
    """What counts of what was typed: letters and digits, in capitals."""
    return "".join(character for character in typed.upper() if character.isalnum())[: LENGTH + 1]


def _digest(salt: str, code: str) -> str:
    return hmac.digest(salt.encode(), code.encode(), "sha256").hex()
