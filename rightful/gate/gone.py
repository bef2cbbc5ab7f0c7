"""Whether somebody who comes in was erased before, or has said no before we knew them.

Every way in asks here: files (before their rows are put), histories of consents, and
customers that appear in a database that is governed where it is, as soon as they are
numbered. An empty list costs one question to the control database.

What is asked about a value is worked out in `spellings.py`; here the forms become keyed
hashes, and the hashes are compared: first all at once in memory (eight bytes of each),
then those few that hit, with the list itself.

Easy to get wrong: a number that is new in the store although the person is not; a
customer who is there in their own right and now has an address of somebody who was
erased (a weak form never speaks against them); looking again at everybody at each refresh.

Sources: GDPR Art. 17(1), 18(1), 21(3); abuse cases AC-059, AC-060; case O14.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rightful.consent.events import Event
from rightful.gate import spellings
from rightful.gate.facts import Facts
from rightful.gate.spellings import WEAK, Asked, Form
from rightful.ledger.erasure_journal import Gone
from rightful.ledger.journal import Journal
from rightful.ledger.record import Draft, Entry, Ledger
from rightful.protection.keys import Keyring
from rightful.retention.suppression import Suppression
from rightful.sources.contract import Source, TableInfo
from rightful.terms import DIRECT_MARKETING, EventKind, Method

if TYPE_CHECKING:
    from rightful.consent.models import ConsentLog
    from rightful.ledger.database import Tx

AT_ONCE = 200
"""Customers in one transaction."""
OF_SCOPE = {DIRECT_MARKETING: (EventKind.OBJECTED, DIRECT_MARKETING)}
"""What an opt-out that waited for a person becomes; of anything else: no sale, no sharing."""


class House(Protocol):
    """What recognising somebody needs of a workspace."""

    config: dict[str, Any]
    keys: Keyring

    @property
    def suppression(self) -> Suppression: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def source(self) -> Source: ...
    @property
    def ledger(self) -> Ledger: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def consent(self) -> ConsentLog: ...
    def subject_id(self, no: int) -> str: ...


class Known(NamedTuple):
    """A value that names an erased person. `strong`: nobody else is meant."""

    person: str
    strong: bool


def hashed(keys: Keyring, form: Form) -> bytes:
    """What is kept of a form."""
    return keys.suppression_hash(f"{form[0]}:{form[1]}")


def forget_forms(keys: Keyring, forms: Iterable[Form], person: str, at_us: int) -> list[Gone]:
    """The rows that keep a person off, for the list and for the journal outside the backups."""
    return [Gone(hashed(keys, form), person, form[0], at_us) for form in dict.fromkeys(forms)]


class Recogniser:
    """Knows erased people by what names them. Made for one import or one look; never kept."""

    def __init__(self, keys: Keyring, shelf: Suppression | Listed, residence: str = "") -> None:
        """`residence`: the column that says in which country a telephone number is read."""
        self.residence = residence
        self._keys = keys
        self._shelf = shelf
        self._first = _beginnings(shelf.hashes())

    def asked(self, column: str, *, key: bool = False) -> tuple[tuple[Asked, str], ...]:
        return spellings.asked(column, key=key)

    def known(self, kind: str, texts: Sequence[str], regions: Sequence[str] = ()) -> list[Known | None]:
        """For each value, whom it names of those who were erased.

        Args:
            regions: beside each value, where the customer lives (ISO 3166, "DE" or "US-CA"); may be empty.
        """
        asked: list[tuple[int, str, bytes]] = []
        for place, text in enumerate(texts):
            region = regions[place].partition("-")[0].strip().upper() if regions else ""
            for form in spellings.forms(cast(Asked, kind), text, region):
                asked.append((place, form[0], hashed(self._keys, form)))
        answers: list[Known | None] = [None] * len(texts)
        if not asked or not len(self._first):
            return answers
        first = _beginnings([value for _, _, value in asked], ordered=False)
        spots = np.minimum(np.searchsorted(self._first, first), len(self._first) - 1)
        hits = [asked[i] for i in np.flatnonzero(self._first[spots] == first)]
        found = self._shelf.find({value for _, _, value in hits})
        for place, form_kind, value in hits:
            if value in found:
                strong = form_kind not in WEAK
                before = answers[place]
                if before is None or (strong and not before.strong):
                    answers[place] = Known(found[value][1], strong)
        return answers


def recogniser(house: House) -> Recogniser | None:
    """Who recognises the erased; None if there are none."""
    if house.suppression.empty():
        return None
    return Recogniser(house.keys, house.suppression, _residence(house))


def _residence(house: House) -> str:
    return str(house.config.get("subject", {}).get("residence", ""))


def arrivals(house: House, numbers: int) -> int:
    """Look at the customers that were numbered since the last look; returns for how many something was recorded.

    Somebody who was erased is restricted from this moment on: nothing is done with the data until an
    officer erases them again or lets them in. A no that waited for somebody is recorded.
    """
    shelf = house.suppression
    start = shelf.looked_at()
    if numbers <= start:
        return 0
    erased, refusals = not shelf.empty(), shelf.refusals_ahead() > 0
    done = 0
    if erased or refusals:
        found = list(_look(house, start, recogniser(house) if erased else None, refusals=refusals))
        for at in range(0, len(found), AT_ONCE):
            _record(house, found[at : at + AT_ONCE])
        done = len(found)
    with house.ledger.db.write() as tx:
        shelf.note_looked_at(tx, numbers)
    return done


class Listed:
    """Forms out of the journal, for a recogniser that has to know more than the list does."""

    def __init__(self, rows: Iterable[Gone]) -> None:
        self._rows = {row.hash: (row.kind, row.person) for row in rows}

    def hashes(self) -> list[bytes]:
        return list(self._rows)

    def find(self, hashes: Collection[bytes]) -> dict[bytes, tuple[str, str]]:
        return {one: self._rows[one] for one in hashes if one in self._rows}


def who_was_erased_since(house: House, since_us: int) -> Recogniser:
    """Knows whoever is held off, and who was erased at this instant or later, also if they were let in after that.

    For a store that was restored to what it was at that instant.
    """
    rows = [g for g in house.keys.erasures.everything() if g.lifted_us is None or g.at_us >= since_us]
    return Recogniser(house.keys, Listed(rows), _residence(house))


def erased_in_store(house: House, who: Recogniser) -> list[Arrived]:
    """Customers of the store who were erased; not those of whom the law keeps a row without their names."""
    if not any(table.customer_table for table in house.facts.tables):
        return []
    stubs = set(house.consent.numbers_with(EventKind.ERASED))
    found = _look(house, 0, who, refusals=False)
    return [one for one in found if one.person and not (one.by_key and one.no in stubs)]


def look_at_everybody(house: House, who: Recogniser) -> int:
    """Look at every customer of the store again; returns how many erased ones were found that nobody knew of.

    For after a restore: of our backup, of files by hand, or of a database that is governed where it is.
    """
    known = {back.no for back in house.suppression.back()}
    found = [one for one in erased_in_store(house, who) if one.no not in known]
    for at in range(0, len(found), AT_ONCE):
        _record(house, found[at : at + AT_ONCE])
    return len(found)


def catch_up(house: House) -> int:
    """Bring the list in line with the journal outside, and look at everybody if the journal knew more.

    They differ after a restore by hand, and after a crash between the two. Returns how many forms were missing.
    """
    journal, shelf = house.keys.erasures, house.suppression
    if journal.held_off() == shelf.size():
        return 0
    rows = journal.everything()
    there = shelf.pairs()
    missing = [g for g in rows if g.lifted_us is None and (g.hash, g.person) not in there]
    lifted = {g.person for g in rows if g.lifted_us is not None} & {person for _, person in there}
    if missing or lifted:
        public = {"forms": len(missing), "let-in": len(lifted), "article": "GDPR 17"}

        def write(tx: Tx, entries: list[Entry]) -> None:
            shelf.add(tx, missing, entries[0].index)
            shelf.lift(tx, lifted)

        house.journal.record([Draft("suppression.caught-up", public)], write)
    if missing:
        look_at_everybody(house, Recogniser(house.keys, shelf, _residence(house)))
    return len(missing)


@dataclass(frozen=True, slots=True)
class Arrived:
    """A customer who is more than new.

    Attributes:
        person: whom of the erased the row names; "" if none. `by_key`: nothing but the key says so.
        refusals: (scope, instant) of what they said before we knew them.
    """

    no: int
    key: str
    person: str
    by_key: bool
    refusals: tuple[tuple[str, int], ...]


def _look(house: House, start: int, who: Recogniser | None, *, refusals: bool) -> Iterable[Arrived]:
    table = house.facts.customer_table()
    texts = [c.name for c in table.columns if c.type in ("text", "uuid") and c.name != table.key]
    whole = [c.name for c in table.columns if c.type in ("bigint", "integer") and c.name != table.key]
    whole = [c for c in whole if any(not pattern for _, pattern in spellings.asked(c))]
    names = [table.key, *texts, *whole]
    with house.source.whole(table.name, names, since=start) as reader:
        for batch in reader:
            numbers = batch.column(0).to_pylist()
            columns = {n: batch.column(place + 1).to_pylist() for place, n in enumerate(names)}
            persons = _persons(who, table, columns) if who is not None else {}
            noes = _noes(house, columns) if refusals else {}
            for place in sorted({*persons, *noes}):
                person, by_key = persons.get(place, ("", False))
                key = str(columns[table.key][place])
                yield Arrived(numbers[place], key, person, by_key, noes.get(place, ()))


def _persons(who: Recogniser, table: TableInfo, columns: Mapping[str, Sequence[object]]) -> dict[int, tuple[str, bool]]:
    """Place in the batch -> the erased person that its row names, and whether only the key says so."""
    found: dict[int, tuple[str, bool]] = {}
    regions = columns.get(who.residence, ())
    for name, values in columns.items():
        for kind, pattern in who.asked(name, key=name == table.key):
            places, texts = _worth_asking(values, pattern)
            beside = [str(regions[place] or "") for place in places] if regions else []
            for place, known in zip(places, who.known(kind, texts, beside), strict=True):
                if known is not None:
                    person, by_key = found.get(place, (known.person, True))
                    found[place] = person, by_key and kind == "key"
    return found


def _noes(house: House, columns: Mapping[str, Sequence[object]]) -> dict[int, tuple[tuple[str, int], ...]]:
    """Place in the batch -> what was refused for an address in its row."""
    asked: list[tuple[int, bytes]] = []
    for name, values in columns.items():
        pattern = next(p for kind, p in spellings.asked(name) if kind == "email")
        for place, text in zip(*_worth_asking(values, pattern), strict=True):
            asked += [(place, hashed(house.keys, form)) for form in spellings.forms("email", text)]
    answers = house.suppression.refused_ahead({value for _, value in asked})
    found: dict[int, dict[tuple[str, int], None]] = {}
    for place, value in asked:
        if value in answers:
            found.setdefault(place, {}).update(dict.fromkeys(answers[value]))
    return {place: tuple(said) for place, said in found.items()}


def _worth_asking(values: Sequence[object], pattern: str) -> tuple[list[int], list[str]]:
    look = re.compile(pattern, re.IGNORECASE).search
    places = [i for i, v in enumerate(values) if v is not None and look(str(v))]
    return places, [str(values[i]) for i in places]


def _record(house: House, arrived: Sequence[Arrived]) -> None:
    """The events of these customers and what the list learns, in one transaction."""
    now = house.ledger.check_clock()
    events: list[tuple[Arrived, Event]] = []
    for one in arrived:
        if one.person:
            events.append((one, _event(EventKind.RESTRICTED, "", now, f"back-{now}-{one.no}", "erased before")))
        for scope, at_us in one.refusals:
            kind, name = OF_SCOPE.get(scope, (EventKind.OPTED_OUT, ""))
            name_of = f"ahead-{scope}-{one.no}-{now}"
            events.append((one, _event(kind, name, at_us, name_of, "asked by address before")))
    policy = house.facts.policy.version
    back = [one for one in arrived if one.person]
    drafts = [consent_draft(house, one.no, event, policy) for one, event in events]
    drafts += [Draft("suppression.came-back", {"article": "GDPR 17"}, {}, house.subject_id(one.no)) for one in back]
    gone = [
        g for one in back for g in forget_forms(house.keys, spellings.forms("key", one.key), one.person, now)
    ]  # whoever comes back under another key is known by it, too
    house.keys.erasures.note(gone)

    def rows(tx: Tx, entries: list[Entry]) -> None:
        written = [
            (house.subject_id(one.no), one.no, event, entry.index)
            for (one, event), entry in zip(events, entries, strict=False)
        ]
        house.consent.append(tx, written)
        for one, entry in zip(back, entries[len(events) :], strict=True):
            house.suppression.note_back(tx, one.no, one.person, now, entry.index)
        house.suppression.add(tx, gone, entries[0].index)

    house.journal.record(drafts, rows)
    house.consent.publish()


def _event(kind: EventKind, scope: str, at_us: int, name: str, evidence: str) -> Event:
    return Event(name, kind, scope, "", at_us, at_us, method=Method.SYNC, evidence=evidence)


def consent_draft(house: House, no: int, event: Event, policy: str) -> Draft:
    """The entry of an event that nobody has just said, but that is on record outside."""
    public = {
        "purpose": event.purpose,
        "channel": event.channel,
        "notice": "",
        "method": event.method.value,
        "policy": policy,
    }
    private = {"event": event.id, "at_us": event.at_us, "evidence": event.evidence, "value": "", "actor": "system"}
    return Draft(f"consent.{event.kind.value}", public, private, house.subject_id(no))


def _beginnings(hashes: Sequence[bytes], *, ordered: bool = True) -> NDArray[np.uint64]:
    """Eight bytes of each, as numbers."""
    numbers = np.frombuffer(b"".join(value[:8] for value in hashes), np.uint64)
    return np.unique(numbers) if ordered else numbers


__all__ = (
    "AT_ONCE",
    "Arrived",
    "Known",
    "Recogniser",
    "arrivals",
    "catch_up",
    "consent_draft",
    "erased_in_store",
    "forget_forms",
    "hashed",
    "look_at_everybody",
    "recogniser",
    "who_was_erased_since",
)
