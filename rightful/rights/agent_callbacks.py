"""Where an authorised agent wants to hear of a request's status, and what it heard last.

The address is sealed: it is the agent's, and may hold numbers of its own.

Source: Data Rights Protocol, section 2.03.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields

from rightful.ledger.database import Database, Tx

TABLES = [
    # told: the status that was taken last, as it was sent; over: nothing more will come.
    """CREATE TABLE rights_agent_callback (
        agent TEXT NOT NULL, case_id INTEGER NOT NULL, address BLOB NOT NULL, site TEXT NOT NULL, told TEXT NOT NULL,
        tries INTEGER NOT NULL, next_us INTEGER NOT NULL, over INTEGER NOT NULL, PRIMARY KEY (agent, case_id))""",
]


@dataclass(frozen=True, slots=True)
class Callback:
    agent: str
    case_id: int
    address: bytes
    site: str
    told: str
    tries: int = 0
    next_us: int = 0
    over: int = 0


_FIELDS = ", ".join(f.name for f in fields(Callback))


class Callbacks:
    """The callbacks of one workspace."""

    def __init__(self, db: Database) -> None:
        self.db = db
        db.migrate("rights-agent-callbacks", TABLES)

    def put(self, tx: Tx, one: Callback) -> None:
        """Note it; the same agent's newest word about the same request counts."""
        tx.execute("DELETE FROM rights_agent_callback WHERE agent = ? AND case_id = ?", (one.agent, one.case_id))
        tx.insert_many("rights_agent_callback", _FIELDS, [astuple(one)])

    def due(self, now_us: int) -> list[Callback]:
        rows = self.db.query(
            f"SELECT {_FIELDS} FROM rights_agent_callback WHERE over = 0 AND next_us <= ? ORDER BY next_us, case_id",
            (now_us,),
        )
        return [Callback(*row) for row in rows]

    def keep(self, tx: Tx, one: Callback) -> None:
        """How it stands after a try."""
        tx.execute(
            "UPDATE rights_agent_callback SET told = ?, tries = ?, next_us = ?, over = ? "
            "WHERE agent = ? AND case_id = ?",
            (one.told, one.tries, one.next_us, one.over, one.agent, one.case_id),
        )
