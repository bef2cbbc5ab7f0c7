"""By when the receipt of a request has to be confirmed, and how it was.

Some laws set a term for this apart from the answer (11 CCR 7021(a): ten business days). The
date is kept with its reasoning when the request comes in; requests under other laws have no row.

Source: 11 CCR 7021(a).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from rightful.ledger.database import Database, Tx

TABLES = [
    """CREATE TABLE rights_confirmation (
        case_id INTEGER PRIMARY KEY, clock TEXT NOT NULL, due_on TEXT NOT NULL, safe_on TEXT NOT NULL,
        reasoning TEXT NOT NULL, done_us INTEGER, how TEXT NOT NULL)""",
    "CREATE INDEX rights_confirmation_open ON rights_confirmation (done_us, safe_on)",
]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`how`: portal, mail, agent, letter, telephone or answer; "" while it is open."""

    case_id: int
    clock: str
    due_on: str
    safe_on: str
    reasoning: str
    done_us: int | None = None
    how: str = ""


_FIELDS = ", ".join(f.name for f in fields(Confirmation))


class Confirmations:
    """The confirmations of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("rights-confirmations", TABLES)

    def owe(self, tx: Tx, one: Confirmation) -> None:
        tx.insert_many("rights_confirmation", _FIELDS, [astuple(one)])

    def done(self, tx: Tx, case_id: int, at_us: int, how: str) -> bool:
        """Note that it was confirmed; False: nothing was owed, or it was confirmed before."""
        rows = tx.execute(
            "UPDATE rights_confirmation SET done_us = ?, how = ? WHERE case_id = ? AND done_us IS NULL "
            "RETURNING case_id",
            (at_us, how, case_id),
        )
        return bool(rows)

    def of_case(self, case_id: int) -> Confirmation | None:
        rows = self.db.query(f"SELECT {_FIELDS} FROM rights_confirmation WHERE case_id = ?", (case_id,))
        return Confirmation(*rows[0]) if rows else None

    def open_before(self, day: str) -> list[Confirmation]:
        """Open ones to be made before a day (YYYY-MM-DD), by the earliest reading; requests that ended are over."""
        rows = self.db.query(
            f"SELECT {_FIELDS} FROM rights_confirmation WHERE done_us IS NULL AND safe_on < ? AND case_id IN "
            "(SELECT id FROM rights_case WHERE closed_us IS NULL) ORDER BY safe_on, case_id",
            (day,),
        )
        return [Confirmation(*row) for row in rows]
