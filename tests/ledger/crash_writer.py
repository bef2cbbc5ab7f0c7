"""Appends and says so on stdout, until it is killed. Run by test_crash.py.

A line is printed only after `append` returned: index, name of the domain row, leaf hash.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from rightful.ledger.entry import Draft, now_us
from rightful.ledger.merkle import leaf_hash
from tests.ledger.builders import Place


def main() -> None:
    root, url, run = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    home = Place(root, now_us, url)  # type: ignore[arg-type]
    ledger = home.open()
    ledger.db.migrate("event", ["CREATE TABLE event (name TEXT PRIMARY KEY, entry INTEGER NOT NULL)"])
    say = threading.Lock()
    print("ready", flush=True)

    def work(worker: int) -> None:
        turn = 0
        while True:
            turn += 1
            names = [f"{run}/{worker}/{turn}/{part}" for part in range(1 + turn % 3)]
            entries = ledger.append(
                [Draft("consent.given", {"name": n}, {"secret": n}, f"c-{worker}-{turn % 5}") for n in names],
                lambda tx, es, names=names: tx.insert_many(
                    "event", "name, entry", [(n, e.index) for n, e in zip(names, es, strict=True)]
                ),
            )
            with say:
                for name, entry in zip(names, entries, strict=True):
                    sys.stdout.write(f"{entry.index} {name} {leaf_hash(entry.leaf).hex()}\n")
                sys.stdout.flush()

    for worker in range(3):
        threading.Thread(target=work, args=(worker,), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
