"""One process that erases Ana and kills itself at a given point, as a power cut would. Run as a script."""

from __future__ import annotations

import os
import signal
import sys

from rightful.actions import erase_customer
from rightful.workspace import Workspace


def main(folder: str, point: str) -> None:
    def at(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    with Workspace.open(folder) as ws:
        open_runs = [run for run in ws.erasures.all() if run.open]
        if open_runs:
            erase_customer.resume_erasures(ws, at=at)
        else:
            erase_customer.erase_customer(ws, "17", actor="self", also=["18"], at=at)


if __name__ == "__main__":
    main(*sys.argv[1:])
