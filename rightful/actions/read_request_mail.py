"""A mail that asks for a right becomes a request; it is never answered by mail.

gather   the sender's address, the subject, the text; nothing of attachments
decide   what is asked for, by words in five languages; a person checks a guess
act      a request that waits until it is sure who asks

Easy to get wrong: believing the From line (anybody writes it: the request waits for proof
of who asks); reading a mail bomb (size and parts are limited); a mail that was sent by a
program and would be answered for ever.

Sources: GDPR Art. 12(2), 12(6); RFC 5322, RFC 3834; EDPB Guidelines 01/2022 par. 52-57; AC-016, AC-020.
"""

from __future__ import annotations

import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser

from rightful.actions.answer_request import take_in
from rightful.actions.open_request import LONGEST_TEXT, Opened
from rightful.errors import BadInput
from rightful.rights.rules import NO_IDENTITY, Kind
from rightful.workspace import Workspace

BIGGEST = 2 * 1024 * 1024
# In this order: the first that is found counts. Parts of words, so that forms of them count, too.
_ASKS: tuple[tuple[Kind, str], ...] = (
    (Kind.OPT_OUT, r"do not sell|don't sell|not share my|opt.?out of (?:sale|sharing)"),
    (Kind.ERASURE, r"eras|delet|remove (?:my|all)|lösch|loesch|effac|supprim|borr|suprim|eliminar|محو|حذف"),
    (Kind.RECTIFICATION, r"correct|rectif|wrong (?:name|address|data)|berichtig|korrig|corrig|corregir|تصحيح"),
    (Kind.PORTABILITY, r"portab|machine.readable|maschinenlesbar|portabilité|portabilidad"),
    (Kind.RESTRICTION, r"restrict (?:the )?(?:use|processing)|einschränk|limitation du traitement|limitación del"),
    (Kind.OBJECTION, r"object to|unsubscribe|stop (?:sending|using)|widersp|oppos|darme de baja|اعتراض"),
    (Kind.COMPLAINT, r"complain|beschwer|réclamation|plainte|reclamación|queja|شكوى"),
    (Kind.ACCESS, r"access|copy of|what (?:data|information)|auskunft|kopie|accès|copie|acceso|copia|نسخة"),
)


@dataclass(frozen=True, slots=True)
class FromMail:
    """What was made of a mail; `guessed`: nothing in it said clearly what is asked for."""

    opened: Opened
    kind: Kind
    guessed: bool


def read_request_mail(ws: Workspace, raw: bytes, *, kind: str = "", language: str = "en", actor: str) -> FromMail:
    """Take a request in that came by mail.

    Args:
        raw: the message as it arrived (RFC 5322).
        kind: what it asks for, if a person has read it; else it is looked for in the words.

    Raises:
        BadInput: too large, no sender, or written by a program.
    """
    if len(raw) > BIGGEST:
        raise BadInput("the mail is larger than 2 MiB", remedy="Take the request in by hand: rightful request open")
    message = BytesParser(_class=EmailMessage, policy=email.policy.default).parsebytes(raw)
    sender = parseaddr(str(message.get("From", "")))[1]
    if sender.count("@") != 1:
        raise BadInput("the mail has no sender", remedy="Take the request in by hand: rightful request open")
    if str(message.get("Auto-Submitted", "no")).lower() != "no" or message.get("List-Id"):
        raise BadInput("the mail was written by a program, not by a person")
    words = f"{message.get('Subject', '')}\n{_text(message)}"
    found, guessed = (Kind(kind), False) if kind in set(Kind) else _kind_of(words)
    if kind and kind not in set(Kind):
        raise BadInput(f"{kind} is no kind of request", remedy="One of: " + ", ".join(Kind))
    opened = take_in(
        ws,
        found.value,
        contact=sender,
        source="mail",
        sender=sender.rpartition("@")[2].lower(),
        text=words.strip()[:LONGEST_TEXT],
        language=language,
        actor=actor,
        received_us=_sent_us(message),
        private={"message_id": str(message.get("Message-ID", ""))[:200]},
    )
    return FromMail(opened, found, guessed and found not in NO_IDENTITY)


def _kind_of(words: str) -> tuple[Kind, bool]:
    low = words.lower()
    for kind, pattern in _ASKS:
        if re.search(pattern, low):
            return kind, False
    return Kind.ACCESS, True


def _text(message: EmailMessage) -> str:
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    try:
        text = str(part.get_content())
    except (LookupError, ValueError, KeyError):
        return ""  # of an alphabet nobody knows
    return _plain(text) if part.get_content_subtype() == "html" else text


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style", "head")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "head") and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _plain(html: str) -> str:
    reader = _Words()
    reader.feed(html)
    return " ".join(" ".join(reader.words).split())


def _sent_us(message: EmailMessage) -> int | None:
    """When it was sent. A date in the future counts as now; one long ago as it says: the term runs from there."""
    try:
        sent = parsedate_to_datetime(str(message["Date"]))
    except (TypeError, ValueError):
        return None
    if sent.tzinfo is None:
        return None
    return int(sent.timestamp() * 1_000_000)
