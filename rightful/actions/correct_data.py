"""A customer says: this is wrong. What may be corrected at once, what a person looks at first, and who is told.

gather   the field, what kind of data it is, where it came from
decide   not a field to correct / correct it now / an officer looks first
act      the gate changes the row in the source; recipients are told; the entry is in the customer's history;
         what an officer decided is told by mail

Easy to get wrong: a value that was worked out or observed is not corrected like one
that was given: the customer asks for that, with reasons. And whoever may change the
sign-in address without a second look may take the account over. So the mail about a
decision goes to the address we knew before it, and to the new one as well.

Sources: GDPR Art. 5(1)(d), 16, 19; UX portal P4; journey 3.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from rightful.actions.customer_view import known_address
from rightful.actions.customer_words import Label, category_name, field_name
from rightful.actions.show_data import GAVE, is_special, origin_of
from rightful.actions.tell_recipients import tell_recipients
from rightful.errors import BadInput, NotFound, RightfulError
from rightful.gate import dispose, use
from rightful.ledger.record import Draft
from rightful.rights.corrections import DONE, FAILED, REFUSED, WAITING, Asked, Tie
from rightful.workspace import Workspace

if TYPE_CHECKING:
    from rightful.sources.contract import TableInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST = 500
LOOKED_AT_FIRST = frozenset({"identity", "birth"})
"""Categories of who somebody is: an officer looks before they change, as with the sign-in address."""

REFUSALS = ("not-shown", "not-yours", "needed-as-is")
"""Why an officer may refuse; the customer reads the sentence of this name in their history."""

TYPES = {
    "date": "date", "timestamp": "moment", "timestamptz": "moment", "boolean": "yes-no",
    "tinyint": "whole", "smallint": "whole", "integer": "whole", "bigint": "whole", "hugeint": "whole",
    "utinyint": "whole", "usmallint": "whole", "uinteger": "whole", "ubigint": "whole",
    "real": "number", "float": "number", "double": "number", "decimal": "number", "numeric": "number",
}  # fmt: skip


class NotCorrectable(BadInput):
    """This field is not corrected here: it is not the customer's own statement, or too delicate for a form."""

    code = "rights.not-correctable"
    article = "GDPR Art. 16"
    remedy = "Ask for it in a request, with your reasons"


@dataclass(frozen=True, slots=True)
class Correctable:
    """A field as its customer may put it right. `shape` is text, email, date, moment, yes-no, whole or number."""

    field: str
    label: Label
    category: str
    shape: str
    value: object
    looked_at_first: bool
    waiting: bool


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of it: `state` is done or waiting; `told` is how many recipients have to be told."""

    id: int
    state: str
    entry: int
    told: int


@dataclass(frozen=True, slots=True)
class CorrectionSeen:
    """A correction as an officer finds it in the list: no values."""

    id: int
    field: str
    label: Label
    state: str
    asked_at: datetime
    asked_entry: int
    decided_at: datetime | None
    decided_by: str
    entry: int | None
    told: int


@dataclass(frozen=True, slots=True)
class CorrectionOpened:
    """A correction with its values, for the officer who decides. Opening it is on record."""

    seen: CorrectionSeen
    before: object
    after: str | None


def correctable(ws: Workspace, key: str, field: str, *, language: str = "en") -> Correctable:
    """What a customer needs to see before they correct a field; reading it is recorded like any look of theirs.

    Raises:
        NotFound: there is no such field about this customer.
        NotCorrectable: it is not corrected by a form.
    """
    no = ws.number_of(key)
    table, column = _may_correct(ws, field)
    category = ws.facts.bound.category_of[field]
    rows = use.own_data(ws, no)[table.name]
    if not rows:
        raise NotFound("there is nothing to correct")
    return Correctable(
        field=field,
        label=field_name(ws.facts.policy, field, language),
        category=category_name(ws.facts.policy, category, language),
        shape=shape_of(ws, table, column),
        value=rows[0][column],
        looked_at_first=_is_looked_at_first(ws, column, category),
        waiting=_waits(ws, no, field),
    )


def ask_correction(
    ws: Workspace, key: str, field: str, text: str, *, actor: str = "self", language: str = "en"
) -> Corrected:
    """Put one field right, or ask for it where an officer looks first; the answer is written in `language`.

    Raises:
        NotCorrectable: no field for a form.
        BadInput: a value the field cannot hold, or the one on record.
    """
    no = ws.number_of(key)
    table, column = _may_correct(ws, field)
    value = read_value(shape_of(ws, table, column), text)
    if _waits(ws, no, field):
        raise BadInput("a correction of this field is waiting already", remedy="Wait for the answer")
    first = _is_looked_at_first(ws, column, ws.facts.bound.category_of[field])
    number, entry = _note(ws, no, table, column, str(value), actor, first=first, language=language)
    if first:
        return Corrected(number, WAITING, entry, 0)
    ws.corrections.claim(number, actor, ws.ledger.check_clock())
    return _carry_out(ws, number, no, field, value, actor)


def ask_for_request(ws: Workspace, no: int, field: str, text: str, tie: Tie, *, actor: str, sure: bool) -> Corrected:
    """One wish of a request for correction. Reaches further than the form: any field of the customer's rows.

    Args:
        tie: the request, which of its wishes, and which row.
        sure: False: an officer looks first, whatever the field.

    Returns:
        `state` is waiting where an officer has to look first.

    Raises:
        BadInput, NotFound: as `readable`; a wish that was taken up before.
    """
    table, column = place_of(ws, field)
    value = read_value(shape_of(ws, table, column), text)
    category = ws.facts.bound.category_of.get(field, "")
    first = not sure or tie.row or not table.customer_table or _is_looked_at_first(ws, column, category)
    if actor == "self" and not first:
        try:
            _may_correct(ws, field)
        except NotCorrectable:
            first = True
    waits = bool(first) and actor == "self"
    number, entry = _note(ws, no, table, column, str(value), actor, first=waits, tie=tie)
    if waits:
        return Corrected(number, WAITING, entry, 0)
    ws.corrections.claim(number, actor, ws.ledger.check_clock())
    return _carry_out(ws, number, no, field, value, actor)


def readable(ws: Workspace, field: str, text: str, row: Mapping[str, str]) -> None:
    """Whether this could be a correction of some customer; says nothing about any of them.

    Raises:
        NotFound: there is no such field, or it is the key of a table.
        BadInput: a value the field cannot hold; a row named by columns that are not there, or not named.
    """
    table, column = place_of(ws, field)
    read_value(shape_of(ws, table, column), text)
    if unknown := set(row) - {c.name for c in table.columns}:
        raise BadInput(f"{table.name} has no column {sorted(unknown)[0]}", remedy="Name the row by its own values")
    if not table.customer_table and not row:
        raise BadInput(f"a customer may have several rows in {table.name}", remedy="Say which row")


def place_of(ws: Workspace, field: str) -> tuple[TableInfo, str]:
    """The table and column of a field that can be corrected at all: never a key.

    Raises:
        NotFound: there is none.
    """
    name, _, column = field.rpartition(".")
    table = next((t for t in ws.facts.tables if t.name == name), None)
    if table is None or column not in {c.name for c in table.columns}:
        raise NotFound(f"there is no field {field}", remedy="`rightful source list --fields` shows them")
    if column == table.key:
        raise NotFound("the key of a customer is no field to correct")
    return table, column


def approve_correction(ws: Workspace, number: int, *, actor: str) -> Corrected:
    """An officer says yes: the source is changed, recipients are told.

    Raises:
        NotFound: no such correction.
        BadInput: it was decided already, or the customer was erased.
    """
    asked = _waiting(ws, number)
    text = ws.corrections.value(number)
    if text is None:
        raise BadInput("the value is gone: the customer was erased")
    table, column = place_of(ws, asked.field)
    value = read_value(shape_of(ws, table, column), text)
    if not ws.corrections.claim(number, actor, ws.ledger.check_clock()):
        raise BadInput("somebody else is deciding this correction")
    before = known_address(ws, asked.no)
    done = _carry_out(ws, number, asked.no, asked.field, value, actor)
    _tell_decision(ws, asked, {before, known_address(ws, asked.no)})
    return done


def refuse_correction(ws: Workspace, number: int, why: str, *, actor: str) -> Corrected:
    """An officer says no, for one of `REFUSALS`; the customer reads why in their history."""
    if why not in REFUSALS:
        raise BadInput(f"{why} is no reason to refuse", remedy="Use one of " + ", ".join(REFUSALS))
    asked = _waiting(ws, number)
    now = ws.ledger.check_clock()
    if not ws.corrections.claim(number, actor, now):
        raise BadInput("somebody else is deciding this correction")
    table, _, column = asked.field.rpartition(".")
    public = {"table": table, "fields": [column], "why": why, "asked": asked.asked_entry, "article": "GDPR 16, 12(4)"}
    draft = Draft("correction.refused", public, {"actor": actor}, ws.subject_id(asked.no))
    entry = ws.journal.record([draft], lambda _tx, _entries: _tell_decision(ws, asked, {known_address(ws, asked.no)}))[
        0
    ]
    ws.corrections.decide(number, REFUSED, now, entry.index)
    return Corrected(number, REFUSED, entry.index, 0)


def corrections(ws: Workspace, *, state: str = "", language: str = "en") -> tuple[CorrectionSeen, ...]:
    """What customers corrected or asked to, newest first; no values, no names."""
    return tuple(_seen(ws, one, language) for one in ws.corrections.listed(state=state))


def open_correction(ws: Workspace, number: int, *, actor: str, language: str = "en") -> CorrectionOpened:
    """Both values, for whoever decides. That they looked is in the customer's history."""
    asked = ws.corrections.find(number)
    if asked is None:
        raise NotFound(f"there is no correction {number}")
    table, _, column = asked.field.rpartition(".")
    before: object = None
    if asked.state == WAITING:
        public = {"table": table, "fields": [column], "article": "GDPR 16", "role": "officer"}
        subject = ws.subject_id(asked.no)
        ws.journal.record([Draft("correction.opened", public, {"actor": actor}, subject)])
        before = dispose.current_row(ws, asked.no, table, ws.corrections.row(number))[column]
    return CorrectionOpened(_seen(ws, asked, language), before, ws.corrections.value(number))


def read_value(shape: str, text: str) -> object:
    """The typed value of what somebody wrote.

    Raises:
        BadInput: it is empty, too long, or not of this shape.
    """
    typed = text.strip()
    if not typed or len(typed) > LONGEST or any(not c.isprintable() for c in typed):
        raise BadInput("a value is one line of text", remedy="To have it removed, ask for an erasure")
    try:
        if shape == "date":
            return date.fromisoformat(typed)
        if shape == "moment":
            return datetime.fromisoformat(typed)
        if shape == "whole":
            return int(typed)
        if shape == "number":
            number = Decimal(typed)
            if not number.is_finite():
                raise BadInput("this is no number")
            return number
    except (ValueError, InvalidOperation):
        raise BadInput(f"this is no {shape}", remedy="Write a date as 2026-03-14, a number with a point") from None
    if shape == "yes-no":
        if typed not in ("yes", "no"):
            raise BadInput("this is neither yes nor no")
        return typed == "yes"
    if shape == "email" and not re.fullmatch(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+", typed):
        raise BadInput("this does not look like an e-mail address")
    return typed


def shape_of(ws: Workspace, table: TableInfo, column: str) -> str:
    if column == ws.config.get("subject", {}).get("email"):
        return "email"
    kind = next(c.type for c in table.columns if c.name == column)
    return TYPES.get(kind.lower().partition("(")[0].strip(), "text")


def _may_correct(ws: Workspace, field: str) -> tuple[TableInfo, str]:
    """The table and column of a field that its customer may correct by a form."""
    table = ws.facts.customer_table()
    name, _, column = field.rpartition(".")
    category = ws.facts.bound.category_of.get(field, "")
    if name != table.name or column not in {c.name for c in table.columns}:
        raise NotFound("there is no such field about you")
    known = ws.facts.policy.categories.get(category)
    if column == table.key or known is None or origin_of(ws.facts.policy, category, own_table=True) != GAVE:
        raise NotCorrectable("this did not come from you, so it is not corrected by a form")
    if is_special(known):
        raise NotCorrectable("this is delicate, so a person looks at it with you")
    return table, column


def _is_looked_at_first(ws: Workspace, column: str, category: str) -> bool:
    subject = ws.config.get("subject", {})
    return category in LOOKED_AT_FIRST or column in {subject.get(name) for name in ("email", "birth_date", "guardian")}


def _waits(ws: Workspace, no: int, field: str) -> bool:
    mine = ws.corrections.listed(subject=ws.subject_id(no), state=WAITING)
    return any(c.field == field for c in mine)


def _note(
    ws: Workspace,
    no: int,
    table: TableInfo,
    column: str,
    value: str,
    actor: str,
    *,
    first: bool,
    tie: Tie | None = None,
    language: str = "en",
) -> tuple[int, int]:
    """Put a correction down with its entry: its number, and the entry's."""
    subject, now = ws.subject_id(no), ws.ledger.check_clock()
    public = {"table": table.name, "fields": [column], "looked_at_first": first, "article": "GDPR 16"}
    made: list[int] = []
    field = f"{table.name}.{column}"
    [entry] = ws.journal.record(
        [Draft("correction.asked", public, {"actor": actor}, subject)],
        lambda tx, e: made.append(ws.corrections.ask(tx, subject, no, field, value, now, e[0].index, tie, language)),
    )
    return made[-1], entry.index


def _carry_out(ws: Workspace, number: int, no: int, field: str, value: object, actor: str) -> Corrected:
    table, _, column = field.rpartition(".")
    row = ws.corrections.row(number) or None
    try:
        done = dispose.correct(ws, no, table, {column: value}, actor=actor, row=row, reason=f"correction {number}")
    except (BadInput, NotFound):
        ws.corrections.decide(number, FAILED, ws.clock(), None)
        raise
    except RightfulError:
        ws.corrections.give_back(number)  # the store did not answer: it is still wanted
        raise
    told = tell_recipients(ws, no, "correction", fields=[field], entry=done.entry)
    ws.corrections.decide(number, DONE, ws.clock(), done.entry, len(told))
    return Corrected(number, DONE, done.entry, len(told))


def _tell_decision(ws: Workspace, asked: Asked, addresses: set[str]) -> None:
    """A mail that says there is an answer. It holds neither data nor the answer; a request has mails of its own."""
    if asked.case_id is not None:
        return
    for address in sorted(addresses - {""}):
        ws.mail.put(
            to=address,
            template="correction-decided",
            language=asked.language,
            subject_no=asked.no,
            kind="rights",
            once=f"correction/{asked.id}/{address}",
        )


def _waiting(ws: Workspace, number: int) -> Asked:
    asked = ws.corrections.find(number)
    if asked is None:
        raise NotFound(f"there is no correction {number}")
    if asked.state != WAITING:
        raise BadInput("this correction was decided already")
    return asked


def _seen(ws: Workspace, one: Asked, language: str) -> CorrectionSeen:
    return CorrectionSeen(
        id=one.id,
        field=one.field,
        label=field_name(ws.facts.policy, one.field, language),
        state=one.state,
        asked_at=EPOCH + timedelta(microseconds=one.asked_us),
        asked_entry=one.asked_entry,
        decided_at=None if one.decided_us is None else EPOCH + timedelta(microseconds=one.decided_us),
        decided_by=one.decided_by,
        entry=one.entry,
        told=one.told,
    )
