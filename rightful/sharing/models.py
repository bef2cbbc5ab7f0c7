"""Who received what, and what they still have to be told.

A disclosure is one row for each use that gave rows of customers to a recipient,
written in the transaction of its ledger entry. Whose rows they were is the bitmap of
that entry, so a list of a million people is still one row here. An obligation is one
row for each customer, recipient and cause. `position` says up to which consent event
obligations have been worked out: they can always be worked out again from there.

Easy to get wrong: names and addresses never stand here; how a recipient knows a
customer is sealed, and wiped once the recipient has confirmed.

Sources: GDPR Art. 7(3), 15(1)(c), 19, 30(1)(d).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rightful.errors import StaleList
from rightful.ledger.database import Conflict, Database, Row, Tx
from rightful.sharing.rules import Duty

TABLES = [
    """CREATE TABLE share_disclosure (
        entry INTEGER PRIMARY KEY, at_us INTEGER NOT NULL, recipient TEXT NOT NULL, kind TEXT NOT NULL,
        country TEXT NOT NULL, safeguard TEXT NOT NULL, agreement TEXT NOT NULL, purpose TEXT NOT NULL,
        channel TEXT NOT NULL, fields TEXT NOT NULL, good_until_us INTEGER NOT NULL, customers INTEGER NOT NULL,
        export INTEGER, revoked_us INTEGER, never_left INTEGER NOT NULL)""",
    "CREATE INDEX share_disclosure_recipient ON share_disclosure (recipient)",
    """CREATE TABLE share_obligation (
        id INTEGER PRIMARY KEY AUTOINCREMENT, cause INTEGER NOT NULL, no INTEGER NOT NULL, subject TEXT NOT NULL,
        recipient TEXT NOT NULL, duty TEXT NOT NULL, purposes TEXT NOT NULL, fields TEXT NOT NULL,
        disclosures TEXT NOT NULL, since_us INTEGER NOT NULL, due_us INTEGER NOT NULL, because TEXT NOT NULL,
        reference BLOB, told INTEGER NOT NULL, told_us INTEGER, escalated_us INTEGER, confirmed_us INTEGER,
        confirmed_entry INTEGER, UNIQUE (cause, no, recipient, duty))""",
    "CREATE INDEX share_obligation_no ON share_obligation (no)",
    "CREATE INDEX share_obligation_open ON share_obligation (confirmed_us, recipient)",
    "CREATE TABLE share_head (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL)",
    "INSERT INTO share_head VALUES (1, 0)",
]
BATCHES = [
    """CREATE TABLE share_batch (
        export INTEGER NOT NULL, number INTEGER NOT NULL, entry INTEGER NOT NULL, delivered_us INTEGER,
        PRIMARY KEY (export, number))""",
]
CONTACTS = ["CREATE TABLE share_contact (recipient TEXT PRIMARY KEY, address TEXT NOT NULL)"]
DERIVED = [
    """CREATE TABLE share_derived (
        name TEXT PRIMARY KEY, kind TEXT NOT NULL, purpose TEXT NOT NULL, channel TEXT NOT NULL,
        columns TEXT NOT NULL, at_us INTEGER NOT NULL, entry INTEGER NOT NULL, customers INTEGER NOT NULL)""",
]
_DISCLOSURE = (
    "entry, at_us, recipient, kind, country, safeguard, agreement, purpose, channel, fields, good_until_us, "
    "customers, export, revoked_us, never_left"
)
_DERIVED = "name, kind, purpose, channel, columns, at_us, entry, customers"
_OBLIGATION = (
    "id, cause, no, subject, recipient, duty, purposes, fields, disclosures, since_us, due_us, because, reference, "
    "told, told_us, escalated_us, confirmed_us, confirmed_entry"
)
_NEW = "cause, no, subject, recipient, duty, purposes, fields, disclosures, since_us, due_us, because, reference, told"


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Rows of customers that went to a recipient, or were listed for one.

    Attributes:
        entry: of the ledger; its bitmap says whose rows they were.
        kind, country, safeguard, agreement: of the recipient as the policy had them then.
        fields: "table.column" -> the form it left in ("" as it is).
        good_until_us: the list may not be used from then on; 0 if it has no such end.
        export: the export this was a batch of, None for an export itself.
        revoked_us: from then on nothing of it may be sent; `never_left`: it was destroyed here.
    """

    entry: int
    at_us: int
    recipient: str
    kind: str
    country: str
    safeguard: str
    agreement: str
    purpose: str
    channel: str
    fields: Mapping[str, str]
    good_until_us: int
    customers: int
    export: int | None = None
    revoked_us: int | None = None
    never_left: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """A table that was made from customer data, one or more rows for each customer.

    Attributes:
        kind: segment, score or extract.
        purpose, channel: what it was made for; whoever may no longer be used for that is not read from it.
        columns: column -> the "table.column" it was made from, never derived ones themselves.
        entry: of the ledger; its bitmap says whose rows were put in.
    """

    name: str
    kind: str
    purpose: str
    channel: str
    columns: Mapping[str, tuple[str, ...]]
    at_us: int
    entry: int
    customers: int

    @property
    def sources(self) -> tuple[str, ...]:
        """Every field that went into it."""
        return tuple(sorted({source for sources in self.columns.values() for source in sources}))


@dataclass(frozen=True, slots=True)
class Obligation:
    """One recipient has to be told one thing about one customer, and has to confirm it.

    Attributes:
        cause: the ledger entry of what happened.
        disclosures: entries under which the recipient got this customer's data.
        because: how the due instant was worked out.
        reference: how the recipient knows the customer, sealed; None until it is told, and again once confirmed.
        told: how often the recipient was told.
    """

    id: int
    cause: int
    no: int
    subject: str
    recipient: str
    duty: Duty
    purposes: tuple[str, ...]
    fields: tuple[str, ...]
    disclosures: tuple[int, ...]
    since_us: int
    due_us: int
    because: str
    reference: bytes | None = None
    told: int = 0
    told_us: int | None = None
    escalated_us: int | None = None
    confirmed_us: int | None = None
    confirmed_entry: int | None = None

    @property
    def open(self) -> bool:
        return self.confirmed_us is None


class Sharing:
    """Disclosures and obligations of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("sharing", TABLES, BATCHES, CONTACTS, DERIVED)

    # --- disclosures ---

    def disclose(self, tx: Tx, given: Disclosure) -> None:
        """Note a disclosure, in the transaction of its ledger entry."""
        row = (
            given.entry,
            given.at_us,
            given.recipient,
            given.kind,
            given.country,
            given.safeguard,
            given.agreement,
            given.purpose,
            given.channel,
            json.dumps(dict(given.fields), sort_keys=True),
            given.good_until_us,
            given.customers,
            given.export,
            given.revoked_us,
            int(given.never_left),
        )
        tx.insert_many("share_disclosure", _DISCLOSURE, [row])

    def disclosures(self, recipient: str = "", *, before: int | None = None) -> list[Disclosure]:
        """Oldest first; `before` is a ledger index."""
        rows = self.db.query(
            f"SELECT {_DISCLOSURE} FROM share_disclosure WHERE (? = '' OR recipient = ?) AND entry < ? ORDER BY entry",
            (recipient, recipient, (1 << 62) if before is None else before),
        )
        return [_disclosure(row) for row in rows]

    def given_before(self, entry: int, *, limit: int = -1) -> list[int]:
        """Entries of the disclosures before this one that did leave, oldest first."""
        rows = self.db.query(
            "SELECT entry FROM share_disclosure WHERE entry < ? AND never_left = 0 ORDER BY entry LIMIT ?",
            (entry, (1 << 62) if limit < 0 else limit),
        )
        return [int(found) for (found,) in rows]

    def all_given(self) -> list[int]:
        """Entries of all disclosures, also of lists that never left; oldest first."""
        return [int(entry) for (entry,) in self.db.query("SELECT entry FROM share_disclosure ORDER BY entry")]

    def those(self, entries: Sequence[int]) -> list[Disclosure]:
        """The disclosures with these entries, oldest first."""
        found: list[Disclosure] = []
        for start in range(0, len(entries), 500):
            some = entries[start : start + 500]
            marks = ", ".join("?" * len(some))
            rows = self.db.query(
                f"SELECT {_DISCLOSURE} FROM share_disclosure WHERE entry IN ({marks}) ORDER BY entry", some
            )
            found += [_disclosure(row) for row in rows]
        return found

    def disclosure(self, entry: int) -> Disclosure | None:
        rows = self.db.query(f"SELECT {_DISCLOSURE} FROM share_disclosure WHERE entry = ?", (entry,))
        return _disclosure(rows[0]) if rows else None

    def batches_of(self, export: int) -> list[Disclosure]:
        """What was handed over of an export, in order."""
        rows = self.db.query(f"SELECT {_DISCLOSURE} FROM share_disclosure WHERE export = ? ORDER BY entry", (export,))
        return [_disclosure(row) for row in rows]

    def begin_batch(self, tx: Tx, export: int, number: int, entry: int) -> None:
        """Note, before it goes, that a batch of a list is being handed over.

        Raises:
            StaleList: the list is being handed over by somebody else.
        """
        try:
            tx.insert_many("share_batch", "export, number, entry", [(export, number, entry)])
        except Conflict as other:
            raise StaleList(
                "another hand-over of this list is under way", remedy="Wait for it, then send what is left"
            ) from other

    def end_batch(self, tx: Tx, entry: int, at_us: int) -> None:
        tx.execute("UPDATE share_batch SET delivered_us = ? WHERE entry = ?", (at_us, entry))

    def in_flight(self, export: int | None = None) -> list[tuple[int, int, int]]:
        """(export, number, entry) of batches that were recorded and not reported as delivered."""
        rows = self.db.query(
            "SELECT export, number, entry FROM share_batch WHERE delivered_us IS NULL AND (? < 0 OR export = ?) "
            "ORDER BY entry",
            2 * (-1 if export is None else export,),
        )
        return [(int(e), int(n), int(i)) for e, n, i in rows]

    def name_contact(self, tx: Tx, recipient: str, address: str) -> None:
        """Note where a recipient reads that a notice waits for it: a work address, as in the directory of staff."""
        tx.execute(
            "INSERT INTO share_contact VALUES (?, ?) ON CONFLICT (recipient) DO UPDATE SET address = excluded.address",
            (recipient, address),
        )

    def contact_of(self, recipient: str) -> str:
        rows = self.db.query("SELECT address FROM share_contact WHERE recipient = ?", (recipient,))
        return str(rows[0][0]) if rows else ""

    def revoke(self, tx: Tx, entry: int, at_us: int, *, never_left: bool) -> None:
        tx.execute(
            "UPDATE share_disclosure SET revoked_us = ?, never_left = ? WHERE entry = ?",
            (at_us, int(never_left), entry),
        )

    def let_go(self, tx: Tx, entry: int, at_us: int, revoked: int) -> None:
        """Close what was owed because of this disclosure alone: nobody received it."""
        self.confirm(tx, {o.id: revoked for o in self.obligations(only_open=True) if o.disclosures == (entry,)}, at_us)

    # --- what was made from customer data ---

    def note_derived(self, tx: Tx, made: Derived) -> None:
        """Note a derived table, in the transaction of its ledger entry; a name made again is the newer one."""
        tx.execute("DELETE FROM share_derived WHERE name = ?", (made.name,))
        row = (
            made.name,
            made.kind,
            made.purpose,
            made.channel,
            json.dumps(dict(made.columns)),
            made.at_us,
            made.entry,
            made.customers,
        )
        tx.insert_many("share_derived", _DERIVED, [row])

    def derived(self) -> list[Derived]:
        rows = self.db.query(f"SELECT {_DERIVED} FROM share_derived ORDER BY name")
        return [
            Derived(
                name, kind, purpose, channel, {c: tuple(s) for c, s in json.loads(columns).items()}, at, entry, people
            )
            for name, kind, purpose, channel, columns, at, entry, people in rows
        ]

    def derived_fields(self) -> dict[str, tuple[str, ...]]:
        """Each field that was made -> the fields it was made from."""
        return {f"{made.name}.{column}": sources for made in self.derived() for column, sources in made.columns.items()}

    def drop_derived(self, tx: Tx, name: str) -> None:
        tx.execute("DELETE FROM share_derived WHERE name = ?", (name,))

    # --- obligations ---

    def position(self) -> int:
        """Up to which consent event obligations have been worked out."""
        return int(self.db.query("SELECT position FROM share_head")[0][0])

    def advance(self, tx: Tx, before: int, position: int) -> bool:
        """Move the mark, unless somebody else has moved it since it was read."""
        lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
        found = tx.one(f"SELECT position FROM share_head{lock}")
        if found is None or int(found[0]) != before:
            return False
        tx.execute("UPDATE share_head SET position = ?", (position,))
        return True

    def owe(self, tx: Tx, owed: Iterable[Obligation]) -> None:
        """Add obligations; one that is there already stays as it is."""
        tx.executemany(
            f"INSERT INTO share_obligation ({_NEW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0) "
            "ON CONFLICT (cause, no, recipient, duty) DO NOTHING",
            [
                (
                    o.cause,
                    o.no,
                    o.subject,
                    o.recipient,
                    o.duty.value,
                    json.dumps(o.purposes),
                    json.dumps(o.fields),
                    json.dumps(o.disclosures),
                    o.since_us,
                    o.due_us,
                    o.because,
                    o.reference,
                )
                for o in owed
            ],
        )

    def obligations(
        self, *, no: int | None = None, recipient: str = "", cause: int | None = None, only_open: bool = False
    ) -> list[Obligation]:
        """Those with the earliest due instant first."""
        rows = self.db.query(
            f"SELECT {_OBLIGATION} FROM share_obligation WHERE (? < 0 OR no = ?) AND (? = '' OR recipient = ?) "
            "AND (? < 0 OR cause = ?) AND (? = 0 OR confirmed_us IS NULL) ORDER BY due_us, id",
            (
                *(2 * (-1 if no is None else no,)),
                recipient,
                recipient,
                *(2 * (-1 if cause is None else cause,)),
                int(only_open),
            ),
        )
        return [_obligation(row) for row in rows]

    def obligation(self, id: int) -> Obligation | None:
        rows = self.db.query(f"SELECT {_OBLIGATION} FROM share_obligation WHERE id = ?", (id,))
        return _obligation(rows[0]) if rows else None

    def refer(self, tx: Tx, references: Mapping[int, bytes]) -> None:
        """Keep how recipients know the customers: obligation -> sealed reference."""
        tx.executemany(
            "UPDATE share_obligation SET reference = ? WHERE id = ? AND confirmed_us IS NULL",
            [(sealed, id) for id, sealed in references.items()],
        )

    def note_told(self, tx: Tx, ids: Sequence[int], at_us: int) -> None:
        tx.executemany(
            "UPDATE share_obligation SET told = told + 1, told_us = ? WHERE id = ? AND confirmed_us IS NULL",
            [(at_us, id) for id in ids],
        )

    def escalate(self, tx: Tx, ids: Sequence[int], at_us: int) -> None:
        tx.executemany("UPDATE share_obligation SET escalated_us = ? WHERE id = ?", [(at_us, id) for id in ids])

    def confirm(self, tx: Tx, confirmed: Mapping[int, int], at_us: int) -> None:
        """Obligation -> ledger entry of the confirmation. What identified an erased customer goes with it."""
        tx.executemany(
            "UPDATE share_obligation SET confirmed_us = ?, confirmed_entry = ?, reference = NULL WHERE id = ?",
            [(at_us, entry, id) for id, entry in confirmed.items()],
        )


def _disclosure(row: Row) -> Disclosure:
    given = list(row)
    given[9] = json.loads(given[9])
    given[14] = bool(given[14])
    return Disclosure(*given)


def _obligation(row: Row) -> Obligation:
    found = list(row)
    found[5] = Duty(found[5])
    for place in (6, 7, 8):
        found[place] = tuple(json.loads(found[place]))
    found[12] = None if found[12] is None else bytes(found[12])
    return Obligation(*found)
