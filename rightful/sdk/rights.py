"""What an analyst holds: a connection that knows who asks and what for.

    rights = rf.connect("meadow", actor="ana@meadow.example", purpose="churn-analysis")
    answer = rights.sql("select segment, count(*) as n from customer group by segment")
    answer.df(); answer.pl(); answer.fetchall(); answer.arrow
    print(rights.last.explain())
    rights.last.receipt.verify()

Easy to get wrong: an answer is what the gate let through, not what is in the tables;
`explain()` says how many were left out and why.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rightful.actions.export_audience import Export, export_audience
from rightful.actions.keep_derived import Kept, keep_derived
from rightful.actions.use_data import decide_one, query_data
from rightful.errors import NotFound
from rightful.gate.explain import explain
from rightful.gate.request import Decision
from rightful.gate.use import Use
from rightful.workspace import Workspace

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from rightful.ledger.receipt import Receipt


def connect(workspace: str | Path, *, actor: str = "", purpose: str = "", channel: str = "") -> Rights:
    """Open a workspace as somebody, for something.

    Args:
        workspace: the folder; a bare name is also looked for below RIGHTFUL_HOME.
        actor: who asks, as listed in the staff directory; RIGHTFUL_ACTOR if empty.
        purpose: what for; may also be given with each call. Without one, every use is refused.

    Raises:
        NotFound: no such workspace.
        UnknownName: the actor is not in the directory.
    """
    folder = Path(workspace)
    home = os.environ.get("RIGHTFUL_HOME", "")
    if not (folder / "rightful.json").exists() and home:
        folder = Path(home) / workspace
    who = actor or os.environ.get("RIGHTFUL_ACTOR", "")
    ws = Workspace.open(folder)
    try:
        ws.role_of(who)
    except BaseException:
        ws.close()
        raise
    return Rights(ws, who, purpose, channel)


class Answer:
    """The rows a use gave, in whichever form you work with, and why these."""

    def __init__(self, ws: Workspace, use: Use) -> None:
        self._ws = ws
        self.use = use

    @property
    def arrow(self) -> pa.Table:
        return self.use.table

    @property
    def decision(self) -> Decision:
        return self.use.decision

    @property
    def receipt(self) -> Receipt:
        """The ledger's receipt of this use: verifies offline, with tools that are not ours."""
        return self._ws.ledger.receipt(self.use.entry.index)

    def df(self) -> pd.DataFrame:
        """As a pandas DataFrame."""
        frame: pd.DataFrame = self.arrow.to_pandas()
        return frame

    def pl(self) -> pl.DataFrame:
        """As a Polars DataFrame, without a copy."""
        import polars

        frame = polars.from_arrow(self.arrow)
        assert isinstance(frame, polars.DataFrame)
        return frame

    def relation(self) -> duckdb.DuckDBPyRelation:
        """As a DuckDB relation of an empty database of your own."""
        import duckdb

        return duckdb.connect().from_arrow(self.arrow)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row.values()) for row in self.arrow.to_pylist()]

    def explain(self) -> str:
        """How many customers may be used for this, how many were withheld, and why."""
        lines = [explain(self.decision)]
        if self.use.suppressed_groups:
            lines.append(f"  {self.use.suppressed_groups} groups were too small, or would give one away: left out")
        if self.use.rechecked_out:
            lines.append(f"  {self.use.rechecked_out} rows were taken out after the query: the customers had said no")
        return "\n".join(lines)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.arrow.__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.fetchall())

    def __len__(self) -> int:
        return int(self.arrow.num_rows)

    def __repr__(self) -> str:
        return f"<Answer: {self.arrow.num_rows:,} rows for {self.decision.request.purpose}>\n{self.arrow.slice(0, 5)}"


class Rights(AbstractContextManager["Rights"]):
    """A connection: who asks, what for, and the last answer."""

    def __init__(self, ws: Workspace, actor: str, purpose: str, channel: str) -> None:
        self.workspace = ws
        self.actor = actor
        self.purpose = purpose
        self.channel = channel
        self._last: Answer | None = None
        self._read: dict[str, set[str]] = {}  # purpose -> every field read for it here

    @property
    def last(self) -> Answer:
        """The answer of the last `sql`.

        Raises:
            NotFound: nothing has been asked yet.
        """
        if self._last is None:
            raise NotFound("nothing has been asked yet", remedy="Call sql() first")
        return self._last

    def sql(self, statement: str, *, purpose: str = "", channel: str = "", recipient: str = "") -> Answer:
        """Run one SELECT; only permitted rows and fields come back.

        Raises:
            Refused: with `code`, `article` and what to do next. Every refusal is on record.
        """
        used = query_data(
            self.workspace,
            self.actor,
            purpose or self.purpose,
            statement,
            channel=channel or self.channel,
            recipient=recipient,
        )
        self._last = Answer(self.workspace, used)
        self._read.setdefault(purpose or self.purpose, set()).update(used.decision.allowed_fields)
        return self._last

    def keep(
        self,
        made: Any,
        name: str,
        *,
        key: str = "id",
        kind: str = "score",
        sources: Sequence[str] = (),
        purpose: str = "",
        channel: str = "",
    ) -> Kept:
        """Keep a score, a segment or an extract as a governed table: a customer's later no reaches it.

        Args:
            made: a SELECT, or rows with the customer's key: Arrow, pandas, Polars, or an answer.
            sources: "table.column" it was made from; else every field this connection has read for the purpose.

        Raises:
            Refused: the purpose may not be pursued, or does not permit a source; on record.
            BadInput: a name that is taken, no key, or nothing was read that it could be made from.
        """
        aim = purpose or self.purpose
        rows = made if isinstance(made, str) else _as_arrow(made)
        return keep_derived(
            self.workspace,
            self.actor,
            aim,
            name,
            rows,
            key=key,
            kind=kind,
            channel=channel or self.channel,
            sources=tuple(sources) or tuple(sorted(self._read.get(aim, ()))),
        )

    def decide(
        self,
        customer: str,
        *fields: str,
        purpose: str = "",
        channel: str = "",
        recipient: str = "",
    ) -> Decision:
        """Whether one customer's data may be used, with every reason; recorded."""
        return decide_one(
            self.workspace,
            self.actor,
            purpose or self.purpose,
            customer,
            channel=channel or self.channel,
            recipient=recipient,
            fields=fields or None,
        )

    def campaign(self, name: str, *, purpose: str = "", channel: str = "") -> Campaign:
        """A named audience for a purpose and a channel."""
        return Campaign(self, name, purpose or self.purpose, channel or self.channel)

    def close(self) -> None:
        self.workspace.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _as_arrow(made: Any) -> pa.Table:
    """Rows of any of the frames that are first-class here."""
    import pyarrow as pa

    if isinstance(made, pa.Table):
        return made
    if hasattr(made, "__arrow_c_stream__"):
        return pa.table(made)
    return pa.Table.from_pandas(made, preserve_index=False)


class Campaign:
    """An audience that can be exported for one purpose and channel."""

    def __init__(self, rights: Rights, name: str, purpose: str, channel: str) -> None:
        self.rights = rights
        self.name = name
        self.purpose = purpose
        self.channel = channel
        self._audience = ""

    def audience(self, statement: str) -> Campaign:
        """A SELECT of customer keys; the gate decides who of them may be contacted."""
        self._audience = statement
        return self

    def export(self, recipient: str = "", *, path: str | Path | None = None) -> Export:
        """Hand over the permitted customers with the fields the purpose needs."""
        exported = export_audience(
            self.rights.workspace,
            self.rights.actor,
            self.purpose,
            self._audience,
            channel=self.channel,
            recipient=recipient,
            path=None if path is None else Path(path),
        )
        self.rights._last = Answer(self.rights.workspace, exported.use)
        return exported
