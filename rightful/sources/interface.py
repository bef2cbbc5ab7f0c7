"""What a system must be able to do that is reached by its interface: a CRM in somebody else's house.

A second contract beside `contract.py`: no SQL, no transaction over several calls, no
column of ours in its tables. There are kinds of record with fields, records with ids,
and few questions: which records hold this value, which hold these words, which are
still there. Tryton speaks it over JSON-RPC; a hosted CRM does over REST (its objects
are kinds, its associations are fields that name records, its search gives records).

A connector knows nothing of people, purposes or policies, and opens no connection of
its own: it is given a `Call`, which goes only where the gate lets it.

Easy to get wrong: a call that timed out may have been carried out, so every change is
one that can be repeated; "it is not there" and "you may not see it" look alike in some
systems, so what the account may not read is told (`Kind.readable`); what a system says
when it refuses may quote a record, so it is kept apart from the error's own sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

RecordId = int | str


class Answer(NamedTuple):
    """What came back for one call: the status, how long to wait (as the system says it), the bytes."""

    status: int
    retry_after: str
    body: bytes


Call = Callable[[str, bytes, Mapping[str, str]], Answer]
"""POST of these bytes with these headers to this address. Raises SourceUnavailable, TargetRefused."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind of record.

    Attributes:
        type: a canonical word, as in `contract.py`; "record" names records, as `names` says; "choice" is one of
            a list that the system has.
        names: the kind of record it names; "" for any kind: then its values are texts, `kind,id`.
        required: the system refuses a record without it.
        fixed: it is worked out by the system and cannot be set.
        trail: it says which of the system's own users made or changed the record.
    """

    name: str
    type: str
    names: str = ""
    required: bool = False
    fixed: bool = False
    trail: bool = False
    longest: int | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record. `history`: the system keeps earlier versions of its own accord. `readable`: the
    account may see such records at all. `derived`: they are worked out from other records (a report)."""

    name: str
    fields: tuple[Field, ...]
    history: bool = False
    readable: bool = True
    derived: bool = False

    def field(self, name: str) -> Field | None:
        return next((f for f in self.fields if f.name == name), None)


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it is now. `version`: how the system calls this state of it, "" if it has no word for that."""

    kind: str
    id: RecordId
    values: Mapping[str, object]
    version: str = field(default="", compare=False)


class Interface(Protocol):
    """One system behind an interface. Implementations: `tryton.py`.

    Every method raises SourceUnavailable (nothing answered, or nothing that can be read) and SystemRefused
    (it answered no: its `code` says whether it was the account, a rule, a change meanwhile, or too many calls).
    """

    name: str

    def hello(self) -> str:
        """Sign in; what the system is and which version, in its own words."""

    def names(self) -> tuple[str, ...]:
        """The names of all kinds of record that the interface shows."""

    def describe(self, name: str) -> Kind:
        """A kind of record as it is now."""

    def find(self, kind: str, field: str, values: Sequence[object], *, fold: bool = False) -> list[Record]:
        """Records whose field is one of these values; `fold` compares without regard to case."""

    def mentioning(
        self, kind: str, fields: Sequence[str], words: Sequence[Sequence[str]], *, limit: int | None = None
    ) -> list[Record]:
        """Records in which one of these text fields holds all parts of one of `words`, in this order, with
        anything between them, without regard to case. More than those may come; none may be missing."""

    def read(self, kind: str, ids: Sequence[RecordId]) -> list[Record]:
        """Those of these records that are there, archived ones too."""

    def former(self, kind: str, ids: Sequence[RecordId]) -> list[Record]:
        """Earlier versions of these records that the system keeps, whether or not the records are there."""

    def values(self, kind: str, field: str, most: int) -> list[object]:
        """Some values of a field, for its shape only."""

    def count(self, kind: str) -> int:
        """How many records of a kind there are, archived ones too."""

    def change(self, record: Record, values: Mapping[str, object]) -> None:
        """Set fields of one record.

        Raises:
            SystemRefused: with code `system.changed-meanwhile` if it is not as it was when `record` was read.
        """

    def delete(self, kind: str, ids: Sequence[RecordId]) -> None:
        """Delete records, all or none. Those that are gone already are no fault."""

    def close(self) -> None: ...
