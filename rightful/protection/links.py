"""What goes out of the house in place of a person: references, unsubscribe links, preference links.

Each is the customer's number, sealed with AES-SIV under a key of its own, so it says
nothing, cannot be guessed, and needs no table: nothing about it is stored, and nothing
is left of it when the number is gone. AES-SIV is deterministic: the same customer has
the same reference, and the same list the same unsubscribe link, in every mail.

Links are written in small letters and digits, because mail programs change the case
of addresses. An unsubscribe link has no end; a whole generation of them can be ended
by raising `links.oldest` in rightful.json.

Easy to get wrong: an address or a CRM key in a URL lands in logs of strangers
(OWASP ASVS 5.0 V14.2.1); a token for one use that opens another (each has its own key).

Sources: RFC 5297 (AES-SIV); RFC 8058 section 3.1 (opaque identifier); 16 CFR 316.3.
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from rightful.protection.keys import derive

WIDGET, MAIL = "widget", "mail"
_KINDS = {WIDGET: 1, MAIL: 2}
_NUMBER = struct.Struct(">Q")
_PREFERENCE = struct.Struct(">BBQQ")
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """What an unsubscribe link stands for: one customer, one purpose, one channel ("" where there is none)."""

    no: int
    purpose: str
    channel: str


@dataclass(frozen=True, slots=True)
class Preference:
    """What a preference link stands for. `until` is in seconds since 1970, 0 for no end; `minted_by` the API
    token it was asked for with ("" for none): it ends with that token."""

    no: int
    kind: str
    until: int
    minted_by: str


class Links:
    """Makes and opens them. What does not open is None, whatever the reason."""

    def __init__(self, key: bytes, generation: int = 1, oldest: int = 1) -> None:
        """`key` has 32 bytes; links of generations from `oldest` to `generation` are honoured."""
        self.generation = generation
        self.oldest = oldest
        uses = ("reference", "unsubscribe", "preference", "certificate")
        self._ciphers = {use: AESSIV(derive(key, use)) for use in uses}

    def reference(self, no: int) -> str:
        """How other systems name this customer: always the same, means nothing without the key."""
        return "p-" + self._ciphers["reference"].encrypt(_NUMBER.pack(no), None).hex()

    def number_of(self, reference: str) -> int | None:
        if not reference.startswith("p-") or len(reference) != 50 or reference != reference.lower():
            return None
        try:
            (no,) = _NUMBER.unpack(self._ciphers["reference"].decrypt(bytes.fromhex(reference[2:]), None))
        except (ValueError, InvalidTag, struct.error):
            return None
        return int(no)

    def unsubscribe(self, no: int, purpose: str, channel: str) -> str:
        body = bytes([self.generation]) + _NUMBER.pack(no) + f"{purpose}\0{channel}".encode()
        return self._seal("unsubscribe", body)

    def open_unsubscribe(self, text: str) -> Unsubscribe | None:
        body = self._open("unsubscribe", text)
        if body is None or len(body) < 9 or not self.oldest <= body[0] <= self.generation:
            return None
        purpose, _, channel = body[9:].decode().partition("\0")
        return Unsubscribe(_NUMBER.unpack(body[1:9])[0], purpose, channel)

    def preference(self, no: int, kind: str, until: int = 0, minted_by: str = "") -> str:
        body = _PREFERENCE.pack(self.generation, _KINDS[kind], no, until) + minted_by.encode()
        return self._seal("preference", body)

    def open_preference(self, text: str, now: int) -> Preference | None:
        """`now` in seconds since 1970: a link that has ended does not open."""
        body = self._open("preference", text)
        if body is None or len(body) < _PREFERENCE.size:
            return None
        generation, kind, no, until = _PREFERENCE.unpack(body[: _PREFERENCE.size])
        if not self.oldest <= generation <= self.generation or (until and now >= until):
            return None
        name = next((word for word, number in _KINDS.items() if number == kind), None)
        return None if name is None else Preference(no, name, until, body[_PREFERENCE.size :].decode())

    def certificate(self, run: str) -> str:
        """Opens the certificate of an erasure: its customer can no longer sign in."""
        return self._seal("certificate", run.encode())

    def open_certificate(self, text: str) -> str | None:
        body = self._open("certificate", text)
        return None if body is None else body.decode()

    def _seal(self, use: str, body: bytes) -> str:
        return base64.b32encode(self._ciphers[use].encrypt(body, None)).decode("ascii").rstrip("=").lower()

    def _open(self, use: str, text: str) -> bytes | None:
        if not text.isascii() or not 1 <= len(text) <= _LONGEST:
            return None
        try:
            sealed = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
            return self._ciphers[use].decrypt(sealed, None)
        except (ValueError, InvalidTag):
            return None
