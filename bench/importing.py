"""What it costs to take in a CRM with its consent history, against a bare load of the same two files.

Base: `CREATE TABLE AS SELECT * FROM read_csv(...)` for both files into a store that is encrypted with the
same key length, cipher and library. Ours: everything else as well: checking, numbering, joining the history
to the register, the immutable segment, permission state, flags beside the rows, entries in the ledger.
"""

from __future__ import annotations

import itertools
from typing import Any

from bench.measure import Row, Scale, compared, seconds, taking_turns
from bench.world import folder, new_workspace, publish_policy, write_files
from rightful.actions import register_source
from rightful.sources.duckdb import DuckDBSource


def run(scale: Scale) -> list[Row]:
    with folder() as place:
        customers, history, events = write_files(place, scale.imported)
        proposal = register_source.propose([customers])
        looked = seconds(lambda: register_source.propose([customers]))
        turn = itertools.count()
        report: dict[str, int] = {}
        workspaces: list[Any] = []

        def prepare() -> None:
            ws = new_workspace(place / f"ours-{next(turn)}")
            publish_policy(ws)
            ws.source.catalogue()
            workspaces.append(ws)

        def ours() -> None:
            ws = workspaces[-1]
            loaded = register_source.load_files(ws, proposal, actor="engineer@bench.example", rebuild=False)
            imported = register_source.import_consents(ws, history, actor="engineer@bench.example")
            report.update(customers=loaded.customers, accepted=imported.accepted)

        def base() -> None:
            store = DuckDBSource.create(place / f"bare-{next(turn)}.duckdb", b"k" * 32)
            with store.writing() as con:
                for path in (customers, history):
                    con.execute(f"CREATE TABLE {path.stem} AS SELECT * FROM read_csv('{path}')")
            store.close()

        times = []
        for number in range(scale.long_pairs + 1):
            prepare()
            pair = taking_turns(ours, base, 1, warm_up=0)
            workspaces[-1].close()
            if number:  # the first one warms up
                times += pair
        if report != {"customers": scale.imported, "accepted": events}:
            raise AssertionError(f"the import did not take everything: {report}, {events} events")
        note = f"{scale.imported:,} customers, {events:,} consent events"
        with_proposal = [(ours_s + looked, base_s) for ours_s, base_s in times]
        return [
            compared("import", "customers and history, flags, ledger", times, 3.0, note),
            compared("import", "the same, with looking at the file and proposing", with_proposal, None, note),
        ]
